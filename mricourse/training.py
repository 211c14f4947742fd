"""One plain training loop: draw scans, reconstruct, compare, step; validate, save, go on after a kill.

Sample number i is a pure function of i, and everything else that a step needs is in the state file, so a training that
was killed ends with the same weights as one that was not. Under ``torchrun`` every process takes its share of each
batch and `torch.nn.parallel.DistributedDataParallel` averages the gradients.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mricourse.metrics import psnr
from mricourse.scan import Scan
from mricourse.training_data import Batch, stack

FEW = ("log_reg_weight", "noise_power")  # single numbers, which need larger steps than weights
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


class Samples(Protocol):
    """What the loop draws from: scan number i, for any i, always the same."""

    def __getitem__(self, index: int) -> Scan: ...


@dataclass(frozen=True)
class Settings:
    """How to train; the numbers of a recipe's ``[training]`` table.

    Parameters
    ----------
    n_steps : int
        Optimiser steps; the learning rate rises over `warmup` of them and falls along a half cosine to 2 % at the end.
    batch_size : int
        Scans a step in each process.
    learning_rate : float
        Largest step size of Adam; `reg_weight_rate` times as much for single numbers such as
        ``log_reg_weight``.
    clip : float
        Largest norm of the gradient of a step.
    precision : "float32" or "bfloat16"
        What convolutions compute in; the physics stays in float32.
    validate_every, save_every : int
        Steps between validations and between state files.
    patience : int
        Stop after this many validations without a better one; 0 never stops early.
    """

    n_steps: int
    batch_size: int = 1
    learning_rate: float = 1e-3
    reg_weight_rate: float = 10.0
    warmup: int = 100
    clip: float = 1.0
    precision: str = "float32"
    validate_every: int = 500
    save_every: int = 500
    patience: int = 0

    def __post_init__(self) -> None:
        for name in ("n_steps", "batch_size", "validate_every", "save_every"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}; expected a whole number of 1 or more.")
        if not (isinstance(self.learning_rate, float) and 0 < self.learning_rate < 1):
            raise ValueError(f"learning_rate is {self.learning_rate!r}; expected a number between 0 and 1, as 0.001.")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; expected {' or '.join(PRECISIONS)}.")

    def rate(self, step: int) -> float:
        """Give the factor on the learning rate at a step."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.n_steps))
        return min(1.0, (step + 1) / max(1, self.warmup)) * (0.98 * cosine + 0.02)


@dataclass
class History:
    """What a training saw: one row a validation with step, loss, validation and learning_rate; and where it stands."""

    rows: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    best: float = -math.inf
    best_step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    stopped_early: bool = False


def log_nmse(image: Tensor, reference: Tensor) -> Tensor:
    r"""Average $10 \log_{10} (\lVert x - x_\mathrm{ref}\rVert^2 / \lVert x_\mathrm{ref}\rVert^2)$ over scans, in dB.

    Its negative is the mean PSNR up to a constant, so a scan with little noise weighs as much as one with a lot: under
    the plain mean squared error the noisy ones would decide everything. Complex (..., y, x) -> number.
    """
    error = _energy(image - reference) / _energy(reference).clamp_min(torch.finfo(torch.float32).tiny)
    return (10 * torch.log10(error + 1e-8)).mean()


def train(
    network: nn.Module,
    samples: Samples,
    settings: Settings,
    *,
    validation: Sequence[Scan] = (),
    loss: Callable[[Tensor, Tensor], Tensor] = log_nmse,
    device: torch.device | str = "cpu",
    state_file: Path | None = None,
    signature: str = "",
    progress: Callable[[History, float], None] | None = None,
) -> History:
    """Train a network in place, and leave it with the weights that validated best.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)`` returns the image (..., y, x).
    samples : Samples
        ``samples[i]`` is a `Scan` with maps and reference, for i = 0, 1, 2, ...
    settings : Settings
    validation : sequence of Scan
        Never trained on; empty keeps the last weights instead of the best.
    loss : callable
        Compares images with references, both (scans, y, x), and averages over the scans.
    state_file : path, optional
        Where to save the state, atomically, and to go on from if it is there.
    signature : str
        Names what is trained; a state file of another signature is refused.
    progress : callable, optional
        Called after each step with the history and the loss of that step.

    Returns
    -------
    History
    """
    rank, n_processes = _process()
    network.to(device)
    optimiser = torch.optim.Adam(_parameter_groups(network, settings))
    history, best = History(), None
    if state_file is not None and state_file.exists():
        history, best = _load_state(state_file, signature, network, optimiser)
    model = nn.parallel.DistributedDataParallel(network) if n_processes > 1 else network
    clock = time.perf_counter() - history.seconds

    while history.step < settings.n_steps and not history.stopped_early:
        first = (history.step * n_processes + rank) * settings.batch_size
        scans = [samples[first + i].to(device) for i in range(settings.batch_size)]
        for group in optimiser.param_groups:
            group["lr"] = group["full_rate"] * settings.rate(history.step)
        step_loss = _gradients(model, stack(scans), loss, settings)
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
        optimiser.step()
        history.step += 1
        history.loss_sum, history.loss_count = history.loss_sum + step_loss, history.loss_count + 1
        history.seconds = time.perf_counter() - clock

        last = history.step == settings.n_steps
        if history.step % settings.validate_every == 0 or last:
            best = _validate(network, validation, history, best, settings, device)
        if state_file is not None and rank == 0 and (history.step % settings.save_every == 0 or last):
            _save_state(state_file, signature, network, optimiser, history, best)
        if progress is not None:
            progress(history, step_loss)
    if best is not None:
        network.load_state_dict(best)
    return history


def validate(network: nn.Module, scans: Sequence[Scan], *, device: torch.device | str = "cpu") -> float:
    """Average the PSNR of a network over scans, in dB."""
    scores = []
    was_training = network.training
    network.eval()
    with torch.no_grad():
        for scan in scans:
            batch = stack([scan.to(device)])[0]
            scores.append(float(psnr(network(batch.A, batch.kspace)[0], batch.reference[0])))
    network.train(was_training)
    return sum(scores) / len(scores)


# --- one step ---


def _gradients(model: nn.Module, batches: list[Batch], loss: Callable, settings: Settings) -> float:
    """Accumulate the gradient of the mean loss over all scans of a step."""
    model.train()
    model.zero_grad(set_to_none=True)
    n_scans = sum(len(batch.kspace) for batch in batches)
    total = 0.0
    for number, (A, kspace, reference) in enumerate(batches):
        exchange = number == len(batches) - 1 or not hasattr(model, "no_sync")
        model_context = torch.enable_grad() if exchange else model.no_sync()
        low = PRECISIONS[settings.precision]
        with model_context:
            with torch.autocast(kspace.device.type, dtype=low or torch.bfloat16, enabled=low is not None):
                image = model(A, kspace)
            part = loss(image, reference) * (len(kspace) / n_scans)
            part.backward()
        total += float(part.detach())
    if not math.isfinite(total):
        raise FloatingPointError(
            f"the loss is {total} at this step; expected a finite number: lower learning_rate or clip in the recipe."
        )
    return total


def _parameter_groups(network: nn.Module, settings: Settings) -> list[dict]:
    weights, numbers = [], []
    for name, parameter in network.named_parameters():
        (numbers if name.endswith(FEW) else weights).append(parameter)
    rates = (settings.learning_rate, settings.learning_rate * settings.reg_weight_rate)
    groups = [(weights, rates[0]), (numbers, rates[1])]
    return [{"params": params, "lr": rate, "full_rate": rate} for params, rate in groups if params]


def _validate(
    network: nn.Module,
    scans: Sequence[Scan],
    history: History,
    best: dict[str, Tensor] | None,
    settings: Settings,
    device: torch.device | str,
) -> dict[str, Tensor] | None:
    """Add a row to the history; keep a copy of the weights where they are the best so far."""
    row = {"step": history.step, "loss": history.loss_sum / max(1, history.loss_count), "seconds": history.seconds}
    history.loss_sum, history.loss_count = 0.0, 0
    row["learning_rate"] = settings.learning_rate * settings.rate(history.step - 1)
    if scans:
        row["validation"] = validate(network, scans, device=device)
        if row["validation"] > history.best:
            history.best, history.best_step = row["validation"], history.step
            best = {name: value.detach().clone() for name, value in network.state_dict().items()}
        waited = sum(1 for old in [*history.rows, row] if old["step"] > history.best_step)
        history.stopped_early = settings.patience > 0 and waited >= settings.patience
    history.rows.append(row)
    return best


def _energy(image: Tensor) -> Tensor:
    return (
        torch.view_as_real(image).square().sum(dim=(-3, -2, -1)) if image.is_complex() else image.square().sum((-2, -1))
    )


def _process() -> tuple[int, int]:
    """Rank and number of processes; joins the group that torchrun announces."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return 0, 1
    distributed = torch.distributed
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return distributed.get_rank(), distributed.get_world_size()


# --- the state file ---


def _save_state(
    path: Path,
    signature: str,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    history: History,
    best: dict[str, Tensor] | None,
) -> None:
    """Write weights, best weights, Adam's moments and the history into one file, beside and then renamed."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in (best or {}).items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    save_file(tensors, beside, metadata={"signature": signature, "history": json.dumps(asdict(history))})
    os.replace(beside, path)


def _load_state(
    path: Path, signature: str, network: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[History, dict[str, Tensor] | None]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is no training state ({error}); expected one to go on from: delete it.") from error
    if metadata.get("signature") != signature:
        raise ValueError(
            f"{path} belongs to another recipe, or to this one before it was changed; expected a state of this very "
            "recipe: delete it to begin anew, or give another folder."
        )

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    network.load_state_dict(part("network."))
    state = optimiser.state_dict()
    for name, value in part("adam.").items():
        number, _, moment = name.partition(".")
        state["state"].setdefault(int(number), {})[moment] = value
    optimiser.load_state_dict(state)
    return History(**json.loads(metadata["history"])), part("best.") or None
