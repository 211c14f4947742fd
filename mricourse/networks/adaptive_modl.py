"""The course's variant of MoDL, which adapts to the scan: to its noise, its acceleration, its coils and its phase."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mricourse.networks.data_consistency_layer import Solver, data_consistency
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import brightness, smooth_phase
from mricourse.networks.reconstructor import Unrolled, take_over
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace, direct_solver

CONSISTENCY = ("cg", "gradient")
STARTS = ("zero_filled", "sense")
START_WEIGHT = 0.01  # of SENSE before training
LEAST_WEIGHT = 1e-6  # single precision cannot factorise closer to singular
SOLVERS = ("cg", "direct")
NUMBERS = ("log_reg_weight", "noise_power", "acceleration_power", "coil_power")  # one for each lambda
START_NUMBERS = ("start_log_reg_weight", "start_noise_power")
TURNS = ((), (-1,), (-2,), (-2, -1))  # axes along which the denoiser sees the image mirrored
USUAL_NOISE = 0.01  # of the brightest pixel; where the laws of lambda are 1
USUAL_ACCELERATION = 4
USUAL_COILS = 8
Law = tuple[Tensor | None, Tensor | None, float]  # a learned power, the value it is a power of, the usual value


class AdaptiveMoDL(nn.Module, Unrolled):
    r"""Reconstruct by $K$ iterations of denoising and data consistency, as `MoDL` does, and follow the scan.

    There is no batch normalisation, which rescales the one image of a batch. Before it is denoised the image is divided
    by its `brightness`, and its `smooth_phase` is turned away. With ``turn_phase=False`` and all other options as they
    come it is `MoDL` with ``norm="none"``. The course's checkpoints use `noise_aware`, ``start="sense"`` and
    ``solver="direct"``, the best of them most other options too.

    Parameters
    ----------
    n_iterations : int
        $K$.
    n_features, n_layers, norm, unshuffle, residual
        Of the `DnCNN`.
    shared : bool
        One denoiser and one $\lambda$ for all iterations, or $K$ of each.
    noise_aware : bool
        Tell the denoiser the noise level of the image, and let it set $\lambda$: $\lambda (\sigma / 0.01)^p$ with a
        learned power. The level is measured by `noise_level`.
    scan_aware : bool
        Let $\lambda$ follow the net acceleration $R$ and the number of coils as well, by learned powers of $R / 4$ and
        coils / 8: the more a scan leaves open, the further the denoised image is from the truth.
    consistency : "cg" or "gradient"
        Solve for data consistency, or take one step $x = z - \tau A^H (A z - y)$ with a learned $\tau$.
    start : "zero_filled" or "sense"
        $x_0 = A^H y$, or $x_0 = (A^H A + \lambda_0 I)^{-1} A^H y$ with a learned weight of its own: what regularised
        SENSE can do, the first iteration should not have to learn, and it costs no convolution.
    solver : "cg" or "direct"
        For data consistency: conjugate gradients as published, or `direct_solver` where it serves, for lines. The start
        is solved the same way; `changed` can set its `start_solver` apart.
    flips : bool
        Show the denoiser the image as it is, mirrored left to right, upside down and both, by turns: what it finds
        should not depend on that, and the part of its errors that does averages out over the iterations
        [equivariant plug-and-play, Terris et al., CVPR 2024, which draws the turns at random].
    n_averaged : int
        The result is the mean of the last so many $x_k$, up to $K$: four make one round of `flips`.
    n_reg_weights : int
        How many $\lambda$ shared weights have, each for a run of iterations; with weights of their own all have one.
    reg_weight : float
        $\lambda$ (or $\tau$) before training.
    n_cg : int
        Iterations of conjugate gradients in each data consistency.
    turn_phase : bool
        Whether the denoiser sees the image without its `smooth_phase`.
    recompute : bool
        Keep the images between the iterations for the gradients, but compute the features inside the denoisers a second
        time when they are needed: the memory of one denoiser instead of $K$, for about 15 % more time. The gradients
        are the same. Not with ``norm="batch"``, whose statistics would count each image twice.

    Raises
    ------
    ValueError
        A number out of range, or another kind of consistency.
    """

    adaptable = True

    def __init__(
        self,
        *,
        n_iterations: int = 10,
        n_features: int = 64,
        n_layers: int = 5,
        norm: str = "none",
        unshuffle: int = 1,
        residual: bool = False,
        shared: bool = True,
        noise_aware: bool = False,
        scan_aware: bool = False,
        consistency: str = "cg",
        start: str = "zero_filled",
        solver: str = "cg",
        flips: bool = False,
        n_averaged: int = 1,
        n_reg_weights: int = 1,
        reg_weight: float = 0.05,
        n_cg: int = 10,
        turn_phase: bool = True,
        recompute: bool = True,
    ) -> None:
        super().__init__()
        if min(n_iterations, n_cg) < 1 or not reg_weight > 0:
            raise ValueError(
                f"got n_iterations={n_iterations}, n_cg={n_cg} and reg_weight={reg_weight}; expected iterations of 1 "
                "or more and a positive weight."
            )
        for name, number in {"n_reg_weights": n_reg_weights, "n_averaged": n_averaged}.items():
            if not 1 <= number <= n_iterations:
                raise ValueError(f"got {name}={number} for {n_iterations} iterations; expected 1 to {n_iterations}.")
        chosen = {"consistency": (consistency, CONSISTENCY), "start": (start, STARTS), "solver": (solver, SOLVERS)}
        for name, (kind, kinds) in chosen.items():
            if kind not in kinds:
                raise ValueError(f"got {name}={kind!r}; expected {' or '.join(kinds)}.")
        self.n_iterations = n_iterations
        self.n_cg = n_cg
        self.recompute = recompute and norm != "batch"
        self.consistency = consistency
        self.start = start
        self.solver = solver
        self.start_solver = solver
        self.turns = TURNS if flips else TURNS[:1]
        self.turn_phase = turn_phase
        self.n_averaged = n_averaged
        n_denoisers = 1 if shared else n_iterations
        n_weights = n_reg_weights if shared else n_iterations
        sizes = {"n_features": n_features, "n_layers": n_layers, "norm": norm}
        sizes |= {"unshuffle": unshuffle, "residual": residual}
        self.denoisers = nn.ModuleList(DnCNN(**sizes, noise_aware=noise_aware) for _ in range(n_denoisers))
        self.log_reg_weight = nn.Parameter(torch.full((n_weights,), math.log(reg_weight)))
        power = 2.0 if consistency == "cg" else 0.0  # lambda is a ratio of variances
        self.noise_power = nn.Parameter(torch.full((n_weights,), power)) if noise_aware else None
        self.acceleration_power = nn.Parameter(torch.zeros(n_weights)) if scan_aware else None
        self.coil_power = nn.Parameter(torch.zeros(n_weights)) if scan_aware else None
        starts = start == "sense"
        self.start_log_reg_weight = nn.Parameter(torch.full((1,), math.log(START_WEIGHT))) if starts else None
        self.start_noise_power = nn.Parameter(torch.full((1,), 2.0)) if starts and noise_aware else None

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep every step: $x_0, z_0, x_1, z_1, ..., x_K$, each (..., y, x); the last is the result."""
        zero_filled = A.adjoint(kspace)
        scale = brightness(zero_filled)
        phase = smooth_phase(zero_filled) if self.turn_phase else zero_filled.new_ones(())
        zero_filled = zero_filled / scale
        noise_std = None if self.noise_power is None else noise_level(kspace, A.mask) / scale
        images = [self._start(A, zero_filled, noise_std)]
        for k, make_consistent in enumerate(self._solvers(A, zero_filled, noise_std)):
            images.append(phase * self._denoised(k, phase.conj() * images[-1], noise_std))
            images.append(make_consistent(images[-1]))
            if trace is not None:
                trace(images[-1] * scale)
        if self.n_averaged > 1:
            images[-1] = sum(images[: -2 * self.n_averaged : -2]) / self.n_averaged
        return [image * scale for image in images]

    def fast_parameters(self) -> list[nn.Parameter]:
        r"""All single numbers: $\log\lambda$ and the powers of its laws."""
        numbers = [getattr(self, name) for name in NUMBERS + START_NUMBERS]
        return [number for number in numbers if number is not None]

    def _start(self, A: SenseOperator, zero_filled: Tensor, noise_std: Tensor | None) -> Tensor:
        """Give x_0."""
        if self.start == "zero_filled":
            return zero_filled
        weight = _reg_weight(self.start_log_reg_weight[0], [(self.start_noise_power, noise_std, USUAL_NOISE)], 0)
        return self._solve(A, zero_filled, weight, self.start_solver)(torch.zeros_like(zero_filled))

    def _denoised(self, k: int, image: Tensor, noise_std: Tensor | None) -> Tensor:
        """Ask the denoiser of iteration k, which sees the image mirrored by turns."""
        denoise = self.denoisers[k % len(self.denoisers)]
        if self.recompute and k < self.n_iterations - 1:  # the last one's features are needed at once
            denoise = partial(checkpoint, denoise, use_reentrant=False, preserve_rng_state=False)
        turn = self.turns[k % len(self.turns)]
        return _mirrored(denoise(_mirrored(image, turn), noise_std), turn)

    def _solvers(self, A: SenseOperator, zero_filled: Tensor, noise_std: Tensor | None) -> Iterator[Solver]:
        """Give the data consistency of each iteration; those with one lambda share what was factorised for it."""
        laws = self._laws(A, noise_std)
        current = None
        for k in range(self.n_iterations):
            number = k * len(self.log_reg_weight) // self.n_iterations
            if number != current:
                current = number
                weight = _reg_weight(self.log_reg_weight[number], laws, number)
                make_consistent = self._make_consistent(A, zero_filled, weight)
            yield make_consistent

    def _laws(self, A: SenseOperator, noise_std: Tensor | None) -> list[Law]:
        sampled = A.mask.to(A.smaps.real.dtype).mean((-2, -1), keepdim=True)
        acceleration = 1 / (sampled[..., 0, :, :] if sampled.ndim > 2 else sampled)
        n_coils = sampled.new_tensor(A.smaps.shape[-3])
        return [
            (self.noise_power, noise_std, USUAL_NOISE),
            (self.acceleration_power, acceleration, USUAL_ACCELERATION),
            (self.coil_power, n_coils, USUAL_COILS),
        ]

    def _make_consistent(self, A: SenseOperator, zero_filled: Tensor, weight: Tensor) -> Solver:
        if self.consistency == "cg":
            return self._solve(A, zero_filled, weight)
        return lambda prior: prior - weight * (A.normal(prior) - zero_filled)

    def _solve(self, A: SenseOperator, zero_filled: Tensor, weight: Tensor, kind: str | None = None) -> Solver:
        solver = direct_solver(A, weight.detach()) if (kind or self.solver) == "direct" else None
        options = {"reg_weight": weight, "solver": solver, "n_iterations": self.n_cg}
        return lambda prior: data_consistency(A, zero_filled, prior, **options)

    @torch.no_grad()
    def start_from(self, other: AdaptiveMoDL) -> None:
        """Copy the weights of a trained network with fewer iterations, the second stage of the authors' training.

        Raises
        ------
        ValueError
            Another kind of network, or denoisers of another size.
        """
        theirs = other.denoisers if isinstance(other, AdaptiveMoDL) else []
        pairs = [(each, theirs[number % len(theirs)]) for number, each in enumerate(self.denoisers) if len(theirs)]
        if not pairs or not take_over(pairs):
            raise ValueError(
                "the checkpoint to start from does not fit; expected a MoDL with denoisers of the same size."
            )
        for name in NUMBERS if other.consistency == self.consistency else ():
            _take_over(getattr(self, name), getattr(other, name))
        for name in START_NUMBERS if self.start == other.start == "sense" else ():
            _take_over(getattr(self, name), getattr(other, name))


def _take_over(mine: Tensor | None, theirs: Tensor | None) -> None:
    """Copy numbers, each to the iterations that it served; those that only one network has stay as they are."""
    if mine is not None and theirs is not None:
        mine.copy_(theirs[torch.arange(len(mine)) * len(theirs) // len(mine)])


def _mirrored(image: Tensor, axes: tuple[int, ...]) -> Tensor:
    return image.flip(axes) if axes else image  # flip copies even along no axis


def _reg_weight(log_weight: Tensor, laws: list[Law], number: int) -> Tensor:
    """One of several weights, for each scan: the product of (value / usual)^power over the laws that hold."""
    for power, value, usual in laws:
        if power is not None:
            log_weight = log_weight + power[number] * (value.clamp_min(1e-4) / usual).log()
    return log_weight.exp().clamp_min(LEAST_WEIGHT)
