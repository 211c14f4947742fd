"""What a notebook calls to ask its learner something: `quiz` at the end of a lesson, `predict` before a figure.

Widgets, YAML and the rest load when the first question is asked, and what reads and writes notebooks not even then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mricourse.files import NOTEBOOKS

if TYPE_CHECKING:
    from mricourse.classroom.progress import Progress
    from mricourse.classroom.quiz_view import QuizView

RECORD = ".mricourse.json"  # in every workspace; see `mricourse.classroom.lab`


def quiz(lesson: str) -> QuizView:
    """Show the questions of a lesson, without its predictions, which stand in the text.

    Parameters
    ----------
    lesson : str
        Its name, its number or the beginning of its name, as ``"03"``.

    Raises
    ------
    FileNotFoundError, ValueError
        No such lesson, or a damaged file of questions.
    """
    from mricourse.classroom.notebooks import find_lesson
    from mricourse.classroom.quiz import load_quiz
    from mricourse.classroom.quiz_view import QuizView

    folder = _folder()
    stem = lesson if (folder / f"{lesson}.yml").is_file() else find_lesson(lesson).stem
    questions = [question for question in load_quiz(folder / f"{stem}.yml") if question.kind != "prediction"]
    return QuizView(questions, stem, progress_here())


def predict(name: str) -> QuizView:
    """Ask for a prediction, a question of the kind ``prediction`` in any lesson's quiz; the answer is kept.

    Parameters
    ----------
    name : str
        Its ``id``.

    Raises
    ------
    ValueError
        No prediction of that name.
    """
    from mricourse.classroom.quiz import load_quiz
    from mricourse.classroom.quiz_view import QuizView

    known = []
    for path in sorted(_folder().glob("*.yml")):
        for question in load_quiz(path):
            if question.kind == "prediction" and question.id == name:
                return QuizView([question], path.stem, progress_here())
            known += [question.id] if question.kind == "prediction" else []
    raise ValueError(f"there is no prediction {name!r}; the predictions are: {', '.join(known) or 'none yet'}.")


def progress_here() -> Progress | None:
    """The progress of the workspace that the notebook lies in; None elsewhere, where nothing is kept."""
    from mricourse.classroom.progress import Progress

    workspace = workspace_here()
    return Progress(workspace) if workspace else None


def workspace_here() -> Path | None:
    """Find the learner's workspace that the notebook lies in; None elsewhere, where nothing is kept."""
    here = Path.cwd()
    return next((folder for folder in (here, here.parent) if (folder / RECORD).is_file()), None)


def _folder() -> Path:
    """Where the questions lie: beside the notebook, in a workspace or a course, or in this course."""
    here = Path.cwd()
    places = [folder / "quiz" for folder in (workspace_here(), here, here.parent) if folder]
    return next((place for place in places if any(place.glob("[0-9][0-9]_*.yml"))), NOTEBOOKS / "quiz")
