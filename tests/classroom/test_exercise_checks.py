"""A failed check and an unsolved exercise are one sentence in a notebook, and errors of Python elsewhere."""

import inspect
import re

import nbformat
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import mricourse
from mricourse import check, exercises, passed, reject_known_mistakes, your_turn
from mricourse.classroom.exercise_checks import CheckFailed, NotYet, asked, check_tensor
from mricourse.classroom.lab import RECORD
from mricourse.classroom.progress import FILE, Progress


def test_a_check_passes_or_says_its_sentence():
    check(True, "never said")
    check(torch.tensor(1.0) < 2, "never said")
    with pytest.raises(AssertionError, match="^the conjugate of the maps is missing$"):
        check(torch.tensor(False), "the conjugate of the maps is missing")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "is the `return` missing"),
        ([1.0, 2.0], "type list"),
        (torch.zeros(3), r"shape \(3,\); expected \(2,\)"),
        (torch.zeros(2, dtype=torch.complex64), "is complex; expected real"),
        (torch.tensor([1.0, float("nan")]), "NaN"),
    ],
)
def test_what_is_no_result_of_the_right_kind_is_named(answer, words):
    check_tensor(torch.zeros(2), (2,), is_complex=False)
    with pytest.raises(CheckFailed, match=words):
        check_tensor(answer, (2,), is_complex=False)


def test_an_unsolved_exercise_is_told_from_a_wrong_one():
    def my_unfold():
        your_turn()

    with pytest.raises(NotImplementedError, match="Your turn: write my_unfold, run") as unsolved:
        my_unfold()
    assert isinstance(unsolved.value, NotYet) and not isinstance(unsolved.value, AssertionError)
    assert not issubclass(CheckFailed, NotImplementedError)


@pytest.mark.parametrize(
    ("line", "shown"), [("check(1 > 2, 'too small')", "✘ too small"), ("your_turn()", "… Your turn")]
)
def test_a_notebook_shows_the_sentence_alone(capsys, line, shown):
    shell = InteractiveShell.instance()
    shell.run_cell(f"from mricourse import check, your_turn\n{line}")
    printed = capsys.readouterr().out.strip()
    assert printed.startswith(shown) and len(printed.splitlines()) == 1


def test_the_stored_output_of_a_notebook_has_the_sentence_alone():
    cells = [nbformat.v4.new_code_cell("from mricourse import check\ncheck(False, 'the mask is missing')")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, kernel_name="python3").execute()
    [output] = notebook.cells[0].outputs
    assert output["traceback"] == ["✘ the mask is missing"] and output["ename"] == "CheckFailed"


def test_a_mistake_is_named_where_it_can_be_told_apart():
    S = torch.tensor([[1.0, 2.0], [0.5, 1.0j]], dtype=torch.complex64)
    right = S.mH @ S
    mistakes = {"the conjugate is missing": S.mT @ S, "the sum over coils is missing": lambda: S.abs().square()}
    reject_known_mistakes(right + 1e-6, right, mistakes)
    reject_known_mistakes(3 * right, right, mistakes)  # wrong in a way that nobody foresaw: other checks see it
    with pytest.raises(CheckFailed, match="conjugate"):
        reject_known_mistakes(S.mT @ S, right, mistakes)
    with pytest.raises(CheckFailed, match="sum over coils"):
        reject_known_mistakes(S.abs().square(), right, mistakes)


def test_a_mistake_that_makes_no_difference_here_is_not_named():
    S = torch.eye(2)
    reject_known_mistakes(2 * torch.eye(2), torch.eye(2), {"the conjugate is missing": S.mT @ S})


@pytest.mark.parametrize("answer", [torch.zeros(3), torch.full((2,), torch.nan)])
def test_answers_of_another_shape_or_not_finite_equal_nothing(answer):
    right = torch.tensor([1.0, 2.0])
    reject_known_mistakes(answer, right, {"zeros": torch.zeros(2), "NaN": torch.full((2,), torch.nan)})


def test_the_names_are_on_the_face():
    assert {"check", "your_turn", "reject_known_mistakes"} <= set(mricourse.__all__)


@pytest.mark.parametrize(("folder", "kept"), [(".", {"my_unfold"}), ("solutions", set())])
def test_a_solved_exercise_is_kept_in_the_workspace(tmp_path, monkeypatch, capsys, folder, kept):
    (tmp_path / RECORD).write_text("{}", encoding="utf-8")
    (tmp_path / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    passed("sense", "my_unfold", "unfolds at R = 3")
    assert capsys.readouterr().out == "✔ unfolds at R = 3\n"
    assert Progress(tmp_path).solved("03_sense") == kept


def test_an_answer_passes_where_nothing_can_be_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    passed("sense", "my_unfold", "unfolds at R = 3")
    (tmp_path / RECORD).write_text("{}", encoding="utf-8")
    (tmp_path / FILE).write_text("no progress", encoding="utf-8")
    passed("sense", "my_unfold", "unfolds at R = 3")
    assert "not kept: " in capsys.readouterr().out and (tmp_path / FILE).read_text() == "no progress"


def test_errors_and_changed_arguments_become_sentences():
    def crashes(x):
        raise KeyError("a long\nmessage")

    def changes(x):
        return x.add_(1)

    assert asked(torch.add, torch.ones(2), 1).tolist() == [2, 2]
    with pytest.raises(CheckFailed, match=r"^Your function stops at `raise KeyError.*` with KeyError: 'a long"):
        asked(crashes, torch.ones(2))
    with pytest.raises(CheckFailed, match="changes its arguments"):
        asked(changes, torch.ones(2))
    with pytest.raises(NotYet):
        asked(lambda x: your_turn(), torch.ones(2))


def test_an_error_says_first_what_it_means_in_this_exercise():
    def crashes(x):
        return x[torch.ones(2, 1) > 0]

    with pytest.raises(
        CheckFailed, match=r"^The mask \(2, 1\) does not fit .* \(Your function stops at `return x\[torch"
    ):
        asked(crashes, torch.ones(2, 3))
    with pytest.raises(CheckFailed, match=r"^Stretch it\. \(Your function stops"):
        asked(crashes, torch.ones(2, 3), advice={"shape of the mask": "Stretch it."})


class Odd(Exception):
    """Nothing that a check would foresee."""


def takes_a_function_alone(name):
    return len(inspect.signature(getattr(exercises, name)).parameters) == 1


WHOLE_CHECKS = [name for name in sorted(exercises.__all__) if takes_a_function_alone(name)]


@pytest.mark.parametrize("name", WHOLE_CHECKS)
@pytest.mark.parametrize("error", [Odd("odd"), IndexError("off"), NotImplementedError("complex"), KeyError("kx")])
def test_whatever_a_function_raises_the_check_says_it_in_a_sentence(name, error):
    def mine(*arguments, **options):
        raise error

    with pytest.raises(CheckFailed) as failed:
        getattr(exercises, name)(mine)
    assert re.search(rf"\b{error.args[0]}\b", str(failed.value))


@pytest.mark.parametrize("name", WHOLE_CHECKS)
def test_an_unsolved_exercise_stays_one_in_every_check(name):
    with pytest.raises(NotYet):
        getattr(exercises, name)(lambda *arguments, **options: your_turn())
