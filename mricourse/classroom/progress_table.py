"""The state of a learner's work as a table: what `mricourse progress` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mricourse.classroom.course_facts import facts_of
from mricourse.classroom.progress import Progress
from mricourse.classroom.start_page import done_of

HEAD = ("lesson", "questions right", "predictions made", "exercises solved")


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


def _row(progress: Progress, source: Path) -> tuple[str, str, str, str]:
    lesson = facts_of(source)
    done = done_of(lesson, progress)
    return (
        source.stem,
        _count(done.questions, len(lesson.questions)),
        _count(done.predictions, len(lesson.predictions)),
        _count(done.exercises, len(lesson.exercises)),
    )


def _count(done: int, total: int) -> str:
    return f"{done} of {total}" if total else "-"
