"""What a command says on stderr, and how it says a failure."""

from __future__ import annotations

import os
import sys
import traceback


def say(sentence: str) -> None:
    print(f"mricourse: {sentence}", file=sys.stderr)


def refuse(sentence: str, code: int) -> int:
    """Say a failure on stderr; with MRICOURSE_DEBUG=1 its traceback, where there is one, comes first."""
    if os.environ.get("MRICOURSE_DEBUG") and sys.exc_info()[0]:
        traceback.print_exc()
    say(sentence)
    return code


def sentence_of(error: BaseException) -> str:
    """The error's own words on one line; an operating system's error gets its file name first, where it has one."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}." if error.filename else f"{error.strerror.rstrip('.')}."
    text = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
    return text or type(error).__name__
