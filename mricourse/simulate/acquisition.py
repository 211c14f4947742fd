"""From an image to what a scanner records of it: smooth phase, a mask, coils and noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise, fft2c
from mricourse.physics.sampling import PATTERNS, Shape, acceleration_of, equispaced_mask
from mricourse.physics.scan import Scan
from mricourse.simulate.random_draws import integer, smooth_field, subseed, uniform

ANY = ("equispaced", "random")  # what a mask called "any" is, half and half


def with_phase(image: Tensor, amplitude_rad: float, generator: torch.Generator) -> Tensor:
    """Give a magnitude image a smooth phase between -amplitude and +amplitude."""
    n_control = integer(4, 6, generator)
    field = smooth_field(image.shape, n_control=n_control, generator=generator)
    return torch.polar(image, amplitude_rad * field / field.abs().max())


def measure(
    reference: Tensor, smaps: Tensor, mask: Tensor, noise_std: float, meta: dict, generator: torch.Generator
) -> Scan:
    """Measure an image, $y = M (F S x + n)$ with white complex noise.

    Parameters
    ----------
    reference : complex Tensor, shape (y, x)
    smaps : complex Tensor, shape (coils, y, x)
    mask : bool Tensor, broadcastable to (coils, ky, kx)
    noise_std : float
        Standard deviation of the real and of the imaginary part of the noise, in the unit of `reference`.
    """
    kspace = fft2c(smaps * reference)
    kspace = torch.add(kspace, complex_noise(kspace.shape, generator), alpha=noise_std)
    kspace = torch.where(mask, kspace, 0)
    return Scan(kspace, smaps, mask, reference, meta)


def make_mask(
    shape: tuple[int, int], mask: Tensor | str | None, acceleration: int | None, generator: torch.Generator
) -> tuple[Tensor, dict]:
    """Take the mask that was given, or draw one of a pattern: the mask, and what `meta` says about it."""
    if isinstance(mask, Tensor):
        if acceleration is not None:
            raise ValueError("got a mask and an acceleration; expected one of them: the mask sets the acceleration.")
        return mask, {"pattern": "given", "acceleration": acceleration_of(mask)}
    if mask is None and acceleration is None:
        return torch.ones(1, 1, dtype=torch.bool), {"pattern": "full", "acceleration": 1.0}
    pattern = mask or "any"
    if pattern not in (*PATTERNS, "any"):
        names = ", ".join((*PATTERNS, "any"))
        raise ValueError(f"mask is {pattern!r}; expected a Tensor or one of {names}: choose one of them.")
    if pattern == "any":
        pattern = ANY[integer(0, 1, generator)]
    acceleration = acceleration or integer(3, 5, generator)
    acs = max(2, round(shape[0] * uniform(0.06, 0.12, generator)))
    drawn = draw_mask(pattern, shape[0], acceleration, acs, generator)
    return drawn, {"pattern": pattern, "acceleration": acceleration_of(drawn), "acs": acs}


def draw_mask(pattern: str, shape: Shape, acceleration: float, acs: int, generator: torch.Generator) -> Tensor:
    """Draw a mask of one of `PATTERNS`: the offset of a comb, or the places of a random pattern."""
    if pattern == "equispaced":
        return equispaced_mask(shape, acceleration, acs=acs, offset=integer(0, acceleration - 1, generator))
    return PATTERNS[pattern](shape, acceleration, acs=acs, seed=subseed(generator))


def check_numbers(shape: tuple[int, int], n_coils: int | None, noise_std: float | None) -> None:
    """Refuse what no scan can have.

    Raises
    ------
    ValueError
        For a matrix below 16, fewer than one coil, or noise that is negative or not finite.
    """
    if len(shape) != 2 or min(shape) < 16:
        raise ValueError(f"shape is {tuple(shape)}; expected two sizes of at least 16: write shape=(ny, nx).")
    if n_coils is not None and n_coils < 1:
        raise ValueError(f"n_coils is {n_coils}; expected at least 1: a head coil has 8 to 32.")
    if noise_std is not None and not (math.isfinite(noise_std) and noise_std >= 0):
        raise ValueError(f"noise_std is {noise_std}; expected zero or more: the brightest pixel is 1, 0.005 is usual.")
