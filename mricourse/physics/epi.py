"""Echo-planar imaging: what reading every other line backwards does to k-space."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.physics.fourier import fftc, ifftc


def nyquist_ghost(kspace: Tensor, *, phase_rad: float | Tensor, delay: float | Tensor) -> Tensor:
    r"""Read every other line backwards, with electronics that are late: the Nyquist ghost of echo-planar imaging.

    A delay along the readout is a phase ramp along $x$, so line $k_y$ at position $x$ is multiplied by
    $e^{\pm i\theta(x)/2}$, $\theta = \varphi + 2\pi\,d\,x / n_x$, plus for odd lines, minus for even ones. The image
    keeps $\cos(\theta/2)$ of its amplitude, and $\sin(\theta/2)$ appears half a field of view away. The opposite phase
    and delay undo it.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Fully sampled.
    phase_rad : float or Tensor, shape (...)
        $\varphi$ in radians; one number, or one for each scan.
    delay : float or Tensor, shape (...)
        $d$ in samples of the readout.

    Returns
    -------
    complex Tensor, shape (..., ky, kx)
        Differentiable in all three.

    Source: Bruder et al., Magn. Reson. Med. 23:311, 1992.
    """
    ny, nx = kspace.shape[-2:]
    x = torch.arange(nx, dtype=kspace.real.dtype, device=kspace.device) - nx // 2
    phase_rad, delay = (value[..., None, None] if isinstance(value, Tensor) else value for value in (phase_rad, delay))
    theta = phase_rad + 2 * math.pi * delay * x / nx
    direction = (torch.arange(ny, device=kspace.device) - ny // 2) % 2 * 2 - 1
    angle = 0.5 * direction[:, None] * theta
    turn = torch.polar(torch.ones_like(angle), angle)
    return fftc(ifftc(kspace, dim=-1) * turn.to(kspace.dtype), dim=-1)
