"""Outlined lesions: taken apart, moved to free places, read, and counted at a share of false alarms."""

import pytest
import torch
from scipy import ndimage

from mricourse.evaluation.lesion_recall import free_places, lesions_found, read_outlines, separate_lesions


@pytest.fixture(scope="module")
def lesions():
    outlined = torch.zeros(2, 40, 36, dtype=torch.bool)
    outlined[0, 10:13, 8:12] = True
    outlined[0, 20:22, 20:23] = True
    outlined[0, 30, 30] = True  # too small
    outlined[1, 15:19, 15:17] = True
    return outlined


def test_regions_are_those_of_scipy(lesions):
    outlines = separate_lesions(lesions)
    assert [(each.slice, int(each.inside.sum())) for each in outlines] == [(0, 12), (0, 6), (1, 8)]
    for each in outlines:
        assert ndimage.label(each.inside.numpy())[1] == 1
        assert not (each.ring & lesions[each.slice]).any() and each.ring.any()
        near = ndimage.distance_transform_cdt(~each.inside.numpy(), metric="chessboard")
        assert set(near[each.ring.numpy()].tolist()) == {2, 3, 4}
    assert len(separate_lesions(lesions, least=1)) == 4
    with pytest.raises(ValueError, match="torch.bool"):
        separate_lesions(lesions.float())


def test_free_places_hold_no_lesion_and_lie_in_tissue(lesions):
    outlines = separate_lesions(lesions)
    tissue = torch.zeros_like(lesions)
    tissue[:, 4:36, 4:32] = True
    free = free_places(outlines, lesions, tissue, n_each=3, seed=1)
    assert len(free) == 9
    for number, place in enumerate(free):
        source = outlines[number // 3]
        assert place.slice == source.slice and place.inside.sum() == source.inside.sum()
        assert not (place.inside & lesions[place.slice]).any() and (tissue[place.slice] | ~place.inside).all()
        assert (tissue[place.slice] | ~place.ring).all()
    again = free_places(outlines, lesions, tissue, n_each=3, seed=1)
    assert all(torch.equal(a.inside, b.inside) for a, b in zip(free, again, strict=True))
    assert free_places(outlines, lesions, torch.zeros_like(tissue)) == []


def test_readings_are_inside_minus_ring(lesions):
    outlines = separate_lesions(lesions)
    images = torch.polar(torch.full((2, 40, 36), 0.5), torch.full((2, 40, 36), 1.0))
    images[0, 10:13, 8:12] *= 1.4
    readings = read_outlines(images, outlines)
    assert torch.allclose(readings, torch.tensor([0.2, 0.0, 0.0]), atol=1e-6)


def test_recall_at_a_share_of_false_alarms():
    free = torch.linspace(0, 1, 101)
    readings = torch.tensor([0.5, 0.89, 0.91, 2.0])
    assert lesions_found(readings, free, false_alarms=0.1).tolist() == [0, 0, 1, 1]
    assert lesions_found(readings, free, false_alarms=0.6).tolist() == [1, 1, 1, 1]
