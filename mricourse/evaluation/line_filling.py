"""Methods that learn on one scan's ACS, on the same scan: GRAPPA with several weights of its fit, and RAKI."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mricourse.evaluation.calibration import TISSUE
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.physics.coil_combination import rss
from mricourse.physics.fourier import ifft2c
from mricourse.reconstruct.grappa_weight import WEIGHTS, grappa_weight_of_acs
from mricourse.reconstruct.parallel_imaging import grappa
from mricourse.reconstruct.raki import raki

FIXED_WEIGHT = 1e-4  # of `grappa` where nobody chooses


def filled_by_all(
    kspace: Tensor,
    mask: Tensor,
    reference: Tensor,
    *,
    kernel_size: tuple[int, int] = (4, 5),
    n_held: int = 8,
    weights: Sequence[float] = WEIGHTS,
    raki_kinds: Sequence[str] = ("raki",),
) -> dict[str, Tensor]:
    """Fill the missing lines of one scan in every way, and combine the coils by their root sum of squares.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Zero where `mask` is False.
    mask : bool Tensor, shape (ky, 1)
        Every R-th line and an ACS.
    reference : real Tensor, shape (y, x)
        Root sum of squares of all lines: it picks the best weight, which no scanner could do.
    kernel_size, n_held, weights
        Of GRAPPA, as for `mricourse.reconstruct.grappa_weight.grappa_weight_of_acs`.
    raki_kinds : sequence of "raki", "residual"
        As for `mricourse.reconstruct.raki.raki`.

    Returns
    -------
    dict {way: real Tensor, shape (y, x)}
        "zeros", "GRAPPA, 0.0001", "GRAPPA, from ACS", "GRAPPA, best", and "RAKI", "residual RAKI" where wanted.
    """

    def image(filled: Tensor) -> Tensor:
        return rss(ifft2c(filled))

    by_weight = {weight: image(grappa(kspace, mask, kernel_size=kernel_size, reg_weight=weight)) for weight in weights}
    chosen = grappa_weight_of_acs(kspace, mask, kernel_size=kernel_size, n_held=n_held, weights=weights)
    best = max(weights, key=lambda weight: filling_score(by_weight[weight], reference))
    fixed = image(grappa(kspace, mask, kernel_size=kernel_size, reg_weight=FIXED_WEIGHT))
    names = {"raki": "RAKI", "residual": "residual RAKI"}
    return {
        "zeros": image(kspace),
        f"GRAPPA, {FIXED_WEIGHT:g}": fixed,
        "GRAPPA, from ACS": by_weight[chosen],
        "GRAPPA, best": by_weight[best],
        **{names[kind]: image(raki(kspace, mask, kind=kind)) for kind in raki_kinds},
    }


def filling_score(image: Tensor, reference: Tensor) -> float:
    """PSNR in dB over the pixels brighter than a tenth of the brightest, at the `best_scale` there.

    Parameters
    ----------
    image, reference : real Tensors, shape (y, x)
    """
    tissue = reference > TISSUE * reference.max()
    scaled = best_scale(tissue * image, tissue * reference)
    return float(psnr(scaled, reference, inside=tissue))


def filling_scores(
    kspace: Tensor, masks: Tensor, references: Tensor, *, raki_kinds: Sequence[str] = ("raki",), n_held: int = 8
) -> dict[str, Tensor]:
    """Score every way of `filled_by_all` on several scans.

    Parameters
    ----------
    kspace : complex Tensor, shape (n, coils, ky, kx)
    masks : bool Tensor, shape (n, 1, ky, 1)
    references : real Tensor, shape (n, y, x)
    raki_kinds, n_held
        As for `filled_by_all`.

    Returns
    -------
    dict {way: float64 Tensor, shape (n,)}, PSNR in dB over tissue
    """
    found: dict[str, list[float]] = {}
    for scan, mask, reference in zip(kspace, masks, references, strict=True):
        images = filled_by_all(scan, mask[0], reference, raki_kinds=raki_kinds, n_held=n_held)
        for way, image in images.items():
            found.setdefault(way, []).append(filling_score(image, reference))
    return {way: torch.tensor(values, dtype=torch.float64) for way, values in found.items()}
