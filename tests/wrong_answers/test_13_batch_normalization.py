"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

FORWARD = "def my_batch_norm(x, running_mean, running_var, training, momentum=0.1, eps=1e-5):\n"
BACKWARD = "def my_batch_norm_backward(grad, x, eps=1e-5):\n    axes = (0, 2, 3)\n"


def forward(
    mean="x.mean((0, 2, 3))",
    var="x.var((0, 2, 3), correction=0)",
    when="training",
    uses="training",
    new_mean="(1 - momentum) * running_mean + momentum * mean",
    new_var="(1 - momentum) * running_var + momentum * x.var((0, 2, 3))",
    result="(x - m[:, None, None]) / (v[:, None, None] + eps).sqrt()",
):
    return (
        FORWARD
        + f"    mean, var = {mean}, {var}\n"
        + f"    m, v = (mean, var) if {uses} else (running_mean, running_var)\n"
        + f"    if {when}:\n"
        + f"        running_mean, running_var = {new_mean}, {new_var}\n"
        + f"    return {result}, running_mean, running_var\n"
    )


def backward(terms, s="(x.var(axes, correction=0, keepdim=True) + eps).sqrt()"):
    return (
        BACKWARD
        + f"    s = {s}\n"
        + "    x_hat = (x - x.mean(axes, keepdim=True)) / s\n"
        + "    mean = lambda value: value.mean(axes, keepdim=True)\n"
        + f"    return {terms}\n"
    )


WRONG = {
    "my_batch_norm": {
        "instance statistics": forward(
            result="normalise(x, (2, 3)) if training else (x - m[:, None, None]) / (v[:, None, None] + eps).sqrt()"
        ),
        "statistics over the batch only": FORWARD
        + "    if training:\n        return normalise(x, 0), running_mean, running_var\n"
        + "    return (x - running_mean[:, None, None]) / (running_var[:, None, None] + eps).sqrt(), "
        + "running_mean, running_var\n",
        "running variance by 1 / N": forward(new_var="(1 - momentum) * running_var + momentum * var"),
        "the batch divided by the variance with 1 / (N - 1)": forward(var="x.var((0, 2, 3))"),
        "momentum weighs the old value": forward(
            new_mean="momentum * running_mean + (1 - momentum) * mean",
            new_var="momentum * running_var + (1 - momentum) * x.var((0, 2, 3))",
        ),
        "running statistics move in evaluation mode too": forward(when="True"),
        "evaluation mode uses the batch": forward(uses="True"),
        "training mode uses the running statistics": forward(uses="False"),
        "training mode uses them after they moved": FORWARD
        + "    if training:\n"
        + "        running_mean = (1 - momentum) * running_mean + momentum * x.mean((0, 2, 3))\n"
        + "        running_var = (1 - momentum) * running_var + momentum * x.var((0, 2, 3))\n"
        + "    return (x - running_mean[:, None, None]) / (running_var[:, None, None] + eps).sqrt(), "
        + "running_mean, running_var\n",
        "divided by the variance": forward(result="(x - m[:, None, None]) / (v[:, None, None] + eps)"),
        "the mean stays": forward(result="x / (v[:, None, None] + eps).sqrt()"),
        "momentum of 0.1 whatever is asked": forward(
            new_mean="0.9 * running_mean + 0.1 * mean", new_var="0.9 * running_var + 0.1 * x.var((0, 2, 3))"
        ),
        "running statistics replaced by the batch's": forward(new_mean="mean", new_var="x.var((0, 2, 3))"),
        "a running standard deviation": forward(
            new_var="((1 - momentum) * running_var.sqrt() + momentum * x.var((0, 2, 3)).sqrt()) ** 2"
        ),
        "epsilon forgotten in the running variance's place": forward(
            new_var="(1 - momentum) * running_var + momentum * (x.var((0, 2, 3)) + 1e-3)"
        ),
    },
    "my_batch_norm_backward": {
        "mean and standard deviation as constants": backward("grad / s"),
        "the mean's share only": backward("(grad - mean(grad)) / s"),
        "the standard deviation's share only": backward("(grad - x_hat * mean(grad * x_hat)) / s"),
        "not divided by s": backward("grad - mean(grad) - x_hat * mean(grad * x_hat)"),
        "divided by the variance": backward("(grad - mean(grad) - x_hat * mean(grad * x_hat)) / s**2"),
        "sums for means": backward(
            "(grad - grad.sum(axes, keepdim=True) - x_hat * (grad * x_hat).sum(axes, keepdim=True)) / s"
        ),
        "x in place of x_hat": backward("(grad - mean(grad) - x * mean(grad * x)) / s"),
        "plus for minus": backward("(grad - mean(grad) + x_hat * mean(grad * x_hat)) / s"),
        "1 / (N - 1) in s": backward(
            "(grad - mean(grad) - x_hat * mean(grad * x_hat)) / s", s="(x.var(axes, keepdim=True) + eps).sqrt()"
        ),
        "an instance norm's": BACKWARD.replace("(0, 2, 3)", "(2, 3)")
        + "    s = (x.var(axes, correction=0, keepdim=True) + eps).sqrt()\n"
        + "    x_hat = (x - x.mean(axes, keepdim=True)) / s\n"
        + "    along = x_hat * (grad * x_hat).mean(axes, keepdim=True)\n"
        + "    return (grad - grad.mean(axes, keepdim=True) - along) / s\n",
        "nothing at all, which keeps both rules": backward("0 * grad"),
        "half of it, which keeps both rules": backward("(grad - mean(grad) - x_hat * mean(grad * x_hat)) / (2 * s)"),
        "right for a gradient of mean 0": backward("(grad - x_hat * mean(grad * x_hat)) / s - mean(grad / s).mean()"),
    },
}

RIGHT = {
    "my_batch_norm": {
        "by torch, in place": FORWARD
        + "    y = batch_norm(x, running_mean, running_var, training=training, momentum=momentum, eps=eps)\n"
        + "    return y, running_mean, running_var\n",
        "step by step, the batch's values looked up first": forward(),
        "by the squares": FORWARD
        + "    n = x.numel() // x.shape[1]\n"
        + "    mean, var = running_mean, running_var\n"
        + "    if training:\n"
        + "        mean = x.mean((0, 2, 3))\n"
        + "        var = (x**2).mean((0, 2, 3)) - mean**2\n"
        + "        running_mean = torch.lerp(running_mean, mean, momentum)\n"
        + "        running_var = torch.lerp(running_var, var * n / (n - 1), momentum)\n"
        + "    shape = (1, -1, 1, 1)\n"
        + "    return (x - mean.reshape(shape)) * torch.rsqrt(var.reshape(shape) + eps), running_mean, running_var\n",
    },
    "my_batch_norm_backward": {
        "by autograd": BACKWARD
        + "    x = x.clone().requires_grad_()\n"
        + "    return torch.autograd.grad(normalise(x, axes, eps), x, grad)[0]\n",
        "by sums": backward(
            "(n * grad - grad.sum(axes, keepdim=True) - x_hat * (grad * x_hat).sum(axes, keepdim=True)) / (n * s)"
        ).replace("    return", "    n = x.numel() // x.shape[1]\n    return"),
    },
}
