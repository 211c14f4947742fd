"""Refuse unusable input and output paths in one sentence, and write files that are whole or not there."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parents[1]  # of the course: its lessons, data and recipes
NOTEBOOKS = ROOT / "notebooks"
SCRATCH = ".mricourse-part-"  # how the names of unfinished files begin
LEFT_SECONDS = 60  # after which Windows, where nothing is locked while it is renamed, takes one for left over


def suffix_of(path: Path | str) -> str:
    """Lower-case suffix of a path, with ``.nii.gz`` kept as one."""
    path = Path(path)
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


def any_of(words: Sequence[str]) -> str:
    """Join alternatives for a sentence: ``.npy, .npz or .h5``."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def check_readable(path: Path | str, *, suffixes: Sequence[str]) -> str:
    """Refuse an input path before anything opens it.

    Parameters
    ----------
    path : path
    suffixes : sequence of str
        The kinds of file to accept, such as ``(".npy", ".h5")``.

    Returns
    -------
    The suffix, in lower case.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        Nothing there, a folder, or a file that may not be read.
    ValueError
        Another suffix, an empty file, or a device or pipe.
    """
    path = Path(path)
    try:
        mode, size = path.stat().st_mode, path.stat().st_size
    except PermissionError as error:
        raise PermissionError(_unreadable(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise FileNotFoundError(
            f"{path} does not exist; expected a file: check the spelling and the folder."
        ) from error
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a folder; expected a file that ends in {any_of(suffixes)}: name one in it.")
    suffix = suffix_of(path)
    if suffix not in suffixes:
        raise ValueError(
            f"{path} ends in {suffix or 'no suffix'}; expected {any_of(suffixes)}: convert it to one of them."
        )
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is a device or a pipe; expected a file: save the data to disk first.")
    if size == 0:
        raise ValueError(f"{path} is empty (0 bytes); expected {suffix} data: copy or export it again.")
    if not os.access(path, os.R_OK):
        raise PermissionError(_unreadable(path))
    return suffix


def check_writable(path: Path | str, *, suffixes: Sequence[str]) -> None:
    """Refuse an output path before any work is done for it.

    Raises
    ------
    ValueError, FileNotFoundError, IsADirectoryError, PermissionError
        Another suffix, a missing folder, a folder, device or pipe in place of a file, or no permission.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise IsADirectoryError(
            f"the output {path} is a folder; expected a file name: add one that ends in {any_of(suffixes)}."
        )
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"the output {path} is a device or a pipe; expected a file: choose another name.")
    if suffix_of(path) not in suffixes:
        raise ValueError(
            f"the output {path} ends in {suffix_of(path) or 'no suffix'}; "
            f"expected {any_of(suffixes)}: choose one of them."
        )
    if not os.path.isdir(path.parent):
        raise FileNotFoundError(
            f"the output folder {path.parent} does not exist; expected an existing folder: create it first."
        )
    if not os.access(path.parent, os.W_OK) or (os.path.exists(path) and not os.access(path, os.W_OK)):
        raise PermissionError(
            f"the output {path} may not be written; expected write permission: choose another folder or name."
        )


def make_folder(path: Path | str) -> None:
    """Make an output folder where there is none, and refuse it before any work if nothing can be written into it.

    Raises
    ------
    OSError
        A file in its place or above it, no permission, or a disk that is full or read-only.
    """
    with _saying_what_a_folder_needs(path):
        Path(path).mkdir(parents=True, exist_ok=True)
        _try_to_write_into(Path(path))


def check_folder(path: Path | str) -> None:
    """Refuse as `make_folder` does, and leave the disk as it was: for work that may end without any output."""
    path = Path(path).absolute()
    with _saying_what_a_folder_needs(path):
        _try_to_write_into(next(place for place in (path, *path.parents) if place.exists()))


def visible_files(folder: Path, pattern: str) -> list[Path]:
    """List the files of a folder that fit a pattern, without hidden ones: those belong to programs, not to people."""
    found = (path for path in folder.glob(pattern) if path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def write_whole(path: Path | str, content: bytes | str) -> None:
    """Write a file, and its folder where missing; whatever happens, the old file is there or the new one.

    Parameters
    ----------
    path : path
        A link stays a link, to the renewed file.
    content : bytes or str
        Everything: no library is left to write into a full disk by itself. Text becomes UTF-8 with its line ends.

    Raises
    ------
    OSError
        When the folder or the disk does not take the file.
    """
    path = Path(path)
    try:
        replace_content(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise OSError(
            f"could not write {path} ({error.strerror or error}); nothing was changed: "
            "check the folder's permissions and the free space."
        ) from error


def replace_content(path: Path, content: bytes) -> None:
    """Write as `write_whole` does, with the operating system's own errors."""
    path = Path(os.path.realpath(path))
    _check_regular(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _scratch_file(path.parent) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # on the disk before the rename is: a power cut leaves no empty file
        if os.name == "nt":
            file.close()  # Windows renames no open file
        os.replace(file.name, path)


@contextmanager
def exclusive(path: Path, refusal: str, *, patience: float = 0) -> Iterator[None]:
    """Hold a lock file while the context lasts, and remove it; it is free again when its process ends, however it does.

    Parameters
    ----------
    path : path
    refusal : str
        A sentence.
    patience : float
        Seconds to wait while another process holds it.

    Raises
    ------
    BlockingIOError
        With the sentence `refusal`, where another process holds it for longer.
    """
    start = time.monotonic()
    while True:
        _check_regular(path)
        with path.open("ab") as file:
            try:
                free = _lock(file)
            except OSError:  # a file system without locks
                free = True
            if not free:
                if time.monotonic() - start >= patience:
                    raise BlockingIOError(refusal)
                time.sleep(0.05)
                continue
            if not _lies_at(file, path):
                continue  # the one who held it has just removed it
            try:
                yield
            finally:
                with suppress(OSError):
                    path.unlink()
            return


@contextmanager
def _saying_what_a_folder_needs(path: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(
            f"the output folder {path} cannot be written to ({reason}); expected a folder with write permission: "
            "choose another."
        ) from error


def _try_to_write_into(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def _scratch_file(folder: Path) -> Iterator[BinaryIO]:
    """Open a new file whose name no other process has and no pattern of lessons, scans or checkpoints fits.

    Those that killed processes left are cleared away: a process locks its own while it lives.
    """
    for left in folder.glob(f"{SCRATCH}*"):
        _remove_if_left(left)
    while True:
        path = folder / f"{SCRATCH}{secrets.token_hex(6)}"
        with path.open("xb") as file:
            try:
                with suppress(OSError):
                    _lock(file, wait=True)
                if path.exists():  # nobody took it for a leftover before it was locked
                    yield file
                    return
            finally:
                with suppress(OSError):  # what a full disk did not take it refuses again
                    file.close()
                path.unlink(missing_ok=True)


def _check_regular(path: Path) -> None:
    """Refuse to put a file in the place of a folder, of a pipe, which would wait for ever, or of a device."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:  # nothing there, or no longer: a lock goes at any moment
        return
    if not regular:
        raise FileExistsError(errno.EEXIST, "something that is no file lies there", str(path))


def _lies_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove_if_left(path: Path) -> None:
    with suppress(OSError):
        if os.name == "nt":
            if time.time() - path.stat().st_mtime > LEFT_SECONDS:
                path.unlink()
        elif path.is_file():
            with path.open("ab") as file:
                if _lock(file):
                    path.unlink()


def _lock(file: BinaryIO, *, wait: bool = False) -> bool:
    """Lock an open file against other processes; whether no other holds it. OSError where there are no locks."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _unreadable(path: Path) -> str:
    return f"{path} may not be read; expected read permission: ask its owner for it."
