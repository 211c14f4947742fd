"""Bad input to the commands that take files: one clear sentence, non-zero exit, no traceback, nothing half-written."""

import io
import os
import pickle
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
import torch

from mricourse.commands import app as cli
from mricourse.datasets.inspect import describe
from mricourse.datasets.scan_files import read_scan
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.sampling import random_mask
from mricourse.simulate.coils import simulate_coils

SHAPE = (64, 80)
y, x = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
SMAPS = simulate_coils(3, SHAPE).numpy()
MASK = random_mask(SHAPE[0], 2, acs=16).numpy()
KSPACE = (fft2c(torch.from_numpy(SMAPS) * (y**2 + x**2 < 0.6)) + 1e-4 * random_complex(3, *SHAPE)).numpy()


def changed(index, value):
    kspace = KSPACE.copy()
    kspace[index] = value
    return kspace


def coils(n, shape=SHAPE):
    return np.ones((n, *shape), np.complex64)


ARRAYS = {  # kspace saved as .npy -> words that the sentence must hold
    "real-valued": (KSPACE.real, "kspace is real (float32); expected complex64"),
    "integers": (KSPACE.real.astype(np.int16), "kspace is real (int16)"),
    "text": (np.array([["a", "b"]] * 3), "has dtype <U1; expected numbers"),
    "pickled objects": (np.array([{"kspace": 1}, None]), "pickles are never loaded"),
    "records": (np.zeros(3, [("a", "f4"), ("b", "i2")]), "expected numbers"),
    "dates": (np.zeros(SHAPE, "M8[s]"), "expected numbers"),
    "NaN": (changed((0, 3, 4), np.nan), "kspace holds 1 NaN and 0 infinite values among 15360"),
    "infinite": (changed((0, 3, 4), np.inf), "0 NaN and 1 infinite"),
    "all zero": (np.zeros_like(KSPACE), "kspace is zero everywhere"),
    "no axis": (np.complex64(1), "kspace has shape (), 0 axes"),
    "one axis": (KSPACE[0, 0], "1 axes; expected (coils, ky, kx), or (ky, kx) of one coil"),
    "coils or slices": (
        np.stack([KSPACE] * 2),
        "does not tell coils, slices and repetitions apart; expected their names",
    ),
    "no samples": (KSPACE[:0], "0 coils"),
    "too many coils": (coils(33), "33 coils; expected (coils, ky, kx) with 1 to 32"),
    "too small": (coils(2, (63, 80)), "a matrix of 63 x 80; expected 64 to 1024"),
    "too large": (coils(1, (64, 1025)), "a matrix of 64 x 1025"),
    "out of range": (KSPACE.astype(np.complex128) * 1e200, "which single precision holds: rescale it"),
    "overflowing": (np.full(KSPACE.shape, complex(1.7e308, 1.7e308)), "rescale it"),
    "vanishing": (KSPACE.astype(np.complex128) * 1e-60, "rescale it"),
    "zero frequency in the corner": (np.fft.ifftshift(KSPACE, axes=(-2, -1)), "apply np.fft.fftshift"),
    "no calibration lines": (
        KSPACE * (np.arange(64) % 2 == 0)[:, None],
        "the fully sampled centre of k-space is 1 x 80",
    ),
}
MEMBERS = {  # members of a .npz -> words
    "no kspace": ({"data": KSPACE.real}, "has no array named kspace but data"),
    "no array at all": ({}, "has no array named kspace and no other array"),
    "pickled kspace": ({"kspace": np.array([None])}, "pickles are never loaded"),
    "mask of another shape": ({"kspace": KSPACE, "mask": MASK[:-1]}, "mask has shape (63, 1); expected (64,), (64, 1)"),
    "mask along kx": ({"kspace": KSPACE, "mask": np.ones(80, bool)}, "save a mask along kx as mask[None, :]"),
    "mask with four axes": ({"kspace": KSPACE, "mask": MASK[None, None]}, "mask has shape (1, 1, 64, 1)"),
    "mask of other coils": ({"kspace": KSPACE, "mask": np.ones((2, *SHAPE), bool)}, "mask has shape (2, 64, 80)"),
    "mask empty": ({"kspace": KSPACE, "mask": np.zeros(SHAPE, bool)}, "mask is False everywhere"),
    "mask of weights": ({"kspace": KSPACE, "mask": 0.5 * MASK}, "other values than 0 and 1"),
    "mask of NaN": ({"kspace": KSPACE, "mask": np.full(64, np.nan)}, "other values than 0 and 1"),
    "mask of text": ({"kspace": KSPACE, "mask": np.full(64, "yes")}, "mask has dtype <U3; expected numbers"),
    "mask that claims too much": (
        {"kspace": KSPACE * MASK, "mask": np.ones(SHAPE, bool)},
        "mask marks 5120 samples, of which 2560 are zero",
    ),
    "mask per coil": (
        {"kspace": KSPACE, "mask": np.stack([np.roll(MASK, c, 0).repeat(80, 1) for c in range(3)])},
        "mask differs between coils",
    ),
    "smaps of another shape": ({"kspace": KSPACE, "smaps": SMAPS[:2]}, "smaps have shape (2, 64, 80); expected (3, 64"),
    "smaps real": ({"kspace": KSPACE, "smaps": np.abs(SMAPS)}, "smaps are real (float32)"),
    "smaps zero": ({"kspace": KSPACE, "smaps": 0 * SMAPS}, "smaps is zero everywhere"),
    "smaps NaN": ({"kspace": KSPACE, "smaps": SMAPS * np.nan}, "smaps holds 15360 NaN"),
    "smaps of text": ({"kspace": KSPACE, "smaps": np.full((3, *SHAPE), "S")}, "smaps has dtype <U1"),
}


def hdf5(**members):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, value in members.items():
            file[name] = value
    return buffer.getvalue()


def archive(save=np.savez, **members):
    buffer = io.BytesIO()
    save(buffer, **members)
    return buffer.getvalue()


def array(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def lying_header(shape):
    """A .npy header that announces more than there is, followed by a little."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<c8", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + bytes(1000)


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("kspace.npy", content)
    return buffer.getvalue()


NOISE = np.random.default_rng(0).bytes(5000)
WHOLE = {".npy": array(KSPACE), ".npz": archive(kspace=KSPACE), ".h5": hdf5(kspace=KSPACE)}
FILES = {  # bytes of a file by name, broken in the same way for each command -> words
    "truncated.npy": (WHOLE[".npy"][:-100], "it holds 122780 of the 122880 bytes"),
    "truncated.npz": (WHOLE[".npz"][:-100], "could not be read as .npz data"),
    "truncated.h5": (WHOLE[".h5"][: len(WHOLE[".h5"]) // 2], "could not be read as .h5 data"),
    "empty.npy": (b"", "is empty (0 bytes)"),
    "empty.npz": (b"", "is empty (0 bytes)"),
    "empty.h5": (b"", "is empty (0 bytes)"),
    "random.npy": (NOISE, "could not be read as .npy data"),
    "random.npz": (NOISE, "could not be read as .npz data"),
    "random.h5": (NOISE, "could not be read as .h5 data"),
    "pickle.npy": (pickle.dumps(KSPACE), "it starts like a Python pickle"),
    "array.h5": (WHOLE[".npy"], "it starts like a .npy array"),
    "archive.npy": (WHOLE[".npz"], "it starts like a zip or .npz archive"),
    "hdf5.npz": (WHOLE[".h5"], "it starts like an HDF5 file"),
    "announced.npy": (lying_header((32, 512, 512)), "bytes that its header announces"),
    "negative.npy": (lying_header((-3, 64, 64)), "its header announces the shape (-3, 64, 64)"),
    "flipped.npz": (
        archive(kspace=KSPACE).replace(KSPACE.tobytes()[:8], b"flipped!"),
        "could not be read as .npz data",
    ),
    "unknown.txt": (b"1 2 3", "ends in .txt; expected .npy"),
    "nosuffix": (b"1 2 3", "ends in no suffix"),
}
UNREADABLE_SCANS = {  # more for `reconstruct`, which `data inspect` can describe or refuse in its own words
    "bomb.npz": (zipped(lying_header((10**6, 10**6, 10**3))), "1000 coils"),
    "short.npz": (zipped(lying_header((32, 512, 512))), "could not be read as .npz data"),
    "group.h5": (hdf5(**{"kspace/real": KSPACE.real, "kspace/imag": KSPACE.imag}), "a group of that name, which holds"),
    "string.h5": (hdf5(kspace="words"), "holds Python objects or text"),
    "null.h5": (hdf5(kspace=h5py.Empty("c8")), "kspace has shape (0,)"),
    "nothing.h5": (hdf5(), "has no array named kspace and no other array"),
    "real.h5": (hdf5(kspace=KSPACE.real), "kspace is real"),
    "volume.nii.gz": (NOISE, "ends in .nii.gz; expected .npy, .npz, .h5, .hdf5"),
    "matlab.mat": (NOISE, "could not be read as .mat data"),
}
EARLIER = b"an earlier image"


@pytest.fixture
def refuses(tmp_path, capsys):
    """Run a command and check that it refuses with one sentence and leaves the folder as it was."""

    def check(words, *arguments):
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(SystemExit) as ending:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert ending.value.code not in (0, None)
        assert out == "" and err.startswith("mricourse: ") and err.endswith(".\n") and err.count("\n") == 1, (out, err)
        assert words in err and "Traceback" not in err and "unforeseen" not in err, err
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        return err

    return check


@pytest.fixture
def output(tmp_path):
    """An image of an earlier run, which a refusal must leave alone."""
    path = tmp_path / "image.npy"
    path.write_bytes(EARLIER)
    return path


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, kspace=KSPACE)
    return path


@pytest.mark.filterwarnings("ignore:.*overflow:RuntimeWarning")
@pytest.mark.parametrize("name", ARRAYS)
def test_reconstruct_refuses_an_array(tmp_path, output, refuses, name):
    values, words = ARRAYS[name]
    np.save(tmp_path / "scan.npy", values)
    refuses(words, "reconstruct", tmp_path / "scan.npy", "-o", output)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_reconstruct_refuses_members(tmp_path, output, refuses, name, suffix):
    members, words = MEMBERS[name]
    source = tmp_path / f"scan{suffix}"
    if suffix == ".npz":
        np.savez(source, **members)
    elif any(value.dtype.kind in "UO" for value in members.values()):
        pytest.skip("HDF5 has no such arrays")
    else:
        source.write_bytes(hdf5(**members))
    refuses(words, "reconstruct", source, "-o", output)


@pytest.mark.parametrize("name", FILES | UNREADABLE_SCANS)
def test_reconstruct_refuses_a_file(tmp_path, output, refuses, name):
    content, words = (FILES | UNREADABLE_SCANS)[name]
    (tmp_path / name).write_bytes(content)
    refuses(words, "reconstruct", tmp_path / name, "-o", output)


@pytest.mark.parametrize("name", FILES)
def test_inspect_refuses_a_file(tmp_path, refuses, name):
    content, words = FILES[name]
    (tmp_path / name).write_bytes(content)
    refuses(words, "data", "inspect", tmp_path / name)


@pytest.mark.parametrize("command", [["reconstruct", "-o", "image.png"], ["data", "inspect"]], ids=" ".join)
def test_what_is_no_file_is_refused(tmp_path, refuses, command):
    refuses("does not exist; expected a file", *command, tmp_path / "missing.npy")
    refuses("does not exist", *command, tmp_path / ("long" * 100 + ".npy"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npy")
        refuses("is a device or a pipe", *command, tmp_path / "pipe.npy")


def test_a_folder_is_refused(tmp_path, output, refuses):
    refuses("is a folder; expected a file", "reconstruct", tmp_path, "-o", output)
    (tmp_path / "empty").mkdir()
    refuses("holds 0 files, none of which ends in .npy", "data", "inspect", tmp_path / "empty")


OPTIONS = {
    "unknown method": (["--method", "magic"], "the method is 'magic'; expected sense, wavelet or tv"),
    "negative weight": (["--reg-weight", "-1"], "the regularisation weight is -1.0"),
    "weight NaN": (["--reg-weight", "nan"], "the regularisation weight is nan"),
    "weight infinite": (["--reg-weight", "inf"], "the regularisation weight is inf"),
    "weight in words": (["--reg-weight", "much"], "valid number"),
    "unknown device": (["--device", "tpu"], "the device is 'tpu'; expected auto, cpu or cuda"),
    "ACS too small": (["--acs", "4"], "acs is 4; expected at least 8"),
    "ACS that was not sampled": (["--acs", "80"], "acs is 80, but the fully sampled centre of k-space is 64 x 80"),
    "ACS in words": (["--acs", "all"], "valid integer"),
    "unknown option": (["--speed", "9"], "No such option"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_reconstruct_refuses_options(good, output, refuses, name):
    options, words = OPTIONS[name]
    refuses(words, "reconstruct", good, "-o", output, *options)


def test_maps_that_calibration_leaves_empty_are_refused(good, output, refuses, monkeypatch):
    monkeypatch.setattr("mricourse.reconstruct.methods.espirit", lambda kspace, acs: 0 * kspace)
    refuses("zero everywhere; expected signal above the noise", "reconstruct", good, "-o", output)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_cuda_without_a_gpu_is_refused(good, output, refuses):
    refuses("torch finds no CUDA GPU", "reconstruct", good, "-o", output, "--device", "cuda")


def test_reconstruct_refuses_outputs(tmp_path, good, refuses, monkeypatch):
    refuses("ends in .jpg; expected .npy, .h5, .hdf5 or .png", "reconstruct", good, "-o", tmp_path / "image.jpg")
    refuses("ends in no suffix", "reconstruct", good, "-o", tmp_path / "image")
    refuses("long", "reconstruct", good, "-o", tmp_path / ("long" * 100 + ".npy"))
    refuses("does not exist; expected an existing folder", "reconstruct", good, "-o", tmp_path / "no" / "image.npy")
    (tmp_path / "folder.npy").mkdir()
    refuses("is a folder; expected a file name", "reconstruct", good, "-o", tmp_path / "folder.npy")
    np.save(tmp_path / "scan.npy", KSPACE)
    refuses("is the input; expected another file", "reconstruct", tmp_path / "scan.npy", "-o", tmp_path / "scan.npy")
    refuses("Missing option", "reconstruct", good)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write anywhere
    refuses("may not be written", "reconstruct", good, "-o", tmp_path / "image.npy")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder that takes no files")
def test_a_folder_that_takes_no_files_is_one_sentence(good, refuses):
    refuses("/proc/image.npy", "reconstruct", good, "-o", "/proc/image.npy")


def test_data_get_refuses_names(refuses, tmp_path, monkeypatch):
    monkeypatch.setenv("MRICOURSE_CACHE", str(tmp_path / "cache"))
    refuses("there is no data set 'brain'; expected one of moco_brain_7ch", "data", "get", "brain")
    refuses("there is no data set ''", "data", "get", "")
    refuses("Missing argument", "data", "get")
    refuses("No such command", "data", "fetch")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("arguments", [["reconstruct", "FILE", "-o", "OUT"], ["data", "inspect", "FILE"]], ids=" ".join)
def test_the_installed_command_refuses_too(tmp_path, arguments):
    """The same through a process of its own: exit code, streams, no file."""
    (tmp_path / "random.h5").write_bytes(NOISE)
    places = {"FILE": str(tmp_path / "random.h5"), "OUT": str(tmp_path / "image.png")}
    command = [sys.executable, "-m", "mricourse", *(places.get(word, word) for word in arguments)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.startswith("mricourse: ") and ended.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["random.h5"]


def test_nothing_in_a_file_is_ever_unpickled(tmp_path, refuses):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    trap = np.array([Trap()])
    np.save(tmp_path / "trap.npy", trap)
    np.savez(tmp_path / "trap.npz", kspace=trap)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("trap.npy", "trap.npz", "raw.npy"):
        refuses("pickle", "reconstruct", tmp_path / name, "-o", tmp_path / "image.npy")
        try:
            describe(tmp_path / name)
        except ValueError:
            pass
    assert not (tmp_path / "sprung").exists()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("suffix", WHOLE)
def test_a_damaged_byte_or_a_cut_never_surprises(tmp_path, suffix):
    """Cut a good file anywhere, or change bytes of its first 4 kB: a scan, or one sentence of an expected kind."""
    random = np.random.default_rng(0)
    whole, path = WHOLE[suffix], tmp_path / f"scan{suffix}"
    variants = [whole[:n] for n in random.integers(1, len(whole), 40)]
    for _ in range(160):
        damaged = bytearray(whole)
        for place in random.integers(0, 4096, 3):
            damaged[place] = random.integers(256)
        variants.append(bytes(damaged))
    for variant in variants:
        path.write_bytes(variant)
        for look in (read_scan, describe):
            try:
                look(path)
            except (ValueError, TypeError, OSError) as error:
                assert "\n" not in str(error) and "Traceback" not in str(error)
