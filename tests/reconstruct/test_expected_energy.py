"""The best linear reconstruction for known energies: its formula, its support, its batch, and that nothing beats it."""

import pytest
import torch

from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import equispaced_mask, random_mask
from mricourse.reconstruct.expected_energy import known_energy

NY, NX = 24, 17


def test_it_is_the_formula_column_by_column():
    mask = random_mask(NY, 2, acs=4, seed=1)
    kspace = mask * random_complex(NY, NX, seed=2, dtype=torch.complex128)
    energy = 0.1 + torch.rand(NY, NX, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    points = torch.eye(NY * NX, dtype=torch.complex128).reshape(-1, NY, NX)
    A = (mask * fft2c(points)).flatten(1).T
    E = torch.diag(energy.flatten()).to(A)
    system = A @ E @ A.mH + 2 * 0.3**2 * torch.eye(NY * NX, dtype=A.dtype)
    right = (E @ A.mH @ torch.linalg.solve(system, kspace.flatten())).reshape(NY, NX)
    assert torch.allclose(known_energy(kspace, mask, energy, 0.3), right)


def test_a_small_object_comes_back_from_every_second_line():
    inside = torch.zeros(NY, NX)
    inside[7:16] = 1  # nine rows, from twelve lines
    truth = inside * random_complex(NY, NX, seed=4)
    mask = equispaced_mask(NY, 2, acs=0)
    kspace = mask * fft2c(truth)
    image = known_energy(kspace, mask, inside + 1e-6, 1e-4)
    assert (image - truth).norm() < 0.02 * truth.norm() < 0.1 * (ifft2c(kspace) - truth).norm()


def test_a_batch_has_masks_and_energies_of_its_own():
    masks = torch.stack([random_mask(NY, 2, acs=4, seed=seed) for seed in range(3)])
    kspace = masks * random_complex(3, NY, NX, seed=5)
    energy = 0.1 + torch.rand(3, NY, NX)
    images = known_energy(kspace, masks, energy, 0.1)
    for number in range(3):
        alone = known_energy(kspace[number], masks[number], energy[number], 0.1)
        assert torch.allclose(images[number], alone, atol=1e-5)
    same = known_energy(kspace[:, None] * masks[0], masks[0], energy[0], 0.1)
    assert same.shape == (3, 1, NY, NX)


def test_what_lies_between_the_lines_is_ignored():
    mask = random_mask(NY, 2, acs=4)
    kspace = random_complex(NY, NX, seed=6)
    energy = torch.ones(NY, NX)
    assert torch.equal(known_energy(kspace, mask, energy, 0.1), known_energy(mask * kspace, mask, energy, 0.1))


def test_the_right_energies_are_better_than_others():
    generator = torch.Generator().manual_seed(7)
    energy = torch.rand(NY, NX, generator=generator).square() + 1e-3
    images = energy.sqrt() * random_complex(40, NY, NX, seed=8)
    mask = random_mask(NY, 2, acs=4, seed=9)
    kspace = mask * (fft2c(images) + 0.05 * random_complex(40, NY, NX, seed=10))

    def error(told):
        return float((known_energy(kspace, mask, told, 0.05) - images).abs().square().mean())

    assert error(energy) < min(error(energy.roll(5, 0)), error(torch.ones(NY, NX)), error(energy.sqrt()))


def test_with_the_reach_of_the_whole_scan_missing_lines_are_those_of_the_formula():
    mask = random_mask(NY, 2, acs=4, seed=1)
    kspace = random_complex(2, NY, NX, seed=2)
    energy = 0.1 + torch.rand(NY, NX, generator=torch.Generator().manual_seed(3))
    everywhere = fft2c(known_energy(kspace, mask, energy, 0.3))
    near = fft2c(known_energy(kspace, mask, energy, 0.3, reach=NY))
    assert torch.allclose(near, torch.where(mask, kspace, everywhere), atol=1e-5)


def test_nothing_beyond_the_reach_counts():
    mask = torch.zeros(NY, 1, dtype=torch.bool)
    mask[[4, 10, 11]] = True
    kspace = random_complex(NY, NX, seed=4)
    energy = torch.rand(NY, NX, generator=torch.Generator().manual_seed(5)) + 0.1
    near = fft2c(known_energy(kspace, mask, energy, 0.1, reach=3))
    changed = kspace.clone()
    changed[4] += 1
    other = fft2c(known_energy(changed, mask, energy, 0.1, reach=3))
    rows = ((near - other).abs().amax(1) > 1e-5).nonzero()[:, 0].tolist()
    assert rows == list(range(1, 8))
    assert near[15:].abs().max() < 1e-6  # farther than three lines from every measured one


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mask": torch.ones(NY, NX, dtype=torch.bool)}, "expected .* whole lines along kx"),
        ({"mask": torch.ones(NX, 1, dtype=torch.bool)}, "expected .* whole lines along kx"),
        ({"energy": torch.zeros(NY, NX)}, "expected numbers above 0"),
        ({"noise_std": 0.0}, "expected numbers above 0"),
        ({"reach": 0}, "expected 1 line or more"),
    ],
)
def test_what_has_no_answer_is_refused(wrong, words):
    right = {"mask": random_mask(NY, 2, acs=4), "energy": torch.ones(NY, NX), "noise_std": 0.1}
    with pytest.raises(ValueError, match=words):
        known_energy(random_complex(NY, NX), **right | wrong)
