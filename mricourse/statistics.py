"""Intervals for measured differences, and claims that a lesson has to keep."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.special import stdtrit
from torch import Tensor

__all__ = ["ClaimFailed", "Interval", "bootstrap_interval", "claim", "mean_interval", "t_interval"]

FEWEST_FOR_INTERVAL = 4  # with three values or fewer the values themselves say more
FEWEST_FOR_BOOTSTRAP = 10  # of five values a percentile bootstrap covers the mean in 82 % instead of 95 %


class ClaimFailed(AssertionError):
    """A sentence of a lesson that its own measurement does not support."""


@dataclass(frozen=True)
class Interval:
    """Where the mean of the population probably lies, `low` to `high`; `kind` is ``"t"`` or ``"bootstrap"``."""

    low: float
    high: float
    kind: str


def mean_interval(samples: Tensor, *, level: float = 0.95) -> Interval | None:
    """Interval of the mean that suits the number of samples.

    Three samples or fewer have none: print them all instead. Four to nine get a `t_interval`, ten or more a
    `bootstrap_interval`. It speaks of whatever the samples were drawn from: slices of one head say nothing of heads.

    Parameters
    ----------
    samples : real Tensor, shape (n,)
        One value per independent unit, n >= 2, any unit.
    level : float
        How often such an interval should hold the mean, between 0 and 1.

    Raises
    ------
    ValueError
        As `t_interval`.
    """
    x = _samples(samples, level)
    if len(x) < FEWEST_FOR_INTERVAL:
        return None
    if len(x) < FEWEST_FOR_BOOTSTRAP:
        return Interval(*t_interval(x, level=level), "t")
    return Interval(*bootstrap_interval(x, level=level), "bootstrap")


def t_interval(samples: Tensor, *, level: float = 0.95) -> tuple[float, float]:
    r"""Student's interval of the mean, $\bar x \pm t_{n-1}\, s / \sqrt n$.

    It holds the mean of a normal population as often as `level` says, for every n. Of five samples with the
    skewness of an exponential distribution a 95 % interval holds it in 88 %.

    Parameters
    ----------
    samples : real Tensor, shape (n,)
        One value per independent unit, n >= 2, any unit.
    level : float
        How often the interval should hold the mean, between 0 and 1.

    Returns
    -------
    (low, high) : tuple of float
        In the unit of the samples.

    Raises
    ------
    ValueError
        If fewer than two samples are given, one is NaN or infinite, they are not 1-D, or `level` is out of range.

    Source: Student, Biometrika 1908.
    """
    x = _samples(samples, level)
    mean = float(x.mean())
    quantile = float(stdtrit(len(x) - 1, (1 + level) / 2))
    half = quantile * float(x.std()) / math.sqrt(len(x))
    return mean - half, mean + half


def bootstrap_interval(
    samples: Tensor, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean.

    The samples are drawn again with replacement `n_resamples` times; the interval holds the
    central `level` of the means. It is too narrow for few samples: at 95 %, intervals of 20 hold
    the mean in 92 %, of 5 in 82 %, so `mean_interval` uses it from ten on. Samples must be
    independent: several slices of one head are not, so average over each subject first where
    the claim is about subjects.

    Parameters
    ----------
    samples : real Tensor, shape (n,)
        One value per independent unit, n >= 2, any unit.
    level : float
        Share of the means inside the interval, between 0 and 1.
    n_resamples : int
        Number of bootstrap draws.
    seed : int
        Seed of the draws; the global random state is left alone.

    Returns
    -------
    (low, high) : tuple of float
        In the unit of the samples.

    Raises
    ------
    ValueError
        If fewer than two samples are given, one is NaN or infinite, they are not 1-D, or
        `level` or `n_resamples` is out of range.

    Source: Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13.
    """
    x = _samples(samples, level)
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}; expected at least one. The usual choice is 2000.")
    generator = torch.Generator().manual_seed(seed)
    draws = (torch.randint(len(x), x.shape, generator=generator) for _ in range(n_resamples))
    means = torch.stack([x[draw].mean() for draw in draws])
    tail = (1 - level) / 2
    low, high = torch.quantile(means, torch.tensor([tail, 1 - tail], dtype=x.dtype)).tolist()
    return low, high


def claim(
    sentence: str,
    value: float | Tensor,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    unit: str = "",
    samples: str = "slices of one head",
) -> None:
    """Print a sentence with the number measured for it, and raise if the number denies it.

    Samples (usually paired differences) are reported as mean with a 95 % `mean_interval`, and its unfavourable end is
    compared: the lower one with `at_least`, the upper one with `at_most`. Three samples or fewer have no interval: all
    are printed, and each has to keep to the bounds. A plain number is compared as it is. Where the environment variable
    ``MRICOURSE_CLAIMS`` names a file, one line of JSON is appended to it.

    Parameters
    ----------
    sentence : str
        What is claimed, without the number.
    value : float, or real Tensor of shape () or (n,)
        The measurement, in `unit`.
    at_least, at_most : float, optional
        The bounds, in `unit`; one of them or both. Choose them before looking.
    unit : str
        Printed after the numbers.
    samples : str
        What the samples are, in the plural, and what they have in common: the claim holds for more of these.

    Raises
    ------
    ClaimFailed
        If the measurement does not keep to a bound (an `AssertionError`).
    ValueError
        If no bound is given, the bounds contradict each other, or the value is NaN, infinite,
        empty or not of shape () or (n,).
    """
    _check_bounds(at_least, at_most)
    x = _real(value, "value")
    bounds = (at_least, at_most)
    mean = x.mean().item()
    interval = None if x.ndim == 0 else mean_interval(x)
    low = x.min().item() if interval is None else interval.low
    high = x.max().item() if interval is None else interval.high
    if x.ndim == 0:
        measured = _with_unit(readable(mean, bounds), unit)
    elif interval is None:
        each = ", ".join(readable(number, bounds) for number in x.tolist())
        measured = f"{_with_unit(readable(mean, bounds), unit)} ({each}), each of {len(x)} {samples}"
    else:
        measured = f"{_measured(mean, low, high, unit, bounds=bounds)}, {interval.kind} over {len(x)} {samples}"
    passed = (at_least is None or low >= at_least) and (at_most is None or high <= at_most)
    _record(
        sentence=sentence, value=mean, low=low, high=high, n=x.numel(),
        interval=interval and interval.kind, values=x.tolist() if x.ndim and interval is None else None,
        samples=samples if x.ndim else None,
        at_least=at_least, at_most=at_most, unit=unit, passed=passed,
    )  # fmt: skip
    line = f"{sentence}: {measured} (claimed: {bounds_text(at_least, at_most, unit)})"
    print(f"{'✔' if passed else '✘'} {line}")
    if not passed:
        raise ClaimFailed(f"not supported by the measurement: {line}")


def _samples(samples: Tensor, level: float) -> Tensor:
    """Two finite numbers or more, in double precision."""
    x = _real(samples, "samples")
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(
            f"samples have shape {tuple(x.shape)}; expected (n,) with n of at least 2. "
            "Average over pixels first; a single number has no interval."
        )
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a level between 0 and 1. The usual choice is 0.95.")
    return x


def _real(value: float | Tensor, name: str) -> Tensor:
    """Finite real numbers in double precision on the CPU."""
    x = torch.as_tensor(value).detach().cpu()
    if x.is_complex():
        raise TypeError(f"{name} is complex; expected real numbers. Take .abs() first.")
    if x.numel() == 0 or x.ndim > 1:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected one number or a 1-D list of them. "
            "Average over the other axes first."
        )
    n_bad = int((~torch.isfinite(x)).sum())
    if n_bad:
        raise ValueError(
            f"{name} holds {n_bad} NaN or infinite numbers of {x.numel()}; expected finite "
            "ones. Find out where they come from before claiming anything."
        )
    return x.double()


def _check_bounds(at_least: float | None, at_most: float | None) -> None:
    if at_least is None and at_most is None:
        raise ValueError("no bound came with the claim; expected at_least, at_most or both.")
    for bound in (at_least, at_most):
        if bound is not None and not math.isfinite(bound):
            raise ValueError(f"a bound is {bound}; expected a finite number.")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise ValueError(f"at_least={at_least} is above at_most={at_most}; no value lies between. Swap them.")


def _record(**entry: object) -> None:
    path = os.environ.get("MRICOURSE_CLAIMS")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def readable(value: float, bounds: tuple[float | None, float | None]) -> str:
    """Three digits, whole numbers in full, a power of ten where zeros would hide the digits."""
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    if not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{_honest(decimals, (value, value), bounds)}f}"


def _measured(mean: float, low: float, high: float, unit: str, *, bounds: tuple[float | None, float | None]) -> str:
    """`+1.8 dB [1.5, 2.1]`, to the digit that the interval supports."""
    half = (high - low) / 2 or abs(mean) / 100 or 1.0
    decimals = -math.floor(math.log10(half))
    if decimals > 4 or half >= 1e6:
        largest = max(abs(low), abs(high), half)
        style = f".{max(1, math.floor(math.log10(largest)) + decimals)}e"
    else:
        style = f",.{_honest(max(0, decimals), (low, high), bounds)}f"
    return f"{_with_unit(f'{mean:+{style}}', unit)} [{low:{style}}, {high:{style}}]"


def _honest(decimals: int, ends: tuple[float, float], bounds: tuple[float | None, float | None]) -> int:
    """More decimals where rounding would move an end onto or across its bound."""

    def side(number: float, bound: float) -> int:
        return (number > bound) - (number < bound)

    def agrees(n_decimals: int) -> bool:
        return all(
            bound is None or side(round(end, n_decimals), bound) == side(end, bound)
            for end, bound in zip(ends, bounds, strict=True)
        )

    return next((n for n in range(decimals, decimals + 4) if agrees(n)), decimals + 4)


def bounds_text(at_least: float | None, at_most: float | None, unit: str) -> str:
    """`at least 0.5 dB`, `at most 1` or `1.23 to 1.28`."""
    if at_most is None:
        return f"at least {_with_unit(typed(at_least), unit)}"
    if at_least is None:
        return f"at most {_with_unit(typed(at_most), unit)}"
    return f"{typed(at_least)} to {_with_unit(typed(at_most), unit)}"


def typed(bound: float) -> str:
    """The bound as it was typed: 0.5, 1e-06, 61706; three digits of one that a formula gave, 0.0333 for 1/30."""
    if bound == int(bound):
        return f"{int(bound):,}"
    text = f"{float(bound):.5g}"
    return text if float(text) == bound else f"{float(bound):.3g}"


def _with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}".rstrip()
