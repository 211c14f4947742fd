"""Coil maps from the fully sampled centre of k-space, the autocalibration signal (ACS)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from mricourse.physics.coil_combination import rss
from mricourse.physics.fourier import ifft2c

_COARSE = 4  # pixels between the points at which ESPIRiT's eigenvectors are found from scratch


def low_resolution_maps(kspace: Tensor, *, acs: int | tuple[int, int] = 24) -> Tensor:
    r"""Estimate maps as low-resolution coil images over their root sum of squares [McKenzie, MRM 2002].

    Parameters
    ----------
    kspace : complex Tensor, shape (..., coils, ky, kx)
        Fully sampled in its centre.
    acs : int or (int, int)
        Samples of the centre along ky and kx that are used, under a Hann window against ringing.

    Returns
    -------
    smaps : complex Tensor, shape (..., coils, y, x)
        With $\sum_c |S_c|^2 = 1$; the phase of the object stays in the maps.
    """
    window = torch.zeros(kspace.shape[-2:], device=kspace.device)
    rows, columns = _centre(kspace, acs)
    n_rows, n_columns = rows.stop - rows.start, columns.stop - columns.start
    hann = [torch.hann_window(n + 2, periodic=False, device=kspace.device)[1:-1] for n in (n_rows, n_columns)]
    window[rows, columns] = hann[0][:, None] * hann[1]
    coil_images = ifft2c(kspace * window)
    return coil_images / rss(coil_images).unsqueeze(-3).clamp_min(torch.finfo(window.dtype).tiny)


def espirit(
    kspace: Tensor,
    *,
    acs: int | tuple[int, int] = 24,
    kernel_size: int = 6,
    threshold: float = 0.02,
    crop: float = 0.8,
    n_iterations: int = 30,
) -> Tensor:
    r"""Estimate coil maps from the fully sampled centre by ESPIRiT [Uecker, MRM 2014].

    Patches of k-space lie in a small subspace. Projecting every patch onto it and averaging is a convolution between
    coils, so at each pixel a small Hermitian matrix; the maps are its eigenvector to the eigenvalue 1.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Fully sampled in its centre.
    acs : int or (int, int)
        Samples of the centre along ky and kx that calibrate.
    kernel_size : int
        Side of a patch.
    threshold : float
        Singular values of the calibration matrix below this fraction of the largest are noise.
    crop : float
        Maps are zero where the eigenvalue is below it: outside the object.
    n_iterations : int
        Power iterations for the eigenvectors on every fourth pixel along both axes; a third of them then refines
        the rest.

    Returns
    -------
    smaps : complex Tensor, shape (coils, y, x)
        With $\sum_c |S_c|^2 = 1$ in the object, so that the shading of the receive coils stays in the image; phase
        relative to the strongest combination of the coils.

    Raises
    ------
    ValueError
        For k-space of another shape, an ACS too small for the kernel, or one that is empty.
    """
    if kspace.ndim != 3 or not kspace.is_complex():
        raise ValueError(f"kspace has shape {tuple(kspace.shape)}, {kspace.dtype}; expected complex (coils, ky, kx).")
    rows, columns = _centre(kspace, acs)
    centre = kspace[:, rows, columns]
    if min(centre.shape[1:]) < kernel_size + 2:
        raise ValueError(
            f"the calibration centre is {tuple(centre.shape[1:])}; expected at least {kernel_size + 2} samples "
            f"along both axes for a kernel of {kernel_size}. Sample more lines in the centre or use a smaller kernel."
        )
    if not bool((centre.abs().sum(0) > 0).float().mean() > 0.5):
        raise ValueError(
            f"most of the central {tuple(centre.shape[1:])} samples are zero; expected a fully sampled centre. "
            "Give the size that was acquired as acs, or give the maps."
        )
    kernels, strongest = _signal_kernels(centre, kernel_size, threshold)
    n_coils, ny, nx = kspace.shape
    lags = _kernel_lags(kernels)
    waves = [_lag_waves(n, kernel_size).to(lags) for n in (ny, nx)]
    coarse = [waves[axis][_COARSE // 2 :: _COARSE] for axis in (0, 1)]
    starts = [_dominant(block, block @ strongest, n_iterations)[0] for block in _pixel_matrices(lags, *coarse)]
    nearest = [(torch.arange(n) // _COARSE).clamp_max(len(c) - 1) for n, c in zip((ny, nx), coarse, strict=True)]
    start = torch.cat(starts)[nearest[0]][:, nearest[1]]
    smaps = []
    for block in _pixel_matrices(lags, *waves):  # maps are smooth, so a third of the steps polishes the neighbour's
        row = sum(len(part) for part in smaps)
        vector, eigenvalue = _dominant(block, start[row : row + len(block)], -(-n_iterations // 3))
        phase = torch.sgn((strongest.conj() * vector).sum(-1, keepdim=True))
        smaps.append(torch.where(eigenvalue > crop, vector * phase.conj(), 0))
    return torch.cat(smaps).permute(2, 0, 1).contiguous()


def _centre(kspace: Tensor, acs: int | tuple[int, int]) -> tuple[slice, slice]:
    sizes = (acs, acs) if isinstance(acs, int) else acs
    starts = [n // 2 - min(size, n) // 2 for n, size in zip(kspace.shape[-2:], sizes, strict=True)]
    return tuple(
        slice(start, start + min(size, n)) for start, n, size in zip(starts, kspace.shape[-2:], sizes, strict=True)
    )


def _signal_kernels(centre: Tensor, size: int, threshold: float) -> tuple[Tensor, Tensor]:
    """Find a basis of the patches (kernels, coils, size, size) and the strongest combination of coils (coils,)."""
    patches = centre.unfold(1, size, 1).unfold(2, size, 1).permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1)
    power, vectors = torch.linalg.eigh(patches.mT @ patches.conj())
    keep = power > (threshold**2) * power[-1]
    kernels = vectors[:, keep].mT.reshape(-1, len(centre), size, size)
    samples = centre.flatten(1)
    return kernels, torch.linalg.eigh(samples @ samples.mH)[1][:, -1]


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
