r"""What the gradients of data consistency are made of, and what memory they cost: experiments of a lesson.

The equation is $(A^H A + \lambda I)\, x = A^H y + \lambda z$, the formula is in `mricourse.networks.data_consistency`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from mricourse.evaluation.costs import kept_for_backward
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.deep_equilibrium import DeepEquilibrium
from mricourse.networks.modl import MoDL
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask
from mricourse.reconstruct.least_squares import conjugate_gradient

STEP = 1e-5  # of lambda, in central differences: good to nine digits in double precision
EXACT = 1e-13


@dataclass(frozen=True, eq=False)
class WeightGradients:
    r"""Derivatives of a loss in $\lambda$, each of shape (problems,): measured, and the two parts of the formula.

    Parameters
    ----------
    slope : Tensor
        By finite differences.
    from_rhs : Tensor
        $\mathrm{Re}\langle v, z\rangle$, since $\lambda$ stands on the right-hand side.
    from_matrix : Tensor
        $-\mathrm{Re}\langle v, x\rangle$, since it stands in the matrix too.
    """

    slope: Tensor
    from_rhs: Tensor
    from_matrix: Tensor


def reg_weight_gradients(n_problems: int, reg_weight: float, *, seed: int = 0) -> WeightGradients:
    r"""Differentiate $\frac12\lVert x - r\rVert^2$ in $\lambda$ for random problems of 3 x 2 pixels and two coils.

    Maps, true images, denoised images $z$ and goals $r$ are complex Gaussian noise, in double precision; one line in
    two is measured.

    Parameters
    ----------
    n_problems : int
    reg_weight : float
        $\lambda$, above 0.
    seed : int

    Raises
    ------
    ValueError
        No problem, or a weight that is not above 0.
    """
    if n_problems < 1 or not reg_weight > STEP:
        raise ValueError(f"got n_problems={n_problems} and reg_weight={reg_weight}; expected 1 or more, and above 0.")

    def drawn(number: int, *shape: int) -> Tensor:
        return random_complex(n_problems, *shape, seed=4 * seed + number, dtype=torch.complex128)

    truth, prior, goal = drawn(0, 3, 2), drawn(1, 3, 2), drawn(2, 3, 2)
    A = SenseOperator(drawn(3, 2, 3, 2), equispaced_mask(3, 2, acs=0))

    def solved(rhs: Tensor, weight: float) -> Tensor:
        return conjugate_gradient(A.normal, rhs, reg_weight=weight, tolerance=EXACT)

    def loss(weight: float) -> Tensor:
        x = solved(A.normal(truth) + weight * prior, weight)
        return (x - goal).abs().square().sum((-2, -1)) / 2

    image = solved(A.normal(truth) + reg_weight * prior, reg_weight)
    v = solved(image - goal, reg_weight)
    slope = (loss(reg_weight + STEP) - loss(reg_weight - STEP)) / (2 * STEP)
    from_rhs, from_matrix = ((v.conj() * part).sum((-2, -1)).real for part in (prior, -image))
    return WeightGradients(slope, from_rhs, from_matrix)


def memory_of_rounds(
    A: SenseOperator, kspace: Tensor, counts: Sequence[int], *, n_features: int = 32
) -> dict[str, Tensor]:
    r"""Measure what untrained networks of K rounds keep for their backward pass, unrolled or as a fixed point.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (coils, ky, kx)
    counts : sequence of int
        Numbers of rounds, K.
    n_features : int
        Of the denoiser's convolutions.

    Returns
    -------
    dict {way: Tensor (counts,)}
        MiB, of a `MoDL` ``"through all rounds"`` and of a `DeepEquilibrium` ``"implicitly"``.
    """
    kept: dict[str, list[float]] = {"through all rounds": [], "implicitly": []}
    for n_rounds in counts:
        networks = (
            MoDL(n_iterations=n_rounds, n_features=n_features, norm="none"),
            DeepEquilibrium(n_iterations=n_rounds, n_features=n_features, tolerance=1e-9),
        )
        for numbers, network in zip(kept.values(), networks, strict=True):
            numbers.append(kept_for_backward(partial(network.to(kspace.device), A, kspace)) / 2**20)
    return {way: torch.tensor(numbers) for way, numbers in kept.items()}


def memory_of_gradients(
    A: SenseOperator, zero_filled: Tensor, prior: Tensor, reg_weight: Tensor, counts: Sequence[int]
) -> dict[str, Tensor]:
    r"""Measure what is kept for the backward pass of data consistency by conjugate gradients, in two ways.

    Parameters
    ----------
    A : SenseOperator
    zero_filled, prior : complex Tensors, shape (..., y, x)
        $A^H y$ and $z$.
    reg_weight : Tensor, shape ()
        $\lambda$.
    counts : sequence of int
        Numbers of iterations.

    Returns
    -------
    dict {way: Tensor (counts,)}
        MiB, for automatic differentiation ``"through the iterations"`` and for the formula, ``"implicitly"``.
    """
    prior = prior.detach().requires_grad_()
    kept: dict[str, list[float]] = {"through the iterations": [], "implicitly": []}
    for n_iterations in counts:

        def through(n: int = n_iterations) -> Tensor:
            rhs = zero_filled + reg_weight * prior
            return conjugate_gradient(A.normal, rhs, reg_weight=reg_weight, n_iterations=n, tolerance=0)

        def implicitly(n: int = n_iterations) -> Tensor:
            return data_consistency(A, zero_filled, prior, reg_weight, n_iterations=n, tolerance=0)

        kept["through the iterations"].append(kept_for_backward(through) / 2**20)
        kept["implicitly"].append(kept_for_backward(implicitly) / 2**20)
    return {way: torch.tensor(numbers) for way, numbers in kept.items()}
