"""The variational network: its size, its filters, its activations, and that each step goes down an energy."""

import pytest
import torch
from torch.nn import functional

from mricourse.networks.modl import MoDL
from mricourse.networks.radial_basis import RadialBasis
from mricourse.networks.variational_network import VariationalNetwork
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.simulate.coils import simulate_coils
from mricourse.training.recipes import load_recipe

SHAPE = (24, 17)
SMALL = {"n_iterations": 3, "n_filters": 4, "kernel_size": 5, "n_weights": 11}


def problem():
    smaps = simulate_coils(4, SHAPE).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=6))
    return A, A.forward(random_complex(*SHAPE, dtype=torch.complex128))


def network(**options):
    torch.manual_seed(0)
    net = VariationalNetwork(**SMALL | options).double()
    for iteration in net.iterations:
        iteration.activation.weights.data += 0.05 * torch.randn_like(iteration.activation.weights)
    return net


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_the_published_size():
    assert count(VariationalNetwork()) == 10 * (48 * (2 * 121 + 31) + 1) == 131_050
    assert abs(count(load_recipe("variational_network").build()) / 28_801 - 1) < 0.05


def test_filters_have_mean_zero_and_norm_one_whatever_the_optimiser_made_of_them():
    """The trap: kernels that grow leave the range of the activations, and nothing is filtered any more."""
    net = network()
    iteration = net.iterations[0]
    before = iteration.filters()
    assert before.mean((-2, -1)).abs().max() < 1e-12
    assert torch.allclose(before.square().sum((1, 2, 3)), torch.ones(4).double())
    with torch.no_grad():
        iteration.kernels.mul_(30).add_(2)
    assert torch.allclose(iteration.filters(), before)


def test_an_image_without_structure_is_left_alone_away_from_its_border():
    net = network()
    for iteration in net.iterations:  # an odd activation is zero at zero
        weights = iteration.activation.weights
        weights.data = weights.data - weights.data.flip(1)
    flat = torch.full(SHAPE, 0.3 + 0.4j, dtype=torch.complex128)
    change = net.iterations[0].regulariser_gradient(flat)
    assert change[4:-4, 4:-4].abs().max() < 1e-12 < change.abs().max()


def test_the_transpose_is_the_transpose():
    filters = network().iterations[0].filters()
    x, y = torch.randn(1, 2, *SHAPE).double(), torch.randn(1, 4, *SHAPE).double()
    there = functional.conv2d(x, filters, padding=2)
    back = functional.conv_transpose2d(y, filters, padding=2)
    assert torch.allclose((there * y).sum(), (x * back).sum())


def test_what_it_descends_is_the_gradient_of_an_energy():
    """The Jacobian of a gradient is symmetric; that of a convolutional network is not."""
    iteration = network().iterations[0]
    image, v, w = (random_complex(*SHAPE, seed=seed, dtype=torch.complex128) for seed in range(3))

    def pushed(function, direction, weight):
        x = image.clone().requires_grad_()
        [slope] = torch.autograd.grad((weight.conj() * function(x)).real.sum(), x)
        return (slope.conj() * direction).real.sum()

    there, back = pushed(iteration.regulariser_gradient, v, w), pushed(iteration.regulariser_gradient, w, v)
    assert torch.allclose(there, back) and there.abs() > 1e-6
    denoiser = MoDL(n_features=4, norm="none").double().denoiser
    assert not torch.allclose(pushed(denoiser, v, w), pushed(denoiser, w, v), rtol=1e-3)


def test_each_iteration_is_that_of_the_paper():
    A, kspace = problem()
    net = network(data_weight=0.6)
    images = net.iterates(A, kspace)
    scale = images[0].abs().flatten().kthvalue(round(0.99 * images[0].numel())).values
    for iteration, x, following in zip(net.iterations, images[:-1], images[1:], strict=True):
        filters, parts = iteration.filters(), torch.stack([x.real, x.imag])[None] / scale
        responses = functional.conv2d(parts, filters, padding=2)[0]
        active = iteration.activation.exact(responses.flatten(1)).view_as(responses)
        change = torch.complex(*functional.conv_transpose2d(active[None], filters, padding=2)[0]) * scale
        expected = x - change - 0.6 * (A.plain_normal(x) - A.adjoint(kspace))
        assert (following - expected).norm() < 1e-3 * expected.norm()  # the activations are tables


def test_the_image_follows_the_units_of_the_data():
    A, kspace = problem()
    net = network()
    assert torch.allclose(net(A, 1e4 * kspace), 1e4 * net(A, kspace), rtol=1e-9)


def test_more_iterations_start_from_fewer():
    few, many = network(n_iterations=1), network(n_iterations=2)
    few.iterations[0].log_data_weight.data += 1
    many.start_from(few)
    assert all(each.log_data_weight == few.iterations[0].log_data_weight for each in many.iterations)
    with pytest.raises(ValueError, match="does not fit; expected one of the same kind"):
        many.start_from(network(n_filters=5))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_iterations": 0},
        {"n_filters": 0},
        {"kernel_size": 4},
        {"n_weights": 1},
        {"reach": 0.0},
        {"data_weight": 0.0},
    ],
)
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {[*wrong][0]}=.*; expected"):
        VariationalNetwork(**wrong)


# --- the activations


def test_the_table_is_the_sum_of_gaussians_and_has_its_slope():
    torch.manual_seed(0)
    basis = RadialBasis(3, n_weights=11, reach=0.8).double()
    basis.weights.data = torch.randn(3, 11).double()
    z = torch.linspace(-2, 2, 4001).double().repeat(3, 1).requires_grad_()
    found = basis(z.view(1, 3, 1, -1)).view(3, -1)
    expected = basis.exact(z)
    assert (found - expected).abs().max() < 1e-3 * basis.weights.abs().max()
    slopes = [torch.autograd.grad(values.sum(), z, retain_graph=True)[0] for values in (found, expected)]
    assert (slopes[0] - slopes[1]).norm() < 0.05 * slopes[1].norm()
    by_weights = [torch.autograd.grad(values.square().sum(), basis.weights)[0] for values in (found, expected)]
    assert (by_weights[0] - by_weights[1]).norm() < 5e-3 * by_weights[1].norm()


def test_beyond_its_reach_an_activation_is_nothing():
    basis = RadialBasis(1, reach=0.5, slope=1.0)
    assert not basis(torch.tensor([[[[-50.0, -1.0, 1.0, 50.0]]]])).abs().gt(1e-6).any()
    near = basis(torch.tensor([[[[-0.2, 0.2]]]]))
    assert near[..., 0].item() == pytest.approx(-near[..., 1].item()) and near[..., 1] > 0.2, "a line to begin with"


def test_what_is_no_number_comes_through_and_the_loop_can_say_so():
    """An index made of NaN is outside the table: an error of the gather, on a GPU the end of the process."""
    basis = RadialBasis(1, slope=1.0)
    found = basis(torch.tensor([[[[float("nan"), 0.1, float("inf"), -float("inf")]]]]))[0, 0, 0]
    assert found[0].isnan() and found[1:].isfinite().all() and found[2:].abs().max() < 1e-6


@pytest.mark.parametrize("n_weights", [2, 31, 4096])
def test_both_ends_of_the_table_are_inside_it(n_weights):
    basis = RadialBasis(1, n_weights=n_weights, slope=1.0)
    z = torch.cat([torch.linspace(-50, 50, 5001), torch.tensor([1e30, -1e30])])
    found = basis(z[None, None, None])[0, 0, 0]
    assert found.isfinite().all() and found[[0, -1, -2, -3]].abs().max() < 1e-6


def test_a_kernel_without_structure_is_no_filter():
    net = network()
    with torch.no_grad():
        net.iterations[0].kernels[0] = 0.7
    filters = net.iterations[0].filters()
    assert filters.isfinite().all() and filters[0].abs().max() < 1e-6
    filters.square().sum().backward()
    assert net.iterations[0].kernels.grad.isfinite().all()
