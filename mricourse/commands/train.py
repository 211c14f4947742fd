"""`mricourse train`: a network, by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mricourse.commands.messages import refuse

app = typer.Typer()


@app.command(
    epilog="Example: mricourse train modl_k1; on four GPUs: torchrun --nproc-per-node 4 -m mricourse train modl_k1"
)
def train(
    recipe: Annotated[str, typer.Argument(help="A name in the folder recipes, or a .toml file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the checkpoint.")] = Path(
        "build/checkpoints"
    ),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Train a network by a recipe; a training that was interrupted goes on where it was last saved."""
    from mricourse.commands.training_progress import TrainingProgress
    from mricourse.files import check_writable, make_folder
    from mricourse.training.cards import CARD, WEIGHTS
    from mricourse.training.distributed import is_first_process, leave_processes, pick_device
    from mricourse.training.recipes import N_VALIDATION, load_recipe
    from mricourse.training.run import train_recipe

    loaded, target = load_recipe(recipe), pick_device(device)
    n_steps = loaded.training.n_steps
    first = is_first_process()  # under torchrun the other processes neither write nor speak
    if first:
        make_folder(output)
        for suffix in (WEIGHTS, CARD):
            check_writable(output / f"{loaded.name}{suffix}", suffixes=(suffix,))
    with TrainingProgress(n_steps, silent=not first) as progress:
        progress.say(f"{loaded.name}, {n_steps} steps on {target}: simulating {N_VALIDATION} slices to validate on")
        try:
            made = train_recipe(loaded, folder=output, states=output / "states", device=target, progress=progress)
        except KeyboardInterrupt:
            words = "Interrupted; the same command goes on from the last state that it saved."
            raise SystemExit(refuse(words, 130) if first else 130) from None
    leave_processes()
    if made is not None:
        metrics, card = made.card.metrics, made.card
        print(
            f"{loaded.name}: {card.n_steps} steps in {card.seconds} s, best at {card.best_step}; unseen head "
            f"{metrics['psnr']:.2f} dB (zero-filled {metrics['psnr_zero_filled']:.2f}) -> "
            f"{output / loaded.name}.safetensors and .json"
        )
