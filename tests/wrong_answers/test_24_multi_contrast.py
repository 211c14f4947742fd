"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
)

STEP = """
def my_data_step(z, kspace, mask, weights):
    weight = {weight}
    samples = {samples}
    return {result}
"""
RIGHT_STEP = {
    "weight": "weights[:, None, None] * mask",
    "samples": "(fft2c(z) + weight * kspace) / (1 + weight)",
    "result": "ifft2c(samples)",
}

JOINT = """
def my_joint_input(images):
    alike = {alike}
    pairs = {pairs}
    return {result}
"""
RIGHT_JOINT = {
    "alike": "images / (smooth_phase(images) * brightness(images))",
    "pairs": "torch.stack([alike.real, alike.imag], dim=1)",
    "result": "pairs.flatten(0, 1)",
}

STRANGERS = """
def my_strangers(images, kept):
    strangers = {strangers}
    strangers[:, {kept}] = images[:, {kept}]
    return {result}
"""
RIGHT_STRANGERS = {"strangers": "images.roll(-1, dims=0)", "kept": "kept", "result": "strangers"}

RESPONSE = """
def my_lesion_response(present, without, template):
    change = {change}
    return {result}
"""
RIGHT_RESPONSE = {"change": "present.abs() - without.abs()", "result": "(template * change).sum(dim=(-2, -1))"}


def step(**changes):
    return STEP.format(**RIGHT_STEP | changes)


def joint(**changes):
    return JOINT.format(**RIGHT_JOINT | changes)


def strangers(**changes):
    return STRANGERS.format(**RIGHT_STRANGERS | changes)


def response(**changes):
    return RESPONSE.format(**RIGHT_RESPONSE | changes)


WRONG = {
    "my_data_step": {
        "no return": "def my_data_step(z, kspace, mask, weights):\n    samples = fft2c(z)",
        "no mask": step(weight="weights[:, None, None]"),
        "lambda at z": step(
            samples="torch.where(mask, (weights[:, None, None] * fft2c(z) + kspace) / (1 + weights[:, None, None]), fft2c(z))"
        ),
        "lambda at z, everywhere": step(samples="(weight * fft2c(z) + kspace) / (1 + weight)"),
        "replaced": step(samples="torch.where(mask, kspace, fft2c(z))"),
        "kept measured only": step(samples="mask * (fft2c(z) + weight * kspace) / (1 + weight)"),
        "not divided": step(samples="fft2c(z) + weight * kspace"),
        "a gradient step": step(samples="fft2c(z) + weight * (kspace - fft2c(z))"),
        "mean of the weights": step(weight="weights.mean() * mask"),
        "first weight": step(weight="weights[0] * mask"),
        "last weight": step(weight="weights[-1] * mask"),
        "weights reversed": step(weight="weights.flip(0)[:, None, None] * mask"),
        "weights along x": step(weight="weights * mask"),
        "mask of any": step(weight="weights[:, None, None] * mask.any(dim=0)"),
        "mask of the first": step(weight="weights[:, None, None] * mask[:1]"),
        "stays in k-space": step(result="samples"),
        "z taken for k-space": step(samples="(z + weight * kspace) / (1 + weight)"),
        "z taken for k-space, no way back": step(samples="(z + weight * kspace) / (1 + weight)", result="samples"),
        "transforms exchanged": step(samples="(ifft2c(z) + weight * kspace) / (1 + weight)", result="fft2c(samples)"),
        "magnitude": step(result="ifft2c(samples).abs()"),
        "real part": step(result="ifft2c(samples).real"),
        "z": step(result="z"),
        "data only": step(result="ifft2c(kspace)"),
        "always 1": step(weight="1.0 * mask"),
        "changes z": step(result="z.copy_(ifft2c(samples))"),
        "one contrast": step(result="ifft2c(samples)[0]"),
        "squared weights": step(weight="weights[:, None, None] ** 2 * mask"),
        "inverse weights": step(weight="mask / weights[:, None, None]"),
    },
    "my_joint_input": {
        "no return": "def my_joint_input(images):\n    alike = images / brightness(images)",
        "phase left in": joint(alike="images / brightness(images)"),
        "phase doubled": joint(alike="images * smooth_phase(images) / brightness(images)"),
        "units left in": joint(alike="images / smooth_phase(images)"),
        "multiplied": joint(alike="images / smooth_phase(images) * brightness(images)"),
        "as it is": joint(alike="images"),
        "reals first": joint(pairs="torch.cat([alike.real, alike.imag])", result="pairs"),
        "reals first, stacked": joint(pairs="torch.stack([alike.real, alike.imag])"),
        "imaginary first": joint(pairs="torch.stack([alike.imag, alike.real], dim=1)"),
        "not joined": joint(result="pairs"),
        "complex": joint(result="alike"),
        "magnitudes": joint(alike="images.abs() / brightness(images) + 0j"),
        "magnitudes alone": joint(result="alike.abs()"),
        "reals alone": joint(result="alike.real"),
        "magnitude and angle": joint(pairs="torch.stack([alike.abs(), alike.angle()], dim=1)"),
        "first brightness": joint(alike="images / (smooth_phase(images) * brightness(images)[:1])"),
        "one brightness": joint(alike="images / (smooth_phase(images) * brightness(images).max())"),
        "one maximum": joint(alike="images / (smooth_phase(images) * images.abs().max())"),
        "mean brightness": joint(alike="images / (smooth_phase(images) * brightness(images).mean())"),
        "first phase": joint(alike="images / (smooth_phase(images)[:1] * brightness(images))"),
        "all phase": joint(alike="images / (torch.sgn(images) * brightness(images))"),
        "maximum": joint(alike="images / (smooth_phase(images) * images.abs().amax((-2, -1), keepdim=True))"),
        "conjugate": joint(alike="(images / (smooth_phase(images) * brightness(images))).conj()"),
        "at the end": joint(pairs="torch.view_as_real(alike)", result="pairs.flatten(0, 1)"),
        "three contrasts always": joint(result="pairs.reshape(6, *images.shape[-2:])"),
        "in place": joint(alike="images.div_(smooth_phase(images) * brightness(images))"),
    },
    "my_strangers": {
        "no return": "def my_strangers(images, kept):\n    strangers = images.roll(-1, dims=0)",
        "the same": strangers(result="images"),
        "all rolled": "def my_strangers(images, kept):\n    return images.roll(-1, dims=0)",
        "the slice before": strangers(strangers="images.roll(1, dims=0)"),
        "contrasts rolled": strangers(strangers="images.roll(-1, dims=1)"),
        "rows rolled": strangers(strangers="images.roll(-1, dims=2)"),
        "always T1w": strangers(kept="0"),
        "always the last": strangers(kept="-1"),
        "the other way round": (
            "def my_strangers(images, kept):\n"
            "    strangers = images.clone()\n"
            "    strangers[:, kept] = images.roll(-1, dims=0)[:, kept]\n"
            "    return strangers"
        ),
        "in place": (
            "def my_strangers(images, kept):\n"
            "    own = images[:, kept].clone()\n"
            "    images.copy_(images.roll(-1, dims=0))\n"
            "    images[:, kept] = own\n"
            "    return images"
        ),
        "an alias": (
            "def my_strangers(images, kept):\n"
            "    strangers = images\n"
            "    strangers[:, kept] = images.roll(-1, dims=0)[:, kept]\n"
            "    return strangers"
        ),
        "partners of slice 0": strangers(strangers="images[:1].expand_as(images).clone()"),
        "reversed": strangers(strangers="images.flip(0)"),
        "rolled without an axis": strangers(strangers="images.roll(-1)"),
        "columns rolled": strangers(strangers="images.roll(-1, dims=3)"),
        "one partner": (
            "def my_strangers(images, kept):\n"
            "    strangers = images.clone()\n"
            "    other = (kept + 1) % images.shape[1]\n"
            "    strangers[:, other] = images.roll(-1, dims=0)[:, other]\n"
            "    return strangers"
        ),
        "two slices on": strangers(strangers="images.roll(-2, dims=0)"),
        "no wrap": strangers(strangers="torch.cat([images[1:], images[-1:]])"),
        "shorter": (
            "def my_strangers(images, kept):\n"
            "    strangers = images[1:].clone()\n"
            "    strangers[:, kept] = images[:-1, kept]\n"
            "    return strangers"
        ),
        "magnitudes": strangers(strangers="images.roll(-1, dims=0).abs()", kept="kept", result="strangers").replace(
            "= images[:, kept]", "= images[:, kept].abs()"
        ),
        "the kept slice": (
            "def my_strangers(images, kept):\n"
            "    strangers = images.roll(-1, dims=0)\n"
            "    strangers[kept] = images[kept]\n"
            "    return strangers"
        ),
        "only the kept one": "def my_strangers(images, kept):\n    return images[:, kept]",
    },
    "my_lesion_response": {
        "no return": "def my_lesion_response(present, without, template):\n    change = present.abs()",
        "wrong sign": response(change="without.abs() - present.abs()"),
        "magnitude of the difference": response(change="(present - without).abs()"),
        "real part": response(change="(present - without).real"),
        "complex": response(change="present - without"),
        "magnitude at the end": response(result="(template * change).sum(dim=(-2, -1)).abs()"),
        "mean": response(result="(template * change).mean(dim=(-2, -1))"),
        "disc alone": response(result="(template.clamp_min(0) * change).sum(dim=(-2, -1))"),
        "ring added": response(result="(template.abs() * change).sum(dim=(-2, -1))"),
        "lesion alone": response(change="present.abs()"),
        "without alone": response(change="without.abs()"),
        "no template": response(result="change.sum(dim=(-2, -1))"),
        "one number": response(result="(template * change).sum()"),
        "over contrasts": response(result="(template * change).sum(dim=0)"),
        "one axis": response(result="(template * change).sum(dim=-1)"),
        "first contrast": response(result="(template * change)[0].sum()[None]"),
        "relative": response(
            result="(template * change).sum(dim=(-2, -1)) / (template * without.abs()).sum(dim=(-2, -1))"
        ),
        "at the brightest pixel": response(result="change.amax(dim=(-2, -1))"),
        "in place": response(change="present.abs() - without.abs() + 0 * template.mul_(2).sum()"),
        "squares": response(change="present.abs() ** 2 - without.abs() ** 2"),
        "a constant": "def my_lesion_response(present, without, template):\n    return torch.tensor([0.2, -0.3])",
    },
}

RIGHT = {
    "my_data_step": {
        "as asked": step(),
        "where": step(
            weight="weights[:, None, None]",
            samples="torch.where(mask, (fft2c(z) + weight * kspace) / (1 + weight), fft2c(z))",
        ),
        "a correction": step(result="z + ifft2c(weight / (1 + weight) * (kspace - fft2c(z)))"),
        "a loop": (
            "def my_data_step(z, kspace, mask, weights):\n"
            "    images = []\n"
            "    for image, data, lines, weight in zip(z, kspace, mask, weights):\n"
            "        samples = fft2c(image)\n"
            "        joined = (samples + weight * data) / (1 + weight)\n"
            "        images.append(ifft2c(torch.where(lines, joined, samples)))\n"
            "    return torch.stack(images)"
        ),
    },
    "my_joint_input": {
        "as asked": joint(),
        "view_as_real": joint(pairs="torch.view_as_real(alike).permute(0, 3, 1, 2)"),
        "by the conjugate": joint(alike="images * smooth_phase(images).conj() / brightness(images)"),
        "a loop": (
            "def my_joint_input(images):\n"
            "    channels = []\n"
            "    for image in images:\n"
            "        alike = image / smooth_phase(image) / brightness(image)\n"
            "        channels += [alike.real, alike.imag]\n"
            "    return torch.stack(channels)"
        ),
    },
    "my_strangers": {
        "as asked": strangers(),
        "by cat": strangers(strangers="torch.cat([images[1:], images[:1]])"),
        "by index": strangers(strangers="images[(torch.arange(len(images)) + 1) % len(images)]"),
        "a loop": (
            "def my_strangers(images, kept):\n"
            "    strangers = images.clone()\n"
            "    for number in range(images.shape[1]):\n"
            "        if number != kept:\n"
            "            strangers[:, number] = images[:, number].roll(-1, dims=0)\n"
            "    return strangers"
        ),
    },
    "my_lesion_response": {
        "as asked": response(),
        "two readings": response(
            result="(template * present.abs()).sum((1, 2)) - (template * without.abs()).sum((1, 2))"
        ),
        "einsum": response(result="torch.einsum('cyx,yx->c', change, template)"),
    },
}

SAYS = {
    ("my_data_step", "no mask"): "The mask is missing",
    ("my_data_step", "weights along x"): "Do weights lack two axes",
    ("my_data_step", "data only"): "z never comes in",
    ("my_data_step", "weights reversed"): "wrong order",
    ("my_data_step", "z taken for k-space"): "take fft2c of z first",
    ("my_data_step", "z taken for k-space, no way back"): "Two things",
    ("my_data_step", "always 1"): "lambda is missing",
    ("my_data_step", "lambda at z, everywhere"): "it belongs to the measured sample",
    ("my_data_step", "squared weights"): "Lambda is squared",
    ("my_joint_input", "phase doubled"): "turned the wrong way",
    ("my_joint_input", "mean brightness"): "mean of the brightnesses",
    ("my_joint_input", "one maximum"): "divided by one number",
    ("my_joint_input", "three contrasts always"): "A size is fixed",
    ("my_joint_input", "reals first"): "The real parts come first",
    ("my_strangers", "in place"): "changes its arguments",
    ("my_strangers", "all rolled"): "All contrasts moved on together",
    ("my_strangers", "the slice before"): "roll by -1",
    ("my_strangers", "rolled without an axis"): "give it dims=0",
    ("my_strangers", "the kept slice"): "the second axis",
    ("my_strangers", "no wrap"): "those of slice 0",
    ("my_lesion_response", "magnitude of the difference"): "take both magnitudes first",
    ("my_lesion_response", "squares"): "Squares",
    ("my_lesion_response", "one number"): "over the last two axes",
    ("my_lesion_response", "without alone"): "without the lesion alone",
    ("my_lesion_response", "at the brightest pixel"): "largest change",
}


@pytest.mark.parametrize(("name", "mistake"), SAYS)
def test_a_mistake_is_called_by_its_name(request, name, mistake):
    assert SAYS[name, mistake] in str(verdict(request.module, name, WRONG[name][mistake]))
