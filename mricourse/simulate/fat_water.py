r"""Undersampled echoes of drawn abdomens: what a network that maps fat fraction and R2* trains on.

A subject is one drawn abdomen with one slice: organs of its own size and place, a fat fraction and an R2* of its liver,
a field map, a phase, its lines and its noise. Nothing of it is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise, fft2c
from mricourse.physics.line_densities import drawn_lines, line_density
from mricourse.physics.multi_echo import MultiEchoScan
from mricourse.physics.scan import Scan
from mricourse.simulate.phantoms import AbdominalPhantom, abdominal_phantom
from mricourse.simulate.random_draws import check_limits, generator_for, smooth_field, subseed, uniform

SPLITS = ("train", "test")
LIMITS = {  # of each pair or number
    "shape": (32, 256, "pixels of ny and nx"),
    "noise_std": (1e-6, 1.0, "the densest pixel is near 1"),
    "acceleration": (1, 8, "net"),
    "acs": (4, 64, "lines"),
    "n_echoes": (4, 32, "echoes"),
    "first_te_ms": (0.5, 10, "ms"),
    "delta_te_ms": (0.3, 5, "ms"),
    "liver_rate_per_s": (5, 2000, "1/s at 3 T"),
    "b0_t": (0.2, 7, "tesla"),
}
TISSUE = 0.3  # density from which a pixel counts as tissue
MOST_PHASE_RAD = 1.0  # of the smooth phase at TE = 0, beside a constant


@dataclass(frozen=True, eq=False)
class FatWaterScans:
    """Subject number i of an endless data set, for i = 0, 1, 2, ...; a pure function of i.

    One uniform coil, $S = 1$. All echoes of a subject have the same lines, since one excitation reads them one after
    another, and each has its own noise. The references are the echoes without noise.

    Parameters
    ----------
    split : "train" or "test"
        No subject is in both: the split is part of what draws them.
    seed : int
        Names the data set.
    shape : (ny, nx)
        Matrix.
    n_echoes : int
    first_te_ms, delta_te_ms : float
        Time of the first echo and between two, in ms.
    b0_t : float
        Field strength in tesla.
    acceleration : float
        Net; random lines, denser in the middle of k-space.
    acs : int
        Lines of the fully sampled centre.
    noise_std : (low, high)
        Noise per real and imaginary part in k-space, drawn uniformly in its logarithm; the densest pixel is near 1.
    liver_rate_per_s : (low, high)
        R2* of the liver at 3 T.

    Raises
    ------
    ValueError
        A number that it cannot have; from ``scans[i]`` an unknown split.
    """

    split: str
    seed: int
    shape: Sequence[int] = (64, 64)
    n_echoes: int = 6
    first_te_ms: float = 1.2
    delta_te_ms: float = 1.0
    b0_t: float = 3.0
    acceleration: float = 3.0
    acs: int = 8
    noise_std: Sequence[float] = (0.01, 0.04)
    liver_rate_per_s: Sequence[float] = (30.0, 150.0)

    def __post_init__(self) -> None:
        check_limits(self, LIMITS)
        self.density()

    @property
    def te_ms(self) -> list[float]:
        """Times of the echoes in ms."""
        return [self.first_te_ms + number * self.delta_te_ms for number in range(self.n_echoes)]

    @property
    def contrasts(self) -> tuple[str, ...]:
        """Names of the echoes, in their order."""
        return tuple(f"echo {number}" for number in range(1, self.n_echoes + 1))

    def density(self) -> Tensor:
        """Give the probability of each line, float64 (ny, 1)."""
        if self.acceleration == 1:
            return torch.ones(self.shape[0], 1, dtype=torch.float64)
        return line_density(self.shape[0], self.acceleration, acs=self.acs)

    def __getitem__(self, index: int) -> MultiEchoScan:
        """Draw and scan subject number `index`."""
        if self.split not in SPLITS or index < 0:
            raise ValueError(f"split is {self.split!r} and index {index}; expected train or test, and 0 or more.")
        generator = generator_for(self.seed, self.split, "abdomen", str(index))
        phantom = abdominal_phantom(
            tuple(self.shape),
            seed=subseed(generator),
            b0_t=self.b0_t,
            liver_rate_per_s=tuple(self.liver_rate_per_s),
        )
        low, high = (math.log(noise) for noise in self.noise_std)
        noise_std = math.exp(uniform(low, high, generator))
        angle = uniform(-math.pi, math.pi, generator) + MOST_PHASE_RAD * smooth_field(self.shape, generator=generator)
        images = phantom.echoes(self.te_ms, b0_t=self.b0_t) * torch.polar(torch.ones_like(angle), angle)
        mask = drawn_lines(self.density(), generator)
        kspace = fft2c(images)
        kspace = torch.where(mask, kspace + noise_std * complex_noise(kspace.shape, generator), 0)
        meta = {"simulated": True, "subject": index, "split": self.split, "te_ms": self.te_ms, "b0_t": self.b0_t,
                "noise_std": noise_std, "liver": phantom.liver, "b0_hz": phantom.b0_hz}  # fmt: skip
        smaps = torch.ones(1, *self.shape, dtype=torch.complex64)
        echoes = zip(self.contrasts, kspace[:, None], images, strict=True)
        scans = {name: Scan(data, smaps, mask, image) for name, data, image in echoes}
        return MultiEchoScan(scans, meta, **_true_maps(phantom))

    def to_judge(self, split: str, seed: int) -> FatWaterScans:
        """Give the scans that validate ("train", another seed) or test."""
        return replace(self, split=split, seed=seed)

    def samplings(self) -> list[str]:
        """Say in words what the masks keep of k-space."""
        return ["all of k-space" if self.acceleration == 1 else "lines along kx"]

    def ranges(self) -> dict[str, list[float]]:
        """Give the least and largest net acceleration, coils, matrix, ACS lines and noise that are drawn."""
        ny = self.shape[0]
        return {
            "acceleration": [round(ny / round(ny / self.acceleration), 2)] * 2,
            "n_coils": [1, 1],
            "matrix": sorted(self.shape),
            "acs": [self.acs if self.acceleration > 1 else ny] * 2,
            "noise_std": list(self.noise_std),
        }


def _true_maps(phantom: AbdominalPhantom) -> dict[str, Tensor]:
    """Fat fraction in % and R2* in 1/s, zero outside the tissue, and where that is."""
    inside = phantom.pd > TISSUE
    maps = torch.stack([100 * phantom.pdff, phantom.r2star_per_s])
    return {"maps": torch.where(inside, maps, 0), "inside": inside}
