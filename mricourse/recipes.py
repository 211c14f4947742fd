"""Recipes: everything that makes a checkpoint, in one readable TOML file in the folder ``recipes``."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import nn

from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.networks.modl import MoDL
from mricourse.training import Settings
from mricourse.training_data import SimulatedScans

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "modl": MoDL,
    "denoiser": lambda **options: ImageDomain(DnCNN(**options)),
}
TABLES = {"network", "data", "training"}
KEYS = {"title", "seed", "start", *TABLES}
N_VALIDATION = 24  # scans that choose the best weights


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
        return NETWORKS[options.pop("kind")](**options)

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
        A file that is no TOML, or a table or key that is unknown, missing or out of range.
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
        raise ValueError(f"{path} cannot be read as text; expected a recipe in TOML: see recipes/modl.toml.") from error
    return parse_recipe(text, path.stem)


def parse_recipe(text: str, name: str) -> Recipe:
    """Make a recipe from its text; errors as in `load_recipe`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"recipe {name} is no valid TOML ({error}); expected one like recipes/modl.toml.") from error
    _check_keys(f"recipe {name}", content, KEYS, required={"title", "seed", "network", "training"})
    for table in TABLES & set(content):
        if not isinstance(content[table], dict):
            raise ValueError(f"recipe {name}: {table} is {content[table]!r}; expected a table [{table}].")
    kind = content["network"].get("kind")
    if kind not in NETWORKS:
        raise ValueError(f"recipe {name}: the network's kind is {kind!r}; expected one of {', '.join(NETWORKS)}.")
    data = content.get("data", {})
    allowed = {each.name for each in fields(SimulatedScans)} - {"split", "seed", "_drawn"}
    _check_keys(f"recipe {name}, table [data]", data, allowed)
    names = {each.name for each in fields(Settings)}
    _check_keys(f"recipe {name}, table [training]", content["training"], names, required={"n_steps"})
    try:
        settings = Settings(**content["training"])
        recipe = Recipe(
            name, text, content["title"], content["seed"], content["network"], data, settings, content.get("start")
        )
        recipe.build(), recipe.scans()
    except TypeError as error:
        raise ValueError(f"recipe {name}: {error}; expected the options that its network and tables take.") from error
    return recipe


def _check_keys(where: str, table: dict, allowed: set[str], required: frozenset[str] | set[str] = frozenset()) -> None:
    if unknown := sorted(set(table) - allowed):
        raise ValueError(f"{where} has {', '.join(unknown)}; expected only {', '.join(sorted(allowed))}.")
    if missing := sorted(required - set(table)):
        raise ValueError(f"{where} lacks {', '.join(missing)}; add it, as in recipes/modl.toml.")
