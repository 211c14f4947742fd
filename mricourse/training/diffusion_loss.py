"""The objective of a diffusion prior: remove noise of every level from images that were never undersampled."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.diffusion import DiffusionPrior
from mricourse.networks.image_domain import brightness, smooth_phase
from mricourse.physics.scan import Batch
from mricourse.training.losses import energy

MEDIAN, SPREAD = 0.1, 1.5  # of the noise: e^(ln 0.1 +- 1.5) holds two thirds of all levels
LEVELS_PER_IMAGE = 4


class Diffusion(nn.Module):
    r"""Denoise the references at random noise levels [Karras et al., NeurIPS 2022, arXiv:2206.00364].

    $\ell = w(\sigma) \lVert D(x + \sigma\epsilon; \sigma) - x\rVert^2$ per number, with
    $w = (\sigma^2 + s^2)/(\sigma s)^2$, which is about 1 at every level for an untrained network. $\ln\sigma$ is drawn
    from a normal distribution, four times for each image. The data of a scan say only at which scale and phase the
    prior will see its images. The mean under the squared error is what the denoiser has to be, so nothing but
    $w$ may weigh the scans.

    Raises
    ------
    ValueError
        When called with scans that have no reference, or with another network.
    """

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        check_prior(network)
        if batch.reference is None:
            raise ValueError("the scans have no reference; expected one: this objective adds noise to it.")
        zero_filled = batch.A.adjoint(batch.kspace)
        image = batch.reference / brightness(zero_filled) * smooth_phase(zero_filled).conj()
        image = image.repeat(LEVELS_PER_IMAGE, 1, 1)
        draws = torch.randn(len(image)).to(image.device)
        sigma = (MEDIAN * torch.exp(SPREAD * draws))[:, None, None]
        noise = torch.view_as_complex(torch.randn(*image.shape, 2)).to(image.device)
        error = energy(network.denoise(image + sigma * noise, sigma) - image) / (2 * image[0].numel())
        s = network.spread
        weight = (sigma.square() + s**2) / (sigma * s).square()
        return (weight.flatten() * error).mean()


def check_prior(network: nn.Module) -> None:
    """Refuse the diffusion loss where no noise level goes in."""
    if not isinstance(network, DiffusionPrior):
        raise ValueError("the loss is diffusion, but this network knows no noise levels; expected a diffusion_prior.")
