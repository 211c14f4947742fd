"""Contrasts of one slice: registered, with masks, phases, noise and textures of their own; the controls; real ones."""

from dataclasses import replace

import pytest
import torch

from mricourse.datasets.real import load_open_ms
from mricourse.physics.fourier import fft2c
from mricourse.physics.sampling import acceleration_of
from mricourse.simulate.anatomy import load_anatomy
from mricourse.simulate.lesions import Lesion, insert_lesion
from mricourse.simulate.motion import moved_along_y
from mricourse.simulate.multi_contrast import HEAD, ContrastScans
from mricourse.simulate.random_draws import generator_for, place_in_split
from mricourse.simulate.randomised import random_slice
from mricourse.simulate.registered_contrasts import (
    contrast_masks,
    measure_contrasts,
    scan_contrasts,
    with_matrix,
    with_strangers,
)
from mricourse.simulate.texture import measured_texture, unrelated_texture

SHAPE = (72, 64)


def scans(**options):
    return ContrastScans("train", 5, **{"shape": SHAPE} | options)


def anatomy_of(data, index):
    """Texture and tissue shares of a draw, as the simulator has them."""
    name, subject = place_in_split(data.split, index, data.seed)
    anatomy = load_anatomy(name)
    channels, _ = random_slice(anatomy, tuple(data.shape), generator_for(subject, "slice"))
    return measured_texture(anatomy, channels), channels[1:]


def correlation(a, b):
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1])


def test_a_slice_depends_on_its_number_alone():
    first, again, other = scans()[7], scans()[7], scans()[8]
    assert first.contrasts == HEAD and first.kspace.shape == (3, 1, *SHAPE)
    assert torch.equal(first.kspace, again.kspace) and torch.equal(first.reference, again.reference)
    assert not torch.equal(first.reference, other.reference)
    for changed in (replace(scans(), seed=6), scans().to_judge("test", 5)):
        assert not torch.equal(first.reference, changed[7].reference)
    anatomies = {each.meta["anatomy"] for i in range(8) for each in scans().to_judge("test", 1)[i].scans.values()}
    assert anatomies == {"s1"}


def test_each_scan_is_what_its_operator_measures_plus_noise():
    scan = scans(noise_std=(0.004, 0.004))[3]
    errors = []
    for each in scan.scans.values():
        assert each.reference.abs().max() == pytest.approx(1) and bool((each.smaps == 1).all())
        sampled = each.mask.expand(SHAPE)
        errors.append((each.kspace[0] - fft2c(each.reference))[sampled])
        assert float(torch.view_as_real(errors[-1]).std()) == pytest.approx(0.004, rel=0.1)
    assert not torch.allclose(errors[0][:64], errors[1][:64]), "noise of its own"


def test_contrasts_share_edges_and_no_phase():
    registered, phases = [], []
    for index in range(4):
        t1w, t2w, _ = scans()[index].reference
        gradients = [image.abs().diff(dim=0).abs()[:, :-1] for image in (t1w, t2w)]
        moved = gradients[1].roll(5, 0)
        registered.append(correlation(gradients[0].flatten(), gradients[1].flatten()))
        assert registered[-1] > correlation(gradients[0].flatten(), moved.flatten()) + 0.1
    for index in range(12):
        image = scans()[index].reference
        inside = (image.abs() > 0.05).all(0)
        phases += [correlation(image[0][inside].angle(), other[inside].angle()) for other in image[1:]]
    assert min(registered) > 0.3
    assert min(phases) < -0.3 and max(phases) > 0.3 and abs(sum(phases) / 24) < 0.35, "by chance, not by anatomy"


@pytest.mark.parametrize(("shared", "low", "high"), [(1.0, 0.85, 1.0), (0.5, 0.2, 0.75), (0.0, -0.25, 0.25)])
def test_partners_do_not_share_one_texture(shared, low, high):
    """The trap: rendered from one T1 texture, each contrast is a function of the other, which no real one is."""
    found = []
    for index in range(6):
        data = scans(shared_texture=shared)
        texture, (wm, *_) = anatomy_of(data, index)
        pure = wm > 0.97
        if int(pure.sum()) < 150:
            continue
        t1w, t2w = (image.abs()[pure] for image in data[index].reference[:2])
        assert correlation(t1w, texture[pure]) > 0.85, "T1w keeps the measured one"
        found += [abs(correlation(t1w, t2w)) if shared == 1 else -correlation(t1w, t2w)]
    assert len(found) >= 3 and low < sorted(found)[len(found) // 2] < high, found


def test_flair_has_hardly_more_of_its_partners_texture_than_measured_ones():
    """In the open_ms patients it correlates by -0.2 to 0.2 with either."""
    found = []
    for index in range(8):
        pure = anatomy_of(scans(), index)[1][0] > 0.97
        if int(pure.sum()) >= 150:
            t1w, t2w, flair = (image.abs()[pure] for image in scans()[index].reference)
            found.append((correlation(t1w, flair), correlation(t2w, flair)))
    assert len(found) >= 4 and torch.tensor(found).median(0).values.abs().max() < 0.2, found


def test_an_unrelated_texture_is_as_strong_in_the_same_places():
    texture, (wm, *_) = anatomy_of(scans(shape=(128, 128)), 0)
    drawn = unrelated_texture(texture, torch.Generator().manual_seed(0))
    assert torch.equal(drawn == 0, texture == 0) and float(drawn.norm() / texture.norm()) == pytest.approx(1, rel=0.1)
    inside = texture != 0
    assert float(drawn[wm > 0.97].norm() / texture[wm > 0.97].norm()) == pytest.approx(1, rel=0.25)
    assert abs(correlation(drawn[inside], texture[inside])) < 0.2
    assert not unrelated_texture(torch.zeros(8, 9), torch.Generator()).any()


# --- masks and controls


@pytest.mark.parametrize("ny", [64, 72, 101, 128])
def test_complementary_masks_meet_in_the_centre_alone(ny):
    def drawn(masks):
        return contrast_masks(ny, 3, 4, masks=masks, generator=torch.Generator().manual_seed(ny))

    acs = round(0.08 * ny)
    apart, same = drawn("complementary"), drawn("same")
    assert all(torch.equal(mask, apart[0]) for mask in same), "one of them for all"
    assert {int(mask.sum()) for mask in apart} == {round(ny / 4)}
    assert int(sum(mask.int() for mask in apart).eq(3).sum()) == acs
    assert int(sum(mask.int() for mask in apart).eq(2).sum()) == 0
    assert int(torch.stack(apart).any(0).sum()) == acs + 3 * (round(ny / 4) - acs)


def test_a_recipe_may_ask_for_the_same_mask():
    apart, same = scans()[2], scans(masks="same")[2]
    assert not torch.equal(apart.mask[0], apart.mask[1]) and torch.equal(same.mask[0], same.mask[2])
    assert torch.equal(apart.reference, same.reference) and torch.equal(apart.mask[0], same.mask[0])
    assert all(acceleration_of(each.mask) == pytest.approx(4, rel=0.01) for each in apart.scans.values())


def test_shuffled_partners_are_of_other_slices_and_subjects():
    plain, shuffled = scans()[4], scans(shuffled=True)[4]
    assert torch.equal(plain.scans["T1w"].reference.abs(), shuffled.scans["T1w"].reference.abs())
    slices = {tuple(each.meta[key] for key in ("anatomy", "plane", "slice_index")) for each in shuffled.scans.values()}
    assert len(slices) == 3 and shuffled.meta["shuffled"]
    assert len({each.meta["slice_index"] for each in plain.scans.values()}) == 1
    assert torch.equal(plain.mask, shuffled.mask), "nothing else changes"


def test_a_shift_moves_the_contrasts_apart():
    plain, moved = scans(noise_std=(1e-6, 1e-6))[1], scans(noise_std=(1e-6, 1e-6), shift=2.5)[1]
    for number, distance in enumerate((-2.5, 0, 2.5)):
        expected = moved_along_y(plain.reference[number], distance) if distance else plain.reference[number]
        assert torch.allclose(moved.reference[number], expected, atol=1e-5)
    assert torch.allclose(moved.kspace, moved.mask * fft2c(moved.reference)[:, None], atol=1e-4)


def test_a_lesion_may_show_in_one_contrast_alone():
    data = scans(noise_std=(1e-6, 1e-6))
    index = next(i for i in range(20) if int((anatomy_of(data, i)[1][0] > 0.9).sum()) > 200)
    plain, changed = data[index], data.draw(index, lesion=Lesion(radius_mm=8, visible_in=("FLAIR",)))
    ratio = changed.scans["FLAIR"].reference.abs().max() / plain.scans["FLAIR"].reference.abs().max()
    where = changed.scans["FLAIR"].meta["lesion_mask"]
    assert int(where.sum()) > 20 and ratio == pytest.approx(1)
    for contrast in ("T1w", "T2w"):
        assert torch.equal(plain.scans[contrast].reference, changed.scans[contrast].reference)
        assert not changed.scans[contrast].meta["lesion_mask"].any()
    flair, before = changed.scans["FLAIR"].reference.abs(), plain.scans["FLAIR"].reference.abs()
    factor = float((before[~where] * flair[~where]).sum() / flair[~where].square().sum())  # of the new maximum
    assert torch.allclose(factor * flair[~where], before[~where], atol=1e-4)
    assert float((factor * flair - before)[where].abs().mean()) > 0.02
    assert "lesion_mask" not in plain.scans["FLAIR"].meta


def test_a_lesion_in_shifted_contrasts_is_refused():
    with pytest.raises(ValueError, match="got a lesion and shift=2.0; expected one of the two"):
        scans(shift=2.0).draw(0, lesion=Lesion())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shape": (16, 128)}, "shape is"),
        ({"noise_std": (0.0, 0.1)}, "noise_std is"),
        ({"masks": "different"}, "masks is 'different'; expected 'complementary' or 'same'"),
        ({"acceleration": 2}, "acceleration is 2 for 3 complementary masks of 72 lines; expected"),
        ({"acceleration": 40, "masks": "same"}, "acceleration is 40"),
        ({"acceleration": 0}, "acceleration is 0"),
        ({"shared_texture": 1.5}, "shared_texture is 1.5; expected a number from 0 to 1"),
        ({"shift": 50.0}, "shift is 50.0"),
    ],
)
def test_what_no_scan_can_have_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        scans(**wrong)


# --- measured magnitudes


def test_real_contrasts_become_scans_of_simulated_kspace():
    volumes = load_open_ms("07")
    scan = scan_contrasts(volumes.slice_images(6), acceleration=4, masks="same", noise_std=1e-6, seed=3)
    assert scan.contrasts == HEAD and scan.shape == (218, 182) and "k-space" in scan.meta["simulated"]
    t1 = volumes.t1[6]
    assert torch.allclose(scan.scans["T1w"].reference.abs(), t1 / t1.max(), atol=1e-6)
    assert scan.scans["T1w"].reference.angle().std() > 0.02, "with a phase of its own"
    assert torch.allclose(scan.kspace, scan.mask * fft2c(scan.reference)[:, None], atol=1e-4)
    again = scan_contrasts(volumes.slice_images(6), acceleration=4, masks="same", noise_std=1e-6, seed=3)
    assert torch.equal(scan.kspace, again.kspace)
    small = scan_contrasts(volumes.slice_images(6), shape=(128, 128), seed=3)
    assert small.shape == (128, 128)
    with pytest.raises(ValueError, match="expected one size, of registered images"):
        scan_contrasts({"T1w": t1, "T2w": t1[:-1]})


@pytest.mark.parametrize(("old", "new"), [((96, 80), (48, 48)), ((95, 81), (64, 50)), ((64, 64), (64, 64))])
def test_another_matrix_keeps_the_mean_and_the_place(old, new):
    y, x = torch.meshgrid(torch.arange(old[0]) - old[0] // 2, torch.arange(old[1]) - old[1] // 2, indexing="ij")
    blob = torch.exp(-(y.square() + x.square()) / 128.0)
    coarser = max(old[0] / new[0], old[1] / new[1])
    image = with_matrix(blob, new)
    assert image.shape == new and float(image.max()) == pytest.approx(1, abs=0.03)
    assert tuple(int(i[0]) for i in torch.nonzero(image == image.max()).T) == (new[0] // 2, new[1] // 2)
    assert float(image.sum()) * coarser**2 == pytest.approx(float(blob.sum()), rel=0.05)
    with pytest.raises(ValueError, match="expected a matrix no larger than that"):
        with_matrix(blob, (old[0] + 9, old[1] + 9))


def test_a_lesion_is_inserted_into_one_measured_contrast():
    flair = load_open_ms("19").slice_images(4)["FLAIR"]
    changed, where = insert_lesion(flair, centre=(110, 90), radius=4, level=float(flair.max()), seed=1)
    assert torch.equal(changed[~where], flair[~where]) and changed[110, 90] == flair.max() and 30 < where.sum() < 120
    for wrong in ({"centre": (300, 4), "radius": 4}, {"centre": (10, 4), "radius": 0}):
        with pytest.raises(ValueError, match="expected a centre inside"):
            insert_lesion(flair, **wrong, level=1.0)


# --- measured again


def test_measuring_again_draws_the_same_lines_and_noise():
    images = torch.stack([scans()[number].reference for number in range(2)])
    case = measure_contrasts(images, noise_std=0.01, seed=4)
    assert case.kspace.shape == (2, 3, 1, *SHAPE) and case.A.mask.shape == (2, 3, 1, SHAPE[0], 1)
    other = measure_contrasts(2 * images, noise_std=0.01, seed=4)
    assert torch.allclose(other.kspace - case.kspace, case.A.forward(images), atol=1e-5), "the same noise"
    same = measure_contrasts(images, noise_std=0.01, masks="same", seed=4)
    assert torch.equal(same.A.mask[:, 0], case.A.mask[:, 0]) and torch.equal(same.A.mask[:, 1], same.A.mask[:, 0])
    assert torch.equal(same.kspace[:, 0], case.kspace[:, 0])
    shared = case.A.mask.sum(1).amax((-3, -2, -1))
    assert shared.tolist() == [3, 3] and int((case.A.mask.sum(1) > 1).sum()) == 2 * round(0.08 * SHAPE[0])
    assert not torch.equal(case.A.mask[0], case.A.mask[1]), "each slice has lines of its own"
    clean = measure_contrasts(images, noise_std=0.0)
    assert torch.allclose(clean.kspace, clean.A.forward(images), atol=1e-5)
    with pytest.raises(ValueError, match="expected complex ones, .slices, contrasts, y, x."):
        measure_contrasts(images[0])
    with pytest.raises(ValueError, match="noise_std is -1"):
        measure_contrasts(images, noise_std=-1)


def test_strangers_replace_all_but_one_contrast():
    images = torch.arange(6.0).reshape(3, 2, 1, 1).expand(3, 2, 4, 5)
    found = with_strangers(images, 1)
    assert found[:, :, 0, 0].tolist() == [[2, 1], [4, 3], [0, 5]]
    assert with_strangers(images, 0, step=2)[:, 1, 0, 0].tolist() == [5, 1, 3]
    with pytest.raises(ValueError, match="step is 3 among 3 slices"):
        with_strangers(images, 0, step=3)
    with pytest.raises(ValueError, match="kept is 2"):
        with_strangers(images, 2)
