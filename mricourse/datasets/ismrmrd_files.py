"""ISMRMRD files: a scanner's readouts, each with a header that says which line of k-space it is.

Cartesian lines in two dimensions are sorted into k-space, slice by slice [Inati, MRM 77:411, 2017]. Noise is not
decorrelated, and ramps, navigators and corrections are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mricourse.datasets.array_checks import check_coils, check_matrix, complex64
from mricourse.datasets.array_files import one_sentence
from mricourse.datasets.axes import axis_words
from mricourse.datasets.oversampling import crop_readout
from mricourse.datasets.scan_series import ScanSeries, checked_scan
from mricourse.physics.scan import Scan

COUNTERS = ("contrast", "phase", "repetition", "set")  # of each, one entry makes a scan
_SAME = {"rep": "repetition", "echo": "contrast"}
_NO_IMAGE = (  # flags of readouts that are no lines of the image
    "ACQ_IS_NOISE_MEASUREMENT",
    "ACQ_IS_NAVIGATION_DATA",
    "ACQ_IS_PHASECORR_DATA",
    "ACQ_IS_HPFEEDBACK_DATA",
    "ACQ_IS_DUMMYSCAN_DATA",
    "ACQ_IS_RTFEEDBACK_DATA",
    "ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA",
    "ACQ_IS_PHASE_STABILIZATION_REFERENCE",
    "ACQ_IS_PHASE_STABILIZATION",
)


def ismrmrd_group(path: Path) -> str | None:
    """Name of the group of an HDF5 file that holds ISMRMRD readouts; None where there is none."""
    import h5py

    with one_sentence(path), h5py.File(path, "r") as file:
        for name, group in file.items():
            if isinstance(group, h5py.Group) and "xml" in group and "data" in group:
                if isinstance(group["data"], h5py.Dataset) and "head" in (group["data"].dtype.names or ()):
                    return name
    return None


@dataclass(frozen=True)
class Encoding:
    """What the header says about the first encoding.

    Parameters
    ----------
    matrix : (int, int)
        Lines and samples (ky, kx) of the encoded k-space.
    centre : int
        Number of the line through the centre.
    readout : int
        Samples along x that the image keeps; fewer than measured where the readout was oversampled.
    embedded : bool
        Whether calibration lines belong to the same acquisition.
    """

    matrix: tuple[int, int]
    centre: int
    readout: int
    embedded: bool


@dataclass(frozen=True)
class Readouts:
    """Which readouts of a file are lines of which slice.

    Parameters
    ----------
    path, group
        The file and the group in it.
    encoding : Encoding
    heads : structured array
        Headers of all readouts.
    lines : dict
        Numbers of the readouts of each slice.
    notes : tuple of str
    """

    path: Path
    group: str
    encoding: Encoding
    heads: np.ndarray
    lines: dict[int, np.ndarray]
    notes: tuple[str, ...] = ()

    def scan(self, i_slice: int) -> Scan:
        """Sort the lines of one slice into k-space."""
        numbers = self.lines[sorted(self.lines)[i_slice]]
        separate = _flagged(self.heads[numbers], "ACQ_IS_PARALLEL_CALIBRATION")
        if self.encoding.embedded:
            separate[:] = False
        kspace, mask, notes = self._sorted(numbers[~separate])
        notes = (*_partial_fourier(mask), *notes)
        meta: dict[str, Any] = {"slice": i_slice}
        if separate.any():
            block, lines, _ = self._sorted(numbers[separate])
            meta["calibration"] = Scan(torch.where(lines, block, 0), None, lines)
            notes = (*notes, f"maps from {int(separate.sum())} separate calibration lines")
        return checked_scan(kspace, mask, None, source=self.path, notes=(*self.notes, *notes), **meta)

    def _sorted(self, numbers: np.ndarray) -> tuple[Tensor, Tensor, tuple[str, ...]]:
        """k-space (coils, ky, kx), its mask, and what was done, from readouts; the mean where lines were repeated."""
        ny, nx = self.encoding.matrix
        n_coils = int(self.heads["active_channels"][numbers[0]])
        kspace = np.zeros((n_coils, ny, nx), np.complex64)
        times = np.zeros((ny, nx), np.int64)
        for line, start, samples in self._placed(numbers):
            kspace[:, line, start : start + samples.shape[1]] += samples
            times[line, start : start + samples.shape[1]] += 1
        kspace /= np.maximum(times, 1)
        tensor = complex64("kspace", kspace)
        sampled = torch.from_numpy(times > 0)
        lines = sampled.any(dim=1, keepdim=True)
        notes = []
        if times.max() > 1:
            notes.append(f"mean of {times.max()} averages")
        partial = not bool(sampled[lines[:, 0]].all())
        if partial:
            notes.append("readouts are partial echoes")
        if self.encoding.readout < nx:
            notes.append(f"readout oversampling removed ({nx} to {self.encoding.readout})")
            return crop_readout(tensor, self.encoding.readout, -1), lines, tuple(notes)
        return tensor, sampled if partial else lines, tuple(notes)

    def _placed(self, numbers: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """Line, first sample and values (coils, samples) of each readout."""
        import ismrmrd

        ny, nx = self.encoding.matrix
        with one_sentence(self.path), ismrmrd.File(self.path, "r") as file:
            readouts = file[self.group].acquisitions
            for number in numbers:
                head = self.heads[number]
                samples = readouts[int(number)].data
                centre = int(head["center_sample"])
                if _flagged(self.heads[number : number + 1], "ACQ_IS_REVERSE")[0]:
                    samples = samples[:, ::-1]
                    centre = samples.shape[1] - 1 - centre
                first = int(head["discard_pre"])
                samples = samples[:, first : samples.shape[1] - int(head["discard_post"])]
                line = int(head["idx"]["kspace_encode_step_1"]) - self.encoding.centre + ny // 2
                start = nx // 2 - centre + first
                if not 0 <= line < ny or start < 0 or start + samples.shape[1] > nx:
                    raise ValueError(
                        f"readout {number} is line {line} and begins at sample {start} of {samples.shape[1]}, outside "
                        f"the {ny} x {nx} of the header"
                    )
                yield line, start, samples


def open_ismrmrd(path: Path, group: str, *, axes: str | None = None) -> ScanSeries:
    """Find the lines of every slice in an ISMRMRD file, from headers alone.

    Parameters
    ----------
    path : path
    group : str
        From `ismrmrd_group`.
    axes : str, optional
        Which entry of several echoes, phases, repetitions or sets: ``"repetition=1"``, also as ``rep`` and ``echo``.

    Raises
    ------
    ValueError
        Other trajectories, three dimensions, or several entries to choose from, in one sentence.
    """
    import h5py
    import ismrmrd

    with one_sentence(path):
        with ismrmrd.File(path, "r") as file:
            header = file[group].header
        with h5py.File(path, "r") as file:
            heads = file[group]["data"]["head"]
    encoding = _encoding(path, header)
    used = np.ones(len(heads), bool)
    for flag in _NO_IMAGE:
        used &= ~_flagged(heads, flag)
    used &= heads["encoding_space_ref"] == 0
    used, notes = _chosen(path, heads, used, axes)
    if not used.any():
        raise ValueError(f"{path} holds {len(heads)} readouts, none of which is a line of an image; expected some.")
    if len(np.unique(heads["idx"]["kspace_encode_step_2"][used])) > 1:
        raise ValueError(_three_dimensions(path))
    channels = np.unique(heads["active_channels"][used])
    if len(channels) > 1:
        raise ValueError(
            f"{path} has readouts of {channels[0]} and of {channels[-1]} coils; expected one number of them."
        )
    shape = (int(channels[0]), *encoding.matrix)
    check_coils(shape, shape[0], "coils, ky, kx")
    check_matrix(shape, encoding.matrix[0], encoding.readout)
    numbers = np.flatnonzero(used)
    slices = heads["idx"]["slice"][numbers]
    lines = {int(i): numbers[slices == i] for i in np.unique(slices)}
    readouts = Readouts(path, group, encoding, heads, lines, notes)
    return ScanSeries(path, len(lines), readouts.scan, is_volume=True, layout=f"{len(numbers)} readouts of ISMRMRD")


def _encoding(path: Path, header: Any) -> Encoding:
    if not header.encoding:
        raise ValueError(f"{path} has an ISMRMRD header without an encoding; expected one: export it again.")
    encoding = header.encoding[0]
    trajectory = str(getattr(encoding.trajectory, "value", encoding.trajectory)).lower()
    if trajectory != "cartesian":
        raise ValueError(
            f"{path} holds an ISMRMRD scan of the trajectory {trajectory}; expected Cartesian lines: grid it, or "
            "correct its ghosts, first."
        )
    encoded, recon = encoding.encodedSpace, encoding.reconSpace
    if encoded.matrixSize.z > 1:
        raise ValueError(_three_dimensions(path))
    ny, nx = encoded.matrixSize.y, encoded.matrixSize.x
    limits = getattr(encoding.encodingLimits, "kspace_encoding_step_1", None)
    centre = ny // 2 if limits is None else limits.center
    oversampling = encoded.fieldOfView_mm.x / recon.fieldOfView_mm.x if recon.fieldOfView_mm.x > 0 else 1.0
    readout = round(nx / oversampling) if oversampling > 1.01 else nx
    mode = getattr(getattr(encoding.parallelImaging, "calibrationMode", None), "value", "")
    return Encoding((ny, nx), centre, readout, mode in ("embedded", "interleaved"))


def _chosen(path: Path, heads: np.ndarray, used: np.ndarray, axes: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Keep the chosen entry of each counter; ask where there are several."""
    names, given = axis_words(axes)
    choices = {_SAME.get(name, name): index for name, index in given.items()}
    unknown = [name for name in (*names, *choices) if name not in COUNTERS]
    if unknown:
        raise ValueError(
            f"--axes names {unknown[0]}, but the readouts of an ISMRMRD file are sorted by their headers; expected a "
            "choice such as repetition=0, of contrast, phase, repetition or set."
        )
    notes = []
    for counter in COUNTERS:
        found = np.unique(heads["idx"][counter][used])
        index = choices.get(counter, "" if len(found) > 1 else str(found[0]) if len(found) else "0")
        if len(found) and not (index.isdecimal() and int(index) in found):
            entries = ", ".join(str(i) for i in found[:8])
            raise ValueError(
                f"{path} holds {len(found)} entries of {counter} ({entries}); expected one of them: add --axes "
                f"{counter}={found[0]}."
            )
        used = used & (heads["idx"][counter] == int(index))
        notes += [f"{counter} {index} of {len(found)}"] if len(found) > 1 else []
    return used, tuple(notes)


def _partial_fourier(mask: Tensor) -> tuple[str, ...]:
    """Say which lines were measured, where one edge of k-space lacks more than the other by a twentieth."""
    lines = mask.any(dim=1).nonzero()[:, 0]
    n = mask.shape[0]
    first, last = int(lines[0]), int(lines[-1])
    return (f"partial Fourier, lines {first} to {last} of {n}",) if abs(first - (n - 1 - last)) > n / 20 else ()


def _flagged(heads: np.ndarray, flag: str) -> np.ndarray:
    import ismrmrd

    return heads["flags"] & np.uint64(1 << (getattr(ismrmrd, flag) - 1)) != 0


def _three_dimensions(path: Path) -> str:
    return (
        f"{path} holds an ISMRMRD scan in three dimensions; expected lines in two: transform it along one axis, and "
        "save its slices."
    )
