"""Questions are read whole or refused in a sentence, and answers judged with the reason."""

import pytest
import yaml

from mricourse.classroom.quiz import judge, load_quiz, number_of
from mricourse.files import NOTEBOOKS

SINGLE = {
    "id": "ghosts",
    "kind": "single",
    "question": "How far apart?",
    "hints": ["a comb"],
    "options": [
        {"text": "FOV / R", "why": "a comb's transform is a comb", "right": True},
        {"text": "R pixels", "why": "R counts lines"},
        {"text": "at random", "why": "the lines are regular"},
    ],
}
NUMERIC = {"id": "time", "kind": "numeric", "question": "How long?", "hints": ["TR"], "answer": 128, "tolerance": 0.5,
           "unit": "s", "why": "256 lines"}  # fmt: skip


@pytest.fixture
def quiz(tmp_path):
    def load(*rows):
        path = tmp_path / "01_tiny.yml"
        path.write_text(yaml.safe_dump(list(rows)), encoding="utf-8")
        return load_quiz(path)

    return load


def test_one_right_option(quiz):
    [question] = quiz(SINGLE)
    assert judge(question, 0).right and judge(question, 0).reasons == ("a comb's transform is a comb",)
    assert judge(question, 1).right is False and judge(question, 1).reasons == ("R counts lines",)
    with pytest.raises(ValueError, match="expected some of 0 to 2"):
        judge(question, 3)


def test_several_right_options_say_that_some_are_missing_but_not_which(quiz):
    options = [*SINGLE["options"], {"text": "240 mm / R", "why": "in mm", "right": True}]
    [question] = quiz(SINGLE | {"kind": "multiple", "options": options})
    assert judge(question, {0, 3}).right and judge(question, [3, 0]).right
    assert judge(question, {0}).reasons == ("a comb's transform is a comb", "Something is still missing.")
    assert judge(question, {0, 1, 3}).right is False
    with pytest.raises(ValueError, match="expected some of"):
        judge(question, set())


@pytest.mark.parametrize(("answer", "right"), [("128", True), ("128,4 s", True), (127.5, True), ("127.4", False)])
def test_a_number_within_its_tolerance(quiz, answer, right):
    assert judge(quiz(NUMERIC)[0], answer).right is right


def test_a_wrong_number_is_too_large_or_too_small(quiz):
    [question] = quiz(NUMERIC)
    assert judge(question, 256).reasons == ("256 s is too large.",)
    assert judge(question, "1e2").reasons == ("100 s is too small.",)


@pytest.mark.parametrize(
    ("text", "value"), [("1,5", 1.5), (" -3e-2 x", -0.03), ("1/4", 0.25), ("−2", -2), ("25 %", 25)]
)
def test_numbers_as_people_write_them(text, value):
    assert number_of(text) == value


@pytest.mark.parametrize("text", ["", "many", "1/0", ".", "1.2.3"])
def test_what_is_no_number_is_said(text):
    with pytest.raises(ValueError, match="expected a number"):
        number_of(text)


def test_free_text_is_judged_by_its_writer(quiz):
    row = {"id": "why", "kind": "text", "question": "Why?", "hints": ["think"], "model": "Because."}
    assert judge(quiz(row)[0], "no idea") == judge(quiz(row)[0], "Because") and judge(quiz(row)[0], "x").right is None


def test_a_prediction_needs_no_hints_and_ends_with_its_explanation(quiz):
    row = {key: value for key, value in SINGLE.items() if key != "hints"} | {"kind": "prediction", "explanation": "So."}
    assert judge(quiz(row)[0], 1).reasons == ("R counts lines", "So.")


def test_options_are_shuffled_the_same_way_for_the_same_learner(quiz):
    [question] = quiz(SINGLE)
    orders = {tuple(question.order(f"learner {number}")) for number in range(60)}
    assert len(orders) == 6 and all(sorted(order) == [0, 1, 2] for order in orders)
    assert question.order("a") == question.order("a")


REFUSED = {
    "an id with a space": (SINGLE | {"id": "a b"}, "expected an id"),
    "an unknown kind": (SINGLE | {"kind": "essay"}, "expected single, multiple"),
    "a misspelt key": (SINGLE | {"hint": []}, "expected ['hints'"),
    "no hints": (SINGLE | {"hints": []}, "no hints"),
    "no right option": (SINGLE | {"options": SINGLE["options"][1:]}, "0 right options; expected one"),
    "two right options": (
        SINGLE | {"options": [{"text": "a", "why": "b", "right": True}, {"text": "c", "why": "d", "right": True}]},
        "2 right options; expected one",
    ),
    "options alike": (SINGLE | {"options": [SINGLE["options"][0], SINGLE["options"][0]]}, "that differ"),
    "no why": (SINGLE | {"options": [{"text": "a", "why": " ", "right": True}, {"text": "b", "why": "c"}]}, "no why"),
    "a number in words": (NUMERIC | {"answer": "many"}, "expected a number"),
    "a negative tolerance": (NUMERIC | {"tolerance": -1}, "tolerance of 0 or more"),
    "a yes as a number": (NUMERIC | {"answer": True}, "expected a number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_question_lacks_is_said_with_its_file_and_name(quiz, case):
    row, words = REFUSED[case]
    with pytest.raises(ValueError) as refusal:
        quiz(row)
    assert "01_tiny.yml, question" in str(refusal.value) and words in str(refusal.value)


def test_files_that_are_no_quiz_are_refused(tmp_path, quiz):
    with pytest.raises(FileNotFoundError, match="there is no quiz"):
        load_quiz(tmp_path / "none.yml")
    for content in ("a: [", "just text", "- text"):
        (tmp_path / "bad.yml").write_text(content)
        with pytest.raises(ValueError, match=r"bad\.yml"):
            load_quiz(tmp_path / "bad.yml")
    with pytest.raises(ValueError, match="twice"):
        quiz(SINGLE, SINGLE)


def test_no_two_questions_of_the_course_have_the_same_id():
    of = {}
    for path in sorted((NOTEBOOKS / "quiz").glob("*.yml")):
        for question in load_quiz(path):  # `predict` looks for an id in all of them
            assert question.id not in of, f"{path.name} and {of[question.id]} both have {question.id!r}"
            of[question.id] = path.name
    assert len(of) > 100


@pytest.mark.parametrize("path", sorted((NOTEBOOKS / "quiz").glob("*.yml")), ids=lambda path: path.stem)
def test_every_quiz_of_the_course_is_whole(path):
    questions = load_quiz(path)
    assert len(questions) >= 3
    for question in questions:
        if question.kind == "numeric":
            assert judge(question, question.answer).right
        elif question.options:
            right = {place for place, option in enumerate(question.options) if option.right}
            assert judge(question, right).right
