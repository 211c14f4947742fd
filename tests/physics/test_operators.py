"""Every operator passes one shared dot-product test; SENSE and NUFFT agree with their definitions and with peers."""

import math

import numpy as np
import pytest
import torch

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.nufft import NufftOperator
from mricourse.physics.operators import SenseOperator, dot_test
from mricourse.physics.radon import RadonOperator
from mricourse.physics.sampling import (
    equispaced_mask,
    kt_mask,
    poisson_disc_mask,
    radial_trajectory,
    random_mask,
    spiral_trajectory,
)

SHAPE = (31, 44)
MAPS = random_complex(3, *SHAPE, seed=7, dtype=torch.complex128)
MASKS = {
    "lines": random_mask(31, 2, acs=5),
    "columns": random_mask(44, 3, acs=5).mT,
    "points": poisson_disc_mask(SHAPE, 3, acs=5),
    "lines stored in full": equispaced_mask(31, 3, acs=4).expand(SHAPE),
    "per coil": torch.stack([random_mask(SHAPE, 2, acs=0, seed=s) for s in range(3)]),
    "everything": torch.ones(1, 1, dtype=torch.bool),
}
OPERATORS = {f"SENSE, {name}": SenseOperator(MAPS, mask) for name, mask in MASKS.items()} | {
    "radial": NufftOperator(radial_trajectory(11, 60), MAPS),
    "spiral": NufftOperator(spiral_trajectory(5, 90), MAPS),
    "Radon": RadonOperator(torch.linspace(0, math.pi, 17), SHAPE),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_adjoint_is_the_adjoint(name):
    A = OPERATORS[name]
    assert dot_test(A, SHAPE) < 1e-12
    assert dot_test(A, (2, *SHAPE), seed=5) < 1e-12


@pytest.mark.parametrize("name", OPERATORS)
def test_normal_is_adjoint_of_forward(name):
    A = OPERATORS[name]
    image = random_complex(2, *SHAPE, dtype=torch.complex128)
    expected = A.adjoint(A.forward(image))
    assert torch.allclose(A.normal(image), expected, atol=1e-10 * float(expected.abs().max()))


def test_a_wrong_adjoint_is_found():
    class Wrong(SenseOperator):
        def adjoint(self, kspace):
            return super().adjoint(kspace.conj())

    assert dot_test(Wrong(MAPS, MASKS["lines"]), SHAPE) > 1e-3


def test_frames_with_their_own_masks():
    A = SenseOperator(MAPS, kt_mask(4, 31, 3))
    assert dot_test(A, (4, *SHAPE)) < 1e-12
    frames = random_complex(4, *SHAPE, dtype=torch.complex128)
    assert torch.allclose(A.normal(frames), A.adjoint(A.forward(frames)), atol=1e-10)


@pytest.mark.parametrize("name", ["lines", "columns", "points"])
def test_normal_carries_gradients(name):
    maps = MAPS[:2, :5, :6].clone().requires_grad_()
    image = random_complex(5, 6, dtype=torch.complex128).requires_grad_()
    mask = {"lines": torch.arange(5)[:, None] % 2 == 0, "columns": torch.arange(6)[None] % 2 == 0}
    mask = mask.get(name, torch.arange(30).reshape(5, 6) % 3 > 0)
    assert torch.autograd.gradcheck(lambda s, x: SenseOperator(s, mask).normal(x), (maps, image))


def test_full_sampling_without_noise_is_inverted_by_the_adjoint():
    maps = MAPS / MAPS.norm(dim=0)
    A = SenseOperator(maps, MASKS["everything"])
    image = random_complex(*SHAPE, dtype=torch.complex128)
    assert torch.allclose(A.adjoint(A.forward(image)), image)


def test_nufft_on_the_grid_is_the_fft_and_off_it_the_definition():
    index = [torch.arange(n, dtype=torch.float64) - n // 2 for n in SHAPE]
    grid = torch.stack(torch.meshgrid(index[0] / 31, index[1] / 44, indexing="ij"), dim=-1).reshape(-1, 2)
    image = random_complex(*SHAPE, dtype=torch.complex128)
    on_grid = NufftOperator(grid, MAPS).forward(image)
    assert torch.allclose(on_grid, fft2c(MAPS * image).flatten(-2), atol=1e-9)

    points = radial_trajectory(3, 20).double()
    waves = [torch.exp(-2j * math.pi * torch.outer(points[:, axis], index[axis])) for axis in (0, 1)]
    expected = torch.einsum("sy,sx,cyx->cs", waves[0], waves[1], MAPS * image) / math.sqrt(31 * 44)
    assert torch.allclose(NufftOperator(points, MAPS).forward(image), expected, atol=1e-9)
    single = NufftOperator(points.float(), MAPS.to(torch.complex64)).forward(image.to(torch.complex64))
    assert (single - expected).abs().max() < 1e-4 * expected.abs().max()


def test_nufft_matches_sigpy():
    sigpy = pytest.importorskip("sigpy", reason="sigpy is not installed")
    points = spiral_trajectory(6, 150)
    image = random_complex(64, 48)
    ours = NufftOperator(points, torch.ones(1, 64, 48, dtype=torch.complex64)).forward(image)[0]
    theirs = sigpy.nufft(image.numpy(), points.numpy() * np.array([64, 48]), oversamp=2, width=6)
    assert np.linalg.norm(ours.numpy() - theirs) < 2e-3 * np.linalg.norm(theirs)


def test_nufft_matches_bart():
    bartorch = pytest.importorskip("bartorch", reason="bartorch is not installed")
    points = radial_trajectory(21, 64)
    image = random_complex(48, 48)
    ours = NufftOperator(points, torch.ones(1, 48, 48, dtype=torch.complex64)).forward(image)[0]
    kx, ky = points[:, 1] * 48, points[:, 0] * 48
    traj = torch.stack([kx, ky, torch.zeros_like(kx)], dim=-1).reshape(21, 64, 3)
    theirs = bartorch.nufft(image[None], traj).flatten()
    assert (ours - theirs).norm() < 2e-3 * theirs.norm()


def test_density_weights_flatten_the_point_spread():
    one_coil = torch.ones(1, 64, 64, dtype=torch.complex64)
    A = NufftOperator(radial_trajectory(101, 128, golden=False), one_coil)
    point = torch.zeros(64, 64, dtype=torch.complex64)
    point[32, 32] = 1
    spread = A.adjoint(A.density_weights() * A.forward(point)).real[32, 33:40]
    r = torch.arange(1.0, 8.0)
    disc = torch.special.bessel_j1(math.pi * r) / (2 * r)  # transform of the disc that the spokes cover
    assert torch.allclose(spread, disc, atol=0.01)
    assert (A.normal(point).abs()[32, 33] / A.normal(point).abs()[32, 32]) > 2 * disc[0]  # unweighted, it is a cone


@pytest.mark.parametrize(
    "trajectory", [radial_trajectory(113, 144, golden=False), spiral_trajectory(8, 1200, n_turns=6)]
)
def test_density_weights_make_the_adjoint_an_inverse_where_sampling_is_complete(trajectory):
    ny, nx = 72, 61
    y, x = ((torch.arange(n) - n // 2) / n for n in (ny, nx))
    image = torch.exp(-40 * (y[:, None] ** 2 + (x - 0.1) ** 2)) * torch.exp(4j * y)[:, None]
    A = NufftOperator(trajectory, torch.ones(1, ny, nx, dtype=torch.complex64))
    weights = A.density_weights()
    assert weights.min() > 0
    assert (A.adjoint(weights * A.forward(image)) - image).norm() < 0.03 * image.norm()


def test_radon_matches_scikit_image_and_keeps_mass():
    transform = pytest.importorskip("skimage.transform", reason="scikit-image is not installed")
    y, x = torch.meshgrid(torch.arange(64) - 32, torch.arange(64) - 32, indexing="ij")
    disc = ((y - 4) ** 2 + (x + 8) ** 2 < 150).float()
    angles = torch.linspace(0, math.pi, 30)[:-1]
    A = RadonOperator(angles, (64, 64))
    sinogram = A.forward(disc)
    assert torch.allclose(sinogram.sum(-1), disc.sum(), rtol=1e-5)
    theirs = transform.radon(disc.numpy(), theta=-np.rad2deg(angles.numpy()), circle=True).T
    middle = A.n_detectors // 2
    ours = sinogram[:, middle - 32 : middle + 32].numpy()
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.995


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: SenseOperator(MAPS.real, MASKS["lines"]), TypeError, "expected complex"),
        (lambda: SenseOperator(MAPS[0], MASKS["lines"]), ValueError, "smaps\\[None\\]"),
        (lambda: SenseOperator(MAPS, MASKS["lines"].float()), TypeError, "expected bool"),
        (lambda: SenseOperator(MAPS, MASKS["lines"][:, 0]), ValueError, "mask\\[:, None\\]"),
        (lambda: SenseOperator(MAPS, torch.ones(30, 1, dtype=torch.bool)), ValueError, "same matrix"),
        (lambda: NufftOperator(torch.rand(5, 3), MAPS), ValueError, "expected \\(samples, 2\\)"),
        (lambda: NufftOperator(5 * torch.rand(5, 2), MAPS), ValueError, "cycles per pixel"),
        (lambda: NufftOperator(torch.zeros(5, 2), MAPS[0]), ValueError, "\\(coils, y, x\\)"),
        (lambda: RadonOperator(torch.zeros(0), SHAPE), ValueError, "at least one"),
        (lambda: RadonOperator(torch.zeros(3), (4,)), ValueError, "\\(ny, nx\\)"),
    ],
)
def test_wrong_arguments_are_named(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
