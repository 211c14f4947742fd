"""Parallel imaging in closed form: SENSE unfolding and its g-factor, noise measured by pseudo-replicas, and GRAPPA."""

import math
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_floating, ifft2c, random_complex
from mricourse.reconstruct.equispaced_lines import comb_of, longest_run, sampled_lines

NARROW = 3  # lines: across a wider gap between the edges of k-space, weights would amplify noise above the signal
Neighbourhoods = dict[tuple[int, ...], list[int]]


def sense_unfold(kspace: Tensor, smaps: Tensor, acceleration: int, *, noise_covariance: Tensor | None = None) -> Tensor:
    r"""Unfold an equispaced acquisition pixel by pixel, $\rho = (C^H\Psi^{-1}C)^{-1} C^H\Psi^{-1} a$.

    $C$ holds the maps of the pixels that fold onto one another, $a$ their aliased values [Pruessmann, MRM 1999].

    Parameters
    ----------
    kspace : complex Tensor, shape (..., coils, ky, kx)
        Every ``acceleration``-th ky line; further lines (an ACS) are left out, and empty edges (partial Fourier)
        stay empty. ky must divide by ``acceleration``.
    smaps : complex Tensor, shape (coils, y, x)
        Coil sensitivity maps, dimensionless. Where all are zero the result is zero.
    noise_covariance : complex Tensor, shape (coils, coils), optional
        $\Psi$; the identity where absent.

    Returns
    -------
    complex Tensor, shape (..., y, x), in the units of a fully sampled image.
    """
    if smaps.ndim != 3 or smaps.shape != kspace.shape[-3:]:
        raise ValueError(
            f"the maps have shape {tuple(smaps.shape)} and kspace {tuple(kspace.shape)}; expected maps "
            "(coils, y, x) of the same coils and matrix."
        )
    dtype = torch.promote_types(complex_floating(kspace).dtype, complex_floating(smaps).dtype)
    kspace = kspace.to(dtype)
    alias_maps, support = _alias_maps(smaps.to(dtype), acceleration)
    whitening = _whitening(noise_covariance, alias_maps)
    offset = _comb_offset(kspace, acceleration)
    comb = (torch.arange(kspace.shape[-2], device=kspace.device) - kspace.shape[-2] // 2 - offset) % acceleration == 0
    aliased = acceleration * ifft2c(kspace * comb[:, None])  # R copies, FOV / R apart: one period is enough
    period = aliased[..., : kspace.shape[-2] // acceleration, :].reshape(-1, len(smaps), *alias_maps.shape[:2])
    encoding = torch.einsum("dc,yxcr->yxdr", whitening, alias_maps)
    rhs = torch.einsum("yxdr,dc,ncyx->yxrn", encoding.conj(), whitening, period)
    solved, info = torch.linalg.solve_ex(_gram(encoding, support), rhs)
    _check_solved(info, acceleration)
    image = solved.permute(3, 2, 0, 1).flatten(1, 2)
    image = image * _alias_phase(kspace.shape[-2], acceleration, offset, image.dtype).to(image.device)
    return image.reshape(*kspace.shape[:-3], *smaps.shape[-2:])


def g_factor(smaps: Tensor, acceleration: int, *, noise_covariance: Tensor | None = None) -> Tensor:
    r"""Noise amplification of `sense_unfold`, $g = \sqrt{[(C^H\Psi^{-1}C)^{-1}]_{ii}\,[C^H\Psi^{-1}C]_{ii}} \ge 1$.

    The noise of the image is $g\sqrt R$ times that of a full scan. Shapes: (coils, y, x) -> real (y, x), 1 without
    aliasing, 0 outside the maps.
    """
    alias_maps, support = _alias_maps(complex_floating(smaps), acceleration)
    whitening = _whitening(noise_covariance, alias_maps)
    gram = _gram(torch.einsum("dc,yxcr->yxdr", whitening, alias_maps), support)
    inverse, info = torch.linalg.inv_ex(gram)
    _check_solved(info, acceleration)
    squared = inverse.diagonal(dim1=-2, dim2=-1).real * gram.diagonal(dim1=-2, dim2=-1).real
    g = torch.where(support, squared.clamp_min(1).sqrt(), 0)
    return g.permute(2, 0, 1).flatten(0, 1)


def pseudo_replica(
    reconstruct: Callable[[Tensor], Tensor],
    mask: Tensor,
    kspace_shape: tuple[int, int, int],
    *,
    n_replicas: int = 200,
    batch: int = 25,
    seed: int = 0,
) -> Tensor:
    r"""Measure the noise of a linear reconstruction by sending noise alone through it [Robson, MRM 2008].

    Parameters
    ----------
    reconstruct : callable
        Linear, (replicas, coils, ky, kx) -> (replicas, y, x). For a non-linear method add the noise to the data
        instead, and call the result a local noise response.
    mask : bool Tensor, broadcastable to (coils, ky, kx)
        Noise of standard deviation 1 per real and imaginary part enters where it is True.

    Returns
    -------
    real Tensor, shape (y, x): standard deviation of the real part; N replicas scatter each pixel by $1/\sqrt{2N}$.
    """
    if n_replicas < 2:
        raise ValueError(f"n_replicas is {n_replicas}; expected at least 2, better 200.")
    total = 0.0
    for start in range(0, n_replicas, batch):
        n = min(batch, n_replicas - start)
        noise = random_complex(n, *kspace_shape, seed=seed + start).to(mask.device) * mask
        total = total + reconstruct(noise).real.square().sum(0)
    return (total / n_replicas).sqrt()  # the mean is zero by construction


def grappa(kspace: Tensor, mask: Tensor, *, kernel_size: tuple[int, int] = (4, 5), reg_weight: float = 1e-4) -> Tensor:
    r"""Fill missing ky lines from their neighbours in all coils, with weights learned on the ACS [Griswold, MRM 2002].

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Zero where not sampled: every R-th line and an ACS of at least ``R * (kernel_size[0] - 1) + 1`` lines, anywhere.
    mask : bool Tensor, shape (ky,), (ky, 1) or (ky, kx)
        Whole lines. Where edges of k-space are empty, as partial Fourier leaves them, they stay empty; so do up to
        R - 1 lines at an edge where ky does not divide by R and those across the edge are more than R (or 3) away.
    kernel_size : (int, int)
        Sampled lines and readout points that each estimate uses.
    reg_weight : float
        Tikhonov weight relative to the mean diagonal of the normal equations.

    Returns
    -------
    complex Tensor, shape (coils, ky, kx): k-space, complete between the sampled lines, which are unchanged.

    Raises
    ------
    TypeError, ValueError
        A mask that is not of whole lines, lines that are not equispaced, or an ACS or a comb too small for the kernel.
    """
    if kspace.ndim != 3 or not kspace.is_complex():
        raise ValueError(f"kspace has shape {tuple(kspace.shape)}, {kspace.dtype}; expected complex (coils, ky, kx).")
    n_lines, n_points = _kernel_of(kernel_size, kspace.shape[-1])
    if not (math.isfinite(reg_weight) and reg_weight >= 0):
        raise ValueError(f"reg_weight is {reg_weight}; expected 0 or more, such as 0.0001.")
    sampled = sampled_lines(mask, kspace)
    acs = longest_run(sampled)
    comb, acceleration = comb_of(sampled, acs)
    shortest = acceleration * (n_lines - 1) + 1
    if acceleration > 1 and len(acs) < shortest:
        raise ValueError(
            f"the ACS has {len(acs)} lines; expected at least {shortest} for R = {acceleration} and {n_lines} kernel "
            "lines. Sample more lines in the centre, or use fewer kernel lines."
        )
    filled = kspace.clone()
    unit = kspace.abs().max()  # single precision has to hold the squares
    if unit == 0:
        return filled
    kspace = kspace / unit
    for offsets, lines in _neighbourhoods(sampled, comb, acceleration, n_lines).items():
        known = range(acs[0] - min(0, *offsets), acs[-1] + 1 - max(0, *offsets))
        sources = _sources(kspace, known, offsets, n_points).flatten(0, 1)
        targets = kspace[:, known].permute(1, 2, 0).flatten(0, 1)
        gram = sources.mH @ sources
        is_even = all(after - before == acceleration for before, after in pairwise(offsets))
        weight = reg_weight if is_even else reg_weight / 100  # uneven distances: a third of the error
        gram = gram + weight * gram.diagonal().real.mean() * torch.eye(len(gram), device=gram.device)
        weights = torch.linalg.solve(gram, sources.mH @ targets)
        filled[:, lines] = unit * (_sources(kspace, lines, offsets, n_points) @ weights).permute(2, 0, 1)
    return filled


def _kernel_of(kernel_size: tuple[int, int], nx: int) -> tuple[int, int]:
    whole = isinstance(kernel_size, Sequence) and all(isinstance(size, int) for size in kernel_size)
    if not (whole and len(kernel_size) == 2 and kernel_size[0] >= 1 and 1 <= kernel_size[1] <= nx):
        raise ValueError(f"kernel_size is {kernel_size}; expected at least 1 line and 1 to {nx} points, as (4, 5).")
    return kernel_size[0], kernel_size[1]


def _neighbourhoods(sampled: Sequence[bool], comb: list[int], acceleration: int, n_lines: int) -> Neighbourhoods:
    """Group the lines to fill by where their sources lie: {distances from the line: lines}.

    k-space is periodic, so the neighbours of an edge line lie beyond the edge too, at uneven distances where ky does
    not divide by R. Where the gap across the edges is wide, the sources lie within them.
    """
    ny = len(sampled)
    is_round = comb[0] + ny - comb[-1] <= max(acceleration, NARROW)
    around = [line + turn for turn in (-ny, 0, ny) for line in comb] if is_round else comb
    groups: Neighbourhoods = {}
    for line in range(0 if is_round else comb[0], ny if is_round else comb[-1]):
        if sampled[line]:
            continue
        start = bisect(around, line) - 1 - (n_lines - 1) // 2
        start = min(max(start, 0), len(around) - n_lines)
        offsets = [source - line for source in around[start : start + n_lines]]
        while offsets[-1] - offsets[0] > acceleration * (n_lines - 1):  # a wider kernel would need a larger ACS
            offsets.remove(max(offsets, key=abs))
        groups.setdefault(tuple(offsets), []).append(line)
    return groups


def _sources(kspace: Tensor, lines: Sequence[int], offsets: Sequence[int], n_points: int) -> Tensor:
    """Collect the samples that estimate lines: (coils, ky, kx) -> (lines, kx, coils * offsets * points), periodic."""
    rows = torch.tensor([[line + offset for offset in offsets] for line in lines], device=kspace.device)
    before = n_points // 2
    columns = torch.arange(-before, kspace.shape[-1] + n_points - 1 - before, device=kspace.device)
    around = kspace[:, rows % kspace.shape[-2]][
        ..., columns % kspace.shape[-1]
    ]  # (coils, lines, offsets, kx + points - 1)
    return around.unfold(-1, n_points, 1).permute(1, 3, 0, 2, 4).flatten(2)


def _alias_maps(smaps: Tensor, acceleration: int) -> tuple[Tensor, Tensor]:
    """Maps of the R pixels that fold onto one another, (y / R, x, coils, R), and which of them lie in the object."""
    ny = smaps.shape[-2]
    if acceleration < 1 or ny % acceleration:
        raise ValueError(f"{ny} lines do not divide by acceleration {acceleration}; crop or pad y, or use cg_sense.")
    folded = smaps.unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)
    return folded, folded.abs().sum(2) > 0


def _gram(alias_maps: Tensor, support: Tensor) -> Tensor:
    """C^H C with a one on the diagonal of pixels outside the maps, so that it can be inverted."""
    return alias_maps.mH @ alias_maps + torch.diag_embed((~support).to(alias_maps.dtype))


def _check_solved(info: Tensor, acceleration: int) -> None:
    if bool(info.any()):
        raise ValueError(
            f"the maps do not tell the {acceleration} pixels that fold onto one another apart; expected at least "
            f"{acceleration} coils that differ: use cg_sense with a reg_weight, or a lower acceleration."
        )


def _whitening(noise_covariance: Tensor | None, alias_maps: Tensor) -> Tensor:
    n_coils = alias_maps.shape[-2]
    if noise_covariance is None:
        return torch.eye(n_coils, dtype=alias_maps.dtype, device=alias_maps.device)
    if noise_covariance.shape != (n_coils, n_coils):
        raise ValueError(
            f"noise_covariance has shape {tuple(noise_covariance.shape)}; expected ({n_coils}, {n_coils})."
        )
    lower = torch.linalg.cholesky(noise_covariance.to(alias_maps.dtype))
    return torch.linalg.solve_triangular(lower, torch.eye(n_coils, dtype=lower.dtype, device=lower.device), upper=False)


def _comb_offset(kspace: Tensor, acceleration: int) -> int:
    """Offset of the sampled comb from the centre line: the residue class without an empty line between the edges.

    Empty edges, as partial Fourier leaves them, blur the image but do not fold it.
    """
    ny = kspace.shape[-2]
    filled = kspace.abs().sum(-1).flatten(0, -2).sum(0) > 0
    lines = filled.nonzero().flatten()
    if len(lines) < 2:
        raise ValueError(
            f"kspace holds {len(lines)} line{'' if len(lines) == 1 else 's'} of {ny}; expected every {acceleration}-th."
        )
    span = torch.arange(int(lines[0]), int(lines[-1]) + 1, device=filled.device)
    for offset in range(acceleration):
        comb = span[(span - ny // 2 - offset) % acceleration == 0]
        if len(comb) and filled[comb].all():
            return offset
    raise ValueError(
        f"no comb of every {acceleration}-th ky line is complete; expected an equispaced acquisition at this rate."
    )


def _alias_phase(ny: int, acceleration: int, offset: int, dtype: torch.dtype) -> Tensor:
    """Undo the phase by which a comb off the centre turns the aliases: exp(2 pi i offset r / R) for copy r, (y, 1)."""
    copy = torch.arange(acceleration, dtype=torch.float64).repeat_interleave(ny // acceleration)
    return torch.exp(2j * torch.pi * offset * copy / acceleration)[:, None].to(dtype)
