"""Figures of what a sample of k-space is: their numbers and their refusals."""

import pytest
import torch

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.plotting.kspace_figures import (
    show_image_and_kspace,
    show_magnitude_and_phase,
    show_stripes,
    show_turned_arrows,
)

pytestmark = pytest.mark.usefixtures("style_kept")


def test_arrows_add_up_to_the_sum_in_the_title():
    axes = show_turned_arrows(torch.tensor([1.0, 2.0, 4.0, 1.0]), [0, 1, -2])
    titles = [cell.get_title() for cell in axes]
    assert titles[1].endswith("is 8") and titles[3].endswith("is 3+1i") and titles[5].endswith("is 2")
    with pytest.raises(ValueError, match="1 turns|one to four"):
        show_turned_arrows(torch.ones(2, 2), [0])


def test_the_products_sum_to_the_sample():
    image = random_complex(12, 9, seed=1).real
    samples = [(2, 0), (-3, 4)]
    axes = show_stripes(image, samples)
    for (ky, kx), cell in zip(samples, axes[2:], strict=True):
        total = cell.get_images()[0].get_array().sum() / (12 * 9) ** 0.5
        assert abs(total - float(fft2c(image)[6 + ky, 4 + kx].real)) < 1e-4
        assert cell.get_title().endswith(f"real part {total:.2f}")
    with pytest.raises(ValueError, match=r"\(6, 0\)"):
        show_stripes(image, [(6, 0)])


def test_an_image_stands_beside_its_kspace():
    left, right = show_image_and_kspace(torch.ones(5, 8), ["flat", "its k-space"])
    assert left.get_title() == "flat" and right.get_xlabel() == "kx"
    picture = right.get_images()[0].get_array()
    assert divmod(int(picture.argmax()), 8) == (2, 4)
    with pytest.raises(ValueError, match="2 images"):
        show_image_and_kspace(torch.ones(2, 5, 8))


def test_phases_stand_below_their_magnitudes():
    image = 3 * torch.exp(0.5j * torch.ones(4, 6))
    axes = show_magnitude_and_phase({"scan": image, "other": image[:, :3]})
    assert [cell.get_title() for cell in axes[:2]] == ["scan", "other"]
    assert abs(axes[2].get_images()[0].get_array() - 0.5).max() < 1e-6
    with pytest.raises(TypeError, match="'scan' is real"):
        show_magnitude_and_phase({"scan": image.abs()})
