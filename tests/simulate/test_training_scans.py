"""Simulated scans to train on: pure functions of their number, exact strips, honest maps, masks and noise."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from mricourse.evaluation.metrics import nmse
from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_mask
from mricourse.physics.scan import Scan, stack
from mricourse.simulate import training_scans as training_data
from mricourse.simulate.anatomy import CHANNELS, SPLITS, load_anatomy
from mricourse.simulate.augmentation import flipped
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.random_draws import generator_for
from mricourse.simulate.randomised import _weighted_contrast, random_slice
from mricourse.simulate.texture import dead_leaves, roughened
from mricourse.simulate.training_scans import CALIBRATION, LIMITS, MASKS, SimulatedScans, _strip

SHARES = dict.fromkeys(MASKS, 1.0)
SMALL = {"matrix": (48, 64), "n_coils": (3, 5), "acs": (12, 16), "noise_std": (0.001, 0.004), "patterns": SHARES}


def same(first, second):
    return first.meta == second.meta and all(
        torch.equal(getattr(first, name), getattr(second, name)) for name in ("kspace", "smaps", "mask", "reference")
    )


@pytest.fixture(scope="module")
def scans():
    """Thirty scans of a set with every pattern, strips and reused draws."""
    drawn = SimulatedScans("train", 3, **SMALL, strip=32, pool=3, reuse=3)
    return [drawn[i] for i in range(30)]


@pytest.fixture(scope="module")
def whole():
    """Whole slices, a draw each."""
    drawn = SimulatedScans("train", 4, **SMALL, pool=1, reuse=1)
    return [drawn[i] for i in range(12)]


# --- pure functions of their number


def test_a_scan_depends_on_its_number_alone(scans):
    options = {**SMALL, "strip": 32, "pool": 3, "reuse": 3}
    backwards = SimulatedScans("train", 3, **options)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    for i in [29, 0, 17, 17, 3, 28]:
        assert same(backwards[i], scans[i]), "in any order, and again"
    assert same(SimulatedScans("train", 3, **options)[11], scans[11]), "and without those before it"
    assert torch.equal(state, torch.get_rng_state()), "the global generator stays untouched"


def test_another_process_draws_the_same(scans):
    program = (
        "import json; from mricourse.simulate.training_scans import SimulatedScans; "
        f"scan = SimulatedScans('train', 3, **{SMALL!r}, strip=32, pool=3, reuse=3)[7]; "
        "print(json.dumps([scan.kspace.abs().sum().item(), scan.reference.abs().sum().item()]))"
    )
    found = json.loads(subprocess.check_output([sys.executable, "-c", program]))
    expected = [float(scans[7].kspace.abs().sum()), float(scans[7].reference.abs().sum())]
    assert found == pytest.approx(expected, rel=1e-5)  # it may use more threads


def test_seeds_and_splits_name_different_sets(scans):
    options = {**SMALL, "strip": 32, "pool": 3, "reuse": 3}
    seeds = {scan.meta["seed"] for scan in scans}
    for other in (SimulatedScans("train", 4, **options), SimulatedScans("test", 3, **options)):
        assert seeds.isdisjoint(other[i].meta["seed"] for i in range(6))


def test_each_draw_serves_about_reuse_scans_and_memory_holds_one_window(monkeypatch):
    simulated = []
    monkeypatch.setattr(SimulatedScans, "_simulate", fake_draw(simulated))
    scans = SimulatedScans("train", 1, **SMALL, pool=8, reuse=5)
    for i in range(400):
        scans[i]
        assert len(scans._drawn) <= 8 and min(scans._drawn) >= i // 5
    assert len(simulated) == len(set(simulated)), "none is simulated twice"
    assert 4.5 < 400 / len(simulated) < 6


def fake_draw(simulated):
    def simulate(self, index):
        simulated.append(index)
        ones = torch.ones(1, 48, 48, dtype=torch.complex64)
        return Scan(ones, ones, torch.ones(1, 1, dtype=torch.bool), ones[0], {"acs": 12})

    return simulate


# --- anatomies and ranges


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_draws_its_own_anatomies_and_no_others(split):
    drawn = SimulatedScans(split, 2, **SMALL, pool=1, reuse=1)
    found = {drawn[i].meta["anatomy"] for i in range(16)}
    assert found == set(SPLITS[split]) and {drawn[0].meta["split"]} == {split}


def test_two_hundred_scans_keep_to_the_ranges():
    options = SMALL | {"matrix": (48, 80), "n_coils": (3, 6), "acceleration": (2, 5)}
    drawn = SimulatedScans("train", 6, **options, strip=24, pool=2, reuse=4)
    seen = {"ny": set(), "n_coils": set(), "pattern": set(), "acs": set(), "width": set()}
    for i in range(200):
        scan = drawn[i]
        (ny, nx), meta = scan.shape, scan.meta
        assert ny in range(48, 81, 8) and 3 <= scan.n_coils <= 6 and 12 <= meta["acs"] <= 16
        assert 0.001 * 0.999 <= meta["noise_std"] <= 0.004 * 1.001
        assert nx in range(48, 81, 8) if meta["pattern"] == "points" else nx == 24
        assert 1 < meta["acceleration"] <= 5.01, "net: the centre is sampled too"
        seen["ny"].add(ny), seen["n_coils"].add(scan.n_coils), seen["pattern"].add(meta["pattern"])
        seen["acs"].add(meta["acs"]), seen["width"].add(nx)
    assert seen["n_coils"] == {3, 4, 5, 6} and seen["pattern"] == set(MASKS) and len(seen["ny"]) == 5
    assert len(seen["acs"]) == 5 and len(seen["width"]) > 3


def test_shares_of_patterns_are_drawn(monkeypatch):
    monkeypatch.setattr(SimulatedScans, "_simulate", fake_draw([]))
    shares = {"equispaced": 6, "random": 3, "variable_density": 1, "points": 0}
    drawn = SimulatedScans("train", 1, **SMALL | {"patterns": shares}, pool=1, reuse=1000)
    found = [drawn[i].meta["pattern"] for i in range(400)]
    for name, share in shares.items():
        assert found.count(name) / 400 == pytest.approx(share / 10, abs=4 * math.sqrt(share / 10 / 400) + 1e-9)


def test_large_matrices_get_lines_instead_of_points(monkeypatch):
    monkeypatch.setattr(training_data, "MAX_POINTS", 48 * 48 - 1)
    monkeypatch.setattr(SimulatedScans, "_simulate", fake_draw([]))
    drawn = SimulatedScans("train", 1, **SMALL | {"patterns": {"points": 1.0}}, pool=1, reuse=1)
    assert {(drawn[i].meta["pattern"], drawn[i].mask.shape[-1]) for i in range(5)} == {("random", 1)}


# --- masks, maps, reference and noise


def test_masks_hold_the_calibration_centre_and_kspace_nothing_else(scans):
    for scan in scans:
        acs = scan.meta["acs"] - (scan.meta["pattern"] == "points" and scan.meta["acs"] % 2)  # mirrored: off by one
        size = scan.shape if scan.meta["pattern"] == "points" else scan.shape[0]
        assert scan.mask[acs_mask(size, acs)].all()
        assert not (scan.kspace * ~scan.mask).any() and scan.kspace.any()
        assert scan.kspace.dtype == scan.smaps.dtype == scan.reference.dtype == torch.complex64


def test_the_reference_is_the_combined_image_of_complete_noisy_kspace():
    drawn = SimulatedScans("train", 4, **SMALL, pool=1, reuse=1)
    for i in range(4):
        scan = drawn._simulate(i)
        assert scan.mask.all()
        assert torch.equal(scan.reference, combine(ifft2c(scan.kspace), scan.smaps))
        power = scan.smaps.abs().square().sum(dim=0)
        assert torch.allclose(power[power > 0], torch.ones(()), atol=1e-4), "maps of ESPIRiT: one inside, zero outside"
        assert 0.2 < (power > 0).float().mean() <= 1


def test_maps_come_from_the_noisy_centre_and_not_from_the_simulator(monkeypatch):
    seen = []

    def espirit(kspace, *, acs):
        seen.append((kspace, acs))
        return simulate_coils(len(kspace), kspace.shape[1:])

    monkeypatch.setattr(training_data, "espirit", espirit)
    options = SMALL | {"matrix": (80, 96), "acs": (20, 30)}
    scans = [SimulatedScans("train", 9, **options)._simulate(i) for i in range(6)]
    for scan, (kspace, acs) in zip(scans, seen, strict=True):
        assert torch.equal(kspace, scan.kspace) and acs == min(scan.meta["acs"], CALIBRATION)
    assert {acs for _, acs in seen} != {CALIBRATION}


def test_the_noise_of_the_reference_is_what_the_noise_of_kspace_predicts():
    noisy, clean = (SMALL | {"noise_std": (low, high)} for low, high in ((0.01, 0.02), (1e-6, 1e-6)))
    ratios = []
    for i in range(8):
        scan, truth = (SimulatedScans("train", 8, **options)._simulate(i) for options in (noisy, clean))
        noise_std, exact = scan.meta["noise_std"], rss(ifft2c(truth.kspace))
        assert 0.01 <= noise_std <= 0.02 and truth.meta["noise_std"] == pytest.approx(1e-6)
        added = torch.view_as_real(scan.kspace - truth.kspace)
        assert float(added.std()) == pytest.approx(noise_std, rel=0.03) and float(added.mean().abs()) < 0.05 * noise_std
        head = (scan.reference != 0) & (exact > 10 * noise_std)  # of complex noise, one half changes the magnitude
        predicted = noise_std**2 * float(head.sum() / exact[head].square().sum())
        ratios.append(nmse(scan.reference.abs() * head, exact * head) / predicted)
    assert all(0.5 < ratio < 4 for ratio in ratios), ratios  # more than predicted: the maps are noisy too
    assert 0.8 < sorted(ratios)[4] < 2, ratios


def test_a_centre_too_poor_for_maps_is_refused(monkeypatch):
    """Small centres have maps too, so the estimate is emptied by hand."""
    monkeypatch.setattr("mricourse.simulate.training_scans.espirit", lambda kspace, **options: 0 * kspace)
    poor = SimulatedScans("train", 3, matrix=(32, 48), n_coils=(2, 3), acs=(8, 12), pool=1, reuse=1)
    with pytest.raises(ValueError, match="ESPIRiT finds no object in draw .* coils, .* ACS lines, .*: ask for more"):
        poor[0]


# --- strips and mirrors


@pytest.mark.parametrize("pattern", ["equispaced", "random", "variable_density"])
def test_the_normal_operator_of_a_strip_is_the_strip_of_the_normal_operator(pattern):
    drawn = SimulatedScans("train", 5, **SMALL | {"patterns": {pattern: 1.0}}, pool=1, reuse=1)
    for i in range(3):
        scan = drawn[i]
        full = drawn._simulate(i)
        full = full if torch.equal(full.reference, scan.reference) else flipped(full, -1)
        strip = _strip(full, 24, generator_for(i, "strip"))
        start = place_of(strip.smaps, full.smaps)
        columns = slice(start, start + 24)
        whole, part = (SenseOperator(each.smaps, scan.mask) for each in (full, strip))
        x = full.reference + 0.1 * torch.randn_like(full.reference.real)
        expected = whole.normal(x)[:, columns]
        assert (part.normal(x[:, columns]) - expected).norm() < 1e-5 * expected.norm()
        zero_filled = whole.adjoint(full.undersample(scan.mask).kspace)[:, columns]
        found = part.adjoint(strip.undersample(scan.mask).kspace)
        assert (found - zero_filled).norm() < 1e-5 * zero_filled.norm()
        assert torch.equal(strip.reference, full.reference[:, columns])


def place_of(strip, whole):
    width = strip.shape[-1]
    [start] = [i for i in range(whole.shape[-1] - width + 1) if torch.equal(whole[..., i : i + width], strip)]
    return start


def test_strips_hold_signal_or_the_slice_stays_whole(scans, whole):
    for scan in scans:
        if scan.meta["pattern"] != "points":
            assert scan.shape[1] == 32 and (scan.reference != 0).float().mean() > 0.15
    for scan in whole:
        assert scan.shape[1] >= 48
    full = replace(whole[0], reference=torch.zeros_like(whole[0].reference))
    assert _strip(full, 24, generator_for(0)) is full, "air alone teaches nothing"
    assert _strip(full, 64, generator_for(0)) is full, "as wide as the slice, or wider"


def test_half_of_the_scans_are_mirrored(whole):
    drawn = SimulatedScans("train", 4, **SMALL, pool=1, reuse=1)
    pairs = [(scan.reference.abs(), drawn._simulate(i).reference.abs()) for i, scan in enumerate(whole)]
    flips = [torch.allclose(found, drawn.flip(-1), atol=1e-5) for found, drawn in pairs]
    assert set(flips) == {True, False}, "about half of them"


# --- stacks, and what is refused


def test_stacks_keep_every_scan_and_mix_no_shapes(scans):
    batches = stack(scans)
    assert sum(len(batch.kspace) for batch in batches) == len(scans) > len(batches) > 1
    left = list(scans)
    for A, kspace, reference in batches:
        assert len(kspace) == len(reference) == len(A.smaps) == len(A.mask) and A.mask.ndim == 4
        zero_filled = A.adjoint(kspace)
        for number in range(len(kspace)):
            [place] = [i for i, scan in enumerate(left) if torch.equal(scan.kspace, kspace[number])]
            scan = left.pop(place)
            assert torch.equal(scan.reference, reference[number])
            alone = SenseOperator(scan.smaps, scan.mask).adjoint(scan.kspace)
            assert torch.allclose(zero_filled[number], alone, atol=1e-5)
    assert not left


def test_a_scan_without_maps_or_reference_is_not_stacked(scans):
    with pytest.raises(ValueError, match="a scan has no maps; expected smaps"):
        stack([scans[0], replace(scans[0], smaps=None)])
    blind = replace(scans[0], reference=None)
    for group, options in (([blind], {}), ([scans[0], blind], {}), ([scans[0], blind], {"needs_reference": False})):
        with pytest.raises(ValueError, match="a scan has no reference; expected one in each"):
            stack(group, **options)
    [batch] = stack([blind, blind], needs_reference=False)
    assert batch.reference is None and torch.equal(batch.kspace[1], blind.kspace)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        *[
            ({name: span}, f"{name} is ")
            for name, (low, _) in LIMITS.items()
            for span in ((low, low - 1), (low - 1, low))
        ],
        *[({name: (low, 2 * high)}, f"{name} is ") for name, (low, high) in LIMITS.items()],
        *[({name: (low,)}, f"{name} is ") for name, (low, _) in LIMITS.items()],
        ({"noise_std": (math.nan, 1)}, "noise_std is "),
        ({"matrix": (50, 64)}, "matrix is "),
        ({"acs": (12, 32)}, r"acs is \[12, 32\]"),
        ({"patterns": {}}, "patterns are "),
        ({"patterns": {"random": 0}}, "patterns are "),
        ({"patterns": {"random": -1, "points": 2}}, "patterns are "),
        ({"patterns": {"random": math.inf}}, "patterns are "),
        ({"patterns": {"spiral": 1}}, "patterns are "),
        ({"strip": 23}, "strip is 23"),
        ({"weighted": -0.1}, "weighted is -0.1"),
        ({"weighted": math.nan}, "weighted is nan"),
        ({"scanner_phase": 1.1}, "scanner_phase is 1.1"),
        ({"pictures": {"cat": 0.1}}, "pictures are "),
        ({"pictures": {"leaves": -0.1}}, "pictures are "),
        ({"pictures": {"leaves": 0.6, "fractal": 0.5}}, "pictures are "),
        ({"left_out": -1}, "left_out is -1"),
        ({"left_out": 65}, "left_out is 65"),
        ({"pool": 0}, "pool is 0"),
        ({"reuse": 0}, "reuse 0"),
    ],
)
def test_what_no_scan_can_have_is_refused_in_one_sentence(wrong, words):
    with pytest.raises(ValueError, match=f"{words}.*expected .*[.]$") as error:
        SimulatedScans("train", 0, **SMALL | wrong)
    assert "\n" not in str(error.value)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split"):
        SimulatedScans("training", 0, **SMALL)[0]


# --- rougher than anatomy


def test_rough_draws_change_the_object_and_nothing_else():
    plain, rough = (SimulatedScans("train", 3, **SMALL, pool=1, reuse=1, rough=rough) for rough in (False, True))
    changed = 0
    for i in range(6):
        a, b = plain[i], rough[i]
        assert torch.equal(a.mask, b.mask) and a.meta["noise_std"] == b.meta["noise_std"]
        changed += nmse(b.reference.abs(), a.reference.abs()) > 1e-3
        assert same(b, SimulatedScans("train", 3, **SMALL, pool=1, reuse=1, rough=True)[i])
    assert changed >= 3  # some keep their magnitude, and all have another phase
    assert not torch.allclose(plain[0].reference.angle(), rough[0].reference.angle(), atol=0.1)


def test_roughness_leaves_the_dark_dark_and_its_kinds_have_their_shares():
    image = torch.zeros(48, 40, dtype=torch.complex64)
    image[8:40, 10:30] = 0.7j
    kinds = {"plain": 0, "modulated": 0, "leaves": 0}
    for seed in range(60):
        rough = roughened(image, torch.Generator().manual_seed(seed))
        assert rough.isfinite().all() and not rough[image == 0].any() and rough.abs().max() < 1.7
        greys = rough.abs()[image != 0]
        spread = float(greys.max() - greys.min())
        kinds["plain" if spread < 1e-6 else "leaves" if greys.min() < 0.05 * greys.max() else "modulated"] += 1
    assert 4 <= kinds["plain"] <= 22 and kinds["modulated"] >= 25 and 1 <= kinds["leaves"] <= 16
    assert not roughened(torch.zeros(9, 8, dtype=torch.complex64), torch.Generator()).any()


def test_leaves_hide_one_another_and_come_in_all_sizes():
    leaves = dead_leaves(torch.ones(200, 160), torch.Generator().manual_seed(0))
    assert leaves.min() >= 0 and leaves.max() <= 1 and leaves.unique().numel() > 200
    areas = torch.tensor([float((leaves == grey).sum()) for grey in leaves.unique()])
    assert areas.median() < 20 and areas.max() > 500


def test_sharpness_is_the_gain_at_the_edge_of_k_space():
    soft, sharp = (
        SimulatedScans("train", 3, **SMALL, pool=1, reuse=1, sharpness=(gain, gain))[0] for gain in (-0.9, 1.5)
    )
    ratio = (fft2c(sharp.reference).abs() / fft2c(soft.reference).abs().clamp_min(1e-9)).squeeze()
    ny, nx = ratio.shape
    assert ratio[ny // 2 - 2 : ny // 2 + 3, nx // 2 - 2 : nx // 2 + 3].median() == pytest.approx(1, abs=0.1)
    assert ratio[:3].median() > 3


# --- more than two heads, and more than one kind of scanner

WIDE = SMALL | {
    "weighted": 0.5,
    "pictures": {"leaves": 0.2, "fractal": 0.2, "photograph": 0.2},
    "scanner_phase": 1.0,
    "few_coils": True,
    "left_out": 6,
}


def test_draws_of_older_recipes_stay_what_they_were():
    """Sums of k-space and reference from before the options of `WIDE` were there: shipped cards depend on them."""
    options = {"matrix": (48, 64), "n_coils": (3, 5), "acs": (12, 16), "noise_std": (0.001, 0.004)}
    drawn = SimulatedScans("train", 3, **options, strip=32, pool=3, reuse=3, rough=True)
    before = {0: (481.1322, 419.1298), 7: (187.3549, 263.8314), 20: (291.0223, 380.5438)}
    for i, sums in before.items():
        found = float(drawn[i].kspace.abs().sum()), float(drawn[i].reference.abs().sum())
        assert found == pytest.approx(sums, rel=1e-4)


def test_wide_draws_are_pure_functions_of_their_number_too():
    first, again = (SimulatedScans("train", 5, **WIDE, strip=32, pool=3, reuse=3) for _ in range(2))
    for i in (7, 2, 5):
        assert same(first[i], again[i])
    assert all(first[i].kspace.isfinite().all() and first[i].reference.any() for i in range(12))


def test_pictures_and_contrasts_have_their_shares():
    drawn = SimulatedScans("train", 5, **WIDE, pool=1, reuse=1)
    metas = [drawn._simulate(i).meta for i in range(60)]
    kinds = [meta.get("picture", "") for meta in metas]
    assert {*kinds} == {"", "leaves", "fractal", "photograph"} and 14 <= kinds.count("") <= 36
    contrasts = [meta["contrast"] for meta in metas]
    assert 18 <= contrasts.count("random") <= 42 and {"T2w", "FLAIR"} < {*contrasts}


def test_fluid_is_bright_on_a_drawn_t2w_and_grey_matter_brighter_than_white():
    anatomy = load_anatomy("mni152")
    levels = []
    for seed in range(40):
        channels, _ = random_slice(anatomy, (64, 64), torch.Generator().manual_seed(seed))
        image, name = _weighted_contrast(anatomy, channels, torch.Generator().manual_seed(seed))
        assert image.shape == (64, 64) and image.min() >= 0 and image.max() == pytest.approx(1)
        wm, gm, csf = (channels[CHANNELS.index(tissue)] for tissue in ("wm", "gm", "csf"))
        if name == "T2w" and min(float(each.sum()) for each in (wm, gm, csf)) > 20:
            levels.append([float((image * each).sum() / each.sum()) for each in (wm, gm, csf)])
    assert len(levels) >= 5
    white, grey, fluid = torch.tensor(levels).mean(dim=0)
    assert white < grey < fluid and fluid > 1.5 * white


def test_a_share_of_the_draws_has_the_phase_of_a_scanner():
    plain, some, every = (
        SimulatedScans("train", 5, **SMALL | {"scanner_phase": share}, pool=1, reuse=1) for share in (0.0, 0.5, 1.0)
    )
    changed = []
    for i in range(16):
        scans = [drawn._simulate(i) for drawn in (plain, some, every)]
        assert scans[0].meta == scans[1].meta == scans[2].meta
        changed.append(not torch.equal(scans[0].kspace, scans[1].kspace))
        assert torch.equal(scans[1].kspace, scans[2 if changed[-1] else 0].kspace)
        assert not torch.equal(scans[0].kspace, scans[2].kspace)
    assert 3 <= sum(changed) <= 13


def test_few_coils_are_drawn_as_often_as_many():
    drawn = SimulatedScans("train", 5, **WIDE | {"n_coils": (4, 31)})
    numbers = [drawn._number_of_coils(torch.Generator().manual_seed(seed)) for seed in range(600)]
    assert min(numbers) == 4 and max(numbers) == 31
    for low in (4, 8, 16):
        share = sum(low <= number < 2 * low for number in numbers) / 600
        assert share == pytest.approx(1 / 3, abs=0.08)


def test_no_picture_judges_a_network():
    judges = SimulatedScans("train", 5, **WIDE).to_judge("test", 1)
    assert not judges.pictures and judges.weighted == 0.5 and judges.scanner_phase == 1
    assert all("picture" not in judges[i].meta for i in range(6))
