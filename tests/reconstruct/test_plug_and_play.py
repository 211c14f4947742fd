"""Plug-and-play: with a proximal operator the classical method, with a contraction convergent, and else it tells."""

from functools import partial

import pytest
import torch

from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask, random_mask, variable_density_mask
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.reconstruct.plug_and_play import METHODS, plug_and_play
from mricourse.reconstruct.proximal_gradient import safe_step
from mricourse.reconstruct.sparsity import shift_invariant_prox, wavelet_reconstruction
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (48, 32)


def problem(mask=None):
    smaps = simulate_coils(6, SHAPE).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(SHAPE[0], 2, acs=8) if mask is None else mask)
    noise = A.mask * 0.01 * random_complex(6, *SHAPE, dtype=torch.complex128)
    return A, A.forward(shepp_logan(SHAPE).to(torch.complex128)) + noise


def shrink(factor):
    return lambda image: factor * image


@pytest.mark.parametrize("mask", [None, variable_density_mask(SHAPE, 2, acs=8)], ids=["direct", "cg"])
def test_admm_and_the_gradient_solve_the_problem_of_a_proximal_operator(mask):
    """Of $\\mu |x|^2 / 2$: $v / (1 + \\mu t)$ for a step $t$, which is $1 / \\lambda$ or the gradient's."""
    A, y = problem(mask)
    expected = cg_sense(A, y, reg_weight=0.2, tolerance=1e-12)
    admm = plug_and_play(A, y, shrink(1 / (1 + 0.2 / 0.5)), method="admm", reg_weight=0.5, n_iterations=200)
    step_size = safe_step(A)
    gradient = plug_and_play(A, y, shrink(1 / (1 + 0.2 * step_size)), method="gradient", n_iterations=400)
    for found in (admm, gradient):
        assert (found.image - expected).norm() < 1e-4 * expected.norm()
        assert found.residuals[-1] < 1e-6


def test_with_wavelets_in_it_it_is_the_wavelet_reconstruction():
    A, y = problem()
    weight = 1e-2
    threshold = float(weight * A.adjoint(y).abs().max() * safe_step(A))
    denoise = partial(shift_invariant_prox, threshold=threshold)
    expected = wavelet_reconstruction(A, y, reg_weight=weight, n_iterations=5000, tolerance=1e-10)
    for method, n_iterations in (("gradient", 600), ("admm", 250)):
        found = plug_and_play(A, y, denoise, method=method, reg_weight=1 / safe_step(A), n_iterations=n_iterations)
        assert (found.image - expected).norm() < 1e-3 * expected.norm(), method


def test_half_quadratic_splitting_is_modl_s_iteration():
    A, y = problem()
    seen = []
    plug_and_play(A, y, shrink(0.8), reg_weight=0.3, n_iterations=3, trace=seen.append)
    for before, after in zip([A.adjoint(y), *seen[:-1]], seen, strict=True):
        rhs = A.adjoint(y) + 0.3 * 0.8 * before
        assert (A.plain_normal(after) + 0.3 * after - rhs).norm() < 1e-9 * rhs.norm()


@pytest.mark.parametrize("method", METHODS)
def test_with_a_contraction_two_starts_end_at_the_same_image(method):
    A, y = problem()
    options = {"method": method, "reg_weight": 0.3, "n_iterations": 1000, "tolerance": 1e-10}
    first = plug_and_play(A, y, shrink(0.8), **options)
    other = plug_and_play(A, y, shrink(0.8), start=random_complex(*SHAPE, dtype=torch.complex128), **options)
    assert (first.image - other.image).norm() < 1e-7 * first.image.norm()
    assert len(first.residuals) < 1000 and first.residuals[-1] <= 1e-10


def test_a_denoiser_that_expands_is_seen_in_the_residuals():
    """The control: nothing in the iteration hides that it does not converge."""
    A, y = problem()
    for method in ("hqs", "gradient"):
        found = plug_and_play(A, y, shrink(-1.2), method=method, n_iterations=200)
        assert found.residuals[-1] > 0.1 and found.image.norm() > 10 * A.adjoint(y).norm(), method


def test_residuals_are_those_of_each_image_and_have_no_unit():
    A, y = problem()
    both = SenseOperator(torch.stack([A.smaps, A.smaps]), A.mask)
    together = plug_and_play(both, torch.stack([y, 1e4 * y.flip(-1)]), shrink(0.9), n_iterations=5)
    alone = plug_and_play(A, y, shrink(0.9), n_iterations=5)
    assert together.residuals.shape == (5, 2)
    assert torch.allclose(together.residuals[:, 0], alone.residuals) and torch.allclose(together.image[0], alone.image)
    larger = plug_and_play(A, 1e4 * y, shrink(0.9), n_iterations=5)
    assert torch.allclose(larger.residuals, alone.residuals) and torch.allclose(larger.image, 1e4 * alone.image)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "newton"}, "the method is 'newton'; expected one of hqs, admm, gradient"),
        ({"n_iterations": 0}, "got n_iterations=0"),
        ({"reg_weight": 0.0}, "reg_weight=0.0"),
        ({"tolerance": 1.0}, "tolerance=1.0"),
    ],
)
def test_impossible_options_are_refused(wrong, words):
    A, y = problem()
    with pytest.raises(ValueError, match=words):
        plug_and_play(A, y, shrink(1.0), **wrong)


@pytest.mark.parametrize("method", METHODS)
def test_a_start_of_another_shape_is_refused(method):
    A, y = problem()
    for shape in ((3, *SHAPE), (1, SHAPE[1]), (32, 48)):
        with pytest.raises(ValueError, match=r"start has shape .*; expected \(48, 32\)"):
            plug_and_play(A, y, shrink(0.8), method=method, start=torch.zeros(shape, dtype=torch.complex128))


def test_a_weight_below_the_precision_is_refused_in_one_sentence():
    A, y = problem()
    narrow = SenseOperator(A.smaps[:1].to(torch.complex64), equispaced_mask(SHAPE[0], 4, acs=0))
    with pytest.raises(ValueError, match="reg_weight=1e-12 is too small for torch.complex64; expected 1e-6 or more"):
        plug_and_play(narrow, y[:1].to(torch.complex64), shrink(0.8), reg_weight=1e-12)
