"""`mricourse reconstruct`: from a k-space file to an image file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mricourse.commands.messages import say

app = typer.Typer()


@app.command(
    epilog="Example: mricourse reconstruct scan.npz --method wavelet -o image.png, or --checkpoint modl in its place"
)
def reconstruct(
    file: Annotated[Path, typer.Argument(help=".npy, .npz or .h5 with kspace (coils, ky, kx), maybe mask and smaps.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The image: .npy or .h5 (complex) or .png.")],
    method: Annotated[str | None, typer.Option(help="sense, wavelet or tv; wavelet where nothing is said.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="A trained network instead: a name, or a .safetensors file.")
    ] = None,
    reg_weight: Annotated[float | None, typer.Option(help="Regularisation; a default for each method.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    acs: Annotated[int | None, typer.Option(help="Central samples that calibrate the maps; 24 if there are.")] = None,
) -> None:
    """Reconstruct one slice of k-space; the mask is inferred and the coil maps are estimated where absent."""
    from tqdm import tqdm

    from mricourse.clinical.file_to_image import reconstruct_file
    from mricourse.reconstruct.methods import METHODS

    loaded = None
    n_iterations = METHODS[method or "wavelet"][2] if method in (None, *METHODS) else None
    if checkpoint is not None:
        from mricourse.networks.apply import n_steps
        from mricourse.training.checkpoints import load_checkpoint

        loaded = load_checkpoint(checkpoint)
        n_iterations = n_steps(loaded.network)
    with tqdm(total=n_iterations, desc="coil maps", disable=None, leave=False) as bar:

        def advance(_: object) -> None:
            bar.set_description(checkpoint or method or "wavelet", refresh=False)
            bar.update()

        options = {"reg_weight": reg_weight, "device": device, "acs": acs}
        report = reconstruct_file(file, output, method=method, checkpoint=loaded, trace=advance, **options)
    if report.remark:
        say(report.remark)
    print(report)
