"""Rules of optimisers by hand: those of torch, walks, trainings and what is counted on the way."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, RMSprop

from mricourse.fundamentals.loss_surfaces import AXIS_VALLEY, T2_DECAY, run_optimizers, walk
from mricourse.fundamentals.optimizers import beside_torch, dead_share, example_gradients
from mricourse.fundamentals.training_figures import show_range_test
from mricourse.fundamentals.update_rules import (
    adagrad_step,
    adam_step,
    momentum_step,
    plain_step,
    rmsprop_step,
    train_by_hand,
    valley_steps,
)

RULES = {
    "gradient descent": (plain_step, SGD, 0.0),
    "momentum": (momentum_step, partial(SGD, momentum=0.9), 0.0),
    "Adagrad": (adagrad_step, Adagrad, 0.0),
    "RMSProp": (rmsprop_step, RMSprop, 0.0),
    "Adam": (adam_step, Adam, (0.0, 0.0)),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("scale", [1.0, 1e-8])
def test_each_rule_is_that_of_torch(name, scale):
    rule, optimizer, memory = RULES[name]
    assert beside_torch(rule, optimizer, memory=memory, scale=scale).max() < 1e-12


@pytest.mark.parametrize("name", RULES)
def test_a_walk_is_that_of_torch(name):
    rule, _, memory = RULES[name]
    path = walk(T2_DECAY, rule, rate=0.03, n_steps=30, memory=memory)
    theirs = run_optimizers(T2_DECAY, rates=(0.03, 0.03), n_steps=30)[name]
    assert path.shape == (31, 2) and torch.allclose(path, theirs, atol=1e-12)


def test_a_walk_starts_where_it_is_told():
    path = walk(AXIS_VALLEY, plain_step, rate=1.0, n_steps=1, start=(0.5, 0.5))
    assert path.tolist() == [[0.5, 0.5], [0.0, pytest.approx(0.48)]]


@pytest.mark.parametrize("kappa", [9.0, 100.0, 400.0])
def test_steps_in_a_valley(kappa):
    factor = (kappa - 1) / (kappa + 1)
    assert valley_steps(kappa, momentum=False) == pytest.approx(-3 / torch.tensor(factor).log10().item(), abs=1)
    assert valley_steps(kappa, momentum=True) < valley_steps(kappa, momentum=False)
    with pytest.raises(ValueError, match="above 1"):
        valley_steps(1.0, momentum=False)


@pytest.fixture
def line():
    torch.manual_seed(0)
    x = torch.randn(100, 8, 1)
    network = nn.Linear(1, 1)
    return network, lambda net, step: (net(x[step]) - 3 * x[step] + 1).square().mean()


@pytest.mark.parametrize("name", RULES)
def test_training_by_hand_is_training_by_torch(line, name):
    network, loss = line
    rule, make, memory = RULES[name]
    before = network.weight.detach().clone()
    trained = train_by_hand(network, loss, rule, rate=0.05, n_steps=20, memory=memory)
    assert torch.equal(network.weight, before) and not trained.weight.requires_grad
    optimizer = make(network.parameters(), lr=0.05)
    for step in range(20):
        optimizer.zero_grad()
        loss(network, step).backward()
        optimizer.step()
    assert torch.allclose(trained.weight, network.weight, atol=1e-5)
    assert torch.allclose(trained.bias, network.bias, atol=1e-5)


def test_gradients_of_examples_are_those_of_their_mean(line):
    network, loss = line
    rows = example_gradients(network, loss, 5)
    assert rows.shape == (5, 2)
    sum(loss(network, index) for index in range(5)).backward()
    together = torch.cat([network.weight.grad.flatten(), network.bias.grad.flatten()])
    assert torch.allclose(rows.sum(dim=0), together, atol=1e-5)


def test_dead_channels_are_counted():
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.copy_(torch.tensor([0.0, 0.0, 0.0, -100.0]))
        network[2].bias.fill_(-1e6)
    assert dead_share(network, torch.rand(3, 1, 5, 4)) == [0.25, 1.0]
    assert not network[1]._forward_hooks
    with pytest.raises(ValueError, match="no nn.ReLU"):
        dead_share(nn.Linear(1, 1), torch.zeros(1))


def test_a_range_test_is_drawn_with_its_marks():
    axes = show_range_test(torch.logspace(-4, 0, 20), torch.linspace(0, 1, 20), {"lowest": 0.01})
    assert len(axes.lines) == 2 and "lowest, 1.0e-02" in axes.get_legend().get_texts()[0].get_text()
