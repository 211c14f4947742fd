"""A drop in two parts, and the denoiser of one pixel whose optimum is known."""

import pytest
import torch

from mricourse.evaluation.generalization import drop_parts, shrinkage_error


def test_parts_add_up_to_the_drop_slice_by_slice():
    at_home, away, matched = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    drop = drop_parts(at_home, away, matched)
    assert torch.allclose(drop.whole, at_home - away) and torch.equal(drop.gap, matched - away)


def test_without_a_change_there_is_no_gap():
    score = torch.tensor([30.0, 28.0])
    drop = drop_parts(score, score, score)
    assert not drop.gap.any() and not drop.harder.any()


def test_other_slices_are_refused():
    with pytest.raises(ValueError, match="the same slices"):
        drop_parts(torch.zeros(3), torch.zeros(3), torch.zeros(4))


def test_one_pixel_by_hand_and_by_many_draws():
    assert shrinkage_error(1, 4) == pytest.approx(1.25) and shrinkage_error(4, 4) == pytest.approx(0.8)
    generator = torch.Generator().manual_seed(1)
    signal, noise = torch.randn(2, 200_000, generator=generator)
    error = (0.5 * (signal + 2 * noise) - signal).square().mean()
    assert float(error) == pytest.approx(shrinkage_error(1, 4), rel=0.02)


def test_the_matched_denoiser_is_the_best():
    errors = [shrinkage_error(trained, 2.0, signal=3.0) for trained in (0.5, 1.0, 2.0, 4.0)]
    assert min(errors) == errors[2]


@pytest.mark.parametrize("numbers", [(-1, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_variances_that_cannot_be_are_refused(numbers):
    trained, noise, signal = numbers
    with pytest.raises(ValueError, match="expected variances"):
        shrinkage_error(trained, noise, signal=signal)
