r"""How a reconstruction answers to a small change of its data: of known form, or the worst that there is.

A reconstruction is here any function of a scan, ``reconstruct(A, kspace)``. Changes go into the *undersampled* data,
$y + A d$ or $y + e$ with $e = 0$ where nothing was measured, as whatever changes in a head or a receiver would.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.evaluation.lipschitz import jacobian_products
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator

Reconstruct = Callable[[SenseOperator, Tensor], Tensor]
RATE = 0.5  # of a step of the search, relative to the size of the perturbation


def checkerboard(shape: tuple[int, int], square: int) -> Tensor:
    """Draw squares of 1, 0 and -1 by turns: rows of 1 and 0, then rows of 0 and -1, and so on.

    Parameters
    ----------
    shape : (ny, nx)
    square : int
        Length of the side of a square, in pixels.

    Returns
    -------
    real Tensor, shape (y, x)

    Raises
    ------
    ValueError
        A square of less than one pixel.

    Source: the test pattern of Chan and Haldar, Magn Reson Med 2021, code at mr.usc.edu/download/lpr.
    """
    if square < 1:
        raise ValueError(f"square is {square} pixels; expected 1 or more.")
    rows = torch.arange(shape[0])[:, None] // square
    columns = torch.arange(shape[1]) // square
    coloured = (rows + columns) % 2 == 0
    return torch.where(coloured, 1.0 - 2.0 * (rows % 2), 0.0)


def in_phase(delta: Tensor, image: Tensor) -> Tensor:
    r"""Give a real change the phase of an image, $\delta\,e^{i\angle x}$: (y, x) and (..., y, x) -> (..., y, x)."""
    return delta * torch.polar(torch.ones_like(image.real), image.angle())


def local_response(
    reconstruct: Reconstruct, A: SenseOperator, kspace: Tensor, delta: Tensor, amplitude: float
) -> Tensor:
    r"""Measure what a small change of the object changes in its image, for a change of 1.

    The change gets the phase of the image $x_0 = R(y)$, $d = a\,\delta\,e^{i\angle x_0}$, and goes through $A$ into the
    undersampled data: $(R(y + A d) - R(y)) / a$. That phase is taken out of the result again, so that a perfect
    reconstruction gives $\delta$. The answer belongs to this image and this amplitude.

    Parameters
    ----------
    reconstruct : callable
        ``reconstruct(A, kspace)`` returns (..., y, x).
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    delta : real Tensor, shape (y, x) or (..., y, x)
        The change, of order 1.
    amplitude : float
        $a$, in the unit of the image.

    Returns
    -------
    complex Tensor, shape (..., y, x)

    Raises
    ------
    ValueError
        An amplitude of zero, or a complex change.

    Source: Chan and Haldar, Magn Reson Med 2021, code at mr.usc.edu/download/lpr, local perturbation responses.
    """
    if amplitude == 0:
        raise ValueError("amplitude is 0; expected another number: for the limit use jacobian_response.")
    before, direction = _direction(reconstruct, A, kspace, delta)
    after = reconstruct(A, kspace + amplitude * direction)
    return _without_phase((after - before) / amplitude, before)


def jacobian_response(reconstruct: Reconstruct, A: SenseOperator, kspace: Tensor, delta: Tensor) -> Tensor:
    r"""Give the limit of `local_response` for small amplitudes, $J A\,\delta\,e^{i\angle x_0}$, by differentiation.

    One product of the Jacobian with a vector (`jacobian_products`), without any division by a small number.

    Parameters
    ----------
    reconstruct : callable
        Differentiable twice by PyTorch.
    A, kspace, delta :
        As in `local_response`.

    Returns
    -------
    complex Tensor, shape (..., y, x)
    """
    before, direction = _direction(reconstruct, A, kspace, delta)
    push, _ = jacobian_products(lambda data: reconstruct(A, data), kspace)
    return _without_phase(push(direction), before.detach())


def _direction(reconstruct: Reconstruct, A: SenseOperator, kspace: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """The image before the change, and the change of the data at amplitude 1."""
    if delta.is_complex():
        raise ValueError(
            f"delta has dtype {delta.dtype}; expected a real change, which gets the phase of the image here."
        )
    before = reconstruct(A, kspace)
    return before, A.forward(in_phase(delta, before)).to(kspace.dtype)


def _without_phase(change: Tensor, image: Tensor) -> Tensor:
    return in_phase(torch.ones_like(image.real), image).conj() * change


def noise_size(A: SenseOperator, noise_std: float) -> Tensor:
    r"""Give the norm that the noise of a scan is expected to have, $\sigma\sqrt{2 n}$ for $n$ measured samples: (...).

    Parameters
    ----------
    A : SenseOperator
        Its maps say how many coils and columns, its mask which lines.
    noise_std : float
        $\sigma$ of real and imaginary part of a sample.
    """
    measured = A.mask.expand(A.smaps.shape)
    return noise_std * (2 * measured.sum((-3, -2, -1))).sqrt()


def random_perturbation(A: SenseOperator, size: Tensor, *, seed: int = 0) -> Tensor:
    """Draw a change of the measured samples, noise of exactly this norm: the control of every search.

    Parameters
    ----------
    A : SenseOperator
    size : real Tensor, shape (...)
        Norm for each scan.
    seed : int

    Returns
    -------
    complex Tensor, shape (..., coils, ky, kx)
    """
    drawn = random_complex(*A.smaps.shape, seed=seed, dtype=A.smaps.dtype).to(A.smaps.device)
    return to_size(A.mask * drawn, size)


def to_size(perturbation: Tensor, size: Tensor) -> Tensor:
    """Scale each perturbation (..., coils, ky, kx) to a norm (...); one of zeros stays zero."""
    norm = _norm(perturbation).clamp_min(torch.finfo(perturbation.real.dtype).tiny)
    return perturbation * (_as_scans(size) / norm)


def ascent_step(perturbation: Tensor, gradient: Tensor, size: Tensor, *, rate: float = RATE) -> Tensor:
    r"""Go one step uphill and back to the norm that is allowed: $e + r\,s\,g / \lVert g\rVert$, scaled to norm $s$.

    Parameters
    ----------
    perturbation, gradient : complex Tensor, shape (..., coils, ky, kx)
        $e$ and $g$, zero where nothing was measured.
    size : real Tensor, shape (...)
        $s$.
    rate : float
        $r$, the length of the step relative to $s$.
    """
    return to_size(perturbation + rate * to_size(gradient, size), size)


def worst_perturbation(
    reconstruct: Reconstruct,
    A: SenseOperator,
    kspace: Tensor,
    size: Tensor,
    *,
    n_steps: int = 10,
    rate: float = RATE,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    r"""Search the change of the data, of a given norm, that moves the image most: $\max_e \lVert R(y+e) - R(y)\rVert$.

    By steps uphill from noise of this norm, each brought back to the norm. It finds a bad change, maybe not the worst
    one: what it moves is a lower bound. No truth is used; the image may move towards it.

    Parameters
    ----------
    reconstruct : callable
        Differentiable by PyTorch, each scan by itself.
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    size : real Tensor, shape (...)
        Norm of the change of each scan; the same for all methods that are compared, such as `noise_size`.
    n_steps : int
    rate : float
        As in `ascent_step`.
    seed : int
        Of the noise to begin with.
    start : complex Tensor, shape (..., coils, ky, kx), optional
        Begin here instead: what an earlier search found, to go on from there.

    Returns
    -------
    complex Tensor, shape (..., coils, ky, kx)
        Zero where nothing was measured.

    Source: Antun et al., PNAS 117:30088, 2020, with a norm that is fixed in place of a penalty on it.
    """
    with torch.no_grad():
        before = reconstruct(A, kspace)
    perturbation = random_perturbation(A, size, seed=seed) if start is None else start
    for _ in range(n_steps):
        with torch.enable_grad():
            point = perturbation.detach().requires_grad_()
            moved = (reconstruct(A, kspace + A.mask * point) - before).abs().square().sum()
            [gradient] = torch.autograd.grad(moved, point)
        perturbation = ascent_step(perturbation, gradient, size, rate=rate)
    return perturbation


@torch.no_grad()
def amplification(reconstruct: Reconstruct, A: SenseOperator, kspace: Tensor, perturbation: Tensor) -> Tensor:
    r"""Compare the change of the image with that of the data, $\lVert R(y+e)-R(y)\rVert/\lVert e\rVert$.

    Parameters
    ----------
    reconstruct, A, kspace :
        As in `worst_perturbation`.
    perturbation : complex Tensor, shape (..., coils, ky, kx)

    Returns
    -------
    real Tensor, shape (...)
    """
    change = reconstruct(A, kspace + perturbation) - reconstruct(A, kspace)
    return torch.linalg.vector_norm(change, dim=(-2, -1)) / _norm(perturbation)[..., 0, 0, 0]


def _norm(data: Tensor) -> Tensor:
    """Norm of each scan: (..., coils, ky, kx) -> (..., 1, 1, 1)."""
    return torch.linalg.vector_norm(data, dim=(-3, -2, -1), keepdim=True)


def _as_scans(size: Tensor) -> Tensor:
    return size[..., None, None, None]
