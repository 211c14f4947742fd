"""Figures of the lesson on domains: where a network stands, its errors in both domains, and what a change costs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.evaluation.metrics import psnr
from mricourse.physics.fourier import fft2c
from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.block_diagrams import arrow, box
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, Row, as_array, as_panels, draw, quiet, styled, top

__all__ = ["show_domains_diagram", "show_errors_in_both", "show_gain_table", "show_raki_lines"]

NETWORK, TRANSFORM, KSPACE, IMAGE = COLOURS[2], "0.5", COLOURS[1], COLOURS[0]
KSPACE_SCALE = 1e4  # of the logarithm, over the largest sample of the reference


@styled
def show_domains_diagram() -> Axes:
    """Draw the four places of a network between k-space and image, one a row.

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(9.6, 4.4))[1]
    axes.set(xlim=(0, 100), ylim=(0, 44), title="Four places for a network (green)")
    axes.set_axis_off()
    rows = {  # from left to right: name, colour, place, width
        "in the image": [("$F^{-1}$", TRANSFORM, 44, 9), ("U-Net", NETWORK, 70, 15)],
        "in k-space": [("U-Net", NETWORK, 44, 15), ("$F^{-1}$", TRANSFORM, 70, 9)],
        "in both": [("U-Net", NETWORK, 40, 13), ("$F^{-1}$", TRANSFORM, 57, 9), ("U-Net", NETWORK, 74, 13)],
        "from one to the other": [("dense layers, convolutions", NETWORK, 57, 34)],
    }
    for number, (name, boxes) in enumerate(rows.items()):
        y = 36 - 10.5 * number
        axes.text(0, y, name, va="center", fontweight="bold")
        axes.text(29, y, "k-space", ha="right", va="center", color=KSPACE)
        axes.text(90, y, "image", va="center", color=IMAGE)
        start = 30.0
        for words, colour, place, width in boxes:
            arrow(axes, (start, y), (place - width / 2 - 0.5, y))
            box(axes, (place, y), words, colour, width=width)
            start = place + width / 2 + 0.5
        arrow(axes, (start, y), (89, y))
    set_alt(
        axes,
        "Block diagram in four rows, each from k-space on the left to an image on the right. In the image: inverse "
        "Fourier transform, then a U-Net. In k-space: a U-Net, then the inverse transform. In both: U-Net, inverse "
        "transform, U-Net. From one to the other: dense layers and convolutions, no transform.",
    )
    return quiet(axes)


@styled
def show_errors_in_both(
    images: Mapping[str, Tensor], reference: Tensor, *, error_gain: float = 4, scores: bool = True
) -> Panels:
    """Show images, below each its error, and below that its error in k-space, in one window a row.

    Parameters
    ----------
    images : dict {title: complex Tensor (y, x)}
        Four at most.
    reference : complex Tensor, shape (y, x)
    error_gain : float
        How many times as bright as images the errors are shown.
    scores : bool
        Write the PSNR into the titles, but for the reference itself.

    Returns
    -------
    list of Axes
        Images, then errors, then errors in k-space; below the reference its k-space alone.

    Raises
    ------
    ValueError
        More than four images.
    """
    if len(images) > 4:
        raise ValueError(f"{len(images)} images came; expected four at most, one column for each.")
    panels, titles = as_panels(images, None)
    wanted = as_array(reference)
    own = [np.array_equal(panel, wanted) for panel in panels]
    high = top([wanted], share=BRIGHT)
    errors = [None if same else np.abs(np.abs(panel) - np.abs(wanted)) for panel, same in zip(panels, own, strict=True)]
    samples = [
        _logarithm(reference if same else image - reference, reference)
        for image, same in zip(images.values(), own, strict=True)
    ]
    titles = [
        title if same or not scores else f"{title}, {psnr(image, reference):.1f} dB"
        for title, same, image in zip(titles, own, images.values(), strict=True)
    ]
    below = ["k-space" if same else "error in k-space" for same in own]
    return draw(
        [
            Row(panels, titles, window=(0.0, high), label="magnitude (a.u.)"),
            Row(errors, [f"error × {error_gain:g}"] * len(panels), "inferno", (0.0, high / error_gain), "|error|"),
            Row(
                samples,
                below,
                window=(0.0, math.log1p(KSPACE_SCALE / 10)),
                label=r"$\log(1 + 10^4\,|k|\,/\,|k|_{max})$",
            ),
        ]
    )


@styled
def show_raki_lines(acceleration: int = 4, *, n_acs: int = 12) -> Panels:
    """Draw what RAKI's three convolutions see and estimate: among the lines of a scan, and in an ACS.

    Parameters
    ----------
    acceleration : int
        Distance of the sampled lines.
    n_acs : int
        Lines of the ACS on the right, at least 2 R + 1.

    Returns
    -------
    list of Axes
        The scan, then the ACS with the lowest and the highest place of the kernels.

    Raises
    ------
    ValueError
        An ACS in which the three lines find no room.
    """
    reach = 2 * acceleration
    if n_acs <= reach:
        raise ValueError(f"n_acs is {n_acs}; expected at least {reach + 1} for R = {acceleration}.")
    left, right = plt.subplots(1, 2, figsize=(9.6, 4.4))[1]
    for line in range(reach + 1):
        _dots(left, line, range(-4, 5), measured=line % acceleration == 0)
    _seen_and_estimated(left, 0, acceleration)
    for name, low in (("first pair", 0), ("second pair", acceleration)):
        _bracket(left, low + 0.15, low + acceleration - 0.15, f"layer 1:\n{name}")
    left.legend(loc="upper left", ncols=3, bbox_to_anchor=(-0.02, -0.12), fontsize=9, frameon=False, handletextpad=0.2)
    left.set(xlim=(-9.5, 4.8), ylim=(reach + 0.8, -0.8), title=f"Lines of the scan, R = {acceleration}")
    for line in range(n_acs):
        _dots(right, line, range(-4, 17), measured=True)
    n_places = n_acs - reach
    for place, x in ((0, 0), (n_places - 1, 12)):
        _seen_and_estimated(right, place, acceleration, x=x)
        words = f"place {place + 1}"
        right.text(x, place - 0.6, words, ha="center", bbox={"fc": "white", "ec": "none", "pad": 1.5}, zorder=4)
    words = f"ACS of {n_acs} lines: room at {n_acs} - {reach} = {n_places} places"
    right.set(xlim=(-4.8, 16.8), ylim=(max(n_acs, reach + 1) - 0.2, -1.4), title=words)
    for axes in (left, right):
        axes.set(xlabel="$k_x$", ylabel="line number ($k_y$)", xticks=[])
        axes.set_yticks(range(0, reach + 1 if axes is left else n_acs, 2 if axes is right else 1))
    set_alt(
        left,
        f"Two drawings of lines of k-space as rows of dots. Left: one line in {acceleration} is measured. Three "
        f"measured lines, 0, {acceleration} and {reach}, of seven points each, are seen; the middle points of the "
        f"{acceleration - 1} missing lines between the second and the third are estimated. Right: an ACS of {n_acs} "
        f"lines, all measured, in which the same pattern, {reach + 1} lines high, finds room at {n_places} places.",
    )
    return Panels([left, right])


def _dots(axes: Axes, line: int, points: range, *, measured: bool) -> None:
    colour = "0.6" if measured else "white"
    label = "not measured" if line == 1 and not measured else None
    axes.scatter(points, [line] * len(points), s=14, fc=colour, ec="0.6", linewidth=0.7, label=label)


def _seen_and_estimated(axes: Axes, first: int, acceleration: int, *, x: int = 0) -> None:
    """Mark the seven points of each of three lines, and the estimates between the second and the third."""
    lines = [first + number * acceleration for number in range(3) for _ in range(7)]
    points = [*range(x - 3, x + 4)] * 3
    axes.scatter(points, lines, s=42, color=IMAGE, zorder=3, label="seen")
    between = range(first + acceleration + 1, first + 2 * acceleration)
    axes.scatter([x] * len(between), between, s=55, marker="s", color=KSPACE, zorder=3, label="estimated")


def _bracket(axes: Axes, low: float, high: float, words: str) -> None:
    axes.plot([-4.7, -5, -5, -4.7], [low, low, high, high], color="0.3", linewidth=1.2)
    axes.text(-5.3, (low + high) / 2, words, ha="right", va="center", fontsize=9)


@styled
def show_gain_table(
    table: Mapping[str, Mapping[str, float | str]], *, label: str = "dB", reach: float | None = None
) -> Axes:
    """Draw a table of numbers on colours, purple where they are above 0, orange below; words stand on grey.

    Parameters
    ----------
    table : dict {row: dict {column: number, or a word where there is none}}
        All rows have the same columns.
    label : str
        What the numbers are, with their unit.
    reach : float, optional
        Where the colours end, by default at the largest number.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        Rows of different columns.
    """
    columns = list(next(iter(table.values())))
    if any(list(row) != columns for row in table.values()):
        raise ValueError(f"rows have different columns; expected {columns} in each.")
    numbers = np.array([[math.nan if isinstance(v, str) else float(v) for v in row.values()] for row in table.values()])
    if reach is None:
        reach = max(1.0, float(np.nanmax(np.abs(numbers))))
    axes = plt.subplots(figsize=(2.6 + 1.25 * len(columns), 0.9 + 0.42 * len(table)))[1]
    cmap = plt.get_cmap("PuOr").with_extremes(bad="0.88")
    colours = np.ma.masked_invalid(np.clip(numbers, -reach, reach))
    axes.imshow(colours, cmap=cmap, vmin=-1.6 * reach, vmax=1.6 * reach, aspect="auto")  # dark enough to read on
    for y, row in enumerate(table.values()):
        for x, value in enumerate(row.values()):
            axes.text(x, y, _in_words(value), ha="center", va="center", fontsize=10)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(table)), list(table))
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xlabel(label)
    for spine in axes.spines.values():
        spine.set_visible(False)
    words = "; ".join(
        f"{name}: " + ", ".join(f"{column} {_in_words(value)}" for column, value in row.items())
        for name, row in table.items()
    )
    set_alt(axes, f"Table, {label}. {words}.")
    return quiet(axes)


def _in_words(value: float | str) -> str:
    """A word as it is, a number with one decimal and its sign, 0.0 without one."""
    if isinstance(value, str):
        return value
    return f"{value:+.1f}" if round(value, 1) else "0.0"


def _logarithm(image: Tensor, reference: Tensor) -> np.ndarray:
    """log(1 + 10,000 |k| / largest sample of the reference), real (ky, kx)."""
    samples = as_array(fft2c(image).abs()) / max(float(fft2c(reference).abs().max()), 1e-30)
    return np.log1p(KSPACE_SCALE * samples)
