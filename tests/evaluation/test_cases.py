"""Cases to judge methods on: what is left out of a scan, and what a score says."""

from dataclasses import replace

import pytest
import torch

from mricourse.evaluation.cases import four_cases, gain_in_words, held_out_error, measured_again, score, score_sparse
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.evaluation.tuning import sparse_reconstruction
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acceleration_of
from mricourse.physics.scan import stack
from mricourse.reconstruct.total_variation import tv_reconstruction
from mricourse.simulate.protocols import contrast_scan


@pytest.fixture(scope="module")
def scan():
    return contrast_scan("mni152", "T1w", shape=(64, 56), n_coils=4)


def test_lines_are_left_out_along_both_axes(scan):
    cases = four_cases(scan, 4, acs=12)
    assert list(cases) == ["random", "equispaced", "random, turned", "equispaced, turned"]
    for name, case in cases.items():
        shape = (56, 64) if "turned" in name else (64, 56)
        assert case.reference.shape == shape and case.A.mask.shape == (shape[0], 1)
        assert not (case.kspace * ~case.A.mask).any()
        assert acceleration_of(case.A.mask) == pytest.approx(4 if "random" in name else 2.5, abs=0.3)
    with pytest.raises(ValueError, match="no reference"):
        four_cases(replace(scan, reference=None), 4)


def test_an_image_is_measured_again_with_the_lines_and_the_noise_asked_for(scan):
    clean = measured_again(scan.reference, scan.smaps, 4, acs=12)
    assert torch.equal(clean.kspace, clean.A.forward(scan.reference)) and clean.reference is scan.reference
    assert acceleration_of(clean.A.mask) == pytest.approx(4, abs=0.3)
    noisy = measured_again(scan.reference, scan.smaps, 4, noise=0.02, acs=12)
    grain = (noisy.kspace - clean.kspace)[:, noisy.A.mask[:, 0]]
    assert grain.real.std().item() == pytest.approx(0.02, rel=0.05)
    assert not (noisy.kspace * ~noisy.A.mask).any()
    again = measured_again(scan.reference, scan.smaps, 2, "equispaced", 0.02, acs=12)
    both = noisy.A.mask & again.A.mask
    assert torch.allclose(again.kspace * both, noisy.kspace * both)  # the same noise, other lines
    for wrong in ({"lines": "spiral"}, {"noise": -0.1}, {"acceleration": 0}):
        with pytest.raises(ValueError, match="expected|at least"):
            measured_again(scan.reference, scan.smaps, **{"acceleration": 4} | wrong)


def test_a_score_is_the_psnr_at_best_scale(scan):
    def zero_filled(A, kspace):
        return 3 * A.adjoint(kspace)

    cases = four_cases(scan, 4, acs=12)
    case = cases["random"]
    right = psnr(best_scale(case.A.adjoint(case.kspace), case.reference), case.reference)
    assert score(zero_filled, case).item() == pytest.approx(right)
    assert score(zero_filled, cases).shape == (4,) and score(zero_filled, cases)[0].item() == pytest.approx(right)
    [pair] = stack([scan, scan])
    assert score(zero_filled, pair).shape == (2,)


def test_gains_are_told_with_their_interval():
    assert gain_in_words(torch.tensor([1.0, 2.0])) == "+1.50 dB (+1.00, +2.00)"
    words = gain_in_words(torch.linspace(0, 2, 20), unit="%")
    assert words.startswith("+1.00 % [+0.") and words.endswith("]")


def test_sparse_reconstructions_by_their_names(scan):
    case = four_cases(scan, 4, acs=12)["random"]
    by_name = sparse_reconstruction(case.A, case.kspace, "tv", 1e-2, tolerance=1e-2)
    assert torch.equal(
        by_name, tv_reconstruction(case.A, case.kspace, reg_weight=1e-2, tolerance=1e-2, n_iterations=2000)
    )
    assert not torch.equal(by_name, sparse_reconstruction(case.A, case.kspace, "haar", 1e-2, tolerance=1e-2))
    with pytest.raises(ValueError, match="expected 'db2', 'haar' or 'tv'"):
        sparse_reconstruction(case.A, case.kspace, "db3", 1e-2)


def test_known_settings_are_scored_for_stacks_and_for_cases(scan):
    [pair] = stack([scan, scan])
    choices = [("tv", 1e-2), ("haar", 1e-2)]
    scores = score_sparse(pair, choices, tolerance=1e-2)
    assert scores.shape == (2,)
    image = sparse_reconstruction(SenseOperator(scan.smaps, scan.mask), scan.kspace, "haar", 1e-2, tolerance=1e-2)
    assert scores[1].item() == pytest.approx(psnr(best_scale(image, scan.reference), scan.reference), abs=1e-3)
    case = four_cases(scan, 4, acs=12)["random"]
    assert score_sparse({"random": case}, choices[:1], tolerance=1e-2).shape == (1,)
    with pytest.raises(ValueError, match="one for each"):
        score_sparse(pair, choices[:1], tolerance=1e-2)


def test_held_out_lines_are_hidden_and_predicted(scan):
    A = SenseOperator(scan.smaps, torch.ones(64, 1, dtype=torch.bool))
    image = scan.reference
    held = torch.zeros(64, 1, dtype=torch.bool)
    held[[3, 20, 41]] = True
    seen = []

    def knows_the_image(A, kspace):
        seen.append((A.mask, kspace))
        return image

    assert held_out_error(knows_the_image, A, A.forward(image), held).item() < 1e-5
    mask, kspace = seen[0]
    assert torch.equal(mask, ~held) and not kspace[:, held[:, 0]].any() and kspace[:, ~held[:, 0]].any()
    assert held_out_error(lambda A, kspace: 0 * image, A, A.forward(image), held).item() == pytest.approx(1)
    for wrong in (torch.zeros_like(held), torch.ones_like(held)):
        with pytest.raises(ValueError, match=r"expected some of A\.mask"):
            held_out_error(knows_the_image, SenseOperator(A.smaps, ~held), A.forward(image), wrong)


def test_an_image_without_phase_is_scored_by_magnitude(scan):
    case = four_cases(scan, 2, acs=12)["random"]

    def magnitude(A, kspace):
        return 3 * case.reference.abs()

    assert score(magnitude, case) > 60
