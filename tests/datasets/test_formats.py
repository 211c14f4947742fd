"""Files that people have: BART, MATLAB, fastMRI, M4Raw, ISMRMRD; the same scan comes out of each."""

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import torch

from mricourse.datasets.axes import axis_words, named_axes, recognised_axes
from mricourse.datasets.bart_files import read_header
from mricourse.datasets.cache import NEARBY
from mricourse.datasets.inspect import describe
from mricourse.datasets.real import find
from mricourse.datasets.scan_files import open_scans, read_scan
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.sampling import equispaced_mask
from mricourse.simulate.coils import simulate_coils

SHAPE = (72, 80)
N_SLICES, N_COILS = 3, 5


def phantom(shift=0, shape=SHAPE):
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = [(y / 0.8) ** 2 + (x / 0.6) ** 2 < 1, (y + 0.3) ** 2 + (x - 0.1 * shift) ** 2 < 0.04]
    return torch.polar(0.6 * inside[0] + 0.4 * inside[1], 0.8 * y + 0.5 * x**2)


def measure(n_slices=N_SLICES, n_coils=N_COILS, shape=SHAPE):
    """Complete k-space (slice, coil, ky, kx) of slices that differ."""
    smaps = simulate_coils(n_coils, shape)
    images = torch.stack([phantom(i, shape) for i in range(n_slices)])
    return fft2c(smaps * images[:, None]) + 1e-3 * random_complex(n_slices, n_coils, *shape)


VOLUME = measure()
LINES = equispaced_mask(SHAPE[0], 2, acs=20)
UNDERSAMPLED = VOLUME * LINES
SLICE = UNDERSAMPLED[1].numpy()


def same(scan, kspace):
    return torch.equal(scan.kspace, torch.as_tensor(kspace)) and torch.equal(scan.mask, LINES)


# --- writers, as the formats' own programs lay files out ---


def write_bart(path, array, *, newline="\n"):
    """``array`` in BART's order of axes; the header always has 16 sizes."""
    sizes = [*array.shape, *[1] * (16 - array.ndim)]
    text = newline.join(["# Dimensions", " ".join(map(str, sizes)) + " ", "# Command", "phantom -k ", ""])
    path.with_suffix(".hdr").write_text(text, newline="")
    path.with_suffix(".cfl").write_bytes(np.asarray(array, "<c8").tobytes(order="F"))
    return path.with_suffix(".cfl")


def write_mat73(path, dtype="<f4", **arrays):
    """Version 7.3: axes reversed, complex numbers as pairs, 512 bytes of MATLAB's own in front."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            turned = np.ascontiguousarray(np.asarray(array).T)
            if np.iscomplexobj(turned):
                pairs = np.empty(turned.shape, [("real", dtype), ("imag", dtype)])
                pairs["real"] = turned.real
                pairs["imag"] = turned.imag
                turned = pairs
            file[name] = turned
            file[name].attrs["MATLAB_class"] = np.bytes_("single")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


def header_xml(encoded, recon, *, lines=None, trajectory="cartesian", prefix="", fov=(300, 300), recon_fov=None):
    """An ISMRMRD header, its namespace with a prefix or without."""
    p = f"{prefix}:" if prefix else ""
    xmlns = f"xmlns:{prefix}" if prefix else "xmlns"
    centre, last = lines or (encoded[1] // 2, encoded[1] - 1)

    def space(name, matrix, field):
        axes = "".join(f"<{p}{axis}>{n}</{p}{axis}>" for axis, n in zip("xyz", (*matrix, 1), strict=True))
        field = "".join(f"<{p}{axis}>{n}</{p}{axis}>" for axis, n in zip("xyz", (*field, 5), strict=True))
        field = f"<{p}fieldOfView_mm>{field}</{p}fieldOfView_mm>"
        return f"<{p}{name}><{p}matrixSize>{axes}</{p}matrixSize>{field}</{p}{name}>"

    limit = f"<{p}minimum>0</{p}minimum><{p}maximum>{last}</{p}maximum><{p}center>{centre}</{p}center>"
    step = f"{p}kspace_encoding_step_1"
    return (
        f'<?xml version="1.0"?><{p}ismrmrdHeader {xmlns}="http://www.ismrm.org/ISMRMRD">'
        f"<{p}experimentalConditions><{p}H1resonanceFrequency_Hz>63500000</{p}H1resonanceFrequency_Hz>"
        f"</{p}experimentalConditions><{p}encoding>{space('encodedSpace', encoded, fov)}"
        f"{space('reconSpace', recon, recon_fov or fov)}"
        f"<{p}encodingLimits><{step}>{limit}</{step}></{p}encodingLimits>"
        f"<{p}trajectory>{trajectory}</{p}trajectory></{p}encoding></{p}ismrmrdHeader>"
    )


def write_fastmri(path, kspace, header=None, attributes=None, **others):
    with h5py.File(path, "w") as file:
        file["kspace"] = np.asarray(kspace, "c8")
        if header is not None:
            file.create_dataset("ismrmrd_header", data=header.encode())
        for name, value in others.items():
            file[name] = value
        file.attrs.update(attributes or {"acquisition": "AXT2", "patient_id": "0"})
    return path


# --- the axes ---

RECOGNISED = {  # shape -> names, note
    (64, 80): ("y x", ""),
    (5, 64, 80): ("coil y x", ""),
    (64, 80, 5): ("y x coil", "took axis 2 as coils"),
    (64, 5, 80): ("y coil x", "took axis 1 as coils"),
    (1, 5, 64, 80): ("axis 0,coil,y,x".split(","), ""),
    (64, 80, 5, 1): ("y,x,coil,axis 3".split(","), "took axis 2 as coils"),
    (40, 5, 64, 80): ("slice coil y x", ""),
    (64, 80, 40, 5): ("y x slice coil", "took axis 2 as slices and axis 3 as coils"),
    (5, 64, 80, 40): ("coil y x slice", "took axis 3 as slices and axis 0 as coils"),
}


@pytest.mark.parametrize("shape", RECOGNISED)
def test_axes_are_recognised_by_their_sizes(shape):
    names, note = RECOGNISED[shape]
    order = recognised_axes(shape)
    assert order.names == tuple(names.split() if isinstance(names, str) else names) and order.note == note
    array = np.arange(np.prod(shape)).reshape(shape)
    assert order.arrange(array[order.index(0)]).shape == (order.size("coil"), 64, 80)


@pytest.mark.parametrize("shape", [(8, 12, 64, 80), (160, 8, 192, 192), (2, 3, 5, 64, 80), (1, 3, 5, 64, 80)])
def test_axes_that_look_alike_are_asked_for(shape):
    with pytest.raises(ValueError, match=r'does not tell coils, slices and repetitions apart.*--axes "') as refusal:
        recognised_axes(shape)
    suggested = str(refusal.value).split('"')[1]
    assert not any(
        size == 1 and name in ("coil", "slice") for name, size in zip(suggested.split(","), shape, strict=True)
    )
    names, choices = axis_words(suggested)
    assert named_axes(names, shape, choices).shape == shape  # what the sentence suggests can be typed


NAMED = {  # words for (2, 72, 80, 5) -> what the sentence says
    "coil,y,x": "names 3 axes (coil, y, x), but kspace has shape (2, 72, 80, 5); expected 4 names",
    "rep=0,y,y,coil": "has no x",
    "rep=0,y,x,y": "has y twice",
    "rep,y,x,coil": "kspace has an axis rep of 2 entries; expected one of 0 to 1: add --axes rep=0",
    "rep=2,y,x,coil": "has rep=2, but there are 2 entries; expected one of 0 to 1",
    "rep=-1,y,x,coil": "has rep=-1",
    "slice=1,y,x,coil": "chooses an entry of slice; expected choices along other axes",
    ",y,x,coil": "has an empty name",
}


@pytest.mark.parametrize("words", NAMED)
def test_names_that_do_not_fit_are_refused(tmp_path, mricourse, words):
    np.save(tmp_path / "scan.npy", np.moveaxis(UNDERSAMPLED[:2].numpy(), 1, 3))
    code, _, said = mricourse("reconstruct", tmp_path / "scan.npy", "--axes", words, "-o", tmp_path / "image.npy")
    assert code == 2 and NAMED[words] in said and said.count("\n") == 1


ORDERS = {  # words -> how to bring (slice, coil, ky, kx) into this order
    "slice,coil,y,x": (0, 1, 2, 3),
    "y, x, coil, slice": (2, 3, 1, 0),
    "kx,ky,slices,coils": (3, 2, 0, 1),
    "coil,slice,x,y": (1, 0, 3, 2),
}


@pytest.mark.parametrize("words", ORDERS)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".mat", "7.3.mat"])
def test_every_order_of_every_format_gives_the_same_slices(tmp_path, suffix, words):
    array = UNDERSAMPLED.numpy().transpose(ORDERS[words])
    path = tmp_path / f"scan{suffix}"
    if suffix == ".npy":
        np.save(path, array)
    elif suffix == ".npz":
        np.savez_compressed(path, kspace=array)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["kspace"] = array
    elif suffix == ".mat":
        scipy.io.savemat(path, {"kspace": array})
    else:
        write_mat73(path, kspace=array)
    series = open_scans(path, axes=words)
    assert series.n_slices == N_SLICES and series.is_volume
    assert all(same(series.scan(i), UNDERSAMPLED[i]) for i in range(N_SLICES))
    with pytest.raises(ValueError, match="tell coils, slices and repetitions apart"):
        open_scans(path)


def test_an_entry_of_another_axis_is_chosen(tmp_path):
    np.save(tmp_path / "scan.npy", UNDERSAMPLED.numpy())
    for i in range(N_SLICES):
        assert same(read_scan(tmp_path / "scan.npy", axes=f"rep={i},coil,y,x"), UNDERSAMPLED[i])


# --- BART ---


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".cfl", ".hdr"])
def test_a_bart_pair_is_read_by_either_file(tmp_path, suffix, newline):
    path = write_bart(tmp_path / "scan", SLICE.T[:, :, None], newline=newline)  # x, y, 1, coil
    assert same(read_scan(path.with_suffix(suffix)), SLICE)
    assert same(read_scan(tmp_path / "scan"), SLICE) and "reconstruct takes 5 coils" in describe(tmp_path / "scan")


def test_bart_names_its_axes(tmp_path):
    plane = np.moveaxis(SLICE, 0, -1)[None]  # 1, y, z, coil: a slice of a 3-D scan
    assert same(read_scan(write_bart(tmp_path / "yz", plane)), SLICE)
    volume = np.zeros((SHAPE[1], SHAPE[0], 1, N_COILS, *[1] * 6, 2, 1, 1, N_SLICES), "c8")  # time 10, slice 13
    volume[..., 0, :, :, 1, 0, 0, :] = 0
    volume[:, :, 0, :, 0, 0, 0, 0, 0, 0, 1, 0, 0, :] = UNDERSAMPLED.numpy().transpose(3, 2, 1, 0)
    path = write_bart(tmp_path / "volume", volume)
    with pytest.raises(ValueError, match="kspace has an axis time of 2 entries.*add --axes time=0"):
        open_scans(path)
    series = open_scans(path, axes="time=1")
    assert series.n_slices == N_SLICES and same(series.scan(2), UNDERSAMPLED[2])


def test_bart_in_three_dimensions_is_refused(tmp_path):
    path = write_bart(tmp_path / "scan", np.ones((64, 64, 64, 2), "c8"))
    with pytest.raises(ValueError, match="k-space of 3 axes.*expected a plane"):
        open_scans(path)


# --- MATLAB ---


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_matlab_files_with_their_own_names(tmp_path, version):
    """As owners have them: (ky, kx, coil), another name, other arrays beside it."""
    arrays = {"DATA": np.moveaxis(SLICE, 0, -1), "TR": np.array([[500.0]]), "img": np.ones(SHAPE, "c8")}
    path = tmp_path / "scan.mat"
    if version == "5":
        scipy.io.savemat(path, arrays | {"info": {"name": "x"}, "txt": "words"}, do_compression=True)
    else:
        write_mat73(path, **arrays)
    scan = read_scan(path)
    assert same(scan, SLICE)
    assert scan.meta["notes"] == ("took DATA as kspace", "took axis 2 as coils")
    assert same(read_scan(path, key="DATA"), SLICE)
    with pytest.raises(ValueError, match="no array named kdata but"):
        read_scan(path, key="kdata")


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_a_field_of_a_matlab_structure(tmp_path, version):
    path = tmp_path / "scan.mat"
    values = np.moveaxis(SLICE, 0, -1)
    if version == "5":
        scipy.io.savemat(path, {"scan": {"kspace": values, "TR": 500.0, "who": "nobody"}})
    else:
        write_mat73(path, **{"scan/kspace": values})
    scan = read_scan(path)
    assert same(scan, SLICE) and scan.meta["notes"][0] == "took scan/kspace as kspace"
    assert "scan/kspace (72, 80, 5) complex64" in describe(path)


def test_double_precision_and_a_mask_of_matlab(tmp_path):
    path = write_mat73(tmp_path / "scan.mat", "<f8", kspace=np.moveaxis(SLICE, 0, -1), mask=LINES.numpy().astype("f8"))
    assert same(read_scan(path), SLICE)


def test_of_two_arrays_of_matlab_the_complex_one_is_taken(tmp_path):
    """The header of version 5 does not tell; what remains unclear is asked for."""
    scipy.io.savemat(tmp_path / "scan.mat", {"a": SLICE, "b": SLICE.real})
    assert read_scan(tmp_path / "scan.mat").meta["notes"] == ("took a as kspace",)


def test_calibration_lines_that_do_not_fit_are_named(tmp_path):
    np.savez(tmp_path / "scan.npz", kspace=SLICE, acs=SLICE[:3, :20])
    assert read_scan(tmp_path / "scan.npz").meta["notes"] == ("acs not used, since its shape does not fit",)


def test_several_arrays_that_could_be_it_are_asked_for(tmp_path):
    np.savez(tmp_path / "scan.npz", first=SLICE, second=SLICE)
    with pytest.raises(ValueError, match="first, second could be it: choose one with --key"):
        read_scan(tmp_path / "scan.npz")
    assert same(read_scan(tmp_path / "scan.npz", key="second"), SLICE)


def test_real_numbers_of_matlab_are_refused(tmp_path):
    scipy.io.savemat(tmp_path / "scan.mat", {"kspace": SLICE.real})
    with pytest.raises(TypeError, match="kspace is real"):
        read_scan(tmp_path / "scan.mat")


def filled(block, rows):
    """The same lines in an array of the size of k-space, zero elsewhere."""
    whole = torch.zeros_like(VOLUME[1])
    whole[:, rows] = block
    return whole


@pytest.mark.parametrize("rows", [slice(27, 47), slice(24, 44)], ids=["a few lines off", "more lines off"])
@pytest.mark.parametrize("whole", [False, True], ids=["the lines", "filled with zeros"])
def test_calibration_lines_of_the_same_acquisition_are_filled_in(tmp_path, mricourse, rows, whole):
    """R = 3 with the lines of the centre in a second array, and outer lines that are padding."""
    comb = torch.arange(SHAPE[0]) % 3 == 1
    inside = (torch.arange(SHAPE[0]) > 3) & (torch.arange(SHAPE[0]) < 68)
    acs = filled(VOLUME[1, :, rows], rows) if whole else VOLUME[1, :, rows]
    arrays = {"kspace": VOLUME[1] * (comb & inside)[:, None], "ACS": acs}
    scipy.io.savemat(tmp_path / "scan.mat", {name: np.moveaxis(a.numpy(), 0, -1) for name, a in arrays.items()})
    scan = read_scan(tmp_path / "scan.mat")
    expected = (comb & inside)[:, None].clone()
    expected[rows] = True
    assert torch.equal(scan.mask, expected) and torch.equal(scan.kspace, torch.where(expected, VOLUME[1], 0))
    assert "calibration samples filled in" in scan.meta["notes"][-1]
    code, out, _ = mricourse("reconstruct", tmp_path / "scan.mat", "-o", tmp_path / "image.npy")
    assert code == 0 and "calibration samples filled in" in out
    assert error(np.load(tmp_path / "image.npy"), 1) < 0.05


def test_calibration_columns_are_filled_in(tmp_path):
    comb = (torch.arange(SHAPE[1]) % 3 == 1)[None]
    np.savez(tmp_path / "scan.npz", kspace=VOLUME[1] * comb, calib=VOLUME[1, :, :, 30:54])
    expected = comb.expand(SHAPE).clone()
    expected[:, 30:54] = True
    assert torch.equal(read_scan(tmp_path / "scan.npz").mask, expected)


def test_separate_calibration_lines_make_the_maps(tmp_path, mricourse):
    comb = (torch.arange(SHAPE[0]) % 2 == 0)[:, None]
    other = 7 * measure()[1, :, 24:48]
    np.savez(tmp_path / "scan.npz", kspace=VOLUME[1] * comb, calib=other)
    code, out, _ = mricourse("reconstruct", tmp_path / "scan.npz", "--method", "sense", "-o", tmp_path / "image.npy")
    assert code == 0 and "maps from 24 x 80 calibration samples apart" in out
    assert error(np.load(tmp_path / "image.npy"), 1) < 0.05


def error(image, i_slice):
    """Of the magnitude, against that of the complete slice."""
    truth = ifft2c(VOLUME[i_slice]).abs().square().sum(dim=0).sqrt()
    found = torch.as_tensor(image).abs()
    found = found * (found * truth).sum() / found.square().sum()
    return float((found - truth).norm() / truth.norm())


# --- fastMRI and M4Raw ---


def oversampled(volume):
    """fastMRI's order (slice, coil, readout, phase), the readout measured over twice the field of view."""
    images = torch.nn.functional.pad(ifft2c(volume), (SHAPE[1] // 2, SHAPE[1] // 2))
    return fft2c(images).mT


def test_fastmri_is_cropped_turned_and_padded(tmp_path, mricourse):
    """Readouts of twice the field of view, lines beyond the limits unmeasured, phase along the last axis."""
    header = header_xml((160, 72), (80, 64), lines=(30, 61))  # lines 6 to 67 of 72
    kspace = oversampled(VOLUME)
    path = write_fastmri(tmp_path / "file.h5", kspace, header, reconstruction_rss=np.ones((3, 80, 64), "f4"))
    series = open_scans(path)
    scan = series.scan(1)
    measured = (torch.arange(72) >= 6) & (torch.arange(72) <= 67)
    assert series.n_slices == 3 and scan.shape == SHAPE and torch.equal(scan.mask, measured[:, None])
    assert torch.allclose(scan.kspace, torch.where(scan.mask, VOLUME[1], 0), atol=1e-4)
    words = ["--method", "sense", "--slice", "1", "-o", tmp_path / "image.npy"]
    code, out, _ = mricourse("reconstruct", path, *words)
    assert code == 0 and "5 coils, 80 x 64" in out and "readout oversampling removed (160 to 80)" in out
    image = torch.from_numpy(np.load(tmp_path / "image.npy"))
    truth = ifft2c(VOLUME[1]).abs().square().sum(dim=0).sqrt().mT[:, 4:68]
    assert image.shape == (80, 64) and float((image.abs() - truth).norm() / truth.norm()) < 0.1


def test_fastmri_s_test_set_has_its_mask_along_the_phase(tmp_path):
    """On a square matrix, where a mask of one axis could be along either."""
    square = measure(1, 4, (72, 72))
    mask = LINES[:, 0].numpy()
    kspace = square.mT.numpy() * mask
    path = write_fastmri(tmp_path / "file.h5", kspace, header_xml((72, 72), (72, 72)), mask=mask)
    scan = read_scan(path)
    assert torch.equal(scan.mask, LINES) and torch.equal(scan.kspace, square[0] * LINES)
    path = write_fastmri(tmp_path / "complete.h5", square.mT.numpy(), header_xml((72, 72), (72, 72)), mask=mask)
    assert torch.equal(read_scan(path).kspace, square[0] * LINES)


@pytest.mark.parametrize("prefix", ["", "ns0", "ismrmrd"])
def test_the_header_is_read_whatever_its_prefix(tmp_path, prefix):
    header = header_xml((160, 72), (80, 64), prefix=prefix)
    path = write_fastmri(tmp_path / "file.h5", oversampled(VOLUME), header)
    assert open_scans(path).image_shape == (80, 64) and read_scan(path).shape == SHAPE


def test_m4raw_has_phase_before_readout(tmp_path):
    padded = VOLUME.clone()
    padded[:, :, :8] = 0
    padded[:, :, 64:] = 0
    header = header_xml((80, 72), (80, 72), lines=(27, 55), prefix="ns0")
    path = write_fastmri(tmp_path / "2022061003_T201.h5", padded, header)
    series = open_scans(path)
    assert not series.turned and torch.equal(series.scan(1).kspace, padded[1])
    assert series.scan(1).mask[:, 0].nonzero()[[0, -1], 0].tolist() == [8, 63]


def test_prostate_averages_are_chosen(tmp_path, mricourse):
    """Every other line in each average, and calibration data in an array of their own."""
    comb = torch.arange(72) % 2
    kspace = torch.stack([VOLUME * (comb == i % 2)[:, None] for i in range(3)]).mT.numpy()
    calibration = VOLUME[:, :, 24:48].mT.numpy()
    header = header_xml((80, 72), (80, 72))
    path = write_fastmri(tmp_path / "file.h5", kspace, header, calibration_data=calibration)
    with pytest.raises(ValueError, match="kspace has an axis average of 3 entries.*add --axes average=0"):
        open_scans(path)
    words = ["--axes", "average=1", "--slice", "1", "--method", "sense", "-o", tmp_path / "image.npy"]
    code, out, _ = mricourse("reconstruct", path, *words)
    assert code == 0 and "24 x 80 calibration samples filled in" in out
    assert error(np.load(tmp_path / "image.npy").T, 1) < 0.05


@pytest.mark.parametrize("trajectory", ["epi", "spiral", "radial"])
def test_other_trajectories_beside_fastmri_s_kspace_are_refused(tmp_path, trajectory):
    path = write_fastmri(tmp_path / "file.h5", VOLUME, header_xml((80, 72), (80, 72), trajectory=trajectory))
    with pytest.raises(ValueError, match=f"of the trajectory {trajectory}; expected Cartesian lines"):
        open_scans(path)


def test_diffusion_scans_with_their_phase_correction_are_refused(tmp_path):
    header = header_xml((80, 72), (80, 72))
    path = write_fastmri(tmp_path / "file.h5", VOLUME.mT[None], header, phase_correction=np.ones((3, 5, 80)))
    with pytest.raises(ValueError, match="of the trajectory epi; expected Cartesian lines"):
        open_scans(path, axes="average=0")


def test_skmtea_s_readout_is_transformed_already(tmp_path):
    """(x, ky, kz, echo, coil), each x a plane of its own."""
    path = tmp_path / "MTR_005.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = UNDERSAMPLED.numpy().transpose(0, 2, 3, 1)[:, :, :, None].repeat(2, 3)
        file["maps"] = np.ones((3, *SHAPE, N_COILS, 1), "c8")
        file["target"] = np.ones((3, *SHAPE, 2, 1), "c8")
    with pytest.raises(ValueError, match="kspace has an axis echo of 2 entries.*add --axes echo=0"):
        open_scans(path)
    assert same(read_scan(path, 2, axes="echo=1"), UNDERSAMPLED[2])


def test_one_slice_of_coils_is_named_against_the_layout(tmp_path):
    """A file that looks like fastMRI's single coil and is not: the user's word counts."""
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = SLICE
        file["reconstruction_rss"] = np.ones(SHAPE, "f4")
    assert open_scans(tmp_path / "scan.h5").n_slices == N_COILS
    assert same(read_scan(tmp_path / "scan.h5", axes="coil,y,x"), SLICE)


# --- CMRxRecon ---


def test_cmrxrecon_s_names_say_their_axes(tmp_path):
    """MATLAB's (kx, ky, coil, slice, time), reversed in the file."""
    array = UNDERSAMPLED.numpy().transpose(3, 2, 1, 0)[..., None].repeat(2, -1)
    path = write_mat73(tmp_path / "cine.mat", kspace_sub04=array)
    with pytest.raises(ValueError, match="kspace has an axis time of 2 entries"):
        open_scans(path)
    series = open_scans(path, axes="time=1")
    assert series.n_slices == N_SLICES and same(series.scan(1), UNDERSAMPLED[1])
    newer = write_mat73(tmp_path / "newer.mat", kspace=array)
    assert same(read_scan(newer, 2, axes="time=0"), UNDERSAMPLED[2])
    with pytest.raises(ValueError, match="does not tell coils, slices and repetitions apart"):
        open_scans(write_mat73(tmp_path / "other.mat", kspace=array.transpose(4, 3, 2, 1, 0)))
    single = write_mat73(tmp_path / "single.mat", kspace_single_full=array[:, :, 0])
    assert open_scans(single, axes="time=0").scan(2).n_coils == 1


# --- oversampled readouts without a header ---


@pytest.mark.parametrize("axis", [-2, -1])
def test_a_long_readout_with_dark_sides_is_cropped(tmp_path, axis):
    smaps = simulate_coils(3, (64, 300))
    kspace = fft2c(torch.nn.functional.pad(smaps * phantom(0, (64, 300)), (150, 150)))
    kspace = kspace + 1e-3 * random_complex(*kspace.shape)
    np.save(tmp_path / "scan.npy", kspace if axis == -1 else kspace.mT)
    scan = read_scan(tmp_path / "scan.npy")
    expected = fft2c(ifft2c(kspace)[..., 150:450])
    assert torch.allclose(scan.kspace, expected if axis == -1 else expected.mT, atol=1e-4)
    assert scan.meta["notes"] == ("readout oversampling removed (600 to 300)",)


def test_a_long_readout_that_the_object_fills_is_kept(tmp_path):
    np.save(tmp_path / "scan.npy", fft2c(simulate_coils(3, (64, 600)) * phantom(0, (64, 600))))
    assert read_scan(tmp_path / "scan.npy").shape == (64, 600)


# --- volumes ---


@pytest.fixture
def volume(tmp_path):
    np.save(tmp_path / "volume.npy", UNDERSAMPLED.numpy())
    return tmp_path / "volume.npy"


def test_a_volume_becomes_a_volume(volume, tmp_path, mricourse):
    axes = ["--axes", "slice,coil,y,x"]
    code, out, said = mricourse("reconstruct", volume, *axes, "-o", tmp_path / "images.h5")
    assert code == 0 and said == "" and "3 slices, 5 coils, 72 x 80, R = " in out and out.count("\n") == 1
    with h5py.File(tmp_path / "images.h5") as file:
        images = file["image"][()]
    assert images.shape == (3, *SHAPE) and all(error(images[i], i) < 0.05 for i in range(3))
    for i in range(3):
        mricourse("reconstruct", volume, *axes, "--slice", i, "-o", tmp_path / "image.npy")
        assert np.array_equal(np.load(tmp_path / "image.npy"), images[i])


def test_a_picture_shows_one_slice(volume, tmp_path, mricourse):
    axes = ["--axes", "slice,coil,y,x"]
    code, _, said = mricourse("reconstruct", volume, *axes, "-o", tmp_path / "image.png")
    assert code == 2 and "holds 3 slices, and a .png shows one" in said and not (tmp_path / "image.png").exists()
    code, _, said = mricourse("reconstruct", volume, *axes, "--slice", 3, "-o", tmp_path / "image.png")
    assert code == 2 and "has no slice 3; expected 0 to 2" in said
    assert mricourse("reconstruct", volume, *axes, "--slice", 2, "-o", tmp_path / "image.png")[0] == 0


def test_a_bad_slice_is_named_and_nothing_is_written(tmp_path, mricourse):
    spoilt = UNDERSAMPLED.numpy().copy()
    spoilt[2, 0, 0, 0] = np.nan
    np.save(tmp_path / "volume.npy", spoilt)
    words = ["--axes", "slice,coil,y,x", "-o", tmp_path / "images.npy"]
    code, _, said = mricourse("reconstruct", tmp_path / "volume.npy", *words)
    assert code == 2 and "slice 2: kspace holds 1 NaN" in said and not (tmp_path / "images.npy").exists()


def test_a_comparison_takes_every_slice_of_a_volume(tmp_path):
    from mricourse.datasets.scan_files import read_complete

    write_fastmri(tmp_path / "file.h5", VOLUME.mT, header_xml((80, 72), (80, 72)))
    scans = read_complete(tmp_path / "file.h5")
    assert [name for name, _ in scans] == [f"file.h5, slice {i}" for i in range(3)]
    assert all(torch.equal(scan.kspace, VOLUME[i]) for i, (_, scan) in enumerate(scans))
    write_bart(tmp_path / "pair", VOLUME[0].numpy().T[:, :, None])
    assert [name for name, _ in read_complete(tmp_path)][3:] == ["pair.cfl"]


# --- what inspect says is what reconstruct does ---


def test_inspect_says_what_reconstruct_will_take(tmp_path):
    path = write_fastmri(tmp_path / "file.h5", oversampled(VOLUME), header_xml((160, 72), (80, 64)))
    words = "reconstruct takes its 3 slices of 5 coils, 80 x 72, from kspace (slices, coils, kx, ky); readout overs"
    assert words in describe(path)
    scipy.io.savemat(tmp_path / "scan.mat", {"DATA": np.moveaxis(SLICE, 0, -1)})
    words = "reconstruct takes 5 coils, 72 x 80, from kspace (ky, kx, coils); took DATA as kspace; took axis 2 as coils"
    assert words in describe(tmp_path / "scan.mat")
    np.save(tmp_path / "volume.npy", UNDERSAMPLED.numpy())
    assert "reconstruct refuses it: kspace has shape (3, 5, 72, 80), which does not" in describe(
        tmp_path / "volume.npy"
    )
    assert "reconstruct takes 5 coils, 72 x 80" in describe(write_bart(tmp_path / "scan", SLICE.T[:, :, None]))


# --- damage ---


def text(path):
    path.write_text("these are words, and no k-space\n" * 40)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


WHOLE = {
    "scan.cfl": lambda path: write_bart(path, SLICE.T[:, :, None]),
    "scan5.mat": lambda path: scipy.io.savemat(path, {"kspace": SLICE}),
    "scan73.mat": lambda path: write_mat73(path, kspace=SLICE),
    "fast.h5": lambda path: write_fastmri(path, VOLUME, header_xml((80, 72), (80, 72))),
}
DAMAGE = {"cut": cut, "empty": lambda path: path.write_bytes(b""), "text": text}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", WHOLE)
def test_damage_is_one_sentence_that_names_the_file(tmp_path, mricourse, name, damage):
    path = tmp_path / name
    WHOLE[name](path)
    DAMAGE[damage](path)
    before = sorted(tmp_path.iterdir())
    for command in (["reconstruct", path, "-o", tmp_path / "image.npy"], ["data", "inspect", path]):
        code, out, said = mricourse(*command)
        assert code == 2 and out == "" and said.count("\n") == 1 and str(path) in said, said
    assert sorted(tmp_path.iterdir()) == before


WHOLE["small.mat"] = lambda path: scipy.io.savemat(path, {"kspace": SLICE, "s": {"a": 1.0}}, do_compression=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", ["scan.cfl", "scan.hdr", "scan5.mat", "small.mat"])  # of HDF5: tests/test_bad_input.py
def test_a_damaged_byte_or_a_cut_never_surprises(tmp_path, name):
    """A scan, or one sentence of an expected kind; scipy alone ends the process on some damaged .mat files."""
    WHOLE["scan.cfl" if name == "scan.hdr" else name](tmp_path / ("scan.cfl" if name == "scan.hdr" else name))
    path = tmp_path / name
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for i in range(60):
        damaged = bytearray(whole)
        if i % 4 == 0:
            damaged = damaged[: random.integers(1, len(whole))]
        else:
            damaged[random.integers(min(4096, len(whole)))] = random.integers(256)
            damaged[random.integers(min(400, len(whole)))] = random.integers(256)
        path.write_bytes(damaged)
        for look in (read_scan, describe):
            try:
                look(path)
            except (ValueError, TypeError, OSError) as error:
                assert "\n" not in str(error)


EVERYTHING = {
    "cell": np.array([1, "a", SLICE], dtype=object),
    "structs": np.zeros((2, 2), [("f", "O"), ("g", "O")]),
    "sparse": scipy.sparse.csc_matrix(1j * np.eye(4)),
    "words": "日本",
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "deep": {"a": {"b": {"c": 1.0}}},
}


@pytest.mark.parametrize("compressed", [False, True])
def test_whatever_matlab_stores_beside_it_is_no_damage(tmp_path, compressed):
    scipy.io.savemat(tmp_path / "scan.mat", EVERYTHING | {"kspace": SLICE}, do_compression=compressed)
    assert same(read_scan(tmp_path / "scan.mat"), SLICE)


HEADERS = {  # content of a .hdr -> words
    "": "no line of 1 to 16 sizes",
    "# Dimensions\n": "no line of 1 to 16 sizes",
    "# Dimensions\neighty 72 1 5\n": "no line of 1 to 16 sizes",
    "# Dimensions\n80 -72 1 5\n": "no line of 1 to 16 sizes",
    "# Dimensions\n80 72 1 4\n": "scan.hdr announces 80 x 72 x 1 x 4 complex numbers, 184320 bytes",
    "# Dimensions\n80 72 1 5 1 1 1 1 1 1 1 1 1 1 1 1 1\n": "no line of 1 to 16 sizes",
    "# Dimensions\n99999999999999999999 72\n": "no line of 1 to 16 sizes",
}


@pytest.mark.parametrize("content", HEADERS)
def test_a_bart_header_must_fit_its_data(tmp_path, mricourse, content):
    path = write_bart(tmp_path / "scan", SLICE.T[:, :, None])
    path.with_suffix(".hdr").write_text(content)
    for suffix in (".cfl", ".hdr") if content else (".cfl",):  # an empty file is refused before anything reads it
        code, _, said = mricourse("data", "inspect", path.with_suffix(suffix))
        assert code == 2 and said.count("\n") == 1 and HEADERS[content] in said


@pytest.mark.parametrize("missing", [".cfl", ".hdr"])
def test_a_bart_pair_without_its_partner(tmp_path, mricourse, missing):
    path = write_bart(tmp_path / "scan", SLICE.T[:, :, None])
    path.with_suffix(missing).unlink()
    left = path.with_suffix(".hdr" if missing == ".cfl" else ".cfl")
    code, _, said = mricourse("reconstruct", left, "-o", tmp_path / "image.npy")
    assert code == 2 and f"its partner scan{missing} is not beside it" in said and str(left) in said


def test_bart_headers_without_extras(tmp_path):
    (tmp_path / "scan.hdr").write_text("# Dimensions\n80 72 1 5")
    assert read_header(tmp_path / "scan.hdr") == (80, 72, 1, 5)


@pytest.mark.parametrize("header", ["<x/>", "no xml", "", "<a><b></a>"])
def test_a_header_that_says_nothing_changes_nothing(tmp_path, header):
    path = write_fastmri(tmp_path / "file.h5", VOLUME.mT, header)
    assert torch.equal(read_scan(path, 1).kspace, VOLUME[1])


# --- files in the published layouts, where they are on this machine ---

MOCKS = NEARBY / "formats" / "mock"
PUBLISHED = {  # name -> choice, slices, coils, matrix (ky, kx), what a note says
    "fastmri_knee_multicoil_train.h5": (None, 3, 4, (46, 32), "readout oversampling removed (64 to 32)"),
    "fastmri_knee_multicoil_test.h5": (None, 3, 4, (46, 32), "readout oversampling removed (64 to 32)"),
    "fastmri_brain_multicoil_train.h5": (None, 3, 4, (46, 32), "readout oversampling removed (64 to 32)"),
    "fastmri_knee_singlecoil_val.h5": (None, 3, 1, (46, 32), "slices of a single coil"),
    "fastmri_prostate_t2.h5": ("average=1", 2, 4, (45, 32), "readout oversampling removed (64 to 32)"),
    "cmrx2023_cine_sax_full.mat": ("time=3", 3, 10, (20, 24), "took kspace_full as kspace"),
    "cmrx2023_cine_sax_acc04.mat": ("time=0", 3, 10, (20, 24), "took kspace_sub04 as kspace"),
    "cmrx2023_single_full.mat": ("time=0", 3, 1, (20, 24), "took kspace_single_full as kspace"),
    "cmrx2024_blackblood_full.mat": (None, 3, 10, (20, 24), "took kspace_full as kspace"),
    "cmrx2025_cine_sax.mat": ("time=0", 3, 10, (20, 24), "as CMRxRecon stores them"),
    "MTR_005.h5": ("echo=1", 4, 8, (32, 24), ""),
}


@pytest.mark.skipif(not MOCKS.is_dir(), reason="there are no files in the published layouts beside the checkout")
@pytest.mark.parametrize("name", PUBLISHED)
def test_files_in_the_published_layouts(monkeypatch, name):
    for module in ("axes", "kspace_arrays", "array_checks"):
        monkeypatch.setattr(f"mricourse.datasets.{module}.MIN_SIZE", 16)  # they are small
    axes, n_slices, n_coils, shape, note = PUBLISHED[name]
    series = open_scans(MOCKS / name, axes=axes)
    scan = series.scan(n_slices - 1)
    assert (series.n_slices, scan.n_coils, scan.shape) == (n_slices, n_coils, shape)
    assert note in "; ".join(scan.meta["notes"])


@pytest.mark.skipif(find("larson_head") is None, reason="the published files of larson_head are not on this machine")
def test_a_published_matlab_file(tmp_path, mricourse):
    [path] = find("larson_head")
    values = torch.from_numpy(scipy.io.loadmat(path)["data"].astype("c8"))
    assert torch.equal(read_scan(path).kspace[0], values)
    code, out, _ = mricourse("reconstruct", path, "--method", "sense", "--reg-weight", 0, "-o", tmp_path / "image.npy")
    truth = ifft2c(values)
    assert code == 0 and "1 coil, 256 x 256" in out and "took data as kspace" in out
    assert float((torch.from_numpy(np.load(tmp_path / "image.npy")) - truth).norm() / truth.norm()) < 1e-4
