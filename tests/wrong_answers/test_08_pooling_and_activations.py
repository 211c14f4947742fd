"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

POOL = "def my_pool2d(images, size, stride, kind):\n"
WINDOWS = POOL + "    windows = images.unfold(2, size, stride).unfold(3, size, stride)\n"

SIX = """
def my_activations(x, a):
    up, e, s = (x > 0).to(x.dtype), x.clamp(max=0).exp(), x.sigmoid()
    area, bell = (1 + torch.erf(x / 2**0.5)) / 2, torch.exp(-(x**2) / 2) / (2 * torch.pi) ** 0.5
    found = {
        "relu": (x * up, up),
        "leaky_relu": (x * (up + 0.01 * (1 - up)), up + 0.01 * (1 - up)),
        "prelu": (x * (up + a * (1 - up)), up + a * (1 - up)),
        "elu": (x * up + e - 1, e),
        "gelu": (x * area, area + x * bell),
        "silu": (x * s, s + x * s * (1 - s)),
    }
"""


def but(change):
    """All six right, but for one line."""
    return f"{SIX}    {change}\n    return found\n"


WRONG = {
    "my_pool2d": {
        "always the maximum": WINDOWS + "    return windows.amax(dim=(-2, -1))\n",
        "always the mean": WINDOWS + "    return windows.mean(dim=(-2, -1))\n",
        "sum in place of the mean": WINDOWS
        + '    return windows.amax(dim=(-2, -1)) if kind == "max" else windows.sum(dim=(-2, -1))\n',
        "one axis only": WINDOWS
        + '    return windows.amax(dim=-1)[..., 0] if kind == "max" else windows.mean(dim=-1)[..., 0]\n',
        "stride taken for the size": POOL
        + "    windows = images.unfold(2, size, size).unfold(3, size, size)\n"
        + '    return windows.amax(dim=(-2, -1)) if kind == "max" else windows.mean(dim=(-2, -1))\n',
        "size and stride swapped": POOL
        + "    windows = images.unfold(2, stride, size).unfold(3, stride, size)\n"
        + '    return windows.amax(dim=(-2, -1)) if kind == "max" else windows.mean(dim=(-2, -1))\n',
        "maximum of the absolute values": WINDOWS
        + '    return windows.abs().amax(dim=(-2, -1)) if kind == "max" else windows.mean(dim=(-2, -1))\n',
        "zeros around the image": POOL
        + "    images = F.pad(images, (1, 1, 1, 1))\n"
        + "    windows = images.unfold(2, size, stride).unfold(3, size, stride)\n"
        + '    return windows.amax(dim=(-2, -1)) if kind == "max" else windows.mean(dim=(-2, -1))\n',
        "zeros to fill up the last window": POOL
        + "    images = F.pad(images, (0, -images.shape[3] % stride, 0, -images.shape[2] % stride))\n"
        + "    windows = images.unfold(2, size, stride).unfold(3, size, stride)\n"
        + '    return windows.amax(dim=(-2, -1)) if kind == "max" else windows.mean(dim=(-2, -1))\n',
        "last windows that do not fit are kept": POOL
        + "    pool = F.max_pool2d if kind == 'max' else F.avg_pool2d\n"
        + "    return pool(images, size, stride, ceil_mode=True)\n",
        "channels mixed": WINDOWS
        + '    return windows.amax(dim=(1, -2, -1)) if kind == "max" else windows.mean(dim=(1, -2, -1))\n',
        "channels mixed, shape kept": POOL
        + "    images = images.mean(dim=1, keepdim=True).expand_as(images)\n"
        + "    return (F.max_pool2d if kind == 'max' else F.avg_pool2d)(images, size, stride)\n",
        "median in place of the maximum": WINDOWS
        + '    return windows.flatten(-2).median(dim=-1).values if kind == "max" else windows.mean(dim=(-2, -1))\n',
        "windows begin at the far end": POOL
        + "    windows = images.flip(2, 3).unfold(2, size, stride).unfold(3, size, stride)\n"
        + '    return (windows.amax(dim=(-2, -1)) if kind == "max" else windows.mean(dim=(-2, -1))).flip(2, 3)\n',
        "right for square images only": POOL
        + "    pool = F.max_pool2d if kind == 'max' else F.avg_pool2d\n"
        + "    return pool(images.mT, size, stride)\n",
        "clipped at zero": WINDOWS
        + '    return windows.amax(dim=(-2, -1)).relu() if kind == "max" else windows.mean(dim=(-2, -1))\n',
    },
    "my_activations": {
        "slope of the leaky ones is zero below": but('found["prelu"] = (found["prelu"][0], up)'),
        "leak on both sides": but('found["prelu"] = (a * x, a + 0 * x)'),
        "leak as large as torch's of PReLU": but(
            'found["leaky_relu"] = (x * (up + 0.25 * (1 - up)), up + 0.25 * (1 - up))'
        ),
        "sign of the leak": but('found["prelu"] = (x * (up - a * (1 - up)), up - a * (1 - up))'),
        "ReLU's slope is its value": but('found["relu"] = (x * up, x * up)'),
        "absolute value": but('found["relu"] = (x.abs(), x.sign())'),
        "slope of ELU one below its own": but('found["elu"] = (x * up + e - 1, up + (1 - up) * (e - 1))'),
        "ELU without the minus one": but('found["elu"] = (x * up + e, e)'),
        "ELU is torch's SELU": but(
            'found["elu"] = (1.0507 * (x * up + 1.67326 * (e - 1)), 1.0507 * (up + 1.67326 * e * (1 - up)))'
        ),
        "GELU's slope without the second term": but('found["gelu"] = (x * area, area)'),
        "GELU by tanh, with its slope": but(
            "c, u = (2 / torch.pi) ** 0.5, x + 0.044715 * x**3\n"
            "    t, du = torch.tanh(c * u), c * (1 + 3 * 0.044715 * x**2)\n"
            '    found["gelu"] = (x * (1 + t) / 2, (1 + t) / 2 + x * (1 - t**2) * du / 2)'
        ),
        "erf of x": but(
            "area, bell = (1 + torch.erf(x)) / 2, torch.exp(-(x**2)) / torch.pi**0.5\n"
            '    found["gelu"] = (x * area, area + x * bell)'
        ),
        "the bell itself": but('found["gelu"] = (x * bell, bell - x**2 * bell)'),
        "GELU by the sigmoid": but(
            "q = (1.702 * x).sigmoid()\n    found['gelu'] = (x * q, q + 1.702 * x * q * (1 - q))"
        ),
        "slope of the sigmoid alone": but('found["silu"] = (x * s, s * (1 - s))'),
        "SiLU is the sigmoid": but('found["silu"] = (s, s * (1 - s))'),
        "SiLU is softplus": but('found["silu"] = (F.softplus(x), s)'),
        "second term without x": but('found["silu"] = (x * s, s + s * (1 - s))'),
        "single precision": but("found = {k: (v.float().double(), g.float().double()) for k, (v, g) in found.items()}"),
        "value and slope swapped": but("found = {k: (g, v) for k, (v, g) in found.items()}"),
        "a fixed leak in place of a": but('found["prelu"] = (x * (up + 0.25 * (1 - up)), up + 0.25 * (1 - up))'),
    },
    "my_mod_relu": {
        "ReLU on both parts": """
def my_mod_relu(z, bias):
    return torch.complex((z.real + bias).relu(), (z.imag + bias).relu())
""",
        "soft threshold on both parts": """
def my_mod_relu(z, bias):
    return torch.complex(soft_threshold(z.real, -bias), soft_threshold(z.imag, -bias))
""",
        "zero divided by zero": """
def my_mod_relu(z, bias):
    return (z.abs() + bias).relu() * z / z.abs()
""",
        "zero becomes b": """
def my_mod_relu(z, bias):
    return torch.polar((z.abs() + bias).relu(), z.angle())
""",
        "phase lost": """
def my_mod_relu(z, bias):
    return (z.abs() + bias).relu() + 0j
""",
        "sign of the bias": """
def my_mod_relu(z, bias):
    return (z.abs() - bias).relu() * z.sgn()
""",
        "no ReLU": """
def my_mod_relu(z, bias):
    return (z.abs() + bias) * z.sgn()
""",
        "not divided by the length": """
def my_mod_relu(z, bias):
    return (z.abs() + bias).relu() * z
""",
        "conjugate": """
def my_mod_relu(z, bias):
    return (z.abs() + bias).relu() * z.conj().sgn()
""",
        "a gate: all or nothing": """
def my_mod_relu(z, bias):
    return z * (z.abs() + bias > 0)
""",
        "sign of the real part": """
def my_mod_relu(z, bias):
    return (z.abs() + bias).relu() * z.real.sgn() + 0j
""",
        "turned by 180 degrees": """
def my_mod_relu(z, bias):
    return -(z.abs() + bias).relu() * z.sgn()
""",
        "length squared": """
def my_mod_relu(z, bias):
    return (z.abs().square() + bias).relu() * z.sgn()
""",
    },
}

RIGHT = {
    "my_pool2d": {
        "torch's unfold": """
def my_pool2d(images, size, stride, kind):
    n, channels, ny, nx = images.shape
    columns = F.unfold(images.reshape(n * channels, 1, ny, nx), size, stride=stride)
    pooled = columns.amax(dim=1) if kind == "max" else columns.mean(dim=1)
    return pooled.reshape(n, channels, (ny - size) // stride + 1, (nx - size) // stride + 1)
""",
        "a loop over the pixels of a window": """
def my_pool2d(images, size, stride, kind):
    ny, nx = ((length - size) // stride + 1 for length in images.shape[2:])
    parts = [images[:, :, i::stride, j::stride][:, :, :ny, :nx] for i in range(size) for j in range(size)]
    return torch.stack(parts).amax(dim=0) if kind == "max" else torch.stack(parts).mean(dim=0)
""",
        "one axis after the other": """
def my_pool2d(images, size, stride, kind):
    for axis in (2, 3):
        windows = images.unfold(axis, size, stride)
        images = windows.amax(dim=-1) if kind == "max" else windows.mean(dim=-1)
    return images
""",
    },
    "my_activations": {
        "by torch and its gradients": """
def my_activations(x, a):
    found = {}
    for name in ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu"):
        leaf = x.detach().clone().requires_grad_()
        value = F.leaky_relu(leaf, a) if name == "prelu" else getattr(F, name)(leaf)
        found[name] = value.detach(), torch.autograd.grad(value.sum(), leaf)[0]
    return found
""",
        "with where": """
def my_activations(x, a):
    up, one, leak = x > 0, torch.ones_like(x), lambda b: b * torch.ones_like(x)
    bell = torch.distributions.Normal(0.0, 1.0)
    s, area, height = 1 / (1 + torch.exp(-x)), bell.cdf(x), bell.log_prob(x).exp()
    return {
        "silu": (x * s, s * (1 + x * (1 - s))),
        "gelu": (x * area, area + x * height),
        "elu": (torch.where(up, x, torch.expm1(x)), torch.where(up, one, torch.exp(x))),
        "relu": (torch.where(up, x, 0 * x), torch.where(up, one, 0 * x)),
        "leaky_relu": (torch.where(up, x, 0.01 * x), torch.where(up, one, leak(0.01))),
        "prelu": (torch.maximum(x, 0 * x) + a * torch.minimum(x, 0 * x), torch.where(up, one, leak(a))),
    }
""",
    },
    "my_mod_relu": {
        "the soft threshold": """
def my_mod_relu(z, bias):
    return soft_threshold(z, -bias)
""",
        "with where": """
def my_mod_relu(z, bias):
    length = z.abs()
    return torch.where(length > 0, (length + bias).clamp(min=0) * z / length.clamp(min=1e-30), torch.zeros_like(z))
""",
        "cosine and sine": """
def my_mod_relu(z, bias):
    length = (z.abs() + bias).relu() * (z != 0)
    return torch.complex(length * z.angle().cos(), length * z.angle().sin())
""",
    },
}
