"""Widgets without a browser: what a moved slider does to the pictures; tests/browser/ moves real ones."""

import io
import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import ipywidgets
import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.physics.sampling import equispaced_mask
from mricourse.plotting.figures import plot_lines
from mricourse.plotting.pictures import kspace_picture
from mricourse.plotting.widgets import ImageView, MaskPainter, explore

NY, NX = 300, 260  # large enough not to be enlarged
RAMP = torch.linspace(0, 1, NX).expand(NY, NX)
STACK = torch.stack([0.25 * RAMP, 0.5 * RAMP, RAMP])


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_image_view_starts_at_the_middle_slice_and_follows_its_slider():
    view = ImageView(STACK)
    assert pixels(view.pngs[0]).shape == (NY, NX)
    assert pixels(view.pngs[0]).max() == pytest.approx(0.5 * 255, abs=2)
    view.slice.value = 2
    assert pixels(view.pngs[0]).max() == 255


def test_window_and_level_change_the_greys():
    view = ImageView(STACK[2])
    plain = pixels(view.pngs[0]).astype(int)
    view.window.value = 20
    steep = pixels(view.pngs[0]).astype(int)
    assert (np.unique(steep[0]).size < np.unique(plain[0]).size) and steep[0, NX // 2] == pytest.approx(127, abs=8)
    view.level.value = 100
    assert pixels(view.pngs[0])[0, NX // 2] == 0


def test_all_images_share_the_window_of_the_reference():
    view = ImageView({"reference": RAMP, "twice": 2 * RAMP, "turned": 1j * RAMP}, reference=RAMP)
    reference, twice, turned = map(pixels, view.pngs)
    assert np.array_equal(reference, turned)
    assert twice[0, NX // 2] == pytest.approx(255, abs=1)


@pytest.mark.parametrize(
    ("images", "titles", "match"),
    [
        ({"a": torch.ones(2, 3, 4, 5)}, None, r"image 'a' has shape \(2, 3, 4, 5\)"),
        ({"a": torch.ones(2, 4, 5), "b": torch.ones(3, 4, 5)}, None, r"\[2, 3\] slices"),
        ([RAMP, RAMP], ["same", "same"], "a different one for each"),
        ([RAMP, RAMP], ["one"], "a different one for each"),
    ],
)
def test_image_view_refuses_what_it_cannot_show(images, titles, match):
    with pytest.raises(ValueError, match=match):
        ImageView(images, titles)


def shade(brightness=0.5, te_ms=10, kind="plain", invert=False):
    if te_ms == 13:
        raise ValueError("te_ms is 13; expected\nanything else.")
    return {f"{kind}, {te_ms} ms": (1 - RAMP if invert else RAMP) * brightness}


def test_explore_builds_the_right_control_for_each_argument():
    view = explore(shade, brightness=(0.0, 1.0), te_ms=(5, 50, 2), kind=["plain", "fancy"], invert=False)
    kinds = {name: type(slider) for name, slider in view.sliders.items()}
    assert kinds == {
        "brightness": ipywidgets.FloatSlider,
        "te_ms": ipywidgets.IntSlider,
        "kind": ipywidgets.Dropdown,
        "invert": ipywidgets.Checkbox,
    }
    assert [slider.value for slider in view.sliders.values()] == [0.5, 10, "plain", False]
    assert view.sliders["te_ms"].description == "te (ms)"
    assert view.sliders["te_ms"].step == 2


def test_explore_shows_the_default_first_and_keeps_its_window():
    view = explore(shade, brightness=(0.0, 1.0))
    first = pixels(view.pngs[0])
    assert first.max() == 255
    view.sliders["brightness"].value = 0.25
    assert pixels(view.pngs[0]).max() == pytest.approx(127, abs=2)
    view.sliders["brightness"].value = 0.5
    assert np.array_equal(pixels(view.pngs[0]), first)


def test_an_error_becomes_one_sentence_and_the_last_picture_stays(capfd):
    view = explore(shade, te_ms=(10, 20))
    before = view.pngs
    view.sliders["te_ms"].value = 13
    assert view.error == "te_ms is 13; expected anything else."
    assert view.pngs == before
    view.sliders["te_ms"].value = 14
    assert view.error == ""
    assert capfd.readouterr() == ("", "")


def test_an_error_at_the_start_is_raised_where_a_test_sees_it():
    with pytest.raises(ValueError, match="anything else"):
        explore(lambda te_ms=13: shade(te_ms=te_ms), te_ms=(1, 20))


def test_explore_takes_figures_and_ready_pictures():
    view = explore(lambda n=3: plot_lines(None, range(n), xlabel="n", ylabel="y"), n=(2, 9))
    before = view.pngs
    view.sliders["n"].value = 5
    assert view.error == "" and view.pngs != before
    colour = np.zeros((NY, NX, 3), np.uint8)
    colour[..., 0] = 200
    assert pixels(explore(lambda: colour).pngs[0])[0, 0].tolist() == [200, 0, 0]
    assert pixels(explore(lambda: RAMP > 0.5).pngs[0]).max() == 255


def test_the_number_of_pictures_may_change():
    view = explore(lambda n=1: [RAMP] * n, n=(1, 3))
    view.sliders["n"].value = 3
    assert len(view.pngs) == 3


@pytest.mark.parametrize("spec", [(5, 1), (1,), (1, 2, 0), (1, 2, 3, 4), "text", [], ("a", "b"), None])
def test_a_wrong_slider_is_refused(spec):
    with pytest.raises(ValueError, match="slider te_ms is .*expected"):
        explore(shade, te_ms=spec)


def test_a_slider_without_an_argument_is_refused():
    with pytest.raises(ValueError, match="shade has no argument 'te'; it has brightness, te_ms"):
        explore(shade, te=(1, 2))


@pytest.mark.parametrize(("result", "error"), [(torch.ones(8, 4, 5), ValueError), (3.0, TypeError)])
def test_what_is_no_image_is_refused(result, error):
    with pytest.raises(error, match="expected"):
        explore(lambda: result)


@pytest.fixture
def kspace():
    return fft2c(RAMP.to(torch.complex64))


def test_mask_painter_calls_back_with_the_mask(kspace):
    seen = []

    def show(mask):
        seen.append(mask)
        return ifft2c(mask * kspace)

    painter = MaskPainter((NY, NX), kspace=kspace, on_change=show)
    assert not seen[0].any()
    painter.mask = equispaced_mask(NY, 3, acs=0)
    assert seen[-1].dtype == torch.bool and seen[-1].shape == (NY, NX)
    assert torch.equal(seen[-1], equispaced_mask(NY, 3, acs=0).expand(NY, NX))
    assert torch.equal(painter.mask, seen[-1])
    drawn, image = map(pixels, painter.pngs)
    orange = drawn[..., 0] > drawn[..., 2].astype(int) + 50
    assert np.array_equal(orange, seen[-1].numpy()), "what the browser paints is painted here, over k-space"
    assert np.array_equal(drawn[~orange][:, 0], kspace_picture(kspace)[~orange])
    painter.mask = torch.ones(NY, NX, dtype=torch.bool)
    assert pixels(painter.pngs[1]).max() == 255, "the full image fills the window"


def test_mask_painter_takes_what_the_browser_sends(kspace):
    painter = MaskPainter((NY, NX), mask=torch.ones(NY, 1, dtype=torch.bool))
    sent = np.zeros((NY, NX), np.uint8)
    sent[10:20, 30:40] = 1
    painter._canvas.set_state({"data": memoryview(sent.tobytes())})
    assert int(painter.mask.sum()) == 100
    assert painter._count.value == f"100 of {NY * NX} samples, R = {NY * NX / 100:.1f}"


def test_mask_painter_shows_errors_of_its_callback(kspace):
    def fail_when_painted(mask):
        if mask.any():
            raise RuntimeError("no")

    painter = MaskPainter((NY, NX), on_change=fail_when_painted)
    painter.mask = torch.ones(NY, NX, dtype=torch.bool)
    assert painter.error == "no"


def test_mask_painter_refuses_wrong_shapes(kspace):
    with pytest.raises(ValueError, match=r"expected \(ny, nx\)"):
        MaskPainter((NY,))
    with pytest.raises(ValueError, match="Pick one coil"):
        MaskPainter((NY, NX), kspace=kspace.expand(4, NY, NX))
    with pytest.raises(ValueError, match=r"mask has shape \(7, 1\)"):
        MaskPainter((NY, NX), mask=torch.ones(7, 1, dtype=torch.bool))


def test_kspace_picture_spans_the_greys(kspace):
    picture = kspace_picture(kspace)
    assert picture.dtype == np.uint8 and picture.shape == (NY, NX)
    assert picture.max() == 255 and picture[NY // 2, NX // 2] == 255


@pytest.mark.parametrize("make", [lambda: ImageView(STACK), lambda: explore(shade), lambda: MaskPainter((NY, NX))])
def test_every_view_carries_a_still_picture_for_pages_without_a_kernel(make):
    bundle, metadata = make()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    height, width, _ = pixels(b64decode(bundle["image/png"])).shape
    assert width == NX and NY <= height < NY + 50
    json.dumps(bundle)


def test_a_still_has_the_titles_above_its_pictures():
    def still(titles):
        bundle, _ = explore(lambda: dict(zip(titles, [0.5 * RAMP, RAMP], strict=True)))._repr_mimebundle_()
        return pixels(b64decode(bundle["image/png"])).astype(int)

    plain, one, both = still([" ", "  "]), still(["mine", "  "]), still(["mine", "far too long a title " * 9])
    above, tight = one.shape[0] - NY, both.shape[0] - NY
    assert plain.shape == (NY, 2 * NX + 12, 3) and 0 < tight < above < 50
    assert (one[above:] == plain).all() and (both[tight:] == plain).all()
    assert one[:above, :NX].min() < 50 and one[:above, NX:].min() == 255  # letters above the one that has a title
    assert both[:tight, NX + 12 :].min() < 200
    assert (both[:tight, NX : NX + 12] == 255).all()  # none runs over into the picture beside


def test_headless_runs_are_silent(tmp_path):
    source = [
        "import torch; from mricourse.plotting import ImageView, MaskPainter, explore",
        "view = ImageView(torch.rand(3, 8, 8)); view",
        "def f(a=1): return a * torch.ones(8, 8)\nlook = explore(f, a=(1, 4)); look.sliders['a'].value = 3; look",
        "MaskPainter((8, 8), on_change=lambda mask: mask)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in source])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert [output.output_type for output in outputs] == ["execute_result"] * 3


def test_the_painter_needs_no_network():
    code = (Path(sys.modules[MaskPainter.__module__].__file__).parent / "mask_painter.js").read_text(encoding="utf-8")
    assert "http" not in code and "import" not in code
    assert len(code.splitlines()) < 70


def test_the_library_imports_without_widgets():
    code = "import sys, mricourse; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
