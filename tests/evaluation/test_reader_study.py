"""A reader study: blinded and balanced by its seed, and grades that are kept whole, also under kills."""

import json
from collections import Counter
from multiprocessing import get_context

import pytest
import torch

from mricourse.evaluation.reader_analysis import agreement, compare_methods, exam_differences
from mricourse.evaluation.reader_study import FILE, GradeBook, ReaderStudy

CRITERIA = ("sharpness", "noise")


@pytest.fixture
def study():
    return ReaderStudy("weights", ("light", "strong"), CRITERIA, n_exams=6, seed=3)


def true_grade(exam, method, criterion):
    """A grade that tells exam, method and criterion apart."""
    return 1 + (exam + 2 * (method == "strong") + (criterion == "noise")) % 5


def read_all(book, reader, *, n=None):
    """Grade what is shown, knowing what it is, as a reader does not."""
    for pair in book.study.pairs(reader)[book.n_graded(reader) : n]:
        sides = {"A": pair.left, "B": pair.right}
        grades = {s: {c: true_grade(pair.exam, m, c) for c in CRITERIA} for s, m in sides.items()}
        book.note(reader, grades)


# --- the plan ---


def test_every_pair_once_each_method_as_often_left(study):
    pairs = study.pairs("me")
    assert sorted(pair.exam for pair in pairs) == list(range(6))
    assert Counter(pair.left for pair in pairs) == {"light": 3, "strong": 3}
    assert all({pair.left, pair.right} == set(study.methods) for pair in pairs)
    three = ReaderStudy("three", ("a", "b", "c"), CRITERIA, n_exams=5)
    assert len(set(three.pairs("me"))) == 15


def test_the_order_is_that_of_seed_and_reader(study):
    assert study.pairs("me") == study.pairs("me") != study.pairs("you")
    other = ReaderStudy("weights", ("light", "strong"), CRITERIA, n_exams=6, seed=4)
    assert other.pairs("me") != study.pairs("me")
    orders = [[pair.exam for pair in study.pairs(f"reader {number}")] for number in range(60)]
    assert abs(sum(order[0] for order in orders) / 60 - 2.5) < 0.8


@pytest.mark.parametrize(
    "change",
    [{"methods": ("a",)}, {"methods": ("a", "a")}, {"criteria": ()}, {"n_exams": 0}, {"n_grades": 1}],
)
def test_a_plan_that_is_none_is_refused(change):
    plan = {"name": "x", "methods": ("a", "b"), "criteria": CRITERIA, "n_exams": 3} | change
    with pytest.raises(ValueError, match="expected"):
        ReaderStudy(**plan)


# --- the grades ---


@pytest.mark.parametrize("in_memory", [True, False])
def test_grades_come_back_unblinded(study, tmp_path, in_memory):
    book = GradeBook(study, None if in_memory else tmp_path)
    assert book.readers() == [] and torch.isnan(book.grades("me")).all()
    read_all(book, "me")
    grades = book.grades("me")
    for exam in range(6):
        for number, method in enumerate(study.methods):
            assert grades[exam, number].tolist() == [true_grade(exam, method, name) for name in CRITERIA]
    assert book.readers() == ["me"] and book.n_graded("me") == 6 and book.n_graded("you") == 0
    assert (tmp_path / FILE).is_file() != in_memory


def test_a_reading_goes_on_where_it_stopped(study, tmp_path):
    read_all(GradeBook(study, tmp_path), "me", n=2)
    again = GradeBook(study, tmp_path)
    assert again.n_graded("me") == 2
    assert int(torch.isfinite(again.grades("me")).all(-1).sum()) == 4  # two images of two exams
    read_all(again, "me")
    assert torch.isfinite(again.grades("me")).all()
    with pytest.raises(ValueError, match="graded all 6 pairs"):
        again.note("me", {side: dict.fromkeys(CRITERIA, 3) for side in "AB"})


def test_several_pairs_of_one_image_are_averaged():
    study = ReaderStudy("three", ("a", "b", "c"), ("noise",), n_exams=1)
    book = GradeBook(study)
    for number, pair in enumerate(study.pairs("me")):
        left, right = (1 + number if method == "a" else 5 for method in (pair.left, pair.right))
        book.note("me", {"A": {"noise": left}, "B": {"noise": right}})
    places = [number for number, pair in enumerate(study.pairs("me")) if "a" in (pair.left, pair.right)]
    assert book.grades("me")[0, 0].item() == 1 + sum(places) / 2


@pytest.mark.parametrize(
    "grades",
    [{}, {"A": {"sharpness": 3, "noise": 3}}, {s: {"sharpness": 3, "noise": 6} for s in "AB"},
     {s: {"sharpness": 3, "noise": None} for s in "AB"}, {s: {"sharpness": 2.5, "noise": 3} for s in "AB"}],
)  # fmt: skip
def test_what_is_no_grade_is_refused_and_nothing_is_kept(study, tmp_path, grades):
    book = GradeBook(study, tmp_path)
    with pytest.raises(ValueError, match="expected 1 to 5"):
        book.note("me", grades)
    assert list(tmp_path.iterdir()) == []


def test_another_plan_needs_another_name(study, tmp_path):
    read_all(GradeBook(study, tmp_path), "me", n=1)
    other = GradeBook(ReaderStudy("weights", ("light", "strong"), CRITERIA, n_exams=9, seed=3), tmp_path)
    with pytest.raises(ValueError, match="give the new study a new name"):
        other.n_graded("me")
    second = ReaderStudy("second", ("light", "strong"), CRITERIA, n_exams=9)
    read_all(GradeBook(second, tmp_path), "me", n=3)
    assert GradeBook(study, tmp_path).n_graded("me") == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 2, "studies": {}}', b'{"version": 1}', b"\xff"])
def test_a_file_that_is_something_else_is_refused_and_left_alone(study, tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    book = GradeBook(study, tmp_path)
    for use in (book.readers, lambda: read_all(book, "me")):
        with pytest.raises(ValueError, match="rename it, and a new one is begun"):
            use()
    assert (tmp_path / FILE).read_bytes() == content


def grade_for_ever(folder, study):
    """What a process does until it is killed."""
    book = GradeBook(study, folder)
    number = 0
    while True:
        read_all(book, f"reader {number}")
        number += 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_no_kill_leaves_half_a_file(study, tmp_path):
    seen = 0
    for pause in (0.4, 0.5, 0.6):
        process = get_context("fork").Process(target=grade_for_ever, args=(tmp_path, study))
        process.start()
        process.join(pause)
        process.kill()
        process.join()
        if (tmp_path / FILE).is_file():
            content = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
            rows = content["studies"]["weights"]["readers"].values()
            assert all(set(row) == {"A", "B"} for each in rows for row in each)
            seen += 1
    assert seen
    read_all(GradeBook(study, tmp_path), "after")


def read_under(name, folder, study):
    read_all(GradeBook(study, folder), name)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_notebooks_at_once_lose_nothing(study, tmp_path):
    context = get_context("fork")
    readers = [context.Process(target=read_under, args=(name, tmp_path, study)) for name in ("me", "you")]
    for each in readers:
        each.start()
    for each in readers:
        each.join(30)
    book = GradeBook(study, tmp_path)
    assert [book.n_graded(name) for name in ("me", "you")] == [6, 6]


# --- what is made of them ---


def test_the_exam_is_the_unit_and_holm_counts_all_tests(study):
    generator = torch.Generator().manual_seed(5)
    first = torch.randint(1, 4, (6, 2, 2), generator=generator).double()
    first[:, 1, 0] = first[:, 0, 0] + 1  # strong is sharper in every exam
    grades = torch.stack([first, first])
    differences = exam_differences(grades, 0, 1)
    assert differences.shape == (6, 2) and (differences[:, 0] == 1).all()
    sharper, noise = compare_methods(study, grades)
    assert (sharper.criterion, sharper.first, sharper.second, sharper.mean) == ("sharpness", "light", "strong", 1)
    assert sharper.p == pytest.approx(2 / 64) and sharper.p_holm == pytest.approx(4 / 64)
    assert noise.p_holm >= noise.p


def test_agreement_of_a_reader_with_himself_is_one(study):
    book = GradeBook(study)
    read_all(book, "me")
    grades = book.grades("me")
    assert agreement(study, grades, grades) == {"sharpness": 1, "noise": 1}
    shifted = agreement(study, grades, (grades + 1).clamp_max(5))
    assert all(value < 1 for value in shifted.values())
    assert all(value != value for value in agreement(study, 0 * grades + 4, 0 * grades + 4).values())


def test_missing_grades_and_other_shapes_are_refused(study):
    book = GradeBook(study)
    read_all(book, "me", n=4)
    with pytest.raises(ValueError, match="finish the reading first"):
        compare_methods(study, book.grades("me")[None])
    with pytest.raises(ValueError, match="expected \\(readers"):
        compare_methods(study, torch.ones(6, 2, 2))
    three = ReaderStudy("three", ("a", "b", "c"), CRITERIA, n_exams=2)
    with pytest.raises(ValueError, match="expected two"):
        agreement(three, torch.ones(2, 3, 2), torch.ones(2, 3, 2))
