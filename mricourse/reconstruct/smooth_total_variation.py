r"""Total variation with a rounded corner: a reconstruction without training that has a derivative.

Total variation itself has none where an image is flat. With the corner rounded below a small gradient $\mu$ the
minimum depends smoothly on the data, so that one can ask which change of the data moves it most, as of a network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import check_weight, conjugate_gradient
from mricourse.reconstruct.total_variation import finite_differences, finite_differences_adjoint

MOST_ROUNDS = 200
STEPS = 10  # of conjugate gradients in each round
STEPS_BACK = 100  # of conjugate gradients for a derivative


def smooth_tv(
    A: SenseOperator,
    kspace: Tensor,
    *,
    reg_weight: float = 3e-3,
    corner: float = 3e-3,
    tolerance: float = 1e-4,
    start: Tensor | None = None,
) -> Tensor:
    r"""Minimise $\frac12\lVert A x - y\rVert^2 + \lambda\sum_j \sqrt{|(\nabla x)_j|^2 + \mu^2}$, with its derivative.

    Each round replaces the penalty by the parabola that touches it at the last image, and takes some steps of
    conjugate gradients on that (lagged diffusivity [Vogel, SIAM J Sci Comput 1996]). The derivative is that of the
    minimum, whatever led there: with the matrix $H$ of second derivatives and an incoming cotangent $g$ it is
    $A H^{-1} g$, by implicit differentiation. There are no second derivatives, and maps get none.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reg_weight : float
        $\lambda$ relative to $\max|A^H y|$ of each image, which the derivative takes as constant.
    corner : float
        $\mu$ relative to the same: gradients well below it cost their square, those well above it their length.
    tolerance : float
        Stop when the gradient of the objective of every image is below so much of $\lVert A^H y\rVert$.
    start : complex Tensor, shape (..., y, x), optional
        Where to begin, by default at $A^H y$; it changes the time, and the result within the tolerance.

    Returns
    -------
    complex Tensor, shape (..., y, x)

    Raises
    ------
    ValueError
        A weight below 0, or a corner or tolerance that is not above 0.
    """
    check_weight(reg_weight)
    for name, value in (("corner", corner), ("tolerance", tolerance)):
        if not value > 0:
            raise ValueError(f"{name} is {value}; expected a number above 0.")
    zero_filled = A.adjoint(kspace)
    largest = zero_filled.detach().abs().amax((-2, -1), keepdim=True)
    return _Minimum.apply(zero_filled, A, reg_weight * largest, corner * largest, tolerance, start)


class _Minimum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, zero_filled, A, weight, corner, tolerance, start):
        x = zero_filled.detach() if start is None else start.detach()
        goal = tolerance * torch.linalg.vector_norm(zero_filled, dim=(-2, -1))
        for _ in range(MOST_ROUNDS):
            slopes = finite_differences(x)
            share = weight / _lengths(slopes, corner)
            downhill = zero_filled - A.normal(x) - finite_differences_adjoint(share * slopes)
            if bool((torch.linalg.vector_norm(downhill, dim=(-2, -1)) <= goal).all()):
                break
            x = x + conjugate_gradient(_parabola(A, share), downhill, n_iterations=STEPS, tolerance=0.05)
        ctx.A, ctx.weight, ctx.corner = A, weight, corner
        ctx.save_for_backward(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        second = second_derivative(ctx.A, x, ctx.weight, ctx.corner)
        nothing = torch.zeros_like(x.real[..., :1, :1])  # made of x, and so on its device in every mode
        options = {"reg_weight": nothing, "n_iterations": STEPS_BACK, "tolerance": 1e-2}
        found = conjugate_gradient(second, cotangent.contiguous(), **options)
        return found, None, None, None, None, None


def second_derivative(
    A: SenseOperator, x: Tensor, weight: float | Tensor, corner: float | Tensor
) -> Callable[[Tensor], Tensor]:
    r"""Make the function $v \mapsto H v$ of the objective of `smooth_tv` at an image.

    Parameters
    ----------
    A : SenseOperator
    x : complex Tensor, shape (..., y, x)
    weight, corner : float or Tensor (..., 1, 1)
        $\lambda$ and $\mu$ in the unit of the image.

    Returns
    -------
    callable
        Complex (..., y, x) -> (..., y, x), linear in real and imaginary part, symmetric and not below zero.
    """
    slopes = finite_differences(x)
    length = _lengths(slopes, corner)

    def apply(v: Tensor) -> Tensor:
        change = finite_differences(v)
        along = (slopes.conj() * change).real.sum(0) / length.square()
        return A.normal(v) + finite_differences_adjoint(weight / length * (change - slopes * along))

    return apply


def _parabola(A: SenseOperator, share: Tensor) -> Callable[[Tensor], Tensor]:
    def apply(v: Tensor) -> Tensor:
        return A.normal(v) + finite_differences_adjoint(share * finite_differences(v))

    return apply


def _lengths(slopes: Tensor, corner: float | Tensor) -> Tensor:
    """Lengths of the gradients with the corner rounded: (2, ..., y, x) -> (..., y, x)."""
    return (slopes.abs().square().sum(0) + corner**2).sqrt()
