r"""DnCNN, a residual denoiser [Zhang et al., IEEE TIP 26:3142, 2017], in the form that MoDL uses: $D(x) = x + N(x)$.

Images are complex outside and two real channels inside.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DnCNN(nn.Module):
    r"""Clean a complex image, $D(x) = x + N(x)$: the convolutions $N$ only have to find what is wrong with it.

    Without biases $D$ is homogeneous: an image (and its noise level) of twice the size gives twice the result.

    Parameters
    ----------
    n_features : int
        Channels between the layers.
    n_layers : int
        Convolutions of 3 x 3 pixels without bias, each but the last followed by ReLU; at least 2.
    batch_norm : bool
        Normalise after each convolution, as MoDL's authors do. With one image a batch it rescales that image, so the
        course leaves it out.
    noise_aware : bool
        Take the noise level as a third channel, a constant image, as FFDNet does [Zhang, IEEE TIP 27:4608, 2018].

    Raises
    ------
    ValueError
        Fewer than 2 layers, or no features.
    """

    def __init__(
        self, *, n_features: int = 64, n_layers: int = 5, batch_norm: bool = False, noise_aware: bool = False
    ) -> None:
        super().__init__()
        if n_layers < 2 or n_features < 1:
            raise ValueError(
                f"got n_layers={n_layers} and n_features={n_features}; expected at least 2 layers and 1 feature: "
                "DnCNN(n_features=64, n_layers=5) is MoDL's."
            )
        self.noise_aware = noise_aware
        n_channels = [3 if noise_aware else 2] + [n_features] * (n_layers - 1) + [2]
        layers: list[nn.Module] = []
        for n_in, n_out in zip(n_channels[:-1], n_channels[1:], strict=True):
            layers.append(nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False))
            nn.init.kaiming_normal_(layers[-1].weight, nonlinearity="relu")
            layers += [nn.BatchNorm2d(n_out)] if batch_norm else []
            layers += [nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)
        with torch.no_grad():  # begin near the identity: an unrolled network starts as plain iterations
            self.layers[-2 if batch_norm else -1].weight.mul_(0.1)

    def forward(self, image: Tensor, noise_std: Tensor | None = None) -> Tensor:
        """Clean images: complex (..., y, x) -> (..., y, x), any size; `noise_std` broadcasts to (..., y, x)."""
        channels = torch.view_as_real(image.resolve_conj())
        if self.noise_aware:
            if noise_std is None:
                raise ValueError(
                    "noise_std is missing; expected the noise level of the image: this DnCNN is noise-aware."
                )
            channels = torch.cat([channels, noise_std[..., None].expand(*image.shape, 1)], dim=-1)
        stack = channels.reshape(-1, *channels.shape[-3:]).permute(0, 3, 1, 2)  # channels stay last in memory
        change = self.layers(stack)
        change = change.permute(0, 2, 3, 1).to(image.real.dtype).contiguous()
        return image + torch.view_as_complex(change).reshape(image.shape)
