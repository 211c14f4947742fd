"""Figures of several contrasts: rows, scores and numbers that say what they show."""

import pytest
import torch

from mricourse import random_complex
from mricourse.evaluation.metrics import psnr
from mricourse.plotting.alt_text import describe
from mricourse.plotting.multi_contrast_figures import show_contrasts, show_responses, show_sharing

pytestmark = pytest.mark.usefixtures("style_kept")
NAMES = ["T1w", "T2w"]


def test_contrasts_stand_below_one_another_with_scores():
    reference, other = (random_complex(2, 12, 10, seed=seed) for seed in range(2))
    axes = show_contrasts({"reference": reference, "joint": other}, NAMES, reference=reference)
    score = psnr(other[0], reference[0])
    assert [cell.get_title() for cell in axes[:2]] == ["T1w, reference", f"T1w, joint, {score:.1f} dB"]
    assert len(axes) == 4
    assert axes[1].get_images()[0].get_clim() == axes[0].get_images()[0].get_clim()
    assert f"T1w, joint, {score:.1f} dB" in describe(axes[0].figure)
    plain = show_contrasts({"a": other}, NAMES)
    assert [cell.get_title() for cell in plain] == ["T1w, a", "T2w, a"]


def test_what_does_not_fit_is_refused():
    image = random_complex(2, 12, 10)
    with pytest.raises(ValueError, match="5 columns came; expected 1 to 4"):
        show_contrasts({str(number): image for number in range(5)}, NAMES)
    with pytest.raises(ValueError, match="expected one, .2, y, x."):
        show_contrasts({"a": image, "b": image[:, 1:]}, NAMES)
    with pytest.raises(ValueError, match="expected .2, 2."):
        show_responses({"a": torch.zeros(3, 2)}, NAMES)


def test_responses_are_written_into_their_squares():
    [axes] = show_responses({"DISN": torch.tensor([[90.0, -0.2], [12.0, 70.0]])}, NAMES)
    assert [text.get_text() for text in axes.texts] == ["90 %", "0 %", "12 %", "70 %"]
    assert axes.get_ylabel() == "lesion in" and axes.get_xlabel() == "read in"
    assert "DISN, lesion in T2w: 12 % in T1w, 70 % in T2w" in describe(axes.figure)


def test_three_networks_are_drawn():
    axes = show_sharing()
    assert [cell.get_title() for cell in axes] == ["DIRN", "DFSN", "DISN"]
    assert "arcs lead the first images" in describe(axes[0].figure)
