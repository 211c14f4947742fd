"""Headless runs of a tiny lesson: pages that need no network, claims, times, and failures that name their cell."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from mricourse.classroom import run
from mricourse.classroom.notebooks import lesson_sources
from mricourse.classroom.page import STATE, VIEW, bound, claims_table, draw_equation, equations, lesson_page, measured
from mricourse.classroom.run import run_lessons, update_readme
from mricourse.classroom.syllabus import load_syllabus

CLAIM = {"sentence": "Two | <three>", "value": 1.8321, "low": 1.5, "high": 2.1, "n": 24, "unit": "dB", "passed": True}
CLAIM |= {"at_least": 0.5, "at_most": None, "samples": "slices", "interval": "bootstrap", "values": None}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


def page_of(*cells, claims=(), folder=None, widgets=None):
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    if widgets:
        notebook.metadata["widgets"] = {STATE: {"state": widgets, "version_major": 2, "version_minor": 0}}
    return lesson_page(notebook, title="A lesson", folder=folder or ".", claims=list(claims))


def addresses(page):
    """What a browser would fetch: scripts, pictures, styles and imports that are not inside the page."""
    found = re.findall(r"""(?:src|href)=["']([^"'#]+)["']|url\(["']?(?!data:)([^)"']+)|import\(["']([^"']+)""", page)
    return [address for group in found for address in group if address and not address.startswith("data:")]


@pytest.fixture(scope="module")
def finished(shared_tiny_course):
    """The tiny lesson, run in both versions."""
    folder = shared_tiny_course
    heard = []
    for learner in (False, True):
        pages = folder.parent / ("learner" if learner else "full")
        run_lessons(lesson_sources(folder), pages, learner=learner, report=heard.append)
    return folder.parent, heard


def test_a_run_writes_pages_claims_and_an_index(finished):
    folder, [full, learner] = finished
    assert full.error is None and learner.error is None
    assert full.title == "1 · A tiny lesson" and 0 < full.first_figure_seconds < full.seconds < 60
    written = json.loads((folder / "full/claims.json").read_text(encoding="utf-8"))
    assert [row["lesson"] for row in written["lessons"]] == ["01_tiny"] and written["version"] == "full"
    [claim] = written["claims"]
    assert claim["sentence"] == "Two is more than one" and claim["lesson"] == "01_tiny" and claim["seconds"] > 0
    index = (folder / "full/index.html").read_text(encoding="utf-8")
    assert 'href="01_tiny.html"' in index and "Two is more than one" in index and "at least 1 dB" in index


def test_pages_hold_figures_equations_and_the_claims_table_and_fetch_nothing(finished):
    folder, _ = finished
    page = (folder / "full/01_tiny.html").read_text(encoding="utf-8")
    assert addresses(page) == [] and "<script" not in page
    assert 'alt="drawing" src="data:image/svg+xml;base64' in page and 'src="data:image/png;base64' in page
    assert page.count('role="img"') == 2 and "the_answer" in page
    assert page.index("not the square of each value") < page.index("The claims of this lesson")
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", page)]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in pairwise(levels))
    assert "What is 3 squared?" in page and "Answer and reason" in page, "the quiz, its answers folded"
    index = (folder / "full/index.html").read_text(encoding="utf-8")
    assert index.count("<h1") == 1 and {"GLOSSARY.html", "SYMBOLS.html"} <= set(addresses(index))
    assert all((folder / "full" / name).is_file() for name in addresses(index))


def test_the_learners_page_shows_the_unsolved_exercise(finished):
    folder, _ = finished
    page = (folder / "learner/01_tiny.html").read_text(encoding="utf-8")
    assert "Your turn: write my_square" in page and "the_answer" not in page and "secret" not in page


BUSY = """\
# %%
import os, time
from pathlib import Path
Path("pid").write_text(str(os.getpid()))
time.sleep(300)
"""
RUN = """
import signal
import sys
from pathlib import Path

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
from mricourse.classroom import notebooks
from mricourse.commands import app, lessons
lessons._sources = lambda words: [Path(sys.argv[1])]
app.main(["run", "-o", sys.argv[2]])
"""


def kernels_of(process):
    """Numbers of the processes that one has started and that run a kernel."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children"))
    return [int(child) for child in children.split() if "ipykernel" in Path(f"/proc/{child}/cmdline").read_text()]


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the kernel in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["computing", "starting"])
def test_an_interrupted_run_says_so_and_takes_its_kernel_along(tmp_path, number, when):
    source, pid = tmp_path / "source/01_busy.py", tmp_path / "pid"
    source.parent.mkdir()
    source.write_text(BUSY, encoding="utf-8")
    pages = tmp_path / "pages"
    command = [sys.executable, "-c", RUN, str(source), str(pages)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 300
        while not (kernels := kernels_of(running.pid)) or (when == "computing" and not pid.exists()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(number)
        out, said = running.communicate(timeout=300)
    assert running.returncode == 130 and out == "" and said == "mricourse: Interrupted.\n", (running.returncode, said)
    assert not any(map(is_alive, kernels)) and not pages.exists()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1 / 0", "cell-003 (code cell 4) failed: ZeroDivisionError: division by zero"),
        ('# %% tags=["check"]\nassert False, "too small"', "(code cell 4, check) failed: AssertionError: too small"),
        ("import os; os._exit(1)", "cell-003 (code cell 4): the kernel died"),
    ],
)
def test_a_failing_cell_is_named_and_the_page_is_still_written(tmp_path, cell, words):
    source = tmp_path / "source/01_bad.py"
    source.parent.mkdir()
    cells = ["# %%\nx = 1", "# %%\ny = 2", "# %%\nprint(x)", cell if "# %%" in cell else f"# %%\n{cell}", "# %%\nz = 3"]
    source.write_text("\n\n".join(cells), encoding="utf-8")
    [result] = run_lessons([source], tmp_path / "pages", report=lambda result: None)
    assert words in result.error and "\n" not in result.error and result.first_figure_seconds is None
    assert "x = 1" in (tmp_path / "pages/01_bad.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "pages/claims.json").read_text())["lessons"][0]["error"] == result.error


PIXEL_SHOWN = f'Image(base64.b64decode("{PIXEL}")'
SVG_SHOWN = "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><title>A {}</title></svg>')"
SILENT = {  # cell -> how the error begins, or nothing where its picture says what it shows
    f"{PIXEL_SHOWN})": "cell-001 (code cell 2) shows a picture without alternative text: give the figure",
    f"{PIXEL_SHOWN}, alt=\"a 'grey' <pixel>\")": "",
    "plt.plot([1, 2, 3]);": "cell-001 (code cell 2) shows a picture without",
    "plt.plot([1, 2, 3]); plt.ylabel('signal');": "",
    "plt.imshow([[1, 2]]); plt.title('two pixels'); plt.show()": "",
    "HTML('<img src=\"data:,\">')": "cell-001 (code cell 2) shows a picture without",
    'HTML(\'<img src="data:," alt="nothing">\')': "",
    SVG_SHOWN.format(""): "",
    SVG_SHOWN.replace("<title>A {}</title>", ""): "cell-001 (code cell 2) shows a picture without",
    "VBox([ipywidgets.Image(value=b'GIF')])": "cell-001 (code cell 2) shows a picture without",
    "VBox([ipywidgets.Image(value=b'GIF', tooltip='a pixel')])": "",
    "# %% [markdown]\n# Look: ![](figures/a.png)": "cell-001 shows a picture without alternative text: write it as ![",
    "# %% [markdown]\n# Look: ![ ](figures/a.png), written `![what](figures/name.svg)`": "cell-001 shows a picture",
    "# %% [markdown]\n# Look: <img src='figures/a.png'>": "cell-001 shows a picture without",
    "# %% [markdown]\n# Look: <img src='figures/a.png' alt='An a'>, written `![](figures/name.svg)`": "",
}
SILENT_HEAD = """\
# %%
import base64
import ipywidgets
import matplotlib.pyplot as plt
import mricourse
from IPython.display import HTML, SVG, Image
from ipywidgets import VBox
"""


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    """What a run says about each of those cells, and their pages: one kernel each would take minutes."""
    folder = tmp_path_factory.mktemp("silent")
    cells = [cell if cell.startswith("# %%") else f"# %%\n{cell}" for cell in SILENT]
    (folder / "source").mkdir()
    (folder / "figures").mkdir()
    (folder / "figures/a.png").write_bytes(base64.b64decode(PIXEL))
    source = folder / "source/01_silent.py"
    source.write_text("\n\n".join([SILENT_HEAD, *cells]) + "\n", encoding="utf-8")
    [result] = run_lessons([source], folder / "pages", report=lambda result: None)
    return result.error, (folder / "pages/01_silent.html").read_text(encoding="utf-8")


def test_a_picture_that_says_nothing_is_an_error_that_names_its_cell(silent):
    error, page = silent
    silent_cells = [number for number, said in enumerate(SILENT.values(), 1) if said]
    assert [int(number) for number in re.findall(r"cell-(\d+)(?: \(code cell \d+\))? shows", error)] == silent_cells
    assert "cell-001 (code cell 2) shows a picture without alternative text: give the figure a title" in error
    assert "cell-012 shows a picture without alternative text: write it as ![what it shows]" in error
    for words in ("a &#39;grey&#39; &lt;pixel&gt;", "Line plot of signal: one curve (from 1 to 3).", "A", "a pixel"):
        assert f'alt="{words}"' in page.replace("'grey'", "&#39;grey&#39;"), words
    assert 'alt="One panel: two pixels."' in page or "two pixels" in page


def test_a_line_that_is_printed_in_two_pieces_is_one_line_of_the_page(tmp_path):
    source = tmp_path / "source/01_pieces.py"
    source.parent.mkdir()
    pieces = 'import time\nprint("one,", end=" ", flush=True)\ntime.sleep(0.5)\nprint("line")\n'
    source.write_text(f"# %%\n{pieces}", encoding="utf-8")
    [result] = run_lessons([source], tmp_path / "pages", report=lambda result: None)
    assert result.error is None
    assert "<pre>one, line" in (tmp_path / "pages/01_pieces.html").read_text(encoding="utf-8")


def test_a_cell_that_never_ends_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CELL_SECONDS", 2)
    source = tmp_path / "source/01_slow.py"
    source.parent.mkdir()
    source.write_text("# %%\nimport time\ntime.sleep(60)\n", encoding="utf-8")
    [result] = run_lessons([source], tmp_path / "pages", report=lambda result: None)
    assert "took longer than 2 s" in result.error and result.seconds < 30


# --- pages ---


def test_an_interactive_view_becomes_its_first_picture():
    state = {
        "box": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_slider", "IPY_MODEL_image"]}},
        "slider": {"model_name": "IntSliderModel", "state": {"value": 3}},
        "image": {
            "model_name": "ImageModel",
            "state": {"format": "png"},
            "buffers": [{"path": ["value"], "encoding": "base64", "data": PIXEL}],
        },
    }
    output = nbformat.v4.new_output("display_data", {VIEW: {"model_id": "box"}, "text/plain": "VBox()"})
    cell = nbformat.v4.new_code_cell("view", outputs=[output])
    page = page_of(cell, widgets=state)
    assert base64.b64encode(base64.b64decode(PIXEL)).decode() in page.replace("\n", "") and addresses(page) == []
    unknown = nbformat.v4.new_output("display_data", {VIEW: {"model_id": "gone"}, "text/plain": "VBox()"})
    assert "VBox()" in page_of(nbformat.v4.new_code_cell("view", outputs=[unknown]), widgets=state)


@pytest.mark.parametrize(
    "latex",
    [
        r"\hat x = \arg\min_x \tfrac12\lVert A x - y\rVert_2^2 + \lambda\lVert\Psi x\rVert_1",
        r"\operatorname*{arg\,min}_x f",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\mathcal F, \mathbb C, \mathbf{A}^{\mathsf H}, \hat{\boldsymbol\rho}",
        r"g = \sqrt{[(S^H\Psi^{-1}S)^{-1}]_{ii}\,[S^H\Psi^{-1}S]_{ii}} \ge 1",
        r"\begin{cases} x & x > 0 \\ 0 & \text{else} \end{cases}",
    ],
)
def test_equations_are_drawn_with_their_source_as_label(latex):
    for display in (False, True):
        svg = draw_equation(latex, display=display)
        assert svg.startswith('<svg role="img" aria-label="') and svg.count("<path") > 2


@pytest.mark.parametrize("latex", [r"\nosuchcommand{x}", r"\frac{1", r"\left( x", r"\begin{nothing}x\end{nothing}"])
def test_an_equation_that_cannot_be_drawn_is_refused_and_shown_as_source(latex):
    with pytest.raises(ValueError, match="the equation"):
        draw_equation(latex)
    assert "<code>" in page_of(nbformat.v4.new_markdown_cell(f"Here: ${latex}$."))


FOLDED_TEXT = "<details><summary>Why?</summary>\n\nBecause of $x$.\n\n- one\n</details>\n\nAnd on."


def folds(page):
    """What each fold of a page hides, its summary left out."""
    found = BeautifulSoup(page, "html.parser").find_all("details")
    return [fold.get_text().removeprefix(fold.summary.get_text()).split() for fold in found]


def test_what_is_folded_in_a_lesson_is_folded_on_its_page(tmp_path):
    (tmp_path / "dot.png").write_bytes(base64.b64decode(PIXEL))
    picture = "<details><summary>See</summary><img src='dot.png' alt='a dot'> hidden</details>"
    hidden = nbformat.v4.new_code_cell("x = 2", metadata={"jupyter": {"source_hidden": True}})
    cells = [*map(nbformat.v4.new_markdown_cell, (FOLDED_TEXT, picture)), hidden, nbformat.v4.new_code_cell("y = 3")]
    page = page_of(*cells, folder=tmp_path)
    text, seen, code = folds(page)
    assert text[:2] == ["Because", "of"] and text[-1] == "one" and seen == ["hidden"] and "data:image/png" in page
    assert [*code[-3:]] == ["x", "=", "2"]


def test_equations_are_found_but_not_inside_code():
    text = "$a_1$ and `$b$`\n\n$$c\n= d$$\n\n```\n$e$\n```\n\n| $f$ |\n|---|\n| x |\n\n\\begin{align}g\\end{align}"
    assert [equation.strip() for equation in equations(text)] == ["a_1", "c\n= d", "f", r"\begin{align}g\end{align}"]


def test_claims_in_words():
    assert measured(CLAIM) == "1.83 dB [1.5, 2.1], bootstrap, 24 slices" and bound(CLAIM) == "at least 0.5 dB"
    few = {**CLAIM, "n": 2, "samples": "seeds", "interval": None, "values": [1.5, 2.16]}
    assert measured(few) == "1.83 dB (1.5, 2.16), 2 seeds"
    single = {**CLAIM, "n": 1, "unit": "", "at_most": 2}
    assert measured(single) == "1.83" and bound(single) == "0.5 to 2"
    assert bound({**single, "at_least": 2, "unit": "px"}) == "exactly 2 px"
    table = claims_table([{**CLAIM, "passed": False}])
    assert "Two | &lt;three&gt;" in table and "does not hold" in table and 'class="fails"' in table


# --- README ---


@pytest.fixture
def readme(tmp_path, monkeypatch):
    rows = [{"lesson": "03_sense", "seconds": 31.4, "first_figure_seconds": 6.2, "error": None}]
    claims = {
        "machine": {"cores": 2, "system": "Linux"},
        "lessons": rows,
        "claims": [{**CLAIM, "lesson": rows[0]["lesson"]}],
    }
    (tmp_path / "claims.json").write_text(json.dumps(claims), encoding="utf-8")
    monkeypatch.setattr(run, "lesson_sources", lambda: [tmp_path / "03_sense.py"])
    path = tmp_path / "README.md"
    path.write_text("# A\n<!-- lessons -->\nold\n<!-- /lessons -->\nB\n")
    return path


def test_readme_gets_the_tables_of_a_run(readme):
    claims = readme.with_name("claims.json")
    assert "now hold" in update_readme(readme, claims)
    text = readme.read_text(encoding="utf-8")
    page = (readme.parent / "docs/CLAIMS.md").read_text(encoding="utf-8")
    row = load_syllabus().lesson("03_sense")
    assert f"| [3 · {row.title}](notebooks/03_sense.ipynb) |" in text and f"| 31 s | 6 s | {row.minutes} |" in text
    assert f"## 3 · {row.title}\n" in page
    assert "| Two \\| <three> | 1.83 dB [1.5, 2.1], bootstrap, 24 slices | at least 0.5 dB |" in page
    assert text.startswith("# A\n") and "\nold\n" not in text and text.endswith("<!-- /lessons -->\nB\n")
    update_readme(readme, claims)
    assert readme.read_text(encoding="utf-8") == text


def test_readme_without_a_place_is_left_alone(readme):
    for text in ("# A\n", "# A\n<!-- lessons -->\n<!-- claims -->\n"):
        readme.write_text(text)
        assert "was left as it is" in update_readme(readme, readme.with_name("claims.json"))
        assert readme.read_text() == text
    readme.unlink()
    assert "was left as it is" in update_readme(readme, readme.with_name("claims.json"))


def test_readme_takes_no_partial_or_failed_run(readme, monkeypatch):
    claims = readme.with_name("claims.json")
    monkeypatch.setattr(run, "lesson_sources", lambda: [readme.with_name("01_kspace.py")])
    with pytest.raises(ValueError, match="a run of all lessons"):
        update_readme(readme, claims)
