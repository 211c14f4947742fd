"""Look at everything that the course needs on this machine, and say what is missing."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mricourse.classroom.notebooks import lesson_sources, stale_notebooks
from mricourse.files import NOTEBOOKS, ROOT

NEEDED_GB = 2.0  # free disk space for real data, pages and checkpoints


@dataclass(frozen=True)
class Finding:
    """One line of the report. `ok` is False for what the course cannot work without, None for a remark."""

    name: str
    ok: bool | None
    text: str

    def __str__(self) -> str:
        return f"{ {True: 'ok', False: 'BROKEN', None: 'note'}[self.ok]:7} {self.name:12} {self.text}"


def examine() -> Iterator[Finding]:
    """Every finding, in the order in which one would look."""
    yield Finding("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} in {sys.prefix}")
    yield from _packages()
    yield _device()
    yield _anatomies()
    yield _checkpoints()
    yield _measured()
    yield _cache()
    yield _disk()
    yield _kernel()
    yield _notebooks()


def pinned_versions(path: Path = ROOT / "constraints.txt") -> dict[str, str]:
    """Package name, normalised -> tested version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {_normal(name): version.strip() for name, version in pins}


def _packages() -> Iterator[Finding]:
    pins, other, missing = pinned_versions(), [], []
    try:
        needed = [line for line in metadata.requires("mricourse") or [] if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        yield Finding("packages", False, "mricourse itself is not installed; run python3 course.py doctor")
        return
    for requirement in needed:
        name = re.match(r"[\w.-]+", requirement)[0]
        try:
            version = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if version != pins.get(_normal(name), version):
            other.append(f"{name} {version} (tested: {pins[_normal(name)]})")
    if missing:
        text = f"missing: {', '.join(missing)}; run python3 course.py again from the course's folder"
        yield Finding("packages", False, text)
    elif other:
        yield Finding("packages", None, f"not the tested versions: {', '.join(other)}")
    else:
        yield Finding("packages", True, f"{len(needed)} requirements at the tested versions")


def _device() -> Finding:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"torch {torch.__version__}, {cores} cores, {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        text += f", {torch.cuda.get_device_name()} with {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    else:
        text += ", no CUDA GPU: every lesson runs on the CPU"
    return Finding("device", True, text)


def _anatomies() -> Finding:
    path = ROOT / "data" / "anatomies.h5"
    if not path.is_file():
        return Finding("anatomies", False, f"{path} is missing; get the file from the repository again")
    import h5py

    try:
        with h5py.File(path) as file:
            names = ", ".join(sorted(file))
    except OSError:
        return Finding("anatomies", False, f"{path} cannot be read; get the file from the repository again")
    return Finding("anatomies", True, f"{names} ({path.stat().st_size / 1e6:.1f} MB)")


def _checkpoints() -> Finding:
    from mricourse.training.cards import shipped, verify

    names = shipped()
    if not names:
        return Finding("checkpoints", False, "none in data/checkpoints; get the files from the repository again")
    try:
        for name in names:
            verify(name)
    except (ValueError, OSError) as error:
        return Finding("checkpoints", False, str(error))
    return Finding("checkpoints", True, f"{', '.join(names)}: cards, weights and recipes as they were trained")


def _measured() -> Finding:
    from mricourse.datasets.embedded import FILES, embedded_texts

    try:
        for name in FILES:
            embedded_texts(name)
    except OSError as error:
        return Finding("measured", False, str(error))
    return Finding("measured", True, ", ".join(FILES))


def _cache() -> Finding:
    from mricourse.datasets.cache import cache_folder
    from mricourse.datasets.registry import REGISTRY, available

    here = [name for name in REGISTRY if available(name)]
    text = f"{', '.join(here) or 'none'} here, of {len(REGISTRY)} data sets; cache {cache_folder()}"
    hint = "" if len(here) == len(REGISTRY) else "; no lesson needs the rest, `mricourse data list` shows how to get it"
    return Finding("published", True, text + hint)


def _disk() -> Finding:
    free = shutil.disk_usage(ROOT).free / 1e9
    return Finding("disk", True if free > NEEDED_GB else None, f"{free:.1f} GB free (about {NEEDED_GB:.0f} needed)")


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel", False, "no Jupyter kernel python3; run python3 course.py again")
    here = Path(spec.resource_dir).is_relative_to(sys.prefix)
    text = (
        "" if here else f", not this environment's: remove it with `jupyter kernelspec remove python3` ({sys.prefix})"
    )
    return Finding("kernel", here or None, f"{spec.resource_dir}{text}")


def _notebooks() -> Finding:
    sources = lesson_sources()
    if not sources:
        return Finding("lessons", False, f"no lesson sources in {NOTEBOOKS / 'source'}")
    try:
        stale = stale_notebooks(sources)
    except (OSError, ValueError) as error:
        return Finding("lessons", False, str(error))
    if stale:
        names = ", ".join(path.as_posix() for path in stale)
        return Finding("lessons", False, f"not what their source says: {names}; run `mricourse build`")
    return Finding("lessons", True, f"{len(sources)} lessons, notebooks up to date")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
