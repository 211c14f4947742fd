"""A network that sees images only: it cleans the zero-filled image and never looks at the measured data again."""

from __future__ import annotations

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
