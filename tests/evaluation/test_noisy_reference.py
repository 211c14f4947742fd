"""The noise of a reference, subtracted from an error, leaves the error against the true image."""

from dataclasses import replace

import pytest
import torch

from mricourse.evaluation.comparison import Sampling
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.evaluation.noisy_reference import ReferenceNoise, magnitude_rise, reference_noise
from mricourse.physics.coil_combination import combine
from mricourse.physics.fourier import ifft2c, random_complex
from mricourse.physics.normalisation import normalised
from mricourse.physics.scan import Scan
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.reconstruct.methods import with_smaps
from mricourse.reconstruct.sparsity import wavelet_reconstruction
from mricourse.simulate.protocols import contrast_scan

SHAPE = (112, 96)


def complete_scan(noise_std, *, seed=1, shape=SHAPE):
    """A noisy complete scan with maps, and its true image; k-space is cut from a larger one, so that edges ring."""
    ny, nx = shape
    wide = contrast_scan("s1", "T1w", shape=(2 * ny, 2 * nx), n_coils=4, noise_std=0, seed=seed).kspace
    kspace = wide[:, ny // 2 : ny // 2 + ny, nx // 2 : nx // 2 + nx]
    kspace = kspace / ifft2c(kspace).abs().square().sum(0).sqrt().max()
    noisy = kspace + noise_std * random_complex(*kspace.shape, seed=100 + seed)
    scan = with_smaps(Scan(noisy, None, torch.ones(ny, 1, dtype=torch.bool)))
    return scan, combine(ifft2c(kspace), scan.smaps)


def zero_filled(scan):
    A, kspace, unit = normalised(scan)
    return A.adjoint(kspace) * unit


def sense(scan):
    A, kspace, unit = normalised(scan)
    return cg_sense(A, kspace, reg_weight=1e-2, n_iterations=60) * unit


def wavelet(scan):
    A, kspace, unit = normalised(scan)
    return wavelet_reconstruction(A, kspace, reg_weight=2e-3, tolerance=1e-2) * unit


METHODS = {"zero-filled": zero_filled, "SENSE": sense, "wavelet": wavelet, "magnitudes": lambda scan: sense(scan).abs()}


@pytest.fixture(scope="module", params=[0.004, 0.012], ids=lambda noise_std: f"noise {noise_std}")
def scanned(request):
    complete, truth = complete_scan(request.param)
    return complete, truth, reference_noise(complete)


@pytest.mark.parametrize("acceleration", [2, 3])
@pytest.mark.parametrize("name", METHODS)
def test_of_an_image_that_shares_noise_with_its_reference(scanned, name, acceleration):
    complete, truth, noise = scanned
    kept = with_smaps(replace(complete, smaps=None).undersample(Sampling("random", acceleration, 20).mask(SHAPE[0])))
    image = METHODS[name](kept)
    found = noise.psnr(image, METHODS[name](noise.disturbed(kept)) - image)
    assert found == pytest.approx(psnr_against(truth, image, noise), abs=0.1)


@pytest.mark.parametrize("error", [0.015, 0.03, 0.06])
def test_of_an_image_that_knows_nothing_of_the_noise(scanned, error):
    _, truth, noise = scanned
    image = (truth + error * random_complex(*SHAPE, seed=7)) * (noise.variance > 0)
    expected = psnr_against(truth, image, noise)
    above_noise = 10 ** ((noise.decibels - expected) / 10)
    tolerance = 0.1 if above_noise > 6 else 0.5
    assert noise.psnr(image, torch.zeros_like(image)) == pytest.approx(expected, abs=tolerance)


def psnr_against(truth, image, noise):
    """PSNR of the image as it was scaled to the noisy reference, with that one's peak."""
    reference = noise.reference if image.is_complex() else noise.reference.abs()
    return psnr(best_scale(image, reference), truth, data_range=noise.reference.abs().max())


def test_the_correction_matters():
    """What is within 0.1 dB of the truth was half a decibel from it before."""
    complete, truth = complete_scan(0.012)
    noise = reference_noise(complete)
    kept = with_smaps(replace(complete, smaps=None).undersample(Sampling("random", 2, 20).mask(SHAPE[0])))
    image = sense(kept)
    assert psnr(best_scale(image, noise.reference), noise.reference) - psnr_against(truth, image, noise) > 0.4


def test_the_noise_of_the_reference_is_that_against_the_truth(scanned):
    """Along the phase: the magnitude of the air is not counted."""
    _, truth, noise = scanned
    bright = truth.abs() > 0.1
    error = (noise.reference.abs() - truth.abs())[bright].double().square().mean()
    assert float(error / noise.variance[bright].mean()) == pytest.approx(1, abs=0.1)


def test_an_image_as_close_as_the_noise_has_no_number():
    complete, truth = complete_scan(0.012)
    noise = reference_noise(complete)
    for image in (truth, noise.reference):
        assert noise.psnr(image, torch.zeros_like(image)) is None


def test_noise_raises_magnitudes_as_rice_says():
    noise = random_complex(400_000).to(torch.complex128)
    for magnitude in (0.0, 0.5, 1.0, 3.0, 30.0):
        rise = magnitude_rise(torch.tensor(magnitude, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
        assert float(rise) == pytest.approx(float((magnitude + noise).abs().mean()) - magnitude, abs=0.004)


def test_each_coil_has_its_own_noise():
    complete, _ = complete_scan(0.004)
    loud = torch.tensor([1.0, 3.0, 1.0, 1.0])[:, None, None]
    more = (loud.square() - 1).sqrt() * 0.004 * random_complex(*complete.kspace.shape, seed=5)
    found = reference_noise(replace(complete, kspace=complete.kspace + more))
    fresh = found.fresh.real.std(dim=(1, 2))
    assert (fresh / fresh[0]).tolist() == pytest.approx([1, 3, 1, 1], rel=0.1)


UNKNOWN = {  # changed samples -> words
    "filtered": (lambda kspace: kspace * torch.hann_window(SHAPE[0] + 2)[1:-1, None], "that in the centre of k-space"),
    "silent": (lambda kspace: kspace * torch.tensor([0, 1, 1, 1])[:, None, None], "has no noise at all"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_noise_that_cannot_be_told_is_refused(name):
    change, words = UNKNOWN[name]
    complete, _ = complete_scan(0.006)
    with pytest.raises(ValueError, match=words):
        reference_noise(replace(complete, kspace=change(complete.kspace)))


def test_a_scan_with_gaps_is_refused():
    complete, _ = complete_scan(0.006)
    mask = Sampling("random", 2, 20).mask(SHAPE[0])
    for scan in (complete.undersample(mask), replace(complete, smaps=None)):
        with pytest.raises(ValueError, match="lacks maps or samples"):
            reference_noise(scan)


def test_fresh_noise_is_small_and_where_samples_were_kept():
    complete, _ = complete_scan(0.006)
    noise = reference_noise(complete)
    mask = Sampling("random", 2, 20).mask(SHAPE[0])
    kept = complete.undersample(mask)
    added = noise.disturbed(kept).kspace - kept.kspace
    assert not bool((added * ~mask).any()) and isinstance(noise, ReferenceNoise)
    assert float(added[:, mask[:, 0]].real.std()) == pytest.approx(0.3 * 0.006, rel=0.1)
