r"""Symbols of the formulas: declared in `notebooks/symbols/NN_topic.yml`, compared with the text, listed on a page.

A file maps a symbol, as the LaTeX has it, to its one meaning in that lesson: ``S_c: sensitivity map of coil c``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import yaml

from mricourse.classroom.links import Target, course_order

HEAD = """\
# Symbols

What the letters of the formulas mean, lesson by lesson. Within a lesson a letter has one meaning; shapes are written as
the code has them.
"""
STYLES = "mathcal mathbb mathbf mathfrak boldsymbol bm vec".split()  # another letter than the plain one
ACCENTS = "hat tilde bar overline widehat widetilde dot underline".split()  # the same letter
ROMAN = r"\\(?:text|textrm|textbf|textit|mathrm|mathsf|mathtt|operatorname\*?|label|tag|color|begin|end)"
GREEK = [unicodedata.name(chr(code)).split()[-1].lower() for code in range(0x3B1, 0x3CA) if code != 0x3C2]
GREEK = {name.replace("lamda", "lambda") for name in GREEK}
LETTERS = GREEK | {f"var{name}" for name in GREEK} | {name.capitalize() for name in GREEK} | {"ell", "hbar"}
NUMBERS = {r"\pi", "e"}  # nobody declares them; e only as the base of a power
IMAGINARY = r"(?<![A-Za-z\\])i(?![A-Za-z])"  # in a power of e
MARKS = {r"\Delta", r"\delta"}  # `\Delta k` is one symbol, and so is what is declared in this way
SETS = {rf"\mathbb{{{letter}}}" for letter in "RCNZE"}


class _Strict(yaml.BaseLoader):
    """Texts only, and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, str]:
        keys = [self.construct_scalar(key) for key, _ in node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"declares {', '.join(twice)} twice; expected one meaning a lesson")
        return super().construct_mapping(node, deep)


def symbols_of(lesson: str, folder: Path) -> dict[str, str] | None:
    """What a lesson declares, {symbol: meaning}, or None where it has no file.

    Parameters
    ----------
    lesson : str
        Its full name, ``"03_sense"``.
    folder : Path
        The notebooks folder.

    Raises
    ------
    ValueError
        A symbol that stands there twice, one without a meaning, or no mapping.
    """
    path = folder / "symbols" / f"{lesson}.yml"
    if not path.is_file():
        return None
    try:
        rows = yaml.load(path.read_text(encoding="utf-8"), _Strict)
    except ValueError as error:
        raise ValueError(f"{path.name} {error}.") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name} cannot be read ({' '.join(str(error).split())}); expected YAML.") from None
    if not isinstance(rows, dict) or not all(isinstance(text, str) and text.strip() for text in rows.values()):
        raise ValueError(
            f"{path.name} is no mapping of symbols to meanings; expected lines such as `x: image, (y, x)`."
        )
    declared: dict[str, str] = {}
    for keys, meaning in rows.items():
        for key in re.split(r",\s+", keys):
            if key in declared:
                raise ValueError(f"{path.name} declares {key} twice; expected one meaning a lesson.")
            declared[key] = meaning
    return declared


def problems(lesson: str, declared: dict[str, str], formulas: list[str]) -> list[str]:
    """Sentences about symbols that no formula uses, and letters of formulas that are not declared.

    Parameters
    ----------
    lesson : str
        Its full name, for the sentences.
    declared : dict {symbol: meaning}
    formulas : list of str
        The LaTeX of the lesson's text, without dollar signs.
    """
    file = f"notebooks/symbols/{lesson}.yml"
    spelt = [_spelt(formula) for formula in formulas]
    found = [
        f"{lesson} declares {key} in {file}, but no formula uses it: take it out, or write it as the formula does."
        for key in declared
        if not any(_occurs(_spelt(key), formula) for formula in spelt)
    ]
    known = {letter for key in declared for letter in [*letters(key), *letters(key, indices=True)]}
    missing: dict[str, str] = {}
    for formula in formulas:
        for letter in letters(formula):
            if letter not in known:
                missing.setdefault(letter, " ".join(formula.split()))
    return found + [
        f"{lesson} uses {letter} in ${formula}$, and {file} does not declare it: add `{letter}: what it means`."
        for letter, formula in missing.items()
    ]


def letters(latex: str, *, indices: bool = False) -> list[str]:
    r"""Base letters of a formula, each once: ``x``, ``\lambda``, ``\mathcal{F}``; with `indices` those of subscripts.

    Left out are operators, functions, words, numbers, sub- and superscripts (but those of a power of e or of a number)
    and the d of a differential.
    """
    text = _without_words(latex)
    if indices:
        inside = re.findall(r"_\s*(\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z0-9])", text)
        return list(dict.fromkeys(letter for part in inside for letter in letters(part)))
    text = _without_scripts(text)
    return list(dict.fromkeys(_letters(text)))


def symbols_page(folder: Path) -> str:
    """The table of symbols as Markdown: every lesson that declares some, in the order of the course."""
    parts = [HEAD]
    for lesson, target in course_order(folder).items():
        if declared := symbols_of(lesson, folder):
            rows = [f"| ${_cell(key)}$ | {_cell(readable(meaning))} |" for key, meaning in declared.items()]
            parts.append("\n".join([f"## {target}\n", "| symbol | meaning |", "|---|---|", *rows]) + "\n")
    if len(parts) == 1:
        parts.append("*No lesson declares symbols yet.*\n")
    return "\n".join(parts)


def readable(text: str) -> str:
    r"""Plain text with Greek letters for their LaTeX names: ``\lambda`` becomes λ."""

    def greek(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.lower() not in GREEK:
            return match.group(0)
        word = name.upper().replace("LAMBDA", "LAMDA")
        return unicodedata.lookup(f"GREEK {'CAPITAL' if name[0].isupper() else 'SMALL'} LETTER {word}")

    return re.sub(r"\\([A-Za-z]+)", greek, text)


def declaring_lessons(folder: Path) -> dict[str, Target]:
    """Written lessons that declare symbols: their bold words are meant for the glossary too."""
    return {
        lesson: target
        for lesson, target in course_order(folder).items()
        if target.notebook and (folder / "symbols" / f"{lesson}.yml").is_file()
    }


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _spelt(latex: str) -> str:
    """One spelling of a formula: no spaces but those after commands, no braces around one sign, no accents' braces."""
    text = re.sub(r"\\[,;:! ]|\\q?quad\b|\s+", " ", latex)
    text = re.sub(r"\{\s*(\\[A-Za-z]+|[^{}\\\s])\s*\}", r" \1 ", text)
    text = re.sub(r"\\(?:mathrm|mathsf|textrm)\b", r"\\text", text)
    text = re.sub(r"\{\s*(\\text\s*\{[^{}]*\})\s*\}", r" \1 ", text)
    text = re.sub(r"\s*([^A-Za-z\\\s])\s*", r"\1", text)
    return " ".join(re.sub(r"(\\[A-Za-z]+)\s*", r"\1 ", text).split())


def _occurs(key: str, formula: str) -> bool:
    """Whether a symbol stands in a formula, not inside a command or a longer word."""
    start = r"(?<![A-Za-z\\])" if key[0].isalpha() else ""
    end = r"(?![A-Za-z])" if re.search(r"\\[A-Za-z]+$", key) else ""  # \al is not \alpha
    return re.search(start + re.escape(key).replace(r"\ ", r"\s*") + end, formula) is not None


def _without_words(latex: str) -> str:
    text = re.sub(ROMAN + r"\s*(\{(?:[^{}]|\{[^{}]*\})*\}|[A-Za-z])", "{}", latex)  # also where a subscript is
    text = re.sub(rf"\\(?:{'|'.join(ACCENTS)})(?![A-Za-z])", " ", text)
    return re.sub(rf"\\({'|'.join(STYLES)})\s*(?:\{{\s*(\\?[A-Za-z]+)\s*\}}|(\\[A-Za-z]+|[A-Za-z]))", _styled, text)


def _styled(match: re.Match[str]) -> str:
    """``\\mathbf{x}`` in one spelling, as a name that holds no letter of its own."""
    return rf"\{match.group(1)}<{match.group(2) or match.group(3)}>"


def _without_scripts(text: str) -> str:
    """A formula without what is raised or lowered; powers of e and of numbers stay, which are part of the formula."""
    kept, place = [], 0
    while place < len(text):
        sign = text[place]
        if sign in "_^" and (not place or text[place - 1] != "\\"):
            end = _group_end(text, place + 1)
            base = re.search(r"(\\?[A-Za-z]+|\d)\s*$", "".join(kept))
            if sign == "^" and base and (base.group(1) == "e" or base.group(1).isdigit()):
                power = _without_scripts(text[place + 1 : end])
                kept.append(f" {re.sub(IMAGINARY, ' ', power)} ")
            else:
                kept.append(" ")
            place = end
        else:
            kept.append(sign)
            place += 1
    return re.sub(r"(?<![A-Za-z\\])e(?= )", " ", "".join(kept))  # the number e: a base that has lost its power


def _group_end(text: str, start: int) -> int:
    """Where the braces, the command or the one sign end that begin at a place."""
    while start < len(text) and text[start].isspace():
        start += 1
    if start >= len(text):
        return start
    if match := re.compile(r"\\[a-zA-Z]+<[^>]*>|\\[A-Za-z]+|\\.").match(text, start):
        return match.end()
    if text[start] != "{":
        return start + 1
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text)


def _letters(text: str) -> Iterator[str]:
    has_differential = r"\int" in text or re.search(r"frac\s*\{\s*d", text) is not None
    for match in re.finditer(r"\\([A-Za-z]+)<(\\?[A-Za-z]+)>|\\([A-Za-z]+)|([A-Za-z])", text):
        style, styled, command, letter = match.groups()
        if style:
            token = rf"\{style}{{{styled}}}"
            if token not in SETS:
                yield token
        elif command:
            token = f"\\{command}"
            if command in LETTERS and token not in NUMBERS | MARKS:
                yield token
        elif not (letter == "d" and has_differential and re.match(r"d\s*(?:\\?[A-Za-z]|\})", text[match.start() :])):
            yield letter
