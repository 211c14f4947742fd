"""Checks of the optimizers' lesson: momentum on a SENSE scan, a step of RMSProp, a step of Adam, a schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mricourse.classroom.error_advice import why_it_stops
from mricourse.classroom.exercise_checks import (
    CheckFailed,
    OneSentence,
    check,
    check_tensor,
    passed,
    reject_known_mistakes,
)
from mricourse.fundamentals.update_rules import adam_step, rmsprop_step
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask
from mricourse.training.loop import Settings

LESSON = "optimizers"
FIRST_MEMORY = "At the first step the memory is the number 0.0: update it first, then take the root of the new one."
NUMBERS_ROOT = "(The root of a number such as 1 - beta2**t is `number**0.5`.)"
OF_TENSORS = "`math` takes single numbers: for a tensor write `s.sqrt()` or `s**0.5`."
ADVICE = {
    "'float' object has no attribute": FIRST_MEMORY,
    "sqrt(): argument": f"`torch.sqrt` takes tensors. {FIRST_MEMORY} {NUMBERS_ROOT}",
    "only one element tensors": OF_TENSORS,
    "only tensors with one": OF_TENSORS,
}
EXACT = 1e-6  # of the largest value; eps itself is looked at with gradients as small as it
N_STEPS = 20


# --- momentum on a scan ---


def check_sense_momentum(mine: Callable[..., Tensor]) -> None:
    """Two coils, 9 x 7 pixels, every second line: the walk of momentum, for several rates, shares and lengths."""
    smaps = random_complex(2, 9, 7, seed=1, dtype=torch.complex128) / 2
    operator = SenseOperator(smaps, equispaced_mask(9, 2, acs=0))
    kspace = operator.forward(random_complex(9, 7, seed=2, dtype=torch.complex128))
    for rate, beta, n_steps in ((0.4, 0.7, 5), (0.3, 0.8, 4), (0.4, 0.0, 1), (0.4, 0.5, 0)):
        given = kspace.clone()
        answer = _run(mine, operator, given, rate, beta, n_steps)
        black = n_steps == 0 and isinstance(answer, Tensor) and not answer.is_complex()
        check(
            not black, "Your first image is real: `torch.zeros_like(A.adjoint(kspace))` has the right kind and device."
        )
        check(torch.equal(given, kspace), "Your function changes the measured k-space: subtract without `-=`.")
        coils = isinstance(answer, Tensor) and answer.ndim > 2 and answer.shape[-2:] == kspace.shape[-2:]
        check(
            not coils,
            "Your result has a coil axis: start with the zeros of one image, `torch.zeros_like(A.adjoint(kspace))`, "
            "and let the residual, A x - y, go back through `A.adjoint`.",
        )
        check_tensor(answer, (9, 7), is_complex=True)
        _compare_walks(answer, operator, kspace, rate, beta, n_steps)
    passed(LESSON, "my_sense_momentum", "walks as momentum does, for three rates, shares and numbers of steps")


def _compare_walks(answer: Tensor, operator: SenseOperator, kspace: Tensor, rate: float, beta: float, n: int) -> None:
    def walk(**options: Any) -> Tensor:
        wanted: dict[str, Any] = {"rate": rate, "beta": beta, "n_steps": n}
        return _sense_walk(operator, kspace, **(wanted | options))

    right = walk()
    if n == 0:
        check(_same(answer, right), "With n_steps = 0 your function should return the black image that it starts with.")
        return
    mistakes = {
        "Your image stays zero: is the velocity ever added to it, and does the gradient contain the data?": right * 0,
        "Your walk goes uphill: subtract the rate times the velocity.": walk(rate=-rate),
        "This is gradient descent: the velocity has to keep the share beta of what it was.": walk(beta=0.0),
        "The new gradient enters the velocity whole, without a factor 1 - beta.": walk(rate=rate * (1 - beta)),
        "Your image is that of one step fewer: is the velocity updated before the image moves, and does the loop make "
        "n_steps steps?": walk(n_steps=n - 1),
        "You have made one step too many.": walk(n_steps=n + 1),
        "The image moves with the velocity of the step before: update the velocity first.": walk(late=True),
        "You return the velocity; return the image that it has moved.": walk(velocity_returned=True),
        "The rate enters twice: in the velocity and again in the step.": walk(rate=rate**2),
        "Your walk starts at the zero-filled image; it should start at zero.": walk(start=operator.adjoint(kspace)),
        "The velocity's sign is wrong: beta times the old velocity is added to the gradient.": walk(beta=-beta),
        "The image should move along the velocity; it moves along beta times it and the gradient.": walk(ahead=True),
        "The gradient is A^H (A x - y); yours has no A x.": walk(shares=(0, 1)),
        "The gradient of half the squared misfit has no factor 2.": walk(rate=2 * rate),
        "beta is an argument of your function; you use another share.": walk(beta=0.9),
        "The learning rate is missing in the step.": walk(rate=1.0),
        "rate is an argument of your function; you use 1.9 instead.": walk(rate=1.9),
        "n_steps is an argument of your function; you make 30 steps.": walk(n_steps=30),
    }
    reject_known_mistakes(answer, right, mistakes, tolerance=EXACT)
    _reject_one_tensor(answer, right, operator, kspace, rate, beta, n)
    check(
        _same(answer, right),
        f"After {n} step(s) with rate {rate} and beta {beta} your image is off by up to "
        f"{float((answer - right).abs().max()):.2g}; in each step compute A^H (A x - y), then v, then x.",
    )


def _sense_walk(
    operator: SenseOperator,
    kspace: Tensor,
    *,
    rate: float,
    beta: float,
    n_steps: int,
    late: bool = False,
    ahead: bool = False,
    velocity_returned: bool = False,
    shares: tuple[int, int] = (1, 1),
    start: Tensor | None = None,
) -> Tensor:
    """Momentum with what a learner may have exchanged: `shares` of A x and y in the gradient."""
    image = torch.zeros_like(operator.adjoint(kspace)) if start is None else start
    velocity = torch.zeros_like(image)
    for _ in range(n_steps):
        before = velocity
        gradient = operator.adjoint(shares[0] * operator.forward(image) - shares[1] * kspace)
        velocity = beta * velocity + gradient
        along = beta * velocity + gradient if ahead else velocity
        image = image - rate * (before if late else along)
    return velocity if velocity_returned else image


def _reject_one_tensor(
    answer: Tensor, right: Tensor, operator: SenseOperator, kspace: Tensor, rate: float, beta: float, n: int
) -> None:
    """Name `velocity = x` followed by changes in place of the velocity, and of the image too or not."""
    for image_in_place in (True, False):
        velocity = torch.zeros_like(right)
        image = velocity
        for _ in range(n):
            gradient = operator.adjoint(operator.forward(image) - kspace)
            velocity.mul_(beta).add_(gradient)
            image = image.sub_(rate * velocity) if image_in_place else image - rate * velocity
        sentence = "x and velocity are one and the same tensor: give each zeros of its own."
        reject_known_mistakes(answer, right, {sentence: image}, tolerance=EXACT)


# --- what Python says, in a sentence ---


def _run(mine: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The answer to these arguments; an error of Python as the sentence that helps."""
    try:
        return mine(*arguments, **options)
    except OneSentence:
        raise
    except Exception as error:
        raise CheckFailed(why_it_stops(error, mine, ADVICE)) from error


# --- rules ---


def check_rmsprop_step(mine: Callable[..., tuple[Tensor, Tensor]]) -> None:
    """By hand: the first step is ten rates long. Then 20 random steps beside the library's, and near eps."""
    wrong = {
        "eps is added to the root; it is no smallest value of it.": _scaled(floor=True),
        "This is Adagrad's sum: keep only the share alpha of the old memory.": _scaled(1.0, 1.0),
        "alpha has changed places: the old memory keeps alpha, the new square gets 1 - alpha.": _scaled(0.01, 0.99),
        "The new square needs the factor 1 - alpha, or the memory is a sum and no mean.": _scaled(0.99, 1.0),
        "alpha is an argument of your function, 0.99 where nothing is said; you use another share.": _scaled(0.9, 0.1),
        "The square root is missing: divide by the root of the memory.": _scaled(root=1.0),
        "Your step goes uphill: subtract it from the weights.": _scaled(sign=1.0),
        "The memory that you return is not the new one: the next step starts from it.": _scaled(keep="old"),
        "You return the root of the memory; the next step needs s itself.": _scaled(keep="root"),
        "The step divides by the old memory: update the memory first.": _scaled(late=True),
        "The gradient itself should be divided; only its sign is left in your step.": _scaled(only_sign=True),
        "One size for all weights: each weight is divided by the root of its own s.": _scaled(pooled=True),
        "You divide by the norm of the whole gradient: each weight is divided by the root of its own s.": _scaled(
            summed=True
        ),
        "The learning rate is missing.": _scaled(rate=1.0),
        "RMSProp has no bias correction: divide by the root of s as it is.": _scaled(corrected=True),
        "eps is missing in the denominator.": _scaled(eps=0.0),
        "eps belongs beside the root, not inside.": _scaled(eps_inside=True),
        "The memory should be squares of the gradient, not its magnitudes.": _scaled(power=1),
        "The memory takes in the square of the gradient: yours takes in g, and has no root where g < 0.": _signed,
    }
    _compare_rules(mine, rmsprop_step, wrong, memory=0.0, length=10, options={"alpha": 0.8, "eps": 0.01})
    passed(LESSON, "my_rmsprop_step", "the first step is ten rates long, and 20 steps are those of torch.optim.RMSprop")


def check_adam_step(mine: Callable[..., tuple[Tensor, Any]]) -> None:
    """By hand: the first step is one rate long. Then 20 random steps beside the library's, and near eps."""
    wrong = {
        "The bias correction is missing: divide m by 1 - beta1^t and s by 1 - beta2^t.": _adam(1.0, 1.0),
        "The bias correction of s is missing.": _adam(0.0, 1.0),
        "The bias correction of m is missing.": _adam(1.0, 0.0),
        "The corrections have to depend on t: 1 - beta^t, not 1 - beta.": _adam(power=0),
        "t counts from 1: your correction uses t - 1.": _adam(shift=-1),
        "The correction has beta to the power of t, `beta**t`; yours has beta times t.": _adam(times=True),
        "You return (s, m); the memory is (m, s), in this order.": _adam(keep="swapped"),
        "m needs the factor 1 - beta1 before the gradient.": _adam(sum_of="m"),
        "s needs the factor 1 - beta2 before the squared gradient.": _adam(sum_of="s"),
        "t counts from 1: your correction uses t + 1.": _adam(shift=1),
        "You keep the corrected means; the memory has to hold m and s as they were before the correction.": _adam(
            keep="corrected"
        ),
        "The memory that you return is not the new one: the next step starts from it.": _adam(keep="old"),
        "Your step goes uphill: subtract it from the weights.": _adam(sign=1.0),
        "The square root is missing: divide by the root of the corrected s.": _adam(root=1.0),
        "beta1 and beta2 have changed places.": _adam(betas=(0.999, 0.9)),
        "s is the mean of the squared gradients; yours is that of the squares of m.": _adam(of_m=True),
        "The numerator is the corrected mean m, not the gradient.": _adam(of_gradient=True),
        "The means need the factors 1 - beta1 and 1 - beta2.": _adam(sums=True),
        "One size for all weights: each weight is divided by the root of its own s.": _adam(pooled=True),
        "You divide by the norm of the whole gradient: each weight is divided by the root of its own s.": _adam(
            summed=True
        ),
        "Only the sign of the gradient is left in your step; that is right at the first step alone.": _adam(
            only_sign=True
        ),
        "eps is missing in the denominator.": _adam(eps=0.0),
        "eps belongs beside the root of the corrected s, not inside.": _adam(eps_inside=True),
        "eps belongs beside the root of the corrected s; you add it before the correction.": _adam(eps_early=True),
        "You divide the root of s by 1 - beta2^t: correct s first, then take the root.": _adam(root_early=True),
        "Your first step divides by zero: t is 1 there, so use it as it comes, not t - 1.": _adam(shift=-1, lowest=0),
    }
    options = {"beta1": 0.5, "beta2": 0.9, "eps": 0.01}
    _compare_rules(mine, adam_step, wrong, memory=(0.0, 0.0), length=1, options=options)
    passed(LESSON, "my_adam_step", "the first step is one rate long, and 20 steps are those of torch.optim.Adam")


def _check_first_step(mine: Callable[..., Any], memory: Any, *, length: float) -> None:
    gradient = torch.tensor([[-4.0, 1.0, 9.0], [0.5, -0.2, 100.0]], dtype=torch.float64)
    moved, _ = _pair(_run(mine, torch.zeros_like(gradient), memory, gradient.clone(), 0.1, 1))
    check_tensor(moved, (2, 3), is_complex=False)
    came = float(moved[0, 0])
    check(
        abs(came - 0.1 * length) < 1e-5,
        f"The gradient is -4 and the rate 0.1: the first step should be {0.1 * length:+.3g}, yours is {came:+.3g}.",
    )
    apart = float((moved.abs() - 0.1 * length).abs().max())
    check(apart < 1e-5, "The first steps of large and small gradients should be equally long; yours are not.")


def _check_order(mine: Callable[..., Any], memory: Any) -> None:
    """The first thing returned should move with the weights that came, and the second not."""
    gradient = torch.ones(2, 3, dtype=torch.float64)
    weights = torch.full_like(gradient, 1000.0)
    first, second = _pair(_run(mine, weights, memory, gradient, 0.1, 1))
    first_moves = isinstance(first, Tensor) and bool((first > 500).all())
    second_moves = isinstance(second, Tensor) and bool((second > 500).all())
    swapped = second_moves and not first_moves
    check(not swapped, "You return the memory first; the new weights come first, then the memory.")
    step_alone = isinstance(first, Tensor) and bool((first.abs() < 500).all())
    check(not step_alone, "The old weights are not in what you return: return `weights - step`, not the step alone.")


def _pair(returned: Any) -> tuple[Any, Any]:
    check(returned is not None, "Your function returns nothing: is the `return` missing?")
    two = isinstance(returned, tuple | list) and len(returned) == 2
    check(two, "Your function should return two things: the new weights and the new memory.")
    return returned[0], returned[1]


def _compare_rules(
    mine: Callable[..., Any],
    rule: Callable[..., Any],
    wrong: dict[str, Callable[..., Any]],
    *,
    memory: Any,
    length: float,
    options: dict[str, float],
) -> None:
    """Ordinary gradients; the first step, by hand; gradients near eps; then other options than the usual ones."""
    for scale in (1.0, 1e-8):
        right = _weights_along(rule, memory, scale)
        if scale == 1:
            _check_order(mine, memory)
        answer = _weights_along(mine, memory, scale)
        mistakes = {sentence: _weights_along(made, memory, scale) for sentence, made in wrong.items()}
        reject_known_mistakes(answer, right, mistakes, tolerance=EXACT)
        _check_first_step(mine, memory, length=length)
        off = (answer - right).abs().flatten(1).amax(1) > EXACT * right.abs().max()
        where = ", with gradients as small as eps," if scale < 1 else ""
        first = 1 + int(off.int().argmax())
        later = (
            "step 1 is right, so look at the memory that you return, and at t" if first > 1 else "look at the update"
        )
        advice = "look at eps" if scale < 1 else later
        check(not off.any(), f"Step {first}{where} is the first that differs: {advice}.")
    for name, value in options.items():
        right = _weights_along(rule, memory, 0.1, **{name: value})
        answer = _weights_along(mine, memory, 0.1, **{name: value})
        check(_same(answer, right), f"{name} is an argument of your function: with {name}={value} it should differ.")


def _weights_along(rule: Callable[..., Any], memory: Any, scale: float, **options: float) -> Tensor:
    """The weights after each step under random gradients and a falling rate, (steps, 3, 5); large where not finite."""
    generator = torch.Generator().manual_seed(0)
    gradients = scale * torch.randn(N_STEPS, 3, 5, generator=generator, dtype=torch.float64)
    weights = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    path = []
    for t, gradient in enumerate(gradients, start=1):
        weights, memory = _pair(_run(rule, weights.clone(), memory, gradient.clone(), 0.1 / t, t, **options))
        check_weights = isinstance(weights, Tensor) and weights.shape == (3, 5)
        check(check_weights, "The new weights should be a tensor of the shape of the old ones.")
        path.append(weights)
    return torch.stack(path).nan_to_num(nan=1e9, posinf=1e9, neginf=-1e9)


def _same(answer: Tensor, right: Tensor) -> bool:
    return float((answer - right).abs().max()) <= EXACT * float(right.abs().max())


def _signed(weights: Tensor, memory: Any, grad: Tensor, rate: float, t: int) -> tuple[Tensor, Any]:
    """RMSProp that remembers gradients and not their squares."""
    memory = 0.99 * memory + 0.01 * grad
    return weights - rate * grad / (memory.sqrt() + 1e-8), memory


def _scaled(
    share: float = 0.99,
    news: float = 0.01,
    *,
    root: float = 0.5,
    sign: float = -1.0,
    keep: str = "new",
    late: bool = False,
    only_sign: bool = False,
    pooled: bool = False,
    rate: float | None = None,
    eps: float = 1e-8,
    eps_inside: bool = False,
    power: int = 2,
    corrected: bool = False,
    summed: bool = False,
    floor: bool = False,
) -> Callable[..., Any]:
    """RMSProp with one thing exchanged."""

    def rule(weights: Tensor, memory: Any, grad: Tensor, lr: float, t: int) -> tuple[Tensor, Any]:
        old = torch.as_tensor(memory, dtype=grad.dtype).expand_as(grad)
        s = share * old + news * grad.abs() ** power
        by = old if late else s.mean().expand_as(s) if pooled else s / (1 - share**t) if corrected else s
        by = by.sum().expand_as(s) if summed else by
        size = (by + eps) ** root if eps_inside else by**root + eps
        size = (by**root).clamp_min(eps) if floor else size
        step = grad.sign() if only_sign else grad / size
        kept = {"new": s, "old": old, "root": s.sqrt()}[keep]
        return weights + sign * (lr if rate is None else rate) * step, kept

    return rule


def _adam(
    m_power: float = 0.0,
    s_power: float = 0.0,
    *,
    power: int = 1,
    shift: int = 0,
    keep: str = "new",
    sign: float = -1.0,
    root: float = 0.5,
    betas: tuple[float, float] = (0.9, 0.999),
    of_m: bool = False,
    of_gradient: bool = False,
    sums: bool = False,
    pooled: bool = False,
    only_sign: bool = False,
    eps: float = 1e-8,
    eps_inside: bool = False,
    eps_early: bool = False,
    root_early: bool = False,
    times: bool = False,
    summed: bool = False,
    sum_of: str = "",
    lowest: int = 1,
) -> Callable[..., Any]:
    """Adam with one thing exchanged; a correction to the power `1 - m_power` or `1 - s_power`, of t + shift steps."""

    def rule(weights: Tensor, memory: Any, grad: Tensor, lr: float, t: int) -> tuple[Tensor, Any]:
        beta1, beta2 = betas
        m = beta1 * memory[0] + (1 if sums or sum_of == "m" else 1 - beta1) * grad
        s = beta2 * memory[1] + (1 if sums or sum_of == "s" else 1 - beta2) * (m if of_m else grad) ** 2
        n = max(t + shift, lowest) if power else 1
        shares = (1 - beta1 * n, 1 - beta2 * n) if times else (1 - beta1**n, 1 - beta2**n)
        mean = m if m_power else m / shares[0]
        square = s if s_power else s / shares[1]
        by = square.mean().expand_as(square) if pooled else square
        by = square.sum().expand_as(square) if summed else by
        size = (by + eps) ** root if eps_inside else by**root + eps
        size = (s.sqrt() + eps) / math.sqrt(shares[1]) if eps_early else size
        size = s.sqrt() / shares[1] + eps if root_early else size
        step = grad.sign() if only_sign else (grad if of_gradient else mean) / size
        kept = {"new": (m, s), "old": memory, "corrected": (mean, square), "swapped": (s, m)}[keep]
        return weights + sign * lr * step, kept

    return rule


# --- schedule ---


def check_rate(mine: Callable[[int, int, int], float]) -> None:
    """The factor at every step of three trainings; it equals that of the course's recipes."""
    for n_steps, warmup in ((50, 10), (37, 1), (120, 100)):
        factors = [_number(_run(mine, step, n_steps, warmup)) for step in range(n_steps)]
        answer = torch.tensor(factors, dtype=torch.float64)
        check_tensor(answer, (n_steps,))
        right = _schedule(n_steps, warmup)
        x = torch.arange(n_steps, dtype=torch.float64) / n_steps
        at = math.pi * n_steps * x
        rise = ((torch.arange(n_steps) + 1) / warmup).clamp_max(1).double()
        fall = right / rise
        mistakes = {
            "The warm-up is missing: the first steps should have smaller factors.": fall,
            "The fall is missing: after the warm-up the factor should sink.": rise,
            "Your warm-up starts at 0, and the first step is wasted: use step + 1.": _late(rise, warmup) * fall,
            "The warm-up must stop at 1; yours goes on rising.": (torch.arange(n_steps) + 1) / warmup * fall,
            "This is a whole cosine, back at the full rate in the end; take half of one.": rise
            * (0.51 + 0.49 * torch.cos(2 * math.pi * x)),
            "Your factor falls towards 0; it should end near 0.02.": rise * (0.5 + 0.5 * torch.cos(math.pi * x)),
            "0.02 is added on top, so the fall begins at 1.02 and not at 1: scale the cosine by 0.98.": rise
            * (0.52 + 0.5 * torch.cos(math.pi * x)),
            "Your factor falls along a straight line; take half a cosine.": rise * (1 - 0.98 * x),
            "Your factor rises: the cosine has the wrong sign.": rise * (0.51 - 0.49 * torch.cos(math.pi * x)),
            "Warm-up and fall are multiplied at every step; you take one of the two, the smaller.": rise.minimum(fall),
            "warmup is an argument of your function; you use 10 instead.": ((torch.arange(n_steps) + 1) / 10).clamp_max(
                1
            )
            * fall,
            "n_steps is an argument of your function; you use 50 instead.": rise * (0.51 + 0.49 * torch.cos(at / 50)),
            "n_steps is an argument of your function; you use 200 instead.": rise * (0.51 + 0.49 * torch.cos(at / 200)),
            "Warm-up and fall are multiplied; you add them.": rise + fall,
            "Warm-up and fall are multiplied; you take their mean.": (rise + fall) / 2,
            "The line of the warm-up stops at 1: the smaller of the two, `min(1, ...)`, not `max`.": fall
            * ((torch.arange(n_steps) + 1) / warmup).clamp_min(1),
            "In the warm-up you return the line alone; multiply it with the fall, which begins at step 0.": rise.where(
                torch.arange(n_steps) < warmup, fall
            ),
            "0.02 belongs to the fall; you add it after the product with the warm-up.": rise
            * (0.49 + 0.49 * torch.cos(math.pi * x))
            + 0.02,
            "0.02 belongs to the fall, whose cosine is scaled by 0.98; you add it after the product.": rise
            * (0.5 + 0.5 * torch.cos(math.pi * x))
            + 0.02,
            "Your factor stays at 0.02 once it is there; let it fall along half a cosine to 0.02.": rise
            * (0.5 + 0.5 * torch.cos(math.pi * x)).clamp_min(0.02),
            "Your factor is 0.02 at the last step; it would be there one step later, at n_steps.": rise
            * (0.51 + 0.49 * torch.cos(math.pi * x * n_steps / (n_steps - 1))),
            "The cosine takes radians: half a turn is pi, not 180.": rise * (0.51 + 0.49 * torch.cos(180 * x)),
        }
        reject_known_mistakes(answer, right, mistakes, tolerance=1e-6)
        _reject_waiting_falls(answer, rise, right)
        share = answer / right
        times = float(share.mean())
        multiple = float((share - times).abs().max()) < 1e-6 and abs(times - 1) > 1e-6
        check(not multiple, f"All your factors are {times:.3g} times what they should be: the fall begins at 1.")
        worst = int((answer - right).abs().argmax())
        check(
            float((answer - right).abs().max()) < 1e-6,
            f"{n_steps} steps, warm-up {warmup}: at step {worst} your factor is {float(answer[worst]):.4f}; "
            f"expected {float(right[worst]):.4f}.",
        )
    passed(LESSON, "my_rate", "rises, falls and ends as the schedule of the course's recipes")


def _reject_waiting_falls(answer: Tensor, rise: Tensor, right: Tensor) -> None:
    """Name a fall that begins when the warm-up ends; three ways to count that step."""
    n_steps = len(answer)
    warmup = round(1 / float(rise[0]))
    at = torch.arange(n_steps, dtype=torch.float64)
    for begin, length in (
        (warmup, n_steps - warmup),
        (warmup - 1, n_steps - warmup + 1),
        (warmup - 1, n_steps - warmup),
    ):
        share = ((at - begin) / length).clamp_min(0)
        waiting = rise * (0.51 + 0.49 * torch.cos(math.pi * share))
        sentence = "Your fall waits for the end of the warm-up: both begin at step 0, and are multiplied."
        reject_known_mistakes(answer, right, {sentence: waiting}, tolerance=1e-6)


def _number(value: Any) -> float:
    check(value is not None, "Your function returns nothing: is the `return` missing?")
    try:
        return float(value)
    except (TypeError, ValueError):
        check(False, f"Your function returns {type(value).__name__}; expected one number, the factor of this step.")
    return math.nan


def _schedule(n_steps: int, warmup: int) -> Tensor:
    settings = Settings(n_steps, warmup=warmup)
    return torch.tensor([settings.rate(step) for step in range(n_steps)], dtype=torch.float64)


def _late(rise: Tensor, warmup: int) -> Tensor:
    return (torch.arange(len(rise)) / warmup).clamp_max(1).double()
