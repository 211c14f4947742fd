"""Edge widths and profiles of objects that are known."""

import pytest
import torch

from mricourse.evaluation.sharpness import edge_width, mean_profile, radial_profile


def test_width_of_a_ramp_rising_and_falling_between_any_plateaus():
    position = torch.arange(-10, 10.01, 0.3)
    ramp = (position / 4 + 0.53).clamp(0, 1)
    assert edge_width(position, ramp, low=0.0, high=1.0) == pytest.approx(3.2, abs=1e-5)
    assert edge_width(position, 5 - 2 * ramp, low=5.0, high=3.0) == pytest.approx(3.2, abs=1e-5)
    assert edge_width(position, 5 - 2 * ramp, low=3.0, high=5.0) == pytest.approx(3.2, abs=1e-5)


def test_ringing_far_from_the_edge_does_not_count():
    position = torch.arange(0.0, 12.0)
    profile = torch.tensor([0, 0.3, 0, 0, 0, 0.5, 1.0, 1.0, 0.8, 1.0, 1.0, 1.0])
    assert edge_width(position, profile, low=0.0, high=1.0) == pytest.approx(1.6)


@pytest.mark.parametrize(("profile", "words"), [([1.0, 1, 1], "middle"), ([0.0, 0.6, 0.7], "both plateaus")])
def test_profiles_without_an_edge_are_refused(profile, words):
    with pytest.raises(ValueError, match=words):
        edge_width(torch.arange(3.0), torch.tensor(profile), low=0.0, high=1.0)


def test_profile_of_a_disc():
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(30.0), indexing="ij")
    distance = torch.hypot(y - 20.3, x - 14.6)
    where, profile = radial_profile(2 * distance, (20.3, 14.6), radius=9)
    assert torch.allclose(profile, 2 * where, atol=1e-4) and where.diff().min() > 0 and where[-1] < 9
    pair = torch.stack([distance, 3 * distance])
    mean = mean_profile(pair, [(20, 15), (20, 15)], radius=9)
    both = [radial_profile(image, (20, 15), radius=9) for image in pair]
    assert torch.allclose(mean, (both[0] + both[1]) / 2)
