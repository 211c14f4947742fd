"""Solvers recover known solutions, lower their objectives, and agree with sigpy and BART at convergence."""

import pytest
import torch

from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.least_squares import cg_sense, conjugate_gradient, direct_solver
from mricourse.reconstruct.sparsity import (
    finite_differences,
    finite_differences_adjoint,
    fista,
    soft_threshold,
    tv_reconstruction,
    wavelet_prox,
    wavelet_reconstruction,
)
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (64, 48)


@pytest.fixture(scope="module")
def problem():
    """SENSE operator, noisy k-space and the image behind it, R = 2.5."""
    smaps = simulate_coils(5, SHAPE, seed=4)
    image = shepp_logan(SHAPE).to(torch.complex64)
    A = SenseOperator(smaps, random_mask(SHAPE, 2.5, acs=12, seed=1))
    return A, A.forward(image) + A.mask * 3e-3 * random_complex(5, *SHAPE), image


def distance(x, reference):
    return float((x - reference).norm() / reference.norm())


def test_cg_solves_a_matrix_equation_in_as_many_steps_as_unknowns():
    root = random_complex(12, 12, dtype=torch.complex128)
    matrix = root @ root.mH
    solution = random_complex(1, 12, seed=1, dtype=torch.complex128)
    found = conjugate_gradient(lambda x: x @ matrix.mT, solution @ matrix.mT, n_iterations=14, tolerance=1e-12)
    assert distance(found, solution) < 1e-6


def test_cg_treats_each_image_of_a_batch_alone(problem):
    A, kspace, _ = problem
    alone = cg_sense(A, kspace, reg_weight=0.01, n_iterations=8)
    batch = cg_sense(A, torch.stack([kspace, 50 * kspace, 0 * kspace]), reg_weight=0.01, n_iterations=8)
    assert distance(batch[0], alone) < 1e-5 and distance(batch[1], 50 * alone) < 1e-5
    assert not batch[2].any()


def test_cg_stops_at_its_tolerance(problem):
    A, kspace, _ = problem
    seen = []
    x = cg_sense(A, kspace, reg_weight=0.1, n_iterations=200, tolerance=1e-4, trace=seen.append)
    rhs = A.adjoint(kspace)
    assert len(seen) < 40 and distance(A.normal(x) + 0.1 * x, rhs) < 2e-4


def test_full_sampling_without_noise_is_exact():
    smaps, image = simulate_coils(4, (31, 28)), random_complex(31, 28)
    A = SenseOperator(smaps, torch.ones(31, 1, dtype=torch.bool))
    assert distance(cg_sense(A, A.forward(image)), image) < 1e-5


def test_soft_threshold_is_the_minimiser_of_its_problem():
    x = random_complex(200, dtype=torch.complex128)
    best = soft_threshold(x, 0.7)

    def objective(z):
        return 0.5 * (z - x).abs().square() + 0.7 * z.abs()

    for seed in range(20):
        assert (objective(best) <= objective(best + 0.1 * random_complex(200, seed=seed, dtype=x.dtype)) + 1e-12).all()
    assert not soft_threshold(torch.zeros(3, dtype=torch.complex64), 1.0).any()
    assert torch.allclose(soft_threshold(torch.tensor([3 + 4j]), 1.0), torch.tensor([2.4 + 3.2j]))


@pytest.mark.parametrize("wavelet", ["db1", "db2", "db4"])
def test_wavelet_prox_is_a_proximal_operator(wavelet):
    u, v = random_complex(64, 32), random_complex(64, 32, seed=1)
    prox_u, prox_v = (wavelet_prox(x, 0.5, wavelet=wavelet, levels=3, shift=(3, 5)) for x in (u, v))
    inner = torch.vdot((prox_u - prox_v).flatten(), (u - v).flatten()).real
    assert (prox_u - prox_v).norm() ** 2 <= inner * (1 + 1e-5)  # firmly non-expansive
    assert torch.allclose(wavelet_prox(u, 0.0, wavelet=wavelet, levels=3), u, atol=1e-5)
    odd = random_complex(2, 37, 51)
    assert torch.allclose(wavelet_prox(odd, 0.0, wavelet=wavelet), odd, atol=1e-5)


def test_gradients_flow_through_the_wavelet_prox():
    image = random_complex(12, 16, dtype=torch.complex128).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: wavelet_prox(x, 0.3, levels=2, shift=(1, 2)), image)


def test_fista_lowers_the_objective_and_agrees_with_a_long_ista(problem):
    A, kspace, _ = problem
    weight = 2e-3 * float(A.adjoint(kspace).abs().max())

    def objective(x):
        return float(0.5 * (A.forward(x) - kspace).abs().square().sum() + weight * x.abs().sum())

    costs = []
    fista(
        A,
        kspace,
        lambda z, step: soft_threshold(z, step * weight),
        n_iterations=150,
        trace=lambda x: costs.append(objective(x)),
    )
    ista = A.adjoint(kspace)
    for _ in range(600):
        ista = soft_threshold(ista - (A.normal(ista) - A.adjoint(kspace)), weight)
    assert costs[-1] < costs[20] < costs[0]
    assert costs[-1] == pytest.approx(objective(ista), rel=1e-3)


def test_finite_differences_and_their_adjoint_belong_together():
    u = random_complex(2, 7, 10, dtype=torch.complex128)
    v = random_complex(2, 2, 7, 10, seed=1, dtype=torch.complex128)
    assert torch.isclose(
        torch.vdot(finite_differences(u).flatten(), v.flatten()),
        torch.vdot(u.flatten(), finite_differences_adjoint(v).flatten()),
    )


def test_tv_reaches_the_minimum_of_its_objective(problem):
    A, kspace, _ = problem
    weight = 5e-3 * float(A.adjoint(kspace).abs().max())

    def objective(x):
        lengths = finite_differences(x).abs().square().sum(0).sqrt()
        return float(0.5 * (A.forward(x) - kspace).abs().square().sum() + weight * lengths.sum())

    x = tv_reconstruction(A, kspace, reg_weight=5e-3, n_iterations=300)
    longer = tv_reconstruction(A, kspace, reg_weight=5e-3, n_iterations=1500)
    assert objective(x) == pytest.approx(objective(longer), rel=2e-3)
    for seed in range(5):
        assert objective(longer) < objective(longer + 1e-3 * random_complex(*SHAPE, seed=seed))


def test_sparsity_helps_where_the_model_holds(problem):
    A, kspace, image = problem
    plain = distance(cg_sense(A, kspace, reg_weight=1e-2), image)
    assert distance(wavelet_reconstruction(A, kspace, reg_weight=2e-3), image) < 0.9 * plain
    assert distance(tv_reconstruction(A, kspace, reg_weight=2e-3, n_iterations=200), image) < 0.7 * plain


@pytest.mark.parametrize("solve", [cg_sense, wavelet_reconstruction, tv_reconstruction])
def test_results_scale_with_the_data_and_repeat(solve, problem):
    A, kspace, _ = problem
    x = solve(A, kspace, reg_weight=1e-2, n_iterations=12)
    assert torch.equal(x, solve(A, kspace, reg_weight=1e-2, n_iterations=12))
    assert distance(solve(A, 1e-7 * kspace, reg_weight=1e-2, n_iterations=12), 1e-7 * x) < 1e-3


@pytest.mark.parametrize("solve", [wavelet_reconstruction, tv_reconstruction])
def test_each_image_of_a_batch_has_its_own_weight(solve, problem):
    A, kspace, _ = problem
    alone = solve(A, kspace, reg_weight=1e-2, n_iterations=12)
    batch = solve(A, torch.stack([kspace, 50 * kspace]), reg_weight=1e-2, n_iterations=12)
    assert distance(batch[0], alone) < 1e-4 and distance(batch[1], 50 * alone) < 1e-4


def largest_eigenvalue(normal, shape):
    """By power iteration."""
    x = random_complex(*shape)
    for _ in range(30):
        x = normal(x / x.norm())
    return float(x.norm())


def test_largest_eigenvalue_bounds_the_step(problem):
    A, _, _ = problem
    assert largest_eigenvalue(A.normal, SHAPE) == pytest.approx(1, abs=0.05)
    doubled = SenseOperator(2 * A.smaps, A.mask)
    assert largest_eigenvalue(doubled.normal, SHAPE) == pytest.approx(4, abs=0.2)
    assert torch.isfinite(
        wavelet_reconstruction(doubled, 2 * A.forward(torch.ones(SHAPE)), n_iterations=50).abs()
    ).all()


def test_cg_sense_matches_sigpy(problem):
    mri = pytest.importorskip("sigpy.mri", reason="sigpy is not installed")
    A, kspace, _ = problem
    options = {"lamda": 0.02, "max_iter": 60, "show_pbar": False, "weights": A.mask.numpy().astype("float32")}
    theirs = torch.from_numpy(mri.app.SenseRecon(kspace.numpy(), A.smaps.numpy(), **options).run())
    assert distance(cg_sense(A, kspace, reg_weight=0.02, n_iterations=60), theirs) < 1e-4


def test_cg_sense_matches_bart(problem):
    apps = pytest.importorskip("bartorch.apps", reason="bartorch is not installed")
    A, kspace, _ = problem
    theirs = apps.pics(kspace[:, None], A.smaps[:, None], l2=0.02, maxiter=60).reshape(SHAPE)
    assert distance(cg_sense(A, kspace, reg_weight=0.02, n_iterations=60), theirs) < 1e-3


def test_wavelet_reconstruction_matches_bart(problem):
    apps = pytest.importorskip("bartorch.apps", reason="bartorch is not installed")
    priors = pytest.importorskip("bartorch.priors", reason="bartorch is not installed")
    A, kspace, image = problem
    rel, scale = 4e-3, float(A.adjoint(kspace).abs().max())
    term = priors.Wavelet((-1, -2), rel * scale)  # with scaling 1 the weight is in the units of the data
    theirs = apps.pics(kspace[:, None], A.smaps[:, None], regularizers=term, maxiter=150, scaling=1.0).reshape(SHAPE)
    ours = wavelet_reconstruction(A, kspace, reg_weight=rel, n_iterations=150)
    assert abs(distance(ours, image) - distance(theirs, image)) < 0.25 * distance(theirs, image)
    assert distance(ours, theirs) < distance(theirs, image)


def test_tv_matches_sigpy(problem):
    mri = pytest.importorskip("sigpy.mri", reason="sigpy is not installed")
    A, kspace, image = problem
    weight = 5e-3 * float(A.adjoint(kspace).abs().max())
    options = {"weights": A.mask.numpy().astype("float32"), "max_iter": 400, "show_pbar": False}
    theirs = torch.from_numpy(mri.app.TotalVariationRecon(kspace.numpy(), A.smaps.numpy(), weight, **options).run())
    ours = tv_reconstruction(A, kspace, reg_weight=5e-3, n_iterations=400)
    # sigpy sums |dx| + |dy| (anisotropic), ours the length of the gradient: close, not equal
    assert distance(ours, theirs) < distance(theirs, image)


@pytest.mark.parametrize("solve", [cg_sense, wavelet_reconstruction, tv_reconstruction])
@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_impossible_weights_are_refused(solve, weight, problem):
    with pytest.raises(ValueError, match="reg_weight is .*; expected 0 or more"):
        solve(problem[0], problem[1], reg_weight=weight)


def test_impossible_steps_and_maps_are_refused(problem):
    A, kspace, _ = problem
    with pytest.raises(ValueError, match="step_size is 0"):
        fista(A, kspace, lambda x, step: x, step_size=0)
    with pytest.raises(ValueError, match="not all zero"):
        tv_reconstruction(SenseOperator(0 * A.smaps, A.mask), kspace)


# --- directly


@pytest.mark.parametrize("shape", [(11, 8), (12, 9), (9, 9)])
def test_the_direct_solver_solves_each_image_of_a_stack_with_a_mask_and_a_weight_of_its_own(shape):
    smaps = torch.stack([simulate_coils(3, shape, seed=seed) for seed in (0, 1)]).to(torch.complex128)
    mask = torch.stack([random_mask(shape[0], 2, acs=3, seed=seed)[None] for seed in (0, 1)])
    A, weights = SenseOperator(smaps, mask), torch.tensor([0.003, 0.2]).double().view(2, 1, 1)
    rhs = random_complex(2, *shape, dtype=torch.complex128)
    x = direct_solver(A, weights)(rhs)
    assert distance(A.normal(x) + weights * x, rhs) < 1e-12
    alone = direct_solver(SenseOperator(smaps[1], mask[1]), torch.tensor(0.2).double())(rhs[1])
    assert distance(x[1], alone) < 1e-12


def test_the_direct_solver_leaves_other_masks_and_large_matrices_to_others(monkeypatch):
    smaps, weight = simulate_coils(2, (12, 8)), torch.tensor(0.1)
    lines = random_mask(12, 2, acs=3)
    assert direct_solver(SenseOperator(smaps, lines), weight) is not None
    for mask in (lines.expand(12, 8), torch.ones(1, 8, dtype=torch.bool), lines.expand(2, 12, 1)):
        assert direct_solver(SenseOperator(smaps, mask), weight) is None
    monkeypatch.setattr("mricourse.reconstruct.least_squares.DIRECT_LIMIT", 12 * 12 * 8 - 1)
    assert direct_solver(SenseOperator(smaps, lines), weight) is None


@pytest.mark.parametrize("case", ["fully sampled", "weights", "masks", "double data"])
def test_the_direct_solver_takes_every_scan_that_conjugate_gradients_take(case):
    """A mask for all rows at once, maps that several scans share, data of another precision."""
    smaps, shape = simulate_coils(3, (24, 16)), (24, 16)
    masks = torch.stack([random_mask(24, 2, acs=6, seed=i) for i in range(2)])[:, None]
    mask = {"fully sampled": torch.ones(1, 1, dtype=torch.bool), "masks": masks}.get(case, masks[0, 0])
    weight = torch.tensor([0.1, 0.3])[:, None, None] if case == "weights" else torch.tensor(0.2)
    dtype = torch.complex128 if case == "double data" else torch.complex64
    A, rhs = SenseOperator(smaps, mask), random_complex(2, *shape, seed=1, dtype=dtype)
    network = AdaptiveMoDL(n_iterations=1, n_features=4, solver="direct")
    x = network._solve(A, rhs, weight)(torch.zeros_like(rhs))
    assert (A.normal(x) + weight * x - rhs).norm() < (1e-2 if case == "fully sampled" else 1e-4) * rhs.norm()
    assert x.dtype == dtype and (direct_solver(A, weight) is None) == (case == "fully sampled")


def test_the_direct_solver_refuses_a_weight_for_each_pixel():
    A = SenseOperator(simulate_coils(3, (24, 16)), random_mask(24, 2, acs=6))
    with pytest.raises(ValueError, match=r"shape \(24, 16\); expected \(\) or one for each image"):
        direct_solver(A, torch.full((24, 16), 0.1))


def test_the_direct_solver_gives_a_stack_what_it_gives_each_scan(monkeypatch):
    """However many scans are stacked, none falls back on conjugate gradients."""
    monkeypatch.setattr("mricourse.reconstruct.least_squares.DIRECT_LIMIT", 24 * 24 * 16)
    smaps = simulate_coils(3, (24, 16)).expand(5, -1, -1, -1)
    A = SenseOperator(smaps, random_mask(24, 2, acs=6))
    assert direct_solver(A, torch.tensor(0.1)) is not None


@pytest.mark.parametrize("shape", [(11,), (1,), (1, 11), (11, 1), (11, 11)])
def test_weights_that_would_be_one_for_each_column_are_refused(shape):
    def normal(x):
        return x

    rhs = random_complex(4, 11, 11)
    with pytest.raises(ValueError, match=r"expected \(\) or one for each image, \(..., 1, 1\)"):
        conjugate_gradient(normal, rhs, reg_weight=torch.full(shape, 0.1))
    found = conjugate_gradient(normal, rhs, reg_weight=torch.arange(4.0).view(4, 1, 1))
    assert torch.allclose(found, rhs / (1 + torch.arange(4.0).view(4, 1, 1)), atol=1e-5)
