"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
)

WINDOW = """
def my_kernel_window(kernel, shape):
    rows, columns = kernel.shape
    top = {top}
    left = {left}
    picture = {empty}
    picture[top : top + rows, left : left + columns] = {kernel}
    return {result}
"""
RIGHT_WINDOW = {
    "top": "shape[0] // 2 - rows // 2",
    "left": "shape[1] // 2 - columns // 2",
    "empty": "kernel.new_zeros(shape)",
    "kernel": "kernel",
    "result": "fft2c(picture) * (shape[0] * shape[1]) ** 0.5",
}

STEP = """
def my_kspace_step(kspace, unit, layers):
    scale = {scale}
    channels = {channels}
    change = {change}
    return {result}
"""
RIGHT_STEP = {
    "scale": "radial_weight(kspace) / unit",
    "channels": "layers(to_channels(kspace * scale))",
    "change": "to_image(channels, kspace) / scale",
    "result": "kspace + change",
}

FIT = """
def my_neighbour_weights(kspace, offsets):
    columns = []
    for dy, dx in offsets:
        columns.append({column})
    matrix = {matrix}
    goal = {goal}
    return {result}
"""
RIGHT_FIT = {
    "column": "kspace.roll((-dy, -dx), (0, 1)).flatten()",
    "matrix": "torch.stack(columns, -1)",
    "goal": "kspace.flatten()[:, None]",
    "result": "torch.linalg.lstsq(matrix, goal).solution[:, 0]",
}


INDEXED = """
def my_put_back(predicted, measured, mask):
    k = predicted.clone()
    chosen = {chosen}
    {places} = {samples}
    return k
"""
RIGHT_INDEX = {"chosen": "mask.expand(k.shape)", "places": "k[chosen]", "samples": "measured[chosen]"}
BY_SAMPLE = """
def my_put_back(predicted, measured, mask):
    k = predicted.clone()
    for ky in range(k.shape[0]):
        for kx in range(k.shape[1]):
            if mask[ky, kx]:
                k[ky, kx] = measured[ky, kx]
    return k
"""


def indexed(**changes):
    return INDEXED.format(**RIGHT_INDEX | changes)


def put_back(result):
    return f"def my_put_back(predicted, measured, mask):\n    return {result}"


def window(**changes):
    return WINDOW.format(**RIGHT_WINDOW | changes)


def step(**changes):
    return STEP.format(**RIGHT_STEP | changes)


def fit(**changes):
    return FIT.format(**RIGHT_FIT | changes)


WRONG = {
    "my_put_back": {
        "no return": "def my_put_back(predicted, measured, mask):\n    torch.where(mask, measured, predicted)",
        "the wrong way round": put_back("torch.where(mask, predicted, measured)"),
        "the measured samples alone": put_back("torch.where(mask, measured, 0)"),
        "times the mask": put_back("mask * measured"),
        "the prediction": put_back("predicted"),
        "the sum": put_back("predicted + measured"),
        "the mean": put_back("(predicted + measured) / 2"),
        "the mean where measured": put_back("torch.where(mask, (predicted + measured) / 2, predicted)"),
        "the trap": put_back("torch.where(mask, predicted, 0)"),
        "where it is not zero": put_back("torch.where(measured != 0, measured, predicted)"),
        "where the magnitude is not zero": put_back("torch.where(measured.abs() > 0, measured, predicted)"),
        "in the image": put_back("ifft2c(torch.where(mask, measured, predicted))"),
        "of the images": put_back("torch.where(mask, ifft2c(measured), ifft2c(predicted))"),
        "the difference": put_back("predicted - measured"),
        "magnitudes": put_back("torch.where(mask, measured.abs(), predicted.abs())"),
        "real part": put_back("torch.where(mask, measured.real, predicted.real)"),
        "a mask of lines only": put_back("torch.where(mask[:, :1], measured, predicted)"),
        "the prediction less itself": put_back("predicted - mask * predicted"),
        "in place": (
            "def my_put_back(predicted, measured, mask):\n"
            "    predicted[mask.expand_as(predicted)] = measured[mask.expand_as(predicted)]\n"
            "    return predicted"
        ),
        "by index": (
            "def my_put_back(predicted, measured, mask):\n"
            "    k = predicted.clone()\n"
            "    k[mask[:, 0]] = measured[mask[:, 0]]\n"
            "    return k"
        ),
        "a list": put_back("[torch.where(mask, measured, predicted)]"),
        "numpy": put_back("torch.where(mask, measured, predicted).numpy()"),
        "a stack becomes one": put_back("torch.where(mask, measured, predicted).reshape(-1, mask.shape[-2], 22)[0]"),
        "junk between the lines": put_back("predicted * ~mask + measured"),
        "masked fill of one": put_back("predicted.masked_fill(mask, 0) + measured"),
        "crashes": put_back("torch.where(mask, measured)"),
        "the mask as an index": indexed(chosen="mask"),
        "the squeezed mask as an index": indexed(chosen="mask.squeeze()"),
        "all measured samples into some places": indexed(samples="measured"),
        "the mask as an index of lines": indexed(
            chosen="mask", places="k[..., chosen, :]", samples="measured[..., chosen, :]"
        ),
        "sample by sample": BY_SAMPLE,
        "if": put_back("measured if mask else predicted"),
        "one minus the mask": put_back("mask * measured + (1 - mask) * predicted"),
        "two arguments": "def my_put_back(predicted, mask):\n    return predicted",
    },
    "my_kernel_window": {
        "no return": "def my_kernel_window(kernel, shape):\n    fft2c(kernel.new_zeros(shape))",
        "no factor": window(result="fft2c(picture)"),
        "the number of samples": window(result="fft2c(picture) * shape[0] * shape[1]"),
        "divided": window(result="fft2c(picture) / (shape[0] * shape[1]) ** 0.5"),
        "the inverse transform": window(result="ifft2c(picture) * (shape[0] * shape[1]) ** 0.5"),
        "the inverse, no factor": window(result="ifft2c(picture)"),
        "in the corner": window(top="0", left="0"),
        "one row up": window(top="shape[0] // 2 - rows // 2 - 1"),
        "one column right": window(left="shape[1] // 2 - columns // 2 + 1"),
        "one row and one column": window(top="shape[0] // 2 - rows // 2 + 1", left="shape[1] // 2 - columns // 2 + 1"),
        "complex kernel into real zeros": window(empty="torch.zeros(shape)"),
        "one row down": window(top="shape[0] // 2 - rows // 2 + 1"),
        "one column left": window(left="shape[1] // 2 - columns // 2 - 1"),
        "half of the difference": window(top="(shape[0] - rows) // 2", left="(shape[1] - columns) // 2"),
        "begins in the middle": window(top="shape[0] // 2", left="shape[1] // 2"),
        "axes exchanged": window(top="shape[1] // 2 - rows // 2", left="shape[0] // 2 - columns // 2"),
        "sizes exchanged": window(top="shape[0] // 2 - columns // 2", left="shape[1] // 2 - rows // 2"),
        "square": window(left="shape[0] // 2 - columns // 2", empty="kernel.new_zeros(shape[0], shape[0])"),
        "flipped kernel": window(kernel="kernel.flip(0, 1)"),
        "transposed kernel": window(kernel="kernel.T"),
        "conjugate": window(result="(fft2c(picture) * (shape[0] * shape[1]) ** 0.5).conj()"),
        "magnitude": window(result="fft2c(picture).abs() * (shape[0] * shape[1]) ** 0.5"),
        "real part": window(result="fft2c(picture).real * (shape[0] * shape[1]) ** 0.5"),
        "the picture": window(result="picture"),
        "unshifted": window(result="torch.fft.fft2(picture)"),
        "a 3 x 3 kernel": window(kernel="kernel[:3, :3]"),
        "real kernel": window(empty="torch.zeros(shape)", kernel="kernel.real"),
        "the root of the kernel's size": window(result="fft2c(picture) * kernel.numel() ** 0.5"),
        "a constant": window(result="torch.full(shape, kernel.sum().item())"),
        "a whole kernel on one sample": WINDOW.format(**RIGHT_WINDOW).replace(
            "picture[top : top + rows, left : left + columns]", "picture[shape[0] // 2, shape[1] // 2]"
        ),
        "rows and columns of the place exchanged": WINDOW.format(**RIGHT_WINDOW).replace(
            "top + rows, left : left + columns", "top + columns, left : left + rows"
        ),
        "half a sample": window(top="shape[0] / 2 - rows / 2"),
    },
    "my_kspace_step": {
        "no return": "def my_kspace_step(kspace, unit, layers):\n    kspace + 0",
        "the change alone": step(result="change"),
        "subtracted": step(result="kspace - change"),
        "weight not taken off": step(change="to_image(channels, kspace) * unit"),
        "weighted twice": step(change="to_image(channels, kspace) * scale"),
        "unit not put back": step(change="to_image(channels, kspace) / radial_weight(kspace)"),
        "unit divided twice": step(change="to_image(channels, kspace) / radial_weight(kspace) / unit"),
        "nothing taken off": step(change="to_image(channels, kspace)"),
        "no weight": step(scale="1 / unit"),
        "no unit": step(scale="radial_weight(kspace)"),
        "the inverse weight": step(scale="1 / radial_weight(kspace) / unit"),
        "times the unit": step(scale="radial_weight(kspace) * unit"),
        "weight on the way out only": step(channels="layers(to_channels(kspace / unit))"),
        "weighted k-space added": step(result="kspace * scale + change"),
        "on the image": step(
            channels="layers(to_channels(ifft2c(kspace) / unit))", change="fft2c(to_image(channels, kspace) * unit)"
        ),
        "channels exchanged": step(channels="layers(to_channels(kspace * scale).flip(1))"),
        "complex to the layers": step(channels="layers((kspace * scale)[None, None])"),
        "magnitude to the layers": step(channels="layers((kspace * scale).abs()[None, None])"),
        "real change": step(result="kspace + change.real"),
        "nothing": step(result="kspace"),
        "no layers": step(channels="to_channels(kspace * scale)"),
        "twice the layers": step(channels="layers(layers(to_channels(kspace * scale)))"),
        "channels come back": step(change="channels", result="change"),
        "in place": (
            "def my_kspace_step(kspace, unit, layers):\n"
            "    scale = radial_weight(kspace) / unit\n"
            "    kspace *= scale\n"
            "    return (kspace + to_image(layers(to_channels(kspace)), kspace)) / scale"
        ),
        "nothing like it": step(change="to_image(channels) / scale"),
        "parts along the last axis": step(
            channels="layers((torch.stack([kspace.real, kspace.imag], -1) * scale)[None])"
        ),
    },
    "my_neighbour_weights": {
        "no return": "def my_neighbour_weights(kspace, offsets):\n    len(offsets)",
        "the other direction": fit(column="kspace.roll((dy, dx), (0, 1)).flatten()"),
        "axes exchanged": fit(column="kspace.roll((-dx, -dy), (0, 1)).flatten()"),
        "ky alone": fit(column="kspace.roll(-dy, 0).flatten()"),
        "each alone": fit(result="(matrix.conj() * goal).sum(0) / matrix.abs().square().sum(0)"),
        "correlations": fit(result="(matrix.mH @ goal)[:, 0]"),
        "transposed only": fit(result="torch.linalg.solve(matrix.mT @ matrix, matrix.mT @ goal)[:, 0]"),
        "conjugate": fit(result="torch.linalg.lstsq(matrix, goal).solution[:, 0].conj()"),
        "magnitudes": fit(matrix="torch.stack(columns, -1).abs()", goal="kspace.abs().flatten()[:, None]"),
        "real parts": fit(matrix="torch.stack(columns, -1).real", goal="kspace.real.flatten()[:, None]"),
        "a mean": fit(result="torch.full((len(offsets),), 1 / len(offsets), dtype=kspace.dtype)"),
        "of the image": fit(
            column="ifft2c(kspace).roll((-dy, -dx), (0, 1)).flatten()", goal="ifft2c(kspace).flatten()[:, None]"
        ),
        "a column": fit(result="torch.linalg.lstsq(matrix, goal).solution"),
        "the whole answer of lstsq": fit(result="torch.linalg.lstsq(matrix, goal)"),
        "the prediction": fit(result="(matrix @ torch.linalg.lstsq(matrix, goal).solution)[:, 0]"),
        "the goal among the neighbours": fit(
            matrix="torch.stack([*columns, kspace.flatten()], -1)",
            result="torch.linalg.lstsq(matrix, goal).solution[:-1, 0]",
        ),
        "first neighbour only": fit(matrix="torch.stack(columns[:1], -1)"),
        "regularised too much": fit(
            result="torch.linalg.solve(matrix.mH @ matrix + 500 * torch.eye(len(offsets)), matrix.mH @ goal)[:, 0]"
        ),
        "transposed k-space": fit(column="kspace.T.roll((-dy, -dx), (0, 1)).flatten()"),
        "one row of k-space": fit(column="kspace.roll((-dy, -dx), (0, 1))[0]", goal="kspace[0][:, None]"),
        "crashes": fit(matrix="torch.stack(columns)"),
        "rows for columns": fit(matrix="torch.stack(columns, 0)"),
        "rows for columns, normal equations": fit(
            matrix="torch.stack(columns)", result="torch.linalg.solve(matrix.mH @ matrix, matrix.mH @ goal)[:, 0]"
        ),
        "one after the other": fit(matrix="torch.cat(columns)"),
        "pictures for columns": fit(column="kspace.roll((-dy, -dx), (0, 1))"),
        "pictures for columns and goal": fit(column="kspace.roll((-dy, -dx), (0, 1))", goal="kspace"),
        "a goal without its axis": fit(goal="kspace.flatten()"),
        "all that lstsq gives": fit(result="torch.linalg.lstsq(matrix, goal)[:, 0]"),
        "a roll without axes": fit(column="kspace.roll((-dy, -dx)).flatten()"),
        "real columns": fit(matrix="torch.stack(columns, -1).real"),
    },
}

RIGHT = {
    "my_put_back": {
        "where": put_back("torch.where(mask, measured, predicted)"),
        "by products": put_back("mask * measured + ~mask * predicted"),
        "by a difference": put_back("predicted + mask * (measured - predicted)"),
        "masked fill": put_back("predicted.masked_fill(mask, 0) + measured.masked_fill(~mask, 0)"),
        "by an index as large as k-space": indexed(),
    },
    "my_kernel_window": {
        "as in the lesson": window(),
        "complex zeros": window(empty="torch.zeros(shape, dtype=kernel.dtype)"),
        "a sum of waves": (
            "def my_kernel_window(kernel, shape):\n"
            "    y = (torch.arange(shape[0]) - shape[0] // 2)[:, None]\n"
            "    x = torch.arange(shape[1]) - shape[1] // 2\n"
            "    total = 0\n"
            "    for row in range(kernel.shape[0]):\n"
            "        for column in range(kernel.shape[1]):\n"
            "            dy = row - kernel.shape[0] // 2\n"
            "            dx = column - kernel.shape[1] // 2\n"
            "            turns = dy * y / shape[0] + dx * x / shape[1]\n"
            "            total = total + kernel[row, column].cpu() * torch.exp(-2j * torch.pi * turns)\n"
            "    return total.to(kernel.device)"
        ),
    },
    "my_kspace_step": {
        "as in the lesson": step(),
        "one weight after the other": step(
            channels="layers(to_channels(kspace * radial_weight(kspace) / unit))",
            change="to_image(channels, kspace) / radial_weight(kspace) * unit",
        ),
        "channels by hand": (
            "def my_kspace_step(kspace, unit, layers):\n"
            "    seen = kspace * radial_weight(kspace) / unit\n"
            "    out = layers(torch.stack([seen.real, seen.imag])[None])[0]\n"
            "    return kspace + torch.complex(out[0], out[1]) * unit / radial_weight(kspace)"
        ),
    },
    "my_neighbour_weights": {
        "as in the lesson": fit(),
        "normal equations": fit(result="torch.linalg.solve(matrix.mH @ matrix, matrix.mH @ goal)[:, 0]"),
        "pseudo-inverse": fit(result="(torch.linalg.pinv(matrix) @ goal)[:, 0]"),
        "inside the edges": fit(column="kspace.roll((-dy, -dx), (0, 1)).reshape(-1)", goal="kspace.reshape(-1, 1)"),
    },
}


SAYS = {
    ("my_put_back", "the mask as an index"): "The mask (27, 1) does not fit the tensor (27, 22) axis by axis.",
    ("my_put_back", "the squeezed mask as an index"): "The mask (27, 22) does not fit the tensor (2, 27, 22)",
    ("my_put_back", "all measured samples into some places"): "choose them on the right in the same way",
    ("my_put_back", "the mask as an index of lines"): "than the tensor has axes, 2",
    ("my_put_back", "by index"): "The first column of the mask is taken for all",
    ("my_put_back", "sample by sample"): "A mask of lines is (ky, 1)",
    ("my_put_back", "if"): "want one True or False",
    ("my_put_back", "one minus the mask"): "turned round with `~mask`",
    ("my_put_back", "two arguments"): "Keep the first line of the function",
    ("my_kernel_window", "a whole kernel on one sample"): "2 axes does not fit into a place of 0",
    ("my_kernel_window", "rows and columns of the place exchanged"): "shape (5, 3) does not fit into (3, 5)",
    ("my_kernel_window", "half a sample"): "has to be a whole number",
    ("my_kspace_step", "nothing like it"): "`to_image` needs more arguments",
    ("my_kspace_step", "parts along the last axis"): "along axis 2 one has 2 places, the other 22",
    (
        "my_neighbour_weights",
        "rows for columns",
    ): "here (594, 1), and the goal (594, 1): flatten each neighbour, and stack",
    ("my_neighbour_weights", "crashes"): "a column for each neighbour",
    ("my_neighbour_weights", "rows for columns, normal equations"): "a column for each neighbour",
    ("my_neighbour_weights", "one after the other"): "stack them along the last axis",
    ("my_neighbour_weights", "pictures for columns"): "flatten each neighbour",
    ("my_neighbour_weights", "pictures for columns and goal"): "expected (1,): flatten each neighbour",
    ("my_neighbour_weights", "a goal without its axis"): "gives weights without one",
    ("my_neighbour_weights", "all that lstsq gives"): "A tuple has no axes",
    ("my_neighbour_weights", "a roll without axes"): "one axis for each shift",
    ("my_neighbour_weights", "real columns"): "Numbers of two kinds meet",
}


@pytest.mark.parametrize(("name", "mistake"), SAYS)
def test_a_mistake_is_called_by_its_name(request, name, mistake):
    assert SAYS[name, mistake] in str(verdict(request.module, name, WRONG[name][mistake]))
