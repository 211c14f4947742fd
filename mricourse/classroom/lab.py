"""The learner's workspace: a copy of the lessons that updates may extend but never overwrite.

A notebook counts as the learner's work as soon as one of its cells was changed, added, moved or removed. One that was
only run (outputs and execution numbers differ) is still ours, and an update replaces it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mricourse.classroom.notebooks import NOTEBOOKS, ROOT
from mricourse.files import visible_files, write_whole

WORKSPACE = ROOT / "workspace"
SETTINGS = Path(__file__).with_name("jupyter")  # JupyterLab's: no news, which would come over the network
RECORD = ".mricourse.json"  # what we shipped: file name -> hashes; and the version last offered of each lesson
SHIPPED = ("*.ipynb", "solutions/*.ipynb", "figures/*", "quiz/*.yml")


@dataclass
class Update:
    """What one update of a workspace did; file names as seen from the workspace."""

    copied: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)  # the learner's file -> where the new version lies

    def sentences(self) -> list[str]:
        kept = [f"You have worked in {mine}; its new version is {new}." for mine, new in self.beside.items()]
        counted = [f"{len(self.copied)} files copied." if self.copied else ""]
        counted += [f"{len(self.replaced)} unedited files brought up to date." if self.replaced else ""]
        return [*filter(None, counted), *kept]


def update_workspace(workspace: Path, shipped: Path = NOTEBOOKS) -> Update:
    """Bring the lessons in `workspace` up to date without touching anything that a learner changed.

    Raises
    ------
    NotADirectoryError, OSError
        When the workspace is a file, or cannot be written to.
    FileNotFoundError
        When there are no lessons to copy.
    """
    if workspace.exists() and not workspace.is_dir():
        raise NotADirectoryError(f"{workspace} is a file; expected a folder, or a name where one can be made.")
    files = sorted(path for pattern in SHIPPED for path in visible_files(shipped, pattern))
    if not any(path.suffix == ".ipynb" for path in files):
        raise FileNotFoundError(f"There are no lessons in {shipped}: make them with `python3 course.py build`.")
    record, done = _read_record(workspace), Update()
    for path in files:
        name = path.relative_to(shipped).as_posix()
        _update_file(workspace, name, path.read_bytes(), record, done)
    write_whole(workspace / RECORD, json.dumps(record, indent=1, sort_keys=True))
    return done


def lesson_to_open(workspace: Path, shipped: Path = NOTEBOOKS) -> str:
    """Name of the lesson last worked on, or of the first one."""
    record = _read_record(workspace)
    lessons = sorted(path for path in workspace.glob("[0-9][0-9]_*.ipynb"))
    touched = [path for path in lessons if _hashes(path.read_bytes())["bytes"] not in _known(record, path.name)]
    if touched:
        return max(touched, key=lambda path: path.stat().st_mtime).name
    return sorted(shipped.glob("[0-9][0-9]_*.ipynb"))[0].name


def jupyter_command(workspace: Path, *, browser: bool = True, extra: tuple[str, ...] = ()) -> list[str]:
    """Command line of JupyterLab on a workspace: this Python's, and nothing asked from the network."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={workspace}", "-y"]  # -y: Ctrl-C ends it
    command += [f"--LabApp.default_url=/lab/tree/{lesson_to_open(workspace)}"]
    command += ["--LabApp.extension_manager=readonly"]
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


def _update_file(workspace: Path, name: str, new: bytes, record: dict, done: Update) -> None:
    path, version = workspace / name, _hashes(new)
    there = path.read_bytes() if path.is_file() else None
    if there is None:
        _ship(path, new, name, record)
        done.copied.append(name)
    elif there == new or _hashes(there)["cells"] == version["cells"]:
        _remember(name, version, record)  # up to date, perhaps run
    elif _is_ours(there, name, record):
        _ship(path, new, name, record)
        done.replaced.append(name)
    elif record["offered"].get(name) != version["bytes"]:
        beside = _free_name(workspace, name, version, record)
        _ship(workspace / beside, new, beside, record)
        done.beside[name] = beside
    record["offered"][name] = version["bytes"]


def _free_name(workspace: Path, name: str, version: dict, record: dict) -> str:
    """`lesson.updated-2.ipynb`: the first such name that is free, or holds an unedited version of ours."""
    stem, dot, suffix = name.rpartition(".")
    for count in range(2, 1000):
        candidate = f"{stem}.updated-{count}{dot}{suffix}"
        if not (workspace / candidate).exists():
            return candidate
        content = (workspace / candidate).read_bytes()
        if _hashes(content)["cells"] == version["cells"] or _is_ours(content, candidate, record):
            return candidate
    raise FileExistsError(f"{workspace} holds a thousand versions of {name}: remove the ones that you do not need.")


def _ship(path: Path, content: bytes, name: str, record: dict) -> None:
    write_whole(path, content)
    _remember(name, _hashes(content), record)


def _remember(name: str, hashes: dict[str, str], record: dict) -> None:
    entries = record["shipped"].setdefault(name, [])
    if hashes not in entries:
        entries.append(hashes)


def _is_ours(content: bytes, name: str, record: dict) -> bool:
    return bool({*_hashes(content).values()} & _known(record, name))


def _known(record: dict, name: str) -> set[str]:
    return {value for entry in record["shipped"].get(name, []) for value in entry.values()}


def _hashes(content: bytes) -> dict[str, str]:
    """SHA-256 of the file and, for a notebook, of its cells without outputs and execution numbers."""
    whole = hashlib.sha256(content).hexdigest()
    try:
        cells = [
            (cell["cell_type"], "".join(cell["source"]), cell.get("attachments", {}))
            for cell in json.loads(content)["cells"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):  # not a notebook, or a damaged one: then only the bytes
        return {"bytes": whole, "cells": whole}
    return {"bytes": whole, "cells": hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()}


def _read_record(workspace: Path) -> dict:
    """The record, or an empty one: then every file that differs from ours counts as the learner's."""
    empty: dict = {"shipped": {}, "offered": {}}
    try:
        record = json.loads((workspace / RECORD).read_text(encoding="utf-8"))
        known = {
            name: [{"bytes": str(entry["bytes"]), "cells": str(entry["cells"])} for entry in entries]
            for name, entries in record["shipped"].items()
        }
        return {"shipped": known, "offered": {str(key): str(value) for key, value in record["offered"].items()}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return empty
