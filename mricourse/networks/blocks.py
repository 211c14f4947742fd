r"""The building blocks that convolutional networks have been made of since LeNet, in one small network on images.

Every block maps (batch, n, y, x) to the same shape, without biases; $F$ is convolution, ReLU, convolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.channels import to_channels, to_image


def _convolution(n_in: int, n_out: int, *, size: int = 3, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, kernel_size=size, padding=size // 2, groups=groups, bias=False)


class PlainBlock(nn.Module):
    """Two convolutions of 3 x 3 with ReLU, $relu(F(x))$: the baseline, 18 n² weights."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.first, self.second = (_convolution(n_features, n_features) for _ in range(2))

    def change(self, channels: Tensor) -> Tensor:
        """Apply F."""
        return self.second(self.first(channels).relu())

    def forward(self, channels: Tensor) -> Tensor:
        """(batch, n, y, x) -> (batch, n, y, x)"""
        return self.change(channels).relu()


class ResidualBlock(PlainBlock):
    """Add the input again, $relu(x + F(x))$ [He et al., CVPR 2016, doi 10.1109/CVPR.2016.90]: 18 n² weights."""

    def forward(self, channels: Tensor) -> Tensor:
        """(batch, n, y, x) -> (batch, n, y, x)"""
        return (channels + self.change(channels)).relu()


class AttentionBlock(ResidualBlock):
    """Weigh the channels of a residual block [squeeze and excitation, Hu et al., CVPR 2018, arXiv:1709.01507].

    Each channel's mean over the image goes through two small dense layers, n to n/4 to n, and comes back as a factor
    between 0 and 1: 18.5 n² weights. So every pixel depends on the whole image, also on how much air it shows.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        n_squeezed = max(1, n_features // 4)
        self.squeeze = nn.Linear(n_features, n_squeezed, bias=False)
        self.excite = nn.Linear(n_squeezed, n_features, bias=False)

    def change(self, channels: Tensor) -> Tensor:
        """Apply F and weigh its channels."""
        found = super().change(channels)
        weights = self.excite(self.squeeze(found.mean(dim=(-2, -1))).relu()).sigmoid()
        return found * weights[..., None, None]


class DepthwiseBlock(ResidualBlock):
    """A residual block of depthwise-separable convolutions [MobileNet, Howard et al., 2017, arXiv:1704.04861].

    Each 3 x 3 convolution becomes two: one kernel for each channel alone, then a mixture of the channels at each pixel
    (1 x 1). With a ReLU only after each pair: 2 n² + 18 n weights.
    """

    def __init__(self, n_features: int) -> None:
        nn.Module.__init__(self)
        self.first, self.second = (
            nn.Sequential(
                _convolution(n_features, n_features, groups=n_features), _convolution(n_features, n_features, size=1)
            )
            for _ in range(2)
        )


class DenseBlock(nn.Module):
    """Keep everything: each convolution sees all before it [Huang et al., CVPR 2017, doi 10.1109/CVPR.2017.243].

    Five convolutions of 3 x 3 add n/2 channels each; one of 1 x 1 brings the 7 n / 2 channels back to n: 48.5 n²
    weights.
    """

    n_layers = 5

    def __init__(self, n_features: int) -> None:
        super().__init__()
        growth = max(1, n_features // 2)
        sizes = [n_features + number * growth for number in range(self.n_layers + 1)]
        self.layers = nn.ModuleList(_convolution(size, growth) for size in sizes[:-1])
        self.mix = _convolution(sizes[-1], n_features, size=1)

    def forward(self, channels: Tensor) -> Tensor:
        """(batch, n, y, x) -> (batch, n, y, x)"""
        for layer in self.layers:
            channels = torch.cat([channels, layer(channels).relu()], dim=-3)
        return self.mix(channels).relu()


BLOCKS: dict[str, type[nn.Module]] = {
    "plain": PlainBlock,
    "residual": ResidualBlock,
    "dense": DenseBlock,
    "attention": AttentionBlock,
    "depthwise": DepthwiseBlock,
}


class BlockNet(nn.Module):
    r"""Clean a complex image, $D(x) = x + N(x)$, with a network $N$ of equal blocks between two 3 x 3 convolutions.

    Parameters
    ----------
    block : "plain", "residual", "dense", "attention" or "depthwise"
    n_features : int
        Channels that each block takes and gives.
    n_blocks : int

    Raises
    ------
    ValueError
        Another block, or fewer than one feature or block.
    TypeError
        In `forward` an image that is not complex.
    """

    def __init__(self, *, block: str = "residual", n_features: int = 16, n_blocks: int = 8) -> None:
        super().__init__()
        if block not in BLOCKS:
            raise ValueError(f"got block={block!r}; expected one of {', '.join(BLOCKS)}.")
        if min(n_features, n_blocks) < 1:
            raise ValueError(f"got n_features={n_features} and n_blocks={n_blocks}; expected at least 1 of each.")
        self.first = _convolution(2, n_features)
        self.last = _convolution(n_features, 2)
        self.blocks = nn.Sequential(*(BLOCKS[block](n_features) for _ in range(n_blocks)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # keeps the variance from layer to layer; no ReLU after a depthwise one
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear" if module.groups > 1 else "relu")
        self.to(memory_format=torch.channels_last)
        with torch.no_grad():
            for part in self.blocks:
                if isinstance(part, ResidualBlock):  # sums would grow from block to block
                    list(part.second.parameters())[-1].mul_(n_blocks**-0.5)
            self.last.weight.mul_(0.1)  # begin near the identity

    def forward(self, image: Tensor) -> Tensor:
        """Clean images: complex (..., y, x) -> (..., y, x), any size."""
        change = self.last(self.blocks(self.first(to_channels(image)).relu()))
        return image + to_image(change, image)
