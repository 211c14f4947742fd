r"""Orthonormal wavelet transforms of images, on the device of the image and with gradients.

The conventions are those of PyWavelets in its mode ``periodization`` [Lee, JOSS 2019], and so are the results. A filter
bank along one axis is written as one small matrix that multiplies every window of the image, which is fast on a CPU and
on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from mricourse.physics.fourier import floating

_BLOCK = 8  # coefficients that one window makes; more would multiply by more zeros, fewer start more products


def wavedec2(image: Tensor, wavelet: str = "db2", *, levels: int = 4) -> list[Tensor]:
    r"""Decompose an image by a periodic two-dimensional wavelet transform [Mallat, IEEE TPAMI 1989].

    Each level splits the approximation of the level before into one of half its size and three bands of details, by a
    low-pass and a high-pass filter along y and along x. The transform is orthonormal where both sizes divide by
    $2^{levels}$. An axis of odd length is extended by its last sample, and then it is not.

    Parameters
    ----------
    image : real or complex Tensor, shape (..., y, x)
    wavelet : str
        An orthogonal wavelet by its name in PyWavelets, such as ``haar``, ``db4`` or ``sym4``.
    levels : int
        0 or more.

    Returns
    -------
    list of Tensor
        The approximation, shape (..., y, x), then the details of each level from the coarsest to the finest, shape
        (3, ..., y, x): high frequencies along y, along x and along both, in the order of ``pywt.wavedec2``.

    Raises
    ------
    ValueError
        An image without two axes or without pixels, levels below 0, a wavelet that is unknown or not orthogonal.
    """
    if image.ndim < 2 or 0 in image.shape:
        raise ValueError(f"the image has shape {tuple(image.shape)}; expected (..., y, x) with at least one pixel.")
    if levels < 0:
        raise ValueError(f"levels is {levels}; expected 0 or more, such as 4.")
    image = floating(image)
    details = []
    for _ in range(levels):
        along_y = _filtered(_even(_even(image, -2), -1), -2, wavelet, inverse=False)
        along_both = _filtered(along_y.unflatten(0, (-1, 2)), -1, wavelet, inverse=False)
        bands = along_both.unflatten(0, (-1, 2)).movedim((1, 3, 2, 0), (0, 1, -2, -1))  # (x band, y band, ..., y, x)
        image = bands[0, 0]
        details.append(bands.flatten(0, 1)[1:])
    return [image, *reversed(details)]


def waverec2(coefficients: Sequence[Tensor], wavelet: str = "db2") -> Tensor:
    """Put an image together again from what `wavedec2` made of it, or from changed coefficients.

    Parameters
    ----------
    coefficients : list of Tensor
        The approximation (..., y, x) and the details (3, ..., y, x) of each level, from the coarsest to the finest.
    wavelet : str
        The one that decomposed.

    Returns
    -------
    image : Tensor, shape (..., y, x)
        Twice the size of the finest details: one sample more than the image had along an axis of odd length.

    Raises
    ------
    ValueError
        Details whose shape does not follow from the level before.
    """
    image, *details = coefficients
    for bands in details:
        ny, nx = bands.shape[-2:]
        extended = (image.shape[-2] - ny, image.shape[-1] - nx)  # by the sample that makes an odd axis even
        if bands.shape[:-2] != (3, *image.shape[:-2]) or not set(extended) <= {0, 1}:
            raise ValueError(
                f"an approximation of shape {tuple(image.shape)} is followed by details of shape "
                f"{tuple(bands.shape)}; expected {(3, *image.shape)}."
            )
        four = torch.cat([image[None, ..., :ny, :nx], bands]).unflatten(0, (2, 2))  # (x band, y band, ..., y, x)
        along_y = _filtered(four.movedim(1, -3).flatten(-3, -2), -2, wavelet, inverse=True)
        along_both = _filtered(along_y.movedim(1, -2).flatten(-2), -1, wavelet, inverse=True)
        image = along_both.movedim((1, 0), (-2, -1))
    return image


def wavelet_image(coefficients: Sequence[Tensor]) -> Tensor:
    """Lay out the coefficients of `wavedec2` as one image: the approximation in its corner, the details around it.

    Parameters
    ----------
    coefficients : list of Tensor
        The approximation (..., y, x) and the details (3, ..., y, x) of each level, whose sizes double: those of an
        image that divides by 2 at every level.

    Returns
    -------
    Tensor, shape (..., y, x)
        High frequencies along y below, along x on the right.
    """
    image, *details = coefficients
    for along_y, along_x, along_both in details:
        above = torch.cat([image, along_x], -1)
        below = torch.cat([along_y, along_both], -1)
        image = torch.cat([above, below], -2)
    return image


def _even(image: Tensor, axis: int) -> Tensor:
    """Repeat the last sample of an axis of odd length."""
    return torch.cat([image, image.narrow(axis, image.shape[axis] - 1, 1)], axis) if image.shape[axis] % 2 else image


def _filtered(x: Tensor, axis: int, wavelet: str, *, inverse: bool) -> Tensor:
    """Apply the filter bank or its inverse along one axis, which comes first in the result.

    The bank gives pairs of a low and a high frequency; the inverse takes all low frequencies, then all high ones.
    """
    x = x.movedim(axis, 0)
    matrices, order = _bank(wavelet, len(x), inverse, x.real.dtype, x.device)
    rows = x.index_select(0, order)
    rows = torch.view_as_real(rows) if x.is_complex() else rows
    _, block, window = matrices.shape
    windows = rows.flatten(1).unfold(0, window, block).mT  # (blocks, window, everything else)
    filtered = torch.bmm(matrices, windows).view(len(x), *rows.shape[1:])
    return torch.view_as_complex(filtered) if x.is_complex() else filtered


@lru_cache
def _bank(wavelet: str, n: int, inverse: bool, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Matrices (blocks, block, window) that filter an axis of n samples, and the samples that the windows overlap on.

    Coefficient k of a band is the sum over j of filter[j] times sample 2k + j + 1 - L/2, with filters of length L. The
    inverse of an orthonormal transform is its transpose.
    """
    import pywt

    bank = pywt.Wavelet(wavelet)
    if not bank.orthogonal:
        raise ValueError(f"the wavelet is {wavelet!r}; expected an orthogonal one, such as 'haar', 'db4' or 'sym4'.")
    filters = torch.tensor([bank.dec_lo, bank.dec_hi], dtype=torch.float64).flip(1)
    length = bank.dec_len
    block = math.gcd(n, _BLOCK)
    margin = 2 * (length // 4) if inverse else length // 2 - 1
    rows = torch.arange(block)[:, None]
    columns = torch.arange(-margin, block + margin)
    coefficient, sample = (columns, rows) if inverse else (rows, columns)
    tap = sample + length // 2 - 1 - 2 * (coefficient // 2)
    inside = (tap >= 0) & (tap < length)
    matrix = torch.where(inside, filters[coefficient % 2, tap.clamp(0, length - 1)], 0)
    order = torch.arange(-margin, n + margin) % n  # the axis, extended periodically
    if inverse:
        order = order // 2 + order % 2 * (n // 2)  # each high frequency behind its low one
    return matrix.to(device, dtype).expand(n // block, -1, -1), order.to(device)
