"""Losses that look through a network: at features that another task has taught, or at what a critic calls real."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mricourse.losses import l1
from mricourse.networks.dncnn import DnCNN

FEATURE_WEIGHT = 0.3
CRITIC_WEIGHT = 0.02
CRITIC_RATE = 4e-4


class PerceptualLoss(nn.Module):
    r"""L1 of the image plus L1 of what a trained network sees in it,
    $\lVert x - r\rVert_1 + \frac{w}{L} \sum_l \lVert\varphi_l(x) - \varphi_l(r)\rVert_1 / \lVert\varphi_l(r)\rVert_1$.

    Johnson and others take the features $\varphi_l$ of a classifier of photographs. Ours are the hidden layers of the
    course's own denoiser, which has to tell structure from noise to do its work; nothing is downloaded.

    Parameters
    ----------
    denoiser : DnCNN
        Trained; it is frozen here.
    weight : float
        $w$, dimensionless.

    Source: Johnson, Alahi, Fei-Fei, ECCV 2016, arXiv:1603.08155.
    """

    def __init__(self, denoiser: DnCNN, *, weight: float = FEATURE_WEIGHT) -> None:
        super().__init__()
        self.denoiser, self.weight = denoiser.eval().requires_grad_(False), weight

    def forward(self, image: Tensor, reference: Tensor) -> Tensor:
        """Compare images with references: complex (..., y, x), (..., y, x) -> ()."""
        with torch.no_grad():
            wanted = features(self.denoiser, reference)
        found = features(self.denoiser, image)
        parts = [(x - r).abs().mean() / r.abs().mean() for x, r in zip(found, wanted, strict=True)]
        return l1(image, reference) + self.weight * sum(parts) / len(parts)


def features(denoiser: DnCNN, image: Tensor) -> list[Tensor]:
    """Give what each hidden layer of a denoiser makes of images: complex (n, y, x) -> list of (n, features, y, x)."""
    found, channels = [], torch.view_as_real(image.resolve_conj()).movedim(-1, -3)
    for layer in denoiser.layers[:-1]:
        channels = layer(channels)
        if isinstance(layer, nn.ReLU):
            found.append(channels)
    return found


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
        return self.layers(torch.view_as_real(image.resolve_conj()).movedim(-1, -3))


class AdversarialLoss(nn.Module):
    r"""L1 of the image minus what a critic thinks of it, $\lVert x - r\rVert_1 - w\,\mathrm{mean}\,C(x)$.

    The critic learns while the network does, one step after each of the network's, from the hinge loss
    $\max(0, 1 - C(r)) + \max(0, 1 + C(x))$. It never sees which reference belongs to which image: it asks whether an
    image looks real, not whether it is true.

    Parameters
    ----------
    weight : float
        $w$, in units of the image.
    n_features : int
        Of the critic.

    Source: Goodfellow et al., NeurIPS 2014, arXiv:1406.2661; the hinge Lim and Ye, arXiv:1705.02894.
    """

    def __init__(self, *, weight: float = CRITIC_WEIGHT, n_features: int = 16) -> None:
        super().__init__()
        self.critic, self.weight = Critic(n_features=n_features), weight
        self.optimiser = torch.optim.Adam(self.critic.parameters(), lr=CRITIC_RATE, betas=(0.5, 0.9))

    def forward(self, image: Tensor, reference: Tensor) -> Tensor:
        """Compare images with references, as the network's loss: complex (n, y, x), (n, y, x) -> ()."""
        self.critic.requires_grad_(False).eval()
        return l1(image, reference) - self.weight * self.critic(image).mean()

    def learn(self, image: Tensor, reference: Tensor) -> float:
        """Teach the critic by one step, and give its loss: 2 where it cannot tell, 0 where it always can."""
        self.critic.requires_grad_(True).train()
        self.optimiser.zero_grad(set_to_none=True)
        real, made = self.critic(reference), self.critic(image.detach())
        loss = (1 - real).relu().mean() + (1 + made).relu().mean()
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())

    def tensors(self) -> dict[str, Tensor]:
        """Give all that the next steps depend on: the critic and its Adam's moments."""
        moments = self.optimiser.state_dict()["state"]
        state = {f"critic.{name}": value for name, value in self.critic.state_dict().items()}
        return state | {f"adam.{n}.{name}": value for n, each in moments.items() for name, value in each.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""
        critic, state = {}, self.optimiser.state_dict()
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "critic":
                critic[rest] = value
            else:
                number, _, moment = rest.partition(".")
                state["state"].setdefault(int(number), {})[moment] = value
        self.critic.load_state_dict(critic)
        self.optimiser.load_state_dict(state)
