"""Receive coils: simulate their sensitivity maps and combine their images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_N_SEGMENTS = 24  # straight wires per loop; more of them change the maps by at most 0.01
_N_NODES = 12  # Chebyshev nodes per axis; the field inside a ring of loops is this smooth


def simulate_coils(
    n_coils: int, shape: tuple[int, int], *, seed: int = 0, kind: str = "gaussian"
) -> Tensor:
    r"""Simulate a ring of receive coils around the field of view, $\sum_c |S_c|^2 = 1$ everywhere.

    Parameters
    ----------
    n_coils : int
        Number of coils, at least 1.
    shape : (ny, nx)
        Matrix size of the maps.
    seed : int
        Seed of the coils' places, widths and phases; the same seed gives the same maps.
    kind : "gaussian" or "biot_savart"
        ``"gaussian"``: lobes of width 0.6 to 1.2 half-fields centred 1.0 to 1.5 half-fields
        from the middle, with linear and quadratic phase. ``"biot_savart"``: the transverse
        field $B_x - i B_y$ of circular wire loops on a cylinder, integrated over short wires.

    Returns
    -------
    smaps : complex64 Tensor, shape (n_coils, ny, nx)
        Sensitivity maps, dimensionless; coils in the order of their angle.

    Raises
    ------
    ValueError
        An unknown `kind`, no coil, or a shape that is not two positive sizes.

    References
    ----------
    Roemer et al., The NMR phased array, MRM 16:192-225, 1990.
    """
    if n_coils < 1 or len(shape) != 2 or min(shape) < 1:
        raise ValueError(
            f"got n_coils={n_coils} and shape={tuple(shape)}; expected at least one coil and "
            "two positive sizes: call simulate_coils(8, (ny, nx))."
        )
    lobes = {"gaussian": _gaussian_lobes, "biot_savart": _loop_fields}
    if kind not in lobes:
        raise ValueError(f"kind is {kind!r}; expected one of {sorted(lobes)}: choose one of them.")
    generator = torch.Generator().manual_seed(seed)
    places = torch.arange(n_coils) + torch.empty(n_coils).uniform_(-0.3, 0.3, generator=generator)
    angles = 2 * math.pi * (places / n_coils + torch.rand((), generator=generator))
    smaps = lobes[kind](angles, shape, generator)
    return smaps * rss(smaps).reciprocal()


def rss(coil_images: Tensor) -> Tensor:
    r"""Root sum of squares over the coils, $\sqrt{\sum_c |x_c|^2}$.

    Parameters
    ----------
    coil_images : Tensor, shape (..., coils, y, x)
        Complex or real coil images.

    Returns
    -------
    Tensor, shape (..., y, x)
        Real magnitudes, in the unit of the input.
    """
    power = _power(coil_images)
    positive = power > 0  # the root's gradient is infinite at zero
    return torch.where(positive, torch.where(positive, power, 1).sqrt(), 0)


def combine(coil_images: Tensor, smaps: Tensor) -> Tensor:
    r"""Combine coil images by least squares, $\sum_c S_c^* x_c / \sum_c |S_c|^2$.

    Parameters
    ----------
    coil_images : complex Tensor, shape (..., coils, y, x)
        One image per coil.
    smaps : complex Tensor, shape (..., coils, y, x)
        Sensitivity maps; where all of them are zero the result is zero.

    Returns
    -------
    image : complex Tensor, shape (..., y, x)
        The image that explains the coil images best where noise is white.
    """
    power = _power(smaps)
    image = (smaps.conj() * coil_images).sum(dim=-3)
    return torch.where(power > 0, image / power.clamp_min(torch.finfo(power.dtype).tiny), 0)


def _power(coil_images: Tensor) -> Tensor:
    """Sum of squares over the coils; five times as fast as by way of abs()."""
    if not coil_images.is_complex():
        return coil_images.square().sum(dim=-3)
    return (coil_images.real.square() + coil_images.imag.square()).sum(dim=-3)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.empty(n, 1).uniform_(low, high, generator=generator)


def _half_fields(n: int) -> Tensor:
    """Pixel positions in units of half a field of view, zero at pixel n // 2: (1, n)."""
    return ((torch.arange(n) - n // 2) / (n / 2)).unsqueeze(0)


def _gaussian_lobes(angles: Tensor, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Gaussian lobes; separable, so a map costs one outer product."""
    n = len(angles)
    radius = _uniform(n, 1.0, 1.5, generator)
    width = _uniform(n, 0.6, 1.2, generator)
    factors = []
    for length, centre in zip(shape, (angles.sin(), angles.cos()), strict=True):
        position = _half_fields(length)
        phase = (
            _uniform(n, -math.pi, math.pi, generator)
            + _uniform(n, -1.0, 1.0, generator) * position
            + _uniform(n, -0.5, 0.5, generator) * position**2
        )
        distance = (position - radius * centre.unsqueeze(1)) / width
        factors.append(torch.polar(torch.exp(-0.5 * distance**2), phase))
    along_y, along_x = factors
    return along_y.unsqueeze(-1) * along_x.unsqueeze(-2)


def _loop_fields(angles: Tensor, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Transverse field of circular loops, evaluated at few nodes and interpolated."""
    n = len(angles)
    nodes = torch.cos(math.pi * (torch.arange(_N_NODES) + 0.5) / _N_NODES)
    y, x = torch.meshgrid(nodes, nodes, indexing="ij")
    points = torch.stack([x, y, torch.zeros_like(x)], dim=-1).view(1, -1, 1, 3)

    outward = torch.stack([angles.cos(), angles.sin(), torch.zeros(n)], dim=-1)  # (n, 3)
    around = torch.stack([-angles.sin(), angles.cos(), torch.zeros(n)], dim=-1)
    along = torch.tensor([0.0, 0.0, 1.0])
    centre = _uniform(n, 1.5, 1.8, generator) * outward + _uniform(n, -0.3, 0.3, generator) * along
    loop_radius = _uniform(n, 0.4, 0.9, generator)
    turn = torch.linspace(0, 2 * math.pi, _N_SEGMENTS + 1).view(1, -1, 1)
    corners = centre.unsqueeze(1) + loop_radius.unsqueeze(1) * (
        turn.cos() * around.unsqueeze(1) + turn.sin() * along
    )  # (n, segments + 1, 3)
    wires = (corners[:, 1:] - corners[:, :-1]).unsqueeze(1)
    middles = ((corners[:, 1:] + corners[:, :-1]) / 2).unsqueeze(1)

    to_point = points - middles  # (n, nodes * nodes, segments, 3)
    distance_cubed = torch.linalg.vector_norm(to_point, dim=-1, keepdim=True) ** 3
    field = (torch.linalg.cross(wires.expand_as(to_point), to_point) / distance_cubed).sum(dim=2)
    transverse = torch.complex(field[..., 0], -field[..., 1]).view(n, _N_NODES, _N_NODES)
    phase = _uniform(n, -math.pi, math.pi, generator).view(n, 1, 1)
    transverse = transverse * torch.polar(torch.ones_like(phase), phase)
    rows, columns = (_interpolation_matrix(nodes, length) for length in shape)
    return rows @ transverse @ columns.T


def _interpolation_matrix(nodes: Tensor, length: int) -> Tensor:
    """Polynomial interpolation from Chebyshev `nodes` to pixels: complex (length, nodes)."""
    degrees = torch.arange(len(nodes), dtype=torch.float64)
    positions = _half_fields(length)[0].double().clamp(-1, 1)
    at_nodes = torch.cos(degrees * torch.acos(nodes.double()).unsqueeze(1))
    at_pixels = torch.cos(degrees * torch.acos(positions).unsqueeze(1))
    return torch.linalg.solve(at_nodes, at_pixels, left=False).to(torch.complex64)
