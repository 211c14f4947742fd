"""LeNet-5: published and modern form have their sizes, layer by layer, and both learn."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mricourse.networks.lenet import (
    BITMAPS,
    CONNECTIONS,
    FixedBitmaps,
    PartialConvolution,
    ScaledTanh,
    Subsampling,
    modern_lenet,
    published_lenet,
)


def n_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def sizes(network):
    return [n for n in map(n_parameters, network) if n]


def test_published_size_layer_by_layer():
    network = published_lenet()
    assert sizes(network) == [156, 12, 1_516, 32, 48_120, 10_164] and n_parameters(network) == 60_000
    assert [tuple(layer(torch.zeros(2, 1, 32, 32)).shape[1:]) for layer in (network[:1], network[:3], network[:6])] == [
        (6, 28, 28),
        (6, 14, 14),
        (16, 5, 5),
    ]


def test_modern_size_layer_by_layer():
    assert sizes(modern_lenet()) == [156, 2_416, 48_120, 10_164, 850] and n_parameters(modern_lenet()) == 61_706
    assert n_parameters(modern_lenet(n_classes=4)) == 61_706 - 6 * 85


@pytest.mark.parametrize("build", [published_lenet, modern_lenet])
def test_scores_of_every_class_and_a_gradient_for_every_parameter(build):
    torch.manual_seed(0)
    network = build()
    scores = network(torch.rand(5, 1, 32, 32))
    assert scores.shape == (5, 10)
    functional.cross_entropy(scores, torch.arange(5)).backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize("build", [published_lenet, modern_lenet])
def test_ten_images_are_learned_by_heart(build):
    torch.manual_seed(0)
    network, images, labels = build(), torch.rand(10, 1, 32, 32), torch.arange(10)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    assert torch.equal(network(images).argmax(dim=1), labels)


def test_the_table_of_connections_is_the_papers():
    assert [len(sources) for sources in CONNECTIONS] == [3] * 6 + [4] * 9 + [6]
    assert sum(map(len, CONNECTIONS)) == 60 and len(set(CONNECTIONS)) == 16
    uses = [sum(source in sources for sources in CONNECTIONS) for source in range(6)]
    assert uses == [10] * 6, "every map of S2 is looked at equally often"


def test_partial_convolution_is_a_dense_one_with_zeros():
    torch.manual_seed(0)
    layer, maps = PartialConvolution().double(), torch.randn(2, 6, 9, 12, dtype=torch.float64)
    kernels, number = torch.zeros(16, 6, 5, 5, dtype=torch.float64), 0
    for out, sources in enumerate(CONNECTIONS):
        for source in sources:
            kernels[out, source], number = layer.kernels[number], number + 1
    expected = functional.conv2d(maps, kernels, layer.constants)
    assert torch.allclose(layer(maps), expected, atol=1e-12)
    other = maps.clone()
    other[:, 3] += 1
    changed = ((layer(other) - expected).abs() > 1e-9).any(dim=(0, 2, 3)).nonzero().flatten().tolist()
    assert changed == [out for out, sources in enumerate(CONNECTIONS) if 3 in sources]


def test_partial_convolution_begins_as_torch_does():
    torch.manual_seed(0)
    layer, usual = PartialConvolution((tuple(range(6)),) * 200), nn.Conv2d(6, 200, 5)
    mine, torchs = layer.kernels.detach(), usual.weight.detach()
    assert float(mine.std()) == pytest.approx(float(torchs.std()), rel=0.03)
    assert float(mine.abs().max()) == pytest.approx(float(torchs.abs().max()), rel=0.01)


def test_subsampling_begins_as_average_pooling():
    layer, maps = Subsampling(3), torch.randn(2, 3, 6, 8)
    assert torch.allclose(layer(maps), functional.avg_pool2d(maps, 2), atol=1e-6)
    with torch.no_grad():
        layer.factor[1], layer.constant[1] = 2, 5
    assert torch.allclose(layer(maps)[:, 1], 8 * functional.avg_pool2d(maps, 2)[:, 1] + 5, atol=1e-5)


def test_scaled_tanh_keeps_the_targets():
    assert torch.allclose(ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0])), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4)


def test_each_bitmap_is_its_own_best_match():
    layer = FixedBitmaps()
    assert layer.bitmaps.shape == (10, 84) and set(layer.bitmaps.unique().tolist()) == {-1.0, 1.0}
    scores = layer(layer.bitmaps)
    assert torch.equal(scores.argmax(dim=1), torch.arange(10)) and not scores.diagonal().any()
    assert all(len(rows.split()) == 12 and {len(row) for row in rows.split()} == {7} for rows in BITMAPS)
    assert n_parameters(layer) == 0
