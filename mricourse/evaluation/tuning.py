"""The best weight of wavelets or total variation for each slice, found by comparing with the answer: the rival."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor

from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.sparsity import tv_reconstruction, wavelet_reconstruction

WEIGHTS = (1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2, 3e-2, 5e-2)  # relative to max |A^H y|
FIRST = (1e-3, 2e-3, 3e-3, 5e-3)  # tried in any case, then the neighbours of the best, until they are worse
ITERATIONS = (60, 100)


@torch.no_grad()
def tuned_wavelet(
    A: SenseOperator, kspace: Tensor, reference: Tensor, *, wavelet: str = "db2"
) -> tuple[Tensor, Tensor, Tensor]:
    """Reconstruct with the weight and the number of iterations that come closest to the reference itself.

    Nobody can tune like that without knowing the answer, so a method that beats it beats the wavelet.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reference : complex Tensor, shape (..., y, x)
        In any unit: PSNR is taken at best scale.
    wavelet : str
        Name in PyWavelets, such as ``"db2"`` or ``"db1"``, Haar's.

    Returns
    -------
    image : complex Tensor, shape (..., y, x)
    reg_weight, n_iterations : Tensor, shape (...)
        Of each image.
    """
    leading = reference.shape[:-2]
    smaps = A.smaps.expand(*leading, *A.smaps.shape[-3:]).flatten(end_dim=-4) if leading else A.smaps[None]
    mask = A.mask.expand(*leading, *A.mask.shape[-min(3, A.mask.ndim) :]) if leading else A.mask[None]
    mask = mask.reshape(len(smaps), -1, *mask.shape[-2:])  # (images, 1 or coils, ky, 1 or kx)
    kspace, truth = kspace.reshape(smaps.shape), reference.reshape(-1, *reference.shape[-2:])
    image, highest = torch.zeros_like(truth), torch.full((len(truth),), -torch.inf, dtype=torch.float64)
    place, n_iterations = (torch.zeros(len(truth), dtype=torch.long) for _ in range(2))
    left = {(i, WEIGHTS.index(weight)) for i in range(len(truth)) for weight in FIRST}
    tried: set[tuple[int, int]] = set()
    while left:
        for number in sorted({number for _, number in left}):
            rows = torch.tensor(sorted(i for i, wanted in left if wanted == number))
            some = SenseOperator(smaps[rows], mask[rows])
            for n, candidate in _iterates(some, kspace[rows], WEIGHTS[number], wavelet).items():
                quality = torch.as_tensor(psnr(best_scale(candidate, truth[rows]), truth[rows])).to(highest)
                better = quality > highest[rows]
                won = rows[better]
                image[won], highest[won] = candidate[better.to(image.device)], quality[better]
                place[won], n_iterations[won] = number, n
        tried |= left
        near = {(i, number + step) for i, number in enumerate(place.tolist()) for step in (-1, 1)}
        left = {(i, number) for i, number in near if 0 <= number < len(WEIGHTS)} - tried
    weights = torch.tensor(WEIGHTS, dtype=torch.float64)[place]
    return image.reshape(reference.shape), weights.reshape(leading), n_iterations.reshape(leading)


@torch.no_grad()
def tuned_sparsity(
    A: SenseOperator,
    kspace: Tensor,
    reference: Tensor,
    *,
    haar: Sequence[float] = (1e-3, 2e-3, 4e-3),
    tv: Sequence[float] = (1e-2, 2e-2),
) -> Tensor:
    """Reconstruct with Haar wavelets and with total variation, and keep for each image the run closest to the answer.

    Total variation is the better of both against noise. Quicker than `tuned_wavelet`, because the weights are given;
    those by default suit one coil and R = 2 to 5.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reference : complex Tensor, shape (..., y, x)
        In any unit.
    haar, tv : sequence of float
        Weights of the wavelets and of total variation to try, relative to max |A^H y|; at least one in all.

    Returns
    -------
    complex Tensor, shape (..., y, x)
        At its `best_scale`.

    Raises
    ------
    ValueError
        No weight at all.
    """
    if not (haar or tv):
        raise ValueError("haar and tv are both empty; expected at least one weight, as tv=(0.01,).")
    best, highest = torch.zeros_like(reference), torch.full(reference.shape[:-2], -torch.inf, dtype=torch.float64)
    runs = [(wavelet_reconstruction, weight, {"wavelet": "db1"}) for weight in haar]
    runs += [(tv_reconstruction, weight, {}) for weight in tv]
    for method, weight, options in runs:
        image = best_scale(method(A, kspace, reg_weight=weight, **options), reference)
        quality = torch.as_tensor(psnr(image, reference)).to(highest)
        best = torch.where((quality > highest)[..., None, None].to(image.device), image, best)
        highest = highest.maximum(quality)
    return best


def _iterates(A: SenseOperator, kspace: Tensor, weight: float, wavelet: str) -> dict[int, Tensor]:
    """One run, looked at after each number of `ITERATIONS`."""
    found, numbers = {}, count(1)

    def keep(image: Tensor) -> None:
        if (n := next(numbers)) in ITERATIONS:
            found[n] = image

    options = {"n_iterations": max(ITERATIONS), "wavelet": wavelet, "trace": keep}
    wavelet_reconstruction(A, kspace, reg_weight=weight, **options)
    return found
