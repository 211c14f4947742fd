r"""The forward models of the course: each maps an image to what a scanner measures, $y = A x$.

Every operator has ``forward`` ($A$), ``adjoint`` ($A^H$) and ``normal`` ($A^H A$); `dot_test` checks that the first two
belong together. `SenseOperator` is the work-horse, the others serve the lessons on non-Cartesian sampling and CT.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c, ifft2c, random_complex


class LinearOperator(Protocol):
    """What solvers and tests expect of an operator."""

    def forward(self, image: Tensor) -> Tensor: ...
    def adjoint(self, data: Tensor) -> Tensor: ...
    def normal(self, image: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class SenseOperator:
    r"""Map an image to undersampled multi-coil k-space, $y = A x = M F S x$ [Pruessmann, MRM 1999].

    Parameters
    ----------
    smaps : complex Tensor, shape (..., coils, y, x)
        Coil sensitivity maps $S$, dimensionless; for one uniform coil ``torch.ones(1, ny, nx, dtype=torch.complex64)``.
    mask : bool Tensor, broadcastable to (..., coils, ky, kx)
        Sampling mask $M$; True where a sample was acquired.

    Raises
    ------
    TypeError, ValueError
        For real maps, a mask that is not boolean, or shapes that would broadcast along the wrong axis.
    """

    smaps: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        if not self.smaps.is_complex():
            raise TypeError(f"smaps have dtype {self.smaps.dtype}; expected complex64 or complex128.")
        if self.smaps.ndim < 3:
            raise ValueError(
                f"smaps have shape {tuple(self.smaps.shape)}; expected (coils, y, x). For one coil use smaps[None]."
            )
        if self.mask.dtype != torch.bool:
            raise TypeError(f"mask has dtype {self.mask.dtype}; expected bool, True where sampled. Use mask != 0.")
        if self.mask.ndim < 2:  # with ny == nx a 1-D mask would mask kx and nobody would notice
            raise ValueError(
                f"mask has shape {tuple(self.mask.shape)}; expected (ky, kx) at the end. "
                "For a 1-D phase-encode mask use mask[:, None], shape (ky, 1)."
            )
        for axis in (-2, -1):
            if self.mask.shape[axis] not in (1, self.smaps.shape[axis]):
                raise ValueError(
                    f"mask has shape {tuple(self.mask.shape)}, smaps {tuple(self.smaps.shape)}; "
                    "expected a mask (ky, 1), (1, kx) or (ky, kx) of the same matrix."
                )

    def forward(self, image: Tensor) -> Tensor:
        """Apply A: (..., y, x) -> (..., coils, ky, kx)."""
        return self.mask * fft2c(self.smaps * image.unsqueeze(-3))

    def adjoint(self, kspace: Tensor) -> Tensor:
        """Apply $A^H = S^H F^H M$: (..., coils, ky, kx) -> (..., y, x)."""
        return (self.smaps.conj() * ifft2c(self.mask * kspace)).sum(dim=-3)

    def normal(self, image: Tensor) -> Tensor:
        """Apply $A^H A$: (..., y, x) -> (..., y, x), without a shift and without a full k-space in memory.

        $F^H M F$ is a circular convolution, which commutes with circular shifts, so shifting the mask once replaces
        every shift of the data; an axis that is sampled completely cancels from $F^H F$; and on a CPU a few coils at a
        time stay in the cache.
        """
        smaps, conj_smaps, mask, axes, turned = self._unshifted
        x = (image.mT.contiguous() if turned else image).unsqueeze(-3)
        n_coils, at_once = smaps.shape[-3], smaps.shape[-3]
        if image.device.type == "cpu" and mask.shape[-3] == 1:
            at_once = max(1, 2**17 // x[..., 0, :, :].numel())
        total = None
        for start in range(0, n_coils, at_once):
            coils = slice(start, start + at_once)
            coil_images = torch.fft.fftn(smaps[..., coils, :, :] * x, dim=axes)
            coil_images *= mask
            coil_images = torch.fft.ifftn(coil_images, dim=axes, norm="forward")  # the mask carries the 1 / n
            coil_images *= conj_smaps[..., coils, :, :]
            part = coil_images.squeeze(-3) if at_once == 1 else coil_images.sum(dim=-3)
            total = part if total is None else total.add_(part)
        return total.mT.contiguous() if turned else total

    @cached_property
    def _unshifted(self) -> tuple[Tensor, Tensor, Tensor, tuple[int, ...], bool]:
        """Maps and their conjugates, mask with zero frequency first, axes to transform, whether y and x are swapped."""
        mask = self.mask if self.mask.ndim > 2 else self.mask[None]
        axes = tuple(axis for axis in (-2, -1) if (mask != mask.narrow(axis, 0, 1)).any())
        for axis in {-2, -1} - set(axes):
            mask = mask.narrow(axis, 0, 1)
        axes = axes or (-1,)  # fully sampled: any one axis will do
        mask = torch.fft.ifftshift(mask, dim=axes).to(self.smaps.dtype)  # complex: twice as fast as real times complex
        mask = mask / math.prod(self.smaps.shape[axis] for axis in axes)
        smaps, turned = self.smaps, axes == (-2,)
        if turned:  # phase-encode lines: make ky the contiguous axis
            smaps, mask, axes = smaps.mT.contiguous(), mask.mT.contiguous(), (-1,)
        return smaps, smaps.conj().resolve_conj(), mask, axes, turned


def dot_test(
    A: LinearOperator, image_shape: tuple[int, ...], *, seed: int = 0, dtype: torch.dtype = torch.complex128
) -> float:
    r"""Measure how far ``adjoint`` is from being the adjoint of ``forward``.

    With random $u$, $v$ it is $|\langle A u, v\rangle - \langle u, A^H v\rangle| / (\lVert A u\rVert\lVert v\rVert)$,
    about 1e-16 for an exact pair in complex128, many orders more for a wrong one. Use odd sizes with ny != nx.
    """
    u = random_complex(*image_shape, seed=seed, dtype=dtype)
    Au = A.forward(u)
    v = random_complex(*Au.shape, seed=seed + 1, dtype=Au.dtype)
    mismatch = torch.vdot(Au.flatten(), v.flatten()) - torch.vdot(u.flatten(), A.adjoint(v).flatten())
    return float(mismatch.abs() / (Au.norm() * v.norm()))


def _multiply(matrix: Tensor, rows: Tensor) -> Tensor:
    """Multiply each row vector of a (n, pixels) stack by a sparse real matrix, complex parts side by side."""
    columns = torch.cat([rows.real, rows.imag]) if rows.is_complex() else rows
    product = torch.sparse.mm(matrix.to(columns.dtype), columns.T).T
    return torch.complex(*product.contiguous().chunk(2)) if rows.is_complex() else product
