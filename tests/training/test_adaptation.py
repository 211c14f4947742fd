"""Adapting a network to the scan at hand: the same every time, never worse by its guards, and shared by a volume."""

import copy
from dataclasses import replace

import pytest
import torch
from small_networks import small_network
from torch import nn

from mricourse.networks.apply import apply_network
from mricourse.networks.reconstructor import Reconstructor
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_mask, equispaced_mask, poisson_disc_mask, random_mask
from mricourse.physics.scan import Scan
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.randomised import draw_scan
from mricourse.training import adaptation
from mricourse.training.adaptation import MOST_SLICES, AdaptationSettings, adapt, hidden_loss, spread
from mricourse.training.adaptation_guards import GUARDS, Candidate, Judge, Look
from mricourse.training.checkpoints import load_checkpoint
from mricourse.training.held_out import HeldOutScan

SHAPE = (60, 44)
QUICK = AdaptationSettings(n_steps=6, check_every=3, strip=24, n_splits=4, learning_rate=3e-3)
MASKS = {
    "lines": random_mask(SHAPE[0], 2, acs=12),
    "a comb": equispaced_mask(SHAPE[0], 3, acs=10),
    "columns": random_mask(SHAPE[1], 2, acs=10).mT,
    "points": poisson_disc_mask(SHAPE, 3, acs=10),
}


def slices(n=1, mask=MASKS["lines"]):
    drawn = [draw_scan("train", i, shape=SHAPE, n_coils=3, noise_std=0.003, coil_kind="gaussian") for i in range(n)]
    return [scan.undersample(mask) for scan in drawn]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return small_network("modl").eval()


def same(one, other):
    return all(torch.equal(one.state_dict()[name], other.state_dict()[name]) for name in one.state_dict())


@pytest.mark.parametrize("name", MASKS)
def test_every_kind_of_mask_is_learned_from_and_the_network_stays(network, name):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = adapt(network, slices(mask=MASKS[name]), QUICK)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert found.gain_db >= 0 and (found.n_steps > 0) == (not same(found.network, network))
    assert not found.network.training and str(found).startswith(("adapted by ", "not adapted"))


def test_the_same_scan_gives_the_same_weights_and_the_global_state_is_left_alone(network):
    torch.manual_seed(5)
    first, state = adapt(network, slices(), QUICK), torch.get_rng_state()
    torch.rand(3)
    second = adapt(network, slices(), QUICK)
    assert first.n_steps and same(first.network, second.network) and first.gain_db == second.gain_db
    torch.manual_seed(5)
    assert torch.equal(state, torch.get_rng_state())
    assert not same(adapt(network, slices(), replace(QUICK, seed=1)).network, first.network)


def test_it_learns_without_the_reference(network):
    [scan] = slices()
    other = replace(scan, reference=torch.zeros_like(scan.reference))
    assert same(adapt(network, [scan], QUICK).network, adapt(network, [other], QUICK).network)


@pytest.mark.parametrize(
    "name", ["published_modl", "ista_net", "admm_net", "variational_network", "learned_thresholds"]
)
def test_other_networks_with_data_consistency_learn_too(name):
    torch.manual_seed(0)
    network = small_network(name).eval()
    found = adapt(network, slices(), QUICK)
    assert type(found.network) is type(network) and found.gain_db >= 0


@pytest.mark.parametrize("rate", [0.03, 0.3, 0.9])
def test_a_rate_far_too_high_leaves_the_image_as_good_as_it_was(rate):
    """The trained network, on a head as it was trained on: there is little to gain and much to lose."""
    network = load_checkpoint("modl_k1").network
    [scan] = slices()
    found = adapt(network, [scan], replace(QUICK, learning_rate=rate))
    errors = [float((apply_network(each, scan) - scan.reference).norm()) for each in (network, found.network)]
    assert errors[1] <= errors[0] * 1.012, "0.1 dB"
    assert found.n_steps or found.guard in GUARDS


GOOD = Look(gain_db=0.5, doubt_db=0.2, error=1.0, won=0.11, moved=0.1, chance=0.005, twin_db=0.1)
OBJECTED = {
    "disagree": {"chance": 0.06},
    "too far": {"moved": 0.36},
    "twin": {"twin_db": -0.01},
    "not finite": {"gain_db": float("nan")},
}


@pytest.mark.parametrize("name", OBJECTED)
def test_what_each_guard_objects_to(name):
    assert GOOD.objection() == "" and replace(GOOD, **OBJECTED[name]).objection() == name


def test_no_gain_warrants_a_move_as_large_as_the_error():
    assert replace(GOOD, won=0.9, moved=1.01).objection() == "too far"
    assert replace(GOOD, won=-0.2, moved=0.01, chance=0.004).objection() == "", "too little to tell"


@pytest.mark.parametrize("guard", ["disagree", "held-out"])
def test_a_guard_takes_the_weights_back(network, monkeypatch, guard):
    look = replace(GOOD, chance=0.2) if guard == "disagree" else replace(GOOD, doubt_db=0.6)
    monkeypatch.setattr(Judge, "_measured", lambda *args: look)
    found = adapt(network, slices(), QUICK)
    assert (found.n_steps, found.guard, found.gain_db) == (0, guard, 0) and same(found.network, network)
    assert str(found) == f"not adapted: {GUARDS[guard]}"


def test_an_objection_takes_back_what_passed_before(network, monkeypatch):
    """A comb of every second line passed at the first look, with 8.5 dB lost, and not at the second."""
    looks = iter([GOOD, replace(GOOD, chance=0.2)])
    monkeypatch.setattr(Judge, "_measured", lambda *args: next(looks))
    found = adapt(network, slices(), QUICK)
    assert (found.n_steps, found.guard, found.gain_db) == (0, "disagree", 0) and same(found.network, network)


def test_the_best_of_the_looks_is_kept(network, monkeypatch):
    looks = iter([GOOD, replace(GOOD, gain_db=0.4)])
    monkeypatch.setattr(Judge, "_measured", lambda *args: next(looks))
    found = adapt(network, slices(), QUICK)
    assert (found.n_steps, found.guard, found.gain_db) == (3, "", 0.5) and not same(found.network, network)
    assert str(found) == "adapted by 3 steps, held-out samples +0.50 dB"


def test_a_step_that_is_not_finite_ends_it(network):
    broken = copy.deepcopy(network)
    broken.log_reg_weight.data.fill_(float("nan"))
    found = adapt(broken, slices(), QUICK)
    assert (found.n_steps, found.guard) == (0, "not finite")


def test_the_error_of_missing_samples_is_known_from_those_held_out():
    """The trained network on a head that it could have been trained on; the truth is known here. The ratio is 2.6."""
    [scan] = slices()
    looks = []

    class Seen(Judge):
        def _measured(self, *args):
            looks.append(super()._measured(*args))
            return looks[-1]

    network = load_checkpoint("modl_k1").network
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptation, "Judge", Seen)
        adapt(network, [scan], replace(QUICK, n_splits=8, n_steps=1))
    A, kspace, unit = normalised(scan)
    error = (network(A, kspace) - scan.reference / unit).abs().square().sum()
    assert 0.3 < looks[0].error / float(error.detach()) < 3


def test_a_volume_shares_its_weights(network):
    seen = []
    volume = slices(3)
    found = adapt(network, volume, QUICK, progress=lambda step, gain: seen.append(step))
    assert seen == list(range(1, 7)) and found.n_steps
    assert not same(found.network, adapt(network, volume[:1], QUICK).network)
    assert spread(range(MOST_SLICES)) == list(range(MOST_SLICES))
    chosen = spread(range(100))
    assert len(chosen) == MOST_SLICES and chosen[0] == 6 and chosen[-1] == 93


def test_the_time_can_be_limited(network):
    found = adapt(network, slices(), replace(QUICK, n_steps=10**6, seconds=1.5))
    assert found.seconds < 10
    none = adapt(network, slices(), replace(QUICK, seconds=1e-3))
    assert (none.n_steps, none.guard) == (0, "no time")


def test_a_factor_on_the_data_changes_nothing(network):
    [scan] = slices()
    loud = replace(scan, kspace=64 * scan.kspace)
    assert same(adapt(network, [scan], QUICK).network, adapt(network, [loud], QUICK).network)


@pytest.mark.parametrize("name", MASKS)
def test_every_outer_sample_is_held_out_by_one_split(name):
    [scan] = slices(mask=MASKS[name])
    held_out = HeldOutScan(scan)
    splits = held_out.groups(5, seed=1)
    times = sum(group.int() for split in splits for group in split)
    assert torch.equal(times, held_out.outer.int()) and not (held_out.outer & ~held_out.pattern).any()
    assert max(map(len, splits)) - min(map(len, splits)) <= 1
    if held_out.readout is not None:
        assert all(int(group.sum()) == 1 for split in splits for group in split)


@pytest.mark.parametrize("name", MASKS)
def test_a_twin_is_a_scan_of_a_known_image_with_the_same_mask_and_noise(name):
    [scan] = slices(mask=MASKS[name])
    held_out = HeldOutScan(scan)
    image = scan.reference / normalised(scan)[2]
    twin = held_out.twin(image)
    assert not (twin * ~scan.mask).any() and torch.equal(twin, held_out.twin(image))
    noise = (twin - scan.mask * fft2c(scan.smaps * image)).abs().square().sum() / held_out.count(held_out.pattern)
    assert abs(float(noise) / held_out.noise_power - 1) < 0.1


def test_a_network_that_spoils_images_of_all_samples_is_told_by_the_twin(network):
    """Whatever it does where a sample is held out."""
    scans = [HeldOutScan(scan) for scan in slices(2)]
    judge = Judge(network, scans, [Candidate(network, [scan.groups(1, 0)[0] for scan in scans])])

    class Dimmed(nn.Module):
        def forward(self, A, kspace):
            return 0.5 * network(A, kspace)

    truths = [scan.A.adjoint(scan.kspace) for scan in scans]
    assert judge._twin_gain(network, truths) == 0 and judge._twin_gain(Dimmed(), truths) < -1


def test_what_a_split_holds_out_is_never_learned_from(network, monkeypatch):
    hidden = []
    learn = adaptation.missed_energy
    monkeypatch.setattr(adaptation, "missed_energy", lambda *args: hidden.append(args[-1]) or learn(*args))
    [scan] = slices()
    adapt(network, [scan], QUICK)
    splits = HeldOutScan(scan).groups(QUICK.n_splits, seed=0)
    for number, mask in enumerate(hidden):
        assert mask.any() and not (mask & torch.stack(splits[number % QUICK.n_splits]).any(0)).any()


def test_a_scan_of_nothing_stays_as_it_is(network):
    [scan] = slices()
    found = adapt(network, [replace(scan, kspace=0 * scan.kspace)], QUICK)
    assert found.n_steps == 0 and same(found.network, network)


def complete():
    return Scan(
        fft2c(simulate_coils(3, SHAPE) + 0j) + random_complex(3, *SHAPE),
        simulate_coils(3, SHAPE),
        MASKS["lines"] | True,
    )


REFUSED = {
    "complete": (lambda: [complete()], "the scan is complete, so no sample is missing"),
    "only a centre": (lambda: slices(mask=acs_mask(SHAPE[0], 20)), "the scan has 0 lines"),
    "few lines": (lambda: slices(mask=random_mask(SHAPE[0], 3, acs=16)), r"has \d lines .* expected 8 or more"),
    "no scan": (lambda: [], "got no scan to adapt to"),
    "no maps": (lambda: [replace(scan, smaps=None) for scan in slices()], "no coil maps"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_scans_without_enough_to_hold_out_are_refused(network, name):
    make, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        adapt(network, make(), QUICK)


@pytest.mark.parametrize(
    "kind",
    [
        "kikinet",
        "end_to_end_varnet",
        "deep_equilibrium",
        "hybrid",
        "denoiser",
        "kspace_unet",
        "multi_contrast",
        "diffusion_prior",
    ],
)
def test_networks_that_do_not_return_to_the_data_are_refused(kind):
    kinds = "AdaptiveMoDL, MoDL, ISTANet, ADMMNet, VariationalNetwork, LearnedThresholds"
    with pytest.raises(ValueError, match=f"which cannot be adapted to a scan; expected one of {kinds}: take"):
        adapt(small_network(kind), slices(), QUICK)


def test_a_network_of_ones_own_says_itself_that_it_can_be_adapted(network):
    class Mine(nn.Module, Reconstructor):
        def __init__(self):
            super().__init__()
            self.inner = copy.deepcopy(network)

        def forward(self, A, kspace, *, trace=None):
            return self.inner(A, kspace, trace=trace)

    with pytest.raises(ValueError, match="of the kind Mine, which cannot be adapted"):
        adapt(Mine(), slices(), QUICK)
    Mine.adaptable = True
    assert adapt(Mine(), slices(), QUICK).gain_db == adapt(network, slices(), QUICK).gain_db > 0


@pytest.mark.parametrize(
    "numbers",
    [
        {"n_steps": 0}, {"n_steps": 2.5}, {"check_every": 0}, {"strip": 8}, {"seed": -1}, {"n_splits": 1},
        {"n_splits": 9}, {"learning_rate": 1}, {"learning_rate": 0}, {"share": 1.0}, {"seconds": 0},
        {"seconds": float("nan")}, {"seconds": float("inf")},
    ],
)  # fmt: skip
def test_bad_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match=r"expected a (whole )?number"):
        AdaptationSettings(**numbers)


def test_the_loss_of_hidden_samples_is_that_of_the_image_of_the_others():
    A = SenseOperator(torch.ones(1, 8, 6, dtype=torch.complex64), torch.arange(8)[:, None] % 4 != 3)
    image = random_complex(8, 6, seed=1)
    hidden = torch.zeros(8, 1, dtype=torch.bool)
    hidden[[2, 5]] = True
    nothing = hidden_loss(lambda operator, kspace: operator.adjoint(kspace), A, A.forward(image), hidden)
    assert float(nothing) == pytest.approx(0, abs=1e-4)  # zeros where lines are hidden: all of their energy is missed
    exact = hidden_loss(lambda operator, kspace: image, A, A.forward(image), hidden)
    assert float(exact) < -100
