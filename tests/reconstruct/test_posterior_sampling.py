"""Samples of the posterior: on a Gaussian prior mean and spread are known, and there they have to come out."""

import math

import pytest
import torch

from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct import posterior_sampling
from mricourse.reconstruct.least_squares import regularised_solver
from mricourse.reconstruct.posterior_sampling import image_under, noise_ladder, posterior_samples
from mricourse.simulate.coils import simulate_coils

SHAPE = (24, 18)
NOISE = 0.05
N = 300  # samples; a variance is then known within 1 / sqrt(300) = 6 %, the mean of 100 of them within 1 %


def power():
    """The variance of each sample of k-space under the prior, per real part: large in the centre."""
    ky, kx = (torch.arange(n) - n // 2 for n in SHAPE)
    return (1 + (ky[:, None] ** 2 + kx**2) / 4) ** -1.5


def denoise(noisy, sigma):
    """The mean of the images under a noisy one: Wiener's filter."""
    return ifft2c(fft2c(noisy) * power() / (power() + sigma**2))


def scan():
    image = ifft2c(power().sqrt() * random_complex(*SHAPE, seed=1))
    A = SenseOperator(torch.ones(1, *SHAPE) + 0j, random_mask(SHAPE[0], 3, acs=4, seed=0))
    return A, A.mask * (fft2c(image)[None] + NOISE * random_complex(1, *SHAPE, seed=2))


@pytest.fixture(scope="module")
def drawn():
    A, y = scan()
    return fft2c(posterior_samples(denoise, A, y, noise_std=NOISE, n_samples=N, seed=1))


def test_on_a_gaussian_prior_the_spread_is_that_of_the_posterior(drawn):
    A, _ = scan()
    measured = A.mask.expand(SHAPE)
    exact = torch.where(measured, power() * NOISE**2 / (power() + NOISE**2), power())
    ratio = drawn.var(0, correction=1) / (2 * exact)
    assert ratio[~measured].mean() == pytest.approx(1, abs=0.05)
    assert 1.0 < ratio[measured].mean() < 1.25, "a fifth of the noise is the last level: a little too wide"


def test_on_a_gaussian_prior_the_mean_is_that_of_the_posterior(drawn):
    A, y = scan()
    measured = A.mask.expand(SHAPE)
    exact = A.mask * y[0] * power() / (power() + NOISE**2)
    off = (drawn.mean(0) - exact).abs()
    assert (off[~measured] / (2 * power()[~measured] / N).sqrt()).square().mean() == pytest.approx(1, abs=0.3)
    spread = (2 * power() * NOISE**2 / (power() + NOISE**2)).sqrt()
    assert (off / spread)[measured].square().mean().sqrt() < 0.25, "a few turns at each level leave a rest"


def test_several_coils_decide_more_and_the_samples_say_so():
    """With coils, where the posterior is a Gaussian again: its covariance from the matrix of the whole problem."""
    ny, nx = SHAPE
    smaps = simulate_coils(3, SHAPE)
    A = SenseOperator(smaps, random_mask(ny, 3, acs=4, seed=0))
    y = A.forward(ifft2c(power().sqrt() * random_complex(*SHAPE, seed=1)))
    y = y + A.mask * NOISE * random_complex(3, *SHAPE, seed=2)
    basis = torch.eye(ny * nx, dtype=torch.complex64).reshape(-1, ny, nx)
    precision = A.normal(basis).flatten(1).T / NOISE**2 + ifft2c(fft2c(basis) / power()).flatten(1).T
    exact = torch.linalg.inv(precision).diagonal().real  # per real part, of each pixel
    samples = posterior_samples(denoise, A, y, noise_std=NOISE, n_samples=200, seed=3).flatten(1)
    ratio = samples.var(0) / (2 * exact)
    assert ratio.mean() == pytest.approx(1, abs=0.12)
    mean = torch.linalg.solve(precision, A.adjoint(y).flatten() / NOISE**2)
    assert ((samples.mean(0) - mean).abs() / (2 * exact).sqrt()).square().mean().sqrt() < 0.25


def test_an_image_under_noise_has_the_right_variance():
    generator = torch.Generator().manual_seed(0)
    noisy = ifft2c((power() + 0.3**2).sqrt() * random_complex(400, *SHAPE, seed=4))
    found = fft2c(image_under(denoise, noisy, 0.3, generator, n_steps=8))
    assert (found.var(0) / (2 * power())).mean() == pytest.approx(1, abs=0.06)
    assert image_under(denoise, noisy, 0.3, generator, n_steps=1).equal(denoise(noisy, 0.3)), "one step: the mean"


def test_samples_agree_with_the_data_within_their_noise(drawn):
    A, y = scan()
    left = A.mask * (drawn[:, None] - y)
    per_part = (left.abs().square().sum() / (2 * N * int(A.mask.sum()) * SHAPE[1])).sqrt()
    assert 0.5 * NOISE < per_part < 1.5 * NOISE


def test_a_seed_names_the_samples_and_samples_differ():
    A, y = scan()
    options = {"noise_std": NOISE, "n_samples": 2, "n_levels": 4}
    one, again, other = (posterior_samples(denoise, A, y, seed=seed, **options) for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.allclose(one, other) and not torch.allclose(one[0], one[1])


def test_every_turn_can_be_traced():
    A, y = scan()
    turns = []
    options = {"noise_std": NOISE, "n_samples": 2, "n_levels": 4, "seed": 1}
    last = posterior_samples(denoise, A, y, **options, trace=lambda *turn: turns.append(turn))
    assert [rho for rho, _, _ in turns] == pytest.approx(noise_ladder(2.0, NOISE / 5, 4))
    assert torch.equal(turns[-1][2], last) and torch.equal(last, posterior_samples(denoise, A, y, **options))
    first = fft2c(turns[0][1])
    assert (A.mask * (first - y[0])).abs().max() < 6 * NOISE, "z agrees with the scan within its noise"
    assert (first * ~A.mask).abs().std() > 1, "and is noise where nothing was measured"


def test_a_ladder_falls_by_one_factor():
    levels = noise_ladder(2.0, 0.02, 5)
    assert levels[0] == 2 and levels[-1] == pytest.approx(0.02)
    assert all(b / a == pytest.approx(0.01**0.25) for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize(("most", "least", "n"), [(1, 2, 5), (1, 0, 5), (1, 0.1, 0), (math.inf, 1, 3)])
def test_a_ladder_that_does_not_fall_is_refused(most, least, n):
    with pytest.raises(ValueError, match="expected 0 < least <= most, and 1 level or more"):
        noise_ladder(most, least, n)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"noise_std": 0.0}, "expected noise above 0"),
        ({"noise_std": math.nan}, "expected noise above 0"),
        ({"n_samples": 0}, "1 or more of the others"),
        ({"n_steps": 0}, "1 or more of the others"),
        ({"noise_std": 20.0}, "expected 0 < least <= most"),
    ],
)
def test_numbers_out_of_range_are_refused(change, words):
    A, y = scan()
    with pytest.raises(ValueError, match=words):
        posterior_samples(denoise, A, y, **{"noise_std": NOISE, "n_samples": 2} | change)


def test_several_scans_at_once_are_refused():
    A, y = scan()
    with pytest.raises(ValueError, match="expected one scan, .*one after another"):
        posterior_samples(denoise, A, y[None], noise_std=NOISE, n_samples=2)


@pytest.mark.parametrize("lines", [True, False], ids=["direct", "cg"])
def test_the_solver_of_either_kind_solves(lines):
    mask = random_mask(SHAPE[0], 2, acs=4) if lines else random_mask(SHAPE[0], 2, acs=4).expand(SHAPE).clone()
    if not lines:
        mask[3, ::2] = ~mask[3, ::2]
    A = SenseOperator(simulate_coils(3, SHAPE), mask)
    right = random_complex(*SHAPE, seed=5)
    x = regularised_solver(A, 0.05)(right)
    assert (A.normal(x) + 0.05 * x - right).norm() < 1e-4 * right.norm()


def test_one_coil_of_magnitude_one_needs_no_solver(monkeypatch):
    """Its maps may have a phase; a coil that is brighter here than there goes the general way."""
    phase = torch.exp(1j * torch.linspace(-2, 2, SHAPE[1])).expand(1, *SHAPE)
    mask = random_mask(SHAPE[0], 3, acs=4, seed=0)
    kspace = mask * random_complex(1, *SHAPE, seed=6)
    options = {"noise_std": NOISE, "n_samples": 2, "n_levels": 4, "seed": 1}
    A = SenseOperator(phase, mask)
    quick = posterior_samples(denoise, A, kspace, **options)
    monkeypatch.setattr(posterior_sampling, "_keeps_data", lambda A: False)
    torch.testing.assert_close(posterior_samples(denoise, A, kspace, **options), quick, atol=1e-3, rtol=1e-3)
    monkeypatch.undo()
    assert posterior_sampling._keeps_data(A)
    shaded = SenseOperator(phase * torch.linspace(0.5, 1.5, SHAPE[1]), mask)
    assert not posterior_sampling._keeps_data(shaded)
    assert not posterior_sampling._keeps_data(SenseOperator(simulate_coils(3, SHAPE), mask))
