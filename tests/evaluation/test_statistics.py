"""Intervals of a mean, and claims."""

import json

import numpy as np
import pytest
import torch
from scipy import stats

from mricourse.evaluation.claims import ClaimFailed, claim
from mricourse.evaluation.statistics import (
    bootstrap_by_subject,
    bootstrap_interval,
    mean_interval,
    subject_means,
    t_interval,
)

GAIN = 1.8 + 0.7 * torch.randn(24, generator=torch.Generator().manual_seed(0))


def test_interval_equals_scipys_percentile_bootstrap():
    low, high = bootstrap_interval(GAIN, n_resamples=20_000)
    other = stats.bootstrap(
        (GAIN.double().numpy(),), np.mean, method="percentile", n_resamples=20_000, rng=0
    ).confidence_interval
    assert low == pytest.approx(other.low, abs=0.01)
    assert high == pytest.approx(other.high, abs=0.01)


def test_interval_covers_the_true_mean_about_as_often_as_it_says():
    generator = torch.Generator().manual_seed(1)
    hits = 0
    for _ in range(200):
        low, high = bootstrap_interval(torch.randn(40, generator=generator), n_resamples=300)
        hits += low <= 0 <= high
    assert 0.88 < hits / 200 < 0.99


def skewed(n_draws, n, generator):
    """Exponential draws with mean zero: as skewed as differences of few slices may be, (n_draws, n)."""
    return torch.empty(n_draws, n, dtype=torch.float64).exponential_(generator=generator) - 1


@pytest.mark.parametrize("n", [2, 5, 9])
def test_t_interval_equals_scipys(n):
    x = GAIN[:n].double()
    low, high = t_interval(x, level=0.9)
    other = stats.ttest_1samp(x.numpy(), 0).confidence_interval(0.9)
    assert (low, high) == pytest.approx((other.low, other.high), rel=1e-9)


def test_intervals_of_five_values_hold_the_mean_about_as_often_as_they_say():
    """Where the bootstrap, at 82 %, does not."""
    generator = torch.Generator().manual_seed(1)
    normal = torch.randn(4000, 5, dtype=torch.float64, generator=generator)
    draws = {"normal": normal, "skewed": skewed(4000, 5, generator)}
    held = {name: np.mean([i.low <= 0 <= i.high for i in map(mean_interval, x)]) for name, x in draws.items()}
    assert held["normal"] == pytest.approx(0.95, abs=0.012)  # 3.5 standard errors
    assert 0.865 < held["skewed"] < 0.96
    narrow = [bootstrap_interval(x, n_resamples=300) for x in normal[:400]]
    assert np.mean([low <= 0 <= high for low, high in narrow]) < 0.88


def test_the_interval_suits_the_number_of_samples():
    assert mean_interval(GAIN[:3]) is None
    for n in (4, 9):
        found = mean_interval(GAIN[:n])
        assert ((found.low, found.high), found.kind) == (t_interval(GAIN[:n]), "t")
    found = mean_interval(GAIN[:10])
    assert ((found.low, found.high), found.kind) == (bootstrap_interval(GAIN[:10]), "bootstrap")


def test_three_values_are_printed_and_each_has_to_keep_to_the_bound(capsys):
    x = torch.tensor([0.5, 0.25, 0.75])
    claim("gain", x, at_least=0.2, unit="dB", samples="seeds")
    assert capsys.readouterr().out == (
        "✔ gain: 0.500 dB (0.500, 0.250, 0.750), each of 3 seeds (claimed: at least 0.2 dB)\n"
    )
    with pytest.raises(ClaimFailed):
        claim("gain", x, at_least=0.3)  # below the mean less two standard errors is not enough


def test_few_values_get_a_t_interval_that_says_so(capsys):
    claim("gain", GAIN[:5], at_least=0, samples="heads")
    low, high = t_interval(GAIN[:5])
    assert f"[{low:.1f}, {high:.1f}], t over 5 heads" in capsys.readouterr().out


def test_interval_repeats_with_its_seed_and_leaves_the_global_state_alone():
    state = torch.get_rng_state()
    assert bootstrap_interval(GAIN) == bootstrap_interval(GAIN)
    assert bootstrap_interval(GAIN) != bootstrap_interval(GAIN, seed=1)
    assert torch.equal(state, torch.get_rng_state())


def test_claim_prints_the_sentence_of_the_style_guide(capsys):
    claim("MoDL beats the tuned wavelet on a head it never saw", GAIN, at_least=0.5, unit="dB")
    assert capsys.readouterr().out == (
        "✔ MoDL beats the tuned wavelet on a head it never saw: +1.8 dB [1.5, 2.1], "
        "bootstrap over 24 slices of one head (claimed: at least 0.5 dB)\n"
    )


def test_claim_compares_the_unfavourable_end(capsys):
    low, high = bootstrap_interval(GAIN)
    claim("gain", GAIN, at_least=low, at_most=high)
    with pytest.raises(ClaimFailed, match="not supported by the measurement: gain"):
        claim("gain", GAIN, at_least=(low + 1.8) / 2)
    with pytest.raises(AssertionError):
        claim("gain", GAIN, at_most=(high + 1.8) / 2)
    assert "✘ gain: +1.8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "bounds", "text"),
    [
        (3.123e-7, {"at_most": 1e-5}, "3.12e-07 (claimed: at most 1e-05)"),
        (0.05, {"at_least": 1 / 30, "at_most": 0.12345}, "0.0500 (claimed: 0.0333 to 0.12345)"),
        (61706, {"at_least": 61706, "at_most": 61706}, "61,706 (claimed: 61,706 to 61,706)"),
        (93.2123, {"at_least": 90}, "93.2 (claimed: at least 90)"),
        (2.004, {"at_most": 2.01}, "2.00 (claimed: at most 2.01)"),
        (1.9996, {"at_most": 2}, "1.9996 (claimed: at most 2)"),
        (0.0, {"at_most": 1}, "0 (claimed: at most 1)"),
        (1.2345e12, {"at_least": 1}, "1.23e+12 (claimed: at least 1)"),
        (np.float32(0.5), {"at_least": 0.5}, "0.500 (claimed: at least 0.5)"),
        (torch.tensor(31.25), {"at_least": 31}, "31.2 (claimed: at least 31)"),
        (1.8e-8 * GAIN, {"at_most": 1}, "+3.3e-08 [2.7e-08, 3.7e-08], bootstrap over 24 slices of one head"),
        (1e8 * GAIN, {"at_least": 1}, "+1.8e+08 [1.5e+08, 2.1e+08], bootstrap over 24 slices of one head"),
        (np.ones(5), {"at_least": 1}, "+1.00 [1.00, 1.00], t over 5 slices of one head (claimed: at least 1)"),
        (-GAIN, {"at_most": 0}, "-1.8 [-2.1, -1.5], bootstrap over 24 slices of one head (claimed: at most 0)"),
    ],
)
def test_numbers_are_printed_readably(capsys, value, bounds, text):
    claim("it", value, **bounds)
    assert text in capsys.readouterr().out


def test_rounding_never_contradicts_the_verdict(capsys):
    with pytest.raises(ClaimFailed, match=r"it: 2\.004 \(claimed: at most 2\)"):
        claim("it", 2.004, at_most=2)
    low, _ = bootstrap_interval(GAIN)
    with pytest.raises(ClaimFailed, match=r"\[1\.496, .*claimed: at least 1\.5\)"):
        claim("it", GAIN.double() - low + 1.496, at_least=1.5)


def test_samples_can_be_named(capsys):
    claim("it", GAIN, at_least=0, samples="subjects")
    assert "24 subjects" in capsys.readouterr().out


def test_claims_are_appended_to_the_file_that_the_environment_names(tmp_path, monkeypatch):
    path = tmp_path / "claims.jsonl"
    monkeypatch.setenv("MRICOURSE_CLAIMS", str(path))
    claim("the gain is é", GAIN, at_least=0.5, unit="dB")
    with pytest.raises(ClaimFailed):
        claim("that fails", 1, at_most=0)
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    low, high = bootstrap_interval(GAIN)
    assert first == {
        "sentence": "the gain is é", "value": pytest.approx(GAIN.mean().item()),
        "low": low, "high": high, "n": 24,
        "interval": "bootstrap", "values": None, "samples": "slices of one head", "at_least": 0.5, "at_most": None,
        "unit": "dB", "passed": True,
    }  # fmt: skip
    assert (second["passed"], second["value"], second["n"]) == (False, 1.0, 1)


@pytest.mark.parametrize(
    ("value", "bounds", "error", "match"),
    [
        (GAIN, {}, ValueError, "no bound"),
        (GAIN, {"at_least": 2, "at_most": 1}, ValueError, "Swap"),
        (GAIN, {"at_least": float("nan")}, ValueError, "finite"),
        (float("nan"), {"at_least": 0}, ValueError, "1 NaN or infinite"),
        (float("inf"), {"at_least": 0}, ValueError, "NaN or infinite"),
        (torch.full((3,), torch.nan), {"at_least": 0}, ValueError, "3 NaN or infinite"),
        (torch.tensor([]), {"at_least": 0}, ValueError, r"shape \(0,\)"),
        (GAIN[:1], {"at_least": 0}, ValueError, "at least 2"),
        (GAIN.reshape(4, 6), {"at_least": 0}, ValueError, r"shape \(4, 6\)"),
        (torch.tensor(1j), {"at_least": 0}, TypeError, "complex"),
    ],
)
def test_bad_claims_are_refused_in_one_sentence(value, bounds, error, match):
    with pytest.raises(error, match=match):
        claim("it", value, **bounds)


@pytest.mark.parametrize("level", [1.0, 0, float("nan")])
@pytest.mark.parametrize("interval", [bootstrap_interval, t_interval, mean_interval])
def test_impossible_levels_are_refused(interval, level):
    with pytest.raises(ValueError, match="expected a level between 0 and 1"):
        interval(GAIN[:4], level=level)


def test_no_resamples_are_refused():
    with pytest.raises(ValueError, match="n_resamples is 0; expected at least one"):
        bootstrap_interval(GAIN, n_resamples=0)


def test_subject_means_in_the_order_of_the_subjects():
    values = torch.tensor([1.0, 4.0, 3.0, 10.0])
    assert subject_means(values, [7, 2, 7, 2]).tolist() == [7.0, 2.0]
    with pytest.raises(ValueError, match="the subject of each value"):
        subject_means(values, [1, 2])


def test_bootstrap_by_subject_is_that_of_the_means():
    generator = torch.Generator().manual_seed(1)
    means = torch.randn(15, generator=generator).double()
    copies = means.repeat_interleave(4)
    subjects = torch.arange(15).repeat_interleave(4)
    whole = bootstrap_by_subject(copies, subjects)
    assert whole == bootstrap_interval(means)
    low, high = bootstrap_interval(copies)
    assert high - low < 0.6 * (whole[1] - whole[0])  # 60 copies look like 60 people


def test_bootstrap_by_subject_against_scipy():
    generator = torch.Generator().manual_seed(2)
    person = torch.randn(30, generator=generator)
    values = (person[:, None] + 0.3 * torch.randn(30, 5, generator=generator)).flatten()
    ours = bootstrap_by_subject(values, torch.arange(30).repeat_interleave(5), n_resamples=4000)
    means = values.view(30, 5).mean(1).numpy()
    theirs = stats.bootstrap((means,), np.mean, n_resamples=4000, method="percentile", rng=1)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.03)
