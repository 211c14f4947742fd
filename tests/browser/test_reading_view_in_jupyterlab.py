"""The reader study as a reader meets it: in JupyterLab, graded by mouse and keyboard, kept for the next sitting."""

import nbformat
import pytest

from mricourse.classroom.lab import RECORD
from mricourse.evaluation.reader_study import GradeBook, ReaderStudy

PLAN = ("in_browser", ("light", "strong"), ("sharpness", "confidence"))
CODES = (
    "import torch\n"
    "from mricourse import workspace_here\n"
    "from mricourse.evaluation import GradeBook, ReaderStudy\n"
    "from mricourse.plotting import ReadingView",
    f"study = ReaderStudy(*{PLAN!r}, n_exams=2, seed=3)\n"
    "images = {'light': torch.rand(2, 48, 40), 'strong': torch.rand(2, 48, 40).roll(9)}\n"
    "ReadingView(GradeBook(study, workspace_here()), images, reader='me', width_px=200)",
)


@pytest.fixture
def notebook(open_cells, lab):
    (lab[2] / RECORD).write_text("{}")
    return open_cells("reading.ipynb", [nbformat.v4.new_code_cell(code) for code in CODES])


def grade(view, grades):
    for label, value in grades.items():
        view.get_by_label(label).select_option(value)


def test_pairs_are_graded_blind_and_kept(notebook, lab):
    page = notebook.page
    view = notebook.cells[1]
    save = view.get_by_role("button", name="Save and go on")
    view.get_by_text("Pair 1 of 2").wait_for()
    assert notebook.errors == []
    shown = view.locator(".jp-OutputArea-output").all_inner_texts()
    assert not any("light" in text or "strong" in text for text in shown), "a reader must not see the methods' names"

    grade(view, {"A: sharpness": "4"})
    save.click()
    view.get_by_role("alert").wait_for()  # three grades are missing
    assert view.get_by_text("Pair 1 of 2").count() == 1

    grade(view, {"A: confidence": "2", "B: sharpness": "1", "B: confidence": "5"})
    save.focus()
    page.keyboard.press("Space")
    view.get_by_text("Pair 2 of 2").wait_for()
    view.get_by_text("Kept.", exact=True).wait_for()
    notebook.screenshot()

    study = ReaderStudy(*PLAN, n_exams=2, seed=3)
    book = GradeBook(study, lab[2])
    assert book.n_graded("me") == 1
    first = study.pairs("me")[0]
    kept = book.grades("me")
    given = {first.left: [4, 2], first.right: [1, 5]}
    for number, method in enumerate(study.methods):
        assert kept[first.exam, number].tolist() == given[method]

    notebook.run_all()  # as after a restart: the study goes on where it was left
    view.get_by_text("Pair 2 of 2").wait_for()
    grade(view, {"A: sharpness": "3", "A: confidence": "3", "B: sharpness": "3", "B: confidence": "3"})
    save.click()
    view.get_by_text("All pairs are graded.").wait_for()
    assert save.is_disabled()
    assert book.n_graded("me") == 2
    assert notebook.complaints == [] and notebook.outside == []
