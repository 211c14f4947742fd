"""Optimisers at work: one written by hand beside torch's, a training with one rate a step, range test, dead units."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

Loss = Callable[[nn.Module, int], Tensor]
Step = Callable[[Tensor, Any, Tensor, float, int], tuple[Tensor, Any]]


def beside_torch(
    step: Step, optimizer: Callable[..., Optimizer], *, memory: Any = 0.0, scale: float = 1.0, n_steps: int = 20
) -> Tensor:
    """Largest difference of the weights from torch's after each step, over random gradients in float64.

    The learning rate falls from step to step, as 0.1 / t, so that a rule which remembers old learning rates shows.

    Parameters
    ----------
    step : callable
        ``step(weights, memory, grad, lr, t)`` returns (new weights, new memory) for t = 1, 2, ...
    optimizer : callable
        ``optimizer([parameter], lr=...)`` returns the one to compare with, such as ``torch.optim.Adagrad``.
    memory :
        What `step` gets the first time.
    scale : float
        Standard deviation of the gradients; one near an optimiser's eps shows where eps was added.
    n_steps : int

    Returns
    -------
    float64 Tensor, shape (n_steps,)
        In the units of the weights; infinite where weights are not finite, or have another shape than before.

    Raises
    ------
    TypeError
        A step that does not return two things.
    """
    generator = torch.Generator().manual_seed(0)
    draws = scale * torch.randn(n_steps, 3, 5, generator=generator, dtype=torch.float64)
    weights = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    parameter = weights.clone().requires_grad_()
    torchs = optimizer([parameter], lr=0.1)
    differences = []
    for t, gradient in enumerate(draws, start=1):
        torchs.param_groups[0]["lr"] = rate = 0.1 / t
        parameter.grad = gradient.clone()
        torchs.step()
        returned = step(weights.clone(), memory, gradient.clone(), rate, t)
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise TypeError(f"step returned {type(returned).__name__}; expected (new weights, new memory).")
        weights, memory = returned
        if weights.shape != parameter.shape:
            return torch.full((n_steps,), torch.inf, dtype=torch.float64)
        differences.append((weights - parameter.detach()).abs().max())
    return torch.stack(differences).nan_to_num(nan=torch.inf, posinf=torch.inf)


def train_with_rates(
    network: nn.Module, loss: Loss, rates: Tensor | Sequence[float], *, optimizer: type[Optimizer] = Adam
) -> tuple[nn.Module, Tensor]:
    """Train a copy of a network, step number i with the learning rate ``rates[i]``.

    Parameters
    ----------
    network : nn.Module
        Stays as it is.
    loss : callable
        ``loss(network, i)`` is the loss of the batch of step i, a Tensor of shape ().
    rates : Tensor, shape (steps,), or a sequence of floats
        Above or equal to 0; any schedule.
    optimizer : type
        Of `torch.optim`; its other options keep their defaults.

    Returns
    -------
    (trained, losses) : nn.Module and Tensor, shape (steps,)
        The copy, whose parameters need no gradient any more, and the loss of each step, before the weights move; nan
        from where it was no longer finite, and training stops there.

    Raises
    ------
    ValueError
        Rates that are not a row of finite numbers of 0 or more.
    """
    rates = torch.as_tensor(rates)
    if rates.ndim != 1 or not len(rates) or not bool((rates >= 0).all() & rates.isfinite().all()):
        raise ValueError(
            f"rates of shape {tuple(rates.shape)} came; expected (steps,), all finite and 0 or more, such as "
            "torch.logspace(-5, 0, 100)."
        )
    trained = copy.deepcopy(network)
    stepper = optimizer(trained.parameters(), lr=float(rates[0]))
    losses = torch.full((len(rates),), torch.nan)
    for step, rate in enumerate(rates.tolist()):
        for group in stepper.param_groups:
            group["lr"] = rate
        value = loss(trained, step)
        if not bool(value.isfinite()):
            break
        losses[step] = value.detach()
        stepper.zero_grad()
        value.backward()
        stepper.step()
    return trained.requires_grad_(False), losses


def range_test(
    network: nn.Module,
    loss: Loss,
    rates: Tensor | Sequence[float],
    *,
    optimizer: type[Optimizer] = Adam,
    n_sweeps: int = 3,
    width: int = 25,
) -> Tensor:
    """Try all learning rates in short trainings [Smith, WACV 2017, doi 10.1109/WACV.2017.58].

    From each loss that of the untrained network on the same batch is subtracted, since batches differ in difficulty,
    and the differences are averaged over the sweeps and over `width` steps around each.

    Parameters
    ----------
    network : nn.Module
        Stays as it is.
    loss, optimizer :
        As in `train_with_rates`; best a logarithm, whose differences mean the same for every batch. Sweep number k
        takes the batches k * steps to (k + 1) * steps - 1.
    rates : Tensor, shape (steps,), or a sequence of floats
        Growing, evenly in the logarithm.
    n_sweeps : int
        Trainings, all from the same network; a single sweep reads a rate to a factor of three or so.
    width : int
        Odd.

    Returns
    -------
    Tensor, shape (steps,), on the CPU
        Change of the loss at each rate; nan at both ends, where the average does not fit, and where a loss that was
        not finite enters.

    Raises
    ------
    ValueError
        A width that is not odd or does not fit, no sweep, or rates as in `train_with_rates`.
    """
    if not 1 <= width <= len(rates) or width % 2 == 0 or n_sweeps < 1:
        raise ValueError(
            f"got width={width} and n_sweeps={n_sweeps} for {len(rates)} rates; expected an odd width, at most as many "
            "as rates, such as 25, and at least one sweep."
        )
    n_steps = len(rates)
    half = width // 2
    change = torch.tensor(0.0)
    for first in range(0, n_sweeps * n_steps, n_steps):
        moved = functools.partial(_later, loss, first)
        _, losses = train_with_rates(network, moved, rates, optimizer=optimizer)
        with torch.no_grad():
            before = torch.stack([moved(network, step) for step in range(n_steps)]).cpu()
        change = change + (losses - before) / n_sweeps
    return nn.functional.pad(change.unfold(0, width, 1).mean(dim=1), (half, half), value=torch.nan)


def _later(loss: Loss, first: int, network: nn.Module, step: int) -> Tensor:
    return loss(network, first + step)


def dead_share(network: nn.Module, *inputs: Tensor) -> list[float]:
    """Share of the channels behind each ReLU that are zero everywhere, for all of these inputs.

    Nothing comes out of such a channel, and no gradient goes back through it: its weights cannot change any more.

    Parameters
    ----------
    network : nn.Module
        With ReLUs as modules; channels are axis 1 of what they return.
    *inputs : Tensor
        What the network is called with.

    Returns
    -------
    list of float
        From 0 to 1, in the order in which the ReLUs work.

    Raises
    ------
    ValueError
        A network without a ReLU.
    """
    shares: list[float] = []

    def note(module: nn.Module, came: Any, out: Tensor) -> None:
        channels = out.detach().movedim(1, 0).flatten(1)
        shares.append(float((channels == 0).all(dim=1).float().mean()))

    hooks = [part.register_forward_hook(note) for part in network.modules() if isinstance(part, nn.ReLU)]
    if not hooks:
        raise ValueError("the network has no nn.ReLU; expected one or more, whose channels could be dead.")
    try:
        with torch.no_grad():
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return shares


def example_gradients(network: nn.Module, loss: Loss, n_examples: int) -> Tensor:
    """Gradient of the loss of each example alone, all weights of the network in one row.

    Parameters
    ----------
    network : nn.Module
    loss : callable
        ``loss(network, i)`` is the loss of example i = 0, 1, ..., a Tensor of shape ().
    n_examples : int

    Returns
    -------
    Tensor, shape (n_examples, weights)
    """
    weights = list(network.parameters())
    rows = []
    for index in range(n_examples):
        parts = torch.autograd.grad(loss(network, index), weights)
        rows.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(rows)
