"""Trained networks with one part set otherwise: an ablation without a second training."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn


def changed(network: nn.Module, *, reg_weight: float | None = None, **settings: Any) -> nn.Module:
    r"""Copy a trained network, and set some of its parts to other values; the network itself stays as it is.

    This says how much the trained network relies on a part. What a network would reach that was trained without the
    part, it does not say.

    Parameters
    ----------
    network : nn.Module
        Such as an `AdaptiveMoDL` or a `MoDL`.
    reg_weight : float, optional
        $\lambda$, for networks that keep its logarithm in ``log_reg_weight``.
    **settings
        Attributes by name, ``turn_phase=False``, ``solver="cg"``, ``n_cg=3``. Learned numbers such as ``noise_power``
        are filled with the value.

    Raises
    ------
    ValueError
        An attribute that the network does not have, or a weight that is not positive.
    """
    if reg_weight is not None:
        if not reg_weight > 0:
            raise ValueError(f"got reg_weight={reg_weight}; expected a positive number.")
        settings["log_reg_weight"] = math.log(reg_weight)
    copied = copy.deepcopy(network)
    for name, value in settings.items():
        if not hasattr(copied, name):
            raise ValueError(f"the network has no part {name!r}; expected an attribute of {type(copied).__name__}.")
        part = getattr(copied, name)
        if isinstance(part, nn.Parameter):
            with torch.no_grad():
                part.fill_(value)
        else:
            setattr(copied, name, value)
    return copied
