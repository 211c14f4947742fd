r"""Conjugate symmetry of k-space, $s(-k) = s^*(k)$: how a real image shows, and how far a scan is from it."""

import torch
from torch import Tensor

from mricourse.physics.fourier import ifft2c, squared_magnitude

FINER = 4  # padding of the search for a phase ramp: steps of half a sample of m^2, an eighth of one of m


def conjugate_mirror(kspace: Tensor) -> Tensor:
    r"""Mirror k-space at $k = 0$ and conjugate it, $s^*(-k)$: the k-space of the conjugate image.

    Parameters
    ----------
    kspace : Tensor, shape (..., ky, kx)
        Centred, with $k = 0$ at index ``n // 2``. Along an axis of even size the first sample, $k = -n/2$, is its own
        partner, since $-n/2$ and $n/2$ are the same wave on n points.

    Returns
    -------
    Tensor of the same shape and unit.

    Raises
    ------
    ValueError
        If there are no two axes.
    """
    if kspace.ndim < 2:
        raise ValueError(f"kspace has shape {tuple(kspace.shape)}; expected (..., ky, kx).")
    stay = [1 - n % 2 for n in kspace.shape[-2:]]  # a roll by one brings -n/2 back to the front of an even axis
    return kspace.conj().flip(-2, -1).roll(stay, dims=(-2, -1))


def symmetry_error(kspace: Tensor, *, centre_echo: bool = False) -> Tensor:
    r"""Distance from the nearest conjugate-symmetric k-space, relative to the norm of k-space.

    It is the norm of the imaginary part of the image over the norm of the image, after the image was turned by the one
    angle that makes it smallest: that angle belongs to the receiver, not to the object.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Fully sampled, any unit.
    centre_echo : bool
        Also take out the phase ramp that makes it smallest: an echo beside the middle of the readout shifts k-space by
        part of a sample. Ramps in steps of an eighth of a sample are tried.

    Returns
    -------
    float64 Tensor, shape (...)
        0 for a real image, $1/\sqrt 2 = 0.71$ for one of random phase.

    Notes
    -----
    With $z = \sum m^2$ over the pixels, the squared norm of the imaginary part of $e^{-i\varphi} m$ is
    $\frac12 \sum |m|^2 - \frac12 \mathrm{Re}(e^{-2i\varphi} z)$, smallest where $2\varphi$ is the angle of $z$. A ramp
    turns $m^2$ twice as fast as $m$, so one Fourier transform of $m^2$ tries all of them.
    """
    image = ifft2c(kspace.to(torch.complex128))  # single precision would leave 3e-4 of a real image
    squares = image.square()
    energy = squared_magnitude(image).sum(dim=(-2, -1))
    if centre_echo:
        sizes = [FINER * n for n in image.shape[-2:]]
        aligned = torch.fft.fft2(squares, s=sizes).abs().amax(dim=(-2, -1))
    else:
        aligned = squares.sum(dim=(-2, -1)).abs()
    return (0.5 - 0.5 * aligned / energy).clamp(min=0).sqrt()


def noise_symmetry_error(kspace: Tensor, *, corner: int = 8) -> Tensor:
    """Symmetry error that noise alone would make, at most: what is in a corner of k-space is taken for noise.

    A little signal is there too, so that the share of noise comes out too large rather than too small. It needs noise
    that is equal all over k-space.

    Parameters
    ----------
    kspace : complex Tensor, shape (..., ky, kx)
        Fully sampled, any unit.
    corner : int
        Side of the corner in samples.

    Returns
    -------
    real Tensor, shape (...), in the unit of `symmetry_error`.

    Raises
    ------
    ValueError
        If the corner is empty or larger than k-space.
    """
    if not 0 < corner <= min(kspace.shape[-2:]):
        raise ValueError(f"corner is {corner}; expected 1 to {min(kspace.shape[-2:])}, the size of k-space.")
    power = squared_magnitude(kspace)
    noise = power[..., :corner, :corner].mean(dim=(-2, -1))
    return (noise / power.mean(dim=(-2, -1)) / 2).sqrt()  # half of its energy is in the imaginary part
