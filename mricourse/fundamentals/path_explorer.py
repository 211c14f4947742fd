"""Drop a start point on a loss surface and watch five optimisers run from there: the widget of the optimizers' lesson.

The surface is drawn once by Matplotlib; the paths over it, which follow the start, are drawn by the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anywidget
import ipywidgets
import torch
import traitlets
from matplotlib.figure import Figure

from mricourse.fundamentals.loss_surfaces import (
    PATH_COLOURS,
    Surface,
    draw_surface,
    finite_part,
    run_optimizers,
    show_paths,
)
from mricourse.plotting.pictures import WRAP, View, encode, named

__all__ = ["PathExplorer"]


class _Canvas(anywidget.AnyWidget):
    """The surface to click on; places are (x, y) in the units of the surface."""

    _esm = (Path(__file__).parent / "path_explorer.js").read_text(encoding="utf-8")
    picture = traitlets.Bytes().tag(sync=True)
    frame = traitlets.List([0.14, 0.04, 0.81, 0.80]).tag(sync=True)  # left, top, width, height in the picture
    window = traitlets.List().tag(sync=True)
    start = traitlets.List([0.0, 0.0]).tag(sync=True)
    paths = traitlets.List().tag(sync=True)
    width_px = traitlets.Int(460).tag(sync=True)


class PathExplorer(View):
    """Drop a start point on a loss surface, by mouse, arrow keys or sliders, and watch five optimisers run from it.

    Parameters
    ----------
    surfaces : sequence of Surface
        To choose from; the first is shown first.
    n_steps : int
        Steps that each optimiser takes.
    width_px : int
        Width of the picture on the screen.

    Attributes
    ----------
    surface, rate, adaptive_rate, noise : widgets
        The surface by title, the two learning rates and the noise of the gradient: set their ``value``.
    start : (float, float)
        Where the optimisers start; assign to it to move it.
    paths : dict {name: Tensor (n_steps + 1, 2)}
        What they did.

    Raises
    ------
    ValueError
        If there is no surface, or two have the same title.
    """

    def __init__(self, surfaces: Sequence[Surface], *, n_steps: int = 100, width_px: int = 460) -> None:
        titles = [surface.title for surface in surfaces]
        if not titles or len(set(titles)) < len(titles):
            raise ValueError(f"the surfaces are {titles}; expected at least one, each with a title of its own.")
        super().__init__(width_px)
        self._surfaces = dict(zip(titles, surfaces, strict=True))
        self._n_steps = n_steps
        self._busy = False
        self.surface = ipywidgets.Dropdown(options=titles, description="surface")
        wide = {"style": {"description_width": "initial"}, "layout": {"width": "420px"}}
        log = {"base": 10, "min": -3, "max": 0.6, "step": 0.01, "readout_format": ".3f", **wide}
        self.rate = ipywidgets.FloatLogSlider(description="rate of gradient descent, momentum", **log)
        self.adaptive_rate = ipywidgets.FloatLogSlider(description="rate of Adagrad, RMSProp, Adam", **log)
        self.noise = ipywidgets.FloatSlider(description="noise of the gradient", max=1.0, step=0.05, **wide)
        self._x, self._y = (ipywidgets.FloatSlider(step=0.01, **wide) for _ in range(2))
        self._canvas = _Canvas(width_px=width_px)
        self._table = ipywidgets.HTML()
        controls = [self.surface, self._x, self._y, self.rate, self.adaptive_rate, self.noise, self._table]
        row = ipywidgets.HBox([self._canvas, ipywidgets.VBox(controls)], layout=WRAP | {"align_items": "flex-start"})
        self._show_surface()
        self.surface.observe(lambda change: self.output.call(self._show_surface), "value")
        self._canvas.observe(lambda change: self.output.call(self._take, self._canvas.start), "start")
        for slider in (self._x, self._y, self.rate, self.adaptive_rate, self.noise):
            slider.observe(lambda change: self.output.call(self._take, (self._x.value, self._y.value)), "value")
        self.children = [row, self.output]

    @property
    def start(self) -> tuple[float, float]:
        return self._x.value, self._y.value

    @start.setter
    def start(self, start: Sequence[float]) -> None:
        self._take(start)

    @property
    def stills(self) -> list[tuple[str, bytes]]:
        """What the picture that is shown says, and the picture, encoded."""
        [picture] = named(show_paths({self._chosen: self.paths}), None).values()
        return [(picture.alt, encode(picture))]

    @property
    def titles(self) -> list[str]:
        return [""]  # the figure has its own

    @property
    def _chosen(self) -> Surface:
        return self._surfaces[self.surface.value]

    def _show_surface(self) -> None:
        chosen = self._chosen
        self._canvas.picture = _picture(chosen, self._canvas.frame)
        self._canvas.window = list(chosen.window)
        left, right, bottom, top = chosen.window
        self._busy = True
        for slider, label, low, high in zip(
            (self._x, self._y), chosen.labels, (left, bottom), (right, top), strict=True
        ):
            slider.description = f"start: {label}"
            slider.min = min(low, slider.min)
            slider.max = max(high, slider.max)  # never crossing on the way
            slider.value = low
            slider.min = low
            slider.max = high
        self.rate.value, self.adaptive_rate.value = chosen.rates
        self._busy = False
        self._take(chosen.start)

    def _take(self, start: Sequence[float]) -> None:
        """Move the start, then run; sliders and canvas follow each other without starting again."""
        if self._busy:
            return
        self._busy = True
        try:
            self._x.value, self._y.value = map(float, start)
            self._canvas.start = list(self.start)
        finally:
            self._busy = False
        rates = (self.rate.value, self.adaptive_rate.value)
        noise = self.noise.value
        self.paths = run_optimizers(self._chosen, self.start, rates=rates, noise_std=noise, n_steps=self._n_steps)
        colours = PATH_COLOURS[: len(self.paths)]
        self._canvas.paths = [
            [c, finite_part(path).tolist()] for c, path in zip(colours, self.paths.values(), strict=True)
        ]
        self._table.value = self._summary(colours)

    def _summary(self, colours: Sequence[str]) -> str:
        """What each optimiser reached, as a table."""
        lowest = self._chosen.loss(torch.tensor(self._chosen.minima[0], dtype=torch.float64))
        rows = []
        for colour, (name, path) in zip(colours, self.paths.items(), strict=True):
            left = float(self._chosen.loss(path[-1]) - lowest)
            said = "diverged" if len(finite_part(path)) < len(path) else f"{max(left, 0):.1e}"
            rows.append(f'<tr><td style="color:{colour}">&#9632; {name}</td><td>&nbsp; {said}</td></tr>')
        head = f"<tr><td></td><td>&nbsp; loss above the minimum<br>&nbsp; after {self._n_steps} steps</td></tr>"
        return f"<table>{head}{''.join(rows)}</table>"


def _picture(surface: Surface, frame: Sequence[float]) -> bytes:
    """The surface with its axes, which fill `frame` of the picture."""
    figure = Figure(figsize=(4.6, 4.2), dpi=200, layout="none")
    left, top, width, height = frame
    axes = figure.add_axes((left, 1 - top - height, width, height))
    draw_surface(axes, surface)
    [picture] = named(axes, None).values()
    return encode(picture)
