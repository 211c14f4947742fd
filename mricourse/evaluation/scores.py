"""What a network reaches on average over scans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mricourse.evaluation.metrics import nmse, psnr, ssim
from mricourse.networks.apply import repeatable
from mricourse.physics.scan import Scan, stack

if TYPE_CHECKING:
    pass


@torch.no_grad()
def evaluate(network: nn.Module, scans: Iterable[Scan], *, device: torch.device | str = "cpu") -> dict[str, float]:
    """Average PSNR in dB, SSIM and NMSE of a network, and the PSNR of the zero-filled image, over scans.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)`` in evaluation mode, on `device`.
    scans : iterable of Scan
        With maps and reference, at least one. Those of several contrasts count as the mean over them.
    device : device

    Returns
    -------
    dict with ``psnr``, ``ssim``, ``nmse``, ``psnr_zero_filled``, each to four decimals, and ``n_slices``.
    """
    scores: dict[str, list[float]] = {"psnr": [], "ssim": [], "nmse": [], "psnr_zero_filled": []}
    for scan in scans:
        [(A, kspace, reference)] = stack([scan.to(device)])
        with repeatable():
            image = network(A, kspace)[0]
        for name, measure in (("psnr", psnr), ("ssim", ssim), ("nmse", nmse)):
            scores[name].append(_mean(measure(image, reference[0])))
        scores["psnr_zero_filled"].append(_mean(psnr(A.adjoint(kspace)[0], reference[0])))
    n_slices = len(scores["psnr"])
    return {name: round(sum(values) / n_slices, 4) for name, values in scores.items()} | {"n_slices": n_slices}


def _mean(values: float | Tensor) -> float:
    """Average over the contrasts of a slice, where there are several."""
    return float(torch.as_tensor(values, dtype=torch.float64).mean())
