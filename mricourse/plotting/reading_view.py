"""The screen of a reader study: a blinded pair, grades for both images, and a button that keeps them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import ipywidgets
from torch import Tensor

from mricourse.evaluation.reader_study import SIDES, GradeBook
from mricourse.plotting.panels import as_array, top
from mricourse.plotting.pictures import WRAP, View, bold

__all__ = ["ReadingView"]

NO_GRADE = "–"


class ReadingView(View):
    """Read the pairs of a study one after another; what was graded before is not asked again.

    All images have one window, from 0 to the brightest pixel of all of them.

    Parameters
    ----------
    book : GradeBook
        With the plan of the study, and the place where grades are kept.
    images : dict {method: Tensor (exams, y, x)}
        Complex ones are shown by magnitude.
    reader : str
        Whose grades these are. Another name begins a reading of its own, in another order.
    width_px : int
        Width of each image on the screen.

    Attributes
    ----------
    menus : dict {(side, criterion): menu}
        Set their ``value`` to a grade to answer without a browser; None is no grade.
    save_button, said : widgets
        The button calls `save`; `said` holds the last sentence.

    Raises
    ------
    ValueError
        If a method has no images, or another number of them than the study has exams.
    """

    def __init__(self, book: GradeBook, images: Mapping[str, Tensor], *, reader: str, width_px: int = 320) -> None:
        study = book.study
        for method in study.methods:
            if method not in images or len(images[method]) != study.n_exams:
                raise ValueError(
                    f"the images hold {', '.join(images)}; expected {study.n_exams} of each of the study's methods: "
                    f"{', '.join(study.methods)}."
                )
        self._stacks = {method: as_array(images[method]) for method in study.methods}
        super().__init__(width_px, window=(0.0, top([abs(stack) for stack in self._stacks.values()])))
        self.book = book
        self.reader = reader
        self._pairs = study.pairs(reader)
        self.menus = {(side, name): self._menu(side, name) for side in SIDES for name in study.criteria}
        self.save_button = ipywidgets.Button(
            description="Save and go on", tooltip="Keep these grades and show the next pair"
        )
        self.save_button.on_click(lambda _: self.save())
        self.said = ipywidgets.HTML()
        self._place = bold("")
        columns = [ipywidgets.VBox([self.menus[side, name] for name in study.criteria]) for side in SIDES]
        buttons = ipywidgets.HBox([self.save_button, self.said], layout=WRAP)
        self._show_next()
        self.children = [self._place, self.output, ipywidgets.HBox(columns, layout=WRAP), buttons]

    @property
    def finished(self) -> bool:
        """True when the reader has graded all pairs."""
        return self.book.n_graded(self.reader) >= len(self._pairs)

    def save(self) -> None:
        """Keep the grades of the pair on the screen, and show the next one; or say what is missing."""
        grades: dict[str, dict[str, Any]] = {side: {} for side in SIDES}
        for (side, name), menu in self.menus.items():
            grades[side][name] = menu.value
        try:
            self.book.note(self.reader, grades)
        except (ValueError, OSError) as error:
            self._say(str(error), wrong=True)
            return
        self._say("Kept." if self.book.path else "Kept until this notebook is closed: it lies in no workspace.")
        self._show_next()

    def _show_next(self) -> None:
        """Show the first pair that has no grades; the last one stays where all have."""
        try:
            number = self.book.n_graded(self.reader)
        except ValueError as error:
            self._say(str(error), wrong=True)
            number = 0
        done = number >= len(self._pairs)
        shown = min(number, len(self._pairs) - 1)
        pair = self._pairs[shown]
        self._place.value = "All pairs are graded." if done else f"Pair {number + 1} of {len(self._pairs)}"
        images = {
            f"pair {shown + 1}, image {side}": self._stacks[method][pair.exam]
            for side, method in zip(SIDES, (pair.left, pair.right), strict=True)
        }
        self.output.show(images)
        for menu in self.menus.values():
            menu.value = None
            menu.disabled = done
        self.save_button.disabled = done

    def _menu(self, side: str, criterion: str) -> ipywidgets.Dropdown:
        grades = [(NO_GRADE, None), *((str(grade), grade) for grade in range(1, self.book.study.n_grades + 1))]
        label = f"{side}: {criterion}"
        layout = {"width": self.output.pictures._width}
        return ipywidgets.Dropdown(
            options=grades, value=None, description=label, style={"description_width": "initial"}, layout=layout
        )

    def _say(self, sentence: str, *, wrong: bool = False) -> None:
        text = html.escape(sentence)
        self.said.value = f'<span role="alert" style="color:#B22222">{text}</span>' if wrong else f"{text}"
