"""Answers to the exercises of this lesson: plausible wrong ones, and right ones written differently."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

DROPOUT = """
def my_dropout(features, p, training=True):
    keep = {keep}
    return {result} if {when} else {otherwise}
"""


def dropout(
    keep="torch.rand_like(features) >= p", result="features * keep / (1 - p)", when="training", otherwise="features"
):
    return DROPOUT.format(keep=keep, result=result, when=when, otherwise=otherwise)


FLIPPED = """
def my_flipped(kspace, smaps, mask, axis):
    even = 1 - mask.shape[axis] % 2
    n = kspace.shape[axis]
    mask = {mask}
    return {kspace}, {smaps}, mask
"""


def flip(
    mask="mask.flip(axis).roll(even, axis)",
    kspace="mask * fft2c(ifft2c(kspace).flip(axis))",
    smaps="smaps.flip(axis)",
):
    return FLIPPED.format(mask=mask, kspace=kspace, smaps=smaps)


RAMP = "torch.exp(2j * torch.pi / n * (torch.arange(n) - n // 2))"
RAMP_ALONG = f"({RAMP} if axis == -1 else {RAMP}[:, None])"

STOP = """
def my_early_stop(losses, patience):
    best = 0
    for look, value in enumerate(losses):
        best = look if {better} else best
        if {enough}:
            break
    return {kept}
"""


def stop(better="value < losses[best]", enough="look - best == patience", kept="best"):
    return STOP.format(better=better, enough=enough, kept=kept)


WRONG = {
    "my_dropout": {
        "not divided": dropout(result="features * keep"),
        "multiplied by 1 - p": dropout(result="features * keep * (1 - p)"),
        "divided by p": dropout(result="features * keep / p"),
        "p is the share that stays": dropout(keep="torch.rand_like(features) < p", result="features * keep / p"),
        "the others dropped, scaled for p": dropout(keep="torch.rand_like(features) < p"),
        "drops at test time as well": dropout(when="True"),
        "scaled at test time, as dropout was before it was inverted": dropout(
            result="features * keep", otherwise="features * (1 - p)"
        ),
        "off in training, on at test time": dropout(when="not training"),
        "normal instead of uniform numbers": dropout(keep="torch.randn_like(features) >= p"),
        "whole rows": dropout(keep="torch.rand(features.shape[0], 1) >= p"),
        "whole columns": dropout(keep="torch.rand(features.shape[1]) >= p"),
        "the same draw each time": dropout(
            keep="torch.rand(features.shape, generator=torch.Generator().manual_seed(0)) >= p"
        ),
        "every third, no chance": dropout(
            keep="(torch.arange(features.numel()) % 10 >= 10 * p).reshape(features.shape)"
        ),
        "noise in place of zeros": dropout(result="features * (1 + (p / (1 - p)) ** 0.5 * torch.randn_like(features))"),
        "scaled by the share that happened to stay": dropout(result="features * keep / keep.float().mean()"),
    },
    "my_flipped": {
        "the coils stay": flip(smaps="smaps"),
        "the coils turn by 180°": flip(smaps="smaps.flip((-2, -1))"),
        "the coils are conjugated": flip(smaps="smaps.flip(axis).conj()"),
        "the mask stays": flip(mask="mask"),
        "the mask stays, the data with it": flip(mask="mask", kspace="fft2c(ifft2c(kspace).flip(axis))"),
        "the mask is flipped as an image": flip(mask="mask.flip(axis)"),
        "the mask is always rolled, right for even sizes": flip(mask="mask.flip(axis).roll(1, axis)"),
        "the mask is rolled the other way": flip(mask="mask.flip(axis).roll(-even, axis)"),
        "k-space is flipped as an array": flip(kspace="mask * kspace.flip(axis)"),
        "frequencies in their places, no ramp": flip(kspace="kspace.flip(axis).roll(1 - n % 2, axis)"),
        "a ramp for odd sizes too": flip(kspace=f"kspace.flip(axis).roll(1 - n % 2, axis) * {RAMP_ALONG}"),
        "the ramp's sign is wrong": flip(
            kspace=f"kspace.flip(axis).roll(1 - n % 2, axis) * (1 if n % 2 else {RAMP_ALONG}.conj())"
        ),
        "conjugate data": flip(kspace="mask * kspace.conj()"),
        "the conjugate image": flip(kspace="mask * fft2c(ifft2c(kspace).flip(axis).conj())"),
        "always left and right": flip(
            mask="mask.flip(-1).roll(1 - mask.shape[-1] % 2, -1)",
            kspace="mask * fft2c(ifft2c(kspace).flip(-1))",
            smaps="smaps.flip(-1)",
        ),
        "both axes": """
def my_flipped(kspace, smaps, mask, axis):
    shifts = [1 - n % 2 for n in mask.shape]
    mask = mask.flip((-2, -1)).roll(shifts, (-2, -1))
    return mask * fft2c(ifft2c(kspace).flip((-2, -1))), smaps.flip((-2, -1)), mask
""",
        "only what both masks have": """
def my_flipped(kspace, smaps, mask, axis):
    both = mask & mask.flip(axis).roll(1 - mask.shape[axis] % 2, axis)
    return both * fft2c(ifft2c(kspace).flip(axis)), smaps.flip(axis), both
""",
        "nothing is sampled": """
def my_flipped(kspace, smaps, mask, axis):
    return 0 * kspace, smaps.flip(axis), mask
""",
        "nothing moves": """
def my_flipped(kspace, smaps, mask, axis):
    return kspace, smaps, mask
""",
    },
    "my_early_stop": {
        "the best of all, with a look into the future": """
def my_early_stop(losses, patience):
    return losses.index(min(losses))
""",
        "the last look before the stop": stop(kept="look"),
        "stops one look late": stop(enough="look - best > patience"),
        "stops one look early": stop(enough="look > 0 and look - best >= patience - 1"),
        "compares with the look before": """
def my_early_stop(losses, patience):
    waited, best = 0, 0
    for look in range(1, len(losses)):
        waited = 0 if losses[look] < losses[look - 1] else waited + 1
        best = look if losses[look] < losses[best] else best
        if waited == patience:
            break
    return best
""",
        "a tie counts as a new best": stop(better="value <= losses[best]"),
        "counts all looks without a new best, in a row or not": """
def my_early_stop(losses, patience):
    waited, best = 0, 0
    for look, value in enumerate(losses):
        if value < losses[best]:
            best = look
        elif look > 0:
            waited += 1
        if waited == patience:
            break
    return best
""",
        "the loss, not the look": stop(kept="losses[best]"),
        "the largest": stop(better="value > losses[best]"),
        "no patience at all": """
def my_early_stop(losses, patience):
    for look in range(1, len(losses)):
        if losses[look] >= losses[look - 1]:
            return look - 1
    return len(losses) - 1
""",
    },
}

RIGHT = {
    "my_dropout": {
        "masked where dropped": """
def my_dropout(features, p, training=True):
    if not training:
        return features
    return (features / (1 - p)).masked_fill(torch.rand(features.shape) < p, 0)
""",
        "a Bernoulli draw": """
def my_dropout(features, p, training=True):
    stays = torch.full_like(features, 1 - p)
    return torch.where(torch.bernoulli(stays) == 1, features / stays, 0) if training else features.clone()
""",
    },
    "my_flipped": {
        "mirrored frequencies and a ramp": flip(
            mask="mask.index_select(axis, -(torch.arange(mask.shape[axis]) - mask.shape[axis] // 2 * 2) % mask.shape[axis])",
            kspace=f"kspace.flip(axis).roll(1 - n % 2, axis) * (1 if n % 2 else {RAMP_ALONG})",
        ),
        "the mask from where samples are": """
def my_flipped(kspace, smaps, mask, axis):
    pattern = fft2c(ifft2c(mask.expand(kspace.shape[1:]).to(kspace.dtype)).flip(axis))
    mask = pattern.abs() > 0.5
    return torch.where(mask, fft2c(ifft2c(kspace).flip(axis)), 0), smaps.flip(axis), mask
""",
    },
    "my_early_stop": {
        "a loop": """
def my_early_stop(losses, patience):
    best = 0
    for look, value in enumerate(losses):
        if value < losses[best]:
            best = look
        if look - best == patience:
            break
    return best
""",
        "counts the wait": """
def my_early_stop(losses, patience):
    best, lowest, waited = 0, float("inf"), 0
    for look, value in enumerate(losses):
        waited += 1
        if value < lowest:
            best, lowest, waited = look, value, 0
        if waited >= patience:
            return best
    return best
""",
    },
}
