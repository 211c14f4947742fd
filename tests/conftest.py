"""A tiny course of one lesson, for the tests of the lesson machine, and a tiny checkpoint, trained in seconds."""

import sys

import pytest
from tiny_recipe import RECIPE

pytest.register_assert_rewrite("bank")  # tests/wrong_answers/bank.py, which test_lessons.py uses too

LESSON = '''\
# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 1 · A tiny lesson
# The adjoint of $A = M F S$ is $A^H = S^H F^H M$. ![drawing](figures/tiny.svg)

# %%
import base64
import json
import os

from IPython.display import Image
from mricourse import your_turn

values = [1.0, 2.0]

# %%
Image(base64.b64decode(b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="),
      alt="one pixel, black")

# %%
claim = {"sentence": "Two is more than one", "value": 2.0, "low": 1.5, "high": 2.5, "n": 3, "at_least": 1.0,
         "samples": "starts", "interval": None, "values": [1.5, 2.0, 2.5],
         "at_most": None, "unit": "dB", "passed": True}
if "MRICOURSE_CLAIMS" in os.environ:
    with open(os.environ["MRICOURSE_CLAIMS"], "a") as file:
        file.write(json.dumps(claim) + "\\n")

# %% [markdown]
# ## Exercise 1.1 · the square

# %% tags=["exercise"]
def my_square(x):
    """(n,) -> (n,)"""
    ### BEGIN SOLUTION
    the_answer = [value**2 for value in x]
    return the_answer
    ### END SOLUTION

# %% tags=["check"]
assert my_square(values) == [1.0, 4.0], "not the square of each value"

# %% [markdown] tags=["solution"]
# *Why?* Because a secret.
'''


QUESTIONS = """\
- {id: square, kind: numeric, question: "What is 3 squared?", answer: 9, tolerance: 0, unit: "", hints: [3 times 3]}
- id: larger
  kind: prediction
  question: Is the square of 2 larger than 2?
  options: [{text: "yes", why: 4 is, right: true}, {text: "no", why: it is 4}]
"""


def write_tiny_course(folder):
    for name, content in {
        "source/01_tiny.py": LESSON,
        "figures/tiny.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>',
        "quiz/01_tiny.yml": QUESTIONS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def tiny_course(tmp_path):
    """Notebooks folder with the source, a picture and a quiz of one lesson; nothing generated yet."""
    return write_tiny_course(tmp_path / "Kurs für MRT" / "notebooks")


@pytest.fixture(scope="module")
def shared_tiny_course(tmp_path_factory):
    """The same for all tests of a module, which must not change it."""
    return write_tiny_course(tmp_path_factory.mktemp("Kurs für MRT") / "notebooks")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory):
    """Path of the weights of a network trained for a dozen steps, whose card was measured on two slices."""
    from mricourse.training import run
    from mricourse.training.recipes import parse_recipe, unseen_scans

    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "N_VALIDATION", 1)
        patch.setattr(run, "unseen_scans", lambda recipe: unseen_scans(recipe, 2))
        run.train_recipe(parse_recipe(RECIPE, "tiny"), folder=folder, states=folder / "states")
    return folder / "tiny.safetensors"


@pytest.fixture
def mricourse(capsys, tmp_path, monkeypatch):
    """Call the command line; returns exit code, stdout and stderr. It keeps no results beyond the test."""

    from mricourse.commands import app as cli

    monkeypatch.setattr("mricourse.commands.evaluate.kept_rivals", lambda: tmp_path / "kept rivals")

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        return (ended.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def figures_closed():
    """No test leaves a figure to the next: twenty open ones are a warning, and a warning is a failure here."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def style_kept():
    """The figures of a test open no window and leave the learner's own style as it was."""
    import matplotlib

    matplotlib.use("Agg")
    style = matplotlib.rcParams.copy()
    yield
    assert matplotlib.rcParams == style, "a figure changed the global style"
