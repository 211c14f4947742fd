r"""One step of an optimiser, written as its equation: plain gradient descent, momentum, Adagrad, RMSProp, Adam.

Each rule is ``rule(weights, memory, grad, rate, t)`` and returns (new weights, new memory). `memory` is what the rule
remembers, 0.0 at first (Adam: two zeros); `t` is the number of the step, 1, 2, ..., which only Adam uses. Tensors have
any one shape, dtype and device; nothing is changed in place. `torch.optim` computes the same, faster and in place.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "adagrad_step", "adam_step", "momentum_step", "plain_step", "rmsprop_step", "train_by_hand",
    "valley_steps",
]  # fmt: skip

Rule = Callable[[Tensor, Any, Tensor, float, int], tuple[Tensor, Any]]


def plain_step(weights: Tensor, memory: Any, grad: Tensor, rate: float, t: int) -> tuple[Tensor, Any]:
    r"""Gradient descent, $w \leftarrow w - \eta g$; its memory stays what it was."""
    return weights - rate * grad, memory


def momentum_step(
    weights: Tensor, memory: Any, grad: Tensor, rate: float, t: int, beta: float = 0.9
) -> tuple[Tensor, Tensor]:
    r"""Momentum, $v \leftarrow \beta v + g$ and $w \leftarrow w - \eta v$ [Polyak 1964]; the memory is v."""
    memory = beta * memory + grad
    return weights - rate * memory, memory


def adagrad_step(
    weights: Tensor, memory: Any, grad: Tensor, rate: float, t: int, eps: float = 1e-10
) -> tuple[Tensor, Tensor]:
    r"""Adagrad, $s \leftarrow s + g^2$ and $w \leftarrow w - \eta g / (\sqrt s + \varepsilon)$; the memory is s.

    [Duchi et al., J Mach Learn Res 12:2121, 2011]
    """
    memory = memory + grad**2
    return weights - rate * grad / (memory.sqrt() + eps), memory


def rmsprop_step(
    weights: Tensor, memory: Any, grad: Tensor, rate: float, t: int, alpha: float = 0.99, eps: float = 1e-8
) -> tuple[Tensor, Tensor]:
    r"""RMSProp, $s \leftarrow \alpha s + (1 - \alpha) g^2$, then the step of Adagrad; the memory is s.

    [Tieleman and Hinton, Coursera lecture 6.5, 2012]
    """
    memory = alpha * memory + (1 - alpha) * grad**2
    return weights - rate * grad / (memory.sqrt() + eps), memory


def adam_step(
    weights: Tensor,
    memory: tuple[Any, Any],
    grad: Tensor,
    rate: float,
    t: int,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r"""Adam: means of g and g^2 that forget, both corrected for their start at zero; the memory is (m, s).

    [Kingma and Ba, ICLR 2015, doi 10.48550/arXiv.1412.6980]
    """
    m, s = memory
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    mean = m / (1 - beta1**t)
    mean_square = s / (1 - beta2**t)
    return weights - rate * mean / (mean_square.sqrt() + eps), (m, s)


def train_by_hand(
    network: nn.Module,
    loss: Callable[[nn.Module, int], Tensor],
    rule: Rule,
    *,
    rate: float,
    n_steps: int,
    memory: Any = 0.0,
) -> nn.Module:
    """Train a copy of a network by a rule that was written by hand, each tensor of weights with a memory of its own.

    Parameters
    ----------
    network : nn.Module
        Stays as it is.
    loss : callable
        ``loss(network, i)`` is the loss of the batch of step i = 0, 1, ..., a Tensor of shape ().
    rule : callable
        As the functions of this module.
    rate : float
        The learning rate.
    n_steps : int
    memory :
        What each tensor of weights remembers at first: 0.0, or (0.0, 0.0) for Adam.

    Returns
    -------
    nn.Module
        The copy, whose parameters need no gradient any more.
    """
    trained = copy.deepcopy(network)
    weights = list(trained.parameters())
    memories = [memory] * len(weights)
    for t in range(1, n_steps + 1):
        gradients = torch.autograd.grad(loss(trained, t - 1), weights)
        with torch.no_grad():
            for index, (part, gradient) in enumerate(zip(weights, gradients, strict=True)):
                moved, memories[index] = rule(part.clone(), memories[index], gradient, rate, t)
                part.copy_(moved)
    return trained.requires_grad_(False)


def valley_steps(kappa: float, *, momentum: bool) -> int:
    r"""Steps to a thousandth of the error in a valley of curvatures 1 and 1 / kappa, with the best rate (and share).

    Gradient descent has $\eta = 2 / (\lambda_{\max} + \lambda_{\min})$; momentum has
    $\eta = 4 / (\sqrt{\lambda_{\max}} + \sqrt{\lambda_{\min}})^2$ and
    $\beta = ((\sqrt\kappa - 1) / (\sqrt\kappa + 1))^2$ [Polyak 1964]. The error is 1 in both directions at first.

    Parameters
    ----------
    kappa : float
        Condition number, above 1.
    momentum : bool
        Whether the walk has a velocity.

    Raises
    ------
    ValueError
        A condition number that is not above 1.
    """
    if not kappa > 1:
        raise ValueError(f"kappa is {kappa}; expected a condition number above 1.")
    root = math.sqrt(kappa)
    rate = 4 / (1 + 1 / root) ** 2 if momentum else 2 / (1 + 1 / kappa)
    beta = ((root - 1) / (root + 1)) ** 2 if momentum else 0.0
    curvatures = torch.tensor([1.0, 1 / kappa], dtype=torch.float64)
    error = torch.ones(2, dtype=torch.float64)
    velocity: Any = 0.0
    n_steps = 0
    while float(error.abs().max()) > 1e-3:
        error, velocity = momentum_step(error, velocity, curvatures * error, rate, n_steps + 1, beta)
        n_steps += 1
    return n_steps
