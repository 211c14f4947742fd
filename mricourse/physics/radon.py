r"""The Radon transform of computed tomography: sums along lines, and back."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mricourse.physics.fourier import floating
from mricourse.physics.operators import check_constant


@dataclass(frozen=True, eq=False)
class RadonOperator:
    r"""Map an image to its parallel-beam projections, the forward model of CT: line integrals along each view angle.

    Each pixel is dropped onto the detector with linear interpolation, so that the adjoint (back-projection) is the
    exact transpose of one sparse matrix.

    Parameters
    ----------
    angles_rad : Tensor, shape (views,)
        View angles in radians, without ``requires_grad``; 0 projects along y.
    shape : (ny, nx)
        Image size in pixels. The detector has as many bins of one pixel as the diagonal is long.
    """

    angles_rad: Tensor
    shape: tuple[int, int]
    _found: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.angles_rad.ndim != 1 or len(self.angles_rad) == 0:
            raise ValueError(f"angles_rad has shape {tuple(self.angles_rad.shape)}; expected (views,), at least one.")
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise ValueError(f"shape is {self.shape}; expected (ny, nx).")
        check_constant("angles_rad", self.angles_rad)

    @property
    def n_detectors(self) -> int:
        """Number of detector bins, the image diagonal rounded up to an odd number."""
        return 2 * math.ceil(math.hypot(*self.shape) / 2) + 3

    def forward(self, image: Tensor) -> Tensor:
        """Apply A: (..., y, x) -> (..., views, detectors), in image units times pixels."""
        if image.shape[-2:] != tuple(self.shape):
            raise ValueError(
                f"image has shape {tuple(image.shape)}; expected (..., y, x) of {tuple(self.shape)} pixels."
            )
        projections = _multiply(self._matrix, image.reshape(-1, math.prod(self.shape)))
        return projections.reshape(*image.shape[:-2], len(self.angles_rad), self.n_detectors)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Apply $A^T$, unfiltered back-projection: (..., views, detectors) -> (..., y, x)."""
        if sinogram.shape[-2:] != (len(self.angles_rad), self.n_detectors):
            raise ValueError(
                f"sinogram has shape {tuple(sinogram.shape)}; expected (..., views, detectors), at the end "
                f"{(len(self.angles_rad), self.n_detectors)}."
            )
        flat = sinogram.reshape(-1, len(self.angles_rad) * self.n_detectors)
        return _multiply(self._matrix.t(), flat).reshape(*sinogram.shape[:-2], *self.shape)

    def normal(self, image: Tensor) -> Tensor:
        """Apply $A^T A$: (..., y, x) -> (..., y, x)."""
        return self.adjoint(self.forward(image))

    @property
    def _matrix(self) -> Tensor:
        """The matrix of the angles as they are now: they may have been changed in place."""
        known, matrix = self._found.get("matrix", (None, None))
        if matrix is None or not torch.equal(known, self.angles_rad):
            matrix = self._make_matrix()
            self._found["matrix"] = (self.angles_rad.clone(), matrix)
        return matrix

    def _make_matrix(self) -> Tensor:
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


def _multiply(matrix: Tensor, rows: Tensor) -> Tensor:
    """Multiply each row vector of a (n, pixels) stack by a sparse real matrix, complex parts side by side."""
    rows = floating(rows)
    columns = torch.cat([rows.real, rows.imag]) if rows.is_complex() else rows
    product = torch.sparse.mm(matrix.to(columns.dtype), columns.T).T
    return torch.complex(*product.contiguous().chunk(2)) if rows.is_complex() else product
