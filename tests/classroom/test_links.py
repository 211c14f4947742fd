"""`[[name]]` becomes a link with number and title in every version, and a name that no lesson has is refused."""

import json
import re
import shutil

import pytest

from mricourse.classroom.links import targets
from mricourse.classroom.notebooks import build, complete, lesson_sources, read_source, solution_version
from mricourse.classroom.page import lesson_page
from mricourse.files import NOTEBOOKS

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


# --- ways out of a lesson ---


def cells(path):
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


def test_both_versions_lead_to_their_neighbours_the_quiz_and_the_start_page(course):
    shutil.copy(course / "quiz/01_tiny.yml", course / "quiz/03_more.yml")
    build(lesson_sources(course), course)
    learner, full = cells(course / "03_more.ipynb"), cells(course / "solutions/03_more.ipynb")
    assert list(learner)[1] == list(full)[1] == "links" and list(learner)[-1] == list(full)[-1] == "navigation"
    assert learner["links"] == (
        "[Map of the course](START.md) · [Glossary](GLOSSARY.md) · [Symbols](SYMBOLS.md) · [Quiz of this lesson](#Quiz)"
    )
    assert "(../START.md)" in full["links"] and "(../GLOSSARY.md)" in full["navigation"]
    assert "- Before: 2 · A planned lesson (planned)" in learner["navigation"]
    assert "- Next: nothing, this is the last lesson." in learner["navigation"]
    assert "[This lesson with its answers](solutions/03_more.ipynb)" in learner["navigation"]
    assert "[This lesson to work in](../03_more.ipynb)" in full["navigation"]
    assert "[map of the course](../START.md)" in full["quiz-text"]


def test_a_planned_lesson_is_named_without_a_link_and_the_next_written_one_with_it(course):
    build(lesson_sources(course), course)
    first = cells(course / "01_tiny.ipynb")["navigation"]
    assert "Before" not in first
    assert "- Next: 2 · A planned lesson (planned); the next one that is written: [3 · More" in first


def test_a_course_without_a_syllabus_has_no_ways_out(tiny_course):
    build(lesson_sources(tiny_course), tiny_course)
    assert "navigation" not in cells(tiny_course / "01_tiny.ipynb")


def test_pages_lead_to_pages(course):
    source = course / "source" / "03_more.py"
    notebook = complete(solution_version(read_source(source)), source, "page")
    page = lesson_page(notebook, title="More", folder=course, claims=[])
    links = re.findall(r'href="([^"#]+)"', page)
    assert {"index.html", "GLOSSARY.html", "SYMBOLS.html"} <= set(links)
    assert not [link for link in links if link.endswith((".md", ".ipynb"))]


@pytest.mark.parametrize("source", lesson_sources(), ids=[source.stem for source in lesson_sources()])
@pytest.mark.parametrize("folder", [NOTEBOOKS, NOTEBOOKS / "solutions"], ids=["learner", "solution"])
def test_every_link_of_a_lesson_leads_to_a_file(source, folder):
    text = "\n".join(cells(folder / f"{source.stem}.ipynb").values())
    local = re.findall(r"\]\(([\w./-]+\.(?:ipynb|md|svg|png))\)", text)
    assert len(local) >= 5
    assert [link for link in local if not (folder / link).is_file()] == []
