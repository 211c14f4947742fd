"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)


def soft(body):
    return f"def my_soft_threshold(x, threshold):\n    {body}"


FISTA = """
def my_fista(A, kspace, prox, *, step_size, n_iterations):
    rhs, m = A.adjoint(kspace), {m}
    x = z = {start}
    for _ in range(n_iterations):
        old, x = x, {prox}
        new = {momentum}
        z = x + {pull} * (x - old)
        m = new
    return {result}
"""
RIGHT_FISTA = {
    "m": "1.0",
    "start": "torch.zeros_like(rhs)",
    "prox": "prox(z - step_size * (A.normal(z) - rhs), step_size)",
    "momentum": "(1 + (1 + 4 * m**2) ** 0.5) / 2",
    "pull": "(m - 1) / new",
    "result": "x",
}


def fista(**change):
    return FISTA.format(**RIGHT_FISTA | change)


def adjoint(body):
    return f"def my_finite_differences_adjoint(differences):\n    dy, dx = differences\n    {body}"


WRONG = {
    "my_soft_threshold": {
        "divides by zero at zero": soft("return x / x.abs() * (x.abs() - threshold).clamp_min(0)"),
        "thresholds real and imaginary part": soft(
            "s = lambda a: a.sign() * (a.abs() - threshold).clamp_min(0)\n    return torch.complex(s(x.real), s(x.imag))"
        ),
        "hard threshold": soft("return x * (x.abs() > threshold)"),
        "no clamp: small numbers change sign": soft("return x * (1 - threshold / x.abs().clamp_min(1e-30))"),
        "real part only": soft("return (x.real.sign() * (x.real.abs() - threshold).clamp_min(0)) + 0j"),
        "loses the phase": soft("return (x.abs() - threshold).clamp_min(0)"),
        "conjugates the phase": soft("return x.conj().sgn() * (x.abs() - threshold).clamp_min(0)"),
        "half the threshold": soft("return x.sgn() * (x.abs() - threshold / 2).clamp_min(0)"),
        "keeps what is below": soft("return torch.where(x.abs() > threshold, x.sgn() * (x.abs() - threshold), x)"),
    },
    "my_fista": {
        "ISTA, no momentum": fista(pull="0"),
        "ignores the step size in the gradient": fista(prox="prox(z - (A.normal(z) - rhs), step_size)"),
        "ignores the step size in the prox": fista(prox="prox(z - step_size * (A.normal(z) - rhs), 1.0)"),
        "steps uphill": fista(prox="prox(z + step_size * (A.normal(z) - rhs), step_size)"),
        "steps from x instead of z": fista(prox="prox(x - step_size * (A.normal(x) - rhs), step_size)"),
        "returns the point ahead": fista(result="z"),
        "uses the new m twice": fista(pull="(new - 1) / new"),
        "m starts at zero": fista(m="0.0"),
        "starts at the adjoint": fista(start="rhs"),
        "pull upside down": fista(pull="new / (m + 1)"),
        "forgets the prox": fista(prox="z - step_size * (A.normal(z) - rhs)"),
        "one step too few": fista(result="old"),
    },
    "my_finite_differences_adjoint": {
        "forward again": adjoint("return dy.roll(-1, -2) - dy + dx.roll(-1, -1) - dx"),
        "minus sign: the divergence": adjoint("return dy - dy.roll(1, -2) + dx - dx.roll(1, -1)"),
        "axes swapped": adjoint("return dy.roll(1, -1) - dy + dx.roll(1, -2) - dx"),
        "one axis only": adjoint("return dy.roll(1, -2) - dy"),
        "axes not added": adjoint("return torch.stack([dy.roll(1, -2) - dy, dx.roll(1, -1) - dx])"),
        "conjugates": adjoint("return (dy.roll(1, -2) - dy + dx.roll(1, -1) - dx).conj()"),
        "ends not periodic": adjoint(
            "a = dy.roll(1, -2); a[..., 0, :] = 0\n    b = dx.roll(1, -1); b[..., 0] = 0\n    return a - dy + b - dx"
        ),
        "right for one image only": adjoint("return dy.roll(1, 0) - dy + dx.roll(1, 1) - dx"),
    },
}

RIGHT = {
    "my_soft_threshold": {
        "by the sign": soft("return x.sgn() * torch.relu(x.abs() - threshold)"),
        "by the phase": soft("return torch.polar((x.abs() - threshold).clamp_min(0), x.angle())"),
        "by a mask": soft(
            "m = x.abs()\n    return torch.where(m > threshold, x * (1 - threshold / torch.where(m > 0, m, 1)), 0)"
        ),
    },
    "my_fista": {
        "adjoint in the loop": fista(
            prox="prox(z - step_size * A.adjoint(A.forward(z) - kspace), step_size)",
            momentum="0.5 + (0.25 + m * m) ** 0.5",
        ),
        "the library": "def my_fista(A, kspace, prox, *, step_size, n_iterations):\n"
        "    return fista(A, kspace, prox, step_size=step_size, n_iterations=n_iterations)",
    },
    "my_finite_differences_adjoint": {
        "rolls": adjoint("return dy.roll(1, dims=-2) - dy + dx.roll(1, dims=-1) - dx"),
        "by concatenation": adjoint(
            "a = torch.cat([dy[..., -1:, :], dy[..., :-1, :]], -2)\n"
            "    b = torch.cat([dx[..., -1:], dx[..., :-1]], -1)\n    return a - dy + b - dx"
        ),
    },
}
