"""Echoes of one slice, and the maps that they are measured for: fat fraction and R2*."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mricourse.physics.multi_contrast import MultiContrastScan

PARAMETERS = ("fat fraction", "R2*")
UNITS = ("%", "1/s")  # of the maps, in their order


@dataclass(frozen=True, eq=False, kw_only=True)
class MultiEchoScan(MultiContrastScan):
    """A scan of each echo of a slice, with the fat fraction and R2* that it was simulated from.

    The contrasts are the echoes, in the order of their times. `mricourse.physics.scan.stack` makes a `MapsBatch` of
    these scans.

    Parameters
    ----------
    scans, meta :
        As in `MultiContrastScan`; ``meta["te_ms"]`` holds the echo times.
    maps : float Tensor, shape (2, y, x)
        Fat fraction in % and R2* in 1/s; zero in air, where neither means anything.
    inside : bool Tensor, shape (y, x)
        Where there is tissue. Errors are counted here alone.

    Raises
    ------
    ValueError
        Maps or an inside that do not fit the matrix, or are not finite.
    """

    maps: Tensor
    inside: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        if tuple(self.maps.shape) != (len(PARAMETERS), *self.shape) or tuple(self.inside.shape) != self.shape:
            raise ValueError(
                f"maps have shape {tuple(self.maps.shape)} and inside {tuple(self.inside.shape)}; expected "
                f"{(len(PARAMETERS), *self.shape)} and {self.shape}: {' and '.join(PARAMETERS)} of each pixel."
            )
        if self.inside.dtype != torch.bool or not bool(torch.isfinite(self.maps).all()):
            raise ValueError("inside is not bool, or maps are not finite; expected True in tissue and zeros in air.")

    def to(self, device: torch.device | str) -> MultiEchoScan:
        """Copy every tensor to `device`; `meta` is shared."""
        scans = {contrast: scan.to(device) for contrast, scan in self.scans.items()}
        return replace(self, scans=scans, maps=self.maps.to(device), inside=self.inside.to(device))
