"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

MAGNITUDE = """
def my_magnitude(real, imag):
    a, b = real.data, imag.data
    m = math.hypot(a, b)
    safe = m or 1.0
    return Value({data}, ({parents}), ({slopes}), "| |")
"""


def magnitude(data="m", parents="real, imag", slopes="a / safe, b / safe"):
    return MAGNITUDE.format(data=data, parents=parents, slopes=slopes)


BACKWARD = """
def my_backward(root, values):
    root.grad = {start}
    for value in sorted(values, key=lambda value: value.level, reverse={reverse}):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad {delivers}
"""


def backward(start="1.0", reverse="True", delivers="+= slope * value.grad"):
    return BACKWARD.format(start=start, reverse=reverse, delivers=delivers)


LAYER = """
def my_conv2d_backward(images, kernels, grad):
    i, j = kernels.shape[2:]
    padded = {padded}
    by_images = conv2d(padded, {turned})
    by_kernels = conv2d(images.transpose(0, 1), grad.transpose(0, 1)).transpose(0, 1)
    return {result}
"""


def layer(
    padded="pad(grad, (j - 1, j - 1, i - 1, i - 1))",
    turned="kernels.transpose(0, 1).flip(2, 3)",
    result="by_images, by_kernels",
):
    return LAYER.format(padded=padded, turned=turned, result=result)


WRONG = {
    "my_magnitude": {
        "slopes of the square": magnitude(slopes="2 * a, 2 * b"),
        "not divided by the magnitude": magnitude(slopes="a, b"),
        "divided by the square": magnitude(slopes="a / safe**2, b / safe**2"),
        "slopes swapped": magnitude(slopes="b / safe, a / safe"),
        "parents swapped": magnitude(parents="imag, real"),
        "minus in the imaginary part": magnitude(slopes="a / safe, -b / safe"),
        "signs lost": magnitude(slopes="abs(a) / safe, abs(b) / safe"),
        "real part only": magnitude(slopes="a / safe, 0.0"),
        "slope one in the background": magnitude(slopes="a / m if m else 1.0, b / safe"),
        "cosine and sine of the phase, one in the background": magnitude(
            slopes="math.cos(math.atan2(b, a)), math.sin(math.atan2(b, a))"
        ),
        "square of the magnitude": magnitude(data="m * m"),
        "sum of the magnitudes": magnitude(data="abs(a) + abs(b)"),
        "no parents": "def my_magnitude(real, imag):\n    return Value(math.hypot(real.data, imag.data))",
    },
    "my_backward": {
        "second child overwrites the first": backward(delivers="= slope * value.grad"),
        "from the inputs on": backward(reverse="False"),
        "root has gradient zero": backward(start="0.0"),
        "root has the gradient of its data": backward(start="root.data"),
        "slopes forgotten": backward(delivers="+= value.grad"),
        "gradient of the child forgotten": backward(delivers="+= slope"),
        "data instead of the slope": backward(delivers="+= parent.data * value.grad"),
        "first parent only": """
def my_backward(root, values):
    root.grad = 1.0
    for value in sorted(values, key=lambda value: -value.level):
        for parent, slope in list(zip(value.parents, value.slopes))[:1]:
            parent.grad += slope * value.grad
""",
        "each parent once, though it is both factors": """
def my_backward(root, values):
    root.grad = 1.0
    for value in sorted(values, key=lambda value: -value.level):
        for parent, slope in dict(zip(value.parents, value.slopes)).items():
            parent.grad = slope * value.grad
""",
        "breadth first, on arrival": """
def my_backward(root, values):
    root.grad, queue, seen = 1.0, [root], {root}
    while queue:
        value = queue.pop(0)
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
""",
        "depth first, on arrival": """
def my_backward(root, values):
    root.grad, seen = 1.0, set()
    def visit(value):
        seen.add(value)
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad
            if parent not in seen:
                visit(parent)
    visit(root)
""",
        "recursion that hands on what it handed on before": """
def my_backward(root, values):
    root.grad = 1.0
    def visit(value):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad
            visit(parent)
    visit(root)
""",
        "parents of the root only": """
def my_backward(root, values):
    root.grad = 1.0
    for parent, slope in zip(root.parents, root.slopes):
        parent.grad += slope
""",
    },
    "my_conv2d_backward": {
        "kernels not turned": layer(turned="kernels.transpose(0, 1)"),
        "kernels flipped in one axis": layer(turned="kernels.transpose(0, 1).flip(3)"),
        "right for symmetric kernels only": layer(turned="(kernels + kernels.flip(2, 3)).transpose(0, 1) / 2"),
        "gradient of the kernels turned": layer(result="by_images, by_kernels.flip(2, 3)"),
        "gradient of the kernels not swapped back": layer(result="by_images, by_kernels.transpose(0, 1)"),
        "right for square kernels only": layer(padded="pad(grad, (i - 1, i - 1, j - 1, j - 1))"),
        "no zeros around": layer(padded="grad"),
        "zeros on one side only": layer(padded="pad(grad, (2 * j - 2, 0, 2 * i - 2, 0))"),
        "repeated instead of zeros": layer(padded='pad(grad, (j - 1, j - 1, i - 1, i - 1), mode="replicate")'),
        "mean over the images": layer(result="by_images, by_kernels / len(images)"),
        "mean over the pixels": layer(result="by_images, by_kernels / grad[0, 0].numel()"),
        "twice as large": layer(result="2 * by_images, 2 * by_kernels"),
        "minus, the direction to step": layer(result="-by_images, -by_kernels"),
        "in the other order": layer(result="by_kernels, by_images"),
        "first image only": layer(
            result="by_images, conv2d(images[:1].transpose(0, 1), grad[:1].transpose(0, 1)).transpose(0, 1)"
        ),
        "input channels in reverse": layer(result="by_images.flip(1), by_kernels.flip(1)"),
    },
}

RIGHT = {
    "my_magnitude": {
        "with a tiny number under the root": """
def my_magnitude(real, imag):
    m = (real.data**2 + imag.data**2 + 1e-24) ** 0.5
    return Value(m, [real, imag], [real.data / m, imag.data / m])
""",
        "by a complex number": """
def my_magnitude(real, imag):
    z = complex(real.data, imag.data)
    phase = z / abs(z) if z else 0j
    return Value(abs(z), (real, imag), (phase.real, phase.imag))
""",
    },
    "my_backward": {
        "sum over all paths": """
def my_backward(root, values):
    def walk(value, grad):
        value.grad += grad
        for parent, slope in zip(value.parents, value.slopes):
            walk(parent, slope * grad)
    walk(root, 1.0)
""",
        "wait until all children have delivered": """
def my_backward(root, values):
    waiting = {value: 0 for value in values}
    for value in values:
        for parent in value.parents:
            waiting[parent] += 1
    root.grad, ready = 1.0, [root]
    while ready:
        value = ready.pop()
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready.append(parent)
""",
        "gradients set to zero first": """
def my_backward(root, values):
    for value in values:
        value.grad = float(value is root)
    for level in range(root.level, 0, -1):
        for value in values:
            if value.level == level:
                for number, parent in enumerate(value.parents):
                    parent.grad = parent.grad + value.grad * value.slopes[number]
""",
    },
    "my_conv2d_backward": {
        "torch's transposed convolution, and a loop over taps": """
def my_conv2d_backward(images, kernels, grad):
    by_kernels = torch.empty_like(kernels)
    ny, nx = grad.shape[2:]
    for i in range(kernels.shape[2]):
        for j in range(kernels.shape[3]):
            by_kernels[:, :, i, j] = torch.einsum("noyx,ncyx->oc", grad, images[:, :, i : i + ny, j : j + nx])
    return torch.nn.functional.conv_transpose2d(grad, kernels), by_kernels
""",
        "as one matrix product": """
def my_conv2d_backward(images, kernels, grad):
    columns = torch.nn.functional.unfold(images, kernels.shape[2:])
    places, flat = grad.flatten(2), kernels.flatten(1)
    by_images = torch.nn.functional.fold(flat.T @ places, images.shape[2:], kernels.shape[2:])
    return by_images, torch.einsum("nop,nkp->ok", places, columns).reshape(kernels.shape)
""",
    },
}
