r"""Fixed points, $x = f(x)$, by Anderson acceleration [Anderson, J. ACM 12:547, 1965].

Plain iteration $x_{k+1} = f(x_k)$ reaches the fixed point of a contraction, slowly where it contracts little.
Anderson's method mixes the last few $f(x_k)$ with the weights that make the same mixture of their residuals
$f(x_k) - x_k$ smallest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mricourse.reconstruct.least_squares import Trace


@dataclass(frozen=True, eq=False)
class FixedPoint:
    r"""Where an iteration ended, and how it came there.

    Parameters
    ----------
    image : Tensor, shape (..., y, x)
        The last $f(x_k)$.
    point : Tensor, shape (..., y, x)
        The $x_k$ that it was made of.
    residuals : Tensor, shape (iterations, ...)
        $\lVert f(x_k) - x_k\rVert / \lVert f(x_k)\rVert$ of each image in each iteration, dimensionless.
    """

    image: Tensor
    point: Tensor
    residuals: Tensor

    @property
    def n_iterations(self) -> int:
        """How often $f$ was called."""
        return len(self.residuals)


@torch.no_grad()
def fixed_point(
    step: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    n_kept: int = 5,
    n_iterations: int = 50,
    tolerance: float = 1e-4,
    trace: Trace | None = None,
) -> FixedPoint:
    r"""Solve $x = f(x)$, each image of a stack by itself, without gradients.

    Parameters
    ----------
    step : callable
        $f$: (..., y, x) -> (..., y, x).
    start : real or complex Tensor, shape (..., y, x)
    n_kept : int
        How many of the last iterates are mixed; 1 is plain iteration.
    n_iterations : int
        At most so many calls of $f$.
    tolerance : float
        Stop when every image's relative residual has fallen below it; 0 for all of ``n_iterations``.
    trace : callable, optional
        Called with each $f(x_k)$.

    Returns
    -------
    FixedPoint
        Not necessarily converged: look at its residuals. A function that is no contraction may have no fixed point.

    Raises
    ------
    ValueError
        A number out of range.
    """
    if min(n_kept, n_iterations) < 1 or not 0 <= tolerance < 1:
        raise ValueError(
            f"got n_kept={n_kept}, n_iterations={n_iterations} and tolerance={tolerance}; expected 1 or more of each "
            "and a tolerance from 0 to 1, such as 1e-4."
        )
    points: list[Tensor] = []
    values: list[Tensor] = []
    residuals: list[Tensor] = []
    following = start
    for _ in range(n_iterations):
        point = following
        value = step(point)
        residuals.append(_relative(value - point, value))
        if trace is not None:
            trace(value)
        if bool((residuals[-1] <= tolerance).all()):
            break
        points, values = [*points, point][-n_kept:], [*values, value][-n_kept:]
        following = value if n_kept == 1 else _mixed(points, values)
    return FixedPoint(value, point, torch.stack(residuals))


def _mixed(points: list[Tensor], values: list[Tensor]) -> Tensor:
    """Mix the values with the weights, of sum 1, that make the mixture of the residuals smallest."""
    latest = values[-1]
    if len(points) == 1:
        return latest
    differences = torch.stack([value - point for value, point in zip(values, points, strict=True)], dim=-3)
    flat = torch.view_as_real(differences).flatten(-3) if differences.is_complex() else differences.flatten(-2)
    changes = flat[..., :-1, :] - flat[..., -1:, :]  # (..., kept - 1, numbers)
    relative = max(1e-8, 10 * torch.finfo(flat.dtype).eps)  # below it, changes are rounding errors
    changes, current = changes.double(), flat[..., -1, :, None].double()  # products lose half of the digits
    gram = changes @ changes.mT
    size = gram.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    ridge = relative * size + torch.finfo(gram.dtype).tiny  # residuals become parallel near the end
    gram = gram + ridge * torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    weights = torch.linalg.solve(gram, -(changes @ current)).to(flat.dtype)[..., None]  # (..., kept - 1, 1, 1)
    steps = torch.stack([value - latest for value in values[:-1]], dim=-3)
    return latest + (weights * steps).sum(-3)


def _relative(change: Tensor, value: Tensor) -> Tensor:
    """Norm of a change over that of the value: (..., y, x) twice -> (...); 0 where nothing changes."""
    size = torch.linalg.vector_norm(value, dim=(-2, -1))
    moved = torch.linalg.vector_norm(change, dim=(-2, -1))
    return torch.where(moved > 0, moved / size.clamp_min(torch.finfo(size.dtype).tiny), 0)
