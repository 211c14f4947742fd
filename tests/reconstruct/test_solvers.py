"""Solvers recover known solutions, lower their objectives, and agree with sigpy and BART at convergence."""

import itertools

import numpy as np
import pytest
import pywt
import torch

from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.least_squares import cg_sense, cg_sense_iterates, conjugate_gradient, direct_solver
from mricourse.reconstruct.proximal_gradient import fista
from mricourse.reconstruct.sparsity import (
    shift_invariant_prox,
    soft_threshold,
    wavelet_prox,
    wavelet_reconstruction,
)
from mricourse.reconstruct.total_variation import (
    finite_differences,
    finite_differences_adjoint,
    tv_reconstruction,
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


def test_iterates_are_those_of_shorter_runs_and_go_on_where_nothing_is_left_to_solve(problem):
    A, kspace = problem[:2]
    iterates = cg_sense_iterates(A, kspace, n_iterations=5, reg_weight=0.01)
    for n in (1, 3, 5):
        shorter = cg_sense(A, kspace, n_iterations=n, reg_weight=0.01, tolerance=0)
        torch.testing.assert_close(iterates[n - 1], shorter)
    empty = cg_sense_iterates(A, 0 * kspace, n_iterations=2)
    assert len(empty) == 2 and not empty.any()
    with pytest.raises(ValueError, match="n_iterations is 0; expected 1 or more"):
        cg_sense_iterates(A, kspace, n_iterations=0)


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


@pytest.mark.parametrize("shape", [(38, 34), (17, 24), (15, 18), (32, 16)])
@pytest.mark.parametrize(("wavelet", "levels"), [("db1", 4), ("db2", 2), ("db4", 1)])
def test_wavelet_prox_minimises_its_objective_at_every_size(shape, wavelet, levels):
    z = random_complex(*shape, seed=3, dtype=torch.complex128)
    found = wavelet_prox(z, 0.5, wavelet=wavelet, levels=levels)
    levels = min(levels, pywt.dwt_max_level(min(shape), wavelet))
    margin = [(0, -n % 2**levels) for n in shape]

    def objective(x):
        details = pywt.wavedec2(np.pad(x.numpy(), margin), wavelet, mode="periodization", level=levels)[1:]
        return 0.5 * float((x - z).abs().square().sum()) + 0.5 * sum(np.abs(band).sum() for d in details for band in d)

    best = objective(found)
    assert objective(z) > best  # it is not the identity
    assert best == pytest.approx(smallest_objective(z, 0.5, wavelet, levels), rel=1e-6)


def smallest_objective(z, weight, wavelet, levels):
    """ADMM with the transform as one dense matrix: slow, and shares no line with the library."""
    unit = np.eye(z.numel()).reshape(-1, *z.shape)
    extended = np.pad(unit, [(0, 0), *[(0, -n % 2**levels) for n in z.shape]])
    details = pywt.wavedec2(extended, wavelet, mode="periodization", level=levels, axes=(-2, -1))[1:]
    matrix = np.concatenate([band.reshape(len(unit), -1) for level in details for band in level], axis=1).T
    z = torch.view_as_real(z).flatten(0, 1).numpy()  # real and imaginary part
    inverse = np.linalg.inv(np.eye(len(z)) + matrix.T @ matrix)
    split = matrix @ z
    multiplier = np.zeros_like(split)
    for _ in range(200):
        x = inverse @ (z + matrix.T @ (split - multiplier))
        point = matrix @ x + multiplier
        split = point * np.maximum(1 - weight / np.hypot(*point.T).clip(1e-300), 0)[:, None]
        multiplier = point - split
    return 0.5 * np.sum((x - z) ** 2) + weight * np.hypot(*(matrix @ x).T).sum()


@pytest.mark.parametrize(("wavelet", "levels"), [("db1", 3), ("db2", 2)])
def test_all_shifts_at_once_are_the_mean_of_all_shifts(wavelet, levels):
    x = random_complex(2, 16, 24, dtype=torch.complex128)
    weight = torch.tensor([0.1, 0.6], dtype=torch.float64)[:, None, None]
    shifts = itertools.product(range(2**levels), repeat=2)
    each = [wavelet_prox(x, weight, wavelet=wavelet, levels=levels, shift=shift) for shift in shifts]
    found = shift_invariant_prox(x, weight, wavelet=wavelet, levels=levels)
    torch.testing.assert_close(found, torch.stack(each).mean(0))
    real = shift_invariant_prox(x.real, weight, wavelet=wavelet, levels=levels)
    torch.testing.assert_close(real, shift_invariant_prox(x.real + 0j, weight, wavelet=wavelet, levels=levels).real)


@pytest.mark.parametrize("shape", [(37, 51), (40, 33), (11, 9)])
def test_all_shifts_at_once_are_a_proximal_operator_at_every_size(shape):
    """The gradient of a convex function, and firmly non-expansive: what makes a map a proximal operator [Moreau]."""
    u = random_complex(*shape, dtype=torch.complex128)
    v = random_complex(*shape, seed=1, dtype=torch.complex128)
    torch.testing.assert_close(shift_invariant_prox(u, 0.0, wavelet="db2"), u)
    change = shift_invariant_prox(u, 0.4) - shift_invariant_prox(v, 0.4)
    assert change.norm() ** 2 <= torch.vdot(change.flatten(), (u - v).flatten()).real * (1 + 1e-12)
    moved = shift_invariant_prox(u.roll((3, 5), (0, 1)), 0.4)
    torch.testing.assert_close(moved, shift_invariant_prox(u, 0.4).roll((3, 5), (0, 1)))


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


def tv_objective(A, kspace, reg_weight):
    weight = reg_weight * float(A.adjoint(kspace).abs().max())

    def objective(x):
        lengths = finite_differences(x).abs().square().sum(0).sqrt()
        return float(0.5 * (A.forward(x) - kspace).abs().square().sum() + weight * lengths.sum())

    return objective


def primal_dual_tv(A, kspace, reg_weight, n_iterations):
    """Condat and Vu's iteration, which has no inner one: slow and sure."""
    rhs = A.adjoint(kspace)
    bound = reg_weight * rhs.abs().max()
    x = torch.zeros_like(rhs)
    dual = finite_differences(x)
    for _ in range(n_iterations):
        previous = x
        x = x - 0.99 / (0.5 + 8 / 32) * (A.normal(x) - rhs + finite_differences_adjoint(dual))
        dual = dual + finite_differences(2 * x - previous) / 32
        dual = dual * (bound / dual.abs().square().sum(0).sqrt().clamp_min(bound))
    return x


@pytest.mark.parametrize("reg_weight", [5e-4, 5e-3, 5e-2])
def test_tv_reaches_the_minimum_of_its_objective_to_the_tolerance(problem, reg_weight):
    A, kspace, _ = problem
    A = SenseOperator(A.smaps.to(torch.complex128), A.mask)
    kspace = kspace.to(torch.complex128)
    objective = tv_objective(A, kspace, reg_weight)
    least = objective(primal_dual_tv(A, kspace, reg_weight, 2500))
    for tolerance in (1e-3, 1e-5):
        found = objective(tv_reconstruction(A, kspace, reg_weight=reg_weight, tolerance=tolerance, n_iterations=2000))
        assert least * (1 - 1e-3) < found < least * (1 + tolerance)  # the slow one has not quite arrived


@pytest.mark.parametrize("wavelet", ["db1", "db2"])
@pytest.mark.parametrize("all_shifts", [True, False])
def test_wavelets_end_where_a_proximal_step_changes_nothing(problem, wavelet, all_shifts):
    """That is the minimum, whatever the objective: x = prox(x - A^H(A x - y))."""
    A, kspace, _ = problem
    A = SenseOperator(A.smaps.to(torch.complex128), A.mask)
    kspace = kspace.to(torch.complex128)
    rhs = A.adjoint(kspace)
    options = {"wavelet": wavelet, "levels": 3}
    found = {}
    for tolerance in (1e-3, 1e-6, 1e-9):
        found[tolerance] = wavelet_reconstruction(
            A, kspace, reg_weight=5e-3, tolerance=tolerance, n_iterations=5000, all_shifts=all_shifts, **options
        )
    x = found[1e-9]
    threshold = 5e-3 * rhs.abs().max()
    prox = shift_invariant_prox if all_shifts else wavelet_prox
    assert distance(prox(x - A.normal(x) + rhs, threshold, **options), x) < 1e-6
    assert distance(found[1e-6], x) < 1e-3 < 0.1 * distance(rhs, x)
    assert distance(found[1e-3], x) < 0.02


def test_solvers_stop_by_themselves_and_each_image_of_a_batch_when_it_is_done(problem):
    A, kspace, _ = problem
    noisier = kspace + A.mask * 0.1 * random_complex(*kspace.shape, seed=9)
    for solve in (wavelet_reconstruction, tv_reconstruction):
        iterates = []
        batch = solve(A, torch.stack([kspace, noisier]), trace=iterates.append)
        counts = []
        for image, data in zip(batch, (kspace, noisier), strict=True):
            alone = []
            assert distance(image, solve(A, data, trace=alone.append)) < 1e-3
            counts.append(len(alone))
        assert len(iterates) == max(counts) < 400 and min(counts) <= len(iterates) - 20
        first = counts.index(min(counts))
        assert torch.equal(iterates[min(counts) + 9][first], batch[first])  # left as it was


def test_fista_stops_at_a_tolerance_of_the_objective(problem):
    A, kspace, _ = problem
    weight = 2e-3 * float(A.adjoint(kspace).abs().max())

    def prox(z, step):
        return soft_threshold(z, step * weight)

    def penalty(x):
        return weight * x.abs().sum((-2, -1))

    def objective(x):
        return float(0.5 * (A.forward(x) - kspace).abs().square().sum() + penalty(x))

    iterates = []
    found = fista(A, kspace, prox, penalty=penalty, tolerance=1e-4, n_iterations=2000, trace=iterates.append)
    least = objective(fista(A, kspace, prox, n_iterations=2000))
    assert len(iterates) < 500 and objective(found) < least * (1 + 1e-4)
    with pytest.raises(ValueError, match="no penalty to measure"):
        fista(A, kspace, prox, tolerance=1e-4)
    for solve in (wavelet_reconstruction, tv_reconstruction):
        for tolerance in (-1e-4, 1.0, float("nan")):
            with pytest.raises(ValueError, match="expected 0 or more and less than 1"):
                solve(A, kspace, tolerance=tolerance)


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
    with pytest.raises(ValueError, match=r"reg_weight has shape \(2,\); expected one number for all images"):
        solve(problem[0], problem[1], reg_weight=torch.tensor([0.01, 0.02]))


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


def test_an_operator_that_makes_no_image_of_an_image_is_refused():
    A = SenseOperator(simulate_coils(3, (12, 10)), random_mask(12, 2, acs=4))
    with pytest.raises(ValueError, match=r"normal made \(3, 12, 10\) of an image \(12, 10\); expected the same shape"):
        conjugate_gradient(A.forward, random_complex(12, 10))
