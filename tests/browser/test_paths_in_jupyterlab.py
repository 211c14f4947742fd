"""The optimizers' widget as a learner meets it: click into a loss surface, or move the start by keyboard."""

import re

import nbformat
import pytest

from mricourse.fundamentals.loss_surfaces import PATH_COLOURS

SETUP = """
from mricourse.fundamentals.loss_surfaces import SADDLE, T2_DECAY
from mricourse.fundamentals.path_explorer import PathExplorer
explorer = PathExplorer([SADDLE, T2_DECAY])
explorer
"""
ASK = "print('start', *(f'{c:.2f}' for c in explorer.start), explorer.surface.value)"
RMSPROP = [int(PATH_COLOURS[3][place : place + 2], 16) for place in (1, 3, 5)]  # the border of the start has others
INK = """([canvas, colour]) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) n += data[i + 3] && colour.every((c, k) => Math.abs(data[i + k] - c) < 8);
  return n;
}"""


@pytest.fixture
def notebook(open_cells):
    return open_cells("paths.ipynb", [nbformat.v4.new_code_cell(code.strip()) for code in (SETUP, ASK)])


def wait_for_start(page, cell, x, y, title, *, within):
    """Ask Python where the start is until it is there; returns (x, y)."""
    for _ in range(20):
        cell.locator("textarea, .cm-content").first.click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(500)
        said = re.search(r"start (\S+) (\S+) (.+)", cell.locator(".jp-OutputArea-output").inner_text())
        place = (float(said[1]), float(said[2]))
        if place == pytest.approx((x, y), abs=within) and said[3].strip() == title:
            return place
    pytest.fail(f"Python says {said[0]!r}; expected {x:.2f} {y:.2f} {title}")


def wait_for_paths(page, canvas, *, more_than=200):
    """Wait until the path of RMSProp is drawn to its end; returns the number of its pixels."""
    before = -1
    for _ in range(100):
        page.wait_for_timeout(200)
        now = page.evaluate(INK, [canvas.element_handle(), RMSPROP])
        if now == before and now > more_than:
            return now
        before = now
    pytest.fail(f"the path of RMSProp has {before} pixels")


def test_the_start_moves_by_mouse_and_keyboard(notebook):
    page = notebook.page
    widget, question = notebook.cells
    assert notebook.errors == []
    canvas = widget.locator("canvas")
    canvas.scroll_into_view_if_needed()
    wait_for_paths(page, canvas)

    # a click in the middle of the lower left quarter of the window, which is -1.5 to 1.5 both ways
    box = canvas.bounding_box()
    left, top, width, height = 0.14, 0.04, 0.81, 0.80
    canvas.click(position={"x": (left + width / 4) * box["width"], "y": (top + height * 3 / 4) * box["height"]})
    wait_for_paths(page, canvas)
    x, y = wait_for_start(page, question, -0.75, -0.75, "a saddle", within=0.03)

    # arrow keys: a fortieth of the window each
    canvas.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight"):
        canvas.press(key)
    x, y = wait_for_start(page, question, x + 0.075, y + 0.15, "a saddle", within=0.02)

    # a slider, by keyboard
    widget.get_by_role("slider").nth(0).press("End")
    wait_for_start(page, question, 1.5, y, "a saddle", within=0.01)

    # another surface
    widget.get_by_label("surface", exact=True).select_option("amplitude and T2 decay")
    wait_for_start(page, question, 1.8, 0.3, "amplitude and T2 decay", within=0.001)
    canvas.scroll_into_view_if_needed()
    wait_for_paths(page, canvas)

    notebook.screenshot()
    assert notebook.complaints == []
    assert notebook.outside == []
