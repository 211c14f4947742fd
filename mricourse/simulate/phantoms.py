"""Drawn objects: a beating chest, an abdomen with fat fraction and R2*, and the Shepp-Logan head."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mricourse.simulate.random_draws import smooth_field

FAT_PEAKS_HZ = (-242.7060, -217.1580, -166.0620, -123.9078, -24.9093, 38.3220)
"""Frequencies of six fat peaks relative to water at 1.5 T, in Hz [ISMRM 2012 fat-water challenge]."""

FAT_PEAK_SHARES = (0.0870, 0.6930, 0.1280, 0.0040, 0.0390, 0.0480)
"""Their relative areas, from the same source; `fat_signal` divides by their sum of 0.999."""

# density, half axes (x, y), centre (x, y; y upwards) in half-fields, angle in degrees
# [Shepp and Logan, IEEE TNS 21:21 (1974); densities of Toft, The Radon transform, PhD thesis, DTU 1996]
SHEPP_LOGAN = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)


def shepp_logan(shape: tuple[int, int] = (128, 128)) -> Tensor:
    """Shepp-Logan head with Toft's contrast.

    Parameters
    ----------
    shape : (ny, nx)
        Matrix size, at least 16 each.

    Returns
    -------
    float32 Tensor, shape (ny, nx)
        Values from 0 to 1, edges blurred over one pixel.

    References
    ----------
    Shepp and Logan, IEEE Trans. Nucl. Sci. 21:21 (1974); densities from Toft, PhD thesis, DTU (1996).
    """
    _check_shape(shape)
    image = torch.zeros(shape)
    for density, half_x, half_y, x, y, degrees in SHEPP_LOGAN:
        image += density * ellipse(shape, (-y, x), (half_y, half_x), angle_rad=math.radians(degrees))
    return image.clamp(0, 1)


def beating_phantom(n_frames: int = 24, shape: tuple[int, int] = (128, 128), *, n_beats: float = 1.0) -> Tensor:
    """Short-axis view of a chest with a beating heart, for k-t sampling.

    The left ventricle shrinks to 64 % of its cavity's area in systole while its wall keeps its area, the
    right ventricle follows, and the aorta brightens; chest wall, liver and spine stay still. Nothing of it is measured.

    Parameters
    ----------
    n_frames : int
        Number of frames.
    shape : (ny, nx)
        Matrix size, at least 16 each.
    n_beats : float
        Heart beats covered by the frames; 1 makes the series periodic.

    Returns
    -------
    complex64 Tensor, shape (n_frames, ny, nx)
        Smooth, constant phase; maximum magnitude 1.
    """
    _check_shape(shape)
    if n_frames < 1 or not n_beats > 0:
        raise ValueError(f"n_frames, n_beats are {n_frames}, {n_beats}; expected 1 or more, above 0: take 24, 1.")
    phase = 0.8 * smooth_field(shape, n_control=4, generator=torch.Generator().manual_seed(7))
    times = [n_beats * frame / n_frames % 1.0 for frame in range(n_frames)]
    frames = torch.stack([_chest(shape, _contraction(time)) for time in times])
    return torch.polar(frames / frames.max(), phase.expand_as(frames))


@dataclass(frozen=True, eq=False)
class AbdominalPhantom:
    """Known maps of an abdominal slice.

    Parameters
    ----------
    pdff : float Tensor, shape (y, x)
        Proton-density fat fraction, 0 to 1.
    r2star_per_s : float Tensor, shape (y, x)
        Effective transverse relaxation rate in 1/s.
    pd : float Tensor, shape (y, x)
        Density of water and fat together, relative; 0 in air.
    b0_hz : float Tensor, shape (y, x)
        Smooth field map in Hz.
    liver : bool Tensor, shape (y, x)
        Where the liver is.
    """

    pdff: Tensor
    r2star_per_s: Tensor
    pd: Tensor
    b0_hz: Tensor
    liver: Tensor

    @property
    def body(self) -> Tensor:
        """Where there is signal: bool (y, x)."""
        return self.pd > 0.05

    def echoes(self, te_ms: Tensor | list[float], *, b0_t: float = 3.0) -> Tensor:
        """Complex multi-echo images of the maps, (echoes, y, x): see `multi_echo_signal`."""
        return multi_echo_signal(self.pdff, self.r2star_per_s, te_ms, pd=self.pd, b0_hz=self.b0_hz, b0_t=b0_t)


def abdominal_phantom(
    shape: tuple[int, int] = (160, 160),
    *,
    seed: int = 0,
    b0_t: float = 3.0,
    liver_rate_per_s: tuple[float, float] = (30.0, 150.0),
) -> AbdominalPhantom:
    """Draw an abdominal slice: liver, spleen, kidneys, spine, stomach and aorta in muscle and fat.

    The seed changes sizes and places by up to 8 %, the liver's fat fraction (1 to 40 %) and R2* (30 to
    150 1/s at 3 T, which contains iron overload), their slow variation, and focal spots in the liver.

    Parameters
    ----------
    shape : (ny, nx)
        Matrix size, at least 16 each.
    seed : int
        The subject.
    b0_t : float
        Field strength in tesla; R2* and the field map scale with it.
    liver_rate_per_s : (low, high)
        R2* of the liver at 3 T in 1/s is drawn between them. Above 150 1/s is more iron than a healthy liver has.

    Returns
    -------
    AbdominalPhantom
        Drawn values in the ranges of the literature; nothing of it is measured.
    """
    _check_shape(shape)
    if not b0_t > 0:
        raise ValueError(f"b0_t is {b0_t}; expected a positive field strength in tesla: 1.5 and 3 are usual.")
    generator = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    def organ(centre: tuple[float, float], half_axes: tuple[float, float], angle_rad: float = 0.0) -> Tensor:
        centre = tuple(value + draw(-0.03, 0.03) for value in centre)
        half_axes = tuple(value * draw(0.92, 1.08) for value in half_axes)
        return ellipse(shape, centre, half_axes, angle_rad=angle_rad + draw(-0.1, 0.1))

    def spot() -> Tensor:
        return organ((draw(-0.25, 0.1), draw(-0.5, -0.2)), (0.05, 0.06))

    outline = ellipse(shape, (0.0, 0.0), (0.62 * draw(0.95, 1.05), 0.88 * draw(0.97, 1.03)))
    wall = ellipse(shape, (0.0, 0.0), (0.52, 0.77))
    cavity = ellipse(shape, (-0.02, 0.0), (0.46, 0.70))
    liver = organ((-0.08, -0.32), (0.34, 0.36), 0.5) * cavity
    slow = [1 + 0.12 * smooth_field(shape, generator=generator) for _ in range(2)]
    liver_fat = draw(0.01, 0.40)
    liver_rate = draw(*liver_rate_per_s)
    # shares, PDFF, R2* at 3 T in 1/s, density: later organs lie over earlier ones
    layers = [
        (outline, 0.93, 35.0, 0.90),
        (wall, 0.04, 33.0, 0.80),
        (cavity, 0.75, 40.0, 0.75),
        (liver, liver_fat * slow[0], liver_rate * slow[1], 0.80),
        *((spot() * (liver > 0.5), draw(0, 0.5), draw(20, 220), 0.80) for _ in range(3)),
        (organ((0.02, 0.50), (0.22, 0.13), -0.4) * cavity, 0.02, 45.0, 0.82),
        (organ((0.18, -0.38), (0.13, 0.09), 0.3), 0.03, 22.0, 0.90),
        (organ((0.18, 0.38), (0.13, 0.09), -0.3), 0.03, 22.0, 0.90),
        (organ((-0.22, 0.28), (0.11, 0.20), 0.3) * cavity, 0.0, 25.0, draw(0.0, 1.0)),
        (organ((0.20, 0.06), (0.055, 0.055)), 0.0, 12.0, 0.95),
        (organ((0.34, 0.0), (0.14, 0.15)), 0.45, 110.0, 0.70),
    ]
    pdff, rate, density = _painted(layers, shape)
    b0_hz = 80 * b0_t / 3 * smooth_field(shape, generator=generator)
    return AbdominalPhantom(pdff.clamp(0, 1), rate * b0_t / 3, density, b0_hz, liver > 0.5)


def _painted(
    layers: list[tuple[Tensor, float | Tensor, float | Tensor, float]], shape: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Lay organs over one another, each with its share of every pixel, fat fraction, R2* and density."""
    pdff = torch.zeros(shape)
    rate = torch.full(shape, 35.0)
    density = torch.zeros(shape)
    for share, fat, decay, amount in layers:
        pdff = torch.lerp(pdff, torch.as_tensor(fat, dtype=pdff.dtype).expand(shape), share)
        rate = torch.lerp(rate, torch.as_tensor(decay, dtype=rate.dtype).expand(shape), share)
        density = density + share * (amount - density)
    return pdff, rate, density


def fat_signal(te_ms: Tensor | list[float], *, b0_t: float = 3.0) -> Tensor:
    r"""Six-peak fat relative to water, $\sum_p a_p e^{i 2\pi f_p TE}$, one at TE = 0.

    Parameters
    ----------
    te_ms : float Tensor or list, shape (echoes,)
        Echo times in ms.
    b0_t : float
        Field strength in tesla; the peaks' frequencies scale with it.

    Returns
    -------
    complex64 Tensor, shape (echoes,)

    References
    ----------
    Peaks of the ISMRM 2012 fat-water challenge; multi-peak model: Yu et al., MRM 60:1122 (2008).
    """
    te_s = _seconds(te_ms)
    frequencies = torch.tensor(FAT_PEAKS_HZ) * (b0_t / 1.5)
    shares = torch.tensor(FAT_PEAK_SHARES) / sum(FAT_PEAK_SHARES)
    phases = 2 * math.pi * te_s.unsqueeze(-1) * frequencies
    return (shares * torch.polar(torch.ones_like(phases), phases)).sum(dim=-1)


def multi_echo_signal(
    pdff: Tensor,
    r2star_per_s: Tensor,
    te_ms: Tensor | list[float],
    *,
    pd: Tensor | float = 1.0,
    b0_hz: Tensor | float = 0.0,
    b0_t: float = 3.0,
) -> Tensor:
    r"""Water and fat over echo times, one $R_2^*$ for both.

    $$S(t) = \rho\,\Big(1 - \eta + \eta\sum_p a_p e^{i2\pi f_p t}\Big)\,e^{i2\pi\psi t}\,e^{-R_2^* t}$$

    Differentiable in the maps, so that it can serve as a physics loss.

    Parameters
    ----------
    pdff : float Tensor, shape (..., y, x)
        Fat fraction $\eta$, 0 to 1.
    r2star_per_s : float Tensor, shape (..., y, x)
        $R_2^*$ in 1/s, the same for water and fat.
    te_ms : float Tensor or list, shape (echoes,)
        Echo times $t$ in ms.
    pd : Tensor or float, broadcastable to (..., y, x)
        Density $\rho$ of water and fat together.
    b0_hz : Tensor or float, broadcastable to (..., y, x)
        Field map $\psi$ in Hz.
    b0_t : float
        Field strength in tesla.

    Returns
    -------
    complex64 Tensor, shape (..., echoes, y, x)

    References
    ----------
    Signal model as in Shih et al. (UP-Net), MRM 89:1567 (2023); peaks as in `fat_signal`.
    """
    te_s = _seconds(te_ms).to(pdff.device).view(-1, 1, 1)
    fat = fat_signal(te_ms, b0_t=b0_t).to(pdff.device).view(-1, 1, 1)
    # an echo axis before (y, x) in everything that is a map
    pdff, rate, pd, b0_hz = (
        torch.as_tensor(value, device=pdff.device).unsqueeze(-3) if torch.as_tensor(value).ndim >= 2 else value
        for value in (pdff, r2star_per_s, pd, b0_hz)
    )
    decay = torch.exp(-rate * te_s)
    rotation = torch.polar(torch.ones_like(decay), (2 * math.pi * b0_hz * te_s).expand_as(decay))
    return pd * (1 - pdff + pdff * fat) * decay * rotation


def ellipse(
    shape: tuple[int, int], centre: tuple[float, float], half_axes: tuple[float, float], *, angle_rad: float = 0.0
) -> Tensor:
    """Filled ellipse with an edge one pixel wide.

    Parameters
    ----------
    shape : (ny, nx)
        Matrix size.
    centre : (y, x)
        In half-fields from the middle, y downwards: (-1, -1) is the upper left corner.
    half_axes : (along y, along x)
        In half-fields.
    angle_rad : float
        Counter-clockwise turn as seen on the screen.

    Returns
    -------
    float32 Tensor, shape (ny, nx)
        1 inside, 0 outside, in between on the edge.
    """
    ny, nx = shape
    y = ((torch.arange(ny) - (ny - 1) / 2) / (ny / 2) - centre[0]).unsqueeze(1)
    x = ((torch.arange(nx) - (nx - 1) / 2) / (nx / 2) - centre[1]).unsqueeze(0)
    cos = math.cos(angle_rad)
    sin = math.sin(angle_rad)
    along = (x * cos - y * sin) / half_axes[1]
    across = (x * sin + y * cos) / half_axes[0]
    radius = torch.sqrt(along**2 + across**2)
    pixels = min(half_axes[0] * ny, half_axes[1] * nx) / 2  # edge distance in pixels along the short axis
    return ((1 - radius) * pixels + 0.5).clamp(0, 1)


def _chest(shape: tuple[int, int], contraction: float) -> Tensor:
    """One frame, `contraction` from 0 (end of filling) to 1 (end of ejection)."""
    cavity = 0.155 * math.sqrt(1 - 0.36 * contraction)
    wall = math.sqrt(0.225**2 - 0.155**2 + cavity**2)  # the muscle's area stays
    heart = (0.02 - 0.02 * contraction, 0.16)
    right = (0.02, -0.09 + 0.03 * contraction)
    layers = [  # centre, half axes, angle, intensity; later ones lie over earlier ones
        ((0.0, 0.0), (0.72, 0.92), 0.0, 0.85),
        ((0.0, 0.0), (0.66, 0.86), 0.0, 0.35),
        ((-0.05, -0.45), (0.42, 0.30), 0.15, 0.04),
        ((-0.05, 0.48), (0.45, 0.28), -0.15, 0.04),
        ((0.42, -0.35), (0.16, 0.36), 0.2, 0.45),
        ((0.50, 0.0), (0.13, 0.13), 0.0, 0.50),
        ((0.36, 0.15), (0.07, 0.07), 0.0, 0.70 + 0.25 * contraction),
        (right, (0.21 - 0.03 * contraction, 0.19 - 0.05 * contraction), 0.3, 0.40),
        (right, (0.185 - 0.04 * contraction, 0.165 - 0.055 * contraction), 0.3, 0.90),
        (heart, (wall, wall), 0.0, 0.42),
        (heart, (cavity, cavity), 0.0, 1.0),
        ((heart[0] - 0.45 * cavity, heart[1] + 0.5 * cavity), (0.03, 0.03), 0.0, 0.45),
        ((heart[0] + 0.45 * cavity, heart[1] + 0.5 * cavity), (0.03, 0.03), 0.0, 0.45),
    ]
    frame = torch.zeros(shape)
    for centre, half_axes, angle_rad, intensity in layers:
        frame = frame + ellipse(shape, centre, half_axes, angle_rad=angle_rad) * (intensity - frame)
    return frame


def _contraction(time: float) -> float:
    """Degree of contraction at a time of the beat, 0 to 1: ejection in the first 35 %, then slower filling."""
    if time < 0.35:
        return math.sin(math.pi / 2 * time / 0.35) ** 2
    return math.cos(math.pi / 2 * (time - 0.35) / 0.65) ** 2


def _seconds(te_ms: Tensor | list[float]) -> Tensor:
    te_s = torch.as_tensor(te_ms, dtype=torch.float32) / 1000
    if te_s.ndim != 1 or not bool(((te_s >= 0) & te_s.isfinite()).all()):
        raise ValueError(f"te_ms is {te_ms}; expected a list of echo times in ms, zero or more: write [1.2, 2.4, 3.6].")
    return te_s


def _check_shape(shape: tuple[int, int]) -> None:
    if len(shape) != 2 or min(shape) < 16:
        raise ValueError(f"shape is {tuple(shape)}; expected two sizes of at least 16: write shape=(ny, nx).")
