"""What a training is made of at any step: weights, Adam's moments, history and best weights, in one file.

A kill while it is written leaves the old state or the new one, never half of one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from mricourse.files import replace_content
from mricourse.training.distributed import from_first_process

Weights = dict[str, Tensor]
_REMEDY = ": delete it to begin anew, or give another folder."


class Learner(Protocol):
    """An objective that learns: everything that its next steps depend on, as tensors."""

    def tensors(self) -> Weights: ...

    def restore(self, tensors: Weights) -> None: ...


@dataclass
class History:
    """What a training saw, and where it stands.

    Parameters
    ----------
    rows : list of dict
        One a validation: ``step``; ``loss``, the mean since the row before; ``learning_rate``; ``seconds`` of training
        so far; and if there were scans to validate on ``validation``, the mean PSNR in dB, or where no reference was
        looked at ``held_out``, how well samples are predicted that were held out, in dB.
    step : int
        Optimiser steps taken.
    best, best_step : float, int
        Highest validation (or held_out), and the step that it was measured after.
    seconds : float
        Wall time of the training, over all its sittings, up to its last step.
    loss_sum, loss_count : float, int
        Of the steps since the last row.
    stopped_early : bool
        Whether the validations stopped getting better before the last step.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    best: float = -math.inf
    best_step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    stopped_early: bool = False


def save_state(
    path: Path,
    signature: str,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    history: History,
    best: Weights | None,
    learner: Learner | None = None,
) -> None:
    """Write everything that the next steps depend on into one safetensors file.

    Raises
    ------
    OSError
        When the folder or the disk does not take it; the state that was there before stays.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in (best or {}).items()}
    tensors |= {f"loss.{name}": value for name, value in (learner.tensors() if learner else {}).items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    text = json.dumps(asdict(history))
    metadata = {"signature": signature, "history": text, "sha256": _fingerprint(tensors, text)}
    try:
        replace_content(path, save(tensors, metadata))
    except OSError as error:
        raise OSError(
            f"the state of the training could not be saved to {path} ({error.strerror or error}); expected a folder "
            "with write permission and free space: make room, and the same command goes on from the state before."
        ) from error


def load_state(
    path: Path,
    signature: str,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    learner: Learner | None = None,
) -> tuple[History, Weights | None]:
    """Put network, optimiser and a loss that learns into the state of a file, and give its history and best weights.

    Under ``torchrun`` the first process reads the file for all. Where there is none, nothing changes, and the history
    is a new one.

    Raises
    ------
    ValueError
        A file that is damaged, no state, or the state of another training.
    """
    found = from_first_process(lambda: _read(path, signature) if path.exists() else None)
    if found is None:
        return History(), None
    tensors, text = found
    try:
        network.load_state_dict(_part(tensors, "network."))
        state = optimiser.state_dict()
        for name, value in _part(tensors, "adam.").items():
            number, _, moment = name.partition(".")
            state["state"].setdefault(int(number), {})[moment] = value
        optimiser.load_state_dict(state)
        if learner is not None:
            learner.restore(_part(tensors, "loss."))
        return History(**json.loads(text)), _part(tensors, "best.") or None
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(f"{path} does not fit the network; expected a state of this very training{_REMEDY}") from error


def _read(path: Path, signature: str) -> tuple[Weights, str]:
    """Tensors and history of a state file, verified."""
    if not path.is_file():  # nothing ever comes out of a pipe
        raise ValueError(f"{path} is no training state (it is no file); expected one to go on from{_REMEDY}")
    try:
        content = path.read_bytes()
        tensors = load(content)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is no training state ({error}); expected one to go on from{_REMEDY}") from error
    n_header = int.from_bytes(content[:8], "little")  # safetensors: its length, the header in JSON, the tensors
    metadata = json.loads(content[8 : 8 + n_header]).get("__metadata__") or {}
    text = metadata.get("history")
    if text is None:
        raise ValueError(f"{path} is no training state; expected one to go on from{_REMEDY}")
    if metadata.get("signature") != signature:
        raise ValueError(
            f"{path} belongs to another recipe, or to this one before it or its data was changed; expected a state of "
            f"this very training{_REMEDY}"
        )
    fingerprint = _fingerprint(tensors, text)
    if metadata.get("sha256", fingerprint) != fingerprint:
        raise ValueError(f"{path} is damaged (its SHA-256 differs); expected the state as it was saved{_REMEDY}")
    return tensors, text


def _part(tensors: Mapping[str, Tensor], prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _fingerprint(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
