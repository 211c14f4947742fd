"""Shares found in rings: one where all is right, zero for zeros, below where it is worse; measured samples out."""

import pytest
import torch

from mricourse.evaluation.kspace_rings import share_found_in_rings
from mricourse.evaluation.realism import share_found
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import random_mask

SHAPE = (32, 26)
EDGES = [0, 4, 9, 40]


@pytest.fixture
def case():
    truth = random_complex(2, *SHAPE, seed=1)
    mask = random_mask(SHAPE[0], 3, acs=4, seed=2)
    return truth, mask, ifft2c(mask * fft2c(truth))


def test_zeros_find_nothing_and_the_truth_all(case):
    truth, mask, zero_filled = case
    assert torch.allclose(share_found_in_rings(zero_filled, truth, mask, EDGES), torch.zeros(2, 3), atol=1e-5)
    assert torch.allclose(share_found_in_rings(truth, truth, mask, EDGES), torch.ones(2, 3), atol=1e-5)
    assert torch.allclose(share_found_in_rings(3 * truth, truth, mask, EDGES), torch.full((2, 3), -3.0), atol=1e-4)


def test_a_ring_knows_of_its_own_samples_alone(case):
    truth, mask, zero_filled = case
    ky = torch.arange(SHAPE[0])[:, None] - SHAPE[0] // 2
    kx = torch.arange(SHAPE[1]) - SHAPE[1] // 2
    ring = (ky**2 + kx**2 >= 16) & (ky**2 + kx**2 < 81)
    filled = ifft2c(torch.where(ring | mask, fft2c(truth), 0))
    shares = share_found_in_rings(filled, truth, mask, EDGES)
    assert torch.allclose(shares, torch.tensor([0.0, 1.0, 0.0]).expand(2, 3), atol=1e-5)


def test_what_was_measured_does_not_count(case):
    truth, mask, zero_filled = case
    spoilt = ifft2c(torch.where(mask, 7.0, fft2c(truth)))
    assert torch.allclose(share_found_in_rings(spoilt, truth, mask, EDGES), torch.ones(2, 3), atol=1e-5)
    whole = share_found_in_rings(0.5 * truth, truth, mask, [0, 60])
    assert torch.allclose(whole[:, 0], share_found(0.5 * truth, truth, mask), atol=1e-5)
    assert share_found_in_rings(truth, truth, torch.ones(SHAPE[0], 1, dtype=torch.bool), EDGES).isnan().all()


@pytest.mark.parametrize("edges", [[3], [], [4, 4], [8, 2]])
def test_edges_that_make_no_rings_are_refused(case, edges):
    truth, mask, _ = case
    with pytest.raises(ValueError, match="expected two numbers or more, each larger than the one before"):
        share_found_in_rings(truth, truth, mask, edges)
