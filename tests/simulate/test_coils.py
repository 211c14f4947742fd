"""Simulated receive coils: unit power, and how selective each kind is."""

import pytest
import torch

from mricourse.physics.coil_combination import rss
from mricourse.reconstruct.parallel_imaging import g_factor
from mricourse.simulate.coils import ring_noise_covariance, simulate_arrays, simulate_coils
from mricourse.simulate.protocols import brain_slices

SHAPE = (120, 96)


@pytest.mark.parametrize("kind", ["gaussian", "biot_savart", "head_array"])
def test_unit_power_leaves_no_shading_in_the_image(kind):
    smaps = simulate_coils(5, (31, 40), seed=2, kind=kind)
    assert torch.allclose(rss(smaps), torch.ones(31, 40), atol=1e-5)


@pytest.fixture(scope="module")
def mean_g():
    """Mean g-factor within a head, (seeds,), by kind and acceleration."""
    head = brain_slices("train", 1, shape=SHAPE)[0].abs() > 0.05
    found = {}
    for kind in ("biot_savart", "head_array"):
        for acceleration in (2, 3, 4):
            arrays = [simulate_coils(8, SHAPE, seed=seed, kind=kind) * head for seed in range(8)]
            found[kind, acceleration] = torch.stack([g_factor(smaps, acceleration)[head].mean() for smaps in arrays])
    return found


@pytest.mark.parametrize(("acceleration", "of_g", "of_excess"), [(2, 0.93, 0.22), (3, 0.75, 0.36), (4, 0.57, 0.38)])
def test_close_loops_against_far_ones(mean_g, acceleration, of_g, of_excess):
    """What the docstring of `simulate_coils` says; other heads and seeds stay within these bounds."""
    close, far = mean_g["head_array", acceleration], mean_g["biot_savart", acceleration]
    assert float((close / far).mean()) == pytest.approx(of_g, abs=0.03)
    assert float((close.mean() - 1) / (far.mean() - 1)) == pytest.approx(of_excess, abs=0.04)


def test_arrays_are_those_of_single_seeds():
    arrays = simulate_arrays(3, 4, (20, 18), seed=7, kind="head_array")
    assert torch.equal(arrays[2], simulate_coils(4, (20, 18), seed=9, kind="head_array"))
    with pytest.raises(ValueError, match="at least one"):
        simulate_arrays(0, 4, (20, 18), kind="gaussian")


@pytest.mark.parametrize("n_coils", [1, 2, 5, 8])
def test_the_noise_of_a_ring_is_shared_by_neighbours(n_coils):
    covariance = ring_noise_covariance(n_coils, shared=0.5, loudness={0: 3})
    assert torch.linalg.eigvalsh(covariance).min() > 0
    assert covariance[0, 0] == 9
    if n_coils > 2:
        assert covariance[1, 2] == 0.5 and covariance[0, 1] == covariance[0, n_coils - 1] == 1.5
