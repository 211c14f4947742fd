"""What an equispaced mask samples: whole ky lines, every R-th of them, and an ACS."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


def sampled_lines(mask: Tensor, kspace: Tensor) -> list[bool]:
    """Say for each ky line whether it was sampled; refuse masks that are not of whole lines, the same in all coils."""
    if mask.dtype != torch.bool:
        raise TypeError(f"mask has dtype {mask.dtype}; expected bool, True where sampled. Use mask != 0.")
    lines = mask[:, None] if mask.ndim == 1 else mask
    first = lines.reshape(-1, *lines.shape[-2:])[0, :, :1]
    if len(first) != kspace.shape[-2] or not bool((lines == first).all()):
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}; expected whole ky lines, ({kspace.shape[-2]}, 1), the same for all "
            "coils. For lines along kx swap the axes of both, for single points use cg_sense."
        )
    return first[:, 0].tolist()


def longest_run(sampled: Sequence[bool]) -> range:
    """Find the ACS: the longest run of sampled lines."""
    runs = [range(0)]
    for line, is_there in enumerate(sampled):
        if is_there:
            goes_on = len(runs[-1]) and runs[-1].stop == line
            runs.append(range(runs[-1].start if goes_on else line, line + 1))
    return max(runs, key=len)


def comb_of(sampled: Sequence[bool], acs: range) -> tuple[list[int], int]:
    """Find the equispaced lines, between the first and the last that were sampled, and the distance R between them."""
    lines = [line for line, is_there in enumerate(sampled) if is_there]
    if len(lines) < 2:
        raise ValueError(f"the mask samples {len(lines)} of {len(sampled)} lines; expected every R-th line and an ACS.")
    acceleration = max(after - before for before, after in pairwise(lines))
    for offset in range(acceleration):
        comb = [line for line in range(lines[0], lines[-1] + 1) if line % acceleration == offset]
        if set(comb) <= set(lines) <= {*comb, *acs}:
            return comb, acceleration
    raise ValueError(
        f"the largest gap between sampled lines is {acceleration}, but they are not every {acceleration}-th line and "
        "an ACS; expected an equispaced acquisition. For other masks use cg_sense."
    )
