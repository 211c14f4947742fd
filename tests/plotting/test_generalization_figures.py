"""Drops in two parts, drawn and said in words."""

import matplotlib.pyplot as plt
import pytest
import torch

from mricourse.evaluation.generalization import drop_parts
from mricourse.plotting.alt_text import describe
from mricourse.plotting.generalization_figures import show_drops


def test_both_parts_of_each_condition_are_drawn():
    home = torch.arange(6.0) + 30
    axes = show_drops({"T2w": drop_parts(home, home - 1, home + 1), "R = 6": drop_parts(home, home - 3, home - 2.5)})
    widths = sorted(round(float(bar.get_width()), 3) for bar in axes.patches)
    assert widths == [-1.0, 0.5, 2.0, 2.5]
    assert "T2w -1.0" in describe(axes.figure) and "R = 6 +0.5" in describe(axes.figure)
    plt.close(axes.figure)


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="got no drops"):
        show_drops({})
