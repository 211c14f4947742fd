"""Try answers on a lesson's exercises, running only what their checks need.

A file `test_NN_topic.py` here is two tables, `WRONG` (exercise -> mistake -> code) and `RIGHT` (exercise -> way ->
code), and imports the tests below, which go over both. The code of an answer is a whole `def my_x(...)`; it may use
whatever the lesson has imported or computed before the exercise.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from mricourse.classroom.notebooks import lesson_sources, read_source, solution_version, tags

SOURCES = {source.stem: source for source in lesson_sources()}
FEWEST_WRONG, FEWEST_RIGHT = 3, 1


def names_read(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def names_from_outside(tree: ast.AST) -> set[str]:
    """Names that an answer reads and does not define itself: its own variables and arguments are no need."""
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    return names_read(tree) - own


def names_written(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement defines or may change: also by item, attribute or a bare method call."""
    written = set()
    inner = statement.body if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) else []
    hidden = {id(node) for part in inner for node in ast.walk(part)}
    for node in (node for node in ast.walk(statement) if id(node) not in hidden):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            written.add(node.name)
        elif isinstance(node, ast.alias):
            written.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            written.add(node.id)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            written |= names_read(node.value)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            written |= names_read(called.value) if isinstance(called, ast.Attribute) else set()
    return written


def needed_statements(statements: list[ast.stmt], wanted: set[str]) -> list[ast.stmt]:
    """The statements, in order, that the wanted names depend on; plots, prints and claims drop out."""
    kept, wanted = [], set(wanted)
    for statement in reversed(statements):
        if names_written(statement) & wanted:
            kept.append(statement)
            wanted |= names_read(statement)
    return kept[::-1]


class Exercise:
    """One exercise of a lesson: its function's name, its check, and everything that comes before it."""

    def __init__(self, lesson: str, name: str, before: list[str], check: str):
        self.lesson, self.name, self.before, self.check = lesson, name, before, check

    def namespace(self, answers: tuple[str, ...]) -> dict:
        """Run what the check and these answers need, once."""
        import matplotlib

        matplotlib.use("Agg")
        wanted = names_read(ast.parse(self.check))
        wanted = wanted.union(*(names_from_outside(ast.parse(code)) for code in answers))
        statements = [statement for cell in self.before for statement in ast.parse(cell).body]
        module = ast.Module(needed_statements(statements, wanted), type_ignores=[])
        space: dict = {"__name__": "__main__", "display": lambda *_: None}
        exec(compile(module, f"<{self.lesson}>", "exec"), space)
        return space

    def verdict(self, answer: str, space: dict) -> Exception | None:
        """What the check says to an answer: None when it accepts it, else what was raised."""
        space = dict(space)
        exec(compile(answer, f"<answer to {self.name}>", "exec"), space)
        try:
            exec(compile(self.check, f"<check of {self.name}>", "exec"), space)
        except Exception as error:
            return error
        return None


@cache
def exercises(lesson: str, source: Path | None = None) -> dict[str, Exercise]:
    """The exercises of a lesson by the name of their function, in order."""
    cells = [
        cell for cell in solution_version(read_source(source or SOURCES[lesson])).cells if cell.cell_type == "code"
    ]
    found: dict[str, Exercise] = {}
    before: list[str] = []
    for cell in cells:
        defined = re.search(r"^def (my_\w+)", cell.source, flags=re.MULTILINE)
        if "exercise" in tags(cell) and defined:
            found[defined[1]] = Exercise(lesson, defined[1], [*before], "")
        elif "check" in tags(cell) and found:
            last = list(found.values())[-1]
            last.check += cell.source + "\n"
        before.append(cell.source)
    return found


@cache
def _namespace(lesson: str, name: str, answers: tuple[str, ...]) -> dict:
    return exercises(lesson)[name].namespace(answers)


def verdict(bank: ModuleType, name: str, answer: str) -> Exception | None:
    """What the check of one exercise says to an answer out of a bank file."""
    lesson = bank.__name__.removeprefix("test_")
    answers = (*bank.WRONG[name].values(), *bank.RIGHT[name].values())
    return exercises(lesson)[name].verdict(answer, _namespace(lesson, name, answers))


# --- the tests that every bank file imports ---


def test_wrong_answer_is_rejected(request, wrong):
    name, answer = wrong
    error = verdict(request.module, name, answer)
    assert error is not None, f"the check of {name} accepts this wrong answer:\n{answer}"
    assert isinstance(error, AssertionError), f"the check of {name} should assert, but {error!r} came"
    assert str(error).strip(), f"the check of {name} rejects it without saying what is wrong"


def test_right_answer_is_accepted(request, right):
    name, answer = right
    error = verdict(request.module, name, answer)
    assert error is None, f"the check of {name} rejects a right answer ({error!r}):\n{answer}"


def test_every_exercise_has_a_bank(request):
    module = request.module
    names = set(exercises(module.__name__.removeprefix("test_")))
    assert set(module.WRONG) == names and set(module.RIGHT) == names
    for name in names:
        assert len(set(module.WRONG[name].values())) >= FEWEST_WRONG, f"{name}: too few wrong answers"
        assert len(set(module.RIGHT[name].values())) >= FEWEST_RIGHT, f"{name}: no right answer"


def test_the_lessons_own_answer_is_accepted(request):
    lesson = request.module.__name__.removeprefix("test_")
    for name, exercise in exercises(lesson).items():
        cells = solution_version(read_source(SOURCES[lesson])).cells
        own = next(cell.source for cell in cells if re.search(rf"^def {name}\b", cell.source, flags=re.MULTILINE))
        assert exercise.verdict(own, exercise.namespace((own,))) is None, f"{name}: the lesson's own answer fails"


def parametrise(metafunc: pytest.Metafunc) -> None:
    """Give `wrong` and `right` one case for each answer of the bank file."""
    for fixture, table in (("wrong", "WRONG"), ("right", "RIGHT")):
        if fixture in metafunc.fixturenames:
            rows = getattr(metafunc.module, table, {})
            cases = {f"{name}, {why}": (name, code) for name, codes in rows.items() for why, code in codes.items()}
            metafunc.parametrize(fixture, cases.values(), ids=cases.keys())
