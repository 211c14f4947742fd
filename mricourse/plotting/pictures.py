"""Pictures on the screen: encoded by Pillow, swapped in place, with one window; the part behind `widgets`."""

from __future__ import annotations

import html
import io
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mricourse.plotting.alt_text import PNG, describe
from mricourse.plotting.panels import BRIGHT, as_array, top

Result = Tensor | Sequence[Tensor] | Mapping[str, Tensor] | Axes

# what a figure shows, for those who listen: there, but not to be seen
ALOUD = '<span class="mricourse-alt" style="position:absolute;clip-path:inset(50%);width:1px;overflow:hidden">{}</span>'
WRAP = {"flex_flow": "row wrap", "align_items": "center"}
FONT = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf"
LARGEST, SMALLEST, GAP = 20, 8, 12  # pixels: letters of a title in a still, and between its pictures


def bold(text: str) -> ipywidgets.Label:
    return ipywidgets.Label(text, style={"font_weight": "bold"})


class View(ipywidgets.VBox):
    """A widget around pictures that also tells pages without a kernel what it looked like at first."""

    def __init__(self, width_px: int, *, window: tuple[float, float] | None = None) -> None:
        self.output = Output(width_px, window)
        super().__init__()

    @property
    def stills(self) -> list[tuple[str, bytes]]:
        """What each of the pictures that are shown says, and the picture, encoded."""
        return self.output.pictures.stills

    @property
    def titles(self) -> list[str]:
        """What stands above each of the pictures that are shown, empty where nothing does."""
        return self.output.pictures.titles

    @property
    def pngs(self) -> list[bytes]:
        """The pictures that are shown, encoded."""
        return [png for _, png in self.stills]

    @property
    def error(self) -> str:
        """The sentence of the last error, empty where the last call succeeded."""
        return self.output.error

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        stills = self.stills
        if not isinstance(bundle, dict) or not stills:
            return bundle
        still = b64encode(_beside([png for _, png in stills], self.titles)).decode()
        return bundle | {"text/plain": "interactive view", PNG: still}, {PNG: {"alt": self._alt(stills)}}

    def _alt(self, stills: list[tuple[str, bytes]]) -> str:
        """The still in words: what is on it, and what can be moved where there is a kernel."""
        shown = "; ".join(words.rstrip(".") for words, _ in stills)
        controls = ", ".join(dict.fromkeys(_controls(self)))
        return f"Interactive view, at its start: {shown}." + (f" Controls: {controls}." if controls else "")


def kspace_picture(kspace: Tensor) -> np.ndarray:
    """Grey picture of ``log(1 + scale |k|)``, uint8 (ky, kx), to return from a function for `explore`."""
    magnitude = np.abs(as_array(kspace))
    logarithm = np.log1p(magnitude * (1000 / top([magnitude])))
    return grey(logarithm, (0.0, top([logarithm])))


def _controls(widget: ipywidgets.Widget) -> list[str]:
    """Labels of the sliders, menus and buttons in a view."""
    label = getattr(widget, "description", "") if hasattr(widget, "description") else ""
    return [label] * bool(label) + [name for child in getattr(widget, "children", ()) for name in _controls(child)]


class Drawing(np.ndarray):
    """The pixels of a figure and what they show in words."""

    alt: str = ""


class Pictures(ipywidgets.HBox):
    """Images side by side in one window, replaced in place."""

    def __init__(self, width_px: int, window: tuple[float, float] | None = None) -> None:
        self.window = window
        self._width = f"{width_px}px"
        self._says: list[str] = []
        super().__init__(layout=WRAP)

    @property
    def stills(self) -> list[tuple[str, bytes]]:
        return list(zip(self._says, (box.children[1].value for box in self.children), strict=True))

    @property
    def titles(self) -> list[str]:
        return [box.children[0].value.strip() for box in self.children]

    def show(self, result: Result) -> None:
        came = named(result, None)
        images = {title: as_array(image) for title, image in came.items()}
        for title, image in images.items():
            ready = image.dtype in (np.uint8, bool)
            if image.ndim != 2 and not (ready and image.ndim == 3 and image.shape[2] == 3):
                raise ValueError(f"image {title!r} has shape {image.shape}; expected (y, x). Combine coils first.")
        raw = [image for image in images.values() if image.dtype not in (np.uint8, bool)]
        if self.window is None and raw:
            self.window = (0.0, top(raw, share=BRIGHT))
        if len(images) != len(self.children):
            self.children = [self._place() for _ in images]
        for box, (title, image) in zip(self.children, images.items(), strict=True):
            label, picture, aloud = box.children
            label.value = title
            picture.value = encode(grey(image, self.window))
            aloud.value = ALOUD.format(html.escape(drawn)) if (drawn := getattr(came[title], "alt", "")) else ""
        self._says = [getattr(one, "alt", "") or title.strip() or "image" for title, one in came.items()]

    def _place(self) -> ipywidgets.VBox:
        picture = ipywidgets.Image(format="png", layout={"width": self._width})  # has no alternative text of its own
        return ipywidgets.VBox([bold(""), picture, ipywidgets.HTML(layout={"height": "0"})])


class Output(ipywidgets.VBox):
    """Pictures of a function's result, or the sentence of its error."""

    def __init__(self, width_px: int, window: tuple[float, float] | None) -> None:
        self.pictures = Pictures(width_px, window)
        self.error = ""
        self._message = ipywidgets.HTML(layout={"display": "none"})
        super().__init__([self.pictures, self._message])

    def show(self, result: Result | None) -> None:
        if result is not None:
            self.pictures.show(result)

    def call(self, function: Callable[..., Result | None], *args: Any, **kwargs: Any) -> None:
        """Show what the function returns; what it raises becomes a sentence below the last pictures."""
        try:
            self.show(function(*args, **kwargs))
            self.error = ""
        except Exception as error:  # whatever a learner's function does belongs on the screen
            self.error = " ".join(str(error).split()) or type(error).__name__
        self._message.value = f'<span role="alert" style="color:#B22222">{html.escape(self.error)}</span>'
        self._message.layout.display = None if self.error else "none"


def named(images: Result, titles: Sequence[str] | None) -> dict[str, Any]:
    """One image, a list or a dict as a dict; untitled images get blank names of different length."""
    if isinstance(images, Mapping):
        return dict(images) if titles is None else dict(zip(titles, images.values(), strict=True))
    if isinstance(images, Axes) or (isinstance(images, list) and images and isinstance(images[0], Axes)):
        images = _drawn(images if isinstance(images, Axes) else images[0])
    if isinstance(images, Tensor | np.ndarray):
        images = [images]
    if not isinstance(images, Sequence):
        raise TypeError(f"{type(images).__name__} came; expected an image (y, x), a list or a dict {{title: image}}.")
    names = [" " * index for index in range(len(images))] if titles is None else list(titles)
    if len(set(names)) != len(images):
        raise ValueError(f"{len(images)} images came with the titles {names}; expected a different one for each.")
    return dict(zip(names, images, strict=True))


def _drawn(axes: Axes) -> Drawing:
    """The pixels of a figure, uint8 (y, x, 3); the figure is closed, so that Jupyter does not show it as well."""
    figure = axes.figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    plt.close(figure)
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy().view(Drawing)
    pixels.alt = describe(figure)
    return pixels


def grey(image: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    """Grey levels 0 to 255 of the window; bool and uint8 arrays stay as they are."""
    if image.dtype == np.uint8:
        return image
    if image.dtype == bool:
        return image.astype(np.uint8) * 255
    low, high = window
    values = np.abs(image) if np.iscomplexobj(image) else image
    levels = (np.nan_to_num(values) - low) * (255.0 / max(high - low, 1e-30))
    return levels.clip(0, 255).astype(np.uint8)


def encode(picture: np.ndarray) -> bytes:
    """Encoded picture; small ones are repeated pixel by pixel, so that a browser does not blur them."""
    picture = grey(picture, None)
    repeat = max(1, 400 // max(picture.shape[:2]))
    buffer = io.BytesIO()
    Image.fromarray(picture.repeat(repeat, 0).repeat(repeat, 1)).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def _beside(pngs: list[bytes], titles: list[str]) -> bytes:
    """One picture of all of them, left to right, with what stands above each."""
    pictures = [Image.open(io.BytesIO(png)) for png in pngs]
    font = _font(titles, [picture.width for picture in pictures])
    above = 2 * int(font.size) if any(titles) else 0
    width = sum(picture.width for picture in pictures) + GAP * (len(pictures) - 1)
    strip = Image.new("RGB", (width, above + max(picture.height for picture in pictures)), "white")
    left = 0
    for picture, title in zip(pictures, titles, strict=True):
        strip.paste(_title(title, font, (picture.width, above)), (left, 0))
        strip.paste(picture, (left, above))
        left += picture.width + GAP
    buffer = io.BytesIO()
    strip.save(buffer, "png")
    return buffer.getvalue()


def _font(titles: list[str], widths: list[int]) -> ImageFont.FreeTypeFont:
    """The largest letters in which each title is as narrow as its picture."""
    for size in range(LARGEST, SMALLEST, -1):
        font = ImageFont.truetype(FONT, size)
        if all(font.getlength(title) <= width for title, width in zip(titles, widths, strict=True)):
            return font
    return ImageFont.truetype(FONT, SMALLEST)


def _title(title: str, font: ImageFont.FreeTypeFont, size: tuple[int, int]) -> Image.Image:
    """A title in the middle of a white stripe, which cuts it off where it is too long."""
    stripe = Image.new("RGB", size, "white")
    ImageDraw.Draw(stripe).text((size[0] / 2, size[1] / 2), title, fill="black", font=font, anchor="mm")
    return stripe
