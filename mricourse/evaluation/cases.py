"""Cases to judge methods on: stacks of simulated slices, and one measured scan undersampled in several ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mricourse.evaluation.comparison import turned
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.evaluation.statistics import mean_interval
from mricourse.evaluation.tuning import sparse_reconstruction
from mricourse.physics.coil_maps import espirit
from mricourse.physics.fourier import random_complex
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask, random_mask
from mricourse.physics.scan import Batch, Scan

Method = Callable[[SenseOperator, Tensor], Tensor]


def four_cases(scan: Scan, acceleration: int, *, acs: int = 24) -> dict[str, Batch]:
    """Undersample a complete scan by random and by equispaced lines, along its first axis and along its second.

    Maps come from the `acs` central lines of what is kept; the scan's own reference stays. A scan does not always say
    which axis was its phase encode, so both are tried.

    Parameters
    ----------
    scan : Scan
        All lines, several coils, with a reference.
    acceleration : int
        Nominal; an equispaced mask with its centre keeps more lines.
    acs : int

    Returns
    -------
    dict {"random", "equispaced", "random, turned", "equispaced, turned": Batch}
        Operator, k-space (coils, ky, kx), reference (y, x).

    Raises
    ------
    ValueError
        A scan without reference.
    """
    if scan.reference is None:
        raise ValueError("the scan has no reference; expected a complete one, such as load_real('moco_brain_7ch').")
    cases = {}
    for words, view in {"": scan, ", turned": turned(scan)}.items():
        for name, draw in {"random": random_mask, "equispaced": equispaced_mask}.items():
            mask = draw(view.shape[0], acceleration, acs=acs).to(view.kspace.device)
            kept = mask * view.kspace
            cases[name + words] = Batch(SenseOperator(espirit(kept, acs=acs), mask), kept, view.reference)
    return cases


def measured_again(
    image: Tensor,
    smaps: Tensor,
    acceleration: int,
    lines: str = "random",
    noise: float = 0.0,
    *,
    acs: int = 16,
    seed: int = 0,
) -> Batch:
    """Measure an image once more, with other lines and other noise, by the very maps that a method gets.

    Parameters
    ----------
    image : complex Tensor, shape (y, x)
    smaps : complex Tensor, shape (coils, y, x)
    acceleration : int
        Nominal, at least 1; an equispaced mask with its centre keeps more lines.
    lines : {"random", "equispaced"}
    noise : float
        Standard deviation in the real and in the imaginary part of a sample.
    acs : int
        Central lines that are always kept.
    seed : int
        Of the noise, drawn on the CPU: the same for every choice of lines.

    Returns
    -------
    Batch
        Operator, k-space (coils, ky, kx), and the image as its reference.

    Raises
    ------
    ValueError
        Another kind of lines, an acceleration below 1 or negative noise.
    """
    kinds = {"random": random_mask, "equispaced": equispaced_mask}
    if lines not in kinds:
        raise ValueError(f"lines is {lines!r}; expected one of {', '.join(map(repr, kinds))}.")
    if noise < 0:
        raise ValueError(f"noise is {noise}; expected a standard deviation, 0 or more.")
    mask = kinds[lines](image.shape[-2], acceleration, acs=acs).to(image.device)
    A = SenseOperator(smaps, mask)
    grain = random_complex(*smaps.shape, seed=seed).to(image.device)
    return Batch(A, A.forward(image) + noise * mask * grain, image)


@torch.no_grad()
def score(method: Method, case: Batch | Mapping[str, Batch]) -> Tensor:
    """PSNR in dB of what a method makes of a case, at its `best_scale`.

    Parameters
    ----------
    method : callable
        ``method(A, kspace)`` returns (..., y, x), as the networks of the course do.
    case : Batch, or mapping {name: Batch}
        A stack of n slices, one slice, or several cases of one slice each.

    Returns
    -------
    float64 Tensor, shape (n,) for a stack or n cases, () for one slice
        An image without a phase is compared with the magnitude of the reference.
    """
    if isinstance(case, Mapping):
        return torch.stack([score(method, each) for each in case.values()])
    image = method(case.A, case.kspace)
    reference = case.reference if image.is_complex() else case.reference.abs()
    return torch.as_tensor(psnr(best_scale(image, reference), reference), dtype=torch.float64)


def score_sparse(
    case: Batch | Mapping[str, Batch], choices: Sequence[tuple[str, float]], *, tolerance: float
) -> Tensor:
    """PSNR in dB of compressed sensing whose settings are known already, a pair for each slice or case.

    Parameters
    ----------
    case : Batch of n slices, or mapping {name: Batch} of n cases
    choices : sequence of n pairs
        Kind ("haar" or "tv") and weight, as a search with the reference found them.
    tolerance : float
        Of the objective, to which each is solved.

    Returns
    -------
    float64 Tensor, shape (n,)

    Raises
    ------
    ValueError
        Not a pair for each.
    """
    singles = list(case.values()) if isinstance(case, Mapping) else _slices(case)
    if len(singles) != len(choices):
        raise ValueError(f"got {len(choices)} choices for {len(singles)} slices; expected one for each.")
    scores = []
    for single, choice in zip(singles, choices, strict=True):
        image = sparse_reconstruction(single.A, single.kspace, *choice, tolerance=tolerance)
        scores.append(torch.as_tensor(psnr(best_scale(image, single.reference), single.reference)))
    return torch.stack(scores).to(torch.float64)


@torch.no_grad()
def held_out_error(method: Method, A: SenseOperator, kspace: Tensor, held: Tensor) -> Tensor:
    """Relative error of measured lines that a method has not seen, predicted by the image that it makes of the others.

    Parameters
    ----------
    method : callable
        ``method(A, kspace)`` returns (y, x).
    A : SenseOperator
    kspace : complex Tensor, shape (coils, ky, kx)
    held : bool Tensor, shape (ky, 1)
        Lines to hide from the method, all of them measured.

    Returns
    -------
    Tensor, shape ()
        0 for a perfect prediction, 1 for one of zeros.

    Raises
    ------
    ValueError
        No line held, or one that was never measured.
    """
    if not held.any() or (held & ~A.mask).any():
        raise ValueError("got no lines to hide, or lines that were not measured; expected some of A.mask.")
    kept = A.mask & ~held
    image = method(SenseOperator(A.smaps, kept), kept * kspace)
    measured = held * kspace
    return (SenseOperator(A.smaps, held).forward(image) - measured).norm() / measured.norm()


def _slices(stacked: Batch) -> list[Batch]:
    parts = zip(stacked.A.smaps, stacked.A.mask, stacked.kspace, stacked.reference, strict=True)
    return [Batch(SenseOperator(smaps, mask), kspace, image) for smaps, mask, kspace, image in parts]


def gain_in_words(gain: Tensor, *, unit: str = "dB") -> str:
    """Mean of paired differences (n,) with its 95 % interval, ``+2.22 dB [+1.45, +3.12]``; all where three or fewer."""
    interval = mean_interval(gain)
    mean = f"{float(gain.mean()):+.2f} {unit}"
    if interval is None:
        return f"{mean} ({', '.join(f'{value:+.2f}' for value in gain.tolist())})"
    return f"{mean} [{interval.low:+.2f}, {interval.high:+.2f}]"
