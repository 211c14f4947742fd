"""The `mricourse` command: it parses, calls and turns every expected failure into one sentence.

Nothing heavy is imported before the command that needs it.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from mricourse.commands import evaluate, lessons, reconstruct, train
from mricourse.commands.data import data
from mricourse.commands.messages import refuse, sentence_of

EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)  # what the library raises, in a sentence
app = typer.Typer(
    name="mricourse",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Deep-learning MRI reconstruction: thirty lessons and the library behind them.",
)
app.add_typer(data, name="data")
for part in (lessons, reconstruct, train, evaluate):
    app.add_typer(part.app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends the process with 0, 1 (something failed), 2 (bad input) or 130 (interrupted)."""
    _escape_unprintable()
    try:
        code = app(args=arguments, prog_name="mricourse", standalone_mode=False)
        code = refuse("Interrupted.", code) if code == 130 else code
    except typer.Abort:
        code = refuse("Interrupted.", 130)
    except typer.TyperException as error:  # wrong usage: an unknown command, a missing or misspelt option
        text = error.format_message()
        if "\n" in text:  # the help that a command without arguments shows
            print(text)
            raise SystemExit(0) from None
        code = refuse(f"{text.rstrip('.')}; see `mricourse --help`.", 2)
    except EXPECTED as error:
        code = refuse(sentence_of(error), 2)
    except Exception as error:
        code = refuse(f"Something unforeseen happened ({sentence_of(error)}); MRICOURSE_DEBUG=1 shows where.", 1)
    raise SystemExit(code)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False) -> None:
    if version:
        from mricourse import __version__

        print(f"mricourse {__version__}")
        raise typer.Exit


def _escape_unprintable() -> None:
    """Let no character that the terminal's encoding lacks decide whether a command succeeds."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
