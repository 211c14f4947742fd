"""PSNR and SSIM as several programs define them: the same images, other numbers.

`volume_nmse`, `volume_psnr` and `volume_ssim` are those of fastMRI (`fastmri/evaluate.py`), which scores a volume at
once. `psnr_by_definition` and `ssim_by_definition` put others beside them.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from mricourse.evaluation.metrics import magnitudes, nmse, peak_of, psnr, similarity, ssim, window_mean

GAUSSIAN_STD, GAUSSIAN_REACH = 1.5, 5  # pixels: Wang's window of 11 x 11


def volume_nmse(volume: Tensor, references: Tensor) -> float:
    """Normalised mean squared error of a whole volume, as fastMRI: (slices, y, x), (slices, y, x) -> float."""
    return float(nmse(*_flat(volume, references)))


def volume_psnr(volume: Tensor, references: Tensor) -> float:
    """PSNR of a whole volume in dB, as fastMRI: one peak, that of all references, and one mean of the squared errors.

    Parameters
    ----------
    volume, references : Tensor, shape (slices, y, x)
        Complex or real; magnitudes are compared.

    Raises
    ------
    ValueError
        As `psnr`; also if there is no axis of slices.
    """
    return float(psnr(*_flat(volume, references)))


def volume_ssim(volume: Tensor, references: Tensor) -> float:
    """SSIM of a volume, as fastMRI: mean over slices, all with the peak of the volume, windows of 7 x 7."""
    _flat(volume, references)
    return float(torch.as_tensor(ssim(volume, references, data_range=references.abs().max())).mean())


def ssim_map(
    image: Tensor, reference: Tensor, *, data_range: float | Tensor | None = None, window_size: int | None = 7
) -> Tensor:
    """SSIM of each window that lies inside the image; its mean is `ssim`.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real; magnitudes are compared.
    data_range : float or Tensor of shape (...), optional
        The peak, by default the maximum of each reference image.
    window_size : int or None
        Odd width of a uniform window, with sample covariances; None is the Gaussian window of Wang et al., 11 x 11
        pixels with a standard deviation of 1.5 and plain covariances, as torchmetrics and deepinv have it.

    Returns
    -------
    float64 Tensor, shape (..., y - w + 1, x - w + 1), on the device of the image
        The first value is that of the window around pixel (w // 2, w // 2).

    Raises
    ------
    ValueError
        As `ssim`.
    """
    width = 2 * GAUSSIAN_REACH + 1 if window_size is None else window_size
    x, r = magnitudes(image, reference)
    if width % 2 == 0 or not 3 <= width <= min(x.shape[-2:]):
        raise ValueError(
            f"the window is {width} pixels wide for images of {tuple(x.shape[-2:])}; expected an odd number from 3 to "
            "the shorter side. Use a smaller window."
        )
    if window_size is None:
        return similarity(x, r, peak_of(r, data_range), mean=_gaussian_mean).to(image.device)
    n_pixels = width**2
    mean = partial(window_mean, window_size=width)
    values = similarity(x, r, peak_of(r, data_range), mean=mean, unbiased=n_pixels / (n_pixels - 1))
    return values.to(image.device)


def ssim_inside(image: Tensor, reference: Tensor, inside: Tensor, *, window_size: int | None = 7) -> float:
    """SSIM of one image, averaged over the windows whose middle pixel lies inside a mask.

    Parameters
    ----------
    image, reference : Tensor, shape (y, x)
        As they are: what is set to zero outside the mask in both would count as perfect at its border.
    inside : bool Tensor, shape (y, x)
    window_size : int or None
        As `ssim_map`.

    Raises
    ------
    ValueError
        As `ssim_map`; also if the mask is of another shape or kind, or holds no window.
    """
    values = ssim_map(image, reference, window_size=window_size)
    if inside.dtype != torch.bool or inside.shape != image.shape or image.ndim != 2:
        raise ValueError(
            f"inside has shape {tuple(inside.shape)}, {inside.dtype}; expected bool, (y, x) as one image, which "
            f"has {tuple(image.shape)}. Use mask > 0, and one slice at a time."
        )
    edge = (image.shape[0] - values.shape[0]) // 2
    kept = inside.to(values.device)[edge : image.shape[0] - edge, edge : image.shape[1] - edge]
    if not kept.any():
        raise ValueError("inside holds the middle of no window; expected some pixels away from the edge of the image.")
    return float(values[kept].mean())


def psnr_by_definition(volume: Tensor, references: Tensor) -> dict[str, float]:
    """PSNR of one volume, in dB, by five definitions in use.

    Parameters
    ----------
    volume, references : Tensor, shape (slices, y, x)
        Complex or real; magnitudes are compared.

    Returns
    -------
    dict {definition: dB}
        Means over slices, but for the first, which has one peak and one error for all. ``"volume peak"``: fastMRI.
        ``"slice peak"``: the maximum of each reference. ``"peak of the image"``: the maximum of what is judged, as
        where two arguments are swapped. ``"0 to 1"``: both images of each slice are first stretched to the range from
        0 to 1, each by its own minimum and maximum (`tstDemo.py` of MoDL). ``"peak of 1"``: whatever the images hold,
        the default of deepinv.
    """
    x, r = _volume(volume, references)
    return {
        "volume peak": volume_psnr(x, r),
        "slice peak": _mean(psnr(x, r)),
        "peak of the image": _mean(psnr(x, r, data_range=x.amax((-2, -1)))),
        "0 to 1": _mean(psnr(_stretched(x), _stretched(r))),
        "peak of 1": _mean(psnr(x, r, data_range=1.0)),
    }


def ssim_by_definition(volume: Tensor, references: Tensor) -> dict[str, float]:
    """SSIM of one volume by five definitions in use, all of them means over slices.

    Parameters
    ----------
    volume, references : Tensor, shape (slices, y, x)
        Complex or real; magnitudes are compared.

    Returns
    -------
    dict {definition: SSIM}
        ``"volume peak"``: fastMRI, uniform windows of 7 x 7. ``"slice peak"``: the same with the maximum of each
        reference. ``"Gaussian window"``: 11 x 11 with a standard deviation of 1.5, slice peak (Wang; torchmetrics).
        ``"range of the slice"``: maximum minus minimum of each reference (mrpro). ``"peak of 1"``: Gaussian window,
        whatever the images hold (deepinv).
    """
    x, r = _volume(volume, references)
    span = r.amax((-2, -1)) - r.amin((-2, -1))
    return {
        "volume peak": volume_ssim(x, r),
        "slice peak": _mean(ssim(x, r)),
        "Gaussian window": _mean(ssim_map(x, r, window_size=None)),
        "range of the slice": _mean(ssim(x, r, data_range=span)),
        "peak of 1": _mean(ssim_map(x, r, data_range=1.0, window_size=None)),
    }


def _volume(volume: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Checked magnitudes (slices, y, x)."""
    x, r = magnitudes(volume, references)
    if x.ndim != 3:
        raise ValueError(f"the volume has shape {tuple(x.shape)}; expected (slices, y, x). Use image[None] for one.")
    return x, r


def _flat(volume: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """All slices below one another, as one image."""
    if volume.ndim != 3:
        raise ValueError(
            f"the volume has shape {tuple(volume.shape)}; expected (slices, y, x). Use image[None] for one."
        )
    if volume.shape != references.shape:
        raise ValueError(f"volume is {tuple(volume.shape)}, references {tuple(references.shape)}; expected the same.")
    return volume.flatten(0, 1), references.flatten(0, 1)


def _stretched(images: Tensor) -> Tensor:
    """Each slice from 0 to 1 by its own minimum and maximum: (slices, y, x) -> (slices, y, x)."""
    low = images.amin((-2, -1), keepdim=True)
    span = images.amax((-2, -1), keepdim=True) - low
    return (images - low) / torch.where(span > 0, span, 1)


def _gaussian_mean(x: Tensor) -> Tensor:
    """Mean over every Gaussian window inside the image: (..., y, x) -> (..., y - 10, x - 10)."""
    place = torch.arange(-GAUSSIAN_REACH, GAUSSIAN_REACH + 1, dtype=x.dtype, device=x.device)
    weights = torch.exp(-place.square() / (2 * GAUSSIAN_STD**2))
    weights = weights / weights.sum()
    flat = x.reshape(-1, 1, *x.shape[-2:])
    mean = conv2d(conv2d(flat, weights[None, None, :, None]), weights[None, None, None, :])
    return mean.reshape(*x.shape[:-2], *mean.shape[-2:])


def _mean(values: float | Tensor) -> float:
    return float(torch.as_tensor(values).mean())
