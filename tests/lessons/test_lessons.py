"""Every lesson source against the rules that all lessons share, and the syllabus against the lecture."""

import ast
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "wrong_answers"))

from bank import exercises, names_read, names_written

from mricourse.classroom.notebooks import (
    BEGIN,
    complete,
    learner_version,
    lesson_sources,
    read_source,
    solution_version,
    stale_notebooks,
    tags,
)
from mricourse.classroom.page import draw_equation, equations
from mricourse.classroom.quiz import load_quiz
from mricourse.classroom.syllabus import headings, load_syllabus
from mricourse.files import NOTEBOOKS, ROOT

SOURCES = lesson_sources()
KNOWN_TAGS = {"exercise", "check", "solution", "claim", "hide-input", "remove-input"}
MAX_CELL, MAX_CLASS = 20, 20  # lines
FEWEST_LINES, FEWEST_WORDS = 45, 900  # of a whole lesson; a limit above made pages dense
LECTURE = "L1.1-7 L2.1-20 L3.1-7 L4.1-9 L5.1-3"

every_lesson = pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])


def code_cells(source):
    return [cell for cell in solution_version(read_source(source)).cells if cell.cell_type == "code"]


def text_of(source):
    return "\n\n".join(cell.source for cell in read_source(source).cells if cell.cell_type == "markdown")


def lines_of(code):
    return [line for line in code.splitlines() if line.strip() and not line.strip().startswith("#")]


def is_ordinary(cell):
    return not {"exercise", "check", "solution"} & set(tags(cell))


# --- code ---


@every_lesson
def test_cells_are_plain_python_of_at_most_twenty_lines(source):
    for cell in code_cells(source):
        tree = ast.parse(cell.source)  # a magic or a shell line is no Python
        imports = sum(
            node.end_lineno - node.lineno + 1 for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
        )  # one line a name where many come from one face: nobody reads them as one thought
        assert len(lines_of(cell.source)) - imports <= MAX_CELL, f"{cell.id} has more than {MAX_CELL} lines"
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                assert node.end_lineno - node.lineno < MAX_CLASS, f"class {node.name} is too long for a notebook"


@every_lesson
def test_cells_leave_the_machine_alone(source):
    code = "\n".join(cell.source for cell in code_cells(source))
    for word in ("filterwarnings", "os.chdir", "get_ipython", "subprocess", "os.system", "urlopen", "requests."):
        assert word not in code, f"a lesson does not use {word}"
    for pattern, rule in {
        r"torch\.manual_seed\(0\)": "seeds torch once",
        r"set_num_threads|cpu_count|\bCI\b": "does not depend on the machine",
    }.items():
        assert bool(re.search(pattern, code)) == ("seeds" in rule), f"a lesson {rule}"


@every_lesson
def test_a_lesson_is_not_a_sketch(source):
    n_lines = sum(len(lines_of(cell.source)) for cell in code_cells(source))
    prose = re.sub(r"\$\$.*?\$\$|\$[^$]+\$|https?://\S+", " ", text_of(source), flags=re.DOTALL)
    n_words = len(re.findall(r"\w+", prose))
    assert n_lines >= FEWEST_LINES, f"{n_lines} lines of code; expected {FEWEST_LINES} or more"
    assert n_words >= FEWEST_WORDS, f"{n_words} words outside equations; expected {FEWEST_WORDS} or more"


@every_lesson
def test_nothing_depends_on_a_learners_answer(source):
    """Ordinary cells use nothing named my_..., and no variable whose last value came from an exercise or a check."""
    learners = set()
    for cell in code_cells(source):
        for statement in ast.parse(cell.source).body:
            if is_ordinary(cell):
                used = {name for name in names_used(statement) if name in learners or name.startswith("my_")}
                assert not used, f"{cell.id} uses {sorted(used)}, which an exercise or check cell makes"
                learners -= names_written(statement)
            else:
                learners |= names_written(statement) - imported(statement)


def names_used(statement):
    """Names that a statement takes from the notebook: not its arguments, loop variables and functions' own names."""
    bound = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.arg):
            bound.add(node.arg)
        inner = node if isinstance(node, ast.FunctionDef) else getattr(node, "optional_vars", None)
        inner = node.target if isinstance(node, (ast.comprehension, ast.For)) else inner
        if inner is not None:
            names = (part for part in ast.walk(inner) if isinstance(part, ast.Name))
            bound |= {name.id for name in names if not isinstance(name.ctx, ast.Load)}
    return names_read(statement) - bound


def imported(statement):
    return names_written(statement) if isinstance(statement, (ast.Import, ast.ImportFrom)) else set()


# --- text ---


@every_lesson
def test_order_of_headings(source):
    text, number = text_of(source), int(source.stem[:2])
    assert re.match(rf"# {number} · \S", text), f"the title is not '# {number} · ...'"
    places = [
        text.find(mark)
        for mark in (
            "You will be able to",
            "| Prerequisites",
            "## Exercise",
            "What you have learned",
            "Further reading",
        )
    ]
    assert -1 not in places and places == sorted(places), f"sections are missing or out of order: {places}"
    assert 3 <= len(re.findall(r"^## ", text, flags=re.MULTILINE)) and "Check yourself" in text
    assert any("go further" in heading.lower() for heading in headings(source)), "no exercise is marked Go further"


@every_lesson
@pytest.mark.parametrize("version", [learner_version, solution_version], ids=["learner", "solution"])
def test_headings_form_an_outline(source, version):
    """One title, and no level left out on the way down: who listens to a page finds the way by its headings."""
    notebook = complete(version(read_source(source)), source, "learner")
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = outline(text)
    levels = [level for level, _ in found]
    assert levels[0] == 1 and levels.count(1) == 1, f"the titles are {[name for level, name in found if level == 1]}"
    for (above, _), (level, name) in pairwise(found):
        assert level <= above + 1, f"{name!r} is of level {level}, and what stands before it of level {above}"


def outline(text):
    """Level and words of every heading; a line in a fenced block is none."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    marks = re.findall(r"^(#{1,6}) +(.+)$|<h([1-6])[^>]*>(.*?)</h", text, flags=re.MULTILINE)
    return [(len(signs) or int(digit), words or inside) for signs, words, digit, inside in marks]


@every_lesson
def test_aims_and_what_was_learned(source):
    text = text_of(source)
    aims = text.split("You will be able to")[1].split("\n|")[0]
    learned = text.split("What you have learned")[1].split("Further reading")[0]
    n_aims = len(re.findall(r"^- ", aims, flags=re.MULTILINE))
    assert n_aims >= 2, f"{n_aims} aims; expected two or more"
    assert len(re.findall(r"^(?:- |\d\. )", learned, flags=re.MULTILINE)) >= n_aims, "an aim is not taken up again"


@every_lesson
def test_further_reading_has_dois(source):
    reading = text_of(source).split("Further reading")[-1]
    assert len(set(re.findall(r"10\.\d{4,9}/[^\s)\]>]+", reading))) >= 2


@every_lesson
def test_forbidden_words(source):
    found = re.findall(r"\b(simply|obviously|just)\b", text_of(source), flags=re.IGNORECASE)
    assert not found, f"the text says {sorted(set(found))}"


@every_lesson
def test_equations_can_be_drawn_offline(source):
    for equation in equations(text_of(source)):
        draw_equation(equation)


@every_lesson
def test_pictures_exist(source):
    for name in re.findall(r"\]\((figures/[^)\s]+)|src=[\"'](figures/[^\"']+)", text_of(source)):
        assert (NOTEBOOKS / "".join(name)).is_file(), f"{''.join(name)} is missing"


@every_lesson
def test_slides_are_marked(source):
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in read_source(source).cells]
    assert kinds[0] == "slide" and kinds.count("slide") >= 3
    assert set(kinds) <= {None, "slide", "subslide", "fragment", "skip", "notes", "-"}


@every_lesson
def test_real_data_is_used_where_the_syllabus_says_so(source):
    row = load_syllabus().lesson(source.stem)
    assert any("real data" in heading.lower() for heading in headings(source)) == ("real" in row.data)


# --- exercises, claims and quiz ---


@every_lesson
def test_tags(source):
    cells = read_source(source).cells
    unknown = {tag for cell in cells for tag in tags(cell)} - KNOWN_TAGS
    assert not unknown, f"unknown tags {sorted(unknown)}"
    kinds = [kind for cell in cells for kind in tags(cell) if kind in ("exercise", "check")]
    assert re.fullmatch(r"(Ec+)+", "".join(kind[0].replace("e", "E") for kind in kinds)), (
        f"{kinds}: expected exercises, each followed by its check"
    )


@every_lesson
def test_exercises_are_short_functions(source):
    assert exercises(source.stem), "no exercise defines a function my_..."
    for cell in read_source(source).cells:
        if "exercise" in tags(cell):
            [function] = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
            answer = cell.source.split(BEGIN)[1].split("### END")[0]
            assert function.name.startswith("my_") and ast.get_docstring(function)
            assert cell.source.count(BEGIN) == 1 and lines_of(answer), f"{function.name} has no answer"
        elif "check" in tags(cell):
            assert "assert " in cell.source or "check" in cell.source
            bare = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Assert) and not node.msg]
            assert not bare, f"{cell.id} asserts without a message"


@every_lesson
def test_claims_have_bounds(source):
    calls = [
        node
        for cell in code_cells(source)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "claim"
    ]
    assert calls, "no claim is measured"
    for call in calls:
        named = {keyword.arg for keyword in call.keywords}  # None stands for **bounds
        assert named & {"at_least", "at_most", None}, ast.unparse(call)


@every_lesson
def test_wrong_answers_are_kept(source):
    assert (ROOT / "tests/wrong_answers" / f"test_{source.stem}.py").is_file()


@every_lesson
def test_quiz(source):
    assert len(load_quiz(NOTEBOOKS / "quiz" / f"{source.stem}.yml")) >= 3


# --- generated files ---


def test_generated_notebooks_are_fresh():
    assert stale_notebooks(SOURCES) == [], "run `python3 course.py build`"


@every_lesson
def test_no_answer_leaks_into_the_learner_version(source):
    notebook = read_source(source)
    learner = learner_version(notebook)
    by_id = {cell.id: cell.source for cell in learner.cells}
    for cell in notebook.cells:
        if "solution" in tags(cell):
            assert cell.id not in by_id and cell.source not in by_id.values()
        for region in re.findall(rf"{BEGIN}\n(.*?)### END", cell.source, flags=re.DOTALL):
            assert "your_turn()" in by_id[cell.id]
            answer = [line.strip() for line in lines_of(region)]
            assert not set(answer) & {line.strip() for line in by_id[cell.id].splitlines()}
    assert not any("### " + word in text for text in by_id.values() for word in ("BEGIN", "END"))


@every_lesson
def test_both_versions_have_the_same_cells(source):
    notebook = read_source(source)
    learner, full = learner_version(notebook).cells, solution_version(notebook).cells
    kept = [cell for cell in full if "solution" not in tags(cell)]
    assert [cell.id for cell in learner] == [cell.id for cell in kept]
    for mine, theirs in zip(learner, kept, strict=True):
        assert "exercise" in tags(mine) or mine.source == theirs.source


# --- syllabus ---


def test_syllabus_lists_every_point_of_the_lecture():
    spans = (re.fullmatch(r"(L\d)\.1-(\d+)", span).groups() for span in LECTURE.split())
    points = [f"{chapter}.{number}" for chapter, last in spans for number in range(1, int(last) + 1)]
    assert list(load_syllabus().points) == points


def test_every_point_is_covered_by_a_lesson():
    syllabus = load_syllabus()
    assert len(syllabus.lessons) == 33
    assert set(syllabus.points) == {point for lesson in syllabus.lessons for point in lesson.covers}


@every_lesson
def test_covered_points_have_their_section(source):
    row = load_syllabus().lesson(source.stem)
    there = headings(source)
    for point, named in row.covers.items():
        assert named, f"syllabus.yml names no section of {row.id} for {point}; expected `{point}: heading`"
        missing = [heading for heading in named if heading not in there]
        assert not missing, f"{row.id} has no heading {missing} for {point}; it has {there}"


def test_each_of_the_ten_pitfalls_is_an_exercise():
    syllabus = load_syllabus()
    assert len(syllabus.pitfalls) == 10
    written = {source.stem: source for source in SOURCES}
    for name, pitfall in syllabus.pitfalls.items():
        assert pitfall.says and pitfall.exercises, f"{name} is nowhere"
        for lesson, number in pitfall.exercises.items():
            if lesson in written:
                found = [line for line in headings(written[lesson]) if line.startswith(f"Exercise {number} ·")]
                assert found, f"{lesson} has no exercise {number} for {name}; expected the number that it has there"


def test_syllabus_rows_and_sources_agree():
    assert {source.stem for source in SOURCES} <= {lesson.id for lesson in load_syllabus().lessons}
