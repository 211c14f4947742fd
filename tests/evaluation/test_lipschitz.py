"""The local Lipschitz constant: against the Jacobian itself, and against what random pairs say."""

import pytest
import torch

from mricourse.evaluation.lipschitz import jacobian_products, lipschitz_constant
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.spectral_norm import ContractiveDenoiser
from mricourse.physics.fourier import random_complex

SHAPE = (5, 4)


def denoiser():
    torch.manual_seed(0)
    return DnCNN(n_features=6, n_layers=3).double()


def jacobian(function, image):
    """Of real and imaginary parts, as one real matrix."""

    def of_parts(parts):
        return torch.view_as_real(function(torch.view_as_complex(parts)))

    n = 2 * image.numel()
    return torch.autograd.functional.jacobian(of_parts, torch.view_as_real(image)).reshape(n, n)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_largest_singular_value_of_the_jacobian(seed):
    net, image = denoiser(), random_complex(*SHAPE, seed=seed, dtype=torch.complex128)
    exact = torch.linalg.matrix_norm(jacobian(net, image), 2)
    assert torch.allclose(lipschitz_constant(net, image, n_iterations=400), exact, rtol=1e-6)
    assert 0.9 * exact < lipschitz_constant(net, image) <= exact * (1 + 1e-9)


def test_functions_that_are_not_complex_differentiable_are_measured_too():
    image = random_complex(*SHAPE, dtype=torch.complex128)
    found = lipschitz_constant(lambda x: torch.complex(3 * x.real, 0.5 * x.imag), image)
    assert found.item() == pytest.approx(3)
    assert lipschitz_constant(lambda x: 2j * x.conj(), image).item() == pytest.approx(2)


def test_each_image_of_a_stack_has_its_own():
    net, images = denoiser(), random_complex(3, *SHAPE, dtype=torch.complex128)
    alone = torch.stack([lipschitz_constant(net, image, n_iterations=400) for image in images])
    together = lipschitz_constant(net, images, n_iterations=400)
    assert together.shape == (3,) and torch.allclose(together, alone, rtol=1e-2)


def test_random_pairs_say_less():
    """The trap: a random change has next to no part in the direction that grows most."""
    net, image = denoiser(), random_complex(24, 17, dtype=torch.complex128)
    with torch.no_grad():
        changes = [1e-4 * random_complex(24, 17, seed=seed, dtype=torch.complex128) for seed in range(1, 20)]
        growth = max(float((net(image + change) - net(image)).norm() / change.norm()) for change in changes)
    assert growth < 0.95 * lipschitz_constant(net, image)


def test_a_contractive_denoiser_is_within_its_bound():
    torch.manual_seed(0)
    net = ContractiveDenoiser(n_features=6, n_layers=3, lipschitz=0.9).double()
    for weight in net.parameters():
        weight.data += torch.randn_like(weight)
    found = lipschitz_constant(net, random_complex(4, 16, 12, dtype=torch.complex128))
    assert (found <= 0.95).all() and (found > 0.5).all()


def test_gradients_may_be_switched_off_around_it():
    with torch.no_grad():
        found = lipschitz_constant(lambda x: 2 * x, random_complex(*SHAPE))
    assert found.item() == pytest.approx(2) and not found.requires_grad
    with pytest.raises(ValueError, match="n_iterations is 0; expected 1 or more"):
        lipschitz_constant(lambda x: x, random_complex(*SHAPE), n_iterations=0)


def test_products_with_the_jacobian_and_its_transpose():
    image, v, w = (random_complex(*SHAPE, seed=seed, dtype=torch.complex128) for seed in range(3))
    denoise = denoiser()
    push, pull = jacobian_products(denoise, image)
    matrix = jacobian(denoise, image)
    assert torch.allclose(torch.view_as_real(push(v)).flatten(), matrix @ torch.view_as_real(v).flatten())
    assert torch.allclose(torch.view_as_real(pull(w)).flatten(), matrix.T @ torch.view_as_real(w).flatten())
    assert not push(v).requires_grad and torch.equal(push(v), push(v))
