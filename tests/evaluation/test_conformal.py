"""Split conformal intervals: the rank of a small sample, exchangeable subjects, and what pixels cannot promise."""

import math

import pytest
import torch
from scipy.stats import betabinom

from mricourse.evaluation.conformal import conformal_quantile, coverage, subject_scores


@pytest.mark.parametrize(("n", "miss"), [(9, 0.1), (19, 0.1), (19, 0.05), (20, 0.1), (40, 0.2), (99, 0.1)])
def test_it_is_the_score_of_the_rank_that_a_finite_sample_needs(n, miss):
    scores = torch.randperm(n, generator=torch.Generator().manual_seed(n)).float() + 1  # score k has rank k
    assert conformal_quantile(scores, miss=miss) == math.ceil(round((n + 1) * (1 - miss), 9))


def test_too_few_subjects_promise_nothing():
    assert math.isinf(conformal_quantile(torch.rand(8), miss=0.1)) and conformal_quantile(torch.rand(9)) < 1
    assert math.isinf(conformal_quantile(torch.rand(18), miss=0.05)) and conformal_quantile(torch.rand(19), miss=0.05)
    assert math.isinf(conformal_quantile(torch.rand(3), miss=0.1)), "three heads"


def test_exchangeable_subjects_are_covered_as_often_as_promised():
    """With n calibration subjects the covered ones of m follow a beta-binomial law, whatever the scores' own law."""
    n, m, repeats = 29, 40, 2000
    generator = torch.Generator().manual_seed(0)
    scores = torch.empty(repeats, n + m).exponential_(generator=generator) ** 3
    counts = torch.tensor([coverage_count(row[:n], row[n:]) for row in scores], dtype=torch.float64)
    law = betabinom(m, 27, 3)  # the 27th of 29: Beta(27, 3)
    assert counts.mean() == pytest.approx(law.mean(), abs=4 * law.std() / math.sqrt(repeats))
    assert law.mean() / m == pytest.approx(0.9)
    assert counts.std() == pytest.approx(law.std(), rel=0.1)


def coverage_count(calibration, test):
    return int((test <= conformal_quantile(calibration)).sum())


def test_pixels_taken_for_subjects_promise_too_much():
    """A subject is hard or easy as a whole: with three subjects of many pixels the next one is often not covered."""
    generator = torch.Generator().manual_seed(1)
    hits = []
    for _ in range(400):
        hardness = torch.empty(4, 1).exponential_(generator=generator)
        pixels = hardness * torch.rand(4, 500, generator=generator)
        q = conformal_quantile(pixels[:3].flatten())
        hits.append(float((pixels[3] <= q).float().mean()) >= 0.85)
    assert sum(hits) / len(hits) < 0.8


def test_a_subjects_score_is_the_factor_that_its_pixels_need():
    generator = torch.Generator().manual_seed(2)
    error, spread = torch.rand(5, 13, 11, generator=generator), 0.1 + torch.rand(5, 13, 11, generator=generator)
    inside = torch.rand(5, 13, 11, generator=generator) < 0.7
    for share in (0.5, 0.9, 1.0):
        scores = subject_scores(error, spread, inside, share=share)
        for e, u, where, score in zip(error, spread, inside, scores, strict=True):
            held = (e[where] / u[where] <= score).double().mean()
            below = (e[where] / u[where] < score).double().mean()
            assert below < share <= held
    assert torch.equal(scores, subject_scores(error + 9 * ~inside, spread, inside, share=1.0)), "air has no say"
    assert torch.allclose(subject_scores(error, 2 * spread, inside), subject_scores(error, spread, inside) / 2)


def test_coverage_counts_subjects_with_their_binomial_interval():
    found = coverage(torch.arange(40.0), 35.0)
    assert (found.count, found.n) == (36, 40)
    assert (found.low, found.high) == pytest.approx((0.7634, 0.9721), abs=1e-4)  # Clopper, Pearson, as tables have it
    assert str(found) == "36 of 40 subjects, 90 % [76, 97]"


@pytest.mark.parametrize(
    ("scores", "miss"), [(torch.rand(3, 4), 0.1), (torch.empty(0), 0.1), (torch.rand(9), 0.0), (torch.rand(9), 1.0)]
)
def test_what_is_no_list_of_subjects_is_refused(scores, miss):
    with pytest.raises(ValueError, match="expected one score a subject"):
        conformal_quantile(scores, miss=miss)


def test_a_share_out_of_range_is_refused():
    one = torch.ones(1, 2, 2)
    with pytest.raises(ValueError, match="share is 0; expected more than 0"):
        subject_scores(one, one, one.bool(), share=0)
