"""Masks and trajectories: counts, centres, determinism, refusals."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mricourse.physics.sampling import (
    acceleration_of,
    acs_block,
    acs_in_words,
    acs_lines_of,
    acs_mask,
    equispaced_mask,
    kt_mask,
    partial_fourier_mask,
    point_spread,
    poisson_disc_mask,
    radial_trajectory,
    random_mask,
    spiral_trajectory,
    variable_density_mask,
)

DRAWN = [random_mask, variable_density_mask]


@pytest.mark.parametrize("draw", DRAWN)
@given(ny=st.integers(40, 99), nx=st.sampled_from([None, 31, 48]), acceleration=st.floats(1, 4), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_drawn_masks_realise_the_acceleration_asked_for(draw, ny, nx, acceleration, seed):
    shape = ny if nx is None else (ny, nx)
    mask = draw(shape, acceleration, acs=8, seed=seed)
    assert mask.dtype == torch.bool and mask.shape == ((ny, 1) if nx is None else shape)
    assert int(mask.sum()) == round(mask.numel() / acceleration)
    assert acceleration_of(mask) == pytest.approx(acceleration, rel=0.06)
    assert mask[acs_mask(shape, 8)].all()
    assert torch.equal(mask, draw(shape, acceleration, acs=8, seed=seed))


def test_variable_density_prefers_the_centre_and_random_does_not():
    thirds = slice(86, 170)
    dense, flat = (sum(draw(256, 4, acs=0, seed=s)[thirds].sum() for s in range(20)) for draw in DRAWN[::-1])
    assert dense > 1.8 * flat
    assert flat / (20 * 64) == pytest.approx(84 / 256, abs=0.05)


@given(ny=st.integers(20, 70), acceleration=st.integers(1, 6), offset=st.integers(-3, 7))
@settings(max_examples=40, deadline=None)
def test_equispaced_lines_keep_their_distance(ny, acceleration, offset):
    lines = equispaced_mask(ny, acceleration, acs=0, offset=offset)[:, 0].nonzero().flatten()
    assert (lines.diff() == acceleration).all()
    assert ((lines - ny // 2 - offset) % acceleration == 0).all()


def test_equispaced_with_a_centre_samples_more_than_its_nominal_rate():
    mask = equispaced_mask(256, 4, acs=24)
    assert acceleration_of(mask) == pytest.approx(256 / (64 + 18))
    assert equispaced_mask((64, 50), 2, acs=0).shape == (64, 50)


def test_poisson_disc_keeps_points_apart_and_hits_the_rate():
    mask = poisson_disc_mask((96, 80), 6, acs=12, seed=1)
    assert acceleration_of(mask) == pytest.approx(6, abs=0.01)
    assert torch.equal(mask, poisson_disc_mask((96, 80), 6, acs=12, seed=1))
    edge = mask[:20].nonzero().float()
    gaps = torch.cdist(edge, edge) + 99 * torch.eye(len(edge))
    at_random = random_mask((96, 80), 6, acs=0, seed=1)[:20].nonzero().float()
    by_chance = torch.cdist(at_random, at_random) + 99 * torch.eye(len(at_random))
    assert gaps.min() >= 2 > by_chance.min()


def test_partial_fourier_keeps_the_centre():
    mask = partial_fourier_mask(100, 0.625)
    assert acceleration_of(mask) == pytest.approx(1.6, abs=0.02)
    assert mask[50] and mask[:62].all() and not mask[63:].any()
    assert partial_fourier_mask((31, 20), 0.5)[15].all()


def test_kt_frames_together_sample_everything_once():
    mask = kt_mask(4, 30, 4)
    assert mask.shape == (4, 1, 30, 1)
    assert (mask.sum(0) == 1).all()


def test_acs_lines_are_measured():
    assert acs_lines_of(random_mask(64, 4, acs=0) | acs_mask(64, 10)) >= 10
    assert acs_lines_of(equispaced_mask(255, 5, acs=21)) in (21, 22)
    assert acs_lines_of(equispaced_mask(64, 4, acs=0)) == 1
    assert acs_lines_of(acs_mask((50, 40), 12)) == (12, 12)
    assert acs_lines_of(acs_mask(50, 12).expand(50, 40)) == (12, 40)
    assert acs_lines_of(torch.ones(3, 1, 20, 1, dtype=torch.bool)) == 20
    assert acs_lines_of(~acs_mask((8, 8), 4)) == (0, 0)


@pytest.mark.parametrize("first", [24, 30, 40, 48, 50])
def test_the_acs_is_found_where_it_lies(first):
    mask = (torch.arange(96) % 4 == 3)[:, None]
    mask[first : first + 21] = True
    rows, columns = acs_block(mask, (96, 70))
    assert mask[rows].all() and rows.stop - rows.start == acs_lines_of(mask)
    assert rows.start <= first and rows.stop >= first + 21
    assert rows.start == 0 or not mask[rows.start - 1]
    assert not mask[rows.stop]
    assert columns == slice(0, 70)
    assert acs_block(mask.expand(96, 70), (96, 70)) == (rows, columns)
    assert acs_block(mask.mT, (70, 96)) == (columns, rows)


@pytest.mark.parametrize(("top", "left"), [(40, 27), (30, 35), (48, 20), (25, 35), (44, 16)])
def test_a_block_of_points_is_found_and_complete(top, left):
    mask = random_mask((96, 70), 2, acs=0, seed=top)
    mask[top : top + 24, left : left + 20] = True
    rows, columns = acs_block(mask, (96, 70))
    assert mask[rows, columns].all()
    assert rows.start <= top < top + 24 <= rows.stop
    assert columns.start <= left < left + 20 <= columns.stop
    assert acs_lines_of(mask) == (rows.stop - rows.start, columns.stop - columns.start)


def test_a_cross_is_no_block():
    mask = acs_mask((64, 64), 16) | acs_mask(64, 3).expand(64, 64) | acs_mask(64, 3).mT.expand(64, 64)
    assert acs_block(mask, (64, 64)) == (slice(24, 40), slice(24, 40))


def test_partial_fourier_leaves_an_asymmetric_acs():
    rows, _ = acs_block(partial_fourier_mask(100, 0.6), (100, 80))
    assert rows == slice(0, 60)


def test_without_any_block_it_is_empty():
    assert acs_block(torch.zeros(20, 1, dtype=torch.bool), (20, 30)) == (slice(0, 0), slice(0, 0))


def test_the_acs_in_words():
    lines = acs_mask(96, 24)
    assert acs_in_words(lines) == "24 lines"
    assert acs_in_words(lines.roll(10, 0)) == "24 lines (ky 46 to 69)"
    assert acs_in_words(acs_mask((96, 70), 16).roll((0, -6), (0, 1))) == "16 x 16 (kx 21 to 36)"
    assert acs_in_words(equispaced_mask(64, 4, acs=0)) == "1 line"


def test_equispaced_point_spread_has_copies_at_fov_over_r():
    spread = point_spread(equispaced_mask(96, 4, acs=0))[:, 0]
    peaks = (spread.abs() > 0.99).nonzero().flatten()
    assert peaks.tolist() == [0, 24, 48, 72]
    assert point_spread(random_mask(96, 4, acs=0))[:, 0].abs().sort().values[-2] < 0.7


def test_spiral_runs_at_constant_speed_from_the_centre_on():
    steps = spiral_trajectory(3, 900, n_turns=5).reshape(3, 900, 2).diff(dim=1).norm(dim=-1)
    assert steps.max() < 1.1 * steps.min()  # chords of the first turn are a little shorter


def test_trajectories_stay_inside_and_pass_the_centre():
    for points in (radial_trajectory(7, 32), radial_trajectory(8, 31, golden=False), spiral_trajectory(4, 200)):
        assert points.shape[1] == 2 and points.dtype == torch.float32
        assert points.abs().max() <= 0.5 and (points.norm(dim=1) < 1e-6).any()
    even = radial_trajectory(8, 32, golden=False).reshape(8, 32, 2)[:, 0]
    angles = torch.atan2(even[:, 0], even[:, 1])
    assert torch.allclose(angles.diff(), torch.tensor(math.pi / 8), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: random_mask(64, 0.5), "expected 1"),
        (lambda: random_mask(64, 8, acs=24), "Lower acs|lower acs"),
        (lambda: random_mask(64, math.nan), "expected 1"),
        (lambda: equispaced_mask(64, 2.5), "whole number"),
        (lambda: acs_mask(64, 65), "expected 0 to 64"),
        (lambda: acs_mask((0, 4), 0), "at least 1"),
        (lambda: poisson_disc_mask(64, 4), "needs \\(ny, nx\\)"),
        (lambda: partial_fourier_mask(64, 0.3), "0.5 to 1"),
        (lambda: variable_density_mask(64, 2, power=-1), "expected 0"),
        (lambda: kt_mask(0, 64, 4), "at least 1"),
        (lambda: radial_trajectory(0, 64), "at least 1"),
        (lambda: acceleration_of(torch.zeros(4, 1, dtype=torch.bool)), "samples nothing"),
    ],
)
def test_wrong_arguments_are_named(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
