"""Checks of the exercises on SENSE: unfolding, conjugate gradients, and two coils for two pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from operator import index
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
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask, random_mask
from mricourse.reconstruct.least_squares import conjugate_gradient
from mricourse.reconstruct.parallel_imaging import g_factor
from mricourse.simulate.coils import simulate_coils

LESSON = "sense"
CASES = ((3, (45, 37), 0.1), (1, (45, 37), 0.0), (3, (45, 37), 0.0), (2, (34, 41), 0.0))  # R, shape, noise
FAR = 20  # from pixels of about 1
CLOSE = 0.02  # of pixels that are about 1; single precision leaves a hundredth of that
UNKNOWNS = (5, 3)  # of the small problem for conjugate gradients
STEPS = 4  # after which mistakes are told apart
EQUAL_G = 1e-3
OUR_SLICE = "Does it use a size or a variable of our slice in place of its arguments?"
FROM_OUR_SLICE = 10  # a whole number from here on, in an answer, is a size of the slice
ERRORS = {
    "square": "C has a row for each coil and is not square: solve C^H C rho = C^H a in place of C rho = a.",
    "singular": "Which rows are in C? It has R columns, one for each pixel that folds: smaps[:, row::n_rows, column].",
    "1D tensors": "torch.vdot takes flat vectors: torch.vdot(d.flatten(), p.flatten()).",
    "operand type(s) for @": "`normal` is a function: normal(d) applies it, `@` does not.",
    "can't be cast": "Complex numbers do not fit into a real tensor: begin with torch.zeros_like.",
    "expanded size": "You write into a slice of another length than the pixels have: the image is as high as the maps, "
    "torch.zeros_like(smaps[0]), and the step of its slice is n_rows, as in C.",
    "out of bounds for dimension 1": f"{OUR_SLICE} There are n_rows = folded.shape[1] folded rows, and the next pixel "
    "of a group lies n_rows further, not 60.",
    "local variable": "A variable gets its value only inside an `if` that was never true: does a lowest value start at "
    "float('inf')?",
}  # a part of what Python says -> what it means here
SHAPES = "Print the shapes inside your function: which of them is not what its first line says?"
NUMBERS = "alpha and beta are numbers: `d.mH @ p` gives a matrix, torch.vdot(d.flatten(), p.flatten()) a number."


def check_sense_unfold(mine: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    """Check `my_sense_unfold`: the object comes back without noise, at R = 1 too; with noise the least squares do.

    Raises
    ------
    CheckFailed
        With the sentence that names the mistake.
    """
    for acceleration, shape, noise_std in (
        (3, (45, 37), 0.1),
        (1, (45, 37), 0.0),
        (3, (45, 37), 0.0),
        (2, (34, 41), 0.0),
    ):
        folded, smaps, image = _folded_scan(acceleration, shape, noise_std)
        answer = _unfolded_by(mine, folded, smaps, acceleration)
        _check_groups(mine, folded, smaps, acceleration, answer)
        right = _unfold_with(folded, smaps, acceleration, lambda C, a: torch.linalg.lstsq(C, a).solution)
        reject_known_mistakes(answer, right, _unfolding_mistakes(folded, smaps, acceleration, right))
        _check_no_weight(answer, folded, smaps, acceleration)
        off = (answer - right).abs().max().item()
        check(
            off < FAR,
            f"At R = {acceleration}, your pixels are off by up to {off:.0f}: C^H C is nearly singular. "
            "Are the rows in C neighbours? Neighbours are heard alike; take smaps[:, row::n_rows, column].",
        )
        check(
            off < CLOSE,
            f"At R = {acceleration}, your pixels are off by up to {off:.2f}, where they are about 1. Compare C and a "
            "with the cell above the exercise: C is (coils, R), a is (coils,), and C^H C rho = C^H a.",
        )
        if noise_std == 0:
            check((answer - image).abs().max() < CLOSE, f"At R = {acceleration} without noise the object is not there.")
    passed(LESSON, "my_sense_unfold", "unfolds at R = 1, 2 and 3, and with noise it is the least-squares solution")


def check_conjugate_gradient(mine: Callable[[Callable[[Tensor], Tensor], Tensor, int], Tensor]) -> None:
    """Check `my_conjugate_gradient`: N once a step, the iterates of CG, and 15 unknowns in 15 steps.

    Raises
    ------
    CheckFailed
        With the sentence that names the mistake.
    """
    A = SenseOperator(random_complex(6, *UNKNOWNS, dtype=torch.complex128), random_mask(UNKNOWNS[0], 1.7, acs=1))
    rhs = random_complex(*UNKNOWNS, seed=1, dtype=torch.complex128)
    answer, n_calls = _solved_by(mine, A, rhs, STEPS)
    right = conjugate_gradient(A.normal, rhs, n_iterations=STEPS, tolerance=0)
    mistakes = {sentence: _wrong_cg(A, rhs, STEPS, what) for what, sentence in CG_MISTAKES.items()}
    for other in (1, STEPS - 1, STEPS + 1, 10):
        sentence = f"For n_iterations = {STEPS} your x has made {other} steps: count the turns of your loop."
        sentence += " Is the `return` inside it?" if other == 1 else ""
        mistakes[sentence] = conjugate_gradient(A.normal, rhs, n_iterations=other, tolerance=0)
    reject_known_mistakes(answer, right, mistakes)
    _check_first_step(mine, A, rhs)
    off = (answer - right).abs().max().item() / right.abs().max().item()
    check(
        off < 1e-6,
        f"Your first step is right, but after {STEPS} steps x is off by {100 * off:.0f} %. Go through the five "
        "formulas in their order: which of them still needs the old r, which the new one?",
    )
    check(
        n_calls <= STEPS + 1,
        f"The image is right, but you applied N {n_calls} times in {STEPS} steps, and N is what costs time. "
        "Keep the product N d in a variable, and use it for alpha and for r.",
    )
    n = rhs.numel()
    last, n_calls = _solved_by(mine, A, rhs, n)
    check(n_calls >= n, f"Asked for {n} steps your loop ends after {n_calls}: leave out the `break` or the tolerance.")
    left = ((A.normal(last) - rhs).norm() / rhs.norm()).item()
    check(left < 1e-6, f"After {n} steps for {n} unknowns a residual of {left:.0e} of b is left.")
    passed(LESSON, "my_conjugate_gradient", f"{n} unknowns, {n} steps: a residual of {left:.0e} of b is left")


def check_best_pair(mine: Callable[[Tensor], tuple[int, int]], smaps: Tensor) -> None:
    """Check `my_best_pair` on six simulated coils, on measured maps, (coils, y, x), and on these turned by 90 degrees.

    Raises
    ------
    CheckFailed
        With the sentence that names the mistake.
    """
    arrays = {
        "six other coils": _six_coils().to(smaps.device),
        "the measured coils": smaps,
        "the same with the axes exchanged": smaps.mT.contiguous(),
    }
    found = {}
    for array, maps in arrays.items():
        pair = _pair_from(mine, maps, array)
        medians = {each: _median_g(maps[list(each)]) for each in combinations(range(len(maps)), 2)}
        best = min(medians, key=medians.get)
        for sentence, wrong in _pair_mistakes(maps, medians).items():
            check(pair != wrong or medians[pair] < medians[best] + EQUAL_G, f"For {array}: {sentence}")
        check(
            medians[pair] < medians[best] + EQUAL_G,
            f"For {array} you chose {pair}, whose median g is {medians[pair]:.2f}; another pair has "
            f"{medians[best]:.2f}. Is every pair tried, and the lowest one kept?",
        )
        found[array] = f"coils {pair[0]} and {pair[1]} with g = {medians[pair]:.2f}"
    _, first, turned = found.values()
    passed(LESSON, "my_best_pair", f"rows left out: {first}; columns left out: {turned}")


# --- unfolding ---


def _folded_scan(acceleration: int, shape: tuple[int, int], noise_std: float) -> tuple[Tensor, Tensor, Tensor]:
    """One period of six folded coil images, their maps, and the object: sizes that no lesson uses."""
    smaps = simulate_coils(6, shape, seed=2, kind="head_array")
    image = random_complex(*shape, seed=3)
    kspace = fft2c(smaps * image) + noise_std * random_complex(6, *shape, seed=4)
    comb = equispaced_mask(shape[0], acceleration, acs=0)
    return acceleration * ifft2c(comb * kspace)[:, : shape[0] // acceleration], smaps, image


def _unfolded_by(mine: Callable, folded: Tensor, smaps: Tensor, acceleration: int) -> Tensor:
    """The learner's image, whole and complex; the arguments as they were."""
    given = folded.clone(), smaps.clone()
    sizes = f"{folded.shape[1]} folded rows, {folded.shape[2]} columns and R = {acceleration}"
    answer = _call(mine, folded, smaps, acceleration, about=f"On {sizes}")
    unchanged = torch.equal(folded, given[0]) and torch.equal(smaps, given[1])
    check(unchanged, "Your function writes into `folded` or `smaps`: make a new image with torch.zeros_like(smaps[0]).")
    if isinstance(answer, Tensor) and answer.ndim == 3 and answer.numel() == smaps[0].numel():
        check(False, f"Your result has the shape {tuple(answer.shape)}: put the R pieces below one another, (y, x).")
    check_tensor(answer, smaps.shape[1:], is_complex=True)
    return answer


def _check_groups(mine: Callable, folded: Tensor, smaps: Tensor, acceleration: int, answer: Tensor) -> None:
    """One folded row may reach the rows that fold onto it, y / R apart, and no others; it has to reach all of them."""
    n_rows = folded.shape[1]
    one_row = torch.zeros_like(folded)
    one_row[:, 5] = folded[:, 5]
    reached = _unfolded_by(mine, one_row, smaps, acceleration).abs().sum(1) > 0
    right = torch.arange(len(reached)) % n_rows == 5
    check(
        not (reached & ~right).any(),
        "Rows are mixed that do not fold together: those that do are row, row + n_rows, row + 2 n_rows and so on, "
        "n_rows = y / R apart, not neighbours.",
    )
    first_only = acceleration > 1 and bool(reached[5]) and not answer[n_rows:].any()
    check(not first_only, f"Of each {acceleration} pixels that fold together only the first is written into the image.")
    check(
        (reached == right).all(),
        f"Folded row 5 has to give rows {right.nonzero()[:, 0].tolist()} of the image: is the step of your slices "
        f"n_rows = {n_rows}, and is every row and column solved?",
    )


def _unfold_with(folded: Tensor, smaps: Tensor, acceleration: int, solve: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Solve all groups of pixels at once: C (rows, x, coils, R) and a (rows, x, coils, 1) -> (y, x)."""
    C = smaps.unflatten(1, (acceleration, -1)).permute(2, 3, 0, 1)
    a = folded.permute(1, 2, 0)[..., None]
    return solve(C, a)[..., 0].permute(2, 0, 1).flatten(0, 1)


def _check_no_weight(answer: Tensor, folded: Tensor, smaps: Tensor, acceleration: int) -> None:
    """The answer may not solve (C^H C + weight) rho = C^H a, whatever the weight."""

    def normal_residual(C: Tensor, a: Tensor) -> Tensor:
        rho = answer.unflatten(0, (acceleration, -1)).permute(1, 2, 0)[..., None]
        return C.mH @ (a - C @ rho)

    answer = answer.to(smaps.dtype)
    left = _unfold_with(folded, smaps, acceleration, normal_residual)
    weight = (torch.vdot(answer.flatten(), left.flatten()) / answer.norm() ** 2).real.item()
    is_weight = weight > 1e-4 and (left - weight * answer).norm() < 1e-2 * left.norm()
    check(
        not is_weight,
        f"You solve (C^H C + {weight:.2g} I) rho = C^H a. A weight makes the pixels too small: leave it out.",
    )


def _unfolding_mistakes(folded: Tensor, smaps: Tensor, acceleration: int, right: Tensor) -> dict[str, Any]:
    def with_solver(solve: Callable[[Tensor, Tensor], Tensor], maps: Tensor = smaps) -> Tensor:
        return _unfold_with(folded, maps, acceleration, solve)

    def solved(C: Tensor, a: Tensor) -> Tensor:
        return torch.linalg.lstsq(C, a).solution

    square = slice(acceleration)
    pieces = right.unflatten(0, (acceleration, -1))
    n_rows = folded.shape[1]
    return {
        "The conjugate is missing: C^H is the conjugate transpose, C.mH; C.mT does not conjugate.": lambda: with_solver(
            lambda C, a: torch.linalg.solve(C.mT @ C, C.mT @ a)
        ),
        "The conjugate is missing on one side: C^H stands in C^H C and in C^H a.": lambda: with_solver(
            lambda C, a: torch.linalg.solve(C.mH @ C, C.mT @ a)
        ),
        "This is C^H a; the equations C^H C rho = C^H a still have to be solved.": lambda: with_solver(
            lambda C, a: C.mH @ a
        ),
        "You use as many coils as there are pixels and leave the others out: with C^H C all coils count.": (
            lambda: with_solver(lambda C, a: torch.linalg.solve(C[..., square, :], a[..., square, :]))
        ),
        "The maps are conjugated: C holds the maps as they are, only C^H conjugates them.": lambda: with_solver(
            solved, smaps.conj()
        ),
        "Only the magnitudes of the maps are used: their phases tell pixels apart too.": lambda: with_solver(
            solved, smaps.abs().to(smaps.dtype)
        ),
        "Every pixel is R times too small: the folded images are already multiplied by R.": right / acceleration,
        "Every pixel is R times too large: the folded images are already multiplied by R.": right * acceleration,
        "The R pieces stand in reverse order: the first entry of rho belongs to the uppermost row.": (
            lambda: pieces.flip(0).flatten(0, 1)
        ),
        "The R pixels of a group stand side by side; they belong n_rows = y / R rows apart.": (
            lambda: pieces.transpose(0, 1).flatten(0, 1)
        ),
        "The result is conjugated.": right.conj().resolve_conj(),
        "The imaginary part is lost.": right.real + 0j,
        "These are magnitudes: give the complex values, their phase belongs to the image.": right.abs() + 0j,
        "The maps of one column are used for all columns: take those of the column that is solved.": lambda: (
            with_solver(solved, smaps[..., :1].expand_as(smaps))
        ),
        "The maps of one row are used for all rows: take those of the rows in question.": lambda: with_solver(
            solved, smaps[:, ::n_rows].repeat_interleave(n_rows, 1)
        ),
    }


# --- conjugate gradients ---


CG_MISTAKES = {
    "descent": "This is steepest descent: the new direction is r' + beta d, and yours lacks beta times the old one.",
    "no conjugate": "The conjugate is missing in <d, N d>: use torch.vdot, which conjugates its first argument.",
    "no conjugate, real": "The conjugate is missing in <d, N d>: use torch.vdot, and take its real part after that.",
    "no magnitude": "The length of r comes from its squared *magnitudes*: r.abs().square().sum(), not (r * r).sum().",
    "beta upside down": "beta is upside down: it is the new residual's squared length over the old one's.",
    "beta of lengths": "beta is the ratio of the *squared* lengths; yours is the ratio of the lengths.",
    "beta negative": "beta has the wrong sign: the old direction is added.",
    "beta one": "Your beta is always 1: keep the old length of r in a variable before you change r.",
    "first length": "The length of the first residual is used at every turn: renew it inside the loop.",
    "length of d": "In alpha the squared length of the residual r stands on top, not that of the direction d.",
    "length of r below": "In alpha <d, N d> stands below; yours is <r, N r>, the same in the first step only.",
    "old residual": "The new direction starts from the new residual r'; yours starts from the old one.",
    "wrong side": "The new direction is r' + beta d; you multiplied r' by beta.",
    "new direction": "x goes along the direction d of this step; yours goes along the next one. Update x before d.",
    "starts at b": "x starts at zero. Yours starts at b, while the residual b belongs to x = 0.",
    "the residual": "Your function returns the residual, not x.",
    "the direction": "Your function returns the direction, not x.",
    "fixed step": "Your step has the same length at every turn: alpha is computed anew from r and d.",
    "plus": "The residual grows: it is r - alpha N d, with a minus.",
    "minus": "x goes backwards: it is x + alpha d, with a plus.",
    "residual without N": "The residual loses alpha N d; yours loses alpha d. Use the product with N.",
    "residual without alpha": "The residual loses alpha N d; yours loses N d.",
}  # what goes wrong in `_wrong_cg` -> what to say


def _solved_by(mine: Callable, A: SenseOperator, rhs: Tensor, n_iterations: int) -> tuple[Tensor, int]:
    """The learner's x, and how often it applied N; the right-hand side as it was."""
    n_calls = 0

    def normal(image: Tensor) -> Tensor:
        nonlocal n_calls
        n_calls += 1
        return A.normal(image)

    given = rhs.clone()
    answer = _call(
        mine, normal, rhs, n_iterations, about=f"On an image of {UNKNOWNS[0]} x {UNKNOWNS[1]} pixels", shapes=NUMBERS
    )
    check(
        torch.equal(rhs, given),
        "Your function changes `rhs`: residual and rhs are one tensor, and `residual -= ...` writes into it. "
        "Write `residual = residual - ...`.",
    )
    check(n_calls > 0, "Your function never calls `normal`, its first argument, which applies N.")
    check_tensor(answer, rhs.shape, is_complex=True)
    return answer, n_calls


def _check_first_step(mine: Callable, A: SenseOperator, rhs: Tensor) -> None:
    answer, _ = _solved_by(mine, A, rhs, 1)
    right = conjugate_gradient(A.normal, rhs, n_iterations=1, tolerance=0)
    along = torch.vdot(right.flatten(), answer.flatten()) / torch.vdot(right.flatten(), right.flatten())
    is_along = (answer - along * right).norm() < 1e-6 * right.norm()
    says = f"the first step goes along b but is {along.abs():.2f} times as long: look at alpha"
    check(
        (answer - right).norm() < 1e-6 * right.norm(),
        f"After one step x should be alpha b; {says if is_along else 'yours does not lie along b'}.",
    )


def _wrong_cg(A: SenseOperator, rhs: Tensor, n_iterations: int, mistake: str) -> Tensor:
    """Conjugate gradients with one mistake, to recognise it in an answer."""
    x = rhs.clone() if mistake == "starts at b" else torch.zeros_like(rhs)
    residual = rhs
    direction = rhs
    first_step = None
    for _ in range(n_iterations):
        product = A.normal(direction)
        energy = _squared({"length of d": direction, "first length": rhs}.get(mistake, residual), mistake)
        step = energy / _curvature(direction, product, mistake)
        if mistake == "length of r below":
            step = energy / _curvature(residual, A.normal(residual), mistake)
        first_step = step if first_step is None else first_step
        step = first_step if mistake == "fixed step" else step
        moved = residual - (1 if mistake == "residual without alpha" else step) * product
        moved = residual + step * product if mistake == "plus" else moved
        moved = residual - step * direction if mistake == "residual without N" else moved
        before = rhs if mistake == "first length" else residual
        beta = _beta(_squared(moved, mistake) / _squared(before, mistake), mistake)
        following = (residual if mistake == "old residual" else moved) + beta * direction
        following = beta * moved + direction if mistake == "wrong side" else following
        x = x + (-step if mistake == "minus" else step) * (following if mistake == "new direction" else direction)
        residual = moved
        direction = following
    return {"the residual": residual, "the direction": direction}.get(mistake, x)


def _squared(residual: Tensor, mistake: str) -> Tensor:
    return residual.square().sum() if mistake == "no magnitude" else residual.abs().square().sum()


def _curvature(direction: Tensor, product: Tensor, mistake: str) -> Tensor:
    if mistake in ("no conjugate", "no conjugate, real"):
        inner = (direction * product).sum()
        return inner.real if mistake == "no conjugate, real" else inner
    return torch.vdot(direction.flatten(), product.flatten()).real


def _beta(ratio: Tensor, mistake: str) -> Tensor | float:
    fixed = {"descent": 0.0, "beta one": 1.0}
    changed = {"beta upside down": 1 / ratio, "beta of lengths": ratio.abs().sqrt(), "beta negative": -ratio}
    return fixed[mistake] if mistake in fixed else changed.get(mistake, ratio)


# --- two coils ---


def _six_coils() -> Tensor:
    """Maps in an ellipse, for which the pair of each likely mistake is another one."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 40), indexing="ij")
    return simulate_coils(6, (48, 40), seed=9, kind="head_array") * (y**2 + x**2 < 0.85)


def _median_g(smaps: Tensor) -> float:
    g = g_factor(smaps, 2)
    return g[g > 0].median().item()


def _mean_g(smaps: Tensor) -> float:
    g = g_factor(smaps, 2)
    return g[g > 0].mean().item()


def _pair_from(mine: Callable, smaps: Tensor, array: str) -> tuple[int, int]:
    """The learner's pair as two whole numbers in order, or a sentence about what else came."""
    hint = "Are first and second two different coils, and both in the array?"
    answer = _call(mine, smaps, about=f"For {array}", hint=f"{hint} Two coils are smaps[[first, second]].")
    check(
        answer is not None,
        "Your function returns nothing: is the `return` missing, or does the lowest value start too low?",
    )
    coils = answer.tolist() if isinstance(answer, Tensor) else answer
    is_pair = isinstance(coils, Sequence) and not isinstance(coils, str) and len(coils) == 2
    check(is_pair, f"Your function returns {answer!r}; expected two coil numbers, (first, second).")
    try:
        first, second = sorted(index(coil) for coil in coils)
    except TypeError:
        raise CheckFailed(f"Your function returns {answer!r}; expected two whole numbers, (first, second).") from None
    there = 0 <= first < second < len(smaps)
    check(there, f"For {array} you chose {(first, second)}; expected two different coils of 0 to {len(smaps) - 1}.")
    return first, second


def _pair_mistakes(smaps: Tensor, medians: dict[tuple[int, int], float]) -> dict[str, tuple[int, int]]:
    """What a known mistake chooses."""
    slices = {pair: _median_g(smaps[pair[0] : pair[1] + 1]) for pair in medians}
    means = {pair: _mean_g(smaps[list(pair)]) for pair in medians}
    return {
        "that is the worst pair; g is an amplification, so look for the lowest.": max(medians, key=medians.get),
        "`smaps[first : second + 1]` takes all coils in between too; `smaps[[first, second]]` takes two.": min(
            slices, key=slices.get
        ),
        "that pair has the lowest *mean* of g, or the lowest median of the first four coils. Take g[g > 0].median(), "
        "and all pairs.": min(means, key=means.get),
        "the first pair stays for ever. Does your lowest value start above every g, as float('inf') does? And are the "
        "zeros outside the maps left out, as in g[g > 0]? With them all pairs have the same median.": (0, 1),
    }


def _call(mine: Callable, *arguments: Any, about: str, hint: str = "", shapes: str = SHAPES) -> Any:
    """What the learner's function returns; an error of its own becomes a sentence, with the likely reason."""
    hint = hint or (OUR_SLICE if _uses_our_slice(mine) else shapes)
    try:
        return mine(*arguments)
    except OneSentence:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        hint = next((meaning for part, meaning in ERRORS.items() if part in reason), hint)
        raise CheckFailed(
            f"{about} your function stops with {type(error).__name__}: {reason.rstrip('.')}. {hint}"
        ) from error


def _uses_our_slice(mine: Callable) -> bool:
    """Whether a function reads a tensor of the notebook, or has a number in it that is a size of a picture."""
    code = getattr(mine, "__code__", None)
    if code is None:
        return False
    numbers = [each for each in _flat(code.co_consts) if isinstance(each, int) and each >= FROM_OUR_SLICE]
    read = [mine.__globals__.get(name) for name in code.co_names]
    return bool(numbers) or any(isinstance(getattr(each, "__self__", each), (Tensor, SenseOperator)) for each in read)


def _flat(constants: Sequence[Any]) -> list[Any]:
    return [part for each in constants for part in (_flat(each) if isinstance(each, tuple) else [each])]
