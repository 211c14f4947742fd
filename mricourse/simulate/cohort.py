"""A cohort of simulated people: age, sex, site and field strength, and a few neighbouring slices of each.

The two training heads are all the anatomy there is. A subject is one of them with a warp, tissue values and a phase of
its own, which all of its slices share, as slices of a patient do. Sites differ in what a study would like to compare
and in what it would rather not: field strength, sampling, age of the people, share of patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mricourse.physics.fourier import complex_noise, fft2c, ifft2c
from mricourse.physics.sampling import random_mask
from mricourse.simulate.acquisition import with_phase
from mricourse.simulate.anatomy import TISSUES, Anatomy, anatomy_names, load_anatomy
from mricourse.simulate.contrasts import CONTRASTS, Tissue, subject_tissues, weighted_image
from mricourse.simulate.random_draws import generator_for, integer, smooth_field, uniform
from mricourse.simulate.texture import measured_texture

AGES = (20.0, 90.0)  # years; drawn ages are kept between them
GREY_LOST_A_YEAR = 0.003  # share of the grey matter that becomes fluid each year from 20 on; our assumption
WARP_MM = (4.0, 8.0)  # largest shift of a subject's warp
MALE_SIZE = 1.04  # head of a man relative to that of a woman, along each axis; our assumption
SLICE_GAP_MM = 4.0
MOST_PHASE_RAD = 0.3  # of the smooth phase, one for all slices of a subject
FAT_SIGNAL = 0.4  # of this T1w, in units of proton density: the brightest tissue
NOISE_AT_3T = 0.01  # of real and imaginary part in k-space; the brightest pixel of an image is near 1
ACS = 6  # central lines of the masks


@dataclass(frozen=True)
class Site:
    """Where people are scanned, how, and who comes there.

    Parameters
    ----------
    name : str
    b0_t : float
        Field strength in tesla. T1 grows as its cube root, noise falls in proportion.
    acceleration : float
        Nominal acceleration of the random lines that this site measures: the same lines for everybody.
    share : float
        Of all subjects; shares need not add up to one.
    age_years : (mean, standard deviation)
    patients : float
        Share of its people who carry the diagnosis, 0 to 1.
    """

    name: str
    b0_t: float = 3.0
    acceleration: float = 2.0
    share: float = 1.0
    age_years: tuple[float, float] = (45.0, 12.0)
    patients: float = 0.5


SITES = (
    Site("North", b0_t=3.0, acceleration=1.5, share=0.6, age_years=(35.0, 8.0), patients=0.1),
    Site("South", b0_t=1.5, acceleration=4.0, share=0.4, age_years=(65.0, 8.0), patients=0.9),
)


@dataclass(frozen=True)
class Subject:
    """One simulated person. The diagnosis changes nothing in the images: what it goes with is the site.

    Parameters
    ----------
    number : int
        Within the cohort, from 0.
    site : Site
    age_years : float
    sex : "F" or "M"
    patient : bool
    anatomy : str
        Which of the training heads was warped.
    seed : int
        Of the warp, the tissue values, the phase and the noise.
    """

    number: int
    site: Site
    age_years: float
    sex: str
    patient: bool
    anatomy: str
    seed: int


@dataclass(frozen=True, eq=False)
class Cohort:
    """Scans of all subjects, one coil of sensitivity 1.

    Parameters
    ----------
    subjects : tuple of Subject
    references : complex Tensor, shape (subjects, slices, y, x)
        Without noise.
    kspace : complex Tensor, shape (subjects, slices, ky, kx)
        Zero where nothing was measured.
    masks : bool Tensor, shape (subjects, 1, ky, 1)
        That of the site.
    """

    subjects: tuple[Subject, ...]
    references: Tensor
    kspace: Tensor
    masks: Tensor

    @property
    def zero_filled(self) -> Tensor:
        """Adjoint images, complex (subjects, slices, y, x)."""
        return ifft2c(self.kspace)

    def to(self, device: torch.device | str) -> Cohort:
        """The same cohort with its tensors on a device."""
        parts = {name: getattr(self, name).to(device) for name in ("references", "kspace", "masks")}
        return replace(self, **parts)


def draw_subjects(n: int, *, sites: Sequence[Site] = SITES, seed: int) -> tuple[Subject, ...]:
    """Draw people: a site by its share, then age, sex, diagnosis and head.

    Parameters
    ----------
    n : int
        Number of subjects.
    sites : sequence of Site
    seed : int
        Names the cohort. Subject number i is the same in cohorts of any size.

    Raises
    ------
    ValueError
        No subject, no site, or shares that cannot be.
    """
    shares = torch.tensor([site.share for site in sites])
    if n < 1 or not len(sites) or not bool((shares >= 0).all()) or not float(shares.sum()) > 0:
        raise ValueError(
            f"{n} subjects of {len(sites)} sites with shares {shares.tolist()} came; expected one or more of each, "
            "and shares of zero or more, of which one is above zero."
        )
    return tuple(_subject(number, sites, shares, seed) for number in range(n))


def _subject(number: int, sites: Sequence[Site], shares: Tensor, seed: int) -> Subject:
    generator = generator_for(seed, "cohort", str(number))
    site = sites[int(torch.multinomial(shares, 1, generator=generator))]
    mean, spread = site.age_years
    age = min(max(mean + spread * float(torch.randn((), generator=generator)), AGES[0]), AGES[1])
    sex = "FM"[integer(0, 1, generator)]
    patient = uniform(0, 1, generator) < site.patients
    heads = anatomy_names("train")
    anatomy = heads[integer(0, len(heads) - 1, generator)]
    return Subject(number, site, age, sex, patient, anatomy, seed=integer(0, 2**31 - 1, generator))


def subject_images(subject: Subject, *, n_slices: int = 6, shape: tuple[int, int] = (48, 48)) -> Tensor:
    """T1-weighted slices of one subject, 4 mm apart around the middle of the brain.

    Parameters
    ----------
    subject : Subject
    n_slices : int
    shape : (ny, nx)
        Matrix; the field of view is the whole head.

    Returns
    -------
    complex64 Tensor, shape (slices, y, x)
        The brightest pixel of a head of average tissue is near 1.
    """
    anatomy = load_anatomy(subject.anatomy)
    generator = generator_for(subject.seed, "anatomy")
    points = _warped_points(anatomy, subject, n_slices, shape, generator)
    tissues = _tissues(subject, generator)
    field = with_phase(torch.ones(shape), MOST_PHASE_RAD * uniform(0, 1, generator), generator)
    rows = points.flatten(0, 1)  # (slices y, x, 3): all slices as one tall picture are several times as fast
    return _weighted(anatomy, rows, subject, tissues).reshape(n_slices, *shape) * field


def _warped_points(
    anatomy: Anatomy, subject: Subject, n_slices: int, shape: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Voxel coordinates (slices, y, x, 3): one warp, one turn and one size of the head for all slices."""
    first, last = anatomy.span("axial")
    middle = (first + last) / 2 + uniform(-4, 4, generator)
    turn = uniform(-0.1, 0.1, generator)
    size = uniform(0.97, 1.03, generator) * (MALE_SIZE if subject.sex == "M" else 1.0)
    pixel_mm = max(anatomy.shape[1] / shape[0], anatomy.shape[2] / shape[1]) * 1.08 / size
    fields = [smooth_field(shape, n_control=6, generator=generator) for _ in range(3)]
    warp = uniform(*WARP_MM, generator) * torch.stack(fields, dim=-1)
    slices = []
    for number in range(n_slices):
        index = middle + SLICE_GAP_MM * (number - (n_slices - 1) / 2)
        points = anatomy.plane_points("axial", shape, index=index, pixel_mm=pixel_mm, rotation_rad=(turn, 0.0, 0.0))
        slices.append(points + warp)
    return torch.stack(slices)


def _tissues(subject: Subject, generator: torch.Generator) -> dict[str, Tissue]:
    """The subject's own values; T1 of all but fluid grows as the cube root of the field (Bottomley, Med Phys 1984)."""
    factor = (subject.site.b0_t / 3.0) ** (1 / 3)
    tissues = subject_tissues(generator)
    return {
        name: tissue if name == "csf" else replace(tissue, t1_ms=factor * tissue.t1_ms)
        for name, tissue in tissues.items()
    }


def _weighted(anatomy: Anatomy, points: Tensor, subject: Subject, tissues: dict[str, Tissue]) -> Tensor:
    """T1-weighted signal at these places, float (y, x); with age grey matter becomes fluid."""
    channels = anatomy.sample(points)
    shares = channels[1:].clone()
    grey = TISSUES.index("gm")
    fluid = TISSUES.index("csf")
    lost = GREY_LOST_A_YEAR * (subject.age_years - AGES[0]) * shares[grey]
    shares[grey] -= lost
    shares[fluid] += lost
    image = weighted_image(shares, CONTRASTS["T1w"], tissues=tissues, texture=measured_texture(anatomy, channels))
    return image / FAT_SIGNAL


def scan_cohort(subjects: Sequence[Subject], *, n_slices: int = 6, shape: tuple[int, int] = (48, 48)) -> Cohort:
    """Scan everybody with the lines and the noise of the site: $y = M (F x + n)$.

    Parameters
    ----------
    subjects : sequence of Subject
    n_slices, shape
        As in `subject_images`.

    Returns
    -------
    Cohort
        About 10 ms a subject.
    """
    if not len(subjects):
        raise ValueError("no subject came; expected one or more: draw them with draw_subjects(n, seed=...).")
    references = torch.stack([subject_images(each, n_slices=n_slices, shape=shape) for each in subjects])
    masks = torch.stack([site_mask(each.site, shape)[None] for each in subjects])
    noises = []
    for each in subjects:
        generator = generator_for(each.seed, "noise")
        noises.append(NOISE_AT_3T * 3.0 / each.site.b0_t * complex_noise((n_slices, *shape), generator))
    kspace = torch.where(masks, fft2c(references) + torch.stack(noises), 0)
    return Cohort(tuple(subjects), references, kspace, masks)


def site_mask(site: Site, shape: tuple[int, int]) -> Tensor:
    """The lines that a site measures, the same for everybody: bool (ky, 1)."""
    generator = generator_for(0, "lines", site.name)
    return random_mask(shape[0], site.acceleration, acs=ACS, seed=integer(0, 2**31 - 1, generator))
