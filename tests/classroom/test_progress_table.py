"""`mricourse progress` counts what was done of what there is."""

import pytest

from mricourse.classroom.course_facts import facts_of
from mricourse.classroom.notebooks import lesson_sources
from mricourse.classroom.progress import Progress
from mricourse.classroom.progress_table import progress_table


@pytest.fixture
def first():
    return lesson_sources()[0]


def test_every_lesson_has_a_row(tmp_path):
    head, *rows = progress_table(Progress(tmp_path), lesson_sources()).splitlines()
    assert head.split("  ")[0] == "lesson" and [row.split()[0] for row in rows] == [s.stem for s in lesson_sources()]
    assert all(" 0 of " in row for row in rows)


def test_right_answers_and_solved_exercises_count(tmp_path, first):
    progress = Progress(tmp_path)
    lesson = facts_of(first)
    right, wrong, *_ = lesson.questions
    progress.note_answer(first.stem, right, 1, right=True)
    progress.note_answer(first.stem, wrong, 1, right=False)
    progress.note_answer(first.stem, "a-question-of-an-older-version", 1, right=True)
    progress.note_solved(first.stem, lesson.exercises[0])
    progress.note_solved(first.stem, "my_function_of_an_older_version")
    row = progress_table(progress, [first]).splitlines()[1]
    assert f"1 of {len(lesson.questions)}" in row and f"1 of {len(lesson.exercises)}" in row


def test_the_command_prints_it_or_says_what_is_missing(mricourse, tmp_path):
    code, out, error = mricourse("progress", tmp_path)
    assert code == 0 and out.startswith("lesson") and error == ""
    code, out, error = mricourse("progress", tmp_path / "none")
    assert code == 2 and out == "" and "there is no workspace" in error and error.count("\n") == 1
    (tmp_path / "progress.json").write_text("{")
    code, out, error = mricourse("progress", tmp_path)
    assert code == 2 and out == "" and "rename it" in error
