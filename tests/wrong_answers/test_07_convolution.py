"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

CONV = "def my_conv2d(images, kernels, stride=1, padding=0, dilation=1):\n"
LIBRARY = CONV + "    return conv2d({}, {}, stride={}, padding={}, dilation={})"


def by_torch(images="images", kernels="kernels", stride="stride", padding="padding", dilation="dilation"):
    return LIBRARY.format(images, kernels, stride, padding, dilation)


WRONG = {
    "my_conv2d": {
        "true convolution": by_torch(kernels="kernels.flip(2, 3)"),
        "kernel flipped in one axis": by_torch(kernels="kernels.flip(3)"),
        "stride forgotten": by_torch(stride="1"),
        "padding forgotten": by_torch(padding="0"),
        "dilation forgotten": by_torch(dilation="1"),
        "padding above and to the left only": by_torch(
            images="pad(images, (2 * padding, 0, 2 * padding, 0))", padding="0"
        ),
        "circular padding": by_torch(images='pad(images, (padding,) * 4, mode="circular")', padding="0"),
        "first input channel only": CONV
        + "    part, w = images[:, :1], kernels[:, :1]\n"
        + "    return conv2d(part, w, stride=stride, padding=padding, dilation=dilation)",
        "mean over the input channels": by_torch(kernels="kernels / kernels.shape[1]"),
        "input channels in reverse": by_torch(kernels="kernels.flip(1)"),
        "dilated once more by the stride": by_torch(dilation="dilation * stride"),
        "right for square outputs only": CONV
        + "    out = conv2d(images, kernels, stride=stride, padding=padding, dilation=dilation)\n"
        + "    return out.reshape(*out.shape[:2], out.shape[3], out.shape[2])",
        "right for symmetric kernels only": by_torch(kernels="(kernels + kernels.flip(2, 3)) / 2"),
        "right without stride only, every place moved by one": CONV
        + "    out = conv2d(images, kernels, padding=padding, dilation=dilation)\n"
        + "    return out[:, :, stride - 1 :: stride, stride - 1 :: stride]",
        "output size of a kernel without dilation": CONV
        + "    out = conv2d(images, kernels, stride=stride, padding=padding, dilation=dilation)\n"
        + "    missing = (dilation - 1) * (kernels.shape[2] - 1) // stride\n"
        + "    return pad(out, (0, 0, 0, missing))",
    },
    "my_receptive_field": {
        "dilation forgotten": """
def my_receptive_field(layers):
    field, step = 1, 1
    for size, stride, _ in layers:
        field, step = field + (size - 1) * step, step * stride
    return field
""",
        "stride forgotten": """
def my_receptive_field(layers):
    return 1 + sum((size - 1) * dilation for size, _, dilation in layers)
""",
        "step multiplied first": """
def my_receptive_field(layers):
    field, step = 1, 1
    for size, stride, dilation in layers:
        step *= stride
        field += (size - 1) * dilation * step
    return field
""",
        "sizes added up": """
def my_receptive_field(layers):
    field, step = 0, 1
    for size, stride, dilation in layers:
        field, step = field + size * dilation * step, step * stride
    return max(field, 1)
""",
        "right for odd sizes only": """
def my_receptive_field(layers):
    field, step = 1, 1
    for size, stride, dilation in layers:
        field, step = field + 2 * (size // 2) * dilation * step, step * stride
    return field
""",
        "dilation carried on to later layers": """
def my_receptive_field(layers):
    field, step = 1, 1
    for size, stride, dilation in layers:
        field, step = field + (size - 1) * dilation * step, step * stride * dilation
    return field
""",
        "strides added instead of multiplied": """
def my_receptive_field(layers):
    field, step = 1, 1
    for size, stride, dilation in layers:
        field, step = field + (size - 1) * dilation * step, step + stride - 1
    return field
""",
        "the reach to one side": """
def my_receptive_field(layers):
    field, step = 1, 1
    for size, stride, dilation in layers:
        field, step = field + (size - 1) * dilation * step // 2, step * stride
    return field
""",
        "layers in reverse": """
def my_receptive_field(layers):
    field, step = 1, 1
    for size, stride, dilation in layers[::-1]:
        field, step = field + (size - 1) * dilation * step, step * stride
    return field
""",
    },
    "my_complex_conv2d": {
        "conjugate kernel": """
def my_complex_conv2d(images, kernels):
    return conv2d(images, kernels.conj().resolve_conj())
""",
        "plus instead of minus": """
def my_complex_conv2d(images, kernels):
    real = conv2d(images.real, kernels.real) + conv2d(images.imag, kernels.imag)
    imaginary = conv2d(images.real, kernels.imag) + conv2d(images.imag, kernels.real)
    return torch.complex(real, imaginary)
""",
        "real with real, imaginary with imaginary": """
def my_complex_conv2d(images, kernels):
    return torch.complex(conv2d(images.real, kernels.real), conv2d(images.imag, kernels.imag))
""",
        "real part of the kernel only": """
def my_complex_conv2d(images, kernels):
    return torch.complex(conv2d(images.real, kernels.real), conv2d(images.imag, kernels.real))
""",
        "minus in the other row": """
def my_complex_conv2d(images, kernels):
    real = conv2d(images.real, kernels.real) + conv2d(images.imag, kernels.imag)
    imaginary = conv2d(images.imag, kernels.real) - conv2d(images.real, kernels.imag)
    return torch.complex(real, imaginary)
""",
        "magnitude": """
def my_complex_conv2d(images, kernels):
    return conv2d(images, kernels).abs()
""",
        "parts of the output swapped": """
def my_complex_conv2d(images, kernels):
    out = conv2d(images, kernels)
    return torch.complex(out.imag, out.real)
""",
        "true convolution": """
def my_complex_conv2d(images, kernels):
    return conv2d(images, kernels.flip(2, 3))
""",
        "first channel only": """
def my_complex_conv2d(images, kernels):
    return conv2d(images[:, :1], kernels[:, :1])
""",
        "twice too large": """
def my_complex_conv2d(images, kernels):
    return 2 * conv2d(images, kernels)
""",
        "one output channel": """
def my_complex_conv2d(images, kernels):
    return conv2d(images, kernels[:1])
""",
    },
}

RIGHT = {
    "my_conv2d": {
        "a loop over the taps": """
def my_conv2d(images, kernels, stride=1, padding=0, dilation=1):
    x = pad(images, (padding,) * 4)
    sizes = zip(x.shape[2:], kernels.shape[2:])
    ny, nx = ((n - dilation * (k - 1) - 1) // stride + 1 for n, k in sizes)
    out = 0
    for i in range(kernels.shape[2]):
        for j in range(kernels.shape[3]):
            part = x[:, :, i * dilation :, j * dilation :][:, :, ::stride, ::stride][:, :, :ny, :nx]
            out = out + torch.einsum("ncyx,oc->noyx", part, kernels[:, :, i, j])
    return out
""",
        "windows of a strided view": """
def my_conv2d(images, kernels, stride=1, padding=0, dilation=1):
    x = pad(images, (padding,) * 4)
    i, j = (dilation * (k - 1) + 1 for k in kernels.shape[2:])
    windows = x.unfold(2, i, stride).unfold(3, j, stride)[..., ::dilation, ::dilation]
    return torch.einsum("ncyxij,ocij->noyx", windows, kernels)
""",
    },
    "my_receptive_field": {
        "from the last layer to the first": """
def my_receptive_field(layers):
    field = 1
    for size, stride, dilation in reversed(layers):
        field = (field - 1) * stride + (size - 1) * dilation + 1
    return field
""",
        "sum over products": """
def my_receptive_field(layers):
    total = 1
    for l, (size, _, dilation) in enumerate(layers):
        step = int(torch.tensor([s for _, s, _ in layers[:l]] + [1]).prod())
        total += (size - 1) * dilation * step
    return total
""",
    },
    "my_complex_conv2d": {
        "four real convolutions": """
def my_complex_conv2d(images, kernels):
    real = conv2d(images.real, kernels.real) - conv2d(images.imag, kernels.imag)
    return real + 1j * (conv2d(images.real, kernels.imag) + conv2d(images.imag, kernels.real))
""",
        "three real convolutions": """
def my_complex_conv2d(images, kernels):
    a = conv2d(images.real, kernels.real)
    b = conv2d(images.imag, kernels.imag)
    c = conv2d(images.real + images.imag, kernels.real + kernels.imag)
    return torch.complex(a - b, c - a - b)
""",
    },
}
