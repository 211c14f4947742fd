"""Rigid motion: exact shifts, turns that can be undone, and shots that read their own lines."""

import pytest
import torch

from mricourse import fft2c, ifft2c, random_complex
from mricourse.physics.motion import moved, scan_in_shots, shift_ramp
from mricourse.simulate.phantoms import shepp_logan


@pytest.mark.parametrize("shape", [(24, 30), (25, 31)])
def test_a_shift_by_whole_pixels_rolls_the_image(shape):
    image = random_complex(*shape, dtype=torch.complex128)
    rolled = moved(image, torch.tensor([3.0, -5.0, 0.0], dtype=torch.float64))
    assert torch.allclose(rolled, image.roll((3, -5), (-2, -1)), atol=1e-12)
    ramp = shift_ramp(shape, torch.tensor(3.0).double(), torch.tensor(-5.0).double())
    assert torch.allclose(ifft2c(fft2c(image) * ramp), rolled, atol=1e-12)


def test_a_turn_is_undone_by_the_opposite_one_and_goes_from_x_to_y():
    image = shepp_logan((64, 60)).to(torch.complex64)
    turned = moved(image, torch.tensor([0.0, 0.0, 8.0]))
    back = moved(turned, torch.tensor([0.0, 0.0, -8.0]))
    assert (back - image).norm() < 1e-4 * image.norm() and (turned - image).norm() > 0.1 * image.norm()
    point = torch.zeros(64, 60, dtype=torch.complex64)
    point[32, 30 + 20] = 1
    y, x = divmod(int(moved(point, torch.tensor([0.0, 0.0, 8.0])).abs().argmax()), 60)
    assert (y, x) == (35, 50)  # 20 sin 8 degrees = 2.8, 20 cos 8 degrees = 19.8


def test_each_shot_reads_its_lines_at_its_place():
    image = random_complex(2, 24, 20)
    places = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    kspace = scan_in_shots(image, places)
    for number in range(2):
        for shot in range(4):
            expected = fft2c(moved(image[number], places[number, shot]))[shot::4]
            assert torch.allclose(kspace[number, shot::4], expected, atol=1e-5)
    assert torch.allclose(scan_in_shots(image, torch.zeros(2, 4, 3)), fft2c(image), atol=1e-5)
