"""Why does a score fall under another condition: is the scan harder, or was the training for another one?"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Drop:
    """A fall of PSNR in its two parts, in dB, one value for each slice.

    Parameters
    ----------
    harder : real Tensor, shape (slices,)
        What a network loses that was trained for the new condition: that much harder is the scan; below 0 it is easier.
    gap : real Tensor, shape (slices,)
        The generalisation gap: what the network at hand lacks behind that one, under the new condition.
    """

    harder: Tensor
    gap: Tensor

    @property
    def whole(self) -> Tensor:
        """The fall itself, (slices,): the sum of both."""
        return self.harder + self.gap


def drop_parts(at_home: Tensor, away: Tensor, matched: Tensor) -> Drop:
    """Split the fall of a network's PSNR, home less away, by a network that was trained for the new condition.

    Parameters
    ----------
    at_home, away : real Tensor, shape (slices,)
        PSNR in dB of the network at hand, under the condition of its training and under the new one.
    matched : real Tensor, shape (slices,)
        PSNR in dB of the matched network under the new condition, on the same scans as `away`.

    Raises
    ------
    ValueError
        Scores of different slices cannot be paired.
    """
    shapes = {tuple(each.shape) for each in (at_home, away, matched)}
    if len(shapes) > 1:
        raise ValueError(
            f"scores have the shapes {sorted(shapes)}; expected one value for each slice in all three: the same slices."
        )
    return Drop(at_home - matched, matched - away)


def shrinkage_error(trained_noise: float, noise: float, *, signal: float = 1.0) -> float:
    r"""Mean squared error of the best linear denoiser of one pixel, $w = s^2 / (s^2 + \sigma^2)$, under other noise.

    Parameters
    ----------
    trained_noise, noise : float
        Variance of the noise for which the factor was chosen, and of that which is there.
    signal : float
        Variance of the signal, whose mean is 0; above 0.

    Returns
    -------
    float
        $(1 - w)^2 s^2 + w^2 \sigma^2$, least where both noises are the same.
    """
    if not signal > 0 or min(trained_noise, noise) < 0:
        raise ValueError(
            f"got signal={signal}, trained_noise={trained_noise} and noise={noise}; expected variances: a signal above "
            "0, and noise of 0 or more."
        )
    factor = signal / (signal + trained_noise)
    return (1 - factor) ** 2 * signal + factor**2 * noise
