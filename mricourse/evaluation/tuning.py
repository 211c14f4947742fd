"""The best weight of wavelets or total variation for each slice, found by comparing with the answer: the rival.

Each run is solved to a tolerance of its objective, since a run that was stopped early ranks methods by when they stop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.files import any_of
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.sparsity import wavelet_reconstruction
from mricourse.reconstruct.total_variation import tv_reconstruction

WEIGHTS = (1e-5, 2e-5, 3e-5, 5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2, 3e-2, 5e-2, 1e-1)
# relative to max |A^H y|; the smallest are the best for noise below 0.004 of the brightest pixel
FIRST = 2e-3  # then the neighbours of the best, until both are worse
TOLERANCE = 1e-3  # within 0.13 dB of 1e-4 on the development brain, and TV takes a fifth of the time
NEAR = 0.25  # dB: of two weights, by how much the worse one at TOLERANCE may be the better one when both are converged
MOST_ITERATIONS = 2000  # the slowest run seen, a weight of 1e-4 at R = 6, needed half of them
SPARSE: dict[str, Callable[..., Tensor]] = {  # kinds of sparsity and what solves for them
    "db2": partial(wavelet_reconstruction, wavelet="db2"),
    "haar": partial(wavelet_reconstruction, wavelet="db1"),
    "tv": tv_reconstruction,
}


def tuned_wavelet(
    A: SenseOperator, kspace: Tensor, reference: Tensor, *, wavelet: str = "db2", tolerance: float = TOLERANCE
) -> tuple[Tensor, Tensor]:
    """Reconstruct with the weight of the wavelets that comes closest to the reference itself.

    Nobody can tune like that without knowing the answer, so a method that beats it beats the wavelet.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reference : complex Tensor, shape (..., y, x)
        In any unit: PSNR is taken at best scale.
    wavelet : str
        Name in PyWavelets, such as ``"db2"`` or ``"db1"``, Haar's.
    tolerance : float
        Of the objective, as in `wavelet_reconstruction`.

    Returns
    -------
    image : complex Tensor, shape (..., y, x)
    reg_weight : Tensor, shape (...)
        Of each image.
    """
    return _tuned(partial(wavelet_reconstruction, wavelet=wavelet, tolerance=tolerance), A, kspace, reference)[:2]


def tuned_tv(
    A: SenseOperator, kspace: Tensor, reference: Tensor, *, tolerance: float = TOLERANCE
) -> tuple[Tensor, Tensor]:
    """As `tuned_wavelet`, with total variation."""
    return _tuned(partial(tv_reconstruction, tolerance=tolerance), A, kspace, reference)[:2]


def tuned_sparsity(A: SenseOperator, kspace: Tensor, reference: Tensor, *, tolerance: float = TOLERANCE) -> Tensor:
    """The closer to the answer, for each image, of `tuned_wavelet` with Haar's wavelet and of `tuned_tv`.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reference : complex Tensor, shape (..., y, x)
        In any unit.
    tolerance : float
        Of the objective of each.

    Returns
    -------
    complex Tensor, shape (..., y, x)
        At its `best_scale`.
    """
    haar, _ = tuned_wavelet(A, kspace, reference, wavelet="db1", tolerance=tolerance)
    tv, _ = tuned_tv(A, kspace, reference, tolerance=tolerance)
    haar = best_scale(haar, reference)
    tv = best_scale(tv, reference)
    tv_is_closer = torch.as_tensor(psnr(tv, reference)) > torch.as_tensor(psnr(haar, reference))
    return torch.where(tv_is_closer[..., None, None].to(tv.device), tv, haar)


def tuned(
    A: SenseOperator, kspace: Tensor, reference: Tensor, kind: str, *, tolerance: float = TOLERANCE
) -> tuple[Tensor, Tensor]:
    """As `tuned_wavelet`, with any kind of `SPARSE`.

    Raises
    ------
    ValueError
        Another kind.
    """
    return _tuned(partial(_solver(kind), tolerance=tolerance), A, kspace, reference)[:2]


def converged(
    A: SenseOperator, kspace: Tensor, reference: Tensor, kind: str, *, tolerance: float
) -> tuple[Tensor, float]:
    """The best image of one scan that a kind of `SPARSE` reaches at any weight, and that weight.

    The search is that of `tuned`; weights that came within `NEAR` of the best are then solved to the finer tolerance.

    Parameters
    ----------
    A, kspace, reference, kind :
        As for `tuned`, of one image: (coils, ky, kx) and (y, x).
    tolerance : float
        Of the objective.
    """
    *_, qualities = _tuned(partial(_solver(kind), tolerance=max(tolerance, TOLERANCE)), A, kspace, reference)
    best, image, weight = -torch.inf, torch.zeros_like(reference), FIRST
    for number in (qualities >= qualities.max() - NEAR).flatten().nonzero().flatten().tolist():
        found = sparse_reconstruction(A, kspace, kind, WEIGHTS[number], tolerance=tolerance)
        quality = float(psnr(best_scale(found, reference), reference))
        if quality > best:
            best, image, weight = quality, found, WEIGHTS[number]
    return image, weight


def sparse_reconstruction(
    A: SenseOperator, kspace: Tensor, kind: str, reg_weight: float, *, tolerance: float = TOLERANCE
) -> Tensor:
    """Solve for wavelets or total variation at a known weight, as `tuned` does at each that it tries.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (..., coils, ky, kx)
    kind : "db2", "haar" or "tv"
    reg_weight, tolerance : float
        As in `wavelet_reconstruction` and `tv_reconstruction`.

    Raises
    ------
    ValueError
        Another kind.
    """
    return _solver(kind)(A, kspace, reg_weight=reg_weight, tolerance=tolerance, n_iterations=MOST_ITERATIONS)


def _solver(kind: str) -> Callable[..., Tensor]:
    if kind not in SPARSE:
        raise ValueError(f"got kind={kind!r}; expected {any_of([repr(each) for each in SPARSE])}.")
    return SPARSE[kind]


@torch.no_grad()
def _tuned(
    solve: Callable[..., Tensor], A: SenseOperator, kspace: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Climb along `WEIGHTS`, each image by itself, but all that try the same weight in one run.

    Images (..., y, x), their weights (...), and the PSNR of every weight that was tried (images, weights).
    """
    leading = reference.shape[:-2]
    smaps = A.smaps.expand(*leading, *A.smaps.shape[-3:]).flatten(end_dim=-4) if leading else A.smaps[None]
    mask = A.mask.expand(*leading, *A.mask.shape[-min(3, A.mask.ndim) :]) if leading else A.mask[None]
    mask = mask.reshape(len(smaps), -1, *mask.shape[-2:])  # (images, 1 or coils, ky, 1 or kx)
    kspace = kspace.reshape(smaps.shape)
    truth = reference.reshape(-1, *reference.shape[-2:])
    image = torch.zeros_like(truth)
    highest = torch.full((len(truth),), -torch.inf, dtype=torch.float64)
    qualities = torch.full((len(truth), len(WEIGHTS)), -torch.inf, dtype=torch.float64)
    place = torch.full((len(truth),), WEIGHTS.index(FIRST))
    wanted = {(i, WEIGHTS.index(FIRST)) for i in range(len(truth))}
    tried: set[tuple[int, int]] = set()
    while wanted:
        for number in sorted({number for _, number in wanted}):
            rows = torch.tensor(sorted(i for i, tries in wanted if tries == number))
            some = SenseOperator(smaps[rows], mask[rows])
            found = solve(some, kspace[rows], reg_weight=WEIGHTS[number], n_iterations=MOST_ITERATIONS)
            quality = torch.as_tensor(psnr(best_scale(found, truth[rows]), truth[rows])).to(highest)
            qualities[rows, number] = quality
            better = quality > highest[rows]
            won = rows[better]
            image[won] = found[better.to(image.device)]
            highest[won] = quality[better]
            place[won] = number
        tried |= wanted
        near = {(i, number + step) for i, number in enumerate(place.tolist()) for step in (-1, 1)}
        wanted = {(i, number) for i, number in near if 0 <= number < len(WEIGHTS)} - tried
    weights = torch.tensor(WEIGHTS, dtype=torch.float64)[place]
    return image.reshape(reference.shape), weights.reshape(leading), qualities
