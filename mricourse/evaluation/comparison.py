"""A trained network beside the best tuned wavelet or total variation on measured scans.

Complete k-space is undersampled afterwards, so that the true image is known as well as anyone can know it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from mricourse.evaluation.comparison_report import BEST_RIVAL, Comparison, Score, differences
from mricourse.evaluation.metrics import best_scale
from mricourse.evaluation.noisy_reference import ReferenceNoise, reference_noise
from mricourse.evaluation.rivals import Closeness, closeness, rival_scores
from mricourse.evaluation.tuning import TOLERANCE, tuned_sparsity
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


def samplings(
    pattern: str | None = None, acceleration: float | None = None, *, acs: int = 24, seed: int = 0, n_masks: int = 1
) -> list[Sampling]:
    """Choose what to keep: equispaced R = 4, random R = 4 and random R = 6, or what is asked for.

    Random patterns come with `n_masks` masks, of the seeds from `seed` on; there is one equispaced mask.

    Raises
    ------
    ValueError
        Several masks of the equispaced pattern alone.
    """
    if pattern == "equispaced" and n_masks > 1:
        raise ValueError(f"got {n_masks} masks of the equispaced pattern, which has one; expected a random pattern.")
    if acceleration is None:
        chosen = [each for each in STANDARD if pattern in (None, each[0])] or [(pattern, 4)]
    else:
        chosen = [(each, acceleration) for each in (["equispaced", "random"] if pattern is None else [pattern])]
    seeds = {each: [seed] if each[0] == "equispaced" else range(seed, seed + n_masks) for each in chosen}
    return [Sampling(*each, acs, number) for each in chosen for number in seeds[each]]


def compare_scans(
    network: nn.Module,
    scans: Sequence[tuple[str, Scan]],
    samplings: Sequence[Sampling],
    *,
    name: str,
    remark: Callable[[Scan, str], str] | None = None,
    adapted: Callable[[nn.Module, Scan], nn.Module] | None = None,
    folder: Path | None = None,
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
    folder : Path, optional
        Where the scores of the rivals are kept for the next network, as `rival_scores` says.
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
    remarks: dict[str, str] = {}  # of the first mask of its kind
    noises: dict[str, float | str] = {}
    for scan_name, scan in scans:
        complete = complete_scan(scan.to(device))
        noise, noises[scan_name] = _noise_or_reason(complete)
        for sampling, mask in zip(samplings, masks[scan_name], strict=True):
            kept = keep(complete, mask.to(device))
            networks = {name: network}
            if adapted is not None:
                networks[f"{name}, adapted"] = adapted(network, kept)
            found = _closeness_of_all(networks, complete, kept, noise, folder)
            seed = None if sampling.pattern == "equispaced" else sampling.seed
            facts = (scan_name, str(sampling), acceleration_of(mask))
            scores += [Score(*facts, method, **asdict(each), seed=seed) for method, each in found.items()]
            words = f"{scan_name}, {sampling},"
            if remark is not None and words not in remarks:
                remarks[words] = remark(kept, words)
            if progress is not None:
                progress()
    said = [sentence for sentence in remarks.values() if sentence]
    development = [scan_name for scan_name, scan in scans if scan.meta.get("split") == "development"]
    return Comparison(name, scores, differences(scores, name), said, development, noises)


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
    complete = complete_scan(scan)
    return complete.reference, keep(complete, mask)


def complete_scan(scan: Scan) -> Scan:
    """Estimate the maps of a complete scan from all its samples, and combine its reference with them."""
    everywhere = torch.ones_like(scan.kspace[:1, :, :1], dtype=torch.bool)[0]  # its own mask may have any shape
    kspace = scan.kspace / scan.kspace.abs().max()
    complete = with_smaps(replace(scan, kspace=kspace, smaps=None, mask=everywhere, reference=None))
    return replace(complete, reference=combine(ifft2c(kspace), complete.smaps))


def keep(complete: Scan, mask: Tensor) -> Scan:
    """Undersample a scan that `complete_scan` made, with maps of what is kept."""
    return with_smaps(replace(complete, smaps=None, reference=None).undersample(mask))


def _noise_or_reason(complete: Scan) -> tuple[ReferenceNoise | None, float | str]:
    """The noise of the reference, and its level in dB or why it cannot be told."""
    try:
        noise = reference_noise(complete)
    except ValueError as error:
        return None, str(error)
    return noise, noise.decibels


def _closeness_of_all(
    networks: Mapping[str, nn.Module], complete: Scan, kept: Scan, noise: ReferenceNoise | None, folder: Path | None
) -> dict[str, Closeness]:
    def scored(method: Callable[[Scan], Tensor]) -> Closeness:
        image = method(kept)
        change = None if noise is None else method(noise.disturbed(kept)) - image
        return closeness(image, complete, noise, change)

    by_network = {name: scored(partial(apply_network, network)) for name, network in networks.items()}
    rivals = rival_scores(complete, kept, noise, folder=folder)  # last: a network that takes no such scan refuses soon
    best = max(rivals.values(), key=lambda each: each.psnr)
    return {"zero-filled": scored(_zero_filled), **rivals, BEST_RIVAL: best, **by_network}


def _zero_filled(scan: Scan) -> Tensor:
    A, kspace, unit = normalised(scan)
    return A.adjoint(kspace) * unit


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
