"""A head that moves while its lines are read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c, fftc, ifftc


def moved_along_y(image: Tensor, distance: float) -> Tensor:
    r"""Shift an image towards larger y, by a turn of its k-space, $e^{-2\pi i k_y d / n_y}$.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
    distance : float
        In pixels, parts of a pixel too; what leaves on one side comes in on the other.
    """
    ny = image.shape[-2]
    ky = torch.arange(ny, device=image.device)[:, None] - ny // 2
    return ifftc(fftc(image, dim=-2) * torch.exp(-2j * torch.pi * ky * distance / ny), dim=-2)


def scan_while_moving(image: Tensor, smaps: Tensor, mask: Tensor, distances: Sequence[float]) -> Tensor:
    """Scan an object that goes to and fro along y between coils that stay where they are, without noise.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
    smaps : complex Tensor, shape (coils, y, x)
    mask : bool Tensor, shape (ky, 1)
        Lines that are acquired, in the order of ky.
    distances : sequence of float
        Where the object is, in pixels along y, while the first acquired line is read, the second and so on; after the
        last it starts again.

    Returns
    -------
    complex Tensor, shape (..., coils, ky, kx)
        Zero where not acquired.

    Raises
    ------
    ValueError
        A mask of another shape.
    """
    ny = image.shape[-2]
    if mask.shape != (ny, 1):
        raise ValueError(f"mask has shape {tuple(mask.shape)}; expected whole lines, ({ny}, 1).")
    acquired = mask[:, 0].nonzero().flatten()
    kspace = torch.zeros_like(smaps * image.unsqueeze(-3))
    for step, distance in enumerate(distances):
        lines = acquired[step :: len(distances)]
        kspace[..., lines, :] = fft2c(smaps * moved_along_y(image, distance).unsqueeze(-3))[..., lines, :]
    return kspace
