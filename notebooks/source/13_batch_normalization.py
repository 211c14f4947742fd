# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 13 · Batch normalisation
#
# **You will be able to**
# - write batch normalisation, its running statistics and its gradient, and check all three;
# - judge by measurement whether "internal covariate shift" explains what it gains;
# - say what training and evaluation mode do to one image, and what that costs a reconstruction;
# - choose between batch, instance, group and no normalisation.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[backpropagation]], [[optimizers]] and [[regularization]] | about 25 s | heads; contrast, phase, noise simulated; trained networks |

# %% slideshow={"slide_type": "skip"}
import torch
from torch import nn
from torch.linalg import matrix_norm
from torch.nn.functional import batch_norm, group_norm, mse_loss, unfold

from mricourse import claim, device, ifft2c, random_complex, your_turn
from mricourse.networks import brightness, smooth_phase
from mricourse.plotting import plot_lines, show_images
from mricourse.simulate import brain_slices
from mricourse.training import load_checkpoint

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
NOISE_STD, RATES = 0.1, (0.1, 0.3, 1.0)  # noise of real and imaginary part, brightest pixel 1; learning rates

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Scales that drift through a deep stack
#
# [[regularization]] kept a network from learning by heart. It left open why a deep one learns at all. Every layer
# multiplies the scale of its input by some factor, thirty layers by its thirtieth power, and back-propagation
# ([[backpropagation]]) does the same to the gradient.
#
# We stack 30 dense layers of 64 units, ReLU between them, on patches of 8 x 8 complex pixels, and look at the numbers
# that leave each ReLU before any training. Weights of variance $v$ make of $n$ inputs $h$ a sum of variance
# $n\,v\,\overline{h^2}$, and a ReLU halves the mean square. torch draws weights with $v=1/(3n)$, He with $v=2/n$.
#
# **Predict** the factor of each layer for torch's start and for He's. What is left after 30 layers?


# %% slideshow={"slide_type": "skip"}
class Shaken(nn.BatchNorm1d):  # then each unit stretched and moved by new random numbers at every call
    def forward(self, x):
        stretch, move = 0.5 + torch.rand(x.shape[1]), 2 * torch.rand(x.shape[1]) - 1
        return super().forward(x) * stretch.to(DEVICE) + move.to(DEVICE)


KINDS = {"torch's start": nn.Identity, "He's start": nn.Identity, "batch norm": nn.BatchNorm1d, "shaken": Shaken}


def stack(kind, n_layers):
    """Dense layers of 64 units, each followed by KINDS[kind] and ReLU: (n, 128) -> (n, 128)"""
    torch.manual_seed(0)
    linears = [nn.Linear(64 if number else 128, 64, bias=False) for number in range(n_layers)]
    for linear in linears if kind != "torch's start" else []:
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")  # He's start
    layers = [nn.Sequential(linear, KINDS[kind](64), nn.ReLU()) for linear in linears]
    return nn.Sequential(*layers, nn.Linear(64, 128)).to(DEVICE)


# %% slideshow={"slide_type": "fragment"}
heads = brain_slices("train", 24, shape=(96, 96)).to(DEVICE)
heads = torch.view_as_real(heads).permute(0, 3, 1, 2)  # (slices, 2, y, x)
patches = unfold(heads, 8, stride=4).transpose(1, 2).flatten(0, 1)  # (patches, 128)
patches = patches[patches.abs().mean(dim=1) > 0.05]  # without air
scales = {}
for kind in ("torch's start", "He's start", "batch norm"):
    network = stack(kind, 30).requires_grad_(False)
    scales[kind] = torch.stack([network[:n](patches[:512]).square().mean().sqrt() for n in range(1, 31)])
claim("torch's start: factor a layer", scales["torch's start"].log().diff().mean().exp(), at_least=0.38, at_most=0.44)
plot_lines(range(1, 31), scales, xlabel="layer", ylabel="root mean square", log="y", title="before any training")

# %% [markdown]
# $\sqrt{1/6}\approx0.41$ for torch's, 1 for He's: a good start is the first remedy. But weights move, and with them the
# scales. The second remedy measures the scale in every layer and divides by it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Batch normalisation
#
# A **channel** has one number for each image of the batch and each pixel. **Batch normalisation** (a **norm**, for
# short) sets its mean to 0 and its variance to 1 over all of them. Two learned numbers for each channel, $\gamma$ and
# $\beta$, then choose another scale and offset:
#
# $$\hat x=\frac{x-\mu}{s},\qquad y=\gamma\,\hat x+\beta,\qquad \mu=\operatorname{mean}(x),\quad
# s=\sqrt{\operatorname{mean}(x-\mu)^2+\epsilon}$$
#
# $\epsilon=10^{-5}$ keeps us from dividing by zero. What is averaged over makes the kind of norm. **Instance
# normalisation** takes each image alone. **Group normalisation** does too, but several channels together.


# %% slideshow={"slide_type": "fragment"}
def normalise(x, axes, eps=1e-5):
    """Set mean 0 and variance 1 over these axes: any shape -> same shape"""
    return (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + eps).sqrt()


kernels = torch.randn(4, 2, 3, 3, dtype=torch.float64).to(DEVICE)
maps = torch.conv2d(heads.double(), kernels).abs()  # (slices, 4 channels, y, x)
batch, instance = normalise(maps, (0, 2, 3)), normalise(maps, (2, 3))
differences = batch - batch_norm(maps, None, None, training=True), instance - group_norm(maps, 4)  # 4 groups of one
claim("Batch and instance norm by hand minus torch", torch.stack(differences).abs().max(), at_most=1e-6)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Running statistics
#
# At the scanner one image comes alone; what becomes of it should not depend on who was scanned before. So a batch norm
# keeps **running statistics**, a mean and a variance $r$ that follow those of the training batches,
#
# $$r\leftarrow(1-m)\,r+m\,r_\mathrm{batch},\qquad m=0.1,$$
#
# and uses them in their place once the training is over. torch calls $m$ momentum, although it weighs the *new* value,
# not the old one as in [[optimizers]]. And it mixes two variances: the batch is divided by the one with $1/N$; what
# enters $r$ is the one with $1/(N-1)$.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 13.1 · both modes  (★★☆, about 15 min)
#
# Write the layer with $\gamma=1$, $\beta=0$. In **training mode** it uses the batch and moves the running statistics.
# In **evaluation mode** it uses them and moves nothing.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_batch_norm(x, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """(n, channels, y, x), (channels,), (channels,), bool -> x normalised, running mean, running variance"""
    ### BEGIN SOLUTION
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * x.var((0, 2, 3))
    return (x - mean[:, None, None]) / (var[:, None, None] + eps).sqrt(), running_mean, running_var
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Six numbers a channel, so that the two variances differ; two values of $m$, so that it counts.

# %% tags=["check"] slideshow={"slide_type": "skip"}
x, start = 3 + 2 * torch.randn(2, 5, 3, 1, dtype=torch.float64), torch.rand(2, 5, dtype=torch.float64) + 1
assert my_batch_norm(x, *start, True)[0].mean((0, 2, 3)).abs().max() < 1e-6, "training mode: channel means should be 0"
assert (my_batch_norm(x, *start, True)[0].var((0, 2, 3), correction=0) - 1).abs().max() < 1e-3, "variances (1/N) not 1"
for training, m in ((True, 0.1), (True, 0.3), (False, 0.1)):
    right = batch_norm(x, *(stats := start.clone()), training=training, momentum=m), *stats  # stats move in place
    for i, name in enumerate(("output", "running mean", "running var")):
        assert torch.allclose(my_batch_norm(x, *start.clone(), training, m)[i], right[i]), f"{training=}: {name} wrong"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why two variances?* $1/N$ gives the batch itself variance 1; $1/(N-1)$ is the better guess for images to come.
# *Common mistake:* one of them for both. With 100,000 pixels nobody notices; on small maps the modes disagree.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The gradient, through mean and variance
#
# Let $g=\partial L/\partial\hat x$ arrive from above. Were $\mu$ and $s$ constants, $g/s$ would go down. But each $x$
# moves them too:
#
# $$\mathrm d\hat x=\frac{\mathrm dx-\mathrm d\mu}{s}-\hat x\,\frac{\mathrm ds}{s},\qquad
# \mathrm d\mu=\operatorname{mean}(\mathrm dx),\qquad \mathrm ds=\operatorname{mean}(\hat x\,\mathrm dx).$$
#
# Put this into $\mathrm dL=\sum g\,\mathrm d\hat x$ and collect what stands before each $\mathrm dx$: three terms.
#
# **Predict.** A loss wants its features stronger, $g=-\hat x$. What does the input get to hear of it?

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 13.2 · Go further: the backward pass  (★★★, optional, about 20 min)
#
# Write the three terms. *Hint:* the last two remove from $g$ what points along a constant and along $\hat x$.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_batch_norm_backward(grad, x, eps=1e-5):
    """g and x (n, channels, y, x) -> dL / dx (n, channels, y, x)"""
    ### BEGIN SOLUTION
    s = (x.var((0, 2, 3), correction=0, keepdim=True) + eps).sqrt()
    x_hat = normalise(x, (0, 2, 3), eps)
    along = x_hat * (grad * x_hat).mean((0, 2, 3), keepdim=True)
    return (grad - grad.mean((0, 2, 3), keepdim=True) - along) / s
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Nothing along a constant, next to nothing along $\hat x$; then all of it, against torch.

# %% tags=["check"] slideshow={"slide_type": "skip"}
x = (2 + 3 * torch.randn(3, 4, 5, 2, dtype=torch.float64)).requires_grad_()
g, x_hat = torch.randn_like(x) + x.detach(), normalise(x, (0, 2, 3))
mine, wish = my_batch_norm_backward(g, x.detach()), my_batch_norm_backward(-x_hat.detach(), x.detach())
assert mine.sum((0, 2, 3)).abs().max() < 1e-6, "a constant added to a channel changes nothing: the gradient sums to 0"
assert wish.abs().max() < 1e-3, "a stretched channel has the same x_hat: the wish for stronger features should vanish"
claim("My backward minus torch's", (mine - torch.autograd.grad(x_hat, x, g)[0]).abs().max(), at_most=1e-6)

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why means and not sums?* Each $x$ has a share $1/N$ in $\mu$ and in $s$. *Common mistake:* to treat $\mu$ and $s$ as
# constants. The network still trains, but on something else than its loss.

# %% [markdown]
# Of the wish nothing arrives (up to $\epsilon$): twice the input has the same $\hat x$, so no scale can grant it. For
# the same reason the scale of the weights before a norm no longer matters.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does internal covariate shift explain it?
#
# When the early layers learn, the later ones get other inputs than before: **internal covariate shift**. Ioffe and
# Szegedy (2015) built the norm to stop it. Is that why it helps? Santurkar and others (2018) tried to break the
# explanation: behind each norm they shook the features at random. All the shift one could want, with norms.
#
# We train stacks of 12 layers to clean patches, by plain SGD ([[optimizers]]), at three learning rates. We measure the
# **shift**: how far the means of layer 7's inputs move in a step, in standard deviations. And smoothness: the gradient
# promises a decrease of rate times squared length; how much of it is **kept**? On a smooth slope nearly all. Printed
# are the errors at the three rates, then shift and kept share at rate 0.1.
#
# **Predict** the order of the four by shift, and by error. Ours, with Santurkar: batch norm best, shaken next.


# %% slideshow={"slide_type": "fragment"}
def follow(kind, rate):
    """Train for 200 steps: -> (3, steps), relative error, shift, kept share of the promised decrease"""
    network, generator, rows = stack(kind, 12), torch.Generator().manual_seed(1), []
    for _ in range(200):
        clean = patches[torch.randint(len(patches), (64,), generator=generator)]
        dirty = clean + NOISE_STD * torch.randn(clean.shape, generator=generator).to(DEVICE)
        inner, error = network[:6](dirty), mse_loss(network(dirty), clean) / patches.square().mean()
        slopes = torch.autograd.grad(error, [*network.parameters()])
        for weight, slope in zip(network.parameters(), slopes, strict=True):
            weight.data -= rate * slope
        promised = rate * sum(slope.square().sum() for slope in slopes)
        shift = (network[:6](dirty) - inner).mean(dim=0).norm() / inner.std(dim=0).norm()
        decrease = error - mse_loss(network(dirty), clean) / patches.square().mean()
        rows.append(torch.stack([error, shift, decrease / promised]).detach())
    return torch.stack(rows, dim=1)


# %% slideshow={"slide_type": "fragment"}
runs = {kind: torch.stack([follow(kind, rate) for rate in RATES])[..., -50:] for kind in KINDS}  # (rates, 3, steps)
left = {kind: run[:, 0].mean(dim=1).nan_to_num(torch.inf) for kind, run in runs.items()}
for kind, run in runs.items():
    shift_and_kept = run[0, 1:].median(1).values.cpu().numpy().round(3)
    print(f"{kind:14}error {left[kind].cpu().numpy().round(2)}; shift, kept", shift_and_kept)
claim("Error with batch norm over He's, best rates", left["batch norm"].min() / left["He's start"].min(), at_most=1)
claim("Shift at rate 0.1, shaken over batch norm", (runs["shaken"] / runs["batch norm"])[0, 1].median(), at_least=10)
kept_more = (runs["batch norm"] - runs["He's start"])[0, 2]
claim("Kept at 0.1, batch norm minus He", kept_more, at_least=0, samples="steps in a row")
plot_lines(RATES, left, xlabel="learning rate", ylabel="relative error after 200 steps", log="x")

# %% [markdown]
# Batch norm shifts far less than He's start and ends lower: had we compared these two only, we would believe the old
# explanation. But torch's start shifts least of all and learns the mean patch, no more: its gradient has faded. And the
# shaken stack, with the most shift, leaves torch's start far behind. The kept share alone explains no more: torch's
# start keeps most, shaken least. But batch norm keeps more than He's start, and stands rate 1, where that breaks down
# (no error is drawn).
#
# One expectation failed: shaken is not next to batch norm. He's start beats it; shaking costs. (One depth, one task,
# 200 steps.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two networks in one
#
# Now to reconstruction. MoDL's authors ([[modl]]) put a batch norm behind every convolution of their denoiser, the
# last one too, and train on one image at a time. We trained such denoisers, $x+N(x)$ with five convolutions of 24
# channels, on 4000 slices each. They differ in the norm alone. The noise (of each part) differs by slice, from 0.01 to
# 0.2, the brightest pixel being 1. Here is a head that none of them saw, and the batch norm in both modes.
#
# **Predict.** $N(x)$ should find the noise. How does its size follow the noise of the slice, in each mode? What if 24
# slices make the batch? (A mean over 24 slices scatters $\sqrt{24}$ times less; we claim half of the difference gone.)

# %% slideshow={"slide_type": "skip"}
torch.set_grad_enabled(False)
nets = {kind: load_checkpoint(f"norm_{kind}").network.body for kind in ("none", "batch", "instance", "group")}
nets[TRAIN := "batch, training mode"] = load_checkpoint("norm_batch").network.body.train()
nets = {kind: net.to(DEVICE) for kind, net in nets.items()}
scans = [load_checkpoint("norm_none").recipe.slices("test", 12)[number].to(DEVICE) for number in range(24)]
truth, noisy = torch.stack([scan.reference for scan in scans]), ifft2c(torch.cat([scan.kspace for scan in scans]))
turn = smooth_phase(noisy).conj() / brightness(noisy)  # what the networks see: smooth phase off, white at 1
truth, noisy = turn * truth, turn * noisy

# %% slideshow={"slide_type": "fragment"}
change = {kind: torch.cat([net(x) - x for x in noisy.split(1)]) for kind, net in nets.items()}  # N(x), batches of 1
size = {kind: matrix_norm(x) / 96 for kind, x in ({"noise": noisy - truth} | change).items()}  # (slices,)
noise, order = size["noise"], size["noise"].argsort()
claim("Training mode: spread of the size of N(x)", size[TRAIN].std() / size[TRAIN].mean(), at_most=0.01)
apart = [(x - change["batch"]).norm() / change["batch"].norm() for x in (change[TRAIN], nets[TRAIN](noisy) - noisy)]
claim("Modes apart by {:.0%} at batch 1, {:.0%} at batch 24: ratio".format(*apart), apart[0] / apart[1], at_least=2)
plot_lines(None, {k: x[order] for k, x in size.items()}, xlabel="slice, least noise first", ylabel="rms N(x)", log="y")
print("last group norm:", {name: x.cpu() for name, x in nets["group"].layers[-1].state_dict().items()})

# %% [markdown]
# Without a norm $N(x)$ is about as large as the noise. In training mode, and with instance norm, it has one size for
# all slices, whatever their noise: the last step divides by its own standard deviation. Evaluation mode uses fixed
# numbers instead. There a batch norm is a factor and an offset for each channel, no more, and $N(x)$ grows with the
# noise; but the weights were trained in the other mode. With 24 slices in the batch the modes come closer.
#
# Group norm should fix the size too; yet it follows the noise. The last line tells how it got around the norm. Both
# channels, real and imaginary part, share one mean and one variance. The network fills them with two opposite
# constants, which the offsets then cancel: that uses up the variance, and the rest may have any size.
#
# Validation and `mricourse evaluate` use evaluation mode. (In training mode the running statistics move even without
# gradients: who forgets `eval()` also spoils the network.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One image a batch
#
# A cat twice as bright is a cat. In reconstruction the data fixes the scale: twice the image has twice the noise. Three
# things must not matter: units ($2x$ for $x$), the other slices of the batch, and air. For the air we show the slice as
# the scanner sees it before it removes the oversampling along the readout: twice as wide, the same noise.
#
# **Predict** which of the three changes $N(x)$, for which norm.

# %% slideshow={"slide_type": "fragment"}
x, wide, table = noisy[4:5], noise[4] / 2**0.5 * random_complex(1, 96, 192).to(DEVICE), {}
wide[..., 48:144] = x
for kind, net in nets.items():
    seen = net(x) - x, net(2 * x) / 2 - x, net(noisy[4:12])[:1] - x, net(wide)[..., 48:144] - x
    own, *others = (part[..., 5:-5] for part in seen)  # without the rim, five convolutions deep
    table[kind] = [100 * float((other - own).norm() / own.norm()) for other in others]
    print("{:21} units {:5.1f} %   others {:5.1f} %   air {:5.1f} %".format(kind, *table[kind]))
claim("No norm: largest change of N(x)", max(table["none"]), at_most=0.1, unit="%")
claim("Training mode, twice the image", table[TRAIN][0], at_least=45, at_most=55, unit="%")

# %% [markdown]
# In training mode $N(2x)=N(x)$, half of what is needed (hence our bounds): $f(2x)\ne2f(x)$ for $f(x)=x+N(x)$. Instance
# and group norm do not mind the other slices, but the units and the air: the same brain is cleaned differently in a
# wider field of view. In evaluation mode batch norm minds only the units, through its offsets.
#
# The library's networks normalise *once*: they divide the image by its brightness, and multiply the result by it again.
# Nothing is lost on the way.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Four norms side by side
#
# **Predict** the order by quality. At which noise does a norm lose most? Our claim: none is best.

# %% slideshow={"slide_type": "fragment"}
gain = {kind: 20 * (noise * 96 / matrix_norm(noisy + change[kind] - truth)).log10() for kind in nets}  # (slices,) dB
for kind in ("batch", "instance", "group"):
    claim(f"No norm against {kind} norm", gain["none"] - gain[kind], at_least=0, unit="dB")
plot_lines(None, {kind: x[order] for kind, x in gain.items()}, xlabel="slice, least noise first", ylabel="gain (dB)")
panels = {"truth": truth, "noisy": noisy, **{kind: noisy + change[kind] for kind in ("none", "instance")}}
show_images({kind: x[order[3]] for kind, x in panels.items()}, reference=truth[order[3]], error_gain=10)

# %% [markdown]
# None, group, batch, instance. Little noise is the hard case: a change of fixed size adds to it. Evaluation mode saves
# the batch norm some of that.
#
# Is that a fault of norms, or of the last one? We also trained without a norm behind the last convolution, and with
# eight slices a batch (500 steps, as many slices in all).
#
# **Predict** how much comes back. (PSNR from each network's card, mean of 24 slices.)

# %%
for name in ("none", "batch", "batch_inner", "instance", "instance_inner", "group", "group_inner", "batch_8", "none_8"):
    print(f"norm_{name:15}{load_checkpoint(f'norm_{name}').card.metrics['psnr']:.1f} dB")

# %% [markdown]
# Most of it for instance norm, half for group norm; up to a decibel stays lost. Batch norm trained on single slices
# stays behind even so: its two modes differ in every layer. With eight slices a batch it is level with none, at 500
# steps. So the fault is not the batch norm but the batch of one. (One training each: gaps of tenths of a decibel mean
# nothing.)
#
# A trap on the way: our first instance norm was `torch.nn.InstanceNorm2d`, and its loss *rose*. In torch 2.13, on a
# CPU, for one image whose channels lie last in memory, its gradient is wrong; finite differences ([[backpropagation]])
# told. The library takes `GroupNorm` with one channel a group, the same function. Test gradients, also those of others.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - Forward, both modes, backward: yours agree with torch. The gradient forgets whatever a norm would undo.
# - Shift does not explain the gain: see the claims on shaken norms. Against He's start, batch norm keeps more of each
#   step and stands larger ones.
# - With one image a batch, training mode gives every change the same size, and depends on units, neighbours and air.
#   Evaluation mode is another network, apart by the percentage above.
# - At batch 1 the denoiser without a norm was best, by the decibels above. If training needs a norm: larger batches, or
#   none behind the last layer; and scale the image once, from outside.
#
# The norm was one part in a kit of many. [[lenet_and_its_heirs]] puts parts together: LeNet, residual blocks, U-Net.
#
# ## Further reading
#
# - Ioffe, *ICML* 2015, doi:10.48550/arXiv.1502.03167. Batch normalisation, and internal covariate shift.
# - Santurkar, *NeurIPS* 2018, doi:10.48550/arXiv.1805.11604. Shaken norms, and the smoother loss.
# - Wu, *ECCV* 2018, doi:10.48550/arXiv.1803.08494. Group normalisation, and what small batches do to batch norm.
# - Lim, *CVPR Workshops* 2017, doi:10.48550/arXiv.1707.02921. Super-resolution gets better without batch norm.
