"""Scans measured once: each comes back as it was, with maps from its own centre."""

from dataclasses import replace

import pytest
import torch

from mricourse.physics.coil_maps import espirit
from mricourse.physics.fourier import fft2c
from mricourse.physics.sampling import acceleration_of, acs_mask
from mricourse.simulate.measured_once import MeasuredOnce

SMALL = {"shape": (48, 40), "acs": 6, "noise_std": (0.004, 0.01)}


def scans(**options):
    return MeasuredOnce("train", 5, **SMALL | options)


def test_a_scan_is_a_function_of_its_number():
    first, again = scans()[7], scans()[7]
    assert torch.equal(first.kspace, again.kspace) and torch.equal(first.mask, again.mask)
    assert not torch.equal(first.kspace, scans()[8].kspace)
    assert not torch.equal(first.reference, replace(scans(), split="test")[7].reference)
    assert not torch.equal(first.reference, replace(scans(), seed=6)[7].reference)


def test_of_so_many_each_comes_back_with_the_same_lines_and_noise():
    few = scans(n_scans=3)
    first, again, other = few[1], few[4], few[2]
    assert torch.equal(first.kspace, again.kspace) and torch.equal(first.mask, again.mask)
    assert not torch.equal(first.mask, other.mask)
    assert torch.equal(few[1].kspace, scans()[1].kspace)
    assert few.to_judge("train", 9).n_scans is None


def test_lines_are_those_of_the_density():
    data = scans()
    for index in range(4):
        mask = data[index].mask
        assert mask.shape == (48, 1) and acceleration_of(mask) == 4 and mask[acs_mask(48, 6)].all()
    assert float(data.density().sum()) == pytest.approx(12)
    assert data.ranges()["acceleration"] == [4, 4] and data.samplings() == ["lines along kx"]


def test_one_mask_is_that_of_all_scans_of_every_seed():
    masks = [scans(one_mask=True)[0].mask, scans(one_mask=True)[3].mask]
    masks.append(scans(one_mask=True).to_judge("test", 77)[1].mask)
    assert all(torch.equal(masks[0], each) for each in masks)


def test_a_scan_is_what_its_operator_measures_plus_noise():
    scan = scans()[2]
    error = (scan.kspace - scan.mask * fft2c(scan.reference))[scan.mask.expand(1, 48, 40)]
    assert float(torch.view_as_real(error).std()) == pytest.approx(scan.meta["noise_std"], rel=0.1)
    assert scan.reference.abs().max() == pytest.approx(1)


def test_maps_come_from_the_measured_centre_alone():
    scan = scans(n_coils=4, acs=12, acceleration=3)[1]
    assert scan.n_coils == 4 and torch.equal(scan.smaps, espirit(scan.kspace, acs=12))
    outside = scan.kspace.clone()
    outside[:, ~acs_mask(48, 12)[:, 0]] = 0
    assert torch.allclose(scan.smaps, espirit(outside, acs=12), atol=1e-4), "no line outside the centre has a say"


def test_a_second_measurement_has_other_noise_and_tests_have_one():
    data = scans(acceleration=1, repetitions=2)
    scan = data[0]
    assert scan.n_coils == 2 and bool(scan.mask.all()) and data.samplings() == ["all of k-space"]
    errors = scan.kspace - fft2c(scan.reference)
    first, second = (each.flatten() for each in errors)
    assert torch.vdot(first, second).abs() < 0.1 * first.norm() * second.norm()
    assert data.to_judge("train", 3)[0].n_coils == 2 and data.to_judge("test", 3)[0].n_coils == 1
    assert data.ranges()["acs"] == [48, 48]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": (16, 40)}, "shape is .*; expected 32 to 256"),
        ({"noise_std": (0.1,)}, "noise_std is"),
        ({"noise_std": (0.1, 0.01)}, "noise_std is"),
        ({"n_coils": 0}, "n_coils is 0"),
        ({"n_coils": 4}, "acs is 6 with 4 coils; expected 12 or more"),
        ({"n_coils": 4, "acs": 12, "acceleration": 2, "repetitions": 2}, "repetitions is 2 with 4 coils"),
        ({"acceleration": 12}, "lower acceleration or acs"),
        ({"n_scans": 0}, "n_scans is 0; expected 1 to 10000"),
        ({"power": -1}, "power is -1"),
    ],
)
def test_a_number_that_cannot_be_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        scans(**options)
