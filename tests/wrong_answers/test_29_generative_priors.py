"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import *  # noqa: F403 (its tests go over the tables)

MEAN = """
def my_denoise_images(x, images, sigma):
    distance = x[:, None] - images
    weights = {weights}
    return {result}
"""
DRAW = """
def my_data_draw(image, kspace, mask, noise_std, rho):
    a = {a}
    b = {b}
    have = {have}
    return {result}
"""
COVERAGE = """
def my_range_coverage(samples, truth, inside):
    low = samples.amin(0)
    high = samples.amax(0)
    within = {within}
    return {result}
"""
CHOICE = """
def my_best_on_others(scores):
    n = scores.shape[1]
    found = []
    for k in range(n):
        others = {others}
        found.append({each})
    return {result}
"""


def mean(weights="torch.exp(-distance**2 / (2 * sigma**2))", result="(weights * images).sum(1) / weights.sum(1)"):
    return MEAN.format(weights=weights, result=result)


def draw(
    a="1 / rho**2",
    b="1 / noise_std**2",
    have="fft2c(image)",
    result="ifft2c(torch.where(mask, (a * have + b * kspace) / (a + b), have))",
):
    return DRAW.format(a=a, b=b, have=have, result=result)


def share(within="(truth >= low) & (truth <= high)", result="100 * within[inside].float().mean().item()"):
    return COVERAGE.format(within=within, result=result)


def choice(
    others="torch.cat([scores[:, :k], scores[:, k + 1 :]], dim=1).mean(1)",
    each="scores[others.argmax(), k]",
    result="torch.stack(found)",
):
    return CHOICE.format(others=others, each=each, result=result)


WRONG = {
    "my_denoise_images": {
        "no return": mean(result="None"),
        "not divided": mean(result="(weights * images).sum(1)"),
        "without 2": mean(weights="torch.exp(-distance**2 / sigma**2)"),
        "sigma not squared": mean(weights="torch.exp(-distance**2 / (2 * sigma))"),
        "distance not squared": mean(weights="torch.exp(-distance.abs() / (2 * sigma**2))"),
        "sign": mean(weights="torch.exp(distance**2 / (2 * sigma**2))"),
        "nearest": mean(result="images[distance.abs().argmin(1)]"),
        "all alike": mean(weights="torch.ones_like(distance)"),
        "over their number": mean(result="(weights * images).mean(1)"),
        "over readings": mean(result="(weights * images).sum(0) / weights.sum(0)"),
        "no pairs": "def my_denoise_images(x, images, sigma):\n    return torch.exp(-(x - images) ** 2)",
    },
    "my_data_draw": {
        "no return": draw(result="None"),
        "stays in k-space": draw(result="torch.where(mask, (a * have + b * kspace) / (a + b), have)"),
        "weights turned round": draw(a="1 / noise_std**2", b="1 / rho**2"),
        "not squared": draw(a="1 / rho", b="1 / noise_std"),
        "replaced": draw(result="ifft2c(torch.where(mask, kspace, have))"),
        "alike": draw(a="1", b="1"),
        "measured zeros": draw(result="ifft2c((a * have + b * kspace) / (a + b))"),
        "not measured is lost": draw(result="ifft2c(mask * (a * have + b * kspace) / (a + b))"),
        "not divided": draw(result="ifft2c(torch.where(mask, a * have + b * kspace, have))"),
        "image for k-space": draw(have="image", result="torch.where(mask, (a * have + b * kspace) / (a + b), have)"),
        "nothing": draw(result="image"),
        "variances as weights": draw(a="rho**2", b="noise_std**2"),
    },
    "my_range_coverage": {
        "no return": share(result="None"),
        "share": share(result="within[inside].float().mean().item()"),
        "outside": share(result="100 - 100 * within[inside].float().mean().item()"),
        "with air": share(result="100 * within.float().mean().item()"),
        "air as outside": share(result="100 * (within & inside).float().mean().item()"),
        "one standard deviation": share(within="(truth - samples.mean(0)).abs() <= samples.std(0)"),
        "upper end": share(within="truth <= high"),
        "lower end": share(within="truth >= low"),
        "count": share(result="within[inside].sum().item()"),
        "range of all pixels": share(within="(truth >= samples.min()) & (truth <= samples.max())"),
    },
    "my_best_on_others": {
        "no return": choice(result="None"),
        "on its own score": choice(others="scores[:, k]"),
        "itself in the mean": choice(others="scores.mean(1)"),
        "worst": choice(each="scores[others.argmin(), k]"),
        "score of the others": choice(each="others.max()"),
        "number of the setting": choice(each="others.argmax().float()"),
        "mean over settings": choice(each="scores[:, k].mean()"),
        "one number": choice(result="torch.stack(found).mean()"),
    },
}

RIGHT = {
    "my_denoise_images": {
        "softmax": """
def my_denoise_images(x, images, sigma):
    shares = torch.softmax(-((x[:, None] - images) ** 2) / (2 * sigma**2), dim=1)
    return shares @ images
""",
        "loop": """
def my_denoise_images(x, images, sigma):
    means = []
    for reading in x:
        w = torch.exp(-0.5 * ((images - reading) / sigma) ** 2)
        means.append((w * images).sum() / w.sum())
    return torch.stack(means)
""",
    },
    "my_data_draw": {
        "a step towards the data": """
def my_data_draw(image, kspace, mask, noise_std, rho):
    step = rho**2 / (rho**2 + noise_std**2)
    return image + step * ifft2c(mask * (kspace - fft2c(image)))
""",
    },
    "my_range_coverage": {
        "sorted": """
def my_range_coverage(samples, truth, inside):
    ordered = samples.sort(0).values
    held = (ordered[0] <= truth) * (truth <= ordered[-1])
    return 100 * (held * inside).sum() / inside.sum()
""",
    },
    "my_best_on_others": {
        "sums": """
def my_best_on_others(scores):
    rest = scores.sum(1, keepdim=True) - scores
    return scores.gather(0, rest.argmax(0, keepdim=True))[0]
""",
    },
}
