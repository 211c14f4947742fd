"""Several contrasts of one slice: a scan of each, and all of them at once for networks that share what they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from mricourse.physics.scan import Scan


@dataclass(frozen=True, eq=False)
class MultiContrastScan:
    """Scans of one slice in several contrasts, each with its own k-space, mask, phase and noise.

    Its tensors have an axis of contrasts before that of the coils, which operators and networks take for one more
    leading axis: `mricourse.physics.scan.stack` makes batches of these scans as of others.

    Parameters
    ----------
    scans : mapping {contrast: Scan}
        At least one; all of one matrix and number of coils, with maps, and with masks of one kind, lines or points.
    meta : dict
        What is known of all of them.

    Raises
    ------
    ValueError
        No scan, scans that differ in size, or without maps, or with and without a reference.
    """

    scans: Mapping[str, Scan]
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.scans:
            raise ValueError("got no contrast; expected a scan of each, as {'T1w': scan, 'T2w': scan}.")
        sizes = {(tuple(scan.kspace.shape), scan.mask.shape[-1]) for scan in self.scans.values()}
        if len(sizes) > 1:
            raise ValueError(
                f"the contrasts have k-space and masks of {sorted(sizes)}; expected one size: bring them to one matrix."
            )
        if any(scan.smaps is None for scan in self.scans.values()):
            raise ValueError(
                "a contrast has no maps; expected smaps in each: for one coil ones of the k-space's shape."
            )
        if len({scan.reference is None for scan in self.scans.values()}) > 1:
            raise ValueError("a contrast has no reference and another has; expected one in each, or in none.")

    @property
    def contrasts(self) -> tuple[str, ...]:
        """Their names, in the order of the tensors."""
        return tuple(self.scans)

    @property
    def shape(self) -> tuple[int, int]:
        """Matrix size (ny, nx)."""
        return next(iter(self.scans.values())).shape

    @property
    def kspace(self) -> Tensor:
        """Complex (contrasts, coils, ky, kx), zero where the mask is False."""
        return torch.stack([scan.kspace for scan in self.scans.values()])

    @property
    def smaps(self) -> Tensor:
        """Complex (contrasts, coils, y, x)."""
        return torch.stack([scan.smaps for scan in self.scans.values()])

    @property
    def mask(self) -> Tensor:
        """Bool (contrasts, 1, ky, 1) for lines, (contrasts, 1, ky, kx) for points."""
        return torch.stack([scan.mask.expand(1, self.shape[0], -1) for scan in self.scans.values()])

    @property
    def reference(self) -> Tensor | None:
        """Complex or real (contrasts, y, x), or None."""
        references = [scan.reference for scan in self.scans.values()]
        return None if references[0] is None else torch.stack(references)

    def to(self, device: torch.device | str) -> MultiContrastScan:
        """Copy every tensor to `device`; `meta` is shared."""
        return replace(self, scans={contrast: scan.to(device) for contrast, scan in self.scans.items()})
