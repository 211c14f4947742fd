"""KIKI-net: its equations, samples that stay, predictions that stay, units, coils, and training stage by stage."""

import pytest
import torch
from small_training import Repeated

from mricourse.networks.kikinet import KIKINet, KSpaceStage, kspace_unit
from mricourse.networks.modl import MoDL
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.normalisation import radial_weight
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask, variable_density_mask
from mricourse.physics.scan import stack
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.protocols import brain_slices
from mricourse.simulate.task_scans import TaskScans
from mricourse.training.loop import Settings, train
from mricourse.training.losses import log_nmse
from mricourse.training.objectives import StageError, make_objective
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (24, 17)
SIZES = [(24, 17), (17, 24), (32, 32), (33, 33), (45, 38), (64, 27), (100, 75), (127, 96), (128, 128)]
SMALL = {"n_features": 4, "n_layers": 3}
ABLATION = ("kiki_ii", "kiki_kk", "kiki_ki", "kiki_ik", "kiki_kiki", "kiki_kiki_greedy")


def one_coil(shape=SHAPE, dtype=torch.complex128, mask=None):
    A = SenseOperator(torch.ones(1, *shape, dtype=dtype), random_mask(shape[0], 2, acs=6) if mask is None else mask)
    return A, A.forward(random_complex(*shape, dtype=dtype))


def network(stages="KIKI", **options):
    """With weights large enough that every stage changes what it gets."""
    torch.manual_seed(0)
    net = KIKINet(stages=stages, **SMALL | options).double()
    for stage in net.stages:
        stage.layers[-1].weight.data.mul_(5)
    return net


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_each_stage_is_a_network_of_its_own():
    each = 2 * 18 * 64 + 23 * 9 * 64**2
    assert count(KIKINet()) == 4 * each and count(KIKINet(stages="I")) == each
    kernels = [stage.layers[0].weight for stage in network().stages]
    assert all(not torch.equal(kernels[0], other) for other in kernels[1:]), "public code repeats one module"


def test_the_stages_are_those_of_the_paper():
    A, y = one_coil()
    net = network("KI")
    predicted, consistent = net.opened(A, y)
    weight = radial_weight(y) / kspace_unit(y, A.mask)
    seen = torch.stack([(weight * y).real, (weight * y).imag], 1)
    by_hand = torch.complex(*net.stages[0].layers(seen)[0]) / weight
    assert torch.allclose(predicted[0], by_hand), "a K-network gives k-space itself"
    k = torch.where(A.mask, y, by_hand)
    assert torch.allclose(consistent[1], k)
    x = ifft2c(k)
    unit = A.adjoint(y).abs().flatten().kthvalue(round(0.99 * x.numel())).values
    change = net.stages[1].layers(torch.stack([x.real, x.imag], 1) / unit)[0] * unit
    assert torch.allclose(predicted[1], fft2c(x + torch.complex(*change))), "an I-network gives what to add"
    assert torch.allclose(net(A, y), ifft2c(torch.where(A.mask, y, predicted[1]))[0])
    skipping = network("KI", residual_kspace=True)
    assert torch.allclose(skipping.opened(A, y)[0][0], y + by_hand)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("stages", ["K", "II", "KK", "IKIK", "KIKI"])
def test_after_every_consistency_step_the_samples_are_those_measured(shape, stages):
    for dtype, tolerance in ((torch.complex64, 1e-5), (torch.complex128, 1e-12)):
        A, y = one_coil(shape, dtype)
        net = network(stages).to(dtype.to_real())
        images = net.iterates(A, y)
        assert len(images) == len(stages) + 1
        for image in images:
            assert (A.forward(image) - y).abs().max() < tolerance * y.abs().max()


@pytest.mark.parametrize("stages", ["KK", "KI", "IK", "KIKI"])
def test_what_a_network_predicts_between_the_samples_is_kept(stages):
    """The trap: public code puts zeros where nothing was measured, just where the network was asked."""
    A, y = one_coil(mask=variable_density_mask(SHAPE, 3, acs=4))
    net = network(stages)
    predicted, consistent = net.opened(A, y)
    unsampled = ~A.mask.expand_as(y)
    for number, (before, after) in enumerate(zip(predicted, consistent[1:], strict=True)):
        assert torch.equal(after[unsampled], before[unsampled]), f"stage {number} of {stages}"
        assert after[unsampled].abs().mean() > 1e-3 * y.abs().mean(), f"stage {number} of {stages} leaves zeros"
    image = net(A, y)
    with torch.no_grad():
        net.stages[0].layers[0].weight.mul_(0)
    assert not torch.allclose(net(A, y), image), "the last image depends on what the first stage predicted"


def test_noisy_samples_can_be_weighted():
    A, y = one_coil()
    net = network("KI", data_weight=3.0)
    predicted, consistent = net.opened(A, y)
    for before, after in zip(predicted, consistent[1:], strict=True):
        assert torch.allclose(after, torch.where(A.mask, (before + 3 * y) / 4, before))
    exact = network("KI")(A, y)
    assert torch.allclose(network("KI", data_weight=1e9)(A, y), exact, atol=1e-6)
    assert not torch.allclose(net(A, y), exact, atol=1e-3)


def test_the_weight_takes_two_orders_of_magnitude_from_kspace():
    k = fft2c(brain_slices("train", 4, shape=(128, 128))).abs()
    distance = radial_weight(k)

    def span(k):
        rings = [k[..., (distance >= r) & (distance < 1.3 * r + 0.5)].square().mean().sqrt() for r in (1, 4, 16, 60)]
        return float(max(rings) / min(rings))

    assert span(k) > 100 and span(k * distance) < 20
    assert distance[64, 64] == 1 and distance.min() == 1


def test_the_image_follows_the_units_of_the_data():
    A, y = one_coil()
    for stages in ("KI", "IK"):
        net = network(stages)
        assert torch.allclose(net(A, 1e4 * y), 1e4 * net(A, y), rtol=1e-9)


def test_several_coils_are_reconstructed_one_by_one():
    smaps = simulate_coils(4, SHAPE).to(torch.complex128)
    mask = random_mask(SHAPE[0], 2, acs=6)
    A = SenseOperator(smaps, mask)
    y = A.forward(random_complex(*SHAPE, dtype=torch.complex128))
    net = network("KI")
    alone = SenseOperator(torch.ones(1, *SHAPE, dtype=torch.complex128), mask)
    coil_images = torch.stack([net(alone, each[None]) for each in y])
    assert torch.allclose(net(A, y), (smaps.conj() * coil_images).sum(0) / smaps.abs().square().sum(0))
    assert all(torch.allclose(mask * each, y) for each in net.opened(A, y)[1]), "the samples of every coil stay"


def test_one_coil_with_a_map_of_its_own_keeps_its_samples_too():
    phase = torch.polar(torch.ones(SHAPE, dtype=torch.float64), torch.linspace(0, 3, SHAPE[1], dtype=torch.float64))
    A = SenseOperator(0.5 * phase[None], random_mask(SHAPE[0], 2, acs=6))
    y = A.forward(random_complex(*SHAPE, dtype=torch.complex128))
    assert torch.allclose(A.forward(network()(A, y)), y)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"stages": "KJ"}, "got stages='KJ'; expected letters K and I"),
        ({"stages": ""}, "expected letters K and I"),
        ({"n_frozen": 4}, "got n_frozen=4 for KIKI; expected 0 to 3: one must learn"),
        ({"n_frozen": -1}, "got n_frozen=-1"),
        ({"data_weight": 0.0}, "got data_weight=0.0; expected a number above 0"),
        ({"n_layers": 1}, "got n_layers=1"),
        ({"n_features": 0}, "got n_features=0"),
    ],
)
def test_what_no_network_can_have_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        KIKINet(**wrong)


# --- stage by stage

SCANS = TaskScans("train", 3, task="undersampling", shape=(32, 40), strength=(3, 3), noise_std=(0.002, 0.01))
SETTINGS = Settings(n_steps=12, learning_rate=3e-3, warmup=2)


def test_greedy_training_moves_the_last_stage_alone():
    torch.manual_seed(1)
    first = KIKINet(stages="K", **SMALL)
    scans = Repeated([SCANS[i] for i in range(4)])
    train(first, scans, SETTINGS)
    second = KIKINet(stages="KI", n_frozen=1, **SMALL)
    second.start_from(first)
    last = second.stages[1].layers[0].weight.clone()
    train(second, scans, SETTINGS)
    for name, weight in first.stages[0].state_dict().items():
        assert torch.equal(weight, second.stages[0].state_dict()[name]), "the earlier one is frozen"
    assert not torch.equal(last, second.stages[1].layers[0].weight)
    [batch] = stack([SCANS[0]])
    assert torch.equal(first(batch.A, batch.kspace), second.iterates(batch.A, batch.kspace)[1])


def test_a_start_has_the_letters_with_which_this_one_begins():
    few, many = network("KI"), network("KIKI")
    many.start_from(few)
    A, y = one_coil()
    assert torch.equal(many.iterates(A, y)[2], few(A, y))
    others = [network("IK"), network("KI", n_features=5), MoDL(n_features=4)]
    others += [network("KI", residual_kspace=True), network("KI", data_weight=2.0)]  # of the same shapes
    for other in others:
        with pytest.raises(ValueError, match="does not fit KIKI; expected a KIKINet whose letters begin so"):
            many.start_from(other)


def test_the_error_of_a_stage_is_that_of_its_image_before_consistency():
    """Parseval: what the paper compares in k-space is the squared error of the image."""
    [batch] = stack([SCANS[0], SCANS[1]])
    A, y, reference = batch
    for stages in ("IK", "KI"):
        torch.manual_seed(0)
        net = KIKINet(stages=stages, **SMALL)
        predicted = net.opened(A, y)[0][-1]
        plain = log_nmse(ifft2c(predicted)[:, 0], reference)
        assert StageError(weight=0.0)(net, batch).item() == pytest.approx(plain.item(), abs=1e-4)
        weighted = StageError(weight=2.0)(net, batch).item()
        assert (weighted > plain.item() + 1e-6) == (stages == "KI"), "only an I-network has the second term"
    misfit = (A.mask * (predicted - y)).abs().square().sum((1, 2, 3)) / reference.abs().square().sum((1, 2))
    error = (ifft2c(predicted)[:, 0] - reference).abs().square().sum((1, 2)) / reference.abs().square().sum((1, 2))
    assert weighted == pytest.approx((10 * torch.log10(error + 2 * misfit)).mean().item(), abs=1e-4)


def test_only_this_network_takes_the_error_of_a_stage():
    [batch] = stack([SCANS[0]])
    with pytest.raises(ValueError, match="this network has no stages on k-space; expected a kikinet"):
        StageError()(MoDL(n_features=4), batch)
    with pytest.raises(ValueError, match="the scans have no reference; expected one"):
        StageError()(KIKINet(**SMALL), batch._replace(reference=None))
    with pytest.raises(ValueError, match="deep_supervision is set with the stage_error loss; expected 0"):
        make_objective("stage_error", deep_supervision=0.5)
    text = 'title = "A"\nseed = 0\n[network]\nkind = "modl"\n[training]\nn_steps = 5\nloss = "stage_error"'
    with pytest.raises(ValueError, match="recipe mine: the loss is stage_error, but this network has no stages"):
        parse_recipe(text, "mine")


def test_frozen_stages_come_from_somewhere():
    """The trap: without a start they are random for ever."""
    text = 'title = "A"\nseed = 0\n[network]\nkind = "kikinet"\nstages = "KI"\nn_frozen = 1\n[training]\nn_steps = 5'
    with pytest.raises(ValueError, match="recipe mine: n_frozen is 1 and there is no start; expected the name"):
        parse_recipe(text, "mine")


# --- the recipes


def test_the_ablation_has_equal_parameters_and_equal_data():
    recipes = [load_recipe(name) for name in ABLATION]
    sizes = [count(recipe.build()) for recipe in recipes]
    assert max(sizes) <= 1.05 * min(sizes) and 20_000 <= min(sizes) <= max(sizes) <= 40_000
    assert all(recipe.data == recipes[0].data for recipe in recipes)
    assert len({(recipe.seed, recipe.training) for recipe in recipes[:5]}) == 1, "equal updates by equal scans"
    assert all(
        stage.residual for recipe in recipes for stage in recipe.build().stages if isinstance(stage, KSpaceStage)
    )
    assert len({recipe.training.loss for recipe in recipes}) == 1


@pytest.mark.parametrize("name", ["kiki_ii", "kiki_ki"])
def test_two_of_the_ablation_have_five_seeds(name):
    recipes = [load_recipe(name + end) for end in ("", "_s2", "_s3", "_s4", "_s5")]
    assert len({recipe.seed for recipe in recipes}) == 5
    assert all((each.network, each.data, each.training) == vars_of(recipes[0]) for each in recipes)


@pytest.mark.parametrize("name", ["kiki_ki", "kiki_kk"])
def test_networks_as_published_differ_in_the_skip_alone(name):
    plain, residual = load_recipe(f"{name}_plain"), load_recipe(name)
    assert not plain.network["residual_kspace"]
    assert (plain.network | {"residual_kspace": True}, plain.data, plain.training) == vars_of(residual)
    assert plain.seed == residual.seed


def vars_of(recipe):
    return recipe.network, recipe.data, recipe.training


def test_greedy_recipes_add_one_stage_each():
    recipe = load_recipe("kiki_kiki_greedy")
    stages = []
    while recipe is not None:
        stages.append((recipe.network["stages"], recipe.network["n_frozen"]))
        assert recipe.seed == load_recipe("kiki_kiki").seed, "its first weights and its scans"
        recipe = None if recipe.start is None else load_recipe(recipe.start)
    assert stages == [("KIKI", 3), ("KIK", 2), ("KI", 1), ("K", 0)]
