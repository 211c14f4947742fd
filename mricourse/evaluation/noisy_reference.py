r"""The noise that the reference of a measured scan carries itself, and the PSNR that it would have without it.

A complete scan gives $r = x + \varepsilon$, the true image and noise of its own: that of all samples, transformed and
combined, with variance $s^2$ in the real and in the imaginary part of a pixel. `psnr` compares the magnitude $m$ of an
image with $|r|$; wanted is the comparison with $|x|$. Since $E|r|^2 = |x|^2 + 2 s^2$, the two errors differ by

$$E(m - |r|)^2 - E(m - |x|)^2 = 2 s^2 - 2 E[m (|r| - |x|)] = 2 s^2 - 2 E[m] \beta - 2\,\mathrm{cov}(m, |r|).$$

* $\beta = E|r| - |x|$ is what noise adds to a magnitude. Where the signal is strong it is $s^2 / 2|x|$, so that there
  remains $2 s^2 - s^2 = s^2$, the noise along the phase of $x$; where there is no signal it is $1.25 s$, which hides
  errors of the image. It is taken at a guess of $|x|$: $|r|$ itself where that is far above the noise, and elsewhere
  $|r|$ made smaller, so that the power around it is that of $r$ less that of the noise.
* $\mathrm{cov}(m, |r|)$ is the noise that both share, for the image was made of samples of which the reference was made
  too. It is 0 for an image that knows nothing of the noise, $s^2/R$ for the zero-filled one of every $R$-th sample, and
  $s^2$ for the reference itself: noise may add as much as $s^2$ to the error, or take as much from it. It is found, for
  any method, by asking: a little fresh noise $b$ goes into the samples that were kept and into the reference, and the
  answers are multiplied, $\mathrm{cov}(m, |r|) \approx E[(m_b - m)(|r_b| - |r|)]$ over the share of $b$ in the power.

On simulated heads with ringing edges, and noise 34 to 51 dB below the peak, wavelets, total variation, SENSE and `modl`
came out within 0.06 dB of their PSNR against the true image, from which they were up to 1.3 dB before; an image as
close to the truth as the noise, within half a decibel.

Sources: Gudbjartsson, Patz, Magn. Reson. Med. 34:910, 1995 (magnitudes); Stein, Ann. Stat. 9:1135, 1981, and Ramani,
Blu, Unser, IEEE Trans. Image Process. 17:1540, 2008, doi:10.1109/TIP.2008.2001404 (the covariance, by fresh noise).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mricourse.evaluation.metrics import best_scale
from mricourse.physics.coil_combination import combine
from mricourse.physics.fourier import ifft2c, random_complex
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.scan import Scan

STRONG = 4  # times the noise: what is brighter is hardly ever noise alone
NEIGHBOURHOOD = 9  # pixels along each side, over which the power of weak signal is averaged
STEP = 0.3  # fresh noise in standard deviations: it raises the noise of the data by 4 %
FEWEST_IN_AIR = 300  # pixels outside the maps, whose median is then known to 5 %
AGREEMENT = 1.4  # between the noise in air and in the centre of k-space
MEDIAN = math.sqrt(2 * math.log(2))  # magnitude of noise with a standard deviation of 1
SMALLEST = 1  # of the noise's power: a smaller error is lost in what is subtracted


@dataclass(frozen=True, eq=False)
class ReferenceNoise:
    r"""What is known of the noise of one reference; `reference_noise` makes it.

    Parameters
    ----------
    reference : complex Tensor, shape (y, x)
        From all samples.
    variance : Tensor, shape (y, x)
        $s^2$, in the real and in the imaginary part.
    rise : Tensor, shape (y, x)
        $\beta$, by how much the noise raises the magnitude on average.
    fresh : complex Tensor, shape (coils, ky, kx)
        A little more noise for every sample.
    answer : Tensor, shape (y, x)
        What `fresh` adds to the magnitude of the reference.
    """

    reference: Tensor
    variance: Tensor
    rise: Tensor
    fresh: Tensor
    answer: Tensor

    @property
    def decibels(self) -> float:
        """By how much the noise of the reference, along the phase, is below its peak: its PSNR against the truth."""
        return float(10 * torch.log10(self._peak_power() / self.variance.mean()))

    def disturbed(self, scan: Scan) -> Scan:
        """Add the fresh noise to a scan that keeps some samples of the complete one."""
        return replace(scan, kspace=scan.kspace + torch.where(scan.mask, self.fresh, 0))

    def psnr(self, image: Tensor, change: Tensor) -> float | None:
        """PSNR in dB against the reference without its noise, with the peak of the reference, at best scale.

        Parameters
        ----------
        image : Tensor, shape (y, x)
            What a method makes of a scan, in any unit: complex, or a magnitude.
        change : Tensor, shape (y, x)
            By how much it is another one for the scan that `disturbed` gives.

        Returns
        -------
        float, or None where what is left of the mean squared error is negative, or less than the power of the noise:
        then the image is too close to its reference to say how close.
        """
        scaled = best_scale(image, self.reference if image.is_complex() else self.reference.abs())
        factor = (image.conj() * scaled).sum() / image.abs().square().sum()
        m = scaled.abs().double()
        shared = ((scaled + factor * change).abs().double() - m) * self.answer / STEP**2
        noise = 2 * self.variance - 2 * m * self.rise - 2 * shared
        error = ((m - self.reference.abs()).square() - noise).mean()
        if not error > SMALLEST * self.variance.mean():
            return None
        return float(10 * torch.log10(self._peak_power() / error))

    def _peak_power(self) -> Tensor:
        return self.reference.abs().amax().double().square()


def reference_noise(complete: Scan, *, seed: int = 0) -> ReferenceNoise:
    """Measure the noise of the reference that a complete scan makes with its coil maps.

    The noise of each coil is that of the pixels where the maps are zero, which are air; where the maps leave hardly
    any, all coils get `noise_level`.

    Parameters
    ----------
    complete : Scan
        All samples, with maps that are zero outside the object, such as those of ESPIRiT.
    seed : int
        Of the fresh noise.

    Raises
    ------
    ValueError
        A scan whose noise cannot be told: none at all, or not the same all over k-space.
    """
    kspace, smaps = complete.kspace, complete.smaps
    if smaps is None or not bool(complete.mask.all()):
        raise ValueError("the scan lacks maps or samples; expected a complete one: add maps with with_smaps(scan).")
    power = smaps.abs().square().sum(0)
    inside = power > 0
    noise_std = _noise_of_coils(complete, ~inside)
    shares = smaps.abs().square() / power.where(inside, 1).square()  # of each coil's noise in the combined image
    variance = (shares * noise_std.square()).sum(0).double()
    reference = combine(ifft2c(kspace), smaps)
    rise = torch.where(inside, magnitude_rise(_guess(reference, variance, inside), variance), 0)
    fresh = STEP * noise_std * random_complex(*kspace.shape, seed=seed).to(kspace)
    answer = (reference.sgn().conj() * combine(ifft2c(fresh), smaps)).real.double()
    return ReferenceNoise(reference, variance, rise, fresh, answer)


def magnitude_rise(magnitude: Tensor, variance: Tensor) -> Tensor:
    r"""By how much noise raises a magnitude on average, $E|x + \varepsilon| - |x|$: Rice's distribution.

    Parameters
    ----------
    magnitude, variance : Tensor
        $|x|$ of 0 or more, and the noise's variance in the real and in the imaginary part.
    """
    noise_std = variance.sqrt().clamp_min(torch.finfo(variance.dtype).tiny)
    quarter = (magnitude / noise_std).square() / 4
    mean = (1 + 2 * quarter) * torch.special.i0e(quarter) + 2 * quarter * torch.special.i1e(quarter)
    return (noise_std * math.sqrt(math.pi / 2) * mean - magnitude).clamp_min(0)


def _guess(reference: Tensor, variance: Tensor, inside: Tensor) -> Tensor:
    """Guess the magnitude without noise: of weak pixels so that its power around them is right, (y, x)."""
    found = reference.abs().double()
    weak = inside & (found <= STRONG * variance.sqrt())
    power = (_mean_around(found.square(), weak) - 2 * variance).clamp_min(0)
    smaller = found * (power / (power + 2 * variance).clamp_min(torch.finfo(power.dtype).tiny)).sqrt()
    return torch.where(weak, smaller, found)


def _mean_around(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen pixels in the neighbourhood of each: (y, x), (y, x) -> (y, x); 0 where there are none."""
    counted = torch.stack([values * chosen, chosen.to(values)])[:, None]
    total, share = F.avg_pool2d(counted, NEIGHBOURHOOD, stride=1, padding=NEIGHBOURHOOD // 2)[:, 0]
    return total / share.where(share > 0, 1)


def _noise_of_coils(complete: Scan, air: Tensor) -> Tensor:
    """Standard deviation of the noise in the real and the imaginary part of a sample of each coil, (coils, 1, 1)."""
    everywhere = noise_level(complete.kspace, complete.mask)
    if int(air.sum()) < FEWEST_IN_AIR:
        noise_std = everywhere.expand(complete.n_coils, 1, 1)
    else:
        noise_std = ifft2c(complete.kspace)[:, air].abs().median(dim=1).values[:, None, None] / MEDIAN
        ratio = float(noise_std.median() / everywhere)
        if not 1 / AGREEMENT < ratio < AGREEMENT:
            raise ValueError(
                f"the noise in air is {ratio:.2g} times that in the centre of k-space; expected the same, as of "
                "samples that nothing filtered."
            )
    if not float(noise_std.min()) > 0:
        raise ValueError("a coil has no noise at all; expected samples as they were measured.")
    return noise_std
