"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
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

NOTED = """
def my_psnr_by_iteration(A, kspace, denoiser, reg_weight, n_iterations, reference):
    b = A.adjoint(kspace)
    x = b
    numbers = {start}
    for k in range({n}):
        {body}
        numbers.append({noted})
    return {result}
"""
RIGHT_NOTED = {
    "start": "[psnr(x, reference)]",
    "n": "n_iterations",
    "body": "x = data_consistency(A, b, denoiser(x), reg_weight)",
    "noted": "psnr(x, reference)",
    "result": "numbers",
}


def consistency(**changes):
    return CONSISTENCY.format(**RIGHT_CONSISTENCY | changes)


def gradient(**changes):
    return GRADIENT.format(**RIGHT_GRADIENT | changes)


def unrolled(**changes):
    return UNROLLED.format(**RIGHT_UNROLLED | changes)


def noted(**changes):
    return NOTED.format(**RIGHT_NOTED | changes)


WRONG = {
    "my_data_consistency": {
        "no return": consistency(result="None"),
        "lambda missing in the matrix": consistency(left="0.0"),
        "lambda missing on the right": consistency(rhs="A.adjoint(kspace) + prior"),
        "lambda on the data": consistency(rhs="reg_weight * A.adjoint(kspace) + prior"),
        "the prior forgotten": consistency(rhs="A.adjoint(kspace)"),
        "the data forgotten": consistency(rhs="reg_weight * prior"),
        "prior subtracted": consistency(rhs="A.adjoint(kspace) - reg_weight * prior"),
        "lambda twice in the matrix": consistency(left="2 * reg_weight"),
        "a lambda of its own": consistency(left="0.05", rhs="A.adjoint(kspace) + 0.05 * prior"),
        "square root of lambda": consistency(left="reg_weight**0.5"),
        "lambda squared": consistency(left="reg_weight**2", rhs="A.adjoint(kspace) + reg_weight**2 * prior"),
        "conjugated prior": consistency(rhs="A.adjoint(kspace) + reg_weight * prior.conj()"),
        "real part only": consistency(result="x.real + 0j"),
        "magnitude": consistency(result="x.abs()"),
        "the operator twice on the right": consistency(rhs="A.normal(A.adjoint(kspace)) + reg_weight * prior"),
        "three iterations": consistency(n="3"),
        "one iteration": consistency(n="1"),
        "only the right-hand side": consistency(result="rhs"),
        "weighted mean, right at R = 1 only": consistency(result="rhs / (1 + reg_weight)"),
        "SENSE averaged with the prior": consistency(
            rhs="A.adjoint(kspace)", left="1e-6", result="(x + reg_weight * prior) / (1 + reg_weight)"
        ),
        "one gradient step": consistency(result="prior - (A.normal(prior) - A.adjoint(kspace)) / (1 + reg_weight)"),
        "only the correction of the prior": consistency(rhs="A.adjoint(kspace) - A.normal(prior)"),
        "measured samples of each coil replaced": (
            "def my_data_consistency(A, kspace, prior, reg_weight):\n"
            "    from mricourse import ifft2c\n"
            "    own = fft2c(A.smaps * prior)\n"
            "    mixed = torch.where(A.mask, (kspace + reg_weight * own) / (1 + reg_weight), own)\n"
            "    return (A.smaps.conj() * ifft2c(mixed)).sum(-3)"
        ),
        "an image for each coil": consistency(result="A.smaps * x"),
        "the prior is changed in place": (
            "def my_data_consistency(A, kspace, prior, reg_weight):\n"
            "    prior *= reg_weight\n"
            "    prior += A.adjoint(kspace)\n"
            "    return conjugate_gradient(A.normal, prior, reg_weight=reg_weight, n_iterations=40)"
        ),
        "a NumPy array": consistency(result="x.numpy()"),
        "not a number": consistency(result="x * float('nan')"),
        "the prior as it came": consistency(result="prior"),
        "A in place of A.normal": consistency().replace("(A.normal, rhs", "(A, rhs"),
        "A.forward in place of A.normal": consistency().replace("(A.normal, rhs", "(A.forward, rhs"),
        "A.adjoint in place of A.normal": consistency().replace("(A.normal, rhs", "(A.adjoint, rhs"),
        "k-space on the right": consistency(rhs="kspace + reg_weight * prior"),
        "k-space alone on the right": consistency(rhs="kspace"),
        "A.normal applied before the solver": consistency().replace("(A.normal, rhs", "(A.normal(prior), rhs"),
    },
    "my_reg_weight_gradient": {
        "no return": gradient(result="None"),
        "the sign trap": gradient(result="(v.conj() * prior).sum().real"),
        "only the part of the matrix": gradient(result="-(v.conj() * image).sum().real"),
        "x - z": gradient(result="(v.conj() * (image - prior)).sum().real"),
        "z + x": gradient(result="(v.conj() * (prior + image)).sum().real"),
        "no solve": "def my_reg_weight_gradient(A, prior, image, grad, reg_weight):\n"
        "    return (grad.conj() * (prior - image)).sum().real",
        "solve without lambda": gradient(left="0.0"),
        "a lambda of its own": gradient(left="0.05"),
        "no conjugate": gradient(result="(v * (prior - image)).sum().real"),
        "magnitude of the sum": gradient(result="(v.conj() * (prior - image)).sum().abs()"),
        "the solver as it comes": gradient().replace(", n_iterations=100, tolerance=1e-12", ""),
        "five iterations": gradient().replace("n_iterations=100, tolerance=1e-12", "n_iterations=5"),
        "two iterations": gradient().replace("n_iterations=100", "n_iterations=2"),
        "a loose tolerance": gradient().replace("tolerance=1e-12", "tolerance=1e-2"),
        "vdot of images": gradient(result="torch.vdot(v, prior - image).real"),
        "dot of images": gradient(result="torch.dot(v, prior - image).real"),
        "dot of vectors, which does not conjugate": gradient(
            result="torch.dot(v.flatten(), (prior - image).flatten()).real"
        ),
        "vdot, complex": gradient(result="torch.vdot(v.flatten(), (prior - image).flatten())"),
        "vdot, the sign trap": gradient(result="torch.vdot(v.flatten(), prior.flatten()).real"),
        "product of matrices": gradient(result="(v.conj() @ (prior - image)).sum().real"),
        "ten iterations": gradient().replace("n_iterations=100", "n_iterations=10"),
        "A in place of A.normal": gradient().replace("(A.normal, grad", "(A, grad"),
        "imaginary part": gradient(result="(v.conj() * (prior - image)).sum().imag"),
        "complex": gradient(result="(v.conj() * (prior - image)).sum()"),
        "a complex number of Python's": gradient(result="complex((v.conj() * (prior - image)).sum())"),
        "magnitudes": gradient(result="(v.conj() * (prior - image)).abs().sum()"),
        "mean instead of sum": gradient(result="(v.conj() * (prior - image)).mean().real"),
        "times lambda, as for z": gradient(result="reg_weight * (v.conj() * (prior - image)).sum().real"),
        "over lambda": gradient(result="(v.conj() * (prior - image)).sum().real / reg_weight"),
        "factor two": gradient(result="2 * (v.conj() * (prior - image)).sum().real"),
        "half": gradient(result="0.5 * (v.conj() * (prior - image)).sum().real"),
        "the normal operator instead of its inverse": gradient(
            result="((A.normal(grad) + reg_weight * grad).conj() * (prior - image)).sum().real"
        ),
        "solves for the image": gradient(rhs="image"),
        "A.normal applied before the solver": gradient().replace("(A.normal, grad", "(A.normal(grad), grad"),
        "conjugated gradient": gradient(rhs="grad.conj()"),
        "one number a pixel": gradient(result="(v.conj() * (prior - image)).real"),
        "one number a row": gradient(result="(v.conj() * (prior - image)).sum(-1).real"),
        "zero": gradient(result="0.0"),
        "a word": gradient(result="'steep'"),
        "not a number": gradient(result="float('nan')"),
        "x changed in place": "def my_reg_weight_gradient(A, prior, image, grad, reg_weight):\n"
        "    image -= prior\n"
        "    v = conjugate_gradient(A.normal, grad, reg_weight=reg_weight, n_iterations=100, tolerance=1e-12)\n"
        "    return -(v.conj() * image).sum().real",
    },
    "my_modl": {
        "no return": unrolled(result="None"),
        "the image in place of the data": unrolled(body="x = data_consistency(A, x, denoiser(x), reg_weight)"),
        "denoises the zero-filled image every time": unrolled(
            body="x = data_consistency(A, b, denoiser(b), reg_weight)"
        ),
        "starts at zero": unrolled(start="torch.zeros_like(b)"),
        "k-space in place of the zero-filled image": unrolled(
            body="x = data_consistency(A, kspace, denoiser(x), reg_weight)"
        ),
        "starts at SENSE": unrolled(start="conjugate_gradient(A.normal, b, reg_weight=0.01)"),
        "one iteration too few": unrolled(n="n_iterations - 1"),
        "one iteration too many": unrolled(n="n_iterations + 1"),
        "always three": unrolled(n="3"),
        "always one": unrolled(n="1"),
        "consistency before the denoiser": unrolled(body="x = denoiser(data_consistency(A, b, x, reg_weight))"),
        "returns the denoised image": unrolled(
            body="z = denoiser(x); x = data_consistency(A, b, z, reg_weight)", result="z"
        ),
        "returns inside the loop": unrolled(body="return data_consistency(A, b, denoiser(x), reg_weight)"),
        "the denoiser outside the loop": unrolled(
            start="denoiser(b)", body="x = data_consistency(A, b, x, reg_weight)"
        ),
        "the denoiser once, before the loop": (
            "def my_modl(A, kspace, denoiser, reg_weight, n_iterations):\n"
            "    b = A.adjoint(kspace)\n"
            "    z = denoiser(b)\n"
            "    for k in range(n_iterations):\n"
            "        x = data_consistency(A, b, z, reg_weight)\n"
            "    return x"
        ),
        "the two images exchanged": unrolled(body="x = data_consistency(A, denoiser(x), b, reg_weight)"),
        "exp of lambda": unrolled(body="x = data_consistency(A, b, denoiser(x), reg_weight.exp())"),
        "returns a list": unrolled(result="[x]"),
        "adds the residual again": unrolled(body="x = data_consistency(A, b, x + denoiser(x), reg_weight)"),
        "no data consistency": unrolled(body="x = denoiser(x)"),
        "no denoiser": unrolled(body="x = data_consistency(A, b, x, reg_weight)"),
        "data consistency at the end only": unrolled(
            body="x = denoiser(x)", result="data_consistency(A, b, x, reg_weight)"
        ),
        "lambda grows with k": unrolled(body="x = data_consistency(A, b, denoiser(x), reg_weight * (k + 1))"),
        "a lambda of its own": unrolled(body="x = data_consistency(A, b, denoiser(x), torch.tensor(0.05))"),
        "real part": unrolled(result="x.real + 0j"),
        "a gradient step": unrolled(body="z = denoiser(x); x = z - reg_weight * (A.normal(z) - b)"),
        "mean of z and x": unrolled(body="z = denoiser(x); x = (z + data_consistency(A, b, z, reg_weight)) / 2"),
    },
    "my_psnr_by_iteration": {
        "no return": noted(result="None"),
        "x_0 is missing": noted(start="[]"),
        "z in place of x": noted(noted="psnr(denoiser(x), reference)"),
        "noted before the step": noted(
            body="numbers.append(psnr(x, reference)); x = data_consistency(A, b, denoiser(x), reg_weight)",
            noted="0.0",
        ),
        "of z": noted(body="z = denoiser(x); x = data_consistency(A, b, z, reg_weight)", noted="psnr(z, reference)"),
        "always x_0": noted(noted="psnr(b, reference)"),
        "the image is not replaced": noted(body="z = data_consistency(A, b, denoiser(x), reg_weight)"),
        "only the last": noted(result="numbers[-1]"),
        "reversed": noted(result="numbers[::-1]"),
        "images": noted(start="[x]", noted="x"),
        "one too many": noted(n="n_iterations + 1"),
        "no denoiser": noted(body="x = data_consistency(A, b, x, reg_weight)"),
        "the image in place of the data": noted(body="x = data_consistency(A, x, denoiser(x), reg_weight)"),
        "x_0 denoised in every round": noted(body="x = data_consistency(A, b, denoiser(b), reg_weight)"),
        "the two images exchanged": noted(body="x = data_consistency(A, denoiser(x), b, reg_weight)"),
        "exp of lambda": noted(body="x = data_consistency(A, b, denoiser(x), reg_weight.exp())"),
        "consistency before the denoiser": noted(body="x = denoiser(data_consistency(A, b, x, reg_weight))"),
        "no data consistency": noted(body="x = denoiser(x)"),
        "returns inside the loop": noted(noted="psnr(x, reference)); return numbers  # ("),
        "squared error": noted(
            start="[(x - reference).abs().square().mean()]", noted="(x - reference).abs().square().mean()"
        ),
        "words": noted(start="['x0']", noted="str(psnr(x, reference))"),
        "reference first": noted(start="[psnr(reference, x)]", noted="psnr(reference, x)"),
        "all rounds in every step": noted(
            body="for _ in range(n_iterations): x = data_consistency(A, b, denoiser(x), reg_weight)"
        ),
        "all rounds from the beginning in every step": noted(
            body="x = my_modl(A, kspace, denoiser, reg_weight, n_iterations)"
        ),
        "reference and zero-filled": noted(noted="psnr(x, b)"),
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
        "vdot, reshaped, a plain number": gradient(
            result="torch.vdot(v.reshape(-1), (prior - image).reshape(-1)).real.item()"
        ),
        "vdot the other way round": gradient(result="torch.vdot((prior - image).ravel(), v.ravel()).real"),
        "real and imaginary parts": gradient(
            result="(v.real * (prior - image).real + v.imag * (prior - image).imag).sum()"
        ),
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
    "my_psnr_by_iteration": {
        "a list that grows": noted(),
        "a tensor": noted(result="torch.tensor(numbers)"),
        "images first": (
            "def my_psnr_by_iteration(A, kspace, denoiser, reg_weight, n_iterations, reference):\n"
            "    b = A.adjoint(kspace)\n"
            "    images = [b]\n"
            "    while len(images) <= n_iterations:\n"
            "        images.append(data_consistency(A, b, denoiser(images[-1]), reg_weight))\n"
            "    return [psnr(image, reference) for image in images]"
        ),
    },
}

NAMED = {  # mistake -> a word of the sentence that names it
    ("my_data_consistency", "lambda missing in the matrix"): "matrix lacks λ",
    ("my_data_consistency", "weighted mean, right at R = 1 only"): "Dividing by 1 + λ",
    ("my_data_consistency", "the prior forgotten"): "z is missing",
    ("my_data_consistency", "three iterations"): "too early",
    ("my_data_consistency", "the prior is changed in place"): "changes its arguments",
    ("my_data_consistency", "A in place of A.normal"): "A itself is no function",
    ("my_data_consistency", "A.forward in place of A.normal"): "it wants A.normal",
    ("my_data_consistency", "A.adjoint in place of A.normal"): "it takes the k-space",
    ("my_reg_weight_gradient", "magnitude of the sum"): "magnitude of the inner product",
    ("my_reg_weight_gradient", "the solver as it comes"): "tolerance=1e-12",
    ("my_psnr_by_iteration", "reference first"): "the reference last",
    ("my_psnr_by_iteration", "all rounds in every step"): "all K rounds",
    ("my_psnr_by_iteration", "all rounds from the beginning in every step"): "all K rounds",
    ("my_reg_weight_gradient", "the sign trap"): "the sign trap",
    ("my_reg_weight_gradient", "no solve"): "solved for first",
    ("my_reg_weight_gradient", "complex"): "take .real",
    ("my_modl", "the image in place of the data"): "place of the data",
    ("my_modl", "consistency before the denoiser"): "order is the other way",
    ("my_modl", "returns the denoised image"): "denoised image z",
    ("my_data_consistency", "k-space on the right"): "k-space itself",
    ("my_data_consistency", "k-space alone on the right"): "k-space itself",
    ("my_data_consistency", "the data forgotten"): "data are missing",
    ("my_reg_weight_gradient", "five iterations"): "yours made 5",
    ("my_reg_weight_gradient", "two iterations"): "yours made 2",
    ("my_reg_weight_gradient", "a loose tolerance"): "solved for well enough",
    ("my_reg_weight_gradient", "ten iterations"): "solved for well enough",
    ("my_reg_weight_gradient", "vdot of images"): "v.flatten()",
    ("my_reg_weight_gradient", "dot of images"): "v.flatten()",
    ("my_reg_weight_gradient", "dot of vectors, which does not conjugate"): "conjugate is missing",
    ("my_reg_weight_gradient", "vdot, complex"): "take .real",
    ("my_reg_weight_gradient", "vdot, the sign trap"): "the sign trap",
    ("my_reg_weight_gradient", "product of matrices"): "pixel by pixel",
    ("my_modl", "returns inside the loop"): "inside the loop",
    ("my_modl", "the denoiser once, before the loop"): "outside it",
    ("my_modl", "denoises the zero-filled image every time"): "Every round denoises",
    ("my_modl", "the two images exchanged"): "exchanged",
    ("my_modl", "exp of lambda"): "no .exp()",
    ("my_psnr_by_iteration", "the image in place of the data"): "place of the data",
    ("my_psnr_by_iteration", "x_0 denoised in every round"): "Every round denoises",
    ("my_psnr_by_iteration", "the two images exchanged"): "exchanged",
    ("my_psnr_by_iteration", "exp of lambda"): "no .exp()",
    ("my_psnr_by_iteration", "consistency before the denoiser"): "order is the other way",
    ("my_psnr_by_iteration", "returns inside the loop"): "inside the loop",
    ("my_psnr_by_iteration", "x_0 is missing"): "x₀",
    ("my_psnr_by_iteration", "of z"): "after the denoiser",
}


@pytest.mark.parametrize("case", NAMED, ids=": ".join)
def test_the_mistake_is_named(request, case):
    name, mistake = case
    assert NAMED[case] in str(verdict(request.module, name, WRONG[name][mistake]))
