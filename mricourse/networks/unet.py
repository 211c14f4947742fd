r"""U-Net [Ronneberger, Fischer, Brox, MICCAI 2015, doi 10.1007/978-3-319-24574-4_28], its published forms and ours.

Going down, each level halves the map and doubles the features; going up, each level doubles the map again and looks
once more at what the same level saw on the way down (the skip). So a few small kernels reach far across the image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mricourse.networks.channels import to_channels, to_image

POOLS = {"average": functional.avg_pool2d, "max": functional.max_pool2d}
OPTIONS = {
    "up": ("transpose", "bilinear"),
    "pool": tuple(POOLS),
    "norm": ("instance", "none"),
    "bias": ("all", "head", "none"),
}


class UNet(nn.Module):
    """Map real channels to real channels, (batch, n_in, y, x) -> (batch, n_out, y, x).

    Parameters
    ----------
    n_in, n_out : int
        Channels of the input and of the output.
    n_features : int
        Channels of the first level; each level below has twice as many.
    n_levels : int
        Poolings on the way down, as many enlargements on the way up.
    up : "transpose" or "bilinear"
        How a map is enlarged. The transposed convolution (2 x 2, stride 2) also halves the features; the bilinear
        interpolation leaves them, so the block before it halves them instead, and the bottom does not double them.
    pool : "average" or "max"
        Over 2 x 2 pixels.
    norm : "instance" or "none"
        Set mean 0 and standard deviation 1 in each map of each image after each convolution, without learned factors.
    slope : float
        Of the leaky ReLU below zero, at least 0 and below 1; 0 is the ReLU.
    bias : "all", "head" or "none"
        Which convolutions add a constant; the head is the last one, 1 x 1.
    valid : bool
        Convolve only where the kernel fits, as in 2015: the output loses a border. Otherwise zeros surround each map.
    skips : bool
        False leaves out what the way down saw, to show what it is worth. The first convolution of each block on the way
        up has fewer maps to look at then, and gives as many more as keep the weights of the block: 1.5 times as many
        after a transposed convolution, which is exact where `n_features` is even.

    Raises
    ------
    ValueError
        An unknown option or a size below 1; in `forward` an image that the levels do not fit.
    """

    def __init__(
        self,
        *,
        n_in: int = 1,
        n_out: int = 1,
        n_features: int = 32,
        n_levels: int = 4,
        up: str = "transpose",
        pool: str = "average",
        norm: str = "instance",
        slope: float = 0.2,
        bias: str = "head",
        valid: bool = False,
        skips: bool = True,
    ) -> None:
        super().__init__()
        _check_options(up=up, pool=pool, norm=norm, bias=bias)
        if min(n_in, n_out, n_features, n_levels) < 1 or not 0 <= slope < 1:
            raise ValueError(
                f"got n_in={n_in}, n_out={n_out}, n_features={n_features}, n_levels={n_levels} and slope={slope}; "
                "expected at least 1 of each and a slope in [0, 1), such as UNet(n_features=32, n_levels=4)."
            )
        self.up = up
        self.pool = pool
        self.norm = norm
        self.slope = slope
        self.valid = valid
        self.skips = skips

        widths = [n_features * 2**level for level in range(n_levels)]
        options = {"kernel_size": 3, "padding": 0 if valid else 1, "bias": bias == "all"}
        self.down_blocks = nn.ModuleList(
            self._block(n, width, options) for n, width in zip([n_in, *widths], widths, strict=False)
        )
        self.bottom = self._block(widths[-1], widths[-1] * (2 if up == "transpose" else 1), options)
        self.enlargements = nn.ModuleList()
        self.up_blocks = nn.ModuleList()
        for level in reversed(range(n_levels)):
            width = widths[level]
            if up == "transpose":
                convolution = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2, bias=bias == "all")
                self.enlargements.append(nn.Sequential(convolution, *self._after(width)))
            n_block = width if up == "transpose" else widths[max(level - 1, 0)]
            if skips:
                self.up_blocks.append(self._block(2 * width, n_block, options))
            else:  # n_block (2 width + n_block) weights for each of the nine taps, as with skips
                n_between = round(n_block * (2 * width + n_block) / (width + n_block))
                self.up_blocks.append(self._block(width, n_block, options, n_between=n_between))
        self.head = nn.Conv2d(n_features, n_out, kernel_size=1, bias=bias != "none")

        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):  # keeps the variance from layer to layer
                nn.init.kaiming_normal_(module.weight, a=slope)

    def _after(self, n_features: int) -> list[nn.Module]:
        norm = [nn.InstanceNorm2d(n_features)] if self.norm == "instance" else []
        return [*norm, nn.LeakyReLU(self.slope, inplace=True)]

    def _block(self, n_in: int, n_out: int, options: dict, *, n_between: int | None = None) -> nn.Sequential:
        n = n_between or n_out
        first = nn.Conv2d(n_in, n, **options)
        second = nn.Conv2d(n, n_out, **options)
        return nn.Sequential(first, *self._after(n), second, *self._after(n_out))

    def forward(self, channels: Tensor) -> Tensor:
        """(batch, n_in, y, x) -> (batch, n_out, y, x), smaller if `valid`; y and x may be odd."""
        self._check_size(*channels.shape[-2:])
        skips = []
        for block in self.down_blocks:
            skips.append(block(channels))
            channels = POOLS[self.pool](skips[-1], kernel_size=2)
        channels = self.bottom(channels)
        for level, block in enumerate(self.up_blocks):
            skip = skips.pop()
            if self.up == "bilinear":
                channels = functional.interpolate(channels, size=skip.shape[-2:], mode="bilinear")
            else:
                channels = self.enlargements[level](channels)
            channels, skip = self._fitted(channels, skip)
            channels = block(torch.cat([channels, skip], dim=1) if self.skips else channels)
        return self.head(channels)

    def _fitted(self, channels: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """Both with as many pixels: the middle of a larger skip, or a row and a column reflected where it was odd."""
        ny, nx = channels.shape[-2:]
        more_y = skip.shape[-2] - ny
        more_x = skip.shape[-1] - nx
        if self.valid:
            return channels, skip[..., more_y // 2 : more_y // 2 + ny, more_x // 2 : more_x // 2 + nx]
        if more_x or more_y:
            channels = functional.pad(channels, (0, more_x, 0, more_y), mode="reflect")
        return channels, skip

    def _check_size(self, ny: int, nx: int) -> None:
        n = 2 ** len(self.down_blocks)
        if self.valid and (min(ny, nx) <= 12 * n - 8 or (ny + 4) % n or (nx + 4) % n):
            raise ValueError(
                f"got maps of {ny} x {nx} pixels; expected even numbers at every level of a U-Net without padding: "
                f"choose {12 * n - 4}, {13 * n - 4}, {14 * n - 4} or more in steps of {n}."
            )
        if not self.valid and (ny // n) * (nx // n) < 2:
            raise ValueError(
                f"got maps of {ny} x {nx} pixels; expected at least {n} x {2 * n}, so that more than one pixel is left "
                f"at the bottom: use fewer than {len(self.down_blocks)} levels or pad the image."
            )


def _check_options(**chosen: str) -> None:
    for name, value in chosen.items():
        if value not in OPTIONS[name]:
            raise ValueError(f"got {name}={value!r}; expected {' or '.join(map(repr, OPTIONS[name]))}.")


def ronneberger_unet(*, n_in: int = 1, n_out: int = 2, n_features: int = 64) -> UNet:
    """The U-Net of 2015: 31,030,658 parameters, 572 x 572 pixels in, 388 x 388 out.

    Left out: the dropout at the bottom. The paper is silent on what follows the up-convolution; ports of the authors'
    network file have a ReLU there, and so has this one.
    """
    return UNet(
        n_in=n_in, n_out=n_out, n_features=n_features, pool="max", norm="none", slope=0.0, bias="all", valid=True
    )


def fastmri_unet(*, n_in: int = 1, n_out: int = 1, n_features: int = 32) -> UNet:
    """The U-Net of the fastMRI repository (`fastmri/models/unet.py`): 7,756,097 parameters with 32 features.

    It maps a magnitude image, mean 0 and standard deviation 1, to another and throws the phase away. Not the network
    of the fastMRI paper, see `fastmri_paper_unet`. Left out: the dropout, whose probability is 0 by default.
    """
    return UNet(n_in=n_in, n_out=n_out, n_features=n_features)


def fastmri_paper_unet(*, n_features: int = 32) -> UNet:
    """The U-Net of the fastMRI paper [Zbontar et al., arXiv:1811.08839, 2018]: 3,348,227 parameters with 32 features.

    Also 13,388,291, 53,543,939 and 214,157,315 with 64, 128 and 256. The head is three 1 x 1 convolutions with nothing
    between them, so they could be one; and the biases before a norm change nothing, because the norm subtracts them.
    """
    network = UNet(n_features=n_features, up="bilinear", pool="max", slope=0.0, bias="all")
    sizes = (n_features, n_features // 2, 1, 1)
    network.head = nn.Sequential(*(nn.Conv2d(sizes[k], sizes[k + 1], kernel_size=1) for k in range(3)))
    return network


class ComplexUNet(nn.Module):
    r"""Clean a complex image in image space, $D(x) = x + N(x)$ with a U-Net $N$: the course's image-domain network.

    The default has 120,352 parameters, as 16 features on 2 levels have 116,544: about the 112,896 convolution weights
    of MoDL's denoiser (5 layers, 64 features).

    Parameters
    ----------
    n_features, n_levels : int
        As in `UNet`.
    norm : "none" or "instance"
        Without a norm and without biases $N(a x) = a N(x)$ for $a > 0$: an image twice as bright is cleaned in the
        same way [Mohan et al., ICLR 2020, arXiv:1906.05478], and every layer sees how strong noise and aliasing are.
        The instance norm, the fastMRI repository's choice, hides the scale of each map, so that the change no longer
        follows the image's, and makes a pixel depend on how much air the image shows.
    skips : bool
        As in `UNet`; the image itself is added to the result in any case.

    Raises
    ------
    TypeError, ValueError
        In `forward` an image that is not complex, or has no pixel.
    """

    def __init__(self, *, n_features: int = 8, n_levels: int = 3, norm: str = "none", skips: bool = True) -> None:
        super().__init__()
        options = {"n_features": n_features, "n_levels": n_levels, "norm": norm, "skips": skips}
        self.unet = UNet(n_in=2, n_out=2, bias="none", **options)
        with torch.no_grad():  # begin near the identity
            self.unet.head.weight.mul_(0.1)
        self.multiple = 2**n_levels

    def forward(self, image: Tensor) -> Tensor:
        """Clean images: complex (..., y, x) -> (..., y, x), any size."""
        channels = to_channels(image)
        ny, nx = image.shape[-2:]
        rows, columns = (self._reflected(n).to(image.device) for n in (ny, nx))
        padded = channels.permute(0, 2, 3, 1).index_select(1, rows).index_select(2, columns).permute(0, 3, 1, 2)
        return image + to_image(self.unet(padded)[..., :ny, :nx], image)

    def _reflected(self, n: int) -> Tensor:
        """Positions 0 ... n - 1, then backwards, as often as needed: a multiple of 2**n_levels, at least two of it."""
        n_padded = self.multiple * max(2, -(-n // self.multiple))
        position = torch.arange(n_padded) % (2 * n)
        return torch.minimum(position, 2 * n - 1 - position)
