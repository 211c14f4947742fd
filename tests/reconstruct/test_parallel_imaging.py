"""SENSE unfolding, its g-factor against pseudo-replicas, and GRAPPA."""

import pytest
import torch

from mricourse.physics.coils import rss
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask
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
        assert torch.allclose(sense_unfold(kspace, MAPS, acceleration), IMAGE, atol=1e-8)
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


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: sense_unfold(fft2c(MAPS * IMAGE), MAPS, 7), "do not divide by acceleration 7"),
        (lambda: g_factor(MAPS, 0), "do not divide"),
        (lambda: sense_unfold(fft2c(MAPS) * equispaced_mask(60, 4, acs=0), MAPS, 2), "no comb of every 2-th"),
        (lambda: g_factor(MAPS, 2, noise_covariance=torch.eye(3)), "expected \\(8, 8\\)"),
        (lambda: pseudo_replica(lambda n: n[:, 0], torch.ones(1, 1), (2, 4, 4), n_replicas=1), "at least 2"),
        (lambda: grappa(fft2c(MAPS), equispaced_mask(60, 4, acs=6)), "the ACS has"),
    ],
)
def test_wrong_arguments_are_named(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
