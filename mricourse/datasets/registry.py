"""The registry of truly measured data as published: addresses, checksums, licences and citations.

`find` and `available` look on this machine only; `fetch` may download.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mricourse.datasets.cache import RemoteFile, fetch_file, find_file


@dataclass(frozen=True)
class RealData:
    """One published data set: what it is, under which licence, and its files."""

    title: str
    licence: str
    citation: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def entry(name: str) -> RealData:
    """Look up a data set by name.

    Raises
    ------
    ValueError
        A name that is not in the registry.
    """
    if name not in REGISTRY:
        raise ValueError(f"there is no data set {name!r}; expected one of {', '.join(REGISTRY)}.")
    return REGISTRY[name]


def find(name: str) -> tuple[Path, ...] | None:
    """Find the files of a data set on this machine, in the order of the registry; None unless all are whole."""
    paths = [find_file(file) for file in entry(name).files]
    return None if None in paths else tuple(paths)


def available(name: str) -> bool:
    """Whether a data set is on this machine, so that loading it needs no network."""
    return find(name) is not None


def fetch(name: str, *, progress: bool = False) -> tuple[Path, ...]:
    """Find or download the files of a data set; those already here are not downloaded again.

    Raises
    ------
    ConnectionError, ValueError, OSError
        As `fetch_file`; the files that arrived before stay.
    """
    return tuple(fetch_file(file, progress=progress) for file in entry(name).files)


def overview() -> str:
    """List the published files as text: name, size, licence, what they are, where they are here, and what to cite."""
    lines = [f"{'name':16} {'MB':>5}  {'licence':13} what it is, where it is, what to cite"]
    for name, data in REGISTRY.items():
        paths = find(name)
        where = f"here, in {paths[0].parent}" if paths else f"not here; get it with: mricourse data get {name}"
        lines.append(f"{name:16} {data.size / 1e6:5.1f}  {data.licence:13} {data.title}")
        lines += [" " * 38 + line for line in (where, data.citation)]
    lines.append("Lessons need none of these files: they read the copies in data/measured, which come with the course.")
    return "\n".join(lines)


def missing_sentence(name: str) -> str:
    """Say that the published files are not on this machine, and the command that gets them."""
    return (
        f"The published data {name} ({entry(name).size / 1e6:.1f} MB) is not on this machine; "
        f"get it with: mricourse data get {name}"
    )


def _github(repository: str, commit: str, *rows: tuple[str, str, int, str]) -> tuple[RemoteFile, ...]:
    base = f"https://raw.githubusercontent.com/{repository}/{commit}"
    return tuple(RemoteFile(here, f"{base}/{there}", size, sha256) for here, there, size, sha256 in rows)


def _larson(*row: str | int) -> tuple[RemoteFile, ...]:
    return _github("LarsonLab/MRI-education-resources", "fd66a1fd1528933aa6508396dc4ab2b747c731a8", row)


def _open_ms(patient: str, contrast: str, size: int, sha256: str) -> RemoteFile:
    kind, brain = ("GOLD_STANDARD", "") if contrast == "lesions" else (contrast, "brain_N4_")
    there = f"{kind}_N4_noneck_reduced_winsor_regtoFLAIR_{brain}regtoMNI.nii.gz"
    row = (
        f"open_ms/oms_p{patient}_{contrast}.nii.gz",
        f"cross_sectional/MNI/patient{patient}/{there}",
        size,
        sha256,
    )
    return _github("muschellij2/open_ms_data", "65704901f60650824565aa5a4818611aa89716f4", row)[0]


REGISTRY = {
    "moco_brain_7ch": RealData(
        "axial T1-weighted brain, 7 channels, fully sampled",
        "MIT",
        "midas.lab, hands-on data of the ISMRM workshop on motion correction, github.com/lab-midas/ismrm-moco-workshop",
        _github(
            "lab-midas/ismrm-moco-workshop",
            "efcd153b1236c1c15bf16c25c3f85d3d465a97df",
            (
                "moco_brain_7ch/moco_brain_slice.npz",
                "data/brain_slice.npz",
                2875342,
                "d4c5cb67c85efc1aaca90561174488a08846fff626df4cc20ce85ffe84f5281a",
            ),
        ),
    ),
    "sigpy_brain_8ch": RealData(
        "axial brain, 8 channels, Poisson-disc sampled at 12.4 %, no reference",
        "BSD-3-Clause",
        "Ong and Lustig, SigPy, Proc ISMRM 2019, 4819, github.com/mikgroup/sigpy-mri-tutorial",
        _github(
            "mikgroup/sigpy-mri-tutorial",
            "b21dcdcfac8557ebb4c2bda1e9faf2cb1e1b6a33",
            (
                "sigpy_brain_8ch/sigpy_cartesian_ksp.npy",
                "data/cartesian_ksp.npy",
                2649728,
                "bcfd07b767d26602bfccd08329321be57d500dc3f6b208cccddeb59162573045",
            ),
        ),
    ),
    "larson_knee": RealData(
        "coronal fat-suppressed knee, one channel, fully sampled",
        "MIT",
        "Larson, MRI education resources, github.com/LarsonLab/MRI-education-resources",
        _larson(
            "larson_single_coil/larson_knee.mat",
            "Data/coronal_fatsat_2D_knee.mat",
            1584388,
            "cc3ece54dba5bb30ab5a23f609d2043920bfab625e2e03c678aa663980ba19fd",
        ),
    ),
    "larson_head": RealData(
        "sagittal T1-weighted spin-echo head, one channel, fully sampled",
        "MIT",
        "Larson, MRI education resources, github.com/LarsonLab/MRI-education-resources",
        _larson(
            "larson_single_coil/larson_se_t1_sag.mat",
            "Data/se_t1_sag_data.mat",
            340251,
            "28efd2d75c8e9af0bef6a55c3110153e2a911e75f31d92a15d3160e2ef466de6",
        ),
    ),
    "open_ms": RealData(
        "T1, T2, FLAIR and lesions of two patients with multiple sclerosis, magnitudes",
        "CC-BY",
        "Lesjak et al., Neuroinformatics 2017, doi:10.1007/s12021-017-9348-7, github.com/muschellij2/open_ms_data",
        (
            _open_ms("07", "T1", 4090162, "0d9e0c933140e64ba42931f5ed7aece2a7cc7001fe6c8d753720c487f5e1b8b1"),
            _open_ms("07", "T2", 4101885, "272765a0f017d34d51de97690dd33495ce0191d04671be648bf2bc117bd4c4d7"),
            _open_ms("07", "FLAIR", 4051200, "2f884f00d4e9cbca061a5fd2f988547df312d86194b331f4ca511cf852f775db"),
            _open_ms("07", "lesions", 8252, "811e8c906d572e8675c67c98176d0e883ec87655ebea89f31da407a18fb1aae7"),
            _open_ms("19", "T1", 4068809, "24ea608f6817c9799888491988f9ec9464f0f2faa02f512e8c2e07466f705781"),
            _open_ms("19", "T2", 4006276, "585d38f7c3714594be60d5ebb13b4b20a9294d6804ce2d6e0e8f170f530a87e2"),
            _open_ms("19", "FLAIR", 4010591, "6e4191c583abdb818f2de9fd47a876c2a71451f1c1672e443874af1fe78b02ad"),
            _open_ms("19", "lesions", 26038, "1cf465372d5e647fb5a2f1ac062fe314e7aa7f0873c68108617530541f2362c4"),
        ),
    ),
}
