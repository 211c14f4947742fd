"""Several echoes of one slice, and the rate at which the signal decays between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise, floating
from mricourse.simulate.anatomy import TISSUES, anatomy_names, load_anatomy
from mricourse.simulate.contrasts import Protocol, subject_tissues, weighted_image
from mricourse.simulate.random_draws import generator_for

__all__ = ["decay_rate", "echo_slices"]


def echo_slices(
    split: str,
    n: int,
    *,
    te_ms: Sequence[float],
    tr_ms: float = 4000.0,
    noise_std: float = 0.0,
    shape: tuple[int, int] = (160, 160),
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    r"""Simulate magnitudes at several echo times, and the true rate $R_2$ of every pixel.

    Spin echoes of axial slices, spread over the heads of a split, with the relaxation times of a new subject in each
    slice. Pixels mix tissues, but one tissue decays alike everywhere in a slice. No coils, no phase.

    Parameters
    ----------
    split : "train" or "test"
        Anatomies are taken from this split only.
    n : int
        Number of slices, 1 or more.
    te_ms : sequence of float
        Two echo times in ms or more, all different.
    tr_ms : float
        Repetition time in ms.
    noise_std : float
        Standard deviation of the noise of the real and of the imaginary part; water of full density gives 1.
    shape : (ny, nx)
        Matrix size.
    seed : int
        Seed of subjects and noise.

    Returns
    -------
    echoes : float Tensor, shape (n, echoes, ny, nx)
        Magnitudes in units of the density of water, Rician where there is noise.
    rate : float Tensor, shape (n, ny, nx)
        $R_2$ in 1/s, `decay_rate` of the echoes without noise; zero where less than half of the pixel is tissue.

    Raises
    ------
    ValueError
        If `n` is below 1, or there are fewer than two different echo times.
    """
    if n < 1:
        raise ValueError(f"n is {n}; expected 1 slice or more.")
    _check_times(te_ms)
    names = anatomy_names(split)
    draw = generator_for(seed, split, "echoes")
    clean = []
    inside = []
    for number in range(n):
        head = load_anatomy(names[number % len(names)])
        first, last = head.span("axial")
        index = first + round((number + 0.5) / n * (last - first))
        shares = head.sample(head.plane_points("axial", shape, index=index))[1:]
        tissues = subject_tissues(draw)
        protocols = [Protocol("spin_echo", tr_ms=tr_ms, te_ms=te) for te in te_ms]
        clean.append(torch.stack([weighted_image(shares, protocol, tissues=tissues) for protocol in protocols]))
        inside.append(shares[: len(TISSUES)].sum(dim=0) > 0.5)
    clean = torch.stack(clean)
    inside = torch.stack(inside)
    noise = noise_std * complex_noise(clean.shape, draw)
    return (clean + noise).abs(), torch.where(inside, decay_rate(clean, te_ms), 0)


def decay_rate(echoes: Tensor, te_ms: Sequence[float]) -> Tensor:
    r"""Fit $S = S_0\,e^{-R_2 TE}$ by a straight line through the logarithms.

    For two echoes this is $R_2 = \ln(S_1 / S_2) / (TE_2 - TE_1)$. The logarithm lifts the noise of weak echoes: no
    fit for signals near the noise.

    Parameters
    ----------
    echoes : float Tensor, shape (..., echoes, y, x)
        Magnitudes in any unit.
    te_ms : sequence of float
        Echo times in ms, one for each echo, two or more.

    Returns
    -------
    float Tensor, shape (..., y, x)
        Rate in 1/s; negative where the signal grows, zero where no echo has any.

    Raises
    ------
    ValueError
        If echoes and times differ in number, or fewer than two times differ.
    """
    _check_times(te_ms)
    if echoes.ndim < 3 or echoes.shape[-3] != len(te_ms):
        raise ValueError(
            f"echoes have shape {tuple(echoes.shape)} for {len(te_ms)} echo times; "
            f"expected (..., {len(te_ms)}, y, x). Stack the echoes in front of the image."
        )
    echoes = floating(echoes)
    times_s = torch.as_tensor(te_ms, dtype=echoes.dtype, device=echoes.device)[:, None, None] / 1000
    times_s = times_s - times_s.mean()
    logarithms = echoes.clamp_min(torch.finfo(echoes.dtype).tiny).log()
    logarithms = logarithms - logarithms[..., :1, :, :]  # exact zeros where nothing changes
    return -(times_s * logarithms).sum(dim=-3) / times_s.square().sum()


def _check_times(te_ms: Sequence[float]) -> None:
    if len(set(te_ms)) < max(2, len(te_ms)) or min(te_ms) < 0:
        raise ValueError(f"te_ms is {tuple(te_ms)}; expected two or more different echo times in ms, zero or above.")
