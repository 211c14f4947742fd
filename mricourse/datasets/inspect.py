"""Look at a file of unknown content: its arrays, their ranges, and what they probably are."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mricourse.datasets.array_files import SUFFIXES, StoredArray, list_arrays
from mricourse.datasets.axes import recognised_axes
from mricourse.datasets.bart_files import with_bart_suffix
from mricourse.datasets.kspace_checks import infer_mask, spaces_of, uncentred, without_rounding_errors
from mricourse.datasets.scan_files import INPUTS, open_scans
from mricourse.files import any_of, suffix_of, visible_files
from mricourse.physics.sampling import acceleration_of, acs_in_words

LARGE = 2**25  # elements; of a larger array one part is read
TOO_LARGE = 2**31  # bytes; a larger compressed array is not read
LISTED = 200  # files of a folder


@dataclass(frozen=True)
class Facts:
    """What is known about one stored array; ``str`` makes it one line.

    Parameters
    ----------
    name, shape, dtype
        As stored.
    values : str
        Range of the values (of the magnitudes of complex ones), counts of NaN and infinite ones.
    guess : str
        What the array probably is.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    values: str = ""
    guess: str = ""

    def __str__(self) -> str:
        kind = f"records of {', '.join(self.dtype.names)}" if self.dtype.names else str(self.dtype)
        head = f"{self.name or '(array)'} {self.shape} {kind}"
        return "; ".join(part for part in (head, self.values, self.guess) if part)


def describe(path: Path | str) -> str:
    """Describe a file, array by array, or a folder, file by file, as text.

    Raises
    ------
    ValueError, OSError
        A file that cannot be read, or a folder without any that could be, in one sentence.
    """
    path = with_bart_suffix(path)
    if os.path.isdir(path):  # where Path.is_dir would raise on an overlong name, this is False
        return _describe_folder(path)
    lines = [str(facts) for facts in inspect_file(path)] or ["it holds no arrays"]
    if suffix_of(path) in INPUTS:
        lines.append(_for_reconstruct(path))
    return "\n".join([f"{path} ({path.stat().st_size / 1e6:.1f} MB)", *(f"  {line}" for line in lines)])


def _for_reconstruct(path: Path) -> str:
    """What `mricourse reconstruct` would do with a file, found out by opening it in the same way."""
    try:
        series = open_scans(path)
        scan = series.scan(series.n_slices // 2)
    except (ValueError, TypeError, OSError) as error:
        return f"reconstruct refuses it: {error}"
    ny, nx = scan.shape[::-1] if series.turned else scan.shape
    coils = f"{scan.n_coils} coil{'s' if scan.n_coils > 1 else ''}"
    what = f"its {series.n_slices} slices of {coils}" if series.n_slices > 1 else coils
    notes = "".join(f"; {note}" for note in scan.meta["notes"])
    return f"reconstruct takes {what}, {ny} x {nx}, from {series.layout}{notes}"


def inspect_file(path: Path | str) -> list[Facts]:
    """Read every array of a file, or a part of a large one, and say what it probably is.

    Raises
    ------
    ValueError, OSError
        A file that cannot be read, in one sentence.
    """
    arrays = list_arrays(path)
    layouts = {}
    if suffix_of(path) in INPUTS:
        with suppress(ValueError, TypeError, OSError):
            series = open_scans(path)
            layouts[series.key] = series.layout.removeprefix("kspace (").removesuffix(")")
    return [_facts(array, suffix_of(path), layouts.get(array.name, "")) for array in arrays]


def guess_content(values: np.ndarray, *, name: str = "", layout: str = "") -> str:
    """Guess what an array is from its axes, from where its energy lies, and from its name.

    Parameters
    ----------
    values : array
        Finite numbers of any shape.
    name : str
        What the file calls it.
    layout : str
        What its axes mean, where that is known.
    """
    if values.size == 0:
        return "empty"
    if values.size > 1 and np.isin(values, (0, 1)).all():
        return f"mask, {100 * np.mean(values != 0):.3g} % ones"
    if values.ndim < 2:
        return ""
    if values.dtype.kind == "c":
        return _guess_complex(values, name, layout)
    if values.shape[-1] == 2 and values.ndim > 2:
        return "real and imaginary parts in the last axis?"
    return "magnitude images?" if values.min() >= 0 else "real-valued images?"


def _describe_folder(folder: Path) -> str:
    files = visible_files(folder, "**/*")
    known = [path for path in files if suffix_of(path) in SUFFIXES]
    if not known:
        raise ValueError(
            f"{folder} holds {len(files)} files, none of which ends in {any_of(SUFFIXES)}: name the folder of the data."
        )
    lines = [f"{folder}: {len(known)} data files, {len(files) - len(known)} others"]
    for path in known[:LISTED]:
        try:
            arrays = [str(Facts(array.name, array.shape, array.dtype)) for array in list_arrays(path)]
            lines.append(f"  {path.relative_to(folder)}: {'; '.join(arrays) or 'no arrays'}")
        except (ValueError, OSError) as error:
            lines.append(f"  {error}")
    if len(known) > LISTED:
        lines.append(f"  and {len(known) - LISTED} more")
    return "\n".join(lines)


def _facts(array: StoredArray, suffix: str, layout: str) -> Facts:
    header = (array.name, array.shape, array.dtype)
    if not array.is_numeric:
        known = {"ismrmrd_header": "ISMRMRD header, XML", "xml": "ISMRMRD header, XML", "data": "ISMRMRD readouts"}
        last = array.name.rpartition("/")[2]
        header_or_readouts = last != "data" or "head" in (array.dtype.names or ())
        return Facts(*header, guess=known.get(last, "not numbers, not read") if header_or_readouts else "not numbers")
    compressed = suffix in (".npz", ".mat", ".nii.gz")
    if compressed and array.size * array.dtype.itemsize > TOO_LARGE:
        return Facts(*header, values=f"{array.size * array.dtype.itemsize / 1e9:.1f} GB, not read")
    index: tuple[int, ...] = ()
    while np.prod(array.shape[len(index) :], dtype=object) > LARGE:
        index += (array.shape[len(index)] // 2,)
    values = array.read(index)
    part = f", in part {list(index)}" if index else ""
    guess = _guess_finite(values, array.name, "" if index else layout)
    return Facts(*header[:2], values.dtype, _range(values) + part, guess)


def _range(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    n_nan = int(np.isnan(values).sum())
    words = []
    if finite.size:
        with np.errstate(over="ignore"):
            sizes = np.abs(finite) if values.dtype.kind == "c" else finite
        words.append(f"{'magnitude ' if values.dtype.kind == 'c' else ''}{sizes.min():.4g} to {sizes.max():.4g}")
    if n_nan:
        words.append(f"{n_nan} NaN")
    if values.size - finite.size - n_nan:
        words.append(f"{values.size - finite.size - n_nan} infinite")
    return ", ".join(words)


def _guess_finite(values: np.ndarray, name: str, layout: str) -> str:
    if values.dtype.kind in "fc" and not np.isfinite(values).all():
        return "not usable before the NaN and infinite values are gone"
    return guess_content(values, name=name, layout=layout)


def _guess_complex(values: np.ndarray, name: str, layout: str) -> str:
    """Tell k-space from images by where their energy gathers, and the plane by its size."""
    plane = sorted(sorted(range(values.ndim), key=lambda axis: (values.shape[axis], axis))[-2:])
    stack = np.moveaxis(values, plane, (-2, -1)).reshape(-1, *(values.shape[axis] for axis in plane))
    if not stack.any():
        return "zero everywhere"
    stack = torch.from_numpy(np.ascontiguousarray(stack, dtype=np.complex128))
    spaces = spaces_of(stack)
    if sorted(spaces) == ["image", "k-space"]:
        pair = ("y", "kx") if spaces[0] == "image" else ("ky", "x")
        return f"complex hybrid space{_axes(values.shape, pair, layout)}: an image along one axis of the plane"
    if "k-space" not in spaces and (spaces == ("image", "image") or "ksp" not in name.lower()):
        power = stack.abs().square().sum(dim=0)
        even = len(stack) > 1 and bool((power[power > 0] > 0.999 * power.max()).all())
        return f"{'coil sensitivity maps' if even else 'complex images'}{_axes(values.shape, ('y', 'x'), layout)}"
    where = f"; {problem}" if (problem := uncentred(stack)) else ""
    return f"complex k-space{_axes(values.shape, ('ky', 'kx'), layout)}, {_sampling(stack)}{where}"


def _axes(shape: tuple[int, ...], pair: tuple[str, str], layout: str) -> str:
    """The axes as `reconstruct` would take them, and the number of coils, where they are known or can be recognised."""
    if not layout:
        try:
            layout = str(recognised_axes(shape))
        except ValueError:
            return ""
    words = layout.split(", ")
    coils = f", {shape[words.index('coils')]} coils" if "coils" in words else ""
    named = ", ".join({"ky": pair[0], "kx": pair[1]}.get(word, word) for word in words)
    return f" ({named}){coils}"


def _sampling(kspace: torch.Tensor) -> str:
    mask = infer_mask(without_rounding_errors(kspace))
    if bool(mask.all()):
        return "fully sampled"
    return (
        f"{100 * float(mask.float().mean()):.1f} % sampled (R = {acceleration_of(mask):.2f}), ACS {acs_in_words(mask)}"
    )
