"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
)

FILL = """
def my_zero_fill(kspace, shape):
    ny, nx = kspace.shape[-2:]
    top = {top}
    left = {left}
    filled = kspace.new_zeros(*kspace.shape[:-2], *shape)
    filled[..., top : top + ny, left : left + nx] = kspace
    ratio = {ratio}
    return {result}
"""
RIGHT_FILL = {
    "top": "shape[0] // 2 - ny // 2",
    "left": "shape[1] // 2 - nx // 2",
    "ratio": "shape[0] * shape[1] / (ny * nx)",
    "result": "ratio**0.5 * ifft2c(filled)",
}

WIDTH = """
def my_edge_width(position, profile):
    middle = {middle}
    low = middle
    while profile[low] > {ten}:
        low -= 1
    high = middle
    while profile[high] < {ninety}:
        high += 1

    def crossing(i, level):
        part = (level - profile[i]) / (profile[i + 1] - profile[i])
        return position[i] + part * (position[i + 1] - position[i])

    return {result}
"""
RIGHT_WIDTH = {
    "middle": "int((profile >= 0.5).nonzero()[0])",
    "ten": "0.1",
    "ninety": "0.9",
    "result": "float(crossing(high - 1, 0.9) - crossing(low, 0.1))",
}

GHOST = """
def my_ghost_phase(odd_line, even_line):
    odd = {odd}
    even = ifftc(even_line, dim=-1)
    q = {q}
    slope = {slope}
    n = len(q)
    x = torch.arange(n) - {zero}
    phase = {phase}
    delay = {delay}
    return {result}
"""
RIGHT_GHOST = {
    "odd": "ifftc(odd_line, dim=-1)",
    "q": "odd * even.conj()",
    "slope": "(q[1:] * q[:-1].conj()).sum().angle()",
    "zero": "n // 2",
    "phase": "(q * torch.exp(-1j * slope * x)).sum().angle()",
    "delay": "slope * n / (2 * torch.pi)",
    "result": "float(phase), float(delay)",
}

RATE = """
def my_detection_rate(without, present, false_alarms):
    threshold = {threshold}
    return {result}
"""
RIGHT_RATE = {
    "threshold": "torch.quantile(without, 1 - false_alarms)",
    "result": "float((present > threshold).float().mean())",
}


def fill(**changes):
    return FILL.format(**RIGHT_FILL | changes)


def width(**changes):
    return WIDTH.format(**RIGHT_WIDTH | changes)


def ghost(**changes):
    return GHOST.format(**RIGHT_GHOST | changes)


def rate(**changes):
    return RATE.format(**RIGHT_RATE | changes)


WRONG = {
    "my_zero_fill": {
        "no return": "def my_zero_fill(kspace, shape):\n    image = ifft2c(kspace)",
        "no factor": fill(result="ifft2c(filled)"),
        "the factor without a root": fill(result="ratio * ifft2c(filled)"),
        "divided": fill(result="ifft2c(filled) / ratio**0.5"),
        "a factor of two always": fill(result="2 * ifft2c(filled)"),
        "factor of one axis": fill(ratio="shape[0] / ny"),
        "factor of the other axis": fill(ratio="(shape[1] / nx) ** 2"),
        "in the corner": fill(top="0", left="0"),
        "half of the difference": fill(top="(shape[0] - ny) // 2", left="(shape[1] - nx) // 2"),
        "half of the difference, rounded up": fill(top="(shape[0] - ny + 1) // 2", left="(shape[1] - nx + 1) // 2"),
        "top and left exchanged": fill(top="shape[1] // 2 - nx // 2", left="shape[0] // 2 - ny // 2"),
        "stays in k-space": fill(result="ratio**0.5 * filled"),
        "fft2c": fill(result="ratio**0.5 * fft2c(filled)"),
        "magnitude": fill(result="(ratio**0.5 * ifft2c(filled)).abs()"),
        "real part": fill(result="(ratio**0.5 * ifft2c(filled)).real"),
        "the small image": "def my_zero_fill(kspace, shape):\n    return ifft2c(kspace)",
        "pixels repeated": (
            "def my_zero_fill(kspace, shape):\n"
            "    image = ifft2c(kspace)\n"
            "    rows = torch.arange(shape[0]) * image.shape[-2] // shape[0]\n"
            "    columns = torch.arange(shape[1]) * image.shape[-1] // shape[1]\n"
            "    return image[..., rows, :][..., columns]"
        ),
        "the image padded": fill(result="filled"),
        "the first of a stack": (
            "def my_zero_fill(kspace, shape):\n"
            "    ny, nx = kspace.shape[-2:]\n"
            "    filled = torch.zeros(shape, dtype=kspace.dtype)\n"
            "    top, left = shape[0] // 2 - ny // 2, shape[1] // 2 - nx // 2\n"
            "    filled[top : top + ny, left : left + nx] = kspace.reshape(-1, ny, nx)[0]\n"
            "    return (shape[0] * shape[1] / ny / nx) ** 0.5 * ifft2c(filled)"
        ),
        "two axes only": fill().replace("kspace.shape[-2:]", "kspace.shape"),
        "changes its argument": fill(result="ratio**0.5 * ifft2c(filled) + 0 * kspace.mul_(2).sum()"),
        "the first axes": fill().replace("filled[..., ", "filled["),
        "a fraction of a row": fill(top="(shape[0] - ny) / 2"),
    },
    "my_edge_width": {
        "no return": "def my_edge_width(position, profile):\n    middle = 3",
        "on samples": width(result="float(position[high] - position[low])"),
        "on samples, inner": width(result="float(position[high - 1] - position[low + 1])"),
        "20 to 80": width(ten="0.2", ninety="0.8", result="float(crossing(high - 1, 0.8) - crossing(low, 0.2))"),
        "counts samples": width(result="float(high - low)"),
        "negative": width(result="float(crossing(low, 0.1) - crossing(high - 1, 0.9))"),
        "half": width(result="float(crossing(high - 1, 0.9) - crossing(low, 0.1)) / 2"),
        "one sample further": width(result="float(crossing(high, 0.9) - crossing(low, 0.1))"),
        "from the first sample above": width(
            middle="int((profile >= 0.9).nonzero()[0])", result="float(position[high])"
        ),
        "walks in from the ends": (
            "def my_edge_width(position, profile):\n"
            "    low = int((profile > 0.1).nonzero()[0])\n"
            "    high = int((profile < 0.9).nonzero()[-1])\n"
            "    return float(position[high] - position[low])"
        ),
        "between the extremes": (
            "def my_edge_width(position, profile):\n"
            "    return float(position[profile.argmax()] - position[profile.argmin()])"
        ),
        "by the steepest slope": (
            "def my_edge_width(position, profile):\n    return float(1 / (profile.diff() / position.diff()).max())"
        ),
        "one sample further down": width(result="float(crossing(high - 1, 0.9) - crossing(low - 1, 0.1))"),
        "last of all below 0.1": width(
            result="float(crossing(high - 1, 0.9) - crossing(int((profile < 0.1).nonzero()[-1]), 0.1))"
        ),
        "last of all below 0.9": width(
            result="float(crossing(int((profile < 0.9).nonzero()[-1]), 0.9) - crossing(low, 0.1))"
        ),
        "first of all above 0.1": width(
            result="float(crossing(high - 1, 0.9) - crossing(int((profile > 0.1).nonzero()[0]) - 1, 0.1))"
        ),
        "from the outside, between the samples": width(
            result="float(crossing(int((profile < 0.9).nonzero()[-1]), 0.9)"
            " - crossing(int((profile > 0.1).nonzero()[0]) - 1, 0.1))"
        ),
        "even steps between the samples": width().replace(
            "(position[i + 1] - position[i])", "(position[1] - position[0])"
        ),
        "even samples taken for granted": width(result="float((high - low - 1) * (position[1] - position[0]))"),
        "from the sample nearest to one half": width(middle="int((profile - 0.5).abs().argmin())"),
        "from the last sample above one half": width(middle="int((profile >= 0.5).nonzero()[-1])"),
        "a pair": width(result="crossing(high - 1, 0.9), crossing(low, 0.1)"),
        "a constant": "def my_edge_width(position, profile):\n    return 0.89",
        "and between two conditions": width(middle="int(((profile > 0.4) and (profile < 0.6)).nonzero()[0])"),
    },
    "my_ghost_phase": {
        "no return": "def my_ghost_phase(odd_line, even_line):\n    q = odd_line * even_line.conj()",
        "one number": ghost(result="float(phase)"),
        "one tensor": ghost(result="phase"),
        "a tensor of one": ghost(result="phase[None]"),
        "mean of the angles of products": ghost(slope="(q[1:] * q[:-1].conj()).angle().mean()"),
        "mean of the angles turned back": ghost(phase="(q * torch.exp(-1j * slope * x)).angle().mean()"),
        "both means of angles": ghost(
            slope="(q[1:] * q[:-1].conj()).angle().mean()", phase="(q * torch.exp(-1j * slope * x)).angle().mean()"
        ),
        "exchanged": ghost(result="float(delay), float(phase)"),
        "conjugate of the odd": ghost(q="odd.conj() * even"),
        "half of both": ghost(result="float(phase) / 2, float(delay) / 2"),
        "slope for the delay": ghost(delay="slope"),
        "without 2 pi": ghost(delay="slope * n"),
        "x from the left": ghost(zero="0"),
        "not turned back": ghost(phase="q.sum().angle()"),
        "turned the wrong way": ghost(phase="(q * torch.exp(1j * slope * x)).sum().angle()"),
        "turned the wrong way, by a slope of its own": ghost(
            slope="-(q[:-1] * q[1:].conj()).sum().angle()", phase="(q / torch.exp(-1j * slope * x)).sum().angle()"
        ),
        "products the wrong way": ghost(slope="(q[:-1] * q[1:].conj()).sum().angle()"),
        "stays in k-space": ghost(odd="odd_line", q="odd * even_line.conj()"),
        "mean of the angles": ghost(phase="q.angle().mean()"),
        "angles between the ends": ghost(slope="(q[-1] * q[0].conj()).angle() / (len(q) - 1)"),
        "no delay": ghost(delay="0.0"),
        "no phase": ghost(phase="0.0"),
        "without the conjugate": ghost(q="odd * even"),
        "a sum without angle": ghost(result="phase, (q[1:] * q[:-1].conj()).sum()"),
        "forward transform": ghost(odd="fftc(odd_line, dim=-1)", q="odd * fftc(even_line, dim=-1).conj()"),
        "a second axis": ghost(odd="ifftc(odd_line, dim=1)"),
        "neighbours of different length": ghost(slope="(q[1:] * q.conj()).sum().angle()"),
    },
    "my_detection_rate": {
        "no return": "def my_detection_rate(without, present, false_alarms):\n    threshold = 1",
        "wrong end": rate(threshold="torch.quantile(without, false_alarms)"),
        "threshold from the lesions": rate(threshold="torch.quantile(present, 1 - false_alarms)"),
        "counts the others": rate(result="float((without > threshold).float().mean())"),
        "sets exchanged": rate(
            threshold="torch.quantile(present, 1 - false_alarms)", result="float((without > threshold).float().mean())"
        ),
        "missed ones": rate(result="float((present < threshold).float().mean())"),
        "a number": rate(result="float((present > threshold).sum())"),
        "per cent": rate(result="100 * float((present > threshold).float().mean())"),
        "always 0.1": rate(threshold="torch.quantile(without, 0.9)"),
        "no alarms at all": rate(threshold="without.max()"),
        "above the mean": rate(threshold="without.mean()"),
        "mean and spread": rate(threshold="without.mean() + without.std()"),
        "pairs": rate(result="float((present[:, None] > without).float().mean())"),
        "divided by the others": rate(result="float((present > threshold).sum() / len(without))"),
        "all of both": rate(threshold="torch.quantile(torch.cat([without, present]), 1 - false_alarms)"),
        "a mask": rate(result="present > threshold"),
        "a constant": "def my_detection_rate(without, present, false_alarms):\n    return 0.5",
        "unsorted": rate(threshold="without[int((1 - false_alarms) * len(without))]"),
        "a quantile in per cent": rate(threshold="torch.quantile(without, 100 * (1 - false_alarms))"),
        "the mean of True and False": rate(result="(present > threshold).mean()"),
    },
}

RIGHT = {
    "my_zero_fill": {
        "as asked": fill(),
        "two roots": fill(ratio="(shape[0] / ny) * (shape[1] / nx)", result="ifft2c(filled) * ratio ** 0.5"),
        "by padding": (
            "def my_zero_fill(kspace, shape):\n"
            "    ny, nx = kspace.shape[-2:]\n"
            "    top, left = shape[0] // 2 - ny // 2, shape[1] // 2 - nx // 2\n"
            "    pad = (left, shape[1] - nx - left, top, shape[0] - ny - top)\n"
            "    filled = torch.nn.functional.pad(kspace, pad)\n"
            "    return ifft2c(filled) * (filled[0, 0].numel() * 0 + shape[0] * shape[1] / (ny * nx)) ** 0.5"
        ),
    },
    "my_edge_width": {
        "as asked": width(),
        "a tensor": width(result="crossing(high - 1, 0.9) - crossing(low, 0.1)"),
        "first of all above 0.9": width(
            result="float(crossing(int((profile >= 0.9).nonzero()[0]) - 1, 0.9) - crossing(low, 0.1))"
        ),
        "by lists": (
            "def my_edge_width(position, profile):\n"
            "    x, p = position.tolist(), profile.tolist()\n"
            "    m = next(i for i, v in enumerate(p) if v >= 0.5)\n"
            "    a = max(i for i in range(m) if p[i] <= 0.1)\n"
            "    b = min(i for i in range(m, len(p)) if p[i] >= 0.9)\n"
            "    start = x[a] + (0.1 - p[a]) / (p[a + 1] - p[a]) * (x[a + 1] - x[a])\n"
            "    end = x[b] - (p[b] - 0.9) / (p[b] - p[b - 1]) * (x[b] - x[b - 1])\n"
            "    return end - start"
        ),
    },
    "my_ghost_phase": {
        "as asked": ghost(),
        "tensors": ghost(result="phase, delay"),
        "polar": ghost(phase="(q * torch.polar(torch.ones(n), -slope * x)).sum().angle()"),
        "a mean": ghost(slope="(q[1:] * q[:-1].conj()).mean().angle()"),
        "a weighted fit of angles that were turned": ghost(
            slope="torch.angle(torch.sum(q[1:] * torch.conj(q[:-1])))", result="[phase, delay]"
        ),
    },
    "my_detection_rate": {
        "as asked": rate(),
        "a tensor": rate(result="(present > threshold).float().mean()"),
        "sorted": rate(
            threshold="without.sort().values[len(without) - 1 - round(false_alarms * len(without))]",
        ),
        "higher": rate(threshold="torch.quantile(without, 1 - false_alarms, interpolation='lower')"),
    },
}

SAYS = {
    ("my_zero_fill", "the first axes"): "does not fit into (0, 4, 9)",
    ("my_zero_fill", "a fraction of a row"): "has to be a whole number",
    ("my_edge_width", "and between two conditions"): "want one True or False",
    ("my_ghost_phase", "a second axis"): "The tensor has no axis 1",
    ("my_ghost_phase", "neighbours of different length"): "along axis 0 one has 47 places, the other 48",
    ("my_detection_rate", "a quantile in per cent"): "`quantile` takes a share",
    ("my_detection_rate", "the mean of True and False"): "have no mean",
    ("my_edge_width", "from the sample nearest to one half"): "start both walks at the first sample",
    ("my_ghost_phase", "turned the wrong way"): "The ramp has the wrong sign",
    ("my_ghost_phase", "turned the wrong way, by a slope of its own"): "The ramp has the wrong sign",
}


@pytest.mark.parametrize(("name", "mistake"), SAYS)
def test_a_mistake_is_called_by_its_name(request, name, mistake):
    assert SAYS[name, mistake] in str(verdict(request.module, name, WRONG[name][mistake]))
