r"""The variational network [Hammernik et al., MRM 79:3055, 2018]: gradient descent on a regulariser that is learned.

The regulariser is a field of experts, $R_t(x) = \sum_i \langle \Phi_i(K_i x), 1\rangle$: filters $K_i$ and potentials
$\Phi_i$, of which only the derivatives $\phi_i$ are needed. From $x_0 = A^H y$:

$x_{t+1} = x_t - \sum_i K_{t,i}^T\, \phi_{t,i}(K_{t,i}\, x_t) - \lambda_t A^H (A x_t - y)$.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from mricourse.networks.channels import to_channels, to_image
from mricourse.networks.image_domain import brightness
from mricourse.networks.option_checks import check_counts, check_positive
from mricourse.networks.radial_basis import RadialBasis
from mricourse.networks.reconstructor import Unrolled, start_iterations
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace

SLOPE = 0.04  # of all activations of an iteration together, before training


class VariationalNetwork(nn.Module, Unrolled):
    r"""Reconstruct by $T$ steps down a learned energy, each with filters, activations and $\lambda_t$ of its own.

    The default has the published 131,050 parameters. What the paper has and how it is here:

    - Filters have mean zero and norm one, so that the activations know their range. The authors project them after each
      step of their optimiser; here they are parametrised so, for any optimiser. The real and the imaginary kernel have
      mean zero each, and norm one together.
    - $\lambda_t \ge 0$: by its logarithm.
    - The activations reach from -150 to 150 in the paper's scale of the data, from -1 to 1 in the authors' later code;
      here images are divided by their `brightness`, so that the result follows the units of the data.
    - The activations begin as lines with a slope of 0.04 over the number of filters, as in that code; the paper does
      not say.
    - The authors mirror the image at its border. Here zeros surround it, and so $K^T$ is the transpose of $K$, and a
      step is the gradient of an energy.
    - The authors make the squared error of magnitudes, $\sqrt{|x|^2 + \epsilon}$, small by an inertial incremental
      proximal gradient method; here the course's losses and Adam.

    Parameters
    ----------
    n_iterations : int
        $T$.
    n_filters, kernel_size : int
        Filters in an iteration, and the side of one, odd.
    n_weights : int
        Gaussians of one activation, at least 2.
    reach : float
        Responses from -reach to reach are covered by them.
    data_weight : float
        $\lambda_t$ before training, for maps with $\sum|S|^2 \le 1$: the step on the data.

    Raises
    ------
    ValueError
        A number out of range.
    """

    adaptable = True

    def __init__(
        self,
        *,
        n_iterations: int = 10,
        n_filters: int = 48,
        kernel_size: int = 11,
        n_weights: int = 31,
        reach: float = 1.0,
        data_weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_counts(n_iterations=n_iterations, n_filters=n_filters)
        check_positive(reach=reach, data_weight=data_weight)
        if kernel_size < 3 or kernel_size % 2 == 0:
            raise ValueError(f"got kernel_size={kernel_size}; expected an odd number of 3 or more, such as 11.")
        self.n_iterations = n_iterations
        options = {"n_filters": n_filters, "kernel_size": kernel_size, "n_weights": n_weights, "reach": reach}
        self.iterations = nn.ModuleList(
            VariationalIteration(**options, data_weight=data_weight) for _ in range(n_iterations)
        )

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep every step: $x_0, x_1, ..., x_T$, each (..., y, x); the last is the result."""
        zero_filled = A.adjoint(kspace)
        scale = brightness(zero_filled)
        images = [zero_filled]
        for iteration in self.iterations:
            image = images[-1]
            misfit = A.normal(image) - zero_filled
            slope = iteration.regulariser_gradient(image / scale) * scale
            images.append(image - slope - iteration.log_data_weight.exp() * misfit)
            if trace is not None:
                trace(images[-1])
        return images

    def fast_parameters(self) -> list[nn.Parameter]:
        r"""$\log\lambda_t$."""
        return [iteration.log_data_weight for iteration in self.iterations]

    def start_from(self, other: nn.Module) -> None:
        """Copy the iterations of another `VariationalNetwork`; ValueError where they do not fit."""
        start_iterations(self.iterations, other)


class VariationalIteration(nn.Module):
    r"""What one iteration learns: kernels (filters, 2, height, width), activations, and $\lambda_t$."""

    def __init__(self, *, n_filters: int, kernel_size: int, n_weights: int, reach: float, data_weight: float) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(n_filters, 2, kernel_size, kernel_size) / kernel_size)
        self.activation = RadialBasis(n_filters, n_weights=n_weights, reach=reach, slope=SLOPE / n_filters)
        self.log_data_weight = nn.Parameter(torch.tensor(math.log(data_weight)))

    def filters(self) -> Tensor:
        """Give the kernels as they are used, mean zero and norm one: real (filters, 2, height, width)."""
        centred = self.kernels - self.kernels.mean((-2, -1), keepdim=True)
        energy = centred.square().sum((1, 2, 3), keepdim=True)
        return centred / energy.clamp_min(1e-20).sqrt()  # a constant kernel has none

    def regulariser_gradient(self, image: Tensor) -> Tensor:
        r"""Give $\sum_i K_i^T \phi_i(K_i x)$: complex (..., y, x), of brightness 1, to the same."""
        filters = self.filters()
        margin = filters.shape[-1] // 2
        responses = functional.conv2d(to_channels(image), filters, padding=margin)
        active = self.activation(responses.to(image.real.dtype))
        return to_image(functional.conv_transpose2d(active, filters, padding=margin), image)
