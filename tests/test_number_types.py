"""Integers and half precision, as files hold them: results are those of double precision."""

import pytest
import torch

from mricourse.evaluation.metrics import best_scale, nmse, nrmse, psnr, ssim
from mricourse.evaluation.realism import split_error, texture_distance
from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.fourier import fft2c, floating, ifft2c, random_complex
from mricourse.physics.noise_estimation import noise_covariance, prewhiten
from mricourse.physics.nufft import NufftOperator
from mricourse.physics.operators import SenseOperator
from mricourse.physics.radon import RadonOperator
from mricourse.physics.sampling import radial_trajectory
from mricourse.plotting.figures import show_error
from mricourse.reconstruct.epi import image_entropy, remove_nyquist_ghost
from mricourse.reconstruct.parallel_imaging import g_factor
from mricourse.reconstruct.sparsity import soft_threshold
from mricourse.reconstruct.total_variation import finite_differences, finite_differences_adjoint
from mricourse.reconstruct.wavelets import wavedec2
from mricourse.simulate.relaxometry import decay_rate
from mricourse.training.losses import PLAIN

LINES = torch.arange(24)[:, None] % 2 == 0
MAPS = random_complex(2, 24, 18, seed=3)
SENSE = SenseOperator(MAPS, LINES)
NUFFT = NufftOperator(radial_trajectory(5, 16), MAPS)
RADON = RadonOperator(torch.linspace(0, 3, 5), (24, 18))
MEASURES = {
    "best_scale": best_scale,
    "nmse": nmse,
    "nrmse": nrmse,
    "psnr": psnr,
    "ssim": ssim,
    **PLAIN,
    "rss": lambda image, reference: rss(torch.stack([image, reference])),
    "combine": lambda image, reference: combine(image[None], reference[None]),
    "noise_covariance": lambda image, reference: noise_covariance(torch.stack([image, reference])),
    "fft2c": lambda image, reference: torch.stack([fft2c(image), ifft2c(reference)]),
    "split_error": lambda image, reference: torch.stack(split_error(image, reference, LINES)),
    "texture_distance": lambda image, reference: texture_distance(image[None], reference[None]),
    "image_entropy": lambda image, reference: image_entropy(image),
    "finite_differences": lambda image, reference: finite_differences(image),
    "its adjoint": lambda image, reference: finite_differences_adjoint(torch.stack([image, reference])),
    "soft_threshold": lambda image, reference: soft_threshold(image, 3.0),
    "wavedec2": lambda image, reference: wavedec2(image, levels=1)[1],
    "prewhiten": lambda image, reference: prewhiten(torch.stack([image, reference]), 3 * torch.eye(2)),
    "remove_nyquist_ghost": lambda image, reference: remove_nyquist_ghost(image)[0],
    "SENSE": lambda image, reference: SENSE.forward(image),
    "its adjoint operator": lambda image, reference: SENSE.adjoint(torch.stack([image, reference])),
    "its normal operator": lambda image, reference: SENSE.normal(image),
    "NUFFT": lambda image, reference: NUFFT.forward(image),
    "its normal NUFFT": lambda image, reference: NUFFT.normal(image),
    "its adjoint NUFFT": lambda image, reference: NUFFT.adjoint(torch.stack([image, reference]).flatten(1)[:, :80]),
    "Radon": lambda image, reference: RADON.forward(image),
    "back-projection": lambda image, reference: RADON.adjoint(image[:5].repeat(1, 2)[:, : RADON.n_detectors]),
    "decay_rate": lambda image, reference: decay_rate(torch.stack([reference, image]), (5, 15)),
}


def pair(dtype):
    """Two images whose differences, squares and sums leave the range of a small integer."""
    most = {torch.uint8: 255, torch.int8: 127, torch.float16: 2000}.get(dtype, 30000)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(1, most, (2, 24, 18), generator=generator)
    return images[0].to(dtype), images[1].to(dtype)


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.float16], ids=str
)
@pytest.mark.parametrize("name", MEASURES)
def test_the_type_of_the_numbers_does_not_matter(name, dtype):
    image, reference = pair(dtype)
    found = torch.as_tensor(MEASURES[name](image, reference))
    expected = torch.as_tensor(MEASURES[name](image.double(), reference.double()))
    assert found.is_floating_point() or found.is_complex()
    assert torch.allclose(found.to(expected.dtype), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_the_smallest_integer_has_a_magnitude():
    darkest = torch.full((8, 8), -128, dtype=torch.int8)
    assert nmse(darkest, darkest.float()) == 0
    assert rss(darkest[None]).unique().tolist() == [128]


def test_a_real_covariance_keeps_complex_samples():
    kspace = random_complex(2, 24, 18)
    assert torch.allclose(prewhiten(kspace, 4 * torch.eye(2)), kspace / 2)


def test_integer_maps_have_a_g_factor():
    maps = torch.zeros(2, 4, 3, dtype=torch.uint8)
    maps[0, :2] = 5
    maps[1, 2:] = 7
    assert g_factor(maps, 2).unique().tolist() == [1]


def test_known_values():
    bright = torch.full((64, 64), 200, dtype=torch.uint8)
    assert best_scale(bright, bright.float()).unique().tolist() == [200]
    assert best_scale(torch.full((64, 64), 1000, dtype=torch.int16), torch.full((64, 64), 1000.0))[0, 0] == 1000
    assert rss(torch.full((1, 8, 8), 1000, dtype=torch.int16)).unique().tolist() == [1000]


def test_an_error_map_of_unsigned_integers_does_not_wrap_round():
    dark = torch.full((16, 16), 10, dtype=torch.uint8)
    bright = torch.full((16, 16), 30, dtype=torch.uint8)
    shown = show_error(dark, bright)[0].images[0].get_array()
    assert shown.min() == shown.max() == 20


def test_what_is_floating_stays_as_it_is():
    for dtype in (torch.float32, torch.float64, torch.complex64, torch.complex128):
        values = torch.ones(2, 2, dtype=dtype)
        assert floating(values) is values
    assert floating(torch.ones(2, dtype=torch.bool)).dtype == torch.get_default_dtype()
