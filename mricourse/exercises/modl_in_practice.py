"""Checks of the exercises on MoDL in practice: smooth phase, a weighted mean, lines held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import CheckFailed, asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_mask, random_mask
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.simulate.coils import simulate_coils

LESSON = "modl_in_practice"
CLOSE = 1e-4
Network = Callable[[SenseOperator, Tensor], Tensor]


# --- smooth phase ---


def check_smooth_phase(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Magnitude 1 everywhere; that of the low-passed image, for single images and stacks.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for shape in ((23, 30), (2, 24, 17)):
        window = _window(shape[-2:])
        image = random_complex(*shape, seed=4)
        answer = asked(mine, image, window)
        check_tensor(answer, shape)
        low = ifft2c(window * fft2c(image))
        right = low / low.abs()
        reject_known_mistakes(answer, right, _wrong_phases(image, window, low), tolerance=CLOSE)
        check(answer.is_complex(), "Your result is real; expected complex numbers of magnitude 1.")
        size = (answer.abs() - 1).abs().max()
        check(
            size < CLOSE, f"The magnitude is off 1 by up to {size:.2g}: divide by the magnitude of what you filtered."
        )
        off = (answer - right).abs().max()
        check(off < CLOSE, f"An image of shape {shape}: your phase differs by up to {off:.2g} from that of the window.")
    nothing = asked(mine, torch.zeros(6, 5, dtype=torch.complex64), _window((6, 5)))
    check_tensor(nothing, (6, 5))
    passed(LESSON, "my_smooth_phase", "magnitude 1, and the phase of low resolution, for images and stacks")


def _window(shape: tuple[int, ...]) -> Tensor:
    ky, kx = (torch.arange(n) - n // 2 - 1 for n in shape)  # off the middle: else fft2c and ifft2c could change places
    return torch.exp(-(ky[:, None] ** 2 + kx**2) / (2 * 3.0**2))


def _wrong_phases(image: Tensor, window: Tensor, low: Tensor) -> dict[str, Tensor]:
    right = low / low.abs()
    blurred = ifft2c(window * fft2c(image.abs()))
    in_image = window * image
    exchanged = fft2c(window * ifft2c(image))
    return {
        "This is the angle, in radians: give e^(i angle), the filtered image over its magnitude.": low.angle(),
        "This is the filtered image: divide it by its own magnitude.": low,
        "This is the magnitude of the filtered image; its phase is wanted.": low.abs(),
        "This is the phase of the image itself: filter before you divide.": image / image.abs(),
        "The phase has the wrong sign: no conjugate is needed here.": right.conj(),
        "The filtered image is divided by the magnitude of the unfiltered one: take its own.": low / image.abs(),
        "The window is applied to the image: first go to k-space with fft2c, and back with ifft2c after it.": in_image
        / in_image.abs().clamp_min(1e-12),
        "The magnitude of the image is filtered, so its phase is gone before the filter.": blurred / blurred.abs(),
        "This is the low-passed k-space: go back to the image with ifft2c.": window * fft2c(image),
        "fft2c and ifft2c have changed places: first to k-space.": exchanged / exchanged.abs(),
        "The image comes back turned: its phase is smooth, but the phase was asked for.": image * right.conj(),
    }


# --- a weighted mean ---


def check_weighted_mean(mine: Callable[[float, float, float, float], float]) -> None:
    """The estimate with the least expected error, its limits, and complex samples.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    cases = ((2.0, 0.1, 1.0, 0.2), (1.0, 0.5, 3.0, 0.25), (2 + 1j, 0.3, 1 + 4j, 0.1))
    answers = torch.stack([_number(mine, *case) for case in cases])
    right = torch.tensor([_mean(y, noise**2, z, spread**2) for y, noise, z, spread in cases])
    reject_known_mistakes(answers, right, _wrong_means(cases), tolerance=CLOSE)
    for case, answer, goal in zip(cases, answers.tolist(), right.tolist(), strict=True):
        sentence = f"my_weighted_mean{case} should be {_short(goal)}; yours is {_short(answer)}."
        check(abs(answer - goal) < 1e-3, sentence)
    exact = _number(mine, 2.0, 0.0, 1.0, 0.2)
    check(abs(complex(exact) - 2) < 1e-6, "Without noise the sample is right: expected 2, whatever the prior says.")
    sure = _number(mine, 2.0, 0.1, 1.0, 0.0)
    check(
        abs(complex(sure) - 1) < 1e-6,
        "A prior without any spread is right: expected 1. If lambda becomes infinite there, multiply both parts of the "
        "fraction by the square of prior_std.",
    )
    _check_complex_samples(mine)
    passed(LESSON, "my_weighted_mean", "the weighted mean with the least error, and both its limits")


def _check_complex_samples(mine: Callable) -> None:
    """Several complex samples at once, as a scan has them: tensors whose imaginary part has to stay."""
    y, z = random_complex(2, 5, seed=3)
    answer = asked(mine, y, 0.3, z, 0.1)
    check_tensor(answer, (5,))
    right = _mean(y, 0.3**2, z, 0.1**2)
    check(
        answer.is_complex(),
        "For tensors of complex samples your result is real: the imaginary part is lost, and it counts, too.",
    )
    off = (answer - right).abs().max()
    check(
        off < CLOSE, f"For tensors of complex samples your result is off by up to {off:.2g}; for numbers it is right."
    )


def _number(mine: Callable, *arguments: complex) -> Tensor:
    """The answer as a complex tensor without axes."""
    try:
        answer = asked(mine, *arguments)
    except CheckFailed as error:
        if "not 'complex'" in str(error):
            raise CheckFailed(
                "Samples of k-space are complex: your function should take them without float()."
            ) from error
        if "ZeroDivisionError" not in str(error):
            raise
        sentence = "Your function divides by zero where one of the two spreads is zero: write the mean as one fraction."
        raise CheckFailed(sentence) from error
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    kinds = (int, float, complex, Tensor)
    check(isinstance(answer, kinds), f"Your function returns a {type(answer).__name__}; expected one number.")
    answer = torch.as_tensor(answer, dtype=torch.complex64)
    check(answer.numel() == 1, f"Your result has the shape {tuple(answer.shape)}; expected one number.")
    check(torch.isfinite(answer.abs()).all(), "Your result is infinite or not a number (NaN).")
    return answer.reshape(())


def _mean(sample: complex, noise: complex, prior: complex, spread: complex) -> complex:  # or tensors
    return (spread * sample + noise * prior) / (spread + noise)


def _short(value: complex) -> str:
    return f"{value:.4g}" if value.imag else f"{value.real:.4g}"


def _wrong_means(cases: Sequence[tuple[complex, float, complex, float]]) -> dict[str, Tensor]:
    """What a known mistake gives in all cases: in one alone two mistakes can have the same result."""
    y, noise, z, spread = (torch.tensor(values, dtype=torch.complex64) for values in zip(*cases, strict=True))
    root = noise / spread
    ratio = root**2
    return {
        "The weights are exchanged: the more the noise, the less the sample counts.": _mean(y, spread**2, z, noise**2),
        "The weights are the spreads themselves: variances, their squares, are needed.": _mean(y, noise, z, spread),
        "This is the plain mean: the spreads do not count in it.": (y + z) / 2,
        "The square of sigma/tau is missing below the fraction bar: the weights have to sum to 1.": (y + ratio * z)
        / (1 + root),
        "The square of sigma/tau is missing above the fraction bar: the weights have to sum to 1.": (y + root * z)
        / (1 + ratio),
        "The 1 of 1 + lambda is missing below the fraction bar.": (y + ratio * z) / ratio,
        "The division by 1 + lambda is missing.": y + ratio * z,
        "This takes the magnitudes of y and z: they are complex, and their phases count.": _mean(
            y.abs(), noise**2, z.abs(), spread**2
        ),
        "This is lambda; the mean that it leads to is wanted.": ratio,
        "This is the sample, whatever the prior says.": y,
        "This is the prior, whatever was measured.": z,
    }


# --- lines held out ---


def check_held_out_error(mine: Callable[[Network, SenseOperator, Tensor, Tensor], float]) -> None:
    """The network never sees the held lines, and the error is counted on them alone.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for shape, seed in (((24, 18), 5), ((25, 13), 6)):
        A = SenseOperator(simulate_coils(4, shape, seed=seed), random_mask(shape[0], 2, acs=8))
        kspace = A.mask * random_complex(4, *shape, seed=seed)
        outer = (A.mask & ~acs_mask(shape[0], 8)).nonzero()[::3, 0]
        held = torch.zeros_like(A.mask)
        held[outer] = True
        seen: list[tuple[SenseOperator, Tensor]] = []
        answer = asked(mine, _sense(seen), A, kspace, held)
        check(len(seen) == 1, f"The network is asked {len(seen)} times; expected once.")
        _check_no_leak(*seen[0], A, held)
        right = _error(_sense([])(SenseOperator(A.smaps, A.mask & ~held), kspace * ~held), A, kspace, held)
        _check_error(answer, right, _wrong_errors(A, kspace, held))
    passed(LESSON, "my_held_out_error", "the error of lines that the network has not seen")


def _sense(seen: list) -> Network:
    def network(A: SenseOperator, kspace: Tensor) -> Tensor:
        seen.append((A, kspace))
        return cg_sense(A, kspace, reg_weight=0.1, n_iterations=20)

    return network


def _check_no_leak(given: SenseOperator, kspace: Tensor, A: SenseOperator, held: Tensor) -> None:
    check(
        not (given.mask & held).any(),
        "The network's operator counts held lines as measured: its mask should be A.mask & ~held, the kept ones.",
    )
    check(
        not (given.mask & ~A.mask).any(),
        "The network's mask has lines that the scan never measured: take A.mask & ~held, not ~held alone.",
    )
    check(
        bool((given.mask == (A.mask & ~held)).all()),
        "The network's mask lacks more than the held lines: expected A.mask & ~held.",
    )
    check(
        not (kspace * held).any(),
        "The held lines are still in the k-space that the network gets: multiply it by the mask of the kept lines.",
    )
    check(bool(kspace.any()), "The network gets an empty k-space: keep the lines that are not held.")


def _error(image: Tensor, A: SenseOperator, kspace: Tensor, lines: Tensor) -> Tensor:
    predicted = SenseOperator(A.smaps, lines).forward(image)
    return (predicted - lines * kspace).norm() / (lines * kspace).norm()


def _wrong_errors(A: SenseOperator, kspace: Tensor, held: Tensor) -> dict[str, Tensor]:
    kept = A.mask & ~held
    image = _sense([])(SenseOperator(A.smaps, kept), kept * kspace)
    measured = held * kspace
    right = _error(image, A, kspace, held)
    everywhere = (fft2c(A.smaps * image) - measured).norm() / measured.norm()
    predicted = SenseOperator(A.smaps, held).forward(image)
    of_all_lines = SenseOperator(A.smaps, A.mask).forward(image)
    return {
        "The error is counted on the kept lines, which the network has seen.": _error(image, A, kspace, kept),
        "The error is counted on all measured lines: the kept ones belong to the network.": _error(
            image, A, kspace, A.mask
        ),
        "The prediction is not cut down to the held lines before it is compared.": everywhere,
        "The prediction holds the kept lines as well, so they count as errors: take an operator with the mask `held` "
        "for it.": (of_all_lines - measured).norm() / measured.norm(),
        "The difference is taken with all of the k-space: compare with held * kspace.": (predicted - kspace).norm()
        / measured.norm(),
        "Your prediction is zero on the held lines: take an operator with the mask `held` for it.": (
            SenseOperator(A.smaps, kept).forward(image) - measured
        ).norm()
        / measured.norm(),
        "Your prediction is zero on the held lines, and is compared there with what was measured: take an operator "
        "with the mask `held` for it.": torch.ones(()),
        "The error is not relative: divide by the norm of the measured held lines.": right * measured.norm(),
        "The error is divided by the norm of all measured lines: take the held ones.": right
        * measured.norm()
        / kspace.norm(),
        "The error is divided by the norm of the prediction: take the measured held lines.": right
        * measured.norm()
        / predicted.norm(),
        "The error is squared: take the norm, not its square.": right**2,
        "The error is in per cent: the check plots it so, your function gives a plain ratio.": 100 * right,
        "The coil maps are missing in the prediction: each coil measures its map times the image.": (
            held * fft2c(image) - measured
        ).norm()
        / measured.norm(),
        "This compares magnitudes: the phase of the samples counts, too.": (predicted.abs() - measured.abs()).norm()
        / measured.norm(),
    }


def _check_error(answer: object, right: Tensor, mistakes: dict[str, Tensor]) -> None:
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    kinds = (int, float, Tensor)
    check(isinstance(answer, kinds), f"Your function returns a {type(answer).__name__}; expected one number.")
    answer = torch.as_tensor(answer)
    check(answer.numel() == 1, f"Your result has the shape {tuple(answer.shape)}; expected one number.")
    check(not answer.is_complex(), "Your result is complex; expected a real number, as a norm is.")
    answer = answer.reshape(()).to(right.dtype)
    check(bool(torch.isfinite(answer)), "Your result is infinite or not a number (NaN).")
    reject_known_mistakes(answer, right, mistakes, tolerance=1e-3)
    off = abs(float(answer - right))
    check(off < 1e-3 * float(right), f"Your error is {float(answer):.4f}; expected {float(right):.4f}.")
