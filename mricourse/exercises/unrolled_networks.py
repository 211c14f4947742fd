"""Checks of the exercises on unrolled networks: ISTA-Net, an iteration in k-space, power iteration, plug and play."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import CheckFailed, asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.sparsity import soft_threshold
from mricourse.simulate.coils import simulate_coils

LESSON = "unrolled_networks"
NY, NX = 27, 22  # odd, and not square
CLOSE = 1e-4

Product = Callable[[Tensor], Tensor]


def _scan(seed: int) -> tuple[SenseOperator, Tensor]:
    A = SenseOperator(simulate_coils(3, (NY, NX), seed=seed), random_mask(NY, 2, acs=6))
    return A, A.forward(random_complex(NY, NX, seed=seed)) + 0.1 * A.mask * random_complex(3, NY, NX, seed=seed + 1)


# --- an iteration of ISTA-Net ---

NO_CODE = {"Expected both inputs": "`decode` takes a code, what `code` has made of an image, and an image came."}


def check_ista_iteration(mine: Callable[..., Tensor]) -> None:
    """Data step, code, soft threshold, way back, and the sum, for two transforms.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for code, decode, step_size, threshold in ((_code, _decode, 0.7, 0.2), (_turned, _turned_back, 1.6, 0.35)):
        A, kspace = _scan(3)
        image = random_complex(NY, NX, seed=5)
        answer = asked(mine, A, kspace, image, step_size, threshold, code, decode, advice=NO_CODE)
        check_tensor(answer, (NY, NX), is_complex=True)
        stepped = image - step_size * (A.normal(image) - A.adjoint(kspace))
        right = stepped + decode(soft_threshold(code(stepped), threshold))
        wrong = _wrong_iterations(A, kspace, image, step_size, threshold, code, decode)
        reject_known_mistakes(answer, right, wrong, tolerance=CLOSE)
        _close(answer, right, "Your image is off by {:.2g} of it: compare the two equations with your lines, in order.")
    passed(LESSON, "my_ista_iteration", "data step, code, threshold, way back, for two transforms")


def _code(image: Tensor) -> Tensor:
    """Three features: both parts and a difference; (y, x) -> (3, y, x)."""
    return torch.stack([image.real, image.imag, image.real - image.real.roll(1, 0)])


def _decode(code: Tensor) -> Tensor:
    return torch.complex(code[0] - 0.4 * code[2], code[1] + 0.3 * code[2])


def _turned(image: Tensor) -> Tensor:
    return torch.stack([0.6 * image.real + 0.8 * image.imag, -0.8 * image.real + 0.6 * image.imag])


def _turned_back(code: Tensor) -> Tensor:
    return torch.complex(0.6 * code[0] - 0.8 * code[1], 0.8 * code[0] + 0.6 * code[1])


def _wrong_iterations(
    A: SenseOperator,
    kspace: Tensor,
    image: Tensor,
    step_size: float,
    threshold: float,
    code: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
) -> dict[str, Tensor]:
    misfit = A.normal(image) - A.adjoint(kspace)
    stepped = image - step_size * misfit
    uphill = image + step_size * misfit
    values = code(stepped)
    prior = decode(soft_threshold(values, threshold))
    plain = decode(values)
    old = decode(soft_threshold(code(image), threshold))

    def after(r: Tensor) -> Tensor:
        return r + decode(soft_threshold(code(r), threshold))

    return {
        "The code is that of the image that came in: the prior step works on r, after the data step.": stepped + old,
        "r is missing: what comes back from the code is added to it.": prior,
        "The result is added to the image that came in; it belongs to r, after the data step.": image + prior,
        "The result is subtracted from r; it is added.": stepped - prior,
        "The data step goes uphill: the misfit is subtracted.": after(uphill),
        "The step size is missing in the data step.": after(image - misfit),
        "The data step ends with the misfit itself: subtract it from the image.": after(step_size * misfit),
        "The data are missing in the data step: the misfit is AᴴA x minus A.adjoint(kspace).": after(
            image - step_size * A.normal(image)
        ),
        "The data have the wrong sign in the misfit: it is AᴴA x minus A.adjoint(kspace).": after(
            image - step_size * (A.normal(image) + A.adjoint(kspace))
        ),
        "Brackets are missing: the step size multiplies the whole misfit, and all of it is subtracted.": after(
            image - step_size * A.normal(image) - A.adjoint(kspace)
        ),
        "Brackets are missing: the step size multiplies both parts of the misfit.": after(
            image - A.normal(image) + step_size * A.adjoint(kspace)
        ),
        "The step size multiplies AᴴA x alone; it belongs to the whole misfit.": after(
            image - step_size * A.normal(image) + A.adjoint(kspace)
        ),
        "There is no threshold: `decode` gets the code as it was.": stepped + plain,
        "The code below the threshold is made zero, but the rest is not moved: that is a hard threshold.": stepped
        + decode(torch.where(values.abs() > threshold, values, 0)),
        "This threshold keeps positive codes only: negative ones move towards zero as well.": stepped
        + decode((values - threshold).clamp_min(0)),
        "This keeps what is below the threshold, and throws away the rest.": stepped
        + decode(values.clamp(-threshold, threshold)),
        "The threshold is multiplied by the step size; here it comes as it is to be used.": stepped
        + decode(soft_threshold(values, step_size * threshold)),
        "The image is thresholded before its code is taken: the threshold belongs between `code` and `decode`.": stepped
        + decode(code(soft_threshold(stepped, threshold))),
        "The image is thresholded after `decode`: the threshold belongs between `code` and `decode`.": stepped
        + soft_threshold(plain, threshold),
        "This is r, the data step alone.": stepped,
        "This is the prior step alone: the data step is missing.": image + old,
    }


# --- an iteration in k-space ---


def check_cascade(mine: Callable[..., Tensor]) -> None:
    """The data step on measured samples, the prior step on the combined image, in k-space of all coils.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for seed, step_size in ((3, 0.6), (8, 1.3)):
        A, measured = _scan(seed)
        kspace = random_complex(3, NY, NX, seed=seed + 5)
        answer = asked(mine, kspace, measured, A.mask, A.smaps, _refine, step_size)
        check_tensor(answer, kspace.shape, is_complex=True)
        right, wrong = _cascades(kspace, measured, A, step_size)
        reject_known_mistakes(answer, right, wrong, tolerance=CLOSE)
        _close(
            answer, right, "Your k-space is off by {:.2g} of it: compare the equation with your lines, term by term."
        )
    passed(LESSON, "my_cascade", "measured samples are pulled towards the data, and the correction reaches all coils")


def _refine(image: Tensor) -> Tensor:
    """No linear function, so that its place in the equation is noticed."""
    check(
        isinstance(image, Tensor) and image.shape == (NY, NX),
        f"`refine` gets {tuple(getattr(image, 'shape', ()))}; it takes one image, {NY, NX}: combine the coils first.",
    )
    return 0.3 * image * image.abs() + 0.1 * image.roll(2, 0)


def _cascades(kspace: Tensor, measured: Tensor, A: SenseOperator, step_size: float) -> tuple[Tensor, dict[str, Tensor]]:
    smaps, mask = A.smaps, A.mask
    image = (smaps.conj() * ifft2c(kspace)).sum(-3)
    correction = fft2c(smaps * _refine(image))
    pull = step_size * mask * (kspace - measured)
    plain = (smaps * ifft2c(kspace)).sum(-3)
    sums = ifft2c(kspace).sum(-3)
    exchanged = (smaps.conj() * fft2c(kspace)).sum(-3)
    stepped = (smaps.conj() * ifft2c(kspace - pull)).sum(-3)

    def with_image(other: Tensor) -> Tensor:
        return kspace - pull - fft2c(smaps * _refine(other))

    right = kspace - pull - correction
    return right, {
        "The data step is missing.": kspace - correction,
        "The correction is missing: this is the data step alone.": kspace - pull,
        "The correction is added; the equation subtracts it.": kspace - pull + correction,
        "The data step goes the wrong way: away from the measured samples.": kspace + pull - correction,
        "The mask is missing: samples that were never measured are pulled to zero.": kspace
        - step_size * (kspace - measured)
        - correction,
        "The mask is the wrong way round: the measured samples are to be pulled.": kspace
        - step_size * (~mask) * (kspace - measured)
        - correction,
        "The step size is missing.": kspace - mask * (kspace - measured) - correction,
        "The measured samples are put in as they are: the step size says how far they are pulled.": torch.where(
            mask, measured, kspace
        )
        - correction,
        "The correction is masked; it is made for the samples that were not measured, too.": kspace
        - pull
        - mask * correction,
        "The step size multiplies the correction as well.": kspace - pull - step_size * correction,
        "The maps are not conjugated where the coils are combined.": with_image(plain),
        "The coils are added without their maps.": with_image(sums),
        "fft2c and ifft2c have changed places on the way to the image.": with_image(exchanged),
        "`refine` sees the k-space after the data step; in the equation both see the one that came in.": with_image(
            stepped
        ),
        "The maps are missing on the way back: each coil sees the correction through its map.": kspace
        - pull
        - fft2c(_refine(image)).expand(kspace.shape),
        "The correction is still an image: it goes to k-space with fft2c.": kspace - pull - smaps * _refine(image),
        "ifft2c stands on the way back; to k-space it is fft2c.": kspace - pull - ifft2c(smaps * _refine(image)),
        "The maps are conjugated on the way back: only where coils are combined.": kspace
        - pull
        - fft2c(smaps.conj() * _refine(image)),
        "`refine` gives the error of the image, and here its result is subtracted from the image first.": kspace
        - pull
        - fft2c(smaps * (image - _refine(image))),
        "`refine` works on the measured data, not on the k-space of this iteration.": with_image(
            (smaps.conj() * ifft2c(measured)).sum(-3)
        ),
        "This is the correction alone.": correction,
        "`refine` is missing: its result goes back to the coils, not the image itself.": kspace
        - pull
        - fft2c(smaps * image),
        "The coils are combined in k-space: ifft2c makes coil images of it first.": with_image(
            (smaps.conj() * kspace).sum(-3)
        ),
        "The coils are combined by the root sum of squares; here by the conjugate maps, and added up.": with_image(
            ifft2c(kspace).abs().square().sum(-3).sqrt()
        ),
    }


# --- power iteration ---


def check_lipschitz(mine: Callable[[Product, Product, Tensor, int], Tensor]) -> None:
    """The largest singular value of matrices that also turn, from below, by as many products as asked for.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for seed, largest in ((1, 2.5), (2, 0.8)):
        matrix = _matrix(seed, largest)
        start = random_complex(5, 4, seed=seed)
        calls = {"push": 0, "pull": 0}
        answer = _number(mine, *_products(matrix, calls), start, 200)
        check(calls["push"] > 0, "Your function never calls `push`.")
        known = _wrong_growths(matrix, start, largest)
        reject_known_mistakes(answer, torch.tensor(largest, dtype=torch.float64), known, tolerance=2e-3)
        off = abs(float(answer) - largest)
        check(off < 2e-3 * largest, f"The largest growth of this matrix is {largest}; yours is {float(answer):.4g}.")
        check(
            calls["pull"] > 0, "Your function never calls `pull`: J alone, without its transpose, may turn v forever."
        )
        check(150 < calls["push"] < 250, f"For 200 iterations `push` is called {calls['push']} times; expected 200.")
        early = [float(_number(mine, *_products(matrix, {"push": 0, "pull": 0}), start, n)) for n in (1, 2)]
        possible = _growths(matrix, start, 3)
        _not_the_root(early, matrix, start)
        check(
            min(abs(early[0] - each) for each in possible[:2]) < 1e-4 * largest
            and min(abs(early[1] - each) for each in possible[1:]) < 1e-4 * largest,
            f"After 1 and 2 iterations yours are {early[0]:.4g} and {early[1]:.4g}; expected {possible[0]:.4g} and "
            f"{possible[1]:.4g}: begin with `start`, and make v 1 long before each push.",
        )
    passed(LESSON, "my_lipschitz", "finds the largest growth of matrices that turn, from below")


def _not_the_root(early: list[float], matrix: Tensor, start: Tensor) -> None:
    """Refuse the root of the growth there and back, which is right only in the end."""
    v = start.to(matrix.dtype).flatten()
    there_and_back = float((matrix.mH @ (matrix @ (v / v.norm()))).norm())
    check(
        abs(early[0] - there_and_back**0.5) > 1e-4 * early[0],
        "After 1 iteration yours is the root of the length after `pull`: return the length after `push`.",
    )


def _matrix(seed: int, largest: float) -> Tensor:
    """Singular values from `largest` down, in directions drawn at random: (20, 20), complex, in double precision."""
    left, right = (
        torch.linalg.qr(random_complex(20, 20, seed=10 * seed + n, dtype=torch.complex128))[0] for n in (0, 1)
    )
    return left @ torch.diag(largest * 0.8 ** torch.arange(20)).to(left.dtype) @ right


def _products(matrix: Tensor, calls: dict[str, int]) -> tuple[Product, Product]:
    def product(name: str, factor: Tensor) -> Product:
        def apply(image: Tensor) -> Tensor:
            check(
                isinstance(image, Tensor) and image.shape == (5, 4), f"`{name}` gets no image of the shape of `start`."
            )
            calls[name] += 1
            return (factor @ image.to(factor.dtype).flatten()).reshape(5, 4)

        return apply

    return product("push", matrix), product("pull", matrix.mH)


def _growths(matrix: Tensor, start: Tensor, n: int) -> list[float]:
    """What 1, 2, ..., n iterations find."""
    v, found = start.to(matrix.dtype).flatten(), []
    for _ in range(n):
        pushed = matrix @ (v / v.norm())
        found.append(float(pushed.norm()))
        v = matrix.mH @ pushed
    return found


def _wrong_growths(matrix: Tensor, start: Tensor, largest: float) -> dict[str, Tensor]:
    v = start.to(matrix.dtype).flatten()
    for _ in range(200):
        v = matrix @ (v / v.norm())
    first = _growths(matrix, start, 1)[0]
    back = start.to(matrix.dtype).flatten()
    for _ in range(200):
        back = back / back.norm()
        pushed, back = matrix @ back, matrix.mH @ back
    found = {
        "`pull` works on v here: give it what `push` has made of v.": float(pushed.norm()),
        "This is the growth there and back, its square: return the length after `push`.": largest**2,
        "This is the growth of `start` alone: go on with what `pull` gives.": first,
        "This is the square of the growth of `start`: one iteration, there and back.": float(
            (matrix.mH @ (matrix @ (start.to(matrix.dtype).flatten() / start.norm()))).norm()
        ),
        "This is what J alone leads to: after each `push` comes a `pull`.": float(v.norm()),
        "This is 1, the length of v: return that of `push(v)`.": 1.0,
    }
    return {sentence: torch.tensor(value, dtype=torch.float64) for sentence, value in found.items()}


def _number(mine: Callable, *arguments: object) -> Tensor:
    answer = asked(mine, *arguments)
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    check(
        isinstance(answer, int | float | Tensor), f"Your function returns a {type(answer).__name__}; expected a number."
    )
    answer = torch.as_tensor(answer)
    check(answer.numel() == 1, f"Your result has the shape {tuple(answer.shape)}; expected one number, a length.")
    check(not answer.is_complex(), "Your result is complex; expected a length, a real number.")
    answer = answer.reshape(()).to(torch.float64)
    check(
        bool(torch.isfinite(answer)),
        "Your result is infinite or not a number: v grows with every product. Make it 1 long before each push.",
    )
    return answer


# --- plug and play ---


def check_plug_and_play(mine: Callable[..., tuple[Tensor, list[float]]]) -> None:
    """The image of the proximal gradient's iteration, and its relative changes.

    Raises
    ------
    CheckFailed
        With one sentence that says what is wrong.
    """
    for seed, step_size, n_iterations in ((3, 0.7, 4), (8, 1.2, 3)):
        A, kspace = _scan(seed)
        answer = asked(mine, A, kspace, _denoise, step_size, n_iterations)
        check(answer is not None, "Your function returns nothing: is the `return` missing?")
        check(
            isinstance(answer, tuple) and len(answer) == 2,
            "Your function should return two things, the image and the list of changes: `return image, changes`.",
        )
        image, changes = answer
        check_tensor(image, (NY, NX), is_complex=True)
        right, right_changes, wrong = _played(A, kspace, step_size, n_iterations)
        reject_known_mistakes(image, right, wrong, tolerance=CLOSE)
        _close(image, right, "Your image is off by {:.2g} of it: data step, then denoiser, from the zero-filled image.")
        _check_changes(changes, right_changes)
    passed(LESSON, "my_plug_and_play", "data step and denoiser by turns, with the change of every iteration")


def _denoise(image: Tensor) -> Tensor:
    """Neither linear nor homogeneous, and no identity."""
    mean = (image + image.roll(1, 0) + image.roll(1, 1)) / 3
    return 0.7 * mean + 0.1 * image / (1 + image.abs())


def _played(
    A: SenseOperator, kspace: Tensor, step_size: float, n_iterations: int
) -> tuple[Tensor, dict[str, list[float]], dict[str, Tensor]]:
    zero_filled = A.adjoint(kspace)

    def data(x: Tensor, step: float = step_size) -> Tensor:
        return x - step * (A.normal(x) - zero_filled)

    def run(one: Callable[[Tensor], Tensor], start: Tensor = zero_filled, n: int = n_iterations) -> list[Tensor]:
        images = [start]
        for _ in range(n):
            images.append(one(images[-1]))
        return images

    path = run(lambda x: _denoise(data(x)))
    steps = list(zip(path[:-1], path[1:], strict=True))
    lengths = [float((new - old).norm()) for old, new in steps]
    changes = {
        "right": [length / float(new.norm()) for length, (_, new) in zip(lengths, steps, strict=True)],
        "The changes are not relative: divide by the norm of the new image.": lengths,
        "The changes are squared: take the norms, not their squares.": [
            (length / float(new.norm())) ** 2 for length, (_, new) in zip(lengths, steps, strict=True)
        ],
        "The changes are divided by the norm of the old image; the new one was asked for.": [
            length / float(old.norm()) for length, (old, _) in zip(lengths, steps, strict=True)
        ],
        "The changes are all measured from the start: each iteration is compared with the one before.": [
            float((new - path[0]).norm() / new.norm()) for _, new in steps
        ],
    }
    changed = zero_filled - step_size * (A.normal(zero_filled) - zero_filled)
    spoilt = run(
        lambda x: _denoise(x - step_size * (A.normal(x) - changed)), start=_denoise(changed), n=n_iterations - 1
    )
    wrong = {
        "The denoiser comes before the data step; here it comes after it.": run(lambda x: data(_denoise(x)))[-1],
        "The data step goes uphill: the misfit is subtracted.": run(lambda x: _denoise(data(x, -step_size)))[-1],
        "The step size is missing.": run(lambda x: _denoise(data(x, 1.0)))[-1],
        "The data are missing in the data step.": run(lambda x: _denoise(x - step_size * A.normal(x)))[-1],
        "There is no denoiser in your iteration.": run(data)[-1],
        "There is no data step in your iteration.": run(_denoise)[-1],
        "You begin with a black image; expected the zero-filled one.": run(
            lambda x: _denoise(data(x)), torch.zeros_like(zero_filled)
        )[-1],
        "You make one iteration more than asked for.": run(lambda x: _denoise(data(x)), n=n_iterations + 1)[-1],
        "You make one iteration less than asked for.": path[-2],
        "Each iteration begins with the zero-filled image again: go on with the image of the last one.": path[1],
        "The denoiser's result is added to r; here it is the new image.": run(lambda x: data(x) + _denoise(data(x)))[
            -1
        ],
        "Your data step changes the zero-filled image itself, with `-=`: write `image = image - ...`.": spoilt[-1],
    }
    return path[-1], changes, wrong


def _check_changes(changes: object, known: Mapping[str, list[float]]) -> None:
    right = known["right"]
    check(
        isinstance(changes, list | tuple | Tensor) and not isinstance(changes, str),
        f"The second thing that you return is a {type(changes).__name__}; expected a list of numbers.",
    )
    check(len(changes) == len(right), f"You return {len(changes)} changes for {len(right)} iterations.")
    numbers = all(isinstance(each, int | float | Tensor) and torch.as_tensor(each).numel() == 1 for each in changes)
    check(numbers, "Your list holds something else than numbers; expected a relative change, one number an iteration.")
    values = [float(torch.as_tensor(each).abs()) for each in changes]
    for sentence, numbers in known.items():
        same = max(abs(a - b) for a, b in zip(values, numbers, strict=True)) < CLOSE * max(numbers)
        if same and sentence == "right":
            return
        check(not same, sentence)
    raise CheckFailed(
        f"Your first change is {values[0]:.4g}; expected {right[0]:.4g}, that from x₀ to x₁ relative to x₁."
    )


def _close(answer: Tensor, right: Tensor, sentence: str) -> None:
    off = float((answer - right).norm() / right.norm())
    check(off < CLOSE, sentence.format(off))
