r"""Heads under a condition of training or test: contrast, lines, acceleration and noise, each drawn from a range.

To ask what a network learned about its condition, one factor has to change and all others have to stay. So scan number
i shows the same slice of the same subject under every condition: only what was asked for differs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise, fft2c
from mricourse.physics.sampling import PATTERNS, acceleration_of, equispaced_mask
from mricourse.physics.scan import Scan
from mricourse.simulate.acquisition import draw_mask, with_phase
from mricourse.simulate.anatomy import load_anatomy
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.contrasts import CONTRASTS, subject_tissues, weighted_image
from mricourse.simulate.random_draws import (
    check_limits,
    choose,
    generator_for,
    integer,
    place_in_split,
    subseed,
    uniform,
)
from mricourse.simulate.randomised import random_slice
from mricourse.simulate.texture import measured_texture

ACS = 0.08  # share of the lines in the fully sampled centre
PHASE_RAD = 1.0  # of the smooth phase, at most
LIMITS = {  # of each pair or number
    "shape": (32, 512, "pixels of ny and nx"),
    "acceleration": (1, 10, "net"),
    "noise_std": (1e-6, 1.0, "the brightest pixel is 1"),
    "n_coils": (1, 32, "coils"),
}


@dataclass(frozen=True, eq=False)
class ConditionScans:
    r"""Scan number i of an endless data set under one condition, for i = 0, 1, 2, ...; a pure function of i.

    Anatomy, place, warp, tissue parameters and phase depend on `split`, `seed` and i alone; so do the random numbers
    that contrast, lines and noise are drawn with. The coil maps are the true ones, and the reference has no noise.

    Parameters
    ----------
    split : "train" or "test"
        Whose anatomies are drawn.
    seed : int
        Names the data set.
    shape : (ny, nx)
        Matrix; the field of view stays.
    contrasts : mapping
        Share of each protocol of `mricourse.simulate.contrasts.CONTRASTS`.
    patterns : mapping
        Share of each of ``equispaced``, ``random`` and ``variable_density`` lines.
    acceleration : (low, high)
        Whole numbers, net: all measured lines count, the centre's 8 % too. The comb of equispaced lines has the spacing
        that comes closest to it.
    noise_std : (low, high)
        Noise per real and imaginary part in k-space, drawn uniformly in its logarithm; the brightest pixel is 1.
    n_coils : int
        One coil has the sensitivity 1; several are Gaussian lobes around the head.

    Raises
    ------
    ValueError
        An unknown contrast or pattern, or a number that it cannot have; from ``scans[i]`` an unknown split.
    """

    split: str
    seed: int
    shape: Sequence[int] = (96, 96)
    contrasts: Mapping[str, float] = field(default_factory=lambda: {"T1w": 1.0})
    patterns: Mapping[str, float] = field(default_factory=lambda: {"random": 1.0})
    acceleration: Sequence[int] = (4, 4)
    noise_std: Sequence[float] = (0.005, 0.005)
    n_coils: int = 1

    def __post_init__(self) -> None:
        check_limits(self, LIMITS)
        for name, known in (("contrasts", CONTRASTS), ("patterns", PATTERNS)):
            shares = getattr(self, name)
            if set(shares) - set(known) or not all(0 <= each < math.inf for each in shares.values()):
                raise ValueError(f"{name} are {dict(shares)}; expected shares of {', '.join(known)}, 0 or more.")
            if not any(shares.values()):
                raise ValueError(f"{name} are {dict(shares)}; expected one share above 0, such as 1.")

    def __getitem__(self, index: int) -> Scan:
        """Draw scan number `index`, with its reference."""
        name, subject = place_in_split(self.split, index, self.seed)
        kinds = [generator_for(subject, "condition", word) for word in ("contrast", "pattern", "lines", "noise")]
        for_contrast, for_pattern, for_lines, for_noise = kinds
        contrast = _drawn(self.contrasts, for_contrast)
        pattern = _drawn(self.patterns, for_pattern)
        image, geometry = self._image(name, subject, contrast)
        reference = with_phase(image, PHASE_RAD, generator_for(subject, "phase"))
        mask = self._mask(pattern, integer(*self.acceleration, for_lines), for_lines)
        low, high = (math.log(noise) for noise in self.noise_std)
        noise_std = math.exp(uniform(low, high, for_noise))
        smaps = torch.ones(1, *image.shape, dtype=torch.complex64)
        if self.n_coils > 1:
            smaps = simulate_coils(self.n_coils, tuple(self.shape), seed=subject)
        noise = complex_noise(smaps.shape, for_noise)
        kspace = torch.where(mask, fft2c(smaps * reference) + noise_std * noise, 0)
        meta = {"source": f"simulated from anatomy {name}", "anatomy": name, "split": self.split, **geometry}
        meta |= {"contrast": contrast, "pattern": pattern, "noise_std": noise_std, "seed": subject}
        meta |= {"acceleration": acceleration_of(mask), "acs": self._acs()}
        return Scan(kspace, smaps, mask, reference, meta)

    def _image(self, name: str, subject: int, contrast: str) -> tuple[Tensor, dict]:
        """Magnitude (ny, nx) of the slice, largest value 1, and where it lies."""
        anatomy = load_anatomy(name)
        slices = generator_for(subject, "slice")
        channels, geometry = random_slice(anatomy, tuple(self.shape), slices)
        tissues = subject_tissues(slices)
        texture = measured_texture(anatomy, channels)
        image = weighted_image(channels[1:], CONTRASTS[contrast], tissues=tissues, texture=texture)
        return image / image.max().clamp_min(1e-6), geometry

    def _mask(self, pattern: str, acceleration: int, generator: torch.Generator) -> Tensor:
        ny, acs = self.shape[0], self._acs()
        if pattern != "equispaced":
            return draw_mask(pattern, ny, acceleration, acs, generator)
        start = subseed(generator)
        combs = [equispaced_mask(ny, spacing, acs=acs, offset=start % spacing) for spacing in range(1, ny // 4)]
        return min(combs, key=lambda mask: abs(int(mask.sum()) - ny / acceleration))

    def _acs(self) -> int:
        return round(ACS * self.shape[0])

    def to_judge(self, split: str, seed: int) -> ConditionScans:
        """Give the scans that validate ("train", another seed) or test."""
        return replace(self, split=split, seed=seed)

    def samplings(self) -> list[str]:
        """Say in words what the masks keep of k-space."""
        return ["lines along kx"]

    def ranges(self) -> dict[str, list[float]]:
        """Give the least and largest net acceleration, coils, matrix, ACS lines and noise that are drawn."""
        low, high = self.acceleration
        return {
            "acceleration": [0.9 * low, 1.1 * high],
            "n_coils": [self.n_coils] * 2,
            "matrix": sorted(self.shape),
            "acs": [self._acs()] * 2,
            "noise_std": list(self.noise_std),
        }


def _drawn(shares: Mapping[str, float], generator: torch.Generator) -> str:
    """Draw one of several names by their shares."""
    return [*shares][choose([*map(float, shares.values())], generator)]
