r"""What keeps an adaptation from doing harm, without a reference: held-out samples, and images beside each other.

A network can predict held-out samples better and better while the image of all samples gets worse. So four numbers are
looked at, each of which a right adaptation keeps. Let $x_0$ be the unadapted image of all samples, $x$ the one with the
mean weights of all splits, $x_s$ that of a split, $\tilde x_s$ what the same weights make without the samples that it
holds out, and $x^*$ the truth.

- *held-out*: on average over the splits $\tilde x_s$ predicts the held-out samples better than before.
- *apart*: $\lVert x_s - \tilde x_s\rVert$ does not grow: what is known of $\tilde x_s$ has to hold for $x_s$.
- *disagree*: the $x_s$ lie closer to $x$ than $x$ does to $x_0$. Each split saw other samples; what they do not have in
  common is chance.
- *too far*: held-out samples are measured like those that are missing, so by their number they say what energy is
  missed in the missing ones, before, $e_0$, and after, $e$. The point closest to $x^*$ on any line through $x_0$ has
  $\lVert x - x_0\rVert^2 = e_0 - e$, and one twice as far wins nothing: what moved much more is not warranted.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mricourse.physics.fourier import fft2c
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sample_splits import outside_centre, pattern_of
from mricourse.physics.scan import Scan

FEWEST = 8  # samples outside the centre: lines of a mask of lines
APART = 1.1  # times the energy of the difference before
MOST_MOVED = 0.5  # of the error's energy before: a change that wins that much is one of 3 dB
OVERSHOOT = 3  # times what is won
SLACK = 0.02  # of the error's energy before: what a few samples cannot tell from nothing
GUARDS = {
    "held-out": "the held-out samples were not predicted better",
    "apart": "the images of all samples and of fewer moved apart",
    "disagree": "the splits did not agree on what to change",
    "too far": "the image moved farther than the held-out samples warrant",
    "not finite": "a number was not finite",
    "no time": "the time was over before the first step",
}


class HeldOutScan:
    """A scan in numbers around 1, whose samples outside the centre can be held out.

    Parameters
    ----------
    scan : Scan
        With maps.

    Attributes
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (coils, ky, kx)
    pattern, outer : bool Tensor, shape (ky, 1), (1, kx) or (ky, kx)
        All samples, and those outside the fully sampled centre.
    readout : -1, -2 or None
        The axis along which a mask of lines does not differ.
    noise_power : float
        Of a sample.

    Raises
    ------
    ValueError
        A scan without maps, a complete one, or one with fewer than eight samples (lines) outside its centre.
    """

    def __init__(self, scan: Scan) -> None:
        self.A, self.kspace, _ = normalised(scan)
        self.pattern = pattern_of(scan.mask)
        self.outer = outside_centre(scan.mask, scan.shape)
        n = int(self.outer.sum())
        if bool(self.pattern.all()):
            raise ValueError("the scan is complete, so no sample is missing; expected an undersampled one to adapt to.")
        self.readout = -1 if self.pattern.shape[1] == 1 else -2 if self.pattern.shape[0] == 1 else None
        if n < FEWEST:
            kind = "points" if self.readout is None else "lines"
            raise ValueError(
                f"the scan has {n} {kind} outside its fully sampled centre; expected {FEWEST} or more, to hold some "
                "out: reconstruct without adapting."
            )
        self.noise_power = 2 * float(noise_level(self.kspace, scan.mask).square())

    def seen(self, mask: Tensor) -> tuple[SenseOperator, Tensor]:
        """Give the operator and k-space of some of the samples."""
        return SenseOperator(self.A.smaps, mask), self.kspace * mask

    def count(self, mask: Tensor) -> int:
        """Count the samples of a mask in all coils."""
        return int(mask.sum()) * self.kspace.numel() // mask.numel()


def missed_energy(image: Tensor, smaps: Tensor, kspace: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
    """Energy of the held-out samples that an image misses, and their own: image (y, x), kspace (coils, ky, kx)."""
    return energy(held * (fft2c(smaps * image) - kspace)), energy(held * kspace)


def energy(values: Tensor) -> Tensor:
    """Sum of squared magnitudes of all entries."""
    return torch.view_as_real(values).square().sum()


@dataclass(frozen=True)
class Look:
    """What the guards know of a state; all energies are those of images, in one unit.

    Parameters
    ----------
    gain_db : float
        By how much held-out samples are predicted better, on average over the splits.
    error : float
        Of the unadapted image, as held-out samples tell.
    won : float
        By how much it has fallen.
    moved, scatter : float
        Of the joint image from the unadapted one, and of those of the splits from the joint one, on average.
    apart : float
        Of the images of all samples and of fewer, over that before.
    """

    gain_db: float
    error: float
    won: float
    moved: float
    scatter: float
    apart: float

    def objection(self) -> str:
        """Name the guard that objects to going on, a key of `GUARDS`, or give an empty text."""
        if not math.isfinite(self.gain_db + self.won + self.moved + self.scatter + self.apart):
            return "not finite"
        if self.apart > APART:
            return "apart"
        if self.scatter > self.moved:
            return "disagree"
        warranted = min(MOST_MOVED * self.error, OVERSHOOT * max(self.won, 0.0) + SLACK * self.error)
        return "too far" if self.moved > warranted else ""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A network that learned from all samples but those that it holds out, one mask for each scan."""

    network: nn.Module
    held: Sequence[Tensor]


class Judge:
    """Looks at the candidates, and keeps the mean of their weights where it is better and no guard objects.

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
        self.scans, self.candidates = scans, candidates
        self.best, self.best_step, self.best_gain, self.gain = copy.deepcopy(network).eval(), 0, 0.0, 0.0
        self.unadapted = self._images(network)
        self.before = [self._fewer(each, self.unadapted) for each in candidates]
        n = len(candidates)
        self.seconds = (time.perf_counter() - start) * (2 * n + 1) / (n + 1)

    def look(self, step: int) -> str:
        """Keep what is better, and name the guard that objects to going on."""
        joint = mean_network([each.network for each in self.candidates])
        images = [self._images(each.network) for each in self.candidates]
        now = [self._fewer(*pair) for pair in zip(self.candidates, images, strict=True)]
        found = self._measured(now, images, self._images(joint))
        self.gain, guard = found.gain_db, found.objection()
        if not guard and self.gain > self.best_gain:
            self.best, self.best_step, self.best_gain = joint, step, self.gain
        return guard

    def _measured(self, now: list[Tensor], images: list[list[Tensor]], joint: list[Tensor]) -> Look:
        before, after = sum(self.before), sum(now)  # missed, measured, apart; over the splits
        gains = [_db(was[0] / new[0]) for was, new in zip(self.before, now, strict=True)]
        pairs = [(each, held) for c in self.candidates for each, held in zip(self.scans, c.held, strict=True)]
        n_held = sum(each.count(held) for each, held in pairs)
        noise = sum(each.count(held) * each.noise_power for each, held in pairs)
        per_sample = sum(each.count(~each.pattern) for each in self.scans) / n_held
        return Look(
            gain_db=sum(gains) / len(gains),
            error=max(float(before[0]) - noise, 0.0) * per_sample,
            won=float(before[0] - after[0]) * per_sample,
            moved=_distance(joint, self.unadapted),
            scatter=sum(_distance(each, joint) for each in images) / len(images),
            apart=float(after[1] / before[1]),
        )

    @torch.no_grad()
    def _images(self, network: nn.Module) -> list[Tensor]:
        return [network(each.A, each.kspace) for each in self.scans]

    @torch.no_grad()
    def _fewer(self, candidate: Candidate, images: list[Tensor]) -> Tensor:
        """Energy of the held-out samples that are missed, and of the difference between both images: (2,)."""
        sums = torch.zeros(2, dtype=torch.float64)
        for each, held, image in zip(self.scans, candidate.held, images, strict=True):
            fewer = candidate.network(*each.seen(each.pattern & ~held))
            missed, _ = missed_energy(fewer, each.A.smaps, each.kspace, held)
            sums += torch.stack([missed, energy(image - fewer)]).cpu()
        return sums


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


def _db(ratio: Tensor) -> float:
    ratio = float(ratio)
    return 10 * math.log10(ratio) if 0 < ratio < math.inf else math.nan
