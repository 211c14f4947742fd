"""Figures of differences: their numbers and their refusals."""

import pytest
import torch

from mricourse.plotting.ablation_figures import show_gains

pytestmark = pytest.mark.usefixtures("style_kept")


def test_every_line_has_its_mean_in_numbers():
    axes = show_gains({"phase": torch.linspace(1, 3, 20), "mean": [0.5, -0.5]}, single={"phase": [4.0, 5.0]})
    assert [text.get_text() for text in axes.texts] == ["+2.00 dB", "+0.00 dB"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["phase", "mean"]
    assert [patch.get_width() for patch in axes.patches] == pytest.approx([2, 0])
    assert "one case" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_each_case_with_a_label_has_a_marker_of_its_own():
    cases = {"phase": [4.0, 5.0], "mean": [1.0, 2.0]}
    axes = show_gains({"phase": torch.ones(5), "mean": torch.ones(5)}, single=cases, single_label=["rows", "columns"])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one slice", "rows", "columns"]
    markers = {
        line.get_marker(): line.get_xdata().tolist() for line in axes.lines if line.get_label() in ("rows", "columns")
    }
    assert markers == {"D": [4.0], "^": [5.0]}


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(ValueError, match="0 gains"):
        show_gains({})
    with pytest.raises(ValueError, match=r"\['other'\]"):
        show_gains({"phase": torch.ones(5)}, single={"other": 1.0})


def test_equal_values_do_not_hide_each_other_and_numbers_have_the_form_asked_for():
    axes = show_gains({"kept": [77.5, 77.5, 80.0, 77.5]}, unit="%", form=".0f")
    dots = next(line for line in axes.lines if len(line.get_xdata()) == 4)
    assert len(set(zip(dots.get_xdata(), dots.get_ydata(), strict=True))) == 4
    assert "78 %" in {text.get_text() for text in axes.texts}
