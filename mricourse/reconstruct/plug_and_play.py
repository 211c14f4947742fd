r"""Plug-and-play: any denoiser in the place of a proximal operator [Venkatakrishnan, Bouman, Wohlberg, GlobalSIP 2013].

A classical iteration for $\min_x \frac12\lVert A x - y\rVert^2 + R(x)$ knows $R$ by its proximal operator alone, which
denoises. Put a trained denoiser $D$ there and the same iteration reconstructs, though there may be no $R$ any more and
it need not converge [Ryu et al., ICML 2019, arXiv:1905.05406]: look at the residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace, regularised_solver
from mricourse.reconstruct.proximal_gradient import safe_step

Denoiser = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # of the image and the multiplier


@dataclass(frozen=True, eq=False)
class PlugAndPlay:
    r"""What `plug_and_play` found.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
    residuals : real Tensor, shape (iterations, ...)
        By how much each iteration changed the image (and ADMM's multiplier), relative to them. They fall to zero where
        it converges. A step that is made smaller and smaller has that too; here it never changes.
    """

    image: Tensor
    residuals: Tensor


@torch.no_grad()
def plug_and_play(
    A: SenseOperator,
    kspace: Tensor,
    denoise: Denoiser,
    *,
    method: str = "hqs",
    reg_weight: float = 0.05,
    n_iterations: int = 50,
    tolerance: float = 0.0,
    start: Tensor | None = None,
    trace: Trace | None = None,
) -> PlugAndPlay:
    r"""Reconstruct by a classical iteration with a denoiser in it.

    From $x = A^H y$ and $u = 0$, with $P(z) = (A^H A + \lambda I)^{-1} (A^H y + \lambda z)$:

    - ``"hqs"``, half-quadratic splitting: $x \leftarrow P(D(x))$, MoDL's iteration;
    - ``"admm"``: $z = D(x + u)$, $u \leftarrow u + x - z$, $x \leftarrow P(z - u)$;
    - ``"gradient"``, the proximal gradient: $x \leftarrow D(x - \tau A^H (A x - y))$, with $\tau$ from `safe_step`.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    denoise : callable
        $D$: complex (..., y, x) -> (..., y, x), such as ``network.denoiser`` of a MoDL, or
        ``lambda x: shift_invariant_prox(x, 0.01)``. It sees images in the units of the data.
    method : "hqs", "admm" or "gradient"
    reg_weight : float
        $\lambda$, for the first two.
    n_iterations : int
        At most so many.
    tolerance : float
        Stop when every image's residual has fallen below it; 0 for all of ``n_iterations``.
    start : complex Tensor, shape (..., y, x), optional
        In the place of $A^H y$.
    trace : callable, optional
        Called with $x$ after every iteration.

    Raises
    ------
    ValueError
        Another method, a number out of range or too small for the precision, or a start of another shape.
    """
    if method not in METHODS:
        raise ValueError(f"the method is {method!r}; expected one of {', '.join(METHODS)}.")
    if n_iterations < 1 or not reg_weight > 0 or not 0 <= tolerance < 1:
        raise ValueError(
            f"got n_iterations={n_iterations}, reg_weight={reg_weight} and tolerance={tolerance}; expected 1 or more, "
            "a positive weight, and a tolerance from 0 to 1."
        )
    zero_filled = A.adjoint(kspace)
    if start is not None and start.shape != zero_filled.shape:
        raise ValueError(
            f"start has shape {tuple(start.shape)}; expected {tuple(zero_filled.shape)}, that of the images."
        )
    step = METHODS[method](A, zero_filled, denoise, reg_weight)
    image = zero_filled if start is None else start
    multiplier = torch.zeros_like(image)
    residuals = []
    for _ in range(n_iterations):
        before = torch.stack([image, multiplier])
        image, multiplier = step(image, multiplier)
        residuals.append(_relative_change(before, torch.stack([image, multiplier])))
        if trace is not None:
            trace(image)
        if bool((residuals[-1] <= tolerance).all()):
            break
    return PlugAndPlay(image, torch.stack(residuals))


def _hqs(A: SenseOperator, zero_filled: Tensor, denoise: Denoiser, reg_weight: float) -> Step:
    consistent = _consistency(A, zero_filled, reg_weight)
    return lambda image, multiplier: (consistent(denoise(image)), multiplier)


def _admm(A: SenseOperator, zero_filled: Tensor, denoise: Denoiser, reg_weight: float) -> Step:
    consistent = _consistency(A, zero_filled, reg_weight)

    def step(image: Tensor, multiplier: Tensor) -> tuple[Tensor, Tensor]:
        denoised = denoise(image + multiplier)
        multiplier = multiplier + image - denoised
        return consistent(denoised - multiplier), multiplier

    return step


def _gradient(A: SenseOperator, zero_filled: Tensor, denoise: Denoiser, _: float) -> Step:
    step_size = safe_step(A)
    return lambda image, multiplier: (denoise(image - step_size * (A.normal(image) - zero_filled)), multiplier)


METHODS = {"hqs": _hqs, "admm": _admm, "gradient": _gradient}


def _consistency(A: SenseOperator, zero_filled: Tensor, reg_weight: float) -> Denoiser:
    """Make $P$, exact where that pays and otherwise by conjugate gradients from $z$."""
    solve = regularised_solver(A, reg_weight)
    return lambda prior: prior + solve(zero_filled - A.normal(prior))


def _relative_change(before: Tensor, after: Tensor) -> Tensor:
    """Norm of the change over that of what came of it, for each image: (2, ..., y, x) twice -> (...)."""
    moved = (after - before).abs().square().sum((0, -2, -1))
    size = after.abs().square().sum((0, -2, -1))
    return (moved / size.clamp_min(torch.finfo(size.dtype).tiny)).sqrt()
