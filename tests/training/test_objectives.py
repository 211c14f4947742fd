"""Objectives: the losses of papers to come fit the one loop as functions of a few lines, and a kill changes nothing."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.networks.modl import MoDL
from mricourse.networks.reconstructor import Reconstructor, Unrolled
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.scan import stack
from mricourse.reconstruct.sparsity import soft_threshold
from mricourse.simulate.task_scans import TaskScans
from mricourse.training.loop import Settings, train, validate
from mricourse.training.losses import AdversarialLoss, PerceptualLoss, l1, log_nmse, mse
from mricourse.training.objectives import Adversarial, LearningObjective, Supervised

SCANS = TaskScans("train", 3, task="undersampling", shape=(32, 32), strength=(2, 2), noise_std=(0.005, 0.01))
NOISY = TaskScans("train", 4, task="denoising", shape=(32, 32), noise_std=(0.05, 0.1))
SETTINGS = Settings(n_steps=40, batch_size=2, learning_rate=1e-2, warmup=3, validate_every=10, save_every=5)


def losses_of(network, objective, scans=SCANS, **changes):
    """Train, and give the mean objective of every ten steps."""
    settings = replace(SETTINGS, **changes)
    return [row["loss"] for row in train(network, scans, settings, objective=objective).rows]


class Blind:
    """Scans whose reference nobody knows."""

    def __getitem__(self, index):
        return replace(SCANS[index], reference=None)


# --- ISTA-Net: a transform and its inverse, which need not be inverse unless the objective asks [Zhang, CVPR 2018]


class TinyISTANet(nn.Module, Reconstructor):
    n_iterations = 3

    def __init__(self):
        super().__init__()
        self.there = nn.Conv2d(2, 6, 3, padding=1, bias=False)
        self.back = nn.Conv2d(6, 2, 3, padding=1, bias=False)
        self.threshold = nn.Parameter(torch.tensor(0.01))

    def opened(self, A, kspace):
        zero_filled = image = A.adjoint(kspace)
        defects = []
        for _ in range(self.n_iterations):
            image = image - (A.normal(image) - zero_filled)
            channels = torch.view_as_real(image).movedim(-1, -3)
            code = self.there(channels)
            defects.append(self.back(code) - channels)
            cleaned = self.back(soft_threshold(code, self.threshold))
            image = torch.view_as_complex(cleaned.movedim(-3, -1).contiguous())
        return image, defects

    def forward(self, A, kspace, *, trace=None):
        return self.opened(A, kspace)[0]


def symmetry_loss(network, batch):
    image, defects = network.opened(batch.A, batch.kspace)
    return mse(image, batch.reference) + 0.1 * sum(defect.square().mean() for defect in defects)


def test_ista_net_with_its_symmetry_loss():
    def defect(network):
        [batch] = stack([SCANS[500]])
        with torch.no_grad():
            return float(sum(each.square().mean() for each in network.opened(batch.A, batch.kspace)[1]))

    torch.manual_seed(0)
    with_symmetry, without = TinyISTANet(), TinyISTANet()
    without.load_state_dict(with_symmetry.state_dict())
    losses = losses_of(with_symmetry, symmetry_loss)
    losses_of(without, Supervised(mse))
    assert losses[-1] < 0.5 * losses[0] and defect(with_symmetry) < defect(without)


# --- SSDU: reconstruct from part of the samples, compare with the rest [Yaman, MRM 84:3172, 2020]


def split_loss(network, batch):
    kept = torch.rand(batch.A.mask.shape) < 0.6
    given = replace(batch.A, mask=batch.A.mask & kept)
    asked = replace(batch.A, mask=batch.A.mask & ~kept)
    predicted = asked.forward(network(given, given.mask * batch.kspace))
    return l1(predicted, asked.mask * batch.kspace) / batch.kspace.abs().mean()


def test_ssdu_learns_without_a_reference():
    torch.manual_seed(0)
    network = MoDL(n_iterations=2, n_features=6, n_layers=3, norm="none", n_cg=4)
    held_out = [SCANS[i] for i in range(900, 904)]
    before = validate(network, held_out)
    losses_of(network, split_loss, Blind())
    assert validate(network, held_out) > before + 0.2  # dB, against references that it never saw
    with pytest.raises(ValueError, match="the scans have no reference; expected one"):
        train(network, Blind(), SETTINGS)


# --- UP-Net: first the image by L1, then image and uncertainty by the Laplace likelihood [Shih, MRM 89:1567, 2023]


class TinyUPNet(nn.Module, Reconstructor):
    def __init__(self):
        super().__init__()
        self.image = ImageDomain(DnCNN(n_features=6, n_layers=3))
        self.uncertainty = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.Conv2d(6, 1, 5, padding=2))

    def distribution(self, A, kspace):
        image = self.image(A, kspace)
        return image, self.uncertainty(image.abs()[:, None])[:, 0]

    def forward(self, A, kspace, *, trace=None):
        return self.image(A, kspace)


def likelihood_loss(network, batch):
    image, log_uncertainty = network.distribution(batch.A, batch.kspace)
    error = (image - batch.reference).abs()
    return (error / log_uncertainty.exp() + log_uncertainty + math.log(2)).mean()


def test_upnet_learns_the_image_and_then_how_far_off_it_is():
    torch.manual_seed(0)
    network = TinyUPNet()
    image_losses = losses_of(network, Supervised(l1))
    losses = losses_of(network, likelihood_loss, n_steps=80)
    assert image_losses[-1] < image_losses[0] and losses[-1] < losses[0] - 1
    [batch] = stack([SCANS[i] for i in range(900, 908)])
    with torch.no_grad():
        image, log_uncertainty = network.distribution(batch.A, batch.kspace)
    error = (image - batch.reference).abs()
    assert 0.7 < log_uncertainty.exp().mean() / error.mean() < 1.4, "at its best the uncertainty is the mean error"
    assert torch.corrcoef(torch.stack([log_uncertainty.flatten(), error.flatten()]))[0, 1] > 0.3


# --- KIKI-net: networks on k-space and on images by turns, each trained before the next [Eo, MRM 80:2188, 2018]


class TinyKIKINet(nn.Module, Unrolled):
    n_iterations = 2

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(DnCNN(n_features=4, n_layers=2) for _ in range(4))  # K, I, K, I

    def iterates(self, A, kspace, *, trace=None):
        images = [A.adjoint(kspace)]
        for number, part in enumerate(self.parts):
            if number % 2:
                images.append(part(images[-1]))
            else:
                found = part(fft2c(images[-1]))
                images.append(ifft2c(torch.where(A.mask[:, 0], kspace[:, 0], found)))
        return images

    def forward(self, A, kspace, *, trace=None):
        return self.iterates(A, kspace)[-1]

    def start_from(self, other):
        self.load_state_dict(other.state_dict())


def test_kiki_net_is_trained_part_after_part():
    torch.manual_seed(0)
    network, ends = TinyKIKINet(), []
    for number, part in enumerate(network.parts):

        def of_this_part(network, batch, number=number):
            return mse(network.iterates(batch.A, batch.kspace)[number + 1], batch.reference)

        others = [weight.clone() for other in network.parts if other is not part for weight in other.parameters()]
        network.requires_grad_(False)
        part.requires_grad_(True)
        ends.append(losses_of(network, of_this_part, n_steps=20)[-1])
        after = [weight for other in network.parts if other is not part for weight in other.parameters()]
        assert all(torch.equal(*pair) for pair in zip(others, after, strict=True)), number
    assert ends[-1] < ends[0]


# --- a diffusion model: say what the noise was, at any level of it [Karras, NeurIPS 2022]


class TinyDiffusion(nn.Module, Reconstructor):
    def __init__(self):
        super().__init__()
        self.denoiser = DnCNN(n_features=6, n_layers=3, noise_aware=True)

    def forward(self, A, kspace, *, trace=None):
        return self.denoiser(A.adjoint(kspace), torch.tensor(0.07))


def diffusion_loss(network, batch):
    noise_std = 0.02 * 20 ** torch.rand(len(batch.reference), 1, 1)
    noise = torch.view_as_complex(torch.randn(*batch.reference.shape, 2))
    found = network.denoiser(batch.reference + noise_std * noise, noise_std)
    return ((found - batch.reference) / noise_std).abs().square().mean()


def test_a_diffusion_model_learns_to_denoise():
    torch.manual_seed(0)
    network, scans = TinyDiffusion(), [NOISY[i] for i in range(4)]
    before = validate(network, scans)
    losses = losses_of(network, diffusion_loss, scans=NOISY, n_steps=150, batch_size=4)
    assert losses[-1] < 0.7 * losses[0]
    assert validate(network, scans) > before + 1  # dB


# --- whatever is drawn, a kill changes nothing


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    ("make", "objective"),
    [(TinyDiffusion, diffusion_loss), (lambda: MoDL(n_iterations=1, n_features=4, n_layers=2), split_loss)],
)
def test_a_training_that_draws_goes_on_after_a_kill_with_the_same_draws(make, objective, tmp_path):
    def run(state_file, n_stop=None):
        torch.manual_seed(1)
        network = make()
        torch.rand(n_stop or 0)  # the global state is anywhere

        def stop(history, _):
            if history.step == n_stop:
                raise Killed

        settings = replace(SETTINGS, n_steps=12)
        train(network, SCANS, settings, objective=objective, state_file=state_file, progress=stop)
        return network.state_dict()

    whole = run(tmp_path / "whole.state")
    with pytest.raises(Killed):
        run(tmp_path / "cut.state", n_stop=8)
    again = run(tmp_path / "cut.state")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_each_step_draws_anew_and_the_global_state_stays():
    seen = []

    def objective(network, batch):
        seen.append(torch.rand(()).item())
        return network(batch.A, batch.kspace).abs().mean()

    network = ImageDomain(DnCNN(n_features=4, n_layers=2))
    before = torch.get_rng_state()
    losses_of(network, objective, n_steps=6)
    first = seen.copy()
    losses_of(network, objective, n_steps=6)
    assert torch.equal(before, torch.get_rng_state()) and len(set(first)) == 6 and seen[6:] == first


# --- those of the library


def test_supervised_is_its_loss_and_deep_supervision_adds_what_is_on_the_way():
    [batch] = stack([SCANS[0], SCANS[1]])
    network = AdaptiveMoDL(n_iterations=2, n_features=4, n_layers=2)
    images = network.iterates(batch.A, batch.kspace)
    assert torch.equal(Supervised(mse)(network, batch), mse(images[-1], batch.reference))
    on_the_way = sum(log_nmse(image, batch.reference) for image in images[1:-1]) / 3
    expected = log_nmse(images[-1], batch.reference) + 0.5 * on_the_way
    assert torch.allclose(Supervised(deep_supervision=0.5)(network, batch), expected)
    with pytest.raises(ValueError, match="this network does not iterate; expected 0, or a MoDL"):
        Supervised(deep_supervision=0.5)(ImageDomain(DnCNN(n_features=4)), batch)


def test_only_what_learns_is_taught():
    assert isinstance(Adversarial(AdversarialLoss(n_features=2)), LearningObjective)
    assert not isinstance(Supervised(), LearningObjective) and not isinstance(split_loss, LearningObjective)


def test_a_critic_is_taught_once_a_batch_by_what_the_network_made():
    torch.manual_seed(0)
    network = ImageDomain(DnCNN(n_features=4, n_layers=2))
    loss = AdversarialLoss(n_features=2)
    lessons = []
    loss.learn = lambda image, reference: lessons.append((image, reference))
    train(network, SCANS, replace(SETTINGS, n_steps=3), objective=Adversarial(loss))
    assert len(lessons) == 3 and not any(image.requires_grad for image, _ in lessons)
    assert torch.equal(lessons[1][1], torch.stack([SCANS[2].reference, SCANS[3].reference]))


@pytest.mark.parametrize("loss", [PerceptualLoss(DnCNN(n_features=4)), AdversarialLoss(n_features=4)])
def test_low_precision_is_for_the_network_not_for_those_that_judge(loss):
    image, reference = random_complex(2, 2, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(image, reference)
    assert torch.equal(inside, loss(image, reference))
