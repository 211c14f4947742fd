"""What a sample of k-space is, drawn: arrows that turn and add up, stripes that an image is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.figures import PHASE
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, Row, as_array, as_panels, draw, styled, top

ARROW = {"angles": "xy", "scale_units": "xy", "scale": 1}


@styled
def show_image_and_kspace(image: Tensor, titles: Sequence[str] = ("image", "k-space")) -> list[Axes]:
    """Show an image beside its k-space, by magnitude and by ``log(1 + scale |k|)``, low frequencies in the centre.

    Parameters
    ----------
    image : Tensor, shape (y, x)
    titles : pair of str

    Returns
    -------
    list of two Axes

    Raises
    ------
    ValueError
        If the image is not 2-D or there are not two titles.
    """
    panels, _ = as_panels(image, None)
    if len(titles) != 2 or len(panels) != 1:
        raise ValueError(f"{len(panels)} images and {len(titles)} titles came; expected one image and two titles.")
    magnitude = np.abs(panels[0])
    samples = np.abs(as_array(fft2c(torch.from_numpy(panels[0]))))
    weak = np.log1p(1000 * samples / max(samples.max(), 1e-30))
    width = 4.2
    figure, cells = plt.subplots(1, 2, figsize=(2 * width, width * magnitude.shape[0] / magnitude.shape[1]))
    cells[0].imshow(magnitude, cmap="gray", vmin=0, vmax=top([magnitude], share=BRIGHT))
    cells[1].imshow(weak, cmap="gray", vmin=0, vmax=weak.max())
    for axes, title, across, up in zip(cells, titles, ("x", "kx"), ("y", "ky"), strict=True):
        axes.set(title=title, xlabel=across, ylabel=up, xticks=[], yticks=[])
    return Panels(cells)


@styled
def show_turned_arrows(values: Tensor, turns: Sequence[int]) -> list[Axes]:
    """Show the pixels of a row as arrows after so many turns across the row, and beside them, how the arrows add up.

    Parameters
    ----------
    values : Tensor, shape (n,)
        The arrows before they turn, real or complex; pixel number n // 2 is the origin.
    turns : sequence of int
        Turns from one end of the row to the other, one line of the figure each.

    Returns
    -------
    list of Axes
        For each number of turns the arrows, then their sum.

    Raises
    ------
    ValueError
        If the row is not 1-D, or there are no turns or more than four.
    """
    row = as_array(values).astype(complex)
    if row.ndim != 1 or not 0 < len(turns) <= 4:
        raise ValueError(f"a row of shape {row.shape} and {len(turns)} turns came; expected (n,) and one to four.")
    positions = np.arange(len(row)) - len(row) // 2
    reach = float(np.abs(row).sum())
    layout = {"squeeze": False, "width_ratios": (1.5, 1)}
    figure, cells = plt.subplots(len(turns), 2, figsize=(9.6, 1.9 * len(turns) + 0.3), **layout)
    for line, k in zip(cells, turns, strict=True):
        turned = row * np.exp(-2j * np.pi * k * positions / len(row))
        _draw_pixels(line[0], positions, turned)
        _draw_sum(line[1], turned, reach)
        line[0].set_title(f"k = {k}: the arrows of the pixels")
        line[1].set_title(f"head to tail: the sum is {_readable(turned.sum())}")
    cells[-1, 0].set_xlabel("x (pixels)")
    sums = [cell.get_title().split(" is ")[-1] for cell in cells[:, 1]]
    told = "; ".join(f"k = {k}, sum {total}" for k, total in zip(turns, sums, strict=True))
    set_alt(figure, f"Arrows of {len(row)} pixels, turned by k turns across the row, and head to tail: {told}.")
    return Panels(cells.flat)


def _draw_pixels(axes: Axes, positions: np.ndarray, arrows: np.ndarray) -> None:
    """Every arrow starts at its pixel; pixels lie apart so that two arrows that meet leave a gap between their tips."""
    lengths = np.abs(arrows)
    apart = float(max(1.15 * lengths.max(), 0.95 * (lengths[:-1] + lengths[1:]).max(initial=0)))
    for number, (position, arrow) in enumerate(zip(positions, arrows, strict=True)):
        axes.plot(position * apart, 0, "o", color="0.6", markersize=6)
        axes.quiver(position * apart, 0, arrow.real, arrow.imag, color=COLOURS[number % 6], width=0.009, **ARROW)
    axes.set(xlim=((positions[0] - 0.5) * apart, (positions[-1] + 1) * apart), ylim=(-0.6 * apart, 0.6 * apart))
    axes.set(xticks=positions * apart, xticklabels=positions, yticks=[], aspect="equal")
    axes.spines["left"].set_visible(False)


def _draw_sum(axes: Axes, arrows: np.ndarray, reach: float) -> None:
    """Arrows that all lie on one line are drawn below one another, so that none hides another."""
    ends = np.cumsum(arrows)
    step = 0.08 * reach if np.abs(arrows.imag).max() < 1e-9 * reach else 0.0
    for number, (arrow, end) in enumerate(zip(arrows, ends, strict=True)):
        start = end - arrow - 1j * step * number
        colour = COLOURS[number % 6]
        axes.quiver(start.real, start.imag, arrow.real, arrow.imag, color=colour, width=0.014, **ARROW)
    total = ends[-1]
    low = -1j * step * len(arrows)
    axes.quiver(0, low.imag, total.real, total.imag, color="black", width=0.03, alpha=0.35, **ARROW)
    axes.plot(0, 0, "ko", markersize=4)
    axes.set(xlim=(-0.35 * reach, 1.1 * reach), ylim=(-0.45 * reach, 0.35 * reach), aspect="equal")
    axes.grid(alpha=0.3)


def _readable(number: complex) -> str:
    """``3+1i``, and ``8`` where nothing is imaginary."""
    real, imaginary = (round(float(part), 2) + 0.0 for part in (number.real, number.imag))
    return f"{real:g}" if imaginary == 0 else f"{real:g}{imaginary:+g}i"


@styled
def show_stripes(image: Tensor, samples: Sequence[tuple[int, int]]) -> list[Axes]:
    r"""Show the stripe pattern of some samples of k-space, and below it the image times the pattern.

    The sum of such a product is the real part of the sample, which its title gives, times $\sqrt{n_y n_x}$.

    Parameters
    ----------
    image : Tensor, shape (y, x)
    samples : sequence of (ky, kx)
        Whole numbers of cycles per field of view, 0 in the centre.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        If the image is not 2-D or a sample lies outside k-space.
    """
    ny, nx = image.shape
    kspace = fft2c(image)
    patterns, products, titles, values = [], [], [], []
    for ky, kx in samples:
        row, column = ny // 2 + ky, nx // 2 + kx
        if not (0 <= row < ny and 0 <= column < nx):
            raise ValueError(f"sample {(ky, kx)} lies outside k-space of shape {(ny, nx)}; 0 is in its centre.")
        point = torch.zeros_like(kspace)
        point[row, column] = (ny * nx) ** 0.5
        stripes = ifft2c(point)
        patterns.append(as_array(stripes.real))
        products.append(as_array((image * stripes.conj()).real))
        titles.append(f"stripes of ky = {ky}, kx = {kx}")
        values.append(f"product, real part {float(kspace[row, column].real):.2f}")
    high = top(products, share=BRIGHT)
    signed = Row(products, values, "RdBu_r", (-high, high), "adds (red), subtracts (blue)")
    return draw([Row(patterns, titles, "gray", (-1.0, 1.0), "stripes, real part"), signed])


@styled
def show_magnitude_and_phase(images: Mapping[str, Tensor]) -> list[Axes]:
    """Show complex images by magnitude, each from zero to its own brightest pixels, and below by phase.

    Parameters
    ----------
    images : dict {title: complex Tensor (y, x)}
        From different scans, so that no common unit exists; one to four.

    Returns
    -------
    list of Axes
        The magnitudes, then the phases.

    Raises
    ------
    TypeError
        If an image is real.
    """
    panels, titles = as_panels(images, None)
    for panel, title in zip(panels, titles, strict=True):
        if not np.iscomplexobj(panel):
            raise TypeError(f"image {title!r} is real and has no phase; expected a complex one. Was .abs() taken?")
    bright = [np.abs(panel) / top([panel], share=BRIGHT) for panel in panels]
    phases = [np.angle(panel) for panel in panels]
    magnitudes = Row(bright, titles, "gray", (0.0, 1.0), "magnitude (a.u.)")
    return draw([magnitudes, Row(phases, [""] * len(panels), **PHASE)])
