"""Images whole, and a part of each enlarged: with errors and scores, or without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from mricourse.evaluation.metrics import psnr
from mricourse.plotting.panels import BRIGHT, COLOURS, Panels, Row, as_panels, as_reference, draw, styled, top

__all__ = ["show_close_up", "show_enlarged"]

NARROW = (0.1, 0.995)  # quantiles of the enlarged part
MAGNITUDE = "magnitude (a.u.)"


@styled
def show_close_up(
    images: Mapping[str, Tensor],
    reference: Tensor,
    *,
    rows: slice,
    columns: slice,
    error_gain: float = 5,
    errors_of_part: bool = False,
) -> Panels:
    """Show images whole, a part of each enlarged, and the errors, in three lines of panels.

    Parameters
    ----------
    images : dict {title: Tensor (y, x)}
        Four at most, the reference among them; the titles of the others get their PSNR.
    reference : Tensor, shape (y, x)
        Sets the window and the errors.
    rows, columns : slice
        The part, framed in the whole image.
    error_gain : float
        How many times as bright as images the errors are shown.
    errors_of_part : bool
        Whether the errors are those of the part, enlarged, or of the whole.

    Returns
    -------
    list of Axes
        Whole images, then parts, then errors.

    Raises
    ------
    ValueError
        More than four images, or shapes that do not fit.
    """
    panels, titles, wanted = _columns(images, reference)
    high = top([wanted], share=BRIGHT)
    own = [np.array_equal(panel, wanted) for panel in panels]
    titles = [
        title if same else f"{title}, {psnr(image, reference):.1f} dB"
        for title, same, image in zip(titles, own, images.values(), strict=True)
    ]
    errors = [None if same else np.abs(np.abs(panel) - np.abs(wanted)) for panel, same in zip(panels, own, strict=True)]
    words = f"error × {error_gain:g}"
    if errors_of_part:
        errors = [None if error is None else error[rows, columns] for error in errors]
        words = f"{words}, part"
    parts = [panel[rows, columns] for panel in panels]
    axes = draw(
        [
            Row(panels, titles, window=(0.0, high), label=MAGNITUDE),
            Row(parts, [""] * len(panels), window=(0.0, high), label=MAGNITUDE),
            Row(errors, [words] * len(panels), "inferno", (0.0, high / error_gain), "|error|"),
        ]
    )
    _frame(axes[: len(panels)], rows, columns)
    return axes


@styled
def show_enlarged(images: Mapping[str, Tensor], reference: Tensor, *, rows: slice, columns: slice) -> Panels:
    """Show images whole, and below them a part of each enlarged, without any score.

    The parts have a narrower window, from what 10 % to what 99.5 % of the pixels of the reference's part stay below.

    Parameters
    ----------
    images : dict {title: Tensor (y, x)}
        Four at most.
    reference : Tensor, shape (y, x)
        Sets both windows.
    rows, columns : slice
        The part, framed in the whole image.

    Returns
    -------
    list of Axes
        Whole images, then parts.

    Raises
    ------
    ValueError
        More than four images, or shapes that do not fit.
    """
    panels, titles, wanted = _columns(images, reference)
    parts = [panel[rows, columns] for panel in panels]
    narrow = tuple(float(each) for each in np.quantile(np.abs(wanted[rows, columns]), NARROW))
    whole = Row(panels, titles, window=(0.0, top([wanted], share=BRIGHT)), label=MAGNITUDE)
    axes = draw([whole, Row(parts, ["enlarged"] * len(panels), window=narrow, label=MAGNITUDE)])
    _frame(axes[: len(panels)], rows, columns)
    return axes


def _columns(images: Mapping[str, Tensor], reference: Tensor) -> tuple[list[np.ndarray], Sequence[str], np.ndarray]:
    """Panels and titles, one column each, and the reference; refuse what does not fit below one another."""
    if len(images) > 4:
        raise ValueError(f"{len(images)} images came; expected four at most, one column for each.")
    panels, titles = as_panels(images, None)
    wanted = as_reference(reference)
    if any(panel.shape != wanted.shape for panel in panels):
        raise ValueError(f"images of other shapes than the reference's {wanted.shape} came; expected the same.")
    return panels, titles, wanted


def _frame(cells: Sequence[Axes], rows: slice, columns: slice) -> None:
    """Draw a frame around the part in each whole image."""
    corner = (columns.start - 0.5, rows.start - 0.5)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    for cell in cells:
        cell.add_patch(Rectangle(corner, *size, fill=False, edgecolor=COLOURS[4], linewidth=1.4))
