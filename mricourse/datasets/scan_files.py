"""One scan from a file, validated, and one image into a file.

A ``.npz`` or ``.h5`` file holds ``kspace`` (coils, ky, kx) and may hold ``mask`` and ``smaps``; a ``.npy`` file holds
the k-space alone. A file is refused from its headers, before its values are in memory.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mricourse.datasets.array_files import StoredArray, list_arrays
from mricourse.datasets.kspace_checks import check_kspace, infer_mask, move_origin, origin_in_corner, zeros_by_chance
from mricourse.files import any_of, check_writable, suffix_of, write_whole
from mricourse.physics.sampling import acceleration_of
from mricourse.physics.scan import Scan

INPUTS = (".npy", ".npz", ".h5", ".hdf5")
OUTPUTS = (".npy", ".h5", ".hdf5", ".png")
MAX_COILS, MIN_SIZE, MAX_SIZE = 32, 64, 512


def read_scan(path: Path | str) -> Scan:
    """Read k-space from a file, with its mask and coil maps where it holds them.

    Parameters
    ----------
    path : path
        ``.npy`` with the k-space alone, or ``.npz`` or ``.h5`` with arrays of these names: ``kspace`` (coils, ky, kx),
        complex, 1 to 32 coils, 64 to 512 samples along each axis, zero frequency in the centre; optionally ``mask``,
        zeros and ones, (ky,), (ky, 1), (1, kx) or (ky, kx), also behind an axis of 1 or coils; optionally ``smaps``
        (coils, y, x), complex. In a square matrix a mask of one axis is along ky.

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
    path = Path(path)
    arrays = {array.name: array for array in list_arrays(path, suffixes=INPUTS)}
    if path.suffix.lower() == ".npy":
        arrays = {"kspace": arrays[""]}
    if "kspace" not in arrays:
        raise ValueError(f"{path} has no array named kspace{_instead(arrays)}; expected kspace (coils, ky, kx).")
    _check_coils(arrays)
    _check_kspace_header(arrays["kspace"])
    coils, ny, nx = arrays["kspace"].shape
    if "smaps" in arrays:
        _check_smaps_header(arrays["smaps"], (coils, ny, nx))
    if "mask" in arrays:
        _check_mask_header(arrays["mask"], (coils, ny, nx))
    kspace = _complex64("kspace", arrays["kspace"].read())
    check_kspace(kspace)
    mask = _as_mask(arrays["mask"].read(), kspace) if "mask" in arrays else infer_mask(kspace)
    kspace = torch.where(mask, kspace, 0)
    smaps = _complex64("smaps", arrays["smaps"].read()) if "smaps" in arrays else None
    notes = []
    if smaps is None and any(axes := origin_in_corner(kspace, mask)):
        kspace = move_origin(kspace, axes)
        notes.append("image moved from the corners to the centre")
    return Scan(kspace, smaps, mask, meta={"source": str(path), "notes": tuple(notes)})


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


def _instead(arrays: dict[str, StoredArray]) -> str:
    inside = [name for name in arrays if name.startswith("kspace/")]
    if inside:
        return f" but a group of that name, which holds {', '.join(inside[:4])}"
    return f" but {', '.join(list(arrays)[:6])}" if arrays else " and no other array"


def _check_coils(arrays: dict[str, StoredArray]) -> None:
    """Refuse the slices of one coil, as fastMRI stores them; what lies beside them tells them from coils."""
    shape = arrays["kspace"].shape
    images = [name for name in ("reconstruction_esc", "reconstruction_rss") if name in arrays]
    single = "ismrmrd_header" in arrays or any(arrays[name].shape[:1] == shape[:1] for name in images)
    if len(shape) == 3 and single:
        beside = any_of([name for name in ("ismrmrd_header", *images) if name in arrays])
        raise ValueError(
            f"kspace has shape {shape} beside {beside}, which makes it {shape[0]} slices of a single coil; expected "
            "(coils, ky, kx): save one slice, as kspace[i, None]."
        )


def _check_kspace_header(array: StoredArray) -> None:
    shape = array.shape
    if not array.is_numeric:
        array.read()  # says what it is instead of numbers
    if len(shape) != 3:
        fix = "save one coil as kspace[None]" if len(shape) == 2 else "save one slice with its coils first"
        raise ValueError(f"kspace has shape {shape}, {len(shape)} axes; expected 3, (coils, ky, kx): {fix}.")
    if array.dtype.kind != "c":
        raise TypeError(
            f"kspace is real ({array.dtype}); expected complex64 or complex128: join real and imaginary parts as "
            "real + 1j * imag."
        )
    if not 1 <= shape[0] <= MAX_COILS:
        raise ValueError(
            f"kspace has shape {shape}, so {shape[0]} coils; expected (coils, ky, kx) with 1 to {MAX_COILS} coils: "
            "put the coils first, or compress them."
        )
    if not all(MIN_SIZE <= n <= MAX_SIZE for n in shape[1:]):
        raise ValueError(
            f"kspace has shape {shape}, so a matrix of {shape[1]} x {shape[2]}; expected {MIN_SIZE} to {MAX_SIZE} "
            "samples along ky and kx: check the order of the axes, and remove readout oversampling."
        )


def _check_smaps_header(array: StoredArray, shape: tuple[int, int, int]) -> None:
    if array.shape != shape:
        raise ValueError(f"smaps have shape {array.shape}; expected {shape} as kspace has: make them for this scan.")
    if array.is_numeric and array.dtype.kind != "c":
        raise TypeError(
            f"smaps are real ({array.dtype}); expected complex maps: magnitudes have lost the coils' phase."
        )


def _check_mask_header(array: StoredArray, shape: tuple[int, int, int]) -> None:
    coils, ny, nx = shape
    plane = array.shape[-2:]
    fits = len(array.shape) in (2, 3) and plane in ((ny, 1), (1, nx), (ny, nx))
    if not (array.shape == (ny,) or (fits and array.shape[:-2] in ((), (1,), (coils,)))):
        remedy = "save a mask along kx as mask[None, :]" if array.shape == (nx,) else "make it for this matrix size"
        raise ValueError(
            f"mask has shape {array.shape}; expected ({ny},), ({ny}, 1), (1, {nx}) or ({ny}, {nx}) to fit kspace "
            f"{shape}: {remedy}."
        )


def _complex64(name: str, values: np.ndarray) -> Tensor:
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
        if not files:
            raise ValueError(f"{path} holds no file that ends in {any_of(INPUTS)}; expected one or more: name another.")
    scans = [(file.name, read_scan(file)) for file in files]
    for name, scan in scans:
        check_complete(scan, name)
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
