"""What each entry of a checkpoint's card may be, at every depth: a card may come from anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

METRICS = ("psnr", "ssim", "nmse", "psnr_zero_filled", "n_slices")
RANGES = ("acceleration", "n_coils", "matrix", "acs", "noise_std")
TABLES = ("network", "data", "training")  # of a recipe
LARGEST = 2**63  # no number of a card is beyond
MOST_SLICES = 10_000  # that metrics are measured on, and can be measured on again


def problem(card: Mapping[str, Any]) -> str:
    """Say which entry of a card is of another kind than it must be; empty where none is."""
    for name, (fits, expected) in FORMS.items():
        if not fits(card[name]):
            return f"its {name} is {shortened(card[name])}, not {expected}"
    if card["best_step"] > card["n_steps"]:
        return f"its best_step is {card['best_step']}, beyond its {card['n_steps']} steps"
    return ""


def shortened(value: Any) -> str:
    """Write a value for a sentence, which no value can fill."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_text(value: Any) -> bool:
    return type(value) is str and value != ""


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -LARGEST < value < LARGEST  # neither holds for nan


def _is_sha256(value: Any) -> bool:
    return type(value) is str and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_table(value: Any, fits: Callable[[Any], bool], required: Sequence[str] = ()) -> bool:
    """Whether a value is a table with the required names, all of whose entries fit."""
    return type(value) is dict and set(required) <= set(value) and all(map(fits, value.values()))


def _is_range(value: Any) -> bool:
    return type(value) is list and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]


def _is_curve(value: Any) -> bool:
    return type(value) is list and all(_is_table(row, _is_number, ("step", "loss")) for row in value)


def _are_metrics(value: Any) -> bool:
    if not _is_table(value, _is_number, METRICS):
        return False
    return type(value["n_slices"]) is int and 0 < value["n_slices"] <= MOST_SLICES


def _is_option(value: Any) -> bool:
    """Whether TOML can hold a value as an option: text, true or false, a number, or a list or table of these."""
    if type(value) is list:
        return all(map(_is_option, value))
    if type(value) is dict:
        return _is_table(value, _is_option)
    return value is None or type(value) in (str, bool) or _is_number(value)


def _is_recipe(value: Any) -> bool:
    return (
        _is_table(value, _is_option, ("title", "seed", "network", "training"))
        and _is_text(value["title"])
        and _is_count(value["seed"])
        and _is_text(value.get("start", "none"))
        and all(type(value.get(name, {})) is dict for name in TABLES)
    )


def _are_defaults(value: Any) -> bool:
    return _is_table(value, lambda table: _is_table(table, _is_option), TABLES)


FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {  # entry -> whether a value fits, and what is expected
    **dict.fromkeys(("name", "commit", "device", "torch"), (_is_text, "text")),
    **dict.fromkeys(("n_parameters", "n_threads", "seconds", "n_steps", "best_step"), (_is_count, "a whole number")),
    "recipe": (_is_recipe, "a title, a seed and tables of options"),
    "defaults": (_are_defaults, "tables of options"),
    "start_sha256": (lambda value: value is None or _is_sha256(value), "64 hexadecimal digits or null"),
    "data_sha256": (lambda value: _is_table(value, _is_sha256), "a table of 64 hexadecimal digits"),
    "curve": (_is_curve, "a list of tables of numbers with step and loss"),
    "trained_for": (
        lambda value: _is_table(value, _is_range, RANGES),
        f"two numbers each for {', '.join(RANGES)}, the lower first",
    ),
    "metrics": (_are_metrics, f"a number each for {', '.join(METRICS)}"),
    "weights_sha256": (_is_sha256, "64 hexadecimal digits"),
}
