"""Recipes: everything that makes a checkpoint, in one readable TOML file in the folder ``recipes``."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from inspect import Parameter, signature
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mricourse.files import any_of, visible_files
from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.admm_net import ADMMNet
from mricourse.networks.automap import Automap
from mricourse.networks.blocks import BlockNet
from mricourse.networks.deep_equilibrium import DeepEquilibrium
from mricourse.networks.diffusion import DiffusionPrior
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.end_to_end_varnet import EndToEndVarNet
from mricourse.networks.hybrid import Hybrid
from mricourse.networks.image_domain import ImageDomain
from mricourse.networks.ista_net import ISTANet
from mricourse.networks.kikinet import KIKINet
from mricourse.networks.kspace_unet import KSpaceUNet
from mricourse.networks.learned_thresholds import LearnedThresholds
from mricourse.networks.modl import MoDL
from mricourse.networks.multi_contrast import MultiContrastNet
from mricourse.networks.reconstructor import Startable
from mricourse.networks.unet import ComplexUNet
from mricourse.networks.upnet import UPNet
from mricourse.networks.variational_network import VariationalNetwork
from mricourse.physics.scan import Scan
from mricourse.simulate.condition_scans import ConditionScans
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.simulate.measured_once import MeasuredOnce
from mricourse.simulate.multi_contrast import ContrastScans
from mricourse.simulate.task_scans import TaskScans
from mricourse.simulate.training_scans import SimulatedScans
from mricourse.training.cards import RECIPES
from mricourse.training.diffusion_loss import check_prior
from mricourse.training.loop import Settings
from mricourse.training.objectives import (
    OF_MAPS,
    WITHOUT_REFERENCE,
    check_phase,
    check_staged,
    check_symmetric,
    check_unrolled,
)
from mricourse.training.parameter_maps import check_maps

NETWORKS: dict[str, Callable[..., nn.Module]] = {  # network(A, kspace) -> image
    "modl": AdaptiveMoDL,
    "published_modl": MoDL,
    "ista_net": ISTANet,
    "admm_net": ADMMNet,
    "variational_network": VariationalNetwork,
    "learned_thresholds": LearnedThresholds,
    "end_to_end_varnet": EndToEndVarNet,
    "deep_equilibrium": DeepEquilibrium,
    "kikinet": KIKINet,
    "multi_contrast": MultiContrastNet,
    "kspace_unet": KSpaceUNet,
    "hybrid": Hybrid,
    "automap": Automap,
    "diffusion_prior": DiffusionPrior,
    "upnet": UPNet,
}
BODIES: dict[str, Callable[..., nn.Module]] = {  # network(image) -> image, made one of the former by `ImageDomain`
    "denoiser": DnCNN,
    "unet": ComplexUNet,
    "blocks": BlockNet,
}
SOURCES = {  # kinds of [data]; the first where it says nothing
    "scans": SimulatedScans,
    "task": TaskScans,
    "contrasts": ContrastScans,
    "once": MeasuredOnce,
    "conditions": ConditionScans,
    "fat_water": FatWaterScans,
}
Drawn = SimulatedScans | TaskScans | ContrastScans | MeasuredOnce | ConditionScans | FatWaterScans
EXAMPLE = "recipes/modl_k1.toml"
N_VALIDATION = 24  # scans that choose the best weights
FORMS = {  # type of an option -> what to write in TOML, and the types that serve
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    bool: ("true or false", (bool,)),
    str: ("text in quotes", (str,)),
    dict: ("a table", (dict,)),
}
PAIRS = {int: "two whole numbers, as [4, 16]", float: "two numbers, as [0.001, 0.01]"}
SHARES = "shares, as {equispaced = 0.5, random = 0.5}"
KEYS = {"title": str, "seed": int, "start": str, "network": dict, "data": dict, "training": dict}
MOST = {  # largest value of each number whose class has no upper limit: what no machine here could compute
    "seed": 2**53, "n_features": 4096, "n_layers": 256, "n_levels": 10, "n_blocks": 1024, "n_iterations": 1000,
    "n_cg": 10_000, "n_averaged": 1000, "n_reg_weights": 1000, "reg_weight": 1e6, "strip": 512, "pool": 4096,
    "reuse": 10**6, "n_slices": 10**9, "n_steps": 10**9, "schedule_steps": 10**9, "batch_size": 1024,
    "reg_weight_rate": 1e6, "warmup": 10**9, "clip": 1e12, "deep_supervision": 1e6, "validate_every": 10**9,
    "save_every": 10**9, "patience": 10**9, "step_size": 1e6, "threshold": 1e6, "n_filters": 4096, "kernel_size": 255,
    "n_weights": 4096, "reach": 1e6, "levels": 10, "n_map_features": 4096, "n_map_levels": 10,
    "n_kept": 1000, "lipschitz": 1, "tolerance": 1,
    "n_frozen": 256, "n_echoes": 256, "data_weight": 1e6, "repetitions": 2, "n_scans": 10_000, "power": 10,
    "spread": 1e3, "noise_max": 1e3,
}  # fmt: skip
MOST_PARAMETERS = 10**8  # 1.6 GB with gradients and Adam's two moments


@dataclass(frozen=True)
class Recipe:
    """One recipe: what its file says, and what it leaves out.

    Parameters
    ----------
    name : str
        Of the file and of the checkpoint that it makes.
    title : str
        What is trained, in one line.
    seed : int
        Of the first weights and of the scans.
    network : dict
        ``kind`` and all options of that network.
    data : dict
        ``kind`` and all options of `SimulatedScans`, or of `TaskScans` where the kind is "task", `ContrastScans` where
        it is "contrasts", `MeasuredOnce` where it is "once", `ConditionScans` where it is "conditions", `FatWaterScans`
        where it is "fat_water".
    training : Settings
    start : str or None
        Checkpoint whose weights it begins with.
    written : dict
        What the file says, parsed; the other options stand at their defaults.
    """

    name: str
    title: str
    seed: int
    network: dict[str, Any]
    data: dict[str, Any]
    training: Settings
    start: str | None
    written: dict[str, Any]

    @property
    def defaults(self) -> dict[str, dict[str, Any]]:
        """All options that the file leaves out, by table."""
        return {
            table: {option: value for option, value in options.items() if option not in self.written.get(table, {})}
            for table, options in self._tables().items()
        }

    @property
    def sha256(self) -> str:
        """Fingerprint of all that a training depends on: comments, order and defaults written out change nothing."""
        content = {"title": self.title, "seed": self.seed, "start": self.start, **self._tables()}
        return hashlib.sha256(json.dumps(_as_floats(content)).encode()).hexdigest()

    def _tables(self) -> dict[str, dict[str, Any]]:
        tables = {"network": self.network, "data": self.data, "training": asdict(self.training)}
        return {name: dict(sorted(options.items())) for name, options in tables.items()}

    def build(self) -> nn.Module:
        """Build the network, with weights that the global random state draws."""
        options = dict(self.network)
        kind = options.pop("kind")
        return NETWORKS[kind](**options) if kind in NETWORKS else ImageDomain(BODIES[kind](**options))

    def scans(self) -> Drawn:
        """Give the endless scans to train on."""
        options = dict(self.data)
        return SOURCES[options.pop("kind", "scans")]("train", self.seed, **options)

    def slices(self, split: str, seed: int) -> Drawn:
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
        known = ", ".join(file.stem for file in visible_files(RECIPES, "*.toml")) or "none"
        raise FileNotFoundError(f"there is no recipe {source}; expected a .toml file or one of {known}.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as text; expected a recipe in TOML, as {EXAMPLE}.") from error
    return parse_recipe(text, path.stem)


class _Undrawn(TorchFunctionMode):
    """Leave weights on "meta" as they are: a normal draw there loads PyTorch's compiler, for a second."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return args[0] if function is Tensor.normal_ else function(*args, **(kwargs or {}))


def parse_recipe(text: str, name: str) -> Recipe:
    """Make a recipe from its text; errors as in `load_recipe`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"recipe {name} is no valid TOML ({error}); expected one as {EXAMPLE}.") from error
    return make_recipe(name, content)


def make_recipe(name: str, written: dict[str, Any], defaults: Mapping[str, dict[str, Any]] | None = None) -> Recipe:
    """Make a recipe from the parsed content of its file; errors as in `load_recipe`.

    Parameters
    ----------
    name : str
    written : dict
        What `tomllib` reads from a file.
    defaults : mapping, optional
        Table -> options that stand in the place of today's defaults, such as those of a card.
    """
    try:
        recipe = _recipe(name, written, defaults or {})
        recipe.scans()  # which refuses what it cannot draw
        with torch.device("meta"), _Undrawn():  # shapes without numbers: no time, no memory, no random draw
            network = recipe.build()
        n_parameters = sum(parameter.numel() for parameter in network.parameters())
        if n_parameters > MOST_PARAMETERS:
            raise ValueError(
                f"its network has {n_parameters:.2g} weights, about {16 * n_parameters / 1e9:.0f} GB to train; "
                f"expected at most {MOST_PARAMETERS:,}: lower n_features."
            )
        kind, source = recipe.network["kind"], recipe.data["kind"]
        if network.matrix is not None and recipe.data.get("shape") != list(network.matrix):
            raise ValueError(
                f"shape of [network] is {list(network.matrix)} and that of [data] {recipe.data.get('shape')}; expected "
                f'the same two numbers, and kind = "task" of [data]: {kind} is made for one matrix.'
            )
        given = getattr(recipe.scans(), "contrasts", ())
        if network.contrasts and source != (wanted := "fat_water" if kind == "upnet" else "contrasts"):
            raise ValueError(f'kind of [data] is "{source}" for a {kind}; expected "{wanted}".')
        if network.contrasts and network.contrasts != given:
            raise ValueError(
                f"contrasts of [network] are {', '.join(network.contrasts)}; expected those of [data], "
                f"{', '.join(given)}, in this order."
            )
        if recipe.training.loss in OF_MAPS:
            check_maps(network)
        if recipe.training.deep_supervision:
            check_unrolled(network)
        check_phase(network, recipe.training.loss)
        if recipe.training.loss == "symmetry":
            check_symmetric(network)
        if recipe.training.loss == "stage_error":
            check_staged(network)
        if recipe.training.loss == "diffusion":
            check_prior(network)
        if recipe.training.loss in WITHOUT_REFERENCE:
            _check_without_reference(recipe)
        if recipe.start is None and (n_frozen := recipe.network.get("n_frozen")):
            raise ValueError(
                f"n_frozen is {n_frozen} and there is no start; expected the name of a checkpoint: what is frozen "
                "never learns."
            )
        if recipe.start is not None and not isinstance(network, Startable):
            raise ValueError(
                f"it starts from {recipe.start}; expected no start for a network of its kind: leave it out."
            )
    except (ValueError, TypeError) as error:
        raise ValueError(f"recipe {name}: {error}") from error
    return recipe


def _recipe(name: str, written: dict[str, Any], defaults: Mapping[str, dict[str, Any]]) -> Recipe:
    """Put a recipe together from tables whose keys and types are checked here, and whose ranges elsewhere."""
    _check("it", written, KEYS, required={"title", "seed", "network", "training"})
    tables = {table: {**defaults.get(table, {}), **written.get(table, {})} for table in ("network", "data", "training")}
    network, data, training = tables.values()
    kind, kinds = network.get("kind"), NETWORKS | BODIES
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"the network's kind is {kind!r}; expected one of {', '.join(kinds)}.")
    _check("table [network]", network, {"kind": str, **_annotations(kinds[kind])})
    source = data.setdefault("kind", "scans")
    if not isinstance(source, str) or source not in SOURCES:
        raise ValueError(f"the kind of [data] is {source!r}; expected {any_of(list(SOURCES))}.")
    scans = {key: form for key, form in _annotations(SOURCES[source]).items() if key not in ("split", "seed")}
    _check("table [data]", data, {"kind": str, **scans})
    _check("table [training]", training, _annotations(Settings), required={"n_steps"})
    if kind in BODIES and (network.get("noise_aware") or training.get("deep_supervision")):
        raise ValueError(f"noise_aware or deep_supervision is set for a {kind}; expected them for a modl alone.")
    seed, start = written["seed"], written.get("start")
    if not written["title"].strip():
        raise ValueError("its title is empty; expected what is trained, in one line.")
    if seed < 0:
        raise ValueError(f"seed is {seed}; expected a whole number of 0 or more.")
    if start == name:
        raise ValueError(f"it starts from itself, {start}; expected the name of another checkpoint.")
    network = _defaults(kinds[kind]) | network
    data = _defaults(SOURCES[source]) | data
    return Recipe(name, written["title"], seed, network, data, Settings(**training), start, written)


def _check_without_reference(recipe: Recipe) -> None:
    """Refuse data from which there is nothing to learn without a reference, or that would show complete k-space."""
    loss, data = recipe.training.loss, recipe.data
    if data["kind"] != "once":
        raise ValueError(
            f'the loss is {loss} for [data] of the kind "{data["kind"]}"; expected "once": there, no slice is measured '
            "again with other lines."
        )
    twice, complete = data["repetitions"] == 2, data["acceleration"] == 1
    if (loss == "noise2noise") != twice or (complete and not twice):
        raise ValueError(
            f"the loss is {loss} for scans with acceleration {data['acceleration']} and repetitions "
            f"{data['repetitions']}; expected repetitions = 2 for noise2noise alone, and undersampled scans otherwise."
        )


def _as_floats(value: Any) -> Any:
    """Write every number of a table in one way: 1 as 1.0."""
    if isinstance(value, dict):
        return {name: _as_floats(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_floats(each) for each in value]
    return float(value) if type(value) is int else value


def _defaults(kind: type) -> dict[str, Any]:
    """Default of each option that a class is made with, as TOML would hold it."""
    options = signature(kind).parameters.items()
    made = {name: option.default for name, option in options if option.default is not Parameter.empty}
    if is_dataclass(kind):
        factories = {field.name: field.default_factory for field in fields(kind) if field.init}
        made |= {name: factory() for name, factory in factories.items() if factory is not MISSING}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in made.items()}


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
        words, holder, types = _form(forms[key])
        if not _fits(value, holder, types):
            raise ValueError(f"{key} is {value!r}; expected {words}.")
        if key in MOST and value is not None and value > MOST[key]:
            raise ValueError(f"{key} is {value!r}; expected at most {MOST[key]}.")


def _form(annotation: Any) -> tuple[str, type | None, tuple[type, ...]]:
    """What to write for an option, whether a list or a table holds the values, and the types of the values.

    However it is spelled, a sequence is a pair, and an option that may be None is written as its other type or left
    out.
    """
    parts = [part for part in get_args(annotation) if part not in (type(None), Ellipsis)]
    kind = get_origin(annotation) or annotation
    if kind in (Union, UnionType):
        words, holder, types = _form(parts[0])
        return words, holder, (*types, type(None))
    if issubclass(kind, Mapping) and parts:
        return SHARES, dict, FORMS[parts[1]][1]
    if issubclass(kind, Sequence) and parts:
        return PAIRS[parts[0]], list, FORMS[parts[0]][1]
    words, types = FORMS[kind]
    return words, None, types


def _fits(value: Any, holder: type | None, types: tuple[type, ...]) -> bool:
    """Whether a value is of these types, or a pair or a table of such values; no number is nan or beyond 64 bits."""
    if holder is not None and (type(value) is not holder or (holder is list and len(value) != 2)):
        return False
    values = [value] if holder is None else value.values() if holder is dict else value
    return not types or all(type(each) in types and _is_moderate(each) for each in values)


def _is_moderate(value: Any) -> bool:
    return not isinstance(value, int | float) or abs(value) < 2**63


N_TEST = 24  # slices of the unseen head that a card's metrics are taken from
TEST_SEED = 1


def unseen_scans(recipe: Recipe, n_slices: int = N_TEST) -> Iterator[Scan]:
    """Simulate the slices of the unseen head that a card's metrics are taken from, one after another."""
    slices = recipe.slices("test", TEST_SEED)
    return (slices[i] for i in range(n_slices))
