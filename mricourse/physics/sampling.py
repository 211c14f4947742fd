r"""Where k-space is sampled: Cartesian masks in one and two dimensions, k-t patterns, radial and spiral trajectories.

Each mask function takes a ``shape``: an ``int`` ny gives phase-encode lines, a mask of shape (ny, 1) that
broadcasts along the readout; a pair ``(ny, nx)`` gives points in the plane of two phase-encode axes, as in a 3-D scan.
``acs`` is the fully sampled centre: that many lines, or a square of that side. It counts towards the acceleration,
so `acceleration_of` a random mask is what was asked for, while an equispaced mask with a centre samples more.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mricourse.physics.fourier import ifft2c

Shape = int | tuple[int, int]
SMALLEST = 12  # samples along an axis from which coil maps can be calibrated
OFF_CENTRE = 2  # samples; random lines beside the centre lengthen it on one side
GOLDEN_ANGLE = math.pi * (math.sqrt(5) - 1) / 2  # 111.25 degrees, radial spokes [Winkelmann, IEEE TMI 2007]


def acceleration_of(mask: Tensor) -> float:
    """Realised (net) acceleration: number of k-space positions over number of sampled ones, ACS included."""
    if not mask.any():
        raise ValueError("the mask samples nothing; expected at least one True.")
    return mask.numel() / int(mask.sum())


def acs_mask(shape: Shape, acs: int) -> Tensor:
    """Sample the fully sampled centre alone: ``acs`` lines around index ny // 2, or a square of that side."""
    sizes = _sizes(shape)
    if not 0 <= acs <= min(sizes):
        raise ValueError(f"acs is {acs}; expected 0 to {min(sizes)}, the size of k-space.")
    mask = torch.ones(1, 1, dtype=torch.bool)
    for axis, n in enumerate(sizes):
        inside = torch.zeros(n, dtype=torch.bool)
        start = n // 2 - acs // 2
        inside[start : start + acs] = True
        mask = mask & (inside[:, None] if axis == 0 else inside[None, :])
    return mask


def acs_block(mask: Tensor, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Find where the fully sampled block of k-space lies: it need not be centred, as after partial Fourier.

    Parameters
    ----------
    mask : bool Tensor, broadcastable to (..., ky, kx), at least 2-D
        Of several leading entries (coils, frames) the first counts.
    shape : (ny, nx)
        Size of k-space.

    Returns
    -------
    (rows, columns) : pair of slice
        The largest block, by its shorter side and then by its area, that was sampled completely and holds the centre
        of k-space, or if that was missed, the nearest stretch that serves to calibrate. Both are empty where there is
        none.
    """
    while mask.ndim > 2:
        mask = mask[0]
    plane = mask.cpu()
    y, x = _seed(plane)
    if not plane[y, x]:
        return slice(0, 0), slice(0, 0)
    above = _reach(plane[: y + 1].flip(0), x)  # (2, rows): left and right of x
    below = _reach(plane[y:], x)
    left, right = torch.minimum(above[:, :, None], below[:, None, :])
    heights = torch.arange(above.shape[1])[:, None] + torch.arange(below.shape[1]) + 1
    widths = left + right - 1
    score = torch.minimum(heights, widths) * plane.numel() + heights * widths
    up, down = divmod(int(torch.where(widths > 0, score, 0).argmax()), below.shape[1])
    rows = slice(y - up, y + down + 1)
    columns = slice(x + 1 - int(left[up, down]), x + int(right[up, down]))
    return tuple(
        slice(0, n) if n_stored == 1 else span
        for n, n_stored, span in zip(shape, plane.shape, (rows, columns), strict=True)
    )


def acs_lines_of(mask: Tensor) -> int | tuple[int, int]:
    """Measure the size of the fully sampled block, of which `acs_block` says where it lies.

    Parameters
    ----------
    mask : bool Tensor, shape (..., ky, 1) or (..., ky, kx)
        Of several leading entries (coils, frames) the first counts.

    Returns
    -------
    int for a 1-D mask (number of lines), (rows, columns) for a 2-D one.
    """
    rows, columns = acs_block(mask, tuple(mask.shape[-2:]))
    n_rows = rows.stop - rows.start
    return n_rows if mask.shape[-1] == 1 else (n_rows, columns.stop - columns.start)


def acs_in_words(mask: Tensor) -> str:
    """Name the fully sampled block for a report: ``24 lines``, ``16 x 20``; and where it lies, if not centred."""
    ny, nx = mask.shape[-2:]
    rows, columns = acs_block(mask, (ny, nx))
    found = acs_lines_of(mask)
    size = f"{found} line{'' if found == 1 else 's'}" if isinstance(found, int) else f"{found[0]} x {found[1]}"
    off_centre = [
        f"{name} {span.start} to {span.stop - 1}"
        for name, span, n in (("ky", rows, ny), ("kx", columns, nx))
        if abs((span.start + span.stop) / 2 - n // 2) > OFF_CENTRE and span.stop > span.start and n > 1
    ]
    return f"{size} ({', '.join(off_centre)})" if off_centre else size


def near_centre(span: slice, size: int, n: int) -> slice:
    """Shorten a stretch of an axis of n samples to at most `size` of them, those nearest to the centre of k-space."""
    size = min(size, span.stop - span.start)
    start = min(max(n // 2 - size // 2, span.start), span.stop - size)
    return slice(start, start + size)


def equispaced_mask(shape: Shape, acceleration: int, *, acs: int = 24, offset: int = 0) -> Tensor:
    """Sample every ``acceleration``-th ky line and the ACS; ``offset`` shifts the comb off the centre line."""
    _check_acceleration(acceleration)
    if acceleration != int(acceleration):
        raise ValueError(
            f"acceleration is {acceleration}; an equispaced mask needs a whole number. Use random_mask for others."
        )
    ny, *rest = _sizes(shape)
    comb = (torch.arange(ny) - ny // 2 - offset) % int(acceleration) == 0
    return comb[:, None].expand(ny, *(rest or [1])) | acs_mask(shape, acs)


def random_mask(shape: Shape, acceleration: float, *, acs: int = 24, seed: int = 0) -> Tensor:
    """Sample the ACS and as many further positions, uniform and without repetition, as ``acceleration`` allows."""
    return _draw(shape, acceleration, acs, seed, lambda radius: torch.ones_like(radius))


def variable_density_mask(
    shape: Shape, acceleration: float, *, acs: int = 24, power: float = 3.0, seed: int = 0
) -> Tensor:
    r"""Sample the ACS and random positions with density $(1 - |k|/k_{max})^{power}$ [Lustig, MRM 2007].

    ``power`` 0 is uniform; 2 to 5 suit natural images, whose energy falls with $|k|$.
    """
    if not power >= 0:
        raise ValueError(f"power is {power}; expected 0 (uniform) or more.")
    return _draw(shape, acceleration, acs, seed, lambda radius: (1 - radius / (radius.max() + 1e-3)) ** power)


PATTERNS: dict[str, Callable[..., Tensor]] = {  # the names by which recipes and commands call masks
    "equispaced": equispaced_mask,
    "random": random_mask,
    "variable_density": variable_density_mask,
}


def poisson_disc_mask(
    shape: tuple[int, int], acceleration: float, *, acs: int = 24, slope: float = 4.0, seed: int = 0
) -> Tensor:
    r"""Sample random points that keep a distance which grows with $|k|$ [Vasanawala, ISBI 2011].

    Parameters
    ----------
    shape : (ny, nx)
        A Poisson disc needs two phase-encode axes.
    acceleration : float
        Realised to within one sample: the distances are scaled until the count fits.
    slope : float
        The distance at the edge of k-space is 1 + ``slope`` times that in the centre.
    """
    sizes = _sizes(shape)
    if len(sizes) != 2:
        raise ValueError(f"shape is {shape}; a Poisson disc needs (ny, nx). For lines use variable_density_mask.")
    centre = acs_mask(shape, acs).numpy()
    budget = _budget(sizes, acceleration, int(centre.sum()))
    distance = (1 + slope * _radius(shape)).numpy()
    order = np.random.default_rng(seed).permutation(centre.size)
    low = 0.0
    high = float(max(sizes))
    mask = np.ones(sizes, dtype=bool)
    for _ in range(12):  # bisection on the scale of the distances; fewest samples that still fill the budget
        scale = (low + high) / 2 if high < max(sizes) else low + 0.5
        trial = _throw_darts(distance * scale, order, centre)
        low, high, mask = (scale, high, trial) if trial.sum() >= budget else (low, scale, mask)
    surplus = [i for i in order[::-1] if mask.flat[i] and not centre.flat[i]][: int(mask.sum()) - budget]
    mask.flat[surplus] = False
    return torch.from_numpy(mask)


def partial_fourier_mask(shape: Shape, fraction: float) -> Tensor:
    """Sample the first ``fraction`` (0.5 to 1) of the ky lines: one half of k-space and a little of the other."""
    if not 0.5 <= fraction <= 1:
        raise ValueError(f"fraction is {fraction}; expected 0.5 to 1 of the phase-encode lines.")
    ny, *rest = _sizes(shape)
    lines = torch.arange(ny) < max(round(fraction * ny), ny // 2 + 1)
    return lines[:, None].expand(ny, *(rest or [1])).clone()


def kt_mask(n_frames: int, ny: int, acceleration: int, *, acs: int = 0) -> Tensor:
    """Sample every ``acceleration``-th line, the comb moved on by one line from frame to frame [Tsao, MRM 2003].

    Returns
    -------
    bool Tensor, shape (frames, 1, ny, 1), broadcastable to (frames, coils, ky, kx).
    """
    if n_frames < 1:
        raise ValueError(f"n_frames is {n_frames}; expected at least 1.")
    frames = [equispaced_mask(ny, acceleration, acs=acs, offset=frame) for frame in range(n_frames)]
    return torch.stack(frames)[:, None]


def point_spread(mask: Tensor) -> Tensor:
    """Image of a point under the mask, (ky, kx) or (ky, 1) -> complex of the same shape, scaled to 1 at the centre."""
    spread = ifft2c(mask.to(torch.complex64))
    return spread / spread[..., mask.shape[-2] // 2, mask.shape[-1] // 2][..., None, None]


def radial_trajectory(n_spokes: int, n_readout: int, *, golden: bool = True) -> Tensor:
    """Spokes through the centre, turned by the golden angle or spread evenly over half a turn.

    Returns
    -------
    float32 Tensor, shape (n_spokes * n_readout, 2): (ky, kx) in cycles per pixel, within [-0.5, 0.5).
    """
    _check_counts(n_spokes=n_spokes, n_readout=n_readout)
    angle = torch.arange(n_spokes) * (GOLDEN_ANGLE if golden else math.pi / n_spokes)
    radius = (torch.arange(n_readout) - n_readout // 2) / n_readout
    spokes = torch.stack([torch.outer(torch.sin(angle), radius), torch.outer(torch.cos(angle), radius)], dim=-1)
    return spokes.reshape(-1, 2)


def spiral_trajectory(n_interleaves: int, n_readout: int, *, n_turns: float = 8.0) -> Tensor:
    """Archimedean spirals from the centre outwards at constant speed, one turned against the next.

    The rings are Nyquist-dense for an image of ``n`` pixels when ``n_interleaves * n_turns >= n / 2``.

    Returns
    -------
    float32 Tensor, shape (n_interleaves * n_readout, 2): (ky, kx) in cycles per pixel, within [-0.5, 0.5).
    """
    _check_counts(n_interleaves=n_interleaves, n_readout=n_readout)
    end = 2 * math.pi * n_turns
    fine = np.linspace(0, end, 20 * n_readout)
    length = fine * np.hypot(1, fine) + np.arcsinh(fine)  # twice that of an arm of radius = angle
    turned = torch.from_numpy(np.interp(np.arange(n_readout) * (length[-1] / n_readout), length, fine)).float()
    angle = turned + 2 * math.pi * torch.arange(n_interleaves)[:, None] / n_interleaves
    arms = (0.5 / end * turned)[:, None] * torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1)
    return arms.reshape(-1, 2)


def _sizes(shape: Shape) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if len(sizes) not in (1, 2) or min(sizes) < 1:
        raise ValueError(f"shape is {shape}; expected ny for lines or (ny, nx) for points, each at least 1.")
    return sizes


def _check_acceleration(acceleration: float) -> None:
    if not acceleration >= 1:
        raise ValueError(f"acceleration is {acceleration}; expected 1 (fully sampled) or more.")


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} is {count}; expected at least 1.")


def _budget(sizes: tuple[int, ...], acceleration: float, n_centre: int) -> int:
    _check_acceleration(acceleration)
    budget = max(1, round(math.prod(sizes) / acceleration))
    if budget < n_centre:
        raise ValueError(
            f"acceleration {acceleration} leaves {budget} samples, but the centre alone has {n_centre}; "
            "lower acs or acceleration."
        )
    return budget


def _radius(shape: Shape) -> Tensor:
    """Distance from the centre of k-space, 1 at the edge of each axis; shape (ny, 1) or (ny, nx)."""
    axes = [(torch.arange(n) - n // 2) / max(n / 2, 1) for n in _sizes(shape)]
    return axes[0].abs()[:, None] if len(axes) == 1 else torch.hypot(axes[0][:, None], axes[1][None, :])


def _draw(shape: Shape, acceleration: float, acs: int, seed: int, density: Callable[[Tensor], Tensor]) -> Tensor:
    mask = acs_mask(shape, acs)
    n_extra = _budget(_sizes(shape), acceleration, int(mask.sum())) - int(mask.sum())
    if n_extra == 0:
        return mask
    weights = torch.where(mask, 0.0, density(_radius(shape)).clamp_min(1e-9)).flatten()
    # the largest u^(1/w) are a draw without repetition, of any size [Efraimidis, Inf Process Lett 2006]
    keys = torch.rand(weights.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).log() / weights
    mask.view(-1)[keys.nan_to_num(-math.inf).topk(n_extra).indices] = True
    return mask


def _throw_darts(distance: np.ndarray, order: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Visit the points in ``order``; keep each one that no earlier kept point forbids."""
    ny, nx = distance.shape
    blocked = centre.copy()
    kept = centre.copy()
    discs = {}
    for index in order.tolist():
        y, x = divmod(index, nx)
        if blocked[y, x]:
            continue
        kept[y, x] = True
        reach = int(distance[y, x])
        key = round(float(distance[y, x]), 1)
        if key not in discs:
            span = np.arange(-reach, reach + 1)
            discs[key] = span[:, None] ** 2 + span[None, :] ** 2 < key**2
        disc = discs[key]
        half = disc.shape[0] // 2
        top = max(y - half, 0)
        left = max(x - half, 0)
        window = blocked[top : y + half + 1, left : x + half + 1]
        window |= disc[top - y + half :, left - x + half :][: window.shape[0], : window.shape[1]]
    return kept


def _seed(plane: Tensor) -> tuple[int, int]:
    """Give the middle of the fully sampled window nearest to the centre of k-space; the centre where there is none."""
    centre = [n // 2 for n in plane.shape]
    window = [min(SMALLEST, n) for n in plane.shape]
    full = plane.unfold(0, window[0], 1).all(-1).unfold(1, window[1], 1).all(-1)
    middles = full.nonzero() + torch.tensor([size // 2 for size in window])
    if not len(middles):
        return tuple(centre)
    nearest = (middles - torch.tensor(centre)).square().sum(1).argmin()
    return tuple(middles[nearest].tolist())


def _reach(rows: Tensor, x: int) -> Tensor:
    """Count the columns to the left and right of x, itself included, that the first 1, 2, ... rows hold: (2, rows)."""
    full = rows.int().cummin(dim=0).values
    return torch.stack([full[:, : x + 1].flip(1).cumprod(1).sum(1), full[:, x:].cumprod(1).sum(1)])
