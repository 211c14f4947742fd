"""Simulated people: what they share, what differs between sites, and what a seed fixes."""

from dataclasses import replace

import pytest
import torch

from mricourse import fft2c
from mricourse.simulate import SITES, Site, draw_subjects, scan_cohort, site_mask, subject_images

SMALL = {"n_slices": 2, "shape": (33, 28)}


@pytest.fixture(scope="module")
def people():
    return draw_subjects(400, seed=4)


def test_a_seed_names_the_people(people):
    assert draw_subjects(5, seed=4) == people[:5]
    assert draw_subjects(5, seed=5) != people[:5]


def test_sites_differ_in_age_share_and_patients(people):
    for site in SITES:
        there = [each for each in people if each.site == site]
        ages = torch.tensor([each.age_years for each in there])
        ill = sum(each.patient for each in there) / len(there)
        assert abs(len(there) / 400 - site.share) < 0.1
        assert abs(ages.mean() - site.age_years[0]) < 3 and abs(ill - site.patients) < 0.1
        assert site_mask(site, (48, 48)).double().mean() == pytest.approx(1 / site.acceleration, abs=0.02)


def test_heads_are_those_of_the_training_split(people):
    assert {each.anatomy for each in people} == {"mni152", "colin27"}


def test_scans_have_the_lines_of_their_site(people):
    cohort = scan_cohort(people[:6], **SMALL)
    assert cohort.references.shape == (6, 2, 33, 28) and cohort.masks.shape == (6, 1, 33, 1)
    assert bool((cohort.kspace[~cohort.masks.expand_as(cohort.kspace)] == 0).all())
    noise = cohort.kspace - torch.where(cohort.masks, fft2c(cohort.references), 0)
    for number, each in enumerate(people[:6]):
        measured = noise[number][cohort.masks[number].expand(2, 33, 28)]
        assert measured.real.std() == pytest.approx(0.01 * 3 / each.site.b0_t, rel=0.12)


def same_person(person, **changes):
    images = subject_images(replace(person, **changes), **SMALL).abs()
    return images.mean()


def test_one_thing_changes_at_a_time(people):
    """Age takes grey matter, which is brighter than fluid on T1w; a lower field makes T1 shorter, and brighter."""
    person = people[0]
    young, old = (same_person(person, age_years=age) for age in (25.0, 85.0))
    assert 0.8 * young < old < young
    low, high = (same_person(person, site=Site("any", b0_t=field)) for field in (1.5, 3.0))
    assert low > 1.05 * high
    assert same_person(person, patient=True) == same_person(person, patient=False)


def test_slices_of_one_person_are_nearer_than_strangers(people):
    cohort = scan_cohort(people[:12], n_slices=3, shape=(40, 40))
    pictures = cohort.references.abs().flatten(0, 1).flatten(1)
    whose = torch.arange(12).repeat_interleave(3)
    distances = torch.cdist(pictures, pictures).fill_diagonal_(float("inf"))
    assert (whose[distances.argmin(1)] == whose).double().mean() > 0.8


@pytest.mark.parametrize("bad", [{"n": 0}, {"n": 3, "sites": ()}, {"n": 3, "sites": (Site("a", share=0.0),)}])
def test_nobody_from_nowhere(bad):
    with pytest.raises(ValueError, match="shares"):
        draw_subjects(**bad, seed=0)


def test_nobody_is_scanned():
    with pytest.raises(ValueError, match="draw_subjects"):
        scan_cohort([])
