"""Rewritten lessons declare the symbols that their formulas use and no others; the pages made of them are fresh."""

import pytest
from test_lesson_voice import NOT_YET_REWRITTEN

from mricourse.classroom.course_pages import stale_pages
from mricourse.classroom.glossary import glossary
from mricourse.classroom.notebooks import lesson_sources, read_source
from mricourse.classroom.page import draw_equation, equations
from mricourse.classroom.symbols import declaring_lessons, problems, symbols_of
from mricourse.files import NOTEBOOKS

SOURCES = lesson_sources()
every_lesson = pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])


@every_lesson
def test_symbols_are_those_of_the_formulas(source):
    declared = symbols_of(source.stem, NOTEBOOKS)
    if declared is None:
        assert source.stem in NOT_YET_REWRITTEN, f"notebooks/symbols/{source.stem}.yml is missing"
        return
    cells = [cell.source for cell in read_source(source).cells if cell.cell_type == "markdown"]
    assert problems(source.stem, declared, equations("\n\n".join(cells))) == []
    for symbol in declared:
        draw_equation(symbol)


def test_files_of_symbols_belong_to_lessons():
    stems = {path.stem for path in (NOTEBOOKS / "symbols").glob("*.yml")}
    assert stems <= {source.stem for source in SOURCES}


def test_pages_about_the_course_are_fresh():
    assert stale_pages() == [], "run `python3 course.py build`"


def test_definitions_stand_alone():
    """A definition has a verb and more words than its term; where a lesson defines a term again, the page says so."""
    for entry in glossary(NOTEBOOKS):
        assert entry.lesson in declaring_lessons(NOTEBOOKS)
        assert len(entry.definition.split()) >= len(entry.term.split()) + 3, f"{entry.lesson}: {entry.definition}"
