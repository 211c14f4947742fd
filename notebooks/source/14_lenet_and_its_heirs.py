# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 14 · LeNet and its heirs
#
# **You will be able to**
# - build LeNet-5, and account for every parameter of its two forms;
# - test a classifier honestly, and find out what it goes by;
# - write residual, dense, attention and depthwise blocks, and compare them at equal weights and at equal time.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[batch_normalization]] | about 25 s | digits of 13 writers; heads with contrast, phase, noise simulated; eight trained networks |

# %% slideshow={"slide_type": "skip"}
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, pad

from mricourse import claim, device, fft2c, ifft2c, random_complex, your_turn
from mricourse.evaluation import computing_seconds, psnr
from mricourse.networks import BLOCKS, modern_lenet, published_lenet
from mricourse.physics import stack
from mricourse.plotting import show_images
from mricourse.simulate import brain_slices
from mricourse.training import load_checkpoint

DEVICE = device()  # the GPU where there is one
N_STEPS, RATE, NOISE_STD = 400, 4e-3, 0.02  # of a live training; noise of real and imaginary part, brightest pixel 1

# %% [markdown] slideshow={"slide_type": "slide"}
# ## LeNet-5: from pixels to a name
#
# [[batch_normalization]] completed the box of parts and left open what to build of them. The first famous answer,
# LeNet-5 (1998), read digits.
#
# That is **classification**: out comes no image but one score $s_k$ for each of ten **classes**. The **softmax** turns
# scores into shares that add up to one. The loss is minus the logarithm of the share of the right class $c$, the
# **cross-entropy**:
#
# $$L=-\log\frac{e^{s_c}}{\sum_k e^{s_k}}$$
#
# Convolution and pooling take turns: more and smaller maps, until dense layers finish. As built today, without
# padding:
#
# | layers | take | give |
# |---|---|---|
# | 5 x 5 convolution, ReLU, 2 x 2 max pooling | $1\times32\times32$ | $6\times14\times14$ |
# | the same | $6\times14\times14$ | $16\times5\times5$ |
# | dense, ReLU | $400$ | $120$ |
# | dense, ReLU | $120$ | $84$ |
# | dense | $84$ | $10$ |

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 14.1 · LeNet-5 as built today  (★☆☆, about 5 min)
#
# Build the table. *Hint:* `nn` has `Conv2d`, `ReLU`, `MaxPool2d`, `Linear`, and `Flatten` before the dense layers.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_lenet():
    """-> nn.Sequential that maps images (n, 1, 32, 32) to scores (n, 10)"""
    ### BEGIN SOLUTION
    maps = nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    return nn.Sequential(*maps, nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Shapes, gradients, counts; then the library's network with your weights.

# %% tags=["check"] slideshow={"slide_type": "skip"}
net, library, x_in = my_lenet(), modern_lenet(), torch.randn(7, 1, 32, 32)
assert (scores := net(x_in)).shape == (7, 10), f"scores {tuple(scores.shape)}; expected (7, 10)"
assert all(g.any() for g in torch.autograd.grad(scores.square().sum(), [*net.parameters()])), "a layer has no gradient"
sizes, expected = ([p.numel() for p in network.parameters()] for network in (net, library))
assert sizes == expected, f"parameters {sizes}, in all {sum(sizes):,}; expected {expected}, in all 61,706"
nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(net.parameters()).detach(), library.parameters())
assert torch.allclose(scores, library(x_in), atol=1e-5), "other scores: mean for max? a ReLU missing? one at the end?"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why no ReLU at the end?* Where it gives zero, the score has no gradient and cannot grow. *Common mistake:*
# `padding=2`; then 1024 numbers reach the dense layer.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What the paper has instead
#
# - pooling adds up four pixels, then applies a *trained* factor and constant for each map;
# - by a list, each of the 16 maps looks at 3, 4 or all of the 6 before it;
# - no dense layer ends it: 84 numbers are compared with a *fixed* bitmap of 7 x 12 pixels for each digit;
# - a scaled tanh is the activation.
#
# **Predict.** Which form has more parameters? Which layer has most?

# %% slideshow={"slide_type": "fragment"}
torch.manual_seed(0)  # here: all that follows draws the same numbers, exercise 14.1 solved or not


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


for name, net, size in ("built today", modern_lenet(), 61_706), ("published", published_lenet(), 60_000):
    print(*(f"{type(layer).__name__} {count(layer):,}" for layer in net if count(layer)), sep=", ")
    claim(f"LeNet-5 as {name}", count(net), at_least=size, at_most=size, unit="parameters")

# %% [markdown]
# Pooling: $2\cdot6+2\cdot16=44$ fewer today. The list leaves 60 of 96 kernels of 5 x 5; the others make 900 more. The
# dense end has $84\cdot10+10=850$. Together 1,706 more. Most sit in `Linear 48,120`, where maps become plain numbers.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Digits, and who wrote them
#
# LeNet-5 became famous on **MNIST**: 70,000 digits of 28 x 28 grey pixels, test digits by other people; 0.95 %
# were misread. Ours come with scikit-learn: 1797 digits by 13 people, 8 x 8 pixels, each the ink in 4 x 4 of a bitmap.
# We enlarge to 28 x 28, pad to 32 x 32 and scale grey like the paper. No score compares with MNIST's.
#
# The file does not say who wrote what, but seems to go from writer to writer. So we train on the first four fifths and
# test on the last, mostly by other hands (steps and rate were chosen on the fourth). Or shall we shuffle first?
#
# **Predict.** What does shuffling do to the score? We claim: 90 % right on the last fifth, and a point more at least
# after shuffling.


# %% slideshow={"slide_type": "fragment"}
def fit(network, x, y):  # images (n, 1, 32, 32), classes (n,)
    network.to(DEVICE)
    adam = torch.optim.Adam(network.parameters(), lr=RATE)
    for batch in torch.randint(len(y), (N_STEPS, 32)):
        adam.zero_grad()
        cross_entropy(network(x[batch]), y[batch]).backward()
        adam.step()
        adam.param_groups[0]["lr"] -= RATE / N_STEPS  # falls to zero
    return network


def right(network, x, y):  # percent of the images whose highest score is that of their class
    return 100 * (network(x).argmax(dim=1) == y).double().mean()


# %% slideshow={"slide_type": "fragment"}
ink, y = map(torch.tensor, load_digits(return_X_y=True))  # in the order of the file
ink, y = ink.to(DEVICE), y.to(DEVICE)
x = 1.275 * pad(interpolate(ink.view(-1, 1, 8, 8).float() / 16, size=28, mode="bilinear"), [2] * 4) - 0.1
fair, leaked = (
    right(fit(modern_lenet(), x[old], y[old]), x[new], y[new])
    for old, new in (torch.arange(1797).split(1438), torch.randperm(1797).split(1438))
)
show_images(x[y == 9, 0][[0, 1, 2, 3, -4, -3, -2, -1]], ["first"] * 4 + ["last"] * 4, window=(0, 1), label="ink")
claim("LeNet-5 reads of the last fifth", fair, at_least=90, unit="%")
claim("shuffling first flatters by", leaked - fair, at_least=1, unit="points")

# %% [markdown]
# After shuffling, the test asks about hands that the network knows; compare the first and last nines. Slices of one
# patient on both sides of a split leak alike ([[honest_experiments]]). Our test heads are always other people.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What does it go by?
#
# A scanner could use such a network: *which $R$ aliased this image?* Heads of 32 x 32 pixels, one uniform coil, have
# every line of k-space, or every second, third or fourth. We train on two heads and test on a third: in the middle of
# the field of view, as in training, then moved by up to 8 pixels along both axes, around the edge. The aliased image
# moves with it.
#
# **Predict.** Convolutions respect shifts ([[convolution]]). Does LeNet? We claim: 80 % on the third head, 10 points
# less when it moves, and 5 points back by training on moved heads (augmentation, [[regularization]]).


# %% slideshow={"slide_type": "fragment"}
def aliased(split, n, reach):  # n heads, moved by up to reach pixels -> images (4 n, 1, y, x), R - 1 (4 n,)
    moves = torch.randint(-reach, reach + 1, (n, 2)).tolist()
    heads = torch.stack([head.roll(moves.pop(), (0, 1)) for head in brain_slices(split, n, shape=(32, 32))])
    noise, ky = random_complex(n, 32, 32, seed=reach).to(DEVICE), torch.arange(-16, 16, device=DEVICE)[:, None]
    kspace = fft2c(heads.to(DEVICE)) + NOISE_STD * noise
    images = torch.stack([ifft2c((ky % R == 0) * kspace).abs() for R in (1, 2, 3, 4)], dim=1)
    return (images / images.amax((2, 3), keepdim=True)).reshape(-1, 1, 32, 32), torch.arange(4, device=DEVICE).repeat(n)


still, moved = (fit(modern_lenet(n_classes=4), *aliased("train", 300, reach)) for reach in (0, 8))
middle, anywhere = (aliased("test", 60, reach) for reach in (0, 8))
show_images([*middle[0][:4, 0], *anywhere[0][:4, 0]], [f"R = {R}" for R in (1, 2, 3, 4)] * 2)
claim("R of the third head, in the middle", right(still, *middle), at_least=80, unit="%")
claim("the same head moved: lost", right(still, *middle) - right(still, *anywhere), at_least=10, unit="points")
claim("training on moved heads: gained", right(moved, *anywhere) - right(still, *anywhere), at_least=5, unit="points")

# %% [markdown]
# It had learned *where* bright rims lie. Convolutions respect the shift; the dense layer behind them has a weight for
# each place. A test set with the habits of the training set does not show this.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Blocks: what came after
#
# Networks grew from five layers to hundreds, made of equal **blocks**. Let $F(x)$ (no Fourier here) be convolution,
# ReLU, convolution, all 3 x 3, of $n$ channels:
#
# ![Drawings of the six blocks below](figures/blocks.svg)
#
# - **Plain**, $\mathrm{ReLU}(F(x))$: our baseline. It has to pass on all that later ones need.
# - **Residual** (ResNet, 2016), $\mathrm{ReLU}(x+F(x))$: what a block leaves alone passes by itself, and so does the
#   gradient, by the $1$ in $1+F'$.
# - **Dense** (DenseNet, 2017): each convolution sees all maps before it and adds some. The last, of 1 x 1, mixes them
#   down to $n$.
# - **Channel attention** (squeeze and excitation, 2018): each channel's mean over the image goes through two small
#   dense layers, ReLU between. A **sigmoid**, $1/(1+e^{-z})$, makes a factor between 0 and 1 for each channel of
#   $F(x)$.
# - **Depthwise** (MobileNet, 2017): a 3 x 3 kernel for each channel alone, then 1 x 1 over all: $9n+n^2$ weights for
#   $9n^2$.
# - **Generative** networks consist of the same blocks; the loss differs. [[loss_functions]]'s critic drives the
#   generator to what *could* be measured, invented detail included.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 14.2 · Go further: four blocks  (★★☆, about 15 min)
#
# Build four of the drawings from the layers in `block`: `first` and `second` (depthwise: each a pair); `squeeze` and
# `excite`, (n, channels) to (n, channels); `layers`, ReLU after each, then `mix` and ReLU. *Hint:*
# `torch.cat([old, new], 1)`.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_block(kind, x, block):
    """residual, dense, attention or depthwise: maps (n, channels, y, x) -> (n, channels, y, x)"""
    ### BEGIN SOLUTION
    if kind == "dense":
        for layer in block.layers:
            x = torch.cat([x, layer(x).relu()], dim=1)
        return block.mix(x).relu()
    change = block.second(block.first(x).relu())
    if kind == "attention":
        change = change * block.excite(block.squeeze(change.mean(dim=(2, 3))).relu()).sigmoid()[:, :, None, None]
    return (x + change).relu()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Where `second` gives zero, $\mathrm{ReLU}(x)$ is left; where `layers` do, `mix` has $x$; where
# `excite` does, factors are $1/2$. Then the library's.

# %% tags=["check"] slideshow={"slide_type": "skip"}
x_in, off = torch.randn(3, 64, 7, 10).double(), {}
for kind, zero, rule in (
    ("residual", "second", "ReLU in F, and last"),
    ("depthwise", "second", "no ReLU in a pair"),
    ("dense", "layers", "relu(layer(all)) behind all; ReLU after mix"),
    ("attention", "excite", "one factor for all pixels of a channel, by their mean"),
):
    block = BLOCKS[kind](64).double()
    off[kind] = (my_block(kind, x_in, block) - block(x_in)).abs().max()
    block.load_state_dict({n: 0 * w if zero in n else w for n, w in block.state_dict().items()})
    assert torch.allclose(my_block(kind, x_in, block), block(x_in)), f"{kind}, where {zero} gives 0: {rule}?"
    assert off[kind] < 1e-6, f"{kind}, by hand minus library's: {off[kind]:.2g}. {rule}?"
claim("four blocks by hand minus the library's, largest difference", max(off.values()), at_most=1e-6)

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the mean?* The factors then depend on the whole image, of any size, air included. *Common mistakes:* the mean
# over channels, *spatial* attention; a ReLU before the sum: the block can only brighten.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Two budgets
#
# Five networks remove noise, 2 to 10 % of the brightest pixel, from heads of 96 x 96 pixels, one uniform coil: blocks
# between two convolutions, no norm, no bias, equal data, references without noise. Widths and numbers of blocks give
# all 36,700 to 38,500 weights. A convolution uses each weight once a pixel: equal weights, equal multiplications. Equal
# *time*? We measure forward and backward pass. (Training, in 16 bits, drew scans too; its steps differ a little.) Three
# were trained again (`_brief`) for the computing time of the plain one's 6000 steps.
#
# **Predict** the order at equal steps and at equal time. As the authors report, we expect residual to beat plain, and
# the others to beat residual, also at equal time.

# %% slideshow={"slide_type": "fragment"}
kinds = (*BLOCKS, "dense_brief", "attention_brief", "depthwise_brief")
found = {kind: load_checkpoint(f"block_{kind}") for kind in kinds}
[(A, kspace, truth)] = stack([found["plain"].recipe.slices("test", 13)[i].to(DEVICE) for i in range(24)])
images = {"noisy": A.adjoint(kspace)}
images |= {kind: net.network.to(DEVICE)(A, kspace).detach() for kind, net in found.items()}
dB = {kind: psnr(image, truth) for kind, image in images.items()}  # (slices,) of an unseen head
for kind, one in found.items():
    body = one.network.body
    ms = 1000 * computing_seconds(lambda body=body: body(truth[:1]).abs().sum().backward(), device=DEVICE)
    print(f"{kind:16}{count(one.network)} weights,{one.card.n_steps:5} x{ms:3.0f} ms,{dB[kind].mean():6.2f} dB")

# %% slideshow={"slide_type": "fragment"}
for better, worse, least in (
    ("residual", "plain", 0),
    ("attention", "residual", 0),
    ("depthwise", "residual", 0),
    ("dense", "residual", -0.1),
    *(("residual", brief, 0) for brief in kinds[5:]),
):
    claim(f"{better} over {worse}", dB[better] - dB[worse], at_least=least, unit="dB")
show_images({kind: images[kind][5] for kind in ("noisy", *kinds[:3])}, reference=truth[5], error_gain=5)

# %% [markdown]
# The shortcut gains most, and costs neither weights nor time. Depthwise blocks buy more channels for the same weights,
# and it pays. Attention draws level.
#
# Two expectations failed. *Dense* blocks only draw level: they save by using maps again, which is no gain at equal
# weights in so small a network. And *at equal time none gets ahead*: they multiply as often, but fetch and store more
# numbers. Other machines may have another order, other seeds a tenth of a decibel more or less: each was trained once.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - LeNet-5 has 60,000 parameters as published and 61,706 as built today; list, pooling and end make the difference.
# - A shuffled split and the habits of a data set flatter a classifier.
# - The shortcut of a residual block gained most and costs nothing. Equal weights are not equal time.
#
# We compared single trainings on one test head. [[honest_experiments]] asks how far that can be trusted.
#
# ## Further reading
#
# - LeCun, *Proc. IEEE* 1998, [LeNet-5](https://doi.org/10.1109/5.726791), and why its parts look as they do.
# - He, *CVPR* 2016, [residual blocks](https://doi.org/10.1109/CVPR.2016.90); plain networks that get worse with depth.
