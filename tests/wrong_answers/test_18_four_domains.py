"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import *  # noqa: F403 (its tests go over the tables)
from bank import verdict

COMPLETE = """
def my_complete(body, kspace, mask):
    weight = {weight}
    loud = {loud}
    n_samples = {n_samples}
    u = {u}
    return {result}
"""
RIGHT_COMPLETE = {
    "weight": "radial_weight(kspace)",
    "loud": "weight * kspace",
    "n_samples": "mask.expand(kspace.shape).sum()",
    "u": "(loud.abs().square().sum() / n_samples).sqrt()",
    "result": "body(loud / u) * u / weight",
}

DENSE = """
def my_dense_inverse(ny, nx):
    n = ny * nx
    units = torch.eye(n, dtype=torch.complex64).reshape({shape})
    matrix = {matrix}
    a, b = matrix.real, matrix.imag
    upper = torch.cat([{upper}], dim=1)
    lower = torch.cat([{lower}], dim=1)
    return {result}
"""
RIGHT_DENSE = {
    "shape": "n, ny, nx",
    "matrix": "ifft2c(units).flatten(1).T",
    "upper": "a, -b",
    "lower": "b, a",
    "result": "torch.cat([upper, lower])",
}

RAKI = """
def my_raki_estimate(parts, w1, w2, w3, spacing):
    features = {first}
    features = {second}
    return {third}
"""
RIGHT_RAKI = {
    "first": "torch.conv2d(parts[None], w1, dilation=(spacing, 1)).relu()",
    "second": "torch.conv2d(features, w2).relu()",
    "third": "torch.conv2d(features, w3, dilation=(spacing, 1))[0]",
}

ECHO = """
def my_recentred(network, A, kspace):
    nx = kspace.shape[-1]
    energy = {energy}
    shift = {shift}
    image = {image}
    x = {x}
    return {result}
"""
RIGHT_ECHO = {
    "energy": "kspace.abs().square().sum(dim=(0, 1, 2))",
    "shift": "int(energy.argmax()) - nx // 2",
    "image": "network(A, kspace.roll(-shift, dims=-1))",
    "x": "torch.arange(nx) - nx // 2",
    "result": "image * torch.exp(2j * torch.pi * shift * x / nx)",
}


def complete(**changes):
    return COMPLETE.format(**RIGHT_COMPLETE | changes)


def dense(**changes):
    return DENSE.format(**RIGHT_DENSE | changes)


def raki(**changes):
    return RAKI.format(**RIGHT_RAKI | changes)


def echo(**changes):
    return ECHO.format(**RIGHT_ECHO | changes)


WRONG = {
    "my_complete": {
        "no return": "def my_complete(body, kspace, mask):\n    weight = radial_weight(kspace)",
        "the body alone": complete(result="body(kspace)"),
        "nothing at all": complete(result="kspace"),
        "no unit": complete(u="1.0"),
        "no weight": complete(weight="1.0"),
        "divides by the weight": complete(weight="1 / radial_weight(kspace)"),
        "counts missing places": complete(n_samples="kspace.numel()"),
        "counts lines only": complete(n_samples="mask.sum()"),
        "a mask of lines as an index": complete(u="loud[mask].abs().square().mean().sqrt()"),
        "no root": complete(u="loud.abs().square().sum() / n_samples"),
        "complex square": complete(u="(loud.square().sum() / n_samples).sqrt()"),
        "lines counted, root taken": complete(
            n_samples="mask.sum()", u="(loud.abs().square().sum() / n_samples).sqrt()"
        ),
        "mean of magnitudes": complete(u="loud.abs().sum() / n_samples"),
        "the largest": complete(u="loud.abs().max()"),
        "unit of unweighted samples": complete(u="(kspace.abs().square().sum() / n_samples).sqrt()"),
        "root of the sum": complete(u="loud.abs().square().sum().sqrt()"),
        "unit not undone": complete(result="body(loud / u) / weight"),
        "weight not undone": complete(result="body(loud / u) * u"),
        "both undone the wrong way": complete(result="body(loud / u) / u * weight"),
        "unit multiplied first": complete(result="body(loud * u) / u / weight"),
        "samples put back": complete(result="torch.where(mask, kspace, body(loud / u) * u / weight)"),
        "missing lines stay empty": complete(result="mask * body(loud / u) * u / weight"),
        "an image": complete(result="ifft2c(body(loud / u) * u / weight)"),
        "magnitude": complete(result="(body(loud / u) * u / weight).abs()"),
        "body called twice": complete(result="body(body(loud / u)) * u / weight"),
        "a residual of its own": complete(result="kspace + body(loud / u) * u / weight"),
        "changes its argument": complete(loud="kspace.mul_(weight)"),
        "the largest complex number": complete(u="loud.max()"),
    },
    "my_dense_inverse": {
        "no return": "def my_dense_inverse(ny, nx):\n    n = ny * nx",
        "complex": dense(result="matrix"),
        "real part only": dense(result="a"),
        "forward": dense(matrix="fft2c(units).flatten(1).T"),
        "sign of b": dense(upper="a, b"),
        "sign of the other b": dense(lower="-b, a"),
        "both signs": dense(upper="a, b", lower="-b, a"),
        "blocks exchanged": dense(upper="-b, a", lower="a, b"),
        "lower first": dense(result="torch.cat([lower, upper])"),
        "no mixing": dense(upper="a, 0 * b", lower="0 * b, a"),
        "without centring": dense(matrix='torch.fft.ifft2(units, norm="ortho").flatten(1).T'),
        "without centring, not orthonormal": dense(matrix="torch.fft.ifft2(units).flatten(1).T"),
        "not orthonormal": dense(matrix="(ifft2c(units) / n**0.5).flatten(1).T"),
        "too large": dense(matrix="(ifft2c(units) * n**0.5).flatten(1).T"),
        "rows and columns exchanged": dense(shape="n, nx, ny"),
        "one axis only": dense(matrix="ifftc(units).flatten(1).T"),
        "identity": "def my_dense_inverse(ny, nx):\n    return torch.eye(2 * ny * nx)",
        "for squares": dense().replace("n = ny * nx", "n = ny * ny"),
        "side by side": dense(result="torch.cat([upper, lower], dim=1)"),
        "all units as one picture": dense(shape="ny, nx"),
    },
    "my_raki_estimate": {
        "no return": "def my_raki_estimate(parts, w1, w2, w3, spacing):\n    features = parts",
        "no ReLU": raki(
            first="torch.conv2d(parts[None], w1, dilation=(spacing, 1))", second="torch.conv2d(features, w2)"
        ),
        "first ReLU missing": raki(first="torch.conv2d(parts[None], w1, dilation=(spacing, 1))"),
        "second ReLU missing": raki(second="torch.conv2d(features, w2)"),
        "ReLU at the end": raki(third="torch.conv2d(features, w3, dilation=(spacing, 1))[0].relu()"),
        "ReLU at the start": raki(first="torch.conv2d(parts[None].relu(), w1, dilation=(spacing, 1)).relu()"),
        "no dilation": raki(first="torch.conv2d(parts[None], w1).relu()", third="torch.conv2d(features, w3)[0]"),
        "no dilation in the third": raki(third="torch.conv2d(features, w3)[0]"),
        "no dilation in the first": raki(first="torch.conv2d(parts[None], w1).relu()"),
        "dilation along kx": raki(
            first="torch.conv2d(parts[None], w1, dilation=(1, spacing)).relu()",
            third="torch.conv2d(features, w3, dilation=(1, spacing))[0]",
        ),
        "dilation along both": raki(
            first="torch.conv2d(parts[None], w1, dilation=spacing).relu()",
            third="torch.conv2d(features, w3, dilation=spacing)[0]",
        ),
        "batch kept": raki(third="torch.conv2d(features, w3, dilation=(spacing, 1))"),
        "padded": raki(first='torch.conv2d(parts[None], w1, dilation=(spacing, 1), padding="same").relu()'),
        "stride in place of dilation": raki(
            first="torch.conv2d(parts[None], w1, stride=(spacing, 1)).relu()", third="torch.conv2d(features, w3)[0]"
        ),
        "always four apart": raki(
            first="torch.conv2d(parts[None], w1, dilation=(4, 1)).relu()",
            third="torch.conv2d(features, w3, dilation=(4, 1))[0]",
        ),
        "kernels turned": raki(
            first="torch.conv2d(parts[None], w1.flip(2, 3), dilation=(spacing, 1)).relu()",
            third="torch.conv2d(features, w3.flip(2, 3), dilation=(spacing, 1))[0]",
        ),
        "padded along lines and points": raki(
            first="torch.conv2d(parts[None], w1, dilation=(spacing, 1), padding=(spacing, 2)).relu()",
        ),
        "tanh twice": raki(
            first="torch.conv2d(parts[None], w1, dilation=(spacing, 1)).tanh()",
            second="torch.conv2d(features, w2).tanh()",
        ),
        "tanh": raki(second="torch.conv2d(features, w2).tanh()"),
        "two layers": raki(third="features[0]"),
        "changes its argument": raki(first="torch.conv2d(parts.relu_()[None], w1, dilation=(spacing, 1)).relu()"),
        "parts as a batch": raki(first="torch.conv2d(parts[:, None], w1, dilation=(spacing, 1)).relu()"),
        "a dilation without its name": raki(first="torch.conv2d(parts[None], w1, (spacing, 1)).relu()"),
    },
    "my_recentred": {
        "no return": "def my_recentred(network, A, kspace):\n    image = network(A, kspace)",
        "as it came": echo(image="network(A, kspace)", result="image"),
        "as it came, with a ramp": echo(image="network(A, kspace)"),
        "the wrong way": echo(image="network(A, kspace.roll(shift, dims=-1))"),
        "along ky": echo(image="network(A, kspace.roll(-shift, dims=-2))"),
        "no ramp": echo(result="image"),
        "the ramp turned": echo(result="image * torch.exp(-2j * torch.pi * shift * x / nx)"),
        "x from the left": echo(x="torch.arange(nx)"),
        "half a pixel": echo(x="torch.arange(nx) - (nx - 1) / 2"),
        "magnitude": echo(result="image.abs()"),
        "magnitude, complex": echo(result="image.abs().to(torch.complex64)"),
        "always four": echo(shift="4"),
        "the middle one too low": echo(shift="int(energy.argmax()) - (nx - 1) // 2"),
        "the number of the column": echo(shift="int(energy.argmax())"),
        "the loudest line": echo(
            energy="kspace.abs().square().sum(dim=(0, 1, 3))", shift="int(energy.argmax()) - len(energy) // 2"
        ),
        "the adjoint": echo(image="A.adjoint(kspace.roll(-shift, dims=-1))"),
        "a ramp on k-space": echo(
            image="network(A, kspace * torch.exp(-2j * torch.pi * shift * torch.arange(nx) / nx))"
        ),
        "without the factor two": echo(result="image * torch.exp(1j * torch.pi * shift * x / nx)"),
        "ramp along y": echo(
            x="torch.arange(kspace.shape[-2])[:, None] - kspace.shape[-2] // 2",
        ),
        "the loudest sample": echo(energy="kspace.abs().amax(dim=(0, 1, 2))"),
        "the loudest sample, by its number": echo(shift="int(kspace.abs().argmax()) % nx - nx // 2"),
        "coil 0 alone": echo(energy="kspace[:, 0].abs().square().sum(dim=(0, 1))"),
        "the first slice and coil alone": echo(energy="kspace[0, 0].abs().square().sum(dim=0)"),
        "an axis in front": echo(image="network(A, kspace.roll(-shift, dims=-1)[None])"),
        "the first image": echo(result="image[0] * torch.exp(2j * torch.pi * shift * x / nx)"),
        "axes of one scan": echo(energy="kspace.abs().square().sum(dim=(0, 1))"),
        "network twice": echo(image="network(A, kspace) * 0 + network(A, kspace.roll(-shift, dims=-1))"),
        "an axis too many": echo(energy="kspace.abs().square().sum(dim=(0, 1, 2, 4))"),
        "the ramp along y": echo(result="image * torch.exp(2j * torch.pi * shift * x / nx)[:, None]"),
    },
}

RIGHT = {
    "my_complete": {
        "with the samples picked": complete(u="loud[mask.expand(kspace.shape)].abs().square().mean().sqrt()"),
        "with the weight by hand": complete(
            weight="(1 + sum(g.square() for g in torch.meshgrid(*(torch.arange(n) - n // 2 for n in kspace.shape),"
            ' indexing="ij"))).sqrt()'
        ),
        "with the norm": complete(u="loud.norm() / n_samples.sqrt()"),
    },
    "my_dense_inverse": {
        "by a loop": (
            "def my_dense_inverse(ny, nx):\n"
            "    columns = []\n"
            "    for unit in (1, 1j):\n"
            "        for j in range(ny * nx):\n"
            "            kspace = torch.zeros(ny * nx, dtype=torch.complex64)\n"
            "            kspace[j] = unit\n"
            "            image = ifft2c(kspace.reshape(ny, nx)).flatten()\n"
            "            columns.append(torch.cat([image.real, image.imag]))\n"
            "    return torch.stack(columns, dim=1)"
        ),
        "in double precision": dense(result="torch.cat([upper, lower]).double()"),
    },
    "my_raki_estimate": {
        "without a batch": raki(
            first="torch.conv2d(parts, w1, dilation=(spacing, 1)).relu()",
            third="torch.conv2d(features, w3, dilation=(spacing, 1))",
        ),
        "functional": raki(second="torch.nn.functional.relu(torch.nn.functional.conv2d(features, w2))"),
        "clamped": raki(second="torch.conv2d(features, w2).clamp_min(0)"),
    },
    "my_recentred": {
        "by the norm": echo(energy="kspace.flatten(0, 2).norm(dim=0)"),
        "by the transform": echo(result="ifft2c(fft2c(image).roll(shift, dims=-1))"),
    },
}


SAYS = {
    ("my_complete", "a mask of lines as an index"): "The mask (9, 1) does not fit the tensor (9, 14)",
    ("my_complete", "the largest complex number"): "Complex numbers have no order",
    ("my_dense_inverse", "all units as one picture"): "144 numbers cannot become one of the shape (3, 4)",
    ("my_raki_estimate", "parts as a batch"): "takes 4 channels and got 1",
    ("my_raki_estimate", "a dilation without its name"): "`conv2d` does not take what it got",
    ("my_recentred", "an axis too many"): "k-space comes as a batch",
    ("my_recentred", "the ramp along y"): "the network returns images (n, y, x)",
}


@pytest.mark.parametrize(("name", "mistake"), SAYS)
def test_a_mistake_is_called_by_its_name(request, name, mistake):
    assert SAYS[name, mistake] in str(verdict(request.module, name, WRONG[name][mistake]))
