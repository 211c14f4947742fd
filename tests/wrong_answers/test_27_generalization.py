"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import *  # noqa: F403 (its tests go over the tables)

PARTS = "def my_drop_parts(at_home, away, matched):\n    return {}"
CHANNELS = "def my_to_channels(image, noise_std):\n    level = noise_std.expand(image.shape)\n    return {}"
LOSS = """
def my_hidden_loss(network, A, kspace, hidden):
    kept = SenseOperator(A.smaps, {mask})
    image = network(kept, {data})
    predicted = fft2c(A.smaps * image)
    missed = {missed}
    measured = {measured}
    return {result}
"""
RIGHT_LOSS = {
    "mask": "A.mask & ~hidden",
    "data": "kspace * ~hidden",
    "missed": "(hidden * (predicted - kspace)).abs().square().sum()",
    "measured": "(hidden * kspace).abs().square().sum()",
    "result": "10 * torch.log10(missed / measured)",
}


def loss(**changes):
    return LOSS.format(**RIGHT_LOSS | changes)


WRONG = {
    "my_drop_parts": {
        "swapped": PARTS.format("matched - away, at_home - matched"),
        "signs": PARTS.format("matched - at_home, away - matched"),
        "sign of harder": PARTS.format("matched - at_home, matched - away"),
        "sign of gap": PARTS.format("at_home - matched, away - matched"),
        "whole as gap": PARTS.format("at_home - matched, at_home - away"),
        "whole as harder": PARTS.format("at_home - away, matched - away"),
        "means": PARTS.format("(at_home - matched).mean(), (matched - away).mean()"),
        "means kept": PARTS.format(
            "at_home.mean() - matched.mean() + 0 * away, matched.mean() - away.mean() + 0 * away"
        ),
        "shares": PARTS.format("(at_home - matched) / (at_home - away), (matched - away) / (at_home - away)"),
        "halves": PARTS.format("(at_home - away) / 2, (at_home - away) / 2"),
        "sum only": PARTS.format("at_home - away"),
        "no return": "def my_drop_parts(at_home, away, matched):\n    gap = matched - away",
    },
    "my_to_channels": {
        "two channels": CHANNELS.format("torch.stack([image.real, image.imag], dim=1)"),
        "first axis": CHANNELS.format("torch.stack([image.real, image.imag, level])"),
        "last axis": CHANNELS.format("torch.stack([image.real, image.imag, level], dim=-1)"),
        "magnitude and phase": CHANNELS.format("torch.stack([image.abs(), image.angle(), level], dim=1)"),
        "swapped": CHANNELS.format("torch.stack([image.imag, image.real, level], dim=1)"),
        "level first": CHANNELS.format("torch.stack([level, image.real, image.imag], dim=1)"),
        "variance": CHANNELS.format("torch.stack([image.real, image.imag, level**2], dim=1)"),
        "added": CHANNELS.format("torch.stack([image.real + level, image.imag + level, level], dim=1)"),
        "divided": CHANNELS.format("torch.stack([image.real / level, image.imag / level, level], dim=1)"),
        "one level": CHANNELS.format("torch.stack([image.real, image.imag, level * 0 + level.mean()], dim=1)"),
        "complex": CHANNELS.format("torch.stack([image, image.conj(), level], dim=1)"),
        "no return": "def my_to_channels(image, noise_std):\n    level = noise_std.expand(image.shape)",
    },
    "my_hidden_loss": {
        "sees hidden": loss(data="kspace"),
        "mask not changed": loss(mask="A.mask"),
        "mask is hidden": loss(mask="A.mask & hidden"),
        "all lines": loss(missed="(predicted - kspace).abs().square().sum()", measured="kspace.abs().square().sum()"),
        "seen lines": loss(
            missed="(kept.mask * (predicted - kspace)).abs().square().sum()",
            measured="(kept.mask * kspace).abs().square().sum()",
        ),
        "all energy": loss(measured="kspace.abs().square().sum()"),
        "twenty": loss(result="20 * torch.log10(missed / measured)"),
        "ratio": loss(result="missed / measured"),
        "natural": loss(result="10 * torch.log(missed / measured)"),
        "sign": loss(result="10 * torch.log10(measured / missed)"),
        "not relative": loss(result="10 * torch.log10(missed)"),
        "no squares": loss(
            missed="(hidden * (predicted - kspace)).abs().sum()", measured="(hidden * kspace).abs().sum()"
        ),
        "magnitudes": loss(missed="(hidden * (predicted.abs() - kspace.abs())).abs().square().sum()"),
        "no return": "def my_hidden_loss(network, A, kspace, hidden):\n    image = network(A, kspace)",
    },
}
RIGHT = {
    "my_drop_parts": {
        "from the whole": (
            "def my_drop_parts(at_home, away, matched):\n"
            "    gap = matched - away\n"
            "    return (at_home - away) - gap, gap"
        ),
    },
    "my_to_channels": {
        "view as real": (
            "def my_to_channels(image, noise_std):\n"
            "    parts = torch.view_as_real(image).permute(0, 3, 1, 2)\n"
            "    level = noise_std[:, None].expand(-1, 1, *image.shape[1:])\n"
            "    return torch.cat([parts, level], dim=1)"
        ),
    },
    "my_hidden_loss": {
        "norms": loss(
            missed="torch.linalg.vector_norm(hidden * (predicted - kspace))",
            measured="torch.linalg.vector_norm(hidden * kspace)",
            result="20 * torch.log10(missed / measured)",
        ),
        "torch.where": loss(data="torch.where(hidden, 0, kspace)"),
    },
}
