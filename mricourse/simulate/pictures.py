"""Pictures that show no anatomy, so that a network learns images in general and not the two heads it is trained on."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from mricourse.simulate.random_draws import integer, smooth_field, uniform
from mricourse.simulate.texture import dead_leaves

PICTURES = ("leaves", "fractal", "photograph")
DIMMEST = 0.02  # of a picture inside its outline: where there is something there is some signal
EDGE = 0.08  # width of the edge of an outline, of the level that `smooth_field` and the ellipse make


def picture(kind: str, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Draw a picture of one of `PICTURES`: float (ny, nx), from 0 to 1.

    Raises
    ------
    ValueError
        Another kind.
    """
    if kind not in PICTURES:
        raise ValueError(f"the picture is {kind!r}; expected one of {', '.join(PICTURES)}.")
    if kind == "leaves":
        leaves = dead_leaves(torch.ones(shape), generator)
        leaves = torch.where(leaves == 0.5, islands(shape, generator), leaves)  # between them there is no flat ground
        return (leaves * (1 + uniform(0, 0.6, generator) * (fractal(shape, generator) - 0.5))).clamp(0, 1)
    if kind == "fractal":
        share = max(0.0, uniform(-0.5, 1, generator))  # a third has no edges
        return (1 - share) * fractal(shape, generator) + share * islands(shape, generator)
    return photograph(shape, generator)


def fractal(shape: tuple[int, int], generator: torch.Generator, *, decay: float | None = None) -> Tensor:
    r"""Draw noise whose Fourier magnitudes fall as $|k|^{-a}$, as those of natural images do: float (ny, nx), 0 to 1.

    Averaged over photographs $a$ is about 1.2, and it differs from one to the next [Ruderman, Bialek, PRL 73:814, 1994;
    van der Schaaf, van Hateren, Vision Research 36:2759, 1996].

    Parameters
    ----------
    decay : float, optional
        $a$; from 0.9 to 2 by default.
    """
    decay = uniform(0.9, 2.0, generator) if decay is None else decay
    ny, nx = shape
    frequency = torch.hypot(torch.fft.fftfreq(ny)[:, None], torch.fft.rfftfreq(nx))
    frequency[0, 0] = 1
    noise = torch.fft.rfft2(torch.randn(shape, generator=generator))
    noise[0, 0] = 0
    return _stretched(torch.fft.irfft2(noise * frequency**-decay, s=shape))


def islands(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Give every level of a fractal a grey of its own, edges as rugged as coasts: float (ny, nx), 0 to 1."""
    n_levels = integer(3, 9, generator)
    height = fractal(shape, generator, decay=uniform(1.5, 2.5, generator))
    level = (height * n_levels).long().clamp_max(n_levels - 1)
    return torch.rand(n_levels, generator=generator)[level]


def photograph(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Cut a piece from a photograph that scikit-learn or Matplotlib ships: float (ny, nx), 0 to 1.

    It is turned by any angle, mirrored where it ends, mixed from the three colours, made brighter or darker, and every
    second one is a negative.
    """
    colours = photographs()[integer(0, len(photographs()) - 1, generator)]
    weights = torch.rand(3, generator=generator) + 0.05
    grey = torch.tensordot(weights / weights.sum(), colours, dims=1)
    pixels = uniform(0.5, 1.4, generator)  # of the photograph, for one of the picture
    angle = uniform(0, 2 * math.pi, generator)
    high, wide = grey.shape
    middle = uniform(0, high, generator), uniform(0, wide, generator)
    y, x = (pixels * (torch.arange(n) - (n - 1) / 2) for n in shape)
    down = middle[0] + math.cos(angle) * y[:, None] - math.sin(angle) * x
    across = middle[1] + math.sin(angle) * y[:, None] + math.cos(angle) * x
    places = torch.stack([2 * across / wide - 1, 2 * down / high - 1], dim=-1)
    cut = functional.grid_sample(grey[None, None], places[None], padding_mode="reflection", align_corners=False)[0, 0]
    cut = _stretched(cut) ** uniform(0.6, 1.8, generator)
    return 1 - cut if uniform(0, 1, generator) < 0.5 else cut


@lru_cache(maxsize=1)
def photographs() -> list[Tensor]:
    """Load two photographs of scikit-learn, a flower and a temple, and a portrait of Matplotlib: float (3, y, x)."""
    import numpy as np
    from matplotlib.cbook import get_sample_data
    from PIL import Image
    from sklearn.datasets import load_sample_image

    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as file:
        portrait = np.array(file.convert("RGB"))
    arrays = (load_sample_image("china.jpg"), load_sample_image("flower.jpg"), portrait)
    return [torch.from_numpy(np.array(array)).permute(2, 0, 1).float() / 255 for array in arrays]


def outline(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Draw the outline of some object, a dented ellipse with a soft edge: float (ny, nx), 1 inside and 0 outside."""
    y, x = (torch.linspace(-1, 1, n) for n in shape)
    high, wide = uniform(0.6, 0.95, generator), uniform(0.6, 0.95, generator)
    dents = uniform(0, 0.9, generator) * smooth_field(shape, n_control=6, generator=generator)
    level = 1 - (y[:, None] / high).square() - (x / wide).square() + dents
    border = torch.minimum(1 - y.abs()[:, None], 1 - x.abs()) * 8  # air at the border, as around most objects
    return (torch.minimum(level, border) / EDGE).clamp(0, 1)


def pictured(image: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Show a picture inside an outline, the head's or another, with the phase of an image: complex (y, x) -> (y, x)."""
    drawn = DIMMEST + (1 - DIMMEST) * picture(kind, tuple(image.shape), generator)
    if uniform(0, 1, generator) < 0.5:
        inside = (10 * image.abs()).clamp_max(1)
    else:
        inside = outline(tuple(image.shape), generator)
    phase = torch.where(image == 0, torch.ones_like(image), torch.sgn(image))
    return phase * (drawn * inside)


def _stretched(image: Tensor) -> Tensor:
    """Bring the darkest and the brightest per cent to 0 and 1."""
    values = image.flatten().sort().values
    low, high = values[len(values) // 100], values[-1 - len(values) // 100]
    return ((image - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
