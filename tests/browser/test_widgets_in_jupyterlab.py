"""The widgets as a learner meets them: in JupyterLab, by mouse and by keyboard."""

import nbformat
import pytest

SETUP = """
import itertools
import torch
from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.physics.sampling import equispaced_mask
from mricourse.plotting.widgets import ImageView, MaskPainter, explore
from mricourse.plotting.pictures import kspace_picture
y, x = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 128), indexing="ij")
rings = ((x**2 + y**2) < 0.7) * (1 + 0.4 * torch.sin(12 * x) * torch.cos(9 * y))
stack = torch.stack([rings * scale for scale in (0.2, 0.6, 1.0)])
kspace = fft2c(rings.to(torch.complex64))
turns = itertools.count()
"""
VIEW = "ImageView({'rings': stack, 'upside down': stack.flip(-2)})"
EXPLORE = """
def undersample(acceleration=2, acs_lines=8):
    if acceleration == 7:
        raise ValueError("seven came; expected anything else.")
    masked = kspace * equispaced_mask(96, acceleration, acs=acs_lines)
    return {"k-space": kspace_picture(masked), f"image, R = {acceleration}": ifft2c(masked)}
explore(undersample, acceleration=(1, 8), acs_lines=[0, 8, 16])
"""
PAINT = """
painter = MaskPainter(kspace.shape, kspace=kspace, on_change=lambda mask: {"image": ifft2c(mask * kspace)})
painter
"""
LINES = 6  # width of the brush that the painter starts with
COUNT = "print('turn', next(turns), 'counted', int(painter.mask.sum()), 'samples')"
SEND_MS = 300  # longer than the canvas waits before it sends a piece of a stroke


@pytest.fixture
def notebook(open_cells):
    cells = [nbformat.v4.new_markdown_cell("# Widgets")]
    cells += [nbformat.v4.new_code_cell(code.strip()) for code in (SETUP, VIEW, EXPLORE, PAINT, COUNT)]
    return open_cells("widgets é.ipynb", cells)


def source(cell, index=0):
    return cell.locator("img").nth(index).get_attribute("src")


def wait_for_change(page, cell, before, index=0):
    for _ in range(100):
        if source(cell, index) != before:
            return
        page.wait_for_timeout(50)
    pytest.fail("the image did not change")


def counted(page, cell, turn):
    """What Python counts once it has answered all that the browser sent before: options go to it and back."""
    page.wait_for_timeout(SEND_MS)
    cell.locator("textarea, .cm-content").first.click()
    page.keyboard.press("Control+Enter")
    output = cell.get_by_text(f"turn {turn} counted")
    output.wait_for()
    return int(output.inner_text().split()[3])


def test_widgets_work_in_jupyterlab(notebook):
    page = notebook.page
    _, _, view, explorer, painter, count = notebook.cells
    assert notebook.errors == []

    # the slice slider by keyboard
    before = source(view)
    view.get_by_role("slider").nth(2).press("ArrowRight")
    wait_for_change(page, view, before)

    # a slider of explore by keyboard, and an error of its function
    acceleration = explorer.get_by_role("slider").nth(0)
    before = source(explorer, 1)
    acceleration.press("ArrowRight")
    wait_for_change(page, explorer, before, 1)
    explorer.get_by_text("image, R = 3").wait_for()
    acceleration.press("End")
    explorer.get_by_text("image, R = 8").wait_for()
    acceleration.press("ArrowLeft")
    explorer.get_by_role("alert").get_by_text("seven came; expected anything else.").wait_for()

    # paint with the mouse
    canvas = painter.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    before = source(painter)
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5, steps=5)
    page.mouse.up()
    wait_for_change(page, painter, before)
    painter.get_by_text("of 12288 samples, R =").wait_for()

    stroke = counted(page, count, 1)

    # whole lines, by keyboard; Python counts what the page says
    painter.get_by_label("whole ky lines").check()
    assert counted(page, count, 2) == stroke
    canvas.focus()
    canvas.press("ArrowDown")
    canvas.press("ArrowDown")
    canvas.press(" ")
    assert counted(page, count, 3) == stroke + LINES * 128
    painter.get_by_text(f"{stroke + LINES * 128} of 12288 samples").wait_for()

    # erase the lines, then everything
    painter.get_by_role("button", name="erase").click()
    counted(page, count, 4)
    canvas.focus()
    canvas.press(" ")
    painter.get_by_text(f"{stroke} of 12288 samples").wait_for()
    painter.get_by_role("button", name="clear").click()
    painter.get_by_text("0 of 12288 samples", exact=True).wait_for()

    assert len(notebook.screenshot()) == 6
    assert notebook.complaints == []
    assert notebook.outside == []
