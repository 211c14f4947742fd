"""Artefacts undone by their formulas: shifts found by entropy, ghosts by reference lines."""

import pytest
import torch

from mricourse import fft2c, ifft2c, random_complex
from mricourse.physics.epi import nyquist_ghost
from mricourse.physics.motion import scan_in_shots
from mricourse.reconstruct.epi import ghost_of_reference_lines
from mricourse.reconstruct.motion import remove_shifts
from mricourse.simulate.phantoms import shepp_logan


def test_shifts_of_four_shots_are_found():
    image = shepp_logan((48, 44)).to(torch.complex64)
    places = torch.zeros(2, 4, 3)
    places[..., :2] = 2 * torch.rand(2, 4, 2, generator=torch.Generator().manual_seed(3)) - 1
    kspace = scan_in_shots(image.expand(2, 48, 44), places)
    kspace = kspace + 0.003 * random_complex(2, 48, 44, seed=4)
    still, shifts = remove_shifts(kspace, n_shots=4, n_iterations=80)
    wanted = (places - places.mean(1, keepdim=True))[..., :2]
    assert shifts.shape == (2, 4, 2) and (shifts - wanted).abs().max() < 0.1
    assert (shifts.mean(1)).abs().max() < 1e-5 and not shifts.requires_grad
    mean = places.mean(1)[0, :2]
    home = ifft2c(scan_in_shots(image, torch.tensor([[*mean.tolist(), 0.0]] * 4)))
    assert (ifft2c(still[0]) - home).norm() < 0.1 * home.norm()
    with pytest.raises(ValueError, match="n_shots is 1"):
        remove_shifts(kspace, n_shots=1)


@pytest.mark.parametrize(("phase", "delay"), [(0.7, -0.4), (-2.5, 1.1), (0.0, 0.0)])
def test_reference_lines_tell_phase_and_delay(phase, delay):
    image = shepp_logan((40, 45)).to(torch.complex64)
    line = fft2c(image)[20].expand(3, 2, 45)
    lines = nyquist_ghost(line, phase_rad=phase, delay=delay)
    found_phase, found_delay = ghost_of_reference_lines(lines)
    assert found_phase.shape == (3,)
    assert torch.allclose(found_phase, torch.tensor(phase), atol=1e-3)
    assert torch.allclose(found_delay, torch.tensor(delay), atol=1e-3)
    with pytest.raises(ValueError, match="one odd and one even"):
        ghost_of_reference_lines(lines[:, 0])
