"""Recipes: those in the repository build what they say, and whatever else a file may hold ends in one sentence."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from typing import Optional

import pytest
import torch
from small_training import RECIPE

from mricourse.physics.scan import Scan
from mricourse.simulate.training_scans import SimulatedScans
from mricourse.training import recipes
from mricourse.training.recipes import BODIES, NETWORKS, RECIPES, load_recipe, parse_recipe

NAMES = sorted(path.stem for path in RECIPES.glob("*.toml"))
KINDS = [*NETWORKS, *BODIES]
LARGE = {  # others have n_features alone
    "variational_network": "n_filters = 4000\nkernel_size = 255",
    "automap": "shape = [128, 128]",
    "multi_contrast": 'n_features = 4000\n[data]\nkind = "contrasts"',
    "upnet": 'n_features = 4000\n[data]\nkind = "fat_water"',
}


# --- those in the repository


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_loads_and_builds_its_network(name):
    recipe = load_recipe(name)
    assert recipe.name == name and recipe.title and recipe.title != "Small"
    assert recipe.written == tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))
    first, second = (torch.manual_seed(recipe.seed) and recipe.build() for _ in range(2))
    for (key, value), other in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(value, other) and value.isfinite().all(), f"{key} depends on more than the seed"
    text = (RECIPES / f"{name}.toml").read_text(encoding="utf-8")
    assert f"mricourse train {name}\n" in text, "it says how to train it"


@pytest.mark.parametrize("name", [name for name in NAMES if load_recipe(name).start])
def test_every_recipe_starts_from_another_that_fits(name):
    recipe = load_recipe(name)
    assert recipe.start in NAMES and recipe.start != name
    recipe.build().start_from(load_recipe(recipe.start).build())


def test_no_recipe_starts_from_itself_by_way_of_others():
    for name in NAMES:
        seen = [name]
        while (start := load_recipe(seen[-1]).start) is not None:
            assert start not in seen, f"{' <- '.join(seen)} <- {start}"
            seen.append(start)


def test_a_recipe_draws_scans_to_train_on_and_whole_slices_to_judge_by(monkeypatch):
    recipe = parse_recipe(RECIPE, "small")
    train, validation, test = recipe.scans(), recipe.slices("train", 8), recipe.slices("test", 3)
    assert (train.split, train.seed, train.strip, train.pool, train.reuse) == ("train", 3, 24, 3, 4)
    for slices, split, seed in ((validation, "train", 8), (test, "test", 3)):
        assert (slices.split, slices.seed, slices.strip, slices.pool, slices.reuse) == (split, seed, None, 1, 1)
        assert slices.matrix == train.matrix and slices.patterns == train.patterns
    assert isinstance(train[0], Scan)


def test_a_recipe_says_no_more_than_it_must():
    text = 'title = "A"\nseed = 0\n[network]\nkind = "modl"\n[training]\nn_steps = 5'
    recipe = parse_recipe(text, "least")
    assert recipe.start is None and recipe.training.batch_size == 1
    assert tuple(recipe.scans().matrix) == SimulatedScans("train", 0).matrix
    assert recipe.written == tomllib.loads(text) and recipe.defaults["data"] == recipe.data


def test_a_fingerprint_is_that_of_the_content():
    recipe = parse_recipe(RECIPE, "small")
    spelt = RECIPE.replace("n_steps = 24", "clip = 1.0 # as ever\nn_steps  =  24").replace("seed = 3", "seed = 0x3")
    assert parse_recipe(spelt, "small").sha256 == recipe.sha256
    changed = [
        ("seed = 3", "seed = 4"),
        ("n_steps = 24", "n_steps = 25"),
        ("n_cg = 2", "n_cg = 3"),
        ("pool = 3", "pool = 4"),
    ]
    swapped = ("equispaced = 0.4, random = 0.3", "random = 0.3, equispaced = 0.4")  # other lines are drawn
    fingerprints = {parse_recipe(RECIPE.replace(*change), "small").sha256 for change in [*changed, swapped]}
    assert len(fingerprints | {recipe.sha256}) == 6


def test_a_schedule_may_be_longer_than_the_training():
    stopped = parse_recipe(RECIPE.replace("n_steps = 24", "n_steps = 24\nschedule_steps = 48"), "small").training
    whole = parse_recipe(RECIPE.replace("n_steps = 24", "n_steps = 48"), "small").training
    assert [stopped.rate(step) for step in range(24)] == [whole.rate(step) for step in range(24)]
    assert stopped.rate(23) > 0.4 and parse_recipe(RECIPE, "small").training.rate(23) < 0.05


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "learned_thresholds"])  # has 120 at any size
def test_reading_a_recipe_draws_no_random_number_and_fills_no_memory(kind):
    before = torch.get_rng_state()
    large = LARGE.get(kind, "n_features = 4000")
    text = f'title = "A"\nseed = 0\n[network]\nkind = "{kind}"\n{large}\n[training]\nn_steps = 5'
    with pytest.raises(
        ValueError, match="recipe huge: its network has .* weights, about .* GB to train; expected at most"
    ):
        parse_recipe(text, "huge")
    assert torch.equal(before, torch.get_rng_state())


# --- those that are refused

CHANGES = {  # what stands in the recipe -> what is there instead, and the words of the sentence
    "seed = 3": [
        ("seed = 1.5", "seed is 1.5; expected a whole number"),
        ("seed = true", "seed is True; expected a whole number"),
        ('seed = "3"', "seed is '3'; expected a whole number"),
        ("seed = -1", "seed is -1; expected a whole number of 0 or more"),
        (f"seed = {2**64}", f"seed is {2**64}; expected a whole number"),
        (f"seed = 1{'0' * 400}", "expected a whole number"),
        ("", "it lacks seed; add it"),
        ("seed = 3\nlayers = 2", "it has layers; expected only title, seed"),
        ("seed = 3\nstart = 3", "start is 3; expected text"),
        ('seed = 3\nstart = "small"', "it starts from itself, small; expected the name of another"),
        ("seed = 3\nseed = 4", "is no valid TOML"),
    ],
    'title = "Small"': [
        ("title = 3", "title is 3; expected text"),
        ("title = ' '", "its title is empty; expected what"),
        ("title = [", "is no valid TOML"),
    ],
    "[network]": [("[netwerk]", "it has netwerk; expected only"), ("[[network]]", "network is .*; expected a table")],
    'kind = "modl"': [
        ("", "the network's kind is None; expected one of modl"),
        ('kind = "resnet"', "the network's kind is 'resnet'; expected one of modl"),
        ('kind = ["modl"]', "the network's kind is .*; expected one of modl"),
        ('kind = "unet"', "has n_cg, n_iterations, n_layers; expected only kind, n_features"),
    ],
    "n_features = 4": [
        ('n_features = "4"', "n_features is '4'; expected a whole number"),
        ("n_features = 4.0", "n_features is 4.0; expected a whole number"),
        ("n_features = 0", "n_features=0"),
        ("n_features = 9000000000000000000", "n_features is 9000000000000000000; expected at most 4096"),
        ("n_features = 100000", "n_features is 100000; expected at most 4096"),
        ("n_features = 4\nn_featurs = 4", "has n_featurs; expected only kind, n_iterations"),
        ("n_features = 4\nreg_weight = nan", "reg_weight is nan; expected a number"),
        ("n_features = 4\nreg_weight = -1", "reg_weight=-1"),
        ('n_features = 4\nshared = "no"', "shared is 'no'; expected true or false"),
        ("n_features = 4\nshared = 0", "shared is 0; expected true or false"),
        ('n_features = 4\nconsistency = "none"', "consistency='none'"),
    ],
    "matrix = [48, 64]": [
        ("matrix = 48", "matrix is 48; expected two whole numbers"),
        ("matrix = [48]", "expected two whole numbers"),
        ("matrix = [48, 64, 80]", "expected two whole numbers"),
        ('matrix = ["48", "64"]', "expected two whole numbers"),
        ("matrix = [48.0, 64]", "expected two whole numbers"),
        ("matrix = [48, true]", "expected two whole numbers"),
        ("matrix = {low = 48, high = 64}", "expected two whole numbers"),
        ("matrix = [64, 48]", "matrix is .*the lower first"),
        ("matrix = [50, 64]", "expected multiples of 8"),
        ("matrix = [48, 4096]", "expected two numbers from 24 to 512"),
        ("split = 'test'", "table .data. has split; expected only kind, matrix"),
        ("matrx = [48, 64]", "table .data. has matrx; expected only kind, matrix"),
    ],
    "n_coils = [3, 4]": [
        ("n_coils = [0, 4]", "n_coils is .*; expected two numbers from 1 to 32"),
        ("n_coils = [3, 1000]", "n_coils is .*; expected two numbers from 1 to 32"),
        ("n_coils = [3, 4]\nnoise_std = [0.0, 0.1]", "noise_std is .*; expected two numbers"),
        ("n_coils = [3, 4]\nnoise_std = [nan, 0.1]", "noise_std is .*; expected two numbers"),
        ("n_coils = [3, 4]\nnoise_std = [-inf, inf]", "noise_std is .*; expected two numbers"),
        ("n_coils = [3, 4]\nacceleration = [0, 4]", "acceleration is .*; expected two numbers"),
    ],
    "acs = [12, 16]": [("acs = [2, 16]", "acs is "), ("acs = [12, 40]", "at most half of the smallest matrix, 48")],
    "equispaced = 0.4": [
        ("equispaced = -0.4", "patterns are .*; expected positive shares"),
        ("equispaced = nan", "patterns is .*; expected shares"),
        ('equispaced = "all"', "patterns is .*; expected shares"),
        ("radial = 0.4", "patterns are .*; expected positive shares of equispaced"),
    ],
    "strip = 24": [
        ("strip = 3", "strip is 3; expected at least 24"),
        ("strip = 32.0", "strip is 32.0; expected a whole number"),
        ("patterns = 5", "is no valid TOML"),
    ],
    "pool = 3": [("pool = 0", "pool is 0"), ("pool = -3", "pool is -3"), ("_drawn = {}", "has _drawn; expected only")],
    "n_steps = 24": [
        ("n_steps = 0", "n_steps is 0; expected a whole number of 1 or more"),
        ('n_steps = "24"', "n_steps is '24'; expected a whole number"),
        ("", "table .training. lacks n_steps; add it"),
        ("n_steps = 24\nlearning_rate = 2.0", "learning_rate is 2.0; expected a number between 0 and 1"),
        ('n_steps = 24\nlearning_rate = "fast"', "learning_rate is 'fast'; expected a number"),
        ("n_steps = 24\nlearning_rate = nan", "learning_rate is nan; expected a number"),
        ("n_steps = 24\nclip = inf", "clip is inf; expected a number"),
        ("n_steps = 24\nclip = -1", "clip is -1; expected a number above 0"),
        ("n_steps = 24\nreg_weight_rate = 0", "reg_weight_rate is 0; expected a number above 0"),
        ("n_steps = 24\nschedule_steps = 23", "schedule_steps is 23; expected at least the 24 of n_steps"),
        ("n_steps = 24\npatience = -1", "patience is -1; expected a whole number of 0 or more"),
        ('n_steps = 24\nprecision = "float16"', "precision is 'float16'; expected float32 or bfloat16"),
        ("n_steps = 24\nprecision = 16", "precision is 16; expected text"),
        ("n_steps = 24\nepochs = 3", "table .training. has epochs; expected only n_steps"),
    ],
}


@pytest.mark.parametrize(
    ("old", "new", "words"), [(old, new, words) for old, changes in CHANGES.items() for new, words in changes]
)
def test_an_altered_recipe_is_refused_in_one_sentence(old, new, words):
    assert RECIPE.count(old) == 1
    with pytest.raises(ValueError, match=words) as error:
        parse_recipe(RECIPE.replace(old, new), "small")
    sentence = str(error.value)
    assert sentence.startswith("recipe small") and sentence.endswith(".") and "\n" not in sentence


def numbers(kind, table):
    """A recipe of that kind for each number among the options of a table, which is as large as a number can be."""
    least = {"network": 'kind = "modl"', "data": "", "training": "n_steps = 5"}
    for option, form in recipes._annotations(kind).items():
        if option in ("split", "seed") or form not in (int, int | None, float, Sequence[int], Sequence[float]):
            continue
        for huge in ("4000000000000000000", "-4000000000000000000"):
            value = f"[{huge}, {huge}]" if form in (Sequence[int], Sequence[float]) else huge
            name = next((name for name, each in (NETWORKS | BODIES | recipes.SOURCES).items() if each is kind), None)
            words = f'kind = "{name}"\n' if name else ""
            lines = "" if option == "n_steps" or table != "training" else "n_steps = 5\n"
            tables = least | {table: f"{words}{lines}{option} = {value}"}
            text = 'title = "A"\nseed = 0\n' + "\n".join(f"[{key}]\n{rest}" for key, rest in tables.items())
            yield pytest.param(text, option, id=f"{kind.__name__} {option} {huge[:2]}")


HUGE = [
    *(case for kind in [*NETWORKS.values(), *BODIES.values()] for case in numbers(kind, "network")),
    *(case for kind in recipes.SOURCES.values() for case in numbers(kind, "data")),
    *numbers(recipes.Settings, "training"),
]


@pytest.mark.parametrize(("text", "option"), HUGE)
def test_every_number_has_a_limit_on_both_sides(text, option):
    """No recipe asks for more memory than there is, or for a step that never ends."""
    with pytest.raises(ValueError, match=f"recipe huge: .*{option}.*; expected") as error:
        parse_recipe(text, "huge")
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


def test_a_batch_that_never_ends_is_refused():
    with pytest.raises(ValueError, match="batch_size is 1000000000; expected at most 1024"):
        parse_recipe(RECIPE.replace("batch_size = 2", "batch_size = 1000000000"), "small")


@pytest.mark.parametrize("kind", [*BODIES, "kspace_unet"])
def test_a_network_without_stages_has_no_start(kind):
    text = f'title = "A"\nseed = 0\nstart = "modl_k1"\n[network]\nkind = "{kind}"\n[training]\nn_steps = 5'
    with pytest.raises(ValueError, match="it starts from modl_k1; expected no start for a network of its kind"):
        parse_recipe(text, "later")


@pytest.mark.parametrize("table", ["network", "data", "training"])
def test_a_table_that_is_none_is_refused(table):
    rest = {"network": '{kind = "modl"}', "data": "{}", "training": "{n_steps = 5}"}
    text = "\n".join(
        ['title = "A"', "seed = 0", *(f"{name} = {value}" for name, value in (rest | {table: "5"}).items())]
    )
    with pytest.raises(ValueError, match=f"{table} is 5; expected a table"):
        parse_recipe(text, "small")


def test_a_recipe_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no recipe modl_k99; expected a .toml file or one of .*{NAMES[0]}"):
        load_recipe("modl_k99")
    for path in (tmp_path / "missing.toml", tmp_path, tmp_path / "folder.toml"):
        (tmp_path / "folder.toml").mkdir(exist_ok=True)
        with pytest.raises(FileNotFoundError, match="there is no recipe"):
            load_recipe(path)
    (tmp_path / "binary.toml").write_bytes(os.urandom(64) + b"\xff")
    with pytest.raises(ValueError, match="binary.toml cannot be read as text; expected a recipe in TOML"):
        load_recipe(tmp_path / "binary.toml")


def test_a_recipe_may_lie_anywhere(tmp_path):
    (tmp_path / "mein Rezept.toml").write_text(RECIPE, encoding="utf-8")
    recipe = load_recipe(tmp_path / "mein Rezept.toml")
    assert recipe.name == "mein Rezept" and recipe.training.n_steps == 24


def test_the_example_that_sentences_name_is_there():
    assert (RECIPES.parent / recipes.EXAMPLE).is_file()


def test_rough_draws_are_for_training_alone():
    recipe = load_recipe("modl")
    assert recipe.scans().rough and not recipe.slices("test", 1).rough


@pytest.mark.parametrize(
    "option", ["noise_aware = true", "n_layers = 3\n[training]\nn_steps = 5\ndeep_supervision = 0.5"]
)
def test_what_an_image_domain_network_cannot_do_is_refused_before_any_work(option):
    end = "" if "[training]" in option else "\n[training]\nn_steps = 5\n"
    text = f'title = "Small"\nseed = 3\n[network]\nkind = "denoiser"\nn_features = 4\n{option}{end}'
    with pytest.raises(ValueError, match="recipe small: noise_aware or deep_supervision is set for a denoiser"):
        parse_recipe(text, "small")


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (int, [3], [True, 1.5, "3", None]),
        (int | None, [3, None], [True, 1.5]),
        (Optional[int], [3, None], [1.5]),  # noqa: UP045 (the older spelling of the same)
        (float, [0.5, 2], [True, "a", [0.5]]),
        (bool, [True], [1]),
        (str, ["a"], [1]),
        (dict, [{}], [[]]),
        (Sequence[int], [[1, 2]], [[1], [1, 2, 3], [1, 2.5], [True, 2]]),
        (tuple[int, int], [[1, 2]], [[1], [1, 2.5]]),
        (list[float], [[1, 0.5]], [[0.5]]),
        (Mapping[str, float], [{"a": 1}], [{"a": "b"}, [1]]),
        (dict[str, float], [{"a": 0.5}], [{"a": True}]),
    ],
)
def test_an_option_s_type_decides_however_it_is_spelled(annotation, right, wrong):
    _, holder, types = recipes._form(annotation)
    assert all(recipes._fits(value, holder, types) for value in right)
    assert not any(recipes._fits(value, holder, types) for value in wrong)
