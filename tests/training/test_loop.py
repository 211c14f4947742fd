"""The training loop: the same numbers after a kill and over processes, and a sentence for whatever cannot go on."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_training import N_KILLS, SETTINGS, Repeated, in_double, small_network, small_scans, without_seconds

from mricourse.evaluation.metrics import nmse
from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.physics.scan import stack
from mricourse.training import loop as training
from mricourse.training.loop import Settings, train, validate
from mricourse.training.losses import log_nmse
from mricourse.training.objectives import Supervised
from mricourse.training.state import History

SCRIPT = Path(__file__).parents[1] / "small_training.py"
SHORT = replace(SETTINGS, n_steps=10, validate_every=4, save_every=3)


@pytest.fixture(scope="module")
def scans():
    return small_scans()


def run(command, folder):
    """Run tests/small_training.py; what it reports."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork and SIGKILL, which Windows does not have")
    command = [sys.executable, str(SCRIPT), command, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def same_weights(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items()) and set(first) == set(second)


def stop_at(step):
    def progress(history, loss):
        if history.step == step:
            raise InterruptedError

    return progress


# --- killed, and going on


def test_killed_at_fifty_random_moments_it_ends_with_the_same_numbers(tmp_path):
    report = run("kill", tmp_path)
    kills = [tuple(kill) for kill in report["kills"]]
    assert len(kills) == N_KILLS + 3 and {"half", "before", "after"} <= {doing for doing, _ in kills}
    assert len({step for _, step in kills}) >= 20, "the kills fell at many different steps"
    assert len({doing for doing, _ in kills[:N_KILLS]}) >= 2, "and not only between two saves"
    assert set(report["ends"]) == {report["whole"]}, "weights, best weights, moments and history, bit by bit"
    assert report["left"] == ["aimed.state", "killed.state", "whole.state"], "no half-written file stays"
    assert report["cards"] == ["none", "none", "none", "whole"], "a checkpoint is there completely or not at all"


@pytest.mark.parametrize("stop", [3, 7, 9])
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(scans, tmp_path, stop):
    options = {"validation": scans[:2], "signature": "a"}
    whole = small_network()
    expected = train(whole, Repeated(scans), SHORT, state_file=tmp_path / "whole", **options)
    options["state_file"] = tmp_path / "parts"
    with pytest.raises(InterruptedError):
        train(small_network(), Repeated(scans), SHORT, progress=stop_at(stop), **options)
    parts, steps = small_network(seed=9), []  # other first weights, which the state replaces
    found = train(parts, Repeated(scans), SHORT, progress=lambda history, _: steps.append(history.step), **options)
    assert steps == [*range(stop // 3 * 3 + 1, 11)], "from the last state that was saved"
    assert same_weights(whole.state_dict(), parts.state_dict())
    assert same_weights(load_file(tmp_path / "whole"), load_file(tmp_path / "parts"))
    assert without_seconds(vars(expected)) == without_seconds(vars(found))


def test_a_finished_training_is_not_trained_again(scans, tmp_path):
    network, again = small_network(), small_network(1)
    history = train(network, Repeated(scans), SHORT, validation=scans[:1], state_file=tmp_path / "state")
    assert vars(train(again, [], SHORT, validation=[], state_file=tmp_path / "state")) == vars(history)
    assert same_weights(network.state_dict(), again.state_dict())


@pytest.fixture
def state_file(scans, tmp_path):
    path = tmp_path / "small.state"
    train(small_network(), Repeated(scans), replace(SHORT, n_steps=2), state_file=path, signature="a")
    return path


def flip(content):
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[: len(content) // 2], "is no training state"),
        (lambda content: content[:5], "is no training state"),
        (lambda content: b"", "is no training state"),
        (lambda content: bytes(len(content)), "is no training state"),
        (lambda content: b"PK" + content[2:], "is no training state"),
        (flip, "is damaged"),
        (lambda content: content.replace(b'"a"', b'"b"'), "belongs to another recipe"),
        (lambda content: content.replace(b'step\\": 2', b'step\\": 1'), "is damaged"),
    ],
)
def test_a_damaged_or_foreign_state_is_refused_in_one_sentence(scans, state_file, change, words):
    content = state_file.read_bytes()
    assert change(content) != content
    state_file.write_bytes(change(content))
    with pytest.raises(ValueError, match=words) as error:
        train(small_network(), Repeated(scans), SHORT, state_file=state_file, signature="a")
    assert str(state_file) in str(error.value) and "delete it to begin anew" in str(error.value)
    assert "\n" not in str(error.value)


def test_another_file_in_its_place_is_refused(scans, state_file, tmp_path):
    for signature, network in (("b", small_network()), ("a", ImageDomain(DnCNN(n_features=4, n_layers=2)))):
        with pytest.raises(ValueError, match="another recipe|does not fit the network"):
            train(network, Repeated(scans), SHORT, state_file=state_file, signature=signature)
    save_file({"weight": torch.zeros(2)}, tmp_path / "weights.safetensors")
    for path in (tmp_path / "weights.safetensors", tmp_path):
        with pytest.raises(ValueError, match="is no training state"):
            train(small_network(), Repeated(scans), SHORT, state_file=path)


@pytest.mark.skipif(os.name == "nt", reason="pipes and links")
def test_a_pipe_in_its_place_is_refused_and_a_link_stays_one(scans, state_file, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is no training state"):
        train(small_network(), Repeated(scans), SHORT, state_file=tmp_path / "pipe", signature="a")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    train(small_network(), Repeated(scans), replace(SHORT, n_steps=2), state_file=tmp_path / "link", signature="a")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "elsewhere").is_file()


def test_what_cannot_be_saved_is_said_and_leaves_the_old_state(scans, state_file, monkeypatch):
    before = state_file.read_bytes()

    def full(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="could not be saved to .* [(]No space left on device[)]"):
        train(small_network(), Repeated(scans), SHORT, state_file=state_file, signature="a")
    assert state_file.read_bytes() == before and [*state_file.parent.iterdir()] == [state_file]


# --- shared by processes


def test_two_processes_are_one_with_twice_the_batch(scans, tmp_path):
    first, second = run("share", tmp_path)
    assert {path.name for path in tmp_path.glob("*.state")} == {"0.state"}, "only the first process saves"
    assert [timeless(row) for row in first["rows"]] == [timeless(row) for row in second["rows"]]
    assert first["stopped"] == second["stopped"] == [3, True, 1], "they agree on when to stop"

    double = [in_double(scan) for scan in scans]
    n_batches = [[len(stack(double[i : i + 2])) for i in (first, first + 2)] for first in (0, 4, 8)]
    assert any(one != other for one, other in n_batches), "processes with more and with fewer shapes"
    network = small_network().double()
    settings = replace(SETTINGS, n_steps=12, validate_every=5, batch_size=4)
    history = train(network, Repeated(double), settings, validation=double[:3])
    for name, value in network.state_dict().items():
        for rank in range(2):
            shared = torch.load(tmp_path / f"{rank}.weights", weights_only=True)[name]
            torch.testing.assert_close(shared, value, rtol=1e-9, atol=1e-11)
    for row, shared in zip(history.rows, first["rows"], strict=True):
        assert timeless(shared) == pytest.approx(timeless(row), rel=1e-9)


def timeless(row):
    return {key: value for key, value in row.items() if key != "seconds"}


# --- one step


def test_a_step_over_several_shapes_is_the_mean_over_its_scans(scans):
    double = [in_double(scan) for scan in scans[:7]]
    network = small_network().double()
    gradients = []
    for scan in double:
        network.zero_grad()
        [(A, kspace, reference)] = stack([scan])
        log_nmse(network(A, kspace), reference).backward()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    batches = stack(double)
    assert len(batches) > 2 and max(len(batch.kspace) for batch in batches) > 1
    still = torch.optim.SGD(network.parameters(), lr=0.0)
    value = training._Value(network, Supervised(log_nmse))
    training._step(value, still, batches, replace(SHORT, clip=1e9), seed=0)
    for parameter, *each in zip(network.parameters(), *gradients, strict=True):
        torch.testing.assert_close(parameter.grad, torch.stack(each).mean(dim=0), rtol=1e-10, atol=1e-12)


def test_the_learning_rate_rises_falls_and_is_larger_for_single_numbers(scans):
    settings = Settings(n_steps=100, warmup=10, learning_rate=1e-3, reg_weight_rate=7.0, validate_every=1)
    rates = [settings.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and 0.95 < max(rates) < 1 and rates.index(max(rates)) == 9
    assert all(a < b for a, b in zip(rates[:9], rates[1:10], strict=True))
    assert all(a > b for a, b in zip(rates[9:-1], rates[10:], strict=True)) and rates[-1] == pytest.approx(
        0.02, abs=5e-4
    )
    assert Settings(n_steps=5, warmup=0).rate(0) == 1.0

    network = small_network()
    groups = training._parameter_groups(network, settings)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert [names[id(parameter)] for parameter in groups[1]["params"]] == ["log_reg_weight", "noise_power"]
    assert [group["full_rate"] for group in groups] == pytest.approx([1e-3, 7e-3])
    assert len(training._parameter_groups(ImageDomain(DnCNN(n_features=4, n_layers=2)), settings)) == 1
    history = train(network, Repeated(scans), replace(settings, n_steps=4))
    assert [row["learning_rate"] for row in history.rows] == pytest.approx(
        [1e-3 * replace(settings, n_steps=4).rate(step) for step in range(4)]
    )


def test_bfloat16_stays_close_and_leaves_weights_and_physics_in_float32(scans):
    rows = []
    for precision in ("float32", "bfloat16"):
        network = small_network()
        history = train(network, Repeated(scans), replace(SHORT, precision=precision), validation=scans[:2])
        assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
        rows.append(history.rows[-1])
    assert rows[0]["loss"] != rows[1]["loss"]
    assert rows[1]["loss"] == pytest.approx(rows[0]["loss"], abs=0.1)  # dB
    assert rows[1]["validation"] == pytest.approx(rows[0]["validation"], abs=0.1)


@pytest.mark.parametrize(
    "spoil", [lambda value: value * math.nan, lambda value: value * math.inf, lambda value: value.clamp(max=-99).sqrt()]
)
def test_a_step_that_is_not_finite_is_refused_before_the_weights_are(scans, tmp_path, spoil):
    network, path = small_network(), tmp_path / "state"
    calls = []

    def loss(image, reference):
        calls.append(0)
        value = log_nmse(image, reference)
        return value if len(calls) < 5 else spoil(value)

    settings = replace(SHORT, batch_size=1, save_every=1)
    with pytest.raises(FloatingPointError, match="expected finite numbers: lower learning_rate"):
        train(network, Repeated(scans), settings, objective=Supervised(loss), state_file=path)
    assert all(value.isfinite().all() for value in network.state_dict().values())
    assert train(network, Repeated(scans), replace(SHORT, batch_size=1), state_file=path).step == 10


def test_a_finite_loss_with_an_infinite_gradient_is_refused(scans):
    def loss(image, reference):
        return (image - image.detach()).abs().square().sum().sqrt()  # 0, and its slope is 0 / 0

    with pytest.raises(FloatingPointError, match="loss of a step is 0.0 and the norm of its gradient nan"):
        train(small_network(), Repeated(scans), SHORT, objective=Supervised(loss))


def test_deep_supervision_adds_the_loss_of_the_images_on_the_way(scans):
    def first_loss(settings):
        torch.manual_seed(0)
        network, seen = AdaptiveMoDL(n_iterations=2, n_features=4, n_layers=2), []
        train(network, Repeated(scans[:1]), settings, progress=lambda history, loss: seen.append(loss))
        return seen[0]

    settings = replace(SHORT, n_steps=1, batch_size=1)
    plain = first_loss(settings)
    torch.manual_seed(0)
    [(A, kspace, reference)] = stack(scans[:1])
    images = AdaptiveMoDL(n_iterations=2, n_features=4, n_layers=2).iterates(A, kspace)
    on_the_way = [float(log_nmse(image.detach(), reference)) for image in images[1:-1]]  # z_0, x_1, z_1
    assert plain == pytest.approx(float(log_nmse(images[-1].detach(), reference)), abs=1e-4)
    assert first_loss(replace(settings, deep_supervision=0.5)) == pytest.approx(
        plain + 0.5 * sum(on_the_way) / 3, abs=1e-3
    )
    with pytest.raises(ValueError, match="deep_supervision is set, but this network does not iterate"):
        train(ImageDomain(DnCNN(n_features=4)), Repeated(scans), replace(SHORT, deep_supervision=0.5))


# --- what it validates, keeps and tells


def test_the_best_weights_are_kept_and_patience_ends_it(scans):
    network, seen = small_network(), {}
    settings = replace(SHORT, n_steps=40, validate_every=2, patience=3, learning_rate=0.05)

    def progress(history, loss):
        seen[history.step] = {name: value.clone() for name, value in network.state_dict().items()}

    worse = Supervised(lambda image, reference: -log_nmse(image, reference))
    history = train(network, Repeated(scans), settings, validation=scans[:2], objective=worse, progress=progress)
    scores = [row["validation"] for row in history.rows]
    assert history.best == max(scores) and history.best_step == history.rows[scores.index(max(scores))]["step"]
    assert history.stopped_early and history.step == history.best_step + 3 * 2 < 40
    assert same_weights(network.state_dict(), seen[history.best_step])
    assert not same_weights(network.state_dict(), seen[history.step])
    assert validate(network, scans[:2]) == pytest.approx(history.best, rel=1e-6)


def test_an_early_end_is_saved_too(scans, tmp_path):
    settings = replace(SHORT, n_steps=40, validate_every=1, patience=1, learning_rate=0.05, save_every=30)
    options = {
        "objective": Supervised(lambda *images: -log_nmse(*images)),
        "state_file": tmp_path / "state",
        "validation": scans[:1],
    }
    history = train(small_network(), Repeated(scans), settings, **options)
    assert history.stopped_early and vars(train(small_network(), [], settings, **options)) == vars(history)


def test_without_validation_the_last_weights_stay(scans):
    network, last = small_network(), {}
    history = train(network, Repeated(scans), SHORT, progress=lambda h, _: last.update(network.state_dict()))
    assert same_weights(network.state_dict(), last) and history.best == -math.inf
    assert [set(row) for row in history.rows] == [{"step", "loss", "learning_rate", "seconds"}] * 3


def test_progress_hears_of_every_step_and_rows_average_the_losses(scans):
    heard = []
    network, before = small_network(), torch.get_rng_state()
    history = train(network, Repeated(scans), SHORT, progress=lambda h, loss: heard.append((h.step, loss)))
    assert [step for step, _ in heard] == [*range(1, 11)]
    losses = [loss for _, loss in heard]
    assert [row["step"] for row in history.rows] == [4, 8, 10]
    means = [sum(part) / len(part) for part in (losses[:4], losses[4:8], losses[8:])]
    assert [row["loss"] for row in history.rows] == pytest.approx(means)
    assert history.rows[-1]["seconds"] == history.seconds > 0
    assert torch.equal(before, torch.get_rng_state()), "the global generator stays untouched"


def test_it_learns(scans):
    torch.manual_seed(0)
    network = ImageDomain(DnCNN(n_features=8, n_layers=3))
    before = validate(network, scans[:4])
    train(network, Repeated(scans[:4]), replace(SETTINGS, n_steps=60, batch_size=4, learning_rate=1e-2))
    assert validate(network, scans[:4]) > before + 0.5  # dB


# --- the loss and the settings


def test_log_nmse_is_the_error_in_db_whatever_the_scale():
    generator = torch.Generator().manual_seed(0)
    image, reference = torch.view_as_complex(torch.randn(2, 3, 9, 7, 2, generator=generator))
    each = 10 * torch.log10((image - reference).abs().square().sum((-2, -1)) / reference.abs().square().sum((-2, -1)))
    assert float(log_nmse(image, reference)) == pytest.approx(float(each.mean()), rel=1e-6)
    for scale in (1e-6, 1e6):
        assert float(log_nmse(scale * image, scale * reference)) == pytest.approx(float(each.mean()), rel=1e-5)
    magnitudes = 10 * math.log10(nmse(image[0].abs(), reference[0].abs()))
    assert float(log_nmse(image[0].abs(), reference[0].abs())) == pytest.approx(magnitudes, rel=1e-6)


@pytest.mark.parametrize(
    "reference", [torch.ones(4, 4, dtype=torch.complex64), torch.zeros(4, 4, dtype=torch.complex64)]
)
def test_log_nmse_has_a_finite_gradient_where_there_is_no_error_and_no_object(reference):
    image = reference.clone().requires_grad_()
    loss = log_nmse(image, reference)
    loss.backward()
    assert loss.item() == pytest.approx(-80) and torch.equal(image.grad, torch.zeros_like(image))


COUNTS = ("n_steps", "batch_size", "validate_every", "save_every")


@pytest.mark.parametrize(
    "wrong",
    [{name: value} for name in COUNTS for value in (0, -1, 1.5, True)]
    + [{"warmup": -1}, {"patience": -1}, {"patience": 0.5}, {"clip": 0.0}, {"clip": math.nan}, {"clip": math.inf}]
    + [{"learning_rate": value} for value in (0, 1.0, -1e-3, math.nan)]
    + [{"reg_weight_rate": -1.0}, {"deep_supervision": -0.5}, {"deep_supervision": math.inf}, {"precision": "float16"}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"^{name} is {value!r}; expected .*[.]$"):
        Settings(**{"n_steps": 5} | wrong)


def test_a_history_is_what_a_state_file_can_hold():
    history = History(rows=[{"step": 1, "loss": -1.5}], step=1)
    assert History(**json.loads(json.dumps(vars(history)))) == history
