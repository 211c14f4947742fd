"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
)

ISTA = """
def my_ista_iteration(A, kspace, image, step_size, threshold, code, decode):
    misfit = {misfit}
    r = {r}
    values = {values}
    shrunk = {shrunk}
    return {result}
"""
RIGHT_ISTA = {
    "misfit": "A.normal(image) - A.adjoint(kspace)",
    "r": "image - step_size * misfit",
    "values": "code(r)",
    "shrunk": "soft_threshold(values, threshold)",
    "result": "r + decode(shrunk)",
}

CASCADE = """
def my_cascade(kspace, measured, mask, smaps, refine, step_size):
    image = {image}
    pull = {pull}
    correction = {correction}
    return {result}
"""
RIGHT_CASCADE = {
    "image": "(smaps.conj() * ifft2c(kspace)).sum(-3)",
    "pull": "step_size * mask * (kspace - measured)",
    "correction": "fft2c(smaps * refine(image))",
    "result": "kspace - pull - correction",
}

POWER = """
def my_lipschitz(push, pull, start, n_iterations):
    v = {start}
    for _ in range({n}):
        v = {unit}
        pushed = {pushed}
        v = {pulled}
    return {result}
"""
RIGHT_POWER = {
    "start": "start",
    "n": "n_iterations",
    "unit": "v / v.norm()",
    "pushed": "push(v)",
    "pulled": "pull(pushed)",
    "result": "pushed.norm()",
}

PLAY = """
def my_plug_and_play(A, kspace, denoise, step_size, n_iterations):
    zero_filled = A.adjoint(kspace)
    image = {start}
    changes = []
    for _ in range({n}):
        misfit = {misfit}
        new = {new}
        changes.append({change})
        image = {kept}
    return {result}
"""
RIGHT_PLAY = {
    "start": "zero_filled",
    "n": "n_iterations",
    "misfit": "A.normal(image) - zero_filled",
    "new": "denoise(image - step_size * misfit)",
    "change": "float((new - image).norm() / new.norm())",
    "kept": "new",
    "result": "image, changes",
}


def ista(**changes):
    return ISTA.format(**RIGHT_ISTA | changes)


def cascade(**changes):
    return CASCADE.format(**RIGHT_CASCADE | changes)


def power(**changes):
    return POWER.format(**RIGHT_POWER | changes)


def play(**changes):
    return PLAY.format(**RIGHT_PLAY | changes)


WRONG = {
    "my_ista_iteration": {
        "no return": "def my_ista_iteration(A, kspace, image, step_size, threshold, code, decode):\n    r = image",
        "code of the old image": ista(values="code(image)"),
        "r is not added": ista(result="decode(shrunk)"),
        "added to the old image": ista(result="image + decode(shrunk)"),
        "subtracted": ista(result="r - decode(shrunk)"),
        "uphill": ista(r="image + step_size * misfit"),
        "no step size": ista(r="image - misfit"),
        "a step size of its own": ista(r="image - 0.5 * misfit"),
        "the misfit alone": ista(r="step_size * misfit"),
        "no data": ista(misfit="A.normal(image)"),
        "data added": ista(misfit="A.normal(image) + A.adjoint(kspace)"),
        "no normal": ista(misfit="image - A.adjoint(kspace)"),
        "no brackets": ista(r="image - step_size * A.normal(image) - A.adjoint(kspace)"),
        "step on the data alone": ista(r="image - A.normal(image) + step_size * A.adjoint(kspace)"),
        "step on the normal alone": ista(r="image - step_size * A.normal(image) + A.adjoint(kspace)"),
        "no threshold": ista(shrunk="values"),
        "hard threshold": ista(shrunk="torch.where(values.abs() > threshold, values, 0 * values)"),
        "positive codes only": ista(shrunk="(values - threshold).clamp_min(0)"),
        "what is below": ista(shrunk="values.clamp(-threshold, threshold)"),
        "threshold times step": ista(shrunk="soft_threshold(values, step_size * threshold)"),
        "threshold before the code": ista(values="code(soft_threshold(r, threshold))", shrunk="values"),
        "threshold after the way back": ista(shrunk="values", result="r + soft_threshold(decode(shrunk), threshold)"),
        "the data step alone": ista(result="r"),
        "the prior step alone": ista(r="image"),
        "the code itself": ista(result="shrunk"),
        "real part": ista(result="(r + decode(shrunk)).real"),
        "magnitude": ista(result="(r + decode(shrunk)).abs()"),
        "changes the image": ista(r="image.sub_(step_size * misfit)"),
        "kspace in the misfit": ista(misfit="A.forward(image) - kspace"),
        "another step, fixed threshold": ista(shrunk="soft_threshold(values, 0.01)"),
        "the image is decoded": ista(values="r"),
        "the operator as a function": ista(misfit="A.adjoint(A(image) - kspace)"),
    },
    "my_cascade": {
        "no return": "def my_cascade(kspace, measured, mask, smaps, refine, step_size):\n    q = kspace",
        "no mask": cascade(pull="step_size * (kspace - measured)"),
        "mask the wrong way": cascade(pull="step_size * ~mask * (kspace - measured)"),
        "no step size": cascade(pull="mask * (kspace - measured)"),
        "away from the data": cascade(pull="step_size * mask * (measured - kspace)"),
        "put back": cascade(result="torch.where(mask, measured, kspace) - correction"),
        "correction added": cascade(result="kspace - pull + correction"),
        "correction masked": cascade(result="kspace - pull - mask * correction"),
        "correction outside the mask": cascade(result="kspace - pull - ~mask * correction"),
        "step on the correction": cascade(result="kspace - pull - step_size * correction"),
        "no correction": cascade(result="kspace - pull"),
        "no data step": cascade(result="kspace - correction"),
        "the correction alone": cascade(result="correction"),
        "no conjugate": cascade(image="(smaps * ifft2c(kspace)).sum(-3)"),
        "no maps": cascade(image="ifft2c(kspace).sum(-3)"),
        "root sum of squares": cascade(image="rss(ifft2c(kspace))"),
        "coils not combined": cascade(image="smaps.conj() * ifft2c(kspace)"),
        "no refine": cascade(correction="fft2c(smaps * image)"),
        "k-space in place of images": cascade(image="(smaps.conj() * kspace).sum(-3)"),
        "combined in k-space": cascade(image="ifft2c((smaps.conj() * kspace).sum(-3))"),
        "fft2c to the image": cascade(image="(smaps.conj() * fft2c(kspace)).sum(-3)"),
        "the measured image": cascade(image="(smaps.conj() * ifft2c(measured)).sum(-3)"),
        "maps missing on the way back": cascade(correction="fft2c(refine(image)).expand(kspace.shape)"),
        "conjugate on the way back": cascade(correction="fft2c(smaps.conj() * refine(image))"),
        "still an image": cascade(correction="smaps * refine(image)"),
        "ifft2c back": cascade(correction="ifft2c(smaps * refine(image))"),
        "one step after the other": cascade(
            image="(smaps.conj() * ifft2c(kspace - step_size * mask * (kspace - measured))).sum(-3)"
        ),
        "result minus image": cascade(correction="fft2c(smaps * (image - refine(image)))"),
        "one coil": cascade(result="(kspace - pull - correction)[0]"),
        "changes its input": cascade(result="kspace.sub_(pull).sub_(correction)"),
        "the mask as an index": cascade(pull="step_size * (kspace[mask] - measured[mask])"),
    },
    "my_lipschitz": {
        "no return": "def my_lipschitz(push, pull, start, n_iterations):\n    v = start",
        "the square": power(result="v.norm()"),
        "root of there and back": power(result="v.norm().sqrt()"),
        "pull on v": power(pulled="pull(v)"),
        "never made unit": power(unit="v"),
        "made unit once": power(start="start / start.norm()", unit="v"),
        "push only": power(pulled="pushed"),
        "pull only": power(pushed="pull(v)"),
        "the start again": power(pulled="start"),
        "one iteration": power(n="1"),
        "a fixed number": power(n="30"),
        "length of v": power(result="(v / v.norm()).norm()"),
        "the image": power(result="pushed"),
        "largest pixel": power(result="pushed.abs().max()"),
        "divided by the largest pixel": power(unit="v / v.abs().max()"),
        "divided by the squared norm": power(unit="v / v.norm() ** 2"),
        "the quotient of the first": power(result="push(start).norm() / start.norm()"),
        "its own start": power(start="torch.ones_like(start)"),
        "a constant": "def my_lipschitz(push, pull, start, n_iterations):\n    return 6.7",
        "product of the growths": power(result="(pushed.norm() * v.norm()).sqrt()"),
        "mean of random tries": (
            "def my_lipschitz(push, pull, start, n_iterations):\n"
            "    tries = [random_complex(*start.shape, seed=seed) for seed in range(n_iterations)]\n"
            "    return max(push(v).norm() / v.norm() for v in tries)"
        ),
        "no brackets": power(unit="v / v.norm"),
    },
    "my_plug_and_play": {
        "no return": play(result="None"),
        "image only": play(result="image"),
        "exchanged": play(result="changes, image"),
        "from black": play(start="torch.zeros_like(zero_filled)"),
        "in place": play(misfit="image.sub_(step_size * (A.normal(image) - zero_filled))", new="denoise(image)"),
        "denoiser first": play(new="denoise(image) - step_size * (A.normal(denoise(image)) - zero_filled)"),
        "side by side": play(new="denoise(image) - step_size * misfit"),
        "uphill": play(new="denoise(image + step_size * misfit)"),
        "no step size": play(new="denoise(image - misfit)"),
        "no data": play(misfit="A.normal(image)"),
        "no denoiser": play(new="image - step_size * misfit"),
        "no data step": play(new="denoise(image)"),
        "added": play(new="image - step_size * misfit + denoise(image - step_size * misfit)"),
        "always from the start": play(kept="zero_filled"),
        "one more": play(n="n_iterations + 1"),
        "one less": play(n="n_iterations - 1"),
        "a fixed number": play(n="100"),
        "not relative": play(change="float((new - image).norm())"),
        "relative to the old": play(change="float((new - image).norm() / image.norm())"),
        "squared": play(change="float((new - image).norm() / new.norm()) ** 2"),
        "from the start": play(change="float((new - zero_filled).norm() / new.norm())"),
        "compared with itself": play(change="float((new - new).norm() / new.norm())"),
        "images in place of changes": play(change="new"),
        "last change only": play(result="image, changes[-1]"),
        "a dictionary": play(result="image, {'changes': changes}"),
        "changes by their number": play().replace("changes.append(", "changes[len(changes)] = ("),
    },
}

RIGHT = {
    "my_ista_iteration": {
        "in two lines": (
            "def my_ista_iteration(A, kspace, image, step_size, threshold, code, decode):\n"
            "    r = image - step_size * A.adjoint(A.forward(image) - kspace)\n"
            "    return decode(soft_threshold(code(r), threshold)) + r"
        ),
        "threshold by clamp": ista(shrunk="values - values.clamp(-threshold, threshold)"),
        "threshold by sign": ista(shrunk="values.sign() * (values.abs() - threshold).clamp_min(0)"),
    },
    "my_cascade": {
        "where": cascade(pull="step_size * torch.where(mask, kspace - measured, 0 * kspace)"),
        "coil by coil": (
            "def my_cascade(kspace, measured, mask, smaps, refine, step_size):\n"
            "    image = 0\n"
            "    for coil in range(len(smaps)):\n"
            "        image = image + smaps[coil].conj() * ifft2c(kspace[coil])\n"
            "    correction = refine(image)\n"
            "    new = []\n"
            "    for coil in range(len(smaps)):\n"
            "        pull = step_size * mask * (kspace[coil] - measured[coil])\n"
            "        new.append(kspace[coil] - pull - fft2c(smaps[coil] * correction))\n"
            "    return torch.stack(new)"
        ),
    },
    "my_lipschitz": {
        "as a number": power(result="float(pushed.norm())"),
        "length written out": power(unit="v / v.abs().square().sum().sqrt()"),
        "one more push at the end": (
            "def my_lipschitz(push, pull, start, n_iterations):\n"
            "    v = start / start.norm()\n"
            "    for _ in range(n_iterations):\n"
            "        v = pull(push(v))\n"
            "        v = v / v.norm()\n"
            "    return push(v).norm()"
        ),
    },
    "my_plug_and_play": {
        "tensors as changes": play(change="(new - image).norm() / new.norm()"),
        "a list of both": play(change="torch.linalg.vector_norm(image - new).item() / new.norm().item()"),
    },
}


SAYS = {
    ("my_ista_iteration", "the image is decoded"): "`decode` takes a code",
    ("my_ista_iteration", "the operator as a function"): "The operator A has `A.forward(image)`",
    ("my_cascade", "the mask as an index"): "The mask (27, 1) does not fit the tensor (3, 27, 22)",
    ("my_lipschitz", "no brackets"): "without its round brackets",
    ("my_plug_and_play", "changes by their number"): "A list grows by `append`",
}


@pytest.mark.parametrize(("name", "mistake"), SAYS)
def test_a_mistake_is_called_by_its_name(request, name, mistake):
    assert SAYS[name, mistake] in str(verdict(request.module, name, WRONG[name][mistake]))
