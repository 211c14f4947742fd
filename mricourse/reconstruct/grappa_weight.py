"""Choose the weight in the fit of GRAPPA's kernel from the scan itself, by lines of the ACS that are hidden from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mricourse.reconstruct.equispaced_lines import comb_of, longest_run, sampled_lines
from mricourse.reconstruct.parallel_imaging import grappa

WEIGHTS = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1)


def grappa_weight_of_acs(
    kspace: Tensor,
    mask: Tensor,
    *,
    kernel_size: tuple[int, int] = (4, 5),
    n_held: int = 8,
    weights: Sequence[float] = WEIGHTS,
) -> float:
    """Find the weight with which GRAPPA fills best what was measured and hidden.

    Of the ACS first the `n_held` lowest lines are hidden, then the highest, but for those of the comb; each time the
    kernel is learned on the others. The squared errors of both are added.

    Parameters
    ----------
    kspace, mask, kernel_size
        As for `mricourse.reconstruct.parallel_imaging.grappa`.
    n_held : int
        What is left of the ACS has to hold the kernel.
    weights : sequence of float
        To choose from.

    Returns
    -------
    float, one of `weights`

    Raises
    ------
    TypeError, ValueError
        As `grappa`; also where no line can be hidden.
    """
    sampled = sampled_lines(mask, kspace)
    acs = longest_run(sampled)
    comb, _ = comb_of(sampled, acs)
    if not 0 < n_held < len(acs):
        raise ValueError(
            f"n_held is {n_held} of an ACS of {len(acs)} lines; expected some of them, and fewer than all."
        )
    errors = dict.fromkeys(weights, 0.0)
    for part in (acs[:n_held], acs[-n_held:]):
        hidden = torch.zeros(len(sampled), 1, dtype=torch.bool, device=kspace.device)
        hidden[[line for line in part if line not in comb]] = True
        if not bool(hidden.any()):
            raise ValueError("no line of the ACS can be hidden; expected R of 2 or more, and n_held of 2 or more.")
        kept = torch.tensor(sampled, device=kspace.device)[:, None] & ~hidden
        for weight in weights:
            filled = grappa(kept * kspace, kept, kernel_size=kernel_size, reg_weight=weight)
            errors[weight] += float((hidden * (filled - kspace)).abs().square().sum())
    return min(errors, key=errors.__getitem__)
