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
from mricourse.plotting.block_diagrams import _arrow, _box
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, Row, as_array, as_panels, draw, quiet, styled, top

__all__ = ["show_domains_diagram", "show_errors_in_both", "show_gain_table"]

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
            _arrow(axes, (start, y), (place - width / 2 - 0.5, y))
            _box(axes, (place, y), words, colour, width=width)
            start = place + width / 2 + 0.5
        _arrow(axes, (start, y), (89, y))
    set_alt(
        axes,
        "Block diagram in four rows, each from k-space on the left to an image on the right. In the image: inverse "
        "Fourier transform, then a U-Net. In k-space: a U-Net, then the inverse transform. In both: U-Net, inverse "
        "transform, U-Net. From one to the other: dense layers and convolutions, no transform.",
    )
    return quiet(axes)


@styled
def show_errors_in_both(images: Mapping[str, Tensor], reference: Tensor, *, error_gain: float = 4) -> Panels:
    """Show images, below each its error, and below that its error in k-space, in one window a row.

    Parameters
    ----------
    images : dict {title: complex Tensor (y, x)}
        Four at most; the titles get their PSNR, but for the reference itself.
    reference : complex Tensor, shape (y, x)
    error_gain : float
        How many times as bright as images the errors are shown.

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
        title if same else f"{title}, {psnr(image, reference):.1f} dB"
        for title, same, image in zip(titles, own, images.values(), strict=True)
    ]
    below = ["k-space" if same else "error in k-space" for same in own]
    return draw(
        [
            Row(panels, titles, window=(0.0, high), label="magnitude (a.u.)"),
            Row(errors, [f"error × {error_gain:g}"] * len(panels), "inferno", (0.0, high / error_gain), "|error|"),
            Row(samples, below, window=(0.0, math.log1p(KSPACE_SCALE / 10)), label="logarithm"),
        ]
    )


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
