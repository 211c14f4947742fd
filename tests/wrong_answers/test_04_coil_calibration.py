"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

MAPS = """
def my_coil_maps(kspace, window):
    coarse = {coarse}
    size = {size}
    return {result}
"""
RIGHT_MAPS = {
    "coarse": "ifft2c(window * kspace)",
    "size": "coarse.abs().square().sum(dim=0).sqrt()",
    "result": "coarse / size",
}

WHITE = """
def my_prewhiten(kspace, samples):
    covariance = {covariance}
    L = {lower}
    flat = kspace.flatten(1)
    white = {white}
    return {result}
"""
RIGHT_WHITE = {
    "covariance": "samples @ samples.mH / samples.shape[1]",
    "lower": "torch.linalg.cholesky(covariance)",
    "white": "torch.linalg.solve(L, flat)",
    "result": "white.reshape(kspace.shape)",
}

GRAPPA = """
def my_grappa(kspace, mask):
    S = {sources}
    known = {known}
    X, Y = S[:, known].flatten(1).mT, kspace[:, known].flatten(1).mT
    W = {fit}
    filled = {apply}
    return {result}
"""
RIGHT_GRAPPA = {
    "sources": "neighbours(kspace)",
    "known": "(mask & mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]",
    "fit": "torch.linalg.lstsq(X, Y).solution",
    "apply": "torch.einsum('sc,syx->cyx', W, S)",
    "result": "torch.where(mask, kspace, filled)",
}
OWN_COIL = """
def my_grappa(kspace, mask):
    known = (mask & mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]
    filled = []
    for coil in kspace:
        S = neighbours(coil[None])
        w = torch.linalg.lstsq(S[:, known].flatten(1).T, coil[known].flatten()[:, None]).solution[:, 0]
        filled.append(torch.einsum("s,syx->yx", w, S))
    return torch.where(mask, kspace, torch.stack(filled))
"""
IN_LOOPS = """
def my_grappa(kspace, mask):
    sampled = mask[:, 0].tolist()
    lines = [k for k in range(1, len(sampled) - 1) if sampled[k - 1] and sampled[k] and sampled[k + 1]]
    sources = neighbours(kspace)
    examples = torch.cat([sources[:, k].T for k in lines])
    result = kspace.clone()
    for coil in range(len(kspace)):
        target = torch.cat([kspace[coil, k] for k in lines])
        weights = torch.linalg.lstsq(examples, target[:, None]).solution[:, 0]
        for k in range(len(sampled)):
            if not sampled[k]:
                result[coil, k] = weights @ sources[:, k]
    return result
"""
ACS_ONLY = """
def my_grappa(kspace, mask):
    ny = len(mask)
    first = last = ny // 2
    while mask[first - 1]:
        first = first - 1
    while mask[last + 1]:
        last = last + 1
    lines = torch.arange(first + 2, last - 1)
    sources = neighbours(kspace)
    inner = slice(1, -1)
    X, Y = sources[:, lines, inner].flatten(1).T, kspace[:, lines, inner].flatten(1).T
    weights = torch.linalg.solve(X.mH @ X, X.mH @ Y)
    filled = (sources.permute(1, 2, 0) @ weights).permute(2, 0, 1)
    return kspace + ~mask * filled
"""
IN_PLACE = """
def my_grappa(kspace, mask):
    S = neighbours(kspace)
    known = (mask & mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]
    W = torch.linalg.lstsq(S[:, known].flatten(1).T, kspace[:, known].flatten(1).T).solution
    missing = ~mask[:, 0]
    kspace[:, missing] = torch.einsum("sc,syx->cyx", W, S)[:, missing]
    return kspace
"""


def maps_with(**changes):
    return MAPS.format(**{**RIGHT_MAPS, **changes})


def white_with(**changes):
    return WHITE.format(**{**RIGHT_WHITE, **changes})


def grappa_with(**changes):
    return GRAPPA.format(**{**RIGHT_GRAPPA, **changes})


WRONG = {
    "my_coil_maps": {
        "no window": maps_with(coarse="ifft2c(kspace)"),
        "the lesson's window": maps_with(coarse="ifft2c(acs_window(SHAPE, ACS) * kspace)"),
        "the lesson's data": maps_with(coarse="ifft2c(window * globals()['kspace'])"),
        "the wrong transform": maps_with(coarse="fft2c(window * kspace)"),
        "the window on the image": maps_with(coarse="window * ifft2c(kspace)"),
        "the window twice": maps_with(coarse="ifft2c(window * window * kspace)"),
        "a sharp window": maps_with(coarse="ifft2c((window > 0) * kspace)"),
        "not divided": maps_with(result="coarse"),
        "a small constant beside the root": maps_with(result="coarse / (size + 1e-3)"),
        "a larger constant beside the root": maps_with(result="coarse / (size + 0.1)"),
        "a constant below the root": maps_with(size="(coarse.abs().square().sum(dim=0) + 1e-3).sqrt()"),
        "sum of magnitudes": maps_with(size="coarse.abs().sum(dim=0)"),
        "the root is missing": maps_with(size="coarse.abs().square().sum(dim=0)"),
        "squares of complex numbers": maps_with(size="(coarse**2).sum(dim=0).sqrt()"),
        "root mean square": maps_with(size="coarse.abs().square().mean(dim=0).sqrt()"),
        "complex sum": maps_with(size="coarse.sum(dim=0)"),
        "the first coil": maps_with(size="coarse[0]"),
        "the loudest coil": maps_with(size="coarse.abs().amax(dim=0)"),
        "the largest value": maps_with(size="coarse.abs().max()"),
        "a number a coil": maps_with(size="coarse.flatten(1).norm(dim=1)[:, None, None]"),
        "the sum over rows": maps_with(size="coarse.abs().square().sum(dim=1, keepdim=True).sqrt()"),
        "RSS of the full images": maps_with(size="rss(ifft2c(kspace))"),
        "magnitudes": maps_with(result="coarse.abs() / size"),
        "magnitudes stored as complex": maps_with(result="coarse.abs() / size + 0j"),
        "conjugated": maps_with(result="coarse.conj() / size"),
        "real part": maps_with(result="(coarse / size).real"),
        "one coil": maps_with(result="coarse[0] / size"),
        "no return": maps_with().replace("return", "maps ="),
        "eight coils always": maps_with(size="sum(coarse[c].abs().square() for c in range(8)).sqrt()"),
        "three coils always": maps_with(size="coarse[:3].abs().square().sum(dim=0).sqrt()"),
        "writes into kspace": maps_with().replace("    coarse", "    kspace *= window\n    coarse", 1),
        "the library's, which finds another window": (
            "def my_coil_maps(kspace, window):\n    return low_resolution_maps(kspace, acs=24)"
        ),
        "coil 0 without phase": maps_with(result="coarse / size * torch.exp(-1j * coarse[0].angle())"),
        "the sum without dim": maps_with(size="coarse.abs().square().sum().sqrt()"),
        "all coils and pixels by norm": maps_with(size="coarse.norm()"),
        "the sum over the last axis": maps_with(size="coarse.abs().square().sum(dim=-1).sqrt()"),
        "a name that does not exist": maps_with(size="power.sqrt()"),
        "ESPIRiT": "def my_coil_maps(kspace, window):\n    return espirit(window * kspace, acs=9)",
    },
    "my_prewhiten": {
        "multiplied by L": white_with(white="L @ flat"),
        "multiplied by L^H": white_with(white="L.mH @ flat"),
        "inverse of L^H": white_with(white="torch.linalg.solve(L.mH, flat)"),
        "inverse of the transpose": white_with(white="torch.linalg.solve(L.mT, flat)"),
        "inverse of the covariance": white_with(white="torch.linalg.solve(covariance, flat)"),
        "multiplied by the covariance": white_with(white="covariance @ flat"),
        "covariance without conjugate": white_with(covariance="samples @ samples.T / samples.shape[1]"),
        "covariance conjugated": white_with(covariance="(samples @ samples.mH / samples.shape[1]).conj()"),
        "magnitudes of the covariance": white_with(covariance="(samples @ samples.mH / samples.shape[1]).abs() + 0j"),
        "real part of the covariance": white_with(covariance="(samples @ samples.mH / samples.shape[1]).real + 0j"),
        "not divided by the samples": white_with(covariance="samples @ samples.mH"),
        "the lesson's noise": white_with(covariance="noise.flatten(1) @ noise.flatten(1).mH / noise[0].numel()"),
        "the lesson's noise, not flattened": white_with(covariance="noise @ noise.mH / noise.shape[1]"),
        "of magnitudes": white_with(covariance="samples.abs() @ samples.abs().mT / samples.shape[1] + 0j"),
        "of magnitudes, real": white_with(covariance="samples.abs() @ samples.abs().mT / samples.shape[1]"),
        "divided by the coils": white_with(covariance="samples @ samples.mH / samples.shape[0]"),
        "divided by twice the samples": white_with(covariance="samples @ samples.mH / samples.shape[1] / 2"),
        "divided by the lesson's number": white_with(covariance="samples @ samples.mH / 4000"),
        "of the data": white_with(covariance="kspace.flatten(1) @ kspace.flatten(1).mH / kspace[0].numel()"),
        "diagonal only": white_with(white="flat / covariance.diagonal().real.sqrt()[:, None]"),
        "powers, not sizes": white_with(white="flat / covariance.diagonal().real[:, None]"),
        "off-diagonal forgotten in L": white_with(lower="torch.diag(torch.linalg.cholesky(covariance).diagonal())"),
        "lower triangle": white_with(lower="covariance.tril()"),
        "no root": white_with(lower="covariance"),
        "as it came": white_with(white="flat"),
        "flat": white_with(result="white"),
        "the noise": white_with(white="torch.linalg.solve(L, samples)", result="white"),
        "transposed shape": white_with(result="white.reshape(len(kspace), kspace.shape[2], kspace.shape[1])"),
        "magnitudes": white_with(result="white.reshape(kspace.shape).abs()"),
        "correlation": white_with(covariance="torch.corrcoef(samples)"),
        "the first two coils": white_with(covariance="(samples @ samples.mH / samples.shape[1])[:2, :2]"),
        "no return": white_with().replace("return", "result ="),
        "not flattened": white_with(white="torch.linalg.solve(L, kspace)"),
        "L^H in place of the inverse, by solving twice": white_with(
            white="torch.linalg.solve(L, torch.linalg.solve(L, flat))"
        ),
        "writes into the noise": white_with().replace(
            "    covariance", "    samples -= samples.mean()\n    covariance", 1
        ),
    },
    "my_grappa": {
        "each coil from its own neighbours": OWN_COIL,
        "one neighbouring line only": grappa_with(sources="kspace.roll(-1, 1)"),
        "only the line above, three points": grappa_with(
            sources="torch.cat([kspace.roll((1, dx), (1, 2)) for dx in (-1, 0, 1)])"
        ),
        "no readout neighbours": grappa_with(sources="torch.cat([kspace.roll(1, 1), kspace.roll(-1, 1)])"),
        "the sample itself among its sources": grappa_with(sources="torch.cat([neighbours(kspace), kspace])"),
        "two lines away": grappa_with(
            sources="torch.cat([kspace.roll((dy, dx), (1, 2)) for dy in (-2, 2) for dx in (-1, 0, 1)])"
        ),
        "columns in place of lines": grappa_with(
            sources="torch.cat([kspace.roll((dx, dy), (1, 2)) for dy in (-1, 1) for dx in (-1, 0, 1)])"
        ),
        "fit on all lines, zeros included": grappa_with(known="torch.ones_like(mask)[:, 0]"),
        "fit on all sampled lines": grappa_with(known="mask[:, 0]"),
        "the line itself not required": grappa_with(known="(mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]"),
        "upper neighbour not required": grappa_with(known="(mask & mask.roll(-1, 0))[:, 0]"),
        "lower neighbour not required": grappa_with(known="(mask & mask.roll(1, 0))[:, 0]"),
        "or in place of and": grappa_with(known="(mask & (mask.roll(1, 0) | mask.roll(-1, 0)))[:, 0]"),
        "or in place of and, all three": grappa_with(known="(mask | mask.roll(1, 0) | mask.roll(-1, 0))[:, 0]"),
        "the examples conjugated": grappa_with(fit="torch.linalg.lstsq(X.conj(), Y).solution"),
        "one set of weights": grappa_with(fit="torch.linalg.lstsq(X, Y[:, :1]).solution.expand(-1, len(kspace))"),
        "lines not taken out of (ky, 1)": grappa_with(known="mask & mask.roll(1, 0) & mask.roll(-1, 0)"),
        "not transposed": grappa_with(fit="torch.linalg.lstsq(X.T, Y.T).solution"),
        "targets not transposed": grappa_with(fit="torch.linalg.lstsq(X, Y.T).solution"),
        "fit on the missing lines": grappa_with(known="~mask[:, 0]"),
        "the middle 24 lines": grappa_with(known="slice(len(mask) // 2 - 12, len(mask) // 2 + 12)"),
        "the middle 22 lines": grappa_with(known="slice(len(mask) // 2 - 11, len(mask) // 2 + 11)"),
        "the ACS of the lesson's brain": grappa_with(known="slice(116, 140)"),
        "lines with the numbers of the column above": grappa_with(known="slice(48, 72)"),
        "and in place of &": grappa_with(known="(mask and mask.roll(1, 0) and mask.roll(-1, 0))[:, 0]"),
        "a fixed set of lines": grappa_with(known="torch.arange(len(mask)) < 24"),
        "no conjugate in the normal equations": grappa_with(fit="torch.linalg.solve(X.mT @ X, X.mT @ Y)"),
        "correlation instead of a fit": grappa_with(fit="X.mH @ Y"),
        "scaled correlation": grappa_with(fit="X.mH @ Y / (X.mH @ X).diagonal()[:, None]"),
        "a heavy penalty": grappa_with(
            fit="torch.linalg.solve(X.mH @ X + 0.3 * (X.mH @ X).diagonal().real.mean() * torch.eye(X.shape[1]), X.mH @ Y)"
        ),
        "conjugated weights": grappa_with(apply="torch.einsum('sc,syx->cyx', W.conj(), S)"),
        "real weights": grappa_with(apply="torch.einsum('sc,syx->cyx', W.real + 0j, S)"),
        "weights of one coil for all": grappa_with(apply="torch.einsum('s,syx->yx', W[:, 0], S).expand_as(kspace)"),
        "sources in another order": grappa_with(apply="torch.einsum('sc,syx->cyx', W, S.flip(0))"),
        "measured lines replaced too": grappa_with(result="filled"),
        "the filled lines added everywhere": grappa_with(result="kspace + filled"),
        "only the filled lines": grappa_with(result="~mask * filled"),
        "mask the wrong way round": grappa_with(result="torch.where(mask, filled, kspace)"),
        "even lines filled": grappa_with(
            result="torch.where((torch.arange(len(mask)) % 2 == 0)[:, None], kspace, filled)"
        ),
        "nothing filled": "def my_grappa(kspace, mask):\n    return kspace",
        "mean of the two neighbours": (
            "def my_grappa(kspace, mask):\n"
            "    mean = (kspace.roll(1, 1) + kspace.roll(-1, 1)) / 2\n"
            "    return torch.where(mask, kspace, mean)"
        ),
        "the line above copied": "def my_grappa(kspace, mask):\n    return torch.where(mask, kspace, kspace.roll(1, 1))",
        "the image in place of k-space": grappa_with(result="ifft2c(torch.where(mask, kspace, filled))"),
        "combined": grappa_with(result="rss(torch.where(mask, kspace, filled))"),
        "written into the argument": IN_PLACE,
        "no return": grappa_with().replace("return", "result ="),
        "number of coils of the slice": grappa_with(fit="torch.linalg.lstsq(X, Y).solution.reshape(48, 8)"),
    },
}

RIGHT = {
    "my_coil_maps": {
        "by rss": "def my_coil_maps(kspace, window):\n    low = ifft2c(kspace * window)\n    return low / rss(low)",
        "by norm": maps_with(size="coarse.norm(dim=0)"),
        "by conjugates": maps_with(size="(coarse * coarse.conj()).sum(dim=0).real.sqrt()"),
        "in a loop": (
            "def my_coil_maps(kspace, window):\n"
            "    images = [ifft2c(window * coil) for coil in kspace]\n"
            "    power = 0\n"
            "    for image in images:\n"
            "        power = power + image.abs() ** 2\n"
            "    return torch.stack([image / power.sqrt() for image in images])"
        ),
    },
    "my_prewhiten": {
        "explicit inverse": white_with(white="torch.linalg.inv(L) @ flat"),
        "triangular solve": white_with(white="torch.linalg.solve_triangular(L, flat, upper=False)"),
        "symmetric root": (
            "def my_prewhiten(kspace, samples):\n"
            "    covariance = samples @ samples.mH / samples.shape[1]\n"
            "    power, vectors = torch.linalg.eigh(covariance)\n"
            "    root = vectors @ torch.diag(power.rsqrt()).to(vectors.dtype) @ vectors.mH\n"
            "    return torch.einsum('dc,cyx->dyx', root, kspace)"
        ),
        "principal components": (
            "def my_prewhiten(kspace, samples):\n"
            "    power, vectors = torch.linalg.eigh(samples @ samples.mH / samples.shape[1])\n"
            "    mixing = vectors.mH / power.sqrt()[:, None]\n"
            "    return torch.einsum('dc,cyx->dyx', mixing, kspace)"
        ),
        "by einsum and mean": white_with(
            covariance="(samples[:, None] * samples[None].conj()).mean(-1)",
            white="torch.einsum('dc,cn->dn', torch.linalg.inv(L), flat)",
        ),
        "with the library": (
            "def my_prewhiten(kspace, samples):\n    return prewhiten(kspace, noise_covariance(samples))"
        ),
        "torch.cov": white_with(covariance="torch.cov(samples)"),
    },
    "my_grappa": {
        "as in the hints": grappa_with(),
        "pseudo-inverse and matrix product": grappa_with(
            fit="torch.linalg.pinv(X) @ Y", apply="(S.permute(1, 2, 0) @ W).permute(2, 0, 1)"
        ),
        "normal equations": grappa_with(fit="torch.linalg.solve(X.mH @ X, X.mH @ Y)"),
        "a small penalty": grappa_with(
            fit="torch.linalg.solve(X.mH @ X + 1e-6 * (X.mH @ X).diagonal().real.mean() * torch.eye(X.shape[1]), X.mH @ Y)"
        ),
        "added where missing": grappa_with(result="kspace + ~mask * filled"),
        "in loops": IN_LOOPS,
        "inside the ACS only, without the edges of the readout": ACS_ONLY,
        "neighbours in another order": grappa_with(
            sources="torch.stack([kspace.roll((dy, dx), (-2, -1)) for dy in (1, -1) for dx in (1, 0, -1)]).flatten(0, 1)"
        ),
        "with the library": (
            "from mricourse.reconstruct import grappa\n\n"
            "def my_grappa(kspace, mask):\n    return grappa(kspace, mask, kernel_size=(2, 3), reg_weight=1e-9)"
        ),
    },
}
