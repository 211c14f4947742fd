r"""A deep equilibrium network [Gilton, Ongie, Willett, IEEE TCI 7:1123, 2021; Bai, Kolter, Koltun, NeurIPS 2019].

An unrolled network with shared weights, and so many iterations that one more changes nothing: the image is a fixed
point, $x^* = f_w(x^*)$, of one of two steps,

$f_w(x) = (A^H A + \lambda I)^{-1} (A^H y + \lambda D_w(x))$, that of MoDL, $\quad
f_w(x) = D_w(x - \tau A^H (A x - y))$, the proximal gradient's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.option_checks import check_choice, check_counts, check_positive
from mricourse.networks.reconstructor import Unrolled, take_over
from mricourse.networks.spectral_norm import ContractiveDenoiser
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.fixed_point import FixedPoint, fixed_point
from mricourse.reconstruct.least_squares import Trace

STEPS = ("modl", "gradient")
LARGEST_STEP = 1.99  # of 2, up to which gradient steps bring no two images apart, for maps with sum |S|^2 up to 1
Step = Callable[[Tensor], Tensor]


class DeepEquilibrium(nn.Module, Unrolled):
    r"""Reconstruct by solving $x = f_w(x)$ to a tolerance, with the gradient of the solution.

    Nothing on the way to the fixed point is kept for the gradients: with the incoming cotangent $g$ and the Jacobian
    $J$ of $f_w$ at $x^*$, the vector $v = J^T v + g$ is another fixed point, and $v$ goes back through one application
    of $f_w$. Memory does not depend on the number of iterations.

    A fixed point need not exist. With a denoiser of a Lipschitz constant below 1 it does, there is only one, and any
    iteration finds it: neither of the two steps brings two images farther apart than $D_w$ does. The authors train with
    spectral normalisation of each layer of $N$ in $D = x + N(x)$, which bounds less than that; here ``constrained``
    makes $D_w$ a `ContractiveDenoiser`. Without it, it is a `DnCNN`, and `start_from` takes over the weights of a MoDL.

    After ``n_iterations`` the image is returned as it is. How far it is from a fixed point, the largest relative
    residual of its batch, stands in ``last_residual``, and after a backward pass in ``last_gradient_residual`` that of
    the cotangents: above the tolerance, the one is no fixed point and the other not its gradient.

    Parameters
    ----------
    step : "modl" or "gradient"
    constrained : bool
    n_features, n_layers : int
        Of the denoiser, $D_w$.
    lipschitz : float
        As in `ContractiveDenoiser`.
    n_iterations : int
        At most so many, for the image and again for the gradient.
    tolerance : float
        Of both fixed points, relative.
    n_kept : int
        As in `fixed_point`: 5 for Anderson acceleration, 1 for plain iteration.
    reg_weight, step_size : float
        $\lambda$ and $\tau$ before training; each step has one of them. $\tau$ stays at most 1.99.
    n_cg : int
        Iterations of conjugate gradients in each data consistency.

    Raises
    ------
    ValueError
        A number out of range, or another step.
    """

    def __init__(
        self,
        *,
        step: str = "modl",
        constrained: bool = True,
        n_features: int = 64,
        n_layers: int = 5,
        lipschitz: float = 0.95,
        n_iterations: int = 50,
        tolerance: float = 1e-3,
        n_kept: int = 5,
        reg_weight: float = 0.05,
        step_size: float = 1.0,
        n_cg: int = 10,
    ) -> None:
        super().__init__()
        check_choice(STEPS, step=step)
        check_counts(n_iterations=n_iterations, n_kept=n_kept, n_cg=n_cg)
        check_positive(reg_weight=reg_weight, step_size=step_size)
        if step_size >= LARGEST_STEP:
            raise ValueError(f"got step_size={step_size}; expected a number below {LARGEST_STEP}, where it can learn.")
        if not 0 < tolerance < 1:
            raise ValueError(f"got tolerance={tolerance}; expected a number above 0 and below 1, such as 1e-3.")
        sizes = {"n_features": n_features, "n_layers": n_layers}
        self.denoiser = ContractiveDenoiser(**sizes, lipschitz=lipschitz) if constrained else DnCNN(**sizes)
        self.n_iterations = n_iterations
        self.n_cg = n_cg
        self.solver = partial(fixed_point, n_kept=n_kept, n_iterations=n_iterations, tolerance=tolerance)
        self.last_residual: float | None = None
        self.last_gradient_residual: float | None = None
        number = nn.Parameter(torch.tensor(math.log(reg_weight if step == "modl" else step_size)))
        self.log_reg_weight = number if step == "modl" else None
        self.log_step_size = number if step == "gradient" else None

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        step = self.step(A, kspace)
        found = self.solver(step, A.adjoint(kspace), trace=trace)
        self.last_residual, self.last_gradient_residual = float(found.residuals[-1].max()), None

        def solve_for_gradient(*arguments: Any) -> FixedPoint:
            cotangent = self.solver(*arguments)
            self.last_gradient_residual = float(cotangent.residuals[-1].max())
            return cotangent

        return with_implicit_gradient(step, found, solve_for_gradient) if torch.is_grad_enabled() else found.image

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep $x_0$ and each $f(x_k)$, (..., y, x): only the last, the result, has a gradient."""
        images = [A.adjoint(kspace)]

        def keep(image: Tensor) -> None:
            images.append(image)
            if trace is not None:
                trace(image)

        result = self(A, kspace, trace=keep)
        return [*images[:-1], result]

    @torch.no_grad()
    def solve(self, A: SenseOperator, kspace: Tensor, *, start: Tensor | None = None, **options: float) -> FixedPoint:
        """Reconstruct from any start (..., y, x), and say how: `options` are those of `fixed_point`."""
        return self.solver(self.step(A, kspace), A.adjoint(kspace) if start is None else start, **options)

    def step(self, A: SenseOperator, kspace: Tensor) -> Step:
        """Make $f_w$ for one scan, (..., y, x) -> (..., y, x), whose weights are bounded once for all its calls."""
        zero_filled = A.adjoint(kspace)
        denoise = self.denoiser
        if isinstance(denoise, ContractiveDenoiser):
            denoise = partial(denoise, weights=denoise.weights())
        if self.log_step_size is None:
            reg_weight = self.log_reg_weight.exp()
            return lambda x: data_consistency(A, zero_filled, denoise(x), reg_weight, n_iterations=self.n_cg)
        step_size = self.log_step_size.exp().clamp_max(LARGEST_STEP)
        return lambda x: denoise(x - step_size * (A.normal(x) - zero_filled))

    def fast_parameters(self) -> list[nn.Parameter]:
        r"""$\log\lambda$ or $\log\tau$."""
        return [number for number in (self.log_reg_weight, self.log_step_size) if number is not None]

    def start_from(self, other: nn.Module) -> None:
        """Copy denoiser and number of another `DeepEquilibrium`, or of a `MoDL` where the denoiser is not constrained.

        Raises
        ------
        ValueError
            Another kind of network, or a denoiser of another size.
        """
        if not take_over([(self, other)]):
            raise ValueError(
                "the network to start from does not fit; expected a DeepEquilibrium with the same step and a denoiser "
                "of the same kind and size, or, where constrained is false, a MoDL."
            )


def with_implicit_gradient(step: Step, found: FixedPoint, solver: Callable[..., FixedPoint]) -> Tensor:
    """Give a fixed point its gradient, that of the solution of $x = f(x)$ and not of the iterations.

    Parameters
    ----------
    step : callable
        $f$, differentiable.
    found : FixedPoint
        Where the iterations ended.
    solver : callable
        ``solver(step, start)`` as `fixed_point`, for the fixed point of the cotangents.

    Returns
    -------
    Tensor, shape (..., y, x)
        ``found.image``.
    """
    image = step(found.point)
    if not image.requires_grad:
        return image
    point = found.point.detach().requires_grad_()
    again = step(point)

    def through_all_iterations(grad: Tensor) -> Tensor:
        def pulled_back(v: Tensor) -> Tensor:
            return torch.autograd.grad(again, point, v, retain_graph=True)[0] + grad

        return solver(pulled_back, grad).image

    return _WithGradient.apply(image, through_all_iterations)


class _WithGradient(torch.autograd.Function):
    """The identity, with a function of the cotangent for its backward pass."""

    @staticmethod
    def forward(ctx, image, backward):
        ctx.pull_back = backward
        return image.view_as(image)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return ctx.pull_back(grad), None
