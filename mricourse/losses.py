"""What a training makes small: numbers that compare images with references and have useful gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.fourier import floating
from mricourse.metrics import mean_similarity


def log_nmse(image: Tensor, reference: Tensor) -> Tensor:
    r"""Average $10 \log_{10} (\lVert x - x_\mathrm{ref}\rVert^2 / \lVert x_\mathrm{ref}\rVert^2)$ over scans, in dB.

    The logarithm lets a scan with little noise weigh as much as one with a lot: under the plain mean squared error the
    noisy ones would decide everything. For each scan it is the negative PSNR of the complex error, up to a constant.
    It never falls below -80 dB, so that its gradient is finite where there is no error; an energy of the reference
    below 1e-20 counts as 1e-20, for the same reason.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real, in any common unit.

    Returns
    -------
    Tensor, shape ()
    """
    error = _energy(floating(image) - floating(reference)) / _energy(floating(reference)).clamp_min(1e-20)
    return (10 * torch.log10(error + 1e-8)).mean()


def mse(image: Tensor, reference: Tensor) -> Tensor:
    r"""Mean squared error $\mathrm{mean}\,|x - x_\mathrm{ref}|^2$, of complex images the complex error.

    Its best guess where several images are possible is their mean.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real, in any common unit.

    Returns
    -------
    Tensor, shape ()
    """
    return _energy(floating(image) - floating(reference)).mean() / (image.shape[-2] * image.shape[-1])


def l1(image: Tensor, reference: Tensor) -> Tensor:
    r"""Mean absolute error $\mathrm{mean}\,|x - x_\mathrm{ref}|$, of complex images the modulus of the complex error.

    Its best guess where several values are possible is their median. Arguments as in `mse`. Where the error is zero
    the gradient is zero.
    """
    return (floating(image) - floating(reference)).abs().mean()


def ssim_loss(image: Tensor, reference: Tensor, *, window_size: int = 7) -> Tensor:
    r"""One minus the structural similarity of the magnitudes: `mricourse.metrics.ssim`, with gradient.

    Blind to the phase. Noise costs most in air: in bright tissue the two constants hide it, near zero they do not.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real; the data range is the largest magnitude of each reference.
    window_size : int
        Width of the uniform window in pixels.

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    ValueError
        An image smaller than the window.

    Source: Wang et al., IEEE Trans. Image Process. 13:600, 2004; as a loss Zhao et al., IEEE Trans. Comput. Imaging
    3:47, 2017.
    """
    if min(image.shape[-2:]) < window_size:
        raise ValueError(
            f"the image is {tuple(image.shape[-2:])} and the window {window_size} pixels; expected a smaller window."
        )
    x, r = floating(image).abs(), floating(reference).abs()
    return 1 - mean_similarity(x, r, r.amax(dim=(-2, -1)), window_size=window_size).mean()


PLAIN = {"log_nmse": log_nmse, "mse": mse, "l1": l1, "ssim": ssim_loss}
LOSSES = (*PLAIN, "perceptual", "adversarial")  # the last two have a network, see mricourse/perceptual.py


def _energy(image: Tensor) -> Tensor:
    """Sum of squared magnitudes over the last two axes."""
    if image.is_complex():
        return torch.view_as_real(image).square().sum(dim=(-3, -2, -1))
    return image.square().sum(dim=(-2, -1))
