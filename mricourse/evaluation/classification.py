"""How many pictures a classifier names rightly, where they were and elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


@torch.no_grad()
def percent_right(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> float:
    """Percent of the images whose highest score is that of their class.

    Parameters
    ----------
    network : callable, images (n, ...) -> scores (n, classes)
    images : real Tensor, shape (n, ...)
    labels : int Tensor, shape (n,)
        The right class of each, from 0.

    Raises
    ------
    ValueError
        No image, or not one label for each.
    """
    if len(images) == 0 or labels.shape != (len(images),):
        raise ValueError(f"{len(images)} images came with labels {tuple(labels.shape)}; expected (n,) of each, n > 0.")
    return 100 * (network(images).argmax(dim=1) == labels).double().mean().item()


def percent_by_shift(
    network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, shifts: Sequence[int]
) -> list[float]:
    """Percent of the images that are named rightly after all were moved to the right, for each shift.

    Parameters
    ----------
    network : callable, images (n, 1, y, x) -> scores (n, classes)
    images : real Tensor, shape (n, 1, y, x)
        What leaves on the right comes in on the left; an empty margin keeps that from being seen.
    labels : int Tensor, shape (n,)
    shifts : sequence of int
        Pixels; negative ones move to the left.
    """
    return [percent_right(network, images.roll(shift, dims=-1), labels) for shift in shifts]
