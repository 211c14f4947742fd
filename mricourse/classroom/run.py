"""Run lessons without a screen: one HTML page each, and what they claimed, measured and took in `claims.json`."""

from __future__ import annotations

import asyncio
import html
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from mricourse.classroom.glossary import glossary_page
from mricourse.classroom.navigation import GLOSSARY, SYMBOLS
from mricourse.classroom.notebooks import (
    complete,
    learner_version,
    lesson_sources,
    read_source,
    solution_version,
    tags,
)  # fmt: skip
from mricourse.classroom.page import bound, claims_table, lesson_page, measured, text_page, without_alternative
from mricourse.classroom.syllabus import load_syllabus
from mricourse.classroom.symbols import symbols_page
from mricourse.files import ROOT, write_whole

PAGES = ROOT / "build" / "run"
CLAIMS_PAGE = "docs/CLAIMS.md"
CLAIMS_HEAD = """\
# What the lessons measured

`python3 course.py run --update-readme` executes every lesson and writes this page: each sentence that a lesson claims,
the number measured for it, and the bound that it has to keep. In brackets is a 95 % interval of the mean: by bootstrap
from ten values on, Student's t below, and with three or fewer there is none, but every value. It speaks of what it
counts: slices of one head say nothing of other heads."""
CELL_SECONDS = 600  # longest a cell may take; lessons stay far below


@dataclass
class Result:
    """What one run of a lesson gave. Times in seconds, counted from the start of its kernel."""

    lesson: str
    title: str
    seconds: float
    first_figure_seconds: float | None
    error: str | None = None  # what went wrong in which cell
    claims: list[dict] = field(default_factory=list)


def run_lesson(source: Path, output: Path, *, learner: bool = False) -> Result:
    """Execute one lesson in a kernel of its own and write its page, also when a cell fails.

    Parameters
    ----------
    source
        The lesson's source file.
    output
        Folder of the page.
    learner
        Run the version with unsolved exercises instead of the full one.
    """
    version = (learner_version if learner else solution_version)(read_source(source))
    notebook = complete(version, source, "page")
    folder = source.parent.parent  # where the learner's notebook lies and finds its pictures
    title = re.sub(r"^#+\s*", "", notebook.cells[0].source.splitlines()[0]) if notebook.cells else source.stem
    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch) / "claims.jsonl"
        seconds, first, error = _execute(notebook, folder, record)
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    claims = [{**json.loads(line), "lesson": source.stem, "seconds": round(seconds, 2)} for line in lines]
    error = error or " ".join(without_alternative(notebook)) or None
    page = lesson_page(notebook, title=title, folder=folder, claims=claims)
    write_whole(output / f"{source.stem}.html", page)
    return Result(source.stem, title, seconds, first, error, claims)


def run_lessons(
    sources: Iterable[Path], output: Path = PAGES, *, learner: bool = False, report: Callable[[Result], None]
) -> list[Result]:
    """Run lessons one after the other, then write `claims.json` and `index.html`; `report` hears of each result.

    The pages that lessons lead to, the glossary and the table of symbols, are written beside them.
    """
    sources, results = list(sources), []
    for source in sources:
        results.append(run_lesson(source, output, learner=learner))
        report(results[-1])
    for folder in {source.parents[1] for source in sources}:
        for name, text in {GLOSSARY: glossary_page(folder), SYMBOLS: symbols_page(folder)}.items():
            title = name.removesuffix(".md")
            write_whole(output / f"{title}.html", text_page(text, title=title.capitalize(), folder=folder))
    write_whole(output / "claims.json", json.dumps(_as_json(results, learner), indent=1, ensure_ascii=False) + "\n")
    write_whole(output / "index.html", _index(results))
    return results


def update_readme(readme: Path, claims_file: Path) -> str:
    """Replace README's table of lessons, and the page of claims beside it, by those of a run; returns a sentence.

    The page is ``docs/CLAIMS.md``.

    Raises
    ------
    ValueError
        When the run was not of all lessons, or a cell of it failed.
    """
    run = json.loads(claims_file.read_text(encoding="utf-8"))
    ran = [row["lesson"] for row in run["lessons"]]
    if ran != [source.stem for source in lesson_sources()] or any(row["error"] for row in run["lessons"]):
        raise ValueError("README's tables come from a run of all lessons without an error: run them all first.")
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    start, end = "<!-- lessons -->", "<!-- /lessons -->"
    place = re.compile(f"{start}.*?{end}", flags=re.DOTALL)
    if not place.search(text):
        return f"{readme.name} was left as it is: it has no place {start} {end} for a table."
    table = f"{start}\n{_lessons_markdown(run)}\n{end}"
    page = readme.parent / CLAIMS_PAGE
    write_whole(page, _claims_markdown(run))
    write_whole(readme, place.sub(lambda _: table, text))
    return f"{readme.name} and {CLAIMS_PAGE} now hold the tables of this run."


def _execute(notebook, folder: Path, record: Path) -> tuple[float, float | None, str | None]:
    """Run all cells in place; seconds, seconds to the first figure, and what went wrong."""
    started, first = time.monotonic(), None

    def after(cell, cell_index, execute_reply):
        nonlocal first
        shown = [key for output in cell.outputs for key in output.get("data", {})]
        if first is None and any(key.startswith("image/") for key in shown):
            first = time.monotonic() - started

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=after,
        coalesce_streams=True,  # else a line that two calls print is two on the page
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    error = None
    try:
        _run_client(client, {**os.environ, "MRICOURSE_CLAIMS": str(record), "JUPYTER_PREFER_ENV_PATH": "1"})
    except CellExecutionError as failure:
        error = f"{_failed_cell(notebook)} failed: {failure.ename}: {_first_line(failure.evalue)}"
    except CellTimeoutError:
        error = f"{_failed_cell(notebook)} took longer than {CELL_SECONDS} s and was stopped."
    except DeadKernelError:
        error = f"{_failed_cell(notebook)}: the kernel died, perhaps for lack of memory."
    return time.monotonic() - started, first, error


def _run_client(client: NotebookClient, environment: dict[str, str]) -> None:
    """Execute all cells in a thread of their own, and end the kernel at once when this one is interrupted.

    In the main thread nbclient takes SIGINT and SIGTERM for itself, and then fails at the cell that lost its kernel.
    """
    started: SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task]] = SimpleQueue()

    async def execute() -> None:
        started.put((asyncio.get_running_loop(), asyncio.current_task()))
        try:
            await client.async_execute(env=environment)
        finally:
            if client.km is not None:  # interrupted while it started, which nbclient does not clear away
                await client.km.shutdown_kernel(now=True)

    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(lambda: asyncio.run(execute()))
        loop, task = started.get()
        try:
            while not wait([future], timeout=0.2).done:  # Windows interrupts no longer wait
                pass
        except KeyboardInterrupt:
            client.shutdown_kernel = "immediate"
            with suppress(RuntimeError):  # it has ended in the meantime
                loop.call_soon_threadsafe(task.cancel)
            raise
    future.result()


def _failed_cell(notebook) -> str:
    """`cell-012 (code cell 5)`: the last cell that was started."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ran = [cell for cell in code if cell.execution_count or cell.outputs or "execution" in cell.metadata]
    place = len(ran) or 1
    return f"{code[place - 1].id} (code cell {place}{_first_tag(code[place - 1])})"


def _first_tag(cell) -> str:
    return f", {tags(cell)[0]}" if tags(cell) else ""


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]


def _as_json(results: list[Result], learner: bool) -> dict:
    rows = [asdict(result) for result in results]
    claims = [claim for row in rows for claim in row.pop("claims")]
    machine = {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}
    return {"version": "learner" if learner else "full", "machine": machine, "lessons": rows, "claims": claims}


def _index(results: list[Result]) -> str:
    def row(result: Result) -> str:
        first = f"{result.first_figure_seconds:.1f}" if result.first_figure_seconds is not None else "none"
        link = f'<a href="{html.escape(result.lesson)}.html">{html.escape(result.title)}</a>'
        cells = [link, f"{result.seconds:.1f}", first, html.escape(result.error or "passed")]
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

    claims = [claim for result in results for claim in result.claims]
    style = "body{font-family:system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    style += "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}"
    style += "tr.fails{background:#fbdcdc}"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Lessons</title>'
        f"<style>{style}</style></head><body><h1>Lessons</h1>"
        '<p><a href="GLOSSARY.html">Glossary</a> · <a href="SYMBOLS.html">Table of symbols</a></p>'
        "<table><tr><th>lesson</th><th>seconds</th><th>first figure after (s)</th>"
        f"<th>result</th></tr>{''.join(map(row, results))}</table>"
        f"<h2>Claims</h2>{claims_table(claims, lessons=True)}</body></html>\n"
    )


def _lessons_markdown(run: dict) -> str:
    syllabus = load_syllabus()
    lines = ["| lesson | part | data | run time | first figure | minutes |", "|---|---|---|---|---|---|"]
    for row in run["lessons"]:
        lesson = syllabus.lesson(row["lesson"])
        first = f"{row['first_figure_seconds']:.0f} s" if row["first_figure_seconds"] is not None else "none"
        link = f"[{lesson.number} · {lesson.title}](notebooks/{lesson.id}.ipynb)"
        lines.append(
            f"| {link} | {lesson.part} | {lesson.data} | {row['seconds']:.0f} s | {first} | {lesson.minutes} |"
        )
    machine = run["machine"]
    return "\n".join([*lines, "", f"Measured on {machine['cores']} cores ({machine['system']}), without a GPU in use."])


def _claims_markdown(run: dict) -> str:
    syllabus = load_syllabus()
    parts = [CLAIMS_HEAD]
    for row in run["lessons"]:
        lesson = syllabus.lesson(row["lesson"])
        lines = [f"## {lesson.number} · {lesson.title}", "", "| claim | measured | claimed |", "|---|---|---|"]
        for claim in run["claims"]:
            if claim["lesson"] == lesson.id:
                sentence = claim["sentence"].replace("|", "\\|")
                verdict = "" if claim["passed"] else " (does not hold)"
                lines.append(f"| {sentence} | {measured(claim)}{verdict} | {bound(claim)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
