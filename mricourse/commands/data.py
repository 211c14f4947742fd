"""`mricourse data`: measured data sets, and what files hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Measured data: list it, fetch it, look into files."
)


@data.command("list", epilog="Example: mricourse data list")
def data_list() -> None:
    """Show the measured data sets: size, licence, whether they are on this machine, and where they come from."""
    from mricourse.datasets.registry import overview

    print(overview())


@data.command("get", epilog="Example: mricourse data get moco_brain_7ch")
def data_get(names: Annotated[list[str], typer.Argument(help="Names from `mricourse data list`, or all.")]) -> None:
    """Download measured data sets into the cache, with their checksums verified."""
    from mricourse.datasets.registry import REGISTRY, entry, fetch

    wanted = list(REGISTRY) if "all" in names else names
    for name in wanted:
        entry(name)  # refuses a misspelt name before the first download
    for name in wanted:
        paths = fetch(name, progress=sys.stderr.isatty())
        print(f"{name} ({entry(name).licence}) is in {paths[0].parent}; please cite: {entry(name).citation}")


@data.command("inspect", epilog="Example: mricourse data inspect scan.h5")
def data_inspect(
    path: Annotated[Path, typer.Argument(help="A .npy, .npz, .h5, .mat, .cfl or .nii[.gz] file, or a folder of them.")],
) -> None:
    """Say which arrays a file holds, their ranges, and what they probably are."""
    from mricourse.datasets.inspect import describe

    print(describe(path))
