"""Figures of image quality: what they mark, say and refuse."""

import pytest
import torch

from mricourse import random_complex
from mricourse.plotting.alt_text import describe
from mricourse.plotting.quality_figures import show_by_definition, show_enlarged, show_preferences

pytestmark = pytest.mark.usefixtures("style_kept")


def test_the_part_has_a_narrower_window():
    image = random_complex(20, 16, seed=1)
    axes = show_enlarged({"truth": image, "other": 2 * image}, image, rows=slice(4, 12), columns=slice(3, 9))
    assert [cell.get_title() for cell in axes] == ["truth", "other", "enlarged", "enlarged"]
    assert axes[2].get_images()[0].get_array().shape == (8, 6)
    low, high = axes[2].get_images()[0].get_clim()
    assert 0 < low < high and axes[0].get_images()[0].get_clim()[0] == 0
    assert axes[3].get_images()[0].get_clim() == (low, high)
    assert len(axes[0].patches) == 1 and not axes[2].patches


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
    image = random_complex(12, 10)
    part = {"rows": slice(2, 6), "columns": slice(2, 6)}
    with pytest.raises(ValueError, match="5 images came"):
        show_enlarged({str(number): image for number in range(5)}, image, **part)
    with pytest.raises(ValueError, match="expected the same"):
        show_enlarged({"a": image[:8]}, image, **part)
    with pytest.raises(ValueError, match="2 numbers for 3 strengths"):
        show_preferences([1, 2, 3], {"SSIM": {"all": [1, 2]}}, xlabel="w")
