"""The measured scans that travel with the course: small copies in data/measured, no network and no cache.

`tools/build_measured.py` makes them from the published files; data/README.md says what was cut and how it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mricourse.files import ROOT
from mricourse.physics.fourier import fft2c

if TYPE_CHECKING:
    import h5py

FOLDER = ROOT / "data" / "measured"
CONTRASTS = ("t1", "t2", "flair")
FILES = ("moco_brain_7ch", "sigpy_brain_8ch", "larson_knee", "larson_head", "open_ms_07", "open_ms_19")
"""Names of the embedded files, without their suffix."""


def embedded_kspace(name: str) -> Tensor:
    """Read the samples of one measured slice from data/measured.

    Parameters
    ----------
    name : "moco_brain_7ch", "sigpy_brain_8ch", "larson_knee" or "larson_head"

    Returns
    -------
    complex64 Tensor, shape (coils, ky, kx)
        Centred and orthonormal, in the published unit; zero where nothing was sampled.

    Raises
    ------
    FileNotFoundError, OSError
        The file is missing, or damaged; the sentence says how to restore it.
    """
    with _opened(name) as file:
        if "coil_images" in file:
            return fft2c(torch.view_as_complex(torch.from_numpy(_in_units(file["coil_images"]))))
        samples = file["samples"][()]
        sampled = file["sampled"][()]
    kspace = torch.zeros(len(samples), *sampled.shape, dtype=torch.complex64)
    kspace[:, torch.from_numpy(sampled)] = torch.from_numpy(samples)
    return kspace


def embedded_slices(patient: str) -> tuple[dict[str, Tensor], tuple[int, ...]]:
    """Read the embedded slices of one `open_ms` patient.

    Parameters
    ----------
    patient : "07" or "19"

    Returns
    -------
    volumes : dict
        ``"t1"``, ``"t2"``, ``"flair"``: float32 Tensor (slices, y, x), at least 0; ``"lesions"``: bool Tensor.
    slices : tuple of int
        Their places in the published volume.

    Raises
    ------
    FileNotFoundError, OSError
        The file is missing, or damaged; the sentence says how to restore it.
    """
    with _opened(f"open_ms_{patient}") as file:
        volumes = {name: torch.from_numpy(_in_units(file[name])) for name in CONTRASTS}
        volumes["lesions"] = torch.from_numpy(file["lesions"][()]).bool()
        return volumes, tuple(int(z) for z in file["slices"][()])


def embedded_texts(file_name: str) -> dict[str, str]:
    """Read what is said of one of `FILES`: title, licence, licence_text, citation, sources, cut, stored and use.

    Raises
    ------
    FileNotFoundError, OSError
        The file is missing, or damaged; the sentence says how to restore it.
    """
    with _opened(file_name) as file:
        return {name: str(text) for name, text in file.attrs.items()}


@contextmanager
def _opened(name: str) -> Iterator[h5py.File]:
    import h5py  # only here, so that `import mricourse` stays light

    path = FOLDER / f"{name}.h5"
    advice = f"restore it with `git checkout data/measured/{path.name}`"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; expected an embedded measured scan: {advice}.")
    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, KeyError) as error:
        raise OSError(f"{path} cannot be read ({error}); expected an embedded measured scan: {advice}.") from error


def _in_units(dataset: h5py.Dataset) -> np.ndarray:
    """Whole numbers of steps back in the published unit, float32."""
    return dataset[()].astype(np.float32) * np.float32(dataset.attrs["step"])
