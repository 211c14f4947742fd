"""Checks of the exercises on learning without references: a split, a prediction, a loss and its weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.line_densities import line_density, split_weights, splitting_density
from mricourse.physics.operators import SenseOperator

LESSON = "self_supervised"
CLOSE = 1e-4
KEPT = 4  # side of the block that is never hidden


# --- which samples are hidden ---


def check_gaussian_split(mine: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    """Hidden samples were measured, lie outside the block, and are the first that qualify, each counted once.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for ny, nx, n_hidden in ((17, 12, 20), (14, 19, 31)):
        mask, points = _lines(ny, nx), _points(ny, nx)
        answer = asked(mine, mask, points, n_hidden, advice={"out of bounds": OUTSIDE})
        check_tensor(answer, (ny, nx))
        check(answer.dtype == torch.bool, f"Your result is {answer.dtype}; expected a bool mask, True where hidden.")
        right = _gaussian_split(mask, points, n_hidden)
        mistakes = {sentence: wrong.int() for sentence, wrong in _wrong_splits(mask, points, n_hidden).items()}
        reject_known_mistakes(answer.int(), right.int(), mistakes)
        _check_properties(answer, mask, n_hidden)
        check(bool((answer == right).all()), "Points were left out or taken out of turn: go through them in order.")
    passed(LESSON, "my_gaussian_split", "hides measured samples outside the block, as many as were asked for")


OUTSIDE = "A point lies outside k-space: take it only where 0 <= ky < ny and 0 <= kx < nx."


def _check_properties(hidden: Tensor, mask: Tensor, n_hidden: int) -> None:
    check(bool(hidden.any()), "Nothing is hidden.")
    check(not bool((hidden & ~mask).any()), "Samples are hidden that were never measured: ask for mask[ky, kx].")
    check(not bool((hidden & _block(mask)).any()), "Samples of the block in the middle are hidden; they stay.")
    count = int(hidden.sum())
    check(count == n_hidden, f"{count} samples are hidden; expected {n_hidden}, each counted once.")


def _lines(ny: int, nx: int) -> Tensor:
    mask = torch.zeros(ny, nx, dtype=torch.bool)
    mask[::3] = True
    mask[ny // 2 - 3 : ny // 2 + 3] = True
    return mask


def _points(ny: int, nx: int) -> Tensor:
    """Points about the centre, some outside k-space, some twice."""
    spread = (torch.tensor([ny, nx]) - 1) / 3
    drawn = torch.randn(4 * ny * nx, 2, generator=torch.Generator().manual_seed(1)) * spread
    return (drawn + torch.tensor([ny // 2, nx // 2])).round().long()


def _block(mask: Tensor, *, start: int = KEPT // 2, size: int = KEPT) -> Tensor:
    block = torch.zeros_like(mask)
    rows, columns = (slice(n // 2 - start, n // 2 - start + size) for n in mask.shape)
    block[rows, columns] = True
    return block


def _gaussian_split(mask: Tensor, points: Tensor, n_hidden: int) -> Tensor:
    return _first(mask & ~_block(mask), points, n_hidden)


def _first(allowed: Tensor, points: Tensor, n_hidden: int, *, twice: bool = False) -> Tensor:
    ny, nx = allowed.shape
    hidden, count = torch.zeros_like(allowed), 0
    for ky, kx in points.tolist():
        if count < n_hidden and 0 <= ky < ny and 0 <= kx < nx and allowed[ky, kx]:
            count += 1 if twice or not hidden[ky, kx] else 0
            hidden[ky, kx] = True
    return hidden


def _wrong_splits(mask: Tensor, points: Tensor, n_hidden: int) -> dict[str, Tensor]:
    free = mask & ~_block(mask)
    everywhere = torch.ones_like(mask)
    return {
        "Samples are hidden that were never measured: ask for mask[ky, kx].": _first(everywhere, points, n_hidden),
        "Samples are hidden that were never measured, though the block is kept: ask for mask[ky, kx].": _first(
            everywhere & ~_block(mask), points, n_hidden
        ),
        "The block in the middle is hidden too: rows ny // 2 - 2 to ny // 2 + 1, columns alike, stay.": _first(
            mask, points, n_hidden
        ),
        "This is Theta, the samples that are given; expected Lambda, those that are hidden.": mask
        & ~_gaussian_split(mask, points, n_hidden),
        "A point that comes twice is counted twice, so that too few samples are hidden.": _first(
            free, points, n_hidden, twice=True
        ),
        "All points that qualify are hidden; stop after n_hidden.": _first(free, points, mask.numel()),
        "There is one sample too many: stop once n_hidden are hidden.": _first(free, points, n_hidden + 1),
        "One sample is missing: n_hidden are hidden.": _first(free, points, n_hidden - 1),
        "Only the first n_hidden points are looked at; go on until n_hidden samples are hidden.": _first(
            free, points[:n_hidden], n_hidden
        ),
        "ky and kx have changed places: a point is (ky, kx), rows first.": _first(free, points.flip(1), n_hidden),
        "The block is 5 x 5: its last row is ny // 2 + 1, not + 2.": _first(
            mask & ~_block(mask, size=KEPT + 1), points, n_hidden
        ),
        "The block is 3 x 3: its first row is ny // 2 - 2.": _first(
            mask & ~_block(mask, start=1, size=KEPT - 1), points, n_hidden
        ),
        "The points are taken from the end; go through them in order.": _first(free, points.flip(0), n_hidden),
        "The whole lines of the block are kept; only its 4 x 4 samples are.": _first(
            mask & ~_block(mask).any(1, keepdim=True), points, n_hidden
        ),
    }


# --- what a network predicts that it was not given ---


def check_predict_hidden(mine: Callable[[Callable, SenseOperator, Tensor, Tensor], Tensor]) -> None:
    """What was hidden has no say, in the samples or in the mask, and all coils are predicted.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for n_coils, ny, nx in ((2, 9, 8), (1, 8, 11)):
        smaps = random_complex(n_coils, ny, nx, seed=1)
        mask = _lines(ny, nx)
        hidden = mask & (torch.rand(ny, nx, generator=torch.Generator().manual_seed(2)) < 0.4)
        A = SenseOperator(smaps, mask)
        kspace = mask * random_complex(n_coils, ny, nx, seed=3)
        answer = asked(mine, _network, A, kspace, hidden, advice={"shape": PREDICT_SHAPES})
        check_tensor(answer, kspace.shape, is_complex=True)
        right = _predict(A, kspace, hidden)
        reject_known_mistakes(answer, right, _wrong_predictions(A, kspace, hidden), tolerance=CLOSE)
        changed = kspace + 5 * hidden
        again = asked(mine, _network, A, changed, hidden)
        check(
            float((again - answer).abs().max()) < CLOSE,
            "The hidden samples have a say: with other numbers in them your prediction changes.",
        )
        check(not bool((answer * ~hidden).abs().max() > CLOSE), "Samples outside hidden are not zero; multiply by it.")
        off = float((answer - right).abs().max())
        check(off < CLOSE * float(right.abs().max()), f"Your prediction is off by up to {off:.2g}.")
    passed(LESSON, "my_predict_hidden", "predicts the hidden samples from the others, and from nothing else")


PREDICT_SHAPES = "Shapes do not fit: maps are (coils, y, x), the image (y, x), hidden (ky, kx)."


def _network(A: SenseOperator, kspace: Tensor) -> Tensor:
    """Stand for a trained network: an image that depends on the samples and on the mask."""
    image = A.adjoint(kspace)
    return image + 0.3 * A.adjoint(A.forward(image)) + 0.2 * ifft2c(kspace).mean(dim=-3)


def _predict(A: SenseOperator, kspace: Tensor, hidden: Tensor) -> Tensor:
    image = _network(SenseOperator(A.smaps, A.mask & ~hidden), kspace * ~hidden)
    return hidden * fft2c(A.smaps * image)


def _wrong_predictions(A: SenseOperator, kspace: Tensor, hidden: Tensor) -> dict[str, Tensor]:
    given = SenseOperator(A.smaps, A.mask & ~hidden)
    samples = kspace * ~hidden
    image = _network(given, samples)
    inside = SenseOperator(A.smaps, hidden)
    return {
        "The network was given all samples, and an operator of all: hide them in both.": hidden
        * fft2c(A.smaps * _network(A, kspace)),
        "The mask of the operator still has the hidden samples: the network reads them as measured zeros.": hidden
        * fft2c(A.smaps * _network(A, samples)),
        "kspace still holds the hidden samples: set them to zero before the network sees them.": hidden
        * fft2c(A.smaps * _network(given, kspace)),
        "The network was given the hidden samples, and asked for them: give it the others.": hidden
        * fft2c(A.smaps * _network(inside, kspace * hidden)),
        "All of k-space is predicted; keep the hidden samples alone.": fft2c(A.smaps * image),
        "The given samples are predicted; keep the hidden ones.": given.forward(image),
        "All measured samples are predicted; keep the hidden ones alone.": A.forward(image),
        "The maps are missing: each coil hears the image times its map.": hidden * fft2c(image).expand_as(kspace),
        "The conjugate of the maps was taken; here an image goes to the coils.": hidden * fft2c(A.smaps.conj() * image),
        "These are the measured samples themselves; expected the predicted ones.": hidden * kspace,
        "This is the error; expected the prediction.": hidden * (fft2c(A.smaps * image) - kspace),
    }


# --- the loss ---


def check_l1_l2(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """One sample by hand, then many: 0 where right, 1 where nothing is predicted, and no unit.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    one = torch.tensor([3 + 4j])
    cases = [(torch.tensor([3 + 0j]), one), (torch.tensor([0j]), one)]
    cases.append((random_complex(37, seed=1), random_complex(37, seed=2)))
    cases.append((1000 * random_complex(23, seed=3), 1000 * random_complex(23, seed=4)))
    for predicted, measured in cases:
        answer = asked(mine, predicted, measured)
        number = isinstance(answer, float)
        answer = torch.tensor(answer) if number else answer
        check_tensor(answer, ())
        check(not answer.is_complex(), "Your loss is complex; a loss is a real number.")
        right = _l1_l2(predicted, measured)
        reject_known_mistakes(answer, right, _wrong_losses(predicted, measured), tolerance=CLOSE)
        check(
            float((answer - right).abs()) < CLOSE,
            f"Your loss of {len(measured)} samples is {float(answer):.4f}; expected {float(right):.4f}.",
        )
    passed(LESSON, "my_l1_l2", "0.686 for the sample by hand, and the same in any unit")


def _numbers(samples: Tensor) -> Tensor:
    return torch.view_as_real(samples.contiguous()).flatten()


def _l1_l2(predicted: Tensor, measured: Tensor) -> Tensor:
    error, size = _numbers(measured - predicted), _numbers(measured)
    return 0.5 * error.norm() / size.norm() + 0.5 * error.abs().sum() / size.abs().sum()


def _wrong_losses(predicted: Tensor, measured: Tensor) -> dict[str, Tensor]:
    difference = measured - predicted
    error, size = _numbers(difference), _numbers(measured)
    l2, l1 = error.norm() / size.norm(), error.abs().sum() / size.abs().sum()
    other = _numbers(predicted)
    return {
        "The 1-norm takes the magnitude of complex samples; here real and imaginary part are numbers of their own.": (
            0.5 * l2 + 0.5 * difference.abs().sum() / measured.abs().sum()
        ),
        "The two halves are missing: each term counts half.": l2 + l1,
        "Only the 2-norm is there; half of the loss is the 1-norm.": l2,
        "Only the 1-norm is there; half of the loss is the 2-norm.": l1,
        "Half of the 2-norm is there; the 1-norm is missing.": 0.5 * l2,
        "Half of the 1-norm is there; the 2-norm is missing.": 0.5 * l1,
        "The errors are not divided by the size of what was measured.": 0.5 * error.norm() + 0.5 * error.abs().sum(),
        "The 2-norm lacks its root: both sums of squares need it.": 0.5 * l2.square() + 0.5 * l1,
        "Divided by the size of the prediction; expected that of the measured samples.": (
            0.5 * error.norm() / other.norm().clamp_min(1e-12)
            + 0.5 * error.abs().sum() / other.abs().sum().clamp_min(1e-12)
        ),
        "Only the 2-norm is divided by the size of what was measured.": 0.5 * l2 + 0.5 * error.abs().sum(),
        "Only the 1-norm is divided by the size of what was measured.": 0.5 * error.norm() + 0.5 * l1,
        "Means are divided by norms: take the sum of magnitudes, not their mean.": (
            0.5 * l2 + 0.5 * error.abs().mean() / size.abs().sum()
        ),
        "The imaginary parts are dropped.": _l1_l2(predicted.real + 0j, measured.real + 0j),
        "Signs are lost in the difference of magnitudes: subtract the complex samples.": _l1_l2(
            predicted.abs() + 0j, measured.abs() + 0j
        ),
    }


# --- the weights ---


def check_split_weights(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """The two lines by hand, then densities of the course; 0 where a line is never hidden, and the right mean.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    by_hand = (torch.tensor([[0.4], [0.05], [1.0]]).double(), torch.tensor([[0.5], [0.1], [1.0]]).double())
    cases = [by_hand]
    for ny, acceleration, ratio in ((45, 3, 0.3), (60, 4, 0.25)):
        density = line_density(ny, acceleration, acs=8)
        cases.append((density, splitting_density(density, ratio=ratio)))
    for density, kept in cases:
        answer = asked(mine, density, kept)
        endless = isinstance(answer, Tensor) and answer.shape == density.shape and not torch.isfinite(answer).all()
        check(not endless, "A line of the centre gets 0/0 or 1/0: it is never hidden, and its weight is 0.")
        check_tensor(answer, density.shape)
        right = split_weights(density, kept)
        reject_known_mistakes(answer, right, _wrong_weights(density, kept), tolerance=CLOSE)
        mean = float((answer * density * (1 - kept)).sum())
        wanted = float((1 - density * kept).sum())
        check(
            abs(mean - wanted) < CLOSE * wanted,
            f"An error of 1 in every line adds up to {mean:.2f} on average; with complete scans it is {wanted:.2f}.",
        )
        off = float((answer - right).abs().max())
        check(off < CLOSE * float(right.max()), f"Your weights are off by up to {off:.2g}.")
    passed(LESSON, "my_split_weights", "4 and 22 for the lines by hand; the mean is that of complete scans")


def _wrong_weights(density: Tensor, kept: Tensor) -> dict[str, Tensor]:
    hidden = density * (1 - kept)
    lacking = 1 - density * kept
    safe = hidden.clamp_min(1e-12)
    never = hidden <= 0
    right = split_weights(density, kept)
    swapped = kept * (1 - density)

    def zero(values: Tensor) -> Tensor:
        return torch.where(never, 0, values)

    return {
        "The centre has a weight; it is never hidden, and its weight is 0.": torch.where(never, 1.0, right),
        "This is the probability that the loss sees a missing line; the weight is its inverse.": zero(hidden / lacking),
        "The weight is that of a magnitude; a squared error gets it without the root.": right.sqrt(),
        "This is the inverse of P alone; it forgets that the loss sees hidden lines only.": zero(1 / density),
        "This is the inverse of P (1 - P~); it forgets how often a line is not given.": zero(1 / safe),
        "P~ is missing above: a line is not given in 1 - P P~ of the scans, not in 1 - P.": zero((1 - density) / safe),
        "P~ stands where 1 - P~ should: a line is hidden where the second mask does not keep it.": zero(
            lacking / (density * kept).clamp_min(1e-12)
        ),
        "P and P~ have changed places.": torch.where(swapped > 0, lacking / swapped.clamp_min(1e-12), 0),
        "This is K, the probability that a line that is not given was not measured; the weight is 1 / (1 - K).": zero(
            (1 - density) / lacking.clamp_min(1e-12)
        ),
        "P is missing below: only a line that was measured can be hidden.": zero(lacking / (1 - kept).clamp_min(1e-12)),
        "All weights are 1: a line that is rarely measured counts rarely.": zero(torch.ones_like(density)),
        "The squares of the weights are returned.": right.square(),
    }
