"""Measured scans: files of many kinds become the same Scan."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "inspect": "describe",
        "real": "Contrasts load_open_ms load_real real_scan",
        "scan_files": "infer_mask read_complete read_scan write_image",
    },
)
