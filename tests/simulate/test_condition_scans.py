"""Scans under a condition: one factor changes, and the same slice of the same subject stays."""

from dataclasses import replace

import pytest
import torch

from mricourse.physics.fourier import fft2c
from mricourse.simulate.condition_scans import ConditionScans

SMALL = {"shape": (48, 40), "noise_std": (0.004, 0.004)}


def scans(split="train", **options):
    return ConditionScans(split, 5, **SMALL | options)


def test_a_scan_is_a_function_of_its_number():
    first, again = scans()[7], scans()[7]
    assert torch.equal(first.kspace, again.kspace) and torch.equal(first.mask, again.mask)
    assert not torch.equal(first.kspace, scans()[8].kspace)
    assert not torch.equal(first.reference, scans("test")[7].reference)
    assert not torch.equal(first.reference, replace(scans(), seed=6)[7].reference)


@pytest.mark.parametrize(
    "change",
    [{"patterns": {"equispaced": 1.0}}, {"acceleration": (2, 2)}, {"noise_std": (0.03, 0.03)}, {"n_coils": 4}],
)
def test_lines_noise_and_coils_leave_the_head_as_it_is(change):
    assert torch.equal(scans(**change)[3].reference, scans()[3].reference)


def test_another_contrast_shows_the_same_place_with_the_same_lines_and_phase():
    t1w, t2w = scans()[3], scans(contrasts={"T2w": 1.0})[3]
    assert torch.equal(t1w.mask, t2w.mask) and t1w.meta["slice_index"] == t2w.meta["slice_index"]
    assert not torch.allclose(t1w.reference.abs(), t2w.reference.abs(), atol=0.1)
    inside = (t1w.reference.abs() > 0.1) & (t2w.reference.abs() > 0.1)
    assert torch.allclose(t1w.reference.angle()[inside], t2w.reference.angle()[inside], atol=1e-3)
    noise = [each.kspace - each.mask * fft2c(each.reference) for each in (t1w, t2w)]
    assert torch.allclose(noise[0], noise[1], atol=1e-5)


def test_a_larger_matrix_shows_the_same_head_in_finer_pixels():
    coarse, fine = scans()[3], scans(shape=(96, 80))[3]
    assert fine.meta["pixel_mm"] == pytest.approx(coarse.meta["pixel_mm"] / 2)


@pytest.mark.parametrize("pattern", ["random", "variable_density", "equispaced"])
@pytest.mark.parametrize("acceleration", [2, 4, 6])
def test_the_acceleration_is_net_for_all_patterns(pattern, acceleration):
    options = {"patterns": {pattern: 1.0}, "acceleration": (acceleration, acceleration)}
    for index in range(3):
        lines = int(scans(shape=(96, 40), **options)[index].mask.sum())
        assert abs(lines - 96 / acceleration) <= (4 if pattern == "equispaced" else 0)


def test_noise_is_as_strong_as_it_says():
    scan = scans(n_coils=3)[2]
    error = (scan.kspace - scan.mask * fft2c(scan.smaps * scan.reference))[scan.mask.expand(3, 48, 40)]
    assert float(torch.view_as_real(error).std()) == pytest.approx(0.004, rel=0.1)
    assert scan.reference.abs().max() == pytest.approx(1)


def test_shares_are_drawn():
    mixed = scans(contrasts={"T1w": 1.0, "T2w": 1.0}, patterns={"random": 1.0, "equispaced": 0.0})
    drawn = [mixed[index].meta for index in range(12)]
    assert {each["contrast"] for each in drawn} == {"T1w", "T2w"} and {each["pattern"] for each in drawn} == {"random"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contrasts": {"T3w": 1.0}}, "expected shares of T1w"),
        ({"patterns": {"spiral": 1.0}}, "expected shares of equispaced"),
        ({"patterns": {"random": 0.0}}, "one share above 0"),
        ({"acceleration": (0, 4)}, "acceleration is"),
        ({"noise_std": (0.01, 0.005)}, "noise_std is"),
        ({"shape": (16, 96)}, "shape is"),
        ({"n_coils": 0}, "n_coils is 0"),
    ],
)
def test_what_cannot_be_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        scans(**change)
