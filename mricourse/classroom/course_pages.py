"""Pages about the whole course that the build makes beside the notebooks: map, glossary, symbols, and their facts."""

from __future__ import annotations

from pathlib import Path

from mricourse.classroom.course_facts import FILE, course_facts, to_json
from mricourse.classroom.glossary import glossary_page
from mricourse.classroom.navigation import GLOSSARY, START, SYMBOLS
from mricourse.classroom.start_page import marked, start_page
from mricourse.classroom.symbols import symbols_page
from mricourse.files import NOTEBOOKS, write_whole


def course_pages(folder: Path = NOTEBOOKS) -> dict[Path, bytes]:
    """Path below the notebooks folder -> content; the map is that of somebody who has done nothing yet."""
    facts = course_facts(folder)
    pages = {
        FILE: to_json(facts),
        GLOSSARY: glossary_page(folder),
        START: marked(start_page(facts)),
        SYMBOLS: symbols_page(folder),
    }
    return {Path(name): text.encode() for name, text in pages.items()}


def stale_pages(folder: Path = NOTEBOOKS) -> list[Path]:
    """Pages that differ from what the lessons give; line ends do not count."""
    return [name for name, content in course_pages(folder).items() if _content_of(folder / name) != content]


def build_pages(folder: Path = NOTEBOOKS) -> list[Path]:
    """Write the pages that differ; returns their paths."""
    stale = {name: content for name, content in course_pages(folder).items() if _content_of(folder / name) != content}
    for name, content in stale.items():
        write_whole(folder / name, content)
    return list(stale)


def _content_of(path: Path) -> bytes | None:
    return path.read_bytes().replace(b"\r\n", b"\n") if path.is_file() else None
