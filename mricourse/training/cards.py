"""The card of a checkpoint: where it lies, and whether card, weights and recipe are as training left them.

Nothing here needs torch, so that `mricourse doctor` can verify what the course ships without importing a network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mricourse.files import ROOT, check_readable

CHECKPOINTS = ROOT / "data" / "checkpoints"
RECIPES = ROOT / "recipes"
CARD, WEIGHTS = ".json", ".safetensors"
FIELDS = {  # what a card must hold; "start_sha256" is there too in those that began with another checkpoint
    "name": str, "title": str, "recipe": str, "recipe_sha256": str, "seed": int, "start": (str, type(None)),
    "n_parameters": int, "data_sha256": dict, "commit": str, "device": str, "torch": str, "n_threads": int,
    "seconds": int, "n_steps": int, "best_step": int, "curve": list, "trained_for": dict, "metrics": dict,
    "weights_sha256": str, "card_sha256": str,
}  # fmt: skip


def shipped() -> list[str]:
    """Names of the checkpoints that come with the course, in alphabetical order."""
    return sorted(path.stem for path in CHECKPOINTS.glob(f"*{CARD}"))


def find_card(source: Path | str) -> Path:
    """Find the card of a shipped checkpoint by its name, or the one of a path to weights or card.

    Raises
    ------
    FileNotFoundError
        No such checkpoint, in a sentence that lists those there are, or weights without their card or the reverse.
    ValueError, OSError
        A folder, an empty file, or one that may not be read.
    """
    path = Path(source)
    if path.suffix not in (CARD, WEIGHTS):
        names = shipped()
        if str(source) not in names:
            known = f"one of {', '.join(names)}, or " if names else ""
            raise FileNotFoundError(
                f"there is no checkpoint {str(source)!r}; expected {known}a path to a {WEIGHTS} file with its card "
                "beside it: `mricourse train RECIPE` makes one."
            )
        path = CHECKPOINTS / f"{source}{CARD}"
    check_readable(path, suffixes=(WEIGHTS, CARD))
    for suffix in (CARD, WEIGHTS):
        companion = path.with_suffix(suffix)
        if not companion.exists():
            raise FileNotFoundError(
                f"{companion} is missing; expected the weights and the card of a checkpoint side by side: restore both."
            )
        check_readable(companion, suffixes=(suffix,))
    return path.with_suffix(CARD)


def read_card(path: Path) -> dict[str, Any]:
    """Read a card and verify it, its recipe and, where it is shipped, what it says about other files of the course.

    Raises
    ------
    ValueError
        A file that is no card, one that was altered, or a shipped one whose name, recipe or start is another's.
    """
    try:
        text = path.read_text(encoding="utf-8")
        card = json.loads(text, parse_constant=_refuse_number)
        is_card = all(isinstance(card[name], kind) for name, kind in FIELDS.items())
        recipe_sha256 = hashlib.sha256(card["recipe"].encode()).hexdigest()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(_no_card(path)) from error
    if not is_card:
        raise ValueError(_no_card(path))
    # the text too: of a key that stands there twice, the content has one
    if sealed(card) != card or card_text(card) != text or recipe_sha256 != card["recipe_sha256"]:
        raise ValueError(
            f"{path} was altered after training (its SHA-256 differs); expected it as written: restore it, or train "
            "again."
        )
    if path.resolve().parent == CHECKPOINTS.resolve():
        _check_shipped(path, card)
    return card


def read_weights(card_file: Path, card: Mapping[str, Any]) -> bytes:
    """Read the weights that belong to a verified card, as bytes; ValueError where they are not those."""
    path = card_file.with_suffix(WEIGHTS)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["weights_sha256"]:
        raise ValueError(
            f"{path} is not the file that its card describes (its SHA-256 differs); expected the weights as training "
            "wrote them: restore both files, or train again."
        )
    return content


def verify(name: str) -> None:
    """Verify card, weights and recipe of a shipped checkpoint; errors as in the three functions before."""
    card_file = find_card(name)
    read_weights(card_file, read_card(card_file))


def sealed(card: Mapping[str, Any]) -> dict[str, Any]:
    """Give a card its fingerprint, the SHA-256 of everything else in it."""
    content = {key: value for key, value in card.items() if key != "card_sha256"}
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return content | {"card_sha256": fingerprint}


def card_text(card: Mapping[str, Any]) -> str:
    """Write a card as its file holds it."""
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def _check_shipped(path: Path, card: Mapping[str, Any]) -> None:
    """Compare a shipped card with its own name, with the recipe of that name and with the checkpoint it began with."""
    if card["name"] != path.stem:
        raise ValueError(
            f"{path} is the card of {card['name']}; expected that of {path.stem}: restore both files of {path.stem}."
        )
    recipe = RECIPES / f"{path.stem}.toml"
    check_readable(recipe, suffixes=(".toml",))
    text = recipe.read_text(encoding="utf-8", errors="replace")
    if hashlib.sha256(text.encode()).hexdigest() != card["recipe_sha256"]:
        raise ValueError(
            f"{recipe} is not the recipe that made the checkpoint {path.stem}; expected it unaltered: restore it, or "
            "give the changed recipe another name and train it."
        )
    if card.get("start_sha256") and card["start"] in shipped():
        start = find_card(card["start"])
        if read_card(start)["weights_sha256"] != card["start_sha256"]:
            raise ValueError(
                f"{path} says that {card['name']} began with other weights than those of {start}; expected both from "
                f"one sitting: restore {card['start']}, or train {card['name']} again."
            )


def _no_card(path: Path) -> str:
    return f"{path} is no card of a checkpoint; expected the JSON that training wrote: restore it, or train again."


def _refuse_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
