"""Figures: what they show, in which window, with which words; not how they look."""

import math
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mricourse.evaluation.metrics import psnr
from mricourse.physics.sampling import equispaced_mask, kt_mask, poisson_disc_mask, radial_trajectory
from mricourse.plotting.figures import (
    plot_lines,
    show_error,
    show_images,
    show_kspace,
    show_mask,
    show_phase,
    show_point_spread,
    show_smaps,
    show_trajectory,
)
from mricourse.plotting.panels import styled
from mricourse.simulate.coils import simulate_coils

NY, NX = 33, 40


pytestmark = pytest.mark.usefixtures("style_kept")


@pytest.fixture
def reference():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(NY, NX, generator=generator) * torch.exp(torch.tensor(0.3j))


def shown(axes):
    (picture,) = axes.get_images()
    return picture.get_array()


def window(axes):
    (picture,) = axes.get_images()
    return picture.get_clim()


def bar_labels(axes):
    return [cell.get_ylabel() for cell in axes.figure.axes if cell.get_label() == "<colorbar>"]


def test_a_strip_has_one_window_from_the_reference_and_psnr_in_the_titles(reference):
    strip = {"reference": reference, "zero-filled": 2 * reference, "SENSE, R = 4": 0.9 * reference}
    axes = show_images(strip, reference=reference)
    assert [cell.get_title() for cell in axes][0] == "reference"
    assert axes[2].get_title() == f"SENSE, R = 4, {psnr(0.9 * reference, reference):.1f} dB"
    assert len({window(cell) for cell in axes}) == 1
    low, high = window(axes[0])
    assert low == 0
    assert 0.9 * reference.abs().max() < high <= reference.abs().max()
    assert torch.allclose(torch.from_numpy(np.asarray(shown(axes[1]))).float(), 2 * reference.abs())
    assert bar_labels(axes[0]) == ["magnitude (a.u.)"]


def test_errors_get_their_own_row_with_one_stated_gain(reference):
    axes = show_images([reference, 0.5 * reference, 0.9 * reference], reference=reference, error_gain=5)
    images, errors = axes[:3], axes[3:]
    assert len(errors) == 2, "the reference has no error panel"
    assert [cell.get_title() for cell in errors] == ["error × 5"] * 2
    assert {window(cell)[1] for cell in errors} == {window(images[0])[1] / 5}
    assert np.allclose(shown(errors[0]), 0.5 * reference.abs().numpy(), atol=1e-6)
    assert errors[0].get_subplotspec().colspan == images[1].get_subplotspec().colspan


def test_show_error_names_every_image(reference):
    axes = show_error({"a": 0.5 * reference, "b": reference}, reference, gain=10, window=(0, 2))
    assert [cell.get_title() for cell in axes] == ["a, error × 10", "b, error × 10"]
    assert window(axes[0]) == (0, 0.2)


@pytest.mark.parametrize("n", [1, 2, 4, 5, 16])
def test_at_most_four_panels_a_row_and_ten_inches(reference, n):
    axes = show_images([reference] * n, error_gain=2, reference=0.5 * reference)
    assert len(axes) == 2 * n
    assert axes[0].figure.get_size_inches()[0] <= 10
    assert max(cell.get_subplotspec().colspan.start for cell in axes) <= 3
    axes[0].figure.canvas.draw()


def test_bright_pixels_do_not_darken_the_image_and_a_lone_point_stays_visible(reference):
    bright = reference.abs().clone()
    bright[0, 0] = 3.0
    assert window(show_images(bright)[0])[1] < 1.1
    point = torch.zeros(NY, NX)
    point[16, 20] = 1.0
    assert window(show_images(point)[0])[1] == pytest.approx(0.25)
    assert window(show_images(torch.zeros(NY, NX))[0]) == (0, 1)


def test_other_quantities_keep_their_sign_map_and_label(reference):
    signed = reference.real - 0.5
    axes = show_images(signed, window=(-1, 1), cmap="RdBu", label="weight")
    assert shown(axes[0]).min() < 0
    assert bar_labels(axes[0]) == ["weight"]


def test_kspace_is_logarithmic_centred_and_says_its_scale(reference):
    axes = show_kspace(1e-7 * reference)
    assert bar_labels(axes[0]) == ["log(1 + 1e+10 |k|)"]
    assert np.allclose(shown(axes[0]), np.log1p(1e10 * 1e-7 * reference.abs().numpy()), atol=1e-4)
    assert (axes[0].get_xlabel(), axes[0].get_ylabel()) == ("kx", "ky")
    assert bar_labels(show_kspace(reference, scale=1)[0]) == ["log(1 + |k|)"]


def test_masks_tell_their_realised_acceleration():
    lines = equispaced_mask(NY, 4, acs=9)
    axes = show_mask({"equispaced": lines, "disc": poisson_disc_mask((NY, NX), 5, acs=8)}, n_readout=NX)
    assert axes[0].get_title() == f"equispaced, R = {NY / int(lines.sum()):.1f}"
    assert shown(axes[0]).shape == shown(axes[1]).shape == (NY, NX)
    (over_time,) = show_mask(kt_mask(7, NY, 4))
    assert shown(over_time).shape == (NY, 7)
    assert over_time.get_xlabel() == "frame"


def test_phase_is_cyclic_and_empty_outside_the_support(reference):
    support = reference.abs() > 0.5
    (axes,) = show_phase(reference, support=support)
    assert window(axes) == (-math.pi, math.pi)
    assert axes.get_images()[0].get_cmap().name == "twilight"
    assert np.array_equal(np.isnan(np.ma.filled(shown(axes), np.nan)), ~support.numpy())
    assert bar_labels(axes) == ["phase (rad)"]
    (axes,) = show_phase(reference, window=(-1, 1))
    assert window(axes) == (-1, 1)
    assert axes.get_images()[0].get_cmap().name == "RdBu_r"  # -1 and 1 rad look different
    with pytest.raises(TypeError, match="real values"):
        show_phase(reference.abs())


def test_coil_maps_have_magnitude_and_phase():
    smaps = simulate_coils(5, (NY, NX))
    axes = show_smaps(smaps)
    assert [cell.get_title() for cell in axes] == [f"coil {i}" for i in range(5)] + [""] * 5
    assert window(axes[0])[1] == pytest.approx(smaps.abs().max().item())
    assert len(show_smaps(smaps, phase=False)) == 5


def test_point_spread_is_a_line_or_an_image():
    axes = show_point_spread(equispaced_mask(64, 4, acs=0))
    (line,) = axes.get_lines()
    x, y = line.get_data()
    assert sorted(x[y > -1]) == [-32, -16, 0, 16]
    assert shown(show_point_spread(poisson_disc_mask((NY, NX), 4, acs=8))).shape == (NY, NX)


def test_trajectory_has_ky_vertical():
    trajectory = radial_trajectory(3, 16)
    (dots,) = show_trajectory(trajectory).get_lines()
    assert np.array_equal(np.stack(dots.get_data()[::-1], axis=1), trajectory.numpy())
    with pytest.raises(ValueError, match=r"reshape\(-1, 2\)"):
        show_trajectory(trajectory.reshape(3, 16, 2))


def test_lines_are_labelled_and_told_apart_without_colour():
    x = torch.arange(1, 6)
    axes = plot_lines(x, {"a": x**2, "b": 2 * x}, xlabel="R", ylabel="PSNR (dB)", log="y", bands={"a": (x, 2 * x**2)})
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert len({line.get_marker() for line in axes.get_lines()}) == 2
    assert (axes.get_xlabel(), axes.get_yscale(), axes.get_xscale()) == ("R", "log", "linear")
    again = plot_lines(None, torch.rand(100), xlabel="n", ylabel="loss", axes=plt.figure().add_subplot())
    assert again.get_legend() is None
    assert again.get_lines()[0].get_marker() == "None"
    with pytest.raises(ValueError, match=r"curve 'a' has shape \(4,\) and x \(5,\)"):
        plot_lines(x, {"a": x[:4]}, xlabel="", ylabel="")


def test_few_points_of_a_logarithmic_axis_have_their_numbers_below():
    axes = plot_lines((3e-4, 1e-3, 2e-3, 8e-3), range(4), xlabel="weight", ylabel="PSNR (dB)", log="x")
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.0003", "0.001", "0.002", "0.008"]
    boxes = [label.get_window_extent() for label in axes.get_xticklabels(which="both")]
    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:], strict=False))


def test_numpy_and_tensors_with_gradients_are_accepted(reference):
    show_images(reference.numpy())
    show_images(reference.requires_grad_(), reference=(2 * reference).conj())
    show_images(reference.abs() > 0.5)


def test_nan_pixels_are_left_empty(reference):
    image = reference.abs().clone()
    image[0, 0] = torch.nan
    assert window(show_images(image)[0])[1] <= 1


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda r: show_images({"SENSE": r.expand(8, NY, NX)}), r"image 1 \(SENSE\) has shape \(8, 33, 40\)"),
        (lambda r: show_images(r.expand(2, 8, NY, NX)), "Combine coils with rss"),
        (lambda r: show_images(r[0]), r"shape \(40,\); expected \(y, x\)"),
        (lambda r: show_images(r.expand(17, NY, NX)), "17 images came; expected 1 to 16"),
        (lambda r: show_images([]), "0 images came"),
        (lambda r: show_images([r, r], ["one"]), "1 titles came for 2 images"),
        (lambda r: show_images(r, error_gain=5), "without a reference"),
        (lambda r: show_images(r, reference=r[:9]), "expected the same"),
        (lambda r: show_error(r, r[:9]), "expected the same"),
        (lambda r: show_images(r, reference=r.expand(8, NY, NX)), "is a stack of 8"),
        (lambda r: show_kspace({"k": r.expand(8, NY, NX)}), r"expected \(ky, kx\). For one coil"),
        (lambda r: show_mask(torch.zeros(NY, 1, dtype=torch.bool)), "samples nothing"),
    ],
)
def test_mistakes_are_told_in_one_sentence(reference, call, match):
    with pytest.raises(ValueError, match=match):
        call(reference)


def test_nothing_is_printed_at_the_end_of_a_cell(reference):
    pytest.importorskip("IPython")
    from IPython.core.formatters import DisplayFormatter

    for result in (show_images(reference), plot_lines(None, [1, 2], xlabel="", ylabel="")):
        assert DisplayFormatter().format(result) == ({}, {})


def test_the_library_imports_without_matplotlib():
    code = "import sys, mricourse; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_the_first_figure_of_a_notebook_switches_on_stays_on(reference):
    """Jupyter's backend loads with the first figure and turns on the interactive mode that later figures need."""

    @styled
    def first_figure():
        matplotlib.interactive(True)
        return show_images(reference)

    try:
        first_figure()
        assert matplotlib.is_interactive()
    finally:
        matplotlib.interactive(False)
