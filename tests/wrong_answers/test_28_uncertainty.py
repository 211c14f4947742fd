"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import *  # noqa: F403 (its tests go over the tables)

LOSS = "def my_laplace_loss(estimate, spread, truth):\n    error = (estimate - truth).abs()\n    return {}"
FACTOR = """
def my_calibration_factor(error, spread, inside):
    factors = []
    for e, u, where in zip(error, spread, inside):
        factors.append({each})
    return {result}
"""
SCORES = """
def my_subject_scores(error, spread, inside, share):
    scores = []
    for e, u, where in zip(error, spread, inside):
        scores.append({each})
    return {result}
"""
QUANTILE = """
def my_conformal_quantile(scores, miss):
    n = len(scores)
    rank = {rank}
    if {few}:
        return float("inf")
    return {result}
"""
RIGHT_RANK = "math.ceil(round((n + 1) * (1 - miss), 6))"


def factor(each="(e[where] / u[where]).mean()", result="torch.stack(factors).mean()"):
    return FACTOR.format(each=each, result=result)


def scores(each="(e[where] / u[where]).quantile(share)", result="torch.stack(scores)"):
    return SCORES.format(each=each, result=result)


def quantile(rank=RIGHT_RANK, few="rank > n", result="scores.sort().values[rank - 1]"):
    return QUANTILE.format(rank=rank, few=few, result=result)


WRONG = {
    "my_laplace_loss": {
        "no return": "def my_laplace_loss(estimate, spread, truth):\n    error = (estimate - truth).abs()",
        "no logarithm": LOSS.format("error / spread"),
        "not divided": LOSS.format("error + torch.log(2 * spread)"),
        "sign": LOSS.format("error / spread - torch.log(2 * spread)"),
        "signed error": LOSS.format("(estimate - truth) / spread + torch.log(2 * spread)"),
        "squared": LOSS.format("error**2 / spread + torch.log(2 * spread)"),
        "Gaussian": LOSS.format("(error / spread) ** 2 + torch.log(2 * spread)"),
        "multiplied": LOSS.format("error * spread + torch.log(2 * spread)"),
        "without 2": LOSS.format("error / spread + torch.log(spread)"),
        "u for its logarithm": LOSS.format("error / spread + 2 * spread"),
        "base 10": LOSS.format("error / spread + torch.log10(2 * spread)"),
        "averaged": LOSS.format("(error / spread + torch.log(2 * spread)).mean()"),
        "half of it": LOSS.format("(error / spread + torch.log(2 * spread)) / 2"),
    },
    "my_calibration_factor": {
        "no return": FACTOR.format(each="(e[where] / u[where]).mean()", result="None"),
        "with air": factor(each="(e / u).mean()"),
        "air as zero": factor(each="(e / u * where).mean()"),
        "all pixels alike": factor(result="(error / spread)[inside].mean()"),
        "inverse": factor(each="(u[where] / e[where]).mean()"),
        "one over": factor(result="1 / torch.stack(factors).mean()"),
        "median": factor(each="(e[where] / u[where]).median()"),
        "mean over mean": factor(each="e[where].mean() / u[where].mean()"),
        "sum": factor(result="torch.stack(factors).sum()"),
        "one for each subject": factor(result="torch.stack(factors)"),
        "error alone": factor(each="e[where].mean()"),
    },
    "my_subject_scores": {
        "no return": SCORES.format(each="(e[where] / u[where]).quantile(share)", result="None"),
        "with air": scores(each="(e / u).flatten().quantile(share)"),
        "error alone": scores(each="e[where].quantile(share)"),
        "other tail": scores(each="(e[where] / u[where]).quantile(1 - share)"),
        "largest": scores(each="(e[where] / u[where]).max()"),
        "mean": scores(each="(e[where] / u[where]).mean()"),
        "turned over": scores(each="(u[where] / e[where]).quantile(share)"),
        "one for all": scores(result="(error / spread)[inside].quantile(share).expand(len(error))"),
        "mean of all": scores(result="torch.stack(scores).mean()"),
    },
    "my_conformal_quantile": {
        "no return": QUANTILE.format(rank=RIGHT_RANK, few="rank > n", result="None"),
        "not sorted": quantile(result="scores[rank - 1]"),
        "off by one": quantile(result="scores.sort().values[min(rank, n - 1)]"),
        "n for n + 1": quantile(rank="math.ceil(round(n * (1 - miss), 6))"),
        "rounded down": quantile(rank="max(1, int((n + 1) * (1 - miss) - 0.001))"),
        "miss for 1 - miss": quantile(rank="math.ceil(round((n + 1) * miss, 6))"),
        "interpolated": quantile(result="scores.quantile(1 - miss)"),
        "largest": quantile(result="scores.max()"),
        "a promise from three": quantile(few="False", result="scores.sort().values[min(rank, n) - 1]"),
        "descending": quantile(result="scores.sort(descending=True).values[rank - 1]"),
        "the rank": quantile(result="0.5 * rank"),
    },
}
RIGHT = {
    "my_laplace_loss": {
        "by torch": (
            "def my_laplace_loss(estimate, spread, truth):\n"
            "    return -torch.distributions.Laplace(estimate, spread).log_prob(truth)"
        ),
        "two logarithms": LOSS.format("error / spread + spread.log() + math.log(2)"),
    },
    "my_calibration_factor": {
        "at once": (
            "def my_calibration_factor(error, spread, inside):\n"
            "    ratio = torch.where(inside, error / spread, 0)\n"
            "    return (ratio.sum((1, 2)) / inside.sum((1, 2))).mean()"
        ),
        "a number": factor(result="float(sum(factors) / len(factors))"),
    },
    "my_subject_scores": {
        "by rank": scores(each="(e[where] / u[where]).sort().values[math.ceil(share * int(where.sum())) - 1]"),
        "quantile of torch": scores(),
        "air set aside": (
            "def my_subject_scores(error, spread, inside, share):\n"
            "    ratio = torch.where(inside, error / spread, torch.nan)\n"
            "    return ratio.flatten(1).nanquantile(share, dim=1)"
        ),
    },
    "my_conformal_quantile": {
        "kthvalue": quantile(result="float(scores.kthvalue(rank).values)"),
        "with infinity at the end": (
            "def my_conformal_quantile(scores, miss):\n"
            "    longer = torch.cat([scores, torch.tensor([float('inf')])]).sort().values\n"
            "    return longer[math.ceil(round((len(scores) + 1) * (1 - miss), 6)) - 1]"
        ),
    },
}
