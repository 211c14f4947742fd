"""Samples of a posterior against the truth: exact ones cover as many pixels as the order of draws says."""

import pytest
import torch

from mricourse.evaluation.posterior_checks import best_on_others, honest_coverage, range_coverage


def draws(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [2, 4, 9])
def test_exact_samples_cover_what_they_should_and_narrow_ones_less(n):
    everywhere = torch.ones(70, 60, dtype=torch.bool)
    samples, truth = draws(n, 70, 60), draws(70, 60, seed=1)
    assert range_coverage(samples, truth, everywhere) == pytest.approx(honest_coverage(n), abs=2.5)
    assert range_coverage(0.5 * samples, truth, everywhere) < honest_coverage(n) - 10


def test_only_the_pixels_inside_count():
    inside = torch.zeros(7, 5, dtype=torch.bool)
    inside[2:4] = True
    truth = torch.where(inside, 0.0, 9.0)
    assert range_coverage(torch.stack([truth * 0 - 1, truth * 0 + 1]), truth, inside) == 100


@pytest.mark.parametrize(("n", "inside"), [(1, True), (3, False)])
def test_too_little_is_refused(n, inside):
    with pytest.raises(ValueError, match="expected 2 and 1, or more"):
        range_coverage(draws(n, 4, 5), draws(4, 5), torch.full((4, 5), inside))


def test_complex_values_have_no_order():
    with pytest.raises(ValueError, match="take magnitudes"):
        range_coverage(draws(3, 4, 5) + 0j, draws(4, 5), torch.ones(4, 5, dtype=torch.bool))


def test_a_setting_is_chosen_without_the_slice_that_judges_it():
    scores = torch.tensor([[9.0, 0.0, 1.0], [1.0, 2.0, 2.0]])
    assert best_on_others(scores).tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="one has no others"):
        best_on_others(scores[:, :1])
