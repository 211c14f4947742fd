"""The implicit representation: one image as a function of the position, fitted to one scan and stopped in time."""

import math

import pytest
import torch

from mricourse.networks.image_domain import brightness
from mricourse.networks.implicit import CHECK_EVERY, ImplicitImage, fit_implicit
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sample_splits import drawn_parts, outside_centre
from mricourse.physics.sampling import random_mask
from mricourse.simulate.coils import simulate_coils

SHAPE = (27, 22)
SMALL = {"n_features": 32, "n_layers": 2}


def spots():
    y, x = torch.meshgrid(torch.linspace(-1, 1, SHAPE[0]), torch.linspace(-1, 1, SHAPE[1]), indexing="ij")
    discs = [torch.exp(-40 * ((x - a) ** 2 + (y - b) ** 2)) for a, b in ((0.3, 0.2), (-0.3, -0.3), (0.1, -0.5))]
    return sum(discs) * torch.exp(1j * (x + y))


def problem(noise=0.0, n_coils=4, acceleration=2):
    A = SenseOperator(simulate_coils(n_coils, SHAPE), random_mask(SHAPE[0], acceleration, acs=6))
    return A, A.forward(spots()) + noise * A.mask * random_complex(n_coils, *SHAPE)


def test_a_finer_grid_shows_the_same_function():
    net = ImplicitImage(**SMALL)
    with torch.no_grad():
        coarse, fine = net((12, 10)), net((24, 20))
    assert torch.allclose(coarse, fine[::2, ::2], atol=1e-5) and not torch.allclose(fine[1::2], fine[::2])


def test_the_centre_of_the_image_is_position_zero():
    net = ImplicitImage(**SMALL)
    values = torch.zeros(1, 2)
    for number, layer in enumerate(net.layers[:-1]):
        values = torch.sin((net.frequency if number == 0 else 30) * layer(values))
    expected = torch.view_as_complex(net.layers[-1](values))[0]
    for shape in ((7, 6), (8, 9)):
        assert torch.allclose(net(shape)[shape[0] // 2, shape[1] // 2], expected, atol=1e-6)


def test_it_finds_an_image_from_half_of_its_lines():
    A, y = problem()
    network = ImplicitImage(n_features=48, n_layers=2, frequency=5.0)
    found = fit_implicit(A, y, n_steps=400, learning_rate=2e-3, network=network)
    error, zero_filled = ((image - spots()).norm() / spots().norm() for image in (found.image, A.adjoint(y)))
    assert error < 0.25 and error < 0.6 * zero_filled and found.fitted[-1] < 0.01 * found.fitted[0]


def test_the_expected_error_is_near_the_true_one():
    """Of all lines, from those held out: here of 12 lines that are missing or held out, 3 judge."""
    A, y = problem(noise=0.01)
    network = ImplicitImage(n_features=48, n_layers=2, frequency=5.0)
    found = fit_implicit(A, y, n_steps=200, learning_rate=2e-3, held_out=0.4, network=network)
    complete = SenseOperator(A.smaps, torch.ones_like(A.mask))
    true = complete.forward(found.image - spots()).norm() ** 2 / y.norm() ** 2
    assert 0.2 < min(found.expected) / true < 5


def test_what_is_held_out_is_not_fitted():
    """Its values have no say in the weights: they change what is judged, and nothing of what is fitted."""
    A, y = problem()
    outer = outside_centre(A.mask, SHAPE)
    [judged] = drawn_parts(outer, [round(0.4 * int(outer.sum()))], torch.Generator().manual_seed(3))
    changed = torch.where(judged, y.roll(1, dims=-1), y)
    scale = brightness(A.adjoint(y)) / brightness(A.adjoint(changed))  # at which the network sees the data
    options = {"n_steps": 2 * CHECK_EVERY, "network": ImplicitImage(**SMALL), "held_out": 0.4, "seed": 3}
    one, other = (fit_implicit(A, each, **options) for each in (y, changed))
    assert one.held_out != pytest.approx(other.held_out, rel=1e-3)
    assert one.fitted == pytest.approx(other.fitted, rel=0.1) and scale == pytest.approx(1, abs=0.1)


def test_the_result_is_the_step_with_the_least_expected_error():
    A, y = problem(noise=0.2)
    found = fit_implicit(A, y, n_steps=60, learning_rate=0.01, network=ImplicitImage(**SMALL))
    assert found.best_step == found.steps[found.expected.index(min(found.expected))]
    assert found.steps == [*range(0, 60, CHECK_EVERY), 60]
    with torch.no_grad():
        again = found.network(SHAPE)
    scale = found.image.abs().max() / again.abs().max()
    assert torch.allclose(again * scale, found.image, atol=1e-5)


def test_the_units_of_the_data_are_those_of_the_image():
    A, y = problem()
    network = ImplicitImage(**SMALL)
    one, other = (fit_implicit(A, factor * y, n_steps=20, network=network).image for factor in (1, 1000))
    assert torch.allclose(other, 1000 * one, rtol=1e-2, atol=float(other.abs().max()) * 1e-2)


def test_a_network_that_is_given_stays_as_it_was_and_a_seed_names_the_fit():
    A, y = problem()
    network = ImplicitImage(**SMALL)
    before = [each.clone() for each in network.parameters()]
    one, again = (fit_implicit(A, y, n_steps=5, network=network).image for _ in range(2))
    assert torch.equal(one, again)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_steps": 0}, "n_steps=0; expected 1 or more"),
        ({"learning_rate": math.inf}, "expected a number above 0"),
        ({"held_out": 1.0}, "expected a share between 0 and 1"),
        ({"held_out": 1e-3}, "expected at least one: take a larger share"),
    ],
)
def test_numbers_out_of_range_are_refused(options, words):
    A, y = problem()
    with pytest.raises(ValueError, match=words):
        fit_implicit(A, y, **options)


def test_several_scans_or_no_data_are_refused():
    A, y = problem()
    for wrong in (y[None], torch.zeros_like(y)):
        with pytest.raises(ValueError, match="expected one scan that is not zero"):
            fit_implicit(A, wrong)
