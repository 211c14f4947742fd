"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

SPLIT = """
def my_gaussian_split(mask, points, n_hidden):
    ny, nx = mask.shape
    free = {free}
    {block}
    hidden = torch.zeros_like(mask)
    for {order} in {points}:
        if 0 <= ky < ny and 0 <= kx < nx and free[ky, kx] and {more}:
            hidden[ky, kx] = True
            {taken}
    return {result}
"""
RIGHT_SPLIT = {
    "free": "mask.clone()",
    "block": "free[ny // 2 - 2 : ny // 2 + 2, nx // 2 - 2 : nx // 2 + 2] = False",
    "order": "ky, kx",
    "points": "points.tolist()",
    "more": "hidden.sum() < n_hidden",
    "taken": "free[ky, kx] = False",
    "result": "hidden",
}

PREDICT = """
def my_predict_hidden(network, A, kspace, hidden):
    theta = SenseOperator(A.smaps, {mask})
    image = network({operator}, {samples})
    return {result}
"""
RIGHT_PREDICT = {
    "mask": "A.mask & ~hidden",
    "operator": "theta",
    "samples": "kspace * ~hidden",
    "result": "hidden * fft2c(A.smaps * image.unsqueeze(-3))",
}

LOSS = """
def my_l1_l2(predicted, measured):
    error = {error}
    size = {size}
    l2 = {l2}
    l1 = {l1}
    return {result}
"""
RIGHT_LOSS = {
    "error": "torch.view_as_real(measured - predicted)",
    "size": "torch.view_as_real(measured)",
    "l2": "error.square().sum().sqrt() / size.square().sum().sqrt()",
    "l1": "error.abs().sum() / size.abs().sum()",
    "result": "0.5 * l2 + 0.5 * l1",
}

WEIGHTS = """
def my_split_weights(density, kept):
    hidden = {hidden}
    not_given = {not_given}
    return {result}
"""
RIGHT_WEIGHTS = {
    "hidden": "density * (1 - kept)",
    "not_given": "1 - density * kept",
    "result": "torch.where(hidden > 0, not_given / hidden.clamp_min(1e-12), 0)",
}


def split(**changes):
    return SPLIT.format(**RIGHT_SPLIT | changes)


def predict(**changes):
    return PREDICT.format(**RIGHT_PREDICT | changes)


def loss(**changes):
    return LOSS.format(**RIGHT_LOSS | changes)


def weights(**changes):
    return WEIGHTS.format(**RIGHT_WEIGHTS | changes)


WRONG = {
    "my_gaussian_split": {
        "no return": "def my_gaussian_split(mask, points, n_hidden):\n    hidden = torch.zeros_like(mask)",
        "nothing": split(more="False"),
        "block hidden": split(block=""),
        "not measured": split(free="torch.ones_like(mask)"),
        "not measured, block hidden": split(free="torch.ones_like(mask)", block=""),
        "given": split(result="mask & ~hidden"),
        "no end": split(more="True"),
        "one too many": split(more="hidden.sum() <= n_hidden"),
        "first points only": split(points="points[:n_hidden].tolist()"),
        "axes exchanged": split(order="kx, ky"),
        "from the end": split(points="points.flip(0).tolist()"),
        "block of five": split(block="free[ny // 2 - 2 : ny // 2 + 3, nx // 2 - 2 : nx // 2 + 3] = False"),
        "block of three": split(block="free[ny // 2 - 1 : ny // 2 + 2, nx // 2 - 1 : nx // 2 + 2] = False"),
        "block of lines": split(block="free[ny // 2 - 2 : ny // 2 + 2] = False"),
        "block in the corner": split(block="free[:4, :4] = False"),
        "changes the mask": split(free="mask"),
        "whole numbers": split(result="hidden.int()"),
        "counts points": (
            "def my_gaussian_split(mask, points, n_hidden):\n"
            "    ny, nx = mask.shape\n"
            "    free = mask.clone()\n"
            "    free[ny // 2 - 2 : ny // 2 + 2, nx // 2 - 2 : nx // 2 + 2] = False\n"
            "    hidden = torch.zeros_like(mask)\n"
            "    count = 0\n"
            "    for ky, kx in points.tolist():\n"
            "        if 0 <= ky < ny and 0 <= kx < nx and free[ky, kx] and count < n_hidden:\n"
            "            hidden[ky, kx] = True\n"
            "            count += 1\n"
            "    return hidden"
        ),
        "no limits": (
            "def my_gaussian_split(mask, points, n_hidden):\n"
            "    hidden = torch.zeros_like(mask)\n"
            "    for ky, kx in points.tolist():\n"
            "        if mask[ky, kx] and hidden.sum() < n_hidden:\n"
            "            hidden[ky, kx] = True\n"
            "    return hidden"
        ),
        "random": (
            "def my_gaussian_split(mask, points, n_hidden):\n"
            "    hidden = torch.zeros_like(mask)\n"
            "    places = mask.nonzero()[:n_hidden]\n"
            "    hidden[places[:, 0], places[:, 1]] = True\n"
            "    return hidden"
        ),
    },
    "my_predict_hidden": {
        "no return": "def my_predict_hidden(network, A, kspace, hidden):\n    image = network(A, kspace * ~hidden)",
        "nothing hidden": predict(operator="A", samples="kspace"),
        "operator of all": predict(operator="A"),
        "samples of all": predict(samples="kspace"),
        "the other way round": predict(mask="hidden", samples="kspace * hidden"),
        "all of k-space": predict(result="fft2c(A.smaps * image.unsqueeze(-3))"),
        "given samples": predict(result="theta.forward(image)"),
        "measured samples": predict(result="A.forward(image)"),
        "no maps": predict(result="hidden * fft2c(image).unsqueeze(-3).expand_as(kspace)"),
        "conjugate": predict(result="hidden * fft2c(A.smaps.conj() * image.unsqueeze(-3))"),
        "the image": predict(result="image"),
        "as measured": predict(result="hidden * kspace"),
        "the error": predict(result="hidden * (fft2c(A.smaps * image.unsqueeze(-3)) - kspace)"),
        "magnitude": predict(result="(hidden * fft2c(A.smaps * image.unsqueeze(-3))).abs()"),
        "inverse transform": predict(result="hidden * ifft2c(A.smaps * image.unsqueeze(-3))"),
        "in place": (
            "def my_predict_hidden(network, A, kspace, hidden):\n"
            "    kspace *= ~hidden\n"
            "    image = network(SenseOperator(A.smaps, A.mask & ~hidden), kspace)\n"
            "    return hidden * fft2c(A.smaps * image.unsqueeze(-3))"
        ),
    },
    "my_l1_l2": {
        "no return": "def my_l1_l2(predicted, measured):\n    error = measured - predicted",
        "complex": loss(error="measured - predicted", size="measured", l2="(error.abs() ** 2).sum().sqrt() / "
                        "(size.abs() ** 2).sum().sqrt()"),
        "not halved": loss(result="l2 + l1"),
        "2-norm alone": loss(result="l2"),
        "1-norm alone": loss(result="l1"),
        "half of the 2-norm": loss(result="0.5 * l2"),
        "half of the 1-norm": loss(result="0.5 * l1"),
        "in a unit": loss(l2="error.square().sum().sqrt()", l1="error.abs().sum()"),
        "1-norm in a unit": loss(l1="error.abs().sum()"),
        "2-norm in a unit": loss(l2="error.square().sum().sqrt()"),
        "no root": loss(l2="error.square().sum() / size.square().sum()"),
        "by the prediction": loss(size="torch.view_as_real(predicted)"),
        "mean of magnitudes": loss(l1="error.abs().mean() / size.abs().sum()"),
        "real parts": loss(error="(measured - predicted).real", size="measured.real"),
        "magnitudes": loss(error="measured.abs() - predicted.abs()", size="measured.abs()"),
        "prediction alone": loss(error="torch.view_as_real(predicted)"),
        "a norm for each sample": loss(l1="error.abs().sum(1) / size.abs().sum(1)"),
    },
    "my_split_weights": {
        "no return": "def my_split_weights(density, kept):\n    hidden = density * (1 - kept)",
        "0/0": weights(result="not_given / hidden"),
        "upside down": weights(result="hidden / not_given"),
        "root": weights(result="torch.where(hidden > 0, not_given / hidden.clamp_min(1e-12), 0).sqrt()"),
        "squared": weights(result="torch.where(hidden > 0, not_given / hidden.clamp_min(1e-12), 0) ** 2"),
        "1 / P": weights(result="torch.where(hidden > 0, 1 / density, 0)"),
        "1 / hidden": weights(not_given="1"),
        "P alone not given": weights(not_given="1 - density"),
        "kept for hidden": weights(hidden="density * kept"),
        "exchanged": weights(hidden="kept * (1 - density)"),
        "K": weights(result="torch.where(hidden > 0, (1 - density) / not_given.clamp_min(1e-12), 0)"),
        "without P": weights(hidden="1 - kept"),
        "ones": weights(result="(hidden > 0).double()"),
        "centre counts": weights(result="torch.where(hidden > 0, not_given / hidden.clamp_min(1e-12), 1.0)"),
        "one number": weights(result="(not_given / hidden.clamp_min(1e-12)).mean()"),
    },
}  # fmt: skip
RIGHT = {
    "my_gaussian_split": {
        "as a set": (
            "def my_gaussian_split(mask, points, n_hidden):\n"
            "    ny, nx = mask.shape\n"
            "    rows = range(ny // 2 - 2, ny // 2 + 2)\n"
            "    columns = range(nx // 2 - 2, nx // 2 + 2)\n"
            "    hidden = torch.zeros_like(mask)\n"
            "    found = []\n"
            "    for ky, kx in points.tolist():\n"
            "        if not (0 <= ky < ny and 0 <= kx < nx) or (ky in rows and kx in columns):\n"
            "            continue\n"
            "        if mask[ky, kx] and (ky, kx) not in found and len(found) < n_hidden:\n"
            "            found.append((ky, kx))\n"
            "            hidden[ky, kx] = True\n"
            "    return hidden"
        )
    },
    "my_predict_hidden": {
        "with where": predict(samples="torch.where(hidden, 0, kspace)", result="torch.where(hidden, fft2c(A.smaps * "
                              "image.unsqueeze(-3)), 0)"),
        "by an operator": predict(result="SenseOperator(A.smaps, hidden).forward(image)"),
    },
    "my_l1_l2": {
        "with norms": (
            "def my_l1_l2(predicted, measured):\n"
            "    e, u = predicted - measured, measured\n"
            "    l2 = e.norm() / u.norm()\n"
            "    l1 = (e.real.abs() + e.imag.abs()).sum() / (u.real.abs() + u.imag.abs()).sum()\n"
            "    return (l1 + l2) / 2"
        )
    },
    "my_split_weights": {
        "by K": (
            "def my_split_weights(density, kept):\n"
            "    K = (1 - density) / (1 - kept * density).clamp_min(1e-12)\n"
            "    w = 1 / (1 - K).clamp_min(1e-12)\n"
            "    w[density * (1 - kept) == 0] = 0\n"
            "    return w"
        )
    },
}  # fmt: skip
