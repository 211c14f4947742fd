"""Unrolled ADMM: its size, its equations, what the multiplier is for, and MoDL as what is left without it."""

import pytest
import torch

from mricourse.networks.admm_net import ADMMNet
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.ista_net import ISTANet
from mricourse.networks.modl import MoDL
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.simulate.coils import simulate_coils
from mricourse.training.recipes import load_recipe

SHAPE = (24, 17)
SMALL = {"n_features": 6, "n_layers": 3}


def problem():
    smaps = simulate_coils(4, SHAPE).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=6))
    return A, A.forward(random_complex(*SHAPE, dtype=torch.complex128))


class Shrink(torch.nn.Module):
    """The proximal operator of a quadratic penalty."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, image):
        return image * self.factor


def test_it_has_one_number_more_than_modl():
    counts = [sum(each.numel() for each in load_recipe(name).build().parameters()) for name in
              ("modl_published_k5", "admm_net")]  # fmt: skip
    assert counts == [28_801, 28_802]
    modl, admm = (load_recipe(name) for name in ("modl_published_k5", "admm_net"))
    assert (admm.start, admm.seed, admm.data, admm.training) == (modl.start, modl.seed, modl.data, modl.training)


def test_each_iteration_solves_the_equations_of_admm():
    A, kspace = problem()
    net = ADMMNet(n_iterations=3, n_cg=100, reg_weight=0.3, step_size=0.8, **SMALL).double()
    images = net.iterates(A, kspace)
    multiplier = torch.zeros_like(images[0])
    for x, z, following in zip(images[:-1:2], images[1::2], images[2::2], strict=True):
        assert torch.allclose(z, net.denoiser(x + multiplier))
        multiplier = multiplier + 0.8 * (x - z)
        rhs = A.adjoint(kspace) + 0.3 * (z - multiplier)
        assert (A.plain_normal(following) + 0.3 * following - rhs).norm() < 1e-5 * rhs.norm()
    assert torch.equal(net(A, kspace), images[-1])


def test_without_the_multiplier_it_is_modl():
    A, kspace = problem()
    torch.manual_seed(0)
    modl = MoDL(n_iterations=4, norm="none", **SMALL).double()
    admm = ADMMNet(n_iterations=4, **SMALL).double()
    admm.start_from(modl)
    with torch.no_grad():
        admm.log_step_size.fill_(-80.0)
    assert torch.allclose(admm(A, kspace), modl(A, kspace), rtol=1e-9)


def test_with_a_proximal_operator_for_a_denoiser_it_solves_the_problem_and_modl_does_not():
    r"""$z = v \lambda / (\lambda + \mu)$ is the proximal operator of $\mu |x|^2 / 2$ over $\lambda$: Tikhonov."""
    A, kspace = problem()
    options = {"n_iterations": 300, "n_cg": 60, "reg_weight": 0.2}
    expected = cg_sense(A, kspace, reg_weight=0.1, tolerance=1e-12)
    admm, modl = ADMMNet(**options, **SMALL).double(), MoDL(**options, **SMALL).double()
    for net in (admm, modl):
        net.denoiser = Shrink(0.2 / 0.3)
    with torch.no_grad():
        images = admm.iterates(A, kspace)
        assert (images[-1] - expected).norm() < 1e-4 * expected.norm()
        assert (images[-1] - images[-2]).norm() < 1e-4 * expected.norm(), "both halves agree"
        images = modl.iterates(A, kspace)
        assert (images[-1] - images[-2]).norm() > 0.05 * expected.norm(), "the trap: they never do"


def test_the_image_follows_the_units_of_the_data():
    A, kspace = problem()
    net = ADMMNet(n_iterations=2, **SMALL).double()
    assert torch.allclose(net(A, 1e4 * kspace), 1e4 * net(A, kspace), rtol=1e-6)


def test_it_starts_from_itself_or_from_modl():
    net = ADMMNet(n_iterations=3, step_size=0.5, **SMALL)
    first = MoDL(n_iterations=1, norm="none", reg_weight=0.4, **SMALL)
    net.start_from(first)
    assert net.log_reg_weight.exp().item() == pytest.approx(0.4)
    assert net.log_step_size.exp().item() == pytest.approx(0.5), "MoDL has none"
    for other in (ADMMNet(n_features=7), ISTANet(n_features=6), DnCNN(**SMALL)):
        with pytest.raises(ValueError, match="does not fit; expected an ADMMNet or a MoDL"):
            net.start_from(other)


@pytest.mark.parametrize("wrong", [{"n_iterations": 0}, {"n_cg": 0}, {"reg_weight": 0.0}, {"step_size": 0.0}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {[*wrong][0]}=.*; expected"):
        ADMMNet(**wrong)
