"""UP-Net's objective: where the Laplace loss is smallest, that air has no say, and that a training learns by it."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import laplace

from mricourse.networks.upnet import UPNet
from mricourse.physics.scan import stack
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.simulate.multi_contrast import ContrastScans
from mricourse.training.loop import Settings, train
from mricourse.training.parameter_maps import DECIBELS, Judging, MapsLoss, laplace_loss

SCANS = FatWaterScans("train", 4, shape=(32, 32), n_echoes=4, acceleration=2)


def network(seed=0):
    torch.manual_seed(seed)
    return UPNet(n_echoes=4, n_features=4, n_levels=1)


def test_it_is_the_negative_logarithm_of_scipys_density():
    estimate = torch.tensor([3.0, -1.0, 20.0], dtype=torch.float64)
    spread = torch.tensor([0.5, 2.0, 7.0], dtype=torch.float64)
    truth = torch.tensor([2.0, 5.0, 20.0], dtype=torch.float64)
    expected = -laplace.logpdf(truth.numpy(), loc=estimate.numpy(), scale=spread.numpy())
    assert laplace_loss(estimate, spread, truth).numpy() == pytest.approx(expected)


@pytest.mark.parametrize("error", [0.02, 1.0, 35.0])
def test_for_one_error_it_is_smallest_where_the_spread_is_the_error(error):
    spreads = torch.logspace(-3, 3, 60001, dtype=torch.float64)
    values = laplace_loss(torch.tensor(error), spreads, torch.tensor(0.0))
    assert float(spreads[values.argmin()]) == pytest.approx(error, rel=1e-3)
    assert float(values.min()) == pytest.approx(1 + math.log(2 * error), abs=1e-5)


def test_for_many_errors_it_is_smallest_at_their_mean_not_at_their_standard_deviation():
    errors = torch.randn(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spreads = torch.linspace(0.5, 1.5, 501, dtype=torch.float64)
    means = torch.stack([laplace_loss(errors, spread, torch.tensor(0.0)).mean() for spread in spreads])
    assert float(spreads[means.argmin()]) == pytest.approx(float(errors.abs().mean()), abs=0.003)
    assert float(errors.std()) - float(spreads[means.argmin()]) > 0.15


def test_its_gradient_in_the_estimate_shrinks_where_the_network_is_unsure():
    estimate = torch.tensor([5.0, 5.0], requires_grad=True)
    laplace_loss(estimate, torch.tensor([1.0, 10.0]), torch.zeros(2)).sum().backward()
    assert estimate.grad.tolist() == pytest.approx([1.0, 0.1])


@pytest.mark.parametrize("with_uncertainty", [False, True])
def test_air_has_no_say_in_the_maps_and_each_scan_counts_alike(with_uncertainty):
    [batch] = stack([SCANS[0], SCANS[1]])
    loss = MapsLoss(with_uncertainty=with_uncertainty)
    _, estimate, spread = (each.detach() for each in network().opened(batch.A, batch.kspace))
    value = loss.of_maps(estimate, spread, batch)
    outside = ~batch.inside
    assert torch.equal(value, loss.of_maps(estimate + 1e3 * outside, spread + 50 * outside, batch))
    singles = []
    for number in range(2):
        [alone] = stack([SCANS[number]])
        singles.append(loss.of_maps(estimate[number : number + 1], spread[number : number + 1], alone))
    assert value == pytest.approx(float(sum(singles)) / 2, rel=1e-5)


def test_in_the_first_stage_the_uncertainty_does_not_learn():
    [batch] = stack([SCANS[0]])
    net = network()
    MapsLoss(with_uncertainty=False)(net, batch).backward()
    assert not net.mapping.head.weight.grad[2:].any() and net.mapping.head.weight.grad[:2].any()
    MapsLoss(with_uncertainty=True)(net, batch).backward()
    assert net.mapping.head.weight.grad[2:].any()


def test_both_stages_learn_and_choose_their_best_weights_by_the_maps():
    settings = Settings(n_steps=40, batch_size=2, learning_rate=1e-2, warmup=3, validate_every=10, save_every=10)
    net = network()
    for with_uncertainty in (False, True):
        objective = MapsLoss(with_uncertainty=with_uncertainty)
        assert isinstance(objective, Judging)
        held = [SCANS[1000], SCANS[1001]]
        history = train(net, SCANS, settings, validation=held, objective=objective)
        rows = [row["validation"] for row in history.rows]
        assert rows[-1] > rows[0] and history.best == max(rows)
        [batch] = stack([held[0]])
        of_first = objective.score(net, batch)
        with torch.no_grad():
            value = float(objective.of_maps(*net.maps(batch.A, batch.kspace), batch))
        assert of_first == pytest.approx(-DECIBELS * value if with_uncertainty else -20 * math.log10(value))


def test_scans_without_maps_are_refused():
    scan = ContrastScans("train", 1, shape=(40, 36))[0]
    [batch] = stack([scan])
    with pytest.raises(ValueError, match="the scans have no maps; expected a MultiEchoScan of each"):
        MapsLoss(with_uncertainty=True)(UPNet(n_echoes=3, n_features=4), batch)


def test_the_image_weight_is_that_of_the_echoes():
    [batch] = stack([SCANS[0]])
    net = network()
    without, once, twice = (
        float(MapsLoss(with_uncertainty=False, image_weight=weight)(net, batch).detach()) for weight in (0.0, 1.0, 2.0)
    )
    assert twice - once == pytest.approx(once - without, rel=1e-4) and once > without
    assert replace(SCANS, seed=5)[0].maps.shape == (2, 32, 32)
