r"""UP-Net in miniature: fat fraction and R2* from undersampled echoes, each with an uncertainty.

[Shih et al., MRM 89:1567, 2023, doi 10.1002/mrm.29525]

One U-Net takes the artefacts out of the echoes, a second maps the echoes to parameters $\hat p$ and to $\log\hat u$,
the logarithm of the error that it expects of itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mricourse.networks.image_domain import brightness, smooth_phase
from mricourse.networks.option_checks import check_counts
from mricourse.networks.reconstructor import Reconstructor, take_over
from mricourse.networks.unet import UNet
from mricourse.physics.operators import SenseOperator
from mricourse.reconstruct.least_squares import Trace

MIDDLE = (30.0, 60.0)  # of the parameters: % and 1/s
SCALE = (30.0, 40.0)  # what an output of 1 stands for, in the same units
LOG_RANGE = (-7.0, 3.0)  # of log(u / SCALE): 0.03 % to six times the range
SLOPE = 0.1


class UPNet(nn.Module, Reconstructor):
    r"""Clean the echoes of one coil, and map them to fat fraction and R2* with an uncertainty.

    ``network(A, kspace)`` gives the cleaned echoes, as every network of the course gives images; `maps` gives the
    parameters. Both want maps, masks and k-space of a batch of `mricourse.physics.multi_echo.MultiEchoScan`, (scans,
    echoes, coils, ...). The times of the echoes are those of the training: the network learns them by heart.

    What the paper has and how it is here:

    - Free-breathing stacks of radial spokes, measured on 105 people; here one slice of random lines, drawn.
    - The reference is a fit to a compressed-sensing reconstruction; here the truth, since the data are simulated.
    - A field map is an output too, and a physics loss asks that the maps give the echoes back; an adversarial and an
      SSIM loss act on the echoes. All three are left out here: the loss of the echoes is their relative squared error.
    - Widths and levels could not be found. There are two U-Nets of equal size here.
    - Each scan is divided by its `brightness`, and the `smooth_phase` of its first echo is turned away from all echoes
      alike, so that what the echoes say about fat and field stays.

    Parameters
    ----------
    n_echoes : int
    n_features, n_levels : int
        Of both U-Nets, as in `mricourse.networks.unet.UNet`.
    dropout : float
        Share of the maps that the second U-Net loses behind each block from the bottom upwards, while it trains, and in
        `maps` where ``network.train()`` was called: passes that differ (`mricourse.evaluation.uncertainty`).

    Raises
    ------
    ValueError
        A number out of range; in `forward` or `maps` data without that many echoes.
    """

    def __init__(self, *, n_echoes: int = 6, n_features: int = 10, n_levels: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        check_counts(n_echoes=n_echoes, n_features=n_features, n_levels=n_levels)
        if not 0 <= dropout < 1:
            raise ValueError(f"got dropout={dropout}; expected 0 or more, and less than 1.")
        self.n_echoes = n_echoes
        self.contrasts = tuple(f"echo {number}" for number in range(1, n_echoes + 1))
        size = {"n_features": n_features, "n_levels": n_levels, "norm": "none", "slope": SLOPE, "bias": "all"}
        self.cleaning = UNet(n_in=2 * n_echoes, n_out=2 * n_echoes, **size)
        self.mapping = UNet(n_in=2 * n_echoes, n_out=4, **size)
        if dropout:
            for block in (self.mapping.bottom, *self.mapping.up_blocks):
                block.append(nn.Dropout2d(dropout))
        with torch.no_grad():
            for head in (self.cleaning.head, self.mapping.head):
                head.weight.mul_(0.1)
        self.to(memory_format=torch.channels_last)

    def forward(self, A: SenseOperator, kspace: Tensor, *, trace: Trace | None = None) -> Tensor:
        """Clean: kspace (scans, echoes, coils, ky, kx) -> echoes (scans, echoes, y, x), in the units of the data."""
        images, turn = self._cleaned(A, kspace)
        if trace is not None:
            trace(images * turn)
        return images * turn

    def maps(self, A: SenseOperator, kspace: Tensor) -> tuple[Tensor, Tensor]:
        r"""Map: kspace (scans, echoes, coils, ky, kx) -> $\hat p$ and $\hat u$, both (scans, 2, y, x).

        Fat fraction in % and R2* in 1/s, and the mean absolute error to expect of each, in the same units. Where there
        is no tissue both are without meaning.
        """
        return self.opened(A, kspace)[1:]

    def opened(self, A: SenseOperator, kspace: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r"""Give what the objective looks at: the echoes as in `forward`, $\hat p$ and $\hat u$."""
        images, turn = self._cleaned(A, kspace)
        outputs = self.mapping(_to_channels(images))
        middle, scale = (torch.tensor(each, device=outputs.device)[:, None, None] for each in (MIDDLE, SCALE))
        estimate = middle + scale * outputs[:, :2]
        return images * turn, estimate, scale * outputs[:, 2:].clamp(*LOG_RANGE).exp()

    def start_from(self, other: nn.Module) -> None:
        """Copy the weights of another `UPNet` of the same size.

        Raises
        ------
        ValueError
            Another kind of network, or one of another size.
        """
        if not isinstance(other, UPNet) or not take_over([(self, other)]):
            raise ValueError("the network to start from does not fit; expected a UPNet of the same size.")

    def _cleaned(self, A: SenseOperator, kspace: Tensor) -> tuple[Tensor, Tensor]:
        """Echoes without artefacts at a brightness of 1 and without their phase, and what gives both back."""
        if kspace.ndim != 5 or kspace.shape[-4] != self.n_echoes:
            raise ValueError(
                f"kspace has shape {tuple(kspace.shape)}; expected (scans, {self.n_echoes}, coils, ky, kx): this "
                f"network maps {self.n_echoes} echoes of a slice together, as a MultiEchoScan has them."
            )
        zero_filled = A.adjoint(kspace)
        first = zero_filled[:, :1]
        turn = smooth_phase(first) * brightness(first)
        images = zero_filled / turn
        change = self.cleaning(_to_channels(images))
        return images + torch.view_as_complex(change.unflatten(1, (-1, 2)).movedim(2, -1).contiguous()), turn


def _to_channels(images: Tensor) -> Tensor:
    """Write real and imaginary part as channels: complex (scans, echoes, y, x) -> (scans, 2 echoes, y, x)."""
    return torch.view_as_real(images.resolve_conj()).movedim(-1, 2).flatten(1, 2)
