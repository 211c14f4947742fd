"""A fair judge without a reference: independent copies, and a PSNR that is right on average."""

import pytest
import torch

from mricourse import random_complex
from mricourse.evaluation.independent_copies import recorrupted, recorrupted_psnr


def test_noise_of_both_copies_is_unrelated_and_the_psnr_is_that_against_the_truth():
    truth = torch.ones(300, 300, dtype=torch.complex64)
    measured = truth + 0.1 * random_complex(300, 300, seed=1)
    first, second = recorrupted(measured, 0.1, seed=2)
    a, b = (first - truth).flatten(), (second - truth).flatten()
    assert (a * b.conj()).mean().abs() < 0.01 * a.abs().square().mean()
    assert a.abs().square().mean() == pytest.approx(0.04, rel=0.03)
    for method in (lambda x: x, lambda x: 0.7 * x + 0.2):
        image = method(first)
        error = (image - truth).abs().square().mean()
        found = recorrupted_psnr(image, second, 0.1, peak=1.0)
        assert found == pytest.approx(float(-10 * torch.log10(error)), abs=0.3)


def test_an_estimate_that_is_not_positive_is_no_number():
    image = torch.ones(4, 4, dtype=torch.complex64)
    assert recorrupted_psnr(image, image, 0.1, peak=1.0) != recorrupted_psnr(image, image, 0.1, peak=1.0)
