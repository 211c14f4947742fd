"""Reconstruct a scan with a trained network."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.networks.reconstructor import Reconstructor
from mricourse.physics.multi_contrast import MultiContrastScan
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.scan import Scan
from mricourse.reconstruct.least_squares import Trace


def apply_network(network: Reconstructor, scan: Scan | MultiContrastScan, *, trace: Trace | None = None) -> Tensor:
    """Reconstruct a scan that has coil maps with a trained network; the same scan gives the same image, bit by bit.

    Parameters
    ----------
    network : Reconstructor
        ``network(A, kspace)``, such as ``load_checkpoint("modl").network``, on the device of the scan.
    scan : Scan or MultiContrastScan
        With ``smaps`` in any unit, for instance from `mricourse.reconstruct.methods.with_smaps`. A network for one
        contrast takes several one by one.
    trace : callable, optional
        Called with the image of each iteration, (y, x), in the units of the data: ``network.n_iterations`` times, or
        less often where a network stops by a tolerance.

    Returns
    -------
    image : complex64 Tensor, shape (y, x) or (contrasts, y, x), or float32 from a network that makes magnitudes
        In the units of the data: a positive factor on the k-space is a factor on the image. A phase is one too only for
        networks that turn the image's phase away or that treat real and imaginary part alike.

    Raises
    ------
    ValueError
        A scan without coil maps, or with other contrasts than the network was made for, or in another order.
    """
    check_contrasts(network, scan)
    A, kspace, unit = normalised(scan)
    several = isinstance(scan, MultiContrastScan)
    if several:
        A, kspace = SenseOperator(A.smaps[None], A.mask[None]), kspace[None]

    def in_units(image: Tensor) -> Tensor:
        return (image[0] if several else image) * unit

    with torch.no_grad(), repeatable():
        if trace is None:
            return in_units(network(A, kspace))
        return in_units(network(A, kspace, trace=lambda image: trace(in_units(image))))


def check_contrasts(network: Reconstructor, scan: Scan | MultiContrastScan) -> None:
    """Refuse, with ValueError, a scan whose contrasts are not those of a network that wants several, in their order."""
    wanted = getattr(network, "contrasts", ())
    names = ", ".join(wanted)
    if wanted and not isinstance(scan, MultiContrastScan):
        raise ValueError(
            f"the scan has one contrast, and this network reconstructs {names} of a slice together; expected a network "
            "of one contrast: choose another checkpoint."
        )
    if wanted and wanted != scan.contrasts:
        raise ValueError(
            f"the scan has {', '.join(scan.contrasts)}; expected {names}, in this order: that of the scans that the "
            "network was trained with."
        )


def repeatable() -> torch.backends.ContextProp:
    """Keep a GPU's convolutions in full single precision and the same every time: a context to reconstruct in."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
