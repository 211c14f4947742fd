"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

PHASE = """
def my_smooth_phase(image, window):
    low = {low}
    return {result}
"""
RIGHT_PHASE = {"low": "ifft2c(window * fft2c(image))", "result": "low / low.abs().clamp_min(1e-12)"}

MEAN = """
def my_weighted_mean(sample, noise_std, prior, prior_std):
    a = {a}
    b = {b}
    return {result}
"""
RIGHT_MEAN = {"a": "prior_std**2", "b": "noise_std**2", "result": "(a * sample + b * prior) / (a + b)"}

HELD = """
def my_held_out_error(network, A, kspace, held):
    kept = {kept}
    image = network(SenseOperator(A.smaps, {mask}), {data})
    predicted = SenseOperator(A.smaps, {judged}).forward(image)
    goal = {goal}
    return {result}
"""
RIGHT_HELD = {
    "kept": "A.mask & ~held",
    "mask": "kept",
    "data": "kept * kspace",
    "judged": "held",
    "goal": "held * kspace",
    "result": "(predicted - goal).norm() / goal.norm()",
}


def phase(**changes):
    return PHASE.format(**RIGHT_PHASE | changes)


def mean(**changes):
    return MEAN.format(**RIGHT_MEAN | changes)


def held(**changes):
    return HELD.format(**RIGHT_HELD | changes)


WRONG = {
    "my_smooth_phase": {
        "no return": "def my_smooth_phase(image, window):\n    low = ifft2c(window * fft2c(image))",
        "the angle": phase(result="low.angle()"),
        "the filtered image": phase(result="low"),
        "its magnitude": phase(result="low.abs()"),
        "the phase of the image itself": phase(low="image"),
        "conjugated": phase(result="(low / low.abs().clamp_min(1e-12)).conj()"),
        "over the magnitude of the image": phase(result="low / image.abs().clamp_min(1e-12)"),
        "over the largest magnitude": phase(result="low / low.abs().max()"),
        "over the norm": phase(result="low / low.norm()"),
        "the window on the image": phase(low="window * image"),
        "of the magnitude": phase(low="ifft2c(window * fft2c(image.abs()))"),
        "stays in k-space": phase(low="window * fft2c(image)"),
        "inverse first": phase(low="fft2c(window * ifft2c(image))"),
        "the window ignored": phase(low="ifft2c(fft2c(image))"),
        "the window inverted": phase(low="ifft2c((1 - window) * fft2c(image))"),
        "the image turned": phase(result="image * (low / low.abs().clamp_min(1e-12)).conj()"),
        "NaN where nothing is": phase(result="low / low.abs()"),
        "the sign of the real part": phase(result="torch.sign(low.real) + 0j"),
        "a window of its own": phase(low="ifft2c((window > 0.5) * fft2c(image))"),
        "one phase for all pixels": phase(result="(low.sum() / low.sum().abs()).expand_as(low)"),
        "the first of a stack only": phase(low="ifft2c(window * fft2c(image[:1]))"),
        "changes its argument": (
            "def my_smooth_phase(image, window):\n"
            "    low = ifft2c(window * fft2c(image))\n"
            "    image *= 0\n"
            "    return low / low.abs().clamp_min(1e-12)"
        ),
        "real numbers from NumPy": "def my_smooth_phase(image, window):\n    return image.numpy()",
        "unshifted transforms": phase(low="torch.fft.ifft2(window * torch.fft.fft2(image))"),
    },
    "my_weighted_mean": {
        "no return": "def my_weighted_mean(sample, noise_std, prior, prior_std):\n    sample + prior",
        "weights exchanged": mean(a="noise_std**2", b="prior_std**2"),
        "no squares": mean(a="prior_std", b="noise_std"),
        "plain mean": mean(a="1", b="1"),
        "square roots": mean(a="prior_std**0.5", b="noise_std**0.5"),
        "fourth powers": mean(a="prior_std**4", b="noise_std**4"),
        "lambda only": mean(result="b / a if a else 0.0"),
        "no square below": mean(
            a="(noise_std / prior_std) ** 2", b="noise_std / prior_std", result="(sample + a * prior) / (1 + b)"
        ),
        "no square above": mean(
            a="(noise_std / prior_std) ** 2", b="noise_std / prior_std", result="(sample + b * prior) / (1 + a)"
        ),
        "no 1 below": mean(a="(noise_std / prior_std) ** 2", result="(sample + a * prior) / a"),
        "no division": mean(result="sample + (b / a if a else 0) * prior"),
        "no division, one fraction": mean(result="a * sample + b * prior"),
        "divides by zero": mean(result="(sample + b / a * prior) / (1 + b / a)"),
        "divides by zero, the other way": mean(result="(sample / b + prior / a) / (1 / a + 1 / b)"),
        "the sample": mean(result="sample"),
        "the prior": mean(result="prior"),
        "lambda fixed": mean(a="1", b="0.25"),
        "difference": mean(result="(a * sample - b * prior) / (a + b)"),
        "real part": mean(result="complex((a * sample + b * prior) / (a + b)).real"),
        "real part of tensors only": mean(
            result="((a * sample + b * prior) / (a + b)).real if hasattr(sample, 'shape') else "
            "(a * sample + b * prior) / (a + b)"
        ),
        "real parts of tensors, complex again": mean(
            result="(a * sample + b * prior) / (a + b) + (0 if not hasattr(sample, 'shape') else "
            "-1j * ((a * sample + b * prior) / (a + b)).imag)"
        ),
        "numbers only": mean(result="complex(a * sample + b * prior) / (a + b)"),
        "magnitudes": mean(result="(a * abs(sample) + b * abs(prior)) / (a + b)"),
        "the example": mean(result="1.8"),
        "a pair": mean(result="(a, b)"),
        "rounded": mean(result="round(abs((a * sample + b * prior) / (a + b)))"),
        "float": mean(result="(a * float(sample) + b * float(prior)) / (a + b)"),
        "sum without brackets": mean(result="a * sample + b * prior / (a + b)"),
    },
    "my_held_out_error": {
        "no return": "def my_held_out_error(network, A, kspace, held):\n    network(A, kspace)",
        "sees everything": held(mask="A.mask", data="kspace"),
        "mask leaks": held(mask="A.mask"),
        "data leak": held(data="kspace"),
        "sees the held lines only": held(mask="held", data="held * kspace"),
        "kept is everything but held": held(kept="~held"),
        "kept is the centre": held(kept="A.mask & (held.cumsum(0) == 0)"),
        "judged on kept lines": held(judged="kept", goal="kept * kspace"),
        "judged on all lines": held(judged="A.mask", goal="kspace"),
        "prediction on all lines": held(judged="A.mask"),
        "prediction by the whole operator": held(
            result="(A.forward(image) - held * kspace).norm() / (held * kspace).norm()"
        ),
        "difference with all of k-space": held(result="(predicted - kspace).norm() / goal.norm()"),
        "predicted on kept lines": held(judged="kept"),
        "predicted on kept lines, judged on held": held(
            judged="kept", result="(held * (predicted - kspace)).norm() / goal.norm()"
        ),
        "held and kept exchanged": held(kept="held", judged="A.mask & ~held", goal="(A.mask & ~held) * kspace"),
        "the image masked": held(judged="held", result="(held * image - goal).norm() / goal.norm()"),
        "not relative": held(result="(predicted - goal).norm()"),
        "relative to all": held(result="(predicted - goal).norm() / kspace.norm()"),
        "relative to the prediction": held(result="(predicted - goal).norm() / predicted.norm()"),
        "squared": held(result="((predicted - goal).norm() / goal.norm()) ** 2"),
        "per cent": held(result="100 * (predicted - goal).norm() / goal.norm()"),
        "mean of ratios": held(result="((predicted - goal).abs() / (goal.abs() + 1e-9)).mean()"),
        "magnitudes": held(result="(predicted.abs() - goal.abs()).norm() / goal.norm()"),
        "largest": held(result="(predicted - goal).abs().max() / goal.abs().max()"),
        "one number a coil": held(result="(predicted - goal).flatten(1).norm(dim=1) / goal.norm()"),
        "sum": held(result="(predicted + goal).norm() / goal.norm()"),
        "complex": held(result="(predicted - goal).sum() / goal.norm()"),
        "asked twice": held(result="(predicted - goal).norm() / goal.norm() + 0 * network(A, kspace).norm()"),
        "per cent, a plain number": held(result="float(100 * (predicted - goal).norm() / goal.norm())"),
        "maps forgotten, image repeated": held(
            result="(held * fft2c(image.expand_as(goal)) - goal).norm() / goal.norm()"
        ),
        "constant": held(result="0.5"),
        "maps forgotten": held(judged="held", result="(held * fft2c(image) - goal).norm() / goal.norm()"),
        "empty k-space": held(data="0 * kspace"),
        "changes its argument": (
            "def my_held_out_error(network, A, kspace, held):\n"
            "    goal = held * kspace\n"
            "    kspace -= goal\n"
            "    image = network(SenseOperator(A.smaps, A.mask & ~held), kspace)\n"
            "    return (SenseOperator(A.smaps, held).forward(image) - goal).norm() / goal.norm()"
        ),
    },
}

RIGHT = {
    "my_smooth_phase": {
        "clamped": phase(),
        "sgn": phase(result="torch.sgn(low)"),
        "polar": phase(result="torch.polar(torch.ones_like(low.real), low.angle())"),
        "exponential": phase(result="torch.exp(1j * low.angle())"),
        "nan_to_num": phase(result="(low / low.abs()).nan_to_num(1.0)"),
        "plus a little": phase(result="low / (low.abs() + 1e-12)"),
    },
    "my_weighted_mean": {
        "one fraction": mean(),
        "share": "def my_weighted_mean(sample, noise_std, prior, prior_std):\n"
        "    share = prior_std**2 / (prior_std**2 + noise_std**2)\n"
        "    return share * sample + (1 - share) * prior",
        "with a case apart": "def my_weighted_mean(sample, noise_std, prior, prior_std):\n"
        "    if prior_std == 0:\n"
        "        return prior\n"
        "    lam = noise_std**2 / prior_std**2\n"
        "    return (sample + lam * prior) / (1 + lam)",
        "correction": mean(result="prior + a / (a + b) * (sample - prior)"),
    },
    "my_held_out_error": {
        "as asked": held(),
        "a mask of all samples": held(kept="(A.mask & ~held).expand(kspace.shape[-2:])"),
        "a plain number": held(result="float((predicted - goal).norm() / goal.norm())"),
        "by difference": held(data="kspace - held * kspace"),
        "where": held(data="torch.where(held, 0, kspace)", goal="torch.where(held, kspace, 0)"),
        "by hand": held(judged="A.mask", result="(held * fft2c(A.smaps * image) - goal).norm() / goal.norm()"),
        "root of a sum": held(result="((predicted - goal).abs() ** 2).sum().sqrt() / (goal.abs() ** 2).sum().sqrt()"),
        "picked out": held(
            result="torch.linalg.vector_norm(predicted[:, held[:, 0]] - kspace[:, held[:, 0]])"
            " / torch.linalg.vector_norm(kspace[:, held[:, 0]])"
        ),
    },
}
