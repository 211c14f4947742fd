"""Is the lesion still seen? Lesions of known place, read off many noisy images by one number each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise

GAP, RING = 1, 4  # pixels from the edge of the disc to the inner and the outer edge of the ring around it


@dataclass(frozen=True, eq=False)
class Readings:
    """What an observer reads at the place of the lesion, in n images and many draws of the noise.

    Parameters
    ----------
    without, present : real Tensor, shape (images, draws)
        Mean of the disc minus mean of the ring around it, in images without and with the lesion; never the same noise.
    true : real Tensor, shape (images,)
        Difference of both readings without any noise: below the contrast of a small disc, whose border pixels are
        covered in part.
    pixel_noise : real Tensor, shape (images,)
        Standard deviation from draw to draw of a pixel of the ring, mean over the ring.
    """

    without: Tensor
    present: Tensor
    true: Tensor
    pixel_noise: Tensor

    @property
    def contrast(self) -> Tensor:
        """Mean reading with the lesion minus mean reading without it, (images,)."""
        return self.present.mean(-1) - self.without.mean(-1)

    @property
    def reading_noise(self) -> Tensor:
        """Standard deviation of a reading from draw to draw, without and with the lesion taken together, (images,)."""
        return ((self.present.var(-1) + self.without.var(-1)) / 2).sqrt()

    @property
    def contrast_kept(self) -> Tensor:
        """Mean difference of both readings over the true one, (images,): 1 where nothing is lost."""
        return self.contrast / self.true

    @property
    def pooled(self) -> tuple[Tensor, Tensor]:
        """Readings of all images without and with the lesion, each minus the mean without it of its own image."""
        level = self.without.mean(-1, keepdim=True)
        return (self.without - level).flatten(), (self.present - level).flatten()

    @property
    def cnr(self) -> Tensor:
        """Contrast-to-noise ratio: mean difference of both readings over the noise of a pixel, (images,)."""
        return self.contrast.abs() / self.pixel_noise

    @property
    def detectability(self) -> Tensor:
        """d': mean difference of both readings over their standard deviation from draw to draw, (images,)."""
        return self.contrast.abs() / self.reading_noise


def lesion_template(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> Tensor:
    """Give the weights of an observer who knows the place: mean of a disc minus mean of a ring around it.

    Parameters
    ----------
    shape : (ny, nx)
    centre : (y, x)
        In pixels.
    radius : float
        Of the disc, in pixels; the ring lies from 1 to 4 pixels outside of it.

    Returns
    -------
    real Tensor, shape (y, x)
        Its positive part sums to 1, its negative part to -1.

    Raises
    ------
    ValueError
        A disc with its ring that does not lie inside the image.
    """
    ny, nx = shape
    reach = radius + RING
    if not (reach <= centre[0] <= ny - 1 - reach and reach <= centre[1] <= nx - 1 - reach):
        raise ValueError(
            f"a disc of radius {radius:g} at {tuple(centre)} in {ny} x {nx} pixels; expected {RING} pixels of image "
            "around it."
        )
    y = (torch.arange(ny) - centre[0]).float()
    x = (torch.arange(nx) - centre[1]).float()
    distance = torch.hypot(y[:, None], x)
    disc = (radius + 0.5 - distance).clamp(0, 1)
    ring = ((distance > radius + GAP) & (distance < reach)).float()
    return disc / disc.sum() - ring / ring.sum()


@torch.no_grad()
def read_lesions(
    methods: Mapping[str, Callable[[Tensor], Tensor]],
    without: Tensor,
    present: Tensor,
    places: Sequence[tuple[float, float]],
    *,
    radius: float,
    noise_std: float,
    n_draws: int = 50,
    seed: int = 0,
) -> dict[str, Readings]:
    """Add complex noise to images without and with a lesion, many times, apply each method, and read the lesion.

    All methods get the same noise; images with and without the lesion get noise of their own.

    Parameters
    ----------
    methods : dict {name: function of complex images (draws, y, x) that returns images}
    without, present : complex Tensor, shape (images, y, x)
    places : sequence of (y, x)
        Centre of the lesion in each image, in pixels.
    radius : float
        Of the lesions, in pixels; they are read as `lesion_template` says.
    noise_std : float
        Of real and imaginary part of each pixel.
    n_draws, seed : int

    Returns
    -------
    dict {name: Readings}, on the CPU
    """
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, list[tuple[Tensor, ...]]] = {name: [] for name in methods}
    for plain, lesion, place in zip(without, present, places, strict=True):
        template = lesion_template(tuple(plain.shape), place, radius).to(plain.device)
        noise = noise_std * complex_noise((2, n_draws, *plain.shape), generator).to(plain.device)
        true = _read(lesion, template) - _read(plain, template)
        for name, method in methods.items():
            clean = method(plain + noise[0])
            pixel_noise = clean.abs()[:, template < 0].std(0).mean()
            readings = _read(clean, template), _read(method(lesion + noise[1]), template)
            found[name].append((*readings, true, pixel_noise))
    return {name: Readings(*(torch.stack(column).cpu() for column in zip(*rows))) for name, rows in found.items()}  # noqa: B905


@torch.no_grad()
def lesion_responses(
    present: Tensor, without: Tensor, places: Sequence[tuple[float, float]], *, radius: float
) -> Tensor:
    """Read how much a lesion changed the images of each contrast, as `lesion_template` says.

    Parameters
    ----------
    present, without : Tensor, shape (slices, contrasts, y, x)
        Reconstructions of a scan with the lesion and of the same scan, noise and lines and all, without; magnitudes
        count.
    places : sequence of (y, x)
        Centre of the lesion in each slice, in pixels.
    radius : float
        In pixels.

    Returns
    -------
    real Tensor, shape (slices, contrasts)
        In the unit of the images.

    Raises
    ------
    ValueError
        Stacks of other shapes, not one place for each slice, or one at the edge.
    """
    if present.ndim != 4 or present.shape != without.shape:
        raise ValueError(
            f"present has shape {tuple(present.shape)} and without {tuple(without.shape)}; expected one, "
            "(slices, contrasts, y, x)."
        )
    if len(places) != len(present):
        raise ValueError(f"got {len(places)} places for {len(present)} slices; expected one for each.")
    shape = tuple(present.shape[-2:])
    templates = torch.stack([lesion_template(shape, place, radius) for place in places]).to(present.device)
    change = present.abs() - without.abs()
    return (change * templates[:, None]).sum(dim=(-2, -1))


def detection_rate(without: Tensor, present: Tensor, *, false_alarms: float = 0.1) -> Tensor:
    """How often a bright lesion is found when the observer cries wolf in a known share of images without one.

    The threshold is the quantile of the readings without lesion that this share stays above.

    Parameters
    ----------
    without, present : real Tensor, shape (..., draws)
    false_alarms : float
        Share of images without a lesion that are called positive, between 0 and 1.

    Returns
    -------
    real Tensor, shape (...)
        Share of images with a lesion that are called positive.
    """
    threshold = torch.quantile(without, 1 - false_alarms, dim=-1, keepdim=True)
    return (present > threshold).float().mean(-1)


def _read(images: Tensor, template: Tensor) -> Tensor:
    return (images.abs() * template).sum((-2, -1))
