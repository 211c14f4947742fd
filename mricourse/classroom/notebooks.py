"""Make the learner's and the full notebook of every lesson from its one source, `notebooks/source/NN_topic.py`.

The same source always gives the same bytes: fixed cell ids, no outputs, no metadata but the kernel,
tags and slide marks.
"""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mricourse.classroom.links import LINK, resolved, targets
from mricourse.classroom.navigation import with_ways_out
from mricourse.files import NOTEBOOKS, visible_files, write_whole

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_METADATA = ("tags", "slideshow", "jupyter")  # jupyter: a cell whose input is folded


def lesson_sources(folder: Path = NOTEBOOKS) -> list[Path]:
    """Every lesson source below `folder`, in the order of the course."""
    return sorted((folder / "source").glob("[0-9][0-9]_*.py"))


def find_lesson(word: str, folder: Path = NOTEBOOKS) -> Path:
    """Source of the lesson that `word` means: its name, its number or the beginning of its name.

    Raises
    ------
    ValueError
        When no lesson or more than one fits; the message lists the lessons.
    """
    sources = lesson_sources(folder)
    stem = re.sub(r"\.(py|ipynb)$", "", word)
    exact = [source for source in sources if source.stem == stem]
    number = f"{int(stem):02d}_" if stem.isdecimal() and stem.isascii() else stem
    found = exact or [source for source in sources if stem and source.stem.startswith(number)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(source.stem for source in sources) or "none yet"
    raise ValueError(f"There is {'no' if not found else 'more than one'} lesson {word!r}. The lessons are: {names}.")


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def read_source(source: Path) -> NotebookNode:
    """The source as a notebook with fixed cell ids and links to other lessons, solution markers still in place."""
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no lesson source {source}.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{source} is not a UTF-8 text file.") from None
    import jupytext  # where sources are read: it takes a second, which a check in a lesson must not pay

    parsed = jupytext.reads(text, fmt="py:percent")
    known = targets(source.parent.parent) if LINK.search(text) else {}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": dict(KERNEL)})
    for index, cell in enumerate(parsed.cells):
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        kept = {key: cell.metadata[key] for key in KEPT_METADATA if key in cell.metadata}
        where = f"{source.name}, cell {index}"
        content = resolved(cell.source, known, where) if cell.cell_type == "markdown" else cell.source
        notebook.cells.append(make(content, id=f"cell-{index:03d}", metadata=kept))
        _check_markers(cell.source, where)
    return notebook


def solution_version(notebook: NotebookNode) -> NotebookNode:
    """The full notebook: only the marker lines are removed."""
    full = deepcopy(notebook)
    for cell in full.cells:
        kept = [line for line in cell.source.splitlines() if line.strip() not in (BEGIN, END)]
        cell.source = "\n".join(kept)
    return full


def learner_version(notebook: NotebookNode) -> NotebookNode:
    """The notebook to work in: answers are stubs, answer cells are gone, unsolved exercises may raise."""
    learner = deepcopy(notebook)
    learner.cells = [cell for cell in learner.cells if "solution" not in tags(cell)]
    for cell in learner.cells:
        if cell.cell_type == "code":
            cell.source = _stub(cell.source)
        if {"exercise", "check"} & set(tags(cell)):
            cell.metadata["tags"] = [*tags(cell), "raises-exception"]
    return learner


def versions(source: Path) -> dict[Path, bytes]:
    """Path below the notebooks folder -> content of both notebooks of one lesson source."""
    notebook = read_source(source)
    learner = complete(learner_version(notebook), source, "learner")
    full = _one_folder_deeper(complete(solution_version(notebook), source, "solution"))
    return {
        Path(f"{source.stem}.ipynb"): _to_bytes(learner),
        Path("solutions", f"{source.stem}.ipynb"): _to_bytes(full),
    }


def complete(notebook: NotebookNode, source: Path, kind: str) -> NotebookNode:
    """A version of a lesson with its quiz, where it has one, and the ways out; `kind` as in `with_ways_out`."""
    has_quiz = (source.parents[1] / "quiz" / f"{source.stem}.yml").is_file()
    with_quiz = deepcopy(notebook)
    with_quiz.cells += _quiz_cells(source.stem, is_page=kind == "page") if has_quiz else []
    return with_ways_out(with_quiz, source, has_quiz=has_quiz, kind=kind)


def stale_notebooks(sources: list[Path], folder: Path = NOTEBOOKS) -> list[Path]:
    """Paths below `folder` that differ from what their source gives, and notebooks that have no source."""
    wanted = {name: content for source in sources for name, content in versions(source).items()}
    stale = [name for name, content in wanted.items() if _content_of(folder / name) != content]
    return sorted(stale + orphans(folder))


def orphans(folder: Path = NOTEBOOKS) -> list[Path]:
    """Generated notebooks whose source is gone."""
    stems = {source.stem for source in lesson_sources(folder)}
    there = [*visible_files(folder, "*.ipynb"), *visible_files(folder / "solutions", "*.ipynb")]
    return sorted(path.relative_to(folder) for path in there if path.stem not in stems)


def build(sources: list[Path], folder: Path = NOTEBOOKS) -> list[Path]:
    """Write both notebooks of each source where they differ; returns the paths that were written."""
    written = []
    for source in sources:
        for name, content in versions(source).items():
            if _content_of(folder / name) != content:
                write_whole(folder / name, content)
                written.append(name)
    return written


def _quiz_cells(stem: str, *, is_page: bool) -> list[NotebookNode]:
    """The questions of a lesson, answered in the notebook; a page shows their answers when they are unfolded."""
    text = "Run the cell below. Answers are kept in your workspace: the [map of the course](START.md) counts them."
    text = "Answer each question before you unfold what is below it." if is_page else text
    code = f'from mricourse import quiz\n\nquiz("{stem}")'
    skipped = {"slideshow": {"slide_type": "skip"}}
    return [
        nbformat.v4.new_markdown_cell(f"## Quiz\n\n{text}", id="quiz-text", metadata=deepcopy(skipped)),
        nbformat.v4.new_code_cell(code, id="quiz", metadata=deepcopy(skipped)),
    ]


def _one_folder_deeper(notebook: NotebookNode) -> NotebookNode:
    """The notebook with its pictures found from a folder further down."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"(\]\(|src=[\"'])(figures/|START\.md)", r"\1../\2", cell.source)
    return notebook


def _content_of(path: Path) -> bytes | None:
    """The bytes of a text file with the line ends that we write, whatever a checkout made of them."""
    return path.read_bytes().replace(b"\r\n", b"\n") if path.is_file() else None


def _to_bytes(notebook: NotebookNode) -> bytes:
    nbformat.validate(notebook)
    return (nbformat.writes(notebook, version=4, indent=1).rstrip("\n") + "\n").encode()


def _stub(code: str) -> str:
    """Replace every solution region by `your_turn()` with the indentation of its first marker."""
    lines, inside = [], False
    for line in code.splitlines():
        word = line.strip()
        if word == BEGIN:
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(f"{indent}your_turn()")
        inside = word == BEGIN or (inside and word != END)
        if not inside and word != END:
            lines.append(line)
    return "\n".join(lines)


def _check_markers(text: str, where: str) -> None:
    marks = [line.strip() for line in text.splitlines() if line.strip() in (BEGIN, END)]
    if marks != [BEGIN, END] * (len(marks) // 2):
        raise ValueError(f"{where}: its solution markers are {marks}; expected {BEGIN!r} and then {END!r}.")
    if "### BEGIN" in text and not marks:
        raise ValueError(f"{where}: a marker line is misspelt; expected exactly {BEGIN!r} and {END!r}.")
