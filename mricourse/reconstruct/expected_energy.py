r"""The best linear reconstruction of one coil, if one is told how bright each pixel is to be expected."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import fftc, ifftc


def known_energy(kspace: Tensor, mask: Tensor, energy: Tensor, noise_std: float, reach: int | None = None) -> Tensor:
    r"""Reconstruct one coil from lines along kx: $x = E F^H M\,(M F E F^H M + 2\sigma^2 I)^{-1} y$.

    Among all linear methods it has the least mean squared error, if pixels are independent of one another with
    variances $E$. Where $E$ is one inside an object and nearly zero outside, it knows the object's support and nothing
    else. With a `reach` it sees what a network on k-space of that reach sees: measured lines stay as they are, and each
    missing line is the best weighted sum of the measured ones at most `reach` lines away (zero if there is none).

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Of one uniform coil.
    mask : bool Tensor, shape (..., ky, 1)
        True for lines that were measured.
    energy : real Tensor, shape (..., y, x)
        Expected squared magnitude of each pixel, above 0.
    noise_std : float
        Of real and imaginary part, above 0.
    reach : int, optional
        In lines of ky, 1 or more; without it all measured lines are used for every pixel.

    Returns
    -------
    complex Tensor, shape (..., y, x)

    Raises
    ------
    ValueError
        Another mask than of whole lines, an energy or noise that is not above 0, or a reach below 1.
    """
    if mask.shape[-1] != 1 or mask.shape[-2] != kspace.shape[-2]:
        raise ValueError(f"mask has shape {tuple(mask.shape)}; expected (..., ky, 1): whole lines along kx.")
    if not bool((energy > 0).all()) or not noise_std > 0:
        raise ValueError("energy and noise_std came with zeros or less; expected numbers above 0.")
    if reach is not None and reach < 1:
        raise ValueError(f"reach = {reach}; expected 1 line or more.")
    F = fftc(torch.eye(kspace.shape[-2], dtype=kspace.dtype, device=kspace.device), dim=0)  # (ky, y)
    lines = ifftc(kspace, dim=-1)  # (..., ky, x): every column on its own
    batch = kspace.shape[:-2]
    stacks = [part.expand(*batch, *part.shape[-2:]).reshape(-1, *part.shape[-2:]) for part in (lines, mask, energy)]
    images = []
    for y, rows, bright in zip(*stacks, strict=True):
        measured = rows[:, 0]
        if reach is None:
            images.append(_columns(y[measured], F[measured], bright.to(F.dtype), noise_std))
        else:
            images.append(_nearby(y, measured, F, bright.to(F.dtype), noise_std, reach))
    return torch.stack(images).reshape(*batch, *images[0].shape)


def _columns(measured: Tensor, F: Tensor, energy: Tensor, noise_std: float) -> Tensor:
    """Solve for all columns of one image: measured (lines, x), their rows of F (lines, y), energy (y, x) -> (y, x)."""
    spread = F * energy.T.unsqueeze(-2)  # (x, lines, y)
    noise = 2 * noise_std**2 * torch.eye(len(F), dtype=F.dtype, device=F.device)
    solved = torch.linalg.solve(spread @ F.mH + noise, measured.T.unsqueeze(-1))  # (x, lines, 1)
    return (spread.mH @ solved)[..., 0].T


def _nearby(y: Tensor, measured: Tensor, F: Tensor, energy: Tensor, noise_std: float, reach: int) -> Tensor:
    """Fill each missing line from measured ones within reach: lines (ky, x), bool (ky,) -> image (y, x)."""
    together = (F * energy.T.unsqueeze(-2)) @ F.mH  # (x, ky, ky): how lines of one column go together
    numbers = torch.arange(len(y), device=y.device)
    filled = torch.where(measured[:, None], y, 0)
    for line in numbers[~measured].tolist():
        near = numbers[measured & ((numbers - line).abs() <= reach)]
        if len(near):
            noise = 2 * noise_std**2 * torch.eye(len(near), dtype=F.dtype, device=F.device)
            among = together[:, near[:, None], near] + noise  # (x, near, near)
            solved = torch.linalg.solve(among, y[near].T.unsqueeze(-1))  # (x, near, 1)
            filled[line] = (together[:, line, near].unsqueeze(-2) @ solved)[:, 0, 0]
    return ifftc(filled, dim=0)
