"""Networks beside their rivals, on many slices at once: what a lesson needs for a fair comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mricourse.metrics import best_scale, psnr
from mricourse.operators import SenseOperator
from mricourse.solvers import wavelet_reconstruction

WEIGHTS = (5e-4, 1.2e-3, 3e-3, 8e-3)  # relative to max |A^H y|; the curve between two of them is flat
Reconstruction = Callable[[SenseOperator, Tensor], Tensor]


@torch.no_grad()
def compare(
    methods: Mapping[str, Reconstruction],
    A: SenseOperator,
    kspace: Tensor,
    reference: Tensor,
    *,
    weights: Sequence[float] = WEIGHTS,
) -> dict[str, Tensor]:
    r"""Reconstruct with every method, beside zero-filling and a wavelet reconstruction that is tuned on the answer.

    Wavelets are Haar's with random shifts; of the given weights each image gets the one with its highest PSNR. Nobody
    can tune like that outside a test, so as a baseline it is stronger than fair. `mricourse.tuning.tuned_wavelet`
    searches more finely, one image at a time. All images come at their `best_scale`, so that no method wins or loses
    by a constant factor.

    Parameters
    ----------
    methods : mapping {name: method}
        ``method(A, kspace)`` returns (..., y, x), as the networks of the course do.
    A : SenseOperator
        Maps (..., coils, y, x) and mask.
    kspace : complex Tensor, shape (..., coils, ky, kx)
    reference : complex Tensor, shape (..., y, x)
    weights : sequence of float
        Candidates for the wavelets.

    Returns
    -------
    dict {name: complex Tensor (..., y, x)}
        ``"zero-filled"``, ``"wavelet"``, then the methods in their order.
    """
    images = {"zero-filled": A.adjoint(kspace), "wavelet": _best_wavelet(A, kspace, reference, weights)}
    images |= {name: method(A, kspace) for name, method in methods.items()}
    return {name: best_scale(image, reference) for name, image in images.items()}


def _best_wavelet(A: SenseOperator, kspace: Tensor, reference: Tensor, weights: Sequence[float]) -> Tensor:
    best, highest = torch.zeros_like(reference), torch.full(reference.shape[:-2], -torch.inf, dtype=torch.float64)
    for weight in weights:
        image = wavelet_reconstruction(A, kspace, reg_weight=weight, wavelet="db1")
        quality = torch.as_tensor(psnr(best_scale(image, reference), reference), dtype=torch.float64)
        better = (quality > highest)[..., None, None].to(image.device)
        best, highest = torch.where(better, image, best), torch.maximum(highest, quality)
    return best


def kept_for_backward(function: Callable[[], object]) -> int:
    """Call a function and count the bytes of memory that automatic differentiation keeps until its backward pass."""
    kept: dict[int, Tensor] = {}  # by address: views and tensors that are used twice count once

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        function()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
