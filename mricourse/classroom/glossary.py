"""The glossary: every bold term of the lessons' text with the sentence that defines it, made from the text itself.

A lesson takes part once it declares its symbols. Its first use of a term is bold, in a sentence that stands alone; bold
words that end in ``. : ? !`` begin a paragraph and are no terms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mricourse.classroom.links import Target
from mricourse.classroom.notebooks import read_source, tags
from mricourse.classroom.symbols import declaring_lessons

HEAD = """\
# Glossary

Terms of the course, each with the sentence that defines it and the lesson that the sentence stands in.
"""
NO_TERMS = {"you will be able to", "check yourself", "predict", "go further", "your answer"}
BOLD = re.compile(r"\*\*(?!\s)([^*]+?)(?<!\s)\*\*")
ENDS = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!et al\.)(?<!Fig\.)(?<!Eq\.)(?<!vs\.)[)*\"”]*\s+(?=[^a-z\s])")
DISPLAY = re.compile(r"\s*\$\$\s*(.+?)\s*\$\$\s*", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """A term, its definition in Markdown, the lesson of it, and lessons that define it again."""

    term: str
    definition: str
    lesson: str
    again: tuple[str, ...] = ()


def glossary(folder: Path) -> list[Entry]:
    """Every term of the lessons below a notebooks folder, in alphabetical order."""
    found: dict[str, Entry] = {}
    for lesson in declaring_lessons(folder):
        for term, definition in terms(folder / "source" / f"{lesson}.py"):
            key = _key(term)
            if key not in found:
                found[key] = Entry(term, definition, lesson)
            elif found[key].lesson != lesson and lesson not in found[key].again:
                first = found[key]
                found[key] = Entry(first.term, first.definition, first.lesson, (*first.again, lesson))
    return sorted(found.values(), key=lambda entry: _plain(entry.term))


def terms(source: Path) -> list[tuple[str, str]]:
    """Bold terms of a lesson with their sentences, in the order of the text."""
    found = []
    for cell in read_source(source).cells:
        if cell.cell_type == "markdown" and "solution" not in tags(cell):
            for sentence in _sentences(cell.source):
                named = [term for term in BOLD.findall(sentence) if _is_term(term)]
                found += [(" ".join(term.split()), sentence) for term in named]
    return found


def glossary_page(folder: Path) -> str:
    """The glossary as Markdown."""
    titles = declaring_lessons(folder)
    parts, letter = [HEAD], ""
    for entry in glossary(folder):
        first = _plain(entry.term)[:1].upper()
        if first != letter:
            parts.append(f"\n## {first}\n")
            letter = first
        parts.append(f"- {_line(entry, titles)}")
    return "\n".join(parts if letter else [*parts, "*No lesson defines a term yet.*"]) + "\n"


def _line(entry: Entry, titles: dict[str, Target]) -> str:
    again = f"; again in {', '.join(str(titles[lesson]) for lesson in entry.again)}" if entry.again else ""
    return f"**{entry.term}**: {entry.definition.replace('**', '')} ({titles[entry.lesson]}{again})"


def _plain(term: str) -> str:
    """What a term is sorted by: its letters."""
    return re.sub(r"[^\w\s]", "", term).casefold()


def _key(term: str) -> str:
    """Two spellings of one term: capitals, plural and hyphens do not count."""
    return re.sub(r"s\b", "", term.casefold().replace("-", " "))


def _is_term(words: str) -> bool:
    return not words.rstrip().endswith((".", ":", "?", "!", ";")) and words.casefold() not in NO_TERMS


def _in_line(equation: re.Match[str]) -> str:
    """A displayed equation within its sentence, which it may end."""
    body = " ".join(equation.group(1).split())
    end = re.search(r"(?:\\[,;:!]|\s)*([.,;:]?)$", body)
    return f" ${body[: end.start()]}${end.group(1)} "


def _sentences(text: str) -> list[str]:
    """Sentences of running text and list items; headings, tables, code and folded summaries have none."""
    text = re.sub(r"^(```|~~~).*?^\1[^\n]*$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = DISPLAY.sub(_in_line, text)
    text = re.sub(r"<summary>.*?</summary>|</?\w+[^>]*>", "", text, flags=re.DOTALL)
    text = re.sub(r"^\s*(?:[-*+]|\d+\.)\s+", "\n\n", text, flags=re.MULTILINE)
    blocks = [block for block in re.split(r"\n\s*\n", text) if not re.match(r"\s*(?:#|\||!\[)", block)]
    return [sentence.strip() for block in blocks for sentence in ENDS.split(" ".join(block.split()))]
