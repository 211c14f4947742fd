"""What an object keeps to be fast never outlives what it was made from, whether that is replaced or written to."""

import importlib
import math
import pkgutil
from dataclasses import fields, is_dataclass, replace
from functools import cached_property

import pytest
import torch

import mricourse
from mricourse.physics.fourier import random_complex
from mricourse.physics.nufft import NufftOperator
from mricourse.physics.operators import SenseOperator
from mricourse.physics.radon import RadonOperator
from mricourse.physics.sampling import equispaced_mask, radial_trajectory, variable_density_mask
from mricourse.simulate.training_scans import SimulatedScans

SHAPE = (12, 10)
IMAGE = random_complex(*SHAPE, seed=9)
LINES = equispaced_mask(12, 2, acs=4)
POINTS = variable_density_mask(SHAPE, 2, acs=4)


def sense(mask=LINES, n_coils=3):
    return SenseOperator(random_complex(n_coils, *SHAPE), mask.clone())


OPERATORS = {  # what each one keeps is made from these fields
    "SENSE": (sense, {"smaps": random_complex(3, *SHAPE, seed=5), "mask": POINTS}),
    "NUFFT": (
        lambda: NufftOperator(radial_trajectory(5, 16), random_complex(3, *SHAPE)),
        {"trajectory": radial_trajectory(7, 16, golden=False), "smaps": random_complex(3, *SHAPE, seed=5)},
    ),
    "Radon": (
        lambda: RadonOperator(torch.linspace(0, 3, 7), SHAPE),
        {"angles_rad": torch.linspace(0.1, 2, 7), "shape": (10, 12)},
    ),
}


def dataclasses():
    for module in pkgutil.walk_packages(mricourse.__path__, "mricourse."):
        if not module.name.endswith("__main__"):
            for each in vars(importlib.import_module(module.name)).values():
                if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.name:
                    yield each


def test_no_dataclass_takes_what_it_keeps_as_an_argument():
    """`dataclasses.replace` hands arguments on: what was found for the old fields would answer for the new ones."""
    found = [each for each in dataclasses() if any(part.name.startswith("_") for part in fields(each))]
    assert {SenseOperator, NufftOperator, RadonOperator, SimulatedScans} <= {*found}
    for each in found:
        assert not [
            part.name
            for part in fields(each)
            if part.default_factory in (dict, list) and part.init and part.name[0] == "_"
        ]


def test_no_dataclass_keeps_what_a_write_would_make_stale():
    kept = [
        f"{each.__name__}.{name}"
        for each in dataclasses()
        for name, value in vars(each).items()
        if isinstance(value, cached_property)
    ]
    assert not kept, "cached_property never looks again"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (_, other) in OPERATORS.items() for name in other])
def test_replacing_a_field_forgets_what_was_kept(kind, name):
    make, others = OPERATORS[kind]
    A, changed = make(), {name: others[name]}
    A.normal(IMAGE)
    image = IMAGE.mT.contiguous() if name == "shape" else IMAGE
    fresh = type(A)(**{part.name: getattr(A, part.name) for part in fields(A) if part.init} | changed)
    assert torch.equal(replace(A, **changed).normal(image), fresh.normal(image))
    assert torch.equal(A.normal(IMAGE), make().normal(IMAGE)), "the old one is as it was"


def test_replacing_the_seed_of_scans_forgets_the_draws():
    options = {"matrix": (48, 48), "n_coils": (3, 3), "acs": (12, 12), "pool": 1, "reuse": 1}
    first = SimulatedScans("train", 1, **options)
    first[0]
    assert torch.equal(replace(first, seed=2)[0].kspace, SimulatedScans("train", 2, **options)[0].kspace)


def test_writing_to_a_scan_does_not_write_to_the_draw_that_it_is_of():
    options = {"matrix": (48, 48), "n_coils": (3, 3), "acs": (12, 12), "pool": 1, "reuse": 8}
    scans = SimulatedScans("train", 1, **options)
    before = [scans[i].smaps.clone() for i in range(6)]
    for i in range(6):
        scans[i].smaps.mul_(2)
        scans[i].kspace.mul_(2)
    assert all(torch.equal(scans[i].smaps, before[i]) for i in range(6))


WRITES = {
    "in place": lambda x: x.mul_(2),
    "through a view": lambda x: x[0].mul_(2),
    "one entry": lambda x: x[0, 3].fill_(5),
    "behind torch's back": lambda x: x.data.mul_(2),
    "by NumPy, in the memory that both share": lambda x: x.numpy().__imul__(2),
    "another tensor's values": lambda x: setattr(x, "data", 2 * x.data),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("mask", [LINES, POINTS], ids=["lines", "points"])
def test_maps_that_are_written_to(write, mask):
    A = sense(mask)
    A.normal(IMAGE)
    WRITES[write](A.smaps)
    assert torch.allclose(A.normal(IMAGE), A.plain_normal(IMAGE), atol=1e-5)


def test_a_mask_that_is_written_to():
    A = sense()
    A.normal(IMAGE)
    A.mask.logical_not_()
    assert torch.allclose(A.normal(IMAGE), A.plain_normal(IMAGE), atol=1e-5)


@pytest.mark.parametrize("write", ["in place", "one entry", "behind torch's back"])
def test_trajectories_and_angles_that_are_written_to(write):
    for make, name in ((OPERATORS["NUFFT"][0], "trajectory"), (OPERATORS["Radon"][0], "angles_rad")):
        A = make()
        A.normal(IMAGE)
        values = getattr(A, name)
        values.mul_(0.5) if write == "in place" else values.data.mul_(0.5) if "torch" in write else values[2].zero_()
        fresh = type(A)(values, A.smaps) if name == "trajectory" else type(A)(values, A.shape)
        assert torch.equal(A.normal(IMAGE), fresh.normal(IMAGE))


def test_maps_that_an_optimiser_learns_through_one_operator():
    smaps = torch.nn.Parameter(torch.ones(1, *SHAPE, dtype=torch.complex64))
    A, optimiser, losses = SenseOperator(smaps, LINES), torch.optim.SGD([smaps], lr=0.02), []
    with torch.no_grad():
        wanted = 1.5 * A.normal(IMAGE)  # what is kept here must not serve where gradients are wanted
    for _ in range(30):
        loss = (A.normal(IMAGE) - wanted).abs().square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    with torch.no_grad():
        assert torch.allclose(A.normal(IMAGE), A.plain_normal(IMAGE), atol=1e-5)


def test_what_was_kept_in_inference_serves_a_training():
    A, image = sense(), IMAGE.clone().requires_grad_()
    with torch.inference_mode():
        A.normal(IMAGE)
    A.normal(image).abs().sum().backward()
    assert image.grad.abs().max() > 0
    with torch.inference_mode():
        inside = sense()
        inside.normal(IMAGE)
        inside.smaps.mul_(2)
        assert torch.allclose(inside.normal(IMAGE), inside.plain_normal(IMAGE), atol=1e-5)


def test_a_copy_keeps_to_its_own_maps():
    from copy import deepcopy

    A = sense()
    A.smaps.mul_(1)
    A.normal(IMAGE)
    other = deepcopy(A)
    other.smaps.mul_(2)
    assert torch.allclose(other.normal(IMAGE), 4 * A.normal(IMAGE), rtol=1e-4, atol=1e-4)
    assert math.isclose(float(A.normal(IMAGE).norm()), float(A.plain_normal(IMAGE).norm()), rel_tol=1e-5)
