r"""A diffusion prior: one denoiser for all noise levels [Karras et al., NeurIPS 2022, arXiv:2206.00364].

$D(x; \sigma)$ is trained to give the mean of all images that may lie under a noisy one. From it follows the score of
the noisy images, $\nabla \log p_\sigma(x) = (D(x; \sigma) - x)/\sigma^2$ [Robbins 1956; Vincent, Neural Comput. 2011],
and with that the way from noise back to an image that the training could have drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mricourse.networks.channels import to_channels, to_image
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.image_domain import brightness, smooth_phase
from mricourse.networks.option_checks import check_counts, check_positive
from mricourse.networks.reconstructor import Reconstructor
from mricourse.networks.unet import UNet
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace, direct_solver
from mricourse.reconstruct.posterior_sampling import INNER_STEPS, LEAST_WEIGHT, TurnTrace, posterior_samples

LEAST_NOISE = 1e-3  # of the brightest pixel; what is taken where a scan seems to have less


class DiffusionPrior(nn.Module, Reconstructor):
    r"""Know what images look like at every noise level, and nothing of how they are measured.

    The U-Net $F$ sees the noisy image at unit variance and a map of $\frac14 \ln \sigma$, and

    $$D(x; \sigma) = c_\mathrm{skip}\, x + c_\mathrm{out}\, F(c_\mathrm{in}\, x, \tfrac14 \ln \sigma),$$

    with $c_\mathrm{skip} = s^2/(\sigma^2 + s^2)$, $c_\mathrm{out} = \sigma s/\sqrt{\sigma^2 + s^2}$ and
    $c_\mathrm{in} = 1/\sqrt{\sigma^2 + s^2}$, where $s$ is the spread of the images: with little noise the image is
    kept, with much of it the network speaks alone. Images have a `brightness` of 1, and the smooth phase of the
    zero-filled image is turned away; what is left of the phase is part of the prior. The paper's network has attention
    and 50 to 300 million weights.

    Parameters
    ----------
    n_features, n_levels : int
        As in `UNet`.
    spread : float
        $s$, root mean square of real and imaginary parts.
    noise_max : float
        The largest $\sigma$ on the way from noise to an image.
    n_iterations : int
        Noise levels on that way.

    Raises
    ------
    ValueError
        A number out of range.
    """

    def __init__(
        self,
        *,
        n_features: int = 16,
        n_levels: int = 3,
        spread: float = 0.33,
        noise_max: float = 2.0,
        n_iterations: int = 30,
    ) -> None:
        super().__init__()
        check_counts(n_features=n_features, n_levels=n_levels, n_iterations=n_iterations)
        check_positive(spread=spread, noise_max=noise_max)
        self.unet = UNet(n_in=3, n_out=2, n_features=n_features, n_levels=n_levels, norm="none", bias="all")
        self.multiple = 2**n_levels
        self.spread = spread
        self.n_iterations = n_iterations
        self.noise_max = noise_max

    def denoise(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        r"""Give the mean of the images under a noisy one, $D(x; \sigma)$.

        Parameters
        ----------
        noisy : complex Tensor, shape (..., y, x)
            At a brightness of 1, with white noise.
        sigma : float, or Tensor of shape (..., 1, 1)
            Its standard deviation per real and imaginary part.

        Returns
        -------
        complex Tensor, shape (..., y, x)
        """
        sigma = torch.as_tensor(sigma, dtype=noisy.real.dtype, device=noisy.device)
        total = (sigma.square() + self.spread**2).sqrt()
        channels = to_channels(noisy / total, (sigma.log() / 4).expand(noisy.shape[:-2] + (1, 1)))
        change = to_image(self._at_any_size(channels), noisy)
        return (self.spread / total).square() * noisy + sigma * self.spread / total * change

    def _at_any_size(self, channels: Tensor) -> Tensor:
        """Apply the U-Net, which halves the image several times, and cut off what was added to that end."""
        ny, nx = channels.shape[-2:]
        more = [-n % self.multiple for n in (nx, ny)]
        return self.unet(functional.pad(channels, (0, more[0], 0, more[1])))[..., :ny, :nx]

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        r"""Reconstruct without drawing anything: kspace (..., coils, ky, kx) -> image (..., y, x), in the data's units.

        Plug-and-play along the falling noise levels [Zhang et al., PAMI 2022, arXiv:2008.13751]: denoise, return to
        the data with $\lambda = (\sigma_n/\sigma)^2$. The result is one likely image, neither the mean nor a sample.
        """
        seen, scale, phase, noise_std = self.view(A, kspace)
        zero_filled = seen.adjoint(kspace / scale.unsqueeze(-3))
        image = zero_filled
        for step in range(self.n_iterations):
            share = step / max(self.n_iterations - 1, 1)
            sigma = self.noise_max ** (1 - share) * noise_std**share
            weight = (noise_std / sigma).square().clamp_min(LEAST_WEIGHT)
            solver = direct_solver(seen, weight)
            image = data_consistency(seen, zero_filled, self.denoise(image, sigma), weight, solver=solver)
            if trace is not None:
                trace(_in_units(image * phase, scale))
        return _in_units(image * phase, scale)

    def view(self, A: SenseOperator, kspace: Tensor) -> tuple[SenseOperator, Tensor, Tensor, Tensor]:
        """Say how the prior sees a scan.

        Parameters
        ----------
        A : SenseOperator
        kspace : complex Tensor, shape (..., coils, ky, kx)

        Returns
        -------
        A : SenseOperator
            Of images without their smooth phase, which the maps take.
        scale : Tensor, shape (..., 1, 1)
            The `brightness` of the zero-filled image.
        phase : complex Tensor, shape (..., y, x)
        noise_std : Tensor, shape (..., 1, 1)
            Per real and imaginary part in k-space, where the scale is 1.
        """
        zero_filled = A.adjoint(kspace)
        scale, phase = brightness(zero_filled), smooth_phase(zero_filled)
        noise_std = (noise_level(kspace, A.mask) / scale).clamp_min(LEAST_NOISE)
        return SenseOperator(A.smaps * phase.unsqueeze(-3), A.mask), scale, phase, noise_std

    @torch.no_grad()
    def samples(
        self,
        A: SenseOperator,
        kspace: Tensor,
        n_samples: int,
        *,
        noise_std: float | None = None,
        n_levels: int | None = None,
        n_steps: int = INNER_STEPS,
        seed: int = 0,
        trace: TurnTrace | None = None,
    ) -> Tensor:
        r"""Draw images of one scan that agree with its data and with the prior, by `posterior_samples`.

        Parameters
        ----------
        A : SenseOperator
            Of one scan.
        kspace : complex Tensor, shape (coils, ky, kx)
        n_samples : int
        noise_std : float, optional
            Per real and imaginary part, in the units of the data; by default as `noise_level` measures it.
        n_levels, n_steps : int, optional
            As in `posterior_samples`, by default the network's own number of levels.
        seed : int
        trace : callable, optional
            As in `posterior_samples`: with $\rho$ at a brightness of 1, and both images in the units of the data.

        Returns
        -------
        complex Tensor, shape (n_samples, y, x)
            In the units of the data.
        """
        seen, scale, phase, measured = self.view(A, kspace)

        def in_units(image: Tensor) -> Tensor:
            return _in_units(image * phase, scale)

        std = float(measured if noise_std is None else noise_std / scale)
        drawn = posterior_samples(
            self.denoise,
            seen,
            kspace / scale,
            noise_std=std,
            n_samples=n_samples,
            noise_max=self.noise_max,
            n_levels=self.n_iterations if n_levels is None else n_levels,
            n_steps=n_steps,
            seed=seed,
            trace=None if trace is None else lambda rho, *images: trace(rho, *(in_units(each) for each in images)),
        )
        return in_units(drawn)


def _in_units(image: Tensor, scale: Tensor) -> Tensor:
    """Give an image the scale of its data, and none where there are none."""
    return torch.where(scale > torch.finfo(scale.dtype).tiny, image * scale, 0)
