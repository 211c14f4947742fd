"""The card of a checkpoint: where it lies, and whether card, weights and recipe are as training left them.

Nothing here needs torch, so that `mricourse doctor` can verify what the course ships without importing a network.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mricourse.files import ROOT, check_readable
from mricourse.training.card_entries import TABLES, problem, shortened

CHECKPOINTS = ROOT / "data" / "checkpoints"
RECIPES = ROOT / "recipes"
CARD, WEIGHTS = ".json", ".safetensors"
SEAL = "card_sha256"


@dataclass(frozen=True, kw_only=True)
class Card:
    """How a checkpoint was made, and what it reaches.

    Parameters
    ----------
    name : str
        Of the recipe and of the files.
    recipe : mapping
        What the recipe's file says: title, seed, the checkpoint that it starts from, if any, and its tables
        ``network``, ``data`` and ``training``. Not its text: comments are no part of a training.
    defaults : mapping
        The same tables with every option that the file leaves out, as it was when the network was trained.
    start_sha256 : str or None
        Of the weights that it began with.
    n_parameters : int
        Trainable numbers of the network.
    data_sha256 : mapping
        File name -> fingerprint, of the anatomies.
    commit, device, torch : str
        Of the code, of the machine, and the version.
    n_threads : int
    seconds : int
        Wall time of the training, over all its sittings.
    n_steps, best_step : int
        Optimiser steps taken, and the one whose weights are kept.
    curve : sequence of mapping
        One a validation: step, loss, learning_rate, seconds, and validation in dB against references, or held_out in
        dB where the best step was chosen by held-out samples, without a reference.
    trained_for : mapping
        Least and largest net acceleration, number of coils, matrix, ACS lines and noise that were drawn.
    metrics : mapping
        Mean PSNR in dB, SSIM and NMSE, and the PSNR of the zero-filled image, over ``n_slices`` of the unseen head.
    weights_sha256 : str

    Raises
    ------
    ValueError
        An entry of another kind, at any depth, or a number that it cannot have.
    """

    name: str
    recipe: Mapping[str, Any]
    defaults: Mapping[str, Any]
    start_sha256: str | None
    n_parameters: int
    data_sha256: Mapping[str, str]
    commit: str
    device: str
    torch: str
    n_threads: int
    seconds: int
    n_steps: int
    best_step: int
    curve: Sequence[Mapping[str, float]]
    trained_for: Mapping[str, Sequence[float]]
    metrics: Mapping[str, float]
    weights_sha256: str

    def __post_init__(self) -> None:
        if words := problem(vars(self)):
            raise ValueError(words)

    @property
    def title(self) -> str:
        """What was trained, in one line."""
        return self.recipe["title"]

    @property
    def seed(self) -> int:
        """Of the first weights and of the scans."""
        return self.recipe["seed"]

    @property
    def start(self) -> str | None:
        """Name of the checkpoint that it began with."""
        return self.recipe.get("start")

    def text(self) -> str:
        """Write the card as its file holds it, with the SHA-256 of everything in it."""
        content = asdict(self)
        seal = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        return json.dumps(content | {SEAL: seal}, indent=1, ensure_ascii=False) + "\n"


def shipped() -> list[str]:
    """Names of the checkpoints that come with the course, in alphabetical order."""
    return sorted(path.stem for path in CHECKPOINTS.glob(f"*{CARD}") if not path.name.startswith("."))


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


def read_card(path: Path) -> Card:
    """Read a card and verify it and, where it is shipped, what it says about other files of the course.

    Raises
    ------
    ValueError
        A file that is no card, one that was altered, or a shipped one whose name, recipe or start is another's.
    """
    try:
        text = path.read_text(encoding="utf-8")
        card = _parse(_json(text))
    except (ValueError, RecursionError) as error:
        reason = error if type(error) is ValueError else "it is no JSON"
        raise ValueError(
            f"{path} is no card of a checkpoint ({reason}); expected the JSON that training wrote: restore it, or "
            "train again."
        ) from error
    if card.text() != text:  # its seal, and every byte: of a key that stands there twice, the content has one
        raise ValueError(
            f"{path} was altered after training (its SHA-256 differs); expected it as written: restore it, or train "
            "again."
        )
    if path.resolve().parent == CHECKPOINTS.resolve():
        _check_shipped(path, card)
    return card


def read_weights(card_file: Path, card: Card) -> bytes:
    """Read the weights that belong to a verified card, as bytes; ValueError where they are not those."""
    path = card_file.with_suffix(WEIGHTS)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise ValueError(
            f"{path} is not the file that its card describes (its SHA-256 differs); expected the weights as training "
            "wrote them: restore both files, or train again."
        )
    return content


def verify(name: str) -> None:
    """Verify card, weights and recipe of a shipped checkpoint; errors as in the three functions before."""
    card_file = find_card(name)
    read_weights(card_file, read_card(card_file))


def recipe_difference(card: Card, recipe: Mapping[str, Any]) -> str:
    """Say where the parsed content of a recipe's file differs from a card's; empty where nothing does.

    The order of options and an option that is written out at its default make no difference; one that was written and
    is so no longer does, since a default may change. Inside an option, such as the shares of ``patterns``, order
    decides what is drawn.
    """
    written = _flat(card.recipe)
    known = _flat(card.defaults) | written
    found = _flat(recipe)
    for name in sorted(known.keys() | found.keys()):
        if name not in found and name in written:
            return f"it lacks {name}, which was {shortened(known[name])}"
        if name in found and name not in known:
            return f"it has {name}, which the card does not know"
        if name in found and not _same(found[name], known[name]):
            return f"its {name} is {shortened(found[name])}, the card's {shortened(known[name])}"
    return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_number)
    except ValueError as error:  # also numbers of thousands of digits, in Python's own words
        raise ValueError("it is no JSON") from error


def _parse(content: Any) -> Card:
    """Make a card of what its file holds."""
    names = [field.name for field in fields(Card)]
    if not isinstance(content, dict):
        raise ValueError("it is no table")
    if missing := [name for name in (*names, SEAL) if name not in content]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if unknown := sorted(set(content) - {*names, SEAL}):
        raise ValueError(f"it has {', '.join(map(shortened, unknown))}")
    return Card(**{name: content[name] for name in names})


def _check_shipped(path: Path, card: Card) -> None:
    """Compare a shipped card with its own name, with the recipe of that name and with the checkpoint it began with."""
    if card.name != path.stem:
        raise ValueError(
            f"{path} is the card of {card.name}; expected that of {path.stem}: restore both files of {path.stem}."
        )
    recipe = RECIPES / f"{path.stem}.toml"
    check_readable(recipe, suffixes=(".toml",))
    try:
        difference = recipe_difference(card, tomllib.loads(recipe.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeError):
        difference = "it is no valid TOML"
    if difference:
        raise ValueError(
            f"{recipe} is not the recipe that made the checkpoint {path.stem} ({difference}); expected it as it was: "
            "restore it, or give the changed recipe another name and train it."
        )
    if card.start_sha256 and card.start in shipped():
        start = find_card(card.start)
        if read_card(start).weights_sha256 != card.start_sha256:
            raise ValueError(
                f"{path} says that {card.name} began with other weights than those of {start}; expected both from "
                f"one sitting: restore {card.start}, or train {card.name} again."
            )


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Name every option by its table: ``training.n_steps``."""
    flat = {}
    for key, value in recipe.items():
        if key in TABLES and isinstance(value, Mapping):
            flat |= {f"{key}.{option}": each for option, each in value.items()}
        else:
            flat[key] = value
    return flat


def _same(first: Any, second: Any) -> bool:
    """Whether two options are equal: 3 is 3.0, but no number is true or false, and tables have an order."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return _same(list(first), list(second)) and _same([*first.values()], [*second.values()])
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_same, first, second))
    return isinstance(first, bool) == isinstance(second, bool) and first == second


def _refuse_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
