"""Do two readers agree? Cohen's kappa for grades, with weights for how far two grades lie apart."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_kappa(first: Tensor, second: Tensor, *, n_grades: int = 5, weights: str = "quadratic") -> float:
    r"""Agreement beyond chance of two readers who graded the same images, $\kappa = 1 - D / D_\text{chance}$.

    $D$ is the mean disagreement of both grades of an image, $D_\text{chance}$ that of all pairs of a grade of the first
    reader and a grade of the second, whatever the image.

    Parameters
    ----------
    first, second : integer Tensor, shape (n,)
        Grades from 1 to `n_grades`, of the same images in the same order.
    n_grades : int
    weights : "quadratic", "linear" or "none"
        Disagreement of two grades: their squared difference, their difference, or 1 wherever they differ.

    Returns
    -------
    float
        1 where they always agree, 0 where they agree as often as by chance, below 0 where less often.

    Raises
    ------
    ValueError
        Grades of other shapes or outside of the scale, unknown weights, or readers who both give one and the same
        grade to all, so that there is nothing to agree on.

    Source: Cohen, Psychological Bulletin 70:213, 1968, doi:10.1037/h0026256.
    """
    _check_grades(first, second, n_grades)
    distance = (first[:, None] - second).double().abs()  # of every grade of the first from every one of the second
    if weights not in ("quadratic", "linear", "none"):
        raise ValueError(f"weights is {weights!r}; expected 'quadratic', 'linear' or 'none'.")
    disagreement = {"quadratic": distance.square(), "linear": distance, "none": (distance > 0).double()}[weights]
    by_chance = float(disagreement.mean())
    if by_chance == 0:
        raise ValueError("both readers give the same single grade to all images; expected grades that differ.")
    return 1 - float(disagreement.diagonal().mean()) / by_chance


def _check_grades(first: Tensor, second: Tensor, n_grades: int) -> None:
    if first.shape != second.shape or first.ndim != 1 or len(first) == 0:
        raise ValueError(f"grades have shapes {tuple(first.shape)} and {tuple(second.shape)}; expected the same (n,).")
    for grades in (first, second):
        whole = not grades.is_complex() and bool((grades == torch.round(grades.double())).all())
        if not whole or int(grades.min()) < 1 or int(grades.max()) > n_grades:
            raise ValueError(
                f"a grade lies outside of the whole numbers from 1 to {n_grades}; expected grades that were given: "
                "leave out images that one reader has not seen."
            )
