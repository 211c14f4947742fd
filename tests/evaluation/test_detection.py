"""An observer of lesions: known contrasts, known noise, and rates that can be counted."""

import math

import pytest
import torch

from mricourse.evaluation.detection import Readings, detection_rate, lesion_responses, lesion_template, read_lesions
from mricourse.simulate.lesions import add_disc, add_discs, flat_place


def test_template_reads_the_contrast_and_no_level():
    template = lesion_template((40, 36), (20, 15), 3)
    assert template[template > 0].sum() == pytest.approx(1) and template[template < 0].sum() == pytest.approx(-1)
    flat = torch.full((40, 36), 0.5, dtype=torch.complex64)
    disc = add_disc(flat, centre=(20, 15), radius=5, contrast=0.2)  # larger than the disc and its ring's inner edge
    assert (template * flat.abs()).sum() == pytest.approx(0, abs=1e-5)
    assert 0.15 < float((template * add_disc(flat, centre=(20, 15), radius=3, contrast=0.2).abs()).sum()) < 0.2
    assert float((template * disc.abs()).sum()) < 0.2
    with pytest.raises(ValueError, match="expected 4 pixels of image"):
        lesion_template((40, 36), (5, 15), 3)


def test_readings_of_known_noise():
    flat = torch.full((1, 32, 32), 1.0, dtype=torch.complex64)
    lesion = add_disc(flat[0], centre=(16, 16), radius=2, contrast=0.1)[None]
    template = lesion_template((32, 32), (16, 16), 2)[None]
    methods = {"as it is": lambda x: x, "half": lambda x: 0.5 * x}
    found = read_lesions(methods, flat, lesion, [(16, 16)], radius=2, noise_std=0.02, n_draws=400)
    plain, half = found["as it is"], found["half"]
    spread = 0.02 * math.sqrt(float(template.square().sum()))
    assert plain.without.shape == plain.present.shape == (1, 400)
    assert float(plain.contrast_kept) == pytest.approx(1, abs=0.1)
    assert float(half.contrast_kept) == pytest.approx(0.5 * float(plain.contrast_kept), rel=1e-4)
    assert float(plain.detectability) == pytest.approx(float(plain.true) / spread, rel=0.15)
    assert float(half.detectability) == pytest.approx(float(plain.detectability), rel=1e-4)
    assert float(plain.pixel_noise) == pytest.approx(0.02, rel=0.1)
    assert float(plain.cnr) == pytest.approx(float(plain.true) / 0.02, rel=0.15)
    assert float(plain.reading_noise) == pytest.approx(spread, rel=0.1)
    assert float(half.contrast) == pytest.approx(0.5 * float(plain.contrast), rel=1e-4)
    no_lesion, with_lesion = plain.pooled
    assert isinstance(plain, Readings) and no_lesion.shape == (400,) and abs(float(no_lesion.mean())) < 1e-6
    assert float(with_lesion.mean()) == pytest.approx(float(plain.true) * float(plain.contrast_kept), rel=1e-4)


def test_detection_rate_can_be_counted():
    without = torch.arange(1.0, 11.0)
    assert detection_rate(without, torch.tensor([3.0, 8.9, 10.2, 12.0]), false_alarms=0.1) == 0.5
    stacked = detection_rate(without.expand(2, 10), torch.tensor([[20.0, 0.0], [20.0, 20.0]]), false_alarms=0.2)
    assert stacked.tolist() == [0.5, 1.0]


def test_a_disc_keeps_the_phase_and_lies_where_it_is_flat():
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(40.0), indexing="ij")
    image = torch.polar(0.5 + 0.2 * torch.cos(y) * (x < 22), 0.1 * x)
    place = flat_place(image, radius=6)
    assert place[1] >= 28
    disc = add_disc(image, centre=place, radius=3, contrast=-0.2)
    assert torch.allclose(disc.angle(), image.angle(), atol=1e-5)
    assert disc[place].abs() == pytest.approx(float(image[place].abs()) - 0.2, abs=1e-5)
    two = add_discs(torch.stack([image, 2 * image]), [place, place], radius=3, contrast=-0.2)
    assert torch.equal(two[0], disc) and not torch.equal(two[1], two[0])
    with pytest.raises(ValueError, match="expected a head"):
        flat_place(torch.zeros(30, 30) + torch.eye(30), radius=6)


def test_responses_are_read_in_every_contrast():
    flat = torch.polar(torch.full((2, 3, 40, 36), 0.5), torch.linspace(0, 2, 36).expand(2, 3, 40, 36))
    places = [(20, 15), (18, 20)]
    present = flat.clone()
    for number, place in enumerate(places):
        present[number, 1] = add_disc(flat[number, 1], centre=place, radius=3, contrast=-0.2)
    found = lesion_responses(present, flat, places, radius=3)
    assert found.shape == (2, 3) and found[:, [0, 2]].abs().max() < 1e-6
    assert torch.all(found[:, 1] < -0.15) and torch.all(found[:, 1] > -0.2)
    with pytest.raises(ValueError, match="got 1 places for 2 slices"):
        lesion_responses(present, flat, places[:1], radius=3)
    with pytest.raises(ValueError, match=r"expected one, \(slices, contrasts, y, x\)"):
        lesion_responses(present[:, 1], flat[:, 1], places, radius=3)
