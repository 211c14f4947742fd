"""Checks of the exercises on SENSE: unfolding, conjugate gradients, and two coils for two pixels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from operator import index
from types import SimpleNamespace
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
FROM_OUR_SLICE = 10  # a whole number from here on, in an answer, is a size of the slice
OUR_SLICE = "Does it use a size or a variable of our slice in place of its arguments?"
SHAPES = "Print the shapes inside your function: which of them is not what its first line says?"
VDOT = "torch.vdot(d.flatten(), p.flatten())"
ERRORS = {
    "square": "C has a row for each coil and is not square: solve C^H C rho = C^H a in place of C rho = a.",
    "singular": "Which rows are in C? It has R columns, one for each pixel that folds: smaps[:, row::n_rows, column].",
    "1D tensors": f"torch.vdot takes flat vectors: {VDOT}.",
    "operand type(s) for @": "`normal` is a function: normal(d) applies it, `@` does not.",
    "can't be cast": "Complex numbers do not fit into a real tensor: begin with torch.zeros_like.",
    "expanded size": "You write into a slice of another length than the pixels have: the image is as high as the maps, "
    "torch.zeros_like(smaps[0]), and the step of its slice is n_rows, as in C.",
    "out of bounds for dimension 1": f"{OUR_SLICE} There are n_rows = folded.shape[1] folded rows, and the next pixel "
    "of a group lies n_rows further, not 60.",
    "local variable": "A variable gets its value only inside an `if` that was never true: does a lowest value start at "
    "float('inf')?",
    "by acceleration": "The exercise asks for R = 2: g_factor(smaps[[first, second]], 2).",
    "do not tell the 2 pixels": "Are first and second two different coils? Two coils are smaps[[first, second]].",
    "do not tell": "Two coils can tell two pixels apart and no more, so R is 2: g_factor(smaps[[first, second]], 2).",
}  # a part of what Python says -> what it means here


# --- unfolding ---

CASES = ((3, (45, 37), 0.1), (1, (45, 37), 0.0), (3, (45, 37), 0.0), (2, (34, 41), 0.0))  # R, shape, noise
CLOSE = 0.02  # of pixels that are about 1
Solver = Callable[[Tensor, Tensor], Tensor]  # C, a -> rho


def check_sense_unfold(mine: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    """Check `my_sense_unfold`: the object comes back without noise, at R = 1 too; with noise the least squares do.

    Raises
    ------
    CheckFailed
        With the sentence that names the mistake.
    """
    for R, shape, noise_std in CASES:
        folded, smaps = _folded_scan(R, shape, noise_std)
        answer = _unfolded_by(mine, folded, smaps, R)
        _check_groups(mine, folded, smaps, R)
        right = _unfold(folded, smaps, R)
        reject_known_mistakes(answer, right, _unfolding_mistakes(folded, smaps, R, right))
        _check_no_weight(answer, folded, smaps, R)
        off = (answer - right).abs().max().item()
        check(
            off < CLOSE,
            f"At R = {R}, your pixels are off by up to {off:.2g}, where they are about 1. C is (coils, R): all coils, "
            "and rows that lie n_rows apart, not neighbours. a is (coils,), and C^H C rho = C^H a.",
        )
    passed(LESSON, "my_sense_unfold", "unfolds at R = 1, 2 and 3, and with noise it is the least-squares solution")


def _folded_scan(R: int, shape: tuple[int, int], noise_std: float) -> tuple[Tensor, Tensor]:
    """One period of six folded coil images and their maps, in double precision; sizes that no lesson uses."""
    smaps = simulate_coils(6, shape, seed=2, kind="head_array").to(torch.complex128)
    image = random_complex(*shape, seed=3, dtype=torch.complex128)
    kspace = fft2c(smaps * image) + noise_std * random_complex(6, *shape, seed=4)
    comb = equispaced_mask(shape[0], R, acs=0)
    return R * ifft2c(comb * kspace)[:, : shape[0] // R], smaps


def _unfolded_by(mine: Callable, folded: Tensor, smaps: Tensor, R: int) -> Tensor:
    """The learner's image, whole and complex; the arguments as they were."""
    given = folded.clone(), smaps.clone()
    about = f"On {folded.shape[1]} folded rows, {folded.shape[2]} columns and R = {R}"
    answer = _call(mine, folded, smaps, R, about=about)
    unchanged = torch.equal(folded, given[0]) and torch.equal(smaps, given[1])
    check(unchanged, "Your function writes into `folded` or `smaps`: make a new image with torch.zeros_like(smaps[0]).")
    if isinstance(answer, Tensor) and answer.ndim == 3 and answer.numel() == smaps[0].numel():
        check(False, f"Your result has the shape {tuple(answer.shape)}: put the R pieces below one another, (y, x).")
    check_tensor(answer, smaps.shape[1:], is_complex=True)
    return answer


def _check_groups(mine: Callable, folded: Tensor, smaps: Tensor, R: int) -> None:
    """One folded row has to reach all rows that fold onto it, y / R apart, and no others."""
    n_rows = folded.shape[1]
    one_row = torch.zeros_like(folded)
    one_row[:, 5] = folded[:, 5]
    reached = _unfolded_by(mine, one_row, smaps, R).abs().sum(1) > 0
    right = torch.arange(len(reached)) % n_rows == 5
    check(
        not (reached & ~right).any(),
        "Rows are mixed that do not fold together: those that do are row, row + n_rows, row + 2 n_rows and so on, "
        "n_rows = y / R apart, not neighbours.",
    )
    rows, yours = (each.nonzero()[:, 0].tolist() for each in (right, reached))
    check(
        rows == yours,
        f"At R = {R}, folded row 5 has to give rows {rows} of the image, and yours gives {yours}: is the step of your "
        f"slices n_rows = {n_rows}, are all R pixels written into them, and is every row and column solved?",
    )


def _least_squares(C: Tensor, a: Tensor) -> Tensor:
    return torch.linalg.lstsq(C, a).solution


def _unfold(folded: Tensor, smaps: Tensor, R: int, solve: Solver = _least_squares) -> Tensor:
    """Solve all groups of pixels at once: C (rows, x, coils, R) and a (rows, x, coils, 1) -> (y, x)."""
    C = smaps.unflatten(1, (R, -1)).permute(2, 3, 0, 1)
    a = folded.permute(1, 2, 0)[..., None]
    return solve(C, a)[..., 0].permute(2, 0, 1).flatten(0, 1)


def _check_no_weight(answer: Tensor, folded: Tensor, smaps: Tensor, R: int) -> None:
    """The answer may not solve (C^H C + weight) rho = C^H a, whatever the weight."""
    answer = answer.to(smaps.dtype)
    rho = answer.unflatten(0, (R, -1)).permute(1, 2, 0)[..., None]
    left = _unfold(folded, smaps, R, lambda C, a: C.mH @ (a - C @ rho))
    weight = (torch.vdot(answer.flatten(), left.flatten()) / answer.norm() ** 2).real.item()
    is_weight = weight > 1e-4 and (left - weight * answer).norm() < 1e-2 * left.norm()
    says = f"You solve (C^H C + {weight:.2g} I) rho = C^H a. A weight makes the pixels too small: leave it out."
    check(not is_weight, says)


def _unfolding_mistakes(folded: Tensor, smaps: Tensor, R: int, right: Tensor) -> dict[str, Any]:
    """What a known mistake returns, under the sentence that names it."""

    def solved(solve: Solver = _least_squares, maps: Tensor = smaps, values: Tensor = folded) -> Callable[[], Tensor]:
        return lambda: _unfold(values, maps, R, solve)

    solve = torch.linalg.solve
    n_rows = folded.shape[1]
    pieces = right.unflatten(0, (R, -1))
    some = (..., slice(R), slice(None))
    size = smaps.abs().to(smaps.dtype)
    no_phase = folded.abs().to(smaps.dtype)
    one_column = smaps[..., :1].expand_as(smaps)
    one_row = smaps[:, ::n_rows].repeat_interleave(n_rows, 1)
    times_R = "the folded images are already multiplied by R."
    return {
        "The conjugate is missing: C.mH conjugates, C.mT does not.": solved(lambda C, a: solve(C.mT @ C, C.mT @ a)),
        "The conjugate is missing in C^H a: take C.mH there too.": solved(lambda C, a: solve(C.mH @ C, C.mT @ a)),
        "This is C^H a: C^H C rho = C^H a still have to be solved.": solved(lambda C, a: C.mH @ a),
        "You take as many coils as pixels: with C^H C all coils count.": solved(lambda C, a: solve(C[some], a[some])),
        "The maps are conjugated: C holds them as they are.": solved(maps=smaps.conj()),
        "Only magnitudes of the maps are used: their phases tell pixels apart too.": solved(maps=size),
        "Only magnitudes of maps and folded values are used: take both as they are.": solved(
            maps=size, values=no_phase
        ),
        "Only magnitudes of the folded values are used: take them as they are.": solved(values=no_phase),
        f"Every pixel is R times too small: {times_R}": right / R,
        f"Every pixel is R times too large: {times_R}": right * R,
        "The R pieces stand in reverse order: rho[0] belongs to the uppermost row.": pieces.flip(0).flatten(0, 1),
        "The R pixels of a group stand side by side, not n_rows = y / R apart.": pieces.transpose(0, 1).flatten(0, 1),
        "The result is conjugated.": right.conj().resolve_conj(),
        "The imaginary part is lost.": right.real + 0j,
        "These are magnitudes: give the complex values, their phase belongs to the image.": right.abs() + 0j,
        "The maps of one column are used for all columns: take those of the column.": solved(maps=one_column),
        "The maps of one row are used for all rows: take those of the rows in question.": solved(maps=one_row),
    }


# --- conjugate gradients ---

UNKNOWNS = (5, 3)  # of the small problem
STEPS = 4  # after which mistakes are told apart
NUMBERS = f"alpha and beta are numbers: `d.mH @ p` gives a matrix, {VDOT} a number."


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
    mistakes = {sentence: _cg_with(A, rhs, name, wrong) for name, wrong, sentence in CG_MISTAKES}
    for other in (1, STEPS - 1, STEPS + 1, n_calls):
        sentence = f"For n_iterations = {STEPS} your x has made {other} steps: count the turns of your loop."
        sentence += " Is the `return` inside it?" if other == 1 else ""
        mistakes[sentence] = conjugate_gradient(A.normal, rhs, n_iterations=other, tolerance=0)
    reject_known_mistakes(answer, right, mistakes)
    first = conjugate_gradient(A.normal, rhs, n_iterations=1, tolerance=0)
    off = (_solved_by(mine, A, rhs, 1)[0] - first).norm() / first.norm()
    check(off < 1e-6, "The first step is off: after it x is alpha b, with alpha = <b, b> / <b, N b>. Look at alpha.")
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


def _solved_by(mine: Callable, A: SenseOperator, rhs: Tensor, n_iterations: int) -> tuple[Tensor, int]:
    """The learner's x, and how often it applied N; the right-hand side as it was."""
    n_calls = 0

    def normal(image: Tensor) -> Tensor:
        nonlocal n_calls
        n_calls += 1
        return A.normal(image)

    given = rhs.clone()
    about = f"On an image of {UNKNOWNS[0]} x {UNKNOWNS[1]} pixels"
    answer = _call(mine, normal, rhs, n_iterations, about=about, hint=NUMBERS)
    check(
        torch.equal(rhs, given),
        "Your function changes `rhs`: residual and rhs are one tensor, and `residual -= ...` writes into it. "
        "Write `residual = residual - ...`.",
    )
    check(n_calls > 0, "Your function never calls `normal`, its first argument, which applies N.")
    check(
        n_calls <= 3 * n_iterations,
        f"For n_iterations = {n_iterations} you applied N {n_calls} times: is the loop `for _ in range(n_iterations)`?",
    )
    check_tensor(answer, rhs.shape, is_complex=True)
    return answer, n_calls


def _inner(u: Tensor, v: Tensor) -> Tensor:
    return torch.vdot(u.flatten(), v.flatten()).real


CG: Mapping[str, Callable[..., Any]] = {
    "start": lambda s: torch.zeros_like(s.b),
    "square": lambda u: _inner(u, u),
    "old": lambda s: s.square(s.r),
    "alpha": lambda s: s.old / _inner(s.d, s.Nd),
    "r": lambda s: s.r - s.alpha * s.Nd,
    "beta": lambda s: s.square(s.new) / s.old,
    "d": lambda s: s.new + s.beta * s.d,
    "x": lambda s: s.x + s.alpha * s.d,
    "result": lambda s: s.x,
}  # the formulas of the lesson; `new` is the new residual, `next` the new direction
SQUARED = "You take the length of r, r.norm(), where the *squared* length stands, r.abs().square().sum():"
CG_MISTAKES: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("beta", lambda s: 0, "This is steepest descent: the new direction is r' + beta d, and yours lacks beta d."),
    ("beta", lambda s: 1 / CG["beta"](s), "beta is upside down: the new squared length over the old one."),
    ("beta", lambda s: CG["beta"](s).sqrt(), "beta is a ratio of *squared* lengths; yours is one of lengths."),
    ("beta", lambda s: -CG["beta"](s), "beta has the wrong sign: the old direction is added."),
    ("beta", lambda s: 1, "Your beta is always 1: keep the old length of r in a variable before you change r."),
    ("square", lambda u: _inner(u, u).sqrt(), f"{SQUARED} in alpha and in beta."),
    ("alpha", lambda s: s.old.sqrt() / _inner(s.d, s.Nd), f"{SQUARED} on top of alpha."),
    ("alpha", lambda s: s.old / (s.d * s.Nd).sum(), f"The conjugate is missing in <d, N d>: {VDOT}.real."),
    ("alpha", lambda s: s.old / (s.d * s.Nd).sum().real, f"The conjugate is missing in <d, N d>: {VDOT}, then .real."),
    ("alpha", lambda s: _inner(s.d, s.d) / _inner(s.d, s.Nd), "In alpha <r, r> stands on top; yours is <d, d>."),
    ("alpha", lambda s: s.old / _inner(s.r, s.N(s.r)), "In alpha <d, N d> stands below; yours is <r, N r>."),
    ("alpha", lambda s: _inner(s.b, s.b) / _inner(s.b, s.N(s.b)), "alpha is the same at every turn: compute it anew."),
    ("square", lambda u: (u * u).sum(), "The length of r comes from magnitudes: r.abs().square().sum(), not (r * r)."),
    ("old", lambda s: _inner(s.b, s.b), "The length of the first residual stays: renew it inside the loop."),
    ("r", lambda s: s.r, "The residual stays b at every turn: give it its new value, r - alpha N d, inside the loop."),
    ("r", lambda s: s.r + s.alpha * s.Nd, "The residual grows: it is r - alpha N d, with a minus."),
    ("r", lambda s: s.r - s.alpha * s.d, "The residual loses alpha N d; yours loses alpha d. Use the product N d."),
    ("r", lambda s: s.r - s.Nd, "The residual loses alpha N d; yours loses N d."),
    ("d", lambda s: s.r + s.beta * s.d, "The new direction starts from the new residual r'; yours from the old one."),
    ("d", lambda s: s.beta * s.new + s.d, "The new direction is r' + beta d; you multiplied r' by beta."),
    ("d", lambda s: s.d, "The direction stays b at every turn: give it its new value, r' + beta d, inside the loop."),
    ("x", lambda s: s.x + s.alpha * s.next, "x goes along d, yours along the next direction. Update x before d."),
    ("x", lambda s: s.x + s.alpha * s.r, "x goes along the direction d; yours goes along the residual r."),
    ("x", lambda s: s.x + s.alpha * s.new, "x goes along the direction d; yours goes along the new residual r'."),
    ("x", lambda s: s.x - s.alpha * s.d, "x goes backwards: it is x + alpha d, with a plus."),
    ("x", lambda s: s.alpha * s.d, "x is only the last step: it is x + alpha d, and the old x belongs to it."),
    ("start", lambda s: s.b, "x starts at zero. Yours starts at b, while the residual b belongs to x = 0."),
    ("result", lambda s: s.r, "Your function returns the residual, not x."),
    ("result", lambda s: s.d, "Your function returns the direction, not x."),
)  # which formula is wrong, how, and what to say


def _cg_with(A: SenseOperator, rhs: Tensor, name: str, wrong: Callable[..., Any]) -> Tensor:
    """Conjugate gradients with one formula replaced, to recognise it in an answer."""
    formula = {**CG, name: wrong}
    s = SimpleNamespace(N=A.normal, b=rhs, r=rhs, d=rhs, square=formula["square"])
    s.x = formula["start"](s)
    for _ in range(STEPS):
        s.Nd = s.N(s.d)
        s.old = formula["old"](s)
        s.alpha = formula["alpha"](s)
        s.new = formula["r"](s)
        s.beta = formula["beta"](s)
        s.next = formula["d"](s)
        s.x = formula["x"](s)
        s.r, s.d = s.new, s.next
    return formula["result"](s)


# --- two coils ---

EQUAL_G = 1e-3
Pair = tuple[int, int]


def check_best_pair(mine: Callable[[Tensor], Pair], smaps: Tensor) -> None:
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
    pairs = {array: _pair_from(mine, maps, array) for array, maps in arrays.items()}
    only = pairs["six other coils"]
    stays = (
        "Are the zeros outside the maps left out, as in g[g > 0]? With them many pairs have the same median, and the "
        "first one stays. Or does the lowest value not start above every g? Or is it a fixed answer?"
    )
    why = stays if only == (0, 1) else "Is it a fixed answer?"
    check(len(set(pairs.values())) > 1, f"You chose {only} for each of three arrays. {why}")
    found = []
    for array, maps in arrays.items():
        pair = pairs[array]
        medians = {each: _median(g_factor(maps[list(each)], 2)) for each in combinations(range(len(maps)), 2)}
        lowest = min(medians.values())
        off = medians[pair] - lowest
        mistake = next((says for says, wrong in _pair_mistakes(maps, medians).items() if wrong == pair), "")
        says = mistake or "Is every pair tried, and the lowest one kept?"
        check(
            off < EQUAL_G,
            f"For {array} you chose {pair}, whose median g is {medians[pair]:.2f}; another has {lowest:.2f}. {says}",
        )
        found.append(f"coils {pair[0]} and {pair[1]} with g = {medians[pair]:.2f}")
    passed(LESSON, "my_best_pair", f"rows left out: {found[1]}; columns left out: {found[2]}")


def _six_coils() -> Tensor:
    """Maps in an ellipse, for which the pair of each likely mistake is another one (of the largest g: measured)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 40), indexing="ij")
    return simulate_coils(6, (48, 40), seed=51, kind="head_array") * (y**2 + x**2 < 0.85)


def _median(g: Tensor) -> float:
    return g[g > 0].median().item()


def _pair_from(mine: Callable, smaps: Tensor, array: str) -> Pair:
    """The learner's pair as two whole numbers in order, or a sentence about what else came."""
    hint = "Are first and second two different coils, and both in the array? Two coils are smaps[[first, second]]."
    answer = _call(mine, smaps, about=f"For {array}", hint=hint, is_sure=True)
    nothing = "Your function returns nothing: is the `return` missing, or does the lowest value start too low?"
    check(answer is not None, nothing)
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


def _pair_mistakes(smaps: Tensor, medians: Mapping[Pair, float]) -> dict[str, Pair]:
    """What a known mistake chooses, under the sentence that names it."""
    g = {pair: g_factor(smaps[list(pair)], 2) for pair in medians}
    slices = {pair: _median(g_factor(smaps[pair[0] : pair[1] + 1], 2)) for pair in medians}

    def lowest(value: Callable[[Tensor], Tensor]) -> Pair:
        return min(medians, key=lambda pair: value(g[pair]).item())

    ours = "Take g[g > 0].median()."
    first_four = (pair for pair in medians if pair[1] < 4)
    return {
        "That is the worst pair; g is an amplification, so look for the lowest.": max(medians, key=medians.get),
        "smaps[first : second + 1] takes all coils in between too; take smaps[[first, second]].": (
            min(slices, key=slices.get)
        ),
        f"That pair has the lowest *mean* of g. {ours}": lowest(lambda g: g[g > 0].mean()),
        f"That pair has the lowest *largest* g. {ours}": lowest(torch.max),
        f"Does your median hold the zeros outside the maps? {ours}": lowest(torch.median),
        "That is the best pair of coils 0 to 3, but there are len(smaps) coils.": min(first_four, key=medians.get),
    }


# --- calling an answer ---


def _call(mine: Callable, *arguments: Any, about: str, hint: str = SHAPES, is_sure: bool = False) -> Any:
    """What the learner's function returns; an error of its own becomes a sentence, with the likely reason."""
    hint = OUR_SLICE if not is_sure and _uses_our_slice(mine) else hint
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Casting complex")  # the check says it in a sentence
            return mine(*arguments)
    except OneSentence:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        hint = next((meaning for part, meaning in ERRORS.items() if part in reason), hint)
        stops = f"{about} your function stops with {type(error).__name__}: {reason.rstrip('.')}."
        raise CheckFailed(f"{hint} ({stops})") from error


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
