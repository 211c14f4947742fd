"""Figures in one style: what a lesson shows is comparable from panel to panel.

Magnitudes are grey from zero with one window for the whole strip, errors have their own panels and a stated
gain, phases a cyclic map, k-space is logarithmic with low frequencies in the centre and ky vertical.
Functions take tensors (NumPy arrays too), return the Axes they drew, and leave ``plt.show()`` and the global
style alone. Several images come as a dict {title: image}, a list, or a stack (n, y, x).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator
from torch import Tensor

from mricourse.evaluation.metrics import psnr
from mricourse.physics.sampling import acceleration_of, point_spread
from mricourse.plotting.panels import (
    BRIGHT,
    COLOURS,
    Images,
    Row,
    as_array,
    as_panels,
    as_reference,
    draw,
    quiet,
    styled,
    top,
)

__all__ = [
    "plot_lines", "show_error", "show_images", "show_kspace", "show_mask", "show_phase",
    "show_point_spread", "show_smaps", "show_trajectory",
]  # fmt: skip

MOST_LABELLED = 6  # points of a logarithmic axis that each have their number below
MARKERS = "os^Dv<>"
PHASE = {"cmap": "twilight", "window": (-math.pi, math.pi), "label": "phase (rad)"}


@styled
def show_images(
    images: Images,
    titles: Sequence[str] | None = None,
    *,
    reference: Tensor | None = None,
    window: tuple[float, float] | None = None,
    error_gain: float | None = None,
    scores: bool = True,
    label: str = "magnitude (a.u.)",
    cmap: str = "gray",
) -> list[Axes]:
    """Show magnitudes side by side in one window, at most four a row.

    Parameters
    ----------
    images : Tensor (y, x) or (n, y, x), or a list or a dict {title: image} of Tensors (y, x)
        Complex ones are shown by magnitude, real ones as they are. The order of a comparison is reference,
        zero-filled, methods.
    titles : sequence of str, optional
        One a panel; a dict brings its own.
    reference : Tensor, shape (y, x), optional
        Sets the window and the errors, and puts the PSNR into the titles of all panels but its own.
    window : (low, high), optional
        Grey scale in the unit of the images, by default zero to what 99.5 % of the pixels of the reference
        stay below, or of all images where there is no reference.
    error_gain : float, optional
        Adds panels of ``||x| - |reference||``, brighter than the images by this factor.
    scores : bool
        False keeps the PSNR out of the titles.
    label, cmap : str
        Text of the colour bar and colour map, for what is no magnitude (a g-factor, say).

    Returns
    -------
    list of Axes
        One per image, then one per error panel.

    Raises
    ------
    ValueError
        If there are more than 16 panels, or shapes, titles or options do not fit together.
    """
    panels, titles = as_panels(images, titles)
    if reference is None and error_gain is not None:
        raise ValueError("error_gain came without a reference; give reference=..., shape (y, x).")
    if reference is None:
        return draw([Row(panels, titles, cmap, window or (0.0, top(panels, share=BRIGHT)), label)])
    reference = as_reference(reference)
    low, high = window or (0.0, top([reference], share=BRIGHT))
    own = [np.array_equal(panel, reference) for panel in panels]
    if scores:
        titles = [
            title if same else _join(title, f"{_psnr(panel, reference):.1f} dB")
            for panel, title, same in zip(panels, titles, own, strict=True)
        ]
    rows = [Row(panels, titles, cmap, (low, high), label)]
    if error_gain is not None:
        errors = [None if same else _error(panel, reference) for panel, same in zip(panels, own, strict=True)]
        rows.append(_error_row(errors, [""] * len(panels), error_gain, high))
    return draw(rows)


@styled
def show_error(
    images: Images,
    reference: Tensor,
    *,
    titles: Sequence[str] | None = None,
    gain: float = 5,
    window: tuple[float, float] | None = None,
) -> list[Axes]:
    """Show ``||x| - |reference||`` of every image, with the same stated gain for all.

    Parameters
    ----------
    images, titles, window :
        As in `show_images`; the errors are shown `gain` times as bright as images in that window.
    reference : Tensor, shape (y, x)
        Complex or real, in the unit of the images.

    Returns
    -------
    list of Axes
    """
    panels, titles = as_panels(images, titles)
    reference = as_reference(reference)
    high = window[1] if window else top([reference], share=BRIGHT)
    return draw([_error_row([_error(panel, reference) for panel in panels], titles, gain, high)])


@styled
def show_kspace(
    kspace: Images,
    titles: Sequence[str] | None = None,
    *,
    scale: float | None = None,
    window: tuple[float, float] | None = None,
) -> list[Axes]:
    """Show ``log(1 + scale |k|)``, low frequencies in the centre, ky vertical.

    Parameters
    ----------
    kspace : Tensor (ky, kx) or (n, ky, kx), or a list or a dict of Tensors (ky, kx)
        Several coils come as the stack; 16 panels at most.
    scale : float, optional
        Lifts the weak samples; the colour bar tells it. By default the power of ten that brings the largest
        sample near 1000.
    window : (low, high), optional
        Grey scale of the logarithm, by default zero to its maximum.

    Returns
    -------
    list of Axes
    """
    panels, titles = as_panels(kspace, titles, expected="(ky, kx)", advice="For one coil use kspace[0].")
    if scale is None:
        scale = 10.0 ** round(3 - math.log10(top(panels)))
    panels = [np.log1p(scale * np.abs(panel)) for panel in panels]
    label = "log(1 + |k|)" if scale == 1 else f"log(1 + {scale:g} |k|)"
    return _name_kspace_axes(draw([Row(panels, titles, window=window or (0.0, top(panels)), label=label)]))


@styled
def show_mask(mask: Images, titles: Sequence[str] | None = None, *, n_readout: int | None = None) -> list[Axes]:
    """Show sampling masks, white where sampled, with the realised acceleration in the title.

    Parameters
    ----------
    mask : bool Tensor (ky, kx), (ky, 1) or (frames, 1, ky, 1), or a list or dict of these
        A mask over time is shown as ky against frames.
    n_readout : int, optional
        Width that a 1-D mask is drawn with, by default its height.

    Returns
    -------
    list of Axes
    """
    over_time = isinstance(mask, Tensor | np.ndarray) and mask.ndim == 4
    if over_time:
        mask = as_array(mask)[:, 0, :, 0].T
    panels, titles = as_panels(mask, titles, expected="(ky, kx) or (ky, 1)", advice="Show one mask at a time.")
    titles = [
        _join(title, f"R = {acceleration_of(torch.tensor(panel != 0)):.1f}")
        for panel, title in zip(panels, titles, strict=True)
    ]
    panels = [np.broadcast_to(p, (len(p), n_readout or len(p))) if p.shape[1] == 1 else p for p in panels]
    axes = _name_kspace_axes(draw([Row(panels, titles)], aspect="auto" if over_time else "equal"))
    if over_time:
        axes[0].set_xlabel("frame")
    return axes


@styled
def show_phase(
    images: Images,
    titles: Sequence[str] | None = None,
    *,
    support: Tensor | None = None,
    window: tuple[float, float] | None = None,
) -> list[Axes]:
    """Show the phase of complex images in rad, in a cyclic colour map where a full turn is shown.

    Parameters
    ----------
    images : complex Tensor (y, x) or (n, y, x), or a list or dict of these
    support : bool Tensor, shape (y, x), optional
        Where False, nothing is drawn: the phase of noise means nothing.
    window : (low, high), optional
        What the colours span, in rad, by default -π to π; narrower for phases that differ little, whose two ends
        then get different colours (blue and red).

    Returns
    -------
    list of Axes
    """
    panels, titles = as_panels(images, titles)
    for panel in panels:
        if not np.iscomplexobj(panel):
            raise TypeError("show_phase got real values; expected complex ones. Did an .abs() come before it?")
    phases = [np.angle(panel) for panel in panels]
    if support is not None:
        phases = [np.where(as_array(support), phase, np.nan) for phase in phases]
    return draw([Row(phases, titles, **(PHASE if window is None else PHASE | {"cmap": "RdBu_r", "window": window}))])


@styled
def show_smaps(smaps: Tensor, titles: Sequence[str] | None = None, *, phase: bool = True) -> list[Axes]:
    """Show coil sensitivity maps, (coils, y, x): magnitudes, then phases where `phase` is True.

    Titles count the coils from 0 where none are given; phases are drawn where a map is not zero.

    Returns
    -------
    list of Axes
    """
    panels, named = as_panels(smaps, titles)
    titles = named if titles else [f"coil {index}" for index in range(len(panels))]
    magnitudes = [np.abs(panel) for panel in panels]
    rows = [Row(magnitudes, titles, window=(0.0, top(panels)), label="|S|")]
    if phase:
        phases = [np.where(np.abs(panel) > 0, np.angle(panel), np.nan) for panel in panels]
        rows.append(Row(phases, [""] * len(panels), **PHASE))
    return draw(rows)


@styled
def show_point_spread(mask: Tensor, *, title: str = "", floor_db: float = -50) -> Axes:
    """Show the image of one point under a mask, in dB: a line for (ky, 1), an image for (ky, kx)."""
    spread = np.abs(as_array(point_spread(mask)))
    decibels = np.maximum(20 * np.log10(np.maximum(spread, 1e-12)), floor_db)
    if decibels.shape[-1] > 1:
        return quiet(draw([Row([decibels], [title], "magma", (floor_db, 0), "|PSF| (dB)")])[0])
    ny = len(decibels)
    axes = plot_lines(
        np.arange(ny) - ny // 2, decibels[:, 0], xlabel="y (pixels from the point)", ylabel="|PSF| (dB)",
        title=title,
    )  # fmt: skip
    axes.set_ylim(floor_db, 3)
    return axes


@styled
def show_trajectory(trajectory: Tensor, *, title: str = "") -> Axes:
    """Show the samples of a trajectory, (samples, 2) as (ky, kx) in cycles per pixel."""
    points = as_array(trajectory)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"trajectory has shape {points.shape}; expected (samples, 2) as (ky, kx). "
            "Flatten spokes and readout with .reshape(-1, 2)."
        )
    axes = plt.subplots(figsize=(4, 4))[1]
    axes.plot(points[:, 1], points[:, 0], ".", markersize=max(1.0, min(4.0, 200 / math.sqrt(len(points)))))
    axes.set(xlabel="kx (cycles / pixel)", ylabel="ky (cycles / pixel)", title=title, aspect="equal")
    axes.set(xlim=(-0.55, 0.55), ylim=(0.55, -0.55), xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5))
    return quiet(axes)


@styled
def plot_lines(
    x: Tensor | Sequence[float] | None,
    lines: Tensor | Mapping[str, Tensor],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: str = "",
    bands: Mapping[str, tuple[Tensor, Tensor]] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Plot curves {label: y} over a common x, with labelled axes.

    Parameters
    ----------
    x : sequence of n numbers, or None to count from 0
    lines : dict of sequences of n numbers, or one such sequence
        Up to 24 points are marked, so that curves can be told apart without colour.
    xlabel, ylabel : str
        What and its unit: ``"y (mm)"``.
    log : "", "x", "y" or "xy"
        Logarithmic axes. Up to 6 points of x are the labels of a logarithmic x axis.
    bands : dict {label: (low, high)}, optional
        Shaded intervals around the curves of these labels.
    axes : Axes, optional
        Draw here instead of in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If a curve and `x` differ in length.
    """
    curves = lines if isinstance(lines, Mapping) else {"": lines}
    if axes is None:
        axes = plt.subplots(figsize=(6, 3.6))[1]
    for index, (label, y) in enumerate(curves.items()):
        y = as_array(y)
        at = np.arange(len(y)) if x is None else as_array(x)
        if y.shape != at.shape or y.ndim != 1:
            raise ValueError(f"curve {label!r} has shape {y.shape} and x {at.shape}; expected the same (n,).")
        colour = COLOURS[index % 7]
        marker = MARKERS[index % 7] if len(y) <= 24 else None
        axes.plot(at, y, color=colour, marker=marker, label=label)
        if bands and label in bands:
            axes.fill_between(at, *map(as_array, bands[label]), color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.set_xscale("log" if "x" in log else "linear")
    axes.set_yscale("log" if "y" in log else "linear")
    if "x" in log and x is not None and len(x) <= MOST_LABELLED:
        points = as_array(x)
        axes.set_xticks(points, [f"{point:g}" for point in points])
        axes.set_xticks([], minor=True)  # between points that are close, matplotlib's labels run into each other
    if "y" in log:
        plain_ticks(axes)
    axes.grid(alpha=0.3)
    if any(curves):
        axes.legend(frameon=False)
    return quiet(axes)


def plain_ticks(axes: Axes) -> None:
    """Label a logarithmic y axis of one or two decades 2, 5, 10, 20: powers of ten would leave one or two labels."""
    low, high = axes.get_ylim()
    if low >= 0.05 and high <= 2000 and high / low < 200:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())


def _join(title: str, remark: str) -> str:
    return f"{title}, {remark}" if title else remark


def _psnr(panel: np.ndarray, reference: np.ndarray) -> float:
    return psnr(torch.from_numpy(panel), torch.from_numpy(reference))


def _error(panel: np.ndarray, reference: np.ndarray) -> np.ndarray:
    if panel.shape != reference.shape:
        raise ValueError(
            f"an image has shape {panel.shape} and the reference {reference.shape}; expected the same. "
            "Crop or resize first."
        )
    return np.abs(_magnitude(panel) - _magnitude(reference))


def _magnitude(panel: np.ndarray) -> np.ndarray:
    """In floating point: differences of unsigned integers would wrap round."""
    return np.abs(panel if panel.dtype.kind in "fc" else panel.astype(float))


def _error_row(errors: list[np.ndarray | None], titles: list[str], gain: float, high: float) -> Row:
    titles = [_join(title, f"error × {gain:g}") for title in titles]
    return Row(errors, titles, "inferno", (0.0, high / gain), "|error| (a.u.)")


def _name_kspace_axes(axes: list[Axes]) -> list[Axes]:
    """Bring back the frame and name the axes; positions are frequencies, so no pixel numbers."""
    for cell in axes:
        cell.set_axis_on()
        cell.set(xticks=[], yticks=[], xlabel="kx", ylabel="ky")
    return axes
