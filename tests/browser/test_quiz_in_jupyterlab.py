"""The quiz as a learner meets it: in JupyterLab, answered by mouse and keyboard, kept for the next visit."""

import nbformat
import pytest
import yaml

from mricourse.classroom.lab import RECORD
from mricourse.classroom.notebooks import lesson_sources
from mricourse.classroom.progress import Progress
from mricourse.classroom.quiz import load_quiz
from mricourse.files import NOTEBOOKS

PREDICTION = {
    "id": "what-then",
    "kind": "prediction",
    "question": "We keep every second line. How many heads will there be?",
    "options": [
        {"text": "one", "why": "too few"},
        {"text": "two, half a field of view apart", "why": "a comb's transform is a comb", "right": True},
    ],
    "explanation": "Look at the next figure.",
}


@pytest.fixture
def notebook(open_cells, lab):
    folder = lab[2]
    stem = lesson_sources()[0].stem
    rows = yaml.safe_load((NOTEBOOKS / "quiz" / f"{stem}.yml").read_text(encoding="utf-8"))
    (folder / "quiz").mkdir(exist_ok=True)
    (folder / "quiz" / f"{stem}.yml").write_text(yaml.safe_dump([*rows, PREDICTION]), encoding="utf-8")
    (folder / RECORD).write_text("{}")
    codes = ("from mricourse import predict, quiz", 'predict("what-then")', f'quiz("{stem}")')
    return open_cells("quiz.ipynb", [nbformat.v4.new_code_cell(code) for code in codes])


def test_a_prediction_and_a_quiz_are_answered_and_kept(notebook, lab):
    page, folder = notebook.page, lab[2]
    stem = lesson_sources()[0].stem
    _, prediction, questions = notebook.cells
    assert notebook.errors == []
    assert page.get_by_text("Look at the next figure").count() == 0  # no answer is in the page before it is given

    prediction.get_by_label("two, half a field of view apart").check()
    prediction.get_by_role("button", name="Answer").click()
    prediction.get_by_text("Right. A comb's transform is a comb. Look at the next figure.").wait_for()

    number = next(question for question in load_quiz(folder / "quiz" / f"{stem}.yml") if question.kind == "numeric")
    field = questions.get_by_placeholder("a number").first
    field.fill("-1")
    field.press("Tab")
    page.keyboard.press("Space")  # the button that comes next
    questions.get_by_text(f"-1 {number.unit} is too small.").wait_for()
    questions.get_by_role("button", name="Hint").first.click()
    questions.get_by_text("Hint 1:").first.wait_for()
    notebook.screenshot()

    progress = Progress(folder)
    assert progress.answers(stem)["what-then"].right is True
    assert progress.answers(stem)[number.id].right is False

    notebook.run_all()  # as after a restart: the views are new
    page.get_by_text("You have answered this before: right, 1 try.").wait_for()
    assert notebook.complaints == [] and notebook.outside == []
