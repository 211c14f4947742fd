r"""The normal operator of non-Cartesian sampling as a convolution; `NufftOperator` has the equation.

For any trajectory $A^H W A = S^H T S$, where $T$ convolves an image with the kernel
$t(q) = \frac{1}{N}\sum_j w_j\, e^{2\pi i k_j\cdot q}$: the sum over the samples sees two pixels $r$ and $r'$ only
through $q = r - r'$ [Wajer, ISMRM 2001, p. 767; Fessler, IEEE TSP 2005]. A matrix whose entries depend on $r - r'$ is a
Toeplitz matrix. Along each axis $q$ runs from $-(n - 1)$ to $n - 1$, so on a periodic grid of $2n - 1$ points or more
nothing wraps round, and two plain FFTs do what gridding did.
"""

import torch
from torch import Tensor

CACHED = 2**17  # complex numbers that are worked on together on a CPU: so many stay in its cache


def embedding_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Find the periodic grid for an image of ``shape``: for each axis the smallest fast length from 2 n - 1 on."""
    return tuple(_fast_length(2 * n - 1) for n in shape)


def _fast_length(n: int) -> int:
    """Smallest length from n on that has no prime factor above 7: others take the FFT five times as long."""
    while True:
        rest = n
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 1


def kernel_spectrum(kernel: Tensor) -> Tensor:
    """Transform a kernel with its origin at index ``n // 2`` into the factors, real, of `toeplitz_product`: (y, x).

    Opposite differences have conjugate kernel values, so the spectrum is real. The one difference of a grid of even
    length that has no opposite is never used, and leaving out the imaginary part leaves the others as they are.
    """
    return torch.fft.fftn(torch.fft.ifftshift(kernel)).real


def toeplitz_product(spectrum: Tensor, smaps: Tensor, image: Tensor) -> Tensor:
    """Apply $S^H T S$: (..., y, x) -> (..., y, x).

    The transforms along y take the columns of the image, before those along x have filled the other half of the grid.

    Parameters
    ----------
    spectrum : Tensor, shape of `embedding_shape`
        Of the kernel, by `kernel_spectrum`; in the units of the result over those of the image.
    smaps : complex Tensor, shape (coils, y, x)
    image : Tensor, shape (..., y, x)
    """
    ny, nx = smaps.shape[-2:]
    my, mx = spectrum.shape
    n_coils = len(smaps)
    at_once = n_coils
    if image.device.type == "cpu":
        n_images = max(1, image.numel() // (ny * nx))
        at_once = max(1, CACHED // (n_images * my * mx))
    total = None
    for start in range(0, n_coils, at_once):
        coils = smaps[start : start + at_once]
        half = torch.fft.fft(coils * image.unsqueeze(-3), n=my, dim=-2)
        whole = torch.fft.fft(half, n=mx, dim=-1)
        whole *= spectrum
        half = torch.fft.ifft(whole, dim=-1)[..., :nx]
        coil_images = torch.fft.ifft(half, dim=-2)[..., :ny, :]
        part = (coils.conj() * coil_images).sum(dim=-3)
        total = part if total is None else total + part
    return total
