r"""RAKI: small networks that complete k-space, trained on one scan's ACS [Akçakaya et al., MRM 81:439, 2019].

GRAPPA estimates what is missing by a linear convolution of the samples around it; RAKI puts three convolutions in its
place, with $\mathrm{ReLU}(u) = \max(u, 0)$ between them:

$\hat y = w_3 * \mathrm{ReLU}(w_2 * \mathrm{ReLU}(w_1 * y))$.

No database is needed: within the ACS the missing lines are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mricourse.physics.normalisation import radial_weight
from mricourse.reconstruct.equispaced_lines import comb_of, longest_run, sampled_lines

KINDS = ("raki", "residual", "linear")
KERNELS = ((2, 5), (1, 1), (2, 3))  # sampled lines and readout points of each layer
N_LINES = 3  # that an estimate sees in all
N_POINTS = 7
FIRST = 1  # line of those before the missing ones
Progress = Callable[[float], None]


class RakiNetwork(nn.Module):
    """Networks for each coil's real and imaginary part, side by side, without biases.

    So the estimate follows the strength of the samples: what is learned where k-space is loud holds where it is quiet.

    Parameters
    ----------
    n_coils, acceleration : int
    kind : "raki", "residual" or "linear"
        Three layers; the same with one linear convolution of 3 lines and 7 points beside them; or that alone.
    n_features : (int, int)
        Behind the first and the second layer, of each part of each coil.
    seed : int
        Of the first weights; those of the linear convolution are 0.
    """

    def __init__(
        self, n_coils: int, acceleration: int, *, kind: str, n_features: Sequence[int] = (32, 8), seed: int = 0
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.n_parts = 2 * n_coils
        n_targets = acceleration - 1
        n_out = [n * self.n_parts for n in (*n_features, n_targets)]
        n_in = [self.n_parts, *n_features]  # the first layers see all coils, the others their own part
        self.layers = nn.ParameterList()
        if kind != "linear":
            for n_before, n_after, kernel in zip(n_in, n_out, KERNELS, strict=True):
                spread = math.sqrt(2 / (n_before * math.prod(kernel)))  # keeps the variance from layer to layer
                self.layers.append(spread * torch.randn(n_after, n_before, *kernel, generator=generator))
        linear = nn.Parameter(torch.zeros(self.n_parts * n_targets, self.n_parts, N_LINES, N_POINTS))
        self.linear = linear if kind != "raki" else None

    def forward(self, kspace: Tensor, *, spacing: int = 1) -> Tensor:
        """Estimate the lines between the second and the third of each three.

        Parameters
        ----------
        kspace : complex Tensor, shape (coils, lines, kx)
            Periodic along kx.
        spacing : int
            Distance of the three: 1 for sampled lines alone, R for all lines of an ACS.

        Returns
        -------
        complex Tensor, shape (coils, R - 1, lines - 2 spacing, kx)
        """
        parts = torch.cat([kspace.real, kspace.imag])[None]
        parts = functional.pad(parts, (N_POINTS // 2, N_POINTS // 2, 0, 0), mode="circular")
        features = parts
        for number, weight in enumerate(self.layers):
            features = features.relu() if number else features
            groups = self.n_parts if number else 1
            features = functional.conv2d(features, weight, dilation=(spacing, 1), groups=groups)
        estimate = features if self.layers else 0
        if self.linear is not None:
            estimate = estimate + functional.conv2d(parts, self.linear, dilation=(spacing, 1))
        real, imaginary = estimate[0].unflatten(0, (self.n_parts, -1)).chunk(2)
        return torch.complex(real, imaginary)


def raki(
    kspace: Tensor,
    mask: Tensor,
    *,
    kind: str = "raki",
    n_features: Sequence[int] = (32, 8),
    n_steps: int = 200,
    weighted: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Tensor:
    r"""Fill missing ky lines by networks that are trained on the ACS of this very scan.

    What the paper and its public code have and how it is here:

    - For each coil's real and imaginary part a network of its own, which sees all coils: layers of 2 x 5, 1 x 1 and
      2 x 3 (sampled lines x points) with 32 and 8 features, no biases, the squared error: all so here.
    - The public code takes 1000 steps of Adam at 0.003. Here it is L-BFGS, by the summed error of all networks.
    - Of three sampled lines the missing ones lie between the first two; here between the last two, where `grappa` of 3
      lines has them. Lines for which one of the three is beyond the edge stay empty there; here k-space goes round
      where R divides ky, as in `grappa`, and the line beyond an edge is 0 elsewhere.
    - The ACS is put back as it was measured, and so are all samples.

    ``residual`` is residual RAKI [Zhang et al., NeuroImage 256:119248, 2022], with both branches trained by the error
    of their sum. ``linear`` fits what `grappa` of 3 lines and 7 points fits without its reg_weight, step by step.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Zero where not sampled: every R-th line and an ACS of at least 2 R + 1 lines, anywhere.
    mask : bool Tensor, shape (ky,), (ky, 1) or (ky, kx)
        Whole lines.
    kind, n_features, seed
        As in `RakiNetwork`.
    n_steps : int
        Of L-BFGS.
    weighted : bool
        Multiply k-space by its distance from the centre first, see `radial_weight`, so that the error of the centre is
        not all there is to see. Not in the paper.
    progress : callable, optional
        Called with the squared error on the ACS over the energy there, once or twice a step.

    Returns
    -------
    complex Tensor, shape (coils, ky, kx): k-space, complete between the sampled lines, which are unchanged. No gradient
    leads back from it.

    Raises
    ------
    TypeError, ValueError
        A mask that is not of whole lines, lines that are not equispaced, an ACS too small, or a number out of range.
    """
    _check_options(kspace, kind, n_features, n_steps)
    kspace = kspace.detach()
    sampled = sampled_lines(mask, kspace)
    acs = longest_run(sampled)
    comb, acceleration = comb_of(sampled, acs)
    if acceleration == 1 or not bool(kspace.any()):
        return kspace.clone()
    if len(acs) <= acceleration * (N_LINES - 1):
        raise ValueError(
            f"the ACS has {len(acs)} lines; expected at least {acceleration * (N_LINES - 1) + 1} for R = "
            f"{acceleration}: sample more lines in the centre."
        )
    weight = radial_weight(kspace) if weighted else torch.ones_like(kspace.real[0])
    loud = kspace * weight
    known = loud[:, acs.start : acs.stop]
    unit = known.abs().square().mean().sqrt()
    network = RakiNetwork(len(kspace), acceleration, kind=kind, n_features=n_features, seed=seed)
    network = network.to(kspace.device, kspace.real.dtype)
    fit_raki(network, known / unit, acceleration, n_steps=n_steps, progress=progress)
    with torch.no_grad():
        estimate = network(_with_neighbours(loud / unit, comb, acceleration)) * unit
    return _filled(kspace, estimate, sampled, comb, weight)


def fit_raki(
    network: RakiNetwork, acs: Tensor, acceleration: int, *, n_steps: int, progress: Progress | None = None
) -> None:
    """Train a network on an ACS, complex (coils, lines, kx): every three lines R apart, and those in between."""
    n_known = acs.shape[1] - acceleration * (N_LINES - 1)
    first = FIRST * acceleration
    targets = torch.stack([acs[:, first + step :][:, :n_known] for step in range(1, acceleration)], dim=1)
    energy = targets.abs().square().sum()
    optimiser = torch.optim.LBFGS(
        network.parameters(),
        max_iter=n_steps,
        max_eval=2 * n_steps,
        history_size=20,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def misfit() -> Tensor:
        optimiser.zero_grad()
        error = torch.view_as_real(network(acs, spacing=acceleration) - targets).square().sum()
        error.backward()
        if progress is not None:
            progress(float(error.detach() / energy))
        return error

    with torch.enable_grad():
        optimiser.step(misfit)


def _with_neighbours(kspace: Tensor, comb: Sequence[int], acceleration: int) -> Tensor:
    """Take the sampled lines and what lies beyond the edges: lines across them where k-space goes round, or nothing."""
    lines = kspace[:, comb]
    if comb[0] + kspace.shape[1] - comb[-1] == acceleration:
        return torch.cat([lines[:, -FIRST:], lines, lines[:, : N_LINES - 1 - FIRST]], dim=1)
    return torch.cat([torch.zeros_like(lines[:, :FIRST]), lines], dim=1)


def _filled(kspace: Tensor, estimate: Tensor, sampled: Sequence[bool], comb: Sequence[int], weight: Tensor) -> Tensor:
    """Put the estimates (coils, R - 1, gaps, kx), one gap behind each sampled line, where nothing was sampled."""
    filled = kspace.clone()
    for step in range(estimate.shape[1]):
        for gap in range(estimate.shape[2]):
            line = (comb[gap] + step + 1) % len(sampled)
            if not sampled[line]:
                filled[:, line] = estimate[:, step, gap] / weight[line]
    return filled


def _check_options(kspace: Tensor, kind: str, n_features: Sequence[int], n_steps: int) -> None:
    if kspace.ndim != 3 or not kspace.is_complex():
        raise ValueError(f"kspace has shape {tuple(kspace.shape)}, {kspace.dtype}; expected complex (coils, ky, kx).")
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected {', '.join(map(repr, KINDS[:-1]))} or {KINDS[-1]!r}.")
    if len(n_features) != 2 or min(n_features) < 1 or n_steps < 1:
        raise ValueError(
            f"n_features is {tuple(n_features)} and n_steps {n_steps}; expected two numbers of 1 or more, such as "
            "(32, 8), and at least 1 step."
        )
