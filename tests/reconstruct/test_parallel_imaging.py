"""SENSE unfolding, its g-factor against pseudo-replicas, and GRAPPA."""

import pytest
import torch

from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask, random_mask
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.reconstruct.parallel_imaging import g_factor, grappa, pseudo_replica, sense_unfold
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (60, 51)
MAPS = simulate_coils(8, SHAPE, seed=1).to(torch.complex128)
IMAGE = random_complex(*SHAPE, dtype=torch.complex128)


@pytest.mark.parametrize("acceleration", [1, 2, 3, 4])
def test_unfolding_inverts_the_comb_at_every_offset(acceleration):
    for offset in range(acceleration):
        kspace = SenseOperator(MAPS, equispaced_mask(60, acceleration, acs=0, offset=offset)).forward(IMAGE)
        assert torch.allclose(sense_unfold(kspace, MAPS, acceleration), IMAGE, rtol=0, atol=1e-11)
        pair = sense_unfold(torch.stack([kspace, 2j * kspace]), MAPS, acceleration)
        assert torch.allclose(pair[1], 2j * IMAGE, atol=1e-8)


def test_unfolding_leaves_the_centre_lines_out():
    kspace = SenseOperator(MAPS, equispaced_mask(60, 3, acs=11, offset=1)).forward(IMAGE)
    assert torch.allclose(sense_unfold(kspace, MAPS, 3), IMAGE, atol=1e-8)


def test_unfolding_is_what_cg_sense_converges_to():
    A = SenseOperator(MAPS, equispaced_mask(60, 2, acs=0))
    kspace = A.forward(IMAGE) + A.mask * 0.1 * random_complex(8, *SHAPE, dtype=torch.complex128)
    iterative = cg_sense(A, kspace, n_iterations=300, tolerance=1e-9)
    assert torch.allclose(sense_unfold(kspace, MAPS, 2), iterative, atol=1e-5)


@pytest.mark.parametrize("correlated", [False, True])
def test_pseudo_replica_measures_the_analytic_g_factor(correlated):
    smaps, covariance, acceleration = simulate_coils(8, (48, 40), seed=3), None, 2
    if correlated:
        mixing = torch.eye(8, dtype=torch.complex64) + 0.3 * random_complex(8, 8, seed=5)
        covariance = mixing @ mixing.mH

    def colour(noise):
        return torch.einsum("dc,ncyx->ndyx", mixing, noise) if correlated else noise

    def unfold(rate):
        return lambda noise: sense_unfold(colour(noise), smaps, rate, noise_covariance=covariance)

    masks = [equispaced_mask(48, rate, acs=0) for rate in (acceleration, 1)]
    fast, full = (
        pseudo_replica(unfold(r), m, (8, 48, 40), n_replicas=500) for r, m in zip((acceleration, 1), masks, strict=True)
    )
    measured = fast / full / acceleration**0.5
    analytic = g_factor(smaps, acceleration, noise_covariance=covariance)
    assert (measured / analytic).median() == pytest.approx(1, abs=0.02)
    assert (measured / analytic).std() < 0.07  # 2 x 500 replicas scatter by sqrt(2 / 1000) = 4.5 %


def test_g_factor_is_one_without_aliasing_and_at_least_one_with():
    assert torch.allclose(g_factor(MAPS, 1), torch.ones(SHAPE, dtype=torch.float64))
    assert (g_factor(MAPS, 3) >= 1).all() and g_factor(MAPS, 3).median() > g_factor(MAPS, 2).median()
    outside = MAPS.clone()
    outside[:, :30] = 0
    g = g_factor(outside, 2)
    assert not g[:30].any() and torch.allclose(g[30:], torch.ones(()).double())
    assert not sense_unfold(fft2c(outside * IMAGE) * equispaced_mask(60, 2, acs=0), outside, 2)[:30].any()


@pytest.mark.parametrize(("acceleration", "limit"), [(2, 0.04), (3, 0.08)])
def test_grappa_fills_what_was_left_out(acceleration, limit):
    smaps = simulate_coils(8, (96, 80), seed=2)
    truth = fft2c(smaps * shepp_logan((96, 80))) + 1e-3 * random_complex(8, 96, 80)
    for offset in range(acceleration):
        mask = equispaced_mask(96, acceleration, acs=24, offset=offset)
        filled = grappa(truth * mask, mask)
        assert torch.equal(filled[:, mask[:, 0]], truth[:, mask[:, 0]])
        reference, zero_filled = rss(ifft2c(truth)), rss(ifft2c(truth * mask))
        error = (rss(ifft2c(filled)) - reference).norm() / reference.norm()
        assert error < limit and error < 0.4 * (zero_filled - reference).norm() / reference.norm()


def edge_error(ny, acceleration, offset, **options):
    """Relative error of GRAPPA in the six outer lines on either side, on smooth coil images without noise."""
    truth = fft2c(simulate_coils(8, (ny, 96)))
    mask = equispaced_mask(ny, acceleration, acs=24, offset=offset)
    edges = [*range(6), *range(ny - 6, ny)]
    missing = [line for line in edges if not mask[line]]
    wrong = grappa(truth * mask, mask, **options) - truth
    return float(wrong[:, missing].norm() / truth[:, missing].norm())


@pytest.mark.parametrize("acceleration", [2, 3])
@pytest.mark.parametrize("ny", [127, 128, 129, 130, 131])
def test_edge_lines_are_right_where_ky_does_not_divide_by_r(ny, acceleration):
    even = 126  # divides by 2 and by 3
    for offset in range(acceleration):
        worst = max(edge_error(even, acceleration, other) for other in range(acceleration))
        assert edge_error(ny, acceleration, offset) < 1.7 * worst


def partial_fourier(shape, acceleration, top, bottom):
    """k-space (8, ky, kx) of a phantom, and a mask whose first and last lines are empty."""
    smaps = simulate_coils(8, shape, seed=2)
    truth = fft2c(smaps * shepp_logan(shape)) + 1e-3 * random_complex(8, *shape)
    mask = equispaced_mask(shape[0], acceleration, acs=24)
    mask[:top] = False
    mask[shape[0] - bottom :] = False
    return truth, mask, smaps


@pytest.mark.parametrize(("top", "bottom"), [(8, 8), (30, 0), (0, 45), (7, 0), (1, 2)])
@pytest.mark.parametrize("acceleration", [2, 3])
def test_grappa_fills_within_the_sampled_span(acceleration, top, bottom):
    truth, mask, _ = partial_fourier((128, 96), acceleration, top, bottom)
    filled = grappa(truth * mask, mask)
    lines = mask[:, 0].nonzero().flatten()
    span = slice(int(lines[0]), int(lines[-1]) + 1)
    error = (filled[:, span] - truth[:, span]).norm() / truth[:, span].norm()
    assert error < {2: 0.02, 3: 0.04}[acceleration]
    assert torch.equal(filled[:, mask[:, 0]], truth[:, mask[:, 0]])
    if top >= acceleration:
        assert not filled[:, : span.start].any() and filled[:, span].any(dim=(0, 2)).all()


@pytest.mark.parametrize("kernel_size", [(4, 5), (4, 4), (3, 5), (2, 2), (2, 3), (1, 1), (5, 6), (6, 1)])
def test_grappa_takes_any_kernel(kernel_size):
    truth, mask, _ = partial_fourier((96, 80), 2, 0, 0)
    filled = grappa(truth * mask, mask, kernel_size=kernel_size)
    error = (filled - truth).norm() / truth.norm()
    assert error < (0.2 if kernel_size == (1, 1) else 0.05)


def test_grappa_takes_masks_of_any_shape():
    truth, mask, _ = partial_fourier((96, 80), 3, 0, 0)
    expected = grappa(truth * mask, mask)
    for shaped in (mask[:, 0], mask.expand(96, 80), mask[None], mask.expand(8, 96, 80)):
        assert torch.equal(grappa(truth * mask, shaped), expected)


@pytest.mark.parametrize("unit", [1e-25, 1e18])
def test_grappa_takes_any_unit(unit):
    truth, mask, _ = partial_fourier((96, 80), 2, 0, 0)
    expected = grappa(truth.to(torch.complex64) * mask, mask)
    found = grappa(unit * truth.to(torch.complex64) * mask, mask) / unit
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_grappa_of_nothing_is_nothing():
    assert not grappa(torch.zeros(4, 60, 51, dtype=torch.complex64), equispaced_mask(60, 2, acs=20)).any()


def test_unfolding_takes_data_and_maps_of_two_precisions():
    kspace = SenseOperator(MAPS, equispaced_mask(60, 3, acs=0)).forward(IMAGE)
    for kept in (kspace.to(torch.complex64), kspace):
        found = sense_unfold(kept, MAPS.to(torch.complex64) if kept is kspace else MAPS, 3)
        assert torch.allclose(found, IMAGE, atol=1e-3)


def test_grappa_takes_an_acs_beside_the_centre():
    truth, mask, _ = partial_fourier((96, 80), 3, 0, 0)
    moved = (torch.arange(96) % 3 == 0)[:, None]
    moved[42:66] = True
    errors = [(grappa(truth * each, each) - truth).norm() / truth.norm() for each in (mask, moved)]
    assert errors[1] < 1.5 * errors[0]


def test_grappa_changes_nothing_where_nothing_is_missing():
    truth, _, _ = partial_fourier((96, 80), 2, 0, 0)
    everything = torch.ones(96, 1, dtype=torch.bool)
    assert torch.equal(grappa(truth, everything), truth)
    everything[:9] = False
    assert torch.equal(grappa(truth * everything, everything), truth * everything)


@pytest.mark.parametrize(("top", "bottom"), [(8, 8), (20, 0)])
def test_unfolding_leaves_empty_edges_empty(top, bottom):
    truth, mask, smaps = partial_fourier((128, 96), 2, top, bottom)
    kept = truth.clone()
    kept[:, :top] = 0
    kept[:, 128 - bottom :] = 0
    unfolded = sense_unfold(truth * mask, smaps, 2)
    complete = combine(ifft2c(kept), smaps)
    folded = sense_unfold(truth * equispaced_mask(128, 2, acs=0), smaps, 2)
    limit = (combine(ifft2c(truth), smaps) - folded).norm() / folded.norm()  # of the noise, without empty edges
    assert (unfolded - complete).norm() / complete.norm() < 2 * limit


LINES = torch.arange(60)[:, None]
ALIKE = torch.ones(4, *SHAPE, dtype=torch.complex128)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: sense_unfold(fft2c(MAPS * IMAGE), MAPS, 7), "do not divide by acceleration 7"),
        (lambda: g_factor(MAPS, 0), "do not divide"),
        (lambda: sense_unfold(fft2c(MAPS) * equispaced_mask(60, 4, acs=0), MAPS, 2), "no comb of every 2-th"),
        (lambda: g_factor(MAPS, 2, noise_covariance=torch.eye(3)), "expected \\(8, 8\\)"),
        (lambda: pseudo_replica(lambda n: n[:, 0], torch.ones(1, 1), (2, 4, 4), n_replicas=1), "at least 2"),
        (lambda: sense_unfold(0 * fft2c(MAPS), MAPS, 2), "kspace holds 0 lines"),
        (lambda: sense_unfold(fft2c(MAPS) * (LINES == 30), MAPS, 2), "kspace holds 1 line"),
        (lambda: sense_unfold(fft2c(MAPS)[:, :40], MAPS, 2), "maps have shape"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 4, acs=6)), "the ACS has"),
        (lambda: grappa(fft2c(MAPS), LINES < 0), "samples 0 of 60 lines"),
        (lambda: grappa(fft2c(MAPS), LINES == 30), "samples 1 of 60 lines"),
        (lambda: grappa(fft2c(MAPS), random_mask(60, 2, acs=20)), "expected an equispaced acquisition"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 3) & (LINES != 9)), "expected an equispaced acquisition"),
        (lambda: grappa(fft2c(MAPS), random_mask((60, 51), 3, acs=20)), "expected whole ky lines"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(51, 3, acs=20).mT), "swap the axes"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(64, 3, acs=20)), "expected whole ky lines"),
        (lambda: grappa(fft2c(MAPS)[0], equispaced_mask(60, 3, acs=20)), "expected complex \\(coils, ky, kx\\)"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 3), kernel_size=(0, 5)), "at least 1 line"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 3), kernel_size=(4, 52)), "1 to 51 points"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 3), kernel_size=3), "kernel_size is 3; expected"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 3), kernel_size=(2.5, 3)), "expected at least 1 line"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 3), reg_weight=-1), "reg_weight is -1; expected 0 or more"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 3), reg_weight=float("nan")), "expected 0 or more"),
        (lambda: sense_unfold(fft2c(ALIKE * IMAGE) * (LINES % 2 == 0), ALIKE, 2), "at least 2 coils that differ"),
        (lambda: g_factor(ALIKE, 2), "at least 2 coils that differ"),
    ],
)
def test_wrong_arguments_are_named(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(TypeError, match="mask != 0"):
        grappa(fft2c(MAPS), equispaced_mask(60, 3).int())
