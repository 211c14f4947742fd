r"""Least squares: conjugate gradients, a direct solver, and iterative SENSE."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mricourse.physics.operators import LinearOperator, SenseOperator

DIRECT_LIMIT = 2**25  # complex numbers in the matrices of `direct_solver`: 320 x 320 pixels are a little less
Trace = Callable[[Tensor], None]


def conjugate_gradient(
    normal: Callable[[Tensor], Tensor],
    rhs: Tensor,
    *,
    reg_weight: float | Tensor = 0.0,
    n_iterations: int = 30,
    tolerance: float = 1e-6,
    trace: Trace | None = None,
) -> Tensor:
    r"""Solve $(N + \lambda I)\, x = b$ for a Hermitian $N \ge 0$ by conjugate gradients [Hestenes, 1952].

    Parameters
    ----------
    normal : callable
        Applies $N$, for instance ``A.normal``: (..., y, x) -> (..., y, x).
    rhs : Tensor, shape (..., y, x)
        Right-hand side $b$, for instance ``A.adjoint(kspace)``. Each entry of the leading axes is a problem of its own
        with its own step sizes.
    reg_weight : float or Tensor
        $\lambda \ge 0$, in the units of $N$: one number, or one for each image, (..., 1, 1).
    tolerance : float
        Stop when every residual norm has fallen below this fraction of its ``rhs`` norm.
    trace : callable, optional
        Called with $x$ after every iteration.

    Returns
    -------
    Tensor, shape of ``rhs``; zero where ``rhs`` is zero.

    Raises
    ------
    ValueError
        Weights of another shape, or an $N$ that changes the shape of its image, as ``A.forward`` does.
    """

    # real views: a complex axpy becomes one fused real one, and <a, b> of a Hermitian problem is real
    tiny = torch.finfo(rhs.real.dtype).tiny
    weight = torch.as_tensor(reg_weight, dtype=rhs.real.dtype, device=rhs.device)
    _check_one_each(weight)
    weight = weight[..., None]
    residual = torch.view_as_real(rhs.resolve_conj())
    x = torch.zeros_like(residual)
    direction = residual
    energy = _inner(residual, residual)
    goal = tolerance**2 * energy
    for _ in range(n_iterations):
        if bool((energy <= goal).all()):
            break
        image = torch.view_as_real(normal(torch.view_as_complex(direction)).resolve_conj())
        _check_same_shape(image, direction)
        image = torch.addcmul(image, weight, direction)
        step = energy / _inner(direction, image).clamp_min(tiny)
        x = torch.addcmul(x, step, direction)
        residual = torch.addcmul(residual, step, image, value=-1)
        previous, energy = energy, _inner(residual, residual)
        direction = torch.addcmul(residual, energy / previous.clamp_min(tiny), direction)
        if trace is not None:
            trace(torch.view_as_complex(x))
    return torch.view_as_complex(x)


def _check_same_shape(image: Tensor, direction: Tensor) -> None:
    if image.shape != direction.shape:
        came, expected = tuple(image.shape[:-1]), tuple(direction.shape[:-1])
        raise ValueError(f"normal made {came} of an image {expected}; expected the same shape, as A.normal makes.")


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """Real part of <a, b> of each image: (..., y, x, 2) -> (..., 1, 1, 1)."""
    return (a * b).sum((-3, -2, -1), keepdim=True)


def direct_solver(A: SenseOperator, reg_weight: Tensor) -> Callable[[Tensor], Tensor] | None:
    r"""Prepare to solve $(A^H A + \lambda I)\, x = b$ exactly, for as many $b$ as wanted: (..., y, x) -> (..., y, x).

    Where the mask consists of lines along kx, $F^H M F$ mixes the pixels of a column only, with the kernel $k = F^H M$:
    each column is a small system of its own, $N_{yy'} = k(y - y') \sum_c S_c^*(y) S_c(y') + \lambda\delta_{yy'}$, which
    Cholesky factorises once. Conjugate gradients need 30 iterations and more at a low $\lambda$, in every solve.

    Parameters
    ----------
    A : SenseOperator
        Maps (..., coils, y, x) and mask.
    reg_weight : Tensor, shape () or (..., 1, 1)
        $\lambda > 0$: one number, or one for each image.

    Returns
    -------
    callable, or None
        None where this does not pay: other masks, or images whose columns' matrices would fill more than 0.3 GB each.
        Without gradients: `mricourse.networks.data_consistency` has them.

    Raises
    ------
    ValueError
        Weights of another shape.
    """
    ny, nx = A.smaps.shape[-2:]
    mask = A.mask if A.mask.ndim > 2 else A.mask[None]
    _check_one_each(reg_weight)
    if mask.shape[-3:] != (1, ny, 1) or ny * ny * nx > DIRECT_LIMIT:
        return None
    with torch.no_grad():
        kernel = torch.fft.ifft(torch.fft.ifftshift(mask[..., 0, :, 0], dim=-1).to(A.smaps.real.dtype))
        rows = torch.arange(ny, device=kernel.device)
        smaps = A.smaps.transpose(-3, -1)  # (..., x, y, coils)
        columns = smaps.conj() @ smaps.mT
        stack = torch.broadcast_shapes(columns.shape[:-3], kernel.shape[:-1], reg_weight.shape[:-2])
        if columns.shape[:-3] != stack:  # maps that several scans share
            columns = columns.expand(*stack, nx, ny, ny).clone()
        columns *= kernel[..., None, (rows[:, None] - rows) % ny]
        columns.diagonal(dim1=-2, dim2=-1).add_(reg_weight)
        factor = torch.linalg.cholesky(columns)

    @torch.no_grad()
    def solve(rhs: Tensor) -> Tensor:
        right_side = rhs.mT.unsqueeze(-1).to(factor.dtype)  # not cholesky_solve, which copies the factor at each call
        half_way = torch.linalg.solve_triangular(factor, right_side, upper=False)
        solution = torch.linalg.solve_triangular(factor.mH, half_way, upper=True)
        return solution.squeeze(-1).mT.contiguous().to(rhs.dtype)

    return solve


def regularised_solver(A: SenseOperator, reg_weight: float) -> Callable[[Tensor], Tensor]:
    r"""Prepare to solve $(A^H A + \lambda I)\, x = b$: exactly where that pays, otherwise by conjugate gradients.

    Parameters
    ----------
    A : SenseOperator
    reg_weight : float
        $\lambda > 0$.

    Returns
    -------
    callable
        (..., y, x) -> (..., y, x), without gradients.

    Raises
    ------
    ValueError
        A weight that the precision of the maps does not bear.
    """
    weight = torch.tensor(reg_weight, dtype=A.smaps.real.dtype, device=A.smaps.device)
    try:
        exact = direct_solver(A, weight)
    except torch.linalg.LinAlgError as error:
        raise ValueError(
            f"reg_weight={reg_weight} is too small for {A.smaps.dtype}; expected 1e-6 or more, or maps in double "
            "precision."
        ) from error
    return exact or partial(conjugate_gradient, A.normal, reg_weight=weight, n_iterations=100)


def cg_sense(
    A: LinearOperator,
    kspace: Tensor,
    *,
    reg_weight: float = 0.0,
    n_iterations: int = 200,
    tolerance: float = 1e-6,
    trace: Trace | None = None,
) -> Tensor:
    r"""Reconstruct by iterative SENSE, $(A^H A + \lambda I)\, x = A^H y$ [Pruessmann, MRM 2001].

    Parameters
    ----------
    A : SenseOperator or NufftOperator
    kspace : complex Tensor, shape (..., coils, ky, kx), or (..., coils, samples) off the grid
    reg_weight : float
        $\lambda$, relative to maps with $\sum|S|^2 = 1$. Without it the number of iterations regularises: choose it.
    n_iterations : int
        At most so many.
    tolerance : float
        Stop when the residual of the equation has fallen below this fraction of $\lVert A^H y\rVert$. The objective is
        then within $\lVert\text{residual}\rVert^2 / 2\lambda$ of its minimum.

    Returns
    -------
    complex Tensor, shape (..., y, x), in the units of the data.
    """
    check_weight(reg_weight)
    options = {"reg_weight": reg_weight, "n_iterations": n_iterations, "tolerance": tolerance, "trace": trace}
    return conjugate_gradient(A.normal, A.adjoint(kspace), **options)


def cg_sense_iterates(A: SenseOperator, kspace: Tensor, *, n_iterations: int, reg_weight: float = 0.0) -> Tensor:
    """Keep every iterate of `cg_sense`: (..., coils, ky, kx) -> (iterations, ..., y, x), the first step first.

    It never stops early; where a problem is solved to the last digit, its solution is repeated.

    Raises
    ------
    ValueError
        A weight below 0, or less than one iteration.
    """
    if n_iterations < 1:
        raise ValueError(f"n_iterations is {n_iterations}; expected 1 or more.")
    iterates: list[Tensor] = []
    cg_sense(A, kspace, reg_weight=reg_weight, n_iterations=n_iterations, tolerance=0, trace=iterates.append)
    solved = iterates[-1] if iterates else torch.zeros_like(A.adjoint(kspace))
    return torch.stack(iterates + [solved] * (n_iterations - len(iterates)))


def check_weight(reg_weight: float | Tensor) -> None:
    """Refuse, with ValueError, a weight that is not one finite number of 0 or more."""
    if isinstance(reg_weight, Tensor) and reg_weight.numel() != 1:
        raise ValueError(f"reg_weight has shape {tuple(reg_weight.shape)}; expected one number for all images.")
    if not (float(reg_weight) >= 0 and math.isfinite(float(reg_weight))):
        raise ValueError(f"reg_weight is {reg_weight}; expected 0 or more.")


def _check_one_each(reg_weight: Tensor) -> None:
    if reg_weight.ndim and reg_weight.shape[-2:] != (1, 1):  # (n,) would be one for each column of n pixels
        raise ValueError(
            f"reg_weight has shape {tuple(reg_weight.shape)}; expected () or one for each image, (..., 1, 1)."
        )
