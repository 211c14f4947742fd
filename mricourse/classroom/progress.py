"""What a learner has done: answers and solved exercises, in one file of the workspace, written whole or not at all."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mricourse.kept_record import KeptRecord

FILE = "progress.json"
NUMBER = re.compile(r"^\d\d_")  # of a lesson, which may change while its name stays
VERSION = 1


@dataclass(frozen=True)
class Answered:
    """The last answer to a question: whether it was right (None where a person judges), and the number of tries."""

    answer: object
    right: bool | None
    tries: int
    when: str


class Progress:
    """The progress file of a workspace.

    Parameters
    ----------
    workspace : path
        The folder that holds it, or will.

    Raises
    ------
    ValueError
        At the first look, if the file is there and no progress file; it is never written over then.
    """

    def __init__(self, workspace: Path) -> None:
        self.path = Path(workspace) / FILE
        self._record = KeptRecord(self.path, what="progress", empty=_empty, opened=_opened)

    def answers(self, lesson: str) -> dict[str, Answered]:
        """The answers to a lesson's questions, by their id."""
        rows = self._record.read()["answers"].get(_name(lesson), {})
        return {name: Answered(**row) for name, row in rows.items()}

    def solved(self, lesson: str) -> set[str]:
        """Names of the functions that passed their check, such as ``my_fft2c``."""
        return set(self._record.read()["solved"].get(_name(lesson), {}))

    def lessons(self) -> list[str]:
        """Names of the lessons of which there is anything to tell, without their numbers."""
        content = self._record.read()
        return sorted(set(content["answers"]) | set(content["solved"]))

    def last_lesson(self) -> str | None:
        """Name of the lesson in which something was answered or solved last, without its number."""
        content = self._record.read()
        whens = [(row["when"], lesson) for lesson, rows in content["answers"].items() for row in rows.values()]
        whens += [(when, lesson) for lesson, rows in content["solved"].items() for when in rows.values()]
        return max(((datetime.fromisoformat(when), lesson) for when, lesson in whens), default=(None, None))[1]

    def note_answer(self, lesson: str, question: str, answer: object, *, right: bool | None) -> None:
        """Keep an answer; a try more where the question was answered before."""

        def change(content: dict) -> None:
            rows = content["answers"].setdefault(_name(lesson), {})
            tries = rows.get(question, {}).get("tries", 0) + 1
            rows[question] = {"answer": answer, "right": right, "tries": tries, "when": _now()}

        self._record.change(change)

    def note_solved(self, lesson: str, exercise: str) -> None:
        """Keep that an exercise passed its check; the first time counts."""
        self._record.change(
            lambda content: content["solved"].setdefault(_name(lesson), {}).setdefault(exercise, _now())
        )


def _name(lesson: str) -> str:
    """``sense`` for ``03_sense``: what was done stays done when lessons are numbered anew."""
    return NUMBER.sub("", lesson)


def _empty() -> dict:
    return {"version": VERSION, "answers": {}, "solved": {}}


def _opened(content: dict) -> dict:
    """Raise where the content is not what this version writes; drop the numbers that earlier ones kept."""
    if content["version"] != VERSION:
        raise ValueError
    for rows in content["answers"].values():
        for row in rows.values():
            Answered(**row)
            int(row["tries"])
    for rows in content["solved"].values():
        rows.items()
    for part in ("answers", "solved"):
        content[part] = {_name(lesson): rows for lesson, rows in content[part].items()}
    return content


def _now() -> str:
    return datetime.fromtimestamp(time.time()).astimezone().isoformat(timespec="seconds")
