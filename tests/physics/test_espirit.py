"""Coil maps from a scan: against the truth, against sigpy and BART, and refusals."""

import pytest
import torch

from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.coil_maps import (
    acs_window,
    calibration_matrix,
    espirit,
    espirit_eigenvalues,
    low_resolution_maps,
    plain_espirit,
)
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.noise_estimation import noise_covariance, prewhiten
from mricourse.physics.sampling import acs_block, acs_mask
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (72, 61)


@pytest.fixture(scope="module")
def scan():
    """k-space (6, 72, 61) of a phantom with a little noise, the true maps, and where there is signal."""
    smaps = simulate_coils(6, SHAPE, seed=2)
    image = shepp_logan(SHAPE).to(torch.complex64)
    kspace = fft2c(smaps * image) + 2e-3 * random_complex(6, *SHAPE)
    return kspace, smaps, image.abs() > 0.05


def agreement(a, b, inside):
    """Share of the power of one map that the other explains, per pixel inside the object."""
    return ((a.conj() * b).sum(0).abs() / (a.norm(dim=0) * b.norm(dim=0)).clamp_min(1e-9))[inside]


def test_maps_are_those_that_made_the_data(scan):
    kspace, smaps, inside = scan
    estimate = espirit(kspace)
    assert agreement(estimate, smaps, inside).quantile(0.02) > 0.995
    assert torch.allclose(rss(estimate)[rss(estimate) > 0], torch.ones(()), atol=1e-5)
    assert (rss(estimate)[inside] > 0).float().mean() > 0.98
    coil_images = smaps * combine(torch.fft.ifftn(kspace, dim=(-2, -1)), smaps)
    assert torch.isfinite(coil_images.real).all()


def test_outside_the_object_the_maps_are_zero():
    image = torch.zeros(96, 96, dtype=torch.complex64)
    image[30:66, 36:60] = 1
    kspace = fft2c(simulate_coils(4, (96, 96)) * image) + 1e-3 * random_complex(4, 96, 96)
    support = rss(espirit(kspace)) > 0
    assert support[30:66, 36:60].all() and support.float().mean() < 0.6


def test_espirit_matches_sigpy(scan):
    mri = pytest.importorskip("sigpy.mri", reason="sigpy is not installed")
    kspace, _, inside = scan
    theirs = mri.app.EspiritCalib(kspace.numpy(), calib_width=24, thresh=0.02, crop=0.8, show_pbar=False).run()
    assert agreement(espirit(kspace), torch.from_numpy(theirs), inside).quantile(0.02) > 0.9999


def test_espirit_matches_bart(scan):
    tools = pytest.importorskip("bartorch.tools", reason="bartorch is not installed")
    kspace, _, inside = scan
    theirs = tools.ecalib(kspace, maps=1, calib_size=24, crop=0.8).reshape(kspace.shape)
    both = inside & (rss(theirs) > 0)
    assert both.sum() > 0.97 * inside.sum()
    assert agreement(espirit(kspace), theirs, both).quantile(0.02) > 0.999


def test_phase_is_smooth_and_scale_does_not_matter(scan):
    kspace, _, inside = scan
    smaps = espirit(kspace)
    assert torch.allclose(espirit(1e-6 * kspace), smaps, atol=1e-3)
    step = torch.angle(smaps[0, 1:] * smaps[0, :-1].conj())[inside[1:] & inside[:-1] & (smaps[0, 1:].abs() > 0.1)]
    assert step.abs().max() < 0.5


@pytest.mark.parametrize(("n_coils", "kind"), [(2, "head_array"), (6, "gaussian"), (12, "head_array")])
@pytest.mark.parametrize(
    "options", [{}, {"acs": 9}, {"acs": (20, 30), "kernel_size": 5}, {"threshold": 0.05, "crop": 0.9}], ids=str
)
def test_the_fast_way_gives_what_the_equation_gives(n_coils, kind, options):
    smaps = simulate_coils(n_coils, SHAPE, seed=n_coils, kind=kind)
    image = shepp_logan(SHAPE).to(torch.complex64)
    kspace = fft2c(smaps * image) + 2e-3 * random_complex(n_coils, *SHAPE)
    plain = plain_espirit(kspace, **options)
    inside = image.abs() > 0.05
    for n_iterations, quantile in ((1500, 0.99), (None, 0.85)):  # power iteration is slow at a few pixels
        fast = espirit(kspace, **options, n_iterations=n_iterations)
        assert ((rss(fast) > 0) != (rss(plain) > 0)).float().mean() < 0.002  # where the eigenvalue is the crop
        both = inside & (rss(fast) > 0) & (rss(plain) > 0)
        assert both.sum() > 0.97 * inside.sum()
        assert (fast - plain).norm(dim=0)[both].quantile(quantile) < 1e-3


def test_the_equation_with_two_coils_and_one_pixel_of_object():
    """An object of one pixel has flat coil images in k-space: the maps there are the pixel's coil values."""
    weights = torch.tensor([0.6, 0.8j], dtype=torch.complex64)
    image = torch.zeros(24, 20, dtype=torch.complex64)
    image[9, 11] = 1
    smaps = plain_espirit(fft2c(weights[:, None, None] * image))
    found = smaps[:, 9, 11]
    assert torch.allclose(found * (found[0].conj() / found[0].abs()), weights, atol=1e-5)


@pytest.mark.parametrize("first", [16, 20, 24, 35, 36])
def test_an_acs_beside_the_centre_calibrates_as_well(scan, first):
    kspace, smaps, inside = scan
    mask = (torch.arange(72) % 3 == 0)[:, None]
    mask[first : first + 22] = True
    estimate = espirit(kspace * mask)
    assert agreement(estimate, smaps, inside).quantile(0.1) > 0.98
    assert (rss(estimate)[inside] > 0).float().mean() > 0.98
    assert torch.equal(estimate, espirit(kspace * mask, acs=(acs_block(mask, SHAPE)[0], slice(18, 42))))


@pytest.mark.parametrize("first", [16, 20, 24, 30])
def test_low_resolution_maps_find_the_acs_too(scan, first):
    kspace, smaps, inside = scan
    mask = (torch.arange(72) % 3 == 0)[:, None]
    mask[first : first + 22] = True
    assert agreement(low_resolution_maps(kspace * mask), smaps, inside).quantile(0.1) > 0.94


@pytest.mark.parametrize("n_samples", [8, 9, 10, 11, 12, 13, 14, 16])
@pytest.mark.parametrize("kind", ["gaussian", "head_array"])
def test_a_small_acs_gives_maps_without_holes(n_samples, kind):
    smaps = simulate_coils(8, (96, 80), seed=1, kind=kind)
    image = shepp_logan((96, 80)).to(torch.complex64)
    kspace = fft2c(smaps * image) + 3e-3 * random_complex(8, 96, 80)
    inside = image.abs() > 0.05
    estimate = espirit(kspace * acs_mask((96, 80), n_samples))
    assert (rss(estimate)[inside] > 0).float().mean() > 0.98
    assert agreement(estimate, smaps, inside).quantile(0.1) > 0.98


def test_low_resolution_maps_need_no_kernel(scan):
    kspace, smaps, inside = scan
    estimate = low_resolution_maps(kspace, acs=20)
    assert torch.allclose(rss(estimate), torch.ones(SHAPE), atol=1e-5)
    assert agreement(estimate, smaps, inside).quantile(0.1) > 0.98


def test_prewhitening_makes_the_noise_white():
    mixing = random_complex(4, 4, seed=9)
    noise = (mixing @ random_complex(4, 5000)).reshape(4, 50, 100)
    covariance = noise_covariance(noise)
    assert torch.allclose(covariance, covariance.mH)
    white = noise_covariance(prewhiten(noise, covariance))
    assert torch.allclose(white, torch.eye(4, dtype=white.dtype), atol=1e-3)
    with pytest.raises(ValueError, match="more samples than coils"):
        noise_covariance(noise[:, 0, :3])


@pytest.mark.parametrize(
    ("kspace", "options", "sentence"),
    [
        (torch.zeros(4, 32, 32, dtype=torch.complex64), {}, "central samples of k-space .* are zero"),
        (random_complex(32, 32), {}, "expected complex \\(coils, ky, kx\\)"),
        (torch.ones(4, 32, 32), {}, "expected complex"),
        (random_complex(4, 32, 32), {"acs": 6}, "is \\(6, 6\\); expected at least 8 samples .* Sample more lines"),
        (random_complex(4, 32, 32), {"acs": 10, "kernel_size": 6}, "at least 12 samples .* kernel of 6"),
        (random_complex(4, 32, 32) * acs_mask(32, 7), {}, "is \\(7, 24\\); expected at least 8"),
        (random_complex(4, 64, 32) * acs_mask(64, 20).roll(13, 0), {}, "ky 35 to 54, does not reach the centre .* 32"),
    ],
)
def test_wrong_arguments_are_named(kspace, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        espirit(kspace, **options)


def test_many_coils_and_large_matrices_fit(scan):
    smaps = simulate_coils(32, (128, 96), seed=1)
    image = shepp_logan((128, 96)).to(torch.complex64)
    estimate = espirit(fft2c(smaps * image) + 1e-4 * random_complex(32, 128, 96))
    assert agreement(estimate, smaps, image.abs() > 0.05).quantile(0.02) > 0.98
    assert estimate.isfinite().all()


def test_a_row_of_the_calibration_matrix_is_a_patch_of_all_coils(scan):
    kspace, _, _ = scan
    matrix = calibration_matrix(kspace, acs=20, kernel_size=5)
    assert matrix.shape == (16 * 16, 6 * 25)
    y, x = 36 - 10, 30 - 10
    patch = kspace[:, y + 3 : y + 8, x + 2 : x + 7]
    assert torch.equal(matrix[3 * 16 + 2].reshape(6, 5, 5), patch)


def test_eigenvalues_are_one_in_the_object_and_less_in_the_air():
    image = torch.zeros(64, 56, dtype=torch.complex64)
    image[22:42, 20:38] = 1
    kspace = fft2c(simulate_coils(4, (64, 56), kind="head_array") * image) + 1e-3 * random_complex(4, 64, 56)
    eigenvalues = espirit_eigenvalues(kspace)
    assert eigenvalues.shape == (4, 64, 56)
    assert (eigenvalues[:-1] >= eigenvalues[1:]).all() and eigenvalues.max() < 1.0001
    assert eigenvalues[0, 24:40, 22:36].min() > 0.98
    assert eigenvalues[0, :8].median() < 0.8
    assert torch.equal(rss(plain_espirit(kspace)) > 0, eigenvalues[0] > 0.8)


def test_the_window_is_that_of_the_low_resolution_maps(scan):
    kspace, _, _ = scan
    window = acs_window(SHAPE, (14, 11))
    coarse = torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(kspace * window, dim=(-2, -1))), dim=(-2, -1))
    assert torch.allclose(coarse / rss(coarse), low_resolution_maps(kspace, acs=(14, 11)), atol=1e-4)
    assert torch.isclose(window[36, 30], window.max()) and int((window > 0).sum()) == 14 * 11
    with pytest.raises(ValueError, match="expected 1 sample"):
        acs_window(SHAPE, 100)
