"""Checkpoints: weights in safetensors, and a card in JSON that says how they were made and what they reach.

A card carries fingerprints of the weights, of the recipe and of itself; whatever was altered is refused (`cards`).
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn

from mricourse.anatomy import FILE as ANATOMIES
from mricourse.cards import CARD, ROOT, WEIGHTS, card_text, find_card, read_card, read_weights, sealed
from mricourse.evaluation import data_sha256, evaluate, unseen_scans
from mricourse.files import atomic_path
from mricourse.losses import PLAIN
from mricourse.perceptual import AdversarialLoss, PerceptualLoss
from mricourse.recipes import N_VALIDATION, Recipe, parse_recipe
from mricourse.training import History, Loss, train

FEATURES = "features"  # the checkpoint whose features the perceptual loss compares
VALIDATION_SEED = 1_000_000  # plus the recipe's seed: other draws than those trained on


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network, ready to reconstruct, and how it was made.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)``, in evaluation mode on the CPU.
    card : dict
        See `make_card`.
    recipe : Recipe
        The one that made it, as the card holds it.
    """

    network: nn.Module
    card: dict[str, Any]
    recipe: Recipe

    @property
    def name(self) -> str:
        """The recipe's and the checkpoint's."""
        return self.card["name"]


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
        As in `mricourse.training.train`.

    Returns
    -------
    Checkpoint, or None in the processes beside the first under ``torchrun``.

    Raises
    ------
    ValueError, OSError
        A checkpoint to start from that `load_checkpoint` refuses or that does not fit; as `mricourse.training.train`.
    """
    torch.manual_seed(recipe.seed)
    network = recipe.build()
    signature = f"{recipe.sha256} {data_sha256()}"
    start = None if recipe.start is None else load_checkpoint(recipe.start)
    if start is not None:
        network.start_from(start.network)
        signature += f" {start.card['weights_sha256']}"
    loss = make_loss(recipe.training.loss)
    if recipe.training.loss == "perceptual":
        signature += f" {load_checkpoint(FEATURES).card['weights_sha256']}"
    others = recipe.slices("train", VALIDATION_SEED + recipe.seed)
    validation = [others[i] for i in range(N_VALIDATION)]
    history = train(
        network,
        recipe.scans(),
        recipe.training,
        validation=validation,
        loss=loss,
        device=device,
        state_file=Path(states) / f"{recipe.name}.state",
        signature=signature,
        progress=progress,
    )
    if torch.distributed.is_initialized() and torch.distributed.get_rank() > 0:
        return None
    network.cpu().eval()
    card = make_card(recipe, network, history, device=torch.device(device), start=start)
    save_checkpoint(network, card, folder)
    return Checkpoint(network, card, recipe)


def make_loss(name: str) -> Loss:
    """Make one of `mricourse.losses.LOSSES`; the perceptual one looks through the shipped checkpoint ``features``."""
    if name == "perceptual":
        return PerceptualLoss(load_checkpoint(FEATURES).network.body)
    return AdversarialLoss() if name == "adversarial" else PLAIN[name]


def make_card(
    recipe: Recipe,
    network: nn.Module,
    history: History,
    *,
    device: torch.device | str = "cpu",
    start: Checkpoint | None = None,
) -> dict[str, Any]:
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

    Returns
    -------
    dict
        Ready for `save_checkpoint`: numbers, text, lists and dicts, with fingerprints of weights, recipe and itself.
    """
    started = {} if start is None else {"start_sha256": start.card["weights_sha256"]}
    return sealed(
        {
            "name": recipe.name,
            "title": recipe.title,
            "recipe": recipe.text,
            "recipe_sha256": recipe.sha256,
            "seed": recipe.seed,
            "start": recipe.start,
            **started,
            "n_parameters": sum(parameter.numel() for parameter in network.parameters()),
            "data_sha256": {ANATOMIES.name: data_sha256()},
            "commit": _commit(),
            "device": _device_name(torch.device(device)),
            "torch": torch.__version__,
            "n_threads": torch.get_num_threads(),
            "seconds": round(history.seconds),
            "n_steps": history.step,
            "best_step": history.best_step,
            "curve": [{key: float(f"{value:.6g}") for key, value in row.items()} for row in history.rows],
            "trained_for": recipe.scans().ranges(),
            "metrics": evaluate(network, unseen_scans(recipe)),
            "weights_sha256": hashlib.sha256(_weights(network)).hexdigest(),
        }
    )


def save_checkpoint(network: nn.Module, card: Mapping[str, Any], folder: Path | str) -> None:
    """Write weights and card into a folder, which is made where it is not there; each is whole or not there."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, content in ((WEIGHTS, _weights(network)), (CARD, card_text(card).encode())):
        with atomic_path(folder / f"{card['name']}{suffix}") as scratch:
            scratch.write_bytes(content)


def load_checkpoint(source: Path | str) -> Checkpoint:
    """Load a shipped checkpoint by name, or one from a path to its ``.safetensors`` or ``.json``, and verify it.

    The global random state is left alone, and nothing is ever unpickled.

    Raises
    ------
    FileNotFoundError
        No such checkpoint; the sentence lists those there are.
    ValueError, OSError
        A card, a weight file or a recipe that was altered, or weights that do not fit the recipe's network.
    """
    card_file = find_card(source)
    card = read_card(card_file)
    content = read_weights(card_file, card)
    with torch.random.fork_rng(devices=[]):  # building draws weights, which those of the file replace
        recipe = parse_recipe(card["recipe"], card["name"])
        network = recipe.build()
    try:
        network.load_state_dict(load_tensors(content))
    except Exception as error:  # safetensors and torch raise several kinds
        raise ValueError(
            f"{card_file.with_suffix(WEIGHTS)} does not fit the network of its recipe; expected both from one run: "
            "restore both files, or train again."
        ) from error
    return Checkpoint(network.eval(), card, recipe)


def _weights(network: nn.Module) -> bytes:
    tensors: dict[str, Tensor] = {name: value.contiguous() for name, value in network.state_dict().items()}
    return tensor_bytes(tensors)


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
