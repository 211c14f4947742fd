"""Figures of unrolled networks: what they show, say and refuse."""

import numpy as np
import pytest
import torch

from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.physics.fourier import random_complex
from mricourse.plotting.alt_text import describe
from mricourse.plotting.unrolled_figures import (
    error_views,
    plot_by_iteration,
    show_cobwebs,
    show_experts,
    show_inside,
    show_iterations,
    show_step_sizes,
    show_thresholds,
)

pytestmark = pytest.mark.usefixtures("style_kept")


def test_all_iterations_stand_in_a_row_with_their_scores_and_errors():
    reference, first, second = (random_complex(20, 16, seed=seed) for seed in range(3))
    images = {"reference": reference, "x0": first, "x1": second}
    axes = show_iterations(images, reference, error_gain=5, columns=slice(4, 10))
    assert [cell.get_images()[0].get_array().shape for cell in axes] == [(20, 6)] * 6
    assert [cell.get_title() for cell in axes[:3]] == [
        "reference\n",
        f"x0\n{psnr(first, reference):.1f} dB",
        f"x1\n{psnr(second, reference):.1f} dB",
    ]
    assert axes[4].get_images()[0].get_clim()[1] * 5 == pytest.approx(axes[0].get_images()[0].get_clim()[1])
    assert f"x1 ({psnr(second, reference):.1f} dB)" in describe(axes[0].figure)


def test_too_many_iterations_and_other_shapes_are_refused():
    image = random_complex(8, 8)
    with pytest.raises(ValueError, match="13 images came; expected 12 at most"):
        show_iterations({str(number): image for number in range(13)}, image)
    with pytest.raises(ValueError, match="expected the same"):
        show_iterations({"a": image[:4]}, image)


def test_curves_of_networks_end_at_their_own_last_iterations():
    measured = {"short": [3.0, torch.tensor(2.0)], "long": [3.0, 30.0, 1.0]}
    others = {"short": [9.0, 8.0], "long": [9.0, 7.0, 6.0]}
    axes = plot_by_iteration({"measured (%)": measured, "others (%)": others}, dashed=["long"], log=True)
    assert [cell.get_ylabel() for cell in axes] == ["measured (%)", "others (%)"]
    assert [list(line.get_xdata()) for line in axes[0].lines] == [[0, 1], [0, 1, 2]]
    assert [line.get_linestyle() for line in axes[1].lines] == ["-", "--"]
    assert [cell.get_yscale() for cell in axes] == ["log", "linear"]  # only the first spans more than a decade
    assert axes[0].lines[1].get_color() == axes[1].lines[1].get_color()
    with pytest.raises(ValueError, match="expected short, long in each"):
        plot_by_iteration({"one": measured, "two": {"short": [1.0]}})


def test_networks_stand_in_rows_and_show_half_an_image_and_half_its_error():
    reference = torch.zeros(20, 16)
    reference[4:16, 3:13] = 1
    path = [reference * (number / 6) for number in range(7)]
    axes = show_inside({"first": path, "second": path[:5]}, reference, error_gain=2)
    assert len(axes) == 10 and [axes[0].get_ylabel(), axes[5].get_ylabel()] == ["first", "second"]
    assert [cell.get_title()[:2] for cell in axes] == ["x0", "x1", "x2", "x4", "x6", "x0", "x1", "x2", "x3", "x4"]
    assert axes[1].get_title() == f"x1, {psnr(path[1], reference):.1f} dB"
    picture = axes[4].get_images()[0].get_array()
    assert picture.shape[0] < 20 and picture.shape[1] < 16 and picture.max() == 1
    left, right = picture[:, : picture.shape[1] // 2], picture[:, picture.shape[1] // 2 :]
    assert (left[..., :3] == 1).any() and len(np.unique(right.reshape(-1, 4), axis=0)) == 1
    assert "second x4" in describe(axes[0].figure)
    with pytest.raises(ValueError, match="first has 4 images; expected 5 or more"):
        show_inside({"first": path[:4]}, reference)


def test_steps_of_networks_of_different_length_stand_beside_the_limit():
    axes = show_step_sizes({"short": torch.tensor([1.0, 3.0]), "long": torch.tensor([1.0, 2.0, 8.0])}, limit=2)
    assert [len(line.get_xdata()) for line in axes.lines[:2]] == [2, 3]
    assert axes.get_yscale() == "log" and list(axes.get_xticks()) == [1, 2, 3]
    assert axes.lines[2].get_ydata()[0] == 2


def test_each_filter_stands_above_its_curve():
    axes = show_experts(torch.randn(3, 2, 5, 5), torch.linspace(-1, 1, 11), torch.randn(3, 11))
    assert len(axes) == 6 and axes[2].get_images()[0].get_array().shape == (5, 5)
    assert len(axes[5].lines[0].get_xdata()) == 11


def test_thresholds_have_a_row_for_each_subband():
    axes = show_thresholds(0.01 * torch.arange(1, 25).reshape(4, 2, 3))
    picture = axes.get_images()[0].get_array()
    assert picture.shape == (6, 4) and picture[0, 0] == pytest.approx(-2)
    assert [label.get_text() for label in axes.get_yticklabels()][3] == "level 2, x"


def test_a_cobweb_ends_at_the_fixed_point_or_where_it_leaves_the_panel():
    def calm(x):
        return 0.5 * x + 1

    def wild(x):
        return 1.5 * x - 1

    axes = show_cobwebs({"calm": calm, "wild": wild}, start=1.5, n_steps=40, reach=(-1.0, 4.0))
    ends = [cell.lines[2].get_xdata()[-1] for cell in axes]
    assert ends[0] == pytest.approx(2, abs=1e-6) and ends[1] < -1


@pytest.mark.parametrize("phase", [True, False])
def test_the_views_of_an_error(phase):
    reference, image = random_complex(20, 16, seed=1), random_complex(20, 16, seed=2)
    if not phase:
        image = image.abs()
    goal = reference if phase else reference.abs()
    views = error_views(image, reference, name="mine", error_gain=3)
    [shown, error, in_kspace] = views.values()
    scaled = best_scale(image, goal)
    assert list(views) == [
        f"reconstruction, mine: {psnr(scaled, goal):.1f} dB",
        "its error × 3",
        "its error in k-space (log)",
    ]
    assert torch.equal(shown, scaled)
    assert torch.allclose(error, 3 * (scaled.abs() - reference.abs()).abs())
    assert in_kspace.dtype == np.uint8 and in_kspace.shape == (20, 16)
