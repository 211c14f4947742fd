"""Refuse unusable input and output paths in one sentence, and write files that are whole or not there."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the course: its lessons, data and recipes


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
        Another suffix, a missing folder, a folder in place of a file, or no permission.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise IsADirectoryError(
            f"the output {path} is a folder; expected a file name: add one that ends in {any_of(suffixes)}."
        )
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
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(
            f"the output folder {path} cannot be written to ({reason}); expected a folder with write permission: "
            "choose another."
        ) from error


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a scratch name in the folder of ``path``; it becomes ``path`` at the end, or goes on any error.

    A file that was there before stays as it is until the new one is complete.

    Raises
    ------
    OSError
        When the folder or the disk does not take the file.
    """
    path = Path(os.path.realpath(path))  # a link stays a link, to the renewed file
    scratch = path.with_name(f".{secrets.token_hex(6)}.part{path.suffix}")  # short: long names have a limit
    try:
        yield scratch
        os.replace(scratch, path)
    except OSError as error:
        raise OSError(
            f"could not write {path} ({error.strerror or error}); nothing was changed: "
            "check the folder's permissions and the free space."
        ) from error
    finally:
        scratch.unlink(missing_ok=True)


def _unreadable(path: Path) -> str:
    return f"{path} may not be read; expected read permission: ask its owner for it."
