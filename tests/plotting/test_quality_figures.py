"""Figures of image quality: what they mark, say and refuse."""

import pytest
import torch

from mricourse.plotting.alt_text import describe
from mricourse.plotting.quality_figures import show_by_definition, show_preferences

pytestmark = pytest.mark.usefixtures("style_kept")


def test_every_definition_is_said():
    axes = show_by_definition({"PSNR (dB)": {"one": 30.1, "two": 35.2}, "SSIM": {"one": 0.625}})
    assert [cell.get_xlabel() for cell in axes] == ["PSNR (dB)", "SSIM"]
    said = describe(axes[0].figure)
    assert "one 30.1, two 35.2" in said and "SSIM: one 0.625" in said


def test_the_best_of_each_curve_is_marked():
    [axes] = show_preferences([0.5, 1, 2], {"SSIM": {"all": torch.tensor([1, 3, 2]), "head": [3, 2, 1]}}, xlabel="w")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["all (best: 1)", "head (best: 0.5)"]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 numbers for 3 strengths"):
        show_preferences([1, 2, 3], {"SSIM": {"all": [1, 2]}}, xlabel="w")
