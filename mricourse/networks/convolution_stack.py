"""The plain convolutional network between two data consistencies of the early cascades."""

from __future__ import annotations

import torch
from torch import nn


def convolution_stack(n_in: int, n_out: int, *, n_features: int, n_layers: int) -> nn.Sequential:
    """Stack convolutions of 3 x 3 pixels without biases, each but the last followed by ReLU.

    Without biases twice the input gives twice the output. The last convolution begins at a tenth of its usual weights,
    so that what a block adds to an image is small before training.

    Parameters
    ----------
    n_in, n_out : int
        Channels, real.
    n_features : int
        Channels between the layers.
    n_layers : int
        At least 2.

    Returns
    -------
    nn.Sequential
        (images, n_in, y, x) -> (images, n_out, y, x), any size.

    Raises
    ------
    ValueError
        Fewer than 2 layers, or no features.
    """
    if n_layers < 2 or n_features < 1:
        raise ValueError(f"got n_layers={n_layers} and n_features={n_features}; expected at least 2 layers, 1 feature.")
    sizes = [n_in] + [n_features] * (n_layers - 1) + [n_out]
    layers: list[nn.Module] = []
    for n_before, n_after in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Conv2d(n_before, n_after, kernel_size=3, padding=1, bias=False), nn.ReLU(inplace=True)]
        nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
    stack = nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)
    with torch.no_grad():
        stack[-1].weight.mul_(0.1)
    return stack
