"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
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
def my_partial_fourier(kspace, mask, phase, n_iterations=20):
    turn = torch.exp({sign}1j * phase)
    estimate = {start}
    for _ in range({n}):
        along = {along}
        estimate = {estimate}
    return {end}
"""
RIGHT_PARTIAL = {
    "n": "n_iterations",
    "sign": "",
    "start": "kspace",
    "along": "turn * (turn.conj() * ifft2c(estimate)).real",
    "estimate": "torch.where(mask, kspace, fft2c(along))",
    "end": "ifft2c(estimate)",
}


def partial_with(**changes):
    return PARTIAL.format(**{**RIGHT_PARTIAL, **changes})


WRONG = {
    "my_fft2c": {
        "nothing returned": "def my_fft2c(image):\n    fft2c(image)",
        "a tuple": "def my_fft2c(image):\n    return (fft2c(image),)",
        "the image": "def my_fft2c(image):\n    return image + 0j",
        "fftshift first, right for even sizes only": fft2c_with(first="fftshift"),
        "ifftshift last, right for even sizes only": fft2c_with(last="ifftshift"),
        "the two shifts exchanged": fft2c_with(first="fftshift", last="ifftshift"),
        "no shift": "def my_fft2c(image):\n    return torch.fft.fft2(image, norm='ortho')",
        "no shift of the image": "def my_fft2c(image):\n"
        "    return torch.fft.fftshift(torch.fft.fft2(image, norm='ortho'), dim=(-2, -1))",
        "no shift of k-space": "def my_fft2c(image):\n"
        "    return torch.fft.fft2(torch.fft.ifftshift(image, dim=(-2, -1)), norm='ortho')",
        "not orthonormal": fft2c_with(norm="'backward'"),
        "scaled by 1/n": fft2c_with(norm="'forward'"),
        "scaled by what one size needs": fft2c_with(norm="'backward'", extra=" / 70**0.5"),
        "scaled by the square root of one side": fft2c_with(norm="'backward'", extra=" / image.shape[-1] ** 0.5"),
        "scaled by the first two sizes, right for one image only": fft2c_with(
            norm="'backward'", extra=" / (image.shape[0] * image.shape[1]) ** 0.5"
        ),
        "divided by the first two sizes": fft2c_with(norm="'backward'", extra=" / (image.shape[0] * image.shape[1])"),
        "the inverse transform": fft2c_with(fft="ifft2"),
        "conjugated": fft2c_with(extra=".conj()"),
        "shifts of the first two axes, right for one image only": fft2c_with(dim="(0, 1)"),
        "no dim in the first shift, right for one image only": "def my_fft2c(image):\n"
        "    samples = torch.fft.fft2(torch.fft.ifftshift(image), norm='ortho')\n"
        "    return torch.fft.fftshift(samples, dim=(-2, -1))",
        "no dim in the last shift, right for one image only": "def my_fft2c(image):\n"
        "    samples = torch.fft.fft2(torch.fft.ifftshift(image, dim=(-2, -1)), norm='ortho')\n"
        "    return torch.fft.fftshift(samples)",
        "the short name of a shift": "def my_fft2c(image):\n"
        "    return fftshift(torch.fft.fft2(torch.fft.ifftshift(image, dim=(-2, -1)), norm='ortho'), dim=(-2, -1))",
        "a misspelled name": "def my_fft2c(image):\n    return fft2c(imgae)",
        "a method that tensors lack": "def my_fft2c(image):\n    return fft2c(image.astype(complex))",
        "the name that numpy gives to axes": "def my_fft2c(image):\n"
        "    return torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(image, axes=(-2, -1))), axes=(-2, -1))",
        "one axis only": fft2c_with(fft="fft"),
        "the other axis only": "def my_fft2c(image):\n    return fftc(image, -2)",
        "transforms all axes, right for one image only": fft2c_with(fft="fftn"),
        "shifts and transforms all axes": "def my_fft2c(image):\n    return fftc(image, tuple(range(image.ndim)))",
        "the first two axes, right for one image only": "def my_fft2c(image):\n    return fftc(image, (0, 1))",
        "axes counted from the front, right for one kind of stack only": "def my_fft2c(image):\n"
        "    return fftc(image, (1, 2))",
        "sizes of a single image": "def my_fft2c(image):\n    ny, nx = image.shape\n    return fft2c(image)",
        "magnitude only": fft2c_with(extra=".abs()"),
        "magnitude, made complex": fft2c_with(extra=".abs() + 0j"),
        "real part only": fft2c_with(extra=".real + 0j"),
        "x and y exchanged": fft2c_with(extra=".transpose(-2, -1)"),
        "flipped": fft2c_with(extra=".flip(-1)"),
        "changes the image": "def my_fft2c(image):\n    right = fft2c(image)\n    image *= 2\n    return right",
        "zeros": "def my_fft2c(image):\n    return torch.zeros(image.shape, dtype=torch.complex64)",
        "not a number": fft2c_with(extra=" / 0"),
    },
    "my_conjugate_mirror": {
        "nothing returned": "def my_conjugate_mirror(kspace):\n    conjugate_mirror(kspace)",
        "flip alone, right for odd sizes only": MIRROR.format("kspace.conj().flip(-2, -1)"),
        "always rolled, right for even sizes only": MIRROR.format("kspace.conj().flip(-2, -1).roll((1, 1), (-2, -1))"),
        "rolled the wrong way": MIRROR.format(
            "kspace.conj().flip(-2, -1).roll([n % 2 - 1 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "rolled by what ny needs, right where both sizes are odd or even": MIRROR.format(
            "kspace.conj().flip(-2, -1).roll([1 - kspace.shape[-2] % 2] * 2, (-2, -1))"
        ),
        "rolled by what nx needs": MIRROR.format(
            "kspace.conj().flip(-2, -1).roll([1 - kspace.shape[-1] % 2] * 2, (-2, -1))"
        ),
        "always rolled, the wrong way": MIRROR.format("kspace.conj().flip(-2, -1).roll((-1, -1), (-2, -1))"),
        "a roll without dims": MIRROR.format("kspace.conj().flip(-2, -1).roll(1)"),
        "a roll without dims, the wrong way": MIRROR.format("kspace.conj().flip(-2, -1).roll(-1)"),
        "odd axes rolled in place of even ones": MIRROR.format(
            "kspace.conj().flip(-2, -1).roll([n % 2 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "sizes of the first two axes, right for a single image only": MIRROR.format(
            "kspace.conj().flip(-2, -1).roll([1 - n % 2 for n in kspace.shape[:2]], (-2, -1))"
        ),
        "axes counted from the front, right for a stack only": MIRROR.format(
            "kspace.conj().flip(1, 2).roll([1 - n % 2 for n in kspace.shape[1:3]], (1, 2))"
        ),
        "three sizes unpacked, right for a stack only": "def my_conjugate_mirror(kspace):\n"
        "    n, ny, nx = kspace.shape\n    return kspace.conj().flip(-2, -1).roll((1 - ny % 2, 1 - nx % 2), (-2, -1))",
        "two sizes unpacked, right for a single image only": "def my_conjugate_mirror(kspace):\n"
        "    ny, nx = kspace.shape\n    return kspace.conj().flip(-2, -1).roll((1 - ny % 2, 1 - nx % 2), (-2, -1))",
        "only ky is rolled": MIRROR.format("kspace.conj().flip(-2, -1).roll(1 - kspace.shape[-2] % 2, -2)"),
        "only kx is rolled": MIRROR.format("kspace.conj().flip(-2, -1).roll(1 - kspace.shape[-1] % 2, -1)"),
        "index -i, right for even sizes only": """
def my_conjugate_mirror(kspace):
    ny, nx = kspace.shape[-2:]
    rows = [-i for i in range(ny)]
    columns = [-i for i in range(nx)]
    return kspace[..., rows, :][..., columns].conj()
""",
        "flips the first two axes": MIRROR.format("kspace.conj().flip(0, 1)"),
        "flips the first two axes, and rolls the last two": MIRROR.format(
            "kspace.conj().flip(0, 1).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "flips and rolls the first two axes": MIRROR.format(
            "kspace.conj().flip(0, 1).roll([1 - n % 2 for n in kspace.shape[:2]], (0, 1))"
        ),
        "not conjugated": MIRROR.format("kspace.flip(-2, -1).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"),
        "not mirrored": MIRROR.format("kspace.conj()"),
        "mirrored along ky only": MIRROR.format("kspace.conj().flip(-2).roll(1 - kspace.shape[-2] % 2, -2)"),
        "mirrored along kx only": MIRROR.format("kspace.conj().flip(-1).roll(1 - kspace.shape[-1] % 2, -1)"),
        "unchanged, which real images would not notice": MIRROR.format("kspace"),
        "real image assumed": MIRROR.format("fft2c(ifft2c(kspace).real)"),
        "imaginary image": MIRROR.format("fft2c(ifft2c(kspace).imag)"),
        "real part only": MIRROR.format(
            "kspace.real.flip(-2, -1).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "read backwards with a negative step": MIRROR.format("kspace[..., ::-1, ::-1].conj()"),
        "flips the first axis too": MIRROR.format(
            "kspace.conj().flip(0, 1, 2).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "flips every axis": MIRROR.format(
            "kspace.conj().flip(tuple(range(kspace.ndim))).roll([1 - n % 2 for n in kspace.shape[-2:]], (-2, -1))"
        ),
        "transposed, and back for square sizes only": MIRROR.format("conjugate_mirror(kspace).mT"),
        "changes what it was given": "def my_conjugate_mirror(kspace):\n"
        "    right = conjugate_mirror(kspace)\n    kspace[...] = right\n    return right",
    },
    "my_partial_fourier": {
        "nothing returned": "def my_partial_fourier(kspace, mask, phase, n_iterations=20):\n    ifft2c(kspace)",
        "zero-filled": "def my_partial_fourier(kspace, mask, phase, n_iterations=20):\n    return ifft2c(kspace)",
        "n_iterations ignored, always 20": partial_with(n="20"),
        "n_iterations ignored, always 1": partial_with(n="1"),
        "n_iterations ignored, always 5": partial_with(n="5"),
        "no n_iterations": "def my_partial_fourier(kspace, mask, phase):\n    return ifft2c(kspace)",
        "one turn too few": partial_with(n="n_iterations - 1"),
        "one turn too many": partial_with(n="n_iterations + 1"),
        "stops after the first turn": partial_with(estimate="torch.where(mask, kspace, fft2c(along))\n        break"),
        "magnitude instead of the part along the phase": partial_with(along="turn * ifft2c(estimate).abs()"),
        "phase with the wrong sign": partial_with(sign="-"),
        "phase taken out and not put back": partial_with(along="(turn.conj() * ifft2c(estimate)).real + 0j"),
        "phase ignored": partial_with(along="ifft2c(estimate).real + 0j"),
        "conjugate forgotten": partial_with(along="turn * (turn * ifft2c(estimate)).real"),
        "nothing done in step 1": partial_with(along="ifft2c(estimate)"),
        "imaginary part": partial_with(along="turn * (turn.conj() * ifft2c(estimate)).imag"),
        "measured samples not put back": partial_with(estimate="fft2c(along)"),
        "mask the wrong way round": partial_with(estimate="torch.where(mask, fft2c(along), kspace)"),
        "measured samples counted twice": partial_with(estimate="kspace + fft2c(along)"),
        "image in place of k-space": partial_with(estimate="torch.where(mask, kspace, along)"),
        "the k-space of the last round taken for an image": """
def my_partial_fourier(kspace, mask, phase, n_iterations=20):
    turn = torch.exp(1j * phase)
    image = ifft2c(kspace)
    for _ in range(n_iterations):
        along = turn * (turn.conj() * image).real
        image = torch.where(mask, kspace, fft2c(along))
    return ifft2c(image)
""",
        "the k-space of the last round taken for an image, and returned": """
def my_partial_fourier(kspace, mask, phase, n_iterations=20):
    turn = torch.exp(1j * phase)
    image = ifft2c(kspace)
    for _ in range(n_iterations):
        along = turn * (turn.conj() * image).real
        image = torch.where(mask, kspace, fft2c(along))
    return image
""",
        "step 1 on k-space": partial_with(along="turn * (turn.conj() * estimate).real"),
        "image in place of k-space, and returned": partial_with(
            estimate="torch.where(mask, kspace, along)", end="estimate"
        ),
        "exp not imported": partial_with(along="exp(1j * phase) * (turn.conj() * ifft2c(estimate)).real"),
        "starts again in each turn": partial_with(along="turn * (turn.conj() * ifft2c(kspace)).real"),
        "returns the image after step 1": partial_with(end="along"),
        "step 1 once more after the loop": partial_with(end="turn * (turn.conj() * ifft2c(estimate)).real"),
        "returns in the first turn": partial_with(
            estimate="kspace\n        return turn * (turn.conj() * ifft2c(kspace)).real"
        ),
        "returns what step 1 left, not turned forth": partial_with(
            estimate="torch.where(mask, kspace, fft2c(along))\n        last = turn.conj() * along", end="last"
        ),
        "returns k-space": partial_with(end="estimate"),
        "returns the k-space of k-space": partial_with(end="fft2c(estimate)"),
        "the transform that counts from index 0": partial_with(
            along="turn * (turn.conj() * torch.fft.ifft2(estimate)).real",
            estimate="torch.where(mask, kspace, torch.fft.fft2(along))",
            end="torch.fft.ifft2(estimate)",
        ),
        "the transform that counts from index 0, orthonormal": partial_with(
            along="turn * (turn.conj() * torch.fft.ifft2(estimate, norm='ortho')).real",
            estimate="torch.where(mask, kspace, torch.fft.fft2(along, norm='ortho'))",
            end="torch.fft.ifft2(estimate, norm='ortho')",
        ),
        "the transform that counts from index 0 in the loop": partial_with(
            along="turn * (turn.conj() * torch.fft.ifft2(estimate)).real",
            estimate="torch.where(mask, kspace, torch.fft.fft2(along))",
        ),
        "the two transforms exchanged": partial_with(
            along="turn * (turn.conj() * fft2c(estimate)).real", estimate="torch.where(mask, kspace, ifft2c(along))"
        ),
        "the mask as an index": """
def my_partial_fourier(kspace, mask, phase, n_iterations=20):
    turn = torch.exp(1j * phase)
    estimate = kspace
    for _ in range(n_iterations):
        filled = fft2c(turn * (turn.conj() * ifft2c(estimate)).real)
        filled[mask] = kspace[mask]
        estimate = filled
    return ifft2c(estimate)
""",
        "returns the magnitude": partial_with(end="ifft2c(estimate).abs()"),
        "returns the real part": partial_with(end="ifft2c(estimate).real + 0j"),
        "changes what it was given": partial_with(estimate="kspace.copy_(torch.where(mask, kspace, fft2c(along)))"),
        "the part along the phase, doubled, in one step": "def my_partial_fourier(kspace, mask, phase, n_iterations=20):\n"
        "    return 2 * torch.exp(1j * phase) * (torch.exp(-1j * phase) * ifft2c(kspace)).real",
        "mirrors without the phase": "def my_partial_fourier(kspace, mask, phase, n_iterations=20):\n"
        "    return ifft2c(torch.where(mask, kspace, conjugate_mirror(kspace)))",
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
        "the sum over arrows as two matrix products": """
def my_fft2c(image):
    def turns(n):
        centred = torch.arange(n, dtype=torch.float64, device=image.device) - n // 2
        return torch.exp(-2j * torch.pi * torch.outer(centred, centred) / n) / n**0.5
    ny, nx = image.shape[-2:]
    return (turns(ny) @ image.to(torch.complex128) @ turns(nx)).to(torch.complex64)
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
        "rolled first, then flipped": MIRROR.format(
            "kspace.roll([n % 2 - 1 for n in kspace.shape[-2:]], (-2, -1)).flip(-2, -1).conj()"
        ),
    },
    "my_partial_fourier": {
        "by the conjugate": partial_with(along="(ifft2c(estimate) + turn**2 * ifft2c(estimate).conj()) / 2"),
        "with polar and a product": partial_with(
            along="torch.exp(1j * phase) * (ifft2c(estimate) * torch.exp(-1j * phase)).real",
            estimate="mask * kspace + ~mask * fft2c(along)",
        ),
        "a while loop": """
def my_partial_fourier(kspace, mask, phase, n_iterations=20):
    estimate = kspace.clone()
    done = 0
    while done < n_iterations:
        image = ifft2c(estimate)
        length_along = (image * torch.polar(torch.ones_like(phase), -phase)).real
        filled = fft2c(length_along * torch.cos(phase) + 1j * length_along * torch.sin(phase))
        estimate = filled * ~mask + kspace
        done += 1
    return ifft2c(estimate)
""",
    },
}

SAYS = {  # exercise -> mistake -> a piece of the sentence that names it
    "my_fft2c": {
        "fftshift first, right for even sizes only": "fftshift stands on both sides",
        "not orthonormal": "norm='ortho'",
        "axes counted from the front, right for one kind of stack only": "single image",
        "sizes of a single image": "stack",
        "changes the image": "changes what it was given",
        "shifts of the first two axes, right for one image only": "shifts move the first two axes",
        "scaled by the first two sizes, right for one image only": "first two sizes",
        "divided by the first two sizes": "first two sizes",
        "transforms all axes, right for one image only": "fftn",
        "no dim in the first shift, right for one image only": "before the transform has no dim",
        "no dim in the last shift, right for one image only": "after the transform has no dim",
        "the short name of a shift": "Its full name is torch.fft.fftshift",
        "a misspelled name": "misspelled",
        "a method that tensors lack": "misspelled",
        "the name that numpy gives to axes": "PyTorch calls the axes dim",
    },
    "my_conjugate_mirror": {
        "flip alone, right for odd sizes only": "Even sizes",
        "axes counted from the front, right for a stack only": "single image",
        "three sizes unpacked, right for a stack only": "single image",
        "two sizes unpacked, right for a single image only": "stack",
        "not mirrored": "not mirrored",
        "flips the first axis too": "first axis",
        "read backwards with a negative step": "no negative step",
        "always rolled, right for even sizes only": "Odd sizes",
        "index -i, right for even sizes only": "n - 1 - i",
        "always rolled, the wrong way": "the wrong way",
        "a roll without dims": "without dims",
        "a roll without dims, the wrong way": "without dims",
        "only ky is rolled": "kx is not rolled",
        "only kx is rolled": "ky is not rolled",
        "rolled by what ny needs, right where both sizes are odd or even": "by what ky needs",
        "rolled by what nx needs": "by what kx needs",
        "flips the first two axes": "first two axes",
        "flips the first two axes, and rolls the last two": "first two axes",
        "flips and rolls the first two axes": "first two axes",
    },
    "my_partial_fourier": {
        "n_iterations ignored, always 20": "n_iterations is ignored",
        "n_iterations ignored, always 1": "run only once",
        "n_iterations ignored, always 5": "n_iterations is ignored",
        "stops after the first turn": "run only once",
        "starts again in each turn": "start from what the last one left",
        "image in place of k-space": "take fft2c of what step 1 left",
        "image in place of k-space, and returned": "take fft2c of what step 1 left",
        "step 1 on k-space": "Step 1 is done on k-space",
        "the k-space of the last round taken for an image": "Step 1 is done on k-space",
        "the k-space of the last round taken for an image, and returned": "Step 1 is done on k-space",
        "exp not imported": "torch.exp",
        "one turn too few": "one less",
        "one turn too many": "one more",
        "zero-filled": "zero-filled",
        "phase with the wrong sign": "wrong sign",
        "measured samples not put back": "not put back",
        "returns the image after step 1": "step 1",
        "step 1 once more after the loop": "once more after the loop",
        "returns in the first turn": "does a return stand before it",
        "returns what step 1 left, not turned forth": "left there",
        "returns k-space": "This is k-space",
        "returns the k-space of k-space": "not fft2c",
        "the transform that counts from index 0": "counts from index 0",
        "the transform that counts from index 0, orthonormal": "counts from index 0",
        "the transform that counts from index 0 in the loop": "counts from index 0",
        "the two transforms exchanged": "exchanged",
        "the mask as an index": "torch.where",
        "no n_iterations": "first line",
    },
}


def test_mistakes_are_named(request):
    for name, mistakes in SAYS.items():
        for mistake, piece in mistakes.items():
            said = str(verdict(request.module, name, WRONG[name][mistake]))
            assert piece in said, f"{name}, {mistake}: {said}"
