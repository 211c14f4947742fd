"""The critic of adversarial training: it scores patches of images."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mricourse.networks.channels import to_channels


class Critic(nn.Module):
    """Score patches of images, high for measured ones and low for made ones: complex (n, y, x) -> (n, y / 4, x / 4).

    Four convolutions that see 20 x 20 pixels, as a PatchGAN [Isola et al., CVPR 2017]: it judges texture, not anatomy.
    Every layer's largest singular value is kept at 1 [Miyato et al., ICLR 2018], so that the score cannot rise without
    bound.

    Parameters
    ----------
    n_features : int
        Of the first layer; the next have twice and four times as many.
    """

    def __init__(self, *, n_features: int = 16) -> None:
        super().__init__()
        n = [2, n_features, 2 * n_features, 4 * n_features, 1]
        layers: list[nn.Module] = []
        for level, stride in enumerate((1, 2, 2, 1)):
            size = 4 if stride == 2 else 3
            layers += [spectral_norm(nn.Conv2d(n[level], n[level + 1], size, stride, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, image: Tensor) -> Tensor:
        """Score every patch."""
        return self.layers(to_channels(image))
