"""GRAPPA with several weights, and RAKI, on the same scans."""

import torch

from mricourse.evaluation.line_filling import filled_by_all, filling_score, filling_scores
from mricourse.physics.coil_combination import rss
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import equispaced_mask
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

SHAPE = (48, 40)


def scan():
    truth = fft2c(simulate_coils(4, SHAPE, seed=2) * shepp_logan(SHAPE))
    mask = equispaced_mask(SHAPE[0], 2, acs=24)
    kspace = mask * (truth + 0.01 * random_complex(4, *SHAPE, seed=3))
    return kspace, mask, rss(ifft2c(truth))


def test_the_best_weight_is_at_least_as_good_as_the_others():
    kspace, mask, reference = scan()
    weights = (1e-4, 1e-2, 1.0)
    images = filled_by_all(kspace, mask, reference, weights=weights, raki_kinds=(), n_held=6)
    scores = {way: filling_score(image, reference) for way, image in images.items()}
    assert list(scores) == ["zeros", "GRAPPA, 0.0001", "GRAPPA, from ACS", "GRAPPA, best"]
    assert max(scores.values()) == scores["GRAPPA, best"] > scores["zeros"] + 3


def test_scores_follow_neither_unit_nor_air():
    kspace, _, reference = scan()
    image = rss(ifft2c(kspace))
    air = reference < 0.05 * reference.max()
    assert abs(filling_score(image, reference) - filling_score(1e3 * image + 5 * air, reference)) < 1e-3


def test_several_scans_are_one_after_the_other():
    kspace, mask, reference = scan()
    stacked = filling_scores(
        torch.stack([kspace, 2 * kspace]), mask[None, None].expand(2, 1, -1, 1), reference.expand(2, -1, -1),
        raki_kinds=(), n_held=6,
    )  # fmt: skip
    images = filled_by_all(kspace, mask, reference, raki_kinds=(), n_held=6)
    for way, scores in stacked.items():
        assert scores.shape == (2,) and torch.allclose(scores, scores[:1], atol=1e-3)
        assert abs(scores[0] - filling_score(images[way], reference)) < 1e-3
