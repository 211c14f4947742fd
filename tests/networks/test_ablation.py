"""Parts of a trained network set otherwise: the copy changes, the network does not."""

import pytest
import torch

from mricourse.networks.ablation import changed
from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.modl import MoDL


def test_the_copy_changes_and_the_network_does_not():
    network = AdaptiveMoDL(n_iterations=2, n_features=4, noise_aware=True)
    other = changed(network, turn_phase=False, solver="direct", reg_weight=0.2, noise_power=0.0)
    assert (other.turn_phase, other.solver) == (False, "direct")
    assert other.log_reg_weight.exp().item() == pytest.approx(0.2) and other.noise_power.item() == 0
    assert (network.turn_phase, network.solver) == (True, "cg")
    assert network.log_reg_weight.exp().item() == pytest.approx(0.05) and network.noise_power.item() == 2
    assert torch.equal(next(network.denoisers.parameters()), next(other.denoisers.parameters()))


def test_parts_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="no part 'turn_phase'; expected an attribute of MoDL"):
        changed(MoDL(n_iterations=1, n_features=4), turn_phase=False)
    with pytest.raises(ValueError, match="expected a positive number"):
        changed(MoDL(n_iterations=1, n_features=4), reg_weight=0)
