"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

RULE = """
def my_rule(name, weights, memory, grad, lr, eps):
    if name == "momentum":
        v = {v}
        return weights - {momentum}, v
    if name == "Adagrad":
        s = {adagrad}
    else:
        s = {rmsprop}
    return weights - {step}, {keep}
"""


def rule(
    v="0.9 * memory + grad",
    momentum="lr * v",
    adagrad="memory + grad**2",
    rmsprop="0.99 * memory + 0.01 * grad**2",
    step="lr * grad / (s.sqrt() + eps)",
    keep="s",
):
    return RULE.format(v=v, momentum=momentum, adagrad=adagrad, rmsprop=rmsprop, step=step, keep=keep)


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
    "my_rule": {
        "momentum: a moving mean, as in Adam": rule(v="0.9 * memory + 0.1 * grad"),
        "momentum: the learning rate inside the velocity": rule(v="0.9 * memory + lr * grad", momentum="v"),
        "momentum: the old velocity": rule(momentum="lr * (0.9 * memory)"),
        "momentum: the velocity forgets nothing": rule(v="memory + grad"),
        "momentum: 0.99": rule(v="0.99 * memory + grad"),
        "momentum: Nesterov's": rule(momentum="lr * (grad + 0.9 * v)"),
        "momentum: the sign of the velocity is wrong": rule(v="0.9 * memory - grad"),
        "momentum: none, the gradient is kept": rule(v="grad"),
        "momentum: plain descent, memory not updated": rule(momentum="lr * grad").replace(
            "* lr * grad, v", "* lr * grad, memory"
        ),
        "momentum: the memory holds the step": rule(v="0.9 * memory + lr * grad", momentum="lr * v / lr"),
        "uphill": rule(momentum="lr * -v", step="lr * -grad / (s.sqrt() + eps)"),
        "Adagrad: the sum is not kept": rule(keep='memory if name == "Adagrad" else s'),
        "Adagrad: the last square only": rule(adagrad="grad**2"),
        "Adagrad: a mean of the squares, as RMSProp": rule(adagrad="0.99 * memory + 0.01 * grad**2"),
        "Adagrad: the sum up to the last step": rule(adagrad="torch.as_tensor(memory) + grad**2").replace(
            "    else:", "        return weights - lr * grad / ((s - grad**2).sqrt() + eps), s\n    else:"
        ),
        "Adagrad: absolute values": rule(adagrad="memory + grad.abs()"),
        "RMSProp: a sum": rule(rmsprop="memory + grad**2"),
        "RMSProp: alpha swapped": rule(rmsprop="0.01 * memory + 0.99 * grad**2"),
        "RMSProp: alpha is 0.9": rule(rmsprop="0.9 * memory + 0.1 * grad**2"),
        "RMSProp: alpha is 0.999": rule(rmsprop="0.999 * memory + 0.001 * grad**2"),
        "RMSProp: no 1 - alpha": rule(rmsprop="0.99 * memory + grad**2"),
        "RMSProp: the mean is not kept": rule(keep='memory if name == "RMSprop" else s'),
        "RMSProp: bias corrected, as Adam's first step": rule(
            rmsprop="grad**2 if isinstance(memory, float) else 0.99 * memory + 0.01 * grad**2"
        ),
        "the root is kept": rule(keep="s.sqrt()"),
        "no root": rule(step="lr * grad / (s + eps)"),
        "no eps": rule(step="lr * grad / s.sqrt()"),
        "eps inside the root": rule(step="lr * grad / (s + eps).sqrt()"),
        "eps squared inside the root": rule(step="lr * grad / (s + eps**2).sqrt()"),
        "eps beside the root and inside": rule(step="lr * grad / ((s + eps**2).sqrt() + eps)"),
        "eps is a floor": rule(step="lr * grad / s.sqrt().clamp_min(eps)"),
        "one eps for all": rule(step="lr * grad / (s.sqrt() + 1e-8)"),
        "eps in the memory": rule(keep="s + eps"),
        "one size for all weights": rule(step="lr * grad / (s.mean().sqrt() + eps)"),
        "the sign of the gradient": rule(step="lr * grad.sign()"),
        "no learning rate": rule(step="grad / (s.sqrt() + eps)"),
        "momentum for all three": rule(step="lr * (0.9 * memory + grad)", keep="0.9 * memory + grad"),
        "Adagrad and RMSProp change places": rule(adagrad="0.99 * memory + 0.01 * grad**2", rmsprop="memory + grad**2"),
    },
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
    "my_rule": {
        "branches": rule(),
        "in place, squares by product": """
def my_rule(name, weights, memory, grad, lr, eps):
    memory = torch.as_tensor(memory).to(grad) * torch.ones_like(grad)
    if name == "momentum":
        memory.mul_(0.9).add_(grad)
        weights -= lr * memory
        return weights, memory
    if name == "Adagrad":
        memory.addcmul_(grad, grad)
    elif name == "RMSprop":
        memory.lerp_(grad * grad, 0.01)
    weights.addcdiv_(grad, memory.sqrt().add_(eps), value=-lr)
    return weights, memory
""",
        "a function for each": """
def my_rule(name, weights, memory, grad, lr, eps):
    def momentum():
        new = grad + 0.9 * memory
        return weights - lr * new, new

    def by_size(new):
        return weights - lr / (eps + torch.sqrt(new)) * grad, new

    if name[0] == "m":
        return momentum()
    square = torch.square(grad)
    return by_size(memory + square if name == "Adagrad" else memory + 0.01 * (square - memory))
""",
    },
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
