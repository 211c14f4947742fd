r"""DIRN, DFSN and DISN: several contrasts of a slice at once.

[Sun, Fan, Fu, Huang, Ding, Paisley, IEEE TIP 28:6141, 2019]

Each block adds a change to the images $x_1 \dots x_C$ of all contrasts, then each contrast returns to its own data:

$z_c = x_c + N_c(\cdot)$, $\quad
x_c \leftarrow \arg\min_x \tfrac12 \lVert x - z_c\rVert^2 + \tfrac{\lambda_c}{2} \lVert A_c x - y_c\rVert^2$.

The three networks differ in what $N_c$ sees: its own contrast (DIRN); all of them, with features in common (DFSN); or
all of them as every earlier block left them, too (DISN).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mricourse.networks.channels import to_channels, to_image
from mricourse.networks.convolution_stack import convolution_stack
from mricourse.networks.data_consistency_layer import data_consistency
from mricourse.networks.image_domain import brightness, smooth_phase
from mricourse.networks.option_checks import check_choice, check_counts, check_positive
from mricourse.networks.reconstructor import Unrolled, start_iterations
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace

SHARING = ("separate", "features", "dense")


class MultiContrastNet(nn.Module, Unrolled):
    r"""Reconstruct several contrasts of one slice by blocks of convolutions and data fidelity.

    ``network(A, kspace)`` wants maps, masks and k-space of a batch of
    `mricourse.physics.multi_contrast.MultiContrastScan`, (scans, contrasts, coils, ...); each contrast has a mask of
    its own. With one axis less, contrasts could not be told from a batch of single scans. Their order is that of the
    training.

    What the paper has and how it is here:

    - How many layers and features a block has could not be found; the same for $\lambda$, which is learned here, one
      number for each contrast.
    - For one coil with a map of magnitude 1 the data fidelity is the paper's, $(F z + \lambda y) / (1 + \lambda)$ where
      there are samples; else it is solved by conjugate gradients.
    - Each contrast is divided by its `brightness`, and its `smooth_phase` is turned away while the blocks see it: every
      scan has another phase, and features can be shared only where there is none. The paper's images are real.
    - The authors make the sum of the squared errors small; the course's losses average decibels over the contrasts, so
      that a dark one counts as much as a bright one.

    Parameters
    ----------
    sharing : "separate", "features" or "dense"
        DIRN, DFSN or DISN.
    contrasts : str
        Names of all $C$, in their order, with commas between them.
    n_iterations : int
        Blocks.
    n_features, n_layers : int
        Of each block's convolutions, as in `convolution_stack`; DIRN has so many for each contrast.
    data_weight : float
        $\lambda_c$ before training.
    n_cg : int
        Iterations of conjugate gradients in each data fidelity, at most; with one uniform coil the first is enough.

    Raises
    ------
    ValueError
        Another sharing, no names, or a number out of range; in `forward` data without that many contrasts.
    """

    def __init__(
        self,
        *,
        sharing: str = "dense",
        contrasts: str = "T1w, T2w, FLAIR",
        n_iterations: int = 5,
        n_features: int = 32,
        n_layers: int = 5,
        data_weight: float = 10.0,
        n_cg: int = 10,
    ) -> None:
        super().__init__()
        check_choice(SHARING, sharing=sharing)
        check_counts(n_iterations=n_iterations, n_features=n_features, n_cg=n_cg)
        check_positive(data_weight=data_weight)
        self.sharing = sharing
        self.contrasts = tuple(name.strip() for name in contrasts.split(","))
        n_contrasts = len(self.contrasts)
        if not all(self.contrasts) or len(set(self.contrasts)) < n_contrasts:
            raise ValueError(f"got contrasts={contrasts!r}; expected names, each once, such as 'T1w, T2w, FLAIR'.")
        self.n_iterations = n_iterations
        self.n_cg = n_cg
        size = {"n_contrasts": n_contrasts, "n_features": n_features, "n_layers": n_layers}
        self.iterations = nn.ModuleList(
            SeparateBlock(**size)
            if sharing == "separate"
            else SharedBlock(n_seen=number + 1 if sharing == "dense" else 1, **size)
            for number in range(n_iterations)
        )
        self.log_data_weight = nn.Parameter(torch.full((n_contrasts,), math.log(data_weight)))

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (scans, contrasts, coils, ky, kx) -> (scans, contrasts, y, x), in the data's units."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep all images (scans, contrasts, y, x): zero-filled, then behind each data fidelity."""
        self._check(kspace)
        zero_filled = A.adjoint(kspace)
        turn = smooth_phase(zero_filled) * brightness(zero_filled)
        reg_weight = (-self.log_data_weight).exp()[:, None, None]
        images = [zero_filled]
        seen = [zero_filled / turn]
        for block in self.iterations:
            prior = images[-1] + block(seen) * turn
            images.append(data_consistency(A, zero_filled, prior, reg_weight, n_iterations=self.n_cg))
            seen.insert(0, images[-1] / turn)  # the newest first
            if trace is not None:
                trace(images[-1])
        return images

    def fast_parameters(self) -> list[nn.Parameter]:
        r"""$\log\lambda_c$."""
        return [self.log_data_weight]

    @torch.no_grad()
    def start_from(self, other: nn.Module) -> None:
        """Copy the blocks of another `MultiContrastNet` that shares the same way; DISN's fit as many blocks only.

        Raises
        ------
        ValueError
            Another kind of network, or blocks that do not fit.
        """
        start_iterations(self.iterations, other)
        self.log_data_weight.copy_(other.log_data_weight)

    def _check(self, kspace: Tensor) -> None:
        if kspace.ndim != 5 or kspace.shape[-4] != len(self.contrasts):
            raise ValueError(
                f"kspace has shape {tuple(kspace.shape)}; expected (scans, {len(self.contrasts)}, coils, ky, kx): this "
                f"network reconstructs {', '.join(self.contrasts)} of a slice together, as a MultiContrastScan has "
                "them."
            )


class SeparateBlock(nn.Module):
    """Convolutions for each contrast alone."""

    def __init__(self, *, n_contrasts: int, n_features: int, n_layers: int) -> None:
        super().__init__()
        size = {"n_features": n_features, "n_layers": n_layers}
        self.each = nn.ModuleList(convolution_stack(2, 2, **size) for _ in range(n_contrasts))

    def forward(self, seen: list[Tensor]) -> Tensor:
        """Give the change of the newest images, complex (..., contrasts, y, x), the first of those seen."""
        pairs = zip(self.each, seen[0].unbind(-3), strict=True)
        return torch.stack([to_image(layers(to_channels(image)), image) for layers, image in pairs], dim=-3)


class SharedBlock(nn.Module):
    """Convolutions on the images of all contrasts, as the last blocks left them: the `n_seen` newest of each."""

    def __init__(self, *, n_seen: int, n_contrasts: int, n_features: int, n_layers: int) -> None:
        super().__init__()
        self.n_seen = n_seen
        n_out = 2 * n_contrasts
        self.layers = convolution_stack(n_seen * n_out, n_out, n_features=n_features, n_layers=n_layers)

    def forward(self, seen: list[Tensor]) -> Tensor:
        """Give the change of the newest images, complex (..., contrasts, y, x), the first of those seen."""
        joined = torch.cat(seen[: self.n_seen], dim=-3)  # (..., seen * contrasts, y, x)
        channels = to_channels(joined)
        ny, nx = channels.shape[-2:]
        change = self.layers(channels.reshape(-1, 2 * joined.shape[-3], ny, nx))
        return to_image(change.reshape(-1, 2, ny, nx), seen[0])
