"""The fast scores are those of the plain reconstruction, and searches try what they say."""

import pytest
import torch

from mricourse import fft2c, random_complex
from mricourse.evaluation import MixtureBench, best_setting, grid_shares, log_scaled, psnr, random_search
from mricourse.physics import random_mask
from mricourse.reconstruct import mixture_of_heads, mixture_weights

NY, NX = 21, 18
LOW, HIGH = 1e-4, 1e2


@pytest.fixture(scope="module")
def pool():
    images = random_complex(14, NY, NX, seed=2).abs() + 0j
    mask = random_mask(NY, 3, acs=3, seed=1)
    kspace = torch.where(mask, fft2c(images) + 0.01 * random_complex(14, NY, NX, seed=3), 0)
    return images, kspace, mask


def complex_psnr(image, reference):
    error = (image - reference).abs().square().mean((-2, -1))
    return 10 * (reference.abs().amax((-2, -1)).square() / error).log10()


@pytest.mark.parametrize("sum_weight", [0.0, 0.3])
def test_bench_scores_the_plain_mixture(pool, sum_weight):
    images, kspace, mask = pool
    train, test = torch.tensor([0, 3, 5, 8, 9, 12, 13]), torch.tensor([1, 2, 10])
    options = {"reg_weight": 0.05, "sum_weight": sum_weight}
    plain, weights = mixture_of_heads(kspace[test], mask, images[train], **options)
    bench = MixtureBench(images, kspace, mask)
    torch.testing.assert_close(bench.psnr(train, test, **options), complex_psnr(plain, images[test]), rtol=1e-4, atol=0)
    mixed = torch.tensordot(weights, images[train], dims=1)
    without = bench.psnr(train, test, keep_data=False, **options)
    torch.testing.assert_close(without, complex_psnr(mixed, images[test]), rtol=1e-4, atol=0)


def test_bench_scores_the_zero_filled_images(pool):
    images, kspace, mask = pool
    zero_filled = mixture_of_heads(kspace, mask, images, reg_weight=1e9)[0]  # weights of zero
    scores = MixtureBench(images, kspace, mask).zero_filled_psnr(torch.arange(14))
    torch.testing.assert_close(scores, complex_psnr(zero_filled, images), rtol=1e-3, atol=0)


def test_weights_solve_the_penalised_problem(pool):
    """At the minimum no small change of the weights makes the objective smaller."""
    images, kspace, mask = pool
    seen = (mask * fft2c(images[:6])).flatten(1).to(torch.complex128)
    y = kspace[7].flatten().to(torch.complex128)
    scale = seen.abs().square().sum(1).mean()

    def objective(a):
        rule = 0.2 * scale * (a.sum() - 1).abs().square()
        return (a @ seen - y).abs().square().sum() + 0.1 * scale * a.abs().square().sum() + rule

    products = seen.conj() @ seen.mT
    answers = (seen.conj() @ y)[:, None]
    a = mixture_weights(products, answers, reg_weight=0.1, sum_weight=0.2)[:, 0]
    for seed in range(20):
        assert objective(a + 1e-3 * random_complex(6, seed=seed)) > objective(a)


def test_measured_samples_stay(pool):
    images, kspace, mask = pool
    mixed = mixture_of_heads(kspace[:2], mask, images[4:], reg_weight=0.1)[0]
    torch.testing.assert_close(mask * fft2c(mixed), kspace[:2], atol=1e-5, rtol=0)
    assert psnr(mixed, images[:2]).min() > 0


def test_what_does_not_fit_is_refused(pool):
    images, kspace, mask = pool
    with pytest.raises(ValueError, match="Flatten subjects"):
        mixture_of_heads(kspace[0], mask, images, reg_weight=0.1)
    with pytest.raises(ValueError, match="reg_weight is 0"):
        mixture_of_heads(kspace, mask, images, reg_weight=0)
    with pytest.raises(ValueError, match="Flatten subjects"):
        MixtureBench(images, kspace[:3], mask)


def test_grid_and_log_axis():
    grid = grid_shares(3, (0.5, 0.25))
    assert grid.shape == (9, 2) and len(grid[:, 0].unique()) == 3 and grid.min() >= 0 and grid.max() <= 1
    assert log_scaled(torch.tensor([0.0, 0.5, 1.0]), LOW, HIGH).tolist() == pytest.approx([1e-4, 0.1, 100])
    for wrong in ((0, 1), (2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="the lower one first"):
            log_scaled(torch.zeros(1), *wrong)
    with pytest.raises(ValueError, match="0..1"):
        grid_shares(3, (1.5, 0))


def test_a_search_keeps_its_budget_and_the_best():
    tried = []

    def score(first, second):
        tried.append((first, second))
        return -abs(first - 1)

    draws = torch.rand(11, 2, generator=torch.Generator().manual_seed(1))
    found = random_search(score, draws, LOW, HIGH)
    assert len(tried) == 11 and abs(found[0] - 1) == min(abs(first - 1) for first, _ in map(torch.tensor, tried))
    with pytest.raises(ValueError, match="one pair a trial"):
        best_setting(score, torch.zeros(3))


def test_log_axis_is_that_of_optuna():
    """Draws of optuna on the same axis have the same quartiles."""
    reason = "optuna is not installed: it is no dependency of the course, which has a random search of its own"
    optuna = pytest.importorskip("optuna", reason=reason)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    theirs = [study.ask().suggest_float("a", LOW, HIGH, log=True) for _ in range(2000)]
    ours = log_scaled(torch.rand(2000, generator=torch.Generator().manual_seed(1)), LOW, HIGH)
    quartiles = torch.tensor([0.25, 0.5, 0.75])
    apart = torch.tensor(theirs).log().quantile(quartiles) - ours.log().quantile(quartiles)
    assert apart.abs().max() < 0.7  # of 13.8, the length of the axis
