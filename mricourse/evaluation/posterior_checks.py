"""Whether samples of a posterior are what they claim to be: their range against the truth, and choices on others.

If truth and n samples are n + 1 draws from one posterior, the truth may take any place in their order. So it is the
smallest or the largest in 2 of n + 1 pixels, and lies within the range of the samples in (n - 1) of (n + 1).
"""

from __future__ import annotations

import torch
from torch import Tensor


def range_coverage(samples: Tensor, truth: Tensor, inside: Tensor) -> float:
    """Give the share of pixels whose truth lies within the range of the samples, in percent.

    Parameters
    ----------
    samples : real Tensor, shape (n, y, x)
    truth : real Tensor, shape (y, x)
    inside : bool Tensor, shape (y, x)
        The pixels that count.

    Raises
    ------
    ValueError
        Complex values, which have no order, fewer than 2 samples, or no pixel that counts.
    """
    if samples.is_complex() or truth.is_complex():
        raise ValueError("samples or truth are complex; expected real numbers, which have an order: take magnitudes.")
    if len(samples) < 2 or not bool(inside.any()):
        raise ValueError(f"got {len(samples)} samples and {int(inside.sum())} pixels; expected 2 and 1, or more.")
    within = (truth >= samples.amin(0)) & (truth <= samples.amax(0))
    return 100 * float(within[inside].float().mean())


def honest_coverage(n_samples: int) -> float:
    """Give the `range_coverage` that exact samples have, in percent."""
    return 100 * (n_samples - 1) / (n_samples + 1)


def best_on_others(scores: Tensor) -> Tensor:
    """Choose a setting for each slice by the mean score of all other slices, and give its score there.

    Parameters
    ----------
    scores : real Tensor, shape (settings, slices)
        The larger the better.

    Returns
    -------
    Tensor, shape (slices,)

    Raises
    ------
    ValueError
        Fewer than two slices.
    """
    n = scores.shape[1]
    if n < 2:
        raise ValueError(f"got {n} slices; expected two or more: one has no others.")
    others = (scores.sum(1, keepdim=True) - scores) / (n - 1)
    return scores[others.argmax(0), torch.arange(n, device=scores.device)]
