"""Questions in a notebook: options to choose from, hints one by one, the reason after the answer.

Without a kernel, on a page, a question stands as text with its explanation folded below it.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from mricourse.classroom.progress import Answered, Progress
from mricourse.classroom.quiz import Question, Verdict, judge
from mricourse.classroom.start_page import refresh

WIDE = {"width": "auto"}
APART = {"margin": "0 0 1.2em 0"}  # below each question
SAID = {True: "✔ Right.", False: "✘ Not yet.", None: "Compare with this answer:"}


class QuizView(ipywidgets.VBox):
    """Questions below one another, and what pages without a kernel show of them."""

    def __init__(self, questions: Sequence[Question], lesson: str, progress: Progress | None) -> None:
        self.questions = [QuestionView(question, lesson, progress) for question in questions]
        super().__init__(self.questions)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if not isinstance(bundle, dict):
            return bundle
        texts = [view.question.question for view in self.questions]
        page = "".join(_as_page(view.question) for view in self.questions)
        return bundle | {"text/plain": "\n".join(texts), "text/html": page}


class QuestionView(ipywidgets.VBox):
    """One question with its controls: `choices`, `answer_button`, `hint_button` and, below, `said`."""

    def __init__(self, question: Question, lesson: str, progress: Progress | None) -> None:
        self.question = question
        self.lesson = lesson
        self.progress = progress
        self.n_hints = 0
        self.order = question.order(str(progress.path) if progress else "")
        self.choices, self.chosen = self._controls()
        self.answer_button = ipywidgets.Button(description="Answer", tooltip="Judge this answer and say why")
        self.answer_button.on_click(lambda _: self._answer())
        self.hint_button = ipywidgets.Button(description=self._hint_label(), disabled=not question.hints)
        self.hint_button.on_click(lambda _: self._hint())
        self.hints = ipywidgets.HTMLMath()
        self.said = ipywidgets.HTMLMath(self._before())
        buttons = [self.answer_button, self.hint_button] if question.hints else [self.answer_button]
        word = "Predict. " if question.kind == "prediction" else ""
        asked = ipywidgets.HTMLMath(f"<b>{word}{html.escape(question.question)}</b>")
        super().__init__([asked, self.choices, ipywidgets.HBox(buttons), self.hints, self.said], layout=APART)

    def _controls(self) -> tuple[ipywidgets.Widget, Callable[[], Any]]:
        """The widget to answer with, and a function that reads it: None where nothing was answered."""
        question = self.question
        options = [question.options[place].text for place in self.order]
        if question.kind in ("single", "prediction"):
            radio = ipywidgets.RadioButtons(options=options, value=None, layout=WIDE)
            return radio, lambda: None if radio.index is None else self.order[radio.index]
        if question.kind == "multiple":
            boxes = [ipywidgets.Checkbox(description=text, indent=False, layout=WIDE) for text in options]
            return ipywidgets.VBox(boxes), lambda: self._ticked(boxes)
        if question.kind == "numeric":
            field = ipywidgets.Text(placeholder="a number", description="Answer:")
            unit = ipywidgets.Label(question.unit)
            return ipywidgets.HBox([field, unit]), lambda: field.value.strip() or None
        area = ipywidgets.Textarea(placeholder="your answer in one or two sentences", layout=WIDE)
        return area, lambda: area.value.strip() or None

    def _ticked(self, boxes: list[ipywidgets.Checkbox]) -> list[int] | None:
        return sorted(place for place, box in zip(self.order, boxes, strict=True) if box.value) or None

    def _answer(self) -> None:
        answer = self.chosen()
        if answer is None:
            self.said.value = "Choose or write an answer first."
            return
        try:
            verdict = judge(self.question, answer)
        except ValueError as error:
            self.said.value = html.escape(str(error))
            return
        self.said.value = _as_html(verdict)
        self._keep(answer, verdict.right)

    def _keep(self, answer: Any, right: bool | None) -> None:
        if self.progress is None:
            return
        try:
            self.progress.note_answer(self.lesson, self.question.id, answer, right=right)
            refresh(self.progress.path.parent)
        except (ValueError, OSError) as error:
            self.said.value += f" ({html.escape(str(error))})"

    def _hint(self) -> None:
        self.n_hints = min(self.n_hints + 1, len(self.question.hints))
        shown = self.question.hints[: self.n_hints]
        self.hints.value = "<br>".join(f"Hint {number}: {html.escape(hint)}" for number, hint in enumerate(shown, 1))
        self.hint_button.description = self._hint_label()
        self.hint_button.disabled = self.n_hints == len(self.question.hints)

    def _hint_label(self) -> str:
        return f"Hint ({len(self.question.hints) - self.n_hints} left)"

    def _before(self) -> str:
        """What is known from an earlier visit."""
        try:
            answered = self.progress.answers(self.lesson).get(self.question.id) if self.progress else None
        except ValueError as error:
            return html.escape(str(error))
        return _earlier(answered) if answered else ""


def _earlier(answered: Answered) -> str:
    if answered.right is None:
        return "You have answered this before."
    tries = "try" if answered.tries == 1 else "tries"
    return f"You have answered this before: {'right' if answered.right else 'not yet right'}, {answered.tries} {tries}."


def _as_html(verdict: Verdict) -> str:
    return " ".join([SAID[verdict.right], *(html.escape(_sentence(reason)) for reason in verdict.reasons)])


def _sentence(text: str) -> str:
    """With a capital letter and an end: whys are often written as half sentences."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _as_page(question: Question) -> str:
    """Question and explanation as text, for pages."""
    options = "".join(f"<li>{html.escape(option.text)}</li>" for option in question.options)
    whys = "".join(
        f"<li>{'✔' if option.right else '✘'} {html.escape(option.text)}: {html.escape(option.why)}</li>"
        for option in question.options
    )
    number = f"{question.answer:g} {question.unit}".rstrip() + ". " if question.kind == "numeric" else ""
    explanation = html.escape(number + question.why + question.explanation + question.model)
    asked = f"{'Predict. ' if question.kind == 'prediction' else ''}{html.escape(question.question)}"
    folded = f"<details><summary>Answer and reason</summary>{explanation}<ul>{whys}</ul></details>"
    return f"<div><p><b>{asked}</b></p><ol type='a'>{options}</ol>{folded}</div>"
