"""Measured scans: files of many kinds become the same Scan."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "digits": "handwritten_digits",
        "inspect": "describe",
        "kspace_checks": "check_kspace infer_mask move_origin origin_in_corner spaces_of zero_frequency",
        "real": "Contrasts load_open_ms load_real",
        "scan_files": "read_complete read_scan write_image",
    },
)
