"""Fixed points: found faster than by plain iteration, each image for itself, and reported as they are."""

import pytest
import torch

from mricourse.physics.fourier import random_complex
from mricourse.reconstruct.fixed_point import fixed_point

SHAPE = (6, 5)


def affine(factor, seed=0):
    """x -> M x + b with a Hermitian M of norm `factor`, and its fixed point."""
    n = SHAPE[0] * SHAPE[1]
    matrix = random_complex(n, n, seed=seed, dtype=torch.complex128)
    matrix = matrix + matrix.mH
    matrix = factor * matrix / torch.linalg.matrix_norm(matrix, 2)
    b = random_complex(n, seed=seed + 1, dtype=torch.complex128)
    solution = torch.linalg.solve(torch.eye(n) - matrix, b).view(SHAPE)
    return lambda x: (x.flatten(-2) @ matrix.T + b).view(x.shape), solution


@pytest.mark.parametrize("n_kept", [1, 2, 5])
def test_it_solves_the_equation_to_its_tolerance(n_kept):
    step, solution = affine(0.9)
    found = fixed_point(step, torch.zeros_like(solution), n_kept=n_kept, n_iterations=500, tolerance=1e-10)
    assert (found.image - solution).norm() < 1e-8 * solution.norm()
    assert torch.equal(step(found.point), found.image)
    residual = (found.image - found.point).norm() / found.image.norm()
    assert torch.allclose(found.residuals[-1], residual) and residual <= 1e-10 < found.residuals[-2]
    assert found.n_iterations == len(found.residuals) < 500


def test_anderson_needs_fewer_iterations_than_plain_iteration():
    step, solution = affine(0.97)
    counts = [
        fixed_point(step, torch.zeros_like(solution), n_kept=n, n_iterations=2000, tolerance=1e-8).n_iterations
        for n in (1, 5)
    ]
    assert counts[1] < 0.5 * counts[0]


def test_with_all_iterates_kept_a_linear_problem_ends_like_conjugate_directions():
    step, solution = affine(0.99)
    found = fixed_point(step, torch.zeros_like(solution), n_kept=40, n_iterations=80, tolerance=1e-7)
    assert found.n_iterations <= 62, "about as many as there are real unknowns"


def test_real_images_and_stacks_each_for_itself():
    step, solution = affine(0.9)
    stack = torch.stack([torch.zeros_like(solution), 100 * random_complex(*SHAPE, dtype=torch.complex128)])
    together = fixed_point(step, stack, n_iterations=12, tolerance=0)
    alone = [fixed_point(step, each, n_iterations=12, tolerance=0) for each in stack]
    assert torch.allclose(together.image, torch.stack([each.image for each in alone]), rtol=1e-6)
    assert together.residuals.shape == (12, 2)
    real = fixed_point(lambda x: 0.5 * x.cos(), torch.ones(SHAPE), tolerance=1e-6)
    assert torch.allclose(real.image, 0.5 * real.image.cos(), atol=1e-5)


def test_a_function_without_a_fixed_point_is_reported_as_such():
    found = fixed_point(lambda x: 1.5 * x + 1, torch.ones(SHAPE), n_kept=1, n_iterations=20)
    assert found.n_iterations == 20 and found.residuals[-1] > 0.3


def test_nothing_stays_nothing_and_every_value_is_traced():
    seen = []
    found = fixed_point(lambda x: 0.5 * x, torch.zeros(SHAPE), trace=seen.append)
    assert found.n_iterations == 1 and not found.image.any() and torch.equal(seen[-1], found.image)


@pytest.mark.parametrize("wrong", [{"n_kept": 0}, {"n_iterations": 0}, {"tolerance": 1.0}, {"tolerance": -1e-3}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="expected 1 or more of each and a tolerance from 0 to 1"):
        fixed_point(lambda x: x, torch.ones(SHAPE), **wrong)


@pytest.mark.parametrize("n_kept", [2, 5, 20])
@pytest.mark.parametrize("factor", [0.5, 0.9])
def test_in_single_precision_it_stays_at_the_solution_however_long_it_goes_on(n_kept, factor):
    """The trap: near the floor of the precision residuals are parallel, and weights of no bound throw it away."""
    step, solution = affine(factor)
    narrow = lambda x: step(x.to(torch.complex128)).to(torch.complex64)  # noqa: E731
    found = fixed_point(narrow, torch.zeros(SHAPE, dtype=torch.complex64), n_kept=n_kept, n_iterations=200, tolerance=0)
    assert found.n_iterations > 5 and all(found.residuals[100:] < 1e-5)
    assert (found.image - solution).norm() < 1e-5 * solution.norm()


def test_residuals_that_are_exactly_parallel_have_weights_too():
    found = fixed_point(lambda x: x + 1, torch.zeros(SHAPE), n_iterations=30, tolerance=0)
    assert found.image.isfinite().all()
    half = fixed_point(lambda x: 0.5 * x + 1, torch.zeros(SHAPE), n_iterations=60, tolerance=0)
    assert torch.allclose(half.image, torch.full(SHAPE, 2.0), atol=1e-5)
