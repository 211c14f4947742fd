"""`[[name]]` becomes a link with number and title in every version, and a name that no lesson has is refused."""

import json

import pytest

from mricourse.classroom.links import targets
from mricourse.classroom.notebooks import NOTEBOOKS, build, lesson_sources, read_source
from mricourse.classroom.page import lesson_page

SYLLABUS = """\
points: {}
lessons:
  - {id: 01_tiny, title: A title that the lesson has changed, part: one, minutes: 5}
  - {id: 02_planned, title: A planned lesson, part: one, minutes: 5}
"""


@pytest.fixture
def course(tiny_course):
    source = tiny_course / "source" / "01_tiny.py"
    text = source.read_text(encoding="utf-8")
    (tiny_course / "source" / "03_more.py").write_text(
        text.replace("# 1 · A tiny lesson", "# 3 · More, see [[tiny]] and [[planned]], not [[1, 2]]"), encoding="utf-8"
    )
    (tiny_course / "syllabus.yml").write_text(SYLLABUS, encoding="utf-8")
    return tiny_course


def test_a_name_becomes_a_link_in_both_versions_and_in_pages(course):
    build(lesson_sources(course), course)
    for folder in (course, course / "solutions"):
        cell = json.loads((folder / "03_more.ipynb").read_text(encoding="utf-8"))["cells"][0]
        expected = "More, see [1 · A tiny lesson](01_tiny.ipynb) and 2 · A planned lesson, not [[1, 2]]"
        assert expected in "".join(cell["source"])
    page = lesson_page(read_source(course / "source" / "03_more.py"), title="More", folder=course, claims=[])
    assert '<a href="01_tiny.html">1 · A tiny lesson</a>' in page and "01_tiny.ipynb" not in page


def test_code_is_left_alone(course):
    source = course / "source" / "03_more.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# %%\nx = [[values]]\n", encoding="utf-8")
    assert read_source(source).cells[-1].source == "x = [[values]]"


def test_an_unknown_name_is_refused_with_those_that_there_are(course):
    source = course / "source" / "03_more.py"
    source.write_text(source.read_text(encoding="utf-8").replace("[[tiny]]", "[[tinny]]"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"03_more.py, cell 0 links to \[\[tinny\]\], .* tiny, planned, more"):
        read_source(source)


def test_every_lesson_of_the_course_has_a_name_of_its_own():
    names = targets(NOTEBOOKS)
    assert len(names) >= 30 and str(names["kspace"]) == "[1 · k-space and the image](01_kspace.ipynb)"
    written = [target for target in names.values() if target.notebook]
    assert len(written) == len(lesson_sources())
