"""Refuse options that no network can have, in one sentence that names the option."""

from __future__ import annotations

import math


def check_counts(**counts: int) -> None:
    """Refuse, with ValueError, a number of something that is below 1."""
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"got {name}={count}; expected 1 or more.")


def check_positive(**numbers: float) -> None:
    """Refuse, with ValueError, a number that is not above 0 or not finite."""
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise ValueError(f"got {name}={number}; expected a number above 0.")


def check_choice(choices: tuple[str, ...], **chosen: str) -> None:
    """Refuse, with ValueError, a word that is not among the choices."""
    for name, word in chosen.items():
        if word not in choices:
            raise ValueError(f"got {name}={word!r}; expected {' or '.join(map(repr, choices))}.")
