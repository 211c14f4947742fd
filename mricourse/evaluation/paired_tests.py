"""Tests of paired differences, one for each exam: by chance, better, or not worse than so much?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mricourse.evaluation.statistics import Interval, finite_numbers, mean_interval


@dataclass(frozen=True)
class NotWorse:
    """Answer of `non_inferiority`: mean difference, its interval, the margin, and whether all of it lies above."""

    mean: float
    interval: Interval
    margin: float

    @property
    def shown(self) -> bool:
        """True when even the low end of the interval is above minus the margin."""
        return self.interval.low > -self.margin


def signed_rank(differences: Tensor) -> float:
    """p-value of Wilcoxon's signed-rank test: how often would chance alone give ranks as one-sided as these?

    Parameters
    ----------
    differences : real Tensor, shape (n,)
        One for each independent unit, such as a patient. Zeros are left out.

    Returns
    -------
    float
        Two-sided, by `scipy.stats.wilcoxon`: exact up to 50 differences without ties, else by all signs up to 13 and
        by a normal distribution beyond. 1 where all differences are zero.

    Raises
    ------
    ValueError
        If the differences are not 1-D, or one is NaN or infinite.

    Source: Wilcoxon, Biometrics Bulletin 1:80, 1945, doi:10.2307/3001968.
    """
    from scipy.stats import wilcoxon  # late: `import mricourse` should not wait for it

    x = finite_numbers(differences, "differences").reshape(-1)
    x = x[x != 0]
    return float(wilcoxon(x.numpy()).pvalue) if len(x) else 1.0


def holm(p_values: Sequence[float] | Tensor) -> Tensor:
    """Correct p-values of several tests by Holm: the chance of *any* false alarm stays below the level.

    The smallest of m p-values is multiplied by m, the next one by m - 1, and so on; none may be smaller than the one
    before, or above 1.

    Parameters
    ----------
    p_values : sequence of float, or real Tensor, shape (m,)

    Returns
    -------
    float64 Tensor, shape (m,), in the order that came

    Raises
    ------
    ValueError
        If there are none, or one lies outside of 0 to 1.

    Source: Holm, Scandinavian Journal of Statistics 6:65, 1979.
    """
    p = finite_numbers(torch.as_tensor(p_values, dtype=torch.float64), "p_values").reshape(-1)
    if bool(((p < 0) | (p > 1)).any()):
        raise ValueError(f"p_values are {p.tolist()}; expected numbers from 0 to 1.")
    order = p.argsort()
    factors = torch.arange(len(p), 0, -1)
    corrected = torch.empty_like(p)
    corrected[order] = (factors * p[order]).cummax(0).values.clamp_max(1)
    return corrected


def non_inferiority(differences: Tensor, margin: float, *, level: float = 0.95) -> NotWorse:
    """Ask whether a new method is worse than the old one by less than a margin that was fixed before.

    Parameters
    ----------
    differences : real Tensor, shape (n,)
        New minus old, one for each independent unit, n >= 4; larger is better.
    margin : float
        Largest loss that would not matter, above 0, in the unit of the differences.
    level : float
        Of the two-sided interval.

    Returns
    -------
    NotWorse

    Raises
    ------
    ValueError
        A margin that is not positive, fewer than 4 differences, or as `mean_interval`.
    """
    if not margin > 0:
        raise ValueError(f"margin is {margin}; expected a loss above 0: choose it before looking.")
    x = finite_numbers(differences, "differences").reshape(-1)
    interval = mean_interval(x, level=level) if len(x) > 1 else None
    if interval is None:
        raise ValueError(f"{len(x)} differences came; expected 4 or more: with fewer there is no interval to judge.")
    return NotWorse(float(x.mean()), interval, margin)
