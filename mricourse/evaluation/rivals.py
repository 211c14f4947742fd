"""What a network has to beat on a scan: wavelets and total variation, converged, at the weight that suits the answer.

Nobody can tune like that without knowing the answer. It takes most of an evaluation, so what was found can be kept.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from mricourse.evaluation.metrics import best_scale, psnr, ssim
from mricourse.evaluation.noisy_reference import ReferenceNoise
from mricourse.evaluation.tuning import WEIGHTS, converged, sparse_reconstruction
from mricourse.files import write_whole
from mricourse.physics.normalisation import normalised
from mricourse.physics.scan import Scan

FINE_TOLERANCE = 1e-4  # of the objective, to which each rival is solved
RIVALS = {"wavelet db2": "db2", "wavelet Haar": "haar", "TV": "tv"}  # name -> kind of `converged`
CODE = ("physics", "reconstruct", "evaluation")  # packages whose change makes kept results old


@dataclass(frozen=True)
class Closeness:
    """How close an image came to the reference: PSNR in dB and SSIM at best scale.

    `psnr_without_noise`, of `ReferenceNoise.psnr`, is None where it cannot be told; `reg_weight` where there is none.
    """

    psnr: float
    ssim: float
    psnr_without_noise: float | None = None
    reg_weight: float | None = None


def closeness(
    image: Tensor,
    complete: Scan,
    noise: ReferenceNoise | None,
    change: Tensor | None = None,
    reg_weight: float | None = None,
) -> Closeness:
    """Compare an image (y, x), complex or a magnitude, with the reference of a complete scan.

    Parameters
    ----------
    image : Tensor, shape (y, x)
        In any unit.
    complete : Scan
        With a complex reference.
    noise : ReferenceNoise or None
        Of that reference, where it is known.
    change : Tensor, shape (y, x)
        Of the image, as `ReferenceNoise.psnr` takes it; not used without `noise`.
    reg_weight : float, optional
        To be noted.
    """
    reference = complete.reference
    free = None if noise is None else noise.psnr(image, change)
    scaled = best_scale(image, reference if image.is_complex() else reference.abs())
    return Closeness(float(psnr(scaled, reference)), float(ssim(scaled, reference)), free, reg_weight)


def rival_scores(
    complete: Scan, kept: Scan, noise: ReferenceNoise | None, *, folder: Path | None = None
) -> dict[str, Closeness]:
    """Score each of `RIVALS` on what was kept of a complete scan.

    Parameters
    ----------
    complete : Scan
        All samples, with the reference.
    kept : Scan
        With a mask and maps of its own.
    noise : ReferenceNoise or None
        Of the reference.
    folder : Path, optional
        Where results are kept: for the same samples, mask, settings and code the numbers come from there. A folder that
        cannot be written keeps nothing.
    """
    found = {}
    for name, kind in RIVALS.items():
        file = None if folder is None else folder / f"{_fingerprint(complete, kept, kind)}.json"
        known = None if file is None else _read(file)
        found[name] = _score(complete, kept, noise, kind) if known is None else known
        if file is not None and known is None:
            with suppress(OSError):
                write_whole(file, json.dumps(asdict(found[name])))
    return found


def _score(complete: Scan, kept: Scan, noise: ReferenceNoise | None, kind: str) -> Closeness:
    A, kspace, unit = normalised(kept)
    image, weight = converged(A, kspace, complete.reference, kind, tolerance=FINE_TOLERANCE)
    change = None
    if noise is not None:  # of images that are solved less closely, which is no matter for a small difference

        def solved(scan: Scan) -> Tensor:
            A, kspace, unit = normalised(scan)
            return sparse_reconstruction(A, kspace, kind, weight) * unit

        change = solved(noise.disturbed(kept)) - solved(kept)
    return closeness(image * unit, complete, noise, change, weight)


def _fingerprint(complete: Scan, kept: Scan, kind: str) -> str:
    """Hash of all that a result depends on."""
    settings = [kind, FINE_TOLERANCE, WEIGHTS, torch.__version__, kept.kspace.device.type, _code()]
    digest = hashlib.sha256(json.dumps(settings).encode())
    for tensor in (complete.kspace, kept.mask):
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@lru_cache
def _code() -> str:
    """Hash of the library's code that makes and judges the rivals."""
    digest = hashlib.sha256()
    for package in CODE:
        for path in sorted((Path(__file__).parents[1] / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(file: Path) -> Closeness | None:
    """Read a kept result; None where there is none, or no such thing in the file."""
    try:
        return Closeness(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
