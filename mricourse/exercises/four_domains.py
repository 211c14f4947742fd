"""Checks of the exercises on four domains: a scale for k-space, a dense inverse transform, RAKI, a late echo."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import CheckFailed, asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.normalisation import radial_weight
from mricourse.physics.operators import SenseOperator

LESSON = "four_domains"
CLOSE = 1e-4
Body = Callable[[Tensor], Tensor]


def _close(answer: Tensor, right: Tensor) -> bool:
    return float((answer - right).abs().max()) <= CLOSE * max(float(right.abs().max()), 1e-30)


# --- a scale for k-space ---


def check_complete(mine: Callable[[Body, Tensor, Tensor], Tensor]) -> None:
    """A body that changes nothing changes nothing, what it sees is 1 in the mean, and units come back.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for shape, every, size in (((9, 14), 3, 1.0), ((16, 11), 2, 250.0), ((12, 8), 1, 1e-3)):
        mask = (torch.arange(shape[0]) % every == 0)[:, None]
        kspace = torch.where(mask, size * random_complex(*shape, seed=every) / radial_weight(torch.ones(shape)), 0)
        seen: list[Tensor] = []

        def keep(loud: Tensor, seen: list[Tensor] = seen) -> Tensor:
            seen.append(loud)
            return loud

        answer = asked(mine, keep, kspace, mask)
        check_tensor(answer, shape, is_complex=True)
        check(len(seen) == 1, f"Your function calls `body` {len(seen)} times; expected once.")
        check_tensor(seen[0], shape, is_complex=True)
        right = _loud(kspace, mask)
        reject_known_mistakes(seen[0], right, _wrong_sights(kspace, mask), tolerance=CLOSE)
        mean = float((seen[0].abs().square() * mask).sum() / mask.expand(shape).sum()) ** 0.5
        check(
            _close(seen[0], right),
            f"What `body` sees has a root mean square of {mean:.3g} over the samples; expected W y, divided by its own "
            "root mean square, so 1, and all samples by the same number.",
        )
        check(
            _close(answer, kspace),
            "A body that changes nothing should give back the k-space that came: undo both, times the unit, over W.",
        )
        answer = asked(mine, partial(_filling, mask=mask), kspace, mask)
        check_tensor(answer, shape, is_complex=True)
        right = _completed(partial(_filling, mask=mask), kspace, mask)
        reject_known_mistakes(answer, right, _wrong_completions(kspace, mask), tolerance=CLOSE)
        check(_close(answer, right), "Where `body` fills missing lines your result differs from the right one.")
    passed(LESSON, "my_complete", "body sees samples around 1, and units and missing lines come out right")


def _filling(loud: Tensor, *, mask: Tensor) -> Tensor:
    """Adds to what it sees, everywhere, something of size 1 that is the same in any unit."""
    return loud + random_complex(*loud.shape, seed=11)


def _unit(loud: Tensor, mask: Tensor) -> Tensor:
    return (loud.abs().square().sum() / mask.expand(loud.shape).sum()).sqrt()


def _loud(kspace: Tensor, mask: Tensor) -> Tensor:
    loud = radial_weight(kspace) * kspace
    return loud / _unit(loud, mask)


def _completed(body: Body, kspace: Tensor, mask: Tensor) -> Tensor:
    weight = radial_weight(kspace)
    return body(_loud(kspace, mask)) * _unit(weight * kspace, mask) / weight


def _wrong_sights(kspace: Tensor, mask: Tensor) -> dict[str, Tensor]:
    weight = radial_weight(kspace)
    loud = weight * kspace
    mean = "The unit is the root of the mean square over the *samples*, "
    return {
        "`body` sees k-space as it came: multiply it by W and divide it by its unit first.": kspace,
        "`body` sees W y in the unit of the data: divide it by its root mean square.": loud,
        "W is missing in what `body` sees.": kspace / _unit(kspace, mask),
        "k-space is divided by W: multiply, so that the outer samples become louder.": (kspace / weight)
        / _unit(kspace / weight, mask),
        "The unit was measured before W was applied: measure that of W y.": loud / _unit(kspace, mask),
        mean + "missing ones are not to be counted.": loud / loud.abs().square().mean().sqrt(),
        "`mask.sum()` counts lines, as the mask is (ky, 1): `mask.expand(kspace.shape).sum()` counts samples.": (
            loud / (loud.abs().square().sum() / mask.sum()).sqrt()
        ),
        "The square of a complex number is complex: take `.abs()` before `.square()`.": (
            loud / (loud.square().sum() / mask.expand(loud.shape).sum()).sqrt()
        ),
        mean + "you divide by its square.": loud / _unit(loud, mask) ** 2,
        mean + "not the mean of magnitudes.": loud / (loud.abs().sum() / mask.expand(loud.shape).sum()),
        mean + "not the largest magnitude.": loud / loud.abs().max(),
        "Multiplied by the unit, where you should divide by it.": loud * _unit(loud, mask),
    }


def _wrong_completions(kspace: Tensor, mask: Tensor) -> dict[str, Tensor]:
    right = _completed(partial(_filling, mask=mask), kspace, mask)
    weight = radial_weight(kspace)
    return {
        "The missing lines are as they came: return what `body` made of them.": torch.where(mask, right, kspace),
        "The samples are put back here. That can be wise, but this network leaves them as `body` makes them.": (
            torch.where(mask, kspace, right)
        ),
        "W is not undone: divide by it.": right * weight,
        "The unit is not undone: multiply by it.": right / _unit(weight * kspace, mask),
        "This is an image: return k-space.": ifft2c(right),
    }


# --- the inverse transform as a dense layer ---


def check_dense_inverse(mine: Callable[[int, int], Tensor]) -> None:
    """The matrix makes of real and imaginary parts of k-space those of the image, for any matrix size.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for ny, nx in ((3, 4), (5, 2), (4, 4)):
        answer = asked(mine, ny, nx)
        n = ny * nx
        check(answer is not None, "Your function returns nothing: is the `return` missing?")
        check(isinstance(answer, Tensor), f"Your function returns a {type(answer).__name__}, not a tensor.")
        check(
            not answer.is_complex(),
            "Your matrix is complex; a dense layer has real weights: build it of the real and the imaginary part.",
        )
        check_tensor(answer, (2 * n, 2 * n))
        right = _dense(ny, nx)
        reject_known_mistakes(answer.to(right.dtype), right, _wrong_matrices(ny, nx), tolerance=CLOSE)
        image = random_complex(ny, nx, seed=ny)
        found = answer.to(torch.float32) @ _parts(fft2c(image))
        off = float((found - _parts(image)).abs().max())
        check(
            off < 1e-3,
            f"For {ny} x {nx} your matrix makes of the k-space of an image something that is off by up to {off:.2g}.",
        )
    passed(LESSON, "my_dense_inverse", "one dense layer is the inverse transform, for odd, even and oblong matrices")


def _parts(values: Tensor) -> Tensor:
    return torch.cat([values.real.flatten(), values.imag.flatten()])


def _dense(ny: int, nx: int, transform: Callable[[Tensor], Tensor] = ifft2c) -> Tensor:
    matrix = _columns(ny, nx, transform)
    return _blocks(matrix.real, -matrix.imag, matrix.imag, matrix.real)


def _columns(ny: int, nx: int, transform: Callable[[Tensor], Tensor]) -> Tensor:
    units = torch.eye(ny * nx, dtype=torch.complex64).reshape(-1, ny, nx)
    return transform(units).flatten(1).T


def _blocks(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return torch.cat([torch.cat([a, b], dim=1), torch.cat([c, d], dim=1)])


def _wrong_matrices(ny: int, nx: int) -> dict[str, Tensor]:
    matrix = _columns(ny, nx, ifft2c)
    a, b = matrix.real, matrix.imag
    zero = torch.zeros_like(a)
    unscaled = (ny * nx) ** 0.5
    units = torch.eye(ny * nx).reshape(-1, ny, nx).to(torch.complex64)
    corner = torch.fft.ifft2(units, norm="ortho").flatten(1).T
    small_corner = corner / unscaled
    turned = ifft2c(units.reshape(-1, nx, ny)).flatten(1).T
    uncentred = "The matrix is that of the transform without centring: use ifft2c, which has the zero in the middle."
    sign = "The sign is wrong: the real part of (a + ib)(p + iq) is a p - b q, the imaginary part b p + a q."
    return {
        sign: _blocks(a, b, b, a),
        sign + " (Both blocks of b are turned.)": _blocks(a, b, -b, a),
        "This is the forward transform: use ifft2c.": _dense(ny, nx, fft2c),
        "Real and imaginary part never meet: the blocks beside the diagonal are missing.": _blocks(a, zero, zero, a),
        "The blocks beside the diagonal are zero and the others hold a and b: each row needs both.": (
            _blocks(a, zero, zero, b)
        ),
        uncentred: _blocks(corner.real, -corner.imag, corner.imag, corner.real),
        uncentred + " (It is also too small by the root of the number of pixels.)": (
            _blocks(small_corner.real, -small_corner.imag, small_corner.imag, small_corner.real)
        ),
        "ny and nx are exchanged: k-space has ny rows of nx samples, reshape(n, ny, nx).": (
            _blocks(turned.real, -turned.imag, turned.imag, turned.real)
        ),
        "The matrix is too large by the root of the number of pixels.": _dense(ny, nx) * unscaled,
        "The matrix is too small by the root of the number of pixels.": _dense(ny, nx) / unscaled,
        "The imaginary parts come first: the order is all real parts, then all imaginary ones.": (
            _blocks(a, b, -b, a).flip(0)
        ),
    }


# --- RAKI's three convolutions ---

DILATION_ADVICE = {
    "Calculated padded input size": "A kernel with its gaps is larger than what came: `dilation` is (along lines, "
    "along points), so (spacing, 1), in the first and in the third convolution."
}


def check_raki_estimate(mine: Callable[[Tensor, Tensor, Tensor, Tensor, int], Tensor]) -> None:
    """Three convolutions, two ReLU, and lines that lie `spacing` apart.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    generator = torch.Generator().manual_seed(4)
    for n_parts, n_lines, n_points, n_targets, spacing in ((4, 7, 12, 1, 1), (6, 14, 9, 2, 3), (2, 11, 15, 3, 4)):
        parts = torch.randn(n_parts, n_lines, n_points, generator=generator)
        weights = [
            torch.randn(5, n_parts, 2, 5, generator=generator),
            torch.randn(3, 5, 1, 1, generator=generator),
            torch.randn(n_targets, 3, 2, 3, generator=generator),
        ]
        answer = asked(mine, parts, *weights, spacing, advice=DILATION_ADVICE)
        shape = (n_targets, n_lines - 2 * spacing, n_points - 6)
        if isinstance(answer, Tensor) and answer.shape != shape:
            _explain_shape(tuple(answer.shape), shape, spacing, n_lines)
        check_tensor(answer, shape, is_complex=False)
        right = _estimate(parts, *weights, spacing)
        reject_known_mistakes(answer, right, _wrong_estimates(parts, weights, spacing), tolerance=CLOSE)
        check(_close(answer, right), f"With lines {spacing} apart your estimate differs from the right one.")
    passed(LESSON, "my_raki_estimate", "the estimate of three convolutions, for lines 1, 3 and 4 apart")


def _explain_shape(came: tuple[int, ...], expected: tuple[int, ...], spacing: int, n_lines: int) -> None:
    if came == (1, *expected):
        raise CheckFailed(f"Your result has the shape {came}; expected {expected}: take the batch axis off, [0].")
    if len(came) == 3 and came[1] == n_lines - 2 and spacing > 1:
        raise CheckFailed(
            f"Your result has {came[1]} lines; expected {expected[1]}: neighbours lie `spacing` lines apart, "
            "dilation=(spacing, 1), in the first and in the third convolution."
        )
    if len(came) == 3 and came[1] == n_lines - 1 - spacing and spacing > 1:
        raise CheckFailed(
            f"Your result has {came[1]} lines; expected {expected[1]}: the first and the third convolution both need "
            "dilation=(spacing, 1)."
        )
    if len(came) == 3 and came[2] != expected[2] and came[1] == expected[1]:
        raise CheckFailed(
            f"Your result has {came[2]} points; expected {expected[2]}: along kx neighbours lie side by side, "
            "dilation=(spacing, 1), and nothing is padded."
        )
    if len(came) == 3 and came[1] > expected[1]:
        raise CheckFailed(
            f"Your result has {came[1]} lines of {came[2]} points; expected {expected[1]} of {expected[2]}: nothing is "
            "padded."
        )


def _estimate(parts: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, spacing: int) -> Tensor:
    features = torch.conv2d(parts[None], w1, dilation=(spacing, 1)).relu()
    features = torch.conv2d(features, w2).relu()
    return torch.conv2d(features, w3, dilation=(spacing, 1))[0]


def _wrong_estimates(parts: Tensor, weights: list[Tensor], spacing: int) -> dict[str, Tensor]:
    w1, w2, w3 = weights
    apart = {"dilation": (spacing, 1)}
    first = torch.conv2d(parts[None], w1, **apart)
    second = torch.conv2d(first.relu(), w2)
    right = torch.conv2d(second.relu(), w3, **apart)[0]
    return {
        "The ReLU behind the second convolution is missing.": torch.conv2d(second, w3, **apart)[0],
        "The ReLU behind the first convolution is missing.": (
            torch.conv2d(torch.conv2d(first, w2).relu(), w3, **apart)[0]
        ),
        "No ReLU at all: three linear convolutions are one, and this is GRAPPA's kind.": (
            torch.conv2d(torch.conv2d(first, w2), w3, **apart)[0]
        ),
        "The activations differ: RAKI has a ReLU, not tanh, behind the first two convolutions.": (
            torch.conv2d(torch.conv2d(first.tanh(), w2).tanh(), w3, **apart)[0]
        ),
        "The activation behind the second convolution is tanh; RAKI has a ReLU.": (
            torch.conv2d(second.tanh(), w3, **apart)[0]
        ),
        "The last convolution has no ReLU: parts of samples are negative as often as positive.": right.relu(),
        "A ReLU stands before the first convolution: negative samples are lost.": (
            _estimate(parts.relu(), w1, w2, w3, spacing)
        ),
        "The kernels are turned round: conv2d is what is wanted, without a flip.": (
            _estimate(parts, w1.flip((2, 3)), w2, w3.flip((2, 3)), spacing)
        ),
    }


# --- an echo that comes late ---


def check_recentred(mine: Callable[[Callable, SenseOperator, Tensor], Tensor]) -> None:
    """The network sees k-space with its loudest column in the middle, and the image keeps its phase ramp.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for ny, nx, n_coils, shift in ((10, 12, 1, 3), (9, 11, 1, -4), (8, 14, 2, 5), (12, 10, 1, 0)):
        A, late = _late_scan(ny, nx, n_coils, shift)
        middle = late.roll(-shift, dims=-1)
        seen: list[Tensor] = []

        def network(operator: SenseOperator, kspace: Tensor, seen: list[Tensor] = seen) -> Tensor:
            seen.append(kspace)
            return operator.adjoint(kspace)

        answer = asked(mine, network, A, late, advice=BATCH_ADVICE)
        check_tensor(answer, (2, ny, nx), is_complex=True)
        check(len(seen) == 1, f"Your function calls `network` {len(seen)} times; expected once.")
        check_tensor(seen[0], tuple(late.shape), is_complex=True)
        reject_known_mistakes(seen[0], middle, _wrong_middles(late, shift), tolerance=CLOSE)
        check(
            _close(seen[0], middle),
            f"The echo comes {shift} samples late on {nx}: the network should see its loudest column in number "
            f"{nx // 2}, as before the shift.",
        )
        right = A.adjoint(late)
        reject_known_mistakes(answer, right, _wrong_ramps(A.adjoint(middle), shift), tolerance=CLOSE)
        check(_close(answer, right), "With a network that is the adjoint, your image should be A.adjoint(kspace).")
    passed(LESSON, "my_recentred", "the network sees a centred k-space, and the image keeps its ramp")


BATCH_ADVICE = {
    "Dimension out of range": "k-space comes as a batch, (n, coils, ky, kx), and goes to the network as it is.",
    "must match the size": "k-space comes as a batch, (n, coils, ky, kx); the network returns images (n, y, x).",
}


def _late_scan(ny: int, nx: int, n_coils: int, shift: int) -> tuple[SenseOperator, Tensor]:
    """Two slices, (2, coils, ky, kx), whose first coil has its own ramp, and one sample that is louder than the middle.

    The column of most energy is the middle one, moved by `shift`; neither the loudest sample nor coil 0 alone show it.
    """
    y = torch.arange(ny) - ny // 2
    x = torch.arange(nx) - nx // 2
    image = torch.exp(-4.0 * y.square())[:, None] * torch.ones(nx)  # thin, so that its column is loud in all lines
    images = torch.stack([image, 0.8 * image]).to(torch.complex64) + 0.05 * random_complex(2, ny, nx, seed=nx)
    smaps = torch.ones(2, n_coils, ny, nx, dtype=torch.complex64)
    if n_coils > 1:
        smaps[:, 0] = 0.1 * torch.exp(2j * math.pi * 2 * x / nx)
    smaps = smaps / smaps.abs().square().sum(dim=1, keepdim=True).sqrt()
    mask = (torch.arange(ny) % 2 == 0)[:, None]
    middle = torch.where(mask, fft2c(smaps * images[:, None]), 0)
    middle[0, -1, ny // 2 // 2 * 2, nx // 2 + 3] = 1.3 * middle.abs().max()
    return SenseOperator(smaps, mask), middle.roll(shift, dims=-1)


def _wrong_middles(late: Tensor, shift: int) -> dict[str, Tensor]:
    nx = late.shape[-1]
    loudest = int(late.abs().flatten(0, -2).amax(dim=0).argmax()) - nx // 2
    of_coil_0 = int(late[:, 0].abs().square().sum(dim=(0, 1)).argmax()) - nx // 2
    middle = late.roll(-shift, dims=-1)
    return {
        "The network sees k-space as it came: move it back first, kspace.roll(-shift, dims=-1).": late,
        "k-space is moved further away: roll it by minus the shift.": late.roll(shift, dims=-1),
        "`argmax` gives the number of the loudest column; the shift is that number minus nx // 2, the middle.": (
            late.roll(-shift - nx // 2, dims=-1)
        ),
        "k-space is moved along ky, which moves the measured lines too: roll along kx, dims=-1.": (
            late.roll(-shift, dims=-2)
        ),
        "You look for the loudest sample, or the largest one of each column. One sample may be loud by chance: add up "
        "the squares of a whole column.": late.roll(-loudest, dims=-1),
        "You look at coil 0 alone, which may have a phase of its own: add up the squares over all coils.": (
            late.roll(-of_coil_0, dims=-1)
        ),
        "k-space is one sample off the middle, which is number nx // 2.": middle.roll(-1, dims=-1),
        "k-space is one sample off: the middle is number nx // 2.": middle.roll(1, dims=-1),
    }


def _wrong_ramps(plain: Tensor, shift: int) -> dict[str, Tensor]:
    """Of the images without their ramp, (n, y, x)."""
    nx = plain.shape[-1]
    x = torch.arange(nx) - nx // 2
    ramp = torch.exp(2j * math.pi * shift * x / nx)
    corner = torch.exp(2j * math.pi * shift * torch.arange(nx) / nx)
    return {
        "The phase ramp of the image is lost: multiply by exp(2 pi i shift x / nx) at the end.": plain,
        "The ramp turns the wrong way: its sign is plus.": plain * ramp.conj(),
        "The ramp has half of its turns: the factor is exp(2 pi i shift x / nx), with the 2.": (
            plain * torch.exp(1j * math.pi * shift * x / nx)
        ),
        "x is counted from the left end; it is zero in the middle, number nx // 2.": plain * corner,
        "This is the magnitude: the image stays complex.": plain.abs().to(plain.dtype),
    }
