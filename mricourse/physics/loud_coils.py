"""Coils that are far noisier than the others, as behind a broken preamplifier: seen in the outer k-space."""

from __future__ import annotations

import torch
from torch import Tensor

LOUD = 3  # times the noise of the median coil
FLAT = 1.5  # most that noise has in the inner ring of the outer k-space, relative to the outer one; detail has 2.6
FEWEST = 64  # samples in a ring


def loudness(kspace: Tensor, mask: Tensor) -> Tensor:
    r"""Measure how many times the noise of the median coil each coil has, for those that drown in it.

    A least-squares solution counts every coil alike, so one that holds mostly noise spoils the image, and its maps
    those of the others. Divided by this number its noise is as that of the others.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
    mask : bool Tensor, shape (ky, 1) or (ky, kx)

    Returns
    -------
    real Tensor, shape (coils,)
        1 for coils with less than 3 times the noise of the median, for those whose outer k-space falls off, as signal
        does and noise does not, and for all where too little was sampled to tell.
    """
    sampled = mask.expand(kspace.shape[-2:])
    radius = _relative_radius(sampled)
    rings = [sampled & (radius > low) & (radius <= high) for low, high in ((0.5, 0.75), (0.75, 1))]
    ones = torch.ones(len(kspace), dtype=torch.float64, device=kspace.device)
    if min(int(ring.sum()) for ring in rings) < FEWEST:
        return ones
    power = kspace.abs().double().square()
    inner, outer = (power[:, ring].mean(dim=1) for ring in rings)
    alive = outer > 0
    if not bool(alive.any()):
        return ones
    times = (outer / outer[alive].median()).sqrt()
    return torch.where((times > LOUD) & (inner < FLAT * outer), times, ones)


def _relative_radius(sampled: Tensor) -> Tensor:
    """Distance from the centre, 1 at the outermost sample along the further axis: (ky, kx)."""
    reach = []
    for axis in (1, 0):
        lines = sampled.any(dim=axis)
        distance = (torch.arange(len(lines), device=sampled.device) - len(lines) // 2).abs()
        reach.append(distance / distance[lines].max().clamp_min(1))
    return torch.maximum(reach[0][:, None], reach[1])
