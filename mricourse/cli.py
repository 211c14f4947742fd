"""The `mricourse` command: it parses, calls and turns every expected failure into one sentence.

Nothing heavy is imported before the command that needs it.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)  # what the library raises, in a sentence
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

    from mricourse.reconstruct import METHODS, reconstruct_file

    loaded = None
    n_iterations = METHODS[method or "wavelet"][2] if method in (None, *METHODS) else None
    if checkpoint is not None:
        from mricourse.checkpoints import load_checkpoint
        from mricourse.inference import n_steps

        loaded = load_checkpoint(checkpoint)
        n_iterations = n_steps(loaded.network)
    with tqdm(total=n_iterations, desc="coil maps", disable=None, leave=False) as bar:

        def advance(_: object) -> None:
            bar.set_description(checkpoint or method or "wavelet", refresh=False)
            bar.update()

        options = {"reg_weight": reg_weight, "device": device, "acs": acs}
        report = reconstruct_file(file, output, method=method, checkpoint=loaded, trace=advance, **options)
    if report.remark:
        _say(report.remark)
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
    """Train a network by a recipe; a training that was interrupted goes on where it was last saved."""
    from mricourse.checkpoints import train_recipe
    from mricourse.files import make_folder
    from mricourse.recipes import N_VALIDATION, load_recipe
    from mricourse.reconstruct import pick_device
    from mricourse.training_progress import TrainingProgress

    loaded, target = load_recipe(recipe), pick_device(device)
    n_steps = loaded.training.n_steps
    first = os.environ.get("RANK", "0") == "0"  # under torchrun the other processes neither write nor speak
    if first:
        make_folder(output)
    with TrainingProgress(n_steps, silent=not first) as progress:
        progress.say(f"{loaded.name}, {n_steps} steps on {target}: simulating {N_VALIDATION} slices to validate on")
        try:
            made = train_recipe(loaded, folder=output, states=output / "states", device=target, progress=progress)
        except KeyboardInterrupt:
            words = "Interrupted; the same command goes on from the last state that it saved."
            raise SystemExit(_refuse(words, 130) if first else 130) from None
    if made is not None:
        metrics, card = made.card["metrics"], made.card
        print(
            f"{loaded.name}: {card['n_steps']} steps in {card['seconds']} s, best at {card['best_step']}; unseen head "
            f"{metrics['psnr']:.2f} dB (zero-filled {metrics['psnr_zero_filled']:.2f}) -> "
            f"{output / loaded.name}.safetensors and .json"
        )


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
    acs: Annotated[int, typer.Option(help="Lines of the fully sampled centre, for --data.")] = 24,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of random masks, for --data.")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The numbers too, as .json.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Measure a checkpoint: its card's metrics again, or, with --data, against the wavelet on measured scans."""
    import json
    from dataclasses import asdict

    from tqdm import tqdm

    from mricourse.checkpoints import load_checkpoint
    from mricourse.evaluation import TOLERANCE_DB, reproduce
    from mricourse.files import atomic_path, check_writable
    from mricourse.measured import compare_scans, samplings
    from mricourse.reconstruct import pick_device

    if output is not None:
        check_writable(output, suffixes=(".json",))
    target, loaded = pick_device(device), load_checkpoint(checkpoint)
    if data is None:
        if pattern is not None or acceleration is not None:
            raise ValueError("got a pattern or an acceleration, but no data to undersample: add --data, or leave them.")
        with tqdm(total=loaded.card["metrics"]["n_slices"], unit="slice", disable=None, leave=False) as bar:
            result = reproduce(loaded, device=target, progress=bar.update)
    else:
        scans, wanted = _measured_scans(data), samplings(pattern, acceleration, acs=acs, seed=seed)
        with tqdm(total=len(scans) * len(wanted), unit="mask", disable=None, leave=False) as bar:
            result = compare_scans(loaded, scans, wanted, device=target, progress=bar.update)
        for remark in result.remarks:
            _say(remark)
    print(result)
    if output is not None:
        with atomic_path(output) as scratch:
            scratch.write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if data is None and not result.off_db <= TOLERANCE_DB:
        sentence = f"{loaded.name} is {result.off_db:.2f} dB from its card; expected at most {TOLERANCE_DB} dB"
        raise typer.Exit(_refuse(f"{sentence}: this code or this machine computes something else.", 1))


# --- shared by the commands ---


def _measured_scans(place: str) -> list:
    """Names and scans of a file, of a folder, or of a data set that `mricourse data get` brings."""
    from mricourse.datasets.real import REGISTRY, load_real
    from mricourse.measured import check_complete, read_complete

    if place not in REGISTRY or os.path.exists(place):
        return read_complete(place)
    scan = load_real(place)
    check_complete(scan, place)
    return [(place, scan)]


def _sources(lessons: list[str] | None) -> list[Path]:
    from mricourse.classroom.notebooks import find_lesson, lesson_sources

    found = sorted({find_lesson(word) for word in lessons}) if lessons else lesson_sources()
    if not found:
        raise FileNotFoundError("There is no lesson source in notebooks/source; get the course's files again.")
    return found


def _say(sentence: str) -> None:
    print(f"mricourse: {sentence}", file=sys.stderr)


def _refuse(sentence: str, code: int) -> int:
    """Say a failure on stderr; with MRICOURSE_DEBUG=1 its traceback, where there is one, comes first."""
    if os.environ.get("MRICOURSE_DEBUG") and sys.exc_info()[0]:
        traceback.print_exc()
    _say(sentence)
    return code


def _sentence(error: BaseException) -> str:
    """The error's own words on one line; an operating system's error gets its file name first."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror.lower()}."
    text = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
    return text or type(error).__name__
