r"""Compressed sensing with wavelets: the proximal operators of their l1 norm, and reconstruction with it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.physics.fourier import floating
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace, check_weight
from mricourse.reconstruct.proximal_gradient import Penalty, check_tolerance, minimise, real_inner, safe_step
from mricourse.reconstruct.undecimated import merged, squared_parts, undecimated, usable_levels
from mricourse.reconstruct.wavelets import wavedec2, waverec2

MOST_DUAL_STEPS = 2000


@torch.no_grad()
def wavelet_reconstruction(
    A: SenseOperator,
    kspace: Tensor,
    *,
    reg_weight: float = 3e-3,
    n_iterations: int = 500,
    tolerance: float = 1e-4,
    wavelet: str = "db2",
    levels: int = 4,
    all_shifts: bool = True,
    trace: Trace | None = None,
) -> Tensor:
    r"""Minimise $\frac12\lVert A x - y\rVert^2 + \lambda\lVert\Psi x\rVert_1$, by FISTA.

    Compressed sensing as in [Lustig, MRM 2007]. With ``all_shifts`` the proximal point of $\lVert\Psi x\rVert_1$ is
    replaced by the mean of those of $\lVert\Psi T_s x\rVert_1$ for all circular shifts $T_s$, which is the proximal
    point of one convex penalty, their proximal average [Yu, NIPS 2013]. The image is better, since no block is
    preferred, and any size will do.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reg_weight : float
        $\lambda$ relative to $\max|A^H y|$ of each image, so it does not depend on the scale.
    n_iterations : int
        At most so many.
    tolerance : float
        Relative, of the objective, as `minimise` says; 0 for all of ``n_iterations``.
    wavelet : str
        An orthogonal wavelet by its name in PyWavelets, such as ``"db2"`` or ``"db1"``, Haar's.
    levels : int
        As `wavelet_prox`.
    all_shifts : bool
        Without it, the penalty is that of `wavelet_prox` without a shift.
    trace : callable, optional
        Called with $x$ after every iteration.

    Returns
    -------
    complex Tensor, shape (..., y, x), in the units of the data and without a gradient.
    """
    check_weight(reg_weight)
    check_tolerance(tolerance)
    step_size = safe_step(A)
    weight = reg_weight * A.adjoint(kspace).abs().amax((-2, -1), keepdim=True)

    threshold = step_size * weight

    def step_of_all_shifts(point: Tensor, _: Tensor) -> tuple[Tensor, Penalty]:
        x = shift_invariant_prox(point, threshold, wavelet=wavelet, levels=levels)

        def penalty() -> Tensor:
            moved = x - point
            envelope = _mean_envelope(point, threshold, wavelet, levels)
            return (envelope - 0.5 * real_inner(moved, moved)) / step_size

        return x, penalty

    def step_of_one(point: Tensor, _: Tensor) -> tuple[Tensor, Penalty]:
        x = wavelet_prox(point, threshold, wavelet=wavelet, levels=levels)
        return x, lambda: weight[..., 0, 0] * _l1(_details(x, wavelet, levels))

    step = step_of_all_shifts if all_shifts else step_of_one
    return minimise(A, kspace, step, step_size=step_size, n_iterations=n_iterations, tolerance=tolerance, trace=trace)


def soft_threshold(x: Tensor, threshold: float | Tensor) -> Tensor:
    r"""Shrink magnitudes by ``threshold`` and keep phases: the proximal operator of $t\lVert x\rVert_1$, any shape."""
    x = floating(x)
    magnitude = x.abs()
    return x * ((magnitude - threshold).clamp_min(0) / magnitude.clamp_min(torch.finfo(magnitude.dtype).tiny))


def wavelet_prox(
    x: Tensor,
    threshold: float | Tensor,
    *,
    wavelet: str = "db2",
    levels: int = 4,
    shift: tuple[int, int] = (0, 0),
) -> Tensor:
    r"""Soft-threshold the wavelet details of an image: the proximal operator of $t\lVert \Psi x\rVert_1$.

    The transform is that of `wavedec2`. The coarsest approximation, which is not sparse, is left alone. Where the sizes
    do not divide by $2^{levels}$, $\Psi$ is the transform of the image extended by zeros. That is no basis of the image
    any more, so dual steps, slower, take the place of the soft threshold; they end at a duality gap of 1e-7 of the
    penalty in double precision and 1e-5 in single.

    Parameters
    ----------
    x : real or complex Tensor, shape (..., y, x)
    threshold : float, or real Tensor of shape (..., 1, 1)
        In the units of ``x``; one number for all images or one for each.
    levels : int
        Fewer where the image is small for the wavelet: deeper ones would hold nothing but the border.
    shift : (int, int)
        Circular shift in pixels before the transform and back after it.
    """
    rolled = floating(x).roll(shift, dims=(-2, -1))
    levels = usable_levels(x, wavelet, levels)
    if any(n % 2**levels for n in x.shape[-2:]):
        image = _extended_prox(rolled, threshold, wavelet, levels)
    else:
        coarse, *details = wavedec2(rolled, wavelet, levels=levels)
        image = waverec2([coarse, *(soft_threshold(bands, threshold) for bands in details)], wavelet)
    return image.roll((-shift[0], -shift[1]), dims=(-2, -1))


def shift_invariant_prox(x: Tensor, threshold: float | Tensor, *, wavelet: str = "db2", levels: int = 4) -> Tensor:
    r"""Mean of `wavelet_prox` over all circular shifts, where the sizes divide by $2^{levels}$, and its like elsewhere.

    The details of all shifts together are those of the undecimated transform, so this is one pass through it, a soft
    threshold, and one pass back [Coifman, Wavelets and Statistics 1995]. A mean of proximal operators is a proximal
    operator, that of the proximal average of the penalties [Yu, NIPS 2013]. The undecimated transform knows no blocks,
    so this is a proximal operator at every size.

    Parameters
    ----------
    x : real or complex Tensor, shape (..., y, x)
    threshold : float, or real Tensor of shape (..., 1, 1)
        In the units of ``x``.
    """
    levels = usable_levels(x, wavelet, levels)
    coarse, details = undecimated(x, wavelet, levels)
    return merged(coarse, [[_shrunk(band, threshold) for band in bands] for bands in details], wavelet)


def _extended_prox(x: Tensor, threshold: float | Tensor, wavelet: str, levels: int) -> Tensor:
    r"""Proximal point $x - \Psi^H u$ by accelerated projected steps of the dual $u$, each $|u_i|\le t$."""
    precise = x.dtype in (torch.float64, torch.complex128)
    weight = threshold[..., 0, 0] if isinstance(threshold, Tensor) and threshold.ndim > 1 else threshold
    dual = [torch.zeros_like(bands) for bands in _details(x, wavelet, levels)]
    ahead = dual
    momentum = 1.0
    for number in range(1, MOST_DUAL_STEPS + 1):
        residual = _details(x - _image_of(ahead, x.shape, wavelet), wavelet, levels)
        moved = [u + bands - soft_threshold(u + bands, threshold) for u, bands in zip(ahead, residual, strict=True)]
        faster = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        pull = (momentum - 1) / faster
        ahead = [new + pull * (new - old) for new, old in zip(moved, dual, strict=True)]
        dual = moved
        momentum = faster
        if number % 10 == 0:
            image = x - _image_of(dual, x.shape, wavelet)
            details = _details(image, wavelet, levels)
            penalty = weight * _l1(details)
            gap = penalty - sum(real_inner(u, bands).sum(0) for u, bands in zip(dual, details, strict=True))
            if bool((gap <= (1e-7 if precise else 1e-5) * penalty).all()):
                break
    return image


def _details(x: Tensor, wavelet: str, levels: int) -> list[Tensor]:
    """Details of an image that is extended by zeros to a size that divides by 2^levels."""
    levels = usable_levels(x, wavelet, levels)
    ny, nx = x.shape[-2:]
    extended = torch.nn.functional.pad(floating(x), (0, -nx % 2**levels, 0, -ny % 2**levels))
    return wavedec2(extended, wavelet, levels=levels)[1:]


def _image_of(details: list[Tensor], shape: torch.Size, wavelet: str) -> Tensor:
    """Adjoint of `_details`."""
    coarse = torch.zeros_like(details[0][0])
    return waverec2([coarse, *details], wavelet)[..., : shape[-2], : shape[-1]]


def _l1(details: list[Tensor]) -> Tensor:
    """Sum of the magnitudes for each image, in double precision: (...)."""
    return sum(bands.abs().sum((-2, -1), dtype=torch.float64).sum(0) for bands in details)


def _mean_envelope(x: Tensor, threshold: float | Tensor, wavelet: str, levels: int) -> Tensor:
    """Mean over all shifts of the penalty's Moreau envelopes: a detail of the j-th level is met by one shift of 4^j."""
    _, details = undecimated(x, wavelet, usable_levels(x, wavelet, levels))
    total = torch.zeros(x.shape[:-2]).to(x.device)
    for level, bands in enumerate(details, start=1):
        total = total + sum(_huber(squared_parts(band).sqrt().double(), threshold) for band in bands) / 4**level
    return total


def _huber(magnitude: Tensor, threshold: float | Tensor) -> Tensor:
    """Moreau envelope of the threshold times the l1 norm: (..., y, x) -> (...)."""
    above = (magnitude - threshold).clamp_min(0)
    return (0.5 * (magnitude - above).square() + threshold * above).sum((-2, -1))


def _shrunk(parts: Tensor, threshold: float | Tensor) -> Tensor:
    """`soft_threshold` of real and imaginary parts, (2, ..., y, x), faster; squares must not under- or overflow."""
    return parts * (1 - threshold * squared_parts(parts).rsqrt()).clamp_min(0)
