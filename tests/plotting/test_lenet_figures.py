"""Figures of LeNet and its heirs: what they show, with which words."""

import matplotlib.pyplot as plt
import pytest
import torch

from mricourse.plotting.alt_text import describe
from mricourse.plotting.lenet_figures import show_budgets, show_connections, show_hands, show_strips

pytestmark = pytest.mark.usefixtures("style_kept")


def shown(axes):
    (picture,) = axes.get_images()
    return picture.get_array()


def test_strips_show_each_map_with_the_row_s_own_window():
    first = torch.rand(3, 5, 7)
    second = 10 * torch.rand(2, 4, 4) - 5
    axes = show_strips({"first": first, "second": second}, columns=["a", "b"])
    assert len(axes) == 5
    assert shown(axes[4]).shape == (4, 4)
    assert [cell.get_title() for cell in axes] == ["a", "b", "", "", ""]
    windows = [cell.get_images()[0].get_clim() for cell in axes]
    assert windows[0] == windows[2] != windows[3] == windows[4]
    assert windows[3][0] == pytest.approx(float(second.min()))
    assert describe(plt.gcf()) == "Rows of small pictures: first (3 pictures); second (2 pictures)."


def test_strips_take_complex_maps_and_at_most_sixteen():
    axes = show_strips({"many": torch.full((20, 3, 3), 3 + 4j)}, window=(0, 5))
    assert len(axes) == 16
    assert shown(axes[0]).max() == 5


@pytest.mark.parametrize(
    "rows, words", [({}, "no row came"), ({"flat": torch.zeros(3, 3)}, "row 'flat' has shape"), ({"x": []}, "row 'x'")]
)
def test_strips_refuse_what_is_no_stack(rows, words):
    with pytest.raises(ValueError, match=words):
        show_strips(rows)


def test_hands_name_the_averages():
    axes = show_hands({"new": torch.tensor([80.0, 90.0]), "known": torch.tensor([99.0, 98.0])})
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["new: 85.0 % on average", "known: 98.5 % on average"]
    assert axes.get_ylabel() == "read rightly (%)"


def test_connections_are_counted():
    axes = show_connections([(0, 1), (2,), (0, 2)], n_sources=3)
    assert axes.get_title() == "5 of 9 connections"
    table = axes.collections[0].get_array().reshape(3, 3)
    assert table.tolist() == [[1, 0, 1], [1, 0, 0], [0, 1, 1]]


def test_budgets_join_trainings_of_one_kind():
    rows = [
        {"name": "a", "cost": 2.0, "score": 30.0},
        {"name": "b", "cost": 1.0, "score": 29.0},
        {"name": "a", "cost": 1.0, "score": 28.0},
    ]
    axes = show_budgets(rows, xlabel="s", ylabel="dB")
    points = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert points == {"a": [[1.0, 28.0], [2.0, 30.0]], "b": [[1.0, 29.0]]}
