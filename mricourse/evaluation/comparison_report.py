"""What a comparison on measured scans found: every score, the differences, and both as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from mricourse.evaluation.statistics import Interval, mean_interval

BEST_RIVAL = "best of these"  # per scan and mask: what a headline has to beat


@dataclass(frozen=True)
class Score:
    """How close one method came to the complete scan.

    `seed` is None where no other mask is possible, `reg_weight` where there is no weight, and `psnr_without_noise`, of
    `ReferenceNoise.psnr`, where it cannot be told. That of an adapted network takes its weights for given, though they
    learned from this noise.
    """

    scan: str
    sampling: str
    net_acceleration: float
    method: str
    psnr: float
    ssim: float
    reg_weight: float | None = None
    psnr_without_noise: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Difference:
    """By how much PSNR, in dB, a network beats a method: each time, and on average.

    `over` says of what: of the masks of one scan, or of scans, each the mean over its masks. `interval` is that of the
    mean, at 95 %; None for three values or fewer. It speaks of nothing else: masks of one scan say nothing of other
    scans, and slices of one head nothing of other heads.
    """

    sampling: str
    method: str
    gains: list[float]
    mean: float
    interval: Interval | None
    over: str = "scans"

    def __str__(self) -> str:
        each = f"each: {', '.join(f'{gain:+.2f}' for gain in self.gains)}"
        if self.interval is None:
            return f"{self.method} {self.mean:+.2f} dB, {each}"
        span = f"[{self.interval.low:.2f}, {self.interval.high:.2f}]"
        shown = f", {each}" if self.over != "scans" else ""
        return f"{self.method} {self.mean:+.2f} dB, 95 % {self.interval.kind} interval over {self.over} {span}{shown}"


@dataclass(frozen=True)
class Comparison:
    """What `compare_scans` measured; ``str`` makes it a table, with the mean differences below it.

    Parameters
    ----------
    network : str
        Its name.
    scores : list of Score
    differences : list of Difference
        The network against every other method, paired: over the masks of each scan where it has several, and over the
        scans for each sampling that two scans or more share.
    remarks : list of str
        A sentence for every scan and sampling that is not of the kind that the network was trained on.
    development : list of str
        Names of the scans that choices of this course were made on: their numbers are development scores, no test.
    reference_noise : dict {name of a scan: float or str}
        How many dB the noise of its reference is below the peak, or why that cannot be told.
    """

    network: str
    scores: list[Score]
    differences: list[Difference]
    remarks: list[str]
    development: list[str]
    reference_noise: dict[str, float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines: list[str] = []
        singles: list[Score] = []
        for (scan, sampling), scores in grouped(self.scores, "scan", "sampling").items():
            if len({score.seed for score in scores}) == 1:
                singles += scores
            else:
                lines += ["", *self._of_many_masks(scan, sampling, scores)]
        lines = [*(self._table(singles) if singles else []), *lines]
        lines += [
            f"{each.sampling}, {len(each.gains)} scans: {self.network} minus {each}"
            for each in self.differences
            if each.over == "scans"
        ]
        lines += [_noise_in_words(*each) for each in self.reference_noise.items()]
        if self.development:
            lines.append("development: choices were made on this scan; its numbers are development scores, not a test.")
        return "\n".join(lines).lstrip("\n")

    def _table(self, scores: Sequence[Score]) -> list[str]:
        rows = [("scan", "sampling", "net R", "method", "PSNR, dB", "without noise", "SSIM", "weight")]
        for s in scores:
            numbers = (f"{s.psnr:.2f}", self._without_noise([s]), f"{s.ssim:.4f}", _weights([s]))
            rows.append((self._label(s.scan), s.sampling, f"{s.net_acceleration:.2f}", s.method, *numbers))
        return _aligned(rows)

    def _of_many_masks(self, scan: str, sampling: str, scores: Sequence[Score]) -> list[str]:
        """A table of means, and of every mask's PSNR; below it by how much the network beats the best rival."""
        by_method = grouped(scores, "method")
        seeds = [score.seed for score in next(iter(by_method.values()))]
        net = _mean([score.net_acceleration for score in scores])
        rows = [("method", "mean PSNR, dB", "without noise", "SSIM", "weight", "PSNR of each mask, dB")]
        for (method,), each in by_method.items():
            means = (_mean([score.psnr for score in each]), _mean([score.ssim for score in each]))
            numbers = (f"{means[0]:.2f}", self._without_noise(each), f"{means[1]:.4f}", _weights(each))
            rows.append((method, *numbers, " ".join(f"{score.psnr:.2f}" for score in each)))
        lines = [f"{self._label(scan)}, {sampling}, net R = {net:.2f}, {len(seeds)} masks of seeds {_span(seeds)}:"]
        lines += _aligned(rows)
        over = over_masks(scan)
        lines += [
            f"{self.network} minus {each}"
            for each in self.differences
            if (each.over, each.sampling, each.method) == (over, sampling, BEST_RIVAL)
        ]
        return lines

    def _label(self, scan: str) -> str:
        return f"{scan} (development)" if scan in self.development else scan

    def _without_noise(self, scores: Sequence[Score]) -> str:
        """Mean of the PSNR without noise, or why there is none."""
        values = [score.psnr_without_noise for score in scores]
        if None not in values:
            return f"{_mean(values):.1f}"
        return "unknown" if isinstance(self.reference_noise.get(scores[0].scan, ""), str) else "too close"


def grouped(scores: Sequence[Score], *keys: str) -> dict[tuple[str, ...], list[Score]]:
    """Scores of equal values of these fields together, in their order."""
    groups: dict[tuple[str, ...], list[Score]] = {}
    for score in scores:
        groups.setdefault(tuple(getattr(score, key) for key in keys), []).append(score)
    return groups


def over_masks(scan: str) -> str:
    """What a mean over the masks of a scan is a mean of."""
    return f"masks of {scan}"


def differences(scores: Sequence[Score], network: str) -> list[Difference]:
    """The differences of a `Comparison`, of its scores."""
    found = []
    for (sampling,), of_sampling in grouped(scores, "sampling").items():
        means: dict[str, list[float]] = {}
        for (scan,), of_scan in grouped(of_sampling, "scan").items():
            psnrs = {method: [each.psnr for each in some] for (method,), some in grouped(of_scan, "method").items()}
            found += _paired(psnrs, network, sampling, over_masks(scan))
            for method, values in psnrs.items():
                means.setdefault(method, []).append(_mean(values))
        found += _paired(means, network, sampling, "scans")
    return found


def _paired(psnrs: dict[str, list[float]], network: str, sampling: str, over: str) -> list[Difference]:
    ours = torch.tensor(psnrs[network], dtype=torch.float64)
    found = []
    for method, values in psnrs.items():
        if method != network and len(values) > 1:
            gain = ours - torch.tensor(values, dtype=torch.float64)
            found.append(Difference(sampling, method, gain.tolist(), float(gain.mean()), mean_interval(gain), over))
    return found


def _noise_in_words(scan: str, noise: float | str) -> str:
    if isinstance(noise, str):
        return f"{scan}: the noise of its reference cannot be told: {noise}"
    return (
        f"{scan}: its reference has noise of its own, {noise:.1f} dB below the peak; without noise is the PSNR to "
        "expect against the same image free of it, to 0.1 dB."
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _weights(scores: Sequence[Score]) -> str:
    return _span([score.reg_weight for score in scores if score.reg_weight is not None])


def _span(values: Sequence[float]) -> str:
    ends = sorted({min(values), max(values)}) if values else []
    return " to ".join(f"{value:g}" for value in ends)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
