"""What there is to do in each lesson, and how long it takes: `notebooks/course.json`, made by the build.

The start page counts a learner's progress against it without reading 33 sources after every answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "course.json"
EXERCISE = re.compile(r"^def (my_\w+)", re.MULTILINE)


@dataclass(frozen=True)
class LessonFacts:
    """A row of the map; `questions` and `predictions` are ids, `exercises` names of functions."""

    id: str
    title: str
    part: str
    minutes: int
    written: bool = False
    questions: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return int(self.id[:2])

    @property
    def n_tasks(self) -> int:
        return len(self.questions) + len(self.predictions) + len(self.exercises)


def facts_of(source: Path, *, title: str = "", part: str = "") -> LessonFacts:
    """Look up what a written lesson asks of its learner; its minutes are estimated from its text and code."""
    from mricourse.classroom.notebooks import read_source, tags
    from mricourse.classroom.quiz import load_quiz
    from mricourse.classroom.reading_time import reading_time

    notebook = read_source(source)
    quiz = source.parents[1] / "quiz" / f"{source.stem}.yml"
    questions = load_quiz(quiz) if quiz.is_file() else []
    code = [cell.source for cell in notebook.cells if "exercise" in tags(cell)]
    return LessonFacts(
        source.stem,
        title,
        part,
        reading_time(notebook).total,
        True,
        tuple(question.id for question in questions if question.kind != "prediction"),
        tuple(question.id for question in questions if question.kind == "prediction"),
        tuple(name for cell in code for name in EXERCISE.findall(cell)),
    )


def course_facts(folder: Path) -> list[LessonFacts]:
    """Every lesson of the syllabus below a notebooks folder; planned ones have their planned minutes."""
    from mricourse.classroom.links import course_order
    from mricourse.classroom.syllabus import load_syllabus

    path = folder / "syllabus.yml"
    rows = {row.id: row for row in load_syllabus(path).lessons} if path.is_file() else {}
    found = []
    for stem, target in course_order(folder).items():
        part = rows[stem].part if stem in rows else ""
        title = target.title.split(" · ", 1)[-1]
        source = folder / "source" / f"{stem}.py"
        if target.notebook:
            found.append(facts_of(source, title=title, part=part))
        else:
            found.append(LessonFacts(stem, title, part, rows[stem].minutes))
    return found


def to_json(facts: list[LessonFacts]) -> str:
    """One line a lesson."""
    rows = ",\n".join(json.dumps(asdict(lesson), ensure_ascii=False) for lesson in facts)
    return f"[\n{rows}\n]\n"


def read_facts(path: Path) -> list[LessonFacts]:
    """Read what `to_json` wrote.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file, or another content.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [LessonFacts(**{key: _tuple(value) for key, value in row.items()}) for row in rows]
    except (TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({type(error).__name__}): make it with `mricourse build`.") from None


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
