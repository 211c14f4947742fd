"""Error measures: equal to scikit-image and to fastMRI's definitions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mricourse.evaluation.metrics import best_scale, nmse, nrmse, psnr, ssim


def pair(*shape, seed=0):
    """A smooth reference with an edge, and a noisy complex image of it."""
    generator = torch.Generator().manual_seed(seed)
    *_, ny, nx = shape
    ramp = torch.linspace(0.1, 1, ny)[:, None] * torch.linspace(1, 0.3, nx)
    ramp[ny // 3 : ny // 2] *= 0.2
    noise = torch.randn(*shape, generator=generator, dtype=torch.complex64)
    reference = ramp * (1 + 0.3 * torch.rand(shape[:-2], generator=generator)[..., None, None])
    return reference + 0.05 * noise, reference


def volume_scores_of_fastmri(image, reference):
    """The three formulas of fastMRI's evaluation script, on (slices, y, x) numpy magnitudes."""
    peak = reference.max()
    error = np.linalg.norm(reference - image) ** 2 / np.linalg.norm(reference) ** 2
    mean = np.mean([structural_similarity(r, x, data_range=peak) for r, x in zip(reference, image, strict=True)])
    return error, peak_signal_noise_ratio(reference, image, data_range=peak), mean


@pytest.mark.parametrize("shape", [(33, 50), (7, 9), (128, 128)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_ssim_equals_scikit_image(shape, scale):
    image, reference = (scale * x for x in pair(*shape))
    expected = structural_similarity(
        reference.abs().double().numpy(),
        image.abs().double().numpy(),
        data_range=reference.abs().max().item(),
    )
    assert ssim(image, reference) == pytest.approx(expected, abs=1e-6)


def test_all_equal_fastmris_volume_definitions():
    image, reference = pair(5, 33, 40)
    x, r = image.abs().double().numpy(), reference.abs().double().numpy()
    error, decibels, similarity = volume_scores_of_fastmri(x, r)
    assert nmse(image.flatten(0, 1), reference.flatten(0, 1)) == pytest.approx(error, rel=1e-6)
    assert psnr(image.flatten(0, 1), reference.flatten(0, 1)) == pytest.approx(decibels, abs=1e-6)
    peak = reference.abs().max()
    assert ssim(image, reference, data_range=peak).mean().item() == pytest.approx(similarity, abs=1e-6)


@pytest.mark.parametrize("measure", [nmse, nrmse, psnr, ssim])
def test_a_stack_is_scored_image_by_image(measure):
    image, reference = pair(2, 3, 16, 21)
    scores = measure(image, reference)
    assert scores.shape == (2, 3)
    single = measure(image[1, 2], reference[1, 2])
    assert isinstance(single, float)
    assert scores[1, 2].item() == pytest.approx(single, rel=1e-12)


def test_known_values():
    reference = torch.zeros(20, 20)
    reference[5:15, 5:15] = 2.0
    assert nmse(torch.zeros(20, 20), reference) == 1.0
    assert nrmse(1.1 * reference, reference) == pytest.approx(0.1, rel=1e-5)
    assert psnr(reference + 0.2, reference) == pytest.approx(20.0, abs=1e-5)
    assert psnr(reference + 0.2, reference, data_range=20.0) == pytest.approx(40.0, abs=1e-5)
    assert ssim(reference, reference) == 1.0
    assert psnr(reference, reference) == math.inf


def test_psnr_averages_over_the_pixels_inside():
    reference = torch.full((2, 4, 4), 2.0)
    image = reference.clone()
    image[:, :2] += torch.tensor([0.2, 0.02])[:, None, None]
    top = torch.zeros(4, 4, dtype=torch.bool)
    top[:2] = True
    torch.testing.assert_close(
        psnr(image, reference, inside=top), torch.tensor([20.0, 40.0]).double(), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(psnr(image, reference, inside=top), psnr(image[:, :2], reference[:, :2]))
    assert psnr(image[0], reference[0], inside=~top) == math.inf
    with pytest.raises(ValueError, match="expected bool"):
        psnr(image, reference, inside=top.float())
    with pytest.raises(ValueError, match="expected bool"):
        psnr(image, reference, inside=top[:2])
    with pytest.raises(ValueError, match="False everywhere"):
        psnr(image, reference, inside=torch.stack([top, top & ~top]))


def test_only_magnitudes_count():
    image, reference = pair(16, 16)
    for measure in (nmse, psnr, ssim):
        turned = measure(image * torch.exp(torch.tensor(0.7j)), -reference)
        assert turned == pytest.approx(measure(image, reference), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 100), st.floats(-3, 3), st.integers(0, 50))
def test_best_scale_undoes_a_scale_and_a_phase(scale, phase, seed):
    image, _ = pair(9, 12, seed=seed)
    factor = scale * torch.exp(torch.tensor(1j * phase))
    assert torch.allclose(best_scale(factor * image, image), image, rtol=1e-4, atol=1e-5)


def test_best_scale_is_the_minimum_and_keeps_dtype():
    image, reference = pair(4, 9, 12)
    scaled = best_scale(image, reference)
    assert scaled.dtype == torch.complex64
    assert best_scale(reference, reference).dtype == torch.float32

    def error(x):
        return (x - reference).abs().square().sum((-2, -1))

    for nudge in (1.01, 0.99, 1 + 0.01j, 1 - 0.01j):
        assert (error(scaled) <= error(nudge * scaled)).all()


@pytest.mark.parametrize("unit", [1e-30, 1e-22, 1e19, 1e30])
def test_best_scale_takes_any_unit(unit):
    image, reference = pair(2, 12, 12)
    expected = best_scale(image, reference)
    assert torch.allclose(best_scale(unit * image, reference), expected, rtol=1e-4)
    assert torch.allclose(best_scale(image, unit * reference) / unit, expected, rtol=1e-4)
    assert not best_scale(image, 0 * reference).any()


@pytest.mark.parametrize("measure", [nmse, nrmse, psnr, ssim, best_scale])
def test_wrong_pairs_are_refused(measure):
    image, reference = pair(12, 12)
    with pytest.raises(ValueError, match="expected the same"):
        measure(image[:8], reference)
    with pytest.raises(ValueError, match="expand_as"):
        measure(image.expand(3, 12, 12), reference)
    with pytest.raises(ValueError, match="expected the same"):
        measure(image[0], reference[0])
    with pytest.raises(ValueError, match="image holds 1 NaN"):
        broken = image.clone()
        broken[3, 4] = torch.nan
        measure(broken, reference)
    with pytest.raises(ValueError, match="zero everywhere"):
        measure(0 * image, 0 * reference)


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize("data_range", [0, -1, float("nan")])
def test_a_wrong_data_range_is_refused(measure, data_range):
    with pytest.raises(ValueError, match="positive"):
        measure(*pair(12, 12), data_range=data_range)


@pytest.mark.parametrize("window_size", [6, 1, 13])
def test_a_wrong_window_is_refused(window_size):
    with pytest.raises(ValueError, match="window_size"):
        ssim(*pair(12, 12), window_size=window_size)
