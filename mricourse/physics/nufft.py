r"""Non-Cartesian sampling: the image at any point of k-space, and back [Fessler, IEEE TSP 2003]."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


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
