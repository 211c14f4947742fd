"""ISTA-Net+: its size, its equations, its thresholds, and what the symmetry loss is for."""

from dataclasses import replace

import pytest
import torch
from small_training import Repeated, small_scans

from mricourse.networks.ista_net import ISTANet
from mricourse.networks.modl import MoDL
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.physics.scan import stack
from mricourse.reconstruct.sparsity import soft_threshold
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.multi_contrast import ContrastScans
from mricourse.training.loop import Settings, train
from mricourse.training.losses import log_nmse
from mricourse.training.objectives import Supervised, Symmetry, make_objective
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (24, 17)


def problem():
    smaps = simulate_coils(4, SHAPE).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=6))
    return A, A.forward(random_complex(*SHAPE, dtype=torch.complex128))


def network(**options):
    torch.manual_seed(0)
    return ISTANet(**{"n_iterations": 3, "n_features": 4} | options).double()


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_the_published_size_with_a_second_channel_for_the_imaginary_part():
    published = 2 * 288 + 4 * 9216 + 2  # of one iteration on real images: 37,442
    assert count(ISTANet()) == 9 * (published + 2 * 288) == 342_162
    assert abs(count(load_recipe("ista_net").build()) / 28_801 - 1) < 0.05


def test_each_iteration_is_that_of_the_paper():
    A, kspace = problem()
    net = network(step_size=0.7, threshold=0.05)
    images = net.iterates(A, kspace)
    assert len(images) == 7 and torch.equal(images[0], A.adjoint(kspace))
    unit = net.iterates(A, kspace)[0].abs().flatten().kthvalue(round(0.99 * images[0].numel())).values
    for iteration, x, r, following in zip(net.iterations, images[:-1:2], images[1::2], images[2::2], strict=True):
        assert torch.allclose(r, x - 0.7 * (A.plain_normal(x) - A.adjoint(kspace)))
        channels = torch.stack([r.real, r.imag])[None] / unit
        code = iteration.forward_second(iteration.forward_first(iteration.lift(channels)).relu())
        shrunk = soft_threshold(code, 0.05)
        change = iteration.lower(iteration.backward_second(iteration.backward_first(shrunk).relu()))[0] * unit
        assert torch.allclose(following, r + torch.complex(*change))


def test_without_a_denoiser_the_iterations_descend_to_least_squares():
    A, kspace = problem()
    net = network(n_iterations=200, step_size=1.0)
    for iteration in net.iterations:
        iteration.lower.weight.data.zero_()
    misfits = [float((A.forward(image) - kspace).norm().detach()) for image in net.iterates(A, kspace)[::2]]
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in zip(misfits[:-1], misfits[1:], strict=True))
    assert misfits[-1] < 0.05 * misfits[0]


def test_a_threshold_above_every_code_leaves_the_gradient_step_alone():
    A, kspace = problem()
    images = network(threshold=1e6).iterates(A, kspace)
    assert all(torch.allclose(r, x) for r, x in zip(images[1::2], images[2::2], strict=True))


def test_the_image_follows_the_units_of_the_data_and_so_do_the_defects():
    A, kspace = problem()
    net = network()
    images, defects = net.opened(A, kspace)
    larger_images, larger_defects = net.opened(A, 1e4 * kspace)
    for mine, theirs in zip(images + defects, larger_images + larger_defects, strict=True):
        assert torch.allclose(1e4 * mine, theirs, rtol=1e-9)
    assert all(torch.equal(*pair) for pair in zip(images, net.iterates(A, kspace), strict=True))


def test_the_symmetry_loss_is_the_supervised_one_where_the_transforms_are_inverse():
    [batch] = stack(small_scans(2)[:1])
    torch.manual_seed(0)
    net = ISTANet(n_iterations=2, n_features=4)
    assert Symmetry(weight=0.0)(net, batch).item() == pytest.approx(Supervised(log_nmse)(net, batch).item(), abs=1e-4)
    with torch.no_grad():
        for each in net.iterations:  # two channels and their negatives pass relu, H of them is undone exactly
            for part in (each.forward_first, each.forward_second, each.backward_first, each.backward_second):
                part.weight.zero_()
            for channel in (0, 1):
                for sign in (0, 2):
                    factor = 1.0 - sign
                    each.forward_first.weight[channel + sign, channel, 1, 1] = factor
                    each.backward_first.weight[channel + sign, channel, 1, 1] = factor
                    each.forward_second.weight[channel, channel + sign, 1, 1] = factor
                    each.backward_second.weight[channel, channel + sign, 1, 1] = factor
            each.lift.weight[2:].zero_()
    assert all(defect.abs().max() < 1e-6 for defect in net.opened(batch.A, batch.kspace)[1])
    assert Symmetry(weight=10.0)(net, batch).item() == pytest.approx(Supervised(log_nmse)(net, batch).item(), abs=1e-4)


def test_without_its_loss_the_transforms_are_no_pair():
    """The trap: the network reconstructs as well, and what is called an inverse is none."""
    scans = small_scans(6)
    settings = Settings(n_steps=60, learning_rate=3e-3, warmup=5)
    [batch] = stack(scans[:1])

    def asymmetry(objective):
        torch.manual_seed(0)
        net = ISTANet(n_iterations=2, n_features=6)
        train(net, Repeated(scans), settings, objective=objective)
        with torch.no_grad():
            images, defects = net.opened(batch.A, batch.kspace)
            return float(sum(defect.square().mean() for defect in defects) / images[-1].abs().square().mean())

    assert asymmetry(make_objective("symmetry")) < 0.5 * asymmetry(Supervised(log_nmse))


def test_only_this_network_takes_the_symmetry_loss():
    [batch] = stack(small_scans(2)[:1])
    with pytest.raises(ValueError, match="this network learns no transform; expected an ista_net"):
        Symmetry()(MoDL(n_features=4), batch)
    with pytest.raises(ValueError, match="the scans have no reference; expected one"):
        Symmetry()(ISTANet(n_features=4), batch._replace(reference=None))
    with pytest.raises(ValueError, match="deep_supervision is set with the symmetry loss; expected 0"):
        make_objective("symmetry", deep_supervision=0.5)
    text = 'title = "A"\nseed = 0\n[network]\nkind = "modl"\n[training]\nn_steps = 5\nloss = "symmetry"'
    with pytest.raises(ValueError, match="recipe mine: the loss is symmetry, but this network learns no transform"):
        parse_recipe(text, "mine")


def test_more_iterations_start_from_fewer():
    few, many = network(n_iterations=2), network(n_iterations=4)
    few.iterations[1].log_threshold.data += 1
    many.start_from(few)
    thresholds = [each.log_threshold.item() for each in many.iterations]
    assert thresholds[0] == thresholds[1] != thresholds[2] == thresholds[3]
    for other in (network(n_features=5), MoDL(n_features=4)):
        with pytest.raises(ValueError, match="does not fit; expected one of the same kind"):
            many.start_from(other)


def test_a_scan_without_signal_gives_nothing_and_finite_gradients():
    scan = small_scans(2)[0]
    [batch] = stack([replace(scan, kspace=torch.zeros_like(scan.kspace))])
    net = ISTANet(n_iterations=2, n_features=4)
    loss = Symmetry()(net, batch)
    loss.backward()
    assert loss.isfinite() and all(each.grad.isfinite().all() for each in net.parameters() if each.grad is not None)


@pytest.mark.parametrize("wrong", [{"n_iterations": 0}, {"n_features": 0}, {"step_size": 0.0}, {"threshold": -1.0}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {[*wrong][0]}=.*; expected"):
        ISTANet(**wrong)


def test_slices_of_several_contrasts_have_a_defect_each():
    net = ISTANet(n_iterations=2, n_features=4)
    scans = ContrastScans("train", 2, shape=(40, 36))
    [batch] = stack([scans[0], scans[1]])
    loss = Symmetry(weight=3.0)
    each = [loss(net, stack([scan])[0]).item() for i in (0, 1) for scan in scans[i].scans.values()]
    assert loss(net, batch).item() == pytest.approx(sum(each) / 6, abs=1e-3)


def test_code_and_decode_are_the_two_halves_of_the_prior_step():
    iteration = network(threshold=0.05).iterations[0]
    for shape in (SHAPE, (2, *SHAPE)):
        image = random_complex(*shape, seed=2, dtype=torch.complex128)
        code = iteration.code(image)
        assert code.shape == (*shape[:-2], 4, *SHAPE)
        assert torch.allclose(image + iteration.decode(soft_threshold(code, 0.05)), iteration.cleaned(image))
