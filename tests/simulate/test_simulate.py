"""Both simulators: determinism, splits, what they promise about coils, noise, contrast and lesions."""

import math

import pytest
import torch

from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.physics.sampling import acceleration_of, equispaced_mask
from mricourse.simulate.anatomy import SPLITS, TISSUES, load_anatomy
from mricourse.simulate.contrasts import (
    CONTRASTS,
    TISSUES_3T,
    Tissue,
    inversion_recovery,
    nulling_ti,
    spin_echo,
    spoiled_gradient_echo,
    weighted_image,
)
from mricourse.simulate.lesions import Lesion
from mricourse.simulate.protocols import brain_slices, contrast_scan, contrast_scans, inside_head
from mricourse.simulate.random_draws import place_in_split, smooth_field
from mricourse.simulate.randomised import draw_scan, randomised_scan, randomised_scans

SMALL = (48, 41)


def same(first, second):
    return (
        torch.equal(first.kspace, second.kspace)
        and torch.equal(first.smaps, second.smaps)
        and torch.equal(first.reference, second.reference)
        and torch.equal(first.mask, second.mask)
    )


# --- domain-randomised slices


def test_same_seed_same_scan_other_seed_other_scan():
    first = randomised_scan("colin27", shape=SMALL, mask="any", seed=5)
    state = torch.get_rng_state()
    assert same(first, randomised_scan("colin27", shape=SMALL, mask="any", seed=5))
    assert torch.equal(state, torch.get_rng_state())  # the global generator stays untouched
    other = randomised_scan("colin27", shape=SMALL, mask="any", seed=6)
    assert not torch.equal(first.reference, other.reference)


@pytest.mark.parametrize("shape", [(48, 48), (33, 64), (65, 37), (160, 160)])
@pytest.mark.parametrize("name", ["mni152", "colin27", "s1"])
def test_what_every_scan_promises(name, shape):
    scan = randomised_scan(name, shape=shape, seed=11)
    assert scan.reference.shape == shape and scan.kspace.shape == (scan.n_coils, *shape)
    assert scan.kspace.dtype == scan.smaps.dtype == scan.reference.dtype == torch.complex64
    assert 4 <= scan.n_coils <= 16
    assert float(scan.reference.abs().max()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(scan.smaps.abs().square().sum(dim=0), torch.ones(shape), atol=1e-5)
    assert 10**-3 <= scan.meta["noise_std"] <= 10**-1.7
    assert scan.meta["anatomy"] == name and scan.meta["acceleration"] == 1.0
    assert scan.meta["simulated"]


def test_kspace_is_the_forward_model_plus_white_noise():
    scan = randomised_scan("s1", shape=(64, 51), n_coils=6, noise_std=0.01, seed=3)
    noise = scan.kspace - fft2c(scan.smaps * scan.reference)
    parts = torch.view_as_real(noise)
    assert float(parts.std()) == pytest.approx(0.01, rel=0.02)
    assert float(parts.mean().abs()) < 4 * 0.01 / math.sqrt(parts.numel())
    flat = noise.flatten(1)
    covariance = flat @ flat.conj().T / flat.shape[1]
    assert torch.allclose(covariance, 2e-4 * torch.eye(6, dtype=torch.complex64), atol=3e-5)
    spectrum = ifft2c(noise).abs().square().mean(dim=0)  # white: as strong at the border as in the middle
    assert float(spectrum[:8].mean() / spectrum[28:36].mean()) == pytest.approx(1, abs=0.15)


def test_without_noise_the_scan_is_exact():
    scan = randomised_scan("mni152", shape=SMALL, n_coils=4, noise_std=0.0, seed=2)
    assert torch.allclose(scan.kspace, fft2c(scan.smaps * scan.reference), atol=1e-5)
    background = scan.reference.abs() < 1e-6
    assert background.float().mean() > 0.1  # air is zero, not faint


def test_phase_and_maps_are_smooth():
    scan = randomised_scan("colin27", shape=(96, 96), n_coils=8, noise_std=0.0, seed=8)
    inside = scan.reference.abs() > 0.1
    inside = inside[1:] & inside[:-1]
    step = (scan.reference[1:] * scan.reference[:-1].conj()).angle().abs()[inside]
    assert float(step.max()) < 0.2
    assert float((scan.smaps[:, 1:] - scan.smaps[:, :-1]).abs().max()) < 0.15


@pytest.mark.parametrize("mask", ["equispaced", "random", "variable_density", "any"])
def test_named_patterns(mask):
    scan = randomised_scan("s1", shape=(96, 48), mask=mask, acceleration=4, n_coils=4, seed=4)
    assert scan.mask.shape == (96, 1)
    assert scan.meta["acceleration"] == acceleration_of(scan.mask)
    assert 2.0 < scan.meta["acceleration"] <= 4.3
    assert 6 <= scan.meta["acs"] <= 12
    assert float((scan.kspace * ~scan.mask).abs().max()) == 0


def test_any_draws_both_patterns_and_three_to_five():
    scans = list(randomised_scans("test", 24, shape=(96, 48), n_coils=1, mask="any"))
    assert {scan.meta["pattern"] for scan in scans} == {"equispaced", "random"}
    assert max(scan.meta["acceleration"] for scan in scans) < 5.2
    assert randomised_scan("s1", shape=SMALL, acceleration=3, seed=1).meta["pattern"] in ("equispaced", "random")


def test_a_given_mask_is_used():
    mask = equispaced_mask(48, 3, acs=8)
    scan = randomised_scan("s1", shape=(48, 40), mask=mask, seed=1)
    assert torch.equal(scan.mask, mask)


def test_draws_differ_in_plane_and_contrast():
    scans = list(randomised_scans("train", 40, shape=(32, 32), n_coils=1))
    planes = {scan.meta["plane"] for scan in scans}
    assert {"axial", "coronal", "sagittal"} <= planes and any("oblique" in plane for plane in planes)
    assert {scan.meta["anatomy"] for scan in scans} == set(SPLITS["train"])


# --- splits: by anatomy and seed, never by slice


def test_splits_share_neither_anatomy_nor_seed():
    draws = {split: [place_in_split(split, i, s) for s in range(3) for i in range(4000)] for split in SPLITS}
    anatomies = {split: {name for name, _ in pairs} for split, pairs in draws.items()}
    seeds = {split: {seed for _, seed in pairs} for split, pairs in draws.items()}
    assert anatomies["train"].isdisjoint(anatomies["test"])
    assert seeds["train"].isdisjoint(seeds["test"])
    assert all(len(seeds[split]) == 12000 for split in SPLITS)  # nor does a seed repeat within a split
    for split in SPLITS:
        assert anatomies[split] == set(SPLITS[split])


def test_every_helper_stays_in_its_split():
    for split in SPLITS:
        scans = [*randomised_scans(split, 6, shape=(32, 32), n_coils=1), *contrast_scans(split, 4, shape=(32, 32))]
        assert all(scan.meta["anatomy"] in SPLITS[split] and scan.meta["split"] == split for scan in scans)


def test_draws_are_addressable():
    third = list(randomised_scans("train", 3, shape=SMALL, seed=9))[2]
    assert same(third, draw_scan("train", 2, seed=9, shape=SMALL))
    assert not torch.equal(third.reference, draw_scan("train", 2, seed=10, shape=SMALL).reference)


# --- signal equations


def test_spin_echo_limits():
    assert float(spin_echo(0.8, 900.0, 80.0, tr_ms=1e6, te_ms=0)) == pytest.approx(0.8)
    assert float(spin_echo(0.8, 900.0, 80.0, tr_ms=0, te_ms=10)) == 0
    assert float(spin_echo(1.0, 900.0, 80.0, tr_ms=1e6, te_ms=80)) == pytest.approx(math.exp(-1))


@pytest.mark.parametrize("t1_ms", [380.0, 832.0, 4163.0])
@pytest.mark.parametrize("tr_ms", [2300.0, 9000.0])
def test_inversion_recovery_nulls_and_changes_sign(t1_ms, tr_ms):
    null = nulling_ti(t1_ms, tr_ms=tr_ms)

    def signal(ti_ms):
        return float(inversion_recovery(1.0, t1_ms, 100.0, tr_ms=tr_ms, te_ms=0, ti_ms=ti_ms))

    assert abs(signal(null)) < 1e-5
    assert signal(0.8 * null) < 0 < signal(1.2 * null)
    assert float(inversion_recovery(1.0, 500.0, 100.0, tr_ms=1e6, te_ms=0, ti_ms=0)) == pytest.approx(-1)


def test_spoiled_gradient_echo_limits():
    full = spoiled_gradient_echo(1.0, 900.0, 50.0, tr_ms=1e6, te_ms=0, flip_deg=90)
    assert float(full) == pytest.approx(1)
    ernst = math.degrees(math.acos(math.exp(-20 / 900)))
    best, *others = (
        float(spoiled_gradient_echo(1.0, 900.0, 50.0, tr_ms=20, te_ms=3, flip_deg=ernst + off)) for off in (0, -3, 3)
    )
    assert all(best > other for other in others)


def test_contrasts_order_the_tissues_as_they_should():
    signal = {c: {t: abs(float(p.signal(TISSUES_3T[t]))) for t in TISSUES} for c, p in CONTRASTS.items()}
    assert signal["T1w"]["wm"] > signal["T1w"]["gm"] > signal["T1w"]["csf"]
    assert signal["T2w"]["csf"] > signal["T2w"]["gm"] > signal["T2w"]["wm"]
    assert signal["PDw"]["gm"] > signal["PDw"]["wm"]
    assert signal["FLAIR"]["gm"] > signal["FLAIR"]["wm"] > 5 * signal["FLAIR"]["csf"]


def test_times_out_of_range():
    with pytest.raises(ValueError, match="te_ms"):
        spin_echo(1.0, 900.0, 80.0, tr_ms=500, te_ms=-1)
    with pytest.raises(ValueError, match="flip_deg"):
        spoiled_gradient_echo(1.0, 900.0, 80.0, tr_ms=500, te_ms=1, flip_deg=0)
    with pytest.raises(ValueError, match="ti_ms"):
        inversion_recovery(1.0, 900.0, 80.0, tr_ms=500, te_ms=1, ti_ms=None)


def test_a_pure_pixel_gives_the_signal_of_its_tissue():
    for number, name in enumerate(TISSUES):
        pure = torch.zeros(len(TISSUES), 2, 3)
        pure[number] = 1
        protocol = CONTRASTS["T2w"]
        image = weighted_image(pure, protocol)
        assert torch.allclose(image, protocol.signal(TISSUES_3T[name]).abs().expand(2, 3))


# --- contrasts of a subject


def test_contrasts_of_one_subject_share_edges_not_values():
    t1w, t2w = (contrast_scan("s1", c, shape=(96, 96), noise_std=0, seed=4) for c in ("T1w", "T2w"))
    assert torch.equal(t1w.smaps, t2w.smaps)
    assert t1w.meta["tissues"] == t2w.meta["tissues"]
    assert not torch.equal(t1w.reference.angle(), t2w.reference.angle())
    air = [scan.reference.abs() < 1e-6 for scan in (t1w, t2w)]
    assert torch.equal(*air)
    brain = (
        load_anatomy("s1")
        .sample(load_anatomy("s1").plane_points("axial", (96, 96), index=t1w.meta["slice_index"]))[1:3]
        .sum(dim=0)
        > 0.9
    )
    values = torch.stack([scan.reference.abs()[brain] for scan in (t1w, t2w)])
    assert float(torch.corrcoef(values)[0, 1]) < -0.5


def test_subjects_differ_within_the_spread():
    tissues = [scan.meta["tissues"]["wm"] for scan in contrast_scans("test", 12, shape=(32, 32), n_coils=1)]
    t1_ms = torch.tensor([tissue.t1_ms for tissue in tissues])
    assert 5 < float(t1_ms.std()) < 80
    assert float((t1_ms - TISSUES_3T["wm"].t1_ms).abs().max()) < 0.12 * TISSUES_3T["wm"].t1_ms


def test_contrast_scan_is_deterministic_and_complete():
    options = {"shape": (48, 37), "n_coils": 5, "plane": "coronal", "thickness_mm": 3, "mask": "random", "seed": 3}
    first = contrast_scan("mni152", "FLAIR", **options)
    assert same(first, contrast_scan("mni152", "FLAIR", **options))
    assert first.meta["protocol"].ti_ms == 2430 and first.meta["field_strength_t"] == 3.0
    assert first.meta["thickness_mm"] == 3 and first.meta["plane"] == "coronal"
    assert isinstance(first.meta["tissues"]["csf"], Tissue)


def test_noise_level_as_asked():
    quiet, loud = (contrast_scan("s1", "T2w", shape=(64, 64), noise_std=level) for level in (0.0, 0.02))
    parts = torch.view_as_real(loud.kspace - quiet.kspace)
    assert float(parts.std()) == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("visible_in", [None, ("FLAIR",)])
def test_lesions_change_their_mask_only_and_only_where_visible(visible_in):
    options = {"shape": (128, 128), "noise_std": 0, "seed": 6}
    for contrast in ("T1w", "T2w", "FLAIR"):
        lesion = Lesion(radius_mm=6, visible_in=visible_in)
        healthy = contrast_scan("s1", contrast, **options).reference
        scan = contrast_scan("s1", contrast, lesion=lesion, **options)
        mask = scan.meta["lesion_mask"]
        assert mask.shape == (128, 128) and 20 < int(mask.sum()) < 400
        ratio = healthy.abs()[~mask].max() / scan.reference.abs()[~mask].max()
        change = (scan.reference * ratio - healthy).abs()
        assert float(change[~mask].max()) < 1e-5
        if visible_in is None or contrast in visible_in:
            assert float(change[mask].max()) > 0.05
        else:
            assert float(change.max()) < 1e-5


def test_lesions_lie_at_the_same_place_in_every_contrast():
    masks = [
        contrast_scan("colin27", contrast, lesion=[Lesion(), Lesion(centre=(60, 80), radius_mm=3)], seed=2).meta
        for contrast in ("T1w", "FLAIR")
    ]
    assert torch.equal(masks[0]["lesion_mask"], masks[1]["lesion_mask"])


def test_a_plaque_is_dark_on_t1w_and_bright_on_flair():
    plaque = Lesion().tissue
    for contrast, sign in (("T1w", -1), ("T2w", 1), ("FLAIR", 1)):
        protocol = CONTRASTS[contrast]
        assert sign * (float(protocol.signal(plaque)) - float(protocol.signal(TISSUES_3T["wm"]))) > 0.05


def test_brain_slices_are_the_references_of_contrast_scans():
    images = brain_slices("test", 3, contrast="T2w", shape=(40, 33), seed=1)
    assert images.shape == (3, 40, 33) and images.dtype == torch.complex64
    scans = contrast_scans("test", 3, contrast="T2w", shape=(40, 33), n_coils=2, seed=1)
    assert all(torch.equal(image, scan.reference) for image, scan in zip(images, scans, strict=True))
    assert torch.allclose(images.abs().amax(dim=(1, 2)), torch.ones(3))


def test_twenty_slices_are_twenty_different_slices():
    images = brain_slices("test", 20, shape=(32, 32)).abs().flatten(1)
    distance = torch.cdist(images, images) + 10 * torch.eye(20)
    assert float(distance.min()) > 0.3
    indices = [scan.meta["slice_index"] for scan in contrast_scans("test", 20, shape=(32, 32), n_coils=1)]
    assert len(set(indices)) == 20


def test_smooth_field_stays_in_range():
    field = smooth_field((37, 50), n_control=5, generator=torch.Generator().manual_seed(0))
    assert field.shape == (37, 50) and float(field.abs().max()) <= 1
    assert float((field[1:] - field[:-1]).abs().max()) < 0.2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: randomised_scan("bert", seed=0), "anatomy"),
        (lambda: randomised_scan("s1", shape=(8, 64), seed=0), "shape"),
        (lambda: randomised_scan("s1", n_coils=0, seed=0), "n_coils"),
        (lambda: randomised_scan("s1", noise_std=-1.0, seed=0), "noise_std"),
        (lambda: randomised_scan("s1", shape=SMALL, mask="radial", seed=0), "equispaced, random"),
        (
            lambda: randomised_scan("s1", shape=SMALL, mask=equispaced_mask(48, 2), acceleration=2, seed=0),
            "one of them",
        ),
        (lambda: draw_scan("validation", 0), "split"),
        (lambda: draw_scan("train", -1), "index"),
        (lambda: contrast_scan("s1", "SWI"), "T1w, "),
        (lambda: contrast_scan("s1", "T1w", plane="transverse"), "axial"),
        (lambda: contrast_scan("s1", "T1w", plane="transverse", index=3), "axial"),
        (lambda: contrast_scan("s1", "T1w", index=500), "index"),
        (lambda: contrast_scan("s1", "T1w", index=-1), "index"),
        (lambda: contrast_scan("s1", "T1w", thickness_mm=0), "thickness_mm"),
        (lambda: contrast_scan("s1", "T1w", lesion=Lesion(centre=(500, 3))), "centre"),
        (lambda: contrast_scan("s1", "T1w", lesion=Lesion(radius_mm=-1)), "radius"),
        (lambda: contrast_scan("s1", "T1w", index=0, lesion=Lesion()), "white matter"),
    ],
)
def test_errors_say_what_was_expected(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_inside_head_fills_hollows_and_leaves_out_air():
    image = torch.zeros(4, 7, dtype=torch.complex64)
    image[1, 2] = image[1, 5] = 1j
    inside = inside_head(image)
    assert inside[1].tolist() == [False, False, True, True, True, True, False]
    assert not inside[[0, 2, 3]].any()
    torch.testing.assert_close(inside_head(torch.stack([image, 2 * image])), torch.stack([inside, inside]))
