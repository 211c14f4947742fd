r"""Fat fraction and R2* of each pixel alone, by a nonlinear fit that is solved to its end.

$s(t) = (W + F\,c(t))\,e^{(i 2\pi\psi - R_2^*)\,t}$ with complex $W$ and $F$ and the known signal $c(t)$ of fat: six
real numbers a pixel. The error has more than one valley in the field $\psi$, so a grid is searched first. In the wrong
valley fat and water change places: a swap, with a residual that is nearly as small.

[Yu et al., MRM 60:1122, 2008]
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

STEP_HZ = 10.0
RATES = (20.0, 60.0, 150.0, 350.0)  # 1/s, of the grid
N_STEPS = 100
TOLERANCE = 1e-8  # of a step, relative to the parameters


class Fit(NamedTuple):
    """What a fit gives: ``maps`` (..., 2, y, x), ``b0_hz`` and ``residual`` (..., y, x).

    The maps are the fat fraction in % and R2* in 1/s; the residual is the root of the sum of squares
    over the echoes, in their unit.
    """

    maps: Tensor
    b0_hz: Tensor
    residual: Tensor


def fit_fat_water(echoes: Tensor, te_ms: list[float], fat: Tensor, *, most_hz: float = 200.0) -> Fit:
    r"""Fit water, fat, field and R2* to complex echoes, pixel by pixel.

    Parameters
    ----------
    echoes : complex Tensor, shape (..., echoes, y, x)
        At least four.
    te_ms : list of float
        Their times in ms.
    fat : complex Tensor, shape (echoes,)
        Signal of fat relative to water at these times, such as `mricourse.simulate.phantoms.fat_signal`.
    most_hz : float
        The grid searches fields from minus to plus this; further valleys are not looked for.

    Returns
    -------
    Fit
        R2* may come out negative where there is noise alone.

    Raises
    ------
    ValueError
        Times or a signal of fat that are not one for each echo, or fewer than four echoes.
    """
    n_echoes = len(te_ms)
    if n_echoes < 4 or echoes.shape[-3] != n_echoes or len(fat) != n_echoes:
        raise ValueError(
            f"echoes have shape {tuple(echoes.shape)} for {n_echoes} times and {len(fat)} signals of fat; expected one "
            "of each for every echo, and four echoes or more."
        )
    times = torch.tensor(te_ms, dtype=torch.float64, device=echoes.device) / 1000
    signals = echoes.movedim(-3, -1)
    shape = signals.shape[:-1]
    signals = signals.reshape(-1, n_echoes).to(torch.complex128)
    basis = torch.stack([torch.ones_like(times) + 0j, fat.to(signals)], dim=-1)  # (echoes, 2)
    start = _best_of_grid(signals, times, basis, most_hz)
    amplitudes, field, rate, residual = _refined(signals, times, basis, *start)
    water, fatty = amplitudes.abs().unbind(-1)
    fraction = 100 * fatty / (water + fatty).clamp_min(1e-30)
    maps = torch.stack([fraction.reshape(shape), rate.reshape(shape)], dim=-3).float()
    return Fit(maps, field.reshape(shape).float(), residual.reshape(shape).float())


def _model(times: Tensor, field: Tensor, rate: Tensor) -> Tensor:
    """Decay and turn at these fields in Hz and rates in 1/s: (pixels, echoes)."""
    exponent = torch.complex(-rate, 2 * math.pi * field)
    return torch.exp(exponent[:, None] * times)


def _best_of_grid(signals: Tensor, times: Tensor, basis: Tensor, most_hz: float) -> tuple[Tensor, Tensor]:
    """Field and rate of the grid that leave the least of each signal, with the best amplitudes for each."""
    n_fields = 2 * math.ceil(most_hz / STEP_HZ) + 1
    fields = torch.linspace(-most_hz, most_hz, n_fields, dtype=torch.float64, device=times.device)
    rates = torch.tensor(RATES, dtype=torch.float64, device=times.device)
    field, rate = (each.flatten() for each in torch.meshgrid(fields, rates, indexing="ij"))
    columns, _ = torch.linalg.qr(_model(times, field, rate)[..., None] * basis)  # (grid, echoes, 2)
    explained = torch.stack([(signals @ each.conj()).abs().square().sum(-1) for each in columns])
    best = explained.argmax(0)
    return field[best], rate[best]


def _refined(signals: Tensor, times: Tensor, basis: Tensor, field: Tensor, rate: Tensor) -> tuple[Tensor, ...]:
    """Levenberg's and Marquardt's steps in all six numbers, each pixel with its own damping, until they are small."""
    amplitudes = torch.linalg.lstsq(_model(times, field, rate)[..., None] * basis, signals[..., None]).solution[..., 0]
    damping = torch.full_like(rate, 1e-3)
    difference = signals - _model(times, field, rate) * (amplitudes @ basis.T)
    for _ in range(N_STEPS):
        turn = _model(times, field, rate)
        slopes = _slopes(turn, times, basis, amplitudes)  # (pixels, echoes, 6)
        normal = (slopes.mH @ slopes).real
        right = (slopes.mH @ difference[..., None]).real
        diagonal = normal.diagonal(dim1=-2, dim2=-1)
        damped = normal + torch.diag_embed(damping[:, None] * diagonal + 1e-30)
        step = torch.linalg.solve(damped, right)[..., 0]
        trial = (amplitudes + torch.complex(step[:, :4:2], step[:, 1:4:2]), field + step[:, 4], rate + step[:, 5])
        left = signals - _model(times, *trial[1:]) * (trial[0] @ basis.T)
        better = left.abs().square().sum(-1) <= difference.abs().square().sum(-1)
        amplitudes = torch.where(better[:, None], trial[0], amplitudes)
        field, rate = torch.where(better, trial[1], field), torch.where(better, trial[2], rate)
        difference = torch.where(better[:, None], left, difference)
        damping = torch.where(better, damping / 5, damping * 5).clamp(1e-12, 1e12)
        moved = (step[:, 4:].abs() / (1 + torch.stack([field, rate], -1).abs())).amax(-1)
        if bool((moved < TOLERANCE).all()):
            break
    return amplitudes, field, rate, torch.linalg.vector_norm(difference, dim=-1)


def _slopes(turn: Tensor, times: Tensor, basis: Tensor, amplitudes: Tensor) -> Tensor:
    """Derivatives of the signal: real and imaginary part of water, the same of fat, field, rate."""
    parts = turn[..., None] * basis
    signal = (parts @ amplitudes[..., None])[..., 0]
    of_field = 2j * math.pi * times * signal
    columns = [parts[..., 0], 1j * parts[..., 0], parts[..., 1], 1j * parts[..., 1], of_field, -times * signal]
    return torch.stack(columns, dim=-1)
