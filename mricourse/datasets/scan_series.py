"""The slices of one file, read one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mricourse.datasets.kspace_checks import check_kspace, move_origin, origin_in_corner
from mricourse.physics.loud_coils import loudness
from mricourse.physics.scan import Scan


@dataclass(frozen=True)
class ScanSeries:
    """One file of k-space.

    Parameters
    ----------
    path : path
    n_slices : int
    read : callable
        From the number of a slice to its `Scan`, with phase encoding along ky where the file says which axis that is.
        ``meta["notes"]`` says in words what was recognised and put right; ``meta["calibration"]``, where it is
        there, is a Scan of separate calibration lines.
    is_volume : bool
        Whether the file has an axis of slices, be it of one entry.
    turned : bool
        Whether the file has ky along its columns, so that a Scan's image is turned against the file's.
    image_shape : (int, int), optional
        The central part of the image, in the file's orientation, that its makers look at.
    layout : str
        The axes of the stored array in words.
    key : str
        Its name in the file.
    """

    path: Path
    n_slices: int
    read: Callable[[int], Scan]
    is_volume: bool = False
    turned: bool = False
    image_shape: tuple[int, int] | None = None
    layout: str = ""
    key: str = ""

    def scan(self, i_slice: int = 0) -> Scan:
        """Read one slice; in a volume, its errors name it.

        Raises
        ------
        ValueError
            No such slice.
        TypeError, ValueError, OSError
            As `mricourse.datasets.scan_files.read_scan`.
        """
        if not 0 <= i_slice < self.n_slices:
            raise ValueError(
                f"{self.path} has no slice {i_slice}; expected 0 to {self.n_slices - 1}: choose one of its slices."
            )
        try:
            return self.read(i_slice)
        except (TypeError, ValueError) as error:
            if self.n_slices == 1:
                raise
            raise (TypeError if isinstance(error, TypeError) else ValueError)(f"slice {i_slice}: {error}") from error

    def in_file_orientation(self, image: Tensor) -> Tensor:
        """Turn the image (y, x) of a Scan as the file has it, and crop it to `image_shape`."""
        image = image.mT if self.turned else image
        return image if self.image_shape is None else crop(image, self.image_shape)


def crop(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """The central part of (..., y, x), where it is larger than ``shape``."""
    for axis, size in zip((-2, -1), shape, strict=True):
        n = image.shape[axis]
        if n > size:
            image = image.narrow(axis, n // 2 - size // 2, size)
    return image


def checked_scan(
    kspace: Tensor,
    mask: Tensor,
    smaps: Tensor | None,
    *,
    source: Path,
    notes: tuple[str, ...] = (),
    turned: bool = False,
    **meta: object,
) -> Scan:
    """Make a `Scan` of samples (coils, ky, kx) after `check_kspace`.

    A coil that drowns in noise is scaled down until its noise is as that of the others.
    An image whose origin is in the corner along both axes is put right. Along one axis it may as well be an object at
    the border of the field of view, and with maps it has to stay where they are; then a note says it, of the axes of
    the file where the scan is ``turned``.
    """
    check_kspace(kspace)
    kspace = torch.where(mask, kspace, 0)
    times = loudness(kspace, mask)
    if loud := (times > 1).nonzero().flatten().tolist():
        kspace = _divided(kspace, times)
        smaps = None if smaps is None else _divided(smaps, times)
        if "calibration" in meta:
            meta["calibration"] = replace(meta["calibration"], kspace=_divided(meta["calibration"].kspace, times))
        which = f"coil{'s' if len(loud) > 1 else ''} {', '.join(map(str, loud))}"
        notes = (*notes, f"{which} scaled down for {float(times.max()):.0f} times the noise of the others")
    corner = origin_in_corner(kspace, mask)
    if smaps is None and all(corner):
        kspace = move_origin(kspace)
        notes = (*notes, "image moved from the corners to the centre")
    elif any(corner):
        axis = "both axes" if all(corner) else "y" if corner[0] != turned else "x"
        notes = (*notes, f"the image seems to lie across its border along {axis} (np.fft.fftshift joins it)")
    return Scan(kspace, smaps, mask, meta={"source": str(source), "notes": notes, **meta})


def _divided(values: Tensor, times: Tensor) -> Tensor:
    return (values / times[:, None, None]).to(values.dtype)
