r"""KIKI-net: networks on k-space and on images in turn [Eo, Jun, Kim, Jang, Lee, Hwang, MRM 80:2188, 2018].

A stage is a network of its own, $N$, with data consistency behind it. From $k_0 = y$:

K: $\hat k = W^{-1} N(W k)$, which completes k-space from neighbouring samples;
I: $\hat k = F\,(x + N(x))$ with $x = F^{-1} k$, which cleans the image;

then $\hat k$ is replaced where there are samples, by $y$ or by $(\hat k + \lambda y) / (1 + \lambda)$; elsewhere it
stays.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.channels import to_channels, to_image
from mricourse.networks.convolution_stack import convolution_stack
from mricourse.networks.image_domain import brightness
from mricourse.networks.option_checks import check_counts, check_positive
from mricourse.networks.reconstructor import Unrolled, take_over
from mricourse.physics.coil_combination import combine
from mricourse.physics.fourier import fft2c, ifft2c, squared_magnitude
from mricourse.physics.normalisation import radial_weight
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


class KIKINet(nn.Module, Unrolled):
    r"""Reconstruct by stages on k-space and on the image, named by their letters, each with weights of its own.

    Published for one coil. Several are reconstructed one by one, by the same weights, and combined by the maps at the
    end: no stage sees that coils complete one another, and $M F S x = y$ holds for one coil alone, whose map is nowhere
    0.

    What the paper has and how it is here:

    - 25 layers in each network; how many features is not in the abstract, and public implementations take 64. There
      real and imaginary part pass a layer each before they are merged; here the first convolution sees both.
    - Data consistency stands behind the I-networks alone; here behind all.
    - k-space falls by three orders of magnitude from its centre to its edge. It is multiplied by
      $W = \sqrt{1 + r^2}$, with the distance $r$ from the centre in samples, which leaves one order, and divided by the
      root mean square of the weighted samples; images are divided by their `brightness`. So the result follows the
      units of the data.
    - K-networks give k-space itself, I-networks what to add to the image. After an I-network a K-network has to say
      again what it leaves as it is, and begins near zero: before training it throws away what was there.
      ``residual_kspace`` spares it that, so that KK, KI, IK and II differ in the domain alone.
    - The authors train greedily: each network with those before it fixed, `start_from` and `n_frozen`. Their loss,
      `mricourse.training.objectives.StageError`, stands before data consistency; the course's recipes take that of the
      image behind it, greedy or not.

    Parameters
    ----------
    stages : str
        Letters K and I, in their order.
    n_features, n_layers : int
        Of each network, as in `convolution_stack`.
    residual_kspace : bool
        Let the K-networks give what to add to k-space, as the I-networks do.
    data_weight : float or None
        $\lambda > 0$ of the samples, for noisy ones; None puts them back as they were measured.
    n_frozen : int
        The first stages, which are not trained.

    Raises
    ------
    ValueError
        Other letters, or a number out of range.
    """

    def __init__(
        self,
        *,
        stages: str = "KIKI",
        n_features: int = 64,
        n_layers: int = 25,
        residual_kspace: bool = False,
        data_weight: float | None = None,
        n_frozen: int = 0,
    ) -> None:
        super().__init__()
        if not stages or set(stages) - {"K", "I"}:
            raise ValueError(f"got stages={stages!r}; expected letters K and I, such as 'KIKI'.")
        if not 0 <= n_frozen < len(stages):
            raise ValueError(f"got n_frozen={n_frozen} for {stages}; expected 0 to {len(stages) - 1}: one must learn.")
        if data_weight is not None:
            check_positive(data_weight=data_weight)
        check_counts(n_features=n_features)
        self.letters = stages
        self.n_iterations = len(stages)
        self.residual_kspace = residual_kspace
        self.data_weight = data_weight
        size = {"n_features": n_features, "n_layers": n_layers}
        self.stages = nn.ModuleList(
            KSpaceStage(**size, residual=residual_kspace) if letter == "K" else ImageStage(**size) for letter in stages
        )
        self.stages[:n_frozen].requires_grad_(False)

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        _, consistent = self.opened(A, kspace)
        if trace is not None:
            for each in consistent[1:]:
                trace(combine(ifft2c(each), A.smaps))
        return combine(ifft2c(consistent[-1]), A.smaps)

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep the image (..., y, x) behind every consistency: the start first, the result last."""
        _, consistent = self.opened(A, kspace)
        images = [combine(ifft2c(each), A.smaps) for each in consistent]
        if trace is not None:
            for image in images[1:]:
                trace(image)
        return images

    def opened(self, A: SenseOperator, kspace: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        r"""Reconstruct and keep all k-space, complex (..., coils, ky, kx).

        Returns
        -------
        predicted : list of Tensor
            $\hat k$ of each stage, before its data consistency.
        consistent : list of Tensor
            $k$, one more: $y$ first, then what follows each stage.
        """
        kspace = torch.where(A.mask, kspace, 0)  # it may hold what the mask leaves out
        units = {"K": kspace_unit(kspace, A.mask), "I": brightness(ifft2c(kspace))}
        predicted = []
        consistent = [kspace]
        for letter, stage in zip(self.letters, self.stages, strict=True):
            predicted.append(stage(consistent[-1], units[letter]))
            consistent.append(self.with_samples(predicted[-1], kspace, A.mask))
        return predicted, consistent

    def with_samples(self, predicted: Tensor, kspace: Tensor, mask: Tensor) -> Tensor:
        """Put the samples back where `mask` is True, or draw towards them; what was predicted elsewhere stays."""
        if self.data_weight is None:
            return torch.where(mask, kspace, predicted)
        drawn = (predicted + self.data_weight * kspace) / (1 + self.data_weight)
        return torch.where(mask, drawn, predicted)

    @torch.no_grad()
    def start_from(self, other: nn.Module) -> None:
        """Copy the stages of another `KIKINet`, whose letters begin this one's, or the other way round.

        Raises
        ------
        ValueError
            Another kind of network, other letters, stages of another size, or another equation around them.
        """
        fits = isinstance(other, KIKINet) and all(
            mine == their for mine, their in zip(self.letters, other.letters, strict=False)
        )
        fits = fits and (self.residual_kspace, self.data_weight) == (other.residual_kspace, other.data_weight)
        if not fits or not take_over([*zip(self.stages, other.stages, strict=False)]):
            raise ValueError(
                f"the network to start from does not fit {self.letters}; expected a KIKINet whose letters begin so, "
                "with stages of the same size, the same residual_kspace and the same data_weight."
            )


class ImageStage(nn.Module):
    """An I-network: it says what to add to the image."""

    def __init__(self, *, n_features: int, n_layers: int) -> None:
        super().__init__()
        self.layers = convolution_stack(2, 2, n_features=n_features, n_layers=n_layers)

    def forward(self, kspace: Tensor, unit: Tensor) -> Tensor:
        """k-space (..., ky, kx) -> predicted k-space; the image is divided by `unit`, (..., 1, 1)."""
        image = ifft2c(kspace)
        return fft2c(image + to_image(self.layers(to_channels(image / unit)), image) * unit)


class KSpaceStage(nn.Module):
    """A K-network: it says what k-space is, or what to add to it where it is residual."""

    def __init__(self, *, n_features: int, n_layers: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.layers = convolution_stack(2, 2, n_features=n_features, n_layers=n_layers)

    def forward(self, kspace: Tensor, unit: Tensor) -> Tensor:
        """k-space (..., ky, kx) -> predicted k-space; weighted and divided by `unit`, (..., 1, 1)."""
        scale = radial_weight(kspace) / unit
        predicted = to_image(self.layers(to_channels(kspace * scale)), kspace) / scale
        return kspace + predicted if self.residual else predicted


def kspace_unit(kspace: Tensor, mask: Tensor) -> Tensor:
    """Measure the root mean square of the weighted samples of each coil: (..., coils, ky, kx) -> (..., coils, 1, 1)."""
    power = squared_magnitude(kspace * radial_weight(kspace)).sum((-2, -1), keepdim=True)
    n_samples = mask.expand(*mask.shape[:-2], *kspace.shape[-2:]).sum((-2, -1), keepdim=True)
    unit = (power / n_samples.clamp_min(1)).sqrt()
    return torch.where(unit > 0, unit, 1)
