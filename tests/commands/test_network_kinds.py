"""Every kind of network goes through the commands: train, evaluate on its card and on a scan, reconstruct, go on."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_networks import SMALL, STARTS, small_options
from tiny_recipe import RECIPE

from mricourse.clinical.file_to_image import reconstruct_file
from mricourse.datasets.scan_files import open_scans
from mricourse.evaluation import rivals, tuning
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import random_mask
from mricourse.reconstruct.methods import with_smaps
from mricourse.simulate.protocols import contrast_scan
from mricourse.training import run
from mricourse.training.cards import shipped
from mricourse.training.checkpoints import load_checkpoint, save_checkpoint
from mricourse.training.recipes import BODIES, NETWORKS, parse_recipe, unseen_scans
from mricourse.training.state import History

LOSSES = {"ista_net": "symmetry", "end_to_end_varnet": "magnitude"}


def recipe_text(kind, *, n_iterations=2, start=None):
    head, rest = RECIPE.split("[network]")
    options = {"kind": kind} | ({} if kind in BODIES else small_options(kind, n_iterations))
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    head += "" if start is None else f'start = "{start}"\n'
    training = f'[training]\nn_steps = 4\nwarmup = 2\nloss = "{LOSSES.get(kind, "log_nmse")}"\n'
    return (
        head
        + "\n".join(["[network]", *lines])
        + "\n\n[data]"
        + rest.split("[data]")[1].split("[training]")[0]
        + training
    )


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(run, "N_VALIDATION", 1)
    monkeypatch.setattr(run, "unseen_scans", lambda recipe: unseen_scans(recipe, 1))
    monkeypatch.setattr(rivals, "RIVALS", {"wavelet Haar": "haar"})
    monkeypatch.setattr(tuning, "WEIGHTS", (2e-3,))


def trained(recipe, mricourse, folder):
    """Train by the text of a recipe and evaluate on its card; returns the path of the weights."""
    (folder / "mine.toml").write_text(recipe)
    code, out, error = mricourse("train", folder / "mine.toml", "-o", folder, "--device", "cpu")
    assert code == 0 and "mine: 4 steps in" in out, error
    weights = folder / "mine.safetensors"
    code, out, error = mricourse("evaluate", weights)
    assert code == 0 and "mine, 1 slices of the unseen head" in out, error
    return weights


def refused(weights, mricourse, folder, words, *, n_coils):
    """Assert that the checkpoint refuses a scan of 80 x 72 samples in these words and writes nothing."""
    scan = contrast_scan("s1", "T1w", shape=(80, 72), n_coils=n_coils, noise_std=0.003, seed=1)
    np.save(folder / "scan.npy", (scan.kspace * random_mask(80, 3, acs=24)).numpy())
    image = folder / "image.npy"
    code, out, error = mricourse("reconstruct", folder / "scan.npy", "-o", image, "--checkpoint", weights)
    assert code != 0 and words in error, out + error
    assert "Traceback" not in error and not image.exists()


@pytest.mark.parametrize("kind", [kind for kind in SMALL if kind != "modl"])  # which the other tests take
def test_a_network_of_every_kind_goes_through_the_commands(kind, quick, mricourse, tmp_path):
    weights = trained(recipe_text(kind), mricourse, tmp_path)

    scan = contrast_scan("s1", "T1w", shape=(80, 72), n_coils=4, noise_std=0.003, seed=1)
    np.save(tmp_path / "complete.npy", scan.kspace.numpy())
    options = ["--data", tmp_path / "complete.npy", "--pattern", "random", "--acceleration", 3]
    code, out, error = mricourse("evaluate", weights, *options)
    assert code == 0 and "mine" in out, error
    mask = random_mask(80, 3, acs=24)
    np.save(tmp_path / "scan.npy", (scan.kspace * mask).numpy())
    for name in ("image.npy", "image.h5", "image.png"):
        code, out, error = mricourse(
            "reconstruct", tmp_path / "scan.npy", "-o", tmp_path / name, "--checkpoint", weights
        )
        assert code == 0 and "checkpoint mine" in out, error
    image = np.load(tmp_path / "image.npy")
    assert image.shape == (80, 72) and np.isfinite(image).all() and np.abs(image).max() > 0
    assert np.iscomplexobj(image) == (kind != "end_to_end_varnet"), "which makes magnitudes"
    assert abs(factor_of(torch.from_numpy(image), scan, mask) - 1) < 0.3, (
        "hardly trained, but of the right scale and phase"
    )


def factor_of(image, scan, mask):
    """By what an image is too large, and turned: of its k-space against the data, of a magnitude against the truth."""
    if not image.is_complex():
        truth = scan.reference.abs()
        return complex((truth * image).sum() / truth.square().sum())
    measured = with_smaps(replace(scan.undersample(mask), smaps=None))  # the command knows no others
    predicted = SenseOperator(measured.smaps, mask).forward(image.to(torch.complex64))
    return complex(torch.vdot(measured.kspace.flatten(), predicted.flatten()) / measured.kspace.abs().square().sum())


@pytest.mark.parametrize("kind", [kind for kind in SMALL if kind in STARTS])
def test_a_recipe_of_every_kind_may_start_from_one_of_fewer_iterations(kind):
    first = parse_recipe(recipe_text(kind, n_iterations=1), "first").build()
    parse_recipe(recipe_text(kind, n_iterations=2, start="first"), "second").build().start_from(first)


CONTRASTS = """\
title = "A tiny DISN"
seed = 1
[network]
kind = "multi_contrast"
n_iterations = 2
n_features = 4
n_layers = 2
[data]
kind = "contrasts"
shape = [40, 36]
[training]
n_steps = 4
warmup = 2
"""


def test_a_network_of_several_contrasts_trains_and_is_evaluated_and_refuses_one(quick, mricourse, tmp_path):
    weights = trained(CONTRASTS, mricourse, tmp_path)
    refused(weights, mricourse, tmp_path, "this network reconstructs T1w, T2w, FLAIR of a slice together", n_coils=4)


ECHOES = """\
title = "A tiny UP-Net"
seed = 1
[network]
kind = "upnet"
n_features = 2
n_levels = 1
[data]
kind = "fat_water"
shape = [40, 36]
[training]
n_steps = 4
warmup = 2
loss = "uncertainty"
"""


def test_a_network_of_echoes_trains_and_is_evaluated_and_refuses_one(quick, mricourse, tmp_path):
    weights = trained(ECHOES, mricourse, tmp_path)
    refused(weights, mricourse, tmp_path, "this network reconstructs echo 1, echo 2, echo 3", n_coils=4)


AUTOMAP = """\
title = "A tiny AUTOMAP"
seed = 1
[network]
kind = "automap"
shape = [36, 32]
n_features = 4
shared = true
[data]
kind = "task"
task = "undersampling"
shape = [36, 32]
strength = [2, 2]
[training]
n_steps = 4
warmup = 2
"""


def test_a_network_of_one_matrix_trains_and_is_evaluated_and_refuses_another(quick, mricourse, tmp_path):
    weights = trained(AUTOMAP, mricourse, tmp_path)
    refused(weights, mricourse, tmp_path, "the scan is of 80 x 72 samples; expected 36 x 32", n_coils=1)


REFUSALS = {  # kind -> why it takes no scan of one contrast and any matrix
    "automap": "the scan is of 80 x 72 samples; expected 36 x 32",
    "multi_contrast": "this network reconstructs T1w, T2w, FLAIR of a slice together",
    "upnet": "this network reconstructs echo 1, echo 2, echo 3",
}


def untrained(kind, folder, monkeypatch):
    """Path of the weights of a small network as it is made."""
    text = {"automap": AUTOMAP, "multi_contrast": CONTRASTS, "upnet": ECHOES}.get(kind) or recipe_text(kind)
    recipe = parse_recipe(text, kind)
    network = recipe.build().eval()
    metrics = {"psnr": 30.0, "ssim": 0.9, "nmse": 0.01, "psnr_zero_filled": 20.0, "n_slices": 1}
    monkeypatch.setattr(run, "evaluate", lambda *args: metrics)
    save_checkpoint(network, run.make_card(recipe, network, History()), folder)
    return folder / f"{kind}.safetensors"


@pytest.fixture(scope="module")
def scan_file(tmp_path_factory):
    scan = contrast_scan("s1", "T1w", shape=(80, 72), n_coils=4, noise_std=0.003, seed=1)
    file = tmp_path_factory.mktemp("scan") / "scan.npy"
    np.save(file, (scan.kspace * random_mask(80, 3, acs=24)).numpy())
    return file


@pytest.mark.parametrize("kind", [*NETWORKS, *BODIES])
def test_a_network_of_every_kind_reconstructs_a_file_of_several_coils_or_says_why_not(
    kind, scan_file, mricourse, tmp_path, monkeypatch
):
    """A new kind is met here before anybody has trained it."""
    torch.manual_seed(0)
    weights = untrained(kind, tmp_path, monkeypatch)
    code, out, error = mricourse("reconstruct", scan_file, "-o", tmp_path / "image.npy", "--checkpoint", weights)
    if kind in REFUSALS:
        assert code == 2 and REFUSALS[kind] in error and error.count("\n") == 1
        assert not (tmp_path / "image.npy").exists()
    else:
        assert code == 0 and f"checkpoint {kind}" in out, error
        image = np.load(tmp_path / "image.npy")
        assert image.shape == (80, 72) and np.isfinite(image).all() and np.abs(image).max() > 0


@pytest.mark.parametrize("name", [name for name in shipped() if load_checkpoint(name).recipe.data["kind"] == "scans"])
def test_every_shipped_network_for_several_coils_does_too(name, scan_file, tmp_path):
    reconstruct_file(scan_file, tmp_path / "image.npy", checkpoint=load_checkpoint(name))
    scan = with_smaps(open_scans(scan_file).scan(0))
    truth = contrast_scan("s1", "T1w", shape=(80, 72), n_coils=4, noise_std=0.003, seed=1).reference.abs()
    found = [torch.from_numpy(np.load(tmp_path / "image.npy")), normalised(scan)[0].adjoint(scan.kspace)]
    network, zero_filled = (psnr(best_scale(image.abs(), truth), truth) for image in found)
    assert network > zero_filled - (2 if name in BODIES else -0.5), "those that see images only want larger ones"
