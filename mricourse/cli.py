"""The `mricourse` command: it parses, calls and turns every expected failure into one sentence.

Nothing heavy is imported before the command that needs it.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

EXPECTED = (ValueError, TypeError, OSError, ImportError)  # what the library raises at its boundary, in a sentence
app = typer.Typer(
    name="mricourse",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Deep-learning MRI reconstruction: thirty lessons and the library behind them.",
)
data = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Measured data: list it, fetch it, look into files."
)
app.add_typer(data, name="data")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends the process with 0, 1 (something failed), 2 (bad input) or 130 (interrupted)."""
    try:
        code = app(args=arguments, prog_name="mricourse", standalone_mode=False)
        code = _refuse("Interrupted.", code) if code == 130 else code
    except typer.Abort:
        code = _refuse("Interrupted.", 130)
    except typer.TyperException as error:  # wrong usage: an unknown command, a missing or misspelt option
        text = error.format_message()
        if "\n" in text:  # the help that a command without arguments shows
            print(text)
            raise SystemExit(0) from None
        code = _refuse(f"{text.rstrip('.')}; see `mricourse --help`.", 2)
    except EXPECTED as error:
        code = _refuse(_sentence(error), 2)
    except Exception as error:
        code = _refuse(f"Something unforeseen happened ({_sentence(error)}); MRICOURSE_DEBUG=1 shows where.", 1)
    raise SystemExit(code)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False) -> None:
    if version:
        from mricourse import __version__

        print(f"mricourse {__version__}")
        raise typer.Exit


# --- lessons ---


@app.command(epilog="Example: mricourse build --check")
def build(
    lessons: Annotated[list[str] | None, typer.Argument(help="Names or numbers; all lessons where none.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a notebook is stale.")] = False,
) -> None:
    """Make the notebooks from notebooks/source/*.py."""
    from mricourse.classroom import notebooks

    sources = _sources(lessons)
    stale = notebooks.stale_notebooks(sources)
    if not check:
        for name in notebooks.build(sources):
            print(f"wrote notebooks/{name.as_posix()}")
        stale = notebooks.orphans()
    if stale:
        names = ", ".join(f"notebooks/{name.as_posix()}" for name in stale)
        what = "differ from their source: run `mricourse build`" if check else "have no source: remove them"
        raise typer.Exit(_refuse(f"{names} {what}.", 1))
    print(f"{len(sources)} lesson{'' if len(sources) == 1 else 's'}, notebooks up to date.")


@app.command(
    epilog="Example: mricourse lab ~/mri --no-browser. What follows -- goes to JupyterLab: mricourse lab -- --port=9999"
)
def lab(
    folder: Annotated[Path | None, typer.Argument(help="Your workspace; `workspace` in the course by default.")] = None,
    jupyter: Annotated[list[str] | None, typer.Argument(help="Options for JupyterLab, after --.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Copy the lessons into a workspace, never over your own work, and open them in JupyterLab."""
    from mricourse.classroom import lab as workspaces

    extra = tuple(jupyter or ())
    if folder is not None and str(folder).startswith("-"):  # `lab -- --port=9999`: no folder was given
        folder, extra = None, (str(folder), *extra)
    workspace = (folder or workspaces.WORKSPACE).expanduser().absolute()
    for sentence in workspaces.update_workspace(workspace).sentences():
        print(sentence)
    print(f"Your workspace is {workspace}; Ctrl-C ends JupyterLab.", flush=True)
    raise typer.Exit(workspaces.open_lab(workspace, browser=browser, extra=extra))


@app.command(epilog="Example: mricourse run 03_parallel_imaging 4 -o pages")
def run(
    lessons: Annotated[list[str] | None, typer.Argument(help="Names or numbers; all lessons where none.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder; build/run by default.")] = None,
    learner: Annotated[bool, typer.Option("--learner/--solutions", help="Unsolved, or with the answers.")] = False,
    readme: Annotated[bool, typer.Option("--update-readme", help="Put the run's tables into README.")] = False,
) -> None:
    """Run lessons without a screen: a page each, an index, and claims.json with what was measured."""
    from tqdm import tqdm

    from mricourse.classroom import run as runs
    from mricourse.classroom.notebooks import ROOT

    folder = (output or runs.PAGES).absolute()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; expected a folder for the pages: choose another -o.")
    sources = _sources(lessons)
    with tqdm(total=len(sources), unit="lesson", disable=None, leave=False) as bar:

        def report(result: runs.Result) -> None:
            first = result.first_figure_seconds
            figure = "no figure" if first is None else f"first figure after {first:.1f} s"
            held = sum(claim["passed"] for claim in result.claims)
            bar.write(f"{result.lesson}: {result.seconds:.1f} s, {figure}, {held} of {len(result.claims)} claims hold")
            bar.update()

        results = runs.run_lessons(sources, folder, learner=learner, report=report)
    print(f"The pages are in {folder}; begin with index.html.")
    if failed := [f"{result.lesson}, {result.error}" for result in results if result.error]:
        raise typer.Exit(_refuse(" ".join(failed), 1))
    if readme:
        print(runs.update_readme(ROOT / "README.md", folder / "claims.json"))


@app.command(epilog="Example: mricourse doctor")
def doctor() -> None:
    """Check versions, device, data, disk and notebooks; fails when the course cannot work."""
    from mricourse.classroom.doctor import examine

    broken = []
    for finding in examine():
        print(finding, flush=True)
        broken += [finding.name] if finding.ok is False else []
    if broken:
        raise typer.Exit(_refuse(f"Broken: {', '.join(broken)}.", 1))


# --- measured data and reconstruction ---


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
    path: Annotated[Path, typer.Argument(help="A .npy, .npz, .h5, .mat or .nii[.gz] file, or a folder of them.")],
) -> None:
    """Say which arrays a file holds, their ranges, and what they probably are."""
    from mricourse.datasets.inspect import describe

    print(describe(path))


@app.command(epilog="Example: mricourse reconstruct scan.npz --method wavelet -o image.png")
def reconstruct(
    file: Annotated[Path, typer.Argument(help=".npy, .npz or .h5 with kspace (coils, ky, kx), maybe mask and smaps.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The image: .npy or .h5 (complex) or .png.")],
    method: Annotated[str, typer.Option(help="sense, wavelet or tv.")] = "wavelet",
    reg_weight: Annotated[float | None, typer.Option(help="Regularisation; a default for each method.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    acs: Annotated[int | None, typer.Option(help="Central samples that calibrate the maps; 24 if there are.")] = None,
) -> None:
    """Reconstruct one slice of k-space; the mask is inferred and the coil maps are estimated where absent."""
    from tqdm import tqdm

    from mricourse.reconstruct import METHODS, reconstruct_file

    n_iterations = METHODS[method][2] if method in METHODS else None
    with tqdm(total=n_iterations, desc="coil maps", disable=None, leave=False) as bar:

        def advance(_: object) -> None:
            bar.set_description(method, refresh=False)
            bar.update()

        options = {"reg_weight": reg_weight, "device": device, "acs": acs}
        report = reconstruct_file(file, output, method=method, trace=advance, **options)
    print(report)


# --- training ---


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
    """Train a network by a recipe; a training that was interrupted goes on where it was."""
    from tqdm import tqdm

    from mricourse.checkpoints import train_recipe
    from mricourse.recipes import load_recipe
    from mricourse.reconstruct import pick_device

    loaded, target = load_recipe(recipe), pick_device(device)
    if output.exists() and not output.is_dir():
        raise NotADirectoryError(f"{output} is a file; expected a folder for the checkpoint: choose another -o.")
    first = int(os.environ.get("RANK", "0")) == 0
    with tqdm(total=loaded.training.n_steps, desc="simulating", disable=None if first else True, leave=False) as bar:

        def advance(history: Any, loss: float) -> None:
            bar.set_description(f"loss {loss:6.2f}", refresh=False)
            if history.rows and history.rows[-1]["step"] == history.step and first:
                row = history.rows[-1]
                bar.write(
                    f"step {history.step}: loss {row['loss']:.2f} dB, validation {row.get('validation', 0):.2f} dB"
                )
            bar.update(history.step - bar.n)

        made = train_recipe(loaded, folder=output, states=output / "states", device=target, progress=advance)
    if made is not None:
        metrics, card = made.card["metrics"], made.card
        print(
            f"{loaded.name}: {card['n_steps']} steps in {card['seconds']} s, best at {card['best_step']}; unseen head "
            f"{metrics['psnr']:.2f} dB (zero-filled {metrics['psnr_zero_filled']:.2f}) -> "
            f"{output / loaded.name}.safetensors and .json"
        )


# --- shared by the commands ---


def _sources(lessons: list[str] | None) -> list[Path]:
    from mricourse.classroom.notebooks import find_lesson, lesson_sources

    found = sorted({find_lesson(word) for word in lessons}) if lessons else lesson_sources()
    if not found:
        raise FileNotFoundError("There is no lesson source in notebooks/source; get the course's files again.")
    return found


def _refuse(sentence: str, code: int) -> int:
    """Say a failure on stderr; with MRICOURSE_DEBUG=1 its traceback, where there is one, comes first."""
    if os.environ.get("MRICOURSE_DEBUG") and sys.exc_info()[0]:
        traceback.print_exc()
    print(f"mricourse: {sentence}", file=sys.stderr)
    return code


def _sentence(error: BaseException) -> str:
    """The error's own words on one line; an operating system's error gets its file name first."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror.lower()}."
    text = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
    return text or type(error).__name__
