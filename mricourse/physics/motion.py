"""Rigid motion between the shots of a scan: what a shift and a turn of the object do to k-space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c, fftc, ifft2c, ifftc


def moved(image: Tensor, position: Tensor) -> Tensor:
    r"""Move an image rigidly: turn it about its centre, then shift it.

    The rotation is three shears, each a turn of phases in k-space along one axis, so that nothing is interpolated and
    the energy stays; what leaves on one side comes in on the other.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
    position : real Tensor, shape (..., 3)
        Shift towards larger y and towards larger x, in pixels, and the angle in degrees, positive from +x to +y.
        Leading axes broadcast with those of the image.

    Returns
    -------
    complex Tensor, shape (..., y, x)
        Differentiable in both.

    Source: Eddy, Fitzgerald, Noll, Magn. Reson. Med. 36:923, 1996.
    """
    down, right, angle = position[..., None, None].unbind(-3)
    angle = torch.deg2rad(angle)
    image = _sheared(image, -torch.tan(angle / 2), along=-1)
    image = _sheared(image, torch.sin(angle), along=-2)
    image = _sheared(image, -torch.tan(angle / 2), along=-1)
    return ifft2c(fft2c(image) * shift_ramp(image.shape[-2:], down, right))


def shift_ramp(shape: Sequence[int], down: Tensor, right: Tensor) -> Tensor:
    r"""Give what a shift makes of k-space, $e^{-2\pi i (k_y d_y / n_y + k_x d_x / n_x)}$.

    Parameters
    ----------
    shape : (ny, nx)
    down, right : real Tensor, broadcastable to (..., ky, kx)
        Shift towards larger y and x in pixels; a value for each line has shape (..., ky, 1).

    Returns
    -------
    complex Tensor, shape (..., ky, kx)
    """
    ny, nx = shape
    ky = (torch.arange(ny, device=down.device) - ny // 2)[:, None]
    kx = torch.arange(nx, device=down.device) - nx // 2
    angle = -2 * torch.pi * (ky * down / ny + kx * right / nx)
    return torch.polar(torch.ones_like(angle), angle)


def scan_in_shots(image: Tensor, positions: Tensor) -> Tensor:
    """Read k-space in shots, between which the object moves: shot s reads lines s, s + n, s + 2n ... of n shots.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
    positions : real Tensor, shape (..., shots, 3)
        Where the object is in each shot, as in `moved`; it keeps still within a shot.

    Returns
    -------
    complex Tensor, shape (..., ky, kx)
        One coil of sensitivity 1, without noise.
    """
    n_shots = positions.shape[-2]
    kspace = torch.zeros_like(image)
    for shot in range(n_shots):
        kspace[..., shot::n_shots, :] = fft2c(moved(image, positions[..., shot, :]))[..., shot::n_shots, :]
    return kspace


def _sheared(image: Tensor, slope: Tensor, *, along: int) -> Tensor:
    """Shift each row (along = -1) or column (-2) by slope times its distance from the middle, in pixels."""
    n = image.shape[along]
    across = -3 - along
    frequency = torch.arange(n, device=image.device) - n // 2
    distance = torch.arange(image.shape[across], device=image.device) - image.shape[across] // 2
    product = frequency * distance[:, None] if along == -1 else frequency[:, None] * distance
    angle = -2 * torch.pi * slope * product / n
    turn = torch.polar(torch.ones_like(angle), angle)
    return ifftc(fftc(image, dim=along) * turn, dim=along)
