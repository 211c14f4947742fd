"""The wavelet's best weight for one slice, found by comparing with the answer: the rival that a network has to beat."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mricourse.metrics import best_scale, psnr
from mricourse.operators import SenseOperator
from mricourse.solvers import wavelet_reconstruction

WEIGHTS = (1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2, 3e-2, 5e-2)  # relative to max |A^H y|
FIRST = (1e-3, 2e-3, 3e-3, 5e-3)  # tried in any case; others while the best is the least or the largest tried
ITERATIONS = (60, 100)


def tuned_wavelet(
    A: SenseOperator, kspace: Tensor, reference: Tensor, *, wavelet: str = "db2"
) -> tuple[Tensor, float, int]:
    """Reconstruct with the weight and the number of iterations that come closest to the reference itself.

    Nobody can tune like that without knowing the answer, so a method that beats it beats the wavelet.

    Parameters
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (coils, ky, kx)
    reference : complex Tensor, shape (y, x)
        In any unit: PSNR is taken at best scale.
    wavelet : str
        Name in PyWavelets, such as ``"db2"`` or ``"db1"``, Haar's.

    Returns
    -------
    image : complex Tensor, shape (y, x)
    reg_weight : float
    n_iterations : int
    """
    tried: dict[float, tuple[float, int, Tensor]] = {}

    def attempt(weight: float) -> None:
        iterates: list[Tensor] = []
        options = {"n_iterations": max(ITERATIONS), "wavelet": wavelet, "trace": iterates.append}
        wavelet_reconstruction(A, kspace, reg_weight=weight, **options)
        scores = {n: float(psnr(best_scale(iterates[n - 1], reference), reference)) for n in ITERATIONS}
        n = max(scores, key=scores.get)
        tried[weight] = scores[n], n, iterates[n - 1]

    wanted: Sequence[float] = FIRST
    while wanted:
        for weight in wanted:
            attempt(weight)
        best = max(tried, key=lambda weight: tried[weight][0])
        place = WEIGHTS.index(best)
        wanted = [weight for weight in WEIGHTS[max(place - 1, 0) : place + 2] if weight not in tried]
    _, n_iterations, image = tried[best]
    return image, best, n_iterations
