"""The norm of a convolution, against the matrix that it is, and a denoiser that never brings two images apart."""

import pytest
import torch
from torch.nn import functional

from mricourse.networks.spectral_norm import ContractiveDenoiser, convolution_bound, convolution_norm
from mricourse.physics.fourier import random_complex


def kernel(n_out=6, n_in=5, seed=0):
    return torch.randn(n_out, n_in, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def matrix(weight, shape, *, periodic):
    """The convolution as a matrix, by its columns."""
    n_in = weight.shape[1]
    units = torch.eye(n_in * shape[0] * shape[1], dtype=weight.dtype).view(-1, n_in, *shape)
    if periodic:
        return functional.conv2d(functional.pad(units, (1, 1, 1, 1), mode="circular"), weight).flatten(1).T
    return functional.conv2d(units, weight, padding=1).flatten(1).T


@pytest.mark.parametrize("shape", [(8, 7), (3, 9)])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_largest_singular_value_of_the_convolution(shape, seed):
    weight = kernel(seed=seed)
    exact = torch.linalg.matrix_norm(matrix(weight, shape, periodic=True), 2)
    assert torch.allclose(convolution_norm(weight, size=shape, n_iterations=1000), exact)
    assert 0.99 * exact < convolution_norm(weight, size=shape) <= exact * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_holds_for_zeros_around_the_image_and_for_every_size(seed):
    weight = kernel(4, 4, seed)
    bound = convolution_bound(weight)
    assert torch.linalg.matrix_norm(matrix(weight, (11, 8), periodic=False), 2) <= bound
    finest = convolution_norm(weight, size=(251, 240), n_iterations=100)
    assert finest <= bound <= 1.1 * finest


def test_the_norm_of_the_weights_as_a_matrix_is_something_else():
    """The trap: what `torch.nn.utils.spectral_norm` divides by is too small by up to the kernel's side."""
    weight = torch.ones(1, 1, 3, 3).double()
    as_matrix = torch.linalg.matrix_norm(weight.flatten(1), 2)
    assert convolution_norm(weight).item() == pytest.approx(9) and as_matrix.item() == pytest.approx(3)


def test_its_gradient_agrees_with_finite_differences():
    weight = kernel(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda w: convolution_norm(w, n_iterations=500), weight, atol=1e-5)


def jittered(seed, scale=1.0, **options):
    """A denoiser whose weights are anything."""
    torch.manual_seed(seed)
    denoiser = ContractiveDenoiser(n_features=6, n_layers=3, **options).double()
    for weight in denoiser.parameters():
        weight.data += scale * torch.randn_like(weight)
    return denoiser


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_it_never_brings_two_images_apart_whatever_was_learned(seed, scale):
    denoiser = jittered(seed, scale, lipschitz=0.9)
    with torch.no_grad():
        for shape in ((8, 7), (33, 21)):
            x, y = (random_complex(*shape, seed=s, dtype=torch.complex128) for s in range(2))
            for step in (1.0, 1e-3):
                moved = denoiser(x + step * y) - denoiser(x)
                assert moved.norm() <= 0.95 * (step * y).norm()


def test_small_weights_are_left_as_they_are():
    denoiser = jittered(0)
    with torch.no_grad():
        for weight in denoiser.parameters():
            weight.mul_(1e-3)
        assert all(torch.equal(w, p) for w, p in zip(denoiser.weights(), denoiser.parameters(), strict=True))


def test_it_begins_as_a_multiple_of_the_identity_and_follows_the_units():
    torch.manual_seed(0)
    denoiser = ContractiveDenoiser(n_features=16).double()
    image = random_complex(24, 17, dtype=torch.complex128)
    with torch.no_grad():
        cleaned = denoiser(image)
        factor = (image.conj() * cleaned).sum().real / image.abs().square().sum()
        assert 0.55 < factor < 0.98 and (cleaned - factor * image).norm() < 0.3 * image.norm()
        assert torch.allclose(denoiser(1e4 * image), 1e4 * cleaned)
    assert sum(each.numel() for each in ContractiveDenoiser(n_features=32).parameters()) == 28_800


@pytest.mark.parametrize("wrong", [{"n_features": 0}, {"n_layers": 1}, {"lipschitz": 1.0}, {"lipschitz": 0.0}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got {[*wrong][0]}=.*; expected"):
        ContractiveDenoiser(**wrong)
