"""Figures of the lessons on unrolled networks: the frozen objective, rounds, paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.evaluation.statistics import mean_interval
from mricourse.plotting.figures import plot_lines
from mricourse.plotting.panels import (
    COLOURS,
    as_array,
    quiet,
    styled,
)

__all__ = ["plot_rounds", "show_frozen_steps", "show_paired_differences"]


@styled
def show_frozen_steps(
    denoise: Callable[[np.ndarray], np.ndarray], *, data: float, reg_weight: float, n_rounds: int = 3
) -> Axes:
    r"""Draw MoDL's objective of one real pixel, $(x - y)^2 + \lambda (x - D(x))^2$, and what freezing makes of it.

    Each round asks the denoiser once, where the round before ended, and minimises the parabola that is left.

    Parameters
    ----------
    denoise : callable
        $D$, of numbers and of arrays.
    data, reg_weight : float
        $y$, where the first round starts, and $\lambda$.
    n_rounds : int

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(9.2, 4))[1]
    at = np.linspace(data - 0.8, data + 0.25, 400)
    whole = (at - data) ** 2 + reg_weight * (at - denoise(at)) ** 2
    axes.plot(at, whole, color="black", linewidth=2.4, label="the objective, D(x) moves with x")
    axes.plot(at[whole.argmin()], whole.min(), "*", color="black", markersize=14, label="its minimum")
    x = data
    for number in range(n_rounds):
        z = denoise(x)
        frozen = (at - data) ** 2 + reg_weight * (at - z) ** 2
        x = (data + reg_weight * z) / (1 + reg_weight)
        colour = COLOURS[number]
        axes.plot(at, frozen, "--", color=colour, label=f"round {number + 1}: D frozen at z = {z:.3g}")
        axes.plot(x, (x - data) ** 2 + reg_weight * (x - z) ** 2, "o", color=colour, markersize=8)
    axes.set(xlabel="value of the pixel, x", ylabel="value of the objective", ylim=(0, 0.75 * whole[0]))
    axes.grid(alpha=0.3)
    axes.legend(frameon=True, fontsize=9, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return quiet(axes)


@styled
def plot_rounds(curves: Tensor | Mapping[str, Tensor], *, ylabel: str) -> Axes:
    """Plot a number of every step $x_0, z_0, x_1, z_1, ..., x_K$: grey where the denoiser works.

    Parameters
    ----------
    curves : dict {label: 2K + 1 numbers}, or one such sequence
        In the order of `MoDL.iterates`. $x_k$ is drawn at k and $z_k$ at k + 1/2, so that the white steps are those of
        data consistency.
    ylabel : str
        What it is, and its unit.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        An even number of numbers.
    """
    first = next(iter(curves.values())) if isinstance(curves, Mapping) else curves
    n_rounds, rest = divmod(len(first) - 1, 2)
    if rest:
        raise ValueError(f"{len(first)} numbers came; expected an odd number, for x0, z0, x1, ..., z and the last x.")
    axes = plot_lines(
        [step / 2 for step in range(len(first))],
        curves,
        xlabel="k: $x_k$ at whole numbers, $z_k$ half way\n(grey: denoiser, white: data consistency)",
        ylabel=ylabel,
    )
    axes.set_xticks(range(n_rounds + 1))
    for k in range(n_rounds):
        axes.axvspan(k, k + 0.5, color="0.88", linewidth=0, zorder=0)
    return axes


@styled
def show_paired_differences(differences: Mapping[str, Tensor], *, ylabel: str) -> Axes:
    """Show a dot for each sample of every difference, their mean and its 95 % interval, and say how many are above 0.

    Parameters
    ----------
    differences : dict {"a - b": Tensor (n,)}
        Of the same samples, in any unit.
    ylabel : str
        What was compared, and its unit.

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(1.6 + 1.7 * len(differences), 3.8))[1]
    for place, values in enumerate(differences.values()):
        numbers = as_array(values)
        spread = np.linspace(-0.18, 0.18, len(numbers))
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(place + spread, numbers, "o", color=colour, alpha=0.55, markersize=5)
        axes.plot([place - 0.27, place + 0.27], [numbers.mean()] * 2, color="black", linewidth=2.2)
        interval = mean_interval(values)
        if interval is not None:
            axes.fill_between([place - 0.27, place + 0.27], interval.low, interval.high, color="0.6", alpha=0.45)
        said = f"{numbers.mean():+.1f}, {(numbers > 0).sum()} of {len(numbers)}\nabove 0"
        axes.text(place, 1.02, said, ha="center", va="bottom", fontsize=10, transform=axes.get_xaxis_transform())
    axes.axhline(0, color="black", linewidth=0.9)
    axes.set_xticks(range(len(differences)), list(differences))
    axes.set(ylabel=ylabel, xlim=(-0.5, len(differences) - 0.5))
    axes.grid(axis="y", alpha=0.3)
    return quiet(axes)
