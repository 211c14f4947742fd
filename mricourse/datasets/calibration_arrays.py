"""Calibration lines in an array of their own, beside the k-space that they belong to or to be kept apart."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.physics.scan import Scan


def join_calibration(kspace: Tensor, mask: Tensor, block: Tensor) -> tuple[Tensor, Tensor, Scan | None, str]:
    """Fill in calibration lines that belong to the same acquisition; keep others apart, for the maps alone.

    They belong to it where the samples that both have agree to 1 %; where they begin is looked for.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
    mask : bool Tensor, shape (ky, 1) or (ky, kx)
    block : complex Tensor, shape (coils, at most ky, at most kx)

    Returns
    -------
    kspace, mask
        With the calibration samples, where they belong to it.
    calibration : Scan or None
        Of the separate ones.
    words : str
        What was done.
    """
    full = mask.expand(kspace.shape[-2:])
    places = _places(kspace, block)
    differences = [_disagreement(kspace, full, block, place) for place in places]
    best = min(range(len(places)), key=differences.__getitem__)
    same = differences[best] < 0.01
    rows, columns = places[best] if same else places[len(places) // 2]
    placed = torch.zeros_like(kspace)
    placed[:, rows, columns] = block
    where = (placed != 0).any(dim=0)
    lines = where.any(dim=1, keepdim=True)
    if columns == slice(0, kspace.shape[-1]):
        where = lines
    words = f"{block.shape[1]} x {block.shape[2]} calibration samples"
    if same:
        both = mask | where if mask.shape == where.shape else full | where
        return torch.where(full, kspace, placed), both, None, f"{words} filled in"
    return kspace, mask, Scan(placed, None, where), f"maps from {words} apart"


def trimmed(block: Tensor) -> Tensor:
    """Take off the lines and columns of zeros that fill calibration samples up to the size of k-space, evenly."""
    for axis in (1, 2):
        used = (block != 0).any(dim=0).any(dim=2 - axis).nonzero()[:, 0]
        n = block.shape[axis]
        reach = max(n // 2 - int(used[0]), int(used[-1]) - n // 2 + 1)
        block = block.narrow(axis, max(n // 2 - reach, 0), min(2 * reach, n))
    return block


def _places(kspace: Tensor, block: Tensor) -> list[tuple[slice, slice]]:
    """Where calibration samples may lie, moved along an axis that they do not fill; the middle place is centred."""
    n_free = [n - size for n, size in zip(kspace.shape[1:], block.shape[1:], strict=True)]
    centres = [n // 2 - size // 2 for n, size in zip(kspace.shape[1:], block.shape[1:], strict=True)]
    reach = [min(centre, free - centre) for centre, free in zip(centres, n_free, strict=True)]
    if all(n_free):
        reach = [0, 0]
    return [
        (slice(top, top + block.shape[1]), slice(left, left + block.shape[2]))
        for top in range(centres[0] - reach[0], centres[0] + reach[0] + 1)
        for left in range(centres[1] - reach[1], centres[1] + reach[1] + 1)
    ]


def _disagreement(kspace: Tensor, sampled: Tensor, block: Tensor, place: tuple[slice, slice]) -> float:
    """How far calibration samples are from those of k-space at a place, as a share; infinite where none are shared."""
    shared = sampled[place] & (block != 0).any(dim=0)
    if not bool(shared.any()):
        return math.inf
    measured = kspace[:, place[0], place[1]][:, shared]
    return float((measured - block[:, shared]).norm() / measured.norm())
