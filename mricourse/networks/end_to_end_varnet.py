r"""The end-to-end variational network [Sriram et al., MICCAI 2020, arXiv:2004.06688]: it learns the coil maps too.

The image is never formed on the way: each iteration corrects the k-space $k$ of all coils, from $k_0 = y$,

$k_{t+1} = k_t - \eta_t M (k_t - y) - F\, S\, G_t(S^H F^H k_t)$,

with a U-Net $G_t$ on the combined image. The maps $S$ come from another U-Net, on the coil images of the ACS alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from mricourse.networks.channels import to_channels, to_image
from mricourse.networks.option_checks import check_choice, check_counts
from mricourse.networks.reconstructor import Unrolled, same_shapes, start_iterations
from mricourse.networks.unet import UNet
from mricourse.physics.coil_combination import rss
from mricourse.physics.fourier import fft2c, ifft2c
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_block
from mricourse.reconstruct.least_squares import Trace

OUTPUTS = ("rss", "combined")
LEAST_ACS = 8


class EndToEndVarNet(nn.Module, Unrolled):
    r"""Reconstruct magnitudes by $T$ iterations on k-space, with maps of its own.

    The default is the published network of 29,936,966 parameters. Of the operator it takes the mask alone, never the
    maps: the ACS, from which it makes its own, is the fully sampled block around the centre of the mask, as
    `mricourse.physics.sampling.acs_block` finds it. The authors are told how many lines to take, and take as many on
    either side; where random lines adjoin the centre, the block here is longer.

    The last convolution of each $G_t$ begins at a tenth of its usual weights, the authors' at all of them; so does that
    of the map network where ``residual_maps``.

    The result is a magnitude, real, in the units of the k-space, as with maps of $\sum|S|^2 = 1$. Its phase would be
    that of its own maps, not that of the reference: train it with ``loss = "ssim"``, as the authors do, or
    ``"magnitude"``.

    Parameters
    ----------
    n_iterations : int
        $T$, the cascades.
    n_features, n_levels : int
        Of the U-Nets $G_t$.
    n_map_features, n_map_levels : int
        Of the U-Net that makes the maps.
    residual_maps : bool
        Whether that U-Net corrects the coil images of the ACS, whose quotients by their root sum of squares are maps
        already, in place of making maps anew, as published. Small ones hardly learn to hand an image through: one of
        four features lost a quarter of the coil images' energy.
    output : "rss" or "combined"
        The root sum of squares of the coil images, as published, or $|S^H F^H k_T|$, where coils without signal bring
        no noise.

    Raises
    ------
    ValueError
        A number out of range, another output, or in `forward` a mask without a fully sampled centre.
    """

    def __init__(
        self,
        *,
        n_iterations: int = 12,
        n_features: int = 18,
        n_levels: int = 4,
        n_map_features: int = 8,
        n_map_levels: int = 4,
        residual_maps: bool = False,
        output: str = "rss",
    ) -> None:
        super().__init__()
        check_counts(n_iterations=n_iterations, n_features=n_features, n_levels=n_levels)
        check_counts(n_map_features=n_map_features, n_map_levels=n_map_levels)
        check_choice(OUTPUTS, output=output)
        self.n_iterations = n_iterations
        self.output = output
        self.map_network = NormUNet(n_map_features, n_map_levels, residual=residual_maps)
        if residual_maps:
            start_small(self.map_network)
        self.iterations = nn.ModuleList(KSpaceIteration(n_features, n_levels) for _ in range(n_iterations))

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> real magnitude (..., y, x), in the units of the data."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep the magnitude (..., y, x) of every k-space: the start first, the result last."""
        kspace = torch.where(A.mask, kspace, 0)  # it may hold what the mask leaves out
        smaps = self.smaps(A, kspace)
        images = []
        for number, corrected in enumerate(self._corrected(A, kspace, smaps)):
            images.append(self._magnitude(corrected, smaps))
            if trace is not None and number:  # the start is no iteration
                trace(images[-1])
        return images

    def kspace_iterates(self, A: SenseOperator, kspace: Tensor) -> list[Tensor]:
        """Keep every k-space (..., coils, ky, kx) of `iterates`: $k_0 = y$ first, that of the result last."""
        kspace = torch.where(A.mask, kspace, 0)
        return list(self._corrected(A, kspace, self.smaps(A, kspace)))

    def _corrected(self, A: SenseOperator, measured: Tensor, smaps: Tensor) -> Iterator[Tensor]:
        """$k_0, k_1, ..., k_T$, one after the other."""
        kspace = measured
        yield kspace
        for iteration in self.iterations:
            kspace = iteration(kspace, measured, A.mask, smaps)
            yield kspace

    def smaps(self, A: SenseOperator, kspace: Tensor) -> Tensor:
        r"""Make the coil maps, with $\sum_c |S_c|^2 = 1$: kspace (..., coils, ky, kx) -> (..., coils, y, x)."""
        centre = torch.where(acs_of(A.mask, tuple(kspace.shape[-2:])), kspace, 0)
        maps = self.map_network(ifft2c(centre))
        return maps / rss(maps).unsqueeze(-3).clamp_min(torch.finfo(maps.real.dtype).tiny)

    def _magnitude(self, kspace: Tensor, smaps: Tensor) -> Tensor:
        coil_images = ifft2c(kspace)
        if self.output == "rss":
            return rss(coil_images)
        return (smaps.conj() * coil_images).sum(-3).abs()

    def start_from(self, other: nn.Module) -> None:
        """Copy the map network and the iterations of another `EndToEndVarNet`; ValueError where they do not fit."""
        theirs = other.map_network.state_dict() if isinstance(other, EndToEndVarNet) else {}
        if not same_shapes(self.map_network.state_dict(), theirs):
            raise ValueError(
                "the network to start from does not fit; expected an EndToEndVarNet with a map network of its size."
            )
        start_iterations(self.iterations, other)
        self.map_network.load_state_dict(theirs)


class KSpaceIteration(nn.Module):
    r"""One cascade: the U-Net $G_t$ and the weight $\eta_t$ of data consistency, 1 before training."""

    def __init__(self, n_features: int, n_levels: int) -> None:
        super().__init__()
        self.network = NormUNet(n_features, n_levels)
        start_small(self.network)  # as plain data consistency
        self.consistency_weight = nn.Parameter(torch.ones(1))

    def forward(self, kspace: Tensor, measured: Tensor, mask: Tensor, smaps: Tensor) -> Tensor:
        """Correct k-space: (..., coils, ky, kx) -> the same."""
        image = (smaps.conj() * ifft2c(kspace)).sum(-3)
        change = fft2c(smaps * self.network(image).unsqueeze(-3))
        return kspace - self.consistency_weight * torch.where(mask, kspace - measured, 0) - change


@torch.no_grad()
def start_small(network: NormUNet) -> None:
    """Let the last convolution of a network begin at a tenth of its weights."""
    for parameter in network.unet.head.parameters():
        parameter.mul_(0.1)


class NormUNet(nn.Module):
    """A U-Net between two scalings: real and imaginary part get mean 0 and standard deviation 1, and theirs back.

    So it follows the units of the image. Zeros pad the scaled image to whole multiples of the U-Net's poolings. A
    residual one adds what its U-Net makes to the scaled image.
    """

    def __init__(self, n_features: int, n_levels: int, *, residual: bool = False) -> None:
        super().__init__()
        self.residual = residual
        self.unet = UNet(n_in=2, n_out=2, n_features=n_features, n_levels=n_levels)
        self.multiple = 2**n_levels

    def forward(self, image: Tensor) -> Tensor:
        """Complex (..., y, x) -> (..., y, x), any size."""
        channels = to_channels(image)
        mean = channels.mean((-2, -1), keepdim=True)
        std = channels.std((-2, -1), keepdim=True)
        scaled = (channels - mean) / torch.where(std > 0, std, 1)
        ny, nx = image.shape[-2:]
        above, below, left, right = (*self._margins(ny), *self._margins(nx))
        padded = self.unet(functional.pad(scaled, (left, right, above, below)))
        made = padded[..., above : above + ny, left : left + nx]
        return to_image((scaled + made if self.residual else made) * std + mean, image)

    def _margins(self, n: int) -> tuple[int, int]:
        """How many zeros stand before and behind n pixels: two multiples at least, or the bottom is one pixel."""
        missing = self.multiple * max(2, -(-n // self.multiple)) - n
        return missing // 2, missing - missing // 2


def acs_of(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    """Find the fully sampled centre of each scan's mask: bool (..., ky, kx) -> (..., 1, ky, kx).

    Raises
    ------
    ValueError
        A mask with fewer than 8 sampled rows or columns there, or a quarter of them all in small images: fewer may be
        sampled by chance.
    """
    if mask.ndim > 3:
        return torch.stack([acs_of(each, shape) for each in mask])
    rows, columns = acs_block(mask, shape)
    size = rows.stop - rows.start, columns.stop - columns.start
    if any(found < max(2, min(LEAST_ACS, n // 4)) for found, n in zip(size, shape, strict=True)):
        raise ValueError(
            f"the mask has a fully sampled centre of {size[0]} x {size[1]}; expected ACS lines, at least {LEAST_ACS}, "
            "from which this network makes its coil maps: sample with acs=24, or take a network that is given maps."
        )
    inside = torch.zeros(1, *shape, dtype=torch.bool)
    inside[:, rows, columns] = True
    return inside.to(mask.device)
