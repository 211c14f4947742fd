"""Are lesions still there that people have outlined? Each is read, and compared with readings where none is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import max_pool2d

from mricourse.evaluation.detection import detection_rate

GAP, RING = 1, 4  # pixels from the outline to the inner and the outer edge of the ring around it


@dataclass(frozen=True, eq=False)
class Outline:
    """One connected region of a slice.

    Parameters
    ----------
    slice : int
        Number of its slice.
    inside, ring : bool Tensor, shape (y, x)
        Its pixels, and those around it that belong to no lesion.
    """

    slice: int
    inside: Tensor
    ring: Tensor

    def read(self, images: Tensor) -> Tensor:
        """Mean magnitude inside minus that of the ring: (slices, y, x) -> ()."""
        magnitude = images[self.slice].abs()
        return magnitude[self.inside].mean() - magnitude[self.ring].mean()


def separate_lesions(lesions: Tensor, *, least: int = 4) -> list[Outline]:
    """Take the outlined pixels of each slice apart into connected regions, pixels that touch by a side.

    Parameters
    ----------
    lesions : bool Tensor, shape (slices, y, x)
    least : int
        Regions of fewer pixels are left out.

    Returns
    -------
    list of Outline, in the order of the slices
    """
    if lesions.ndim != 3 or lesions.dtype != torch.bool:
        raise ValueError(
            f"lesions have shape {tuple(lesions.shape)}, {lesions.dtype}; expected (slices, y, x), torch.bool."
        )
    found = []
    for number, outlined in enumerate(lesions.cpu()):
        labels, n_regions = ndimage.label(outlined.numpy())
        regions = [torch.from_numpy(labels == label) for label in range(1, n_regions + 1)]
        found += [_outline(number, region, outlined) for region in regions if int(region.sum()) >= least]
    return found


def free_places(
    outlines: Sequence[Outline], lesions: Tensor, tissue: Tensor, *, n_each: int = 5, seed: int = 0
) -> list[Outline]:
    """Move each outline within its slice to places without lesion, drawn at random: where a reading is a false alarm.

    Parameters
    ----------
    outlines : sequence of Outline
    lesions, tissue : bool Tensor, shape (slices, y, x)
        All lesions, also those that are left out of `outlines`; and where a lesion could be.
    n_each : int
        At most so many places for each outline; fewer where there is no room.
    seed : int

    Returns
    -------
    list of Outline
    """
    generator = torch.Generator().manual_seed(seed)
    tissue, lesions = tissue.cpu(), lesions.cpu()
    found = []
    for outline in outlines:
        occupied = lesions[outline.slice]
        free = _shrunk(tissue[outline.slice], RING) & ~_grown(occupied, RING)
        places = free.nonzero()
        middle = outline.inside.nonzero().float().mean(0).round().long()
        kept = 0
        for number in torch.randperm(len(places), generator=generator).tolist():
            moved = outline.inside.roll((places[number] - middle).tolist(), dims=(0, 1))
            if kept < n_each and not (moved & ~free).any():
                found.append(_outline(outline.slice, moved, occupied))
                kept += 1
            if kept == n_each:
                break
    return found


def read_outlines(images: Tensor, outlines: Sequence[Outline]) -> Tensor:
    """Read each outline in its slice, inside minus ring: complex or real (slices, y, x) -> (outlines,), on the CPU."""
    magnitude = images.detach().abs().cpu()
    return torch.stack([outline.read(magnitude) for outline in outlines])


def lesions_found(readings: Tensor, free: Tensor, *, false_alarms: float = 0.05) -> Tensor:
    """Say of each lesion whether its reading is above the threshold that this share of free places stays above.

    The threshold belongs to the images that were read: each method pays with the same share of false alarms.
    The mean of what is returned is the recall.

    Parameters
    ----------
    readings, free : real Tensor, shapes (lesions,) and (places,)
    false_alarms : float
        Between 0 and 1.

    Returns
    -------
    float Tensor, shape (lesions,)
        1 or 0.
    """
    return torch.stack([detection_rate(free, one[None], false_alarms=false_alarms) for one in readings])


def _outline(number: int, inside: Tensor, lesions: Tensor) -> Outline:
    ring = _grown(inside, RING) & ~_grown(inside, GAP) & ~lesions
    return Outline(number, inside, ring)


def _grown(mask: Tensor, pixels: int) -> Tensor:
    return max_pool2d(mask[None, None].float(), 2 * pixels + 1, stride=1, padding=pixels)[0, 0] > 0


def _shrunk(mask: Tensor, pixels: int) -> Tensor:
    return ~_grown(~mask, pixels)
