"""Loud coils are found by their noise, and no coil is taken for one because of its signal."""

import pytest
import torch

from mricourse.datasets.real import load_real
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.loud_coils import loudness
from mricourse.physics.sampling import equispaced_mask, partial_fourier_mask, variable_density_mask
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (128, 120)
SIGNAL = fft2c(simulate_coils(8, SHAPE) * shepp_logan(SHAPE))
NOISE = 0.003 * random_complex(8, *SHAPE, seed=4)
MASKS = {
    "all": torch.ones(128, 1, dtype=torch.bool),
    "lines": equispaced_mask(128, 4),
    "partial Fourier": partial_fourier_mask(128, 5 / 8),
    "points": variable_density_mask(SHAPE, 4),
}


@pytest.mark.parametrize("name", MASKS)
def test_the_noise_of_a_loud_coil_is_measured(name):
    mask = MASKS[name]
    times = torch.ones(8, 1, 1)
    times[2] = 200
    found = loudness(mask * (SIGNAL + times * NOISE), mask)
    assert found.argmax() == 2 and (found > 1).sum() == 1
    assert loudness(mask * 100 * NOISE * times, mask)[2] == pytest.approx(200, rel=0.1)  # without detail


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("gain", [0, 0.001, 100])
def test_a_coil_is_not_loud_for_its_signal(name, gain):
    gains = torch.ones(8, 1, 1)
    gains[5] = gain
    assert loudness(MASKS[name] * gains * SIGNAL, MASKS[name]).unique().tolist() == [1]


@pytest.mark.parametrize("name", ["moco_brain_7ch", "sigpy_brain_8ch", "larson_knee", "larson_head"])
def test_no_coil_of_the_measured_scans_is_loud(name):
    scan = load_real(name)
    assert loudness(scan.kspace, scan.mask).unique().tolist() == [1]


def test_where_little_was_sampled_nothing_is_said():
    mask = equispaced_mask(128, 128, acs=0)
    assert loudness(mask * 1000 * NOISE, mask).unique().tolist() == [1]
