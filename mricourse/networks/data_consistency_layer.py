r"""Data consistency: the image that agrees with the measured samples and stays close to another one.

Its gradient goes through the solution, not through the iterations, so that memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import conjugate_gradient

Solver = Callable[[Tensor], Tensor]


def data_consistency(
    A: SenseOperator,
    zero_filled: Tensor,
    prior: Tensor,
    reg_weight: Tensor,
    *,
    solver: Solver | None = None,
    n_iterations: int = 10,
    tolerance: float = 1e-6,
) -> Tensor:
    r"""Solve $(A^H A + \lambda I)\, x = A^H y + \lambda z$ for $x$, with the gradients of the solution.

    Conjugate gradients start from $z$, which is closer than zero. Nothing of them is kept for the gradients: with the
    incoming cotangent $g$ and $v = (A^H A + \lambda I)^{-1} g$, one more solve since the matrix is Hermitian,

    $\partial L / \partial (A^H y) = v$, $\quad \partial L / \partial z = \lambda v$, $\quad
    \partial L / \partial \lambda = \mathrm{Re} \langle v, z - x \rangle$.

    The last has two parts, $\langle v, z\rangle$ from the right-hand side and $-\langle v, x\rangle$ from the matrix;
    without the second its sign can be wrong. The maps that $A$ is made of get the gradient of
    $-\mathrm{Re} \langle v, A^H A\, x\rangle$ with $v$ and $x$ held fixed. Memory does not grow with the number of
    iterations. There are no second derivatives.

    Parameters
    ----------
    A : SenseOperator
        Maps (..., coils, y, x) and mask.
    zero_filled : complex Tensor, shape (..., y, x)
        $A^H y$; gradients flow on to $y$, and once more to the maps, through it.
    prior : complex Tensor, shape (..., y, x)
        $z$, the denoised image.
    reg_weight : Tensor, broadcastable to (..., y, x)
        $\lambda > 0$: one number, or one for each image.
    solver : callable, optional
        What `mricourse.reconstruct.direct_solver` returns for this operator and this weight, in place of the
        iterations.
    n_iterations, tolerance
        As in `conjugate_gradient`. Gradients are those of the exact solution; 10 iterations are enough to train with
        unless $\lambda$ is small.

    Returns
    -------
    complex Tensor, shape (..., y, x)

    Raises
    ------
    ValueError
        Shapes that do not fit together.
    """
    shape = prior.shape
    one_each = reg_weight.shape[-2:] in ((), (1, 1))
    if zero_filled.shape != shape or shape[-2:] != A.smaps.shape[-2:] or not one_each:
        raise ValueError(
            f"zero_filled has shape {tuple(zero_filled.shape)}, prior {tuple(shape)}, reg_weight "
            f"{tuple(reg_weight.shape)}; expected two images of the maps' size {tuple(A.smaps.shape[-2:])} "
            "and a number."
        )
    if not all(_serves(stack.shape[:-n], shape[:-2]) for stack, n in ((A.smaps, 3), (A.mask, 3), (reg_weight, 2))):
        raise ValueError(
            f"prior has shape {tuple(shape)}, maps {tuple(A.smaps.shape)}, mask {tuple(A.mask.shape)} and reg_weight "
            f"{tuple(reg_weight.shape)}; expected one image for each of their entries."
        )
    if solver is None:
        options = {"reg_weight": reg_weight.detach(), "n_iterations": n_iterations, "tolerance": tolerance}
        solver = partial(conjugate_gradient, A.normal, **options)
    return _Consistency.apply(A, solver, zero_filled, prior, reg_weight, A.smaps)


def _serves(stack: torch.Size, images: torch.Size) -> bool:
    """Whether leading axes fit those of the images without adding to them."""
    pairs = zip(reversed(stack), reversed(images), strict=False)
    return len(stack) <= len(images) and all(n in (1, n_images) for n, n_images in pairs)


class _Consistency(torch.autograd.Function):
    @staticmethod
    def forward(ctx, A, solver, zero_filled, prior, reg_weight, smaps):
        image = prior + solver(zero_filled - A.normal(prior))
        ctx.mask = A.mask
        ctx.solver = solver
        learned = (smaps,) if ctx.needs_input_grad[5] else ()  # else nothing of the size of the maps is kept
        ctx.save_for_backward(reg_weight, prior, image, *learned)
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        reg_weight, prior, image, *learned = ctx.saved_tensors
        v = ctx.solver(grad)
        by_weight = (v.conj() * (prior - image)).real.sum_to_size(reg_weight.shape)
        by_smaps = _maps_gradient(*learned, ctx.mask, v, image) if learned else None
        return None, None, v, reg_weight * v, by_weight, by_smaps


def _maps_gradient(smaps: Tensor, mask: Tensor, v: Tensor, image: Tensor) -> Tensor:
    r"""Gradient of $-\mathrm{Re} \langle v, A^H A\, x\rangle$ for the maps, (..., coils, y, x)."""
    with torch.enable_grad():
        smaps = smaps.detach().requires_grad_()
        product = -(v.conj() * SenseOperator(smaps, mask).normal(image.detach())).real.sum()
    return torch.autograd.grad(product, smaps)[0]
