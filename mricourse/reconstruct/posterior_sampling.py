r"""Images that agree with the data and with a prior: samples of the posterior, by a denoiser for all noise levels.

Split Gibbs sampling along falling noise levels [Wu et al., NeurIPS 2024, arXiv:2405.18782; Xu, Chi, 2024,
arXiv:2403.17042]. At each level $\rho$ two draws take turns:

1. the data: $z$ given the image $x$ and $y$. Its density $\propto \exp(-\lVert A z - y\rVert^2 / 2\sigma_n^2 -
   \lVert z - x\rVert^2 / 2\rho^2)$ is a Gaussian, which MoDL's data consistency draws from once noise is added to $y$
   and $x$ [Orieux et al., IEEE SPL 2012];
2. the prior: an image $x$ that may lie under $z$, taken for an image with white noise $\rho$. The denoiser leads there
   in steps from $\rho$ down to zero, `image_under`.

At a fixed $\rho$ the two draw, after many turns, from the posterior with the noise $\sqrt{\sigma_n^2 + \rho^2}$ in the
place of $\sigma_n$ (where $A A^H = 1$). Well below $\sigma_n$ a turn moves the measured samples hardly any more: there
is no need for levels under a fifth of $\sigma_n$.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import regularised_solver

TurnTrace = Callable[[float, Tensor, Tensor], None]  # called with rho, z and the image, after every turn
NoiseDenoiser = Callable[[Tensor, float], Tensor]  # of images (..., y, x) and the noise in them
INNER_STEPS = 6  # from a noise level to an image
LAST = 0.05  # of the noise level: where the way down ends
LEAST_LEVEL = 0.2  # of the noise of the data
LEAST_WEIGHT = 1e-5  # of the prior in the step to the data, which single precision bears


def noise_ladder(most: float, least: float, n: int) -> list[float]:
    """Give n noise levels from the most down to the least, each smaller than the one before by the same factor.

    Raises
    ------
    ValueError
        Levels that are not above 0 or do not fall, or fewer than 1 of them.
    """
    if not 0 < least <= most < math.inf or n < 1:
        raise ValueError(f"got most={most}, least={least} and n={n}; expected 0 < least <= most, and 1 level or more.")
    return [most * (least / most) ** (k / max(n - 1, 1)) for k in range(n)]


@torch.no_grad()
def image_under(
    denoise: NoiseDenoiser, noisy: Tensor, sigma: float, generator: torch.Generator, *, n_steps: int = INNER_STEPS
) -> Tensor:
    r"""Draw an image that may lie under a noisy one, in steps from $\sigma$ down to zero.

    A step from $t$ to $t' < t$ keeps a part of the noise and adds new,
    $x \leftarrow d + (t'/t)^2 (x - d) + t' \sqrt{1 - (t'/t)^2}\,\epsilon$. With $d = D(x; t)$ that is the step of DDPM;
    a few of them leave images too much alike. So $d$ is led on along the line from the denoised image of the step
    before, which makes the method one of second order [SDE-DPM-Solver++(2M): Lu et al., 2022, arXiv:2211.01095].

    Parameters
    ----------
    denoise : callable
        $D(x; t)$, the mean of the images under $x$.
    noisy : complex Tensor, shape (..., y, x)
        An image with white noise.
    sigma : float
        Its standard deviation per real and imaginary part.
    generator : torch.Generator
    n_steps : int
        Denoisings. The last one is the result.

    Returns
    -------
    complex Tensor, shape (..., y, x)
    """
    image = noisy
    times = _times(sigma, n_steps)
    before, step_before = None, 1.0
    for t, lower in zip(times, times[1:], strict=False):
        mean, step, kept = denoise(image, t), math.log(t / lower), (lower / t) ** 2
        ahead = mean if before is None else mean + 0.5 * step / step_before * (mean - before)
        image = ahead + kept * (image - ahead) + lower * math.sqrt(1 - kept) * _noise_like(image, generator)
        before, step_before = mean, step
    return denoise(image, times[-1])


def _times(sigma: float, n_steps: int) -> list[float]:
    """Noise levels of `image_under`: their fourth roots fall evenly, from sigma to a twentieth [Karras et al. 2022]."""
    top, bottom = sigma**0.25, (LAST * sigma) ** 0.25
    return [(top + (bottom - top) * k / max(n_steps - 1, 1)) ** 4 for k in range(n_steps)]


@torch.no_grad()
def posterior_samples(
    denoise: NoiseDenoiser,
    A: SenseOperator,
    kspace: Tensor,
    *,
    noise_std: float,
    n_samples: int,
    noise_max: float = 2.0,
    n_levels: int = 30,
    n_steps: int = INNER_STEPS,
    seed: int = 0,
    trace: TurnTrace | None = None,
) -> Tensor:
    r"""Draw images that agree with the data of one scan and with the prior that a denoiser knows.

    Parameters
    ----------
    denoise : callable
        $D(x; \sigma)$: complex (n, y, x) and a number -> (n, y, x), the mean of the images under $x$.
    A : SenseOperator
        Maps (coils, y, x) and mask.
    kspace : complex Tensor, shape (coils, ky, kx)
    noise_std : float
        $\sigma_n$, per real and imaginary part.
    n_samples : int
        All are drawn side by side, each with noise of its own.
    noise_max : float
        The first $\rho$, above all that the data leave open. The last is a fifth of $\sigma_n$.
    n_levels : int
        From the first to the last; at each both draws are made once.
    n_steps : int
        Denoisings in `image_under`.
    seed : int
    trace : callable, optional
        Called after every turn with $\rho$, with $z$ and with the images, complex (n_samples, y, x).

    Returns
    -------
    complex Tensor, shape (n_samples, y, x)

    Raises
    ------
    ValueError
        A number out of range, or data of several scans.
    """
    _check(A, kspace, noise_std=noise_std, n_samples=n_samples, n_steps=n_steps)
    generator = torch.Generator().manual_seed(seed)
    image = A.adjoint(kspace).expand(n_samples, -1, -1)
    data = kspace.expand(n_samples, *kspace.shape)
    solver = _scale if _keeps_data(A) else partial(regularised_solver, A)
    for level in noise_ladder(noise_max, LEAST_LEVEL * noise_std, n_levels):
        solve = solver(max((noise_std / level) ** 2, LEAST_WEIGHT))
        prior = image + level * _noise_like(image, generator)
        noisy_data = A.mask * (data + noise_std * _noise_like(data, generator))
        z = prior + solve(A.adjoint(noisy_data) - A.normal(prior))
        image = image_under(denoise, z, level, generator, n_steps=n_steps)
        if trace is not None:
            trace(level, z, image)
    return image


def _keeps_data(A: SenseOperator) -> bool:
    """Say whether A A^H leaves data as they are: one coil, of magnitude 1 everywhere."""
    return A.smaps.shape[-3] == 1 and torch.allclose(A.smaps.abs(), torch.ones_like(A.smaps.real), atol=1e-5)


def _scale(weight: float) -> Callable[[Tensor], Tensor]:
    r"""Solve $(A^H A + \lambda I)\,x = b$ where A keeps data, for a $b$ made of data: $x = b / (1 + \lambda)$."""
    return lambda image: image / (1 + weight)


def _noise_like(values: Tensor, generator: torch.Generator) -> Tensor:
    return complex_noise(values.shape, generator, dtype=values.dtype).to(values.device)


def _check(A: SenseOperator, kspace: Tensor, *, noise_std: float, n_samples: int, n_steps: int) -> None:
    if kspace.ndim != 3 or A.smaps.ndim != 3:
        raise ValueError(
            f"kspace has shape {tuple(kspace.shape)} and maps {tuple(A.smaps.shape)}; expected one scan, "
            "(coils, ky, kx) and (coils, y, x): draw from several one after another."
        )
    if not 0 < noise_std < math.inf or min(n_samples, n_steps) < 1:
        raise ValueError(
            f"got noise_std={noise_std}, n_samples={n_samples} and n_steps={n_steps}; expected noise above 0, and 1 or "
            "more of the others."
        )
