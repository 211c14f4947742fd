"""What each part of a network is worth: differences as bars with their intervals, and every single value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.evaluation.statistics import mean_interval
from mricourse.plotting.panels import COLOURS, as_array, quiet, styled

MARKERS = ("D", "^", "s")  # of single cases, in the order of their labels


@styled
def show_gains(
    gains: Mapping[str, Tensor | Sequence[float]],
    *,
    single: Mapping[str, float | Sequence[float]] | None = None,
    unit: str = "dB",
    xlabel: str = "gain (dB)",
    single_label: str | Sequence[str] = "one case",
    form: str = "+.2f",
) -> Axes:
    """Show paired differences, a line for each: all values as dots, their mean as a bar with its 95 % interval.

    Parameters
    ----------
    gains : mapping {name: real Tensor (n,)}
        From top to bottom. Three values or fewer have no interval.
    single : mapping {name: number, or numbers}, optional
        Cases of another kind, a diamond each, below the line of that name.
    unit, xlabel : str
        Of the numbers beside the bars, and of the axis.
    single_label : str, or one for each number of a line
        What a diamond is. Where each number has a label, each has a marker of its own.
    form : str
        Of the numbers beside the bars: sign and decimals.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        No differences, or a single case under a name that has none.
    """
    strangers = set(single or {}) - set(gains)
    if not gains or strangers:
        raise ValueError(
            f"got {len(gains)} gains and single cases of {sorted(strangers)}; expected names of the gains."
        )
    axes = plt.subplots(figsize=(7.6, 0.8 + 0.52 * len(gains)))[1]
    for row, (name, values) in enumerate(gains.items()):
        _draw_gain(axes, row, as_array(values).astype(float), (form, unit), "one slice" if row == 0 else None)
        if name in (single or {}):
            _draw_cases(axes, row, single[name], single_label, named=name == next(iter(single)))
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(gains)), list(gains))
    axes.set(xlabel=xlabel, ylim=(len(gains) - 0.4, -0.6))
    axes.grid(axis="x", alpha=0.3)
    if single:
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(MARKERS))
    return quiet(axes)


def _draw_cases(axes: Axes, row: int, values: float | Sequence[float], label: str | Sequence[str], named: bool) -> None:
    """Cases of another kind, below a line: diamonds with one label, or a marker for each label."""
    cases = np.atleast_1d(as_array(values))
    groups = [(label, cases)] if isinstance(label, str) else list(zip(label, cases, strict=True))
    for marker, (words, case) in zip(MARKERS, groups, strict=False):
        case = np.atleast_1d(case)
        style = {"color": COLOURS[1], "markersize": 5, "label": words if named else None}
        axes.plot(case, np.full(len(case), row + 0.3), marker, **style)


def _draw_gain(axes: Axes, row: int, values: np.ndarray, number: tuple[str, str], label: str | None) -> None:
    """One line: bar, interval, dots, and the mean in numbers at the right edge."""
    mean = values.mean()
    axes.barh(row, mean, height=0.42, color=COLOURS[5], alpha=0.6)
    axes.plot(values, row + _apart(values), ".", color="0.35", markersize=4, label=label)
    interval = mean_interval(torch.from_numpy(values)) if len(values) > 3 else None
    if interval is not None:
        reach = [[mean - interval.low], [interval.high - mean]]
        axes.errorbar(mean, row, xerr=reach, color="black", linewidth=1.6, capsize=3)
    form, unit = number
    axes.text(1.01, row, f"{mean:{form}} {unit}", transform=axes.get_yaxis_transform(), va="center")


def _apart(values: np.ndarray) -> np.ndarray:
    """How far dots of the same value are moved apart, so that none hides another: (n,) -> (n,), in rows."""
    step = 0.09
    moves = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        moves[same] = step * (np.arange(len(same)) - (len(same) - 1) / 2)
    return moves
