"""fastMRI's layout of ``.h5`` files, which M4Raw shares: what lies beside ``kspace`` and what the header says.

Multi-coil k-space is (slice, coil, readout, phase), that of a single coil (slice, readout, phase), and that of the
prostate set has averages in front; M4Raw has phase before readout. Readouts are oversampled, and lines outside the
encoding limits were not measured [Zbontar, arXiv:1811.08839; Lyu, Scientific Data 2023].
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from xml.etree import ElementTree

MARKS = ("ismrmrd_header", "reconstruction_esc", "reconstruction_rss")
AXES = {3: ("slice", "x", "y"), 4: ("slice", "coil", "x", "y"), 5: ("average", "slice", "coil", "x", "y")}


@dataclass(frozen=True)
class Header:
    """What an ISMRMRD header says about one encoding; None where it does not.

    Parameters
    ----------
    encoded, recon : (int, int)
        Matrix sizes (readout, phase) as measured and as meant to be looked at.
    lines : (int, int)
        First measured line, and the first behind the last.
    trajectory : str
    """

    encoded: tuple[int, int] | None = None
    recon: tuple[int, int] | None = None
    lines: tuple[int, int] | None = None
    trajectory: str = ""


def read_header(xml: bytes | str) -> Header:
    """Read an ISMRMRD header, whatever prefix its namespace has; an unreadable one says nothing."""
    try:
        encoding = ElementTree.fromstring(xml).find("{*}encoding")
    except ElementTree.ParseError:
        return Header()
    if encoding is None:
        return Header()
    encoded, recon = (_matrix(encoding, space) for space in ("encodedSpace", "reconSpace"))
    trajectory = (encoding.findtext("{*}trajectory") or "").strip().lower()
    limit = encoding.find("{*}encodingLimits/{*}kspace_encoding_step_1")
    lines = None
    if limit is not None and encoded is not None:
        centre, last = (_number(limit.findtext(f"{{*}}{name}")) for name in ("center", "maximum"))
        if centre is not None and last is not None:
            first = encoded[1] // 2 - centre
            lines = (first, first + last + 1)
    return Header(encoded, recon, lines, trajectory)


def is_fastmri(names: Collection[str], attributes: Collection[str]) -> bool:
    """Whether what lies beside an array ``kspace`` is what fastMRI stores there."""
    return "kspace" in names and (any(mark in names for mark in MARKS) or "acquisition" in attributes)


def _matrix(encoding: ElementTree.Element, space: str) -> tuple[int, int] | None:
    sizes = [_number(encoding.findtext(f"{{*}}{space}/{{*}}matrixSize/{{*}}{axis}")) for axis in "xy"]
    return (sizes[0], sizes[1]) if all(sizes) else None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None
