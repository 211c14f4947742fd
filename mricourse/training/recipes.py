"""Recipes: everything that makes a checkpoint, in one readable TOML file in the folder ``recipes``."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import torch
from torch import nn

from mricourse.files import ROOT
from mricourse.networks.blocks import BlockNet
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.networks.modl import MoDL
from mricourse.networks.unet import ComplexUNet
from mricourse.physics.scan import Scan
from mricourse.simulate.task_scans import TaskScans
from mricourse.simulate.training_scans import SimulatedScans
from mricourse.training.loop import Settings

RECIPES = ROOT / "recipes"
NETWORKS: dict[str, Callable[..., nn.Module]] = {"modl": MoDL}  # network(A, kspace) -> image
BODIES: dict[str, Callable[..., nn.Module]] = {  # network(image) -> image, made one of the former by `ImageDomain`
    "denoiser": DnCNN,
    "unet": ComplexUNet,
    "blocks": BlockNet,
}
SOURCES = {"scans": SimulatedScans, "task": TaskScans}  # kinds of [data]; the first where it says nothing
EXAMPLE = "recipes/modl_k1.toml"
N_VALIDATION = 24  # scans that choose the best weights
FORMS = {  # annotation of an option -> what to write in TOML, what holds the values, and the types of the values
    int: ("a whole number", None, (int,)),
    int | None: ("a whole number", None, (int,)),
    float: ("a number", None, (int, float)),
    bool: ("true or false", None, (bool,)),
    str: ("text in quotes", None, (str,)),
    dict: ("a table", dict, ()),
    Sequence[int]: ("two whole numbers, as [4, 16]", list, (int,)),
    Sequence[float]: ("two numbers, as [0.001, 0.01]", list, (int, float)),
    Mapping[str, float]: ("shares, as {equispaced = 0.5, random = 0.5}", dict, (int, float)),
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
        Options of `SimulatedScans`, or of `TaskScans` where its ``kind`` is "task".
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

    def scans(self) -> SimulatedScans | TaskScans:
        """Give the endless scans to train on."""
        options = dict(self.data)
        return SOURCES[options.pop("kind", "scans")]("train", self.seed, **options)

    def slices(self, split: str, seed: int) -> SimulatedScans | TaskScans:
        """Give whole slices of anatomy, one draw each: to validate ("train", other seeds) and test on."""
        return self.scans().to_judge(split, seed)


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
            network = recipe.build()
        if recipe.start is not None and not hasattr(network, "start_from"):
            raise ValueError(
                f"it starts from {recipe.start}; expected no start for a network of its kind: leave it out."
            )
    except (ValueError, TypeError) as error:
        raise ValueError(f"recipe {name}: {error}") from error
    except RuntimeError as error:
        raise ValueError(f"recipe {name}: more weights than torch can count; expected fewer n_features.") from error
    return recipe


def _recipe(name: str, text: str, content: dict[str, Any]) -> Recipe:
    """Put a recipe together from a TOML file whose keys and types are checked here, and whose ranges elsewhere."""
    _check("it", content, KEYS, required={"title", "seed", "network", "training"})
    network, data, training = content["network"], content.get("data", {}), content["training"]
    kind, kinds = network.get("kind"), NETWORKS | BODIES
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"the network's kind is {kind!r}; expected one of {', '.join(kinds)}.")
    _check("table [network]", network, {"kind": str, **_annotations(kinds[kind])})
    source = data.get("kind", "scans")
    if not isinstance(source, str) or source not in SOURCES:
        raise ValueError(f"the kind of [data] is {source!r}; expected {' or '.join(SOURCES)}.")
    scans = {key: form for key, form in _annotations(SOURCES[source]).items() if key not in ("split", "seed")}
    _check("table [data]", data, {"kind": str, **scans})
    _check("table [training]", training, _annotations(Settings), required={"n_steps"})
    if kind in BODIES and (network.get("noise_aware") or training.get("deep_supervision")):
        raise ValueError(f"noise_aware or deep_supervision is set for a {kind}; expected them for a modl alone.")
    seed, start = content["seed"], content.get("start")
    if seed < 0:
        raise ValueError(f"seed is {seed}; expected a whole number of 0 or more.")
    if start == name:
        raise ValueError(f"it starts from itself, {start}; expected the name of another checkpoint.")
    return Recipe(name, text, content["title"], seed, network, data, Settings(**training), start)


def _annotations(kind: type) -> dict[str, Any]:
    """Annotation of each option that a class is made with."""
    return {key: form for key, form in get_type_hints(kind.__init__).items() if key != "return"}


def _check(where: str, table: dict[str, Any], forms: Mapping[str, Any], required: Set[str] = frozenset()) -> None:
    """Refuse a table with a key that is unknown, missing or of another type than its annotation."""
    if unknown := sorted(set(table) - set(forms)):
        raise ValueError(f"{where} has {', '.join(unknown)}; expected only {', '.join(forms)}.")
    if missing := sorted(required - set(table)):
        raise ValueError(f"{where} lacks {', '.join(missing)}; add it, as in {EXAMPLE}.")
    for key, value in table.items():
        words, holder, types = FORMS[forms[key]]
        if not _fits(value, holder, types):
            raise ValueError(f"{key} is {value!r}; expected {words}.")


def _fits(value: Any, holder: type | None, types: tuple[type, ...]) -> bool:
    """Whether a value is of these types, or a pair or a table of such values; no number is nan or beyond 64 bits."""
    if holder is not None and (type(value) is not holder or (holder is list and len(value) != 2)):
        return False
    values = [value] if holder is None else value.values() if holder is dict else value
    return not types or all(type(each) in types and (type(each) is str or abs(each) < 2**63) for each in values)


N_TEST = 24  # slices of the unseen head that a card's metrics are taken from
TEST_SEED = 1


def unseen_scans(recipe: Recipe, n_slices: int = N_TEST) -> Iterator[Scan]:
    """Simulate the slices of the unseen head that a card's metrics are taken from, one after another."""
    slices = recipe.slices("test", TEST_SEED)
    return (slices[i] for i in range(n_slices))
