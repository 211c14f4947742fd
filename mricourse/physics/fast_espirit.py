"""ESPIRiT in the form that computers like; `mricourse.physics.coil_maps.plain_espirit` has the equation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

COARSE = 4  # pixels between the points at which the eigenvectors are found from scratch


def fast_espirit(
    centre: Tensor, shape: tuple[int, int], *, kernel_size: int, threshold: float, crop: float, n_iterations: int
) -> Tensor:
    """Estimate maps from the samples that calibrate: (coils, rows, columns) -> (coils, y, x).

    The patches' covariance is small where the calibration matrix is tall. The averaged projection is a convolution of a
    few lags, whose transform is a product with the waves of each axis. Power iteration finds its eigenvector on every
    fourth pixel, and a third of the steps then refines the neighbours, since maps are smooth.
    """
    kernels = _signal_kernels(centre, kernel_size, threshold)
    strongest = strongest_combination(centre)
    ny, nx = shape
    lags = _kernel_lags(kernels)
    waves = [_lag_waves(n, kernel_size).to(lags) for n in (ny, nx)]
    coarse = [waves[axis][COARSE // 2 :: COARSE] for axis in (0, 1)]
    starts = [_dominant(block, block @ strongest, n_iterations)[0] for block in _pixel_matrices(lags, *coarse)]
    nearest = [(torch.arange(n) // COARSE).clamp_max(len(c) - 1) for n, c in zip((ny, nx), coarse, strict=True)]
    start = torch.cat(starts)[nearest[0]][:, nearest[1]]
    smaps = []
    for block in _pixel_matrices(lags, *waves):  # maps are smooth, so a third of the steps polishes the neighbour's
        row = sum(len(part) for part in smaps)
        vector, eigenvalue = _dominant(block, start[row : row + len(block)], -(-n_iterations // 3))
        phase = torch.sgn((strongest.conj() * vector).sum(-1, keepdim=True))
        smaps.append(torch.where(eigenvalue > crop, vector * phase.conj(), 0))
    return torch.cat(smaps).permute(2, 0, 1).contiguous()


def strongest_combination(centre: Tensor) -> Tensor:
    """Weights (coils,) of the combination that has most of the signal of (coils, rows, columns)."""
    samples = centre.flatten(1)
    return torch.linalg.eigh(samples @ samples.mH)[1][:, -1]


def _signal_kernels(centre: Tensor, size: int, threshold: float) -> Tensor:
    """Find a basis of the patches: (coils, rows, columns) -> (kernels, coils, size, size)."""
    patches = centre.unfold(1, size, 1).unfold(2, size, 1).permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1)
    power, vectors = torch.linalg.eigh(patches.mT @ patches.conj())
    keep = power > (threshold**2) * power[-1]
    return vectors[:, keep].mT.reshape(-1, len(centre), size, size)


def _kernel_lags(kernels: Tensor) -> Tensor:
    """Average projection as a convolution between coils: (kernels, coils, k, k) -> (lag y, lag x, coils, coils)."""
    size = kernels.shape[-1]
    spectra = torch.fft.fft2(kernels, s=(2 * size - 1, 2 * size - 1))
    return torch.fft.ifft2(torch.einsum("jcuv,jduv->cduv", spectra, spectra.conj())).permute(2, 3, 0, 1) / size**2


def _pixel_matrices(lags: Tensor, waves_y: Tensor, waves_x: Tensor) -> Iterator[Tensor]:
    """Evaluate the averaged projection at each pixel, a few rows (rows, x, coils, coils) at a time: at most 64 MiB."""
    along_x = torch.einsum("uvcd,xv->uxcd", lags, waves_x)
    step = max(1, 2**23 // along_x[0].numel())
    for block in waves_y.split(step):
        yield torch.einsum("yu,uxcd->yxcd", block, along_x)


def _dominant(matrices: Tensor, vector: Tensor, n_iterations: int) -> tuple[Tensor, Tensor]:
    """Power iteration per pixel: (..., coils, coils) and (..., coils) -> eigenvector and its eigenvalue (..., 1)."""
    for _ in range(n_iterations):
        vector = (matrices @ vector[..., None])[..., 0]
        eigenvalue = torch.view_as_real(vector).square().sum(dim=(-2, -1)).sqrt()[..., None]  # twice as fast as norm()
        vector = vector / eigenvalue.clamp_min(torch.finfo(eigenvalue.dtype).tiny)
    return vector, eigenvalue


def _lag_waves(n: int, size: int) -> Tensor:
    """Phase of every lag at every pixel: (n, 2 * size - 1), lags in the order of an FFT."""
    lag = torch.fft.fftfreq(2 * size - 1, 1 / (2 * size - 1), dtype=torch.float64)
    position = (torch.arange(n, dtype=torch.float64) - n // 2) / n
    return torch.exp(2j * math.pi * position[:, None] * lag)
