"""Slices that are scanned again, with one thing changed."""

import pytest
import torch

from mricourse.physics.fourier import ifft2c, random_complex
from mricourse.simulate.slice_scans import scan_slices

SHAPE = (24, 20)


@pytest.fixture
def images():
    return random_complex(3, *SHAPE)


def test_shapes_and_what_was_not_measured(images):
    A, kspace, reference = scan_slices(images, n_coils=4)
    assert A.smaps.shape == kspace.shape == (3, 4, *SHAPE) and A.mask.shape == (3, 1, SHAPE[0], 1)
    assert torch.equal(reference, images) and not (kspace * ~A.mask).any()
    assert not torch.equal(A.mask[0], A.mask[1]), "random lines are drawn anew for each slice"
    assert torch.allclose(A.smaps.abs().square().sum(1), torch.ones(3, *SHAPE), atol=1e-4)


def test_without_noise_and_with_all_lines_the_images_come_back(images):
    A, kspace, reference = scan_slices(images, acceleration=1, noise_std=0.0, n_coils=3)
    assert torch.allclose(A.adjoint(kspace), reference, atol=1e-4)


def test_a_late_echo_moves_k_space_and_leaves_magnitudes(images):
    plain = scan_slices(images, acceleration=1, noise_std=0.0)
    late = scan_slices(images, acceleration=1, noise_std=0.0, echo_shift=3)
    assert torch.allclose(late.kspace, plain.kspace.roll(3, -1), atol=1e-4)
    assert torch.allclose(late.reference.abs(), images.abs(), atol=1e-5)
    assert torch.allclose(ifft2c(late.kspace[:, 0]), late.reference, atol=1e-4)


def test_a_unit_scales_signal_and_noise_alike(images):
    plain, large = (scan_slices(images, unit=unit) for unit in (1.0, 250.0))
    assert torch.allclose(large.kspace, 250 * plain.kspace, rtol=1e-4, atol=1e-2)
    assert torch.allclose(large.reference, 250 * plain.reference)


def test_equispaced_lines_are_the_same_for_all(images):
    mask = scan_slices(images, lines="equispaced", acceleration=4, acs=2).A.mask
    assert torch.equal(mask[0], mask[2]) and mask[0, 0, 12 % 4 :: 4, 0].all()


@pytest.mark.parametrize(("given", "words"), [({"lines": "spiral"}, "lines is 'spiral'"), ({}, "expected complex")])
def test_other_lines_and_other_images_are_refused(images, given, words):
    with pytest.raises(ValueError, match=words):
        scan_slices(images if given else images.abs(), **given)
