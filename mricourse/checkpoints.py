"""Checkpoints: weights in safetensors, and a card in JSON that says how they were made and what they reach.

A card carries fingerprints of the weights, of the recipe and of itself. Whatever was altered is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn

from mricourse.anatomy import FILE as ANATOMIES
from mricourse.metrics import nmse, psnr, ssim
from mricourse.recipes import N_VALIDATION, Recipe, load_recipe, parse_recipe
from mricourse.scan import Scan
from mricourse.training import History, train
from mricourse.training_data import stack

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = ROOT / "data" / "checkpoints"
N_TEST = 24  # slices of the unseen head that a card's metrics are taken from
TEST_SEED = 1
VALIDATION_SEED = 1_000_000  # plus the recipe's seed: other draws than those trained on


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network, ready to reconstruct, and its card.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)``, in evaluation mode on the CPU.
    card : dict
        See `make_card`.
    """

    network: nn.Module
    card: dict[str, Any]

    @property
    def recipe(self) -> Recipe:
        """The recipe that made it."""
        return parse_recipe(self.card["recipe"], self.card["name"])


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
    """
    torch.manual_seed(recipe.seed)
    network = recipe.build()
    signature = f"{recipe.sha256} {_data_sha256()}"
    if recipe.start is not None:
        start = load_checkpoint(recipe.start)
        network.start_from(start.network)
        signature += f" {start.card['weights_sha256']}"
    others = recipe.slices("train", VALIDATION_SEED + recipe.seed)
    validation = [others[i] for i in range(N_VALIDATION)]
    history = train(
        network,
        recipe.scans(),
        recipe.training,
        validation=validation,
        device=device,
        state_file=Path(states) / f"{recipe.name}.state",
        signature=signature,
        progress=progress,
    )
    if torch.distributed.is_initialized() and torch.distributed.get_rank() > 0:
        return None
    network.cpu().eval()
    card = make_card(recipe, network, history, device=torch.device(device))
    save_checkpoint(network, card, folder)
    return Checkpoint(network, card)


def make_card(recipe: Recipe, network: nn.Module, history: History, *, device: torch.device) -> dict[str, Any]:
    """Describe a training: recipe, data, commit, device, time, curve, and the metrics on the unseen head."""
    card = {
        "name": recipe.name,
        "title": recipe.title,
        "recipe": recipe.text,
        "recipe_sha256": recipe.sha256,
        "seed": recipe.seed,
        "start": recipe.start,
        "n_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "data_sha256": {ANATOMIES.name: _data_sha256()},
        "commit": _commit(),
        "device": _device_name(device),
        "torch": torch.__version__,
        "n_threads": torch.get_num_threads(),
        "seconds": round(history.seconds),
        "n_steps": history.step,
        "best_step": history.best_step,
        "curve": [{key: float(f"{value:.6g}") for key, value in row.items()} for row in history.rows],
        "trained_for": _range(recipe),
        "metrics": evaluate(network, test_scans(recipe)),
        "weights_sha256": hashlib.sha256(_weights(network)).hexdigest(),
    }
    return card | {"card_sha256": _card_sha256(card)}


def save_checkpoint(network: nn.Module, card: Mapping[str, Any], folder: Path | str) -> None:
    """Write weights and card, each beside and then renamed."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    for suffix, content in ((".safetensors", _weights(network)), (".json", text.encode())):
        path = folder / f"{card['name']}{suffix}"
        beside = path.with_name(path.name + ".part")
        beside.write_bytes(content)
        os.replace(beside, path)


def load_checkpoint(source: Path | str) -> Checkpoint:
    """Load a shipped checkpoint by name, or one from a path to its ``.safetensors`` or ``.json``, and verify it.

    Raises
    ------
    FileNotFoundError
        No such checkpoint; the sentence lists those there are.
    ValueError
        A card, a weight file or a recipe that was altered, or weights that do not fit the recipe's network.
    """
    card_file = _card_file(source)
    card = read_card(card_file)
    weight_file = card_file.with_suffix(".safetensors")
    if not weight_file.is_file():
        raise FileNotFoundError(f"{weight_file} is missing; expected the weights beside their card {card_file.name}.")
    content = weight_file.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["weights_sha256"]:
        raise ValueError(
            f"{weight_file} is not the file that its card describes (SHA-256 differs); expected unaltered weights: "
            "restore both files, or train again."
        )
    recipe = parse_recipe(card["recipe"], card["name"])
    network = recipe.build()
    try:
        network.load_state_dict(load_tensors(content))
    except Exception as error:
        raise ValueError(
            f"{weight_file} does not fit the network of its recipe; expected both from one run."
        ) from error
    return Checkpoint(network.eval(), card)


def read_card(path: Path) -> dict[str, Any]:
    """Read and verify a card; errors as in `load_checkpoint`."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        stated, computed = card["card_sha256"], _card_sha256(card)
        recipe_sha256 = hashlib.sha256(card["recipe"].encode()).hexdigest()
        altered = stated != computed or recipe_sha256 != card["recipe_sha256"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no card of a checkpoint; expected the JSON that training wrote.") from error
    if altered:
        raise ValueError(
            f"{path} was altered after training (its SHA-256 differs); expected it as written: restore it."
        )
    if path.parent == CHECKPOINTS and load_recipe(card["name"]).sha256 != card["recipe_sha256"]:
        raise ValueError(
            f"recipes/{card['name']}.toml is not the recipe that made this checkpoint; expected it unaltered: "
            "restore it, or give the changed recipe another name and train it."
        )
    return card


def test_scans(recipe: Recipe, n: int = N_TEST) -> list[Scan]:
    """Give the slices of the unseen head that a card's metrics are taken from."""
    slices = recipe.slices("test", TEST_SEED)
    return [slices[i] for i in range(n)]


def evaluate(network: nn.Module, scans: Sequence[Scan]) -> dict[str, float]:
    """Average PSNR in dB, SSIM and NMSE of a network and the PSNR of the zero-filled image over scans."""
    scores: dict[str, list[float]] = {"psnr": [], "ssim": [], "nmse": [], "psnr_zero_filled": []}
    for scan in scans:
        A, kspace, reference = stack([scan])[0]
        with torch.no_grad():
            image = network(A, kspace)[0]
        for name, measure in (("psnr", psnr), ("ssim", ssim), ("nmse", nmse)):
            scores[name].append(float(measure(image, reference[0])))
        scores["psnr_zero_filled"].append(float(psnr(A.adjoint(kspace)[0], reference[0])))
    return {name: round(sum(values) / len(values), 4) for name, values in scores.items()} | {"n_slices": len(scans)}


def outside_range(card: Mapping[str, Any], scan: Scan, *, acceleration: float, acs: int) -> str:
    """Say in one sentence how a scan differs from what a network was trained for; empty where it does not."""
    span = card["trained_for"]
    facts = (
        ("acceleration", round(acceleration, 2), "R = {}"),
        ("n_coils", scan.n_coils, "{} coils"),
        ("matrix", min(scan.shape), "a matrix side of {}"),
        ("matrix", max(scan.shape), "a matrix side of {}"),
        ("acs", acs, "{} ACS lines"),
    )
    wrong = []
    for name, value, words in facts:
        low, high = span[name]
        if not low <= value <= high and (text := f"{words.format(value)} (trained on {low} to {high})") not in wrong:
            wrong.append(text)
    if not wrong:
        return ""
    return f"{card['name']} was not trained for {', '.join(wrong)}: judge the image with care, or use --method wavelet."


def _range(recipe: Recipe) -> dict[str, list[float]]:
    scans = recipe.scans()
    names = ("acceleration", "n_coils", "matrix", "acs", "noise_std")
    span = {name: list(getattr(scans, name)) for name in names}
    span["acceleration"][0] = round(span["acceleration"][0] * 0.7, 2)  # net, with the ACS lines counted
    return span


def _card_file(source: Path | str) -> Path:
    path = Path(source)
    if path.suffix in (".safetensors", ".json"):
        path = path.with_suffix(".json")
    else:
        path = CHECKPOINTS / f"{source}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in CHECKPOINTS.glob("*.json"))) or "none"
        raise FileNotFoundError(f"there is no checkpoint {source}; expected a .safetensors file or one of {known}.")
    return path


def _weights(network: nn.Module) -> bytes:
    tensors: dict[str, Tensor] = {name: value.contiguous() for name, value in network.state_dict().items()}
    return tensor_bytes(tensors)


def _card_sha256(card: Mapping[str, Any]) -> str:
    content = {key: value for key, value in card.items() if key != "card_sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def _data_sha256() -> str:
    return hashlib.sha256(ANATOMIES.read_bytes()).hexdigest()


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
