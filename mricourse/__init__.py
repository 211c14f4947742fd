"""Deep-learning MRI reconstruction, taught by building it: the library behind the lessons.

The names below load with their module when they are first used, so that a command which needs no tensor starts
without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from mricourse.evaluation.claims import claim
    from mricourse.physics.fourier import fft2c, fftc, ifft2c, ifftc, random_complex
    from mricourse.physics.operators import SenseOperator, dot_test
    from mricourse.physics.scan import Scan

__version__ = "0.1.0"
__all__ = ["Scan", "SenseOperator", "claim", "device", "dot_test", "fft2c", "fftc", "ifft2c", "ifftc", "random_complex"]

_HOMES = {
    "fourier": ("fft2c", "fftc", "ifft2c", "ifftc", "random_complex"),
    "operators": ("SenseOperator", "dot_test"),
    "scan": ("Scan",),
    "statistics": ("claim",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"mricourse.{module}"), name)
    raise AttributeError(f"module 'mricourse' has no attribute {name!r}; it offers {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def device() -> torch.device:
    """Pick the device that the lessons compute on: the first CUDA GPU where there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
