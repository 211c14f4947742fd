"""Truly measured scans: from the copies that travel with the course, or the published files, to a `Scan`.

Nothing here touches the network::

    scan = load_real("moco_brain_7ch")
    show_images([scan.reference], ["measured brain"])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mricourse.datasets.embedded import embedded_kspace, embedded_slices
from mricourse.datasets.published import MOCO_CHANNELS, published_kspace, published_volumes
from mricourse.datasets.registry import REGISTRY, available, entry, fetch, find, missing_sentence
from mricourse.physics.coil_combination import combine
from mricourse.physics.coil_maps import espirit
from mricourse.physics.fourier import ifft2c
from mricourse.physics.scan import Scan

__all__ = ["REGISTRY", "Contrasts", "available", "fetch", "find", "load_open_ms", "load_real", "missing_sentence"]

KNOWN: dict[str, dict[str, Any]] = {
    "moco_brain_7ch": {
        "subject": "moco brain",
        "contrast": "T1w",
        "slice": "axial",
        "channels": MOCO_CHANNELS,
        "split": "development",
    },
    "sigpy_brain_8ch": {"subject": "sigpy brain", "contrast": "unknown", "slice": "axial, two phase encodes"},
    "larson_knee": {"subject": "larson knee", "contrast": "fat-suppressed", "slice": "coronal"},
    "larson_head": {"subject": "larson head", "contrast": "T1w spin echo", "slice": "sagittal"},
}
"""What is known of each slice. The split ``"development"``: choices were made on it, so it is no test.

Which axis of `moco_brain_7ch` was the phase encode is not documented; here it is the first, `ky`."""


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Registered magnitude volumes of one head, without coils or phase.

    Parameters
    ----------
    t1, t2, flair : float32 Tensor, shape (z, y, x)
        Magnitudes in arbitrary units, at least 0, zero outside the brain; 1 mm voxels. The first slice is
        inferior, the first row anterior, the first column on the patient's right. The slices of the embedded
        copies are not neighbours.
    lesions : bool Tensor, shape (z, y, x)
        Lesions that several raters agreed on.
    meta : dict
        subject, source, licence, citation, voxel_mm; slices, the place of each in the published volume.
    """

    t1: Tensor
    t2: Tensor
    flair: Tensor
    lesions: Tensor
    meta: dict[str, Any]

    def slice_images(self, number: int) -> dict[str, Tensor]:
        """Give one slice by the names that contrasts have elsewhere: {"T1w", "T2w", "FLAIR": float32 (y, x)}.

        `mricourse.simulate.registered_contrasts.scan_contrasts` simulates a scan of them. What was measured are these
        magnitudes: coils, phase, noise and k-space of that scan were not.
        """
        return {"T1w": self.t1[number], "T2w": self.t2[number], "FLAIR": self.flair[number]}


def load_real(name: str, *, whole: bool = False) -> Scan:
    """Load one measured slice.

    Parameters
    ----------
    name : "moco_brain_7ch", "sigpy_brain_8ch", "larson_knee" or "larson_head"
    whole : bool
        Read the published file (`mricourse data get`) in place of the copy that travels with the course; in the copy
        the samples of `moco_brain_7ch` and `larson_knee` are rounded, to 1/64 of their noise.

    Returns
    -------
    Scan
        k-space in the published order of samples, scaled so that the largest magnitude of the fully sampled
        image is 1 (of the zero-filled one where no full sampling exists). ``meta["scale"]`` is what it was divided
        by. Several coils come with ESPIRiT maps from the 24 x 24 centre, one coil with a map of ones; the
        reference is the coil-combined image of all samples, None for ``sigpy_brain_8ch``. ``meta["split"]`` is
        ``"development"`` where choices of this course were made on the scan.

    Raises
    ------
    FileNotFoundError
        The file is not on this machine; the sentence says how to get it.
    ValueError
        An unknown name, or ``open_ms``, whose volumes `load_open_ms` returns.
    """
    if name == "open_ms":
        raise ValueError("open_ms holds magnitude volumes, not k-space; load them with load_open_ms().")
    entry(name)
    samples = published_kspace(name) if whole else embedded_kspace(name)
    kspace = samples / samples.abs().max()  # the calibration squares values of 1e-8 twice
    smaps = espirit(kspace, acs=24) if len(kspace) > 1 else torch.ones_like(kspace)
    image = combine(ifft2c(kspace), smaps)
    scale = image.abs().max()
    meta = _meta(name, scale=float(samples.abs().max() * scale), **KNOWN[name])
    sampled = (kspace != 0).any(dim=0)
    if name in _UNDERSAMPLED:
        return Scan(kspace / scale, smaps, sampled, None, meta)
    return Scan(kspace / scale, smaps, torch.ones(kspace.shape[-2], 1, dtype=torch.bool), image / scale, meta)


def load_open_ms(patient: str = "07", *, whole: bool = False) -> Contrasts:
    """Load registered T1, T2, FLAIR and lesions of patient ``"07"`` or ``"19"``.

    Parameters
    ----------
    patient : "07" or "19"
    whole : bool
        Read the published volumes of 182 slices (`mricourse data get open_ms`) in place of the twelve slices with
        lesions that travel with the course, whose magnitudes are rounded to 1/1000 of the largest.

    Raises
    ------
    FileNotFoundError
        The files are not on this machine; the sentence says how to get them.
    ValueError
        Another patient.
    """
    if patient not in ("07", "19"):
        raise ValueError(f"there is no patient {patient!r} in open_ms; expected '07' or '19'.")
    if whole:
        arrays = published_volumes(patient)
        volumes = {name: torch.from_numpy(arrays[name].copy()) for name in arrays}
        slices = tuple(range(len(volumes["t1"])))
    else:
        volumes, slices = embedded_slices(patient)
    lesions = volumes.pop("lesions") != 0
    magnitudes = {name: volume.clamp_min(0) for name, volume in volumes.items()}
    meta = _meta("open_ms", subject=f"open_ms patient {patient}", voxel_mm=1.0, slices=slices)
    return Contrasts(**magnitudes, lesions=lesions, meta=meta)


def _meta(name: str, **known: Any) -> dict[str, Any]:
    data = REGISTRY[name]
    return {"source": name, "simulated": False, "licence": data.licence, "citation": data.citation, **known}


_UNDERSAMPLED = {"sigpy_brain_8ch"}
