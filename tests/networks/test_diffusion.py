"""The diffusion prior: its equation, its units, and an objective whose best answer is the mean."""

import pytest
import torch
from small_training import small_scans
from torch import nn

from mricourse.networks.diffusion import DiffusionPrior
from mricourse.networks.modl import MoDL
from mricourse.physics.fourier import ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.physics.scan import Batch, stack
from mricourse.simulate.coils import simulate_coils
from mricourse.training.diffusion_loss import LEVELS_PER_IMAGE, Diffusion
from mricourse.training.objectives import make_objective
from mricourse.training.recipes import load_recipe, parse_recipe

SHAPE = (27, 22)


def prior(**options):
    torch.manual_seed(0)
    return DiffusionPrior(**{"n_features": 4, "n_levels": 2, "n_iterations": 4} | options).eval()


def problem(n_coils=3):
    smaps = simulate_coils(n_coils, SHAPE)
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=8))
    return A, A.forward(ifft2c(random_complex(*SHAPE, seed=1))) + 0.01 * A.mask * random_complex(n_coils, *SHAPE)


def test_it_has_the_size_that_the_recipe_says():
    assert sum(each.numel() for each in load_recipe("diffusion").build().parameters()) == 1_083_650


def test_with_little_noise_the_image_stays_and_with_much_the_network_speaks():
    net = prior()
    image = random_complex(2, *SHAPE, seed=1)
    with torch.no_grad():
        assert (net.denoise(image, 1e-5) - image).abs().max() < 1e-3
        loud = 100 * image
        assert net.denoise(loud, 100.0).abs().mean() < 0.05 * loud.abs().mean()


def test_each_image_of_a_stack_has_its_own_level():
    net = prior()
    images, levels = random_complex(3, *SHAPE, seed=1), torch.tensor([0.01, 0.3, 2.0])
    with torch.no_grad():
        together = net.denoise(images, levels[:, None, None])
        for image, level, found in zip(images, levels, together, strict=True):
            assert torch.allclose(net.denoise(image, float(level)), found, atol=1e-5)


def test_it_sees_neither_the_units_nor_the_phase_of_the_receiver():
    net = prior(noise_max=0.3)
    A, y = problem()
    turn = 40 * torch.exp(torch.tensor(1.1j))
    with torch.no_grad():
        one, other = (net(A, factor * y) for factor in (1, turn))
    assert torch.allclose(other, turn * one, atol=2e-3 * float(other.abs().max()))
    one, other = (net.samples(A, factor * y, 2, seed=3) for factor in (1, 40))  # the noise that it adds has no phase
    assert torch.allclose(other, 40 * one, atol=2e-3 * float(other.abs().max()))


def test_samples_of_several_coils_are_images_in_the_units_of_the_data():
    A, y = problem()
    found = prior(noise_max=0.3).samples(A, y, 3)
    assert found.shape == (3, *SHAPE) and found.isfinite().all()
    told = prior(noise_max=0.3).samples(A, 1000 * y, 3, noise_std=10.0)
    brief = prior(noise_max=0.3).samples(A, y, 3, n_levels=2, n_steps=1)
    own = prior(noise_max=0.3, n_iterations=2).samples(A, y, 3, n_steps=1)
    assert torch.allclose(brief, own)
    assert torch.isfinite(told).all() and 100 < told.norm() / found.norm() < 10_000


class Wiener(DiffusionPrior):
    """Knows the exact mean for images whose pixels are independent, with the variance `spread`^2; times a factor."""

    def __init__(self):
        super().__init__(n_features=2, n_levels=1, spread=0.3)
        self.factor = nn.Parameter(torch.tensor(1.0))

    def denoise(self, noisy, sigma):
        return self.factor * noisy * self.spread**2 / (self.spread**2 + sigma**2)


def white_batch(n=64):
    image = 0.3 * random_complex(n, 16, 16, seed=7)
    A = SenseOperator(torch.ones(1, 16, 16) + 0j, torch.ones(16, 1, dtype=torch.bool))
    return Batch(A, A.forward(image), image)


def test_the_objective_is_least_at_the_mean_and_there_it_is_one(monkeypatch):
    """The error of the best answer is s^2 sigma^2 / (s^2 + sigma^2), so every level weighs 1."""
    for name in ("brightness", "smooth_phase"):
        monkeypatch.setattr(
            f"mricourse.training.diffusion_loss.{name}", lambda image: torch.ones_like(image[:, :1, :1])
        )
    network, batch = Wiener(), white_batch()
    torch.manual_seed(0)
    value = Diffusion()(network, batch)
    assert value.item() == pytest.approx(1, abs=0.02)
    (slope,) = torch.autograd.grad(value, network.factor)
    for factor in (0.9, 1.1):
        network.factor.data.fill_(factor)
        torch.manual_seed(0)
        assert Diffusion()(network, batch) > value
    assert abs(slope) < 0.3


def test_the_objective_draws_from_the_global_state_alone():
    [batch] = stack([small_scans()[0]])
    net = prior()
    values = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        values.append(Diffusion()(net, batch).item())
    assert values[0] == values[1] != values[2] and LEVELS_PER_IMAGE > 1


def test_other_networks_and_scans_without_a_reference_are_refused():
    [batch] = stack([small_scans()[0]])
    with pytest.raises(ValueError, match="knows no noise levels; expected a diffusion_prior"):
        make_objective("diffusion")(MoDL(), batch)
    with pytest.raises(ValueError, match="have no reference; expected one: this objective adds noise to it"):
        make_objective("diffusion")(prior(), Batch(batch.A, batch.kspace, None))
    recipe = 'title = "A"\nseed = 0\n[network]\nkind = "modl"\n[data]\n[training]\nn_steps = 5\nloss = "diffusion"'
    with pytest.raises(ValueError, match="recipe a: the loss is diffusion, but this network"):
        parse_recipe(recipe, "a")


@pytest.mark.parametrize("options", [{"n_features": 0}, {"spread": 0.0}, {"noise_max": -1.0}, {"n_iterations": 0}])
def test_sizes_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="expected"):
        DiffusionPrior(**options)
