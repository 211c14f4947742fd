r"""The forward models of the course: each maps an image to what a scanner measures, $y = A x$.

Every operator has ``forward`` ($A$), ``adjoint`` ($A^H$) and ``normal`` ($A^H A$); `dot_test` checks that the first two
belong together. `SenseOperator` is the work-horse, the others serve the lessons on non-Cartesian sampling and CT.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from mricourse.fourier import fft2c, ifft2c, random_complex


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


@dataclass(frozen=True, eq=False)
class NufftOperator:
    r"""Map an image to multi-coil samples at arbitrary k-space positions.

    $y_c(k) = \frac{1}{\sqrt{N}} \sum_r S_c(r)\, x(r)\, e^{-2\pi i k\cdot r}$, evaluated by FINUFFT
    [Barnett, SIAM J Sci Comput 2019] to a relative accuracy ``epsilon``, on the CPU (data on a GPU is moved there
    and back). Gradients do not flow through it.

    Parameters
    ----------
    trajectory : Tensor, shape (samples, 2)
        (ky, kx) in cycles per pixel, within [-0.5, 0.5].
    smaps : complex Tensor, shape (coils, y, x)
        Coil sensitivity maps $S$, dimensionless. $N$ is the number of pixels.
    """

    trajectory: Tensor
    smaps: Tensor
    epsilon: float = 1e-5
    _plans: dict = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.trajectory.ndim != 2 or self.trajectory.shape[1] != 2:
            raise ValueError(
                f"trajectory has shape {tuple(self.trajectory.shape)}; expected (samples, 2), columns ky and kx."
            )
        if not self.trajectory.abs().max() <= 0.5:
            raise ValueError(
                f"trajectory reaches {float(self.trajectory.abs().max()):.3g}; "
                "expected cycles per pixel within [-0.5, 0.5]."
            )
        if self.smaps.ndim != 3 or not self.smaps.is_complex():
            raise ValueError(
                f"smaps have shape {tuple(self.smaps.shape)}, {self.smaps.dtype}; expected complex (coils, y, x)."
            )

    def forward(self, image: Tensor) -> Tensor:
        """Apply A: (..., y, x) -> (..., coils, samples)."""
        coil_images = self.smaps * image.unsqueeze(-3)
        flat = coil_images.reshape(-1, *self.smaps.shape[-2:])
        return self._execute(2, flat).reshape(*coil_images.shape[:-2], -1)

    def adjoint(self, kspace: Tensor) -> Tensor:
        """Apply $A^H$: (..., coils, samples) -> (..., y, x).

        It is not an inverse: multiply the samples by `density_weights` first.
        """
        flat = kspace.reshape(-1, kspace.shape[-1])
        coil_images = self._execute(1, flat).reshape(*kspace.shape[:-1], *self.smaps.shape[-2:])
        return (self.smaps.conj() * coil_images).sum(dim=-3)

    def normal(self, image: Tensor) -> Tensor:
        """Apply $A^H A$: (..., y, x) -> (..., y, x)."""
        return self.adjoint(self.forward(image))

    def density_weights(self, *, n_iterations: int = 8) -> Tensor:
        r"""Find positive weights (samples,) that bring $A^H W A$ close to the identity for one uniform coil.

        A fixed-point iteration divides the weights by their convolution over k-space [Pipe, MRM 1999]. The kernel is
        the squared transform of the field of view, positive as convergence needs: in image space a triangle over
        twice the field.
        """
        ny, nx = self.smaps.shape[-2:]
        triangle = [1 - (torch.arange(2 * n) - n).abs() / n for n in (ny, nx)]
        window = 4 * triangle[0][:, None] * triangle[1]  # 4: the transforms are orthonormal on the doubled grid
        doubled = NufftOperator(self.trajectory, torch.ones(1, 2 * ny, 2 * nx, dtype=torch.complex64))
        weights = torch.ones(1, len(self.trajectory), dtype=torch.complex64)
        for _ in range(n_iterations):
            density = doubled._execute(2, window * doubled._execute(1, weights)).real
            weights = weights / density.clamp_min(1e-12)
        return weights[0].real.to(self.smaps.device, self.smaps.real.dtype)

    def _execute(self, kind: int, data: Tensor) -> Tensor:
        """Run type 2 (image to samples) or its adjoint, type 1, on a stack (n, ...)."""
        import finufft

        key = (kind, len(data), data.dtype)
        if key not in self._plans:
            name, real = (
                ("complex64", torch.float32) if data.dtype == torch.complex64 else ("complex128", torch.float64)
            )
            epsilon = self.epsilon if name == "complex64" else min(self.epsilon, 1e-12)
            sign = -1 if kind == 2 else 1
            plan = finufft.Plan(
                kind, tuple(self.smaps.shape[-2:]), n_trans=len(data), eps=epsilon, isign=sign, dtype=name
            )
            angles = (2 * math.pi * self.trajectory.to("cpu", torch.float64)).to(real)
            plan.setpts(*(angles[:, axis].contiguous().numpy() for axis in range(2)))
            self._plans[key] = plan
        result = self._plans[key].execute(data.detach().cpu().resolve_conj().contiguous().numpy())
        scale = math.sqrt(self.smaps.shape[-2] * self.smaps.shape[-1])
        shape = (len(data), *(self.smaps.shape[-2:] if kind == 1 else self.trajectory.shape[:1]))
        return torch.from_numpy(result).reshape(shape).to(data.device) / scale


@dataclass(frozen=True, eq=False)
class RadonOperator:
    r"""Map an image to its parallel-beam projections, the forward model of CT: line integrals along each view angle.

    Each pixel is dropped onto the detector with linear interpolation, so that the adjoint (back-projection) is the
    exact transpose of one sparse matrix.

    Parameters
    ----------
    angles_rad : Tensor, shape (views,)
        View angles in radians; 0 projects along y.
    shape : (ny, nx)
        Image size in pixels. The detector has as many bins of one pixel as the diagonal is long.
    """

    angles_rad: Tensor
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if self.angles_rad.ndim != 1 or len(self.angles_rad) == 0:
            raise ValueError(f"angles_rad has shape {tuple(self.angles_rad.shape)}; expected (views,), at least one.")
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise ValueError(f"shape is {self.shape}; expected (ny, nx).")

    @property
    def n_detectors(self) -> int:
        """Number of detector bins, the image diagonal rounded up to an odd number."""
        return 2 * math.ceil(math.hypot(*self.shape) / 2) + 3

    def forward(self, image: Tensor) -> Tensor:
        """Apply A: (..., y, x) -> (..., views, detectors), in image units times pixels."""
        projections = _multiply(self._matrix, image.reshape(-1, math.prod(self.shape)))
        return projections.reshape(*image.shape[:-2], len(self.angles_rad), self.n_detectors)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Apply $A^T$, unfiltered back-projection: (..., views, detectors) -> (..., y, x)."""
        flat = sinogram.reshape(-1, len(self.angles_rad) * self.n_detectors)
        return _multiply(self._matrix.t(), flat).reshape(*sinogram.shape[:-2], *self.shape)

    def normal(self, image: Tensor) -> Tensor:
        """Apply $A^T A$: (..., y, x) -> (..., y, x)."""
        return self.adjoint(self.forward(image))

    @cached_property
    def _matrix(self) -> Tensor:
        y, x = (torch.arange(n, dtype=torch.float64) - n // 2 for n in self.shape)
        angles = self.angles_rad.to("cpu", torch.float64)[:, None, None]
        position = x * torch.cos(angles) + y[:, None] * torch.sin(angles) + self.n_detectors // 2
        left = position.floor()
        fraction = (position - left).flatten()
        views = torch.arange(len(self.angles_rad))[:, None, None] * self.n_detectors
        rows = (left.long() + views).flatten()
        columns = torch.arange(math.prod(self.shape)).repeat(len(self.angles_rad))
        indices = torch.stack([torch.cat([rows, rows + 1]), torch.cat([columns, columns])])
        size = (len(self.angles_rad) * self.n_detectors, math.prod(self.shape))
        weights = torch.cat([1 - fraction, fraction])
        matrix = torch.sparse_coo_tensor(indices, weights, size, check_invariants=True)
        return matrix.coalesce().to(self.angles_rad.device)


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
