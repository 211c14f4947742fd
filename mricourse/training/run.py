"""Train by a recipe, and describe the training in a card."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from mricourse.evaluation.scores import evaluate
from mricourse.files import ROOT, exclusive
from mricourse.physics.scan import Scan
from mricourse.simulate.anatomy import FILE as ANATOMIES
from mricourse.simulate.anatomy import data_sha256
from mricourse.training.cards import Card
from mricourse.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint, weights_bytes
from mricourse.training.distributed import is_first_process
from mricourse.training.loop import Samples, train
from mricourse.training.objectives import FEATURES, WITHOUT_REFERENCE, make_objective
from mricourse.training.recipes import N_VALIDATION, Recipe, unseen_scans
from mricourse.training.state import History

VALIDATION_SEED = 1_000_000  # plus the recipe's seed: other draws than those trained on


def train_recipe(
    recipe: Recipe,
    *,
    folder: Path | str,
    states: Path | str,
    device: torch.device | str = "cpu",
    progress: Callable[[History, float], None] | None = None,
) -> Checkpoint | None:
    """Train by a recipe, or go on where it was killed, and write the checkpoint and its card.

    Parameters
    ----------
    recipe : Recipe
    folder : path
        Gets ``NAME.safetensors`` and ``NAME.json``.
    states : path
        Keeps ``NAME.state``, from which a killed training goes on; it stays there afterwards.
    device : device
    progress : callable, optional
        As in `mricourse.training.loop.train`.

    Returns
    -------
    Checkpoint, or None in the processes beside the first under ``torchrun``.

    Raises
    ------
    ValueError, OSError
        A checkpoint to start from that `load_checkpoint` refuses or that does not fit; another process that trains by
        a recipe of this name in `states`; as `train`.
    """
    states = Path(states)
    with _alone(states, recipe.name) if is_first_process() else nullcontext():
        made = _train(recipe, states / f"{recipe.name}.state", device, progress)
        if made is not None:
            save_checkpoint(made.network, made.card, folder)
        return made


class Unreferenced:
    """Scans without their references: what is not there cannot be looked at."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __getitem__(self, index: int) -> Scan:
        return replace(self.samples[index], reference=None)


def _alone(states: Path, name: str) -> AbstractContextManager[None]:
    """Keep other processes from training by this recipe into the same folder while the context lasts."""
    states.mkdir(parents=True, exist_ok=True)
    refusal = (
        f"another training writes into this folder, {states}, by the recipe {name}; expected one at a time: wait for "
        "its end, or give another folder."
    )
    return exclusive(states / f"{name}.lock", refusal)


def _train(
    recipe: Recipe,
    state_file: Path,
    device: torch.device | str,
    progress: Callable[[History, float], None] | None,
) -> Checkpoint | None:
    torch.manual_seed(recipe.seed)
    network = recipe.build()
    signature = f"{recipe.sha256} {data_sha256()}"
    start = None if recipe.start is None else load_checkpoint(recipe.start)
    if start is not None:
        network.start_from(start.network)
        signature += f" {start.card.weights_sha256}"
    objective = make_objective(
        recipe.training.loss,
        deep_supervision=recipe.training.deep_supervision,
        load_network=lambda name: load_checkpoint(name).network,
        density=recipe.scans().density() if recipe.data["kind"] == "once" else None,
    )
    if recipe.training.loss == "perceptual":
        signature += f" {load_checkpoint(FEATURES).card.weights_sha256}"
    others = recipe.slices("train", VALIDATION_SEED + recipe.seed)
    samples, validation = recipe.scans(), [others[i] for i in range(N_VALIDATION)]
    if recipe.training.loss in WITHOUT_REFERENCE:
        samples, validation = Unreferenced(samples), [replace(scan, reference=None) for scan in validation]
    history = train(
        network,
        samples,
        recipe.training,
        validation=validation,
        objective=objective,
        device=device,
        state_file=state_file,
        signature=signature,
        progress=progress,
    )
    if torch.distributed.is_initialized() and torch.distributed.get_rank() > 0:
        return None
    network.cpu().eval()
    card = make_card(recipe, network, history, device=torch.device(device), start=start)
    return Checkpoint(network, card, recipe)


def make_card(
    recipe: Recipe,
    network: nn.Module,
    history: History,
    *,
    device: torch.device | str = "cpu",
    start: Checkpoint | None = None,
) -> Card:
    """Describe a training: recipe, seed, data, commit, device, seconds, curve, and what it reaches on the unseen head.

    Parameters
    ----------
    recipe : Recipe
    network : nn.Module
        As trained, in evaluation mode on the CPU.
    history : History
    device : device
        Where it was trained.
    start : Checkpoint, optional
        What it began with.

    """
    return Card(
        name=recipe.name,
        recipe=recipe.written,
        defaults=recipe.defaults,
        start_sha256=None if start is None else start.card.weights_sha256,
        n_parameters=sum(parameter.numel() for parameter in network.parameters()),
        data_sha256={ANATOMIES.name: data_sha256()},
        commit=_commit(),
        device=_device_name(torch.device(device)),
        torch=str(torch.__version__),
        n_threads=torch.get_num_threads(),
        seconds=round(history.seconds),
        n_steps=history.step,
        best_step=history.best_step,
        curve=[{key: float(f"{value:.6g}") for key, value in row.items()} for row in history.rows],
        trained_for=recipe.scans().ranges(),
        metrics=evaluate(network, unseen_scans(recipe)),
        weights_sha256=hashlib.sha256(weights_bytes(network)).hexdigest(),
    )


def _commit() -> str:
    """The commit of the course's files, with a plus where they were changed since; "unknown" outside git."""
    try:
        options = {"cwd": ROOT, "capture_output": True, "text": True, "check": True, "timeout": 20}
        commit = subprocess.run(["git", "rev-parse", "HEAD"], **options).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "--", "mricourse", "recipes"], **options).stdout
        return commit + ("+" if changed.strip() else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return "CPU"
