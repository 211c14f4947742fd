"""How much of a lesion's contrast is left in an image, by the mean over its pixels and over a rim around it."""

from __future__ import annotations

import torch
from torch import Tensor


def contrast_kept(images: Tensor, references: Tensor, lesion: Tensor, rim: Tensor) -> Tensor:
    """Share of a lesion's contrast that an image keeps: lesion minus rim, with the lesion minus without it.

    Parameters
    ----------
    images, references : Tensor, shape (2, ..., y, x)
        With the lesion and without it: two reconstructions that differ in nothing else, noise included, and the two
        truths. Magnitudes count.
    lesion, rim : bool Tensor, shape (..., y, x)
        Its pixels, and some around it.

    Returns
    -------
    real Tensor, shape (...)
        1 where all of the contrast is kept, 0 where none is.

    Raises
    ------
    ValueError
        If the two are no pairs, a mask is empty, or the lesion of a reference has no contrast.
    """
    if len(images) != 2 or images.shape != references.shape:
        raise ValueError(
            f"images have shape {tuple(images.shape)} and references {tuple(references.shape)}; expected both "
            "(2, ..., y, x), with the lesion and without it: stack the two."
        )
    for name, mask in {"lesion": lesion, "rim": rim}.items():
        if mask.dtype != torch.bool or not bool(mask.flatten(-2).any(-1).all()):
            raise ValueError(f"{name} is of the kind {mask.dtype}, or empty in an image; expected some pixels, bool.")
    kept = _over_rim(images[0].abs() - images[1].abs(), lesion, rim)
    true = _over_rim(references[0].abs() - references[1].abs(), lesion, rim)
    if bool((true == 0).any()):
        raise ValueError("the lesion of a reference has no contrast; expected one: check its place and its radius.")
    return kept / true


def _over_rim(change: Tensor, lesion: Tensor, rim: Tensor) -> Tensor:
    """Mean over the lesion minus mean over its rim, (..., y, x) -> (...)."""
    inside, around = (torch.where(mask, change, 0).sum((-2, -1)) / mask.sum((-2, -1)) for mask in (lesion, rim))
    return inside - around
