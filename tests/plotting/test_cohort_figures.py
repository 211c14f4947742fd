"""Figures of experiments on many people: what they show, with which words."""

import matplotlib.pyplot as plt
import pytest
import torch

from mricourse.plotting.alt_text import describe
from mricourse.plotting.cohort_figures import show_groups, show_repeats, show_sides, show_trials

pytestmark = pytest.mark.usefixtures("style_kept")


def test_groups_show_everyone_and_the_means():
    north = {"old": torch.tensor([20.0, 22.0]), "new": torch.tensor([24.0])}
    south = {"old": torch.tensor([10.0]), "new": torch.tensor([12.0, 14.0, 16.0])}
    axes = show_groups({"North": north, "South": south}, ylabel="PSNR (dB)")
    assert sorted(len(line.get_xdata()) for line in axes.get_lines()) == [1, 1, 2, 3]
    assert [text.get_text() for text in axes.texts] == ["21.0", "24.0", "10.0", "14.0"]
    assert "old in North: mean 21.0" in describe(plt.gcf())


def test_sides_are_a_column_for_each_subject():
    side = torch.tensor([1, 1, 0, 0, 0, 0]).bool()
    [cell] = show_sides({"people dealt": side}, 2)
    table = cell.collections[0].get_array().reshape(2, 3)
    assert table.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert "people dealt" in describe(plt.gcf())


def test_repeats_say_mean_and_spread():
    axes = show_repeats({"a": torch.tensor([1.0, 2.0, 3.0]), "b": torch.tensor([40.0, 60.0])}, xlabel="x", line=2)
    assert [text.get_text() for text in axes.texts] == ["2.00 ± 1.00", "50 ± 14", "mean ± SD"]


def test_trials_count_the_values_of_the_first_axis():
    axis = torch.logspace(-3, 2, 21)
    grid = torch.cartesian_prod(torch.tensor([0.01, 1.0]), torch.tensor([0.01, 1.0]))
    drawn = torch.tensor([[0.02, 0.3], [0.5, 2.0], [3.0, 0.1]])
    words = {"xlabel": "a", "ylabel": "b", "curve_label": "score"}
    axes = show_trials({"grid": grid, "random": drawn}, axis, -axis.log().square(), **words)
    assert [cell.get_title() for cell in axes] == ["grid: 2 values of a", "", "random: 3 values of a", ""]
