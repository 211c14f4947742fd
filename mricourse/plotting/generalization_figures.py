"""Figures on generalisation: what part of a drop the scan explains, and what part the training."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from mricourse.evaluation.generalization import Drop
from mricourse.evaluation.statistics import mean_interval
from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.panels import COLOURS, as_array, quiet, styled

PARTS = {"harder": "the scan is harder", "gap": "generalisation gap"}  # field of a drop -> words


@styled
def show_drops(drops: Mapping[str, Drop]) -> Axes:
    """Show drops in PSNR by their two parts, two bars for each condition, with 95 % intervals over the slices.

    Parameters
    ----------
    drops : mapping {condition: Drop}
        From top to bottom; of four slices or more.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        No drops.
    """
    if not drops:
        raise ValueError("got no drops; expected one condition or more.")
    axes = plt.subplots(figsize=(7.6, 1.0 + 0.62 * len(drops)))[1]
    rows = np.arange(len(drops))
    sentences = []
    for number, (part, words) in enumerate(PARTS.items()):
        values = [torch.from_numpy(as_array(getattr(drop, part)).astype(float)) for drop in drops.values()]
        means = np.array([float(each.mean()) for each in values])
        places = rows + 0.36 * number - 0.18
        axes.barh(places, means, height=0.34, color=COLOURS[5 if number == 0 else 1], alpha=0.7, label=words)
        for place, mean, each in zip(places, means, values, strict=True):
            interval = mean_interval(each)
            if interval is not None:
                reach = [[mean - interval.low], [interval.high - mean]]
                axes.errorbar(mean, place, xerr=reach, color="black", linewidth=1.2, capsize=2)
            axes.text(1.01, place, f"{mean:+.1f} dB", transform=axes.get_yaxis_transform(), va="center", fontsize=9)
        sentences.append(f"{words}: " + ", ".join(f"{n} {m:+.1f}" for n, m in zip(drops, means, strict=True)))
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(rows, list(drops))
    axes.set(xlabel="drop in PSNR (dB)", ylim=(len(drops) - 0.4, -0.6))
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    set_alt(axes, f"Drop in PSNR in dB, by condition. {'; '.join(sentences)}.")
    return quiet(axes)
