"""What a training makes small: a number that an objective computes from a network and a batch of scans.

A loss compares two images. An objective decides which images there are to compare: it may ask the network for all its
iterations, split the measured samples in two, or add noise and ask what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from mricourse.networks.deep_equilibrium import DeepEquilibrium
from mricourse.networks.end_to_end_varnet import EndToEndVarNet
from mricourse.networks.ista_net import ISTANet
from mricourse.networks.kikinet import KIKINet
from mricourse.networks.reconstructor import Unrolled
from mricourse.physics.fourier import fft2c
from mricourse.physics.scan import Batch
from mricourse.training.diffusion_loss import Diffusion
from mricourse.training.losses import PLAIN, AdversarialLoss, PerceptualLoss, energy, log_nmse
from mricourse.training.parameter_maps import MapsLoss
from mricourse.training.self_supervised import N_SPLITS, SSDU, AllSamples, Equivariant, Noise2Noise, WeightedSSDU

FEATURES = "features"  # the checkpoint whose features the perceptual loss compares
BLIND_TO_PHASE = ("ssim", "magnitude")
OF_MAPS = ("maps", "uncertainty")
WITHOUT_REFERENCE = ("ssdu", "ssdu_one_split", "weighted_ssdu", "equivariant", "noise2noise")
OBJECTIVES = (  # names of `make_objective`
    *PLAIN,
    "perceptual",
    "adversarial",
    "symmetry",
    "stage_error",
    "all_samples",
    "diffusion",
    *OF_MAPS,
    *WITHOUT_REFERENCE,
)
Loss = Callable[[Tensor, Tensor], Tensor]


class Objective(Protocol):
    """What the training loop makes small.

    Any function of these two will do; an `nn.Module` is moved to the device of the training. What it draws from the
    global random state is a function of the step's number, so that a killed training goes on with the same draws.

    Examples
    --------
    Ask that two halves of the measurement agree:

    >>> def agree(network, batch):
    ...     half = torch.rand(batch.kspace.shape[-2:-1])[:, None] < 0.5
    ...     images = [network(batch.A, batch.kspace * mask) for mask in (half, ~half)]
    ...     return mse(*images)
    >>> train(network, scans, settings, objective=agree)
    """

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give a number, the mean over the scans of the batch, with gradients for the network's parameters."""
        ...


@runtime_checkable
class LearningObjective(Protocol):
    """An objective that learns beside the network; the loop teaches it after each step, saves it and restores it."""

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor: ...

    def after_step(self) -> None:
        """Learn from what was computed since the last step."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Give everything that the next steps depend on."""
        ...

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""
        ...


class Supervised(nn.Module):
    r"""Compare the reconstruction with the reference, $\ell(f(y), x_\mathrm{ref})$.

    Parameters
    ----------
    loss : callable
        Compares images with references, both (scans, y, x), and averages over the scans: one of
        `mricourse.training.losses`.
    deep_supervision : float
        Weight of the mean loss of all images on the way, of a network that is `Unrolled`
        [after Lee et al., AISTATS 2015, arXiv:1409.5185].

    Raises
    ------
    ValueError
        When called with scans that have no reference, or with deep supervision for a network that does not iterate.
    """

    def __init__(self, loss: Loss = log_nmse, *, deep_supervision: float = 0.0) -> None:
        super().__init__()
        self.loss = loss
        self.deep_supervision = deep_supervision

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        return self.compare(self.images(network, batch), batch.reference)

    def images(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Reconstruct: all images on the way where they are supervised too, the result last."""
        if batch.reference is None:
            raise ValueError("the scans have no reference; expected one: this objective compares with it.")
        if not self.deep_supervision:
            return [network(batch.A, batch.kspace)]
        check_unrolled(network)
        return network.iterates(batch.A, batch.kspace)[1:]  # the start is not the network's

    def compare(self, images: list[Tensor], reference: Tensor) -> Tensor:
        """Add the losses of the result and of the images on the way."""
        *on_the_way, result = [self.loss(image, reference) for image in images]
        if not on_the_way:
            return result
        return result + self.deep_supervision * sum(on_the_way) / len(on_the_way)


class Symmetry(Supervised):
    r"""Compare with the reference, and ask of an `ISTANet` that its learned transforms be inverted by their partners.

    The authors make $E + \gamma C$ small [Zhang, Ghanem, CVPR 2018], with the squared error $E$ of the result and
    $C = \sum_k \lVert \tilde H_k H_k D_k r_k - D_k r_k\rVert^2$, the mean over features as in their code. Here it is
    $10 \log_{10}$ of that sum over the energy of the reference, in dB: `log_nmse` for $\gamma = 0$, and a scan with
    little noise counts as much as one with a lot.

    Parameters
    ----------
    weight : float
        $\gamma$; recipes take it as it is here.

    Raises
    ------
    ValueError
        When called with scans that have no reference, or with another network.
    """

    def __init__(self, *, weight: float = 0.01) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        check_symmetric(network)
        if batch.reference is None:
            raise ValueError("the scans have no reference; expected one: this objective compares with it.")
        images, defects = network.opened(batch.A, batch.kspace)
        asymmetry = sum(defect.square().mean(1).sum((-2, -1)) for defect in defects)
        error = energy(images[-1] - batch.reference)
        total = error + self.weight * asymmetry.reshape(error.shape)  # the transforms see all images as one stack
        return (10 * torch.log10(total / energy(batch.reference).clamp_min(1e-20) + 1e-8)).mean()


class StageError(Supervised):
    r"""Compare what the last stage of a `KIKINet` predicts, before its data consistency, with all of k-space.

    The authors make $\lVert k_\mathrm{ref} - \hat k\rVert^2$ small, and for an I-network
    $\gamma\, \lVert M (\hat k - y)\rVert^2$ too [Eo et al., MRM 2018]; their $\gamma$ is not in the abstract. Since $F$
    is unitary the first is the squared error of the coil images. Here it is $10 \log_{10}$ of the sum over the energy
    of the reference, in dB. What a network predicts where there are samples counts, although it is replaced afterwards.

    Parameters
    ----------
    weight : float
        $\gamma$; recipes take it as it is here.

    Raises
    ------
    ValueError
        When called with scans that have no reference, or with another network.
    """

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        check_staged(network)
        if batch.reference is None:
            raise ValueError("the scans have no reference; expected one: this objective compares with it.")
        A, kspace, reference = batch
        complete = fft2c(A.smaps * reference.unsqueeze(-3))
        predicted = network.opened(A, kspace)[0][-1]
        error = energy(predicted - complete)
        if network.letters[-1] == "I":
            error = error + self.weight * energy(A.mask * (predicted - kspace))
        relative = error.sum(-1) / energy(complete).sum(-1).clamp_min(1e-20)
        return (10 * torch.log10(relative + 1e-8)).mean()


class Adversarial(Supervised):
    """Please a critic, which learns after each step to tell what the network made from the references.

    Parameters
    ----------
    loss : AdversarialLoss
        With the critic.
    deep_supervision : float
        As in `Supervised`; the critic learns from the last images alone.
    """

    def __init__(self, loss: AdversarialLoss, *, deep_supervision: float = 0.0) -> None:
        super().__init__(loss, deep_supervision=deep_supervision)
        self.made: list[tuple[Tensor, Tensor]] = []

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch, and remember what the critic has to learn from."""
        images = self.images(network, batch)
        self.made.append((images[-1].detach(), batch.reference))
        return self.compare(images, batch.reference)

    def after_step(self) -> None:
        """Teach the critic by one step for each batch."""
        for image, reference in self.made:
            self.loss.learn(image, reference)
        self.made.clear()

    def tensors(self) -> dict[str, Tensor]:
        """Give the critic and its Adam's moments."""
        return self.loss.tensors()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""
        self.loss.restore(tensors)


ALONE: dict[str, Callable[[], nn.Module]] = {  # those that look at the result alone
    "symmetry": Symmetry,
    "stage_error": StageError,
    "all_samples": AllSamples,
    "diffusion": Diffusion,
    "ssdu": partial(SSDU, n_splits=N_SPLITS),
    "ssdu_one_split": SSDU,
    "weighted_ssdu": WeightedSSDU,  # of a density
    "equivariant": Equivariant,
    "noise2noise": Noise2Noise,
    "maps": partial(MapsLoss, with_uncertainty=False),
    "uncertainty": partial(MapsLoss, with_uncertainty=True),
}


def make_objective(
    name: str,
    *,
    deep_supervision: float = 0.0,
    load_network: Callable[[str], nn.Module] | None = None,
    density: Tensor | None = None,
) -> nn.Module:
    """Make what a recipe names.

    Parameters
    ----------
    name : str
        One of `OBJECTIVES`.
    deep_supervision : float
        As in `Supervised`.
    load_network : callable, optional
        Gives the network of a checkpoint by its name; the perceptual loss looks through that of `FEATURES`.
    density : float Tensor, shape (ny, 1), optional
        The probability of each line, which weighted SSDU has to know.

    Raises
    ------
    ValueError
        Another name, a perceptual loss without a network to look through, or weighted SSDU without a density.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"the objective is {name!r}; expected one of {', '.join(OBJECTIVES)}.")
    if name in ALONE and deep_supervision:
        raise ValueError(f"deep_supervision is set with the {name} loss; expected 0: leave it out.")
    if name == "weighted_ssdu":
        if density is None:
            raise ValueError(f'{name} has no density of the lines; expected one: set kind = "once" in [data].')
        return WeightedSSDU(density)
    if name in ALONE:
        return ALONE[name]()
    if name == "adversarial":
        return Adversarial(AdversarialLoss(), deep_supervision=deep_supervision)
    if name == "perceptual":
        if load_network is None:
            raise ValueError("the perceptual loss looks through a trained network; expected load_network.")
        return Supervised(PerceptualLoss(load_network(FEATURES).body), deep_supervision=deep_supervision)
    return Supervised(PLAIN[name], deep_supervision=deep_supervision)


def check_unrolled(network: nn.Module) -> None:
    """Refuse deep supervision where there is nothing on the way, or nothing that could learn from it."""
    if isinstance(network, DeepEquilibrium):
        raise ValueError("deep_supervision is set, but a fixed point has no gradient on the way; expected 0.")
    if not isinstance(network, Unrolled):
        raise ValueError("deep_supervision is set, but this network does not iterate; expected 0, or a MoDL.")


def check_phase(network: nn.Module, name: str) -> None:
    """Refuse a loss that compares phases, too, where the network knows none."""
    if isinstance(network, EndToEndVarNet) and name not in BLIND_TO_PHASE:
        raise ValueError(
            f"the loss is {name}, but this network makes magnitudes; expected {' or '.join(BLIND_TO_PHASE)}."
        )


def check_symmetric(network: nn.Module) -> None:
    """Refuse the symmetry loss where there is no transform and its inverse."""
    if not isinstance(network, ISTANet):
        raise ValueError("the loss is symmetry, but this network learns no transform; expected an ista_net.")


def check_staged(network: nn.Module) -> None:
    """Refuse the error of a stage where there are none."""
    if not isinstance(network, KIKINet):
        raise ValueError("the loss is stage_error, but this network has no stages on k-space; expected a kikinet.")
