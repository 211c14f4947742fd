"""`mricourse reconstruct`: from a k-space file to an image file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from mricourse.commands.messages import say

app = typer.Typer()


@app.command(
    epilog="Example: mricourse reconstruct scan.npz --method wavelet -o image.png, or --checkpoint modl in its place"
)
def reconstruct(
    file: Annotated[Path, typer.Argument(help="k-space: .npy, .npz, .h5, .mat, or BART's .cfl and .hdr.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The image: .npy or .h5 (complex) or .png.")],
    method: Annotated[str | None, typer.Option(help="sense, wavelet or tv; wavelet where nothing is said.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="A trained network instead: a name, or a .safetensors file.")
    ] = None,
    adapt: Annotated[
        bool, typer.Option("--adapt", help="Let the network learn from this scan first, which takes minutes.")
    ] = False,
    adapt_seconds: Annotated[
        float | None, typer.Option(help="The same, for so many seconds at most; the image then depends on the machine.")
    ] = None,
    reg_weight: Annotated[float | None, typer.Option(help="Regularisation; a default for each method.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    acs: Annotated[int | None, typer.Option(help="Central samples that calibrate the maps; 24 if there are.")] = None,
    i_slice: Annotated[
        int | None, typer.Option("--slice", help="One slice of a volume, from 0; all by default.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Name of the k-space array, where the file holds several.")] = None,
    axes: Annotated[
        str | None,
        typer.Option(help='What the axes mean, where that is not clear: "slice,coil,y,x", "y,x,coil,rep=0".'),
    ] = None,
) -> None:
    """Reconstruct k-space, slice by slice; the mask is inferred and the coil maps are estimated where absent."""
    from tqdm import tqdm

    from mricourse.clinical.file_to_image import reconstruct_file
    from mricourse.commands.training_progress import AdaptationProgress
    from mricourse.reconstruct.methods import METHODS
    from mricourse.training.adaptation import AdaptationSettings

    wanted = AdaptationSettings(seconds=adapt_seconds) if adapt or adapt_seconds is not None else None
    loaded = None
    n_iterations = METHODS[method or "wavelet"][2] if method in (None, *METHODS) else None
    if checkpoint is not None:
        from mricourse.training.checkpoints import load_checkpoint

        loaded = load_checkpoint(checkpoint)
        n_iterations = loaded.network.n_iterations
    with tqdm(total=n_iterations, desc="coil maps", disable=None, leave=False) as bar:

        def advance(_: object) -> None:
            bar.set_description(checkpoint or method or "wavelet", refresh=False)
            bar.update()

        def each_slice(numbers: Sequence[int]) -> Iterator[int]:
            bar.total = n_iterations and n_iterations * len(numbers)
            for done, number in enumerate(numbers):
                bar.n = done * (n_iterations or 0)  # a solver may have ended early
                if len(numbers) > 1:
                    bar.set_postfix_str(f"slice {done + 1} of {len(numbers)}")
                yield number

        options = {"reg_weight": reg_weight, "device": device, "acs": acs}
        where = {"i_slice": i_slice, "key": key, "axes": axes}
        if wanted is not None:
            options |= {"adaptation": wanted, "adapting": AdaptationProgress(wanted, bar)}
        report = reconstruct_file(
            file, output, method=method, checkpoint=loaded, trace=advance, each_slice=each_slice, **options, **where
        )
    if report.remark:
        say(report.remark)
    print(report)
