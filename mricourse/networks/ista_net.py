r"""ISTA-Net+: iterative shrinkage whose sparsifying transform is learned [Zhang, Ghanem, CVPR 2018, arXiv:1706.07929].

Each iteration takes a gradient step on the data, then cleans what it found by a soft threshold behind a learned
transform $H$, of which $\tilde H$ should be the inverse; $D$ and $G$ are one convolution each:

$r_k = x_{k-1} - \tau_k A^H (A x_{k-1} - y)$, $\quad
x_k = r_k + G_k\, \tilde H_k\, \mathrm{soft}(H_k D_k r_k, \theta_k)$.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mricourse.networks.channels import to_channels, to_image
from mricourse.networks.image_domain import brightness
from mricourse.networks.option_checks import check_counts, check_positive
from mricourse.networks.reconstructor import Unrolled, start_iterations
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


class ISTANet(nn.Module, Unrolled):
    r"""Reconstruct by $K$ learned iterations of shrinkage, each with weights of its own.

    Published for real images and one operator: 9 iterations of 32 features, 37,442 parameters each. Complex images have
    two channels in place of one, which makes 38,018. $\tau_k$ and $\theta_k$ stay positive through their logarithms,
    and images are divided by their `brightness`, so that $\theta_k$ has no unit and the result follows the data's; the
    authors scale images to a maximum of 1. The last convolution $G_k$ begins at a tenth of Xavier's weights, theirs at
    all of them. The symmetry loss is `mricourse.training.objectives.Symmetry`.

    Parameters
    ----------
    n_iterations : int
        $K$.
    n_features : int
        Channels of the transform.
    step_size : float
        $\tau_k$ before training, for maps with $\sum|S|^2 \le 1$.
    threshold : float
        $\theta_k$ before training, in units of the code $H D r$ of an image with a brightness of 1.

    Raises
    ------
    ValueError
        A number out of range.
    """

    adaptable = True

    def __init__(
        self, *, n_iterations: int = 9, n_features: int = 32, step_size: float = 0.5, threshold: float = 0.01
    ) -> None:
        super().__init__()
        check_counts(n_iterations=n_iterations, n_features=n_features)
        check_positive(step_size=step_size, threshold=threshold)
        self.n_iterations = n_iterations
        self.iterations = nn.ModuleList(ISTAIteration(n_features, step_size, threshold) for _ in range(n_iterations))

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep every step: $x_0, r_1, x_1, r_2, ..., x_K$, each (..., y, x); the last is the result."""
        zero_filled = A.adjoint(kspace)
        scale = brightness(zero_filled)
        images = [zero_filled]
        for iteration in self.iterations:
            stepped = iteration.gradient_step(A, zero_filled, images[-1])
            images += [stepped, iteration.cleaned(stepped / scale) * scale]
            if trace is not None:
                trace(images[-1])
        return images

    def opened(self, A: SenseOperator, kspace: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        r"""Reconstruct, and measure on the way by how much $\tilde H_k H_k$ is not the identity.

        Returns
        -------
        images : list of complex Tensor, shape (..., y, x)
            As `iterates`.
        defects : list of real Tensor, shape (images, features, y, x)
            $\tilde H_k H_k D_k r_k - D_k r_k$ of each iteration, in the units of the data.
        """
        zero_filled = A.adjoint(kspace)
        scale = brightness(zero_filled)
        images = [zero_filled]
        defects = []
        for iteration in self.iterations:
            stepped = iteration.gradient_step(A, zero_filled, images[-1])
            cleaned, defect = iteration.opened(stepped / scale)
            images += [stepped, cleaned * scale]
            defects.append(defect * scale.reshape(-1, 1, 1, 1))
        return images, defects

    def fast_parameters(self) -> list[nn.Parameter]:
        r"""$\log\tau_k$ and $\log\theta_k$."""
        return [number for each in self.iterations for number in (each.log_step_size, each.log_threshold)]

    def start_from(self, other: nn.Module) -> None:
        """Copy the iterations of another `ISTANet`, each to those that it served; ValueError where they do not fit."""
        start_iterations(self.iterations, other)


class ISTAIteration(nn.Module):
    r"""One iteration: its convolutions of 3 x 3 without biases, $\tau_k$ and $\theta_k$."""

    def __init__(self, n_features: int, step_size: float, threshold: float) -> None:
        super().__init__()
        sizes = {
            "lift": (2, n_features),
            "forward_first": (n_features, n_features),
            "forward_second": (n_features, n_features),
            "backward_first": (n_features, n_features),
            "backward_second": (n_features, n_features),
            "lower": (n_features, 2),
        }
        for name, (n_in, n_out) in sizes.items():
            convolution = nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False)
            nn.init.xavier_normal_(convolution.weight)
            self.add_module(name, convolution.to(memory_format=torch.channels_last))
        with torch.no_grad():  # begin as plain gradient steps
            self.lower.weight.mul_(0.1)
        self.log_step_size = nn.Parameter(torch.tensor(math.log(step_size)))
        self.log_threshold = nn.Parameter(torch.tensor(math.log(threshold)))

    def gradient_step(self, A: SenseOperator, zero_filled: Tensor, image: Tensor) -> Tensor:
        r"""Give $r = x - \tau (A^H A x - A^H y)$: complex (..., y, x) -> (..., y, x)."""
        return image - self.log_step_size.exp() * (A.normal(image) - zero_filled)

    def cleaned(self, image: Tensor) -> Tensor:
        r"""Give $r + G \tilde H\, \mathrm{soft}(H D r, \theta)$: complex (..., y, x) -> (..., y, x)."""
        return self._cleaned(image, self.transform(self.lift(to_channels(image))))

    def code(self, image: Tensor) -> Tensor:
        r"""Give $H D r$ of images with a brightness of 1: complex (..., y, x) -> real (..., features, y, x)."""
        code = self.transform(self.lift(to_channels(image)))
        return code.reshape(*image.shape[:-2], *code.shape[-3:])

    def decode(self, code: Tensor) -> Tensor:
        r"""Give $G \tilde H$ of a code: real (..., features, y, x) -> complex (..., y, x)."""
        channels = self.lower(self.inverse(code.reshape(-1, *code.shape[-3:])))
        like = torch.empty(*code.shape[:-3], *code.shape[-2:], dtype=code.dtype.to_complex(), device=code.device)
        return to_image(channels, like)

    def opened(self, image: Tensor) -> tuple[Tensor, Tensor]:
        r"""Give what `cleaned` gives, and $\tilde H H D r - D r$, real (images, features, y, x)."""
        features = self.lift(to_channels(image))
        code = self.transform(features)
        defect = self.inverse(code).to(image.real.dtype) - features
        return self._cleaned(image, code), defect

    def _cleaned(self, image: Tensor, code: Tensor) -> Tensor:
        threshold = self.log_threshold.exp().to(code.dtype)
        shrunk = code - code.clamp(-threshold, threshold)  # the soft threshold of real numbers
        return image + to_image(self.lower(self.inverse(shrunk)), image)

    def transform(self, features: Tensor) -> Tensor:
        """Apply $H$: (images, features, y, x) to the same."""
        return self.forward_second(self.forward_first(features).relu())

    def inverse(self, code: Tensor) -> Tensor:
        r"""Apply $\tilde H$: (images, features, y, x) to the same."""
        return self.backward_second(self.backward_first(code).relu())
