r"""Flip and turn a scan as a whole, so that $y = M F S x$ still holds afterwards.

A network that has seen few heads may see them from several sides. What moves is the whole experiment: the image, the
coils around it, the samples of k-space, and the mask that says which were taken. Nothing is interpolated, so white
noise stays white and every sample keeps its magnitude.

With the origin at index ``n // 2`` an image axis of even size has one pixel more on one side. To flip its array is
therefore a reflection *and* a shift by one pixel, which k-space sees as a phase ramp; odd sizes need none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from mricourse.physics.scan import Scan

AXES = {-2: "y", -1: "x"}


def flipped(scan: Scan, axis: int) -> Scan:
    """Flip a scan along one axis: image, coil maps, k-space and mask move together.

    Phase is kept, not conjugated, in the image and in the maps, so the forward model holds for the result as it did for
    the scan. (Loops that are really built mirrored receive with the conjugate phase: magnetic fields are axial vectors.
    The model knows smooth complex maps only, and cannot tell.) The mask may change, lines k become lines -k: in a batch
    every scan needs its own.

    Parameters
    ----------
    scan : Scan
        Complete or undersampled.
    axis : -2 or -1
        Image axis whose direction is reversed: -2 swaps top and bottom, -1 left and right.

    Returns
    -------
    Scan
        Of the same shape. ``meta["moves"]`` notes the flip, since left and right matter to whoever reads the image;
        tensors of `meta` with the shape of the image, such as a lesion's mask, are flipped too.

    Raises
    ------
    ValueError
        Another axis.
    """
    _check_axis(axis)
    return replace(
        scan,
        kspace=flip_kspace(scan.kspace, axis),
        smaps=None if scan.smaps is None else scan.smaps.flip(axis),
        mask=flip_mask(scan.mask, axis),
        reference=None if scan.reference is None else scan.reference.flip(axis),
        meta=_moved_meta(scan, lambda image: image.flip(axis), f"flipped along {AXES[axis]}"),
    )


def rotated(scan: Scan, quarter_turns: int) -> Scan:
    """Turn a scan counter-clockwise by multiples of 90 degrees: image, coil maps, k-space and mask move together.

    A quarter turn swaps phase encode and readout. A mask of ky lines becomes one of kx columns, shape (1, kx): still a
    consistent measurement, but one that no protocol makes, with ghosts along the readout. For training, turn the fully
    sampled scan and undersample it then: ``rotated(scan, 1).undersample(mask)``. What has a direction on a scanner
    turns too: the chemical shift along the readout, the distortion along the phase encode.

    Parameters
    ----------
    scan : Scan
        Complete or undersampled; (ny, nx) becomes (nx, ny) after an odd number of turns.
    quarter_turns : int
        As the second argument of ``torch.rot90(image, quarter_turns, (-2, -1))``; negative turns clockwise.

    Returns
    -------
    Scan
        ``meta`` as in `flipped`.
    """
    quarter_turns %= 4
    if not quarter_turns:
        return scan
    kspace = scan.kspace
    mask = scan.mask
    if quarter_turns % 2:
        kspace = kspace.mT.contiguous()
        mask = mask.mT.contiguous()
    for axis in ((), (-2,), (-2, -1), (-1,))[quarter_turns]:
        kspace = flip_kspace(kspace, axis)
        mask = flip_mask(mask, axis)

    def turn(image: Tensor) -> Tensor:
        return image.rot90(quarter_turns, (-2, -1))

    return replace(
        scan,
        kspace=kspace,
        smaps=None if scan.smaps is None else turn(scan.smaps),
        mask=mask,
        reference=None if scan.reference is None else turn(scan.reference),
        meta=_moved_meta(scan, turn, f"turned by {90 * quarter_turns} degrees"),
    )


def orientations(scan: Scan, *, quarter_turns: bool = True) -> list[Scan]:
    """Make a scan seen from all sides: the orientations that flips and quarter turns can give.

    Parameters
    ----------
    scan : Scan
        Complete if `quarter_turns` is True; undersample the results.
    quarter_turns : bool
        False keeps phase encode and readout where they are.

    Returns
    -------
    list of Scan
        Eight: turned by 0, 90, 180 and 270 degrees, then the same flipped along x before the turn. Four without
        quarter turns. The first is the scan itself.

    Raises
    ------
    ValueError
        If a scan of undersampled lines should take quarter turns: its ghosts would run along the readout.
    """
    if quarter_turns and _has_lines(scan.mask):
        raise ValueError(
            f"the scan samples lines of k-space, mask of shape {tuple(scan.mask.shape)}, and a quarter turn would move "
            "them to the readout; expected a fully sampled scan: undersample after the turn, or set "
            "quarter_turns=False."
        )
    turns = range(4) if quarter_turns else (0, 2)
    return [rotated(side, n) for side in (scan, flipped(scan, -1)) for n in turns]


def flip_kspace(kspace: Tensor, axis: int) -> Tensor:
    r"""Move k-space as `Tensor.flip` moves the image along one axis: (..., ky, kx) -> (..., ky, kx), exactly.

    $Y'(k) = e^{2\pi i k e / n}\, Y(-k)$ with $e = 1$ for an even number $n$ of samples and 0 for an odd one, and $k$
    counted from the centre. For even $n$ the line $-n/2$ is its own mirror.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Centred; leading axes are free.
    axis : -2 or -1
    """
    _check_axis(axis)
    n = kspace.shape[axis]
    reversed_samples = kspace.index_select(axis, _mirror_index(n, kspace.device))
    if n % 2:
        return reversed_samples
    angle = 2 * math.pi / n * (torch.arange(n, dtype=torch.float64, device=kspace.device) - n // 2)
    ramp = torch.polar(torch.ones_like(angle), angle).to(kspace.dtype)
    return reversed_samples * (ramp[:, None] if axis == -2 else ramp)


def flip_mask(mask: Tensor, axis: int) -> Tensor:
    """Move a mask as `flip_kspace` moves the samples: (..., ky or 1, kx or 1) -> the same shape."""
    _check_axis(axis)
    return mask.index_select(axis, _mirror_index(mask.shape[axis], mask.device))


def _mirror_index(n: int, device: torch.device) -> Tensor:
    """Where frequency -k stands, for the frequencies k in order; -n/2 of an even n stays."""
    return (2 * (n // 2) - torch.arange(n, device=device)) % n


def _has_lines(mask: Tensor) -> bool:
    """Whether something is missing, and the pattern does not change along one of the axes."""
    along_one_axis = (mask == mask[..., :1]).all() or (mask == mask[..., :1, :]).all()
    return not bool(mask.all()) and bool(along_one_axis)


def _moved_meta(scan: Scan, move: Callable[[Tensor], Tensor], words: str) -> dict:
    moved = {
        name: move(value) if isinstance(value, Tensor) and tuple(value.shape) == scan.shape else value
        for name, value in scan.meta.items()
    }
    return moved | {"moves": (*scan.meta.get("moves", ()), words)}


def _check_axis(axis: int) -> None:
    if axis not in AXES:
        raise ValueError(f"axis is {axis!r}; expected -2 (y) or -1 (x), counted from the end.")
