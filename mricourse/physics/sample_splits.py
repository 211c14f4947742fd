"""Split the measured samples of a scan: some to reconstruct from, others to judge the image by."""

from __future__ import annotations

import math

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


def gaussian_split(
    mask: Tensor,
    shape: tuple[int, int],
    generator: torch.Generator,
    *,
    ratio: float = 0.4,
    kept: int = 4,
    width: float = 4.0,
    centre: tuple[int, int] | None = None,
) -> Tensor:
    r"""Draw $\Lambda$, the samples that a loss is computed on; the others, $\Theta$, are what a network is given.

    Points (ky, kx) are drawn from a normal distribution about the centre of k-space, rounded, and taken where they were
    measured, are new and lie outside a small block in the middle, until there are $\lceil\rho |\Omega|\rceil + 1$. The
    authors' loop takes that one sample more, too. They are points, though lines were measured.

    Parameters
    ----------
    mask : bool Tensor, broadcastable to (..., ky, kx), at least 2-D
        $\Omega$; of several leading entries (coils) the first counts.
    shape : (ny, nx)
        Size of k-space.
    generator : torch.Generator
    ratio : float
        $\rho = |\Lambda| / |\Omega|$.
    kept : int
        Side of the block that stays in $\Theta$.
    width : float
        The standard deviation is (n - 1) / width along each axis; the authors advise 2 to 4.
    centre : (ky, kx), optional
        By default the middle. The authors take the loudest sample; where that has a say, so has $\Lambda$.

    Returns
    -------
    bool Tensor, shape (ny, nx), on the device of the mask

    Raises
    ------
    ValueError
        More samples than there are outside the block.

    Source: Yaman et al., Magn. Reson. Med. 84:3172, 2020, and the masks of their code.
    """
    ny, nx = shape
    free = pattern_of(mask).cpu().expand(ny, nx).clone()
    n_hidden = math.ceil(ratio * int(free.sum())) + 1
    middle = centre or (ny // 2, nx // 2)
    rows, columns = (slice(max(c - kept // 2, 0), c - kept // 2 + kept) for c in middle)
    free[rows, columns] = False
    if not 0 < ratio < 1 or n_hidden > int(free.sum()):
        raise ValueError(
            f"ratio is {ratio}, {n_hidden} samples of {int(free.sum())} outside the block; expected a number between 0 "
            "and 1, and fewer: lower ratio."
        )
    spread = (torch.tensor([ny, nx]) - 1) / width
    found: dict[int, None] = {}  # keeps the order in which they were drawn
    while len(found) < n_hidden:
        points = torch.randn(4 * n_hidden, 2, generator=generator) * spread + torch.tensor(middle)
        ky, kx = points.round().long().unbind(1)
        inside = (ky >= 0) & (ky < ny) & (kx >= 0) & (kx < nx)
        places = ky[inside] * nx + kx[inside]
        found |= dict.fromkeys(places[free.flatten()[places]].tolist())
    hidden = torch.zeros(ny * nx, dtype=torch.bool)
    hidden[list(found)[:n_hidden]] = True
    return hidden.reshape(ny, nx).to(mask.device)
