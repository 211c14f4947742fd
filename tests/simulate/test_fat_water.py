"""Echoes of drawn abdomens: a function of the index, of known maps, with noise that a scanner would have."""

import pytest
import torch

from mricourse.physics.fourier import fft2c
from mricourse.physics.sampling import acceleration_of
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.simulate.phantoms import abdominal_phantom, multi_echo_signal


def test_a_subject_is_a_function_of_its_number():
    scans = FatWaterScans("train", 3, shape=(40, 37))
    again = FatWaterScans("train", 3, shape=(40, 37))
    assert torch.equal(scans[7].kspace, again[7].kspace) and torch.equal(scans[7].maps, again[7].maps)
    assert not torch.equal(scans[7].maps, scans[8].maps)
    for other in (scans.to_judge("test", 3), scans.to_judge("train", 4)):
        assert not torch.equal(scans[7].maps, other[7].maps) and other.te_ms == scans.te_ms


def test_the_echoes_are_those_of_the_maps():
    scan = FatWaterScans("train", 3, shape=(40, 37), b0_t=1.5)[1]
    made = multi_echo_signal(scan.maps[0] / 100, scan.maps[1], scan.meta["te_ms"], b0_hz=scan.meta["b0_hz"], b0_t=1.5)
    ratio = (scan.reference / scan.reference[:1])[:, scan.inside]
    assert torch.allclose(ratio, (made / made[:1])[:, scan.inside], atol=2e-4), "whatever density and phase at TE = 0"
    assert not scan.maps[:, ~scan.inside].any() and scan.maps[0].max() <= 100


def test_noise_and_lines_are_as_they_say():
    scans = FatWaterScans("train", 3, shape=(64, 48), noise_std=(0.02, 0.02))
    noise = []
    for index in range(6):
        scan = scans[index]
        assert acceleration_of(scan.mask[0, 0]) == pytest.approx(64 / 21)
        difference = (scan.kspace[:, 0] - fft2c(scan.reference))[scan.mask[:, 0].expand(-1, -1, 48)]
        noise.append(torch.view_as_real(difference))
    assert torch.cat(noise).std() == pytest.approx(0.02, rel=0.01)
    first, second = noise[0].unflatten(0, (6, -1))[:2]
    assert abs(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]) < 0.06, "each echo has its own"


def test_more_iron_is_drawn_where_it_is_asked_for():
    shape = (40, 40)
    plain, loaded = (
        abdominal_phantom(shape, seed=4, liver_rate_per_s=span) for span in ((30.0, 150.0), (300.0, 400.0))
    )
    assert torch.equal(plain.pdff, loaded.pdff) and torch.equal(plain.liver, loaded.liver)
    assert torch.equal(plain.r2star_per_s, abdominal_phantom(shape, seed=4).r2star_per_s)
    assert loaded.r2star_per_s[loaded.liver].median() > 250


def test_ranges_say_what_is_drawn():
    ranges = FatWaterScans("train", 0).ranges()
    assert ranges["acceleration"] == [3.05, 3.05] and ranges["n_coils"] == [1, 1] and ranges["acs"] == [8, 8]
    assert FatWaterScans("train", 0, acceleration=1).samplings() == ["all of k-space"]
    assert bool(FatWaterScans("train", 0, acceleration=1)[0].mask.all())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise_std": (0.1, 0.01)}, "noise_std is"),
        ({"n_echoes": 3}, "n_echoes is 3; expected 4 to 32"),
        ({"shape": (8, 64)}, "shape is"),
        ({"acceleration": 8, "acs": 12}, "expected 1 or more, and lines beside the centre"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        FatWaterScans("train", 0, **changes)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split is 'all'"):
        FatWaterScans("all", 0)[0]
