"""Optimisers beside torch's, trainings with one rate a step, and the range test."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adagrad, RMSprop

from mricourse.fundamentals.optimizers import beside_torch, range_test, train_with_rates

RULES = {
    "gd": (lambda w, v, g, lr, t: (w - lr * g, v), SGD),
    "momentum": (lambda w, v, g, lr, t: (w - lr * (0.9 * v + g), 0.9 * v + g), partial(SGD, momentum=0.9)),
    "adagrad": (lambda w, s, g, lr, t: (w - lr * g / ((s + g**2).sqrt() + 1e-10), s + g**2), Adagrad),
}


@pytest.mark.parametrize("name", RULES)
def test_the_rules_are_those_of_torch(name):
    rule, optimizer = RULES[name]
    off = beside_torch(rule, optimizer)
    assert off.shape == (20,) and off.dtype == torch.float64
    assert off.max() < 1e-12


def test_a_wrong_rule_shows_from_the_step_where_it_differs():
    rule, _ = RULES["gd"]
    off = beside_torch(rule, partial(SGD, momentum=0.9))
    assert off[0] < 1e-12 and off[1:].min() > 1e-3


def test_the_falling_rate_shows_a_rate_inside_the_velocity():
    def old_rates(w, v, g, lr, t):
        v = 0.9 * v + lr * g
        return w - v, v

    assert beside_torch(old_rates, partial(SGD, momentum=0.9)).max() > 1e-3


def test_small_gradients_show_where_eps_was_added():
    def inside(w, s, g, lr, t):
        s = 0.99 * s + 0.01 * g**2
        return w - lr * g / (s + 1e-16).sqrt(), s

    assert beside_torch(inside, RMSprop).max() < 1e-5
    assert beside_torch(inside, RMSprop, scale=1e-8).max() > 1e-3


def test_weights_that_are_lost_are_infinitely_far():
    assert beside_torch(lambda w, v, g, lr, t: (w / 0, v), SGD).min() == torch.inf
    assert beside_torch(lambda w, v, g, lr, t: (w.mean(), v), SGD).min() == torch.inf
    with pytest.raises(TypeError, match="step returned Tensor; expected"):
        beside_torch(lambda w, v, g, lr, t: w, SGD)


@pytest.fixture
def line():
    """A line to learn, y = 3 x - 1, and the loss of one batch of noisy points a step."""
    torch.manual_seed(0)
    x = torch.randn(300, 8, 1)
    y = 3 * x - 1 + 0.1 * torch.randn(300, 8, 1)
    network = nn.Linear(1, 1)
    return network, lambda net, step: (net(x[step]) - y[step]).square().mean()


def test_training_leaves_the_network_alone_and_learns(line):
    network, loss = line
    before = network.weight.detach().clone()
    trained, losses = train_with_rates(network, loss, [0.1] * 100, optimizer=SGD)
    assert torch.equal(network.weight, before) and network.weight.requires_grad
    assert losses.shape == (100,) and losses[0] == loss(network, 0).detach()
    assert trained.weight.item() == pytest.approx(3, abs=0.1) and not trained.weight.requires_grad


def test_each_step_has_its_own_rate(line):
    network, loss = line
    trained, _ = train_with_rates(network, loss, torch.tensor([0.0, 0.0]), optimizer=SGD)
    assert torch.equal(trained.weight, network.weight)
    trained, _ = train_with_rates(network, loss, [0.0, 0.25], optimizer=SGD)
    [slope] = torch.autograd.grad(loss(network, 1), network.weight)
    assert torch.allclose(trained.weight, network.weight - 0.25 * slope)


def test_training_stops_where_it_diverges(line):
    network, loss = line
    _, losses = train_with_rates(network, loss, [100.0] * 60, optimizer=SGD)
    lost = losses.isnan()
    assert lost.any() and not lost[0] and lost[int(lost.int().argmax()) :].all()


@pytest.mark.parametrize("rates", [[], [-0.1], [float("nan")], torch.ones(2, 2)])
def test_rates_are_checked(line, rates):
    with pytest.raises(ValueError, match=r"expected \(steps,\)"):
        train_with_rates(*line, rates)


def test_range_test_falls_then_rises(line):
    network, loss = line
    rates = torch.logspace(-4, 1, 100)
    curve = range_test(network, loss, rates, optimizer=SGD, n_sweeps=3, width=5)
    assert curve.shape == (100,) and curve[:2].isnan().all() and not curve[2].isnan()
    averaged = curve.nan_to_num(torch.inf)
    lowest = int(averaged.argmin())
    assert 1e-3 < rates[lowest] < 1 and averaged[lowest] < -0.1 < averaged[5]
    broken = rates[lowest:][averaged[lowest:] > averaged[lowest] + 1][0]
    assert float(broken) == pytest.approx(1, rel=0.6), "the curvature is 2, so 1 is where SGD diverges"


def test_range_test_takes_other_batches_in_each_sweep(line):
    network, loss = line
    seen = []
    range_test(network, lambda net, step: seen.append(step) or loss(net, step), [0.1] * 7, n_sweeps=2, width=1)
    assert sorted(set(seen)) == list(range(14))


@pytest.mark.parametrize("options", [{"width": 4}, {"width": 0}, {"n_sweeps": 0}, {"width": 9}])
def test_range_test_is_checked(line, options):
    with pytest.raises(ValueError, match="expected an odd width"):
        range_test(*line, [0.1] * 7, **({"width": 3} | options))
