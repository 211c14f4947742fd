"""MoDL as published: its size, its equation, its two stages, and the course's variant with all its options off."""

from dataclasses import replace

import pytest
import torch
from small_networks import OF_ONE_IMAGE, STARTS, small_network, small_options

from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.apply import apply_network
from mricourse.networks.modl import MoDL
from mricourse.networks.reconstructor import Reconstructor, Unrolled
from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.fourier import ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask, variable_density_mask
from mricourse.physics.scan import Scan
from mricourse.simulate.coils import simulate_coils
from mricourse.training.recipes import NETWORKS

SHAPE = (24, 17)
SMALL = {"n_features": 6, "n_layers": 3}


def problem(mask=None, n_scans=None):
    """Operator and measurements in double precision."""
    smaps = simulate_coils(4, SHAPE).to(torch.complex128)
    if n_scans is not None:
        smaps = torch.stack([smaps.roll(3 * i, -1) for i in range(n_scans)])
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=6) if mask is None else mask)
    return A, A.forward(random_complex(*smaps.shape[:-3], *SHAPE, dtype=torch.complex128))


def test_it_has_the_published_size():
    assert sum(parameter.numel() for parameter in MoDL().parameters()) == 113_413
    assert MoDL().log_reg_weight.exp().item() == pytest.approx(0.05)
    assert MoDL().n_iterations == 10 and len([*MoDL().denoiser.layers]) == 5 + 5 + 4


def test_each_iteration_solves_the_published_equations():
    A, kspace = problem()
    network = MoDL(n_iterations=3, n_cg=100, reg_weight=0.3, **SMALL).double().eval()
    images = network.iterates(A, kspace)
    assert len(images) == 7 and torch.equal(images[0], A.adjoint(kspace))
    for x, z, following in zip(images[:-1:2], images[1::2], images[2::2], strict=True):
        assert torch.allclose(z, network.denoiser(x))
        rhs = A.adjoint(kspace) + 0.3 * z
        assert (A.plain_normal(following) + 0.3 * following - rhs).norm() < 1e-5 * rhs.norm()
    assert torch.equal(network(A, kspace), images[-1])


@pytest.mark.parametrize("mask", [None, variable_density_mask(SHAPE, 2, acs=6)], ids=["lines", "points"])
@pytest.mark.parametrize("n_scans", [None, 2])
def test_the_variant_with_its_options_off_is_the_published_network(mask, n_scans):
    A, kspace = problem(mask, n_scans)
    torch.manual_seed(0)
    published = MoDL(n_iterations=4, norm="none", reg_weight=0.2, n_cg=12, **SMALL).double()
    variant = AdaptiveMoDL(n_iterations=4, n_cg=12, turn_phase=False, **SMALL).double()
    variant.denoisers[0].load_state_dict(published.denoiser.state_dict())
    variant.log_reg_weight.data[:] = published.log_reg_weight.data
    pairs = zip(published.iterates(A, kspace), variant.iterates(A, kspace), strict=True)
    assert all(torch.allclose(mine, theirs, rtol=1e-9, atol=1e-9) for mine, theirs in pairs)
    slopes = []
    for network in (published, variant):
        network(A, kspace).abs().square().sum().backward()
        slopes.append([*network.parameters()])
    gradients = [sorted(float(each.grad.norm()) for each in parameters) for parameters in slopes]
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-6)


def test_without_a_norm_the_image_follows_the_units_of_the_data():
    A, kspace = problem()
    network = MoDL(n_iterations=2, norm="none", **SMALL).double()
    assert torch.allclose(network(A, 1e4 * kspace), 1e4 * network(A, kspace), rtol=1e-6)


def test_the_second_stage_starts_from_the_first():
    A, kspace = problem()
    first = MoDL(n_iterations=1, reg_weight=0.4, **SMALL).double().eval()
    second = MoDL(n_iterations=3, **SMALL).double().eval()
    second.start_from(first)
    assert torch.allclose(second.iterates(A, kspace)[2], first(A, kspace))
    with pytest.raises(ValueError, match="does not fit; expected a MoDL with a denoiser of the same size"):
        second.start_from(MoDL(n_features=7, n_layers=3))


@pytest.mark.parametrize("wrong", [{"n_iterations": 0}, {"n_cg": 0}, {"reg_weight": 0.0}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="expected iterations of 1 or more and a positive weight"):
        MoDL(**wrong)


# --- what every network that reconstructs declares

TWO_IMAGES = ("modl", "published_modl", "admm_net", "ista_net", "learned_thresholds")  # an iteration has two steps


def start_of(kind, A, kspace):
    """What a network begins with."""
    if kind == "end_to_end_varnet":
        return rss(ifft2c(kspace))
    return combine(ifft2c(kspace), A.smaps) if kind in ("kikinet", "hybrid") else A.adjoint(kspace)


@pytest.mark.parametrize("kind", OF_ONE_IMAGE)
def test_samples_that_the_mask_leaves_out_are_never_seen(kind):
    """The trap: a self-supervised split gives a smaller mask with the same k-space, and what is held out leaks in."""
    torch.manual_seed(0)
    options = {"noise_aware": True} if kind in ("modl", "learned_thresholds") else {}
    network = small_network(kind, n_iterations=2, **options).eval()
    A, kspace = problem()
    A = SenseOperator(A.smaps.to(torch.complex64), A.mask)
    y = kspace.to(torch.complex64)
    leaking = torch.where(A.mask, y, 7 * random_complex(*y.shape, seed=3))
    assert torch.equal(network(A, leaking), network(A, y))


@pytest.mark.parametrize("kind", OF_ONE_IMAGE)
def test_a_positive_factor_on_the_data_is_a_factor_on_the_image(kind):
    torch.manual_seed(0)
    network = small_network(kind, n_iterations=2).eval()
    A, y = problem()
    scan = Scan(y.to(torch.complex64), A.smaps.to(torch.complex64), A.mask)
    larger = replace(scan, kspace=300 * scan.kspace)
    image = apply_network(network, scan)
    assert torch.allclose(apply_network(network, larger), 300 * image, rtol=1e-3, atol=1e-2 * float(image.abs().max()))


@pytest.mark.parametrize("kind", OF_ONE_IMAGE)
def test_networks_declare_what_training_and_inference_ask_for(kind):
    torch.manual_seed(0)
    network = small_network(kind).double().eval()
    A, kspace = problem()
    seen = []
    image = network(A, kspace, trace=seen.append)
    assert isinstance(network, Reconstructor) and len(seen) <= network.n_iterations
    assert len(seen) == network.n_iterations or kind == "deep_equilibrium", "which ends when it has converged"
    assert torch.allclose(seen[-1], image) and all(each.shape == SHAPE for each in seen)
    known = {id(parameter) for parameter in network.parameters()}
    assert all(id(parameter) in known for parameter in network.fast_parameters())
    assert sum(parameter.numel() for parameter in network.fast_parameters()) <= 40, "only single numbers"
    assert isinstance(network, Unrolled) == (kind in STARTS)
    if kind in STARTS:
        images = network.iterates(A, kspace)
        assert torch.equal(images[-1], image)
        assert len(images) == 1 + len(seen) * (2 if kind in TWO_IMAGES else 1)
        assert torch.allclose(images[0], start_of(kind, A, kspace)), "the start first"
        other = small_network(kind).double().eval()
        other.start_from(network)
        assert torch.allclose(other(A, kspace), image)


@pytest.mark.parametrize("kind", STARTS)
def test_a_start_that_does_not_fit_changes_nothing(kind):
    network = NETWORKS[kind](**small_options(kind, 3))
    before = {name: each.clone() for name, each in network.state_dict().items()}
    wrong = {"learned_thresholds": {"levels": 3}, "variational_network": {"kernel_size": 7}}
    other = small_options(kind, 3) | wrong.get(kind, {"n_features": 5})
    others = [NETWORKS[kind](**other), MoDL(n_features=5, n_layers=3, norm="batch")]
    if "n_layers" in other:  # the first layers fit, the last do not
        others.append(NETWORKS[kind](**small_options(kind, 3) | {"n_layers": 4}))
    for each in others:
        with torch.no_grad():
            for parameter in each.parameters():
                parameter += 0.1
        with pytest.raises(ValueError, match="does not fit"):
            network.start_from(each)
    assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())


@pytest.mark.parametrize("kind", OF_ONE_IMAGE)
def test_nothing_measured_is_nothing_reconstructed(kind):
    torch.manual_seed(0)
    options = {"noise_aware": True, "start": "sense", "solver": "direct"} if kind == "modl" else {}
    network = small_network(kind, n_iterations=2, **options)
    smaps = simulate_coils(4, SHAPE)
    scan = Scan(torch.zeros_like(smaps), smaps, random_mask(SHAPE[0], 2, acs=6))
    image = apply_network(network.eval(), scan)
    assert image.shape == SHAPE and not image.any()
