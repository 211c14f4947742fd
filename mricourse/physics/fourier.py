r"""The centred, orthonormal Fourier transform that links an image to its k-space.

Everywhere in the course $F$ is unitary and has the zero frequency in the middle of the array
(index ``n // 2``), so that $F^{-1} = F^H$ and a plot of k-space looks as a scanner shows it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def fftc(x: Tensor, dim: int | Sequence[int] = -1) -> Tensor:
    r"""Centred orthonormal discrete Fourier transform along one or several axes.

    With $c = \lfloor n/2 \rfloor$, entry $k$ is
    $\frac{1}{\sqrt n}\sum_j x_j\, e^{-2\pi i (j-c)(k-c)/n}$.

    Parameters
    ----------
    x : Tensor, any shape
        Real or complex samples with the origin at index ``n // 2``.
    dim : int or sequence of int
        The axes to transform.

    Returns
    -------
    complex Tensor of the shape of ``x``, in the units of ``x``.
    """
    dim = (dim,) if isinstance(dim, int) else tuple(dim)
    shifted = torch.fft.ifftshift(floating(x), dim=dim)
    return torch.fft.fftshift(torch.fft.fftn(shifted, dim=dim, norm="ortho"), dim=dim)


def ifftc(x: Tensor, dim: int | Sequence[int] = -1) -> Tensor:
    """Inverse, and therefore adjoint, of `fftc`; arguments and shapes are the same."""
    dim = (dim,) if isinstance(dim, int) else tuple(dim)
    shifted = torch.fft.ifftshift(floating(x), dim=dim)
    return torch.fft.fftshift(torch.fft.ifftn(shifted, dim=dim, norm="ortho"), dim=dim)


def fft2c(image: Tensor) -> Tensor:
    """Image to k-space over the last two axes: (..., y, x) -> (..., ky, kx), centred and orthonormal."""
    return fftc(_at_least_2d(image), (-2, -1))


def ifft2c(kspace: Tensor) -> Tensor:
    """k-space to image over the last two axes: (..., ky, kx) -> (..., y, x), the adjoint of `fft2c`."""
    return ifftc(_at_least_2d(kspace), (-2, -1))


def random_complex(*shape: int, seed: int = 0, dtype: torch.dtype = torch.complex64) -> Tensor:
    """Draw circular complex Gaussian noise, standard deviation 1 in each of the real and imaginary parts.

    The draw uses its own generator: the same ``seed`` gives the same numbers and the global state stays untouched.
    """
    return complex_noise(shape, torch.Generator().manual_seed(seed), dtype=dtype)


def complex_noise(shape: Sequence[int], generator: torch.Generator, *, dtype: torch.dtype = torch.complex64) -> Tensor:
    """Draw the next numbers of a generator as what `random_complex` draws."""
    if not dtype.is_complex:
        raise TypeError(f"dtype is {dtype}; expected torch.complex64 or torch.complex128.")
    return torch.view_as_complex(torch.randn((*shape, 2), generator=generator, dtype=dtype.to_real()))


def floating(values: Tensor) -> Tensor:
    """Turn integers and truth values into floating-point numbers, and half precision into single, for arithmetic.

    Squares and differences in the input's own type would wrap round without a word: 200 squared is 64 in ``uint8``, and
    300 squared is infinite in ``float16``. Single and double precision, real or complex, come back as they are.

    Parameters
    ----------
    values : Tensor, any shape and dtype

    Returns
    -------
    Tensor of the same shape: torch's default real dtype for integers, single precision for half.
    """
    if values.dtype == torch.complex32:
        return values.to(torch.complex64)
    if values.dtype in (torch.float16, torch.bfloat16):
        return values.to(torch.float32)
    if values.is_complex() or values.is_floating_point():
        return values
    return values.to(torch.get_default_dtype())


def squared_magnitude(values: Tensor) -> Tensor:
    """Square of the magnitude, any shape, real or complex: five times as fast as by way of ``abs()``."""
    return values.real.square() + values.imag.square() if values.is_complex() else values.square()


def complex_floating(values: Tensor) -> Tensor:
    """Turn numbers of any kind into complex ones of single precision, or of double where they are double."""
    values = floating(values)
    return values.to(torch.promote_types(values.dtype, torch.complex64))


def _at_least_2d(x: Tensor) -> Tensor:
    if x.ndim < 2:
        raise ValueError(
            f"got shape {tuple(x.shape)}; expected the two axes (y, x) or (ky, kx) at the end. For one axis use fftc."
        )
    return x
