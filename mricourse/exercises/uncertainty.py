"""Checks of the lesson on uncertainty: its loss, one factor for all, and a score and quantile of subjects."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.evaluation.conformal import conformal_quantile, subject_scores
from mricourse.evaluation.uncertainty import calibration_factor
from mricourse.training.parameter_maps import laplace_loss

LESSON = "uncertainty"
CLOSE = 1e-4


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


# --- the loss ---


def check_laplace_loss(mine: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Smallest where u is the error, larger for larger errors, one number a pixel; positive and negative errors.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for shape in ((5, 7), (2, 4, 3)):
        estimate, truth = 40 * _draw(*shape, seed=1), 40 * _draw(*shape, seed=2)
        spread = 0.3 + 6 * _draw(*shape, seed=3)
        answer = asked(mine, estimate, spread, truth)
        right = laplace_loss(estimate, spread, truth)
        if isinstance(answer, Tensor) and answer.shape == ():
            check(False, "Your function returns one number; expected one for each pixel: do not average here.")
        check_tensor(answer, shape, is_complex=False)
        reject_known_mistakes(answer, right, _wrong_losses(estimate, spread, truth), tolerance=CLOSE)
        spreads = torch.logspace(-1, 2, 301)
        full = torch.ones_like(spreads)
        curve = asked(mine, 7 * full, spreads, 3 * full)
        at = float(spreads[curve.argmin()])
        check(abs(at / 4 - 1) < 0.03, f"For an error of 4 your loss is smallest at u = {at:.2g}; expected u = 4.")
        check(
            (answer - right).abs().max() < CLOSE * right.abs().max(),
            "Your loss is smallest in the right place, but has other values: |p̂ − p| / u, plus the logarithm of 2 u.",
        )
    passed(LESSON, "my_laplace_loss", "smallest where u is the error, one number for each pixel")


def _wrong_losses(estimate: Tensor, spread: Tensor, truth: Tensor) -> dict[str, Tensor]:
    error = (estimate - truth).abs()
    logs = torch.log(2 * spread)
    return {
        "The logarithm is missing: without it the loss falls for ever as u grows.": error / spread,
        "The error was not divided by u: then u would shrink to nothing, whatever the error.": error + logs,
        "The sign of the logarithm is wrong: a large u has to cost something.": error / spread - logs,
        "The error has a sign here; take its magnitude.": (estimate - truth) / spread + logs,
        "The error was squared: that is the Gaussian, whose u is a standard deviation.": error.square() / spread + logs,
        "Error and u were both squared: take the ratio as it is.": (error / spread).square() + logs,
        "The error was multiplied by u: a large u has to forgive a large error.": error * spread + logs,
        "The factor 2 in the logarithm is missing.": error / spread + spread.log(),
        "This is u without its logarithm: it needs log(2 u).": error / spread + 2 * spread,
        "The logarithm has base 10; take the natural one, torch.log.": error / spread + torch.log10(2 * spread),
    }


# --- one factor for all subjects ---


def check_calibration_factor(mine: Callable[[Tensor, Tensor, Tensor], float]) -> None:
    """The mean ratio of error and u in tissue, each subject alike; subjects of unequal size, air full of nonsense.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n, ny, nx in ((3, 9, 8), (5, 7, 11)):
        inside = _draw(n, ny, nx, seed=4) < torch.linspace(0.2, 0.9, n)[:, None, None]
        spread = 0.5 + 3 * _draw(n, ny, nx, seed=5)
        error = 4 * _draw(n, ny, nx, seed=6) * torch.linspace(3, 0.5, n)[:, None, None]
        error, spread = torch.where(inside, error, 50.0), torch.where(inside, spread, 0.01)
        answer = asked(mine, error, spread, inside)
        check(answer is not None, "Your function returns nothing: is the `return` missing?")
        answer = torch.as_tensor(answer, dtype=torch.float32)
        check_tensor(answer, ())
        right = torch.tensor(calibration_factor(error, spread, inside))
        reject_known_mistakes(answer, right, _wrong_factors(error, spread, inside), tolerance=CLOSE)
        again = asked(mine, error, spread / 2, inside)
        check(
            abs(float(again) / float(answer) - 2) < CLOSE,
            "With u half as large your factor should be twice as large: divide the error by u.",
        )
        check(
            abs(float(answer / right) - 1) < CLOSE,
            f"Your factor is {float(answer):.3f}; expected {float(right):.3f}: the mean of error / u over the tissue "
            "of each subject, then the mean over subjects.",
        )
    passed(LESSON, "my_calibration_factor", "each subject counts alike, and air not at all")


def _wrong_factors(error: Tensor, spread: Tensor, inside: Tensor) -> dict[str, Tensor]:
    ratio = error / spread
    of_each = torch.stack([each[where].median() for each, where in zip(ratio, inside, strict=True)])
    pairs = zip(error, spread, inside, strict=True)
    means = torch.stack([e[where].mean() / u[where].mean() for e, u, where in pairs])
    inverse = torch.stack([(1 / each[where]).mean() for each, where in zip(ratio, inside, strict=True)])
    one = torch.stack([each[where].mean() for each, where in zip(ratio, inside, strict=True)])
    return {
        "Air was counted: keep the pixels with tissue.": ratio.mean(),
        "Air was counted as zero: divide by the number of pixels with tissue, not by all.": (ratio * inside).mean(),
        "All pixels went into one mean: average over each subject first, so that a large one does not count more.": (
            ratio[inside].mean()
        ),
        "This is the inverse: error over u.": inverse.mean(),
        "This is one over the factor.": 1 / one.mean(),
        "This is a median: take the mean.": of_each.mean(),
        "This is the mean error over the mean u: take the ratio in each pixel, then the mean.": means.mean(),
        "This is the sum over subjects: take their mean.": one.sum(),
    }


# --- the score of a subject ---


def check_subject_scores(mine: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> None:
    """A share of the pixels in tissue needs no larger factor; odd numbers of pixels, air with wild ratios.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n, ny, nx, share in ((4, 23, 21, 0.9), (3, 25, 31, 0.6)):
        inside = _draw(n, ny, nx, seed=7) < 0.6
        spread = torch.where(inside, 0.5 + 3 * _draw(n, ny, nx, seed=8), 0.01)
        error = torch.where(inside, 4 * _draw(n, ny, nx, seed=9) ** 2, 30.0)
        answer = asked(mine, error, spread, inside, share)
        if isinstance(answer, Tensor) and answer.shape == ():
            check(False, "Your function returns one number for all; expected one for each subject.")
        check_tensor(answer, (n,), is_complex=False)
        right = subject_scores(error, spread, inside, share=share)
        reject_known_mistakes(answer, right, _wrong_scores(error, spread, inside, share), tolerance=CLOSE)
        for e, u, where, score in zip(error, spread, inside, answer, strict=True):
            held = float((e[where] <= score * u[where]).float().mean())
            check(
                abs(held - share) < 0.02,
                f"With your score {100 * held:.0f} % of the pixels in tissue lie in the interval; expected "
                f"{100 * share:.0f} %.",
            )
    passed(LESSON, "my_subject_scores", "the factor that a share of each subject's tissue needs")


def _wrong_scores(error: Tensor, spread: Tensor, inside: Tensor, share: float) -> dict[str, Tensor]:
    def each(values: Tensor, kept: float) -> Tensor:
        rows = [torch.quantile(row[where], kept) for row, where in zip(values, inside, strict=True)]
        return torch.stack(rows)

    ratio = error / spread
    return {
        "Air was counted: keep the pixels with tissue.": torch.quantile(ratio.flatten(1), share, dim=1),
        "This is the quantile of the error: divide it by u first.": each(error, share),
        "This is the share that is left out: take the quantile of what is inside.": each(ratio, 1 - share),
        "This is the largest ratio: one wild pixel would decide for all.": each(ratio, 1.0),
        "This is a mean: half of the pixels or so would lie outside; take the quantile.": torch.stack(
            [row[where].mean() for row, where in zip(ratio, inside, strict=True)]
        ),
        "The ratio is turned over: error over u.": each(spread / error, share),
        "All subjects went into one quantile: take one for each.": torch.quantile(ratio[inside], share).expand(
            len(error)
        ),
    }


# --- the quantile of the subjects ---


def check_conformal_quantile(mine: Callable[[Tensor, float], float]) -> None:
    """The rank that a finite sample needs, infinite where it is too small, and coverage by simulation.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n, miss in ((40, 0.1), (19, 0.1), (25, 0.2), (9, 0.1)):
        scores = torch.randperm(n, generator=torch.Generator().manual_seed(n)).float() + 1  # score k has rank k
        answer = asked(mine, scores, miss)
        check(answer is not None, "Your function returns nothing: is the `return` missing?")
        answer = float(answer)
        right = conformal_quantile(scores, miss=miss)
        for sentence, wrong in _wrong_ranks(scores, miss).items():
            check(not (answer == wrong != right), sentence)
        check(
            answer == right,
            f"Of the scores 1 to {n} your function gives {answer:g} for a miss of {miss}; expected {right:g}.",
        )
    few = asked(mine, torch.tensor([3.0, 1.0, 2.0]), 0.1)
    check(
        few is not None and float(few) == math.inf,
        "Three subjects cannot promise 90 %: where the rank is above n, the answer is infinite (float('inf')).",
    )
    passed(LESSON, "my_conformal_quantile", "the rank that so few subjects need, and no promise from three")


def _wrong_ranks(scores: Tensor, miss: float) -> dict[str, float]:
    n = len(scores)
    ordered = scores.sort().values

    def at(rank: int) -> float:
        return float(ordered[min(max(rank, 1), n) - 1])

    rank = math.ceil(round((n + 1) * (1 - miss), 9))
    return {
        "The scores were not sorted: take the one of that rank, not at that place.": float(scores[rank - 1]),
        "This is the rank of the share that may be missed: take 1 − miss.": at(math.ceil(round((n + 1) * miss, 9))),
        "This is the next larger score: Python counts from 0, so the score of rank r stands at r − 1.": at(rank + 1),
        "This is one score too small: the rank is that of n + 1 subjects, since the next one counts, too, and it is "
        "rounded up.": at(rank - 1),
        "This is the largest score: take the one of the rank.": at(n),
        "This is the rank itself and not a score.": float(rank) if float(rank) != at(rank) else math.nan,
        "torch.quantile interpolates between scores: take one of them, by its rank.": float(
            torch.quantile(scores, 1 - miss)
        ),
    }
