"""Checks of the exercises on MoDL: data consistency, the gradient of lambda, the unrolled network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from mricourse.classroom.exercise_checks import asked, check, check_tensor, passed, reject_known_mistakes
from mricourse.evaluation.metrics import psnr
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask, random_mask
from mricourse.reconstruct.least_squares import conjugate_gradient
from mricourse.simulate.coils import simulate_coils

LESSON = "modl"
NY, NX = 45, 38  # odd, and not square
CLOSE = 2e-3  # how far a right answer may be from the library's, relative

UNCALLABLE = "The operator A itself is no function: give the solver the function A.normal."
NOT_KSPACE = "A.adjoint came to an image; it takes the k-space. Does the solver have A.normal as its function?"
NOT_NORMAL = "The solver was given a function that makes no image of an image: it wants A.normal."
CALLED = (
    "Something is called that is no function: the solver wants the function A.normal itself, not its result "
    "A.normal(...), and a tensor has no brackets."
)
NOT_VECTORS = "torch.vdot takes vectors: give it v.flatten() and (prior - image).flatten()."
NOT_MATRICES = "@ multiplies matrices. The inner product multiplies pixel by pixel, with *, and adds all of them up."
NOT_IMAGES = "data_consistency takes images: give it the zero-filled one, A.adjoint(kspace), not the k-space."

ADVICE = {
    "'SenseOperator' object is not callable": UNCALLABLE,
    "object is not callable": CALLED,
    "1D tensors expected": NOT_VECTORS,
    "mat1 and mat2": NOT_MATRICES,
    "expected two images": NOT_IMAGES,
    "prior has shape": NOT_IMAGES,
    "zero_filled has shape": NOT_IMAGES,
    "kspace has shape": NOT_KSPACE,
    "normal made": NOT_NORMAL,
}
_asked = partial(asked, advice=ADVICE)

DataConsistency = Callable[[SenseOperator, Tensor, Tensor, float], Tensor]
Denoiser = Callable[[Tensor], Tensor]


# --- data consistency ---


def check_data_consistency(mine: DataConsistency) -> None:
    r"""Check a solution of $(A^H A + \lambda I)\, x = A^H y + \lambda z$: its limits, its equation, known mistakes.

    Parameters
    ----------
    mine : callable
        ``mine(A, kspace, prior, reg_weight)``: operator, (coils, ky, kx), (y, x), float -> (y, x).

    Raises
    ------
    CheckFailed
        With a sentence that names the mistake where it is a known one.
    """
    prior = random_complex(NY, NX, seed=1)
    truth = random_complex(NY, NX, seed=2)
    smaps = simulate_coils(5, (NY, NX), seed=3)
    A = SenseOperator(smaps, equispaced_mask(NY, 3, acs=9))
    kspace = A.forward(truth) + 0.1 * A.mask * random_complex(5, NY, NX, seed=4)
    answer = _asked(mine, A, kspace, prior, 0.05)
    check(
        not isinstance(answer, Tensor) or answer.shape != kspace.shape,
        f"Your result has the shape {tuple(kspace.shape)}, one layer for each coil; expected one image, {NY, NX}. Is "
        "the k-space itself on the right-hand side? There it is A.adjoint(kspace), an image.",
    )
    check_tensor(answer, (NY, NX), is_complex=True)
    right = _consistent(A, A.adjoint(kspace) + 0.05 * prior, 0.05)
    reject_known_mistakes(answer, right, _mistakes_of_consistency(A, kspace, prior, 0.05, right), tolerance=CLOSE)
    rhs = A.adjoint(kspace) + 0.05 * prior
    check(
        (A.normal(answer) - rhs).norm() > 0.3 * (A.normal(answer) + 0.05 * answer - rhs).norm(),
        "The matrix lacks λ: give `conjugate_gradient` the argument reg_weight=reg_weight.",
    )
    check(
        _apart(answer, right) < CLOSE,
        "Your x does not solve (AᴴA + λI) x = Aᴴy + λz. Compare the right-hand side with the formula, term by term.",
    )
    check(
        _apart(_asked(mine, A, kspace, prior, 1e5), prior) < CLOSE,
        "For a huge λ your x should be z, and is not: λ is missing in the matrix or in front of z.",
    )
    full = SenseOperator(smaps, torch.ones(NY, 1, dtype=torch.bool))
    check(
        _apart(_asked(mine, full, full.forward(truth), prior, 1e-5), truth) < CLOSE,
        "With all lines, no noise and a tiny λ your x should be the true image, and is not.",
    )
    passed(
        LESSON, "my_data_consistency", "solves the equation; a huge λ returns z, a tiny one with all lines the truth"
    )


def _mistakes_of_consistency(
    A: SenseOperator, kspace: Tensor, prior: Tensor, weight: float, right: Tensor
) -> dict[str, Callable[[], Tensor]]:
    zero_filled = A.adjoint(kspace)
    rhs = zero_filled + weight * prior
    solve = partial(_consistent, A)
    own = fft2c(A.smaps * prior)
    replaced = torch.where(A.mask, (kspace + weight * own) / (1 + weight), own)
    early = partial(conjugate_gradient, A.normal, rhs, reg_weight=weight)
    mistakes = {
        "λ is missing on the right-hand side: it multiplies z there.": lambda: solve(zero_filled + prior, weight),
        "λ multiplies the data; on the right-hand side it belongs to z.": lambda: solve(
            weight * zero_filled + prior, weight
        ),
        "z is missing: the right-hand side is Aᴴy + λz, not Aᴴy alone.": lambda: solve(zero_filled, weight),
        "The data are missing: the right-hand side is Aᴴy + λz, not λz alone.": lambda: solve(weight * prior, weight),
        "The sign of λz is wrong: on the right-hand side it is added.": lambda: solve(
            zero_filled - weight * prior, weight
        ),
        "λ stands twice in the matrix: `conjugate_gradient` adds λI to `normal` by itself.": lambda: solve(
            rhs, 2 * weight
        ),
        "The data went through AᴴA twice: the right-hand side needs A.adjoint(kspace), once.": lambda: solve(
            A.normal(zero_filled) + weight * prior, weight
        ),
        "This is the right-hand side; the equation (AᴴA + λI) x = Aᴴy + λz still has to be solved.": lambda: rhs,
        "Dividing by 1 + λ solves the equation only where AᴴA = I, with all lines; here it takes a solver.": lambda: (
            rhs / (1 + weight)
        ),
        "This replaces samples coil by coil. That is right for one uniform coil; several coils need the solver.": (
            lambda: (A.smaps.conj() * ifft2c(replaced)).sum(-3)
        ),
        "The result lost its imaginary part: images are complex.": lambda: right.real + 0j,
        "This is the change of z alone: add z to it.": lambda: right - prior,
    }
    stopped = "Conjugate gradients were stopped too early: give them n_iterations=30."
    return mistakes | {f"{stopped} (yours made {n})": partial(early, n_iterations=n) for n in (1, 2, 3, 5)}


# --- the gradient of lambda ---


def check_reg_weight_gradient(mine: Callable[[SenseOperator, Tensor, Tensor, Tensor, float], float]) -> None:
    r"""Check $\partial L / \partial\lambda = \mathrm{Re}\langle v, z - x\rangle$ against finite differences.

    Parameters
    ----------
    mine : callable
        ``mine(A, prior, image, grad, reg_weight)``: operator, three images (y, x), float -> a real number.

    Raises
    ------
    CheckFailed
        With a sentence that names the mistake where it is a known one.
    """
    double = torch.complex128
    A = SenseOperator(random_complex(2, 7, 6, seed=3, dtype=double), random_mask(7, 2, acs=1))
    goal, truth = random_complex(7, 6, seed=1, dtype=double), random_complex(7, 6, seed=2, dtype=double)
    other = random_complex(7, 6, seed=0, dtype=double)
    rhs = A.normal(truth)
    for prior, weight in ((other, 0.05), (other, 0.8), (truth, 0.3)):
        image = _consistent(A, rhs + weight * prior, weight)
        slope = _slope(A, rhs, prior, goal, weight)
        answer = _number(_asked(mine, A, prior, image, image - goal, weight))
        mistakes = _mistakes_of_gradient(A, prior, image, image - goal, weight)
        wanted = torch.tensor(slope, dtype=torch.float64)
        reject_known_mistakes(torch.tensor(answer, dtype=torch.float64), wanted, mistakes, tolerance=1e-5)
        if abs(slope) < 1e-6:
            sentence = f"Here z explains the data, so x = z and the gradient is 0; yours is {answer:.4g}."
        else:
            sentence = f"At λ = {weight} the slope by finite differences is {slope:.4f}; yours is {answer:.4f}."
        close = abs(slope - answer)
        check(
            not 1e-5 * (1 + abs(slope)) <= close < 1e-2 * abs(slope),
            f"{sentence} So close, v is not solved for well enough: n_iterations=100, tolerance=1e-12.",
        )
        check(close < 1e-5 * (1 + abs(slope)), sentence)
    passed(
        LESSON, "my_reg_weight_gradient", "equals the slope by finite differences, at two values of λ; 0 where x = z"
    )


def _slope(A: SenseOperator, rhs: Tensor, prior: Tensor, goal: Tensor, weight: float, step: float = 1e-5) -> float:
    """Slope of L = ||x - goal||² / 2 in lambda, by central differences."""

    def loss(at: float) -> Tensor:
        return (_consistent(A, rhs + at * prior, at) - goal).abs().square().sum() / 2

    return float((loss(weight + step) - loss(weight - step)) / (2 * step))


def _mistakes_of_gradient(
    A: SenseOperator, prior: Tensor, image: Tensor, grad: Tensor, weight: float
) -> dict[str, Tensor]:
    v = _consistent(A, grad, weight)
    early: list[Tensor] = []
    conjugate_gradient(A.normal, grad, reg_weight=weight, n_iterations=40, tolerance=0.0, trace=early.append)

    def inner(a: Tensor, b: Tensor) -> Tensor:
        return (a.conj() * b).sum()

    change = prior - image
    applied = A.normal(grad) + weight * grad
    stopped = "v is not solved for well enough: give the solver n_iterations=100, tolerance=1e-12."
    roughly = {
        f"{stopped} (yours made {n} iterations)": inner(rough, change).real for n, rough in enumerate(early, start=1)
    }
    right = inner(v, change).real
    too_early = {
        sentence: wrong for sentence, wrong in roughly.items() if (wrong - right).abs() > 1e-4 * (1 + right.abs())
    }
    mistakes = {
        "This is ⟨v, z⟩ alone, the sign trap: λ stands in the matrix too, which gives the part -⟨v, x⟩.": inner(
            v, prior
        ).real,
        "This is the matrix's part, -⟨v, x⟩; the right-hand side gives ⟨v, z⟩ as well.": -inner(v, image).real,
        "The sign is the wrong way round: it is z - x, not x - z.": -inner(v, change).real,
        "The two parts are subtracted, not added: it is z - x.": inner(v, prior + image).real,
        "g has to be solved for first: v is the solution of (AᴴA + λI) v = g.": inner(grad, change).real,
        "λ is missing in the solve for v: give it reg_weight=reg_weight.": inner(
            _consistent(A, grad, 0.0), change
        ).real,
        "This applies the matrix to g; v is the solution of (AᴴA + λI) v = g.": inner(applied, change).real,
        "The conjugate is missing in the inner product: ⟨v, u⟩ = Σ conj(v) u.": (v * change).sum().real,
        "This is the magnitude of the inner product; take its real part, which has a sign.": inner(v, change).abs(),
        "This is the imaginary part of the inner product; take its real part.": inner(v, change).imag,
        "The gradient of λ has no factor λ; that of z has.": weight * inner(v, change).real,
        "The inner product is a sum over the pixels, not a mean.": inner(v, change).real / v.numel(),
        "A factor 2 is too many: the loss already put its own into g.": 2 * inner(v, change).real,
        "The inner product multiplies complex numbers; do not take magnitudes first.": (v.abs() * change.abs()).sum(),
    }
    return mistakes | too_early


def _number(answer: object) -> float:
    """The learner's real number, or a sentence that says what came instead."""
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    if isinstance(answer, Tensor):
        check(
            answer.numel() == 1,
            f"Your result has the shape {tuple(answer.shape)}; expected one number: is a sum missing?",
        )
        check(not answer.is_complex(), "Your number is complex; the gradient of a real λ is real: take .real.")
        answer = answer.item()
    check(not isinstance(answer, complex), "Your number is complex; the gradient of a real λ is real: take .real.")
    check(
        isinstance(answer, float | int),
        f"Your function returns something of type {type(answer).__name__}, not a number.",
    )
    check(answer == answer and abs(answer) < float("inf"), "Your number is infinite or not a number (NaN).")
    return float(answer)


# --- the unrolled network ---


class _Recorder:
    """A denoiser that remembers what it was asked: it blurs, so that every other order of the steps shows."""

    def __init__(self) -> None:
        self.asked: list[Tensor] = []

    def __call__(self, image: Tensor) -> Tensor:
        self.asked.append(image)
        return (image + image.roll(1, -1) + image.roll(2, -2)) / 3


def check_modl(mine: Callable[[SenseOperator, Tensor, Denoiser, Tensor, int], Tensor]) -> None:
    """Check an unrolled MoDL: what the denoiser is asked, how often, and the image at the end.

    Parameters
    ----------
    mine : callable
        ``mine(A, kspace, denoiser, reg_weight, n_iterations)`` -> (y, x).

    Raises
    ------
    CheckFailed
        With a sentence that names the mistake where it is a known one.
    """
    A, kspace = _small_scan()
    weight = torch.tensor(0.5)
    zero_filled = A.adjoint(kspace)
    for n_iterations in (3, 1):
        denoiser = _Recorder()
        answer = _asked(mine, A, kspace, denoiser, weight, n_iterations)
        check_tensor(answer, (NY, NX), is_complex=True)
        path = _iterates(A, zero_filled, _Recorder(), weight, n_iterations)
        n_asked = len(denoiser.asked)
        check(
            n_iterations == 1 or n_asked != 1 or _apart(answer, path[1]) > CLOSE,
            f"With n_iterations = {n_iterations} the denoiser was asked once, and the image is that of one round: is "
            "the `return` inside the loop, the denoiser outside it, or n_iterations not used?",
        )
        mistakes = _mistakes_of_unrolling(A, zero_filled, weight, n_iterations, path)
        reject_known_mistakes(answer, path[-1], mistakes, tolerance=CLOSE)
        check(n_asked > 0, "The denoiser was never asked: each round begins with denoiser(image).")
        check(
            _apart(denoiser.asked[0], zero_filled) < CLOSE,
            "The first image that the denoiser sees should be the zero-filled one, A.adjoint(kspace).",
        )
        check(
            n_asked == n_iterations,
            f"With n_iterations = {n_iterations} the denoiser is asked so often; yours was asked {n_asked} times.",
        )
        check(
            _apart(answer, path[-1]) < CLOSE,
            "Your image differs from MoDL's. What changes from one round to the next, and what stays as it is?",
        )
    passed(LESSON, "my_modl", "K = 1 and K = 3: the denoiser is asked K times, and the image is MoDL's")


def check_psnr_by_iteration(
    mine: Callable[[SenseOperator, Tensor, Denoiser, Tensor, int, Tensor], Sequence[float]],
) -> None:
    """Check the PSNR of every image of an unrolled MoDL, from the zero-filled one on.

    Parameters
    ----------
    mine : callable
        ``mine(A, kspace, denoiser, reg_weight, n_iterations, reference)`` -> ``n_iterations + 1`` numbers.

    Raises
    ------
    CheckFailed
        With a sentence that says what is wrong.
    """
    A, kspace = _small_scan()
    reference = random_complex(NY, NX, seed=6)
    weight = torch.tensor(0.5)
    path = _iterates(A, A.adjoint(kspace), _Recorder(), weight, 4)
    denoiser = _Recorder()
    answer = _asked(mine, A, kspace, denoiser, weight, 4, reference)
    found = _numbers(answer)
    check(
        len(found) != 4,
        "You return 4 numbers for 4 iterations; expected 5: that of x₀, the zero-filled image, is missing.",
    )
    check(
        len(found) != 2 or len(denoiser.asked) != 1,
        "You return 2 numbers for 4 iterations, after one round: is the `return` inside the loop, or n_iterations "
        "not used?",
    )
    check(len(found) == 5, f"You return {len(found)} numbers for 4 iterations; expected 5, for x₀ to x₄.")
    check(len(denoiser.asked) > 0, "The denoiser was never asked: each round begins with denoiser(image).")
    right = [psnr(image, reference) for image in path]
    denoised = [right[0]] + [psnr(_Recorder()(image), reference) for image in path[:-1]]
    check(not _same(found, right[::-1]), "The numbers are in the reverse order: begin with x₀.")
    check(
        not _same(found, denoised),
        "These are the numbers of z, after the denoiser; expected those of x, after consistency.",
    )
    swapped = [psnr(reference, image) for image in path]
    check(not _same(found, swapped), "The two images are exchanged: it is psnr(image, reference), the reference last.")
    once = [right[0]] + [right[-1]] * 4
    again = [psnr(image, reference) for image in _iterates(A, A.adjoint(kspace), _Recorder(), weight, 16)[::4]]
    check(
        not _same(found, once) and not _same(found, again),
        "Every step of your loop runs all K rounds: one round for each number, please.",
    )
    check(not _same(found, [right[0]] * 5), "All numbers are those of x₀: is the image replaced in each round?")
    check(not _same(found, [right[-1]] * 5), "All numbers are those of the last image: note one in each round.")
    for sentence, step in _wrong_rounds(A, A.adjoint(kspace), weight).items():
        wrong = [psnr(image, reference) for image in _repeated(step, A.adjoint(kspace), 4)]
        check(_same(wrong, right) or not _same(found, wrong), sentence)
    check(_same(found, right), f"Your numbers are {_listed(found)} dB; expected {_listed(right)} dB.")
    passed(LESSON, "my_psnr_by_iteration", "one number for each image, from x₀ to the last one")


def _small_scan() -> tuple[SenseOperator, Tensor]:
    A = SenseOperator(simulate_coils(4, (NY, NX), seed=5), random_mask(NY, 2.5, acs=7))
    return A, A.forward(random_complex(NY, NX, seed=6))


def _iterates(
    A: SenseOperator, zero_filled: Tensor, denoiser: Denoiser, weight: Tensor, n_iterations: int
) -> list[Tensor]:
    """x_0, x_1, ..., x_K."""
    images = [zero_filled]
    for _ in range(n_iterations):
        images.append(data_consistency(A, zero_filled, denoiser(images[-1]), weight, n_iterations=60))
    return images


def _repeated(step: Callable[[Tensor], Tensor], start: Tensor, n_iterations: int) -> list[Tensor]:
    """The start, and the image after each of the rounds."""
    images = [start]
    for _ in range(n_iterations):
        images.append(step(images[-1]))
    return images


def _wrong_rounds(A: SenseOperator, zero_filled: Tensor, weight: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Rounds that are not MoDL's, each under the sentence that names its mistake."""
    denoise = _Recorder()

    def consistent(data: Tensor, prior: Tensor, weight: Tensor = weight) -> Tensor:
        return data_consistency(A, data, prior, weight, n_iterations=60)

    return {
        "The current image stands in the place of the data: Aᴴy is the same in every round.": lambda x: consistent(
            x, denoise(x)
        ),
        "Every round denoises the zero-filled image; the next one should start from the image so far.": lambda x: (
            consistent(zero_filled, denoise(zero_filled))
        ),
        "The two images are exchanged: data_consistency(A, zero_filled, prior, reg_weight), and the denoised one is "
        "the prior.": lambda x: consistent(denoise(x), zero_filled),
        "λ is given as it is: no .exp() here, which is only for `log_reg_weight`.": lambda x: consistent(
            zero_filled, denoise(x), weight.exp()
        ),
        "The order is the other way round: denoise first, then make it consistent.": lambda x: denoise(
            consistent(zero_filled, x)
        ),
        "The denoiser already adds its input: do not add the image again.": lambda x: consistent(
            zero_filled, x + denoise(x)
        ),
        "Data consistency is missing: this only denoises, again and again.": denoise,
        "This is a gradient step in place of data consistency, which solves the equation.": lambda x: (
            denoise(x) - weight * (A.normal(denoise(x)) - zero_filled)
        ),
    }


def _mistakes_of_unrolling(
    A: SenseOperator, zero_filled: Tensor, weight: Tensor, n_iterations: int, path: list[Tensor]
) -> dict[str, Callable[[], Tensor]]:
    denoise = _Recorder()
    right = partial(_iterates, A, zero_filled, denoise, weight)

    def last(step: Callable[[Tensor], Tensor]) -> Tensor:
        return _repeated(step, zero_filled, n_iterations)[-1]

    def consistent(prior: Tensor) -> Tensor:
        return data_consistency(A, zero_filled, prior, weight, n_iterations=60)

    rounds = _wrong_rounds(A, zero_filled, weight)
    return {sentence: partial(last, step) for sentence, step in rounds.items()} | {
        "Start from the zero-filled image, not from zero.": lambda: _repeated(
            lambda x: consistent(denoise(x)), torch.zeros_like(zero_filled), n_iterations
        )[-1],
        "One round is missing: range(n_iterations) counts them.": lambda: path[-2],
        "That is one round too many: range(n_iterations) counts them.": lambda: right(n_iterations + 1)[-1],
        "You return the denoised image z; the result is x, after data consistency.": lambda: denoise(path[-2]),
        "Data consistency comes once, at the end; it belongs into every round.": lambda: consistent(last(denoise)),
        "The result lost its imaginary part: images are complex.": lambda: path[-1].real + 0j,
    }


# --- plumbing ---


def _consistent(A: SenseOperator, rhs: Tensor, weight: float) -> Tensor:
    """The solution, to the precision of its numbers."""
    tolerance = 1e-13 if rhs.dtype == torch.complex128 else 1e-6
    return conjugate_gradient(A.normal, rhs, reg_weight=weight, n_iterations=150, tolerance=tolerance)


def _apart(answer: Tensor, right: Tensor) -> float:
    return float((answer - right).norm() / right.norm())


def _numbers(answer: object) -> list[float]:
    """The learner's list of real numbers, or a sentence that says what came instead."""
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    if isinstance(answer, Tensor) and answer.ndim == 1:
        answer = list(answer)
    check(
        isinstance(answer, list | tuple),
        f"Expected a list of numbers; your function returns a {type(answer).__name__}.",
    )
    for each in answer:
        is_number = isinstance(each, float | int) or (isinstance(each, Tensor) and each.numel() == 1)
        check(
            is_number, f"Expected numbers in the list; it holds a {type(each).__name__}: take psnr(image, reference)."
        )
        check(not isinstance(each, Tensor) or not each.is_complex(), "The list holds complex numbers; a PSNR is real.")
    return [float(each) for each in answer]


def _same(found: Sequence[float], right: Sequence[float]) -> bool:
    return len(found) == len(right) and all(abs(a - b) < 0.02 for a, b in zip(found, right, strict=True))


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.2f}" for number in numbers)
