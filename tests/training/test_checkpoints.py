"""Checkpoints: what training wrote is loaded, whatever was altered since is refused in one sentence."""

import hashlib
import json
import os
import pickle
import random
import shutil
import tomllib
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import load_file
from tiny_recipe import RECIPE

from mricourse.classroom import doctor
from mricourse.commands import app as cli
from mricourse.simulate.anatomy import data_sha256
from mricourse.training import cards, run
from mricourse.training.cards import SEAL, Card, recipe_difference, shipped, verify
from mricourse.training.checkpoints import (
    load_checkpoint,
    save_checkpoint,
    training_in_words,
    training_seconds,
    training_stages,
    weights_bytes,
)
from mricourse.training.recipes import load_recipe, parse_recipe, unseen_scans
from mricourse.training.run import train_recipe


@pytest.fixture
def place(tiny_checkpoint, tmp_path, monkeypatch):
    """A folder of the course's own with the checkpoints `tiny` and `other`, and their recipes."""
    folder = tmp_path / "data" / "checkpoints"
    (tmp_path / "recipes").mkdir()
    tiny = load_checkpoint(tiny_checkpoint)
    other = load_checkpoint(tiny_checkpoint).network
    with torch.no_grad():
        other.log_reg_weight += 1
    save_checkpoint(tiny.network, tiny.card, folder)
    changed = {
        "name": "other",
        "recipe": tiny.card.recipe | {"start": "tiny"},
        "start_sha256": tiny.card.weights_sha256,
    }
    changed["weights_sha256"] = hashlib.sha256(weights_bytes(other)).hexdigest()
    save_checkpoint(other, replace(tiny.card, **changed), folder)
    (tmp_path / "recipes" / "tiny.toml").write_text(RECIPE)
    (tmp_path / "recipes" / "other.toml").write_text(f'start = "tiny"\n{RECIPE}')
    monkeypatch.setattr(cards, "CHECKPOINTS", folder)
    monkeypatch.setattr(cards, "RECIPES", tmp_path / "recipes")
    return folder


def test_what_was_trained_is_loaded(tiny_checkpoint):
    for source in (tiny_checkpoint, str(tiny_checkpoint), tiny_checkpoint.with_suffix(".json")):
        loaded = load_checkpoint(source)
        stored = load_file(tiny_checkpoint)
        assert loaded.network.state_dict().keys() == stored.keys()
        assert all(torch.equal(value, stored[name]) for name, value in loaded.network.state_dict().items())
        assert not loaded.network.training and loaded.recipe.name == loaded.name == "tiny"


def test_the_card_says_how_it_was_made(tiny_checkpoint):
    card = load_checkpoint(tiny_checkpoint).card
    assert card.title == "A tiny MoDL" and card.seed == 1 and card.start is card.start_sha256 is None
    assert card.recipe == tomllib.loads(RECIPE) and card.defaults["training"]["learning_rate"] == 1e-3
    assert card.n_steps == 12 and card.curve[-1]["step"] == 12 and card.device and card.commit
    assert card.trained_for["acceleration"] == [1.4, 4] and card.trained_for["n_coils"] == [4, 6]
    assert card.metrics["psnr"] > card.metrics["psnr_zero_filled"] and card.metrics["n_slices"] == 2
    assert card.data_sha256 == {"anatomies.h5": data_sha256()}
    assert card.n_parameters == 2 * 9 * (3 * 8 + 8 * 8 + 8 * 2) // 2 + 2


def test_loading_leaves_the_global_random_state_alone(tiny_checkpoint):
    state = torch.get_rng_state()
    load_checkpoint(tiny_checkpoint)
    assert torch.equal(torch.get_rng_state(), state)


def test_shipped_ones_are_loaded_by_name(place):
    assert shipped() == ["other", "tiny"]
    tiny, other = load_checkpoint("tiny"), load_checkpoint("other")
    assert not torch.equal(tiny.network.log_reg_weight, other.network.log_reg_weight)
    assert torch.equal(load_checkpoint(place / "tiny.json").network.log_reg_weight, tiny.network.log_reg_weight)


def test_a_second_stage_names_the_weights_that_it_began_with(tiny_checkpoint, tmp_path, monkeypatch):
    text = RECIPE.replace("seed = 1", f"seed = 2\nstart = '{tiny_checkpoint.as_posix()}'")
    text = text.replace("n_iterations = 2", "n_iterations = 3").replace("n_steps = 12", "n_steps = 1")
    monkeypatch.setattr(run, "N_VALIDATION", 1)
    monkeypatch.setattr(run, "unseen_scans", lambda recipe: unseen_scans(recipe, 1))
    train_recipe(parse_recipe(text, "second"), folder=tmp_path, states=tmp_path)
    card = load_checkpoint(tmp_path / "second.safetensors").card
    assert card.start_sha256 == load_checkpoint(tiny_checkpoint).card.weights_sha256


def test_a_failed_write_leaves_the_earlier_checkpoint(place, monkeypatch):
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    loaded = load_checkpoint("tiny")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device"):
        save_checkpoint(loaded.network, loaded.card, place)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


# --- alterations ---


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def replace_text(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def rewrite(path, **changes):
    """Change a card, at any depth, and give it the fingerprint that it should then have."""
    card = json.loads(path.read_text())
    del card[SEAL]
    for name, value in changes.items():
        *tables, key = name.split("__")
        table = card
        for each in tables:
            table = table[each]
        if value is ...:
            del table[key]
        else:
            table[key] = value
    seal = hashlib.sha256(json.dumps(card).encode()).hexdigest()
    path.write_text(json.dumps(card | {SEAL: seal}, indent=1, ensure_ascii=False) + "\n")


def change_recipe(old, new):
    replace_text(cards.RECIPES / "tiny.toml", old, new)


def make_folder(path):
    path.unlink()
    path.mkdir()


def forge(folder, content):
    """Put other bytes in the place of the weights, with a card that describes them."""
    (folder / "tiny.safetensors").write_bytes(content)
    rewrite(folder / "tiny.json", weights_sha256=hashlib.sha256(content).hexdigest())


class Trap:
    def __reduce__(self):
        return (open, ("sprung", "w"))


def swap(folder, *suffixes):
    for suffix in suffixes:
        shutil.copy(folder / f"other{suffix}", folder / f"tiny{suffix}")


CARD, WEIGHTS = "tiny.json", "tiny.safetensors"
ALTERATIONS = {  # what is done to the folder -> words that the sentence must hold
    "a byte of the weights": (lambda f: flip(f / WEIGHTS, -7), "is not the file that its card describes"),
    "a byte of their header": (lambda f: flip(f / WEIGHTS, 20), "is not the file that its card describes"),
    "weights cut": (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-4]), "is not the file"),
    "weights longer": (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes() + b"\0"), "is not the file"),
    "weights of another": (lambda f: swap(f, ".safetensors"), "is not the file that its card describes"),
    "weights empty": (lambda f: (f / WEIGHTS).write_bytes(b""), "tiny.safetensors is empty (0 bytes)"),
    "weights missing": (lambda f: (f / WEIGHTS).unlink(), "tiny.safetensors is missing"),
    "weights a folder": (lambda f: make_folder(f / WEIGHTS), "tiny.safetensors is a folder"),
    "weights a pickle": (lambda f: (f / WEIGHTS).write_bytes(pickle.dumps(Trap())), "is not the file"),
    "a pickle that the card describes": (lambda f: forge(f, pickle.dumps(Trap())), "does not fit the network"),
    "noise that the card describes": (lambda f: forge(f, b"\xff" * 200), "does not fit the network"),
    "a digit of the card": (lambda f: replace_text(f / CARD, '"n_threads": ', '"n_threads": 1'), "was altered after"),
    "a metric of the card": (lambda f: replace_text(f / CARD, '"psnr": ', '"psnr": 1'), "was altered after training"),
    "a space in the card": (lambda f: replace_text(f / CARD, '"seed": 1', '"seed":  1'), "was altered after training"),
    "a key twice": (lambda f: replace_text(f / CARD, "{", '{"name": "other",'), "was altered after training"),
    "the recipe in the card": (lambda f: replace_text(f / CARD, '"n_steps": 12', '"n_steps": 99'), "was altered after"),
    "a default in the card": (lambda f: replace_text(f / CARD, '"clip": 1.0', '"clip": 2.0'), "was altered after"),
    "another recipe in the card": (lambda f: rewrite(f / CARD, recipe__seed=2), "is not the recipe that made"),
    "an option out of the card": (lambda f: rewrite(f / CARD, recipe__data__reuse=...), "it has data.reuse, which"),
    "card of another": (lambda f: swap(f, ".json"), "is the card of other; expected that of tiny"),
    "both of another": (lambda f: swap(f, ".json", ".safetensors"), "is the card of other; expected that of tiny"),
    "card missing": (lambda f: (f / CARD).unlink(), "there is no checkpoint 'tiny'; expected one of other, or a path"),
    "card empty": (lambda f: (f / CARD).write_bytes(b""), "tiny.json is empty (0 bytes)"),
    "card a folder": (lambda f: make_folder(f / CARD), "tiny.json is a folder"),
    "card no JSON": (lambda f: (f / CARD).write_text("{"), "is no card of a checkpoint"),
    "card no text": (lambda f: (f / CARD).write_bytes(b"\xff\xfe"), "is no card of a checkpoint"),
    "card a list": (lambda f: (f / CARD).write_text("[1, 2]"), "is no card of a checkpoint"),
    "card null": (lambda f: (f / CARD).write_text("null"), "is no card of a checkpoint"),
    "card too deep": (lambda f: (f / CARD).write_text("[" * 100_000), "is no card of a checkpoint"),
    "card with NaN": (lambda f: replace_text(f / CARD, '"seed": 1', '"seed": NaN'), "is no card of a checkpoint"),
    "card with Infinity": (lambda f: rewrite(f / CARD, seconds=float("inf")), "is no card of a checkpoint"),
    "card with 1e999": (lambda f: replace_text(f / CARD, '"psnr": ', '"psnr": 1e999, "x": '), "its metrics is"),
    "card with a huge number": (lambda f: replace_text(f / CARD, '"seed": 1', f'"seed": {"9" * 9999}'), "is no card"),
    "card without a field": (lambda f: rewrite(f / CARD, trained_for=...), "is no card of a checkpoint"),
    "card with a field of another kind": (lambda f: rewrite(f / CARD, metrics=[1]), "is no card of a checkpoint"),
    "card without fingerprint": (lambda f: (f / CARD).write_text('{"recipe": "", "name": "x"}'), "is no card of a"),
    "recipe file": (
        lambda f: change_recipe("n_steps = 12", "n_steps = 13"),
        "its training.n_steps is 13, the card's 12",
    ),
    "an option more": (
        lambda f: change_recipe("pool = 2", "pool = 2\nstrip = 64"),
        "its data.strip is 64, the card's None",
    ),
    "an option less": (lambda f: change_recipe("pool = 2\n", ""), "it lacks data.pool, which was 2"),
    "an unknown option": (
        lambda f: change_recipe("pool = 2", "pool = 2\nsize = 2"),
        "it has data.size, which the card",
    ),
    "an unknown table": (lambda f: change_recipe("[data]", "[more]\n[data]"), "it has more, which the card does not"),
    "shares in another order": (
        lambda f: change_recipe("{equispaced = 0.5, random = 0.5}", "{random = 0.5, equispaced = 0.5}"),
        "its data.patterns is",
    ),
    "true for 1": (lambda f: change_recipe("seed = 1", "seed = true"), "its seed is True, the card's 1"),
    "another title": (
        lambda f: change_recipe("tiny", "small"),
        "its title is 'A small MoDL', the card's 'A tiny MoDL'",
    ),
    "recipe no TOML": (lambda f: change_recipe("[data]", "[data"), "tiny.toml is not the recipe that made"),
    "recipe no text": (lambda f: (cards.RECIPES / "tiny.toml").write_bytes(b"\xff"), "tiny.toml is not the recipe"),
    "recipe file missing": (lambda f: (cards.RECIPES / "tiny.toml").unlink(), "tiny.toml does not exist"),
    "recipe file a folder": (lambda f: make_folder(cards.RECIPES / "tiny.toml"), "tiny.toml is a folder"),
}

INVISIBLE = {  # to the doctor, who then knows of one checkpoint less, and who does not look into weights
    "card missing", "a pickle that the card describes", "noise that the card describes"
}  # fmt: skip


def refused(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    out, error = capsys.readouterr()
    assert ended.value.code == 2 and out == "", (ended.value.code, out, error)
    assert error.startswith("mricourse: ") and error.endswith(".\n") and error.count("\n") == 1, error
    assert "Traceback" not in error and "unforeseen" not in error
    return error


@pytest.mark.parametrize("name", ALTERATIONS)
def test_what_was_altered_is_refused(place, capsys, monkeypatch, name):
    alter, words = ALTERATIONS[name]
    alter(place)
    monkeypatch.chdir(place)
    with pytest.raises((ValueError, OSError)) as refusal:
        load_checkpoint("tiny")
    assert words in str(refusal.value) and "\n" not in str(refusal.value), refusal.value
    assert words in refused(capsys, "evaluate", "tiny")
    assert words in refused(capsys, "reconstruct", "scan.npz", "--checkpoint", "tiny", "-o", "image.npy")
    if name not in INVISIBLE:
        finding = doctor._checkpoints()
        assert finding.ok is False and finding.text.endswith(".") and "tiny" in finding.text
    assert not (place / "sprung").exists(), "something was unpickled"


def test_a_recipe_of_another_network_does_not_take_the_weights(place, tmp_path):
    elsewhere = shutil.copytree(place, tmp_path / "elsewhere")  # where no recipe file can contradict
    rewrite(elsewhere / CARD, recipe__network__n_features=9)
    with pytest.raises(ValueError, match="does not fit the network of its recipe"):
        load_checkpoint(elsewhere / WEIGHTS)
    rewrite(elsewhere / CARD, recipe__network__n_features="nine")
    with pytest.raises(ValueError, match="recipe tiny: n_features is 'nine'; expected a whole number"):
        load_checkpoint(elsewhere / WEIGHTS)


SHAPES = {  # what stands in a card -> what is there instead: other kinds, at every depth
    "name": ["", 3, None, ["tiny"]],
    "n_parameters": [-1, 1.5, "9", True, 10**30],
    "seconds": [None, 2.5, "long"],
    "best_step": [13, "last"],
    "curve": [{}, [3], [{"step": 1}], [{"step": 1, "loss": "low"}], [{"step": 1, "loss": None}], "up"],
    "trained_for": [{}, []],
    "trained_for__acs": [..., 3, [3], [3, "4"], [4, 3], [1, 2, 3], [None, 4], "all", {"low": 3, "high": 4}],
    "trained_for__noise_std": [..., [True, 1], ["0", "1"]],
    "metrics": [{}, [], "good"],
    "metrics__psnr": [..., "30", None, [30], {"dB": 30}, True, 10**30],
    "metrics__ssim": [..., "0.9"],
    "metrics__psnr_zero_filled": [...],
    "metrics__n_slices": [..., 0, -1, 2.5, "24", True, 10**15],
    "weights_sha256": ["", "0" * 63, "g" * 64, 5],
    "start_sha256": ["none", 0, False],
    "data_sha256": [{"anatomies.h5": 3}, ["0" * 64], {"anatomies.h5": "?"}],
    "recipe": ["", [], {}, {"title": "A"}],
    "recipe__title": [..., 3, ""],
    "recipe__seed": ["1", -1, 1.0],
    "recipe__start": [3, ""],
    "recipe__network": [..., [], "modl", 3],
    "recipe__data__matrix": [[64, {"high": float("1e300")}]],
    "defaults": [{}, [], {"network": {}, "data": {}}],
    "defaults__training": [..., 3, []],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in SHAPES.items() for value in values])
def test_a_sealed_card_of_another_shape_is_refused_in_one_sentence(place, capsys, name, value):
    rewrite(place / CARD, **{name: value})
    with pytest.raises(ValueError, match="tiny.json is no card of a checkpoint .it") as refusal:
        load_checkpoint("tiny")
    assert name.split("__")[0] in str(refusal.value) and len(str(refusal.value)) < 500
    refused(capsys, "evaluate", "tiny")


@pytest.mark.parametrize("entry", ["extra", "card"])
def test_an_unknown_entry_of_a_card_is_refused(place, entry):
    rewrite(place / CARD, **{entry: 1})
    with pytest.raises(ValueError, match=f"is no card of a checkpoint .it has '{entry}'"):
        load_checkpoint("tiny")


def test_a_card_is_written_as_it_is_read(place):
    card = load_checkpoint("tiny").card
    assert card.text() == (place / CARD).read_text() and Card(**asdict(card)) == card


def test_comments_order_and_options_at_their_defaults_do_not_break_a_seal(place):
    path = cards.RECIPES / "tiny.toml"
    lines = [f"{line}  # see the module that draws" if "=" in line else line for line in RECIPE.splitlines()]
    top, network, data, training = "\n".join(lines).split("\n[")
    defaults = "\nclip = 1  # as it is anyway\nlearning_rate = 1e-3\n"
    path.write_text(f"# Another comment\n{top}\n[{training}{defaults}[{data}\r\n[{network}\nshared = true\n")
    verify("tiny")
    loaded, again = load_checkpoint("tiny").recipe, load_recipe(path)
    assert again.sha256 == loaded.sha256 and again.training == loaded.training
    assert recipe_difference(load_checkpoint("tiny").card, again.written) == ""


def test_line_ends_do_not_break_a_seal(place):
    for path in (place / CARD, cards.RECIPES / "tiny.toml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    verify("tiny")


def test_an_option_that_the_library_gains_later_leaves_the_cards_as_they_are(place):
    """Cards know nothing of it, and their networks have it at its default."""
    rewrite(place / CARD, defaults__training__patience=..., defaults__network__flips=...)
    verify("tiny")
    assert load_checkpoint("tiny").recipe.training.patience == 0


def test_a_network_is_built_with_the_defaults_of_its_day(place):
    """Not with those that the library has when the network is loaded."""
    rewrite(place / CARD, defaults__training__clip=3.0)
    assert load_checkpoint("tiny").recipe.training.clip == 3.0 != parse_recipe(RECIPE, "tiny").training.clip


def test_a_shipped_start_must_be_the_one_that_it_began_with(place):
    loaded = load_checkpoint("tiny")
    with torch.no_grad():
        loaded.network.log_reg_weight += 0.1
    changed = {"weights_sha256": hashlib.sha256(weights_bytes(loaded.network)).hexdigest()}
    save_checkpoint(loaded.network, replace(loaded.card, **changed), place)  # trained again
    load_checkpoint("tiny")
    with pytest.raises(ValueError, match="began with other weights than those of .*tiny.json"):
        load_checkpoint("other")


def test_any_changed_byte_is_refused(place):
    random.seed(0)
    for name in (CARD, WEIGHTS):
        whole = (place / name).read_bytes()
        for position in random.sample(range(len(whole)), 60):
            changed = bytearray(whole)
            changed[position] = (changed[position] + random.randint(1, 255)) % 256
            (place / name).write_bytes(changed)
            with pytest.raises(ValueError, match="expected"):
                load_checkpoint("tiny")
        (place / name).write_bytes(whole)
    load_checkpoint("tiny")


NAMES = ["nothing", "", ".", "..", "Tiny", "tiny.", "tiny/", "../checkpoints/tiny", "./tiny", "/tiny", "*"]


@pytest.mark.parametrize("name", [*NAMES, "t\0", "a\nb", "x" * 5000], ids=range(14))
def test_a_name_is_one_of_the_list(place, capsys, monkeypatch, name):
    monkeypatch.chdir(place)
    assert "expected one of other, tiny, or a path to a .safetensors file" in refused(capsys, "evaluate", name)


@pytest.mark.parametrize("name", ["no.safetensors", "no/tiny.json", "x" * 5000 + ".safetensors", "a\0.json"])
def test_a_path_leads_to_a_file(place, capsys, monkeypatch, name):
    monkeypatch.chdir(place)
    assert "does not exist; expected a file" in refused(capsys, "evaluate", name)


def test_a_card_or_weights_alone_are_refused(place, tmp_path, capsys):
    for kept, lost in ((CARD, WEIGHTS), (WEIGHTS, CARD)):
        shutil.copy(place / kept, tmp_path / kept)
        assert f"{tmp_path / lost} is missing" in refused(capsys, "evaluate", tmp_path / kept)
        (tmp_path / kept).unlink()


def test_hidden_files_beside_the_checkpoints_are_none(place):
    for name in ("._tiny.json", ".0123456789ab.part.json"):
        (place / name).write_bytes(b"\0")
    assert shipped() == ["other", "tiny"] and doctor._checkpoints().ok


def test_doctor_names_what_is_shipped(place):
    assert doctor._checkpoints().ok and "other, tiny" in doctor._checkpoints().text
    for path in place.iterdir():
        path.unlink()
    assert doctor._checkpoints().ok is False and "get the files" in doctor._checkpoints().text


# --- what the course ships ---


def test_the_course_ships_a_network():
    assert "modl" in shipped(), "`mricourse reconstruct --checkpoint modl` needs data/checkpoints/modl.*"


@pytest.mark.parametrize("name", shipped())
def test_what_is_shipped_is_as_it_was_trained(name):
    verify(name)
    loaded = load_checkpoint(name)
    assert sum(parameter.numel() for parameter in loaded.network.parameters()) == loaded.card.n_parameters
    assert loaded.card.metrics["n_slices"] >= 20
    few = (loaded.recipe.data.get("n_slices") or 16) < 16  # four slices teach less than nothing
    assert few or loaded.card.metrics["psnr"] > loaded.card.metrics["psnr_zero_filled"]
    assert loaded.card.data_sha256 == {"anatomies.h5": data_sha256()}


@pytest.mark.parametrize("name", shipped())
def test_what_is_shipped_was_trained_as_its_recipe_says(name):
    """To the recipe's last step, or until its patience ended, at the learning rates of its schedule."""
    card, recipe = load_checkpoint(name).card, load_recipe(name)
    settings = recipe.training
    assert recipe.sha256 == load_checkpoint(name).recipe.sha256, "a default is no longer what it was"
    steps = [row["step"] for row in card.curve]
    waited = sum(step > card.best_step for step in steps)
    assert card.n_steps == settings.n_steps or 0 < settings.patience == waited
    for row in card.curve:
        rate = settings.learning_rate * settings.rate(int(row["step"]) - 1)
        assert row["learning_rate"] == pytest.approx(rate, rel=1e-5)
    assert card.trained_for == recipe.scans().ranges()


def test_the_weights_are_those_that_were_first_shipped():
    """Cards are sealed anew when options change; what was trained stays as it is, byte for byte."""
    lines = (cards.ROOT / "tests" / "training" / "weights.sha256").read_text().splitlines()
    listed = {name: sha256 for sha256, name in map(str.split, lines)}
    assert listed == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in cards.CHECKPOINTS.glob("*.safetensors")
    }


def test_training_in_words_tells_the_place_in_the_schedule_and_the_work_of_all_stages():
    assert [stage.name for stage in training_stages("modl_k8")] == ["modl_k1", "modl_k5", "modl_k8"]
    half_way = training_in_words("modl_k5")  # 3000 steps of one iteration before 5500 of five
    assert half_way.startswith("step  5,500 of 11,000, rate at 51 %; in all  30,500 steps x iterations,")
    assert half_way.endswith(f"{training_seconds('modl_k5'):6,} s")
    to_its_end = load_checkpoint("modl_gradient").card
    assert "step  5,000 of  5,000, rate at  2 %" in training_in_words("modl_gradient")
    assert to_its_end.curve[-1]["learning_rate"] == pytest.approx(0.02 * 1e-3, rel=1e-3)


def test_training_seconds_count_the_stages_before():
    own = load_checkpoint("modl_k5").card.seconds
    assert training_seconds("modl_k5") == own + load_checkpoint("modl_k1").card.seconds
    assert training_seconds("unet") == load_checkpoint("unet").card.seconds
