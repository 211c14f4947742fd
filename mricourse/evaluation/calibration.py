"""Three ways to use the same calibration lines, on the same scans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.coil_maps import espirit, low_resolution_maps
from mricourse.physics.fourier import ifft2c
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.reconstruct.parallel_imaging import grappa

WAYS = ("centre", "ESPIRiT", "GRAPPA")
WEIGHTS = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02)
GRAPPA_WEIGHTS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
TISSUE = 0.1  # of the largest magnitude of the reference
SOLVED = {"n_iterations": 300, "tolerance": 1e-5}  # converged: an image that was stopped early depends on the stopping


def calibrated_images(
    kspace: Tensor, mask: Tensor, *, acs: int, reg_weight: float, fit_weight: float = 1e-3
) -> dict[str, Tensor]:
    r"""Reconstruct one scan by SENSE with maps from the centre, by SENSE with ESPIRiT's maps, and by GRAPPA.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Zero where `mask` is False.
    mask : bool Tensor, shape (ky, 1)
        Every R-th line and the ACS.
    acs : int
        Lines of the ACS.
    reg_weight : float
        $\lambda$ of SENSE, more than 0.
    fit_weight : float
        Weight in the fit of GRAPPA's kernel.

    Returns
    -------
    dict {"centre", "ESPIRiT", "GRAPPA": complex Tensor, shape (y, x)}
        ESPIRiT's maps combine the coil images that GRAPPA fills.
    """
    eigen = espirit(kspace, acs=acs)
    centre = low_resolution_maps(kspace, acs=acs)
    return {
        "centre": _sense(centre, mask, kspace, reg_weight),
        "ESPIRiT": _sense(eigen, mask, kspace, reg_weight),
        "GRAPPA": combine(ifft2c(grappa(kspace, mask, reg_weight=fit_weight)), eigen),
    }


def calibration_scores(
    kspace: Tensor,
    mask: Tensor,
    references: Tensor,
    inside: Tensor,
    *,
    acs: int,
    ways: Sequence[str] = WAYS,
    outline_known: bool = False,
    grappa_kernel: tuple[int, int] = (4, 5),
) -> dict[str, Tensor]:
    r"""PSNR inside the object, in dB, of the three ways of `calibrated_images`, each with its best weight.

    The weight ($\lambda$ of SENSE out of `WEIGHTS`, the one of GRAPPA's fit out of `GRAPPA_WEIGHTS`) is that with the
    highest mean over these very scans. Nobody can tune like that without knowing the answer; here it keeps the choice
    of weights out of the comparison.

    Parameters
    ----------
    kspace : complex Tensor, shape (scans, coils, ky, kx)
        Zero where `mask` is False.
    mask, acs :
        As for `calibrated_images`.
    references : Tensor, shape (scans, y, x)
    inside : bool Tensor, shape (scans, y, x)
        Where the images are compared; the error is averaged over these pixels.
    ways : sequence of str
        Which of the three; GRAPPA takes longest.
    outline_known : bool
        Set both kinds of maps to zero outside `inside`.
    grappa_kernel : (int, int)
        Sampled lines and readout points of GRAPPA's kernel; ESPIRiT's window adapts to the ACS by itself.

    Returns
    -------
    dict {way: Tensor, shape (scans,)}
    """

    def best(images: Iterable[Tensor]) -> Tensor:
        scores = [torch.as_tensor(psnr(image, references, inside=inside)) for image in images]
        return max(scores, key=lambda score: score.mean().item())

    def by_grappa(reg_weight: float) -> Tensor:
        filled = [grappa(scan, mask, kernel_size=grappa_kernel, reg_weight=reg_weight) for scan in kspace]
        return combine(ifft2c(torch.stack(filled)), eigen)

    eigen = torch.stack([espirit(scan, acs=acs) for scan in kspace])
    centre = low_resolution_maps(kspace, acs=acs)
    if outline_known:
        eigen = eigen * inside.unsqueeze(-3)
        centre = centre * inside.unsqueeze(-3)
    images = {
        "centre": (_sense(centre, mask, kspace, weight) for weight in WEIGHTS),
        "ESPIRiT": (_sense(eigen, mask, kspace, weight) for weight in WEIGHTS),
        "GRAPPA": (by_grappa(weight) for weight in GRAPPA_WEIGHTS),
    }  # made one by one, when they are scored
    return {way: best(images[way]) for way in ways}


def compared_with_rss(kspace: Tensor, acceleration: int, *, acs: int, reg_weight: float = 0.01) -> dict[str, Tensor]:
    r"""Magnitudes of the three images of `calibrated_images` from a part of a complete scan, beside its reference.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Every line.
    acceleration : int
        Every line of this number is kept, and the ACS.
    acs : int
        Lines of the ACS.
    reg_weight : float
        $\lambda$ of SENSE, more than 0.

    Returns
    -------
    dict {"reference", "centre", "ESPIRiT", "GRAPPA": real Tensor, shape (y, x)}
        The reference is the root sum of squares of all lines; the others are scaled by the number that brings them
        closest to it. All are zero where there is no tissue, so average errors where the reference is not zero (`psnr`
        with ``inside=reference > 0``).
    """
    reference = rss(ifft2c(kspace))
    tissue = reference > TISSUE * reference.max()
    reference = tissue * reference
    lines = equispaced_mask(kspace.shape[-2], acceleration, acs=acs).to(kspace.device)
    images = calibrated_images(lines * kspace, lines, acs=acs, reg_weight=reg_weight)
    scaled = {way: best_scale(tissue * image.abs(), reference) for way, image in images.items()}
    return {"reference": reference, **scaled}


def _sense(smaps: Tensor, mask: Tensor, kspace: Tensor, reg_weight: float) -> Tensor:
    return cg_sense(SenseOperator(smaps, mask), kspace, reg_weight=reg_weight, **SOLVED)
