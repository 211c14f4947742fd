"""Figures of the lesson on SENSE: pixels that fold, equations that cross, walks through a valley, methods over R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.patches import ConnectionPatch
from matplotlib.patheffects import withStroke
from torch import Tensor

from mricourse.evaluation.metrics import psnr
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, as_array, quiet, styled, top

__all__ = ["show_comparison", "show_folding", "show_pull", "show_two_pixels", "show_walks"]

SUBSCRIPTS = "₁₂₃₄"
NARROW_PANEL_IN = 2.4


@styled
def show_folding(image: Tensor, folded: Tensor, *, row: int, column: int) -> list[Axes]:
    """Show which pixels of an image fall onto one pixel of its folded version.

    Parameters
    ----------
    image : Tensor, shape (y, x)
        What one coil sees; shown by magnitude.
    folded : Tensor, shape (y / R, x)
        One period of the same image from every R-th line.
    row, column : int
        The pixel of `folded`, whose partners are marked.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        If the heights do not divide or the pixel lies outside.
    """
    n_rows = folded.shape[0]
    if image.shape[0] % n_rows or not (0 <= row < n_rows and 0 <= column < folded.shape[1]):
        raise ValueError(
            f"image has shape {tuple(image.shape)}, folded {tuple(folded.shape)}, the pixel is ({row}, {column}); "
            "expected a folded image of y / R rows and a pixel of it."
        )
    high = top([as_array(image)], share=BRIGHT)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 4.2))
    for axes, picture in ((left, image), (right, folded)):
        axes.imshow(abs(as_array(picture)), cmap="gray", vmin=0, vmax=high)
        axes.set_axis_off()
        axes.set_ylim(image.shape[0] - 0.5, -0.5)
    for number, y in enumerate(range(row, image.shape[0], n_rows)):
        colour = COLOURS[4 + number % 3]
        _mark(left, column, y, f"ρ{SUBSCRIPTS[number]}", colour, to_the_left=True)
        arrow = ConnectionPatch(
            (column, y), (column, row), "data", "data", axesA=left, axesB=right, arrowstyle="->", color=colour,
            linewidth=1.6, shrinkA=6, shrinkB=7,
        )  # fmt: skip
        figure.add_artist(arrow)
    _mark(right, column, row, "a", "white")
    left.set_title("one coil, all lines")
    right.set_title("the same coil, folded: one period")
    return Panels([left, right])


@styled
def show_two_pixels(pairs: Mapping[str, Tensor], truth: Tensor, errors: Tensor) -> list[Axes]:
    """Draw the two equations of two pixels as lines, and the solutions of noisy measurements as dots.

    Parameters
    ----------
    pairs : dict {title: real Tensor (2, 2)}
        Sensitivities, a row for each coil and a column for each pixel.
    truth : real Tensor, shape (2,)
        The two pixel values.
    errors : real Tensor, shape (measurements, 2)
        Noise of the two measured values, in the unit of the pixels.

    Returns
    -------
    list of Axes
    """
    figure, panels = plt.subplots(1, len(pairs), figsize=(9.2, 4.4), sharey=True, squeeze=False)
    across = torch.linspace(-2, 4, 50)
    for axes, (title, C) in zip(panels[0], pairs.items(), strict=True):
        solved = torch.linalg.solve(C, (C @ truth + errors).mT)
        axes.plot(*as_array(solved), ".", color="0.6", markersize=3, label="solved with noise")
        for coil, (first, second) in enumerate(C):
            line = (C[coil] @ truth - first * across) / second
            axes.plot(as_array(across), as_array(line), color=COLOURS[coil], label=f"equation of coil {coil + 1}")
        axes.plot(*as_array(truth), "k*", markersize=13, label="truth")
        axes.set(xlabel="ρ₁", title=title, xlim=(-0.7, 2.7), ylim=(1.3, 4.7), aspect="equal")
        axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("ρ₂")
    panels[0, 0].legend(frameon=True, loc="lower left", fontsize=9)
    return Panels(panels[0])


@styled
def show_pull(C: Tensor, truth: Tensor, errors: Tensor, weights: Sequence[float]) -> list[Axes]:
    r"""Draw two pixels solved with a weight, $(C^H C + \lambda I)^{-1} C^H a$, for many noisy measurements $a$.

    Parameters
    ----------
    C, truth, errors :
        Sensitivities (2, 2), pixel values (2,) and noise (measurements, 2), as in `show_two_pixels`.
    weights : sequence of float
        A panel for each $\lambda \ge 0$; its title tells the root mean square distance of the dots from the truth.

    Returns
    -------
    list of Axes
    """
    figure, panels = plt.subplots(1, len(weights), figsize=(9.6, 3.9), sharex=True, sharey=True, squeeze=False)
    for axes, weight in zip(panels[0], weights, strict=True):
        normal = C.mT @ C + weight * torch.eye(2)
        solved = torch.linalg.solve(normal, C.mT @ (C @ truth + errors).mT)  # (2, measurements)
        centre = torch.linalg.solve(normal, C.mT @ C @ truth)
        distance = (solved - truth[:, None]).square().sum(0).mean().sqrt()
        axes.plot(*as_array(solved), ".", color="0.6", markersize=3, label="solved with noise")
        axes.plot([0], [0], "+", color="black", markersize=10, label="zero")
        axes.plot(*as_array(truth), "k*", markersize=11, label="truth")
        ring = {"color": COLOURS[1], "markersize": 16, "markerfacecolor": "none", "markeredgewidth": 2.5}
        axes.plot(*as_array(centre), "o", label="centre of the cloud", **ring)
        axes.set(xlabel="x₁", title=f"λ = {weight:g}, typical distance {distance:.1f}", aspect="equal")
        axes.set(xlim=(-3.5, 5.0), ylim=(-1.5, 7.0))
        axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("x₂")
    panels[0, -1].legend(frameon=True, loc="upper right", fontsize=9)
    return Panels(panels[0])


@styled
def show_walks(
    normal_matrix: Tensor,
    solution: Tensor,
    walks: Mapping[str, Sequence[Tensor]],
    *,
    arrows: Mapping[str, tuple[Tensor, Tensor]] | None = None,
) -> Axes:
    r"""Draw walks on the contour lines of the misfit $(x - \hat x)^T N (x - \hat x)$ of two unknowns.

    A dashed line marks the floor of the valley: through the solution, along the eigenvector of the smaller eigenvalue.

    Parameters
    ----------
    normal_matrix : real Tensor, shape (2, 2)
        $N$, symmetric and positive.
    solution : real Tensor, shape (2,)
        $\hat x$, where the misfit is zero.
    walks : dict {name: sequence of Tensors (2,)}
        Every point of each walk, the start first.
    arrows : dict {name: (tail, vector)}, each a Tensor (2,), optional
        Drawn in their true length, with their names beside them.
    """
    axes = plt.subplots(figsize=(6.4, 4.6))[1]
    across = torch.linspace(-0.4, 4.2, 160)
    up = torch.linspace(0.8, 4.0, 160)
    grid = torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1) - solution
    misfit = torch.einsum("yxi,ij,yxj->yx", grid, normal_matrix, grid)
    axes.contour(as_array(across), as_array(up), as_array(misfit.sqrt()), levels=12, colors="0.75", linewidths=0.9)
    along = torch.linalg.eigh(normal_matrix).eigenvectors[:, 0]  # of the smaller eigenvalue
    ends = torch.stack([solution - 10 * along, solution + 10 * along])
    axes.plot(*as_array(ends.mT), "--", color="0.35", linewidth=1.4, label="floor of the valley")
    axes.set(xlim=as_array(across)[[0, -1]], ylim=as_array(up)[[0, -1]])
    for index, (name, walk) in enumerate(walks.items()):
        points = as_array(list(walk))
        axes.plot(points[:, 0], points[:, 1], "o-", color=COLOURS[index], markersize=5, label=name)
    axes.plot(*as_array(solution), "k*", markersize=14, label="solution")
    if arrows:
        _draw_arrows(axes, arrows)
    axes.set(xlabel="x₁", ylabel="x₂", aspect="equal")
    axes.legend(frameon=True, loc="upper right")
    return quiet(axes)


@styled
def show_comparison(
    reference: Tensor,
    rows: Mapping[str, Mapping[str, Tensor]],
    *,
    view: tuple[slice, slice] | None = None,
    inside: Tensor | None = None,
) -> list[Axes]:
    """Show methods beside the reference, a row for each case, with one window and the PSNR in the titles.

    Parameters
    ----------
    reference : Tensor, shape (y, x)
        Real or complex; it sets the window.
    rows : dict {case: {method: Tensor (y, x)}}
        The same methods in every row, three at most; magnitudes are shown.
    view : (rows, columns), optional
        The part that is drawn; window and PSNR are those of the whole images.
    inside : bool Tensor, shape (y, x), optional
        The pixels over which the PSNR averages the error; all by default.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        More than three methods, or methods that differ from row to row.
    """
    methods = list(next(iter(rows.values())))
    if len(methods) > 3 or any(list(images) != methods for images in rows.values()):
        names = [list(images) for images in rows.values()]
        raise ValueError(f"the rows hold {names}; expected the same three methods or fewer in each.")
    view = view or (slice(None), slice(None))
    ny, nx = reference[view].shape
    height = NARROW_PANEL_IN * ny / nx + 0.3
    size = ((1 + len(methods)) * NARROW_PANEL_IN, len(rows) * height)
    cells = plt.subplots(len(rows), 1 + len(methods), figsize=size, squeeze=False)[1]
    window: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": top([as_array(reference)], share=BRIGHT)}
    for line, (case, images) in zip(cells, rows.items(), strict=True):
        line[0].imshow(abs(as_array(reference[view])), **window)
        line[0].set_title("reference" if case == next(iter(rows)) else "")
        line[0].set_ylabel(case, fontsize=13)
        for axes, (name, image) in zip(line[1:], images.items(), strict=True):
            axes.imshow(abs(as_array(image[view])), **window)
            axes.set_title(f"{name}, {psnr(image, reference, inside=inside):.1f} dB")
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
    return Panels(cells.flat)


def _draw_arrows(axes: Axes, arrows: Mapping[str, tuple[Tensor, Tensor]]) -> None:
    """Arrows in their true length; each name stands beside the middle of its arrow, away from the other arrows."""
    shape = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "lw": 2}
    middles = {name: tail + vector / 2 for name, (tail, vector) in arrows.items()}
    centre = torch.stack(list(middles.values())).mean(0)
    for name, (tail, vector) in arrows.items():
        axes.annotate("", as_array(tail + vector), as_array(tail), arrowprops=shape)
        beside = torch.stack([vector[1], -vector[0]]) / vector.norm()
        outwards = torch.where(beside.dot(middles[name] - centre) < 0, -beside, beside)
        axes.annotate(
            name, as_array(middles[name]), as_array(12 * outwards), textcoords="offset points", fontsize=14,
            ha="center", va="center", path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip


def _mark(axes: Axes, x: int, y: int, text: str, colour: str, *, to_the_left: bool = False) -> None:
    """A dot with its name beside it, readable on any grey."""
    axes.plot(x, y, "o", color=colour, markersize=9, markeredgecolor="black")
    axes.annotate(
        text, (x, y), xytext=(-10 if to_the_left else 10, 0), textcoords="offset points", color=colour, fontsize=15,
        ha="right" if to_the_left else "left", va="center",
        path_effects=[withStroke(linewidth=3, foreground="black")],
    )  # fmt: skip
