"""A network that sees images only: it cleans the zero-filled image and never looks at the measured data again."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mricourse.operators import SenseOperator


class ImageDomain(nn.Module):
    """Turn a network on images, complex (..., y, x) -> (..., y, x), into a reconstruction.

    Parameters
    ----------
    body : nn.Module
        For instance `mricourse.networks.dncnn.DnCNN` or a U-Net.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, A: SenseOperator, kspace: Tensor) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        zero_filled = A.adjoint(kspace)
        scale = brightness(zero_filled)
        return self.body(zero_filled / scale) * scale


def brightness(image: Tensor) -> Tensor:
    """Measure what a viewer would show as white, the 99 % quantile of the magnitude: (..., y, x) -> (..., 1, 1).

    Networks divide by it, so that a reconstruction does not depend on the units of the data.
    """
    magnitude = image.detach().abs().flatten(-2)
    rank = max(1, round(0.99 * magnitude.shape[-1]))
    tiny = torch.finfo(magnitude.dtype).tiny
    return magnitude.kthvalue(rank, dim=-1).values[..., None, None].clamp_min(tiny)


def noise_level(kspace: Tensor, mask: Tensor) -> Tensor:
    r"""Estimate the noise per real and imaginary part: (..., coils, ky, kx) -> (..., 1, 1), in the units of the data.

    The corners of k-space hold little but noise, and the median takes no notice of a few strong samples: magnitudes of
    noise have the median $\sigma\sqrt{2 \ln 2}$. Where every corner is empty, as after zero-filling, it is zero.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., coils, ky, kx)
    mask : bool Tensor, broadcastable to it
        True where a sample was acquired.
    """
    ny, nx = kspace.shape[-2:]
    rows = torch.cat([torch.arange(ny // 10), torch.arange(ny - ny // 10, ny)])
    columns = torch.cat([torch.arange(nx // 24), torch.arange(nx - nx // 24, nx)])
    corners = kspace[..., rows, :][..., columns].abs()
    sampled = mask.expand(*mask.shape[:-2], ny, nx)[..., rows, :][..., columns]
    median = torch.where(sampled, corners, torch.nan).flatten(-3).nanmedian(dim=-1).values.nan_to_num()
    return (median / math.sqrt(2 * math.log(2)))[..., None, None]
