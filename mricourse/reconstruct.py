r"""From a k-space file to an image file: read, prepare the coil maps, solve or ask a trained network, write.

The image is in the units of the data: for complete sampling it is the coil-combined inverse transform.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

import mricourse
from mricourse.coils import espirit
from mricourse.files import any_of, check_writable
from mricourse.inference import apply_network, normalised, outside_range
from mricourse.sampling import acceleration_of, acs_lines_of
from mricourse.scan import Scan
from mricourse.scan_files import OUTPUTS, read_scan, write_image
from mricourse.solvers import cg_sense, tv_reconstruction, wavelet_reconstruction

if TYPE_CHECKING:
    from mricourse.checkpoints import Checkpoint

METHODS = {  # solver, default weight and iterations, which suit a measured brain at R = 2 to 6
    "sense": (cg_sense, 1e-2, 30),
    "wavelet": (wavelet_reconstruction, 3e-3, 60),
    "tv": (tv_reconstruction, 4e-3, 200),
}
ACS = 24  # samples of the centre that calibrate the maps, where so many were measured
MIN_ACS = 8  # what a kernel of 6 needs
Trace = Callable[[Tensor], None]


@dataclass(frozen=True)
class Report:
    """What `reconstruct_file` did; ``str`` makes it one line.

    `remark` is a sentence of its own, on a file that is not of the kind that the network was trained on.
    """

    source: Path
    output: Path
    n_coils: int
    shape: tuple[int, int]
    acceleration: float
    acs: str
    maps: str
    method: str
    reg_weight: float | None
    device: str
    seconds: float
    remark: str = ""

    def __str__(self) -> str:
        ny, nx = self.shape
        coils = f"{self.n_coils} coil{'s' if self.n_coils > 1 else ''}"
        weight = "" if self.reg_weight is None else f", weight {self.reg_weight:g}"
        return (
            f"{self.source.name}: {coils}, {ny} x {nx}, R = {self.acceleration:.2f}, ACS {self.acs}, maps {self.maps}; "
            f"{self.method}{weight}, {self.seconds:.1f} s on {self.device} -> {self.output}"
        )


def reconstruct_file(
    source: Path | str,
    output: Path | str,
    *,
    method: str | None = None,
    checkpoint: Checkpoint | None = None,
    reg_weight: float | None = None,
    device: str = "auto",
    acs: int | None = None,
    trace: Trace | None = None,
) -> Report:
    """Reconstruct one slice from a file into a file; the output is replaced only by a complete new one.

    Parameters
    ----------
    source : path
        ``.npy``, ``.npz`` or ``.h5``, as `read_scan` takes it.
    output : path
        ``.npy`` or ``.h5`` (dataset ``image``) for the complex image (y, x), ``.png`` for its magnitude.
    method : "sense", "wavelet" or "tv"
        ``wavelet`` where neither it nor `checkpoint` is given.
    checkpoint : Checkpoint
        In place of a method, from `mricourse.checkpoints.load_checkpoint`.
    reg_weight : float, optional
        As in `reconstruct`; a network has learned its own.
    device : "auto", "cpu" or "cuda"
    acs : int, optional
        Side of the centre that calibrates the coil maps; by default what was sampled, 24 at most.
    trace : callable, optional
        As in `reconstruct` or `apply_network`.

    Raises
    ------
    TypeError, ValueError, OSError
        Whatever is wrong with the files or options, in one sentence, before anything is written.
    """
    source, output = Path(source), Path(output)
    check_writable(output, suffixes=OUTPUTS)
    if checkpoint is not None and (method, reg_weight) != (None, None):
        raise ValueError(
            f"got the checkpoint {checkpoint.name} with {'a method' if method else 'a regularisation weight'}; "
            "expected the checkpoint alone, since a network is a method and learned its weights: leave one of them out."
        )
    method = method or "wavelet"
    _check_options(method, reg_weight, acs)
    target = pick_device(device)
    scan = read_scan(source)
    if os.path.exists(output) and os.path.samefile(source, output):
        raise ValueError(f"the output {output} is the input; expected another file: choose another name.")
    start = time.perf_counter()
    maps = "given" if scan.smaps is not None else "of ones" if scan.n_coils == 1 else "by ESPIRiT"
    scan = with_smaps(scan, acs=acs)
    if checkpoint is None:
        reg_weight = METHODS[method][1] if reg_weight is None else reg_weight
        made_by = {"method": method, "reg_weight": reg_weight}
        image = reconstruct(scan.to(target), **made_by, trace=trace)
    else:
        method = f"checkpoint {checkpoint.name}"
        made_by = {"checkpoint": checkpoint.name, "weights_sha256": checkpoint.card["weights_sha256"]}
        image = apply_network(checkpoint.network.to(target), scan.to(target), trace=trace)
    image = image.cpu()
    seconds = time.perf_counter() - start
    write_image(image, output, **made_by, source=source.name)
    facts = (scan.n_coils, scan.shape, acceleration_of(scan.mask), _acs_words(scan.mask), maps)
    remark = "" if checkpoint is None else outside_range(checkpoint, scan, source.name)
    return Report(source, output, *facts, method, reg_weight, target.type, seconds, remark)


def with_smaps(scan: Scan, *, acs: int | None = None) -> Scan:
    """Add coil maps where the scan has none: ones for a single coil, else ESPIRiT from the fully sampled centre.

    Raises
    ------
    ValueError
        A centre too small to calibrate on, or smaller than ``acs``.
    """
    if scan.smaps is not None:
        return scan
    if scan.n_coils == 1:
        return replace(scan, smaps=torch.ones_like(scan.kspace))
    found = acs_lines_of(scan.mask)
    rows, columns = (found, scan.shape[1]) if isinstance(found, int) else found
    if acs is not None and acs > min(rows, columns):
        raise ValueError(
            f"acs is {acs}, but the fully sampled centre of k-space is {rows} x {columns}; expected at most "
            f"{min(rows, columns)}: leave acs out to use what there is."
        )
    if min(rows, columns) < MIN_ACS:
        raise ValueError(
            f"the fully sampled centre of k-space is {rows} x {columns} samples; expected at least {MIN_ACS} x "
            f"{MIN_ACS} to estimate the coil maps: add smaps (coils, y, x) to the file."
        )
    size = acs or ACS
    smaps = espirit(scan.kspace / scan.kspace.abs().max(), acs=(min(rows, size), min(columns, size)))
    if not bool(smaps.any()):
        raise ValueError(
            "the coil maps estimated from the centre of k-space are zero everywhere; expected an object in the data: "
            "check it, or add smaps (coils, y, x) to the file."
        )
    return replace(scan, smaps=smaps)


def reconstruct(
    scan: Scan, *, method: str = "wavelet", reg_weight: float | None = None, trace: Trace | None = None
) -> Tensor:
    r"""Solve $y = M F S x$ for a scan that has coil maps.

    Parameters
    ----------
    scan : Scan
        With ``smaps``, for instance from `with_smaps`.
    method : "sense", "wavelet" or "tv"
        Iterative SENSE, or compressed sensing with wavelet sparsity or total variation.
    reg_weight : float, optional
        For ``sense`` the Tikhonov weight with maps scaled to a largest $\sum|S|^2$ of 1; for the others relative to
        $\max|A^H y|$.
    trace : callable, optional
        Called with the image after every iteration.

    Returns
    -------
    image : complex64 Tensor, shape (y, x)
        In the units of the data.
    """
    _check_options(method, reg_weight, None)
    solver, default, n_iterations = METHODS[method]
    A, kspace, unit = normalised(scan)
    weight = default if reg_weight is None else reg_weight
    return solver(A, kspace, reg_weight=weight, n_iterations=n_iterations, trace=trace) * unit


def _check_options(method: str, reg_weight: float | None, acs: int | None) -> None:
    if method not in METHODS:
        raise ValueError(f"the method is {method!r}; expected {any_of(tuple(METHODS))}.")
    if reg_weight is not None and not (math.isfinite(reg_weight) and reg_weight >= 0):
        raise ValueError(f"the regularisation weight is {reg_weight}; expected a number of 0 or more, such as 0.001.")
    if acs is not None and acs < MIN_ACS:
        raise ValueError(f"acs is {acs}; expected at least {MIN_ACS} samples to estimate coil maps, such as 24.")


def pick_device(name: str) -> torch.device:
    """Choose a device by its name, auto, cpu or cuda; ValueError where it is unknown or not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"the device is {name!r}; expected auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("the device is cuda, but torch finds no CUDA GPU here; expected cpu or auto.")
    return mricourse.device() if name == "auto" else torch.device(name)


def _acs_words(mask: Tensor) -> str:
    found = acs_lines_of(mask)
    return f"{found} lines" if isinstance(found, int) else f"{found[0]} x {found[1]}"
