"""The state of a learner's work as a table: what `mricourse progress` prints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mricourse.classroom.notebooks import read_source, tags
from mricourse.classroom.progress import Answered, Progress
from mricourse.classroom.quiz import Question, load_quiz

HEAD = ("lesson", "questions right", "predictions made", "exercises solved")
EXERCISE = re.compile(r"^def (my_\w+)", re.MULTILINE)


def progress_table(progress: Progress, sources: Sequence[Path]) -> str:
    """Lines of text, a lesson each: what was done of what there is.

    Parameters
    ----------
    progress : Progress
    sources : sequence of path
        Lesson sources; their quizzes lie in ``../quiz``.
    """
    rows = [HEAD, *(_row(progress, source) for source in sources)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def exercises_of(source: Path) -> list[str]:
    """Names of the functions that a learner writes in a lesson."""
    cells = (cell for cell in read_source(source).cells if "exercise" in tags(cell))
    return [name for cell in cells for name in EXERCISE.findall(cell.source)]


def _row(progress: Progress, source: Path) -> tuple[str, str, str, str]:
    questions = load_quiz(source.parents[1] / "quiz" / f"{source.stem}.yml")
    answers = progress.answers(source.stem)
    predictions = [question for question in questions if question.kind == "prediction"]
    others = [question for question in questions if question.kind != "prediction"]
    exercises = exercises_of(source)
    solved = progress.solved(source.stem) & set(exercises)
    return (
        source.stem,
        _count(sum(_is_done(question, answers) for question in others), len(others)),
        _count(sum(question.id in answers for question in predictions), len(predictions)),
        _count(len(solved), len(exercises)),
    )


def _is_done(question: Question, answers: dict[str, Answered]) -> bool:
    """Right, or written down where a person judges."""
    return question.id in answers and answers[question.id].right is not False


def _count(done: int, total: int) -> str:
    return f"{done} of {total}" if total else "-"
