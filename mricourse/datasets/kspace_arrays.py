"""k-space that a file holds as one array, with its mask, maps and calibration lines: found, checked, put in order."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mricourse.datasets import fastmri_files
from mricourse.datasets.array_files import StoredArray, attributes_of, list_arrays, read_text
from mricourse.datasets.axes import (
    MAX_COILS,
    MAX_SAMPLES,
    MAX_SIZE,
    MIN_SIZE,
    AxisOrder,
    axis_words,
    named_axes,
    recognised_axes,
)
from mricourse.datasets.bart_files import bart_axes
from mricourse.datasets.kspace_checks import infer_mask, without_rounding_errors, zeros_by_chance
from mricourse.datasets.scan_series import ScanSeries, checked_scan
from mricourse.files import suffix_of
from mricourse.physics.fourier import fftc, ifftc
from mricourse.physics.scan import Scan

HDF5 = (".h5", ".hdf5", ".mrd")
LONG = 512  # samples of a readout that may be oversampled, where no header says so
CMRXRECON = {"kspace_full", "kspace_sub04", "kspace_sub08", "kspace_sub10", "kus"}
CMRXRECON_SINGLE = "kspace_single_full"
_NOT_KSPACE = re.compile(r"smaps|maps|sens|csm|mask|image|img|recon|target|traj|acs|calib", re.IGNORECASE)
_KSPACE = re.compile(r"ksp|k_?data|raw|kus", re.IGNORECASE)
_CALIBRATION = re.compile(r"acs|calib|ref_?scan|^ref$", re.IGNORECASE)


@dataclass(frozen=True)
class KspaceFile:
    """The arrays of one file that make scans, known from their headers.

    Parameters
    ----------
    path : path
    kspace : StoredArray
    order : AxisOrder
    others : dict
        The other arrays by name.
    readout : int, optional
        Entries to keep along kx, the rest being oversampling.
    lines : (int, int), optional
        First measured line and the first behind the last.
    fastmri : bool
        Whether the file is laid out as fastMRI's.
    notes : tuple of str
    """

    path: Path
    kspace: StoredArray
    order: AxisOrder
    others: dict[str, StoredArray]
    readout: int | None = None
    lines: tuple[int, int] | None = None
    fastmri: bool = False
    notes: tuple[str, ...] = ()

    def scan(self, i_slice: int) -> Scan:
        """Read one slice."""
        values = self.order.arrange(self.kspace.read(self.order.index(i_slice)))
        if values.dtype.kind != "c":
            raise _not_complex(values.dtype)
        measured = complex64("kspace", values)
        kspace = without_rounding_errors(measured)
        notes = self.notes if kspace is measured else (*self.notes, "rounding errors taken for unsampled")
        kspace, cut = self._without_oversampling(kspace)
        mask = self._mask(kspace, i_slice)
        notes = (*notes, *cut)
        block = self._calibration(i_slice)
        meta: dict[str, Any] = {"slice": i_slice}
        if block is not None:
            kspace, mask, separate, words = _join_calibration(kspace, mask, block)
            notes = (*notes, words)
            meta |= {"calibration": separate} if separate is not None else {}
        return checked_scan(kspace, mask, self._smaps(kspace, i_slice), source=self.path, notes=notes, **meta)

    def _without_oversampling(self, kspace: Tensor) -> tuple[Tensor, tuple[str, ...]]:
        n = kspace.shape[-1]
        if self.readout is not None and self.readout < n:
            return crop_readout(kspace, self.readout, -1), (f"readout oversampling removed ({n} to {self.readout})",)
        for axis in (-1, -2):
            n = kspace.shape[axis]
            if n > LONG and _outer_half_is_dark(kspace, axis):
                kspace = crop_readout(kspace, n // 2, axis)
                return kspace, (f"readout oversampling removed ({n} to {n // 2})",)
        return kspace, ()

    def _mask(self, kspace: Tensor, i_slice: int) -> Tensor:
        stored = self.others.get("mask")
        if self.fastmri:
            mask = infer_mask(kspace)
            inside = torch.ones(kspace.shape[-2], dtype=torch.bool)
            if self.lines is not None and bool(mask.all()):  # else the zeros themselves show the padding
                inside[: max(self.lines[0], 0)] = False
                inside[self.lines[1] :] = False
            if stored is not None and stored.shape == inside.shape:
                inside &= torch.from_numpy(stored.read() != 0)
            return mask & inside[:, None]
        if stored is None:
            return infer_mask(kspace)
        return _as_mask(self._in_order(stored, i_slice), kspace)

    def _smaps(self, kspace: Tensor, i_slice: int) -> Tensor | None:
        if "smaps" not in self.others:
            return None
        smaps = self._in_order(self.others["smaps"], i_slice)
        return complex64("smaps", smaps)

    def _in_order(self, stored: StoredArray, i_slice: int) -> np.ndarray:
        """Read an array that may have the axes of the k-space, or those of its plane."""
        if stored.shape == self.kspace.shape:
            return self.order.arrange(stored.read(self.order.index(i_slice)))
        values = stored.read()
        backwards = self.order.names.index("x") < self.order.names.index("y")
        if values.ndim == 2 and backwards:
            values = values.T
        return values

    def _calibration(self, i_slice: int) -> Tensor | None:
        """Calibration lines (coil, ky, kx) in an array of their own, where there is one that fits."""
        names = self.order.names
        for name, stored in self.others.items():
            if not _CALIBRATION.search(name) or not stored.is_numeric:
                continue
            kept = names if len(stored.shape) == len(names) else tuple(n for n in names if n not in self.order.chosen)
            if len(stored.shape) != len(kept):
                continue
            order = AxisOrder(kept, stored.shape, {n: i for n, i in self.order.chosen.items() if n in kept})
            same = all(order.size(axis) == self.order.size(axis) for axis in ("coil", "slice"))
            if same and all(8 <= order.size(axis) <= self.order.size(axis) for axis in "yx"):
                block = complex64(name, order.arrange(stored.read(order.index(i_slice))))
                whole = order.size("x") == self.order.size("x")
                return self._without_oversampling(block)[0] if whole else block
        return None


def open_kspace(
    path: Path, *, suffixes: tuple[str, ...], key: str | None = None, axes: str | None = None
) -> ScanSeries:
    """Find the k-space of a file, and know its axes, from headers alone.

    Parameters
    ----------
    path : path
    suffixes : tuple of str
        The kinds of file to accept.
    key : str, optional
        Name of the array, where several could be it.
    axes : str, optional
        As for `mricourse.datasets.axes.axis_words`.

    Raises
    ------
    TypeError, ValueError, OSError
        In one sentence.
    """
    arrays = {array.name: array for array in list_arrays(path, suffixes=suffixes)}
    name = _choose(path, arrays, key)
    found = replace(arrays[name], name="kspace")
    if suffix_of(path) in (".npz", ".mat"):
        found = _read_once(found)
    others = {other: array for other, array in arrays.items() if other != name}
    file = _ordered(path, name, found, others, axes)
    coils, ny, nx = (file.order.size(axis) for axis in ("coil", "y", "x"))
    check_coils(found.shape, coils, str(file.order))
    check_matrix(found.shape, ny, file.readout or nx)
    _check_others(file, (coils, ny, nx))
    took = (f"took {name} as kspace",) if name not in ("", "kspace") and key is None else ()
    file = replace(file, notes=tuple(note for note in (*took, file.order.note) if note))
    return ScanSeries(
        path,
        file.order.size("slice"),
        file.scan,
        is_volume="slice" in file.order.names,
        turned=file.fastmri and file.order.names.index("x") < file.order.names.index("y"),
        image_shape=_image_shape(path, file),
        layout=f"kspace ({file.order})",
        key=name,
    )


def _choose(path: Path, arrays: dict[str, StoredArray], key: str | None) -> str:
    if key is not None:
        if key not in arrays:
            raise ValueError(f"{path} has no array named {key}{_instead(arrays)}; expected one of its names for --key.")
        return key
    if list(arrays) == [""] or "kspace" in arrays:
        return "" if "" in arrays else "kspace"
    planes = [
        name
        for name, array in arrays.items()
        if len(array.shape) > 1 and sorted(array.shape)[-2] >= MIN_SIZE and not _NOT_KSPACE.search(name)
    ]
    if suffix_of(path) != ".mat":  # the header of MATLAB 5 does not tell complex from real
        planes = [name for name in planes if arrays[name].dtype.kind == "c"]
    likely = [name for name in planes if _KSPACE.search(name)] or planes
    if len(likely) != 1:
        several = f"; {', '.join(likely)} could be it: choose one with --key" if likely else ": name it with --key"
        raise ValueError(
            f"{path} has no array named kspace{_instead(arrays)}; expected kspace (coils, ky, kx){several}."
        )
    return likely[0]


def _ordered(
    path: Path, name: str, kspace: StoredArray, others: dict[str, StoredArray], axes: str | None
) -> KspaceFile:
    if not kspace.is_numeric:
        kspace.read()  # says what it is instead of numbers
    if kspace.dtype.kind != "c" and suffix_of(path) != ".mat":
        if len(kspace.shape) > 1:
            raise _not_complex(kspace.dtype)
    names, choices = axis_words(axes)
    shape = kspace.shape
    if names:
        return KspaceFile(path, kspace, named_axes(names, shape, choices), others)
    suffix = suffix_of(path)
    if suffix in (".cfl", ".hdr"):
        return KspaceFile(path, kspace, named_axes(bart_axes(shape), shape, choices), others)
    if suffix == ".mat" and (known := _cmrxrecon(name, len(shape))):
        note = f"axes {', '.join(known)} as CMRxRecon stores them"
        return KspaceFile(path, kspace, named_axes(known, shape, choices, note), others)
    if name == "kspace" and len(shape) in fastmri_files.AXES:
        attributes = attributes_of(path) if suffix in HDF5 else {}
        if fastmri_files.is_fastmri({name, *others}, attributes):
            return _fastmri(path, kspace, others, choices)
    if choices:
        raise ValueError(
            f"--axes chooses {', '.join(choices)}, but this file does not name its axes; expected names for all of "
            f"them: see mricourse data inspect {path.name}."
        )
    return KspaceFile(path, kspace, recognised_axes(shape), others)


def _fastmri(path: Path, kspace: StoredArray, others: dict[str, StoredArray], choices: dict[str, str]) -> KspaceFile:
    header = _fastmri_header(path, others)
    if header.trajectory and header.trajectory != "cartesian":
        raise ValueError(
            f"{path} holds k-space of the trajectory {header.trajectory}; expected Cartesian lines: grid it, or "
            "correct its ghosts, first."
        )
    names = fastmri_files.AXES[len(kspace.shape)]
    order = named_axes(names, kspace.shape, choices)
    middle = order.arrange(kspace.read(order.index(order.size("slice") // 2)))
    sampled = (middle != 0).any(axis=0)
    if "mask" not in others and not sampled.any(axis=0).all() and sampled.any(axis=1).all():
        names = tuple({"x": "y", "y": "x"}.get(name, name) for name in names)  # as M4Raw: phase before readout
        order = named_axes(names, kspace.shape, choices)
    encoded = order.size("x"), order.size("y")
    readout = header.recon[0] if header.recon and header.encoded and encoded[0] == header.encoded[0] else None
    lines = header.lines if header.encoded and encoded[1] == header.encoded[1] else None
    order = replace(order, note="slices of a single coil" if "coil" not in names else "")
    return KspaceFile(path, kspace, order, others, readout, lines, fastmri=True)


def _fastmri_header(path: Path, others: dict[str, StoredArray]) -> fastmri_files.Header:
    if "ismrmrd_header" not in others or suffix_of(path) not in HDF5:
        return fastmri_files.Header()
    return fastmri_files.read_header(read_text(path, "ismrmrd_header"))


def _image_shape(path: Path, file: KspaceFile) -> tuple[int, int] | None:
    """What fastMRI crops its images to, in the orientation of the file."""
    recon = _fastmri_header(path, file.others).recon if file.fastmri else None
    if recon is None:
        return None
    return recon if file.order.names.index("x") < file.order.names.index("y") else recon[::-1]


def _cmrxrecon(name: str, n_axes: int) -> tuple[str, ...]:
    if name == CMRXRECON_SINGLE:
        return ("x", "y", "slice", "time")[:n_axes]
    if name in CMRXRECON or (name == "kspace" and n_axes == 5):
        return ("x", "y", "coil", "slice", "time")[:n_axes]
    return ()


def _read_once(array: StoredArray) -> StoredArray:
    """Unpack a compressed array once, not once a slice."""
    whole = cache(lambda: array._read(()))

    def read(index: Any) -> np.ndarray:
        return whole()[index]

    return replace(array, _read=read)


def crop_readout(kspace: Tensor, size: int, axis: int) -> Tensor:
    """Keep the central ``size`` pixels along an axis of k-space, as a readout without oversampling would have."""
    n = kspace.shape[axis]
    image = ifftc(kspace, dim=axis)
    return fftc(image.narrow(axis, n // 2 - size // 2, size), dim=axis)


def _outer_half_is_dark(kspace: Tensor, axis: int) -> bool:
    """Whether the outer quarters of the image along an axis hold hardly more than noise, as oversampled ones do."""
    power = ifftc(kspace / kspace.abs().max(), dim=axis).abs().square().movedim(axis, -1).flatten(0, -2).sum(dim=0)
    n = len(power)
    outer = torch.cat([power[: n // 4], power[n // 4 + n // 2 :]])
    return bool(outer.max() < 0.05 * power.max())


def _join_calibration(kspace: Tensor, mask: Tensor, block: Tensor) -> tuple[Tensor, Tensor, Scan | None, str]:
    """Fill in calibration lines that belong to the same acquisition; keep others apart, for the maps alone.

    They belong to it where the samples that both have agree to 1 %; their first line is looked for.
    """
    ny, nx = kspace.shape[-2:]
    rows, columns = block.shape[-2:]
    full = mask.expand(ny, nx)
    left = nx // 2 - columns // 2
    best = (float("inf"), ny // 2 - rows // 2)
    for top in range(ny - rows + 1):
        window = (slice(top, top + rows), slice(left, left + columns))
        shared = full[window]
        difference = (kspace[:, window[0], window[1]] - block)[:, shared].norm()
        size = block[:, shared].norm()
        if float(size) > 0 and float(difference / size) < best[0]:
            best = (float(difference / size), top)
    same = best[0] < 0.01
    top = best[1] if same else ny // 2 - rows // 2
    where = torch.zeros(ny, nx, dtype=torch.bool)
    where[top : top + rows, left : left + columns] = True
    placed = torch.zeros_like(kspace)
    placed[:, where] = block.flatten(1)
    lines = where.any(dim=1, keepdim=True) if columns == nx else where
    if same:
        joined = torch.where(full, kspace, placed)
        together = full | where
        together = mask | lines if mask.shape[-1] == 1 and columns == nx else together
        return joined, together, None, f"{rows} calibration lines filled in"
    return kspace, mask, Scan(placed, None, lines), f"maps from {rows} separate calibration lines"


def _instead(arrays: dict[str, StoredArray]) -> str:
    inside = [name for name in arrays if name.startswith("kspace/")]
    if inside:
        return f" but a group of that name, which holds {', '.join(inside[:4])}"
    return f" but {', '.join(list(arrays)[:6])}" if arrays else " and no other array"


def _not_complex(dtype: np.dtype) -> TypeError:
    return TypeError(
        f"kspace is real ({dtype}); expected complex64 or complex128: join real and imaginary parts as "
        "real + 1j * imag."
    )


def check_coils(shape: tuple[int, ...], coils: int, order: str) -> None:
    """Refuse, with ValueError, k-space of too many coils; ``shape`` and the words ``order`` are for the sentence."""
    if not 1 <= coils <= MAX_COILS:
        raise ValueError(
            f"kspace has shape {shape}, so {coils} coils; expected ({order}) with 1 to {MAX_COILS} coils: "
            'compress them, or, where these are slices of one coil, say --axes "slice,y,x".'
        )


def check_matrix(shape: tuple[int, ...], ny: int, nx: int) -> None:
    """Refuse, with ValueError, a matrix that is too small or too large; ``shape`` is for the sentence."""
    if not all(MIN_SIZE <= n <= MAX_SIZE for n in (ny, nx)) or ny * nx > MAX_SAMPLES:
        raise ValueError(
            f"kspace has shape {shape}, so a matrix of {ny} x {nx}; expected {MIN_SIZE} to {MAX_SIZE} "
            f"samples along ky and kx, and {MAX_SAMPLES} in all: check the order of the axes, and remove readout "
            "oversampling."
        )


def _check_others(file: KspaceFile, shape: tuple[int, int, int]) -> None:
    smaps = file.others.get("smaps")
    if smaps is not None and smaps.shape not in (shape, file.kspace.shape):
        raise ValueError(f"smaps have shape {smaps.shape}; expected {shape} as kspace has: make them for this scan.")
    if smaps is not None and smaps.is_numeric and smaps.dtype.kind != "c" and suffix_of(file.path) != ".mat":
        raise TypeError(
            f"smaps are real ({smaps.dtype}); expected complex maps: magnitudes have lost the coils' phase."
        )
    mask = file.others.get("mask")
    if mask is not None and not file.fastmri and mask.shape != file.kspace.shape:
        turned = file.order.names.index("x") < file.order.names.index("y") and len(mask.shape) == 2
        _check_mask_header(mask.shape[::-1] if turned else mask.shape, shape)


def _check_mask_header(found: tuple[int, ...], shape: tuple[int, int, int]) -> None:
    coils, ny, nx = shape
    plane = found[-2:]
    fits = len(found) in (2, 3) and plane in ((ny, 1), (1, nx), (ny, nx))
    if not (found == (ny,) or (fits and found[:-2] in ((), (1,), (coils,)))):
        remedy = "save a mask along kx as mask[None, :]" if found == (nx,) else "make it for this matrix size"
        raise ValueError(
            f"mask has shape {found}; expected ({ny},), ({ny}, 1), (1, {nx}) or ({ny}, {nx}) to fit kspace "
            f"{shape}: {remedy}."
        )


def complex64(name: str, values: np.ndarray) -> Tensor:
    """Make a complex64 tensor of measured values; ValueError for NaN, zeros alone, or a range that it cannot hold."""
    n_bad = int(values.size - np.isfinite(values).sum())
    if n_bad:
        n_nan = int(np.isnan(values).sum())
        raise ValueError(
            f"{name} holds {n_nan} NaN and {n_bad - n_nan} infinite values among {values.size}; expected finite "
            "numbers: export it again, or set what was not measured to zero."
        )
    with np.errstate(over="ignore"):
        largest = float(np.abs(values.astype(np.complex128)).max())
    if largest == 0:
        raise ValueError(f"{name} is zero everywhere; expected measured values: check the export.")
    if not 1e-30 < largest < 1e30:
        raise ValueError(
            f"{name} has values up to {largest:.0e}; expected 1e-30 to 1e30, which single precision holds: rescale it."
        )
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.complex64))


def _as_mask(values: np.ndarray, kspace: Tensor) -> Tensor:
    """Make a boolean (ky, 1) or (ky, kx) mask of zeros and ones, and check it against the samples."""
    if not np.isin(values, (0, 1)).all():
        raise ValueError(
            "mask holds other values than 0 and 1; expected 1 where a sample was acquired: save mask != 0."
        )
    mask = torch.from_numpy(values != 0)
    mask = mask[:, None] if mask.ndim == 1 else mask
    if mask.ndim == 3:
        if bool((mask != mask[:1]).any()):
            raise ValueError("mask differs between coils; expected one mask for all: save the one that they share.")
        mask = mask[0]
    if not bool(mask.any()):
        raise ValueError("mask is False everywhere; expected True where a sample was acquired: check how it was made.")
    if mask.shape[-1] > 1:
        ny, nx = kspace.shape[-2:]
        mask = mask[:, :1] if bool((mask == mask[:, :1]).all()) else mask.expand(ny, nx)
    if not zeros_by_chance(kspace, mask):
        claimed = int(mask.expand(kspace.shape[-2:]).sum())
        n_empty = int((mask & (kspace == 0).all(dim=0)).sum())
        raise ValueError(
            f"mask marks {claimed} samples, of which {n_empty} are zero in all coils; expected values "
            "there: leave mask out to have it inferred from the empty samples."
        )
    return mask.clone()
