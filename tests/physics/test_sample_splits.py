"""Splits of measured samples: disjoint, whole, of the size asked for, and where the paper puts them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mricourse.physics.sample_splits import gaussian_split
from mricourse.physics.sampling import equispaced_mask, random_mask, variable_density_mask

SHAPES = [(48, 40), (45, 57)]


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


@given(shape=st.sampled_from(SHAPES), lines=st.booleans(), ratio=st.floats(0.1, 0.5), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_a_split_hides_measured_samples_outside_the_block_and_one_more_than_the_ratio(shape, lines, ratio, seed):
    mask = random_mask(shape[0] if lines else shape, 3, acs=8, seed=seed)
    hidden = gaussian_split(mask, shape, stream(seed), ratio=ratio)
    measured = mask.expand(shape)
    assert hidden.shape == shape and hidden.dtype == torch.bool
    assert not (hidden & ~measured).any(), "only what was measured can be compared with"
    assert int(hidden.sum()) == math.ceil(ratio * int(measured.sum())) + 1
    rows, columns = (slice(n // 2 - 2, n // 2 + 2) for n in shape)
    assert not hidden[rows, columns].any() and measured[rows, columns].all()
    assert torch.equal(hidden, gaussian_split(mask, shape, stream(seed), ratio=ratio))
    assert not torch.equal(hidden, gaussian_split(mask, shape, stream(seed + 1), ratio=ratio))


def test_the_ratio_is_that_of_the_paper_within_a_percent():
    mask = equispaced_mask(96, 4, acs=24)
    hidden = gaussian_split(mask, (96, 96), stream())
    assert float(hidden.sum() / mask.expand(96, 96).sum()) == pytest.approx(0.4, abs=0.01)


def test_points_are_hidden_and_not_lines():
    mask = equispaced_mask(96, 4, acs=24)
    hidden = gaussian_split(mask, (96, 96), stream())
    measured = mask[:, 0]
    assert not hidden[measured].all(1).any(), "some of each line stays"
    assert hidden[measured].any(1).float().mean() > 0.9


def test_the_density_is_a_normal_distribution_until_samples_run_out():
    """Where few are hidden, repeats hardly matter: the spread is that of a Gaussian cut off at the edges."""
    complete, generator = torch.ones(1, 1, dtype=torch.bool), stream()
    shape = (80, 60)
    found = sum(gaussian_split(complete, shape, generator, ratio=0.01, kept=0).float() for _ in range(400))
    for axis, n in enumerate(shape):
        place = torch.arange(n) - n // 2
        share = found.sum(1 - axis) / found.sum()
        bell = torch.exp(-0.5 * (place / ((n - 1) / 4)) ** 2)
        spread, expected = ((place.square() * each / each.sum()).sum().sqrt() for each in (share, bell))
        assert float(spread) == pytest.approx(float(expected), rel=0.04)


def test_the_block_and_the_density_follow_the_centre():
    complete = torch.ones(1, 1, dtype=torch.bool)
    hidden = gaussian_split(complete, (48, 40), stream(), ratio=0.2, centre=(12, 10))
    assert not hidden[10:14, 8:12].any() and hidden[:24].sum() > 3 * hidden[24:].sum()


def test_masks_of_two_phase_encode_axes_are_split_too():
    mask = variable_density_mask((48, 40), 4, acs=8, seed=2)
    hidden = gaussian_split(mask[None], (48, 40), stream())
    assert not (hidden & ~mask).any()


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.0, 0.999])
def test_a_ratio_that_leaves_nothing_is_refused(ratio):
    with pytest.raises(ValueError, match="ratio is .*; expected a number between 0 and 1, and fewer"):
        gaussian_split(random_mask(48, 3, acs=8), (48, 40), stream(), ratio=ratio)
