"""Several contrasts of one slice: their tensors are those of their scans, and what does not fit is refused."""

from dataclasses import replace

import pytest
import torch

from mricourse.physics.fourier import random_complex
from mricourse.physics.multi_contrast import MultiContrastScan
from mricourse.physics.sampling import random_mask
from mricourse.physics.scan import Scan, stack

SHAPE = (24, 17)


def one(seed, shape=SHAPE, n_coils=2):
    reference = random_complex(*shape, seed=seed)
    kspace = random_complex(n_coils, *shape, seed=seed + 10)
    smaps = random_complex(n_coils, *shape, seed=seed + 20)
    complete = Scan(kspace, smaps, torch.ones(shape[0], 1, dtype=torch.bool), reference)
    return complete.undersample(random_mask(shape[0], 2, acs=6, seed=seed))


def several():
    return MultiContrastScan({"T1w": one(1), "T2w": one(2), "FLAIR": one(3)})


def test_its_tensors_are_those_of_its_scans():
    scan = several()
    assert scan.contrasts == ("T1w", "T2w", "FLAIR") and scan.shape == SHAPE
    assert scan.kspace.shape == scan.smaps.shape == (3, 2, *SHAPE) and scan.mask.shape == (3, 1, SHAPE[0], 1)
    assert torch.equal(scan.kspace[1], scan.scans["T2w"].kspace) and torch.equal(scan.reference[2], one(3).reference)
    assert torch.equal(scan.mask[0, 0], one(1).mask) and not torch.equal(scan.mask[0], scan.mask[1])


def test_a_batch_measures_each_contrast_by_its_own_mask():
    first, second = several(), several()
    [(A, kspace, reference)] = stack([first, second])
    assert kspace.shape == (2, 3, 2, *SHAPE) and reference.shape == (2, 3, *SHAPE)
    measured = A.forward(reference)
    for number, scan in enumerate(first.scans.values()):
        [(alone, _, image)] = stack([scan])
        assert torch.allclose(measured[0, number], alone.forward(image)[0])
    with pytest.raises(ValueError, match="a scan has no reference"):
        stack([MultiContrastScan({"T1w": replace(one(1), reference=None)})])


@pytest.mark.parametrize(
    ("scans", "words"),
    [
        ({}, "got no contrast; expected a scan of each"),
        ({"T1w": one(1), "T2w": one(2, (24, 18))}, "expected one size: bring them to one matrix"),
        ({"T1w": one(1), "T2w": one(2, n_coils=1)}, "expected one size"),
        ({"T1w": one(1), "T2w": replace(one(2), smaps=None)}, "a contrast has no maps; expected smaps in each"),
        ({"T1w": one(1), "T2w": replace(one(2), reference=None)}, "a contrast has no reference and another has"),
    ],
)
def test_what_does_not_fit_is_refused(scans, words):
    with pytest.raises(ValueError, match=words):
        MultiContrastScan(scans)
