"""The NUFFT's normal operator as a convolution: against the matrix of the definition, its own two halves, gradients."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from mricourse.physics.fourier import random_complex
from mricourse.physics.nufft import NufftOperator
from mricourse.physics.sampling import radial_trajectory, spiral_trajectory
from mricourse.physics.toeplitz_normal import embedding_shape
from mricourse.reconstruct.least_squares import cg_sense, conjugate_gradient

SIZES = [(5, 8), (7, 7), (1, 6), (12, 9), (11, 19), (2, 1)]  # 2 n - 1 is 21 and 37 for the last odd ones, 75 is fast
POINTS = torch.rand(40, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 0.5
POINTS[0] = 0.5
POINTS[1] = -0.5
WEIGHTS = torch.rand(40, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
WEIGHTS[5] = 0
KINDS = {torch.complex64: 2e-6, torch.complex128: 1e-11}  # relative errors that are allowed


def operator(shape, dtype=torch.complex128, n_coils=3, **options):
    return NufftOperator(POINTS, random_complex(n_coils, *shape, seed=7, dtype=dtype), **options)


def matrix(shape):
    """The sum of the definition for one uniform coil, written out: (samples, pixels)."""
    y, x = (torch.arange(n, dtype=torch.float64) - n // 2 for n in shape)
    pixels = torch.cartesian_prod(y, x).reshape(-1, 2)
    return torch.exp(-2j * math.pi * (POINTS @ pixels.T)) / math.sqrt(len(pixels))


def distance(found, expected):
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("weights", [None, WEIGHTS, WEIGHTS > 0.5], ids=["no weights", "weights", "half the samples"])
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_it_is_the_matrix_of_the_definition(shape, weights, dtype):
    A = operator(shape, dtype)
    image = random_complex(2, 1, *shape, dtype=dtype)
    found = A.normal(image, weights=weights)
    assert found.shape == image.shape and found.dtype == dtype
    E = matrix(shape)
    W = torch.ones(len(POINTS)) if weights is None else weights
    coil_images = (A.smaps * image.unsqueeze(-3)).to(torch.complex128).flatten(-2)
    convolved = (coil_images @ E.T * W) @ E.conj()
    expected = (A.smaps.conj() * convolved.unflatten(-1, shape)).sum(-3)
    assert distance(found, expected) < KINDS[dtype]
    assert distance(A.normal(image[0, 0], weights=weights), expected[0, 0]) < KINDS[dtype]


@pytest.mark.parametrize("epsilon", [1e-2, 1e-3, 1e-5])
@pytest.mark.parametrize("trajectory", [radial_trajectory(41, 90), spiral_trajectory(6, 500)], ids=["radial", "spiral"])
def test_it_differs_from_adjoint_of_forward_by_the_error_of_those(trajectory, epsilon):
    maps = random_complex(4, 45, 64)
    A = NufftOperator(trajectory, maps, epsilon=epsilon)
    image = random_complex(45, 64, seed=1)
    weights = A.density_weights()
    for each in (None, weights):
        expected = A.adjoint(A.forward(image) if each is None else each * A.forward(image))
        assert distance(A.plain_normal(image, weights=each), expected) < 1e-6
        assert distance(A.normal(image, weights=each), expected) < 3 * epsilon
    exact = NufftOperator(trajectory.double(), maps.to(torch.complex128)).plain_normal(image.to(torch.complex128))
    assert distance(A.normal(image), exact) < 1e-6 < distance(A.plain_normal(image), exact)


def test_it_is_hermitian_and_not_negative():
    A = operator((9, 14))
    unit = torch.eye(9 * 14, dtype=torch.complex128).reshape(-1, 9, 14)
    for weights in (None, WEIGHTS):
        columns = A.normal(unit, weights=weights).flatten(1)
        assert (columns - columns.mH).abs().max() < 1e-14 * columns.abs().max() * 9 * 14
        assert torch.linalg.eigvalsh(columns).min() > -1e-12 * columns.abs().max() * 9 * 14


@pytest.mark.parametrize("seed", range(6))
def test_random_problems(seed):
    draw = torch.Generator().manual_seed(seed)
    ny, nx, n_coils, n_samples = (int(torch.randint(1, most, (), generator=draw)) for most in (40, 40, 5, 200))
    points = torch.rand(n_samples, 2, generator=draw, dtype=torch.float64) - 0.5
    weights = 10 ** (4 * torch.rand(n_samples, generator=draw) - 2)
    A = NufftOperator(points, random_complex(n_coils, ny, nx, dtype=torch.complex128))
    image = random_complex(3, ny, nx, seed=seed, dtype=torch.complex128)
    assert distance(A.normal(image, weights=weights), A.plain_normal(image, weights=weights)) < 1e-10


def test_the_grid_holds_every_difference_and_is_fast():
    assert embedding_shape((256, 320)) == (512, 640)
    for n in range(1, 600):
        (length,) = embedding_shape((n,))
        assert 2 * n - 1 <= length <= 2.2 * n
        assert 210**10 % length == 0, "a prime factor above 7"


def test_real_images_and_those_of_another_precision_than_the_maps():
    single, double = operator((8, 9), torch.complex64), operator((8, 9))
    image = random_complex(8, 9, dtype=torch.complex128)
    assert distance(double.normal(image.real), double.plain_normal(image.real)) < 1e-11
    for A, x in ((single, image), (double, image.to(torch.complex64))):
        assert A.normal(x).dtype == torch.complex128
        assert distance(A.normal(x), A.plain_normal(x)) < 1e-11
    assert single.normal(image.to(torch.complex64)).dtype == torch.complex64, "not what was kept for the other"


# --- conjugate gradients ---


def problem(dtype):
    """Samples of an image, few iterations from its solution: five coils, and three times as many samples as pixels."""
    shape = (17, 20)
    A = NufftOperator(spiral_trajectory(4, 260, n_turns=6), random_complex(5, *shape, seed=7, dtype=dtype))
    return A, A.forward(random_complex(*shape, seed=2, dtype=dtype)), A.density_weights()


@pytest.mark.parametrize(("dtype", "most"), [(torch.complex64, 1e-4), (torch.complex128, 1e-10)], ids=str)
def test_cg_finds_the_solution_that_the_equation_has(dtype, most):
    A, kspace, weights = problem(dtype)
    options = {"reg_weight": 0.1, "n_iterations": 300, "tolerance": 1e-6 if dtype.to_real() == torch.float32 else 1e-12}
    plain = conjugate_gradient(A.plain_normal, A.adjoint(kspace), **options)
    assert distance(cg_sense(A, kspace, **options), plain) < most
    zero_filled = A.adjoint(weights.to(dtype.to_real()) * kspace)
    plain = conjugate_gradient(partial(A.plain_normal, weights=weights), zero_filled, **options)
    assert distance(conjugate_gradient(partial(A.normal, weights=weights), zero_filled, **options), plain) < most


def test_cg_runs_two_nufft_in_all(monkeypatch):
    kinds = []
    run = NufftOperator._run
    monkeypatch.setattr(NufftOperator, "_run", lambda A, kind, data: kinds.append(kind) or run(A, kind, data))
    A, kspace, _ = problem(torch.complex64)
    kinds.clear()
    cg_sense(A, kspace, reg_weight=0.1, n_iterations=7, tolerance=0)
    assert kinds == [1, 1], "the adjoint of the data and the kernel"
    cg_sense(A, kspace, reg_weight=0.1, n_iterations=7, tolerance=0)
    assert kinds == [1, 1, 1], "the kernel was kept"


# --- gradients: every entry, by finite differences ---

SMALL = (4, 5)


def complex_(*shape, seed=0):
    return random_complex(*shape, seed=seed, dtype=torch.complex128).requires_grad_()


@pytest.mark.parametrize("method", ["forward", "adjoint", "normal", "plain_normal"])
def test_gradients_of_images_samples_and_maps(method):
    def apply(smaps, data):
        return getattr(NufftOperator(POINTS[:9], smaps), method)(data)

    inputs = (complex_(2, *SMALL), complex_(2, 2, 9, seed=1) if method == "adjoint" else complex_(2, *SMALL, seed=1))
    assert gradcheck(apply, inputs)
    assert gradgradcheck(apply, inputs, fast_mode=True)


@pytest.mark.parametrize("method", ["normal", "plain_normal"])
def test_gradients_of_weights(method):
    def apply(weights, smaps, image):
        return getattr(NufftOperator(POINTS[:9], smaps), method)(image, weights=weights)

    weights = WEIGHTS[10:19].clone().requires_grad_()
    assert gradcheck(apply, (weights, complex_(2, *SMALL), complex_(*SMALL, seed=1)))


def test_gradients_where_images_fill_the_cache_one_coil_at_a_time(monkeypatch):
    monkeypatch.setattr("mricourse.physics.toeplitz_normal.CACHED", 1)

    def apply(smaps, image):
        return NufftOperator(POINTS[:9], smaps).normal(image)

    assert gradcheck(apply, (complex_(3, *SMALL), complex_(2, *SMALL, seed=1)))


def test_gradients_through_conjugate_gradients():
    def solve(smaps, kspace):
        return cg_sense(NufftOperator(POINTS, smaps), kspace, reg_weight=0.5, n_iterations=60, tolerance=1e-14)

    assert gradcheck(solve, (complex_(2, *SMALL), complex_(2, len(POINTS), seed=1)), fast_mode=True, atol=1e-5)


# --- what is kept ---


def test_what_is_kept_follows_trajectory_and_weights():
    A = NufftOperator(POINTS.clone(), random_complex(2, 6, 5, dtype=torch.complex128))
    image = random_complex(6, 5, dtype=torch.complex128)
    weights = WEIGHTS.clone()
    for _ in range(2):
        assert distance(A.normal(image), A.plain_normal(image)) < 1e-11
        assert distance(A.normal(image, weights=weights), A.plain_normal(image, weights=weights)) < 1e-11
    for write in (weights.mul_, A.trajectory.mul_, A.smaps.mul_, weights.data.mul_, A.trajectory.data.mul_):
        write(0.7)
        assert distance(A.normal(image), A.plain_normal(image)) < 1e-11
        assert distance(A.normal(image, weights=weights), A.plain_normal(image, weights=weights)) < 1e-11
    assert distance(A.normal(image, weights=weights.float()), A.plain_normal(image, weights=weights.float())) < 1e-11
    other = replace(A, trajectory=POINTS[:7])
    assert distance(other.normal(image), other.plain_normal(image)) < 1e-11


def test_what_was_kept_in_inference_serves_a_training():
    A, image = operator((6, 5)), random_complex(6, 5, dtype=torch.complex128)
    with torch.inference_mode():
        A.normal(image)
        A.normal(image, weights=WEIGHTS.clone())
        made_inside = NufftOperator(POINTS.clone(), A.smaps.clone())
        assert torch.equal(made_inside.normal(image), A.normal(image))
    image.requires_grad_()
    A.normal(image, weights=WEIGHTS).abs().sum().backward()
    assert image.grad.abs().max() > 0


def test_weights_that_an_optimiser_learns():
    A, image = operator((6, 5)), random_complex(6, 5, dtype=torch.complex128)
    weights = torch.nn.Parameter(WEIGHTS + 0.1)
    with torch.no_grad():
        before = A.normal(image, weights=weights)
    loss = A.normal(image, weights=weights).abs().square().sum()
    loss.backward()
    with torch.no_grad():
        weights -= 1e-4 * weights.grad / weights.grad.norm()
        assert distance(A.normal(image, weights=weights), A.plain_normal(image, weights=weights)) < 1e-11
        assert A.normal(image, weights=weights).norm() < before.norm()


# --- bad input ---


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda A: A.normal(torch.ones(6, 5)[:1]), ValueError, r"image has shape \(1, 5\); expected \(\.\.\., y, x\)"),
        (lambda A: A.normal(torch.ones(6)), ValueError, "image has shape"),
        (lambda A: A.normal(torch.ones(5, 6)), ValueError, "image has shape"),
        (
            lambda A: A.normal(torch.ones(6, 5), weights=torch.ones(3)),
            ValueError,
            r"weights have shape \(3,\); expected one for each sample, \(40,\)",
        ),
        (lambda A: A.normal(torch.ones(6, 5), weights=torch.ones(3, 1)), ValueError, "one for each sample"),
        (lambda A: A.normal(torch.ones(6, 5), weights=POINTS[:, 0] + 0j), TypeError, "expected real numbers"),
        (lambda A: A.normal(torch.ones(6, 5), weights=POINTS[:, 0]), ValueError, "expected 0 or more"),
        (lambda A: A.normal(torch.ones(6, 5), weights=torch.full((40,), math.nan)), ValueError, "not finite"),
        (lambda A: A.plain_normal(torch.ones(6, 5), weights=torch.ones(3)), ValueError, "one for each sample"),
        (lambda A: NufftOperator(torch.zeros(0, 2), A.smaps), ValueError, r"expected \(samples, 2\)"),
        (lambda A: NufftOperator(POINTS * math.nan, A.smaps), ValueError, "cycles per pixel"),
        (lambda A: NufftOperator(POINTS, A.smaps, epsilon=0.0), ValueError, "epsilon is 0.0; expected"),
        (lambda A: NufftOperator(POINTS, A.smaps, epsilon=-1e-5), ValueError, "epsilon is"),
        (lambda A: NufftOperator(POINTS, A.smaps, epsilon=math.nan), ValueError, "epsilon is"),
    ],
)
def test_wrong_arguments_are_named(call, error, sentence):
    with pytest.raises(error, match=sentence) as raised:
        call(operator((6, 5)))
    assert "\n" not in str(raised.value)
