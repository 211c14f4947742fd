"""From a scanner's file to an image file."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "file_to_image": "Report reconstruct_file",
    },
)
