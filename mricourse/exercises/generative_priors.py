"""Checks of the lesson on generative priors: a denoiser of a few images, a data step, a coverage, an honest choice."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.evaluation.posterior_checks import best_on_others, range_coverage
from mricourse.physics.fourier import fft2c, ifft2c, random_complex

LESSON = "generative_priors"
CLOSE = 1e-4


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- the mean of the images under a reading ---


def check_denoise_images(mine: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """The mean lies within the images, knows them with little noise, and weighs them by their squared distance.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for images, n, sigma in ((torch.tensor([0.0, 4.0]), 6, 2.0), (torch.tensor([-3.0, 1.0, 6.0]), 5, 1.5)):
        x = 4 * _draw(n, seed=n)
        answer = asked(mine, x, images, sigma, advice={"must match the size": PAIRS})
        check_tensor(answer, (n,), is_complex=False)
        right = _denoise_images(x, images, sigma)
        reject_known_mistakes(answer, right, _wrong_means(x, images, sigma), tolerance=CLOSE)
        check(
            bool((answer >= images.min() - CLOSE).all() and (answer <= images.max() + CLOSE).all()),
            "Your mean lies outside of the images: the weights of one reading have to add up to 1.",
        )
        check(
            bool((answer - right).abs().max() < 10 * CLOSE * images.abs().max()),
            f"For the images {images.tolist()} and sigma = {sigma} a reading of {float(x[0]):.2f} gives "
            f"{float(answer[0]):.3f}; expected {float(right[0]):.3f}.",
        )
    passed(LESSON, "my_denoise_images", "the mean of the images, with weights that add up to 1")


PAIRS = "Readings and images do not fit together: x[:, None] - images is (readings, images)."


def _weights(x: Tensor, images: Tensor, over: float) -> Tensor:
    return torch.exp(-((x[:, None] - images) ** 2) / over)


def _denoise_images(x: Tensor, images: Tensor, sigma: float) -> Tensor:
    weights = _weights(x, images, 2 * sigma**2)
    return (weights * images).sum(1) / weights.sum(1)


def _wrong_means(x: Tensor, images: Tensor, sigma: float) -> dict[str, Tensor]:
    def mean(weights: Tensor) -> Tensor:
        return (weights * images).sum(1) / weights.sum(1)

    weights = _weights(x, images, 2 * sigma**2)
    distance = (x[:, None] - images).abs()
    return {
        "The weights do not add up to 1: divide by their sum.": (weights * images).sum(1),
        "The 2 is missing: the squares are divided by 2 sigma^2.": mean(_weights(x, images, sigma**2)),
        "Sigma is not squared: the squares are divided by 2 sigma^2.": mean(_weights(x, images, 2 * sigma)),
        "The distance is not squared.": mean(torch.exp(-distance / (2 * sigma**2))),
        "The sign in the exponent is wrong: far images weigh less.": mean(1 / weights),
        "This is the nearest image: take the mean of all, with their weights.": images[distance.argmin(1)],
        "The weights do not depend on the readings: all images count alike here.": images.mean().expand(len(x)),
        "This is the weight of each image's share, and not their mean: multiply by the images.": (
            weights / weights.sum(1, keepdim=True)
        ).amax(1),
        "You divide by the number of images: divide by the sum of the weights.": (weights * images).mean(1),
    }


# --- the draw that knows the data ---


def check_data_draw(mine: Callable[[Tensor, Tensor, Tensor, float, float], Tensor]) -> None:
    """Samples that were not measured stay; a measured one becomes the mean of both, the surer one counting more.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for ny, nx, noise_std, rho in ((9, 6, 0.5, 1.0), (8, 7, 1.0, 0.4)):
        image = random_complex(ny, nx, seed=ny)
        mask = torch.zeros(ny, 1, dtype=torch.bool)
        mask[::3] = True
        kspace = mask * random_complex(ny, nx, seed=nx)
        answer = asked(mine, image, kspace, mask, noise_std, rho)
        check_tensor(answer, (ny, nx), is_complex=True)
        right = _data_draw(image, kspace, mask, noise_std, rho)
        reject_known_mistakes(answer, right, _wrong_draws(image, kspace, mask, noise_std, rho), tolerance=CLOSE)
        moved = (fft2c(answer) - fft2c(image)) * ~mask
        check(bool(moved.abs().max() < 10 * CLOSE), "Samples changed that were not measured: leave them as they are.")
        check(
            bool((answer - right).abs().max() < 10 * CLOSE * right.abs().max()),
            "Measured samples have the wrong value: weigh both by one over their noise squared, and divide by the sum.",
        )
    passed(LESSON, "my_data_draw", "what was measured is pulled to the data, the rest stays")


def _data_draw(image: Tensor, kspace: Tensor, mask: Tensor, noise_std: float, rho: float) -> Tensor:
    own, data = 1 / rho**2, 1 / noise_std**2
    have = fft2c(image)
    return ifft2c(torch.where(mask, (own * have + data * kspace) / (own + data), have))


def _wrong_draws(image: Tensor, kspace: Tensor, mask: Tensor, noise_std: float, rho: float) -> dict[str, Tensor]:
    own, data = 1 / rho**2, 1 / noise_std**2
    have = fft2c(image)

    def mixed(first: float, second: float) -> Tensor:
        return torch.where(mask, (first * have + second * kspace) / (first + second), have)

    every = (own * have + data * kspace) / (own + data)
    return {
        "This is k-space: return to the image.": mixed(own, data),
        "The weights are turned round: small noise means much weight.": ifft2c(mixed(data, own)),
        "The noise levels are not squared.": ifft2c(mixed(1 / rho, 1 / noise_std)),
        "The data replaced the image: they have noise, too, so take the mean of both.": ifft2c(
            torch.where(mask, kspace, have)
        ),
        "Both count alike: weigh each by one over its noise squared.": ifft2c(mixed(1, 1)),
        "Samples that were not measured were taken for measured zeros.": ifft2c(every),
        "Samples that were not measured are gone: keep those of the image.": ifft2c(mask * every),
        "The weights do not add up to 1: divide by their sum.": ifft2c(
            torch.where(mask, own * have + data * kspace, have)
        ),
        "The image itself was mixed with k-space: transform it first.": torch.where(
            mask, (own * image + data * kspace) / (own + data), image
        ),
        "Nothing has changed.": image,
    }


# --- how often the truth lies within the range of the samples ---


def check_range_coverage(mine: Callable[[Tensor, Tensor, Tensor], float]) -> None:
    """The share of pixels inside whose truth lies between the smallest and the largest sample, in percent.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n, ny, nx in ((4, 23, 17), (7, 15, 21)):
        inside = _draw(ny, nx, seed=1) > 0.3
        samples, truth = 5 + _draw(n, ny, nx, seed=n), 5 + 1.2 * _draw(ny, nx, seed=3)
        truth = torch.where(inside, truth, 0.0)
        answer = asked(mine, samples, truth, inside)
        check(answer is not None, "Your function returns nothing: is the `return` missing?")
        answer = torch.as_tensor(answer, dtype=torch.float32)
        check_tensor(answer, ())
        right = torch.tensor(range_coverage(samples, truth, inside))
        reject_known_mistakes(answer, right, _wrong_coverages(samples, truth, inside), tolerance=CLOSE)
        check(
            abs(float(answer) - float(right)) < 0.1,
            f"Your share is {float(answer):.1f} %; expected {float(right):.1f} %: pixels inside whose truth is at "
            "least the smallest and at most the largest sample.",
        )
    passed(LESSON, "my_range_coverage", "counts the pixels inside whose truth lies within the range")


def _wrong_coverages(samples: Tensor, truth: Tensor, inside: Tensor) -> dict[str, Tensor]:
    low, high = samples.amin(0), samples.amax(0)
    within = (truth >= low) & (truth <= high)
    mean, std = samples.mean(0), samples.std(0)
    return {
        "This is a share from 0 to 1: multiply by 100.": within[inside].float().mean(),
        "This is the share outside of the range: take what is within.": 100 * (~within)[inside].float().mean(),
        "The air was counted: keep the pixels inside.": 100 * within.float().mean(),
        "The air was counted as pixels outside: divide by the number inside, not by all.": (
            100 * (within & inside).float().mean()
        ),
        "Pixels of air were counted together with those inside: average over those inside.": (
            100 * within.float().sum() / inside.sum()
        ),
        "This is the mean and one standard deviation: take the smallest and the largest sample.": (
            100 * ((truth - mean).abs() <= std)[inside].float().mean()
        ),
        "Only the upper end was asked for.": 100 * (truth <= high)[inside].float().mean(),
        "Only the lower end was asked for.": 100 * (truth >= low)[inside].float().mean(),
        "This counts the pixels: give their share in percent.": within[inside].float().sum(),
        "The range is that of all pixels: take the smallest and the largest sample of each pixel.": (
            100 * ((truth >= samples.min()) & (truth <= samples.max()))[inside].float().mean()
        ),
    }


# --- a setting that was chosen on others ---


def check_best_on_others(mine: Callable[[Tensor], Tensor]) -> None:
    """The slice that judges has no say in the choice: a slice's own score may change, the setting stays.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n_settings, n in ((4, 7), (3, 9)):
        scores = 20 + 3 * _draw(n_settings, n, seed=n)
        answer = asked(mine, scores)
        check_tensor(answer, (n,), is_complex=False)
        right = best_on_others(scores)
        reject_known_mistakes(answer, right, _wrong_choices(scores), tolerance=CLOSE)
        changed = scores.clone()
        changed[:, 0] = scores[:, 0].flip(0)  # another slice 0: what was chosen for it must be the same
        chosen = int((best_on_others(scores)[0] == scores[:, 0]).int().argmax())
        again = asked(mine, changed)
        check(
            abs(float(again[0] - changed[chosen, 0])) < 1e-3,
            "The choice for a slice changes with its own scores: leave its column out of the mean.",
        )
        check(
            bool((answer - right).abs().max() < 1e-3),
            "Your scores differ: for each slice the setting with the best mean over all other slices, and its score.",
        )
    passed(LESSON, "my_best_on_others", "no slice has a say in its own choice")


def _wrong_choices(scores: Tensor) -> dict[str, Tensor]:
    n = scores.shape[1]
    others = (scores.sum(1, keepdim=True) - scores) / (n - 1)
    columns = torch.arange(n)
    return {
        "This is the best setting of each slice by its own score: that is the choice on the truth.": scores.amax(0),
        "The slice itself is in the mean: leave it out.": scores[scores.mean(1).argmax()],
        "This is the worst setting on the others: take the best.": scores[others.argmin(0), columns],
        "This is the mean score of the others: give the score of the slice itself.": others.amax(0),
        "These are numbers of settings: give the scores.": others.argmax(0).to(scores.dtype),
        "This is the mean over settings: choose one.": scores.mean(0),
    }
