"""Percent of right answers, and how they change when everything is moved."""

import pytest
import torch

from mricourse.evaluation.classification import percent_by_shift, percent_right


def brightest_column(images):
    return images.sum(dim=(1, 2))


def test_counts_the_highest_score():
    scores = torch.eye(4)[[0, 1, 2, 3, 3]]
    assert percent_right(lambda x: x, scores, torch.tensor([0, 1, 2, 3, 0])) == pytest.approx(80)


def test_moves_to_the_right():
    images = torch.zeros(4, 1, 5, 9)
    images[:, 0, 2, 3] = 1
    labels = torch.tensor([3, 3, 5, 2])
    assert percent_by_shift(brightest_column, images, labels, (0, 2, -1, 1)) == [50, 25, 25, 0]


@pytest.mark.parametrize("labels", [torch.zeros(3), torch.zeros(2, 1)])
def test_one_label_for_each_image(labels):
    with pytest.raises(ValueError, match="2 images came with labels"):
        percent_right(brightest_column, torch.zeros(2, 1, 3, 3), labels)
