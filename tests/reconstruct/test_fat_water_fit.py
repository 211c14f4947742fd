"""The pixelwise fit of water, fat, field and R2*: exact without noise, and with noise as low as scipy's."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from mricourse.physics.fourier import complex_noise
from mricourse.reconstruct.fat_water import fit_fat_water
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.simulate.phantoms import fat_signal, multi_echo_signal

SCANS = FatWaterScans("train", 9, shape=(40, 37))
TE_MS = SCANS.te_ms
FAT = fat_signal(TE_MS)


def test_without_noise_the_maps_come_back():
    scan = SCANS[0]
    fit = fit_fat_water(scan.reference, TE_MS, FAT)
    error = (fit.maps - scan.maps).abs()[:, scan.inside]
    assert error[0].max() < 0.01 and error[1].max() < 0.05  # single precision of the simulation
    assert (fit.b0_hz - scan.meta["b0_hz"]).abs()[scan.inside].max() < 0.01
    assert fit.residual[scan.inside].max() < 1e-5


def test_leading_axes_are_free_and_a_factor_changes_nothing():
    echoes = torch.stack([SCANS[0].reference[:, 12:17, 10:14], SCANS[1].reference[:, 12:17, 10:14]])
    fit = fit_fat_water(echoes, TE_MS, FAT)
    assert fit.maps.shape == (2, 2, 5, 4) and fit.b0_hz.shape == (2, 5, 4)
    turned = fit_fat_water(3e4j * echoes, TE_MS, FAT)
    assert torch.allclose(turned.maps, fit.maps, rtol=1e-4, atol=1e-3)


def test_it_ends_where_scipy_does():
    scan = SCANS[2]
    noisy = scan.reference + 0.02 * complex_noise(scan.reference.shape, torch.Generator().manual_seed(1))
    fit = fit_fat_water(noisy, TE_MS, FAT)
    times = np.array(TE_MS) / 1000
    fat = FAT.numpy().astype(complex)
    for y, x in scan.inside.nonzero()[::37].tolist():
        signal = noisy[:, y, x].numpy().astype(complex)

        def residual(p, signal=signal):
            model = (p[0] + 1j * p[1] + (p[2] + 1j * p[3]) * fat) * np.exp(times * (2j * math.pi * p[4] - p[5]))
            return np.concatenate([(model - signal).real, (model - signal).imag])

        share = float(fit.maps[0, y, x]) / 100
        phase = signal[0] / abs(signal[0])
        amplitudes = [abs(signal[0]) * (1 - share) * phase, abs(signal[0]) * share * phase]
        start = [each for a in amplitudes for each in (a.real, a.imag)]
        found = least_squares(residual, [*start, float(fit.b0_hz[y, x]), float(fit.maps[1, y, x])], x_scale="jac",
                              xtol=1e-14, ftol=1e-14, gtol=1e-14)  # fmt: skip
        assert float(fit.residual[y, x]) <= math.sqrt(2 * found.cost) * (1 + 1e-5)


def test_a_field_beyond_the_grid_swaps_water_and_fat():
    """The valley next to the right one: the reason why a field map is searched widely, and smoothly in practice."""
    echoes = multi_echo_signal(torch.zeros(1, 1), torch.full((1, 1), 40.0), TE_MS, b0_hz=torch.full((1, 1), -380.0))
    assert fit_fat_water(echoes, TE_MS, FAT, most_hz=450).maps[0].item() < 0.1
    swapped = fit_fat_water(echoes, TE_MS, FAT, most_hz=100)
    assert swapped.maps[0].item() > 60 and swapped.residual.item() > 1e-3


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="for 5 times and 6 signals of fat; expected one of each for every echo"):
        fit_fat_water(SCANS[0].reference, TE_MS[:5], FAT)
    with pytest.raises(ValueError, match="four echoes or more"):
        fit_fat_water(SCANS[0].reference[:3], TE_MS[:3], FAT[:3])
