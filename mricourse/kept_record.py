"""A file of a workspace that several programs may change: progress, grades. It is whole at every moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mricourse.files import exclusive, write_whole

PATIENCE = 5  # seconds; longest wait for another notebook that writes at the same moment


class KeptRecord:
    """One JSON file, read and checked at each look, and changed whole or not at all.

    Parameters
    ----------
    path : path
        A hidden lock file lies beside it while it is written.
    what : str
        What it holds, for sentences: ``progress``.
    empty : callable
        Gives the content of a file that is not there yet.
    opened : callable
        Takes what a file holds and gives the content, or raises any of ValueError, KeyError, TypeError, AttributeError
        where this course did not write it.
    """

    def __init__(self, path: Path, *, what: str, empty: Callable[[], dict], opened: Callable[[dict], dict]) -> None:
        self.path = path
        self._what = what
        self._empty = empty
        self._opened = opened

    def read(self) -> dict:
        """Give the content.

        Raises
        ------
        ValueError
            The file is there and holds something else; it is never written over then.
        """
        try:
            return self._opened(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return self._empty()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"{self.path} cannot be read as {self._what} ({type(error).__name__}); expected what this course "
                "wrote: rename it, and a new one is begun."
            ) from None

    def change(self, change: Callable[[dict], object]) -> None:
        """Let a function change the content, and keep it.

        Raises
        ------
        ValueError
            As `read` does, and what the function raises; the file stays as it was.
        BlockingIOError, OSError
            The file is busy for longer than 5 seconds, or the disk does not take it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        refusal = f"another program has been writing {self.path} for {PATIENCE} s: try again."
        with exclusive(self.path.with_name(f".{self.path.stem}.lock"), refusal, patience=PATIENCE):
            content = self.read()
            change(content)
            write_whole(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
