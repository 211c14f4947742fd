"""Figures of the lesson on enhancement: what an observer reads, and what is kept of lesions of many sizes."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from mricourse.evaluation.detection import detection_rate
from mricourse.plotting.panels import COLOURS, Panels, as_array, styled

__all__ = ["show_readings"]


@styled
def show_readings(
    readings: Mapping[str, tuple[Tensor, Tensor]], *, false_alarms: float = 0.1, label: str = "reading"
) -> Panels:
    """Show how often each reading came, without and with the lesion, and the threshold of a known share of alarms.

    Parameters
    ----------
    readings : dict {title: (without, present)}, each a Tensor (draws,)
    false_alarms : float
        Share of images without a lesion that lie above the threshold.
    label : str
        What is read, and its unit.

    Returns
    -------
    list of Axes
        One for each title, in one range.
    """
    figure, cells = plt.subplots(1, len(readings), figsize=(3.6 * len(readings), 3.2), sharex=True, sharey=True)
    everything = np.concatenate([as_array(torch.cat(pair)) for pair in readings.values()])
    edges = np.linspace(everything.min(), everything.max(), 36)
    for cell, (title, (without, present)) in zip(np.atleast_1d(cells), readings.items(), strict=True):
        threshold = float(torch.quantile(without, 1 - false_alarms))
        for number, (name, values) in enumerate({"without lesion": without, "with lesion": present}.items()):
            cell.hist(as_array(values), bins=edges, color=COLOURS[number], alpha=0.55, label=name)
        cell.axvline(threshold, color="black", linestyle="--", linewidth=1.4, label="threshold")
        found = float(detection_rate(without, present, false_alarms=false_alarms))
        cell.xaxis.set_major_locator(MaxNLocator(4))
        cell.set(title=f"{title}: {100 * found:.0f} % found", xlabel=label)
    np.atleast_1d(cells)[0].set_ylabel("images")
    figure.legend(*np.atleast_1d(cells)[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Panels(np.atleast_1d(cells))
