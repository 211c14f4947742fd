"""Simulate the sensitivity maps of receive coils."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from mricourse.physics.coil_combination import rss

_N_SEGMENTS = 24  # straight wires per loop; more of them change the maps by at most 0.01
_N_NODES = 12  # Chebyshev nodes per axis; the field inside a ring of loops is this smooth


def simulate_coils(n_coils: int, shape: tuple[int, int], *, seed: int = 0, kind: str = "gaussian") -> Tensor:
    r"""Simulate a ring of receive coils around the field of view, $\sum_c |S_c|^2 = 1$ everywhere.

    Parameters
    ----------
    n_coils : int
        Number of coils, at least 1.
    shape : (ny, nx)
        Matrix size of the maps.
    seed : int
        Seed of the coils' places, widths and phases; the same seed gives the same maps.
    kind : "gaussian", "biot_savart" or "head_array"
        ``"gaussian"``: lobes of width 0.6 to 1.2 half-fields centred 1.0 to 1.5 half-fields
        from the middle, with linear and quadratic phase. ``"biot_savart"``: the transverse
        field $B_x - i B_y$ of circular wire loops on a cylinder, integrated over short wires; the loops are large and
        stand off by 1.5 to 1.8 half-fields. ``"head_array"``: the same close to the head, at 0.95 to 1.25 half-fields,
        each about as wide as its neighbours allow (12 cm from the axis and 10 to 14 cm across for 8 coils and a field
        of view of 24 cm), and more selective: with 8 coils the mean g-factor within a head is 0.93, 0.75 and 0.57 of
        that of ``"biot_savart"`` at R = 2, 3 and 4; only the excess over 1 falls much, to 0.22, 0.36 and 0.38 of it.

    Returns
    -------
    smaps : complex64 Tensor, shape (n_coils, ny, nx)
        Sensitivity maps, dimensionless; coils in the order of their angle. Real arrays do not have unit power: they
        see best what is near them. The division takes this receive shading out of every simulated image.

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
    lobes = {"gaussian": _gaussian_lobes, "biot_savart": _loop_fields, "head_array": _close_loop_fields}
    if kind not in lobes:
        raise ValueError(f"kind is {kind!r}; expected one of {sorted(lobes)}: choose one of them.")
    generator = torch.Generator().manual_seed(seed)
    places = torch.arange(n_coils) + torch.empty(n_coils).uniform_(-0.3, 0.3, generator=generator)
    angles = 2 * math.pi * (places / n_coils + torch.rand((), generator=generator))
    smaps = lobes[kind](angles, shape, generator)
    return smaps * rss(smaps).reciprocal()


def simulate_arrays(n_arrays: int, n_coils: int, shape: tuple[int, int], *, seed: int = 0, kind: str) -> Tensor:
    """Simulate several arrays of coils, of seeds from `seed` on: (arrays, coils, y, x), each by `simulate_coils`.

    Raises
    ------
    ValueError
        As `simulate_coils`; also where there is no array.
    """
    if n_arrays < 1:
        raise ValueError(f"n_arrays is {n_arrays}; expected at least one.")
    return torch.stack([simulate_coils(n_coils, shape, seed=seed + i, kind=kind) for i in range(n_arrays)])


def ring_noise_covariance(n_coils: int, *, shared: float, loudness: Mapping[int, float] | None = None) -> Tensor:
    r"""Covariance of the noise of a ring of coils, each of which shares noise with its neighbours.

    Parameters
    ----------
    n_coils : int
    shared : float
        Correlation of neighbours, 0 to 1; its square for the next but one, and so on around the ring.
    loudness : mapping {coil: factor}, optional
        Coils whose noise is stronger or weaker than that of the others, which is 1.

    Returns
    -------
    complex64 Tensor, shape (coils, coils)
    """
    coils = torch.arange(n_coils)
    apart = (coils[:, None] - coils).abs()
    apart = torch.minimum(apart, n_coils - apart)
    strength = torch.ones(n_coils)
    for coil, factor in (loudness or {}).items():
        strength[coil] = factor
    return (shared**apart * strength[:, None] * strength).to(torch.complex64)


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
    """Large loops, far from the field of view."""
    n = len(angles)
    distance = _uniform(n, 1.5, 1.8, generator)
    height = _uniform(n, -0.3, 0.3, generator)
    return _transverse_field(angles, distance, height, _uniform(n, 0.4, 0.9, generator), shape, generator)


def _close_loop_fields(angles: Tensor, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Loops around a head: neighbours touch or overlap a little; wires inside the field of view have a thickness."""
    n = len(angles)
    distance = _uniform(n, 0.95, 1.25, generator)
    height = _uniform(n, -0.3, 0.3, generator)
    touching = (distance * math.sin(math.pi / max(n, 3))).clamp(0.25, 0.7)
    radius = touching * _uniform(n, 0.9, 1.3, generator)
    return _transverse_field(angles, distance, height, radius, shape, generator, n_nodes=32, thickness=0.2)


def _transverse_field(
    angles: Tensor,
    distance: Tensor,
    height: Tensor,
    radius: Tensor,
    shape: tuple[int, int],
    generator: torch.Generator,
    *,
    n_nodes: int = _N_NODES,
    thickness: float = 0.0,
) -> Tensor:
    """Transverse field of circular loops, evaluated at few nodes and interpolated; lengths in half-fields, (n, 1)."""
    n = len(angles)
    nodes = torch.cos(math.pi * (torch.arange(n_nodes) + 0.5) / n_nodes)
    y, x = torch.meshgrid(nodes, nodes, indexing="ij")
    points = torch.stack([x, y, torch.zeros_like(x)], dim=-1).view(1, -1, 1, 3)

    outward = torch.stack([angles.cos(), angles.sin(), torch.zeros(n)], dim=-1)  # (n, 3)
    around = torch.stack([-angles.sin(), angles.cos(), torch.zeros(n)], dim=-1)
    along = torch.tensor([0.0, 0.0, 1.0])
    centre = distance * outward + height * along
    turn = torch.linspace(0, 2 * math.pi, _N_SEGMENTS + 1).view(1, -1, 1)
    corners = centre.unsqueeze(1) + radius.unsqueeze(1) * (
        turn.cos() * around.unsqueeze(1) + turn.sin() * along
    )  # (n, segments + 1, 3)
    wires = (corners[:, 1:] - corners[:, :-1]).unsqueeze(1)
    middles = ((corners[:, 1:] + corners[:, :-1]) / 2).unsqueeze(1)

    to_point = points - middles  # (n, nodes * nodes, segments, 3)
    length = (to_point.square().sum(dim=-1, keepdim=True) + thickness**2).sqrt()
    field = (torch.linalg.cross(wires.expand_as(to_point), to_point) / length**3).sum(dim=2)
    transverse = torch.complex(field[..., 0], -field[..., 1]).view(n, n_nodes, n_nodes)
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
