"""Questions of a lesson, `notebooks/quiz/NN_topic.yml`: read, checked, shuffled and judged."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import yaml

CHOICES = ("single", "multiple", "prediction")
KINDS = (*CHOICES, "numeric", "text")
KEYS = {
    "single": {"options", "hints"},
    "multiple": {"options", "hints"},
    "prediction": {"options", "hints", "explanation"},
    "numeric": {"answer", "tolerance", "unit", "why", "hints"},
    "text": {"model", "hints"},
}
OPTIONAL = {"why", "explanation"}  # and the hints of a prediction


@dataclass(frozen=True)
class Option:
    """One of the answers to choose from, and why it is right or wrong."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question; `kind` says which of the other fields it has."""

    id: str
    kind: str
    question: str
    hints: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    answer: float = math.nan
    tolerance: float = 0.0
    unit: str = ""
    why: str = ""
    explanation: str = ""
    model: str = ""

    def order(self, learner: str) -> list[int]:
        """Places of the options as this learner sees them, the same at every look."""
        places = list(range(len(self.options)))
        random.Random(f"{learner}/{self.id}").shuffle(places)
        return places


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right (None where a person has to judge) and what there is to say about it."""

    right: bool | None
    reasons: tuple[str, ...] = field(default=())


def load_quiz(path: Path) -> list[Question]:
    """Read the questions of one lesson.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file, or a question that lacks something; the sentence names the file and the question.
    """
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no quiz {path}; expected one file for each lesson.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read ({' '.join(str(error).split())}); expected YAML.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path.name} holds {type(rows).__name__}; expected a list of questions.")
    questions = [_question(row, path.name) for row in rows]
    ids = [question.id for question in questions]
    if twice := {name for name in ids if ids.count(name) > 1}:
        raise ValueError(f"{path.name} uses the ids {sorted(twice)} twice; expected another for each question.")
    return questions


def judge(question: Question, answer: int | str | float | Collection[int]) -> Verdict:
    """Judge an answer.

    Parameters
    ----------
    question : Question
    answer : int, collection of int, float or str
        Place of the chosen option in the file, or places of several, for questions with options; a number, or text
        that holds one, for numeric ones; any text for free ones.

    Raises
    ------
    ValueError
        No such option, or text in place of a number.
    """
    if question.kind == "text":
        return Verdict(None, (question.model,))
    if question.kind == "numeric":
        return _judge_number(question, answer)
    chosen = {answer} if isinstance(answer, int) else set(answer)
    if not chosen or not chosen <= set(range(len(question.options))):
        raise ValueError(f"the options chosen are {sorted(chosen)}; expected some of 0 to {len(question.options) - 1}.")
    right = {place for place, option in enumerate(question.options) if option.right}
    reasons = [question.options[place].why for place in sorted(chosen)]
    if question.kind == "multiple" and not chosen >= right:
        reasons.append("Something is still missing.")
    if question.kind == "prediction" and question.explanation:
        reasons.append(question.explanation)
    return Verdict(chosen == right, tuple(reasons))


def number_of(text: str) -> float:
    """Read a number as people write it: ``1,5``, ``3e-2``, ``1/3``, ``25 %``; its unit is not read.

    Raises
    ------
    ValueError
        Where there is none.
    """
    found = re.match(r"\s*([-+−]?[\d.,]+(?:[eE][-+]?\d+)?)\s*(?:/\s*([\d.,]+))?", text)
    try:
        parts = [float(part.replace(",", ".").replace("−", "-")) for part in found.groups() if part] if found else []
        value = parts[0] / parts[1] if len(parts) == 2 else parts[0]
    except (ValueError, ZeroDivisionError, IndexError):
        raise ValueError(f"the answer is {text!r}; expected a number, such as 0.25.") from None
    return value


def _judge_number(question: Question, answer: int | str | float | Collection[int]) -> Verdict:
    value = number_of(answer) if isinstance(answer, str) else float(answer)  # type: ignore[arg-type]
    if not math.isfinite(value):
        raise ValueError(f"the answer is {answer}; expected a finite number.")
    right = abs(value - question.answer) <= question.tolerance
    if right:
        return Verdict(True, (question.why,) if question.why else ())
    given = f"{value:g} {question.unit}".rstrip()
    return Verdict(False, (f"{given} is too {'large' if value > question.answer else 'small'}.",))


def _question(row: dict, name: str) -> Question:
    where = f"{name}, question {row.get('id')!r}"
    if not re.fullmatch(r"[a-z0-9-]+", str(row.get("id", ""))):
        raise ValueError(f"{where}: expected an id of lower-case letters, digits and hyphens.")
    if row.get("kind") not in KINDS:
        raise ValueError(f"{where} is of the kind {row.get('kind')!r}; expected {', '.join(KINDS)}.")
    kind = row["kind"]
    wanted = {"id", "kind", "question"} | KEYS[kind]
    optional = OPTIONAL | ({"hints"} if kind == "prediction" else set())
    if set(row) - wanted or (wanted - optional) - set(row):
        raise ValueError(f"{where} has {sorted(row)}; expected {sorted(wanted)}.")
    hints = row.get("hints", [])
    texts = [row["question"], *hints, *(row[key] for key in ("why", "explanation", "model", "unit") if key in row)]
    if not all(isinstance(text, str) for text in texts) or not row["question"].strip() or "" in hints:
        raise ValueError(f"{where}: expected text in the question, the hints and the explanations.")
    if not hints and "hints" not in optional:
        raise ValueError(f"{where} has no hints; expected one or more.")
    options = tuple(_option(option, where) for option in row.get("options", ()))
    if kind in CHOICES:
        _check_options(kind, options, where)
    if kind == "numeric" and not (_is_number(row["answer"]) and _is_number(row["tolerance"]) and row["tolerance"] >= 0):
        raise ValueError(f"{where}: expected a number as answer and a tolerance of 0 or more.")
    return Question(**{**row, "hints": tuple(hints), "options": options})


def _option(row: dict, where: str) -> Option:
    if not isinstance(row, dict) or not {"text", "why"} <= set(row) <= {"text", "why", "right"}:
        raise ValueError(f"{where}: an option is {row}; expected text, why and, for right ones, right: true.")
    if not isinstance(row["why"], str) or not row["why"].strip() or not isinstance(row.get("right", True), bool):
        raise ValueError(f"{where}: the option {row['text']!r} has no why; expected a sentence.")
    return Option(str(row["text"]), row["why"], row.get("right", False))


def _check_options(kind: str, options: tuple[Option, ...], where: str) -> None:
    n_right = sum(option.right for option in options)
    if len({option.text for option in options}) < max(2, len(options)):
        raise ValueError(f"{where}: expected two or more options that differ.")
    if n_right != 1 if kind != "multiple" else n_right == 0:
        expected = "one or more" if kind == "multiple" else "one"
        raise ValueError(f"{where} has {n_right} right options; expected {expected}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
