"""Networks on k-space, on the image and on both: their equations, samples, units, coils, phases, and equal sizes."""

from dataclasses import replace

import pytest
import torch

from mricourse.networks.dncnn import DnCNN
from mricourse.networks.hybrid import Hybrid
from mricourse.networks.image_domain import ImageDomain, brightness, smooth_phase
from mricourse.networks.kikinet import kspace_unit
from mricourse.networks.kspace_unet import KSpaceUNet
from mricourse.networks.modl import MoDL
from mricourse.networks.unet import ComplexUNet
from mricourse.physics.fourier import ifft2c, random_complex
from mricourse.physics.normalisation import radial_weight
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask, variable_density_mask
from mricourse.physics.scan import stack
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.task_scans import TaskScans
from mricourse.training.loop import Settings, train
from mricourse.training.losses import log_nmse
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (24, 17)
SIZES = [(24, 17), (17, 24), (32, 32), (45, 38), (64, 27)]
SMALL = {"n_features": 4, "n_levels": 2}
DOMAINS = ("image", "kspace", "hybrid")


def louder(network):
    """With weights large enough that the network changes what it gets."""
    for module in network.modules():
        if isinstance(module, ComplexUNet):
            module.unet.head.weight.data.mul_(5)
    return network.double()


def on_kspace(**options):
    torch.manual_seed(0)
    return louder(KSpaceUNet(**SMALL | options))


def hybrid(**options):
    torch.manual_seed(0)
    return louder(Hybrid(**SMALL | options))


def one_coil(shape=SHAPE, mask=None):
    A = SenseOperator(
        torch.ones(1, *shape, dtype=torch.complex128), random_mask(shape[0], 2, acs=6) if mask is None else mask
    )
    return A, A.forward(random_complex(*shape, dtype=torch.complex128))


def several_coils():
    A = SenseOperator(simulate_coils(4, SHAPE).to(torch.complex128), random_mask(SHAPE[0], 2, acs=6))
    return A, A.forward(random_complex(*SHAPE, dtype=torch.complex128))


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_network_on_kspace_adds_to_what_is_weighted():
    A, y = one_coil()
    net = on_kspace()
    weight = radial_weight(y) / kspace_unit(y, A.mask)
    k = net.body(weight * y) / weight
    assert torch.allclose(net.completed(y, A.mask), k)
    assert torch.allclose(net(A, y), ifft2c(k)[0])


def test_the_hybrid_is_one_after_the_other():
    A, y = several_coils()
    net = hybrid()
    start, between, result = net.iterates(A, y)
    assert torch.allclose(between, net.on_kspace(A, y)) and torch.allclose(result, net(A, y))
    scale, phase = brightness(between), smooth_phase(between)
    assert torch.allclose(result, net.on_image.body(between / scale * phase.conj()) * phase * scale)
    assert not torch.allclose(start, between, rtol=1e-3) and not torch.allclose(between, result, rtol=1e-3)


def test_every_half_learns():
    A, y = several_coils()
    net = hybrid()
    net(A, y).abs().square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in net.parameters())


@pytest.mark.parametrize("shape", SIZES)
def test_samples_stay_where_they_are_to_be_kept(shape):
    A, y = one_coil(shape, variable_density_mask(shape, 3, acs=4))
    net = on_kspace(keep_samples=True)
    assert (A.forward(net(A, y)) - y).abs().max() < 1e-12 * y.abs().max()
    assert (A.forward(hybrid(keep_samples=True).iterates(A, y)[1]) - y).abs().max() < 1e-12 * y.abs().max()
    free = on_kspace()
    assert (A.forward(free(A, y)) - y).abs().max() > 1e-3 * y.abs().max(), "as published they may change"
    unsampled = ~A.mask.expand_as(y)
    assert torch.equal(net.completed(y, A.mask)[unsampled], free.completed(y, A.mask)[unsampled])
    assert free.completed(y, A.mask)[unsampled].abs().mean() > 1e-3 * y.abs().mean(), "what was missing is predicted"


@pytest.mark.parametrize("build", [on_kspace, hybrid])
def test_the_image_follows_the_units_of_the_data(build):
    A, y = one_coil()
    net = build()
    assert torch.allclose(net(A, 1e4 * y), 1e4 * net(A, y), rtol=1e-9)


def test_coils_are_completed_one_by_one():
    A, y = several_coils()
    net = on_kspace()
    alone = SenseOperator(torch.ones(1, *SHAPE, dtype=torch.complex128), A.mask)
    coil_images = torch.stack([net(alone, each[None]) for each in y])
    maps = A.smaps
    assert torch.allclose(net(A, y), (maps.conj() * coil_images).sum(0) / maps.abs().square().sum(0))


def test_a_start_is_another_hybrid_of_its_size():
    A, y = one_coil()
    net, other = hybrid(), louder(Hybrid(**SMALL))
    other.start_from(net)
    assert torch.equal(other(A, y), net(A, y))
    for wrong in (Hybrid(n_features=5, n_levels=2), Hybrid(n_features=4, n_levels=1), MoDL(n_features=4), on_kspace()):
        with pytest.raises(ValueError, match="does not fit; expected a Hybrid with as many features and levels"):
            other.start_from(wrong)


@pytest.mark.parametrize("wrong", [{"n_features": 0}, {"n_levels": 0}])
@pytest.mark.parametrize("build", [KSpaceUNet, Hybrid])
def test_what_no_network_can_have_is_refused(build, wrong):
    with pytest.raises(ValueError, match="expected at least 1 of each"):
        build(**wrong)


@pytest.mark.parametrize("build", [KSpaceUNet, Hybrid])
def test_they_learn(build):
    scans = TaskScans("train", 3, task="undersampling", shape=(32, 40), strength=(3, 3), noise_std=(0.002, 0.01))

    class Few:
        def __getitem__(self, index):
            return scans[index % 4]

    torch.manual_seed(0)
    net = build(**SMALL)
    [batch] = stack([scans[i] for i in range(4)])
    before = log_nmse(net(batch.A, batch.kspace), batch.reference).item()
    train(net, Few(), Settings(n_steps=40, batch_size=4, learning_rate=3e-3, warmup=5))
    assert log_nmse(net(batch.A, batch.kspace), batch.reference).item() < before - 0.2


# --- what image domain shares with the second half


def test_image_domain_cleans_the_zero_filled_image():
    A, y = several_coils()
    torch.manual_seed(0)
    net = ImageDomain(DnCNN(n_features=4, n_layers=3)).double()
    assert torch.equal(net(A, y), net.cleaned(A.adjoint(y)))


# --- the recipes


@pytest.mark.parametrize("size", ["", "_32", "_48"])
def test_the_domains_have_equal_parameters_and_equal_data(size):
    recipes = [load_recipe(f"domain_{domain}{size}") for domain in DOMAINS]
    sizes = [count(recipe.build()) for recipe in recipes]
    assert max(sizes) <= 1.05 * min(sizes) and sizes[0] == sizes[1]
    assert len({(recipe.seed, replace(recipe.training, n_steps=1)) for recipe in recipes}) == 1
    image, kspace, both = (
        load_recipe(f"domain_{name}{size}").training.n_steps for name in ("image", "kspace", "hybrid")
    )
    equal_time = {"": (27_000, 30_000, 20_000), "_32": (13_000, 15_000, 10_000)}  # a step of both takes longest
    assert (image, kspace, both) == equal_time.get(size, (both, both, both))
    assert all(recipe.data == recipes[0].data for recipe in recipes)


def test_the_network_on_kspace_has_one_step_and_no_deep_supervision():
    text = 'title = "A"\nseed = 0\n[network]\nkind = "{}"\n[training]\nn_steps = 5\ndeep_supervision = 0.5'
    assert parse_recipe(text.format("hybrid"), "mine").training.deep_supervision == 0.5
    with pytest.raises(ValueError, match="deep_supervision"):
        parse_recipe(text.format("kspace_unet"), "mine")
