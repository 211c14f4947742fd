"""Objectives without a reference: none is looked at, what is hidden stays hidden, and each is what its paper says."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.networks.dncnn import DnCNN
from mricourse.networks.image_domain import ImageDomain
from mricourse.networks.reconstructor import Reconstructor
from mricourse.physics.fourier import fft2c, ifft2c, random_complex
from mricourse.physics.line_densities import drawn_lines
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask, variable_density_mask
from mricourse.physics.scan import Scan, stack
from mricourse.simulate.measured_once import MeasuredOnce
from mricourse.simulate.task_scans import TaskScans
from mricourse.training import run
from mricourse.training.checkpoints import load_checkpoint
from mricourse.training.loop import Settings, train, validate
from mricourse.training.losses import mse
from mricourse.training.objectives import OBJECTIVES, WITHOUT_REFERENCE, make_objective
from mricourse.training.recipes import RECIPES, load_recipe, parse_recipe, unseen_scans
from mricourse.training.self_supervised import (
    SSDU,
    AllSamples,
    Equivariant,
    Noise2Noise,
    SelfSupervised,
    WeightedSSDU,
    held_out_db,
    l1_l2,
    turned_by_chance,
)

SCANS = MeasuredOnce("train", 3, shape=(40, 36), acs=6, acceleration=3, noise_std=(0.004, 0.01), n_scans=4)
COILS = replace(SCANS, n_coils=3, acs=12, acceleration=2)
TWICE = replace(SCANS, acceleration=1, repetitions=2)
SETTINGS = Settings(n_steps=6, batch_size=2, learning_rate=3e-3, warmup=2, validate_every=3, save_every=3)
OBJECTIVES_HERE = {name: make_objective(name, density=SCANS.density()) for name in WITHOUT_REFERENCE}


def scans_of(name):
    return TWICE if name == "noise2noise" else SCANS


def network_for(name, seed=0):
    torch.manual_seed(seed)
    if name == "noise2noise":
        return ImageDomain(DnCNN(n_features=4, n_layers=3))
    return AdaptiveMoDL(n_iterations=2, n_features=4, n_layers=3, n_cg=4, solver="direct", recompute=False)


def batch_of(scans, n=2):
    [batch] = stack([scans[number] for number in range(n)])
    return batch


class Changed:
    """The same scans with another reference, or none."""

    def __init__(self, scans, change):
        self.scans, self.change = scans, change

    def __getitem__(self, index):
        return replace(self.scans[index], reference=self.change(self.scans[index].reference))


class WithNan:
    """An objective that is shown nan in the place of every reference, which a `Scan` would refuse."""

    def __init__(self, objective):
        self.objective = objective

    def __call__(self, network, batch):
        return self.objective(network, self.spoilt(batch))

    def judge(self, network, batch):
        return self.objective.judge(network, self.spoilt(batch))

    def spoilt(self, batch):
        return batch._replace(reference=torch.full_like(batch.kspace[:, 0], math.nan))


# --- no reference is touched


@pytest.mark.parametrize("name", WITHOUT_REFERENCE)
def test_the_reference_is_never_looked_at(name):
    """With none, with nan and with another slice in its place a training gives the same weights, bit by bit."""
    scans, objective = scans_of(name), OBJECTIVES_HERE[name]
    others = [
        (Changed(scans, lambda reference: None), objective),
        (Changed(scans, lambda reference: reference.flip(-1).roll(7, -2) * 3j), objective),
        (scans, WithNan(objective)),
    ]

    def trained(samples, objective):
        network = network_for(name)
        history = train(network, samples, SETTINGS, objective=objective, validation=[samples[2], samples[3]])
        return network.state_dict(), [row["held_out"] for row in history.rows]

    weights, scores = trained(scans, objective)
    for each in others:
        same_weights, same_scores = trained(*each)
        assert scores == same_scores and all(torch.equal(weights[key], same_weights[key]) for key in weights)


@pytest.mark.parametrize("name", WITHOUT_REFERENCE)
def test_the_best_step_is_that_of_held_out_samples(name):
    scans, network, objective = scans_of(name), network_for(name), OBJECTIVES_HERE[name]
    assert isinstance(objective, SelfSupervised)
    validation = [scans[3]]
    history = train(network, scans, SETTINGS, objective=objective, validation=validation)
    assert all("held_out" in row and "validation" not in row for row in history.rows)
    best = max(history.rows, key=lambda row: row["held_out"])
    assert history.best_step == best["step"]
    assert validate(network, validation, judge=objective.judge) == pytest.approx(best["held_out"], abs=1e-4)


@pytest.mark.parametrize("name", WITHOUT_REFERENCE)
def test_a_judge_always_asks_for_the_same_samples(name):
    network, objective, batch = network_for(name).eval(), OBJECTIVES_HERE[name], batch_of(scans_of(name), 1)
    with torch.no_grad():
        assert objective.judge(network, batch) == objective.judge(network, batch)


def test_supervised_objectives_are_judged_by_references_and_need_them():
    assert not isinstance(make_objective("log_nmse"), SelfSupervised) and not isinstance(AllSamples(), SelfSupervised)
    with pytest.raises(ValueError, match="the scans have no reference; expected one"):
        AllSamples()(network_for("ssdu"), batch_of(SCANS)._replace(reference=None))
    with pytest.raises(ValueError, match="a scan has no reference; expected one in each"):
        validate(network_for("ssdu"), [replace(SCANS[0], reference=None)])


# --- what is hidden stays hidden


@pytest.mark.parametrize("scans", [SCANS, COILS], ids=["one coil", "three coils"])
@pytest.mark.parametrize("number", [0, 3])
def test_corrupting_the_hidden_samples_leaves_split_and_output_unchanged(scans, number):
    network, objective, batch = network_for("ssdu").eval(), SSDU(n_splits=7), batch_of(scans)
    parts = objective.parts(batch, number)
    noise = 1e3 * random_complex(*batch.kspace.shape, seed=5)
    corrupt = objective.parts(batch._replace(kspace=torch.where(parts.hidden, noise, batch.kspace)), number)
    assert torch.equal(parts.hidden, corrupt.hidden)
    assert torch.equal(parts.predict(network), corrupt.predict(network))
    assert not torch.equal(parts.measured, corrupt.measured)


def test_corrupting_the_hidden_lines_leaves_split_and_output_unchanged():
    network, objective, batch = network_for("ssdu").eval(), WeightedSSDU(SCANS.density()), batch_of(SCANS)
    generators = [[torch.Generator().manual_seed(seed) for seed in (1, 2)] for _ in range(2)]
    parts = objective.parts(batch, generators[0])
    assert parts.hidden.any()
    kspace = torch.where(parts.hidden, 1e3 * random_complex(*batch.kspace.shape, seed=5), batch.kspace)
    corrupt = objective.parts(batch._replace(kspace=kspace), generators[1])
    assert torch.equal(parts.hidden, corrupt.hidden)
    assert torch.equal(parts.predict(network), corrupt.predict(network))


@pytest.mark.parametrize("scans", [SCANS, COILS], ids=["one coil", "three coils"])
def test_given_and_hidden_are_disjoint_and_together_what_was_measured(scans):
    batch = batch_of(scans)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    for parts in (SSDU().parts(batch), WeightedSSDU(scans.density()).parts(batch, generators)):
        hidden, given = torch.broadcast_tensors(parts.hidden, parts.A.mask)
        assert not (hidden & given).any()
        assert torch.equal(hidden | given, batch.A.mask.expand_as(hidden))
    share = SSDU().parts(batch).hidden.sum((-3, -2, -1)) / batch.A.mask.expand(-1, -1, 40, 36).sum((-3, -2, -1))
    assert share == pytest.approx(torch.full((2,), 0.4), abs=0.01)


def test_a_scan_keeps_its_split_and_of_several_has_several():
    batch = batch_of(SCANS)
    first, again, other = SSDU().parts(batch), SSDU().parts(batch), SSDU().parts(batch, 1)
    assert torch.equal(first.hidden, again.hidden) and not torch.equal(first.hidden, other.hidden)
    assert not torch.equal(first.hidden[0], first.hidden[1]), "each scan has one of its own"
    alone = SSDU().parts(batch_of(SCANS, 1))
    assert torch.equal(alone.hidden[0], first.hidden[0]), "whatever else is in the batch"


def test_at_the_end_the_network_is_given_all_samples():
    """Data consistency of an image that is reconstructed, unlike that of a training step, uses all of Omega."""
    network, batch = network_for("ssdu").eval(), batch_of(SCANS, 1)
    parts = SSDU().parts(batch)
    changed = batch.kspace + torch.where(parts.hidden, 0.1, 0)
    with torch.no_grad():
        assert not torch.equal(network(batch.A, batch.kspace), network(batch.A, changed))


# --- each is what its paper says


class Fixed(nn.Module, Reconstructor):
    """A network whose image does not depend on what it is given, but learns one number."""

    def __init__(self, image):
        super().__init__()
        self.image, self.factor = image, nn.Parameter(torch.tensor(1.0))

    def forward(self, A, kspace, *, trace=None):
        return self.factor * self.image


def value_and_gradient(objective, network, batch):
    torch.manual_seed(4)
    network.zero_grad()
    value = objective(network, batch)
    value.backward()
    return value.detach(), [parameter.grad.clone() for parameter in network.parameters()]


def plain_ssdu(network, batch):
    total = 0
    hidden = SSDU().parts(batch).hidden
    for scan in range(len(batch.kspace)):
        smaps, mask, y = batch.A.smaps[scan], batch.A.mask[scan], batch.kspace[scan]
        given = SenseOperator(smaps, mask & ~hidden[scan])
        image = network(given, given.mask * y)
        u = y[:, hidden[scan, 0]]
        v = fft2c(smaps * image)[:, hidden[scan, 0]]
        parts = [torch.cat([(u - v).real, (u - v).imag]), torch.cat([u.real, u.imag])]
        total = total + 0.5 * parts[0].norm() / parts[1].norm()
        total = total + 0.5 * parts[0].abs().sum() / parts[1].abs().sum()
    return total / len(batch.kspace)


def plain_weighted(network, batch):
    objective, total = WeightedSSDU(SCANS.density()), 0
    P, kept = SCANS.density(), objective.kept
    K = (1 - P) / (1 - kept * P).clamp_min(1e-12)
    weight = torch.where(P < 1, (1 - K).clamp_min(1e-12) ** -0.5, 0).float()
    generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
    for scan in range(len(batch.kspace)):
        y, mask = batch.kspace[scan], batch.A.mask[scan, 0]
        given = SenseOperator(batch.A.smaps[scan], mask & drawn_lines(kept, generator))
        predicted = fft2c(batch.A.smaps[scan] * network(given, given.mask * y))
        error = weight * (mask & ~given.mask) * (predicted - y)
        total = total + error.norm() ** 2 / y.norm() ** 2
    return total / len(batch.kspace)


def plain_equivariant(network, batch):
    image = network(batch.A, batch.kspace)
    turned = turned_by_chance(image)
    again = network(batch.A, batch.A.forward(turned))
    values = [
        (batch.A.forward(image)[scan] - batch.kspace[scan]).norm() ** 2 / batch.kspace[scan].norm() ** 2
        + (again - turned)[scan].norm() ** 2 / turned[scan].norm() ** 2
        for scan in range(len(image))
    ]
    return sum(values) / len(values)


def plain_noise2noise(network, batch):
    first, second = (ifft2c(batch.kspace[:, number]) for number in (0, 1))
    one = SenseOperator(torch.ones_like(first)[:, None], batch.A.mask)
    return mse(network(one, fft2c(first)[:, None]), second)


PLAIN_FORMS = {
    "ssdu_one_split": plain_ssdu,
    "weighted_ssdu": plain_weighted,
    "equivariant": plain_equivariant,
    "noise2noise": plain_noise2noise,
}


@pytest.mark.parametrize("name", PLAIN_FORMS)
def test_value_and_gradient_are_those_of_the_plain_form(name):
    network, batch = network_for(name), batch_of(scans_of(name))
    value, gradient = value_and_gradient(OBJECTIVES_HERE[name], network, batch)
    expected, by_hand = value_and_gradient(PLAIN_FORMS[name], network, batch)
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=0)
    for mine, theirs in zip(gradient, by_hand, strict=True):
        assert torch.allclose(mine, theirs, rtol=2e-3, atol=2e-3 * float(theirs.abs().max()) + 1e-9)
    assert any(each.abs().max() > 0 for each in gradient)


@torch.no_grad()
def test_ssdu_counts_the_hidden_samples_alone():
    """The value is 0 for an image that is right there and anywhere else, and 1 for none."""
    batch = batch_of(replace(SCANS, noise_std=(1e-6, 1e-6)))
    right = Fixed(batch.reference)
    assert float(SSDU()(right, batch)) < 1e-3
    parts = SSDU().parts(batch)
    elsewhere = Fixed(batch.reference + ifft2c(torch.where(parts.hidden, 0, random_complex(2, 1, 40, 36)))[:, 0])
    assert float(SSDU()(elsewhere, batch)) < 1e-3
    assert float(SSDU()(Fixed(torch.zeros_like(batch.reference)), batch)) == pytest.approx(1)


def test_ssdu_does_not_depend_on_the_unit():
    network, batch = network_for("ssdu"), batch_of(SCANS)
    objective, louder = SSDU(), batch._replace(kspace=2.0**10 * batch.kspace)
    torch.testing.assert_close(
        l1_l2(*pair(objective.parts(batch), network)), l1_l2(*pair(scaled(objective.parts(batch), louder), network))
    )


def pair(parts, network):
    return parts.predict(network), parts.measured


def scaled(parts, batch):
    return replace(parts, kspace=batch.kspace)


@torch.no_grad()
def test_of_several_splits_a_step_takes_one():
    network, batch = network_for("ssdu"), batch_of(SCANS)
    objective, values = SSDU(n_splits=3), set()
    each = {round(float(l1_l2(*pair(objective.parts(batch, number), network))), 6) for number in range(3)}
    for seed in range(20):
        torch.manual_seed(seed)
        values.add(round(float(objective(network, batch)), 6))
    assert len(each) == 3 and values == each


def test_the_weighted_loss_is_on_average_the_error_of_all_that_is_not_given():
    """Of a fixed image, over measured lines and hidden ones: what complete scans would give, and noise."""
    density, objective = SCANS.density(), WeightedSSDU(SCANS.density())
    image = random_complex(1, 40, 36, seed=1)
    truth = random_complex(1, 40, 36, seed=2)
    error = (fft2c(image) - fft2c(truth)).abs().square()
    generator, energies, values = torch.Generator().manual_seed(3), [], []
    for seed in range(400):
        mask = drawn_lines(density, generator)
        A = SenseOperator(torch.ones(1, 1, 40, 36, dtype=torch.complex64), mask[None, None])
        kspace = A.forward(truth)
        batch = batch_of(SCANS, 1)._replace(A=A, kspace=kspace, reference=None)
        torch.manual_seed(seed)
        energies.append(float(kspace.abs().square().sum()))
        values.append(float(objective(Fixed(image), batch).detach()) * energies[-1])
    expected = float(((1 - density * objective.kept) * error[0]).sum())
    spread = torch.tensor(values).std() / math.sqrt(len(values))
    assert abs(sum(values) / len(values) - expected) < 4 * float(spread) < 0.1 * expected


def test_a_turn_keeps_the_energy_and_a_quarter_moves_pixels():
    image = random_complex(3, 32, 32, seed=1)
    torch.manual_seed(0)
    turned = turned_by_chance(image)
    assert turned.shape == image.shape
    assert turned.abs().square().sum((-2, -1)) == pytest.approx(image.abs().square().sum((-2, -1)), rel=1e-4)
    torch.manual_seed(0)
    assert torch.equal(turned, turned_by_chance(image))
    oblong = random_complex(2, 24, 30, seed=1)
    assert all(turned_by_chance(oblong).shape == oblong.shape for _ in range(8))


@torch.no_grad()
def test_zero_filling_is_not_equivariant_and_the_truth_is():
    """What has holes in its k-space is no image that comes back from a second scan."""

    class ZeroFilled(nn.Module, Reconstructor):
        def forward(self, A, kspace, *, trace=None):
            return A.adjoint(kspace)

    batch = batch_of(SCANS)
    torch.manual_seed(0)
    filled = float(Equivariant()(ZeroFilled(), batch))

    class Oracle(nn.Module, Reconstructor):
        """Knows the images that are scanned."""

        def __init__(self, images):
            super().__init__()
            self.images = images

        def forward(self, A, kspace, *, trace=None):
            zero_filled = A.adjoint(kspace)
            turned = any(float((A.adjoint(A.forward(each)) - zero_filled).norm()) < 1 for each in [self.images])
            return self.images if turned else self.turned

    oracle = Oracle(batch.reference)
    torch.manual_seed(0)
    oracle.turned = turned_by_chance(batch.reference)
    torch.manual_seed(0)
    assert float(Equivariant()(oracle, batch)) < 0.1 * filled


@torch.no_grad()
def test_noise_to_noise_wants_the_mean():
    """The best fixed image under the noise of the second measurement is the truth, not the first measurement."""
    batch = batch_of(replace(TWICE, noise_std=(0.1, 0.1)))
    first = ifft2c(batch.kspace[:, 0])
    assert float(Noise2Noise()(Fixed(batch.reference), batch)) < 0.6 * float(Noise2Noise()(Fixed(first), batch))
    assert float(Noise2Noise()(Fixed(batch.reference), batch)) == pytest.approx(2 * 0.1**2, rel=0.1)


def test_held_out_decibels():
    measured = random_complex(2, 1, 8, 9)
    assert held_out_db(0 * measured, measured) == pytest.approx(0, abs=1e-4)
    assert held_out_db(1.1 * measured, measured) == pytest.approx(20, abs=1e-3)


def test_all_samples_is_the_loss_of_ssdu_with_everything_in_it():
    network, batch = network_for("ssdu"), batch_of(COILS)
    images = network(batch.A, batch.kspace)
    expected = l1_l2(fft2c(batch.A.smaps * images[:, None]), fft2c(batch.A.smaps * batch.reference[:, None]))
    torch.testing.assert_close(AllSamples()(network, batch), expected)


# --- what is refused


def test_masks_and_measurements_that_do_not_fit_are_refused():
    points = variable_density_mask((40, 36), 3, acs=8)
    kspace = random_complex(1, 40, 36) * points
    [batch] = stack([Scan(kspace, torch.ones_like(kspace), points)], needs_reference=False)
    with pytest.raises(ValueError, match="expected lines, .* of the density that the objective knows"):
        WeightedSSDU(SCANS.density())(network_for("ssdu"), batch)
    with pytest.raises(ValueError, match="have 1 measurements on the axis of coils; expected 2"):
        Noise2Noise()(network_for("noise2noise"), batch_of(SCANS))
    with pytest.raises(ValueError, match="weighted_ssdu has no density of the lines; expected one"):
        make_objective("weighted_ssdu")
    with pytest.raises(ValueError, match="deep_supervision is set with the ssdu loss"):
        make_objective("ssdu", deep_supervision=0.5)


@torch.no_grad()
def test_points_are_split_and_held_out_too():
    points = variable_density_mask((40, 36), 3, acs=8)
    kspace = random_complex(1, 40, 36) * points
    [batch] = stack([Scan(kspace, torch.ones_like(kspace), points)], needs_reference=False)
    for objective in (SSDU(), Equivariant()):
        assert math.isfinite(float(objective(network_for("ssdu"), batch)))
        assert math.isfinite(objective.judge(network_for("ssdu"), batch))


@torch.no_grad()
def test_an_equispaced_scan_of_any_size_is_taken():
    mask = equispaced_mask(41, 3, acs=7)
    kspace = random_complex(2, 41, 35) * mask
    [batch] = stack([Scan(kspace, torch.ones_like(kspace), mask)], needs_reference=False)
    for name in ("ssdu", "equivariant"):
        assert math.isfinite(float(OBJECTIVES_HERE[name](network_for("ssdu"), batch)))


RECIPE = """
title = "Small"
seed = 3
[network]
kind = "modl"
n_iterations = 1
n_features = 4
n_layers = 2
[data]
kind = "once"
shape = [40, 36]
acs = 6
n_scans = 3
[training]
n_steps = 3
warmup = 1
loss = "ssdu"
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "once"\nshape = [40, 36]\nacs = 6\nn_scans = 3', 'kind = "task"', 'expected "once"'),
        ("n_scans = 3", "acceleration = 1", "expected repetitions = 2 for noise2noise alone"),
        ("n_scans = 3", "repetitions = 2", "expected repetitions = 2 for noise2noise alone"),
        ('loss = "ssdu"', 'loss = "noise2noise"', "expected repetitions = 2 for noise2noise alone"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_any_work(old, new, words):
    assert RECIPE.count(old) == 1
    with pytest.raises(ValueError, match=words):
        parse_recipe(RECIPE.replace(old, new), "small")


def test_a_card_says_that_the_best_step_was_chosen_without_a_reference(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "N_VALIDATION", 1)
    monkeypatch.setattr(run, "unseen_scans", lambda recipe: unseen_scans(recipe, 1))
    seen = []

    def spy(network, samples, settings, **options):
        seen.extend([samples[0].reference, *(scan.reference for scan in options["validation"])])
        return train(network, samples, settings, **options)

    monkeypatch.setattr(run, "train", spy)
    run.train_recipe(parse_recipe(RECIPE, "small"), folder=tmp_path, states=tmp_path)
    card = load_checkpoint(tmp_path / "small.json").card
    assert seen == [None, None], "the loop gets scans without references"
    assert card.recipe["training"]["loss"] == "ssdu"
    assert all("held_out" in row and "validation" not in row for row in card.curve)
    assert math.isfinite(card.metrics["psnr"])


# --- the recipes of the lesson

LESSON = sorted(path.stem for path in RECIPES.glob("ssl_*.toml"))


@pytest.mark.parametrize("name", LESSON)
def test_the_first_steps_of_each_recipe_can_be_taken(name):
    recipe = load_recipe(name)
    scans = recipe.scans()
    torch.manual_seed(recipe.seed)
    network = recipe.build()
    before = copy.deepcopy(network.state_dict())
    objective = make_objective(recipe.training.loss, density=scans.density())
    settings = replace(recipe.training, n_steps=2, schedule_steps=None, batch_size=1)
    samples = run.Unreferenced(scans) if recipe.training.loss in WITHOUT_REFERENCE else scans
    history = train(network, samples, settings, objective=objective)
    assert math.isfinite(history.rows[-1]["loss"])
    assert any(not torch.equal(before[key], value) for key, value in network.state_dict().items())


def group(*names):
    return [load_recipe(f"ssl_{name}") for name in names]


@pytest.mark.parametrize(
    "recipes",
    [
        group("single_supervised", "single_ssdu", "single_weighted", "single_equivariant"),
        group("fixed_supervised", "fixed_ssdu", "fixed_equivariant"),
        group("multi_supervised", "multi_weighted", "multi_ssdu", "multi_ssdu_one"),
    ],
)
def test_rivals_have_the_same_data_weights_and_steps(recipes):
    first = recipes[0]
    for other in recipes[1:]:
        assert other.data == first.data and other.network == first.network and other.seed == first.seed
        assert replace(other.training, loss=first.training.loss) == first.training


def test_noise_to_noise_and_its_rival_differ_in_the_second_measurement_alone():
    noisy, clean = group("noise2noise", "noise2clean")
    assert noisy.data == clean.data | {"repetitions": 2} and noisy.network == clean.network
    assert replace(noisy.training, loss="mse") == clean.training and noisy.seed == clean.seed


def test_every_objective_has_a_name_that_recipes_use():
    assert set(WITHOUT_REFERENCE) < set(OBJECTIVES)
    named = {load_recipe(name).training.loss for name in LESSON}
    assert set(WITHOUT_REFERENCE) <= named


def test_scans_of_other_kinds_have_no_density():
    assert not hasattr(TaskScans("train", 0), "density")
