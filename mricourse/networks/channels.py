"""Complex images as two real channels, which convolutions need, and back: the only place where they are that."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def to_channels(image: Tensor, *maps: Tensor) -> Tensor:
    """Write complex images as real and imaginary channel, in memory side by side, as convolutions like it.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
    maps : real Tensors, broadcastable to (..., y, x)
        Further channels.

    Returns
    -------
    real Tensor, shape (n, 2 + maps, y, x), where n counts the images

    Raises
    ------
    TypeError, ValueError
        An image that is not complex or has no pixel.
    """
    if not image.is_complex():
        raise TypeError(
            f"image is {image.dtype}; expected a complex (..., y, x): join two channels with torch.view_as_complex."
        )
    if image.ndim < 2 or not image.numel():
        raise ValueError(f"image has shape {tuple(image.shape)}; expected (..., y, x) with at least one pixel.")
    parts = torch.view_as_real(image.resolve_conj())
    if maps:
        parts = torch.cat([parts, *(each[..., None].expand(*image.shape, 1) for each in maps)], dim=-1)
    return parts.reshape(-1, *parts.shape[-3:]).permute(0, 3, 1, 2)


def to_image(channels: Tensor, like: Tensor) -> Tensor:
    """Read two channels as complex images, in shape and precision like others: (n, 2, y, x) -> (..., y, x)."""
    parts = channels.permute(0, 2, 3, 1).to(like.real.dtype).contiguous()
    return torch.view_as_complex(parts).reshape(like.shape)


def to_blocks(channels: Tensor, side: int) -> Tensor:
    """Write each block of side x side pixels as one pixel of more channels: (n, c, y, x) -> (n, c side^2, y', x').

    Sizes that `side` does not divide are filled up with zeros at the bottom and on the right, as convolutions see them.
    """
    ny, nx = channels.shape[-2:]
    missing = (-nx % side, -ny % side)
    filled = functional.pad(channels, (0, missing[0], 0, missing[1])) if any(missing) else channels
    return functional.pixel_unshuffle(filled, side)


def from_blocks(blocks: Tensor, side: int, shape: tuple[int, int]) -> Tensor:
    """Write channels as pixels again, the inverse of `to_blocks`: (n, c side^2, y', x') -> (n, c, y, x)."""
    ny, nx = shape
    return functional.pixel_shuffle(blocks, side)[..., :ny, :nx]
