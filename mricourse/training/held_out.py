"""What samples that are held out tell of an image: how well it predicts them, and what error to expect elsewhere.

A sample is judged by an image of all others: an image of much fewer has holes in its k-space that the image of all does
not have, and a network that fills those better may fill others worse. Samples differ: those close to the centre of
k-space hold a hundred times the energy of the others, and so does what is missed of them. So errors are compared in the
same sample, and carried over to those that were never measured by a law of the distance from the centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.noise_estimation import noise_level
from mricourse.physics.normalisation import normalised
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sample_splits import drawn_parts, energy_along, outside_centre, pattern_of, strip_of
from mricourse.physics.scan import Scan

FEWEST = 8  # lines or points outside the centre
MOST_GROUPS = 48  # lines that are judged one by one, or parts that points are gathered in: one point says little


class HeldOutScan:
    """A scan in numbers around 1, whose samples outside the centre can be held out.

    Parameters
    ----------
    scan : Scan
        With maps.
    strip : int
        Pixels along the readout of a mask of lines that are looked at in one go.

    Attributes
    ----------
    A : SenseOperator
    kspace : complex Tensor, shape (coils, ky, kx)
    pattern, outer : bool Tensor, shape (ky, 1), (1, kx) or (ky, kx)
        All samples, and those outside the fully sampled centre.
    readout : -1, -2 or None
        The axis along which a mask of lines does not differ.
    noise_power : float
        Of a sample.

    Raises
    ------
    ValueError
        A scan without maps, a complete one, or one with fewer than eight lines (points) outside its centre.
    """

    def __init__(self, scan: Scan, *, strip: int = 64) -> None:
        self.A, self.kspace, _ = normalised(scan)
        self.pattern = pattern_of(scan.mask)
        self.outer = outside_centre(scan.mask, scan.shape)
        self.readout = -1 if self.pattern.shape[1] == 1 else -2 if self.pattern.shape[0] == 1 else None
        _check_outer(self.pattern, self.outer, "points" if self.readout is None else "lines")
        self.noise_power = 2 * float(noise_level(self.kspace, scan.mask).square())
        whole = self.readout is None or self.kspace.shape[self.readout] <= strip
        self.strip = None if whole else strip
        signal = None if whole else energy_along(self.kspace, self.readout).cpu().unfold(0, strip, 1).sum(-1)
        self.signal = None if whole else signal.clamp_min(torch.finfo(signal.dtype).tiny)  # where nothing is, all alike

    def groups(self, n_splits: int, seed: int) -> list[list[Tensor]]:
        """Draw for each split what it holds out, group by group: lines one by one, or parts of the points."""
        n_outer, generator = int(self.outer.sum()), torch.Generator().manual_seed(seed)
        n = n_outer if self.readout is not None else min(n_outer, MOST_GROUPS)
        parts = drawn_parts(self.outer, [(n_outer + number) // n for number in range(n)], generator)
        return [parts[number::n_splits] for number in range(n_splits)]

    def cut(self, generator: torch.Generator) -> tuple[SenseOperator, Tensor, float]:
        """Cut out a strip, the more signal it has the likelier, and say which share of the signal it has."""
        if self.strip is None:
            return self.A, self.kspace, 1.0
        first = int(torch.multinomial(self.signal, 1, generator=generator))
        share = self.strip / self.kspace.shape[self.readout] * float(self.signal[first] / self.signal.mean())
        return *strip_of(self.A, self.kspace, first, self.strip, self.readout), share

    def count(self, mask: Tensor) -> int:
        """Count the samples of a mask in all coils."""
        return int(mask.sum()) * self.kspace.numel() // mask.numel()

    @torch.no_grad()
    def missed(self, network: nn.Module, held: Tensor, seed: int) -> float:
        """Energy of held-out samples that the image of all others misses; of lines by a strip, drawn by the seed."""
        A, kspace, share = self.cut(torch.Generator().manual_seed(seed))
        image = network(SenseOperator(A.smaps, self.pattern & ~held), kspace * ~held)
        return float(missed_energy(image, A.smaps, kspace, held)[0]) / share

    def twin(self, image: Tensor) -> Tensor:
        """Simulate the scan of a known image (y, x): (coils, ky, kx), of the same mask, maps and noise level."""
        noise = random_complex(*self.kspace.shape).to(self.kspace) * math.sqrt(self.noise_power / 2)
        return torch.where(self.pattern, fft2c(self.A.smaps * image) + noise, 0)

    def expected_elsewhere(self, held: list[Tensor], missed: Tensor) -> float:
        """Energy that is missed in the samples never measured, by a power law of the distance from the centre.

        Parameters
        ----------
        held : list of bool Tensor
            Groups of samples.
        missed : float64 Tensor, shape (groups,)
            Energy missed in each, noise included.
        """
        distance = _log_distance(self.pattern)
        places = torch.stack([distance[each].mean() for each in held]).cpu()
        per_sample = missed / torch.tensor([self.count(each) for each in held])
        law = _power_law(places, per_sample.clamp_min(1e-30))
        errors = law(distance[~self.pattern].cpu()) - self.noise_power
        return float(errors.clamp_min(0).sum()) * self.count(self.pattern) / int(self.pattern.sum())


def missed_energy(image: Tensor, smaps: Tensor, kspace: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
    """Energy of the held-out samples that an image misses, and their own: image (y, x), kspace (coils, ky, kx)."""
    return energy(held * (fft2c(smaps * image) - kspace)), energy(held * kspace)


def energy(values: Tensor) -> Tensor:
    """Sum of squared magnitudes of all entries."""
    return torch.view_as_real(values).square().sum()


def _check_outer(pattern: Tensor, outer: Tensor, kind: str) -> None:
    if bool(pattern.all()):
        raise ValueError("the scan is complete, so no sample is missing; expected an undersampled one to adapt to.")
    if int(outer.sum()) < FEWEST:
        raise ValueError(
            f"the scan has {int(outer.sum())} {kind} outside its fully sampled centre; expected {FEWEST} or more, to "
            "hold some out: reconstruct without adapting."
        )


def _log_distance(pattern: Tensor) -> Tensor:
    """Logarithm of the distance from the centre of k-space, in samples and at least 1, in the shape of a pattern."""
    ky, kx = (
        torch.arange(n, dtype=torch.float64) - n // 2 if n > 1 else torch.zeros(1).double() for n in pattern.shape
    )
    return torch.hypot(ky[:, None], kx).clamp_min(1).log().to(pattern.device)


def _power_law(places: Tensor, values: Tensor) -> Callable[[Tensor], Tensor]:
    """Fit a straight line to logarithms, and give the mean, not the median, that it predicts [Duan, JASA 1983]."""
    design = torch.stack([torch.ones_like(places), places], dim=1)
    law = torch.linalg.lstsq(design, values.log()[:, None], driver="gelsd").solution[:, 0]
    smear = (values.log() - design @ law).exp().mean()
    return lambda other: smear * (law[0] + law[1] * other).exp()
