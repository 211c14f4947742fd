r"""Scans that were each measured once: what there is to learn from where nobody has a complete scan.

A training that draws new lines for the same slice at each step has, after some epochs, seen all of its k-space. Here a
slice has its lines, its noise and its coils once and for all, and comes back as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mricourse.physics.coil_combination import combine
from mricourse.physics.coil_maps import espirit
from mricourse.physics.fourier import complex_noise, fft2c, ifft2c
from mricourse.physics.line_densities import drawn_lines, line_density
from mricourse.physics.sampling import acceleration_of
from mricourse.physics.scan import Scan
from mricourse.simulate.random_draws import check_limits, generator_for, uniform
from mricourse.simulate.randomised import draw_scan

LIMITS = {  # of each pair or number
    "shape": (32, 256, "pixels of ny and nx"),
    "noise_std": (1e-6, 1.0, "the brightest pixel is 1"),
    "n_coils": (1, 32, "coils"),
    "repetitions": (1, 2, "measurements of each slice"),
    "acceleration": (1, 16, "net"),
    "acs": (4, 64, "lines"),
    "power": (0, 10, "of the density of the lines"),
    "n_scans": (1, 10_000, "scans that come back"),
}


@dataclass(frozen=True, eq=False)
class MeasuredOnce:
    r"""Scan number i of a data set, for i = 0, 1, 2, ...; a pure function of i, and of i modulo `n_scans` if set.

    Slices, contrasts, warps and phases are those of `mricourse.simulate.randomised.draw_scan`. Lines are random with
    the density of `line_density`, which a loss may know: it is the protocol's. One coil has the sensitivity 1; of
    several the maps are estimated from the lines of the centre, as they were measured. The reference has no noise. A
    loss without a reference never looks at it, and `mricourse.training` takes it off.

    Parameters
    ----------
    split : "train" or "test"
        Whose anatomies are drawn.
    seed : int
        Names the data set.
    shape : (ny, nx)
        Matrix.
    n_coils : int
    acceleration : float
        Net; 1 measures everything.
    acs : int
        Lines of the fully sampled centre; with several coils 12 or more.
    power : float
        Of the density.
    one_mask : bool
        Every scan, also those that validate and test, has the same lines, as one protocol with fixed lines.
    repetitions : int
        2 measures each slice twice, with other noise; the second stands on the axis of coils behind the first. One coil
        alone is measured twice. The slices that test are measured once.
    noise_std : (low, high)
        Noise per real and imaginary part in k-space, drawn uniformly in its logarithm; the brightest pixel is 1.
    n_scans : int or None
        So many scans, which come back as they are; None never repeats.

    Raises
    ------
    ValueError
        A number that it cannot have; from ``scans[i]`` an unknown split.
    """

    split: str
    seed: int
    shape: Sequence[int] = (96, 96)
    n_coils: int = 1
    acceleration: float = 4.0
    acs: int = 8
    power: float = 2.0
    one_mask: bool = False
    repetitions: int = 1
    noise_std: Sequence[float] = (0.003, 0.01)
    n_scans: int | None = None
    _drawn: dict[int, Scan] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        check_limits(self, LIMITS)
        if self.repetitions > 1 and self.n_coils > 1:
            raise ValueError(f"repetitions is {self.repetitions} with {self.n_coils} coils; expected one coil.")
        if self.n_coils > 1 and self.acs < 12:
            raise ValueError(
                f"acs is {self.acs} with {self.n_coils} coils; expected 12 or more, to estimate maps from."
            )
        self.density()

    def density(self) -> Tensor:
        """Give the probability of each line, float64 (ny, 1)."""
        if self.acceleration == 1:
            return torch.ones(self.shape[0], 1, dtype=torch.float64)
        return line_density(self.shape[0], self.acceleration, acs=self.acs, power=self.power)

    def __getitem__(self, index: int) -> Scan:
        """Give scan number `index`, with its reference."""
        if self.n_scans is None:
            return self._measure(index)
        number = index % self.n_scans
        if number not in self._drawn:
            self._drawn[number] = self._measure(number)
        return self._drawn[number]

    def _measure(self, number: int) -> Scan:
        coils = {"n_coils": self.n_coils, "coil_kind": "head_array"} if self.n_coils > 1 else {"n_coils": 1}
        drawn = draw_scan(self.split, number, seed=self.seed, shape=tuple(self.shape), noise_std=0.0, **coils)
        generator = generator_for(self.seed, self.split, "once", str(number))
        low, high = (math.log(noise) for noise in self.noise_std)
        noise_std = math.exp(uniform(low, high, generator))
        lines = generator_for(0, "one mask") if self.one_mask else generator
        mask = drawn_lines(self.density(), lines)
        smaps = drawn.smaps if self.n_coils > 1 else torch.ones(self.repetitions, *drawn.shape, dtype=torch.complex64)
        clean = fft2c(smaps * drawn.reference)
        kspace = torch.where(mask, clean + noise_std * complex_noise(clean.shape, generator), 0)
        reference = drawn.reference
        if self.n_coils > 1:
            smaps = espirit(kspace, acs=self.acs)
            reference = combine(ifft2c(clean), smaps)
        meta = drawn.meta | {"noise_std": noise_std, "acceleration": acceleration_of(mask), "acs": self.acs}
        return Scan(kspace, smaps, mask, reference, meta)

    def to_judge(self, split: str, seed: int) -> MeasuredOnce:
        """Give the scans that validate ("train", another seed) or test: no scan twice, and no slice of a test."""
        repetitions = 1 if split == "test" else self.repetitions
        return replace(self, split=split, seed=seed, n_scans=None, repetitions=repetitions)

    def samplings(self) -> list[str]:
        """Say in words what the masks keep of k-space."""
        return ["all of k-space" if self.acceleration == 1 else "lines along kx"]

    def ranges(self) -> dict[str, list[float]]:
        """Give the least and largest net acceleration, coils, matrix, ACS lines and noise that are drawn."""
        ny = self.shape[0]
        n_lines = round(ny / self.acceleration)
        return {
            "acceleration": [round(ny / n_lines, 2)] * 2,
            "n_coils": [self.n_coils] * 2,
            "matrix": sorted(self.shape),
            "acs": [self.acs if self.acceleration > 1 else ny] * 2,
            "noise_std": list(self.noise_std),
        }
