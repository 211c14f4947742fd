"""Hundreds of trainings a second: `mixture_of_heads` on any split of a pool of scans, from inner products made once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c
from mricourse.reconstruct.mixture import mixture_weights


class MixtureBench:
    r"""Scores of `mixture_of_heads` for any training and test set of a pool that was measured with one mask.

    All that a mixture needs of two images is their inner product in the measured samples, and all that its error needs
    is that in the samples which are missing. Both are made once; a training is then the solution of a small system.

    Parameters
    ----------
    references : complex Tensor, shape (n, y, x)
        The pool, subjects and slices in one axis.
    kspace : complex Tensor, shape (n, ky, kx)
        Their samples, zero where nothing was measured.
    mask : bool Tensor, broadcastable to (ky, kx)

    Raises
    ------
    ValueError
        Shapes that do not fit.
    """

    def __init__(self, references: Tensor, kspace: Tensor, mask: Tensor) -> None:
        if references.ndim != 3 or references.shape != kspace.shape:
            raise ValueError(
                f"references have shape {tuple(references.shape)} and kspace {tuple(kspace.shape)}; expected (n, y, x) "
                "for both. Flatten subjects and slices into one axis first."
            )
        samples = fft2c(references)
        seen = (mask * samples).flatten(1)
        hidden = torch.where(mask, 0, samples).flatten(1)
        measured = (mask * kspace).flatten(1)
        self.products = seen.conj() @ seen.mT
        self.answers = seen.conj() @ measured.mT
        self.hidden = hidden.conj() @ hidden.mT
        self.noise = (measured - seen).abs().square().sum(1)
        self.peak = references.abs().amax((1, 2))
        self.n_pixels = math.prod(references.shape[1:])

    def psnr(
        self, train: Tensor, test: Tensor, *, reg_weight: float, sum_weight: float = 0.0, keep_data: bool = True
    ) -> Tensor:
        """Give the PSNR of the test scans when the training scans are the library.

        Parameters
        ----------
        train, test : int Tensor, shapes (m,) and (k,)
            Places in the pool.
        reg_weight, sum_weight
            As in `mixture_of_heads`.
        keep_data : bool
            False leaves out the last step: the mixture itself is the image, in the measured lines too.

        Returns
        -------
        real Tensor, shape (k,)
            In dB, on the CPU. The error is that of the complex image, and the peak that of the reference.
        """
        device = self.hidden.device
        train, test = train.to(device), test.to(device)
        products = self.products[train][:, train]
        weights = mixture_weights(products, self.answers[train][:, test], reg_weight=reg_weight, sum_weight=sum_weight)
        error = _distance(self.hidden, train, test, weights)
        error = error + (self.noise[test] if keep_data else _distance(self.products, train, test, weights))
        return self._decibels(test, error)

    def zero_filled_psnr(self, test: Tensor) -> Tensor:
        """Give the PSNR of the zero-filled images, in dB, shape (k,), on the CPU."""
        test = test.to(self.hidden.device)
        return self._decibels(test, self.hidden.diagonal().real[test] + self.noise[test])

    def _decibels(self, test: Tensor, error: Tensor) -> Tensor:
        return (10 * (self.peak[test].square() * self.n_pixels / error).log10()).cpu()


def _distance(products: Tensor, train: Tensor, test: Tensor, weights: Tensor) -> Tensor:
    """Squared distances of images of the pool to mixtures of others, (k,), from inner products."""
    own = products.diagonal().real[test]
    with_images = (weights.conj() * products[train][:, test]).sum(0).real
    with_itself = (weights.conj() * (products[train][:, train] @ weights)).sum(0).real
    return (own - 2 * with_images + with_itself).clamp_min(0)
