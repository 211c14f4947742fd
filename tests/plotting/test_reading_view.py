"""The screen of a reader study: blinded, nothing kept half, and on it goes where it stopped."""

import pytest
import torch

from mricourse.evaluation.reader_study import GradeBook, ReaderStudy
from mricourse.plotting.alt_text import PNG
from mricourse.plotting.reading_view import ReadingView


@pytest.fixture
def study():
    return ReaderStudy("weights", ("light", "strong"), ("sharpness", "noise"), n_exams=3, seed=1)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(1)
    return {name: torch.rand(3, 20, 17, generator=generator) for name in ("light", "strong")}


def answer(view, *, left, right):
    for (side, _), menu in view.menus.items():
        menu.value = {"A": left, "B": right}[side]
    view.save()


def test_a_whole_reading(study, images, tmp_path):
    book = GradeBook(study, tmp_path)
    view = ReadingView(book, images, reader="me")
    for number, pair in enumerate(study.pairs("me")):
        assert view.titles == [f"pair {number + 1}, image A", f"pair {number + 1}, image B"]
        assert not view.finished
        grades = {pair.left: 4, pair.right: 2} if pair.left == "light" else {pair.left: 2, pair.right: 4}
        answer(view, left=grades[pair.left], right=grades[pair.right])
        assert "Kept" in view.said.value
        assert view.error == "" and all(menu.value is None for menu in view.menus.values())
    assert view.finished and view.save_button.disabled
    assert book.grades("me")[:, 0].eq(4).all() and book.grades("me")[:, 1].eq(2).all()


def test_the_pictures_are_those_of_the_pair(study, images):
    """In the first pair the sides are what the plan says, in one window for all."""
    views = [ReadingView(GradeBook(study), images, reader=name) for name in ("me", "you", "they")]
    first = [study.pairs(name)[0] for name in ("me", "you", "they")]
    for view, pair in zip(views, first, strict=True):
        same = ReadingView(GradeBook(study), {name: images[pair.left] for name in images}, reader=view.reader)
        same.output.pictures.window = view.output.pictures.window
        same._show_next()
        assert same.pngs[0] == view.pngs[0] and same.pngs[1] != view.pngs[1]


def test_no_method_is_named_anywhere(study, images):
    view = ReadingView(GradeBook(study), images, reader="me")
    bundle, metadata = view._repr_mimebundle_()
    said = str(metadata[PNG]["alt"]) + bundle["text/plain"] + "".join(menu.description for menu in view.menus.values())
    assert "image A" in said and "A: sharpness" in said
    assert not any(method in said + " ".join(view.titles) for method in study.methods)


def test_a_missing_grade_keeps_nothing_and_stays(study, images):
    book = GradeBook(study)
    view = ReadingView(book, images, reader="me")
    view.menus["A", "sharpness"].value = 3
    view.save_button.click()
    assert "choose one" in view.said.value and 'role="alert"' in view.said.value
    assert book.n_graded("me") == 0 and view.menus["A", "sharpness"].value == 3


def test_it_goes_on_where_it_stopped_and_others_begin_anew(study, images, tmp_path):
    answer(ReadingView(GradeBook(study, tmp_path), images, reader="me"), left=3, right=3)
    assert ReadingView(GradeBook(study, tmp_path), images, reader="me").titles[0] == "pair 2, image A"
    assert ReadingView(GradeBook(study, tmp_path), images, reader="you").titles[0] == "pair 1, image A"


def test_a_damaged_file_is_said_and_not_written_over(study, images, tmp_path):
    book = GradeBook(study, tmp_path)
    book.path.write_text("{", encoding="utf-8")
    view = ReadingView(book, images, reader="me")
    assert "rename it" in view.said.value
    answer(view, left=3, right=3)
    assert "rename it" in view.said.value and book.path.read_text(encoding="utf-8") == "{"


def test_images_that_do_not_fit_the_plan_are_refused(study, images):
    for wrong in ({"light": images["light"]}, {name: stack[:2] for name, stack in images.items()}):
        with pytest.raises(ValueError, match="expected 3 of each"):
            ReadingView(GradeBook(study), wrong, reader="me")
