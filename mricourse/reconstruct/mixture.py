r"""A head as a mixture of other people's heads: the smallest reconstruction that learns from a data set.

The training is the list of references, so it takes no time, and one sees what was learned: which head was taken, and
how much of it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.fourier import fft2c, ifft2c


def mixture_of_heads(
    kspace: Tensor, mask: Tensor, library: Tensor, *, reg_weight: float, sum_weight: float = 0.0
) -> tuple[Tensor, Tensor]:
    r"""Mix known images so that the mixture has the measured samples, then keep these samples.

    The weights minimise $\lVert M F \sum_j a_j x_j - y\rVert^2 + \lambda s\lVert a\rVert^2 + \mu s\,|\sum_j a_j - 1|^2$
    with $s$ the mean energy of the measured samples of the library. Where a line was measured, the image keeps it.

    Parameters
    ----------
    kspace : complex Tensor, shape (n, ky, kx)
        Samples $y$, one coil of sensitivity 1, zero where nothing was measured.
    mask : bool Tensor, broadcastable to (ky, kx)
        Which samples were measured, the same for all images.
    library : complex Tensor, shape (m, y, x)
        The known images $x_j$.
    reg_weight : float
        $\lambda$, above zero.
    sum_weight : float
        $\mu$: how strongly the weights should add up to one; zero or more.

    Returns
    -------
    images : complex Tensor, shape (n, y, x)
    weights : complex Tensor, shape (n, m)
        $a$, one row for each image.

    Raises
    ------
    ValueError
        Shapes that do not fit, or a weight out of range.
    """
    if kspace.ndim != 3 or library.ndim != 3 or kspace.shape[1:] != library.shape[1:]:
        raise ValueError(
            f"kspace has shape {tuple(kspace.shape)} and library {tuple(library.shape)}; expected (n, ky, kx) and "
            "(m, y, x) with the same matrix. Flatten subjects and slices into one axis first."
        )
    known = fft2c(library)
    seen = (mask * known).flatten(1)
    products = seen.conj() @ seen.mT  # (m, m)
    answers = seen.conj() @ (mask * kspace).flatten(1).mT  # (m, n)
    weights = mixture_weights(products, answers, reg_weight=reg_weight, sum_weight=sum_weight).mT
    mixed = torch.tensordot(weights, known, dims=1)
    return ifft2c(torch.where(mask, kspace, mixed)), weights


def mixture_weights(products: Tensor, answers: Tensor, *, reg_weight: float, sum_weight: float = 0.0) -> Tensor:
    """Solve for the weights of a mixture from inner products alone.

    Parameters
    ----------
    products : complex Tensor, shape (m, m)
        Inner products of the measured samples of the library.
    answers : complex Tensor, shape (m, n)
        Those of the library with the samples of n images.
    reg_weight, sum_weight
        As in `mixture_of_heads`.

    Returns
    -------
    complex Tensor, shape (m, n)
    """
    if not reg_weight > 0 or not sum_weight >= 0:
        raise ValueError(
            f"reg_weight is {reg_weight} and sum_weight {sum_weight}; expected one above zero and one of zero or more: "
            "without reg_weight a library of more images than samples has no unique mixture."
        )
    scale = products.diagonal().real.mean()
    system = products + sum_weight * scale
    system.diagonal().add_(reg_weight * scale)
    return torch.linalg.solve(system, answers + sum_weight * scale)
