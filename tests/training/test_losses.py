"""Losses against torch, scikit-image and their own definitions; a critic that learns, is saved and goes on."""

from dataclasses import replace

import pytest
import torch

from mricourse import random_complex
from mricourse.evaluation.metrics import ssim
from mricourse.networks.critic import Critic
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.simulate.task_scans import TaskScans
from mricourse.training.loop import Settings, train
from mricourse.training.losses import PLAIN, AdversarialLoss, PerceptualLoss, features, l1, log_nmse, mse, ssim_loss
from mricourse.training.objectives import OBJECTIVES, Adversarial, Supervised, make_objective


def pair(n=2, ny=33, nx=26, dtype=torch.complex128):
    reference = random_complex(n, ny, nx, seed=1, dtype=dtype)
    return reference + 0.3 * random_complex(n, ny, nx, seed=2, dtype=dtype), reference


# --- without a network ---


def test_real_images_give_what_torch_gives():
    x, r = (image.real for image in pair())
    assert torch.allclose(mse(x, r), torch.nn.functional.mse_loss(x, r))
    assert torch.allclose(l1(x, r), torch.nn.functional.l1_loss(x, r))


def test_complex_images_are_compared_by_their_complex_error():
    x, r = pair()
    assert torch.allclose(mse(x, r), (x - r).abs().square().mean())
    assert torch.allclose(l1(1j * x, 1j * r), l1(x, r)) and l1(1j * r, r) > 0.5


@pytest.mark.parametrize("loss", [log_nmse, mse, l1])
def test_a_magnitude_is_not_subtracted_from_a_complex_reference(loss):
    """The trap: it learns the magnitude against the phase, without a word."""
    x, r = pair()
    with pytest.raises(ValueError, match="the image is real and the reference complex; expected"):
        loss(x.abs(), r)
    assert loss(x.abs(), r.abs()).isfinite() and loss(x, r.abs()).isfinite()


@pytest.mark.parametrize("complex_images", [True, False])
def test_ssim_loss_is_one_minus_the_metric(complex_images):
    x, r = pair() if complex_images else (image.abs() for image in pair())
    assert float(ssim_loss(x, r)) == pytest.approx(1 - float(ssim(x, r).mean()), abs=1e-10)
    assert float(ssim_loss(x * 1j, r)) == pytest.approx(float(ssim_loss(x, r)), abs=1e-12) or not complex_images
    assert float(ssim_loss(r, r)) == pytest.approx(0, abs=1e-12)


def test_ssim_minds_noise_in_air_more_than_in_tissue():
    reference = torch.ones(64, 64, dtype=torch.complex64)
    reference[:, :32] = 0
    noise = 0.01 * random_complex(64, 64)
    air, tissue = (ssim_loss(reference + noise * where, reference) for where in (reference == 0, reference == 1))
    assert air > 5 * tissue


def test_an_image_smaller_than_the_window_is_refused():
    with pytest.raises(ValueError, match="smaller window"):
        ssim_loss(torch.ones(5, 9), torch.ones(5, 9))


@pytest.mark.parametrize("name", PLAIN)
def test_gradients_agree_with_finite_differences(name):
    x, r = pair(1, 9, 8)
    assert torch.autograd.gradcheck(lambda image: PLAIN[name](image, r), x.requires_grad_())


def test_mse_settles_on_the_mean_and_l1_on_the_median():
    samples = torch.tensor([0.0, 0.1, 0.2, 0.9, 1.0], dtype=torch.float64).reshape(5, 1, 1)
    for loss, best in ((mse, samples.mean()), (l1, samples.median())):
        grid = torch.linspace(0, 1, 1001, dtype=torch.float64)
        values = torch.stack([loss(torch.full_like(samples, float(g)), samples) for g in grid])
        assert float(grid[values.argmin()]) == pytest.approx(float(best), abs=1e-3)


# --- through a network ---


def test_the_perceptual_loss_is_zero_for_the_reference_alone_and_does_not_teach_its_network():
    x, r = pair(dtype=torch.complex64)
    loss = PerceptualLoss(DnCNN(n_features=6))
    assert float(loss(r, r)) == 0 and float(loss(x, r)) > float(l1(x, r))
    x = x.requires_grad_()
    loss(x, r).backward()
    assert x.grad.abs().max() > 0 and all(p.grad is None for p in loss.denoiser.parameters())


def test_features_are_what_each_hidden_layer_returns():
    denoiser, x = DnCNN(n_features=6, n_layers=4), pair(dtype=torch.complex64)[0]
    found = features(denoiser, x)
    assert [tuple(each.shape) for each in found] == [(2, 6, 33, 26)] * 3 and all((each >= 0).all() for each in found)
    last = torch.view_as_complex(denoiser.layers[-1](found[-1]).movedim(-3, -1).contiguous())
    assert torch.allclose(x + last, denoiser(x), atol=1e-5)


def test_a_critic_sees_20_pixels_and_cannot_raise_its_score_without_bound():
    critic = Critic(n_features=4)
    x = torch.zeros(1, 64, 64, dtype=torch.complex64, requires_grad=True)
    score = critic(x + random_complex(1, 64, 64))[0, 0]
    score[8, 8].backward()
    seen = (x.grad[0].abs() > 0).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [20, 20]


def test_a_critic_learns_to_tell_and_the_loss_follows_it():
    torch.manual_seed(0)
    loss, real = AdversarialLoss(n_features=4), random_complex(4, 32, 32)
    made = torch.nn.functional.avg_pool2d(real.real, 3, 1, 1) + 0j
    before = [loss.learn(made, real) for _ in range(60)]
    assert before[0] > 1.5 and before[-1] < 0.7 * before[0]
    assert loss(made, made) > loss(real, real), "what looks made costs more"
    x = made.clone().requires_grad_()
    loss(x, real).backward()
    assert x.grad.abs().max() > 0 and all(p.grad is None or p.requires_grad is False for p in loss.critic.parameters())


def test_an_adversarial_training_that_stops_goes_on_with_the_same_numbers(tmp_path):
    scans = TaskScans("train", 1, task="super_resolution", shape=(32, 32), strength=(2, 2))

    def run(n_stop, state):
        torch.manual_seed(3)
        network, loss = ImageDomain(DnCNN(n_features=4, n_layers=2)), AdversarialLoss(n_features=4)
        settings = Settings(n_steps=8, batch_size=2, save_every=1, loss="adversarial")

        def stop(history, _):
            if history.step == n_stop:
                raise KeyboardInterrupt

        try:
            train(network, scans, settings, objective=Adversarial(loss), state_file=state, progress=stop)
        except KeyboardInterrupt:
            return None
        return [*network.state_dict().values(), *loss.critic.state_dict().values()]

    whole = run(None, tmp_path / "whole.state")
    assert run(5, tmp_path / "cut.state") is None
    again = run(None, tmp_path / "cut.state")
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))


def test_a_recipe_names_its_loss():
    assert replace(Settings(n_steps=1), loss="ssim").loss == "ssim"
    with pytest.raises(ValueError, match="loss is 'best'; expected one of log_nmse, magnitude, mse, l1, ssim"):
        Settings(n_steps=1, loss="best")
    assert {name: make_objective(name).loss for name in PLAIN} == PLAIN
    assert isinstance(make_objective("adversarial"), Adversarial) and set(OBJECTIVES) > set(PLAIN)
    body = ImageDomain(DnCNN(n_features=4))
    perceptual = make_objective("perceptual", deep_supervision=0.5, load_network={"features": body}.get)
    assert isinstance(perceptual, Supervised) and perceptual.deep_supervision == 0.5
    assert perceptual.loss.denoiser is body.body
    with pytest.raises(ValueError, match="expected load_network"):
        make_objective("perceptual")
    with pytest.raises(ValueError, match="the objective is 'best'; expected one of log_nmse"):
        make_objective("best")
