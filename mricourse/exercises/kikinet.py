"""Checks of the exercises on KIKI-net: samples put back, the window of a kernel, a step on k-space, neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mricourse.classroom.exercise_checks import asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.networks.channels import to_channels, to_image
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.normalisation import radial_weight
from mricourse.physics.sampling import random_mask

LESSON = "kikinet"
NY, NX = 27, 22  # odd, and not square
CLOSE = 1e-4

Layers = Callable[[Tensor], Tensor]


# --- samples put back ---


def check_put_back(mine: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Measured samples come back, predicted ones stay, for lines and for a mask of points, and for a measured zero.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    points = torch.rand(NY, NX, generator=torch.Generator().manual_seed(1)) < 0.4
    for words, mask in {"lines": random_mask(NY, 3, acs=5, seed=2), "points": points}.items():
        predicted = random_complex(NY, NX, seed=3)
        measured = random_complex(NY, NX, seed=4) * mask
        silent = mask.expand(NY, NX).nonzero()[1]
        measured[silent[0], silent[1]] = 0  # a sample that was measured, and is zero
        answer = asked(mine, predicted, measured, mask)
        check_tensor(answer, (NY, NX), is_complex=True)
        right = torch.where(mask, measured, predicted)
        reject_known_mistakes(answer, right, _wrong_samples(predicted, measured, mask), tolerance=CLOSE)
        off = (answer - right).abs()
        inside = float((off * mask).max())
        check(inside < CLOSE, f"A mask of {words}: measured samples differ from `measured` by up to {inside:.2g}.")
        between = float((off * ~mask).max())
        check(between < CLOSE, f"A mask of {words}: where nothing was measured, you differ from `predicted`.")
    predicted = random_complex(2, NY, NX, seed=5)
    measured = random_complex(2, NY, NX, seed=6) * points
    answer = asked(mine, predicted, measured, points)
    check_tensor(answer, (2, NY, NX), is_complex=True)
    off = float((answer - torch.where(points, measured, predicted)).abs().max())
    check(off < CLOSE, "A single k-space comes back right, a stack of two does not: use no fixed sizes.")
    anything = random_complex(2, NY, NX, seed=7)  # also between the measured samples
    answer = asked(mine, predicted, anything, points)
    check_tensor(answer, (2, NY, NX), is_complex=True)
    off = float((answer - torch.where(points, anything, predicted)).abs().max())
    check(
        off < CLOSE,
        "What stands in `measured` where nothing was measured comes into your result: take `measured` only where the "
        "mask is True. (You may have added it; that is right only while it is zero there.)",
    )
    passed(LESSON, "my_put_back", "measured samples are back, predicted ones stay, whatever the mask")


def _wrong_samples(predicted: Tensor, measured: Tensor, mask: Tensor) -> dict[str, Tensor]:
    keeps_measured = torch.where(mask, measured, 0)
    twice = "Where samples were measured you add them to the prediction: they replace it."
    return {
        "You return the measured samples alone: what the network predicted between them is lost.": keeps_measured,
        "The mask is the wrong way round: you put zeros where samples were measured.": torch.where(mask, 0, predicted),
        "The mask is the wrong way round: where it is True, the measured sample belongs.": torch.where(
            mask, predicted, measured
        ),
        "This is the prediction: the measured samples are not put back.": predicted,
        twice: predicted + measured,
        "This is the mean of both: here the measured samples replace the predicted ones.": torch.where(
            mask, (predicted + measured) / 2, predicted
        ),
        "The mean is taken everywhere, also where nothing was measured.": (predicted + measured) / 2,
        "You keep the prediction where samples were measured, and zeros elsewhere: the trap of the text.": torch.where(
            mask, predicted, 0
        ),
        "The first column of the mask is taken for all of it: a mask may be of single points, (ky, kx).": torch.where(
            mask[:, :1], measured, predicted
        ),
        "You take a zero in `measured` for a gap. A measured sample may be zero: ask the mask.": torch.where(
            measured != 0, measured, predicted
        ),
        "Your result is in image space: there is nothing to transform here, all three are k-space.": ifft2c(
            torch.where(mask, measured, predicted)
        ),
        "This is what was replaced: predicted minus measured.": predicted - measured,
        "This uses magnitudes: samples are complex, and keep their phase.": torch.where(
            mask, measured.abs(), predicted.abs()
        ).to(predicted),
    }


# --- the window of a kernel ---


def check_kernel_window(mine: Callable[[Tensor, tuple[int, int]], Tensor]) -> None:
    """Weighting neighbours in k-space equals multiplying the image, for even, odd, complex and lopsided kernels.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    one = torch.zeros(3, 3, dtype=torch.complex64)
    one[1, 1] = 2
    flat = asked(mine, one, (NY, NX))
    check_tensor(flat, (NY, NX))
    size = float(flat.abs().mean())
    check(
        abs(size - 2) < 1e-3 or float(flat.abs().std()) > 1e-3,
        f"A kernel with a single 2 in its middle doubles k-space, so the window is 2 everywhere; yours is {size:.3g}. "
        "Our transform divides by the root of the number of samples.",
    )
    for seed, (reach_y, reach_x), shape in ((1, (1, 1), (NY, NX)), (2, (2, 1), (NX, NY)), (3, (1, 3), (16, 24))):
        kernel = random_complex(2 * reach_y + 1, 2 * reach_x + 1, seed=seed)
        answer = asked(mine, kernel, shape)
        check_tensor(answer, shape)
        right = _window(kernel, shape)
        reject_known_mistakes(answer, right, _wrong_windows(kernel, shape), tolerance=CLOSE)
        check(answer.is_complex(), "Your window is real; expected complex numbers: a lopsided kernel turns phases.")
        image = random_complex(*shape, seed=seed + 10)
        neighbours = _weighted_neighbours(fft2c(image), kernel)
        off = float((fft2c(answer * image) - neighbours).abs().max() / neighbours.abs().max())
        check(
            off < 1e-3,
            f"A kernel of {kernel.shape[0]} x {kernel.shape[1]}: image times your window is not what the kernel makes "
            f"of k-space; they differ by {off:.2g} of the largest sample.",
        )
    passed(LESSON, "my_kernel_window", "image times window = kernel on k-space, for even, odd and lopsided kernels")


def _placed(kernel: Tensor, shape: tuple[int, int], start: tuple[int, int]) -> Tensor:
    empty = torch.zeros(shape, dtype=kernel.dtype)
    ny, nx = kernel.shape
    empty[start[0] : start[0] + ny, start[1] : start[1] + nx] = kernel
    return empty


def _middle(kernel: Tensor, shape: tuple[int, int]) -> tuple[int, int]:
    return tuple(n // 2 - size // 2 for n, size in zip(shape, kernel.shape, strict=True))


def _window(kernel: Tensor, shape: tuple[int, int]) -> Tensor:
    return fft2c(_placed(kernel, shape, _middle(kernel, shape))) * (shape[0] * shape[1]) ** 0.5


def _weighted_neighbours(kspace: Tensor, kernel: Tensor) -> Tensor:
    """k'[k] = sum over d of h[d] k[k + d], round the edges."""
    ny, nx = kernel.shape
    total = torch.zeros_like(kspace)
    for row in range(ny):
        for column in range(nx):
            total = total + kernel[row, column] * kspace.roll((ny // 2 - row, nx // 2 - column), (0, 1))
    return total


def _wrong_windows(kernel: Tensor, shape: tuple[int, int]) -> dict[str, Tensor]:
    samples = shape[0] * shape[1]
    root = samples**0.5
    start = _middle(kernel, shape)
    placed = _placed(kernel, shape, start)
    right = fft2c(placed) * root
    corner = fft2c(_placed(kernel, shape, (0, 0))) * root
    swapped = _placed(kernel, shape, (shape[0] // 2 - kernel.shape[1] // 2, shape[1] // 2 - kernel.shape[0] // 2))
    between = tuple((n - size) // 2 for n, size in zip(shape, kernel.shape, strict=True))
    where = "The kernel lies beside the middle: its middle belongs at [ny // 2, nx // 2]."
    return {
        "The factor is missing: our transform divides by the root of ny nx, so multiply by it.": fft2c(placed),
        "The factor is ny nx; its square root is needed.": fft2c(placed) * samples,
        "You divide by the root of ny nx; multiply by it.": fft2c(placed) / root,
        "This is the window of the kernel turned by 180 degrees: use fft2c, since the kernel stands at k + d.": ifft2c(
            placed
        )
        * root,
        "ifft2c, and the factor is missing too: fft2c(...) times the root of ny nx.": ifft2c(placed),
        "The kernel lies in the corner: its middle belongs in the middle of k-space.": corner,
        "The imaginary part of the kernel is lost: the empty picture has to be complex, as `kernel.new_zeros(shape)` "
        "is.": _window(kernel.real.to(kernel.dtype), shape),
        where + " ": fft2c(_placed(kernel, shape, (shape[0] // 2, shape[1] // 2))) * root,
        where + "  ": fft2c(_placed(kernel, shape, between)) * root,
        "Rows and columns of the kernel's size are exchanged.": fft2c(swapped) * root,
        **_moved_windows(kernel, shape, start),
        "This is the conjugate of the window.": right.conj(),
        "This is the magnitude of the window: it keeps its phase.": right.abs(),
        "This is the real part of the window.": right.real,
        "This is the kernel itself, with zeros around it: the window is its transform.": placed,
        "The transform was taken without its shifts: use fft2c.": torch.fft.fft2(placed),
    }


def _moved_windows(kernel: Tensor, shape: tuple[int, int], start: tuple[int, int]) -> dict[str, Tensor]:
    """The kernel a sample or two beside its place."""
    wrong = {}
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if not down == right == 0:
                sentence = (
                    f"The kernel lies {_beside(down, 'row', 'down', 'up')}{' and ' if down and right else ''}"
                    f"{_beside(right, 'column', 'to the right', 'to the left')} of its place: it begins at row "
                    "ny // 2 - rows // 2 and column nx // 2 - columns // 2."
                )
                moved = _placed(kernel, shape, (start[0] + down, start[1] + right))
                wrong[sentence] = fft2c(moved) * (shape[0] * shape[1]) ** 0.5
    return wrong


def _beside(steps: int, what: str, more: str, less: str) -> str:
    return f"one {what} {more if steps > 0 else less}" if steps else ""


# --- a step on k-space ---


def check_kspace_step(mine: Callable[[Tensor, float, Layers], Tensor]) -> None:
    """Weight, unit, channels, layers and the way back, with layers that are easy to see through.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for seed, unit, layers in ((1, 0.7, _swap), (2, 3.0, _small_network())):
        kspace = random_complex(NY, NX, seed=seed)
        answer = asked(mine, kspace, unit, layers)
        check_tensor(answer, (NY, NX), is_complex=True)
        right = _kspace_step(kspace, unit, layers)
        reject_known_mistakes(answer, right, _wrong_steps(kspace, unit, layers), tolerance=CLOSE)
        off = float((answer - right).abs().max() / right.abs().max())
        check(
            off < CLOSE, f"Your k-space is off by {off:.2g} of its largest sample: compare with the equation, in order."
        )
    passed(LESSON, "my_kspace_step", "weight, layers, weight taken off, and added to what came in")


def _swap(channels: Tensor) -> Tensor:
    """Real and imaginary part are treated differently, and a number is added, so that the unit counts."""
    check(
        isinstance(channels, Tensor) and channels.ndim in (3, 4) and channels.shape[-3] == 2,
        f"The layers got the shape {tuple(getattr(channels, 'shape', ()))}; expected (1, 2, ky, kx): real and "
        "imaginary part are two channels.",
    )
    check(not channels.is_complex(), "The layers got complex numbers; expected two real channels.")
    real, imaginary = channels.unbind(-3)
    return torch.stack([0.5 * real + imaginary.relu() + 0.4, 0.2 - 0.3 * imaginary], -3)


def _small_network() -> Layers:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))
    network.requires_grad_(False)

    def layers(channels: Tensor) -> Tensor:
        _swap(channels)
        return network(channels)

    return layers


def _kspace_step(kspace: Tensor, unit: float, layers: Layers) -> Tensor:
    scale = radial_weight(kspace) / unit
    return kspace + to_image(layers(to_channels(kspace * scale)), kspace) / scale


def _wrong_steps(kspace: Tensor, unit: float, layers: Layers) -> dict[str, Tensor]:
    weight = radial_weight(kspace)

    def made(values: Tensor) -> Tensor:
        return to_image(layers(to_channels(values)), kspace)

    change = made(kspace * weight / unit) / weight * unit
    image = ifft2c(kspace)
    exchanged = to_channels(kspace * weight / unit).flip(1)
    crossed = to_image(layers(exchanged), kspace) / weight * unit
    return {
        "k-space itself is missing: the layers say what to add to it.": change,
        "The change is subtracted; it is added.": kspace - change,
        "The weight is not taken off again: divide what the layers give by W.": kspace + change * weight,
        "The weight is applied a second time: divide by W on the way back.": kspace + change * weight**2,
        "Weight over unit is applied a second time: on the way back divide by W and multiply by the unit.": kspace
        + change * (weight / unit) ** 2,
        "The unit is not put back: multiply what the layers give by it.": kspace + change / unit,
        "The unit is divided by twice: multiply by it on the way back.": kspace + change / unit**2,
        "The unit is the wrong way round: divide by it on the way in, multiply by it on the way back.": kspace
        + made(kspace * weight * unit) / weight / unit,
        "Neither weight nor unit are taken off again.": kspace + change * weight / unit,
        "The weight is missing: the layers see k-space times W.": kspace + made(kspace / unit) * unit,
        "The weight is taken off but was never applied.": kspace + made(kspace / unit) * unit / weight,
        "The unit is missing: the layers see k-space times W over the unit.": kspace + made(kspace * weight) / weight,
        "The weight and its inverse are exchanged: the outer samples are weak, and become larger by W.": kspace
        + made(kspace / weight / unit) * weight * unit,
        "k-space that is weighted is added: add what came in.": kspace * weight / unit + change,
        "The layers see the image: this step stays in k-space.": kspace + fft2c(made(image / unit) * unit),
        "Real and imaginary part are exchanged on the way in: real first.": kspace + crossed,
        "Only the real part of the change is added.": kspace + change.real,
        "Nothing is added: k-space comes back as it was.": kspace.clone(),
    }


# --- neighbours ---


def check_neighbour_weights(mine: Callable[[Tensor, Sequence[tuple[int, int]]], Tensor]) -> None:
    """The weights of a rule are found again, near and far, lopsided, and the best ones where no rule is exact.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for seed, offsets in ((1, [(1, 0)]), (2, [(-1, 0), (1, 0)]), (3, [(-2, 1), (1, -1), (0, 3)])):
        kspace = random_complex(NY, NX, seed=seed)
        smooth = fft2c(ifft2c(kspace) * _envelope())  # neighbours that know of one another
        answer = asked(mine, smooth, list(offsets), advice=_advice_on_columns(len(offsets)))
        check(
            getattr(answer, "shape", None) != (NY,),
            f"Your result has the shape {(NY,)}; expected {(len(offsets),)}: flatten each neighbour, then stack them.",
        )
        check_tensor(answer, (len(offsets),))
        right = _weights(smooth, offsets)
        reject_known_mistakes(answer, right, _wrong_weights(smooth, offsets), tolerance=1e-3)
        check(answer.is_complex(), "Your weights are real; expected complex ones: neighbours differ in phase.")
        off = float((answer - right).abs().max() / right.abs().max())
        check(
            off < 5e-3,
            f"Offsets {offsets}: your weights differ by {off:.2g} from those with the least squared error. Column "
            "number j of the matrix holds, for every k, the sample at k + offset j.",
        )
    passed(LESSON, "my_neighbour_weights", "least squares over all samples, for one, two and three neighbours")


def _advice_on_columns(n_offsets: int) -> dict[str, str]:
    shapes = f"{(NY * NX, n_offsets)}, and the goal {(NY * NX, 1)}"
    columns = (
        f"The matrix has a row for each sample and a column for each neighbour, here {shapes}: flatten each neighbour, "
        "and stack them along the last axis, `torch.stack(columns, -1)`."
    )
    goal = f"A goal without a second axis gives weights without one: no `[:, 0]` then, or a goal of {(NY * NX, 1)}."
    return {
        "should match other.size": columns,
        "at least 2 dimensions": columns,
        "mat1 and mat2": columns,
        "too many indices": goal,
    }


def _envelope() -> Tensor:
    """A lopsided object in a part of the field of view."""
    y = (torch.arange(NY) - NY // 2 - 2)[:, None] / NY
    x = (torch.arange(NX) - NX // 2 + 1) / NX
    return torch.exp(-(12 * y.square() + 9 * x.square()))


def _columns(kspace: Tensor, offsets: Sequence[tuple[int, int]], sign: int = -1) -> Tensor:
    return torch.stack([kspace.roll((sign * dy, sign * dx), (0, 1)).flatten() for dy, dx in offsets], -1)


def _weights(kspace: Tensor, offsets: Sequence[tuple[int, int]]) -> Tensor:
    return torch.linalg.lstsq(_columns(kspace, offsets), kspace.flatten()[:, None]).solution[:, 0]


def _wrong_weights(kspace: Tensor, offsets: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
    columns = _columns(kspace, offsets)
    goal = kspace.flatten()[:, None]
    single = (columns.conj() * goal).sum(0) / columns.abs().square().sum(0)
    exchanged = torch.stack([kspace.roll((-dx, -dy), (0, 1)).flatten() for dy, dx in offsets], -1)
    away = torch.linalg.lstsq(_columns(kspace, offsets, sign=1), goal).solution[:, 0]
    return {
        "These weights are conjugated, or those of the samples at k - d (both give the same numbers). Roll by the "
        "negative offset, so that k + d comes to k; and lstsq needs no conjugate.": away,
        "The axes are exchanged: the first number of an offset is along ky, axis 0.": torch.linalg.lstsq(
            exchanged, goal
        ).solution[:, 0],
        "Each neighbour was fitted alone; fit all together, since they know of one another.": single,
        "These are correlations: divide by the matrix of the neighbours among one another (lstsq does).": (
            columns.mH @ goal
        )[:, 0],
        "The conjugate is missing in the normal equations: AᴴA, not AᵀA.": torch.linalg.lstsq(
            columns.mT @ columns, columns.mT @ goal
        ).solution[:, 0],
        "Only magnitudes were fitted: samples keep their phase.": torch.linalg.lstsq(columns.abs(), goal.abs())
        .solution[:, 0]
        .to(goal),
        "All neighbours have the same weight: that is a mean.": torch.full_like(single, 1 / len(offsets)),
        "This was fitted to the image: stay in k-space.": _weights(ifft2c(kspace), offsets),
        "This was fitted to weighted k-space: here it is fitted as it is.": _weights(
            kspace * radial_weight(kspace), offsets
        ),
    }
