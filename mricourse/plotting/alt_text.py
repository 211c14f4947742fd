"""Alternative text of figures: a sentence made of titles, axis labels, legends and colour bars, or the author's own.

In a notebook it goes into the metadata of the picture, ``output.metadata["image/png"]["alt"]``, where pages and
screen readers find it.
"""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PNG = "image/png"
NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()
MOST_NAMED = 8  # bars or words of a drawing that are listed one by one
_said: WeakKeyDictionary[Any, str] = WeakKeyDictionary()  # the authors' own texts


def set_alt(drawn: Any, text: str) -> None:
    """Say what a figure shows, better than its titles and labels do.

    Parameters
    ----------
    drawn : Figure, Axes, or a sequence or array of Axes
        What a plotting function returned.
    text : str
        One sentence or a few: what is seen, not what it looks like.
    """
    figure = figure_of(drawn)
    if figure is None or not text.strip():
        raise ValueError(f"set_alt got {type(drawn).__name__} and {text!r}; expected a figure or its Axes, and a text.")
    _said[figure] = " ".join(text.split())


def figure_of(drawn: Any) -> Figure | None:
    """The figure of Axes, of the first of several, or the figure itself; None for anything else."""
    while (isinstance(drawn, list | tuple) or hasattr(drawn, "flat")) and len(drawn):
        drawn = drawn[0]
    top = getattr(drawn, "get_figure", lambda: None)()  # of a figure: itself, or the one that it is a part of
    return top if hasattr(top, "axes") and hasattr(top, "savefig") else None


def describe(figure: Figure) -> str:
    """What a figure shows in words, empty where nothing in it is named.

    Parameters
    ----------
    figure : Figure
        Panels of pictures are listed by their titles, curves by their labels.
    """
    if figure in _said:
        return _said[figure]
    cells = [axes for axes in figure.axes if not hasattr(axes, "_colorbar")]
    pictures = [axes for axes in cells if _picture(axes) is not None]
    plots = [sentence for axes in cells if axes not in pictures and (sentence := _plot(axes, figure))]
    parts = [plain(_suptitle(figure))] if _suptitle(figure) else []
    parts += _panels(pictures, figure)
    parts += plots if len(plots) < 2 else [f"{_count(len(plots))} plots", *plots]
    return " ".join(_sentence(part) for part in parts)


def describe_figures_in_notebooks() -> None:
    """Let IPython's pictures of figures carry their description, whenever Matplotlib is imported; without it, nothing.

    Matplotlib's formatter is registered anew when its backend changes; so the formatter of all PNGs is the one that
    is extended here.
    """
    from IPython import get_ipython
    from IPython.core.formatters import PNGFormatter

    class Describing(PNGFormatter):
        def __call__(self, obj: object) -> Any:
            return with_alt(obj, super().__call__(obj))

    shell = get_ipython()
    formatters = shell.display_formatter.formatters if shell else {}
    before = formatters.get(PNG)
    if before is None or type(before).__name__ == Describing.__name__:
        return
    formatters[PNG] = Describing(parent=before.parent)
    for table in ("singleton_printers", "type_printers", "deferred_printers"):
        setattr(formatters[PNG], table, getattr(before, table))


def with_alt(shown: object, formatted: Any) -> Any:
    """What a formatter made of an object, with the alternative text in its metadata if the object is a figure."""
    matplotlib = sys.modules.get("matplotlib.figure")
    if formatted is None or matplotlib is None or not isinstance(shown, matplotlib.Figure):
        return formatted
    data, metadata = formatted if isinstance(formatted, tuple) else (formatted, None)
    text = describe(shown)
    return data, {**(metadata or {}), **({"alt": text} if text else {})}


def plain(text: str) -> str:
    """A title as a reader hears it: one line, without LaTeX."""
    text = re.sub(r"\\(?:mathrm|mathbf|mathsf|text|operatorname)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([A-Za-z]+)", _spoken, text.replace(r"\|", "‖"))
    return " ".join(re.sub(r"[${}\\]", "", text).split())


def _spoken(command: re.Match[str]) -> str:
    word = command.group(1)
    size = "CAPITAL" if word[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {'LAMDA' if word.lower() == 'lambda' else word.upper()}")
    except KeyError:
        return {"times": "×", "cdot": "·", "pm": "±", "infty": "∞"}.get(word, word)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _count(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def _suptitle(figure: Figure) -> str:
    return getattr(figure, "get_suptitle", str)()


def _picture(axes: Axes) -> Any:
    """The picture or the coloured mesh that fills a panel."""
    from matplotlib.collections import QuadMesh

    meshes = [drawn for drawn in axes.collections if isinstance(drawn, QuadMesh)]
    return next(iter([*axes.get_images(), *meshes]), None)


def _panels(cells: list[Axes], figure: Figure) -> list[str]:
    """One sentence for all panels of one colour map and window."""
    bars = {_scale(bar.mappable): plain(bar.ax.get_ylabel() or bar.ax.get_xlabel()) for bar in _colour_bars(figure)}
    groups: dict[Any, list[Axes]] = {}
    for axes in cells:
        groups.setdefault(_scale(_picture(axes)), []).append(axes)
    sentences = [_group(group, bars.get(scale, "")) for scale, group in groups.items()]
    named = any(":" in sentence or "," in sentence for sentence in sentences)
    return sentences if named or _suptitle(figure) else []


def _group(cells: list[Axes], measured: str) -> str:
    titles = [title for axes in cells if (title := _panel_title(axes))]
    titles = list(dict.fromkeys(titles)) if len(set(titles)) == 1 else titles
    over = next((f" over {' and '.join(names)}" for axes in cells if (names := _axis_names(axes))), "")
    head = f"{_count(len(cells))} {'panel' if len(cells) == 1 else 'panels'}{over}" + (
        f", {measured}" if measured else ""
    )
    return f"{head}: {'; '.join(titles)}" if titles else head


def _panel_title(axes: Axes) -> str:
    """Its title, and the curves drawn over it where they have labels."""
    drawn = _labels(axes)
    return plain(_title(axes)) + (f" (with {', '.join(drawn)})" if drawn else "")


def _title(axes: Axes) -> str:
    return next((title for place in ("center", "left", "right") if (title := axes.get_title(loc=place))), "")


def _axis_names(axes: Axes) -> list[str]:
    return [plain(label) for label in (axes.get_xlabel(), axes.get_ylabel()) if label] if axes.axison else []


def _colour_bars(figure: Figure) -> list[Any]:
    return [axes._colorbar for axes in figure.axes if hasattr(axes, "_colorbar")]


def _scale(mappable: Any) -> tuple[str, Any, Any]:
    low, high = mappable.get_clim()
    return mappable.get_cmap().name, low, high


def _plot(axes: Axes, figure: Figure) -> str:
    """A plot in words: what over what, and every curve with its ends."""
    title = plain(_title(axes))
    words = list(dict.fromkeys(plain(text.get_text()) for text in axes.texts if text.get_text().strip()))
    bars = [bar for bar in axes.containers if hasattr(bar, "patches") and bar.patches]
    if not (axes.lines or axes.collections or bars) or not axes.axison:
        said = f"drawing with the words {', '.join(words[:MOST_NAMED])}" if words else ""
        said += ", and others" if len(words) > MOST_NAMED else ""
        return ": ".join(filter(None, (title, said)))
    names = [plain(label) for label in (axes.get_ylabel(), axes.get_xlabel()) if label]
    kind = "bar chart" if bars else "scatter plot" if axes.collections and not axes.lines else "line plot"
    head = f"{kind} of {' against '.join(names)}" if names else kind if title else ""
    labels = _bars(axes, bars) if bars else _curves(axes, figure)
    said = ": ".join(filter(None, (head, ", ".join(labels)))) if head else ""
    return ": ".join(filter(None, (title, said)))


def _bars(axes: Axes, bars: list[Any]) -> list[str]:
    """Groups of bars by their label, or single bars with their value where they have names."""
    labels = [str(label) for bar in bars if not str(label := bar.get_label()).startswith("_")]
    if labels:
        return [plain(label) for label in labels]
    [*patches] = bars[0].patches
    flat = getattr(bars[0], "orientation", "vertical") == "horizontal"
    ticks = [plain(tick.get_text()) for tick in (axes.get_yticklabels() if flat else axes.get_xticklabels())]
    if len(ticks) != len(patches) or len(ticks) > MOST_NAMED or not all(ticks):
        return []
    sizes = [patch.get_width() if flat else patch.get_height() for patch in patches]
    return [f"{tick} {size:.3g}" for tick, size in zip(ticks, sizes, strict=True)]


def _curves(axes: Axes, figure: Figure) -> list[str]:
    labels = _labels(axes)
    if not labels and figure.legends:  # one legend for all plots
        labels = [plain(text.get_text()) for text in figure.legends[0].get_texts()]
    drawn = [line for line in axes.lines if len(line.get_xdata()) > 2]
    ends = [_ends(line) for line in drawn if plain(str(line.get_label())) in labels]
    if len(ends) == len(labels) and labels:
        return [f"{label} {end}".strip() for label, end in zip(labels, ends, strict=True)]
    if not labels and len(drawn) == 1:
        return [f"one curve {_ends(drawn[0])}".strip()]
    return labels


def _labels(axes: Axes) -> list[str]:
    return [plain(label) for label in axes.get_legend_handles_labels()[1]]


def _ends(line: Any) -> str:
    """``(from 31 to 8.4, at most 40)``: a curve's first and last number, and its extremes where it goes beyond them."""
    try:
        heights = [height for height in map(float, line.get_ydata()) if math.isfinite(height)]
    except (TypeError, ValueError):  # names or dates
        return ""
    if not heights or line.get_linestyle() == "None":
        return ""
    ends, beyond = (heights[0], heights[-1]), 0.05 * (max(heights) - min(heights))
    over, under = max(heights) - max(ends) > beyond, min(ends) - min(heights) > beyond
    said = f"from {ends[0]:.3g} to {ends[1]:.3g}"
    if over and under:
        said += f", between {min(heights):.3g} and {max(heights):.3g}"
    elif over or under:
        said += f", at most {max(heights):.3g}" if over else f", at least {min(heights):.3g}"
    return f"({said})"
