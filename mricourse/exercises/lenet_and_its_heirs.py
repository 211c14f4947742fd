"""Checks of lesson LeNet and its heirs: a whole network, a test by moving, two blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mricourse.classroom.error_advice import why_it_stops
from mricourse.classroom.exercise_checks import (
    CheckFailed,
    OneSentence,
    check,
    check_tensor,
    passed,
    reject_known_mistakes,
)
from mricourse.evaluation.classification import percent_by_shift, percent_right
from mricourse.networks.blocks import AttentionBlock, ResidualBlock
from mricourse.networks.lenet import modern_lenet

LESSON = "lenet_and_its_heirs"
TINY = 1e-5


BUILT = "Capital letters build a layer and compute nothing: write `x.relu()`, `x.sigmoid()`, not `nn.ReLU(x)`."


def _result(function: Callable[..., Any], *arguments: Any, says: Mapping[str, str] | None = None) -> Any:
    """What a function returns; an error of Python as the sentence that helps, those of `says` first."""
    try:
        return function(*arguments)
    except OneSentence:
        raise
    except Exception as error:
        raise CheckFailed(why_it_stops(error, function, says)) from error


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- LeNet-5 ---


def check_lenet(make: Callable[[], nn.Module]) -> None:
    """Shapes, then weights layer by layer, then the scores of the library's network with the same weights."""
    with torch.random.fork_rng(devices=[]):
        brackets = "Each layer is built with brackets: `nn.ReLU()`, `nn.MaxPool2d(2)`, `nn.Linear(400, 120)`."
        says = {"is not a Module subclass": brackets, "required positional argument": brackets}
        network = _result(make, says=says)
    check(network is not None, "Your function returns nothing: is the `return` missing?")
    check(isinstance(network, nn.Module), f"Your function returns a {type(network).__name__}, not a network.")
    network.train()
    images = torch.randn(7, 1, 32, 32, generator=_seeded(0))
    hint = "A layer gets another size than it expects: do 400 = 16 · 5 · 5 numbers reach the first dense layer?"
    if not any(isinstance(layer, nn.Flatten) for layer in network.modules()):
        hint = "Maps cannot enter a dense layer: `nn.Flatten()` makes one row of numbers of them. Or is a size wrong?"
    scores = _result(network, images, says={"mat1 and mat2": hint})
    check(isinstance(scores, Tensor), f"Your network returns a {type(scores).__name__}, not a tensor of scores.")
    check(scores.ndim == 2, f"Your scores have the shape {tuple(scores.shape)}; expected (7, 10): is `Flatten` there?")
    check(scores.shape[1] != 84, "Your network ends at the 84 numbers: a last dense layer makes 10 scores of them.")
    check_tensor(scores, (7, 10), is_complex=False)
    _check_sizes([parameter.numel() for parameter in network.parameters()])
    library = modern_lenet()
    flat = nn.utils.parameters_to_vector(network.parameters()).detach()
    nn.utils.vector_to_parameters(flat, library.parameters())
    _check_scores(scores.detach(), library, images)
    passed(LESSON, "my_lenet", "61,706 weights, and the scores of the library's LeNet-5 with your weights")


def _check_sizes(sizes: list[int]) -> None:
    """Weights and constants of each layer in order."""
    right = [parameter.numel() for parameter in modern_lenet().parameters()]
    published = 60_000
    check(sum(sizes) != published, "This is the published form, with 60,000 weights; build the drawn one.")
    known = {
        "The first convolution should give 6 maps, the second 16.": [400, 16, 2400, 6],
        "The kernels should be of 5 x 5 pixels.": [54, 6, 864, 16],
        "The constants of the first convolution are missing: leave `bias` as it is.": [150, 2400, 16],
        "The dense layers should give 120, then 84, then 10 numbers.": [150, 6, 2400, 16, 33_600, 84],
    }
    for sentence, start in known.items():
        check(sizes[: len(start)] != start, sentence)
    check(sizes[4:5] != [69_120], "576 numbers reach your first dense layer: LeNet pads nothing.")
    check(sizes[4:5] != [122_880], "1024 numbers reach your first dense layer: LeNet pads nothing.")
    check(sizes[4:5] != [192_000], "1600 numbers reach your first dense layer: pool after each convolution.")
    check(
        sizes == right,
        f"Your layers have {sizes} weights and constants, in all {sum(sizes):,}; expected {right}, in all 61,706.",
    )


def _lenet_with(library: nn.Sequential, bend: nn.Module, pool: nn.Module, end: list[nn.Module]) -> nn.Sequential:
    """The same weights, other activations, pooling or end."""
    kinds = {nn.ReLU: bend, nn.MaxPool2d: pool}
    return nn.Sequential(*(kinds.get(type(layer), layer) for layer in library), *end)


@torch.no_grad()
def _check_scores(scores: Tensor, library: nn.Sequential, images: Tensor) -> None:
    relu = nn.ReLU()
    pool = nn.MaxPool2d(2)
    variants = {
        "Your scores are never negative: no ReLU belongs behind the last layer.": (relu, pool, [relu]),
        "Your scores are shares already: the softmax belongs to the loss.": (relu, pool, [nn.Softmax(dim=1)]),
        "Nothing bends: a ReLU follows each convolution and each dense layer but the last.": (nn.Identity(), pool, []),
        "This has tanh, as in 1998; take ReLU.": (nn.Tanh(), pool, []),
        "This has a leaky ReLU; take ReLU.": (nn.LeakyReLU(), pool, []),
        "This takes the mean of the four pixels; take the largest, nn.MaxPool2d.": (relu, nn.AvgPool2d(2), []),
    }
    known = {sentence: _lenet_with(library, *variant)(images) for sentence, variant in variants.items()}
    without = {
        (1,): "The ReLU behind the first convolution is missing.",
        (4,): "The ReLU behind the second convolution is missing.",
        (1, 4): "The ReLUs behind the convolutions are missing.",
        (8,): "The ReLU behind the first dense layer is missing.",
        (10,): "The ReLU behind the second dense layer is missing.",
        (8, 10): "The ReLUs behind the dense layers are missing.",
    }
    for places, sentence in without.items():
        kept = [layer for place, layer in enumerate(library) if place not in places]
        known[sentence] = nn.Sequential(*kept)(images)
    right = library(images)
    reject_known_mistakes(scores, right, known)
    check(
        torch.allclose(scores, right, atol=TINY),
        "All sizes are right, but the scores are not: is every convolution followed by one ReLU and one pooling, "
        "and every dense layer but the last by one ReLU, and nothing else?",
    )


# --- a test by moving ---


ROW = 4  # in which the bright pixels are


def _brightest_column(images: Tensor) -> Tensor:
    """Name the column of the brightest pixel of row 4: (n, 1, y, x) -> scores (n, x)."""
    check(images.ndim == 4, f"The network got images of the shape {tuple(images.shape)}; expected (images, 1, y, x).")
    return images[:, 0, ROW]


ANOTHER = "Another network stops here: do you ask the `network` that came, with images (images, 1, y, x)?"
SHIFT_SAYS = {
    "must match the size": "Answers and labels differ in number: one answer for each image is `.argmax(dim=1)`.",
    "a Tensor with": "More numbers came than one: is it one percentage for each shift?",
    "mat1 and mat2": ANOTHER,
    "expected input": ANOTHER,
    "Kernel size": ANOTHER,
}


def check_percent_by_shift(function: Callable[..., Any]) -> None:
    """A classifier that names the column of a bright pixel is right where that is the label, and nowhere else."""
    columns = torch.tensor([5, 11, 3, 8, 5, 2, 6, 7, 9, 4])
    labels = (columns + torch.tensor([0, 2, 0, 0, 2, 0, -1, 1, 1, 1])) % 12  # right after so many pixels
    images = torch.zeros(10, 1, 9, 12)
    images[torch.arange(10), 0, ROW, columns] = 1
    shifts = [0, 1, 2, -1, 3]
    kept = (images.clone(), labels.clone())
    answer = _result(function, _brightest_column, images, labels, shifts, says=SHIFT_SAYS)
    check(answer is not None, "Your function returns nothing: is the `return` missing?")
    check(torch.equal(images, kept[0]), "Your function changes the images it was given: move a copy, with `roll`.")
    check(torch.equal(labels, kept[1]), "Your function changes the labels: only the images move.")
    percent = _as_numbers(answer)
    n_found = tuple(percent.shape)
    check(n_found == (5,), f"5 shifts came, and numbers of the shape {n_found} went back; expected one a shift, (5,).")
    check_tensor(percent, (5,))
    right = _percent(images, labels, shifts)
    reject_known_mistakes(percent, right, _shift_mistakes(images, labels, shifts, right))
    check(
        torch.allclose(percent, right, atol=1e-3),
        f"For the shifts {shifts} you found {[round(value, 1) for value in percent.tolist()]} %; expected "
        f"{[round(value) for value in right.tolist()]} %.",
    )
    passed(LESSON, "my_percent_by_shift", "finds how many are right at each shift, to the right and to the left")


def _shift_mistakes(images: Tensor, labels: Tensor, shifts: list[int], right: Tensor) -> dict[str, Tensor]:
    all_together = [_brightest_column(images.roll(shift, dims=-1)).argmax() for shift in shifts]
    flat = [percent_right(_brightest_column, images.roll(shift), labels) for shift in shifts]
    downwards = [percent_right(_brightest_column, images.roll(shift, dims=-2), labels) for shift in shifts]
    moved_on = [sum(shifts[: number + 1]) for number in range(len(shifts))]
    return {
        "These are shares between 0 and 1; give percent.": right / 100,
        "These are numbers of digits; give percent of all.": right / 10,
        "These are the wrong ones; count the right ones.": 100 - right,
        "Nothing moved: does the network get the moved images, and do the labels stay?": right[:1].expand(5),
        "Your images move down: x is the last axis.": torch.tensor(downwards).double(),
        "`roll` without `dims` moves pixels on into the next row: name the axis, dims=-1.": torch.tensor(flat).double(),
        "This is one answer for all images together; each image has its own, `.argmax(dim=1)`.": torch.tensor(
            [100 * float((labels == answer).double().mean()) for answer in all_together], dtype=torch.float64
        ),
        "Your images move to the left; `roll` by a positive number moves to the right.": _percent(
            images, labels, [-shift for shift in shifts]
        ),
        "Your images are moved further from where the last shift left them: begin anew for each.": _percent(
            images, labels, moved_on
        ),
        "These are the shifts 0, 1, 2, ...; use those that came.": _percent(images, labels, [0, 1, 2, 3, 4]),
    }


def _as_numbers(answer: Any) -> Tensor:
    try:
        return torch.as_tensor(answer).double()
    except (TypeError, ValueError, RuntimeError):
        kind = type(answer).__name__
        raise CheckFailed(f"Your {kind} cannot be read as numbers; expected a list, one percentage a shift.") from None


def _percent(images: Tensor, labels: Tensor, shifts: list[int]) -> Tensor:
    return torch.tensor(percent_by_shift(_brightest_column, images, labels, shifts), dtype=torch.float64)


# --- two blocks ---

BLOCK_SAYS = {
    "builtin_function_or_method": "Brackets are missing behind a function: `x.relu()`, not `x.relu`.",
    "ReLU": BUILT,
    "Sigmoid": BUILT,
    "invalid combination of arguments": BUILT,
    "to be at least 1D": "This is the mean of everything: take it over y and x, the axes 2 and 3.",
    "mat1 and mat2": "The dense layers take (images, channels): the mean goes over y and x, the axes 2 and 3.",
}
ATTENTION_SAYS = BLOCK_SAYS | {
    "must match the size": "The factors, (images, channels), need two more axes: `[:, :, None, None]`.",
}


@torch.no_grad()
def check_residual_block(function: Callable[..., Any]) -> None:
    """Where the second convolution gives zero the input is left; else as the library's block."""
    for n_images in (3, 1):
        maps = torch.randn(n_images, 8, 7, 10, generator=_seeded(n_images))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            block = ResidualBlock(8)
        first, second = block.first, block.second
        before = maps.clone()
        answer = _result(function, maps, first, second, says=BLOCK_SAYS)
        check(not isinstance(answer, nn.Module), BUILT)
        check(isinstance(answer, Tensor) or not callable(answer), BLOCK_SAYS["builtin_function_or_method"])
        check_tensor(answer, maps.shape, is_complex=False)
        check(torch.equal(maps, before), "Your function changes the maps it was given: `relu_()` and `+=` do so.")
        inner = first(maps).relu()
        change = second(inner)
        mistakes = {
            "The shortcut is missing: add the input to what the convolutions found.": change.relu(),
            "The last ReLU is missing.": maps + change,
            "A ReLU cuts the change before the sum: then a block can only brighten.": (maps + change.relu()).relu(),
            "The ReLU of the change comes before the sum, and none after it.": maps + change.relu(),
            "Each is cut by itself; add first, then ReLU.": maps.relu() + change.relu(),
            "The last ReLU takes the input alone; add first, then ReLU.": maps.relu() + change,
            "There are two shortcuts, one around each convolution; one goes around both.": (
                (maps + first(maps)).relu() + second((maps + first(maps)).relu())
            ).relu(),
            "The ReLU between the convolutions is missing.": (maps + second(first(maps))).relu(),
            "The shortcut begins after the first convolution; it begins at the input.": (inner + change).relu(),
            "The ReLU stands behind the second convolution; it belongs behind the first.": (
                (maps + second(first(maps)).relu()).relu()
            ),
            "The input goes through a ReLU before the first convolution; it enters as it is.": (
                (maps + second(first(maps.relu()).relu())).relu()
            ),
            "The second convolution is left out.": (maps + inner).relu(),
            "The first convolution is used twice.": (maps + first(inner)).relu(),
            "The convolutions are exchanged.": (maps + first(second(maps).relu())).relu(),
            "The input is multiplied; add it.": (maps * change).relu(),
            "The input is subtracted; add it.": (change - maps).relu(),
            "This is the mean of input and change; take their sum.": ((maps + change) / 2).relu(),
        }
        right = block(maps)
        reject_known_mistakes(answer, right, mistakes, tolerance=TINY)
        off = (answer - right).abs().max().item()
        check(off < TINY, f"Your maps differ from ReLU(x + G(x)) by up to {off:.2g}; they are about 1.")
    nothing = nn.Conv2d(8, 8, 3, padding=1, bias=False)
    nn.init.zeros_(nothing.weight)
    left = _result(function, maps, first, nothing, says=BLOCK_SAYS)
    check(torch.equal(left, maps.relu()), "Where the second convolution gives zero, ReLU(x) should be left.")
    passed(LESSON, "my_residual_block", "adds the input again, and passes it on where the convolutions find nothing")


@torch.no_grad()
def check_channel_attention(function: Callable[..., Any]) -> None:
    """One factor a channel and image, between 0 and 1, by the mean over the pixels; else as the library's block."""
    for n_images in (3, 1):
        maps = torch.randn(n_images, 8, 7, 10, generator=_seeded(10 + n_images)) + torch.arange(8)[:, None, None] / 4
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            block = AttentionBlock(8)
        squeeze, excite = block.squeeze, block.excite
        squeeze.weight.mul_(2).abs_()  # so that the ReLU does not close everything
        squeeze.weight[0].neg_()
        excite.weight.mul_(2)
        before = maps.clone()
        answer = _result(function, maps, squeeze, excite, says=ATTENTION_SAYS)
        check(not isinstance(answer, nn.Module), BUILT)
        check(isinstance(answer, Tensor) or not callable(answer), BLOCK_SAYS["builtin_function_or_method"])
        if isinstance(answer, Tensor):
            check(
                answer.shape not in ((n_images, 8), (n_images, 8, 1, 1)),
                "These are the factors alone: multiply the maps by them.",
            )
        check_tensor(answer, maps.shape, is_complex=False)
        check(torch.equal(maps, before), "Your function changes the maps it was given: `*=` does so.")
        right = _attention(maps, squeeze, excite)
        reject_known_mistakes(answer, right, _attention_mistakes(maps, squeeze, excite), tolerance=TINY)
        off = (answer - right).abs().max().item()
        check(off < TINY * 10, f"Your maps differ from maps times factors by up to {off:.2g}; they are about 1.")
    passed(LESSON, "my_channel_attention", "one factor between 0 and 1 for each channel of each image")


def _attention(maps: Tensor, squeeze: nn.Module, excite: nn.Module) -> Tensor:
    return maps * excite(squeeze(maps.mean(dim=(2, 3))).relu()).sigmoid()[:, :, None, None]


def _attention_mistakes(maps: Tensor, squeeze: nn.Module, excite: nn.Module) -> dict[str, Tensor]:
    def factors_of(means: Tensor) -> Tensor:
        return excite(squeeze(means).relu()).sigmoid()[:, :, None, None]

    means = maps.mean(dim=(2, 3))
    before = excite(squeeze(means).relu())[:, :, None, None]
    factors = before.sigmoid()
    return {
        "The sigmoid is missing: the factors should lie between 0 and 1.": maps * before,
        "This is a softmax, where channels compete; take the sigmoid of each.": maps * before.softmax(dim=1),
        "This is a tanh; take the sigmoid.": maps * before.tanh(),
        "This is a ReLU; take the sigmoid.": maps * before.relu(),
        "A ReLU stands before the sigmoid: no factor can fall below one half.": maps * before.relu().sigmoid(),
        "A sigmoid stands between the dense layers; the ReLU belongs there, the sigmoid behind both.": maps
        * excite(squeeze(means).sigmoid()).sigmoid()[:, :, None, None],
        "The ReLU between the dense layers is missing.": maps * excite(squeeze(means)).sigmoid()[:, :, None, None],
        "This takes the largest pixel of each channel; take the mean.": maps * factors_of(maps.amax(dim=(2, 3))),
        "This takes the sum over the pixels; take the mean.": maps * factors_of(maps.sum(dim=(2, 3))),
        "This takes the mean of the magnitudes; take the mean.": maps * factors_of(maps.abs().mean(dim=(2, 3))),
        "The mean goes over all images too: each image has factors of its own.": maps
        * factors_of(means.mean(dim=0).expand_as(means)),
        "The mean goes over the channels: that weighs places, not channels.": maps
        * maps.mean(dim=1, keepdim=True).sigmoid(),
        "This is each channel's own mean, without the dense layers.": maps * means.sigmoid()[:, :, None, None],
        "These are the factors alone: multiply the maps by them.": factors.expand_as(maps),
        "The factors are added; multiply.": maps + factors,
        "The input is added already: return the weighed maps alone.": maps + maps * factors,
        "The factors are taken twice.": maps * factors**2,
        "This keeps what the factors take away.": maps * (1 - factors),
        "Nothing is weighed: the maps come back as they were.": maps,
        "Half of everything: are the dense layers used?": maps / 2,
    }
