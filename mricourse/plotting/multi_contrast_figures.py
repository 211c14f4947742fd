"""Figures of several contrasts: methods side by side in each, who sees whom, and where a lesion shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from mricourse.evaluation.metrics import psnr
from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.block_diagrams import arrow
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, Row, as_array, draw, quiet, styled, top

__all__ = ["show_contrasts", "show_responses", "show_sharing"]

MOST_COLUMNS = 4
NETWORKS = ("DIRN", "DFSN", "DISN")
BLOCK, DATA = COLOURS[2], COLOURS[0]


@styled
def show_contrasts(
    images: Mapping[str, Tensor],
    contrasts: Sequence[str],
    *,
    reference: Tensor | None = None,
) -> Panels:
    """Show several contrasts of a slice below one another, a column for each method.

    Parameters
    ----------
    images : dict {name: Tensor (contrasts, y, x)}
        A column each, four at most; complex ones are shown by magnitude.
    contrasts : sequence of str
        Their names.
    reference : Tensor, shape (contrasts, y, x), optional
        Sets the window of each contrast and puts PSNR into the titles of what differs from it; else each contrast has
        the window of all its images.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        Too many columns, or shapes or names that do not fit.
    """
    if not 0 < len(images) <= MOST_COLUMNS:
        raise ValueError(f"{len(images)} columns came; expected 1 to {MOST_COLUMNS}: show fewer methods.")
    sizes = {tuple(image.shape) for image in [*images.values(), *([] if reference is None else [reference])]}
    if len(sizes) > 1 or len(next(iter(sizes))) != 3 or next(iter(sizes))[0] != len(contrasts):
        raise ValueError(
            f"got shapes {sorted(sizes)} for {', '.join(contrasts)}; expected one, ({len(contrasts)}, y, x)."
        )
    rows = []
    for number, contrast in enumerate(contrasts):
        panels = [np.abs(as_array(image[number])) for image in images.values()]
        wanted = None if reference is None else np.abs(as_array(reference[number]))
        high = top(panels if wanted is None else [wanted], share=BRIGHT)
        own = [wanted is not None and np.array_equal(panel, wanted) for panel in panels]
        titles = [f"{contrast}, {name}" for name in images]
        if reference is not None:
            scores = [float(psnr(image[number], reference[number])) for image in images.values()]
            titles = [
                title if same else f"{title}, {score:.1f} dB"
                for title, same, score in zip(titles, own, scores, strict=True)
            ]
        rows.append(Row(panels, titles, "gray", (0.0, high), "magnitude"))
    return draw(rows)


@styled
def show_responses(responses: Mapping[str, Tensor], contrasts: Sequence[str]) -> Panels:
    """Show in which contrast a lesion turns up that was put into one alone, a square of numbers for each method.

    Parameters
    ----------
    responses : dict {method: real Tensor (contrasts, contrasts)}
        In percent of the lesion; row: the contrast that has it, column: the one that is read.
    contrasts : sequence of str
        Their names.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        A square of another size.
    """
    n = len(contrasts)
    for method, numbers in responses.items():
        if tuple(numbers.shape) != (n, n):
            raise ValueError(f"{method} has shape {tuple(numbers.shape)}; expected ({n}, {n}).")
    figure, cells = plt.subplots(1, len(responses), figsize=(min(10.0, 3.4 * len(responses)), 3.3), squeeze=False)
    for cell, (method, numbers) in zip(cells[0], responses.items(), strict=True):
        values = as_array(numbers).astype(float)
        cell.imshow(values, cmap="RdBu_r", vmin=-100, vmax=100)
        for row, column in np.ndindex(n, n):
            light = abs(values[row, column]) > 60
            words = f"{values[row, column]:.0f} %".replace("-0 %", "0 %")
            cell.text(column, row, words, ha="center", va="center", color="white" if light else "black")
        cell.set_xticks(range(n), contrasts)
        cell.set_yticks(range(n), contrasts)
        cell.set(title=method, xlabel="read in", ylabel="lesion in")
    said = []
    for method, numbers in responses.items():
        for place, contrast in enumerate(contrasts):
            read = ", ".join(f"{each:.0f} % in {name}" for each, name in zip(numbers[place], contrasts, strict=True))
            said.append(f"{method}, lesion in {contrast}: {read}")
    set_alt(cells[0, 0], f"How much of a lesion is read in each contrast. {'; '.join(said)}.")
    return Panels(cells[0])


@styled
def show_sharing() -> Panels:
    """Draw what the blocks of DIRN, DFSN and DISN see: three contrasts, two rounds.

    Returns
    -------
    list of Axes
    """
    figure, cells = plt.subplots(1, 3, figsize=(10, 3.7))
    for cell, name in zip(cells, NETWORKS, strict=True):
        cell.set(xlim=(-0.7, 4.7), ylim=(-0.7, 3.1), title=name)
        cell.set_axis_off()
        for row in range(3):
            colour = COLOURS[row + 3]
            _chain(cell, 2 - row, colour, joined=name != "DIRN")
        if name != "DIRN":
            for x in (1, 3):
                _box(cell, (x, 1), 0.62, 2.75, "convolutions\nof all", BLOCK, rotation=90)
        if name == "DISN":
            for row in range(3):
                curve = {"arrowstyle": "->", "color": COLOURS[row + 3], "connectionstyle": "arc3,rad=-0.32", "lw": 1.2}
                cell.annotate("", (2.68, 2.2 - row), (0, 2.2 - row), arrowprops=curve)
    set_alt(
        cells[0],
        "Three diagrams of two rounds with three contrasts each. DIRN: every contrast has convolutions of its own, "
        "followed by its own data step; the rows are not connected. DFSN: one block of convolutions sees all three "
        "contrasts, and each has its own data step. DISN: as DFSN, and arcs lead the first images to the second block.",
    )
    return Panels(quiet(cell) for cell in cells)


def _chain(cell: Axes, y: float, colour: str, *, joined: bool) -> None:
    """One contrast: image, block, data step, block, data step."""
    cell.plot(0, y, "o", color=colour, markersize=9)
    for x in (1, 3):
        if not joined:
            _box(cell, (x, y), 0.62, 0.5, "conv", BLOCK)
        arrow(cell, (x - 1 + (0.1 if x == 1 else 0.22), y), (x - 0.36, y), colour)
        arrow(cell, (x + 0.36, y), (x + 0.76, y), colour)
        _box(cell, (x + 1, y), 0.36, 0.42, "data", DATA)


def _box(
    cell: Axes, centre: tuple[float, float], width: float, height: float, text: str, colour: str, *, rotation: int = 0
) -> None:
    corner = (centre[0] - width / 2, centre[1] - height / 2)
    shape = FancyBboxPatch(corner, width, height, boxstyle="round,pad=0.04", fc=colour, ec=colour, alpha=0.25)
    cell.add_patch(shape)
    cell.text(*centre, text, ha="center", va="center", fontsize=8, rotation=rotation)
