"""Checks of the lesson on honest experiments: splits, means by subject, a search, and what a network has seen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import (
    asked,
    check,
    check_tensor,
    passed,
    reject_known_mistakes,
)
from mricourse.evaluation.search import log_scaled
from mricourse.evaluation.splits import how_known

LESSON = "honest_experiments"
CLOSE = 1e-4


# --- folds ---


def check_subject_folds(mine: Callable[[Tensor, int, int], Tensor]) -> None:
    """Whole subjects, all folds, equal sizes, and a shuffle that the seed decides; numbers of subjects with gaps.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    cases = [
        (torch.tensor([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]), 3),
        (torch.tensor([7, 2, 7, 9, 2, 2, 4, 9, 11, 4, 4, 4, 30]), 2),
        (torch.arange(25).repeat_interleave(3), 4),
    ]
    for subjects, n_folds in cases:
        folds = asked(mine, subjects, n_folds, 0)
        check_tensor(folds, subjects.shape)
        whole = not folds.is_floating_point() or bool((folds == folds.round()).all())
        check(whole, "A fold is a number 0, 1, 2 ...; some of yours are no whole numbers.")
        _check_whole_subjects(subjects, folds)
        _check_every_fold(subjects, folds, n_folds)
    _check_shuffle(mine)
    passed(LESSON, "my_subject_folds", "no subject is cut, and all folds have their share")


def _check_whole_subjects(subjects: Tensor, folds: Tensor) -> None:
    for person in subjects.unique().tolist():
        found = folds[subjects == person].unique().tolist()
        check(
            len(found) == 1,
            f"Subject {person} has slices in the folds {[int(each) for each in found]}: shuffle and deal subjects, "
            "not slices.",
        )


def _check_every_fold(subjects: Tensor, folds: Tensor, n_folds: int) -> None:
    used = sorted(int(each) for each in folds.unique())
    check(
        set(used) <= set(range(n_folds)),
        f"Your folds are {used}; with {n_folds} folds they are numbered 0 to {n_folds - 1}.",
    )
    people = [len(subjects[folds == fold].unique()) for fold in range(n_folds)]
    check(
        max(people) - min(people) <= 1,
        f"Your {n_folds} folds have {people} subjects; expected nearly equal numbers: deal them in turn.",
    )


def _check_shuffle(mine: Callable[[Tensor, int, int], Tensor]) -> None:
    subjects = torch.arange(20).repeat_interleave(2)
    first, again, other = (asked(mine, subjects, 5, seed) for seed in (3, 3, 4))
    check(torch.equal(first, again), "The same seed gave two different splits: give the generator the seed.")
    check(
        not torch.equal(first, other),
        "Two seeds gave the same split: shuffle the subjects, or the split follows the order in which they came.",
    )


# --- means ---


def check_subject_means(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Means in the order of the subjects, where slices are mixed up and not all have as many.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    cases = [
        (torch.tensor([1.0, 3.0, 10.0, 20.0, 30.0]), torch.tensor([0, 0, 1, 1, 1])),
        (torch.tensor([5.0, -2.0, 8.0, 1.0, 0.5, 4.0, 4.0]), torch.tensor([3, 0, 3, 0, 8, 8, 0])),
    ]
    for values, subjects in cases:
        people = subjects.unique()
        answer = asked(mine, values, subjects)
        several = isinstance(answer, Tensor) and answer.ndim == 0
        check(not several, "Your result is one number; expected one for each subject.")
        same = isinstance(answer, Tensor) and answer.shape == values.shape
        check(not same, "Your result has a number for each slice; expected one for each subject.")
        check_tensor(answer, people.shape)
        right = torch.stack([values[subjects == person].mean() for person in people])
        reject_known_mistakes(answer.to(right.dtype), right, _wrong_means(values, subjects), tolerance=CLOSE)
        shown = [round(each, 2) for each in answer.tolist()]
        wanted = [round(each, 2) for each in right.tolist()]
        check((answer - right).abs().max() < CLOSE, f"Your means are {shown}; expected {wanted}.")
    passed(LESSON, "my_subject_means", "one mean for each subject, however many slices it has")


def _wrong_means(values: Tensor, subjects: Tensor) -> dict[str, Tensor]:
    groups = [values[subjects == person] for person in subjects.unique()]
    equal = len(values) / len(groups)
    chunks = values.tensor_split(len(groups))
    return {
        "These are sums: divide each by the number of slices of its subject.": torch.stack([g.sum() for g in groups]),
        "Each sum is divided by the number of all slices; divide by the number of slices of its subject.": torch.stack(
            [g.sum() / len(values) for g in groups]
        ),
        "Each sum is divided by the number of subjects; divide by the number of its slices.": torch.stack(
            [g.sum() / len(groups) for g in groups]
        ),
        "Each sum is divided by the same number, slices over subjects; subjects may have different numbers.": (
            torch.stack([g.sum() / equal for g in groups])
        ),
        "These are medians; expected means.": torch.stack([g.median() for g in groups]),
        "This is the first slice of each subject; expected the mean of all of its slices.": torch.stack(
            [g[0] for g in groups]
        ),
        "This is the largest value of each subject; expected the mean.": torch.stack([g.max() for g in groups]),
        "All have the mean of all slices; expected one for each subject.": values.mean().expand(len(groups)),
        "The slices are cut into equal pieces as they come; ask `subjects` whose each one is.": torch.stack(
            [piece.mean() for piece in chunks]
        ),
        "The means come in the order reversed; expected that of the subjects' numbers.": torch.stack(
            [g.mean() for g in groups]
        ).flip(0),
        "These are the numbers of slices; expected the mean of the values.": torch.tensor(
            [float(len(g)) for g in groups]
        ),
    }


# --- search ---


def check_random_search(mine: Callable[[Callable, Tensor, float, float], Tensor]) -> None:
    """Trials at the right places, as many as draws, and the best of them; scores that may be negative.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    draws = torch.rand(9, 2, generator=torch.Generator().manual_seed(5))
    for low, high, wanted in ((1e-4, 1e2, 2e-2), (0.5, 8.0, 3.0)):
        asked_for: list[tuple[float, float]] = []

        def score(first: float, second: float, best: float = wanted, seen: list = asked_for) -> Tensor:
            first, second = (torch.as_tensor(each).double() for each in (first, second))
            seen.append((float(first), float(second)))
            return -((first / best).log() ** 2) - 0.01 * second.log() ** 2 if first > 0 and second > 0 else -1e9

        answer = asked(mine, score, draws, low, high)
        check(asked_for, "Your function never asks `score`: try the settings.")
        check(
            len(asked_for) == len(draws),
            f"Your function asks for {len(asked_for)} scores with {len(draws)} draws: one trial a row, so that the "
            "budget is kept.",
        )
        answer = answer if isinstance(answer, Tensor) or answer is None else torch.as_tensor(answer)
        check_tensor(answer, (2,), is_complex=False)
        places = log_scaled(draws.double(), low, high)
        scores = torch.tensor([float(score(*pair)) for pair in places.tolist()])
        right = places[scores.argmax()]
        mistakes = _wrong_searches(draws.double(), places, scores, low, high)
        reject_known_mistakes(answer.double(), right, mistakes, tolerance=CLOSE)
        tried = torch.tensor(asked_for[: len(draws)], dtype=torch.float64)
        off = (tried - places).abs().amax() / places.amax()
        check(off < CLOSE, "Your settings are not low (high / low)^u of the draws u, row by row.")
        shown = [f"{each:.4g}" for each in answer.tolist()]
        best = [f"{each:.4g}" for each in right.tolist()]
        check(
            ((answer.double() - right) / right).abs().max() < CLOSE, f"Your setting is {shown}; the best one is {best}."
        )
    passed(LESSON, "my_random_search", "nine draws, nine trials, and the best of them")


def _wrong_searches(draws: Tensor, places: Tensor, scores: Tensor, low: float, high: float) -> dict[str, Tensor]:
    best = scores.argmax()
    linear = low + (high - low) * draws
    return {
        "This is the setting with the lowest score; higher is better: argmax.": places[scores.argmin()],
        "This is the last setting that was tried; expected the best one.": places[-1],
        "This is the first setting that was tried; expected the best one.": places[0],
        "These are the draws of the best setting, from 0 to 1; expected the setting itself.": draws[best],
        "These are logarithms; expected the setting itself.": places[best].log(),
        "These are logarithms to base 10; expected the setting itself.": places[best].log10(),
        "The two settings are exchanged.": places[best].flip(0),
        "The axes are linear, so nearly all draws lie near the upper end: low (high / low)^u.": linear[
            torch.stack([-(each / places[best, 0]).log().square() for each in linear[:, 0]]).argmax()
        ],
        "The axes are turned round: u = 0 should give low.": log_scaled(1 - draws, low, high)[best],
    }


# --- what a network has seen ---


def check_how_known(mine: Callable[..., Tensor]) -> None:
    """Three heads and several numbers, so that the same number of another head is met.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    heads = ["ada", "ada", "ben", "cid", "cid", "ben", "dot", "ada"]
    numbers = [0, 7, 2, 0, 7, 9, 2, 2]
    cases = [({"ada", "ben"}, {0, 2}), ({"cid"}, {7}), ({"ada", "ben", "cid", "dot"}, {1})]
    for trained_heads, trained_numbers in cases:
        answer = asked(mine, heads, numbers, trained_heads, trained_numbers)
        check_tensor(answer, (len(heads),))
        right = how_known(heads, numbers, trained_heads=trained_heads, trained_numbers=trained_numbers)
        known_head = torch.tensor([head in trained_heads for head in heads])
        known_number = torch.tensor([number in trained_numbers for number in numbers])
        reject_known_mistakes(answer.float(), right.float(), _wrong_known(known_head, known_number), tolerance=CLOSE)
        check(
            torch.equal(answer.long(), right),
            f"Trained on {sorted(trained_numbers)} of {sorted(trained_heads)}: your answer is {answer.tolist()} for "
            f"{list(zip(heads, numbers, strict=True))}; expected {right.tolist()}.",
        )
    passed(LESSON, "my_how_known", "slices trained on, heads known from other slices, and new heads")


def _wrong_known(known_head: Tensor, known_number: Tensor) -> dict[str, Tensor]:
    right = torch.where(known_head, torch.where(known_number, 0, 1), 2).float()
    return {
        "A number counts as trained on whatever the head: number 0 of a new head is a new slice.": torch.where(
            known_number, 0, torch.where(known_head, 1, 2)
        ).float(),
        "The numbers are turned round: 0 is trained on, 2 is a new head.": 2 - right,
        "1 and 2 are exchanged: 1 is another slice of a known head.": torch.where(right == 0, right, 3 - right),
        "Only slices that were trained on count as known; another slice of the same head is known in part, 1.": (
            torch.where(known_head & known_number, 0, 2).float()
        ),
        "Each slice of a known head counts as trained on; ask for its number, too.": torch.where(
            known_head, 0, 2
        ).float(),
    }
