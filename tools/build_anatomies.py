"""Build data/anatomies.h5, the three embedded heads, from three freely licensed packages.

    python tools/build_anatomies.py                   # download, build, write data/anatomies.h5
    python tools/build_anatomies.py --sources DIR     # keep the downloads in DIR, or use those there
    python tools/build_anatomies.py --check           # build, and only compare with the file that is shipped

Needs nibabel and scipy (the development extras), pip, and on Debian or Ubuntu apt-get and dpkg for
mricron-data; elsewhere put the `.deb`'s ch2.nii.gz and ch2bet.nii.gz into DIR by hand. About one minute.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import h5py
import nibabel
import numpy as np
from scipy import ndimage, optimize

from mricourse.files import write_whole

OUTPUT = Path(__file__).resolve().parents[1] / "data" / "anatomies.h5"
ORIENTATION = "axes (z, y, x); z superior to inferior, y anterior to posterior, x patient's right to left"
WM_LEVEL = 140  # stored T1 of white matter; leaves room for fat, which is brighter
MARGIN = 6  # empty voxels kept around each head

S1 = "filestore/db/S1/{}"
MNI_T1, MNI_GM, MNI_WM = (f"mni_icbm152_{tissue}_tal_nlin_sym_09a_converted.nii.gz" for tissue in ("t1", "gm", "wm"))
SHA256 = {  # of the source files themselves, so that a repackaged archive with the same data is accepted
    MNI_T1: "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
    MNI_GM: "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
    MNI_WM: "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
    "ch2.nii.gz": "a009051127f64dc3dd554d5f5b589870ea72106d9642c21b4e7093e478cfc309",
    "ch2bet.nii.gz": "592a2d20abdf36eefcb540ca8958428040edffc1bc1a18ba1dcfbabac77c5dd1",
    "raw.nii.gz": "1a480d10e8c07fbca58e069efce2a11d477e180beb43f88bdad825b750055a28",
    "pia_lh.gii": "63cd7317ed7be61ac632fa8f1b80a0272601f9b22ad7bf954116138496d23d57",
    "pia_rh.gii": "127c4b4a4df29adcb438f9c46e76d0f433f80e9c94e4b84dfafb0e11e4e6d356",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, help="folder for the downloaded packages (default: a temporary one)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the shipped file differs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.sources or Path(temporary)
        fetch_sources(folder)
        anatomies = build(folder)
    if options.check:
        with h5py.File(OUTPUT) as file:
            differing = [name for name, (built, _) in anatomies.items() if file[name].attrs["sha256"] != digest(built)]
        sys.exit(f"{OUTPUT} differs from this build in {', '.join(differing)}" if differing else 0)
    write(anatomies, OUTPUT)


# --- sources ------------------------------------------------------------------------------------


def fetch_sources(folder: Path) -> None:
    """Put the eight source files into `folder`, downloading the packages that hold the missing ones."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = {name for name in SHA256 if not (folder / name).exists()}
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    if any(name.startswith("mni") for name in missing):
        subprocess.run([*pip, "nilearn==0.14.1"], check=True)
        with zipfile.ZipFile(next(folder.glob("nilearn-*.whl"))) as archive:
            for name in (MNI_T1, MNI_GM, MNI_WM):
                (folder / name).write_bytes(archive.read(f"nilearn/datasets/data/{name}"))
    if missing & {"raw.nii.gz", "pia_lh.gii", "pia_rh.gii"}:
        subprocess.run([*pip, "--no-binary", "pycortex", "pycortex==1.4.0"], check=True)
        with tarfile.open(next(folder.glob("pycortex-*.tar.gz"))) as archive:
            for member in ("anatomicals/raw.nii.gz", "surfaces/pia_lh.gii", "surfaces/pia_rh.gii"):
                stored = archive.extractfile(f"pycortex-1.4.0/{S1.format(member)}")
                (folder / Path(member).name).write_bytes(stored.read())
    if missing & {"ch2.nii.gz", "ch2bet.nii.gz"}:
        subprocess.run(["apt-get", "download", "mricron-data"], check=True, cwd=folder)
        package = next(folder.glob("mricron-data_*.deb"))
        subprocess.run(["dpkg", "-x", package.name, "deb"], check=True, cwd=folder)
        for name in ("ch2.nii.gz", "ch2bet.nii.gz"):
            (folder / name).write_bytes((folder / "deb/usr/share/mricron/templates" / name).read_bytes())
    for name, expected in SHA256.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            sys.exit(f"{folder / name} has SHA-256 {found}; expected {expected}: delete it and run again.")


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (z, y, x) in the order of ORIENTATION, and the affine of the RAS voxel grid before the flips."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return np.asarray(image.dataobj).T[::-1, ::-1, ::-1], image.affine


# --- the three heads ----------------------------------------------------------------------------


def build(folder: Path) -> dict[str, tuple[dict[str, np.ndarray], dict[str, object]]]:
    """Arrays and attributes of every anatomy."""
    colin_t1, _ = read(folder / "ch2.nii.gz")
    colin_brain = clean_brain(read(folder / "ch2bet.nii.gz")[0] > 0)
    return {
        "mni152": mni152(folder),
        "colin27": colin27(colin_t1, colin_brain),
        "s1": s1(folder, colin_t1, colin_brain),
    }


def mni152(folder: Path):
    """The average of 152 brains; its tissue probabilities come with it."""
    t1, gm, wm = (read(folder / name)[0] / 255 for name in (MNI_T1, MNI_GM, MNI_WM))
    brain = ndimage.binary_fill_holes(largest(t1 > 0))
    gm, wm = gm * brain, wm * brain
    excess = np.maximum(gm + wm, 1)
    arrays = {"t1": t1 * brain, "gm": gm / excess, "wm": wm / excess, "brain": brain}
    return finish(arrays | synthetic_shell(brain, seed=152), subject="ICBM 152 2009a average", shell="synthetic")


def colin27(t1: np.ndarray, brain: np.ndarray):
    """One head scanned 27 times: everything the template holds, outside the head set to zero."""
    smooth = ndimage.gaussian_filter(t1 * 1.0, 1)
    head = ndimage.binary_opening(ndimage.binary_fill_holes(largest(smooth > 14)), iterations=2)
    t1 = t1 * head / 255
    tissues, gain = three_classes(t1, brain)
    t1 = t1 / gain
    level = t1 / t1[tissues["wm"] > 0.9].mean()  # white matter = 1
    rim = ndimage.binary_dilation(brain, iterations=2) & (level < 0.45)  # fluid between brain and skull
    fluid_and_brain = ndimage.binary_opening(brain | rim, iterations=1)
    outside = head & ~fluid_and_brain
    fat = np.clip((level - 0.95) / 0.4, 0, 1) * outside
    muscle = np.clip((level - 0.2) / 0.5, 0, 1) * outside * (1 - fat)
    arrays = {"t1": t1, **tissues, "brain": fluid_and_brain, "fat": fat, "muscle": muscle}
    return finish(arrays, subject="Colin Holmes, average of 27 scans", shell="measured")


def s1(folder: Path, colin_t1: np.ndarray, colin_brain: np.ndarray):
    """A second real head, its face and everything else outside the brain removed."""
    t1, affine = read(folder / "raw.nii.gz")
    cerebrum = fill_surfaces([folder / "pia_lh.gii", folder / "pia_rh.gii"], affine, t1.shape)
    # the surfaces end at the brain stem; colin27's brain mask, aligned, adds cerebellum and stem
    hindbrain = align(colin_t1, colin_brain, t1, cerebrum)
    box = around(cerebrum | hindbrain, 30)
    t1, cerebrum, hindbrain = t1[box], cerebrum[box], hindbrain[box]
    hindbrain &= ndimage.binary_dilation(ndimage.binary_opening(hindbrain & ~cerebrum, iterations=5), iterations=4)
    brain = ndimage.binary_fill_holes(close(cerebrum | hindbrain, 4))
    brain = largest(ndimage.binary_opening(brain, iterations=2))
    t1 = t1 * brain / 255
    tissues, gain = three_classes(t1, brain)
    arrays = {"t1": t1 / gain, **tissues, "brain": brain}
    return finish(arrays | synthetic_shell(brain, seed=1), subject="pycortex S1", shell="synthetic")


# --- tissue classes -----------------------------------------------------------------------------


def three_classes(t1: np.ndarray, brain: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Posterior probabilities of a three-class Gaussian mixture, and the smooth gain field removed first."""
    gain = local_brightness(t1, brain)
    values = t1[brain] / gain[brain]
    means = np.quantile(values, [0.05, 0.4, 0.8])
    width, shares = values.std() / 4, np.full(3, 1 / 3)
    for _ in range(30):
        # one width for all classes, so that each probability rises or falls with the intensity only once
        posterior = shares * np.exp(-0.5 * ((values[:, None] - means) / width) ** 2)
        posterior /= posterior.sum(axis=1, keepdims=True)
        shares = posterior.mean(axis=0)
        means = (posterior * values[:, None]).mean(axis=0) / shares
        width = np.sqrt((posterior * (values[:, None] - means) ** 2).sum() / len(values))
    return {"gm": fill(brain, posterior[:, 1]), "wm": fill(brain, posterior[:, 2])}, gain


def local_brightness(t1: np.ndarray, brain: np.ndarray) -> np.ndarray:
    """Gain of the receive coils: the local level of the brightest tenth, which is white matter everywhere."""
    sampled, inside = t1[::4, ::4, ::4], ndimage.binary_erosion(brain, iterations=2)[::4, ::4, ::4]
    bright = np.zeros_like(sampled)
    for place in np.argwhere(inside):
        window = tuple(slice(max(c - 6, 0), c + 7) for c in place)
        bright[tuple(place)] = np.quantile(sampled[window][inside[window]], 0.9)
    top, bottom = (ndimage.gaussian_filter(part, 4) for part in (bright, inside * 1.0))
    gain = top / (bottom + 1e-6)
    gain = np.clip(gain / gain[inside].mean(), 0.4, 2.0)
    zoomed = ndimage.zoom(gain, 4, order=1, grid_mode=True, mode="nearest")
    padded = np.pad(zoomed, [(0, max(n - m, 0)) for n, m in zip(t1.shape, zoomed.shape, strict=True)], mode="edge")
    return padded[tuple(slice(n) for n in t1.shape)]


def fill(mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Volume with `values` where `mask` is True, zero elsewhere."""
    volume = np.zeros(mask.shape)
    volume[mask] = values
    return volume


# --- masks --------------------------------------------------------------------------------------


def largest(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask."""
    labels, _ = ndimage.label(mask)
    return labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1


def around(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    """Bounding box of a mask with a margin, cut at the border of the volume."""
    places = (np.unique(axis) for axis in np.nonzero(mask))
    return tuple(slice(max(place[0] - margin, 0), place[-1] + 1 + margin) for place in places)


def close(mask: np.ndarray, radius: int) -> np.ndarray:
    """Binary closing that does not eat at the border of the volume."""
    padded = np.pad(mask, 2 * radius)
    core = tuple(slice(2 * radius, -2 * radius) for _ in mask.shape)
    return ndimage.binary_closing(padded, iterations=radius)[core]


def clean_brain(mask: np.ndarray) -> np.ndarray:
    """Drop slivers from a skull-stripped mask, then close the sulci so that their fluid belongs to the brain."""
    mask = close(largest(ndimage.binary_opening(mask, iterations=3)), 6)
    return ndimage.binary_fill_holes(largest(ndimage.binary_opening(mask, iterations=3)))


def fill_surfaces(paths: list[Path], affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Voxels inside closed triangle meshes given in scanner millimetres."""
    to_voxel = np.linalg.inv(affine)
    corners = np.array([(a, b, 4 - a - b) for a in range(5) for b in range(5 - a)]) / 4
    filled = np.zeros(shape, bool)
    for path in paths:
        vertices, triangles = (array.data for array in nibabel.load(path).darrays)
        points = vertices.astype(float) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
        points = np.einsum("kc,tcj->tkj", corners, points[triangles]).reshape(-1, 3)
        z, y, x = np.array(shape)[:, None] - 1 - np.round(points).astype(int).T[::-1]
        surface = np.zeros(shape, bool)
        surface[z, y, x] = True
        # a sampled surface has pinholes: fill it one voxel thicker, then take that voxel off again
        inside = ndimage.binary_erosion(ndimage.binary_fill_holes(ndimage.binary_dilation(surface)))
        filled |= inside | surface
    return filled


def align(moving: np.ndarray, moving_mask: np.ndarray, fixed: np.ndarray, fixed_mask: np.ndarray) -> np.ndarray:
    """Carry `moving_mask` onto `fixed` by the affine map that correlates the two T1 images best."""
    smooth_moving = ndimage.gaussian_filter(np.minimum(moving, 140) * 1.0, 2)
    smooth_fixed = ndimage.gaussian_filter(fixed * 1.0, 2)
    region = ndimage.binary_dilation(ndimage.binary_closing(fixed_mask[::4, ::4, ::4], iterations=3), iterations=2)
    points = np.argwhere(region) * 4
    target = np.minimum(smooth_fixed[tuple(points.T)], 130)
    target = (target - target.mean()) / np.linalg.norm(target - target.mean())
    centre = points.mean(axis=0)
    start = np.argwhere(moving_mask).mean(axis=0) - (10, 0, 0)  # the surfaces leave out the cerebellum

    def place(parameters: np.ndarray, where: np.ndarray) -> np.ndarray:
        matrix = np.eye(3) + 0.02 * parameters[:9].reshape(3, 3)
        return ((where - centre) @ matrix.T + start + parameters[9:]).T

    def mismatch(parameters: np.ndarray) -> float:
        values = ndimage.map_coordinates(smooth_moving, place(parameters, points), order=1)
        values = values - values.mean()
        return -(values @ target) / np.linalg.norm(values)

    shift = optimize.minimize(lambda p: mismatch(np.r_[np.zeros(9), p]), np.zeros(3), method="Powell").x
    found = optimize.minimize(mismatch, np.r_[np.zeros(9), shift], method="Powell", options={"maxiter": 15})
    parameters = np.round(found.x, 1)  # 0.1 mm: the same mask whatever the last digits of the optimiser
    grid = np.indices(fixed.shape).reshape(3, -1).T
    return ndimage.map_coordinates(moving_mask * 1.0, place(parameters, grid), order=1).reshape(fixed.shape) > 0.5


def synthetic_shell(brain: np.ndarray, *, seed: int) -> dict[str, np.ndarray]:
    """Skull, marrow, scalp fat and skin around a brain that comes without a head.

    Drawn from the distance to the brain with slowly varying thickness, below it as a cylinder with
    mottled soft tissue inside; nothing of it was measured.
    """
    inner = ndimage.gaussian_filter(close(brain, 12) * 1.0, 3) > 0.5
    column = np.logical_or.accumulate(inner, axis=0)  # the widest outline so far, carried downwards
    column = ndimage.gaussian_filter(column * 1.0, 3) > 0.5
    generator = np.random.default_rng(seed)

    def smooth_noise(sigma_mm: float) -> np.ndarray:
        noise = ndimage.gaussian_filter(generator.standard_normal(brain.shape).astype(np.float32), sigma_mm)
        return noise / noise.std()

    depth = ndimage.distance_transform_edt(~column) / np.clip(1 + 0.12 * smooth_noise(16), 0.7, 1.4)

    def band(low_mm: float, high_mm: float) -> np.ndarray:
        return np.clip(depth - low_mm + 0.5, 0, 1) * np.clip(high_mm - depth + 0.5, 0, 1)

    to_brain = ndimage.distance_transform_edt(~inner)
    below = column & (to_brain > 4)
    soft = np.clip(0.5 + 0.4 * smooth_noise(4), 0, 1) * below
    fatty = np.clip(smooth_noise(4) - 1, 0, 1) * below
    fat = (0.3 * band(4.5, 7) + band(9, 13) + fatty) * ~brain
    muscle = np.minimum(band(13, 15) + soft, 1 - fat) * ~brain
    return {"fat": fat, "muscle": muscle, "rim": (to_brain < 2.5) & ~brain}


# --- the file -----------------------------------------------------------------------------------


def finish(arrays: dict[str, np.ndarray], *, subject: str, shell: str):
    """Crop, scale T1 so that white matter is WM_LEVEL, quantise to uint8."""
    rim = arrays.pop("rim", np.zeros(arrays["brain"].shape, bool))
    content = (arrays["t1"] > 0) | (arrays["fat"] > 0.1) | (arrays["muscle"] > 0.1) | arrays["brain"]
    if shell == "synthetic":  # nothing but invented tissue lies below the brain
        content &= np.arange(len(content))[:, None, None] <= np.nonzero(arrays["brain"])[0].max()
    box = around(content, MARGIN)
    arrays = {name: array[box] for name, array in arrays.items()}
    brain = arrays["brain"] | rim[box]
    wm_mean = arrays["t1"][arrays["wm"] > 0.9].mean()
    t1 = arrays["t1"] / wm_mean * WM_LEVEL
    step = np.where(brain, 2, 4)  # the last bit is noise and would be half of the file
    t1 = np.clip(np.round(t1 / step) * step, 0, 254).astype(np.uint8)
    quantised = {name: quantise(arrays[name], 15) for name in ("gm", "wm")}
    quantised |= {name: quantise(arrays[name], 5) for name in ("fat", "muscle")}
    quantised["gm"] = np.minimum(quantised["gm"], 255 - quantised["wm"])  # what is left of the brain is fluid
    stored = {"t1": t1, **quantised, "brain": brain.astype(np.uint8)}
    attributes = {"subject": subject, "shell": shell, "spacing_mm": 1.0, "sha256": digest(stored)}
    return stored, attributes


def quantise(probability: np.ndarray, n_steps: int) -> np.ndarray:
    """Probability 0 to 1 as uint8 0 to 255 in `n_steps` equal steps (15 and 5 divide 255)."""
    return (np.round(np.clip(probability, 0, 1) * n_steps) * (255 // n_steps)).astype(np.uint8)


def digest(arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over names, shapes and voxels."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].shape}".encode())
        total.update(np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()


def write(anatomies: dict, path: Path) -> None:
    """Write a whole file or none; the same arrays give the same bytes."""
    with h5py.File(path.name, "w", driver="core", backing_store=False, track_order=False) as file:
        file.attrs["orientation"] = ORIENTATION
        file.attrs["licences"] = "see NOTICE and data/README.md"
        for name, (arrays, attributes) in anatomies.items():
            group = file.create_group(name)
            group.attrs.update(attributes)
            for key, array in arrays.items():
                chunks = (8, *array.shape[1:])
                group.create_dataset(key, data=array, chunks=chunks, compression=9, shuffle=True, track_times=False)
        file.flush()
        content = file.id.get_file_image()
    write_whole(path, content)


if __name__ == "__main__":
    main()
