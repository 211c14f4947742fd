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

SHIFT = """
def my_percent_by_shift(network, images, labels, shifts):
    percent = []
    for shift in shifts:
        {move}
        answers = {answers}
        percent.append({value})
    return {result}
"""
RIGHT_SHIFT = {
    "move": "moved = images.roll(shift, dims=-1)",
    "answers": "network(moved).argmax(dim=1)",
    "value": "100 * (answers == labels).float().mean().item()",
    "result": "percent",
}

RESIDUAL = """
def my_residual_block(maps, first, second):
    change = {change}
    return {result}
"""
RIGHT_RESIDUAL = {"change": "second(first(maps).relu())", "result": "(maps + change).relu()"}

ATTENTION = """
def my_channel_attention(maps, squeeze, excite):
    means = {means}
    factors = {factors}
    return {result}
"""
RIGHT_ATTENTION = {
    "means": "maps.mean(dim=(2, 3))",
    "factors": "excite(squeeze(means).relu()).sigmoid()",
    "result": "maps * factors[:, :, None, None]",
}


def lenet(**changes):
    return LENET.format(**RIGHT_LENET | changes)


def shift(**changes):
    return SHIFT.format(**RIGHT_SHIFT | changes)


def residual(**changes):
    return RESIDUAL.format(**RIGHT_RESIDUAL | changes)


def attention(**changes):
    return ATTENTION.format(**RIGHT_ATTENTION | changes)


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
        "nothing returned": """
def my_lenet():
    network = modern_lenet()
""",
        "a list of layers": """
def my_lenet():
    return [nn.Conv2d(1, 6, 5), nn.ReLU()]
""",
        "no Flatten": lenet().replace("nn.Flatten(),", ""),
        "sizes that do not fit": lenet(dense="nn.Linear(256, 120)"),
        "constants missing in the dense layers": lenet(dense="nn.Linear(400, 120, bias=False)"),
        "one score": lenet().replace("84, 10)", "84, 1)"),
        "eleven scores": lenet().replace("84, 10)", "84, 11)"),
        "dropout": lenet(end="").replace("nn.Linear(84, 10)", "nn.Dropout(0.5), nn.Linear(84, 10)"),
        "a batch norm": lenet().replace("nn.Flatten(),", "nn.BatchNorm2d(16), nn.Flatten(),"),
        "three channels": lenet(first="nn.Conv2d(3, 6, 5)"),
        "log-softmax at the end": lenet(end=", nn.LogSoftmax(dim=1)"),
        "padding=2 in the first alone": lenet(first="nn.Conv2d(1, 6, 5, padding=2)", dense="nn.Linear(576, 120)"),
        "ReLU without brackets": lenet(bend="nn.ReLU"),
        "pooling without a size": lenet(pool="nn.MaxPool2d()"),
        "pooling without brackets": lenet(pool="nn.MaxPool2d"),
        "a dense layer without sizes": lenet(dense="nn.Linear(400)"),
        "the layer itself instead of the network": """
def my_lenet():
    return nn.Linear
""",
    },
    "my_percent_by_shift": {
        "nothing returned": shift(result="None"),
        "only the last one": shift(result="percent[-1]"),
        "shares instead of percent": shift(value="(answers == labels).float().mean().item()"),
        "numbers of digits": shift(value="(answers == labels).sum().item()"),
        "the wrong ones": shift(value="100 * (answers != labels).float().mean().item()"),
        "moved down": shift(move="moved = images.roll(shift, dims=-2)"),
        "moved down, by the number of the axis": shift(move="moved = images.roll(shift, dims=2)"),
        "moved along the flat images": shift(move="moved = images.roll(shift)"),
        "moved to other images": shift(move="moved = images.roll(shift, dims=0)"),
        "moved to the left": shift(move="moved = images.roll(-shift, dims=-1)"),
        "along both axes": shift(move="moved = images.roll((shift, shift), dims=(-2, -1)).roll(1, dims=-1)"),
        "moved further each time": shift(move="images = moved = images.roll(shift, dims=-1)"),
        "not moved": shift(move="moved = images"),
        "moved, but the network sees the old ones": shift(answers="network(images).argmax(dim=1)"),
        "as far to the left as to the right": shift(move="moved = images.roll(abs(shift), dims=-1)"),
        "shifts by their number": shift().replace("for shift in shifts", "for shift in range(len(shifts))"),
        "one shift too few": shift().replace("in shifts", "in shifts[1:]"),
        "always seven shifts": shift().replace("in shifts", "in range(7)"),
        "the labels move along": shift(value="100 * (answers == labels + shift).float().mean().item()"),
        "the lowest score": shift(answers="network(moved).argmin(dim=1)"),
        "the highest score over the images": shift(answers="network(moved).argmax(dim=0)[:len(labels)]"),
        "scores instead of answers": shift(answers="network(moved).amax(dim=1)"),
        "one answer for all images": shift(answers="network(moved).argmax()"),
        "scores compared with labels": shift(answers="network(moved)"),
        "an answer for each column": shift(answers="network(moved).argmax(dim=0)"),
        "the mean of True and False": shift(value="100 * (answers == labels).mean().item()"),
        "one number for each digit": shift(value="100 * (answers == labels).float().item()"),
        "another network than the one that came": shift(answers="reader(moved).argmax(dim=1)"),
        "compares with the answers on centred images": shift(
            value="100 * (answers == network(images).argmax(dim=1)).float().mean().item()"
        ),
        "cut off and filled with zeros on the wrong side": shift(
            move="moved = torch.zeros_like(images); n = images.shape[-1]; "
            "moved[..., :n - abs(shift)] = images[..., abs(shift):]"
        ),
        "changes the images": shift(move="images.copy_(images.roll(shift, dims=-1)); moved = images"),
        "changes the images and puts back nothing but the sum": shift(
            move="images += 1; moved = images.roll(shift, dims=-1)"
        ),
        "hard-coded": shift(result="[40.0, 0.0, 20.0, 10.0, 30.0]"),
        "the first image only": shift(move="moved = images[:1].roll(shift, dims=-1)"),
        "each image loses its channel": shift(answers="network(moved[:, 0]).argmax(dim=1)"),
        "sum over the shifts": shift(result="sum(percent)"),
        "a dictionary": shift(result="dict(zip(shifts, percent))"),
        "text": shift(result="[f'{p} %' for p in percent]"),
        "NaN": shift(value="float('nan')"),
        "ignores the labels": shift(value="100 * (answers == 5).float().mean().item()"),
    },
    "my_residual_block": {
        "ReLU behind the second convolution": residual(change="second(first(maps)).relu()"),
        "ReLU of the input, its first convolution": residual(change="second(first(maps.relu()).relu())"),
        "nothing returned": residual(result="None"),
        "the shortcut forgotten": residual(result="change.relu()"),
        "the change alone": residual(result="change"),
        "no ReLU at the end": residual(result="maps + change"),
        "ReLU inside the sum": residual(result="maps + change.relu()"),
        "ReLU inside the sum and after it": residual(result="(maps + change.relu()).relu()"),
        "ReLU of both, then the sum": residual(result="maps.relu() + change.relu()"),
        "no ReLU between": residual(change="second(first(maps))"),
        "ReLU in front, as in later networks": residual(
            change="second(first(maps.relu()).relu())", result="maps + change"
        ),
        "ReLU of the input alone": residual(result="maps.relu() + change"),
        "a shortcut around each convolution": residual(
            change="second((maps + first(maps)).relu())", result="((maps + first(maps)).relu() + change).relu()"
        ),
        "nn.ReLU as a function": residual(change="second(nn.ReLU(first(maps)))", result="nn.ReLU(maps + change)"),
        "nn.ReLU as a function, at the end": residual(result="nn.ReLU(maps + change)"),
        "nn.ReLU as a function, inside the sum": residual(result="maps + nn.ReLU(change)"),
        "relu without brackets": residual(change="second(first(maps).relu)"),
        "relu without brackets, at the end": residual(result="(maps + change).relu"),
        "ReLU in front and behind": residual(change="second(first(maps.relu()).relu())"),
        "the shortcut starts after the first convolution": residual(result="(first(maps).relu() + change).relu()"),
        "the second convolution left out": residual(change="first(maps).relu()"),
        "the first convolution left out": residual(change="second(maps).relu()"),
        "the first twice": residual(change="first(first(maps).relu())"),
        "the second twice": residual(change="second(second(maps).relu())"),
        "exchanged": residual(change="first(second(maps).relu())"),
        "multiplied": residual(result="(maps * change).relu()"),
        "subtracted": residual(result="(change - maps).relu()"),
        "the change subtracted": residual(result="(maps - change).relu()"),
        "the mean of both": residual(result="((maps + change) / 2).relu()"),
        "joined": residual(result="torch.cat([maps, change], dim=1).relu()"),
        "leaky ReLU": residual(result="nn.functional.leaky_relu(maps + change)"),
        "sigmoid": residual(result="(maps + change).sigmoid()"),
        "the magnitude": residual(result="(maps + change).abs()"),
        "tanh between": residual(change="second(first(maps).tanh())"),
        "the input changed by relu_": residual(result="maps.add_(change).relu_()"),
        "the input changed first": residual(change="second(first(maps.relu_()).relu())"),
        "one image only": residual(result="(maps + change).relu()[:1]"),
        "batch and channels mixed up": residual(result="(maps + change).relu().transpose(0, 1)"),
        "x and y mixed up": residual(result="(maps + change).relu().mT"),
        "the maps themselves": residual(result="maps.relu()"),
        "a tuple": residual(result="((maps + change).relu(),)"),
        "other weights": residual(change="nn.Conv2d(8, 8, 3, padding=1)(first(maps).relu())"),
        "no padding": residual(change="second(first(maps).relu())[..., 1:-1, 1:-1]"),
        "added twice": residual(result="(2 * maps + change).relu()"),
        "the change weighed by 0.1, as in some papers": residual(result="(maps + 0.1 * change).relu()"),
    },
    "my_channel_attention": {
        "mean of everything": attention(factors="excite(squeeze(maps.mean()).relu()).sigmoid()"),
        "nothing returned": attention(result="None"),
        "no sigmoid": attention(factors="excite(squeeze(means).relu())"),
        "softmax, as if channels had to compete": attention(factors="excite(squeeze(means).relu()).softmax(dim=1)"),
        "tanh": attention(factors="excite(squeeze(means).relu()).tanh()"),
        "ReLU for the sigmoid": attention(factors="excite(squeeze(means).relu()).relu()"),
        "ReLU before the sigmoid": attention(factors="excite(squeeze(means).relu()).relu().sigmoid()"),
        "no ReLU between": attention(factors="excite(squeeze(means)).sigmoid()"),
        "sigmoid between": attention(factors="excite(squeeze(means).sigmoid()).sigmoid()"),
        "the largest": attention(means="maps.amax(dim=(2, 3))"),
        "the sum": attention(means="maps.sum(dim=(2, 3))"),
        "the mean of the magnitudes": attention(means="maps.abs().mean(dim=(2, 3))"),
        "the mean after a ReLU": attention(means="maps.relu().mean(dim=(2, 3))"),
        "the mean over the batch too": attention(means="maps.mean(dim=(0, 2, 3)).expand(maps.shape[:2])"),
        "the mean over one axis, first row": attention(means="maps.mean(dim=3)[:, :, 0]"),
        "the mean over one axis, first column": attention(means="maps.mean(dim=2)[:, :, 0]"),
        "the mean over the channels": attention(means="maps.mean(dim=1)"),
        "spatial attention": attention(result="maps * maps.mean(dim=1, keepdim=True).sigmoid()"),
        "the middle pixel": attention(means="maps[:, :, 3, 5]"),
        "without the dense layers": attention(factors="means.sigmoid()"),
        "nn.ReLU as a function": attention(factors="excite(nn.ReLU(squeeze(means))).sigmoid()"),
        "nn.Sigmoid as a function": attention(factors="nn.Sigmoid(excite(squeeze(means).relu()))"),
        "sigmoid without brackets": attention(factors="excite(squeeze(means).relu()).sigmoid"),
        "relu without brackets": attention(factors="excite(squeeze(means).relu).sigmoid()"),
        "the mean over y alone": attention(means="maps.mean(dim=2)"),
        "squeeze left out": attention(factors="excite(means.relu()[:, :2]).sigmoid()"),
        "excite before squeeze": attention(factors="squeeze(excite(means).relu()).sigmoid()"),
        "the factors alone": attention(result="factors"),
        "the factors alone, with axes": attention(result="factors[:, :, None, None]"),
        "the factors alone, everywhere": attention(result="factors[:, :, None, None].expand(maps.shape)"),
        "added": attention(result="maps + factors[:, :, None, None]"),
        "the shortcut as well": attention(result="maps + maps * factors[:, :, None, None]"),
        "twice": attention(result="maps * factors[:, :, None, None] ** 2"),
        "what is left over": attention(result="maps * (1 - factors[:, :, None, None])"),
        "no attention": attention(result="maps"),
        "half of everything": attention(result="maps / 2"),
        "axes forgotten": attention(result="maps * factors"),
        "axes in front": attention(result="maps * factors[None, None]"),
        "factors of the first image for all": attention(result="maps * factors[:1, :, None, None]"),
        "changes the maps": attention(result="maps.mul_(factors[:, :, None, None])"),
        "a ReLU at the end": attention(result="(maps * factors[:, :, None, None]).relu()"),
        "scaled to keep the mean": attention(
            result="maps * (factors / factors.mean(dim=1, keepdim=True))[:, :, None, None]"
        ),
        "standardised": attention(result="(maps - maps.mean(dim=(2, 3), keepdim=True)) * factors[:, :, None, None]"),
        "a list": attention(result="[maps * factors[:, :, None, None]]"),
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
    "my_percent_by_shift": {
        "a tensor": """
def my_percent_by_shift(network, images, labels, shifts):
    found = torch.zeros(len(shifts))
    for number, shift in enumerate(shifts):
        scores = network(torch.roll(images, shift, 3))
        found[number] = 100 * int((scores.max(dim=1).indices == labels).sum()) / len(labels)
    return found
""",
        "image by image, cut apart and joined": """
def my_percent_by_shift(network, images, labels, shifts):
    percent = []
    for shift in shifts:
        right = 0
        for image, label in zip(images, labels):
            n = image.shape[-1]
            moved = torch.cat([image[..., n - shift % n:], image[..., :n - shift % n]], dim=-1)
            right += int(network(moved[None])[0].argmax()) == int(label)
        percent.append(right / len(images) * 100)
    return tuple(percent)
""",
        "0-dimensional tensors in a list, without gradients": """
@torch.no_grad()
def my_percent_by_shift(network, images, labels, shifts):
    return [100 * (network(images.roll((0, s), (2, 3))).argmax(1) == labels).double().mean() for s in shifts]
""",
    },
    "my_residual_block": {
        "written out": """
def my_residual_block(maps, first, second):
    inner = torch.clamp(first(maps), min=0)
    return torch.maximum(second(inner) + maps, torch.zeros(()))
""",
        "image by image, modules of ReLU": """
def my_residual_block(maps, first, second):
    bend = nn.ReLU()
    body = nn.Sequential(first, bend, second)
    return torch.cat([bend(image[None] + body(image[None])) for image in maps])
""",
        "in place, on its own tensors": """
def my_residual_block(maps, first, second):
    result = second(first(maps).relu_())
    result += maps
    return result.relu_()
""",
    },
    "my_channel_attention": {
        "written out": """
def my_channel_attention(maps, squeeze, excite):
    n, channels, ny, nx = maps.shape
    means = maps.sum(dim=3).sum(dim=2) / (ny * nx)
    z = excite(torch.clamp(squeeze(means), min=0))
    return maps * (1 / (1 + torch.exp(-z))).view(n, channels, 1, 1)
""",
        "image by image": """
def my_channel_attention(maps, squeeze, excite):
    weighed = []
    for image in maps:
        factors = torch.sigmoid(excite(torch.relu(squeeze(image.flatten(1).mean(dim=1)[None]))))[0]
        weighed.append(torch.stack([factor * channel for factor, channel in zip(factors, image)]))
    return torch.stack(weighed)
""",
    },
}
