"""Checks of the exercises on hallucinations: maps, local responses, steps of a search, lesions that are found."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.evaluation.perturbation import ascent_step, local_response
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator

LESSON = "hallucinations"
CLOSE = 1e-4


# --- what no data contradict ---


def check_hallucination_map(mine: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """What the map holds has no measured sample; an image and a stack, odd sizes, masks of one and of several scans.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for leading, ny, nx in (((), 9, 8), ((3,), 8, 11)):
        image = random_complex(*leading, ny, nx, seed=1)
        truth = random_complex(*leading, ny, nx, seed=2)
        mask = (torch.arange(ny)[:, None] % 3 == 0).expand(*leading, ny, 1)
        answer = asked(mine, image, truth, mask)
        check_tensor(answer, image.shape)
        right = ifft2c(~mask * fft2c(image - truth))
        reject_known_mistakes(answer, right, _wrong_maps(image, truth, mask), tolerance=CLOSE)
        check(answer.is_complex(), "Your map is real; an error has a phase: take no magnitude and no real part.")
        seen = (mask * fft2c(answer)).abs().max()
        check(seen < CLOSE, "Your map holds samples that were measured; the data see those.")
        check(
            (answer - right).abs().max() < CLOSE,
            "Your map has no measured samples, but it is not the error's: subtract the truth, and keep what is left.",
        )
    passed(LESSON, "my_hallucination_map", "nothing in it was measured, and all else of the error is there")


def _wrong_maps(image: Tensor, truth: Tensor, mask: Tensor) -> dict[str, Tensor]:
    error = image - truth
    magnitudes = image.abs() - truth.abs()
    return {
        "This is the part that the data see: keep the samples that were not measured, ~mask.": ifft2c(
            mask * fft2c(error)
        ),
        "This is the whole error: nothing was taken away that the data see.": error,
        "This is the null-space part of the image: subtract the truth first.": ifft2c(~mask * fft2c(image)),
        "This is the null-space part of the truth: the image is missing.": ifft2c(~mask * fft2c(truth)),
        "The sign is wrong: image minus truth.": -ifft2c(~mask * fft2c(error)),
        "This is k-space: go back to the image with ifft2c.": ~mask * fft2c(error),
        "fft2c and ifft2c have changed places.": fft2c(~mask * ifft2c(error)),
        "The mask was applied to the image; go to k-space first.": ~mask * error,
        "Magnitudes were subtracted: subtract the complex images.": ifft2c(~mask * fft2c(magnitudes)),
        "This is the magnitude of the map; it should be complex.": ifft2c(~mask * fft2c(error)).abs(),
        "This is the sum of image and truth: subtract.": ifft2c(~mask * fft2c(image + truth)),
    }


# --- the response to a small change ---


def check_local_response(mine: Callable[..., Tensor]) -> None:
    """A perfect reconstruction answers with the change; then one that is not linear and reads every sample.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    ny, nx = 9, 8
    delta = torch.zeros(ny, nx)
    delta[3:5, 2:6] = 1.0
    delta[6, 4] = -0.5
    smaps = torch.stack([torch.ones(ny, nx), 1j * torch.linspace(0.2, 1, nx).expand(ny, nx)]).to(torch.complex64)
    smaps = smaps / smaps.abs().square().sum(0).sqrt()
    image = random_complex(ny, nx, seed=3) + 2j
    complete = SenseOperator(smaps, torch.ones(ny, 1, dtype=torch.bool))
    answer = asked(mine, _combined, complete, complete.forward(image), delta, 0.3)
    check_tensor(answer, (ny, nx))
    _name_mistakes(answer, _combined, complete, complete.forward(image), delta, 0.3)
    off = (answer - delta).abs().max()
    check(
        off < 1e-3, f"All lines measured and a perfect method: the response should be delta, and is off by {off:.2g}."
    )
    A = SenseOperator(smaps, torch.arange(ny)[:, None] % 2 == 0)
    for amplitude in (0.5, 2.0):
        answer = asked(mine, _bent, A, A.forward(image), delta, amplitude)
        check_tensor(answer, (ny, nx))
        _name_mistakes(answer, _bent, A, A.forward(image), delta, amplitude)
        off = (answer - local_response(_bent, A, A.forward(image), delta, amplitude)).abs().max()
        check(off < 1e-3, f"With every second line your response is off by {off:.2g}: compare the four steps.")
    passed(LESSON, "my_local_response", "the change itself from a perfect method, and what the lines leave of it")


def _combined(A: SenseOperator, kspace: Tensor) -> Tensor:
    """Coils combined; samples that were not measured would be seen, too."""
    return (A.smaps.conj() * ifft2c(kspace)).sum(-3)


def _bent(A: SenseOperator, kspace: Tensor) -> Tensor:
    image = _combined(A, kspace)
    return image * (1 + 0.1 * image.abs().square())


def _name_mistakes(
    answer: Tensor,
    reconstruct: Callable[[SenseOperator, Tensor], Tensor],
    A: SenseOperator,
    kspace: Tensor,
    delta: Tensor,
    amplitude: float,
) -> None:
    before = reconstruct(A, kspace)
    phase = torch.exp(1j * before.angle())
    change = amplitude * delta * phase

    def after(d: Tensor) -> Tensor:
        return reconstruct(A, kspace + A.forward(d))

    right = (after(change) - before) / amplitude * phase.conj()
    complete = fft2c(A.smaps * change)
    mistakes = {
        "The change is added to complete data: it goes through A, with the mask.": (
            reconstruct(A, kspace + complete) - before
        )
        / amplitude
        * phase.conj(),
        "The change has no phase: multiply delta by the phase of the image.": (after(amplitude * delta + 0j) - before)
        / amplitude
        * phase.conj(),
        "The change has no phase, and none is taken out: multiply delta by the phase of the image.": (
            after(amplitude * delta + 0j) - before
        )
        / amplitude,
        "The phase is still in the response: multiply by its conjugate at the end.": (after(change) - before)
        / amplitude,
        "The phase is multiplied twice: at the end take its conjugate.": (after(change) - before) / amplitude * phase,
        "The change has the conjugate of the phase.": (after(amplitude * delta * phase.conj()) - before)
        / amplitude
        * phase.conj(),
        "The response is not divided by the amplitude.": (after(change) - before) * phase.conj(),
        "The amplitude is missing in the change.": (after(delta * phase) - before) / amplitude * phase.conj(),
        "This is the changed image itself: subtract the image before.": after(change) / amplitude * phase.conj(),
        "The sign is wrong: the image after minus the image before.": -right,
        "This is the difference of magnitudes; subtract the complex images.": (after(change).abs() - before.abs())
        / amplitude
        + 0j,
        "The change is multiplied by the whole image, and not by its phase alone.": (
            after(amplitude * delta * before) - before
        )
        / amplitude
        * phase.conj(),
        "The change is added to the image; it has to go through A and the reconstruction.": (delta * phase)
        * phase.conj(),
    }
    reject_known_mistakes(answer + 0j, right, mistakes, tolerance=CLOSE)
    check(answer.is_complex(), "Your response is real; a change may turn the phase, so keep complex numbers.")


# --- a step of the search ---


def check_ascent_step(mine: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Two samples by hand, then several coils; short and long changes come out at the length that is allowed.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    by_hand = torch.zeros(1, 1, 2, dtype=torch.complex64)
    uphill = by_hand.clone()
    by_hand[0, 0, 0] = 2.0
    uphill[0, 0, 1] = 10j
    cases = [(by_hand, uphill, 2.0)]
    for size in (0.7, 3.0):
        cases.append((0.1 * random_complex(2, 9, 8, seed=4), random_complex(2, 9, 8, seed=5), size))
    for perturbation, gradient, size in cases:
        answer = asked(mine, perturbation, gradient, torch.tensor(size))
        check_tensor(answer, perturbation.shape)
        right = ascent_step(perturbation, gradient, torch.tensor(size))
        reject_known_mistakes(answer, right, _wrong_steps(perturbation, gradient, size), tolerance=CLOSE)
        check(answer.is_complex(), "Your change is real; samples are complex.")
        length = float(answer.norm())
        check(abs(length - size) < 1e-3 * size, f"Your change has the length {length:.3g}; expected {size:g}.")
        check((answer - right).abs().max() < CLOSE * size, "The length is right and the direction is not: e' = e + ...")
    passed(LESSON, "my_ascent_step", "uphill, and always of the length that is allowed")


def _wrong_steps(e: Tensor, g: Tensor, size: float) -> dict[str, Tensor]:
    step = 0.5 * size * g / g.norm()

    def scaled(change: Tensor) -> Tensor:
        return size * change / change.norm()

    per_coil = torch.linalg.vector_norm(e + step, dim=(-2, -1), keepdim=True)
    return {
        "The step goes downhill: add it, to make the change of the image larger.": scaled(e - step),
        "The result is not scaled back to the length s.": e + step,
        "The result has the length 1: multiply by s.": (e + step) / (e + step).norm(),
        "The gradient is not divided by its length.": scaled(e + 0.5 * size * g),
        "The gradient is divided by its length, but s is missing in the step.": scaled(e + 0.5 * g / g.norm()),
        "The step is s and not s / 2.": scaled(e + size * g / g.norm()),
        "The old change was left out: this is the direction of the gradient alone.": scaled(g),
        "Nothing goes uphill: the gradient was not used.": scaled(e),
        "The largest sample was scaled to s: the length is the root of the sum of all squares.": size
        * (e + step)
        / (e + step).abs().max(),
        "Each coil was scaled by itself; the length is over all samples of all coils.": size * (e + step) / per_coil,
        "The square of the length was divided by; take the length.": size * (e + step) / (e + step).norm() ** 2,
        "Only the sign of the gradient is used.": scaled(e + 0.5 * size * torch.sgn(g)),
        "The gradient is conjugated; PyTorch's gradient points uphill as it is.": scaled(e + step.conj()),
        "Changes that are shorter than s stay short; scale those up, too.": (e + step)
        * min(1.0, size / float((e + step).norm())),
    }


# --- lesions that are found ---


def check_lesions_found(mine: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Readings that one can count, at several shares of false alarms.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    free = torch.linspace(-1, 1, 41)[torch.randperm(41, generator=torch.Generator().manual_seed(0))]
    readings = torch.tensor([-2.0, -0.93, -0.52, 0.01, 0.52, 0.88, 0.93, 1.5, 3.0])
    for false_alarms in (0.05, 0.1, 0.3):
        answer = asked(mine, readings, free, false_alarms)
        check(
            not (isinstance(answer, Tensor) and answer.ndim == 0),
            "Your result is one number; give 1.0 or 0.0 for each lesion. Their mean is the recall.",
        )
        check_tensor(answer, readings.shape)
        answer = answer.float()
        right = (readings > torch.quantile(free, 1 - false_alarms)).float()
        reject_known_mistakes(answer, right, _wrong_finds(readings, free, false_alarms))
        wrong = (answer != right).nonzero().flatten().tolist()
        if wrong:
            share = (free > readings[wrong[0]]).float().mean()
            check(
                False,
                f"A lesion with the reading {readings[wrong[0]]:.2f} came out as {answer[wrong[0]]:g}; "
                f"{share:.0%} of the free places are above it, and {false_alarms:.0%} are allowed.",
            )
    passed(LESSON, "my_lesions_found", "found or not, at the price that was set")


def _wrong_finds(readings: Tensor, free: Tensor, share: float) -> dict[str, Tensor]:
    def above(threshold: Tensor) -> Tensor:
        return (readings > threshold).float()

    threshold = torch.quantile(free, 1 - share)
    return {
        "The quantile is at the wrong end: this share should stay above, so 1 - false_alarms stay below.": above(
            torch.quantile(free, share)
        ),
        "The threshold comes from the lesions; it is set where there are none.": above(
            torch.quantile(readings, 1 - share)
        ),
        "Found and lost have changed places: found is above the threshold.": 1 - above(threshold),
        "The threshold is the share itself; it is a quantile of the readings of free places.": above(
            torch.tensor(share)
        ),
        "The threshold is the mean of the free places.": above(free.mean()),
        "The threshold is the largest reading of a free place: then there are no false alarms at all.": above(
            free.max()
        ),
        "These are the readings above the threshold themselves; give 1.0 for each.": readings * above(threshold),
        "These are readings minus threshold; say 1.0 or 0.0.": readings - threshold,
    }
