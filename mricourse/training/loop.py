"""One plain training loop: draw scans, compute the objective, step; validate, save, go on after a kill.

Sample number i is a pure function of i, and everything else that a step needs is in the state file, so a training that
was killed ends with the same weights as one that was not. Under ``torchrun`` every process takes its share of each
step, and `torch.nn.parallel.DistributedDataParallel` averages the gradients.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mricourse.evaluation.metrics import psnr
from mricourse.networks.reconstructor import Reconstructor
from mricourse.physics.scan import Batch, Scan, stack
from mricourse.training.distributed import join_processes, mean_over_processes
from mricourse.training.objectives import (
    OBJECTIVES,
    LearningObjective,
    Objective,
    check_unrolled,
    make_objective,
)
from mricourse.training.parameter_maps import Judging
from mricourse.training.self_supervised import SelfSupervised
from mricourse.training.state import History, load_state, save_state

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
LEAST = {"n_steps": 1, "batch_size": 1, "warmup": 0, "validate_every": 1, "save_every": 1, "patience": 0}


class Samples(Protocol):
    """What the loop draws from: scan number i, for any i, always the same."""

    def __getitem__(self, index: int) -> Scan: ...


@dataclass(frozen=True)
class Settings:
    """How to train; the numbers of a recipe's ``[training]`` table.

    Parameters
    ----------
    n_steps : int
        Optimiser steps.
    schedule_steps : int, optional
        Steps of the learning rate's whole way down; `n_steps` by default. More of them describe a training that was
        stopped on that way.
    batch_size : int
        Scans a step in each process.
    learning_rate : float
        Largest step size of Adam, below 1.
    reg_weight_rate : float
        How many times as large it is for single numbers such as ``log_reg_weight``, the network's
        `Reconstructor.fast_parameters`.
    warmup : int
        Steps over which the learning rate rises; at the same time it falls along a half cosine to 2 % at the end of
        the schedule.
    clip : float
        Largest norm of the gradient of a step; a longer one is shortened to it.
    deep_supervision : float
        Weight of the mean loss of all images on the way, for a network that iterates; 0 looks at the last image only.
        Where data consistency forgives a denoiser almost everything, it may as well return nonsense; this makes sure
        that it denoises [after Lee et al., AISTATS 2015, arXiv:1409.5185].
    loss : str
        What is made small, one of `mricourse.training.objectives.OBJECTIVES`.
    precision : "float32" or "bfloat16"
        What the network's convolutions compute in; the physics stays in float32.
    validate_every, save_every : int
        Steps between validations and between states saved. The last step does both.
    patience : int
        Stop after this many validations in a row without a new best; 0 never stops early.

    Raises
    ------
    ValueError
        A number out of range, or another precision.
    """

    n_steps: int
    schedule_steps: int | None = None
    batch_size: int = 1
    learning_rate: float = 1e-3
    reg_weight_rate: float = 10.0
    warmup: int = 100
    clip: float = 1.0
    deep_supervision: float = 0.0
    loss: str = "log_nmse"
    precision: str = "float32"
    validate_every: int = 500
    save_every: int = 500
    patience: int = 0

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"{name} is {value!r}; expected a whole number of {least} or more.")
        if self.schedule_steps is not None and not self.n_steps <= self.schedule_steps:
            raise ValueError(
                f"schedule_steps is {self.schedule_steps}; expected at least the {self.n_steps} of n_steps: "
                "leave it out where the training goes to its end."
            )
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate is {self.learning_rate!r}; expected a number between 0 and 1, as 0.001.")
        for name in ("reg_weight_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected a number above 0.")
        if not 0 <= self.deep_supervision < math.inf:
            raise ValueError(f"deep_supervision is {self.deep_supervision!r}; expected 0 or more.")
        if self.loss not in OBJECTIVES:
            raise ValueError(f"loss is {self.loss!r}; expected one of {', '.join(OBJECTIVES)}.")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; expected {' or '.join(PRECISIONS)}.")

    def rate(self, step: int) -> float:
        """Give the factor on the learning rate at a step, counted from 0."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / (self.schedule_steps or self.n_steps)))
        return min(1.0, (step + 1) / max(1, self.warmup)) * (0.98 * cosine + 0.02)


def train(
    network: nn.Module,
    samples: Samples,
    settings: Settings,
    *,
    validation: Sequence[Scan] = (),
    objective: Objective | None = None,
    device: torch.device | str = "cpu",
    state_file: Path | None = None,
    signature: str = "",
    progress: Callable[[History, float], None] | None = None,
) -> History:
    """Train a network in place, and leave it with the weights that validated best.

    Under ``torchrun`` a step takes `batch_size` scans in every process, and ends as if one process had taken them all.
    After an elastic restart all processes go on from the state that the first one finds; should there be fewer or more
    of them than before, they go on with smaller or larger batches.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)`` returns the image (..., y, x). What a `Reconstructor` declares beyond that is heeded.
    samples : Samples
        ``samples[i]`` is a `Scan` with maps, for i = 0, 1, 2, ..., and with a reference where the objective wants one.
    settings : Settings
    validation : sequence of Scan
        Never trained on; empty keeps the last weights instead of the best. Their references say which weights are the
        best; where the objective is `SelfSupervised`, samples of theirs that it holds out.
    objective : Objective, optional
        ``objective(network, batch)`` is made small. One that learns itself, a `LearningObjective`, is taught after each
        step, and saved with the rest. By default the settings say: the loss, and how much of it on the way.
    device : torch.device or str
    state_file : path, optional
        Where to save the state, atomically, and to go on from if it is there.
    signature : str
        Names what is trained; a state file of another signature is refused.
    progress : callable, optional
        Called after each step with the history and the loss of that step.

    Returns
    -------
    History

    Raises
    ------
    ValueError, OSError
        A state file of another training or a damaged one, or one that cannot be written.
    FloatingPointError
        A loss or a gradient that is not finite; the state file keeps the weights from before.
    """
    rank, n_processes = join_processes(device)
    objective = _placed(objective, network, settings, n_processes, device)
    learner = objective if isinstance(objective, LearningObjective) else None
    judge, kind = _judge_of(objective)
    network.to(device)
    optimiser = torch.optim.Adam(_parameter_groups(network, settings))
    history, best = History(), None
    if state_file is not None:
        history, best = load_state(state_file, signature, network, optimiser, learner)
    model = _Value(network, objective)
    model = DistributedDataParallel(model) if n_processes > 1 else model
    clock = time.perf_counter() - history.seconds

    while history.step < settings.n_steps and not history.stopped_early:
        first = (history.step * n_processes + rank) * settings.batch_size
        scans = [samples[first + i].to(device) for i in range(settings.batch_size)]
        for group in optimiser.param_groups:
            group["lr"] = group["full_rate"] * settings.rate(history.step)
        batches = stack(scans, needs_reference=False)
        step_loss = _step(model, optimiser, batches, settings, seed=first)
        if learner is not None:
            learner.after_step()
        history.step += 1
        history.loss_sum, history.loss_count = history.loss_sum + step_loss, history.loss_count + 1
        history.seconds = time.perf_counter() - clock

        if history.step % settings.validate_every == 0 or history.step == settings.n_steps:
            score = validate(network, validation, device=device, judge=judge) if validation else None
            if _add_row(history, settings, score, kind):
                best = {name: value.detach().clone() for name, value in network.state_dict().items()}
        done = history.step == settings.n_steps or history.stopped_early
        if state_file is not None and rank == 0 and (done or history.step % settings.save_every == 0):
            save_state(state_file, signature, network, optimiser, history, best, learner)
        if progress is not None:
            progress(history, step_loss)
    if best is not None:
        network.load_state_dict(best)
    return history


def _judge_of(objective: Objective) -> tuple[Callable[[nn.Module, Batch], float], str]:
    """What chooses the best weights, and the name of its scores in the history."""
    if isinstance(objective, SelfSupervised):
        return objective.judge, "held_out"
    return objective.score if isinstance(objective, Judging) else against_reference, "validation"


def against_reference(network: nn.Module, batch: Batch) -> float:
    """PSNR of the image of one scan in dB, the mean where there are several contrasts."""
    if batch.reference is None:
        raise ValueError("a scan has no reference; expected one in each: validation compares with it.")
    each = psnr(network(batch.A, batch.kspace)[0], batch.reference[0])
    return float(torch.as_tensor(each, dtype=torch.float64).mean())


def validate(
    network: nn.Module,
    scans: Sequence[Scan],
    *,
    device: torch.device | str = "cpu",
    judge: Callable[[nn.Module, Batch], float] = against_reference,
) -> float:
    """Average the score of a network over scans, in dB; under ``torchrun`` every process calls it and takes a share.

    Parameters
    ----------
    network : nn.Module
    scans : sequence of Scan
    device : torch.device or str
    judge : callable
        Scores a batch of one scan in dB, higher is better: its PSNR, or the ``judge`` of a `SelfSupervised` objective,
        which looks at no reference.
    """
    rank, n_processes = join_processes(device)
    was_training = network.training
    network.eval()
    total = 0.0
    with torch.no_grad():
        for scan in scans[rank::n_processes]:
            [batch] = stack([scan.to(device)], needs_reference=False)
            total += judge(network, batch)
    network.train(was_training)
    return mean_over_processes(total, device) * n_processes / len(scans)


def _placed(
    objective: Objective | None,
    network: nn.Module,
    settings: Settings,
    n_processes: int,
    device: torch.device | str,
) -> Objective:
    """Give the objective, by default that of the settings, on a device; refuse what it cannot have."""
    if objective is None:
        objective = make_objective(settings.loss, deep_supervision=settings.deep_supervision)
    if settings.deep_supervision:
        check_unrolled(network)
    if isinstance(objective, LearningObjective) and n_processes > 1:
        raise ValueError(
            f"the objective learns, in {n_processes} processes apart; expected one process: leave out torchrun."
        )
    return objective.to(device) if isinstance(objective, nn.Module) else objective


# --- one step ---


class _Value(nn.Module):
    """The value of an objective as the output of a module, whose gradients several processes can exchange."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self.objective = partial(objective, network)  # no module: what it has learned is not the network's

    def forward(self, batch: Batch) -> Tensor:
        return self.objective(batch)


def _step(
    model: nn.Module, optimiser: torch.optim.Optimizer, batches: list[Batch], settings: Settings, *, seed: int
) -> float:
    """Step down the gradient of the mean objective over all scans, those of the other processes too; give its value."""
    model.train()
    optimiser.zero_grad(set_to_none=True)
    low = PRECISIONS[settings.precision]
    n_scans = sum(len(batch.kspace) for batch in batches)
    value = 0.0
    for number, batch in enumerate(batches):
        exchange = number == len(batches) - 1 or not isinstance(model, DistributedDataParallel)
        device = batch.kspace.device
        with nullcontext() if exchange else model.no_sync():  # once a step: others may have more batches, or fewer
            with torch.autocast(device.type, dtype=low, enabled=low is not None), _drawing_from(seed + number):
                part = model(batch) * (len(batch.kspace) / n_scans)
            part.backward()
        value += float(part.detach())
    value = mean_over_processes(value, device)
    norm = nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    if not (math.isfinite(value) and math.isfinite(norm)):
        raise FloatingPointError(
            f"the loss of a step is {value} and the norm of its gradient {float(norm)}; expected finite numbers: lower "
            "learning_rate or clip in the recipe, and begin anew."
        )
    optimiser.step()
    return value


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """Let the global random state be a function of a number for a while, and then what it was."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state)


def _parameter_groups(network: nn.Module, settings: Settings) -> list[dict]:
    """Weights and what needs larger steps apart, each with its largest learning rate."""
    fast = network.fast_parameters() if isinstance(network, Reconstructor) else []
    known = {id(parameter) for parameter in fast}
    weights, numbers = [], []
    for parameter in network.parameters():
        (numbers if id(parameter) in known else weights).append(parameter)
    rates = (settings.learning_rate, settings.learning_rate * settings.reg_weight_rate)
    groups = zip((weights, numbers), rates, strict=True)
    return [{"params": parameters, "lr": rate, "full_rate": rate} for parameters, rate in groups if parameters]


def _add_row(history: History, settings: Settings, score: float | None, name: str) -> bool:
    """Add a validation to the history, decide whether to stop, and say whether it is the best so far."""
    row = {
        "step": history.step,
        "loss": history.loss_sum / history.loss_count,
        "seconds": history.seconds,
        "learning_rate": settings.learning_rate * settings.rate(history.step - 1),
    }
    history.rows.append(row)
    history.loss_sum, history.loss_count = 0.0, 0
    if score is None:
        return False
    row[name] = score
    better = score > history.best
    if better:
        history.best, history.best_step = score, history.step
    waited = sum(old["step"] > history.best_step for old in history.rows)
    history.stopped_early = 0 < settings.patience <= waited and history.step < settings.n_steps
    return better
