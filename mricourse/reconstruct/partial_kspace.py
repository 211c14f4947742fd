"""Images from a little more than half of k-space, with the phase that the lines around the centre show."""

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c, ifft2c


def partial_fourier(kspace: Tensor, mask: Tensor, phase: Tensor, *, n_iterations: int = 20) -> Tensor:
    r"""Fill missing samples by projections onto convex sets: along the phase, and through the measured samples.

    Each iteration keeps of the image what lies along the phase, $e^{i\varphi}\,\mathrm{Re}(e^{-i\varphi} m)$, and then
    puts the measured samples back. It starts from the zero-filled k-space.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Zero where not sampled, any unit.
    mask : bool Tensor, broadcastable to (..., ky, kx)
        True where sampled.
    phase : Tensor, shape (..., y, x)
        Phase of the image in rad, smooth, usually that of the symmetrically sampled centre alone.
    n_iterations : int
        How often both steps are done; 0 gives the zero-filled image.

    Returns
    -------
    complex Tensor, shape (..., y, x), in the unit of `kspace`.

    Raises
    ------
    ValueError
        If the number of iterations is negative.

    Source: Haacke et al., J Magn Reson 92:126, 1991.
    """
    if n_iterations < 0:
        raise ValueError(f"n_iterations is {n_iterations}; expected 0 or more.")
    turn = torch.exp(1j * phase)
    estimate = kspace
    for _ in range(n_iterations):
        along = turn * (turn.conj() * ifft2c(estimate)).real
        estimate = torch.where(mask, kspace, fft2c(along))
    return ifft2c(estimate)
