"""Two ways to spend a budget of trials on two settings: a grid, and random draws."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def log_scaled(shares: Tensor, low: float, high: float) -> Tensor:
    r"""Places on a logarithmic axis, $low\,(high/low)^u$: 0 is `low`, 1 is `high`, 0.5 their geometric mean.

    Parameters
    ----------
    shares : real Tensor, any shape
        $u$, from 0 to 1.
    low, high : float
        Ends of the axis, both above zero.

    Raises
    ------
    ValueError
        Ends that are not above zero or in the wrong order.
    """
    if not 0 < low < high:
        raise ValueError(f"the axis goes from {low} to {high}; expected two numbers above zero, the lower one first.")
    return low * (high / low) ** shares


def grid_shares(n_axis: int, offset: Tensor | tuple[float, float] = (0.5, 0.5)) -> Tensor:
    """Points of a square grid on the unit square, (n_axis squared, 2): cell number i has its point at (i + offset) / n.

    Parameters
    ----------
    n_axis : int
        Values of each setting.
    offset : two numbers from 0 to 1
        Where in its cell the point lies along each axis. A grid that happens to hit the best setting was lucky: draw
        the offset where grids are compared with something else.

    Raises
    ------
    ValueError
        No value, or an offset outside its cell.
    """
    offset = torch.as_tensor(offset)
    if n_axis < 1 or offset.shape != (2,) or not bool(((offset >= 0) & (offset <= 1)).all()):
        raise ValueError(
            f"n_axis is {n_axis} and offset {offset.tolist()}; expected 1 or more and two numbers in 0..1."
        )
    places = torch.arange(n_axis)
    return (torch.cartesian_prod(places, places).reshape(-1, 2) + offset) / n_axis


def best_setting(score: Callable[[float, float], float], settings: Tensor) -> Tensor:
    """The setting with the highest score, shape (2,); the first of several that are equal.

    Parameters
    ----------
    score : callable
        What a pair of settings is worth, higher is better: on validation data, never on the test.
    settings : real Tensor, shape (n, 2)
    """
    if settings.ndim != 2 or settings.shape[1] != 2 or not len(settings):
        raise ValueError(f"settings have shape {tuple(settings.shape)}; expected (n, 2), one pair a trial.")
    scores = torch.tensor([float(score(*pair)) for pair in settings.tolist()])
    return settings[scores.argmax()]


def random_search(score: Callable[[float, float], float], draws: Tensor, low: float, high: float) -> Tensor:
    """Try settings at random places of a logarithmic axis and keep the best [Bergstra and Bengio, JMLR 13:281, 2012].

    Parameters
    ----------
    score
        As in `best_setting`.
    draws : real Tensor, shape (n, 2)
        Uniform from 0 to 1, one row a trial.
    low, high : float
        Ends of both axes.

    Returns
    -------
    real Tensor, shape (2,)
    """
    return best_setting(score, log_scaled(draws, low, high))
