"""Where in k-space a reconstruction is right: the share that it found, ring by ring."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c
from mricourse.physics.normalisation import radial_weight


def share_found_in_rings(image: Tensor, truth: Tensor, mask: Tensor, edges: Sequence[float]) -> Tensor:
    r"""Say for each ring of k-space which share of the energy that a scan left out is right there.

    As `mricourse.evaluation.realism.share_found`: 1 where all is right, 0 for zeros, below 0 where what was put in is
    further from the truth than zeros.

    Parameters
    ----------
    image, truth : Tensor, shape (..., y, x)
        Complex or real, of one uniform coil; phases count.
    mask : bool Tensor, broadcastable to (..., ky, kx)
        True where k-space was sampled; those samples do not count.
    edges : sequence of n + 1 numbers
        Distances from the centre of k-space in samples, in ascending order.

    Returns
    -------
    real Tensor, shape (..., n)
        NaN where a ring holds nothing that was left out.

    Raises
    ------
    ValueError
        Fewer than two edges, or edges that do not ascend.
    """
    if len(edges) < 2 or any(high <= low for low, high in zip(edges[:-1], edges[1:], strict=True)):
        raise ValueError(f"edges are {list(edges)}; expected two numbers or more, each larger than the one before.")
    wanted = fft2c(truth)
    wrong = fft2c(image) - wanted
    distance = (radial_weight(wanted).square() - 1).clamp_min(0).sqrt()
    shares = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        ring = (distance >= low - 1e-3) & (distance < high - 1e-3) & ~mask
        shares.append(1 - _energy(wrong * ring) / _energy(wanted * ring))
    return torch.stack(shares, dim=-1)


def _energy(samples: Tensor) -> Tensor:
    return samples.abs().square().sum((-2, -1))
