"""PSNR and SSIM by the definitions of other programs: equal to scikit-image, and to what fastMRI and MoDL compute."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mricourse.evaluation.definitions import (
    psnr_by_definition,
    ssim_by_definition,
    ssim_inside,
    ssim_map,
    volume_nmse,
    volume_psnr,
    volume_ssim,
)
from mricourse.evaluation.metrics import ssim
from mricourse.physics.fourier import random_complex

CLOSE = 1e-6
GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
SCALE = torch.tensor([0.4, 1.0, 0.7])[:, None, None]


@pytest.fixture
def volumes():
    """Complex volume and references (3, 33, 26), peaks that differ from slice to slice and are not 1."""
    references = 3 * SCALE * random_complex(3, 33, 26, seed=1)
    return references + 0.4 * random_complex(3, 33, 26, seed=2), references


@pytest.fixture
def arrays(volumes):
    volume, references = volumes
    return volume.abs().double().numpy(), references.abs().double().numpy()


def near(value, other):
    assert value == pytest.approx(float(other), abs=CLOSE)


def of_slices(function, x, r):
    return np.mean([function(a, b) for a, b in zip(x, r, strict=True)])


def test_a_volume_is_scored_as_fastmri_does(volumes, arrays):
    """`fastmri/evaluate.py`, its three formulas."""
    x, r = arrays
    near(volume_nmse(*volumes), np.linalg.norm(r - x) ** 2 / np.linalg.norm(r) ** 2)
    near(volume_psnr(*volumes), peak_signal_noise_ratio(r, x, data_range=r.max()))
    near(volume_ssim(*volumes), of_slices(lambda a, b: structural_similarity(b, a, data_range=r.max()), x, r))


def modl(x, r):
    """`normalize01` and `myPSNR` of the program of MoDL."""
    x = (x - x.min()) / np.ptp(x)
    r = (r - r.min()) / np.ptp(r)
    return 20 * np.log10(r.max() / (np.sqrt(np.square(r - x).sum() / r.size) + 1e-10))


def test_five_definitions_of_psnr(volumes, arrays):
    x, r = arrays
    found = psnr_by_definition(*volumes)
    near(found["volume peak"], peak_signal_noise_ratio(r, x, data_range=r.max()))
    near(found["slice peak"], of_slices(lambda a, b: peak_signal_noise_ratio(b, a, data_range=b.max()), x, r))
    near(found["peak of the image"], of_slices(lambda a, b: peak_signal_noise_ratio(b, a, data_range=a.max()), x, r))
    near(found["0 to 1"], of_slices(modl, x, r))
    near(found["peak of 1"], of_slices(lambda a, b: peak_signal_noise_ratio(b, a, data_range=1.0), x, r))


def test_five_definitions_of_ssim(volumes, arrays):
    x, r = arrays
    found = ssim_by_definition(*volumes)

    def by(data_range, **options):
        return of_slices(lambda a, b: structural_similarity(b, a, data_range=data_range(b), **options), x, r)

    near(found["volume peak"], by(lambda b: r.max()))
    near(found["slice peak"], by(lambda b: b.max()))
    near(found["Gaussian window"], by(lambda b: b.max(), **GAUSSIAN))
    near(found["range of the slice"], by(np.ptp))
    near(found["peak of 1"], by(lambda b: 1.0, **GAUSSIAN))
    assert len(found) == len(psnr_by_definition(*volumes)) == 5


@pytest.mark.parametrize(("window_size", "options"), [(7, {}), (5, {"win_size": 5}), (None, GAUSSIAN)])
def test_the_map_is_that_of_scikit_image_without_its_border(volumes, arrays, window_size, options):
    edge = 5 if window_size is None else window_size // 2
    x, r = arrays[0][0], arrays[1][0]
    _, full = structural_similarity(r, x, data_range=r.max(), full=True, **options)
    values = ssim_map(volumes[0][0], volumes[1][0], window_size=window_size)
    np.testing.assert_allclose(values.numpy(), full[edge:-edge, edge:-edge], atol=CLOSE)


def test_the_mean_of_the_map_is_ssim(volumes):
    torch.testing.assert_close(ssim_map(*volumes).mean((-2, -1)), ssim(*volumes))


def test_inside_everything_is_ssim_and_what_lies_outside_does_not_count(volumes):
    image, reference = volumes[0][0], volumes[1][0]
    everything = torch.ones(33, 26, dtype=torch.bool)
    near(ssim_inside(image, reference, everything), ssim(image, reference))
    upper = everything.clone()
    upper[14:] = False
    spoilt = image.clone()
    spoilt[20:] = 0  # farther than a window from all that counts
    near(ssim_inside(spoilt, reference, upper), ssim_inside(image, reference, upper))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x, r: ssim_map(x, r, window_size=8), "odd number from 3"),
        (lambda x, r: ssim_map(x[:, :9], r[:, :9], window_size=None), "window is 11 pixels wide"),
        (lambda x, r: ssim_inside(x[0], r[0], torch.ones(33, 26)), "expected bool"),
        (lambda x, r: ssim_inside(x[0], r[0], torch.ones(3, 33, 26, dtype=torch.bool)), "one slice at a time"),
        (lambda x, r: ssim_inside(x[0], r[0], torch.zeros(33, 26, dtype=torch.bool)), "middle of no window"),
        (lambda x, r: volume_psnr(x[0], r[0]), "expected \\(slices, y, x\\)"),
        (lambda x, r: volume_nmse(x, r[:2]), "expected the same"),
        (lambda x, r: psnr_by_definition(x[0], r[0]), "expected \\(slices, y, x\\)"),
    ],
)
def test_what_would_be_wrong_in_silence_is_refused(volumes, call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(*volumes)
