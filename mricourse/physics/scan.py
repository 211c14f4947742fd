"""The one object that every part of the course hands on: a measured or simulated slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mricourse.physics.operators import SenseOperator


@dataclass(frozen=True, eq=False)
class Scan:
    """One slice of multi-coil k-space with all that is known about it.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Centred, orthonormal k-space; zero where `mask` is False.
    smaps : complex Tensor, shape (coils, y, x), or None
        Coil sensitivity maps, dimensionless; None where they are not known.
    mask : bool Tensor, at least 2-D, broadcastable to (coils, ky, kx)
        True where a sample was acquired; a 1-D phase-encode pattern has shape (ky, 1).
    reference : Tensor, shape (y, x), or None
        The image to compare with, in the scale of `kspace`: complex for a simulated or a
        fully sampled scan, real where only magnitudes exist.
    meta : dict
        What is known in words and numbers: subject, contrast, slice, source, whether it is
        simulated, and physical quantities under names that carry their unit (``te_ms``).

    Raises
    ------
    TypeError
        A tensor of the wrong dtype, such as real-valued k-space.
    ValueError
        Shapes that do not fit together, values that are not finite, or k-space that is
        not zero outside the mask.
    """

    kspace: Tensor
    smaps: Tensor | None
    mask: Tensor
    reference: Tensor | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_kspace(self.kspace)
        coils, *image_shape = self.kspace.shape
        if self.smaps is not None:
            _check_complex("smaps", self.smaps)
            _check_shape("smaps", self.smaps, (coils, *image_shape))
            _check_finite("smaps", self.smaps)
        if self.reference is not None:
            _check_tensor("reference", self.reference)
            _check_shape("reference", self.reference, tuple(image_shape))
            _check_finite("reference", self.reference)
        _check_mask(self.mask, self.kspace)
        if not bool(self.mask.all()) and bool((self.kspace * ~self.mask).any()):
            raise ValueError(
                "kspace holds values where mask is False, which would let a reconstruction use "
                "samples that were never measured; build the full Scan and call .undersample(mask)."
            )

    @property
    def n_coils(self) -> int:
        """Number of receive coils."""
        return self.kspace.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Matrix size (ny, nx)."""
        return self.kspace.shape[-2], self.kspace.shape[-1]

    def to(self, device: torch.device | str) -> Scan:
        """Copy every tensor to `device`; `meta` is shared.

        Parameters
        ----------
        device : torch.device or str
            For example ``"cuda"`` or ``mricourse.device()``.
        """
        return replace(
            self,
            kspace=self.kspace.to(device),
            smaps=None if self.smaps is None else self.smaps.to(device),
            mask=self.mask.to(device),
            reference=None if self.reference is None else self.reference.to(device),
        )

    def undersample(self, mask: Tensor) -> Scan:
        """Drop the samples outside `mask`; smaps and reference stay as they are.

        Parameters
        ----------
        mask : bool Tensor, at least 2-D, broadcastable to (coils, ky, kx)
            Samples to keep. What this scan never measured stays unmeasured: the new mask is
            the intersection with the old one.

        Raises
        ------
        TypeError, ValueError
            A mask that is not boolean or does not fit the k-space.
        """
        _check_mask(mask, self.kspace)
        kept = self.mask & mask.to(self.mask.device)
        # where, not a product: x * 0 leaves negative zeros and would let a nan through
        return replace(self, kspace=torch.where(kept, self.kspace, 0), mask=kept)


def _check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} is a {type(value).__name__}; expected a torch Tensor: convert arrays with torch.as_tensor."
        )


def _check_complex(name: str, value: Any) -> None:
    _check_tensor(name, value)
    if not value.is_complex():
        raise TypeError(
            f"{name} has dtype {value.dtype}; expected a complex dtype: two real channels "
            "become complex with torch.view_as_complex."
        )


def _check_shape(name: str, value: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(value.shape) != shape:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}; expected {shape} to fit the k-space: "
            "check the order of the axes and the matrix size."
        )


def _check_finite(name: str, value: Tensor) -> None:
    if not bool(torch.isfinite(value.sum())):  # one nan or inf spoils the sum; five times as fast as all()
        raise ValueError(f"{name} holds nan or inf; expected finite values: check its source.")


def _check_kspace(kspace: Any) -> None:
    _check_complex("kspace", kspace)
    if kspace.ndim != 3 or 0 in kspace.shape:
        raise ValueError(
            f"kspace has shape {tuple(kspace.shape)}; expected (coils, ky, kx): take one slice, "
            "and add the coil axis of single-coil data with kspace[None]."
        )
    _check_finite("kspace", kspace)


def _check_mask(mask: Any, kspace: Tensor) -> None:
    _check_tensor("mask", mask)
    if mask.dtype != torch.bool:
        raise TypeError(f"mask has dtype {mask.dtype}; expected torch.bool: write mask != 0 to convert it.")
    if mask.ndim < 2:  # with ny == nx a 1-D mask would mask kx and nobody would notice
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}; expected (ky, kx) at the end: for a 1-D "
            "phase-encode mask use mask[:, None], shape (ky, 1)."
        )
    sizes_fit = all(m in (1, k) for m, k in zip(reversed(mask.shape), reversed(kspace.shape), strict=False))
    if mask.ndim > kspace.ndim or not sizes_fit:
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}; expected one that broadcasts to the k-space's "
            f"{tuple(kspace.shape)}: make the mask for this matrix size."
        )


class Batch(NamedTuple):
    """Scans of one shape, stacked: what a network takes and what it should return."""

    A: SenseOperator
    kspace: Tensor  # (scans, coils, ky, kx)
    reference: Tensor | None  # (scans, y, x)


class MapsBatch(Batch):
    """A batch of `mricourse.physics.multi_echo.MultiEchoScan`: three tensors as any other, and what is to be mapped.

    ``maps`` is float (scans, 2, y, x), fat fraction in % and R2* in 1/s; ``inside`` is bool (scans, 1, y, x).
    """

    maps: Tensor
    inside: Tensor


def stack(scans: Sequence[Scan], *, needs_reference: bool = True) -> list[Batch]:
    """Stack scans of equal shape into batches, so that a GPU takes them at once; other shapes make other batches.

    Parameters
    ----------
    scans : sequence of Scan
        With maps; or of `mricourse.physics.multi_contrast.MultiContrastScan`, whose batches have an axis of contrasts
        behind that of the scans.
    needs_reference : bool
        Without it, scans that have no reference are stacked too, and their batch has none.

    Raises
    ------
    ValueError
        A scan without maps, or without a reference where one is needed or the others have one.
    """
    n_references = sum(scan.reference is not None for scan in scans)
    if n_references != len(scans) and (needs_reference or n_references):
        raise ValueError("a scan has no reference; expected one in each: training compares with it.")
    if any(scan.smaps is None for scan in scans):
        raise ValueError("a scan has no maps; expected smaps: add them with with_smaps(scan).")
    groups: dict[tuple[int | str, ...], list[Scan]] = {}
    for scan in scans:
        contrasts = getattr(scan, "contrasts", ())  # of several; another order is another batch
        mapped = hasattr(scan, "maps")
        groups.setdefault((*scan.kspace.shape, scan.mask.shape[-1], mapped, *contrasts), []).append(scan)
    batches = []
    for group in groups.values():
        smaps = torch.stack([scan.smaps for scan in group])
        kspace = torch.stack([scan.kspace for scan in group])
        reference = torch.stack([scan.reference for scan in group]) if n_references else None
        leading = group[0].kspace.shape[:-3]  # the contrasts, where there are several
        masks = [scan.mask.expand(*leading, 1, scan.shape[0], -1) for scan in group]
        mask = torch.stack(masks)  # (scans, 1, ky, 1 or kx)
        batches.append(_with_maps(Batch(SenseOperator(smaps, mask), kspace, reference), group))
    return batches


def _with_maps(batch: Batch, scans: Sequence[Scan]) -> Batch:
    """Add the maps of the scans to their batch, where they have any."""
    if not hasattr(scans[0], "maps"):
        return batch
    mapped = MapsBatch(*batch)
    mapped.maps = torch.stack([scan.maps for scan in scans])
    mapped.inside = torch.stack([scan.inside[None] for scan in scans])
    return mapped
