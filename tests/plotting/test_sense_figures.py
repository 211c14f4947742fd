"""Figures of the lesson on SENSE: what they mark, draw and say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mricourse.evaluation.metrics import psnr
from mricourse.plotting.sense_figures import (
    show_comparison,
    show_folding,
    show_pull,
    show_two_pixels,
    show_walks,
)

pytestmark = pytest.mark.usefixtures("style_kept")
TRUTH = torch.tensor([1.0, 3.0])
SIMILAR = torch.tensor([[0.6, 0.4], [0.4, 0.6]])


def points(axes, label):
    (line,) = (line for line in axes.get_lines() if line.get_label() == label)
    return np.asarray(line.get_data())


def test_folding_marks_the_pixels_that_fall_onto_one():
    image = torch.rand(12, 5, generator=torch.Generator().manual_seed(0)) + 0j
    left, right = show_folding(image, image[:4], row=1, column=2)
    assert [line.get_ydata()[0] for line in left.get_lines()] == [1, 5, 9]
    assert [line.get_ydata()[0] for line in right.get_lines()] == [1]


@pytest.mark.parametrize(("n_rows", "row"), [(5, 1), (4, 4)])
def test_folding_refuses_what_does_not_fold(n_rows, row):
    with pytest.raises(ValueError, match="expected a folded image of y / R rows"):
        show_folding(torch.ones(12, 5), torch.ones(n_rows, 5), row=row, column=0)


def test_equations_cross_at_the_truth_and_dots_solve_the_noisy_ones():
    errors = 0.1 * torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    [axes] = show_two_pixels({"similar": SIMILAR}, TRUTH, errors)
    for coil in (0, 1):
        across, line = points(axes, f"equation of coil {coil + 1}")
        sensitivity = SIMILAR[coil].numpy()
        np.testing.assert_allclose(sensitivity @ [across, line], sensitivity @ TRUTH.numpy(), atol=1e-5)
    solved = points(axes, "solved with noise")
    np.testing.assert_allclose(SIMILAR.numpy() @ solved, (SIMILAR @ TRUTH + errors).mT.numpy(), atol=1e-5)


def test_a_weight_halves_the_difference_and_the_title_tells_the_distance():
    left, right = show_pull(SIMILAR, TRUTH, torch.zeros(3, 2), weights=[0, 0.04])
    np.testing.assert_allclose(points(left, "centre of the cloud")[:, 0], TRUTH, atol=1e-5)
    first, second = points(right, "centre of the cloud")[:, 0]
    assert first - second == pytest.approx(-1, abs=1e-4) and first + second == pytest.approx(4 / 1.04, abs=1e-4)
    assert left.get_title() == "λ = 0, typical distance 0.0"


def test_walks_begin_where_they_begin():
    axes = show_walks(SIMILAR.T @ SIMILAR, TRUTH, {"walk": [torch.zeros(2), TRUTH]})
    np.testing.assert_allclose(points(axes, "walk"), [[0, 1], [0, 3]])
    np.testing.assert_allclose(points(axes, "solution")[:, 0], TRUTH)


def test_arrows_of_a_walk_carry_their_names_and_end_where_the_vector_ends():
    arrows = {"d": (torch.zeros(2), torch.tensor([1.0, 0.0])), "r": (torch.ones(2), torch.tensor([0.0, 2.0]))}
    axes = show_walks(SIMILAR.T @ SIMILAR, TRUTH, {"walk": [torch.zeros(2), TRUTH]}, arrows=arrows)
    assert {text.get_text() for text in axes.texts} == {"", "d", "r"}
    tips = [text.xy for text in axes.texts if not text.get_text()]
    np.testing.assert_allclose(tips, [[1, 0], [1, 3]])


def test_the_floor_of_the_valley_is_where_the_sum_is_right():
    axes = show_walks(SIMILAR.T @ SIMILAR, TRUTH, {"walk": [torch.zeros(2), TRUTH]})
    np.testing.assert_allclose(points(axes, "floor of the valley").sum(0), TRUTH.sum(), atol=1e-4)


def test_a_comparison_has_one_window_and_scores_whole_images_in_any_view():
    reference = torch.rand(20, 30, generator=torch.Generator().manual_seed(0))
    rows = {f"R = {R}": {"CG": (1 - 0.1 * R) * reference} for R in (2, 3)}
    axes = show_comparison(reference, rows, view=(slice(5, 15), slice(10, 25)))
    pictures = [cell.get_images()[0] for cell in axes]
    assert {picture.get_clim() for picture in pictures} == {pictures[0].get_clim()}
    assert {picture.get_array().shape for picture in pictures} == {(10, 15)}
    scores = [f"CG, {psnr((1 - 0.1 * R) * reference, reference):.1f} dB" for R in (2, 3)]
    assert [cell.get_title() for cell in axes] == ["reference", scores[0], "", scores[1]]
    assert [cell.get_ylabel() for cell in axes[::2]] == ["R = 2", "R = 3"]


def test_a_comparison_counts_only_the_pixels_inside():
    reference = torch.ones(4, 6)
    inside = torch.arange(6).expand(4, 6) < 3
    image = torch.where(inside, 0.9, 0.5)  # an error of a tenth inside, larger outside
    axes = show_comparison(reference, {"": {"CG": image}}, inside=inside)
    assert axes[1].get_title() == "CG, 20.0 dB"


def test_a_comparison_refuses_methods_that_differ():
    image = torch.ones(4, 4)
    with pytest.raises(ValueError, match="the same three methods or fewer"):
        show_comparison(image, {"R = 2": {"CG": image}, "R = 3": {"SENSE": image}})
    plt.close("all")
