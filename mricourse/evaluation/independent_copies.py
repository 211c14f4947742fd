"""Judge a denoiser on a measured scan that has no reference: two copies of it whose noise is independent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise


def recorrupted(data: Tensor, noise_std: float, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    r"""Make two copies of one noisy measurement whose noise is independent: $y + n'$ and $y - n'$.

    With $y = x + n$ and $n'$ drawn with the standard deviation of $n$, the products of the noise in both,
    $(n + n')(n - n')$, have the mean $\sigma^2 - \sigma^2 = 0$; Gaussian numbers without correlation are independent.
    Each copy has $\sqrt2$ times the noise.

    Parameters
    ----------
    data : complex Tensor
        k-space or image, with white noise.
    noise_std : float
        Of real and imaginary part.
    seed : int

    Returns
    -------
    two complex Tensors of the same shape

    Source: Pang et al., CVPR 2021, doi:10.1109/CVPR46437.2021.00208.
    """
    noise = noise_std * complex_noise(data.shape, torch.Generator().manual_seed(seed)).to(data)
    return data + noise, data - noise


def recorrupted_psnr(image: Tensor, other: Tensor, noise_std: float, *, peak: float) -> float:
    r"""Estimate the PSNR against the unknown truth from the copy that the method has not seen.

    $\mathrm{mean}|\hat x - y_2|^2$ is the wanted mean of $|\hat x - x|^2$ plus the noise of the copy,
    $2 \cdot 2\sigma^2$ for its two parts, which is known and taken off.

    Parameters
    ----------
    image : complex Tensor
        What a method has made of the first copy.
    other : complex Tensor, of the same shape
        The second copy.
    noise_std : float
        Of real and imaginary part of the *measurement*, before it was copied.
    peak : float
        Largest magnitude of the truth, as well as it is known.

    Returns
    -------
    float
        In dB, of complex images; NaN where the estimate of the squared error is not positive.
    """
    squared = float((image - other).abs().square().mean()) - 4 * noise_std**2
    return 10 * math.log10(peak**2 / squared) if squared > 0 else math.nan
