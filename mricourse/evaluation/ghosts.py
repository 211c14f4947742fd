"""Where the ghosts of a moving object lie."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import fftc, ifftc


def ghost_distance(image: Tensor, still: Tensor) -> Tensor:
    r"""Measure how far along y the ghosts of a small periodic motion are from the object, in pixels.

    Where the object is displaced by a small $d$, a line of k-space is wrong by $-2\pi i k_y d / n_y$ times itself: a
    ghost is a copy of the object's edges along y. The error is correlated with these edges, and the distance of the
    highest peak is the answer. A period of two lines is not found, since its two ghosts meet and cancel in part.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
        Reconstructed from the lines of the moving object.
    still : complex Tensor, shape (..., y, x)
        The object at rest.

    Returns
    -------
    Tensor of whole numbers, shape (...)
    """
    ny = still.shape[-2]
    ky = torch.arange(ny, device=still.device)[:, None] - ny // 2
    edges = ky * fftc(still, dim=-2)
    error = fftc(image - still, dim=-2)
    correlation = ifftc((error * edges.conj()).sum(-1), dim=-1)
    return (correlation.abs().argmax(-1) - ny // 2).abs()
