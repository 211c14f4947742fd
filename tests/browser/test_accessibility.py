"""What keeps nobody out: axe-core finds nothing grave in pages and our widgets, and the keyboard reaches them all."""

import nbformat
import pytest
import yaml
from axe import axe_source, grave_findings

from mricourse.classroom.lab import RECORD
from mricourse.classroom.notebooks import complete, lesson_sources, read_source, solution_version
from mricourse.classroom.page import lesson_page
from mricourse.classroom.run import run_lessons
from mricourse.files import NOTEBOOKS

SETUP = """
import torch
from mricourse import predict, quiz
from mricourse.plotting import MaskPainter, explore, plot_lines, show_images
y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 64), indexing="ij")
disc = (x**2 + y**2 < 0.7).float()
def shade(brightness=2):
    return {f"disc, {brightness} times": brightness * disc, "disc": disc}
def broken(n=1):
    if n > 1:
        raise ValueError("seven came; expected one.")
    return disc
"""
CELLS = (
    'predict("what-then")',
    'quiz("01_tiny")',
    "explore(shade, brightness=(1, 8))",
    "explore(broken, n=(1, 3))",
    "MaskPainter((48, 64), on_change=lambda mask: {'masked': disc * mask})",
    "show_images({'a disc': disc, 'its half': disc / 2})",
    "plot_lines(None, {'a': [1.0, 2, 3]}, xlabel='n', ylabel='signal')",
)
QUESTIONS = [
    {
        "id": "what-then",
        "kind": "prediction",
        "question": "How many heads will there be?",
        "options": [{"text": "one", "why": "too few"}, {"text": "two", "why": "a comb", "right": True}],
    },
    {
        "id": "n",
        "kind": "numeric",
        "question": "What is 3 squared?",
        "answer": 9,
        "tolerance": 0,
        "unit": "px",
        "hints": ["3 x 3"],
    },
    {
        "id": "m",
        "kind": "multiple",
        "question": "Which are even?",
        "options": [
            {"text": "two", "why": "1 + 1", "right": True},
            {"text": "four", "why": "2 + 2", "right": True},
            {"text": "five", "why": "odd"},
        ],
        "hints": ["halve them"],
    },
    {"id": "w", "kind": "text", "question": "Why?", "model": "Because.", "hints": ["think"]},
]


@pytest.fixture
def notebook(open_cells, lab):
    folder = lab[2]
    (folder / "quiz").mkdir(exist_ok=True)
    (folder / "quiz/01_tiny.yml").write_text(yaml.safe_dump(QUESTIONS), encoding="utf-8")
    (folder / RECORD).write_text("{}")
    cells = [nbformat.v4.new_markdown_cell("# Widgets\n\n## One of each")]
    cells += [nbformat.v4.new_code_cell(code.strip()) for code in (SETUP, *CELLS)]
    yield open_cells("accessible.ipynb", cells)
    (folder / "quiz/01_tiny.yml").unlink()


def test_our_widgets_keep_nobody_out(notebook):
    page = notebook.page
    assert notebook.errors == [] and page.get_by_text("Error displaying widget").count() == 0
    notebook.screenshot()
    assert grave_findings(page, ".jp-OutputArea-output", ".jp-MarkdownOutput") == []
    said = page.locator(".jp-RenderedImage img, img.widget-image").evaluate_all("all => all.map((one) => one.alt)")
    assert said == [
        "disc, 2 times",
        "disc",
        "picture",
        "masked",
        "Two panels, magnitude (a.u.): a disc; its half.",
        "Line plot of signal against n: a (from 1 to 3).",
    ]
    _, _, prediction, quiz, _, broken, *_ = notebook.cells

    # the same when answers, hints and errors are there
    prediction.get_by_label("two").check()
    prediction.get_by_role("button", name="Answer").click()
    prediction.get_by_text("Right.").wait_for()
    quiz.get_by_role("button", name="Hint").first.click()
    quiz.get_by_text("Hint 1:").wait_for()
    broken.get_by_role("slider").press("ArrowRight")
    broken.get_by_role("alert").wait_for()
    assert grave_findings(page, ".jp-OutputArea-output") == []
    notebook.screenshot()


def test_everything_can_be_answered_by_keyboard(notebook):
    page = notebook.page
    _, _, prediction, quiz, explorer, _, painter, *_ = notebook.cells

    def focused():
        return page.evaluate("() => document.activeElement.outerHTML.slice(0, 120)")

    prediction.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")  # options stand in another order in each folder
    reason = "a comb" if prediction.get_by_label("two").is_checked() else "too few"
    page.keyboard.press("Tab")
    assert "Answer" in page.evaluate("() => document.activeElement.innerText"), focused()
    page.keyboard.press("Enter")
    prediction.get_by_text(reason, exact=False).wait_for()

    quiz.get_by_placeholder("a number").focus()
    page.keyboard.type("9")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    quiz.get_by_text("✔ Right.").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    quiz.get_by_text("Hint 1: 3 x 3").wait_for()
    quiz.locator("button:disabled", has_text="Hint").first.wait_for()  # the kernel switches it off after the last hint
    page.keyboard.press("Tab")  # so the next question follows
    for _ in range(2):
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    quiz.get_by_text("Right", exact=False).nth(1).or_(quiz.get_by_text("Not yet", exact=False)).first.wait_for()

    slider = explorer.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    explorer.get_by_text("disc, 3 times").wait_for()

    painter.locator("canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    painter.get_by_text("R =").wait_for()


def test_a_lesson_page_keeps_nobody_out(chromium, shared_tiny_course):
    axe_source()
    pages = shared_tiny_course.parent / "pages"
    (shared_tiny_course / "syllabus.yml").write_text(
        "points: {}\nlessons:\n  - {id: 01_tiny, title: Tiny, part: one, minutes: 5}\n", encoding="utf-8"
    )
    [result] = run_lessons(lesson_sources(shared_tiny_course), pages, report=lambda result: None)
    assert result.error is None
    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    for name in ("01_tiny", "index", "GLOSSARY", "SYMBOLS"):
        page.goto((pages / f"{name}.html").as_uri())
        assert grave_findings(page) == [], name
    # a whole lesson, with all that text and code may hold; not executed, which would take a minute
    source = lesson_sources()[0]
    notebook = complete(solution_version(read_source(source)), source, "page")
    written = lesson_page(notebook, title=source.stem, folder=NOTEBOOKS, claims=[])
    (pages / "whole.html").write_text(written, encoding="utf-8")
    page.goto((pages / "whole.html").as_uri())
    assert grave_findings(page) == []
    page.close()
