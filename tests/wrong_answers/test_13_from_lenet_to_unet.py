"""Lesson 13: plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

ATTENTION = """
def my_channel_attention(change, squeeze, excite):
    means = {means}
    factors = {factors}
    return {result}
"""
RIGHT_ATTENTION = {
    "means": "change.mean(dim=(2, 3))",
    "factors": "torch.sigmoid(excite(squeeze(means).relu()))",
    "result": "change * factors[:, :, None, None]",
}

UNET = """
def my_unet(x, down_blocks, bottom, enlargements, up_blocks):
    skips = []
    for block in down_blocks:
        x = block(x)
        skips.append({kept})
        x = {pooled}
    x = {deep}
    for enlarge, block in zip(enlargements, up_blocks):
        x = block({joined})
    return x
"""
RIGHT_UNET = {
    "kept": "x",
    "pooled": "avg_pool2d(x, 2)",
    "deep": "bottom(x)",
    "joined": "torch.cat([enlarge(x), skips.pop()], dim=1)",
}


def attention(**changes):
    return ATTENTION.format(**RIGHT_ATTENTION | changes)


def unet(**changes):
    return UNET.format(**RIGHT_UNET | changes)


WRONG = {
    "my_channel_attention": {
        "no sigmoid": attention(factors="excite(squeeze(means).relu())"),
        "softmax, as if channels had to compete": attention(factors="excite(squeeze(means).relu()).softmax(dim=1)"),
        "ReLU forgotten": attention(factors="torch.sigmoid(excite(squeeze(means)))"),
        "ReLU after the second layer": attention(factors="torch.sigmoid(excite(squeeze(means)).relu())"),
        "tanh in place of the sigmoid": attention(factors="torch.tanh(excite(squeeze(means).relu()))"),
        "the largest instead of the mean": attention(means="change.amax(dim=(2, 3))"),
        "the sum instead of the mean": attention(means="change.sum(dim=(2, 3))"),
        "the mean of the magnitudes": attention(means="change.abs().mean(dim=(2, 3))"),
        "the mean over the batch too": attention(means="change.mean(dim=(0, 2, 3)).expand(change.shape[:2])"),
        "spatial attention: one factor for each pixel": attention(
            factors="torch.sigmoid(change.mean(dim=1, keepdim=True))", result="change * factors"
        ),
        "each row has factors of its own": attention(
            means="change.mean(dim=3).transpose(1, 2)",
            result="change * factors.transpose(1, 2)[..., None]",
        ),
        "the factors alone": attention(result="factors[:, :, None, None].expand(change.shape)"),
        "the factors without the image's axes": attention(result="factors"),
        "added instead of multiplied": attention(result="change + factors[:, :, None, None]"),
        "the factors twice": attention(result="change * factors[:, :, None, None] ** 2"),
        "what is left over": attention(result="change * (1 - factors[:, :, None, None])"),
        "scaled to keep the mean": attention(
            result="change * (factors / factors.mean(dim=1, keepdim=True))[:, :, None, None]"
        ),
    },
    "my_unet": {
        "no skips: the enlarged map twice": unet(joined="torch.cat([enlarge(x)] * 2, dim=1)"),
        "no skips: zeros": unet(joined="torch.cat([enlarge(x), torch.zeros_like(skips.pop())], dim=1)"),
        "the skip first": unet(joined="torch.cat([skips.pop(), enlarge(x)], dim=1)"),
        "the skip alone": unet(joined="torch.cat([skips[-1], skips.pop()], dim=1)"),
        "the bottom left out": unet(deep="torch.cat([x, x], dim=1)"),
        "the bottom twice as bright": unet(deep="2 * bottom(x)"),
        "max pooling": unet(pooled="torch.nn.functional.max_pool2d(x, 2)"),
        "every second pixel instead of the mean": unet(pooled="x[:, :, ::2, ::2]"),
        "skips blurred by the pooling": unet(kept="interpolate(avg_pool2d(x, 2), scale_factor=2)"),
        "skips that pass no gradient and no sign": unet(kept="x.detach().abs()"),
        "the sum of both": unet(
            joined="torch.cat([enlarge(x) + skips[-1], skips.pop()], dim=1)",
        ),
        "skips halved, as if the sum should keep its size": unet(
            joined="torch.cat([enlarge(x), 0.5 * skips.pop()], dim=1)"
        ),
    },
}

RIGHT = {
    "my_channel_attention": {
        "sums by einsum, the sigmoid written out": """
def my_channel_attention(change, squeeze, excite):
    ny, nx = change.shape[2:]
    z = excite(squeeze(torch.einsum("ncyx->nc", change) / (ny * nx)).clamp_min(0))
    return torch.einsum("ncyx,nc->ncyx", change, 1 / (1 + torch.exp(-z)))
""",
        "image by image": """
def my_channel_attention(change, squeeze, excite):
    weighed = []
    for image in change:
        factor = excite(squeeze(image.flatten(1).mean(dim=1)[None]).relu()).sigmoid()[0]
        weighed.append(image * factor[:, None, None])
    return torch.stack(weighed)
""",
    },
    "my_unet": {
        "by recursion": """
def my_unet(x, down_blocks, bottom, enlargements, up_blocks):
    if not len(down_blocks):
        return bottom(x)
    skip = down_blocks[0](x)
    inner = list(down_blocks)[1:], bottom, list(enlargements)[:-1], list(up_blocks)[:-1]
    deep = my_unet(avg_pool2d(skip, 2), *inner)
    return list(up_blocks)[-1](torch.cat([list(enlargements)[-1](deep), skip], dim=1))
""",
        "skips by number, pooling as a mean of four": """
def my_unet(x, down_blocks, bottom, enlargements, up_blocks):
    skips = {}
    for level, block in enumerate(down_blocks):
        skips[level] = x = block(x)
        x = (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
    x = bottom(x)
    for level in reversed(range(len(skips))):
        step = len(skips) - 1 - level
        x = up_blocks[step](torch.cat((enlargements[step](x), skips[level]), dim=1))
    return x
""",
    },
}
