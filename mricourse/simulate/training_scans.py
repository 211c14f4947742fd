r"""Endless simulated scans to train on, each a pure function of its number, so that a killed training can go on.

As on a scanner the coil maps are estimated from the noisy fully sampled centre, and the reference is the fully sampled,
noisy, coil-combined image: nobody owns the noise-free truth, and what was measured should stay as measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mricourse.physics.coil_combination import combine
from mricourse.physics.coil_maps import CALIBRATION, espirit
from mricourse.physics.fourier import complex_noise, fft2c, fftc, ifft2c, ifftc
from mricourse.physics.sampling import PATTERNS, acceleration_of
from mricourse.physics.scan import Scan
from mricourse.simulate.acquisition import draw_mask
from mricourse.simulate.augmentation import flipped
from mricourse.simulate.phases import scanner_phase
from mricourse.simulate.pictures import PICTURES, pictured
from mricourse.simulate.random_draws import choose, generator_for, integer, smooth_field, uniform
from mricourse.simulate.randomised import draw_scan
from mricourse.simulate.texture import roughened

MASKS = (*PATTERNS, "points")
MAX_POINTS = 224**2  # pixels of the largest matrix that gets points: they are whole slices, and those take long
COILS = {"head_array": 0.6, "biot_savart": 0.2, "gaussian": 0.2}  # the last two overlap more and amplify more noise
MIN_HEAD = 0.15  # share of a strip's pixels that should hold signal
MIN_STRIP = 24  # columns; fewer leave too few patches of the centre to measure the noise on
LIMITS = {  # of matrix sizes and so on: what espirit, simulate_coils and the course's files allow
    "matrix": (24, 512),
    "n_coils": (1, 32),
    "acceleration": (1, 32),
    "acs": (8, 512),
    "noise_std": (1e-6, 1.0),
    "sharpness": (-1, 10),
}
MOST_LEFT_OUT = 64


@dataclass(frozen=True, eq=False)
class SimulatedScans:
    r"""Scan number i of an endless data set, for i = 0, 1, 2, ...

    A draw (slice, contrast, sharpness, coils, phase, noise, ESPIRiT maps) costs more than a training step, so each one
    serves about `reuse` scans: scan i takes one at random from a window of `pool` draws that moves on by one draw every
    `reuse` scans, and gives it a mask, a strip and a receiver phase of its own, mirrored or not. Memory holds the draws
    of one window.

    A strip is a crop along the readout $x$. With phase-encode lines it is exact physics, not an approximation:
    the mask does not depend on kx, so every column is an inverse problem of its own.

    Parameters
    ----------
    split : "train" or "test"
        Whose anatomies are drawn.
    seed : int
        Names the data set.
    matrix : (low, high)
        ny and nx, multiples of 8, drawn independently.
    n_coils, acceleration, acs : (low, high)
        Coils; nominal acceleration; fully sampled lines in the centre.
    noise_std : (low, high)
        Noise per real and imaginary part in k-space, drawn uniformly in its logarithm; the brightest pixel is about 1.
    patterns : mapping
        Share of each of ``equispaced``, ``random`` and ``variable_density`` lines and of ``points`` (two phase-encode
        axes, variable density). Points never become strips, and more than 224 x 224 pixels get random lines instead.
    strip : int or None
        Columns of a strip, where at least 15 % of its pixels hold signal if one of eight attempts finds such a place;
        a slice whose last attempt finds none at all stays whole, as every slice does with None.
    sharpness : (low, high)
        Gain at the edge of k-space, less 1. The anatomies are softer than most scans; below 0 softer still, as where a
        scanner filters.
    rough : bool
        Break the tissue of most slices into dead leaves and let their phase follow it more steeply: rougher than
        anatomy, so that a network expects detail and phase that no simulated head has.
    weighted : float
        Share of the slices with the contrast of a named protocol, half of them T2w or FLAIR, as in `randomised_scan`.
    pictures : mapping
        Share of all draws that show ``leaves``, a ``fractal`` or a ``photograph`` of `mricourse.simulate.pictures` in
        the place of a head; together at most 1. They are never broken into leaves.
    scanner_phase : float
        Share of the draws with the phase of `mricourse.simulate.phases.scanner_phase` on top: shifted echoes, failing
        shims, air beside tissue.
    few_coils : bool
        Draw the number of coils uniformly in its logarithm: arrays of 4 to 7 as often as those of 16 to 31.
    left_out : int
        Up to so many coils of an array are left out. Where many are, the rest are small and see the head unevenly.
    pool, reuse : int
        Draws in the window, and scans a draw serves.

    Raises
    ------
    ValueError
        A range or a number that no scan can have, or an unknown pattern; from ``scans[i]`` an unknown split, or a
        scan whose centre is too small or too noisy to estimate maps from.
    """

    split: str
    seed: int
    matrix: Sequence[int] = (160, 320)
    n_coils: Sequence[int] = (4, 16)
    acceleration: Sequence[int] = (3, 6)
    acs: Sequence[int] = (16, 32)
    noise_std: Sequence[float] = (0.0008, 0.014)
    patterns: Mapping[str, float] = field(default_factory=lambda: {"equispaced": 0.5, "random": 0.5})
    strip: int | None = None
    sharpness: Sequence[float] = (0.0, 2.5)
    rough: bool = False
    weighted: float = 0.0
    pictures: Mapping[str, float] = field(default_factory=dict)
    scanner_phase: float = 0.0
    few_coils: bool = False
    left_out: int = 3
    pool: int = 64
    reuse: int = 8
    _drawn: dict[int, Scan] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, limits in LIMITS.items():
            _check_range(name, getattr(self, name), *limits)
        if any(size % 8 for size in self.matrix):
            raise ValueError(f"matrix is {list(self.matrix)}; expected multiples of 8, as [160, 320].")
        if self.acs[1] > self.matrix[0] // 2:
            raise ValueError(
                f"acs is {list(self.acs)}; expected at most half of the smallest matrix, {self.matrix[0]}."
            )
        shares = self.patterns.values()
        if set(self.patterns) - set(MASKS) or not all(0 <= share < math.inf for share in shares) or not any(shares):
            raise ValueError(f"patterns are {dict(self.patterns)}; expected positive shares of {', '.join(MASKS)}.")
        for name in ("weighted", "scanner_phase"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a share from 0 to 1.")
        shares = self.pictures.values()
        if set(self.pictures) - set(PICTURES) or not all(0 <= share <= 1 for share in shares) or sum(shares) > 1:
            raise ValueError(
                f"pictures are {dict(self.pictures)}; expected shares of {', '.join(PICTURES)}, together at most 1."
            )
        if not 0 <= self.left_out <= MOST_LEFT_OUT:
            raise ValueError(f"left_out is {self.left_out}; expected 0 to {MOST_LEFT_OUT} coils, as 3.")
        if self.strip is not None and self.strip < MIN_STRIP:
            raise ValueError(f"strip is {self.strip}; expected at least {MIN_STRIP} columns, as 64.")
        if min(self.pool, self.reuse) < 1:
            raise ValueError(f"pool is {self.pool} and reuse {self.reuse}; expected 1 or more, as 64 and 8.")

    def __getitem__(self, index: int) -> Scan:
        """Draw scan number `index`: estimated maps, noisy reference, undersampled k-space."""
        generator = generator_for(self.seed, self.split, "scan", str(index))
        first = index // self.reuse
        scan = self._draw(first + integer(0, self.pool - 1, generator), first)
        mask, pattern = self._mask(scan, generator)
        if self.strip is not None and mask.shape[-1] == 1:
            scan = _strip(scan, self.strip, generator)
        if uniform(0, 1, generator) < 0.5:
            scan = flipped(scan, -1)
        scan = _turned(scan, uniform(-math.pi, math.pi, generator))
        return replace(scan.undersample(mask), smaps=scan.smaps.clone(), meta=scan.meta | pattern)  # the draw stays

    def _mask(self, scan: Scan, generator: torch.Generator) -> tuple[Tensor, dict]:
        ny, nx = scan.shape
        pattern = [*self.patterns][choose([*map(float, self.patterns.values())], generator)]
        acceleration, acs = integer(*self.acceleration, generator), scan.meta["acs"]
        if pattern == "points" and ny * nx > MAX_POINTS:
            pattern = "random"
        if pattern == "points":
            most = ny * nx / (acs + 4) ** 2  # leaves a few samples beside the centre
            mask = draw_mask("variable_density", (ny, nx), min(acceleration, most), acs, generator)
        else:
            most = acceleration if pattern == "equispaced" else ny / (acs + 4)
            mask = draw_mask(pattern, ny, min(acceleration, most), acs, generator)
        return mask, {"pattern": pattern, "acceleration": acceleration_of(mask)}

    def _draw(self, index: int, first: int) -> Scan:
        """Look a draw up, or simulate it; those before the window, which begins with `first`, are forgotten."""
        for old in [number for number in self._drawn if number < first]:
            del self._drawn[old]
        if index not in self._drawn:
            self._drawn[index] = self._simulate(index)
        return self._drawn[index]

    def _simulate(self, index: int) -> Scan:
        """Simulate a fully sampled noisy scan, and estimate its maps as a reconstruction will have to."""
        generator = generator_for(self.seed, self.split, "draw", str(index))
        shape = tuple(8 * integer(self.matrix[0] // 8, self.matrix[1] // 8, generator) for _ in range(2))
        n_coils = self._number_of_coils(generator)
        n_drawn = n_coils + integer(0, self.left_out, generator)  # arrays are not always complete
        low, high = torch.tensor(self.noise_std).log().tolist()
        noise_std = float(torch.tensor(uniform(low, high, generator)).exp())
        coil_kind = [*COILS][choose([*COILS.values()], generator)]
        options = {"shape": shape, "n_coils": n_drawn, "noise_std": 0.0, "coil_kind": coil_kind}
        scan = draw_scan(self.split, index, seed=self.seed, weighted=self.weighted, **options)
        other = generator_for(self.seed, self.split, "picture", str(index))
        kind = self._picture(other)
        image = _phased(pictured(scan.reference, kind, other) if kind else scan.reference, generator)
        if uniform(0, 1, other) < self.scanner_phase:
            image = image * scanner_phase(image, other)
        if self.rough and not kind:
            image = roughened(image, generator_for(self.seed, self.split, "rough", str(index)))
        kspace = fft2c(scan.smaps * image)
        kept = torch.randperm(n_drawn, generator=generator)[:n_coils].sort().values
        kspace = kspace[kept] * _edge_gain(shape, uniform(*self.sharpness, generator))
        kspace = kspace + noise_std * complex_noise(kspace.shape, generator)
        acs = integer(*self.acs, generator)
        smaps = espirit(kspace, acs=min(acs, CALIBRATION))
        if not smaps.any():
            raise ValueError(
                f"ESPIRiT finds no object in draw {index}: {n_coils} coils, {shape[0]} x {shape[1]}, {acs} ACS lines, "
                f"noise {noise_std:.2g}; expected enough to estimate maps from: ask for more, and for less noise."
            )
        meta = scan.meta | {"acs": acs, "noise_std": noise_std} | ({"picture": kind} if kind else {})
        return Scan(kspace, smaps, scan.mask, combine(ifft2c(kspace), smaps), meta)

    def _number_of_coils(self, generator: torch.Generator) -> int:
        low, high = self.n_coils
        if not self.few_coils:
            return integer(low, high, generator)
        return min(high, int(low * ((high + 1) / low) ** uniform(0, 1, generator)))

    def _picture(self, generator: torch.Generator) -> str:
        """Draw the kind of picture that stands in the place of a head; empty for a head."""
        rest = 1 - sum(self.pictures.values())
        if not any(self.pictures.values()):
            return ""
        return [*self.pictures, ""][choose([*map(float, self.pictures.values()), max(rest, 0.0)], generator)]

    def to_judge(self, split: str, seed: int) -> SimulatedScans:
        """Give whole slices of anatomy, one draw each: to validate ("train", another seed) and test on."""
        return replace(self, split=split, seed=seed, strip=None, rough=False, pictures={}, pool=1, reuse=1)

    def samplings(self) -> list[str]:
        """Say in words what the masks keep of k-space."""
        points = ["single points of k-space"] if self.patterns.get("points") else []
        return ["lines along kx", *points]  # large matrices get lines in the place of points

    def ranges(self) -> dict[str, list[float]]:
        """Give the least and largest net acceleration, coils, matrix, ACS lines and noise that are drawn."""
        names = ("acceleration", "n_coils", "matrix", "acs", "noise_std")
        span = {name: list(getattr(self, name)) for name in names}
        span["acceleration"][0] = round(span["acceleration"][0] * 0.7, 2)  # net, with the ACS lines counted
        return span


def _phased(image: Tensor, generator: torch.Generator) -> Tensor:
    """Add phase as in gradient echoes: that of the field, slow or locally fast, and that of tissue, as its intensity.

    With the slow phase of `draw_scan` alone a network does well in simulation and fails where a real phase is steep,
    beside the frontal sinuses for instance.
    """
    slow, fast = (
        most_rad
        * uniform(0, 1, generator)
        * smooth_field(image.shape, n_control=integer(*n, generator), generator=generator)
        for most_rad, n in ((3.0, (4, 7)), (1.2, (8, 20)))
    )
    return image * torch.polar(torch.ones(()), slow + fast + uniform(-1, 1, generator) * image.abs())


def _edge_gain(shape: tuple[int, int], gain: float) -> Tensor:
    """Give weights (ky, kx) that go with the squared distance from the centre, from 1 to 1 + gain at the edges."""
    ky, kx = (2 * (torch.arange(n) - n // 2) / n for n in shape)
    return 1 + gain * (ky[:, None].square() + kx.square()).clamp_max(1)


def _strip(scan: Scan, width: int, generator: torch.Generator) -> Scan:
    """Cut columns from a fully sampled scan: back to the readout's positions, crop, and to kx again."""
    nx = scan.shape[1]
    if width >= nx:
        return scan
    for _ in range(8):
        start = integer(0, nx - width, generator)
        columns = slice(start, start + width)
        if (scan.reference[:, columns] != 0).float().mean() > MIN_HEAD:
            break
    smaps, reference = scan.smaps[..., columns].contiguous(), scan.reference[..., columns].contiguous()
    if not reference.any():
        return scan
    kspace = fftc(ifftc(scan.kspace, dim=-1)[..., columns], dim=-1)
    return replace(scan, kspace=kspace, smaps=smaps, reference=reference)


def _turned(scan: Scan, phase_rad: float) -> Scan:
    """Turn the phase of data and image: that of a receiver is arbitrary."""
    factor = complex(math.cos(phase_rad), math.sin(phase_rad))
    return replace(scan, kspace=scan.kspace * factor, reference=scan.reference * factor)


def _check_range(name: str, span: Sequence[float], least: float, most: float) -> None:
    if len(span) != 2 or not least <= span[0] <= span[1] <= most:
        raise ValueError(f"{name} is {span}; expected two numbers from {least:g} to {most:g}, the lower first.")
