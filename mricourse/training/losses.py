"""What a training makes small: numbers that compare images with references and have useful gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.evaluation.metrics import mean_similarity
from mricourse.networks.channels import to_channels
from mricourse.networks.critic import Critic
from mricourse.networks.dncnn import DnCNN
from mricourse.physics.fourier import floating


def log_nmse(image: Tensor, reference: Tensor) -> Tensor:
    r"""Average $10 \log_{10} (\lVert x - x_\mathrm{ref}\rVert^2 / \lVert x_\mathrm{ref}\rVert^2)$ over scans, in dB.

    The logarithm lets a scan with little noise weigh as much as one with a lot: under the plain mean squared error the
    noisy ones would decide everything. For each scan it is the negative PSNR of the complex error, up to a constant.
    It never falls below -80 dB, so that its gradient is finite where there is no error; an energy of the reference
    below 1e-20 counts as 1e-20, for the same reason.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real, in any common unit.

    Returns
    -------
    Tensor, shape ()
    """
    error = energy(_difference(image, reference)) / energy(floating(reference)).clamp_min(1e-20)
    return (10 * torch.log10(error + 1e-8)).mean()


def magnitude_log_nmse(image: Tensor, reference: Tensor) -> Tensor:
    """`log_nmse` of the magnitudes, for networks that know no phase, such as those that end in a root sum of squares.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real, in any common unit.

    Returns
    -------
    Tensor, shape ()
    """
    return log_nmse(floating(image).abs(), floating(reference).abs())


def mse(image: Tensor, reference: Tensor) -> Tensor:
    r"""Mean squared error $\mathrm{mean}\,|x - x_\mathrm{ref}|^2$, of complex images the complex error.

    Its best guess where several images are possible is their mean.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real, in any common unit.

    Returns
    -------
    Tensor, shape ()
    """
    return energy(_difference(image, reference)).mean() / (image.shape[-2] * image.shape[-1])


def l1(image: Tensor, reference: Tensor) -> Tensor:
    r"""Mean absolute error $\mathrm{mean}\,|x - x_\mathrm{ref}|$, of complex images the modulus of the complex error.

    Its best guess where several values are possible is their median. Arguments as in `mse`. Where the error is zero
    the gradient is zero.
    """
    return _difference(image, reference).abs().mean()


def ssim_loss(image: Tensor, reference: Tensor, *, window_size: int = 7) -> Tensor:
    r"""One minus the structural similarity of the magnitudes: `mricourse.evaluation.metrics.ssim`, with gradient.

    Blind to the phase. Noise costs most in air: in bright tissue the two constants hide it, near zero they do not.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        Complex or real; the data range is the largest magnitude of each reference. One below 1e-10 counts as 1e-10, so
        that a slice without signal has a value and a gradient.
    window_size : int
        Width of the uniform window in pixels.

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    ValueError
        An image smaller than the window.

    Source: Wang et al., IEEE Trans. Image Process. 13:600, 2004; as a loss Zhao et al., IEEE Trans. Comput. Imaging
    3:47, 2017.
    """
    if min(image.shape[-2:]) < window_size:
        raise ValueError(
            f"the image is {tuple(image.shape[-2:])} and the window {window_size} pixels; expected a smaller window."
        )
    x = floating(image).abs()
    r = floating(reference).abs()
    data_range = r.amax(dim=(-2, -1)).clamp_min(1e-10)
    return 1 - mean_similarity(x, r, data_range, window_size=window_size).mean()


def _difference(image: Tensor, reference: Tensor) -> Tensor:
    """Give the error, of a complex image the complex one; a magnitude has none from a reference with a phase."""
    if reference.is_complex() and not image.is_complex():
        raise ValueError(
            "the image is real and the reference complex; expected a complex image, or a loss of magnitudes, such as "
            "magnitude_log_nmse or ssim_loss."
        )
    return floating(image) - floating(reference)


PLAIN = {"log_nmse": log_nmse, "magnitude": magnitude_log_nmse, "mse": mse, "l1": l1, "ssim": ssim_loss}


def energy(image: Tensor) -> Tensor:
    """Sum of squared magnitudes over the last two axes: real or complex (..., y, x) -> (...)."""
    if image.is_complex():
        return torch.view_as_real(image).square().sum(dim=(-3, -2, -1))
    return image.square().sum(dim=(-2, -1))


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
        with torch.autocast(image.device.type, enabled=False):  # low precision is for the network that learns
            layers = zip(features(self.denoiser, image), features(self.denoiser, reference), strict=True)
            parts = [_relative_l1(x, r) for x, r in layers]
        return l1(image, reference) + self.weight * sum(parts) / len(parts)


def _relative_l1(x: Tensor, r: Tensor) -> Tensor:
    """L1 of a difference over that of the reference, or alone where the reference is nothing."""
    size = r.abs().mean()
    return (x - r).abs().mean() / torch.where(size > 0, size, 1)


def features(denoiser: DnCNN, image: Tensor) -> list[Tensor]:
    """Give what each hidden layer of a denoiser makes of images: complex (n, y, x) -> list of (n, features, y, x)."""
    found = []
    channels = to_channels(image)
    for layer in denoiser.layers[:-1]:
        channels = layer(channels)
        if isinstance(layer, nn.ReLU):
            found.append(channels)
    return found


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
        with torch.autocast(image.device.type, enabled=False):  # low precision is for the network that learns
            score = self.critic(image).mean()
        return l1(image, reference) - self.weight * score

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
