"""The noise level that a scan tells by itself."""

import pytest
import torch

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.noise import noise_level
from mricourse.physics.sampling import equispaced_mask, random_mask, variable_density_mask
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
