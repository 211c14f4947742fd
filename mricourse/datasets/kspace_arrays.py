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
from mricourse.datasets.array_checks import (
    as_mask,
    check_coils,
    check_mask_header,
    check_matrix,
    complex64,
    not_complex,
)
from mricourse.datasets.array_files import StoredArray, attributes_of, list_arrays, read_text
from mricourse.datasets.axes import MAX_COILS, MIN_SIZE, AxisOrder, axis_words, named_axes, recognised_axes
from mricourse.datasets.bart_files import bart_axes
from mricourse.datasets.calibration_arrays import join_calibration, trimmed
from mricourse.datasets.kspace_checks import infer_mask, without_rounding_errors
from mricourse.datasets.oversampling import crop_readout, outer_half_is_dark
from mricourse.datasets.scan_series import ScanSeries, checked_scan
from mricourse.files import suffix_of
from mricourse.physics.scan import Scan

HDF5 = (".h5", ".hdf5", ".mrd")
LONG = 512  # samples of a readout that may be oversampled, where no header says so
CMRXRECON = {"kspace_full", "kspace_sub04", "kspace_sub08", "kspace_sub10", "kus"}
CMRXRECON_SINGLE = "kspace_single_full"
SKMTEA = ("slice", "y", "x", "echo", "coil")  # the readout is transformed, so that each of its points is a slice
_NOT_KSPACE = re.compile(r"maps|sens|csm|mask|image|img|recon|target|traj|acs|calib|^ref", re.IGNORECASE)
_KSPACE = re.compile(r"ksp|k_?data|raw|kus", re.IGNORECASE)
_CALIBRATION = re.compile(r"acs|calib|k_?cal|^ref", re.IGNORECASE)


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

    @property
    def turned(self) -> bool:
        """Whether the image is written as the file has it, with phase encoding along x, and not as the scan has it."""
        return self.fastmri and self.order.names.index("x") < self.order.names.index("y")

    def scan(self, i_slice: int) -> Scan:
        """Read one slice."""
        values = self.order.arrange(self.kspace.read(self.order.index(i_slice)))
        if values.dtype.kind != "c":
            raise not_complex(values.dtype)
        measured = complex64("kspace", values)
        kspace = without_rounding_errors(measured)
        notes = self.notes if kspace is measured else (*self.notes, "rounding errors taken for unsampled")
        kspace, cut = self._without_oversampling(kspace)
        mask = self._mask(kspace, i_slice)
        notes = (*notes, *cut)
        block = self._calibration(i_slice)
        meta: dict[str, Any] = {"slice": i_slice}
        if block is not None:
            kspace, mask, separate, words = join_calibration(kspace, mask, block)
            notes = (*notes, words)
            meta |= {"calibration": separate} if separate is not None else {}
        elif unused := [name for name, array in self.others.items() if _CALIBRATION.search(name) and array.is_numeric]:
            notes = (*notes, f"{unused[0]} not used, since its shape does not fit")
        smaps = self._smaps(kspace, i_slice)
        return checked_scan(kspace, mask, smaps, source=self.path, notes=notes, turned=self.turned, **meta)

    def _without_oversampling(self, kspace: Tensor) -> tuple[Tensor, tuple[str, ...]]:
        n = kspace.shape[-1]
        if self.readout is not None and self.readout < n:
            return crop_readout(kspace, self.readout, -1), (f"readout oversampling removed ({n} to {self.readout})",)
        for axis in (-1, -2):
            n = kspace.shape[axis]
            if n > LONG and outer_half_is_dark(kspace, axis):
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
            if stored is not None:
                inside &= torch.from_numpy(stored.read().reshape(-1) != 0)
            return mask & inside[:, None]
        if stored is None:
            return infer_mask(kspace)
        return as_mask(self._in_order(stored, i_slice), kspace)

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
                return trimmed(self._without_oversampling(block)[0] if whole else block)
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
        turned=file.turned,
        image_shape=_image_shape(path, file),
        layout=f"kspace ({file.order})",
        key=name,
    )


def _choose(path: Path, arrays: dict[str, StoredArray], key: str | None) -> str:
    if key is not None:
        if list(arrays) == [""]:
            raise ValueError(f"{path} holds one array without a name; expected no --key: leave {key} out.")
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
    if len(likely) > 1:
        likely = [
            name for name in likely if arrays[name].is_numeric and arrays[name].read().dtype.kind == "c"
        ] or likely
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
            raise not_complex(kspace.dtype)
    names, choices = axis_words(axes)
    shape = kspace.shape
    if names:
        return KspaceFile(path, kspace, named_axes(names, shape, choices), others)
    suffix = suffix_of(path)
    if suffix in (".cfl", ".hdr"):
        return KspaceFile(path, kspace, named_axes(bart_axes(shape), shape, choices), others)
    if suffix == ".mat" and (known := _cmrxrecon(name, shape)):
        note = f"axes {', '.join(known)} as CMRxRecon stores them"
        return KspaceFile(path, kspace, named_axes(known, shape, choices, note), others)
    if name == "kspace" and len(shape) in fastmri_files.AXES:
        attributes = attributes_of(path) if suffix in HDF5 else {}
        if fastmri_files.is_fastmri({name, *others}, attributes):
            return _fastmri(path, kspace, others, choices)
    if name == "kspace" and len(shape) == 5 and {"maps", "target"} <= set(others):
        note = "planes of two phase encodings as SKM-TEA stores them"
        return KspaceFile(path, kspace, named_axes(SKMTEA, shape, choices, note), others)
    if choices:
        raise ValueError(
            f"--axes chooses {', '.join(choices)}, but this file does not name its axes; expected names for all of "
            f"them: see mricourse data inspect {path.name}."
        )
    return KspaceFile(path, kspace, recognised_axes(shape), others)


def _fastmri(path: Path, kspace: StoredArray, others: dict[str, StoredArray], choices: dict[str, str]) -> KspaceFile:
    header = _fastmri_header(path, others)
    epi = "epi" if any("phase_correction" in name for name in others) else ""
    trajectory = epi or header.trajectory
    if trajectory and trajectory != "cartesian":
        raise ValueError(
            f"{path} holds k-space of the trajectory {trajectory}; expected Cartesian lines: grid it, or "
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
    return recon if file.turned else recon[::-1]


def _cmrxrecon(name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """The axes of CMRxRecon's arrays, in MATLAB's order [cmrxrecon.github.io]; none for other arrays."""
    if name == CMRXRECON_SINGLE and len(shape) < 5:
        return ("x", "y", "slice", "time")[: len(shape)]
    usual = len(shape) == 5 and min(shape[:2]) > max(shape[2:]) and shape[2] <= MAX_COILS
    if (name in CMRXRECON and len(shape) < 6) or (name == "kspace" and usual):
        return ("x", "y", "coil", "slice", "time")[: len(shape)]
    return ()


def _read_once(array: StoredArray) -> StoredArray:
    """Unpack a compressed array once, not once a slice."""
    whole = cache(lambda: array._read(()))

    def read(index: Any) -> np.ndarray:
        return whole()[index]

    return replace(array, _read=read)


def _instead(arrays: dict[str, StoredArray]) -> str:
    inside = [name for name in arrays if name.startswith("kspace/")]
    if inside:
        return f" but a group of that name, which holds {', '.join(inside[:4])}"
    return f" but {', '.join(list(arrays)[:6])}" if arrays else " and no other array"


def _check_others(file: KspaceFile, shape: tuple[int, int, int]) -> None:
    smaps = file.others.get("smaps")
    if smaps is not None and smaps.shape not in (shape, file.kspace.shape):
        raise ValueError(f"smaps have shape {smaps.shape}; expected {shape} as kspace has: make them for this scan.")
    if smaps is not None and smaps.is_numeric and smaps.dtype.kind != "c" and suffix_of(file.path) != ".mat":
        raise TypeError(
            f"smaps are real ({smaps.dtype}); expected complex maps: magnitudes have lost the coils' phase."
        )
    mask = file.others.get("mask")
    if mask is not None and file.fastmri and (mask.size != shape[1] or not mask.is_numeric):
        raise ValueError(
            f"mask has shape {mask.shape}; expected {shape[1]} entries, one for each line of phase encoding: make it "
            "for this matrix size, or leave it out."
        )
    if mask is not None and not file.fastmri and mask.shape != file.kspace.shape:
        turned = file.order.names.index("x") < file.order.names.index("y") and len(mask.shape) == 2
        check_mask_header(mask.shape[::-1] if turned else mask.shape, shape)
