"""Small tasks: each spoils what it says, as it says, and every scan is a function of its number."""

import math
from dataclasses import replace

import pytest
import torch

from mricourse import fft2c, ifft2c, random_complex
from mricourse.physics.epi import nyquist_ghost
from mricourse.physics.sampling import acceleration_of
from mricourse.simulate.task_scans import STRENGTHS, TaskScans
from mricourse.training.recipes import parse_recipe

RANGES = {
    "denoising": (1, 1),
    "super_resolution": (2, 3),
    "undersampling": (2, 4),
    "ghosting": (0.3, 1.2),
    "motion": (1, 2),
}


def scans(task, **options):
    options = {"shape": (48, 40), "strength": RANGES[task], "noise_std": (0.004, 0.02)} | options
    return TaskScans("train", 5, task=task, **options)


@pytest.mark.parametrize("task", STRENGTHS)
def test_a_scan_depends_on_its_number_alone(task):
    first, again = scans(task)[7], scans(task)[7]
    assert torch.equal(first.kspace, again.kspace) and torch.equal(first.reference, again.reference)
    assert not torch.equal(first.kspace, scans(task)[8].kspace)
    assert not torch.equal(first.reference, replace(scans(task), split="test")[7].reference)
    assert not torch.equal(first.reference, replace(scans(task), seed=6)[7].reference)


@pytest.mark.parametrize("task", STRENGTHS)
def test_a_scan_is_what_its_operator_measures_plus_noise(task):
    still = {"strength": (0, 0)} if task == "motion" else {}  # what motion does is in test_motion.py
    for index in range(6):
        scan = scans(task, **still)[index]
        measured = fft2c(scan.reference)
        if task == "ghosting":
            signs = [(a, b) for a in (1, -1) for b in (1, -1)]
            strength = scan.meta["strength"]
            ghosts = [nyquist_ghost(measured, phase_rad=a * strength, delay=b * strength) for a, b in signs]
            measured = min(ghosts, key=lambda ghost: float((ghost - scan.kspace[0]).norm()))
        error = (scan.kspace[0] - scan.mask * measured)[scan.mask.expand(48, 40)]
        found = float(torch.view_as_real(error).std())
        assert found == pytest.approx(scan.meta["noise_std"], rel=0.1)
        assert 0.004 <= scan.meta["noise_std"] <= 0.02 and scan.reference.abs().max() == pytest.approx(1)


def test_masks_are_those_of_the_task():
    assert all(scans(task)[3].mask.all() for task in ("denoising", "ghosting", "motion"))
    low = scans("super_resolution", strength=(2, 2))[0].mask
    assert low.sum() == 24 * 20 and low[12:36, 10:30].all()
    lines = scans("undersampling", strength=(3, 3))[0]
    assert acceleration_of(lines.mask) == pytest.approx(3, abs=0.01) and lines.mask[22:26].all()
    assert not torch.equal(lines.mask, scans("undersampling", strength=(3, 3))[1].mask)


def test_motion_spoils_each_line_by_its_shot():
    scan = scans("motion", noise_std=(1e-6, 1e-6))[2]
    off = (scan.kspace[0] - fft2c(scan.reference)).abs().sum(-1) > 1e-3
    assert off.all() and scan.meta["strength"] >= 1
    assert float(scan.kspace.norm()) == pytest.approx(float(scan.reference.norm()), rel=0.02)


def test_few_slices_come_again_with_other_noise():
    few = scans("undersampling", n_slices=3)
    assert torch.equal(few[1].reference, few[4].reference) and not torch.equal(few[1].kspace, few[4].kspace)
    assert len({float(few[i].reference.abs().sum()) for i in range(12)}) == 3
    assert not torch.equal(few.to_judge("train", 9)[0].reference, few.to_judge("train", 9)[3].reference)


@pytest.mark.parametrize("shape", [(48, 40), (45, 38), (46, 33)])
def test_a_ghost_is_a_cosine_of_the_image_and_a_sine_half_a_field_of_view_away(shape):
    image = random_complex(*shape, dtype=torch.complex128)
    ghosted = ifft2c(nyquist_ghost(fft2c(image), phase_rad=0.7, delay=0.0))
    if shape[0] % 2 == 0:  # an odd number of lines has no half
        expected = math.cos(0.35) * image - 1j * math.sin(0.35) * image.roll(shape[0] // 2, 0)
        assert torch.allclose(ghosted, expected, atol=1e-12)
    back = nyquist_ghost(nyquist_ghost(fft2c(image), phase_rad=0.7, delay=-0.4), phase_rad=-0.7, delay=0.4)
    assert torch.allclose(back, fft2c(image), atol=1e-12)


def test_a_delay_of_whole_samples_moves_odd_and_even_lines_apart():
    kspace = random_complex(8, 16, dtype=torch.complex128)
    late = nyquist_ghost(kspace, phase_rad=0.0, delay=2.0)
    assert torch.allclose(late[1::2], kspace[1::2].roll(1, -1), atol=1e-12)
    assert torch.allclose(late[::2], kspace[::2].roll(-1, -1), atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"task": "magic"}, "task is 'magic'; expected one of denoising"),
        (
            {"task": "undersampling", "strength": (0.5, 2)},
            "strength is \\[0.5, 2\\]; expected two numbers from 1 to 16",
        ),
        ({"task": "super_resolution", "strength": (3, 2)}, "strength is"),
        ({"shape": (16, 96)}, "shape is"),
        ({"shape": (96,)}, "shape is"),
        ({"noise_std": (0.0, 0.1)}, "noise_std is"),
        ({"n_slices": 0}, "n_slices is 0; expected 1 or more"),
    ],
)
def test_what_no_task_can_have_is_refused_in_one_sentence(wrong, words):
    with pytest.raises(ValueError, match=words):
        TaskScans("train", 0, **wrong)


def test_a_recipe_can_ask_for_a_task():
    text = """title = "A"\nseed = 4\n[network]\nkind = "denoiser"\nn_features = 4\n[training]\nn_steps = 5\n[data]\n"""
    recipe = parse_recipe(text + 'kind = "task"\ntask = "undersampling"\nshape = [32, 40]\nstrength = [2, 4]\n', "a")
    assert isinstance(recipe.scans(), TaskScans) and recipe.scans().seed == 4
    judged = recipe.slices("test", 3)
    assert (judged.split, judged.seed, judged.task) == ("test", 3, "undersampling")
    assert judged.ranges()["acceleration"] == [1.4, 4] and judged.ranges()["matrix"] == [32, 40]
    for wrong, words in (
        ('kind = "tasks"', "expected scans, task, contrasts, once, conditions or fat_water"),
        ("kind = 3", "expected scans, task, contrasts, once, conditions or fat_water"),
    ):
        with pytest.raises(ValueError, match=words):
            parse_recipe(text + wrong, "a")
    with pytest.raises(ValueError, match="matrix"):
        parse_recipe(text + 'kind = "task"\nmatrix = [32, 40]', "a")


def test_images_are_those_of_the_scans():
    scans = TaskScans("train", 3, task="undersampling", shape=(32, 40), strength=(2, 2))
    zero_filled, references = scans.images(2)
    assert zero_filled.shape == references.shape == (2, 32, 40)
    assert torch.equal(references[1], scans[1].reference)
    assert torch.allclose(fft2c(zero_filled[1]), scans[1].kspace[0], atol=1e-5)
