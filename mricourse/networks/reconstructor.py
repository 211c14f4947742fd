"""What training, inference and recipes ask of a network that reconstructs, beyond ``network(A, kspace)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace


@runtime_checkable
class Reconstructor(Protocol):
    """A network that maps measured k-space to an image.

    A class that names this protocol among its bases, ``class Mine(nn.Module, Reconstructor)``, takes over the answers
    that stand here and gives its own where it differs.
    """

    n_iterations: int = 1  # how many times `forward` calls `trace`, at most
    matrix: tuple[int, int] | None = None  # the one (ny, nx) that it takes, where it takes no other
    contrasts: tuple[str, ...] = ()  # names of those that it takes together, in their order; none where it takes one
    adaptable: bool = False  # whether it returns to the data in every iteration, which holds what one scan teaches it

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data.

        `trace`, where there is one, is called with the image of each iteration, the last one included.
        """
        ...

    def fast_parameters(self) -> list[nn.Parameter]:
        """Give the parameters that need larger steps than weights, such as the logarithm of a single number."""
        return []


@runtime_checkable
class Startable(Protocol):
    """A network that can go on from the weights of a trained one."""

    def start_from(self, other: nn.Module) -> None:
        """Copy them; a ValueError where they do not fit."""
        ...


@runtime_checkable
class Unrolled(Reconstructor, Protocol):
    """A network that alternates two steps, and can be opened: every image on its way is an image."""

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep every image (..., y, x): the start first, the result last, in the units of the data."""
        ...

    def start_from(self, other: nn.Module) -> None:
        """Copy the weights of a trained network, as a rule of one with fewer iterations.

        Raises
        ------
        ValueError
            A network whose weights do not fit.
        """
        ...


@torch.no_grad()
def start_iterations(mine: nn.ModuleList, other: nn.Module) -> None:
    """Copy the weights of a trained network's iterations, each to those that it served: `Unrolled.start_from`.

    Parameters
    ----------
    mine : ModuleList
        The iterations of the network that starts, whatever their number.
    other : nn.Module
        A network that keeps its own as ``iterations``.

    Raises
    ------
    ValueError
        Another kind of network, or iterations of another size.
    """
    theirs = getattr(other, "iterations", [])
    pairs = [(each, theirs[number * len(theirs) // len(mine)]) for number, each in enumerate(mine) if len(theirs)]
    if not pairs or not take_over(pairs):
        raise ValueError(
            "the network to start from does not fit; expected one of the same kind with iterations of the same size."
        )


@torch.no_grad()
def take_over(pairs: Sequence[tuple[nn.Module, nn.Module]]) -> bool:
    """Copy the state of the second of each pair into the first, or of none where one does not fit, and say whether."""
    if not all(same_shapes(mine.state_dict(), theirs.state_dict()) for mine, theirs in pairs):
        return False
    for mine, theirs in pairs:
        mine.load_state_dict(theirs.state_dict())
    return True


def same_shapes(mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> bool:
    """Whether two states have tensors of the same names and shapes."""
    return {name: each.shape for name, each in mine.items()} == {name: each.shape for name, each in theirs.items()}
