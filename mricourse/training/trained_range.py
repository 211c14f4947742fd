"""Say when a scan is not of the kind that a network was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from mricourse.files import any_of
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.normalisation import normalised
from mricourse.physics.sampling import acceleration_of, acs_lines_of
from mricourse.physics.scan import Scan

if TYPE_CHECKING:
    from mricourse.training.checkpoints import Checkpoint


R_MARGIN = 1.03  # whole numbers of lines, in training as well
NOISE_MARGIN = 1.5  # how far the measured level may be off
ACS_MARGIN = 2  # random lines beside the centre lengthen it, in training as well


def outside_range(checkpoint: Checkpoint, scan: Scan, name: str = "the scan") -> str:
    """Say in a sentence how a scan differs from all that a network was trained on; empty where it does not.

    Parameters
    ----------
    checkpoint : Checkpoint
        Its card states the range.
    scan : Scan
        With maps.
    name : str
        What to call the scan.
    """
    span, mask = checkpoint.card.trained_for, scan.mask
    net, acs = acceleration_of(mask), acs_lines_of(mask)
    acs = acs if isinstance(acs, int) else min(acs)
    (ny, nx), n_coils, noise_std = scan.shape, scan.n_coils, _relative_noise(scan)
    facts = [  # in words, in the card, least and largest value, and in which unit to speak of the card's
        (f"R = {net:.2f}", "acceleration", net * R_MARGIN, net / R_MARGIN, 1, ""),
        (f"{n_coils} coil{'s' if n_coils > 1 else ''}", "n_coils", n_coils, n_coils, 1, ""),
        (f"{ny} x {nx} pixels", "matrix", min(ny, nx), max(ny, nx), 1, ""),
    ]
    if not bool(mask.all()):
        facts.append((f"{acs} ACS lines", "acs", acs, acs / ACS_MARGIN, 1, ""))
    noise = f"noise of {100 * noise_std:.2g} % of the brightest pixel"
    facts.append((noise, "noise_std", noise_std * NOISE_MARGIN, noise_std / NOISE_MARGIN, 100, " %"))
    differences = [
        f"{words} (trained on {_span_words(span[key], factor)}{unit})"
        for words, key, least, largest, factor, unit in facts
        if least < span[key][0] or largest > span[key][1]
    ]
    found, known = _sampling(mask), checkpoint.recipe.scans().samplings()
    if found not in ("all of k-space", *known):  # all of it is R = 1, which is judged above
        differences.append(f"{found} (trained on {any_of(known)})")
    if not differences:
        return ""
    return (
        f"{name} is outside what {checkpoint.name} was trained for: {', '.join(differences)}; the image may be worse "
        "than it looks, so compare it with that of --method wavelet."
    )


def _span_words(span: Sequence[float], factor: float) -> str:
    low, high = (f"{factor * value:g}" for value in span)
    return low if low == high else f"{low} to {high}"


def _sampling(mask: Tensor) -> str:
    """What a mask keeps, in the words of `SimulatedScans.samplings` and `TaskScans.samplings`."""
    if bool(mask.all()):
        return "all of k-space"
    if bool((mask == mask[..., :1]).all()):
        return "lines along kx"
    if bool((mask == mask[..., :1, :]).all()):
        return "lines along ky"
    plane = mask.reshape(-1, *mask.shape[-2:]).any(dim=0)
    rows, columns = (plane.any(dim=dim).nonzero() for dim in (1, 0))
    box = plane[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return "the centre of k-space" if bool(box.all()) else "single points of k-space"


def _relative_noise(scan: Scan) -> float:
    """Noise per real and imaginary part in k-space, where the brightest pixel of the zero-filled image is 1."""
    A, kspace, _ = normalised(scan)
    return float(noise_level(kspace, scan.mask) / A.adjoint(kspace).abs().max())
