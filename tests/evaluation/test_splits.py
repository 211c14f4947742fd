"""Splits keep people whole, agree with scikit-learn in what they promise, and refuse what would leak."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, StratifiedGroupKFold

from mricourse.evaluation import check_no_leak, how_known, leave_one_out, subject_folds, train_and_test


def people_of(folds, subjects):
    return [set(subjects[folds == fold].tolist()) for fold in range(int(folds.max()) + 1)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=8, max_size=60), st.integers(2, 5), st.integers(0, 99))
def test_nobody_is_cut_and_folds_are_even(numbers, n_folds, seed):
    subjects = torch.tensor(numbers)
    if len(subjects.unique()) < n_folds:
        with pytest.raises(ValueError, match="cannot be cut in two"):
            subject_folds(subjects, n_folds, seed=seed)
        return
    parts = people_of(subject_folds(subjects, n_folds, seed=seed), subjects)
    sizes = [len(part) for part in parts]
    assert len(parts) == n_folds and max(sizes) - min(sizes) <= 1
    assert sum(sizes) == len(set(numbers)) and set.union(*parts) == set(numbers)


def test_as_even_as_scikit_learn():
    """GroupKFold balances scans, we balance people: with as many scans of each, both give the same sizes."""
    subjects = torch.arange(23).repeat_interleave(4)
    ours = subject_folds(subjects, 5, seed=3).bincount().sort().values
    theirs = [len(test) for _, test in GroupKFold(5).split(subjects, groups=subjects)]
    assert ours.tolist() == sorted(theirs)


@pytest.mark.parametrize("seed", range(5))
def test_strata_are_at_least_as_even_as_those_of_scikit_learn(seed):
    generator = torch.Generator().manual_seed(seed)
    stratum = (torch.rand(40, generator=generator) < 0.35).long()
    subjects = torch.arange(40).repeat_interleave(3)
    labels = stratum[subjects]
    folds = subject_folds(subjects, 5, strata=labels, seed=seed)
    ours = [int(stratum[list(part)].sum()) for part in people_of(folds, subjects)]
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    splits = splitter.split(subjects, labels, groups=subjects)
    theirs = [int(stratum[subjects[test].unique()].sum()) for _, test in splits]
    assert max(ours) - min(ours) <= 1 <= max(1, max(theirs) - min(theirs))


def test_no_fold_is_favoured_by_what_is_left_over():
    subjects = torch.arange(11)
    sizes = torch.stack([subject_folds(subjects, 4, seed=seed).bincount() for seed in range(60)])
    assert (sizes.double().mean(0) - 11 / 4).abs().max() < 0.25


def test_leave_one_out_is_that_of_scikit_learn():
    subjects = torch.tensor([5, 5, 2, 9, 2, 9, 9])
    folds = leave_one_out(subjects)
    ours = [(folds == fold).nonzero()[:, 0].tolist() for fold in range(3)]
    theirs = [test.tolist() for _, test in LeaveOneGroupOut().split(subjects, groups=subjects)]
    assert ours == theirs
    with pytest.raises(ValueError, match="who is left"):
        leave_one_out([4, 4, 4])


def test_both_sides():
    subjects = torch.tensor([0, 0, 1, 1, 2, 2])
    train, test = train_and_test(torch.tensor([0, 0, 1, 1, 1, 1]), 0, subjects=subjects)
    assert train.tolist() == [2, 3, 4, 5] and test.tolist() == [0, 1]
    with pytest.raises(ValueError, match="share 1 subjects \\(1\\)"):
        train_and_test(torch.tensor([0, 0, 0, 1, 1, 1]), 0, subjects=subjects)
    with pytest.raises(ValueError, match="fold 7"):
        train_and_test(torch.tensor([0, 0, 1, 1, 1, 1]), 7, subjects=subjects)


def test_a_leak_names_the_people():
    with pytest.raises(ValueError, match=r"share 6 subjects \(0, 1, 2, 3, 4 \.\.\.\)"):
        check_no_leak(torch.arange(6), torch.arange(6), range(6))
    check_no_leak(torch.tensor([0, 1]), torch.tensor([2]), [3, 3, 4])


def test_strata_must_fit():
    with pytest.raises(ValueError, match="subject 0 is in two strata"):
        subject_folds([0, 0, 1, 2], 2, strata=["a", "b", "a", "a"], seed=0)
    with pytest.raises(ValueError, match="3 strata came for 4 scans"):
        subject_folds([0, 0, 1, 2], 2, strata=["a", "a", "a"], seed=0)


@pytest.mark.parametrize("subjects", [[0.5, 1.0], [[0, 1]], [], [-1, 2]])
def test_what_is_no_subject(subjects):
    with pytest.raises(ValueError, match="whole numbers from 0"):
        subject_folds(torch.tensor(subjects), 2, seed=0)


def test_how_known():
    found = how_known(["a", "a", "b", "c"], [0, 1, 0, 0], trained_heads={"a", "c"}, trained_numbers={0})
    assert found.tolist() == [0, 1, 2, 0]
    with pytest.raises(ValueError, match="2 heads and 1 numbers"):
        how_known(["a", "b"], [0], trained_heads=set(), trained_numbers=set())
