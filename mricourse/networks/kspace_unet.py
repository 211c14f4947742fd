r"""A network on k-space alone [Han, Sunwoo, Ye, IEEE TMI 39:377, 2020, arXiv:1805.03779].

$\hat x = F^{-1} W^{-1} (W y + N(W y))$: a U-Net $N$ completes k-space from neighbouring samples, and the image comes
from what it completed. A convolution on k-space multiplies the image by a smooth map, so it knows nothing of edges.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.kikinet import kspace_unit
from mricourse.networks.reconstructor import Reconstructor
from mricourse.networks.unet import ComplexUNet
from mricourse.physics.coil_combination import combine
from mricourse.physics.fourier import ifft2c
from mricourse.physics.normalisation import radial_weight
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


class KSpaceUNet(nn.Module, Reconstructor):
    r"""Complete k-space by the U-Net that `ImageDomain` puts on the image, coil by coil.

    What the paper and its public code have and how it is here:

    - A U-Net of 64 features on 3 levels with biases and batch normalisation. Here it is the course's `ComplexUNet`,
      without either, so that two networks of equal size differ in the domain alone.
    - It adds to the weighted k-space, and the loss stands behind the inverse transform: both so here.
    - $W$ is the distance from the centre, whose own sample, of weight 0, is put back from the data. Here
      $W = \sqrt{1 + r^2}$ in samples, which is nowhere 0; without any weight the network would see the centre alone. It
      is divided by the root mean square of the weighted samples, so that the result follows the units of the data.
    - Eight coils are the channels of one network, made for them. Here the coils go through one by one, by the same
      weights, and are combined by their maps: any number will do, but no coil completes another, as in RAKI.
    - Samples change, as the public code changes them; `keep_samples` puts them back.

    Parameters
    ----------
    n_features, n_levels : int
        As in `mricourse.networks.unet.UNet`.
    keep_samples : bool
        Put the samples back as they were measured.

    Raises
    ------
    ValueError
        A number below 1.
    """

    def __init__(self, *, n_features: int = 8, n_levels: int = 3, keep_samples: bool = False) -> None:
        super().__init__()
        self.keep_samples = keep_samples
        self.body = ComplexUNet(n_features=n_features, n_levels=n_levels)

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        image = combine(ifft2c(self.completed(kspace, A.mask)), A.smaps)
        if trace is not None:
            trace(image)
        return image

    def completed(self, kspace: Tensor, mask: Tensor) -> Tensor:
        """Complete k-space where `mask` is False: complex (..., coils, ky, kx) -> the same, in the units of the data.

        Samples are what the network makes of them, or stay where it has `keep_samples`.
        """
        kspace = torch.where(mask, kspace, 0)  # it may hold what the mask leaves out
        scale = radial_weight(kspace) / kspace_unit(kspace, mask)
        predicted = self.body(kspace * scale) / scale
        return torch.where(mask, kspace, predicted) if self.keep_samples else predicted
