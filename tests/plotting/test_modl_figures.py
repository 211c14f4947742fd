"""Figures of unrolled networks: what they show and say."""

import pytest
import torch

from mricourse.evaluation.metrics import psnr
from mricourse.physics.fourier import random_complex
from mricourse.plotting.alt_text import describe
from mricourse.plotting.block_diagrams import show_modl_diagram
from mricourse.plotting.modl_figures import plot_rounds, show_close_up, show_frozen_steps, show_paired_differences

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


def test_a_close_up_has_whole_images_parts_and_errors():
    reference, image = random_complex(20, 16, seed=1), random_complex(20, 16, seed=2)
    images = {"reference": reference, "K = 5": image}
    axes = show_close_up(images, reference, rows=slice(4, 10), columns=slice(2, 7), error_gain=4)
    shapes = [cell.get_images()[0].get_array().shape for cell in axes]
    assert shapes == [(20, 16), (20, 16), (6, 5), (6, 5), (20, 16)]
    assert axes[1].get_title() == f"K = 5, {psnr(image, reference):.1f} dB"
    assert axes[0].patches[0].get_bbox().bounds == (1.5, 3.5, 5, 6)
    enlarged = show_close_up(images, reference, rows=slice(4, 10), columns=slice(2, 7), errors_of_part=True)
    assert enlarged[4].get_images()[0].get_array().shape == (6, 5)
    assert enlarged[4].get_title() == "error × 5, part"
    assert axes[4].get_images()[0].get_clim()[1] * 4 == pytest.approx(axes[0].get_images()[0].get_clim()[1])


def test_a_close_up_refuses_what_does_not_fit():
    image = random_complex(20, 16)
    part = {"rows": slice(4, 10), "columns": slice(2, 7)}
    with pytest.raises(ValueError, match="5 images came; expected four at most"):
        show_close_up({str(number): image for number in range(5)}, image, **part)
    with pytest.raises(ValueError, match="expected the same"):
        show_close_up({"a": image[:, :9]}, image, **part)


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
