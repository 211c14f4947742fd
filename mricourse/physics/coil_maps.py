"""Coil maps from the fully sampled centre of k-space, the autocalibration signal (ACS)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from mricourse.physics.coil_combination import rss
from mricourse.physics.fourier import ifft2c
from mricourse.physics.sampling import acs_block, near_centre

KERNEL = 6  # of ESPIRiT, where the ACS is large enough
CROP = 0.8
CROP_OFF_CENTRE = 0.5
MIN_ACS = 8  # samples along an axis from which a kernel of 3 still gives maps without holes
_COARSE = 4  # pixels between the points at which ESPIRiT's eigenvectors are found from scratch


Acs = int | tuple[int, int] | tuple[slice, slice]


def low_resolution_maps(kspace: Tensor, *, acs: Acs = 24) -> Tensor:
    r"""Estimate maps as low-resolution coil images over their root sum of squares [McKenzie, MRM 2002].

    Parameters
    ----------
    kspace : complex Tensor, shape (..., coils, ky, kx)
        Fully sampled in or near its centre.
    acs : int, (int, int) or (slice, slice)
        As in `espirit`; under a Hann window against ringing.

    Returns
    -------
    smaps : complex Tensor, shape (..., coils, y, x)
        With $\sum_c |S_c|^2 = 1$; the phase of the object stays in the maps.
    """
    window = torch.zeros(kspace.shape[-2:], device=kspace.device)
    rows, columns = _calibration_block(kspace, acs)
    n_rows, n_columns = rows.stop - rows.start, columns.stop - columns.start
    hann = [torch.hann_window(n + 2, periodic=False, device=kspace.device)[1:-1] for n in (n_rows, n_columns)]
    window[rows, columns] = hann[0][:, None] * hann[1]
    coil_images = ifft2c(kspace * window)
    return coil_images / rss(coil_images).unsqueeze(-3).clamp_min(torch.finfo(window.dtype).tiny)


def espirit(
    kspace: Tensor,
    *,
    acs: Acs = 24,
    kernel_size: int | None = None,
    threshold: float = 0.02,
    crop: float | None = None,
    n_iterations: int = 30,
) -> Tensor:
    r"""Estimate coil maps from the fully sampled centre by ESPIRiT [Uecker, MRM 2014].

    Patches of k-space lie in a small subspace. Projecting every patch onto it and averaging is a convolution between
    coils, so at each pixel a small Hermitian matrix; the maps are its eigenvector to the eigenvalue 1.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Fully sampled in or near its centre.
    acs : int, (int, int) or (slice, slice)
        Samples along ky and kx that calibrate: at most so many, those nearest to the centre in the fully sampled
        block, which need not be centred; or where they lie, as `mricourse.physics.sampling.acs_block` finds it.
    kernel_size : int, optional
        Side of a patch: 6, or less where fewer than 14 samples calibrate, down to 3 for 8. With a larger one there are
        fewer patches than directions, the eigenvalues in the object fall below `crop`, and the maps get holes.
    threshold : float
        Singular values of the calibration matrix below this fraction of the largest are noise.
    crop : float, optional
        Maps are zero where the eigenvalue is below it, outside the object: 0.8, or 0.5 where the ACS lies so far from
        the centre that flat parts of the object have eigenvalues between the two.
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
        For k-space of another shape, an ACS of less than 8 samples or twice the kernel, or one that is empty or does
        not reach the centre of k-space.
    """
    if kspace.ndim != 3 or not kspace.is_complex():
        raise ValueError(f"kspace has shape {tuple(kspace.shape)}, {kspace.dtype}; expected complex (coils, ky, kx).")
    rows, columns = _calibration_block(kspace, acs)
    centre = kspace[:, rows, columns]
    if crop is None:
        is_centred = all(_is_centred(span, n) for span, n in zip((rows, columns), kspace.shape[1:], strict=True))
        crop = CROP if is_centred else CROP_OFF_CENTRE
    side = min(centre.shape[1:])
    kernel_size = min(KERNEL, side // 2 - 1) if kernel_size is None else kernel_size
    smallest = MIN_ACS if kernel_size < 3 else 2 * kernel_size
    if side < smallest:
        raise ValueError(
            f"the calibration centre is {tuple(centre.shape[1:])}; expected at least {smallest} samples along both "
            f"axes{'' if kernel_size < 3 else f' for a kernel of {kernel_size}'}. Sample more lines in the centre or "
            "give the maps."
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


def _calibration_block(kspace: Tensor, acs: Acs) -> tuple[slice, slice]:
    """Find the samples that calibrate: the centred ones where all were acquired, or those nearest to them."""
    shape = tuple(kspace.shape[-2:])
    sampled = (kspace != 0).flatten(0, -3).any(dim=0)
    if isinstance(acs, tuple) and isinstance(acs[0], slice):
        block = acs
    else:
        sizes = (acs, acs) if isinstance(acs, int) else acs
        block = tuple(near_centre(slice(0, n), size, n) for size, n in zip(sizes, shape, strict=True))
        if not bool(sampled[block].all()):
            found = acs_block(sampled, shape)
            block = tuple(near_centre(*each) for each in zip(found, sizes, shape, strict=True))
    if not bool(sampled[block].any()):
        raise ValueError(
            f"the central samples of k-space {tuple(kspace.shape)} are zero; expected a fully "
            "sampled centre. Give the maps instead."
        )
    for axis, span, n in zip(("ky", "kx"), block, shape, strict=True):
        if not span.start <= n // 2 < span.stop:  # else flat parts of the object have no signal, and the maps holes
            raise ValueError(
                f"the fully sampled block, {axis} {span.start} to {span.stop - 1}, does not reach the centre of "
                f"k-space at {n // 2}; expected it there, where most of the signal is. Give the maps instead."
            )
    return block


def _is_centred(span: slice, n: int) -> bool:
    return abs((span.start + span.stop) / 2 - n // 2) <= (span.stop - span.start) / 4


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
