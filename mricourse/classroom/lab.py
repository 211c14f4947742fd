"""The learner's workspace: a copy of the lessons that updates may extend but never overwrite.

A notebook counts as the learner's work as soon as one of its cells was changed, added, moved or removed, or anything
that a person writes beside them: tags, slide types, other metadata. One that was only run is still ours, and an update
replaces it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mricourse.classroom.ask import RECORD
from mricourse.classroom.start_page import START
from mricourse.files import NOTEBOOKS, ROOT, exclusive, make_folder, visible_files, write_whole

WORKSPACE = ROOT / "workspace"
SETTINGS = Path(__file__).with_name("jupyter")  # JupyterLab's: no news from the network, Markdown opens as a page
LOCK = ".mricourse.lock"
LOCK_SECONDS = 60  # longest wait for another update of the same workspace
SHIPPED = ("*.ipynb", "solutions/*.ipynb", "figures/*", "quiz/*.yml", "GLOSSARY.md", "SYMBOLS.md")
BY_JUPYTER = {"kernelspec", "language_info", "widgets", "orig_nbformat"}  # metadata that opening and running leave
NOTEBOOK_KEYS = {"cells", "metadata", "nbformat", "nbformat_minor"}
CELL_KEYS = {"cell_type", "id", "metadata", "source", "attachments", "outputs", "execution_count"}
BY_RUNNING = {"execution", "executionInfo", "ExecuteTime", "collapsed", "scrolled", "trusted"}  # in a cell's


@dataclass
class Update:
    """What one update of a workspace did; file names as seen from the workspace."""

    copied: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)  # the learner's file -> where the new version lies
    occupied: dict[str, str] = field(default_factory=dict)  # something that is no file -> where the lesson lies
    failed: dict[str, str] = field(default_factory=dict)  # what could not be read or written -> why

    def sentences(self) -> list[str]:
        counted = [f"{len(self.copied)} files copied." if self.copied else ""]
        counted += [f"{len(self.replaced)} unedited files brought up to date." if self.replaced else ""]
        kept = [f"You have worked in {mine}; its new version is {new}." for mine, new in self.beside.items()]
        kept += [f"{mine} is no file; the course's own is {new}." for mine, new in self.occupied.items()]
        for reason in dict.fromkeys(self.failed.values()):
            names = [name for name, why in self.failed.items() if why == reason]
            some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            kept.append(f"{some} could not be brought up to date ({reason}).")
        return [*filter(None, counted), *kept]


def update_workspace(workspace: Path, shipped: Path = NOTEBOOKS) -> Update:
    """Bring the lessons in `workspace` up to date without touching anything that a learner changed.

    What stands in the way of one file leaves the others alone.

    Raises
    ------
    NotADirectoryError, OSError
        When the workspace is a file, or nothing can be written to it.
    FileNotFoundError
        When there are no lessons to copy.
    """
    if workspace.exists() and not workspace.is_dir():
        raise NotADirectoryError(f"{workspace} is a file; expected a folder, or a name where one can be made.")
    files = sorted(path for pattern in SHIPPED for path in visible_files(shipped, pattern))
    if not any(path.suffix == ".ipynb" for path in files):
        raise FileNotFoundError(f"There are no lessons in {shipped}: make them with `python3 course.py build`.")
    contents = {path.relative_to(shipped).as_posix(): path.read_bytes() for path in files}
    with _alone(workspace):
        return _update(workspace, contents)


def last_touched(workspace: Path) -> str | None:
    """Name of the lesson last worked on, None where none was even run."""
    record = _read_record(workspace)
    lessons = visible_files(workspace, "[0-9][0-9]_*.ipynb")
    touched = [path for path in lessons if not _is_shipped(path, record)]
    return max(touched, key=lambda path: path.stat().st_mtime).name if touched else None


def page_to_open(workspace: Path, shipped: Path = NOTEBOOKS) -> str:
    """The start page; where there is none, the lesson last worked on, or the first one."""
    if (workspace / START).is_file():
        return START
    if touched := last_touched(workspace):
        return touched
    ours = [path.name for path in visible_files(shipped, "[0-9][0-9]_*.ipynb")]
    there = [path.name for path in visible_files(workspace, "[0-9][0-9]_*.ipynb")]
    return next((name for name in ours if name in there), min(there, default=ours[0]))


def jupyter_command(workspace: Path, *, browser: bool = True, extra: tuple[str, ...] = ()) -> list[str]:
    """Command line of JupyterLab on a workspace: this Python's, and nothing asked from the network."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={workspace}", "-y"]  # -y: Ctrl-C ends it
    command += [f"--LabApp.default_url=/lab/tree/{page_to_open(workspace)}"]
    command += [
        f"--LabApp.extra_labextensions_path={SETTINGS / 'labextensions'}",
        "--LabApp.extension_manager=readonly",
    ]
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # containers
    return [*command, *extra]


def open_lab(workspace: Path, *, browser: bool = True, extra: tuple[str, ...] = ()) -> int:
    """Run JupyterLab until it ends; returns its exit code (on POSIX this process becomes JupyterLab)."""
    command = jupyter_command(workspace, browser=browser, extra=extra)
    ours = [str(SETTINGS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    # this environment's kernel comes before a user's own
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(ours), "JUPYTER_PREFER_ENV_PATH": "1"}
    if os.name != "nt":
        sys.stdout.flush()
        os.execve(command[0], command, environment)
    with subprocess.Popen(command, env=environment) as server:
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:  # the server has received it too and shuts its kernels down
                continue


def _alone(workspace: Path) -> AbstractContextManager[None]:
    """Keep other processes from updating the workspace: of two versions at once, one would forget the other's files."""
    make_folder(workspace)
    refusal = (
        f"another program has been copying lessons into {workspace} for {LOCK_SECONDS} s; expected one at a time: wait "
        "for its end, or give another folder."
    )
    return exclusive(workspace / LOCK, refusal, patience=LOCK_SECONDS)


def _update(workspace: Path, contents: dict[str, bytes]) -> Update:
    record = _read_record(workspace)
    done = Update()
    for name, content in contents.items():
        _remember(name, _hashes(content), record)
    _write_record(workspace, record)  # first: a kill on the way leaves no file that looks edited
    for name, content in contents.items():
        with _noting_failure(name, done):
            _update_file(workspace, name, content, record, done)
    with _noting_failure(RECORD, done):
        _write_record(workspace, record)
    return done


@contextmanager
def _noting_failure(name: str, done: Update) -> Iterator[None]:
    """Let what the operating system refuses for one file not stop the others."""
    try:
        yield
    except OSError as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        done.failed[name] = (cause.strerror or str(cause)).lower()


def _update_file(workspace: Path, name: str, new: bytes, record: dict, done: Update) -> None:
    path = workspace / name
    version = _hashes(new)
    if path.is_file():
        there = path.read_bytes()
        if _hashes(there)["cells"] == version["cells"]:
            pass  # up to date, perhaps run
        elif _is_ours(there, name, record):
            write_whole(path, new)
            done.replaced.append(name)
        elif record["offered"].get(name) != version["bytes"]:
            done.beside[name] = _put_beside(workspace, name, new, record)
    elif not os.path.lexists(path):
        write_whole(path, new)
        done.copied.append(name)
    elif record["offered"].get(name) != version["bytes"]:
        done.occupied[name] = _put_beside(workspace, name, new, record)
    record["offered"][name] = version["bytes"]


def _put_beside(workspace: Path, name: str, content: bytes, record: dict) -> str:
    """Write a version beside a file that is the learner's; its name."""
    beside = _free_name(workspace, name, record)
    write_whole(workspace / beside, content)
    _remember(beside, _hashes(content), record)
    return beside


def _free_name(workspace: Path, name: str, record: dict) -> str:
    """`lesson.updated-2.ipynb`: the first such name that is free, or holds an unedited version of ours."""
    stem, dot, suffix = name.rpartition(".")
    for count in range(2, 1000):
        candidate = f"{stem}.updated-{count}{dot}{suffix}"
        path = workspace / candidate
        if not os.path.lexists(path):
            return candidate
        if not path.is_file():
            continue
        content = path.read_bytes()
        if _is_ours(content, name, record):
            return candidate
    raise FileExistsError(f"{workspace} holds a thousand versions of {name}: remove the ones that you do not need.")


def _remember(name: str, hashes: dict[str, str], record: dict) -> None:
    entries = record["shipped"].setdefault(name, [])
    if hashes not in entries:
        entries.append(hashes)


def _is_ours(content: bytes, name: str, record: dict) -> bool:
    return bool({*_hashes(content).values()} & _known(record, name))


def _known(record: dict, name: str) -> set[str]:
    return {value for entry in record["shipped"].get(name, []) for value in entry.values()}


def _is_shipped(path: Path, record: dict) -> bool:
    """Whether a file is one that we wrote and that nobody even ran, or one that cannot be read."""
    try:
        return _hashes(path.read_bytes())["bytes"] in _known(record, path.name)
    except OSError:
        return True


def _hashes(content: bytes) -> dict[str, str]:
    """SHA-256 of the file and, for a notebook, of all that a person writes in it: neither knows kinds of line ends."""
    if b"\0" not in content:  # text, which another git may have checked out
        content = content.replace(b"\r\n", b"\n")
    whole = hashlib.sha256(content).hexdigest()
    try:
        notebook = json.loads(content)
        written = {
            "cells": [_written(cell) for cell in notebook["cells"]],
            "metadata": {key: value for key, value in notebook.get("metadata", {}).items() if key not in BY_JUPYTER},
        }
        written |= _others(notebook, NOTEBOOK_KEYS)
        cells = json.dumps(written, sort_keys=True).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no notebook, or damaged: its bytes
        return {"bytes": whole, "cells": whole}
    return {"bytes": whole, "cells": hashlib.sha256(cells).hexdigest()}


def _written(cell: dict) -> dict:
    """All of a cell but its outputs, its number and what running it leaves in its metadata."""
    kept = {key: value for key, value in cell.get("metadata", {}).items() if key not in BY_RUNNING}
    view = {key: value for key, value in kept.pop("jupyter", {}).items() if key != "outputs_hidden"}
    return {
        "type": cell["cell_type"],
        "source": "".join(cell["source"]),
        "attachments": cell.get("attachments", {}),
        "metadata": kept | ({"jupyter": view} if view else {}),
        **_others(cell, CELL_KEYS),
    }


def _others(part: dict, known: set[str]) -> dict:
    """What a person or another program added to the entries of the format."""
    others = {key: value for key, value in part.items() if key not in known}
    return {"others": others} if others else {}


def _write_record(workspace: Path, record: dict) -> None:
    """Write the record where it changed: a full disk keeps nobody from a workspace that is up to date."""
    if record != _read_record(workspace):
        write_whole(workspace / RECORD, json.dumps(record, indent=1, sort_keys=True))


def _read_record(workspace: Path) -> dict:
    """The record, or an empty one: then every file that differs from ours counts as the learner's."""
    empty: dict = {"shipped": {}, "offered": {}}
    path = workspace / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8") if path.is_file() else "")
        known = {
            name: [{"bytes": str(entry["bytes"]), "cells": str(entry["cells"])} for entry in entries]
            for name, entries in record["shipped"].items()
        }
        return {"shipped": known, "offered": {str(key): str(value) for key, value in record["offered"].items()}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return empty
