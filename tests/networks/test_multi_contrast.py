"""DIRN, DFSN, DISN: nested, each with data fidelity by contrast; what one contrast may know of another."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from small_training import Repeated

from mricourse.evaluation.metrics import psnr
from mricourse.evaluation.scores import evaluate
from mricourse.networks.apply import apply_network
from mricourse.networks.image_domain import brightness, smooth_phase
from mricourse.networks.modl import MoDL
from mricourse.networks.multi_contrast import SHARING, MultiContrastNet
from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.scan import stack
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.multi_contrast import ContrastScans
from mricourse.training.loop import Settings, train, validate
from mricourse.training.losses import log_nmse
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (40, 36)
SCANS = ContrastScans("train", 2, shape=SHAPE)
SMALL = {"n_iterations": 3, "n_features": 6, "n_layers": 3}
RECIPES = (
    "contrast_dirn",
    "contrast_dfsn",
    "contrast_disn",
    "contrast_disn_same_mask",
    "contrast_dirn_again",
    "contrast_disn_shuffled",
)


def network(sharing, **options):
    """With weights large enough that every block changes what it gets."""
    torch.manual_seed(0)
    net = MultiContrastNet(sharing=sharing, **SMALL | options).double()
    for parameter in net.iterations.parameters():
        parameter.data.mul_(1.5)
    return net


def problem(index=0):
    [(A, kspace, _)] = stack([SCANS[index]])
    return SenseOperator(A.smaps.to(torch.complex128), A.mask), kspace.to(torch.complex128)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("sharing", SHARING)
def test_each_block_ends_in_the_data_fidelity_of_the_paper(sharing):
    """In k-space: (F z + lambda y) / (1 + lambda) at the samples of that contrast, F z elsewhere."""
    A, y = problem()
    net = network(sharing)
    net.log_data_weight.data = torch.tensor([0.5, 3.0, 40.0]).log().double()
    zero_filled = A.adjoint(y)
    turn = smooth_phase(zero_filled) * brightness(zero_filled)
    images = net.iterates(A, y)
    seen = [zero_filled / turn]
    for block, (before, after) in zip(net.iterations, pairwise(images), strict=True):
        k = fft2c(before + block(seen) * turn)[0]
        for number, weight in enumerate((0.5, 3.0, 40.0)):
            drawn = (k[number] + weight * y[0, number, 0]) / (1 + weight)
            expected = ifft2c(torch.where(A.mask[0, number, 0], drawn, k[number]))
            assert torch.allclose(after[0, number], expected, atol=1e-6), f"contrast {number}"
        seen.insert(0, after / turn)
    assert len(images) == 4


def test_each_contrast_keeps_its_own_samples_where_they_weigh_all():
    A, y = problem()
    for sharing in SHARING:
        image = network(sharing, data_weight=1e9)(A, y)
        assert torch.allclose(A.forward(image), y, atol=1e-6 * y.abs().max())
        assert not torch.allclose(image, A.adjoint(y), atol=1e-2), "and fills in the others"


@pytest.mark.parametrize(("sharing", "knows"), [("separate", False), ("features", True), ("dense", True)])
def test_a_contrast_knows_of_its_partners_what_the_paper_says(sharing, knows):
    A, y = problem()
    net = network(sharing)
    image = net(A, y)
    other = y.clone()
    other[:, 1] = problem(5)[1][:, 1] * A.mask[:, 1]
    changed = net(A, other)
    assert torch.equal(changed[:, 0], image[:, 0]) == (not knows)
    assert not torch.allclose(changed[:, 1], image[:, 1])


def test_dense_links_lead_from_every_earlier_image():
    A, y = problem()
    net = network("dense")
    assert [block.layers[0].in_channels for block in net.iterations] == [6, 12, 18]
    seen = [image / brightness(image) for image in net.iterates(A, y)]
    for number, block in enumerate(net.iterations):
        known = list(reversed(seen[: number + 1]))
        change = block(known)
        for place in range(number + 1):
            without = [*known]
            without[place] = 0 * without[place]
            assert not torch.allclose(block(without), change), f"block {number} forgets image {place}"


def test_shared_features_are_dense_links_of_no_weight():
    A, y = problem()
    dense, features = network("dense"), network("features")
    for mine, their in zip(dense.iterations, features.iterations, strict=True):
        state = their.layers.state_dict()
        state["0.weight"] = torch.nn.functional.pad(state["0.weight"], (0, 0, 0, 0, 0, 6 * (mine.n_seen - 1)))
        mine.layers.load_state_dict(state)
    assert torch.allclose(dense(A, y), features(A, y))


def test_separate_networks_are_shared_features_in_groups():
    A, y = problem()
    separate, features = network("separate", n_features=2), network("features", n_features=6)
    for mine, their in zip(features.iterations, separate.iterations, strict=True):
        for number, layer in enumerate(mine.layers):
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.data = _block_diagonal([each[number].weight.data for each in their.each])
    assert torch.allclose(separate(A, y), features(A, y))


def _block_diagonal(kernels):
    n_out, n_in = kernels[0].shape[:2]
    whole = kernels[0].new_zeros(len(kernels) * n_out, len(kernels) * n_in, 3, 3)
    for number, kernel in enumerate(kernels):
        whole[number * n_out : (number + 1) * n_out, number * n_in : (number + 1) * n_in] = kernel
    return whole


@pytest.mark.parametrize("sharing", SHARING)
def test_units_and_phase_of_a_contrast_are_its_own(sharing):
    """Twice the data of one contrast is twice its image, and leaves the others alone; so is another phase."""
    A, y = problem()
    net = network(sharing)
    factors = torch.tensor([1.0, 300.0, 1j])[:, None, None].to(torch.complex128)
    assert torch.allclose(net(A, factors[..., None] * y), factors * net(A, y), rtol=1e-6, atol=1e-7)


def test_several_coils_and_several_slices_are_taken_at_once():
    smaps = simulate_coils(4, SHAPE).to(torch.complex128).expand(1, 3, 4, *SHAPE)
    A = SenseOperator(smaps, problem()[0].mask)
    y = A.forward(SCANS[0].reference.to(torch.complex128)[None])
    net = network("dense", n_cg=60)
    image = net(A, y)
    both = SenseOperator(torch.cat([smaps, smaps]), torch.cat([A.mask, A.mask]))
    assert torch.allclose(net(both, torch.cat([y, 2 * y])), torch.cat([image, 2 * image]), atol=1e-6)
    exact = network("separate", data_weight=1e6, n_cg=200)(A, y)
    assert torch.allclose(A.forward(exact), y, atol=1e-3)


def test_data_without_contrasts_are_refused_in_one_sentence():
    scan = SCANS[0].scans["T1w"]
    net = MultiContrastNet(**SMALL)
    batches = [stack([scan])[0], stack([*SCANS[0].scans.values()])[0]]  # three scans, as far as the network can know
    with pytest.raises(ValueError, match="the scan has one contrast, and this network reconstructs T1w, T2w, FLAIR"):
        apply_network(net, scan)
    for batch in batches:
        with pytest.raises(ValueError, match=r"kspace has .*; expected \(scans, 3, coils, ky, kx\): this network"):
            net(*batch[:2])
    with pytest.raises(ValueError, match="reconstructs T1w, T2w of a slice together"):
        MultiContrastNet(contrasts="T1w, T2w", **SMALL)(*stack([SCANS[0]])[0][:2])
    text = 'title = "A"\nseed = 0\n[network]\nkind = "multi_contrast"\n[training]\nn_steps = 5'
    with pytest.raises(ValueError, match='kind of \\[data\\] is "scans" for a multi_contrast; expected "contrasts"'):
        parse_recipe(text, "mine")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sharing": "all"}, "got sharing='all'; expected 'separate' or 'features' or 'dense'"),
        ({"contrasts": ""}, "got contrasts=''; expected names"),
        ({"contrasts": "T1w, T1w"}, "got contrasts='T1w, T1w'; expected names"),
        ({"n_iterations": 0}, "n_iterations=0"),
        ({"n_layers": 1}, "n_layers=1"),
        ({"data_weight": 0.0}, "data_weight=0.0"),
        ({"n_cg": 0}, "n_cg=0"),
    ],
)
def test_what_no_network_can_have_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        MultiContrastNet(**wrong)


@pytest.mark.parametrize("sharing", SHARING)
def test_a_start_shares_in_the_same_way(sharing):
    A, y = problem()
    first, second = network(sharing), network(sharing)
    for parameter in first.parameters():
        parameter.data += 0.01
    second.start_from(first)
    assert torch.equal(first(A, y), second(A, y))
    if sharing != "dense":
        network(sharing, n_iterations=4).start_from(first)
    others = [network(each) for each in SHARING if each != sharing and {each, sharing} != {"features", "dense"}]
    for other in [*others, network(sharing, n_features=7), MoDL(n_features=4)]:
        with pytest.raises(ValueError, match="the network to start from does not fit"):
            second.start_from(other)


@pytest.mark.parametrize("sharing", SHARING)
def test_it_trains_in_the_one_loop_and_is_judged_by_the_mean_over_contrasts(sharing):
    scans = [SCANS[i] for i in range(4)]
    torch.manual_seed(0)
    net = MultiContrastNet(sharing=sharing, **SMALL)
    [batch] = stack(scans)
    before = log_nmse(net(batch.A, batch.kspace), batch.reference).item()
    weight = net.log_data_weight.clone()
    train(net, Repeated(scans), Settings(n_steps=30, batch_size=2, learning_rate=3e-3, warmup=3))
    assert log_nmse(net(batch.A, batch.kspace), batch.reference).item() < before - 0.2
    assert not torch.equal(net.log_data_weight, weight)
    net.eval()
    each = [psnr(net(*stack([scan])[0][:2])[0].detach(), scan.reference).mean().item() for scan in scans]
    assert validate(net, scans) == pytest.approx(sum(each) / 4, abs=1e-6)
    assert evaluate(net, scans)["psnr"] == pytest.approx(sum(each) / 4, abs=1e-3)


def test_a_network_for_one_contrast_takes_them_one_by_one():
    [(A, kspace, _)] = stack([SCANS[0]])
    torch.manual_seed(0)
    net = MoDL(n_iterations=1, n_features=4, n_layers=2, norm="none")
    together = net(A, kspace)[0]
    for number, scan in enumerate(SCANS[0].scans.values()):
        [(alone, y, _)] = stack([scan])
        assert torch.allclose(net(alone, y)[0], together[number], atol=1e-5)  # single precision


def test_the_recipes_have_equal_parameters_and_differ_in_what_they_say():
    recipes = {name: load_recipe(name) for name in RECIPES}
    sizes = [count(recipe.build()) for recipe in recipes.values()]
    assert max(sizes) <= 1.05 * min(sizes) and 20_000 <= min(sizes) <= max(sizes) <= 40_000
    plain = recipes["contrast_disn"].scans()
    for name, recipe in recipes.items():
        changes = {"masks": "same"} if "same_mask" in name else {"shuffled": True} if "shuffled" in name else {}
        changes |= {"seed": 242} if "again" in name else {}
        expected = replace(plain, **changes)
        assert vars(recipe.scans()) == vars(expected), name


@pytest.mark.parametrize("sharing", SHARING)
def test_nothing_measured_is_nothing_reconstructed(sharing):
    [(A, kspace, _)] = stack([SCANS[0]])
    image = MultiContrastNet(sharing=sharing, **SMALL)(A, 0 * kspace)
    assert image.shape == (1, 3, *SHAPE) and not image.any()


@pytest.mark.parametrize("sharing", SHARING)
def test_a_scan_of_several_contrasts_is_applied_as_a_batch_of_one(sharing):
    """The trap: coil power summed over the contrasts makes the maps too small, and every data weight with them."""
    net = MultiContrastNet(sharing=sharing, **SMALL)
    [(A, kspace, _)] = stack([SCANS[0]])
    expected = net(A, kspace)[0].detach()
    found = apply_network(net, SCANS[0])
    assert found.shape == (3, *SHAPE) and torch.allclose(found, expected, rtol=1e-3, atol=1e-4)
    seen = []
    apply_network(net, SCANS[0], trace=seen.append)
    assert len(seen) == 3 and torch.equal(seen[-1], found)
    scale = normalised(SCANS[0])[0].smaps
    assert torch.equal(scale, SCANS[0].smaps), "one uniform coil of each contrast is of power 1 already"


def test_the_order_of_the_contrasts_is_that_of_the_training():
    net = MultiContrastNet(**SMALL)
    turned = replace(SCANS[0], scans=dict(reversed(SCANS[0].scans.items())))
    with pytest.raises(ValueError, match="has FLAIR, T2w, T1w; expected T1w, T2w, FLAIR, in this order"):
        apply_network(net, turned)
    assert len(stack([SCANS[0], turned])) == 2, "no batch mixes them"
    text = 'title = "A"\nseed = 0\n[network]\nkind = "multi_contrast"\ncontrasts = "T2w, T1w, FLAIR"\n[data]\n'
    text += 'kind = "contrasts"\n[training]\nn_steps = 5'
    with pytest.raises(ValueError, match=r"contrasts of \[network\] are T2w, T1w, FLAIR; expected those"):
        parse_recipe(text, "mine")
    assert load_recipe("contrast_disn").defaults["network"]["contrasts"] == "T1w, T2w, FLAIR", "a card holds it"
