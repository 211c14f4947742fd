"""Figures of the lesson on domains say what they show."""

import matplotlib.pyplot as plt
import pytest

from mricourse.physics.fourier import random_complex
from mricourse.plotting.alt_text import describe
from mricourse.plotting.domain_figures import (
    show_domains_diagram,
    show_errors_in_both,
    show_gain_table,
    show_raki_lines,
)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_diagram_names_all_four():
    words = describe(show_domains_diagram().figure)
    assert all(name in words for name in ("In the image", "In k-space", "In both", "From one to the other"))


def test_errors_stand_below_all_but_the_reference():
    reference = random_complex(12, 10)
    axes = show_errors_in_both({"reference": reference, "mine": 1.1 * reference}, reference)
    titles = [cell.get_title() for cell in axes]
    assert titles[0] == "reference" and titles[1].startswith("mine, ") and titles[1].endswith(" dB")
    assert titles[2:] == ["error × 4", "k-space", "error in k-space"]
    axes = show_errors_in_both({"reference": reference, "mine": 1.1 * reference}, reference, scores=False)
    assert [cell.get_title() for cell in axes][:2] == ["reference", "mine"]
    with pytest.raises(ValueError, match="four at most"):
        show_errors_in_both({str(i): reference for i in range(5)}, reference)


def test_a_table_writes_numbers_and_words():
    rows = {"this": {"a": 1.234, "b": "refuses"}, "that": {"a": -0.01, "b": -9.0}}
    axes = show_gain_table(rows, label="gain (dB)", reach=6)
    assert [text.get_text() for text in axes.texts] == ["+1.2", "refuses", "0.0", "-9.0"]
    assert "this: a +1.2, b refuses" in describe(axes.figure)
    with pytest.raises(ValueError, match="different columns"):
        show_gain_table({"this": {"a": 1.0}, "that": {"b": 1.0}})


def test_the_lines_of_raki_are_counted_in_an_acs():
    axes = show_raki_lines(4, n_acs=12)
    assert axes[0].get_title() == "Lines of the scan, R = 4"
    assert "12 - 8 = 4 places" in axes[1].get_title()
    assert "0, 4 and 8" in describe(axes[0].figure)
    with pytest.raises(ValueError, match="at least 9 for R = 4"):
        show_raki_lines(4, n_acs=8)
