"""The U-Nets have the published sizes; the course's takes any complex image and learns with every weight."""

import pytest
import torch

from mricourse.networks.unet import ComplexUNet, UNet, fastmri_paper_unet, fastmri_unet, ronneberger_unet
from mricourse.physics.fourier import random_complex
from mricourse.training.recipes import load_recipe

NORMS = ("none", "instance")


def n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def complex_unet(**options):
    torch.manual_seed(0)
    return ComplexUNet(**options)


def distance(x, reference):
    return float((x - reference).detach().norm() / reference.detach().norm())


@pytest.mark.parametrize(
    "build, n_features, expected",
    [
        (ronneberger_unet, 64, 31_030_658),
        (fastmri_unet, 32, 7_756_097),
        (fastmri_unet, 64, 31_023_745),
        (fastmri_unet, 128, 124_093_697),
        (fastmri_unet, 256, 496_372_225),
        (fastmri_paper_unet, 32, 3_348_227),
        (fastmri_paper_unet, 64, 13_388_291),
        (fastmri_paper_unet, 128, 53_543_939),
        (fastmri_paper_unet, 256, 214_157_315),
    ],
)
def test_published_sizes(build, n_features, expected):
    with torch.device("meta"):
        assert n_parameters(build(n_features=n_features)) == expected


@pytest.mark.parametrize("n_features, n_levels, expected", [(8, 3, 120_352), (16, 2, 116_544)])
def test_the_sizes_of_the_course(n_features, n_levels, expected):
    network = ComplexUNet(n_features=n_features, n_levels=n_levels)
    assert n_parameters(network) == expected == pytest.approx(112_896, rel=0.07)
    assert n_parameters(ComplexUNet()) == 120_352


@pytest.mark.parametrize("up", ["transpose", "bilinear"])
@pytest.mark.parametrize("n_features, n_levels", [(8, 3), (16, 2), (32, 4)])
def test_without_skips_the_weights_are_as_many(up, n_features, n_levels):
    options = {"n_features": n_features, "n_levels": n_levels, "up": up}
    with torch.device("meta"):
        n_with, n_without = (n_parameters(UNet(skips=skips, **options)) for skips in (True, False))
    assert n_without == pytest.approx(n_with, rel=0.0 if up == "transpose" else 0.005)


def test_without_skips_everything_passes_the_bottom():
    torch.manual_seed(0)
    image = random_complex(2, 33, 40)
    for skips in (True, False):
        network = ComplexUNet(n_features=4, skips=skips)
        with torch.no_grad():
            network.unet.bottom[0].weight.zero_()
        assert (distance(network(image), image) > 1e-3) == skips


@pytest.mark.parametrize("up", ["transpose", "bilinear"])
def test_without_skips_any_size_and_every_parameter_learns(up):
    torch.manual_seed(0)
    network = UNet(n_features=4, n_levels=2, up=up, norm="none", skips=False).double()
    sizes = gradient_sizes(network, torch.randn(1, 1, 21, 30, dtype=torch.float64))
    assert all(1e-12 < size < float("inf") for size in sizes.values())
    assert network(torch.randn(1, 1, 21, 30, dtype=torch.float64)).shape == (1, 1, 21, 30)


def test_the_skip_recipes_differ_in_nothing_else():
    with_skips, without = (load_recipe(name) for name in ("unet_small", "unet_no_skips"))
    assert n_parameters(with_skips.build()) == n_parameters(without.build()) == 120_352
    assert (with_skips.data, with_skips.training, with_skips.seed) == (without.data, without.training, without.seed)
    assert with_skips.network | {"skips": False} == without.network


def test_the_2015_network_loses_its_border():
    with torch.device("meta"):
        assert ronneberger_unet()(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    small = ronneberger_unet(n_features=2)
    assert small(torch.randn(2, 1, 188, 204)).shape == (2, 2, 4, 20)


def test_without_padding_the_output_does_not_see_where_a_tile_was_cut():
    torch.manual_seed(0)
    network = ronneberger_unet(n_features=2).double()
    whole = torch.randn(1, 1, 236, 220, dtype=torch.float64)
    tile = network(whole[..., 16:220, 16:204])  # moved by 16 = 2**4 pixels, whole pixels on every level
    assert torch.allclose(tile, network(whole)[..., 16:36, 16:20], atol=1e-10)


@pytest.mark.parametrize("build", [fastmri_unet, fastmri_paper_unet])
@pytest.mark.parametrize("shape", [(64, 48), (37, 53), (16, 32)])
def test_fastmri_networks_keep_the_size(build, shape):
    network = build(n_features=2)
    out = network(torch.randn(2, 1, *shape))
    assert out.shape == (2, 1, *shape) and out.isfinite().all()


def gradient_sizes(network, image):
    out = network(image)
    (out.abs() if out.is_complex() else out**2).sum().backward()
    return {name: float(parameter.grad.abs().max()) for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("build", [ronneberger_unet, fastmri_unet])
def test_published_networks_use_every_parameter(build):
    torch.manual_seed(0)
    ny = 204 if build is ronneberger_unet else 64
    sizes = gradient_sizes(build(n_features=4).double(), torch.randn(1, 1, ny, ny, dtype=torch.float64))
    assert all(1e-12 < size < float("inf") for size in sizes.values())


def test_biases_before_a_norm_change_nothing():
    torch.manual_seed(0)
    sizes = gradient_sizes(fastmri_paper_unet(n_features=4).double(), torch.randn(1, 1, 64, 64, dtype=torch.float64))
    idle = {name for name, size in sizes.items() if size < 1e-9 * max(sizes.values())}
    assert idle == {name for name in sizes if name.endswith("bias") and "head" not in name}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(17, 33), (31, 97), (64, 40), (1, 1), (2, 5), (1, 50)])
def test_any_size(norm, shape):
    network = complex_unet(norm=norm, n_features=4)
    for image in (random_complex(*shape), torch.zeros(shape, dtype=torch.complex64)):
        network.zero_grad()
        out = network(image)
        assert out.shape == image.shape and out.dtype == torch.complex64
        out.abs().square().sum().backward()
        assert out.isfinite().all() and all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("norm", NORMS)
def test_every_parameter_learns_and_the_image_gets_a_gradient(norm):
    image = random_complex(2, 48, 64, dtype=torch.complex128).requires_grad_()
    sizes = gradient_sizes(complex_unet(norm=norm).double(), image)
    assert all(1e-12 < size < float("inf") for size in sizes.values())
    assert image.grad.isfinite().all() and image.grad.abs().min() > 0


@pytest.mark.parametrize("norm", NORMS)
def test_each_image_of_a_batch_alone_and_leading_axes_free(norm):
    network = complex_unet(norm=norm)
    images = random_complex(2, 3, 21, 30)
    together = network(images)
    assert together.shape == images.shape
    for k in range(2):
        assert distance(together[k, k], network(images[k, k])) < 1e-6


def test_a_conjugated_or_strided_image_is_the_same_image():
    network, image = complex_unet(n_features=4), random_complex(24, 30)
    assert torch.equal(network(image.conj()), network(image.conj().resolve_conj()))
    assert torch.equal(network(image.mT), network(image.mT.contiguous()))


def test_without_norm_and_bias_scale_passes_through():
    network, image = complex_unet(), random_complex(40, 33)
    assert distance(network(1e-3 * image), 1e-3 * network(image)) < 1e-6
    with_norm = complex_unet(norm="instance")
    change, change_of_double = (with_norm(a * image) - a * image for a in (1, 2))
    assert distance(change_of_double, change) < 1e-3, "the instance norm hides the scale"


def test_begins_near_the_identity():
    image = random_complex(3, 64, 64)
    assert 0.001 < distance(complex_unet()(image), image) < 0.5


def test_works_in_channels_last_memory():
    network, seen = complex_unet(n_features=4), []
    network.unet.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    out = network(random_complex(2, 30, 41))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert distance(network.to(memory_format=torch.channels_last)(random_complex(2, 30, 41)), out) < 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_bfloat16_inside_but_the_image_keeps_its_precision(norm):
    network, image = complex_unet(norm=norm), random_complex(2, 33, 48)
    exact = network(image)
    with torch.autocast("cpu", torch.bfloat16):
        out = network(image)
    assert out.dtype == torch.complex64 and distance(out - image, exact - image) < 0.05
    out.abs().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    with torch.no_grad():
        network.unet.head.weight.zero_()
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(network(image), image), "the residual must not pass through bfloat16"


def test_overfits_one_sample():
    network, reference = complex_unet(), random_complex(8, 8).repeat_interleave(4, 0).repeat_interleave(4, 1)
    image = reference + 0.5 * random_complex(32, 32, seed=1)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        (network(image) - reference).abs().square().mean().backward()
        optimiser.step()
    assert distance(network(image), reference) < 0.2 * distance(image, reference)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"up": "nearest"}, "up='nearest'; expected 'transpose' or 'bilinear'"),
        ({"pool": "sum"}, "expected 'average' or 'max'"),
        ({"norm": "batch"}, "norm='batch'"),
        ({"bias": True}, "bias=True; expected 'all' or 'head' or 'none'"),
        ({"n_features": 0}, "n_features=0"),
        ({"n_levels": 0}, "n_levels=0"),
        ({"n_in": 0}, "n_in=0"),
        ({"slope": -0.1}, "slope=-0.1"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        UNet(**options)


@pytest.mark.parametrize("ny", [184, 187, 190, 571])
def test_sizes_that_lose_a_row_without_notice_are_refused(ny):
    with torch.device("meta"):
        network, channels = ronneberger_unet(n_features=2), torch.zeros(1, 1, 572, ny)
        with pytest.raises(ValueError, match="choose 188, 204, 220"):
            network(channels)


@pytest.mark.parametrize("shape", [(16, 16), (15, 64)])
def test_too_few_pixels_for_the_levels_are_refused(shape):
    with pytest.raises(ValueError, match="expected at least 16 x 32"):
        fastmri_unet(n_features=2)(torch.zeros(1, 1, *shape))


def test_bad_images_are_refused():
    network = ComplexUNet(n_features=2)
    with pytest.raises(TypeError, match="torch.float32; expected a complex"):
        network(torch.zeros(1, 2, 32, 32))
    for shape in ((32,), (0, 32), (0, 32, 32)):
        with pytest.raises(ValueError, match="at least one pixel"):
            network(torch.zeros(shape, dtype=torch.complex64))
    with pytest.raises(TypeError):
        ComplexUNet(8)
