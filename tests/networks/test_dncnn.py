"""Norms of the denoiser: which statistics each takes, what they do to the scale, and how batch statistics are kept."""

import pytest
import torch
from small_training import Repeated, small_scans
from torch.nn import functional as F

from mricourse.evaluation.metrics import psnr
from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.channels import from_blocks, to_blocks
from mricourse.networks.dncnn import MOST_UNSHUFFLE, NORMS, DnCNN, norm_layer
from mricourse.networks.image_domain import ImageDomain
from mricourse.physics.fourier import random_complex
from mricourse.physics.scan import stack
from mricourse.training.loop import Settings, train, validate

MIXED = NORMS[1:]


def denoiser(norm, **options):
    torch.manual_seed(0)
    return DnCNN(**{"n_features": 8, "n_layers": 3, "norm": norm} | options)


def test_none_adds_no_layer_and_the_others_one_after_each_convolution():
    assert [*DnCNN().state_dict()] == [
        f"layers.{2 * i}.weight" for i in range(5)
    ]  # as the shipped checkpoints name them
    for norm in MIXED:
        kinds = [type(layer).__name__ for layer in denoiser(norm).layers]
        assert kinds[0] == kinds[3] == kinds[6] == "Conv2d" and kinds[2] == kinds[5] == "ReLU" and len(kinds) == 8


@pytest.mark.parametrize("norm", NORMS)
def test_the_last_convolution_can_go_without(norm):
    every, inner = denoiser(norm), denoiser(norm, norm_last=False)
    assert type(inner.layers[-1]).__name__ == "Conv2d"
    assert len(inner.layers) == len(every.layers) - (norm != "none")
    assert (inner(random_complex(2, 24, 20)) - random_complex(2, 24, 20)).norm() < 0.5 * random_complex(
        2, 24, 20
    ).norm()


@pytest.mark.parametrize("norm", MIXED)
def test_every_norm_has_as_many_parameters_as_the_published_one(norm):
    assert sum(parameter.numel() for parameter in DnCNN(norm=norm).parameters()) + 1 == 113_413  # with lambda


@pytest.mark.parametrize(("n_channels", "n_groups"), [(64, 8), (8, 1), (12, 1), (2, 1)])
def test_a_group_holds_eight_channels_or_all(n_channels, n_groups):
    x = torch.randn(3, n_channels, 5, 7, dtype=torch.float64)
    assert torch.allclose(norm_layer("group", n_channels).double()(x), F.group_norm(x, n_groups))


@pytest.mark.parametrize(("norm", "axes"), [("batch", (0, 2, 3)), ("instance", (2, 3)), ("group", (1, 2, 3))])
def test_each_norm_takes_its_own_mean_and_variance(norm, axes):
    x = 3 + 2 * torch.randn(4, 6, 9, 5, dtype=torch.float64)
    expected = (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(norm_layer(norm, 6).double()(x), expected)


@pytest.mark.parametrize("norm", MIXED)
@pytest.mark.parametrize("n_images", [1, 2])
def test_gradients_are_right_where_channels_are_last(norm, n_images):
    """As `DnCNN` calls it; for one image `torch.nn.InstanceNorm2d` of torch 2.13 is wrong here, on a CPU."""
    x, g = (torch.randn(n_images, 8, 12, 10, dtype=torch.float64) for _ in range(2))
    layer = norm_layer(norm, 8).double()
    torch.nn.init.normal_(layer.weight)
    found = []
    for form in (torch.contiguous_format, torch.channels_last):
        x = x.contiguous(memory_format=form).requires_grad_()
        found.append(torch.autograd.grad(layer(x), [x, layer.weight], g.contiguous(memory_format=form)))
        x = x.detach()
    assert all(torch.allclose(*pair) for pair in zip(*found, strict=True))
    assert torch.autograd.gradcheck(layer.eval() if norm == "batch" else layer, x[:, :, :3, :2].requires_grad_())


@pytest.mark.parametrize("norm", NORMS)
def test_training_begins_near_the_identity_whatever_the_norm(norm):
    image = random_complex(3, 24, 20)
    change = denoiser(norm)(image) - image
    assert change.norm() < 0.5 * image.norm()


@pytest.mark.parametrize("norm", MIXED)
def test_only_without_a_norm_twice_the_image_gives_twice_the_result(norm):
    image = random_complex(1, 24, 20)
    plain, normed = denoiser("none"), denoiser(norm)
    assert torch.allclose(plain(2 * image), 2 * plain(image), atol=1e-5)
    assert torch.allclose(normed(2 * image) - 2 * image, normed(image) - image, atol=1e-4)  # the same change instead


def test_only_batch_statistics_see_the_other_images():
    image, other = random_complex(1, 24, 20), 5 * random_complex(1, 24, 20, seed=1)
    for norm in NORMS:
        network = denoiser(norm)
        alone, together = network(image)[0], network(torch.cat([image, other]))[0]
        assert torch.allclose(alone, together, atol=1e-5) == (norm != "batch")


def test_another_norm_is_refused():
    for make in (DnCNN, AdaptiveMoDL):
        with pytest.raises(ValueError, match="got norm='layer'; expected none, batch, instance or group"):
            make(norm="layer")


# --- running statistics are part of a training ---


@pytest.fixture(scope="module")
def scans():
    return small_scans(6)


def settings(**changes):
    return Settings(
        **{"n_steps": 6, "learning_rate": 1e-2, "warmup": 2, "validate_every": 3, "save_every": 2} | changes
    )


def test_a_killed_training_with_batch_norm_ends_with_the_same_weights_and_statistics(tmp_path, scans):
    def killed(history, loss):
        if history.step == 4:
            raise KeyboardInterrupt

    whole, resumed = ImageDomain(denoiser("batch")), ImageDomain(denoiser("batch"))
    samples, options = Repeated(scans), {"validation": scans[:1]}
    train(whole, samples, settings(), **options)
    with pytest.raises(KeyboardInterrupt):
        train(resumed, samples, settings(), state_file=tmp_path / "it.state", progress=killed, **options)
    train(resumed, samples, settings(), state_file=tmp_path / "it.state", **options)
    mine, other = whole.state_dict(), resumed.state_dict()
    assert "body.layers.1.running_var" in mine and mine.keys() == other.keys()
    assert all(torch.equal(mine[name], other[name]) for name in mine)
    assert mine["body.layers.1.num_batches_tracked"] > 0


def test_validation_uses_running_statistics_and_leaves_them_alone(scans):
    network = ImageDomain(denoiser("batch"))
    train(network, Repeated(scans), settings())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    scores = [validate(network, [scan]) for scan in scans[:2]]
    assert validate(network, scans[:2]) == pytest.approx(sum(scores) / 2, abs=1e-9)
    network.eval()
    with torch.no_grad():
        [batch] = stack(scans[:1])
        assert scores[0] == pytest.approx(psnr(network(batch.A, batch.kspace)[0], batch.reference[0]), abs=1e-9)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_noise_levels_that_would_be_one_for_each_column_are_refused():
    network, image = DnCNN(n_features=4, noise_aware=True), random_complex(3, 8, 3)
    with pytest.raises(ValueError, match=r"noise_std has shape \(3,\); expected \(\), one for each image"):
        network(image, torch.ones(3))
    one_each = network(image, torch.arange(3.0).view(3, 1, 1))
    assert torch.allclose(one_each[2], network(image[2], torch.tensor(2.0)), atol=1e-6)


# --- blocks of pixels as channels ---


@pytest.mark.parametrize("shape", [(8, 6), (7, 6), (8, 5), (7, 5), (1, 1)])
@pytest.mark.parametrize("side", [1, 2, 3])
def test_blocks_become_channels_and_pixels_again(shape, side):
    channels = torch.randn(2, 3, *shape)
    blocks = to_blocks(channels, side)
    assert blocks.shape == (2, 3 * side**2, -(-shape[0] // side), -(-shape[1] // side))
    assert torch.equal(from_blocks(blocks, side, shape), channels)


def test_wider_blocks_see_further_and_cost_as_much_as_the_plain_denoiser_and_a_half():
    wide = DnCNN(n_features=48, n_layers=10, unshuffle=2, residual=True, noise_aware=True)
    plain = DnCNN(n_features=32)
    n_wide, n_plain = (sum(parameter.numel() for parameter in network.parameters()) for network in (wide, plain))
    assert n_wide == 9 * (12 * 48 + 8 * 48**2 + 48 * 8) == 174_528
    assert n_wide / 4 / n_plain == pytest.approx(1.5, abs=0.02), "each weight multiplies a quarter of the pixels"
    assert (seen_by_a_pixel(wide), seen_by_a_pixel(plain)) == (42, 11)


def seen_by_a_pixel(network):
    """Side of the square that the pixel in the middle of an image depends on."""
    image = random_complex(64, 64).requires_grad_()
    network(image, torch.tensor(0.01))[32, 32].abs().backward()
    rows = torch.nonzero(image.grad.abs().amax(dim=1)).flatten()
    return int(rows[-1] - rows[0] + 1)


@pytest.mark.parametrize("shape", [(11, 14), (12, 13), (11, 13), (2, 3, 9, 7), (1, 1)])
def test_beyond_the_border_of_odd_sizes_lie_zeros(shape):
    """As beyond every border: more of them change nothing."""
    network, image = denoiser("none", unshuffle=2), random_complex(*shape)
    even = F.pad(torch.view_as_real(image), (0, 0, 0, shape[-1] % 2, 0, shape[-2] % 2))
    found = network(image)
    assert found.shape == image.shape and found.dtype == torch.complex64
    assert torch.allclose(found, network(torch.view_as_complex(even))[..., : shape[-2], : shape[-1]], atol=1e-6)


@pytest.mark.parametrize("noise_std", [torch.tensor(0.1), torch.full((2, 1, 1), 0.1), torch.full((2, 9, 7), 0.1)])
def test_noise_levels_become_blocks_too(noise_std):
    network, image = denoiser("none", unshuffle=2, noise_aware=True), random_complex(2, 9, 7)
    assert torch.allclose(network(image, noise_std), network(image, torch.tensor(0.1)), atol=1e-6)
    assert torch.allclose(network(2 * image, 2 * noise_std), 2 * network(image, noise_std), atol=1e-5)
    network(image, noise_std).abs().square().sum().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in network.parameters())


def test_without_blocks_the_denoiser_is_what_it_was():
    image = random_complex(2, 9, 7)
    assert torch.equal(denoiser("none")(image), denoiser("none", unshuffle=1)(image))
    assert [*denoiser("none", unshuffle=2).state_dict()] == [*denoiser("none").state_dict()]


@pytest.mark.parametrize("unshuffle", [0, MOST_UNSHUFFLE + 1])
def test_blocks_of_another_size_are_refused(unshuffle):
    for make in (DnCNN, AdaptiveMoDL):
        with pytest.raises(ValueError, match=f"got unshuffle={unshuffle}; expected blocks of 1 to 8 pixels a side"):
            make(unshuffle=unshuffle)


# --- layers in pairs ---


def test_pairs_of_layers_have_the_weights_of_plain_layers_and_begin_near_the_identity():
    plain, paired = (denoiser("none", n_features=8, n_layers=10, residual=each) for each in (False, True))
    assert sum(p.numel() for p in plain.parameters()) == sum(p.numel() for p in paired.parameters())
    image = random_complex(2, 24, 20)
    assert 1e-3 < (paired(image) - image).norm() / image.norm() < 0.5
    assert torch.allclose(paired(2 * image), 2 * paired(image), atol=1e-5)
    paired(image).abs().square().sum().backward()
    assert all(weight.grad.isfinite().all() and weight.grad.any() for weight in paired.parameters())


def test_a_pair_without_weights_passes_its_input_on():
    network, image = denoiser("none", n_layers=4, residual=True), random_complex(24, 20)
    without = denoiser("none", n_layers=2)
    without.layers[0], without.layers[-1] = network.layers[0], network.layers[-1]
    with torch.no_grad():
        network.layers[2].second.weight.zero_()
    assert torch.allclose(network(image), without(image), atol=1e-6)


@pytest.mark.parametrize("options", [{"n_layers": 5}, {"n_layers": 4, "norm": "batch"}])
def test_pairs_that_cannot_be_are_refused(options):
    for make in (DnCNN, AdaptiveMoDL):
        with pytest.raises(ValueError, match="got residual=True with n_layers=. and norm=.*; expected an even number"):
            make(residual=True, **options)
