"""Contrasts with known physics: one slice of an embedded anatomy under a named protocol.

The image that was measured is `reference` (complex, maximum magnitude 1), `kspace = mask * (F S reference + noise)`;
what is simulated stands in `meta`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mricourse.physics.scan import Scan
from mricourse.simulate.acquisition import check_numbers, make_mask, measure, with_phase
from mricourse.simulate.anatomy import PLANES, Anatomy, anatomy_names, load_anatomy
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.contrasts import CONTRASTS, subject_tissues, weighted_image
from mricourse.simulate.lesions import Lesion, lesion_share
from mricourse.simulate.random_draws import generator_for, place_in_split
from mricourse.simulate.texture import measured_texture


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
        Name in `mricourse.simulate.anatomy.SPLITS`, or a loaded anatomy.
    contrast : str
        A protocol of `mricourse.simulate.contrasts.CONTRASTS`: ``"T1w"``, ``"T2w"``, ``"PDw"``, ``"FLAIR"``, ...
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


def inside_head(image: Tensor, *, threshold: float = 0.05) -> Tensor:
    """Find the head in an image of it: pixels with tissue to their left and to their right, so that hollows count.

    Parameters
    ----------
    image : Tensor, shape (..., y, x)
        Complex or real, nearly without noise.
    threshold : float
        Magnitude of tissue, in the unit of the image; air lies below.

    Returns
    -------
    bool Tensor, shape (..., y, x)
    """
    tissue = image.abs()
    from_left = tissue.cummax(dim=-1).values
    from_right = tissue.flip(-1).cummax(dim=-1).values.flip(-1)
    return from_left.minimum(from_right) > threshold


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


def _spread(split: str, n: int, plane: str, seed: int) -> Iterator[tuple[str, int, int]]:
    """Anatomy, slice and subject seed of `n` slices spread over the brains of a split, in a mixed order."""
    names = anatomy_names(split)
    order = torch.randperm(n, generator=generator_for(seed, split, plane)).tolist()
    for number, place in enumerate(order):
        name = names[place % len(names)]
        first, last = load_anatomy(name).span(plane)
        index = first + round((place + 0.5) / n * (last - first))
        yield name, index, place_in_split(split, number, seed)[1]


def _thick_slice(
    anatomy: Anatomy, plane: str, index: int, thickness_mm: int, shape: tuple[int, int]
) -> tuple[Tensor, float]:
    """Average the planes of a slice: (channels, ny, nx), and the size of a pixel in mm."""
    depth = anatomy.shape[PLANES[plane]] if plane in PLANES else math.inf
    if not 0 <= index < depth:
        raise ValueError(f"index is {index}; expected a slice from 0 to {depth - 1} of this plane: see Anatomy.span.")
    if thickness_mm < 1:
        raise ValueError(f"thickness_mm is {thickness_mm}; expected 1 or more planes of 1 mm: the default is 1.")
    offsets = [offset - (thickness_mm - 1) / 2 for offset in range(thickness_mm)]
    points = [anatomy.plane_points(plane, shape, index=index + offset) for offset in offsets]
    pixel_mm = float((points[0][-1, 0] - points[0][0, 0]).norm()) / max(shape[0] - 1, 1)
    return torch.stack([anatomy.sample(place) for place in points]).mean(dim=0), pixel_mm


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
    channels, pixel_mm = _thick_slice(anatomy, plane, index, thickness_mm, shape)
    subject = generator_for(seed, "subject")
    tissues = subject_tissues(subject)
    lesions = [] if lesion is None else [lesion] if isinstance(lesion, Lesion) else [*lesion]
    shares = [lesion_share(each, channels[1:], pixel_mm, subject) for each in lesions]
    visible = [(share, each.tissue) for share, each in zip(shares, lesions, strict=True) if each.shows_in(contrast)]
    texture = measured_texture(anatomy, channels)
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
