"""Responses to a change of the data: exact for linear reconstructions, in the limit the Jacobian, bounded by SVD."""

import math

import pytest
import torch

from mricourse.evaluation.perturbation import (
    amplification,
    ascent_step,
    checkerboard,
    in_phase,
    jacobian_response,
    local_response,
    noise_size,
    random_perturbation,
    to_size,
    worst_perturbation,
)
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask


@pytest.fixture(scope="module")
def scan():
    A = SenseOperator(random_complex(3, 11, 8, dtype=torch.complex128), random_mask(11, 2, acs=3, seed=0))
    return A, A.forward(random_complex(11, 8, seed=1, dtype=torch.complex128))


def adjoint(A, kspace):
    return A.adjoint(kspace)


def bent(A, kspace):
    x = A.adjoint(kspace)
    return x + 0.1 * x * x.abs().square()


def test_a_perfect_reconstruction_answers_with_the_change():
    A = SenseOperator(torch.ones(1, 11, 8, dtype=torch.complex128), torch.ones(11, 1, dtype=torch.bool))
    kspace = fft2c(random_complex(11, 8, seed=1, dtype=torch.complex128))[None]
    delta = checkerboard((11, 8), 3).double()
    for amplitude in (1e-3, 0.5, -2.0):
        response = local_response(adjoint, A, kspace, delta, amplitude)
        assert torch.allclose(response, delta.to(response.dtype))


def test_a_linear_one_has_the_same_response_at_any_amplitude(scan):
    delta = torch.zeros(11, 8, dtype=torch.float64)
    delta[4, 5] = 1
    A, kspace = scan
    image = A.adjoint(kspace)
    spread = A.normal(in_phase(delta, image)) * in_phase(torch.ones_like(delta), image).conj()
    for response in (local_response(adjoint, *scan, delta, 7.0), jacobian_response(adjoint, *scan, delta)):
        assert torch.allclose(response, spread)


def test_small_amplitudes_approach_the_jacobian_in_proportion(scan):
    delta = checkerboard((11, 8), 2).double()
    limit = jacobian_response(bent, *scan, delta)
    far = (local_response(bent, *scan, delta, 1e-3) - limit).norm() / limit.norm()
    near = (local_response(bent, *scan, delta, 1e-4) - limit).norm() / limit.norm()
    assert 0 < near < 1e-3 and float(far / near) == pytest.approx(10, rel=0.05)


def test_the_jacobian_is_that_of_the_data_alone(scan):
    """The phase of the image is held: it is part of the change, not of the reconstruction."""
    delta = torch.ones(11, 8, dtype=torch.float64)
    A, kspace = scan
    before = bent(A, kspace)
    step = 1e-6 * A.forward(in_phase(delta, before))
    change = (bent(A, kspace + step) - bent(A, kspace - step)) / 2e-6
    wanted = change * in_phase(delta, before).conj()
    assert torch.allclose(jacobian_response(bent, *scan, delta), wanted, atol=1e-6)


def test_a_checkerboard():
    board = checkerboard((5, 7), 2)
    assert board[0].tolist() == [1, 1, 0, 0, 1, 1, 0]
    assert board[2].tolist() == [0, 0, -1, -1, 0, 0, -1]
    assert board[4].tolist() == board[0].tolist()
    with pytest.raises(ValueError, match="square is 0 pixels"):
        checkerboard((5, 7), 0)


def test_noise_has_the_size_that_is_said(scan):
    A, kspace = scan
    drawn = A.mask * 0.3 * random_complex(4000, *kspace.shape, seed=5)
    sizes = drawn.abs().square().sum((-3, -2, -1)).mean().sqrt()
    assert float(noise_size(A, 0.3)) == pytest.approx(float(sizes), rel=0.01)
    assert float(noise_size(A, 0.3)) == pytest.approx(0.3 * math.sqrt(2 * int(A.mask.sum()) * 8 * 3))


def test_a_random_change_lies_in_the_measured_samples(scan):
    A, kspace = scan
    change = random_perturbation(A, torch.tensor(0.7), seed=2)
    assert change.shape == kspace.shape and change.norm().item() == pytest.approx(0.7)
    assert (change[..., ~A.mask[:, 0], :] == 0).all()
    assert not torch.equal(change, random_perturbation(A, torch.tensor(0.7), seed=3))
    assert to_size(torch.zeros_like(change), torch.tensor(1.0)).abs().max() == 0


def test_a_step_keeps_the_size_and_goes_uphill(scan):
    A, kspace = scan
    size = torch.tensor(0.7, dtype=torch.float64)
    e = random_perturbation(A, size)
    gradient = A.mask * random_complex(*kspace.shape, seed=9, dtype=torch.complex128)
    stepped = ascent_step(e, gradient, size, rate=0.3)
    by_hand = e + 0.3 * 0.7 * gradient / gradient.norm()
    assert torch.allclose(stepped, 0.7 * by_hand / by_hand.norm())
    assert (stepped.conj() * gradient).real.sum() > (e.conj() * gradient).real.sum()


def test_the_worst_change_of_a_linear_reconstruction_is_its_singular_vector(scan):
    """For R = A^H the largest amplification is the largest singular value of A, by `torch.linalg.svdvals`."""
    A, kspace = scan
    columns = torch.eye(88, dtype=torch.complex128).reshape(88, 11, 8)
    matrix = torch.stack([A.forward(column).flatten() for column in columns], dim=1)
    largest = float(torch.linalg.svdvals(matrix)[0])
    size = torch.tensor(0.5, dtype=torch.float64)
    worst = worst_perturbation(adjoint, A, kspace, size, n_steps=300, rate=5.0)
    assert float(amplification(adjoint, A, kspace, worst)) == pytest.approx(largest, rel=1e-3)
    assert worst.norm().item() == pytest.approx(0.5)
    assert (worst[..., ~A.mask[:, 0], :] == 0).all()


def test_each_scan_of_a_stack_is_searched_by_itself(scan):
    A, kspace = scan
    two = SenseOperator(torch.stack([A.smaps, A.smaps.flip(0)]), A.mask)
    data = torch.stack([kspace, 2 * kspace.flip(0)])
    sizes = torch.tensor([0.5, 2.0], dtype=torch.float64)
    worst = worst_perturbation(bent, two, data, sizes, n_steps=3)
    assert torch.allclose(worst.flatten(1).norm(dim=1), sizes)
    start = random_perturbation(two, sizes)
    grown = amplification(bent, two, data, worst) / amplification(bent, two, data, start)
    assert grown.shape == (2,) and (grown > 1).all()


def test_a_search_goes_on_from_where_it_was(scan):
    size = torch.tensor(0.5, dtype=torch.float64)
    at_once = worst_perturbation(bent, *scan, size, n_steps=5)
    first = worst_perturbation(bent, *scan, size, n_steps=3)
    assert torch.allclose(worst_perturbation(bent, *scan, size, n_steps=2, start=first), at_once)


def test_what_would_be_silent_is_refused(scan):
    delta = torch.ones(11, 8, dtype=torch.float64)
    with pytest.raises(ValueError, match="amplitude is 0"):
        local_response(adjoint, *scan, delta, 0)
    with pytest.raises(ValueError, match="expected a real change"):
        local_response(adjoint, *scan, delta + 0j, 1.0)
