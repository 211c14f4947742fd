"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
)

WALK = """
def my_sense_momentum(A, kspace, rate, beta, n_steps):
    x = {start}
    velocity = {velocity}
    for _ in range({n}):
        gradient = {gradient}
        velocity = {update}
        x = {step}
    return {keep}
"""


def walk(
    start="torch.zeros_like(A.adjoint(kspace))",
    velocity="torch.zeros_like(x)",
    n="n_steps",
    gradient="A.adjoint(A.forward(x) - kspace)",
    update="beta * velocity + gradient",
    step="x - rate * velocity",
    keep="x",
):
    return WALK.format(start=start, velocity=velocity, n=n, gradient=gradient, update=update, step=step, keep=keep)


RMSPROP = """
def my_rmsprop_step(weights, memory, grad, rate, t, alpha=0.99, eps=1e-8):
    old = memory
    memory = {memory}
    return weights {sign} {step}, {keep}
"""


def rmsprop(
    memory="alpha * memory + (1 - alpha) * grad**2",
    sign="-",
    step="rate * grad / (memory.sqrt() + eps)",
    keep="memory",
):
    return RMSPROP.format(memory=memory, sign=sign, step=step, keep=keep)


ADAM = """
def my_adam_step(weights, memory, grad, rate, t, beta1=0.9, beta2=0.999, eps=1e-8):
    m, s = memory
    m = {m}
    s = {s}
    return weights {sign} {step}, {keep}
"""


def adam(
    m="beta1 * m + (1 - beta1) * grad",
    s="beta2 * s + (1 - beta2) * grad**2",
    step="rate * (m / (1 - beta1**t)) / ((s / (1 - beta2**t)).sqrt() + eps)",
    keep="(m, s)",
    sign="-",
):
    return ADAM.format(m=m, s=s, step=step, keep=keep, sign=sign)


RATE = """
def my_rate(step, n_steps, warmup):
    import math

    return {rise} * {fall}
"""


def rate(
    rise="min(1, (step + 1) / warmup)",
    fall="(0.02 + 0.98 * (1 + math.cos(math.pi * step / n_steps)) / 2)",
):
    return RATE.format(rise=rise, fall=fall)


WRONG = {
    "my_sense_momentum": {
        "nothing returned": walk(keep="None"),
        "uphill": walk(step="x + rate * velocity"),
        "no momentum": walk(update="gradient"),
        "beta fixed at 0.9": walk(update="0.9 * velocity + gradient"),
        "a moving mean": walk(update="beta * velocity + (1 - beta) * gradient"),
        "the sign of the memory": walk(update="gradient - beta * velocity"),
        "one step too few": walk(n="n_steps - 1"),
        "one step too many": walk(n="n_steps + 1"),
        "always 30 steps": walk(n="30"),
        "the rate twice": walk(update="beta * velocity + rate * gradient"),
        "no rate": walk(step="x - velocity"),
        "rate fixed at 1.9": walk(step="x - 1.9 * velocity"),
        "starts at the zero-filled image": walk(start="A.adjoint(kspace)"),
        "moves along the gradient": walk(step="x - rate * gradient"),
        "Nesterov's": walk(step="x - rate * (beta * velocity + gradient)"),
        "the velocity of the step before": walk(
            update="velocity", step="x - rate * velocity\n        velocity = beta * velocity + gradient"
        ),
        "the image moves first": walk(
            gradient="0",
            update="velocity",
            step="x - rate * velocity\n        velocity = beta * velocity + A.adjoint(A.forward(x) - kspace)",
        ),
        "no data": walk(gradient="A.normal(x)"),
        "no image in the gradient": walk(gradient="-A.adjoint(kspace)"),
        "factor 2": walk(gradient="2 * A.adjoint(A.forward(x) - kspace)"),
        "no adjoint": walk(start="torch.zeros_like(kspace)", gradient="A.forward(A.adjoint(x)) - kspace"),
        "no adjoint in the gradient": walk(gradient="A.forward(x) - kspace"),
        "residual turned round": walk(gradient="A.adjoint(kspace - A.forward(x))"),
        "magnitude returned": walk(keep="x.abs()"),
        "real part kept": walk(step="(x - rate * velocity).real.to(x.dtype)"),
        "the velocity returned": walk(keep="velocity"),
        "the whole path": walk(keep="[x] * n_steps"),
        "changes the data in place": walk(gradient="A.adjoint(kspace.mul_(-1).add_(A.forward(x)))"),
        "velocity reset in every step": walk(update="beta * torch.zeros_like(x) + gradient"),
        "transposed": walk(keep="x.mT"),
        "a real start": walk(start="torch.zeros(kspace.shape[-2:])"),
        "a method that is not there": walk(gradient="A.H(A.forward(x) - kspace)"),
        "one tensor for both, in place": """
def my_sense_momentum(A, kspace, rate, beta, n_steps):
    x = torch.zeros_like(A.adjoint(kspace))
    v = x
    for _ in range(n_steps):
        gradient = A.adjoint(A.forward(x) - kspace)
        v *= beta
        v += gradient
        x -= rate * v
    return x
""",
        "one tensor for both, the velocity in place": """
def my_sense_momentum(A, kspace, rate, beta, n_steps):
    x = torch.zeros_like(A.adjoint(kspace))
    v = x
    for _ in range(n_steps):
        gradient = A.adjoint(A.forward(x) - kspace)
        v *= beta
        v += gradient
        x = x - rate * v
    return x
""",
        "a start with coils": walk(start="torch.zeros_like(kspace)"),
        "velocity without a first value": walk().replace("    velocity = torch.zeros_like(x)\n", ""),
        "a misspelt name": walk(step="x - rate * velocty"),
        "beta on the image": walk(update="gradient", step="x - rate * velocity + beta * x"),
    },
    "my_rmsprop_step": {
        "nothing returned": "def my_rmsprop_step(weights, memory, grad, rate, t, alpha=0.99, eps=1e-8):\n    pass",
        "weights only": rmsprop().replace(", memory\n", "\n"),
        "memory and weights change places": rmsprop().replace(
            "return weights - rate * grad / (memory.sqrt() + eps), memory",
            "return memory, weights - rate * grad / (memory.sqrt() + eps)",
        ),
        "a sum, Adagrad": rmsprop(memory="memory + grad**2"),
        "alpha swapped": rmsprop(memory="(1 - alpha) * memory + alpha * grad**2"),
        "alpha fixed at 0.99": rmsprop(memory="0.99 * memory + 0.01 * grad**2"),
        "alpha is 0.9": rmsprop(memory="0.9 * memory + 0.1 * grad**2"),
        "no 1 - alpha": rmsprop(memory="alpha * memory + grad**2"),
        "the mean is not kept": rmsprop(keep="old"),
        "the root is kept": rmsprop(keep="memory.sqrt()"),
        "no root": rmsprop(step="rate * grad / (memory + eps)"),
        "no eps": rmsprop(step="rate * grad / memory.sqrt()"),
        "eps fixed": rmsprop(step="rate * grad / (memory.sqrt() + 1e-8)"),
        "eps inside the root": rmsprop(step="rate * grad / (memory + eps).sqrt()"),
        "eps in the memory": rmsprop(keep="memory + eps"),
        "eps is a floor": rmsprop(step="rate * grad / memory.sqrt().clamp_min(eps)"),
        "the old mean": rmsprop(step="rate * grad / ((old + 0 * grad).sqrt() + eps)"),
        "magnitudes": rmsprop(memory="alpha * memory + (1 - alpha) * grad.abs()"),
        "one size for all weights": rmsprop(step="rate * grad / (memory.mean().sqrt() + eps)"),
        "the sign of the gradient": rmsprop(step="rate * grad.sign()"),
        "ten times the sign": rmsprop(step="10 * rate * grad.sign()"),
        "no rate": rmsprop(step="grad / (memory.sqrt() + eps)"),
        "uphill": rmsprop(sign="+"),
        "bias corrected": rmsprop(step="rate * grad / ((memory / (1 - alpha**t)).sqrt() + eps)"),
        "the old memory, a number at first": rmsprop(step="rate * grad / (old.sqrt() + eps)"),
        "torch.sqrt of the old memory": rmsprop(step="rate * grad / (torch.sqrt(old) + eps)"),
        "the norm of the whole gradient": rmsprop(memory="alpha * memory + (1 - alpha) * grad.norm() ** 2"),
        "math.sqrt": "import math\n" + rmsprop(step="rate * grad / (math.sqrt(memory) + eps)"),
        "the gradient, not its square": rmsprop(memory="alpha * memory + (1 - alpha) * grad"),
        "gradient squared on top": rmsprop(step="rate * grad**2 / (memory.sqrt() + eps)"),
    },
    "my_adam_step": {
        "nothing returned": adam().replace("return", "answer ="),
        "three things": adam(keep="m, s"),
        "beta1 fixed": adam().replace("beta1 * m + (1 - beta1)", "0.9 * m + 0.1").replace("beta1**t", "0.9**t"),
        "beta2 fixed": adam().replace("beta2 * s + (1 - beta2)", "0.999 * s + 0.001").replace("beta2**t", "0.999**t"),
        "eps fixed": adam(step="rate * (m / (1 - beta1**t)) / ((s / (1 - beta2**t)).sqrt() + 1e-8)"),
        "counts on by itself": adam(
            step="rate * (m / (1 - beta1**(t + 1))) / ((s / (1 - beta2**(t + 1))).sqrt() + eps)"
        ),
        "no bias correction": adam(step="rate * m / (s.sqrt() + eps)"),
        "bias correction of the mean only": adam(step="rate * (m / (1 - beta1**t)) / (s.sqrt() + eps)"),
        "bias correction of the squares only": adam(step="rate * m / ((s / (1 - beta2**t)).sqrt() + eps)"),
        "steps counted from 0": adam(
            step="rate * (m / (1 - beta1**(t-1))) / ((s / (1 - beta2**(t-1))).sqrt() + eps)"
        ).replace("    return", "    if t == 1:\n        return weights, (m, s)\n    return"),
        "the correction does not depend on t": adam(step="rate * (m / (1 - beta1)) / ((s / (1 - beta2)).sqrt() + eps)"),
        "corrected means are kept": adam(
            m="(beta1 * m + (1 - beta1) * grad) / (1 - beta1**t)",
            s="(beta2 * s + (1 - beta2) * grad**2) / (1 - beta2**t)",
            step="rate * m / (s.sqrt() + eps)",
        ),
        "uphill": adam(sign="+"),
        "no root": adam(step="rate * (m / (1 - beta1**t)) / (s / (1 - beta2**t) + eps)"),
        "eps inside the root": adam(step="rate * (m / (1 - beta1**t)) / (s / (1 - beta2**t) + eps).sqrt()"),
        "eps before the correction": adam(
            step="rate * (m / (1 - beta1**t)) / ((s.sqrt() + eps) / (1 - beta2**t) ** 0.5)"
        ),
        "root before the correction": adam(step="rate * (m / (1 - beta1**t)) / (s.sqrt() / (1 - beta2**t) + eps)"),
        "means without a first value": adam().replace("    m, s = memory\n", ""),
        "no eps": adam(step="rate * (m / (1 - beta1**t)) / (s / (1 - beta2**t)).sqrt()"),
        "betas swapped": adam(
            m="beta2 * m + (1 - beta2) * grad",
            s="beta1 * s + (1 - beta1) * grad**2",
            step="rate * (m / (1 - beta2**t)) / ((s / (1 - beta1**t)).sqrt() + eps)",
        ),
        "squares of the mean": adam(s="beta2 * s + (1 - beta2) * m**2"),
        "absolute values, not squares": adam(
            s="beta2 * s + (1 - beta2) * grad.abs()",
            step="rate * (m / (1 - beta1**t)) / (s / (1 - beta2**t) + eps)",
        ),
        "the gradient itself instead of its mean": adam(step="rate * grad / ((s / (1 - beta2**t)).sqrt() + eps)"),
        "beta times t": adam(step="rate * (m / (1 - beta1 * t)) / ((s / (1 - beta2 * t)).sqrt() + eps)"),
        "memory turned round": adam(keep="(s, m)"),
        "t - 1": adam(step="rate * (m / (1 - beta1**(t-1))) / ((s / (1 - beta2**(t-1))).sqrt() + eps)"),
        "m is a sum": adam(m="beta1 * m + grad"),
        "s is a sum": adam(s="beta2 * s + grad**2"),
        "weights in the second place": adam()
        .replace("return weights - rate", "return (m, s), weights - rate")
        .replace("+ eps), (m, s)", "+ eps)"),
        "the largest square so far (AMSGrad)": adam(
            s="torch.maximum(beta2 * s + (1 - beta2) * grad**2, torch.as_tensor(s))"
        ),
        "memory not updated": adam(keep="memory"),
        "the step alone": adam().replace("return weights - rate", "return rate"),
        "the step alone, with its sign": adam().replace("return weights - rate", "return -rate"),
        "one size for all weights": adam(
            step="rate * (m / (1 - beta1**t)) / ((s / (1 - beta2**t)).mean().sqrt() + eps)"
        ),
        "the norm of the whole gradient": adam(s="beta2 * s + (1 - beta2) * grad.norm() ** 2"),
        "only the sign, as in the first step": adam(step="rate * grad.sign()"),
        "sums instead of means": adam(m="beta1 * m + grad", s="beta2 * s + grad**2"),
        "weight decay besides": adam(
            step="rate * ((m / (1 - beta1**t)) / ((s / (1 - beta2**t)).sqrt() + eps) + 0.01 * weights)"
        ),
    },
    "my_rate": {
        "nothing returned": rate().replace("return", "answer ="),
        "a list of all": rate().replace("return", "return [1.0, 2.0] or"),
        "ten steps of warm-up always": rate(rise="min(1, (step + 1) / 10)"),
        "fifty steps always": rate(fall="(0.02 + 0.98 * (1 + math.cos(math.pi * step / 50)) / 2)"),
        "no warm-up": rate(rise="1"),
        "warm-up from zero": rate(rise="min(1, step / warmup)"),
        "warm-up one step too long": rate(rise="min(1, (step + 1) / (warmup + 1))"),
        "warm-up goes on rising": rate(rise="(step + 1) / warmup"),
        "a whole cosine": rate(fall="(0.02 + 0.98 * (1 + math.cos(2 * math.pi * step / n_steps)) / 2)"),
        "falls to zero": rate(fall="(1 + math.cos(math.pi * step / n_steps)) / 2"),
        "2 % on top": rate(fall="(0.02 + (1 + math.cos(math.pi * step / n_steps)) / 2)"),
        "2 % after the product": rate(fall="(1 + math.cos(math.pi * step / n_steps)) / 2 + 0.02"),
        "2 % after the product, scaled": rate(fall="0.98 * (1 + math.cos(math.pi * step / n_steps)) / 2 + 0.02"),
        "2 % as a floor": rate(fall="max(0.02, (1 + math.cos(math.pi * step / n_steps)) / 2)"),
        "the cosine begins after the warm-up": """
def my_rate(step, n_steps, warmup):
    import math

    share = max(0, step - warmup + 1) / (n_steps - warmup + 1)
    return min(1, (step + 1) / warmup) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
""",
        "reaches the end at the last step": rate(
            fall="(0.02 + 0.98 * (1 + math.cos(math.pi * step / (n_steps - 1))) / 2)"
        ),
        "the cosine begins at the last step of the warm-up": """
def my_rate(step, n_steps, warmup):
    import math

    share = max(0, step - warmup) / (n_steps - warmup)
    return min(1, (step + 1) / warmup) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
""",
        "torch.cos of a number": rate(fall="(0.02 + 0.98 * (1 + torch.cos(math.pi * step / n_steps)) / 2)"),
        "a straight line down": rate(fall="(1 - 0.98 * step / n_steps)"),
        "cosine of degrees": rate(fall="(0.02 + 0.98 * (1 + math.cos(180 * step / n_steps)) / 2)"),
        "a quarter of a cosine": rate(fall="(0.02 + 0.98 * math.cos(math.pi / 2 * step / n_steps))"),
        "the smaller of both instead of the product": """
def my_rate(step, n_steps, warmup):
    import math

    return min((step + 1) / warmup, 0.02 + 0.98 * (1 + math.cos(math.pi * step / n_steps)) / 2)
""",
        "the larger of line and 1": rate(rise="max(1, (step + 1) / warmup)"),
        "line, then fall": """
def my_rate(step, n_steps, warmup):
    import math

    if step + 1 < warmup:
        return (step + 1) / warmup
    return 0.02 + 0.98 * (1 + math.cos(math.pi * step / n_steps)) / 2
""",
        "line, then fall, one step later": """
def my_rate(step, n_steps, warmup):
    import math

    if step < warmup:
        return (step + 1) / warmup
    return 0.02 + 0.98 * (1 + math.cos(math.pi * step / n_steps)) / 2
""",
        "sum instead of the product": rate().replace(") * (", ") + ("),
        "mean instead of the product": rate().replace("return", "return 0.5 *").replace(") * (", ") * 1 + 0.5 * ("),
        "times the rate of the walk": rate().replace("return", "return 0.4 *"),
        "divides by the warm-up less one": rate(rise="min(1, step / (warmup - 1))"),
        "exponential": rate(fall="0.02 ** (step / n_steps)"),
        "rising": rate(fall="(0.02 + 0.98 * (1 - math.cos(math.pi * step / n_steps)) / 2)"),
    },
}

RIGHT = {
    "my_sense_momentum": {
        "with the normal operator": walk(velocity="0", gradient="A.normal(x) - A.adjoint(kspace)"),
        "with the lesson's descend": """
def my_sense_momentum(A, kspace, rate, beta, n_steps):
    def slope(x):
        return A.adjoint(A.forward(x) - kspace)

    return descend(slope, 0 * A.adjoint(kspace), rate, n_steps, beta)[-1]
""",
        "the rate inside the velocity, in place": """
def my_sense_momentum(A, kspace, rate, beta, n_steps):
    x = torch.zeros(kspace.shape[-2:], dtype=kspace.dtype, device=kspace.device)
    v = torch.zeros_like(x)
    for _ in range(n_steps):
        v *= beta
        v -= rate * A.adjoint(A.forward(x) - kspace)
        x += v
    return x
""",
    },
    "my_rmsprop_step": {
        "the lesson's": rmsprop(),
        "in place": """
def my_rmsprop_step(weights, memory, grad, rate, t, alpha=0.99, eps=1e-8):
    memory = torch.as_tensor(memory).to(grad) * torch.ones_like(grad)
    memory.lerp_(grad * grad, 1 - alpha)
    weights.addcdiv_(grad, memory.sqrt().add_(eps), value=-rate)
    return weights, memory
""",
        "as a list": """
def my_rmsprop_step(weights, memory, grad, rate, t, alpha=0.99, eps=1e-8):
    new = memory + (1 - alpha) * (torch.square(grad) - memory)
    return [weights - rate / (eps + torch.sqrt(new)) * grad, new]
""",
    },
    "my_adam_step": {
        "torch's own order": """
def my_adam_step(weights, memory, grad, rate, t, beta1=0.9, beta2=0.999, eps=1e-8):
    m = memory[0] + (1 - beta1) * (grad - memory[0])
    s = memory[1] + (1 - beta2) * (grad * grad - memory[1])
    size = s**0.5 / (1 - beta2**t) ** 0.5 + eps
    return weights - rate / (1 - beta1**t) * m / size, (m, s)
""",
        "in place, as a list": """
def my_adam_step(weights, memory, grad, rate, t, beta1=0.9, beta2=0.999, eps=1e-8):
    m, s = (torch.as_tensor(part) for part in memory)
    m = torch.lerp(m.to(grad) * torch.ones_like(grad), grad, 1 - beta1)
    s = beta2 * s + (1 - beta2) * grad.square()
    corrected = [m / (1 - beta1**t), s / (1 - beta2**t)]
    weights -= rate * corrected[0] / (corrected[1].sqrt() + eps)
    return weights, [m, s]
""",
    },
    "my_rate": {
        "branches": """
def my_rate(step, n_steps, warmup):
    import math

    factor = 1 - 0.98 * math.sin(math.pi * step / n_steps / 2) ** 2
    if step + 1 < warmup:
        factor *= (step + 1) / warmup
    return factor
""",
        "with torch": """
def my_rate(step, n_steps, warmup):
    import math

    cosine = torch.cos(torch.tensor(torch.pi * step / n_steps, dtype=torch.float64))
    return float(min(1.0, (step + 1) / warmup) * (0.51 + 0.49 * cosine))
""",
    },
}

SAYS = {  # exercise -> mistake -> a piece of the sentence that names it
    "my_sense_momentum": {"no adjoint in the gradient": "A.adjoint"},
    "my_rmsprop_step": {
        "torch.sqrt of the old memory": "update it first",
        "the norm of the whole gradient": "norm of the whole gradient",
    },
    "my_adam_step": {"the norm of the whole gradient": "norm of the whole gradient"},
}


def test_mistakes_are_named(request):
    for name, mistakes in SAYS.items():
        for mistake, piece in mistakes.items():
            said = str(verdict(request.module, name, WRONG[name][mistake]))
            assert piece in said, f"{name}, {mistake}: {said}"
