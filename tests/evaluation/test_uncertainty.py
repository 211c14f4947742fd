"""Uncertainty against error: parity with scipy, known answers, and that air never counts."""

import math

import pytest
import torch
from scipy.stats import spearmanr

from mricourse.evaluation.uncertainty import (
    Mapped,
    calibration_factor,
    disagreement,
    dropout_passes,
    map_subjects,
    mixed,
    rank_correlations,
    reliability,
    sparsification,
)
from mricourse.networks.upnet import UPNet
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.training.parameter_maps import laplace_loss

SHAPE = (6, 31, 29)
DRAW = torch.Generator().manual_seed(3)
INSIDE = torch.rand(SHAPE, generator=DRAW) < 0.6
SPREAD = 0.2 + torch.rand(SHAPE, generator=DRAW)
ERROR = SPREAD * torch.empty(SHAPE).exponential_(generator=DRAW)  # Laplace errors of just this scale
SCANS = FatWaterScans("train", 6, shape=(32, 32), n_echoes=4, acceleration=2)


def small(**options):
    torch.manual_seed(0)
    return UPNet(n_echoes=4, n_features=4, n_levels=1, **options).eval()


def test_ranks_are_scipys_of_the_tissue_of_each_subject():
    found = rank_correlations(ERROR, SPREAD, INSIDE)
    for e, u, where, rho in zip(ERROR, SPREAD, INSIDE, found, strict=True):
        assert float(rho) == pytest.approx(float(spearmanr(e[where].numpy(), u[where].numpy()).statistic))
    assert torch.equal(found, rank_correlations(ERROR + 99 * ~INSIDE, SPREAD + 99 * ~INSIDE, INSIDE))
    assert torch.allclose(found, rank_correlations(ERROR, SPREAD**3, INSIDE)), "calibration changes no rank"


def test_what_is_calibrated_has_a_factor_of_one_and_what_is_too_sure_a_larger_one():
    assert calibration_factor(ERROR, SPREAD, INSIDE) == pytest.approx(1, abs=0.05)
    assert calibration_factor(ERROR, SPREAD / 3, INSIDE) == pytest.approx(
        3 * calibration_factor(ERROR, SPREAD, INSIDE), rel=1e-5
    )


def test_the_factor_makes_the_laplace_loss_smallest():
    where = torch.ones(SHAPE, dtype=torch.bool)
    best = calibration_factor(ERROR, SPREAD, where)
    at = {c: float(laplace_loss(ERROR, c * best * SPREAD, torch.tensor(0.0)).mean()) for c in (0.98, 1.0, 1.02)}
    assert at[1.0] < min(at[0.98], at[1.02])


def test_each_subject_counts_alike_in_the_factor():
    error, inside = ERROR.clone(), INSIDE.clone()
    error[0] *= 10
    inside[0] = False
    inside[0, 0, :5] = True  # a small subject
    each = [calibration_factor(error[i : i + 1], SPREAD[i : i + 1], inside[i : i + 1]) for i in range(len(error))]
    assert calibration_factor(error, SPREAD, inside) == pytest.approx(sum(each) / len(each), rel=1e-5)


def test_a_reliability_curve_of_calibrated_errors_lies_on_the_diagonal():
    predicted, measured = reliability(ERROR, SPREAD, INSIDE, n_bins=8)
    assert predicted.shape == measured.shape == (8,) and bool((predicted.diff() > 0).all())
    assert (measured / predicted - 1).abs().max() < 0.2
    twice, same = reliability(ERROR, 2 * SPREAD, INSIDE, n_bins=8)
    assert torch.allclose(twice, 2 * predicted) and torch.allclose(same, measured)


def test_leaving_out_by_the_error_itself_is_best_and_by_chance_changes_nothing():
    error, spread = ERROR[INSIDE], SPREAD[INSIDE]
    shares = [0.0, 0.25, 0.5, 0.75, 0.9]
    oracle, ours = (sparsification(error, ranking, shares=shares) for ranking in (error, spread))
    chance = sparsification(error, torch.rand(len(error), generator=torch.Generator().manual_seed(0)), shares=shares)
    assert oracle[0] == pytest.approx(float(error.mean()), rel=1e-5) and torch.allclose(oracle[0], ours[0])
    assert bool((oracle[1:] < ours[1:]).all()) and bool((ours[1:] < error.mean()).all())
    assert (chance[:4] / error.mean() - 1).abs().max() < 0.1
    with pytest.raises(ValueError, match="something must be left"):
        sparsification(error, spread, shares=[0.5, 1.0])


def laplace_mapped(centre, scale):
    full = torch.ones(2, 2, 4, 5)
    return Mapped(centre * full, scale * full, 0 * full, torch.ones(2, 4, 5, dtype=torch.bool))


def test_a_mixture_has_the_variance_of_its_draws():
    members = [laplace_mapped(centre, scale) for centre, scale in ((1.0, 0.5), (4.0, 1.0), (-2.0, 2.0))]
    together = mixed(members)
    draws = torch.cat(
        [
            torch.distributions.Laplace(centre, scale).sample((200_000,))
            for centre, scale in ((1.0, 0.5), (4.0, 1.0), (-2.0, 2.0))
        ]
    )
    assert float(together.estimate[0, 0, 0, 0]) == pytest.approx(1.0)
    assert math.sqrt(2) * float(together.spread[0, 0, 0, 0]) == pytest.approx(float(draws.std()), rel=0.01)
    assert float(disagreement(members)[0, 0, 0, 0]) == pytest.approx(math.sqrt(6.0), rel=1e-5)
    alike = mixed([members[1]] * 3)
    assert torch.allclose(alike.spread, members[1].spread) and not disagreement([members[1]] * 3).any()
    with pytest.raises(ValueError, match="got 1 members; expected two or more"):
        mixed(members[:1])


def test_subjects_are_mapped_one_by_one_beside_their_truth():
    network, scans = small(), [SCANS[0], SCANS[1]]
    mapped = map_subjects(network, scans)
    assert mapped.estimate.shape == mapped.spread.shape == mapped.truth.shape == (2, 2, 32, 32)
    assert torch.equal(mapped.truth[1], SCANS[1].maps) and torch.equal(mapped.inside[0], SCANS[0].inside)
    assert torch.equal(mapped.error, (mapped.estimate - mapped.truth).abs())


def test_passes_of_dropout_differ_by_their_seed_alone_and_leave_all_else_as_it_was():
    network, scans = small(dropout=0.3), [SCANS[0]]
    state = torch.get_rng_state()
    first, second = dropout_passes(network, scans, 2, seed=1)
    again = dropout_passes(network, scans, 1, seed=1)[0]
    assert not torch.equal(first.estimate, second.estimate) and torch.equal(first.estimate, again.estimate)
    assert torch.equal(torch.get_rng_state(), state) and not any(module.training for module in network.modules())
    with pytest.raises(ValueError, match="the network has no dropout"):
        dropout_passes(small(), scans, 2)
