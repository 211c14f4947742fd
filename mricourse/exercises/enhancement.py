"""Checks of the exercises on enhancement: zero filling, edge width, the phase of a ghost, detection rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import CheckFailed, asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.evaluation.detection import detection_rate
from mricourse.evaluation.sharpness import edge_width
from mricourse.physics.epi import nyquist_ghost
from mricourse.physics.fourier import fft2c, fftc, ifft2c, ifftc, random_complex
from mricourse.reconstruct.epi import ghost_of_reference_lines

LESSON = "enhancement"
CLOSE = 1e-4


def _number(answer: object, what: str) -> float:
    """One real finite number, or a sentence."""
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    kinds = (int, float, Tensor)
    check(isinstance(answer, kinds), f"Your {what} is of type {type(answer).__name__}; expected one number.")
    answer = torch.as_tensor(answer)
    check(answer.numel() == 1, f"Your {what} has the shape {tuple(answer.shape)}; expected one number.")
    check(not answer.is_complex(), f"Your {what} is complex; expected a real number.")
    value = float(answer)
    check(math.isfinite(value), f"Your {what} is infinite or not a number (NaN).")
    return value


# --- zero filling ---


def check_zero_fill(mine: Callable[[Tensor, tuple[int, int]], Tensor]) -> None:
    """A constant stays a constant, samples stay what they are, and the picture does not move.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for small, large in (((8, 6), (16, 18)), ((5, 6), (8, 9)), ((6, 7), (11, 7)), ((4, 5), (4, 5))):
        flat = asked(mine, fft2c(torch.ones(small, dtype=torch.complex64)), large)
        check_tensor(flat, large)
        kspace = random_complex(*small, seed=2)
        answer = asked(mine, kspace, large)
        check_tensor(answer, large)
        right = _zero_filled(kspace, large)
        reject_known_mistakes(answer, right, _wrong_fills(kspace, large), tolerance=CLOSE)
        check(answer.is_complex(), "Your image is real; expected complex numbers: the magnitude is taken later.")
        size = float(flat.abs().mean())
        check(
            abs(size - 1) < 1e-3,
            f"An image of ones, {small[0]} x {small[1]}, comes back with the brightness {size:.3g} at {large[0]} x "
            f"{large[1]}; expected 1.",
        )
        off = float((answer - right).abs().max())
        check(off < CLOSE, f"{small} to {large}: your image differs by up to {off:.2g} from the zero-filled one.")
    stack = random_complex(2, 5, 4, seed=3)
    try:
        answer = asked(mine, stack, (8, 9))
    except CheckFailed as error:
        raise CheckFailed(
            f"A single image works, a stack of two, (2, 5, 4), does not. {error} The last two axes are rows and "
            "columns, kspace.shape[-2:]."
        ) from error
    check_tensor(answer, (2, 8, 9))
    off = float((answer - _zero_filled(stack, (8, 9))).abs().max())
    check(off < CLOSE, "A stack of two comes back wrong, a single image right: use the last two axes, [..., rows, :].")
    passed(LESSON, "my_zero_fill", "same brightness, same place, same samples, for even and odd sizes and stacks")


def _starts(small: tuple[int, ...], large: tuple[int, ...]) -> list[int]:
    return [n // 2 - m // 2 for n, m in zip(large, small, strict=True)]


def _padded(kspace: Tensor, shape: tuple[int, int], starts: list[int]) -> Tensor:
    filled = kspace.new_zeros(*kspace.shape[:-2], *shape)
    ny, nx = kspace.shape[-2:]
    filled[..., starts[0] : starts[0] + ny, starts[1] : starts[1] + nx] = kspace
    return filled


def _zero_filled(kspace: Tensor, shape: tuple[int, int]) -> Tensor:
    filled = _padded(kspace, shape, _starts(kspace.shape[-2:], shape))
    return ifft2c(filled) * _gain(kspace, shape)


def _gain(kspace: Tensor, shape: tuple[int, int]) -> float:
    ny, nx = kspace.shape[-2:]
    return math.sqrt(shape[0] * shape[1] / (ny * nx))


def _wrong_fills(kspace: Tensor, shape: tuple[int, int]) -> dict[str, Tensor]:
    small = kspace.shape[-2:]
    gain = _gain(kspace, shape)
    starts = _starts(small, shape)
    filled = _padded(kspace, shape, starts)
    image = ifft2c(filled)
    corner = _padded(kspace, shape, [0, 0])
    halves = _padded(kspace, shape, [(n - m) // 2 for n, m in zip(shape, small, strict=True)])
    up = _padded(kspace, shape, [(n - m + 1) // 2 for n, m in zip(shape, small, strict=True)])
    one_sample_off = "k-space lies one sample off the middle: the middle of n samples is n // 2, so the first row is "
    return {
        "The brightness is not corrected: a larger matrix spreads the same energy over more pixels.": image,
        "The brightness is corrected the wrong way round: multiply, do not divide.": image / gain,
        "The brightness factor is the ratio of the numbers of pixels; its square root is needed.": image * gain**2,
        "k-space lies in the corner of the large matrix: its middle belongs in the middle.": ifft2c(corner) * gain,
        one_sample_off + "shape[0] // 2 - ny // 2.": ifft2c(halves) * gain,
        one_sample_off + "shape[0] // 2 - ny // 2, and not rounded up.": ifft2c(up) * gain,
        "This is k-space: go to the image with ifft2c.": filled * gain,
        "This is k-space without the factor: go to the image with ifft2c.": filled,
        "This is the magnitude: the image stays complex.": (image * gain).abs(),
        "fft2c was used to go to the image: it is ifft2c.": fft2c(filled) * gain,
    }


# --- edge width ---


def check_edge_width(mine: Callable[[Tensor, Tensor], float]) -> None:
    """A straight ramp, one on uneven samples, weak ringing, ringing that crosses the levels again, a plateau that ends.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for position, profile, words in _edges():
        answer = _number(_walked(mine, position, profile), "width")
        right = edge_width(position, profile, low=0.0, high=1.0)
        reject_known_mistakes(
            torch.tensor(answer), torch.tensor(right), _wrong_widths(position, profile), tolerance=1e-3
        )
        check(abs(answer - right) < 2e-3 * right, f"{words}: your width is {answer:.3f}; expected {right:.3f}.")
    passed(LESSON, "my_edge_width", "10 to 90 %, between the samples, and not misled by ringing")


def _walked(mine: Callable[[Tensor, Tensor], float], position: Tensor, profile: Tensor) -> object:
    """What the learner's function returns; a walk that runs past an end of the profile is told where to start."""
    try:
        return asked(mine, position, profile)
    except CheckFailed as error:
        if not isinstance(error.__cause__, IndexError):
            raise
        raise CheckFailed(
            f"{error} Has a walk run off an end of the profile? A plateau that ends crosses one half again: start both "
            "walks at the first sample that is at least 0.5, one down to 0.1, one up to 0.9."
        ) from error


def _edges() -> list[tuple[Tensor, Tensor, str]]:
    fine = torch.arange(-12, 12.01, 0.25)
    uneven = torch.cat([torch.arange(-6, 0, 0.5), torch.arange(0, 8, 0.4)])
    ringing = 0.5 + _sine_integral(torch.pi * fine / 2.2 + 0.1) / torch.pi
    strong = ringing + 0.28 * torch.sin(2.2 * fine) * torch.exp(-(((fine.abs() - 5) / 2) ** 2))
    falling = torch.where(fine < 9, 0.98 - (fine - 5) / 4, (fine - 9) / 10)  # then another tissue, of 0.3
    plateau = torch.where(fine < 5, ringing, falling)
    return [
        (fine, (fine / 5 + 0.47).clamp(0, 1), "A ramp of width 5"),
        (uneven, (uneven / 3.3 + 0.5).clamp(0, 1), "A ramp on samples that lie unevenly"),
        (fine, ringing, "An edge with ringing"),
        (fine, strong, "An edge with ringing that crosses 10 and 90 % again"),
        (fine, plateau, "A plateau that ends"),
    ]


def _sine_integral(x: Tensor) -> Tensor:
    """Si(x), by adding up 2000 pieces."""
    pieces = (torch.arange(2000) + 0.5) / 2000
    return x * torch.sinc(x[..., None] * pieces / torch.pi).mean(-1)


def _wrong_widths(position: Tensor, profile: Tensor) -> dict[str, Tensor]:
    above, below = (profile >= 0.9).nonzero().flatten(), (profile <= 0.1).nonzero().flatten()
    middle = int((profile >= 0.5).nonzero()[0])
    near_end = middle + int((profile[middle:] >= 0.9).nonzero()[0])
    near_start = int((profile[:middle] <= 0.1).nonzero()[-1])
    right = torch.tensor(edge_width(position, profile, low=0.0, high=1.0))
    first_low = int((profile > 0.1).nonzero()[0])
    last_high = int((profile < 0.9).nonzero()[-1])
    rough = position[near_end] - position[near_start]
    step = position[1] - position[0]
    samples = "Your width ends on samples: interpolate between the two samples around each level."
    start = _crossing(position, profile, near_start, 0.1)
    end = _crossing(position, profile, near_end - 1, 0.9)
    late = _crossing(position, profile, min(near_end, len(profile) - 2), 0.9)
    early = _crossing(position, profile, max(near_start - 1, 0), 0.1)
    even_start = position[near_start] + step * (start - position[near_start]) / position.diff()[near_start]
    even_end = position[near_end - 1] + step * (end - position[near_end - 1]) / position.diff()[near_end - 1]
    ringing = (
        "Your edge begins or ends far from the edge, in the ringing or where the plateau ends: walk from the middle of "
        "the edge, the first sample that is at least one half."
    )
    return {
        samples: rough,
        samples + " ": position[near_end] - position[near_start + 1],
        samples + "  ": position[near_end - 1] - position[near_start + 1],
        samples + "   ": position[near_end - 1] - position[near_start],
        ringing: position[above[0]] - position[below[-1]],
        ringing + " ": position[above[-1]] - position[below[0]],
        ringing + "  ": position[above[0]] - position[first_low],
        ringing + "   ": end - _crossing(position, profile, int(below[-1]), 0.1),
        ringing + "    ": _crossing(position, profile, last_high, 0.9) - start,
        ringing + "     ": end - _crossing(position, profile, first_low - 1, 0.1),
        ringing + "      ": _crossing(position, profile, last_high, 0.9)
        - _crossing(position, profile, first_low - 1, 0.1),
        "0.9 is crossed one interval earlier: between the samples high - 1 and high.": late - start,
        "0.1 is crossed one interval later: between the samples low and low + 1.": end - early,
        "You take all samples as equally far apart: use position[i + 1] - position[i].": even_end - even_start,
        "This counts samples: take their positions.": right / step,
        "This is negative: the position at 90 % minus that at 10 %.": -right,
        "This is half of the width.": right / 2,
        "This is the distance from 20 to 80 %: the levels are 0.1 and 0.9.": right * 0.75,
    }


def _crossing(position: Tensor, profile: Tensor, before: int, level: float) -> Tensor:
    """Where the line from a sample to the next one meets a level; not finite where there is no next or no slope."""
    if not 0 <= before < len(profile) - 1:
        return torch.tensor(math.nan)
    part = (level - profile[before]) / (profile[before + 1] - profile[before])
    return position[before] + part * (position[before + 1] - position[before])


# --- the phase of a ghost ---


def check_ghost_phase(mine: Callable[[Tensor, Tensor], tuple[float, float]]) -> None:
    """Phase and delay of both signs, one alone, for even and odd numbers of samples.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for nx, phase, delay in ((48, 0.9, -0.6), (45, -2.0, 1.3), (64, 0.7, 0.0), (33, 0.0, 0.8)):
        lines = _reference_lines(nx, phase, delay)
        found_phase, found_delay = _pair(asked(mine, lines[0], lines[1]))
        answer = torch.tensor([found_phase, found_delay])
        right = torch.stack(ghost_of_reference_lines(lines)).float()
        reject_known_mistakes(answer, right, _wrong_ghosts(lines, right), tolerance=5e-3)
        for name, one, wanted in (("phase", found_phase, phase), ("delay", found_delay, delay)):
            check(
                abs(one - wanted) < 0.05,
                f"{nx} samples, phase {phase} rad and delay {delay} samples: your {name} is {one:.3f}.",
            )
    passed(LESSON, "my_ghost_phase", "the phase and the delay, both signs, from two lines")


def _reference_lines(nx: int, phase: float, delay: float) -> Tensor:
    """A bright object off the middle, read as an odd and as an even line, with a little noise."""
    x = torch.arange(nx) - nx // 2
    profile = torch.exp(-(((x - 0.12 * nx) / (0.16 * nx)) ** 2)) * torch.polar(torch.ones(nx), 0.05 * x)
    line = fftc(profile, dim=-1)
    lines = nyquist_ghost(line.expand(2, -1), phase_rad=phase, delay=delay)
    return lines + 0.002 * random_complex(2, nx, seed=nx)


def _pair(answer: object) -> tuple[float, float]:
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    one = isinstance(answer, Tensor) and answer.ndim == 0
    two = isinstance(answer, tuple | list | Tensor) and not one and len(answer) == 2
    check(two, "Expected two numbers, `return phase_rad, delay`.")
    return _number(answer[0], "phase"), _number(answer[1], "delay")


def _wrong_ghosts(lines: Tensor, right: Tensor) -> dict[str, Tensor]:
    phase, delay = right
    odd, even = ifftc(lines, dim=-1)
    nx = len(odd)
    product = odd * even.conj()
    x = torch.arange(nx)
    slope = 2 * math.pi * delay / nx
    at_the_left = (product * torch.polar(torch.ones(nx), -slope * x)).sum().angle()
    plain = product.sum().angle()
    raw = lines[0] * lines[1].conj()
    raw_slope = (raw[1:] * raw[:-1].conj()).sum().angle()
    raw_turn = torch.polar(torch.ones(nx), -raw_slope * (x - nx // 2))
    raw_pair = torch.stack([(raw * raw_turn).sum().angle(), raw_slope * nx / (2 * math.pi)])
    slope_of_angles = (product[1:] * product[:-1].conj()).angle().mean()
    phase_of_angles = (product * torch.polar(torch.ones(nx), -slope_of_angles * (x - nx // 2))).sum().angle()
    turned = product * torch.polar(torch.ones(nx), -slope * (x - nx // 2))
    turned_twice = product * torch.polar(torch.ones(nx), slope * (x - nx // 2))
    delay_of_angles = slope_of_angles * nx / (2 * math.pi)
    why = "in which dark pixels count as much as bright ones: add up complex numbers, then take one angle."
    order = "The two numbers are exchanged: first the phase, then the delay."
    return {
        "Both signs are wrong: the odd line times the conjugate of the even one.": -right,
        "Both are half as large as they are: between the two lines lies theta, not half of it.": right / 2,
        "Both are twice as large as they are: between the two lines lies theta itself.": 2 * right,
        order: torch.stack([delay, phase]),
        "The delay is the slope in radians a pixel: times nx / (2 pi) it is in samples.": torch.stack([phase, slope]),
        "The delay lacks the 2 pi: slope times nx / (2 pi).": torch.stack([phase, slope * nx]),
        "The delay has the wrong sign: was fftc used in place of ifftc, or the product of neighbours taken the wrong "
        "way round? It is q(x + 1) times the conjugate of q(x).": torch.stack([phase, -delay]),
        f"Your slope is a mean of angles, {why}": torch.stack([phase_of_angles, delay_of_angles]),
        f"Your phase is a mean of angles, {why}": torch.stack([turned.angle().mean(), delay]),
        f"Your phase and slope are means of angles, {why}": torch.stack(
            [
                (product * torch.polar(torch.ones(nx), -slope_of_angles * (x - nx // 2))).angle().mean(),
                delay_of_angles,
            ]
        ),
        "The phase has the wrong sign.": torch.stack([-phase, delay]),
        "The phase is that of the left end: x is zero in the middle, at nx // 2.": torch.stack([at_the_left, delay]),
        "The slope is still in your phase: turn the product back by it before you add up.": torch.stack([plain, delay]),
        "The ramp has the wrong sign, so it is in your phase twice: turn back by exp(-1j * s * x).": torch.stack(
            [turned_twice.sum().angle(), delay]
        ),
        "The lines are still in k-space: first ifftc(line, dim=-1).": raw_pair,
        "The delay is missing.": torch.stack([phase, torch.zeros(())]),
    }


# --- detection rate ---


def check_detection_rate(mine: Callable[[Tensor, Tensor, float], float]) -> None:
    """Numbers that can be counted by hand, then many: a lesion that is never, sometimes, always seen.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    generator = torch.Generator().manual_seed(5)
    plain = torch.arange(1.0, 11.0)[torch.randperm(10, generator=generator)]
    cases = [
        (plain, torch.tensor([3.0, 8.9, 10.2, 12.0]), 0.1, 0.5),
        (plain, torch.tensor([7.5, 7.9, 20.0]), 0.2, 1 / 3),
    ]
    for without, present, false_alarms, by_hand in cases:
        _check_rate(mine, without, present, false_alarms, by_hand)
    for shift, false_alarms, n in ((1.5, 0.1, 300), (0.7, 0.25, 200), (-9.0, 0.1, 100), (9.0, 0.05, 100)):
        without = torch.randn(400, generator=generator)
        present = torch.randn(n, generator=generator) + shift
        right = float(detection_rate(without, present, false_alarms=false_alarms))
        _check_rate(mine, without, present, false_alarms, right)
    passed(LESSON, "my_detection_rate", "the share that is found, at a known share of false alarms")


def _check_rate(mine: Callable, without: Tensor, present: Tensor, false_alarms: float, right: float) -> None:
    answer = _number(asked(mine, without, present, false_alarms), "rate")
    slack = 4 / len(without) if len(without) > 100 else 1e-3  # a quantile between two samples is a choice
    if abs(answer - right) <= slack:
        return
    reject_known_mistakes(
        torch.tensor(answer), torch.tensor(right), _wrong_rates(without, present, false_alarms), tolerance=1e-3
    )
    check(0 <= answer <= 1, f"Your rate is {answer:.3g}; expected a share, between 0 and 1.")
    raise CheckFailed(
        f"At {false_alarms} false alarms your rate is {answer:.3f}; expected {right:.3f}: the share of `present` above "
        "the value that this share of `without` exceeds."
    )


def _wrong_rates(without: Tensor, present: Tensor, false_alarms: float) -> dict[str, Tensor]:
    def rate(values: Tensor, reference: Tensor, share: float) -> Tensor:
        return (values > torch.quantile(reference, share)).float().mean()

    right = rate(present, without, 1 - false_alarms)
    return {
        "The threshold lets nearly everything through: it is the quantile 1 - false_alarms of `without`.": rate(
            present, without, false_alarms
        ),
        "The threshold was taken from the images with a lesion: take it from `without`.": rate(
            present, present, 1 - false_alarms
        ),
        "The two sets are exchanged: the threshold comes from `without`, and `present` is counted.": rate(
            without, present, 1 - false_alarms
        ),
        "This is the share of false alarms that was asked for: count `present` above the threshold.": rate(
            without, without, 1 - false_alarms
        ),
        "These are the missed lesions: count those above the threshold.": 1 - right,
        "This is a number of images: divide it by how many there are.": right * len(present),
        "This is in per cent: a share between 0 and 1 is wanted.": 100 * right,
        "The share is fixed at 0.1: use false_alarms.": rate(present, without, 0.9),
        "This is the share of pairs in which `present` is larger: a threshold is wanted.": (present[:, None] > without)
        .float()
        .mean(),
        "The threshold is the largest value of `without`: then there are no false alarms at all.": (
            present > without.max()
        )
        .float()
        .mean(),
        "The threshold is the mean of `without`: take the quantile 1 - false_alarms.": (present > without.mean())
        .float()
        .mean(),
    }
