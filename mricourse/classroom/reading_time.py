"""How many minutes a lesson takes: an estimate from its source, for the one who writes it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from nbformat import NotebookNode

from mricourse.classroom.notebooks import tags

WORDS_A_MINUTE = 130  # of text with symbols in it, read to be understood
SECONDS_A_LINE = 10
SECONDS_A_FIGURE = 30
DRAWING = re.compile(r"^(show_|plot_|draw_|explore$)")
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
EXERCISE = re.compile(r"^## Exercise .*?about (\d+) min", re.MULTILINE)


@dataclass(frozen=True)
class Minutes:
    """What a learner's time goes to, in minutes."""

    text: float
    code: float
    figures: float
    exercises: float

    @property
    def total(self) -> int:
        return round(self.text + self.code + self.figures + self.exercises)

    def __str__(self) -> str:
        parts = {"text": self.text, "code": self.code, "figures": self.figures, "exercises": self.exercises}
        return f"about {self.total} minutes ({', '.join(f'{name} {part:.0f}' for name, part in parts.items())})"


def reading_time(notebook: NotebookNode) -> Minutes:
    """Estimate the minutes of a lesson.

    Visible words count at 130 a minute, a line of teaching code 10 seconds, a figure 30 seconds, and exercises the
    minutes that their headings state. Not counted are folded notes and code, imports, claims, checks and solutions.

    Parameters
    ----------
    notebook : NotebookNode
        What `read_source` returns.
    """
    words, lines, figures, exercises = 0, 0, 0, 0
    for cell in notebook.cells:
        marks = set(tags(cell))
        if cell.cell_type == "markdown" and "solution" not in marks:
            words += len(_words(cell.source))
            exercises += sum(int(minutes) for minutes in EXERCISE.findall(cell.source))
        elif cell.cell_type == "code" and not marks & {"exercise", "check", "solution", "claim"}:
            statements = [statement for statement in ast.parse(cell.source).body if _teaches(statement)]
            if not cell.metadata.get("jupyter", {}).get("source_hidden"):
                lines += sum(_n_lines(cell.source, statement) for statement in statements)
            figures += sum(_draws(statement) for statement in statements)
    return Minutes(words / WORDS_A_MINUTE, lines * SECONDS_A_LINE / 60, figures * SECONDS_A_FIGURE / 60, exercises)


def _words(text: str) -> list[str]:
    """Words as a reader meets them: a formula is as many as it has symbols, an address is none."""
    visible = re.sub(r"https?://\S+|[#*`|\\{}]", " ", FOLDED.sub(" ", text))
    return re.findall(r"\w+", visible)


def _teaches(statement: ast.stmt) -> bool:
    is_claim = isinstance(statement, ast.Expr) and _called(statement.value) == "claim"
    return not isinstance(statement, ast.Import | ast.ImportFrom) and not is_claim


def _n_lines(code: str, statement: ast.stmt) -> int:
    lines = code.splitlines()[statement.lineno - 1 : statement.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def _draws(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr | ast.For):
        return False
    return any(DRAWING.match(_called(node)) for node in ast.walk(statement))


def _called(node: ast.AST) -> str:
    """Name of the function that an expression calls, or nothing."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
