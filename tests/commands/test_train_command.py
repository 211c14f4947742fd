"""`mricourse train`, alone and under torchrun: what it says, what it writes, and how it goes on."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_training import RECIPE

from mricourse.training import run
from mricourse.training.loop import train
from mricourse.training.recipes import N_VALIDATION, load_recipe, parse_recipe
from mricourse.training.state import History

FRESH_STORE = {
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"
}  # else a process may call one of a past life, and wait for ever
SABOTAGE = """
import os, signal, sys, threading, time
from multiprocessing import get_context
from pathlib import Path

def die():
    while not Path({state!r}).exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

if os.environ.get("RANK") == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
    threading.Thread(target=die, daemon=True).start()
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def is_one_sentence(error):
    return error.startswith("mricourse: ") and error.count("\n") == 1 and error.endswith(".\n")


def test_help_has_an_example(mricourse):
    code, out, error = mricourse("train", "--help")
    assert code == 0 and "Example: mricourse train modl_k1" in out and "torchrun" in out and error == ""


def test_what_lies_in_the_place_of_the_weights_is_said_before_the_training(mricourse, recipe, tmp_path):
    (tmp_path / "small.safetensors").mkdir()
    code, out, error = mricourse("train", recipe, "-o", tmp_path, "--device", "cpu")
    assert code == 2 and out == "" and is_one_sentence(error) and "small.safetensors is a folder" in error


def test_it_trains_says_what_it_does_and_has_nothing_to_do_again(mricourse, recipe, tmp_path):
    code, out, error = mricourse("train", recipe, "-o", tmp_path / "a" / "b", "--device", "cpu")
    first, *rows, last = out.splitlines()
    assert code == 0 and error == ""
    assert first == f"small, 24 steps on cpu: simulating {N_VALIDATION} slices to validate on"
    assert [row.split(":")[0] for row in rows] == ["step 8", "step 16", "step 24"]
    assert all(row.endswith(" dB") and ", validation " in row for row in rows)
    assert last.startswith("small: 24 steps in ") and "small.safetensors and .json" in last
    folder = tmp_path / "a" / "b"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["small.json", "small.safetensors", "states/small.state"]
    weights = (folder / "small.safetensors").read_bytes()
    code, again, error = mricourse("train", recipe, "-o", folder)
    assert code == 0 and again.splitlines() == [first, last] and (folder / "small.safetensors").read_bytes() == weights


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_second_training_into_the_same_folder_is_refused_before_any_work(mricourse, recipe, tmp_path, monkeypatch):
    folder, context = tmp_path / "out", get_context("fork")
    working, end = context.Event(), context.Event()

    def work(*args):
        working.set()
        assert end.wait(300)

    monkeypatch.setattr(run, "_train", work)
    first = context.Process(target=run.train_recipe, args=[load_recipe(recipe)], kwargs=both(folder))
    first.start()
    assert working.wait(300)
    code, out, error = mricourse("train", recipe, "-o", folder)
    assert code == 2 and is_one_sentence(error) and "another training writes into this folder" in error
    other = parse_recipe(RECIPE, "other")  # which has files of its own
    end.set()
    assert run.train_recipe(other, **both(folder)) is None
    first.join()
    assert run.train_recipe(load_recipe(recipe), **both(folder)) is None, "the first one is over"
    assert [path.name for path in folder.rglob("*")] == ["states"]


def both(folder):
    return {"folder": folder, "states": folder / "states"}


@pytest.fixture
def no_work(monkeypatch):
    def train_recipe(*args, **options):
        raise AssertionError("this should have been refused before")

    monkeypatch.setattr(run, "train_recipe", train_recipe)


@pytest.mark.parametrize("place", ["file", "file/folder"])
def test_an_output_that_is_no_folder_is_refused_before_any_work(mricourse, recipe, tmp_path, no_work, place):
    (tmp_path / "file").write_text("mine")
    code, out, error = mricourse("train", recipe, "-o", tmp_path / place)
    assert code == 2 and out == "" and is_one_sentence(error) and "cannot be written to" in error and place in error
    assert (tmp_path / "file").read_text() == "mine"


def test_an_output_without_permission_is_refused_before_any_work(mricourse, recipe, tmp_path, no_work, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mricourse.files.tempfile.TemporaryFile", refuse)
    code, out, error = mricourse("train", recipe, "-o", tmp_path / "out")
    assert code == 2 and out == "" and is_one_sentence(error) and "(permission denied); expected a folder" in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing"], "there is no recipe nothing; expected a .toml file or one of "),
        (["{recipe}", "--device", "tpu"], "the device is 'tpu'; expected auto, cpu or cuda."),
        (["{broken}"], "recipe broken: it lacks training; add it, as in "),
        ([], "Missing argument 'recipe'"),
    ],
)
def test_wrong_words_are_refused_in_one_sentence(mricourse, recipe, tmp_path, no_work, words, sentence):
    broken = tmp_path / "broken.toml"
    broken.write_text(RECIPE.partition("[training]")[0])
    words = [word.format(recipe=recipe, broken=broken) for word in words]
    code, out, error = mricourse("train", *words, "-o", tmp_path / "out")
    assert code == 2 and out == "" and is_one_sentence(error) and sentence in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Interrupted; the same command goes on from the last state that it saved."),
        (FloatingPointError("the loss of a step is nan; expected ...: lower it."), 2, "the loss of a step is nan"),
        (OSError("the state could not be saved to x (disk full); expected ...: make room."), 2, "could not be saved"),
    ],
)
def test_however_it_ends_it_is_one_sentence(mricourse, recipe, tmp_path, monkeypatch, raised, code, words):
    def train_recipe(*args, progress, **options):
        progress(History(step=41), -12.0)
        raise raised

    monkeypatch.setattr(run, "train_recipe", train_recipe)
    ended, out, error = mricourse("train", recipe, "-o", tmp_path)
    assert ended == code and is_one_sentence(error) and words in error
    assert out.splitlines()[1] == "going on from step 40"


def test_torchrun_starts_again_after_a_kill_and_only_the_first_process_writes_and_speaks(recipe, tmp_path):
    if sys.platform == "win32":
        pytest.skip("needs SIGKILL, which Windows does not have")
    folder = tmp_path / "out"
    state = folder / "states" / "small.state"
    (tmp_path / "sabotage").mkdir()
    (tmp_path / "sabotage" / "sitecustomize.py").write_text(SABOTAGE.format(state=str(state)))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    done = subprocess.run(
        [sys.executable, *launch, "-m", "mricourse", "train", str(recipe), "-o", str(folder), "--device", "cpu"],
        env={**os.environ, **FRESH_STORE, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path / "sabotage")},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    lives = sum(line.startswith("small, 24 steps") for line in lines)
    assert lives == 2, "one that speaks in each life"
    starts = [int(line.split()[-1]) for line in lines if line.startswith("going on from step")]
    assert starts and all(start % 4 == 0 for start in starts) and lines[-1].startswith("small: 24 steps in ")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["small.json", "small.safetensors", "states/small.state"]
    assert len(json.loads((folder / "small.json").read_text())["curve"]) == 3

    alone = parse_recipe(RECIPE, "small")
    torch.manual_seed(alone.seed)
    network = alone.build()
    train(network, alone.scans(), replace(alone.training, batch_size=4))
    last = {name.removeprefix("network."): value for name, value in load_file(state).items() if "network." in name}
    differences = [float((last[name] - value).norm() / value.norm()) for name, value in network.state_dict().items()]
    assert max(differences) < 1e-5, f"one process with twice the batch ends elsewhere: {differences}"
