"""The harness itself, on a small lesson whose middle must not run."""

import ast

import pytest
from bank import exercises, names_written, needed_statements

LESSON = '''\
# %%
import math

OFFSET, history = 1, []

# %%
raise SystemExit("a slow cell that no check needs")

# %%
for _ in range(2):
    history.append(OFFSET)
print(math.pi)

# %% tags=["exercise"]
def my_sum(values):
    """(n,) -> ()"""
    ### BEGIN SOLUTION
    return sum(values)
    ### END SOLUTION

# %% tags=["check"]
assert my_sum(history) == 2, "not the sum"

# %% tags=["exercise"]
def my_root(x):
    """() -> ()"""
    ### BEGIN SOLUTION
    return math.sqrt(x)
    ### END SOLUTION

# %% tags=["check"]
assert my_root(4) == 2, "not the root"
'''


@pytest.fixture
def lesson(tmp_path):
    (tmp_path / "01_tiny.py").write_text(LESSON, encoding="utf-8")
    exercises.cache_clear()
    yield exercises("01_tiny", tmp_path / "01_tiny.py")
    exercises.cache_clear()


def test_answers_are_judged_by_the_lessons_own_check(lesson):
    right = "def my_sum(values):\n    return values[0] + values[1]"
    wrong = "def my_sum(values):\n    return values[0]"
    broken = "def my_sum(values):\n    return missing"
    space = lesson["my_sum"].namespace((right, wrong, broken))
    assert space["history"] == [1, 1] and "math" not in space
    assert lesson["my_sum"].verdict(right, space) is None
    assert str(lesson["my_sum"].verdict(wrong, space)) == "not the sum"
    assert isinstance(lesson["my_sum"].verdict(broken, space), NameError)
    assert "my_sum" not in space, "one answer must not be seen by the next"


def test_an_answer_may_use_what_the_lesson_imported(lesson):
    answer = "def my_root(x):\n    return math.exp(math.log(x) / 2)"
    space = lesson["my_root"].namespace((answer,))
    assert lesson["my_root"].verdict("def my_root(x):\n    return math.sqrt(x)", space) is None
    assert "history" not in space


def test_statements_that_change_a_needed_name_are_kept():
    code = "a = {}\nb = 1\na['x'] = b\nprint(a)\nc = 3\nplot(a)\na.update(y=2)\nwith open('f') as d:\n    a.clear()"
    kept = [ast.unparse(part).splitlines()[0] for part in needed_statements(ast.parse(code).body, {"a"})]
    assert kept == ["a = {}", "b = 1", "a['x'] = b", "a.update(y=2)", "with open('f') as d:"]
    function = ast.parse("def f():\n    a = 1\n    b.append(a)").body[0]
    assert names_written(function) == {"f"}
