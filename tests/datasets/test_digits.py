"""The digits of scikit-learn in LeNet's form, and the forms that they were written on."""

import torch

from mricourse.datasets.digits import FORM_STARTS, handwritten_digits


def test_shapes_grey_levels_and_the_margin():
    images, labels, forms = handwritten_digits()
    assert images.shape == (1797, 1, 32, 32) and labels.shape == forms.shape == (1797,)
    assert images.dtype == torch.float32 and labels.dtype == forms.dtype == torch.int64
    assert torch.isclose(images.min(), torch.tensor(-0.1)) and torch.isclose(images.max(), torch.tensor(1.175))
    frame = images.clone()
    frame[..., 6:26, 6:26] = -0.1
    assert torch.allclose(frame, torch.tensor(-0.1)), "six pixels on each side are empty"
    assert labels.unique().tolist() == list(range(10))


def test_every_form_has_the_order_of_the_first():
    """All but a few of the 130 digits are there, in the same order."""
    _, labels, forms = handwritten_digits()
    texts = ["".join(map(str, labels[forms == number].tolist())) for number in range(len(FORM_STARTS))]
    assert [len(text) for text in texts].count(130) >= 7
    assert all(117 <= len(text) <= 130 for text in texts)
    for text in texts:
        assert common(texts[0], text) >= len(text) - 3, text


def common(first, second):
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for a in first:
        before = row
        row = [0]
        for place, b in enumerate(second):
            row.append(before[place] + 1 if a == b else max(before[place + 1], row[-1]))
    return row[-1]
