"""Measured data as it was published: from the registry's files to arrays in this course's order of axes.

Lessons read the embedded copies (`mricourse.datasets.real`); these readers make those copies, and serve whoever asks
for the published samples themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mricourse.datasets.array_files import list_arrays
from mricourse.datasets.registry import entry, find, missing_sentence
from mricourse.physics.fourier import fft2c, fftc, ifftc

MOCO_CHANNELS = (0, 1, 3, 4)
"""The channels of `moco_brain_7ch` that are kept; the other three hold 2 % of the energy."""


def published_kspace(name: str) -> Tensor:
    """Read the samples of one measured slice from its published file.

    Parameters
    ----------
    name : "moco_brain_7ch", "sigpy_brain_8ch", "larson_knee" or "larson_head"

    Returns
    -------
    complex64 Tensor, shape (coils, ky, kx)
        Centred and orthonormal, in the published unit; zero where nothing was sampled.

    Raises
    ------
    FileNotFoundError
        The file is not on this machine; the sentence holds the command that gets it.
    ValueError
        An unknown name, or ``open_ms``, which holds no k-space.
    """
    entry(name)
    if name not in _READERS:
        raise ValueError(f"{name} holds magnitude volumes, not k-space; load them with load_open_ms().")
    [path] = published_files(name)
    return _READERS[name](path)


def published_volumes(patient: str) -> dict[str, np.ndarray]:
    """Read the registered volumes of one `open_ms` patient from their published files.

    Parameters
    ----------
    patient : "07" or "19"

    Returns
    -------
    dict {"t1", "t2", "flair", "lesions": array (z, y, x)}
        z from inferior to superior, y from anterior to posterior, x from the patient's right to left; as published,
        so with the small negative values of the interpolation.

    Raises
    ------
    FileNotFoundError
        The files are not on this machine; the sentence holds the command that gets them.
    """
    paths = [path for path in published_files("open_ms") if f"_p{patient}_" in path.name]
    # the files' axes are (x, y, z), x towards the patient's left and y towards the front
    volumes = [list_arrays(path)[0].read().transpose(2, 1, 0)[:, ::-1] for path in paths]
    return dict(zip(("t1", "t2", "flair", "lesions"), volumes, strict=True))


def published_files(name: str) -> tuple[Path, ...]:
    """Find the published files of a data set on this machine, or say in one sentence how to get them."""
    paths = find(name)
    if paths is None:
        raise FileNotFoundError(missing_sentence(name))
    return paths


def _array(path: Path) -> Tensor:
    return torch.from_numpy(list_arrays(path)[0].read().astype("complex64"))


def _moco_brain(path: Path) -> Tensor:
    return fft2c(_array(path).permute(2, 0, 1)[list(MOCO_CHANNELS)])  # published as coil images (y, x, coil)


def _larson_knee(path: Path) -> Tensor:
    lines = ifftc(_array(path)[None], dim=-1)
    nx = lines.shape[-1]
    inside = lines[..., nx // 4 : nx // 4 + nx // 2]  # the readout was oversampled twice
    return fftc(inside, dim=-1)


def _larson_head(path: Path) -> Tensor:
    return _array(path)[None]


_READERS = {
    "moco_brain_7ch": _moco_brain,
    "sigpy_brain_8ch": _array,
    "larson_knee": _larson_knee,
    "larson_head": _larson_head,
}
