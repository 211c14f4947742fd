"""Reconstruct a scan with a trained network."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.networks.reconstructor import Reconstructor
from mricourse.physics.normalisation import normalised
from mricourse.physics.scan import Scan
from mricourse.reconstruct.least_squares import Trace


def apply_network(network: Reconstructor, scan: Scan, *, trace: Trace | None = None) -> Tensor:
    """Reconstruct a scan that has coil maps with a trained network; the same scan gives the same image, bit by bit.

    Parameters
    ----------
    network : Reconstructor
        ``network(A, kspace)``, such as ``load_checkpoint("modl").network``, on the device of the scan.
    scan : Scan
        With ``smaps`` in any unit, for instance from `mricourse.reconstruct.methods.with_smaps`.
    trace : callable, optional
        Called with the image of each iteration, (y, x), in the units of the data: ``network.n_iterations`` times.

    Returns
    -------
    image : complex64 Tensor, shape (y, x), or float32 from a network that makes magnitudes
        In the units of the data: any complex factor on the k-space is a factor on the image.

    Raises
    ------
    ValueError
        A scan without coil maps.
    """
    A, kspace, unit = normalised(scan)
    with torch.no_grad(), repeatable():
        if trace is None:
            return network(A, kspace) * unit
        return network(A, kspace, trace=lambda image: trace(image * unit)) * unit


def repeatable() -> torch.backends.ContextProp:
    """Keep a GPU's convolutions in full single precision and the same every time: a context to reconstruct in."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
