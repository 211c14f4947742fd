"""Every operator, solver, network and loss gives on a GPU what it gives on the CPU, and computes there."""

import math
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from counted_work import counted_work
from pretend_gpu import pretend_gpu
from torch import Tensor
from torch.utils._pytree import tree_leaves

import mricourse as library
from mricourse.clinical.file_to_image import reconstruct_file
from mricourse.evaluation.claims import claim
from mricourse.evaluation.comparison import compare_scans, samplings, turned, undersample
from mricourse.evaluation.costs import computing_seconds, kept_for_backward
from mricourse.evaluation.metrics import best_scale, nmse, psnr, ssim
from mricourse.evaluation.realism import null_space_part, split_error, texture_distance
from mricourse.evaluation.scores import evaluate
from mricourse.evaluation.tuning import tuned_sparsity
from mricourse.fundamentals.optimizers import range_test
from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.admm_net import ADMMNet
from mricourse.networks.apply import apply_network
from mricourse.networks.automap import Automap
from mricourse.networks.blocks import BLOCKS, BlockNet
from mricourse.networks.critic import Critic
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.deep_equilibrium import DeepEquilibrium
from mricourse.networks.diffusion import DiffusionPrior
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.end_to_end_varnet import EndToEndVarNet
from mricourse.networks.hybrid import Hybrid
from mricourse.networks.image_domain import ImageDomain, smooth_phase
from mricourse.networks.ista_net import ISTANet
from mricourse.networks.kikinet import KIKINet
from mricourse.networks.kspace_unet import KSpaceUNet
from mricourse.networks.learned_thresholds import LearnedThresholds
from mricourse.networks.lenet import modern_lenet, published_lenet
from mricourse.networks.modl import MoDL
from mricourse.networks.multi_contrast import SHARING, MultiContrastNet
from mricourse.networks.spectral_norm import ContractiveDenoiser
from mricourse.networks.unet import ComplexUNet, fastmri_unet, ronneberger_unet
from mricourse.networks.upnet import UPNet
from mricourse.networks.variational_network import VariationalNetwork
from mricourse.physics.coil_combination import combine, rss
from mricourse.physics.coil_maps import espirit, low_resolution_maps
from mricourse.physics.epi import nyquist_ghost
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.line_densities import line_density
from mricourse.physics.noise_estimation import noise_covariance, noise_level, prewhiten
from mricourse.physics.nufft import NufftOperator
from mricourse.physics.operators import SenseOperator, dot_test
from mricourse.physics.radon import RadonOperator
from mricourse.physics.sampling import acceleration_of, equispaced_mask, point_spread, radial_trajectory, random_mask
from mricourse.physics.scan import Batch, Scan, stack
from mricourse.plotting import figures
from mricourse.reconstruct.epi import remove_nyquist_ghost
from mricourse.reconstruct.fat_water import fit_fat_water
from mricourse.reconstruct.fixed_point import fixed_point
from mricourse.reconstruct.least_squares import cg_sense, direct_solver
from mricourse.reconstruct.methods import METHODS, reconstruct, with_smaps
from mricourse.reconstruct.mixture import mixture_of_heads
from mricourse.reconstruct.parallel_imaging import g_factor, grappa, pseudo_replica, sense_unfold
from mricourse.reconstruct.plug_and_play import METHODS as PLUG_AND_PLAY
from mricourse.reconstruct.plug_and_play import plug_and_play
from mricourse.reconstruct.raki import KINDS, raki
from mricourse.reconstruct.sparsity import shift_invariant_prox, soft_threshold, wavelet_prox, wavelet_reconstruction
from mricourse.reconstruct.total_variation import finite_differences, finite_differences_adjoint, tv_reconstruction
from mricourse.reconstruct.wavelets import wavedec2, waverec2
from mricourse.simulate.augmentation import flipped, rotated
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.simulate.multi_contrast import ContrastScans
from mricourse.simulate.phantoms import fat_signal, shepp_logan
from mricourse.simulate.relaxometry import decay_rate
from mricourse.simulate.task_scans import TaskScans
from mricourse.training.adaptation import AdaptationSettings, adapt
from mricourse.training.checkpoints import load_checkpoint
from mricourse.training.losses import PLAIN, AdversarialLoss, PerceptualLoss
from mricourse.training.parameter_maps import MapsLoss
from mricourse.training.self_supervised import SSDU, Equivariant, Noise2Noise, WeightedSSDU

SHAPE = (72, 64)
N_COILS = 4
JUDGING = [Path(library.__file__).parent / "evaluation/metrics.py"]  # on the CPU, in double precision


def inputs(device):
    """A noisy scan of a phantom and what belongs to it; drawn on the CPU, then moved."""
    smaps = simulate_coils(N_COILS, SHAPE, seed=1)
    image = shepp_logan(SHAPE).to(torch.complex64) * torch.exp(0.3j * torch.linspace(-1, 1, SHAPE[1]))
    full = fft2c(smaps * image) + 2e-3 * random_complex(N_COILS, *SHAPE, seed=2)
    mask = random_mask(SHAPE[0], 2, acs=16, seed=3)
    comb = equispaced_mask(SHAPE[0], 2, acs=0)
    lines = equispaced_mask(SHAPE[0], 2, acs=16)
    scan = Scan(full * mask, smaps, mask, image)
    tensors = {
        "smaps": smaps,
        "image": image,
        "full": full,
        "mask": mask,
        "comb": comb,
        "lines": lines,
        "kspace": full * mask,
        "noise": random_complex(N_COILS, 500, seed=4),
        "channels": torch.stack([image.real, image.imag])[None],
        "trajectory": radial_trajectory(8, 32).reshape(-1, 2),
        "angles": torch.linspace(0, 3, 7),
        "echoes": torch.stack([image.abs() * math.exp(-step / 2) for step in range(3)]),
    }
    moved = {name: tensor.to(device) for name, tensor in tensors.items()}
    radon = RadonOperator(moved["angles"], SHAPE)
    radon.forward(moved["image"])  # makes its matrix, once, on the CPU
    A = SenseOperator(moved["smaps"], moved["mask"])
    return SimpleNamespace(**moved, scan=scan.to(device), A=A, radon=radon, device=torch.device(device))


def trace_of(solver, i, **options):
    """Every iterate of a solver."""
    seen = []
    solver(i.A, i.kspace, n_iterations=3, trace=seen.append, **options)
    return seen


def consistency_gradients(i):
    """Gradients of the data consistency layer."""
    image = i.image.clone().requires_grad_()
    weight = torch.tensor(0.1, device=i.device, requires_grad=True)
    result = data_consistency(i.A, i.A.adjoint(i.kspace), image, weight, n_iterations=5)
    result.abs().square().sum().backward()
    return result, image.grad, weight.grad


PHYSICS = {
    "fft2c": lambda i: (fft2c(i.image), ifft2c(i.full)),
    "SenseOperator": lambda i: (i.A.forward(i.image), i.A.adjoint(i.kspace), i.A.normal(i.image)),
    "RadonOperator": lambda i: i.radon.normal(i.image),
    "rss, combine": lambda i: (rss(i.smaps * i.image), combine(i.smaps * i.image, i.smaps)),
    "espirit": lambda i: espirit(i.full, acs=16),
    "low_resolution_maps": lambda i: low_resolution_maps(i.full, acs=16),
    "noise_covariance": lambda i: noise_covariance(i.noise),
    "prewhiten": lambda i: prewhiten(i.full, noise_covariance(i.noise)),
    "noise_level": lambda i: noise_level(i.kspace, i.mask),
    "noise_level in the corners": lambda i: noise_level(i.full * i.comb, i.comb),
    "nyquist_ghost": lambda i: nyquist_ghost(i.full, phase_rad=0.3, delay=0.2),
    "point_spread": lambda i: point_spread(i.mask),
    "flipped, rotated": lambda i: [
        x for s in (flipped(i.scan, -1), rotated(i.scan, 1)) for x in (s.kspace, s.reference)
    ],
    "decay_rate": lambda i: decay_rate(i.echoes, (5, 10, 15)),
}
SOLVERS = {
    "cg_sense": lambda i: cg_sense(i.A, i.kspace, reg_weight=0.01, n_iterations=10),
    "direct_solver": lambda i: direct_solver(i.A, torch.tensor(0.1, device=i.device))(i.A.adjoint(i.kspace)),
    "wavedec2, waverec2": lambda i: (*wavedec2(i.image), waverec2(wavedec2(i.image, "db4"), "db4")),
    "wavelet_prox": lambda i: wavelet_prox(i.image, 0.05, shift=(3, 5)),
    "wavelet_reconstruction": lambda i: wavelet_reconstruction(i.A, i.kspace, n_iterations=8),
    "shift_invariant_prox": lambda i: shift_invariant_prox(i.image, 0.05),
    "tv_reconstruction": lambda i: tv_reconstruction(i.A, i.kspace, n_iterations=8),
    **{
        f"plug_and_play by {method}": lambda i, method=method: (
            plug_and_play(
                i.A, i.kspace, partial(shift_invariant_prox, threshold=0.02), method=method, n_iterations=4
            ).image
        )
        for method in PLUG_AND_PLAY
    },
    "fixed_point": lambda i: fixed_point(lambda x: 0.5 * (x + i.image) - 0.1 * i.A.normal(x), i.image).image,
    "soft_threshold": lambda i: soft_threshold(i.image, 0.2),
    "finite_differences": lambda i: finite_differences_adjoint(finite_differences(i.image)),
    "sense_unfold": lambda i: sense_unfold(i.full * i.comb, i.smaps, 2),
    "sense_unfold, coloured": lambda i: sense_unfold(
        i.full * i.comb, i.smaps, 2, noise_covariance=noise_covariance(i.noise)
    ),
    "g_factor": lambda i: g_factor(i.smaps, 2),
    "pseudo_replica": lambda i: pseudo_replica(i.A.adjoint, i.mask, (N_COILS, *SHAPE), n_replicas=4),
    "grappa": lambda i: grappa(i.full * i.lines, i.lines),
    **{
        f"raki, {kind}": lambda i, kind=kind: raki(
            i.full * i.lines, i.lines, kind=kind, n_features=(4, 2), n_steps=2, weighted=True
        )
        for kind in KINDS
    },
    "remove_nyquist_ghost": lambda i: remove_nyquist_ghost(nyquist_ghost(i.full, phase_rad=0.3, delay=0.0))[0],
    "with_smaps": lambda i: with_smaps(Scan(i.kspace, None, i.mask)).smaps,
    **{f"reconstruct by {name}": lambda i, name=name: reconstruct(i.scan, method=name) for name in METHODS},
    "iterates": lambda i: [x for solver in (cg_sense, wavelet_reconstruction) for x in trace_of(solver, i)],
    "mixture_of_heads": lambda i: mixture_of_heads(
        i.kspace[:2], i.mask, i.smaps * i.image, reg_weight=0.1, sum_weight=0.1
    ),
    "null_space_part": lambda i: null_space_part(i.image, i.mask),
    "data_consistency": consistency_gradients,
}


def the_same(here, there):
    for ours, theirs in zip(tree_leaves(here), tree_leaves(there), strict=True):
        if isinstance(ours, Tensor):
            assert theirs.device.type == "cuda", "what comes out is where the data is"
            torch.testing.assert_close(theirs.detach().cpu(), ours.detach())
        else:
            assert ours == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("name", {**PHYSICS, **SOLVERS})
def test_physics_and_solvers_compute_where_the_data_is(name):
    compute = {**PHYSICS, **SOLVERS}[name]
    here = compute(inputs("cpu"))
    with pretend_gpu():
        given = inputs("cuda")
        with counted_work() as work:
            there = compute(given)
        the_same(here, there)
    assert work.operations["cpu"] < 0.02 * work.operations["cuda"] + 2000, work.by_name


def test_the_nufft_goes_to_the_cpu_and_comes_back():
    def compute(i):
        A = NufftOperator(i.trajectory, i.smaps)
        data = A.forward(i.image)
        weights = A.density_weights()
        return data, A.adjoint(data * weights), A.plain_normal(i.image, weights=weights)

    here = compute(inputs("cpu"))
    with pretend_gpu():
        the_same(here, compute(inputs("cuda")))


def test_the_normal_operator_of_the_nufft_goes_to_the_cpu_for_its_kernel_only():
    def compute(i):
        A = NufftOperator(i.trajectory, i.smaps)
        smaps = i.smaps.clone().requires_grad_()
        image = i.image.clone().requires_grad_()
        NufftOperator(i.trajectory, smaps).normal(image).abs().square().sum().backward()
        return A.normal(i.image), A.normal(i.image, weights=i.trajectory[:, 0].abs()), smaps.grad, image.grad

    here = compute(inputs("cpu"))
    with pretend_gpu():
        given = inputs("cuda")
        the_same(here, compute(given))
        A = NufftOperator(given.trajectory, given.smaps)
        A.normal(given.image)
        with counted_work() as work:
            A.normal(given.image)
    assert work.operations["cpu"] < 0.02 * work.operations["cuda"] + 2000, work.by_name


def test_the_dot_test_has_a_device():
    with pretend_gpu():
        i = inputs("cuda")
        assert dot_test(i.A, SHAPE, dtype=torch.complex64, device=i.device) < 1e-5


def test_a_mask_goes_to_the_maps_of_its_operator():
    with pretend_gpu():
        i = inputs("cuda")
        A = SenseOperator(i.smaps, i.mask.cpu())
        assert A.mask.is_cuda and torch.equal(A.forward(i.image), i.A.forward(i.image))
        assert torch.equal(SenseOperator(i.smaps.cpu(), i.mask).mask, i.mask.cpu())


def test_scans_move_as_a_whole():
    with pretend_gpu():
        i = inputs("cuda")
        assert all(x.is_cuda for x in (i.scan.kspace, i.scan.smaps, i.scan.mask, i.scan.reference))
        [(A, kspace, reference)] = stack([i.scan, i.scan])
        assert all(x.is_cuda for x in (A.smaps, A.mask, kspace, reference))
        kept = i.scan.undersample(i.comb.cpu())
        assert kept.mask.is_cuda and acceleration_of(kept.mask) > 2 and turned(kept).kspace.is_cuda


# --- networks and losses


def seeded(make, **options):
    def network():
        torch.manual_seed(0)
        return make(**options)

    return network


RECONSTRUCTORS = {
    "modl, published": seeded(MoDL, n_iterations=2, n_features=4, n_layers=3),
    "modl": seeded(AdaptiveMoDL, n_iterations=2, n_features=4, n_layers=3),
    "modl, noise-aware": seeded(AdaptiveMoDL, n_iterations=2, n_features=4, n_layers=3, noise_aware=True),
    "ista_net": seeded(ISTANet, n_iterations=2, n_features=4),
    "admm_net": seeded(ADMMNet, n_iterations=2, n_features=4, n_layers=3),
    "variational_network": seeded(VariationalNetwork, n_iterations=2, n_filters=4, kernel_size=5),
    "end_to_end_varnet": seeded(
        EndToEndVarNet, n_iterations=2, n_features=2, n_levels=2, n_map_features=2, n_map_levels=2
    ),
    "deep_equilibrium": seeded(DeepEquilibrium, n_iterations=4, n_features=4, n_layers=3),
    "deep_equilibrium, gradient": seeded(DeepEquilibrium, step="gradient", n_iterations=4, n_features=4, n_layers=3),
    "kikinet": seeded(KIKINet, n_features=4, n_layers=3),
    "kspace_unet": seeded(KSpaceUNet, n_features=4, n_levels=2, keep_samples=True),
    "hybrid": seeded(Hybrid, n_features=4, n_levels=2),
    # a small noise_max: with the published one the data step is so ill conditioned that it amplifies rounding
    "diffusion_prior": seeded(DiffusionPrior, n_features=4, n_levels=2, n_iterations=3, noise_max=0.02),
    "learned_thresholds": seeded(LearnedThresholds, n_iterations=2, noise_aware=True),
    "denoiser": lambda: ImageDomain(seeded(DnCNN, n_features=4, n_layers=3)()),
    "denoiser with batch norm": lambda: ImageDomain(seeded(DnCNN, n_features=4, n_layers=3, norm="batch")()),
    "unet": lambda: ImageDomain(seeded(ComplexUNet, n_features=4, n_levels=2)()),
    **{
        name: lambda name=name: ImageDomain(seeded(BlockNet, block=name, n_features=4, n_blocks=2)()) for name in BLOCKS
    },
}
BODIES = {
    "smooth_phase": (lambda: smooth_phase, lambda i: i.image),
    "contractive": (seeded(ContractiveDenoiser, n_features=4), lambda i: i.image[None]),
    "critic": (seeded(Critic), lambda i: i.image[None]),
    "ronneberger": (
        seeded(ronneberger_unet, n_features=2),
        lambda i: torch.nn.functional.pad(i.channels[:, :1], [62, 62, 58, 58]),
    ),
    "fastmri": (seeded(fastmri_unet, n_features=2), lambda i: i.channels[:, :1]),
    "modern_lenet": (seeded(modern_lenet), lambda i: i.channels[:, :1, :32, :32]),
    "published_lenet": (seeded(published_lenet), lambda i: i.channels[:, :1, :32, :32]),
}


def value_and_gradients(network, *given):
    result = network(*given)
    result.abs().square().sum().backward()
    return [result, *(parameter.grad for parameter in network.parameters())]


def test_a_network_adapts_to_a_scan_there():
    settings = AdaptationSettings(n_steps=2, check_every=2, strip=24, n_splits=2)

    def weights(i):
        found = adapt(RECONSTRUCTORS["modl, noise-aware"]().to(i.device).eval(), [i.scan], settings)
        return [*found.network.parameters(), found.gain_db]

    here = weights(inputs("cpu"))
    with pretend_gpu():
        i = inputs("cuda")
        with counted_work() as work:
            the_same(here, weights(i))
    assert work.operations["cpu"] < 0.1 * work.operations["cuda"], work.by_name


@pytest.mark.parametrize("name", RECONSTRUCTORS)
def test_networks_reconstruct_and_learn_there(name):
    build = RECONSTRUCTORS[name]
    i = inputs("cpu")
    here = value_and_gradients(build(), i.A, i.kspace)
    image = apply_network(build().eval(), i.scan)
    score = evaluate(build().eval(), [i.scan])
    with pretend_gpu():
        i = inputs("cuda")
        network = build().to("cuda")
        with counted_work() as work:
            the_same(here, value_and_gradients(network, i.A, i.kspace))
        the_same([image], [apply_network(build().to("cuda").eval(), i.scan)])
        there = evaluate(build().to("cuda").eval(), [i.scan.to("cpu")], device="cuda")
        assert there == pytest.approx(score, rel=1e-4)
    assert work.share("cuda") > 0.99, work.by_name


def computed(build, scan, device):
    """What a network makes of one scan with its gradients, and where it was computed."""
    [(A, kspace, _)] = stack([scan.to(device)])
    with counted_work() as work:
        return value_and_gradients(build().to(device), A, kspace), work


@pytest.mark.parametrize("name", [*SHARING, "automap"])
def test_networks_of_scans_of_their_own_compute_there(name):
    """Several contrasts, or one small matrix."""
    if name == "automap":
        scan = TaskScans("train", 1, shape=(36, 32))[0]
        build = seeded(Automap, shape=(36, 32), n_features=4)
    else:
        scan = ContrastScans("train", 1, shape=(40, 36))[0]
        build = seeded(MultiContrastNet, sharing=name, n_iterations=2, n_features=4, n_layers=2)
    here, _ = computed(build, scan, "cpu")
    with pretend_gpu():
        there, work = computed(build, scan, "cuda")
        the_same(here, there)
    assert work.share("cuda") > 0.99, work.by_name


@pytest.mark.parametrize("name", BODIES)
def test_networks_on_images_compute_there(name):
    build, take = BODIES[name]
    with torch.no_grad():
        here = build()(take(inputs("cpu")))
        with pretend_gpu():
            network = build()
            network = network.to("cuda") if isinstance(network, torch.nn.Module) else network
            the_same([here], [network(take(inputs("cuda")))])


def denoiser():
    return seeded(DnCNN, n_features=4, n_layers=3)()


LOSSES = {
    **{name: lambda loss=loss: loss for name, loss in PLAIN.items()},
    "perceptual": lambda: PerceptualLoss(denoiser()),
    "adversarial": lambda: seeded(AdversarialLoss)(),
}


def loss_and_gradient(loss, i):
    image = (i.image + 0.1 * i.A.adjoint(i.kspace))[None].requires_grad_()
    value = loss(image, i.image[None])
    value.backward()
    return value, image.grad


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients(name):
    here = loss_and_gradient(LOSSES[name](), inputs("cpu"))
    with pretend_gpu():
        loss = LOSSES[name]()
        loss = loss.to("cuda") if isinstance(loss, torch.nn.Module) else loss
        the_same(here, loss_and_gradient(loss, inputs("cuda")))


WITHOUT_A_REFERENCE = {
    "ssdu": SSDU,
    "weighted_ssdu": lambda: WeightedSSDU(line_density(SHAPE[0], 3, acs=8)),
    "equivariant": Equivariant,
    "noise2noise": Noise2Noise,
}


def objective_and_gradients(objective, i, *, twice):
    """Value, score and gradients of an objective on one scan, with lines or measured twice."""
    full = i.full[:2] if twice else i.full * i.lines
    smaps = torch.ones_like(full) if twice else i.smaps
    batch = Batch(
        SenseOperator(smaps[None], torch.ones_like(i.lines)[None] if twice else i.lines[None, None]), full[None], None
    )
    network = seeded(MoDL, n_iterations=2, n_features=4, n_layers=2, norm="none")().to(i.device)
    torch.manual_seed(0)
    value = objective(network, batch)
    value.backward()
    score = torch.tensor(objective.judge(network, batch), device=i.device)
    return value, score, *(parameter.grad for parameter in network.parameters())


@pytest.mark.parametrize("name", WITHOUT_A_REFERENCE)
def test_objectives_without_a_reference_compute_there(name):
    twice = name == "noise2noise"
    here = objective_and_gradients(WITHOUT_A_REFERENCE[name](), inputs("cpu"), twice=twice)
    with pretend_gpu():
        objective = WITHOUT_A_REFERENCE[name]().to("cuda")
        the_same(here, objective_and_gradients(objective, inputs("cuda"), twice=twice))


def test_a_range_test_trains_there():
    def curve(device):
        layer = seeded(torch.nn.Linear, in_features=3, out_features=1)().to(device)
        rates = torch.logspace(-4, 0, 12)
        return range_test(layer, lambda net, _: net(torch.ones(2, 3, device=device)).square().mean(), rates, width=3)

    here = curve("cpu")
    with pretend_gpu():
        torch.testing.assert_close(curve("cuda"), here, equal_nan=True)


# --- judging and showing


def test_measures_of_images_take_either_device():
    def measures(i):
        zero_filled = i.A.adjoint(i.kspace)
        scaled = best_scale(zero_filled, i.image)
        split = split_error(scaled, i.image, i.mask)
        numbers = [f(scaled, i.image) for f in (nmse, psnr, ssim)]
        pair = torch.stack([scaled, i.image])
        return [*numbers, *map(float, split), texture_distance(pair, pair.flip(0)).tolist()]

    here = measures(inputs("cpu"))
    with pretend_gpu():
        for ours, theirs in zip(here, measures(inputs("cuda")), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-4)


def test_tuning_runs_there():
    def tuned(i):
        return tuned_sparsity(i.A, i.kspace, i.image)

    here = tuned(inputs("cpu"))
    with pretend_gpu():
        given = inputs("cuda")
        with counted_work(leave_out=JUDGING) as work:
            the_same([here], [tuned(given)])
    assert work.share("cuda") > 0.99, work.by_name


def test_a_complete_scan_is_undersampled_there():
    mask = samplings("random", 2, acs=16)[0].mask(SHAPE[0])

    def undersampled(i):
        reference, kept = undersample(Scan(i.full, None, torch.ones_like(i.mask)), mask.to(i.device))
        return reference, kept.kspace, kept.smaps

    here = undersampled(inputs("cpu"))
    with pretend_gpu():
        the_same(here, undersampled(inputs("cuda")))


def test_a_network_is_compared_there(monkeypatch):
    monkeypatch.setattr("mricourse.evaluation.rivals.RIVALS", {"wavelet Haar": "haar"})
    monkeypatch.setattr("mricourse.evaluation.rivals.FINE_TOLERANCE", 1e-2)
    monkeypatch.setattr("mricourse.evaluation.tuning.WEIGHTS", (2e-3,))

    def compared(i):
        torch.manual_seed(0)
        network = ISTANet(n_iterations=1, n_features=4).eval()
        scans = [("scan", Scan(i.full, None, torch.ones_like(i.mask)))]
        return compare_scans(network, scans, samplings("random", 2, acs=16), name="net", device=i.device)

    here = compared(inputs("cpu"))
    with pretend_gpu():
        there = compared(inputs("cuda"))
    assert here.reference_noise["scan"] == pytest.approx(there.reference_noise["scan"], abs=1e-3)
    for ours, theirs in zip(here.scores, there.scores, strict=True):
        assert ours.psnr == pytest.approx(theirs.psnr, abs=0.01)
        assert ours.psnr_without_noise == pytest.approx(theirs.psnr_without_noise, abs=0.01)


def test_claims_and_costs_take_tensors_from_there(capsys):
    with pretend_gpu():
        x = torch.arange(8.0, device="cuda").requires_grad_()
        claim("The mean is about", x, at_least=1)
        assert "+3.5 [1.5" in capsys.readouterr().out
        assert kept_for_backward(lambda: x * x) == 32
        assert computing_seconds(lambda: x + x, repeats=2, device=x.device) > 0


def test_figures_take_tensors_from_there(style_kept):
    with pretend_gpu():
        i = inputs("cuda")
        figures.show_images([i.image, i.A.adjoint(i.kspace)], ["a", "b"], reference=i.image, error_gain=5)
        figures.show_error([i.A.adjoint(i.kspace)], i.image)
        figures.show_kspace(i.kspace)
        figures.show_mask(i.mask)
        figures.show_phase(i.image, support=i.image.abs() > 0)
        figures.show_smaps(i.smaps)
        figures.show_point_spread(i.mask)
        figures.show_trajectory(i.trajectory)
        band = (i.angles - 1, i.angles + 1)
        figures.plot_lines(i.angles, {"a": i.angles}, bands={"a": band}, xlabel="x", ylabel="y")


# --- from file to file


@pytest.mark.parametrize("method", METHODS)
def test_the_command_reconstructs_there(method, tmp_path, mricourse):
    np.save(tmp_path / "scan.npy", inputs("cpu").kspace.numpy())
    images = {}
    for device in ("cpu", "cuda"):
        with pretend_gpu(), counted_work() as work:
            options = ["-o", tmp_path / f"{device}.npy", "--method", method, "--device", device]
            code, out, error = mricourse("reconstruct", tmp_path / "scan.npy", *options)
        assert code == 0, error
        assert f"on {device}" in out
        assert (work.share("cuda") > 0.5) == (device == "cuda")
        images[device] = torch.from_numpy(np.load(tmp_path / f"{device}.npy"))
    torch.testing.assert_close(images["cuda"], images["cpu"], rtol=1e-3, atol=1e-6)


def test_a_checkpoint_reconstructs_there(tiny_checkpoint, tmp_path):
    np.save(tmp_path / "scan.npy", inputs("cpu").kspace.numpy())
    for device in ("cpu", "cuda"):
        with pretend_gpu():
            made = load_checkpoint(tiny_checkpoint)
            reconstruct_file(tmp_path / "scan.npy", tmp_path / f"{device}.npy", checkpoint=made, device=device)
    here, there = (torch.from_numpy(np.load(tmp_path / f"{device}.npy")) for device in ("cpu", "cuda"))
    torch.testing.assert_close(there, here)


def test_the_loss_of_maps_and_the_fit_of_echoes_compute_there():
    scans = FatWaterScans("train", 1, shape=(40, 36))
    fat = fat_signal(scans.te_ms)
    pair = [scans[0], scans[1]]

    def compute(device):
        network = seeded(UPNet, n_features=2, n_levels=1)().to(device)
        [batch] = stack([scan.to(device) for scan in pair])
        value = MapsLoss(with_uncertainty=True)(network, batch)
        return value, *torch.autograd.grad(value, list(network.parameters()))

    here = compute("cpu")
    with pretend_gpu(), counted_work() as work:
        the_same(here, compute("cuda"))
    assert work.share("cuda") > 0.99, work.by_name
    fit = fit_fat_water(scans[0].reference[:, 15:18, 15:18], scans.te_ms, fat)
    with pretend_gpu():
        echoes = scans[0].reference[:, 15:18, 15:18].to("cuda")
        the_same([fit.maps], [fit_fat_water(echoes, scans.te_ms, fat).maps])
