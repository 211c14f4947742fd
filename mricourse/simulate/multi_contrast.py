"""T1w, T2w and FLAIR of one slice: registered, each with a phase, noise and a mask of its own.

The contrasts of one head have their anatomy in common and little else, so what a network gains from partners must come
from anatomy: not from a texture that was rendered twice, and not from lines that the partner alone has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mricourse.physics.multi_contrast import MultiContrastScan
from mricourse.simulate.anatomy import load_anatomy
from mricourse.simulate.contrasts import CONTRASTS, Protocol, subject_tissues, weighted_image
from mricourse.simulate.lesions import Lesion, lesion_share
from mricourse.simulate.random_draws import generator_for, place_in_split, uniform
from mricourse.simulate.randomised import random_slice
from mricourse.simulate.registered_contrasts import ACS, contrast_masks, scan_contrasts
from mricourse.simulate.texture import measured_texture, unrelated_texture

HEAD = ("T1w", "T2w", "FLAIR")  # the contrasts of a head
MOST_TEXTURE = 0.25  # relative, as the measured one
TIMES = 0.1  # how far the times of a protocol are drawn from those of `CONTRASTS`, relative
APART = 10**9  # draws between two that have nothing in common


@dataclass(frozen=True, eq=False)
class ContrastScans:
    r"""Slice number i of an endless data set in three contrasts, for i = 0, 1, 2, ...; a pure function of i.

    The contrasts share the anatomy: tissue, position, warp, the subject's tissue parameters. Of the fine texture in a
    tissue they share a part, as real ones do: T1w has the texture of the measured T1, T2w and FLAIR a mixture of it and
    one drawn for each, with the correlation `shared_texture` in T2w and its square in FLAIR. Phase, noise, mask and the
    times of the protocol, within 10 %, are drawn for each. There is one uniform coil, and the reference has no noise.

    Parameters
    ----------
    split : "train" or "test"
        Whose anatomies are drawn.
    seed : int
        Names the data set.
    shape : (ny, nx)
        Matrix.
    acceleration : int
        Nominal: 8 % of the lines in the centre, and random ones.
    masks : "complementary" or "same"
        No line outside the centre is measured in two contrasts, or all contrasts measure the same lines.
    noise_std : (low, high)
        Noise per real and imaginary part in k-space, drawn uniformly in its logarithm, the same for all contrasts; the
        brightest pixel of each is 1.
    shared_texture : float
        From 0 to 1. At 1 each texture is a function of the other, which would give away what no real partner knows.
        Away from edges the `open_ms` patients have, noise included, correlations of -0.2 to -0.8 between T1 and T2, and
        -0.2 to 0.2 between FLAIR and either.
    shift : float
        For a control: pixels along y by which T1w lies above T2w, and T2w above FLAIR. What leaves the image on one
        side comes in on the other, where the head is that large.
    shuffled : bool
        For a control: each contrast shows another slice of another simulated subject.

    Raises
    ------
    ValueError
        Other masks, or a number that cannot be; from ``scans[i]`` an unknown split.
    """

    contrasts = HEAD  # the same in all

    split: str
    seed: int
    shape: Sequence[int] = (128, 128)
    acceleration: int = 4
    masks: str = "complementary"
    noise_std: Sequence[float] = (0.002, 0.01)
    shared_texture: float = 0.5
    shift: float = 0.0
    shuffled: bool = False

    def __post_init__(self) -> None:
        for name, span, low, high in (("shape", sorted(self.shape), 32, 512), ("noise_std", self.noise_std, 1e-6, 1.0)):
            if len(span) != 2 or not low <= span[0] <= span[1] <= high:
                raise ValueError(f"{name} is {list(getattr(self, name))}; expected two numbers from {low} to {high}.")
        for name, low, high in (("shared_texture", 0, 1), ("shift", -32, 32)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a number from {low} to {high}.")
        contrast_masks(self.shape[0], len(HEAD), self.acceleration, masks=self.masks, generator=torch.Generator())

    def __getitem__(self, index: int) -> MultiContrastScan:
        """Draw slice number `index`."""
        return self.draw(index)

    def draw(self, index: int, *, lesion: Lesion | None = None) -> MultiContrastScan:
        """Draw slice number `index` with a lesion, for instance one that is ``visible_in=("FLAIR",)`` alone.

        ``meta["lesion_mask"]`` (bool, (ny, nx)) of each scan is where it shows; without a lesion it is not there.

        Raises
        ------
        ValueError
            A lesion in contrasts that are shifted: the mask would not say where.
        """
        if lesion is not None and self.shift:
            raise ValueError(f"got a lesion and shift={self.shift}; expected one of the two: draw it without a shift.")
        generator = generator_for(self.seed, self.split, "contrasts", str(index))
        low, high = (math.log(noise) for noise in self.noise_std)
        noise_std = math.exp(uniform(low, high, generator))
        images, metas = {}, {}
        for number, contrast in enumerate(HEAD):
            place = index + number * APART if self.shuffled else index
            images[contrast], metas[contrast] = self._image(contrast, place, lesion)
        options = {"acceleration": self.acceleration, "masks": self.masks, "shift": self.shift}
        scan = scan_contrasts(images, noise_std=noise_std, generator=generator, **options)
        scans = {contrast: replace(each, meta=each.meta | metas[contrast]) for contrast, each in scan.scans.items()}
        return replace(scan, scans=scans, meta=scan.meta | {"split": self.split, "shuffled": self.shuffled})

    def _image(self, contrast: str, place: int, lesion: Lesion | None) -> tuple[Tensor, dict]:
        """Magnitudes (ny, nx) of one contrast of a slice, and what is known about them."""
        name, subject = place_in_split(self.split, place, self.seed)
        anatomy = load_anatomy(name)
        slices = generator_for(subject, "slice")
        channels, geometry = random_slice(anatomy, tuple(self.shape), slices)
        tissues = subject_tissues(slices)
        own = generator_for(subject, contrast)
        protocol = _drawn_protocol(contrast, own)
        texture = measured_texture(anatomy, channels)
        if contrast != HEAD[0]:
            shared = self.shared_texture ** (2 if contrast == "FLAIR" else 1)
            texture = shared * texture + math.sqrt(1 - shared**2) * unrelated_texture(texture, own)
            texture = texture.clamp(-MOST_TEXTURE, MOST_TEXTURE)
        visible, meta = [], {"contrast": contrast, "anatomy": name, "protocol": protocol, **geometry}
        if lesion is not None:
            share = lesion_share(lesion, channels[1:], geometry["pixel_mm"], generator_for(subject, "lesion"))
            visible = [(share, lesion.tissue)] if lesion.shows_in(contrast) else []
            meta["lesion_mask"] = (share > 0) & bool(visible)
        image = weighted_image(channels[1:], protocol, tissues=tissues, texture=texture, lesions=visible)
        return image, meta

    def to_judge(self, split: str, seed: int) -> ContrastScans:
        """Give the scans that validate ("train", another seed) or test."""
        return replace(self, split=split, seed=seed)

    def samplings(self) -> list[str]:
        """Say in words what the masks keep of k-space."""
        return ["lines along kx"]

    def ranges(self) -> dict[str, list[float]]:
        """Give the least and largest net acceleration, coils, matrix, ACS lines and noise that are drawn."""
        return {
            "acceleration": [0.9 * self.acceleration, 1.1 * self.acceleration],
            "n_coils": [1, 1],
            "matrix": sorted(self.shape),
            "acs": [round(ACS * self.shape[0])] * 2,
            "noise_std": list(self.noise_std),
        }


def _drawn_protocol(contrast: str, generator: torch.Generator) -> Protocol:
    """One of `CONTRASTS` with times as another scanner might have them."""
    protocol = CONTRASTS[contrast]
    names = ("tr_ms", "te_ms", "ti_ms")
    factors = {name: 1 + TIMES * uniform(-1, 1, generator) for name in names}
    times = {name: getattr(protocol, name) for name in names}
    return replace(protocol, **{name: factors[name] * time for name, time in times.items() if time is not None})
