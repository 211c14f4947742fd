"""The share of a lesion's contrast that an image keeps."""

import pytest
import torch

from mricourse.evaluation.lesion_contrast import contrast_kept
from mricourse.physics.fourier import random_complex


@pytest.fixture
def scene():
    """References (2, 3, 25, 21), with and without, and masks (3, 25, 21)."""
    y = torch.arange(25)[:, None]
    distance = torch.hypot(y - 12.0, torch.arange(21) - 10.0)
    lesion = (distance < 3).expand(3, -1, -1)
    rim = ((distance > 4) & (distance < 7)).expand(3, -1, -1)
    without = 2 + 0.1 * y + torch.rand(3, 25, 21, generator=torch.Generator().manual_seed(1))
    return torch.stack([without - 0.5 * lesion, without]), lesion, rim


def test_all_half_and_nothing(scene):
    references, lesion, rim = scene
    torch.testing.assert_close(contrast_kept(references, references, lesion, rim), torch.ones(3))
    half = torch.stack([references.mean(0), references[1]])
    torch.testing.assert_close(contrast_kept(half, references, lesion, rim), torch.full((3,), 0.5))
    none = references[1].expand(2, -1, -1, -1)
    torch.testing.assert_close(contrast_kept(none, references, lesion, rim), torch.zeros(3))


def test_units_brightness_and_phase_of_both_do_not_matter(scene):
    references, lesion, rim = scene
    phase = random_complex(25, 21, seed=2).sgn()
    lifted = (references + 0.7) * phase
    torch.testing.assert_close(contrast_kept(lifted, references, lesion, rim), torch.ones(3))
    single = contrast_kept(7 * lifted[:, 1], 7 * references[:, 1], lesion[1], rim[1])
    torch.testing.assert_close(single, torch.tensor(1.0))


def test_what_would_be_wrong_in_silence_is_refused(scene):
    references, lesion, rim = scene
    with pytest.raises(ValueError, match="stack the two"):
        contrast_kept(references[0], references[0], lesion, rim)
    with pytest.raises(ValueError, match="lesion is of the kind torch.float32"):
        contrast_kept(references, references, lesion.float(), rim)
    with pytest.raises(ValueError, match="rim is of the kind torch.bool, or empty"):
        contrast_kept(references, references, lesion, rim & False)
    with pytest.raises(ValueError, match="no contrast"):
        contrast_kept(references, references[1].expand(2, -1, -1, -1), lesion, rim)
