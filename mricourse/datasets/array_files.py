"""What arrays a file holds, known from its headers before any of it is in memory.

Nothing is ever unpickled. Every problem is one sentence: what came, what was expected, what to do.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mricourse.datasets.bart_files import BartPair
from mricourse.datasets.matlab_files import check_matlab5
from mricourse.files import check_readable, suffix_of

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".mat", ".cfl", ".hdr", ".mrd", ".nii", ".nii.gz")
_STARTS = {  # the first bytes of a file, and what they say it is
    b"\x93NUMPY": "a .npy array",
    b"PK\x03\x04": "a zip or .npz archive",
    b"\x89HDF\r\n": "an HDF5 file",
    b"MATLAB": "a MATLAB file",
    b"\x1f\x8b": "a gzip file",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"\x89PNG": "a PNG picture",
}


@dataclass(frozen=True)
class StoredArray:
    """One array in a file, known from its header; `read` brings it into memory.

    Parameters
    ----------
    name : str
        Its key, or its path within the file; ``""`` in a file that holds one array without a name.
    shape : tuple of int
    dtype : numpy dtype
        Complex for an HDF5 compound of a real and an imaginary part. The header of a MATLAB 5 file does not
        tell real from complex numbers; `read` does.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    _path: Path
    _read: Callable[[Any], np.ndarray]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def is_numeric(self) -> bool:
        """Whether these are booleans, integers, floating or complex numbers."""
        return self.dtype.kind in "biufc"

    def read(self, index: Any = ()) -> np.ndarray:
        """Read the array, or the part that ``index`` selects.

        Raises
        ------
        TypeError
            Text, records, or Python objects, which are never unpickled.
        ValueError
            A file that is damaged behind its header.
        """
        if not self.is_numeric:
            raise TypeError(
                f"{self._path}: {self.name or 'the array'} {self._is_what()}; "
                "expected numbers: save it again as a plain numeric array."
            )
        with one_sentence(self._path):
            array = np.asarray(self._read(index))
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _is_what(self) -> str:
        if self.dtype.hasobject:
            return "holds Python objects or text, and pickles are never loaded because they can run code"
        return f"has dtype {self.dtype}"


def list_arrays(path: Path | str, *, suffixes: Sequence[str] = SUFFIXES) -> list[StoredArray]:
    """List the arrays of a file from its headers, without reading their values.

    Parameters
    ----------
    path : path
        A ``.npy``, ``.npz``, ``.h5``, ``.mat`` (version 5 or 7.3), ``.nii[.gz]`` file, or either half of BART's pair
        of ``.cfl`` and ``.hdr``. Axes are in the order of the program that wrote the file: those of MATLAB 7.3 are
        turned round, as h5py shows them backwards.
    suffixes : sequence of str
        The kinds of file to accept.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        Nothing there, a folder, or a file that may not be read.
    ValueError
        An unknown suffix; an empty, truncated or damaged file, or one of another kind than its suffix says.
    """
    path = Path(path)
    readers = {
        ".npy": _npy,
        ".npz": _npz,
        ".mat": _mat,
        ".cfl": _bart,
        ".hdr": _bart,
        ".nii": _nifti,
        ".nii.gz": _nifti,
    }
    reader = readers.get(check_readable(path, suffixes=suffixes), _hdf5)
    with one_sentence(path):
        return reader(path)


def attributes_of(path: Path | str) -> dict[str, Any]:
    """The attributes of an HDF5 file as a whole."""
    import h5py

    with one_sentence(Path(path)), h5py.File(path, "r") as file:
        return dict(file.attrs)


def read_text(path: Path | str, name: str) -> str:
    """Read a text of an HDF5 file, such as an ISMRMRD header; empty where it is none."""
    import h5py

    with one_sentence(Path(path)), h5py.File(path, "r") as file:
        value = file[name][()]
    value = value.flat[0] if isinstance(value, np.ndarray) and value.size else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """Turn whatever a file library raises on damaged bytes into one ValueError."""
    try:
        yield
    except Exception as error:  # numpy, zipfile, h5py, scipy and nibabel raise anything
        reason = " ".join(str(error).split()).rstrip(".")[:160] or type(error).__name__
        raise ValueError(
            f"{path} could not be read as {suffix_of(path)} data{_looks_like(path)}: it is damaged, "
            f"truncated, misnamed or too large; copy or export it again ({reason})."
        ) from error


def _looks_like(path: Path) -> str:
    """Name what the first bytes say, where that is not what the suffix says."""
    names = {".npy": ".npy", ".npz": ".npz", ".nii.gz": "gzip", ".mat": "MATLAB", ".cfl": "BART", ".hdr": "BART"}
    own = names.get(suffix_of(path), "HDF5")
    with open(path, "rb") as file:
        start = file.read(8)
    kind = next((kind for first, kind in _STARTS.items() if start.startswith(first)), None)
    return f" because it starts like {kind}" if kind and own not in kind else ""


def _npy_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its .npy version {version[0]}.{version[1]} is for records, not for numbers")
    shape, _, dtype = readers[version](file)
    if any(n < 0 for n in shape):
        raise ValueError(f"its header announces the shape {shape}")
    return shape, dtype


def _npy(path: Path) -> list[StoredArray]:
    with open(path, "rb") as file:
        shape, dtype = _npy_header(file)
        n_bytes = os.fstat(file.fileno()).st_size - file.tell()
    needed = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and n_bytes < needed:
        raise ValueError(f"it holds {n_bytes} of the {needed} bytes that its header announces")

    def read(index: Any) -> np.ndarray:
        mapped = np.load(path, mmap_mode="r" if needed else None, allow_pickle=False)
        return np.array(mapped[index])

    return [StoredArray("", shape, dtype, path, read)]


def _npz(path: Path) -> list[StoredArray]:
    def read(member: str, index: Any) -> np.ndarray:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)[index]

    arrays = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.endswith(".npy"):
                with archive.open(member) as file:
                    header = _npy_header(file)
                name = member.removesuffix(".npy")
                arrays.append(StoredArray(name, *header, path, partial(read, member)))
    return arrays


def _hdf5(path: Path) -> list[StoredArray]:
    import h5py

    arrays = []

    def visit(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset):
            shape = (0,) if item.shape is None else item.shape
            read = partial(_read_hdf5, path, name)
            arrays.append(StoredArray(name, shape, _as_complex(item.dtype), path, read))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return arrays


def _read_hdf5(path: Path, name: str, index: Any) -> np.ndarray:
    import h5py

    with h5py.File(path, "r") as file:
        if file[name].shape is None:
            return np.zeros(0, file[name].dtype)
        values = file[name][index]
    if values.dtype.names:
        real, imag = (values[part] for part in values.dtype.names)
        return (real + 1j * imag).astype(_as_complex(values.dtype))
    return values


def _as_complex(dtype: np.dtype) -> np.dtype:
    """Read a compound of a real and an imaginary float, as MATLAB writes it, as complex."""
    names = dtype.names or ()
    if [name[:1].lower() for name in names] == ["r", "i"] and len({dtype[name] for name in names}) == 1:
        part = dtype[names[0]]
        if part.kind == "f":
            return np.dtype("c8" if part.itemsize <= 4 else "c16")
    return dtype


def _mat(path: Path) -> list[StoredArray]:
    import h5py
    import scipy.io

    if h5py.is_hdf5(path):  # version 7.3
        return [_in_matlab_order(array) for array in _hdf5(path) if not array.name.startswith("#")]
    check_matlab5(path)
    dtypes = {"single": "f4", "double": "f8", "logical": "?"}
    for n in (1, 2, 4, 8):
        dtypes |= {f"int{8 * n}": f"i{n}", f"uint{8 * n}": f"u{n}"}

    def read(name: str, index: Any) -> np.ndarray:
        return scipy.io.loadmat(path, variable_names=[name])[name][index]

    arrays = []
    for name, shape, kind in scipy.io.whosmat(path):
        if kind == "struct" and math.prod(shape) == 1:
            arrays += _fields(path, name, scipy.io.loadmat(path, variable_names=[name])[name].reshape(-1)[0])
        else:
            arrays.append(StoredArray(name, tuple(shape), np.dtype(dtypes.get(kind, "O")), path, partial(read, name)))
    return arrays


def _fields(path: Path, name: str, record: np.void) -> list[StoredArray]:
    """The fields of a MATLAB structure as arrays ``name/field``; the header does not list them, so they are read."""
    fields = {f"{name}/{field}": np.asarray(record[field]) for field in record.dtype.names or ()}
    return [
        StoredArray(field, values.shape, values.dtype, path, lambda index, values=values: values[index])
        for field, values in fields.items()
    ]


def _in_matlab_order(array: StoredArray) -> StoredArray:
    def read(index: Any) -> np.ndarray:
        given = index if isinstance(index, tuple) else (index,)
        whole = (*given, *(slice(None) for _ in range(len(array.shape) - len(given))))
        return array.read(whole[::-1]).T

    return replace(array, shape=array.shape[::-1], _read=read)


def _bart(path: Path) -> list[StoredArray]:
    pair = BartPair.of(path)
    return [StoredArray("", pair.shape, np.dtype("c8"), pair.cfl, pair.read)]


def _nifti(path: Path) -> list[StoredArray]:
    import nibabel

    volume = nibabel.load(path)

    def read(index: Any) -> np.ndarray:
        return np.asarray(volume.dataobj[index or ...])

    return [StoredArray("", tuple(volume.shape), volume.get_data_dtype(), path, read)]
