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


@styled
def show_gains(
    gains: Mapping[str, Tensor | Sequence[float]],
    *,
    single: Mapping[str, float | Sequence[float]] | None = None,
    unit: str = "dB",
    xlabel: str = "gain (dB)",
    single_label: str = "one case",
) -> Axes:
    """Show paired differences, a line for each: all values as dots, their mean as a bar with its 95 % interval.

    Parameters
    ----------
    gains : mapping {name: real Tensor (n,)}
        From top to bottom. Three values or fewer have no interval.
    single : mapping {name: number, or numbers}, optional
        Cases of another kind, a diamond each, on the line of that name.
    unit, xlabel : str
        Of the numbers beside the bars, and of the axis.
    single_label : str
        What a diamond is.

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
        _draw_gain(axes, row, as_array(values).astype(float), unit, "one slice" if row == 0 else None)
        cases = np.atleast_1d(as_array((single or {}).get(name, [])))
        label = single_label if name == next(iter(single or {}), None) else None
        axes.plot(cases, np.full(len(cases), row + 0.3), "D", color=COLOURS[1], markersize=5, label=label)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(gains)), list(gains))
    axes.set(xlabel=xlabel, ylim=(len(gains) - 0.4, -0.6))
    axes.grid(axis="x", alpha=0.3)
    if single:
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return quiet(axes)


def _draw_gain(axes: Axes, row: int, values: np.ndarray, unit: str, label: str | None) -> None:
    """One line: bar, interval, dots, and the mean in numbers at the right edge."""
    mean = values.mean()
    axes.barh(row, mean, height=0.42, color=COLOURS[5], alpha=0.6)
    axes.plot(values, np.full(len(values), row), ".", color="0.35", markersize=4, label=label)
    interval = mean_interval(torch.from_numpy(values)) if len(values) > 3 else None
    if interval is not None:
        reach = [[mean - interval.low], [interval.high - mean]]
        axes.errorbar(mean, row, xerr=reach, color="black", linewidth=1.6, capsize=3)
    axes.text(1.01, row, f"{mean:+.2f} {unit}", transform=axes.get_yaxis_transform(), va="center")
