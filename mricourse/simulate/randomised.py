"""Domain-randomised slices of an embedded anatomy: any plane, any contrast, any coils, to train on.

The image that was measured is `reference` (complex, maximum magnitude 1), `kspace = mask * (F S reference + noise)`;
what is simulated stands in `meta`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from mricourse.physics.scan import Scan
from mricourse.simulate.acquisition import check_numbers, make_mask, measure, with_phase
from mricourse.simulate.anatomy import PLANES, Anatomy, load_anatomy
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.contrasts import CONTRASTS, subject_tissues, weighted_image
from mricourse.simulate.random_draws import (
    choose,
    generator_for,
    integer,
    place_in_split,
    smooth_field,
    subseed,
    uniform,
)
from mricourse.simulate.texture import measured_texture

WEIGHTINGS = {"T2w": 0.35, "FLAIR": 0.15, "T1w": 0.1, "T1w-GRE": 0.1, "PDw": 0.15, "T2*w": 0.15}


def randomised_scan(
    anatomy: str | Anatomy,
    *,
    shape: tuple[int, int] = (160, 160),
    n_coils: int | None = None,
    mask: Tensor | str | None = None,
    acceleration: int | None = None,
    noise_std: float | None = None,
    coil_kind: str | None = None,
    weighted: float = 0.0,
    seed: int,
) -> Scan:
    """Draw one domain-randomised slice, for training: any plane, any contrast, any coils.

    Drawn at random: an axial, coronal, sagittal or oblique slice, rotation up to 20 degrees, zoom 0.75 to
    1.15, a smooth warp of up to 6 mm, a random intensity per tissue in 70 % of the draws (else the
    measured T1 weighting), a bias field, a smooth phase of up to 1.5 rad, and whatever is None below.

    Parameters
    ----------
    anatomy : str or Anatomy
        Name in `mricourse.simulate.anatomy.SPLITS`, or a loaded anatomy.
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
    weighted : float
        Share of the draws with a contrast of `mricourse.simulate.contrasts.CONTRASTS`, half of them T2w or FLAIR, in
        the place of the random one.
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
    channels, geometry = random_slice(anatomy, shape, generator)
    if uniform(0, 1, generator_for(seed, "weighted")) < weighted:
        image, contrast = _weighted_contrast(anatomy, channels, generator)
    else:
        image, contrast = _random_contrast(anatomy, channels, generator), "random"
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
        "contrast": contrast,
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
        Passed on to `randomised_scan`: shape, n_coils, mask, acceleration, noise_std, coil_kind, weighted.

    Returns
    -------
    Scan
    """
    name, scan_seed = place_in_split(split, index, seed)
    return randomised_scan(name, seed=scan_seed, **options)


def randomised_scans(split: str, n: int, *, seed: int = 0, **options: object) -> Iterator[Scan]:
    """Yield the first `n` scans of `draw_scan`; arguments are the same."""
    for index in range(n):
        yield draw_scan(split, index, seed=seed, **options)


def random_slice(anatomy: Anatomy, shape: tuple[int, int], generator: torch.Generator) -> tuple[Tensor, dict]:
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
        texture = 1 + strength * measured_texture(anatomy, channels)
        image = torch.tensordot(levels, probabilities, dims=1) * texture
    else:
        image = t1 ** uniform(0.8, 1.3, generator)
    return _shaded(image, generator)


def _weighted_contrast(anatomy: Anatomy, channels: Tensor, generator: torch.Generator) -> tuple[Tensor, str]:
    """Magnitude image with maximum 1 of a protocol whose times are drawn around the named one's, and its name.

    Between trains of echoes and single ones fat differs most, from dark to nearly as bright as fluid on a T2w: its T2
    is drawn up to three times as long.
    """
    name = [*WEIGHTINGS][choose([*WEIGHTINGS.values()], generator)]
    named = CONTRASTS[name]
    times = {key: getattr(named, key) for key in ("tr_ms", "te_ms", "ti_ms") if getattr(named, key) is not None}
    times = {key: time * uniform(0.75, 1.3, generator) for key, time in times.items()}
    suppressed = max(0.0, uniform(-1, 1, generator))
    tissues = subject_tissues(generator)
    tissues["fat"] = replace(tissues["fat"], t2_ms=tissues["fat"].t2_ms * uniform(1, 3, generator))
    texture = uniform(0.5, 1.5, generator) * measured_texture(anatomy, channels)
    protocol = replace(named, **times, fat_suppression=suppressed)
    image = weighted_image(channels[1:], protocol, tissues=tissues, texture=texture)
    return _shaded(image, generator), name


def _shaded(image: Tensor, generator: torch.Generator) -> Tensor:
    """Shade an image smoothly, and bring its maximum to 1."""
    bias = smooth_field(image.shape, n_control=4, generator=generator)
    image = image * torch.exp(uniform(0, 0.5, generator) * bias)
    return image / image.max().clamp_min(1e-6)
