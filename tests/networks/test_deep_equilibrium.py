"""The deep equilibrium network: its equation, its implicit gradient, and when there is one fixed point."""

import pytest
import torch
from small_training import small_scans

from mricourse.evaluation.costs import kept_for_backward
from mricourse.networks.deep_equilibrium import STEPS, DeepEquilibrium
from mricourse.networks.modl import MoDL
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.physics.scan import stack
from mricourse.simulate.coils import simulate_coils
from mricourse.training.objectives import Supervised
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (24, 17)
SMALL = {"n_features": 6, "n_layers": 3}
EXACT = {"tolerance": 1e-11, "n_iterations": 400, "n_cg": 100}


def problem():
    smaps = simulate_coils(4, SHAPE).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=6))
    return A, A.forward(random_complex(*SHAPE, dtype=torch.complex128))


def network(**options):
    torch.manual_seed(0)
    net = DeepEquilibrium(**SMALL | EXACT | options).double()
    for weight in net.denoiser.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    return net


def test_it_has_the_size_of_modl():
    assert sum(each.numel() for each in load_recipe("deep_equilibrium").build().parameters()) == 28_801


@pytest.mark.parametrize("step", STEPS)
def test_the_image_is_a_fixed_point_of_the_equations(step):
    A, y = problem()
    net = network(step=step, reg_weight=0.3, step_size=0.8)
    with torch.no_grad():
        x = net(A, y)
        if step == "modl":
            expected = A.adjoint(y) + 0.3 * net.denoiser(x)
            assert (A.plain_normal(x) + 0.3 * x - expected).norm() < 1e-5 * expected.norm()
        else:
            assert torch.allclose(x, net.denoiser(x - 0.8 * (A.plain_normal(x) - A.adjoint(y))), atol=1e-8)


@pytest.mark.parametrize("step", STEPS)
def test_its_gradient_is_that_through_many_iterations(step):
    A, y = problem()
    net = network(step=step)
    target = random_complex(*SHAPE, seed=3, dtype=torch.complex128)
    y = y.requires_grad_()
    leaves = [y, *net.parameters()]
    implicit = torch.autograd.grad((net(A, y) - target).abs().square().sum(), leaves)
    image, one_step = A.adjoint(y), net.step(A, y)
    for _ in range(120):
        image = one_step(image)
    unrolled = torch.autograd.grad((image - target).abs().square().sum(), leaves)
    for mine, theirs in zip(implicit, unrolled, strict=True):
        assert (mine - theirs).norm() < 1e-5 * theirs.norm()


def test_without_the_equation_of_the_cotangents_the_gradient_is_another():
    """The trap: one application of the step has a gradient too, and training by it does not say that it is wrong."""
    A, y = problem()
    net = network()
    found = net.solve(A, y)
    weight = net.log_reg_weight

    def slope(image):
        return torch.autograd.grad(image.abs().square().sum(), weight, retain_graph=True)[0]

    assert (slope(net.step(A, y)(found.point)) - slope(net(A, y))).abs() > 0.1 * slope(net(A, y)).abs()


def test_memory_does_not_grow_with_the_iterations():
    A, y = problem()
    kept = [kept_for_backward(lambda n=n: network(n_iterations=n, tolerance=1e-12)(A, y)) for n in (3, 12)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("step", STEPS)
def test_constrained_two_starts_end_at_the_same_image_and_so_does_plain_iteration(step):
    A, y = problem()
    net = network(step=step)
    for weight in net.denoiser.parameters():
        weight.data += torch.randn_like(weight)  # as wild as it may be learned
    other = 30 * random_complex(*SHAPE, seed=4, dtype=torch.complex128)
    images = [net.solve(A, y).image, net.solve(A, y, start=other).image]
    images.append(net.solve(A, y, start=other, n_kept=1, n_iterations=1000).image)
    assert all((each - images[0]).norm() < 1e-6 * images[0].norm() for each in images)


def test_an_unconstrained_denoiser_that_expands_has_no_fixed_point_to_find():
    A, y = problem()
    net = network(constrained=False)
    with torch.no_grad():
        for layer in net.denoiser.layers[::2]:
            layer.weight.mul_(2)
    plain = net.solve(A, y, n_kept=1, n_iterations=100)
    assert plain.residuals[-1] > 1e-3 and plain.image.norm() > 10 * A.adjoint(y).norm()


def test_training_and_inference_give_the_same_image():
    A, y = problem()
    net = network(tolerance=1e-2)
    with torch.no_grad():
        found = net(A, y)
    assert torch.equal(net(A, y), found) and torch.equal(net.iterates(A, y)[-1], found)


def test_the_image_follows_the_units_of_the_data():
    A, y = problem()
    net = network()
    with torch.no_grad():
        assert torch.allclose(net(A, 1e4 * y), 1e4 * net(A, y), rtol=1e-6)


def test_unconstrained_it_takes_over_the_weights_of_a_modl():
    modl = MoDL(n_iterations=1, norm="none", reg_weight=0.4, **SMALL).double()
    net = network(constrained=False)
    net.start_from(modl)
    A, y = problem()
    x = random_complex(*SHAPE, dtype=torch.complex128)
    with torch.no_grad():
        expected = A.adjoint(y) + 0.4 * modl.denoiser(x)
        found = net.step(A, y)(x)
        assert (A.plain_normal(found) + 0.4 * found - expected).norm() < 1e-5 * expected.norm()
    for mine, other in ((network(), modl), (net, network()), (net, network(constrained=False, step="gradient"))):
        with pytest.raises(ValueError, match="does not fit; expected a DeepEquilibrium with the same step"):
            mine.start_from(other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": "newton"},
        {"n_iterations": 0},
        {"n_kept": 0},
        {"n_cg": 0},
        {"reg_weight": 0.0},
        {"step_size": 0.0},
        {"step_size": 2.0},
        {"tolerance": 0.0},
        {"lipschitz": 1.0},
    ],
)
def test_impossible_options_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {[*wrong][0]}=.*; expected"):
        DeepEquilibrium(**wrong)


def test_it_says_how_far_from_a_fixed_point_it_ended():
    A, y = problem()
    net = network(tolerance=1e-6)
    image = net(A, y)
    assert 0 < net.last_residual <= 1e-6 and net.last_gradient_residual is None
    image.abs().square().sum().backward()
    assert 0 < net.last_gradient_residual <= 1e-6
    few = network(tolerance=1e-6, n_iterations=3)
    few(A, y).abs().square().sum().backward()
    assert few.last_residual > 1e-3 and few.last_gradient_residual > 1e-3
    assert few.last_residual == float(few.solve(A, y).residuals[-1])


def test_images_on_the_way_have_no_gradient_to_supervise():
    [batch] = stack(small_scans(2)[:1])
    with pytest.raises(ValueError, match="deep_supervision is set, but .* no gradient on the way; expected 0"):
        Supervised(deep_supervision=0.5)(DeepEquilibrium(**SMALL), batch)
    text = 'title = "A"\nseed = 0\n[network]\nkind = "deep_equilibrium"\n[training]\nn_steps = 5\n'
    with pytest.raises(ValueError, match="recipe mine: deep_supervision is set, but"):
        parse_recipe(text + "deep_supervision = 0.5", "mine")
