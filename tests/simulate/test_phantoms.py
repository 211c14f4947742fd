"""Phantoms: ranges, periodicity, and the water-fat signal model."""

import math

import pytest
import torch

from mricourse.simulate.phantoms import (
    FAT_PEAK_SHARES,
    FAT_PEAKS_HZ,
    abdominal_phantom,
    beating_phantom,
    ellipse,
    fat_signal,
    multi_echo_signal,
    shepp_logan,
)


@pytest.mark.parametrize("shape", [(64, 64), (51, 80)])
def test_shepp_logan(shape):
    image = shepp_logan(shape)
    ny, nx = shape
    assert image.shape == shape and 0 <= float(image.min()) and float(image.max()) == 1
    assert float(image[0].max()) == 0
    assert float(image[ny // 8, nx // 2]) == pytest.approx(0.2, abs=1e-5)  # brain


def test_shepp_logan_agrees_with_scikit_image():
    """Correlation, since edges and pixel centres differ by half a pixel."""
    data = pytest.importorskip("skimage.data")
    transform = pytest.importorskip("skimage.transform")
    other = torch.from_numpy(transform.resize(data.shepp_logan_phantom(), (128, 128), anti_aliasing=True)).float()
    stacked = torch.stack([shepp_logan((128, 128)).flatten(), other.flatten()])
    assert float(torch.corrcoef(stacked)[0, 1]) > 0.97


def test_ellipse_has_the_right_area_and_turn():
    disc = ellipse((101, 140), (0.1, -0.2), (0.5, 0.3))
    assert float(disc.sum()) == pytest.approx(math.pi * 0.5 * 50.5 * 0.3 * 70, rel=0.01)
    turned = ellipse((101, 101), (0.0, 0.0), (0.1, 0.6), angle_rad=math.pi / 4)
    assert turned[35, 65] == 1 and turned[35, 35] == 0  # counter-clockwise: up on the right


@pytest.mark.parametrize("shape", [(64, 64), (49, 70)])
def test_beating_phantom_beats_in_the_heart_only(shape):
    frames = beating_phantom(12, shape)
    assert frames.shape == (12, *shape) and frames.dtype == torch.complex64
    assert float(frames.abs().max()) == pytest.approx(1)
    moving = frames.abs().std(dim=0) > 1e-3
    ny, nx = shape
    assert 0.02 < float(moving.float().mean()) < 0.2
    rows, columns = moving.nonzero(as_tuple=True)
    assert rows.min() > 0.3 * ny and rows.max() < 0.75 * ny
    assert columns.min() > 0.3 * nx and columns.max() < 0.75 * nx


def test_beating_phantom_is_periodic():
    twice = beating_phantom(16, (32, 32), n_beats=2)
    assert torch.allclose(twice[:8], twice[8:], atol=1e-6)
    once = beating_phantom(40, (64, 64))
    steps = (once.roll(-1, 0) - once).abs().flatten(1).norm(dim=1)
    assert float(steps.max()) < 4 * float(steps.mean())  # no jump where the beat closes


@pytest.mark.parametrize("shape", [(64, 64), (57, 90)])
def test_abdominal_maps_are_in_range(shape):
    phantom = abdominal_phantom(shape, seed=3)
    for values in (phantom.pdff, phantom.r2star_per_s, phantom.pd, phantom.b0_hz):
        assert values.shape == shape and bool(values.isfinite().all())
    assert 0 <= float(phantom.pdff.min()) and float(phantom.pdff.max()) <= 1
    assert float(phantom.r2star_per_s.min()) > 5 and float(phantom.r2star_per_s.max()) < 300
    assert phantom.liver.float().mean() > 0.03
    assert float(phantom.pd[0].max()) == 0 and bool(phantom.body[phantom.liver].all())


def test_abdominal_seed_is_a_subject():
    first, again, other = (abdominal_phantom((48, 48), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.pdff, again.pdff) and torch.equal(first.b0_hz, again.b0_hz)
    assert not torch.equal(first.pdff, other.pdff)
    liver_fat = [float(p.pdff[p.liver].median()) for p in (abdominal_phantom((48, 48), seed=s) for s in range(12))]
    assert max(liver_fat) - min(liver_fat) > 0.15


def test_rates_scale_with_the_field():
    low, high = (abdominal_phantom((48, 48), seed=1, b0_t=b0_t) for b0_t in (1.5, 3.0))
    assert torch.allclose(2 * low.r2star_per_s, high.r2star_per_s)


def test_fat_signal():
    assert complex(fat_signal([0.0])[0]) == pytest.approx(1)
    te_ms = 1000 / abs(FAT_PEAKS_HZ[1]) / 2  # the main peak opposes water here at 1.5 T
    assert float(fat_signal([te_ms], b0_t=1.5).real) < -0.6
    assert torch.allclose(fat_signal([2.0], b0_t=3.0), fat_signal([4.0], b0_t=1.5), atol=1e-5)
    assert sum(FAT_PEAK_SHARES) == pytest.approx(0.999)


def test_echoes_start_at_the_density_and_decay():
    phantom = abdominal_phantom((40, 48), seed=0)
    first = phantom.echoes([0.0])
    assert first.shape == (1, 40, 48) and first.dtype == torch.complex64
    assert torch.allclose(first[0], phantom.pd.to(torch.complex64), atol=1e-5)
    water = multi_echo_signal(torch.zeros(3, 4), torch.full((3, 4), 50.0), [0.0, 20.0])
    assert torch.allclose(water[1].abs(), torch.full((3, 4), math.exp(-1)))


def test_field_map_turns_the_phase():
    zero = torch.zeros(2, 2)
    signal = multi_echo_signal(zero, zero, [1.0], b0_hz=100.0)
    assert torch.allclose(signal.angle(), torch.full((1, 2, 2), 2 * math.pi * 0.1), atol=1e-5)


def test_batches_and_gradients():
    pdff = torch.full((5, 4, 3), 0.3, requires_grad=True)
    rate = torch.full((5, 4, 3), 40.0, requires_grad=True)
    signal = multi_echo_signal(pdff, rate, [1.2, 2.4, 3.6], pd=torch.ones(5, 4, 3), b0_hz=torch.zeros(4, 3))
    assert signal.shape == (5, 3, 4, 3)
    signal.abs().sum().backward()
    assert bool((pdff.grad != 0).all()) and bool((rate.grad < 0).all())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shepp_logan((4, 64)), "shape"),
        (lambda: beating_phantom(0), "n_frames"),
        (lambda: beating_phantom(4, n_beats=0), "beats"),
        (lambda: abdominal_phantom((64,)), "shape"),
        (lambda: abdominal_phantom(b0_t=0), "b0_t"),
        (lambda: fat_signal([-1.0]), "te_ms"),
        (lambda: fat_signal(2.0), "te_ms"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()
