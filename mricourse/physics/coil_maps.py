"""Coil maps from the fully sampled centre of k-space, the autocalibration signal (ACS)."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.coil_combination import rss
from mricourse.physics.fast_espirit import fast_espirit, strongest_combination
from mricourse.physics.fourier import ifft2c
from mricourse.physics.sampling import acs_block, near_centre

CALIBRATION = 24  # samples of the centre that maps are estimated from, where so many were measured
KERNEL = 6  # of ESPIRiT, where the ACS is large enough
CROP = 0.8
CROP_OFF_CENTRE = 0.5
MIN_ACS = 8  # samples along an axis from which a kernel of 3 still gives maps without holes


Acs = int | tuple[int, int] | tuple[slice, slice]


def low_resolution_maps(kspace: Tensor, *, acs: Acs = CALIBRATION) -> Tensor:
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
    window = _hann_on(_calibration_block(kspace, acs), kspace.shape[-2:]).to(kspace.device)
    coil_images = ifft2c(kspace * window)
    return coil_images / rss(coil_images).unsqueeze(-3).clamp_min(torch.finfo(window.dtype).tiny)


def acs_window(shape: tuple[int, int], acs: int | tuple[int, int]) -> Tensor:
    """Give the window under which `low_resolution_maps` looks at a centred ACS, real (ky, kx).

    One near the centre of k-space, falling to zero at the edges of the ACS (Hann), so that coil images do not ring; and
    zero outside.

    Raises
    ------
    ValueError
        An ACS without samples, or one that is larger than k-space.
    """
    sizes = (acs, acs) if isinstance(acs, int) else acs
    if not all(1 <= size <= n for size, n in zip(sizes, shape, strict=True)):
        raise ValueError(f"acs is {acs} for k-space of {tuple(shape)}; expected 1 sample to all of each axis.")
    block = tuple(near_centre(slice(0, n), size, n) for size, n in zip(sizes, shape, strict=True))
    return _hann_on(block, shape)


def espirit(
    kspace: Tensor,
    *,
    acs: Acs = CALIBRATION,
    kernel_size: int | None = None,
    threshold: float = 0.02,
    crop: float | None = None,
    n_iterations: int | None = None,
) -> Tensor:
    r"""Estimate coil maps from the fully sampled centre by ESPIRiT [Uecker, MRM 2014].

    Patches of k-space lie in a small subspace. Projecting every patch onto it and averaging is a convolution between
    coils, so at each pixel a small Hermitian matrix; the maps are its eigenvector to the eigenvalue 1. `plain_espirit`
    has that line by line; here the eigenvectors are found by power iteration.

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
    n_iterations : int, optional
        Power iterations for the eigenvectors on every fourth pixel along both axes; a third of them then refines
        the rest. 30, or 300 for smaller kernels, whose eigenvalues lie closer together.

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
    centre, kernel_size, crop = _calibration(kspace, acs, kernel_size, crop)
    n_iterations = n_iterations or (30 if kernel_size >= KERNEL else 300)
    options = {"kernel_size": kernel_size, "threshold": threshold, "crop": crop, "n_iterations": n_iterations}
    return fast_espirit(centre, tuple(kspace.shape[1:]), **options)


def plain_espirit(
    kspace: Tensor,
    *,
    acs: Acs = CALIBRATION,
    kernel_size: int | None = None,
    threshold: float = 0.02,
    crop: float | None = None,
) -> Tensor:
    r"""Do what `espirit` does, line by line as in the paper: slow, for readers and to test the fast one.

    1. Every patch of the ACS, of all coils, is a row of the calibration matrix.
    2. Its right singular vectors with large singular values span the signal: whatever patch of k-space one takes, also
       outside the ACS, is a combination of them.
    3. A vector is a kernel that is correlated with k-space, so its transform $\hat v_j(r)$ weights the coil images.
       Projecting all patches onto the signal and averaging what the $k^2$ patches say of each sample is, at pixel $r$,
       the small matrix $G_r = \frac{1}{k^2} \sum_j \hat v_j(r)\, \hat v_j(r)^H$.
    4. Data are not changed by the projection, so the maps at $r$ are the eigenvector of $G_r$ to the eigenvalue 1.

    Parameters, result and errors as for `espirit`. The eigenvalues are at most 1.
    """
    centre, k, crop = _calibration(kspace, acs, kernel_size, crop)
    eigenvalues, eigenvectors = _pixel_eigen(centre, k, threshold, kspace.shape[1:])
    smaps = eigenvectors[..., -1]  # (y, x, coils), each up to a phase
    phase = torch.sgn((strongest_combination(centre).conj() * smaps).sum(dim=-1, keepdim=True))
    smaps = torch.where(eigenvalues[..., -1:] > crop, smaps * phase.conj(), 0)
    return smaps.permute(2, 0, 1).contiguous()


def calibration_matrix(kspace: Tensor, *, acs: Acs = CALIBRATION, kernel_size: int | None = None) -> Tensor:
    """Write every patch of the ACS, of all coils, as a row of a matrix: the first step of `plain_espirit`.

    Parameters
    ----------
    kspace, acs, kernel_size :
        As for `espirit`, and so are the errors.

    Returns
    -------
    complex Tensor, shape (patches, coils * kernel_size**2)
        A row holds the patch of the first coil, line by line, then that of the second, and so on.
    """
    centre, k, _ = _calibration(kspace, acs, kernel_size, None)
    return _patch_rows(centre, k)


def espirit_eigenvalues(
    kspace: Tensor, *, acs: Acs = CALIBRATION, kernel_size: int | None = None, threshold: float = 0.02
) -> Tensor:
    r"""Give the eigenvalues of the matrices $G_r$ of `plain_espirit`, the largest first.

    Parameters
    ----------
    kspace, acs, kernel_size, threshold :
        As for `espirit`, and so are the errors.

    Returns
    -------
    real Tensor, shape (coils, y, x)
        Between 0 and 1. In the object the first is 1 and the others are smaller; where the first is clearly below 1
        there is no object, and `espirit` sets the maps to zero.
    """
    centre, k, _ = _calibration(kspace, acs, kernel_size, None)
    eigenvalues, _ = _pixel_eigen(centre, k, threshold, kspace.shape[1:])
    return eigenvalues.flip(-1).permute(2, 0, 1).contiguous()


def _patch_rows(centre: Tensor, k: int) -> Tensor:
    """Collect the patches: (coils, rows, columns) -> (patches, coils * k * k)."""
    windows = centre.unfold(1, k, 1).unfold(2, k, 1)  # (coils, rows, columns, k, k)
    return windows.permute(1, 2, 0, 3, 4).reshape(-1, len(centre) * k * k)


def _pixel_eigen(centre: Tensor, k: int, threshold: float, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, (y, x, coils), and eigenvectors, (y, x, coils, coils), of the matrix of each pixel."""
    n_coils = len(centre)
    _, singular_values, vectors = torch.linalg.svd(_patch_rows(centre, k), full_matrices=False)
    signal = vectors[singular_values > threshold * singular_values[0]]
    kernels = centre.new_zeros(len(signal), n_coils, *shape)
    kernels[..., :k, :k] = signal.reshape(-1, n_coils, k, k)
    spectra = torch.fft.fftshift(torch.fft.ifft2(kernels, norm="forward"), dim=(-2, -1))
    return torch.linalg.eigh(torch.einsum("jcyx,jdyx->yxcd", spectra, spectra.conj()) / k**2)


def _calibration(kspace: Tensor, acs: Acs, kernel_size: int | None, crop: float | None) -> tuple[Tensor, int, float]:
    """Check the data, cut out the samples that calibrate, (coils, rows, columns), and choose kernel and crop."""
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
    return centre, kernel_size, crop


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


def _hann_on(block: tuple[slice, slice], shape: tuple[int, int]) -> Tensor:
    """A Hann window on a block of k-space, without its two zeros, and zero outside: (ky, kx)."""
    rows, columns = block
    sizes = (rows.stop - rows.start, columns.stop - columns.start)
    hann = [torch.hann_window(n + 2, periodic=False)[1:-1] for n in sizes]
    window = torch.zeros(tuple(shape))
    window[rows, columns] = hann[0][:, None] * hann[1]
    return window


def _is_centred(span: slice, n: int) -> bool:
    return abs((span.start + span.stop) / 2 - n // 2) <= (span.stop - span.start) / 4
