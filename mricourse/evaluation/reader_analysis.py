"""What is made of the grades of a reader study: tests over exams, corrected for their number, and agreement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from mricourse.evaluation.kappa import weighted_kappa
from mricourse.evaluation.paired_tests import holm, signed_rank
from mricourse.evaluation.reader_study import ReaderStudy


@dataclass(frozen=True)
class Comparison:
    """Two methods by one criterion: mean of second minus first over exams, p-value, and p-value after Holm."""

    criterion: str
    first: str
    second: str
    mean: float
    p: float
    p_holm: float


def exam_differences(grades: Tensor, first: int, second: int) -> Tensor:
    """Grades of a method minus those of another, one mean over readers for each exam: the unit of every test.

    Parameters
    ----------
    grades : real Tensor, shape (readers, exams, methods, criteria)
    first, second : int
        Numbers of the methods; second minus first is returned.

    Returns
    -------
    real Tensor, shape (exams, criteria)
    """
    return (grades[:, :, second] - grades[:, :, first]).mean(0)


def compare_methods(study: ReaderStudy, grades: Tensor) -> list[Comparison]:
    """Test every two methods by every criterion: Wilcoxon over exams, Holm over all of these tests.

    Parameters
    ----------
    study : ReaderStudy
    grades : real Tensor, shape (readers, exams, methods, criteria)
        As `GradeBook.grades` gives them, stacked.

    Raises
    ------
    ValueError
        Another shape, or a grade that is missing (NaN).
    """
    expected = (study.n_exams, len(study.methods), len(study.criteria))
    if grades.ndim != 4 or tuple(grades.shape[1:]) != expected:
        raise ValueError(f"grades have shape {tuple(grades.shape)}; expected (readers, *{expected}).")
    if not bool(torch.isfinite(grades).all()):
        raise ValueError("some grades are missing; expected all pairs of every reader: finish the reading first.")
    rows = []
    for first, second in combinations(range(len(study.methods)), 2):
        differences = exam_differences(grades, first, second)
        for number, criterion in enumerate(study.criteria):
            names = (criterion, study.methods[first], study.methods[second])
            column = differences[:, number]
            rows.append((*names, float(column.mean()), signed_rank(column)))
    corrected = holm([row[-1] for row in rows]).tolist()
    return [Comparison(*row, p_holm) for row, p_holm in zip(rows, corrected, strict=True)]


def agreement(study: ReaderStudy, first: Tensor, second: Tensor) -> dict[str, float]:
    """Quadratically weighted kappa of two readers for each criterion, over all images of all exams.

    Parameters
    ----------
    study : ReaderStudy
        Of two methods: with more, a reader meets an image several times, and means of grades are no grades.
    first, second : real Tensor, shape (exams, methods, criteria)

    Returns
    -------
    dict {criterion: kappa}
        NaN where both give one and the same grade to all images: then there is nothing to agree on.
    """
    if len(study.methods) != 2:
        raise ValueError(f"the study has {len(study.methods)} methods; expected two, so that each image has one grade.")
    found = {}
    for number, criterion in enumerate(study.criteria):
        both = torch.stack([first[..., number].flatten(), second[..., number].flatten()])
        same = bool((both == both[0, 0]).all())
        found[criterion] = math.nan if same else weighted_kappa(*both, n_grades=study.n_grades)
    return found
