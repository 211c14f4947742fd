"""BART's pairs of files: ``NAME.hdr``, a text with the dimensions, and ``NAME.cfl``, complex64 in column-major order.

BART is the Berkeley Advanced Reconstruction Toolbox; its axes have fixed meanings [mrirecon.github.io/bart].
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DIMENSIONS = (  # what BART's axes mean, in its order, and what we call those that a scan has
    "x", "y", "z", "coil", "maps", "echo", "coefficient", "coefficient 2", "iteration", "shift", "time", "time 2",
    "level", "slice", "average", "batch",
)  # fmt: skip


def with_bart_suffix(path: Path | str) -> Path:
    """The ``.cfl`` file of a pair that is named as BART names it, without a suffix; any other path as it is."""
    path = Path(path)
    pair = Path(f"{path}.cfl")
    return pair if not os.path.exists(path) and os.path.exists(pair) else path


@dataclass(frozen=True)
class BartPair:
    """A ``.cfl`` file and what its ``.hdr`` says.

    Parameters
    ----------
    cfl : path
    shape : tuple of int
        As in the header, without the axes of one entry behind the last longer one.
    """

    cfl: Path
    shape: tuple[int, ...]

    @classmethod
    def of(cls, path: Path | str) -> BartPair:
        """Find the pair that either of its two files belongs to.

        Raises
        ------
        FileNotFoundError
            The other file is not there.
        ValueError
            A header without dimensions, or one that announces another size than the data have.
        """
        path = Path(path)
        cfl, hdr = (path.with_suffix(suffix) for suffix in (".cfl", ".hdr"))
        for file in (cfl, hdr):
            if not file.is_file():
                raise FileNotFoundError(f"its partner {file.name} is not beside it; BART writes both files: copy both")
        shape = read_header(hdr)
        announced, found = 8 * math.prod(shape), cfl.stat().st_size
        if announced != found:
            raise ValueError(
                f"{hdr.name} announces {' x '.join(map(str, shape))} complex numbers, {announced} bytes, but "
                f"{cfl.name} has {found}"
            )
        return cls(cfl, shape)

    def read(self, index: Any = ()) -> np.ndarray:
        """Read the array, or the part that ``index`` selects, as complex64."""
        return np.array(np.memmap(self.cfl, dtype="<c8", mode="r", shape=self.shape, order="F")[index])


def read_header(path: Path | str) -> tuple[int, ...]:
    """Read the dimensions from a ``.hdr`` file.

    Raises
    ------
    ValueError
        A file that is no BART header.
    """
    lines = Path(path).read_bytes()[:100_000].decode("ascii", "replace").splitlines()
    rows = [i for i, line in enumerate(lines) if line.strip().lower() == "# dimensions"]
    words = lines[rows[0] + 1].split() if rows and rows[0] + 1 < len(lines) else []
    if not words or len(words) > len(DIMENSIONS) or not all(word.isdigit() and 0 < int(word) < 2**31 for word in words):
        raise ValueError(f"{Path(path).name} has no line of 1 to {len(DIMENSIONS)} sizes below '# Dimensions'")
    shape = [int(word) for word in words]
    while len(shape) > 1 and shape[-1] == 1:
        shape.pop()
    return tuple(shape)


def bart_axes(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the axes of a BART array that holds planes of k-space, as `mricourse.datasets.axes` wants them.

    A plane is (x, y), or (y, z) as BART keeps the slices of a 3-D scan after its readout was transformed.

    Raises
    ------
    ValueError
        k-space in three dimensions, or in one.
    """
    names = list(DIMENSIONS[: len(shape)])
    long = [axis for axis in range(min(3, len(shape))) if shape[axis] > 1]
    if len(long) != 2:
        raise ValueError(
            f"it has the shape {shape}, which is k-space of {len(long)} axes in BART's order x, y, z, "
            "coil; expected a plane: transform the readout (bart fft -i 1) and choose a slice of it, or name "
            'the axes, such as --axes "slice,y,x,coil".'
        )
    if long == [1, 2]:
        names[:3] = ["readout", "y", "x"]
    elif long == [0, 2]:
        names[:3] = ["x", "line", "y"]
    return tuple(names)
