"""Flipped and turned scans: still a measurement, exactly; and what happens where only a part of a scan moves."""

from dataclasses import replace

import pytest
import torch

from mricourse import SenseOperator, fft2c, ifft2c, random_complex
from mricourse.physics.sampling import acceleration_of, equispaced_mask, partial_fourier_mask, random_mask
from mricourse.physics.scan import Scan
from mricourse.simulate.augmentation import flip_kspace, flip_mask, flipped, orientations, rotated
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.lesions import Lesion
from mricourse.simulate.protocols import contrast_scan

SHAPES = [(8, 8), (9, 9), (8, 9), (9, 6), (1, 6), (2, 2)]
MOVES = {  # what moves a scan, and what moves an image alike
    "flip x": (lambda scan: flipped(scan, -1), lambda image: image.flip(-1)),
    "flip y": (lambda scan: flipped(scan, -2), lambda image: image.flip(-2)),
} | {
    f"turn {turns}": (
        lambda scan, turns=turns: rotated(scan, turns),
        lambda image, turns=turns: image.rot90(turns, (-2, -1)),
    )
    for turns in (0, 1, 2, 3, -1, 5)
}
every_move = pytest.mark.parametrize(("move", "image_move"), list(MOVES.values()), ids=list(MOVES))


def make(shape, mask, *, dtype=torch.complex128, n_coils=3):
    image = random_complex(*shape, seed=1, dtype=dtype)
    smaps = random_complex(n_coils, *shape, seed=2, dtype=dtype)
    return Scan(SenseOperator(smaps, mask).forward(image), smaps, mask, image)


def misfit(scan):
    """|A x - y| / |y|"""
    predicted = SenseOperator(scan.smaps, scan.mask).forward(scan.reference)
    return float((predicted - scan.kspace).norm() / scan.kspace.norm())


def masks_of(ny, nx):
    full = torch.ones(1, 1, dtype=torch.bool)
    points = random_mask((ny, nx), 2, acs=1, seed=4)
    by_coil = torch.stack([random_mask((ny, nx), 1.5, acs=1, seed=seed) for seed in range(3)])
    lines = equispaced_mask(ny, 3, acs=1, offset=1)
    return full, lines, lines.mT if ny == nx else points, lines[None], partial_fourier_mask(ny, 0.6), points, by_coil


# --- the forward model holds


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@every_move
def test_the_forward_model_holds_after_every_move(shape, move, image_move):
    for mask in masks_of(*shape):
        scan = make(shape, mask)
        moved = move(scan)
        assert misfit(moved) < 1e-12
        assert torch.equal(moved.reference, image_move(scan.reference)), "the image moves as torch moves an array"
        assert torch.equal(moved.smaps, image_move(scan.smaps))
        assert acceleration_of(moved.mask) == acceleration_of(scan.mask) and moved.mask.ndim == scan.mask.ndim
        assert not (moved.kspace * ~moved.mask).any(), "no sample leaks out of the mask"
        expected = scan.kspace.abs().flatten(1).sort().values
        assert torch.allclose(moved.kspace.abs().flatten(1).sort().values, expected), "each sample keeps its magnitude"


@every_move
def test_single_precision_is_good_to_one_in_a_million(move, image_move):
    for shape in ((64, 48), (45, 38), (31, 31)):
        image, smaps = random_complex(*shape, seed=1), simulate_coils(4, shape, seed=3)
        mask = equispaced_mask(shape[0], 3, acs=5)
        moved = move(Scan(SenseOperator(smaps, mask).forward(image), smaps, mask, image))
        assert misfit(moved) < 1e-6 and moved.kspace.dtype == torch.complex64
        zero_filled = SenseOperator(smaps, mask).adjoint(SenseOperator(smaps, mask).forward(image))
        found = SenseOperator(moved.smaps, moved.mask).adjoint(moved.kspace)
        assert (found - image_move(zero_filled)).norm() < 1e-6 * zero_filled.norm(), "the ghosts move along"


@every_move
def test_a_simulated_scan_moves_with_its_noise_and_its_lesion(move, image_move):
    scan = contrast_scan("s1", "FLAIR", shape=(48, 40), n_coils=4, noise_std=0.02, lesion=Lesion(), seed=3)
    moved = move(scan)
    assert torch.equal(moved.meta["lesion_mask"], image_move(scan.meta["lesion_mask"]))
    noise = SenseOperator(scan.smaps, scan.mask).forward(scan.reference) - scan.kspace
    moved_noise = SenseOperator(moved.smaps, moved.mask).forward(moved.reference) - moved.kspace
    assert torch.allclose(ifft2c(moved_noise), image_move(ifft2c(noise)), atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_kspace_and_mask_alone_move_as_the_transform_of_the_flipped_image(shape):
    images = random_complex(2, 3, *shape, seed=5, dtype=torch.complex128)
    for axis in (-1, -2):
        assert torch.allclose(flip_kspace(fft2c(images), axis), fft2c(images.flip(axis)))
        for mask in masks_of(*shape):
            data = flip_kspace(mask * torch.ones(shape, dtype=torch.complex128), axis)
            assert torch.equal(flip_mask(mask, axis).expand(data.shape), data.abs() > 0.5)


def test_moves_form_the_group_of_the_square():
    scan = make((6, 6), random_mask((6, 6), 2, acs=1))

    def same(a, b):
        assert torch.allclose(a.kspace, b.kspace) and torch.equal(a.mask, b.mask)
        assert torch.equal(a.reference, b.reference) and torch.equal(a.smaps, b.smaps)

    for axis in (-1, -2):
        same(flipped(flipped(scan, axis), axis), scan)
    same(flipped(flipped(scan, -1), -2), rotated(scan, 2))
    same(rotated(rotated(scan, 1), 3), scan)
    same(flipped(rotated(scan, 1), -1), rotated(flipped(scan, -1), -1))


def test_parts_that_are_not_known_stay_unknown():
    scan = replace(make((6, 5), torch.ones(1, 1, dtype=torch.bool)), smaps=None, reference=None)
    for move, _ in MOVES.values():
        assert move(scan).smaps is None and move(scan).reference is None


def test_a_real_reference_moves_too():
    scan = make((6, 5), torch.ones(1, 1, dtype=torch.bool))
    scan = replace(scan, reference=scan.reference.abs())
    assert torch.equal(rotated(scan, 1).reference, scan.reference.rot90(1))


def test_moves_are_noted_and_the_old_scan_is_left_alone():
    scan = replace(make((6, 5), torch.ones(1, 1, dtype=torch.bool)), meta={"subject": "a"})
    before = scan.kspace.clone()
    moved = rotated(flipped(scan, -1), 1)
    assert moved.meta == {"subject": "a", "moves": ("flipped along x", "turned by 90 degrees")}
    assert scan.meta == {"subject": "a"} and torch.equal(scan.kspace, before)
    assert rotated(scan, 4).meta == scan.meta


# --- a quarter turn and the mask


def test_a_quarter_turn_makes_ky_lines_to_kx_columns():
    mask = random_mask(12, 2, acs=2)
    turned = rotated(make((12, 8), mask), 1)
    assert turned.shape == (8, 12) and turned.mask.shape == (1, 12)
    assert torch.equal(turned.mask, mask.mT) and not torch.equal(mask.mT, flip_mask(mask.mT, -1))
    assert torch.equal(rotated(make((12, 8), mask), 3).mask, flip_mask(mask.mT, -1))


def test_turn_then_undersample_keeps_the_lines_along_the_readout():
    full = make((12, 8), torch.ones(1, 1, dtype=torch.bool))
    mask = equispaced_mask(8, 2, acs=2)
    scan = rotated(full, 1).undersample(mask)
    assert torch.equal(scan.mask, mask) and misfit(scan) < 1e-12


@pytest.mark.parametrize(("quarter_turns", "n"), [(True, 8), (False, 4)])
def test_orientations_are_all_different_and_all_measurements(quarter_turns, n):
    full = make((6, 6), torch.ones(1, 1, dtype=torch.bool))
    found = orientations(full, quarter_turns=quarter_turns)
    assert found[0] is full and len(found) == n
    assert len({str(scan.reference.flatten()[:2]) for scan in found}) == n
    assert max(misfit(scan) for scan in found) < 1e-12
    again = orientations(found[-1], quarter_turns=quarter_turns)
    assert any(torch.allclose(scan.kspace, full.kspace) for scan in again), "the way back is among them"


def test_orientations_refuse_to_turn_lines():
    lines = make((6, 6), equispaced_mask(6, 2, acs=2))
    for scan in (lines, rotated(lines, 1), make((6, 6), lines.mask.expand(6, 6))):
        with pytest.raises(ValueError, match=r"samples lines .* expected a fully sampled scan: .*[.]$"):
            orientations(scan)
        assert max(misfit(side) for side in orientations(scan, quarter_turns=False)) < 1e-12
    points = make((6, 6), random_mask((6, 6), 2, acs=2))
    assert len(orientations(points)) == 8, "two phase-encode axes may change places"


@pytest.mark.parametrize("axis", [0, 1, 2, -3, "x", None])
def test_another_axis_is_refused(axis):
    scan = make((6, 5), torch.ones(1, 1, dtype=torch.bool))
    for call in (
        lambda: flipped(scan, axis),
        lambda: flip_kspace(scan.kspace, axis),
        lambda: flip_mask(scan.mask, axis),
    ):
        with pytest.raises(ValueError, match=r"axis is .*; expected -2 \(y\) or -1 \(x\)"):
            call()


# --- what goes wrong if a part of the scan stays behind


@pytest.fixture(scope="module")
def head():
    scan = contrast_scan("s1", "T1w", shape=(64, 56), n_coils=6, noise_std=0.0, seed=1)
    return scan.undersample(equispaced_mask(64, 3, acs=7, offset=1))


@pytest.mark.parametrize("axis", [-1, -2])
def test_an_image_that_is_flipped_alone_no_longer_explains_its_data(head, axis):
    right = flipped(head, axis)
    assert misfit(right) < 1e-6
    assert misfit(replace(head, reference=right.reference)) > 0.3, "the image alone"
    assert misfit(replace(right, smaps=head.smaps)) > 0.3, "image and data, but not the coils"


def test_a_mask_that_stays_behind_drops_what_was_measured(head):
    right = flipped(head, -2)
    assert not torch.equal(right.mask, head.mask), "an offset comb is not its own mirror"
    with pytest.raises(ValueError, match="where mask is False"):
        replace(right, mask=head.mask)
    lost = (right.kspace * ~head.mask).norm() / right.kspace.norm()
    zeros = right.mask & head.mask
    assert lost > 0.1 and zeros.sum() < right.mask.sum(), "samples are lost, and zeros are taken for samples"
    wrong = replace(right, kspace=torch.where(head.mask, right.kspace, 0), mask=head.mask)
    assert misfit(wrong) > 0.1


def test_a_turned_scan_with_the_old_mask_is_no_measurement(head):
    square = contrast_scan("s1", "T1w", shape=(64, 64), n_coils=6, noise_std=0.0, seed=1)
    mask = equispaced_mask(64, 3, acs=7)
    right = rotated(square.undersample(mask), 1)
    assert misfit(right) < 1e-6
    assert misfit(replace(right, kspace=torch.where(mask, right.kspace, 0), mask=mask)) > 0.1


@pytest.mark.parametrize("n", [8, 9])
def test_reversed_samples_are_the_flipped_image_for_odd_sizes_only(n):
    """The array of an even axis, flipped in k-space, is off by one sample: right magnitudes, a phase ramp, a shift."""
    image = random_complex(5, n, seed=1, dtype=torch.complex128)
    careless = ifft2c(fft2c(image).flip(-1))
    if n % 2:
        assert torch.allclose(careless, image.flip(-1))
        return
    assert not torch.allclose(careless, image.flip(-1))
    assert torch.allclose(careless.abs(), image.flip(-1).abs().roll(1, -1)), "one pixel off"
    assert not torch.allclose(careless, image.flip(-1).roll(1, -1)), "and out of phase"
    without_ramp = ifft2c(flip_mask(fft2c(image), -1))
    assert torch.allclose(without_ramp, image.flip(-1).roll(1, -1)), "frequency -k in its place: the shift is left"


@pytest.mark.parametrize("shape", [(8, 8), (9, 9), (8, 9)], ids=str)
def test_conjugate_kspace_is_a_half_turn_for_real_images_only(shape):
    def half_turn(kspace):
        return flip_kspace(flip_kspace(kspace, -1), -2)

    def conjugated(kspace):  # the shortcut: conjugate, and the ramp of the even axes
        ones = torch.zeros(shape, dtype=torch.complex128)
        ones[shape[0] // 2, shape[1] // 2] = 1
        return kspace.conj() * half_turn(fft2c(ones)) * (shape[0] * shape[1]) ** 0.5

    image = random_complex(*shape, seed=1, dtype=torch.complex128)
    real = image.abs().to(torch.complex128)
    assert torch.allclose(conjugated(fft2c(real)), half_turn(fft2c(real)))
    wrong = ifft2c(conjugated(fft2c(image)))
    assert torch.allclose(wrong, image.conj().rot90(2)), "with phase: turned, but with the conjugate phase"
    assert not torch.allclose(wrong, image.rot90(2))


def test_conjugate_data_are_no_measurement_of_the_turned_head(head):
    """Coils are complex, so their k-space would have no symmetry even if the image were real."""
    for scan in (head, replace(head, reference=head.reference.abs().to(torch.complex64))):
        full = torch.ones(1, 1, dtype=torch.bool)
        complete = Scan(SenseOperator(scan.smaps, full).forward(scan.reference), scan.smaps, full, scan.reference)
        right = rotated(complete, 2)
        wrong = replace(right, kspace=fft2c(ifft2c(right.kspace).conj()))
        assert misfit(right) < 1e-6 and misfit(wrong) > 0.3
