"""The weight of GRAPPA's fit, chosen by lines of the ACS that are hidden."""

import pytest
import torch

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.sampling import equispaced_mask
from mricourse.reconstruct.grappa_weight import WEIGHTS, grappa_weight_of_acs
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan


def scan(noise, *, acceleration=2, acs=24):
    shape = (48, 40)
    truth = fft2c(simulate_coils(4, shape, seed=2) * shepp_logan(shape))
    mask = equispaced_mask(shape[0], acceleration, acs=acs)
    return mask * (truth + noise * random_complex(4, *shape, seed=3)), mask


def test_noise_asks_for_a_larger_weight():
    quiet, loud = (grappa_weight_of_acs(*scan(noise), kernel_size=(2, 5)) for noise in (1e-4, 0.5))
    assert quiet in WEIGHTS and loud in WEIGHTS and loud > quiet


def test_what_was_not_measured_is_never_looked_at():
    kspace, mask = scan(0.05)
    wrong = torch.where(mask, kspace, 7.0)
    options = {"kernel_size": (2, 5)}
    assert grappa_weight_of_acs(wrong, mask, **options) == grappa_weight_of_acs(kspace, mask, **options)


@pytest.mark.parametrize("n_held", [0, 25, 30])
def test_too_many_or_no_lines_to_hide_are_refused(n_held):
    with pytest.raises(ValueError, match="n_held is"):
        grappa_weight_of_acs(*scan(0.01), n_held=n_held)


def test_what_is_left_has_to_hold_the_kernel():
    with pytest.raises(ValueError, match="the ACS has"):
        grappa_weight_of_acs(*scan(0.01, acceleration=4, acs=16), n_held=8)
