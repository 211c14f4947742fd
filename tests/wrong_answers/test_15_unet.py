"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

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


def unet(**changes):
    return UNET.format(**RIGHT_UNET | changes)


WRONG = {
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
