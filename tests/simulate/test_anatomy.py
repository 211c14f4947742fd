"""Embedded anatomies: the shipped file, its splits, and interpolation."""

import hashlib
import importlib.util
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from mricourse.simulate import anatomy
from mricourse.simulate.anatomy import CHANNELS, PLANES, SPLITS, TISSUES, anatomy_names, load_anatomy
from mricourse.simulate.texture import measured_texture

NAMES = anatomy_names()


def test_file_is_small_and_complete():
    assert anatomy.FILE.stat().st_size <= 12_000_000
    with h5py.File(anatomy.FILE) as file:
        assert set(file) == set(NAMES)
        assert "superior" in file.attrs["orientation"]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_arrays_have_the_hash_of_the_build(name):
    total = hashlib.sha256()
    with h5py.File(anatomy.FILE) as file:
        for key in sorted(file[name]):
            array = file[name][key][()]
            assert array.dtype == np.uint8 and array.ndim == 3
            total.update(f"{key} {array.shape}".encode())
            total.update(array.tobytes())
        assert total.hexdigest() == file[name].attrs["sha256"]


def test_no_anatomy_in_two_splits():
    assert sorted(NAMES) == sorted(set(NAMES))
    assert set(SPLITS["train"]).isdisjoint(SPLITS["test"])
    assert SPLITS["test"] == ("s1",)
    assert all(load_anatomy(name).split == split for split, names in SPLITS.items() for name in names)


@pytest.mark.parametrize("name", NAMES)
def test_tissues_are_probabilities(name):
    volume = load_anatomy(name).volume
    assert volume.dtype == torch.uint8 and volume.shape[-1] == 8
    assert int(volume[..., 1 : 1 + len(TISSUES)].sum(dim=-1, dtype=torch.int16).max()) <= 256
    assert int(volume[..., len(CHANNELS) :].max()) == 0


@pytest.mark.parametrize("name", NAMES)
def test_brain_has_the_size_of_a_brain(name):
    head = load_anatomy(name)
    litres = {tissue: float(head.channel(tissue).sum()) / 1e6 for tissue in ("wm", "gm", "csf")}
    assert 0.4 < litres["wm"] < 0.9 and 0.45 < litres["gm"] < 1.1 and 0.1 < litres["csf"] < 0.7
    levels = {tissue: float(head.channel("t1")[head.channel(tissue) > 0.9].mean()) for tissue in ("wm", "gm", "csf")}
    assert levels["csf"] < levels["gm"] < levels["wm"]


@pytest.mark.parametrize("name", NAMES)
def test_orientation(name):
    """Superior first, anterior first, the patient's right first."""
    head = load_anatomy(name)
    brain, fluid = head.brain, head.channel("csf")
    nz, ny, nx = head.shape
    area = brain.sum(dim=(1, 2))
    top, bottom = brain.nonzero()[:, 0].min(), brain.nonzero()[:, 0].max()
    assert area[top : top + 25].sum() > area[bottom - 24 : bottom + 1].sum()  # a vault above, a stem below
    low = brain[(top + 3 * bottom) // 4 :].nonzero().float().mean(dim=0)
    assert low[1] > brain.nonzero().float().mean(dim=0)[1]  # the cerebellum lies low and at the back
    assert abs(float(brain.nonzero()[:, 2].float().mean()) - nx / 2) < 8
    assert fluid.shape == (nz, ny, nx)


def test_left_and_right_by_an_asymmetric_landmark(tmp_path):
    """RAS volumes come out flipped on all three axes: a voxel at the right, front and top is the first one."""
    nibabel = pytest.importorskip("nibabel")
    spec = importlib.util.spec_from_file_location("build", Path(anatomy.FILE).parents[1] / "tools/build_anatomies.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    voxels = np.zeros((4, 5, 6), np.uint8)
    voxels[3, 4, 5] = 1  # right, anterior, superior of a RAS grid
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "corner.nii.gz")
    read, _ = build.read(tmp_path / "corner.nii.gz")
    assert read.shape == (6, 5, 4) and read[0, 0, 0] == 1


def test_test_head_is_brain_only():
    """Outside brain and fluid the file holds no measured voxel of s1, so there is no face in it."""
    with h5py.File(anatomy.FILE) as file:
        group = file["s1"]
        assert group.attrs["shell"] == "synthetic"
        assert int((group["t1"][()] * (group["brain"][()] == 0)).max()) == 0
        for tissue in ("gm", "wm"):
            assert int((group[tissue][()] * (group["brain"][()] == 0)).max()) == 0


def test_sampling_at_voxels_returns_voxels():
    head = load_anatomy("s1")
    points = torch.tensor([[70, 100, 90], [81, 60, 120], [40, 90, 61]])
    expected = head.volume[tuple(points.T)][:, : len(CHANNELS)].T / 255
    assert torch.allclose(head.sample(points.float()), expected, atol=1e-6)


def test_sampling_is_linear_between_voxels_and_zero_outside():
    head = load_anatomy("s1")
    a, b = torch.tensor([70.0, 100.0, 90.0]), torch.tensor([71.0, 100.0, 90.0])
    middle = head.sample((0.25 * a + 0.75 * b)[None])[:, 0]
    ends = head.sample(torch.stack([a, b]))
    assert torch.allclose(middle, 0.25 * ends[:, 0] + 0.75 * ends[:, 1], atol=1e-6)
    outside = torch.tensor([[-5.0, 100, 90], [70, 1e5, 90], [70, 100, -0.6]])
    assert head.sample(outside).abs().max() == 0
    assert head.sample(torch.zeros(4, 5, 3)).shape == (len(CHANNELS), 4, 5)


@pytest.mark.parametrize("plane", PLANES)
def test_planes_without_rotation_are_slices(plane):
    head = load_anatomy("mni152")
    axis = PLANES[plane]
    rows, columns = (size for other, size in enumerate(head.shape) if other != axis)
    index = sum(head.span(plane)) // 2
    points = head.plane_points(plane, (rows, columns), index=index, pixel_mm=1.0)
    assert points.shape == (rows, columns, 3)
    assert torch.equal(points[..., axis], torch.full((rows, columns), float(index)))
    # the centre of an even axis lies between two voxels: rounding up gives every voxel of the slice once
    sampled = head.sample(points.ceil())[0]
    assert torch.allclose(sampled[:-1, :-1], head.channel("t1").select(axis, index)[:-1, :-1], atol=1e-2)
    assert float(sampled.max()) > 0.5


def test_rotation_keeps_distances():
    head = load_anatomy("s1")
    turned = head.plane_points("axial", (33, 20), index=80, pixel_mm=1.3, rotation_rad=(0.3, 0.4, -0.2))
    down, across = turned[1, 0] - turned[0, 0], turned[0, 1] - turned[0, 0]
    assert torch.allclose(torch.stack([down.norm(), across.norm()]), torch.tensor(1.3), atol=1e-5)
    assert abs(float(down @ across)) < 1e-5


def test_loading_is_cached():
    assert load_anatomy("s1") is load_anatomy("s1")


def test_what_somebody_writes_into_a_head_stays_with_them():
    mine = load_anatomy("s1")
    span = mine.span("axial")
    levels = measured_texture(mine, mine.sample(torch.tensor([[90.0, 100.0, 90.0]])))
    mine.volume[: mine.shape[0] // 2] = 0
    assert mine.span("axial") != span
    found = load_anatomy("s1")
    assert found is not mine
    assert found.span("axial") == span
    assert torch.equal(measured_texture(found, found.sample(torch.tensor([[90.0, 100.0, 90.0]]))), levels)
    assert load_anatomy("s1") is found


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load_anatomy("bert"), "mni152, colin27, s1"),
        (lambda: anatomy_names("validation"), "train, test"),
        (lambda: load_anatomy("s1").channel("bone"), "expected one of"),
        (lambda: load_anatomy("s1").span("transverse"), "axial"),
        (lambda: load_anatomy("s1").plane_points("axial", (0, 3), index=1), "positive sizes"),
        (lambda: load_anatomy("s1").plane_points("axial", (8, 8), index=1, pixel_mm=0.0), "mm"),
    ],
)
def test_unknown_names(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_missing_or_damaged_file_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(anatomy, "FILE", tmp_path / "anatomies.h5")
    with pytest.raises(FileNotFoundError, match="git checkout"):
        anatomy._loaded.__wrapped__("s1")
    (tmp_path / "anatomies.h5").write_bytes(b"not an HDF5 file")
    with pytest.raises(OSError, match="cannot be read"):
        anatomy._loaded.__wrapped__("s1")
