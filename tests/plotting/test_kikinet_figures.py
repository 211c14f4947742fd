"""Figures of KIKI-net: each stage in both domains, and the diagram."""

import pytest
import torch

from mricourse.evaluation.metrics import psnr
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.plotting.alt_text import describe
from mricourse.plotting.block_diagrams import show_kiki_diagram
from mricourse.plotting.kikinet_figures import show_stages

pytestmark = pytest.mark.usefixtures("style_kept")


def test_each_stage_has_its_kspace_image_and_error():
    reference, other = random_complex(20, 16, seed=1), random_complex(20, 16, seed=2)
    axes = show_stages({"measured": fft2c(other), "truth": fft2c(reference)}, reference, error_gain=5)
    assert [cell.get_images()[0].get_array().shape for cell in axes] == [(20, 16)] * 6
    assert [cell.get_title() for cell in axes[:4]] == ["measured", "truth", f"{psnr(other, reference):.1f} dB", ""]
    assert axes[4].get_images()[0].get_clim()[1] * 5 == pytest.approx(axes[2].get_images()[0].get_clim()[1])
    assert f"measured ({psnr(other, reference):.1f} dB), truth" in describe(axes[0].figure)


def test_too_many_stages_and_other_shapes_are_refused():
    image = random_complex(8, 8)
    with pytest.raises(ValueError, match="7 stages came; expected 1 to 6"):
        show_stages({str(number): image for number in range(7)}, image)
    with pytest.raises(ValueError, match="another shape than the reference"):
        show_stages({"a": image[:4]}, image)
    with pytest.raises(ValueError, match="0 stages came"):
        show_stages({}, torch.zeros(8, 8))


def test_the_diagram_says_in_words_what_it_shows():
    said = describe(show_kiki_diagram().figure)
    assert "the measured samples are put back" in said
