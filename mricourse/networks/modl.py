r"""MoDL as published: model-based deep learning [Aggarwal, Mani, Jacob, IEEE TMI 38:394, 2019].

$x^* = \arg\min_x \lVert A x - y\rVert^2 + \lambda \lVert x - D_w(x)\rVert^2$, by alternating a learned denoiser and
data consistency $K$ times, from $x_0 = A^H y$:

$z_k = D_w(x_k)$, $\quad x_{k+1} = (A^H A + \lambda I)^{-1} (A^H y + \lambda z_k)$.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.reconstructor import Unrolled, take_over
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


class MoDL(nn.Module, Unrolled):
    r"""Reconstruct by $K$ iterations of denoising and data consistency, which share their weights and $\lambda$.

    Two things differ from the authors' code. Conjugate gradients start from $z_k$, which is closer than their zero, and
    $\lambda$ stays positive through its logarithm. The default has the published 113,413 parameters.

    The authors train $K = 1$ first and go on from its weights with $K = 10$ (`start_from`), on images whose brightest
    pixel is about 1. With ``norm="none"`` the image follows the units of the data: that is what the course trains.

    Parameters
    ----------
    n_iterations : int
        $K$.
    n_features, n_layers, norm
        Of the `DnCNN`, $D_w$.
    reg_weight : float
        $\lambda$ before training.
    n_cg : int
        Iterations of conjugate gradients in each data consistency.

    Raises
    ------
    ValueError
        A number out of range.
    """

    adaptable = True

    def __init__(
        self,
        *,
        n_iterations: int = 10,
        n_features: int = 64,
        n_layers: int = 5,
        norm: str = "batch",
        reg_weight: float = 0.05,
        n_cg: int = 10,
    ) -> None:
        super().__init__()
        if min(n_iterations, n_cg) < 1 or not reg_weight > 0:
            raise ValueError(
                f"got n_iterations={n_iterations}, n_cg={n_cg} and reg_weight={reg_weight}; expected iterations of 1 "
                "or more and a positive weight."
            )
        self.n_iterations = n_iterations
        self.n_cg = n_cg
        self.denoiser = DnCNN(n_features=n_features, n_layers=n_layers, norm=norm)
        self.log_reg_weight = nn.Parameter(torch.tensor(math.log(reg_weight)))

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep every step: $x_0, z_0, x_1, z_1, ..., x_K$, each (..., y, x); the last is the result."""
        zero_filled = A.adjoint(kspace)
        reg_weight = self.log_reg_weight.exp()
        images = [zero_filled]
        for _ in range(self.n_iterations):
            denoised = self.denoiser(images[-1])
            consistent = data_consistency(A, zero_filled, denoised, reg_weight, n_iterations=self.n_cg)
            images += [denoised, consistent]
            if trace is not None:
                trace(consistent)
        return images

    def fast_parameters(self) -> list[nn.Parameter]:
        r"""$\log\lambda$ alone."""
        return [self.log_reg_weight]

    def start_from(self, other: nn.Module) -> None:
        """Copy denoiser and weight of another `MoDL`, whatever its number of iterations."""
        if not take_over([(self, other)]):
            raise ValueError(
                "the network to start from does not fit; expected a MoDL with a denoiser of the same size."
            )
