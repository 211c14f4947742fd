r"""Objectives of a network that maps parameters: their error alone, or their error and the uncertainty together."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from mricourse.networks.upnet import UPNet
from mricourse.physics.scan import Batch, MapsBatch
from mricourse.training.losses import energy

TYPICAL = (10.0, 20.0)  # errors of 10 % and 20 1/s count alike before there is an uncertainty
DECIBELS = 10 / math.log(10)  # of a natural logarithm


@runtime_checkable
class Judging(Protocol):
    """An objective that says itself which weights are the best, since the error of the images does not tell."""

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor: ...

    def score(self, network: nn.Module, batch: Batch) -> float:
        """Say how good a network is on a batch of one scan, in dB; higher is better."""
        ...


def laplace_loss(estimate: Tensor, spread: Tensor, truth: Tensor) -> Tensor:
    r"""Negative logarithm of a Laplace density at the truth, $|\hat p - p| / \hat u + \log 2\hat u$, of each value.

    For one error it is smallest at $\hat u = |\hat p - p|$, for many at their mean. So $\hat u$ is a mean absolute
    error; the standard deviation of the density is $\sqrt 2\,\hat u$.

    Parameters
    ----------
    estimate, spread, truth : float Tensor, broadcastable (numbers, too, but for the spread)
        $\hat p$, $\hat u$ above 0 and $p$, in one unit.

    Returns
    -------
    float Tensor
        One number a value. Its zero depends on the unit: compare it between networks of one parameter.

    References
    ----------
    The uncertainty loss of UP-Net [Shih et al., MRM 89:1567, 2023].
    """
    return abs(estimate - truth) / spread + torch.log(2 * spread)


class MapsLoss(nn.Module):
    r"""What UP-Net makes small, in miniature: a loss of the maps plus the relative squared error of the echoes.

    Parameters
    ----------
    with_uncertainty : bool
        False: the mean of $|\hat p - p| / s$ with fixed $s$ of 10 % and 20 1/s, which leaves $\hat u$ as it was. True:
        the mean `laplace_loss`, in units of $s$. Only pixels with tissue count, in the maps and in nothing else.
    image_weight : float
        Weight of $\lVert x - x_\mathrm{ref}\rVert^2 / \lVert x_\mathrm{ref}\rVert^2$ of the echoes.

    Raises
    ------
    ValueError
        When called with another network, or with scans that have no maps.
    """

    def __init__(self, *, with_uncertainty: bool, image_weight: float = 1.0) -> None:
        super().__init__()
        self.with_uncertainty = with_uncertainty
        self.image_weight = image_weight

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        check_maps(network)
        if not isinstance(batch, MapsBatch):
            raise ValueError('the scans have no maps; expected a MultiEchoScan of each: set kind = "fat_water".')
        echoes, estimate, spread = network.opened(batch.A, batch.kspace)
        relative = energy(echoes - batch.reference) / energy(batch.reference).clamp_min(1e-20)
        return self.of_maps(estimate, spread, batch) + self.image_weight * relative.mean()

    def of_maps(self, estimate: Tensor, spread: Tensor, batch: MapsBatch) -> Tensor:
        """Average the loss of the maps over tissue, parameters and scans; each scan counts alike."""
        typical = torch.tensor(TYPICAL, device=estimate.device)[:, None, None]
        if self.with_uncertainty:
            each = laplace_loss(estimate / typical, spread / typical, batch.maps / typical)
        else:
            each = (estimate - batch.maps).abs() / typical
        n_pixels = batch.inside.sum((-3, -2, -1)).clamp_min(1)
        return ((each * batch.inside).mean(-3).sum((-2, -1)) / n_pixels).mean()

    @torch.no_grad()
    def score(self, network: nn.Module, batch: Batch) -> float:
        """Turn the loss of the maps into dB: of the typical error over the mean one, or of the likelihood."""
        value = float(self.of_maps(*network.maps(batch.A, batch.kspace), batch))
        return -DECIBELS * value if self.with_uncertainty else -20 * math.log10(max(value, 1e-12))


def check_maps(network: nn.Module) -> None:
    """Refuse the loss of maps where there are none."""
    if not isinstance(network, UPNet):
        raise ValueError("the loss is one of maps, but this network makes images alone; expected an upnet.")
