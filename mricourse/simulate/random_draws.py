"""Random draws that a seed determines: numbers, choices and smooth fields, each from a generator of its own; and the
limits that what is drawn may have."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from mricourse.simulate.anatomy import anatomy_names


def generator_for(seed: int, *words: str) -> torch.Generator:
    """Start a random stream of its own for every purpose, so that one draw never shifts another."""
    digest = hashlib.sha256("/".join([str(seed), *words]).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """Draw a number, uniform from low to high."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def integer(low: int, high: int, generator: torch.Generator) -> int:
    """Draw a whole number, uniform from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def choose(shares: Sequence[float], generator: torch.Generator) -> int:
    """Draw an index with probabilities proportional to `shares`."""
    return int(torch.multinomial(torch.tensor(shares), 1, generator=generator))


def subseed(generator: torch.Generator) -> int:
    """Draw a seed for a function that takes one."""
    return integer(0, 2**31 - 1, generator)


def smooth_field(shape: tuple[int, int], *, n_control: int = 5, generator: torch.Generator) -> Tensor:
    """Draw a smooth field from cubic B-splines: float (ny, nx), values from -1 to 1.

    Parameters
    ----------
    shape : (ny, nx)
        Size of the field.
    n_control : int
        Control points along each axis, at least 4; more make it rougher.
    generator : torch.Generator
        Source of the random numbers.
    """
    coefficients = torch.rand(n_control, n_control, generator=generator) * 2 - 1
    rows, columns = (_spline_matrix(n, n_control) for n in shape)
    return rows @ coefficients @ columns.T


@lru_cache(maxsize=32)
def _spline_matrix(n: int, n_control: int) -> Tensor:
    """Cubic B-spline weights of the control points at n pixels: (n, n_control), rows sum to 1."""
    position = torch.linspace(0, n_control - 3, n)
    cell = position.floor().clamp(max=n_control - 4)
    t = position - cell
    weights = torch.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], dim=1) / 6
    matrix = torch.zeros(n, n_control)
    return matrix.scatter_(1, cell.long().unsqueeze(1) + torch.arange(4), weights)


def place_in_split(split: str, index: int, seed: int) -> tuple[str, int]:
    """Anatomy and seed of one draw; the split is part of the hash, so no seed serves two splits."""
    names = anatomy_names(split)
    if index < 0:
        raise ValueError(f"index is {index}; expected 0 or more: draws are numbered from 0.")
    digest = hashlib.sha256(f"{split}/{seed}/{index}".encode()).digest()
    return names[digest[-1] % len(names)], int.from_bytes(digest[:7], "big")


def check_limits(scans: object, limits: Mapping[str, tuple[float, float, str]]) -> None:
    """Refuse numbers that a data set cannot have; one that is None is left out.

    Parameters
    ----------
    scans : object
        Its attributes are numbers, or pairs: the low and the high end of what is drawn, and ``shape`` in any order.
    limits : mapping
        Name of an attribute -> the least and the largest number, and what it means.

    Raises
    ------
    ValueError
        A number outside its limits, or a pair that is none or falls.
    """
    for name, (low, high, meaning) in limits.items():
        given = getattr(scans, name)
        span = sorted(given) if name == "shape" else given if isinstance(given, Sequence) else [given, given]
        if given is not None and (len(span) != 2 or not low <= span[0] <= span[1] <= high):
            raise ValueError(f"{name} is {given}; expected {low:g} to {high:g} ({meaning}).")
