"""Receive coils: simulate their sensitivity maps, estimate them from a scan, combine their images."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from mricourse.fourier import floating, ifft2c

_N_SEGMENTS = 24  # straight wires per loop; more of them change the maps by at most 0.01
_COARSE = 4  # pixels between the points at which ESPIRiT's eigenvectors are found from scratch
_N_NODES = 12  # Chebyshev nodes per axis; the field inside a ring of loops is this smooth


def simulate_coils(n_coils: int, shape: tuple[int, int], *, seed: int = 0, kind: str = "gaussian") -> Tensor:
    r"""Simulate a ring of receive coils around the field of view, $\sum_c |S_c|^2 = 1$ everywhere.

    Parameters
    ----------
    n_coils : int
        Number of coils, at least 1.
    shape : (ny, nx)
        Matrix size of the maps.
    seed : int
        Seed of the coils' places, widths and phases; the same seed gives the same maps.
    kind : "gaussian", "biot_savart" or "head_array"
        ``"gaussian"``: lobes of width 0.6 to 1.2 half-fields centred 1.0 to 1.5 half-fields
        from the middle, with linear and quadratic phase. ``"biot_savart"``: the transverse
        field $B_x - i B_y$ of circular wire loops on a cylinder, integrated over short wires; the loops are large and
        stand off by 1.5 to 1.8 half-fields. ``"head_array"``: the same close to the head, at 0.95 to 1.25 half-fields,
        each about as wide as its neighbours allow (12 cm from the axis and 10 to 14 cm across for 8 coils and a field
        of view of 24 cm): as selective as a real array, with a third to a fifth of the g-factor.

    Returns
    -------
    smaps : complex64 Tensor, shape (n_coils, ny, nx)
        Sensitivity maps, dimensionless; coils in the order of their angle.

    Raises
    ------
    ValueError
        An unknown `kind`, no coil, or a shape that is not two positive sizes.

    References
    ----------
    Roemer et al., The NMR phased array, MRM 16:192-225, 1990.
    """
    if n_coils < 1 or len(shape) != 2 or min(shape) < 1:
        raise ValueError(
            f"got n_coils={n_coils} and shape={tuple(shape)}; expected at least one coil and "
            "two positive sizes: call simulate_coils(8, (ny, nx))."
        )
    lobes = {"gaussian": _gaussian_lobes, "biot_savart": _loop_fields, "head_array": _close_loop_fields}
    if kind not in lobes:
        raise ValueError(f"kind is {kind!r}; expected one of {sorted(lobes)}: choose one of them.")
    generator = torch.Generator().manual_seed(seed)
    places = torch.arange(n_coils) + torch.empty(n_coils).uniform_(-0.3, 0.3, generator=generator)
    angles = 2 * math.pi * (places / n_coils + torch.rand((), generator=generator))
    smaps = lobes[kind](angles, shape, generator)
    return smaps * rss(smaps).reciprocal()


def rss(coil_images: Tensor) -> Tensor:
    r"""Root sum of squares over the coils, $\sqrt{\sum_c |x_c|^2}$.

    Parameters
    ----------
    coil_images : Tensor, shape (..., coils, y, x)
        Complex or real coil images.

    Returns
    -------
    Tensor, shape (..., y, x)
        Real magnitudes in floating point, in the unit of the input.
    """
    power = _power(floating(coil_images))
    positive = power > 0  # the root's gradient is infinite at zero
    return torch.where(positive, torch.where(positive, power, 1).sqrt(), 0)


def combine(coil_images: Tensor, smaps: Tensor) -> Tensor:
    r"""Combine coil images by least squares, $\sum_c S_c^* x_c / \sum_c |S_c|^2$.

    Parameters
    ----------
    coil_images : complex Tensor, shape (..., coils, y, x)
        One image per coil.
    smaps : complex Tensor, shape (..., coils, y, x)
        Sensitivity maps; where all of them are zero the result is zero.

    Returns
    -------
    image : complex Tensor, shape (..., y, x)
        The image that explains the coil images best where noise is white.
    """
    smaps = floating(smaps)
    power = _power(smaps)
    image = (smaps.conj() * coil_images).sum(dim=-3)
    return torch.where(power > 0, image / power.clamp_min(torch.finfo(power.dtype).tiny), 0)


def low_resolution_maps(kspace: Tensor, *, acs: int | tuple[int, int] = 24) -> Tensor:
    r"""Estimate maps as low-resolution coil images over their root sum of squares [McKenzie, MRM 2002].

    Parameters
    ----------
    kspace : complex Tensor, shape (..., coils, ky, kx)
        Fully sampled in its centre.
    acs : int or (int, int)
        Samples of the centre along ky and kx that are used, under a Hann window against ringing.

    Returns
    -------
    smaps : complex Tensor, shape (..., coils, y, x)
        With $\sum_c |S_c|^2 = 1$; the phase of the object stays in the maps.
    """
    window = torch.zeros(kspace.shape[-2:], device=kspace.device)
    rows, columns = _centre(kspace, acs)
    n_rows, n_columns = rows.stop - rows.start, columns.stop - columns.start
    hann = [torch.hann_window(n + 2, periodic=False, device=kspace.device)[1:-1] for n in (n_rows, n_columns)]
    window[rows, columns] = hann[0][:, None] * hann[1]
    coil_images = ifft2c(kspace * window)
    return coil_images / rss(coil_images).unsqueeze(-3).clamp_min(torch.finfo(window.dtype).tiny)


def espirit(
    kspace: Tensor,
    *,
    acs: int | tuple[int, int] = 24,
    kernel_size: int = 6,
    threshold: float = 0.02,
    crop: float = 0.8,
    n_iterations: int = 30,
) -> Tensor:
    r"""Estimate coil maps from the fully sampled centre by ESPIRiT [Uecker, MRM 2014].

    Patches of k-space lie in a small subspace. Projecting every patch onto it and averaging is a convolution between
    coils, so at each pixel a small Hermitian matrix; the maps are its eigenvector to the eigenvalue 1.

    Parameters
    ----------
    kspace : complex Tensor, shape (coils, ky, kx)
        Fully sampled in its centre.
    acs : int or (int, int)
        Samples of the centre along ky and kx that calibrate.
    kernel_size : int
        Side of a patch.
    threshold : float
        Singular values of the calibration matrix below this fraction of the largest are noise.
    crop : float
        Maps are zero where the eigenvalue is below it: outside the object.
    n_iterations : int
        Power iterations for the eigenvectors on every fourth pixel along both axes; a third of them then refines
        the rest.

    Returns
    -------
    smaps : complex Tensor, shape (coils, y, x)
        With $\sum_c |S_c|^2 = 1$ in the object; phase relative to the strongest combination of the coils.

    Raises
    ------
    ValueError
        For k-space of another shape, an ACS too small for the kernel, or one that is empty.
    """
    if kspace.ndim != 3 or not kspace.is_complex():
        raise ValueError(f"kspace has shape {tuple(kspace.shape)}, {kspace.dtype}; expected complex (coils, ky, kx).")
    rows, columns = _centre(kspace, acs)
    centre = kspace[:, rows, columns]
    if min(centre.shape[1:]) < kernel_size + 2:
        raise ValueError(
            f"the calibration centre is {tuple(centre.shape[1:])}; expected at least {kernel_size + 2} samples "
            f"along both axes for a kernel of {kernel_size}. Sample more lines in the centre or use a smaller kernel."
        )
    if not bool((centre.abs().sum(0) > 0).float().mean() > 0.5):
        raise ValueError(
            f"most of the central {tuple(centre.shape[1:])} samples are zero; expected a fully sampled centre. "
            "Give the size that was acquired as acs, or give the maps."
        )
    kernels, strongest = _signal_kernels(centre, kernel_size, threshold)
    n_coils, ny, nx = kspace.shape
    lags = _kernel_lags(kernels)
    waves = [_lag_waves(n, kernel_size).to(lags) for n in (ny, nx)]
    coarse = [waves[axis][_COARSE // 2 :: _COARSE] for axis in (0, 1)]
    starts = [_dominant(block, block @ strongest, n_iterations)[0] for block in _pixel_matrices(lags, *coarse)]
    nearest = [(torch.arange(n) // _COARSE).clamp_max(len(c) - 1) for n, c in zip((ny, nx), coarse, strict=True)]
    start = torch.cat(starts)[nearest[0]][:, nearest[1]]
    smaps = []
    for block in _pixel_matrices(lags, *waves):  # maps are smooth, so a third of the steps polishes the neighbour's
        row = sum(len(part) for part in smaps)
        vector, eigenvalue = _dominant(block, start[row : row + len(block)], -(-n_iterations // 3))
        phase = torch.sgn((strongest.conj() * vector).sum(-1, keepdim=True))
        smaps.append(torch.where(eigenvalue > crop, vector * phase.conj(), 0))
    return torch.cat(smaps).permute(2, 0, 1).contiguous()


def noise_covariance(noise: Tensor) -> Tensor:
    r"""Measure the covariance $\Psi$ of the coils' noise: (coils, ...) samples without signal -> (coils, coils)."""
    samples = floating(noise).flatten(1)
    if samples.shape[1] < samples.shape[0]:
        raise ValueError(
            f"noise has {samples.shape[1]} samples for {samples.shape[0]} coils; expected more samples than coils."
        )
    return samples @ samples.mH / samples.shape[1]


def prewhiten(kspace: Tensor, covariance: Tensor) -> Tensor:
    r"""Mix the coils so that their noise is white: $L^{-1} y$ with $\Psi = L L^H$.

    Shapes: (..., coils, ky, kx) and (coils, coils) -> (..., coils, ky, kx).
    Maps must be estimated from, or mixed like, the whitened data.
    """
    lower = torch.linalg.cholesky(covariance)
    return torch.linalg.solve_triangular(lower, kspace.flatten(-2), upper=False).unflatten(-1, kspace.shape[-2:])


def _centre(kspace: Tensor, acs: int | tuple[int, int]) -> tuple[slice, slice]:
    sizes = (acs, acs) if isinstance(acs, int) else acs
    starts = [n // 2 - min(size, n) // 2 for n, size in zip(kspace.shape[-2:], sizes, strict=True)]
    return tuple(
        slice(start, start + min(size, n)) for start, n, size in zip(starts, kspace.shape[-2:], sizes, strict=True)
    )


def _signal_kernels(centre: Tensor, size: int, threshold: float) -> tuple[Tensor, Tensor]:
    """Find a basis of the patches (kernels, coils, size, size) and the strongest combination of coils (coils,)."""
    patches = centre.unfold(1, size, 1).unfold(2, size, 1).permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1)
    power, vectors = torch.linalg.eigh(patches.mT @ patches.conj())
    keep = power > (threshold**2) * power[-1]
    kernels = vectors[:, keep].mT.reshape(-1, len(centre), size, size)
    samples = centre.flatten(1)
    return kernels, torch.linalg.eigh(samples @ samples.mH)[1][:, -1]


def _kernel_lags(kernels: Tensor) -> Tensor:
    """Average projection as a convolution between coils: (kernels, coils, k, k) -> (lag y, lag x, coils, coils)."""
    size = kernels.shape[-1]
    spectra = torch.fft.fft2(kernels, s=(2 * size - 1, 2 * size - 1))
    return torch.fft.ifft2(torch.einsum("jcuv,jduv->cduv", spectra, spectra.conj())).permute(2, 3, 0, 1) / size**2


def _pixel_matrices(lags: Tensor, waves_y: Tensor, waves_x: Tensor) -> Iterator[Tensor]:
    """Evaluate the averaged projection at each pixel, a few rows (rows, x, coils, coils) at a time: at most 64 MiB."""
    along_x = torch.einsum("uvcd,xv->uxcd", lags, waves_x)
    step = max(1, 2**23 // along_x[0].numel())
    for block in waves_y.split(step):
        yield torch.einsum("yu,uxcd->yxcd", block, along_x)


def _dominant(matrices: Tensor, vector: Tensor, n_iterations: int) -> tuple[Tensor, Tensor]:
    """Power iteration per pixel: (..., coils, coils) and (..., coils) -> eigenvector and its eigenvalue (..., 1)."""
    for _ in range(n_iterations):
        vector = (matrices @ vector[..., None])[..., 0]
        eigenvalue = torch.view_as_real(vector).square().sum(dim=(-2, -1)).sqrt()[..., None]  # twice as fast as norm()
        vector = vector / eigenvalue.clamp_min(torch.finfo(eigenvalue.dtype).tiny)
    return vector, eigenvalue


def _lag_waves(n: int, size: int) -> Tensor:
    """Phase of every lag at every pixel: (n, 2 * size - 1), lags in the order of an FFT."""
    lag = torch.fft.fftfreq(2 * size - 1, 1 / (2 * size - 1), dtype=torch.float64)
    position = (torch.arange(n, dtype=torch.float64) - n // 2) / n
    return torch.exp(2j * math.pi * position[:, None] * lag)


def _power(coil_images: Tensor) -> Tensor:
    """Sum of squares over the coils; five times as fast as by way of abs()."""
    if not coil_images.is_complex():
        return coil_images.square().sum(dim=-3)
    return (coil_images.real.square() + coil_images.imag.square()).sum(dim=-3)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.empty(n, 1).uniform_(low, high, generator=generator)


def _half_fields(n: int) -> Tensor:
    """Pixel positions in units of half a field of view, zero at pixel n // 2: (1, n)."""
    return ((torch.arange(n) - n // 2) / (n / 2)).unsqueeze(0)


def _gaussian_lobes(angles: Tensor, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Gaussian lobes; separable, so a map costs one outer product."""
    n = len(angles)
    radius = _uniform(n, 1.0, 1.5, generator)
    width = _uniform(n, 0.6, 1.2, generator)
    factors = []
    for length, centre in zip(shape, (angles.sin(), angles.cos()), strict=True):
        position = _half_fields(length)
        phase = (
            _uniform(n, -math.pi, math.pi, generator)
            + _uniform(n, -1.0, 1.0, generator) * position
            + _uniform(n, -0.5, 0.5, generator) * position**2
        )
        distance = (position - radius * centre.unsqueeze(1)) / width
        factors.append(torch.polar(torch.exp(-0.5 * distance**2), phase))
    along_y, along_x = factors
    return along_y.unsqueeze(-1) * along_x.unsqueeze(-2)


def _loop_fields(angles: Tensor, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Large loops, far from the field of view."""
    n = len(angles)
    distance, height = _uniform(n, 1.5, 1.8, generator), _uniform(n, -0.3, 0.3, generator)
    return _transverse_field(angles, distance, height, _uniform(n, 0.4, 0.9, generator), shape, generator)


def _close_loop_fields(angles: Tensor, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Loops around a head: neighbours touch or overlap a little; wires inside the field of view have a thickness."""
    n = len(angles)
    distance, height = _uniform(n, 0.95, 1.25, generator), _uniform(n, -0.3, 0.3, generator)
    touching = (distance * math.sin(math.pi / max(n, 3))).clamp(0.25, 0.7)
    radius = touching * _uniform(n, 0.9, 1.3, generator)
    return _transverse_field(angles, distance, height, radius, shape, generator, n_nodes=32, thickness=0.2)


def _transverse_field(
    angles: Tensor,
    distance: Tensor,
    height: Tensor,
    radius: Tensor,
    shape: tuple[int, int],
    generator: torch.Generator,
    *,
    n_nodes: int = _N_NODES,
    thickness: float = 0.0,
) -> Tensor:
    """Transverse field of circular loops, evaluated at few nodes and interpolated; lengths in half-fields, (n, 1)."""
    n = len(angles)
    nodes = torch.cos(math.pi * (torch.arange(n_nodes) + 0.5) / n_nodes)
    y, x = torch.meshgrid(nodes, nodes, indexing="ij")
    points = torch.stack([x, y, torch.zeros_like(x)], dim=-1).view(1, -1, 1, 3)

    outward = torch.stack([angles.cos(), angles.sin(), torch.zeros(n)], dim=-1)  # (n, 3)
    around = torch.stack([-angles.sin(), angles.cos(), torch.zeros(n)], dim=-1)
    along = torch.tensor([0.0, 0.0, 1.0])
    centre = distance * outward + height * along
    turn = torch.linspace(0, 2 * math.pi, _N_SEGMENTS + 1).view(1, -1, 1)
    corners = centre.unsqueeze(1) + radius.unsqueeze(1) * (
        turn.cos() * around.unsqueeze(1) + turn.sin() * along
    )  # (n, segments + 1, 3)
    wires = (corners[:, 1:] - corners[:, :-1]).unsqueeze(1)
    middles = ((corners[:, 1:] + corners[:, :-1]) / 2).unsqueeze(1)

    to_point = points - middles  # (n, nodes * nodes, segments, 3)
    length = (to_point.square().sum(dim=-1, keepdim=True) + thickness**2).sqrt()
    field = (torch.linalg.cross(wires.expand_as(to_point), to_point) / length**3).sum(dim=2)
    transverse = torch.complex(field[..., 0], -field[..., 1]).view(n, n_nodes, n_nodes)
    phase = _uniform(n, -math.pi, math.pi, generator).view(n, 1, 1)
    transverse = transverse * torch.polar(torch.ones_like(phase), phase)
    rows, columns = (_interpolation_matrix(nodes, length) for length in shape)
    return rows @ transverse @ columns.T


def _interpolation_matrix(nodes: Tensor, length: int) -> Tensor:
    """Polynomial interpolation from Chebyshev `nodes` to pixels: complex (length, nodes)."""
    degrees = torch.arange(len(nodes), dtype=torch.float64)
    positions = _half_fields(length)[0].double().clamp(-1, 1)
    at_nodes = torch.cos(degrees * torch.acos(nodes.double()).unsqueeze(1))
    at_pixels = torch.cos(degrees * torch.acos(positions).unsqueeze(1))
    return torch.linalg.solve(at_nodes, at_pixels, left=False).to(torch.complex64)
