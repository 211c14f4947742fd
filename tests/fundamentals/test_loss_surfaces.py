"""Surfaces, paths down them, and the widget without a browser; tests/browser/ clicks into a real one."""

import io
import json
from base64 import b64decode
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from torch.autograd.functional import hessian, jacobian

from mricourse.fundamentals.loss_surfaces import (
    OPTIMIZERS,
    SADDLE,
    T2_DECAY,
    finite_part,
    folded_pair,
    run_optimizers,
    show_paths,
)
from mricourse.fundamentals.path_explorer import PathExplorer
from mricourse.reconstruct.parallel_imaging import g_factor
from mricourse.simulate.coils import simulate_coils

MAPS = simulate_coils(2, (8, 6), kind="biot_savart").abs().double()
PAIR = folded_pair(MAPS[:, [1, 5], 2], torch.tensor([0.6, 0.4]))
SURFACES = [PAIR, T2_DECAY, SADDLE]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


# --- surfaces ---


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.title)
def test_minima_are_minima(surface):
    lowest = {round(float(surface.loss(torch.tensor(place, dtype=torch.float64))), 9) for place in surface.minima}
    assert len(lowest) == 1
    for place in surface.minima:
        point = torch.tensor(place, dtype=torch.float64)
        slope = jacobian(surface.loss, point)
        curvature = torch.linalg.eigvalsh(hessian(surface.loss, point))
        assert slope.abs().max() < 1e-9 and curvature.min() > 0
        left, right, bottom, top = surface.window
        assert left < place[0] < right and bottom < place[1] < top


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.title)
def test_a_grid_of_points_is_one_call(surface):
    grid = torch.rand(3, 4, 2, dtype=torch.float64)
    assert torch.allclose(surface.loss(grid)[1, 2], surface.loss(grid[1, 2]))


def test_condition_number_of_a_folded_pair_comes_from_its_g_factor():
    g = g_factor(MAPS, 2)[1, 2]
    low, high = torch.linalg.eigvalsh(hessian(PAIR.loss, torch.zeros(2, dtype=torch.float64)))
    assert high / low == pytest.approx(float((g + (g**2 - 1).sqrt()) ** 2), rel=1e-5)
    assert low + high == pytest.approx(2, rel=1e-5), "so that the best learning rate is 1"


def test_folded_pair_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"expected \(coils, 2\) and \(2,\)"):
        folded_pair(torch.ones(2, 3), torch.ones(3))
    with pytest.raises(TypeError, match="expected real ones"):
        folded_pair(torch.ones(2, 2, dtype=torch.complex64), torch.ones(2))


# --- paths ---


def test_gradient_descent_is_what_the_equation_says():
    normal, true = hessian(PAIR.loss, torch.zeros(2, dtype=torch.float64)), torch.tensor(PAIR.minima[0])
    w = torch.tensor((0.1, 0.9), dtype=torch.float64)
    path = run_optimizers(PAIR, (0.1, 0.9), rates=(0.7, 0.1), n_steps=5)["gradient descent"]
    for step in path[1:]:
        w = w - 0.7 * normal @ (w - true)
        assert torch.allclose(step, w)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.title)
def test_all_five_go_down_from_the_default_start(surface):
    paths = run_optimizers(surface)
    assert list(paths) == list(OPTIMIZERS)
    for path in paths.values():
        assert path.shape == (101, 2) and path.dtype == torch.float64
        assert torch.equal(path[0], torch.tensor(surface.start, dtype=torch.float64))
        assert surface.loss(path[-1]) < surface.loss(path[0])


def test_adaptive_first_steps_do_not_see_the_size_of_the_gradient():
    for surface in SURFACES:
        paths = run_optimizers(surface, rates=(0.1, 0.02), n_steps=1)
        for name, length in (("Adagrad", 0.02), ("RMSProp", 0.2), ("Adam", 0.02)):
            assert paths[name].diff(dim=0).abs().numpy() == pytest.approx(length, rel=1e-3)


def test_noise_is_the_same_for_all_and_repeats():
    paths = run_optimizers(PAIR, PAIR.minima[0], rates=(0.1, 0.1), noise_std=0.3, n_steps=1)
    assert torch.equal(paths["gradient descent"], paths["momentum"]) and paths["momentum"].diff(dim=0).abs().min() > 0
    again = run_optimizers(PAIR, PAIR.minima[0], rates=(0.1, 0.1), noise_std=0.3, n_steps=1)
    assert torch.equal(paths["Adam"], again["Adam"])
    other = run_optimizers(PAIR, PAIR.minima[0], rates=(0.1, 0.1), noise_std=0.3, n_steps=1, seed=1)
    assert not torch.equal(paths["momentum"], other["momentum"])


def test_a_path_that_diverges_is_cut_off():
    path = run_optimizers(PAIR, rates=(50.0, 0.1))["gradient descent"]
    kept = finite_part(path)
    assert 1 < len(kept) < len(path) and np.isfinite(kept).all()
    assert len(finite_part(torch.zeros(5, 2))) == 5


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"start": (1.0,)}, "expected two finite numbers"),
        ({"start": (1.0, float("nan"))}, "expected two finite numbers"),
        ({"rates": (0.0, 1.0)}, "expected rates above 0"),
        ({"noise_std": -1.0}, "expected rates above 0"),
        ({"n_steps": 0}, "expected rates above 0"),
    ],
)
def test_what_cannot_be_run_is_refused(options, match):
    with pytest.raises(ValueError, match=match):
        run_optimizers(PAIR, **options)


def test_paths_are_drawn_with_their_surfaces():
    axes = show_paths({surface: run_optimizers(surface, n_steps=5) for surface in SURFACES})
    assert [cell.get_title() for cell in axes] == [surface.title for surface in SURFACES]
    assert axes[1].get_xlabel() == "amplitude" and axes[0].get_xlim() == PAIR.window[:2]
    [legend] = axes[0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(OPTIMIZERS)


# --- the widget ---


@pytest.fixture(scope="module")
def explorer():
    return PathExplorer(SURFACES, n_steps=40)


def test_it_starts_with_the_first_surface(explorer):
    explorer.surface.value = PAIR.title
    explorer.start = PAIR.start
    assert explorer.start == pytest.approx(PAIR.start)
    assert (explorer.rate.value, explorer.adaptive_rate.value) == PAIR.rates
    for name, path in run_optimizers(PAIR, n_steps=40).items():
        assert torch.equal(explorer.paths[name], path)


def test_a_click_moves_start_sliders_and_paths(explorer):
    explorer.surface.value = SADDLE.title
    explorer._canvas.set_state({"start": [-1.0, 0.5]})
    assert explorer.start == (-1.0, 0.5) and explorer._x.value == -1.0
    assert all(path[0].tolist() == [-1.0, 0.5] for path in explorer.paths.values())
    assert [points[0] for _, points in explorer._canvas.paths] == [[-1.0, 0.5]] * 5


def test_a_slider_moves_the_start(explorer):
    explorer.surface.value = SADDLE.title
    explorer._y.value = -0.7
    assert explorer._canvas.start[1] == -0.7 and explorer.paths["Adam"][0, 1] == -0.7


def test_rates_and_noise_change_the_paths(explorer):
    explorer.surface.value = PAIR.title
    before = explorer.paths
    explorer.rate.value = 0.1
    assert not torch.equal(explorer.paths["momentum"], before["momentum"])
    assert torch.equal(explorer.paths["Adam"], before["Adam"])
    explorer.noise.value = 0.5
    assert not torch.equal(explorer.paths["Adam"], before["Adam"])
    explorer.noise.value = 0.0


def test_divergence_is_said_and_sends_finite_numbers(explorer):
    explorer.surface.value = PAIR.title
    explorer.rate.value = 3.0
    assert "diverged" in explorer._table.value and explorer.error == ""
    assert all(np.isfinite(points).all() for _, points in explorer._canvas.paths)
    json.dumps(explorer._canvas.paths, allow_nan=False)


def test_another_surface_brings_its_window_start_and_rates(explorer):
    for surface in (*SURFACES[1:], *SURFACES):  # each is another one than before
        explorer.surface.value = surface.title
        assert explorer._canvas.window == list(surface.window)
        assert (explorer._x.min, explorer._x.max, explorer._y.min, explorer._y.max) == surface.window
        assert explorer.start == pytest.approx(surface.start)
        assert explorer.rate.value == surface.rates[0]
        assert explorer._x.description == f"start: {surface.labels[0]}"


def test_the_frame_of_the_picture_is_where_the_axes_are(explorer):
    picture = pixels(explorer._canvas.picture).astype(int)
    left, top, width, height = explorer._canvas.frame
    ny, nx = picture.shape[:2]
    middle = picture[round((top + height / 2) * ny)].sum(axis=1)
    assert middle[round(left * nx) - 2 : round(left * nx) + 3].min() < 200, "the axis on the left"
    column = picture[:, round((left + 0.51 * width) * nx)].sum(axis=1)
    assert column[round((top + height) * ny) - 3 : round((top + height) * ny) + 4].min() < 200, "the axis below"


def test_it_carries_a_still_picture(explorer):
    bundle, metadata = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert pixels(b64decode(bundle["image/png"])).ndim == 3
    assert not plt.get_fignums(), "it leaves no figure behind"


@pytest.mark.parametrize("surfaces", [[], [SADDLE, SADDLE]])
def test_surfaces_need_titles_of_their_own(surfaces):
    with pytest.raises(ValueError, match="expected at least one, each with a title of its own"):
        PathExplorer(surfaces)


def test_the_canvas_needs_no_network():
    code = (Path(__file__).parents[2] / "mricourse/fundamentals/path_explorer.js").read_text(encoding="utf-8")
    assert "http" not in code and "import" not in code
    assert len(code.splitlines()) < 90
