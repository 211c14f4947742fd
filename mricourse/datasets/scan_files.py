"""Files of k-space that become scans, and images that become files.

A file is refused from its headers, before its values are in memory.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
from torch import Tensor

from mricourse.datasets.bart_files import with_bart_suffix
from mricourse.datasets.ismrmrd_files import ismrmrd_group, open_ismrmrd
from mricourse.datasets.kspace_arrays import HDF5, open_kspace
from mricourse.datasets.scan_series import ScanSeries
from mricourse.files import any_of, check_readable, check_writable, suffix_of, write_whole
from mricourse.physics.sampling import acceleration_of
from mricourse.physics.scan import Scan

INPUTS = (".npy", ".npz", ".h5", ".hdf5", ".mat", ".cfl", ".hdr", ".mrd")
OUTPUTS = (".npy", ".h5", ".hdf5", ".png")


def open_scans(path: Path | str, *, key: str | None = None, axes: str | None = None) -> ScanSeries:
    """Open a file of k-space: one slice or several, known from headers before any values are in memory.

    Parameters
    ----------
    path : path
        ``.npy`` or BART's ``.cfl`` with the k-space alone; ``.npz``, ``.h5`` or ``.mat`` (5 or 7.3) with arrays of
        these names: ``kspace``, complex, 1 to 32 coils, 64 to 1024 samples along ky and kx, zero frequency in the
        centre; optionally ``mask``, zeros and ones, (ky,), (ky, 1), (1, kx) or (ky, kx), also behind an axis of 1 or
        coils; optionally ``smaps`` (coils, y, x), complex. In a square matrix a mask of one axis is along ky.
        fastMRI's and M4Raw's ``.h5`` are known by what they hold beside it. Of ISMRMRD files, ``.h5`` or ``.mrd``,
        the Cartesian lines in two dimensions are sorted into k-space.
    key : str, optional
        Name of the k-space array, where it is not ``kspace`` and several could be it.
    axes : str, optional
        What its axes mean, in the file's order, where that is not (coils, ky, kx) and cannot be recognised:
        ``"slice,coil,y,x"``, ``"y,x,coil"``, ``"rep=0,coil,y,x"``; or entries alone, ``"average=0"``, where they are
        known.

    Raises
    ------
    TypeError, ValueError, OSError
        Anything else in the file, in one sentence.
    """
    path = with_bart_suffix(path)
    if check_readable(path, suffixes=INPUTS) in HDF5 and (group := ismrmrd_group(path)) is not None:
        return open_ismrmrd(path, group, axes=axes)
    return open_kspace(path, suffixes=INPUTS, key=key, axes=axes)


def read_scan(path: Path | str, i_slice: int = 0, *, key: str | None = None, axes: str | None = None) -> Scan:
    """Read one slice of k-space from a file, with its mask and coil maps where it holds them.

    Parameters
    ----------
    path, key, axes
        As for `open_scans`.
    i_slice : int
        Which slice of a volume, from 0.

    Returns
    -------
    Scan
        complex64, without a reference. A file without mask gets `infer_mask`; values outside a given mask are dropped.
        Where the file has no maps and its image would come out in four quarters, `move_origin` mends that;
        ``meta["notes"]`` says in words what was done.

    Raises
    ------
    TypeError, ValueError, OSError
        Anything else in the file, in one sentence.
    """
    return open_scans(path, key=key, axes=axes).scan(i_slice)


def write_image(image: Tensor, path: Path | str, **attributes: str | float) -> None:
    """Write a complex image (y, x) as ``.npy`` or ``.h5`` (dataset ``image``), or its magnitude as ``.png``.

    The grey scale of the picture runs from 0 to the 99.9th percentile, which the picture's text entry ``white`` holds.
    """
    check_writable(path, suffixes=OUTPUTS)
    array = image.detach().cpu().numpy()
    content = BytesIO()  # in memory: HDF5 that closes a file on a full disk ends the process
    suffix = suffix_of(path)
    if suffix == ".npy":
        np.save(content, array)
    elif suffix == ".png":
        _write_png(np.abs(array), content)
    else:
        import h5py

        with h5py.File(content, "w") as file:
            file["image"] = array
            file["image"].attrs.update(attributes)
    write_whole(path, content.getvalue())


def _write_png(magnitude: np.ndarray, file: BytesIO) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    white = float(np.percentile(magnitude, 99.9)) or float(magnitude.max()) or 1.0
    notes = PngInfo()
    notes.add_text("white", f"{white:.6g}")
    grey = np.round(255 * np.clip(magnitude / white, 0, 1)).astype(np.uint8)
    Image.fromarray(grey).save(file, format="png", pnginfo=notes)


def read_complete(path: Path | str) -> list[tuple[str, Scan]]:
    """Read a file, or every file of a folder, of complete multi-coil k-space: names and scans.

    Raises
    ------
    ValueError, TypeError, OSError
        As `read_scan` and `check_complete`, or a folder without such files.
    """
    path = Path(path)
    files = [path]
    if os.path.isdir(path):
        visible = (file for file in path.iterdir() if not file.name.startswith("."))
        files = sorted(file for file in visible if suffix_of(file) in INPUTS)
        files = [file for file in files if suffix_of(file) != ".hdr"]  # of BART's pairs, the .cfl counts
        if not files:
            raise ValueError(f"{path} holds no file that ends in {any_of(INPUTS)}; expected one or more: name another.")
    scans = []
    for file in files:
        try:
            series = open_scans(file)
            for i_slice in range(series.n_slices):
                name = f"{file.name}, slice {i_slice}" if series.n_slices > 1 else file.name
                scans.append((name, series.scan(i_slice)))
                check_complete(*scans[-1][::-1])
        except (ValueError, TypeError) as error:
            if file.name in str(error):
                raise
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{file.name}: {error}") from error
    return scans


def check_complete(scan: Scan, name: str) -> None:
    """Refuse, with ValueError, a scan of one coil or with gaps in its k-space."""
    if scan.n_coils == 1:
        raise ValueError(
            f"{name} has one coil; expected several, since the comparison estimates coil maps: name another file."
        )
    if not bool(scan.mask.all()):
        raise ValueError(
            f"{name} is undersampled (R = {acceleration_of(scan.mask):.2f}); expected complete k-space, to make the "
            "reference: name another file, or crop empty lines at the edges."
        )
