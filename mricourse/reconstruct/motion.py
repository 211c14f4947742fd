"""Undo the shifts of an object that moved between shots: found from the image alone, by its entropy."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_floating, ifft2c
from mricourse.physics.motion import shift_ramp
from mricourse.reconstruct.epi import image_entropy

STEP = 0.2  # pixels, of the first step of the search
LAST_STEP = 0.01


def remove_shifts(kspace: Tensor, *, n_shots: int, n_iterations: int = 100) -> tuple[Tensor, Tensor]:
    r"""Find the shift of each shot that gives the image of least entropy, and undo it.

    The model of `mricourse.physics.motion.scan_in_shots` without a turn, inverted exactly: each line is multiplied by
    the conjugate of its ramp. The shifts go downhill from zero by Adam. The search may end in another valley, and a
    turn of the object is left as it is.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Fully sampled, one coil; each entry of the leading axes is a scan with shifts of its own.
    n_shots : int
        Shot s has read lines s, s + n_shots, s + 2 n_shots ...
    n_iterations : int
        Steps of the search.

    Returns
    -------
    kspace : complex Tensor, shape (..., ky, kx)
        Corrected.
    shifts : real Tensor, shape (..., shots, 2)
        Towards larger y and x, in pixels; their mean over the shots is zero, since nothing in the image tells it.

    Raises
    ------
    ValueError
        Fewer than two shots, or more than there are lines.

    Source: Atkinson et al., IEEE Trans. Med. Imaging 16:903, 1997.
    """
    ny, nx = kspace.shape[-2:]
    if not 2 <= n_shots <= ny:
        raise ValueError(f"n_shots is {n_shots} for {ny} lines; expected 2 or more, and no more than there are lines.")
    kspace = complex_floating(kspace)
    shot = torch.arange(ny, device=kspace.device) % n_shots  # that has read each line
    shifts = torch.zeros(*kspace.shape[:-2], n_shots, 2, device=kspace.device, requires_grad=True)
    optimizer = torch.optim.Adam([shifts], lr=STEP)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, LAST_STEP / STEP, n_iterations)
    with torch.enable_grad():
        for _ in range(n_iterations):
            optimizer.zero_grad()
            image_entropy(ifft2c(_still(kspace, shifts, shot))).sum().backward()
            optimizer.step()
            schedule.step()
    found = (shifts - shifts.mean(-2, keepdim=True)).detach()
    return _still(kspace, found, shot), found


def _still(kspace: Tensor, shifts: Tensor, shot: Tensor) -> Tensor:
    """Undo one shift for each shot: (..., ky, kx), (..., shots, 2), (ky,) -> (..., ky, kx)."""
    of_line = (shifts - shifts.mean(-2, keepdim=True))[..., shot, :]  # (..., ky, 2)
    ramp = shift_ramp(kspace.shape[-2:], of_line[..., :1], of_line[..., 1:])
    return kspace * ramp.conj()
