"""Checks of the exercises on generalisation: parts of a drop, a parameter as an input, learning from hidden lines."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.evaluation.generalization import drop_parts
from mricourse.networks.channels import to_channels
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.training.adaptation import hidden_loss

LESSON = "generalization"
CLOSE = 1e-4


# --- a drop and its two parts ---


def check_drop_parts(mine: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """Three slices by hand, where both parts add up to the drop; then more.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    by_hand = (torch.tensor([30.0, 28, 31]), torch.tensor([25.0, 26, 24]), torch.tensor([27.0, 27, 29]))
    drawn = torch.randn(3, 7, generator=torch.Generator().manual_seed(1)) + 25
    for at_home, away, matched in (by_hand, tuple(drawn)):
        answer = asked(mine, at_home, away, matched)
        check(answer is not None, "Your function returns nothing: is the `return` missing?")
        check(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Your function returns something else than two parts: return harder, gap.",
        )
        for name, part in zip(("harder", "gap"), answer, strict=True):
            check(
                not (isinstance(part, Tensor) and part.ndim == 0),
                f"Your {name} is one number; keep one for each slice: the interval needs them.",
            )
            check_tensor(part, at_home.shape)
        parts = torch.stack(list(answer))
        right = drop_parts(at_home, away, matched)
        wanted = torch.stack([right.harder, right.gap])
        reject_known_mistakes(parts, wanted, _wrong_parts(at_home, away, matched), tolerance=CLOSE)
        off = (parts.sum(0) - (at_home - away)).abs().max()
        check(off < CLOSE, "Your two parts do not add up to the drop, at_home - away.")
        check((parts - wanted).abs().max() < CLOSE, "The sum is right, the parts are not: matched is between.")
    passed(LESSON, "my_drop_parts", "two parts, slice by slice, that add up to the drop")


def _wrong_parts(home: Tensor, away: Tensor, matched: Tensor) -> dict[str, Tensor]:
    harder, gap = home - matched, matched - away
    return {
        "The two parts have changed places: harder first, then the gap.": torch.stack([gap, harder]),
        "Both signs are wrong: a drop is counted as a positive number.": torch.stack([-harder, -gap]),
        "The sign of harder is wrong: home less matched.": torch.stack([-harder, gap]),
        "The sign of the gap is wrong: matched less away.": torch.stack([harder, -gap]),
        "The gap is the whole drop; compare with the matched network.": torch.stack([harder, home - away]),
        "Harder is the whole drop: the matched network says which part of it is due to the scan.": torch.stack(
            [home - away, gap]
        ),
        "The mean over slices was taken first; keep the slices apart, so that they stay paired.": torch.stack(
            [harder.mean().expand_as(harder), gap.mean().expand_as(gap)]
        ),
        "These are shares of the drop; give decibels.": torch.stack([harder / (home - away), gap / (home - away)]),
        "These are magnitudes: a part may be negative, where a scan is easier.": torch.stack([harder.abs(), gap.abs()]),
        "The drop was halved: the matched network says how large each part is.": torch.stack([(home - away) / 2] * 2),
    }


# --- a parameter as an input ---


def check_to_channels(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Each image has three channels, and the third is its own noise level everywhere; odd sizes, several images.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n, ny, nx in ((1, 5, 4), (3, 6, 9)):
        image = random_complex(n, ny, nx, seed=2)
        noise_std = 0.01 * torch.arange(1, n + 1).float()[:, None, None]
        answer = asked(mine, image, noise_std)
        check(answer is not None, "Your function returns nothing: is the `return` missing?")
        check(isinstance(answer, Tensor), f"Your function returns a {type(answer).__name__}; stack the three channels.")
        check(not answer.is_complex(), "Your channels are complex; convolutions want real and imaginary part apart.")
        if answer.ndim == 4 and answer.shape[1] == 2:
            check(False, "There are two channels; the noise level is missing as a third.")
        if answer.shape == (3, n, ny, nx) and n != 3:
            check(False, "The channels are on the first axis; that one counts images: use dim=1.")
        if answer.shape == (n, ny, nx, 3):
            check(False, "The channels are on the last axis; convolutions want them before y and x: use dim=1.")
        check_tensor(answer, (n, 3, ny, nx))
        right = to_channels(image, noise_std)
        reject_known_mistakes(answer, right, _wrong_channels(image, noise_std), tolerance=1e-6)
        check((answer - right).abs().max() < 1e-6, "The shape is right, and a channel is not: real, imaginary, noise.")
    passed(LESSON, "my_to_channels", "real part, imaginary part, and the noise level of each image")


def _wrong_channels(image: Tensor, noise_std: Tensor) -> dict[str, Tensor]:
    level = noise_std.expand(image.shape)
    real, imag = image.real, image.imag
    drawn = level * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    wrong = {
        "The third channel is one for all images; each image has its own noise level.": (
            real, imag, level.mean() + 0 * level,
        ),
        "The third channel is that of the first image; each image has its own noise level.": (
            real, imag, level[:1].expand(image.shape),
        ),
        "Magnitude and phase are no real and imaginary part.": (image.abs(), image.angle(), level),
        "Real and imaginary part have changed places.": (imag, real, level),
        "The noise level is the first channel; put it last.": (level, real, imag),
        "The third channel is the variance; give the standard deviation.": (real, imag, level.square()),
        "The noise level was added to the image; it is a channel of its own.": (real + level, imag + level, level),
        "The image was divided by the noise level; leave it as it is.": (real / level, imag / level, level),
        "The third channel is noise that was drawn; give its level, a constant image.": (real, imag, drawn),
        "The third channel is 0.": (real, imag, 0 * level),
    }  # fmt: skip
    return {sentence: torch.stack(channels, dim=1) for sentence, channels in wrong.items()}


# --- learning from hidden lines ---


def check_hidden_loss(mine: Callable[..., Tensor]) -> None:
    """A method that knows the hidden lines has no error; then one that does not, with two coils.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    ny, nx = 9, 8
    smaps = torch.stack([torch.ones(ny, nx), 1j * torch.linspace(0.2, 1, nx).expand(ny, nx)]).to(torch.complex64)
    smaps = smaps / smaps.abs().square().sum(0).sqrt()
    mask = torch.arange(ny)[:, None] % 3 != 2
    hidden = torch.zeros(ny, 1, dtype=torch.bool)
    hidden[[0, 7]] = True
    A = SenseOperator(smaps, mask)
    truth = random_complex(ny, nx, seed=3)
    kspace = A.forward(truth) + 0.3 * mask * random_complex(2, ny, nx, seed=4)
    seen: list[tuple[Tensor, Tensor]] = []

    def method(operator: SenseOperator, data: Tensor) -> Tensor:
        seen.append((operator.mask, data))
        return 0.7 * truth + 0.2 * operator.adjoint(data)

    answer = asked(mine, method, A, kspace, hidden)
    check(bool(seen), "The network was never called: it has to reconstruct from the lines that are not hidden.")
    given_mask, given = seen[0]
    check(not bool((hidden * given).any()), "The network has seen the hidden lines: give it kspace * ~hidden.")
    check(
        not bool((given_mask & hidden).any()),
        "The operator still says that the hidden lines were measured: its mask is A.mask & ~hidden.",
    )
    check(bool((given_mask & ~hidden).any()), "The operator has lost the lines that are not hidden.")
    check_tensor(answer, ())
    right = hidden_loss(method, A, kspace, hidden)
    reject_known_mistakes(answer, right, _wrong_losses(method, A, kspace, hidden), tolerance=CLOSE)
    check((answer - right).abs() < 1e-3, f"Your loss is {float(answer):.3f} dB; it should be {float(right):.3f} dB.")
    passed(LESSON, "my_hidden_loss", "hidden lines judge, and the network does not see them")


def _wrong_losses(method: Callable, A: SenseOperator, kspace: Tensor, hidden: Tensor) -> dict[str, Tensor]:
    kept = SenseOperator(A.smaps, A.mask & ~hidden)
    image = method(kept, kspace * ~hidden)
    predicted = fft2c(A.smaps * image)
    missed = hidden * (predicted - kspace)

    def power(values: Tensor) -> Tensor:
        return values.abs().square().sum()

    ratio = power(missed) / power(hidden * kspace)
    others = kept.mask * (predicted - kspace)
    return {
        "The error is taken over all lines; the hidden ones alone judge.": 10
        * torch.log10(power(predicted - kspace) / power(kspace)),
        "The error is taken over the lines that the network saw.": 10
        * torch.log10(power(others) / power(kept.mask * kspace)),
        "It is divided by the energy of all samples; divide by that of the hidden ones.": 10
        * torch.log10(power(missed) / power(kspace)),
        "Decibels of an energy are 10 log10, not 20.": 20 * torch.log10(ratio),
        "This is the ratio itself; give it in dB.": ratio,
        "This is the natural logarithm; use log10.": 10 * ratio.log(),
        "The factor 10 of the decibels is missing.": ratio.log10(),
        "The sign is wrong: a smaller error is a smaller loss.": -10 * ratio.log10(),
        "It is not divided by the energy of the hidden samples.": 10 * power(missed).log10(),
        "Squares are missing: decibels here are those of an energy.": 10
        * torch.log10(missed.abs().sum() / (hidden * kspace).abs().sum()),
        "Magnitudes were subtracted: compare complex samples.": 10
        * torch.log10(power(hidden * (predicted.abs() - kspace.abs())) / power(hidden * kspace)),
    }
