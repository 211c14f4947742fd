"""Figures of networks on k-space and on the image: every stage in both domains."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from mricourse.evaluation.metrics import psnr
from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.plotting.alt_text import set_alt
from mricourse.plotting.panels import BRIGHT, Panels, as_array, styled, top

__all__ = ["show_stages"]

MOST_STAGES = 6
ALIKE = 100  # dB; above that an image is the reference, up to rounding
KSPACE_SCALE = 3e3  # samples of a few thousandths of the largest are seen


@styled
def show_stages(kspaces: Mapping[str, Tensor], reference: Tensor, *, error_gain: float = 4) -> Panels:
    """Show what passes through a network in both domains: k-space, the image of it with its PSNR, the image's error.

    Parameters
    ----------
    kspaces : dict {title: complex Tensor (ky, kx)}
        In the order of the stages, six at most, of one uniform coil.
    reference : complex Tensor, shape (y, x)
        Sets the windows of all three rows.
    error_gain : float
        How many times as bright as images the errors are shown.

    Returns
    -------
    list of Axes
        The k-spaces, then the images, then the errors.

    Raises
    ------
    ValueError
        More stages than fit, or shapes that differ.
    """
    if not 0 < len(kspaces) <= MOST_STAGES:
        raise ValueError(f"{len(kspaces)} stages came; expected 1 to {MOST_STAGES}.")
    if any(kspace.shape != reference.shape for kspace in kspaces.values()):
        raise ValueError(f"k-space of another shape than the reference's {tuple(reference.shape)} came.")
    wanted = np.abs(as_array(reference))
    high = top([wanted], share=BRIGHT)
    largest = float(fft2c(reference).abs().max())
    ny, nx = wanted.shape
    width = 10.0 / len(kspaces)
    figure, cells = plt.subplots(3, len(kspaces), figsize=(10.0, 3 * width * ny / nx + 1.0), squeeze=False)
    figure.get_layout_engine().set(hspace=0.0, h_pad=0.02, wspace=0.0, w_pad=0.02)
    said = []
    for column, (title, kspace) in enumerate(kspaces.items()):
        image = ifft2c(kspace)
        quality = float(psnr(image, reference))
        score = f"{quality:.1f} dB" if quality < ALIKE else ""
        magnitude = np.abs(as_array(image))
        weak = np.log1p(KSPACE_SCALE * np.abs(as_array(kspace)) / largest)
        _draw(cells[0][column], weak, "gray", float(np.log1p(KSPACE_SCALE / 4)), title)
        _draw(cells[1][column], magnitude, "gray", high, score)
        _draw(cells[2][column], np.abs(magnitude - wanted), "inferno", high / error_gain, "")
        said.append(f"{title} ({score})" if score else title)
    figure.supxlabel(f"rows: k-space (logarithmic), image, error × {error_gain:g}", fontsize=10)
    set_alt(cells[0][0], f"k-space, image and error of each step, one column each: {', '.join(said)}.")
    return Panels(cells.flat)


def _draw(axes: Axes, picture: np.ndarray, cmap: str, high: float, title: str) -> None:
    axes.imshow(picture.astype(float), cmap=cmap, vmin=0, vmax=high)
    axes.set_axis_off()
    axes.set_title(title, fontsize=10)
