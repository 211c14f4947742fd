"""The wavelet transforms are PyWavelets', orthonormal where sizes allow, and precise."""

import pytest
import pywt
import torch

from mricourse.physics.fourier import random_complex
from mricourse.reconstruct.wavelets import wavedec2, wavelet_image, waverec2

EXACT = {"rtol": 0, "atol": 1e-13}


@pytest.mark.parametrize("wavelet", ["haar", "db2", "db3", "db4", "sym5", "coif1"])
@pytest.mark.parametrize("shape", [(64, 48), (2, 33, 50), (2, 3, 37, 51), (40, 101)])
def test_the_transforms_are_those_of_pywavelets(wavelet, shape):
    image = random_complex(*shape, dtype=torch.complex128)
    levels = pywt.dwt_max_level(min(shape[-2:]), wavelet)
    theirs = pywt.wavedec2(image.numpy(), wavelet, mode="periodization", level=levels)
    coarse, *details = wavedec2(image, wavelet, levels=levels)
    torch.testing.assert_close(coarse, torch.from_numpy(theirs[0]), **EXACT)
    assert len(details) == levels > 0
    for ours, bands in zip(details, theirs[1:], strict=True):
        for band, expected in zip(ours, bands, strict=True):
            torch.testing.assert_close(band, torch.from_numpy(expected), **EXACT)
    together = torch.from_numpy(pywt.waverec2(theirs, wavelet, mode="periodization"))
    torch.testing.assert_close(waverec2([coarse, *details], wavelet), together, **EXACT)


def test_changed_coefficients_are_put_together_as_pywavelets_does():
    sizes = [bands.shape[1:] for bands in wavedec2(torch.zeros(48, 80), "db4", levels=2)[1:]]
    coarse, *details = random_complex(*sizes[0]), *(random_complex(3, *size) for size in sizes)
    theirs = pywt.waverec2([coarse.numpy(), *map(tuple, (bands.numpy() for bands in details))], "db4", "periodization")
    torch.testing.assert_close(waverec2([coarse, *details], "db4"), torch.from_numpy(theirs))


@pytest.mark.parametrize("wavelet", ["haar", "db2", "db4"])
def test_the_transform_is_orthonormal_where_the_sizes_divide(wavelet):
    u, v = (random_complex(3, 48, 32, seed=seed, dtype=torch.complex128) for seed in (0, 1))
    transformed = [torch.cat([c.flatten() for c in wavedec2(x, wavelet, levels=3)]) for x in (u, v)]
    torch.testing.assert_close(torch.vdot(*transformed), torch.vdot(u.flatten(), v.flatten()), rtol=1e-13, atol=0)
    assert transformed[0].numel() == u.numel()
    torch.testing.assert_close(waverec2(wavedec2(u, wavelet, levels=3), wavelet), u, **EXACT)


def test_the_layout_is_that_of_pywavelets():
    image = torch.rand(2, 48, 32)
    theirs = pywt.wavedec2(image.numpy(), "db2", mode="periodization", level=3)
    laid_out = torch.from_numpy(pywt.coeffs_to_array(theirs, axes=(-2, -1))[0])
    torch.testing.assert_close(wavelet_image(wavedec2(image, "db2", levels=3)), laid_out)


def test_gradients_are_right():
    image = random_complex(6, 5, dtype=torch.complex128).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(wavedec2(x, "db2", levels=2)), image)
    coefficients = [c.detach().requires_grad_() for c in wavedec2(image, "db2", levels=2)]
    assert torch.autograd.gradcheck(lambda *c: waverec2(c, "db2"), coefficients)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_numbers_keep_their_kind(dtype):
    image = random_complex(8, 12, dtype=torch.complex128).to(dtype) if dtype.is_complex else torch.rand(8, 12).to(dtype)
    coefficients = wavedec2(image, levels=2)
    assert {c.dtype for c in coefficients} == {dtype}
    assert waverec2(coefficients).dtype == dtype


def test_a_level_of_none_is_the_image():
    image = torch.rand(5, 7)
    [same] = wavedec2(image, levels=0)
    assert same is image and waverec2([image]) is image


def test_a_filter_longer_than_the_axis_goes_around_it():
    image = random_complex(6, 2, dtype=torch.complex128)
    theirs = pywt.dwt2(image.numpy(), "db4", "periodization")
    coarse, details = wavedec2(image, "db4", levels=1)
    torch.testing.assert_close(coarse, torch.from_numpy(theirs[0]), **EXACT)
    torch.testing.assert_close(details[2], torch.from_numpy(theirs[1][2]), **EXACT)


@pytest.mark.parametrize(
    ("sentence", "arguments"),
    [
        (r"shape \(4,\); expected \(..., y, x\)", {"image": torch.ones(4)}),
        (r"shape \(0, 4\); expected .* at least one pixel", {"image": torch.ones(0, 4)}),
        ("levels is -1; expected 0 or more", {"image": torch.ones(4, 4), "levels": -1}),
        ("'bior2.2'; expected an orthogonal one", {"image": torch.ones(4, 4), "wavelet": "bior2.2"}),
        ("Unknown wavelet name 'db99'", {"image": torch.ones(4, 4), "wavelet": "db99"}),
    ],
)
def test_bad_input_is_refused(sentence, arguments):
    with pytest.raises(ValueError, match=sentence):
        wavedec2(**arguments)


def test_details_that_do_not_follow_are_refused():
    with pytest.raises(
        ValueError, match=r"approximation of shape \(4, 4\) is followed by details of shape \(2, 4, 4\)"
    ):
        waverec2([torch.ones(4, 4), torch.ones(2, 4, 4)])
    for size in (2, 8):
        with pytest.raises(ValueError, match=rf"details of shape \(3, {size}, 4\); expected \(3, 4, 4\)"):
            waverec2([torch.ones(4, 4), torch.ones(3, size, 4)])
