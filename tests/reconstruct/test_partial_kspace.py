"""Partial Fourier: the image comes back where its phase is known, and measured samples stay."""

import pytest
import torch

from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import partial_fourier_mask
from mricourse.reconstruct.partial_kspace import partial_fourier


@pytest.mark.parametrize("shape", [(12, 9), (3, 9, 12)])
def test_with_the_true_phase_the_image_comes_back(shape):
    phase = torch.linspace(-1, 1, shape[-1]).expand(shape)
    image = torch.exp(1j * phase) * random_complex(*shape).real
    mask = partial_fourier_mask(shape[-2], 0.6)
    kspace = mask * fft2c(image)
    errors = [(partial_fourier(kspace, mask, phase, n_iterations=n) - image).norm() for n in (0, 5, 40)]
    assert errors[0] > 2 * errors[1] and errors[2] < 1e-2 * image.norm()
    back = partial_fourier(kspace, mask, phase)
    torch.testing.assert_close(mask * fft2c(back), kspace, atol=1e-5, rtol=1e-5)


def test_no_iteration_is_the_zero_filled_image():
    kspace = random_complex(6, 5)
    mask = partial_fourier_mask(6, 0.7)
    none = partial_fourier(mask * kspace, mask, torch.zeros(6, 5), n_iterations=0)
    torch.testing.assert_close(none, ifft2c(mask * kspace))
    with pytest.raises(ValueError, match="n_iterations is -1"):
        partial_fourier(kspace, mask, torch.zeros(6, 5), n_iterations=-1)
