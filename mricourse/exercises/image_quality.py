"""Checks of the exercises on image quality: a volume's PSNR, SSIM inside a mask, contrast kept, weighted kappa."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import asked, check, passed, reject_known_mistakes
from mricourse.evaluation.definitions import ssim_inside, ssim_map, volume_psnr
from mricourse.evaluation.kappa import weighted_kappa
from mricourse.evaluation.lesion_contrast import contrast_kept
from mricourse.evaluation.metrics import psnr
from mricourse.physics.fourier import random_complex

LESSON = "image_quality"
CLOSE = 1e-4
NY, NX = 27, 22  # odd, and not square


# --- PSNR of a volume ---


def check_volume_psnr(mine: Callable[[Tensor, Tensor], float]) -> None:
    """Volumes of slices of different brightness, and another unit, which must not matter.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n_slices, factors in ((2, (1.0, 0.25)), (5, (0.3, 1.0, 0.6, 0.2, 0.5))):
        scale = torch.tensor(factors)[:, None, None]
        references = scale * (2 + random_complex(n_slices, NY, NX, seed=1))
        volume = references + 0.1 * random_complex(n_slices, NY, NX, seed=2)
        answer = _number(asked(mine, volume, references))
        right = torch.tensor(volume_psnr(volume, references))
        reject_known_mistakes(answer, right, _wrong_psnr(volume, references), tolerance=CLOSE)
        check(
            abs(float(answer - right)) < 0.01,
            f"{n_slices} slices: you have {float(answer):.2f} dB, expected {float(right):.2f}: one peak and one mean "
            "for the whole volume, of magnitudes.",
        )
        other_unit = _number(asked(mine, 1000 * volume, 1000 * references))
        check(
            abs(float(other_unit - answer)) < 0.01,
            "In another unit, all values times 1000, your PSNR changes: the peak has to be the references' own.",
        )
    passed(LESSON, "my_volume_psnr", "one peak and one mean error for the volume, as fastMRI")


def _wrong_psnr(volume: Tensor, references: Tensor) -> dict[str, Tensor]:
    x, r = volume.abs(), references.abs()
    mse, peak = (x - r).square().mean(), r.max()

    def dB(top: Tensor, error: Tensor) -> Tensor:
        return 10 * torch.log10(top.square() / error)

    return {
        "This is the mean of the slices' own PSNR: a volume has one peak and one mean error.": psnr(
            volume, references
        ).mean(),
        "The peak is that of your volume: take it from the references, or an image that is too bright wins.": dB(
            x.max(), mse
        ),
        "The error is complex: take both magnitudes before you subtract.": dB(
            peak, (volume - references).abs().square().mean()
        ),
        "The squares are added up, and not averaged: a larger image would be a worse one.": dB(
            peak, (x - r).square().sum()
        ),
        "20 belongs before a ratio of magnitudes; of the squares it is 10 log10.": 2 * dB(peak, mse),
        "The peak is not squared: peak and error have to be of one kind, peak² over mean squared error.": 10
        * torch.log10(peak / mse),
        "Your logarithm is the natural one; decibels take log10.": 10 * torch.log(peak.square() / mse),
        "The ratio is upside down: a small error has to give a large PSNR.": -dB(peak, mse),
        "Peak 1 is taken for granted: use the maximum of the references.": dB(torch.tensor(1.0), mse),
        "Each slice has its own peak: take one maximum of all references.": (
            10 * torch.log10(r.amax((-2, -1)).square() / mse)
        ).mean(),
        "The range goes from minimum to maximum; fastMRI takes the maximum alone.": dB(peak - r.min(), mse),
        "This is the root of the mean squared error, and no PSNR yet.": mse.sqrt(),
        "The mean of absolute errors is squared: square each error first, and average then.": dB(
            peak, (x - r).abs().mean().square()
        ),
    }


# --- SSIM inside a mask ---


def check_ssim_inside(mine: Callable[[Tensor, Tensor, Tensor], float]) -> None:
    """Masks of several shapes: noise outside of a mask must not count where no window reaches it.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    reference = random_complex(NY, NX, seed=3)
    image = reference + 0.4 * random_complex(NY, NX, seed=4)
    rows = torch.arange(NY)[:, None]
    columns = torch.arange(NX)
    masks = {
        "a disc": (rows - 13) ** 2 + (columns - 9) ** 2 < 50,
        "a corner": (rows < 11) & (columns < 8),
        "everything": torch.ones(NY, NX, dtype=torch.bool),
    }
    for words, inside in masks.items():
        answer = _number(asked(mine, image, reference, inside))
        right = torch.tensor(ssim_inside(image, reference, inside))
        reject_known_mistakes(answer, right, _wrong_ssim(image, reference, inside), tolerance=CLOSE)
        check(
            abs(float(answer - right)) < CLOSE,
            f"With {words} as mask you have {float(answer):.4f}, expected {float(right):.4f}: the mean of the map "
            "where the mask, cut by 3 pixels on each side, is True.",
        )
    passed(LESSON, "my_ssim_inside", "the mean over windows whose middle lies inside")


def _wrong_ssim(image: Tensor, reference: Tensor, inside: Tensor) -> dict[str, Tensor]:
    values = ssim_map(image, reference)
    cut = inside[3:-3, 3:-3]
    black = ssim_map(torch.where(inside, image, 0), torch.where(inside, reference, 0))
    corner = inside[: values.shape[0], : values.shape[1]]
    return {
        "This is the SSIM of the whole image: the mask is not used.": values.mean(),
        "The map is multiplied by the mask, and the mean still counts all windows: divide by those inside only.": (
            values * cut
        ).mean(),
        "Both images are set to zero outside. Two black windows agree perfectly, and count as 1: leave the images as "
        "they are, and choose in the map.": black.mean(),
        "You choose in the map, but the images were set to zero outside before: at the border of the mask this changes "
        "the windows.": black[cut].mean(),
        "The mask is upside down: this is the SSIM outside.": values[~cut].mean()
        if bool((~cut).any())
        else values[cut],
        "This is the sum, and not the mean, over the windows inside.": values[cut].sum(),
        "The mask is cut at the wrong place: the first value of the map belongs to pixel (3, 3).": values[
            corner
        ].mean(),
        "The mask is cut by 6 pixels on one side: take 3 from each, inside[3:-3, 3:-3].": values[inside[6:, 6:]].mean(),
        "Image and reference have changed places; the peak is that of the reference.": ssim_map(reference, image)[
            cut
        ].mean(),
        "The median is taken; SSIM is a mean.": values[cut].median(),
    }


# --- contrast kept ---


def check_contrast_kept(mine: Callable[[Tensor, Tensor, Tensor, Tensor], float]) -> None:
    """A lesion by hand, then noise, a slope of brightness and dark lesions, which must not matter.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    rows = torch.arange(NY)[:, None]
    columns = torch.arange(NX)
    distance = torch.hypot(rows - 12.0, columns - 10.0)
    lesion = distance < 3
    rim = (distance > 4) & (distance < 7)
    slope = (1 + 0.02 * rows + 0.03 * columns).to(torch.complex64)
    peaked = lesion * (1.3 - distance / 5)  # the truth's lesion; in the image it is smeared
    for contrast, share, lift in ((0.5, 0.6, 0.0), (-0.4, 0.25, 0.3)):
        phase = torch.polar(torch.ones(NY, NX), 0.3 * rows + 0.1 * columns)
        references = torch.stack([slope + contrast * peaked, slope]) * phase
        noise = 0.05 * random_complex(NY, NX, seed=5)
        seen = slope + share * contrast * lesion - 0.1 * contrast * rim
        images = torch.stack([seen, slope]) * phase * (1 + lift) + noise
        answer = _number(asked(mine, images, references, lesion, rim))
        right = contrast_kept(images, references, lesion, rim)
        reject_known_mistakes(answer, right, _wrong_contrast(images, references, lesion, rim), tolerance=1e-3)
        check(
            abs(float(answer - right)) < 1e-3,
            f"A lesion of contrast {contrast:g}: you have {float(answer):.3f}, expected {float(right):.3f}: lesion "
            "minus rim, with minus without, over the same of the references.",
        )
    passed(LESSON, "my_contrast_kept", "lesion minus rim, with minus without, over the truth")


def _wrong_contrast(images: Tensor, references: Tensor, lesion: Tensor, rim: Tensor) -> dict[str, Tensor]:
    x, r = images.abs(), references.abs()

    def over_rim(image: Tensor) -> Tensor:
        return image[lesion].mean() - image[rim].mean()

    def in_lesion(image: Tensor) -> Tensor:
        return image[lesion].mean()

    change = images[0] - images[1]
    kept = over_rim(x[0]) - over_rim(x[1])
    true = over_rim(r[0]) - over_rim(r[1])
    return {
        "The image without the lesion is not used: the brightness that was there before counts as lesion.": over_rim(
            x[0]
        )
        / over_rim(r[0]),
        "Only the references are compared with their image without lesion: do it for the images, too.": over_rim(x[0])
        / true,
        "The rim is not used: what brightens everything counts as contrast.": (in_lesion(x[0]) - in_lesion(x[1]))
        / (in_lesion(r[0]) - in_lesion(r[1])),
        "This is the contrast in the unit of the image; divide by that of the references.": kept,
        "The ratio is upside down: the image's contrast belongs above.": true / kept,
        "The pairs are the other way round in one place: number 0 has the lesion, number 1 has none.": -kept / true,
        "Sums are taken in place of means: lesion and rim have different numbers of pixels.": (
            (x[0] - x[1])[lesion].sum() - (x[0] - x[1])[rim].sum()
        )
        / ((r[0] - r[1])[lesion].sum() - (r[0] - r[1])[rim].sum()),
        "You take the magnitude of the difference: errors of either sign add up, and a dark lesion looks bright.": (
            over_rim(change.abs()) / over_rim((references[0] - references[1]).abs())
        ),
        "This is what is lost, one minus the share that is kept.": 1 - kept / true,
    }


# --- weighted kappa ---


def check_weighted_kappa(mine: Callable[[Tensor, Tensor], float]) -> None:
    """Perfect agreement, the table of the text, and random grades, in which a disagreement by more weighs more.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    same = torch.tensor([1, 2, 5, 4, 2, 3])
    perfect = float(_number(asked(mine, same, same.clone())))
    check(abs(perfect - 1) < CLOSE, f"Two readers who always agree have a kappa of 1; yours is {perfect:.3f}.")
    generator = torch.Generator().manual_seed(6)
    for n in (6, 31):
        first = torch.randint(1, 6, (n,), generator=generator)
        second = (first + torch.randint(-2, 2, (n,), generator=generator)).clamp(1, 5)
        answer = _number(asked(mine, first, second))
        right = torch.tensor(weighted_kappa(first, second))
        reject_known_mistakes(answer, right, _wrong_kappa(first, second), tolerance=CLOSE)
        check(
            abs(float(answer - right)) < 1e-3,
            f"{n} images: you have {float(answer):.3f}, expected {float(right):.3f}: the mean squared difference "
            "of the pairs over that of all combinations, taken from 1.",
        )
    passed(LESSON, "my_weighted_kappa", "agreement beyond chance, large disagreements weigh most")


def _wrong_kappa(first: Tensor, second: Tensor) -> dict[str, Tensor]:
    a, b = first.double(), second.double()
    distance = a[:, None] - b
    observed = (a - b).square().mean()
    by_chance = distance.square().mean()
    own = a[:, None] - a
    off = distance[~torch.eye(len(a), dtype=torch.bool)]
    return {
        "The 1 is missing: this is the disagreement, relative to chance.": observed / by_chance,
        "Differences are not squared: this is the kappa with linear weights.": 1
        - (a - b).abs().mean() / distance.abs().mean(),
        "All disagreements weigh the same here: this is Cohen's kappa without weights.": 1
        - (a != b).double().mean() / (distance != 0).double().mean(),
        "The ratio is upside down: observed over chance.": 1 - by_chance / observed,
        "This is a correlation: it does not mind when one reader is always milder.": torch.corrcoef(
            torch.stack([a, b])
        )[0, 1],
        "Chance is taken from the first reader alone: combine each grade of the first with each of the second.": 1
        - observed / own.square().mean(),
        "The pairs themselves are left out of the combinations; chance may hit them, too.": 1
        - observed / off.square().mean(),
        "This is the share of equal grades: chance alone gives some of these.": (a == b).double().mean(),
        "Sums are divided, and the numbers of terms differ, n and n²: take means.": 1
        - (a - b).square().sum() / distance.square().sum(),
        "The difference of the means is squared: square each difference.": 1 - (a - b).mean().square() / by_chance,
    }


def _number(answer: object) -> Tensor:
    """One finite number, as a float64 tensor, or the sentence that says what else came."""
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    kinds = (int, float, Tensor)
    check(isinstance(answer, kinds), f"Your function returns something of type {type(answer).__name__}, not a number.")
    value = torch.as_tensor(answer)
    check(not value.is_complex(), "Your number is complex; expected a real one: take magnitudes.")
    shape = tuple(value.shape)
    check(value.numel() == 1, f"Your result has the shape {shape}; expected one number: is a mean missing?")
    value = value.double().reshape(())
    check(bool(torch.isfinite(value)), f"Your result is {float(value)}; expected a finite number.")
    return value
