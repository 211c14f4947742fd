"""Error measures of an image against a reference, as fastMRI defines them.

Every measure compares magnitudes, works on the last two axes and treats the leading ones
as a stack: one image gives a float, a stack (...) gives a CPU tensor of shape (...), so that
``psnr(stack, references)[i] == psnr(stack[i], references[i])``.

fastMRI scores a volume (slices, y, x) at once. In these functions that is
``nmse(v.flatten(0, 1), r.flatten(0, 1))``, ``psnr(v.flatten(0, 1), r.flatten(0, 1))`` and
``ssim(v, r, data_range=r.abs().max()).mean()``; `mricourse.evaluation.definitions` has them, and what others use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mricourse.physics.fourier import floating

__all__ = ["best_scale", "nmse", "nrmse", "psnr", "ssim"]


def nmse(image: Tensor, reference: Tensor) -> float | Tensor:
    r"""Normalised mean squared error, $\| |x| - |r| \|^2 / \| r \|^2$.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real; magnitudes are compared. Same shape, any common unit.

    Returns
    -------
    float for one image, else float64 Tensor, shape (...)
        Dimensionless; 0 is perfect, 1 is what an empty image gets.

    Raises
    ------
    ValueError
        If the shapes differ, a value is NaN or infinite, or a reference is zero everywhere.

    Source: Zbontar et al., arXiv:1811.08839.
    """
    x, r = magnitudes(image, reference)
    return _as_number((x - r).square().sum((-2, -1)) / r.square().sum((-2, -1)))


def nrmse(image: Tensor, reference: Tensor) -> float | Tensor:
    r"""Root of `nmse`: $\| |x| - |r| \| / \| r \|$.

    Other papers divide by the range or the mean of the reference; say which one you used.
    Shapes, result and errors as in `nmse`.
    """
    value = nmse(image, reference)
    return value**0.5


def psnr(
    image: Tensor,
    reference: Tensor,
    *,
    data_range: float | Tensor | None = None,
    inside: Tensor | None = None,
) -> float | Tensor:
    r"""Peak signal-to-noise ratio, $10 \log_{10}(\mathrm{range}^2 / \mathrm{MSE})$, in dB.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real; magnitudes are compared.
    data_range : float or Tensor of shape (...), optional
        The peak, in the unit of the images. By default the maximum of each reference image.
    inside : bool Tensor, shape (..., y, x) or (y, x), optional
        The pixels over which the error is averaged, by default all of them. Pixels outside do not count at all;
        images that are zero there would count them as perfect.

    Returns
    -------
    float for one image, else float64 Tensor, shape (...)
        Decibels; infinite for two equal magnitudes.

    Raises
    ------
    ValueError
        As `nmse`; also if `data_range` is not positive, or `inside` does not fit or leaves an image without pixels.

    Source: Zbontar et al., arXiv:1811.08839.
    """
    x, r = magnitudes(image, reference)
    peak = peak_of(r, data_range)
    return _as_number(10 * torch.log10(peak.square() / mean_inside((x - r).square(), inside)))


def ssim(
    image: Tensor,
    reference: Tensor,
    *,
    data_range: float | Tensor | None = None,
    window_size: int = 7,
) -> float | Tensor:
    r"""Structural similarity with a uniform window, averaged over the image.

    $\frac{(2\mu_x\mu_r + C_1)(2\sigma_{xr} + C_2)}{(\mu_x^2 + \mu_r^2 + C_1)(\sigma_x^2 +
    \sigma_r^2 + C_2)}$ with $C_i = (K_i \cdot \mathrm{range})^2$, $K_1 = 0.01$, $K_2 = 0.03$,
    sample covariances, and only windows that lie inside the image. Equal to
    ``skimage.metrics.structural_similarity`` with its defaults.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real; magnitudes are compared.
    data_range : float or Tensor of shape (...), optional
        The peak, in the unit of the images. By default the maximum of each reference image.
    window_size : int
        Odd width of the square window in pixels.

    Returns
    -------
    float for one image, else float64 Tensor, shape (...)
        Dimensionless; 1 is perfect.

    Raises
    ------
    ValueError
        As `psnr`; also if the window is even, below 3, or larger than the image.

    Source: Wang et al., IEEE Trans. Image Process. 13:600, 2004.
    """
    x, r = magnitudes(image, reference)
    if window_size % 2 == 0 or not 3 <= window_size <= min(x.shape[-2:]):
        raise ValueError(
            f"window_size is {window_size} for images of {tuple(x.shape[-2:])} pixels; "
            "expected an odd number from 3 to the shorter side. Use a smaller window."
        )
    return _as_number(mean_similarity(x, r, peak_of(r, data_range), window_size=window_size))


def mean_similarity(x: Tensor, r: Tensor, peak: Tensor, *, window_size: int) -> Tensor:
    """Compute what `ssim` describes, of magnitudes, with a gradient: (..., y, x), (..., y, x), (...) -> (...)."""
    n_pixels = window_size**2
    mean = partial(window_mean, window_size=window_size)
    return similarity(x, r, peak, mean=mean, unbiased=n_pixels / (n_pixels - 1)).mean((-2, -1))


def similarity(
    x: Tensor, r: Tensor, peak: Tensor, *, mean: Callable[[Tensor], Tensor], unbiased: float = 1.0
) -> Tensor:
    """Compare the windows of two magnitudes, (..., y, x), one value for each window that `mean` takes the mean of.

    `unbiased` multiplies variances and covariances: n / (n - 1) for sample covariances of n pixels.
    """
    c1, c2 = ((factor * peak[..., None, None]).square() for factor in (0.01, 0.03))
    mean_x, mean_r, mean_xx, mean_rr, mean_xr = (mean(product) for product in (x, r, x * x, r * r, x * r))
    var_x = unbiased * (mean_xx - mean_x * mean_x)
    var_r = unbiased * (mean_rr - mean_r * mean_r)
    cov = unbiased * (mean_xr - mean_x * mean_r)
    luminance = (2 * mean_x * mean_r + c1) / (mean_x.square() + mean_r.square() + c1)
    structure = (2 * cov + c2) / (var_x + var_r + c2)
    return luminance * structure


def best_scale(image: Tensor, reference: Tensor) -> Tensor:
    r"""Multiply an image by the factor that brings it closest to the reference.

    The factor $c = \langle x, r \rangle / \langle x, x \rangle$ minimises $\| c x - r \|^2$; it
    is complex where the inputs are, so it removes a global phase as well as a global scale.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real. One factor for each image of a stack.

    Returns
    -------
    Tensor, shape (..., y, x)
        Scaled image, in the unit of the reference.

    Raises
    ------
    ValueError
        If the shapes differ, a value is NaN or infinite, or an image is zero everywhere.
    """
    _check_pair(image, reference)
    image = floating(image)
    reference = floating(reference)
    if not image.any(dim=-1).any(dim=-1).all():
        raise ValueError("image is zero everywhere; no factor brings it to the reference. Check the reconstruction.")
    unit = _largest(reference)
    image = image / _largest(image)  # single precision has to hold the squares
    energy = image.abs().square().sum((-2, -1), keepdim=True)
    factor = (image.conj() * (reference / unit)).sum((-2, -1), keepdim=True) / energy
    return factor * image * unit


def _largest(image: Tensor) -> Tensor:
    largest = image.detach().abs().amax((-2, -1), keepdim=True)
    return torch.where(largest > 0, largest, 1)


def _check_pair(image: Tensor, reference: Tensor) -> None:
    """Refuse a pair that broadcasting or NaN would turn into a wrong number in silence."""
    if image.shape != reference.shape or image.ndim < 2:
        raise ValueError(
            f"image has shape {tuple(image.shape)} and reference {tuple(reference.shape)}; "
            "expected the same (..., y, x). Combine coils or crop first, or use "
            "reference.expand_as(image) for several images of one reference."
        )
    finite("image", image)
    finite("reference", reference)


def finite(name: str, values: Tensor) -> Tensor:
    """Refuse NaN and infinite values, with ValueError; others come back as they are."""
    n_bad = int((~torch.isfinite(values)).sum())
    if n_bad:
        raise ValueError(
            f"{name} holds {n_bad} NaN or infinite values; expected finite numbers. "
            "Look for a division by zero before this line."
        )
    return values


def magnitudes(image: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Checked magnitudes in double precision on the CPU: single precision costs SSIM digits."""
    image, reference = torch.as_tensor(image).detach(), torch.as_tensor(reference).detach()
    _check_pair(image, reference)
    x, r = _in_double(image).abs(), _in_double(reference).abs()
    if (r.amax((-2, -1)) == 0).any():
        raise ValueError(
            "reference is zero everywhere, so an error relative to it has no meaning; "
            "expected an image with signal. Leave out empty slices."
        )
    return x, r


def _in_double(image: Tensor) -> Tensor:
    return image.cpu().to(torch.complex128 if image.is_complex() else torch.float64)


def peak_of(reference: Tensor, data_range: float | Tensor | None) -> Tensor:
    """The data range of every image, shape (...)."""
    if data_range is None:
        return reference.amax((-2, -1))
    peak = torch.as_tensor(data_range).detach().cpu().double()
    if not (torch.isfinite(peak) & (peak > 0)).all():
        raise ValueError(f"data_range is {data_range}; expected a positive number. Use reference.abs().max().")
    return peak.expand(reference.shape[:-2])


def window_mean(x: Tensor, window_size: int) -> Tensor:
    """Mean over every window inside the image: (..., y, x) -> (..., y - w + 1, x - w + 1)."""
    flat = x.reshape(-1, 1, *x.shape[-2:])
    mean = F.avg_pool2d(flat, window_size, stride=1)
    return mean.reshape(*x.shape[:-2], *mean.shape[-2:])


def mean_inside(squares: Tensor, inside: Tensor | None) -> Tensor:
    """Mean over y and x, of the pixels inside where a mask is given: (..., y, x) -> (...)."""
    if inside is None:
        return squares.mean((-2, -1))
    if inside.dtype != torch.bool or inside.shape not in (squares.shape, squares.shape[-2:]):
        raise ValueError(
            f"inside has shape {tuple(inside.shape)}, {inside.dtype}; expected bool, {tuple(squares.shape)} as the "
            "images, or one mask (y, x) for all. Use mask > 0."
        )
    inside = inside.cpu()
    n_pixels = inside.sum((-2, -1))
    if not n_pixels.all():
        raise ValueError("inside is False everywhere in an image; expected some pixels to compare. Check the mask.")
    return torch.where(inside, squares, 0).sum((-2, -1)) / n_pixels


def _as_number(value: Tensor) -> float | Tensor:
    return value.item() if value.ndim == 0 else value
