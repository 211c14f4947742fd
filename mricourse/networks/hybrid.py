r"""W-net, a U-Net on k-space and one on the image it leads to [Souza, Frayne, SIBGRAPI 2019, arXiv:1810.12473].

$\hat x = D(F^{-1} \hat k)$ with $\hat k = W^{-1} (W y + N(W y))$: what is easy for one domain is left to it. A
convolution on k-space sees samples as they are measured, one on the image sees edges, and the transform in between,
which no network has to learn, lets each see all of the other.
"""

from __future__ import annotations

from torch import Tensor, nn

from mricourse.networks.image_domain import ImageDomain
from mricourse.networks.kspace_unet import KSpaceUNet
from mricourse.networks.reconstructor import Unrolled, take_over
from mricourse.networks.unet import ComplexUNet
from mricourse.physics.coil_combination import combine
from mricourse.physics.fourier import ifft2c
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


class Hybrid(nn.Module, Unrolled):
    r"""Complete k-space by one U-Net, then clean the image by another: two iterations, one in each domain.

    What the paper and its public code have and how it is here:

    - Two U-Nets on 3 levels, 48 to 256 features, max pooling, about 11 million weights. Here both are the course's
      `ComplexUNet`: the halves are `KSpaceUNet` and `ImageDomain`, so that each network alone, at twice the parameters,
      is a fair rival.
    - k-space is standardised by a mean and a deviation, the same for all scans. Here by the scan's own size, see
      `KSpaceUNet`.
    - Between them stands the magnitude of the inverse transform, so the second network and the result are real, and a
      phase is lost. Here the image stays complex; its smooth phase is turned away and back.
    - The loss looks at the completed k-space too; by which weight is not in the public module. Here
      ``deep_supervision`` of the training does that with the image in between.
    - One coil. Several are completed one by one and combined by their maps in between.
    - There is no data consistency at the end: the samples of the result are not those measured.

    Parameters
    ----------
    n_features, n_levels : int
        Of each U-Net, as in `mricourse.networks.unet.UNet`.
    keep_samples : bool
        Put the samples back, as they were measured, between the two networks.

    Raises
    ------
    ValueError
        A number below 1.
    """

    n_iterations = 2

    def __init__(self, *, n_features: int = 8, n_levels: int = 3, keep_samples: bool = False) -> None:
        super().__init__()
        self.on_kspace = KSpaceUNet(n_features=n_features, n_levels=n_levels, keep_samples=keep_samples)
        self.on_image = ImageDomain(ComplexUNet(n_features=n_features, n_levels=n_levels))

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        between = self.on_kspace(A, kspace, trace=trace)
        image = self.on_image.cleaned(between)
        if trace is not None:
            trace(image)
        return image

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep three images (..., y, x): zero-filled, behind the network on k-space, the result."""
        images = [combine(ifft2c(A.mask * kspace), A.smaps)]

        def keep(image: Tensor) -> None:
            images.append(image)
            if trace is not None:
                trace(image)

        self.forward(A, kspace, trace=keep)
        return images

    def start_from(self, other: nn.Module) -> None:
        """Copy the weights of another `Hybrid`; ValueError where they do not fit."""
        if not isinstance(other, Hybrid) or not take_over([(self, other)]):
            raise ValueError(
                "the network to start from does not fit; expected a Hybrid with as many features and levels."
            )
