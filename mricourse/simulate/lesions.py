"""Lesions of known size and tissue, put into simulated slices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from mricourse.simulate.contrasts import Tissue


@dataclass(frozen=True)
class Lesion:
    """A focal change of tissue with a known outline.

    Parameters
    ----------
    centre : (y, x) or None
        Centre in pixels; None puts it into white matter at a place drawn from the scan's seed.
    radius_mm : float
        Mean radius in mm; the outline is irregular.
    tissue : Tissue
        Density and relaxation times inside; the default resembles a multiple-sclerosis plaque at 3 T,
        dark on T1w, bright on T2w and FLAIR.
    visible_in : tuple of contrast names, or None
        Contrasts in which it shows; None means all. A lesion that shows in one contrast only is not
        physics but a test: will a network copy it into the others, or remove it?
    """

    centre: tuple[float, float] | None = None
    radius_mm: float = 5.0
    tissue: Tissue = Tissue(0.85, 1400, 160, 70)
    visible_in: tuple[str, ...] | None = None

    def shows_in(self, contrast: str) -> bool:
        """True when the lesion changes the signal of this contrast."""
        return self.visible_in is None or contrast in self.visible_in


def lesion_share(lesion: Lesion, probabilities: Tensor, pixel_mm: float, generator: torch.Generator) -> Tensor:
    """Share of every pixel that the lesion takes, 0 to 1, with an irregular outline and a soft edge."""
    ny, nx = probabilities.shape[-2:]
    radius = lesion.radius_mm / pixel_mm
    waves = torch.rand(3, generator=generator)
    pick = torch.rand((), generator=generator)
    centre = lesion.centre
    if centre is None:
        candidates = torch.nonzero(probabilities[0] > 0.9)
        if len(candidates) == 0:
            raise ValueError("this slice holds no white matter; expected some for a lesion: give lesion.centre.")
        centre = candidates[int(pick * len(candidates))].tolist()
    if not radius > 0 or not (0 <= centre[0] < ny and 0 <= centre[1] < nx):
        raise ValueError(
            f"the lesion has centre {tuple(centre)} and radius {lesion.radius_mm} mm; expected a centre inside "
            f"(0 to {ny - 1}, 0 to {nx - 1}) and a positive radius: both belong to this slice."
        )
    share = _irregular_disc((ny, nx), centre, radius, waves)
    return share * probabilities[:3].sum(dim=0).clamp(0, 1)  # only where there is brain


def insert_lesion(
    image: Tensor, *, centre: tuple[float, float], radius: float, level: float, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Put a lesion into a magnitude image that is there already, such as a measured one, and into no other contrast.

    Parameters
    ----------
    image : real Tensor, shape (y, x)
    centre : (y, x)
        In pixels.
    radius : float
        Mean radius in pixels; the outline is irregular.
    level : float
        Magnitude inside, in the unit of the image.
    seed : int
        Of the outline.

    Returns
    -------
    image : real Tensor, shape (y, x)
    lesion_mask : bool Tensor, shape (y, x)
        Where the image may differ from the one that was given.

    Raises
    ------
    ValueError
        A centre outside the image, or a radius that is not positive.
    """
    ny, nx = image.shape
    if not radius > 0 or not (0 <= centre[0] < ny and 0 <= centre[1] < nx):
        raise ValueError(
            f"the lesion has centre {tuple(centre)} and radius {radius} pixels; expected a centre inside (0 to "
            f"{ny - 1}, 0 to {nx - 1}) and a positive radius."
        )
    waves = torch.rand(3, generator=torch.Generator().manual_seed(seed))
    share = _irregular_disc((ny, nx), centre, radius, waves).to(image.device)
    return (1 - share) * image + share * level, share > 0


def flat_place(image: Tensor, radius: float = 8.0) -> tuple[int, int]:
    """Find where a lesion can be inserted so that little else is near: the disc with the least relative spread.

    Parameters
    ----------
    image : Tensor, shape (y, x)
        Magnitudes count. Discs with a mean of 0.3 to 0.8 of the brightest pixel are looked at.
    radius : float
        Of the disc, in pixels.

    Returns
    -------
    (y, x) : int
        Centre, in pixels.

    Raises
    ------
    ValueError
        An image without such a disc.
    """
    magnitude = (image.abs() / image.abs().max())[None, None].float()
    reach = math.ceil(radius)
    place = torch.arange(-reach, reach + 1, device=image.device)
    disc = (torch.hypot(place[:, None].float(), place.float()) <= radius).float()
    weights = (disc / disc.sum())[None, None]
    mean = conv2d(magnitude, weights, padding=reach)
    spread = (conv2d(magnitude.square(), weights, padding=reach) - mean.square()).clamp_min(0).sqrt() / mean
    usable = (mean > 0.3) & (mean < 0.8)
    if not usable.any():
        raise ValueError(
            f"no disc of radius {radius:g} has a mean of 0.3 to 0.8 of the brightest pixel; expected a head: give the "
            "place of the lesion yourself."
        )
    y, x = divmod(int(torch.where(usable, spread, math.inf).argmin()), image.shape[-1])
    return y, x


def add_disc(image: Tensor, *, centre: tuple[float, float], radius: float, contrast: float) -> Tensor:
    """Add a disc to the magnitude of a complex image, and leave its phase: a lesion of known size and contrast.

    Parameters
    ----------
    image : complex Tensor, shape (y, x)
    centre : (y, x)
        In pixels, parts of a pixel too.
    radius : float
        In pixels; the edge is soft over one pixel.
    contrast : float
        Added to the magnitude, in the unit of the image; below zero for a dark disc.

    Returns
    -------
    complex Tensor, shape (y, x)
    """
    y = torch.arange(image.shape[-2], device=image.device)[:, None] - centre[0]
    x = torch.arange(image.shape[-1], device=image.device) - centre[1]
    share = (radius + 0.5 - torch.hypot(y.float(), x.float())).clamp(0, 1)
    return image + contrast * share * torch.polar(torch.ones_like(image.real), image.angle())


def add_discs(images: Tensor, centres: Sequence[tuple[float, float]], *, radius: float, contrast: float) -> Tensor:
    """Add a disc to each of a stack of images, as `add_disc` does: complex (n, y, x), n centres -> (n, y, x)."""
    pairs = zip(images, centres, strict=True)
    return torch.stack([add_disc(image, centre=centre, radius=radius, contrast=contrast) for image, centre in pairs])


def _irregular_disc(shape: tuple[int, int], centre: tuple[float, float], radius: float, waves: Tensor) -> Tensor:
    """Share of every pixel that a disc takes, 0 to 1, soft at the edge; `waves`, 0 to 1, turn its bulges."""
    ny, nx = shape
    y, x = torch.meshgrid(torch.arange(ny) - centre[0], torch.arange(nx) - centre[1], indexing="ij")
    angle = torch.atan2(y.float(), x.float())
    outline = 1 + sum(0.12 * torch.cos((k + 2) * angle + 2 * math.pi * wave) for k, wave in enumerate(waves))
    return (radius * outline + 0.5 - torch.hypot(y.float(), x.float())).clamp(0, 1)
