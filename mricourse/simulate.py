"""From an embedded anatomy to a Scan: domain-randomised slices, and contrasts with known physics.

Both simulators return the image that they measured as `reference` (complex, maximum magnitude 1) and
`kspace = mask * (F S reference + noise)`; what is simulated stands in `meta`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from mricourse.acquisition import check_numbers, make_mask, measure, with_phase
from mricourse.anatomy import CHANNELS, PLANES, Anatomy, anatomy_names, load_anatomy
from mricourse.coils import simulate_coils
from mricourse.contrasts import CONTRASTS, Lesion, subject_tissues, weighted_image
from mricourse.draws import choose, generator_for, integer, smooth_field, subseed, uniform
from mricourse.scan import Scan


def randomised_scan(
    anatomy: str | Anatomy,
    *,
    shape: tuple[int, int] = (160, 160),
    n_coils: int | None = None,
    mask: Tensor | str | None = None,
    acceleration: int | None = None,
    noise_std: float | None = None,
    coil_kind: str | None = None,
    seed: int,
) -> Scan:
    """Draw one domain-randomised slice, for training: any plane, any contrast, any coils.

    Drawn at random: an axial, coronal, sagittal or oblique slice, rotation up to 20 degrees, zoom 0.75 to
    1.15, a smooth warp of up to 6 mm, a random intensity per tissue in 70 % of the draws (else the
    measured T1 weighting), a bias field, a smooth phase of up to 1.5 rad, and whatever is None below.

    Parameters
    ----------
    anatomy : str or Anatomy
        Name in `mricourse.anatomy.SPLITS`, or a loaded anatomy.
    shape : (ny, nx)
        Matrix size.
    n_coils : int or None
        Number of coils; None draws 4 to 16. Gaussian lobes or Biot-Savart loops, half and half.
    mask : bool Tensor, pattern name or None
        A mask for this matrix, or ``"equispaced"``, ``"random"``, ``"variable_density"`` or ``"any"`` (equispaced
        or random, half and half) with 6 to 12 % of the lines as ACS. None samples everything, unless
        `acceleration` is given, which implies ``"any"``.
    acceleration : int or None
        Nominal acceleration of a named pattern; None draws 3, 4 or 5.
    noise_std : float or None
        Noise per real and imaginary part in k-space; None draws 10^U(-3, -1.7).
    coil_kind : "gaussian", "biot_savart", "head_array" or None
        As in `simulate_coils`; None draws one of the first two.
    seed : int
        The same seed gives the same scan.

    Returns
    -------
    Scan
        kspace (n_coils, ny, nx), true smaps, mask, reference (ny, nx) complex with maximum magnitude 1.

    Raises
    ------
    ValueError
        An unknown anatomy or pattern, or a number out of range.
    """
    anatomy = load_anatomy(anatomy) if isinstance(anatomy, str) else anatomy
    check_numbers(shape, n_coils, noise_std)
    generator = torch.Generator().manual_seed(seed)
    channels, geometry = _random_slice(anatomy, shape, generator)
    image = _random_contrast(anatomy, channels, generator)
    reference = with_phase(image, 1.5 * uniform(0, 1, generator), generator)
    if n_coils is None:
        n_coils = integer(4, 16, generator)
    if noise_std is None:
        noise_std = 10 ** uniform(-3, -1.7, generator)
    drawn_kind = ("gaussian", "biot_savart")[integer(0, 1, generator)]
    kind = coil_kind or drawn_kind
    smaps = simulate_coils(n_coils, shape, seed=subseed(generator), kind=kind)
    mask, pattern = make_mask(shape, mask, acceleration, generator)
    meta = {
        "source": f"simulated from anatomy {anatomy.name}",
        "simulated": "contrast, warp, coils, phase and noise; "
        + ("skull and scalp drawn" if anatomy.shell == "synthetic" else "anatomy measured"),
        "anatomy": anatomy.name,
        "split": anatomy.split,
        "contrast": "random",
        **geometry,
        **pattern,
        "coil_kind": kind,
        "noise_std": noise_std,
        "seed": seed,
    }
    return measure(reference, smaps, mask, noise_std, meta, generator)


def draw_scan(split: str, index: int, *, seed: int = 0, **options: object) -> Scan:
    """Draw the scan number `index` of an endless data set, without drawing those before it.

    Parameters
    ----------
    split : "train" or "test"
        Anatomies are taken from this split only; its seeds are of no use to the other split.
    index : int
        0, 1, 2, ...
    seed : int
        Names the data set. Tune on ``draw_scan("train", i, seed=1)``, never on the test split.
    **options
        Passed on to `randomised_scan`: shape, n_coils, mask, acceleration, noise_std, coil_kind.

    Returns
    -------
    Scan
    """
    name, scan_seed = _place_in_split(split, index, seed)
    return randomised_scan(name, seed=scan_seed, **options)


def randomised_scans(split: str, n: int, *, seed: int = 0, **options: object) -> Iterator[Scan]:
    """Yield the first `n` scans of `draw_scan`; arguments are the same."""
    for index in range(n):
        yield draw_scan(split, index, seed=seed, **options)


def contrast_scan(
    anatomy: str | Anatomy,
    contrast: str,
    *,
    plane: str = "axial",
    index: int | None = None,
    thickness_mm: int = 1,
    shape: tuple[int, int] = (160, 160),
    n_coils: int = 8,
    mask: Tensor | str | None = None,
    acceleration: int | None = None,
    noise_std: float = 0.005,
    lesion: Lesion | Sequence[Lesion] | None = None,
    seed: int = 0,
) -> Scan:
    """Scan one slice with a named protocol at 3 T: every number behind the contrast is known.

    The seed fixes the subject (tissue parameters, coils, place of a lesion); the same seed and another
    contrast give the same subject, with other phase and noise.

    Parameters
    ----------
    anatomy : str or Anatomy
        Name in `mricourse.anatomy.SPLITS`, or a loaded anatomy.
    contrast : str
        A protocol of `mricourse.contrasts.CONTRASTS`: ``"T1w"``, ``"T2w"``, ``"PDw"``, ``"FLAIR"``, ...
    plane : "axial", "coronal" or "sagittal"
        Orientation of the slice.
    index : int or None
        Slice position in voxels of 1 mm from the superior, anterior or right end; None takes the middle
        of the brain. `Anatomy.span` gives the useful range.
    thickness_mm : int
        Slice thickness in mm: the mean of that many planes.
    shape, mask, acceleration
        As in `randomised_scan`; the field of view is the whole volume.
    n_coils : int
        Number of coils (Gaussian lobes).
    noise_std : float
        Noise per real and imaginary part in k-space; the brightest pixel is 1.
    lesion : Lesion, several, or None
        Known pathology; ``meta["lesion_mask"]`` (bool, (ny, nx), on the CPU) is where it may differ.
    seed : int
        The subject.

    Returns
    -------
    Scan
        With every tissue parameter and protocol time in `meta`.

    Raises
    ------
    ValueError
        An unknown name, a slice outside the head, or a number out of range.
    """
    anatomy = load_anatomy(anatomy) if isinstance(anatomy, str) else anatomy
    check_numbers(shape, n_coils, noise_std)
    reference, meta = _contrast_image(
        anatomy, contrast, plane=plane, index=index, thickness_mm=thickness_mm, shape=shape, lesion=lesion, seed=seed
    )
    smaps = simulate_coils(n_coils, shape, seed=seed)
    generator = generator_for(seed, contrast, "scan")
    mask, pattern = make_mask(shape, mask, acceleration, generator)
    meta |= {**pattern, "coil_kind": "gaussian", "noise_std": noise_std}
    return measure(reference, smaps, mask, noise_std, meta, generator)


def contrast_scans(
    split: str, n: int, *, contrast: str = "T1w", plane: str = "axial", seed: int = 0, **options: object
) -> Iterator[Scan]:
    """Yield `n` scans of one contrast from a split, each of another slice and another simulated subject.

    Parameters
    ----------
    split : "train" or "test"
        Anatomies are taken from this split only.
    n : int
        Number of scans; slices are spread over the brain.
    contrast, plane : str
        As in `contrast_scan`; another contrast gives the same slices of the same subjects.
    seed : int
        Names the set.
    **options
        Passed on to `contrast_scan`.

    Yields
    ------
    Scan
    """
    for name, index, subject in _spread(split, n, plane, seed):
        yield contrast_scan(name, contrast, plane=plane, index=index, seed=subject, **options)


def brain_slices(
    split: str,
    n: int,
    *,
    contrast: str = "T1w",
    plane: str = "axial",
    shape: tuple[int, int] = (160, 160),
    seed: int = 0,
) -> Tensor:
    """Images only, for lessons without coils: the references of `contrast_scans`.

    Parameters
    ----------
    split : "train" or "test"
        Anatomies are taken from this split only.
    n : int
        Number of slices, spread over the brain.
    contrast, plane, shape, seed
        As in `contrast_scans`.

    Returns
    -------
    complex64 Tensor, shape (n, ny, nx)
        Smooth phase, maximum magnitude 1 in each slice, no noise.
    """
    check_numbers(shape, 1, 0.0)
    images = [
        _contrast_image(load_anatomy(name), contrast, plane=plane, index=index, shape=shape, seed=subject)[0]
        for name, index, subject in _spread(split, n, plane, seed)
    ]
    return torch.stack(images) if images else torch.zeros(0, *shape, dtype=torch.complex64)


# --- splits -------------------------------------------------------------------------------------


def _place_in_split(split: str, index: int, seed: int) -> tuple[str, int]:
    """Anatomy and seed of one draw; the split is part of the hash, so no seed serves two splits."""
    names = anatomy_names(split)
    if index < 0:
        raise ValueError(f"index is {index}; expected 0 or more: draws are numbered from 0.")
    digest = hashlib.sha256(f"{split}/{seed}/{index}".encode()).digest()
    return names[digest[-1] % len(names)], int.from_bytes(digest[:7], "big")


def _spread(split: str, n: int, plane: str, seed: int) -> Iterator[tuple[str, int, int]]:
    """Anatomy, slice and subject seed of `n` slices spread over the brains of a split, in a mixed order."""
    names = anatomy_names(split)
    order = torch.randperm(n, generator=generator_for(seed, split, plane)).tolist()
    for number, place in enumerate(order):
        name = names[place % len(names)]
        first, last = load_anatomy(name).span(plane)
        index = first + round((place + 0.5) / n * (last - first))
        yield name, index, _place_in_split(split, number, seed)[1]


# --- images -------------------------------------------------------------------------------------


def _random_slice(anatomy: Anatomy, shape: tuple[int, int], generator: torch.Generator) -> tuple[Tensor, dict]:
    """Sample a randomly placed, turned and warped plane: (channels, ny, nx)."""
    plane = [*PLANES][choose((0.5, 0.25, 0.25), generator)]
    oblique = uniform(0, 1, generator) < 0.3
    tilt = 0.5 if oblique else 0.08
    turns = (uniform(-0.35, 0.35, generator), uniform(-tilt, tilt, generator), uniform(-tilt, tilt, generator))
    first, last = anatomy.span(plane)
    index = uniform(first, last, generator)
    zoom = uniform(0.75, 1.15, generator)
    sizes = [size for axis, size in enumerate(anatomy.shape) if axis != PLANES[plane]]
    pixel_mm = max(size / n for size, n in zip(sizes, shape, strict=True)) / zoom
    points = anatomy.plane_points(plane, shape, index=index, pixel_mm=pixel_mm, rotation_rad=turns)
    warp = torch.stack([smooth_field(shape, n_control=6, generator=generator) for _ in range(3)], dim=-1)
    points = points + 6 * uniform(0, 1, generator) * warp
    name = f"oblique, near {plane}" if oblique else plane
    return anatomy.sample(points), {"plane": name, "slice_index": index, "pixel_mm": pixel_mm, "zoom": zoom}


def _random_contrast(anatomy: Anatomy, channels: Tensor, generator: torch.Generator) -> Tensor:
    """Magnitude image with maximum 1: a random intensity per tissue, or the measured T1 weighting."""
    t1, probabilities = channels[0], channels[1:]
    if uniform(0, 1, generator) < 0.7:
        levels = torch.rand(len(probabilities), generator=generator) * 0.95 + 0.05
        strength = uniform(-1.5, 1.5, generator)  # negative: fine detail inverts, as from T1w to T2w
        texture = 1 + strength * _texture(anatomy, channels)
        image = torch.tensordot(levels, probabilities, dims=1) * texture
    else:
        image = t1 ** uniform(0.8, 1.3, generator)
    bias = smooth_field(channels.shape[1:], n_control=4, generator=generator)
    image = image * torch.exp(uniform(0, 0.5, generator) * bias)
    return image / image.max().clamp_min(1e-6)


def _contrast_image(
    anatomy: Anatomy,
    contrast: str,
    *,
    plane: str,
    index: int | None,
    shape: tuple[int, int],
    seed: int,
    thickness_mm: int = 1,
    lesion: Lesion | Sequence[Lesion] | None = None,
) -> tuple[Tensor, dict]:
    """Complex reference (ny, nx) with maximum magnitude 1, and all that is known about it."""
    if contrast not in CONTRASTS:
        raise ValueError(f"contrast is {contrast!r}; expected one of {', '.join(CONTRASTS)}: choose one of them.")
    if index is None:
        index = sum(anatomy.span(plane)) // 2
    depth = anatomy.shape[PLANES[plane]] if plane in PLANES else math.inf
    if not 0 <= index < depth:
        raise ValueError(f"index is {index}; expected a slice from 0 to {depth - 1} of this plane: see Anatomy.span.")
    if thickness_mm < 1:
        raise ValueError(f"thickness_mm is {thickness_mm}; expected 1 or more planes of 1 mm: the default is 1.")
    offsets = [offset - (thickness_mm - 1) / 2 for offset in range(thickness_mm)]
    points = [anatomy.plane_points(plane, shape, index=index + offset) for offset in offsets]
    channels = torch.stack([anatomy.sample(place) for place in points]).mean(dim=0)
    pixel_mm = float((points[0][-1, 0] - points[0][0, 0]).norm()) / max(shape[0] - 1, 1)

    subject = generator_for(seed, "subject")
    tissues = subject_tissues(subject)
    lesions = [] if lesion is None else [lesion] if isinstance(lesion, Lesion) else [*lesion]
    shares = [_lesion_share(each, channels[1:], pixel_mm, subject) for each in lesions]
    visible = [(share, each.tissue) for share, each in zip(shares, lesions, strict=True) if each.shows_in(contrast)]
    texture = _texture(anatomy, channels)
    protocol = CONTRASTS[contrast]
    image = weighted_image(channels[1:], protocol, tissues=tissues, texture=texture, lesions=visible)
    reference = with_phase(image / image.max().clamp_min(1e-6), 1.0, generator_for(seed, contrast, "phase"))
    meta = {
        "source": f"simulated from anatomy {anatomy.name}",
        "simulated": "tissue contrast by signal equations, coils, phase and noise; texture from the measured T1; "
        + ("skull and scalp drawn" if anatomy.shell == "synthetic" else "anatomy measured"),
        "anatomy": anatomy.name,
        "split": anatomy.split,
        "contrast": contrast,
        "protocol": protocol,
        "tissues": tissues,
        "field_strength_t": 3.0,
        "plane": plane,
        "slice_index": index,
        "thickness_mm": thickness_mm,
        "pixel_mm": pixel_mm,
        "seed": seed,
    }
    if lesions:
        meta |= {"lesions": lesions, "lesion_mask": torch.stack(shares).amax(dim=0) > 0}
    return reference, meta


@lru_cache(maxsize=8)
def _class_levels(anatomy: Anatomy) -> Tensor:
    """Mean measured T1 intensity of every tissue class."""
    coarse = anatomy.volume[::3, ::3, ::3, : len(CHANNELS)].reshape(-1, len(CHANNELS)).float() / 255
    weights = (coarse[:, 1:] > 0.9).float()
    return (weights * coarse[:, :1]).sum(dim=0) / weights.sum(dim=0).clamp_min(1)


def _texture(anatomy: Anatomy, channels: Tensor) -> Tensor:
    """Relative deviation of the measured T1 intensity from what its tissue classes predict, -0.25 to 0.25."""
    expected = torch.tensordot(_class_levels(anatomy), channels[1:], dims=1)
    return ((channels[0] - expected) / (expected + 0.1)).clamp(-0.25, 0.25)


def _lesion_share(lesion: Lesion, probabilities: Tensor, pixel_mm: float, generator: torch.Generator) -> Tensor:
    """Share of every pixel that the lesion takes, 0 to 1, with an irregular outline and a soft edge."""
    ny, nx = probabilities.shape[-2:]
    radius = lesion.radius_mm / pixel_mm
    phases = 2 * math.pi * torch.rand(3, generator=generator)
    pick = torch.rand((), generator=generator)
    centre = lesion.centre
    if centre is None:
        candidates = torch.nonzero(probabilities[0] > 0.9)
        if len(candidates) == 0:
            raise ValueError("this slice holds no white matter; expected some for a lesion: give lesion.centre.")
        centre = candidates[int(pick * len(candidates))].tolist()
    if not radius > 0 or not (0 <= centre[0] < ny and 0 <= centre[1] < nx):
        raise ValueError(
            f"the lesion has centre {tuple(centre)} and radius {lesion.radius_mm} mm; expected a centre inside "
            f"(0 to {ny - 1}, 0 to {nx - 1}) and a positive radius: both belong to this slice."
        )
    y, x = torch.meshgrid(torch.arange(ny) - centre[0], torch.arange(nx) - centre[1], indexing="ij")
    angle = torch.atan2(y.float(), x.float())
    outline = 1 + sum(0.12 * torch.cos((k + 2) * angle + phase) for k, phase in enumerate(phases))
    share = (radius * outline + 0.5 - torch.hypot(y.float(), x.float())).clamp(0, 1)
    return share * probabilities[:3].sum(dim=0).clamp(0, 1)  # only where there is brain
