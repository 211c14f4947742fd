"""What a page may ask of its reader: a line is a statement, a statement a thought, and a window shows lines whole.

Nothing here counts what a lesson has as a whole. A limit would be filled to the brim, as one of 120 lines once was.
"""

import ast
import subprocess
import sys

import pytest
from dense_spellings import dense_spellings

from mricourse.classroom.notebooks import lesson_sources, read_source, solution_version

COLUMNS = 88
NOT_YET_REWRITTEN = {  # this set only shrinks; a lesson that keeps the rules may not stand here
    "02_forward_model",
    "05_compressed_sensing",
    "06_learning_to_reconstruct",
    "07_convolution",
    "08_pooling_and_activations",
    "09_loss_functions",
    "10_backpropagation",
    "12_regularization",
    "13_batch_normalization",
    "15_unet",
}
SOURCES = lesson_sources()
REWRITTEN = [source for source in SOURCES if source.stem not in NOT_YET_REWRITTEN]
WAITING = [source for source in SOURCES if source.stem in NOT_YET_REWRITTEN]

DENSE = {  # code -> a word of the sentence that names it
    "a, b = f(x), g(x)": "packed",
    "a, b = (f(x) for x in y)": "generator",
    "f = lambda x: x": "lambda with a name",
    "f = {'a': lambda x: x}": "lambda in a container",
    "g([lambda x: x])": "lambda in a container",
    "if (n := f(x)) > 3:\n    print(n)": "walrus",
    "a = [x for row in y for x in row]": "comprehension",
    "a = {k: [f(x) for x in v] for k, v in y.items()}": "comprehension",
    "done or f(x)": "sequence",
    "f(x) if done else g(x)": "sequence",
    "f(lambda x: calls.append(x) or x)": "sequence",
    "f(**{'a': 1})": "on the spot",
    "f(**(options | {'a': 1}))": "on the spot",
}
PLAIN = [
    "a, b = b, a",
    "a, b = b, a + b",
    "ny, nx = image.shape",
    "NY, NX = 120, 96",
    "low, high = -1, 1",
    "first, second = f(x)",
    "a = [f(x) for x in y if x]",
    "a = sorted(y, key=lambda x: -x)",
    "f(**options)",
    "a = b or c",
    "if a and b:\n    f(x)",
]


def problems(source):
    """Sentences about a lesson's source, none where it keeps the rules."""
    for cell in solution_version(read_source(source)).cells:
        if cell.cell_type == "code":
            yield from (f"{cell.id}, line {line}: {what}" for line, what in dense_spellings(cell.source))
    lines = source.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if len(line) > COLUMNS and "http" not in line and not line.startswith("# %%") and not line.startswith("# |"):
            yield f"line {number} has {len(line)} columns; expected {COLUMNS} or fewer"
    if not is_formatted(source):
        yield f"it is not formatted: `ruff format --line-length {COLUMNS} {source.name}`"


def is_formatted(source):
    command = [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "--line-length", str(COLUMNS), source]
    return subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize("source", REWRITTEN, ids=[source.stem for source in REWRITTEN])
def test_a_lesson_asks_for_one_thought_at_a_time(source):
    assert list(problems(source)) == []


@pytest.mark.parametrize("source", WAITING, ids=[source.stem for source in WAITING])
def test_a_lesson_that_keeps_the_rules_is_no_exception(source):
    assert any(problems(source)), f"{source.stem} keeps the rules: take it out of NOT_YET_REWRITTEN"


def test_the_exceptions_are_lessons():
    assert {source.stem for source in SOURCES} >= NOT_YET_REWRITTEN


@pytest.mark.parametrize("code", DENSE)
def test_dense_spellings_are_found_and_named(code):
    [(_, what)] = dense_spellings(code)
    assert DENSE[code] in what


@pytest.mark.parametrize("code", PLAIN)
def test_plain_spellings_are_left_alone(code):
    ast.parse(code)
    assert dense_spellings(code) == []
