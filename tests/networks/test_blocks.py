"""The five blocks: their sizes, what sets each apart, and the network made of them."""

import pytest
import torch
from torch.nn import functional

from mricourse.networks.blocks import BLOCKS, BlockNet
from mricourse.physics.fourier import random_complex
from mricourse.training.recipes import load_recipe

KINDS = list(BLOCKS)


def n_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def block(kind, n=8):
    torch.manual_seed(0)
    return BLOCKS[kind](n)


def distance(x, reference):
    return float((x - reference).detach().norm() / reference.detach().norm())


@pytest.mark.parametrize("n", [8, 16, 40])
def test_sizes_are_those_of_the_docstrings(n):
    found = {kind: n_parameters(block(kind, n)) for kind in KINDS}
    assert found == {
        "plain": 18 * n**2,
        "residual": 18 * n**2,
        "dense": 48.5 * n**2,
        "attention": 18.5 * n**2,
        "depthwise": 2 * n**2 + 18 * n,
    }


def test_the_recipes_have_one_budget():
    sizes = {kind: n_parameters(load_recipe(f"block_{kind}").build()) for kind in KINDS}
    assert all(abs(size - sizes["plain"]) < 0.03 * sizes["plain"] for size in sizes.values()), sizes
    recipes = [load_recipe(f"block_{kind}") for kind in KINDS]
    assert all((r.data, r.training, r.seed) == (recipes[0].data, recipes[0].training, recipes[0].seed) for r in recipes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_keeps_the_shape_and_uses_every_weight(kind):
    layer, maps = block(kind), torch.randn(2, 8, 9, 14)
    out = layer(maps)
    assert out.shape == maps.shape and out.isfinite().all() and (out >= 0).all()
    out.sum().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in layer.parameters())


@pytest.mark.parametrize("kind", ["residual", "attention", "depthwise"])
def test_without_weights_a_residual_block_passes_its_input_on(kind):
    layer, maps = block(kind), torch.rand(2, 8, 9, 14)
    with torch.no_grad():
        list(layer.second.parameters())[-1].zero_()
    assert torch.equal(layer(maps), maps)


def test_attention_weighs_whole_channels():
    layer, maps = block("attention").double(), torch.randn(2, 8, 9, 14, dtype=torch.float64)
    found = layer.second(layer.first(maps).relu())
    factor = layer.change(maps) / found
    assert torch.allclose(factor, factor.mean(dim=(-2, -1), keepdim=True).expand_as(factor))
    assert (factor > 0).all() and (factor < 1).all()
    padded = functional.pad(maps, (0, 40))
    assert not torch.allclose(layer.change(padded)[..., :7], layer.change(maps)[..., :7]), "air counts"


def test_depthwise_is_a_convolution_whose_kernels_are_products():
    layer, maps = block("depthwise"), torch.randn(1, 8, 9, 14)
    space, mix = layer.first
    product = mix.weight * space.weight[:, 0]  # (out, in, 1, 1) * (in, 3, 3)
    assert distance(layer.first(maps), torch.conv2d(maps, product, padding=1)) < 1e-6


def test_dense_layers_see_all_before_them():
    layer = block("dense")
    assert [convolution.in_channels for convolution in layer.layers] == [8, 12, 16, 20, 24]
    assert layer.mix.in_channels == 28 and layer.mix.kernel_size == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (17, 33), (2, 3, 24, 20)])
def test_the_network_takes_any_complex_image(kind, shape):
    torch.manual_seed(0)
    network, image = BlockNet(block=kind, n_features=8, n_blocks=2), random_complex(*shape)
    out = network(image)
    assert out.shape == image.shape and out.dtype == torch.complex64
    out.abs().square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    assert distance(network(image.conj()), network(image.conj().resolve_conj())) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_begins_near_the_identity(kind):
    image = random_complex(2, 48, 48)
    for seed in range(3):
        torch.manual_seed(seed)
        assert 1e-3 < distance(BlockNet(block=kind)(image), image) < 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "attention"])
def test_without_biases_scale_passes_through(kind):
    network, image = BlockNet(block=kind, n_features=8, n_blocks=2), random_complex(20, 23)
    assert distance(network(1e-3 * image), 1e-3 * network(image)) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_overfits_one_sample(kind):
    torch.manual_seed(0)
    network = BlockNet(block=kind, n_features=16, n_blocks=2)
    reference = random_complex(6, 6).repeat_interleave(4, 0).repeat_interleave(4, 1)
    image = reference + 0.5 * random_complex(24, 24, seed=1)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        (network(image) - reference).abs().square().mean().backward()
        optimiser.step()
    assert distance(network(image), reference) < 0.6 * distance(image, reference)


def test_bfloat16_inside_but_the_image_keeps_its_precision():
    for kind in KINDS:
        network = BlockNet(block=kind, n_features=8, n_blocks=2)
        with torch.autocast("cpu", torch.bfloat16):
            out = network(random_complex(2, 16, 18))
        assert out.dtype == torch.complex64
        out.abs().sum().backward()
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize(
    "options, words",
    [
        ({"block": "res"}, "block='res'; expected one of plain, residual, dense, attention, depthwise"),
        ({"n_features": 0}, "n_features=0"),
        ({"n_blocks": 0}, "n_blocks=0"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        BlockNet(**options)


def test_real_images_are_refused():
    with pytest.raises(TypeError, match="expected a complex"):
        BlockNet(n_features=2, n_blocks=1)(torch.zeros(8, 8))
