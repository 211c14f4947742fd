"""Split the measured samples of a scan: some to reconstruct from, others to judge the image by."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import fftc, ifftc
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_block


def pattern_of(mask: Tensor) -> Tensor:
    """Reduce a mask to what differs in it: (..., ky, kx) -> (ky, 1) for lines, (1, kx) for columns, else (ky, kx).

    Of several leading entries (coils) the first counts.
    """
    while mask.ndim > 2:
        mask = mask[0]
    if bool((mask == mask[:, :1]).all()):
        return mask[:, :1]
    return mask[:1] if bool((mask == mask[:1]).all()) else mask


def outside_centre(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    """Keep the samples outside the fully sampled centre, which coil maps and noise level are measured on.

    Parameters
    ----------
    mask : bool Tensor, broadcastable to (..., ky, kx), at least 2-D
    shape : (ny, nx)
        Size of k-space.

    Returns
    -------
    bool Tensor of the shape that `pattern_of` gives; nothing is True where only the centre was sampled.
    """
    pattern = pattern_of(mask)
    rows, columns = acs_block(pattern, shape)
    outer = pattern.clone()
    outer[rows if pattern.shape[0] > 1 else slice(None), columns if pattern.shape[1] > 1 else slice(None)] = False
    return outer


def drawn_parts(mask: Tensor, sizes: list[int], generator: torch.Generator) -> list[Tensor]:
    """Draw disjoint parts of a mask at random, so many samples (lines, columns or points) each.

    Raises
    ------
    ValueError
        More samples than there are.
    """
    places = mask.flatten().nonzero()[:, 0]
    if sum(sizes) > len(places):
        raise ValueError(f"got parts of {sum(sizes)} samples; expected at most the {len(places)} that there are.")
    order = torch.randperm(len(places), generator=generator).to(mask.device)
    parts = []
    for chosen in places[order][: sum(sizes)].split(sizes):
        part = torch.zeros_like(mask)
        part.view(-1)[chosen] = True
        parts.append(part)
    return parts


def strip_of(A: SenseOperator, kspace: Tensor, first: int, width: int, axis: int) -> tuple[SenseOperator, Tensor]:
    """Cut a strip out of a scan along the readout: exact, since lines leave every place along it a scan of its own.

    Parameters
    ----------
    A : SenseOperator
        With a mask that does not depend on the readout.
    kspace : complex Tensor, shape (coils, ky, kx)
    first, width : int
        Pixels of the image.
    axis : -1 or -2
        The readout.

    Returns
    -------
    (SenseOperator, complex Tensor) of the strip.
    """
    across = ifftc(kspace, dim=axis).narrow(axis, first, width)
    return SenseOperator(A.smaps.narrow(axis, first, width), A.mask), fftc(across, dim=axis)


def energy_along(kspace: Tensor, axis: int) -> Tensor:
    """Energy of each place along the readout, of all coils: (coils, ky, kx) -> (y,) or (x,)."""
    power = ifftc(kspace, dim=axis).abs().square().sum(0)
    return power.sum(-3 - axis)
