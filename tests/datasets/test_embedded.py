"""The measured scans that travel with the course: whole, small, licensed, and equal to what was published."""

import importlib.util
import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from mricourse.classroom import doctor
from mricourse.datasets import cache, embedded
from mricourse.datasets.embedded import FILES, embedded_texts
from mricourse.datasets.real import REGISTRY, available, load_open_ms, load_real

SCANS = ("moco_brain_7ch", "sigpy_brain_8ch", "larson_knee", "larson_head")
LIMIT = 4_500_000  # bytes, of all files together
CONTRASTS = ("t1", "t2", "flair")


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No cache, no folder of files beside the checkout, no network."""
    monkeypatch.setattr(cache, "NEARBY", tmp_path / "nowhere")
    monkeypatch.setenv("MRICOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was touched"))


def published(name):
    if not available(name):
        pytest.skip(f"the published files of {name} are not on this machine")


def data_set(name):
    return name.rpartition("_")[0] if name.startswith("open_ms") else name


def test_six_files_within_the_limit():
    assert sorted(path.stem for path in embedded.FOLDER.iterdir()) == sorted(FILES)
    assert sum(path.stat().st_size for path in embedded.FOLDER.iterdir()) < LIMIT


@pytest.mark.parametrize("name", FILES)
def test_licence_citation_and_sources_travel_with_each_file(name):
    data = REGISTRY[data_set(name)]
    texts = embedded_texts(name)
    assert texts["licence"] == data.licence and texts["citation"] == data.citation and texts["title"] == data.title
    assert texts["licence_text"] in (embedded.FOLDER.parents[1] / "NOTICE").read_text(encoding="utf-8")
    words = {"MIT": "Permission is hereby granted", "BSD-3-Clause": "Redistribution and use", "CC-BY": "(CC-BY)"}
    assert words[data.licence] in texts["licence_text"]
    checksums = {source["sha256"] for source in json.loads(texts["sources"])}
    assert checksums <= {file.sha256 for file in data.files} and len(checksums) == (4 if "open_ms" in name else 1)
    assert texts["cut"] and texts["stored"] and "no network" in texts["use"]


@pytest.mark.parametrize("name", SCANS)
def test_scans_load_with_nothing_but_the_checkout(name, nowhere):
    scan = load_real(name)
    assert scan.kspace.isfinite().all() and scan.meta["simulated"] is False
    assert (scan.reference is None) == (name == "sigpy_brain_8ch")
    with pytest.raises(FileNotFoundError, match=f"mricourse data get {name}"):
        load_real(name, whole=True)


def test_the_brain_that_choices_were_made_on_says_so():
    assert [name for name in SCANS if load_real(name).meta.get("split") == "development"] == ["moco_brain_7ch"]


@pytest.mark.parametrize("name", SCANS)
def test_scans_equal_the_published_ones(name):
    """What is stored as it was published is equal; what is rounded differs by a hundredth of the noise."""
    published(name)
    ours, theirs = embedded.embedded_kspace(name), load_real(name, whole=True)
    theirs = theirs.kspace * theirs.meta["scale"]
    with h5py.File(embedded.FOLDER / f"{name}.h5") as file:
        rounded = "coil_images" in file
    if not rounded:
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=0)
        return
    corner = torch.view_as_real(theirs[:, :8, :8]).std()
    error = torch.view_as_real(ours - theirs)
    assert 0 < error.std() < corner / 100 and error.abs().max() < corner / 20


@pytest.mark.parametrize("patient", ["07", "19"])
def test_slices_with_lesions(patient, nowhere):
    head = load_open_ms(patient)
    slices = np.array(head.meta["slices"])
    assert head.t1.shape == head.lesions.shape == (12, 218, 182) and len(slices) == 12
    assert np.diff(slices).min() >= 5 and slices.min() >= 0 and slices.max() < 182
    assert head.lesions.sum(dim=(1, 2)).min() >= 8 and head.lesions.dtype == torch.bool
    for name in CONTRASTS:
        magnitudes = getattr(head, name)
        assert magnitudes.dtype == torch.float32 and magnitudes.min() == 0
    brain = head.flair > 0
    assert head.flair[head.lesions].mean() > head.flair[brain].mean()  # lesions are bright on FLAIR
    with pytest.raises(FileNotFoundError, match="mricourse data get open_ms"):
        load_open_ms(patient, whole=True)


@pytest.mark.parametrize("patient", ["07", "19"])
def test_slices_equal_the_published_ones(patient):
    published("open_ms")
    ours, theirs = load_open_ms(patient), load_open_ms(patient, whole=True)
    place = list(ours.meta["slices"])
    assert torch.equal(ours.lesions, theirs.lesions[place])
    for name in CONTRASTS:
        embedded_values, values = getattr(ours, name), getattr(theirs, name)[place]
        assert (embedded_values - values).abs().max() <= values.max() / 1900


def test_the_tool_builds_what_is_shipped(monkeypatch):
    for name in REGISTRY:
        published(name)
    tool = Path(__file__).resolve().parents[2] / "tools" / "build_measured.py"
    spec = importlib.util.spec_from_file_location("build_measured", tool)
    build = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, build)  # its dataclass looks there
    spec.loader.exec_module(build)
    copies = build.build()
    assert set(copies) == set(FILES)
    assert all(build.same(copy, embedded.FOLDER / f"{name}.h5") for name, copy in copies.items())
    copies["larson_head"].arrays["samples"][0, 0] += 1
    assert not build.same(copies["larson_head"], embedded.FOLDER / "larson_head.h5")


@pytest.mark.parametrize("content", [None, b"", b"no HDF5 file", "cut"])
def test_a_missing_or_damaged_file_says_what_to_do(tmp_path, monkeypatch, content):
    path = tmp_path / "larson_head.h5"
    if content == "cut":
        content = (embedded.FOLDER / path.name).read_bytes()[:60_000]
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    advice = "restore it with `git checkout data/measured/larson_head.h5`"
    with pytest.raises(OSError, match=advice):
        load_real("larson_head")
    monkeypatch.setattr("mricourse.datasets.embedded.FILES", ("larson_head",))
    finding = doctor._measured()
    assert finding.ok is False and advice in finding.text


def test_doctor_names_the_measured_scans():
    assert doctor._measured().ok and all(name in doctor._measured().text for name in FILES)
