r"""Whether predicted uncertainty says how large errors are: ranks, calibration, sparsification, and several networks.

Errors and uncertainties of a subject lie in (subjects, y, x) with ``inside`` of the same shape; air never counts, where
both are without meaning. Pixels of a subject are no independent samples: what is averaged or counted is subjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mricourse.networks.apply import repeatable
from mricourse.networks.upnet import UPNet
from mricourse.physics.multi_echo import MultiEchoScan
from mricourse.physics.scan import stack


@dataclass(frozen=True, eq=False)
class Mapped:
    r"""What a network said about subjects, beside what is true.

    Parameters
    ----------
    estimate, spread, truth : float Tensor, shape (subjects, 2, y, x)
        $\hat p$, $\hat u$ and $p$: fat fraction in % and R2* in 1/s.
    inside : bool Tensor, shape (subjects, y, x)
        Where there is tissue.
    """

    estimate: Tensor
    spread: Tensor
    truth: Tensor
    inside: Tensor

    @property
    def error(self) -> Tensor:
        r"""$|\hat p - p|$, float (subjects, 2, y, x)."""
        return (self.estimate - self.truth).abs()


@torch.no_grad()
def map_subjects(network: UPNet, scans: Iterable[MultiEchoScan]) -> Mapped:
    """Let a network map subjects, one after another, and keep the truth beside it.

    Parameters
    ----------
    network : UPNet
        On the device of the scans; as it is, in evaluation mode or not.
    scans : iterable of MultiEchoScan
        Of one matrix, at least one.
    """
    rows = []
    for scan in scans:
        [batch] = stack([scan])
        with repeatable():
            rows.append((*network.maps(batch.A, batch.kspace), batch.maps, batch.inside[:, 0]))
    return Mapped(*(torch.cat(column) for column in zip(*rows, strict=True)))


@torch.no_grad()
def dropout_passes(network: UPNet, scans: Sequence[MultiEchoScan], n_passes: int, *, seed: int = 0) -> list[Mapped]:
    """Let a network with dropout map the same subjects several times, each time without other maps of its own.

    Parameters
    ----------
    network : UPNet
        Its layers of dropout are switched on meanwhile, and nothing else.
    scans : sequence of MultiEchoScan
    n_passes : int
    seed : int
        Of what is dropped; the global random state is left alone.

    Raises
    ------
    ValueError
        A network without dropout: all passes would be alike, and seem certain.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Dropout2d)]
    if not layers:
        raise ValueError("the network has no dropout; expected one that was trained with it: set dropout in [network].")
    was_training = [layer.training for layer in layers]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in layers:
            layer.train()
        passes = [map_subjects(network, scans) for _ in range(n_passes)]
    for layer, mode in zip(layers, was_training, strict=True):
        layer.train(mode)
    return passes


def mixed(members: Sequence[Mapped]) -> Mapped:
    r"""Take several networks, or passes, as one: the mean of what they say, and the spread of all of it.

    A Laplace density of scale $u_k$ has the variance $2 u_k^2$. That of the mixture is the mean of these plus the
    variance of the $K$ estimates around their mean (divided by $K$), and its $\hat u$ is the root of half of it.

    Raises
    ------
    ValueError
        Fewer than two members.
    """
    if len(members) < 2:
        raise ValueError(f"got {len(members)} members; expected two or more: one alone does not disagree.")
    estimates = torch.stack([member.estimate for member in members])
    spreads = torch.stack([member.spread for member in members])
    variance = (2 * spreads.square()).mean(0) + estimates.var(0, correction=0)
    return Mapped(estimates.mean(0), (variance / 2).sqrt(), members[0].truth, members[0].inside)


def disagreement(members: Sequence[Mapped]) -> Tensor:
    """Standard deviation of the estimates of several networks: float (subjects, 2, y, x)."""
    return torch.stack([member.estimate for member in members]).std(0, correction=0)


def rank_correlations(error: Tensor, spread: Tensor, inside: Tensor) -> Tensor:
    """Spearman's rank correlation of error and uncertainty over the pixels of each subject.

    Parameters
    ----------
    error, spread : float Tensor, shape (subjects, y, x)
    inside : bool Tensor, shape (subjects, y, x)
        With air the correlation is large for a poor reason: there is an easy and a hard region.

    Returns
    -------
    float64 Tensor, shape (subjects,)
    """
    from scipy.stats import spearmanr  # late: `import mricourse` should not wait for it

    rows = zip(error, spread, inside, strict=True)
    each = [spearmanr(e[where].cpu().numpy(), u[where].cpu().numpy()).statistic for e, u, where in rows]
    return torch.tensor(each, dtype=torch.float64)


def calibration_factor(error: Tensor, spread: Tensor, inside: Tensor) -> float:
    r"""Give the factor on $\hat u$ that makes errors most likely: the mean of $|\hat p - p| / \hat u$.

    Of $|e| / (c\,\hat u) + \log(2 c\,\hat u)$, averaged, the minimum in $c$ is that mean. Each subject counts alike.
    Use it on other subjects than those that it was measured on.

    Parameters
    ----------
    error, spread, inside : Tensor, shape (subjects, y, x)
    """
    return float(over_inside(error / spread, inside).mean())


def over_inside(values: Tensor, inside: Tensor) -> Tensor:
    """Average over the tissue of each subject: (subjects, y, x) -> (subjects,)."""
    return (values * inside).sum((-2, -1)) / inside.sum((-2, -1))


def reliability(error: Tensor, spread: Tensor, inside: Tensor, *, n_bins: int = 10) -> tuple[Tensor, Tensor]:
    r"""Compare predicted with measured errors: the mean $\hat u$ and the mean $|\hat p - p|$ of bins.

    All pixels in tissue are sorted by $\hat u$ and cut into bins of equal number. On the diagonal the prediction is
    right on average.

    Returns
    -------
    (predicted, measured) : float Tensors, shape (n_bins,)
    """
    u, e = spread[inside], error[inside]
    order = u.argsort()
    predicted = [part.mean() for part in u[order].chunk(n_bins)]
    measured = [part.mean() for part in e[order].chunk(n_bins)]
    return torch.stack(predicted), torch.stack(measured)


def sparsification(error: Tensor, ranking: Tensor, *, shares: Sequence[float]) -> Tensor:
    """Leave out the pixels that rank highest, a growing share of them, and average the error of the rest.

    Parameters
    ----------
    error, ranking : float Tensor, shape (pixels,)
        By the uncertainty, or by the error itself, which nobody knows: the best that can be.
    shares : sequence of float
        What is left out, from 0 to below 1.

    Returns
    -------
    float Tensor, shape (shares,)

    Raises
    ------
    ValueError
        A share that leaves nothing.
    """
    if not all(0 <= share < 1 for share in shares):
        raise ValueError(f"shares are {list(shares)}; expected 0 or more, and less than 1: something must be left.")
    kept = error[ranking.argsort()]
    n = len(kept)
    return torch.stack([kept[: max(1, n - int(share * n))].mean() for share in shares])
