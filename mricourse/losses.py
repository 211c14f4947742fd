"""What a training makes small: numbers that compare images with references and have useful gradients."""

from __future__ import annotations

import torch
from torch import Tensor


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
    error = _energy(image - reference) / _energy(reference).clamp_min(1e-20)
    return (10 * torch.log10(error + 1e-8)).mean()


def _energy(image: Tensor) -> Tensor:
    """Sum of squared magnitudes over the last two axes."""
    if image.is_complex():
        return torch.view_as_real(image).square().sum(dim=(-3, -2, -1))
    return image.square().sum(dim=(-2, -1))
