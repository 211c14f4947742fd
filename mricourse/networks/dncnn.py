r"""DnCNN, a residual denoiser [Zhang et al., IEEE TIP 26:3142, 2017], in the form that MoDL uses: $D(x) = x + N(x)$.

Images are complex outside and two real channels inside.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.channels import from_blocks, to_blocks, to_channels, to_image

NORMS = ("none", "batch", "instance", "group")
GROUP_SIZE = 8  # channels that group normalisation takes together
MOST_UNSHUFFLE = 8


class DnCNN(nn.Module):
    r"""Clean a complex image, $D(x) = x + N(x)$: the convolutions $N$ only have to find what is wrong with it.

    Without biases or norms $D$ is homogeneous: an image (and noise level) of twice the size gives twice the result.

    Parameters
    ----------
    n_features : int
        Channels between the layers.
    n_layers : int
        Convolutions of 3 x 3 pixels without bias, each but the last followed by ReLU; at least 2.
    norm : "none", "batch", "instance" or "group"
        What follows each convolution. With one image a batch each of them rescales that very image, so the course
        leaves them out; the lesson on batch normalisation measures all four.
    norm_last : bool
        Whether one follows the last convolution too, as in MoDL's code; then the energy of the change is fixed.
    noise_aware : bool
        Take the noise level as a third channel, a constant image, as FFDNet does [Zhang, IEEE TIP 27:4608, 2018].
    unshuffle : int
        Side of the blocks of pixels that are one pixel of more channels between the first layer and the last, as in
        FFDNet, which has 2: a layer then sees twice as far, and one of as many features costs a quarter. 1 leaves
        pixels as they are.
    residual : bool
        Take the inner layers in pairs and add what each pair finds to what it was given, as EDSR does [Lim et al., CVPR
        Workshops 2017, arXiv:1707.02921]. Ten layers without it learned three times as slowly as five. There is no norm
        then, and the number of layers is even.

    Raises
    ------
    ValueError
        Fewer than 2 layers, no features, another norm, blocks that are none, or pairs that cannot be.
    """

    def __init__(
        self,
        *,
        n_features: int = 64,
        n_layers: int = 5,
        norm: str = "none",
        norm_last: bool = True,
        noise_aware: bool = False,
        unshuffle: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if n_layers < 2 or n_features < 1:
            raise ValueError(
                f"got n_layers={n_layers} and n_features={n_features}; expected at least 2 layers and 1 feature: "
                "DnCNN(n_features=64, n_layers=5) is MoDL's."
            )
        if not 1 <= unshuffle <= MOST_UNSHUFFLE:
            raise ValueError(f"got unshuffle={unshuffle}; expected blocks of 1 to {MOST_UNSHUFFLE} pixels a side.")
        if residual and (norm != "none" or n_layers % 2):
            raise ValueError(
                f"got residual=True with n_layers={n_layers} and norm={norm!r}; expected an even number of layers and "
                'norm="none".'
            )
        self.noise_aware = noise_aware
        self.unshuffle = unshuffle
        n_pixels = unshuffle**2
        n_in, n_out = n_pixels * (3 if noise_aware else 2), n_pixels * 2
        if residual:
            pairs = [_Pair(n_features) for _ in range(n_layers // 2 - 1)]
            layers = [_convolution(n_in, n_features), nn.ReLU(inplace=True), *pairs, _convolution(n_features, n_out)]
        else:
            layers = _plain_layers([n_in] + [n_features] * (n_layers - 1) + [n_out], norm)
            del layers[-1 if norm == "none" or norm_last else -2 :]
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        with torch.no_grad():  # begin near the identity: an unrolled network starts as plain iterations
            self.layers[-1].weight.mul_(0.1)  # of the norm where there is one: it undoes what the convolution scales

    def forward(self, image: Tensor, noise_std: Tensor | None = None) -> Tensor:
        """Clean images: complex (..., y, x) -> (..., y, x), any size; `noise_std` broadcasts to (..., y, x)."""
        maps = []
        if self.noise_aware:
            if noise_std is None:
                raise ValueError(
                    "noise_std is missing; expected the noise level of the image: this DnCNN is noise-aware."
                )
            if noise_std.ndim and noise_std.shape[-2:] not in ((1, 1), image.shape[-2:]):
                raise ValueError(
                    f"noise_std has shape {tuple(noise_std.shape)}; expected (), one for each image, (..., 1, 1), or "
                    "one for each pixel."
                )
            maps = [noise_std]
        channels = to_channels(image, *maps)
        if self.unshuffle == 1:
            return image + to_image(self.layers(channels), image)
        blocks = self.layers(to_blocks(channels, self.unshuffle))
        return image + to_image(from_blocks(blocks, self.unshuffle, image.shape[-2:]), image)


class _Pair(nn.Module):
    """Two convolutions whose input is added to what they find; it begins near the identity."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.first, self.second = (_convolution(n_features, n_features) for _ in range(2))
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.second(self.first(maps).relu())


def _convolution(n_in: int, n_out: int) -> nn.Conv2d:
    layer = nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer


def _plain_layers(n_channels: list[int], norm: str) -> list[nn.Module]:
    """Convolutions, each followed by its norm, if any, and ReLU."""
    layers: list[nn.Module] = []
    for n_in, n_out in zip(n_channels[:-1], n_channels[1:], strict=True):
        layers += [_convolution(n_in, n_out)]
        layers += [] if norm == "none" else [norm_layer(norm, n_out)]
        layers += [nn.ReLU(inplace=True)]
    return layers


def norm_layer(kind: str, n_channels: int) -> nn.Module:
    """Make one layer that normalises (images, channels, y, x), with a learned scale and offset for each channel.

    Parameters
    ----------
    kind : "none", "batch", "instance" or "group"
        Mean and variance are those of a channel over all images and pixels of the batch [Ioffe, ICML 2015] and, in
        evaluation mode, of the training; of a channel in one image [Ulyanov, arXiv:1607.08022]; of 8 channels in one
        image, or of all where 8 does not divide them [Wu, ECCV 2018].
    n_channels : int

    Raises
    ------
    ValueError
        Another kind.
    """
    if kind not in NORMS:
        raise ValueError(f"got norm={kind!r}; expected {', '.join(NORMS[:-1])} or {NORMS[-1]}.")
    if kind == "none":
        return nn.Identity()
    if kind == "batch":
        return nn.BatchNorm2d(n_channels)
    size = {"instance": 1, "group": GROUP_SIZE}[kind]  # nn.InstanceNorm2d: see the test of its gradients
    return nn.GroupNorm(1 if n_channels % size else n_channels // size, n_channels)
