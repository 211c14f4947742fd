"""Figures of experiments on many people: groups side by side, who is on which side of a split, repeats, trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.panels import COLOURS, Panels, as_array, quiet, styled

MARKERS = "osD^v"
TRAIN_AND_TEST = ListedColormap(["#C9DDEA", COLOURS[1]])


@styled
def show_groups(values: Mapping[str, Mapping[str, Tensor]], *, ylabel: str) -> Axes:
    """Show the values of several kinds in several groups: a dot for each person, a bar at each mean.

    Parameters
    ----------
    values : dict {group: {kind: real Tensor (n,)}}
        Groups from left to right; each has the same kinds, in the same order.
    ylabel : str

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(8, 3.8))[1]
    scatter = np.random.default_rng(0)
    n_kinds = max(len(kinds) for kinds in values.values())
    said = []
    for place, (group, kinds) in enumerate(values.items()):
        for number, (kind, each) in enumerate(kinds.items()):
            each = as_array(each)
            x = place + 0.4 * (number - (n_kinds - 1) / 2)
            label = kind if place == 0 else None
            style = {"color": COLOURS[number], "markersize": 4, "alpha": 0.6, "label": label}
            axes.plot(x + scatter.uniform(-0.07, 0.07, len(each)), each, MARKERS[number], **style)
            axes.hlines(each.mean(), x - 0.12, x + 0.12, color="black", linewidth=2.5)
            axes.text(x + 0.13, each.mean(), f"{each.mean():.1f}", va="center", fontsize=10)
            said.append(f"{kind} in {group}: mean {each.mean():.1f}")
    axes.set(ylabel=ylabel, xticks=range(len(values)), xlim=(-0.5, len(values) - 0.4))
    axes.set_xticklabels(values)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=n_kinds)
    set_alt(axes, f"Dots for people, {ylabel}. " + "; ".join(said) + ".")
    return quiet(axes)


@styled
def show_sides(sides: Mapping[str, Tensor], n_slices: int) -> Panels:
    """Draw who is on which side of a split, a panel each: a row for each slice number, a column for each subject.

    Parameters
    ----------
    sides : dict {title: bool Tensor (subjects times slices,)}
        True where a slice is in the test set; subjects one after the other.
    n_slices : int
        Of each subject.

    Returns
    -------
    list of Axes
    """
    figure, cells = plt.subplots(len(sides), 1, figsize=(8, 1.5 * len(sides)), squeeze=False)
    axes = Panels()
    for cell, (title, side) in zip(cells[:, 0], sides.items(), strict=True):
        table = as_array(side).reshape(-1, n_slices).T.astype(float)
        cell.pcolormesh(table, cmap=TRAIN_AND_TEST, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
        cell.set(title=title, xticks=[], yticks=[], ylabel="slice", aspect="equal")
        axes.append(quiet(cell))
    axes[-1].set_xlabel("subject (a column each); orange: test, pale: training")
    set_alt(figure, f"Tables of slices by subjects, test slices orange: {'; '.join(sides)}.")
    return axes


@styled
def show_repeats(
    repeats: Mapping[str, Tensor], *, xlabel: str, line: float | None = None, line_label: str = ""
) -> Axes:
    """Show what an experiment gave when it was repeated: a row of dots for each kind, with mean and spread in numbers.

    Parameters
    ----------
    repeats : dict {kind: real Tensor (repeats,)}
        From top to bottom.
    xlabel : str
    line, line_label : float and str, optional
        A dashed line, and what it is.

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(8, 1.0 + 0.75 * len(repeats)))[1]
    scatter = np.random.default_rng(0)
    for row, each in enumerate(repeats.values()):
        each = as_array(each).astype(float)
        axes.plot(each, row + scatter.uniform(-0.25, 0.25, len(each)), ".", color=COLOURS[row % 7], alpha=0.5)
        axes.vlines(each.mean(), row - 0.36, row + 0.36, color="black", linewidth=2.5)
        digits = 0 if each.std() > 4 else 2
        words = f"{each.mean():.{digits}f} ± {each.std(ddof=1):.{digits}f}"
        axes.text(1.01, row, words, transform=axes.get_yaxis_transform(), va="center")
    if line is not None:
        axes.axvline(line, color="0.4", linestyle="--", linewidth=1.2, label=line_label or None)
    if line_label:
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    axes.set_yticks(range(len(repeats)), list(repeats))
    axes.text(1.01, 1.02, "mean ± SD", transform=axes.transAxes, va="bottom", fontsize=9)
    axes.set(xlabel=xlabel, ylim=(len(repeats) - 0.4, -0.6))
    axes.grid(axis="x", alpha=0.3)
    axes.figure.get_layout_engine().set(w_pad=0.12)  # inches; else the numbers end at the very edge
    return quiet(axes)


@styled
def show_trials(
    trials: Mapping[str, Tensor], x: Sequence[float], curve: Tensor, *, xlabel: str, ylabel: str, curve_label: str
) -> Panels:
    """Show where trials lie on two axes, and above them what the first axis is worth: a panel for each kind of search.

    Parameters
    ----------
    trials : dict {kind: real Tensor (n, 2)}
    x, curve : n numbers each
        The score along the first axis, drawn above. The second axis shows the same range of values.
    xlabel, ylabel, curve_label : str

    Returns
    -------
    list of Axes
    """
    shape = {"sharex": "col", "sharey": "row", "height_ratios": [1, 1.6], "squeeze": False}
    figure, cells = plt.subplots(2, len(trials), figsize=(4.4 * len(trials), 4.4), **shape)
    heights = as_array(curve)
    axes = Panels()
    for column, (kind, points) in enumerate(trials.items()):
        points = as_array(points)
        above, below = cells[:, column]
        above.plot(as_array(x), heights, color="0.4")
        seen = np.interp(np.log(points[:, 0]), np.log(as_array(x)), heights)
        above.plot(points[:, 0], seen, "o", color=COLOURS[column])
        n_values = len(np.unique(points[:, 0].round(12)))
        above.set(title=f"{kind}: {n_values} values of {xlabel}", ylabel=curve_label if column == 0 else "")
        below.plot(points[:, 0], points[:, 1], "o", color=COLOURS[column])
        below.set(xlabel=xlabel, ylabel=ylabel if column == 0 else "", xscale="log", yscale="log")
        below.set_ylim(below.get_xlim())
        for cell in (above, below):
            cell.grid(alpha=0.3)
            axes.append(quiet(cell))
    set_alt(figure, f"Trials of {' and of '.join(trials)} over {xlabel} and {ylabel}; above, {curve_label}.")
    return axes
