"""Lines of a known probability: what is drawn has it, and a weighted loss expects what complete data would give."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mricourse.physics.fourier import random_complex
from mricourse.physics.line_densities import drawn_lines, line_density, split_weights, splitting_density
from mricourse.physics.sampling import acs_mask

DRAWS = 4000


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


@given(
    ny=st.integers(33, 120),
    acceleration=st.floats(2, 4),
    acs=st.integers(2, 8),
    power=st.floats(0, 6),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_lines_are_as_many_as_asked_for_and_the_centre_is_among_them(ny, acceleration, acs, power, seed):
    density = line_density(ny, acceleration, acs=acs, power=power)
    assert density.shape == (ny, 1) and density.min() > 0 and density.max() == 1
    assert float(density.sum()) == pytest.approx(round(ny / acceleration), abs=1e-6)
    lines = drawn_lines(density, stream(seed))
    assert lines.shape == (ny, 1) and lines[acs_mask(ny, acs)].all()
    assert int(lines.sum()) == round(ny / acceleration)
    assert torch.equal(lines, drawn_lines(density, stream(seed)))


def test_each_line_is_drawn_with_its_probability():
    density, generator = line_density(45, 3, acs=5, power=2), stream()
    found = torch.stack([drawn_lines(density, generator) for _ in range(DRAWS)]).double().mean(0)
    deviation = (found - density) / (density * (1 - density) / DRAWS).sqrt().clamp_min(1e-9)
    assert deviation[density < 1].abs().max() < 4.5 and (found == 1).equal(density == 1)


def test_two_lines_are_not_bound_to_one_another():
    """A comb on lines in their order would sample neighbours by turns."""
    density, generator = line_density(45, 3, acs=5, power=0), stream()
    lines = torch.stack([drawn_lines(density, generator)[:, 0] for _ in range(DRAWS)]).double()
    outside = density[:, 0] < 1
    correlation = torch.corrcoef(lines[:, outside].T) - torch.eye(int(outside.sum()))
    assert correlation.abs().max() < 0.1


def test_density_falls_from_the_centre_and_power_0_is_uniform():
    ny, acs = 64, 6
    outside = ~acs_mask(ny, acs)[:, 0]
    falling, flat = (line_density(ny, 4, acs=acs, power=power)[outside, 0] for power in (3, 0))
    upper = falling[len(falling) // 2 :]
    assert (upper.diff() <= 0).all() and upper[0] > 2 * upper[-1]
    assert flat.std() < 1e-9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"acceleration": 0.5, "acs": 4}, "acceleration is 0.5 for 40 lines"),
        ({"acceleration": 8, "acs": 8}, "lower acceleration or acs"),
        ({"acceleration": 4, "acs": 4, "power": -1}, "power is -1"),
    ],
)
def test_what_no_density_has_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        line_density(40, **options)


# --- the second mask, and the weights


@given(ratio=st.floats(0.1, 0.4), power=st.floats(0, 3))
@settings(max_examples=30, deadline=None)
def test_the_second_mask_hides_the_share_and_never_the_centre(ratio, power):
    density = line_density(96, 4, acs=8, power=power)
    kept = splitting_density(density, ratio=ratio)
    hidden = density * (1 - kept)
    assert float(hidden.sum() / density.sum()) == pytest.approx(ratio, abs=1e-6)
    assert (kept[density == 1] == 1).all() and kept[density < 1].max() <= 0.9
    free = (density < 1) & (kept < 0.9 - 1e-9)
    quotient = (kept / density)[free]
    assert quotient.numel() == 0 or quotient.std() < 1e-6, "the same family: in proportion to the first"


def test_shares_that_cannot_be_hidden_are_refused():
    density = line_density(96, 4, acs=8)
    for ratio in (0.0, 0.01, 0.9):
        with pytest.raises(ValueError, match=f"ratio is {ratio}; expected 0.07 to 0.67 of the lines"):
            splitting_density(density, ratio=ratio)


def test_weights_are_those_of_the_paper_s_k():
    density = line_density(45, 3, acs=5)
    kept = splitting_density(density, ratio=0.3)
    K = (1 - density) / (1 - kept * density).clamp_min(1e-12)
    outside = density < 1
    assert torch.allclose(split_weights(density, kept)[outside], 1 / (1 - K[outside]))
    assert (split_weights(density, kept)[~outside] == 0).all()


def test_uniform_lines_need_no_weights():
    density = line_density(48, 3, acs=6, power=0)
    weights = split_weights(density, splitting_density(density, ratio=0.3))[density < 1]
    assert weights.std() < 1e-6 * weights.mean()


def test_the_weighted_loss_expects_the_error_of_all_samples_that_were_not_given():
    r"""For an error that does not depend on the masks: the sum of $w |e|^2$ over Lambda, and of $|e|^2$ off Theta.

    Without weights the expectation is that of $P (1 - \tilde P)$, and the outer lines, seldom measured, hardly count.
    """
    density, generator = line_density(45, 3, acs=5, power=2), stream(1)
    kept = splitting_density(density, ratio=0.3)
    weights = split_weights(density, kept)
    power = random_complex(45, 8, seed=3).abs().square().double()
    weighted, plain, complete = [], [], []
    for _ in range(DRAWS):
        measured = drawn_lines(density, generator)
        given_lines = measured & drawn_lines(kept, generator)
        weighted.append((weights * (measured & ~given_lines) * power).sum())
        plain.append(((measured & ~given_lines) * power).sum())
        complete.append((~given_lines * power).sum())
    weighted, plain, complete = (torch.stack(each) for each in (weighted, plain, complete))
    error = float((weighted - complete).std() / DRAWS**0.5)
    assert abs(float((weighted - complete).mean())) < 4 * error < 0.05 * float(complete.mean())
    assert float(complete.mean()) == pytest.approx(float(((1 - density * kept) * power).sum()), rel=0.02)
    assert float(plain.mean()) < 0.5 * float(complete.mean())
