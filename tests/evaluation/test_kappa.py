"""Weighted kappa: equal to scikit-learn, and what it is at its ends."""

import pytest
import torch
from sklearn.metrics import cohen_kappa_score

from mricourse.evaluation.kappa import weighted_kappa


@pytest.mark.parametrize(("ours", "theirs"), [("quadratic", "quadratic"), ("linear", "linear"), ("none", None)])
def test_it_is_that_of_scikit_learn(ours, theirs):
    generator = torch.Generator().manual_seed(1)
    for n in (4, 17, 60):
        first = torch.randint(1, 6, (n,), generator=generator)
        second = (first + torch.randint(-2, 3, (n,), generator=generator)).clamp(1, 5)
        expected = cohen_kappa_score(first.numpy(), second.numpy(), weights=theirs, labels=[1, 2, 3, 4, 5])
        assert weighted_kappa(first, second, weights=ours) == pytest.approx(expected, abs=1e-12)


def test_by_hand_and_at_its_ends():
    first = torch.tensor([1, 2, 4, 5])
    assert weighted_kappa(first, torch.tensor([2, 2, 4, 4])) == pytest.approx(1 - 0.5 / 3.5)
    assert weighted_kappa(first, first) == 1
    generator = torch.Generator().manual_seed(2)
    dice = torch.randint(1, 6, (2, 4000), generator=generator)
    assert abs(weighted_kappa(*dice)) < 0.05


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ([1, 2], [1, 2, 3], "expected the same"),
        ([1, 6], [1, 2], "from 1 to 5"),
        ([1.0, float("nan")], [1.0, 2.0], "from 1 to 5"),
        ([1.5, 2.0], [1.0, 2.0], "whole numbers"),
        ([4, 4], [4, 4], "single grade"),
    ],
)
def test_no_grades_are_refused(first, second, sentence):
    with pytest.raises(ValueError, match=sentence):
        weighted_kappa(torch.tensor(first), torch.tensor(second))


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match="'cubic'"):
        weighted_kappa(torch.tensor([1, 2]), torch.tensor([2, 1]), weights="cubic")
