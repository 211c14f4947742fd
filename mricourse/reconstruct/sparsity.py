r"""Compressed sensing: wavelet sparsity by FISTA, total variation by a primal-dual method."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.physics.fourier import floating
from mricourse.physics.operators import LinearOperator, SenseOperator
from mricourse.reconstruct.least_squares import Trace, check_weight
from mricourse.reconstruct.wavelets import wavedec2, waverec2


def soft_threshold(x: Tensor, threshold: float | Tensor) -> Tensor:
    r"""Shrink magnitudes by ``threshold`` and keep phases: the proximal operator of $t\lVert x\rVert_1$, any shape."""
    x = floating(x)
    magnitude = x.abs()
    return x * ((magnitude - threshold).clamp_min(0) / magnitude.clamp_min(torch.finfo(magnitude.dtype).tiny))


def fista(
    A: LinearOperator,
    kspace: Tensor,
    prox: Callable[[Tensor, float], Tensor],
    *,
    step_size: float = 1.0,
    n_iterations: int = 100,
    trace: Trace | None = None,
) -> Tensor:
    r"""Minimise $\frac12\lVert A x - y\rVert^2 + R(x)$ by FISTA [Beck, SIAM J Imaging Sci 2009].

    Parameters
    ----------
    prox : callable
        ``prox(x, step_size)`` returns the proximal point of ``step_size`` times $R$.
    step_size : float
        At most 1 over the largest eigenvalue of $A^H A$; for maps with $\sum|S|^2 \le 1$ that is 1.

    Returns
    -------
    complex Tensor, shape (..., y, x).
    """
    if not step_size > 0:
        raise ValueError(
            f"step_size is {step_size}; expected more than 0, at most 1 over the largest eigenvalue of A^H A."
        )
    rhs = A.adjoint(kspace)
    x = torch.zeros_like(rhs)
    ahead, momentum = x, 1.0
    for _ in range(n_iterations):
        gradient = A.normal(ahead) - rhs
        previous, x = x, prox(ahead - step_size * gradient, step_size)
        faster = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = x + (momentum - 1) / faster * (x - previous)
        momentum = faster
        if trace is not None:
            trace(x)
    return x


def wavelet_prox(
    x: Tensor, threshold: float | Tensor, *, wavelet: str = "db2", levels: int = 4, shift: tuple[int, int] = (0, 0)
) -> Tensor:
    r"""Soft-threshold the wavelet details of an image: the proximal operator of $t\lVert \Psi x\rVert_1$.

    The transform is that of `wavedec2`. It is orthonormal for sizes that divide by $2^{levels}$; others are extended by
    zeros first. The coarsest approximation, which is not sparse, is left alone.

    Parameters
    ----------
    x : complex Tensor, shape (..., y, x)
    threshold : float, or real Tensor of shape (..., 1, 1)
        In the units of ``x``; one number for all images or one for each.
    shift : (int, int)
        Circular shift in pixels before the transform and back after it; drawn anew in each iteration, it averages the
        blocks of the decimated transform away [Figueiredo, IEEE TIP 2003].
    """
    import pywt

    ny, nx = x.shape[-2:]
    levels = min(levels, pywt.dwt_max_level(min(ny, nx), wavelet))  # deeper ones hold nothing but the border
    padded = torch.nn.functional.pad(x, (0, -nx % 2**levels, 0, -ny % 2**levels))
    coarse, *details = wavedec2(padded.roll(shift, dims=(-2, -1)), wavelet, levels=levels)
    shrunk = [soft_threshold(bands, threshold) for bands in details]
    image = waverec2([coarse, *shrunk], wavelet).roll((-shift[0], -shift[1]), dims=(-2, -1))
    return image[..., :ny, :nx]


@torch.no_grad()
def wavelet_reconstruction(
    A: SenseOperator,
    kspace: Tensor,
    *,
    reg_weight: float = 3e-3,
    n_iterations: int = 60,
    wavelet: str = "db2",
    levels: int = 4,
    random_shifts: bool = True,
    seed: int = 0,
    trace: Trace | None = None,
) -> Tensor:
    r"""Minimise $\frac12\lVert A x - y\rVert^2 + \lambda\lVert\Psi x\rVert_1$, by FISTA.

    Compressed sensing as in [Lustig, MRM 2007]; shapes (..., coils, ky, kx) -> (..., y, x), in the units of the data.
    ``reg_weight`` is $\lambda$ relative to $\max|A^H y|$ of each image, so it does not depend on the scale.
    Without ``random_shifts`` every iteration minimises the same objective; with them the image is better.
    Gradients do not flow through it.
    """
    check_weight(reg_weight)
    threshold = reg_weight * A.adjoint(kspace).abs().amax((-2, -1), keepdim=True)
    generator = torch.Generator().manual_seed(seed)

    def prox(x: Tensor, step: float) -> Tensor:
        shift = torch.randint(2**levels, (2,), generator=generator).tolist() if random_shifts else (0, 0)
        return wavelet_prox(x, step * threshold, wavelet=wavelet, levels=levels, shift=tuple(shift))

    return fista(A, kspace, prox, step_size=_safe_step(A), n_iterations=n_iterations, trace=trace)


@torch.no_grad()
def tv_reconstruction(
    A: SenseOperator, kspace: Tensor, *, reg_weight: float = 5e-3, n_iterations: int = 100, trace: Trace | None = None
) -> Tensor:
    r"""Reconstruct with total variation, $\min_x \frac12\lVert A x - y\rVert^2 + \lambda\lVert\nabla x\rVert_{2,1}$.

    Primal-dual iteration with the smooth term handled by its gradient [Condat, J Optim Theory Appl 2013; Vu, 2013];
    $\lVert\nabla x\rVert_{2,1}$ sums the lengths of the complex gradients (isotropic), periodic at the edges.
    ``reg_weight`` is $\lambda$ relative to $\max|A^H y|$ of each image. Returns (..., y, x) in the units of the data.
    Gradients do not flow through it.
    """
    check_weight(reg_weight)
    rhs = A.adjoint(kspace)
    bound = reg_weight * rhs.abs().amax((-2, -1), keepdim=True)
    lipschitz = 1 / _safe_step(A)
    dual_step = (
        1 / 32
    )  # found by timing on a brain; any value converges, since 8 bounds the squared norm of the gradient
    primal_step = 0.99 / (lipschitz / 2 + 8 * dual_step)
    x, dual = torch.zeros_like(rhs), torch.zeros_like(finite_differences(rhs))
    for _ in range(n_iterations):
        descent = A.normal(x) - rhs + finite_differences_adjoint(dual)
        previous, x = x, x - primal_step * descent
        dual = dual + dual_step * finite_differences(2 * x - previous)
        length = dual.abs().square().sum(0).sqrt()
        dual = dual * (bound / torch.maximum(length, bound.clamp_min(torch.finfo(length.dtype).tiny)))
        if trace is not None:
            trace(x)
    return x


def finite_differences(image: Tensor) -> Tensor:
    r"""Forward differences $\nabla x$ along y and x with periodic ends: (..., y, x) -> (2, ..., y, x)."""
    image = floating(image)
    return torch.stack([image.roll(-1, dims=axis) - image for axis in (-2, -1)])


def finite_differences_adjoint(differences: Tensor) -> Tensor:
    r"""Adjoint $\nabla^H$ of `finite_differences`, minus a divergence: (2, ..., y, x) -> (..., y, x)."""
    return sum(part.roll(1, dims=axis) - part for axis, part in zip((-2, -1), floating(differences), strict=True))


def _safe_step(A: SenseOperator) -> float:
    """1 over an upper bound of the largest eigenvalue: no mask can raise it above max sum |S|^2."""
    bound = float(A.smaps.abs().square().sum(-3).max())
    if not (bound > 0 and math.isfinite(bound)):
        raise ValueError(f"the coil maps have a largest power of {bound}; expected finite maps that are not all zero.")
    return 1 / bound
