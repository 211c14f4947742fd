"""A network that sees images only: it cleans the zero-filled image and never looks at the measured data again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.reconstructor import Reconstructor
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


class ImageDomain(nn.Module, Reconstructor):
    """Turn a network on images, complex (..., y, x) -> (..., y, x), into a reconstruction.

    Parameters
    ----------
    body : nn.Module
        For instance `mricourse.networks.dncnn.DnCNN` or a U-Net.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        image = self.cleaned(A.adjoint(kspace))
        if trace is not None:
            trace(image)
        return image

    def cleaned(self, image: Tensor) -> Tensor:
        """Show the network the image at a brightness of 1 and without its smooth phase: complex (..., y, x) -> same."""
        scale = brightness(image)
        phase = smooth_phase(image)
        return self.body(image / scale * phase.conj()) * phase * scale


def brightness(image: Tensor) -> Tensor:
    """Measure what a viewer would show as white, the 99 % quantile of the magnitude: (..., y, x) -> (..., 1, 1).

    Networks divide by it, so that a reconstruction does not depend on the units of the data.
    """
    magnitude = image.abs().flatten(-2)
    rank = max(1, round(0.99 * magnitude.shape[-1]))
    tiny = torch.finfo(magnitude.dtype).tiny
    return magnitude.kthvalue(rank, dim=-1).values[..., None, None].clamp_min(tiny)


def smooth_phase(image: Tensor) -> Tensor:
    r"""Take the phase of the image's low resolution, $e^{i\varphi}$: complex (..., y, x), magnitude 1.

    Receiver, coil maps and field give every scan a smooth phase of its own, which says nothing about anatomy. Networks
    turn it away, so that what they see is nearly real, whatever the scanner, and turn it back afterwards. A Gaussian of
    1/45 of the field of view keeps about 15 lines in the centre of k-space, which are sampled without aliasing.
    """
    ny, nx = image.shape[-2:]
    rows, columns = (_gaussian(n, ny / 45, image) for n in (ny, nx))
    smooth = rows @ image @ columns
    magnitude = smooth.abs()
    most = magnitude.amax(dim=(-2, -1), keepdim=True)
    mean = torch.sgn((smooth * (magnitude / most.clamp_min(torch.finfo(magnitude.dtype).tiny))).sum((-2, -1), True))
    mean = torch.where(mean == 0, torch.ones_like(mean), mean)
    nothing = magnitude <= 1e-4 * most  # the tails of the Gaussian have no phase of their own
    return torch.where(nothing, mean, smooth / magnitude.masked_fill(nothing, 1))


def _gaussian(n: int, width: float, like: Tensor) -> Tensor:
    """Matrix that blurs a column of n pixels by a Gaussian."""
    position = torch.arange(n, device=like.device)
    return torch.exp(-((position[:, None] - position) / width).square() / 2).to(like.dtype)
