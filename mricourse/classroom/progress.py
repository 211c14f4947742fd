"""What a learner has done: answers and solved exercises, in one file of the workspace, written whole or not at all."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mricourse.files import exclusive, write_whole

FILE = "progress.json"
NUMBER = re.compile(r"^\d\d_")  # of a lesson, which may change while its name stays
LOCK = ".progress.lock"
LOCK_SECONDS = 5  # longest wait for another notebook that writes at the same moment
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

    def answers(self, lesson: str) -> dict[str, Answered]:
        """The answers to a lesson's questions, by their id."""
        rows = self._read()["answers"].get(_name(lesson), {})
        return {name: Answered(**row) for name, row in rows.items()}

    def solved(self, lesson: str) -> set[str]:
        """Names of the functions that passed their check, such as ``my_fft2c``."""
        return set(self._read()["solved"].get(_name(lesson), {}))

    def lessons(self) -> list[str]:
        """Names of the lessons of which there is anything to tell, without their numbers."""
        content = self._read()
        return sorted(set(content["answers"]) | set(content["solved"]))

    def last_lesson(self) -> str | None:
        """Name of the lesson in which something was answered or solved last, without its number."""
        content = self._read()
        whens = [(row["when"], lesson) for lesson, rows in content["answers"].items() for row in rows.values()]
        whens += [(when, lesson) for lesson, rows in content["solved"].items() for when in rows.values()]
        return max(((datetime.fromisoformat(when), lesson) for when, lesson in whens), default=(None, None))[1]

    def note_answer(self, lesson: str, question: str, answer: object, *, right: bool | None) -> None:
        """Keep an answer; a try more where the question was answered before."""

        def change(content: dict) -> None:
            rows = content["answers"].setdefault(_name(lesson), {})
            tries = rows.get(question, {}).get("tries", 0) + 1
            rows[question] = {"answer": answer, "right": right, "tries": tries, "when": _now()}

        self._change(change)

    def note_solved(self, lesson: str, exercise: str) -> None:
        """Keep that an exercise passed its check; the first time counts."""
        self._change(lambda content: content["solved"].setdefault(_name(lesson), {}).setdefault(exercise, _now()))

    def _change(self, change: Callable[[dict], object]) -> None:
        refusal = f"another program has been writing {self.path} for {LOCK_SECONDS} s: try again."
        with exclusive(self.path.with_name(LOCK), refusal, patience=LOCK_SECONDS):
            content = self._read()
            change(content)
            write_whole(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def _read(self) -> dict:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            _check(content)
            for part in ("answers", "solved"):  # earlier versions kept numbers
                content[part] = {_name(lesson): rows for lesson, rows in content[part].items()}
        except FileNotFoundError:
            return {"version": VERSION, "answers": {}, "solved": {}}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"{self.path} cannot be read as progress ({type(error).__name__}); expected what this course wrote: "
                "rename it, and a new one is begun."
            ) from None
        return content


def _name(lesson: str) -> str:
    """``sense`` for ``03_sense``: what was done stays done when lessons are numbered anew."""
    return NUMBER.sub("", lesson)


def _check(content: dict) -> None:
    """Raise where the content is not what this version writes."""
    if content["version"] != VERSION:
        raise ValueError
    for rows in content["answers"].values():
        for row in rows.values():
            Answered(**row)
            int(row["tries"])
    for rows in content["solved"].values():
        rows.items()


def _now() -> str:
    return datetime.fromtimestamp(time.time()).astimezone().isoformat(timespec="seconds")
