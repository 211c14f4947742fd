"""What a network costs: memory kept for the backward pass, and time."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor


def kept_for_backward(function: Callable[[], object]) -> int:
    """Call a function and count the bytes of memory that automatic differentiation keeps until its backward pass."""
    kept: dict[int, Tensor] = {}  # by address: views and tensors that are used twice count once

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        function()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def computing_seconds(function: Callable[[], object], *, repeats: int = 5, device: torch.device | str = "cpu") -> float:
    """Call a function several times and give the least computing time of a call, in seconds, of all its threads.

    Computing time stands still while other programs have the processor, so that two calls on a busy machine can be
    compared. A GPU computes on its own: there it is the time from the call until the GPU has finished.

    Parameters
    ----------
    function : callable
    repeats : int
        Calls; on a GPU the first one loads what the others find loaded.
    device : device
        What the function computes on.

    Raises
    ------
    ValueError
        No call at all.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; expected 1 or more.")
    on_gpu = torch.device(device).type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    found = []
    for _ in range(repeats):
        start = clock()
        function()
        if on_gpu:
            torch.cuda.synchronize(device)
        found.append(clock() - start)
    return min(found)


def training_step_ms(network: Callable[[Tensor], Tensor], image: Tensor) -> float:
    """Computing time of a forward and a backward pass on an image, in milliseconds, on the image's device.

    Parameters
    ----------
    network : callable, image -> real or complex Tensor
    image : Tensor, shape (batch, y, x)
    """

    def step() -> None:
        network(image).abs().sum().backward()

    return 1000 * computing_seconds(step, device=image.device)
