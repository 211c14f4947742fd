"""Alternative text: what figures and widgets say to those who cannot see them."""

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch
from nbclient import NotebookClient

from mricourse.fundamentals.loss_surfaces import SADDLE
from mricourse.fundamentals.path_explorer import PathExplorer
from mricourse.physics.sampling import equispaced_mask
from mricourse.plotting import set_alt
from mricourse.plotting.alt_text import describe, figure_of, plain, with_alt
from mricourse.plotting.figures import (
    plot_lines,
    show_error,
    show_images,
    show_kspace,
    show_mask,
    show_phase,
    show_point_spread,
    show_smaps,
)
from mricourse.plotting.widgets import ImageView, MaskPainter, explore

pytestmark = pytest.mark.usefixtures("style_kept")
X = torch.rand(33, 40, generator=torch.Generator().manual_seed(0)) * torch.exp(torch.tensor(0.3j))
CURVES = {"with noise": [9.0, 2, 4], "without noise": [9.0, 4, 1]}

OURS = {  # what a lesson draws -> what it says
    lambda: show_images({"reference": X, "zero-filled": 0.8 * X}, reference=X, error_gain=5): (
        "Two panels, magnitude (a.u.): reference; zero-filled, 18.8 dB. One panel, |error| (a.u.): error × 5."
    ),
    lambda: show_images([X, X]): "Two panels, magnitude (a.u.).",
    lambda: show_error([X, X], X): "Two panels, |error| (a.u.): error × 5.",
    lambda: show_kspace({"all": X, "half of it": X}): (
        "Two panels over kx and ky, log(1 + 1000 |k|): all; half of it."
    ),
    lambda: show_mask(equispaced_mask(36, 4, acs=0)): "One panel over kx and ky: R = 4.0.",
    lambda: show_phase(X, ["the phase"]): "One panel, phase (rad): the phase.",
    lambda: show_smaps(torch.stack([X, X])): "Two panels, |S|: coil 0; coil 1. Two panels, phase (rad).",
    lambda: show_point_spread(equispaced_mask(36, 4, acs=0), title="every fourth line"): (
        "Every fourth line: line plot of |PSF| (dB) against y (pixels from the point): one curve (from 0 to -50)."
    ),
    lambda: plot_lines(None, CURVES, xlabel="iteration", ylabel="error (%)"): (
        "Line plot of error (%) against iteration: with noise (from 9 to 4, at least 2), without noise (from 9 to 1)."
    ),
    lambda: plot_lines(
        None, CURVES, xlabel="n", ylabel="e", alt=" Noise stops\n the descent. "
    ): "Noise stops the descent.",
}


@pytest.mark.parametrize("draw", OURS, ids=range(len(OURS)))
def test_the_courses_figures_say_what_they_show(draw):
    assert describe(figure_of(draw())) == OURS[draw]


def bars():
    axes = plt.subplots()[1]
    axes.bar(["U-Net", "MoDL"], [31.04, 36.2])
    axes.set(ylabel="PSNR (dB)", title=r"at $\lambda = 0.1$")
    return axes


def histogram():
    axes = plt.subplots()[1]
    axes.hist([1, 2, 2, 3])
    axes.set(xlabel="value", ylabel="count")
    return axes


def two_plots():
    _, axes = plt.subplots(1, 2)
    axes[0].scatter([1, 2], [3, 4])
    axes[0].set(xlabel=r"$\rho_1$", ylabel="y")
    axes[1].plot([1, 2, 3], label="a")
    axes[1].plot([1, float("nan"), 3], label="b")
    axes[1].legend()
    axes[1].set(ylabel="z", title="right")
    axes[0].figure.suptitle("Both")
    return axes


def drawing():
    axes = plt.subplots()[1]
    axes.set_axis_off()
    axes.text(0.1, 0.1, "k-space")
    axes.text(0.5, 0.1, "network")
    return axes


def shared_colours():
    figure, axes = plt.subplots(1, 2)
    for cell, title in zip(axes, ("left", "right"), strict=True):
        mesh = cell.pcolormesh([[1, 2], [3, 4]], vmin=0, vmax=4)
        cell.set(title=title, xlabel="x (mm)")
        cell.plot([0, 1], [0, 1], label="the line")
    figure.colorbar(mesh, ax=axes, label="B0 (Hz)")
    return axes


def unnamed():
    axes = plt.subplots()[1]
    axes.plot([1, 2, 3])
    return axes


PLAIN = {
    bars: "At λ = 0.1: bar chart of PSNR (dB): U-Net 31, MoDL 36.2.",
    histogram: "Bar chart of count against value.",
    two_plots: (
        "Both. Two plots. Scatter plot of y against ρ_1. Right: line plot of z: a (from 1 to 3), b (from 1 to 3)."
    ),
    drawing: "Drawing with the words k-space, network.",
    shared_colours: "Two panels over x (mm), B0 (Hz): left (with the line); right (with the line).",
    unnamed: "",
    plt.figure: "",
}


@pytest.mark.parametrize("draw", PLAIN, ids=[draw.__name__ for draw in PLAIN])
def test_plain_figures_say_what_their_labels_say(draw):
    figure = figure_of(draw())
    figure.canvas.draw()
    assert describe(figure) == PLAIN[draw]


def test_an_author_says_it_better():
    axes = two_plots()
    set_alt(axes, "Left falls, right rises.")
    assert describe(axes[0].figure) == "Left falls, right rises."
    for drawn, text in ((axes, " "), ("a picture", "text"), ([], "text")):
        with pytest.raises(ValueError, match="expected a figure or its Axes, and a text"):
            set_alt(drawn, text)


def test_mathematics_becomes_words():
    assert (
        plain(r"$\|\Psi x\|_1$, $\lambda = 2$ in $\mathrm{mm}$," + "\n" + r"$\times 3$") == "‖Ψ x‖_1, λ = 2 in mm, × 3"
    )


def test_what_is_no_figure_is_left_alone():
    assert with_alt("text", "data") == "data" and with_alt(plt.figure(), None) is None
    assert with_alt(bars().figure, ("data", {"width": 3}))[1]["width"] == 3


# --- widgets ---


def look(acceleration=2):
    return plot_lines(None, [3.0, 2, acceleration], xlabel="n", ylabel="error")


VIEWS = {
    lambda: ImageView({"one": X, "two": X}): (
        "Interactive view, at its start: one; two. Controls: window (%), level (%)."
    ),
    lambda: explore(look, acceleration=(1, 8)): (
        "Interactive view, at its start: Line plot of error against n: one curve (from 3 to 2). Controls: acceleration."
    ),
    lambda: MaskPainter((33, 40), on_change=lambda mask: {"image": X}): (
        "Interactive view, at its start: the mask, 0 of 1320 samples; image. "
        "Controls: whole ky lines, brush (px), clear."
    ),
}


@pytest.mark.parametrize("make", VIEWS, ids=range(len(VIEWS)))
def test_stills_of_widgets_say_what_is_on_them(make):
    _, metadata = make()._repr_mimebundle_()
    assert metadata == {"image/png": {"alt": VIEWS[make]}}


def test_the_path_explorer_says_what_it_draws():
    _, metadata = PathExplorer([SADDLE])._repr_mimebundle_()
    assert "A saddle: line plot of weight 2 against weight 1: gradient descent (" in metadata["image/png"]["alt"]


def test_a_figure_in_a_widget_is_described_for_those_who_listen():
    [box] = explore(look, acceleration=(1, 8)).output.pictures.children
    assert "Line plot of error against n" in box.children[2].value and "clip-path" in box.children[2].value
    [box] = ImageView({"one": X}).output.pictures.children
    assert box.children[2].value == "" and box.children[0].value == "one"


# --- kernels ---

ORDERS = {  # however the imports are ordered, and whichever way a figure is shown
    "ours first": ["import mricourse", "import matplotlib.pyplot as plt"],
    "ours last": ["import matplotlib.pyplot as plt\nplt.figure()\nplt.close('all')", "import mricourse"],
    "together": ["import mricourse, matplotlib.pyplot as plt"],
    "figures only": ["import matplotlib.pyplot as plt", "from mricourse.plotting import plot_lines"],
    "formats chosen later": [
        "import mricourse, matplotlib.pyplot as plt",
        "from matplotlib_inline.backend_inline import set_matplotlib_formats\nset_matplotlib_formats('retina')",
    ],
}
SHOWN = [
    "axes = plt.subplots()[1]\naxes.set_title('a title')\naxes.plot([1, 2, 3]);",
    "axes = plt.subplots()[1]\naxes.set_title('a title')\naxes.plot([1, 2, 3])\nplt.show()",
    "figure, axes = plt.subplots()\naxes.set_title('a title')\naxes.plot([1, 2, 3])\nplt.close()\nfigure",
]


@pytest.mark.parametrize("order", ORDERS)
def test_figures_of_a_kernel_carry_it_whatever_the_order_of_imports(order):
    head = ORDERS[order]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in [*head, *SHOWN]])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    pictures = [output for cell in notebook.cells for output in cell.outputs if "image/png" in output.get("data", {})]
    said = [output.metadata["image/png"]["alt"] for output in pictures]
    assert said == ["A title: line plot: one curve (from 1 to 3)."] * 3
