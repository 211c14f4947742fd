"""Which axis of a stored array means what: recognised from its sizes where that is possible, else named by the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_COILS = 32
MIN_SIZE = 64  # samples along ky and kx
MAX_SIZE = 1024
MAX_SAMPLES = 2**19  # of a plane
_SAME = {"coils": "coil", "channel": "coil", "channels": "coil", "slices": "slice", "ky": "y", "kx": "x"}
_KEPT = ("coil", "slice", "y", "x")


@dataclass(frozen=True)
class AxisOrder:
    """What each axis of a stored array means.

    Parameters
    ----------
    names : tuple of str
        One for each axis: ``y`` and ``x`` once each, ``coil`` and ``slice`` at most once, others at will.
    shape : tuple of int
        The sizes.
    chosen : dict
        Which entry of each other axis is read.
    note : str
        What was recognised and may surprise, in words.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    chosen: dict[str, int]
    note: str = ""

    def size(self, name: str) -> int:
        """Entries along an axis; 1 where there is no such axis."""
        return self.shape[self.names.index(name)] if name in self.names else 1

    def index(self, i_slice: int = 0) -> tuple[Any, ...]:
        """The index that selects one slice of the stored array."""
        entries = self.chosen | {"slice": i_slice} | dict.fromkeys(("coil", "y", "x"), slice(None))
        return tuple(entries[name] for name in self.names)

    def arrange(self, values: np.ndarray) -> np.ndarray:
        """Bring what `index` selected into the order (coil, y, x), with one coil where the file has no such axis."""
        left = [name for name in self.names if name in ("coil", "y", "x")]
        if "coil" not in left:
            values = values[None]
            left = ["coil", *left]
        return values.transpose([left.index(name) for name in ("coil", "y", "x")])

    def __str__(self) -> str:
        return ", ".join({"coil": "coils", "slice": "slices", "y": "ky", "x": "kx"}.get(n, n) for n in self.names)


def axis_words(words: str | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Split ``"coil, y, x, echo=1"`` into names and choices; ``"echo=1"`` alone is a choice for axes already known."""
    parts = [word.strip().lower().partition("=") for word in (words or "").split(",")] if words else []
    names = tuple(_SAME.get(name.strip(), name.strip()) for name, _, _ in parts)
    choices = {name: index.strip() for name, (_, equals, index) in zip(names, parts, strict=True) if equals}
    return (() if len(choices) == len(names) else names), choices


def named_axes(
    names: Sequence[str], shape: Sequence[int], choices: Mapping[str, str] | None = None, note: str = ""
) -> AxisOrder:
    """Put names to the axes of a shape, with an entry chosen of each that is neither plane, coil nor slice.

    Raises
    ------
    ValueError
        Names or choices that do not fit, in one sentence.
    """
    names = tuple(names)
    shape = tuple(shape)
    choices = dict(choices or {})
    if len(names) != len(shape):
        raise ValueError(
            f"--axes names {len(names)} axes ({', '.join(names)}), but kspace has shape {shape}; expected "
            f"{len(shape)} names, such as {suggestion(shape)}."
        )
    if missing := [name for name in ("y", "x") if name not in names]:
        raise ValueError(f"--axes has no {missing[0]} ({', '.join(names)}); expected y and x among the names.")
    if "" in names:
        raise ValueError(f"--axes has an empty name ({', '.join(names)}); expected one for each axis.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"--axes has {twice[0]} twice ({', '.join(names)}); expected each name once.")
    others = {name: size for name, size in zip(names, shape, strict=True) if name not in _KEPT}
    for name in choices:
        if name in _KEPT:
            raise ValueError(
                f"--axes chooses an entry of {name}; expected choices along other axes: a slice is chosen by --slice."
            )
        if name not in others:
            raise ValueError(
                f"--axes chooses {name}={choices[name]}, but kspace has no such axis beside {', '.join(names)}; "
                "expected one of them."
            )
    chosen = {name: _entry(name, size, choices.get(name, "0" if size == 1 else "")) for name, size in others.items()}
    return AxisOrder(names, shape, chosen, note)


def _entry(name: str, size: int, index: str) -> int:
    if not index.isdecimal() or int(index) >= size:
        found = f"--axes has {name}={index}, but there are" if index else f"kspace has an axis {name} of"
        last = f"0 to {size - 1}" if size > 1 else "0"
        raise ValueError(f"{found} {size} entries; expected one of {last}: add --axes {name}=0.")
    return int(index)


def recognised_axes(shape: Sequence[int]) -> AxisOrder:
    """Recognise coils, slices and the plane by their sizes.

    The plane is what has 64 samples or more, and of three axes the shortest one are the coils. Of four axes, more than
    32 entries beside a plane are slices; with fewer, coils and slices look the same.

    Raises
    ------
    ValueError
        Where the sizes do not tell, with the words to name the axes by.
    """
    shape = tuple(shape)
    singles = [axis for axis, size in enumerate(shape) if size == 1] if len(shape) > 3 else []
    rest = [axis for axis in range(len(shape)) if axis not in singles]
    names = [f"axis {axis}" for axis in range(len(shape))]
    shortest = min(rest, key=lambda axis: shape[axis], default=0)
    long = [axis for axis in rest if shape[axis] >= MIN_SIZE]
    if len(shape) < 2 or len(rest) < 2:
        raise ValueError(
            f"kspace has shape {shape}, {len(shape)} axes; expected (coils, ky, kx), or (ky, kx) of one coil."
        )
    if len(rest) == 3 and not (singles == [1] and shortest == 0):
        names[shortest] = "coil"
    elif len(rest) == 4 and len(long) == 2:
        few, many = sorted((axis for axis in rest if axis not in long), key=lambda axis: shape[axis])
        if not shape[few] <= MAX_COILS < shape[many]:
            raise ValueError(_ask(shape))
        names[few] = "coil"
        names[many] = "slice"
    elif len(rest) > 2:
        raise ValueError(_ask(shape))
    plane = [axis for axis in rest if names[axis] not in ("coil", "slice")]
    names[plane[0]] = "y"
    names[plane[1]] = "x"
    usual = tuple(names[axis] for axis in rest) in (("y", "x"), ("coil", "y", "x"), ("slice", "coil", "y", "x"))
    took = [f"axis {names.index(name)} as {name}s" for name in ("slice", "coil") if name in names and not usual]
    chosen = {names[axis]: 0 for axis in singles}
    return AxisOrder(tuple(names), shape, chosen, f"took {' and '.join(took)}" if took else "")


def suggestion(shape: Sequence[int]) -> str:
    """Words for ``--axes`` that may fit a shape: the two longest axes as the plane."""
    plane = sorted(sorted(range(len(shape)), key=lambda axis: shape[axis])[-2:])
    others = [axis for axis in range(len(shape)) if axis not in plane]
    others.sort(key=lambda axis: shape[axis] == 1)  # a single entry is hardly slices or coils
    kept = sorted(others[: 1 if len(shape) == 3 else 2])
    names = dict(zip([*plane, *kept], ["y", "x", *["slice", "coil"][-len(kept) :]], strict=False))
    spare = iter(["rep=0", "echo=0", *(f"other{axis}=0" for axis in range(len(shape)))])
    words = [names[axis] if axis in names else next(spare) for axis in range(len(shape))]
    return f'"{",".join(words)}"'


def _ask(shape: tuple[int, ...]) -> str:
    return (
        f"kspace has shape {shape}, which does not tell coils, slices and repetitions apart; expected their names: add "
        f"--axes {suggestion(shape)}, in the order of this file."
    )
