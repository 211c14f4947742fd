"""The three embedded heads: tissue probabilities and a T1-weighted image each, 1 mm voxels."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mricourse.files import ROOT

if TYPE_CHECKING:
    pass


FILE = ROOT / "data" / "anatomies.h5"
SPLITS = {"train": ("mni152", "colin27"), "test": ("s1",)}
"""Anatomies by split. Nothing is ever tuned or trained on the anatomies of ``"test"``."""
PLANES = {"axial": 0, "coronal": 1, "sagittal": 2}
"""Names of the planes and the axis of (z, y, x) that is normal to each."""
CHANNELS = ("t1", "wm", "gm", "csf", "fat", "muscle")
TISSUES = CHANNELS[1:]
"""Tissue classes; bone and air are what is left, and give no signal."""
WM_LEVEL = 140 / 255  # t1 of white matter in the file
FADE_MM = 12  # the lowest slices fade out, as where a coil's sensitivity ends
SHELL_T1 = {"fat": 1.4 * WM_LEVEL, "muscle": 0.5 * WM_LEVEL}  # t1 of a synthetic shell, as in colin27


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One head in voxels of 1 mm.

    Axes are (z, y, x): z from superior to inferior, y from anterior to posterior, x from the
    patient's right to left, so that every plane is upright when shown with row 0 at the top.

    Parameters
    ----------
    name : str
        Key of the anatomy in `SPLITS`.
    volume : uint8 Tensor, shape (z, y, x, 8)
        `CHANNELS` in that order, 0 to 255, and two empty ones: a voxel is then one 64-bit read.
    subject : str
        Whose head it is.
    shell : "measured" or "synthetic"
        Whether fat and muscle outside the brain come from the image or were drawn.
    """

    name: str
    volume: Tensor
    subject: str
    shell: str

    @property
    def split(self) -> str:
        """``"train"`` or ``"test"``."""
        return next(split for split, names in SPLITS.items() if self.name in names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Size (nz, ny, nx) in voxels, which is millimetres."""
        return tuple(self.volume.shape[:3])

    @property
    def version(self) -> int:
        """Number of writes into the volume: what was computed from it holds until the next one."""
        return 0 if self.volume.is_inference() else self.volume._version

    def channel(self, name: str) -> Tensor:
        """One channel as numbers from 0 to 1.

        Parameters
        ----------
        name : str
            ``"t1"`` (white matter near 0.55) or a tissue of `TISSUES` (probability).

        Returns
        -------
        float32 Tensor, shape (z, y, x)
        """
        if name not in CHANNELS:
            raise ValueError(f"channel is {name!r}; expected one of {', '.join(CHANNELS)}: choose one of them.")
        return self.volume[..., CHANNELS.index(name)] / 255

    @property
    def brain(self) -> Tensor:
        """Where brain and the fluid around it are: bool (z, y, x)."""
        return self.volume[..., 1:4].sum(dim=-1, dtype=torch.int16) > 127

    def sample(self, points: Tensor) -> Tensor:
        """Interpolate all channels at any points, trilinear; zero outside the volume.

        Parameters
        ----------
        points : float Tensor, shape (..., 3)
            Voxel coordinates (z, y, x); 0 is the centre of the first voxel.

        Returns
        -------
        float32 Tensor, shape (channels, ...)
            `CHANNELS` from 0 to 1.
        """
        nz, ny, nx = self.shape
        z, y, x = points.reshape(-1, 3).unbind(dim=-1)
        inside = (z >= 0) & (z <= nz - 1) & (y >= 0) & (y <= ny - 1) & (x >= 0) & (x <= nx - 1)
        cells = []
        fractions = []
        for coordinate, size in ((z, nz), (y, ny), (x, nx)):
            coordinate = coordinate.clamp(0, size - 1.001)
            cells.append(coordinate.long())
            fractions.append((coordinate - cells[-1]).unsqueeze(-1))
        first = (cells[0] * ny + cells[1]) * nx + cells[2]
        steps = [dz * ny * nx + dy * nx + dx for dz in (0, 1) for dy in (0, 1) for dx in (0, 1)]
        voxels = self.volume.view(torch.int64).view(-1)[first + torch.tensor(steps).unsqueeze(-1)]
        values = voxels.view(torch.uint8).view(2, 2, 2, len(z), -1).float()
        for fraction in fractions:
            values = torch.lerp(values[0], values[1], fraction)
        values = values * (inside / 255).unsqueeze(-1)
        return values[:, : len(CHANNELS)].T.reshape(-1, *points.shape[:-1])

    def plane_points(
        self,
        plane: str,
        shape: tuple[int, int],
        *,
        index: float,
        pixel_mm: float | None = None,
        rotation_rad: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Tensor:
        """Voxel coordinates of the pixels of one slice.

        Parameters
        ----------
        plane : "axial", "coronal" or "sagittal"
            The plane before it is turned; rows and columns are the two other axes in the order z, y, x.
        shape : (ny, nx)
            Matrix size.
        index : float
            Position along the normal, in voxels, which is mm.
        pixel_mm : float or None
            Pixel size; None fits the whole volume into the matrix.
        rotation_rad : three floats
            Turn within the plane, tilt about its rows and tilt about its columns, in radians.

        Returns
        -------
        float32 Tensor, shape (ny, nx, 3)
            Coordinates (z, y, x) for `sample`.

        Raises
        ------
        ValueError
            An unknown plane, a shape that is not two positive sizes, or a pixel size that is not positive.
        """
        normal = _plane_axis(plane)
        rows, columns = (axis for axis in range(3) if axis != normal)
        if len(shape) != 2 or min(shape) < 1:
            raise ValueError(f"shape is {tuple(shape)}; expected two positive sizes: write shape=(ny, nx).")
        if pixel_mm is None:
            pixel_mm = max(self.shape[rows] / shape[0], self.shape[columns] / shape[1])
        if not pixel_mm > 0:
            raise ValueError(f"pixel_mm is {pixel_mm}; expected a positive size in mm: 1.0 is the voxel size.")
        centre = (torch.tensor(self.shape) - 1) / 2
        centre[normal] = index
        directions = torch.eye(3)[[rows, columns, normal]]
        down, across, _ = _rotation(*rotation_rad) @ directions * pixel_mm
        along_rows = (torch.arange(shape[0]) - shape[0] // 2).view(-1, 1, 1)
        along_columns = (torch.arange(shape[1]) - shape[1] // 2).view(1, -1, 1)
        return centre + along_rows * down + along_columns * across

    def span(self, plane: str) -> tuple[int, int]:
        """First and last slice of a plane that cut a good part of the brain.

        Parameters
        ----------
        plane : "axial", "coronal" or "sagittal"

        Returns
        -------
        (first, last) : int
            Slice indices in mm; between them the brain fills at least 40 % of its largest section.
        """
        return _spans(self, self.version)[_plane_axis(plane)]


def load_anatomy(name: str) -> Anatomy:
    """Read one embedded head; the second call returns the same object, unless somebody has written into it.

    Parameters
    ----------
    name : str
        One of the names in `SPLITS`.

    Returns
    -------
    Anatomy
        About 60 MB; read in about half a second.

    Raises
    ------
    ValueError
        An unknown name.
    FileNotFoundError
        data/anatomies.h5 is missing.
    OSError
        data/anatomies.h5 is damaged.
    """
    anatomy, version = _loaded(name)
    if anatomy.version != version:
        _loaded.cache_clear()
        anatomy, _ = _loaded(name)
    return anatomy


@lru_cache(maxsize=8)
def _loaded(name: str) -> tuple[Anatomy, int]:
    """One head, and its `version` as it was read."""
    if name not in anatomy_names():
        raise ValueError(f"anatomy is {name!r}; expected one of {', '.join(anatomy_names())}: choose one of them.")
    stored, attributes = _read(name)
    fluid = stored["brain"].to(torch.int16) * 255 - stored["gm"] - stored["wm"]
    stored["csf"] = fluid.clamp(0, 255).to(torch.uint8)
    if attributes["shell"] == "synthetic":  # the file holds measured voxels only; give the shell a T1 as in colin27
        shell = sum(level * stored[tissue] for tissue, level in SHELL_T1.items())
        stored["t1"] = torch.maximum(stored["t1"], shell.to(torch.uint8))
    empty = torch.zeros_like(stored["t1"])
    volume = torch.stack([*(stored[channel] for channel in CHANNELS), empty, empty], dim=-1)
    fade = torch.linspace(math.pi / 2, 0, FADE_MM).sin().square().view(-1, 1, 1, 1)
    volume[-FADE_MM:] = (volume[-FADE_MM:] * fade).to(torch.uint8)  # no scanner cuts a neck with a knife
    anatomy = Anatomy(name, volume, subject=attributes["subject"], shell=attributes["shell"])
    return anatomy, anatomy.version


def anatomy_names(split: str | None = None) -> tuple[str, ...]:
    """Names of the anatomies of one split, or of all.

    Parameters
    ----------
    split : "train", "test" or None
        None returns every name.

    Raises
    ------
    ValueError
        An unknown split.
    """
    if split is None:
        return tuple(name for names in SPLITS.values() for name in names)
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected one of {', '.join(SPLITS)}: choose one of them.")
    return SPLITS[split]


def _rotation(turn: float, tilt_rows: float, tilt_columns: float) -> Tensor:
    """Rotation of (rows, columns, normal) within the plane, then about its two axes."""
    rotation = torch.eye(3)
    for angle, (first, second) in ((turn, (0, 1)), (tilt_rows, (1, 2)), (tilt_columns, (0, 2))):
        step = torch.eye(3)
        step[first, first] = step[second, second] = math.cos(angle)
        step[first, second] = math.sin(angle)
        step[second, first] = -math.sin(angle)
        rotation = step @ rotation
    return rotation


def _plane_axis(plane: str) -> int:
    if plane not in PLANES:
        raise ValueError(f"plane is {plane!r}; expected one of {', '.join(PLANES)}: choose one of them.")
    return PLANES[plane]


@lru_cache(maxsize=8)
def _spans(anatomy: Anatomy, version: int) -> Sequence[tuple[int, int]]:
    brain = anatomy.brain
    spans = []
    for axis in range(3):
        area = brain.sum(dim=[other for other in range(3) if other != axis])
        filled = torch.nonzero(area >= 0.4 * area.max()).flatten()
        spans.append((int(filled[0]), int(filled[-1])))
    return spans


def _read(name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    import h5py  # only here, so that `import mricourse` stays light

    if not FILE.exists():
        raise FileNotFoundError(
            f"{FILE} is missing; expected the embedded anatomies: restore it with `git checkout data/anatomies.h5` "
            "or make it with `python tools/build_anatomies.py`."
        )
    try:
        with h5py.File(FILE) as file:
            group = file[name]
            stored = {key: torch.from_numpy(dataset[()]) for key, dataset in group.items()}
            return stored, dict(group.attrs)
    except (OSError, KeyError) as error:
        raise OSError(
            f"{FILE} cannot be read ({error}); expected the embedded anatomies: restore it with "
            "`git checkout data/anatomies.h5`."
        ) from error


@lru_cache(maxsize=1)
def data_sha256() -> str:
    """Fingerprint of the anatomies that every scan is simulated from."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()
