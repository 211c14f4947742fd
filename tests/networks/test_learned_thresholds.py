"""Learned thresholds: their number, what each of them does, and that equal ones are the course's wavelets."""

import pytest
import torch

from mricourse.networks.image_domain import brightness
from mricourse.networks.learned_thresholds import LearnedThresholds, subband_threshold
from mricourse.networks.modl import MoDL
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.proximal_gradient import safe_step
from mricourse.reconstruct.sparsity import shift_invariant_prox, wavelet_reconstruction
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan
from mricourse.training.recipes import load_recipe

SHAPE = (64, 48)


def problem(shape=SHAPE, acceleration=3):
    smaps = simulate_coils(4, shape).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(shape[0], acceleration, acs=8))
    image = shepp_logan(shape).to(torch.complex128)
    return A, A.forward(image) + A.mask * 0.01 * random_complex(4, *shape, dtype=torch.complex128), image


def network(**options):
    return LearnedThresholds(**{"n_iterations": 3, "wavelet": "db2"} | options).double()


def test_it_has_about_as_many_numbers_as_the_paper():
    counts = [sum(each.numel() for each in net.parameters()) for net in
              (LearnedThresholds(), load_recipe("learned_thresholds").build())]  # fmt: skip
    assert counts == [10 * 12 + 2, 10 * 12 + 3]


@pytest.mark.parametrize("shape", [(64, 48), (33, 41)])
def test_equal_thresholds_are_the_prox_of_the_course(shape):
    image = random_complex(2, *shape, dtype=torch.complex128)
    thresholds = torch.full((3, 3), 0.2).double()
    found = subband_threshold(image, thresholds, torch.tensor(2.0).double())
    assert torch.allclose(found, shift_invariant_prox(image, 0.4, levels=3), atol=1e-12)


def test_each_threshold_rules_its_own_band():
    image = random_complex(*SHAPE, dtype=torch.complex128)
    unit = torch.tensor(1.0).double()
    spectra = {}
    for level, band in ((0, 0), (0, 1), (0, 2), (2, 0), (2, 1)):
        thresholds = torch.full((4, 3), 1e-9).double()
        thresholds[level, band] = 1e9
        spectra[level, band] = fft2c(image - subband_threshold(image, thresholds, unit, wavelet="db2")).abs().square()
    ky, kx = ((torch.arange(n) - n // 2).abs() / n for n in SHAPE)
    wave_y, wave_x = ky[:, None].expand(SHAPE), kx.expand(SHAPE)
    means = {key: [float((s * wave).sum() / s.sum()) for wave in (wave_y, wave_x)] for key, s in spectra.items()}
    assert means[0, 0][1] > 0.25 > means[0, 0][0], "high frequencies along x"
    assert means[0, 1][0] > 0.25 > means[0, 1][1], "along y"
    assert min(means[0, 2]) > 0.25, "along both"
    assert means[2, 0][1] < 0.5 * means[0, 0][1] and means[2, 1][0] < 0.5 * means[0, 1][0], "coarser levels"


def test_with_equal_thresholds_it_ends_where_the_wavelet_reconstruction_ends():
    """Untrained and long enough it is the classical method, so what training gains is the thresholds' doing."""
    A, kspace, _ = problem((48, 32), acceleration=2)
    weight = 1e-2
    reg_weight = 1 / safe_step(A)  # a proximal average depends on the threshold: the same for both
    zero_filled = A.adjoint(kspace)
    threshold = float(weight * zero_filled.abs().max() / brightness(zero_filled) / reg_weight)
    net = network(n_iterations=200, threshold=threshold, reg_weight=reg_weight, n_cg=40)
    expected = wavelet_reconstruction(A, kspace, reg_weight=weight, n_iterations=5000, tolerance=1e-10)
    with torch.no_grad():
        images = net.iterates(A, kspace)
    assert (images[-1] - expected).norm() < 1e-4 * expected.norm()
    assert (images[20] - expected).norm() > 1e-2 * expected.norm(), "not yet after ten iterations"


def test_where_the_image_is_exactly_zero_gradients_are_finite():
    """The trap: the soft threshold divides by a magnitude, which is zero wherever the maps are."""
    A, kspace, _ = problem()
    A = SenseOperator(A.smaps * (shepp_logan(SHAPE) != 0), A.mask)
    net = network(noise_aware=True)
    net(A, kspace).abs().square().sum().backward()
    assert all(each.grad.isfinite().all() and each.grad.any() for each in net.parameters())


def test_the_image_follows_the_units_of_the_data():
    A, kspace, _ = problem()
    for net in (network(), network(noise_aware=True)):
        assert torch.allclose(net(A, 1e4 * kspace), 1e4 * net(A, kspace), rtol=1e-6)


def test_more_noise_means_higher_thresholds():
    A, kspace, _ = problem()
    noisy = kspace + A.mask * 0.1 * random_complex(4, *SHAPE, seed=5, dtype=torch.complex128)
    net = network(noise_aware=True, threshold=0.02)
    with torch.no_grad():
        units = [net._unit(A, y, A.adjoint(y)) / A.adjoint(y).abs().max() for y in (kspace, noisy)]
        assert units[1] > 3 * units[0]
        net.noise_power.zero_()
        plain = network(threshold=0.02)
        assert torch.allclose(net(A, noisy), plain(A, noisy))


def test_more_iterations_start_from_fewer():
    few, many = network(n_iterations=1, threshold=0.03), network(n_iterations=3, threshold=0.01)
    many.start_from(few)
    assert torch.allclose(many.log_thresholds.exp(), torch.full((3, 4, 3), 0.03).double())
    for other in (network(levels=3), MoDL(), network(wavelet="db4"), network(noise_aware=True)):
        with pytest.raises(ValueError, match="does not fit; expected LearnedThresholds with the same wavelet, number"):
            many.start_from(other)


@pytest.mark.parametrize("wrong", [{"n_iterations": 0}, {"levels": 0}, {"threshold": 0.0}, {"step_size": -1.0}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {[*wrong][0]}=.*; expected"):
        LearnedThresholds(**wrong)
