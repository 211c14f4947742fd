"""Build data/measured, the measured scans that travel with the course, from the files of the registry.

    python tools/build_measured.py            # find or download the published files, write data/measured/*.h5
    python tools/build_measured.py --check    # build, and only compare with the files that are shipped

The checksums of the published files are those of `mricourse.datasets.registry`. The same files give the same arrays;
the bytes of an HDF5 file may differ between versions of HDF5 and zlib, so that --check compares arrays and texts.
About ten seconds, and 32 MB to download.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import torch

from mricourse.datasets.embedded import CONTRASTS, FOLDER
from mricourse.datasets.published import MOCO_CHANNELS, published_kspace, published_volumes
from mricourse.datasets.registry import REGISTRY, fetch
from mricourse.files import write_whole
from mricourse.physics.fourier import ifft2c

STEPS_A_NOISE = 64  # rounding adds 1/50,000 of the noise's variance
STEPS_OF_MAGNITUDES = 1000  # of registered, interpolated magnitudes, whose noise is some percent
NOTICE = Path(__file__).resolve().parents[1] / "NOTICE"
N_SLICES = 12
APART = 5  # slices of 1 mm
PATIENTS = ("07", "19")

COIL_IMAGES = (
    "coil_images (coil, y, x, 2): real and imaginary part of the orthonormal inverse transform of the k-space, as "
    f"whole numbers of `step`, which is 1/{STEPS_A_NOISE} of the noise that the corners of k-space hold"
)
CUT = {
    "moco_brain_7ch": f"channels {', '.join(map(str, MOCO_CHANNELS))} of 7; the other three hold 2 % of the energy",
    "sigpy_brain_8ch": "nothing",
    "larson_knee": "the outer half of the readout, which was oversampled twice: 332 x 640 samples became 332 x 320",
    "larson_head": "nothing",
    "open_ms": f"{N_SLICES} of 182 axial slices: the one with most lesion first, then the next at least {APART} mm "
    "from all chosen before, and so on; negative values of the interpolation set to 0",
}
STORED = {
    "moco_brain_7ch": COIL_IMAGES,
    "sigpy_brain_8ch": "samples (coil, sample) complex64, as published; sampled (ky, kz): where",
    "larson_knee": COIL_IMAGES,
    "larson_head": "samples (coil, sample) complex64, published in double precision; sampled (ky, kx): where",
    "open_ms": "t1, t2, flair (slice, y, x): whole numbers of `step`, 1/"
    f"{STEPS_OF_MAGNITUDES} of the largest value stored; lesions exactly; slices: their places in the volume",
}

USE = {
    "moco_brain_7ch": "development: choices of the course were made on it, so it is no test; "
    "no network of the course is trained on it"
}


@dataclass(frozen=True)
class Copy:
    """What one file of data/measured holds: arrays, the step of those that were rounded, and what is said of them."""

    arrays: dict[str, np.ndarray]
    steps: dict[str, float]
    texts: dict[str, str] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a shipped file differs")
    check = parser.parse_args().check
    for name in REGISTRY:
        fetch(name, progress=True)
    copies = build()
    if check:
        differing = [name for name, copy in copies.items() if not same(copy, FOLDER / f"{name}.h5")]
        sys.exit(f"{FOLDER} differs from this build in {', '.join(differing)}" if differing else 0)
    FOLDER.mkdir(exist_ok=True)
    for name, copy in copies.items():
        write(copy, FOLDER / f"{name}.h5")


def build() -> dict[str, Copy]:
    """Make all copies, by the name of their file."""
    copies = {name: rounded_coil_images(name) for name in ("moco_brain_7ch", "larson_knee")}
    copies |= {name: exact_samples(name) for name in ("larson_head", "sigpy_brain_8ch")}
    return copies | {f"open_ms_{patient}": slices_with_lesions(patient) for patient in PATIENTS}


def exact_samples(name: str) -> Copy:
    """The samples that were measured, and where."""
    kspace = published_kspace(name).numpy()
    sampled = (kspace != 0).any(axis=0)
    return Copy({"samples": kspace[:, sampled], "sampled": sampled}, {}, texts(name))


def rounded_coil_images(name: str) -> Copy:
    """Coil images in steps far below the noise, which is the same in every pixel as in every sample."""
    kspace = published_kspace(name).numpy()
    corners = np.concatenate(
        [kspace[:, rows, columns] for rows, columns in product((slice(8), slice(-8, None)), repeat=2)]
    )
    noise = np.sqrt(np.mean(np.abs(corners) ** 2) / 2)
    images = np.ascontiguousarray(ifft2c(torch.from_numpy(kspace)).numpy())
    step = float(noise / STEPS_A_NOISE)
    parts = images.view(images.real.dtype).reshape(*images.shape, 2)
    return Copy({"coil_images": whole_steps(parts, step)}, {"coil_images": step}, texts(name))


def slices_with_lesions(patient: str) -> Copy:
    volumes = published_volumes(patient)
    lesions = volumes.pop("lesions") != 0
    chosen = most_apart(lesions.sum(axis=(1, 2)))
    magnitudes = {name: np.maximum(volumes[name][chosen], 0) for name in CONTRASTS}
    steps = {name: float(values.max() / STEPS_OF_MAGNITUDES) for name, values in magnitudes.items()}
    arrays = {name: whole_steps(values, steps[name]) for name, values in magnitudes.items()}
    arrays |= {"lesions": lesions[chosen], "slices": chosen.astype(np.int16)}
    return Copy(arrays, steps, texts("open_ms", f"_p{patient}_"))


def most_apart(area: np.ndarray) -> np.ndarray:
    """The slices with most lesion, each at least `APART` from all before it, in the order of the volume."""
    left = area.copy()
    chosen = []
    for _ in range(N_SLICES):
        chosen.append(int(left.argmax()))
        assert left[chosen[-1]] > 0
        left[max(chosen[-1] - APART + 1, 0) : chosen[-1] + APART] = 0
    return np.sort(chosen)


def whole_steps(values: np.ndarray, step: float) -> np.ndarray:
    """Round to whole numbers of a step, int16."""
    rounded = np.round(values / step)
    assert np.abs(rounded).max() < 2**15
    return rounded.astype(np.int16)


def texts(name: str, part: str = "") -> dict[str, str]:
    """Title, licence, citation, source files, what was cut, how it is stored and what it is for."""
    data = REGISTRY[name]
    sources = [{"url": file.url, "sha256": file.sha256} for file in data.files if part in file.path]
    return {
        "title": data.title,
        "licence": data.licence,
        "licence_text": notice(name),
        "citation": data.citation,
        "sources": json.dumps(sources, indent=1),
        "cut": CUT[name],
        "stored": STORED[name],
        "use": USE.get(name, "no network of the course is trained on it"),
    }


def notice(name: str) -> str:
    """The notice of a data set, word for word: the section of NOTICE whose heading names its file."""
    sections = re.split(r"^-{60,}\n", NOTICE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    [place] = [place for place, heading in enumerate(sections) if f"data/measured/{name}" in heading.split("\n\n")[0]]
    return sections[place + 1].strip() + "\n"


def write(copy: Copy, path: Path) -> None:
    """Write a whole file or none; the same copy gives the same bytes under the same HDF5."""
    with h5py.File(path.name, "w", driver="core", backing_store=False, track_order=False) as file:
        file.attrs.update(copy.texts)
        for name, array in copy.arrays.items():
            chunks = array.shape if array.ndim < 3 else (1, *array.shape[1:])
            options = {"chunks": chunks, "compression": 9, "shuffle": True, "track_times": False}
            dataset = file.create_dataset(name, data=array, **options)
            if name in copy.steps:
                dataset.attrs["step"] = copy.steps[name]
        file.flush()
        content = file.id.get_file_image()
    write_whole(path, content)


def same(copy: Copy, path: Path) -> bool:
    """Whether a file holds these arrays, up to one step where they were rounded, and these texts."""
    if not path.is_file():
        return False
    with h5py.File(path) as file:
        if dict(file.attrs) != copy.texts or set(file) != set(copy.arrays):
            return False
        # the last digit of a transform may differ between processors, and with it where a value is rounded to
        return all(
            np.allclose(file[name].attrs.get("step", 0), copy.steps.get(name, 0), rtol=1e-5)
            and np.abs(file[name][()].astype(complex) - array).max() <= (name in copy.steps)
            for name, array in copy.arrays.items()
        )


if __name__ == "__main__":
    main()
