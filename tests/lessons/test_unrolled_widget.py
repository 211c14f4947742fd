"""The sliders of lesson 22: every choice gives three pictures, and a choice outside is refused in a sentence."""

from itertools import product
from pathlib import Path

import pytest

from mricourse.classroom.notebooks import read_source
from mricourse.plotting.widgets import Explorer

SOURCE = Path(__file__).parents[2] / "notebooks/source/22_unrolled_networks.py"
NEEDED = ("from mricourse import", "scan = SimulatedScans", "FILES = {", "def try_it")
CORNERS = [
    {"lines": "random", "noise": 0.05, "acceleration": 8},
    {"lines": "equispaced", "noise": 0.0, "acceleration": 2},
]


@pytest.fixture(scope="module")
def lesson():
    names = {}
    cells = [cell.source for cell in read_source(SOURCE).cells if cell.cell_type == "code"]
    chosen = [source for source in cells if any(words in source for words in NEEDED)]
    assert len(chosen) == len(NEEDED)
    for source in chosen:
        exec(source, names)
    names["view"] = names["explore"](
        names["try_it"], method=list(names["FILES"]), noise=[0.0, 0.005, 0.02, 0.05], **names["choices"]
    )
    return names


def test_its_controls_are_those_of_the_text(lesson):
    view = lesson["view"]
    assert isinstance(view, Explorer) and view.error == "" and len(view.pngs) == 3
    assert {name: slider.value for name, slider in view.sliders.items()} == {
        "method": "MoDL",
        "noise": 0.005,
        "acceleration": 4,
        "lines": "random",
    }
    assert view.sliders["method"].options == tuple(lesson["FILES"])
    assert (view.sliders["acceleration"].min, view.sliders["acceleration"].max) == (2, 8)


def test_every_method_answers_at_its_corners(lesson):
    view = lesson["view"]
    seen = set()
    for method, corner in product(lesson["FILES"], CORNERS):
        choice = {"method": method} | corner
        for name, value in choice.items():
            view.sliders[name].value = value
        assert view.error == "" and len(view.pngs) == 3, choice
        seen.add(view.pngs[0])
    assert len(seen) == len(CORNERS) * len(lesson["FILES"])  # each choice has a picture of its own


def test_titles_say_the_method_and_its_score(lesson):
    first, error, samples = lesson["try_it"]("ADMM", 3, "equispaced", 0.0)
    assert first.startswith("reconstruction, ADMM: ") and first.endswith(" dB")
    assert error == "its error × 4" and samples == "its error in k-space (log)"


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [({"lines": "spiral"}, "expected one of 'random', 'equispaced'"), ({"noise": -1.0}, "0 or more")],
)
def test_another_choice_is_refused(lesson, choice, sentence):
    with pytest.raises(ValueError, match=sentence):
        lesson["try_it"](**choice)
