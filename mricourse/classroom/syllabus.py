"""The course's table of contents, `notebooks/syllabus.yml`: which lesson covers which point of the lecture."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mricourse.classroom.notebooks import read_source
from mricourse.files import NOTEBOOKS

SYLLABUS = NOTEBOOKS / "syllabus.yml"


@dataclass(frozen=True)
class Lesson:
    """One row of the syllabus.

    `covers` maps each lecture point to the headings of the sections that teach it; none while the lesson is
    not written.
    """

    id: str
    title: str
    part: str
    minutes: int
    needs: tuple[str, ...] = ()
    covers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    data: str = "simulated"
    checkpoints: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return int(self.id[:2])


@dataclass(frozen=True)
class Pitfall:
    """One way in which a published result was not what it seemed.

    `exercises` maps a lesson to the number of its exercise, "16.1", in which the learner meets it; None while the
    lesson is not written.
    """

    says: str
    exercises: dict[str, str | None]


@dataclass(frozen=True)
class Syllabus:
    """`points`: lecture point id -> what it says. `lessons`: in the order of the course. `pitfalls`: by their names."""

    points: dict[str, str]
    lessons: tuple[Lesson, ...]
    pitfalls: dict[str, Pitfall] = field(default_factory=dict)

    def lesson(self, name: str) -> Lesson:
        """The row of one lesson.

        Raises
        ------
        ValueError
            When no row has this id.
        """
        for lesson in self.lessons:
            if lesson.id == name:
                return lesson
        raise ValueError(f"The syllabus has no row {name!r}; add one to {SYLLABUS.name}.")


def load_syllabus(path: Path = SYLLABUS) -> Syllabus:
    """Read and check the syllabus.

    Raises
    ------
    FileNotFoundError, ValueError
        When the file is missing, or a row lacks something, is named twice, or needs or covers what is not there.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        points = {str(name): str(text) for name, text in content["points"].items()}
        lessons = tuple(_lesson(row) for row in content["lessons"])
        pitfalls = {name: Pitfall(**row) for name, row in content.get("pitfalls", {}).items()}
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; expected the course's syllabus there.") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is not a syllabus ({error!r}); expected `points` and `lessons`.") from None
    _check(points, lessons)
    known = {lesson.id for lesson in lessons}
    for name, pitfall in pitfalls.items():
        if unknown := set(pitfall.exercises) - known:
            raise ValueError(f"pitfall {name} names {sorted(unknown)}; expected ids of lessons.")
    return Syllabus(points, lessons, pitfalls)


def headings(source: Path) -> list[str]:
    """Every heading of a lesson's text, without its `#` signs."""
    cells = read_source(source).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return [line.strip() for line in re.findall(r"^#{1,6} +(.+)$", text, flags=re.MULTILINE)]


def _lesson(row: dict) -> Lesson:
    known = set(Lesson.__dataclass_fields__)
    if unknown := set(row) - known:
        raise ValueError(f"syllabus row {row.get('id')}: unknown {sorted(unknown)}; expected {sorted(known)}.")
    try:
        covers = row.get("covers", {})
        covers = dict.fromkeys(covers, []) if isinstance(covers, list) else covers
        covers = {point: (named,) if isinstance(named, str) else tuple(named) for point, named in covers.items()}
        lists = {name: tuple(row.get(name, ())) for name in ("needs", "checkpoints")}
        return Lesson(**{**row, **lists, "covers": covers})
    except TypeError as error:
        raise ValueError(f"syllabus row {row.get('id')}: {error}.") from None


def _check(points: dict[str, str], lessons: tuple[Lesson, ...]) -> None:
    seen: set[str] = set()
    for index, lesson in enumerate(lessons, start=1):
        if not re.fullmatch(rf"{index:02d}_[a-z0-9_]+", lesson.id):
            raise ValueError(f"syllabus row {index} is called {lesson.id!r}; expected {index:02d}_topic.")
        if missing := set(lesson.needs) - seen:
            raise ValueError(f"{lesson.id} needs {sorted(missing)}; expected ids of earlier lessons.")
        if unknown := set(lesson.covers) - set(points):
            raise ValueError(f"{lesson.id} covers {sorted(unknown)}; expected ids of `points`.")
        seen.add(lesson.id)
