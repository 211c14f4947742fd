"""A cache of published files, each known by its address, size and SHA-256.

Looking for a file never touches the network; only `fetch_file` does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.parse import urlsplit

from mricourse.files import ROOT

SILENCE_SECONDS = 30  # longest time without a byte
PATIENCE_SECONDS = 60  # after which a download has to come, on average, with
SLOWEST = 10_000  # bytes a second
# A folder of already fetched files, such as a class server mounts beside the checkout.
NEARBY = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class RemoteFile:
    """One published file.

    Parameters
    ----------
    path : str
        Its place in the cache, ``folder/name``.
    url : str
        Its address, of one fixed version.
    size : int
        Bytes.
    sha256 : str
        Checksum, in hexadecimal.
    """

    path: str
    url: str
    size: int
    sha256: str


def cache_folder() -> Path:
    """Folder that downloads go to: the environment variable ``MRICOURSE_CACHE``, else the user's cache."""
    import pooch

    return Path(os.environ.get("MRICOURSE_CACHE") or pooch.os_cache("mricourse")).expanduser().absolute()


def find_file(file: RemoteFile) -> Path | None:
    """Find a whole copy of a file on this machine; one of another size or checksum does not count.

    The cache is searched, as ``folder/name`` and as ``name``; where ``MRICOURSE_CACHE`` is not set, a folder of
    already fetched files beside the checkout too.
    """
    folders = [cache_folder()]
    if not os.environ.get("MRICOURSE_CACHE"):
        folders.append(NEARBY)
    for folder in folders:
        for path in (folder / file.path, folder / Path(file.path).name):
            if _is_whole(path, file):
                return path
    return None


def fetch_file(file: RemoteFile, *, progress: bool = False) -> Path:
    """Find a file or download it into the cache; it appears there only when it is whole.

    A download that was killed leaves nothing under the final name: the next call starts that file again.

    Parameters
    ----------
    file : RemoteFile
    progress : bool
        Show a progress bar on standard error.

    Raises
    ------
    ConnectionError
        No network, or a server that does not give the file, or not fast enough.
    ValueError
        A download of another size or checksum; no more is read than the file's bytes.
    OSError
        A cache folder that cannot be written.
    """
    import requests

    if found := find_file(file):
        return found
    name, host = Path(file.path).name, urlsplit(file.url).netloc
    target = cache_folder() / file.path
    try:
        with _scratch_folder(cache_folder()) as scratch:
            download = scratch / name
            _download(file, download, progress=progress)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(download, target)
    except _Refused as error:
        raise ValueError(
            f"the download of {name} from {host} {error}; nothing was kept: try again, and on another network if it "
            "happens twice."
        ) from error
    except _TooSlow as error:
        raise ConnectionError(
            f"{host} sends {name} at less than {SLOWEST // 1000} kB/s; expected a faster connection: try again later, "
            "or set MRICOURSE_CACHE to a folder of already fetched files."
        ) from error
    except requests.HTTPError as error:
        status = error.response.status_code
        raise ConnectionError(
            f"{host} answered {status} for {name}; expected the file: try again later, or ask for help "
            f"with the address {file.url} ."
        ) from error
    except requests.RequestException as error:
        raise ConnectionError(
            f"{name} could not be downloaded from {host}; expected a network connection: try again online, "
            "or set MRICOURSE_CACHE to a folder of already fetched files."
        ) from error
    except OSError as error:
        raise OSError(
            f"the cache {cache_folder()} cannot be written ({error.strerror or error}); expected a writable "
            "folder with free space: set MRICOURSE_CACHE to one."
        ) from error
    return target


class _Refused(Exception):
    """What came is not the file; the words say why."""


class _TooSlow(Exception):
    """What came, came too slowly to wait for its end."""


def _download(file: RemoteFile, path: Path, *, progress: bool) -> None:
    """Download a file of known size; a thread waits for the server, so that this one can lose its patience."""
    from tqdm import tqdm

    received: SimpleQueue[int | BaseException] = SimpleQueue()
    Thread(target=_receive, args=(file, path, received.put), daemon=True).start()
    start, n_bytes = time.monotonic(), 0
    with tqdm(total=file.size, unit="B", unit_scale=True, desc=path.name, disable=not progress, leave=False) as bar:
        while n_bytes < file.size:
            try:
                arrived = received.get(timeout=0.2)
            except Empty:
                arrived = 0
            if isinstance(arrived, BaseException):
                raise arrived
            n_bytes += arrived
            bar.update(arrived)
            if n_bytes < SLOWEST * (time.monotonic() - start - PATIENCE_SECONDS):
                raise _TooSlow
    end = received.get()  # soon: the thread takes no byte beyond the last
    if isinstance(end, BaseException):
        raise end
    if not _is_whole(path, file):
        raise _Refused("does not have the expected checksum")


def _receive(file: RemoteFile, path: Path, report: Callable[[int | BaseException], None]) -> None:
    """Write what a server sends into a file, and report each part's bytes, then 0, or what went wrong."""
    import requests

    try:
        options = {"stream": True, "timeout": SILENCE_SECONDS, "headers": {"Accept-Encoding": "identity"}}
        with requests.get(file.url, **options) as response, path.open("wb") as stream:
            response.raise_for_status()
            announced = response.headers.get("Content-Length", str(file.size))
            if announced != str(file.size):
                raise _Refused(f"would have {announced} bytes, and the file has {file.size}")
            n_bytes = 0
            for part in response.iter_content(chunk_size=2**14):
                part = part[: file.size - n_bytes]  # whatever follows is not read
                n_bytes += len(part)
                stream.write(part)
                report(len(part))
                if n_bytes == file.size:
                    break
        if n_bytes < file.size:
            raise _Refused(f"ended after {n_bytes} of the file's {file.size} bytes")
        report(0)
    except BaseException as error:
        report(error)


def _is_whole(path: Path, file: RemoteFile) -> bool:
    try:
        if path.stat().st_size != file.size:
            return False
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


@contextmanager
def _scratch_folder(cache: Path) -> Iterator[Path]:
    """Yield a folder of our own in the cache, and clear away what killed downloads left a day ago."""
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(".partial-*"):
        with suppress(OSError):  # another download that has just ended removes its own
            if time.time() - left.stat().st_mtime > 86400:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=cache, ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)
