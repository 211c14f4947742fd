"""Interactive views: images with a window, functions with sliders, a k-space mask to paint.

Images are encoded by Pillow and swapped in place, which takes a few milliseconds where redrawing a figure takes
sixty. Every view shows its default state at once, works by keyboard, and carries a still picture of that state
for pages without a kernel. Without a browser they are silent: set the ``value`` of a slider and read the
pictures.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import torch
import traitlets
from torch import Tensor

from mricourse.physics.fourier import ifft2c
from mricourse.plotting.panels import BRIGHT, as_array, top
from mricourse.plotting.pictures import WRAP, Result, View, bold, encode, kspace_picture, named

__all__ = ["Explorer", "ImageView", "MaskPainter", "explore", "kspace_picture"]

SLOW_S = 0.15  # a slower function follows its slider only when it is let go
UNITS = ("ms", "mm", "hz", "db", "rad", "deg", "px")
NOTHING = torch.zeros(1, 1, dtype=torch.bool)
PAINT, PAINT_OPACITY = (255, 140, 0), 176 / 255  # as in mask_painter.js


class ImageView(View):
    """Look at images side by side, with sliders for window, level and, for stacks, the slice.

    Parameters
    ----------
    images : Tensor (y, x) or (slices, y, x), or a list or dict {title: image} of these
        Complex ones are shown by magnitude. All stacks have the same number of slices.
    titles : sequence of str, optional
        One an image; a dict brings its own.
    reference : Tensor, optional
        Sets the window, as in the figures; by default all images do.
    width_px : int
        Width of each image on the screen.

    Attributes
    ----------
    window, level, slice : sliders
        Width and middle of the grey scale in percent of the brightest, and the slice number.

    Raises
    ------
    ValueError
        If an image is not (y, x) or (slices, y, x), or titles or slices differ in number.
    """

    def __init__(
        self,
        images: Result,
        titles: Sequence[str] | None = None,
        *,
        reference: Tensor | None = None,
        width_px: int = 320,
    ) -> None:
        super().__init__(width_px)
        self._stacks = {title: as_array(image) for title, image in named(images, titles).items()}
        n_slices = _count_slices(self._stacks)
        self._top = top(list(self._stacks.values()) if reference is None else [as_array(reference)], share=BRIGHT)
        self.window = _slider("window (%)", 1, 200, 1, 100)
        self.level = _slider("level (%)", 0, 100, 1, 50)
        self.slice = _slider("slice", 0, n_slices - 1, 1, n_slices // 2)
        sliders = [self.window, self.level] + ([self.slice] if n_slices > 1 else [])
        for slider in sliders:
            slider.observe(self._update, "value")
        self._update()
        self.children = [self.output, ipywidgets.HBox(sliders, layout=WRAP)]

    def _update(self, change: Any = None) -> None:
        middle = self.level.value / 100
        half = self.window.value / 200
        self.output.pictures.window = ((middle - half) * self._top, (middle + half) * self._top)
        index = self.slice.value
        self.output.pictures.show(
            {title: stack[index] if stack.ndim == 3 else stack for title, stack in self._stacks.items()}
        )


class Explorer(View):
    """What `explore` returns.

    Attributes
    ----------
    sliders : dict {name: widget}
        Set their ``value`` to call the function without a browser.
    error, pngs : str, list of bytes
        The sentence of the last error, empty after a success, and the pictures that are shown.
    """

    def __init__(
        self,
        function: Callable[..., Result],
        sliders: dict[str, ipywidgets.Widget],
        *,
        window: tuple[float, float] | None = None,
        width_px: int = 320,
    ) -> None:
        super().__init__(width_px, window=window)
        self._function = function
        self.sliders = sliders
        started = time.perf_counter()
        self.output.show(function(**self._values()))
        slow = time.perf_counter() - started > SLOW_S
        for slider in sliders.values():
            if slow and slider.has_trait("continuous_update"):
                slider.continuous_update = False
            slider.observe(self._update, "value")
        self.children = [ipywidgets.HBox(list(sliders.values()), layout=WRAP), self.output]

    def _values(self) -> dict[str, Any]:
        return {name: slider.value for name, slider in self.sliders.items()}

    def _update(self, change: Any) -> None:
        self.output.call(self._function, **self._values())


def explore(
    function: Callable[..., Result],
    /,
    *,
    window: tuple[float, float] | None = None,
    width_px: int = 320,
    **sliders: Any,
) -> Explorer:
    """Call a function again whenever a slider moves, and show the images it returns.

    Parameters
    ----------
    function : callable
        Takes the sliders as keywords; returns an image (y, x), a list, a dict {title: image}, or the Axes
        of a figure. Complex and float images share one window; bool and uint8 ones, (y, x) or (y, x, 3), are
        shown as they are. Its default arguments are where the sliders start.
    window : (low, high), optional
        Grey scale, by default zero to the brightest of the first result, kept from then on.
    width_px : int
        Width of each image on the screen.
    **sliders : (low, high), (low, high, step), list of choices, or bool
        One for each argument: whole numbers give whole steps, a list a menu, a bool a tick box.

    Returns
    -------
    Explorer
        A widget. What the function raises when a slider moves appears in it as one sentence, and the last
        images stay.

    Raises
    ------
    TypeError, ValueError
        If `width_px` is not a number, a slider is none of these or the function has no such argument. What the
        function itself raises at the starting values is raised here.
    """
    if not isinstance(width_px, int):
        raise TypeError(f"width_px is {width_px!r}; expected a number of pixels: give a slider another name.")
    parameters = inspect.signature(function).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    controls = {}
    for name, spec in sliders.items():
        if name not in parameters and not takes_any:
            raise ValueError(f"{function.__name__} has no argument {name!r}; it has {', '.join(parameters)}.")
        start = parameters[name].default if name in parameters else inspect.Parameter.empty
        controls[name] = _control(name, spec, None if start is inspect.Parameter.empty else start)
    return Explorer(function, controls, window=window, width_px=width_px)


class _Canvas(anywidget.AnyWidget):
    """The surface to paint on; ``data`` holds one byte per k-space position, row by row."""

    _esm = (Path(__file__).parent / "mask_painter.js").read_text(encoding="utf-8")
    size = traitlets.List().tag(sync=True)
    data = traitlets.CBytes().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)
    width_px = traitlets.Int(320).tag(sync=True)
    brush = traitlets.Int(9).tag(sync=True)
    erase = traitlets.Bool(False).tag(sync=True)
    lines = traitlets.Bool(False).tag(sync=True)


class MaskPainter(View):
    """Paint a sampling mask with the mouse, or with arrow keys and space.

    Parameters
    ----------
    shape : (ny, nx)
        Size of the mask.
    kspace : complex Tensor, shape (ky, kx), optional
        Drawn behind the mask as a logarithm.
    mask : bool Tensor, broadcastable to (ny, nx), optional
        Where to start; nothing is sampled by default.
    on_change : callable, optional
        Takes the mask, bool (ny, nx), after each change; the images it returns (as in `explore`) are shown
        beside it.
    window : (low, high), optional
        Grey scale of these images, by default that of the image of `kspace`.
    width_px : int
        Width of the canvas and of each image on the screen.

    Attributes
    ----------
    mask : bool Tensor, shape (ny, nx)
        What is painted; assign to it to replace it.
    error, pngs : str, list of bytes
        The sentence of the last error of `on_change`, and the pictures that are shown, the mask first.

    Raises
    ------
    ValueError
        If a shape does not fit.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        kspace: Tensor | None = None,
        mask: Tensor | None = None,
        on_change: Callable[[Tensor], Result | None] | None = None,
        window: tuple[float, float] | None = None,
        width_px: int = 320,
    ) -> None:
        self._shape = tuple(shape)
        self._on_change = on_change
        if len(self._shape) != 2 or min(self._shape) < 1:
            raise ValueError(f"shape is {self._shape}; expected (ny, nx), as in image.shape.")
        if kspace is not None and tuple(kspace.shape) != self._shape:
            raise ValueError(f"kspace has shape {tuple(kspace.shape)}; expected {self._shape}. Pick one coil with [0].")
        if window is None and kspace is not None:
            window = (0.0, top([as_array(ifft2c(kspace))], share=BRIGHT))
        super().__init__(width_px, window=window)
        self._background = None if kspace is None else kspace_picture(kspace)
        picture = b"" if self._background is None else encode(self._background)
        self._canvas = _Canvas(size=list(self._shape), picture=picture, width_px=width_px)
        self._count = ipywidgets.Label()
        painted = ipywidgets.VBox([bold("k-space"), self._canvas, self._count])
        self.children = [
            self._tools(),
            ipywidgets.HBox([painted, self.output], layout=WRAP | {"align_items": "flex-start"}),
        ]
        self.mask = NOTHING if mask is None else mask
        self._update()
        self._canvas.observe(self._follow, "data")

    @property
    def mask(self) -> Tensor:
        return torch.frombuffer(bytearray(self._canvas.data), dtype=torch.uint8).reshape(self._shape) > 0

    @mask.setter
    def mask(self, mask: Tensor) -> None:
        values = as_array(mask) != 0
        try:
            values = np.broadcast_to(values, self._shape)
        except ValueError:
            raise ValueError(f"mask has shape {values.shape}; expected {self._shape} or (ny, 1).") from None
        self._canvas.data = values.astype(np.uint8).tobytes()

    @property
    def stills(self) -> list[tuple[str, bytes]]:
        return [(f"the mask, {self._count.value}", encode(self._painted())), *super().stills]

    @property
    def titles(self) -> list[str]:
        return [self._count.value, *super().titles]

    def _painted(self) -> np.ndarray:
        """The canvas as the browser shows it: sampled points in orange over k-space; without one, white on black."""
        mask = as_array(self.mask)
        if self._background is None:
            return mask
        over = PAINT_OPACITY * mask[..., None]
        return ((1 - over) * self._background[..., None] + over * np.array(PAINT)).astype(np.uint8)

    def _tools(self) -> ipywidgets.HBox:
        longest = max(self._shape)
        tool = ipywidgets.ToggleButtons(options=[("paint", False), ("erase", True)], style={"button_width": "70px"})
        lines = ipywidgets.Checkbox(
            description="whole ky lines", indent=False, layout={"width": "auto", "margin": "2px 20px"}
        )
        brush = _slider("brush (px)", 1, max(2, longest // 4), 1, max(1, longest // 20))
        clear = ipywidgets.Button(description="clear", layout={"width": "70px"})
        clear.on_click(lambda button: setattr(self, "mask", NOTHING))
        for control, name in ((tool, "erase"), (lines, "lines"), (brush, "brush")):
            ipywidgets.link((control, "value"), (self._canvas, name))
        return ipywidgets.HBox([tool, lines, brush, clear], layout=WRAP)

    def _update(self) -> None:
        mask = self.mask
        n_sampled = int(mask.sum())
        ratio = f", R = {mask.numel() / n_sampled:.1f}" if n_sampled else ""
        self._count.value = f"{n_sampled} of {mask.numel()} samples{ratio}"
        if self._on_change is not None:
            self.output.show(self._on_change(mask))

    def _follow(self, change: Any) -> None:
        self.output.call(self._update)


def _count_slices(stacks: dict[str, np.ndarray]) -> int:
    for title, stack in stacks.items():
        if stack.ndim not in (2, 3):
            raise ValueError(
                f"image {title!r} has shape {stack.shape}; expected (y, x) or (slices, y, x). Combine coils first."
            )
    counts = {len(stack) for stack in stacks.values() if stack.ndim == 3}
    if len(counts) > 1:
        raise ValueError(f"the stacks have {sorted(counts)} slices; expected the same number. Crop them.")
    return counts.pop() if counts else 1


def _slider(label: str, low: float, high: float, step: float, start: float) -> ipywidgets.Widget:
    whole = all(isinstance(number, int) for number in (low, high, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    start = min(max(start, low), high)
    style = {"description_width": "initial"}
    return kind(value=start, min=low, max=high, step=step, description=label, style=style)


def _control(name: str, spec: Any, start: Any) -> ipywidgets.Widget:
    """The slider, menu or tick box for one argument."""
    *words, unit = name.split("_")
    label = f"{' '.join(words)} ({unit})" if words and unit in UNITS else name.replace("_", " ")
    style = {"description_width": "initial"}
    if isinstance(spec, bool):
        value = spec if start is None else bool(start)
        return ipywidgets.Checkbox(value=value, description=label, indent=False)
    if isinstance(spec, list) and spec:
        value = start if start in spec else spec[0]
        return ipywidgets.Dropdown(options=spec, value=value, description=label, style=style)
    numbers = isinstance(spec, tuple) and all(isinstance(number, int | float) for number in spec)
    if not numbers or len(spec) not in (2, 3) or not spec[0] < spec[1] or spec[-1] <= 0 < len(spec) - 2:
        raise ValueError(f"slider {name} is {spec!r}; expected (low, high), (low, high, step), a list or a bool.")
    low, high = spec[:2]
    whole = isinstance(low, int) and isinstance(high, int)
    step = spec[2] if len(spec) == 3 else (1 if whole else (high - low) / 100)
    return _slider(label, low, high, step, low if start is None else start)
