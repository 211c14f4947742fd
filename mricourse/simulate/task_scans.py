r"""Five small tasks for networks that see one image: endless slices, spoilt as scanners spoil them.

Everything that lessons on networks do not need is left out: one uniform coil, $S = 1$, as if the coils had been
combined without error, small matrices, and a reference without noise, which no scanner ever gave anybody. What is left
is one image, one operator $M F$ with a null space that one can write down, and a draw that takes milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mricourse.physics.epi import nyquist_ghost
from mricourse.physics.fourier import complex_noise, fft2c, ifft2c
from mricourse.physics.motion import scan_in_shots
from mricourse.physics.sampling import acceleration_of, acs_mask, random_mask
from mricourse.physics.scan import Scan
from mricourse.simulate.random_draws import generator_for, integer, subseed, uniform
from mricourse.simulate.randomised import draw_scan

STRENGTHS = {  # task -> what its strength is, and the least and the largest
    "denoising": ("of no use: the noise is the task", 1, 1),
    "super_resolution": ("factor by which both axes are short of resolution", 1, 8),
    "undersampling": ("nominal acceleration of random lines", 1, 16),
    "ghosting": ("radians, and samples of delay, between the echoes of an EPI", 0, 3),
    "motion": ("largest shift in pixels and turn in degrees, in each of the shots", 0, 10),
}
SHOTS = 8  # of a scan with motion: shot s reads lines s, s + 8, s + 16 ...
ACS = 0.08  # share of the lines in the fully sampled centre
SIZES = (32, 512)  # pixels


@dataclass(frozen=True, eq=False)
class TaskScans:
    r"""Scan number i of an endless data set for one task, for i = 0, 1, 2, ...; a pure function of i.

    Slices, contrasts, warps and phases are those of `mricourse.simulate.randomised.draw_scan`.

    Parameters
    ----------
    split : "train" or "test"
        Whose anatomies are drawn.
    seed : int
        Names the data set.
    task : str
        ``denoising``: all of k-space, with noise. ``super_resolution``: the centre of k-space, 1 / strength of each
        axis. ``undersampling``: random phase-encode lines and 8 % of them in the centre. ``ghosting``: all lines as an
        echo-planar scan reads them, forth and back, with a delay and a phase between both directions; half of it on
        either, so that the image itself does not move. ``motion``: all lines in 8 shots, before each of which the head
        takes another place; the reference is the head at the mean of all places.
    shape : (ny, nx)
        Matrix.
    strength : (low, high)
        Of the task, drawn uniformly: a factor, an acceleration (rounded), or for ghosts the phase in radians and the
        delay in samples, each with a sign of its own; for motion the largest shift along either axis in pixels and
        the largest turn in degrees, before the mean of all shots is taken off.
    noise_std : (low, high)
        Noise per real and imaginary part in k-space, drawn uniformly in its logarithm; the brightest pixel is 1.
    n_slices : int or None
        Only so many different slices, each over and over, with noise, lines and ghosts drawn anew; None never repeats.

    Raises
    ------
    ValueError
        An unknown task, or a number that it cannot have; from ``scans[i]`` an unknown split.
    """

    split: str
    seed: int
    task: str = "denoising"
    shape: Sequence[int] = (96, 96)
    strength: Sequence[float] = (1.0, 1.0)
    noise_std: Sequence[float] = (0.005, 0.02)
    n_slices: int | None = None

    def __post_init__(self) -> None:
        if self.task not in STRENGTHS:
            raise ValueError(f"task is {self.task!r}; expected one of {', '.join(STRENGTHS)}.")
        words, least, most = STRENGTHS[self.task]
        for name, span, low, high, meaning in (
            ("shape", sorted(self.shape), *SIZES, "pixels of ny and nx"),
            ("strength", self.strength, least, most, words),
            ("noise_std", self.noise_std, 1e-6, 1.0, "the brightest pixel is 1"),
        ):
            if len(span) != 2 or not low <= span[0] <= span[1] <= high:
                raise ValueError(
                    f"{name} is {list(getattr(self, name))}; expected two numbers from {low:g} to {high:g} ({meaning})."
                )
        if self.n_slices is not None and self.n_slices < 1:
            raise ValueError(f"n_slices is {self.n_slices}; expected 1 or more, or leave it out.")

    def __getitem__(self, index: int) -> Scan:
        """Draw scan number `index`: one coil of sensitivity 1, and the image without noise as reference."""
        number = index if self.n_slices is None else index % self.n_slices
        drawn = draw_scan(self.split, number, seed=self.seed, shape=tuple(self.shape), n_coils=1, noise_std=0.0)
        generator = generator_for(self.seed, self.split, self.task, str(index))
        low, high = (math.log(noise) for noise in self.noise_std)
        noise_std = math.exp(uniform(low, high, generator))
        strength = uniform(*self.strength, generator)
        noise = complex_noise(drawn.shape, generator)
        kspace = fft2c(drawn.reference)
        if self.task == "ghosting":
            signs = [1 - 2 * integer(0, 1, generator) for _ in range(2)]
            kspace = nyquist_ghost(kspace, phase_rad=signs[0] * strength, delay=signs[1] * strength)
        if self.task == "motion":
            places = strength * (2 * torch.rand(SHOTS, 3, generator=generator) - 1)
            kspace = scan_in_shots(drawn.reference, places - places.mean(0))
        mask = self._mask(strength, subseed(generator))
        meta = drawn.meta | {"task": self.task, "strength": strength, "noise_std": noise_std}
        meta["acceleration"] = acceleration_of(mask)
        kspace = (kspace + noise_std * noise)[None]
        return Scan(kspace, torch.ones_like(kspace), torch.ones_like(mask), drawn.reference, meta).undersample(mask)

    def _mask(self, strength: float, seed: int) -> Tensor:
        ny, nx = self.shape
        if self.task == "super_resolution":
            rows, columns = (acs_mask(n, round(n / strength)) for n in (ny, nx))
            return rows & columns.T
        if self.task == "undersampling":
            return random_mask(ny, round(strength), acs=round(ACS * ny), seed=seed)
        return torch.ones(ny, 1, dtype=torch.bool)

    def to_judge(self, split: str, seed: int) -> TaskScans:
        """Give the scans that validate ("train", another seed) or test: no slice twice."""
        return replace(self, split=split, seed=seed, n_slices=None)

    def images(self, n: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """Draw scans 0 to n - 1 as a network sees them: zero-filled images and references, complex (n, y, x)."""
        drawn = [self[index].to(device) for index in range(n)]
        zero_filled = ifft2c(torch.cat([scan.kspace for scan in drawn]))
        return zero_filled, torch.stack([scan.reference for scan in drawn])

    def samplings(self) -> list[str]:
        """Say in words what the masks keep of k-space."""
        words = {"super_resolution": "the centre of k-space", "undersampling": "lines along kx"}
        return [words.get(self.task, "all of k-space")]

    def ranges(self) -> dict[str, list[float]]:
        """Give the least and largest net acceleration, coils, matrix, ACS lines and noise that are drawn."""
        low, high = self.strength
        r = {"super_resolution": [low**2, high**2], "undersampling": [0.7 * low, high]}.get(self.task, [1.0, 1.0])
        ny = self.shape[0]
        acs = {"super_resolution": [round(ny / high), round(ny / low)], "undersampling": [round(ACS * ny)] * 2}
        return {
            "acceleration": [round(value, 2) for value in r],
            "n_coils": [1, 1],
            "matrix": sorted(self.shape),
            "acs": acs.get(self.task, [ny, ny]),
            "noise_std": list(self.noise_std),
        }
