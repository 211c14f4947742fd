"""A cache of published files, each known by its address, size and SHA-256.

Looking for a file never touches the network; only `fetch_file` does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

# A folder of already fetched files, such as a class server mounts beside the checkout.
NEARBY = Path(__file__).resolve().parents[3] / "shared" / "data"


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
        No network, or a server that does not give the file.
    ValueError
        A download whose checksum is wrong.
    OSError
        A cache folder that cannot be written.
    """
    import pooch
    import requests

    if found := find_file(file):
        return found
    name, host = Path(file.path).name, urlsplit(file.url).netloc
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=30, chunk_size=2**16)
    target = cache_folder() / file.path
    try:
        with _scratch_folder(cache_folder()) as scratch:
            options = {"path": scratch, "fname": name, "downloader": downloader}
            download = pooch.retrieve(file.url, f"sha256:{file.sha256}", **options)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(download, target)
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
    except ValueError as error:  # pooch found another checksum
        raise ValueError(
            f"the download of {name} from {host} does not have the expected checksum; nothing was kept: try "
            "again, and on another network if it happens twice."
        ) from error
    except OSError as error:
        raise OSError(
            f"the cache {cache_folder()} cannot be written ({error.strerror or error}); expected a writable "
            "folder with free space: set MRICOURSE_CACHE to one."
        ) from error
    return target


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
        if time.time() - left.stat().st_mtime > 86400:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=cache, ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)
