"""ISMRMRD files, written by the format's own package as scanners' converters write them."""

from contextlib import closing

import h5py
import ismrmrd
import numpy as np
import pytest
import torch
from test_formats import SHAPE, VOLUME, cut, error, header_xml, text

from mricourse.datasets.inspect import describe
from mricourse.datasets.scan_files import open_scans, read_scan
from mricourse.physics.fourier import fft2c, ifft2c

NY, NX = SHAPE
HEADER = header_xml((NX, NY), (NX, NY))


def readout(samples, line, centre=NX // 2, flags=(), discard=(0, 0), **counters):
    """One readout (coils, samples) with its header."""
    acquisition = ismrmrd.Acquisition.from_array(np.ascontiguousarray(samples, "c8"))
    acquisition.center_sample = centre
    acquisition.discard_pre, acquisition.discard_post = discard
    acquisition.idx.kspace_encode_step_1 = int(line)
    for name, value in counters.items():
        setattr(acquisition.idx, name, int(value))
    for flag in flags:
        acquisition.setFlag(flag)
    return acquisition


def lines_of(kspace, lines, first=0, **options):
    """The readouts of the given lines of k-space (coils, ky, kx), numbered from the first measured one."""
    return [readout(kspace[:, line], line - first, **options) for line in lines]


def write(path, acquisitions, header=HEADER, group="dataset"):
    with closing(ismrmrd.Dataset(str(path), group)) as file:
        file.write_xml_header(header.encode())
        for acquisition in acquisitions:
            file.append_acquisition(acquisition)
    return path


VALUES = VOLUME.numpy()
NOISE = readout(np.ones((5, 37)), 0, flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,))


@pytest.mark.parametrize("suffix", [".h5", ".mrd"])
def test_slices_are_sorted_whatever_the_order_of_the_lines(tmp_path, suffix):
    rng = np.random.default_rng(0)
    acquisitions = [each for i in range(3) for each in lines_of(VALUES[i], range(NY), slice=i)]
    rng.shuffle(acquisitions)
    series = open_scans(write(tmp_path / f"scan{suffix}", [NOISE, *acquisitions]))
    assert series.n_slices == 3 and series.is_volume
    for i in range(3):
        scan = series.scan(i)
        assert torch.equal(scan.kspace, VOLUME[i]) and scan.mask.shape == (NY, 1) and bool(scan.mask.all())


def test_the_command_reconstructs_an_undersampled_volume(tmp_path, mricourse):
    lines = [line for line in range(NY) if line % 3 == 0 or abs(line - NY // 2) < 10]
    acquisitions = [each for i in range(3) for each in lines_of(VALUES[i], lines, slice=i)]
    path = write(tmp_path / "scan.h5", acquisitions)
    code, out, _ = mricourse("reconstruct", path, "-o", tmp_path / "images.npy")
    assert code == 0 and "3 slices, 5 coils, 72 x 80" in out and "ACS" in out
    images = np.load(tmp_path / "images.npy")
    assert images.shape == (3, NY, NX) and all(error(images[i], i) < 0.05 for i in range(3))
    found = describe(path)
    assert f"reconstruct takes its 3 slices of 5 coils, 72 x 80, from {3 * len(lines)} readouts of ISMRMRD" in found
    assert "dataset/data" in found and "records of head, traj, data; ISMRMRD readouts" in found


def test_readout_oversampling_is_removed(tmp_path):
    padded = torch.nn.functional.pad(ifft2c(VOLUME[1]), (NX // 2, NX // 2))
    header = header_xml((2 * NX, NY), (NX, NY), fov=(600, 300), recon_fov=(300, 300))
    path = write(tmp_path / "scan.h5", lines_of(fft2c(padded).numpy(), range(NY), centre=NX), header)
    scan = read_scan(path)
    assert torch.allclose(scan.kspace, VOLUME[1], atol=1e-4)
    assert scan.meta["notes"] == ("readout oversampling removed (160 to 80)",)


def test_partial_fourier_is_recognised_by_the_centre_line(tmp_path):
    """Lines 0 to 45 of 72 were not numbered from the edge: the header says which number the centre has."""
    header = header_xml((NX, NY), (NX, NY), lines=(10, 45))
    path = write(tmp_path / "scan.h5", lines_of(VALUES[1], range(26, 72), first=26), header)
    scan = read_scan(path)
    assert scan.mask[:, 0].nonzero()[:, 0].tolist() == list(range(26, 72))
    assert torch.equal(scan.kspace[:, 26:], VOLUME[1][:, 26:])
    assert scan.meta["notes"] == ("partial Fourier, lines 26 to 71 of 72",)


def test_partial_echoes_discarded_samples_and_reversed_readouts(tmp_path):
    late = lines_of(VALUES[1, :, :, 10:], range(0, NY, 2), centre=NX // 2 - 10)
    spoilt = np.pad(VALUES[1], ((0, 0), (0, 0), (3, 2)), constant_values=99)
    other = lines_of(spoilt[..., 10:], range(1, NY, 4), centre=NX // 2 + 3 - 10, discard=(3, 2))
    backwards = lines_of(
        VALUES[1, :, :, :9:-1], range(3, NY, 4), centre=NX - 1 - NX // 2, flags=(ismrmrd.ACQ_IS_REVERSE,)
    )
    scan = read_scan(write(tmp_path / "scan.h5", late + other + backwards))
    mask = scan.mask.expand(SHAPE)
    assert bool(mask[0, 10:].all()) and not bool(mask[:, :10].any()) and bool(mask[3, 10:].all())
    assert (
        torch.equal(scan.kspace, torch.where(mask, VOLUME[1], 0))
        and "readouts are partial echoes" in scan.meta["notes"]
    )


def test_averages_are_averaged_and_repetitions_chosen(tmp_path):
    averages = [each for a in (0, 1) for each in lines_of(VALUES[1] * (1 + a), range(NY), average=a)]
    scan = read_scan(write(tmp_path / "averages.h5", averages))
    assert torch.allclose(scan.kspace, 1.5 * VOLUME[1]) and scan.meta["notes"] == ("mean of 2 averages",)
    repeated = [each for r in range(3) for each in lines_of(VALUES[r], range(NY), repetition=r)]
    path = write(tmp_path / "repeated.h5", repeated)
    with pytest.raises(ValueError, match=r"3 entries of repetition \(0, 1, 2\); expected one.*--axes repetition=0"):
        open_scans(path)
    assert torch.equal(read_scan(path, axes="rep=2").kspace, VOLUME[2])
    with pytest.raises(ValueError, match="3 entries of repetition"):
        open_scans(path, axes="rep=3")
    with pytest.raises(ValueError, match="names coil, but the readouts of an ISMRMRD file are sorted"):
        open_scans(path, axes="coil,y,x")


@pytest.mark.parametrize("mode", ["embedded", "separate", None])
def test_calibration_lines(tmp_path, mricourse, mode):
    """Embedded ones are lines of the image; separate ones, here of another scale, make the maps alone."""
    calibration = [line for line in range(26, 46) if line % 2]
    flags = (ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,)
    extra = lines_of(VALUES[1], calibration, flags=flags)
    if mode != "embedded":
        extra = lines_of(7 * VALUES[1], range(26, 46), flags=flags)
    parallel = (
        "<parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>"
        "<kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>"
        f"<calibrationMode>{mode}</calibrationMode></parallelImaging>"
    )
    header = HEADER if mode is None else HEADER.replace("</encoding>", f"{parallel}</encoding>")
    path = write(tmp_path / "scan.h5", lines_of(VALUES[1], range(0, NY, 2)) + extra, header)
    scan = read_scan(path)
    assert scan.mask[26:46].all() if mode == "embedded" else not scan.mask[1::2].any()
    code, out, _ = mricourse("reconstruct", path, "--method", "sense", "-o", tmp_path / "image.npy")
    assert code == 0 and ("maps from 20 separate calibration lines" in out) == (mode != "embedded")
    assert error(np.load(tmp_path / "image.npy"), 1) < 0.05


@pytest.mark.parametrize("trajectory", ["spiral", "radial", "epi", "goldenangle", "other"])
def test_other_trajectories_are_refused(tmp_path, mricourse, trajectory):
    header = header_xml((NX, NY), (NX, NY), trajectory=trajectory)
    path = write(tmp_path / "scan.h5", lines_of(VALUES[1], range(NY)), header)
    code, out, said = mricourse("reconstruct", path, "-o", tmp_path / "image.npy")
    assert code == 2 and out == "" and said.count("\n") == 1
    assert f"scan.h5 holds an ISMRMRD scan of the trajectory {trajectory}; expected Cartesian lines" in said
    assert f"reconstruct refuses it: {path} holds an ISMRMRD scan of the trajectory {trajectory}" in describe(path)


def test_three_dimensions_are_refused(tmp_path):
    lines = [readout(VALUES[1, :, i], i, kspace_encode_step_2=j) for i in range(4) for j in range(2)]
    with pytest.raises(ValueError, match="scan in three dimensions; expected lines in two"):
        open_scans(write(tmp_path / "scan.h5", lines))


def test_lines_outside_the_matrix_and_coils_that_change_are_refused(tmp_path):
    path = write(tmp_path / "lines.h5", lines_of(VALUES[1], range(NY), first=-20))
    with pytest.raises(ValueError, match=r"lines.h5 could not be read.*outside the 72 x 80 of the header"):
        read_scan(path)
    path = write(tmp_path / "coils.h5", [readout(VALUES[1, :, 0], 0), readout(VALUES[1, :3, 1], 1)])
    with pytest.raises(ValueError, match="readouts of 3 and of 5 coils"):
        open_scans(path)
    path = write(tmp_path / "noise.h5", [NOISE])
    with pytest.raises(ValueError, match="holds 1 readouts, none of which is a line of an image"):
        open_scans(path)


@pytest.mark.parametrize("damage", [cut, text, lambda path: path.write_bytes(b"")], ids=["cut", "text", "empty"])
def test_damage_is_one_sentence_that_names_the_file(tmp_path, mricourse, damage):
    path = write(tmp_path / "scan.h5", lines_of(VALUES[1], range(NY)))
    damage(path)
    code, out, said = mricourse("reconstruct", path, "-o", tmp_path / "image.npy")
    assert code == 2 and out == "" and said.count("\n") == 1 and str(path) in said
    assert sorted(tmp_path.iterdir()) == [path]


HEADERS = {"no xml": "could not be read", "<x/>": "could not be read", "": "could not be read"}


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_is_none_is_one_sentence(tmp_path, mricourse, header):
    path = write(tmp_path / "scan.h5", lines_of(VALUES[1], range(NY)))
    with h5py.File(path, "r+") as file:
        file["dataset/xml"][0] = header.encode()
    code, _, said = mricourse("reconstruct", path, "-o", tmp_path / "image.npy")
    assert code == 2 and said.count("\n") == 1 and HEADERS[header] in said and "unforeseen" not in said
