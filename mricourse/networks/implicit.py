r"""An implicit neural representation: a small network that is one image, as a function of the position.

$x(r) = g(r)$ with layers $h \leftarrow \sin(\omega_0 (W h + b))$, SIREN [Sitzmann et al., NeurIPS 2020,
arXiv:2006.09661]. Nothing is learned from other images: the weights are fitted to one scan's samples through its
forward model [NeRP: Shen et al., IEEE TNNLS 2022, arXiv:2108.10991; with maps: Feng et al., IEEE TMI 2023]. That few
smooth functions of the position are quickly fitted and noise-like ones slowly is all that the prior consists of, so it
has to be stopped in time.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mricourse.networks.image_domain import brightness
from mricourse.networks.option_checks import check_counts, check_positive
from mricourse.physics.fourier import fft2c
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sample_splits import drawn_parts, outside_centre

CHECK_EVERY = 10  # steps
INNER = 30.0  # omega_0 of the other layers, as the authors have it
Progress = Callable[[int, float], None]


class ImplicitImage(nn.Module):
    r"""Give a complex number for each position in the field of view.

    Parameters
    ----------
    n_features, n_layers : int
        Of the hidden layers.
    frequency : float
        $\omega_0$ of the first layer: how fine the detail is that is fitted soon. Positions run from -1 to 1.
    seed : int
        Of the first weights.

    Raises
    ------
    ValueError
        A number out of range.
    """

    def __init__(self, *, n_features: int = 128, n_layers: int = 3, frequency: float = 10.0, seed: int = 0) -> None:
        super().__init__()
        check_counts(n_features=n_features, n_layers=n_layers)
        check_positive(frequency=frequency)
        generator = torch.Generator().manual_seed(seed)
        sizes = [2, *[n_features] * n_layers, 2]
        self.frequency = frequency
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        with torch.no_grad():
            for number, layer in enumerate(self.layers):  # as the authors advise: sines that are neither flat nor wild
                limit = 1 / 2 if number == 0 else math.sqrt(6 / layer.in_features) / INNER
                for values in (layer.weight, layer.bias):
                    values.copy_(limit * (2 * torch.rand(values.shape, generator=generator) - 1))

    def forward(self, shape: tuple[int, int]) -> Tensor:
        """Evaluate it on a grid: (ny, nx) -> complex (ny, nx). Any grid serves, a finer one too."""
        weight = self.layers[0].weight
        rows, columns = (
            (2 * torch.arange(n, device=weight.device, dtype=weight.dtype) - 2 * (n // 2)) / n for n in shape
        )
        values = torch.cartesian_prod(rows, columns)
        for number, layer in enumerate(self.layers[:-1]):
            values = torch.sin((self.frequency if number == 0 else INNER) * layer(values))
        return torch.view_as_complex(self.layers[-1](values)).reshape(shape)


@dataclass(frozen=True, eq=False)
class ImplicitFit:
    """What `fit_implicit` found.

    Parameters
    ----------
    image : complex Tensor, shape (y, x)
        At the step with the least expected error, in the units of the data.
    network : ImplicitImage
        Of that step, at a brightness of 1.
    steps : list of int
        Where it was judged.
    fitted, held_out : list of float
        Energy that is not explained, of the samples that are fitted and of those held out, relative to theirs.
    expected : list of float
        Energy that is wrong in all of k-space, relative to that of the data: what is left of the fitted samples, and of
        those held out as many times as there are samples without a fit for each of them.
    best_step : int
    """

    image: Tensor
    network: ImplicitImage
    steps: list[int]
    fitted: list[float]
    held_out: list[float]
    expected: list[float]
    best_step: int


def fit_implicit(
    A: SenseOperator,
    kspace: Tensor,
    *,
    n_steps: int = 400,
    learning_rate: float = 1e-3,
    held_out: float = 0.125,
    network: ImplicitImage | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ImplicitFit:
    r"""Fit an `ImplicitImage` to the samples of one scan, $\min_w \lVert A\, x_w - y\rVert^2$, and stop it in time.

    Parameters
    ----------
    A : SenseOperator
        Of one scan.
    kspace : complex Tensor, shape (coils, ky, kx)
    n_steps : int
        Of Adam, all samples in each.
    learning_rate : float
        It falls to a tenth along the way.
    held_out : float
        Share of the samples outside the centre that is not fitted, and with the others says when to stop.
    network : ImplicitImage, optional
        To fit; left as it is.
    seed : int
        Of the samples held out, and of the first weights.
    progress : callable, optional
        Called with the step and the expected error.

    Raises
    ------
    ValueError
        Several scans, a number out of range, or too few samples outside the centre.
    """
    _check(kspace, n_steps=n_steps, learning_rate=learning_rate, held_out=held_out)
    shape = tuple(kspace.shape[-2:])
    scale = brightness(A.adjoint(kspace))
    samples = _Samples(A, kspace / scale, _held_out(A, shape, held_out, seed))
    net = (ImplicitImage(seed=seed) if network is None else copy.deepcopy(network)).to(kspace.device)
    optimiser = torch.optim.Adam(net.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.1 ** (1 / n_steps))
    rows, best, weights = [], math.inf, net.state_dict()
    for step in range(n_steps + 1):
        loss, row = samples.left_by(net(shape))
        if step % CHECK_EVERY == 0 or step == n_steps:
            rows.append((step, *row))
            if row[-1] < best:
                best, weights = row[-1], {name: value.clone() for name, value in net.state_dict().items()}
            if progress is not None:
                progress(step, row[-1])
        if step < n_steps:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    net.load_state_dict(weights)
    steps, fitted, unseen, expected = (list(column) for column in zip(*rows, strict=True))
    with torch.no_grad():
        image = net(shape) * scale
    return ImplicitFit(image, net, steps, fitted, unseen, expected, best_step=steps[expected.index(best)])


class _Samples:
    """The samples of one scan: those that are fitted, and those that judge."""

    def __init__(self, A: SenseOperator, kspace: Tensor, judged: Tensor) -> None:
        self.smaps, self.kspace, self.judged = A.smaps, kspace, judged
        self.fitted = A.mask & ~judged
        self.total = [float((part * kspace).abs().square().sum()) for part in (self.fitted, judged)]
        self.times = float((~self.fitted).float().mean() / judged.float().mean())

    def left_by(self, image: Tensor) -> tuple[Tensor, tuple[float, float, float]]:
        """Give the loss, and what `ImplicitFit` calls fitted, held_out and expected."""
        left = (fft2c(self.smaps * image) - self.kspace).abs().square()
        fitted, judged = (self.fitted * left).sum(), float((self.judged * left.detach()).sum())
        expected = (float(fitted.detach()) + self.times * judged) / sum(self.total)
        loss = fitted / self.total[0]
        return loss, (float(loss.detach()), judged / max(self.total[1], 1e-30), expected)


def _check(kspace: Tensor, *, n_steps: int, learning_rate: float, held_out: float) -> None:
    if kspace.ndim != 3 or not bool(kspace.any()):
        raise ValueError(
            f"kspace has shape {tuple(kspace.shape)}; expected one scan that is not zero, (coils, ky, kx)."
        )
    check_counts(n_steps=n_steps)
    check_positive(learning_rate=learning_rate)
    if not 0 < held_out < 1:
        raise ValueError(f"held_out is {held_out}; expected a share between 0 and 1.")


def _held_out(A: SenseOperator, shape: tuple[int, int], share: float, seed: int) -> Tensor:
    """Choose the samples that judge: bool, of the shape that the mask has."""
    outer = outside_centre(A.mask, shape)
    n = round(share * int(outer.sum()))
    if n < 1:
        raise ValueError(
            f"{int(outer.sum())} lines or points lie outside the fully sampled centre, of which {share} are to be held "
            "out; expected at least one: take a larger share, or a scan with more of them."
        )
    return drawn_parts(outer, [n], torch.Generator().manual_seed(seed))[0]
