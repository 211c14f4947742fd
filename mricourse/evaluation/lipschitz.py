"""How far apart a denoiser brings two images that are close: its local Lipschitz constant."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.physics.fourier import random_complex

Product = Callable[[Tensor], Tensor]


def lipschitz_constant(
    denoise: Callable[[Tensor], Tensor], images: Tensor, *, n_iterations: int = 30, seed: int = 0
) -> Tensor:
    r"""Measure the largest singular value of a denoiser's Jacobian $J$ at given images, by power iteration on $J^T J$.

    That is how much the worst small change of the image grows, and the largest of it over all images is the Lipschitz
    constant. The growth between random pairs of images says much less: a random change has next to no part in the worst
    direction. $J v$ and $J^T v$ are products by automatic differentiation, real and imaginary parts taken as
    coordinates; $J v$ as the derivative of $\langle v, J^T w\rangle$ in $w$.

    Parameters
    ----------
    denoise : callable
        Complex (..., y, x) -> (..., y, x), differentiable twice; each image by itself.
    images : complex Tensor, shape (..., y, x)
        Where to measure, such as the iterates of a reconstruction.
    n_iterations : int
        Of power iteration. What is left out makes the result too small, never too large.
    seed : int
        Of the change to begin with.

    Returns
    -------
    real Tensor, shape (...)

    Raises
    ------
    ValueError
        Fewer than one iteration.

    Source: Ryu et al., ICML 2019, arXiv:1905.05406, who measure between random images; Miyato et al., ICLR 2018.
    """
    if n_iterations < 1:
        raise ValueError(f"n_iterations is {n_iterations}; expected 1 or more, such as 30.")
    push, pull = jacobian_products(denoise, images)
    v = random_complex(*images.shape, seed=seed, dtype=images.dtype).to(images.device)
    for _ in range(n_iterations):
        v = v / _size(v).clamp_min(torch.finfo(v.real.dtype).tiny)
        pushed = push(v)
        v = pull(pushed)
    return _size(pushed)[..., 0, 0]


def jacobian_products(denoise: Callable[[Tensor], Tensor], images: Tensor) -> tuple[Product, Product]:
    r"""Make two functions, $v \mapsto J v$ and $w \mapsto J^T w$, of the Jacobian of a denoiser at given images.

    $J v$ is how the result changes when the image changes a little by $v$. Nothing is stored but the network's layers.

    Parameters
    ----------
    denoise : callable
        Complex (..., y, x) -> (..., y, x), differentiable twice.
    images : complex Tensor, shape (..., y, x)
        Where.

    Returns
    -------
    push, pull : callables
        Complex (..., y, x) -> (..., y, x), real and imaginary parts taken as coordinates.
    """
    point = images.detach().requires_grad_()
    with torch.enable_grad():
        value = denoise(point)
        cotangent = torch.zeros_like(value).requires_grad_()
        [pulled] = torch.autograd.grad(value, point, cotangent, create_graph=True)

    def push(v: Tensor) -> Tensor:
        return torch.autograd.grad(pulled, cotangent, v, retain_graph=True)[0].detach()

    def pull(w: Tensor) -> Tensor:
        return torch.autograd.grad(value, point, w, retain_graph=True)[0].detach()

    return push, pull


def _size(images: Tensor) -> Tensor:
    """Norm of each image: (..., y, x) -> (..., 1, 1)."""
    return torch.linalg.vector_norm(images, dim=(-2, -1), keepdim=True)
