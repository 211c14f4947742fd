r"""Minimise $\frac12\lVert A x - y\rVert^2 + R(x)$ with an $R$ that has no gradient, to a stated tolerance."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.physics.fourier import squared_magnitude
from mricourse.physics.operators import LinearOperator, SenseOperator
from mricourse.reconstruct.least_squares import Trace

CHECK_EVERY = 10  # iterations between two looks at the objective
Penalty = Callable[
    [], Tensor
]  # of each image, (...), in double precision; only called where the objective is looked at
Step = Callable[[Tensor, Tensor], tuple[Tensor, Penalty]]


def fista(
    A: LinearOperator,
    kspace: Tensor,
    prox: Callable[[Tensor, float], Tensor],
    *,
    step_size: float = 1.0,
    n_iterations: int = 100,
    penalty: Callable[[Tensor], Tensor] | None = None,
    tolerance: float = 0.0,
    trace: Trace | None = None,
) -> Tensor:
    r"""Minimise $\frac12\lVert A x - y\rVert^2 + R(x)$ by FISTA [Beck, SIAM J Imaging Sci 2009].

    Parameters
    ----------
    A : LinearOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
        The data $y$.
    prox : callable
        ``prox(x, step_size)`` returns the proximal point of ``step_size`` times $R$.
    step_size : float
        At most 1 over the largest eigenvalue of $A^H A$; for maps with $\sum|S|^2 \le 1$ that is 1.
    n_iterations : int
        At most so many; all of them where the tolerance is 0.
    penalty : callable, optional
        ``penalty(x)`` gives $R(x)$ of each image, (..., y, x) -> (...); a tolerance needs it.
    tolerance : float
        Stop, and restart the momentum on the way, as `minimise` does.
    trace : callable, optional
        Called with $x$ after every iteration.

    Returns
    -------
    complex Tensor, shape (..., y, x).

    Raises
    ------
    ValueError
        A step of 0 or less, or a tolerance without a penalty to measure the objective by.
    """
    if not step_size > 0:
        raise ValueError(
            f"step_size is {step_size}; expected more than 0, at most 1 over the largest eigenvalue of A^H A."
        )
    if tolerance > 0 and penalty is None:
        raise ValueError(
            f"tolerance is {tolerance}, but there is no penalty to measure the objective by; expected both or neither."
        )

    def step(point: Tensor, _: Tensor) -> tuple[Tensor, Penalty]:
        x = prox(point, step_size)
        return x, lambda: penalty(x)

    options = {"step_size": step_size, "n_iterations": n_iterations, "tolerance": tolerance, "trace": trace}
    return minimise(A, kspace, step, restart=tolerance > 0, **options)


def minimise(
    A: LinearOperator,
    kspace: Tensor,
    step: Step,
    *,
    step_size: float,
    n_iterations: int,
    tolerance: float,
    restart: bool = True,
    trace: Trace | None = None,
) -> Tensor:
    r"""FISTA until it converged, with momentum that is forgotten where it points uphill [O'Donoghue, FoCM 2015].

    An image is done when the second half of its iterations lowered its objective by less than ``tolerance`` of it.
    FISTA's distance to the minimum falls at least as fast as one over the number of iterations, so what is left to gain
    is then no more than what that half gained. A done image is left as it is while the others of a batch go on.

    Parameters
    ----------
    step : callable
        ``step(point, ahead)`` returns the proximal point of ``point``, (..., y, x), and a function that gives its $R$,
        (...); ``ahead`` is where the gradient step to ``point`` began.
    tolerance : float
        0 for all of ``n_iterations``.

    Returns
    -------
    complex Tensor, shape (..., y, x).
    """
    rhs = A.adjoint(kspace)
    x = torch.zeros_like(rhs)
    ahead = x
    momentum = torch.ones_like(x[..., :1, :1].real)
    done = torch.zeros_like(momentum, dtype=torch.bool)
    objectives: list[Tensor] = []
    for iteration in range(1, n_iterations + 1):
        point = ahead - step_size * (A.normal(ahead) - rhs)
        following, penalty = step(point, ahead)
        following = torch.where(done, x, following)
        if restart:
            uphill = real_inner(ahead - following, following - x)[..., None, None] > 0
            momentum = torch.where(uphill, 1, momentum)
        faster = (1 + torch.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / faster * (following - x)
        x = following
        momentum = faster
        if trace is not None:
            trace(x)
        if tolerance > 0 and iteration % CHECK_EVERY == 0:
            misfit = A.forward(x) - kspace
            objectives.append(0.5 * _energy(misfit) + penalty())
            halfway = iteration // 2 // CHECK_EVERY
            if halfway:
                change = (objectives[halfway - 1] - objectives[-1]).abs()
                done |= (change <= tolerance * objectives[-1])[..., None, None]
                if bool(done.all()):
                    break
    return x


def real_inner(a: Tensor, b: Tensor) -> Tensor:
    """Real part of <a, b> of each image, in double precision: (..., y, x) twice -> (...)."""
    return (a.conj() * b).real.sum((-2, -1), dtype=torch.float64)


def safe_step(A: SenseOperator) -> float:
    """1 over an upper bound of the largest eigenvalue: no mask can raise it above max sum |S|^2."""
    bound = float(A.smaps.detach().abs().square().sum(-3).max())
    if not (bound > 0 and math.isfinite(bound)):
        raise ValueError(f"the coil maps have a largest power of {bound}; expected finite maps that are not all zero.")
    return 1 / bound


def check_tolerance(tolerance: float) -> None:
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}; expected 0 or more and less than 1, such as 1e-4.")


def _energy(kspace: Tensor) -> Tensor:
    """Sum over coils and samples: (..., coils, ky, kx) -> (...)."""
    return squared_magnitude(kspace).sum((-3, -2, -1), dtype=torch.float64)
