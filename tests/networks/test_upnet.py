"""UP-Net in miniature: units, sizes, where dropout acts, and what it refuses."""

import pytest
import torch

from mricourse.networks.multi_contrast import MultiContrastNet
from mricourse.networks.reconstructor import Reconstructor, Startable
from mricourse.networks.upnet import UPNet
from mricourse.physics.scan import stack
from mricourse.simulate.fat_water import FatWaterScans
from mricourse.training.recipes import load_recipe, parse_recipe

SCANS = FatWaterScans("train", 2, shape=(36, 33))


def small(**options):
    torch.manual_seed(0)
    return UPNet(**{"n_features": 4, "n_levels": 2} | options)


def batch(*numbers):
    [made] = stack([SCANS[number] for number in numbers])
    return made


def test_it_gives_echoes_and_maps_with_their_uncertainty():
    network, given = small(), batch(0, 1)
    assert isinstance(network, Reconstructor) and isinstance(network, Startable)
    echoes = network(given.A, given.kspace)
    estimate, spread = network.maps(given.A, given.kspace)
    assert echoes.shape == (2, 6, 36, 33) and echoes.is_complex()
    assert estimate.shape == spread.shape == (2, 2, 36, 33) and bool((spread > 0).all())
    seen = []
    network(given.A, given.kspace, trace=seen.append)
    assert torch.equal(seen[0], echoes)


def test_scans_of_a_batch_do_not_mix():
    network, given = small().eval(), batch(0, 1)
    alone = batch(1)
    for together, single in zip(
        network.opened(given.A, given.kspace), network.opened(alone.A, alone.kspace), strict=True
    ):
        assert torch.allclose(together[1:], single, atol=2e-5)


def test_maps_do_not_depend_on_the_units_of_the_data_and_echoes_follow_them():
    network, given = small().double().eval(), batch(0)
    kspace = given.kspace.to(torch.complex128)
    echoes, estimate, spread = network.opened(given.A, kspace)
    others, same, also = network.opened(given.A, 250 * kspace)
    assert torch.allclose(others, 250 * echoes, rtol=1e-6)
    assert torch.allclose(same, estimate, rtol=1e-6) and torch.allclose(also, spread, rtol=1e-6)


def test_a_constant_phase_leaves_the_maps_alone():
    network, given = small().double().eval(), batch(0)
    kspace = given.kspace.to(torch.complex128)
    phase = torch.polar(torch.tensor(1.0).double(), torch.tensor(0.7).double())
    for one, other in zip(network.maps(given.A, kspace), network.maps(given.A, phase * kspace), strict=True):
        assert torch.allclose(one, other, rtol=1e-5)


def test_it_has_less_than_a_hundred_thousand_weights():
    assert sum(parameter.numel() for parameter in load_recipe("upnet").build().parameters()) == 93_596


def test_dropout_acts_while_training_alone():
    network, given = small(dropout=0.5), batch(0)
    first, second = (network.maps(given.A, given.kspace)[0] for _ in range(2))
    assert not torch.equal(first, second)
    network.eval()
    first, second = (network.maps(given.A, given.kspace)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert network.state_dict().keys() == small().state_dict().keys()


def test_a_second_stage_begins_with_the_weights_of_the_first():
    first, second = small(), UPNet(n_features=4, n_levels=2)
    second.start_from(first)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    for wrong in (UPNet(n_features=5), MultiContrastNet(n_iterations=1, n_features=4)):
        with pytest.raises(ValueError, match="expected a UPNet of the same size"):
            second.start_from(wrong)


@pytest.mark.parametrize(
    ("options", "words"), [({"n_echoes": 0}, "n_echoes=0"), ({"dropout": 1.0}, "dropout=1.0; expected 0 or more")]
)
def test_options_out_of_range_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        UPNet(**options)


def test_other_data_are_refused():
    given = batch(0)
    with pytest.raises(ValueError, match="this network maps 5 echoes of a slice together"):
        small(n_echoes=5)(given.A, given.kspace)
    with pytest.raises(ValueError, match="expected .scans, 6, coils, ky, kx."):
        small().maps(given.A, given.kspace[0])


TEXT = (
    'title = "A"\nseed = 0\n[network]\nkind = "upnet"\nn_echoes = {n}\n[data]\n{data}\n[training]\nn_steps = 5\n{loss}'
)


@pytest.mark.parametrize(
    ("n", "data", "loss", "words"),
    [
        (6, 'kind = "contrasts"', "", 'kind of .data. is "contrasts" for a upnet; expected "fat_water"'),
        (
            5,
            'kind = "fat_water"',
            "",
            "contrasts of .network. are echo 1, .*expected those of .data., echo 1, .*echo 6",
        ),
        (6, 'kind = "fat_water"', 'loss = "maps"\ndeep_supervision = 0.5', "deep_supervision is set"),
    ],
)
def test_recipes_that_do_not_fit_together_are_refused(n, data, loss, words):
    with pytest.raises(ValueError, match=words):
        parse_recipe(TEXT.format(n=n, data=data, loss=loss), "mine")


def test_the_loss_of_maps_is_for_networks_that_make_some():
    text = 'title = "A"\nseed = 0\n[network]\nkind = "modl"\n[training]\nn_steps = 5\nloss = "uncertainty"'
    with pytest.raises(ValueError, match="this network makes images alone; expected an upnet"):
        parse_recipe(text, "mine")
