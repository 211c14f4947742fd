"""Loss surfaces of two unknowns, and five optimisers of `torch.optim` that run down them; drawn by `show_paths`.

`mricourse.path_explorer` has the widget that starts them anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, Optimizer, RMSprop

from mricourse.plotting.panels import COLOURS, Panels, as_array, styled

__all__ = ["AXIS_VALLEY", "SADDLE", "T2_DECAY", "Surface", "folded_pair", "run_optimizers", "show_paths", "walk"]

OPTIMIZERS: dict[str, tuple[Callable[..., Optimizer], int]] = {  # and which of the two learning rates is theirs
    "gradient descent": (SGD, 0),
    "momentum": (partial(SGD, momentum=0.9), 0),
    "Adagrad": (Adagrad, 1),
    "RMSProp": (RMSprop, 1),
    "Adam": (Adam, 1),
}
ECHO_TIMES_MS = torch.arange(10.0, 90.0, 10.0, dtype=torch.float64)
DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (4, 1, 1, 1, 1, 1)))
PATH_COLOURS = (*COLOURS[:4], COLOURS[6])  # five that stay apart beside the blue of the contours
FAR = 1e6  # where a path that diverges is cut off


@dataclass(frozen=True, eq=False)
class Surface:
    """A loss of two unknowns, and how to look at it.

    Parameters
    ----------
    title : str
    loss : callable
        Real (..., 2) -> (...), differentiable.
    labels : (str, str)
        What the two unknowns are, with units.
    window : (left, right, bottom, top)
        The part that is drawn.
    start : (float, float)
        Where the optimisers start if nothing else is said.
    minima : sequence of (float, float)
        The places of the lowest loss.
    rates : (float, float)
        Learning rates to start with: of gradient descent and momentum; of Adagrad, RMSProp and Adam.
    """

    title: str
    loss: Callable[[Tensor], Tensor]
    labels: tuple[str, str]
    window: tuple[float, float, float, float]
    start: tuple[float, float]
    minima: Sequence[tuple[float, float]]
    rates: tuple[float, float]


def folded_pair(smaps: Tensor, pixels: Tensor) -> Surface:
    r"""SENSE at R = 2 as a surface: two pixels that fold onto one another, $\frac12\lVert C(\rho - \rho_0)\rVert^2$.

    With maps of sum of squares 1 the condition number is $(g + \sqrt{g^2 - 1})^2$ for the g-factor $g$, and gradient
    descent is fastest at the learning rate 1.

    Parameters
    ----------
    smaps : real Tensor, shape (coils, 2)
        $C$, the sensitivities of each coil in the two places, dimensionless.
    pixels : real Tensor, shape (2,)
        $\rho_0$, the true values.

    Raises
    ------
    ValueError
        Other shapes.
    TypeError
        Complex values.
    """
    if smaps.is_complex() or pixels.is_complex():
        raise TypeError("complex maps or pixels came; expected real ones, two unknowns to draw: take magnitudes.")
    if smaps.ndim != 2 or smaps.shape[1] != 2 or pixels.shape != (2,):
        raise ValueError(
            f"smaps has shape {tuple(smaps.shape)} and pixels {tuple(pixels.shape)}; expected (coils, 2) and (2,): "
            "choose two places that fold onto one another."
        )
    coils = smaps.double()
    true = pixels.double()
    x, y = true.tolist()
    return Surface(
        title="two folded pixels",
        loss=lambda w: ((w - true) @ coils.mT).square().sum(-1) / 2,
        labels=("value of pixel 1", "value of pixel 2"),
        window=(x - 1.1, x + 1.1, y - 1.1, y + 1.1),
        start=(x + 1, y - 0.6),
        minima=[(x, y)],
        rates=(0.3, 0.05),
    )


def _decay_misfit(w: Tensor) -> Tensor:
    """Half the squared distance from the signal of amplitude 1 and T2 = 80 ms: (..., 2) -> (...)"""
    times = ECHO_TIMES_MS / 100
    return (w[..., :1] * torch.exp(-times * w[..., 1:]) - torch.exp(-times * 1.25)).square().sum(-1) / 2


T2_DECAY = Surface(
    title="amplitude and T2 decay",
    loss=_decay_misfit,
    labels=("amplitude", "1/T2 (per 100 ms)"),
    window=(0.0, 2.0, 0.0, 4.0),
    start=(1.8, 0.3),
    minima=[(1.0, 1.25)],
    rates=(0.03, 0.05),
)
"""Misfit of $a\\,e^{-TE/T_2}$ to eight echoes, 10 to 80 ms, of white matter (T2 = 80 ms): a curved ravine."""

SADDLE = Surface(
    title="a saddle",
    loss=lambda w: w[..., 0].square() / 2 - w[..., 1].square() / 2 + w[..., 1].pow(4) / 4,
    labels=("weight 1", "weight 2"),
    window=(-1.5, 1.5, -1.5, 1.5),
    start=(1.3, 0.01),
    minima=[(0.0, 1.0), (0.0, -1.0)],
    rates=(0.05, 0.05),
)
"""$x^2/2 - y^2/2 + y^4/4$: flat at the origin, with a way down to each side."""


AXIS_VALLEY = Surface(
    title="a valley along an axis",
    loss=lambda w: w[..., 0].square() / 2 + w[..., 1].square() / 50,
    labels=("weight 1", "weight 2"),
    window=(-1.1, 1.1, -1.1, 1.1),
    start=(0.3, 1.0),
    minima=[(0.0, 0.0)],
    rates=(1.9, 0.3),
)
"""$x^2/2 + 0.04\\,y^2/2$: curvatures 1 and 0.04, each along a weight of its own."""


def walk(
    surface: Surface,
    rule: Callable[[Tensor, Any, Tensor, float, int], tuple[Tensor, Any]],
    *,
    rate: float,
    n_steps: int,
    memory: Any = 0.0,
    start: Sequence[float] | None = None,
) -> Tensor:
    """Every position of a walk down a surface by a rule that was written by hand.

    Parameters
    ----------
    surface : Surface
    rule : callable
        ``rule(weights, memory, grad, rate, t)`` returns (new weights, new memory) for t = 1, 2, ...
    rate : float
        The learning rate.
    n_steps : int
    memory :
        What `rule` gets the first time.
    start : (float, float), optional
        By default that of the surface.

    Returns
    -------
    float64 Tensor, shape (n_steps + 1, 2)
        Start included.
    """
    weights = torch.tensor(surface.start if start is None else start, dtype=torch.float64)
    path = [weights]
    for t in range(1, n_steps + 1):
        here = weights.clone().requires_grad_()
        [gradient] = torch.autograd.grad(surface.loss(here), here)
        weights, memory = rule(weights.clone(), memory, gradient, rate, t)
        path.append(weights)
    return torch.stack(path)


def run_optimizers(
    surface: Surface,
    start: Sequence[float] | None = None,
    *,
    rates: tuple[float, float] | None = None,
    noise_std: float = 0.0,
    n_steps: int = 100,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Let gradient descent, momentum (0.9), Adagrad, RMSProp and Adam run down a surface.

    Parameters
    ----------
    surface : Surface
    start : (float, float), optional
        By default that of the surface; so with `rates`, the two learning rates.
    noise_std : float
        Standard deviation of the noise on both parts of each gradient, the same noise for all five.
    n_steps, seed : int

    Returns
    -------
    dict {name: float64 Tensor, shape (n_steps + 1, 2)}
        Start included; not finite where an optimiser diverged.

    Raises
    ------
    ValueError
        A start that is not two finite numbers, or a rate or a number of steps that is not above 0.
    """
    start = surface.start if start is None else start
    rates = surface.rates if rates is None else rates
    if len(start) != 2 or not all(map(math.isfinite, start)):
        raise ValueError(f"start is {tuple(start)}; expected two finite numbers, such as {surface.start}.")
    if not min(rates) > 0 or not noise_std >= 0 or n_steps < 1:
        raise ValueError(
            f"got rates={tuple(rates)}, noise_std={noise_std} and n_steps={n_steps}; expected rates above 0, noise of "
            "0 or more and at least one step."
        )
    generator = torch.Generator().manual_seed(seed)
    points = [nn.Parameter(torch.tensor(start, dtype=torch.float64)) for _ in OPTIMIZERS]
    makers = zip(points, OPTIMIZERS.values(), strict=True)
    optimizers = [make([point], lr=rates[which]) for point, (make, which) in makers]
    path = [torch.stack(points).detach()]
    for _ in range(n_steps):
        noise = noise_std * torch.randn(2, generator=generator, dtype=torch.float64)
        gradients = torch.autograd.grad(surface.loss(torch.stack(points)).sum(), points)
        for point, gradient, optimizer in zip(points, gradients, optimizers, strict=True):
            point.grad = gradient + noise
            optimizer.step()
        path.append(torch.stack(points).detach())
    return dict(zip(OPTIMIZERS, torch.stack(path, dim=1), strict=True))


@styled
def show_paths(runs: Mapping[Surface, Mapping[str, Tensor]]) -> list[Axes]:
    """Draw paths {label: (steps, 2)} over the contours of their surfaces, side by side; a star marks each minimum.

    Contours are a factor of two apart. Where a path leaves the window it is cut off. A window as wide as it is high has
    equal scales, so that gradients stand at right angles to the contours.

    Returns
    -------
    list of Axes, one per surface
    """
    n = len(runs)
    square = all(_is_square(surface.window) for surface in runs)
    alone = (4.8, 5.0) if square else (5.6, 3.9)
    figure, cells = plt.subplots(1, n, figsize=alone if n == 1 else (3.4 * n, 3.9), squeeze=False)
    for cell, (surface, paths) in zip(cells[0], runs.items(), strict=True):
        draw_surface(cell, surface)
        cell.set_title(surface.title)
        cell.set_aspect("equal" if _is_square(surface.window) else "auto")
        for index, (label, path) in enumerate(paths.items()):
            x, y = finite_part(path).T
            cell.plot(x, y, color=PATH_COLOURS[index % 5], linestyle=DASHES[index % 5], label=label, marker=".", ms=4)
        cell.plot(*finite_part(next(iter(paths.values())))[0], "o", color="black", ms=7, mfc="white")
    handles, labels = cells[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3 if n == 1 else 5, frameon=False)
    return Panels(cells[0])


def _is_square(window: tuple[float, float, float, float]) -> bool:
    left, right, bottom, top = window
    return math.isclose(right - left, top - bottom)


def draw_surface(axes: Axes, surface: Surface) -> None:
    """Contours a factor of two apart, down to 1/4096 of the highest, and a star at each minimum."""
    left, right, bottom, top = surface.window
    x = np.linspace(left, right, 161)
    y = np.linspace(bottom, top, 161)
    grid = torch.from_numpy(np.stack(np.meshgrid(x, y), axis=-1))
    loss = as_array(surface.loss(grid) - surface.loss(torch.tensor(surface.minima[0], dtype=torch.float64)))
    levels = loss.max() * 2.0 ** np.arange(-12, 1)
    axes.contourf(x, y, np.log2(loss.clip(min=levels[0])), levels=np.log2(levels) - 1e-9, cmap="Blues_r", alpha=0.5)
    axes.contour(x, y, loss, levels=levels[:-1], colors="0.55", linewidths=0.5)
    axes.plot(*np.transpose(surface.minima), "*", color="black", mec="white", markersize=11, linestyle="none", zorder=3)
    axes.set(xlabel=surface.labels[0], ylabel=surface.labels[1], xlim=(left, right), ylim=(bottom, top))


def finite_part(path: Tensor) -> np.ndarray:
    """The steps of a path, (n, 2), up to the first that is not finite or very far away."""
    points = as_array(path)
    lost = ~(np.abs(points) < FAR).all(axis=1)
    return points[: lost.argmax()] if lost.any() else points
