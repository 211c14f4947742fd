"""Echoes and the rate between them."""

import pytest
import torch

from mricourse.simulate.relaxometry import decay_rate, echo_slices

TE_MS = (15, 40, 90)
SMALL = {"te_ms": (20, 80), "shape": (40, 33)}


@pytest.mark.parametrize("te_ms", [TE_MS, TE_MS[:2], TE_MS[::-1]])
def test_the_rate_of_an_exponential_is_exact(te_ms):
    rate = torch.rand(3, 5, 7, dtype=torch.float64) * 20
    echoes = torch.stack([0.7 * torch.exp(-rate * te / 1000) for te in te_ms], dim=-3)
    torch.testing.assert_close(decay_rate(echoes, te_ms), rate)


def test_two_echoes_give_the_textbook_formula_and_gain_cancels():
    echoes = torch.rand(2, 6, 5) + 0.1
    expected = (echoes[0] / echoes[1]).log() / 0.06
    torch.testing.assert_close(decay_rate(echoes, (20, 80)), expected)
    torch.testing.assert_close(decay_rate(0.3 * echoes, (20, 80)), expected, atol=1e-4, rtol=1e-4)


def test_an_empty_pixel_has_rate_zero():
    assert decay_rate(torch.zeros(2, 3, 4), (20, 80)).eq(0).all()


def test_rates_are_those_of_tissues():
    echoes, rate = echo_slices("test", 2, **SMALL)
    assert echoes.shape == (2, 2, 40, 33) and rate.shape == (2, 40, 33)
    inside = rate > 0
    assert 0.3 < inside.float().mean() < 0.8 and (rate[inside] < 25).all()
    white = rate[inside & (rate > 11) & (rate < 14)]
    assert len(white) > 100, "white matter has 80 ms, 12.5 per second"
    torch.testing.assert_close(rate[inside], decay_rate(echoes, SMALL["te_ms"])[inside])
    assert (echoes[:, 0] >= echoes[:, 1]).all() and echoes.max() < 1


def test_noise_is_rician_and_leaves_the_truth_alone():
    echoes, rate = echo_slices("test", 1, noise_std=0.03, **SMALL)
    clean, true = echo_slices("test", 1, **SMALL)
    torch.testing.assert_close(rate, true)
    air = clean < 1e-3
    assert echoes[air].mean() == pytest.approx(0.03 * (torch.pi / 2) ** 0.5, rel=0.1)
    bright = clean > 0.4
    assert (echoes - clean)[bright].std() == pytest.approx(0.03, rel=0.15)


def test_draws_repeat_and_seeds_differ():
    first, again, other = (echo_slices("train", 2, noise_std=0.1, seed=seed, **SMALL)[0] for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"n": 0}, "n is 0"), ({"te_ms": (20,)}, "te_ms is"), ({"te_ms": (20, 20)}, "te_ms is"), ({"split": "x"}, "x")],
)
def test_bad_requests_are_refused(options, message):
    options = {"split": "test", "n": 1, **SMALL, **options}
    with pytest.raises(ValueError, match=message):
        echo_slices(options.pop("split"), options.pop("n"), **options)


def test_echoes_and_times_must_fit():
    with pytest.raises(ValueError, match=r"\(2, 4, 5\) for 3 echo times; expected \(..., 3, y, x\)"):
        decay_rate(torch.rand(2, 4, 5), TE_MS)
