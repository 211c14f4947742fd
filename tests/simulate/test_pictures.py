"""Pictures that show no anatomy, and phase as scanners make it: what each is like, and that a seed fixes it."""

import math

import pytest
import torch

from mricourse.simulate.phases import scanner_phase
from mricourse.simulate.pictures import PICTURES, fractal, islands, outline, photograph, photographs, picture, pictured

SHAPES = [(96, 96), (120, 88), (57, 64)]


def drawn_from(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_seed_fixes_a_picture_of_greys_from_0_to_1(kind, shape):
    first, again, other = (picture(kind, shape, drawn_from(seed)) for seed in (3, 3, 4))
    assert first.shape == shape and first.dtype == torch.float32 and first.isfinite().all()
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=0.1)
    assert first.min() >= 0 and first.max() <= 1 and first.std() > 0.03


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="the picture is 'cat'; expected one of leaves, fractal, photograph"):
        picture("cat", (32, 32), drawn_from(0))


@pytest.mark.parametrize("decay", [0.9, 1.2, 1.8])
def test_the_spectrum_of_a_fractal_falls_as_a_power_of_frequency(decay):
    slopes = [slope(fractal((128, 160), drawn_from(seed), decay=decay)) for seed in range(8)]
    assert sum(slopes) / 8 == pytest.approx(-2 * decay, abs=0.25)  # of the power; the greys are clipped at both ends


def slope(image):
    """Of the logarithm of the mean power over that of the frequency, between 1/32 and 1/4 a pixel."""
    ny, nx = image.shape
    frequency = torch.hypot(torch.fft.fftfreq(ny)[:, None], torch.fft.fftfreq(nx))
    power = torch.fft.fft2(image).abs().square()
    edges = torch.logspace(-5, -2, 9, base=2)
    rings = [(frequency >= low) & (frequency < high) for low, high in zip(edges[:-1], edges[1:], strict=True)]
    x, y = (torch.stack([part[ring].mean() for ring in rings]).log() for part in (frequency, power))
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def test_islands_have_few_greys_and_rugged_edges():
    for seed in range(5):
        image = islands((96, 80), drawn_from(seed))
        greys = image.unique()
        assert 2 <= len(greys) <= 9
        flat = (image[1:] == image[:-1]).float().mean()
        assert 0.5 < flat < 0.995, "flat almost everywhere, with edges"


def test_leaves_leave_no_flat_ground():
    for seed in range(5):
        image = picture("leaves", (200, 160), drawn_from(seed))
        assert (image == image.mode().values.mode().values).float().mean() < 0.4
        assert image.unique().numel() > 50


def test_photographs_have_the_heavy_tailed_gradients_of_natural_images():
    assert [tuple(each.shape[1:]) for each in photographs()] == [(427, 640), (427, 640), (600, 512)]
    images = [photograph((128, 96), drawn_from(seed)) for seed in range(15)]
    assert kurtosis(images) > 5 > 4 > kurtosis([fractal((128, 96), drawn_from(seed)) for seed in range(15)])
    means = [float(image.mean()) for image in images]
    assert max(means) - min(means) > 0.2, "negatives and others"


def kurtosis(images):
    """Of the differences between neighbours, the median over images; 3 where they are Gaussian."""
    steps = [image[1:] - image[:-1] for image in images]
    found = [float((step - step.mean()).pow(4).mean() / step.var().square()) for step in steps]
    return sorted(found)[len(found) // 2]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_outline_has_air_at_the_border_and_something_inside(shape):
    for seed in range(20):
        inside = outline(shape, drawn_from(seed))
        assert inside.shape == shape and 0 <= inside.min() and inside.max() == 1
        assert not inside[0].any() and not inside[-1].any() and not inside[:, 0].any() and not inside[:, -1].any()
        assert 0.15 < (inside > 0.5).float().mean() < 0.95


def test_a_picture_keeps_the_phase_of_the_image_and_sometimes_its_outline():
    image = torch.zeros(64, 48, dtype=torch.complex64)
    image[10:50, 8:40] = 0.8 * torch.polar(torch.ones(()), torch.tensor(0.7))
    kept = 0
    for seed in range(20):
        found = pictured(image, "fractal", drawn_from(seed))
        both = (found != 0) & (image != 0)
        assert torch.allclose(found[both].angle(), torch.tensor(0.7), atol=1e-5)
        assert 0.02 <= found[both].abs().min() or not torch.equal(found != 0, image != 0)
        kept += torch.equal(found != 0, image != 0)
    assert 4 <= kept <= 16


# --- phase ---


@pytest.mark.parametrize("shape", SHAPES)
def test_a_phase_has_magnitude_one_and_is_fixed_by_its_seed(shape):
    image = torch.ones(shape)
    first, again, other = (scanner_phase(image, drawn_from(seed)) for seed in (1, 1, 2))
    assert first.shape == shape and first.is_complex()
    assert torch.allclose(first.abs(), torch.ones(shape), atol=1e-5)
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=0.1)


def test_phase_is_steep_in_places_only():
    """Of neighbouring pixels, in a third of a slice or less by more than half a radian; somewhere by more than that."""
    steep, largest = [], []
    for seed in range(40):
        phase = scanner_phase(torch.ones(192, 192), drawn_from(seed))
        step = (phase[1:] * phase[:-1].conj()).angle().abs()
        steep.append(float((step > 0.5).float().mean()))
        largest.append(float(step.max()))
    assert max(steep) < 0.33 and sum(steep) / 40 < 0.02
    assert sum(step > 0.5 for step in largest) >= 10 and max(largest) <= math.pi


def test_nothing_disturbs_the_field_of_an_empty_image():
    phase = scanner_phase(torch.zeros(64, 64), drawn_from(0))
    step = (phase[1:] * phase[:-1].conj()).angle().abs()
    assert step.max() < 1, "a polynomial alone"
