"""Bring k-space and coil maps of any unit to numbers around 1, before solvers and networks see them."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.multi_contrast import MultiContrastScan
from mricourse.physics.operators import SenseOperator
from mricourse.physics.scan import Scan


def normalised(scan: Scan | MultiContrastScan) -> tuple[SenseOperator, Tensor, Tensor]:
    r"""Bring a scan to numbers around 1, because single precision has to hold their squares.

    Returns
    -------
    A : SenseOperator
        Maps with a largest $\sum|S|^2$ of 1, over all contrasts where the scan has several.
    kspace : complex Tensor, shape (coils, ky, kx), or (contrasts, coils, ky, kx)
        With a largest magnitude of 1.
    unit : real Tensor, shape ()
        What an image made of both is multiplied with, to be in the units of the data.

    Raises
    ------
    ValueError
        A scan without coil maps.
    """
    if scan.smaps is None:
        raise ValueError("the scan has no coil maps; expected smaps: add them with with_smaps(scan).")
    scale = _or_one(scan.kspace.abs().max())
    power = _or_one(scan.smaps.abs().square().sum(dim=-3).max().sqrt())
    return SenseOperator(scan.smaps / power, scan.mask), scan.kspace / scale, scale / power


def radial_weight(kspace: Tensor) -> Tensor:
    r"""Give $\sqrt{1 + r^2}$, with the distance $r$ from the centre in samples: real (ky, kx) for (..., ky, kx).

    The magnitude of anatomy's k-space falls about as its inverse.
    """
    ky, kx = (torch.arange(n, device=kspace.device, dtype=kspace.real.dtype) - n // 2 for n in kspace.shape[-2:])
    return (1 + ky[:, None].square() + kx.square()).sqrt()


def _or_one(size: Tensor) -> Tensor:
    """Give 1 where there is nothing, which stays nothing whatever it is divided by."""
    return torch.where(size > 0, size, 1)
