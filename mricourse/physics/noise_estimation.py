"""The noise of a scan, measured from the scan itself."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from mricourse.physics.fourier import floating, ifft2c, ifftc, random_complex
from mricourse.physics.sampling import acs_block, near_centre

BLOCK = 20  # rows of the centre that are looked at; columns too, unless whole readouts were sampled
WIDE_BLOCK = 32  # where that does not suffice
QUIET = 0.15  # share of the directions in patch space that are taken for noise
FLAT = 3.5  # most that the largest of their eigenvalues is above the smallest; the signal's tail falls over decades
ENOUGH = 2  # patches for each direction; with fewer the smallest eigenvalues are far too low
FEW_COILS = 3
SILENT = 5  # times: coils whose noise is so far below the median are not as the others
LOUD = 20  # times: noise of the strong coils above the quietest; up to 11 where all are alike, from 40 where not
ROUNDING = 1e-12  # power of a combination of coils, relative to the largest, that is a rounding error
LARGEST = 10  # side of a patch
FEWEST_DIRECTIONS = 20
MOST_DIRECTIONS = 300
LINES_IN_AIR = 6
SMALLEST_IMAGE = 6
FEWEST_OUTSIDE = 64


def noise_level(kspace: Tensor, mask: Tensor) -> Tensor:
    r"""Estimate the noise per real and imaginary part: (..., coils, ky, kx) -> (..., 1, 1), in the units of the data.

    Coil maps are smooth, so the small patches of k-space across all coils lie near a subspace, whatever the object (the
    idea of ESPIRiT). What is left in the other directions is noise: the smallest eigenvalues of the patches' covariance
    are $2\sigma^2$. Fine detail does not disturb it, as it would at the edge of k-space.

    Coils that are dead, or combinations of others, leave no noise in some directions; they are taken out first. Where
    coils differ strongly in their noise, each counts by its signal, as in the combined image. Where the eigenvalues go
    on falling, signal is in all directions; then the lowest of what other patches, the air beside the object and the
    outer k-space show is taken.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., coils, ky, kx)
        Fully sampled in its centre.
    mask : bool Tensor, broadcastable to it
        True where a sample was acquired; where coils differ, the first one's counts.

    Returns
    -------
    Tensor, shape (..., 1, 1)
        Zero only where the data are.

    Notes
    -----
    The estimate over the truth, on simulated heads of 160 x 144 pixels with three kinds of coils, noise in per cent of
    the brightest pixel:

    ====================================  ============  ============  ============  ============
    sampling                              0.01 %        0.05 %        0.1 to 0.5 %  1 to 5 %
    ====================================  ============  ============  ============  ============
    lines, 2 to 32 coils, ACS 6 to 64     0.6 to 2.3    0.6 to 1.7    0.6 to 1.6    0.5 to 1.1
    lines, 1 coil, ACS 24 to 64           1.0 to 2.6    1.0 to 1.5    1.0 to 1.4    1.0 to 1.1
    lines, 1 coil, ACS 6 to 16            1.0 to 32     1.0 to 6.4    0.8 to 3.4    0.8 to 1.1
    points, 3 to 32 coils, ACS 16 to 64   0.5 to 2.8    0.5 to 1.6    0.5 to 1.5    0.4 to 1.3
    points, 1 to 2 coils, ACS 24 to 64    1.0 to 4.5    1.0 to 2.0    0.9 to 1.9    0.8 to 1.7
    points, smaller ACS                   1.2 to 202    1.1 to 41     0.9 to 21     0.7 to 2.3
    ====================================  ============  ============  ============  ============

    Most scans are in the last two columns. Where nothing shows noise alone, as in the last row, the estimate is an
    upper bound: noise and the detail of the outer k-space.
    """
    if kspace.ndim > 3:  # each scan has a centre of its own
        masks = mask.expand(*kspace.shape[:-3], *mask.shape[-3:]) if mask.ndim > 2 else [mask] * len(kspace)
        return torch.stack([noise_level(*pair) for pair in zip(kspace, masks, strict=True)])
    if not bool(kspace.any()):
        return 0 * kspace.real.sum().reshape(1, 1)  # with a gradient, of zero
    block = acs_block(mask, tuple(kspace.shape[-2:]))
    kspace = _independent_coils(kspace, block)
    size = 4 if len(kspace) < 8 else 3  # few coils need larger patches to leave directions without signal
    centre = _centre(kspace, block, BLOCK)
    patches = _patches(centre, size)
    level = None
    if len(kspace) >= FEW_COILS and len(patches) >= ENOUGH * patches.shape[1]:
        level = _level_of_patches(_covariance(patches), centre, len(patches))
    if level is None:
        level = _level_elsewhere(kspace, mask, block)
    positive = level > 0  # the root's gradient is infinite at zero
    noise_std = torch.where(positive, torch.where(positive, level, 1).sqrt(), 0)
    return noise_std.reshape(1, 1).to(kspace.real.dtype)


def _independent_coils(kspace: Tensor, block: tuple[slice, slice]) -> Tensor:
    """Turn dead, duplicated and mixed coils into fewer ones that are not combinations of one another.

    The change of basis is unitary, so the noise stays what it is in the directions that hold signal. Coils that are
    independent stay as they are.
    """
    kspace = kspace[kspace.flatten(1).any(dim=1)]
    samples = kspace[:, block[0], block[1]].detach().flatten(1)
    samples = (samples if samples.shape[1] > len(kspace) else kspace.detach().flatten(1)).to(torch.complex128)
    power, directions = torch.linalg.eigh(samples @ samples.mH)
    independent = power > ROUNDING * power[-1]
    if bool(independent.all()):
        return kspace
    return torch.einsum("dc,cyx->dyx", directions[:, independent].mH.to(kspace.dtype), kspace)


def _centre(kspace: Tensor, block: tuple[slice, slice], most: int) -> Tensor:
    """Cut out the ACS, or `most` central rows of it; columns too, unless whole readouts were sampled."""
    ny, nx = kspace.shape[-2:]
    rows = near_centre(block[0], most, ny)
    columns = block[1] if block[1] == slice(0, nx) else near_centre(block[1], most, nx)
    return kspace[:, rows, columns]


def _patches(centre: Tensor, size: int) -> Tensor:
    """Collect the patches: (coils, rows, columns) -> (patches, coils * size * size)."""
    if min(centre.shape[1:]) < size:
        return centre.new_zeros(0, len(centre) * size**2)
    return centre.unfold(1, size, 1).unfold(2, size, 1).movedim(0, 2).flatten(2).flatten(0, 1)


def _covariance(patches: Tensor) -> Tensor:
    """Average the products of a patch's entries, or of entries in the patches where patches are fewer.

    In double precision, since the largest eigenvalue is ten million times the smallest.
    """
    patches = patches.to(torch.complex128)
    n_patches, n_directions = patches.shape
    gram = patches.mH @ patches if n_patches >= n_directions else patches @ patches.mH
    return gram / max(n_patches, n_directions)


def _quiet(covariance: Tensor) -> Tensor:
    """Give its smallest eigenvalues, in ascending order."""
    return torch.linalg.eigvalsh(covariance)[: max(1, int(QUIET * len(covariance)))]


def _level_of_patches(covariance: Tensor, centre: Tensor, n_patches: int) -> Tensor | None:
    """Half the mean of the smallest eigenvalues, or the noise of the coils by their signal where it differs strongly.

    None where the eigenvalues show the signal's tail.
    """
    quiet = _quiet(covariance)
    if quiet[0] <= 0:
        return None
    is_flat = quiet[-1] <= FLAT * quiet[0]
    levels = _levels_of_coils(covariance, len(centre), n_patches)
    signal = (centre.abs().square().mean(dim=(1, 2)).to(levels.dtype) - 2 * levels).clamp_min(0)
    combined = (signal * levels).sum() / signal.sum()
    some_are_silent = levels.median() > SILENT**2 * levels.min()
    the_strong_are_loud = combined > LOUD**2 * quiet.mean() / 2
    if bool(some_are_silent | (is_flat & the_strong_are_loud)):
        return combined
    return quiet.mean() / 2 if bool(is_flat) else None


def _levels_of_coils(covariance: Tensor, n_coils: int, n_patches: int) -> Tensor:
    r"""Bound each coil's noise by what the rest of a patch cannot predict of its samples, $1 / (C^{-1})_{ii}$.

    $C$ is the patches' covariance. Where all coils are alike, most are close to the smallest; the strongest are above
    it, since their signal is hardest to predict.
    """
    innovation = 1 / torch.linalg.inv(covariance).diagonal().real
    return innovation.reshape(n_coils, -1).mean(dim=1) / (1 - len(covariance) / n_patches) / 2


def _level_elsewhere(kspace: Tensor, mask: Tensor, block: tuple[slice, slice]) -> Tensor:
    """Find the lowest of what other patches, air beside the object and outer k-space show: signal adds to each."""
    levels = [
        _level_in_air(kspace, mask),
        _level_in_air(kspace.mT, _full(mask, kspace).mT),
        _level_outside(kspace, mask),
        _level_in_corners(kspace, block),
    ]
    centre = _centre(kspace, block, WIDE_BLOCK)
    for size in range(2, LARGEST + 1):
        patches = _patches(centre, size)
        if patches.shape[1] > MOST_DIRECTIONS or len(patches) < patches.shape[1] / 2:
            break
        if min(patches.shape) < FEWEST_DIRECTIONS:
            continue
        quiet = _quiet(_covariance(patches))
        noise = _quiet_noise(tuple(centre.shape), size).to(quiet.device)
        levels.append(quiet.mean() / noise.mean())
        if quiet[-1] / quiet[0] < 1.5 * noise[-1] / noise[0]:  # larger ones can but lose patches
            break
    return torch.stack([level for level in levels if level is not None]).min()


@lru_cache
def _quiet_noise(shape: tuple[int, int, int], size: int) -> Tensor:
    """Smallest eigenvalues for noise alone, of standard deviation 1: those of few patches are far below its power."""
    return _quiet(_covariance(_patches(random_complex(*shape), size)))


def _full(mask: Tensor, kspace: Tensor) -> Tensor:
    while mask.ndim > 2:
        mask = mask[0]
    return mask.expand(kspace.shape[-2:]).to(kspace.device)


def _level_in_air(kspace: Tensor, mask: Tensor) -> Tensor | None:
    """Half the least power beside the object: outer lines, transformed along the readout, in a window that moves."""
    ny, nx = kspace.shape[-2:]
    lines = _full(mask, kspace).all(dim=1).nonzero().flatten()
    if len(lines) < LINES_IN_AIR:
        return None
    outer = lines[(lines - ny // 2).abs().argsort(descending=True)][: max(LINES_IN_AIR, len(lines) // 3)]
    power = ifftc(kspace[:, outer], dim=-1).abs().square().mean(dim=(0, 1))
    width = max(4, nx // 12)
    return torch.cat([power, power[:width]]).unfold(0, width, 1).mean(dim=1).min() / 2


def _level_in_corners(kspace: Tensor, block: tuple[slice, slice]) -> Tensor | None:
    """Half the power of noise whose least power in a box is that in the image of the fully sampled block.

    The box moves and is periodic; that of least power mostly lies in the corners, which are air.
    """
    centre = kspace[:, block[0], block[1]]
    if min(centre.shape[1:]) < SMALLEST_IMAGE:
        return None
    return _least_power(centre) / _least_power_of_noise(tuple(centre.shape)).to(centre.device)


def _least_power(centre: Tensor) -> Tensor:
    """Under a Hann window along both axes, which keeps what rings from the object out of the corners."""
    rows, columns = (torch.hann_window(n + 2, periodic=False, device=centre.device)[1:-1] for n in centre.shape[1:])
    window = rows[:, None] * columns
    power = ifft2c(centre * window).abs().square().mean(dim=0)
    height, width = (max(2, n // 6) for n in power.shape)
    around = torch.cat([power, power[:height]])
    around = torch.cat([around, around[:, :width]], dim=1)
    return around.unfold(0, height, 1).unfold(1, width, 1).mean(dim=(-2, -1)).min()


@lru_cache
def _least_power_of_noise(shape: tuple[int, int, int]) -> Tensor:
    return torch.stack([_least_power(random_complex(*shape, seed=seed)) for seed in range(8)]).mean()


def _level_outside(kspace: Tensor, mask: Tensor) -> Tensor:
    r"""Half the power of noise with the median magnitude, $\sigma\sqrt{2 \ln 2}$, of the outermost samples."""
    ny, nx = kspace.shape[-2:]
    distance = (torch.arange(ny) - ny // 2).abs()[:, None] / ny + (torch.arange(nx) - nx // 2).abs() / nx
    sampled = _full(mask, kspace).flatten()
    distance = torch.where(sampled, distance.flatten().to(kspace.device), -1)
    n_samples = min(max(FEWEST_OUTSIDE, int(sampled.sum()) // 50), int(sampled.sum()))
    outermost = kspace.flatten(1)[:, distance.topk(n_samples).indices]
    return outermost.abs().median().square() / (2 * math.log(2))


def noise_covariance(noise: Tensor) -> Tensor:
    r"""Measure the covariance $\Psi$ of the coils' noise: (coils, ...) samples without signal -> (coils, coils)."""
    samples = floating(noise).flatten(1)
    if samples.shape[1] < samples.shape[0]:
        raise ValueError(
            f"noise has {samples.shape[1]} samples for {samples.shape[0]} coils; expected more samples than coils."
        )
    return samples @ samples.mH / samples.shape[1]


def prewhiten(kspace: Tensor, covariance: Tensor) -> Tensor:
    r"""Mix the coils so that their noise is white: $L^{-1} y$ with $\Psi = L L^H$.

    Shapes: (..., coils, ky, kx) and (coils, coils) -> (..., coils, ky, kx).
    Maps must be estimated from, or mixed like, the whitened data. ValueError where the covariance is singular.
    """
    kspace = floating(kspace)
    dtype = torch.promote_types(kspace.dtype, floating(covariance).dtype)  # a real covariance keeps complex data
    lower, failed = torch.linalg.cholesky_ex(covariance.to(dtype))
    if bool(failed):
        raise ValueError(
            "the covariance is not positive definite; expected noise in every coil, of which none is a combination of "
            "others: leave dead and doubled coils out."
        )
    whitened = torch.linalg.solve_triangular(lower, kspace.to(dtype).flatten(-2), upper=False)
    return whitened.unflatten(-1, kspace.shape[-2:])
