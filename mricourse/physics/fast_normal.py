"""The normal operator of Cartesian SENSE in the form that computers like; `SenseOperator` has the equation."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class FastNormal:
    r"""$A^H A$ without a shift and without a full k-space in memory.

    $F^H M F$ is a circular convolution, which commutes with circular shifts, so shifting the mask once replaces every
    shift of the data; an axis that is sampled completely cancels from $F^H F$; and on a CPU a few coils at a time stay
    in the cache.

    Maps and mask are kept in the form that this needs. Both may be changed in place afterwards, as an optimiser changes
    maps that it learns; `holds_for` tells.
    """

    def __init__(self, smaps: Tensor, mask: Tensor) -> None:
        self.source = _Snapshot(smaps), _Snapshot(mask)
        mask = mask if mask.ndim > 2 else mask[None]
        axes = tuple(axis for axis in (-2, -1) if (mask != mask.narrow(axis, 0, 1)).any())
        for axis in {-2, -1} - set(axes):
            mask = mask.narrow(axis, 0, 1)
        axes = axes or (-1,)  # fully sampled: any one axis will do
        mask = torch.fft.ifftshift(mask, dim=axes).to(smaps.dtype)  # complex: twice as fast as real times complex
        mask = mask / math.prod(smaps.shape[axis] for axis in axes)
        self.turned = axes == (-2,)  # phase-encode lines: make ky the contiguous axis
        if self.turned:
            smaps = smaps.mT
            mask = mask.mT
            axes = (-1,)
        self.axes = axes
        self.mask = mask.contiguous()
        self.smaps = smaps.contiguous()
        self.conj_smaps = self.smaps.conj().resolve_conj()

    def holds_for(self, smaps: Tensor, mask: Tensor) -> bool:
        """Whether maps and mask are what they were when this was made."""
        return all(old.matches(new) for old, new in zip(self.source, (smaps, mask), strict=True))

    def apply(self, image: Tensor) -> Tensor:
        """Apply $A^H A$: (..., y, x) -> (..., y, x)."""
        x = (image.mT.contiguous() if self.turned else image).unsqueeze(-3)
        n_coils = self.smaps.shape[-3]
        at_once = n_coils
        if image.device.type == "cpu" and self.mask.shape[-3] == 1:
            at_once = max(1, 2**17 // x[..., 0, :, :].numel())
        total = None
        for start in range(0, n_coils, at_once):
            coils = slice(start, start + at_once)
            coil_images = torch.fft.fftn(self.smaps[..., coils, :, :] * x, dim=self.axes)
            coil_images *= self.mask
            coil_images = torch.fft.ifftn(coil_images, dim=self.axes, norm="forward")  # the mask carries the 1 / n
            coil_images *= self.conj_smaps[..., coils, :, :]
            part = coil_images.squeeze(-3) if at_once == 1 else coil_images.sum(dim=-3)
            total = part if total is None else total.add_(part)
        return total.mT.contiguous() if self.turned else total


class _Snapshot:
    """What a tensor was like, to notice when it was written to.

    Every write by torch raises the tensor's version. One behind its back, through ``.data`` or through the memory that
    NumPy shares with it, does not, so a few hundred of the values are compared too.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.identity = id(tensor)
        self.version = _version(tensor)
        self.sample = _sample(tensor).clone()

    def matches(self, tensor: Tensor) -> bool:
        """Whether it is the same tensor, and unchanged as far as one can see."""
        same = self.identity == id(tensor) and self.version == _version(tensor)
        return same and torch.equal(self.sample, _sample(tensor))


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version  # torch counts no writes to inference tensors


def _sample(tensor: Tensor) -> Tensor:
    """Every 29th row and column, the centre among them."""
    first_row, first_column = (n // 2 % 29 for n in tensor.shape[-2:])
    return tensor.detach()[..., first_row::29, first_column::29]
