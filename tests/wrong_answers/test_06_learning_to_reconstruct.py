"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

STEP = """
def my_training_step(network, inputs, targets, step_size):
    {}
    loss = {}
    loss.backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= {}
    return {}
"""


def step(
    begin="network.zero_grad()",
    loss="(network(inputs) - targets).square().mean()",
    move="step_size * weight.grad",
    returned="loss.item()",
):
    return STEP.format(begin, loss, move, returned)


WRONG = {
    "my_training_step": {
        "gradients add up from step to step": step(begin="pass"),
        "uphill": step(move="-step_size * weight.grad"),
        "a sum instead of a mean": step(loss="(network(inputs) - targets).square().sum()"),
        "absolute instead of squared error": step(loss="(network(inputs) - targets).abs().mean()"),
        "half the squared error": step(loss="(network(inputs) - targets).square().mean() / 2"),
        "step size forgotten": step(move="weight.grad"),
        "the sign of the gradient only": step(move="step_size * weight.grad.sign()"),
        "a gradient of length one": step(move="step_size * weight.grad / weight.grad.norm()"),
        "root of the error": step(loss="(network(inputs) - targets).square().mean().sqrt()"),
        "a tensor instead of a float": step(returned="loss"),
        "the loss after the step": step(returned="(network(inputs) - targets).square().mean().item()"),
        "first weight only": step()
        .replace("network.parameters()", "list(network.parameters())")
        .replace("weight -=", "weight[:1] -=")
        .replace("weight.grad", "weight.grad[:1]"),
        "weights of a copy move": """
def my_training_step(network, inputs, targets, step_size):
    network.zero_grad()
    loss = (network(inputs) - targets).square().mean()
    loss.backward()
    for weight in network.parameters():
        weight = weight - step_size * weight.grad
    return loss.item()
""",
        "nothing moves": """
def my_training_step(network, inputs, targets, step_size):
    network.zero_grad()
    loss = (network(inputs) - targets).square().mean()
    loss.backward()
    return loss.item()
""",
        "Adam's first step": """
def my_training_step(network, inputs, targets, step_size):
    optimizer = torch.optim.Adam(network.parameters(), lr=step_size)
    optimizer.zero_grad()
    loss = (network(inputs) - targets).square().mean()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
    },
    "my_put_back": {
        "mask turned round": """
def my_put_back(image, kspace, mask):
    return ifft2c(torch.where(mask, fft2c(image), kspace))
""",
        "measured lines count twice": """
def my_put_back(image, kspace, mask):
    return image + ifft2c(mask * kspace)
""",
        "the mean of both": """
def my_put_back(image, kspace, mask):
    guess = fft2c(image)
    return ifft2c(torch.where(mask, (kspace + guess) / 2, guess))
""",
        "zeros taken for missing": """
def my_put_back(image, kspace, mask):
    return ifft2c(torch.where(kspace != 0, kspace, fft2c(image)))
""",
        "missing lines stay empty": """
def my_put_back(image, kspace, mask):
    return ifft2c(torch.where(mask, kspace, 0))
""",
        "the network's image as it is": """
def my_put_back(image, kspace, mask):
    return image
""",
        "k-space not centred": """
def my_put_back(image, kspace, mask):
    return torch.fft.ifft2(torch.where(mask, kspace, torch.fft.fft2(image, norm="ortho")), norm="ortho")
""",
        "right for even sizes only: shifts in the wrong order": """
def my_put_back(image, kspace, mask):
    axes = (-2, -1)
    guess = torch.fft.ifftshift(torch.fft.fft2(torch.fft.fftshift(image, axes), norm="ortho"), axes)
    merged = torch.where(mask, kspace, guess)
    return torch.fft.ifftshift(torch.fft.ifft2(torch.fft.fftshift(merged, axes), norm="ortho"), axes)
""",
        "k-space is returned": """
def my_put_back(image, kspace, mask):
    return torch.where(mask, kspace, fft2c(image))
""",
        "magnitude": """
def my_put_back(image, kspace, mask):
    return ifft2c(torch.where(mask, kspace, fft2c(image))).abs()
""",
        "transform without the square root": """
def my_put_back(image, kspace, mask):
    return ifft2c(torch.where(mask, kspace, fft2c(image) * image.shape[-1]))
""",
    },
}

RIGHT = {
    "my_training_step": {
        "torch's plain gradient descent": """
def my_training_step(network, inputs, targets, step_size):
    optimizer = torch.optim.SGD(network.parameters(), lr=step_size)
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(network(inputs), targets)
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "gradients without backward": """
def my_training_step(network, inputs, targets, step_size):
    weights = list(network.parameters())
    loss = ((network(inputs) - targets) ** 2).mean()
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights)):
        weight.data.sub_(step_size * slope)
    return loss.item()
""",
    },
    "my_put_back": {
        "the data's share of the error": """
def my_put_back(image, kspace, mask):
    return image + ifft2c(mask * (kspace - fft2c(image)))
""",
        "weights of one and zero": """
def my_put_back(image, kspace, mask):
    keep = mask.to(kspace.dtype)
    return ifft2c(keep * kspace + (1 - keep) * fft2c(image))
""",
    },
}
