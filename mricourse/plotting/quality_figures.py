"""Figures of image quality: a part enlarged, one volume by many definitions, and which strength each score prefers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.panels import COLOURS, Panels, as_array, styled

__all__ = ["show_by_definition", "show_preferences"]

MARKERS = "osD^v"


@styled
def show_by_definition(scores: Mapping[str, Mapping[str, float]]) -> Panels:
    """Show one volume's scores by several definitions, a panel for each measure, a dot for each definition.

    Parameters
    ----------
    scores : dict {measure and unit: {definition: score}}

    Returns
    -------
    list of Axes
    """
    longest = max(len(each) for each in scores.values())
    figure, cells = plt.subplots(1, len(scores), figsize=(10, 1.2 + 0.36 * longest), squeeze=False)
    for cell, (measure, values) in zip(cells[0], scores.items(), strict=True):
        numbers = np.array(list(values.values()), dtype=float)
        places = np.arange(len(numbers))
        cell.hlines(places, numbers.min(), numbers, color=COLOURS[5], alpha=0.6, linewidth=2)
        cell.plot(numbers, places, "o", color=COLOURS[0])
        for place, number in zip(places, numbers, strict=True):
            cell.annotate(f"{number:.3g}", (number, place), (7, 0), textcoords="offset points", va="center", fontsize=9)
        cell.set_yticks(places, list(values))
        cell.set(xlabel=measure, ylim=(len(numbers) - 0.5, -0.5))
        cell.margins(x=0.18)
        cell.grid(axis="x", alpha=0.3)
    said = [
        f"{measure}: " + ", ".join(f"{name} {number:.3g}" for name, number in values.items())
        for measure, values in scores.items()
    ]
    set_alt(cells[0, 0], f"One volume, scored by several definitions. {'; '.join(said)}.")
    return Panels(cells[0])


@styled
def show_preferences(
    strengths: Sequence[float], panels: Mapping[str, Mapping[str, Tensor | Sequence[float]]], *, xlabel: str
) -> Panels:
    """Show scores over the strength of a method, a panel for each measure, and mark the best of each curve.

    Parameters
    ----------
    strengths : sequence of n numbers
    panels : dict {measure and unit: {curve: n numbers}}
        The largest of each curve is its best.
    xlabel : str

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        A curve of another length.
    """
    figure, cells = plt.subplots(1, len(panels), figsize=(10, 3.3), squeeze=False)
    at = as_array(strengths).astype(float)
    for cell, (measure, curves) in zip(cells[0], panels.items(), strict=True):
        for number, (name, values) in enumerate(curves.items()):
            y = as_array(values).astype(float)
            if y.shape != at.shape:
                raise ValueError(f"curve {name!r} has {len(y)} numbers for {len(at)} strengths; expected as many.")
            _mark_best(cell, at, y, name, number)
        cell.set(xlabel=xlabel, ylabel=measure)
        cell.margins(y=0.12)
        cell.grid(alpha=0.3)
        cell.legend(frameon=False, fontsize=9)
    return Panels(cells[0])


def _mark_best(cell: Axes, at: np.ndarray, y: np.ndarray, name: str, number: int) -> None:
    best = int(y.argmax())
    label = f"{name} (best: {at[best]:g})"
    cell.plot(at, y, color=COLOURS[number], marker=MARKERS[number % len(MARKERS)], markersize=4, label=label)
    cell.plot(at[best], y[best], "o", markersize=12, fillstyle="none", color=COLOURS[number], markeredgewidth=1.6)
