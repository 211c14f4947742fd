"""The classic ghost correction: it finds what was done to alternate lines, for each scan by itself."""

import math

import pytest
import torch

from mricourse import fft2c, ifft2c, random_complex
from mricourse.physics.epi import nyquist_ghost
from mricourse.reconstruct.epi import image_entropy, remove_nyquist_ghost
from mricourse.simulate.protocols import brain_slices


def test_entropy_of_a_point_is_zero_and_of_a_flat_image_the_largest():
    point, flat = torch.zeros(7, 10), torch.ones(7, 10)
    point[3, 2] = 5
    assert image_entropy(point) == 0
    assert image_entropy(flat) == pytest.approx(0.5 * math.sqrt(70) * math.log(70), rel=1e-6)
    assert image_entropy(random_complex(7, 10)) < image_entropy(flat)
    assert image_entropy(torch.zeros(7, 10)) == 0


def test_entropy_ignores_scale_and_phase_and_has_a_gradient():
    image = random_complex(3, 7, 10, dtype=torch.complex128)
    assert torch.allclose(image_entropy(image), image_entropy(-3j * image))
    small = random_complex(4, 5, dtype=torch.complex128).requires_grad_()
    assert torch.autograd.gradcheck(image_entropy, small)


@pytest.mark.parametrize("shape", [(64, 64), (63, 50)])
def test_each_scan_gets_its_own_phase_and_delay(shape):
    images = brain_slices("test", 4, shape=shape)
    phase, delay = torch.tensor([0.3, -1.1, 0.7, 0.0]), torch.tensor([-0.8, 0.4, 0.0, 1.0])
    spoilt = nyquist_ghost(fft2c(images), phase_rad=phase, delay=delay) + 0.005 * random_complex(4, *shape)
    fixed, found_phase, found_delay = remove_nyquist_ghost(spoilt)
    assert (found_phase - phase).abs().max() < 0.02 and (found_delay - delay).abs().max() < 0.02
    error = (ifft2c(fixed) - images).flatten(1).norm(dim=1) / images.flatten(1).norm(dim=1)
    assert error.max() < 0.06
    one, alone, _ = remove_nyquist_ghost(spoilt[1])
    assert alone.shape == () and torch.allclose(one, fixed[1], atol=1e-5)


def test_numbers_for_each_scan_equal_numbers_one_by_one():
    kspace = random_complex(2, 3, 8, 9, dtype=torch.complex128)
    phase, delay = torch.rand(2, 3, dtype=torch.float64), torch.rand(2, 3, dtype=torch.float64)
    together = nyquist_ghost(kspace, phase_rad=phase, delay=delay)
    alone = nyquist_ghost(kspace[1, 2], phase_rad=float(phase[1, 2]), delay=float(delay[1, 2]))
    assert torch.allclose(together[1, 2], alone, rtol=0, atol=1e-12)


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ValueError, match="largest"):
        remove_nyquist_ghost(random_complex(8, 8), largest=4)
    with pytest.raises(ValueError, match="shape"):
        remove_nyquist_ghost(random_complex(8))
