"""A training on a pretend GPU ends with the weights of one on the CPU, also after a kill, and from either device."""

from dataclasses import replace

import pytest
import torch
from counted_work import counted_work
from pretend_gpu import pretend_gpu
from small_training import SETTINGS, Repeated, small_network, small_scans, without_seconds

from mricourse.training.loop import train

SHORT = replace(SETTINGS, n_steps=8, validate_every=4, save_every=3)


@pytest.fixture(scope="module")
def scans():
    return small_scans(6)


def stop_at(step):
    def progress(history, loss):
        if history.step == step:
            raise InterruptedError

    return progress


def trained(scans, device, state_file=None, settings=SHORT, **options):
    """The network and its history; on the GPU where that is the device."""
    network = small_network()
    options = {"validation": scans[:2], "signature": "a", "state_file": state_file, **options}
    history = train(network, Repeated(scans), settings, device=device, **options)
    return network, without_seconds(vars(history))


def assert_close(here, there, **tolerance):
    for name, value in here.state_dict().items():
        torch.testing.assert_close(there.state_dict()[name].cpu(), value.cpu(), **tolerance)


def test_a_training_on_the_gpu_ends_as_one_on_the_cpu(scans):
    here, history = trained(scans, "cpu")
    with pretend_gpu(), counted_work() as work:
        there, found = trained(scans, "cuda")
        assert all(value.is_cuda for value in there.state_dict().values())
        assert_close(here, there)
    assert found["best_step"] == history["best_step"] and found["best"] == pytest.approx(history["best"], rel=1e-4)
    assert work.share("cuda") > 0.97, work.by_name


@pytest.mark.parametrize(("first", "second"), [("cuda", "cuda"), ("cuda", "cpu"), ("cpu", "cuda")])
def test_a_killed_training_goes_on_on_either_device(scans, tmp_path, first, second):
    with pretend_gpu():
        whole, history = trained(scans, "cuda")
        with pytest.raises(InterruptedError):
            trained(scans, first, tmp_path / "state", progress=stop_at(5))
        steps = []
        parts, found = trained(scans, second, tmp_path / "state", progress=lambda h, _: steps.append(h.step))
        assert steps == [4, 5, 6, 7, 8], "from the last state that was saved"
        exact = {"rtol": 0, "atol": 0} if first == second == "cuda" else {}
        assert_close(whole, parts, **exact)
    assert found["step"] == history["step"]
