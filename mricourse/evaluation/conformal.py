r"""Split conformal intervals whose unit is the subject: they hold for nine subjects of ten, whatever the network.

A score says how many times $\hat u$ the errors of one subject are. On $n$ calibration subjects the
$\lceil (n + 1)(1 - \alpha) \rceil$-th smallest is $q$. If the next subject is exchangeable with them, its score is at
most $q$ with a probability of at least $1 - \alpha$, over calibration subjects and the next one together.

[Vovk, Gammerman, Shafer, Algorithmic learning in a random world, 2005; Angelopoulos, Bates, arXiv:2107.07511]
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

PIXELS = 0.9  # share of a subject's pixels that an interval has to hold


def subject_scores(error: Tensor, spread: Tensor, inside: Tensor, *, share: float = PIXELS) -> Tensor:
    r"""Give the factor on $\hat u$ that a share of each subject's pixels needs: a quantile of $|\hat p - p| / \hat u$.

    Parameters
    ----------
    error, spread, inside : Tensor, shape (subjects, y, x)
    share : float
        Above 0, at most 1; 1 asks for all pixels.

    Returns
    -------
    float Tensor, shape (subjects,)
        The smallest factor with which at least that share of the pixels in tissue lies in $\hat p \pm q\,\hat u$.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected more than 0 and at most 1.")
    ratios = [(e[where] / u[where]) for e, u, where in zip(error, spread, inside, strict=True)]
    return torch.stack([each.kthvalue(max(1, _ceil(share * len(each)))).values for each in ratios])


def conformal_quantile(scores: Tensor, *, miss: float = 0.1) -> float:
    r"""Give the $\lceil (n + 1)(1 - \alpha) \rceil$-th smallest score of $n$ calibration subjects.

    Parameters
    ----------
    scores : float Tensor, shape (n,)
        One a subject; subjects that took part in training have no place here.
    miss : float
        $\alpha$, between 0 and 1.

    Returns
    -------
    float
        Infinite where $n$ is too small to promise anything: below 9 for $\alpha = 0.1$, below 19 for 0.05.

    Raises
    ------
    ValueError
        No scores, another shape, or an $\alpha$ out of range.
    """
    if scores.ndim != 1 or not len(scores) or not 0 < miss < 1:
        raise ValueError(
            f"scores have shape {tuple(scores.shape)} and miss is {miss}; expected one score a subject and a miss "
            "between 0 and 1: pixels of one subject are not exchangeable with those of the next."
        )
    rank = _ceil((len(scores) + 1) * (1 - miss))
    return math.inf if rank > len(scores) else float(scores.kthvalue(rank).values)


class Coverage(NamedTuple):
    """How many subjects an interval holds for; `low` and `high` are the share's 95 % interval (Clopper, Pearson)."""

    count: int
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        share = 100 * self.count / self.n
        return f"{self.count} of {self.n} subjects, {share:.3g} % [{100 * self.low:.0f}, {100 * self.high:.0f}]"


def coverage(scores: Tensor, quantile: float) -> Coverage:
    """Count the subjects whose score is at most the quantile of others.

    Parameters
    ----------
    scores : float Tensor, shape (subjects,)
        Of test subjects.
    quantile : float
        `conformal_quantile` of calibration subjects.
    """
    from scipy.stats import binomtest  # late: `import mricourse` should not wait for it

    count = int((scores <= quantile).sum())
    low, high = binomtest(count, len(scores)).proportion_ci(method="exact")
    return Coverage(count, len(scores), low, high)


def _ceil(number: float) -> int:
    """Round up a count; 0.9 times 20 is 18 and not a rounding error more."""
    return math.ceil(round(number, 9))
