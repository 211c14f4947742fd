r"""Unrolled ADMM: data consistency, a learned denoiser, and a multiplier that remembers what they disagree about.

The alternating direction method of multipliers [Boyd, Found. Trends Mach. Learn. 3:1, 2011], unrolled for MRI as in
ADMM-Net [Yang, Sun, Li, Xu, NeurIPS 2016; IEEE TPAMI 42:521, 2020]. From $x_0 = A^H y$ and $u_0 = 0$:

$z_k = D_w(x_k + u_k)$, $\quad u_{k+1} = u_k + \eta\,(x_k - z_k)$, $\quad
x_{k+1} = (A^H A + \lambda I)^{-1} (A^H y + \lambda (z_k - u_{k+1}))$.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.option_checks import check_counts, check_positive
from mricourse.networks.reconstructor import Unrolled, same_shapes
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


def admm_iterates(
    A: SenseOperator,
    zero_filled: Tensor,
    denoisers: Iterable[Callable[[Tensor], Tensor]],
    reg_weight: Tensor,
    step_size: Tensor,
    *,
    n_cg: int,
    trace: Trace | None = None,
) -> list[Tensor]:
    r"""Iterate ADMM from $x_0 = A^H y$, a denoiser (..., y, x) -> (..., y, x) for each iteration.

    Parameters
    ----------
    A : SenseOperator
    zero_filled : complex Tensor, shape (..., y, x)
        $A^H y$.
    denoisers : iterable of callables
    reg_weight, step_size : Tensor, shape ()
        $\lambda$ and $\eta$.
    n_cg : int
        Iterations of conjugate gradients in each data consistency.
    trace : callable, optional
        Called with each $x_k$ from $x_1$ on.

    Returns
    -------
    list of complex Tensor, shape (..., y, x)
        $x_0, z_0, x_1, z_1, ..., x_K$.
    """
    images = [zero_filled]
    multiplier = torch.zeros_like(zero_filled)
    for denoise in denoisers:
        image = images[-1]
        denoised = denoise(image + multiplier)
        multiplier = multiplier + step_size * (image - denoised)
        prior = denoised - multiplier
        images += [denoised, data_consistency(A, zero_filled, prior, reg_weight, n_iterations=n_cg)]
        if trace is not None:
            trace(images[-1])
    return images


class ADMMNet(nn.Module, Unrolled):
    r"""Reconstruct by $K$ iterations of ADMM, which share the denoiser, $\lambda$ and the multiplier's step $\eta$.

    With $\eta = 0$ it is `MoDL`. At a fixed point of MoDL $x$ and $z$ differ, since each pulls its own way; here the
    multiplier moves until they agree.

    Published with learned filters and piecewise linear functions as the regulariser, weights for each iteration, and
    one coil; here with the residual denoiser and the shared weights of MoDL, so that the two differ in the multiplier
    alone. $\lambda$ and $\eta$ stay positive through their logarithms.

    Parameters
    ----------
    n_iterations : int
        $K$.
    n_features, n_layers, norm
        Of the `DnCNN`, $D_w$; without a norm the image follows the units of the data.
    reg_weight, step_size : float
        $\lambda$ and $\eta$ before training.
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
        norm: str = "none",
        reg_weight: float = 0.05,
        step_size: float = 1.0,
        n_cg: int = 10,
    ) -> None:
        super().__init__()
        check_counts(n_iterations=n_iterations, n_cg=n_cg)
        check_positive(reg_weight=reg_weight, step_size=step_size)
        self.n_iterations = n_iterations
        self.n_cg = n_cg
        self.denoiser = DnCNN(n_features=n_features, n_layers=n_layers, norm=norm)
        self.log_reg_weight = nn.Parameter(torch.tensor(math.log(reg_weight)))
        self.log_step_size = nn.Parameter(torch.tensor(math.log(step_size)))

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep every step: $x_0, z_0, x_1, z_1, ..., x_K$, each (..., y, x); the last is the result."""
        weights = self.log_reg_weight.exp(), self.log_step_size.exp()
        denoisers = [self.denoiser] * self.n_iterations
        return admm_iterates(A, A.adjoint(kspace), denoisers, *weights, n_cg=self.n_cg, trace=trace)

    def fast_parameters(self) -> list[nn.Parameter]:
        r"""$\log\lambda$ and $\log\eta$."""
        return [self.log_reg_weight, self.log_step_size]

    def start_from(self, other: nn.Module) -> None:
        """Copy denoiser and weight of another `ADMMNet` or of a `MoDL`, whatever its number of iterations.

        Raises
        ------
        ValueError
            Another kind of network, or a denoiser of another size.
        """
        mine = self.state_dict()
        state = {"log_step_size": mine["log_step_size"]} | other.state_dict()  # which a MoDL lacks
        if not same_shapes(mine, state):
            raise ValueError(
                "the network to start from does not fit; expected an ADMMNet or a MoDL with a denoiser of the same "
                "size."
            )
        self.load_state_dict(state)
