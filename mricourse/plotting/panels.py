"""The drawing machinery behind `mricourse.plotting`: what comes in, how it is laid out, the common style."""

from __future__ import annotations

import functools
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from mricourse.plotting.alt_text import set_alt

Images = Tensor | Sequence[Tensor] | Mapping[str, Tensor]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito, 2008
MAX_PANELS = 16
_PER_ROW = 4
BRIGHT = 0.995  # share of pixels inside a window: fat and vessels would leave the brain dark
_WIDTH_IN = 10.0
_PANEL_IN = 3.0
_BAR_IN = 0.9
_TITLE_IN = 0.3
_STYLE = {
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
}


class Panels(list):
    """The Axes of a strip; as the last line of a notebook cell it prints nothing."""

    def _ipython_display_(self) -> None:
        pass


@dataclass(frozen=True)
class Row:
    """Panels that share a window and a colour bar; None leaves a place empty, no label leaves out the bar."""

    panels: Sequence[np.ndarray | None]
    titles: Sequence[str]
    cmap: str = "gray"
    window: tuple[float, float] = (0.0, 1.0)
    label: str = ""


def styled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Draw in the style of the course and leave the caller's style as it was.

    The function gains a keyword, `alt`: the alternative text of its figure, where titles and labels do not say enough.
    """

    @functools.wraps(function)
    def wrapper(*args: Any, alt: str | None = None, **kwargs: Any) -> Any:
        # rc_context would undo what a notebook's first figure switches on, and hide all later ones
        before = {key: plt.rcParams[key] for key in _STYLE}
        plt.rcParams.update(_STYLE)
        try:
            drawn = function(*args, **kwargs)
        finally:
            plt.rcParams.update(before)
        if alt is not None:
            set_alt(drawn, alt)
        return drawn

    signature = inspect.signature(function)
    added = inspect.Parameter("alt", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="str | None")
    wrapper.__signature__ = signature.replace(parameters=_with_keyword(signature, added))
    return wrapper


def _with_keyword(signature: inspect.Signature, added: inspect.Parameter) -> list[inspect.Parameter]:
    """Its parameters and one more, before a ``**kwargs``."""
    parameters = list(signature.parameters.values())
    any_more = [one for one in parameters if one.kind is one.VAR_KEYWORD]
    return [*(one for one in parameters if one not in any_more), added, *any_more]


def quiet(axes: Axes) -> Axes:
    """Axes that print nothing as the last line of a notebook cell."""
    axes._ipython_display_ = Panels()._ipython_display_
    return axes


def as_array(values: Any) -> np.ndarray:
    """A tensor of any device, a list of them, or whatever NumPy understands, as an array."""
    if isinstance(values, Tensor):
        return values.detach().cpu().resolve_conj().resolve_neg().numpy()
    if isinstance(values, list | tuple):
        values = [as_array(value) if isinstance(value, Tensor) else value for value in values]
    return np.asarray(values)


def as_panels(
    images: Images,
    titles: Sequence[str] | None,
    *,
    expected: str = "(y, x)",
    advice: str = "Combine coils with rss or combine, or pick one with [0].",
) -> tuple[list[np.ndarray], list[str]]:
    """Whatever came as a list of 2-D arrays, and one title for each.

    Raises
    ------
    ValueError
        If an image is not 2-D, there are none or more than 16, or the titles do not match in number.
    """
    if isinstance(images, Mapping):
        titles = titles or list(images)
        images = list(images.values())
    if isinstance(images, Tensor | np.ndarray):
        images = images if images.ndim == 3 else images[None]
    panels = [as_array(image) for image in images]
    titles = [""] * len(panels) if titles is None else list(titles)
    if len(titles) != len(panels):
        raise ValueError(f"{len(titles)} titles came for {len(panels)} images; expected one title for each.")
    if not 0 < len(panels) <= MAX_PANELS:
        raise ValueError(
            f"{len(panels)} images came; expected 1 to {MAX_PANELS}. Show fewer, for instance every fourth."
        )
    for number, (panel, title) in enumerate(zip(panels, titles, strict=True), start=1):
        if panel.ndim != 2 or not panel.size:
            name = f"image {number}" + (f" ({title})" if title else "")
            raise ValueError(f"{name} has shape {panel.shape}; expected {expected}. {advice}")
    return panels, titles


def as_reference(reference: Tensor) -> np.ndarray:
    """The one image that the others are compared with."""
    panels, _ = as_panels(reference, None)
    if len(panels) > 1:
        raise ValueError(f"reference is a stack of {len(panels)}; expected one image (y, x). Pick one with [0].")
    return panels[0]


def top(panels: Sequence[np.ndarray], *, share: float = 1.0) -> float:
    """Upper end of a window: the magnitude that `share` of the finite pixels stay below, 1 for empty images.

    A point among zeros would vanish under a quantile, so it never falls below a quarter of the maximum.
    """
    finite = np.concatenate([np.abs(panel[np.isfinite(panel)]).astype(float) for panel in panels])
    if not finite.any():
        return 1.0
    return float(max(np.quantile(finite, share), finite.max() / 4))


def draw(rows: Sequence[Row], *, aspect: str = "equal") -> Panels:
    """Draw rows of panels in blocks of four columns: images of the block, then their errors, then the next."""
    n = len(rows[0].panels)
    n_kinds = len(rows)
    n_columns = min(n, _PER_ROW)
    n_blocks = math.ceil(n / _PER_ROW)
    width = min(_PANEL_IN if n > 1 else 4.0, (_WIDTH_IN - _BAR_IN) / n_columns)
    figure, cells = plt.subplots(
        n_blocks * n_kinds,
        n_columns,
        figsize=(n_columns * width + _BAR_IN, n_blocks * sum(_height(row, width, aspect) for row in rows)),
        squeeze=False,
    )
    for cell in cells.flat:
        cell.set_axis_off()
    axes = Panels()
    for kind, row in enumerate(rows):
        for index, (panel, title) in enumerate(zip(row.panels, row.titles, strict=True)):
            if panel is not None:
                block, column = divmod(index, _PER_ROW)
                axes.append(_draw_panel(cells[block * n_kinds + kind, column], panel, title, row, width, aspect))
    for kind, row in enumerate(rows):
        if row.label:
            # one bar for a figure of one kind, else one beside every line of panels
            groups = [cells.flat] if n_kinds == 1 else cells[kind::n_kinds]
            for group in groups:
                _colour_bar(figure, list(group), row, aspect=20 * (n_blocks if n_kinds == 1 else 1))
    return axes


def _height(row: Row, width: float, aspect: str) -> float:
    shape = next((panel.shape for panel in row.panels if panel is not None), (1, 1))
    ratio = min(shape[0] / shape[1], 2.5) if aspect == "equal" else 1.0
    return width * ratio + _TITLE_IN * any(row.titles) + 0.1


def _draw_panel(cell: Axes, panel: np.ndarray, title: str, row: Row, width: float, aspect: str) -> Axes:
    values = np.abs(panel) if np.iscomplexobj(panel) else panel
    cmap = plt.get_cmap(row.cmap).with_extremes(bad="0.6")
    cell.imshow(values.astype(float), cmap=cmap, vmin=row.window[0], vmax=row.window[1], aspect=aspect)
    cell.set_title(textwrap.fill(title, max(12, int(width * 10))))
    return cell


def _colour_bar(figure: Any, cells: list[Axes], row: Row, *, aspect: float) -> None:
    pictures = [picture for cell in cells for picture in cell.get_images()]
    if not pictures:
        return
    low, high = row.window
    above = any(np.nanmax(picture.get_array()) > 1.001 * high for picture in pictures)
    below = any(np.nanmin(picture.get_array()) < low - 0.001 * abs(high) for picture in pictures)
    arrows = {(False, False): "neither", (True, False): "max", (False, True): "min", (True, True): "both"}
    bar = figure.colorbar(
        pictures[0], ax=cells, label=row.label, fraction=0.05, pad=0.02, aspect=aspect,
        extend=arrows[above, below], ticks=MaxNLocator(5, steps=[1, 2, 5, 10]),
    )  # fmt: skip
    if row.cmap == "twilight" and row.window == (-math.pi, math.pi):
        bar.set_ticks([-math.pi, 0, math.pi], labels=["-π", "0", "π"])
