"""Claims that a lesson has to keep."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from torch import Tensor

from mricourse.evaluation.statistics import finite_numbers, mean_interval


class ClaimFailed(AssertionError):
    """A sentence of a lesson that its own measurement does not support."""


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
    x = finite_numbers(value, "value")
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
