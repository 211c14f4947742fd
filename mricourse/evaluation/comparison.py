"""A trained network beside the best tuned wavelet or total variation on measured scans.

Complete k-space is undersampled afterwards, so that the true image is known as well as anyone can know it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from mricourse.evaluation.metrics import best_scale, psnr, ssim
from mricourse.evaluation.noisy_reference import ReferenceNoise, reference_noise
from mricourse.evaluation.statistics import Interval, mean_interval
from mricourse.evaluation.tuning import TOLERANCE, sparse_reconstruction, tuned, tuned_sparsity
from mricourse.files import any_of
from mricourse.networks.apply import apply_network
from mricourse.physics.coil_combination import combine
from mricourse.physics.fourier import ifft2c
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import PATTERNS, acceleration_of
from mricourse.physics.scan import Scan
from mricourse.reconstruct.methods import with_smaps

STANDARD = (("equispaced", 4), ("random", 4), ("random", 6))
FINE_TOLERANCE = 1e-4  # of the objective, to which each rival is solved
RIVALS = {"wavelet db2": "db2", "wavelet Haar": "haar", "TV": "tv"}  # name -> kind of `tuned`
BEST_RIVAL = "best of these"  # per scan: what a headline has to beat


@dataclass(frozen=True)
class Sampling:
    """Which lines of complete k-space to keep: one of `PATTERNS` and its arguments."""

    pattern: str
    acceleration: float
    acs: int = 24
    seed: int = 0

    def mask(self, ny: int) -> Tensor:
        """Draw the mask, (ny, 1); ValueError where there is no such mask."""
        if self.pattern not in PATTERNS:
            raise ValueError(f"the pattern is {self.pattern!r}; expected {any_of(tuple(PATTERNS))}.")
        if not 1 <= self.acceleration < math.inf:
            raise ValueError(f"the acceleration is {self.acceleration}; expected a number of 1 or more, such as 4.")
        seed = {} if self.pattern == "equispaced" else {"seed": self.seed}
        return PATTERNS[self.pattern](ny, self.acceleration, acs=self.acs, **seed)

    def __str__(self) -> str:
        return f"{self.pattern.replace('_', ' ')} R = {self.acceleration:g}"


@dataclass(frozen=True)
class Score:
    """How close one method came to the complete scan.

    `reg_weight` is None where it has none, and `psnr_without_noise`, of `ReferenceNoise.psnr`, where it cannot be told.
    That of an adapted network takes its weights for given, though they learned from this noise.
    """

    scan: str
    sampling: str
    net_acceleration: float
    method: str
    psnr: float
    ssim: float
    reg_weight: float | None = None
    psnr_without_noise: float | None = None


@dataclass(frozen=True)
class Difference:
    """By how much PSNR, in dB, a network beats a method: on each of the scans, and on average over them.

    `interval` is that of the mean, at 95 %; None for three scans or fewer. Where the scans are slices of one head, it
    speaks of that head only.
    """

    sampling: str
    method: str
    gains: list[float]
    mean: float
    interval: Interval | None

    def __str__(self) -> str:
        if self.interval is None:
            spread = "each: " + ", ".join(f"{gain:+.2f}" for gain in self.gains)
        else:
            spread = (
                f"95 % {self.interval.kind} interval over scans [{self.interval.low:.2f}, {self.interval.high:.2f}]"
            )
        return f"{self.method} {self.mean:+.2f} dB, {spread}"


@dataclass(frozen=True)
class Comparison:
    """What `compare_scans` measured; ``str`` makes it a table, with the mean differences below it.

    Parameters
    ----------
    network : str
        Its name.
    scores : list of Score
    differences : list of Difference
        The network against every other method, paired by scan, for each sampling that two scans or more share.
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
    reference_noise: dict[str, float | str]

    def __str__(self) -> str:
        rows = [("scan", "sampling", "net R", "method", "PSNR, dB", "without noise", "SSIM", "weight")]
        for s in self.scores:
            weight = "" if s.reg_weight is None else f"{s.reg_weight:g}"
            numbers = (f"{s.net_acceleration:.2f}", s.method, f"{s.psnr:.2f}", self._without_noise(s), f"{s.ssim:.4f}")
            label = f"{s.scan} (development)" if s.scan in self.development else s.scan
            rows.append((label, s.sampling, *numbers, weight))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        lines += [f"{each.sampling}, {len(each.gains)} scans: {self.network} minus {each}" for each in self.differences]
        lines += [_noise_in_words(*each) for each in self.reference_noise.items()]
        if self.development:
            lines.append("development: choices were made on this scan; its numbers are development scores, not a test.")
        return "\n".join(lines)

    def _without_noise(self, score: Score) -> str:
        if score.psnr_without_noise is not None:
            return f"{score.psnr_without_noise:.1f}"
        return "unknown" if isinstance(self.reference_noise[score.scan], str) else "too close"


def _noise_in_words(scan: str, noise: float | str) -> str:
    if isinstance(noise, str):
        return f"{scan}: the noise of its reference cannot be told: {noise}"
    return (
        f"{scan}: its reference has noise of its own, {noise:.1f} dB below the peak; without noise is the PSNR to "
        "expect against the same image free of it, to 0.1 dB."
    )


def samplings(
    pattern: str | None = None, acceleration: float | None = None, *, acs: int = 24, seed: int = 0
) -> list[Sampling]:
    """Choose what to keep: equispaced R = 4, random R = 4 and random R = 6, or what is asked for."""
    if acceleration is None:
        chosen = [each for each in STANDARD if pattern in (None, each[0])] or [(pattern, 4)]
    else:
        chosen = [(each, acceleration) for each in (["equispaced", "random"] if pattern is None else [pattern])]
    return [Sampling(*each, acs, seed) for each in chosen]


def compare_scans(
    network: nn.Module,
    scans: Sequence[tuple[str, Scan]],
    samplings: Sequence[Sampling],
    *,
    name: str,
    remark: Callable[[Scan, str], str] | None = None,
    adapted: Callable[[nn.Module, Scan], nn.Module] | None = None,
    device: torch.device | str = "cpu",
    progress: Callable[[], None] | None = None,
) -> Comparison:
    """Score the zero-filled image, the tuned rivals and a network on every scan under every sampling.

    Parameters
    ----------
    network : nn.Module
        ``network(A, kspace)`` in evaluation mode; it is moved to the device.
    scans : sequence of (name, Scan)
        Complete, of several coils, as from `read_complete`. Where ``meta["split"]`` is ``"development"`` the result
        says so.
    samplings : sequence of Sampling
    name : str
        What to call the network.
    remark : callable, optional
        ``remark(scan, words)`` says in a sentence how an undersampled scan differs from all that the network was
        trained on, or gives an empty text, as `mricourse.training.outside_range` does.
    adapted : callable, optional
        ``adapted(network, scan)`` gives the network that learned from an undersampled scan, to be scored as well, as
        ``name, adapted``.
    device : device
    progress : callable, optional
        Called after each of the ``len(scans) * len(samplings)`` parts.

    Raises
    ------
    ValueError
        A mask that a scan cannot have, before anything is computed.
    """
    masks = {scan_name: [each.mask(scan.shape[0]) for each in samplings] for scan_name, scan in scans}
    network.to(device)
    scores: list[Score] = []
    remarks: list[str] = []
    noises: dict[str, float | str] = {}
    for scan_name, scan in scans:
        complete = _complete(scan.to(device))
        noise = _noise_or_reason(complete)
        noises[scan_name] = noise if isinstance(noise, str) else noise.decibels
        for sampling, mask in zip(samplings, masks[scan_name], strict=True):
            kept = _keep(complete, mask.to(device))
            networks = {name: network}
            if adapted is not None:
                networks[f"{name}, adapted"] = adapted(network, kept)
            scores += _score(networks, complete, kept, noise, scan_name, str(sampling))
            if remark is not None:
                remarks.append(remark(kept, f"{scan_name}, {sampling},"))
            if progress is not None:
                progress()
    said = [sentence for sentence in remarks if sentence]
    development = [scan_name for scan_name, scan in scans if scan.meta.get("split") == "development"]
    return Comparison(name, scores, _differences(scores, name), said, development, noises)


def turned(scan: Scan) -> Scan:
    """Exchange the axes of a scan, so that the lines of a mask leave out what was the readout.

    A published scan does not always say which axis was the phase encode; a score that holds for one axis only says
    little.
    """

    def transposed(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.mT.contiguous()

    return replace(
        scan,
        kspace=transposed(scan.kspace),
        smaps=transposed(scan.smaps),
        mask=transposed(scan.mask),
        reference=transposed(scan.reference),
    )


def undersample(scan: Scan, mask: Tensor) -> tuple[Tensor, Scan]:
    """Make the reference (y, x) from all samples of a complete scan, and a scan of those that the mask keeps.

    Coil maps are estimated, for the reference from all samples and for the scan from those kept; the scan's own are
    not used.
    """
    complete = _complete(scan)
    return complete.reference, _keep(complete, mask)


def _complete(scan: Scan) -> Scan:
    """Estimate the maps of a complete scan from all its samples, and combine its reference with them."""
    everywhere = torch.ones_like(scan.kspace[:1, :, :1], dtype=torch.bool)[0]  # its own mask may have any shape
    kspace = scan.kspace / scan.kspace.abs().max()
    complete = with_smaps(replace(scan, kspace=kspace, smaps=None, mask=everywhere, reference=None))
    return replace(complete, reference=combine(ifft2c(kspace), complete.smaps))


def _keep(complete: Scan, mask: Tensor) -> Scan:
    return with_smaps(replace(complete, smaps=None, reference=None).undersample(mask))


def _noise_or_reason(complete: Scan) -> ReferenceNoise | str:
    try:
        return reference_noise(complete)
    except ValueError as error:
        return str(error)


def _score(
    networks: Mapping[str, nn.Module],
    complete: Scan,
    scan: Scan,
    noise: ReferenceNoise | str,
    scan_name: str,
    sampling: str,
) -> list[Score]:
    A, kspace, unit = normalised(scan)
    reference = complete.reference

    def scored(
        method: str, image: Tensor, again: Callable[[Scan], Tensor], before: Tensor, weight: Tensor | None = None
    ) -> Score:
        """`before` is what the method makes `again` of the scan; the image may have been solved more closely."""
        free = None if isinstance(noise, str) else noise.psnr(image, again(noise.disturbed(scan)) - before)
        image = _scaled(image, reference)
        numbers = float(psnr(image, reference)), float(ssim(image, reference))
        net = acceleration_of(scan.mask)
        return Score(scan_name, sampling, net, method, *numbers, None if weight is None else float(weight), free)

    rivals = []
    for method, kind in RIVALS.items():
        image, weight = tuned(A, kspace, reference, kind, tolerance=FINE_TOLERANCE)

        def solved(any_scan: Scan, kind: str = kind, weight: float = float(weight)) -> Tensor:
            A, kspace, unit = normalised(any_scan)
            return sparse_reconstruction(A, kspace, kind, weight) * unit

        rivals.append(scored(method, image * unit, solved, solved(scan), weight))
    best = max(rivals, key=lambda score: score.psnr)
    by_networks = []
    for method, network in networks.items():
        image = apply_network(network, scan)
        by_networks.append(scored(method, image, partial(apply_network, network), image))
    zero_filled = _zero_filled(scan)
    return [
        scored("zero-filled", zero_filled, _zero_filled, zero_filled),
        *rivals,
        replace(best, method=BEST_RIVAL),
        *by_networks,
    ]


def _zero_filled(scan: Scan) -> Tensor:
    A, kspace, unit = normalised(scan)
    return A.adjoint(kspace) * unit


def _differences(scores: Sequence[Score], network: str) -> list[Difference]:
    psnrs: dict[tuple[str, str], list[float]] = {}
    for score in scores:
        psnrs.setdefault((score.sampling, score.method), []).append(score.psnr)
    found = []
    for (sampling, method), values in psnrs.items():
        gain = torch.tensor(psnrs[sampling, network], dtype=torch.float64) - torch.tensor(values, dtype=torch.float64)
        if method != network and len(gain) > 1:
            found.append(Difference(sampling, method, gain.tolist(), float(gain.mean()), mean_interval(gain)))
    return found


Reconstruction = Callable[[SenseOperator, Tensor], Tensor]


@torch.no_grad()
def compare(
    methods: Mapping[str, Reconstruction],
    A: SenseOperator,
    kspace: Tensor,
    reference: Tensor,
    *,
    tolerance: float = TOLERANCE,
) -> dict[str, Tensor]:
    r"""Reconstruct with every method, beside zero-filling and a rival that is tuned on the answer.

    The rival is `tuned_sparsity`, the better of converged Haar wavelets and converged total variation at each image's
    best weight: nobody can tune like that outside a test. All images come at their `best_scale`, so that no method wins
    or loses by a constant factor. All use the maps of $A$; where the reference was combined with the same maps, their
    errors and what lies outside them count for nobody.

    Parameters
    ----------
    methods : mapping {name: method}
        ``method(A, kspace)`` returns (..., y, x), as the networks of the course do.
    A : SenseOperator
        Maps (..., coils, y, x) and mask.
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reference : complex Tensor, shape (..., y, x)
    tolerance : float
        Of the rival's objective.

    Returns
    -------
    dict {name: complex Tensor (..., y, x)}
        ``"zero-filled"``, ``"rival"``, then the methods in their order.
    """
    images = {"zero-filled": A.adjoint(kspace), "rival": tuned_sparsity(A, kspace, reference, tolerance=tolerance)}
    images |= {name: method(A, kspace) for name, method in methods.items()}
    return {name: _scaled(image, reference) for name, image in images.items()}


def _scaled(image: Tensor, reference: Tensor) -> Tensor:
    """Bring an image to its best scale; one without a phase is compared with the magnitude."""
    return best_scale(image, reference if image.is_complex() else reference.abs())
