"""Reconstruct a scan with a trained network, and say when it is not of the kind that the network was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mricourse.noise import noise_level
from mricourse.operators import SenseOperator
from mricourse.sampling import acceleration_of, acs_lines_of
from mricourse.scan import Scan
from mricourse.solvers import Trace

if TYPE_CHECKING:
    from mricourse.checkpoints import Checkpoint

R_MARGIN = 1.03  # whole numbers of lines, in training as well
NOISE_MARGIN = 1.5  # how far the measured level may be off
ACS_MARGIN = 2  # random lines beside the centre lengthen it, in training as well


def apply_network(network: nn.Module, scan: Scan, *, trace: Trace | None = None) -> Tensor:
    """Reconstruct a scan that has coil maps with a trained network; the same scan gives the same image, bit by bit.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)``, such as ``load_checkpoint("modl").network``, on the device of the scan.
    scan : Scan
        With ``smaps`` in any unit, for instance from `mricourse.reconstruct.with_smaps`.
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


def normalised(scan: Scan) -> tuple[SenseOperator, Tensor, Tensor]:
    r"""Bring a scan to numbers around 1, because single precision has to hold their squares.

    Returns
    -------
    A : SenseOperator
        Maps with a largest $\sum|S|^2$ of 1.
    kspace : complex Tensor, shape (coils, ky, kx)
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
    scale = scan.kspace.abs().max()
    power = scan.smaps.abs().square().sum(dim=0).max().sqrt()
    return SenseOperator(scan.smaps / power, scan.mask), scan.kspace / scale, scale / power


def repeatable() -> torch.backends.ContextProp:
    """Keep a GPU's convolutions in full single precision and the same every time: a context to reconstruct in."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def outside_range(checkpoint: Checkpoint, scan: Scan, name: str = "the scan") -> str:
    """Say in a sentence how a scan differs from all that a network was trained on; empty where it does not.

    Parameters
    ----------
    checkpoint : Checkpoint
        Its card states the range.
    scan : Scan
        With maps.
    name : str
        What to call the scan.
    """
    span, mask = checkpoint.card["trained_for"], scan.mask
    net, acs = acceleration_of(mask), acs_lines_of(mask)
    acs = acs if isinstance(acs, int) else min(acs)
    (ny, nx), n_coils, noise_std = scan.shape, scan.n_coils, _relative_noise(scan)
    facts = [  # in words, in the card, least and largest value, and in which unit to speak of the card's
        (f"R = {net:.2f}", "acceleration", net, net / R_MARGIN, 1, ""),
        (f"{n_coils} coil{'s' if n_coils > 1 else ''}", "n_coils", n_coils, n_coils, 1, ""),
        (f"{ny} x {nx} pixels", "matrix", min(ny, nx), max(ny, nx), 1, ""),
    ]
    if not bool(mask.all()):
        facts.append((f"{acs} ACS lines", "acs", acs, acs / ACS_MARGIN, 1, ""))
    if noise_std > 0:
        noise = f"noise of {100 * noise_std:.2g} % of the brightest pixel"
        facts.append((noise, "noise_std", noise_std * NOISE_MARGIN, noise_std / NOISE_MARGIN, 100, " %"))
    differences = [
        f"{words} (trained on {factor * span[key][0]:g} to {factor * span[key][1]:g}{unit})"
        for words, key, least, largest, factor, unit in facts
        if least < span[key][0] or largest > span[key][1]
    ]
    differences += _other_sampling(mask, checkpoint)
    if not differences:
        return ""
    return (
        f"{name} is outside what {checkpoint.name} was trained for: {', '.join(differences)}; the image may be worse "
        "than it looks, so compare it with that of --method wavelet."
    )


def _other_sampling(mask: Tensor, checkpoint: Checkpoint) -> list[str]:
    found, patterns = [], checkpoint.recipe.scans().patterns
    if mask.shape[-1] > 1 and not bool(mask.all()):
        if bool((mask == mask[..., :1, :]).all()):
            found.append("lines along ky (trained on lines along kx)")
        elif "points" not in patterns:
            found.append("single points of k-space (trained on lines)")
    return found


def _relative_noise(scan: Scan) -> float:
    """Noise per real and imaginary part in k-space, where the brightest pixel of the zero-filled image is 1."""
    A, kspace, _ = normalised(scan)
    return float(noise_level(kspace, scan.mask) / A.adjoint(kspace).abs().max())


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
