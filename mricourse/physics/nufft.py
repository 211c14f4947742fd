r"""Non-Cartesian sampling: the image at any point of k-space, and back [Fessler, IEEE TSP 2003]."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_floating, floating
from mricourse.physics.operators import check_constant, check_image


@dataclass(frozen=True, eq=False)
class NufftOperator:
    r"""Map an image to multi-coil samples at arbitrary k-space positions.

    $y_c(k) = \frac{1}{\sqrt{N}} \sum_r S_c(r)\, x(r)\, e^{-2\pi i k\cdot r}$, evaluated by FINUFFT
    [Barnett, SIAM J Sci Comput 2019] to a relative accuracy ``epsilon``, on the CPU (data on a GPU is moved there
    and back). Gradients flow to images, samples and maps, not to the trajectory.

    Parameters
    ----------
    trajectory : Tensor, shape (samples, 2)
        (ky, kx) in cycles per pixel, within [-0.5, 0.5]; without ``requires_grad``.
    smaps : complex Tensor, shape (coils, y, x)
        Coil sensitivity maps $S$, dimensionless. $N$ is the number of pixels.
    """

    trajectory: Tensor
    smaps: Tensor
    epsilon: float = 1e-5
    _plans: dict = field(default_factory=dict, init=False, repr=False)

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
        check_constant("trajectory", self.trajectory)

    def forward(self, image: Tensor) -> Tensor:
        """Apply A: (..., y, x) -> (..., coils, samples)."""
        check_image(image, self.smaps)
        coil_images = self.smaps * floating(image).unsqueeze(-3)
        flat = coil_images.reshape(-1, *self.smaps.shape[-2:])
        return self._execute(2, flat).reshape(*coil_images.shape[:-2], -1)

    def adjoint(self, kspace: Tensor) -> Tensor:
        """Apply $A^H$: (..., coils, samples) -> (..., y, x).

        It is not an inverse: multiply the samples by `density_weights` first.
        """
        if kspace.ndim < 2 or kspace.shape[-2:] != (len(self.smaps), len(self.trajectory)):
            raise ValueError(
                f"kspace has shape {tuple(kspace.shape)}; expected (..., coils, samples), at the end "
                f"{(len(self.smaps), len(self.trajectory))}."
            )
        flat = complex_floating(kspace).reshape(-1, kspace.shape[-1])
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
        """Run type 2 (image to samples) or its adjoint, type 1, on a stack (n, ...), with gradients."""
        return _Nufft.apply(self, kind, data)

    def _run(self, kind: int, data: Tensor) -> Tensor:
        result = self._plan(kind, len(data), data.dtype).execute(
            data.detach().cpu().resolve_conj().contiguous().numpy()
        )
        scale = math.sqrt(self.smaps.shape[-2] * self.smaps.shape[-1])
        shape = (len(data), *(self.smaps.shape[-2:] if kind == 1 else self.trajectory.shape[:1]))
        return torch.from_numpy(result).reshape(shape).to(data.device) / scale

    def _plan(self, kind: int, n_transforms: int, dtype: torch.dtype) -> object:
        """Look a plan up, or make it for the trajectory as it is now: it may have been changed in place."""
        import finufft

        known, plan = self._plans.get((kind, n_transforms, dtype), (None, None))
        if plan is None or not torch.equal(known, self.trajectory):
            single = dtype == torch.complex64
            plan = finufft.Plan(
                kind,
                tuple(self.smaps.shape[-2:]),
                n_trans=n_transforms,
                eps=self.epsilon if single else min(self.epsilon, 1e-12),
                isign=-1 if kind == 2 else 1,
                dtype="complex64" if single else "complex128",
            )
            angles = 2 * math.pi * self.trajectory.to("cpu", torch.float64)
            angles = angles.to(torch.float32 if single else torch.float64)
            plan.setpts(*(angles[:, axis].contiguous().numpy() for axis in range(2)))
            self._plans[kind, n_transforms, dtype] = (self.trajectory.clone(), plan)
        return plan


class _Nufft(torch.autograd.Function):
    """One of two transforms that are each other's adjoint, so that each is the other's gradient."""

    @staticmethod
    def forward(ctx, A: NufftOperator, kind: int, data: Tensor) -> Tensor:
        ctx.A = A
        ctx.kind = kind
        return A._run(kind, data)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[None, None, Tensor]:
        return None, None, _Nufft.apply(ctx.A, 3 - ctx.kind, grad)
