r"""The l1-wavelet reconstruction with learned thresholds [Gu et al., PNAS 119:e2201062119, 2022]: about 120 parameters.

Compressed sensing tunes one weight; deep learning tunes everything. Here the iterations of ADMM for
$\min_x \frac12\lVert A x - y\rVert^2 + \lVert \Lambda \Psi x\rVert_1$ are unrolled as in `admm_net`, the denoiser is
the soft threshold of an undecimated wavelet transform $\Psi$, and only its thresholds, one for each subband and
iteration, are learned.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from mricourse.networks.admm_net import admm_iterates
from mricourse.networks.image_domain import brightness
from mricourse.networks.option_checks import check_counts, check_positive
from mricourse.networks.reconstructor import Unrolled, same_shapes
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace
from mricourse.reconstruct.undecimated import merged, squared_parts, undecimated, usable_levels

USUAL_NOISE = 0.01  # of the brightest pixel; where the noise changes no threshold
N_BANDS = 3  # of details in a level: high frequencies along x, along y, along both


class LearnedThresholds(nn.Module, Unrolled):
    r"""Reconstruct by $K$ iterations of ADMM with wavelets, whose thresholds are learned for each subband.

    What the paper has and how it is here: 10 iterations and 128 parameters, of four orthogonal wavelets (Daubechies
    1 to 4) on whose blocks the images depend; here one wavelet at every position, whose 4 levels of 3 bands have 120
    thresholds in 10 iterations, and $\lambda$ and the multiplier's step $\eta$, which all iterations share. All stay
    positive through their logarithms. Thresholds are relative to the image's `brightness`, so that the result follows
    the units of the data.

    Parameters
    ----------
    n_iterations : int
        $K$.
    wavelet : str
        An orthogonal wavelet by its name in PyWavelets.
    levels : int
        Fewer are used where the image is small for the wavelet.
    threshold, reg_weight, step_size : float
        Thresholds, $\lambda$ and $\eta$ before training.
    noise_aware : bool
        Multiply all thresholds by $(\sigma / 0.01)^p$ with a learned power, where `noise_level` measures $\sigma$. The
        paper has no such law.
    n_cg : int
        Iterations of conjugate gradients in each data consistency.

    Raises
    ------
    ValueError
        A number out of range.
    """

    adaptable = True

    def __init__(
        self,
        *,
        n_iterations: int = 10,
        wavelet: str = "db2",
        levels: int = 4,
        threshold: float = 0.01,
        reg_weight: float = 0.05,
        step_size: float = 1.0,
        noise_aware: bool = False,
        n_cg: int = 10,
    ) -> None:
        super().__init__()
        check_counts(n_iterations=n_iterations, levels=levels, n_cg=n_cg)
        check_positive(threshold=threshold, reg_weight=reg_weight, step_size=step_size)
        self.n_iterations = n_iterations
        self.wavelet = wavelet
        self.n_cg = n_cg
        self.log_thresholds = nn.Parameter(torch.full((n_iterations, levels, N_BANDS), math.log(threshold)))
        self.log_reg_weight = nn.Parameter(torch.tensor(math.log(reg_weight)))
        self.log_step_size = nn.Parameter(torch.tensor(math.log(step_size)))
        self.noise_power = nn.Parameter(torch.tensor(1.0)) if noise_aware else None

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Reconstruct: kspace (..., coils, ky, kx) -> image (..., y, x), in the units of the data."""
        return self.iterates(A, kspace, trace=trace)[-1]

    def iterates(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> list[Tensor]:
        """Reconstruct and keep every step: $x_0, z_0, x_1, z_1, ..., x_K$, each (..., y, x); the last is the result."""
        zero_filled = A.adjoint(kspace)
        options = {"unit": self._unit(A, kspace, zero_filled), "wavelet": self.wavelet}
        denoisers = [
            partial(subband_threshold, thresholds=thresholds, **options) for thresholds in self.log_thresholds.exp()
        ]
        weights = self.log_reg_weight.exp(), self.log_step_size.exp()
        return admm_iterates(A, zero_filled, denoisers, *weights, n_cg=self.n_cg, trace=trace)

    def _unit(self, A: SenseOperator, kspace: Tensor, zero_filled: Tensor) -> Tensor:
        """What a threshold of 1 means in the units of the data: (..., 1, 1)."""
        scale = brightness(zero_filled)
        if self.noise_power is None:
            return scale
        relative = noise_level(kspace, A.mask) / scale / USUAL_NOISE
        return scale * relative.clamp_min(1e-4) ** self.noise_power

    def fast_parameters(self) -> list[nn.Parameter]:
        """All of them: they are logarithms and powers."""
        return [*self.parameters()]

    @torch.no_grad()
    def start_from(self, other: nn.Module) -> None:
        """Copy the numbers of another `LearnedThresholds`, those of each iteration to the ones that it served.

        Raises
        ------
        ValueError
            Another kind of network, or another wavelet, other levels or noise_aware.
        """
        state = other.state_dict()
        if isinstance(other, LearnedThresholds) and other.wavelet == self.wavelet:
            theirs = state["log_thresholds"]
            state["log_thresholds"] = theirs[torch.arange(self.n_iterations) * len(theirs) // self.n_iterations]
        if getattr(other, "wavelet", None) != self.wavelet or not same_shapes(self.state_dict(), state):
            raise ValueError(
                "the network to start from does not fit; expected LearnedThresholds with the same wavelet, number of "
                "levels and noise_aware."
            )
        self.load_state_dict(state)


def subband_threshold(image: Tensor, thresholds: Tensor, unit: Tensor, *, wavelet: str = "db2") -> Tensor:
    r"""Soft-threshold the details of the undecimated wavelet transform, each subband by its own number.

    Parameters
    ----------
    image : complex Tensor, shape (..., y, x)
    thresholds : real Tensor, shape (levels, 3)
        Above 0, the finest level first; high frequencies along x, along y, along both.
    unit : real Tensor, shape () or (..., 1, 1)
        They are multiplied with.
    wavelet : str

    Returns
    -------
    complex Tensor, shape (..., y, x)
        For equal thresholds `mricourse.reconstruct.sparsity.shift_invariant_prox`.
    """
    coarse, details = undecimated(image, wavelet, usable_levels(image, wavelet, len(thresholds)))
    shrunk = [
        [_shrunk(band, number * unit) for band, number in zip(bands, numbers, strict=True)]
        for bands, numbers in zip(details, thresholds, strict=False)
    ]
    return merged(coarse, shrunk, wavelet)


def _shrunk(parts: Tensor, threshold: Tensor) -> Tensor:
    """The soft threshold of real and imaginary parts, (2, ..., y, x), with a gradient where a coefficient is zero."""
    return parts * (1 - threshold * torch.maximum(squared_parts(parts), threshold.square()).rsqrt())
