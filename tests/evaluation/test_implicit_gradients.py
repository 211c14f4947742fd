"""Both parts of the gradient of lambda against finite differences; memory that grows in one way only."""

import pytest
import torch

from mricourse.evaluation.implicit_gradients import memory_of_gradients, memory_of_rounds, reg_weight_gradients
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask
from mricourse.simulate.coils import simulate_coils


@pytest.mark.parametrize("reg_weight", [0.05, 0.3, 2.0])
def test_the_two_parts_add_up_to_the_slope(reg_weight):
    parts = reg_weight_gradients(20, reg_weight)
    scale = parts.slope.abs().max()
    assert parts.slope.shape == (20,)
    assert (parts.from_rhs + parts.from_matrix - parts.slope).abs().max() < 1e-6 * scale
    assert (parts.from_rhs - parts.slope).abs().max() > 0.1 * scale


def test_problems_follow_the_seed():
    first, again, other = (reg_weight_gradients(4, 0.3, seed=seed).slope for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.allclose(first, other)


@pytest.mark.parametrize(("n_problems", "reg_weight"), [(0, 0.3), (3, 0.0), (3, -1.0)])
def test_what_cannot_be_is_refused(n_problems, reg_weight):
    with pytest.raises(ValueError, match="expected 1 or more, and above 0"):
        reg_weight_gradients(n_problems, reg_weight)


def test_memory_grows_through_the_iterations_only():
    A = SenseOperator(simulate_coils(3, (30, 25), seed=1), equispaced_mask(30, 2, acs=6))
    image = random_complex(30, 25)
    memory = memory_of_gradients(A, A.normal(image), image, torch.tensor(0.1), [2, 4, 6])
    through, implicitly = memory["through the iterations"], memory["implicitly"]
    assert (through.diff() > 0).all() and through.diff()[0] == pytest.approx(float(through.diff()[1]), rel=0.05)
    assert (implicitly == implicitly[0]).all() and implicitly[0] * 2**20 == pytest.approx(2 * 30 * 25 * 8, rel=0.02)


def test_memory_grows_with_unrolled_rounds_only():
    A = SenseOperator(simulate_coils(3, (30, 25), seed=1), equispaced_mask(30, 2, acs=6))
    memory = memory_of_rounds(A, A.forward(random_complex(30, 25)), [1, 2, 4], n_features=6)
    through, implicitly = memory["through all rounds"], memory["implicitly"]
    assert (through.diff() > 0).all() and through[2] > 3 * through[0]
    assert (implicitly == implicitly[0]).all()
