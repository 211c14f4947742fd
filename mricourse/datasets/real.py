"""Truly measured scans: from the published files to a `Scan`.

Nothing here touches the network. A lesson asks with `real_scan`, which says in a sentence when the data is not on
this machine; the lesson then goes on without it::

    scan = real_scan("moco_brain_7ch")
    if scan is not None:
        show_images([scan.reference], ["measured brain"])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mricourse.datasets.array_files import list_arrays
from mricourse.datasets.registry import REGISTRY, available, entry, fetch, find, missing_sentence
from mricourse.physics.coil_combination import combine
from mricourse.physics.coil_maps import espirit
from mricourse.physics.fourier import fft2c, fftc, ifft2c, ifftc
from mricourse.physics.scan import Scan

__all__ = [
    "REGISTRY", "Contrasts", "available", "fetch", "find", "load_open_ms", "load_real", "missing_sentence", "real_scan"
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Registered magnitude volumes of one head, without coils or phase.

    Parameters
    ----------
    t1, t2, flair : float32 Tensor, shape (z, y, x)
        Magnitudes in arbitrary units, at least 0, zero outside the brain; 1 mm voxels. The first slice is
        inferior, the first row anterior, the first column on the patient's right.
    lesions : bool Tensor, shape (z, y, x)
        Lesions that several raters agreed on.
    meta : dict
        subject, source, licence, citation, voxel_mm.
    """

    t1: Tensor
    t2: Tensor
    flair: Tensor
    lesions: Tensor
    meta: dict[str, Any]


def load_real(name: str) -> Scan:
    """Load one measured slice.

    Parameters
    ----------
    name : "moco_brain_7ch", "sigpy_brain_8ch", "larson_knee" or "larson_head"

    Returns
    -------
    Scan
        k-space in the published order of samples, scaled so that the largest magnitude of the fully sampled
        image is 1 (of the zero-filled one where no full sampling exists). ``meta["scale"]`` is what it was divided
        by. Several coils come with ESPIRiT maps from the 24 x 24 centre, one coil with a map of ones; the
        reference is the coil-combined image of all samples, None for ``sigpy_brain_8ch``.

    Raises
    ------
    FileNotFoundError
        The data is not on this machine; the sentence holds the command that gets it.
    ValueError
        An unknown name, or ``open_ms``, whose volumes `load_open_ms` returns.
    """
    if name == "open_ms":
        raise ValueError("open_ms holds magnitude volumes, not k-space; load them with load_open_ms().")
    entry(name)
    samples, meta = _LOADERS[name](_paths(name)[0])
    kspace = samples / samples.abs().max()  # the calibration squares values of 1e-8 twice
    smaps = espirit(kspace, acs=24) if len(kspace) > 1 else torch.ones_like(kspace)
    image = combine(ifft2c(kspace), smaps)
    scale = image.abs().max()
    meta = _meta(name, scale=float(samples.abs().max() * scale), **meta)
    sampled = (kspace != 0).any(dim=0)
    if name in _UNDERSAMPLED:
        return Scan(kspace / scale, smaps, sampled, None, meta)
    return Scan(kspace / scale, smaps, torch.ones(kspace.shape[-2], 1, dtype=torch.bool), image / scale, meta)


def real_scan(name: str) -> Scan | None:
    """Load one measured slice, or print one sentence and return None where it is not on this machine."""
    try:
        return load_real(name)
    except FileNotFoundError as error:
        print(error)
        return None


def load_open_ms(patient: str = "07") -> Contrasts:
    """Load the registered T1, T2, FLAIR and lesion volumes of patient ``"07"`` or ``"19"``.

    Raises
    ------
    FileNotFoundError
        The data is not on this machine; the sentence holds the command that gets it.
    ValueError
        Another patient.
    """
    if patient not in ("07", "19"):
        raise ValueError(f"there is no patient {patient!r} in open_ms; expected '07' or '19'.")
    paths = [path for path in _paths("open_ms") if f"_p{patient}_" in path.name]
    # the files' axes are (x, y, z), x towards the patient's left and y towards the front
    volumes = (list_arrays(path)[0].read().transpose(2, 1, 0)[:, ::-1] for path in paths)
    t1, t2, flair, lesions = (torch.from_numpy(np.ascontiguousarray(volume)) for volume in volumes)
    meta = _meta("open_ms", subject=f"open_ms patient {patient}", voxel_mm=1.0)
    return Contrasts(t1.clamp_min(0), t2.clamp_min(0), flair.clamp_min(0), lesions != 0, meta)


def _paths(name: str) -> tuple[Path, ...]:
    paths = find(name)
    if paths is None:
        raise FileNotFoundError(missing_sentence(name))
    return paths


def _meta(name: str, **known: Any) -> dict[str, Any]:
    data = REGISTRY[name]
    return {"source": name, "simulated": False, "licence": data.licence, "citation": data.citation, **known}


def _read(path: Path) -> Tensor:
    return torch.from_numpy(list_arrays(path)[0].read().astype("complex64"))


def _moco_brain(path: Path) -> tuple[Tensor, dict[str, Any]]:
    coil_images = _read(path).permute(2, 0, 1)[[0, 1, 3, 4]]  # the other three hold 2 % of the energy
    known = {"subject": "moco brain", "contrast": "T1w", "slice": "axial", "channels": (0, 1, 3, 4)}
    return fft2c(coil_images), known


def _sigpy_brain(path: Path) -> tuple[Tensor, dict[str, Any]]:
    return _read(path), {"subject": "sigpy brain", "contrast": "unknown", "slice": "axial, two phase encodes"}


def _larson_knee(path: Path) -> tuple[Tensor, dict[str, Any]]:
    coil_image = ifftc(_read(path)[None], dim=-1)
    nx = coil_image.shape[-1]
    inside = coil_image[..., nx // 4 : nx // 4 + nx // 2]  # the readout was oversampled twice
    return fftc(inside, dim=-1), {"subject": "larson knee", "contrast": "fat-suppressed", "slice": "coronal"}


def _larson_head(path: Path) -> tuple[Tensor, dict[str, Any]]:
    return _read(path)[None], {"subject": "larson head", "contrast": "T1w spin echo", "slice": "sagittal"}


_UNDERSAMPLED = {"sigpy_brain_8ch"}
_LOADERS: dict[str, Callable[[Path], tuple[Tensor, dict[str, Any]]]] = {
    "moco_brain_7ch": _moco_brain,
    "sigpy_brain_8ch": _sigpy_brain,
    "larson_knee": _larson_knee,
    "larson_head": _larson_head,
}
