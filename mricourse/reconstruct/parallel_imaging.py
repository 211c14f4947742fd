"""Parallel imaging in closed form: SENSE unfolding and its g-factor, noise measured by pseudo-replicas, and GRAPPA."""

from collections.abc import Callable

import torch
from torch import Tensor

from mricourse.physics.fourier import ifft2c, random_complex
from mricourse.physics.sampling import acs_lines_of


def sense_unfold(kspace: Tensor, smaps: Tensor, acceleration: int, *, noise_covariance: Tensor | None = None) -> Tensor:
    r"""Unfold an equispaced acquisition pixel by pixel, $\rho = (C^H\Psi^{-1}C)^{-1} C^H\Psi^{-1} a$.

    $C$ holds the maps of the pixels that fold onto one another, $a$ their aliased values [Pruessmann, MRM 1999].

    Parameters
    ----------
    kspace : complex Tensor, shape (..., coils, ky, kx)
        Every ``acceleration``-th ky line; further lines (an ACS) are left out. ky must divide by ``acceleration``.
    smaps : complex Tensor, shape (coils, y, x)
        Coil sensitivity maps, dimensionless. Where all are zero the result is zero.
    noise_covariance : complex Tensor, shape (coils, coils), optional
        $\Psi$; the identity where absent.

    Returns
    -------
    complex Tensor, shape (..., y, x), in the units of a fully sampled image.
    """
    alias_maps, support = _alias_maps(smaps, acceleration)
    whitening = _whitening(noise_covariance, alias_maps)
    offset = _comb_offset(kspace, acceleration)
    comb = (torch.arange(kspace.shape[-2], device=kspace.device) - kspace.shape[-2] // 2 - offset) % acceleration == 0
    aliased = acceleration * ifft2c(kspace * comb[:, None])  # R copies, FOV / R apart: one period is enough
    period = aliased[..., : kspace.shape[-2] // acceleration, :].reshape(-1, len(smaps), *alias_maps.shape[:2])
    encoding = torch.einsum("dc,yxcr->yxdr", whitening, alias_maps)
    rhs = torch.einsum("yxdr,dc,ncyx->yxrn", encoding.conj(), whitening, period)
    image = torch.linalg.solve(_gram(encoding, support), rhs).permute(3, 2, 0, 1).flatten(1, 2)
    image = image * _alias_phase(kspace.shape[-2], acceleration, offset, image.dtype).to(image.device)
    return image.reshape(*kspace.shape[:-3], *smaps.shape[-2:])


def g_factor(smaps: Tensor, acceleration: int, *, noise_covariance: Tensor | None = None) -> Tensor:
    r"""Noise amplification of `sense_unfold`, $g = \sqrt{[(C^H\Psi^{-1}C)^{-1}]_{ii}\,[C^H\Psi^{-1}C]_{ii}} \ge 1$.

    The noise of the image is $g\sqrt R$ times that of a full scan. Shapes: (coils, y, x) -> real (y, x), 1 without
    aliasing, 0 outside the maps.
    """
    alias_maps, support = _alias_maps(smaps, acceleration)
    whitening = _whitening(noise_covariance, alias_maps)
    gram = _gram(torch.einsum("dc,yxcr->yxdr", whitening, alias_maps), support)
    squared = torch.linalg.inv(gram).diagonal(dim1=-2, dim2=-1).real * gram.diagonal(dim1=-2, dim2=-1).real
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
        Zero where not sampled: every R-th line and an ACS of at least ``R * (kernel_size[0] - 1) + 1`` lines.
    mask : bool Tensor, shape (ky, 1)
    kernel_size : (int, int)
        Sampled lines and readout points that each estimate uses.
    reg_weight : float
        Tikhonov weight relative to the mean diagonal of the normal equations.

    Returns
    -------
    complex Tensor, shape (coils, ky, kx): complete k-space, the sampled lines unchanged.
    """
    sampled = mask.squeeze(-1)
    acceleration = int(sampled.nonzero().flatten().diff().max())
    offset = _comb_offset(kspace, acceleration)
    n_lines, n_points = kernel_size
    span = acceleration * (n_lines - 1) + 1
    n_acs, ny = acs_lines_of(mask), len(sampled)
    if n_acs < span:
        raise ValueError(
            f"the ACS has {n_acs} lines; expected at least {span} for R = {acceleration} and {n_lines} kernel lines."
        )
    first = ny // 2
    while first > 0 and sampled[first - 1]:
        first -= 1
    windows = _windows(
        kspace[:, first : first + n_acs], n_points, span, acceleration
    )  # (rows, kx, coils * lines * points)
    sources = windows.flatten(0, 1)
    gram = sources.mH @ sources
    gram = gram + reg_weight * gram.diagonal().real.mean() * torch.eye(len(gram), device=gram.device)
    above = acceleration * ((n_lines - 1) // 2)  # rows of the window above the gap that is filled
    margin = span + acceleration
    around = torch.cat([kspace[:, -margin:], kspace, kspace[:, :margin]], dim=1)  # k-space is periodic
    filled = kspace.clone()
    for missing in range(1, acceleration):
        rows = torch.arange(windows.shape[0], device=kspace.device) + first + above + missing
        targets = kspace[:, rows].permute(1, 2, 0).flatten(0, 1)
        weights = torch.linalg.solve(gram, sources.mH @ targets)
        lines = torch.arange(ny)[((torch.arange(ny) - ny // 2 - offset) % acceleration == missing) & ~sampled.cpu()]
        for line in lines.tolist():
            top = line - missing - above + margin
            neighbours = _windows(around[:, top : top + span], n_points, span, acceleration)[0]
            filled[:, line] = (neighbours @ weights).mT
    return filled


def _windows(kspace: Tensor, n_points: int, span: int, acceleration: int) -> Tensor:
    """Collect the kernel's source samples: (coils, ky, kx) -> (ky - span + 1, kx, coils * lines * points)."""
    half = n_points // 2
    padded = torch.cat([kspace[..., -half:], kspace, kspace[..., :half]], dim=-1) if half else kspace
    windows = padded.unfold(1, span, 1).unfold(2, n_points, 1)[..., ::acceleration, :]
    return windows.permute(1, 2, 0, 3, 4).flatten(2)


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
    """Offset of the fully sampled comb from the centre line: the residue class without an empty line."""
    ny = kspace.shape[-2]
    filled = kspace.abs().sum(-1).flatten(0, -2).sum(0) > 0
    for offset in range(acceleration):
        if filled[(torch.arange(ny, device=filled.device) - ny // 2 - offset) % acceleration == 0].all():
            return offset
    raise ValueError(
        f"no comb of every {acceleration}-th ky line is complete; expected an equispaced acquisition at this rate."
    )


def _alias_phase(ny: int, acceleration: int, offset: int, dtype: torch.dtype) -> Tensor:
    """Undo the phase by which a comb off the centre turns the aliases: exp(2 pi i offset r / R) for copy r, (y, 1)."""
    copy = torch.arange(acceleration).repeat_interleave(ny // acceleration)
    return torch.exp(2j * torch.pi * offset * copy / acceleration)[:, None].to(dtype)
