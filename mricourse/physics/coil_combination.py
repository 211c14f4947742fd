"""Combine the images of receive coils."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import floating, squared_magnitude


def rss(coil_images: Tensor) -> Tensor:
    r"""Root sum of squares over the coils, $\sqrt{\sum_c |x_c|^2}$.

    Parameters
    ----------
    coil_images : Tensor, shape (..., coils, y, x)
        Complex or real coil images.

    Returns
    -------
    Tensor, shape (..., y, x)
        Real magnitudes in floating point, in the unit of the input.
    """
    power = squared_magnitude(floating(coil_images)).sum(dim=-3)
    positive = power > 0  # the root's gradient is infinite at zero
    return torch.where(positive, torch.where(positive, power, 1).sqrt(), 0)


def combine(coil_images: Tensor, smaps: Tensor) -> Tensor:
    r"""Combine coil images by least squares, $\sum_c S_c^* x_c / \sum_c |S_c|^2$.

    Parameters
    ----------
    coil_images : complex Tensor, shape (..., coils, y, x)
        One image per coil.
    smaps : complex Tensor, shape (..., coils, y, x)
        Sensitivity maps; where all of them are zero the result is zero.

    Returns
    -------
    image : complex Tensor, shape (..., y, x)
        The image that explains the coil images best where noise is white.
    """
    smaps = floating(smaps)
    power = squared_magnitude(smaps).sum(dim=-3)
    image = (smaps.conj() * coil_images).sum(dim=-3)
    return torch.where(power > 0, image / power.clamp_min(torch.finfo(power.dtype).tiny), 0)
