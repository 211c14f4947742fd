"""Readouts that were measured over more than the field of view."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import fftc, ifftc


def crop_readout(kspace: Tensor, size: int, axis: int) -> Tensor:
    """Keep the central ``size`` pixels along an axis of k-space, as a readout without oversampling would have."""
    n = kspace.shape[axis]
    image = ifftc(kspace, dim=axis)
    return fftc(image.narrow(axis, n // 2 - size // 2, size), dim=axis)


def outer_half_is_dark(kspace: Tensor, axis: int) -> bool:
    """Whether the outer quarters of the image along an axis hold hardly more than noise, as oversampled ones do."""
    power = ifftc(kspace / kspace.abs().max(), dim=axis).abs().square().movedim(axis, -1).flatten(0, -2).sum(dim=0)
    n = len(power)
    outer = torch.cat([power[: n // 4], power[n // 4 + n // 2 :]])
    return bool(outer.max() < 0.05 * power.max())
