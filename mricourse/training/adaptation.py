r"""Adapt a trained network to the scan at hand, which has no reference: zero-shot self-supervised fine-tuning.

The measured samples $\Omega$ are split [Yaman, Hosseini, Akçakaya, ICLR 2022, arXiv:2102.07737]: in each step the
network reconstructs from some and learns to predict the others, $\Lambda$, which are drawn anew; $\Gamma$ is never
learned from, and says when to stop. The authors begin with a network without training or with one of other scans; here
it is always one of other scans. Two things differ:

- $\Lambda$ is a tenth of the samples outside the centre, not 40 % of all, and all others are given, those of $\Gamma$
  too. With 30 % hidden, and $\Gamma$, a network learns to reconstruct scans that are sampled less than the one at
  hand, and gets better at those, while on this one it may get worse.
- A few lines judge badly. So several copies learn, each with a $\Gamma$ of its own, so that every sample outside the
  centre is held out by one of them, as in a cross-validation. The result has the mean of their weights, and guards
  decide when to end and what to keep, see `mricourse.training.adaptation_guards`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mricourse.networks.apply import repeatable
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sample_splits import drawn_parts
from mricourse.physics.scan import Scan
from mricourse.training.adaptation_guards import GUARDS, Candidate, Judge
from mricourse.training.held_out import FEWEST, HeldOutScan, missed_energy
from mricourse.training.recipes import NETWORKS

MOST_SLICES = 8  # of a volume that are learned from: more take longer and teach little that is new
CLIP = 1.0  # largest norm of the gradient of a step, in dB


@dataclass(frozen=True)
class AdaptationSettings:
    """How to adapt.

    Parameters
    ----------
    n_steps : int
        Steps of each split.
    learning_rate : float
        Of Adam, below 1; it falls along a half cosine to 0.
    n_splits : int
        Copies of the network, 2 to 8; each holds out one of as many parts of the samples outside the centre.
    share : float
        Of the samples outside the centre: what is hidden in a step, and predicted; at most a half.
    strip : int
        Pixels along the readout that a step sees, where lines are sampled.
    check_every : int
        Steps between two looks at the guards.
    seconds : float, optional
        Wall time after which to end; the rate falls to 0 by then. Results then depend on the machine.
    seed : int
        Of the splits.

    Raises
    ------
    ValueError
        A number out of range.
    """

    n_steps: int = 40
    learning_rate: float = 3e-4
    n_splits: int = 5
    share: float = 0.1
    strip: int = 64
    check_every: int = 20
    seconds: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {"n_steps": 1, "strip": 16, "check_every": 1, "seed": 0}.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"{name} is {value!r}; expected a whole number of {least} or more.")
        if type(self.n_splits) is not int or not 2 <= self.n_splits <= FEWEST:
            raise ValueError(f"n_splits is {self.n_splits!r}; expected a whole number of 2 to {FEWEST}.")
        for name, most in {"learning_rate": 1, "share": 0.5}.items():
            if not 0 < getattr(self, name) < most:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected a number between 0 and {most}.")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise ValueError(f"the time to adapt is {self.seconds!r} s; expected a number above 0, such as 60.")


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What `adapt` did; ``str`` makes it a phrase.

    Parameters
    ----------
    network : nn.Module
        With the adapted weights, in evaluation mode; where a guard objected, with those that it came with.
    n_steps : int
        After which its weights were taken, of each split; 0 where it is as it came.
    gain_db : float
        By how much it predicts held-out samples better than before, on average over the splits.
    guard : str
        The key of `GUARDS` that ended it, or an empty text.
    seconds : float
        Wall time.
    """

    network: nn.Module
    n_steps: int
    gain_db: float
    guard: str
    seconds: float

    def __str__(self) -> str:
        if self.guard:
            return f"not adapted: {GUARDS[self.guard]}"
        return f"adapted by {self.n_steps} steps, held-out samples {self.gain_db:+.2f} dB"


def adapt(
    network: nn.Module,
    scans: Sequence[Scan],
    settings: AdaptationSettings | None = None,
    *,
    progress: Callable[[int, float], None] | None = None,
) -> Adaptation:
    r"""Adapt the weights of a trained network to undersampled scans, by these scans alone.

    Each split has its part $\Gamma$ of the samples outside the fully sampled centre, which it does not learn from. In a
    step it hides $\Lambda$, some of the others, reconstructs a strip from all but them, and takes a step of Adam on

    $$ 10 \log_{10} \frac{\lVert M_\Lambda (F S x - y)\rVert^2}{\lVert M_\Lambda\, y\rVert^2} , $$

    with all weights of the network. The same scans give the same weights, bit by bit, on one machine, unless the time
    is limited.

    Parameters
    ----------
    network : nn.Module
        That is `adaptable` (`mricourse.networks.reconstructor`), on the device of the scans; it stays as it is.
    scans : sequence of Scan
        Slices of one volume, with maps, which share the adapted weights; of more than `MOST_SLICES` so many, spread
        evenly. A reference is not looked at.
    settings : AdaptationSettings, optional
    progress : callable, optional
        ``progress(step, gain_db)`` after each step of all splits, with the gain on held-out samples at the last check.

    Returns
    -------
    Adaptation

    Raises
    ------
    ValueError
        No scan, a network that cannot be adapted, a scan without maps or with fewer than eight samples (lines) outside
        its centre, as a complete one.
    """
    start, settings = time.perf_counter(), settings or AdaptationSettings()
    check_adaptable(network)
    held_out = [HeldOutScan(scan, strip=settings.strip) for scan in spread(scans)]
    with repeatable():
        splits = [_Split(network, held_out, settings, number) for number in range(settings.n_splits)]
        judge = Judge(network, held_out, [split.candidate for split in splits])
        clock = _Clock(start, settings, check_seconds=judge.seconds)
        guard = _learn(splits, judge, settings, clock, progress)
    if guard:
        judge.take_back()
    return Adaptation(judge.best, judge.best_step, judge.best_gain, guard, time.perf_counter() - start)


def hidden_loss(network: nn.Module, A: SenseOperator, kspace: Tensor, hidden: Tensor) -> Tensor:
    r"""Give the error of hidden samples in dB, predicted by the image of all others: what an adaptation makes small.

    $10 \log_{10} (\lVert M_\Lambda (F S x - y)\rVert^2 / \lVert M_\Lambda\, y\rVert^2)$, where the network makes $x$
    from the measured samples that are not in $\Lambda$.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)`` returns an image (..., y, x).
    A : SenseOperator
        With the mask of all measured samples.
    kspace : complex Tensor, shape (..., coils, ky, kx)
    hidden : bool Tensor, broadcastable to the mask
        $\Lambda$, some of the measured samples.
    """
    image = network(SenseOperator(A.smaps, A.mask & ~hidden), kspace * ~hidden)
    missed, measured = missed_energy(image.unsqueeze(-3), A.smaps, kspace, hidden)
    return 10 * torch.log10(missed.clamp_min(1e-20) / measured.clamp_min(1e-20))


def check_adaptable(network: nn.Module, name: str = "the network") -> None:
    """Refuse a network that does not return to the data in every iteration: nothing holds what it would learn."""
    if not getattr(network, "adaptable", False):
        kinds = ", ".join(kind.__name__ for kind in NETWORKS.values() if kind.adaptable)
        raise ValueError(
            f"{name} is of the kind {type(network).__name__}, which cannot be adapted to a scan; expected one of "
            f"{kinds}: take a checkpoint such as modl."
        )


def spread(scans: Sequence) -> list:
    """Choose at most `MOST_SLICES` of a volume, evenly."""
    if not len(scans):
        raise ValueError("got no scan to adapt to; expected one or more.")
    n = min(len(scans), MOST_SLICES)
    return [scans[(2 * number + 1) * len(scans) // (2 * n)] for number in range(n)]


class _Split:
    """A copy of the network that learns from all samples but those that it holds out, which judge it."""

    def __init__(self, network: nn.Module, scans: list[HeldOutScan], settings: AdaptationSettings, number: int) -> None:
        self.scans, self.settings = scans, settings
        held = [scan.groups(settings.n_splits, 10007 * settings.seed + i)[number] for i, scan in enumerate(scans)]
        self.candidate = Candidate(copy.deepcopy(network).eval().requires_grad_(True), held)
        self.free = [scan.outer & ~torch.stack(each).any(0) for scan, each in zip(scans, held, strict=True)]
        self.generator = torch.Generator().manual_seed(10007 * (10007 * settings.seed + number + 1))
        self.optimiser = torch.optim.Adam(self.candidate.network.parameters(), lr=settings.learning_rate)

    def step(self, factor: float) -> bool:
        """Learn from one strip, at a factor on the learning rate; say whether all numbers were finite."""
        self.optimiser.param_groups[0]["lr"] = factor * self.settings.learning_rate
        self.optimiser.zero_grad()
        index = int(torch.randint(len(self.scans), (), generator=self.generator))
        loss = self._loss(self.scans[index], self.free[index])
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.candidate.network.parameters(), CLIP)
        finite = math.isfinite(float(norm)) and math.isfinite(float(loss.detach()))
        if finite:
            self.optimiser.step()
        return finite

    def _loss(self, scan: HeldOutScan, free: Tensor) -> Tensor:
        """Error of the hidden samples of a strip, in dB."""
        size = max(1, round(self.settings.share * int(scan.outer.sum())))
        [hidden] = drawn_parts(free, [size], self.generator)
        A, kspace, _ = scan.cut(self.generator)
        return hidden_loss(self.candidate.network, SenseOperator(A.smaps, scan.pattern), kspace, hidden)


class _Clock:
    """How much of the steps or of the time is over."""

    def __init__(self, start: float, settings: AdaptationSettings, *, check_seconds: float) -> None:
        self.start, self.n_steps = start, settings.n_steps
        self.seconds = math.inf if settings.seconds is None else settings.seconds - check_seconds

    def share(self, step: int) -> float:
        """Give a number from 0 to 1, from which on nothing more should be learned."""
        elapsed = time.perf_counter() - self.start
        if elapsed >= self.seconds:
            return 1.0
        return max(step / self.n_steps, elapsed / self.seconds)


def _learn(
    splits: list[_Split],
    judge: Judge,
    settings: AdaptationSettings,
    clock: _Clock,
    progress: Callable[[int, float], None] | None,
) -> str:
    """Let all splits learn until the end or until a guard objects, which is named."""
    step, share = 0, clock.share(0)
    while share < 1:
        factor = 0.5 * (1 + math.cos(math.pi * share))
        finite = [split.step(factor) for split in splits]
        step, share = step + 1, clock.share(step + 1)
        guard = "" if all(finite) else "not finite"
        if not guard and (step % settings.check_every == 0 or share >= 1):
            guard = judge.look(step)
        if progress is not None:
            progress(step, judge.gain)
        if guard:
            return guard
    if not step:
        return "no time"
    return "" if judge.best_step else "held-out"
