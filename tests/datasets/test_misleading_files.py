"""Files that look like k-space and are not what they seem: a right image, or a sentence with a remedy that works."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch

from mricourse.datasets.inspect import describe, guess_content
from mricourse.datasets.kspace_checks import (
    infer_mask,
    origin_in_corner,
    spaces_of,
    without_rounding_errors,
    zero_frequency,
)
from mricourse.datasets.scan_files import read_scan
from mricourse.physics.fourier import fft2c

SHAPE = (128, 120)
rng = np.random.default_rng(0)
y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
ky = np.arange(SHAPE[0])
IMAGE = (x**2 + 1.5 * y**2 < 0.6) * (1 + 0.5 * np.sin(25 * x) * np.cos(19 * y))
ANGLES = np.arange(8) * np.pi / 4
MAPS = np.stack([np.exp(-((x - 1.2 * np.cos(a)) ** 2) - (y - 1.2 * np.sin(a)) ** 2 + 1j * a) for a in ANGLES])
TRUTH = IMAGE * np.sqrt((abs(MAPS) ** 2).sum(axis=0))


def centred(images, axes=(-2, -1)):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(images, axes=axes), axes=axes, norm="ortho"), axes=axes)


NOISE = 0.003 * (rng.normal(size=MAPS.shape) + 1j * rng.normal(size=MAPS.shape))
KSPACE = centred(MAPS * IMAGE) + NOISE
COMB = ((ky % 4 == 0) | (abs(ky - 64) < 12))[:, None]


def error(path):
    """Relative error of the magnitude at the best scale."""
    found = abs(np.load(path))
    found = found * (found * TRUTH).sum() / (found**2).sum()
    return np.linalg.norm(found - TRUTH) / np.linalg.norm(TRUTH)


@pytest.fixture
def reconstruct(tmp_path, mricourse):
    """Reconstruct an array by the command: the error of the image and what was said, or None and the refusal."""

    def run(kspace):
        np.save(tmp_path / "scan.npy", kspace)
        (tmp_path / "image.npy").unlink(missing_ok=True)
        code, out, said = mricourse("reconstruct", tmp_path / "scan.npy", "-o", tmp_path / "image.npy")
        if code:
            assert code == 2 and not out and said.count("\n") == 1 and not (tmp_path / "image.npy").exists()
            return None, said
        return error(tmp_path / "image.npy"), out + said

    return run


def test_complete_and_undersampled_kspace_give_the_image(reconstruct):
    assert reconstruct(KSPACE)[0] < 0.01
    assert reconstruct(KSPACE * COMB)[0] < 0.04


# --- zeros that were not measured ---


def without(*index):
    kspace = KSPACE.copy()
    kspace[(slice(None), *index)] = 0
    return kspace


HOLES = {
    "a column": (slice(None), 20),
    "half a column": (slice(0, 64), 20),
    "a quarter of a column": (slice(30, 62), 20),
    "a part of a line": (32, slice(20, 30)),
    "a block": (slice(90, 96), slice(90, 96)),
    "the zero frequency": (64, 60),
}


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_is_unsampled_wherever_it_lies(name):
    hole = torch.zeros(SHAPE, dtype=torch.bool)
    hole[HOLES[name]] = True
    mask = infer_mask(torch.from_numpy(without(*HOLES[name])))
    assert torch.equal(mask, ~hole)


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_among_undersampled_lines_is_unsampled(name):
    kspace = torch.from_numpy(without(*HOLES[name]) * COMB)
    assert infer_mask(kspace).shape == SHAPE and torch.equal(infer_mask(kspace), (kspace != 0).any(dim=0))


def test_a_column_of_zeros_spoils_no_image(reconstruct):
    found, said = reconstruct(without(slice(None), 60))
    assert found is None and "does not reach the centre of k-space at 60" in said
    found, said = reconstruct(without(slice(None), 3))
    assert found < 0.01 and "R = 1.01" in said


def test_weak_zeros_of_integer_data_break_no_line():
    whole = np.round(KSPACE * 400)  # noise of a little more than 1
    one_coil = torch.from_numpy(whole[:1])
    n_zeros = int((one_coil == 0).sum())
    assert 0 < n_zeros < 0.2 * one_coil.numel()
    weak = torch.from_numpy(whole.copy())
    for row, column in [(3, 5), (3, 9), (100, 110), (125, 60)]:
        weak[:, row, column] = 0
    assert infer_mask(weak).shape == (128, 1) and bool(infer_mask(weak).all())


@pytest.mark.parametrize("name", HOLES)
def test_a_given_mask_must_not_claim_a_hole(tmp_path, mricourse, name):
    np.savez(tmp_path / "scan.npz", kspace=without(*HOLES[name]), mask=np.ones(SHAPE, bool))
    code, _, said = mricourse("reconstruct", tmp_path / "scan.npz", "-o", tmp_path / "image.npy")
    assert code == 2 and "are zero in all coils" in said and "leave mask out" in said


UNEQUAL = {
    "a column": (2, slice(None), 60),
    "a line": (2, 64),
    "a column in half of the coils": (slice(4), slice(None), 60),
    "every fourth line": (3, slice(0, None, 4)),
    "single points": (5, rng.random(SHAPE) < 0.3),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_coils_that_lack_samples_are_refused(reconstruct, name):
    kspace = KSPACE.copy()
    kspace[UNEQUAL[name]] = 0
    kspace[0] = 0  # a dead coil, which is none of those
    found, said = reconstruct(kspace)
    assert found is None
    assert "expected all coils to be sampled alike" in said


def test_a_weak_coil_of_integer_data_lacks_no_samples(reconstruct):
    gains = np.array([1, 1, 1, 1, 1, 1, 1, 0.01])[:, None, None]
    scaled = np.round(300 * gains * KSPACE)
    assert (scaled[7] == 0).all(axis=1).any()  # by chance
    assert reconstruct(0.013 * scaled)[0] is not None


@pytest.mark.parametrize("part", [np.abs, np.real, lambda kspace: 1j * np.imag(kspace)])
def test_magnitudes_and_single_parts_are_refused(reconstruct, part):
    found, said = reconstruct(part(KSPACE).astype(complex))
    assert found is None
    assert "is zero everywhere; expected complex samples" in said


@pytest.mark.parametrize("times", [100, 10_000])
def test_coils_of_noise_alone_spoil_no_image(reconstruct, times):
    noise = times * 0.003 * (rng.normal(size=(3, *SHAPE)) + 1j * rng.normal(size=(3, *SHAPE)))
    found, said = reconstruct(np.concatenate([KSPACE, noise]) * COMB)
    assert found < 0.04
    assert "coils 8, 9, 10 scaled down" in said


def test_a_comparison_wants_complete_kspace(tmp_path, mricourse):
    np.save(tmp_path / "scan.npy", without(slice(None), 60))
    code, _, said = mricourse("evaluate", "modl_k1", "--data", tmp_path / "scan.npy")
    assert code == 2 and "scan.npy is undersampled (R = 1.01)" in said


POINTS = rng.random(SHAPE) < 0.4
POINTS[50:78, 46:74] = True
REMAINS = {"lines": COMB, "columns": (np.arange(120) % 3 == 0) | (abs(np.arange(120) - 60) < 12), "points": POINTS}


@pytest.mark.parametrize(
    ("name", "kind"), [("lines", "c8"), ("lines", "c16"), ("columns", "c8"), ("columns", "c16"), ("points", "c16")]
)
def test_a_transform_there_and_back_samples_nothing(tmp_path, mricourse, kind, name):
    """It leaves rounding errors of 1e-8 or 1e-17 of the largest sample where nothing was measured."""
    sampled = np.broadcast_to(REMAINS[name], SHAPE)
    kspace = (KSPACE * sampled).astype(kind)
    images = np.fft.ifft2(kspace).astype(kind)
    again = np.fft.fft2(images).astype(kind)
    assert (again != 0).mean() > 0.95
    np.save(tmp_path / "scan.npy", again)
    scan = read_scan(tmp_path / "scan.npy")
    assert np.array_equal(scan.mask.expand(SHAPE).numpy(), sampled)
    assert scan.meta["notes"] == ("rounding errors taken for unsampled",)
    assert "; rounding errors taken for unsampled" in describe(tmp_path / "scan.npy")


def test_measured_and_noiseless_kspace_keeps_every_sample():
    weak = torch.from_numpy(centred(MAPS * np.exp(-(x**2) - y**2)))
    integers = torch.from_numpy(np.fft.fft2(np.fft.ifft2(np.round(KSPACE[:1] * 400))))  # zeros by chance became 1e-15
    even = (torch.linspace(-1, 1, 128)[:, None] ** 2 + torch.linspace(-1, 1, 120) ** 2 < 0.5).to(torch.complex64)
    symmetric = fft2c(even[None])  # its edge line vanishes
    for kspace in (torch.from_numpy(KSPACE), torch.from_numpy(centred(MAPS * IMAGE)), weak, integers, symmetric):
        assert without_rounding_errors(kspace) is kspace


# --- the zero frequency, and the origin of the image ---

SHIFTED = [(-2, -1), (-2,), (-1,)]


@pytest.mark.parametrize("axes", SHIFTED)
@pytest.mark.parametrize("sampling", [1, COMB], ids=["complete", "comb"])
def test_the_remedy_for_uncentred_kspace_gives_the_image(reconstruct, axes, sampling):
    shifted = np.fft.ifftshift(KSPACE * sampling, axes=axes)
    found, said = reconstruct(shifted)
    where = "axes=(-2, -1))" if len(axes) == 2 else f"axes={axes[0]})"
    assert found is None and "zero frequency of kspace seems to be at" in said and f"fftshift(kspace, {where}" in said
    assert reconstruct(np.fft.fftshift(shifted, axes=axes))[0] < 0.04


@pytest.mark.parametrize("axes", SHIFTED)
@pytest.mark.parametrize("sampling", [1, COMB], ids=["complete", "comb"])
def test_a_plain_fft_after_the_remedy_gives_the_image(reconstruct, axes, sampling):
    """What fft2 without shifts makes of an image has its origin in the first pixel, along some axes or all."""
    others = tuple(axis for axis in (-2, -1) if axis not in axes)
    plain = np.fft.fftn(centred(MAPS * IMAGE, others) if others else MAPS * IMAGE, axes=axes, norm="ortho")
    found, said = reconstruct(np.fft.fftshift(plain, axes=axes) * sampling)
    if len(axes) == 2:
        assert found < 0.04 and "image moved from the corners to the centre" in said
    else:  # it may be an object at the border as well
        assert f"lie across its border along {'yx'[axes[0]]} (np.fft.fftshift joins it)" in said
    assert reconstruct(np.fft.ifftshift(np.fft.fftshift(plain, axes=axes) * sampling, axes=axes))[0] is None


@pytest.mark.parametrize("shape", [(64, 65), (81, 64), (65, 81)])
def test_the_moved_origin_is_fft2c(tmp_path, shape):
    small = MAPS[:, : shape[0], : shape[1]] * 0
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    small = (rows**2 + columns**2 < 0.5) * np.exp(1j * rows) * np.ones((3, 1, 1))
    np.save(tmp_path / "scan.npy", np.fft.fftshift(np.fft.fft2(small, norm="ortho"), axes=(-2, -1)))
    wanted = fft2c(torch.from_numpy(small).to(torch.complex64))
    assert torch.allclose(read_scan(tmp_path / "scan.npy").kspace, wanted, atol=1e-4)


def test_given_maps_fix_the_origin(tmp_path):
    kspace = np.fft.fftshift(np.fft.fft2(MAPS * IMAGE, norm="ortho"), axes=(-2, -1)).astype("c8")
    np.savez(tmp_path / "scan.npz", kspace=kspace, smaps=np.fft.fftshift(MAPS, axes=(-2, -1)))
    scan = read_scan(tmp_path / "scan.npz")
    assert np.array_equal(scan.kspace.numpy(), kspace) and "across its border along both axes" in scan.meta["notes"][0]


@pytest.mark.parametrize("off", [(30, 0), (0, -25), (20, 20)])
def test_an_object_off_the_centre_stays_where_it_is(off):
    kspace = torch.from_numpy(centred(np.roll(MAPS * IMAGE, off, axis=(-2, -1))))
    assert origin_in_corner(kspace, torch.ones(128, 1, dtype=torch.bool)) == (False, False)


SOMEWHERE = {"rolled": (np.roll(KSPACE, 30, axis=-1), "(64, 90)"), "cropped": (KSPACE[:, 44:], "(20, 60)")}


@pytest.mark.parametrize("name", SOMEWHERE)
def test_a_zero_frequency_that_is_elsewhere_is_refused(reconstruct, name):
    kspace, where = SOMEWHERE[name]
    found, said = reconstruct(kspace)
    assert found is None and f"seems to be at {where}" in said and "shift it there" in said


@pytest.mark.parametrize("shift", [3, -6])
def test_an_echo_that_is_a_little_late_is_taken(reconstruct, shift):
    assert reconstruct(np.roll(KSPACE, shift, axis=-1))[0] < 0.01


# --- images, and half a transform ---

NOT_KSPACE = {
    "coil images": (MAPS * IMAGE, "kspace holds images"),
    "noisy coil images": (MAPS * IMAGE + 20 * NOISE, "kspace holds images"),
    "coil maps": (MAPS, "kspace holds images"),
    "hybrid along kx": (centred(MAPS * IMAGE, (-2,)), "kspace is an image along kx"),
    "hybrid along ky": (centred(MAPS * IMAGE, (-1,)), "kspace is an image along ky"),
    "undersampled hybrid": (centred(MAPS * IMAGE, (-2,)) * COMB, "kspace is an image along kx"),
}


@pytest.mark.parametrize("name", NOT_KSPACE)
def test_what_is_not_kspace_is_refused_with_its_transform(reconstruct, name):
    values, words = NOT_KSPACE[name]
    found, said = reconstruct(values)
    assert found is None and words in said and "np.fft.fftshift(np.fft.fft" in said


@pytest.mark.parametrize("name", NOT_KSPACE)
def test_inspect_and_reconstruct_agree(name):
    guess = guess_content(NOT_KSPACE[name][0], name="data")
    assert "k-space," not in guess and guess.startswith(("complex images", "complex hybrid", "coil sensitivity"))


def test_inspect_says_where_the_zero_frequency_is(tmp_path):
    np.save(tmp_path / "scan.npy", np.fft.ifftshift(KSPACE * COMB, axes=-1))
    assert "complex k-space (coils, ky, kx)" in describe(tmp_path / "scan.npy")
    assert "zero frequency of kspace seems to be at (64, 0)" in describe(tmp_path / "scan.npy")


def test_noise_alone_is_neither():
    noise = torch.from_numpy(NOISE)
    assert spaces_of(noise) == ("", "") and zero_frequency(noise) == (64, 60)


# --- slices are no coils ---


@pytest.mark.parametrize("beside", ["ismrmrd_header", "reconstruction_esc", "reconstruction_rss", "acquisition"])
def test_the_slices_of_one_coil_are_no_coils(tmp_path, mricourse, beside):
    slices = np.stack([np.roll(IMAGE, 5 * i, 1) for i in range(12)])
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = centred(slices).astype("c8")
        if beside == "acquisition":
            file.attrs["acquisition"] = "CORPD_FBK"
        else:
            file[beside] = b"<x/>" if "header" in beside else np.ones((12, 80, 80), "f4")
    assert "reconstruct takes its 12 slices of 1 coil, 128 x 120" in describe(tmp_path / "scan.h5")
    words = ["--method", "sense", "--reg-weight", "0", "-o", tmp_path / "image.npy"]
    code, out, _ = mricourse("reconstruct", tmp_path / "scan.h5", *words)
    assert code == 0 and "12 slices, 1 coil, 128 x 120" in out and "slices of a single coil" in out
    assert "across its border along x" in out  # the last ones, rolled by half of the field of view
    assert np.abs(np.abs(np.load(tmp_path / "image.npy")) - slices).max() < 1e-4
    code, out, _ = mricourse("reconstruct", tmp_path / "scan.h5", "--slice", "3", *words)
    assert code == 0 and np.abs(np.abs(np.load(tmp_path / "image.npy")) - slices[3]).max() < 1e-4


# --- any character ---

NAMES = ["扫描 🧠 tête", "scan\udcff"]  # the last one holds a byte that is no text


def command(encoding, *words):
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    return subprocess.run([sys.executable, "-m", "mricourse", *words], capture_output=True, env=environment)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_a_name_that_the_terminal_cannot_show_is_escaped(tmp_path, encoding, name):
    source = tmp_path / f"{name}.npy"
    try:
        np.save(source, (KSPACE * COMB).astype("c8"))
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    ended = command(encoding, "reconstruct", source, "--method", "sense", "-o", source.with_suffix(".h5"))
    assert ended.returncode == 0 and ended.stderr == b"" and b".npy: 8 coils" in ended.stdout
    with h5py.File(source.with_suffix(".h5")) as file:
        assert file["image"].attrs["source"].endswith(".npy")


def test_a_failure_is_said_in_any_encoding(tmp_path):
    ended = command("ascii", "data", "inspect", tmp_path / "没有.npy")
    assert ended.returncode == 2 and b"\\u6ca1\\u6709.npy does not exist" in ended.stderr
