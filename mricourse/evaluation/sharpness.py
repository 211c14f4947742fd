"""How wide an edge is: its profile across, and the distance from 10 to 90 per cent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def radial_profile(image: Tensor, centre: tuple[float, float], *, radius: float, step: float = 0.25) -> Tensor:
    """Average an image over rings: the profile across the edge of a disc, finer than the pixels.

    Parameters
    ----------
    image : real Tensor, shape (y, x)
    centre : (y, x)
        Of the disc, in pixels, parts of a pixel too.
    radius : float
        How far from the centre the profile goes, in pixels.
    step : float
        Width of a ring, in pixels.

    Returns
    -------
    real Tensor, shape (2, rings)
        Mean distance from the centre of the pixels of each ring, and their mean; rings without a pixel are left out.
    """
    y = torch.arange(image.shape[-2], device=image.device)[:, None] - centre[0]
    x = torch.arange(image.shape[-1], device=image.device) - centre[1]
    distance = torch.hypot(y.float(), x.float())
    inside = distance < radius
    ring = (distance[inside] / step).long()
    n = torch.bincount(ring)
    sums = [torch.bincount(ring, weights=values[inside]) for values in (distance, image)]
    return torch.stack(sums)[:, n > 0] / n[n > 0]


def mean_profile(
    images: Tensor, centres: Sequence[tuple[float, float]], *, radius: float, step: float = 0.25
) -> Tensor:
    """Average `radial_profile` over a stack of images: (n, y, x), n whole-pixel centres -> (2, rings)."""
    profiles = [
        radial_profile(image, centre, radius=radius, step=step) for image, centre in zip(images, centres, strict=True)
    ]
    return torch.stack(profiles).mean(0)


def edge_width(position: Tensor, profile: Tensor, *, low: float, high: float) -> float:
    """Give the distance over which an edge goes from 10 to 90 % of its height, by linear interpolation.

    From the middle of the edge we walk to either side until the level is crossed: ringing farther away does not count.

    Parameters
    ----------
    position : real Tensor, shape (n,)
        Rising, in any unit of length.
    profile : real Tensor, shape (n,)
        Rising or falling across the edge.
    low, high : float
        The two plateaus.

    Returns
    -------
    float
        In the unit of `position`.

    Raises
    ------
    ValueError
        A profile that does not cross the middle, or ends before it reaches 10 and 90 %.
    """
    share = ((profile - low) / (high - low)).double().cpu()
    place = position.double().cpu()
    if share[0] > share[-1]:
        share, place = share.flip(0), -place.flip(0)
    above = (share >= 0.5).nonzero().flatten()
    if len(above) == 0 or above[0] == 0:
        raise ValueError("the profile does not cross the middle of the edge; expected one that starts on one plateau.")
    middle = int(above[0])
    below = (share[:middle] <= 0.1).nonzero().flatten()
    beyond = (share[middle:] >= 0.9).nonzero().flatten()
    if len(below) == 0 or len(beyond) == 0:
        raise ValueError("the profile does not reach 10 and 90 % of the edge; expected both plateaus to be on it.")
    start = _crossing(place, share, int(below[-1]), 0.1)
    end = _crossing(place, share, middle + int(beyond[0]) - 1, 0.9)
    return end - start


def _crossing(place: Tensor, share: Tensor, before: int, level: float) -> float:
    """Where the line from sample `before` to the next one meets a level."""
    part = (level - share[before]) / (share[before + 1] - share[before])
    return float(place[before] + part * (place[before + 1] - place[before]))
