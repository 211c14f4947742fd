"""`mricourse evaluate`: a checkpoint on the slices of its card, or on measured scans."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mricourse.commands.messages import refuse, say

if TYPE_CHECKING:
    import torch

    from mricourse.evaluation.comparison import Comparison, Sampling
    from mricourse.training.checkpoints import Checkpoint
    from mricourse.training.reproduction import Reproduction

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
    masks: Annotated[
        int,
        typer.Option(
            min=1,
            max=1000,
            help="Random masks of each kind, for --data. Each takes a core half a minute, and seconds for the next "
            "network, since what the rivals reached is kept.",
        ),
    ] = 1,
    turn: Annotated[
        bool, typer.Option(help="Both phase-encode axes: each scan once more, undersampled along its other axis.")
    ] = False,
    acs: Annotated[int, typer.Option(help="Lines of the fully sampled centre, for --data.")] = 24,
    adapt: Annotated[
        bool, typer.Option("--adapt", help="Score the network too as it is after learning from each scan, for --data.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of the first random mask, for --data.")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The numbers too, as .json.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Measure a checkpoint: its card's metrics again, or, with --data, against wavelets and TV on measured scans."""
    import json
    from dataclasses import asdict

    from mricourse.evaluation.comparison import samplings
    from mricourse.files import check_writable, write_whole
    from mricourse.training.checkpoints import load_checkpoint
    from mricourse.training.distributed import pick_device

    if output is not None:
        check_writable(output, suffixes=(".json",))
    target = pick_device(device)
    loaded = load_checkpoint(checkpoint)
    if data is None:
        if pattern is not None or acceleration is not None:
            raise ValueError("got a pattern or an acceleration, but no data to undersample: add --data, or leave them.")
        if adapt:
            raise ValueError("got --adapt, but no data to adapt to: add --data, or leave it.")
        if masks > 1 or turn:
            raise ValueError("got --masks or --turn, but no data to undersample: add --data, or leave them.")
        result = _against_the_card(loaded, target)
    else:
        wanted = samplings(pattern, acceleration, acs=acs, seed=seed, n_masks=masks)
        result = _on_measured_scans(loaded, data, wanted, turn, target, adapt=adapt)
    print(result)
    if output is not None:
        numbers = asdict(result) | {"weights_sha256": loaded.card.weights_sha256}
        write_whole(output, json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
    if data is None:
        _refuse_another_result(result)


def _against_the_card(checkpoint: Checkpoint, device: torch.device) -> Reproduction:
    from tqdm import tqdm

    from mricourse.training.reproduction import reproduce

    with tqdm(total=checkpoint.card.metrics["n_slices"], unit="slice", disable=None, leave=False) as bar:
        return reproduce(checkpoint, device=device, progress=bar.update)


def _refuse_another_result(result: Reproduction) -> None:
    """End the command where the metrics measured again are not the card's."""
    from mricourse.training.reproduction import TOLERANCE_DB

    if not result.off_db <= TOLERANCE_DB:
        sentence = f"{result.name} is {result.off_db:.2f} dB from its card; expected at most {TOLERANCE_DB} dB"
        raise typer.Exit(refuse(f"{sentence}: this code or this machine computes something else.", 1))


def _on_measured_scans(
    checkpoint: Checkpoint, place: str, wanted: list[Sampling], turn: bool, device: torch.device, *, adapt: bool
) -> Comparison:
    from functools import partial

    from tqdm import tqdm

    from mricourse.evaluation.comparison import compare_scans, turned
    from mricourse.training.adaptation import adapt as adaptation
    from mricourse.training.adaptation import check_adaptable
    from mricourse.training.trained_range import outside_range

    if adapt:
        check_adaptable(checkpoint.network, checkpoint.name)
    scans = _measured_scans(place)
    if turn:
        scans += [(f"{name}, turned", turned(scan)) for name, scan in scans]
    with tqdm(total=len(scans) * len(wanted), unit="mask", disable=None, leave=False) as bar:
        result = compare_scans(
            checkpoint.network,
            scans,
            wanted,
            name=checkpoint.name,
            remark=partial(outside_range, checkpoint),
            adapted=(lambda network, scan: adaptation(network, [scan]).network) if adapt else None,
            folder=kept_rivals(),
            device=device,
            progress=bar.update,
        )
    for remark in result.remarks:
        say(remark)
    return result


def kept_rivals() -> Path:
    """Where the scores of the rivals are kept between the evaluations of two networks."""
    from mricourse.datasets.cache import cache_folder

    return cache_folder() / "rivals"


def _measured_scans(place: str) -> list:
    """Names and scans of a file, of a folder, or of a data set that `mricourse data get` brings."""
    from mricourse.datasets.real import REGISTRY, load_real
    from mricourse.datasets.scan_files import check_complete, read_complete

    if place not in REGISTRY or os.path.exists(place):
        return read_complete(place)
    scan = load_real(place)
    check_complete(scan, place)
    return [(place, scan)]
