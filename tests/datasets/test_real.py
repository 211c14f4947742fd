"""Measured data: the registry, the cache, downloads from a server of our own, loaders, and `mricourse data`."""

import gzip
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from mricourse.commands import app as cli
from mricourse.datasets import cache
from mricourse.datasets.cache import RemoteFile, fetch_file, find_file
from mricourse.datasets.inspect import describe, guess_content, inspect_file
from mricourse.datasets.real import REGISTRY, available, fetch, find, load_open_ms, load_real
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import random_mask
from mricourse.simulate.coils import simulate_coils

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SCANS = [name for name in REGISTRY if name != "open_ms"]


def needs(name):
    return pytest.mark.skipif(not available(name), reason=f"{name} is not on this machine")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MRICOURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def sends(handler, content, **headers):
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.send(content)


def goes_on_for_ever(handler):
    sends(handler, CONTENT)
    while not handler.server.released.is_set():
        handler.send(CONTENT)


def drips(handler):
    sends(handler, b"", Content_Length=str(len(CONTENT)))
    for place in range(len(CONTENT)):
        handler.send(CONTENT[place : place + 1])
        if handler.server.released.wait(0.02):
            return


def drips_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Name: ")
    while not handler.server.released.wait(0.02):
        handler.send(b"a")


def turns_in_a_circle(handler):
    handler.send_response(302)
    handler.send_header("Location", "/circle")
    handler.end_headers()


BOMB = gzip.compress(bytes(50 << 20))
ODD_PAGES = {
    "/endless": goes_on_for_ever,
    "/longer": lambda handler: sends(handler, CONTENT + b"!"),
    "/another": lambda handler: sends(handler, CONTENT[1:] * 50),
    "/announced": lambda handler: sends(handler, CONTENT, Content_Length=str(400 * len(CONTENT))),
    "/bomb": lambda handler: sends(handler, BOMB, Content_Encoding="gzip"),
    "/shorter": lambda handler: sends(handler, CONTENT[:-1]),
    "/nothing": lambda handler: sends(handler, b""),
    "/open": lambda handler: (sends(handler, CONTENT), handler.server.released.wait(60)),
    "/drip": drips,
    "/headers": drips_headers,
    "/silent": lambda handler: handler.server.released.wait(60),
    "/circle": turns_in_a_circle,
}


class Handler(BaseHTTPRequestHandler):
    def send(self, content):
        self.wfile.write(content)
        self.server.n_sent += len(content)

    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path in ODD_PAGES:
            ODD_PAGES[self.path](self)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2])
        self.wfile.flush()
        if self.path == "/broken":
            return
        while self.path == "/slow" and not self.server.released.wait(0.05):
            pass
        self.wfile.write(CONTENT[len(CONTENT) // 2 :])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.released = [], threading.Event()
        server.n_sent = 0
        server.handle_error = lambda *_: None  # a client that went away
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def remote(server, page="file", sha256=SHA256):
    return RemoteFile("set/part.bin", f"http://127.0.0.1:{server.server_port}/{page}", len(CONTENT), sha256)


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_registry_names_one_fixed_version_of_every_file():
    for data in REGISTRY.values():
        assert data.title and data.licence and data.citation
        for file in data.files:
            assert re.fullmatch(r"https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/[0-9a-f]{40}/.+", file.url)
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256) and file.size > 0
    paths = [file.path for data in REGISTRY.values() for file in data.files]
    assert len(set(paths)) == len(paths) == 12


def test_a_download_lands_whole_and_is_not_repeated(server, empty_cache):
    file = remote(server)
    assert find_file(file) is None and server.requests == []
    path = fetch_file(file)
    assert path == empty_cache / "set" / "part.bin" and path.read_bytes() == CONTENT
    assert fetch_file(file) == path and server.requests == ["/file"]
    assert files_in(empty_cache) == ["set/part.bin"]


def test_a_damaged_copy_is_not_found_and_get_repairs_it(server, empty_cache):
    path = fetch_file(remote(server))
    path.write_bytes(b"x" + CONTENT[1:])
    assert find_file(remote(server)) is None
    assert fetch_file(remote(server)).read_bytes() == CONTENT


def test_copies_are_found_in_either_layout_and_beside_the_checkout(server, tmp_path, monkeypatch):
    file = remote(server)
    for place in ("set/part.bin", "part.bin"):
        folder = tmp_path / place.replace("/", "-")
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_bytes(CONTENT)
        monkeypatch.setenv("MRICOURSE_CACHE", str(folder))
        assert find_file(file) == folder / place
        monkeypatch.delenv("MRICOURSE_CACHE")
        monkeypatch.setattr(cache, "NEARBY", folder)
        assert find_file(file) == folder / place
    assert server.requests == []


FAILURES = {
    "missing": ({}, ConnectionError, "answered 404"),
    "broken": ({}, ConnectionError, "could not be downloaded"),
    "file": ({"sha256": "0" * 64}, ValueError, "checksum"),
    "another": ({}, ValueError, "does not have the expected checksum; nothing was kept"),
    "announced": ({}, ValueError, "would have 419430400 bytes, and the file has 1048576"),
    "bomb": ({}, ValueError, "does not have the expected checksum"),
    "shorter": ({}, ValueError, "ended after 1048575 of the file's 1048576 bytes"),
    "nothing": ({}, ValueError, "ended after 0 of the file's 1048576 bytes"),
    "drip": ({}, ConnectionError, "at less than 10 kB/s; expected a faster connection"),
    "headers": ({}, ConnectionError, "at less than 10 kB/s; expected a faster connection"),
    "silent": ({}, ConnectionError, "at less than 10 kB/s|could not be downloaded"),
    "circle": ({}, ConnectionError, "could not be downloaded"),
}


@pytest.mark.parametrize("page", FAILURES)
def test_a_failed_download_leaves_nothing_and_takes_no_more_than_the_file(server, empty_cache, page, monkeypatch):
    monkeypatch.setattr(cache, "PATIENCE_SECONDS", 0.5)
    changes, kind, words = FAILURES[page]
    start = time.monotonic()
    with pytest.raises(kind, match=words) as refusal:
        fetch_file(remote(server, page, **changes))
    assert files_in(empty_cache) == [] and str(refusal.value).count("\n") == 0
    assert time.monotonic() - start < 20 and server.n_sent < 30 * len(CONTENT), "what the sockets hold, and no more"


@pytest.mark.parametrize("page", ["longer", "endless", "open"])
def test_what_a_server_does_after_the_file_is_all_the_same(server, empty_cache, page):
    start = time.monotonic()
    assert fetch_file(remote(server, page)).read_bytes() == CONTENT
    assert time.monotonic() - start < 20 and server.n_sent < 30 * len(CONTENT)


def test_a_download_may_take_its_time(server, empty_cache, monkeypatch):
    """As fast as it must be: half a second of patience, and then ten times as many bytes as it needs."""
    monkeypatch.setattr(cache, "PATIENCE_SECONDS", 0.5)
    threading.Timer(2, server.released.set).start()
    assert fetch_file(remote(server, "slow")).read_bytes() == CONTENT


def test_a_killed_download_leaves_nothing_under_the_name_and_the_next_one_succeeds(server, empty_cache):
    file = remote(server, "slow")
    code = f"from mricourse.datasets.cache import *; fetch_file({file!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    while not server.requests:
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    server.released.set()
    assert find_file(file) is None and not (empty_cache / "set").exists()
    for left in empty_cache.glob(".partial-*"):  # two days later
        os.utime(left, (time.time() - 2 * 86400,) * 2)
    assert fetch_file(remote(server)).read_bytes() == CONTENT
    assert files_in(empty_cache) == ["set/part.bin"]


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_leftover_that_has_gone_in_the_meantime_stops_no_download(server, empty_cache):
    empty_cache.mkdir(exist_ok=True)
    (empty_cache / ".partial-gone").symlink_to("nothing")
    assert fetch_file(remote(server)).read_bytes() == CONTENT


def test_no_network_is_one_sentence(empty_cache, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionError, match="expected a network connection.*MRICOURSE_CACHE"):
        fetch_file(RemoteFile("a/b", f"http://127.0.0.1:{port}/b", 1, "0" * 64))


def test_a_cache_that_cannot_be_written_is_one_sentence(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MRICOURSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="cannot be written.*MRICOURSE_CACHE"):
        fetch_file(remote(server))


def test_without_the_published_files_one_sentence_says_how_to_get_them(empty_cache, no_network):
    with pytest.raises(FileNotFoundError, match="mricourse data get larson_knee"):
        load_real("larson_knee", whole=True)
    with pytest.raises(FileNotFoundError, match="mricourse data get open_ms"):
        load_open_ms(whole=True)
    assert not empty_cache.exists()


@pytest.mark.parametrize("name", ["moco", "open_ms"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_wrong_name_is_refused(name, whole):
    with pytest.raises(ValueError, match="expected one of|load_open_ms"):
        load_real(name, whole=whole)


@pytest.mark.parametrize("name", REGISTRY)
def test_files_here_have_the_size_and_checksum_of_the_registry(name, no_network):
    if not available(name):
        pytest.skip(f"{name} is not on this machine")
    assert fetch(name) == find(name)  # found whole, so nothing is downloaded
    assert [path.stat().st_size for path in find(name)] == [file.size for file in REGISTRY[name].files]


SHAPES = {
    "moco_brain_7ch": (4, 256, 216),
    "sigpy_brain_8ch": (8, 230, 180),
    "larson_knee": (1, 332, 320),
    "larson_head": (1, 256, 256),
}


@pytest.mark.parametrize("name", SCANS)
def test_measured_scans(name, empty_cache, no_network):
    scan = load_real(name)
    assert scan.kspace.shape == scan.smaps.shape == SHAPES[name]
    assert {"subject", "contrast", "source", "licence", "citation", "simulated", "scale"} <= set(scan.meta)
    assert scan.meta["simulated"] is False
    if name == "sigpy_brain_8ch":
        assert scan.reference is None and scan.mask.float().mean() == pytest.approx(0.1243, abs=1e-3)
        return
    assert bool(scan.mask.all()) and float(scan.reference.abs().max()) == pytest.approx(1)
    coil_images = ifft2c(scan.kspace)
    unexplained = coil_images - scan.smaps * scan.reference
    inside = scan.smaps.abs().sum(0) > 0
    assert float(unexplained[:, inside].norm() / coil_images.norm()) < 0.08  # noise and what the maps do not explain


@needs("open_ms")
def test_open_ms_volumes(no_network):
    for patient, n_lesion_voxels in {"07": 1300, "19": None}.items():
        head = load_open_ms(patient, whole=True)
        assert head.t1.shape == head.t2.shape == head.flair.shape == head.lesions.shape == (182, 218, 182)
        assert head.t1.dtype == torch.float32 and head.lesions.dtype == torch.bool
        assert min(float(volume.min()) for volume in (head.t1, head.t2, head.flair)) == 0
        assert n_lesion_voxels in (None, int(head.lesions.sum()))
        assert head.flair[head.lesions].mean() > head.flair[head.flair > 0].mean()  # lesions are bright on FLAIR
    with pytest.raises(ValueError, match="'07' or '19'"):
        load_open_ms("08")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ending:
        cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert not ending.value.code, err
    return out


def test_data_list_works_offline(empty_cache, no_network, capsys):
    out = run(capsys, "data", "list")
    assert all(name in out and data.licence in out and data.citation in out for name, data in REGISTRY.items())
    assert out.count("not here; get it with: mricourse data get") == len(REGISTRY)


def test_data_get_all_fetches_each_set_once(capsys, monkeypatch):
    import mricourse.datasets.registry as registry

    fetched = []
    monkeypatch.setattr(registry, "fetch_file", lambda file, progress: fetched.append(file.path) or Path("/c/x"))
    out = run(capsys, "data", "get", "all")
    assert len(fetched) == 12 and out.count("please cite") == len(REGISTRY)


def test_data_inspect_says_what_is_there(tmp_path, capsys):
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 80), indexing="ij")
    coil_images = simulate_coils(8, (64, 80)) * (y**2 + x**2 < 0.6) * (1 + 0.5 * x)
    kspace = fft2c(coil_images) + 1e-4 * random_complex(8, 64, 80)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = kspace * random_mask(64, 2, acs=16)
        file["notes"] = "words"
        file["nothing"] = h5py.Empty("f4")
        file["broken"] = np.array([[1, np.nan], [np.inf, 2]])
    out = run(capsys, "data", "inspect", tmp_path / "scan.h5")
    assert re.search(r"complex k-space \(coils, ky, kx\), 8 coils, 50.0 % sampled \(R = 2.00\), ACS 1\d lines", out)
    assert "1 to 2, 1 NaN, 1 infinite" in out and "notes () object; not numbers" in out and "nothing (0,)" in out
    corner = guess_content(np.fft.ifftshift(kspace.numpy(), axes=(-2, -1)))
    assert (
        "zero frequency of kspace seems to be at (0, 0)" in corner
        and "np.fft.fftshift(kspace, axes=(-2, -1))" in corner
    )
    assert guess_content(np.moveaxis(coil_images.numpy(), 0, -1)) == "complex images (y, x, coils), 8 coils"
    assert guess_content(simulate_coils(8, (64, 80)).numpy()).startswith("coil sensitivity maps (coils, y, x)")


def test_data_inspect_reads_volumes_and_folders(tmp_path, capsys):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.ones((4, 5, 6), np.float32), np.eye(4)), tmp_path / "volume.nii.gz")
    (tmp_path / "deep").mkdir()
    np.save(tmp_path / "deep" / "lines.npy", np.arange(7))
    (tmp_path / "broken.h5").write_bytes(b"no")
    (tmp_path / "notes.txt").write_text("notes")
    assert "(4, 5, 6) float32" in str(inspect_file(tmp_path / "volume.nii.gz")[0])
    out = run(capsys, "data", "inspect", tmp_path)
    assert "3 data files, 1 others" in out and "(7,) int64" in out and "broken.h5 could not be read" in out


def test_a_part_of_a_large_array_is_enough(tmp_path, monkeypatch):
    monkeypatch.setattr("mricourse.datasets.inspect.LARGE", 100)
    np.save(tmp_path / "stack.npy", np.ones((9, 10, 10)))
    assert "in part [4]" in describe(tmp_path / "stack.npy")


def test_a_large_compressed_array_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("mricourse.datasets.inspect.TOO_LARGE", 1000)
    np.savez_compressed(tmp_path / "stack.npz", a=np.zeros((64, 64)))
    assert "not read" in describe(tmp_path / "stack.npz")


def test_a_truncated_volume_is_one_sentence(tmp_path):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.ones((40, 50, 6), np.float32), np.eye(4)), tmp_path / "volume.nii.gz")
    whole = gzip.decompress((tmp_path / "volume.nii.gz").read_bytes())
    (tmp_path / "volume.nii.gz").write_bytes(gzip.compress(whole[:5000]))
    with pytest.raises(ValueError, match="damaged, truncated"):
        describe(tmp_path / "volume.nii.gz")


@needs("moco_brain_7ch")
def test_a_flat_cache_serves_a_scan(tmp_path, monkeypatch):
    shutil.copy(find("moco_brain_7ch")[0], tmp_path)
    monkeypatch.setenv("MRICOURSE_CACHE", str(tmp_path))
    assert load_real("moco_brain_7ch", whole=True).n_coils == 4
