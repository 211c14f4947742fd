"""Recipes: everything that makes a checkpoint, in one readable TOML file in the folder ``recipes``."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import torch
from torch import nn

from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.networks.modl import MoDL
from mricourse.training import Settings
from mricourse.training_data import SimulatedScans

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
NETWORKS: dict[str, Callable[..., nn.Module]] = {"modl": MoDL}  # network(A, kspace) -> image
BODIES: dict[str, Callable[..., nn.Module]] = {"denoiser": DnCNN}  # image -> image, made one by `ImageDomain`
EXAMPLE = "recipes/modl_k1.toml"
N_VALIDATION = 24  # scans that choose the best weights
FORMS = {  # annotation of an option -> what to write, and the types that TOML reads it as
    int: ("a whole number", (int,)),
    int | None: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    bool: ("true or false", (bool,)),
    str: ("text in quotes", (str,)),
    dict: ("a table", (dict,)),
    Sequence[int]: ("two whole numbers, as [4, 16]", (int,)),
    Sequence[float]: ("two numbers, as [0.001, 0.01]", (int, float)),
    Mapping[str, float]: ("shares, as {equispaced = 0.5, random = 0.5}", (int, float)),
}
KEYS = {"title": str, "seed": int, "start": str, "network": dict, "data": dict, "training": dict}


@dataclass(frozen=True)
class Recipe:
    """One recipe as it stands in its file.

    Parameters
    ----------
    name : str
        Of the file and of the checkpoint that it makes.
    text : str
        The file, word for word.
    title : str
        What is trained, in one line.
    seed : int
        Of the first weights and of the scans.
    network : dict
        ``kind`` and the options of that network.
    data : dict
        Options of `SimulatedScans`.
    training : Settings
    start : str or None
        Checkpoint whose weights it begins with.
    """

    name: str
    text: str
    title: str
    seed: int
    network: dict[str, Any]
    data: dict[str, Any]
    training: Settings
    start: str | None = None

    @property
    def sha256(self) -> str:
        """Fingerprint of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def build(self) -> nn.Module:
        """Build the network, with weights that the global random state draws."""
        options = dict(self.network)
        kind = options.pop("kind")
        return NETWORKS[kind](**options) if kind in NETWORKS else ImageDomain(BODIES[kind](**options))

    def scans(self) -> SimulatedScans:
        """Give the endless scans to train on."""
        return SimulatedScans("train", self.seed, **self.data)

    def slices(self, split: str, seed: int) -> SimulatedScans:
        """Give whole slices of the same kind, one draw each: to validate ("train", other seeds) and test on."""
        return SimulatedScans(split, seed, **self.data | {"strip": None, "pool": 1, "reuse": 1})


def load_recipe(source: Path | str) -> Recipe:
    """Read a recipe by its name in the folder ``recipes``, or from a file.

    Raises
    ------
    FileNotFoundError
        No such recipe; the sentence lists those there are.
    ValueError
        A file that is no TOML, or a table or key that is unknown, missing, of another type or out of range.
    """
    path = Path(source)
    if path.suffix != ".toml":
        path = RECIPES / f"{source}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml"))) or "none"
        raise FileNotFoundError(f"there is no recipe {source}; expected a .toml file or one of {known}.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as text; expected a recipe in TOML, as {EXAMPLE}.") from error
    return parse_recipe(text, path.stem)


def parse_recipe(text: str, name: str) -> Recipe:
    """Make a recipe from its text; errors as in `load_recipe`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"recipe {name} is no valid TOML ({error}); expected one as {EXAMPLE}.") from error
    try:
        recipe = _recipe(name, text, content)
        recipe.scans()
        with torch.device("meta"):  # shapes without numbers: no time, no memory, no random draw
            recipe.build()
    except (ValueError, TypeError) as error:
        raise ValueError(f"recipe {name}: {error}") from error
    return recipe


def _recipe(name: str, text: str, content: dict[str, Any]) -> Recipe:
    _check(content, KEYS, required={"title", "seed", "network", "training"})
    network, data = content["network"], content.get("data", {})
    kind = network.get("kind")
    if kind not in (kinds := NETWORKS | BODIES):
        raise ValueError(f"the network's kind is {kind!r}; expected one of {', '.join(kinds)}.")
    _check(network, {"kind": str, **_options(kinds[kind].__init__)}, table="network")
    _check(data, _options(SimulatedScans.__init__, without={"split", "seed"}), table="data")
    _check(content["training"], _options(Settings.__init__), table="training", required={"n_steps"})
    start = content.get("start")
    if start == name:
        raise ValueError(f"it starts from itself, {start}; expected the name of another checkpoint.")
    settings = Settings(**content["training"])
    return Recipe(name, text, content["title"], content["seed"], network, data, settings, start)


def _options(function: Callable, *, without: set[str] = frozenset()) -> dict[str, Any]:
    """Annotation of each parameter of a function."""
    return {name: hint for name, hint in get_type_hints(function).items() if name not in {"return", *without}}


def _check(
    content: dict[str, Any], forms: Mapping[str, Any], *, table: str = "", required: set[str] = frozenset()
) -> None:
    """Refuse a table with a key that is unknown, missing or of another type than its annotation."""
    where = f"[{table}]" if table else "it"
    if unknown := sorted(set(content) - set(forms)):
        raise ValueError(f"{where} has {', '.join(unknown)}; expected only {', '.join(forms)}.")
    if missing := sorted(required - set(content)):
        raise ValueError(f"{where} lacks {', '.join(missing)}; add it, as in {EXAMPLE}.")
    for key, value in content.items():
        words, types = FORMS[forms[key]]
        values = {Sequence: value, Mapping: value}
        if not _is(value, forms[key], types):
            raise ValueError(f"{key} is {value!r}; expected {words}.")
