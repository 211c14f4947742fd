"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import *  # noqa: F403 (its tests go over the tables)

MAP = "def my_hallucination_map(image, truth, mask):\n    return {}"
RESPONSE = """
def my_local_response(reconstruct, A, kspace, delta, amplitude):
    before = reconstruct(A, kspace)
    phase = {phase}
    change = {change}
    after = reconstruct(A, {data})
    return {result}
"""
RIGHT_RESPONSE = {
    "phase": "torch.exp(1j * before.angle())",
    "change": "amplitude * delta * phase",
    "data": "kspace + A.forward(change)",
    "result": "(after - before) / amplitude * phase.conj()",
}
STEP = """
def my_ascent_step(perturbation, gradient, size):
    uphill = {uphill}
    return {result}
"""
RIGHT_STEP = {
    "uphill": "perturbation + 0.5 * size * gradient / gradient.norm()",
    "result": "size * uphill / uphill.norm()",
}
FOUND = "def my_lesions_found(readings, free, false_alarms):\n    threshold = {}\n    return {}"


def response(**changes):
    return RESPONSE.format(**RIGHT_RESPONSE | changes)


def step(**changes):
    return STEP.format(**RIGHT_STEP | changes)


WRONG = {
    "my_hallucination_map": {
        "no return": "def my_hallucination_map(image, truth, mask):\n    error = image - truth",
        "seen part": MAP.format("ifft2c(mask * fft2c(image - truth))"),
        "whole error": MAP.format("image - truth"),
        "of the image": MAP.format("ifft2c(~mask * fft2c(image))"),
        "of the truth": MAP.format("ifft2c(~mask * fft2c(truth))"),
        "sign": MAP.format("ifft2c(~mask * fft2c(truth - image))"),
        "k-space": MAP.format("~mask * fft2c(image - truth)"),
        "mask on the image": MAP.format("~mask * (image - truth)"),
        "magnitudes": MAP.format("ifft2c(~mask * fft2c(image.abs() - truth.abs()))"),
        "magnitude": MAP.format("ifft2c(~mask * fft2c(image - truth)).abs()"),
        "real part": MAP.format("ifft2c(~mask * fft2c(image - truth)).real"),
        "energy": MAP.format("ifft2c(~mask * fft2c(image - truth)).abs().square().sum()"),
        "minus the mask": MAP.format("ifft2c(-1.0 * mask * fft2c(image - truth))"),
        "exchanged": MAP.format("fft2c(~mask * ifft2c(image - truth))"),
        "twice the error": MAP.format("2 * ifft2c(~mask * fft2c(image - truth))"),
    },
    "my_local_response": {
        "complete data": response(data="kspace + fft2c(A.smaps * change)"),
        "no phase": response(change="amplitude * delta + 0j"),
        "no phase at all": response(phase="torch.ones_like(before)"),
        "phase left in": response(result="(after - before) / amplitude"),
        "phase twice": response(result="(after - before) / amplitude * phase"),
        "conjugate": response(change="amplitude * delta * phase.conj()"),
        "not divided": response(result="(after - before) * phase.conj()"),
        "amplitude missing": response(change="delta * phase"),
        "not subtracted": response(result="after / amplitude * phase.conj()"),
        "sign": response(result="(before - after) / amplitude * phase.conj()"),
        "magnitudes": response(result="(after.abs() - before.abs()) / amplitude"),
        "whole image": response(change="amplitude * delta * before"),
        "real part": response(result="((after - before) / amplitude * phase.conj()).real"),
        "angle alone": response(phase="before.angle() + 0j"),
        "change in the image": response(result="delta * phase * phase.conj()"),
        "no return": "def my_local_response(reconstruct, A, kspace, delta, amplitude):\n    reconstruct(A, kspace)",
        "data alone": response(data="A.forward(change)"),
        "adds in place": response(data="kspace.add_(A.forward(change))"),
    },
    "my_ascent_step": {
        "downhill": step(uphill="perturbation - 0.5 * size * gradient / gradient.norm()"),
        "not scaled": step(result="uphill"),
        "length 1": step(result="uphill / uphill.norm()"),
        "gradient not scaled": step(uphill="perturbation + 0.5 * size * gradient"),
        "size missing": step(uphill="perturbation + 0.5 * gradient / gradient.norm()"),
        "full step": step(uphill="perturbation + size * gradient / gradient.norm()"),
        "gradient alone": step(uphill="gradient"),
        "no gradient": step(uphill="perturbation"),
        "largest sample": step(result="size * uphill / uphill.abs().max()"),
        "each coil": step(result="size * uphill / uphill.flatten(1).norm(dim=1)[:, None, None]"),
        "squared": step(result="size * uphill / uphill.norm() ** 2"),
        "sign": step(uphill="perturbation + 0.5 * size * torch.sgn(gradient)"),
        "conjugate": step(uphill="perturbation + 0.5 * size * gradient.conj() / gradient.norm()"),
        "only shorter": step(result="uphill * min(1.0, float(size / uphill.norm()))"),
        "sum of magnitudes": step(result="size * uphill / uphill.abs().sum()"),
        "magnitude": step(result="(size * uphill / uphill.norm()).abs()"),
        "no return": "def my_ascent_step(perturbation, gradient, size):\n    uphill = perturbation + gradient",
        "in place": step(uphill="perturbation.add_(0.5 * size * gradient / gradient.norm())"),
    },
    "my_lesions_found": {
        "wrong end": FOUND.format("torch.quantile(free, false_alarms)", "(readings > threshold).float()"),
        "of the lesions": FOUND.format("torch.quantile(readings, 1 - false_alarms)", "(readings > threshold).float()"),
        "below": FOUND.format("torch.quantile(free, 1 - false_alarms)", "(readings < threshold).float()"),
        "share": FOUND.format("false_alarms", "(readings > threshold).float()"),
        "mean": FOUND.format("free.mean()", "(readings > threshold).float()"),
        "largest": FOUND.format("free.max()", "(readings > threshold).float()"),
        "one number": FOUND.format("torch.quantile(free, 1 - false_alarms)", "(readings > threshold).float().mean()"),
        "readings": FOUND.format("torch.quantile(free, 1 - false_alarms)", "readings * (readings > threshold)"),
        "minus": FOUND.format("torch.quantile(free, 1 - false_alarms)", "readings - threshold"),
        "false alarms": FOUND.format("torch.quantile(free, 1 - false_alarms)", "(free > threshold).float()"),
        "half": FOUND.format("torch.quantile(free, 1 - false_alarms / 2)", "(readings > threshold).float()"),
        "magnitudes": FOUND.format("torch.quantile(free.abs(), 1 - false_alarms)", "(readings > threshold).float()"),
        "no return": "def my_lesions_found(readings, free, false_alarms):\n    threshold = free.mean()",
    },
}
RIGHT = {
    "my_hallucination_map": {
        "error minus seen": MAP.format("(image - truth) - ifft2c(mask * fft2c(image - truth))"),
        "difference of parts": MAP.format("ifft2c(~mask * fft2c(image)) - ifft2c(~mask * fft2c(truth))"),
        "torch.where": MAP.format("ifft2c(torch.where(mask, 0, fft2c(image - truth)))"),
    },
    "my_local_response": {
        "polar": response(phase="torch.polar(torch.ones_like(before.real), before.angle())"),
        "sign": response(phase="torch.sgn(before)"),
        "through a changed image": response(data="kspace + amplitude * A.forward(delta * phase)"),
        "divided by the phase": response(result="(after - before) / (amplitude * phase)"),
    },
    "my_ascent_step": {
        "root of squares": step(result="size * uphill / uphill.abs().square().sum().sqrt()"),
        "scaled first": (
            "def my_ascent_step(perturbation, gradient, size):\n"
            "    uphill = perturbation / size + gradient / (2 * gradient.norm())\n"
            "    return uphill * (size / uphill.norm())"
        ),
    },
    "my_lesions_found": {
        "one by one": (
            "def my_lesions_found(readings, free, false_alarms):\n"
            "    threshold = torch.quantile(free, 1 - false_alarms)\n"
            "    return torch.tensor([1.0 if each > threshold else 0.0 for each in readings])"
        ),
        "bool": FOUND.format("torch.quantile(free, 1 - false_alarms)", "readings > threshold"),
        "by counting": (
            "def my_lesions_found(readings, free, false_alarms):\n"
            "    above = (free[None] > readings[:, None]).float().mean(1)\n"
            "    return (above < false_alarms).float()"
        ),
    },
}
