"""`mricourse build`, `lab`, `run` and `doctor`: the lessons, from their source to the learner's screen."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from mricourse.commands.messages import refuse

app = typer.Typer()


@app.command(epilog="Example: mricourse build --check")
def build(
    lessons: Annotated[list[str] | None, typer.Argument(help="Names or numbers; all lessons where none.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a notebook is stale.")] = False,
) -> None:
    """Make the notebooks from notebooks/source/*.py, with map, glossary and symbols; say how long each lesson takes."""
    from mricourse.classroom import course_pages, notebooks
    from mricourse.classroom.reading_time import reading_time

    sources = _sources(lessons)
    stale = notebooks.stale_notebooks(sources) + course_pages.stale_pages() if check else []
    if not check:
        for name in notebooks.build(sources) + course_pages.build_pages():
            print(f"wrote notebooks/{name.as_posix()}")
        for source in sources:
            print(f"{source.stem}: {reading_time(notebooks.read_source(source))}")
        stale = notebooks.orphans()
    if stale:
        names = ", ".join(f"notebooks/{name.as_posix()}" for name in stale)
        what = "differ from their source: run `mricourse build`" if check else "have no source: remove them"
        raise typer.Exit(refuse(f"{names} {what}.", 1))
    print(f"{len(sources)} lesson{'' if len(sources) == 1 else 's'}, notebooks and pages up to date.")


@app.command(
    epilog="Example: mricourse lab ~/mri --no-browser. What follows -- goes to JupyterLab: mricourse lab -- --port=9999"
)
def lab(
    folder: Annotated[Path | None, typer.Argument(help="Your workspace; `workspace` in the course by default.")] = None,
    jupyter: Annotated[list[str] | None, typer.Argument(help="Options for JupyterLab, after --.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Copy the lessons into a workspace, never over your own work, and open its start page in JupyterLab."""
    from mricourse.classroom import lab as workspaces
    from mricourse.classroom.start_page import write_start_page

    extra = tuple(jupyter or ())
    if folder is not None and str(folder).startswith("-"):  # `lab -- --port=9999`: no folder was given
        folder, extra = None, (str(folder), *extra)
    workspace = (folder or workspaces.WORKSPACE).expanduser().absolute()
    for sentence in workspaces.update_workspace(workspace).sentences():
        print(sentence)
    try:
        moved = write_start_page(workspace, opened=workspaces.last_touched(workspace))
    except (OSError, ValueError) as error:
        moved = [f"The start page was not brought up to date: {error}"]
    for sentence in moved:
        print(sentence)
    print(f"Your workspace is {workspace}; Ctrl-C ends JupyterLab.", flush=True)
    raise typer.Exit(workspaces.open_lab(workspace, browser=browser, extra=extra))


@app.command(epilog="Example: mricourse run 03_sense 4 -o pages")
def run(
    lessons: Annotated[list[str] | None, typer.Argument(help="Names or numbers; all lessons where none.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder; build/run by default.")] = None,
    learner: Annotated[bool, typer.Option("--learner/--solutions", help="Unsolved, or with the answers.")] = False,
    readme: Annotated[bool, typer.Option("--update-readme", help="Put the run's tables into README.")] = False,
) -> None:
    """Run lessons without a screen: a page each, an index, and claims.json with what was measured."""
    from tqdm import tqdm

    from mricourse.classroom import run as runs
    from mricourse.files import ROOT, check_folder

    folder = (output or runs.PAGES).absolute()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; expected a folder for the pages: choose another -o.")
    sources = _sources(lessons)
    check_folder(folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, and the kernel with it
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
        raise typer.Exit(refuse(" ".join(failed), 1))
    if readme:
        print(runs.update_readme(ROOT / "README.md", folder / "claims.json"))


@app.command(epilog="Example: mricourse progress ~/mri")
def progress(
    folder: Annotated[Path | None, typer.Argument(help="Your workspace; `workspace` in the course by default.")] = None,
) -> None:
    """Print what has been answered and solved in a workspace, lesson by lesson, as the start page shows it."""
    from mricourse.classroom import lab as workspaces
    from mricourse.classroom.progress import Progress
    from mricourse.classroom.progress_table import progress_table

    workspace = (folder or workspaces.WORKSPACE).expanduser().absolute()
    if not workspace.is_dir():
        raise FileNotFoundError(
            f"there is no workspace {workspace}; expected the folder that `mricourse lab` made: give it."
        )
    print(progress_table(Progress(workspace), _sources(None)))


@app.command(epilog="Example: mricourse doctor")
def doctor() -> None:
    """Check versions, device, data, disk and notebooks; fails when the course cannot work."""
    from mricourse.classroom.doctor import examine

    broken = []
    for finding in examine():
        print(finding, flush=True)
        broken += [finding.name] if finding.ok is False else []
    if broken:
        raise typer.Exit(refuse(f"Broken: {', '.join(broken)}.", 1))


def _sources(lessons: list[str] | None) -> list[Path]:
    from mricourse.classroom.notebooks import find_lesson, lesson_sources

    found = sorted({find_lesson(word) for word in lessons}) if lessons else lesson_sources()
    if not found:
        raise FileNotFoundError("There is no lesson source in notebooks/source; get the course's files again.")
    return found
