"""What `mricourse train` and `--adapt` show: a bar where there is a terminal; a training its validations anywhere."""

from __future__ import annotations

from types import TracebackType

from tqdm import tqdm

from mricourse.training.adaptation import AdaptationSettings
from mricourse.training.state import History


class TrainingProgress:
    """Show a training, as the `progress` of `mricourse.training.loop.train`; a context, at whose end the bar goes.

    Parameters
    ----------
    n_steps : int
        Of the recipe.
    silent : bool
        Show nothing, as in the processes beside the first under ``torchrun``.
    """

    def __init__(self, n_steps: int, *, silent: bool = False) -> None:
        self.n_steps, self.silent = n_steps, silent
        self.bar = tqdm(total=n_steps, desc="simulating", disable=True if silent else None, leave=False)
        self.began = False

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.close()

    def say(self, words: str) -> None:
        """Print a line above the bar, at once also into a file."""
        if not self.silent:
            with self.bar.external_write_mode():
                print(words, flush=True)

    def __call__(self, history: History, loss: float) -> None:
        """Move on by one step."""
        if not self.began and history.step > 1:
            self.say(f"going on from step {history.step - 1}")
            self.bar.initial = self.bar.n = history.step - 1  # the speed shown is that of this sitting
            self.bar.unpause()
        self.began = True
        done = history.step == self.n_steps or history.stopped_early
        self.bar.set_description("judging on the unseen head" if done else f"loss {loss:6.2f} dB", refresh=done)
        self.bar.update(history.step - self.bar.n)
        row = history.rows[-1] if history.rows else {}
        if row.get("step") == history.step:
            names = {"validation": "validation", "held_out": "held-out samples"}
            score = "".join(f", {words} {row[name]:.2f} dB" for name, words in names.items() if name in row)
            unit = " dB" if "held_out" not in row else ""  # of a log_nmse
            self.say(f"step {history.step}: loss {row['loss']:.{2 if unit else 4}f}{unit}{score}")


class AdaptationProgress:
    """Show an adaptation on a bar that goes on with something else behind it: `mricourse.training.adaptation.adapt`.

    Parameters
    ----------
    settings : AdaptationSettings
        Of the adaptation; where its time is limited, the bar shows how long there may still be by its steps.
    bar : tqdm
    """

    def __init__(self, settings: AdaptationSettings, bar: tqdm) -> None:
        self.n_steps, self.bar = settings.n_steps, bar

    def __call__(self, step: int, gain_db: float) -> None:
        """Move on by one step; the last one or the next use of the bar ends it."""
        self.bar.total = self.n_steps
        self.bar.set_description(f"adapting, held-out samples {gain_db:+.2f} dB", refresh=False)
        self.bar.update(step - self.bar.n)
