"""The noise level that a scan tells by itself."""

import pytest
import torch

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.sampling import acs_mask, equispaced_mask, random_mask, variable_density_mask
from mricourse.simulate.randomised import draw_scan

MASKS = {
    "lines": equispaced_mask(96, 4, acs=16),
    "points": variable_density_mask((96, 64), 4, acs=24),
    "everything": torch.ones(96, 64, dtype=torch.bool),
    "no centre": torch.arange(96)[:, None] % 4 == 1,
}


@pytest.mark.parametrize("name", MASKS)
def test_pure_noise(name):
    kspace = 0.02 * random_complex(6, 96, 64) / random_complex(6, 96, 64).real.std()
    found = noise_level(torch.where(MASKS[name], kspace, 0), MASKS[name])
    assert found.shape == (1, 1)
    assert found.item() == pytest.approx(0.02, rel=0.5 if name == "points" else 0.3)


@pytest.mark.parametrize("n_coils", [4, 8, 16])
@pytest.mark.parametrize("noise_std", [0.001, 0.005, 0.02])
def test_a_simulated_head_hides_little(n_coils, noise_std):
    options = {"shape": (160, 128), "n_coils": n_coils, "noise_std": noise_std, "coil_kind": "biot_savart"}
    errors = []
    for index in range(4):
        mask = random_mask(160, 4, acs=20, seed=index)
        scan = draw_scan("train", index, **options).undersample(mask)
        errors.append(noise_level(scan.kspace, mask).item() / noise_std)
    assert all(0.75 < error < 1.5 for error in errors), errors


KINDS = ("head_array", "biot_savart", "gaussian")


def estimate_over_truth(n_coils, noise_std, mask_of):
    """On three simulated heads, each with another kind of coils."""
    found = []
    for index, kind in enumerate(KINDS):
        options = {"shape": (160, 144), "n_coils": n_coils, "noise_std": noise_std, "coil_kind": kind}
        mask = mask_of(index)
        scan = draw_scan("train", index, **options).undersample(mask)
        found.append(noise_level(scan.kspace, mask).item() / noise_std)
    return found


@pytest.mark.parametrize("n_coils", [2, 3, 4, 6, 8, 16, 32])
@pytest.mark.parametrize("acs", [6, 12, 24])
@pytest.mark.parametrize(("noise_std", "most"), [(1e-4, 2.3), (5e-4, 1.7), (3e-3, 1.6), (0.05, 1.1)])
def test_lines_of_few_or_many_coils_tell_their_noise(n_coils, acs, noise_std, most):
    errors = estimate_over_truth(n_coils, noise_std, lambda seed: random_mask(160, 4, acs=acs, seed=seed))
    assert all(0.5 < error < most for error in errors), errors


@pytest.mark.parametrize("n_coils", [3, 8, 16, 32])
@pytest.mark.parametrize("acs", [16, 24])
@pytest.mark.parametrize(("noise_std", "most"), [(1e-4, 2.8), (1e-3, 1.6), (0.02, 1.5)])
def test_points_around_a_square_tell_their_noise(n_coils, acs, noise_std, most):
    errors = estimate_over_truth(
        n_coils, noise_std, lambda seed: variable_density_mask((160, 144), 4, acs=acs, seed=seed)
    )
    assert all(0.45 < error < most for error in errors), errors


@pytest.mark.parametrize(
    ("acs", "noise_std", "most"), [(24, 1e-4, 2.6), (24, 1e-3, 1.4), (6, 1e-3, 3.4), (6, 0.01, 1.2)]
)
def test_one_coil_tells_its_noise_in_the_air_beside_the_object(acs, noise_std, most):
    errors = estimate_over_truth(1, noise_std, lambda seed: random_mask(160, 4, acs=acs, seed=seed))
    assert all(0.75 < error < most for error in errors), errors
    assert min(errors) < 1.1  # the head with air on its left and right


@pytest.mark.parametrize("n_coils", [1, 2])
@pytest.mark.parametrize(("noise_std", "most"), [(1e-4, 4.5), (1e-3, 1.9), (0.02, 1.7)])
def test_few_coils_around_a_square_do_too(n_coils, noise_std, most):
    errors = estimate_over_truth(
        n_coils, noise_std, lambda seed: variable_density_mask((160, 144), 4, acs=24, seed=seed)
    )
    assert all(0.75 < error < most for error in errors), errors


@pytest.mark.parametrize("n_coils", [1, 4])
def test_the_centre_alone_tells_its_noise(n_coils):
    """As for super-resolution: no outer k-space, no whole line."""
    square = acs_mask((160, 144), 72)
    errors = estimate_over_truth(n_coils, 0.005, lambda seed: square)
    assert all(0.6 < error < 1.5 for error in errors), errors


@pytest.mark.parametrize("acs", [6, 8])
def test_a_tiny_square_gives_an_upper_bound(acs):
    errors = estimate_over_truth(8, 3e-3, lambda seed: variable_density_mask((160, 144), 4, acs=acs, seed=seed))
    assert all(0.9 < error < 3 for error in errors), errors


def mixed(kspace, n_coils, seed=3):
    """Combinations of coils with orthonormal weights."""
    weights = torch.linalg.qr(random_complex(n_coils, len(kspace), seed=seed))[0]
    return torch.einsum("dc,cyx->dyx", weights, kspace)


DEPENDENT = {
    "dead coils": lambda k: (torch.cat([k, torch.zeros_like(k[:3])]), 1),
    "a dead coil first": lambda k: (torch.cat([torch.zeros_like(k[:1]), k]), 1),
    "each coil twice": lambda k: (torch.cat([k, k]), 2**0.5),
    "each coil three times, in another phase": lambda k: (torch.cat([k, 1j * k, -k]), 3**0.5),
    "virtual coils": lambda k: (mixed(k, len(k) + 4), 1),
    "dead and virtual ones": lambda k: (torch.cat([mixed(k, len(k) + 1), torch.zeros_like(k[:1])]), 1),
}


@pytest.mark.parametrize("n_coils", [2, 4, 8])
@pytest.mark.parametrize("name", DEPENDENT)
@pytest.mark.parametrize("noise_std", [2e-4, 4e-3])
def test_dependent_coils_change_nothing(n_coils, name, noise_std):
    scan = draw_scan("train", 3, shape=(128, 112), n_coils=n_coils, noise_std=noise_std)
    mask = equispaced_mask(128, 4, acs=20)
    kspace, factor = DEPENDENT[name](scan.kspace * mask)
    expected = factor * noise_level(scan.kspace * mask, mask).item()
    assert noise_level(kspace, mask).item() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("gain", [0.1, 0.01, 1e-4])
@pytest.mark.parametrize("which", [slice(0, 1), slice(5, 8)])
def test_nearly_dead_coils_do_not_hide_the_noise_of_the_others(gain, which):
    scan = draw_scan("train", 3, shape=(128, 112), n_coils=8, noise_std=0.004)
    mask = equispaced_mask(128, 4, acs=20)
    kspace = scan.kspace * mask
    kspace[which] *= gain
    assert 0.8 < noise_level(kspace, mask).item() / 0.004 < 2


def test_coils_that_are_louder_than_the_others_count_by_their_signal():
    scan = draw_scan("train", 3, shape=(128, 112), n_coils=8, noise_std=0.004)
    mask = equispaced_mask(128, 4, acs=20)
    kspace = scan.kspace * mask
    kspace[:2] *= 50
    assert 0.8 < noise_level(kspace, mask).item() / (50 * 0.004) < 2
    kspace[:2] /= 50
    kspace[7] += 0.2 * random_complex(128, 112, seed=8) * mask  # broken: noise and hardly any signal
    assert 0.7 < noise_level(kspace, mask).item() / 0.004 < 2


@pytest.mark.parametrize("n_coils", [1, 2, 8])
def test_noise_is_never_missed_where_no_edge_was_sampled(n_coils):
    scan = draw_scan("train", 3, shape=(128, 112), n_coils=n_coils, noise_std=0.01)
    inside = (torch.arange(128)[:, None] - 64).square() + (torch.arange(112) - 56).square() < 30**2
    assert 0.5 < noise_level(scan.kspace * inside, inside).item() / 0.01 < 4


def test_sharper_images_do_not_look_noisier():
    scan = draw_scan("train", 2, shape=(128, 128), n_coils=6, noise_std=0.0)
    noise = 0.004 * random_complex(6, 128, 128, seed=1)
    edges = scan.reference.clone()
    edges[40:60, 40:60] += (torch.arange(20) % 2)[:, None] * 0.5  # stripes: much signal at the edge of k-space
    mask = equispaced_mask(128, 4, acs=20)
    levels = [noise_level(mask * (fft2c(scan.smaps * image) + noise), mask) for image in (scan.reference, edges)]
    assert levels[1] < 1.2 * levels[0]


@pytest.mark.parametrize("first", [30, 40, 45, 48])
def test_an_acs_beside_the_centre_tells_as_much(first):
    scan = draw_scan("train", 1, shape=(96, 96), n_coils=8, noise_std=0.004)
    lines = (torch.arange(96) % 3 == 0)[:, None]
    lines[first : first + 20] = True
    assert noise_level(scan.kspace * lines, lines).item() == pytest.approx(0.004, rel=0.25)


def test_units_and_stacks():
    kspace, mask = random_complex(2, 4, 64, 48), equispaced_mask(64, 3, acs=16)
    both = noise_level(kspace * mask, mask)
    assert both.shape == (2, 1, 1)
    assert torch.allclose(both[1], noise_level(kspace[1] * mask, mask))
    masks = torch.stack([equispaced_mask(64, 3, acs=acs)[None] for acs in (12, 20)])
    each = [noise_level(kspace[n] * masks[n], masks[n]) for n in range(2)]
    assert torch.equal(noise_level(kspace * masks, masks), torch.stack(each))
    assert torch.allclose(noise_level(1e4 * kspace * mask, mask), 1e4 * both)


def test_nothing_at_all_is_silent():
    nothing = torch.zeros(2, 64, 64, dtype=torch.complex64)
    for mask in (equispaced_mask(64, 4, acs=16), torch.arange(64)[:, None] == 40):
        assert noise_level(nothing, mask).item() == 0
