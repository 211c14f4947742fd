"""Wilcoxon, Holm and non-inferiority: by hand, against SciPy, and how often they cry wolf."""

import pytest
import torch
from scipy.stats import wilcoxon

from mricourse.evaluation.paired_tests import holm, non_inferiority, signed_rank


def test_signed_rank_by_hand():
    assert signed_rank(torch.tensor([-0.5, 1, 1.5, 2, 2.5, 3])) == pytest.approx(4 / 64)
    assert signed_rank(torch.arange(1.0, 7)) == pytest.approx(2 / 64)
    assert signed_rank(torch.tensor([0.0, 0.0])) == 1


def test_zeros_are_left_out_and_signs_do_not_matter():
    x = torch.tensor([0.5, -1.0, 2.0, 0.0, 3.5, 4.0, -0.25])
    assert signed_rank(x) == signed_rank(-x) == pytest.approx(wilcoxon(x[x != 0].double().numpy()).pvalue)


def test_holm_by_hand():
    torch.testing.assert_close(holm([0.04, 0.01, 0.03]), torch.tensor([0.06, 0.03, 0.06], dtype=torch.float64))
    assert holm([0.9, 0.8]).tolist() == [1, 1]
    assert holm([0.02]).tolist() == [0.02]


def test_holm_keeps_any_false_alarm_rare():
    """Six tests of nothing: some p-value is below 0.05 in 26 % of all studies, and after Holm in 5 %."""
    p = torch.rand(4000, 6, generator=torch.Generator().manual_seed(3))
    corrected = torch.stack([holm(row) for row in p])
    assert (p < 0.05).any(1).float().mean() > 0.23
    assert (corrected < 0.05).any(1).float().mean() < 0.06
    assert (corrected >= p - 1e-12).all()


def test_not_worse_by_a_margin():
    few = torch.tensor([-1.5, 0.5, -1.0, 1.0, -0.5, 0.5])
    many = few.repeat(20)
    assert not non_inferiority(few, margin=0.5).shown
    found = non_inferiority(many, margin=0.5)
    assert found.shown and found.interval.kind == "bootstrap" and found.mean == pytest.approx(-1 / 6)
    assert not non_inferiority(many, margin=0.1).shown


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: holm([0.1, 1.2]), "from 0 to 1"),
        (lambda: holm([]), "expected one number"),
        (lambda: non_inferiority(torch.rand(9), margin=0), "above 0"),
        (lambda: non_inferiority(torch.rand(3), margin=1), "expected 4 or more"),
        (lambda: signed_rank(torch.tensor([1.0, float("nan")])), "NaN"),
        (lambda: signed_rank(torch.rand(3, 4)), "shape"),
    ],
)
def test_what_would_be_wrong_in_silence_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
