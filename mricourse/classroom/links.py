"""`[[name]]` in a lesson's text: a link to another lesson by its name, which renumbering does not touch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

LINK = re.compile(r"\[\[([A-Za-z][\w-]*)\]\]")  # not [[1, 2]], which is a matrix
TITLE = re.compile(r"^# # (\d+ · .+)$", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """A lesson that a text may speak of: its number and title, and its notebook where it is written."""

    title: str
    notebook: str | None

    def __str__(self) -> str:
        return f"[{self.title}]({self.notebook})" if self.notebook else self.title


def course_order(folder: Path) -> dict[str, Target]:
    """Every lesson below a notebooks folder by its full name, ``20_modl``, in the order of the course."""
    known = targets(folder)
    stems = {str(row["id"]) for row in _rows(folder / "syllabus.yml")}
    stems |= {source.stem for source in _sources(folder)}
    return {stem: known[stem[3:]] for stem in sorted(stems) if stem[3:] in known}


def targets(folder: Path) -> dict[str, Target]:
    """Every lesson below a notebooks folder by its name, ``modl`` for ``20_modl``; planned ones of the syllabus too."""
    found = {}
    for row in _rows(folder / "syllabus.yml"):
        number, name = str(row["id"]).split("_", 1)
        found[name] = Target(f"{int(number)} · {row['title']}", None)
    for source in _sources(folder):
        if title := TITLE.search(source.read_text(encoding="utf-8")):
            found[source.stem[3:]] = Target(title.group(1).strip(), f"{source.stem}.ipynb")
    return found


def resolved(text: str, known: dict[str, Target], where: str) -> str:
    """The text with every ``[[name]]`` made a link, or number and title of a lesson that is not written yet.

    Raises
    ------
    ValueError
        A name that no lesson has.
    """

    def link(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in known:
            names = ", ".join(known) or "none yet"
            raise ValueError(f"{where} links to [[{name}]], which no lesson is called; the names are: {names}.")
        return str(known[name])

    return LINK.sub(link, text)


def _sources(folder: Path) -> list[Path]:
    return sorted((folder / "source").glob("[0-9][0-9]_*.py"))


def _rows(syllabus: Path) -> list[dict]:
    """Its lessons as they stand there; `load_syllabus`, which checks them, needs the notebooks and so this module."""
    if not syllabus.is_file():
        return []
    return yaml.safe_load(syllabus.read_text(encoding="utf-8"))["lessons"]
