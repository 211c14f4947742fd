"""Checks of the exercises on k-space: the centred transform, the conjugate mirror, partial Fourier."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import (
    CheckFailed,
    OneSentence,
    check,
    check_tensor,
    passed,
    reject_known_mistakes,
)
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import partial_fourier_mask
from mricourse.physics.symmetry import conjugate_mirror
from mricourse.reconstruct.partial_kspace import partial_fourier

AXES = (-2, -1)
CLOSE = 1e-4  # relative to the largest magnitude: single precision leaves 1e-6

Transform = Callable[[Tensor], Tensor]


# --- the centred transform ---


def check_fft2c(mine: Transform) -> None:
    """Right for stacks and single images, odd and even, real and complex; energy and centre are kept.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for shape in ((3, 7, 10), (5, 8), (2, 3, 6, 9)):
        image = random_complex(*shape, seed=1)
        answer = _answer(mine, image)
        right = fft2c(image)
        reject_known_mistakes(answer, right, _wrong_transforms(image), tolerance=CLOSE)
        _check_centre(mine, shape[-2:])
        grown = float(answer.norm() / image.norm())
        check(abs(grown - 1) < CLOSE, f"The norm grows by {grown:.2f}: is your transform orthonormal (norm='ortho')?")
        _check_equal(answer, right, f"For an image of shape {shape} your k-space is not the centred transform of it")
    _answer(mine, torch.ones(4, 5))  # a real image
    passed("kspace", "my_fft2c", "centred and orthonormal, for odd and even sizes, single images and stacks")


def _check_centre(mine: Transform, shape: tuple[int, ...]) -> None:
    """A flat image has one sample, at k = 0; a point in the middle of the image has samples without phase."""
    ny, nx = shape
    flat = torch.ones(ny, nx)
    at = divmod(int(_answer(mine, flat).abs().argmax()), nx)
    centre = (ny // 2, nx // 2)
    check(
        at == centre,
        f"A flat image of size {shape} has its sample at index {at}; expected the centre, {centre}: "
        "which shift moves index 0 to n // 2, and does it come last?",
    )
    point = ifft2c(flat).real + 0j
    angle = float(_answer(mine, point).angle().abs().max())
    check(
        angle < 1e-3,
        f"A point in the middle of a {ny} x {nx} image has samples with a phase of up to {angle:.1f} rad; expected 0: "
        "before the transform, which shift moves index n // 2 to 0?",
    )


def _wrong_transforms(image: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
    right = fft2c(image)
    area = image.shape[-2] * image.shape[-1]
    front = image.shape[0] * image.shape[1]
    first_sizes = "The factor takes the first two sizes: of a stack (slices, y, x) take the last two, image.shape[-2:]"
    every = tuple(range(image.ndim))
    first = torch.fft.fftshift(image, dim=AXES)
    last = torch.fft.ifftshift(image, dim=AXES)

    def transformed(values: Tensor) -> Tensor:
        return torch.fft.fft2(values, norm="ortho")

    def centred(values: Tensor) -> Tensor:
        return torch.fft.fftshift(transformed(values), dim=AXES)

    return {
        "No shift at all: torch.fft.fft2 has both origins at index 0, and ours are at n // 2.": (
            lambda: transformed(image)
        ),
        "The image is not shifted: before the transform its origin has to come from index n // 2 to 0.": (
            lambda: centred(image)
        ),
        "k-space is not shifted: after the transform its origin has to come from index 0 to n // 2.": (
            lambda: transformed(last)
        ),
        "fftshift stands on both sides, which is right for even sizes only: before the transform index n // 2 has to "
        "come to 0.": lambda: centred(first),
        "ifftshift stands on both sides, which is right for even sizes only: after the transform index 0 has to come "
        "to n // 2.": lambda: torch.fft.ifftshift(transformed(last), dim=AXES),
        "The two shifts are exchanged, which is right for even sizes only: ifftshift comes first.": (
            lambda: torch.fft.ifftshift(transformed(first), dim=AXES)
        ),
        "Your k-space is sqrt(ny nx) times too large: give the transform norm='ortho'.": right * area**0.5,
        "Your k-space is sqrt(ny nx) times too small: give the transform norm='ortho'.": right / area**0.5,
        f"{first_sizes}.": right * (area / front) ** 0.5,
        f"{first_sizes}, and the root of their product.": right * area**0.5 / front,
        "This is the inverse transform, from k-space to the image: use torch.fft.fft2.": ifft2c(image),
        "Your k-space is conjugated: the transform alone needs no .conj().": right.conj(),
        "Only one axis is transformed: an image needs both, y and x.": lambda: _centred(image, (-1,)),
        "Only one axis is transformed, the first one: an image needs both.": lambda: _centred(image, (-2,)),
        "All axes are transformed, the stack too: transform the last two only.": lambda: _centred(image, every),
        "fftn transforms all axes, the stack too: fft2 takes the last two only.": (
            lambda: torch.fft.fftshift(torch.fft.fftn(last, norm="ortho"), dim=AXES)
        ),
        "The first two axes are transformed: of a stack (slices, y, x) transform the last two, dim=(-2, -1).": (
            lambda: _centred(image, (0, 1))
        ),
        "The shifts move the first two axes: of a stack (slices, y, x) shift the last two, dim=(-2, -1).": (
            lambda: torch.fft.fftshift(transformed(torch.fft.ifftshift(image, dim=(0, 1))), dim=(0, 1))
        ),
        "The shift before the transform has no dim, so it moves the images of a stack, too: dim=(-2, -1).": (
            lambda: centred(torch.fft.ifftshift(image))
        ),
        "The shift after the transform has no dim, so it moves the images of a stack, too: dim=(-2, -1).": (
            lambda: torch.fft.fftshift(transformed(last))
        ),
        "This is the magnitude of k-space: the phase is a part of it, keep it.": right.abs() + 0j,
        "This is the real part of k-space: keep the imaginary part too.": right.real + 0j,
        "This is the image, and not its k-space: is the transform missing?": image,
    }


def _centred(image: Tensor, dim: tuple[int, ...]) -> Tensor:
    return torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(image, dim=dim), dim=dim, norm="ortho"), dim=dim)


# --- the conjugate mirror ---


def check_conjugate_mirror(mine: Transform) -> None:
    """The k-space of a real image is its own mirror; that of a complex one mirrors into that of its conjugate.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    # first odd axes alone, then even ones alone, then one of each: so every mistake differs from the others somewhere
    for shape in ((3, 5, 7), (5, 7), (3, 4, 6), (4, 6), (6, 7), (2, 5, 6), (2, 3, 6, 5)):
        image = random_complex(*shape, seed=2)
        own = _answer(mine, fft2c(image.real))
        kspace = fft2c(image)
        answer = _answer(mine, kspace)
        reject_known_mistakes(answer, conjugate_mirror(kspace), _wrong_mirrors(kspace), tolerance=CLOSE)
        where = f"In a k-space of shape {shape}"
        _check_equal(own, fft2c(image.real), f"{where} a real image's k-space should stay as it is, and it changes")
        _check_equal(answer, conjugate_mirror(kspace), f"{where} your entry at k is not the conjugate of that at -k")
    passed("kspace", "my_conjugate_mirror", "mirrors odd and even sizes, single images and stacks")


def _wrong_mirrors(kspace: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
    flipped = kspace.conj().flip(AXES)
    ny, nx = kspace.shape[-2:]
    stay = (1 - ny % 2, 1 - nx % 2)
    first_too = conjugate_mirror(kspace).flip(0) if kspace.ndim > 2 else conjugate_mirror(kspace)
    front = kspace.conj().flip(0, 1)
    rolled_front = front.roll([1 - n % 2 for n in kspace.shape[:2]], (0, 1))
    long_row = "A roll without dims moves all entries in one long row: give it dims=-2 or dims=-1."
    first_two = "The first two axes are mirrored: of a stack (slices, ky, kx) mirror the last two, -2 and -1."
    one_kind = {
        "Even sizes are one sample off: the flip alone moves -n/2 to the end; roll such an axis by 1.": flipped,
        "Odd sizes are one sample off: on an odd axis the partner of index i is n - 1 - i, without a roll; on an even "
        "one it is n - i.": flipped.roll((1, 1), AXES),
        "Of two even axes kx is not rolled: look at the size of each axis by itself.": flipped.roll((1, 0), AXES),
        "Of two even axes ky is not rolled: look at the size of each axis by itself.": flipped.roll((0, 1), AXES),
    }
    return {
        **(one_kind if ny % 2 == nx % 2 else {}),
        "Even axes are rolled the wrong way: -n/2 has to come back to index 0.": flipped.roll(
            [n % 2 - 1 for n in (ny, nx)], AXES
        ),
        "All axes are rolled, and the wrong way: only even ones need a roll, by +1.": flipped.roll((-1, -1), AXES),
        **{f"{long_row}{' ' * i}": flipped.roll(step) for i, step in enumerate((1, -1, 2, -2))},
        "Both axes are rolled by what ky needs: look at the size of each axis by itself.": flipped.roll(
            [1 - ny % 2] * 2, AXES
        ),
        "Both axes are rolled by what kx needs: look at the size of each axis by itself.": flipped.roll(
            [1 - nx % 2] * 2, AXES
        ),
        "The samples are mirrored, and not conjugated.": conjugate_mirror(kspace).conj(),
        "The samples are conjugated, and not mirrored.": kspace.conj(),
        "Only ky is mirrored: k has two components, and both change their sign.": kspace.conj()
        .flip(-2)
        .roll(1 - ny % 2, -2),
        "Only kx is mirrored: k has two components, and both change their sign.": kspace.conj()
        .flip(-1)
        .roll(1 - nx % 2, -1),
        "This is the k-space as it came: a real image would not notice, a complex one does.": kspace,
        "This takes the image for real: it is the mean of k-space and its mirror, not the mirror.": (
            kspace + conjugate_mirror(kspace)
        )
        / 2,
        "The first axis of the stack is flipped too: mirror the last two only.": first_too,
        first_two: front.roll(stay, AXES),
        first_two.replace("are mirrored", "are flipped"): front,
        first_two.replace("are mirrored", "are flipped and rolled"): rolled_front,
    }


# --- partial Fourier ---


def check_partial_fourier(mine: Callable[..., Tensor]) -> None:
    """With the true phase the image comes back, and every iteration is that of the library.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for shape in ((12, 9), (2, 9, 12)):
        _check_one_size(mine, shape)
    passed("kspace", "my_partial_fourier", "with the true phase the image comes back, and measured samples stay")


def _check_one_size(mine: Callable[..., Tensor], shape: tuple[int, ...]) -> None:
    ny, nx = shape[-2:]
    phase = torch.linspace(0, 1.5, ny)[:, None] + torch.linspace(-0.5, 0.5, nx)
    phase = phase.expand(shape)
    truth = torch.exp(1j * phase) * random_complex(*shape, seed=3).real
    mask = partial_fourier_mask(ny, 0.7)
    kspace = mask * fft2c(truth)

    def answer_after(n: int) -> Tensor:
        return _answer(lambda data: mine(data, mask, phase, n_iterations=n), kspace, _advice_on_iterations)

    def right_after(n: int) -> Tensor:
        return partial_fourier(kspace, mask, phase, n_iterations=n)

    answers = {n: answer_after(n) for n in (1, 2, 20)}
    same = _distance(answers[1], answers[20]) < CLOSE and _distance(answers[1], answers[2]) < CLOSE
    zero_filled = _distance(answers[1], ifft2c(kspace)) < CLOSE
    check(not (same and zero_filled), "This is the zero-filled image: the two steps are still to be done.")
    for n in (2, 1):  # after one iteration some mistakes look alike
        mistakes = _wrong_iterations(kspace, mask, phase, n)
        reject_known_mistakes(answers[n], right_after(n), mistakes, tolerance=CLOSE)
    as_after_one = _distance(answers[1], right_after(1)) < CLOSE
    check(
        not (same and as_after_one),
        "After 1, 2 and 20 iterations your result is that of one: each round has to start from what the last one left, "
        "not from kspace again. Or does the loop run only once?",
    )
    check(
        not same,
        "n_iterations is ignored: after 1, 2 and 20 iterations your result is the same. Let the loop run that often.",
    )
    for n in (1, 2):
        for off, what in ((-1, "one less"), (1, "one more")):
            count = (
                f"After n_iterations = {n} your function has iterated {n + off} times, {what}: count the loop again."
            )
            check(_distance(answers[n], right_after(n + off)) > CLOSE, count)
    changed = float((mask * fft2c(answers[20]) - kspace).abs().max())
    check(
        changed < 1e-3,
        f"In the k-space of your result measured samples have changed by up to {changed:.2f}: step 2, which puts them "
        "back, is the last one in the loop; after the loop comes ifft2c alone.",
    )
    off = float((answers[20] - truth).abs().max())
    check(
        off < 0.05, f"The phase is known, but after 20 iterations pixels are off by {off:.2f}: what does step 1 keep?"
    )
    for n in (1, 2):
        _check_equal(answers[n], right_after(n), f"After n_iterations = {n} your image is not that of steps 1 and 2")


def _wrong_iterations(kspace: Tensor, mask: Tensor, phase: Tensor, n: int) -> dict[str, Callable[[], Tensor]]:
    """What known mistakes give after n iterations."""
    turn = torch.exp(1j * phase)

    def run(
        step: Transform,
        put_back: Transform | None = None,
        *,
        forward: Transform = fft2c,
        backward: Transform = ifft2c,
        end: Transform = ifft2c,
    ) -> Tensor:
        estimate = kspace
        for _ in range(n):
            along = forward(step(backward(estimate)))
            estimate = torch.where(mask, kspace, along) if put_back is None else put_back(along)
        return end(estimate)

    def ortho(values: Tensor) -> Tensor:
        return torch.fft.ifft2(values, norm="ortho")

    plain = {"forward": torch.fft.fft2, "backward": torch.fft.ifft2}
    first_place = "torch.fft counts from index 0, and our k-space from the middle: use fft2c and ifft2c"

    def along_phase(image: Tensor) -> Tensor:
        return turn * (turn.conj() * image).real

    def as_it_is(values: Tensor) -> Tensor:
        return values

    def image_once(end: Transform) -> Tensor:
        estimate = ifft2c(kspace)
        for _ in range(n):
            estimate = torch.where(mask, kspace, fft2c(along_phase(estimate)))
        return end(estimate)

    no_fft = "In step 2 an image stands beside k-space: take fft2c of what step 1 left"
    no_ifft = "Step 1 is done on k-space: in every round ifft2c has to make an image of it first"
    return {
        "Step 1 keeps the magnitude: it forbids negative values; keep the real part after the phase is out.": (
            lambda: run(lambda image: turn * image.abs())
        ),
        "The phase has the wrong sign: take it out with exp(-1j * phase), and put it back with exp(1j * phase).": (
            lambda: run(lambda image: turn.conj() * (turn * image).real)
        ),
        "The phase is taken out and not put back: multiply by exp(1j * phase) again.": (
            lambda: run(lambda image: (turn.conj() * image).real + 0j)
        ),
        "The phase is ignored: step 1 keeps what lies along it, not the real part of the image.": (
            lambda: run(lambda image: image.real + 0j)
        ),
        "To take the phase out, turn back: multiply by exp(-1j * phase), not by exp(1j * phase).": (
            lambda: run(lambda image: turn * (turn * image).real)
        ),
        "The measured samples are not put back: where the mask is True, k-space is known (step 2). "
        "Or does a return stand before it?": (lambda: run(along_phase, lambda along: along)),
        "The mask is the wrong way round: measured samples where it is True, the filled ones elsewhere.": (
            lambda: run(along_phase, lambda along: torch.where(mask, along, kspace))
        ),
        "Measured samples are counted twice: take them, or the filled ones, not the sum of both.": (
            lambda: run(along_phase, lambda along: kspace + along)
        ),
        "This is k-space: after the loop one ifft2c makes the image.": (
            lambda: run(along_phase, end=lambda estimate: estimate)
        ),
        f"{no_fft}.": lambda: run(along_phase, forward=as_it_is),
        f"{no_fft} in every round.": lambda: run(along_phase, forward=as_it_is, end=as_it_is),
        f"{no_ifft}.": lambda: run(along_phase, backward=as_it_is),
        f"{no_ifft}, and one after the loop.": lambda: run(along_phase, backward=as_it_is, end=as_it_is),
        f"{no_ifft}, not in the first one only.": lambda: image_once(ifft2c),
        f"{no_ifft}, not before the loop only.": lambda: image_once(as_it_is),
        f"{first_place}.": lambda: run(along_phase, **plain, end=torch.fft.ifft2),
        f"{first_place} everywhere.": lambda: run(along_phase, **plain, end=ortho),
        f"{first_place} in the loop, too.": lambda: run(along_phase, **plain),
        f"{first_place} after the loop, too.": lambda: run(along_phase, end=torch.fft.ifft2),
        "After the loop comes ifft2c, from k-space to the image, and not fft2c.": lambda: run(along_phase, end=fft2c),
        "fft2c and ifft2c are exchanged: ifft2c makes the image, fft2c k-space.": (
            lambda: run(along_phase, forward=ifft2c, backward=fft2c)
        ),
        "This is the image after step 1: step 2 comes last.": (
            lambda: along_phase(partial_fourier(kspace, mask, phase, n_iterations=n - 1))
        ),
        "Step 1 is done once more after the loop: there comes ifft2c alone.": (
            lambda: along_phase(partial_fourier(kspace, mask, phase, n_iterations=n))
        ),
        "This is the part along the phase, turned back and left there: return the image after step 2.": (
            lambda: (turn.conj() * partial_fourier(kspace, mask, phase, n_iterations=n - 1)).real + 0j
        ),
    }


# --- what all of them need ---


def _advice_on_names(error: Exception) -> str:
    """What may help where Python does not know a name."""
    name = str(getattr(error, "name", "") or "")
    places = {"torch.fft": torch.fft, "torch": torch}
    for place, module in places.items():
        if name and isinstance(error, NameError) and hasattr(module, name):
            return f"Its full name is {place}.{name}."
    return "Is a name misspelled, or used before it was given a value?"


def _advice_on_axes(error: Exception) -> str:
    """What may help a function of images that stopped."""
    if isinstance(error, (AttributeError, NameError)):
        return _advice_on_names(error)
    if "'axes'" in str(error) or "'axis'" in str(error):
        return "PyTorch calls the axes dim: dim=(-2, -1)."
    if "step must be" in str(error):
        return "PyTorch knows no negative step: kspace.flip(-2, -1) reads both axes backwards."
    if isinstance(error, TypeError):
        return "Compare the call that it names with the hints."
    return "It has to take single images and stacks: count axes from the end, -2 and -1."


def _advice_on_iterations(error: Exception) -> str:
    """What may help a function with a mask and a number of iterations that stopped."""
    if isinstance(error, (AttributeError, NameError)):
        return _advice_on_names(error)
    if isinstance(error, TypeError) and "argument" in str(error):
        return "Keep its first line as it was: def my_partial_fourier(kspace, mask, phase, n_iterations=20)."
    if isinstance(error, (IndexError, ValueError)):
        return (
            "The mask has the shape (ky, 1): torch.where(mask, kspace, filled) stretches it over kx and over a stack, "
            "and an index does not."
        )
    return "Image, phase and k-space have the same shape, and the mask is (ky, 1): which line mixes something else in?"


def _answer(mine: Transform, values: Tensor, advice: Callable[[Exception], str] = _advice_on_axes) -> Tensor:
    """What a learner's function makes of a tensor, of the same shape and complex; the tensor has to stay as it is."""
    before = values.clone()
    try:
        answer = mine(values)
    except OneSentence:
        raise
    except Exception as error:
        kind = "a single image" if values.ndim == 2 else "a stack of images"
        said = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        sentence = f"For {kind}, shape {tuple(values.shape)}, your function stops ({said})"
        raise CheckFailed(f"{sentence}. {advice(error)}") from error
    check_tensor(answer, values.shape, is_complex=True)
    check(torch.equal(values, before), "Your function changes what it was given: make a new tensor instead.")
    return answer


def _distance(answer: Tensor, right: Tensor) -> float:
    return float((answer - right).abs().max() / right.abs().max())


def _check_equal(answer: Tensor, right: Tensor, sentence: str) -> None:
    distance = _distance(answer, right)
    check(distance < CLOSE, f"{sentence}: entries differ by up to {100 * distance:.0f} % of the largest.")
