"""Figures of trainings: the curve of a range test with the rates that one reads off it."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from torch import Tensor

from mricourse.plotting.figures import plot_lines
from mricourse.plotting.panels import COLOURS, quiet, styled


@styled
def show_range_test(rates: Tensor, curve: Tensor, marks: Mapping[str, float], *, unit: str = "dB") -> Axes:
    """Draw the curve of `range_test` over a logarithmic rate, with a dashed line at each named rate.

    Parameters
    ----------
    rates, curve : Tensor, shape (steps,)
    marks : mapping {name: rate}
        Rates read off the curve, or chosen by hand.
    unit : str
        Of the loss.

    Returns
    -------
    Axes
    """
    axes = plot_lines(rates, curve, xlabel="learning rate", ylabel=f"change of the loss ({unit})", log="x")
    for colour, (name, rate) in zip(COLOURS[1:], marks.items(), strict=False):
        axes.axvline(rate, color=colour, linestyle="--", label=f"{name}, {rate:.1e}")
    axes.legend(frameon=True)
    return quiet(axes)
