"""Undo the Nyquist ghost of an echo-planar scan: two numbers, from reference lines or from the image itself."""

from __future__ import annotations

import math
from itertools import product

import torch
from torch import Tensor

from mricourse.physics.epi import nyquist_ghost
from mricourse.physics.fourier import complex_floating, floating, ifft2c, ifftc

STEPS = (1 / 4, 1 / 16, 1 / 64, 1 / 256)  # of the search, as shares of the largest phase and delay
REACH = 4  # steps to either side of the best so far


def image_entropy(image: Tensor) -> Tensor:
    r"""Measure how far an image is spread out, $-\sum_i p_i \ln p_i$ with $p_i = |x_i| / \lVert x\rVert$.

    Zero for a single point, $\frac12\sqrt{n}\ln n$ for n pixels of equal magnitude. A ghost puts energy where there was
    none, so it raises the entropy. Phases and scale of the image do not matter.

    Parameters
    ----------
    image : Tensor, shape (..., y, x)
        Complex or real.

    Returns
    -------
    real Tensor, shape (...)
        Differentiable in the image; 0 where the image is zero.

    Source: Atkinson et al., IEEE Trans. Med. Imaging 16:903, 1997.
    """
    magnitude = floating(image).abs()
    tiny = torch.finfo(magnitude.dtype).tiny
    energy = magnitude.square().sum(dim=(-2, -1), keepdim=True)
    share = magnitude / energy.clamp_min(tiny).sqrt()
    return -torch.special.xlogy(share, share.clamp_min(tiny)).sum(dim=(-2, -1))


def ghost_of_reference_lines(lines: Tensor) -> tuple[Tensor, Tensor]:
    r"""Read the phase and the delay between odd and even lines off two lines that saw the same object.

    A scanner reads the centre of k-space forth and back, without a phase encode, before the scan. The product
    $q(x) = o(x)\,\overline{e(x)}$ of both profiles has the phase $\varphi + 2\pi d x / n_x$; its slope is the angle of
    $\sum_x q(x + 1)\,\overline{q(x)}$, so no phase is unwrapped, and bright pixels count most.

    Parameters
    ----------
    lines : complex Tensor, shape (..., 2, kx)
        As an odd line and as an even line is read, in the order of kx.

    Returns
    -------
    phase_rad, delay : real Tensor, shape (...)
        As in `nyquist_ghost`; give their opposites to it to undo the ghost.

    Raises
    ------
    ValueError
        Not two lines.

    Source: Ahn, Cho, IEEE Trans. Med. Imaging 6:32, 1987, for the sum; Bruder et al., Magn. Reson. Med. 23:311, 1992.
    """
    if lines.ndim < 2 or lines.shape[-2] != 2:
        raise ValueError(f"lines have shape {tuple(lines.shape)}; expected (..., 2, kx), one odd and one even line.")
    odd, even = ifftc(complex_floating(lines), dim=-1).unbind(-2)
    product = odd * even.conj()
    slope = (product[..., 1:] * product[..., :-1].conj()).sum(-1).angle()  # radians a pixel
    nx = lines.shape[-1]
    x = torch.arange(nx, device=lines.device) - nx // 2
    turn = torch.polar(torch.ones_like(slope[..., None] * x), -slope[..., None] * x)
    return (product * turn).sum(-1).angle(), slope * nx / (2 * math.pi)


def remove_nyquist_ghost(kspace: Tensor, *, largest: float = 1.2) -> tuple[Tensor, Tensor, Tensor]:
    r"""Find the phase and the delay between odd and even lines that give the image of least entropy, and undo them.

    The model of `mricourse.physics.epi.nyquist_ghost` is inverted exactly; a grid search over both numbers refines
    itself three times. A search by gradient alone may end in another valley.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Fully sampled, one coil; each entry of the leading axes is a scan with numbers of its own.
    largest : float
        Magnitude of the largest phase, in radians, and delay, in samples, that are looked for; at most pi.

    Returns
    -------
    kspace : complex Tensor, shape (..., ky, kx)
        Corrected.
    phase_rad, delay : Tensor, shape (...)
        As in `nyquist_ghost`, right to 1/512 of `largest`.

    Raises
    ------
    ValueError
        k-space without two axes, or `largest` out of range.

    Source: the entropy of Clare, Proc. ISMRM 2003, p. 1041; the two numbers of Bruder et al., Magn. Reson. Med. 23:311,
    1992.
    """
    if kspace.ndim < 2:
        raise ValueError(f"kspace has shape {tuple(kspace.shape)}; expected (..., ky, kx).")
    if not 0 < largest <= math.pi:
        raise ValueError(f"largest is {largest}; expected more than 0 and at most pi, as 1.2.")
    kspace = complex_floating(kspace)
    scans = kspace.reshape(-1, *kspace.shape[-2:])
    ny, nx = scans.shape[-2:]
    odd_lines = ((torch.arange(ny, device=kspace.device) - ny // 2) % 2)[:, None]
    odd = ifft2c(scans * odd_lines)
    even = ifft2c(scans * (1 - odd_lines))
    ramp = 2 * math.pi * (torch.arange(nx, device=kspace.device) - nx // 2) / nx
    best = torch.zeros(2, len(scans), 1, 1, device=kspace.device)  # phase and delay of each scan
    least = torch.full((len(scans), 1, 1), math.inf, device=kspace.device)
    with torch.no_grad():
        for step in STEPS:
            centre = best
            for move in product(range(-REACH, REACH + 1), repeat=2):
                trial = centre + largest * step * torch.tensor(move, device=kspace.device)[:, None, None, None]
                turn = torch.polar(torch.ones_like(ramp), (trial[0] + trial[1] * ramp) / 2).to(kspace.dtype)
                entropy = image_entropy(turn.conj() * odd + turn * even)[:, None, None].to(least.dtype)
                best = torch.where(entropy < least, trial, best)
                least = torch.minimum(entropy, least)
    phase_rad, delay = best.reshape(2, *kspace.shape[:-2])
    return nyquist_ghost(kspace, phase_rad=-phase_rad, delay=-delay), phase_rad, delay
