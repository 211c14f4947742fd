"""Figures of the lesson on calibration: windows of k-space as rows of a matrix, GRAPPA's kernel, ghosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, as_array, as_reference, quiet, styled, top

__all__ = ["show_calibration_matrix", "show_column", "show_ghosts", "show_grappa_kernel", "show_windows"]

TARGET, SOURCE = COLOURS[1], COLOURS[0]
DYNAMIC_RANGE = 1e-3  # of the calibration matrix: smaller entries are as dark as these


@styled
def show_windows(signals: Tensor, width: int, *, row: int = 0) -> list[Axes]:
    """Draw short signals of several coils as numbers, a window on them, and the matrix whose rows are the windows.

    Parameters
    ----------
    signals : real Tensor, shape (coils, k)
        A few samples of each coil; they are printed.
    width : int
        Samples of a window.
    row : int
        Which window is marked.

    Returns
    -------
    list of Axes
        The signals, then the matrix.

    Raises
    ------
    ValueError
        A window that is wider than the signals, or a row that the matrix does not have.
    """
    values = as_array(signals)
    n_coils, n = values.shape
    if not 0 < width <= n or not 0 <= row <= n - width:
        raise ValueError(f"width is {width} and row {row} for {n} samples; expected a window that lies inside.")
    n_rows = n - width + 1
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 2.6), width_ratios=(n, n_coils * width + 1))
    for coil in range(n_coils):
        for k in range(n):
            _cell(left, k, coil, values[coil, k], COLOURS[coil], marked=row <= k < row + width)
    left.set(xlim=(-0.6, n - 0.4), ylim=(n_coils - 0.4, -0.6), xticks=range(n), title="the samples, and a window")
    left.set_yticks(range(n_coils), [f"coil {coil + 1}" for coil in range(n_coils)])
    left.set_xlabel("k")
    for start in range(n_rows):
        for coil in range(n_coils):
            for j in range(width):
                at = coil * width + j
                _cell(right, at, start, values[coil, start + j], COLOURS[coil], marked=start == row)
    right.set(xlim=(-0.6, n_coils * width - 0.4), ylim=(n_rows - 0.4, -0.6), title="every window is a row")
    right.set(xticks=[], yticks=[], xlabel="coil 1, then coil 2" if n_coils == 2 else "coil after coil")
    for axes in (left, right):
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(length=0)
        axes.set_aspect("equal")
    rows = " and ".join(", ".join(f"{value:g}" for value in samples) for samples in values)
    marked = ", ".join(f"{value:g}" for value in values[:, row : row + width].flatten())
    set_alt(
        figure,
        f"Left: the samples of {n_coils} coils, {rows}, with a window of {width} marked. Right: a matrix with {n_rows} "
        f"rows, one for each place of the window; the marked row is {marked}.",
    )
    return Panels([left, right])


@styled
def show_calibration_matrix(matrix: Tensor, n_coils: int, *, n_rows: int | None = None) -> Axes:
    """Show the magnitudes of the first rows of a calibration matrix, (windows, coils * samples), logarithmically.

    Parameters
    ----------
    matrix : complex Tensor, shape (windows, columns)
    n_coils : int
        White lines part the columns of the coils.
    n_rows : int, optional
        All rows where it is left out.

    Returns
    -------
    Axes
    """
    values = np.abs(as_array(matrix))[:n_rows]
    decades = np.log10(np.maximum(values / values.max(), DYNAMIC_RANGE))
    axes = plt.subplots(figsize=(9.0, 3.2))[1]
    picture = axes.imshow(decades, cmap="magma", aspect="auto", interpolation="nearest")
    per_coil = values.shape[1] // n_coils
    for coil in range(1, n_coils):
        axes.axvline(coil * per_coil - 0.5, color="white", linewidth=1)
    axes.set_xticks([(coil + 0.5) * per_coil for coil in range(n_coils)], [f"coil {coil}" for coil in range(n_coils)])
    axes.tick_params(axis="x", length=0)
    axes.set(ylabel="window", title=f"calibration matrix: {len(matrix)} windows, {values.shape[1]} numbers each")
    plt.colorbar(picture, ax=axes, label="log₁₀ |value|, largest 0")
    return quiet(axes)


@styled
def show_column(curves: Mapping[str, Tensor], image: Tensor, *, title: str = "") -> Axes:
    """Plot curves along one column of an image, whose magnitude is shaded behind them.

    Parameters
    ----------
    curves : dict {label: real Tensor, shape (y,)}
    image : Tensor, shape (y,)
        The column of the object; shown by magnitude, in the unit of the curves.
    title : str

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(7.6, 3.8))[1]
    magnitude = np.abs(as_array(image))
    axes.fill_between(np.arange(len(magnitude)), magnitude, color="0.85", linewidth=0, label="image")
    for index, (label, values) in enumerate(curves.items()):
        axes.plot(as_array(values), color=COLOURS[index], label=label, linestyle="--" if index == 0 else "-")
    axes.set(xlabel="row (pixel)", ylabel="magnitude", title=title, ylim=(0, 1.05), xlim=(0, len(magnitude) - 1))
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return quiet(axes)


@styled
def show_grappa_kernel(mask: Tensor, targets: Mapping[str, tuple[int, int]], *, n_columns: int = 12) -> Axes:
    """Draw sampled and missing samples of an R = 2 scan, and the six neighbours that estimate each target.

    Parameters
    ----------
    mask : bool Tensor, shape (ky, 1)
        A few dozen lines; every second one and an ACS.
    targets : dict {label: (line, column)}
        Samples to estimate; at least one line and one column away from the edges.
    n_columns : int
        Readout points that are drawn.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        A target at the edge.
    """
    sampled = as_array(mask)[:, 0]
    n_lines = len(sampled)
    axes = plt.subplots(figsize=(7.6, 0.24 * n_lines + 1.0))[1]
    for line in range(n_lines):
        face = "0.25" if sampled[line] else "white"
        axes.scatter(range(n_columns), [line] * n_columns, s=42, facecolors=face, edgecolors="0.55", zorder=2)
    for label, (line, column) in targets.items():
        if not (0 < line < n_lines - 1 and 0 < column < n_columns - 1):
            raise ValueError(f"the target {label!r} is at ({line}, {column}); expected it inside the drawing.")
        for dy in (-1, 1):
            for dx in (-1, 0, 1):
                axes.plot([column, column + dx], [line, line + dy], color=SOURCE, linewidth=1.2, zorder=1)
                axes.scatter(column + dx, line + dy, s=70, color=SOURCE, zorder=3)
        axes.scatter(column, line, s=110, color=TARGET, marker="s", zorder=4)
        axes.annotate(label, (n_columns - 0.2, line), va="center", annotation_clip=False)
        axes.plot([column + 0.4, n_columns - 0.4], [line, line], ":", color=TARGET, linewidth=1.2, zorder=1)
    _legend(axes)
    axes.set(xlabel="kx (readout)", ylabel="ky", xticks=[], yticks=[], xlim=(-0.8, n_columns + 3.6))
    axes.set_ylim(n_lines - 0.4, -0.6)
    for side in axes.spines.values():
        side.set_visible(False)
    set_alt(
        axes,
        f"Samples of k-space as dots, in {n_lines} lines of which {int(sampled.sum())} are sampled: every second one "
        f"and the centre. Squares mark {len(targets)} targets ({', '.join(targets)}); lines connect each with six "
        "sampled neighbours, three in the line above and three in the line below.",
    )
    return quiet(axes)


@styled
def show_ghosts(images: Mapping[str, Tensor], still: Tensor, distances: Sequence[float], *, gain: float = 3) -> Any:
    """Show images of a moving object, and below each its error, with an arrow as long as the predicted distance.

    Parameters
    ----------
    images : dict {title: complex Tensor, shape (y, x)}
    still : complex Tensor, shape (y, x)
        The object at rest.
    distances : sequence of float
        One for each image, in pixels along y; the arrow begins at the upper end of the object.
    gain : float
        How much brighter the errors are shown than the images.

    Returns
    -------
    list of Axes
        The images, then the errors.

    Raises
    ------
    ValueError
        If the distances do not match the images in number.
    """
    if len(distances) != len(images):
        raise ValueError(f"{len(distances)} distances came for {len(images)} images; expected one for each.")
    rest = np.abs(as_reference(still))
    high = top([rest], share=BRIGHT)
    ny, nx = rest.shape
    bright = (rest[:, nx // 2] > 0.2 * high).nonzero()[0]
    first = int(bright[0]) if len(bright) else 0
    figure, cells = plt.subplots(2, len(images), figsize=(2.9 * len(images), 5.8 * ny / nx), squeeze=False)
    for column, (title, image) in enumerate(images.items()):
        magnitude = np.abs(as_array(image))
        cells[0, column].imshow(magnitude, cmap="gray", vmin=0, vmax=high)
        cells[0, column].set_title(title)
        errors = cells[1, column].imshow(np.abs(magnitude - rest), cmap="inferno", vmin=0, vmax=high / gain)
        arrow = {"arrowstyle": "<->", "color": "white", "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
        end = first + distances[column]
        cells[1, column].annotate("", (nx // 2, first), (nx // 2, end), arrowprops=arrow)
        cells[1, column].text(nx // 2 + 4, end, "first ghost", color="white", fontsize=11, va="top")
        cells[1, column].set_title(f"error × {gain:g}; arrow: {distances[column]:g} pixels")
    for axes in cells.flat:
        axes.set_axis_off()
    figure.colorbar(errors, ax=cells[1].tolist(), label="error", fraction=0.05, pad=0.02)
    return Panels(cells.flatten().tolist())


def _cell(axes: Axes, x: int, y: int, value: float, colour: str, *, marked: bool) -> None:
    """A number in a box, filled where it is marked."""
    box = Rectangle((x - 0.45, y - 0.45), 0.9, 0.9, facecolor=colour, alpha=0.35 if marked else 0.08, linewidth=0)
    axes.add_patch(box)
    axes.text(x, y, f"{value:g}", ha="center", va="center", fontweight="bold" if marked else "normal")


def _legend(axes: Axes) -> None:
    handles = [
        axes.scatter([], [], s=42, facecolors="0.25", edgecolors="0.55", label="sampled"),
        axes.scatter([], [], s=42, facecolors="white", edgecolors="0.55", label="missing"),
        axes.scatter([], [], s=70, color=SOURCE, label="neighbour"),
        axes.scatter([], [], s=110, color=TARGET, marker="s", label="target"),
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4, frameon=False)
