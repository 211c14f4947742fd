"""Smooth TV: a minimum, close to that of TV, with the derivative of the minimum."""

import pytest
import torch

from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.smooth_total_variation import second_derivative, smooth_tv
from mricourse.reconstruct.total_variation import tv_reconstruction
from mricourse.simulate.protocols import brain_slices

EXACT = {"reg_weight": 0.02, "corner": 0.05, "tolerance": 1e-11}


@pytest.fixture(scope="module")
def small():
    smaps = random_complex(2, 2, 13, 10, dtype=torch.complex128)
    A = SenseOperator(smaps, random_mask(13, 2, acs=3, seed=0))
    return A, A.forward(random_complex(2, 13, 10, seed=1, dtype=torch.complex128))


def objective(A, kspace, x, weight, corner):
    steps = torch.stack([x.roll(-1, dims=axis) - x for axis in (-2, -1)])
    length = (steps.abs().square().sum(0) + corner**2).sqrt()
    return (A.forward(x) - kspace).abs().square().sum() / 2 + weight * length.sum()


def test_it_is_the_minimum(small):
    A, kspace = small
    x = smooth_tv(A, kspace, **EXACT)
    for number in range(2):
        scale = A.adjoint(kspace)[number].abs().max()
        part = SenseOperator(A.smaps[number], A.mask)
        point = x[number].clone().requires_grad_()
        value = objective(part, kspace[number], point, 0.02 * scale, 0.05 * scale)
        [gradient] = torch.autograd.grad(value, point)
        assert gradient.norm() < 1e-9 * A.adjoint(kspace)[number].norm()


def test_its_derivative_is_that_of_finite_differences(small):
    A, kspace = small
    scale = A.adjoint(kspace).abs().amax((-2, -1), keepdim=True)
    start = smooth_tv(A, kspace, **EXACT)
    wanted = random_complex(*start.shape, seed=2, dtype=torch.complex128)
    change = A.mask * random_complex(*kspace.shape, seed=3, dtype=torch.complex128)
    change -= A.forward(change.new_zeros(start.shape))
    point = kspace.clone().requires_grad_()
    [gradient] = torch.autograd.grad((wanted.conj() * smooth_tv(A, point, **EXACT)).real.sum(), point)
    found = (gradient.conj() * change).real.sum()
    step = 1e-6

    def at(size):  # the weight must not move: it is relative to the largest pixel, and taken as constant
        data = kspace + size * change
        now = A.adjoint(data).abs().amax((-2, -1), keepdim=True)
        images = []
        for number in range(2):
            ratio = float((scale / now)[number])
            part = SenseOperator(A.smaps[number], A.mask)
            options = {"reg_weight": 0.02 * ratio, "corner": 0.05 * ratio, "tolerance": 1e-11}
            images.append(smooth_tv(part, data[number], **options))
        return (wanted.conj() * torch.stack(images)).real.sum()

    assert float(found) == pytest.approx(float((at(step) - at(-step)) / (2 * step)), rel=0.02)


def test_second_derivatives_are_symmetric(small):
    A, kspace = small
    H = second_derivative(A, A.adjoint(kspace), 0.1, 0.05)
    u, v = (random_complex(2, 13, 10, seed=seed, dtype=torch.complex128) for seed in (4, 5))
    assert torch.isclose((u.conj() * H(v)).real.sum(), (H(u).conj() * v).real.sum())
    assert (v.conj() * H(v)).real.sum() > 0


def test_it_is_close_to_total_variation():
    [head] = brain_slices("train", 1, shape=(64, 60))
    A = SenseOperator(torch.ones(1, 64, 60, dtype=torch.complex64), random_mask(64, 2, acs=8, seed=1))
    kspace = A.forward(head)
    wanted = tv_reconstruction(A, kspace, reg_weight=3e-3, tolerance=1e-6, n_iterations=3000)
    found = smooth_tv(A, kspace, reg_weight=3e-3, corner=1e-3, tolerance=1e-6)
    assert (found - wanted).norm() < 0.02 * wanted.norm()
    again = smooth_tv(A, kspace, reg_weight=3e-3, corner=1e-3, tolerance=1e-6, start=wanted)
    assert (again - found).norm() < 5e-3 * wanted.norm()


@pytest.mark.parametrize("name", ["corner", "tolerance"])
def test_numbers_out_of_range_are_refused(small, name):
    with pytest.raises(ValueError, match=f"{name} is 0; expected a number above 0"):
        smooth_tv(*small, **{name: 0})
    with pytest.raises(ValueError, match="reg_weight"):
        smooth_tv(*small, reg_weight=-1)
