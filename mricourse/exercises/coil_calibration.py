"""Checks of the exercises on calibration: maps from the centre, white noise, and GRAPPA's kernel."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

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
from mricourse.physics.coil_combination import rss
from mricourse.physics.coil_maps import acs_window
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import equispaced_mask
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

LESSON = "coil_calibration"
LESSON_SIZES = {8, 48, 120, 96, 216, 256, 4000}  # of the slice, its kernel, the measured brain and the noise
CLOSE = 1e-3  # of maps that are about 1, and of a covariance that should be the identity
N_NOISE = 6000  # samples of the noise scan in the check
ABOUT_AS_GOOD = 1.25  # error of filled lines over that of the fit that the text describes
NOT_A_COVARIANCE = (
    "Your covariance has no Cholesky factor, so it is no covariance: is the conjugate missing? It is the mean of the "
    "noise of one coil times the conjugate of another's, and samples @ samples.mH adds those up. (`noise` "
    "is the lesson's; the argument is `samples`.)"
)
WINDOW_ON_IMAGE = "The window belongs on k-space, before the transform; yours multiplies the image."
GRAPPA_CASES = ((5, (64, 45), 0), (4, (52, 38), 1))  # coils, shape, offset of the sampled lines


def check_coil_maps(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check `my_coil_maps`: windowed coil images over their root sum of squares, at two sizes.

    Raises
    ------
    CheckFailed
        With the sentence that names the mistake.
    """
    for n_coils, shape, acs in ((5, (33, 40), 13), (3, (48, 30), 9)):
        kspace = _phantom_scan(n_coils, shape, noise_std=0.02).to(torch.complex64)
        window = acs_window(shape, acs)
        answer = _call(mine, {"kspace": kspace, "window": window}, f"On {n_coils} coils of {shape[0]} x {shape[1]}")
        if isinstance(answer, Tensor) and answer.shape == kspace.shape:
            undefined = answer.isnan().any(0)
            check(not torch.equal(undefined, window == 0), WINDOW_ON_IMAGE)
        check_tensor(answer, kspace.shape, is_complex=None if _is_real(answer) else True)
        low = ifft2c(window * kspace)
        right = low / rss(low)
        reject_known_mistakes(answer, right, _map_mistakes(kspace, window, low))
        check(answer.is_complex(), "Your maps are real: divide the complex coil images; the phase belongs to the map.")
        power = answer.abs().square().sum(0)
        if (power - 1).abs().max() >= CLOSE:
            _no_constant_added(rss(low), power)
        check(
            (power - 1).abs().max() < CLOSE,
            f"The squared magnitudes of your maps add up to between {power.min():.2f} and {power.max():.2f}; expected "
            "1 at every pixel: divide by the root sum of squares over the coils.",
        )
        off = (answer - right).abs().max().item()
        check(off < CLOSE, f"Your maps have the right size but are off by up to {off:.2f}: window, transform, divide.")
    passed(LESSON, "my_coil_maps", "complex maps from the windowed centre, with squared magnitudes that add up to 1")


def check_prewhiten(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check `my_prewhiten`: any linear mixture of the coils whose noise is white and has the power 1.

    Raises
    ------
    CheckFailed
        With the sentence that names the mistake.
    """
    for n_coils, shape in ((4, (12, 9)), (3, (7, 10))):
        noise = _shared_noise(n_coils)
        kspace = random_complex(n_coils, *shape, seed=11, dtype=torch.complex128)
        about = f"On {n_coils} coils"
        answer = _call(mine, {"kspace": kspace, "samples": noise}, about)
        check_tensor(answer, kspace.shape, is_complex=None if _is_real(answer) else True)
        check(answer.is_complex(), "Your k-space is real: the covariance and its Cholesky factor are complex.")
        unit = torch.eye(n_coils, dtype=noise.dtype)[..., None]  # a sample of 1 in one coil at a time
        mixing = _call(mine, {"kspace": unit, "samples": noise}, about)
        check_tensor(mixing, unit.shape)
        mixing = mixing[..., 0]  # (new coils, coils)
        _check_white(mixing, noise)
        mixed = torch.einsum("dc,cyx->dyx", mixing, kspace)
        check(
            (answer - mixed).abs().max() < CLOSE * mixed.abs().max(),
            "Your result is no mixture of the coils, the same for every sample: does it depend on the k-space itself?",
        )
    passed(LESSON, "my_prewhiten", "the noise of the new coils has the power 1 and is not shared")


def check_grappa(mine: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check `my_grappa`: measured samples stay, the others are about as good as a fit on the ACS makes them.

    A fit on the lines inside the ACS only and one that also uses the sampled lines beside it are both right, and so are
    fits that leave out the edges of the readout.

    Raises
    ------
    CheckFailed
        With the sentence that names the mistake.
    """
    errors = []
    for n_coils, shape, offset in GRAPPA_CASES:
        full = _speckled_scan(n_coils, shape)
        mask = equispaced_mask(shape[0], 2, acs=20, offset=offset)
        kspace = full * mask
        answer = _call(mine, {"kspace": kspace, "mask": mask}, f"On {n_coils} coils of {shape[0]} x {shape[1]}")
        check_tensor(answer, kspace.shape, is_complex=True)
        missing = ~mask[:, 0]
        check(
            bool(answer[:, missing].any()) or torch.equal(answer[:, ~missing], kspace[:, ~missing]),
            "The missing lines are still zero and the measured ones have changed: are `kspace` and `filled` the wrong "
            "way round? torch.where(mask, kspace, filled) takes kspace where mask is True.",
        )
        right = _filled(kspace, mask)
        mistakes = {sentence: _missing_of(wrong, missing) for sentence, wrong in _grappa_mistakes(kspace, mask).items()}
        reject_known_mistakes(answer[:, missing], right[:, missing], mistakes)
        check(
            torch.equal(answer[:, ~missing], kspace[:, ~missing]),
            "Measured samples have changed: keep them, torch.where(mask, kspace, filled).",
        )
        size = full[:, missing].norm()
        error = ((answer - full)[:, missing].norm() / size).item()
        best = ((right - full)[:, missing].norm() / size).item()
        check(
            error < ABOUT_AS_GOOD * best,
            f"Your filled lines are off by {100 * error:.0f} % of their size; a fit on the ACS comes to "
            f"{100 * best:.0f} %. Are all coils and all six neighbours used, and are the weights learned only where "
            "the line and both its neighbours were sampled?",
        )
        errors.append(f"{100 * error:.0f} %")
    passed(LESSON, "my_grappa", f"measured samples are kept, the filled ones are off by {' and '.join(errors)}")


# --- maps from the centre ---


def _phantom_scan(n_coils: int, shape: tuple[int, int], *, noise_std: float) -> Tensor:
    """k-space of a phantom with a smooth phase, complex128: sizes that no lesson uses."""
    ramp = torch.linspace(-1, 1, shape[1])
    image = shepp_logan(shape) * torch.exp(1j * ramp)
    smaps = simulate_coils(n_coils, shape, seed=5, kind="head_array")
    noise = noise_std * random_complex(n_coils, *shape, seed=6)
    return (fft2c(smaps * image) + noise).to(torch.complex128)


def _speckled_scan(n_coils: int, shape: tuple[int, int]) -> Tensor:
    """k-space of an object whose outer lines are as strong as the others, so that no mistake hides in weak ones."""
    smaps = simulate_coils(n_coils, shape, seed=5, kind="head_array").to(torch.complex128)
    image = random_complex(*shape, seed=8, dtype=torch.complex128) * (shepp_logan(shape) > 0)
    return fft2c(smaps * image) + 1e-3 * random_complex(n_coils, *shape, seed=6, dtype=torch.complex128)


def _no_constant_added(size: Tensor, power: Tensor) -> None:
    """Name a constant that was added to the root sum of squares, or to the sum below the root."""
    weak = size < size.quantile(0.1)  # there it matters most, and rounding least
    size, power = size[weak], power[weak]
    divisor = size / power.sqrt().clamp_min(1e-12)  # what the coil images were divided by, if it was a real number
    for added in (divisor - size, divisor.square() - size.square()):
        middle = added.median()
        check(
            middle <= 0 or (added - middle).abs().max() > 0.1 * middle,
            "Where the coils are weak, you divide by more than the root sum of squares, and the maps get too small: "
            "was a constant added? Leave it out; with noise in the scan the sum is nowhere zero.",
        )


def _map_mistakes(kspace: Tensor, window: Tensor, low: Tensor) -> dict[str, Any]:
    full = ifft2c(kspace)
    forward = fft2c(window * kspace)
    magnitudes = low.abs()
    total = magnitudes.sum(0)
    biggest = magnitudes.amax(0)
    in_the_image = window * full
    twice = ifft2c(window.square() * kspace)
    sharp = ifft2c((window > 0) * kspace)
    conjugated = low.conj().resolve_conj() / rss(low)
    return {
        "The window is missing: noise of the outer samples, and lines that were never sampled, go into these maps.": (
            full / rss(full)
        ),
        WINDOW_ON_IMAGE: in_the_image / rss(in_the_image).clamp_min(1e-12),
        "The window is applied twice: multiply k-space by it once.": twice / rss(twice),
        "The window is used as a mask only: multiply k-space by its values.": sharp / rss(sharp),
        "From k-space to the image it is ifft2c; you used fft2c.": forward / rss(forward),
        "These are the low-resolution coil images; the object is still in them: divide by their root sum of squares.": (
            low
        ),
        "You divide by the sum of the magnitudes; the root sum of squares is the square root of the sum of squares.": (
            low / total
        ),
        "You divide by the largest coil; divide by the root sum of squares over all coils.": low / biggest,
        "You add up the squares of complex numbers, coarse**2; the magnitudes are squared, coarse.abs().square().": (
            low / low.square().sum(0).sqrt()
        ),
        "You have changed the phase: to turn all maps so that coil 0 has none is a free choice too, and the phase of "
        "the image changes with it. Here keep the phase of the coil images: divide them by a real number.": (
            low / rss(low) * torch.polar(torch.ones_like(low[0].real), -low[0].angle())
        ),
        "You sum over another axis: the coils are the first of three, dim=0.": (
            low / magnitudes.square().sum(1, keepdim=True).sqrt()
        ),
        "You divide by the sum of squares: the square root is missing.": low / magnitudes.square().sum(0),
        "You divide by the complex sum of the coil images, which cancels where their phases differ.": low / low.sum(0),
        "You divide by coil 0: then coil 0 is 1 everywhere, and its dark places blow up.": low / low[0],
        "You divide by the root sum of squares of the *full* images; those are not blurred as the others are.": (
            low / rss(full)
        ),
        "You divide each coil by its own size; divide each *pixel* by the root sum of squares over the coils.": (
            low / low.flatten(1).norm(dim=1)[:, None, None]
        ),
        "You add up all coils and all pixels, one number for the whole image: sum over the coils only, dim=0.": (
            low / magnitudes.norm()
        ),
        "You divide by the largest value; divide each *pixel* by the root sum of squares over the coils.": (
            low / magnitudes.max()
        ),
        "The root mean square is the root sum of squares over the root of the number of coils: take the sum.": (
            low / magnitudes.square().mean(0).sqrt()
        ),
        "Your maps are real: the phase of a map belongs to it, so divide the complex images.": magnitudes / rss(low),
        "The maps are conjugated.": conjugated,
    }


# --- noise ---


def _shared_noise(n_coils: int) -> Tensor:
    """Noise whose coils share most of it, at different levels: (coils, samples), complex128."""
    mixing = random_complex(n_coils, n_coils, seed=21, dtype=torch.complex128)
    mixing = mixing + 2 * torch.diag(torch.arange(1, n_coils + 1)).to(mixing.dtype)
    return mixing @ random_complex(n_coils, N_NOISE, seed=22, dtype=torch.complex128)


def _check_white(mixing: Tensor, noise: Tensor) -> None:
    """The covariance of the mixed noise is the identity, or the sentence says what it is."""
    covariance = noise @ noise.mH / noise.shape[1]
    identity = torch.eye(len(noise), dtype=noise.dtype)
    white = mixing @ covariance @ mixing.mH
    power = white.diagonal().real.mean()
    shared = (white - torch.diag(white.diagonal())).abs().max() / power
    even = (white.diagonal().real / power - 1).abs().max()
    if shared < CLOSE and even < CLOSE:
        _check_power(power.item(), *noise.shape)
    known = {sentence: wrong @ covariance @ wrong.mH for sentence, wrong in _mixing_mistakes(covariance, noise).items()}
    reject_known_mistakes(white, identity, known)
    check(
        shared < CLOSE,
        f"The new coils still share noise: the largest entry beside the diagonal is {shared:.2f} of the diagonal. "
        "Apply the inverse of L, with covariance = L L^H.",
    )
    check(even < CLOSE, "The new coils share no noise, but differ in its power.")


def _check_power(power: float, n_coils: int, n_samples: int) -> None:
    """The noise is white: is its power 1, or was a sum divided by another number than that of the samples?"""
    divisor = n_samples * power  # of the sum of products, if nothing else is wrong
    check(
        abs(divisor - 1) > CLOSE,
        "The covariance is the mean over the samples, not the sum: divide by their number.",
    )
    check(
        abs(divisor / n_coils - 1) > CLOSE,
        "You divide by the number of coils, samples.shape[0]; the mean is over the samples: samples.shape[1].",
    )
    check(
        abs(power - 1) < CLOSE,
        f"The noise is white, but its power is {power:.3g}; expected 1: the covariance is the *mean* of such products "
        "over the samples: divide by their number.",
    )


def _mixing_mistakes(covariance: Tensor, noise: Tensor) -> dict[str, Tensor]:
    lower = torch.linalg.cholesky(covariance)
    powers = covariance.diagonal().real
    real = torch.linalg.cholesky(covariance.real.to(covariance.dtype))
    magnitudes = noise.abs() @ noise.abs().mT / noise.shape[1]
    sizes = torch.linalg.cholesky(magnitudes.to(covariance.dtype))
    identity = torch.eye(len(covariance), dtype=covariance.dtype)
    return {
        "The k-space is returned as it came.": identity,
        "You multiply by L, which makes it worse: apply the *inverse* of L.": lower,
        "You multiply by L^H; apply the inverse of L.": lower.mH.resolve_conj(),
        "You apply the inverse of the covariance itself; L is its 'square root', and one inverse of L is enough.": (
            torch.linalg.inv(covariance)
        ),
        "You multiply by the covariance; apply the inverse of L.": covariance,
        "Each coil has noise of the power 1 now, but the coils still share it: use the entries off the diagonal too.": (
            torch.diag(powers.rsqrt()).to(covariance.dtype)
        ),
        "You divide each coil by its noise power, and the coils still share noise.": (
            torch.diag(1 / powers).to(covariance.dtype)
        ),
        "The conjugate is missing in the covariance, or L is conjugated: the noise of one coil is multiplied by the "
        "conjugate of another's, so samples @ samples.mH and not samples @ samples.T.": torch.linalg.inv(
            lower.conj().resolve_conj()
        ),
        "You apply the inverse of L^H; it is the inverse of L, lower triangular.": (
            torch.linalg.inv(lower.mH.resolve_conj())
        ),
        "You apply the inverse of the transpose of L; it is the inverse of L, lower triangular.": (
            torch.linalg.inv(lower.mT)
        ),
        "The imaginary part of the covariance is lost.": torch.linalg.inv(real),
        "Your covariance is one of magnitudes, which have no phase: multiply the complex noise, without .abs().": (
            torch.linalg.inv(sizes)
        ),
        "You take the magnitudes of the covariance: its phase says how the shared noise adds up, so keep it complex.": (
            torch.linalg.inv(torch.linalg.cholesky(covariance.abs().to(covariance.dtype)))
        ),
        "Only the lower triangle of the covariance is used; take its Cholesky factor.": (
            torch.linalg.inv(covariance.tril())
        ),
    }


# --- GRAPPA ---


def _neighbours(kspace: Tensor, rows: Sequence[int] = (-1, 1), columns: Sequence[int] = (-1, 0, 1)) -> Tensor:
    """Samples around each sample, in all coils: (coils, ky, kx) -> (places * coils, ky, kx)."""
    return torch.cat([kspace.roll((dy, dx), (1, 2)) for dy in rows for dx in columns])


def _weights(sources: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Least squares on the lines that are known: (sources, coils)."""
    return torch.linalg.lstsq(sources[:, known].flatten(1).mT, targets[:, known].flatten(1).mT, driver="gelsd").solution


def _filled(kspace: Tensor, mask: Tensor, *, known: Tensor | None = None, **places: Sequence[int]) -> Tensor:
    """What the text describes; or with other lines to learn from, or other neighbours."""
    sources = _neighbours(kspace, **places)
    known = _inner_lines(mask) if known is None else known
    estimate = torch.einsum("sc,syx->cyx", _weights(sources, kspace, known), sources)
    return torch.where(mask, kspace, estimate)


def _inner_lines(mask: Tensor) -> Tensor:
    return (mask & mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]


def _central_lines(mask: Tensor, n_lines: int) -> Tensor:
    middle = len(mask) // 2
    return (torch.arange(len(mask)) >= middle - n_lines // 2) & (torch.arange(len(mask)) < middle + n_lines // 2)


def _grappa_mistakes(kspace: Tensor, mask: Tensor) -> dict[str, Callable[[], Tensor]]:
    beside = (mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]
    sources = _neighbours(kspace)
    known = _inner_lines(mask)
    equations = sources[:, known].flatten(1).mT
    targets = kspace[:, known].flatten(1).mT

    def applied(weights: Tensor) -> Tensor:
        return torch.einsum("sc,syx->cyx", weights, sources)

    def conjugated_examples() -> Tensor:
        return applied(torch.linalg.lstsq(equations.conj(), targets, driver="gelsd").solution)

    def one_coil_at_a_time() -> Tensor:
        return torch.cat([_filled(coil[None], mask) for coil in kspace])

    return {
        "The missing lines are still zero. Is the target among its own neighbours? Or do you learn from lines without "
        "two sampled neighbours? (These scans have other sizes than the lesson's: find the lines from `mask`.)": (
            lambda: kspace
        ),
        "Each coil is filled from its own neighbours only. One coil knows little about its missing lines: use all.": (
            one_coil_at_a_time
        ),
        "The weights are learned on all lines, with zeros where nothing was sampled: use the lines of the ACS.": (
            lambda: _filled(kspace, mask, known=torch.ones_like(known))
        ),
        "Some lines that you learn from have a neighbour that was not sampled, and holds zeros. (Are the conditions "
        "joined with |? All three have to hold: &.)": (
            lambda: _filled(kspace, mask, known=(mask & (mask.roll(1, 0) | mask.roll(-1, 0)))[:, 0])
        ),
        "The weights are learned on all sampled lines; outside the ACS the neighbours of those are missing: zeros.": (
            lambda: _filled(kspace, mask, known=mask[:, 0])
        ),
        **{
            f"You learn from the {n_lines} lines in the centre, whatever the mask says. The check has another ACS: "
            "find the lines from `mask`.": (
                lambda n_lines=n_lines: _filled(kspace, mask, known=_central_lines(mask, n_lines))
            )
            for n_lines in (24, 22)  # the ACS of the lesson, with and without its edges
        },
        "The weights are learned on lines that are missing themselves, and zero: the target has to be sampled too.": (
            lambda: _filled(kspace, mask, known=beside)
        ),
        "The weights are learned on lines whose upper neighbour may be missing: require both neighbours.": (
            lambda: _filled(kspace, mask, known=(mask & mask.roll(-1, 0))[:, 0])
        ),
        "The weights are learned on lines whose lower neighbour may be missing: require both neighbours.": (
            lambda: _filled(kspace, mask, known=(mask & mask.roll(1, 0))[:, 0])
        ),
        "Only the line above is used: a missing line has a sampled one above and one below.": (
            lambda: _filled(kspace, mask, rows=(1,))
        ),
        "Only the line below is used: a missing line has a sampled one above and one below.": (
            lambda: _filled(kspace, mask, rows=(-1,))
        ),
        "Only the samples straight above and below are used: take three readout points of each line.": (
            lambda: _filled(kspace, mask, columns=(0,))
        ),
        "The neighbours are two lines away; those of a missing line are missing too.": (
            lambda: _filled(kspace, mask, rows=(-2, 2))
        ),
        "This is the mean of the line above and the line below: fit weights instead.": (
            lambda: (kspace.roll(1, 1) + kspace.roll(-1, 1)) / 2
        ),
        "The conjugate is missing in the normal equations: X.mH, not X.mT.": lambda: applied(
            torch.linalg.solve(equations.mT @ equations, equations.mT @ targets)
        ),
        "The examples are conjugated, and the samples that are filled from are not: leave out the conj() (and use .T, "
        "not .mH, to turn examples into rows).": conjugated_examples,
        "One set of weights fills all coils, that of coil 0: each coil needs its own, so the solution has a column for "
        "each.": lambda: applied(_weights(sources, kspace, known)[:, :1].expand(-1, len(kspace))),
        "The weights are conjugated before they are applied.": lambda: applied(
            _weights(sources, kspace, known).conj().resolve_conj()
        ),
        "These are products of neighbours and targets, no fit: solve the least-squares problem.": lambda: applied(
            equations.mH @ targets
        ),
    }


def _missing_of(wrong: Callable[[], Tensor], missing: Tensor) -> Callable[[], Tensor]:
    return lambda: wrong()[:, missing]


# --- what the learner's function does with its arguments ---


def _is_real(answer: Any) -> bool:
    return isinstance(answer, Tensor) and not answer.is_complex()


def _call(mine: Callable, arguments: dict[str, Tensor], about: str) -> Any:
    """What the learner's function returns, the arguments as they were; an error of its own becomes a sentence."""
    given = {name: tensor.clone() for name, tensor in arguments.items()}
    try:
        answer = mine(*arguments.values())
    except OneSentence:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        if "positive-definite" in reason:
            raise CheckFailed(NOT_A_COVARIANCE) from error
        advice = _advice(error, reason, arguments)
        raise CheckFailed(f"{about} your function stops with {type(error).__name__}: {reason}. {advice}") from error
    for name, tensor in arguments.items():
        unchanged = torch.equal(tensor, given[name])
        check(unchanged, f"Your function writes into `{name}`: make a new tensor, for instance with `{name}.clone()`.")
    return answer


def _advice(error: Exception, reason: str, arguments: dict[str, Tensor]) -> str:
    """Where to look after an error: a number of the lesson in its text that no argument has, or shapes."""
    if isinstance(error, NameError | KeyError):
        return "Is that name spelled as in the lesson, and is it an argument or a line of your function?"
    if "Boolean value" in reason:
        return "`and`, `or` and `not` take one truth at a time: join tensors with & and |, and turn them with ~."
    if "dtype" in reason:
        kind = str(next(iter(arguments.values())).dtype).removeprefix("torch.")
        return f"The arguments are {kind}: is a variable of the lesson used, or was a part taken by .abs() or .real?"
    own = {size for tensor in arguments.values() for size in tensor.shape}
    named = {int(number) for number in re.findall(r"\d+", reason)} - own
    if named & LESSON_SIZES or "out of bounds" in reason or "out of range" in reason:
        return "Does it use a size or a variable of the lesson in place of its arguments?"
    if isinstance(error, RuntimeError | ValueError | IndexError):
        came = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in arguments.items())
        return (
            f"The arguments have the shapes {came}. Print shapes in the line before: is a .T, a .flatten(1), a [:, 0] "
            "or a dim=0 missing?"
        )
    return "Run the lines of your function one by one to find where."
