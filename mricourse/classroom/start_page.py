"""The start page of a workspace, `START.md`: the map of the course, what is done, and where to go on.

It is made anew whenever something was answered or solved. A page that a person has written on, or a file of that name
that was never ours, is kept under another name first.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mricourse.classroom.course_facts import FILE, LessonFacts, read_facts
from mricourse.classroom.progress import Progress
from mricourse.files import ROOT, visible_files, write_whole

START = "START.md"
FACTS = ROOT / "notebooks" / FILE
MARK = re.compile(r"\A<!-- made by mricourse, ([0-9a-f]{16}): what you write here moves to START\.mine\.md -->\n")
GREY = "#757575"  # dark enough to be read on white, light enough on black
HEAD = """\
# Map of the course

{counts} Every lesson begins where its prerequisites end; the first six teach what the others use.
What you answer and solve is counted here: open this page again, or reload it, to see it. More pages:
[glossary](GLOSSARY.md), [table of symbols](SYMBOLS.md).
"""


@dataclass(frozen=True)
class Done:
    """What has been done of a lesson: questions right or written down, predictions made, exercises solved."""

    questions: int
    predictions: int
    exercises: int

    @property
    def n_tasks(self) -> int:
        return self.questions + self.predictions + self.exercises


def done_of(lesson: LessonFacts, progress: Progress | None) -> Done:
    """Count what a learner has done of a lesson."""
    if progress is None:
        return Done(0, 0, 0)
    answers = progress.answers(lesson.id)
    right = [name for name in lesson.questions if name in answers and answers[name].right is not False]
    made = [name for name in lesson.predictions if name in answers]
    return Done(len(right), len(made), len(progress.solved(lesson.id) & set(lesson.exercises)))


def start_page(
    facts: Sequence[LessonFacts],
    progress: Progress | None = None,
    *,
    opened: str | None = None,
    newer: Sequence[str] = (),
) -> str:
    """The page as Markdown.

    Parameters
    ----------
    facts : sequence of LessonFacts
        All lessons, in the order of the course.
    progress : Progress, optional
        What the learner did; nothing by default.
    opened : str, optional
        Name of the notebook that was last worked on, where nothing was answered later.
    newer : sequence of str
        Names of notebooks that lie beside those that the learner changed, such as ``03_sense.updated-2.ipynb``.
    """
    done = {lesson.id: done_of(lesson, progress) for lesson in facts}
    parts = [HEAD.format(counts=_counts(facts))]
    if goal := _goal(facts, done, progress, opened):
        parts.append(_advice(goal, done[goal.id], opened, begun=any(each.n_tasks for each in done.values())))
    for part in dict.fromkeys(lesson.part for lesson in facts):
        head = "| lesson | time | predictions | exercises | quiz |\n|---|---|---|---|---|"
        rows = [_row(lesson, done[lesson.id], newer) for lesson in facts if lesson.part == part]
        parts.append("\n".join([f"## {part or 'Lessons'}\n", head, *rows]) + "\n")
    return "\n".join(parts)


def write_start_page(workspace: Path, facts: Path | None = None, *, opened: str | None = None) -> list[str]:
    """Write the page into a workspace; sentences about what had to be moved for it.

    Parameters
    ----------
    workspace : Path
    facts : Path, optional
        ``course.json``; that of this course by default.
    opened : str, optional
        As in `start_page`.

    Raises
    ------
    OSError, ValueError
        Nothing can be written there, or facts or progress cannot be read.
    """
    path = workspace / START
    newer = [found.name for found in visible_files(workspace, "[0-9][0-9]_*.updated-*.ipynb")]
    text = start_page(read_facts(facts or FACTS), Progress(workspace), opened=opened, newer=newer)
    moved = _keep_what_is_not_ours(path)
    write_whole(path, marked(text))
    return moved


def refresh(workspace: Path) -> None:
    """Bring the page up to date if it is there; what stands in the way of that stops nobody from learning."""
    if (workspace / START).is_file():
        with suppress(OSError, ValueError):
            write_start_page(workspace)


def marked(text: str) -> str:
    """The page with a first line by which a later change of it is recognised; Markdown does not show it."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"<!-- made by mricourse, {digest}: what you write here moves to START.mine.md -->\n{text}"


def is_ours(content: bytes) -> bool:
    """Whether a page is as we wrote it; line ends do not count."""
    text = content.decode("utf-8", errors="replace").replace("\r\n", "\n")
    mark = MARK.match(text)
    return mark is not None and marked(text[mark.end() :]) == text


def _keep_what_is_not_ours(path: Path) -> list[str]:
    if not path.is_file() or is_ours(path.read_bytes()):
        return []
    names = ["START.mine.md", *(f"START.mine-{number}.md" for number in range(2, 1000))]
    free = next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))
    os.replace(path, free)
    return [f"What you had in {path.name} is now in {free.name}."]


def _counts(facts: Sequence[LessonFacts]) -> str:
    written = [lesson for lesson in facts if lesson.written]
    hours = sum(lesson.minutes for lesson in written) / 60
    count = (
        f"{len(facts)} lessons, {len(written)} of them written"
        if len(written) < len(facts)
        else f"{len(facts)} lessons"
    )
    return f"{count}: about {hours:.0f} hours with all exercises."


def _goal(
    facts: Sequence[LessonFacts], done: dict[str, Done], progress: Progress | None, opened: str | None
) -> LessonFacts | None:
    """The lesson last worked on while it is unfinished, else the first unfinished one after it, else the first."""
    written = [lesson for lesson in facts if lesson.written]
    last = (progress.last_lesson() if progress else None) or (opened or "")[3:].split(".")[0]
    place = next((index for index, lesson in enumerate(written) if lesson.id[3:] == last), 0)
    ahead = [*written[place:], *written[:place]]
    return next((lesson for lesson in ahead if done[lesson.id].n_tasks < lesson.n_tasks or not lesson.n_tasks), None)


def _advice(goal: LessonFacts, done: Done, opened: str | None, *, begun: bool) -> str:
    name = opened if opened and opened[3:].split(".")[0] == goal.id[3:] else f"{goal.id}.ipynb"
    word = "Go on with" if begun else "Begin with"
    left = f": {goal.n_tasks - done.n_tasks} of {goal.n_tasks} tasks are left" if done.n_tasks else ""
    return f"## {word} [{goal.number} · {goal.title}]({name})\n\nAbout {_minutes(goal)} in all{left}.\n"


def _row(lesson: LessonFacts, done: Done, newer: Sequence[str]) -> str:
    title = f"{lesson.number} · {lesson.title}".replace("|", r"\|")
    if not lesson.written:
        grey = [f'<span style="color:{GREY}">{html.escape(text)}</span>' for text in (title, "planned")]
        return f"| {grey[0]} | {grey[1]} | | | |"
    beside = [f"[new version]({name})" for name in newer if name.startswith(f"{lesson.id}.")]
    link = f"[{title}]({lesson.id}.ipynb)" + (f" ({', '.join(beside)})" if beside else "")
    counts = [
        _count(done.predictions, len(lesson.predictions)),
        _count(done.exercises, len(lesson.exercises)),
        _count(done.questions, len(lesson.questions)),
    ]
    return f"| {link} | {_minutes(lesson)} | {' | '.join(counts)} |"


def _count(done: int, total: int) -> str:
    return f"{'✔ ' if done == total else ''}{done} of {total}" if total else ""


def _minutes(lesson: LessonFacts) -> str:
    return f"{5 * round(lesson.minutes / 5)} min"
