"""Figures of unrolled networks: all iterations in a row, learned steps, filters and slopes, cobwebs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.physics.fourier import fft2c
from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.figures import plain_ticks
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, as_array, as_panels, as_reference, quiet, styled, top
from mricourse.plotting.pictures import grey

__all__ = [
    "error_views",
    "plot_by_iteration",
    "show_cobwebs",
    "show_experts",
    "show_inside",
    "show_iterations",
    "show_step_sizes",
    "show_thresholds",
]

MOST_ITERATIONS = 12
MARKERS = "os^Dv<>"
LEAST_OPENED = 5  # images, for the start, two, one on the way and the last
MARGIN = 1.15  # of what is shown around the head, where air is cut off
KSPACE_SCALE = 1e4  # samples of 1/10000 of the largest begin to be seen


@styled
def show_iterations(
    images: Mapping[str, Tensor], reference: Tensor, *, error_gain: float = 4, columns: slice = slice(None)
) -> Panels:
    """Show the images of all iterations in one row, with their PSNR, and their errors below.

    Parameters
    ----------
    images : dict {title: Tensor (y, x)}
        In the order of the iterations, 12 at most.
    reference : Tensor, shape (y, x)
        Sets the window and the errors; PSNR is that of the whole image.
    error_gain : float
        How many times as bright as images the errors are shown.
    columns : slice
        The part of each row that is shown: narrow panels fit side by side.

    Returns
    -------
    list of Axes
        The images, then their errors.

    Raises
    ------
    ValueError
        More images than fit, or shapes that differ.
    """
    if len(images) > MOST_ITERATIONS:
        raise ValueError(f"{len(images)} images came; expected {MOST_ITERATIONS} at most. Show every second iteration.")
    panels, titles = as_panels(images, None)
    wanted = as_reference(reference)
    if any(panel.shape != wanted.shape for panel in panels):
        raise ValueError(f"images of other shapes than the reference's {wanted.shape} came; expected the same.")
    high = top([wanted], share=BRIGHT)
    ny, nx = wanted[:, columns].shape
    width = 10.0 / len(panels)
    figure, cells = plt.subplots(2, len(panels), figsize=(10.0, 2 * width * ny / nx + 0.8), squeeze=False)
    figure.get_layout_engine().set(hspace=0.0, h_pad=0.02, wspace=0.0, w_pad=0.02)
    axes = Panels()
    scores = {
        title: "" if np.array_equal(panel, wanted) else f"{float(psnr(image, reference)):.1f} dB"
        for title, panel, image in zip(titles, panels, images.values(), strict=True)
    }
    for kind in range(2):
        for cell, panel, title in zip(cells[kind], panels, titles, strict=True):
            shown = np.abs(panel) if kind == 0 else np.abs(np.abs(panel) - np.abs(wanted))
            window = high if kind == 0 else high / error_gain
            cell.imshow(shown[:, columns].astype(float), cmap="gray" if kind == 0 else "inferno", vmin=0, vmax=window)
            cell.set_axis_off()
            if kind == 0:
                cell.set_title(f"{title}\n{scores[title]}", fontsize=10)
            axes.append(cell)
    figure.supxlabel(f"above: magnitude; below: error × {error_gain:g}", fontsize=10)
    said = [f"{title} ({score})" if score else title for title, score in scores.items()]
    set_alt(axes[0], f"Images of an iteration, one beside the other, and their errors below: {', '.join(said)}.")
    return axes


@styled
def plot_by_iteration(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    dashed: Collection[str] = (),
    log: bool = False,
) -> Panels:
    """Plot a number of every iteration of several networks, each curve from the start, 0, to its own last iteration.

    Parameters
    ----------
    panels : dict {label of the y axis: {network: numbers}}
        Panels side by side; a network has the same colour in all of them.
    dashed : collection of str
        Networks whose curves are dashed.
    log : bool
        A logarithmic y axis in panels whose numbers, above 0, span more than a decade.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        Panels with different networks.
    """
    networks = list(next(iter(panels.values())))
    if any(list(curves) != networks for curves in panels.values()):
        raise ValueError(f"a panel lacks networks or has others; expected {', '.join(networks)} in each, in order.")
    wide = min(10.0, 4.0 * len(panels) + 2.6)
    figure, cells = plt.subplots(1, len(panels), figsize=(wide, 3.8), squeeze=False)
    longest = max(len(numbers) for curves in panels.values() for numbers in curves.values())
    axes = Panels()
    for cell, (label, curves) in zip(cells[0], panels.items(), strict=True):
        for place, (name, numbers) in enumerate(curves.items()):
            look = {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}
            cell.plot(as_array(numbers), "--" if name in dashed else "-", label=name, **look)
        cell.set(xlabel="iteration", ylabel=label, xticks=range(longest))
        drawn = np.concatenate([as_array(numbers) for numbers in curves.values()])
        if log and 0 < 10 * drawn.min() < drawn.max():
            cell.set_yscale("log")
            plain_ticks(cell)
        cell.grid(alpha=0.3)
        axes.append(cell)
    axes[-1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes


@styled
def show_inside(paths: Mapping[str, Sequence[Tensor]], reference: Tensor, *, error_gain: float = 4) -> Panels:
    """Show networks from inside, one a row: five images of each, whose right halves are replaced by their errors.

    The five are the start, the first two, the one after half of the iterations, and the last.

    Parameters
    ----------
    paths : dict {network: list of Tensor (y, x)}
        All images of each, from the start to the last: five or more.
    reference : Tensor, shape (y, x)
        Sets the window and the errors.
    error_gain : float
        How many times as bright as images the errors are shown.

    Returns
    -------
    list of Axes
        Row by row.

    Raises
    ------
    ValueError
        A network with fewer images, or shapes that differ.
    """
    wanted = as_reference(reference)
    for name, path in paths.items():
        if len(path) < LEAST_OPENED or any(image.shape != wanted.shape for image in path):
            raise ValueError(
                f"{name} has {len(path)} images; expected {LEAST_OPENED} or more, all as large as the reference, "
                f"{wanted.shape}."
            )
    high = top([wanted], share=BRIGHT)
    head = _around(np.abs(wanted) > high / 10)
    size = [part.stop - part.start for part in head]
    n_rows = len(paths)
    figure, cells = plt.subplots(
        n_rows, LEAST_OPENED, figsize=(9.0, n_rows * (1.7 * size[0] / size[1] + 0.3)), squeeze=False
    )
    axes = Panels()
    said = []
    for row, (name, path) in zip(cells, paths.items(), strict=True):
        last = len(path) - 1
        for cell, number in zip(row, (0, 1, 2, last // 2 + 1, last), strict=True):
            title = f"x{number}, {float(psnr(path[number], reference)):.1f} dB"
            cell.imshow(_half_error(as_array(path[number]), wanted, high, error_gain)[head])
            cell.axvline(wanted.shape[1] // 2 - head[1].start - 0.5, color="white", linewidth=1.0)
            cell.set(xticks=[], yticks=[], title=title)
            cell.spines[:].set_visible(False)
            said.append(f"{name} {title}")
            axes.append(cell)
        row[0].set_ylabel(name)
    figure.supxlabel(f"left half: magnitude; right half: error × {error_gain:g}", fontsize=10)
    set_alt(axes[0], f"Images on the way through {n_rows} networks, the right halves their errors: {'; '.join(said)}.")
    return axes


def _around(inside: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of what is True, with a margin."""
    parts = []
    for axis in range(2):
        found = np.flatnonzero(inside.any(1 - axis))
        half = MARGIN * (found[-1] - found[0] + 1) / 2
        middle = (found[-1] + found[0] + 1) / 2
        parts.append(slice(max(0, int(middle - half)), min(inside.shape[axis], int(middle + half) + 1)))
    return parts[0], parts[1]


def _half_error(image: np.ndarray, reference: np.ndarray, high: float, gain: float) -> np.ndarray:
    """Colours (y, x, 4): the left half of an image in grey, and its error on the right."""
    magnitude = np.abs(image).astype(float)
    error = gain * np.abs(magnitude - np.abs(reference))
    picture = plt.get_cmap("gray")(np.clip(magnitude / high, 0, 1))
    middle = image.shape[1] // 2
    picture[:, middle:] = plt.get_cmap("inferno")(np.clip(error[:, middle:] / high, 0, 1))
    return picture


@styled
def show_step_sizes(steps: Mapping[str, Tensor], *, limit: float) -> Axes:
    r"""Show the learned step on the data in each iteration, on a logarithmic axis, beside the largest safe one.

    Parameters
    ----------
    steps : dict {network: Tensor (iterations,)}
        $\tau_k$ of each, above 0; the networks may have different numbers of iterations.
    limit : float
        Up to which a step that is repeated for ever brings no two images apart.

    Returns
    -------
    Axes
    """
    axes = plt.subplots(figsize=(7.6, 3.6))[1]
    for place, (name, values) in enumerate(steps.items()):
        numbers = as_array(values)
        style = {"color": COLOURS[place], "marker": MARKERS[place % len(MARKERS)], "label": name}
        axes.plot(range(1, len(numbers) + 1), numbers, "-", **style)
    axes.axhline(limit, color="black", linestyle="--", linewidth=1.2, label=f"{limit:g}: the largest that is safe")
    longest = max(len(as_array(values)) for values in steps.values())
    axes.set(xlabel="iteration", ylabel="learned step on the data", yscale="log", xticks=range(1, longest + 1))
    axes.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return quiet(axes)


@styled
def show_experts(kernels: Tensor, responses: Tensor, slopes: Tensor) -> Panels:
    r"""Show filters of a variational network, and below each its learned activation.

    Parameters
    ----------
    kernels : real Tensor, shape (filters, 2, height, width)
        Their real parts are drawn; six filters at most look well.
    responses : real Tensor, shape (n,)
        Where the activations are drawn.
    slopes : real Tensor, shape (filters, n)
        $\phi_i$ there.

    Returns
    -------
    list of Axes
        The filters, then the activations.
    """
    figure, cells = plt.subplots(2, len(kernels), figsize=(10.0, 4.2), squeeze=False)
    filters = as_array(kernels)[:, 0]
    curves = as_array(slopes)
    reach = float(np.abs(curves).max())
    axes = Panels()
    for number, (cell, kernel) in enumerate(zip(cells[0], filters, strict=True)):
        largest = float(np.abs(kernel).max())
        cell.imshow(kernel, cmap="RdBu_r", vmin=-largest, vmax=largest)
        cell.set_axis_off()
        cell.set_title(f"filter {number + 1}, real part")
        axes.append(cell)
    for number, (cell, curve) in enumerate(zip(cells[1], curves, strict=True)):
        cell.plot(as_array(responses), curve, color=COLOURS[0])
        cell.axhline(0, color="black", linewidth=0.7)
        cell.axvline(0, color="black", linewidth=0.7)
        cell.set(xlabel="response $W_i x$", ylim=(-1.1 * reach, 1.1 * reach))
        if number:
            cell.set_yticklabels([])
        else:
            cell.set_ylabel("slope $\\phi_i$")
        cell.grid(alpha=0.3)
        axes.append(cell)
    set_alt(axes[0], f"{len(filters)} learned filters, red and blue, and below each the curve of its activation.")
    return axes


@styled
def show_thresholds(thresholds: Tensor) -> Axes:
    """Show learned thresholds as a picture: a row for each subband, from coarse to fine, a column for each iteration.

    Parameters
    ----------
    thresholds : real Tensor, shape (iterations, levels, 3)
        The finest level first; in each the details along x, along y, along both.

    Returns
    -------
    Axes
    """
    values = as_array(thresholds)
    n_iterations, n_levels, n_bands = values.shape
    picture = values.reshape(n_iterations, n_levels * n_bands).T
    axes = plt.subplots(figsize=(6.8, 3.9))[1]
    drawn = axes.imshow(np.log10(picture), cmap="viridis", aspect="auto")
    bands = ("x", "y", "x and y")
    names = [f"level {level + 1}, {band}" for level in range(n_levels) for band in bands]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xticks(range(n_iterations), range(1, n_iterations + 1))
    axes.set(xlabel="iteration", ylabel="subband (level 1 is the finest)")
    bar = axes.figure.colorbar(drawn, ax=axes, label="threshold (brightness of the image: 1)")
    round_numbers = [digit * 10.0**power for power in range(-8, 3) for digit in (1, 2, 5)]
    inside = [number for number in round_numbers if picture.min() <= number <= picture.max()]
    bar.set_ticks(np.log10(inside), labels=[f"{number:g}" for number in inside])
    return quiet(axes)


@styled
def show_cobwebs(
    functions: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    *,
    start: float,
    n_steps: int,
    reach: tuple[float, float],
) -> Panels:
    """Draw iterations of numbers as cobwebs: up to the function, across to the diagonal, and so on.

    Parameters
    ----------
    functions : dict {title: function of numbers and arrays}
        A panel for each.
    start : float
    n_steps : int
        At most so many; a path ends where it leaves the panel.
    reach : (low, high)
        Both axes.

    Returns
    -------
    list of Axes
    """
    cells = plt.subplots(1, len(functions), figsize=(4.2 * len(functions), 4.0), squeeze=False)[1][0]
    at = np.linspace(*reach, 50)
    axes = Panels()
    for cell, (title, function) in zip(cells, functions.items(), strict=True):
        cell.plot(at, function(at), color=COLOURS[0], label="f(x)")
        cell.plot(at, at, color="0.5", label="x: nothing changes")
        points = [(start, reach[0])]
        x = start
        for _ in range(n_steps):
            points += [(x, function(x)), (function(x), function(x))]
            x = function(x)
            if not reach[0] <= x <= reach[1]:
                break
        path = np.array(points)
        cell.plot(path[:, 0], path[:, 1], color=COLOURS[1], linewidth=1.2, label=f"from {start:g}")
        cell.plot(start, reach[0], "o", color=COLOURS[1], clip_on=False)
        cell.set(xlim=reach, ylim=reach, xlabel="x", ylabel="f(x)", title=title, aspect="equal")
        cell.legend(frameon=False, loc="lower right", fontsize=9)
        axes.append(cell)
    return axes


def error_views(
    image: Tensor, reference: Tensor, *, name: str, error_gain: float = 4
) -> dict[str, Tensor | np.ndarray]:
    """Make what a reconstruction is judged by, as a function for `explore` returns it: image, error, error in k-space.

    Parameters
    ----------
    image, reference : Tensors, shape (y, x)
        The image is brought to its best scale. Where it has no phase, magnitudes are compared.
    name : str
        Of the method; PSNR is added.
    error_gain : float
        How many times as bright as the image the error is shown.

    Returns
    -------
    dict {title: picture (y, x)}
        The third is log(1 + 10,000 |error| / largest sample of the reference), uint8, in the same window for all.
    """
    reference = reference if image.is_complex() else reference.abs()
    image = best_scale(image, reference)
    samples = fft2c((image - reference).to(reference.dtype.to_complex())).abs()
    largest = fft2c(reference.to(reference.dtype.to_complex())).abs().max()
    logarithm = np.log1p(KSPACE_SCALE * as_array(samples / largest))
    return {
        f"reconstruction, {name}: {float(psnr(image, reference)):.1f} dB": image,
        f"its error × {error_gain:g}": error_gain * (image.abs() - reference.abs()).abs(),
        "its error in k-space (log)": grey(logarithm, (0.0, float(np.log1p(KSPACE_SCALE / 10)))),
    }
