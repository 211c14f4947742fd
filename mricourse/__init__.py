"""Deep-learning MRI reconstruction, taught by building it: the library behind the lessons.

The names below load with their module when they are first used, so that a command which needs no tensor starts
without torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mricourse._lazy import face

if TYPE_CHECKING:
    import torch

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "classroom.ask": "predict quiz workspace_here",
        "classroom.exercise_checks": "check passed reject_known_mistakes your_turn",
        "evaluation.claims": "claim",
        "physics.fourier": "fft2c fftc ifft2c ifftc random_complex",
        "physics.operators": "SenseOperator dot_test",
        "physics.scan": "Scan",
    },
)
__all__ += ["device"]  # defined here


def device() -> torch.device:
    """Pick the device that the lessons compute on: the first CUDA GPU where there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


if "IPython" in sys.modules:  # in a notebook: its figures say in words what they show
    from mricourse.plotting.alt_text import describe_figures_in_notebooks

    describe_figures_in_notebooks()
