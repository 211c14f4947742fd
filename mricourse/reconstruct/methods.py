r"""The methods that `mricourse reconstruct` offers, for a scan of any unit.

The image is in the units of the data: for complete sampling it is the coil-combined inverse transform.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from mricourse.files import any_of
from mricourse.physics.coil_maps import CALIBRATION, MIN_ACS, espirit
from mricourse.physics.normalisation import normalised
from mricourse.physics.sampling import acs_block, near_centre
from mricourse.physics.scan import Scan
from mricourse.reconstruct.least_squares import Trace, cg_sense
from mricourse.reconstruct.sparsity import wavelet_reconstruction
from mricourse.reconstruct.total_variation import tv_reconstruction

METHODS = {  # solver, default weight (it suits the development brain at R = 2 to 6), most iterations
    "sense": (cg_sense, 1e-2, 200),
    "wavelet": (wavelet_reconstruction, 3e-3, 1000),
    "tv": (tv_reconstruction, 4e-3, 1000),
}


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
    block = acs_block(scan.mask, scan.shape)
    rows, columns = (span.stop - span.start for span in block)
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
    calibration = tuple(near_centre(span, acs or CALIBRATION, n) for span, n in zip(block, scan.shape, strict=True))
    smaps = espirit(scan.kspace / scan.kspace.abs().max(), acs=calibration)
    if not bool(smaps.any()):
        raise ValueError(
            f"the coil maps estimated from {rows} x {columns} samples in the centre of k-space are zero everywhere; "
            "expected signal above the noise there: sample more lines, or add smaps (coils, y, x) to the file."
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
    check_options(method, reg_weight, None)
    solver, default, n_iterations = METHODS[method]
    A, kspace, unit = normalised(scan)
    weight = default if reg_weight is None else reg_weight
    return solver(A, kspace, reg_weight=weight, n_iterations=n_iterations, trace=trace) * unit


def check_options(method: str, reg_weight: float | None, acs: int | None) -> None:
    if method not in METHODS:
        raise ValueError(f"the method is {method!r}; expected {any_of(tuple(METHODS))}.")
    if reg_weight is not None and not (math.isfinite(reg_weight) and reg_weight >= 0):
        raise ValueError(f"the regularisation weight is {reg_weight}; expected a number of 0 or more, such as 0.001.")
    if acs is not None and acs < MIN_ACS:
        raise ValueError(f"acs is {acs}; expected at least {MIN_ACS} samples to estimate coil maps, such as 24.")
