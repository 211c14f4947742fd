r"""AUTOMAP: a network that learns the transform itself [Zhu, Liu, Cauley, Rosen, Rosen, Nature 555:487, 2018].

$\hat x = C(\tanh(W_2 \tanh(W_1 y)))$: every number of k-space is joined with every pixel by a weight of its own, and
convolutions $C$ clean the image. Nobody says that $F^{-1}$ stands between k-space and the image: the weights, $3 N^4$
for each part of an image of $N \times N$ pixels, have to find it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mricourse.networks.channels import to_image
from mricourse.networks.option_checks import check_counts
from mricourse.networks.reconstructor import Reconstructor
from mricourse.physics.coil_combination import combine
from mricourse.physics.fourier import ifft2c
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace

LARGEST = 256  # pixels along an axis: 26 thousand million weights


class Automap(nn.Module, Reconstructor):
    r"""Map k-space of one matrix, and of no other, to the image.

    What the paper and its public code have and how it is here:

    - A complex image is made by two networks, one for each part, trained apart; here they are trained together.
      `shared` takes one for both, because $\mathrm{Im}\, F^{-1} y = \mathrm{Re}\, F^{-1} (-i y)$: half the weights.
    - The first dense layer ends in as many units as there are pixels, as in the public code.
    - It is trained on images whose maximum is 1. Here k-space is divided by the maximum of the zero-filled magnitude
      and the image multiplied by it: tanh has a scale, and `mapped` shows what becomes of data in another one.
    - Their training multiplies each input by a number from 0.99 to 1.01, punishes the features of the second
      convolution ($\ell_1$, 0.0001) and uses RMSprop at 0.00002, 100 images a step. The course's recipes draw noise and
      lines anew and use its own loss and optimiser.
    - One coil. Several are mapped one by one, by the same weights, and combined by their maps.

    Parameters
    ----------
    shape : (ny, nx)
        The matrix, up to 256 each.
    n_features : int
        Of the convolutions.
    shared : bool
        One network for both parts, instead of one for each as published.

    Raises
    ------
    ValueError
        A number out of range; in `forward` a scan of another matrix.
    """

    def __init__(self, *, shape: Sequence[int] = (64, 64), n_features: int = 64, shared: bool = False) -> None:
        super().__init__()
        check_counts(n_features=n_features)
        if len(shape) != 2 or not all(1 <= n <= LARGEST for n in shape):
            raise ValueError(f"got shape={list(shape)}; expected ny and nx from 1 to {LARGEST}.")
        self.matrix = tuple(shape)
        self.shared = shared
        self.parts = nn.ModuleList(DomainTransform(self.matrix, n_features) for _ in range(1 if shared else 2))

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        if kspace.shape[-2:] != self.matrix:
            ny, nx = self.matrix
            raise ValueError(
                f"the scan is of {kspace.shape[-2]} x {kspace.shape[-1]} samples; expected {ny} x {nx}: this AUTOMAP "
                "has a weight for each of them and each pixel, so another matrix needs a network of its own."
            )
        kspace = torch.where(A.mask, kspace, 0)  # it may hold what the mask leaves out
        unit = ifft2c(kspace).abs().amax((-2, -1), keepdim=True)
        coil_images = self.mapped(kspace / unit.clamp_min(torch.finfo(unit.dtype).tiny)) * unit
        image = combine(coil_images, A.smaps)
        if trace is not None:
            trace(image)
        return image

    def mapped(self, kspace: Tensor) -> Tensor:
        """Map k-space as it is, in the scale of an image whose maximum is 1: complex (..., ky, kx) -> (..., y, x)."""
        turned = -1j * kspace if self.shared else kspace
        seen = [torch.view_as_real(each).reshape(-1, 2 * math.prod(self.matrix)) for each in (kspace, turned)]
        parts = [self.parts[0](seen[0]), self.parts[-1](seen[1])]
        return to_image(torch.cat(parts, dim=1), kspace)


class DomainTransform(nn.Module):
    """Two dense layers with tanh, which make one part of the image, and three convolutions, which clean it."""

    def __init__(self, shape: tuple[int, int], n_features: int) -> None:
        super().__init__()
        n_pixels = math.prod(shape)
        self.shape = shape
        self.first = nn.Linear(2 * n_pixels, n_pixels)
        self.second = nn.Linear(n_pixels, n_pixels)
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, n_features, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_features, n_features, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(n_features, 1, kernel_size=7, padding=3),
        )

    def forward(self, samples: Tensor) -> Tensor:
        """Numbers (images, 2 samples), real and imaginary part of each in turn -> (images, 1, y, x)."""
        pixels = torch.tanh(self.second(torch.tanh(self.first(samples))))
        return self.convolutions(pixels.unflatten(-1, (1, *self.shape)))


def automap_parameters(shape: Sequence[int], *, n_features: int = 64, shared: bool = False) -> int:
    r"""Count the weights of an `Automap` of any shape without making it: $6 N^4$ and little more for N x N pixels.

    Half of them where `shared`; the parameters are those of `Automap`.
    """
    n_pixels = math.prod(shape)
    dense = (2 * n_pixels + 1) * n_pixels + (n_pixels + 1) * n_pixels
    convolutions = (25 + 1) * n_features + (25 * n_features + 1) * n_features + 49 * n_features + 1
    return (dense + convolutions) * (1 if shared else 2)
