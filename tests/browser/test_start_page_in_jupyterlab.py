"""A learner's first evening: the start page, a lesson, a prediction, an exercise, a question; and the next evening."""

import json

from mricourse.classroom.course_facts import facts_of
from mricourse.classroom.notebooks import lesson_sources
from mricourse.classroom.progress import Progress
from mricourse.classroom.quiz import load_quiz
from mricourse.files import NOTEBOOKS

CELL = "(id) => window.jupyterapp.shell.currentWidget.content.widgets.findIndex((cell) => cell.model.id === id)"
WRITE = """([id, code]) => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets;
  cells.find((cell) => cell.model.id === id).model.sharedModel.setSource(code);
}"""
GO_TO = """async (place) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = place;
  await notebook.scrollToItem(place, "start");
}"""
READY = """async () => {
  const widget = window.jupyterapp.shell.currentWidget;
  await widget.context.ready;
  await widget.sessionContext.ready;
  await widget.sessionContext.session.kernel.info;
}"""
RAN = """() => {
  const widget = window.jupyterapp.shell.currentWidget;
  const last = widget.content.widgets.find((cell) => cell.model.id === "quiz");
  return last.model.executionCount && widget.sessionContext.session.kernel.status === "idle";
}"""


def open_start_page(page, address):
    page.goto(f"{address}lab/tree/START.md?token=t")
    page.get_by_role("heading", name="Map of the course").wait_for()


def cell_of(page, cell_id):
    place = page.evaluate(CELL, cell_id)
    page.evaluate(GO_TO, place)
    return page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{place}']")


def cells_with(notebook, text):
    return [cell["id"] for cell in notebook["cells"] if text in "".join(cell["source"])]


def test_what_is_done_in_a_lesson_is_on_the_start_page_the_next_time(chromium, course, tmp_path):
    lesson = facts_of(lesson_sources()[0])
    notebook, full = (
        json.loads((folder / f"{lesson.id}.ipynb").read_text(encoding="utf-8"))
        for folder in (NOTEBOOKS, NOTEBOOKS / "solutions")
    )
    answers = {cell["id"]: "".join(cell["source"]) for cell in full["cells"]}
    questions = {question.id: question for question in load_quiz(NOTEBOOKS / "quiz" / f"{lesson.id}.yml")}
    number = next(question for question in questions.values() if question.kind == "numeric")
    page = chromium.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(120_000)

    open_start_page(page, course.start())
    assert page.get_by_role("heading", name="Begin with").inner_text().startswith(f"Begin with {lesson.number} · ")
    page.screenshot(path=tmp_path / "start.png")
    page.get_by_role("link", name=f"{lesson.number} · ").first.click()
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate(READY)

    # solve the first exercise, run everything
    [exercise] = [
        name for name in cells_with(notebook, f"def {lesson.exercises[0]}(") if "your_turn" in answers or name
    ]
    page.evaluate(WRITE, [exercise, answers[exercise]])
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(RAN, timeout=300_000)

    # make a prediction
    if lesson.predictions:
        first = questions[lesson.predictions[0]]
        [place] = cells_with(notebook, f'predict("{first.id}")')
        asked = cell_of(page, place)
        asked.get_by_label(first.options[0].text, exact=True).check()
        asked.get_by_role("button", name="Answer").click()
        asked.get_by_text("Right." if first.options[0].right else "Not yet.").wait_for()

    # answer a question of the quiz
    quiz = cell_of(page, "quiz")
    order = [question.id for question in questions.values() if question.kind == "numeric"]
    field = quiz.get_by_placeholder("a number").nth(order.index(number.id))
    field.fill(f"{number.answer:g}")
    field.press("Tab")
    page.keyboard.press("Space")
    quiz.get_by_text("✔ Right.").first.wait_for()
    page.close()

    progress = Progress(course.workspace)
    assert progress.solved(lesson.id) == {lesson.exercises[0]} and progress.answers(lesson.id)[number.id].right
    counts = [("predictions", bool(lesson.predictions)), ("exercises", True), ("questions", True)]
    expected = [f"{int(done)} of {len(getattr(lesson, kind))}" for kind, done in counts if getattr(lesson, kind)]
    course.stop()
    assert "/lab/tree/START.md?token=" in course.said, "the address is printed where no browser is opened"

    page = chromium.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(120_000)
    open_start_page(page, course.start())
    assert page.get_by_role("heading", name="Go on with").inner_text().startswith(f"Go on with {lesson.number} · ")
    row = page.get_by_role("row").filter(has_text=f"{lesson.number} · ").first
    assert [text.removeprefix("✔ ") for text in row.get_by_role("cell").all_inner_texts()[2:] if text] == expected
    page.close()
