r"""Objectives without a reference: measured samples that the network was not given take its place.

Each has a ``judge`` beside it, which chooses the best weights of a training: by samples that were held out too, and in
dB as a PSNR. No reference is looked at, and none is needed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from mricourse.physics.fourier import fft2c
from mricourse.physics.line_densities import drawn_lines, split_weights, splitting_density
from mricourse.physics.motion import moved
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sample_splits import drawn_parts, gaussian_split, outside_centre
from mricourse.physics.scan import Batch
from mricourse.training.losses import energy, mse

RATIO = 0.4  # of the samples that SSDU hides
LINES_RATIO = 0.25  # of the lines that weighted SSDU hides: all of them outside the centre, of which there are few
N_SPLITS = 7  # of several masks
KEPT = 4  # side of the block in the middle that is never hidden
JUDGED = 0.25  # of the lines outside the centre: held out to judge an equivariant network
TURN = 45.0  # degrees, the largest turn beside quarter turns


@runtime_checkable
class SelfSupervised(Protocol):
    """An objective that needs no reference, neither to learn from nor to choose the best weights by."""

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor: ...

    def judge(self, network: nn.Module, batch: Batch) -> float:
        """Say how well held-out samples are predicted, in dB; the same scan is judged by the same samples each time."""
        ...


@dataclass(frozen=True, eq=False)
class Parts:
    """The measured samples of a batch, split in two.

    Parameters
    ----------
    A : SenseOperator
        Of the samples that the network is given.
    kspace : complex Tensor, shape (scans, coils, ky, kx)
        All measured samples.
    hidden : bool Tensor, shape (scans, 1, ky, kx) or (scans, 1, ky, 1)
        Those of the loss.
    """

    A: SenseOperator
    kspace: Tensor
    hidden: Tensor

    def predict(self, network: nn.Module) -> Tensor:
        """Predict the hidden samples from the others: (scans, coils, ky, kx), zero elsewhere."""
        given = torch.where(self.A.mask, self.kspace, 0)
        image = network(self.A, given)
        return self.hidden * fft2c(self.A.smaps * image.unsqueeze(-3))

    @property
    def measured(self) -> Tensor:
        """The hidden samples as they were measured, zero elsewhere."""
        return torch.where(self.hidden, self.kspace, 0)


class SSDU(nn.Module):
    r"""Reconstruct from $\Theta$, and compare with the other measured samples, $\Lambda$, by `l1_l2`.

    A scan always has the same split, or one of the same few: they follow from its mask and from the middle of its
    k-space, which is always given. So the samples of $\Lambda$ have no say in where $\Lambda$ is.

    Parameters
    ----------
    ratio : float
        $|\Lambda| / |\Omega|$.
    n_splits : int
        1 is the published SSDU; of more, each step takes one by chance, where the authors of several masks add up all.

    Source: Yaman et al., Magn. Reson. Med. 84:3172, 2020; several masks NMR Biomed. 35:e4798, 2022.
    """

    def __init__(self, *, ratio: float = RATIO, n_splits: int = 1) -> None:
        super().__init__()
        self.ratio, self.n_splits = ratio, n_splits

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        number = int(torch.randint(self.n_splits, ())) if self.n_splits > 1 else 0
        parts = self.parts(batch, number)
        return l1_l2(parts.predict(network), parts.measured)

    def parts(self, batch: Batch, number: int = 0) -> Parts:
        """Split the samples of a batch for the split of this number."""
        shape = batch.kspace.shape[-2:]
        masks = batch.A.mask
        hidden = [
            gaussian_split(mask, shape, _generator_of(mask, kspace, number), ratio=self.ratio, kept=KEPT)
            for mask, kspace in zip(masks, batch.kspace, strict=True)
        ]
        return _parts(batch, torch.stack(hidden)[:, None])

    def judge(self, network: nn.Module, batch: Batch) -> float:
        """Say how well hidden samples are predicted, in dB."""
        parts = self.parts(batch)
        return held_out_db(parts.predict(network), parts.measured)


class WeightedSSDU(nn.Module):
    r"""Hide lines as the scan leaves them out, and weigh the squared errors by $(1 - K)^{-1}$ (`split_weights`).

    The second mask is of the same family as the first, so what is hidden looks like what is missing; and for noise that
    is small the loss expects, over masks, the squared error in all samples that were not given. It is divided by the
    energy of all measured samples of the batch.

    Parameters
    ----------
    density : float Tensor, shape (ny, 1)
        The probability $P$ of each line, which the protocol knows.
    ratio : float
        Expected share of the measured lines that are hidden.

    Source: Millard, Chiew, IEEE Trans. Comput. Imaging 9:707, 2023.
    """

    def __init__(self, density: Tensor, *, ratio: float = LINES_RATIO) -> None:
        super().__init__()
        self.density = density
        self.kept = splitting_density(density, ratio=ratio)
        self.register_buffer("weights", split_weights(density, self.kept).float())

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
        return self.compare(network, batch, [generator] * len(batch.kspace))

    def compare(self, network: nn.Module, batch: Batch, generators: list[torch.Generator]) -> Tensor:
        """Give the loss for splits that these generators draw, one for each scan."""
        parts = self.parts(batch, generators)
        error = self.weights * (parts.predict(network) - parts.measured).abs().square()
        return (error.sum((-3, -2, -1)) / energy(batch.kspace).sum(-1).clamp_min(1e-20)).mean()

    def parts(self, batch: Batch, generators: list[torch.Generator]) -> Parts:
        """Split the lines of a batch."""
        if batch.A.mask.shape[-1] != 1 or batch.A.mask.shape[-2] != len(self.density):
            raise ValueError(
                f"the mask has shape {tuple(batch.A.mask.shape)}; expected lines, (..., {len(self.density)}, 1), of "
                "the density that the objective knows."
            )
        kept = torch.stack([drawn_lines(self.kept, generator) for generator in generators])[:, None]
        return _parts(batch, batch.A.mask & ~kept.to(batch.A.mask.device))

    def judge(self, network: nn.Module, batch: Batch) -> float:
        """Say how well hidden lines are predicted with their weights, in dB of the energy that was measured."""
        generators = [_generator_of(*each, 0) for each in zip(batch.A.mask, batch.kspace, strict=True)]
        loss = self.compare(network, batch, generators).detach()
        return float(-10 * torch.log10(loss.clamp_min(1e-12)))


class Equivariant(nn.Module):
    r"""Agree with all measured samples, and reconstruct a turned image as well as it was.

    $\lVert A \hat x - y\rVert^2 + \alpha \lVert f(A T \hat x) - T \hat x\rVert^2$ with $\hat x = f(y)$ and a turn or
    mirror $T$ by chance, relative to the energy of $y$ and of $T \hat x$. A turned head is a head, and its missing
    lines lie elsewhere: a reconstruction with holes would not come back from a second scan.

    Parameters
    ----------
    weight : float
        $\alpha$.

    Source: Chen, Tachella, Davies, ICCV 2021, arXiv:2103.14756.
    """

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        image = network(batch.A, batch.kspace)
        misfit = energy(batch.A.forward(image) - batch.kspace).sum(-1) / energy(batch.kspace).sum(-1).clamp_min(1e-20)
        turned = turned_by_chance(image)
        again = network(batch.A, batch.A.forward(turned))
        change = energy(again - turned) / energy(turned).clamp_min(1e-20)
        return (misfit + self.weight * change).mean()

    def judge(self, network: nn.Module, batch: Batch) -> float:
        """Say how well lines or points outside the centre are predicted from the others, in dB."""
        shape = batch.kspace.shape[-2:]
        hidden = []
        for mask, kspace in zip(batch.A.mask, batch.kspace, strict=True):
            outer = outside_centre(mask, shape)
            size = max(1, round(JUDGED * int(outer.sum())))
            hidden += drawn_parts(outer, [size], _generator_of(mask, kspace, 0))
        parts = _parts(batch, torch.stack(hidden)[:, None])
        return held_out_db(parts.predict(network), parts.measured)


class Noise2Noise(nn.Module):
    """Reconstruct from one of two measurements of a slice, and compare with the samples of the other, by `mse`.

    Both have the same image and other noise, which nobody can predict: what is left to learn is the image. The second
    measurement stands on the axis of coils behind the first.

    Source: Lehtinen et al., ICML 2018, arXiv:1803.04189.
    """

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        return mse(*self.compare(network, batch))

    def compare(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Predict the samples of the second measurement from the first, and give both: (scans, 1, ky, kx)."""
        if batch.kspace.shape[-3] != 2:
            raise ValueError(
                f"the scans have {batch.kspace.shape[-3]} measurements on the axis of coils; expected 2: set "
                "repetitions = 2 in [data]."
            )
        A = SenseOperator(batch.A.smaps[:, :1], batch.A.mask)
        return A.forward(network(A, batch.kspace[:, :1])), batch.kspace[:, 1:]

    def judge(self, network: nn.Module, batch: Batch) -> float:
        """Say how well the second measurement is predicted, in dB: at most what its noise allows."""
        return held_out_db(*self.compare(network, batch))


class AllSamples(nn.Module):
    """Compare with the reference as `SSDU` does with samples: all of them, given or not, by `l1_l2`.

    What a complete scan adds to SSDU is then the samples alone, not another loss.

    Raises
    ------
    ValueError
        When called with scans that have no reference.
    """

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the loss of a batch."""
        A, kspace, reference = batch
        if reference is None:
            raise ValueError("the scans have no reference; expected one: this objective compares with it.")
        images = torch.stack([network(A, kspace), reference])
        predicted, complete = fft2c(A.smaps * images.unsqueeze(-3))
        return l1_l2(predicted, complete)


def l1_l2(predicted: Tensor, measured: Tensor) -> Tensor:
    r"""Average $\frac12 \lVert u - v\rVert_2 / \lVert u\rVert_2 + \frac12 \lVert u - v\rVert_1 / \lVert u\rVert_1$.

    Real and imaginary parts are numbers of their own in the 1-norm.

    Parameters
    ----------
    predicted, measured : complex Tensor, shape (scans, coils, ky, kx)
        $v$ and $u$; zero in both where nothing is compared.

    Returns
    -------
    Tensor, shape (), the mean over scans

    Source: Yaman et al., Magn. Reson. Med. 84:3172, 2020.
    """
    error, size = (torch.view_as_real(each).flatten(1) for each in (predicted - measured, measured))
    terms = [error.norm(dim=1, p=p) / size.norm(dim=1, p=p).clamp_min(1e-20) for p in (2, 1)]
    return (0.5 * terms[0] + 0.5 * terms[1]).mean()


def relative(predicted: Tensor, measured: Tensor) -> Tensor:
    """Average the energy of the error over that of the measured samples, over scans: (scans, coils, ky, kx) -> ()."""
    error = energy(predicted - measured).sum(-1)
    return (error / energy(measured).sum(-1).clamp_min(1e-20)).mean()


def held_out_db(predicted: Tensor, measured: Tensor) -> float:
    """Say how well samples are predicted: their energy over that of the error, in dB; higher is better."""
    return float(-10 * torch.log10(relative(predicted.detach(), measured).clamp_min(1e-12)))


def turned_by_chance(image: Tensor) -> Tensor:
    """Turn each image of a stack by any angle and mirror it, drawn from the global random state: (n, y, x) -> same.

    A square image is turned by quarters, which moves pixels only, and by up to 45 degrees in k-space (`moved`).
    """
    n, ny, nx = image.shape
    quarters = int(torch.randint(4, ())) if ny == nx else 2 * int(torch.randint(2, ()))
    image = image.rot90(quarters, (-2, -1))
    image = image.flip(-1) if torch.rand(()) < 0.5 else image
    angle = TURN * (2 * torch.rand(n) - 1)
    return moved(image, torch.stack([torch.zeros(n), torch.zeros(n), angle], dim=1).to(image.device))


def _parts(batch: Batch, hidden: Tensor) -> Parts:
    return Parts(SenseOperator(batch.A.smaps, batch.A.mask & ~hidden), batch.kspace, hidden)


def _generator_of(mask: Tensor, kspace: Tensor, number: int) -> torch.Generator:
    """Start the random stream of a scan: of its mask (1, ky, kx or 1) and of the middle of k-space (coils, ky, kx)."""
    rows, columns = (slice(n // 2 - KEPT // 2, n // 2 - KEPT // 2 + KEPT) for n in kspace.shape[-2:])
    middle = torch.view_as_real(kspace[..., rows, columns]).contiguous().cpu().numpy()
    digest = hashlib.sha256(mask.cpu().numpy().tobytes() + middle.tobytes() + str(number).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
