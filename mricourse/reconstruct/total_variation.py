r"""Total variation, the length of an image's gradient: its proximal point, and reconstruction with it."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import floating, squared_magnitude
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace, check_weight
from mricourse.reconstruct.proximal_gradient import Penalty, check_tolerance, minimise, real_inner, safe_step

LIPSCHITZ = 8.0  # bounds the squared norm of the gradient in two dimensions
MOST_DUAL_STEPS = 100
DUAL_STEPS = 5  # between two looks at the duality gap
GAP_OF_STEP = 0.5  # largest duality gap beside the squared step of the image, found by timing on a measured brain
GAP_OF_PENALTY = 0.3  # the same beside the penalty, in tolerances


@torch.no_grad()
def tv_reconstruction(
    A: SenseOperator,
    kspace: Tensor,
    *,
    reg_weight: float = 5e-3,
    n_iterations: int = 500,
    tolerance: float = 1e-4,
    trace: Trace | None = None,
) -> Tensor:
    r"""Reconstruct with total variation, $\min_x \frac12\lVert A x - y\rVert^2 + \lambda\lVert\nabla x\rVert_{2,1}$.

    $\lVert\nabla x\rVert_{2,1}$ sums the lengths of the complex gradients (isotropic), periodic at the edges. By FISTA,
    with the proximal point found by dual steps that go on from those of the iteration before [Beck, IEEE TIP 2009].

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reg_weight : float
        $\lambda$ relative to $\max|A^H y|$ of each image.
    n_iterations : int
        At most so many.
    tolerance : float
        Relative, of the objective, as `minimise` says; 0 for all of ``n_iterations``.
    trace : callable, optional
        Called with $x$ after every iteration.

    Returns
    -------
    complex Tensor, shape (..., y, x), in the units of the data and without a gradient.
    """
    check_weight(reg_weight)
    check_tolerance(tolerance)
    step_size = safe_step(A)
    adjoint = A.adjoint(kspace)
    weight = reg_weight * adjoint.abs().amax((-2, -1), keepdim=True)
    dual = torch.zeros_like(finite_differences(adjoint))

    def step(point: Tensor, ahead: Tensor) -> tuple[Tensor, Penalty]:
        nonlocal dual
        x, dual = _denoise(point, step_size * weight, dual, ahead, max(GAP_OF_PENALTY * tolerance, 1e-6))
        return x, lambda: weight[..., 0, 0] * total_variation(x)

    return minimise(A, kspace, step, step_size=step_size, n_iterations=n_iterations, tolerance=tolerance, trace=trace)


def total_variation(image: Tensor) -> Tensor:
    r"""Sum of the lengths of the complex gradients, $\lVert\nabla x\rVert_{2,1}$: (..., y, x) -> (...), in double."""
    return _lengths(finite_differences(image)).sum((-2, -1), dtype=torch.float64)


def finite_differences(image: Tensor) -> Tensor:
    r"""Forward differences $\nabla x$ along y and x with periodic ends: (..., y, x) -> (2, ..., y, x)."""
    image = floating(image)
    return torch.stack([image.roll(-1, dims=axis) - image for axis in (-2, -1)])


def finite_differences_adjoint(differences: Tensor) -> Tensor:
    r"""Adjoint $\nabla^H$ of `finite_differences`, minus a divergence: (2, ..., y, x) -> (..., y, x)."""
    along_y, along_x = floating(differences)
    image = along_y.roll(1, dims=-2) - along_y
    image += along_x.roll(1, dims=-1)
    image -= along_x
    return image


def _denoise(point: Tensor, weight: Tensor, dual: Tensor, ahead: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    r"""Proximal point of ``weight`` times total variation, $z - \nabla^H u$ with $|u|\le$ ``weight``, and the dual $u$.

    The duality gap bounds half the squared distance to the exact point. It is enough when the gap is small beside the
    step that the image makes, or beside the penalty.
    """
    ahead_dual = dual
    momentum = 1.0
    smallest = weight.clamp_min(torch.finfo(weight.dtype).tiny)
    for number in range(1, MOST_DUAL_STEPS + 1):
        gradient = finite_differences(point - finite_differences_adjoint(ahead_dual))
        moved = torch.add(ahead_dual, gradient, alpha=1 / LIPSCHITZ)
        following = moved.mul_(weight / torch.maximum(_lengths(moved), smallest))
        faster = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead_dual = torch.add(following, following - dual, alpha=(momentum - 1) / faster)
        dual = following
        momentum = faster
        if number % DUAL_STEPS == 0:
            x = point - finite_differences_adjoint(dual)
            gradient = finite_differences(x)
            penalty = weight[..., 0, 0] * _lengths(gradient).sum((-2, -1), dtype=torch.float64)
            gap = penalty - real_inner(dual, gradient).sum(0)
            enough = (gap <= GAP_OF_STEP * real_inner(x - ahead, x - ahead)) | (gap <= tolerance * penalty)
            if bool(enough.all()):
                break
    return x, dual


def _lengths(differences: Tensor) -> Tensor:
    """Length of the gradient at each pixel: (2, ..., y, x) -> (..., y, x)."""
    return squared_magnitude(differences).sum(0).sqrt()
