"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

FFT2C = """
def my_fft2c(image):
    at_origin = torch.fft.{first}(image, dim={dim})
    return torch.fft.{last}(torch.fft.{fft}(at_origin, norm={norm}), dim={dim}){extra}
"""
RIGHT_FFT2C = {
    "first": "ifftshift", "last": "fftshift", "fft": "fft2", "dim": "(-2, -1)", "norm": "'ortho'", "extra": ""
}  # fmt: skip


def fft2c_with(**changes):
    return FFT2C.format(**{**RIGHT_FFT2C, **changes})


MIRROR = """
def my_conjugate_mirror(kspace):
    return {}
"""

PARTIAL = """
def my_partial_fourier(kspace, mask, phase, n_iterations={n}):
    turn = torch.exp({sign}1j * phase)
    estimate = kspace
    for _ in range(n_iterations):
        along = {along}
        estimate = {estimate}
    return ifft2c(estimate)
"""
RIGHT_PARTIAL = {
    "n": "20",
    "sign": "",
    "along": "turn * (turn.conj() * ifft2c(estimate)).real",
    "estimate": "torch.where(mask, kspace, fft2c(along))",
}


def partial_with(**changes):
    return PARTIAL.format(**{**RIGHT_PARTIAL, **changes})


WRONG = {
    "my_fft2c": {
        "fftshift first, right for even sizes only": fft2c_with(first="fftshift"),
        "the two shifts exchanged": fft2c_with(first="fftshift", last="ifftshift"),
        "no shift of the image": "def my_fft2c(image):\n"
        "    return torch.fft.fftshift(torch.fft.fft2(image, norm='ortho'), dim=(-2, -1))",
        "no shift of k-space": "def my_fft2c(image):\n"
        "    return torch.fft.fft2(torch.fft.ifftshift(image, dim=(-2, -1)), norm='ortho')",
        "not orthonormal": fft2c_with(norm="'backward'"),
        "scaled by 1/n": fft2c_with(norm="'forward'"),
        "the inverse transform": fft2c_with(fft="ifft2"),
        "conjugated": fft2c_with(extra=".conj()"),
        "one axis only": fft2c_with(fft="fft"),
        "transforms all axes, right for one image only": fft2c_with(fft="fftn"),
        "magnitude only": fft2c_with(extra=".abs()"),
        "real part only": fft2c_with(extra=".real + 0j"),
        "x and y exchanged": fft2c_with(extra=".transpose(-2, -1)"),
    },
    "my_conjugate_mirror": {
        "flip alone, right for odd sizes only": MIRROR.format("kspace.conj().flip(-2, -1)"),
        "always rolled, right for even sizes only": MIRROR.format("kspace.conj().flip(-2, -1).roll((1, 1), (-2, -1))"),
        "rolled the wrong way": MIRROR.format(
            "kspace.conj().flip(-2, -1).roll([n % 2 - 1 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "rolled by what ny needs, right where both sizes are odd or even": MIRROR.format(
            "kspace.conj().flip(-2, -1).roll([1 - kspace.shape[-2] % 2] * 2, (-2, -1))"
        ),
        "not conjugated": MIRROR.format("kspace.flip(-2, -1).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"),
        "mirrored along ky only": MIRROR.format("kspace.conj().flip(-2).roll(1 - kspace.shape[-2] % 2, -2)"),
        "unchanged, which real images would not notice": MIRROR.format("kspace"),
        "real image assumed": MIRROR.format("fft2c(ifft2c(kspace).real)"),
        "real part only": MIRROR.format(
            "kspace.real.flip(-2, -1).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "flips the first axis too": MIRROR.format(
            "kspace.conj().flip(0, 1, 2).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"
        ),
    },
    "my_partial_fourier": {
        "zero-filled": "def my_partial_fourier(kspace, mask, phase, n_iterations=20):\n    return ifft2c(kspace)",
        "magnitude instead of the part along the phase": partial_with(along="turn * ifft2c(estimate).abs()"),
        "phase with the wrong sign": partial_with(sign="-"),
        "phase taken out and not put back": partial_with(along="(turn.conj() * ifft2c(estimate)).real + 0j"),
        "phase ignored": partial_with(along="ifft2c(estimate).real + 0j"),
        "conjugate forgotten": partial_with(along="turn * (turn * ifft2c(estimate)).real"),
        "measured samples not put back": partial_with(estimate="fft2c(along)"),
        "mask the wrong way round": partial_with(estimate="torch.where(mask, fft2c(along), kspace)"),
        "measured samples counted twice": partial_with(estimate="kspace + fft2c(along)"),
        "one turn only": partial_with(n="1"),
        "the part along the phase, doubled, in one step": "def my_partial_fourier(kspace, mask, phase, n_iterations=20):\n"
        "    return 2 * torch.exp(1j * phase) * (torch.exp(-1j * phase) * ifft2c(kspace)).real",
    },
}

RIGHT = {
    "my_fft2c": {
        "shifts of the first axis that cancel": fft2c_with(dim="None"),
        "one axis after the other": """
def my_fft2c(image):
    for dim in (-1, -2):
        image = torch.fft.fftshift(torch.fft.fft(torch.fft.ifftshift(image, dim=dim), dim=dim, norm="ortho"), dim=dim)
    return image
""",
        "rolled by hand and scaled by hand": """
def my_fft2c(image):
    ny, nx = image.shape[-2:]
    at_origin = image.roll((-(ny // 2), -(nx // 2)), dims=(-2, -1))
    return torch.fft.fft2(at_origin).roll((ny // 2, nx // 2), dims=(-2, -1)) / (ny * nx) ** 0.5
""",
    },
    "my_conjugate_mirror": {
        "conjugate in the image": MIRROR.format("fft2c(ifft2c(kspace).conj())"),
        "by indices": """
def my_conjugate_mirror(kspace):
    ny, nx = kspace.shape[-2:]
    rows = (2 * (ny // 2) - torch.arange(ny)) % ny
    columns = (2 * (nx // 2) - torch.arange(nx)) % nx
    return kspace[..., rows, :][..., columns].conj()
""",
    },
    "my_partial_fourier": {
        "by the conjugate": partial_with(along="(ifft2c(estimate) + turn**2 * ifft2c(estimate).conj()) / 2"),
        "with polar and a product": partial_with(
            along="torch.exp(1j * phase) * (ifft2c(estimate) * torch.exp(-1j * phase)).real",
            estimate="mask * kspace + ~mask * fft2c(along)",
        ),
    },
}
