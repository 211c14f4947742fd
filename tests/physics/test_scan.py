"""Scan: what it refuses, and what undersampling and moving keep."""

import pytest
import torch

from mricourse.physics.fourier import random_complex
from mricourse.physics.scan import Scan

COILS, NY, NX = 3, 7, 10


def make(**changes):
    fields = {
        "kspace": random_complex(COILS, NY, NX, seed=1),
        "smaps": random_complex(COILS, NY, NX, seed=2),
        "mask": torch.ones(1, 1, dtype=torch.bool),
        "reference": random_complex(NY, NX, seed=3),
    }
    return Scan(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"kspace": torch.zeros(COILS, NY, NX)}, TypeError, "complex"),
        ({"kspace": [1.0]}, TypeError, "Tensor"),
        ({"kspace": random_complex(NY, NX)}, ValueError, "coils, ky, kx"),
        ({"kspace": torch.full((COILS, NY, NX), torch.nan, dtype=torch.complex64)}, ValueError, "nan"),
        ({"smaps": random_complex(COILS + 1, NY, NX)}, ValueError, "smaps"),
        ({"smaps": torch.ones(COILS, NY, NX)}, TypeError, "smaps"),
        ({"reference": random_complex(NX, NY)}, ValueError, "reference"),
        ({"reference": torch.full((NY, NX), torch.inf)}, ValueError, "inf"),
        ({"mask": torch.ones(NY)}, TypeError, "bool"),
        ({"mask": torch.ones(NY, dtype=torch.bool)}, ValueError, r"\(ky, 1\)"),
        ({"mask": torch.ones(NY + 1, 1, dtype=torch.bool)}, ValueError, "broadcasts"),
        ({"mask": torch.ones(1, 1, NY, NX, dtype=torch.bool)}, ValueError, "broadcasts"),
        ({"mask": torch.zeros(NY, 1, dtype=torch.bool)}, ValueError, "undersample"),
    ],
)
def test_refuses_what_would_fail_silently(changes, error, words):
    with pytest.raises(error, match=words):
        make(**changes)


def test_optional_parts_may_be_missing():
    scan = make(smaps=None, reference=None)
    assert scan.n_coils == COILS and scan.shape == (NY, NX) and scan.meta == {}
    assert scan.to("cpu").smaps is None


def test_undersample_zeroes_and_keeps_the_reference():
    scan = make()
    mask = (torch.arange(NY) % 2 == 0)[:, None]
    half = scan.undersample(mask)
    assert torch.equal(half.kspace[:, 0::2], scan.kspace[:, 0::2])
    assert half.kspace[:, 1::2].abs().max() == 0
    assert half.reference is scan.reference and half.smaps is scan.smaps
    assert torch.equal(half.mask, mask)


def test_undersample_never_brings_samples_back():
    odd, even = ((torch.arange(NY) % 2 == rest)[:, None] for rest in (1, 0))
    nothing = make().undersample(odd).undersample(even)
    assert not nothing.mask.any() and nothing.kspace.abs().max() == 0


def test_undersample_checks_its_mask():
    with pytest.raises(ValueError, match="broadcasts"):
        make().undersample(torch.ones(NY + 2, 1, dtype=torch.bool))
    with pytest.raises(TypeError, match="bool"):
        make().undersample(torch.ones(NY, 1))


def test_scans_do_not_share_meta():
    assert make().meta is not make().meta
