"""The sliders of lesson 24: every choice gives three pictures, and a choice outside is refused in a sentence."""

from itertools import product
from pathlib import Path

import pytest

from mricourse.classroom.notebooks import read_source
from mricourse.plotting.widgets import Explorer

SOURCE = Path(__file__).parents[2] / "notebooks/source/24_multi_contrast.py"
NEEDED = ("from mricourse import", "def trained", "draws = ContrastScans", "FILES = {", "def try_it")
CORNERS = [{"lines": "other", "noise": 0.05, "acceleration": 8}, {"lines": "same", "noise": 0.0, "acceleration": 3}]


@pytest.fixture(scope="module")
def lesson():
    names = {}
    cells = [cell.source for cell in read_source(SOURCE).cells if cell.cell_type == "code"]
    chosen = [source for source in cells if any(words in source for words in NEEDED)]
    assert len(chosen) == len(NEEDED)
    for source in chosen:
        exec(source, names)
    names["view"] = names["explore"](
        names["try_it"], method=list(names["networks"]), contrast=names["CONTRASTS"], **names["choices"]
    )
    return names


def test_its_controls_are_those_of_the_text(lesson):
    view = lesson["view"]
    assert isinstance(view, Explorer) and view.error == "" and len(view.pngs) == 3
    assert {name: slider.value for name, slider in view.sliders.items()} == {
        "method": "DISN",
        "contrast": "T2w",
        "acceleration": 4,
        "lines": "other",
        "noise": 0.005,
    }
    assert view.sliders["method"].options == ("DIRN", "DFSN", "DISN")


def test_every_method_answers_at_its_corners(lesson):
    view = lesson["view"]
    for method, contrast, corner in product(lesson["networks"], lesson["CONTRASTS"], CORNERS):
        choice = {"method": method, "contrast": contrast} | corner
        for name, value in choice.items():
            view.sliders[name].value = value
        assert view.error == "" and len(view.pngs) == 3, choice


def test_another_choice_is_refused(lesson):
    with pytest.raises(ValueError, match="acceleration is 2 for 3 complementary masks"):
        lesson["try_it"](acceleration=2)
    with pytest.raises(ValueError, match="noise_std is -1"):
        lesson["try_it"](noise=-1.0)
