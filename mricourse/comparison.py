"""Networks beside their rivals, on many slices at once: what a lesson needs for a fair comparison."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mricourse.metrics import best_scale
from mricourse.operators import SenseOperator
from mricourse.tuning import tuned_wavelet

Reconstruction = Callable[[SenseOperator, Tensor], Tensor]


@torch.no_grad()
def compare(
    methods: Mapping[str, Reconstruction],
    A: SenseOperator,
    kspace: Tensor,
    reference: Tensor,
) -> dict[str, Tensor]:
    r"""Reconstruct with every method, beside zero-filling and a wavelet reconstruction that is tuned on the answer.

    Wavelets are Haar's with random shifts, at each image's best weight (`tuned_wavelet`): nobody can tune like that
    outside a test. All images come at their `best_scale`, so that no method wins or loses by a constant factor.

    Parameters
    ----------
    methods : mapping {name: method}
        ``method(A, kspace)`` returns (..., y, x), as the networks of the course do.
    A : SenseOperator
        Maps (..., coils, y, x) and mask.
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reference : complex Tensor, shape (..., y, x)

    Returns
    -------
    dict {name: complex Tensor (..., y, x)}
        ``"zero-filled"``, ``"wavelet"``, then the methods in their order.
    """
    images = {"zero-filled": A.adjoint(kspace), "wavelet": tuned_wavelet(A, kspace, reference, wavelet="db1")[0]}
    images |= {name: method(A, kspace) for name, method in methods.items()}
    return {name: best_scale(image, reference) for name, image in images.items()}


def kept_for_backward(function: Callable[[], object]) -> int:
    """Call a function and count the bytes of memory that automatic differentiation keeps until its backward pass."""
    kept: dict[int, Tensor] = {}  # by address: views and tensors that are used twice count once

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        function()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def computing_seconds(function: Callable[[], object], *, repeats: int = 5) -> float:
    """Call a function several times and give the least computing time of a call, in seconds, of all its threads.

    Computing time stands still while other programs have the processor, so that two calls on a busy machine can be
    compared. It says nothing of a GPU, which computes on its own.

    Raises
    ------
    ValueError
        No call at all.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; expected 1 or more.")
    found = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)
