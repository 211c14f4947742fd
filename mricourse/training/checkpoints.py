"""Checkpoints: weights in safetensors, and a card in JSON that says how they were made and what they reach.

A card carries fingerprints of the weights, of the recipe and of itself; whatever was altered is refused (`cards`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn

from mricourse.files import write_whole
from mricourse.training.cards import CARD, WEIGHTS, Card, find_card, read_card, read_weights
from mricourse.training.recipes import Recipe, make_recipe


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network, ready to reconstruct, and how it was made.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)``, in evaluation mode on the CPU.
    card : Card
    recipe : Recipe
        The one that made it, as the card holds it.
    """

    network: nn.Module
    card: Card
    recipe: Recipe

    @property
    def name(self) -> str:
        """The recipe's and the checkpoint's."""
        return self.card.name


def save_checkpoint(network: nn.Module, card: Card, folder: Path | str) -> None:
    """Write weights and card into a folder, which is made where it is not there; each is whole or not there."""
    write_whole(Path(folder) / f"{card.name}{WEIGHTS}", weights_bytes(network))
    write_whole(Path(folder) / f"{card.name}{CARD}", card.text())


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
        recipe = make_recipe(card.name, card.recipe, card.defaults)
        network = recipe.build()
    try:
        network.load_state_dict(load_tensors(content))
    except Exception as error:  # safetensors and torch raise several kinds
        raise ValueError(
            f"{card_file.with_suffix(WEIGHTS)} does not fit the network of its recipe; expected both from one run: "
            "restore both files, or train again."
        ) from error
    return Checkpoint(network.eval(), card, recipe)


def training_stages(source: Path | str) -> list[Checkpoint]:
    """Load a checkpoint and those which its training went on from, the first stage first."""
    last = load_checkpoint(source)
    return [*(training_stages(last.card.start) if last.card.start else []), last]


def training_seconds(source: Path | str) -> int:
    """Wall time that a checkpoint's training took, with that of the checkpoints which it went on from, in seconds."""
    return _seconds(training_stages(source))


def training_in_words(source: Path | str) -> str:
    """Say where in its schedule a checkpoint's last stage was taken, and what all its stages have cost.

    The step is the one whose weights were kept, the percentage its learning rate over the full one of that stage. Work
    is counted in steps times iterations of the network, over all stages; wall time depends on the load of the machine.
    """
    stages = training_stages(source)
    card, settings = stages[-1].card, stages[-1].recipe.training
    planned = settings.schedule_steps or settings.n_steps
    rate = settings.rate(card.best_step - 1)
    work = sum(stage.card.n_steps * stage.recipe.network.get("n_iterations", 1) for stage in stages)
    place = f"step {card.best_step:6,} of {planned:6,}, rate at {100 * rate:2.0f} %"
    return f"{place}; in all {work:7,} steps x iterations, {_seconds(stages):6,} s"


def _seconds(stages: list[Checkpoint]) -> int:
    return sum(stage.card.seconds for stage in stages)


def weights_bytes(network: nn.Module) -> bytes:
    tensors: dict[str, Tensor] = {name: value.contiguous() for name, value in network.state_dict().items()}
    return tensor_bytes(tensors)
