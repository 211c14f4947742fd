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


def training_seconds(source: Path | str) -> int:
    """Wall time that a checkpoint's training took, with that of the checkpoints which it went on from, in seconds."""
    card = load_checkpoint(source).card
    return card.seconds + (training_seconds(card.start) if card.start else 0)


def weights_bytes(network: nn.Module) -> bytes:
    tensors: dict[str, Tensor] = {name: value.contiguous() for name, value in network.state_dict().items()}
    return tensor_bytes(tensors)
