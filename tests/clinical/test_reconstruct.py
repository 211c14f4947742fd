"""`mricourse reconstruct` from file to file: what it accepts, that its image is right, and how it writes."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from mricourse.clinical.file_to_image import reconstruct_file
from mricourse.commands import app as cli
from mricourse.datasets.kspace_checks import infer_mask
from mricourse.datasets.real import load_real
from mricourse.datasets.scan_files import read_scan
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.networks.apply import apply_network
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.sampling import acs_mask, equispaced_mask, poisson_disc_mask, random_mask
from mricourse.physics.scan import Scan
from mricourse.reconstruct.methods import METHODS, reconstruct, with_smaps
from mricourse.simulate.coils import simulate_coils
from mricourse.training.adaptation import AdaptationSettings
from mricourse.training.checkpoints import Checkpoint, load_checkpoint
from mricourse.training.recipes import load_recipe
from mricourse.training.trained_range import outside_range

SHAPE = (65, 78)  # odd, not square, and no multiple of a wavelet block


def phantom(shape):
    """An ellipse with two inserts and a smooth phase, maximum 1: complex (y, x)."""
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = [(y / 0.8) ** 2 + (x / 0.6) ** 2 < 1, (y + 0.3) ** 2 + x**2 < 0.04, (y - 0.3) ** 2 + (x - 0.2) ** 2 < 0.02]
    return torch.polar(0.6 * inside[0] + 0.4 * inside[1] - 0.3 * inside[2], 0.8 * y + 0.5 * x**2)


def measure(shape=SHAPE, n_coils=4, noise_std=1e-3):
    """Fully sampled k-space of the phantom, its image and its maps."""
    image, smaps = phantom(shape), simulate_coils(n_coils, shape)
    return fft2c(smaps * image) + noise_std * random_complex(n_coils, *shape), image, smaps


KSPACE, IMAGE, SMAPS = measure()
LINES = random_mask(SHAPE[0], 2, acs=16)


def error(image, truth=IMAGE):
    return float((torch.as_tensor(image) - truth).norm() / truth.norm())


def save(path, kspace, **others):
    np.savez(path, kspace=np.asarray(kspace), **{name: np.asarray(value) for name, value in others.items()})
    return path


@pytest.mark.parametrize("method", METHODS)
def test_given_maps_and_mask_recover_the_image_in_the_units_of_the_data(tmp_path, method):
    source = save(tmp_path / "scan.npz", KSPACE * LINES, mask=LINES, smaps=SMAPS)
    report = reconstruct_file(source, tmp_path / "image.npy", method=method)
    image = np.load(tmp_path / "image.npy")
    assert image.shape == SHAPE and image.dtype == np.complex64
    assert error(image) < 0.1
    assert report.maps == "given" and report.acceleration == pytest.approx(2, abs=0.05)


def test_full_sampling_gives_the_image_itself(tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE, smaps=SMAPS)
    reconstruct_file(source, tmp_path / "image.npy", method="sense", reg_weight=0)
    assert error(np.load(tmp_path / "image.npy")) < 0.01  # the noise


@pytest.mark.parametrize("method", METHODS)
def test_maps_estimated_and_mask_inferred_agree_in_magnitude(tmp_path, method):
    np.save(tmp_path / "scan.npy", (KSPACE * LINES).numpy())
    report = reconstruct_file(tmp_path / "scan.npy", tmp_path / "image.npy", method=method)
    image = torch.from_numpy(np.load(tmp_path / "image.npy"))
    assert error(image.abs(), IMAGE.abs()) < 0.12
    assert "maps by ESPIRiT" in str(report) and "65 x 78" in str(report) and "\n" not in str(report)


@pytest.mark.parametrize("factor", [1e-12, 1e9])
@pytest.mark.parametrize("method", METHODS)
def test_the_scale_of_the_data_only_scales_the_image(tmp_path, method, factor):
    images = []
    for scale in (1, factor):
        np.save(tmp_path / "scan.npy", (KSPACE * LINES).numpy().astype(np.complex128) * scale)
        reconstruct_file(tmp_path / "scan.npy", tmp_path / "image.npy", method=method)
        images.append(torch.from_numpy(np.load(tmp_path / "image.npy")).to(torch.complex128) / scale)
    assert error(images[1], images[0]) < 1e-3


def test_the_scale_of_given_maps_divides_the_image():
    scan = read_from(KSPACE)
    image = reconstruct(replace(scan, smaps=SMAPS), method="sense")
    assert error(2 * reconstruct(replace(scan, smaps=2 * SMAPS), method="sense"), image) < 1e-5


def read_from(kspace):
    return Scan(kspace, None, infer_mask(kspace))


FORMATS = {
    "complex128": lambda k: k.astype(np.complex128),
    "big endian": lambda k: k.astype(">c8"),
    "Fortran order": np.asfortranarray,
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_every_format_reads_the_same_scan(tmp_path, suffix, name):
    values, path = FORMATS[name]((KSPACE * LINES).numpy()), tmp_path / f"scan{suffix}"
    if suffix == ".npy":
        np.save(path, values)
    elif suffix == ".npz":
        np.savez_compressed(path, kspace=values)
    else:
        with h5py.File(path, "w") as file:
            file["kspace"] = values
    scan = read_scan(path)
    assert scan.kspace.dtype == torch.complex64 and torch.equal(scan.kspace, KSPACE * LINES)
    assert torch.equal(scan.mask, LINES)


def test_real_and_imaginary_fields_of_hdf5_are_complex(tmp_path):
    pairs = np.empty(KSPACE.shape, [("real", "<f4"), ("imag", "<f4")])
    pairs["real"], pairs["imag"] = KSPACE.real, KSPACE.imag
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = pairs
    assert torch.equal(read_scan(tmp_path / "scan.h5").kspace, KSPACE)


COLUMNS = random_mask(SHAPE[1], 2, acs=16).mT
POINTS = poisson_disc_mask(SHAPE, 3, acs=16)
MASKS = {  # what is stored, and what it means
    "(ky,)": (LINES[:, 0], LINES),
    "(ky, 1)": (LINES, LINES),
    "(1, kx)": (COLUMNS, COLUMNS.expand(SHAPE)),
    "(ky, kx)": (POINTS, POINTS),
    "lines in full": (LINES.expand(SHAPE), LINES),
    "(1, ky, 1)": (LINES[None], LINES),
    "(coils, ky, kx)": (POINTS.expand(4, *SHAPE), POINTS),
    "zeros and ones": (LINES.to(torch.float64), LINES),
}


@pytest.mark.parametrize("name", MASKS)
def test_mask_shapes(tmp_path, name):
    stored, meant = MASKS[name]
    scan = read_scan(save(tmp_path / "scan.npz", KSPACE, mask=stored))  # values outside the mask are dropped
    assert torch.equal(scan.mask, meant)
    assert torch.equal(scan.kspace, torch.where(meant, KSPACE, 0))


@pytest.mark.parametrize("mask", [LINES, POINTS, equispaced_mask(65, 3, acs=9)], ids=["lines", "points", "comb"])
def test_the_mask_is_inferred_from_empty_samples(mask):
    assert torch.equal(infer_mask(KSPACE * mask), mask)


def test_chance_zeros_do_not_break_a_line():
    kspace = (KSPACE * LINES).clone()
    sampled = LINES[:, 0].nonzero()[:3, 0]
    kspace[:, sampled, 5] = 0
    assert torch.equal(infer_mask(kspace), LINES)


@pytest.mark.parametrize(("n_coils", "shape"), [(1, (64, 64)), (32, (64, 81)), (2, (512, 64)), (3, (64, 512))])
def test_limits_of_coils_and_matrix(tmp_path, n_coils, shape):
    kspace, image, _ = measure(shape, n_coils)
    np.save(tmp_path / "scan.npy", kspace.numpy())
    reconstruct_file(tmp_path / "scan.npy", tmp_path / "image.npy", method="sense", reg_weight=0)
    found = torch.from_numpy(np.load(tmp_path / "image.npy"))
    truth = image if n_coils > 1 else image * simulate_coils(1, shape)[0]
    assert error(found.abs(), truth.abs()) < 0.1


@pytest.mark.parametrize("suffix", [".npy", ".h5", ".png"])
def test_the_same_input_gives_the_same_bytes(tmp_path, suffix):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    written = []
    for name in ("first", "second"):
        reconstruct_file(source, tmp_path / f"{name}{suffix}", method="wavelet")
        written.append((tmp_path / f"{name}{suffix}").read_bytes())
    assert written[0] == written[1]


def test_hdf5_holds_the_image_and_how_it_was_made(tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE, smaps=SMAPS)
    reconstruct_file(source, tmp_path / "image.h5", method="sense", reg_weight=0.005)
    with h5py.File(tmp_path / "image.h5") as file:
        assert file["image"].shape == SHAPE and file["image"].dtype == np.complex64
        assert dict(file["image"].attrs) == {"method": "sense", "reg_weight": 0.005, "source": "scan.npz"}


def test_png_shows_the_magnitude_upright(tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE, smaps=SMAPS)
    reconstruct_file(source, tmp_path / "image.png", method="sense", reg_weight=0)
    with Image.open(tmp_path / "image.png") as picture:
        grey = torch.from_numpy(np.array(picture)) / 255
        white = float(picture.text["white"])
    assert grey.shape == SHAPE
    assert float((grey * white - IMAGE.abs()).abs().mean()) < 0.01


def test_progress_is_traced_and_the_acs_can_be_chosen(tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    seen = []
    reconstruct_file(source, tmp_path / "image.npy", method="tv", acs=12, trace=seen.append)
    assert 0 < len(seen) <= METHODS["tv"][2]  # it ends where its objective stands still


def test_a_failed_write_leaves_the_earlier_image(tmp_path, monkeypatch):
    source, output = save(tmp_path / "scan.npz", KSPACE, smaps=SMAPS), tmp_path / "image.npy"
    output.write_bytes(b"an earlier image")

    def full_disk(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left on device.*nothing was changed"):
        reconstruct_file(source, output, method="sense")
    assert output.read_bytes() == b"an earlier image"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.npy", "scan.npz"]


def test_a_link_is_followed_and_permissions_are_the_usual_ones(tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE, smaps=SMAPS)
    (tmp_path / "real.npy").touch()
    (tmp_path / "link.npy").symlink_to("real.npy")
    reconstruct_file(source, tmp_path / "link.npy", method="sense")
    assert (tmp_path / "link.npy").is_symlink() and np.load(tmp_path / "real.npy").shape == SHAPE
    (tmp_path / "plain").touch()
    assert (tmp_path / "real.npy").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
@pytest.mark.parametrize("method", METHODS)
def test_a_gpu_gives_the_same_image(tmp_path, method):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    images = []
    for device in ("cpu", "cuda"):
        reconstruct_file(source, tmp_path / "image.npy", method=method, device=device)
        images.append(torch.from_numpy(np.load(tmp_path / "image.npy")))
    assert error(images[1], images[0]) < 1e-3


def test_defaults_on_the_measured_brain():
    """Random R = 4 with 24 ACS lines; floors half a decibel below what was measured when the defaults were chosen."""
    full = load_real("moco_brain_7ch")
    scan = with_smaps(replace(full.undersample(random_mask(full.shape[0], 4, acs=24)), smaps=None))
    for method, floor_db in {"sense": 27.9, "wavelet": 33.6, "tv": 33.2}.items():
        image = reconstruct(scan, method=method)
        assert float(psnr(best_scale(image, full.reference), full.reference)) > floor_db


# --- with a trained network ---


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint):
    return load_checkpoint(tiny_checkpoint)


@pytest.fixture
def through(tiny, tmp_path):
    """Reconstruct arrays through files with the tiny network; returns image and report."""

    def run(kspace, **others):
        source = save(tmp_path / "scan.npz", kspace, **others)
        report = reconstruct_file(source, tmp_path / "image.npy", checkpoint=tiny)
        return torch.from_numpy(np.load(tmp_path / "image.npy")), report

    return run


def test_a_network_recovers_the_image_in_the_units_of_the_data(through):
    image, report = through(KSPACE * LINES, mask=LINES, smaps=SMAPS)
    assert image.shape == SHAPE and image.dtype == torch.complex64
    assert error(image) < 0.15
    assert "checkpoint tiny, " in str(report) and "maps given" in str(report) and "\n" not in str(report)
    image, report = through(KSPACE * LINES)
    assert error(image.abs(), IMAGE.abs()) < 0.15 and "maps by ESPIRiT" in str(report)


@pytest.mark.parametrize("factor", [1e-12, 1e-5, 1e12, -1, 3j, -2 + 1j])
def test_a_factor_on_the_data_is_a_factor_on_the_image(through, factor):
    kspace = (KSPACE * LINES).numpy().astype(np.complex128)
    image = through(kspace)[0].to(torch.complex128)
    assert error(through(kspace * factor)[0].to(torch.complex128) / factor, image) < 1e-4


def test_the_scale_of_given_maps_divides_a_network_s_image(through):
    image, _ = through(KSPACE * LINES, smaps=SMAPS)
    for factor in (1e-6, 2, 1e6):
        assert error(factor * through(KSPACE * LINES, smaps=factor * SMAPS)[0], image) < 1e-4


def test_given_maps_may_end_at_the_object(through):
    support = (IMAGE.abs() > 0).float()
    image, _ = through(KSPACE * LINES, smaps=SMAPS * support)
    assert error(image) < 0.15


SAMPLINGS = {
    "everything": torch.ones(SHAPE[0], 1, dtype=torch.bool),
    "comb": equispaced_mask(SHAPE[0], 3, acs=12),
    "points": poisson_disc_mask(SHAPE, 3, acs=16),
    "columns": random_mask(SHAPE[1], 2, acs=16).mT.expand(SHAPE),
}


@pytest.mark.parametrize("name", SAMPLINGS)
def test_a_network_takes_any_mask(through, name):
    image, report = through(KSPACE * SAMPLINGS[name])
    assert error(image.abs(), IMAGE.abs()) < 0.25
    assert "points" not in name or "single points of k-space (trained on lines along kx)" in report.remark
    assert "columns" not in name or "lines along ky (trained on lines along kx)" in report.remark


@pytest.mark.parametrize(("n_coils", "shape"), [(1, (64, 64)), (32, (64, 81)), (2, (512, 64)), (3, (65, 511))])
def test_a_network_takes_any_size(through, n_coils, shape):
    kspace, image, _ = measure(shape, n_coils)
    found, report = through(kspace * random_mask(shape[0], 2, acs=16))
    truth = image if n_coils > 1 else image * simulate_coils(1, shape)[0]
    assert error(found.abs(), truth.abs()) < (0.5 if n_coils == 1 else 0.25)
    assert f"{n_coils} coil" in report.remark and ("pixels" in report.remark) == (max(shape) > 80)


def test_a_network_is_deterministic(tiny, tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    for suffix in (".npy", ".h5", ".png"):
        written = []
        for name in ("first", "second"):
            reconstruct_file(source, tmp_path / f"{name}{suffix}", checkpoint=tiny)
            written.append((tmp_path / f"{name}{suffix}").read_bytes())
        assert written[0] == written[1]


def test_hdf5_names_the_network(tiny, tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    reconstruct_file(source, tmp_path / "image.h5", checkpoint=tiny)
    with h5py.File(tmp_path / "image.h5") as file:
        found = dict(file["image"].attrs)
    assert found == {"checkpoint": "tiny", "weights_sha256": tiny.card.weights_sha256, "source": "scan.npz"}


def test_a_network_s_iterations_are_traced(tiny, tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    seen = []
    reconstruct_file(source, tmp_path / "image.npy", checkpoint=tiny, trace=seen.append)
    assert len(seen) == tiny.network.n_iterations == 2 and all(image.shape == SHAPE for image in seen)
    assert np.allclose(np.load(tmp_path / "image.npy"), seen[-1].numpy(), rtol=1e-4, atol=1e-6), "in the data's units"


def test_a_network_without_iterations_reconstructs_too(tmp_path):
    torch.manual_seed(0)
    network = ImageDomain(DnCNN(n_features=4, n_layers=2)).eval()
    scan, seen = with_smaps(read_from(KSPACE * LINES)), []
    image = apply_network(network, scan, trace=seen.append)
    assert image.shape == SHAPE and len(seen) == network.n_iterations == 1 and torch.allclose(seen[0], image)
    with pytest.raises(ValueError, match="the scan has no coil maps"):
        apply_network(network, replace(scan, smaps=None))


REFUSED = {
    "a method": ({"method": "wavelet"}, "got the checkpoint tiny with a method; expected the checkpoint alone"),
    "a weight": ({"reg_weight": 0.01}, "got the checkpoint tiny with a regularisation weight; expected"),
    "a small ACS": ({"acs": 4}, "acs is 4; expected at least 8"),
    "another device": ({"device": "tpu"}, "the device is 'tpu'; expected"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_do_not_go_with_a_network(tiny, tmp_path, name):
    options, words = REFUSED[name]
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    with pytest.raises(ValueError, match=words):
        reconstruct_file(source, tmp_path / "image.npy", checkpoint=tiny, **options)
    assert not (tmp_path / "image.npy").exists()


def head(n_coils=5, shape=(72, 80), acs=14, acceleration=3, noise_std=0.004):
    """A scan as the tiny network was trained on."""
    kspace, _, smaps = measure(shape, n_coils, noise_std=0)
    radius = [torch.linspace(-1, 1, n).square() for n in shape]
    kspace = kspace * torch.exp(-6 * (radius[0][:, None] + radius[1]))
    kspace = kspace + noise_std * random_complex(*kspace.shape)
    return Scan(kspace, smaps, infer_mask(kspace)).undersample(random_mask(shape[0], acceleration, acs=acs))


OUTSIDE = {  # what differs from the training -> all that the sentence must say
    "R": ({"acceleration": 5}, "R = 5.14 (trained on 1.4 to 4)"),
    "coils": ({"n_coils": 2}, "2 coils (trained on 4 to 6)"),
    "one side": ({"shape": (72, 96)}, "72 x 96 pixels (trained on 64 to 80)"),
    "ACS": ({"acs": 8}, "ACS lines (trained on 12 to 16)"),
    "more noise": ({"noise_std": 0.05}, "of the brightest pixel (trained on 0.08 to 1.4 %)"),
    "less noise": ({"noise_std": 0}, "of the brightest pixel (trained on 0.08 to 1.4 %)"),
}


def test_a_scan_inside_the_range_gets_no_remark(tiny):
    assert outside_range(tiny, head()) == ""


def test_what_a_recipe_trains_on_gets_no_remark():
    recipe = load_recipe("modl_k1")
    trained = Checkpoint(recipe.build(), load_checkpoint("modl_k1").card, recipe)
    scans = recipe.slices("train", 99)
    assert [outside_range(trained, scans[i]) for i in range(8)] == [""] * 8


TASKS = ["denoiser", "loss_mse", "task_denoising", "task_super_resolution", "task_undersampling", "task_ghosting"]


@pytest.mark.parametrize("name", TASKS)
def test_a_network_for_one_task_gets_no_remark_on_what_it_was_trained_on(name):
    trained = load_checkpoint(name)
    scans = trained.recipe.slices("train", 98)
    assert [outside_range(trained, scans[i]) for i in range(4)] == [""] * 4


KEPT = {  # what is sampled -> mask, and what a network that was trained on something else hears
    "complete": (torch.ones(96, 1, dtype=torch.bool), "all of k-space"),
    "lines": (random_mask(96, 3, acs=16), "lines along kx"),
    "lines in a full mask": (random_mask(96, 3, acs=16).expand(1, 96, 96), "lines along kx"),
    "other lines": (random_mask(96, 3, acs=16).mT.expand(96, 96), "lines along ky"),
    "centre": (acs_mask(96, 40) & acs_mask(96, 40).T, "the centre of k-space"),
    "centre of another form": (acs_mask(96, 40) & acs_mask(96, 20).T, "the centre of k-space"),
    "points": (poisson_disc_mask((96, 96), 3, acs=16), "single points of k-space"),
}


@pytest.mark.parametrize("name", ["loss_mse", "task_denoising", "task_undersampling", "tiny"])
@pytest.mark.parametrize("kept", KEPT)
def test_another_sampling_than_that_of_the_training_gets_a_remark(tiny, name, kept):
    trained = tiny if name == "tiny" else load_checkpoint(name)
    mask, words = KEPT[kept]
    scan = Scan(fft2c(torch.ones(1, 96, 96)), torch.ones(1, 96, 96) + 0j, torch.ones(96, 1).bool())
    remark = outside_range(trained, scan.undersample(mask.bool()))
    (known,) = trained.recipe.scans().samplings()
    assert (f"{words} (trained on {known})" in remark) == (words not in (known, "all of k-space")), remark
    assert kept != "complete" or name == "task_denoising" or "R = 1.00 (trained on " in remark


@pytest.mark.parametrize("name", ["loss_mse", "task_denoising"])
def test_every_kind_of_checkpoint_reconstructs_a_file(name, tmp_path, mricourse):
    kspace = fft2c(IMAGE)[None] * acs_mask(SHAPE[0], 24)
    save(tmp_path / "scan.npz", kspace)
    code, out, said = mricourse("reconstruct", tmp_path / "scan.npz", "--checkpoint", name, "-o", tmp_path / "a.npy")
    assert code == 0 and f"checkpoint {name}" in out and f"outside what {name} was trained for" in said, said
    assert np.load(tmp_path / "a.npy").shape == SHAPE


def test_what_cannot_be_judged_ends_before_anything_is_written(tiny, tmp_path, monkeypatch):
    def fails(*args):
        raise ValueError("the noise cannot be measured.")

    monkeypatch.setattr("mricourse.clinical.file_to_image.outside_range", fails)
    with pytest.raises(ValueError, match="cannot be measured"):
        reconstruct_file(save(tmp_path / "scan.npz", KSPACE * LINES), tmp_path / "image.npy", checkpoint=tiny)
    assert not (tmp_path / "image.npy").exists()


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_scan_outside_the_range_gets_a_sentence(tiny, name):
    changes, words = OUTSIDE[name]
    remark = outside_range(tiny, head(**changes), "scan.npz")
    start = "scan.npz is outside what tiny was trained for: "
    assert remark.startswith(start) and words in remark and remark.count("(trained on") == 1, remark
    assert remark.endswith(".") and "\n" not in remark


def test_the_command_takes_a_network_and_remarks_on_stderr(tiny_checkpoint, tmp_path, capsys):
    save(tmp_path / "scan.npz", KSPACE[:2] * LINES)
    words = ["reconstruct", tmp_path / "scan.npz", "--checkpoint", tiny_checkpoint, "-o", tmp_path / "image.png"]
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    out, said = capsys.readouterr()
    assert not ended.value.code and "checkpoint tiny" in out and out.count("\n") == 1
    assert (
        said.startswith("mricourse: scan.npz is outside what tiny was trained for: 2 coils") and said.count("\n") == 1
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_a_gpu_gives_a_network_s_image(tiny, tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    images = []
    for device in ("cpu", "cuda", "cuda"):
        reconstruct_file(source, tmp_path / "image.npy", checkpoint=tiny, device=device)
        images.append(torch.from_numpy(np.load(tmp_path / "image.npy")))
    tiny.network.cpu()
    assert error(images[1], images[0]) < 1e-3 and torch.equal(images[1], images[2])


# --- adapted to the scan ---


def test_a_file_is_reconstructed_by_weights_adapted_to_it(tiny, tmp_path):
    source = save(tmp_path / "scan.npz", KSPACE * LINES)
    steps, settings = [], AdaptationSettings(n_steps=4, check_every=4, strip=24, n_splits=2)
    options = {"checkpoint": tiny, "adaptation": settings, "adapting": lambda step, gain_db: steps.append(step)}
    report = reconstruct_file(source, tmp_path / "image.h5", **options)
    found = report.adaptation
    assert steps == [1, 2, 3, 4] and f"checkpoint tiny, {found}, " in str(report)
    with h5py.File(tmp_path / "image.h5") as file:
        image, attributes = file["image"][:], dict(file["image"].attrs)
    assert attributes["checkpoint"] == "tiny" and attributes["adapted_steps"] == found.n_steps
    assert attributes["adapted_guard"] == found.guard and attributes["adapted_gain_db"] == found.gain_db
    scan = with_smaps(read_from(KSPACE * LINES))
    assert np.array_equal(image, apply_network(found.network, scan).numpy())
    assert (found.n_steps == 0) == np.array_equal(image, apply_network(tiny.network, scan).numpy())


def test_the_slices_of_a_volume_share_adapted_weights(tiny, tmp_path):
    volume = np.stack([(KSPACE * LINES).numpy()] * 2)
    source = save(tmp_path / "scan.npz", volume)
    settings = AdaptationSettings(n_steps=2, check_every=2, strip=24, n_splits=2, learning_rate=1e-3)
    report = reconstruct_file(
        source, tmp_path / "image.npy", checkpoint=tiny, adaptation=settings, axes="slice,coil,y,x"
    )
    images = np.load(tmp_path / "image.npy")
    assert report.n_slices == 2 and np.array_equal(images[0], images[1])


def test_the_command_adapts_and_says_so(tiny_checkpoint, tmp_path, mricourse):
    save(tmp_path / "scan.npz", KSPACE * LINES)
    words = ["reconstruct", tmp_path / "scan.npz", "--checkpoint", tiny_checkpoint, "-o", tmp_path / "image.npy"]
    code, out, error = mricourse(*words, "--adapt-seconds", "0.01")
    assert code == 0 and "tiny, not adapted: the time was over before the first step, " in out, error
    code, out, error = mricourse(*words, "--adapt", "--adapt-seconds", "3")
    assert code == 0 and "adapted" in out and out.count("\n") == 1, error


NOT_ADAPTED = {
    "a method": (["--method", "tv", "--adapt"], "got no checkpoint to adapt"),
    "no checkpoint": (["--adapt"], "got no checkpoint to adapt"),
    "no seconds": (["--checkpoint", "modl", "--adapt-seconds", "0"], "the time to adapt is 0.0 s; expected a number"),
    "nan seconds": (["--checkpoint", "modl", "--adapt-seconds", "nan"], "the time to adapt is nan s"),
    "another kind": (["--checkpoint", "task_undersampling", "--adapt"], "which cannot be adapted to a scan"),
    "complete": (["--checkpoint", "modl", "--adapt"], "the scan is complete, so no sample is missing"),
}


@pytest.mark.parametrize("name", NOT_ADAPTED)
def test_what_cannot_be_adapted_is_refused_in_one_sentence(tmp_path, mricourse, name):
    words, expected = NOT_ADAPTED[name]
    save(tmp_path / "scan.npz", KSPACE if name == "complete" else KSPACE * LINES)
    code, out, error = mricourse("reconstruct", tmp_path / "scan.npz", "-o", tmp_path / "image.npy", *words)
    assert code == 2 and out == "" and expected in error and error.count("\n") == 1, error
    assert not (tmp_path / "image.npy").exists()


def test_too_few_lines_to_hold_out_are_refused(tmp_path, mricourse):
    save(tmp_path / "scan.npz", KSPACE * random_mask(SHAPE[0], 3, acs=16))
    words = ["--checkpoint", "modl", "--adapt", "-o", tmp_path / "image.npy"]
    code, out, error = mricourse("reconstruct", tmp_path / "scan.npz", *words)
    assert code == 2 and "lines outside its fully sampled centre; expected 8 or more" in error, error
