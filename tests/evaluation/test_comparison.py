"""The baseline of every comparison is at its best, and memory is counted once."""

import time

import pytest
import torch

from mricourse import SenseOperator, random_complex
from mricourse.evaluation.comparison import compare
from mricourse.evaluation.costs import computing_seconds, kept_for_backward, training_step_ms
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.evaluation.tuning import TOLERANCE, tuned_sparsity, tuned_tv, tuned_wavelet
from mricourse.physics.sampling import random_mask
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.protocols import brain_slices


def scans(n=2, shape=(45, 40)):
    images = brain_slices("train", n, shape=shape)
    masks = torch.stack([random_mask(shape[0], 2.5, acs=9, seed=i) for i in range(n)])[:, None]
    A = SenseOperator(simulate_coils(4, shape, seed=1).expand(n, -1, -1, -1), masks)
    return A, A.mask * (A.forward(images) + 0.01 * random_complex(n, 4, *shape)), images


def test_the_wavelet_is_tuned_for_each_slice():
    A, kspace, images = scans()
    found, weights = tuned_wavelet(A, kspace, images, wavelet="db1")
    for i, image in enumerate(images):
        single = tuned_wavelet(SenseOperator(A.smaps[i], A.mask[i]), kspace[i], image, wavelet="db1")
        assert weights[i] == single[1]
        torch.testing.assert_close(found[i], single[0], rtol=0, atol=1e-5)


def test_the_rival_is_the_better_of_wavelets_and_total_variation_for_each_slice():
    A, kspace, images = scans()
    tuned = [tuned_wavelet(A, kspace, images, wavelet="db1")[0], tuned_tv(A, kspace, images)[0]]
    best = torch.stack([psnr(best_scale(run, images), images) for run in tuned]).amax(0)
    rival = compare({}, A, kspace, images)["rival"]
    torch.testing.assert_close(psnr(rival, images), best)
    alone = tuned_sparsity(SenseOperator(A.smaps[1], A.mask[1]), kspace[1], images[1])
    torch.testing.assert_close(rival[1], alone, rtol=0, atol=1e-5)


def test_a_rival_has_converged():
    """A hundredth of the tolerance makes the same image."""
    A, kspace, images = scans()
    found = psnr(tuned_sparsity(A, kspace, images), images)
    closer = psnr(tuned_sparsity(A, kspace, images, tolerance=1e-2 * TOLERANCE), images)
    assert (found - closer).abs().max() < 0.05


def test_compare_scales_every_image_and_keeps_the_order():
    A, kspace, images = scans()
    found = compare({"double": lambda A, kspace: 2j * images}, A, kspace, images)
    assert list(found) == ["zero-filled", "rival", "double"]
    torch.testing.assert_close(found["double"], images)
    assert (psnr(found["rival"], images) > psnr(found["zero-filled"], images)).all()


def test_compare_keeps_no_graph():
    A, kspace, images = scans(1)
    factor = torch.ones(1, requires_grad=True)
    found = compare({"net": lambda A, kspace: factor * images}, A, kspace, images)
    assert not found["net"].requires_grad


def test_kept_for_backward_counts_each_tensor_once():
    x = torch.ones(1000, requires_grad=True)
    assert kept_for_backward(lambda: (x * x).sum()) == 4000  # x, twice
    assert kept_for_backward(lambda: (x.exp() * 2).sum()) == 4000  # the exponential
    assert kept_for_backward(lambda: x.detach().exp()) == 0


def test_computing_seconds_takes_the_best_and_does_not_count_waiting():
    calls = []

    def work():
        calls.append(1)
        if len(calls) == 1:
            sum(range(3_000_000))
        time.sleep(0.02)

    assert computing_seconds(work, repeats=3) < 0.01 and len(calls) == 3
    assert computing_seconds(lambda: sum(range(300_000)), repeats=2) > 1e-4
    with pytest.raises(ValueError, match="repeats is 0; expected 1 or more"):
        computing_seconds(work, repeats=0)


def test_a_training_step_is_forward_and_backward():
    layer = torch.nn.Linear(4, 4)
    assert 0 < training_step_ms(layer, torch.zeros(1, 3, 4)) < 1000
    assert layer.weight.grad is not None
