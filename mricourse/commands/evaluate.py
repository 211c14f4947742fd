"""`mricourse evaluate`: a checkpoint on the slices of its card, or on measured scans."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mricourse.commands.messages import refuse, say

app = typer.Typer()


@app.command(epilog="Example: mricourse evaluate modl --data scan.npz")
def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="The name of a checkpoint, or a .safetensors file.")],
    data: Annotated[
        str | None,
        typer.Option(help="Complete multi-coil k-space: a file, a folder, or a name from `mricourse data list`."),
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(help="equispaced, random or variable_density, for --data; the first two by default.")
    ] = None,
    acceleration: Annotated[
        float | None, typer.Option(help="Nominal acceleration, for --data; 4 by default, and 6 too where random.")
    ] = None,
    turn: Annotated[bool, typer.Option(help="Each scan once more, undersampled along its other axis.")] = False,
    acs: Annotated[int, typer.Option(help="Lines of the fully sampled centre, for --data.")] = 24,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of random masks, for --data.")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The numbers too, as .json.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Measure a checkpoint: its card's metrics again, or, with --data, against the wavelet on measured scans."""
    import json
    from dataclasses import asdict
    from functools import partial

    from tqdm import tqdm

    from mricourse.evaluation.comparison import compare_scans, samplings, turned
    from mricourse.files import check_writable, write_whole
    from mricourse.training.checkpoints import load_checkpoint
    from mricourse.training.distributed import pick_device
    from mricourse.training.reproduction import TOLERANCE_DB, reproduce
    from mricourse.training.trained_range import outside_range

    if output is not None:
        check_writable(output, suffixes=(".json",))
    target, loaded = pick_device(device), load_checkpoint(checkpoint)
    if data is None:
        if pattern is not None or acceleration is not None:
            raise ValueError("got a pattern or an acceleration, but no data to undersample: add --data, or leave them.")
        with tqdm(total=loaded.card.metrics["n_slices"], unit="slice", disable=None, leave=False) as bar:
            result = reproduce(loaded, device=target, progress=bar.update)
    else:
        scans = _measured_scans(data)
        if turn:
            scans += [(f"{name}, turned", turned(scan)) for name, scan in scans]
        wanted = samplings(pattern, acceleration, acs=acs, seed=seed)
        with tqdm(total=len(scans) * len(wanted), unit="mask", disable=None, leave=False) as bar:
            remark = partial(outside_range, loaded)
            words = {"name": loaded.name, "remark": remark}
            result = compare_scans(loaded.network, scans, wanted, **words, device=target, progress=bar.update)
        for remark in result.remarks:
            say(remark)
    print(result)
    if output is not None:
        numbers = asdict(result) | {"weights_sha256": loaded.card.weights_sha256}
        write_whole(output, json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
    if data is None and not result.off_db <= TOLERANCE_DB:
        sentence = f"{loaded.name} is {result.off_db:.2f} dB from its card; expected at most {TOLERANCE_DB} dB"
        raise typer.Exit(refuse(f"{sentence}: this code or this machine computes something else.", 1))


def _measured_scans(place: str) -> list:
    """Names and scans of a file, of a folder, or of a data set that `mricourse data get` brings."""
    from mricourse.datasets.real import REGISTRY, load_real
    from mricourse.datasets.scan_files import check_complete, read_complete

    if place not in REGISTRY or os.path.exists(place):
        return read_complete(place)
    scan = load_real(place)
    check_complete(scan, place)
    return [(place, scan)]
