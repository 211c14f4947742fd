"""What a training step of the adaptive MoDL keeps: features are computed twice instead, and no number changes."""

import pytest
import torch

from mricourse.evaluation.costs import kept_for_backward
from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.simulate.coils import simulate_coils


def problem(shape=(32, 48), n_coils=3):
    """Operator, measurements and image in double precision."""
    A = SenseOperator(simulate_coils(n_coils, shape).to(torch.complex128), random_mask(shape[0], 2, acs=4))
    truth = random_complex(*shape, dtype=torch.complex128)
    return A, A.forward(truth), truth


@pytest.mark.parametrize("shared", [True, False])
def test_computing_features_twice_changes_no_gradient_and_keeps_less(shared):
    A, y, truth = problem()
    sizes, losses, gradients = [], [], []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = AdaptiveMoDL(n_iterations=4, n_features=16, shared=shared, recompute=recompute).double()
        kept = {}
        with torch.autograd.graph.saved_tensors_hooks(lambda x, kept=kept: _note(kept, x), lambda x: x):
            loss = (network(A, y) - truth).abs().square().sum()
        loss.backward()
        losses.append(loss.item())
        sizes.append(sum(kept.values()))
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]))
    assert losses[0] == losses[1]
    assert torch.equal(*gradients)
    assert sizes[1] < 0.5 * sizes[0]  # one denoiser's features instead of four


def test_data_consistency_keeps_images_and_maps_only_where_they_learn():
    A, y, truth = problem()
    kept = []
    for learned in (False, True):
        operator = SenseOperator(A.smaps.clone().requires_grad_(learned), A.mask)
        z = truth.clone().requires_grad_()
        weight = torch.tensor(0.1, dtype=torch.float64)
        right = operator.adjoint(y).detach()
        kept.append(kept_for_backward(lambda A=operator, b=right, z=z, w=weight: data_consistency(A, b, z, w)))
    image = truth.numel() * truth.element_size()
    assert kept[0] < 3 * image and kept[1] - kept[0] == pytest.approx(3 * image, rel=0.01)  # three coils


def test_batch_statistics_see_each_image_once():
    A, y, _ = problem()
    network = AdaptiveMoDL(n_iterations=3, n_features=4, norm="batch").double()
    network(A, y).abs().sum().backward()
    assert network.denoisers[0].layers[1].num_batches_tracked == 3


def _note(kept, x):
    kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
    return x
