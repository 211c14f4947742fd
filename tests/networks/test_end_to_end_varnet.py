"""The end-to-end variational network: its size, its equation, where its maps come from, and what it may not see."""

import pytest
import torch
from small_training import small_scans

from mricourse.evaluation.comparison import compare
from mricourse.networks.end_to_end_varnet import EndToEndVarNet, NormUNet, acs_of
from mricourse.networks.modl import MoDL
from mricourse.physics.coil_combination import rss
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_mask, equispaced_mask, random_mask, variable_density_mask
from mricourse.physics.scan import stack
from mricourse.simulate.coils import simulate_coils
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (24, 17)
SMALL = {"n_iterations": 3, "n_features": 2, "n_levels": 2, "n_map_features": 2, "n_map_levels": 1}
LINES = random_mask(SHAPE[0], 2, acs=6)


def problem(mask=LINES):
    smaps = simulate_coils(4, SHAPE).to(torch.complex128)
    A = SenseOperator(smaps, mask)
    return A, A.forward(random_complex(*SHAPE, dtype=torch.complex128))


def network(**options):
    torch.manual_seed(0)
    return EndToEndVarNet(**SMALL | options).double()


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_exactly_the_published_size():
    with torch.device("meta"):
        published = EndToEndVarNet()
    assert count(published) == 29_936_966
    assert count(published.iterations[0]) * 12 + count(published.map_network) == 29_936_966
    assert abs(count(load_recipe("end_to_end_varnet").build()) / 28_801 - 1) < 0.05


def test_residual_maps_begin_as_the_coil_images_of_the_centre():
    A, y = problem()
    net = network(residual_maps=True)
    torch.nn.init.zeros_(net.map_network.unet.head.weight)
    torch.nn.init.zeros_(net.map_network.unet.head.bias)
    centre = ifft2c(torch.where(acs_of(A.mask, SHAPE), y, 0))
    assert torch.allclose(net.smaps(A, y), centre / rss(centre).unsqueeze(-3))


def test_a_residual_map_network_adds_to_its_image_what_its_u_net_makes():
    torch.manual_seed(0)
    plain = NormUNet(2, 1).double()
    residual = NormUNet(2, 1, residual=True).double()
    residual.load_state_dict(plain.state_dict())
    image = random_complex(3, *SHAPE, dtype=torch.complex128)
    channels = torch.view_as_real(image)
    mean = torch.view_as_complex(channels.mean((-3, -2), keepdim=True))
    assert torch.allclose(residual(image), plain(image) + image - mean)


@pytest.mark.parametrize("output", ["rss", "combined"])
def test_each_iteration_is_that_of_the_paper(output):
    A, y = problem()
    net = network(output=output)
    for number, iteration in enumerate(net.iterations):
        iteration.consistency_weight.data += 0.1 * number
    smaps = net.smaps(A, y)
    k = y
    images = net.iterates(A, y)
    for iteration, image in zip(net.iterations, images[:-1], strict=True):
        combined = (smaps.conj() * ifft2c(k)).sum(-3)
        assert torch.allclose(image, rss(ifft2c(k)) if output == "rss" else combined.abs())
        change = fft2c(smaps * iteration.network(combined))
        k = k - iteration.consistency_weight * A.mask * (k - y) - change
    assert torch.allclose(images[-1], rss(ifft2c(k)) if output == "rss" else (smaps.conj() * ifft2c(k)).sum(-3).abs())
    assert not images[-1].is_complex() and images[-1].shape == SHAPE


@pytest.mark.parametrize("output", ["rss", "combined"])
def test_every_k_space_is_kept_and_the_last_is_that_of_the_result(output):
    A, y = problem()
    net = network(output=output)
    outside = torch.where(A.mask, 0, 1 + 1j)  # what the mask leaves out is not seen
    kept = net.kspace_iterates(A, y + outside)
    assert len(kept) == net.n_iterations + 1 and torch.equal(kept[0], y)
    images = [net._magnitude(each, net.smaps(A, y)) for each in kept]
    for image, expected in zip(images, net.iterates(A, y), strict=True):
        assert torch.allclose(image, expected)
    assert (images[-1] - net(A, y)).abs().max() < 1e-5
    seen = []
    net(A, y, trace=seen.append)
    assert len(seen) == net.n_iterations and torch.equal(seen[-1], net(A, y))


def test_the_maps_of_the_operator_are_never_used():
    A, y = problem()
    net = network()
    nonsense = SenseOperator(torch.full_like(A.smaps, float("nan")), A.mask)
    assert torch.equal(net(A, y), net(nonsense, y))


def test_the_maps_come_from_the_centre_alone():
    A, y = problem()
    net = network()
    inside = acs_of(A.mask, SHAPE)
    changed = torch.where(inside, y, 3 * y + A.mask)
    assert torch.equal(net.smaps(A, y), net.smaps(A, changed)) and not torch.allclose(net(A, y), net(A, changed))
    power = net.smaps(A, y).abs().square().sum(0)
    assert torch.allclose(power, torch.ones(SHAPE).double())


def test_the_map_network_learns_through_every_iteration():
    A, y = problem()
    net = network()
    net(A, y).square().sum().backward()
    assert all(each.grad.any() for each in net.map_network.unet.head.parameters())


def test_the_centre_is_found_for_each_mask_of_a_batch():
    masks = torch.stack([equispaced_mask(SHAPE[0], 4, acs=acs)[None] for acs in (6, 10)])
    found = acs_of(masks, SHAPE)
    assert found.shape == (2, 1, *SHAPE)
    for each, acs in zip(found, (6, 10), strict=True):
        assert (each & acs_mask(SHAPE[0], acs)).sum() == acs * SHAPE[1] and each.sum() <= (acs + 2) * SHAPE[1]
    points = acs_of(variable_density_mask(SHAPE, 2, acs=6), SHAPE)
    assert points.shape == (1, *SHAPE) and (points & acs_mask(SHAPE, 6)).sum() == 36
    few = torch.zeros(128, 1, dtype=torch.bool)
    few[::3] = few[62:66] = True  # neighbours by chance are no ACS
    for mask, shape in ((equispaced_mask(SHAPE[0], 4, acs=0), SHAPE), (few, (128, 96))):
        with pytest.raises(ValueError, match=r"the mask has a fully sampled centre of \d+ x \d+; expected ACS lines"):
            acs_of(mask, shape)
    assert acs_of(acs_mask(128, 8), (128, 96)).sum() == 8 * 96


def test_a_batch_is_as_its_scans_alone():
    A, y = problem()
    other = random_mask(SHAPE[0], 2, acs=8, seed=1)
    both = SenseOperator(torch.stack([A.smaps, A.smaps]), torch.stack([A.mask[None], other[None]]))
    kspace = torch.stack([y, other * y])
    net = network()
    together = net(both, kspace)
    alone = [net(A, y), net(SenseOperator(A.smaps, other), other * y)]
    assert torch.allclose(together, torch.stack(alone))


def test_the_image_follows_the_units_of_the_data():
    A, y = problem()
    net = network()
    assert torch.allclose(net(A, 1e4 * y), 1e4 * net(A, y), rtol=1e-9)


def test_soft_consistency_keeps_what_was_measured_where_the_network_changes_nothing():
    A, y = problem()
    net = network()
    for iteration in net.iterations:
        iteration.network = torch.nn.Module()
        iteration.network.forward = torch.zeros_like
    assert torch.allclose(net(A, y), rss(ifft2c(y)))
    step = net.iterations[0]
    noisy = y + random_complex(*y.shape, seed=5, dtype=torch.complex128)
    moved = step(noisy, y, A.mask, net.smaps(A, y))
    assert torch.allclose(A.mask * moved, y), "with a weight of 1 it is hard where samples are"
    assert torch.allclose(~A.mask * moved, ~A.mask * noisy), "and nothing happens elsewhere"


@pytest.mark.parametrize("shape", [(24, 17), (5, 9), (32, 32)])
def test_the_scaled_unet_takes_any_size(shape):
    torch.manual_seed(0)
    net = NormUNet(2, 2).double()
    image = random_complex(3, *shape, dtype=torch.complex128)
    assert net(image).shape == image.shape
    shifted = net(7 * image + (2 - 3j))
    assert torch.allclose(shifted, 7 * net(image) + (2 - 3j)), "mean and standard deviation are given back"


def test_the_scaled_unet_is_the_unet_between_hand_written_scalings():
    torch.manual_seed(0)
    net = NormUNet(2, 2).double()
    image = random_complex(1, 6, 11, dtype=torch.complex128) + (2 - 3j)
    padded = torch.zeros(1, 2, 8, 12).double()
    real, imaginary = image.real[0], image.imag[0]
    for channel, part in enumerate((real, imaginary)):
        padded[0, channel, 1:7, 0:11] = (part - part.mean()) / part.std()
    made = net.unet(padded)[0, :, 1:7, 0:11]
    expected = torch.complex(made[0] * real.std() + real.mean(), made[1] * imaginary.std() + imaginary.mean())
    assert torch.allclose(net(image)[0], expected)


def test_a_magnitude_is_compared_with_the_magnitude_of_the_reference():
    scan = small_scans(3)[0]
    [(A, y, reference)] = stack([scan])
    methods = {"complex": lambda A, y: 3j * reference, "magnitude": lambda A, y: 3 * reference.abs()}
    images = compare(methods, A, y, reference, tolerance=1e-2)
    assert torch.allclose(images["complex"], reference, atol=1e-5)
    assert torch.allclose(images["magnitude"], reference.abs(), atol=1e-5)


@pytest.mark.parametrize("loss", ["log_nmse", "mse", "l1", "perceptual", "adversarial"])
def test_a_recipe_compares_magnitudes(loss):
    text = 'title = "A"\nseed = 0\n[network]\nkind = "end_to_end_varnet"\nn_features = 2\n[training]\nn_steps = 5\n'
    with pytest.raises(ValueError, match=f"the loss is {loss}, but this network makes magnitudes; expected"):
        parse_recipe(text + f'loss = "{loss}"', "mine")
    assert parse_recipe(text + 'loss = "ssim"', "mine").training.loss == "ssim"


def test_it_starts_from_its_like():
    few, many = network(n_iterations=1), network(n_iterations=3)
    for each in few.parameters():
        each.data += 0.1
    many.start_from(few)
    assert torch.equal(many.map_network.unet.head.weight, few.map_network.unet.head.weight)
    before = {name: each.clone() for name, each in many.state_dict().items()}
    for other in (MoDL(), network(n_map_features=3), network(n_features=3)):
        with pytest.raises(ValueError, match="does not fit; expected"):
            many.start_from(other)
    assert all(torch.equal(before[name], each) for name, each in many.state_dict().items()), "nothing in part"


@pytest.mark.parametrize(
    "wrong",
    [{name: 0} for name in ("n_iterations", "n_features", "n_levels", "n_map_features", "n_map_levels")]
    + [{"output": "sum"}],
)
def test_impossible_options_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {[*wrong][0]}=.*; expected"):
        EndToEndVarNet(**wrong)
