"""Conjugate symmetry: the mirror of every size, and how far from it a k-space is."""

import pytest
import torch

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.symmetry import conjugate_mirror, noise_symmetry_error, symmetry_error


@pytest.mark.parametrize("shape", [(5, 7), (4, 6), (2, 5, 6), (2, 3, 6, 5)])
def test_the_mirror_is_the_kspace_of_the_conjugate_image(shape):
    image = random_complex(*shape, dtype=torch.complex128)
    torch.testing.assert_close(conjugate_mirror(fft2c(image)), fft2c(image.conj()))
    torch.testing.assert_close(conjugate_mirror(conjugate_mirror(image)), image)


def test_a_row_has_no_mirror():
    with pytest.raises(ValueError, match=r"\(5,\)"):
        conjugate_mirror(torch.zeros(5))


def test_the_error_is_half_the_distance_from_the_mirror():
    kspace = random_complex(3, 8, 9, dtype=torch.complex128)
    angles = torch.linspace(0, torch.pi, 721)
    turned = torch.exp(1j * angles)[:, None, None] * kspace[0]
    distances = (turned - conjugate_mirror(turned)).norm(dim=(-2, -1)) / kspace[0].norm() / 2
    assert symmetry_error(kspace).shape == (3,)
    assert abs(symmetry_error(kspace)[0] - distances.min()) < 1e-4


def test_real_images_have_none_whatever_their_common_angle():
    image = random_complex(2, 30, 31).real * torch.exp(torch.tensor(1.1j))
    assert symmetry_error(fft2c(image)).max() < 1e-5


def test_random_phase_has_nearly_the_largest():
    assert 0.69 < symmetry_error(fft2c(random_complex(200, 200))) <= 0.5**0.5


def test_a_shift_of_kspace_is_taken_out_on_request():
    image = random_complex(40, 33).real
    ramp = torch.exp(2j * torch.pi * (1.25 * torch.arange(40)[:, None] / 40 - 0.5 * torch.arange(33) / 33))
    kspace = fft2c(image * ramp)
    assert symmetry_error(kspace) > 0.6
    assert symmetry_error(kspace, centre_echo=True) < 1e-5


def test_noise_is_read_from_the_corner():
    noise = random_complex(4, 64, 64)
    assert torch.allclose(noise_symmetry_error(noise, corner=32), torch.tensor(0.5**0.5), atol=0.03)
    signal = noise.clone()
    signal[:, 32, 32] = 1000
    assert (noise_symmetry_error(signal) < 0.1).all()
    with pytest.raises(ValueError, match="corner is 65"):
        noise_symmetry_error(noise, corner=65)
