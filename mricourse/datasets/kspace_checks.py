"""What samples themselves say: where they were measured, whether they are k-space, and where its centre lies.

A file that is not what it seems gives a wrong image without a word; here it gets a sentence with the remedy.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from mricourse.physics.fourier import ifft2c
from mricourse.physics.sampling import acs_block, near_centre


def infer_mask(kspace: Tensor) -> Tensor:
    """Infer the mask from empty samples: a position is unsampled where every coil holds exactly zero.

    Integer data hold zeros by chance, where the signal is weakest. A few of them, scattered and weak, do not break
    a line; a column, a block, or a single zero among strong samples was not measured.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)

    Returns
    -------
    bool Tensor, shape (ky, 1) where whole lines were sampled, else (ky, kx).
    """
    sampled = (kspace != 0).any(dim=0)
    lines = sampled.any(dim=1, keepdim=True)
    return lines if zeros_by_chance(kspace, lines) else sampled


def zeros_by_chance(kspace: Tensor, mask: Tensor) -> bool:
    """Whether the zeros inside a mask may have been measured: at most 1 %, scattered, and where the signal is weak.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
    mask : bool Tensor, shape (ky, 1) or (ky, kx)
    """
    mask = mask.expand(kspace.shape[-2:])
    zero = mask & (kspace == 0).all(dim=0)
    if not bool(zero.any()):
        return True
    power = kspace.abs().to(torch.float64).square().sum(dim=0)
    rows, columns = mask.any(dim=1), mask.any(dim=0)
    zero, mask, power = (plane[rows][:, columns] for plane in (zero, mask, power))
    if int(zero.sum()) > 0.01 * int(mask.sum()):
        return False
    zeros_near = 25 * functional.avg_pool2d(_wrapped(zero.to(power.dtype)), 5, stride=1)[0]
    power_near = functional.avg_pool2d(_wrapped(power), 5, stride=1)[0]
    in_one_line = max(float((zero.sum(dim=axis) / mask.sum(dim=axis)).max()) for axis in (0, 1))
    weak = power_near[zero].max() <= 100 * power[mask & ~zero].median()
    return bool(zeros_near[zero].max() < 4.5) and in_one_line <= 0.1 and bool(weak)


def _wrapped(plane: Tensor) -> Tensor:
    return functional.pad(plane[None, None], (2, 2, 2, 2), mode="circular")[0]


def without_rounding_errors(kspace: Tensor) -> Tensor:
    """Set to zero what a Fourier transform there and back left of lines, columns or points that were not measured.

    Such remains lie below a millionth of the largest sample, with a gap of two decades above them (three for points);
    noise does not. The same tensor where there are none.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
    """
    strongest = kspace.abs().amax(dim=0)
    for levels, gap in (
        (strongest.amax(dim=1, keepdim=True), 100),
        (strongest.amax(dim=0, keepdim=True), 100),
        (strongest, 1000),
    ):
        remains = (levels > 0) & (levels < _top_of_remains(levels, strongest.max(), gap))
        if int(remains.sum()) >= remains.numel() / 20:  # fewer are zeros by symmetry, or by chance in integers
            kspace = torch.where(remains, 0, kspace)
    return kspace


def _top_of_remains(levels: Tensor, largest: Tensor, gap: float) -> float:
    """The lower end of the smallest levels that are real, where a gap lies below them; 0 where there is none."""
    rising = levels[levels > 0].double().sort().values
    below = (rising[1:] > gap * rising[:-1]) & (rising[:-1] < 1e-6 * largest)
    return float(rising[1:][below][-1]) if bool(below.any()) else 0.0


def spaces_of(stack: Tensor) -> tuple[str, str]:
    """Tell along each axis of planes whether they are k-space: energy gathers in few samples there, in an image not.

    Measured by how many samples hold the energy, before and after a Fourier transform along the axis: on measured
    scans the transform of k-space needs 13 to 113 times as many, that of an image 17 to 113 times fewer.

    Parameters
    ----------
    stack : complex Tensor, shape (..., y, x)

    Returns
    -------
    "k-space", "image", or "" where noise hides it, for the axes (y, x).
    """
    planes = stack.flatten(0, -3) if stack.ndim > 2 else stack[None]
    found = []
    for axis in (-2, -1):
        before = _held_by(_profile(planes, axis))
        after = _held_by(_profile(torch.fft.fft(planes, dim=axis), axis))
        found.append("k-space" if after > 1.4 * before else "image" if after < 0.7 * before else "")
    return found[0], found[1]


def zero_frequency(stack: Tensor) -> tuple[int, int]:
    """Index along (ky, kx) around which the energy of k-space (..., ky, kx) gathers: the centre where it is unclear."""
    planes = stack.flatten(0, -3) if stack.ndim > 2 else stack[None]
    found = []
    for axis in (-2, -1):
        weights = _profile(planes, axis).square()
        n = len(weights)
        angle = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
        mean = torch.polar(weights, angle).sum() / weights.sum()
        clear = mean.abs() > 0.5
        found.append(round(float(mean.angle()) * n / (2 * math.pi)) % n if clear else n // 2)
    return found[0], found[1]


def _profile(planes: Tensor, axis: int) -> Tensor:
    """Energy along one axis of (n, y, x) planes, largest 1."""
    power = planes.abs().to(torch.float64)
    power = (power / power.max()).square().sum(dim=(0, 1 if axis == -1 else 2))
    return power / power.max()


def _held_by(profile: Tensor) -> float:
    """How many entries hold the energy: all of a flat profile, one of a peak."""
    return float(profile.sum().square() / profile.square().sum())


def check_kspace(kspace: Tensor) -> None:
    """Refuse images, hybrid space and uncentred k-space, which would give a wrong image without a word.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)

    Raises
    ------
    ValueError
        With what to do.
    """
    spaces = spaces_of(kspace)
    if spaces == ("image", "image"):
        raise ValueError(
            "kspace holds images, whose energy gathers only in their Fourier transform; expected k-space: save their "
            "centred transform, np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(images, axes=(-2, -1))), axes=(-2, -1))."
        )
    if "image" in spaces:
        axis = spaces.index("image") - 2
        raise ValueError(
            f"kspace is an image along k{'yx'[axis]} and k-space along the other axis; expected k-space along both: "
            f"transform it, np.fft.fftshift(np.fft.fft(np.fft.ifftshift(kspace, axes={axis}), axis={axis}), "
            f"axes={axis})."
        )
    if problem := uncentred(kspace):
        raise ValueError(f"{problem}.")
    for name, part in (("real", kspace.real), ("imaginary", kspace.imag)):
        if not bool(part.any()):
            raise ValueError(
                f"the {name} part of kspace is zero everywhere; expected complex samples, since magnitudes or one part "
                "alone give another image: export both parts."
            )
    if problem := unequal_coils(kspace):
        raise ValueError(f"{problem}.")


def unequal_coils(kspace: Tensor) -> str:
    """Say where some coils hold nothing and the others do; empty where all that hold anything agree.

    Whole lines, or 1 % of the samples; in integer data, where a weak coil holds zeros by chance, whole lines among
    strong samples.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
    """
    alive = (kspace != 0).any(dim=(1, 2)).nonzero().flatten()
    strength = kspace[alive].abs().double()
    peaks = strength.amax(dim=(1, 2))[:, None]
    quantum = _quantum(kspace)
    empty = strength == 0
    some = empty.any(dim=0) & ~empty.all(dim=0)
    for name, axis in (("row", 2), ("column", 1)):
        levels = strength.amax(dim=axis)
        expected = (levels / peaks).amax(dim=0) * peaks
        lacking = (levels == 0) & (expected > 4 * quantum)
        if bool(lacking.any()):
            i_coil, line = lacking.nonzero()[0].tolist()
            coil = int(alive[i_coil])
            return (
                f"coil {coil} of kspace is zero along {name} {line}, where other coils are not; expected all coils to "
                "be sampled alike: export it again, or set that line to zero in all coils"
            )
    if quantum == 0 and int(some.sum()) > 0.01 * int((~empty).any(dim=0).sum()):
        return (
            f"some coils of kspace are zero at {int(some.sum())} positions where others are not; expected all coils to "
            "be sampled alike: set those positions to zero in all coils"
        )
    return ""


def _quantum(kspace: Tensor) -> float:
    """The unit of which integer data are multiples, whatever they were scaled by; 0 for data that are not."""
    parts = torch.view_as_real(kspace).double().abs().flatten()
    parts = parts[parts > 0]
    steps = parts / parts.min()
    whole = (steps - steps.round()).abs() < 0.01
    return float(parts.min()) if whole.double().mean() > 0.9 else 0.0


def uncentred(kspace: Tensor) -> str:
    """Say where the zero frequency of k-space (..., ky, kx) is and what to do; empty where it is in the centre."""
    shape = kspace.shape[-2:]
    centre = tuple(n // 2 for n in shape)
    found = zero_frequency(kspace)
    off = [axis - 2 for axis in (0, 1) if abs(found[axis] - centre[axis]) > shape[axis] / 8]
    if not off:
        return ""
    at_the_start = all(min(found[axis], shape[axis] - found[axis]) <= shape[axis] / 8 for axis in off)
    which = "(-2, -1)" if len(off) == 2 else str(off[0])
    remedy = (
        f"apply np.fft.fftshift(kspace, axes={which}), after which an image in quarters is put right on reading"
        if at_the_start
        else "shift it there, with zeros for the lines or columns that were not measured"
    )
    return f"the zero frequency of kspace seems to be at {found}; expected it in the centre, {centre}: {remedy}"


def origin_in_corner(kspace: Tensor, mask: Tensor) -> tuple[bool, bool]:
    """Tell along (y, x) whether the image of k-space comes out in halves, as from ``fftshift(fft2(image))``.

    Seen in the image of the fully sampled centre: its edges are more than four times as bright as its middle. On
    measured scans that ratio is at most 1.4, and 9 to 500,000 after the origin was put into the corner.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
    mask : bool Tensor, shape (ky, 1) or (ky, kx)
    """
    block = acs_block(mask, kspace.shape[-2:])
    rows, columns = (near_centre(span, 32, n) for span, n in zip(block, kspace.shape[-2:], strict=True))
    centre = kspace[:, rows, columns] / kspace.abs().max()
    if min(centre.shape[1:]) < 8:
        return False, False
    windows = [torch.hann_window(n + 1, dtype=torch.float32, device=kspace.device)[1:] for n in centre.shape[1:]]
    power = ifft2c(centre * windows[0][:, None] * windows[1]).abs().square().sum(dim=0)
    return _brighter_edges(power.sum(dim=1)), _brighter_edges(power.sum(dim=0))


def _brighter_edges(profile: Tensor) -> bool:
    n = len(profile)
    width = n // 8
    middle = profile[n // 2 - width : n // 2 + width].sum()
    edges = profile[:width].sum(), profile[n - width :].sum()
    return bool(sum(edges) > 4 * middle) and bool(min(edges) > middle)  # a surface coil is bright at one edge only


def move_origin(kspace: Tensor, axes: tuple[bool, bool] = (True, True)) -> Tensor:
    """Give ``fftshift(fft2(image))`` the phase of `fft2c` along the chosen axes; zeros stay zeros.

    The image's pixel 0 was the origin; afterwards it is pixel n // 2, in the centre.
    """
    for axis, chosen in zip((-2, -1), axes, strict=True):
        n = kspace.shape[axis]
        frequency = torch.arange(n, dtype=torch.float64) - n // 2
        turn = torch.polar(torch.ones_like(frequency), 2 * math.pi * frequency * (n // 2) / n)
        turn = turn.to(kspace.dtype)
        if chosen:
            kspace = kspace * (turn[:, None] if axis == -2 else turn)
    return kspace
