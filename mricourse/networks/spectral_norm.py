r"""A denoiser whose Lipschitz constant is bounded, since each of its convolutions has a bounded spectral norm.

A convolution multiplies the channels at each frequency $\omega$ by the matrix $K(\omega) = \sum_a k_a e^{-i \omega a}$
[Sedghi, Gupta, Long, ICLR 2019, arXiv:1805.10408]. Its norm is the largest singular value of them all, which power
iteration finds for all frequencies at once. The norm of the kernel's weights as one matrix, which is often taken in its
place, is something else.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from mricourse.networks.channels import to_channels, to_image
from mricourse.networks.option_checks import check_counts

FREQUENCIES = 32  # along each axis, at which the matrices are looked at
POWER_ITERATIONS = 20
N_REFINED = 32
MARGIN = 1.01


def convolution_norm(
    weight: Tensor, *, size: tuple[int, int] = (FREQUENCIES, FREQUENCIES), n_iterations: int = POWER_ITERATIONS
) -> Tensor:
    r"""Measure the spectral norm of a periodic convolution of images of a given size, with its gradient.

    Parameters
    ----------
    weight : real Tensor, shape (channels out, channels in, height, width)
        As of `torch.nn.Conv2d`, no larger than the images.
    size : (ny, nx)
    n_iterations : int
        Of power iteration on $K^H K$ at each frequency, from a vector that is always the same: a quarter of them at all
        frequencies, then all at the 32 most promising.

    Returns
    -------
    real Tensor, shape ()
        The norm, from below: to about 1 % with 20 iterations.
    """
    with torch.no_grad():
        waves = _waves(weight, size).flatten(0, 1)
        symbol = torch.einsum("fhw,oihw->foi", waves, weight.detach().to(waves.dtype))
        right = _start(weight).expand(len(symbol), -1).unsqueeze(-1)
        right = _power_iterated(symbol, right, -(-n_iterations // 4))
        best = torch.linalg.vector_norm(symbol @ right, dim=(-2, -1)).topk(min(N_REFINED, len(symbol))).indices
        right = _power_iterated(symbol[best], right[best], n_iterations)
        left = symbol[best] @ right
        norms = torch.linalg.vector_norm(left, dim=(-2, -1))
        largest = int(norms.argmax())
        left = left[largest] / norms[largest].clamp_min(torch.finfo(weight.dtype).tiny)
        wave = waves[best[largest]]
    at_largest = (weight * wave).sum((-2, -1))  # (out, in), complex
    return (left.mH @ at_largest @ right[largest]).real.squeeze()


def _power_iterated(symbol: Tensor, vector: Tensor, n_iterations: int) -> Tensor:
    """Turn unit vectors (frequencies, in, 1) towards the largest singular vectors of (frequencies, out, in)."""
    for _ in range(n_iterations):
        vector = symbol.mH @ (symbol @ vector)
        size = torch.linalg.vector_norm(vector, dim=-2, keepdim=True)
        vector = vector / size.clamp_min(torch.finfo(size.dtype).tiny)
    return vector


def convolution_bound(weight: Tensor) -> Tensor:
    r"""Bound the spectral norm of a convolution of images of every size, zeros around them: real, shape ().

    Zeros around an image are a part of a larger periodic one. $K(\omega)$ is a trigonometric polynomial of the kernel's
    reach $d$; between $n$ samples an axis it exceeds them by at most $(1 - 2 d / n)^{-1/2}$ an axis [Pfister, Bresler,
    IEEE TSP 67:742, 2019], 7 % for 3 x 3 and 32 x 32 frequencies. 1 % more is for what power iteration leaves, which is
    measured and not proved.
    """
    reach = max(weight.shape[-2:]) // 2
    return MARGIN * convolution_norm(weight) / (1 - 2 * reach / FREQUENCIES)


def _waves(weight: Tensor, size: tuple[int, int]) -> Tensor:
    r"""$e^{-i \omega a}$ at each tap: complex (ny, nx // 2 + 1, height, width); the other half is the conjugate."""
    waves = []
    for n, n_waves, n_taps in zip(size, (size[0], size[1] // 2 + 1), weight.shape[-2:], strict=True):
        phase = torch.arange(n_waves, dtype=torch.float64)[:, None] * torch.arange(n_taps) * (-2 * math.pi / n)
        waves.append(torch.polar(torch.ones_like(phase), phase).to(weight.device, weight.dtype.to_complex()))
    return waves[0][:, None, :, None] * waves[1][None, :, None, :]


def _start(weight: Tensor) -> Tensor:
    """A vector with a part in every direction, (in,): the numbers of a quasi-random sequence as phases."""
    phase = torch.arange(weight.shape[1], dtype=torch.float64).square() * (2 * math.pi * 0.6180339887)
    return torch.polar(torch.ones_like(phase), phase).to(weight.device, weight.dtype.to_complex())


class ContractiveDenoiser(nn.Module):
    r"""Clean a complex image, $D(x) = \frac12 (x + N(x))$, with Lipschitz constants of $N$ below $c$, of $D$ below
    $\frac12 (1 + c) < 1$.

    $N$ is the network of `mricourse.networks.dncnn.DnCNN`, convolutions and ReLU without biases or norms, and each of
    its convolutions is divided by its `convolution_bound` where that exceeds $c^{1/L}$. So $D$ is a contraction,
    whatever was learned, on images of every size, and homogeneous. Random layers of norm one would let almost nothing
    pass: $N$ begins as a multiple of the identity, with a tenth of the usual random weights.

    Parameters
    ----------
    n_features, n_layers : int
        As in `DnCNN`.
    lipschitz : float
        $c$, above 0 and below 1.

    Raises
    ------
    ValueError
        A number out of range.
    """

    def __init__(self, *, n_features: int = 64, n_layers: int = 5, lipschitz: float = 0.95) -> None:
        super().__init__()
        check_counts(n_features=n_features)
        if n_layers < 2:
            raise ValueError(f"got n_layers={n_layers}; expected 2 or more.")
        if not 0 < lipschitz < 1:
            raise ValueError(f"got lipschitz={lipschitz}; expected a number above 0 and below 1, such as 0.95.")
        sizes = [2] + [n_features] * (n_layers - 1) + [2]
        self.layers = nn.ModuleList(
            nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False)
            for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True)
        )
        _begin_as_identity(*self.layers)
        self.largest = lipschitz ** (1 / n_layers)

    def weights(self) -> list[Tensor]:
        """Give the kernels as they are used; compute them once for many calls."""
        with torch.autocast(self.layers[0].weight.device.type, enabled=False):
            return [
                layer.weight * (self.largest / convolution_bound(layer.weight)).clamp_max(1) for layer in self.layers
            ]

    def forward(self, image: Tensor, weights: list[Tensor] | None = None) -> Tensor:
        """Clean images: complex (..., y, x) -> (..., y, x), any size; `weights` are those of `weights`."""
        *inner, last = self.weights() if weights is None else weights
        channels = to_channels(image)
        for weight in inner:
            channels = functional.conv2d(channels, weight, padding=1).relu()
        return 0.5 * (image + to_image(functional.conv2d(channels, last, padding=1), image))


@torch.no_grad()
def _begin_as_identity(first: nn.Conv2d, *inner: nn.Conv2d) -> None:
    """Let both parts of an image pass, and their negatives, which ReLU would lose; with a little of everything else."""
    *inner, last = inner
    for layer in (first, *inner, last):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layer.weight.mul_(0.1)
    for channel in range(min(4, first.out_channels)):
        sign = 1 if channel < 2 else -1
        first.weight[channel, channel % 2, 1, 1] += sign
        last.weight[channel % 2, channel, 1, 1] += sign
        for layer in inner:
            layer.weight[channel, channel, 1, 1] += 1
