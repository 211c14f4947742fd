"""Images with an enlarged part: what is drawn, and what is refused."""

import pytest

from mricourse.evaluation.metrics import psnr
from mricourse.physics.fourier import random_complex
from mricourse.plotting.close_ups import show_close_up, show_enlarged

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


def test_a_close_up_has_whole_images_parts_and_errors():
    reference, image = random_complex(20, 16, seed=1), random_complex(20, 16, seed=2)
    images = {"reference": reference, "K = 5": image}
    axes = show_close_up(images, reference, rows=slice(4, 10), columns=slice(2, 7), error_gain=4)
    shapes = [cell.get_images()[0].get_array().shape for cell in axes]
    assert shapes == [(20, 16), (20, 16), (6, 5), (6, 5), (20, 16)]
    assert axes[1].get_title() == f"K = 5, {psnr(image, reference):.1f} dB"
    assert axes[0].patches[0].get_bbox().bounds == (1.5, 3.5, 5, 6)
    enlarged = show_close_up(images, reference, rows=slice(4, 10), columns=slice(2, 7), errors_of_part=True)
    assert enlarged[4].get_images()[0].get_array().shape == (6, 5)
    assert enlarged[4].get_title() == "error × 5, part"
    assert axes[4].get_images()[0].get_clim()[1] * 4 == pytest.approx(axes[0].get_images()[0].get_clim()[1])


@pytest.mark.parametrize("show", [show_close_up, show_enlarged])
def test_what_does_not_fit_is_refused(show):
    image = random_complex(20, 16)
    part = {"rows": slice(4, 10), "columns": slice(2, 7)}
    with pytest.raises(ValueError, match="5 images came; expected four at most"):
        show({str(number): image for number in range(5)}, image, **part)
    with pytest.raises(ValueError, match="expected the same"):
        show({"a": image[:, :9]}, image, **part)
