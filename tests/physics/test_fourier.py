"""The centred Fourier transform against its definition, on odd and even sizes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mricourse.physics.fourier import fft2c, fftc, ifft2c, ifftc, random_complex

SIZES = st.integers(1, 12)


def dft_matrix(n):
    """Centred orthonormal DFT by its definition."""
    index = torch.arange(n, dtype=torch.float64) - n // 2
    return torch.exp(-2j * math.pi * torch.outer(index, index) / n) / math.sqrt(n)


@given(ny=SIZES, nx=SIZES, seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_fft2c_is_the_dft_of_its_definition(ny, nx, seed):
    image = random_complex(2, ny, nx, seed=seed, dtype=torch.complex128)
    expected = dft_matrix(ny) @ image @ dft_matrix(nx).mT
    assert torch.allclose(fft2c(image), expected, atol=1e-12)
    assert torch.allclose(ifft2c(fft2c(image)), image, atol=1e-12)
    assert math.isclose(fft2c(image).norm(), image.norm(), rel_tol=1e-12)


def test_zero_frequency_is_in_the_centre():
    for ny, nx in [(4, 6), (5, 7), (4, 7)]:
        kspace = fft2c(torch.ones(ny, nx))
        assert kspace.abs().argmax() == (ny // 2) * nx + nx // 2
        assert kspace[ny // 2, nx // 2].real == pytest.approx(math.sqrt(ny * nx))


def test_one_axis_at_a_time_is_two_axes():
    image = random_complex(5, 4, dtype=torch.complex128)
    assert torch.allclose(fftc(fftc(image, 0), 1), fft2c(image))
    assert torch.allclose(ifftc(ifftc(image, (0,)), -1), ifft2c(image))


def test_one_axis_is_refused_for_two():
    with pytest.raises(ValueError, match="For one axis use fftc"):
        fft2c(torch.ones(5))


def test_random_complex_is_reproducible_and_leaves_the_global_state():
    before = torch.get_rng_state()
    noise = random_complex(200, 200, seed=3)
    assert torch.equal(noise, random_complex(200, 200, seed=3))
    assert torch.equal(before, torch.get_rng_state())
    assert noise.real.std() == pytest.approx(1, abs=0.02) and noise.imag.std() == pytest.approx(1, abs=0.02)
    with pytest.raises(TypeError, match="complex64"):
        random_complex(3, dtype=torch.float32)
