"""Images rougher than anatomy, so that a network trained on simulations expects what no simulation has."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from mricourse.simulate.anatomy import CHANNELS, Anatomy
from mricourse.simulate.random_draws import integer, smooth_field, uniform

N_LEAVES = 600
RADIUS = (1.2, 40.0)  # pixels of the long half axis
PLAIN = 0.2  # share of slices without leaves
MODULATED = 0.7  # share with leaves on top of tissue; the rest is leaves alone


def roughened(image: Tensor, generator: torch.Generator) -> Tensor:
    """Break tissue into dead leaves, and add phase that is steep and that follows intensity: complex (y, x) -> (y, x).

    Networks that learn from dead leaves alone denoise photographs nearly as well as those that learn from photographs
    [Achddou et al., SSVM 2021]: edges of all sizes and contrasts matter more than what they belong to.
    """
    share = uniform(0, 1, generator)
    amount = uniform(0, 0.65, generator)
    leaves = dead_leaves(image, generator)
    if PLAIN < share < PLAIN + MODULATED:
        image = image * (1 + amount * (2 * leaves - 1))
    elif share > PLAIN + MODULATED:
        image = torch.sgn(image) * (10 * image.abs()).clamp_max(1) * leaves
    magnitude = image.abs()
    n_control = integer(8, 20, generator)
    steep = uniform(0, 1.5, generator) * smooth_field(image.shape, n_control=n_control, generator=generator)
    linear = 3 * uniform(-1, 1, generator) ** 3  # mostly small
    waves = uniform(-1, 1, generator) * torch.sin(2 * math.pi * uniform(0.5, 1.5, generator) * magnitude)
    return image * torch.polar(torch.ones(()), steep + linear * magnitude + waves)


def dead_leaves(image: Tensor, generator: torch.Generator) -> Tensor:
    """Scatter ellipses that hide one another, each of one grey from 0 to 1, over a grey object: (y, x) -> (y, x).

    Their sizes follow $r^{-3}$, so that the picture looks the same at any scale [Lee, Mumford, Huang, IJCV 2001].
    """
    ny, nx = image.shape
    leaves = torch.full((ny, nx), 0.5)
    inside = [torch.nonzero((image.abs() > 0.02).any(dim=axis)).flatten() for axis in (1, 0)]
    if not len(inside[0]):
        return leaves
    (top, bottom), (left, right) = ((int(where[0]), int(where[-1])) for where in inside)
    numbers = torch.rand((N_LEAVES, 6), generator=generator, dtype=torch.float64).tolist()
    for size, down, across, grey, flat, turn in numbers:
        radius = (RADIUS[0] ** -2 + size * (RADIUS[1] ** -2 - RADIUS[0] ** -2)) ** -0.5
        centre = top + down * (bottom - top), left + across * (right - left)
        rows, columns = (
            torch.arange(max(0, int(middle - radius)), min(n, int(middle + radius) + 2))
            for middle, n in zip(centre, (ny, nx), strict=True)
        )
        y = rows[:, None] - centre[0]
        x = columns - centre[1]
        cosine = math.cos(math.pi * turn)
        sine = math.sin(math.pi * turn)
        along = cosine * y + sine * x
        beside = cosine * x - sine * y
        covered = (along / radius).square() + (beside / (radius * (0.35 + 0.65 * flat))).square() < 1
        if covered.any():
            leaves[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][covered] = grey
    return leaves


@lru_cache(maxsize=8)
def _class_levels(anatomy: Anatomy, version: int) -> Tensor:
    """Mean measured T1 intensity of every tissue class."""
    coarse = anatomy.volume[::3, ::3, ::3, : len(CHANNELS)].reshape(-1, len(CHANNELS)).float() / 255
    weights = (coarse[:, 1:] > 0.9).float()
    return (weights * coarse[:, :1]).sum(dim=0) / weights.sum(dim=0).clamp_min(1)


def measured_texture(anatomy: Anatomy, channels: Tensor) -> Tensor:
    """Relative deviation of the measured T1 intensity from what its tissue classes predict, -0.25 to 0.25."""
    expected = torch.tensordot(_class_levels(anatomy, anatomy.version), channels[1:], dims=1)
    return ((channels[0] - expected) / (expected + 0.1)).clamp(-0.25, 0.25)


def unrelated_texture(texture: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a texture as coarse and, place by place, as strong as another, but of other structure: float (y, x).

    Its Fourier magnitudes are those of the other one with drawn phases; then it gets the other's strength in windows of
    5 x 5 pixels, and is zero where the other one is.
    """
    spectrum = torch.fft.rfft2(texture).abs()
    noise = torch.fft.rfft2(torch.randn(texture.shape, generator=generator))
    drawn = torch.fft.irfft2(torch.sgn(noise) * spectrum, s=texture.shape)
    drawn = torch.where(texture != 0, drawn, 0)
    return drawn * _strength(texture) / _strength(drawn).clamp_min(1e-6)


def _strength(texture: Tensor, *, window: int = 5) -> Tensor:
    """Root mean square around each pixel: (y, x) -> (y, x)."""
    power = functional.avg_pool2d(texture.square()[None, None], window, stride=1, padding=window // 2)
    return power[0, 0].clamp_min(0).sqrt()
