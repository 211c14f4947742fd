"""The start page: the map of the course, what is done, where to go on; and no page of a learner's is lost for it."""

import json
import re
from pathlib import Path

import pytest

from mricourse import passed
from mricourse.classroom.course_facts import LessonFacts, course_facts, facts_of, read_facts, to_json
from mricourse.classroom.course_pages import build_pages, course_pages, stale_pages
from mricourse.classroom.lab import RECORD
from mricourse.classroom.notebooks import lesson_sources
from mricourse.classroom.progress import Progress
from mricourse.classroom.quiz import load_quiz
from mricourse.classroom.quiz_view import QuizView
from mricourse.classroom.start_page import is_ours, marked, refresh, start_page, write_start_page

FACTS = [
    LessonFacts("01_tiny", "Tiny", "Part one", 62, True, ("square",), ("larger",), ("my_square",)),
    LessonFacts("02_planned", "A | planned <one>", "Part one", 90),
    LessonFacts("03_more", "More", "Part two", 88, True, ("q", "r"), (), ("my_a",)),
]


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "Ma leçon 1"
    folder.mkdir()
    (folder / RECORD).write_text("{}")
    (tmp_path / "course.json").write_text(to_json(FACTS), encoding="utf-8")
    return folder


def write(workspace, **options):
    moved = write_start_page(workspace, workspace.parent / "course.json", **options)
    return (workspace / "START.md").read_text(encoding="utf-8"), moved


def finish(progress, lesson):
    for question in (*lesson.questions, *lesson.predictions):
        progress.note_answer(lesson.id, question, 0, right=True)
    for exercise in lesson.exercises:
        progress.note_solved(lesson.id, exercise)


def test_the_map_has_every_lesson_by_part(workspace):
    text, moved = write(workspace)
    assert moved == [] and text.count("\n# ") == 1
    assert "3 lessons, 2 of them written: about 2 hours" in text
    assert text.index("## Begin with [1 · Tiny](01_tiny.ipynb)") < text.index("## Part one") < text.index("## Part two")
    assert "| [1 · Tiny](01_tiny.ipynb) | 60 min | 0 of 1 | 0 of 1 | 0 of 1 |" in text
    assert "| [3 · More](03_more.ipynb) | 90 min |  | 0 of 1 | 0 of 2 |" in text
    [planned] = [line for line in text.splitlines() if "planned" in line and line.startswith("|")]
    assert "](" not in planned and "2 · A \\| planned &lt;one&gt;" in planned and "color:#757575" in planned


def test_what_is_done_is_counted(workspace):
    progress = Progress(workspace)
    progress.note_answer("01_tiny", "larger", 1, right=False)
    progress.note_answer("03_more", "q", 1, right=False)
    progress.note_answer("03_more", "r", "words", right=None)
    progress.note_answer("03_more", "gone", 1, right=True)
    progress.note_solved("03_more", "my_a")
    text, _ = write(workspace)
    assert "| 60 min | ✔ 1 of 1 | 0 of 1 | 0 of 1 |" in text, "a prediction is made, right or not"
    assert "| 90 min |  | ✔ 1 of 1 | 1 of 2 |" in text, "what a person judges counts, what is wrong does not"


def test_where_to_go_on(workspace):
    progress = Progress(workspace)
    assert "## Begin with [1 · Tiny]" in start_page(FACTS, progress)
    progress.note_answer("03_more", "q", 1, right=True)
    assert "## Go on with [3 · More](03_more.ipynb)\n\nAbout 90 min in all: 2 of 3 tasks are left." in start_page(
        FACTS, progress
    )
    finish(progress, FACTS[2])
    assert "## Go on with [1 · Tiny]" in start_page(FACTS, progress), "back to what was left out"
    finish(progress, FACTS[0])
    assert "Go on" not in start_page(FACTS, progress)


def test_a_lesson_that_was_opened_counts_until_something_is_answered(workspace):
    page = start_page(FACTS, Progress(workspace), opened="03_more.updated-2.ipynb", newer=["03_more.updated-2.ipynb"])
    assert "with [3 · More](03_more.updated-2.ipynb)" in page
    assert "| [3 · More](03_more.ipynb) ([new version](03_more.updated-2.ipynb)) |" in page
    Progress(workspace).note_answer("01_tiny", "larger", 1, right=True)
    assert "Go on with [1 · Tiny]" in start_page(FACTS, Progress(workspace), opened="03_more.ipynb")


def test_the_last_lesson_is_that_of_the_last_answer(workspace):
    progress = Progress(workspace)
    assert progress.last_lesson() is None
    progress.note_answer("03_more", "q", 1, right=True)
    content = json.loads(progress.path.read_text())
    content["solved"] = {"tiny": {"my_square": "2999-01-01T00:00:00+02:00"}}
    progress.path.write_text(json.dumps(content))
    assert progress.last_lesson() == "tiny"


@pytest.mark.parametrize("mine", ["# My own start", "", marked("# Map\n") + "and my note\n", "\xff"])
def test_a_page_that_a_person_wrote_is_kept(workspace, mine):
    page = workspace / "START.md"
    page.write_bytes(mine.encode("latin-1", errors="ignore"))
    before = page.read_bytes()
    _, moved = write(workspace)
    assert moved == ["What you had in START.md is now in START.mine.md."]
    assert (workspace / "START.mine.md").read_bytes() == before
    page.write_text("another")
    assert write(workspace)[1] == ["What you had in START.md is now in START.mine-2.md."]
    assert (workspace / "START.mine.md").read_bytes() == before
    assert write(workspace)[1] == [] and is_ours(page.read_bytes())


def test_line_ends_are_no_edit(workspace):
    write(workspace)
    page = workspace / "START.md"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    assert write(workspace)[1] == [] and not (workspace / "START.mine.md").exists()


def test_what_stands_in_the_way_of_a_refresh_stops_nobody(workspace):
    refresh(workspace)
    assert not (workspace / "START.md").exists(), "a workspace that has no start page gets none"
    write(workspace)
    Progress(workspace).path.write_text("{")
    refresh(workspace)
    (workspace / "START.md").unlink()
    (workspace / "START.md").mkdir()
    refresh(workspace)


@pytest.fixture
def in_workspace(workspace, monkeypatch):
    monkeypatch.setattr("mricourse.classroom.start_page.FACTS", workspace.parent / "course.json")
    monkeypatch.chdir(workspace)
    write(workspace)
    return workspace


def test_answers_and_solved_exercises_change_the_page_at_once(in_workspace, tiny_course, capsys):
    [_, larger] = load_quiz(tiny_course / "quiz/01_tiny.yml")
    view = QuizView([larger], "01_tiny", Progress(in_workspace)).questions[0]
    view.choices.index = 0
    view.answer_button.click()
    passed("tiny", "my_square", "squares")
    text = (in_workspace / "START.md").read_text(encoding="utf-8")
    assert "| 60 min | ✔ 1 of 1 | ✔ 1 of 1 | 0 of 1 |" in text and "Go on with [1 · Tiny]" in text


# --- facts and pages of the build ---


def test_facts_of_a_lesson_and_of_the_course(tiny_course):
    facts = facts_of(tiny_course / "source/01_tiny.py")
    assert facts.questions == ("square",) and facts.predictions == ("larger",) and facts.exercises == ("my_square",)
    (tiny_course / "syllabus.yml").write_text(
        "points: {}\nlessons:\n  - {id: 01_tiny, title: T, part: one, minutes: 5}\n"
        "  - {id: 02_later, title: Later, part: two, minutes: 45}\n"
    )
    tiny, later = course_facts(tiny_course)
    assert (tiny.title, tiny.part, tiny.written) == ("A tiny lesson", "one", True)
    assert (later.title, later.minutes, later.written) == ("Later", 45, False)
    path = tiny_course / "course.json"
    path.write_text(to_json([tiny, later]), encoding="utf-8")
    assert read_facts(path) == [tiny, later]
    path.write_text("[{}]")
    with pytest.raises(ValueError, match="make it with `mricourse build`"):
        read_facts(path)


def test_pages_are_built_once_and_checked(tiny_course):
    assert {path.name for path in stale_pages(tiny_course)} == {"course.json", "GLOSSARY.md", "START.md", "SYMBOLS.md"}
    assert len(build_pages(tiny_course)) == 4 and build_pages(tiny_course) == [] and stale_pages(tiny_course) == []
    page = tiny_course / "GLOSSARY.md"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    assert stale_pages(tiny_course) == []
    page.unlink()
    assert [path.name for path in stale_pages(tiny_course)] == ["GLOSSARY.md"]


def test_the_map_of_this_course_links_every_written_lesson():
    page = course_pages()[next(path for path in course_pages() if path.name == "START.md")].decode()
    assert set(re.findall(r"\]\((\d\d_\w+)\.ipynb\)", page)) == {source.stem for source in lesson_sources()}
    assert len(re.findall(r"^\| .*\d+ · ", page, flags=re.MULTILINE)) == 33


def test_the_command_checks_the_pages_too(mricourse, monkeypatch):
    monkeypatch.setattr("mricourse.classroom.course_pages.stale_pages", lambda: [Path("START.md")])
    code, _, error = mricourse("build", "1", "--check")
    assert code == 1 and "notebooks/START.md differ from their source" in error
