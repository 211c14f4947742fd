"""Textures: against SciPy's distance, blind to who belongs to whom. Errors: three parts that add up."""

import pytest
import torch
from scipy.stats import wasserstein_distance

from mricourse import fft2c, ifft2c, random_complex
from mricourse.evaluation.realism import (
    grain_correlation,
    null_space_part,
    share_found,
    split_error,
    surviving_error,
    texture_distance,
)
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_mask
from mricourse.simulate.protocols import brain_slices


@pytest.fixture(scope="module")
def heads():
    return brain_slices("test", 6, shape=(97, 80))


@pytest.fixture(scope="module")
def mask():
    return acs_mask(97, 33) & acs_mask(80, 27).T


@pytest.fixture(scope="module")
def blurred(heads, mask):
    return ifft2c(mask * fft2c(heads))


def contrasts(images):
    return torch.cat([images.abs().diff(dim=axis).abs().flatten() for axis in (1, 2)])


# --- sets ---


def test_it_is_the_wasserstein_distance_of_the_contrasts(heads, blurred):
    by_scipy = wasserstein_distance(contrasts(blurred).numpy(), contrasts(heads).numpy())
    assert float(texture_distance(blurred, heads)) == pytest.approx(by_scipy, rel=0.02)


def test_order_and_phase_do_not_matter(heads, blurred):
    assert float(texture_distance(heads.flip(0), heads)) == pytest.approx(0, abs=1e-12)
    assert torch.allclose(texture_distance(1j * blurred.flip(0), heads), texture_distance(blurred, heads))


def test_units_go_through(heads, blurred):
    assert torch.allclose(texture_distance(3 * blurred, 3 * heads), 3 * texture_distance(blurred, heads))


def test_blur_and_noise_are_both_unlike(heads, blurred):
    slight = heads + 0.01 * random_complex(*heads.shape)
    strong = heads + 0.05 * random_complex(*heads.shape)
    assert 0 < texture_distance(slight, heads) < texture_distance(strong, heads)
    assert texture_distance(0.5 * (blurred + heads), heads) < texture_distance(blurred, heads)


def test_resampled_distances_scatter_around_the_distance(heads, blurred):
    distance, drawn = texture_distance(blurred, heads), texture_distance(blurred, heads, n_resamples=300)
    assert drawn.shape == (300,) and drawn.min() < distance < drawn.max()
    assert torch.equal(drawn, texture_distance(blurred, heads, n_resamples=300))
    assert float(drawn.mean()) == pytest.approx(float(distance), rel=0.05)


def test_images_without_signal_are_alike():
    assert texture_distance(torch.zeros(2, 9, 8), torch.zeros(3, 9, 8)) == 0
    assert texture_distance(torch.zeros(2, 9, 8), torch.zeros(2, 9, 8), n_resamples=5).shape == (5,)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_is_named(heads, mask, value):
    broken = heads.clone()
    broken[0, 3, 4] = value
    for measure in (texture_distance, lambda image, reference: split_error(image, reference, mask)):
        with pytest.raises(ValueError, match="holds 1 NaN or infinite values; expected finite"):
            measure(broken, heads)
        with pytest.raises(ValueError, match="^references? holds 1 NaN"):
            measure(heads, broken)


def test_other_shapes_are_refused(heads):
    with pytest.raises(ValueError, match="expected \\(n, y, x\\)"):
        texture_distance(heads[0], heads)
    with pytest.raises(ValueError, match="as many of both"):
        texture_distance(heads[:4], heads, n_resamples=10)


# --- errors ---


def test_nobody_measures_the_null_space(mask):
    x = random_complex(2, 97, 80, dtype=torch.complex128)
    p = null_space_part(x, mask)
    assert (mask * fft2c(p)).abs().max() < 1e-12
    assert torch.allclose(null_space_part(p, mask), p) and torch.allclose(x - p, ifft2c(mask * fft2c(x)))


def test_the_share_that_is_found_of_what_was_not_measured(heads, mask):
    detail = null_space_part(heads, mask)
    for image, goal in ((heads, 1), (heads - detail, 0), (heads - 0.5 * detail, 0.75), (heads - 2 * detail, -3)):
        assert torch.allclose(share_found(image, heads, mask), torch.full((6,), float(goal)), atol=1e-3)


def test_each_part_of_an_error_is_found(heads, blurred, mask):
    detail = null_space_part(heads, mask)
    size = detail.abs().square().sum((1, 2))
    noise = random_complex(*heads.shape, seed=3)
    for image, goal in (
        (heads, (0, 0, 0)),
        (blurred, (0, 1, 0)),
        (blurred + 0.7 * detail, (0, 0.09, 0)),
        (heads + 0.1 * blurred, (0.01 * blurred.abs().square().sum((1, 2)) / size, 0, 0)),
    ):
        for found, wanted in zip(split_error(image, heads, mask), goal, strict=True):
            assert torch.allclose(found, torch.as_tensor(wanted, dtype=found.dtype).expand(6), rtol=1e-3, atol=1e-4)
    image = blurred + 0.5 * detail + 0.01 * noise
    whole = (image - heads).abs().square().sum((1, 2)) / size
    assert torch.allclose(sum(split_error(image, heads, mask)), whole, rtol=1e-3)
    assert all((part > 0).all() for part in split_error(image, heads, mask))


def test_a_reference_without_detail_is_refused(blurred, mask):
    with pytest.raises(ValueError, match="nothing outside the mask"):
        split_error(blurred, ifft2c(mask * fft2c(blurred.to(torch.complex128))), mask)


# --- what the coils do not see ---


def test_of_one_uniform_coil_it_is_the_null_space_and_a_small_rest(heads, mask):
    A = SenseOperator(torch.ones(1, 97, 80, dtype=torch.complex64), mask)
    hidden = null_space_part(heads[0], mask)
    wanted = hidden + 0.2 / 1.2 * (heads[0] - hidden)
    assert (surviving_error(heads[0], A, 0.2) - wanted).norm() < 1e-4 * heads[0].norm()


def test_data_consistency_without_noise_passes_on_this_part_of_an_error():
    A = SenseOperator(random_complex(3, 21, 16, seed=1, dtype=torch.complex128), acs_mask(21, 9))
    truth, prior = (random_complex(21, 16, seed=seed, dtype=torch.complex128) for seed in (2, 3))
    weight = torch.tensor(0.3, dtype=torch.float64)
    options = {"n_iterations": 200, "tolerance": 1e-12}
    image = data_consistency(A, A.normal(truth), prior, weight, **options)
    passed_on = surviving_error(prior - truth, A, weight, n_iterations=200)
    assert (image - truth - passed_on).norm() < 1e-4 * truth.norm()


def test_a_weight_of_zero_is_refused(mask):
    A = SenseOperator(torch.ones(1, 97, 80, dtype=torch.complex64), mask)
    with pytest.raises(ValueError, match="reg_weight is 0.0; expected a number above 0"):
        surviving_error(random_complex(97, 80), A, 0.0)


def test_grain_is_correlated_away_from_edges():
    """A sharp edge, or a bright margin, in both images must not count as shared grain."""
    generator = torch.Generator().manual_seed(0)
    grain, other = torch.randn(2, 3, 64, 60, generator=generator)
    tissue = torch.ones(64, 60)
    tissue[:, 30:] = 3.0  # an edge in both
    tissue[:, 50:] = 0.0
    first = tissue * (1 + 0.02 * grain)
    for share in (1.0, 0.6, 0.0, -0.6):
        mixed = share * grain + (1 - share**2) ** 0.5 * other
        second = 5 * (4 - tissue) * (tissue > 0) * (1 + 0.02 * mixed)
        found = grain_correlation(first, second, flattest=0.5)
        assert found.shape == (3,)
        torch.testing.assert_close(found.mean(), torch.tensor(share), atol=0.08, rtol=0)
    turned = torch.polar(first, torch.full_like(first, 1.0))
    torch.testing.assert_close(grain_correlation(turned, first), torch.ones(3))
    small = grain_correlation(1e-9 * first, 1e9 * second, flattest=0.5)
    torch.testing.assert_close(small, grain_correlation(first, second, flattest=0.5), atol=1e-3, rtol=0)


def test_grain_of_what_does_not_fit_is_refused():
    image = torch.ones(2, 20, 20)
    with pytest.raises(ValueError, match="expected one, .slices, y, x."):
        grain_correlation(image, image[:, 1:])
    with pytest.raises(ValueError, match="expected one, .slices, y, x."):
        grain_correlation(image[0], image[0])
    with pytest.raises(ValueError, match="flattest is 0"):
        grain_correlation(image, image, flattest=0)
    with pytest.raises(ValueError, match="zero everywhere"):
        grain_correlation(image, 0 * image)
