"""RAKI: networks of one scan, against GRAPPA where they are linear, and what they must leave alone."""

import math

import pytest
import torch
from torch.nn import functional

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.sampling import equispaced_mask, random_mask
from mricourse.reconstruct.parallel_imaging import grappa
from mricourse.reconstruct.raki import KINDS, N_LINES, N_POINTS, RakiNetwork, fit_raki, raki
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (48, 40)
LIKE_GRAPPA = {"kernel_size": (N_LINES, N_POINTS), "reg_weight": 0.0}
FEW = {"n_features": (6, 3), "n_steps": 15}


def scan(acceleration=2, acs=20, *, n_coils=6, noise=0.0, shape=SHAPE, offset=0):
    """Complete k-space of a phantom in double precision, and a mask."""
    smaps = simulate_coils(n_coils, shape, seed=2).to(torch.complex128)
    truth = fft2c(smaps * shepp_logan(shape).to(torch.complex128))
    truth = truth + noise * random_complex(n_coils, *shape, seed=3, dtype=torch.complex128)
    return truth, equispaced_mask(shape[0], acceleration, acs=acs, offset=offset)


def error(found, truth, mask):
    """Relative error of the lines that were not measured."""
    missing = ~mask[:, 0]
    return float((found - truth)[:, missing].norm() / truth[:, missing].norm())


def everywhere(network):
    """With weights in the linear branch too, which begins at 0."""
    if network.linear is not None:
        network.linear.data += random_complex(*network.linear.shape, seed=5, dtype=torch.complex128).real
    return network


# --- the networks


def test_each_part_of_each_coil_has_the_networks_of_the_paper():
    network = RakiNetwork(5, 4, kind="raki")
    shapes = [tuple(weight.shape) for weight in network.layers]
    assert shapes == [(32 * 10, 10, 2, 5), (8 * 10, 32, 1, 1), (3 * 10, 8, 2, 3)] and network.linear is None


def test_the_networks_beside_each_other_are_networks_alone():
    """Grouped convolutions against a loop over coils and parts, line by line."""
    network = RakiNetwork(2, 3, kind="raki", n_features=(5, 4)).double()
    kspace = random_complex(2, 7, 9, dtype=torch.complex128)
    found = network(kspace)
    assert found.shape == (2, 2, 5, 9)
    seen = functional.pad(torch.cat([kspace.real, kspace.imag])[None], (3, 3, 0, 0), mode="circular")
    first, second, third = network.layers
    parts = []
    for part in range(4):
        hidden = functional.conv2d(seen, first[5 * part : 5 * part + 5]).relu()
        hidden = functional.conv2d(hidden, second[4 * part : 4 * part + 4]).relu()
        parts.append(functional.conv2d(hidden, third[2 * part : 2 * part + 2])[0])
    assert torch.allclose(found, torch.complex(torch.stack(parts[:2]), torch.stack(parts[2:])))


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_sees_the_same_in_an_acs_as_between_sampled_lines(kind):
    network = everywhere(RakiNetwork(2, 3, kind=kind, n_features=(5, 4)).double())
    acs = random_complex(2, 13, 8, dtype=torch.complex128)
    assert torch.allclose(network(acs, spacing=3)[:, :, ::3], network(acs[:, ::3]))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_learned_where_kspace_is_loud_holds_where_it_is_quiet(kind):
    network = everywhere(RakiNetwork(2, 3, kind=kind, n_features=(5, 4)).double())
    kspace = random_complex(2, 7, 9, dtype=torch.complex128)
    assert torch.allclose(network(1e-3 * kspace), 1e-3 * network(kspace), rtol=1e-9)
    turned = network(1j * kspace)
    assert not torch.allclose(turned, 1j * network(kspace)), "but a phase is not followed: the parts are apart"


# --- linear: GRAPPA


@pytest.mark.parametrize(("acceleration", "offset"), [(2, 0), (2, 1), (3, 0), (3, 2)])
def test_a_linear_one_with_the_best_weights_is_grappa(acceleration, offset):
    truth, mask = scan(acceleration, 24, offset=offset)
    network = RakiNetwork(6, acceleration, kind="linear").double()
    acs = truth[:, 12:36] / truth.abs().max()
    parts = functional.pad(torch.cat([acs.real, acs.imag])[None], (3, 3, 0, 0), mode="circular")
    windows = functional.unfold(parts, (N_LINES, N_POINTS), dilation=(acceleration, 1))[0].T
    known = 24 - 2 * acceleration
    between = [parts[0, :, acceleration + step :, 3:-3][:, :known] for step in range(1, acceleration)]
    targets = torch.stack(between, 1).flatten(0, 1).flatten(1).T
    best = torch.linalg.lstsq(windows, targets, driver="gelsd").solution
    network.linear.data = best.T.reshape(network.linear.shape)
    comb = mask[:, 0].nonzero().flatten()
    comb = comb[(comb - comb[0]) % acceleration == 0]
    around = torch.cat([truth[:, comb[-1:]], truth[:, comb], truth[:, comb[:1]]], 1)
    expected = grappa(truth * mask, mask, **LIKE_GRAPPA)
    for step in range(1, acceleration):
        lines = (comb + step) % SHAPE[0]
        missing = ~mask[lines, 0]
        found = network(around).detach()[:, step - 1][:, missing]
        assert (found - expected[:, lines[missing]]).norm() < 2e-3 * expected[:, lines[missing]].norm()


def test_a_linear_one_trained_comes_to_what_grappa_fits():
    truth, mask = scan()
    expected = grappa(truth * mask, mask, **LIKE_GRAPPA)
    distances = []
    for n_steps in (50, 300, 1000):
        found = raki(truth * mask, mask, kind="linear", n_steps=n_steps)
        distances.append(error(found, expected, mask))
    assert distances[0] > 2 * distances[1] > 4 * distances[2] and distances[2] < 0.03
    assert error(found, truth, mask) < 0.03, "noiseless data have a linear relation"


def test_a_residual_one_is_better_than_its_layers_alone():
    """Measured as it is: on a phantom of six coils layers without a linear branch are far from GRAPPA."""
    truth, mask = scan(noise=1e-3)
    errors = {
        kind: error(raki(truth * mask, mask, kind=kind, n_steps=80), truth, mask) for kind in ("raki", "residual")
    }
    assert errors["residual"] < 0.6 * errors["raki"] and errors["raki"] < 0.7, "and zero-filled is 1"


# --- the method


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("acceleration", "shape"), [(2, (48, 40)), (3, (47, 33)), (4, (50, 41))])
def test_samples_stay_and_every_gap_is_filled(kind, acceleration, shape, weighted):
    truth, mask = scan(acceleration, 20, n_coils=3, shape=shape)
    filled = raki(truth * mask, mask, kind=kind, weighted=weighted, **FEW)
    assert torch.equal(filled[:, mask[:, 0]], truth[:, mask[:, 0]])
    lines = mask[:, 0].nonzero().flatten()
    assert filled[:, lines[0] : lines[-1] + 1].abs().sum(2).all(), "between the first and the last sampled line"
    assert filled.dtype == truth.dtype and filled.isfinite().all()
    assert bool(filled.abs().sum(2).all()) == (shape[0] % acceleration == 0), "k-space goes round where R divides ky"


def test_a_gap_at_the_edge_is_filled_nearly_as_well_as_the_next():
    """Of its three lines one lies beyond the edge, where k-space does not go round."""
    truth, mask = scan(2, 20)
    truth, mask = truth[:, 5:-6], mask[5:-6]
    filled = raki(truth * mask, mask, kind="linear", n_steps=200)
    first = int(mask[:, 0].nonzero()[0]) + 1
    worse = [float((filled - truth)[:, line].norm() / truth[:, line].norm()) for line in (first, first + 2)]
    assert worse[0] < 3 * worse[1] and worse[0] < 0.3


def test_the_same_seed_gives_the_same_bits_and_nobody_elses_draws():
    truth, mask = scan(n_coils=3)
    before = torch.get_rng_state()
    found = [raki(truth * mask, mask, seed=seed, **FEW) for seed in (0, 0, 1)]
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("unit", [2.0**-60, 2.0**40])
def test_the_result_follows_the_units_of_the_data(unit):
    truth, mask = scan(n_coils=3)
    y = (truth * mask).to(torch.complex64)
    assert torch.allclose(raki(unit * y, mask, **FEW), unit * raki(y, mask, **FEW), rtol=1e-3, atol=1e-5 * unit)


def test_it_trains_where_gradients_are_off_and_gives_none():
    truth, mask = scan(n_coils=3)
    y = (truth * mask).requires_grad_()
    seen = []
    with torch.no_grad():
        first = raki(y, mask, progress=seen.append, **FEW)
    assert seen[-1] < 0.5 * seen[0] and all(math.isfinite(each) for each in seen)
    second = raki(y, mask, **FEW)
    assert torch.equal(first, second) and not second.requires_grad


def test_an_acs_alone_can_be_fitted():
    truth, _ = scan(n_coils=3)
    network = RakiNetwork(3, 2, kind="residual", n_features=(6, 3)).double()
    seen = []
    fit_raki(network, truth[:, 12:36] / truth.abs().max(), 2, n_steps=30, progress=seen.append)
    assert seen[-1] < 0.3 * seen[0]


def test_nothing_stays_nothing_and_all_stays_all():
    truth, mask = scan(n_coils=3)
    assert not raki(torch.zeros_like(truth), mask).any()
    everything = torch.ones(48, 1, dtype=torch.bool)
    assert torch.equal(raki(truth, everything), truth)


@pytest.mark.parametrize("shaped", [(48,), (48, 40), (1, 48, 1)])
def test_masks_of_any_shape_are_the_same(shaped):
    truth, mask = scan(n_coils=3)
    expected = raki(truth * mask, mask, **FEW)
    given = mask.reshape(shaped) if math.prod(shaped) == 48 else mask.expand(shaped)
    assert torch.equal(raki(truth * mask, given, **FEW), expected)


TRUTH, LINES = scan(n_coils=3)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: raki(TRUTH[0], LINES), r"expected complex \(coils, ky, kx\)"),
        (lambda: raki(TRUTH.real, LINES), r"float64; expected complex"),
        (lambda: raki(TRUTH, LINES, kind="deep"), "kind is 'deep'; expected 'raki', 'residual' or 'linear'"),
        (lambda: raki(TRUTH, LINES, n_features=(3, 0)), r"n_features is \(3, 0\)"),
        (lambda: raki(TRUTH, LINES, n_features=(3,)), "expected two numbers"),
        (lambda: raki(TRUTH, LINES, n_steps=0), "n_steps 0; expected .* at least 1 step"),
        (lambda: raki(TRUTH, equispaced_mask(48, 4, acs=6)), r"the ACS has \d lines; expected at least 9 for R = 4"),
        (lambda: raki(TRUTH, random_mask(48, 2, acs=20)), "expected an equispaced acquisition"),
        (lambda: raki(TRUTH, random_mask(SHAPE, 2, acs=20)), "expected whole ky lines"),
    ],
)
def test_wrong_arguments_are_named(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(TypeError, match="mask != 0"):
        raki(TRUTH, LINES.int())
