"""Scans of several registered images of one slice, simulated or measured, and the masks of their k-space."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from mricourse.physics.fourier import complex_noise, fft2c, ifft2c
from mricourse.physics.multi_contrast import MultiContrastScan
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acceleration_of, acs_mask
from mricourse.physics.scan import Batch
from mricourse.simulate.acquisition import measure, with_phase
from mricourse.simulate.motion import moved_along_y
from mricourse.simulate.random_draws import generator_for, uniform

MASKS = ("complementary", "same")
ACS = 0.08  # share of the lines in the fully sampled centre
PHASE = 1.5  # rad, the largest


def scan_contrasts(
    images: Mapping[str, Tensor],
    *,
    acceleration: int = 4,
    masks: str = "complementary",
    noise_std: float = 0.005,
    shift: float = 0.0,
    shape: tuple[int, int] | None = None,
    seed: int = 0,
    generator: torch.Generator | None = None,
) -> MultiContrastScan:
    """Simulate a scan of each of several registered magnitude images: a smooth phase, noise and a mask for each.

    Measured magnitudes may be given, such as `mricourse.datasets.real.Contrasts.slice_images`; the k-space is simulated
    all the same, and what their scanner and their registration did to them is in it twice.

    Parameters
    ----------
    images : mapping {contrast: real Tensor, shape (y, x)}
        At least 0, any unit: each is divided by its largest value.
    acceleration, masks, shift
        As in `ContrastScans`.
    noise_std : float
        Noise per real and imaginary part in k-space; the brightest pixel of each image is 1.
    shape : (ny, nx), optional
        Matrix to scan with: the centre of the k-space of the image with zeros around it, so that pixels are square.
        By default that of the images.
    seed : int
        Of everything that is drawn.
    generator : torch.Generator, optional
        Draws in the place of the seed.

    Returns
    -------
    MultiContrastScan
        One uniform coil; references without noise, complex, of maximum magnitude 1.

    Raises
    ------
    ValueError
        Images of different sizes, or a number out of range.
    """
    if len({image.shape for image in images.values()}) != 1:
        sizes = [tuple(image.shape) for image in images.values()]
        raise ValueError(f"the images have sizes {sizes}; expected one size, of registered images.")
    generator = generator or generator_for(seed, "contrasts")
    if shape is not None:
        images = {contrast: with_matrix(image, shape) for contrast, image in images.items()}
    ny, nx = next(iter(images.values())).shape
    lines = contrast_masks(ny, len(images), acceleration, masks=masks, generator=generator)
    smaps = torch.ones(1, ny, nx, dtype=torch.complex64)
    scans = {}
    for number, (contrast, image) in enumerate(images.items()):
        reference = with_phase(image / image.max().clamp_min(1e-6), uniform(0, PHASE, generator), generator)
        offset = shift * (number - (len(images) - 1) / 2)
        reference = moved_along_y(reference, offset) if offset else reference
        meta = {"contrast": contrast, "noise_std": noise_std, "acceleration": acceleration_of(lines[number])}
        scans[contrast] = measure(reference, smaps, lines[number], noise_std, meta, generator)
    simulated = "k-space, phase, noise and masks; one uniform coil"
    return MultiContrastScan(scans, {"simulated": simulated, "masks": masks, "shift": shift})


def contrast_masks(
    ny: int, n_contrasts: int, acceleration: int, *, masks: str = "complementary", generator: torch.Generator
) -> list[Tensor]:
    """Draw a mask of phase-encode lines for each contrast, bool (ny, 1), all with 8 % of the lines in the centre.

    Complementary ones have no line outside the centre in common; each alone is drawn as those that are the same.

    Raises
    ------
    ValueError
        Other masks, or more lines than there are.
    """
    if masks not in MASKS:
        raise ValueError(f"masks is {masks!r}; expected {' or '.join(map(repr, MASKS))}.")
    centre = acs_mask(ny, round(ACS * ny))
    outside = torch.nonzero(~centre.flatten()).flatten()
    n_lines = round(ny / acceleration) - int(centre.sum()) if acceleration >= 1 else -1
    n_needed = n_lines * (n_contrasts if masks == "complementary" else 1)
    if not 0 < n_needed <= len(outside):
        raise ValueError(
            f"acceleration is {acceleration} for {n_contrasts} {masks} masks of {ny} lines; expected one that leaves "
            "lines outside the centre to each and no more than there are, such as 4."
        )
    order = outside[torch.randperm(len(outside), generator=generator)]
    drawn = []
    for number in range(n_contrasts):
        first = number * n_lines if masks == "complementary" else 0
        mask = centre.clone()
        mask[order[first : first + n_lines]] = True
        drawn.append(mask)
    return drawn


def measure_contrasts(
    images: Tensor, *, acceleration: int = 4, masks: str = "complementary", noise_std: float = 0.005, seed: int = 0
) -> Batch:
    """Measure complex images of several contrasts by one uniform coil, $y = M (F x + n)$, with lines drawn for each.

    The same seed draws the same noise for all images and options, and the first contrast the same lines under either
    kind of masks: results can be compared pair by pair.

    Parameters
    ----------
    images : complex Tensor, shape (slices, contrasts, y, x)
        With their phases.
    acceleration, masks
        As in `contrast_masks`.
    noise_std : float
        Of the real and of the imaginary part of a sample, in the unit of the images; at least 0.
    seed : int
        Of lines and noise, drawn on the CPU.

    Returns
    -------
    Batch
        Operator, k-space (slices, contrasts, 1, ky, kx), and the images as its reference.

    Raises
    ------
    ValueError
        Images without an axis of contrasts, negative noise, or masks that cannot be drawn.
    """
    if images.ndim != 4 or not images.is_complex():
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}; expected complex ones, (slices, contrasts, y, "
            "x): give one slice an axis with images[None]."
        )
    if not noise_std >= 0:
        raise ValueError(f"noise_std is {noise_std}; expected a standard deviation, 0 or more.")
    n_slices, n_contrasts, ny, nx = images.shape
    lines = []
    for number in range(n_slices):
        generator = generator_for(seed, "lines", str(number))
        lines.append(torch.stack(contrast_masks(ny, n_contrasts, acceleration, masks=masks, generator=generator)))
    mask = torch.stack(lines)[:, :, None].to(images.device)  # (slices, contrasts, 1, ky, 1)
    noise = complex_noise((n_slices, n_contrasts, 1, ny, nx), generator_for(seed, "noise")).to(images.device)
    smaps = torch.ones(n_slices, n_contrasts, 1, ny, nx, dtype=images.dtype, device=images.device)
    kspace = torch.where(mask, fft2c(images)[:, :, None] + noise_std * noise, 0)
    return Batch(SenseOperator(smaps, mask), kspace, images)


def with_strangers(images: Tensor, kept: int, *, step: int = 1) -> Tensor:
    """Give one contrast of each slice partners of another slice: (slices, contrasts, y, x), same shape.

    Parameters
    ----------
    images : Tensor, shape (slices, contrasts, y, x)
    kept : int
        Number of the contrast that stays; the others come from `step` slices further on, around the end.
    step : int
        How many slices further on the partners come from.

    Returns
    -------
    Tensor
        A new one, as `images` else.

    Raises
    ------
    ValueError
        Fewer than two slices, a step that ends at the slice itself, or no such contrast.
    """
    n_slices, n_contrasts = images.shape[:2]
    if step % n_slices == 0:
        raise ValueError(f"step is {step} among {n_slices} slices; expected one that leads to another slice.")
    if not 0 <= kept < n_contrasts:
        raise ValueError(f"kept is {kept}; expected the number of a contrast, 0 to {n_contrasts - 1}.")
    strangers = images.roll(-step, dims=0)
    strangers[:, kept] = images[:, kept]
    return strangers


def with_matrix(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """Give a magnitude image (y, x) the pixels that a scan of another matrix would have: real (ny, nx)."""
    ny, nx = shape
    coarser = max(image.shape[0] / ny, image.shape[1] / nx)
    if coarser < 1:
        raise ValueError(f"the image is {tuple(image.shape)}; expected a matrix no larger than that, got {shape}.")
    padded = _around_centre(image, (round(ny * coarser), round(nx * coarser)))
    return ifft2c(_around_centre(fft2c(padded), shape)).abs() / coarser


def _around_centre(values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Crop or fill with zeros along both axes, so that index ``n // 2`` stays the centre."""
    margins = []
    for n, size in reversed(list(zip(values.shape, shape, strict=True))):
        before = size // 2 - n // 2
        margins += [before, size - n - before]
    return functional.pad(values, margins)
