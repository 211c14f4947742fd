"""Block diagrams of networks, drawn as their equations read."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.panels import COLOURS, quiet, styled

__all__ = ["show_kiki_diagram", "show_modl_diagram"]

DENOISER, CONSISTENCY, DATA, KSPACE = COLOURS[2], COLOURS[0], COLOURS[1], COLOURS[4]


@styled
def show_modl_diagram() -> Axes:
    """Draw MoDL: its two blocks, what goes into each, the way back, and the five convolutions of the denoiser.

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(9.6, 4.6))[1]
    axes.set(xlim=(0, 96), ylim=(0, 46), title="MoDL: K rounds of denoiser and data consistency")
    axes.set_axis_off()
    axes.add_patch(FancyBboxPatch((17.5, 17), 60, 21, boxstyle="round,pad=0.6", fill=False, ls="--", ec="0.4"))
    axes.text(18.5, 35.6, "repeated $K$ times, with the same $w$ and $\\lambda$", color="0.3")
    box(axes, (28, 27), "denoiser $D_w$", DENOISER, width=15)
    box(axes, (58, 27), "data consistency\n$(A^H A + \\lambda I)^{-1}(A^H y + \\lambda z_k)$", CONSISTENCY, width=27)
    box(axes, (6, 27), "$A^H$", DATA, width=5)
    axes.text(6, 38.5, "k-space $y$", ha="center", color=DATA)
    arrow(axes, (6, 37.5), (6, 30.6), DATA)
    arrow(axes, (8.8, 27), (20, 27), label="$x_0$", at=(13, 28))
    arrow(axes, (35.8, 27), (44, 27), label="$z_k$", at=(40, 28))
    arrow(axes, (71.8, 27), (88, 27), label="$x_K$", at=(84, 28))
    _path(axes, [(6, 41), (58, 41), (58, 31.4)], DATA)
    axes.text(32, 42, "the data enter every round", ha="center", color=DATA)
    _path(axes, [(74.5, 27), (74.5, 19.5), (18.7, 19.5), (18.7, 26.4)], "black")
    axes.text(58, 20.4, "$x_{k+1}$ goes back", ha="center")
    axes.text(88.6, 27, "image", va="center")
    _inside_the_denoiser(axes)
    set_alt(
        axes,
        "Block diagram of MoDL. The adjoint turns k-space into the first image. A loop that is repeated K times holds "
        "two blocks: the denoiser, whose output is z, and data consistency, which takes z and the k-space and gives "
        "the next image. Below, the denoiser from the inside: four convolutions of 3 x 3 with a ReLU, a fifth "
        "without, and a path that adds the input to the result.",
    )
    return quiet(axes)


@styled
def show_kiki_diagram() -> Axes:
    """Draw KIKI-net: four networks, data consistency behind each, and below, a K- and an I-network from the inside.

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(9.6, 4.4))[1]
    axes.set(
        xlim=(0, 96),
        ylim=(0, 44),
        title="KIKI-net: four networks, each with weights of its own, consistency behind each",
    )
    axes.set_axis_off()
    axes.text(3, 29, "$y$", ha="center", va="center", color=DATA, fontsize=13)
    for number, letter in enumerate("KIKI"):
        left = 12.5 + 21.5 * number
        colour = KSPACE if letter == "K" else DENOISER
        box(axes, (left, 29), f"${letter}_{number // 2 + 1}$", colour, width=7)
        box(axes, (left + 10, 29), "samples\nback", CONSISTENCY, width=8)
        arrow(axes, (4.5 if not number else left - 6.9, 29), (left - 4, 29))
        arrow(axes, (left + 4, 29), (left + 5.5, 29))
        _path(axes, [(left + 10, 38), (left + 10, 32.6)], DATA)
    axes.plot([3, 87], [38, 38], color=DATA, linewidth=1.5)
    axes.plot([3, 3], [31, 38], color=DATA, linewidth=1.5)
    axes.text(45, 39.2, "the measured samples enter after every network", ha="center", color=DATA)
    arrow(axes, (91.6, 29), (94.6, 29))
    axes.text(93, 31, "$k$", ha="center")
    _inside(axes, 15.5, "K", ["times\n$W / u$", "convs\n3 × 3", "times\n$u / W$", "plus\nk-space"], KSPACE)
    _inside(axes, 4.5, "I", ["$F^H$", "convs\n3 × 3", "plus\nimage", "$F$"], DENOISER)
    set_alt(
        axes,
        "Block diagram of KIKI-net. k-space passes a K-network, an I-network, a K-network and an I-network; behind "
        "each of them the measured samples are put back. Below: a K-network multiplies k-space by a weight over a "
        "unit, convolves, takes both off again, and adds the result to k-space; an I-network goes to the image, "
        "convolves, adds the result to the image, and goes back to k-space.",
    )
    return quiet(axes)


def _inside(axes: Axes, y: float, letter: str, names: list[str], colour: str) -> None:
    axes.text(8, y, f"in {letter}:", ha="center", va="center")
    for number, name in enumerate(names):
        arrow(axes, (11.5 if not number else 9.5 + 16 * number, y), (15 + 16 * number, y))
        box(axes, (20 + 16 * number, y), name, colour, width=9)
    arrow(axes, (73.5, y), (78, y))


def _inside_the_denoiser(axes: Axes) -> None:
    axes.plot([22, 4], [23.4, 13.2], color=DENOISER, linewidth=0.8, linestyle=":")
    axes.plot([34, 84], [23.4, 13.2], zorder=0, color=DENOISER, linewidth=0.8, linestyle=":")
    axes.text(3, 5.6, "$x_k$", ha="center", va="center")
    for number in range(5):
        name = "conv 3 × 3\nReLU" if number < 4 else "conv 3 × 3"
        box(axes, (14 + 15 * number, 5.6), name, DENOISER, width=11)
        arrow(axes, (5 if not number else 4.9 + 15 * number, 5.6), (7.9 + 15 * number, 5.6))
    arrow(axes, (80, 5.6), (83.6, 5.6))
    axes.text(85, 5.6, "+", ha="center", va="center", fontsize=15, bbox={"boxstyle": "circle,pad=0.15", "fc": "white"})
    _path(axes, [(3, 7.2), (3, 11.4), (85, 11.4), (85, 7.8)], "black")
    axes.text(44, 12, "$x_k$ is added: the convolutions only find what to change", ha="center", fontsize=10)
    arrow(axes, (86.6, 5.6), (90.6, 5.6))
    axes.text(92.6, 5.6, "$z_k$", ha="center", va="center")


def box(axes: Axes, centre: tuple[float, float], text: str, colour: str, *, width: float) -> None:
    x, y = centre
    corner = (x - width / 2, y - 3)
    axes.add_patch(FancyBboxPatch(corner, width, 6, boxstyle="round,pad=0.3", fc=colour, ec=colour, alpha=0.22))
    axes.text(x, y, text, ha="center", va="center", fontsize=10)


def arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str = "black",
    *,
    label: str = "",
    at: tuple[float, float] = (0, 0),
) -> None:
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.5, "shrinkA": 0, "shrinkB": 0}
    )
    if label:
        axes.text(*at, label, ha="center")


def _path(axes: Axes, points: list[tuple[float, float]], colour: str) -> None:
    """Lines from point to point, the last one an arrow."""
    for start, end in zip(points[:-2], points[1:-1], strict=True):
        axes.plot([start[0], end[0]], [start[1], end[1]], color=colour, linewidth=1.5)
    arrow(axes, points[-2], points[-1], colour)
