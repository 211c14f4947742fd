"""Answers to the exercises of lesson 10: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

ADAM = """
def my_adam_step(weights, memory, grad, lr, t, beta1=0.9, beta2=0.999, eps=1e-8):
    m, s = memory
    m = {m}
    s = {s}
    return weights {sign} {step}, {keep}
"""


def adam(
    m="beta1 * m + (1 - beta1) * grad",
    s="beta2 * s + (1 - beta2) * grad**2",
    step="lr * (m / (1 - beta1**t)) / ((s / (1 - beta2**t)).sqrt() + eps)",
    keep="(m, s)",
    sign="-",
):
    return ADAM.format(m=m, s=s, step=step, keep=keep, sign=sign)


RATE = """
def my_rate(step, n_steps, warmup):
    return {rise} * {fall}
"""


def rate(
    rise="min(1, (step + 1) / warmup)",
    fall="(0.02 + 0.98 * (1 + np.cos(np.pi * step / n_steps)) / 2)",
):
    return RATE.format(rise=rise, fall=fall)


WRONG = {
    "my_adam_step": {
        "no bias correction": adam(step="lr * m / (s.sqrt() + eps)"),
        "bias correction of the mean only": adam(step="lr * (m / (1 - beta1**t)) / (s.sqrt() + eps)"),
        "bias correction of the squares only": adam(step="lr * m / ((s / (1 - beta2**t)).sqrt() + eps)"),
        "steps counted from 0": adam(
            step="lr * (m / (1 - beta1**(t-1))) / ((s / (1 - beta2**(t-1))).sqrt() + eps)"
        ).replace("    return", "    if t == 1:\n        return weights, (m, s)\n    return"),
        "the correction does not depend on t": adam(step="lr * (m / (1 - beta1)) / ((s / (1 - beta2)).sqrt() + eps)"),
        "corrected means are kept": adam(
            m="(beta1 * m + (1 - beta1) * grad) / (1 - beta1**t)",
            s="(beta2 * s + (1 - beta2) * grad**2) / (1 - beta2**t)",
            step="lr * m / (s.sqrt() + eps)",
        ),
        "uphill": adam(sign="+"),
        "no root": adam(step="lr * (m / (1 - beta1**t)) / (s / (1 - beta2**t) + eps)"),
        "eps inside the root": adam(step="lr * (m / (1 - beta1**t)) / (s / (1 - beta2**t) + eps).sqrt()"),
        "eps before the correction": adam(
            step="lr * (m / (1 - beta1**t)) / ((s.sqrt() + eps) / (1 - beta2**t) ** 0.5)"
        ),
        "no eps": adam(step="lr * (m / (1 - beta1**t)) / (s / (1 - beta2**t)).sqrt()"),
        "betas swapped": adam(
            m="beta2 * m + (1 - beta2) * grad",
            s="beta1 * s + (1 - beta1) * grad**2",
            step="lr * (m / (1 - beta2**t)) / ((s / (1 - beta1**t)).sqrt() + eps)",
        ),
        "squares of the mean": adam(s="beta2 * s + (1 - beta2) * m**2"),
        "absolute values, not squares": adam(
            s="beta2 * s + (1 - beta2) * grad.abs()",
            step="lr * (m / (1 - beta1**t)) / (s / (1 - beta2**t) + eps)",
        ),
        "the gradient itself instead of its mean": adam(step="lr * grad / ((s / (1 - beta2**t)).sqrt() + eps)"),
        "the largest square so far (AMSGrad)": adam(
            s="torch.maximum(beta2 * s + (1 - beta2) * grad**2, torch.as_tensor(s))"
        ),
        "memory not updated": adam(keep="memory"),
        "one size for all weights": adam(step="lr * (m / (1 - beta1**t)) / ((s / (1 - beta2**t)).mean().sqrt() + eps)"),
        "only the sign, as in the first step": adam(step="lr * grad.sign()"),
        "sums instead of means": adam(m="beta1 * m + grad", s="beta2 * s + grad**2"),
        "weight decay besides": adam(
            step="lr * ((m / (1 - beta1**t)) / ((s / (1 - beta2**t)).sqrt() + eps) + 0.01 * weights)"
        ),
    },
    "my_rate": {
        "no warm-up": rate(rise="1"),
        "warm-up from zero": rate(rise="min(1, step / warmup)"),
        "warm-up one step too long": rate(rise="min(1, (step + 1) / (warmup + 1))"),
        "warm-up goes on rising": rate(rise="(step + 1) / warmup"),
        "a whole cosine": rate(fall="(0.02 + 0.98 * (1 + np.cos(2 * np.pi * step / n_steps)) / 2)"),
        "falls to zero": rate(fall="(1 + np.cos(np.pi * step / n_steps)) / 2"),
        "2 % on top": rate(fall="(0.02 + (1 + np.cos(np.pi * step / n_steps)) / 2)"),
        "2 % as a floor": rate(fall="max(0.02, (1 + np.cos(np.pi * step / n_steps)) / 2)"),
        "the cosine begins after the warm-up": """
def my_rate(step, n_steps, warmup):
    share = max(0, step - warmup + 1) / (n_steps - warmup + 1)
    return min(1, (step + 1) / warmup) * (0.02 + 0.98 * (1 + np.cos(np.pi * share)) / 2)
""",
        "reaches the end at the last step": rate(fall="(0.02 + 0.98 * (1 + np.cos(np.pi * step / (n_steps - 1))) / 2)"),
        "a straight line down": rate(fall="(1 - 0.98 * step / n_steps)"),
        "cosine of degrees": rate(fall="(0.02 + 0.98 * (1 + np.cos(180 * step / n_steps)) / 2)"),
        "a quarter of a cosine": rate(fall="(0.02 + 0.98 * np.cos(np.pi / 2 * step / n_steps))"),
        "the smaller of both instead of the product": """
def my_rate(step, n_steps, warmup):
    return min((step + 1) / warmup, 0.02 + 0.98 * (1 + np.cos(np.pi * step / n_steps)) / 2)
""",
        "exponential": rate(fall="0.02 ** (step / n_steps)"),
        "rising": rate(fall="(0.02 + 0.98 * (1 - np.cos(np.pi * step / n_steps)) / 2)"),
    },
}

RIGHT = {
    "my_adam_step": {
        "torch's own order": """
def my_adam_step(weights, memory, grad, lr, t, beta1=0.9, beta2=0.999, eps=1e-8):
    m = memory[0] + (1 - beta1) * (grad - memory[0])
    s = memory[1] + (1 - beta2) * (grad * grad - memory[1])
    size = s**0.5 / (1 - beta2**t) ** 0.5 + eps
    return weights - lr / (1 - beta1**t) * m / size, (m, s)
""",
        "in place, as a list": """
def my_adam_step(weights, memory, grad, lr, t, beta1=0.9, beta2=0.999, eps=1e-8):
    m, s = (torch.as_tensor(part) for part in memory)
    m = torch.lerp(m.to(grad) * torch.ones_like(grad), grad, 1 - beta1)
    s = beta2 * s + (1 - beta2) * grad.square()
    corrected = [m / (1 - beta1**t), s / (1 - beta2**t)]
    weights -= lr * corrected[0] / (corrected[1].sqrt() + eps)
    return weights, [m, s]
""",
    },
    "my_rate": {
        "branches": """
def my_rate(step, n_steps, warmup):
    factor = 1 - 0.98 * np.sin(np.pi * step / n_steps / 2) ** 2
    if step + 1 < warmup:
        factor *= (step + 1) / warmup
    return factor
""",
        "with torch": """
def my_rate(step, n_steps, warmup):
    cosine = torch.cos(torch.tensor(torch.pi * step / n_steps, dtype=torch.float64))
    return float(min(1.0, (step + 1) / warmup) * (0.51 + 0.49 * cosine))
""",
    },
}
