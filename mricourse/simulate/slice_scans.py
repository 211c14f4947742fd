r"""Measure given slices again, with one thing changed: lines, matrix, coils, phase, unit or noise.

A network is trained on scans of one kind. What becomes of it on others is asked with the same slices, scanned in
another way.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask, random_mask
from mricourse.physics.scan import Batch
from mricourse.simulate.coils import simulate_arrays
from mricourse.simulate.task_scans import ACS

LINES = ("random", "equispaced")


def scan_slices(
    images: Tensor,
    *,
    lines: str = "random",
    acceleration: int = 3,
    acs: int | None = None,
    n_coils: int = 1,
    noise_std: float = 0.005,
    echo_shift: float = 0.0,
    unit: float = 1.0,
    seed: int = 0,
) -> Batch:
    r"""Scan slices as `TaskScans` does for the task "undersampling", or with one of its choices changed.

    Parameters
    ----------
    images : complex Tensor, shape (n, y, x)
        Without noise; the brightest pixel is about 1.
    lines : "random" or "equispaced"
        Random lines are drawn anew for each slice; equispaced ones are the same, and with the centre there are more of
        them than 1 in `acceleration`.
    acceleration : int
    acs : int, optional
        Lines of the sampled centre, by default 8 % of all.
    n_coils : int
        1 is a uniform coil of sensitivity 1; more are loops around the head, another array for each slice. The maps are
        known.
    noise_std : float
        Of each coil's real and imaginary part.
    echo_shift : float
        Samples along kx by which the middle of k-space comes late, a phase ramp along x over the image.
    unit : float
        What the scanner calls 1: k-space and references are multiplied by it.
    seed : int
        Of lines, coils and noise.

    Returns
    -------
    Batch
        Operator with maps (n, coils, y, x) and mask (n, 1, ky, 1); k-space (n, coils, ky, kx); references (n, y, x).

    Raises
    ------
    ValueError
        Images of another shape, or unknown lines.
    """
    if images.ndim != 3 or not images.is_complex():
        raise ValueError(f"images have shape {tuple(images.shape)}, {images.dtype}; expected complex (n, y, x).")
    if lines not in LINES:
        raise ValueError(f"lines is {lines!r}; expected 'random' or 'equispaced'.")
    n, ny, nx = images.shape
    centre = round(ACS * ny) if acs is None else acs
    if lines == "random":
        masks = [random_mask(ny, acceleration, acs=centre, seed=1000 * seed + i) for i in range(n)]
    else:
        masks = [equispaced_mask(ny, acceleration, acs=centre)] * n
    mask = torch.stack(masks)[:, None].to(images.device)
    if n_coils == 1:
        smaps = torch.ones_like(images)[:, None]
    else:
        smaps = simulate_arrays(n, n_coils, (ny, nx), kind="head_array", seed=1000 * seed).to(images.device)
    x = torch.arange(nx, device=images.device) - nx // 2
    references = unit * images * torch.exp(2j * math.pi * echo_shift * x / nx)
    noise = random_complex(n, n_coils, ny, nx, seed=seed).to(images.device)
    kspace = fft2c(smaps * references[:, None]) + unit * noise_std * noise
    return Batch(SenseOperator(smaps, mask), torch.where(mask, kspace, 0), references)
