"""What is refused in stored arrays, from their shapes and from their values, each in one sentence."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mricourse.datasets.axes import MAX_COILS, MAX_SAMPLES, MAX_SIZE, MIN_SIZE
from mricourse.datasets.kspace_checks import zeros_by_chance


def not_complex(dtype: np.dtype) -> TypeError:
    """The refusal of real numbers."""
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


def check_mask_header(found: tuple[int, ...], shape: tuple[int, int, int]) -> None:
    """Refuse, with ValueError, a mask of the shape ``found`` that does not fit k-space (coils, ky, kx)."""
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


def as_mask(values: np.ndarray, kspace: Tensor) -> Tensor:
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
