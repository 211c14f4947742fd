r"""What keeps an adaptation from doing harm, without a reference: held-out samples, and images beside each other.

A network can predict held-out samples better and better while the image of all samples gets worse. So several things
are looked at, each of which a right adaptation keeps. Let $x_0$ be the unadapted image, $x$ the one with the mean
weights of all splits, $x_s$ that of a split, all of all samples, and $x^*$ the truth.

- *held-out*: each line outside the centre is hidden alone, and predicted by the split that never learned from it:
  better than before, on average over the lines by more than chance.
- *disagree*: what the splits changed alike is more than what is chance in their mean, by how much they differ. Each
  learned from other samples.
- *too far*: the error has two parts. In the measured samples it is known, in the missing ones it follows from those
  held out (`mricourse.training.held_out`); so it is known before, $e_0$, and after, $e$. The point closest to $x^*$ on
  any line through $x_0$ has $\lVert x - x_0\rVert^2 = e_0 - e$, and one twice as far wins nothing: what moved much
  more is not warranted.
- *twin*: a scan of which the image is known, with the lines, maps and noise level of the one at hand, is reconstructed
  better than before. Its image is $(x_0 + x) / 2$, which favours neither network. Held-out lines are missing lines with
  more missing around them; the twin misses just those that the scan misses.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import torch
from torch import Tensor, nn

from mricourse.training.held_out import FEWEST, MOST_GROUPS, HeldOutScan, energy, missed_energy

CERTAIN = 1.0  # standard errors by which held-out samples have to be predicted better
MOST_MOVED = 1.0  # of the error's energy before
OVERSHOOT = 3  # times what is won
TINY = 1e-30
SLACK = 0.02  # of the error's energy before: what a few samples cannot tell from nothing
GUARDS = {
    "held-out": "the held-out samples were not predicted better",
    "disagree": "the splits did not agree on what to change",
    "too far": "the image moved farther than the held-out samples warrant",
    "twin": "a simulated twin of the scan was not reconstructed better",
    "not finite": "a number was not finite",
    "no time": "the time was over before the first step",
}


@dataclass(frozen=True)
class Look:
    """What the guards know of a state; all energies are those of images, in one unit.

    Parameters
    ----------
    gain_db, doubt_db : float
        By how much a line outside the centre is predicted better when it is held out, on average, and the standard
        error of that.
    error : float
        Of the unadapted image, as measured and held-out samples tell.
    won : float
        By how much it has fallen.
    moved, chance : float
        Of the joint image from the unadapted one, and what of it is chance, by how much the splits differ.
    twin_db : float
        By how much the twin is reconstructed better.
    """

    gain_db: float
    doubt_db: float
    error: float
    won: float
    moved: float
    chance: float
    twin_db: float

    @property
    def better(self) -> bool:
        """Whether the error has fallen for certain."""
        return self.won > 0 and self.gain_db > CERTAIN * self.doubt_db

    def objection(self) -> str:
        """Name the guard that objects to going on, a key of `GUARDS`, or give an empty text."""
        if not math.isfinite(sum(astuple(self))):
            return "not finite"
        if self.chance > self.moved / 2:
            return "disagree"
        warranted = min(MOST_MOVED * self.error, OVERSHOOT * max(self.won, 0.0) + SLACK * self.error)
        if self.moved > warranted:
            return "too far"
        return "" if self.twin_db >= 0 else "twin"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A network that learned from all samples but those that it holds out, group by group, for each scan."""

    network: nn.Module
    held: Sequence[Sequence[Tensor]]


class Judge:
    """Looks at the candidates, and keeps the mean of their weights where it is better, unless a guard objects.

    Parameters
    ----------
    network : nn.Module
        Unadapted.
    scans : sequence of HeldOutScan
    candidates : sequence of Candidate
        Copies of the network, which learn.

    Attributes
    ----------
    best : nn.Module
        The network to use; `best_step` and `best_gain` say when it was found, 0 where it is the unadapted one.
    gain : float
        That of the last look, in dB.
    seconds : float
        About what a look takes.
    """

    def __init__(self, network: nn.Module, scans: Sequence[HeldOutScan], candidates: Sequence[Candidate]) -> None:
        start = time.perf_counter()
        self.network, self.scans, self.candidates = network, scans, candidates
        self.take_back()
        self.gain = 0.0
        self.unadapted = self._images(network)
        self.misfit = self._misfit(self.unadapted)
        self.groups = [self._groups(index) for index in range(len(scans))]
        seconds = time.perf_counter() - start
        self.before = self._missed([network] * len(candidates))
        self.seconds = time.perf_counter() - start + seconds * (len(candidates) + 2)  # the twin takes two

    def look(self, step: int) -> str:
        """Keep what is better, and name the guard that objects to going on."""
        joint = mean_network([each.network for each in self.candidates])
        images = [self._images(each.network) for each in self.candidates]
        found = self._measured(self._missed([each.network for each in self.candidates]), images, joint)
        self.gain, guard = found.gain_db, found.objection()
        if not guard and found.better and self.gain > self.best_gain:
            self.best, self.best_step, self.best_gain = joint, step, self.gain
        return guard

    def take_back(self) -> None:
        """Go back to the unadapted network: where a guard objects, what passed before it is doubtful too."""
        self.best, self.best_step, self.best_gain = copy.deepcopy(self.network).eval(), 0, 0.0

    def _measured(self, now: list[Tensor], images: list[list[Tensor]], network: nn.Module) -> Look:
        joint = self._images(network)
        gains = torch.cat([10 * torch.log10(was / new) for was, new in zip(self.before, now, strict=True)])
        error, left = self._expected(self.before), self._expected(now)
        noise = sum(each.count(each.pattern) * each.noise_power for each in self.scans)
        n = len(images)
        return Look(
            gain_db=float(gains.mean()),
            doubt_db=float(gains.std()) / math.sqrt(len(gains)),
            error=error + max(self.misfit - noise, 0.0),
            won=error - left + self.misfit - self._misfit(joint),
            moved=_distance(joint, self.unadapted),
            chance=sum(_distance(each, joint) for each in images) / (n * (n - 1)),
            twin_db=self._twin_gain(
                network, [(one + other) / 2 for one, other in zip(self.unadapted, joint, strict=True)]
            ),
        )

    @torch.no_grad()
    def _twin_gain(self, network: nn.Module, truths: list[Tensor]) -> float:
        """By how much scans of known images, otherwise like those at hand, are reconstructed better than before."""
        twins = [scan.twin(truth) for scan, truth in zip(self.scans, truths, strict=True)]
        was, new = (
            _distance([each(s.A, twin) for s, twin in zip(self.scans, twins, strict=True)], truths)
            for each in (self.network, network)
        )
        return 10 * math.log10(max(was, TINY) / max(new, TINY))

    def _groups(self, index: int) -> list[tuple[int, Tensor]]:
        """What is judged of a scan, at most `MOST_GROUPS` in all: numbers of splits, and what they hold out."""
        found = [(number, held) for number, each in enumerate(self.candidates) for held in each.held[index]]
        n = min(len(found), max(FEWEST, MOST_GROUPS // len(self.scans)))
        return [found[place * len(found) // n] for place in range(n)]

    def _missed(self, networks: list[nn.Module]) -> list[Tensor]:
        """Energy that the network of each group's split misses of it: for each scan (groups,)."""
        found = []
        for scan, groups in zip(self.scans, self.groups, strict=True):
            each = [scan.missed(networks[number], held, seed) for seed, (number, held) in enumerate(groups)]
            found.append(torch.tensor(each, dtype=torch.float64))
        return found

    def _expected(self, missed: list[Tensor]) -> float:
        together = zip(self.scans, self.groups, missed, strict=True)
        return sum(scan.expected_elsewhere([held for _, held in groups], each) for scan, groups, each in together)

    @torch.no_grad()
    def _misfit(self, images: list[Tensor]) -> float:
        """Energy of the measured samples that images miss, noise included."""
        pairs = zip(self.scans, images, strict=True)
        return sum(float(missed_energy(image, s.A.smaps, s.kspace, s.pattern)[0]) for s, image in pairs)

    @torch.no_grad()
    def _images(self, network: nn.Module) -> list[Tensor]:
        return [network(each.A, each.kspace) for each in self.scans]


@torch.no_grad()
def mean_network(networks: Sequence[nn.Module]) -> nn.Module:
    """Average the weights of copies of one network."""
    mean = copy.deepcopy(networks[0])
    for target, *theirs in zip(mean.parameters(), *(each.parameters() for each in networks), strict=True):
        target.copy_(torch.stack(theirs).mean(0))
    return mean


def _distance(images: list[Tensor], others: list[Tensor]) -> float:
    """Energy of the difference of two volumes."""
    return sum(float(energy(one - other)) for one, other in zip(images, others, strict=True))
