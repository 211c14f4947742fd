"""Plausible wrong answers that its checks must reject, and right ones that they must accept."""

from bank import (  # noqa: F401
    test_every_exercise_has_a_bank,
    test_right_answer_is_accepted,
    test_the_lessons_own_answer_is_accepted,
    test_wrong_answer_is_rejected,
)

LENET = """
def my_lenet():
    return nn.Sequential(
        {first}, {bend}, {pool}, {second}, {bend}, {pool}, nn.Flatten(),
        {dense}, {bend}, nn.Linear(120, 84), {bend}, nn.Linear(84, 10){end}
    )
"""
RIGHT_LENET = {
    "first": "nn.Conv2d(1, 6, 5)",
    "second": "nn.Conv2d(6, 16, 5)",
    "bend": "nn.ReLU()",
    "pool": "nn.MaxPool2d(2)",
    "dense": "nn.Linear(400, 120)",
    "end": "",
}

BLOCK = """
def my_block(kind, x, block):
    if kind == "dense":
        so_far = x
        for layer in block.layers:
            so_far = {joined}
        return {mixed}
    change = {change}
    if kind == "depthwise":
        change = {depthwise}
    if kind == "attention":
        means = {means}
        factors = {factors}
        change = {weighed}
    return {result}
"""
RIGHT_BLOCK = {
    "joined": "torch.cat([so_far, layer(so_far).relu()], dim=1)",
    "mixed": "block.mix(so_far).relu()",
    "change": "block.second(block.first(x).relu())",
    "depthwise": "change",
    "means": "change.mean(dim=(2, 3))",
    "factors": "torch.sigmoid(block.excite(block.squeeze(means).relu()))[:, :, None, None]",
    "weighed": "change * factors",
    "result": "(x + change).relu()",
}


def lenet(**changes):
    return LENET.format(**RIGHT_LENET | changes)


def block(**changes):
    return BLOCK.format(**RIGHT_BLOCK | changes)


WRONG = {
    "my_lenet": {
        "ReLU behind the scores": lenet(end=", nn.ReLU()"),
        "softmax behind the scores": lenet(end=", nn.Softmax(dim=1)"),
        "only sure answers count, so none at the start": lenet(end=", nn.Softmax(dim=1), nn.Threshold(0.5, 0)"),
        "nothing bends": lenet(bend="nn.Identity()"),
        "tanh, as in 1998": lenet(bend="nn.Tanh()"),
        "leaky ReLU": lenet(bend="nn.LeakyReLU()"),
        "no ReLU behind the first convolution": lenet(
            first="nn.Conv2d(1, 6, 5), nn.MaxPool2d(2)", second="nn.Conv2d(6, 16, 5)"
        ).replace("nn.MaxPool2d(2), nn.ReLU(), nn.MaxPool2d(2)", "nn.MaxPool2d(2)"),
        "no ReLU between the dense layers": lenet()
        .replace("84), nn.ReLU(),", "84),")
        .replace("120), nn.ReLU(),", "120),"),
        "average pooling": lenet(pool="nn.AvgPool2d(2)"),
        "every second pixel": lenet(
            first="nn.Conv2d(1, 6, 5, stride=2)", second="nn.Conv2d(6, 16, 5, stride=2)", pool="nn.Identity()"
        ),
        "padding=2": lenet(
            first="nn.Conv2d(1, 6, 5, padding=2)", second="nn.Conv2d(6, 16, 5, padding=2)", dense="nn.Linear(1024, 120)"
        ),
        "6 and 16 swapped": lenet(
            first="nn.Conv2d(1, 16, 5)", second="nn.Conv2d(16, 6, 5)", dense="nn.Linear(150, 120)"
        ),
        "kernels of 3 x 3": lenet(
            first="nn.Conv2d(1, 6, 3)", second="nn.Conv2d(6, 16, 3)", dense="nn.Linear(576, 120)"
        ),
        "one pooling only": lenet().replace("nn.MaxPool2d(2), nn.Flatten()", "nn.Flatten()").replace("400", "1600"),
        "84 before 120": lenet()
        .replace("400, 120", "400, 84")
        .replace("(120, 84)", "(84, 120)")
        .replace("84, 10)", "120, 10)"),
        "84 left out": lenet().replace("nn.Linear(120, 84), nn.ReLU(), ", "").replace("84, 10)", "120, 10)"),
        "no constants": lenet(first="nn.Conv2d(1, 6, 5, bias=False)"),
        "ends at the 84": lenet().replace(", nn.ReLU(), nn.Linear(84, 10)", ""),
        "the published form": """
def my_lenet():
    return published_lenet()
""",
    },
    "my_block": {
        "no ReLU before the addition": block(change="block.second(block.first(x))"),
        "no ReLU after the sum": block(result="x + change"),
        "ReLU inside the sum": block(result="x + change.relu()"),
        "ReLU inside the sum and after it": block(result="(x + change.relu()).relu()"),
        "ReLU of both, then the sum": block(result="x.relu() + change.relu()"),
        "the shortcut forgotten": block(result="change.relu()"),
        "the shortcut starts after the first convolution": block(result="(block.first(x) + change).relu()"),
        "ReLU in front, as in later networks": block(
            change="block.second(block.first(x.relu()).relu())", result="x + change"
        ),
        "multiplied by the shortcut": block(result="(x * change).relu()"),
        "joined, then the mean of both": block(result="((x + change) / 2).relu()"),
        "the first convolution twice": block(change="block.first(block.first(x).relu())"),
        "depthwise: ReLU within the pairs": block(
            depthwise="block.second[1](block.second[0](block.first[1](block.first[0](x).relu()).relu()).relu())"
        ),
        "depthwise: mixes first": block(
            depthwise="block.second[0](block.second[1](block.first[0](block.first[1](x)).relu()))"
        ),
        "depthwise: channels are never mixed": block(depthwise="block.second[0](block.first[0](x).relu())"),
        "depthwise: ReLU6, as on telephones": block(
            depthwise="block.second(torch.nn.functional.relu6(9 * block.first(x)) / 9)"
        ),
        "depthwise: no shortcut, as in the first MobileNet": block(depthwise="change - x"),
        "dense: new maps in front": block(joined="torch.cat([layer(so_far).relu(), so_far], dim=1)"),
        "dense: no ReLU behind the layers": block(joined="torch.cat([so_far, layer(so_far)], dim=1)"),
        "dense: ReLU over everything": block(joined="torch.cat([so_far, layer(so_far)], dim=1).relu()"),
        "dense: ReLU in front of the layers": block(joined="torch.cat([so_far, layer(so_far.relu())], dim=1)"),
        "dense: no ReLU behind the mixture": block(mixed="block.mix(so_far)"),
        "dense: ReLU in front of the mixture": block(mixed="block.mix(so_far.relu()).relu()"),
        "dense: a shortcut as well": block(mixed="(x + block.mix(so_far)).relu()"),
        "no sigmoid": block(factors="block.excite(block.squeeze(means).relu())[:, :, None, None]"),
        "softmax, as if channels had to compete": block(
            factors="block.excite(block.squeeze(means).relu()).softmax(dim=1)[:, :, None, None]"
        ),
        "no ReLU between the dense layers": block(
            factors="torch.sigmoid(block.excite(block.squeeze(means)))[:, :, None, None]"
        ),
        "ReLU after the second dense layer": block(
            factors="torch.sigmoid(block.excite(block.squeeze(means)).relu())[:, :, None, None]"
        ),
        "tanh in place of the sigmoid": block(
            factors="torch.tanh(block.excite(block.squeeze(means).relu()))[:, :, None, None]"
        ),
        "the largest instead of the mean": block(means="change.amax(dim=(2, 3))"),
        "the sum instead of the mean": block(means="change.sum(dim=(2, 3))"),
        "the mean of the magnitudes": block(means="change.abs().mean(dim=(2, 3))"),
        "the mean over the batch too": block(means="change.mean(dim=(0, 2, 3)).expand(change.shape[:2])"),
        "the mean of the block's input": block(means="x.mean(dim=(2, 3))"),
        "spatial attention: the mean over channels": block(factors="torch.sigmoid(change.mean(dim=1, keepdim=True))"),
        "each row has factors of its own": block(
            means="change.mean(dim=3).transpose(1, 2)",
            factors="torch.sigmoid(block.excite(block.squeeze(means).relu())).transpose(1, 2)[..., None]",
        ),
        "attention before the second convolution": block(
            means="block.first(x).relu().mean(dim=(2, 3))", weighed="block.second(block.first(x).relu() * factors)"
        ),
        "the shortcut weighed too": block(weighed="(x + change) * factors - x"),
        "the shortcut weighed instead": block(weighed="change + x * (factors - 1)"),
        "the factors alone": block(weighed="factors.expand(change.shape)"),
        "added instead of multiplied": block(weighed="change + factors"),
        "the factors twice": block(weighed="change * factors ** 2"),
        "what is left over": block(weighed="change * (1 - factors)"),
        "scaled to keep the mean": block(weighed="change * factors / factors.mean(dim=1, keepdim=True)"),
        "no attention": block(weighed="change"),
    },
}

RIGHT = {
    "my_lenet": {
        "pooling before ReLU, the same for the largest of four": """
def my_lenet():
    maps = [part for n, m in ((1, 6), (6, 16)) for part in (nn.Conv2d(n, m, 5), nn.MaxPool2d(2), nn.ReLU())]
    dense = [part for n, m in ((400, 120), (120, 84)) for part in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(*maps, nn.Flatten(), *dense, nn.Linear(84, 10))
""",
        "the first dense layer as a convolution, as in the paper": """
def my_lenet():
    features = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
    classifier = nn.Sequential(nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    return nn.Sequential(features, classifier)
""",
        "sizes found at the first use, ReLU in place": """
def my_lenet():
    parts = [nn.LazyConv2d(6, 5), nn.ReLU(True), nn.MaxPool2d(2), nn.LazyConv2d(16, 5), nn.ReLU(True), nn.MaxPool2d(2)]
    parts += [nn.Flatten(), nn.LazyLinear(120), nn.ReLU(True), nn.LazyLinear(84), nn.ReLU(True), nn.LazyLinear(10)]
    return nn.Sequential(*parts)
""",
    },
    "my_block": {
        "kernels in the open, the sigmoid written out": """
def my_block(kind, x, block):
    conv2d, n = torch.nn.functional.conv2d, x.shape[1]
    if kind == "dense":
        maps = [x]
        for layer in block.layers:
            maps.append(layer(torch.cat(maps, dim=1)).clamp_min(0))
        return torch.relu(block.mix(torch.cat(maps, dim=1)))
    if kind == "depthwise":
        inner = conv2d(conv2d(x, block.first[0].weight, padding=1, groups=n), block.first[1].weight).clamp_min(0)
        change = conv2d(conv2d(inner, block.second[0].weight, padding=1, groups=n), block.second[1].weight)
    else:
        change = conv2d(conv2d(x, block.first.weight, padding=1).clamp_min(0), block.second.weight, padding=1)
    if kind == "attention":
        means = torch.einsum("ncyx->nc", change) / change[0, 0].numel()
        z = (means @ block.squeeze.weight.T).clamp_min(0) @ block.excite.weight.T
        change = torch.einsum("ncyx,nc->ncyx", change, 1 / (1 + torch.exp(-z)))
    return torch.maximum(x + change, torch.zeros(()))
""",
        "kind by kind, image by image": """
def my_block(kind, x, block):
    def change_of(image):
        change = block.second(block.first(image[None]).relu())[0]
        if kind == "attention":
            factor = block.excite(block.squeeze(change.flatten(1).mean(dim=1)[None]).relu()).sigmoid()[0]
            change = change * factor[:, None, None]
        return change
    if kind != "dense":
        return torch.stack([image + change_of(image) for image in x]).relu()
    for layer in block.layers:
        x = torch.cat((x, torch.relu(layer(x))), dim=-3)
    return block.mix(x).relu()
""",
    },
}
