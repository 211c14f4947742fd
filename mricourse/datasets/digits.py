"""Handwritten digits that come with scikit-learn, in the form that LeNet-5 takes, and whose hand wrote which.

They are the test half of the UCI set "Optical Recognition of Handwritten Digits" [Kaynak and Alpaydin, 1998]: the
description says that 13 people wrote them, and the file does not say who wrote what. But the same order of 130 digits
comes back 14 times, with few of them missing: it is the order of a printed form, and a filled-in form is one hand.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FORM_STARTS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
SIZE = 20  # pixels of a digit along each axis, as in the paper
FIELD = 32  # pixels of the image around it
PAPER, INK = -0.1, 1.175  # grey levels of the paper's background and of its ink


def handwritten_digits() -> tuple[Tensor, Tensor, Tensor]:
    """Read 1797 digits, each enlarged from 8 x 8 to 20 x 20 pixels in the middle of 32 x 32.

    Sizes and grey levels are those of LeCun et al., Proc. IEEE 86:2278, 1998, doi 10.1109/5.726791.

    Returns
    -------
    images : float32 Tensor, shape (1797, 1, 32, 32)
        Background -0.1, full ink 1.175.
    labels : int64 Tensor, shape (1797,)
        The digit, 0 to 9.
    forms : int64 Tensor, shape (1797,)
        Number of the form that it stands on, 0 to 13; each form was filled in by one hand.
    """
    from sklearn.datasets import load_digits

    ink, labels = load_digits(return_X_y=True)  # ink 0 to 16
    share = torch.from_numpy(ink).float().view(-1, 1, 8, 8) / 16
    large = functional.interpolate(share, size=SIZE, mode="bilinear")
    images = PAPER + (INK - PAPER) * functional.pad(large, [(FIELD - SIZE) // 2] * 4)
    places = torch.arange(len(labels))
    forms = torch.bucketize(places, torch.tensor(FORM_STARTS), right=True) - 1
    return images, torch.from_numpy(labels).long(), forms
