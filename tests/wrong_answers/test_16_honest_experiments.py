"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

import pytest
from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
    verdict,
)

FOLDS = """
def my_subject_folds(subjects, n_folds, seed):
    everyone = {everyone}
    generator = torch.Generator().manual_seed({seed})
    shuffled = everyone[torch.randperm(len(everyone), generator=generator)]
    folds = torch.zeros_like(subjects)
    for place, person in enumerate(shuffled):
        folds[subjects == person] = {fold}
    return {result}
"""
RIGHT_FOLDS = {"everyone": "subjects.unique()", "seed": "seed", "fold": "place % n_folds", "result": "folds"}

MEANS = """
def my_subject_means(values, subjects):
    means = [{mean} for person in {people}]
    return {result}
"""
RIGHT_MEANS = {
    "mean": "values[subjects == person].mean()",
    "people": "subjects.unique()",
    "result": "torch.stack(means)",
}

SEARCH = """
def my_random_search(score, draws, low, high):
    settings = {settings}
    scores = [float(score({asked})) for first, second in settings.tolist()]
    return {result}
"""
RIGHT_SEARCH = {
    "settings": "low * (high / low) ** draws",
    "asked": "first, second",
    "result": "settings[torch.tensor(scores).argmax()]",
}

KNOWN = """
def my_how_known(heads, numbers, trained_heads, trained_numbers):
    known = []
    for head, number in zip(heads, numbers, strict=True):
        {body}
    return {result}
"""
RIGHT_KNOWN = {
    "body": "known.append(2 if head not in trained_heads else 0 if number in trained_numbers else 1)",
    "result": "torch.tensor(known)",
}


def folds(**changes):
    return FOLDS.format(**RIGHT_FOLDS | changes)


def means(**changes):
    return MEANS.format(**RIGHT_MEANS | changes)


def search(**changes):
    return SEARCH.format(**RIGHT_SEARCH | changes)


def known(body=RIGHT_KNOWN["body"], result=RIGHT_KNOWN["result"]):
    return KNOWN.format(body=body, result=result)


SLICES = """
def my_subject_folds(subjects, n_folds, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(len(subjects), generator=generator) % n_folds
"""
GLOBAL_SHUFFLE = """
def my_subject_folds(subjects, n_folds, seed):
    everyone = subjects.unique()
    shuffled = everyone[torch.randperm(len(everyone))]
    folds = torch.zeros_like(subjects)
    for place, person in enumerate(shuffled):
        folds[subjects == person] = place % n_folds
    return folds
"""
LOTTERY = """
def my_subject_folds(subjects, n_folds, seed):
    generator = torch.Generator().manual_seed(seed)
    everyone = subjects.unique()
    drawn = torch.randint(n_folds, (len(everyone),), generator=generator)
    folds = torch.zeros_like(subjects)
    for person, fold in zip(everyone, drawn):
        folds[subjects == person] = fold
    return folds
"""

WRONG = {
    "my_subject_folds": {
        "no return": "def my_subject_folds(subjects, n_folds, seed):\n    folds = subjects % n_folds",
        "slices dealt": SLICES,
        "a fold drawn for each": LOTTERY,
        "modulo of the number": "def my_subject_folds(subjects, n_folds, seed):\n    return subjects % n_folds",
        "not shuffled": folds(seed="0"),
        "the global generator": GLOBAL_SHUFFLE,
        "from 1": folds(fold="place % n_folds + 1"),
        "one fold too few": folds(fold="place % (n_folds - 1)"),
        "one fold too many": folds(fold="place % (n_folds + 1)"),
        "place, not fold": folds(fold="place"),
        "all in fold 0": folds(fold="0"),
        "in pieces, the last one short": folds(fold="place // n_folds"),
        "numbers taken for 0, 1, 2": folds(everyone="torch.arange(len(subjects.unique()))"),
        "slices for people": folds(everyone="subjects"),
        "whether in fold 0": folds(result="folds == 0"),
        "fold of each person": folds(result="folds[: len(everyone)]"),
        "a list": folds(result="folds.tolist()"),
    },
    "my_subject_means": {
        "no return": "def my_subject_means(values, subjects):\n    values.mean()",
        "one number": means(result="torch.stack(means).mean()"),
        "of all slices": means(mean="values.mean()"),
        "sums": means(mean="values[subjects == person].sum()"),
        "sum over all slices": means(mean="values[subjects == person].sum() / len(values)"),
        "sum over people": means(mean="values[subjects == person].sum() / len(subjects.unique())"),
        "equal numbers": means(
            mean="values[subjects == person].sum() / (len(values) / len(subjects.unique()))",
        ),
        "median": means(mean="values[subjects == person].median()"),
        "first slice": means(mean="values[subjects == person][0]"),
        "best slice": means(mean="values[subjects == person].max()"),
        "equal pieces": "def my_subject_means(values, subjects):\n"
        "    pieces = values.tensor_split(len(subjects.unique()))\n"
        "    return torch.stack([each.mean() for each in pieces])",
        "a mean a slice": means(people="subjects"),
        "people counted from 0": means(people="range(int(subjects.max()) + 1)"),
        "reversed": means(people="subjects.unique().flip(0)"),
        "counts": means(mean="(subjects == person).sum().float()"),
        "a list": means(result="means"),
    },
    "my_random_search": {
        "no return": "def my_random_search(score, draws, low, high):\n    settings = low * (high / low) ** draws",
        "linear": search(settings="low + (high - low) * draws"),
        "lowest": search(result="settings[torch.tensor(scores).argmin()]"),
        "last": search(result="settings[-1]"),
        "first": search(result="settings[0]"),
        "the draws": search(result="draws[torch.tensor(scores).argmax()]"),
        "the score": search(result="torch.tensor(scores).max()"),
        "the place": search(result="torch.tensor(scores).argmax()"),
        "all settings": search(result="settings"),
        "logarithm": search(result="settings[torch.tensor(scores).argmax()].log()"),
        "logarithm to base 10": search(result="settings[torch.tensor(scores).argmax()].log10()"),
        "first setting twice": search(asked="first, first"),
        "exchanged when asked": search(asked="second, first"),
        "exchanged when given": search(result="settings[torch.tensor(scores).argmax()].flip(0)"),
        "axis turned round": search(settings="high * (low / high) ** draws"),
        "ratio missing": search(settings="low * high**draws"),
        "own draws": search(settings="low * (high / low) ** torch.rand(len(draws), 2)"),
        "one trial only": search(settings="(low * (high / low) ** draws)[:1]"),
        "all pairs": search(
            settings="torch.cartesian_prod(*(low * (high / low) ** draws).T)",
        ),
        "never asks": "def my_random_search(score, draws, low, high):\n    return low * (high / low) ** draws[0]",
        "one number": search(result="settings[torch.tensor(scores).argmax()][0]"),
    },
    "my_how_known": {
        "no return": "def my_how_known(heads, numbers, trained_heads, trained_numbers):\n    known = []",
        "number first": known("known.append(0 if number in trained_numbers else 1 if head in trained_heads else 2)"),
        "turned round": known(
            "known.append(0 if head not in trained_heads else 2 if number in trained_numbers else 1)"
        ),
        "1 and 2 exchanged": known(
            "known.append(1 if head not in trained_heads else 0 if number in trained_numbers else 2)"
        ),
        "slices only": known("known.append(0 if head in trained_heads and number in trained_numbers else 2)"),
        "heads only": known("known.append(0 if head in trained_heads else 2)"),
        "number only": known("known.append(0 if number in trained_numbers else 2)"),
        "counted twice": known("known.append((head not in trained_heads) + (number not in trained_numbers))"),
        "true or false": known("known.append(head in trained_heads)"),
        "only the last": known(result="torch.tensor(known[-1])"),
        "a list": known(result="known"),
        "all new": known("known.append(2)"),
        "sorted": known(result="torch.tensor(sorted(known))"),
    },
}

RIGHT = {
    "my_subject_folds": {
        "by a table": "def my_subject_folds(subjects, n_folds, seed):\n"
        "    everyone, place = subjects.unique(return_inverse=True)\n"
        "    order = torch.randperm(len(everyone), generator=torch.Generator().manual_seed(seed))\n"
        "    return (order % n_folds)[place]",
        "in pieces": "def my_subject_folds(subjects, n_folds, seed):\n"
        "    everyone = subjects.unique()\n"
        "    order = torch.randperm(len(everyone), generator=torch.Generator().manual_seed(seed))\n"
        "    folds = torch.empty_like(subjects)\n"
        "    for fold, piece in enumerate(everyone[order].tensor_split(n_folds)):\n"
        "        folds[torch.isin(subjects, piece)] = fold\n"
        "    return folds",
    },
    "my_subject_means": {
        "by sums": "def my_subject_means(values, subjects):\n"
        "    people, place = subjects.unique(return_inverse=True)\n"
        "    sums = torch.zeros(len(people)).index_add(0, place, values)\n"
        "    return sums / place.bincount()",
    },
    "my_random_search": {
        "a loop": "def my_random_search(score, draws, low, high):\n"
        "    best, found = None, None\n"
        "    for draw in draws:\n"
        "        setting = low * (high / low) ** draw\n"
        "        value = float(score(float(setting[0]), float(setting[1])))\n"
        "        if best is None or value > best:\n"
        "            best, found = value, setting\n"
        "    return found",
        "by logarithms": search(settings="torch.exp(math.log(low) + draws * math.log(high / low))").replace(
            "    settings", "    import math\n    settings", 1
        ),
        "tensors asked": "def my_random_search(score, draws, low, high):\n"
        "    settings = low * (high / low) ** draws\n"
        "    scores = torch.stack([torch.as_tensor(score(*pair)) for pair in settings])\n"
        "    return settings[scores.argmax()]",
    },
    "my_how_known": {
        "by sums": known("known.append(2 if head not in trained_heads else int(number not in trained_numbers))"),
        "a loop over places": "def my_how_known(heads, numbers, trained_heads, trained_numbers):\n"
        "    known = torch.full((len(heads),), 2)\n"
        "    for i in range(len(heads)):\n"
        "        if heads[i] in trained_heads:\n"
        "            known[i] = 0 if numbers[i] in trained_numbers else 1\n"
        "    return known",
    },
}

SAID = {  # exercise and mistake -> part of the sentence that must be said
    ("my_subject_folds", "slices dealt"): "deal subjects",
    ("my_subject_folds", "from 1"): "numbered 0 to",
    ("my_subject_folds", "modulo of the number"): "Two seeds gave the same split",
    ("my_subject_folds", "not shuffled"): "Two seeds gave the same split",
    ("my_subject_folds", "the global generator"): "give the generator the seed",
    ("my_subject_means", "equal numbers"): "different numbers",
    ("my_subject_means", "equal pieces"): "whose each one is",
    ("my_subject_means", "median"): "medians",
    ("my_random_search", "linear"): "axes are linear",
    ("my_random_search", "lowest"): "higher is better",
    ("my_random_search", "the draws"): "These are the draws",
    ("my_random_search", "all pairs"): "one trial a row",
    ("my_random_search", "never asks"): "never asks",
    ("my_how_known", "number first"): "new slice",
    ("my_how_known", "slices only"): "known in part",
}


@pytest.mark.parametrize(("exercise", "mistake"), SAID, ids=[f"{name}, {why}" for name, why in SAID])
def test_the_mistake_is_named(request, exercise, mistake):
    error = verdict(request.module, exercise, WRONG[exercise][mistake])
    assert SAID[exercise, mistake] in str(error)
