"""Echoes with the maps that they were simulated from: a batch keeps both, and what does not fit is refused."""

from dataclasses import replace

import pytest
import torch

from mricourse.physics.scan import Batch, MapsBatch, stack
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.simulate.multi_contrast import ContrastScans

SCANS = FatWaterScans("train", 5, shape=(36, 33))


def test_a_batch_keeps_the_maps_of_its_scans():
    first, second = SCANS[0], SCANS[1]
    [batch] = stack([first, second])
    A, kspace, reference = batch  # as every batch
    assert isinstance(batch, MapsBatch) and kspace.shape == (2, 6, 1, 36, 33) and reference.shape == (2, 6, 36, 33)
    assert torch.equal(batch.maps, torch.stack([first.maps, second.maps])) and batch.maps.shape == (2, 2, 36, 33)
    assert torch.equal(batch.inside[1, 0], second.inside) and batch.inside.shape == (2, 1, 36, 33)
    assert torch.equal(A.mask[0, 0], A.mask[0, 5]), "one excitation reads a line of all echoes"


def test_scans_without_maps_make_plain_batches():
    [batch] = stack([ContrastScans("train", 1, shape=(40, 36))[0]])
    assert type(batch) is Batch


def test_it_moves_as_a_whole():
    scan = SCANS[0].to("cpu")
    assert torch.equal(scan.maps, SCANS[0].maps) and scan.contrasts[0] == "echo 1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"maps": torch.zeros(3, 36, 33)}, "expected .2, 36, 33. and .36, 33.: fat fraction and R2. of each pixel"),
        ({"maps": torch.full((2, 36, 33), torch.nan)}, "maps are not finite; expected True in tissue"),
        ({"inside": torch.zeros(36, 32, dtype=torch.bool)}, "expected .2, 36, 33."),
        ({"inside": torch.ones(36, 33)}, "inside is not bool"),
    ],
)
def test_what_does_not_fit_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(SCANS[0], **changes)
