# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 8 · Pooling and activations
#
# **You will be able to**
# - write max and average pooling, and say what each does to edges and to noise;
# - measure how a network follows a shift of the head, and mend what pooling breaks;
# - show that convolutions without an activation are one convolution, and what a bend between them buys;
# - write six activations with their slopes, and count the channels that a training killed.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[convolution]], soft threshold of [[compressed_sensing]] | about 30 s | heads (scalps partly drawn); contrast, phase, noise simulated |
#
# [[convolution]] left two debts: stride 2 broke odd shifts, and no linear filter could smooth tissue and spare its
# outline. We pay both.

# %% slideshow={"slide_type": "skip"}
import torch
from torch import nn
from torch.nn import functional as F

from mricourse import claim, device, fft2c, ifft2c, random_complex, your_turn
from mricourse.fundamentals import train_with_rates
from mricourse.plotting import explore, plot_lines, show_images
from mricourse.reconstruct import soft_threshold
from mricourse.simulate import brain_slices

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
NY, NX, NOISE_STD = 160, 144, 0.05  # pixels; noise of the real and of the imaginary part, brightest pixel 1

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Pooling: keep less, see further
#
# At $R=4$ an aliased copy lies a quarter of the field of view away, and a plain 3 x 3 layer sees one pixel further: far
# too slow. **Pooling** puts one number in the place of each window of $k$ x $k$ pixels and moves on by the stride $s$.
# Usual is $k=s=2$: a quarter of the pixels is left, and every later layer sees twice as far. The number is the largest
# or the mean, for each channel by itself:
#
# $$\max_{i,j}\,x[su+i,\,sv+j]\qquad\text{or}\qquad\frac1{k^2}\sum_{i,j}x[su+i,\,sv+j],\qquad i,j=0,\dots,k-1$$
#
# There are no weights to learn. *Max* asks whether there is an edge in the window, *average* how much of one. We pool
# the edge map of [[convolution]], both Sobel kernels in one, three times: each pixel then stands for 8 x 8.
#
# **Predict.** What is left of the lines of the scalp if we keep every eighth pixel? By max? By average?


# %% slideshow={"slide_type": "fragment"}
def circular(x, kernels, stride=1):  # (n, channels, y, x), odd kernels (out, channels, i, i) -> (n, out, y', x')
    return F.conv2d(F.pad(x, [kernels.shape[-1] // 2] * 4, mode="circular"), kernels, stride=stride)


heads = brain_slices("test", 24, shape=(NY, NX))[:, None].to(DEVICE)  # (slices, 1, y, x) complex
sobel = torch.outer(torch.tensor([0.25, 0.5, 0.25]), torch.tensor([-1.0, 0.0, 1.0])).to(DEVICE)[None, None]
edges = circular(heads.abs(), torch.cat([sobel, sobel.mT])).norm(dim=1, keepdim=True)
pools = {
    "every second": lambda x: x[..., ::2, ::2],
    "max": lambda x: F.max_pool2d(x, 2),
    "average": lambda x: F.avg_pool2d(x, 2),
}  # all: (n, 1, y, x) -> (n, 1, y / 2, x / 2)
small = {f"{name}, 3 times": pool(pool(pool(edges)))[3, 0] for name, pool in pools.items()}
show_images({"edges": edges[3, 0]} | small, window=(0, 1), label="edge strength")

# %% [markdown]
# Every eighth pixel hits a line by chance. Max keeps it bright and makes it thick; average keeps its share of the
# window.
#
# Noise tells against max. Air in a magnitude image shows the length of complex noise, and the largest of four such
# lengths is on average $4-6/\sqrt2+4/\sqrt3-1/2=1.57$ times their mean.

# %% slideshow={"slide_type": "fragment"}
air = (NOISE_STD * random_complex(24, 1, NY, NX, seed=3)).abs().to(DEVICE)
claim("Air: max over average", pools["max"](air).mean() / pools["average"](air).mean(), at_least=1.5, at_most=1.65)

# %% [markdown]
# Both are in use: the first U-Net pools by max, that of the fastMRI repository by average ([[unet]]). A convolution
# with stride 2 is the learned alternative.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 8.1 · pooling  (★☆☆, about 10 min)
#
# Write both without torch's pooling. *Hint:* `x.unfold(2, size, stride)` cuts axis 2 into windows and puts the pixels
# of each on a new last axis; windows that do not fit are left out.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_pool2d(images, size, stride, kind):
    """(n, channels, y, x), window in pixels, step in pixels, "max" or "average" -> (n, channels, y', x')"""
    ### BEGIN SOLUTION
    windows = images.unfold(2, size, stride).unfold(3, size, stride)  # (n, channels, y', x', size, size)
    return windows.amax(dim=(-2, -1)) if kind == "max" else windows.mean(dim=(-2, -1))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A flat image stays flat. Then come odd sizes, negative pixels and windows that overlap.

# %% tags=["check"] slideshow={"slide_type": "skip"}
x = torch.randn(2, 3, 11, 14, dtype=torch.float64) - 1
for kind, pool in (("max", F.max_pool2d), ("average", F.avg_pool2d)):
    for size, stride in ((2, 2), (3, 2), (2, 1), (2, 3)):
        flat, mine, torchs = *(my_pool2d(z, size, stride, kind) for z in (0 * x - 1, x)), pool(x, size, stride)
        assert (flat == -1).all(), f"{kind}, size {size}: a flat image of -1 becomes {flat.mean():.2f}; zeros mixed in?"
        assert mine.shape == torchs.shape, f"size {size}, stride {stride}: {mine.shape}; expected {torchs.shape}"
        assert (mine - torchs).abs().max() < 1e-6, f"{kind}, size {size}, stride {stride}: right shape, wrong values"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why windows and not blocks by `reshape`?* Blocks need $k=s$ and sizes that $k$ divides. *Common mistake:* to pad with
# zeros before a max. Where all pixels are negative, zero wins.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Shifts: pooling samples, and sampling aliases
#
# If the head moves by one pixel, a map with half as many pixels should move by half a one; a phase ramp in k-space does
# that. But keeping every second pixel folds the outer half of k-space onto the inner one: aliasing, with image and
# k-space exchanged. After an odd shift the folded part has the other sign: another map, not a moved one.
#
# Every MR receiver filters before it samples. Zhang (2019) does so here: blur, then stride 2; for max pooling, max with
# stride 1, blur, then stride 2. The blur is $(1,4,6,4,1)/16$ along each axis.
#
# **Predict.** We move the head by 0 to 8 pixels and pool three times. Where is each error zero, where is it largest?


# %% slideshow={"slide_type": "fragment"}
def moved(x, distance):  # (n, 1, y, x), any fraction of a pixel along x -> (n, 1, y, x), by a phase ramp
    kx = torch.linspace(-0.5, 0.5, x.shape[-1] + 1, device=DEVICE)[:-1]  # cycles / pixel
    return ifft2c(torch.exp(-2j * torch.pi * kx * distance) * fft2c(x + 0j)).real


def error(a, b):  # (n, ...), (n, ...) -> relative error of each slice (n,)
    return (a - b).flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)


line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=DEVICE) / 16
pools["blurred"] = lambda x: circular(x, torch.outer(line, line)[None, None], stride=2)
pools["max, blurred"] = lambda x: pools["blurred"](F.max_pool2d(F.pad(x, (0, 1, 0, 1), mode="circular"), 2, stride=1))
maps = {name: [pool(pool(pool(edges.roll(d, 3)))) for d in range(9)] for name, pool in pools.items()}
off = {name: torch.stack([error(m, moved(ms[0], d / 8)) for d, m in enumerate(ms)]) for name, ms in maps.items()}
swing = {name: torch.stack([m.mean(dim=(1, 2, 3)) for m in ms]).std(dim=0) for name, ms in maps.items()}
plot_lines(range(9), {n: e.mean(dim=1) for n, e in off.items()}, xlabel="shift (pixels)", ylabel="relative error")

# %% [markdown]
# All come back after eight pixels, the stride of the chain. In between, two maps of every eighth pixel have little in
# common; max and average are about a fifth off.
#
# Some answers should not follow a shift but stay, such as a classifier's: **invariance**. Our stand-in is the mean of
# the map; its swing is the standard deviation over the shifts. [[convolution]] promised to mend "most": we claim that
# of error and swing less than half is left.

# %% slideshow={"slide_type": "fragment"}
for name, mended in (("every second", "blurred"), ("max", "max, blurred")):
    claim(f"{name}: error left by a blur, shift 4", 100 * off[mended][4] / off[name][4], at_most=50, unit="%")
    claim(f"{name}: swing of the mean left by a blur", 100 * swing[mended] / swing[name], at_most=50, unit="%")

# %% [markdown]
# That debt is paid. The price is fine detail, which the coarse map could not carry anyway.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Without activations, many layers are one
#
# [[learning_to_reconstruct]] set negative numbers to zero between two convolutions. What if we do not? A convolution
# multiplies k-space by $H_1$, the next by $H_2$: together $H_2H_1$, which is one convolution. Depth adds nothing but
# weights.
#
# **Predict.** Three layers of 3 x 3 take one channel to eight, to eight, to one. How wide is the one kernel?

# %% slideshow={"slide_type": "fragment"}
stack = nn.Sequential(*(nn.Conv2d(n, m, 3, bias=False) for n, m in ((1, 8), (8, 8), (8, 1)))).double().to(DEVICE)
point = F.pad(torch.ones(1, 1, 1, 1, device=DEVICE), [6] * 4).double()
kernel = stack(point).flip(2, 3)  # a point shows the turned kernel
claim("Three layers against one kernel", error(stack(edges.double()), F.conv2d(edges.double(), kernel)), at_most=1e-6)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What a bend buys
#
# Seven pixels: 49 numbers do the work of $9\,(8+64+8)=720$ weights.
#
# A linear filter treats small and large alike: twice the detail in, twice the detail out. But between neighbours, noise
# makes *small* differences and an outline *large* ones. The soft threshold of [[compressed_sensing]] tells them apart,
# and for real numbers it is two ReLUs, $\mathrm{ReLU}(x)=\max(0,x)$:
#
# $$S_t(d)=\mathrm{sign}(d)\,\max(|d|-t,\,0)=\mathrm{ReLU}(d-t)-\mathrm{ReLU}(-d-t)$$
#
# An **activation** is such a bend: a function of each number alone that is no straight line. Here is a network of two
# layers. Four 2 x 2 kernels give a mean and three differences, these are shrunk (complex numbers in length), four
# kernels put the image together. Nothing is learned: $t$ is what 95 % of the noise in a difference stays below.
#
# Its rival is the Wiener filter of [[convolution]], *told the power of each test slice*. No convolution of any size has
# a smaller expected error over the image.
#
# **Predict.** Who wins? We have no theory for a bound and claim that the bend does.

# %% slideshow={"slide_type": "fragment"}
noise = NOISE_STD * random_complex(24, 1, NY, NX, seed=2).to(DEVICE)
noisy = ifft2c(fft2c(heads) + noise)
haar = torch.tensor([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]])[:, None] / 4 + 0j
haar = haar.to(DEVICE)
parts = F.conv2d(F.pad(noisy, (0, 1, 0, 1), mode="circular"), haar)  # (n, 4, y, x): mean and three differences
parts[:, 1:] = soft_threshold(parts[:, 1:], NOISE_STD * (0.5 * torch.tensor(20.0).log()) ** 0.5)
bent = F.conv2d(F.pad(parts, (1, 0, 1, 0), mode="circular"), haar.flip(2, 3).transpose(0, 1))
wiener = ifft2c(fft2c(noisy) / (1 + 2 * NOISE_STD**2 / fft2c(heads).abs().square()))
claim("A bend over the best filter", 20 * (error(wiener, heads) / error(bent, heads)).log10(), at_least=0, unit="dB")
show_images([noisy[3, 0], wiener[3, 0], bent[3, 0]], ["noisy", "Wiener", "bent"], reference=heads[3, 0], error_gain=5)

# %% [markdown]
# The filter has one blur for all places: it leaves noise in tissue or takes from the outline. The bend decides at each
# pixel. That pays the second debt, without any training.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Activations, and where they are flat
#
# In training, each weight moves against the slope of the loss, and the slope of every activation on the way is a factor
# of it ([[backpropagation]]). Where an activation is flat, the layers before it learn nothing. ReLU is flat for all
# negative numbers, its **dead zone**. Its successors differ there:
#
# | name | $x>0$ | $x<0$ |
# |---|---|---|
# | ReLU | $x$ | $0$ |
# | leaky ReLU | $x$ | $a\,x$ with a fixed small $a$ |
# | parametric ReLU (PReLU) | $x$ | $a\,x$ with a learned $a$ |
# | randomised ReLU (RReLU) | $x$ | $a\,x$ with $a$ drawn anew in each step, the mean $a$ after training |
# | ELU | $x$ | $e^x-1$ |
# | GELU | $x\,\Phi(x)$ | the same; $\Phi$ is the area of the Gaussian bell up to $x$ |
# | SiLU | $x\,\sigma(x)$ | the same; $\sigma(x)=1/(1+e^{-x})$ |
#
# **Predict.** Which slopes exceed 1? Which become negative?

# %% slideshow={"slide_type": "fragment"}
activations = {"ReLU": nn.ReLU(), "leaky": nn.LeakyReLU(0.2), "ELU": nn.ELU(), "GELU": nn.GELU(), "SiLU": nn.SiLU()}


def with_slope(kind, x):  # numbers -> value and slope of the activation at each
    value = activations[kind](x := x.clone().requires_grad_())
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


x = torch.linspace(-4, 4, 401)
for n, label in enumerate(("value", "slope")):
    plot_lines(x, {kind: with_slope(kind, x)[n] for kind in activations}, xlabel="x", ylabel=label)

# %% [markdown]
# GELU and SiLU do both. They fade to the left, and so does ELU; the leaky ones never do.
#
# Which part of a head lies in the dead zone? We add a **bias** to the Sobel map along $x$, a constant that each output
# channel of a layer learns.

# %% slideshow={"slide_type": "fragment"}
across = circular(heads[3:4].abs(), sobel)[0, 0]


def activated(kind="ReLU", bias=0.0):
    return dict(zip(("before", kind, "slope"), (across + bias, *with_slope(kind, across + bias)), strict=True))


show_images(activated(), window=(-0.5, 1), label="value, slope")

# %% [markdown]
# Borders that get darker to the right are gone, and so is the slope there: they teach nothing. **Try it.** Which bias
# makes ReLU blind for the whole head? What do the others keep?

# %%
explore(activated, kind=[*activations], bias=(-1.0, 1.0, 0.05), window=(-0.5, 1))

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 8.2 · six activations and their slopes  (★★☆, about 15 min)
#
# Give value and slope of the six in the docstring. *Hints:* one formula with three leaks does half of them; `torch.erf`
# gives $\Phi(x)=\frac12(1+\mathrm{erf}(x/\sqrt2))$; $\sigma'=\sigma\,(1-\sigma)$.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_activations(x, a):
    """Numbers x, leak a -> {name: (value, slope)}: relu, leaky_relu (leak 0.01), prelu (leak a), elu, gelu, silu"""
    ### BEGIN SOLUTION
    up, e, s = (x > 0).to(x.dtype), x.clamp(max=0).exp(), x.sigmoid()
    area, bell = (1 + torch.erf(x / 2**0.5)) / 2, torch.exp(-(x**2) / 2) / (2 * torch.pi) ** 0.5
    leaks = {"relu": 0.0, "leaky_relu": 0.01, "prelu": a}
    leaky = {name: (x * (up + leak * (1 - up)), up + leak * (1 - up)) for name, leak in leaks.items()}
    smooth = {"gelu": (x * area, area + x * bell), "silu": (x * s, s + x * s * (1 - s))}
    return leaky | smooth | {"elu": (x * up + e - 1, e)}
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Your slope must be the slope of your value, by finite differences. Then both are compared with
# torch, in double precision.

# %% tags=["check"] slideshow={"slide_type": "skip"}
x = torch.linspace(-6, 6, 88, dtype=torch.float64).reshape(8, 11).requires_grad_()  # none at the kink
mine, ahead, behind = (my_activations(x.detach() + h, 0.3) for h in (0, 1e-5, -1e-5))
for name in ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu"):
    torchs = F.prelu(x, torch.tensor([0.3]).double()) if name == "prelu" else getattr(F, name)(x)
    (value, slope), rise = mine[name], (ahead[name][0] - behind[name][0]) / 2e-5
    assert (slope - rise).abs().max() < 1e-6, f"{name}: your slope is not the slope of your value"
    apart = max((value - torchs).abs().max(), (slope - torch.autograd.grad(torchs.sum(), x)[0]).abs().max())
    assert apart < 1e-6, f"{name}: slope and value fit each other, but differ from torch's by {apart:.1e}"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why `clamp` before `exp`?* For large $x$, $e^x$ overflows, and infinity times zero is not a number. *Common mistake:*
# $\sigma'(x)$ as the slope of $x\,\sigma(x)$. The product rule has two terms.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Dead channels
#
# If the input of a ReLU is negative at every pixel of every image, the channel is zero, its slope is zero, and its own
# weights get no gradient any more. It is **dead**, unless the layers before it happen to wake it. One step that is too
# long can do that.
#
# We train, live: 3 x 3 convolutions from 2 channels (real and imaginary part) to 16, to 16, to 2; the result is added
# to the noisy image. The loop is that of [[learning_to_reconstruct]], with Adam: 120 steps of four crops each, mean
# squared error, four learning rates, three random starts. Dead is a channel that is zero on the *whole* test set; for
# leaky ReLU we count inputs that are never positive.
#
# **Predict** the share of dead ReLUs against the rate. The notes of a well-known course, Stanford's CS231n, speak of
# up to 40 % where the rate is too high: our bound for the highest. At the rate with the best image we expect 10 % at
# most. We also claim that the leak saves channels, and that ReLU denoises better than no activation.

# %% slideshow={"slide_type": "skip"}
train = brain_slices("train", 24, shape=(NY, NX))[:, None].to(DEVICE)
train_noise = NOISE_STD * random_complex(*train.shape, seed=1).to(DEVICE)
noisy_train = ifft2c(fft2c(train) + train_noise)
*pairs, inputs, truth = (torch.view_as_real(x[:, 0]).movedim(-1, 1) for x in (noisy_train, train, noisy, heads))
examples, answers = (F.unfold(x, 32, stride=32).mT.reshape(-1, 2, 32, 32) for x in pairs)  # 480 crops


def loss(network, step):  # of crops step, step + 120, ...: four slices
    return (examples[step::120] + network(examples[step::120]) - answers[step::120]).square().mean()


def trained(bend, rate, start):
    torch.manual_seed(start)
    first, second, third = (nn.Conv2d(n, m, 3, padding=1) for n, m in ((2, 16), (16, 16), (16, 2)))
    network = nn.Sequential(first, bend, second, bend, third).to(DEVICE)
    return train_with_rates(network, loss, [rate] * 120)[0]


def judged(network):  # -> channels of 32 that are never positive on the whole test set (%), signal / error (dB)
    silent = torch.cat([network[:k](inputs).amax(dim=(0, 2, 3)) <= 0 for k in (1, 3)])
    return torch.stack([100 * silent.float().mean(), -20 * error(inputs + network(inputs), truth).log10().mean()])


# %% slideshow={"slide_type": "fragment"}
rates = 0.001, 0.004, 0.016, 0.064
found = {
    (kind, rate): torch.stack([judged(trained(activations[kind], rate, start)) for start in range(3)])
    for kind in ("ReLU", "leaky")
    for rate in rates
}  # (starts, 2) each
for n, label in enumerate(("never positive (% of channels)", "signal / error (dB)")):
    curves = {kind: [found[kind, rate][:, n].mean() for rate in rates] for kind in ("ReLU", "leaky")}
    plot_lines(rates, curves, xlabel="learning rate", ylabel=label, log="x")
straight = torch.stack([judged(trained(nn.Identity(), 0.004, start)) for start in range(3)])
claim("Rate 0.064: dead ReLUs", found["ReLU", 0.064][:, 0], at_least=40, unit="%", samples="starts")
saved = (found["ReLU", 0.016] - found["leaky", 0.016])[:, 0]
claim("Rate 0.016: channels saved by the leak", saved, at_least=0, unit="%", samples="starts")
claim("Rate 0.004: ReLU over none", (found["ReLU", 0.004] - straight)[:, 1], at_least=0, unit="dB", samples="starts")

# %% [markdown]
# We were wrong in the middle: at the rate with the best image about a third of the ReLUs is dead, not a tenth. The
# others do the work, and the quality does not tell. Even at the lowest rate some are dead, partly since a random start
# can put a channel out of reach before the first step. At higher rates whole layers die, and most networks give back
# the noisy image.
#
# A leak keeps channels in play, but it is no licence for long steps: at the highest rate the leaky network makes the
# noisy image *worse*, while the dead one does no harm. Better remedies: lower rates ([[optimizers]]), a start of the
# right size, normalisation ([[batch_normalization]]).

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 8.3 · Go further: an activation for complex images  (★★☆, optional, about 10 min)
#
# ReLU on real and imaginary part does not let a global phase pass ([[convolution]]), and in MR that phase is arbitrary.
# The **modReLU** (Arjovsky 2016) bends the length alone: with a learned bias $b$,
# $f(z)=\max(|z|+b,\,0)\,\dfrac{z}{|z|}$ and $f(0)=0$.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_mod_relu(z, bias):
    """complex (...), real number -> complex (...)"""
    ### BEGIN SOLUTION
    return (z.abs() + bias).relu() * z.sgn()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A phase passes, zero stays zero, and you have met this function before, with $b<0$.

# %% tags=["check"] slideshow={"slide_type": "skip"}
z, turn = F.pad(random_complex(9, 7, seed=4), (1, 0)), torch.exp(torch.tensor(0.7j))  # with some zeros
for b in (-0.5, 0.5):
    mine = my_mod_relu(z, b)
    assert mine.isfinite().all(), f"{int((~mine.isfinite()).sum())} result is not finite: zero has no phase"
    assert (my_mod_relu(turn * z, b) - turn * mine).abs().max() < 1e-5, f"b = {b}: a global phase does not pass"
    assert (mine - soft_threshold(z, -b)).abs().max() < 1e-5, f"b = {b}: phases pass, lengths or signs are wrong"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why `sgn`?* It is $z/|z|$, and zero at zero. *Common mistake:* `torch.polar(length, z.angle())`, which makes $b$ of
# zero. With $b=-t$ this is the soft threshold.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - Max pooling keeps an edge and lifts noise by the factor claimed above; average pooling keeps the mean.
# - Pooling samples, so it aliases. Claimed above: what a blur before the stride left of the error after shifts.
# - Convolutions in a row are one convolution. One bend beat a linear filter that knew the power of the answer.
# - ReLU is flat below zero, its relatives less so. Long steps kill channels, and the loss does not tell.
#
# We trained on the mean squared error as if there were no other. What does it prefer? [[loss_functions]] asks.
#
# ## Further reading
#
# - Zhang, *ICML* 2019, doi:10.48550/arXiv.1904.11486. Pooling without aliasing, in large networks.
# - He, *ICCV* 2015, doi:10.48550/arXiv.1502.01852. PReLU, and how large a random start should be.
# - Hendrycks 2016, doi:10.48550/arXiv.1606.08415. GELU, and SiLU beside it.
# - Arjovsky, *ICML* 2016, doi:10.48550/arXiv.1511.06464. modReLU, in the network that needed it.
