"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

UNFOLD = """
def my_sense_unfold(aliased, smaps, acceleration):
    C = {maps}
    a = aliased.permute(1, 2, 0)[..., None]
    rho = {solve}
    return {back}
"""
RIGHT_UNFOLD = {
    "maps": "smaps.unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)",
    "solve": "torch.linalg.solve(C.mH @ C, C.mH @ a)[..., 0]",
    "back": "rho.permute(2, 0, 1).flatten(0, 1)",
}

CG = """
def my_conjugate_gradient(normal, rhs, n_iterations):
    x, r = {start}
    d = r
    for _ in range({n}):
        q = normal(d)
        energy = {energy}
        alpha = energy / {curvature}
        x, last, r = x + alpha * d, r, r - alpha * q
        beta = {beta}
        d = r + beta * d
    return x
"""
RIGHT_CG = {
    "start": "torch.zeros_like(rhs), rhs.clone()",
    "n": "n_iterations",
    "energy": "(r.conj() * r).sum().real",
    "curvature": "(d.conj() * q).sum().real",
    "beta": "(r.conj() * r).sum().real / energy",
}

GRAPPA = """
def my_grappa(kspace, mask):
    places = [(dy, dx) for dy in {dy} for dx in {dx}]
    S = torch.stack([kspace.roll(place, (-2, -1)) for place in places]).flatten(0, 1)
    known = {known}
    X, Y = S[:, known].flatten(1).mT, kspace[:, known].flatten(1).mT
    W = {fit}
    filled = {apply}
    return {result}
"""
RIGHT_GRAPPA = {
    "dy": "(1, -1)",
    "dx": "(1, 0, -1)",
    "known": "(mask & mask.roll(1, 0) & mask.roll(-1, 0)).squeeze(-1)",
    "fit": "torch.linalg.pinv(X) @ Y",
    "apply": "(S.permute(1, 2, 0) @ W).permute(2, 0, 1)",
    "result": "kspace + ~mask * filled",
}
OWN_COIL = """
def my_grappa(kspace, mask):
    known = (mask & mask.roll(1, 0) & mask.roll(-1, 0)).squeeze(-1)
    filled = []
    for coil in kspace:
        S = torch.stack([coil.roll((dy, dx), (0, 1)) for dy in (-1, 1) for dx in (-1, 0, 1)])
        w = torch.linalg.lstsq(S[:, known].flatten(1).mT, coil[known].flatten()[:, None]).solution[:, 0]
        filled.append(torch.einsum("s,syx->yx", w, S))
    return torch.where(mask, kspace, torch.stack(filled))
"""


def unfold_with(**changes):
    return UNFOLD.format(**{**RIGHT_UNFOLD, **changes})


def cg_with(**changes):
    return CG.format(**{**RIGHT_CG, **changes})


def grappa_with(**changes):
    return GRAPPA.format(**{**RIGHT_GRAPPA, **changes})


WRONG = {
    "my_sense_unfold": {
        "neighbouring rows grouped": unfold_with(maps="smaps.unflatten(-2, (-1, acceleration)).permute(1, 3, 0, 2)"),
        "no conjugate": unfold_with(solve="torch.linalg.solve(C.mT @ C, C.mT @ a)[..., 0]"),
        "adjoint without the inverse": unfold_with(solve="(C.mH @ a)[..., 0]"),
        "only as many coils as unknowns, no least squares": unfold_with(
            solve="torch.linalg.solve(C[..., :acceleration, :], a[..., :acceleration, :])[..., 0]"
        ),
        "scaled by R": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1) / acceleration"),
        "conjugated maps": unfold_with(maps="smaps.conj().unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)"),
        "copies interleaved": unfold_with(back="rho.permute(0, 2, 1).flatten(0, 1)"),
        "copies in reverse order": unfold_with(back="rho.flip(-1).permute(2, 0, 1).flatten(0, 1)"),
        "copies left on an axis of their own": unfold_with(back="rho.permute(2, 0, 1)"),
        "real part only": unfold_with(back="rho.permute(2, 0, 1).flatten(0, 1).real + 0j"),
        "magnitudes of the maps": unfold_with(
            maps="smaps.abs().to(smaps.dtype).unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)"
        ),
        "a strong Tikhonov term": unfold_with(
            solve="torch.linalg.solve(C.mH @ C + 0.1 * torch.eye(acceleration), C.mH @ a)[..., 0]"
        ),
        "the folded image tiled": (
            "def my_sense_unfold(aliased, smaps, acceleration):\n"
            "    tiled = aliased.repeat(1, acceleration, 1)\n"
            "    return (smaps.conj() * tiled).sum(0)"
        ),
    },
    "my_conjugate_gradient": {
        "no conjugate in the step": cg_with(curvature="(d * q).sum()"),
        "no conjugate, real part": cg_with(curvature="(d * q).sum().real"),
        "squares instead of squared magnitudes": cg_with(energy="(r * r).sum()", beta="(r * r).sum() / energy"),
        "steepest descent": cg_with(beta="0"),
        "length of the direction": cg_with(energy="(d.conj() * d).sum().real"),
        "beta upside down": cg_with(beta="energy / (r.conj() * r).sum().real"),
        "beta of norms, not of squares": cg_with(beta="r.norm() / last.norm()"),
        "beta negative": cg_with(beta="-(r.conj() * r).sum().real / energy"),
        "fixed step": cg_with(energy="1.0", curvature="20.0"),
        "starts at the right-hand side with its residual unchanged": cg_with(start="rhs.clone(), rhs.clone()"),
        "always ten iterations": cg_with(n="10"),
        "one iteration too few": cg_with(n="n_iterations - 1"),
        "returns the residual": cg_with().replace("return x", "return r"),
    },
    "my_grappa": {
        "each coil from its own neighbours": OWN_COIL,
        "one neighbouring line only": grappa_with(dy="(1,)"),
        "no readout neighbours": grappa_with(dx="(0,)"),
        "the sample itself among its sources": grappa_with(dy="(1, 0, -1)"),
        "two lines away": grappa_with(dy="(2, -2)"),
        "fit on all lines, zeros included": grappa_with(known="torch.ones_like(mask).squeeze(-1)"),
        "fit on all sampled lines": grappa_with(known="mask.squeeze(-1)"),
        "the line itself not required": grappa_with(known="(mask.roll(1, 0) & mask.roll(-1, 0)).squeeze(-1)"),
        "upper neighbour not required": grappa_with(known="(mask & mask.roll(-1, 0)).squeeze(-1)"),
        "no conjugate in the normal equations": grappa_with(fit="torch.linalg.solve(X.mT @ X, X.mT @ Y)"),
        "correlation instead of a fit": grappa_with(fit="X.mH @ Y / (X.mH @ X).diagonal()[:, None]"),
        "conjugated weights": grappa_with(apply="(S.permute(1, 2, 0) @ W.conj()).permute(2, 0, 1)"),
        "measured lines replaced too": grappa_with(result="filled"),
        "the filled lines added everywhere": grappa_with(result="kspace + filled"),
        "nothing filled": "def my_grappa(kspace, mask):\n    return kspace",
        "mean of the two neighbours": (
            "def my_grappa(kspace, mask):\n"
            "    mean = (kspace.roll(1, 1) + kspace.roll(-1, 1)) / 2\n"
            "    return torch.where(mask, kspace, mean)"
        ),
    },
}

RIGHT = {
    "my_sense_unfold": {
        "normal equations": unfold_with(),
        "pseudo-inverse": unfold_with(solve="(torch.linalg.pinv(C) @ a)[..., 0]"),
        "loop over rows and columns": (
            "def my_sense_unfold(aliased, smaps, acceleration):\n"
            "    n = aliased.shape[1]\n"
            "    image = torch.zeros_like(smaps[0])\n"
            "    for y in range(n):\n"
            "        for x in range(aliased.shape[2]):\n"
            "            C = smaps[:, y::n, x]\n"
            "            image[y::n, x] = torch.linalg.lstsq(C, aliased[:, y, x, None]).solution[:, 0]\n"
            "    return image"
        ),
    },
    "my_conjugate_gradient": {
        "inner products by conjugation": cg_with(),
        "the other formula for beta": cg_with(beta="(r.conj() * (r - last)).sum().real / energy"),
        "with the residual computed anew": (
            "def my_conjugate_gradient(normal, rhs, n_iterations):\n"
            "    x, d = torch.zeros_like(rhs), rhs.clone()\n"
            "    for _ in range(n_iterations):\n"
            "        r = rhs - normal(x)\n"
            "        x = x + r.norm() ** 2 / (d.conj() * normal(d)).sum() * d\n"
            "        new = rhs - normal(x)\n"
            "        d = new + new.norm() ** 2 / r.norm() ** 2 * d\n"
            "    return x"
        ),
    },
    "my_grappa": {
        "pseudo-inverse and matrix product": grappa_with(),
        "normal equations": grappa_with(fit="torch.linalg.solve(X.mH @ X, X.mH @ Y)"),
        "a copy that is written into": grappa_with(result="torch.where(mask, kspace, filled)"),
    },
}
