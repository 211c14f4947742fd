"""Questions answered as in a notebook: what is said, what is kept, what a page without a kernel shows."""

import pytest
import yaml

from mricourse import predict, quiz
from mricourse.classroom import ask
from mricourse.classroom.lab import RECORD, update_workspace
from mricourse.classroom.notebooks import lesson_sources
from mricourse.classroom.progress import Progress

OPTIONS = [
    {"text": "FOV / R", "why": "a comb's transform", "right": True},
    {"text": "R pixels", "why": "R counts <lines>"},
    {"text": "240 mm / R", "why": "in mm", "right": True},
]
ROWS = [
    {"id": "one", "kind": "single", "question": "How far?", "hints": ["a comb", "its spacing"], "options": OPTIONS[:2]},
    {"id": "many", "kind": "multiple", "question": "Which?", "hints": ["two"], "options": OPTIONS},
    {"id": "number", "kind": "numeric", "question": "How long?", "hints": ["TR"], "answer": 128, "tolerance": 0.5,
     "unit": "s", "why": "256 lines"},
    {"id": "free", "kind": "text", "question": "Why?", "hints": ["think"], "model": "Because."},
    {"id": "guess", "kind": "prediction", "question": "What then?", "options": OPTIONS[:2], "explanation": "So it is."},
]  # fmt: skip


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace with the questions above for the first lesson, and notebooks that run in it."""
    (tmp_path / "quiz").mkdir()
    (tmp_path / RECORD).write_text("{}")
    path = tmp_path / "quiz" / f"{lesson_sources()[0].stem}.yml"
    path.write_text(yaml.safe_dump(ROWS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def choose(view, text):
    view.choices.value = text
    view.answer_button.click()
    return view.said.value


def kept(workspace):
    return Progress(workspace).answers(lesson_sources()[0].stem)


def test_a_choice_is_judged_explained_and_kept(workspace):
    one = quiz("1").questions[0]
    one.answer_button.click()
    assert one.said.value == "Choose or write an answer first." and kept(workspace) == {}
    assert choose(one, "R pixels") == "✘ Not yet. R counts &lt;lines&gt;."
    assert choose(one, "FOV / R") == "✔ Right. A comb&#x27;s transform."
    answered = kept(workspace)["one"]
    assert (answered.answer, answered.right, answered.tries) == (0, True, 2)
    assert "answered this before: right, 2 tries" in quiz("1").questions[0].said.value


def test_boxes_numbers_and_free_text(workspace):
    _, many, number, free = quiz("1").questions
    for box in many.choices.children:
        box.value = box.description != "R pixels"
    many.answer_button.click()
    number.choices.children[0].value = "127,8 s"
    number.answer_button.click()
    free.choices.value = "I do not know"
    free.answer_button.click()
    assert many.said.value.startswith("✔") and number.said.value == "✔ Right. 256 lines."
    assert free.said.value == "Compare with this answer: Because."
    assert {name: row.right for name, row in kept(workspace).items()} == {"many": True, "number": True, "free": None}


def test_what_is_no_number_is_said_and_not_kept(workspace):
    number = quiz("1").questions[2]
    number.choices.children[0].value = "long"
    number.answer_button.click()
    assert number.said.value.startswith("the answer is") and "expected a number" in number.said.value
    assert kept(workspace) == {}


def test_hints_come_one_by_one(workspace):
    one = quiz("1").questions[0]
    assert one.hint_button.description == "Hint (2 left)"
    one.hint_button.click()
    assert one.hints.value == "Hint 1: a comb"
    one.hint_button.click()
    assert one.hints.value.endswith("Hint 2: its spacing") and one.hint_button.disabled


def test_a_prediction_is_found_by_its_name_in_any_lesson(workspace):
    [guess] = predict("guess").questions
    assert choose(guess, "R pixels").endswith("R counts &lt;lines&gt;. So it is.")
    assert kept(workspace)["guess"].right is False
    with pytest.raises(ValueError, match="no prediction 'gues'; the predictions are: guess"):
        predict("gues")


def test_solutions_lie_one_folder_deeper_and_share_the_progress(workspace, monkeypatch):
    (workspace / "solutions").mkdir()
    monkeypatch.chdir(workspace / "solutions")
    choose(quiz("1").questions[0], "FOV / R")
    assert kept(workspace)["one"].right


def test_outside_a_workspace_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = next(view for view in quiz("1").questions if view.question.kind == "single")
    choose(one, one.choices.options[0])
    assert one.said.value[0] in "✔✘" and list(tmp_path.iterdir()) == []


def test_progress_that_cannot_be_read_is_said_beside_the_verdict(workspace):
    (workspace / "progress.json").write_text("{")
    one = quiz("1").questions[0]
    assert "rename it" in one.said.value
    assert choose(one, "FOV / R").startswith("✔ Right.") and "rename it" in one.said.value
    assert (workspace / "progress.json").read_text() == "{"


def test_no_answer_stands_in_the_notebook_before_it_is_given(workspace):
    view = quiz("1")
    said = " ".join(str(part.get_state()) for question in view.questions for part in widgets(question))
    assert "a comb's transform" not in said and "Because." not in said and "256 lines" not in said


def widgets(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets(child)


def test_pages_show_question_and_folded_explanation(workspace):
    bundle = quiz("1")._repr_mimebundle_()
    page = bundle["text/html"]
    assert "How far?" in page and "<details><summary>Answer and reason" in page and "128 s. 256 lines" in page
    assert "R counts &lt;lines&gt;" in page and "What then?" not in page and "How far?" in bundle["text/plain"]


def test_a_workspace_brings_the_questions_of_every_lesson(tmp_path, monkeypatch):
    update_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert ask._folder() == tmp_path / "quiz"
    for source in lesson_sources():
        assert len(quiz(source.stem).questions) >= 3
