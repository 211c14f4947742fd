"""Random phase-encode lines of which one knows how likely each was: what the weights of a split loss are made of."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.sampling import acs_mask

FLOOR = 0.1  # density at the edge of k-space over that at the centre: no line may be impossible


def line_density(ny: int, acceleration: float, *, acs: int, power: float = 2.0) -> Tensor:
    r"""Give the probability $P$ of each line: 1 in the centre, falling as $0.1 + 0.9\,(1 - |k|)^p$ outside.

    Parameters
    ----------
    ny : int
        Phase-encode lines, $|k|$ is 1 at their end.
    acceleration : float
        The probabilities add up to ny / acceleration, rounded; the centre counts.
    acs : int
        Lines of the fully sampled centre.
    power : float
        $p$; 0 is uniform.

    Returns
    -------
    float64 Tensor, shape (ny, 1)

    Raises
    ------
    ValueError
        An acceleration that leaves no line beside the centre, or a negative power.
    """
    centre = acs_mask(ny, acs)[:, 0]
    if not acceleration >= 1 or round(ny / acceleration) <= acs < ny:
        raise ValueError(
            f"acceleration is {acceleration} for {ny} lines, {acs} of them in the centre; expected 1 or more, and "
            "lines beside the centre: lower acceleration or acs."
        )
    if not power >= 0:
        raise ValueError(f"power is {power}; expected 0 (uniform) or more.")
    distance = (torch.arange(ny, dtype=torch.float64) - ny // 2).abs() / (ny / 2)
    density = FLOOR + (1 - FLOOR) * (1 - distance) ** power
    density[centre] = 0
    outside = _scaled(density, round(ny / acceleration) - acs)
    return torch.where(centre, 1.0, outside)[:, None]


def drawn_lines(density: Tensor, generator: torch.Generator) -> Tensor:
    """Draw lines of which each is sampled with its probability, and always as many as the probabilities add up to.

    The probabilities are laid end to end in random order, and a comb with teeth 1 apart, at a random place, says which
    lines are sampled: one that is 0.3 long is hit in 3 of 10 draws.

    Parameters
    ----------
    density : float Tensor, shape (ny, 1)
        From 0 to 1; their sum is a whole number, or the number of lines is one of the two next to it.
    generator : torch.Generator

    Returns
    -------
    bool Tensor, shape (ny, 1)

    Source: randomised systematic sampling, Goodman, Kish, J. Am. Stat. Assoc. 45:350, 1950.
    """
    probability = density[:, 0].double()
    order = torch.randperm(len(probability), generator=generator)
    uncertain = torch.where(probability < 1, probability, 0)[order]
    ends = uncertain.cumsum(0) + torch.rand((), generator=generator, dtype=torch.float64)
    lines = probability >= 1
    lines[order] |= ends.floor() > (ends - uncertain).floor()
    return lines[:, None]


def splitting_density(density: Tensor, *, ratio: float, most: float = 0.9) -> Tensor:
    r"""Give the probability $\tilde P$ with which a second mask of the same family keeps each line.

    Outside the centre it is proportional to $P$, up to a largest probability below 1: a line that is sometimes missing
    has to be hidden sometimes, or nothing is ever learned about it.

    Parameters
    ----------
    density : float Tensor, shape (ny, 1)
        $P$, of the lines that are measured.
    ratio : float
        Expected share of the measured lines that the second mask hides, $\sum P (1 - \tilde P) / \sum P$.
    most : float
        Largest probability outside the centre.

    Returns
    -------
    float64 Tensor, shape (ny, 1)

    Raises
    ------
    ValueError
        A share that cannot be hidden: the centre is never.
    """
    certain = density >= 1
    outside = torch.where(certain, 0, density.double())
    low, high = (1 - most) * float(outside.sum()), float(outside.sum())
    wanted = ratio * float(density.sum())
    if not low <= wanted < high:
        raise ValueError(
            f"ratio is {ratio}; expected {low / float(density.sum()):.2f} to {high / float(density.sum()):.2f} of the "
            "lines: the centre is never hidden."
        )
    factors = [0.0, most / float(outside[outside > 0].min())]
    for _ in range(60):  # the more are kept, the fewer are hidden
        middle = sum(factors) / 2
        hidden = float((outside * (1 - (middle * outside).clamp(max=most))).sum())
        factors[0 if hidden > wanted else 1] = middle
    return torch.where(certain, 1.0, (factors[1] * outside).clamp(max=most))


def split_weights(density: Tensor, kept: Tensor) -> Tensor:
    r"""Give the weights $(1 - K)^{-1}$ of squared errors, $1 - K = P (1 - \tilde P) / (1 - \tilde P P)$.

    That is the probability that a line was measured and hidden, if it is not among those that the network was given.
    Dividing by it makes up for the lines that were not measured: where every 20th line is, an error counts 20 times.

    Parameters
    ----------
    density, kept : float Tensor, shape (ny, 1)
        $P$ and $\tilde P$.

    Returns
    -------
    float64 Tensor, shape (ny, 1)
        0 where a line is never hidden.

    Source: $K = (1 - \tilde P P)^{-1} (1 - P)$ of Millard, Chiew, IEEE Trans. Comput. Imaging 9:707, 2023.
    """
    hidden = density.double() * (1 - kept.double())
    not_given = 1 - density.double() * kept.double()
    return torch.where(hidden > 0, not_given / hidden.clamp_min(1e-12), 0)


def _scaled(density: Tensor, total: int) -> Tensor:
    """Scale a density so that it adds up to a number of lines, and is nowhere above 1."""
    factors = [0.0, 1 / float(density[density > 0].min())] if bool(density.any()) else [0.0, 0.0]
    for _ in range(60):
        middle = sum(factors) / 2
        factors[0 if float((middle * density).clamp(max=1).sum()) < total else 1] = middle
    return (factors[1] * density).clamp(max=1)
