"""Reconstruct a scan with a trained network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mricourse.physics.normalisation import normalised
from mricourse.physics.scan import Scan
from mricourse.reconstruct.least_squares import Trace

if TYPE_CHECKING:
    pass


def apply_network(network: nn.Module, scan: Scan, *, trace: Trace | None = None) -> Tensor:
    """Reconstruct a scan that has coil maps with a trained network; the same scan gives the same image, bit by bit.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)``, such as ``load_checkpoint("modl").network``, on the device of the scan.
    scan : Scan
        With ``smaps`` in any unit, for instance from `mricourse.reconstruct.methods.with_smaps`.
    trace : callable, optional
        Called after each iteration's denoiser with the image that it returns: in a unit of its own, without its smooth
        phase, mirrored where the network mirrors; once where nothing iterates.

    Returns
    -------
    image : complex64 Tensor, shape (y, x)
        In the units of the data: any complex factor on the k-space is a factor on the image.

    Raises
    ------
    ValueError
        A scan without coil maps.
    """
    A, kspace, unit = normalised(scan)
    with torch.no_grad(), repeatable(), _traced(network, trace):
        return network(A, kspace) * unit


def n_steps(network: nn.Module) -> int:
    """How many times `apply_network` calls `trace`."""
    return getattr(network, "n_iterations", 1)


def repeatable() -> torch.backends.ContextProp:
    """Keep a GPU's convolutions in full single precision and the same every time: a context to reconstruct in."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


@contextmanager
def _traced(network: nn.Module, trace: Trace | None) -> Iterator[None]:
    """Call `trace` with every image that the network's denoisers, or the network itself, return."""

    def show(module: nn.Module, inputs: tuple, image: Tensor) -> None:
        trace(image)

    modules = getattr(network, "denoisers", [network]) if trace is not None else []
    hooks = [module.register_forward_hook(show) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
