"""What the check of an exercise says: one sentence about the answer, in place of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from torch import Tensor

TELLS_APART = 10  # a mistake is named only where its result is so many tolerances away from the right one


class OneSentence(Exception):
    """An exception that notebooks show as its sentence, without a traceback; scripts raise it as any other."""

    mark = "✘"

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows."""
        return [f"{self.mark} {self}"]


class NotYet(OneSentence, NotImplementedError):
    """An exercise that is not solved: the only failure that a learner's notebook may have."""

    mark = "…"


class CheckFailed(OneSentence, AssertionError):
    """An answer that is wrong in the way that the sentence says."""


def your_turn() -> NoReturn:
    """Stand in an exercise for the lines that the learner writes.

    Raises
    ------
    NotYet
        Always: a `NotImplementedError` that notebooks show as one sentence.
    """
    name = sys._getframe(1).f_code.co_name
    what = "this part" if name.startswith("<") else name
    raise NotYet(f"Your turn: write {what}, run its cell, then run this one again.")


def check(condition: bool | Tensor, message: str) -> None:
    """Let an answer pass, or say in one sentence what is wrong with it.

    Parameters
    ----------
    condition : bool, or a tensor of one element
        Whether the answer is as it should be.
    message : str
        What came, what was expected, and where to look.

    Raises
    ------
    CheckFailed
        If the condition does not hold: an `AssertionError` that notebooks show as one sentence.
    """
    if not bool(condition):
        raise CheckFailed(message)


def check_tensor(answer: object, shape: Sequence[int], *, is_complex: bool | None = None) -> None:
    """Let an answer pass that is a finite tensor of this shape, or say what else came.

    Parameters
    ----------
    answer : object
        What the learner's function returned.
    shape : sequence of int
        The shape that it should have.
    is_complex : bool, optional
        Whether it should be complex; either will do where this is left out.

    Raises
    ------
    CheckFailed
        Where there is no tensor, or one of another shape or kind, or one that holds NaN or infinite numbers.
    """
    import torch

    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    check(
        isinstance(answer, torch.Tensor),
        f"Your function returns something of type {type(answer).__name__}, not a tensor.",
    )
    expected = tuple(shape)
    check(answer.shape == expected, f"Your result has the shape {tuple(answer.shape)}; expected {expected}.")
    if is_complex is not None:
        kinds = {True: "complex", False: "real"}
        came, wanted = kinds[answer.is_complex()], kinds[is_complex]
        check(came == wanted, f"Your result is {came}; expected {wanted} numbers.")
    check(torch.isfinite(answer).all(), "Your result holds numbers that are infinite or not numbers (NaN).")


def asked(mine: Callable, *arguments: object, advice: Mapping[str, str] | None = None) -> object:
    """Call the learner's function with copies of tensors, and give what it returns.

    Parameters
    ----------
    mine : callable
        The learner's function.
    *arguments : object
        What it takes.
    advice : mapping {part of an error's words: sentence}, optional
        What an error of Python means in this exercise, where it can be said better than for any function.

    Raises
    ------
    CheckFailed
        Where it stops with an error, with the sentence that says what it means, or changes a tensor that it was given.
    """
    import torch

    from mricourse.classroom.error_advice import why_it_stops

    copies = [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments]
    try:
        answer = mine(*copies)
    except OneSentence:
        raise
    except Exception as error:
        raise CheckFailed(why_it_stops(error, mine, advice)) from error
    for before, after in zip(arguments, copies, strict=True):
        same = not isinstance(before, torch.Tensor) or torch.equal(before, after)
        check(same, "Your function changes its arguments: work on copies, and leave what came as it was.")
    return answer


def passed(lesson: str, exercise: str, sentence: str) -> None:
    """Say that an answer is right, and keep that in the progress of the workspace where there is one.

    Parameters
    ----------
    lesson : str
        Its name, ``"sense"``.
    exercise : str
        The learner's function, ``"my_sense_unfold"``.
    sentence : str
        What was shown, for instance ``"unfolds at R = 1 and 3"``.
    """
    from mricourse.classroom.ask import progress_here
    from mricourse.classroom.start_page import refresh

    print(f"✔ {sentence}")
    progress = progress_here()
    if progress is None or Path.cwd().name == "solutions":  # where the course's own answers pass
        return
    try:
        progress.note_solved(lesson, exercise)
        refresh(progress.path.parent)
    except (ValueError, OSError) as error:
        print(f"(not kept: {error})")


def reject_known_mistakes(
    answer: Tensor, right: Tensor, mistakes: Mapping[str, Tensor | Callable[[], Tensor]], *, tolerance: float = 1e-3
) -> None:
    """Name the mistake whose result the answer equals; pass what equals the right result, and what equals none.

    Parameters
    ----------
    answer : Tensor
        What the learner's function returned.
    right : Tensor
        What it should have returned.
    mistakes : mapping {sentence: Tensor, or a function that returns one}
        What a known mistake returns, under the sentence that names it. One that is hardly different from the right
        result on these data is passed over, and so is one of another shape than the answer.
    tolerance : float
        Largest difference that counts as equal, relative to the largest magnitude of the right result.

    Raises
    ------
    CheckFailed
        With the first sentence whose result the answer equals.
    """
    if _distance(answer, right, right) <= tolerance:
        return
    for sentence, result in mistakes.items():
        wrong = result() if callable(result) else result
        if _distance(wrong, right, right) > TELLS_APART * tolerance and _distance(answer, wrong, right) <= tolerance:
            raise CheckFailed(sentence)


def _distance(a: Tensor, b: Tensor, scale: Tensor) -> float:
    """Largest difference, relative to the largest magnitude of `scale`; infinite where shapes differ or not finite."""
    if a.shape != b.shape:
        return float("inf")
    distance = float((a - b).abs().max()) / max(float(scale.abs().max()), 1e-30)
    return distance if distance == distance else float("inf")
