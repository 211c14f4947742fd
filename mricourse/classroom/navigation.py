"""Ways out of a lesson: to the lessons beside it, its quiz, the map of the course, the glossary and the symbols."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mricourse.classroom.links import Target, course_order

START, GLOSSARY, SYMBOLS = "START.md", "GLOSSARY.md", "SYMBOLS.md"  # they lie beside the learners' notebooks
SKIPPED = {"slideshow": {"slide_type": "skip"}}


def with_ways_out(notebook: NotebookNode, source: Path, *, has_quiz: bool, kind: str) -> NotebookNode:
    """The notebook with a line of links below its title and another cell of them at its end.

    Parameters
    ----------
    notebook : NotebookNode
        One version of a lesson.
    source : Path
        Its source; nothing is added where the course has no ``syllabus.yml``.
    has_quiz : bool
        Whether there is a heading ``Quiz`` to lead to.
    kind : "learner", "solution" or "page"
        The two versions lead to each other; a page, which lies beside other pages, does not.
    """
    folder = source.parents[1]
    order = course_order(folder)
    if source.stem not in order or not (folder / "syllabus.yml").is_file() or not notebook.cells:
        return notebook
    up = "../" if kind == "solution" else ""
    ways = [f"[Map of the course]({up}{START})", f"[Glossary]({up}{GLOSSARY})", f"[Symbols]({up}{SYMBOLS})"]
    quiz = ["[Quiz of this lesson](#Quiz)"] if has_quiz else []
    others = {
        "learner": [f"[This lesson with its answers](solutions/{source.stem}.ipynb)"],
        "solution": [f"[This lesson to work in](../{source.stem}.ipynb)"],
    }
    end = ["## Where to go on", "", *_neighbours(source.stem, order), "- " + " · ".join(ways + others.get(kind, []))]
    complete = deepcopy(notebook)
    complete.cells.insert(1, _cell(" · ".join(ways + quiz), "links"))
    complete.cells.append(_cell("\n".join(end), "navigation"))
    return complete


def _neighbours(stem: str, order: dict[str, Target]) -> list[str]:
    """Lines of a list: the lesson before and the one after, and the next that is written where that one is not."""
    names = list(order)
    place = names.index(stem)
    lines = [f"- Before: {order[names[place - 1]]}{_planned(order[names[place - 1]])}"] if place else []
    after = [order[name] for name in names[place + 1 :]]
    if not after:
        return [*lines, "- Next: nothing, this is the last lesson."]
    written = next((target for target in after if target.notebook), None)
    then = f"; the next one that is written: {written}" if written and written is not after[0] else ""
    return [*lines, f"- Next: {after[0]}{_planned(after[0])}{then}"]


def _planned(target: Target) -> str:
    return "" if target.notebook else " (planned)"


def _cell(text: str, name: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id=name, metadata=deepcopy(SKIPPED))
