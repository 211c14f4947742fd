r"""The undecimated wavelet transform: the details of an image at every position, so that no block is preferred."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from mricourse.physics.fourier import floating


def undecimated(x: Tensor, wavelet: str, levels: int) -> tuple[Tensor, list[list[Tensor]]]:
    """Approximation and details at every position, each (2, ..., y, x): real and imaginary parts, which add faster."""
    x = floating(x)
    coarse = torch.stack([x.real, x.imag]) if x.is_complex() else x[None]
    details = []
    for level in range(levels):
        low, high = _split(coarse, wavelet, 2**level, axis=-2)
        coarse, along_x = _split(low, wavelet, 2**level, axis=-1)
        details.append([along_x, *_split(high, wavelet, 2**level, axis=-1)])
    return coarse, details


def merged(coarse: Tensor, details: Sequence[Sequence[Tensor]], wavelet: str) -> Tensor:
    """Invert `undecimated`: parts (2, ..., y, x) of a complex image, or (1, ..., y, x), to the image (..., y, x)."""
    for level in reversed(range(len(details))):
        along_x, along_y, along_both = details[level]
        low = _merge(coarse, along_x, wavelet, 2**level, axis=-1)
        high = _merge(along_y, along_both, wavelet, 2**level, axis=-1)
        coarse = _merge(low, high, wavelet, 2**level, axis=-2)
    return torch.complex(*coarse) if len(coarse) == 2 else coarse[0]


def squared_parts(parts: Tensor) -> Tensor:
    """Squared magnitude, (..., y, x), never zero."""
    squared = parts[0].square()
    for part in parts[1:]:
        squared = torch.addcmul(squared, part, part)
    return squared.clamp_min(torch.finfo(squared.dtype).tiny)


def usable_levels(x: Tensor, wavelet: str, levels: int) -> int:
    import pywt

    return min(levels, pywt.dwt_max_level(min(x.shape[-2:]), wavelet))


def _split(image: Tensor, wavelet: str, dilation: int, *, axis: int) -> tuple[Tensor, Tensor]:
    """Low and high frequencies along an axis, at every position; the filters have holes of ``dilation`` samples."""
    low_taps, high_taps = _filters(wavelet)
    n = image.shape[axis]
    extended = _extended(image, 0, (len(low_taps) - 1) * dilation, axis)
    shifted = [extended.narrow(axis, tap * dilation, n) for tap in range(len(low_taps))]
    return _weighted_sum(low_taps, shifted), _weighted_sum(high_taps, shifted)


def _merge(low: Tensor, high: Tensor, wavelet: str, dilation: int, *, axis: int) -> Tensor:
    """Half the adjoint of `_split`, which is its inverse."""
    n = low.shape[axis]
    taps: list[float] = []
    shifted: list[Tensor] = []
    for band, filter_taps in zip((low, high), _filters(wavelet), strict=True):
        reach = (len(filter_taps) - 1) * dilation
        extended = _extended(band, reach, 0, axis)
        taps += [0.5 * tap for tap in filter_taps]
        shifted += [extended.narrow(axis, reach - tap * dilation, n) for tap in range(len(filter_taps))]
    return _weighted_sum(taps, shifted)


def _extended(image: Tensor, before: int, after: int, axis: int) -> Tensor:
    """Go on periodically at both ends of an axis."""
    n = image.shape[axis]
    pieces = [image]
    while before > 0:
        pieces.insert(0, image.narrow(axis, max(n - before, 0), min(before, n)))
        before -= n
    while after > 0:
        pieces.append(image.narrow(axis, 0, min(after, n)))
        after -= n
    return torch.cat(pieces, axis)


def _weighted_sum(weights: list[float], images: list[Tensor]) -> Tensor:
    total = weights[0] * images[0]
    for weight, image in zip(weights[1:], images[1:], strict=True):
        total.add_(image, alpha=weight)
    return total


@lru_cache
def _filters(wavelet: str) -> tuple[list[float], list[float]]:
    import pywt

    bank = pywt.Wavelet(wavelet)
    if not bank.orthogonal:
        raise ValueError(f"the wavelet is {wavelet!r}; expected an orthogonal one, such as 'haar', 'db4' or 'sym4'.")
    return bank.rec_lo, bank.rec_hi
