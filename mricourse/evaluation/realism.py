"""Does an image look real, and is what it shows there? Textures of sets of images; detail that no data support."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from mricourse.evaluation.metrics import finite
from mricourse.physics.fourier import fft2c, floating, ifft2c
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import conjugate_gradient

N_LEVELS = 500  # of the brightness between 0 and the highest
DARK = 0.2  # of what 99 % of the pixels stay below: background and nulled fluid


def null_space_part(image: Tensor, mask: Tensor) -> Tensor:
    r"""Keep what a scan with one uniform coil cannot see, $P x = (I - F^H M F) x$.

    Parameters
    ----------
    image : Tensor, shape (..., y, x)
        Any unit.
    mask : bool Tensor, broadcastable to (..., ky, kx)
        True where k-space was sampled.

    Returns
    -------
    complex Tensor, shape (..., y, x)
    """
    return ifft2c(~mask * fft2c(image))


def share_found(image: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    r"""Say which share of the energy that a scan did not measure is right, $1 - \|P(x - r)\|^2 / \|P r\|^2$.

    $P$ is `null_space_part`. 0 for an image with zeros there, 1 where all is right, below 0 where what was put in is
    further from the truth than zeros.

    Parameters
    ----------
    image, truth : Tensor, shape (..., y, x)
        Complex or real; phases count.
    mask : bool Tensor, broadcastable to (..., ky, kx)
        True where k-space was sampled.

    Returns
    -------
    real Tensor, shape (...)
    """
    left = null_space_part(image - truth, mask)
    return 1 - _energy(left) / _energy(null_space_part(truth, mask))


def surviving_error(error: Tensor, A: SenseOperator, reg_weight: float | Tensor, *, n_iterations: int = 60) -> Tensor:
    r"""Keep what the coils do not see, $\lambda (A^H A + \lambda I)^{-1} e$: `null_space_part` for any number of coils.

    Directions in which $A^H A$ is about 1 shrink to $\lambda / (1 + \lambda)$, those in which it is 0 stay. Of the
    error $e = z - r$ of a denoised image this is what data consistency without noise passes on.

    Parameters
    ----------
    error : complex Tensor, shape (..., y, x)
        An image minus its reference, in any unit.
    A : SenseOperator
    reg_weight : float or Tensor
        $\lambda > 0$, one number.
    n_iterations : int
        Of conjugate gradients, at most.

    Returns
    -------
    complex Tensor, shape (..., y, x)

    Raises
    ------
    ValueError
        A weight that is not above 0.
    """
    if not float(reg_weight) > 0:
        raise ValueError(f"reg_weight is {float(reg_weight)}; expected a number above 0.")
    return reg_weight * conjugate_gradient(A.normal, error, reg_weight=reg_weight, n_iterations=n_iterations)


def split_error(image: Tensor, reference: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Split the energy of an error into three parts: measured, missing, invented.

    The part $F^H M F (x - r)$ contradicts what was measured. In the null space the image's detail is $P x = a P r + d$,
    where $a P r$ is what least squares explain by the true detail: $|1 - a|^2$ of its energy is missing, and $d$ is
    invented. The parts are orthogonal, so the three add up to the whole error.

    Parameters
    ----------
    image, reference : Tensor, shape (..., y, x)
        In one unit; the reference without noise, otherwise its noise counts as detail.
    mask : bool Tensor, broadcastable to (..., ky, kx)

    Returns
    -------
    measured, missing, invented : Tensors, shape (...)
        Shares of the energy of the reference's detail $\lVert P r\rVert^2$.

    Raises
    ------
    ValueError
        A reference that has no detail outside the mask; NaN or infinite values.

    Source: the null-space map is that of Bhadra et al., IEEE Trans. Med. Imaging 40:3249, 2021,
    doi:10.1109/TMI.2021.3077857.
    """
    image = finite("image", floating(image))
    reference = finite("reference", floating(reference))
    found = null_space_part(image, mask)
    wanted = null_space_part(reference, mask)
    detail = _energy(wanted)
    if not (detail > 1e-12 * _energy(reference)).all():
        raise ValueError("a reference has nothing outside the mask; expected one with detail that was not measured.")
    share = (wanted.conj() * found).sum((-2, -1)) / detail
    invented = _energy(found - share[..., None, None] * wanted)
    whole = _energy(image - reference)
    hidden = _energy(found - wanted)
    return (whole - hidden) / detail, (1 - share).abs().square(), invented / detail


def texture_distance(images: Tensor, references: Tensor, *, n_resamples: int = 0, seed: int = 0) -> Tensor:
    r"""Measure how unlike the local contrasts of two sets of images are; 0 for sets of equal textures.

    The local contrasts of a set are the differences of magnitude between all neighbouring pixels, along both axes,
    of all its images. The distance between two such distributions is the area between their cumulative curves,
    which is the least average change that turns one into the other (Wasserstein's $W_1$). A blur lacks large
    differences, noise has too few small ones. Pairs of images and references are never compared, so an image can be
    perfect by this measure and wrong in every pixel. It stands for the divergence between images and references in
    Blau and Michaeli's theorem, with one local feature in place of the whole image.

    Parameters
    ----------
    images, references : Tensor, shapes (n, y, x) and (m, y, x)
        Complex or real; n = m where resampled.
    n_resamples : int
        0 for the distance of the sets. Otherwise so many distances, each of slices drawn again with replacement, the
        same ones from both sets and, for one seed, from one call to the next.
    seed : int

    Returns
    -------
    Tensor, shape () or (n_resamples,)
        In the unit of the images.

    Raises
    ------
    ValueError
        Stacks that are not (n, y, x), or of different length where they are resampled; NaN or infinite values.

    Source: Blau, Michaeli, CVPR 2018, doi:10.1109/CVPR.2018.00652.
    """
    if images.ndim != 3 or references.ndim != 3:
        raise ValueError(
            f"images have shape {tuple(images.shape)} and references {tuple(references.shape)}; expected (n, y, x) "
            "for both: a single image would be image[None]."
        )
    images = finite("images", floating(images))
    references = finite("references", floating(references))
    high = float(torch.maximum(images.abs().amax(), references.abs().amax()))
    if high == 0:
        return torch.zeros(n_resamples) if n_resamples else torch.zeros(())
    found = _cumulative(images, high)
    wanted = _cumulative(references, high)
    width = high / N_LEVELS
    if not n_resamples:
        return (found.mean(0) - wanted.mean(0)).abs().sum() * width
    if len(images) != len(references):
        raise ValueError(
            f"{len(images)} images and {len(references)} references came; expected as many of both to resample pairs."
        )
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(images), (n_resamples, len(images)), generator=generator)
    counts = torch.nn.functional.one_hot(drawn, len(images)).sum(1).to(found) / len(images)
    return (counts @ (found - wanted)).abs().sum(1) * width


def _cumulative(images: Tensor, high: float) -> Tensor:
    """Give the share of neighbours of each image that differ by less than each level: (n, y, x) -> (n, levels)."""
    magnitude = images.detach().abs().float().cpu()
    steps = torch.cat([magnitude.diff(dim=axis).abs().flatten(1) for axis in (1, 2)], dim=1)
    counts = torch.stack([torch.histc(step, N_LEVELS, 0, high) for step in steps])
    return counts.double().cumsum(1) / steps.shape[1]


def grain_correlation(first: Tensor, second: Tensor, *, flattest: float = 0.1) -> Tensor:
    """Correlate the finest detail of two registered contrasts away from edges.

    The detail is an image minus its mean over 3 x 3 pixels, relative to that over 7 x 7. Away from edges lie the pixels
    around which both images vary least over 7 x 7 pixels, relative to their brightness. Noise counts as detail, and
    lowers the correlation; a mixture of tissues in a pixel is detail as well, and raises it.

    Parameters
    ----------
    first, second : Tensor, shape (slices, y, x)
        Complex ones by magnitude; any unit.
    flattest : float
        Share of the pixels of a slice that are counted, among those that are not dark in both.

    Returns
    -------
    real Tensor, shape (slices,)
        From -1 to 1.

    Raises
    ------
    ValueError
        Stacks that are not (slices, y, x) or differ in shape, an image of zeros, or a share out of range.
    """
    if first.ndim != 3 or first.shape != second.shape:
        raise ValueError(
            f"the images have shapes {tuple(first.shape)} and {tuple(second.shape)}; expected one, (slices, y, x)."
        )
    if not 0 < flattest <= 1:
        raise ValueError(f"flattest is {flattest}; expected a share above 0, at most 1.")
    pairs = torch.stack([floating(first).abs(), floating(second).abs()], dim=1)  # (slices, 2, y, x)
    largest = pairs.amax((-2, -1), keepdim=True)
    if not largest.all():
        raise ValueError("an image is zero everywhere; expected images with tissue in each slice.")
    pairs = pairs / largest
    around = _local_mean(pairs, 7)
    grain = (pairs - _local_mean(pairs, 3)) / around.clamp_min(1e-6)
    variance = (_local_mean(pairs.square(), 7) - around.square()).clamp_min(0)
    spread = (variance / around.square().clamp_min(1e-12)).amax(1)  # (slices, y, x)
    bright = (pairs > DARK * _stays_below(pairs.flatten(2), 0.99)[..., None, None]).all(1)
    found = []
    for detail, vary, inside in zip(grain, spread, bright, strict=True):
        flat = inside & (vary <= _stays_below(vary[inside], flattest))
        found.append(torch.corrcoef(detail[:, flat])[0, 1])
    return torch.stack(found)


def _stays_below(values: Tensor, share: float) -> Tensor:
    """The value that this share of the last axis does not exceed; one of them, where `quantile` interpolates."""
    return values.kthvalue(math.ceil(share * values.shape[-1]), dim=-1).values


def _local_mean(images: Tensor, size: int) -> Tensor:
    return avg_pool2d(images, size, stride=1, padding=size // 2)


def _energy(image: Tensor) -> Tensor:
    return image.abs().square().sum((-2, -1))
