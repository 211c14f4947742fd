"""Phase as scanners make it: echoes off the centre of k-space, shims that fail, and air beside tissue."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mricourse.simulate.random_draws import integer, uniform

MOST_SHIFT = 2.0  # samples of k-space by which an echo may be off the centre
MOST_CURVED = 6.0  # rad at the border, of each of the quadratic and cubic terms
MOST_DIPOLES = 4
MOST_DIPOLE = 3.0  # rad, at the surface of what disturbs the field
RADIUS = (0.02, 0.1)  # of what disturbs the field, in fields of view
TERMS = [  # powers of y and x, and the most that each is at the corner, in rad
    (powers, math.pi * MOST_SHIFT if sum(powers) == 1 else MOST_CURVED)
    for powers in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
]


def scanner_phase(image: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a phase for an image: a polynomial, and the fields of small spheres of another susceptibility in it.

    A linear phase is a shift of k-space, and quadratic and cubic ones are what a shim leaves. Beside air a field is
    that of a dipole, $(R / r)^3 (3 cos^2 - 1)$, steep and small, as above the nose and the ears.

    Parameters
    ----------
    image : complex or real Tensor, shape (y, x)
        The spheres lie where it is not zero.

    Returns
    -------
    complex Tensor, shape (y, x)
        Of magnitude 1; multiply the image by it.
    """
    ny, nx = image.shape
    y, x = torch.linspace(-1, 1, ny)[:, None], torch.linspace(-1, 1, nx)
    phase = torch.zeros(ny, nx)
    for powers, most in TERMS:
        phase = phase + most * uniform(-1, 1, generator) ** 3 * y ** powers[0] * x ** powers[1]  # mostly small
    inside = torch.nonzero(image.abs() > 0.05)
    for _ in range(integer(0, MOST_DIPOLES, generator) if len(inside) else 0):
        row, column = inside[integer(0, len(inside) - 1, generator)].tolist()
        phase = phase + _dipole(y * ny / max(ny, nx), x * nx / max(ny, nx), row, column, generator)
    return torch.polar(torch.ones(()), phase)


def _dipole(y: Tensor, x: Tensor, row: int, column: int, generator: torch.Generator) -> Tensor:
    """Phase of one sphere in or near the slice, in a main field of any direction; the field of view is 2 wide."""
    radius = 2 * RADIUS[0] * (RADIUS[1] / RADIUS[0]) ** uniform(0, 1, generator)
    away = radius * uniform(-1.5, 1.5, generator)
    turn, tilt = uniform(0, 2 * math.pi, generator), uniform(0, math.pi / 2, generator)
    strength = MOST_DIPOLE * uniform(-1, 1, generator)
    down, across = y - y[row], x - x[column]
    squared = down.square() + across.square() + away**2
    along = math.sin(tilt) * (math.cos(turn) * down + math.sin(turn) * across) + math.cos(tilt) * away
    outside = squared.clamp_min(radius**2)  # inside the sphere its field stays what it is at the surface
    return strength * (radius**2 / outside) ** 1.5 * (3 * along.square() / squared.clamp_min(1e-12) - 1)
