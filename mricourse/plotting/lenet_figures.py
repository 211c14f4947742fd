"""Figures of networks that classify and of the blocks after them: maps layer by layer, hands, budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, as_array, quiet, styled, top

MOST_MAPS = 16
_WIDTH_IN = 10.0
_NAMES_IN = 0.24
_FEWEST = 4  # columns, so that the name of a row has room


@styled
def show_strips(
    rows: Mapping[str, Tensor], *, window: tuple[float, float] | None = None, columns: Sequence[str] | None = None
) -> Panels:
    """Show many small pictures, a row for each entry, with its name above it.

    Parameters
    ----------
    rows : dict {name: real or complex Tensor (n, y, x)}
        The first 16 of each; complex ones by magnitude. Sizes may differ from row to row: the panels do not.
    window : (low, high), optional
        Grey scale of all rows; by default each row has its own, from its least value to what 99.5 % stay below.
    columns : sequence of str, optional
        Titles of the pictures, in the order in which they are drawn.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        If there is no row, or one that is no stack of pictures.
    """
    if not rows:
        raise ValueError("no row came; expected a dict {name: Tensor (n, y, x)}.")
    stacks = {name: _stack(name, maps) for name, maps in rows.items()}
    n_columns = max(max(len(maps) for maps in stacks.values()), _FEWEST)
    side = _WIDTH_IN / max(n_columns, 6)  # a few pictures make a narrow figure, not large pictures
    heights = [side * min(maps.shape[1] / maps.shape[2], 2) + 2 * _NAMES_IN for maps in stacks.values()]
    figure = plt.figure(figsize=(side * n_columns, sum(heights)))
    strips = figure.subfigures(len(stacks), 1, height_ratios=heights, squeeze=False)[:, 0]
    axes = Panels()
    for strip, (name, maps) in zip(strips, stacks.items(), strict=True):
        strip.suptitle(name, x=0.005, ha="left", fontsize=11)
        low, high = window or _own_window(maps)
        cells = strip.subplots(1, n_columns, squeeze=False)[0]
        for cell in cells:
            cell.set_axis_off()
        for cell, picture in zip(cells, maps, strict=False):
            cell.imshow(picture, cmap="gray", vmin=low, vmax=high)
            axes.append(cell)
    for cell, title in zip(axes, columns or (), strict=False):
        cell.set_title(title, fontsize=10)
    rows_in_words = "; ".join(f"{name} ({len(maps)} pictures)" for name, maps in stacks.items())
    set_alt(figure, f"Rows of small pictures: {rows_in_words}.")
    return axes


def _own_window(maps: np.ndarray) -> tuple[float, float]:
    least = float(maps.min())
    return least, least + top([maps - least], share=BRIGHT)


def _stack(name: str, maps: Tensor) -> np.ndarray:
    values = as_array(maps)
    if values.ndim != 3 or not values.size:
        raise ValueError(f"row {name!r} has shape {values.shape}; expected (n, y, x), a stack of pictures.")
    return (np.abs(values) if np.iscomplexobj(values) else values)[:MOST_MAPS].astype(float)


@styled
def show_hands(percent: Mapping[str, Tensor]) -> Axes:
    """Show what was read of each form, a column for each, a marker for each way of testing.

    Parameters
    ----------
    percent : dict {way: Tensor (forms,)}
        Percent of the digits of each form that were read rightly.

    Returns
    -------
    Axes
    """
    values = {name: as_array(each) for name, each in percent.items()}
    every = np.stack(list(values.values()))
    axes = plt.subplots(figsize=(8, 3.6))[1]
    places = np.arange(every.shape[1])
    axes.vlines(places, every.min(axis=0), every.max(axis=0), color="0.75", linewidth=2)
    for index, (name, each) in enumerate(values.items()):
        label = f"{name}: {each.mean():.1f} % on average"
        axes.plot(places, each, "os^D"[index % 4], color=COLOURS[index], markersize=7, label=label)
    axes.set(xlabel="form (one hand each)", ylabel="read rightly (%)", xticks=places, ylim=(None, 101))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return quiet(axes)


@styled
def show_connections(connections: Sequence[Sequence[int]], n_sources: int) -> Axes:
    """Draw a table of connections: a filled square where a map looks at a map of the layer before.

    Parameters
    ----------
    connections : sequence of sequences of int
        For each map the numbers of the maps that it looks at.
    n_sources : int
        Maps of the layer before.

    Returns
    -------
    Axes
    """
    table = np.zeros((n_sources, len(connections)))
    for number, sources in enumerate(connections):
        table[list(sources), number] = 1
    axes = plt.subplots(figsize=(7, 3))[1]
    axes.pcolormesh(table, cmap="Blues", vmin=0, vmax=1.4, edgecolors="white", linewidth=1.5)
    axes.set(
        xlabel="map of the second convolution", ylabel="map that it looks at",
        title=f"{int(table.sum())} of {table.size} connections", aspect="equal",
        xticks=np.arange(len(connections)) + 0.5, yticks=np.arange(n_sources) + 0.5,
    )  # fmt: skip
    axes.set_xticklabels(range(1, len(connections) + 1))
    axes.set_yticklabels(range(1, n_sources + 1))
    axes.invert_yaxis()
    axes.tick_params(length=0)
    return quiet(axes)


@styled
def show_budgets(rows: Sequence[Mapping[str, float | str]], *, xlabel: str, ylabel: str) -> Axes:
    """Plot what networks reach against what their trainings cost; a line joins two trainings of one kind.

    Parameters
    ----------
    rows : sequence of dicts
        Each with the ``name`` of a kind, its ``cost`` and its ``score``.

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(7.5, 4))[1]
    names = list(dict.fromkeys(row["name"] for row in rows))
    for index, name in enumerate(names):
        points = sorted((row["cost"], row["score"]) for row in rows if row["name"] == name)
        costs, scores = zip(*points, strict=True)
        axes.plot(
            costs, scores, "os^Dv<>"[index % 7], linestyle="-", color=COLOURS[index % 7], markersize=8, label=name
        )
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    return quiet(axes)
