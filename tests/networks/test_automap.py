"""AUTOMAP: its layers, its number of weights, one matrix, parts, units, and that it can hold the transform itself."""

import pytest
import torch

from mricourse.networks.automap import Automap, automap_parameters
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.physics.scan import stack
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.task_scans import TaskScans
from mricourse.training.loop import Settings, train
from mricourse.training.losses import log_nmse
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (10, 7)


def network(shape=SHAPE, **options):
    torch.manual_seed(0)
    return Automap(shape=shape, **{"n_features": 4} | options).double()


def one_coil(shape=SHAPE, mask=None):
    A = SenseOperator(
        torch.ones(1, *shape, dtype=torch.complex128), random_mask(shape[0], 2, acs=4) if mask is None else mask
    )
    return A, A.forward(random_complex(*shape, dtype=torch.complex128))


@pytest.mark.parametrize("shape", [(8, 8), (10, 7), (64, 64), (128, 128), (256, 256)])
@pytest.mark.parametrize("options", [{}, {"shared": True}, {"n_features": 5}])
def test_the_weights_are_counted_without_making_them(shape, options):
    with torch.device("meta"):
        made = Automap(shape=shape, **options)
    assert automap_parameters(shape, **options) == sum(each.numel() for each in made.parameters())


def test_the_published_one_of_64_pixels_has_fifty_million_weights_a_part():
    """The layers of the authors' public code: 8192 -> 4096 -> 4096, 5 x 5 twice, 7 x 7."""
    dense = 8192 * 4096 + 4096 + 4096 * 4096 + 4096
    convolutions = (25 + 1) * 64 + (25 * 64 + 1) * 64 + 49 * 64 + 1
    assert automap_parameters((64, 64)) == 2 * (dense + convolutions)


def test_twice_the_matrix_has_sixteen_times_the_weights():
    counts = [automap_parameters((n, n)) for n in (64, 128, 256)]
    ratios = [after / before for before, after in zip(counts[:-1], counts[1:], strict=True)]
    assert ratios == pytest.approx([16, 16], rel=5e-3)
    assert counts[1] == pytest.approx(6 * 128**4, rel=1e-3)


def test_the_layers_are_those_of_the_paper():
    net = network()
    y = random_complex(*SHAPE, dtype=torch.complex128)
    samples = torch.stack([y.real, y.imag], -1).flatten()
    made = []
    for part in net.parts:
        hidden = torch.tanh(part.first.weight @ samples + part.first.bias)
        pixels = torch.tanh(part.second.weight @ hidden + part.second.bias).reshape(1, 1, *SHAPE)
        first, _, second, _, last = part.convolutions
        made.append(last(second(first(pixels).relu()).relu())[0, 0])
    assert torch.allclose(net.mapped(y), torch.complex(*made))
    stack_of = random_complex(2, 3, *SHAPE, dtype=torch.complex128)
    assert torch.allclose(net.mapped(stack_of)[1, 2], net.mapped(stack_of[1, 2]))


def test_a_shared_network_turns_kspace_for_the_imaginary_part():
    net = network(shared=True)
    y = random_complex(*SHAPE, dtype=torch.complex128)
    assert torch.allclose(net.mapped(y).imag, net.mapped(-1j * y).real)
    apart = network()
    apart.parts[0].load_state_dict(net.parts[0].state_dict())
    assert torch.allclose(net.mapped(y).real, apart.mapped(y).real)
    assert not torch.allclose(apart.mapped(y).imag, apart.mapped(-1j * y).real)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shape", [(8, 8), (10, 7)])
def test_it_can_hold_the_inverse_transform(shape, shared):
    """With the weights of F^-1 it is F^-1, as far as tanh is straight: nothing but training stands in the way."""
    net = network(shape, shared=shared)
    n_pixels = shape[0] * shape[1]
    units = torch.eye(n_pixels, dtype=torch.complex128).reshape(n_pixels, *shape)
    of_real, of_imaginary = (ifft2c(each).flatten(1).T for each in (units, 1j * units))  # columns: samples
    small = 1e-3
    with torch.no_grad():
        for each in net.parameters():
            each.zero_()
        for number, part in enumerate(net.parts):
            rows = [torch.view_as_real(each)[..., number] for each in (of_real, of_imaginary)]
            part.first.weight.copy_(small * torch.stack(rows, -1).flatten(1))
            part.second.weight.copy_(torch.eye(n_pixels))
            first, _, second, _, last = part.convolutions
            for feature, sign in ((0, 1.0), (1, -1.0)):  # what is positive and what is negative
                first.weight[feature, 0, 2, 2] = sign
                second.weight[feature, feature, 2, 2] = 1.0
                last.weight[feature, 0, 3, 3] = sign / small
    y = random_complex(2, *shape, dtype=torch.complex128)
    assert torch.allclose(net.mapped(y), ifft2c(y), atol=1e-4)


def test_the_image_follows_the_units_of_the_data_but_not_the_map():
    A, y = one_coil()
    net = network()
    assert torch.allclose(net(A, 1e4 * y), 1e4 * net(A, y), rtol=1e-9)
    assert not torch.allclose(net.mapped(3 * y[0]), 3 * net.mapped(y[0]), rtol=0.05), "tanh has a scale"


def test_several_coils_are_mapped_one_by_one():
    smaps = simulate_coils(3, SHAPE).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=4))
    y = A.forward(random_complex(*SHAPE, dtype=torch.complex128))
    net = network()
    alone = SenseOperator(torch.ones(1, *SHAPE, dtype=torch.complex128), A.mask)
    coil_images = torch.stack([net(alone, each[None]) for each in y])
    assert torch.allclose(net(A, y), (smaps.conj() * coil_images).sum(0) / smaps.abs().square().sum(0))


@pytest.mark.parametrize("shape", [(10, 8), (7, 10), (20, 14), (11, 7)])
def test_another_matrix_is_refused_in_one_sentence(shape):
    A, y = one_coil(shape)
    with pytest.raises(ValueError, match=f"the scan is of {shape[0]} x {shape[1]} samples; expected 10 x 7") as error:
        network()(A, y)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shape": (8,)}, r"got shape=\[8\]; expected ny and nx from 1 to 256"),
        ({"shape": (0, 8)}, "expected ny and nx"),
        ({"shape": (8, 257)}, "expected ny and nx"),
        ({"n_features": 0}, "got n_features=0"),
    ],
)
def test_what_no_network_can_have_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Automap(**wrong)


def test_it_learns():
    scans = TaskScans("train", 3, task="undersampling", shape=(32, 32), strength=(2, 2), noise_std=(0.002, 0.01))

    class Few:
        def __getitem__(self, index):
            return scans[index % 4]

    torch.manual_seed(0)
    net = Automap(shape=(32, 32), n_features=8, shared=True)
    [batch] = stack([scans[i] for i in range(4)])
    before = log_nmse(net(batch.A, batch.kspace), batch.reference).item()
    train(net, Few(), Settings(n_steps=40, batch_size=4, learning_rate=1e-3, warmup=5))
    assert log_nmse(net(batch.A, batch.kspace), batch.reference).item() < before - 6


# --- the recipes


@pytest.mark.parametrize(("name", "size"), [("automap_32", 32), ("automap_48", 48)])
def test_recipes_learn_from_scans_of_their_matrix(name, size):
    recipe = load_recipe(name)
    assert recipe.network["shape"] == recipe.data["shape"] == [size, size]
    assert sum(each.numel() for each in recipe.build().parameters()) == automap_parameters((size, size), shared=True)
    rival = load_recipe(f"domain_hybrid_{size}")
    assert recipe.data == rival.data and recipe.seed == rival.seed
    assert recipe.training == rival.training, "equal updates by equal scans"
    others = [load_recipe(f"domain_{name}_{size}") for name in ("image", "kspace")]
    assert all(other.data == recipe.data and other.seed == recipe.seed for other in others)


@pytest.mark.parametrize("data", ["", '[data]\nkind = "task"\nshape = [32, 40]\n'])
def test_a_recipe_of_two_matrices_is_refused(data):
    text = f'title = "A"\nseed = 0\n[network]\nkind = "automap"\nshape = [32, 32]\n{data}[training]\nn_steps = 5'
    with pytest.raises(ValueError, match=r"recipe mine: shape of \[network\] is \[32, 32\] and that of \[data\]"):
        parse_recipe(text, "mine")


def test_k_space_of_an_image_is_what_it_gets():
    """The convention of the samples: real and imaginary part in turn, ky by ky."""
    net = network()
    image = random_complex(*SHAPE, dtype=torch.complex128)
    A, _ = one_coil(mask=torch.ones(1, 1, dtype=torch.bool))
    y = fft2c(image)[None]
    unit = image.abs().max()
    assert torch.allclose(net(A, y), unit * net.mapped(y[0] / unit))
