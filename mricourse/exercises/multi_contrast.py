"""Checks of the exercises on several contrasts: data steps, joint channels, strangers, responses to a lesion."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import CheckFailed, asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.networks.channels import to_channels
from mricourse.networks.image_domain import brightness, smooth_phase
from mricourse.networks.multi_contrast import MultiContrastNet
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.simulate.registered_contrasts import with_strangers

LESSON = "multi_contrast"
CLOSE = 1e-4
SHAPES = (
    "Shapes do not fit: z is (contrasts, y, x), mask (contrasts, ky, 1), weights (contrasts,). Do weights lack two "
    "axes, weights[:, None, None]?"
)


# --- a data step for each contrast ---


def check_data_step(mine: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> None:
    """One sample by hand, then contrasts with masks and weights that differ, and both limits of a weight.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n_contrasts, ny, nx in ((3, 9, 8), (2, 8, 11)):
        z = random_complex(n_contrasts, ny, nx, seed=1)
        mask = _masks(n_contrasts, ny)
        kspace = mask * random_complex(n_contrasts, ny, nx, seed=2)
        weights = torch.tensor([0.5, 2.0, 9.0][:n_contrasts])
        answer = asked(mine, z, kspace, mask, weights, advice={"size of tensor": SHAPES})
        check_tensor(answer, (n_contrasts, ny, nx))
        right = _data_step(z, kspace, mask, weights)
        reject_known_mistakes(answer, right, _wrong_data_steps(z, kspace, mask, weights), tolerance=CLOSE)
        check(answer.is_complex(), "Your images are real; expected complex ones: no magnitude is taken here.")
        off = (answer - right).abs().amax((-2, -1))
        worst = int(off.argmax())
        check(
            off.max() < CLOSE,
            f"Contrast {worst} of {n_contrasts} is off by up to {off.max():.2g}: compare one measured sample with "
            "(Z + lambda y) / (1 + lambda), and one that was not measured with Z.",
        )
    passed(LESSON, "my_data_step", "each contrast goes to its own samples with its own weight")


def _masks(n_contrasts: int, ny: int) -> Tensor:
    """Bool (contrasts, ky, 1); each contrast has other lines."""
    lines = torch.arange(ny)[:, None]
    return torch.stack([(lines + number) % 3 == 0 for number in range(n_contrasts)])


def _data_step(z: Tensor, kspace: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    weight = weights[:, None, None] * mask
    return ifft2c((fft2c(z) + weight * kspace) / (1 + weight))


def _wrong_data_steps(z: Tensor, kspace: Tensor, mask: Tensor, weights: Tensor) -> dict[str, Tensor]:
    each = weights[:, None, None]
    samples = fft2c(z)
    joined = (samples + each * kspace) / (1 + each)
    shared = mask.any(dim=0, keepdim=True)
    mean = weights.mean() * mask
    first = weights[0] * mask
    last = weights[-1] * mask
    reverse = weights.flip(0)[:, None, None] * mask
    return {
        "The mask is missing: what was not measured is divided by 1 + lambda, too; it should stay.": ifft2c(joined),
        "Lambda weighs the wrong part: here it stands at the measured sample, (Z + lambda y) / (1 + lambda).": ifft2c(
            torch.where(mask, (each * samples + kspace) / (1 + each), samples)
        ),
        "The measured samples replace those of z completely; lambda should weigh the two.": ifft2c(
            torch.where(mask, kspace, samples)
        ),
        "Nothing is left where no line was measured: there the samples of z stay.": ifft2c(mask * joined),
        "The sum is not divided by 1 + lambda.": ifft2c(samples + each * mask * kspace),
        "lambda times the difference is added, without the division by 1 + lambda.": ifft2c(
            samples + each * mask * (kspace - samples)
        ),
        "All contrasts get the mean of the weights; each has its own lambda.": ifft2c(
            (samples + mean * kspace) / (1 + mean)
        ),
        "All contrasts get the lambda of the first one.": ifft2c((samples + first * kspace) / (1 + first)),
        "All contrasts get the lambda of the last one.": ifft2c((samples + last * kspace) / (1 + last)),
        "The weights are in the wrong order.": ifft2c((samples + reverse * kspace) / (1 + reverse)),
        "All contrasts use the lines that any of them measured; each has its own mask.": ifft2c(
            torch.where(shared, joined, samples)
        ),
        "All contrasts use the mask of the first one; each has its own.": ifft2c(
            torch.where(mask[:1], joined, samples)
        ),
        "This is k-space: go back to the images with ifft2c.": torch.where(mask, joined, samples),
        "z is an image and kspace is not: take fft2c of z first.": ifft2c(
            torch.where(mask, (z + each * kspace) / (1 + each), z)
        ),
        "fft2c and ifft2c have changed places: to k-space with fft2c.": fft2c(
            torch.where(mask, (ifft2c(z) + each * kspace) / (1 + each), ifft2c(z))
        ),
        "Two things: z is an image, so take fft2c of it first; and the joined samples want ifft2c at the end.": (
            torch.where(mask, (z + each * kspace) / (1 + each), z)
        ),
        "lambda is missing: both samples count the same, (Z + y) / 2.": ifft2c(
            torch.where(mask, (samples + kspace) / 2, samples)
        ),
        "Lambda is squared.": ifft2c((samples + each**2 * mask * kspace) / (1 + each**2 * mask)),
        "Lambda weighs the wrong part: it belongs to the measured sample; and what was not measured stays Z.": (
            ifft2c((each * mask * samples + kspace) / (1 + each * mask))
        ),
        "These are the measured samples alone: z never comes in.": ifft2c(kspace),
        "This is z itself: the data never come in.": z,
    }


# --- what the shared block sees ---


def check_joint_input(mine: Callable[[Tensor], Tensor]) -> None:
    """Channels in their order, alike for scans that differ in units and by a constant phase.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n_contrasts, ny, nx in ((3, 45, 48), (2, 50, 46)):
        images = _heads(n_contrasts, ny, nx)
        fixed = (
            f"A size is fixed that belongs to other images: here there are {n_contrasts} contrasts. `.flatten(0, 1)` "
            "joins two axes of any size."
        )
        answer = asked(mine, images, advice={"is invalid for input of size": fixed})
        check(
            not (isinstance(answer, Tensor) and tuple(answer.shape) == (n_contrasts, 2, ny, nx)),
            f"Your result has the shape {(n_contrasts, 2, ny, nx)}; join its first two axes with .flatten(0, 1).",
        )
        check(
            not (isinstance(answer, Tensor) and answer.is_complex() and answer.shape == images.shape),
            "Your result is complex; a real convolution needs its real and its imaginary part as two channels.",
        )
        check_tensor(answer, (2 * n_contrasts, ny, nx), is_complex=False)
        right = _joint_input(images)
        reject_known_mistakes(answer, right, _wrong_inputs(images), tolerance=CLOSE)
        off = (answer - right).abs().amax((-2, -1))
        worst = int(off.argmax())
        check(
            off.max() < CLOSE,
            f"Channel {worst} is off by up to {off.max():.2g}; it should hold the "
            f"{'imaginary' if worst % 2 else 'real'} part of contrast {worst // 2}, without its smooth phase, over its "
            "brightness.",
        )
    passed(LESSON, "my_joint_input", "real and imaginary part of each contrast, alike in units and phase")


def _heads(n_contrasts: int, ny: int, nx: int) -> Tensor:
    """Blobs of other brightness, phase and detail in each contrast."""
    y = torch.linspace(-1, 1, ny)[:, None]
    x = torch.linspace(-1, 1, nx)
    images = []
    for number in range(n_contrasts):
        magnitude = torch.exp(-3 * ((y - 0.1 * number) ** 2 + x**2)) * (2 + torch.sin((5 + number) * x))
        phase = 0.4 + number + 0.8 * y * (1 - number) + 0.3 * x
        images.append(10.0**number * torch.polar(magnitude, phase.expand(ny, nx)))
    scale = 10.0 ** torch.arange(n_contrasts)[:, None, None]
    return torch.stack(images) + 0.1 * scale * random_complex(n_contrasts, ny, nx, seed=5)


def _channels(images: Tensor) -> Tensor:
    return to_channels(images).flatten(0, 1)


def _joint_input(images: Tensor) -> Tensor:
    return _channels(images / (smooth_phase(images) * brightness(images)))


def _wrong_inputs(images: Tensor) -> dict[str, Tensor]:
    phase, unit = smooth_phase(images), brightness(images)
    alike = images / (phase * unit)
    magnitude = images.abs() / unit
    return {
        "The smooth phase is still in: divide by smooth_phase(images), too.": _channels(images / unit),
        "The phase is turned the wrong way, so that it doubles: divide by it.": _channels(images * phase / unit),
        "The units are still in: divide by brightness(images), too.": _channels(images / phase),
        "The images are multiplied by their brightness: divide.": _channels(images / phase * unit),
        "Neither phase nor units are taken out.": _channels(images),
        "The real parts come first, then the imaginary ones: put both parts of a contrast side by side.": torch.cat(
            [alike.real, alike.imag]
        ),
        "The imaginary part stands before the real one.": _channels(alike).unflatten(0, (-1, 2)).flip(1).flatten(0, 1),
        "All contrasts have the brightness of the first one.": _channels(images / (phase * unit[:1])),
        "All contrasts have the brightness of the brightest one; each has its own.": _channels(
            images / (phase * unit.max())
        ),
        "All contrasts have the mean of the brightnesses; each has its own.": _channels(images / (phase * unit.mean())),
        "All contrasts are divided by one number, the largest magnitude of all; each has its own.": _channels(
            images / (phase * images.abs().max())
        ),
        "All contrasts are turned by the phase of the first one; each has its own.": _channels(
            images / (phase[:1] * unit)
        ),
        "These are magnitudes: all phase is gone, and with it what tells folding from tissue.": torch.stack(
            [magnitude, torch.zeros_like(magnitude)], dim=1
        ).flatten(0, 1),
        "These are magnitude and angle; expected real and imaginary part.": torch.stack(
            [alike.abs(), alike.angle()], dim=1
        ).flatten(0, 1),
        "Divided by the largest magnitude; brightness(images) is what 99 % of the pixels stay below.": _channels(
            images / (phase * images.abs().amax((-2, -1), keepdim=True))
        ),
        "The imaginary part has the wrong sign.": _channels(alike.conj()),
    }


def check_first_change(channels: Tensor, network: MultiContrastNet, images: Tensor) -> None:
    """The network's first convolutions make of these channels the change that they make in the network.

    Parameters
    ----------
    channels : real Tensor, shape (2 contrasts, y, x)
        The learner's.
    network : MultiContrastNet
        With features in common (DFSN, DISN).
    images : complex Tensor, shape (contrasts, y, x)
        The zero-filled images that the channels were made of.

    Raises
    ------
    CheckFailed
        Where another change comes out, or channels of another shape came.
    ValueError
        A network whose contrasts never meet.
    """
    if network.sharing == "separate":
        raise ValueError("the network shares nothing; expected one with a block for all contrasts, DFSN or DISN.")
    check_tensor(channels, (2 * len(images), *images.shape[-2:]), is_complex=False)
    first = network.iterations[0]
    wanted = first([images / (smooth_phase(images) * brightness(images))])
    change = first.layers(channels[None])[0]
    off = (torch.complex(change[0::2], change[1::2]) - wanted).abs().max()
    check(
        off < CLOSE,
        f"The first round of the network changes its images in another way: your channels of the measured slice lead "
        f"to a change that is off by up to {off:.2g}.",
    )


# --- strangers ---


def check_strangers(mine: Callable[[Tensor, int], Tensor]) -> None:
    """Every place is counted, for each contrast that may stay and two to five slices; what came stays as it was.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n_slices, n_contrasts in ((5, 3), (4, 2), (2, 3)):
        number = torch.arange(n_slices)[:, None, None, None] * 10 + torch.arange(n_contrasts)[None, :, None, None]
        pattern = torch.arange(12.0).reshape(4, 3).expand(n_slices, n_contrasts, 4, 3)
        images = torch.complex(number + torch.zeros(4, 3), pattern)
        for kept in range(n_contrasts):
            answer = asked(mine, images, kept)
            check_tensor(answer, images.shape)
            right = with_strangers(images, kept)
            reject_known_mistakes(answer, right, _wrong_strangers(images, kept), tolerance=CLOSE)
            check(answer.is_complex(), "Your images are real; expected the complex ones that came.")
            wrong = (answer - right).abs().amax((-2, -1)) > CLOSE
            if wrong.any():
                place, contrast = wrong.nonzero()[0].tolist()
                source = place if contrast == kept else (place + 1) % n_slices
                raise CheckFailed(
                    f"kept = {kept}: contrast {contrast} of slice {place} is not what it should be: that of slice "
                    f"{source}, pixel for pixel."
                )
    passed(LESSON, "my_strangers", "one contrast stays, its partners are strangers")


def _wrong_strangers(images: Tensor, kept: int) -> dict[str, Tensor]:
    rolled = images.roll(-1, dims=0)
    one = images.clone()
    other = (kept + 1) % images.shape[1]
    one[:, other] = rolled[:, other]
    exchanged = images.clone()
    exchanged[:, kept] = rolled[:, kept]
    first = images[:1].expand_as(images).clone()
    first[:, kept] = images[:, kept]
    axes = images.roll(-1, dims=1)
    axes[:, kept] = images[:, kept]
    always = rolled.clone()
    always[:, 0] = images[:, 0]
    by_slice = rolled.clone()
    if kept < len(images):
        by_slice[kept] = images[kept]
    return {
        "Nothing has changed: the partners should come from the next slice.": images,
        "All contrasts moved on together, so that they still fit: contrast number kept stays.": rolled,
        "The contrast that should stay was changed, and its partners were kept: the other way round.": exchanged,
        "Contrast 0 stays whatever kept says.": always,
        "The last contrast stays whatever kept says.": _but_one(rolled, images, -1),
        "Only one partner was changed; all but the contrast kept come from the next slice.": one,
        "All partners come from slice 0; each slice should have those of the next one.": first,
        "The contrasts changed places within a slice: roll the slices, dims=0.": axes,
        "The partners come from the slice before: roll by -1.": with_strangers(images, kept, step=-1),
        "roll has no axis, so that all numbers of the stack moved on by one: give it dims=0.": _but_one(
            images.roll(-1), images, kept
        ),
        "kept counts contrasts, and here it counts slices: the contrasts are the second axis, [:, kept].": by_slice,
        "The order of the slices is reversed; the partners come from the next slice.": _but_one(
            images.flip(0), images, kept
        ),
        "The last slice keeps its own partners; it should get those of slice 0.": _but_one(
            torch.cat([images[1:], images[-1:]]), images, kept
        ),
        "The partners come from two slices further on: roll by -1.": _but_one(images.roll(-2, dims=0), images, kept),
        "The rows of the images moved, and not the slices: roll with dims=0.": _but_one(
            images.roll(-1, dims=2), images, kept
        ),
        "The columns of the images moved, and not the slices: roll with dims=0.": _but_one(
            images.roll(-1, dims=3), images, kept
        ),
    }


def _but_one(partners: Tensor, images: Tensor, kept: int) -> Tensor:
    """These partners, with the contrast that stays as it was."""
    mixed = partners.clone()
    mixed[:, kept] = images[:, kept]
    return mixed


# --- the response to a lesion ---


def check_lesion_response(mine: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Bright and dark discs in images with phases, of which one can count the reading, and a general case.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    ny, nx = 9, 8
    template = torch.zeros(ny, nx)
    template[4, 3:5] = 0.5
    template[1, 2:6] = -0.25
    without = torch.polar(torch.ones(2, ny, nx), torch.linspace(0, 3, nx).expand(2, ny, nx))
    present = without.clone()
    turn = torch.polar(torch.ones(()), torch.tensor(0.5))  # a lesion may have a phase of its own
    present[0, 4, 3:5] *= 1.2 * turn
    present[1, 4, 3:5] *= 0.7 * turn
    cases = [(present, without, template)]
    drawn = random_complex(2, 3, ny, nx, seed=3)
    cases.append((drawn[0], drawn[1], template))
    for present, without, template in cases:
        answer = asked(mine, present, without, template)
        check(
            not (isinstance(answer, Tensor) and answer.ndim == 0),
            f"Your result is one number for {len(present)} contrasts; sum over the last two axes, y and x, alone.",
        )
        check_tensor(answer, (len(present),))
        check(not answer.is_complex(), "Your responses are complex: read magnitudes, image.abs().")
        right = ((present.abs() - without.abs()) * template).sum((-2, -1))
        reject_known_mistakes(answer, right, _wrong_responses(present, without, template), tolerance=CLOSE)
        off = (answer - right).abs().max()
        shown = [round(value, 3) for value in answer.tolist()]
        wanted = [round(value, 3) for value in right.tolist()]
        check(off < CLOSE, f"Your responses are {shown}; expected {wanted}.")
    passed(LESSON, "my_lesion_response", "0.2 for the bright disc, -0.3 for the dark one")


def _wrong_responses(present: Tensor, without: Tensor, template: Tensor) -> dict[str, Tensor]:
    change = present.abs() - without.abs()
    difference = present - without
    disc = template.clamp_min(0)
    axes = (-2, -1)
    return {
        "The sign is wrong: the reading with the lesion minus the reading without.": -(change * template).sum(axes),
        "This is the reading of the magnitude of the difference: take both magnitudes first.": (
            difference.abs() * template
        ).sum(axes),
        "This is the real part of the difference: take both magnitudes first.": (difference.real * template).sum(axes),
        "The magnitude of the response is taken: a dark lesion has a negative one.": (change * template)
        .sum(axes)
        .abs(),
        "This is the mean over the image; the template asks for the sum.": (change * template).mean(axes),
        "The ring is missing: the template is negative there, and that counts.": (change * disc).sum(axes),
        "The ring is added to the disc; it should be subtracted: take the template as it is.": (
            change * template.abs()
        ).sum(axes),
        "This is the reading with the lesion alone: subtract the reading without.": (present.abs() * template).sum(
            axes
        ),
        "This is the reading without the lesion alone: it is subtracted from that with the lesion.": (
            without.abs() * template
        ).sum(axes),
        "The template is not used.": change.sum(axes),
        "This is the largest change of any pixel; the template says where to read.": change.amax(axes),
        "Squares of the magnitudes are read; take the magnitudes themselves.": (
            (present.abs().square() - without.abs().square()) * template
        ).sum(axes),
        "Real parts are read; the images have a phase: read magnitudes.": (
            (present.real - without.real) * template
        ).sum(axes),
        "The response is divided by the reading without.": (change * template).sum(axes)
        / (without.abs() * template).sum(axes).clamp_min(1e-12),
    }
