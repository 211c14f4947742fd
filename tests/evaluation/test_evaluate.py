"""`mricourse evaluate`: the metrics of every card again, and measured scans beside the tuned wavelet."""

import json
import operator
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from mricourse.datasets.kspace_checks import infer_mask
from mricourse.datasets.real import load_real
from mricourse.evaluation import comparison
from mricourse.evaluation.comparison import Sampling, compare_scans, samplings, turned, undersample
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.evaluation.rivals import rival_scores
from mricourse.evaluation.scores import evaluate
from mricourse.evaluation.tuning import FIRST, TOLERANCE, WEIGHTS, converged, tuned, tuned_tv, tuned_wavelet
from mricourse.physics.coil_combination import combine
from mricourse.physics.coil_maps import espirit
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acs_lines_of
from mricourse.physics.scan import Scan
from mricourse.reconstruct.sparsity import wavelet_reconstruction
from mricourse.reconstruct.total_variation import tv_reconstruction
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.protocols import contrast_scan
from mricourse.training import reproduction
from mricourse.training.adaptation import AdaptationSettings
from mricourse.training.cards import shipped
from mricourse.training.checkpoints import load_checkpoint
from mricourse.training.recipes import unseen_scans
from mricourse.training.reproduction import TOLERANCE_DB, reproduce
from mricourse.training.trained_range import outside_range


def complete_scan(seed=0, n_coils=4, shape=(80, 72)):
    """Complete noisy k-space of a slice of the unseen head, without maps."""
    scan = contrast_scan("s1", "T1w", shape=shape, n_coils=n_coils, noise_std=0.003, seed=seed)
    return Scan(scan.kspace, None, infer_mask(scan.kspace))


@pytest.fixture(scope="module")
def scans():
    return [complete_scan(seed) for seed in range(2)]


@pytest.fixture
def folder(scans, tmp_path):
    """Two files of complete k-space, one of them with maps, which are not to be used."""
    place = tmp_path / "scans"
    place.mkdir()
    np.save(place / "a.npy", scans[0].kspace.numpy())
    np.savez(place / "b.npz", kspace=scans[1].kspace.numpy(), smaps=simulate_coils(4, (80, 72)).numpy())
    (place / "notes.txt").write_text("not a scan")
    return place


# --- the card ---


def test_a_card_is_reproduced(tiny_checkpoint, mricourse, tmp_path):
    code, out, error = mricourse("evaluate", tiny_checkpoint, "-o", tmp_path / "numbers.json")
    assert code == 0 and error == "" and "tiny, 2 slices of the unseen head" in out
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    stated = load_checkpoint(tiny_checkpoint).card.metrics
    assert numbers["stated"] == stated and numbers["found"] == pytest.approx(stated, abs=1e-3)
    assert f"{stated['psnr']:.4f}" in out.splitlines()[3]


@pytest.mark.parametrize(("change_db", "code"), [(0.008, 0), (-0.008, 0), (0.013, 1), (-0.2, 1), (9.0, 1)])
def test_a_card_that_says_something_else_fails(tiny_checkpoint, mricourse, tmp_path, monkeypatch, change_db, code):
    shutil.copy(tiny_checkpoint, tmp_path)
    card = load_checkpoint(tiny_checkpoint).card
    found = card.metrics
    stated = replace(card, metrics=found | {"psnr": found["psnr"] + change_db})
    (tmp_path / "tiny.json").write_text(stated.text())
    monkeypatch.setattr(reproduction, "evaluate", lambda *args, **options: found)
    ended, out, error = mricourse("evaluate", tmp_path / "tiny.safetensors")
    assert ended == code and "PSNR" in out
    words = f"mricourse: tiny is {abs(change_db):.2f} dB from its card; expected at most 0.01 dB"
    assert (error.startswith(words) and error.count("\n") == 1) if code else error == ""


def test_other_anatomies_are_refused(tiny_checkpoint, mricourse, monkeypatch):
    monkeypatch.setattr(reproduction, "data_sha256", lambda: "0" * 64)
    code, out, error = mricourse("evaluate", tiny_checkpoint)
    assert code == 2 and out == "" and "anatomies.h5 is not what the card of tiny was made with" in error


def test_progress_counts_slices(tiny_checkpoint):
    seen = []
    reproduce(load_checkpoint(tiny_checkpoint), progress=lambda: seen.append(0))
    assert len(seen) == 2


UNSEEN = {}


def unseen(recipe):
    """The slices that a card is measured on, simulated once for all recipes with the same data."""
    data = json.dumps(recipe.data, sort_keys=True)
    if data not in UNSEEN:
        UNSEEN[data] = list(unseen_scans(recipe))
    return UNSEEN[data]


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_card_is_reproduced(name):
    """That at least `modl` is shipped is tested in test_checkpoints.py, so this cannot pass for want of cards."""
    checkpoint = load_checkpoint(name)
    found = evaluate(checkpoint.network, unseen(checkpoint.recipe)[: checkpoint.card.metrics["n_slices"]])
    for metric, stated in checkpoint.card.metrics.items():
        assert abs(found[metric] - stated) <= TOLERANCE_DB, metric


# --- measured scans ---


def test_a_file_gives_a_table(tiny_checkpoint, mricourse, folder, tmp_path):
    words = ["--pattern", "random", "--acceleration", "2.5", "--acs", "14", "-o", tmp_path / "numbers.json"]
    code, out, error = mricourse("evaluate", tiny_checkpoint, "--data", folder / "a.npy", *words)
    assert code == 0
    *rows, noise = [line.split() for line in out.splitlines()]
    assert len(rows) == 7 and all(row[0] == "a.npy" and row[1:5] == ["random", "R", "=", "2.5"] for row in rows[1:])
    assert " ".join(noise).startswith("a.npy: its reference has noise of its own, ")
    content = json.loads((tmp_path / "numbers.json").read_text())
    methods = [score["method"] for score in content["scores"]]
    assert methods == ["zero-filled", "wavelet db2", "wavelet Haar", "TV", "best of these", "tiny"]
    psnrs = [score["psnr"] for score in content["scores"]]
    assert psnrs[4] == max(psnrs[1:4]) > psnrs[0]
    assert all(f"{value:.2f}" in out for value in psnrs)
    assert content["differences"] == [] and content["weights_sha256"]
    assert 40 < content["reference_noise"]["a.npy"] < 60
    assert all(abs(score["psnr_without_noise"] - score["psnr"]) < 1 for score in content["scores"])


def test_a_folder_gives_paired_differences(tiny_checkpoint, mricourse, folder, tmp_path, one_rival):
    words = ["--pattern", "equispaced", "--acceleration", "5", "--acs", "14", "-o", tmp_path / "numbers.json"]
    code, out, error = mricourse("evaluate", tiny_checkpoint, "--data", folder, *words)
    assert code == 0, error
    for line in error.splitlines():  # few pixels
        assert line[11:].startswith(("a.npy, equispaced R = 5, is outside", "b.npz, equispaced R = 5, is outside"))
    content = json.loads((tmp_path / "numbers.json").read_text())
    assert [score["scan"] for score in content["scores"]] == ["a.npy"] * 4 + ["b.npz"] * 4
    by_method = {}
    for score in content["scores"]:
        by_method.setdefault(score["method"], []).append(score["psnr"])
    for difference in content["differences"]:
        gains = np.subtract(by_method["tiny"], by_method[difference["method"]])
        assert difference["gains"] == pytest.approx(list(gains)) and difference["interval"] is None
        each = f"{gains.mean():+.2f} dB, each: {gains[0]:+.2f}, {gains[1]:+.2f}"
        assert f"2 scans: tiny minus {difference['method']} {each}" in out
    assert len(content["differences"]) == 3


@pytest.fixture
def one_rival(monkeypatch):
    """A rival that costs little: Haar wavelets at one weight."""
    monkeypatch.setattr("mricourse.evaluation.rivals.RIVALS", {"wavelet": "haar"})
    monkeypatch.setattr("mricourse.evaluation.rivals.FINE_TOLERANCE", 1e-2)
    monkeypatch.setattr("mricourse.evaluation.tuning.WEIGHTS", (2e-3,))


def test_several_masks_of_both_axes(tiny_checkpoint, mricourse, folder, tmp_path, one_rival):
    words = [
        "--acceleration",
        "3",
        "--acs",
        "14",
        "--masks",
        "3",
        "--turn",
        "--seed",
        "5",
        "-o",
        tmp_path / "numbers.json",
    ]
    code, out, error = mricourse("evaluate", tiny_checkpoint, "--data", folder / "a.npy", *words)
    assert code == 0, error
    content = json.loads((tmp_path / "numbers.json").read_text())
    tiny = [score for score in content["scores"] if score["method"] == "tiny"]
    best = [score for score in content["scores"] if score["method"] == "best of these"]
    kinds = [(score["scan"], score["sampling"], score["seed"]) for score in tiny]
    axes = ("a.npy", "a.npy, turned")
    assert kinds == [
        (axis, kind, seed)
        for axis in axes
        for kind, seeds in {"equispaced R = 3": [None], "random R = 3": [5, 6, 7]}.items()
        for seed in seeds
    ]
    assert len({score["psnr"] for score in tiny}) == 8
    for first, axis in ((1, axes[0]), (5, axes[1])):
        values = np.array([score["psnr"] for score in tiny[first : first + 3]])
        line = next(
            each for each in out.split(f"\n{axis}, random R = 3, net R = ")[1].splitlines() if each.startswith("tiny ")
        )
        assert line.split()[1] == f"{values.mean():.2f}" and line.split()[-3:] == [f"{value:.2f}" for value in values]
        gains = values - [score["psnr"] for score in best[first : first + 3]]
        each = ", ".join(f"{gain:+.2f}" for gain in gains)
        assert f"tiny minus best of these {gains.mean():+.2f} dB, each: {each}" in out
    over_axes = [
        each for each in content["differences"] if each["over"] == "scans" and each["sampling"] == "random R = 3"
    ]
    gains = next(each["gains"] for each in over_axes if each["method"] == "best of these")
    differences = np.array([score["psnr"] for score in tiny]) - [score["psnr"] for score in best]
    assert gains == pytest.approx([differences[1:4].mean(), differences[5:].mean()])
    assert error.count("a.npy, random R = 3, is outside") <= 1


def test_what_the_rivals_reached_is_kept_for_the_next_network(
    tiny_checkpoint, mricourse, folder, one_rival, monkeypatch
):
    words = ["evaluate", tiny_checkpoint, "--data", folder / "a.npy", "--pattern", "random", "--acceleration", "3"]
    _, first, _ = mricourse(*words, "--acs", "14")

    def tuned_again(*args, **options):
        raise ValueError("tuned again")

    monkeypatch.setattr("mricourse.evaluation.rivals.converged", tuned_again)
    code, second, error = mricourse(*words, "--acs", "14")
    assert code == 0 and second == first, error
    for other in (["--acs", "16"], ["--acs", "14", "--seed", "1"]):
        code, _, error = mricourse(*words, *other)
        assert code == 2 and "tuned again" in error
    monkeypatch.setattr("mricourse.evaluation.rivals.FINE_TOLERANCE", 1e-3)
    code, _, error = mricourse(*words, "--acs", "14")
    assert code == 2 and "tuned again" in error


def test_a_kept_result_that_cannot_be_read_is_found_again(scans, tmp_path, one_rival):
    complete = comparison.complete_scan(scans[0])
    kept = comparison.keep(complete, Sampling("random", 3, 14).mask(80))
    first = rival_scores(complete, kept, None, folder=tmp_path)
    [file] = tmp_path.iterdir()
    for content in ("", "[1]", '{"psnr": 1, "nonsense": 2}'):
        file.write_text(content)
        assert rival_scores(complete, kept, None, folder=tmp_path) == first
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    assert rival_scores(complete, kept, None, folder=blocked) == first


def test_a_rival_is_tuned_coarsely_and_solved_finely(scans, monkeypatch):
    """The weight, searched at a coarse tolerance, gives what a search at the fine one gives."""
    monkeypatch.setattr("mricourse.evaluation.tuning.WEIGHTS", (1e-3, 2e-3, 3e-3, 5e-3))
    reference, kept = undersample(scans[0], Sampling("random", 3, 16).mask(80))
    A, kspace, _ = normalised(kept)
    image, weight = converged(A, kspace, reference, "haar", tolerance=2e-4)
    closer, fine_weight = tuned(A, kspace, reference, "haar", tolerance=2e-4)
    assert weight == float(fine_weight) and torch.equal(image, closer)


def test_an_adapted_network_is_scored_beside_the_other(
    tiny_checkpoint, mricourse, folder, tmp_path, monkeypatch, one_rival
):
    monkeypatch.setattr("mricourse.training.adaptation.AdaptationSettings", partial(AdaptationSettings, n_steps=3))
    words = ["--pattern", "random", "--acceleration", "2.5", "--acs", "14", "--adapt", "-o", tmp_path / "numbers.json"]
    code, out, error = mricourse("evaluate", tiny_checkpoint, "--data", folder / "a.npy", *words)
    assert code == 0, error
    scores = {each["method"]: each["psnr"] for each in json.loads((tmp_path / "numbers.json").read_text())["scores"]}
    assert list(scores)[-2:] == ["tiny", "tiny, adapted"] and scores["tiny, adapted"] > scores["tiny"] - 0.1


def test_standard_samplings():
    assert list(map(str, samplings())) == ["equispaced R = 4", "random R = 4", "random R = 6"]
    assert list(map(str, samplings("random"))) == ["random R = 4", "random R = 6"]
    assert list(map(str, samplings("variable_density"))) == ["variable density R = 4"]
    assert list(map(str, samplings(None, 5))) == ["equispaced R = 5", "random R = 5"]
    assert samplings("random", 3, acs=20, seed=7) == [Sampling("random", 3, 20, 7)]
    assert samplings(None, 3, acs=20, seed=7, n_masks=2) == [
        Sampling("equispaced", 3, 20, 7),
        *(Sampling("random", 3, 20, seed) for seed in (7, 8)),
    ]
    masks = [Sampling("random", 4, 24, seed).mask(256) for seed in (0, 0, 1)]
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])


def test_the_reference_has_all_samples_and_the_scan_only_those_kept(scans):
    mask = Sampling("equispaced", 3, 16).mask(80)
    with_maps = replace(scans[0], smaps=simulate_coils(4, (80, 72)))
    reference, kept = undersample(with_maps, mask)
    kspace = scans[0].kspace / scans[0].kspace.abs().max()
    assert torch.equal(kept.kspace, torch.where(mask, kspace, 0)) and torch.equal(kept.mask, mask)
    assert torch.equal(kept.smaps, espirit(kept.kspace / kept.kspace.abs().max(), acs=(acs_lines_of(mask), 24)))
    maps = espirit(kspace, acs=24)
    assert float((reference - combine(ifft2c(kspace), maps)).norm() / reference.norm()) < 1e-5


@pytest.mark.parametrize(("tune", "solve"), [(tuned_wavelet, wavelet_reconstruction), (tuned_tv, tv_reconstruction)])
def test_a_tuned_weight_is_better_than_its_neighbours(scans, tune, solve):
    reference, kept = undersample(scans[0], Sampling("random", 2, 16).mask(80))
    A, kspace, _ = normalised(kept)
    image, weight = tune(A, kspace, reference)
    best = psnr(best_scale(image, reference), reference)
    place = WEIGHTS.index(float(weight))
    for other in WEIGHTS[place - 1 : place + 2]:
        again = solve(A, kspace, reg_weight=other, tolerance=TOLERANCE)
        quality = psnr(best_scale(again, reference), reference)
        assert torch.equal(again, image) if other == weight else quality <= best


@pytest.mark.parametrize(("noise_std", "compare"), [(0.1, operator.gt), (1e-6, operator.lt)])
def test_the_weight_may_lie_far_from_the_first_one(noise_std, compare):
    """Much noise asks for a larger weight than the first tried, none for a smaller one."""
    image = torch.zeros(64, 64, dtype=torch.complex64)
    image[16:48, 16:48] = 1
    smaps, mask = torch.ones(1, 64, 64, dtype=torch.complex64), torch.ones(64, 1, dtype=torch.bool)
    kspace = fft2c(image)[None] + noise_std * random_complex(1, 64, 64)
    _, weight = tuned_wavelet(SenseOperator(smaps, mask), kspace, image, wavelet="db1")
    assert compare(weight, FIRST)


REFUSED = {  # what is saved -> words
    "undersampled.npy": (
        lambda k: k * (np.arange(80) % 2 == 0)[:, None],
        "is undersampled (R = 2.00); expected complete",
    ),
    "zero-filled.npy": (lambda k: k * (np.arange(80) < 60)[:, None], "is undersampled (R = 1.33); expected complete"),
    "one-coil.npy": (lambda k: k[:1], "has one coil; expected several"),
    "image.npy": (lambda k: np.abs(k), "kspace is real"),
    "small.npy": (lambda k: k[:, :40], "a matrix of 40 x 72"),
    "nan.npy": (lambda k: k * np.nan, "NaN"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_scans_that_cannot_be_compared_are_refused(tiny_checkpoint, mricourse, scans, folder, name):
    change, words = REFUSED[name]
    np.save(folder / name, change(scans[0].kspace.numpy()))
    for place in (folder / name, folder):  # in a folder one bad file is refused before any is worked on
        code, out, error = mricourse("evaluate", tiny_checkpoint, "--data", place)
        assert code == 2 and out == "" and words in error and error.count("\n") == 1, error


BAD_WORDS = {
    "no such file": (["--data", "nothing.npy"], "does not exist"),
    "no data set": (["--data", "moco"], "does not exist"),
    "volumes": (["--data", "open_ms"], "open_ms holds magnitude volumes"),
    "another pattern": (["--data", "a.npy", "--pattern", "spiral"], "the pattern is 'spiral'; expected equispaced"),
    "no acceleration": (["--data", "a.npy", "--acceleration", "0"], "the acceleration is 0.0; expected a number of 1"),
    "infinite": (["--data", "a.npy", "--acceleration", "inf"], "the acceleration is inf"),
    "NaN": (["--data", "a.npy", "--acceleration", "nan"], "the acceleration is nan"),
    "a comb of 2.5": (["--data", "a.npy", "--acceleration", "2.5"], "an equispaced mask needs a whole number"),
    "more centre than lines": (["--data", "a.npy", "--acs", "99"], "acs is 99; expected 0 to 80"),
    "no centre": (["--data", "a.npy", "--acs", "0"], "the fully sampled centre of k-space is"),
    "too few lines": (["--data", "a.npy"], "the centre alone has 24; lower acs or acceleration"),
    "negative seed": (["--data", "a.npy", "--seed", "-1"], "--seed"),
    "masks without data": (["--masks", "3"], "no data to undersample"),
    "turned without data": (["--turn"], "no data to undersample"),
    "several equispaced": (["--data", "a.npy", "--pattern", "equispaced", "--masks", "3"], "got 3 masks of the equisp"),
    "no mask": (["--data", "a.npy", "--masks", "0"], "--masks"),
    "pattern without data": (["--pattern", "random"], "no data to undersample"),
    "adaptation without data": (["--adapt"], "no data to adapt to"),
    "acceleration without data": (["--acceleration", "0"], "no data to undersample"),
    "device": (["--device", "tpu"], "the device is 'tpu'"),
    "output": (["-o", "numbers.txt"], "ends in .txt; expected .json"),
    "output folder": (["-o", "no/numbers.json"], "does not exist; expected an existing folder"),
}


@pytest.mark.parametrize("name", BAD_WORDS)
def test_bad_words_are_refused_in_one_sentence(tiny_checkpoint, mricourse, folder, monkeypatch, name):
    words, expected = BAD_WORDS[name]
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    code, out, error = mricourse("evaluate", tiny_checkpoint, *words)
    assert code == 2 and out == "" and expected in error, error
    assert error.startswith("mricourse: ") and error.endswith(".\n") and error.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def test_an_empty_folder_and_magnitude_volumes_are_refused(tiny_checkpoint, mricourse, tmp_path):
    code, _, error = mricourse("evaluate", tiny_checkpoint, "--data", tmp_path)
    assert code == 2 and "holds no file that ends in .npy, .npz, .h5," in error
    code, _, error = mricourse("evaluate", tiny_checkpoint, "--data", "open_ms")
    assert code == 2 and "open_ms holds magnitude volumes, not k-space" in error


def test_a_measured_scan_with_gaps_is_refused(tiny_checkpoint, mricourse):
    code, _, error = mricourse("evaluate", tiny_checkpoint, "--data", "sigpy_brain_8ch")
    assert code == 2 and "sigpy_brain_8ch is undersampled" in error


@pytest.fixture
def tv_at_its_best(monkeypatch):
    """Total variation as the one rival, at the weight that suits the measured brain at R = 4, without the search."""
    monkeypatch.setattr("mricourse.evaluation.rivals.RIVALS", {"TV": "tv"})
    monkeypatch.setattr("mricourse.evaluation.tuning.WEIGHTS", (2e-3,))


def test_total_variation_on_the_measured_brain_is_a_strong_rival(tiny_checkpoint, tv_at_its_best):
    """Another program's, converged, reached 40.02 dB; wavelets of 60 to 100 iterations reached 39.6."""
    scan = load_real("moco_brain_7ch")
    tiny = load_checkpoint(tiny_checkpoint)
    options = {"name": "tiny", "remark": partial(outside_range, tiny)}
    result = compare_scans(tiny.network, [("brain", scan)], [Sampling("equispaced", 4)], **options)
    psnrs = {score.method: score.psnr for score in result.scores}
    assert psnrs["TV"] == psnrs["best of these"] == pytest.approx(40.02, abs=0.03)
    assert result.remarks and "256 x 216 pixels (trained on 64 to 80)" in result.remarks[0]


def test_a_scan_that_choices_were_made_on_is_labelled(tiny_checkpoint, one_rival):
    tiny = load_checkpoint(tiny_checkpoint)
    kspace = simulate_coils(4, (64, 60)) * torch.ones(64, 60)
    scan = Scan(fft2c(kspace), None, torch.ones(64, 1, dtype=torch.bool))
    watched = replace(scan, meta={"split": "development"})
    scans = [("ours", watched), ("theirs", scan)]
    result = compare_scans(tiny.network, scans, [Sampling("equispaced", 2)], name="tiny")
    assert result.development == ["ours"]
    words = str(result)
    assert words.count("ours (development)") == len(result.scores) / 2 and "theirs (development)" not in words
    assert words.endswith("development scores, not a test.")
    assert "development" not in str(compare_scans(tiny.network, scans[1:], [Sampling("equispaced", 2)], name="tiny"))


def test_noise_that_cannot_be_told_is_said_in_words(tiny_checkpoint, scans, one_rival):
    filtered = scans[0].kspace * torch.hann_window(80)[:, None] * torch.hann_window(72)
    tiny = load_checkpoint(tiny_checkpoint)
    result = compare_scans(
        tiny.network, [("b", replace(scans[0], kspace=filtered))], [Sampling("random", 2)], name="tiny"
    )
    words = str(result)
    assert words.count("unknown") == len(result.scores) and "b: the noise of its reference cannot be told: the" in words
    assert all(score.psnr_without_noise is None for score in result.scores)


def test_the_other_axis_can_be_undersampled_too(tiny_checkpoint, mricourse, scans, tmp_path, one_rival):
    np.save(tmp_path / "upright.npy", scans[0].kspace.numpy())
    np.save(tmp_path / "by_hand.npy", np.swapaxes(scans[0].kspace.numpy(), -1, -2))
    words = ["--pattern", "random", "--acceleration", "2"]
    _, both, _ = mricourse("evaluate", tiny_checkpoint, "--data", tmp_path / "upright.npy", "--turn", *words)
    _, by_hand, _ = mricourse("evaluate", tiny_checkpoint, "--data", tmp_path / "by_hand.npy", *words)
    rows = [line.removeprefix("upright.npy, turned").split() for line in both.splitlines() if ", turned" in line]
    assert rows == [line.removeprefix("by_hand.npy").split() for line in by_hand.splitlines()[1:]] and len(rows) == 5


def test_a_turned_scan_has_the_turned_image():
    image = random_complex(3, 10, 7)
    scan = Scan(fft2c(image), None, torch.arange(10)[:, None] >= 0, image[0], {"subject": "x"})
    assert torch.allclose(ifft2c(turned(scan).kspace), image.mT, atol=1e-6)
    assert torch.equal(turned(scan).reference, image[0].mT) and turned(scan).mask.shape == (1, 10)
    assert torch.equal(turned(turned(scan)).kspace, scan.kspace) and turned(scan).meta == scan.meta


def test_modl_beats_the_rival_that_was_tuned_on_the_measured_brain_itself(tv_at_its_best):
    """Nothing measured is in its training: what holds here was learned from simulated heads. A development score."""
    samplings = [Sampling("equispaced", 4), Sampling("random", 4)]
    modl = load_checkpoint("modl")
    options = {"name": "modl", "remark": partial(outside_range, modl)}
    result = compare_scans(modl.network, [("brain", load_real("moco_brain_7ch"))], samplings, **options)
    for sampling in samplings:
        psnrs = {score.method: score.psnr for score in result.scores if score.sampling == str(sampling)}
        assert psnrs["modl"] - psnrs["TV"] > 0.3, psnrs
    assert not result.remarks
