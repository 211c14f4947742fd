r"""Non-Cartesian sampling: the image at any point of k-space, and back [Fessler, IEEE TSP 2003]."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_floating, floating
from mricourse.physics.operators import check_constant, check_image
from mricourse.physics.toeplitz_normal import embedding_shape, kernel_spectrum, toeplitz_product


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
    epsilon : float
        Relative accuracy of `forward` and `adjoint` in single precision; in double they have 1e-12 or better.

    Raises
    ------
    ValueError
        For shapes that do not fit, positions outside of k-space, an accuracy that is none, or a trajectory that asks
        for a gradient.
    """

    trajectory: Tensor
    smaps: Tensor
    epsilon: float = 1e-5
    _plans: dict = field(default_factory=dict, init=False, repr=False)
    _spectra: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.trajectory.ndim != 2 or self.trajectory.shape[1] != 2 or len(self.trajectory) == 0:
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
        if not 0 < self.epsilon < 1:
            raise ValueError(f"epsilon is {self.epsilon}; expected a relative accuracy above 0 and below 1, as 1e-5.")
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

    def plain_normal(self, image: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """Apply $A^H W A$ as the equation reads: (..., y, x) -> (..., y, x); `normal` has the arguments."""
        self._check_weights(weights)
        samples = self.forward(image)
        if weights is not None:
            samples = weights.to(samples.device, samples.real.dtype) * samples
        return self.adjoint(samples)

    def normal(self, image: Tensor, *, weights: Tensor | None = None) -> Tensor:
        r"""Apply $A^H A$, or $A^H W A$: (..., y, x) -> (..., y, x), by two FFTs for each coil and no gridding.

        $A^H W A$ is a convolution between the maps [Wajer, ISMRM 2001, p. 767; Fessler, IEEE TSP 2005], as
        `mricourse.physics.toeplitz_normal` says. Its kernel is computed at the first call, to 1e-12 whatever
        ``epsilon`` is, and kept. So the result is wrong by about 1e-7 in single precision, 1e-12 in double, relative
        to its norm, and differs from `plain_normal` by the error of that one. Behind the kernel everything runs where
        the image and the maps are, also on a GPU. Gradients flow to images, maps and weights.

        It keeps $4N$ real numbers, 1 MiB for 256 x 256 in single precision, and works on $12N$ complex ones, 6 MiB, for
        each image and coil: one coil at a time on the CPU, all elsewhere. The first call takes $30N$ complex numbers
        of double precision once, 30 MiB.

        Parameters
        ----------
        image : Tensor, shape (..., y, x)
        weights : real Tensor, shape (samples,), optional
            $W$: 0 or more for each sample, of `density_weights` for instance; False and True leave out and keep. The
            data then go with them, ``A.adjoint(weights * kspace)``.

        Returns
        -------
        complex Tensor, shape (..., y, x), in the units of the image, times those of the weights.

        Raises
        ------
        TypeError, ValueError
            For complex weights, weights that are negative or not finite, and shapes that do not fit.
        """
        check_image(image, self.smaps)
        self._check_weights(weights)
        image = floating(image)
        dtype = torch.promote_types(self.smaps.dtype, image.dtype).to_real()
        return toeplitz_product(self._spectrum(weights, dtype, image.device), self.smaps, image)

    def _check_weights(self, weights: Tensor | None) -> None:
        if weights is None:
            return
        if weights.is_complex():
            raise TypeError(f"weights have dtype {weights.dtype}; expected real numbers, one for each sample.")
        if weights.shape != self.trajectory.shape[:1]:  # one for each coil would be broadcast
            raise ValueError(
                f"weights have shape {tuple(weights.shape)}; expected one for each sample, ({len(self.trajectory)},)."
            )
        if not ((weights >= 0) & torch.isfinite(weights)).all():
            raise ValueError("weights are negative or not finite; expected 0 or more for each sample.")

    def _spectrum(self, weights: Tensor | None, dtype: torch.dtype, device: torch.device) -> Tensor:
        """Look the spectrum of the kernel up, or compute it for trajectory and weights as they are now."""
        if weights is not None and weights.requires_grad and torch.is_grad_enabled():
            return self._make_spectrum(weights).to(device, dtype)  # its gradient needs a graph of its own
        key = weights is None, dtype, device
        known, known_weights, spectrum = self._spectra.get(key, (None, None, None))
        changed = spectrum is None or not torch.equal(known, self.trajectory)
        if changed or (weights is not None and not _equal(known_weights, weights)):
            with torch.inference_mode(False), torch.no_grad():
                spectrum = self._make_spectrum(weights).to(device, dtype)
                kept_weights = None if weights is None else weights.clone()
                self._spectra[key] = (self.trajectory.clone(), kept_weights, spectrum)
        return spectrum

    def _make_spectrum(self, weights: Tensor | None) -> Tensor:
        """Evaluate the kernel: the adjoint of the weights, on a grid that holds every difference of two pixels."""
        shape = self.smaps.shape[-2:]
        grid = embedding_shape(shape)
        differences = NufftOperator(self.trajectory, torch.ones(1, 1, 1, dtype=torch.complex128).expand(1, *grid))
        if weights is None:
            weights = torch.ones(len(self.trajectory))
        kernel = differences._execute(1, weights.to("cpu", torch.complex128)[None])[0]
        return kernel_spectrum(kernel * (math.sqrt(math.prod(grid)) / math.prod(shape)))

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


def _equal(known: Tensor, values: Tensor) -> bool:
    return known.dtype == values.dtype and known.device == values.device and torch.equal(known, values)


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
