"""MoDL's denoiser, its data consistency and the variant that adapts to the scan."""

import math
from unittest import mock

import pytest
import torch

from mricourse.networks.ablation import changed
from mricourse.networks.adaptive_modl import START_WEIGHT, STARTS, AdaptiveMoDL
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain, brightness, smooth_phase
from mricourse.physics.fourier import random_complex
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.least_squares import conjugate_gradient, direct_solver
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.randomised import draw_scan

EXACT = {"n_iterations": 100, "tolerance": 1e-13}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def problem(shape=(11, 8), n_coils=3, seed=0):
    """A small double-precision inverse problem: operator, measurements, prior."""
    smaps = simulate_coils(n_coils, shape, seed=seed).to(torch.complex128)
    A = SenseOperator(smaps, random_mask(shape[0], 2, acs=3, seed=seed))
    y = A.forward(random_complex(*shape, seed=seed, dtype=torch.complex128))
    return A, y, random_complex(*shape, seed=seed + 1, dtype=torch.complex128)


def autograd_through(A, zero_filled, prior, weight, n_iterations=50):
    """The same solution by plain conjugate gradients that autograd can see."""
    rhs = zero_filled + weight * prior
    x, residual = torch.zeros_like(rhs), rhs
    direction, energy = residual, torch.vdot(residual.flatten(), residual.flatten()).real
    for _ in range(n_iterations):
        if float(energy.detach()) < 1e-26:
            break
        image = (A.smaps.conj() * _filtered(A, A.smaps * direction)).sum(-3) + weight * direction
        step = energy / torch.vdot(direction.flatten(), image.flatten()).real
        x, residual = x + step * direction, residual - step * image
        previous, energy = energy, torch.vdot(residual.flatten(), residual.flatten()).real
        direction = residual + energy / previous * direction
    return x


def _filtered(A, coil_images):
    from mricourse.physics.fourier import fft2c, ifft2c

    return ifft2c(A.mask * fft2c(coil_images))


# --- data consistency ---


@pytest.mark.parametrize("shape", [(11, 8), (8, 11), (9, 9)])
def test_the_solution_solves_the_normal_equation(shape):
    A, y, z = problem(shape)
    x = data_consistency(A, A.adjoint(y), z, torch.tensor(0.1), **EXACT)
    assert torch.allclose(A.normal(x) + 0.1 * x, A.adjoint(y) + 0.1 * z, atol=1e-10)


def test_limits_of_the_weight():
    A, y, z = problem()
    assert torch.allclose(data_consistency(A, A.adjoint(y), z, torch.tensor(1e9), **EXACT), z, atol=1e-6)
    full = SenseOperator(A.smaps, torch.ones(11, 8, dtype=torch.bool))
    image = random_complex(11, 8, dtype=torch.complex128)
    found = data_consistency(full, full.adjoint(full.forward(image)), z, torch.tensor(1e-9), **EXACT)
    assert torch.allclose(found, image, atol=1e-6)


@pytest.mark.parametrize("weight", [0.03, 1.0])
def test_gradients_of_prior_weight_and_measurements_agree_with_finite_differences(weight):
    A, y, z = problem()
    weight = torch.tensor(weight, dtype=torch.float64, requires_grad=True)

    def layer(y, z, weight):
        return data_consistency(A, A.adjoint(y), z, weight, **EXACT)

    assert torch.autograd.gradcheck(
        layer, (y.requires_grad_(), z.requires_grad_(), weight), rtol=1e-6, atol=1e-8, fast_mode=True
    )


def test_gradients_of_stacked_images_with_a_weight_each_agree_with_finite_differences():
    A, y, z = problem((8, 6), n_coils=2)
    stacked = SenseOperator(torch.stack([A.smaps, A.smaps.flip(-1)]), A.mask)
    zero_filled = torch.stack([A.adjoint(y)] * 2).requires_grad_()
    priors = torch.stack([z, 2 * z]).requires_grad_()
    weights = torch.tensor([0.05, 0.4], dtype=torch.float64).view(2, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda *leaves: data_consistency(stacked, *leaves, **EXACT),
        (zero_filled, priors, weights),
        rtol=1e-6,
        atol=1e-8,
        fast_mode=True,
    )


def test_the_direct_solver_gives_the_same_solution_and_the_same_gradients():
    A, y, z = problem((16, 12), n_coils=4)
    target = random_complex(16, 12, seed=9, dtype=torch.complex128)
    found = []
    for direct in (False, True):
        leaves = (
            A.adjoint(y).requires_grad_(),
            z.clone().requires_grad_(),
            torch.tensor(0.02).double().requires_grad_(),
        )
        solver = direct_solver(A, leaves[2].detach()) if direct else None
        image = data_consistency(A, *leaves, solver=solver, n_iterations=400, tolerance=1e-13)
        found.append((image, *torch.autograd.grad((image - target).abs().square().sum(), leaves)))
    for by_cg, directly in zip(*found, strict=True):
        assert (by_cg - directly).norm() <= 1e-9 * by_cg.norm()


def test_gradients_agree_with_autograd_through_fifty_iterations():
    A, y, z = problem((16, 12), n_coils=4)
    target = random_complex(16, 12, seed=9, dtype=torch.complex128)
    found = []
    for layer in (lambda *a: data_consistency(A, *a, **EXACT), lambda *a: autograd_through(A, *a, n_iterations=50)):
        leaves = (y.clone().requires_grad_(), z.clone().requires_grad_(), torch.tensor(0.2).double().requires_grad_())
        image = layer((A.smaps.conj() * _filtered_adjoint(A, leaves[0])).sum(-3), *leaves[1:])
        found.append(torch.autograd.grad((image - target).abs().square().sum(), leaves))
    for implicit, unrolled in zip(*found, strict=True):
        assert (implicit - unrolled).norm() <= 1e-6 * unrolled.norm()


def _filtered_adjoint(A, kspace):
    from mricourse.physics.fourier import ifft2c

    return ifft2c(A.mask * kspace)


def test_dropping_the_matrix_part_of_the_weights_gradient_would_be_seen():
    """The trap: only <v, z>, without -<v, x>."""
    A, y, z = problem()
    weight = torch.tensor(0.1).double().requires_grad_()
    target = random_complex(11, 8, seed=5, dtype=torch.complex128)
    x = data_consistency(A, A.adjoint(y), z, weight, **EXACT)
    (whole,) = torch.autograd.grad((x - target).abs().square().sum(), weight)
    v = conjugate_gradient(A.normal, 2 * (x - target).detach(), reg_weight=0.1, **EXACT)
    trapped = (v.conj() * z).real.sum()
    complete = (v.conj() * (z - x.detach())).real.sum()
    assert torch.isclose(whole, complete, rtol=1e-8) and not torch.isclose(whole, trapped, rtol=0.1)


def test_memory_for_the_gradient_does_not_grow_with_the_iterations():
    A, y, z = problem((32, 32), n_coils=4)
    z.requires_grad_()

    def saved(n_iterations):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            data_consistency(A, A.adjoint(y), z, torch.tensor(0.1), n_iterations=n_iterations)
        return sum(sizes)

    assert saved(2) == saved(30)


@pytest.mark.parametrize(
    ("zero_filled", "prior", "weight"), [((11, 8), (8, 11), ()), ((11, 9), (11, 9), ()), ((11, 8), (11, 8), (3,))]
)
def test_shapes_that_do_not_fit_are_refused(zero_filled, prior, weight):
    A, _, _ = problem()
    with pytest.raises(ValueError, match=r"expected two images of the maps' size \(11, 8\) and a number"):
        data_consistency(A, random_complex(*zero_filled), random_complex(*prior), torch.full(weight, 0.1))


# --- the denoiser ---


def test_the_denoiser_has_the_published_size():
    assert count(DnCNN()) == 112_896
    assert count(DnCNN(norm="batch")) + 1 == 113_413  # with lambda, as published
    buffers = sum(b.numel() for name, b in DnCNN(norm="batch").named_buffers() if "running" in name)
    assert count(DnCNN(norm="batch")) + 1 + buffers == 113_929
    assert count(DnCNN(noise_aware=True)) == 112_896 + 9 * 64
    assert count(AdaptiveMoDL()) == 112_897 and count(AdaptiveMoDL(shared=False, n_iterations=3)) == 3 * 112_897


@pytest.mark.parametrize("shape", [(7, 5), (1, 16), (2, 3, 12, 10)])
def test_the_denoiser_takes_any_size_and_stack(shape):
    net = DnCNN(n_features=8)
    image = random_complex(*shape)
    cleaned = net(image)
    assert cleaned.shape == image.shape and cleaned.dtype == torch.complex64
    if len(shape) == 4:
        assert torch.allclose(cleaned[1, 2], net(image[1, 2]), atol=1e-6)


def test_the_denoiser_is_homogeneous_and_sees_both_parts():
    net, image = DnCNN(n_features=8, noise_aware=True), random_complex(12, 10)
    noise_std = torch.tensor([[0.1]])
    assert torch.allclose(net(3 * image, 3 * noise_std), 3 * net(image, noise_std), atol=1e-5)
    assert not torch.allclose(net(image, noise_std), net(image, 5 * noise_std), atol=1e-4)
    moved = net(image + 0.1j, noise_std) - net(image, noise_std) - 0.1j
    assert moved.abs().max() > 1e-4


def test_a_noise_aware_denoiser_wants_the_noise():
    with pytest.raises(ValueError, match="noise_std is missing"):
        DnCNN(n_features=4, noise_aware=True)(random_complex(8, 8))


def test_the_denoiser_removes_noise_after_a_short_training():
    torch.manual_seed(0)
    net = DnCNN(n_features=16)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    clean = ((y**2 + x**2) < 0.5).to(torch.complex64)
    for step in range(60):
        loss = (net(clean + 0.1 * random_complex(32, 32, seed=step)) - clean).abs().square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    noisy = clean + 0.1 * random_complex(32, 32, seed=1000)
    assert (net(noisy) - clean).abs().square().mean() < 0.4 * (noisy - clean).abs().square().mean()


# --- scale ---


def test_brightness_follows_the_units_and_forgives_a_few_hot_pixels():
    image = random_complex(40, 30)
    assert torch.allclose(brightness(5 * image), 5 * brightness(image))
    hot = image.clone()
    hot[0, :3] = 1e6
    assert brightness(hot) < 3 * brightness(image)
    assert brightness(torch.stack([image, 2 * image])).shape == (2, 1, 1)
    assert torch.isfinite(1 / brightness(torch.zeros(8, 8, dtype=torch.complex64)))


def test_smooth_phase_finds_what_is_smooth_and_turns_with_the_receiver():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 90), torch.linspace(-1, 1, 70), indexing="ij")
    smooth = torch.polar(torch.ones(()), 2 * y + x * y)
    magnitude = 1 + 0.5 * torch.rand(90, 70, generator=torch.Generator().manual_seed(0))
    found = smooth_phase(magnitude * smooth)
    inside = (slice(5, -5), slice(5, -5))
    assert (found / smooth)[inside].angle().abs().max() < 0.15
    assert torch.allclose(found.abs(), torch.ones(90, 70), atol=1e-5)
    assert torch.allclose(smooth_phase(-3j * magnitude * smooth), -1j * found, atol=1e-5)
    assert torch.allclose(smooth_phase(torch.stack([magnitude * smooth, magnitude.to(smooth.dtype)]))[0], found)
    dark = torch.zeros(160, 6, dtype=torch.complex64)
    assert torch.equal(smooth_phase(dark), torch.ones_like(dark))
    dark[0, 0] = 1j  # far away nothing is left of it but numbers without a phase
    assert torch.allclose(smooth_phase(dark), 1j * torch.ones_like(dark))


# --- the unrolled network ---


@pytest.fixture(scope="module")
def scan():
    return draw_scan("train", 1, shape=(40, 33), n_coils=4, mask="random", acceleration=3, noise_std=0.003)


def networks():
    torch.manual_seed(0)
    options = {"n_iterations": 2, "n_features": 8}
    return {
        "plain": AdaptiveMoDL(**options),
        "noise-aware": AdaptiveMoDL(**options, noise_aware=True),
        "unshared": AdaptiveMoDL(**options, shared=False, noise_aware=True),
        "from SENSE": AdaptiveMoDL(**options, noise_aware=True, start="sense"),
        "direct": AdaptiveMoDL(**options, noise_aware=True, start="sense", solver="direct"),
        "unshared, direct": AdaptiveMoDL(**options, shared=False, start="sense", solver="direct"),
        "mirrored": AdaptiveMoDL(**options, flips=True),
        "scan-aware": AdaptiveMoDL(**options, noise_aware=True, scan_aware=True, n_reg_weights=2, solver="direct"),
        "gradient": AdaptiveMoDL(**options, consistency="gradient", reg_weight=1.0),
        "gradient from SENSE": AdaptiveMoDL(**options, consistency="gradient", start="sense", solver="direct"),
        "image domain": ImageDomain(DnCNN(n_features=8)),
    }


@pytest.mark.parametrize("kind", networks())
def test_a_reconstruction_has_the_units_and_the_phase_of_the_data(kind, scan):
    net, A = networks()[kind], SenseOperator(scan.smaps, scan.mask)
    image = net(A, scan.kspace)
    assert image.shape == scan.shape and image.dtype == torch.complex64
    for factor in (1e-6, 1e6, -0.6 + 0.8j):
        assert (net(A, factor * scan.kspace) / factor - image).norm() < 1e-4 * image.norm()


@pytest.mark.parametrize("kind", networks())
def test_a_stack_gives_what_single_scans_give_and_all_gradients_are_finite(kind, scan):
    net = networks()[kind]
    A = SenseOperator(torch.stack([scan.smaps, scan.smaps.flip(-1)]), scan.mask)
    kspace = torch.stack([scan.kspace, 3 * scan.kspace])
    images = net(A, kspace)
    assert (images[0] - net(SenseOperator(scan.smaps, scan.mask), scan.kspace)).norm() < 1e-4 * images[0].norm()
    images.abs().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in net.parameters())


def test_weights_are_shared_or_not():
    assert count(AdaptiveMoDL(n_iterations=5)) == count(AdaptiveMoDL(n_iterations=1))
    assert count(AdaptiveMoDL(n_iterations=5, shared=False)) == 5 * count(AdaptiveMoDL(n_iterations=1))


def test_the_denoiser_sees_the_image_mirrored_by_turns(scan):
    net, A, seen = AdaptiveMoDL(n_iterations=5, n_features=8, flips=True), SenseOperator(scan.smaps, scan.mask), []
    net.denoisers[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    net.recompute = False
    images, zero_filled = net.iterates(A, scan.kspace), A.adjoint(scan.kspace)
    factor = smooth_phase(zero_filled).conj() / brightness(zero_filled)
    for k, axes in enumerate(((), (-1,), (-2,), (-2, -1), ())):
        assert torch.allclose(seen[k], (factor * images[2 * k]).flip(axes), atol=1e-5), k


def test_the_result_can_be_the_mean_of_the_last_images(scan):
    A, options = SenseOperator(scan.smaps, scan.mask), {"n_iterations": 5, "n_features": 8, "flips": True}
    last, mean = AdaptiveMoDL(**options), AdaptiveMoDL(**options, n_averaged=4)
    mean.load_state_dict(last.state_dict())
    images, averaged = last.iterates(A, scan.kspace), mean.iterates(A, scan.kspace)
    assert torch.allclose(averaged[-1], torch.stack(images[4::2]).mean(dim=0), atol=1e-6)
    assert all(torch.equal(*pair) for pair in zip(images[:-1], averaged[:-1], strict=True))
    assert torch.equal(mean(A, scan.kspace), averaged[-1])


def test_lambda_follows_noise_acceleration_and_coils(scan):
    net, A = (
        AdaptiveMoDL(n_iterations=4, n_reg_weights=2, noise_aware=True, scan_aware=True),
        SenseOperator(scan.smaps, scan.mask),
    )
    values = {"log_reg_weight": (-1.0, -2.0), "noise_power": (1.0, 0.5)}
    values |= {"acceleration_power": (-0.7, 0.3), "coil_power": (0.9, 0.0)}
    used = []

    def solve(zero_filled, weight):
        used.append(float(weight))
        return lambda prior: prior

    with torch.no_grad():
        for name, value in values.items():
            getattr(net, name).copy_(torch.tensor(value))
        with mock.patch.object(net, "_solve", lambda A, *rest: solve(*rest)):
            net.iterates(A, scan.kspace)
    noise = float(noise_level(scan.kspace, scan.mask) / brightness(A.adjoint(scan.kspace)))
    rate = scan.mask.numel() / int(scan.mask.sum())
    for i, weight in enumerate(used):
        law = (noise / 0.01) ** values["noise_power"][i] * (rate / 4) ** values["acceleration_power"][i]
        law *= (4 / 8) ** values["coil_power"][i]
        assert weight == pytest.approx(math.exp(values["log_reg_weight"][i]) * law, rel=1e-4)
    assert len(used) == 2


@pytest.mark.parametrize("name", ["n_reg_weights", "n_averaged"])
@pytest.mark.parametrize("n", [0, 6])
def test_more_than_there_are_iterations_is_refused(name, n):
    with pytest.raises(ValueError, match=f"{name}={n} for 5 iterations; expected 1 to 5"):
        AdaptiveMoDL(n_iterations=5, **{name: n})


def test_nearly_complete_data_comes_back_nearly_unchanged(scan):
    full = SenseOperator(scan.smaps, torch.ones(40, 33, dtype=torch.bool))
    kspace = full.forward(scan.reference)
    image = AdaptiveMoDL(n_iterations=3, n_features=8, reg_weight=1e-4)(full, kspace)
    assert (image - scan.reference).norm() < 1e-3 * scan.reference.norm()


def test_iterates_alternate_and_end_with_the_result(scan):
    net, A = networks()["noise-aware"], SenseOperator(scan.smaps, scan.mask)
    images = net.iterates(A, scan.kspace)
    assert len(images) == 5
    assert torch.allclose(images[0], A.adjoint(scan.kspace), atol=1e-5)
    assert torch.equal(images[-1], net(A, scan.kspace))

    def misfit(image):
        return (A.forward(image) - scan.kspace).norm()

    assert misfit(images[2]) < misfit(images[1]) and misfit(images[4]) < misfit(images[3])


def test_sense_is_a_better_start_than_the_zero_filled_image(scan):
    A = SenseOperator(scan.smaps, scan.mask)
    starts = [AdaptiveMoDL(n_iterations=1, n_features=4, start=start).iterates(A, scan.kspace)[0] for start in STARTS]
    errors = [(image - scan.reference).norm() for image in starts]
    assert errors[1] < 0.9 * errors[0]
    exact = AdaptiveMoDL(n_iterations=1, n_features=4, start="sense", solver="direct").iterates(A, scan.kspace)[0]
    rhs = A.adjoint(scan.kspace)
    assert (A.normal(exact) + START_WEIGHT * exact - rhs).norm() < 1e-4 * rhs.norm()


def test_the_solver_of_the_start_can_be_set_apart(scan):
    A = SenseOperator(scan.smaps, scan.mask)
    exact = AdaptiveMoDL(n_iterations=1, n_features=4, start="sense", solver="direct")
    start, consistent = exact.iterates(A, scan.kspace)[::2]
    assert not torch.allclose(changed(exact, start_solver="cg", n_cg=2).iterates(A, scan.kspace)[0], start, rtol=1e-3)
    other = changed(exact, solver="cg", n_cg=2).iterates(A, scan.kspace)
    assert torch.equal(other[0], start) and not torch.allclose(other[2], consistent, rtol=1e-3)


@pytest.mark.parametrize("start", STARTS)
def test_the_second_stage_starts_as_the_first_ended(scan, start):
    torch.manual_seed(1)
    first = AdaptiveMoDL(n_iterations=1, n_features=8, noise_aware=True, start=start, reg_weight=0.2)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.mul_(1.1)
    for shared in (True, False):
        second = AdaptiveMoDL(n_iterations=3, n_features=8, noise_aware=True, start=start, shared=shared)
        second.start_from(first)
        A = SenseOperator(scan.smaps, scan.mask)
        assert torch.allclose(second.iterates(A, scan.kspace)[2], first(A, scan.kspace), atol=1e-5)
    second = AdaptiveMoDL(n_iterations=3, n_features=8, noise_aware=True, scan_aware=True, start=start, n_reg_weights=3)
    second.start_from(first)
    assert torch.allclose(second.iterates(A, scan.kspace)[2], first(A, scan.kspace), atol=1e-5)
    two = AdaptiveMoDL(n_iterations=4, n_features=8, n_reg_weights=2)
    two.log_reg_weight.data = torch.tensor([-1.0, -2.0])
    for options, expected in (({"n_reg_weights": 4}, [-1, -1, -2, -2]), ({"shared": False}, [-1] * 4 + [-2] * 4)):
        longer = AdaptiveMoDL(n_iterations=8, n_features=8, **options)
        longer.start_from(two)
        assert longer.log_reg_weight.tolist() == expected
    with pytest.raises(ValueError, match="does not fit"):
        AdaptiveMoDL(n_features=16).start_from(first)
    with pytest.raises(ValueError, match="does not fit"):
        AdaptiveMoDL(n_features=8).start_from(ImageDomain(DnCNN(n_features=8)))


def test_it_learns_one_slice_by_heart(scan):
    torch.manual_seed(0)
    net, A = AdaptiveMoDL(n_iterations=2, n_features=12), SenseOperator(scan.smaps, scan.mask)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = (net(A, scan.kspace) - scan.reference).abs().square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_iterations": 0},
        {"reg_weight": 0.0},
        {"consistency": "hard"},
        {"start": "here"},
        {"solver": "qr"},
        {"n_layers": 1},
    ],
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        AdaptiveMoDL(**wrong)


# --- a denoiser of blocks of pixels ---

BLOCKS = {"n_features": 8, "n_layers": 4, "unshuffle": 2, "residual": True}
WIDE = BLOCKS | {"noise_aware": True, "start": "sense", "solver": "direct"}


@pytest.mark.parametrize("shape", [(33, 40), (40, 33), (33, 31)])
def test_complete_data_come_through_a_denoiser_of_blocks_almost_unchanged(shape):
    torch.manual_seed(0)
    truth = random_complex(*shape)
    A = SenseOperator(simulate_coils(4, shape), torch.ones(shape[0], 1, dtype=torch.bool))
    found = AdaptiveMoDL(n_iterations=3, flips=True, **WIDE)(A, A.forward(truth))
    assert found.shape == shape and (found - truth).norm() < 0.05 * truth.norm()


def test_a_denoiser_of_blocks_starts_from_its_like_alone():
    torch.manual_seed(0)
    first, second = AdaptiveMoDL(n_iterations=1, **WIDE), AdaptiveMoDL(n_iterations=3, **WIDE)
    second.start_from(first)
    theirs = first.denoisers[0].state_dict()
    assert all(torch.equal(weight, theirs[name]) for name, weight in second.denoisers[0].state_dict().items())
    with pytest.raises(ValueError, match="does not fit; expected a MoDL with denoisers of the same size"):
        second.start_from(AdaptiveMoDL(n_iterations=1, **WIDE | {"unshuffle": 1}))


def test_gradients_of_a_denoiser_of_blocks_reach_every_weight():
    torch.manual_seed(0)
    A = SenseOperator(simulate_coils(3, (21, 18)), random_mask(21, 2, acs=8))
    truth = random_complex(21, 18)
    network = AdaptiveMoDL(n_iterations=2, **WIDE)
    (network(A, A.forward(truth)) - truth).abs().square().sum().backward()
    weights = network.denoisers.parameters()
    assert all(weight.grad.isfinite().all() and weight.grad.any() for weight in weights)
