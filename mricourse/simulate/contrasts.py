"""From tissue to signal: relaxation times, signal equations, sequences and lesions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mricourse.simulate.anatomy import TISSUES


@dataclass(frozen=True)
class Tissue:
    """What a sequence sees of a tissue.

    Parameters
    ----------
    pd : float
        Proton density relative to water.
    t1_ms, t2_ms, t2star_ms : float
        Relaxation times in ms.
    """

    pd: float
    t1_ms: float
    t2_ms: float
    t2star_ms: float


TISSUES_3T = {
    "wm": Tissue(0.70, 832, 80, 53),
    "gm": Tissue(0.82, 1331, 110, 66),
    "csf": Tissue(1.00, 4163, 2000, 1000),
    "fat": Tissue(0.90, 382, 68, 40),
    "muscle": Tissue(0.79, 1412, 50, 30),
}
"""Tissue parameters at 3 T.

White and grey matter T1, T2: Wansapura et al., JMRI 9:531 (1999); their T2*: Peters et al., MRI 25:748 (2007).
Fat T1, T2: de Bazelaire et al., Radiology 230:652 (2004). Muscle T1, T2: Stanisz et al., MRM 54:507 (2005). Proton
density of brain: Tofts, Quantitative MRI of the Brain (2003). Our assumptions: T2* of CSF, T2* and proton density of
fat and muscle.

CSF: its T1 is from memory, and no source of it was found. Measured at 3 T were 4309 ± 147 ms in the subarachnoid space
and 4454 ± 188 ms in the frontal horns, with T2 of 1886 and 2373 ms, between which ours lies ("Quantification of T1 and
T2 of subarachnoid CSF", PMC10696635; its abstract was read). The longer T1 would make fluid 3 to 7 % darker on
T1-weighted images.
"""

SPREAD = {"pd": 0.02, "t1_ms": 0.04, "t2_ms": 0.05, "t2star_ms": 0.07}
"""Relative standard deviation between subjects that `subject_tissues` draws; our assumption."""


def spin_echo(pd: Tensor, t1_ms: Tensor, t2_ms: Tensor, *, tr_ms: float, te_ms: float) -> Tensor:
    r"""Spin echo, $S = PD\,(1 - e^{-TR/T_1})\,e^{-TE/T_2}$.

    Parameters
    ----------
    pd, t1_ms, t2_ms : Tensor or float, broadcastable
        Proton density (relative) and relaxation times in ms.
    tr_ms, te_ms : float
        Repetition and echo time in ms.

    Returns
    -------
    Tensor
        Signal in units of `pd`, never negative.
    """
    _check_times(tr_ms=tr_ms, te_ms=te_ms)
    return pd * (1 - _decay(tr_ms, t1_ms)) * _decay(te_ms, t2_ms)


def inversion_recovery(pd: Tensor, t1_ms: Tensor, t2_ms: Tensor, *, tr_ms: float, te_ms: float, ti_ms: float) -> Tensor:
    r"""Inversion recovery, $S = PD\,(1 - 2e^{-TI/T_1} + e^{-TR/T_1})\,e^{-TE/T_2}$, with its sign.

    Parameters
    ----------
    pd, t1_ms, t2_ms : Tensor or float, broadcastable
        Proton density (relative) and relaxation times in ms.
    tr_ms, te_ms, ti_ms : float
        Repetition, echo and inversion time in ms; TE is assumed short against TR.

    Returns
    -------
    Tensor
        Signal in units of `pd`; negative before the tissue's null, zero at `nulling_ti`.
    """
    _check_times(tr_ms=tr_ms, te_ms=te_ms, ti_ms=ti_ms)
    return pd * (1 - 2 * _decay(ti_ms, t1_ms) + _decay(tr_ms, t1_ms)) * _decay(te_ms, t2_ms)


def spoiled_gradient_echo(
    pd: Tensor, t1_ms: Tensor, t2star_ms: Tensor, *, tr_ms: float, te_ms: float, flip_deg: float
) -> Tensor:
    r"""Spoiled gradient echo, $S = PD\,\sin\alpha\,(1 - E_1)/(1 - E_1\cos\alpha)\,e^{-TE/T_2^*}$, $E_1 = e^{-TR/T_1}$.

    Parameters
    ----------
    pd, t1_ms, t2star_ms : Tensor or float, broadcastable
        Proton density (relative) and relaxation times in ms.
    tr_ms, te_ms : float
        Repetition and echo time in ms.
    flip_deg : float
        Flip angle in degrees, above 0 and up to 180.

    Returns
    -------
    Tensor
        Signal in units of `pd`, never negative.
    """
    _check_times(tr_ms=tr_ms, te_ms=te_ms)
    if not 0 < flip_deg <= 180:
        raise ValueError(f"flip_deg is {flip_deg}; expected an angle above 0 and up to 180 degrees: 15 is usual.")
    flip = math.radians(flip_deg)
    e1 = _decay(tr_ms, t1_ms)
    return pd * math.sin(flip) * (1 - e1) / (1 - e1 * math.cos(flip)) * _decay(te_ms, t2star_ms)


def nulling_ti(t1_ms: float, *, tr_ms: float) -> float:
    r"""Inversion time that nulls a tissue, $TI = T_1 \ln\frac{2}{1 + e^{-TR/T_1}}$.

    Parameters
    ----------
    t1_ms, tr_ms : float
        Relaxation and repetition time in ms.

    Returns
    -------
    float
        Inversion time in ms.
    """
    _check_times(t1_ms=t1_ms, tr_ms=tr_ms)
    return t1_ms * math.log(2 / (1 + math.exp(-tr_ms / t1_ms)))


@dataclass(frozen=True)
class Protocol:
    """A sequence with its times.

    Parameters
    ----------
    sequence : "spin_echo", "inversion_recovery" or "spoiled_gradient_echo"
        Which signal equation holds.
    tr_ms, te_ms : float
        Repetition and echo time in ms.
    ti_ms : float or None
        Inversion time in ms, for inversion recovery.
    flip_deg : float or None
        Flip angle in degrees, for the gradient echo.
    fat_suppression : float
        Share of the fat signal that is removed, 0 to 1.
    """

    sequence: str
    tr_ms: float
    te_ms: float
    ti_ms: float | None = None
    flip_deg: float | None = None
    fat_suppression: float = 0.0

    def signal(self, tissue: Tissue, *, texture: Tensor | float = 0.0) -> Tensor:
        """Signal of a tissue, signed for inversion recovery.

        Parameters
        ----------
        tissue : Tissue
            Its proton density and relaxation times.
        texture : Tensor or float
            Local deviation of the measured T1-weighted intensity, relative: brighter than its class
            means less free water, so shorter T1 (in proportion), T2 (half of it) and lower density (a fifth).

        Returns
        -------
        Tensor
            Signal in units of proton density, in the shape of `texture`.
        """
        texture = torch.as_tensor(texture)
        pd = tissue.pd * (1 - 0.2 * texture)
        t1_ms = tissue.t1_ms * (1 - texture)
        t2_ms = tissue.t2_ms * (1 - 0.5 * texture)
        t2star_ms = tissue.t2star_ms * (1 - 0.5 * texture)
        times = {"tr_ms": self.tr_ms, "te_ms": self.te_ms}
        if self.sequence == "spin_echo":
            return spin_echo(pd, t1_ms, t2_ms, **times)
        if self.sequence == "inversion_recovery":
            return inversion_recovery(pd, t1_ms, t2_ms, **times, ti_ms=self.ti_ms)
        if self.sequence == "spoiled_gradient_echo":
            return spoiled_gradient_echo(pd, t1_ms, t2star_ms, **times, flip_deg=self.flip_deg)
        raise ValueError(
            f"sequence is {self.sequence!r}; expected spin_echo, inversion_recovery or spoiled_gradient_echo: "
            "choose one of them."
        )


CONTRASTS = {
    "T1w": Protocol("inversion_recovery", tr_ms=2300, te_ms=3, ti_ms=900, fat_suppression=0.5),
    "T1w-GRE": Protocol("spoiled_gradient_echo", tr_ms=20, te_ms=4, flip_deg=25, fat_suppression=0.5),
    "T2w": Protocol("spin_echo", tr_ms=5000, te_ms=100),
    "PDw": Protocol("spin_echo", tr_ms=4000, te_ms=15),
    "FLAIR": Protocol("inversion_recovery", tr_ms=9000, te_ms=100, ti_ms=2430),
    "T2*w": Protocol("spoiled_gradient_echo", tr_ms=700, te_ms=20, flip_deg=20),
}
"""Protocols by name; T1w has the timing of an MPRAGE, without its gradient-echo train."""


def subject_tissues(generator: torch.Generator) -> dict[str, Tissue]:
    """Tissue parameters of one simulated subject: `TISSUES_3T` with the between-subject `SPREAD`.

    Parameters
    ----------
    generator : torch.Generator
        Source of the random numbers; the same state gives the same subject.
    """
    subject = {}
    for name in TISSUES:
        factors = 1 + torch.randn(len(SPREAD), generator=generator).clamp(-2.5, 2.5) * torch.tensor([*SPREAD.values()])
        base = TISSUES_3T[name]
        values = {key: getattr(base, key) * float(f) for key, f in zip(SPREAD, factors, strict=True)}
        subject[name] = replace(base, **values)
    return subject


def weighted_image(
    probabilities: Tensor,
    protocol: Protocol,
    *,
    tissues: Mapping[str, Tissue] = TISSUES_3T,
    texture: Tensor | float = 0.0,
    lesions: Sequence[tuple[Tensor, Tissue]] = (),
) -> Tensor:
    r"""Magnitude image of a mixture of tissues, $|\sum_t p_t S_t|$.

    Parameters
    ----------
    probabilities : float Tensor, shape (tissues, y, x)
        Share of every tissue of `TISSUES` in a pixel; what is missing to 1 gives no signal.
    protocol : Protocol
        For example ``CONTRASTS["FLAIR"]``.
    tissues : dict of Tissue
        Parameters by name.
    texture : float Tensor, shape (y, x), or 0
        See `Protocol.signal`.
    lesions : pairs of (share, Tissue)
        Share of the pixel that the lesion replaces, float (y, x), 0 to 1, and what it is made of.

    Returns
    -------
    float Tensor, shape (y, x)
        In units of proton density.
    """
    signal = torch.zeros(probabilities.shape[-2:])
    for share, name in zip(probabilities, TISSUES, strict=True):
        kept = 1 - protocol.fat_suppression if name == "fat" else 1.0
        signal = signal + kept * share * protocol.signal(tissues[name], texture=texture)
    for share, tissue in lesions:
        signal = (1 - share) * signal + share * protocol.signal(tissue, texture=texture)
    return signal.abs()


def _decay(time_ms: float, constant_ms: Tensor | float) -> Tensor:
    return torch.exp(-time_ms / torch.as_tensor(constant_ms))


def _check_times(**times_ms: float) -> None:
    for name, value in times_ms.items():
        if value is None or not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} is {value}; expected a time in ms, zero or more: check the protocol.")
