"""One process or many: the group that ``torchrun`` announces, and what its processes tell each other.

Without ``torchrun`` there is one process, and the functions give back what that process knows by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import torch

import mricourse

T = TypeVar("T")


def is_first_process() -> bool:
    """Whether this is the only process, or the one of those under ``torchrun`` that writes and speaks."""
    return os.environ.get("RANK", "0") == "0"


def join_processes(device: torch.device | str) -> tuple[int, int]:
    """Join the group that ``torchrun`` announces, and give the rank of this process and the number of processes.

    Parameters
    ----------
    device : torch.device or str
        What the processes compute on. On GPUs each one takes that of its own number on its machine.

    Returns
    -------
    rank, n_processes : int
        0 and 1 without ``torchrun``.
    """
    if not torch.distributed.is_initialized():
        if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return 0, 1
        on_gpu = torch.device(device).type == "cuda"
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def leave_processes() -> None:
    """Wait until every process has come here, then end their group; nothing happens where there is one process.

    A process that ends inside the group leaves threads behind, which may abort it while Python shuts down: torchrun
    then counts a finished training as failed.
    """
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def mean_over_processes(value: float, device: torch.device | str) -> float:
    """Average a number over all processes; each of them gets the same float64 result."""
    if not torch.distributed.is_initialized():
        return value
    total = torch.tensor(value, dtype=torch.float64, device=device)
    torch.distributed.all_reduce(total)
    return float(total) / torch.distributed.get_world_size()


def from_first_process(make: Callable[[], T]) -> T:
    """Make something in the first process alone, as by reading a file that the others may not see, and hand it to all.

    What it raises ends the first process, and ``torchrun`` then ends the others.
    """
    if not torch.distributed.is_initialized():
        return make()
    parcel = [make() if torch.distributed.get_rank() == 0 else None]
    torch.distributed.broadcast_object_list(parcel)
    return parcel[0]


def pick_device(name: str) -> torch.device:
    """Choose a device by its name, auto, cpu or cuda; ValueError where it is unknown or not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"the device is {name!r}; expected auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("the device is cuda, but torch finds no CUDA GPU here; expected cpu or auto.")
    return mricourse.device() if name == "auto" else torch.device(name)
