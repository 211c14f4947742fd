"""Figures of the lesson on calibration: what they show, and what they refuse."""

import matplotlib.pyplot as plt
import pytest
import torch

from mricourse.physics.fourier import random_complex
from mricourse.physics.sampling import equispaced_mask
from mricourse.plotting.calibration_figures import (
    show_calibration_matrix,
    show_column,
    show_ghosts,
    show_grappa_kernel,
    show_windows,
)

pytestmark = pytest.mark.usefixtures("style_kept")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_windows_are_the_rows_of_the_matrix():
    signals = torch.tensor([[3.0, 5, 8, 5], [1, 3, 4, -1]])
    left, right = show_windows(signals, 2, row=1)
    assert [text.get_text() for text in left.texts] == ["3", "5", "8", "5", "1", "3", "4", "-1"]
    numbers = [text.get_text() for text in right.texts]
    assert len(numbers) == 12 and {"5", "8", "3", "4"} <= set(numbers)
    bold = [text.get_text() for text in right.texts if text.get_fontweight() == "bold"]
    assert sorted(bold) == ["3", "4", "5", "8"]
    with pytest.raises(ValueError, match="lies inside"):
        show_windows(signals, 2, row=3)


def test_a_calibration_matrix_is_shown_in_decades():
    matrix = random_complex(30, 18)
    axes = show_calibration_matrix(matrix, 2, n_rows=10)
    (picture,) = axes.get_images()
    assert picture.get_array().shape == (10, 18)
    assert float(picture.get_array().max()) == 0 and float(picture.get_array().min()) >= -3
    assert "30 windows" in axes.get_title() and [t.get_text() for t in axes.get_xticklabels()] == ["coil 0", "coil 1"]


def test_a_column_has_the_object_behind_its_curves():
    axes = show_column({"true map": torch.rand(9), "found": torch.rand(9)}, random_complex(9))
    assert [line.get_label() for line in axes.get_lines()] == ["true map", "found"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["image", "true map", "found"]


def test_the_kernel_connects_a_target_with_six_neighbours():
    mask = equispaced_mask(14, 2, acs=4)
    axes = show_grappa_kernel(mask, {"learn here": (7, 3), "fill here": (2, 6)})
    solid = [line for line in axes.get_lines() if line.get_linestyle() == "-"]
    assert len(solid) == 12
    assert [text.get_text() for text in axes.texts] == ["learn here", "fill here"]
    with pytest.raises(ValueError, match="inside the drawing"):
        show_grappa_kernel(mask, {"edge": (0, 3)})


def test_ghosts_have_arrows_of_the_predicted_length():
    still = torch.zeros(30, 20, dtype=torch.complex64)
    still[10:20, 5:15] = 1
    images = {"R = 1": still.roll(1, 0), "R = 2": still.roll(2, 0)}
    axes = show_ghosts(images, still, [8, 4])
    assert [cell.get_title() for cell in axes[:2]] == ["R = 1", "R = 2"]
    assert "arrow: 8 pixels" in axes[2].get_title()
    arrow, label = axes[2].texts
    assert label.get_text() == "first ghost" and label.get_position() == (14, 18)
    assert arrow.xy == (10, 10) and arrow.xyann == (10, 18)
    with pytest.raises(ValueError, match="one for each"):
        show_ghosts(images, still, [8])
