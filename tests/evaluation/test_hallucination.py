"""The part of an error that data cannot contradict, against the projection by hand and by the pseudo-inverse."""

import pytest
import torch

from mricourse.evaluation.hallucination import hallucination_map, hallucination_score
from mricourse.evaluation.realism import null_space_part, share_found, split_error
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask


@pytest.fixture(scope="module")
def one_coil():
    return SenseOperator(torch.ones(1, 13, 10, dtype=torch.complex128), random_mask(13, 3, acs=3, seed=0))


def drawn(seed, n=2):
    return random_complex(n, 13, 10, seed=seed, dtype=torch.complex128)


def test_of_one_uniform_coil_it_is_the_projection(one_coil):
    image, truth = drawn(1), drawn(2)
    found = hallucination_map(image, truth, one_coil)
    assert torch.allclose(found, null_space_part(image - truth, one_coil.mask))
    assert one_coil.forward(found).abs().max() < 1e-10
    score = hallucination_score(image, truth, one_coil)
    assert torch.allclose(score, 1 - share_found(image, truth, one_coil.mask))


def test_of_several_coils_it_is_the_pseudo_inverse():
    A = SenseOperator(random_complex(2, 13, 10, dtype=torch.complex128), random_mask(13, 5, acs=1, seed=0))
    columns = torch.eye(130, dtype=torch.complex128).reshape(130, 13, 10)
    matrix = torch.stack([A.forward(column).flatten() for column in columns], dim=1)
    image, truth = drawn(3, 1)[0], drawn(4, 1)[0]
    error = (image - truth).flatten()
    wanted = error - torch.linalg.pinv(matrix, rtol=1e-9) @ (matrix @ error)
    found = hallucination_map(image, truth, A, n_iterations=400).flatten()
    assert (found - wanted).norm() < 1e-3 * wanted.norm()


def test_the_score_of_the_truth_of_zeros_and_of_worse(one_coil):
    truth = drawn(5)
    unseen = null_space_part(truth, one_coil.mask)
    for image, score in ((truth, 0), (truth - unseen, 1), (truth - 2 * unseen, 4), (truth + 0.5 * unseen, 0.25)):
        found = hallucination_score(image, truth, one_coil)
        assert torch.allclose(found, torch.full_like(found, float(score)), atol=1e-9)


def test_missed_and_invented_add_up_to_it(one_coil):
    image, truth = drawn(6), drawn(7)
    _, missing, invented = split_error(image, truth, one_coil.mask)
    assert torch.allclose(missing + invented, hallucination_score(image, truth, one_coil))


def test_what_does_not_fit_is_refused(one_coil):
    with pytest.raises(ValueError, match="expected one shape"):
        hallucination_map(drawn(1), drawn(1)[0], one_coil)
    complete = SenseOperator(one_coil.smaps, torch.ones(13, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="sees everything"):
        hallucination_score(drawn(1), drawn(2), complete)
