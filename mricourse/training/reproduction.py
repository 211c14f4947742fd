"""Measure the metrics of a card again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mricourse.evaluation.scores import evaluate
from mricourse.physics.scan import Scan
from mricourse.simulate.anatomy import FILE as ANATOMIES
from mricourse.simulate.anatomy import data_sha256
from mricourse.training.recipes import unseen_scans

if TYPE_CHECKING:
    from mricourse.training.checkpoints import Checkpoint


TOLERANCE_DB = 0.01  # between a card's PSNR and the same measured again


@dataclass(frozen=True)
class Reproduction:
    """The metrics of a card beside those measured again; ``str`` makes it a table."""

    name: str
    stated: dict[str, float]
    found: dict[str, float]

    @property
    def off_db(self) -> float:
        """How far the PSNR measured again is from the card's, in dB."""
        return abs(self.found["psnr"] - self.stated["psnr"])

    def __str__(self) -> str:
        lines = [f"{self.name}, {self.found['n_slices']} slices of the unseen head", f"{'':18}{'card':>9}{'now':>9}"]
        rows = {"zero-filled, dB": "psnr_zero_filled", "PSNR, dB": "psnr", "SSIM": "ssim", "NMSE": "nmse"}
        lines += [f"{words:18}{self.stated[key]:9.4f}{self.found[key]:9.4f}" for words, key in rows.items()]
        return "\n".join(lines)


def reproduce(
    checkpoint: Checkpoint, *, device: torch.device | str = "cpu", progress: Callable[[], None] | None = None
) -> Reproduction:
    """Measure the metrics of a checkpoint's card again, from the anatomies and the recipe.

    Parameters
    ----------
    checkpoint : Checkpoint
    device : device
    progress : callable, optional
        Called after each slice.

    Raises
    ------
    ValueError
        Anatomies other than those that the card was made with.
    """
    stated = checkpoint.card.metrics
    if checkpoint.card.data_sha256 != {ANATOMIES.name: data_sha256()}:
        raise ValueError(
            f"{ANATOMIES} is not what the card of {checkpoint.name} was made with (its SHA-256 differs); expected the "
            "same anatomies: restore the file, or train again."
        )

    def scans() -> Iterator[Scan]:
        for scan in unseen_scans(checkpoint.recipe, stated["n_slices"]):
            yield scan
            if progress is not None:
                progress()

    found = evaluate(checkpoint.network.to(device), scans(), device=device)
    return Reproduction(checkpoint.name, stated, found)
