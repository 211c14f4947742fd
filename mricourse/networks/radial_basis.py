r"""Activation functions that are learned: sums of Gaussians at fixed places, one function for each channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.option_checks import check_counts, check_positive

SUPPORT = 6  # standard deviations behind which a Gaussian is nothing in single precision
STEPS = 16  # values of the function kept between two Gaussians


class RadialBasis(nn.Module):
    r"""Apply $\phi_i(z) = \sum_j w_{ij} \exp(-(z - \mu_j)^2 / 2 s^2)$ to channel $i$, with learned weights $w$.

    The places $\mu_j$ lie evenly from -reach to reach, and $s$ is the distance of two, as in variational networks
    [Hammernik et al., MRM 79:3055, 2018]. Beyond the reach the function falls to zero. A table of 16 values between two
    Gaussians stands for the sum, linear in between: off by at most 1/1000 of the largest weight, and ten times as fast.

    Parameters
    ----------
    n_channels : int
    n_weights : int
        Gaussians of a function, at least 2.
    reach : float
    slope : float
        The weights before training are ``slope`` times their places, so that the functions are nearly lines.

    Raises
    ------
    ValueError
        A number out of range.
    """

    def __init__(self, n_channels: int, *, n_weights: int = 31, reach: float = 1.0, slope: float = 0.0) -> None:
        super().__init__()
        check_counts(n_channels=n_channels)
        if n_weights < 2:
            raise ValueError(f"got n_weights={n_weights}; expected 2 Gaussians or more, such as 31.")
        check_positive(reach=reach)
        self.reach = reach
        self.weights = nn.Parameter(slope * torch.linspace(-reach, reach, n_weights).repeat(n_channels, 1))

    def forward(self, channels: Tensor) -> Tensor:
        """(images, channels, y, x) -> the same."""
        table = self.table()
        position = (channels / self.reach + 1) * (0.5 * STEPS * (self.weights.shape[1] - 1)) + SUPPORT * STEPS
        position = position.clamp(0, table.shape[1] - 1).movedim(1, 0)
        cell = position.detach().floor().clamp_max(table.shape[1] - 2)
        index = cell.nan_to_num(0).long().flatten(1)  # NaN comes through the interpolation
        low, high = (table.gather(1, index + step).view_as(position) for step in (0, 1))
        return torch.lerp(low, high, position - cell).movedim(0, 1)

    def table(self) -> Tensor:
        """Give the functions on their grid, from ``SUPPORT`` Gaussians before the first to as many behind the last."""
        n_weights = self.weights.shape[1]
        grid = torch.arange(-SUPPORT * STEPS, (n_weights - 1 + SUPPORT) * STEPS + 1, device=self.weights.device)
        distance = grid / STEPS - torch.arange(n_weights, device=grid.device)[:, None]
        gaussians = torch.exp(-0.5 * distance.square()).to(self.weights.dtype)
        with torch.autocast(grid.device.type, enabled=False):
            return self.weights @ gaussians

    def exact(self, values: Tensor) -> Tensor:
        """Give the sum as the equation reads: (channels, n) -> (channels, n), to draw the functions and to test."""
        n_weights = self.weights.shape[1]
        places = torch.linspace(-self.reach, self.reach, n_weights, dtype=values.dtype, device=values.device)
        spacing = 2 * self.reach / (n_weights - 1)
        gaussians = torch.exp(-0.5 * ((values[..., None] - places) / spacing).square())
        return (gaussians * self.weights[:, None]).sum(-1)
