"""Gradients against finite differences, for every tensor that a differentiable function takes.

A gradient that is missing for one input raises no error: autograd takes the input for a constant. So each function gets
all its tensors as variables here, coil maps among them, and each network its parameters as well.
"""

from contextlib import ExitStack
from functools import partial
from inspect import signature
from unittest import mock

import pytest
import torch
from torch.autograd import gradcheck

from mricourse.evaluation.realism import null_space_part, split_error
from mricourse.networks import adaptive_modl, admm_net, deep_equilibrium, modl, multi_contrast
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.deep_equilibrium import STEPS
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.end_to_end_varnet import OUTPUTS
from mricourse.networks.image_domain import ImageDomain, brightness, smooth_phase
from mricourse.networks.multi_contrast import SHARING
from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.coil_maps import low_resolution_maps
from mricourse.physics.epi import nyquist_ghost
from mricourse.physics.fourier import fft2c, fftc, ifft2c, ifftc, random_complex
from mricourse.physics.noise_estimation import noise_covariance, noise_level, prewhiten
from mricourse.physics.nufft import NufftOperator
from mricourse.physics.operators import SenseOperator
from mricourse.physics.radon import RadonOperator
from mricourse.physics.sampling import equispaced_mask, radial_trajectory, random_mask, variable_density_mask
from mricourse.reconstruct.epi import image_entropy, remove_nyquist_ghost
from mricourse.reconstruct.least_squares import cg_sense, conjugate_gradient, direct_solver
from mricourse.reconstruct.parallel_imaging import g_factor, grappa, sense_unfold
from mricourse.reconstruct.raki import raki
from mricourse.reconstruct.sparsity import shift_invariant_prox, soft_threshold, wavelet_prox, wavelet_reconstruction
from mricourse.reconstruct.total_variation import finite_differences, finite_differences_adjoint, tv_reconstruction
from mricourse.reconstruct.wavelets import wavedec2, waverec2
from mricourse.simulate.relaxometry import decay_rate
from mricourse.training.losses import PLAIN, AdversarialLoss, PerceptualLoss, features
from mricourse.training.recipes import BODIES, NETWORKS

NY, NX = 9, 7
LINES = random_mask(NY, 2, acs=3)
MASKS = {
    "lines": LINES,
    "columns": random_mask(NX, 2, acs=3).mT,
    "points": variable_density_mask((NY, NX), 2, acs=3),
    "each coil its own": torch.stack([random_mask((NY, NX), 2, acs=0, seed=s) for s in range(3)]),
    "everything": torch.ones(1, 1, dtype=torch.bool),
}
EVERY_OTHER = equispaced_mask(12, 2, acs=4)
EVERY_OTHER_LONG = equispaced_mask(32, 2, acs=16)
TRAJECTORY = radial_trajectory(3, 8).double()


def complex_(*shape, seed=0):
    return random_complex(*shape, seed=seed, dtype=torch.complex128).requires_grad_()


def real(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def agree(function, *inputs):
    assert all(each.requires_grad for each in inputs), "every tensor is a variable"
    return gradcheck(function, inputs, fast_mode=True, atol=1e-6, rtol=1e-4)


# --- physics ---


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("method", ["forward", "adjoint", "normal", "plain_normal"])
def test_sense(mask, method):
    data = complex_(2, 3, NY, NX, seed=1) if method == "adjoint" else complex_(2, NY, NX, seed=1)
    smaps = complex_(3, NY, NX)
    assert agree(lambda smaps, data: getattr(SenseOperator(smaps, MASKS[mask]), method)(data), smaps, data)


@pytest.mark.parametrize("method", ["forward", "adjoint", "normal"])
def test_nufft(method):
    data = complex_(2, 2, len(TRAJECTORY), seed=1) if method == "adjoint" else complex_(2, NY, NX, seed=1)
    smaps = complex_(2, NY, NX)
    assert agree(lambda smaps, data: getattr(NufftOperator(TRAJECTORY, smaps), method)(data), smaps, data)


@pytest.mark.parametrize("kind", [complex_, real])
def test_radon(kind):
    A = RadonOperator(torch.linspace(0, 3, 5), (NY, NX))
    assert agree(A.forward, kind(NY, NX)) and agree(A.normal, kind(NY, NX))
    assert agree(A.adjoint, kind(2, 5, A.n_detectors))


@pytest.mark.parametrize(
    "operator", [lambda x: NufftOperator(x, torch.ones(1, 4, 4) + 0j), lambda x: RadonOperator(x[:, 0], (4, 4))]
)
def test_what_has_no_gradient_is_refused_where_one_is_asked_for(operator):
    with pytest.raises(ValueError, match=r"requires a gradient, which the operator does not have; expected .*detach"):
        operator(torch.zeros(5, 2, requires_grad=True))


FUNCTIONS = {
    "fftc": (fftc, complex_(2, 5, 6)),
    "ifftc": (ifftc, complex_(2, 5, 6)),
    "fft2c": (fft2c, complex_(2, 5, 6)),
    "ifft2c": (ifft2c, complex_(2, 5, 6)),
    "rss": (rss, complex_(3, 5, 6)),
    "combine": (combine, complex_(2, 3, 5, 6), complex_(3, 5, 6, seed=1)),
    "low_resolution_maps": (partial(low_resolution_maps, acs=4), complex_(3, NY, NX)),
    "prewhiten": (lambda y, noise: prewhiten(y, noise_covariance(noise)), complex_(3, 5, 6), complex_(3, 20, seed=1)),
    "noise_level": (partial(noise_level, mask=MASKS["everything"]), complex_(3, 12, 10)),
    "noise_level, corners": (partial(noise_level, mask=equispaced_mask(12, 2, acs=2)), complex_(3, 12, 10)),
    "sense_unfold": (
        lambda y, smaps, noise: sense_unfold(y * EVERY_OTHER, smaps, 2, noise_covariance=noise_covariance(noise)),
        complex_(3, 12, 8), complex_(3, 12, 8, seed=1), complex_(3, 30, seed=2),
    ),
    "g_factor": (
        lambda smaps, noise: g_factor(smaps, 2, noise_covariance=noise_covariance(noise)),
        complex_(3, 12, 8), complex_(3, 30, seed=2),
    ),
    "grappa": (lambda y: grappa(y * EVERY_OTHER_LONG, EVERY_OTHER_LONG), complex_(2, 32, 16)),
    "wavedec2": (
        lambda x: torch.cat([band.flatten() for band in wavedec2(x, "haar", levels=2)]), complex_(2, 8, 12),
    ),
    "waverec2": (lambda *bands: waverec2(bands, "db2"), complex_(2, 4, 6), complex_(3, 2, 4, 6, seed=1)),
    "null_space_part": (partial(null_space_part, mask=LINES), complex_(2, NY, NX)),
    "split_error": (lambda *pair: torch.stack(split_error(*pair, LINES)), complex_(NY, NX), complex_(NY, NX, seed=1)),
    "nyquist_ghost": (
        lambda y, phase, delay: nyquist_ghost(y, phase_rad=phase, delay=delay),
        complex_(2, 6, 5), real(2), real(2, seed=1),
    ),
    "remove_nyquist_ghost": (lambda y: remove_nyquist_ghost(y)[0], complex_(6, 5)),
    "image_entropy": (image_entropy, complex_(2, 5, 6)),
    "decay_rate": (partial(decay_rate, te_ms=(10.0, 20.0, 40.0)), real(3, 4, 5)),
    "wavelet_prox": (partial(wavelet_prox, threshold=0.1, levels=2), complex_(2, 12, 16)),
    "shift_invariant_prox": (partial(shift_invariant_prox, threshold=0.1, levels=2), complex_(2, 13, 16)),
    "soft_threshold": (soft_threshold, complex_(5, 6), real(1, 1)),
    "finite_differences": (finite_differences, complex_(5, 6)),
    "finite_differences_adjoint": (finite_differences_adjoint, complex_(2, 5, 6)),
    "conjugate_gradient": (
        lambda smaps, rhs, weight: conjugate_gradient(
            SenseOperator(smaps, LINES).normal, rhs, reg_weight=weight, n_iterations=4
        ),
        complex_(3, NY, NX), complex_(2, NY, NX, seed=1), real(2, 1, 1),
    ),
    "cg_sense": (
        lambda smaps, y: cg_sense(SenseOperator(smaps, LINES), y, reg_weight=0.1, n_iterations=4),
        complex_(3, NY, NX), complex_(3, NY, NX, seed=1),
    ),
    "brightness": (brightness, complex_(2, NY, NX)),
    "smooth_phase": (smooth_phase, complex_(2, 46, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    assert agree(*FUNCTIONS[name])


def test_solvers_without_gradients_say_so_when_one_is_asked_for():
    smaps, y = complex_(3, NY, NX), complex_(3, NY, NX, seed=1)
    A = SenseOperator(smaps, LINES)
    images = [
        wavelet_reconstruction(A, y, n_iterations=2),
        tv_reconstruction(A, y, n_iterations=2),
        direct_solver(A, real(1, 1) + 0.1)(y[0]),
        raki(complex_(2, 32, 8), EVERY_OTHER_LONG, n_features=(2, 1), n_steps=1),
    ]
    assert not any(image.requires_grad for image in images), "part of a gradient is worse than none"


# --- data consistency ---


def consistent(smaps, zero_filled, prior, weight, mask=LINES, direct=False):
    A = SenseOperator(smaps, mask)
    solver = direct_solver(A, weight.detach()) if direct else None
    return data_consistency(A, zero_filled, prior, weight, solver=solver, n_iterations=60, tolerance=1e-14)


@pytest.mark.parametrize("mask", MASKS)
def test_data_consistency(mask):
    inputs = (complex_(3, NY, NX), complex_(NY, NX, seed=1), complex_(NY, NX, seed=2), real() + 0.05)
    assert agree(partial(consistent, mask=MASKS[mask]), *inputs)


@pytest.mark.parametrize("direct", [False, True])
def test_data_consistency_of_stacks_whose_maps_are_shared_and_whose_weights_are_not(direct):
    inputs = (complex_(3, NY, NX), complex_(2, NY, NX, seed=1), complex_(2, NY, NX, seed=2), real(2, 1, 1) + 0.05)
    assert agree(partial(consistent, direct=direct), *inputs)


def test_data_consistency_from_the_measurements_on():
    def layer(smaps, y, prior, weight):
        return consistent(smaps, SenseOperator(smaps, LINES).adjoint(y), prior, weight)

    assert agree(layer, complex_(3, NY, NX), complex_(3, NY, NX, seed=1), complex_(NY, NX, seed=2), real() + 0.05)


def test_the_maps_gradient_is_that_of_autograd_through_the_iterations():
    smaps, y, z = complex_(3, NY, NX), complex_(3, NY, NX, seed=1), complex_(NY, NX, seed=2)
    found = []
    for implicit in (True, False):
        A = SenseOperator(smaps, LINES)
        rhs, weight = A.adjoint(y), torch.tensor(0.3, dtype=torch.float64)
        if implicit:
            x = data_consistency(A, rhs, z, weight, n_iterations=60, tolerance=1e-14)
        else:
            x = conjugate_gradient(
                A.plain_normal, rhs + weight * z, reg_weight=weight, n_iterations=60, tolerance=1e-14
            )
        found.append(torch.autograd.grad((x - z[0]).abs().square().sum(), smaps)[0])
    assert (found[0] - found[1]).norm() < 1e-8 * found[1].norm()


def test_a_second_derivative_is_refused():
    prior = complex_(NY, NX)
    x = consistent(complex_(3, NY, NX), complex_(NY, NX, seed=1), prior, real() + 0.05)
    (slope,) = torch.autograd.grad(x.abs().square().sum(), prior, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.abs().sum().backward()


# --- losses ---


def small_denoiser():
    torch.manual_seed(0)
    return DnCNN(n_features=3, n_layers=3).double()


LOSSES = PLAIN | {"perceptual": PerceptualLoss(small_denoiser()), "adversarial": AdversarialLoss(n_features=2).double()}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    assert agree(LOSSES[name], complex_(2, 12, 11), complex_(2, 12, 11, seed=1))


@pytest.mark.parametrize("name", PLAIN)
def test_losses_of_real_images(name):
    assert agree(LOSSES[name], real(2, 9, 8), real(2, 9, 8, seed=1))


def test_features():
    denoiser = small_denoiser()
    assert agree(lambda x: torch.cat([each.flatten() for each in features(denoiser, x)]), complex_(1, 9, 8))


NOTHING, SOMETHING = torch.zeros(2, 12, 11), random_complex(2, 12, 11, dtype=torch.complex128)
PAIRS = {
    "nothing and nothing": (NOTHING, NOTHING),
    "something where nothing is": (SOMETHING, NOTHING),
    "nothing where something is": (NOTHING, SOMETHING),
    "the reference itself": (SOMETHING, SOMETHING),
    "one empty slice among others": (SOMETHING, torch.stack([SOMETHING[1], NOTHING[0]])),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_losses_are_finite_where_there_is_nothing_to_divide_by(name, pair, dtype):
    loss = LOSSES[name]
    if isinstance(loss, torch.nn.Module):
        loss.to(dtype.to_real())
    image, reference = (each.to(dtype).clone().requires_grad_() for each in PAIRS[pair])
    value = loss(image, reference)
    value.backward()
    if isinstance(loss, torch.nn.Module):
        loss.double()
    assert value.isfinite() and image.grad.isfinite().all() and reference.grad.isfinite().all()
    assert image.grad.norm() < 1e4


@pytest.mark.parametrize(
    "function",
    [rss, image_entropy, brightness, smooth_phase, partial(decay_rate, te_ms=(10.0, 20.0)),
     partial(noise_level, mask=MASKS["everything"]), lambda x: combine(x, x), lambda x: soft_threshold(x, 0.0)],
)  # fmt: skip
def test_measures_are_finite_where_there_is_nothing(function):
    x = torch.zeros(2, 12, 12, dtype=torch.complex64).requires_grad_()
    real_only = isinstance(function, partial) and function.func is decay_rate
    value = function(x.abs() if real_only else x)
    value.abs().sum().backward()
    assert value.isfinite().all() and x.grad.isfinite().all()


# --- networks ---


SMALL = {
    "denoiser": [{"n_features": 3, "n_layers": 3}],
    "unet": [{"n_features": 2, "n_levels": 1}],
    "blocks": [{"block": block, "n_features": 4, "n_blocks": 1} for block in ("residual", "attention", "dense")],
    "published_modl": [{"norm": "none"}, {}],
    "admm_net": [{}],
    "ista_net": [{}],
    "variational_network": [{"n_filters": 2, "kernel_size": 3, "n_weights": 7}],
    "learned_thresholds": [{}, {"noise_aware": True}],
    "end_to_end_varnet": [
        {"n_levels": 1, "n_map_features": 2, "n_map_levels": 1, "output": output} for output in OUTPUTS
    ],
    "deep_equilibrium": [{"step": step, "n_iterations": 200, "tolerance": 1e-13} for step in STEPS],
    "kikinet": [{"stages": "KI"}, {"stages": "IK", "residual_kspace": True, "data_weight": 3.0}],
    "kspace_unet": [{"n_levels": 1}, {"n_levels": 1, "keep_samples": True}],
    "hybrid": [{"n_levels": 1}, {"n_levels": 1, "keep_samples": True}],
    "diffusion_prior": [{"n_levels": 1}],
    "upnet": [{"n_echoes": 2, "n_levels": 1}],
    "automap": [{"shape": (NY, NX), "shared": shared} for shared in (False, True)],
    "multi_contrast": [{"sharing": sharing} for sharing in SHARING],
    "modl": [
        {},
        {"start": "sense", "solver": "direct"},
        {"consistency": "gradient", "shared": False},
        {"noise_aware": True, "scan_aware": True, "start": "sense", "flips": True, "n_averaged": 2},
    ],
}
COMMON = {"n_iterations": 2, "n_features": 3, "n_layers": 2, "n_cg": 60}  # each takes those that it knows
WITH_DATA_CONSISTENCY = (modl, adaptive_modl, admm_net, deep_equilibrium, multi_contrast)  # where it is called by name


def test_every_network_is_tested():
    assert set(SMALL) == {*NETWORKS, *BODIES}


def known(kind):
    return {name: value for name, value in COMMON.items() if name in signature(NETWORKS[kind]).parameters}


@pytest.mark.parametrize(("kind", "options"), [(kind, each) for kind, options in SMALL.items() for each in options])
def test_networks(kind, options):
    torch.manual_seed(0)
    network = ImageDomain(BODIES[kind](**options)) if kind in BODIES else NETWORKS[kind](**known(kind) | options)
    network.double()
    for weight in network.parameters():  # in place: features that are computed twice take the network's own
        weight.data += 0.05 * torch.randn_like(weight)
    names, weights = zip(*network.named_parameters(), strict=True)
    weights = [each.detach().clone() for each in weights]

    def reconstruct(y, smaps, *weights):
        A = SenseOperator(smaps, LINES)
        return torch.func.functional_call(network, dict(zip(names, weights, strict=True)), (A, y))

    n_images = {"multi_contrast": 3, "upnet": 2}.get(kind)  # of one scan, with two coils each
    size = (1, n_images, 2, NY, NX) if n_images else (3, NY, NX)
    inputs = (complex_(*size), complex_(*size, seed=1), *(each.requires_grad_() for each in weights))
    exact = partial(data_consistency, tolerance=1e-14)
    with ExitStack() as patches:
        for module in WITH_DATA_CONSISTENCY:
            patches.enter_context(mock.patch.object(module, "data_consistency", exact))
        assert agree(reconstruct, *inputs)
