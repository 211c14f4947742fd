r"""LeNet-5 [LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86:2278, 1998, doi 10.1109/5.726791]: as published and as today.

Both map images of 32 x 32 pixels to one score for each class; the class with the highest score is the answer, and
softmax cross-entropy of the scores the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 32  # pixels along each axis
CONNECTIONS = (  # table I of the paper: the maps of S2 that each of the 16 maps of C3 looks at
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
BITMAPS = (  # what F6 should show for each digit, 12 rows of 7: drawn for the course in the manner of the paper's
    "....... ..###.. .#...#. #.....# #.....# #.....# #.....# #.....# .#...#. ..###.. ....... .......",
    "....... ...#... ..##... .#.#... ...#... ...#... ...#... ...#... ...#... .#####. ....... .......",
    "....... .#####. #.....# ......# ......# .....#. ..###.. .#..... #...... ####### ....... .......",
    "....... .#####. #.....# ......# ......# ..####. ......# ......# #.....# .#####. ....... .......",
    "....... ....##. ...#.#. ..#..#. .#...#. #....#. ####### .....#. .....#. .....#. ....... .......",
    "....... ####### #...... #...... ######. ......# ......# ......# #.....# .#####. ....... .......",
    "....... ..####. .#..... #...... #.####. ##....# #.....# #.....# #.....# .#####. ....... .......",
    "....... ####### ......# .....#. .....#. ....#.. ....#.. ...#... ...#... ...#... ....... .......",
    "....... .#####. #.....# #.....# .#####. #.....# #.....# #.....# #.....# .#####. ....... .......",
    "....... .#####. #.....# #.....# #.....# .###### ......# ......# .....#. .####.. ....... .......",
)


class Subsampling(nn.Module):
    """Add up 2 x 2 pixels, then a factor and a constant for each map: (batch, n, y, x) -> (batch, n, y / 2, x / 2).

    The pooling of 1998, with 2 n parameters; today's has none.
    """

    def __init__(self, n_maps: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((n_maps,), 0.25))
        self.constant = nn.Parameter(torch.zeros(n_maps))

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, n, y, x) -> (batch, n, y / 2, x / 2)"""
        total = 4 * functional.avg_pool2d(maps, 2)
        return self.factor[:, None, None] * total + self.constant[:, None, None]


class PartialConvolution(nn.Module):
    """Convolve with 5 x 5 kernels along a table of connections, without padding.

    Parameters
    ----------
    connections : sequence of sequences of int
        For each map of the output the maps of the input that it looks at; every pair has a kernel, all others none.
    """

    def __init__(self, connections: tuple[tuple[int, ...], ...] = CONNECTIONS) -> None:
        super().__init__()
        pairs = [(out, source) for out, sources in enumerate(connections) for source in sources]
        self.register_buffer("pairs", torch.tensor(pairs).T, persistent=False)
        self.n_in = 1 + max(source for _, source in pairs)
        bounds = torch.tensor([(25 * len(sources)) ** -0.5 for sources in connections])  # as nn.Conv2d begins
        self.kernels = nn.Parameter((2 * torch.rand(len(pairs), 5, 5) - 1) * bounds[self.pairs[0], None, None])
        self.constants = nn.Parameter((2 * torch.rand(len(connections)) - 1) * bounds)

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, n_in, y, x) -> (batch, n_out, y - 4, x - 4)"""
        dense = self.kernels.new_zeros(len(self.constants), self.n_in, 5, 5)
        return functional.conv2d(maps, dense.index_put((self.pairs[0], self.pairs[1]), self.kernels), self.constants)


class ScaledTanh(nn.Module):
    """The squashing function of the paper, 1.7159 tanh(2 x / 3), which maps -1 and 1 to themselves."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return 1.7159 * torch.tanh(2 * x / 3)


class FixedBitmaps(nn.Module):
    r"""Compare 84 numbers with ten fixed bitmaps of 7 x 12: $-\lVert x - b_k\rVert^2$, (batch, 84) -> (batch, 10).

    The paper's output, Euclidean radial basis functions with fixed centres of -1 and 1; the sign is ours, so that the
    best score is the highest. Softmax cross-entropy of it is the paper's criterion (9), without the constant that keeps
    rubbish away from all classes.
    """

    def __init__(self) -> None:
        super().__init__()
        pixels = [[2.0 * (pixel == "#") - 1 for pixel in rows.replace(" ", "")] for rows in BITMAPS]
        self.register_buffer("bitmaps", torch.tensor(pixels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 84) -> (batch, 10), at most 0"""
        return -(x[:, None] - self.bitmaps).square().sum(dim=-1)


def published_lenet() -> nn.Sequential:
    """LeNet-5 as published: 60,000 trainable parameters; (batch, 1, 32, 32) -> scores (batch, 10).

    Layers by the paper's names: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164; the bitmaps are not trained. The
    bitmaps are drawn for the course, and the weights begin as torch's do.
    """
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), Subsampling(6), ScaledTanh(),
        PartialConvolution(), Subsampling(16), ScaledTanh(),
        nn.Conv2d(16, 120, 5), ScaledTanh(), nn.Flatten(),
        nn.Linear(120, 84), ScaledTanh(), FixedBitmaps(),
    )  # fmt: skip


def modern_lenet(*, n_classes: int = 10) -> nn.Sequential:
    """What is called LeNet-5 today: 61,706 parameters for ten classes; (batch, 1, 32, 32) -> scores (batch, n_classes).

    All maps are connected (2,416 parameters where C3 has 1,516), max pooling has nothing to train (44 fewer), ReLU
    replaces tanh, and a dense layer with 850 parameters the bitmaps.
    """
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, n_classes),
    )  # fmt: skip
