# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 13 · From LeNet to U-Net
#
# **You will be able to**
# - build LeNet-5, and account for every parameter of its two forms;
# - test a classifier honestly, and find out what it goes by;
# - write residual, dense, attention and depthwise blocks, and compare them at equal weights and at equal time;
# - build a U-Net, and say what its skips are worth.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | lesson 12 | about 30 s | digits of 13 writers; heads with contrast, phase, noise simulated; ten trained networks |

# %% slideshow={"slide_type": "skip"}
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate, pad

from mricourse import claim, fft2c, ifft2c, random_complex
from mricourse.checkpoints import load_checkpoint
from mricourse.comparison import computing_seconds
from mricourse.metrics import psnr
from mricourse.networks.blocks import BLOCKS
from mricourse.networks.lenet import modern_lenet, published_lenet
from mricourse.networks.unet import UNet, fastmri_paper_unet, fastmri_unet, ronneberger_unet
from mricourse.plotting import plot_lines, show_images
from mricourse.simulate import brain_slices
from mricourse.training_data import stack

torch.manual_seed(0)
N_STEPS, RATE, NOISE_STD = 400, 4e-3, 0.02  # of a live training; noise of real and imaginary part, brightest pixel 1

# %% [markdown] slideshow={"slide_type": "slide"}
# ## LeNet-5: from pixels to a name
#
# Lesson 12 completed the box of parts and left open what to build of them. The first famous answer, LeNet-5 (1998),
# read digits.
#
# That is **classification**: out comes no image but one score $s_k$ for each of ten **classes**. The **softmax**
# turns scores into shares that add up to one. The loss is minus the logarithm of the share of the right class $c$,
# the **cross-entropy**:
#
# $$L=-\log\frac{e^{s_c}}{\sum_k e^{s_k}}$$
#
# Convolution and pooling take turns: more and smaller maps, until dense layers finish. Below is the form that
# everybody builds today. The paper's differs:
#
# - its pooling adds up four pixels, then applies a *trained* factor and constant for each map;
# - by a table, each of the 16 maps of its second convolution looks at 3, 4 or all of the 6 maps before it;
# - it ends in no dense layer: 84 numbers are compared with a *fixed* bitmap of 7 x 12 pixels for each digit;
# - a scaled tanh is its activation.
#
# **Predict.** Which form has more parameters? Which layer has most?

# %% slideshow={"slide_type": "fragment"}
def count(network):
    return sum(parameter.numel() for parameter in network.parameters())

by_hand = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
for name, network, size in ("built today", by_hand, 61_706), ("published", published_lenet(), 60_000):
    print(*(f"{type(layer).__name__} {count(layer):,}" for layer in network if count(layer)), sep=", ")
    claim(f"LeNet-5 as {name}", count(network), at_least=size, at_most=size, unit="parameters")

# %% [markdown]
# Pooling: $2\cdot6+2\cdot16=44$ fewer today. The table leaves 60 of 96 kernels of 5 x 5; the others make 900 more.
# The dense end has $84\cdot10+10=850$. Together 1,706 more. Most sit in `Linear 48,120`, where maps become plain
# numbers.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Digits, and who wrote them
#
# LeNet-5 became famous on **MNIST**: 70,000 digits of 28 x 28 grey pixels, those of the test by other people than
# those for training; 0.95 % were misread. We have what scikit-learn brings along: 1797 digits by 13 people, 8 x 8
# pixels, each a count of the ink in 4 x 4 pixels of a bitmap. We enlarge them to 28 x 28 and pad to 32 x 32, as the
# paper does. No score on them can be compared with MNIST's.
#
# The file does not say who wrote what, but seems to go from writer to writer. So we train on the first four fifths
# and test on the last, mostly by other hands (steps and rate were chosen on the fourth). Or shall we shuffle first?
#
# **Predict.** What does shuffling do to the score? We claim: 90 % right on the last fifth (linear classifiers reach
# 93 ± 3 % on such fifths), and a point more at least after shuffling.

# %% slideshow={"slide_type": "fragment"}
def fit(network, x, y):  # images (n, 1, 32, 32), classes (n,)
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
digits, shuffled = load_digits(), torch.randperm(1797)  # the digits in the order of the file
x = interpolate(torch.tensor(digits.images / 16).float()[:, None], size=28, mode="bilinear")
x, y = 1.275 * pad(x, [2] * 4) - 0.1, torch.tensor(digits.target)  # the paper's grey values
by_order, leaky = (fit(modern_lenet(), x[chosen], y[chosen]) for chosen in (slice(1438), shuffled[:1438]))
fair, leaked = right(by_order, x[1438:], y[1438:]), right(leaky, x[shuffled[1438:]], y[shuffled[1438:]])
show_images(x[y == 9, 0][[0, 1, 2, 3, -4, -3, -2, -1]], ["first"] * 4 + ["last"] * 4, window=(0, 1), label="ink")
claim("LeNet-5 reads of the last fifth", fair, at_least=90, unit="%")
claim("shuffling first flatters by", leaked - fair, at_least=1, unit="points")

# %% [markdown]
# After shuffling, the test asks about hands that the network knows; compare the first and last nines. Slices of one
# patient on both sides of a split leak alike (lesson 14). Our heads are always split by person.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What does it go by?
#
# A scanner could use such a network: *which $R$ aliased this image?* Here are heads of 32 x 32 pixels, one uniform
# coil, with every line of k-space, or every second, third or fourth. We train on two heads and test on a third: in
# the middle of the field of view, where all of them lie, then moved by up to 8 pixels along both axes, around the
# edge. The aliased image moves with it.
#
# **Predict.** Convolutions respect shifts (lesson 6). Does LeNet? We claim: 80 % on the third head, 10 points less
# when it moves, and 5 points back by training on moved heads (augmentation, lesson 11).

# %% slideshow={"slide_type": "fragment"}
def aliased(split, n, reach):  # n heads, moved by up to reach pixels -> images (4 n, 1, y, x), R - 1 (4 n,)
    moves = torch.randint(-reach, reach + 1, (n, 2)).tolist()
    heads = torch.stack([head.roll(moves.pop(), (0, 1)) for head in brain_slices(split, n, shape=(32, 32))])
    kspace, ky = fft2c(heads) + NOISE_STD * random_complex(n, 32, 32, seed=reach), torch.arange(-16, 16)[:, None]
    images = torch.stack([ifft2c((ky % R == 0) * kspace).abs() for R in (1, 2, 3, 4)], dim=1)
    return (images / images.amax((2, 3), keepdim=True)).reshape(-1, 1, 32, 32), torch.arange(4).repeat(n)

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
# Networks grew from five layers to hundreds, made of equal **blocks**. Let $F(x)$ be convolution, ReLU, convolution,
# all 3 x 3:
#
# ![Six drawings: plain, residual, dense, channel attention, depthwise, generative](figures/13_blocks.svg)
#
# - **Plain**, $\mathrm{ReLU}(F(x))$: our baseline. It has to pass on all that later ones need.
# - **Residual** (ResNet, 2016), $\mathrm{ReLU}(x+F(x))$: what a block leaves alone passes by itself, and so does the
#   gradient, by the $1$ in $1+F'$.
# - **Dense** (DenseNet, 2017): each convolution sees all maps before it and adds some. One of 1 x 1 pixel, a mixture
#   of channels, brings the number down.
# - **Channel attention** (squeeze and excitation, 2018): each channel's mean over the image goes through two small
#   dense layers. A **sigmoid**, $1/(1+e^{-z})$, makes a factor between 0 and 1 for each channel of $F(x)$.
# - **Depthwise** (MobileNet, 2017): a 3 x 3 kernel for each channel alone, then 1 x 1 over all: $9n+n^2$ weights for
#   $9n^2$.
# - **Generative** networks consist of the same blocks; the loss differs. Lesson 8's critic drives the generator to
#   what *could* be measured, invented detail included.
#
# Four of them by hand, with the library's weights:

# %% slideshow={"slide_type": "fragment"}
so_far = maps = torch.randn(2, 16, 24, 20)
blocks = {kind: build(16) for kind, build in BLOCKS.items() if kind != "attention"}
F = {kind: block.second(block.first(maps).relu()) for kind, block in blocks.items() if kind != "dense"}
for layer in blocks["dense"].layers:
    so_far = torch.cat([so_far, layer(so_far).relu()], dim=1)
sums = F | {"residual": maps + F["residual"], "dense": blocks["dense"].mix(so_far), "depthwise": maps + F["depthwise"]}
off = max((sums[kind].relu() - block(maps)).abs().max() for kind, block in blocks.items())
claim("four blocks by hand minus the library's, largest difference", off, at_most=1e-6)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 13.1 · channel attention  (★★☆, about 10 min)
#
# Weigh the channels of $F(x)$ as above, ReLU between the dense layers. *Hint:* `squeeze` and `excite` map (n,
# channels) to (n, channels).

# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_channel_attention(change, squeeze, excite):
    """F(x) (n, channels, y, x), two dense layers -> weighed (n, channels, y, x)"""
    ### BEGIN SOLUTION
    factors = torch.sigmoid(excite(squeeze(change.mean(dim=(2, 3))).relu()))
    return change * factors[:, :, None, None]
    ### END SOLUTION

# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** One factor for all pixels of a channel, between 0 and 1; then the whole block.

# %% tags=["check"] slideshow={"slide_type": "skip"}
block, x_in = BLOCKS["attention"](12), 3 * torch.randn(3, 12, 7, 10)
mine = my_channel_attention(change := block.second(block.first(x_in).relu()), block.squeeze, block.excite)
assert mine.shape == change.shape, f"shape {tuple(mine.shape)}; expected {tuple(change.shape)}"
factors = (mine / change).flatten(2)
assert (factors.amax(2) - factors.amin(2)).max() < 1e-3, "pixels of one channel got different factors"
assert torch.allclose((x_in + mine).relu(), block(x_in), atol=1e-5), "a factor a channel, but a wrong one: sigmoid?"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the mean?* The factors then depend on the whole image, of any size, air included. *Common mistake:* the mean
# over channels, one factor for each pixel: *spatial* attention.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Two budgets
#
# Five networks remove noise, 2 to 10 % of the brightest pixel, from heads of 96 x 96 pixels, one uniform coil: blocks
# between two convolutions, no norm, no bias, equal data, references without noise. Widths and numbers of blocks give
# all about 37,400 weights. A convolution uses each weight once for each pixel: equal weights are equal
# multiplications. Are they equal *time*? We measure forward and backward pass here. (Training computed in 16 bits and
# drew scans too; its steps differ a little.) Three networks were trained again (`_brief`) for the computing time of
# the plain one's 6000 steps.
#
# **Predict** the order at equal steps and at equal time. As the authors report, we expect: residual beats plain;
# dense, attention and depthwise beat residual, also at equal time.

# %% slideshow={"slide_type": "fragment"}
kinds = ("plain", "residual", "dense", "attention", "depthwise", "dense_brief", "attention_brief", "depthwise_brief")
found = {kind: load_checkpoint(f"block_{kind}") for kind in kinds}
[(A, kspace, truth)] = stack([found["plain"].recipe.slices("test", 13)[i] for i in range(24)])  # unseen head
images = {"noisy": A.adjoint(kspace)} | {kind: net.network(A, kspace).detach() for kind, net in found.items()}
dB = {kind: psnr(image, truth) for kind, image in images.items()}  # (slices,)
for kind, one in found.items():
    ms = 1000 * computing_seconds(lambda body=one.network.body: body(truth[:1]).abs().sum().backward())
    print(f"{kind:16}{count(one.network)} weights,{one.card['n_steps']:5} x{ms:3.0f} ms,{dB[kind].mean():6.2f} dB")

# %% slideshow={"slide_type": "fragment"}
for better, worse, least in (("residual", "plain", 0), ("attention", "residual", 0), ("depthwise", "residual", 0),
                             ("dense", "residual", -0.1), ("residual", "dense_brief", 0),
                             ("residual", "attention_brief", 0), ("residual", "depthwise_brief", 0)):
    claim(f"{better} over {worse}", dB[better] - dB[worse], at_least=least, unit="dB")
show_images({kind: images[kind][5] for kind in ("noisy", *kinds[:3])}, reference=truth[5], error_gain=5)

# %% [markdown]
# The shortcut gains most, and costs neither weights nor time. Depthwise blocks buy 40 channels for the weights of 16,
# and it pays. Attention gains a trifle.
#
# Two expectations failed. *Dense* blocks only draw level: they save by using maps again, which is no gain at equal
# weights in so small a network. And *at equal time all three fall behind*: they multiply as often, but fetch and
# store more numbers for it. Other machines may have another order, other seeds a tenth of a decibel more or less:
# each was trained once.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## U-Net: far and near
#
# Noise is a local matter. Aliasing is not: with every third line of 96, copies lie 32 pixels apart, and random lines
# spread them over the whole column. Our stacks of blocks see some 18 pixels to each side. **U-Net** (2015) pools,
# like LeNet, and comes back:
#
# ![A U with three levels; skips from left to right](figures/13_unet.svg)
#
# On the **contracting path** each **level** has two convolutions; then 2 x 2 pooling halves the map, and the channels
# double. A 3 x 3 kernel at the bottom spans 24 pixels of the image. On the **expanding path** a **transposed
# convolution**, the backward pass of one with stride 2 (lesson 9), writes each pixel into 2 x 2. A **skip** hands the
# map of the same level across, as further channels.
#
# The network of 2015 outlined cells: no padding, 572 x 572 pixels in, 388 x 388 out, a softmax that chooses a class
# for each pixel. For reconstruction one pads with zeros, returns an image, and usually adds the input: a residual
# block as large as a network. Two others are called "the fastMRI U-Net", its repository's and its paper's:

# %% slideshow={"slide_type": "fragment"}
for build, size in (ronneberger_unet, 31_030_658), (fastmri_unet, 7_756_097), (fastmri_paper_unet, 3_348_227):
    claim(build.__name__, count(build()), at_least=size, at_most=size, unit="parameters")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 13.2 · Go further: a U-Net  (★★☆, about 15 min)
#
# Write the U of the drawing. Pooling is `avg_pool2d(x, 2)`; `torch.cat(..., dim=1)` joins channels, the enlarged ones
# first. *Hint:* the skip that was kept last is needed first.

# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_unet(x, down_blocks, bottom, enlargements, up_blocks):
    """(n, channels, y, x); blocks in the order of their use -> (n, channels', y, x)"""
    ### BEGIN SOLUTION
    skips = []
    for block in down_blocks:
        skips.append(block(x))
        x = avg_pool2d(skips[-1], 2)
    x = bottom(x)
    for enlarge, block in zip(enlargements, up_blocks, strict=True):
        x = block(torch.cat([enlarge(x), skips.pop()], dim=1))
    return x
    ### END SOLUTION

# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Where the bottom returns nothing but zeros, the skips still bring the image. Then the library's.

# %% tags=["check"] slideshow={"slide_type": "skip"}
net, x_in = UNet(n_in=2, n_features=4, n_levels=3, norm="none"), torch.randn(3, 2, 24, 40)
dark, bright = nn.Sequential(net.bottom, nn.Threshold(1e9, 0)), net.bottom
rest, mine = (my_unet(x_in, net.down_blocks, b, net.enlargements, net.up_blocks) for b in (dark, bright))
assert mine.shape == (3, 4, 24, 40), f"shape {tuple(mine.shape)}; expected (3, 4, 24, 40)"
assert rest.abs().max() > 0, "when the bottom returns zeros, nothing is left: where are the skips?"
assert torch.allclose(net.head(mine), net(x_in), atol=1e-5), "the right shape, and skips; but other values"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why a stack, last in, first out?* The deepest map fits the first enlargement. *Common mistake:* to keep the pooled
# map; its size does not fit.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What are the skips worth?
#
# Two U-Nets of the drawn size learned to remove the aliasing of random lines, $R=3$, one coil: `unet_small`, and
# `unet_no_skips`, where everything has to pass the bottom. What the blocks of its expanding path lack in inputs they
# get as features between their two convolutions: equal weights, data and steps. Both add the input.
#
# **Predict.** How far does each see? By how much is the one without skips worse, and where in k-space? We claim: 92
# to 100 pixels (lesson 6), half a decibel at least, and that the outer half of k-space loses more.

# %% slideshow={"slide_type": "fragment"}
nets = {name: load_checkpoint(name) for name in ("block_residual", "unet_small", "unet_no_skips")}
start = random_complex(128, 128).requires_grad_()
fields = {n: torch.autograd.grad(net.network.body(start)[64, 64].real, start)[0].abs() for n, net in nets.items()}
show_images({n: (f / f.max() + 1e-9).log10() for n, f in fields.items()}, window=(-5, 0), label="log10 of the gradient")
claim("the U-Net sees", (fields["unet_small"] > 0).any(dim=0).sum(), at_least=92, at_most=100, unit="pixels")

# %% slideshow={"slide_type": "fragment"}
[(A, kspace, truth)] = stack([nets["unet_small"].recipe.slices("test", 13)[i] for i in range(24)])
images = {"zero-filled": A.adjoint(kspace)} | {n: nets[n].network(A, kspace).detach() for n in list(nets)[1:]}
show_images({"reference": truth[5]} | {name: x[5] for name, x in images.items()}, reference=truth[5], error_gain=3)
_, with_skips, without = (psnr(image, truth) for image in images.values())
claim("U-Net with skips over the one without", with_skips - without, at_least=0.5, unit="dB")

# %% slideshow={"slide_type": "fragment"}
k = torch.maximum(*torch.meshgrid([torch.arange(-48, 48).abs()] * 2, indexing="ij"))  # (ky, kx)
error = {name: ~A.mask[:, 0] * fft2c(x - truth) for name, x in images.items()}  # where nothing was measured
lost = {n: torch.stack([e[:, k // 4 == ring].norm(dim=1) for ring in range(1, 12)]) for n, e in error.items()}
restored = {n: 100 - 100 * (lost[n] / lost["zero-filled"]).square() for n in list(nets)[1:]}  # % of energy
plot_lines(range(4, 48, 4), {n: r.mean(1) for n, r in restored.items()}, xlabel="|k| (1/FOV)", ylabel="restored (%)")
less, ratio = restored["unet_small"] - restored["unet_no_skips"], lost["unet_no_skips"] / lost["unet_small"]
print(f"error without skips over that with skips: inner half {ratio[:5].mean():.2f}, outer {ratio[5:].mean():.2f}")
claim("skips restore more: outer less inner half", less[5:].mean(0) - less[:5].mean(0), at_least=0, unit="points")

# %% [markdown]
# The gradient of the U-Net is a bright spot on a wide, dim field: the near in detail, the far in summary. Without
# skips only the field is left, and one bright pixel, the input that is added.
#
# Its bottom holds 64 maps of 12 x 12 numbers: of the outermost k-space that was not measured *nothing* comes back.
# One expectation failed: that the *ratio* of the two errors grows outwards as well. It falls, as the printed line
# says: near the centre most is restored, and small errors double easily. The measure one picks decides what one sees.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - LeNet-5 has 60,000 parameters as published and 61,706 as built today; table, pooling and end make the difference.
# - A shuffled split and the habits of a data set flatter a classifier.
# - The shortcut of a residual block gained most and costs nothing. Equal weights are not equal time.
# - Pooling makes a U-Net see far, skips let it see sharply, by the decibels above.
#
# We compared single trainings on one test head. Lesson 14 asks how far such a comparison can be trusted.
#
# ## Further reading
#
# - LeCun, *Proc. IEEE* 1998, doi:10.1109/5.726791. LeNet-5, and why its parts look as they do.
# - He, *CVPR* 2016, doi:10.1109/CVPR.2016.90. Residual blocks; plain networks that get worse with depth.
# - Ronneberger, *MICCAI* 2015, doi:10.1007/978-3-319-24574-4_28. U-Net.
# - Zbontar, 2018, doi:10.48550/arXiv.1811.08839. fastMRI, with the U-Net as baseline.
