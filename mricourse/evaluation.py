"""What a trained network reaches on the head that it never saw: the metrics of its card, measured once or again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import nn

from mricourse.anatomy import FILE as ANATOMIES
from mricourse.inference import repeatable
from mricourse.metrics import nmse, psnr, ssim
from mricourse.recipes import Recipe
from mricourse.scan import Scan
from mricourse.training_data import stack

if TYPE_CHECKING:
    from mricourse.checkpoints import Checkpoint

N_TEST = 24  # slices of the unseen head that a card's metrics are taken from
TEST_SEED = 1
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


def unseen_scans(recipe: Recipe, n_slices: int = N_TEST) -> Iterator[Scan]:
    """Simulate the slices of the unseen head that a card's metrics are taken from, one after another."""
    slices = recipe.slices("test", TEST_SEED)
    return (slices[i] for i in range(n_slices))


@torch.no_grad()
def evaluate(network: nn.Module, scans: Iterable[Scan], *, device: torch.device | str = "cpu") -> dict[str, float]:
    """Average PSNR in dB, SSIM and NMSE of a network, and the PSNR of the zero-filled image, over scans.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)`` in evaluation mode, on `device`.
    scans : iterable of Scan
        With maps and reference, at least one.
    device : device

    Returns
    -------
    dict with ``psnr``, ``ssim``, ``nmse``, ``psnr_zero_filled``, each to four decimals, and ``n_slices``.
    """
    scores: dict[str, list[float]] = {"psnr": [], "ssim": [], "nmse": [], "psnr_zero_filled": []}
    for scan in scans:
        [(A, kspace, reference)] = stack([scan.to(device)])
        with repeatable():
            image = network(A, kspace)[0]
        for name, measure in (("psnr", psnr), ("ssim", ssim), ("nmse", nmse)):
            scores[name].append(float(measure(image, reference[0])))
        scores["psnr_zero_filled"].append(float(psnr(A.adjoint(kspace)[0], reference[0])))
    n_slices = len(scores["psnr"])
    return {name: round(sum(values) / n_slices, 4) for name, values in scores.items()} | {"n_slices": n_slices}


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
    stated = checkpoint.card["metrics"]
    if checkpoint.card["data_sha256"] != {ANATOMIES.name: data_sha256()}:
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


@lru_cache(maxsize=1)
def data_sha256() -> str:
    """Fingerprint of the anatomies that every scan is simulated from."""
    return hashlib.sha256(ANATOMIES.read_bytes()).hexdigest()
