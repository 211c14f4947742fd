"""Three ways to use the same calibration lines, on the same scans."""

from __future__ import annotations

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

WEIGHTS = (0.003, 0.005, 0.01)
GRAPPA_WEIGHTS = (1e-4, 1e-3)
TISSUE = 0.1  # of the largest magnitude of the reference
SOLVED = {"n_iterations": 60, "tolerance": 1e-3}  # with a weight of 0.003 or more: within 0.001 dB


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
        $\lambda$ of SENSE, 0.003 or more.
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
    outline_known: bool = False,
    grappa_kernel: tuple[int, int] = (4, 5),
) -> dict[str, Tensor]:
    r"""PSNR inside the object, in dB, of the three ways of `calibrated_images`, each with its best weight.

    The weight ($\lambda$ of SENSE, the one of GRAPPA's fit) is that with the highest mean over these very scans. Nobody
    can tune like that without knowing the answer; here it keeps the choice of weights out of the comparison.

    Parameters
    ----------
    kspace : complex Tensor, shape (scans, coils, ky, kx)
        Zero where `mask` is False.
    mask, acs :
        As for `calibrated_images`.
    references : Tensor, shape (scans, y, x)
    inside : bool Tensor, shape (scans, y, x)
        Where the images are compared.
    outline_known : bool
        Set both kinds of maps to zero outside `inside`.
    grappa_kernel : (int, int)
        Sampled lines and readout points of GRAPPA's kernel; ESPIRiT's window adapts to the ACS by itself.

    Returns
    -------
    dict {"centre", "ESPIRiT", "GRAPPA": Tensor, shape (scans,)}
    """

    def best(images: list[Tensor]) -> Tensor:
        scores = [torch.as_tensor(psnr(inside * image, inside * references)) for image in images]
        return max(scores, key=lambda score: score.mean().item())

    eigen = torch.stack([espirit(scan, acs=acs) for scan in kspace])
    centre = low_resolution_maps(kspace, acs=acs)
    if outline_known:
        eigen = eigen * inside.unsqueeze(-3)
        centre = centre * inside.unsqueeze(-3)
    scores = {}
    for name, smaps in {"centre": centre, "ESPIRiT": eigen}.items():
        scores[name] = best([_sense(smaps, mask, kspace, weight) for weight in WEIGHTS])
    by_grappa = []
    for weight in GRAPPA_WEIGHTS:
        filled = [grappa(scan, mask, kernel_size=grappa_kernel, reg_weight=weight) for scan in kspace]
        by_grappa.append(combine(ifft2c(torch.stack(filled)), eigen))
    scores["GRAPPA"] = best(by_grappa)
    return scores


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
        $\lambda$ of SENSE, 0.003 or more.

    Returns
    -------
    dict {"reference", "centre", "ESPIRiT", "GRAPPA": real Tensor, shape (y, x)}
        The reference is the root sum of squares of all lines; the others are scaled by the number that brings them
        closest to it. All are zero where there is no tissue.
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
