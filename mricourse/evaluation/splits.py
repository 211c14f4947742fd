"""Splits of scans by the people they come from: folds, strata, one person at a time, and what must not be shared."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

HOW_KNOWN = ("trained on", "same head, other slice", "new head")
"""What the numbers 0, 1 and 2 of `how_known` mean."""


def subject_folds(
    subjects: Sequence[int] | Tensor, n_folds: int, *, strata: Sequence | Tensor | None = None, seed: int
) -> Tensor:
    """Deal whole subjects into folds, like cards: shuffled, then one to each fold in turn.

    With strata the subjects of one stratum are dealt before those of the next, so that each fold gets its share of
    each, to within one subject.

    Parameters
    ----------
    subjects : sequence of int, or int Tensor, shape (n,)
        Whose each scan is.
    n_folds : int
        From 2 to the number of subjects.
    strata : sequence of n labels, optional
        What the shares of should be kept: the site of each scan, say. One label a subject.
    seed : int
        Of the shuffling.

    Returns
    -------
    int64 Tensor, shape (n,)
        The fold of each scan, from 0: the same for all scans of a subject.

    Raises
    ------
    ValueError
        More folds than subjects, fewer than two, or a subject in two strata.
    """
    subjects = _labels(subjects)
    people = subjects.unique()
    if not 2 <= n_folds <= len(people):
        raise ValueError(
            f"{n_folds} folds were asked of {len(people)} subjects; expected 2 to {len(people)}: a subject cannot be "
            "cut in two. Scans of one subject are no subjects of their own."
        )
    generator = torch.Generator().manual_seed(seed)
    dealt = people[torch.randperm(len(people), generator=generator)]
    if strata is not None:
        stratum_of = _stratum_of_subjects(subjects, strata)
        order = torch.tensor([stratum_of[int(person)] for person in dealt]).argsort(stable=True)
        dealt = dealt[order]
    fold_of = torch.empty(int(people.max()) + 1, dtype=torch.int64)
    first = int(torch.randint(n_folds, (), generator=generator))  # else fold 0 would always get what is left over
    fold_of[dealt] = (first + torch.arange(len(dealt))) % n_folds
    return fold_of[subjects]


def leave_one_out(subjects: Sequence[int] | Tensor) -> Tensor:
    """Make a fold of each subject: int64 Tensor, shape (n,), in the order of the subjects' numbers.

    Raises
    ------
    ValueError
        Fewer than two subjects.
    """
    subjects = _labels(subjects)
    people, folds = subjects.unique(return_inverse=True)
    if len(people) < 2:
        raise ValueError(f"{len(people)} subject came; expected two or more: who is left to train on?")
    return folds


def train_and_test(folds: Tensor, fold: int, *, subjects: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
    """Places of the scans to train on and to test on, when one fold is the test.

    Parameters
    ----------
    folds : int Tensor, shape (n,)
        The fold of each scan.
    fold : int
        Which one is the test.
    subjects : sequence of int, shape (n,)
        Whose each scan is.

    Returns
    -------
    train, test : int64 Tensors

    Raises
    ------
    ValueError
        A fold that is not there, and folds that share a subject.
    """
    if not bool((folds == fold).any()) or bool((folds == fold).all()):
        raise ValueError(
            f"fold {fold} of {folds.unique().tolist()} was asked for; expected one of several that are there."
        )
    train = (folds != fold).nonzero()[:, 0]
    test = (folds == fold).nonzero()[:, 0]
    check_no_leak(train, test, subjects)
    return train, test


def check_no_leak(train: Tensor, test: Tensor, subjects: Sequence[int] | Tensor) -> None:
    """Refuse a split whose two sides share a subject.

    Parameters
    ----------
    train, test : int Tensors
        Places of scans.
    subjects : sequence of int, shape (n,)
        Whose each scan is.

    Raises
    ------
    ValueError
        With the subjects that are on both sides.
    """
    subjects = _labels(subjects)
    shared = sorted(set(subjects[train].tolist()) & set(subjects[test].tolist()))
    if shared:
        named = ", ".join(str(person) for person in shared[:5]) + (" ..." if len(shared) > 5 else "")
        raise ValueError(
            f"training and test share {len(shared)} subjects ({named}); expected none: what is learned of a person "
            "helps on all of their slices. Split with subject_folds."
        )


def how_known(
    heads: Sequence[str], numbers: Sequence[int], *, trained_heads: Collection[str], trained_numbers: Collection[int]
) -> Tensor:
    """Say of each scan how well a network knows it: 0 trained on it, 1 on another slice of its head, 2 on neither.

    Parameters
    ----------
    heads : sequence of str
        Whose head each scan shows.
    numbers : sequence of int
        Its number in the data set of that head.
    trained_heads, trained_numbers : collections
        Those of all trainings that made the weights, the first one of a chain included, and of the scans at which a
        choice was made.

    Returns
    -------
    int64 Tensor, shape (n,)

    Raises
    ------
    ValueError
        Not one number for each head.
    """
    if len(heads) != len(numbers):
        raise ValueError(f"{len(heads)} heads and {len(numbers)} numbers came; expected one number for each head.")
    found = []
    for head, number in zip(heads, numbers, strict=True):
        if head not in trained_heads:
            found.append(2)
        else:
            found.append(0 if number in trained_numbers else 1)
    return torch.tensor(found)


def _labels(subjects: Sequence[int] | Tensor) -> Tensor:
    labels = torch.as_tensor(subjects).cpu()
    if labels.ndim != 1 or len(labels) == 0 or labels.is_floating_point() or bool((labels < 0).any()):
        raise ValueError(
            f"subjects came with shape {tuple(labels.shape)} and type {labels.dtype}; expected (n,) whole numbers from "
            "0, the subject of each scan."
        )
    return labels.long()


def _stratum_of_subjects(subjects: Tensor, strata: Sequence | Tensor) -> dict[int, int]:
    """A number for the stratum of each subject."""
    names = strata.tolist() if isinstance(strata, Tensor) else list(strata)
    if len(names) != len(subjects):
        raise ValueError(f"{len(names)} strata came for {len(subjects)} scans; expected one for each scan.")
    place = {name: number for number, name in enumerate(sorted(set(names), key=str))}
    found: dict[int, int] = {}
    for person, name in zip(subjects.tolist(), names, strict=True):
        if found.setdefault(person, place[name]) != place[name]:
            raise ValueError(f"subject {person} is in two strata, {name!r} among them; expected one for each subject.")
    return found
