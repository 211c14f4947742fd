"""Deep-learning MRI reconstruction, taught by building it: the library behind the lessons.

Importing this package loads torch and the physics; plotting, widgets, files and the classroom
load when their own modules are imported.
"""

import torch

from mricourse.fourier import fft2c, fftc, ifft2c, ifftc, random_complex
from mricourse.operators import SenseOperator, dot_test
from mricourse.scan import Scan
from mricourse.statistics import claim

__version__ = "0.1.0"
__all__ = ["Scan", "SenseOperator", "claim", "device", "dot_test", "fft2c", "fftc", "ifft2c", "ifftc", "random_complex"]


def device() -> torch.device:
    """Pick the device that the lessons compute on: the first CUDA GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
