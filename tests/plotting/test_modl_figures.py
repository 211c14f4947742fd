"""Figures of unrolled networks: what they show and say."""

import pytest
import torch

from mricourse.plotting.alt_text import describe
from mricourse.plotting.block_diagrams import show_modl_diagram
from mricourse.plotting.modl_figures import plot_rounds, show_frozen_steps, show_paired_differences

pytestmark = pytest.mark.usefixtures("style_kept")


def half_way(x):
    return (x + 1) / 2


def test_the_dots_are_the_minima_of_the_frozen_curves():
    axes = show_frozen_steps(half_way, data=2.0, reg_weight=1.0, n_rounds=2)
    lines = axes.get_lines()
    [star] = [line for line in lines if line.get_marker() == "*"]
    dots = [line for line in lines if line.get_marker() == "o"]
    assert star.get_xdata()[0] == pytest.approx(1.8, abs=0.005)
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([1.75, 1.6875])
    for dot, curve in zip(dots, [line for line in lines if line.get_linestyle() == "--"], strict=True):
        assert curve.get_ydata().min() == pytest.approx(float(dot.get_ydata()[0]), abs=1e-4)


def test_the_denoisers_steps_are_grey():
    axes = plot_rounds({"PSNR": [20.0, 21.0, 25.0, 24.0, 27.0]}, ylabel="dB")
    assert list(axes.get_lines()[0].get_xdata()) == [0, 0.5, 1, 1.5, 2]
    assert [patch.get_bbox().bounds[0] for patch in axes.patches] == [0, 1]
    assert [patch.get_bbox().bounds[2] for patch in axes.patches] == [0.5, 0.5]
    with pytest.raises(ValueError, match="4 numbers came; expected an odd number"):
        plot_rounds([1.0, 2.0, 3.0, 4.0], ylabel="dB")


def test_paired_differences_show_every_sample_and_the_mean():
    values = torch.tensor([1.0, 2.0, 4.0, 5.0])
    axes = show_paired_differences({"a - b": values, "c - b": -values}, ylabel="dB")
    dots, mean = axes.get_lines()[:2]
    assert list(dots.get_ydata()) == values.tolist() and list(mean.get_ydata()) == [3.0, 3.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a - b", "c - b"]
    assert [text.get_text() for text in axes.texts] == ["+3.0, 4 of 4\nabove 0", "-3.0, 0 of 4\nabove 0"]


def test_the_block_diagram_is_said_in_words():
    assert "data consistency" in describe(show_modl_diagram().figure)
