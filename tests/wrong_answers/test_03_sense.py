"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
)

UNFOLD = """
def my_sense_unfold(folded, smaps, acceleration):
    C = {maps}
    a = folded.permute(1, 2, 0)[..., None]
    rho = {solve}
    return {back}
"""
RIGHT_UNFOLD = {
    "maps": "smaps.unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)",
    "solve": "torch.linalg.solve(C.mH @ C, C.mH @ a)[..., 0]",
    "back": "rho.permute(2, 0, 1).flatten(0, 1)",
}
LOOP = """
def my_sense_unfold(folded, smaps, acceleration):
    n_rows = {n_rows}
    image = {image}
    for row in range({height}):
        for column in range({width}):
            C = smaps[:, {group}, {place}]
            rhs = C.mH @ folded[:, row, column]
            {target} = torch.linalg.solve(C.mH @ C, rhs)
    return image
"""
RIGHT_LOOP = {
    "n_rows": "folded.shape[1]",
    "image": "torch.zeros_like(smaps[0])",
    "height": "n_rows",
    "width": "folded.shape[2]",
    "group": "row::n_rows",
    "place": "column",
    "target": "image[row::n_rows, column]",
}

CG = """
def my_conjugate_gradient(normal, rhs, n_iterations):
    x, r = {start}
    d = r
    for _ in range({n}):
        q = normal(d)
        energy = {energy}
        alpha = energy / {curvature}
        x, last, r = x {sign} alpha * d, r, {residual}
        beta = {beta}
        d = {direction}
    return {result}
"""
RIGHT_CG = {
    "start": "torch.zeros_like(rhs), rhs.clone()",
    "n": "n_iterations",
    "energy": "(r.conj() * r).sum().real",
    "curvature": "(d.conj() * q).sum().real",
    "sign": "+",
    "residual": "r - alpha * q",
    "beta": "(r.conj() * r).sum().real / energy",
    "direction": "r + beta * d",
    "result": "x",
}

PAIR = """
def my_best_pair(smaps):
    best, lowest = None, {start}
    for first in range({n}):
        for second in range({after}, {n}):
            g = g_factor({maps}, {rate})
            value = {value}
            if value {better} lowest:
                best, lowest = {pair}, value
    return best
"""
RIGHT_PAIR = {
    "start": "1e9",
    "n": "len(smaps)",
    "after": "first + 1",
    "maps": "smaps[[first, second]]",
    "rate": "2",
    "value": "g[g > 0].median()",
    "better": "<",
    "pair": "(first, second)",
}


def unfold_with(**changes):
    return UNFOLD.format(**{**RIGHT_UNFOLD, **changes})


def loop_with(**changes):
    return LOOP.format(**{**RIGHT_LOOP, **changes})


def cg_with(**changes):
    return CG.format(**{**RIGHT_CG, **changes})


def pair_with(**changes):
    return PAIR.format(**{**RIGHT_PAIR, **changes})


IN_PLACE_UNFOLD = """
def my_sense_unfold(folded, smaps, acceleration):
    n = folded.shape[1]
    image = smaps[0]
    for y in range(n):
        for x in range(folded.shape[2]):
            C = smaps[:, y::n, x].clone()
            image[y::n, x] = torch.linalg.solve(C.mH @ C, C.mH @ folded[:, y, x])
    return image
"""
IN_PLACE_CG = """
def my_conjugate_gradient(normal, rhs, n_iterations):
    x = torch.zeros_like(rhs)
    residual = rhs
    direction = rhs.clone()
    for _ in range(n_iterations):
        energy = residual.abs().square().sum()
        product = normal(direction)
        step = energy / torch.vdot(direction.flatten(), product.flatten()).real
        x = x + step * direction
        residual -= step * product
        direction = residual + residual.abs().square().sum() / energy * direction
    return x
"""
ALIASED_CG = IN_PLACE_CG.replace("direction = rhs.clone()", "direction = residual")
TWICE = """
def my_conjugate_gradient(normal, rhs, n_iterations):
    x, r = torch.zeros_like(rhs), rhs
    d = r
    for _ in range(n_iterations):
        energy = r.abs().square().sum()
        alpha = energy / torch.vdot(d.flatten(), normal(d).flatten()).real
        x = x + alpha * d
        r = r - alpha * normal(d)
        d = r + r.abs().square().sum() / energy * d
    return x
"""
COMPUTED_ANEW = """
def my_conjugate_gradient(normal, rhs, n_iterations):
    x, d = torch.zeros_like(rhs), rhs.clone()
    for _ in range(n_iterations):
        r = rhs - normal(x)
        x = x + r.norm() ** 2 / (d.conj() * normal(d)).sum() * d
        new = rhs - normal(x)
        d = new + new.norm() ** 2 / r.norm() ** 2 * d
    return x
"""

WRONG = {
    "my_sense_unfold": {
        "neighbouring rows grouped": unfold_with(maps="smaps.unflatten(-2, (-1, acceleration)).permute(1, 3, 0, 2)"),
        "neighbouring rows, in a loop": loop_with(
            group="acceleration * row : acceleration * row + acceleration",
            target="image[acceleration * row : acceleration * row + acceleration, column]",
        ),
        "the row and the next one": loop_with(group="row : row + acceleration"),
        "no conjugate": unfold_with(solve="torch.linalg.solve(C.mT @ C, C.mT @ a)[..., 0]"),
        "no conjugate on the right": unfold_with(solve="torch.linalg.solve(C.mH @ C, C.mT @ a)[..., 0]"),
        "adjoint without the inverse": unfold_with(solve="(C.mH @ a)[..., 0]"),
        "only as many coils as unknowns, no least squares": unfold_with(
            solve="torch.linalg.solve(C[..., :acceleration, :], a[..., :acceleration, :])[..., 0]"
        ),
        "divided by R": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1) / acceleration"),
        "multiplied by R": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1) * acceleration"),
        "conjugated maps": unfold_with(maps="smaps.conj().unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)"),
        "copies interleaved": unfold_with(back="rho.permute(0, 2, 1).flatten(0, 1)"),
        "copies in reverse order": unfold_with(back="rho.flip(-1).permute(2, 0, 1).flatten(0, 1)"),
        "copies left on an axis of their own": unfold_with(back="rho.permute(2, 0, 1)"),
        "only the first of each group": loop_with(target="image[row, column]").replace(
            "C.mH @ C, rhs)", "C.mH @ C, rhs)[0]"
        ),
        "real part only": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1).real + 0j"),
        "magnitudes": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1).abs()"),
        "complex magnitudes": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1).abs() + 0j"),
        "conjugated": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1).conj()"),
        "a real image": loop_with(image="torch.zeros(smaps.shape[1:])", target="image[row::n_rows, column]").replace(
            "C.mH @ C, rhs)", "C.mH @ C, rhs).real"
        ),
        "magnitudes of the maps": unfold_with(
            maps="smaps.abs().to(smaps.dtype).unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)"
        ),
        "a strong Tikhonov term": unfold_with(
            solve="torch.linalg.solve(C.mH @ C + 0.1 * torch.eye(acceleration), C.mH @ a)[..., 0]"
        ),
        "the folded image tiled": (
            "def my_sense_unfold(folded, smaps, acceleration):\n"
            "    tiled = folded.repeat(1, acceleration, 1)\n"
            "    return (smaps.conj() * tiled).sum(0)"
        ),
        "the rows of the lesson, one by one": loop_with(
            group="[row, row + torch.tensor(60)]", target="image[[row, row + 60], column]"
        ),
        "all rows of the image": loop_with(n_rows="smaps.shape[1]"),
        "the rows of the lesson": loop_with(group="[row, row + 60]", target="image[[row, row + 60], column]"),
        "the height of the lesson": loop_with(n_rows="60"),
        "the width of the lesson": loop_with(width="96"),
        "R is always 2": loop_with(n_rows="smaps.shape[1] // 2"),
        "R - 1 pixels": loop_with(height="n_rows - 1"),
        "the last column left out": loop_with(width="folded.shape[2] - 1"),
        "the maps of the lesson": loop_with().replace("def ", "maps = smaps\ndef ").replace("C = smaps[", "C = maps["),
        "the maps of another column": loop_with(place="row"),
        "the maps of the first column": loop_with(place="0"),
        "the maps of the first rows": loop_with(group="0::n_rows"),
        "writes into the maps": IN_PLACE_UNFOLD,
        "returns inside the loop": loop_with().replace("    return image", "        return image"),
        "no return": loop_with().replace("return image", "image"),
        "returns a list": loop_with().replace("return image", "return image.tolist()"),
        "nothing solved": "def my_sense_unfold(folded, smaps, acceleration):\n    return torch.zeros_like(smaps[0])",
        "not a number": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1) / 0"),
        "C is not square": loop_with().replace("solve(C.mH @ C, rhs)", "solve(C, folded[:, row, column])"),
        "as low as the folded image": loop_with(image="torch.zeros_like(folded[0])"),
        "every R-th row": loop_with(group="row::acceleration"),
        "every R-th row, read and written": loop_with(
            group="row::acceleration", target="image[row::acceleration, column]"
        ),
        "a weak Tikhonov term": loop_with().replace("(C.mH @ C,", "(C.mH @ C + 0.01 * torch.eye(acceleration),"),
        "Tikhonov with one": loop_with().replace("(C.mH @ C,", "(C.mH @ C + torch.eye(acceleration),"),
        "the first R coils, by C^H C": loop_with()
        .replace("C = smaps[:,", "C = smaps[:acceleration,")
        .replace("folded[:, row", "folded[:acceleration, row"),
        "magnitudes of maps and folded values": unfold_with(
            maps="(smaps.abs() + 0j).unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)"
        ).replace("a = folded", "a = (folded.abs() + 0j)"),
        "magnitudes of the folded values": unfold_with().replace("a = folded", "a = (folded.abs() + 0j)"),
        "two rows at any R": loop_with(
            group="[row, (row + n_rows) % smaps.shape[1]]",
            target="image[[row, (row + n_rows) % smaps.shape[1]], column]",
        ),
        "the library on what it does not take": (
            "def my_sense_unfold(folded, smaps, acceleration):\n    return sense_unfold(folded, smaps, acceleration)"
        ),
    },
    "my_conjugate_gradient": {
        "no conjugate in the step": cg_with(curvature="(d * q).sum()"),
        "no conjugate, real part": cg_with(curvature="(d * q).sum().real"),
        "squares instead of squared magnitudes": cg_with(energy="(r * r).sum()", beta="(r * r).sum() / energy"),
        "steepest descent": cg_with(beta="0"),
        "length of the direction": cg_with(energy="(d.conj() * d).sum().real", beta="r.norm()**2 / last.norm()**2"),
        "length of the direction, in beta too": cg_with(energy="(d.conj() * d).sum().real"),
        "the residual below": cg_with(curvature="(r.conj() * normal(r)).sum().real"),
        "beta upside down": cg_with(beta="energy / (r.conj() * r).sum().real"),
        "beta of norms, not of squares": cg_with(beta="r.norm() / last.norm()"),
        "norms, not squared norms": cg_with(energy="r.norm()", beta="r.norm() / energy"),
        "the norm on top of alpha": cg_with(energy="r.norm()", beta="(r.norm() / energy) ** 2"),
        "beta negative": cg_with(beta="-(r.conj() * r).sum().real / energy"),
        "beta of the new length twice": cg_with(beta="(r.conj() * r).sum().real / (r.conj() * r).sum().real"),
        "beta on the residual": cg_with(direction="beta * r + d"),
        "the old residual in the direction": cg_with(direction="last + beta * d"),
        "x along the next direction": cg_with(sign="+ 0 *", direction="r + beta * d\n        x = x + alpha * d"),
        "the residual grows": cg_with(residual="r + alpha * q"),
        "the residual without alpha": cg_with(residual="r - q"),
        "x backwards": cg_with(sign="-"),
        "fixed step": cg_with(energy="1.0", curvature="20.0"),
        "the first step for ever": cg_with(
            curvature="(d.conj() * q).sum().real\n        alpha = first = alpha if _ == 0 else first"
        ),
        "starts at the right-hand side with its residual unchanged": cg_with(start="rhs.clone(), rhs.clone()"),
        "always ten iterations": cg_with(n="10"),
        "always as many as our unknowns": cg_with(n="15"),
        "always a hundred": cg_with(n="100"),
        "the residual stays": cg_with(residual="r"),
        "the direction stays": cg_with(direction="d"),
        "x along the residual": cg_with().replace("x + alpha * d", "x + alpha * r"),
        "x along the new residual": cg_with(sign="+ 0 *", beta="(r.conj() * r).sum().real / energy; x = x + alpha * r"),
        "only the last step": cg_with().replace("x + alpha * d", "alpha * d"),
        "one iteration too few": cg_with(n="n_iterations - 1"),
        "one iteration too many": cg_with(n="n_iterations + 1"),
        "returns the residual": cg_with(result="r"),
        "returns the direction": cg_with(result="d"),
        "returns the magnitude": cg_with(result="x.abs()"),
        "returns everything": cg_with(result="x, r"),
        "returns inside the loop": cg_with().replace("    return x", "        return x"),
        "no return": cg_with().replace("return x", "x"),
        "changes the right-hand side": IN_PLACE_CG,
        "changes the right-hand side and the direction": ALIASED_CG,
        "applies N twice a step": TWICE,
        "the residual computed anew": COMPUTED_ANEW,
        "the residual without N": cg_with(residual="r - alpha * d"),
        "stops at a tolerance": cg_with(
            direction="r + beta * d\n        if r.norm() < 1e-2 * rhs.norm():\n            break"
        ),
        "never applies N": ("def my_conjugate_gradient(normal, rhs, n_iterations):\n    return torch.zeros_like(rhs)"),
        "the normal operator of the lesson": (
            "lesson = SenseOperator(smaps, mask).normal\n" + cg_with().replace("q = normal(d)", "q = lesson(d)")
        ),
        "a vector of images": cg_with(result="x.flatten()"),
        "a matrix in place of a number": cg_with(curvature="(d.mH @ q).real"),
        "an operator as a matrix": cg_with().replace("normal(d)", "normal @ d"),
        "real zeros": IN_PLACE_CG.replace("zeros_like(rhs)", "zeros(rhs.shape)")
        .replace("x = x + step", "x += step")
        .replace("residual = rhs\n", "residual = rhs.clone()\n"),
        "zeros of the valley": cg_with(start="torch.zeros(b.shape), rhs"),
        "the old length is not renewed": cg_with(
            energy="(rhs.conj() * rhs).sum().real", beta="(r.conj() * r).sum().real / energy"
        ),
        "vdot of images": cg_with(curvature="torch.vdot(d, q).real"),
    },
    "my_best_pair": {
        "the mean of g": pair_with(value="g[g > 0].mean()"),
        "the mean of g with air": pair_with(value="g.mean()"),
        "the largest g": pair_with(value="g.max()"),
        "starts at one": pair_with(start="1.0").replace("best, lowest = None,", "best, lowest = (0, 1),"),
        "starts at one, without a pair": pair_with(start="1.0"),
        "starts at one, never assigned": pair_with(start="1.0").replace("best, lowest = None, 1.0", "lowest = 1.0"),
        "the worst pair": pair_with(start="0", better=">"),
        "a slice of coils": pair_with(maps="smaps[first : second + 1]"),
        "a slice without its end": pair_with(maps="smaps[first:second]"),
        "a pixel in place of two coils": pair_with(maps="smaps[first, second]"),
        "one coil twice": pair_with(after="first"),
        "four coils always": pair_with(n="4"),
        "three coils": pair_with(n="3"),
        "the first three of more": pair_with(n="(len(smaps) - 1)"),
        "the answer for rows": "def my_best_pair(smaps):\n    return 1, 3",
        "the answer for columns": "def my_best_pair(smaps):\n    return (0, 2)",
        "the first and the second coil": "def my_best_pair(smaps):\n    return 0, 1",
        "R = 3": pair_with(rate="3"),
        "R = 4": pair_with(rate="4"),
        "the first and the last coil": "def my_best_pair(smaps):\n    return 0, len(smaps) - 1",
        "opposite coils": "def my_best_pair(smaps):\n    return 1, len(smaps) - 1",
        "the brain's maps, whatever came": pair_with(maps="brain.smaps[[first, second]]", n="4"),
        "the last pair tried": pair_with(better="> 0 *"),
        "air in the median": pair_with(value="g.median()"),
        "the first pair stays": pair_with(value="g.abs().min()"),
        "the median itself": pair_with().replace("return best", "return lowest"),
        "one number": pair_with().replace("return best", "return best[0]"),
        "no return": pair_with().replace("return best", "best"),
        "coils counted from one": pair_with(pair="(first + 1, second + 1)"),
        "one coil": pair_with(pair="(first, first)"),
        "words": "def my_best_pair(smaps):\n    return 'ab'",
        "words in a pair": "def my_best_pair(smaps):\n    return 'first', 'second'",
        "three numbers": pair_with(pair="(first, second, 2)"),
        "half numbers": pair_with(pair="(first + 0.5, second + 0.5)"),
        "another R": pair_with(rate="1"),
        "most signal": (
            "def my_best_pair(smaps):\n"
            "    power = smaps.abs().square().mean((1, 2))\n"
            "    return tuple(power.topk(2).indices.tolist())"
        ),
    },
}

RIGHT = {
    "my_sense_unfold": {
        "normal equations": unfold_with(),
        "pseudo-inverse": unfold_with(solve="(torch.linalg.pinv(C) @ a)[..., 0]"),
        "loops": loop_with(),
        "an inverse matrix": loop_with().replace(
            "torch.linalg.solve(C.mH @ C, rhs)", "torch.linalg.inv(C.mH @ C) @ rhs"
        ),
        "a list of rows": loop_with(
            group="[row + k * n_rows for k in range(acceleration)]",
            target="image[[row + k * n_rows for k in range(acceleration)], column]",
        ),
        "least squares by the library": (
            "def my_sense_unfold(folded, smaps, acceleration):\n"
            "    n = folded.shape[1]\n"
            "    image = torch.zeros(smaps.shape[1:], dtype=torch.complex128)\n"
            "    for y in range(n):\n"
            "        for x in range(folded.shape[2]):\n"
            "            C = smaps[:, y::n, x]\n"
            "            image[y::n, x] = torch.linalg.lstsq(C, folded[:, y, x, None]).solution[:, 0]\n"
            "    return image"
        ),
    },
    "my_conjugate_gradient": {
        "inner products by conjugation": cg_with(),
        "the other formula for beta": cg_with(beta="(r.conj() * (r - last)).sum().real / energy"),
        "complex lengths": cg_with(energy="torch.vdot(r.flatten(), r.flatten())", curvature="(d.conj() * q).sum()"),
        "the residual in the step": cg_with(
            curvature="(last.conj() * q).sum().real", start="torch.zeros_like(rhs), rhs\n    last = r"
        ).replace("        q = normal(d)", "        last = r\n        q = normal(d)"),
        "residual of zero first": cg_with(start="torch.zeros_like(rhs), rhs - normal(0 * rhs)"),
        "in place on copies": IN_PLACE_CG.replace("residual = rhs\n", "residual = rhs.clone()\n"),
    },
    "my_best_pair": {
        "loops": pair_with(),
        "in reverse": pair_with(pair="(second, first)"),
        "a list": pair_with(pair="[first, second]"),
        "a tensor": pair_with(pair="torch.tensor([first, second])"),
        "a dictionary": (
            "from itertools import combinations\n"
            "def my_best_pair(smaps):\n"
            "    medians = {}\n"
            "    for pair in combinations(range(len(smaps)), 2):\n"
            "        g = g_factor(smaps[list(pair)], 2)\n"
            "        medians[pair] = g[g > 0].median().item()\n"
            "    return min(medians, key=medians.get)"
        ),
        "NaN in air": pair_with(value="g.where(g > 0, torch.nan).nanmedian()"),
    },
}

SAYS = {  # mistakes that learners make, and a word of the sentence that has to name them
    "my_sense_unfold": {
        "neighbouring rows, in a loop": "not neighbours",
        "no conjugate": "C.mH",
        "adjoint without the inverse": "still have to be solved",
        "only as many coils as unknowns, no least squares": "all coils count",
        "divided by R": "too small",
        "copies in reverse order": "reverse order",
        "the rows of the lesson": "in place of its arguments",
        "only the first of each group": "all R pixels",
        "C is not square": "solve C^H C rho",
        "as low as the folded image": "torch.zeros_like(smaps[0])",
        "every R-th row": "n_rows",
        "every R-th row, read and written": "step of your slices",
        "the row and the next one": "neighbours",
        "a weak Tikhonov term": "leave it out",
        "writes into the maps": "writes into",
        "magnitudes": "real",
        "the maps of the first column": "one column",
        "no return": "`return` missing",
        "the first R coils, by C^H C": "all coils count",
        "magnitudes of maps and folded values": "magnitudes of maps and folded values",
        "magnitudes of the folded values": "magnitudes of the folded values",
        "two rows at any R": "all R pixels",
    },
    "my_conjugate_gradient": {
        "no conjugate in the step": "conjugate is missing",
        "steepest descent": "steepest descent",
        "length of the direction": "<r, r> stands on top",
        "the residual below": "<r, N r>",
        "beta upside down": "upside down",
        "beta of norms, not of squares": "*squared*",
        "norms, not squared norms": "in alpha and in beta",
        "the norm on top of alpha": "on top of alpha",
        "beta of the new length twice": "always 1",
        "the old residual in the direction": "new residual r'",
        "x along the next direction": "Update x before d",
        "one iteration too few": "made 3 steps",
        "always ten iterations": "made 10 steps",
        "always as many as our unknowns": "applied N 15 times",
        "always a hundred": "range(n_iterations)",
        "the residual stays": "residual stays b",
        "the direction stays": "direction stays b",
        "x along the residual": "along the residual r",
        "x along the new residual": "new residual r'",
        "only the last step": "only the last step",
        "changes the right-hand side": "changes `rhs`",
        "applies N twice a step": "applied N 8 times",
        "the residual without N": "loses alpha d",
        "stops at a tolerance": "tolerance",
        "never applies N": "never calls",
        "vdot of images": "d.flatten()",
        "a matrix in place of a number": "are numbers",
        "an operator as a matrix": "normal(d)",
        "real zeros": "zeros_like",
        "zeros of the valley": "in place of its arguments",
        "the old length is not renewed": "renew it",
        "returns inside the loop": "inside it",
    },
    "my_best_pair": {
        "the worst pair": "worst",
        "the mean of g": "lowest *mean*",
        "the largest g": "*largest* g",
        "four coils always": "coils 0 to 3",
        "the first and the second coil": "fixed answer",
        "the answer for rows": "fixed answer",
        "R = 3": "R is 2",
        "R = 4": "R is 2",
        "air in the median": "the zeros outside the maps",
        "the first pair stays": "Are the zeros outside the maps left out",
        "starts at one": "start above every g",
        "starts at one, without a pair": "start too low",
        "starts at one, never assigned": "float('inf')",
        "a slice of coils": "all coils in between",
        "a pixel in place of two coils": "smaps[[first, second]]",
        "one coil twice": "two different coils",
        "coils counted from one": "two different coils",
        "no return": "`return` missing",
    },
}


@pytest.mark.parametrize(("name", "mistake"), [(name, mistake) for name in SAYS for mistake in SAYS[name]])
def test_a_mistake_is_called_by_its_name(request, name, mistake):
    assert SAYS[name][mistake] in str(verdict(request.module, name, WRONG[name][mistake]))
