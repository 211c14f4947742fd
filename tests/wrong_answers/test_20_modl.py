"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

CONSISTENCY = """
def my_data_consistency(A, kspace, prior, reg_weight):
    rhs = {rhs}
    x = conjugate_gradient(A.normal, rhs, reg_weight={left}, n_iterations={n})
    return {result}
"""
RIGHT_CONSISTENCY = {
    "rhs": "A.adjoint(kspace) + reg_weight * prior",
    "left": "reg_weight",
    "n": "40",
    "result": "x",
}

GRADIENT = """
def my_reg_weight_gradient(A, prior, image, grad, reg_weight):
    v = conjugate_gradient(A.normal, {rhs}, reg_weight={left}, n_iterations=100, tolerance=1e-12)
    return {result}
"""
RIGHT_GRADIENT = {"rhs": "grad", "left": "reg_weight", "result": "(v.conj() * (prior - image)).sum().real"}

UNROLLED = """
def my_modl(A, kspace, denoiser, reg_weight, n_iterations):
    b = A.adjoint(kspace)
    x = {start}
    for k in range({n}):
        {body}
    return {result}
"""
RIGHT_UNROLLED = {
    "start": "b",
    "n": "n_iterations",
    "body": "x = data_consistency(A, b, denoiser(x), reg_weight)",
    "result": "x",
}


def consistency(**changes):
    return CONSISTENCY.format(**RIGHT_CONSISTENCY | changes)


def gradient(**changes):
    return GRADIENT.format(**RIGHT_GRADIENT | changes)


def unrolled(**changes):
    return UNROLLED.format(**RIGHT_UNROLLED | changes)


WRONG = {
    "my_data_consistency": {
        "lambda missing in the matrix": consistency(left="0.0"),
        "lambda missing on the right": consistency(rhs="A.adjoint(kspace) + prior"),
        "lambda on the data": consistency(rhs="reg_weight * A.adjoint(kspace) + prior"),
        "the prior forgotten": consistency(rhs="A.adjoint(kspace)"),
        "prior subtracted": consistency(rhs="A.adjoint(kspace) - reg_weight * prior"),
        "lambda twice in the matrix": consistency(left="2 * reg_weight"),
        "square root of lambda": consistency(left="reg_weight**0.5"),
        "conjugated prior": consistency(rhs="A.adjoint(kspace) + reg_weight * prior.conj()"),
        "real part only": consistency(result="x.real + 0j"),
        "the operator twice on the right": consistency(rhs="A.normal(A.adjoint(kspace)) + reg_weight * prior"),
        "three iterations": consistency(n="3"),
        "weighted mean, right at R = 1 only": consistency(result="rhs / (1 + reg_weight)"),
        "SENSE averaged with the prior": consistency(
            rhs="A.adjoint(kspace)", left="1e-6", result="(x + reg_weight * prior) / (1 + reg_weight)"
        ),
        "one gradient step": consistency(result="prior - (A.normal(prior) - A.adjoint(kspace)) / (1 + reg_weight)"),
        "only the correction of the prior": consistency(
            rhs="A.adjoint(kspace) - A.normal(prior)", result="x", left="reg_weight"
        ),
        "measured samples of each coil replaced": (
            "def my_data_consistency(A, kspace, prior, reg_weight):\n"
            "    from mricourse import fft2c, ifft2c\n"
            "    own = fft2c(A.smaps * prior)\n"
            "    mixed = torch.where(A.mask, (kspace + reg_weight * own) / (1 + reg_weight), own)\n"
            "    return (A.smaps.conj() * ifft2c(mixed)).sum(-3)"
        ),
        "an image for each coil": consistency(result="A.smaps * x"),
    },
    "my_reg_weight_gradient": {
        "the sign trap": gradient(result="(v.conj() * prior).sum().real"),
        "only the part of the matrix": gradient(result="-(v.conj() * image).sum().real"),
        "x - z": gradient(result="(v.conj() * (image - prior)).sum().real"),
        "z + x": gradient(result="(v.conj() * (prior + image)).sum().real"),
        "no solve": "def my_reg_weight_gradient(A, prior, image, grad, reg_weight):\n"
        "    return (grad.conj() * (prior - image)).sum().real",
        "solve without lambda": gradient(left="0.0"),
        "no conjugate": gradient(result="(v * (prior - image)).sum().real"),
        "imaginary part": gradient(result="(v.conj() * (prior - image)).sum().imag"),
        "complex": gradient(result="(v.conj() * (prior - image)).sum()"),
        "magnitudes": gradient(result="(v.conj() * (prior - image)).abs().sum()"),
        "mean instead of sum": gradient(result="(v.conj() * (prior - image)).mean().real"),
        "times lambda, as for z": gradient(result="reg_weight * (v.conj() * (prior - image)).sum().real"),
        "over lambda": gradient(result="(v.conj() * (prior - image)).sum().real / reg_weight"),
        "factor two": gradient(result="2 * (v.conj() * (prior - image)).sum().real"),
        "the normal operator instead of its inverse": gradient(
            result="((A.normal(grad) + reg_weight * grad).conj() * (prior - image)).sum().real"
        ),
        "solves for the image": gradient(rhs="image", result="(v.conj() * (prior - image)).sum().real"),
        "conjugated gradient": gradient(rhs="grad.conj()"),
        "one number a pixel": gradient(result="(v.conj() * (prior - image)).real"),
    },
    "my_modl": {
        "the image in place of the data": unrolled(body="x = data_consistency(A, x, denoiser(x), reg_weight)"),
        "denoises the zero-filled image every time": unrolled(
            body="x = data_consistency(A, b, denoiser(b), reg_weight)"
        ),
        "starts at zero": unrolled(start="torch.zeros_like(b)"),
        "one iteration too few": unrolled(n="n_iterations - 1"),
        "one iteration too many": unrolled(n="n_iterations + 1"),
        "consistency before the denoiser": unrolled(body="x = denoiser(data_consistency(A, b, x, reg_weight))"),
        "returns the denoised image": unrolled(
            body="z = denoiser(x); x = data_consistency(A, b, z, reg_weight)", result="z"
        ),
        "adds the residual again": unrolled(body="x = data_consistency(A, b, x + denoiser(x), reg_weight)"),
        "no data consistency": unrolled(body="x = denoiser(x)"),
        "data consistency at the end only": unrolled(
            body="x = denoiser(x)", result="data_consistency(A, b, x, reg_weight)"
        ),
        "lambda grows with k": unrolled(body="x = data_consistency(A, b, denoiser(x), reg_weight * (k + 1))"),
        "real part": unrolled(result="x.real + 0j"),
        "a gradient step": unrolled(body="z = denoiser(x); x = z - reg_weight * (A.normal(z) - b)"),
    },
}

RIGHT = {
    "my_data_consistency": {
        "right-hand side apart": consistency(),
        "lambda put into the operator": (
            "def my_data_consistency(A, kspace, prior, reg_weight):\n"
            "    def matrix(x):\n"
            "        return A.adjoint(A.forward(x)) + reg_weight * x\n"
            "    return conjugate_gradient(matrix, A.adjoint(kspace) + reg_weight * prior, n_iterations=50)"
        ),
        "from the prior": consistency(rhs="A.adjoint(kspace) - A.normal(prior)", result="prior + x"),
        "the library": "def my_data_consistency(A, kspace, prior, reg_weight):\n"
        "    weight = torch.as_tensor(reg_weight)\n"
        "    return data_consistency(A, A.adjoint(kspace), prior, weight, n_iterations=40)",
    },
    "my_reg_weight_gradient": {
        "vdot": gradient(result="torch.vdot(v.flatten(), (prior - image).flatten()).real"),
        "conjugate on the other side": gradient(result="(v * (prior - image).conj()).sum().real"),
        "a plain number": gradient(result="float((v.conj() * (prior - image)).real.sum())"),
        "in two parts": gradient(result="(v.conj() * prior).sum().real - (v.conj() * image).sum().real"),
        "autograd": (
            "def my_reg_weight_gradient(A, prior, image, grad, reg_weight):\n"
            "    weight = torch.tensor(reg_weight, dtype=torch.float64, requires_grad=True)\n"
            "    b = A.normal(image) + reg_weight * (image - prior)\n"
            "    x = data_consistency(A, b, prior, weight, n_iterations=100, tolerance=1e-13)\n"
            "    (grad.conj() * x).sum().real.backward()\n"
            "    return weight.grad"
        ),
    },
    "my_modl": {
        "data kept apart": unrolled(),
        "recursion": (
            "def my_modl(A, kspace, denoiser, reg_weight, n_iterations):\n"
            "    b = A.adjoint(kspace)\n"
            "    if n_iterations == 0:\n"
            "        return b\n"
            "    x = my_modl(A, kspace, denoiser, reg_weight, n_iterations - 1)\n"
            "    return data_consistency(A, b, denoiser(x), reg_weight)"
        ),
        "CG by hand": unrolled(
            body="x = conjugate_gradient(A.normal, b + reg_weight * denoiser(x), reg_weight=reg_weight, n_iterations=30)"
        ),
    },
}
