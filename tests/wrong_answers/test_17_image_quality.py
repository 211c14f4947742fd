"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import *  # noqa: F403 (its tests go over the tables)

PSNR = """
def my_volume_psnr(volume, references):
    x = {x}
    r = {r}
    mse = {mse}
    peak = {peak}
    return {result}
"""
RIGHT_PSNR = {
    "x": "volume.abs()",
    "r": "references.abs()",
    "mse": "((x - r) ** 2).mean()",
    "peak": "r.max()",
    "result": "10 * torch.log10(peak**2 / mse)",
}

INSIDE = """
def my_ssim_inside(image, reference, inside):
    values = {values}
    mask = {mask}
    return {result}
"""
RIGHT_INSIDE = {
    "values": "ssim_map(image, reference)",
    "mask": "inside[3:-3, 3:-3]",
    "result": "values[mask].mean()",
}

KEPT = """
def my_contrast_kept(images, references, lesion, rim):
    def contrast(image):
        return {contrast}
    seen = {seen}
    true = {true}
    return {result}
"""
RIGHT_KEPT = {
    "contrast": "image.abs()[lesion].mean() - image.abs()[rim].mean()",
    "seen": "contrast(images[0]) - contrast(images[1])",
    "true": "contrast(references[0]) - contrast(references[1])",
    "result": "seen / true",
}

KAPPA = """
def my_weighted_kappa(first, second):
    a = {a}
    b = {b}
    observed = {observed}
    by_chance = {by_chance}
    return {result}
"""
RIGHT_KAPPA = {
    "a": "first.double()",
    "b": "second.double()",
    "observed": "((a - b) ** 2).mean()",
    "by_chance": "((a[:, None] - b[None]) ** 2).mean()",
    "result": "1 - observed / by_chance",
}


def psnr_of(**changes):
    return PSNR.format(**RIGHT_PSNR | changes)


def inside_of(**changes):
    return INSIDE.format(**RIGHT_INSIDE | changes)


def kept_of(**changes):
    return KEPT.format(**RIGHT_KEPT | changes)


def kappa_of(**changes):
    return KAPPA.format(**RIGHT_KAPPA | changes)


BY_SLICE = """
def my_volume_psnr(volume, references):
    decibels = []
    for x, r in zip(volume.abs(), references.abs()):
        decibels.append(10 * torch.log10(r.max() ** 2 / ((x - r) ** 2).mean()))
    return sum(decibels) / len(decibels)
"""
BY_LOOP = """
def my_volume_psnr(volume, references):
    total, count, peak = 0.0, 0, 0.0
    for x, r in zip(volume.abs(), references.abs()):
        total += float(((x - r) ** 2).sum())
        count += x.numel()
        peak = max(peak, float(r.max()))
    return 10 * torch.log10(torch.tensor(peak**2 * count / total))
"""
BLACK_FIRST = """
def my_ssim_inside(image, reference, inside):
    values = ssim_map(image * inside, reference * inside)
    return {result}
"""
SUM_OVER_COUNT = """
def my_ssim_inside(image, reference, inside):
    values = ssim_map(image, reference)
    mask = inside[3:-3, 3:-3].float()
    return (values * mask).sum() / mask.sum()
"""
OF_DIFFERENCES = """
def my_contrast_kept(images, references, lesion, rim):
    change = images[0].abs() - images[1].abs()
    true = references[0].abs() - references[1].abs()
    return (change[lesion].mean() - change[rim].mean()) / (true[lesion].mean() - true[rim].mean())
"""
BY_TABLE = """
def my_weighted_kappa(first, second):
    table = torch.zeros(5, 5, dtype=torch.double)
    for a, b in zip(first.tolist(), second.tolist()):
        table[a - 1, b - 1] += 1 / len(first)
    grades = torch.arange(5)
    weights = (grades[:, None] - grades) ** 2
    chance = table.sum(1)[:, None] * table.sum(0)
    return float(1 - (weights * table).sum() / (weights * chance).sum())
"""
NO_RETURN = "def {name}:\n    answer = 1"

WRONG = {
    "my_volume_psnr": {
        "mean over slices": BY_SLICE,
        "peak of each slice, one error": psnr_of(
            peak="r.amax((1, 2))", result="(10 * torch.log10(peak**2 / mse)).mean()"
        ),
        "peak of the image": psnr_of(peak="x.max()"),
        "complex error": psnr_of(mse="((volume - references).abs() ** 2).mean()"),
        "complex result": psnr_of(x="volume", r="references", peak="r.abs().max()"),
        "a sum": psnr_of(mse="((x - r) ** 2).sum()"),
        "20 log10 of squares": psnr_of(result="20 * torch.log10(peak**2 / mse)"),
        "peak not squared": psnr_of(result="10 * torch.log10(peak / mse)"),
        "natural logarithm": psnr_of(result="10 * torch.log(peak**2 / mse)"),
        "upside down": psnr_of(result="10 * torch.log10(mse / peak**2)"),
        "peak of 1": psnr_of(peak="torch.tensor(1.0)"),
        "range": psnr_of(peak="r.max() - r.min()"),
        "absolute errors": psnr_of(mse="(x - r).abs().mean() ** 2"),
        "root mean square": psnr_of(result="mse.sqrt()"),
        "one number a slice": psnr_of(mse="((x - r) ** 2).mean((1, 2))"),
        "a quantile as the peak": psnr_of(peak="r.quantile(0.99)"),
        "nothing returned": NO_RETURN.format(name="my_volume_psnr(volume, references)"),
    },
    "my_ssim_inside": {
        "the mask is not used": inside_of(result="values.mean()"),
        "product with the mask": inside_of(result="(values * mask).mean()"),
        "black outside, usual mean": BLACK_FIRST.format(result="values.mean()"),
        "black outside, mean inside": BLACK_FIRST.format(result="values[inside[3:-3, 3:-3]].mean()"),
        "outside": inside_of(result="values[~mask].mean()"),
        "a sum": inside_of(result="values[mask].sum()"),
        "corner of the mask": inside_of(mask="inside[:-6, :-6]"),
        "other corner of the mask": inside_of(mask="inside[6:, 6:]"),
        "mask not cut": inside_of(mask="inside"),
        "another window": inside_of(values="ssim_map(image, reference, window_size=5)", mask="inside[2:-2, 2:-2]"),
        "swapped": inside_of(values="ssim_map(reference, image)"),
        "median": inside_of(result="values[mask].median()"),
        "all values inside": inside_of(result="values[mask]"),
        "nothing returned": NO_RETURN.format(name="my_ssim_inside(image, reference, inside)"),
    },
    "my_contrast_kept": {
        "image without lesion not used": kept_of(seen="contrast(images[0])", true="contrast(references[0])"),
        "not used for the images": kept_of(seen="contrast(images[0])"),
        "no rim": kept_of(contrast="image.abs()[lesion].mean()"),
        "not divided": kept_of(result="seen"),
        "upside down": kept_of(result="true / seen"),
        "pair reversed": kept_of(seen="contrast(images[1]) - contrast(images[0])"),
        "sums": kept_of(contrast="image.abs()[lesion].sum() - image.abs()[rim].sum()"),
        "magnitude of the difference": kept_of(
            seen="contrast(images[0] - images[1])", true="contrast(references[0] - references[1])"
        ),
        "what is lost": kept_of(result="1 - seen / true"),
        "complex": kept_of(contrast="image[lesion].mean() - image[rim].mean()"),
        "rim and lesion swapped in one": kept_of(
            true="(references[0].abs()[rim].mean() - references[0].abs()[lesion].mean()) - 0"
        ),
        "brightest pixel": kept_of(contrast="image.abs()[lesion].max() - image.abs()[rim].mean()"),
        "nothing returned": NO_RETURN.format(name="my_contrast_kept(images, references, lesion, rim)"),
    },
    "my_weighted_kappa": {
        "the 1 is missing": kappa_of(result="observed / by_chance"),
        "linear": kappa_of(observed="(a - b).abs().mean()", by_chance="(a[:, None] - b[None]).abs().mean()"),
        "no weights": kappa_of(
            observed="(a != b).double().mean()", by_chance="(a[:, None] != b[None]).double().mean()"
        ),
        "upside down": kappa_of(result="1 - by_chance / observed"),
        "correlation": kappa_of(result="torch.corrcoef(torch.stack([a, b]))[0, 1]"),
        "chance of one reader": kappa_of(by_chance="((a[:, None] - a[None]) ** 2).mean()"),
        "share of equal grades": kappa_of(result="(a == b).double().mean()"),
        "sums": kappa_of(observed="((a - b) ** 2).sum()", by_chance="((a[:, None] - b[None]) ** 2).sum()"),
        "difference of the means": kappa_of(observed="(a - b).mean() ** 2"),
        "a column for each": kappa_of(by_chance="((a[:, None] - b[None]) ** 2).mean(0)"),
        "whole numbers": kappa_of(a="first", b="second"),
        "nothing returned": NO_RETURN.format(name="my_weighted_kappa(first, second)"),
    },
}
RIGHT = {
    "my_volume_psnr": {
        "in steps": psnr_of(),
        "20 log10 of a root": psnr_of(result="20 * torch.log10(peak / mse.sqrt())"),
        "slice by slice": BY_LOOP,
    },
    "my_ssim_inside": {"in steps": inside_of(), "a sum over the count": SUM_OVER_COUNT},
    "my_contrast_kept": {"in steps": kept_of(), "of the differences": OF_DIFFERENCES},
    "my_weighted_kappa": {"in steps": kappa_of(), "by the table": BY_TABLE},
}
