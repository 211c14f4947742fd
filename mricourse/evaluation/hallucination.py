r"""What an image shows that its data cannot contradict: the part of an error that lies in the null space of a scan."""

from __future__ import annotations

import torch
from torch import Tensor

from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import conjugate_gradient


def hallucination_map(image: Tensor, truth: Tensor, A: SenseOperator, *, n_iterations: int = 100) -> Tensor:
    r"""Keep what no data can contradict of an error, $(I - A^{+} A)(\hat x - x)$.

    $A^{+} A e$ is the part of $e$ that the scan sees: the smallest image with the same data as $e$, found by conjugate
    gradients from zero. One uniform coil needs a single step; several coils see most directions a little, and what is
    left then depends on `n_iterations`, as in iterative SENSE.

    Parameters
    ----------
    image, truth : complex Tensor, shape (..., y, x)
        In one unit; the truth without noise, or its noise counts as what was missed.
    A : SenseOperator
    n_iterations : int
        At most so many.

    Returns
    -------
    complex Tensor, shape (..., y, x)

    Raises
    ------
    ValueError
        Images of other shapes.

    Source: Bhadra et al., IEEE Trans. Med. Imaging 40:3249, 2021, doi:10.1109/TMI.2021.3077857.
    """
    if image.shape != truth.shape:
        raise ValueError(f"image has shape {tuple(image.shape)}, truth {tuple(truth.shape)}; expected one shape.")
    return _unseen(image - truth, A, n_iterations)


def hallucination_score(image: Tensor, truth: Tensor, A: SenseOperator, *, n_iterations: int = 100) -> Tensor:
    r"""Compare the energy of `hallucination_map` with that of what the scan did not see of the truth.

    0 for the truth, 1 for an image with zeros there, above 1 where what was put in is worse than zeros. What was missed
    and what was invented count alike; `mricourse.evaluation.realism.split_error` tells them apart.

    Parameters
    ----------
    image, truth, A, n_iterations :
        As in `hallucination_map`.

    Returns
    -------
    real Tensor, shape (...)

    Raises
    ------
    ValueError
        A truth of which the scan sees everything; images of other shapes.
    """
    wrong = _energy(hallucination_map(image, truth, A, n_iterations=n_iterations))
    unseen = _energy(_unseen(truth, A, n_iterations))
    if not (unseen > 1e-10 * _energy(truth)).all():
        raise ValueError("the scan sees everything of a truth; expected one that was undersampled.")
    return wrong / unseen


def _unseen(image: Tensor, A: SenseOperator, n_iterations: int) -> Tensor:
    with torch.no_grad():
        return image - conjugate_gradient(A.normal, A.normal(image), n_iterations=n_iterations)


def _energy(image: Tensor) -> Tensor:
    return image.abs().square().sum((-2, -1))
