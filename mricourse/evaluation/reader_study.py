"""A blinded reader study: pairs in random order from a seed, and grades that are kept in one file.

A reader sees two images of one exam side by side, A and B, does not know which method made which, and gives each a
grade for every criterion. `ReaderStudy` is the plan, `GradeBook` keeps the grades; `reader_analysis`
has what is made of them. Grades live beside the learner's progress and are written as it is: whole, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mricourse.kept_record import KeptRecord

FILE = "reader_studies.json"
VERSION = 1
SIDES = ("A", "B")


@dataclass(frozen=True)
class Pair:
    """What a reader sees at once: two methods of one exam; `left` is called A, and `right` B."""

    exam: int
    left: str
    right: str


@dataclass(frozen=True)
class ReaderStudy:
    """The plan of a study, fixed before anybody looks.

    Parameters
    ----------
    name : str
        Under which grades are kept; a study of another plan needs another name.
    methods, criteria : tuple of str
        Two methods or more; what is graded, each from 1 (worst) to `n_grades` (best).
    n_exams : int
        Independent units, such as patients.
    n_grades : int
    seed : int
        Of the order and of the sides.

    Raises
    ------
    ValueError
        Fewer than two methods, a name twice, no exam, no criterion, or fewer than two grades.
    """

    name: str
    methods: tuple[str, ...]
    criteria: tuple[str, ...]
    n_exams: int
    n_grades: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for what, names, fewest in (("methods", self.methods, 2), ("criteria", self.criteria, 1)):
            if len(set(names)) != len(names) or len(names) < fewest:
                raise ValueError(f"{what} are {names}; expected {fewest} or more different names.")
        if self.n_exams < 1 or self.n_grades < 2:
            raise ValueError(
                f"the study has {self.n_exams} exams and {self.n_grades} grades; expected 1 or more, and 2 or more."
            )

    def pairs(self, reader: str) -> list[Pair]:
        """All pairs in the order of one reader: every two methods of every exam, each method as often A as B.

        Another reader gets another order and other sides; the same reader always the same ones.
        """
        generator = np.random.default_rng([self.seed, *reader.encode()])
        found = []
        for first, second in combinations(self.methods, 2):
            swapped = generator.permutation(np.arange(self.n_exams) % 2)
            for exam, swap in enumerate(swapped):
                left, right = (second, first) if swap else (first, second)
                found.append(Pair(exam, left, right))
        return [found[place] for place in generator.permutation(len(found))]


class GradeBook:
    """The grades of one study, in a file of the workspace, or in memory only.

    Parameters
    ----------
    study : ReaderStudy
    folder : path or None
        Of the file `reader_studies.json`; None keeps the grades in memory.

    Raises
    ------
    ValueError
        At the first look, if the file is no file of grades, or holds grades of another plan under this name; it is
        never written over then.
    """

    def __init__(self, study: ReaderStudy, folder: Path | str | None = None) -> None:
        self.study = study
        self.path = None if folder is None else Path(folder) / FILE
        self._here = _empty()
        self._record = None
        if self.path is not None:
            self._record = KeptRecord(self.path, what="grades", empty=_empty, opened=_opened)

    def readers(self) -> list[str]:
        """Names of all who have graded a pair."""
        return sorted(self._rows(self._read()))

    def n_graded(self, reader: str) -> int:
        """How many pairs the reader has graded; they are graded in order, so this is the number of the next."""
        return len(self._rows(self._read()).get(reader, []))

    def note(self, reader: str, grades: Mapping[str, Mapping[str, int]]) -> None:
        """Keep the grades of the reader's next pair.

        Parameters
        ----------
        reader : str
        grades : dict {"A" and "B": {criterion: grade}}

        Raises
        ------
        ValueError
            A side or a criterion is missing, a grade lies outside of the scale, or all pairs are graded.
        BlockingIOError, OSError
            The file is busy for longer than 5 seconds, or the disk does not take it.
        """
        row = self._checked(reader, grades)

        def change(content: dict) -> None:
            rows = self._rows(content).setdefault(reader, [])
            if len(rows) >= len(self.study.pairs(reader)):
                raise ValueError(f"{reader} has graded all {len(rows)} pairs; nothing is left to grade.")
            rows.append(row)

        self._change(change)

    def grades(self, reader: str) -> Tensor:
        """Grades of one reader, unblinded: (exams, methods, criteria), NaN where nothing was graded yet.

        An image that the reader met in several pairs has the mean of its grades.
        """
        study = self.study
        total = torch.zeros(study.n_exams, len(study.methods), len(study.criteria), dtype=torch.float64)
        count = torch.zeros_like(total)
        rows = self._rows(self._read()).get(reader, [])
        for pair, row in zip(study.pairs(reader), rows, strict=False):
            for side, method in zip(SIDES, (pair.left, pair.right), strict=True):
                place = (pair.exam, study.methods.index(method))
                total[place] += torch.tensor([float(row[side][name]) for name in study.criteria])
                count[place] += 1
        return total / count

    def _checked(self, reader: str, grades: Mapping[str, Mapping[str, int]]) -> dict:
        if not reader:
            raise ValueError("the reader has no name; expected one, under which the grades are kept.")
        for side in SIDES:
            for name in self.study.criteria:
                grade = grades.get(side, {}).get(name)
                if grade not in range(1, self.study.n_grades + 1):
                    raise ValueError(
                        f"image {side}, {name}: the grade is {grade}; expected 1 to {self.study.n_grades}: choose one."
                    )
        return {side: {name: int(grades[side][name]) for name in self.study.criteria} for side in SIDES}

    def _rows(self, content: dict) -> dict:
        """{reader: [grades of each pair]} of this study; made where it is missing."""
        plan = {
            "methods": list(self.study.methods), "criteria": list(self.study.criteria), "seed": self.study.seed,
            "n_exams": self.study.n_exams, "n_grades": self.study.n_grades,
        }  # fmt: skip
        kept = content["studies"].setdefault(self.study.name, {"plan": plan, "readers": {}})
        if kept["plan"] != plan:
            raise ValueError(
                f"{self.path} holds grades of another plan under the name {self.study.name!r}; expected the same "
                "methods, criteria, exams and seed: give the new study a new name."
            )
        return kept["readers"]

    def _change(self, change: Callable[[dict], object]) -> None:
        if self._record is None:
            change(self._here)
        else:
            self._record.change(change)

    def _read(self) -> dict:
        return self._here if self._record is None else self._record.read()


def _empty() -> dict:
    return {"version": VERSION, "studies": {}}


def _opened(content: dict) -> dict:
    """Raise where the content is not what this version writes."""
    if content["version"] != VERSION:
        raise ValueError
    for kept in content["studies"].values():
        kept["plan"].items()
        for rows in kept["readers"].values():
            for row in rows:
                int(sum(len(row[side]) for side in SIDES))
    return content
