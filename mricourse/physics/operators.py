r"""The forward models of the course: each maps an image to what a scanner measures, $y = A x$.

Every operator has ``forward`` ($A$), ``adjoint`` ($A^H$) and ``normal`` ($A^H A$); `dot_test` checks that the first two
belong together. `SenseOperator` is the work-horse; `NufftOperator` and `RadonOperator` have files of their own.
"""

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from mricourse.physics.fast_normal import FastNormal
from mricourse.physics.fourier import fft2c, floating, ifft2c, random_complex


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
        Sampling mask $M$; True where a sample was acquired. It is moved to the device of the maps.

    Raises
    ------
    TypeError, ValueError
        For real maps, a mask that is not boolean, or shapes that would broadcast along the wrong axis.
    """

    smaps: Tensor
    mask: Tensor
    _fast: list = field(default_factory=list, init=False, repr=False)

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
        object.__setattr__(self, "mask", self.mask.to(self.smaps.device))

    def forward(self, image: Tensor) -> Tensor:
        """Apply A: (..., y, x) -> (..., coils, ky, kx)."""
        check_image(image, self.smaps)
        return self.mask * fft2c(self.smaps * floating(image).unsqueeze(-3))

    def adjoint(self, kspace: Tensor) -> Tensor:
        """Apply $A^H = S^H F^H M$: (..., coils, ky, kx) -> (..., y, x)."""
        _check_kspace(kspace, self.smaps)
        return (self.smaps.conj() * ifft2c(self.mask * floating(kspace))).sum(dim=-3)

    def plain_normal(self, image: Tensor) -> Tensor:
        """Apply $A^H A = S^H F^H M F S$ as the equation reads: (..., y, x) -> (..., y, x)."""
        return self.adjoint(self.forward(image))

    def normal(self, image: Tensor) -> Tensor:
        """Apply $A^H A$: (..., y, x) -> (..., y, x), as `plain_normal` does, several times as fast (`FastNormal`)."""
        check_image(image, self.smaps)
        image = floating(image)
        if torch.is_grad_enabled() and self.smaps.requires_grad:  # the maps' gradient needs a graph of its own
            return FastNormal(self.smaps, self.mask).apply(image)
        if not self._fast or not self._fast[0].holds_for(self.smaps, self.mask):
            with torch.inference_mode(False), torch.no_grad():
                self._fast[:] = [FastNormal(self.smaps, self.mask)]
        return self._fast[0].apply(image)


def check_image(image: Tensor, smaps: Tensor) -> None:
    if image.shape[-2:] != smaps.shape[-2:]:  # one row or column would be broadcast
        raise ValueError(
            f"image has shape {tuple(image.shape)}; expected (..., y, x) of the maps' size {tuple(smaps.shape[-2:])}."
        )


def _check_kspace(kspace: Tensor, smaps: Tensor) -> None:
    if kspace.ndim < 3 or kspace.shape[-3:] != smaps.shape[-3:]:  # one coil would be broadcast
        raise ValueError(
            f"kspace has shape {tuple(kspace.shape)}; expected (..., coils, ky, kx) of as many coils and the size of "
            f"the maps, {tuple(smaps.shape[-3:])}."
        )


def check_constant(name: str, value: Tensor) -> None:
    if value.requires_grad:
        raise ValueError(f"{name} requires a gradient, which the operator does not have; expected {name}.detach().")


def dot_test(
    A: LinearOperator,
    image_shape: tuple[int, ...],
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.complex128,
    device: torch.device | str = "cpu",
) -> float:
    r"""Measure how far ``adjoint`` is from being the adjoint of ``forward``.

    With random $u$, $v$ it is $|\langle A u, v\rangle - \langle u, A^H v\rangle| / (\lVert A u\rVert\lVert v\rVert)$,
    about 1e-16 for an exact pair in complex128, many orders more for a wrong one. Use odd sizes with ny != nx.
    The vectors are drawn on the CPU and moved to `device`, which should be that of the operator.
    """
    u = random_complex(*image_shape, seed=seed, dtype=dtype).to(device)
    Au = A.forward(u)
    v = random_complex(*Au.shape, seed=seed + 1, dtype=Au.dtype).to(device)
    mismatch = torch.vdot(Au.flatten(), v.flatten()) - torch.vdot(u.flatten(), A.adjoint(v).flatten())
    return float(mismatch.abs() / (Au.norm() * v.norm()))
