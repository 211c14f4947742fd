"""Three ways to use the same calibration lines, and where the ghosts of a moving object lie."""

import pytest
import torch

from mricourse.evaluation.calibration import calibrated_images, calibration_scores, compared_with_rss
from mricourse.evaluation.ghosts import ghost_distance
from mricourse.evaluation.metrics import psnr
from mricourse.physics.coil_combination import rss
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import equispaced_mask
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.motion import moved_along_y, scan_while_moving
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (72, 60)
WAYS = {"centre", "ESPIRiT", "GRAPPA"}


@pytest.fixture(scope="module")
def scans():
    """Two scans of a phantom, the mask, the references and where the object is."""
    references = torch.stack([shepp_logan(SHAPE), shepp_logan(SHAPE).flip(-1)]).to(torch.complex64)
    smaps = simulate_coils(8, SHAPE, seed=3, kind="head_array")
    mask = equispaced_mask(SHAPE[0], 2, acs=20)
    kspace = mask * (fft2c(smaps * references[:, None]) + 2e-3 * random_complex(2, 8, *SHAPE))
    return kspace, mask, references, references.abs() > 0.05


def test_all_three_ways_give_the_object(scans):
    kspace, mask, references, inside = scans
    images = calibrated_images(kspace[0], mask, acs=20, reg_weight=0.003)
    assert set(images) == WAYS
    assert all(psnr(image, references[0], inside=inside[0]) > 27 for image in images.values())


def test_scores_are_those_of_each_scan(scans):
    kspace, mask, references, inside = scans
    scores = calibration_scores(kspace, mask, references, inside, acs=20)
    assert set(scores) == WAYS and all(score.shape == (2,) for score in scores.values())
    alone = calibration_scores(kspace[1:], mask, references[1:], inside[1:], acs=20)
    assert all(abs(scores[way][1] - alone[way][0]) < 0.5 for way in WAYS)  # up to the choice of the weight
    known = calibration_scores(kspace, mask, references, inside, acs=20, outline_known=True)
    assert all(not torch.equal(known[way], scores[way]) for way in ("centre", "ESPIRiT"))
    small = calibration_scores(kspace, mask, references, inside, acs=20, grappa_kernel=(2, 5))
    assert [way for way in WAYS if not torch.equal(small[way], scores[way])] == ["GRAPPA"]
    only = calibration_scores(kspace, mask, references, inside, acs=20, ways=["centre"])
    assert set(only) == {"centre"} and torch.equal(only["centre"], scores["centre"])


def test_scores_are_of_the_pixels_inside_alone(scans):
    kspace, mask, references, inside = scans
    padded = [torch.nn.functional.pad(each, (30, 30)) for each in (references, inside)]  # more air, no more object
    image = torch.nn.functional.pad(ifft2c(kspace).sum(1), (30, 30))
    assert torch.allclose(psnr(image, padded[0], inside=padded[1]), psnr(image[..., 30:-30], references, inside=inside))
    assert (psnr(padded[1] * image, padded[0]) > psnr(image, padded[0], inside=padded[1]) + 3).all()


def test_a_complete_scan_is_compared_with_its_root_sum_of_squares():
    smaps = 3 * simulate_coils(8, SHAPE, seed=3, kind="head_array")  # a scale that has to cancel
    kspace = fft2c(smaps * shepp_logan(SHAPE)) + 2e-3 * random_complex(8, *SHAPE)
    shown = compared_with_rss(kspace, 2, acs=20)
    assert set(shown) == WAYS | {"reference"}
    whole = rss(ifft2c(kspace))
    tissue = whole > 0.1 * whole.max()
    assert torch.equal(shown["reference"], tissue * whole)
    for way in WAYS:
        assert not shown[way].is_complex() and not shown[way][~tissue].any()
        assert psnr(shown[way], shown["reference"]) > 27


@pytest.mark.parametrize(("period", "acceleration"), [(4, 1), (3, 2), (4, 3)])
def test_ghosts_lie_at_the_field_of_view_over_period_and_acceleration(period, acceleration):
    image = shepp_logan(SHAPE).to(torch.complex64)
    whole = torch.ones(1, *SHAPE, dtype=torch.complex64)  # one coil that hears all alike
    distances = [0.3 * torch.cos(torch.tensor(2 * torch.pi * n / period)).item() for n in range(period)]
    distances = [distance for distance in distances for _ in range(acceleration)]
    moving = scan_while_moving(image, whole, torch.ones(SHAPE[0], 1, dtype=torch.bool), distances)
    found = ghost_distance(torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(moving[0]), norm="ortho")), image)
    assert abs(int(found) - SHAPE[0] / (period * acceleration)) <= 1


def test_an_object_at_rest_is_scanned_as_ever():
    image = random_complex(2, *SHAPE)
    smaps = simulate_coils(3, SHAPE)
    mask = equispaced_mask(SHAPE[0], 3, acs=6)
    kspace = scan_while_moving(image, smaps, mask, [0.0, 0.0])
    assert torch.allclose(kspace, mask * fft2c(smaps * image[:, None]), atol=1e-4)
    moved = scan_while_moving(image, smaps, mask, [5.0])
    assert torch.allclose(moved, mask * fft2c(smaps * image.roll(5, -2)[:, None]), atol=1e-4)
    assert torch.allclose(moved_along_y(moved_along_y(image, 0.3), -0.3), image, atol=1e-5)
    with pytest.raises(ValueError, match="expected whole lines"):
        scan_while_moving(image, smaps, mask[:, 0], [0.0])
